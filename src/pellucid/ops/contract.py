"""The one row for products that are summed: matmul, tensordot and outer are composites of it."""

from __future__ import annotations

from typing import Any

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.graph.node import TensorType
from pellucid.ops.blocks import along, in_blocks
from pellucid.ops.spec import NUMBERS, Bilinear, Kind, Op, check_dtype, register, same_dtype
from pellucid.ops.value import Value, apply

Pairs = tuple[tuple[int, int], ...]


def free_axes(rank: int, used: list[int]) -> list[int]:
    return [i for i in range(rank) if i not in used]


def _contract_type(
    x: TensorType, y: TensorType, batch: Pairs, summed: Pairs, block: int | None = None
) -> TensorType:
    if block is not None and not summed:
        raise ArgumentError("contract", "block needs axes that are summed, got none")
    dtype = same_dtype("contract", ("x", "y"), (x, y))
    check_dtype("contract", "x", x, NUMBERS)
    for side, type in enumerate((x, y)):
        used = [pair[side] for pair in (*batch, *summed)]
        if len(set(used)) != len(used) or any(not 0 <= i < len(type.shape) for i in used):
            raise ArgumentError(
                "contract", f"batch {batch} and summed {summed} must fit the axes of {type!r}"
            )
    for i, j in (*batch, *summed):
        if x.shape[i] != y.shape[j]:
            raise ShapeError(
                "contract",
                f"axis {i} of x and axis {j} of y must be equal, got {shapes.text(x.shape)} "
                f"and {shapes.text(y.shape)}",
                "The columns of the left operand must be as many as the rows of the right one.",
            )
    shared = [x.shape[i] for i, _ in batch]
    left = [x.shape[i] for i in free_axes(len(x.shape), [i for i, _ in (*batch, *summed)])]
    right = [y.shape[j] for j in free_axes(len(y.shape), [j for _, j in (*batch, *summed)])]
    return TensorType(dtype, shapes.check("contract", (*shared, *left, *right)))


def _transpose(ct: Value, x: Value, y: Value, batch: Pairs, summed: Pairs, side: int) -> Value:
    """The cotangent of x (side 0) or of y (side 1): contract ct with the other, axes put back."""
    one, other = (x, y) if side == 0 else (y, x)
    ours = [pair[side] for pair in (*batch, *summed)]
    theirs = [pair[1 - side] for pair in (*batch, *summed)]
    our_free = free_axes(len(one.type.shape), ours)
    their_free = free_axes(len(other.type.shape), theirs)
    first = len(batch) if side == 1 else len(batch) + len(our_free)
    ct_free = [first + i for i in range(len(their_free))]
    new_batch = tuple((n, pair[1 - side]) for n, pair in enumerate(batch))
    new_summed = tuple(zip(ct_free, their_free, strict=True))
    # What is left of the other operand are its summed axes, in its order: our summed axes.
    by_theirs = sorted((pair[1 - side], pair[side]) for pair in summed)
    our_summed = [ours_axis for _, ours_axis in by_theirs]
    our_batch = [pair[side] for pair in batch]
    # ct goes first for x and last for y: then ct·Wᵀ and xᵀ·ct come out with their axes in order.
    if side == 0:
        result = apply("contract", ct, other, batch=new_batch, summed=new_summed)
        order = our_batch + our_free + our_summed
    else:
        swapped_batch = tuple((b, a) for a, b in new_batch)
        swapped_summed = tuple((b, a) for a, b in new_summed)
        result = apply("contract", other, ct, batch=swapped_batch, summed=swapped_summed)
        order = our_batch + our_summed + our_free
    if order == list(range(len(order))):
        return result
    back = tuple(order.index(i) for i in range(len(order)))
    permuted: Value = apply("permute_dims", result, axes=back)
    return permuted


def _left(
    ct: Value, x: Value, y: Value, batch: Pairs, summed: Pairs, block: int | None = None
) -> Value:
    return _transpose(ct, x, y, batch, summed, 0)


def _right(
    ct: Value, x: Value, y: Value, batch: Pairs, summed: Pairs, block: int | None = None
) -> Value:
    return _transpose(ct, x, y, batch, summed, 1)


def _forward(xp: Any, x: Any, y: Any, batch: Pairs, summed: Pairs, block: int | None = None) -> Any:
    if block is None:
        return xp.contract(x, y, batch, summed)
    i, j = summed[0]

    def part(begin: int, end: int) -> Any:
        sides = along(xp, x, i, begin, end), along(xp, y, j, begin, end)
        return xp.contract(*sides, batch, summed)

    # No sum is -0.0: past the zeros of x a product may end in it, where the whole one does not.
    total = in_blocks(xp, x.shape[i], block, part)
    return xp.add(total, total.dtype.type(0))


contract = register(
    Op(
        "contract",
        Kind.CONTRACT,
        ("x", "y"),
        ("batch", "summed"),
        _contract_type,
        _forward,
        derivative=Bilinear(_left, _right),
        samples=((-3, 3), (-3, 3)),
        accepts=NUMBERS,
        formula=r"\sum_k x_{\dots k} y_{k \dots}",
        doc="Products of x and y summed over paired axes; the result has the axes of `batch`, "
        "then what is left of x, then what is left of y.",
        optional=("block",),
    )
)
