"""Several nodes as one: a line of the source as a single operation with its own local gradient.

p = 1/(1 + e^-z) is four scalar nodes, or one node σ with the local gradient p(1 - p). Both ways the
same gradient arrives at z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.autodiff import reverse
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import Graph
from pellucid.inspector.facts import source_line
from pellucid.inspector.moment import Moment
from pellucid.ops.spec import lookup
from pellucid.ops.value import Builder, records
from pellucid.runtime import interpreter

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Group:
    """Nodes that are looked at as one.

    Attributes:
        nodes: their positions, in order; the last is the result.
        inputs: what they read from outside.
        line, text: the line of the source that they come from.
    """

    nodes: tuple[int, ...]
    inputs: tuple[int, ...]
    line: str
    text: str

    @property
    def end(self) -> int:
        return self.nodes[-1]


def by_line(moment: Moment) -> list[Group]:
    """The lines of the source that stand for several nodes and give one result."""
    lines: dict[str, list[int]] = {}
    for n in range(moment.own):
        node = moment.graph.nodes[n]
        if moment.roles[n].phase == "forward" and node.inputs and node.line:
            lines.setdefault(node.line, []).append(n)
    found = []
    for nodes in lines.values():
        inside = set(nodes)
        left = [n for n in nodes if n in moment.graph.outputs or _outside(moment, n, inside)]
        steps = [n for n in nodes if n in moment.forward]
        if len(steps) > 1 and left == nodes[-1:]:
            found.append(group(moment, nodes))
    return found


def _is_number(moment: Moment, n: int) -> bool:
    node = moment.graph.nodes[n]
    return not node.inputs and not node.is_input and not node.is_const


def _outside(moment: Moment, n: int, inside: set[int]) -> bool:
    forward = (r for r in moment.readers[n] if moment.roles[r].phase == "forward")
    return any(r not in inside and r < moment.own for r in forward)


def group(moment: Moment, nodes: Sequence[int]) -> Group:
    """These nodes as one.

    Raises:
        ArgumentError: where there are none.
    """
    if not nodes:
        raise ArgumentError("inspect", "a group needs a node, got none")
    made = {i for n in nodes for i in moment.graph.nodes[n].inputs if _is_number(moment, i)}
    chosen = sorted({*nodes, *made})
    inside = set(chosen)
    read = [i for n in chosen for i in moment.graph.nodes[n].inputs if i not in inside]
    line, text = source_line(moment, chosen[-1])
    return Group(tuple(chosen), tuple(dict.fromkeys(read)), line, text)


def local_gradients(moment: Moment, one: Group) -> dict[int, Array]:
    """For each input that moves: the local gradient of the group, ∂(Σ result)/∂input.

    Where every element of the result comes from one element of the input, that is the local
    gradient element by element.
    """
    return _back(moment, one, np.ones_like(moment.values[one.end]))


def handed(moment: Moment, one: Group) -> dict[int, Array]:
    """For each input that moves: what the group adds to its gradient.

    Raises:
        ArgumentError: where the group's result has no gradient.
    """
    if one.end not in moment.places:
        raise ArgumentError("inspect", f"{moment.names[one.end]} has no gradient to hand on")
    return _back(moment, one, moment.gradients[one.end])


def _back(moment: Moment, one: Group, ct: Array) -> dict[int, Array]:
    small = _alone(moment, one)
    moving = [k for k, n in enumerate(one.inputs) if n in moment.places]
    if not moving:
        return {}
    whole = reverse.vjp(small, moving)
    operands = [*(moment.values[n] for n in one.inputs), ct]
    _, *gradients = interpreter.run(whole, operands)
    return {one.inputs[k]: np.asarray(g) for k, g in zip(moving, gradients, strict=True)}


@records
def _alone(moment: Moment, one: Group) -> Graph:
    """The group as a graph of its own."""
    builder = Builder()
    place: dict[int, Any] = {}
    with builder:
        for k, n in enumerate(one.inputs):
            place[n] = builder.input(f"x{k}", moment.graph.nodes[n].type)
        for n in one.nodes:
            node = moment.graph.nodes[n]
            place[n] = builder.apply(
                lookup(node.op), [place[i] for i in node.inputs], dict(node.attrs)
            )
        return builder.graph([place[one.end]])
