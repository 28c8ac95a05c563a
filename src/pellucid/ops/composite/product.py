"""Composites of `contract`: matrix products of every spelling; diagonals and triangles."""

from __future__ import annotations

import builtins
from typing import Any

from pellucid.core import dtypes, shapes
from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.ops.composite.base import as_list, asvalue, known_length, together
from pellucid.ops.composite.create import eye
from pellucid.ops.composite.elementwise import where
from pellucid.ops.composite.movement import (
    broadcast_to,
    getitem,
    moveaxis,
    padded,
    part_of,
    reshape,
    squeeze,
    stack,
)
from pellucid.ops.composite.reduce import sum
from pellucid.ops.value import Value, apply, cast
from pellucid.ops.value import zeros_like as _zeros


def contract(x: Any, y: Any, batch: Any = (), summed: Any = ()) -> Value:
    """Σ of products over pairs of axes `summed`, in step over pairs `batch`.

    The result has the batch axes, then what is left of x, then what is left of y.
    """
    left, right = together("contract", x, y)
    if left.type.dtype.kind == "b":
        left, right = cast(left, dtypes.int64), cast(right, dtypes.int64)
    ranks = (len(left.type.shape), len(right.type.shape))

    def pairs(name: str, several: Any) -> tuple[tuple[int, ...], ...]:
        found = [as_list(pair) for pair in as_list(several)]
        if any(len(pair) != 2 for pair in found):
            raise ArgumentError("contract", f"{name} must be pairs of axes, got {several!r}")
        return tuple(
            tuple(shapes.axis_index("contract", *item) for item in zip(pair, ranks, strict=True))
            for pair in found
        )

    result: Value = apply(
        "contract", left, right, batch=pairs("batch", batch), summed=pairs("summed", summed)
    )
    return result


def matmul(x: Any, y: Any) -> Value:
    """The matrix product, NumPy's rules: leading axes broadcast, a vector is a row or a column."""
    left, right = together("matmul", x, y)
    a, b = left.type.shape, right.type.shape
    if not a or not b:
        raise ShapeError(
            "matmul",
            f"operands need an axis, got {shapes.text(a)} and {shapes.text(b)}",
            "Use * for a product with a number.",
        )
    inner = -1 if len(b) == 1 else -2
    if a[-1] != b[inner]:
        raise ShapeError(
            "matmul",
            f"x must have as many columns as y has rows, got {shapes.text(a)} and {shapes.text(b)}",
            "Check the order of the operands, or transpose one.",
        )
    if len(b) <= 2:
        return contract(left, right, summed=[(-1, inner)])
    lead = shapes.broadcast("matmul", a[:-2], b[:-2])
    if len(a) == 1:
        return contract(right, left, summed=[(-2, 0)])
    n = len(lead)
    left = broadcast_to(left, (*lead, *a[-2:]))
    right = broadcast_to(right, (*lead, *b[-2:]))
    return contract(left, right, [(i, i) for i in range(n)], [(-1, -2)])


def tensordot(x: Any, y: Any, axes: Any = 2) -> Value:
    """Σ over the last `axes` of x and the first of y, or over two lists of axes."""
    left, right = together("tensordot", x, y)
    if not isinstance(axes, (tuple, list)):
        rank = len(left.type.shape)
        n = integer("tensordot", "axes", axes, 0, builtins.min(rank, len(right.type.shape)))
        pairs = [(rank - n + i, i) for i in range(n)]
    else:
        lists = [as_list(item) for item in axes]
        if len(lists) != 2 or len(lists[0]) != len(lists[1]):
            raise ArgumentError("tensordot", f"axes must pair up, got {axes}")
        pairs = list(zip(*lists, strict=True))
    return contract(left, right, summed=pairs)


def dot(x: Any, y: Any) -> Value:
    """Σ over the last axis of x and the last but one of y; a number scales."""
    left, right = together("dot", x, y)
    if not left.type.shape or not right.type.shape:
        return left * right
    place = builtins.max(len(right.type.shape) - 2, 0)
    return contract(left, right, summed=[(-1, place)])


def inner(x: Any, y: Any) -> Value:
    """Σ over the last axes of both; a number scales."""
    left, right = together("inner", x, y)
    if not left.type.shape or not right.type.shape:
        return left * right
    return contract(left, right, summed=[(-1, -1)])


def vecdot(x: Any, y: Any, axis: int = -1) -> Value:
    """Σ x·y along `axis`, in step over the others."""
    left, right = together("vecdot", x, y)
    along = [
        value.type.shape[shapes.axis_index("vecdot", axis, len(value.type.shape))]
        for value in (left, right)
    ]
    if along[0] != along[1]:
        raise ShapeError(
            "vecdot",
            f"both operands must be equally long along axis {axis}, got "
            f"{shapes.text(left.type.shape)} and {shapes.text(right.type.shape)}",
        )
    product = left * right
    return cast(sum(product, axis), product.type.dtype)


