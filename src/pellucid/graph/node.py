"""Nodes and graphs. A graph holds nodes in execution order; a node names its inputs by position.

In: nothing but types. Out: `Graph`, the one object that is printed, differentiated, stepped
through and compiled. A node's key (operation, input positions, attributes) is all that makes it
equal to another; its type follows from the key, and its source line stands outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pellucid.core import display, shapes
from pellucid.core.dtypes import DType
from pellucid.core.errors import GraphError
from pellucid.core.shapes import Shape
from pellucid.graph.printer import print_graph

INPUT = "input"  # a value the caller gives; attribute `name`
CONST = "const"  # an array kept beside the graph; attribute `name`
MAX_MESSAGE = 400  # nodes: of a longer graph `str` and `repr` leave out the middle

Attrs = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class TensorType:
    """What is known of a tensor before it is computed: its dtype and its shape."""

    dtype: DType
    shape: Shape = ()

    def __repr__(self) -> str:
        return f"{self.dtype.code}[{','.join(map(repr, self.shape))}]"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation on earlier nodes. `inputs` are positions in the graph that holds it."""

    op: str
    inputs: tuple[int, ...]
    attrs: Attrs
    type: TensorType
    line: str | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What the node computes. Attributes enter as text, so that 0.0 and -0.0 stay apart."""
        return (self.op, self.inputs, repr(self.attrs))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return self.key == other.key and self.type == other.type

    def __hash__(self) -> int:
        return hash(self.key)

    def attr(self, name: str) -> Any:
        return dict(self.attrs)[name]

    @property
    def is_input(self) -> bool:
        return self.op == INPUT

    @property
    def is_const(self) -> bool:
        return self.op == CONST


def attributes(values: Mapping[str, Any]) -> Attrs:
    """Attributes in their canonical order."""
    return tuple(sorted(values.items()))


@dataclass(frozen=True, slots=True)
class Constant:
    """An array beside the graph: any object with the buffer of `type`, and its SHA-256."""

    type: TensorType
    array: Any = field(compare=False, repr=False)
    sha256: str = ""

    @staticmethod
    def of(array: Any, type: TensorType) -> Constant:
        return Constant(type, array, hashlib.sha256(array.tobytes()).hexdigest())


@dataclass(frozen=True, slots=True, repr=False)
class Graph:
    """Nodes in execution order, inputs first; positions of the outputs; constants by name."""

    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    consts: Mapping[str, Constant] = field(default_factory=dict)

    def __str__(self) -> str:
        """The graph as text, one line a node; the middle of a long one is left out."""
        return print_graph(self, most=MAX_MESSAGE).rstrip("\n")

    __repr__ = __str__

    def _repr_svg_(self) -> str | None:
        """The graph in a notebook."""
        return display.svg(self)

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def input_names(self) -> tuple[str, ...]:
        return tuple(self.nodes[i].attr("name") for i in self.inputs)

    @property
    def input_types(self) -> tuple[TensorType, ...]:
        return tuple(self.nodes[i].type for i in self.inputs)

    @property
    def output_types(self) -> tuple[TensorType, ...]:
        return tuple(self.nodes[i].type for i in self.outputs)

    @property
    def has_batch(self) -> bool:
        """Whether the graph is written for any number of rows N."""
        return any(shapes.has_batch(node.type.shape) for node in self.nodes)

    def needed(self, outputs: Iterable[int] | None = None) -> list[bool]:
        """For each node, whether an output depends on it."""
        alive = [False] * len(self.nodes)
        for position in self.outputs if outputs is None else outputs:
            alive[position] = True
        for position in range(len(self.nodes) - 1, -1, -1):
            if alive[position]:
                for source in self.nodes[position].inputs:
                    alive[source] = True
        return alive

    def last_uses(self) -> list[int]:
        """For each node, the position of its last reader; outputs live to the end."""
        last = list(range(len(self.nodes)))
        for position, node in enumerate(self.nodes):
            for source in node.inputs:
                last[source] = position
        for position in self.outputs:
            last[position] = len(self.nodes)
        return last


def arranged(
    nodes: Sequence[Node],
    inputs: Sequence[int],
    outputs: Sequence[int],
    consts: Mapping[str, Constant],
    alive: Sequence[bool] | None = None,
) -> Graph:
    """The graph of these nodes in canonical order: inputs first, then the rest as recorded."""
    chosen = [i for i in range(len(nodes)) if alive is None or alive[i]]
    is_input = set(inputs)
    order = [*inputs, *(i for i in chosen if i not in is_input)]
    place = {old: new for new, old in enumerate(order)}
    moved = [
        Node(
            nodes[old].op,
            tuple(place[source] for source in nodes[old].inputs),
            nodes[old].attrs,
            nodes[old].type,
            nodes[old].line,
        )
        for old in order
    ]
    used = {node.attr("name") for node in moved if node.op == CONST}
    return Graph(
        tuple(moved),
        tuple(range(len(inputs))),
        tuple(place[i] for i in outputs),
        {name: const for name, const in consts.items() if name in used},
    )


def pruned(graph: Graph) -> Graph:
    """`graph` without nodes that no output needs; every input stays, in its order."""
    return arranged(graph.nodes, graph.inputs, graph.outputs, graph.consts, graph.needed())


def check_names(given: Sequence[str]) -> None:
    """Names of inputs and constants must differ, or the text form could not be read back."""
    if len(set(given)) != len(given):
        raise GraphError("graph", f"input names must differ, got {', '.join(given)}")
