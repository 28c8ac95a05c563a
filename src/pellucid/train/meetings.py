"""Where the rows of a batch meet. In: a graph with N. Out: what each node is to these rows.

N stands once in a shape, so the type of a node says whether it has a part for each row. Rows are
computed by themselves up to the nodes where N is summed, and from those on again. A worker that has
some of the rows computes such a part alone; what meets, it must hear from the others.

Rows that an axis c·N holds are c neighbours each, in the order of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pellucid.core.errors import ArgumentError
from pellucid.core.shapes import Batch, Shape, has_batch, size
from pellucid.graph.node import CONST, INPUT, Graph, Node, TensorType
from pellucid.ops.spec import MADE, REGISTRY, Kind
from pellucid.train.reach import Reach, reaches

JOINT, ROWS, SUM, EXTREME, COUNT = "joint", "rows", "sum", "extreme", "count"


@dataclass(frozen=True)
class Place:
    """What a node is to the rows of a batch.

    Args:
        kind: `joint`, the same for all rows; `rows`, a part for each row, which no other row
            enters; and joint as well, made of all rows: `sum`, a sum over them; `extreme`, their
            largest or smallest; `count`, how many they are, which is known before they are.
        level: how many meetings lie before it, on the longest way.
        numbered: whether it is made of a row's number in the batch, as random draws are, or picks
            by such numbers.
    """

    kind: str
    level: int
    numbered: bool = False

    @property
    def meets(self) -> bool:
        """Whether what is computed of rows meets here."""
        return self.kind in (SUM, EXTREME)


def places(graph: Graph) -> list[Place]:
    """What each node of `graph` is to the rows of a batch, in its order.

    Raises:
        ArgumentError: for a node that mixes rows in another way, with its line.
    """
    found: list[Place] = []
    known: list[Reach] | None = None
    for node in graph.nodes:
        inputs = [graph.nodes[i] for i in node.inputs]
        if known is None and picks_rows(node, inputs):
            known = reaches(graph)
        own = known[node.inputs[1]] if known is not None and picks_rows(node, inputs) else None
        level = max((found[i].level + found[i].meets for i in node.inputs), default=0)
        kind = _kind(node, inputs, own)
        found.append(Place(kind, level, kind == ROWS and (own is not None or _numbered(node))))
    return found


def axis_of(type: TensorType) -> int | None:
    """The axis that holds the rows, or None."""
    return next((i for i, dim in enumerate(type.shape) if isinstance(dim, Batch)), None)


def picks_rows(node: Node, inputs: Sequence[Node]) -> bool:
    """Whether a `gather` or `scatter_add` goes along the axis that holds the rows."""
    along = node.op in ("gather", "scatter_add")
    return along and axis_of(inputs[0].type) == node.attr("axis")


def _kind(node: Node, inputs: Sequence[Node], picked: Reach | None) -> str:
    """What a node is to the rows.

    Args:
        picked: where it picks along the axis of the rows, the bounds of the places.
    """
    own = has_batch(node.type.shape)
    if node.op in (INPUT, CONST) or not any(has_batch(one.type.shape) for one in inputs):
        return ROWS if own else JOINT
    row, types = REGISTRY.get(node.op) or MADE.get(node.op), [one.type for one in inputs]
    if picked is not None:
        length = types[0].shape[node.attr("axis")]
        assert isinstance(length, Batch)
        if own and picked.within(length.scale):
            return ROWS
        raise ArgumentError(
            "fit",
            "chunks needs a model in which the rows of a batch meet in sums alone, and "
            f"{node.op} of {', '.join(map(repr, types))} picks from the rows of a whole batch, by "
            "numbers of which it cannot be seen that each row stays with itself",
            "Train without chunks, or pick along another axis: np.take_along_axis(x, i, axis=1).",
            line=node.line,
        )
    if row is not None and not row.user:
        if own and _apart(node, row.kind, types):
            return ROWS
        if not own and node.op in _MEETINGS:
            return _MEETINGS[node.op]
        if node.op == "size":
            return COUNT if isinstance(types[0].shape[node.attr("axis")], Batch) else JOINT
    raise ArgumentError(
        "fit",
        f"chunks needs a model in which the rows of a batch meet in sums alone, and {node.op} of "
        f"{', '.join(map(repr, types))} brings them together in another way",
        "Train without chunks, or compute this of each row by itself.",
        line=node.line,
    )


# A scatter_add that has no N in its result has it in the indices; `gather` picks rows there.
_MEETINGS = {"sum": SUM, "contract": SUM, "scatter_add": SUM, "max": EXTREME, "min": EXTREME}


def _apart(node: Node, kind: Kind, types: Sequence[TensorType]) -> bool:
    """Whether a node with N in its result, and in an input, leaves each row by itself."""
    if kind in (Kind.ELEMENTWISE, Kind.COMPARE, Kind.CONTRACT, Kind.REDUCE):
        return True
    rule = _RULES.get(node.op)
    return rule is not None and rule(node, types)


def _reshape(node: Node, types: Sequence[TensorType]) -> bool:
    """What stands before the rows' axis is as long as before."""
    return _before(types[0].shape) == _before(node.type.shape)


def _before(shape: Shape) -> object:
    return size(shape[: next(i for i, dim in enumerate(shape) if isinstance(dim, Batch))])


def _others(name: str) -> Callable[[Node, Sequence[TensorType]], bool]:
    """What works along the axes in an attribute: none of them may be the rows'."""

    def rule(node: Node, types: Sequence[TensorType]) -> bool:
        given = node.attr(name)
        axes = given if isinstance(given, tuple) else (given,)
        return all(axis_of(type) not in axes for type in types)

    return rule


def _whole(node: Node, types: Sequence[TensorType]) -> bool:
    """The row's own type rule takes no axis with N apart, or `picks_rows` has told so."""
    return True


_RULES: dict[str, Callable[[Node, Sequence[TensorType]], bool]] = {
    "reshape": _reshape,
    **dict.fromkeys(("broadcast_to", "permute_dims", "slice", "pad", "windows", "fold"), _whole),
    "flip": _others("axis"),
    "concat": _others("axis"),
    "argsort": lambda node, types: axis_of(types[0]) != len(types[0].shape) - 1,
    **dict.fromkeys(("gather", "scatter_add"), _whole),
    "one_hot": lambda node, types: not isinstance(node.attr("depth"), Batch),
}


def _numbered(node: Node) -> bool:
    if node.op == "iota":
        return bool(axis_of(node.type) == node.attr("axis"))
    if node.op == "one_hot":
        return isinstance(node.attr("depth"), Batch)
    row = REGISTRY.get(node.op)
    return row is not None and row.kind is Kind.RANDOM
