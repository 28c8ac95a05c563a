"""What a node of a graph says in index notation.

In: a node and what stands for its operands. Out: the expression of one element of its result. A
row that is a formula in its indices (elementwise, Σ, product, slice, window, gather) is written as
one; any other stays a call on whole tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pellucid.core import shapes
from pellucid.graph.node import Node
from pellucid.ops.spec import Kind, lookup
from pellucid.viz.expression import (
    Expr,
    Index,
    Whole,
    add,
    at,
    element,
    function,
    iverson,
    mul,
    number,
    substitute,
    total,
)


@dataclass(frozen=True)
class Indexed:
    """What stands for a tensor: the expression of its element at `axes`."""

    axes: tuple[Index, ...]
    expr: Expr
    boolean: bool = False

    def place(self, places: Sequence[Expr]) -> Expr:
        return substitute(self.expr, dict(zip(self.axes, places, strict=True)))


def axes_of(node: Node) -> tuple[Index, ...]:
    """Fresh indices for the axes of a result."""
    return tuple(Index(dim) for dim in sizes(node))


def sizes(node: Node) -> tuple[int, ...]:
    return tuple(dim for dim in node.type.shape if isinstance(dim, int))


def named(
    name: str, axes: Sequence[Index], boolean: bool = False, of: int | None = None
) -> Indexed:
    """A tensor by its name. An axis of length 1 carries no index."""
    inside = [at(index) for index in axes if index.length != 1]
    return Indexed(tuple(axes), element(name, inside, of), boolean)


def only_moves_axes(node: Node, operand: Node) -> bool:
    """Whether the result is the operand, seen with other axes: not worth a line."""
    if node.op == "cast":
        return node.type.dtype.is_float and operand.type.dtype.is_float
    if node.op == "reshape":
        return [d for d in sizes(node) if d != 1] == [d for d in sizes(operand) if d != 1]
    return node.op in ("broadcast_to", "permute_dims")


def read(node: Node, operands: Sequence[Indexed]) -> Indexed:
    """One element of the result of `node`, at fresh indices.

    Where an axis of an operand is walked by an axis of the result alone, the two are joined.
    """
    axes = axes_of(node)
    row = lookup(node.op)
    reader = _READERS.get(node.op) or _BY_KIND.get(row.kind, _whole)
    if row.user and row.kind is not Kind.ELEMENTWISE:
        reader = _whole
    return Indexed(axes, reader(node, operands, axes), node.type.dtype.kind == "b")


def unify(operand: Indexed, places: Sequence[Expr]) -> Expr:
    """An operand at `places`; an axis walked by one index is joined to it."""
    for axis, place in zip(operand.axes, places, strict=True):
        if place.head == "index" and axis.length == place.data.length != 1:
            place.data.join(axis)
    return operand.place(places)


def _aligned(operand: Indexed, axes: Sequence[Index]) -> Expr:
    """An operand that broadcasts against a result with `axes`."""
    behind = axes[len(axes) - len(operand.axes) :]
    return unify(operand, [at(axis) for axis in behind])


def _elementwise(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    return function(node.op, *(_aligned(operand, axes) for operand in operands))


def _cast(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    inner = _aligned(operands[0], axes)
    if operands[0].boolean:
        return iverson(inner)
    return inner if node.type.dtype.is_float else _whole(node, operands, axes)


def _broadcast(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    return _aligned(operands[0], axes)


def _reduce(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    given, x = node.attr("axis"), operands[0]
    reduced = (given,) if isinstance(given, int) else given
    kept = iter(axes)
    places, running = [], []
    for n, own in enumerate(x.axes):
        if n in reduced:
            running.append(Index(own.length))
            places.append(at(running[-1]))
            if node.attr("keepdims"):
                next(kept)
        else:
            places.append(at(next(kept)))
    body = unify(x, places)
    used = [index for index in running if index.length != 1]
    if node.op == "argmax" and not used:
        return number(0)
    return total(node.op, used, body)


def _contract(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    x, y = operands
    left: list[Expr | None] = [None] * len(x.axes)
    right: list[Expr | None] = [None] * len(y.axes)
    result = iter(axes)
    for i, j in node.attr("batch"):
        left[i] = right[j] = at(next(result))
    running = []
    for i, j in node.attr("summed"):
        running.append(Index(x.axes[i].length))
        left[i] = right[j] = at(running[-1])
    first = [place or at(next(result)) for place in left]
    second = [place or at(next(result)) for place in right]
    product = mul(unify(x, first), unify(y, second))
    return total("sum", [index for index in running if index.length != 1], product)


def _permute(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    order = node.attr("axes")
    return unify(operands[0], [at(axes[order.index(n)]) for n in range(len(axes))])


def _reshape(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    """Axes that stay, or are split: `x[4·i + j]`. Axes that are merged leave a call."""
    result = [axis for axis in axes if axis.length != 1]
    places: list[Expr] = []
    for own in operands[0].axes:
        rest, mine = own.length, []
        while rest > 1 and result and rest % result[0].length == 0:
            mine.append(result.pop(0))
            rest //= mine[-1].length
        if rest != 1:
            return _whole(node, operands, axes)
        places.append(_flat(mine) if mine else number(0))
    return _whole(node, operands, axes) if result else unify(operands[0], places)


def _flat(axes: Sequence[Index]) -> Expr:
    """The place in row-major order of axes that were one."""
    steps = [shapes.count(axis.length for axis in axes[n + 1 :]) for n in range(len(axes))]
    return add(*(mul(number(s), at(axis)) for s, axis in zip(steps, axes, strict=True)))


def _slice(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    start, step = node.attr("start"), node.attr("step")
    places = [
        _along(axis, step[n], start[n]) if operands[0].axes[n].length != 1 else number(0)
        for n, axis in enumerate(axes)
    ]
    return unify(operands[0], places)


def _along(axis: Index, step: int, start: int) -> Expr:
    if axis.length == 1:
        return number(start)
    return add(number(start), mul(number(step), at(axis)))


def _flip(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    turned = node.attr("axis")
    places = [
        _along(axis, -1, axis.length - 1) if n in turned else at(axis)
        for n, axis in enumerate(axes)
    ]
    return unify(operands[0], places)


def _windows(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    rank = len(operands[0].axes)
    places = [at(axis) for axis in axes[:rank]]
    rows = zip(node.attr("axes"), node.attr("stride"), node.attr("dilation"), strict=True)
    for n, (axis, stride, dilation) in enumerate(rows):
        inside = _along(axes[rank + n], dilation, 0)
        places[axis] = add(_along(axes[axis], stride, 0), inside)
    return unify(operands[0], places)


def _gather(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    x, indices = operands
    axis, count = node.attr("axis"), len(indices.axes)
    chosen = unify(indices, [at(i) for i in axes[axis : axis + count]])
    before, behind = axes[:axis], axes[axis + count :]
    return unify(x, [*map(at, before), chosen, *map(at, behind)])


def _one_hot(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    indices = unify(operands[0], [at(axis) for axis in axes[:-1]])
    place = at(axes[-1]) if axes[-1].length != 1 else number(0)
    return iverson(function("equal", indices, place))


def _full(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    return number(node.attr("value"))


def _iota(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    axis = axes[node.attr("axis")]
    return at(axis) if axis.length != 1 else number(0)


def _size(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    return number(operands[0].axes[node.attr("axis")].length)


def _whole(node: Node, operands: Sequence[Indexed], axes: Sequence[Index]) -> Expr:
    """A call on whole tensors, of which one element is taken."""
    copies = [tuple(Index(i.length, i.root) for i in operand.axes) for operand in operands]
    parts = [x.place([at(i) for i in copy]) for x, copy in zip(operands, copies, strict=True)]
    places = [at(axis) for axis in axes if axis.length != 1]
    return Expr("call", (*parts, *places), Whole(node.op, node.attrs, tuple(copies)))


Reader = Callable[[Node, Sequence[Indexed], Sequence[Index]], Expr]
_BY_KIND: dict[Kind, Reader] = {
    Kind.ELEMENTWISE: _elementwise,
    Kind.COMPARE: _elementwise,
    Kind.REDUCE: _reduce,
    Kind.CONTRACT: _contract,
}
_READERS: dict[str, Reader] = {
    "cast": _cast,
    "broadcast_to": _broadcast,
    "permute_dims": _permute,
    "reshape": _reshape,
    "slice": _slice,
    "flip": _flip,
    "windows": _windows,
    "gather": _gather,
    "one_hot": _one_hot,
    "full": _full,
    "iota": _iota,
    "size": _size,
}