def outer(x: Any, y: Any) -> Value:
    """All products of the elements of two flattened tensors."""
    left, right = together("outer", x, y)
    return contract(reshape(left, (-1,)), reshape(right, (-1,)))


def cross(x: Any, y: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1) -> Value:
    """The vector product of vectors of three along `axisa` and `axisb`, put along `axisc`."""
    left, right = together("cross", x, y)
    sides = []
    for name, value, axis in (("x", left, axisa), ("y", right, axisb)):
        place = shapes.axis_index("cross", axis, len(value.type.shape))
        if value.type.shape[place] != 3:
            raise ShapeError(
                "cross",
                f"{name} must have vectors of 3 along axis {axis}, got "
                f"{shapes.text(value.type.shape)}",
                "Put a 0 behind vectors of the plane.",
            )
        sides.append([squeeze(part_of(value, place, i, i + 1), place) for i in range(3)])
    a, b = sides
    parts = [a[i - 2] * b[i - 1] - a[i - 1] * b[i - 2] for i in range(3)]
    rank = len(parts[0].type.shape) + 1
    return stack(parts, shapes.axis_index("cross", axisc, rank))


def kron(x: Any, y: Any) -> Value:
    """The Kronecker product: y, times each element of x, laid out as x is."""
    left, right = together("kron", x, y)
    rank = builtins.max(len(left.type.shape), len(right.type.shape))
    a, b = ((*(1,) * (rank - len(v.type.shape)), *v.type.shape) for v in (left, right))
    thin = reshape(left, [dim for n in a for dim in (n, 1)])
    product = thin * reshape(right, [dim for n in b for dim in (1, n)])
    return reshape(product, [shapes.size(pair) for pair in zip(a, b, strict=True)])


def diag(x: Any, k: int = 0) -> Value:
    """The k-th diagonal of a matrix, or the matrix of zeros that has the vector x there."""
    value = asvalue(x)
    if len(value.type.shape) == 2:
        return diagonal(value, k)
    if len(value.type.shape) != 1:
        raise ShapeError("diag", f"x must be a vector or a matrix, got {value.type!r}")
    n, offset = known_length("diag", value, 0), shapes.index("diag", "k", k)
    before, behind = builtins.max(offset, 0), builtins.max(-offset, 0)
    row = padded(value, 0, before, behind, 0)  # its element j stands in column j
    return where(eye(n + before + behind, k=offset, dtype=dtypes.bool_), row, 0)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The diagonal of the matrices in two axes, as a new last axis: every (n + 1)-th element."""
    value = asvalue(x)
    rank = len(value.type.shape)
    value = moveaxis(value, (axis1, axis2), (rank - 2, rank - 1))
    rows, columns = (known_length("diagonal", value, i) for i in (rank - 2, rank - 1))
    k = shapes.index("diagonal", "offset", offset)
    n = builtins.max(0, builtins.min(rows + builtins.min(k, 0), columns - builtins.max(k, 0)))
    first = builtins.max(k, 0) + builtins.max(-k, 0) * columns
    flat = reshape(value, (*value.type.shape[:-2], rows * columns))
    last = first + (n - 1) * (columns + 1) + 1
    if n == 0:
        return part_of(flat, rank - 2, 0, 0)
    zeros, dims = (0,) * (rank - 2), flat.type.shape[:-1]
    return getitem(flat, (*zeros, first), (*dims, last), (*(1,) * (rank - 2), columns + 1))


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The sum of the diagonal."""
    return sum(diagonal(x, offset, axis1, axis2), -1)


def _triangle(name: str, x: Any, k: int, lower: bool) -> Value:
    value = asvalue(x)
    rank = len(value.type.shape)
    if rank < 2:
        raise ShapeError(name, f"x must have two axes or more, got {value.type!r}")
    plane = tuple(known_length(name, value, i) for i in (rank - 2, rank - 1))
    row, column = (apply("iota", shape=plane, axis=i, dtype=dtypes.int64) for i in (0, 1))
    below = column - row <= shapes.index(name, "k", k) - (0 if lower else 1)
    zero = _zeros(value)
    return where(below, value, zero) if lower else where(below, zero, value)


def tril(x: Any, k: int = 0) -> Value:
    """x with zeros above the k-th diagonal."""
    return _triangle("tril", x, k, lower=True)


def triu(x: Any, k: int = 0) -> Value:
    """x with zeros below the k-th diagonal."""
    return _triangle("triu", x, k, lower=False)
