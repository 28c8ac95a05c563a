"""The derivative of the objective by one element of one node, by differences: a second opinion.

The nodes behind the chosen one are computed again in float64, with the element moved a little to
both sides; everything that does not depend on it keeps the value it has in the step, so that random
draws are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.dtypes import DType, float64
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import CONST, INPUT, Graph, Node, TensorType
from pellucid.inspector.facts import element
from pellucid.inspector.moment import Moment
from pellucid.transform.differences import directional

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Difference:
    """∂end/∂node[at] by differences.

    Attributes:
        value: the estimate.
        doubt: how far it may be off, by the same estimate with half the step.
        engine: what the engine says.
    """

    at: tuple[int, ...]
    value: float
    doubt: float
    engine: float


def difference(moment: Moment, n: int, at: Sequence[int] = ()) -> Difference:
    """The derivative of the objective by an element of node n, from values alone.

    Raises:
        ArgumentError: where the node has no gradient, or the element is outside.
    """
    if n not in moment.places or moment.ends.objective is None:
        raise ArgumentError("inspect", f"{moment.names[n]} has no gradient to compare with")
    place = element(moment, n, at)
    engine = float(moment.gradients[n][place])
    graph, inputs = _behind(moment, n, moment.ends.objective)
    direction = np.zeros(moment.values[n].shape)
    direction[place] = 1
    (slope,) = directional(graph, inputs, {0: direction})
    return Difference(place, float(slope.value), float(slope.doubt), engine)


def _behind(moment: Moment, n: int, end: int) -> tuple[Graph, list[Array]]:
    """end as a function of node n and of values that do not move with it, in float64."""
    if n == end:
        nodes: tuple[Node, ...] = (_input("x0", moment.graph.nodes[n]),)
        return Graph(nodes, (0,), (0,), {}), [moment.values[n].astype(np.float64)]
    needed = moment.graph.needed([end])
    moves = [False] * len(moment.graph)
    moves[n] = True
    for k, node in enumerate(moment.graph.nodes):
        moves[k] = moves[k] or (needed[k] and any(moves[i] for i in node.inputs))
    computed = [k for k in range(n + 1, end + 1) if moves[k]]
    outer = [i for k in computed for i in moment.graph.nodes[k].inputs if not moves[i]]
    given = list(dict.fromkeys([n, *outer]))
    place = {k: number for number, k in enumerate([*given, *computed])}
    made = [_input(f"x{place[k]}", moment.graph.nodes[k]) for k in given]
    made += [_wide(moment.graph.nodes[k], place) for k in computed]
    values = [moment.values[k] for k in given]
    wide = [v.astype(np.float64) if v.dtype.kind == "f" else v for v in values]
    return Graph(tuple(made), tuple(range(len(given))), (len(made) - 1,), {}), wide


def _input(name: str, node: Node) -> Node:
    return Node(INPUT, (), (("name", name),), _wide_type(node.type))


def _wide(node: Node, place: dict[int, int]) -> Node:
    assert node.op not in (INPUT, CONST)
    attrs = tuple(
        (key, float64 if isinstance(value, DType) and value.is_float else value)
        for key, value in node.attrs
    )
    sources = tuple(place[i] for i in node.inputs)
    return Node(node.op, sources, attrs, _wide_type(node.type), node.line)


def _wide_type(type: TensorType) -> TensorType:
    return TensorType(float64, type.shape) if type.dtype.is_float else type
