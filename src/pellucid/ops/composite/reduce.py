"""Composites along axes: sums, extremes, statistics, running results, softmax."""

from __future__ import annotations

import builtins
import math
from typing import Any

from pellucid.core import dtypes, shapes
from pellucid.core.arguments import integer, real
from pellucid.core.dtypes import DType
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import Batch
from pellucid.ops.composite.base import Axis, as_flag, as_float, asvalue, known_length
from pellucid.ops.composite.elementwise import as_truth, logical_not, safe_root, where
from pellucid.ops.composite.movement import padded, part_of, reshape, squeeze
from pellucid.ops.value import Value, apply, cast, elementwise, number


def _reduce(name: str, x: Any, axis: Axis, keepdims: bool) -> Value:
    value = asvalue(x)
    dims = shapes.axes(name, axis, len(value.type.shape))
    keepdims = as_flag(name, "keepdims", keepdims)
    if name == "sum" and not value.type.dtype.is_float and value.type.dtype.itemsize < 8:
        value = cast(value, dtypes.uint64 if value.type.dtype.kind == "u" else dtypes.int64)
    if value.type.dtype.kind == "b":
        value = cast(value, dtypes.int64)
    result: Value = apply(name, value, axis=dims, keepdims=keepdims)
    return result


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """Σ x over `axis` (all axes for None); integers add up in 64 bits."""
    return _reduce("sum", x, axis, keepdims)


def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """Π x over `axis`; of nothing it is 1. The derivative is exact at zeros too.

    Halves are multiplied until one element is left: no division, log₂ n steps.
    """
    value = asvalue(x)
    if not value.type.dtype.is_float and value.type.dtype.itemsize < 8:
        value = cast(value, dtypes.uint64 if value.type.dtype.kind == "u" else dtypes.int64)
    shape = value.type.shape
    dims = shapes.axes("prod", axis, len(shape))
    for place in dims:
        while (n := known_length("prod", value, place)) != 1:
            if n % 2 or n == 0:
                value = padded(value, place, 0, 1, 1)
                n += 1
            if n > 1:
                value = part_of(value, place, 0, n // 2) * part_of(value, place, n // 2, n)
    return reshape(value, shapes.reduced(shape, dims, as_flag("prod", "keepdims", keepdims)))


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """The largest element over `axis`; the gradient goes to the first of equals."""
    return _reduce("max", x, axis, keepdims)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """The smallest element over `axis`; the gradient goes to the first of equals."""
    return _reduce("min", x, axis, keepdims)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Value:
    """The position of the first largest element along `axis`, or in the flattened tensor."""
    value = asvalue(x)
    if value.type.dtype.kind == "b":
        value = cast(value, dtypes.uint8)
    rank, keepdims = len(value.type.shape), as_flag("argmax", "keepdims", keepdims)
    if axis is None:
        flat = apply("argmax", reshape(value, (-1,)), axis=0, keepdims=False)
        return reshape(flat, (1,) * rank) if keepdims else flat
    place = shapes.axis_index("argmax", axis, rank)
    result: Value = apply("argmax", value, axis=place, keepdims=keepdims)
    return result


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Value:
    """The position of the first smallest element along `axis`, or in the flattened tensor."""
    return argmax(reversed_order(asvalue(x)), axis, keepdims)


def reversed_order(value: Value) -> Value:
    """Numbers whose order is that of `value` turned round; NaN stays NaN."""
    if value.type.dtype.is_float:
        return -value
    if value.type.dtype.kind == "b":
        return ~value
    # top - x does not overflow; -x would for the smallest integer.
    top = 2 ** (8 * value.type.dtype.itemsize) - 1 if value.type.dtype.kind == "u" else -1
    result: Value = top - value
    return result


def count(x: Value, axis: tuple[int, ...], dtype: DType) -> Value:
    """The number of elements along `axis` as a scalar; N enters as the row `size`."""
    known = 1
    total: Value | None = None
    for i in axis:
        dim = x.type.shape[i]
        if isinstance(dim, Batch):
            total = cast(apply("size", x, axis=i), dtype)
        else:
            known *= dim
    if total is None:
        return number(known, dtype)
    return total if known == 1 else total * known


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """Σ x / n over `axis`; the mean of integers is float32. The mean of nothing is NaN."""
    value = as_float(x)
    dims = shapes.axes("mean", axis, len(value.type.shape))
    total = sum(value, dims, keepdims)
    return total / count(value, dims, value.type.dtype)


def var(x: Any, axis: Axis = None, keepdims: bool = False, correction: float = 0.0) -> Value:
    """Σ (x - mean)² / (n - correction) over `axis`."""
    value, correction = as_float(x), real("var", "correction", correction)
    dims = shapes.axes("var", axis, len(value.type.shape))
    spread = elementwise("square", value - mean(value, dims, keepdims=True))
    n = count(value, dims, value.type.dtype)
    return sum(spread, dims, keepdims) / (n - correction if correction else n)


def std(x: Any, axis: Axis = None, keepdims: bool = False, correction: float = 0.0) -> Value:
    """The square root of `var`. Its derivative at a spread of 0 is 0, as that of a norm."""
    return safe_root(var(x, axis, keepdims, correction))


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """Whether every element over `axis` holds; of nothing it is true."""
    return sum(logical_not(x), axis, keepdims) == 0


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """Whether an element over `axis` holds; of nothing it is false."""
    return sum(as_truth(x), axis, keepdims) != 0


def count_nonzero(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """How many elements over `axis` are not 0."""
    return sum(as_truth(x), axis, keepdims)


def vector_norm(x: Any, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Value:
    """The length of x over `axis`: (Σ|x|^ord)^(1/ord). Its derivative at 0 is 0.

    Args:
        ord: any number; inf and -inf stand for the largest and the smallest |x|, 0 for how many
            elements are not 0.
    """
    value = as_float(x)
    size = abs(value)
    if not isinstance(ord, (int, float)) or builtins.abs(ord) != math.inf:
        ord = real("vector_norm", "ord", ord)
    if ord == 2:
        return safe_root(sum(elementwise("square", value), axis, keepdims))
    if ord == 1:
        return sum(size, axis, keepdims)
    if builtins.abs(ord) == math.inf:
        return (max if ord > 0 else min)(size, axis, keepdims)
    if ord == 0:
        return cast(count_nonzero(value, axis, keepdims), value.type.dtype)
    total = sum(_safe_power(size, ord), axis, keepdims)
    return _safe_power(total, 1 / ord)


def _safe_power(size: Value, exponent: float) -> Value:
    """size ≥ 0 to a power, with derivative 0 at 0, where the power may have none."""
    flat = size == 0
    there: Value = elementwise("pow", where(flat, 1, size), exponent)
    return where(flat, 0.0 if exponent > 0 else math.inf, there)


def matrix_norm(x: Any, keepdims: bool = False, ord: float | str = "fro") -> Value:
    """A norm of the matrices in the last two axes.

    Args:
        ord: "fro" √ΣΣx²; 1 and -1 the largest and smallest Σ|x| of a column; inf and -inf those of
            a row.
    """
    value = as_float(x)
    rank = len(value.type.shape)
    if rank < 2:
        raise ShapeError("matrix_norm", f"x must have two axes or more, got {value.type!r}")
    if isinstance(ord, str) and ord == "fro":
        return vector_norm(value, (rank - 2, rank - 1), keepdims)
    if not isinstance(ord, (int, float)) or ord not in (1, -1, math.inf, -math.inf):
        raise ArgumentError(
            "matrix_norm",
            f"ord must be 'fro', 1, -1, inf or -inf of a matrix, got {ord!r}",
            "On numbers alone, NumPy has singular values: np.linalg.norm(x.numpy(), ord).",
        )
    down = rank - 2 if builtins.abs(ord) == 1 else rank - 1
    sums = sum(abs(value), down, keepdims=True)
    found = (max if ord > 0 else min)(sums, (rank - 2, rank - 1), keepdims=True)
    return found if keepdims else squeeze(found, (rank - 2, rank - 1))


def _scan(name: str, x: Any, axis: int | None, join: str, neutral: int) -> Value:
    """Running results along an axis: each step joins what is 1, 2, 4, … places before."""
    value = asvalue(x)
    if not value.type.dtype.is_float and value.type.dtype.itemsize < 8:
        value = cast(value, dtypes.uint64 if value.type.dtype.kind == "u" else dtypes.int64)
    if axis is None:
        value, axis = reshape(value, (-1,)), 0
    place = shapes.axis_index(name, axis, len(value.type.shape))
    n = known_length(name, value, place)
    step = 1
    while step < n:
        before = padded(part_of(value, place, 0, n - step), place, step, 0, neutral)
        value = apply(join, value, before)
        step *= 2
    return value


def cumulative_sum(x: Any, axis: int | None = None) -> Value:
    """The sums of the first 1, 2, … elements along `axis`, or of the flattened tensor."""
    return _scan("cumulative_sum", x, axis, "add", 0)


def cumulative_prod(x: Any, axis: int | None = None) -> Value:
    """The products of the first 1, 2, … elements along `axis`, or of the flattened tensor."""
    return _scan("cumulative_prod", x, axis, "multiply", 1)


def diff(x: Any, n: int = 1, axis: int = -1) -> Value:
    """The differences of neighbours along `axis`, taken `n` times."""
    value = asvalue(x)
    place = shapes.axis_index("diff", axis, len(value.type.shape))
    times = integer("diff", "n", n)
    for _ in range(builtins.min(times, known_length("diff", value, place))):
        length = known_length("diff", value, place)
        low = builtins.min(1, length)
        before = part_of(value, place, 0, builtins.max(length - 1, 0))
        value = part_of(value, place, low, length)
        value = value != before if value.type.dtype.kind == "b" else value - before
    return value


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """ln Σ eˣ over `axis`, without overflow: the largest element is taken out first."""
    value, keepdims = as_float(x), as_flag("logsumexp", "keepdims", keepdims)
    top = apply("stop_gradient", max(value, axis, keepdims=True))
    top = where(elementwise("isfinite", top), top, 0)
    total = elementwise("log", sum(elementwise("exp", value - top), axis, keepdims=True))
    result = total + top
    return result if keepdims else squeeze(result, _lost(value, axis))


def _lost(value: Value, axis: Axis) -> tuple[int, ...]:
    return shapes.axes("axis", axis, len(value.type.shape))


def softmax(x: Any, axis: int = -1) -> Value:
    """eˣ / Σ eˣ along `axis`: positive, sums to 1, without overflow."""
    value = as_float(x)
    top = apply("stop_gradient", max(value, axis, keepdims=True))
    e = elementwise("exp", value - top)
    return e / sum(e, axis, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Value:
    """ln softmax(x), without overflow."""
    value = as_float(x)
    return value - logsumexp(value, axis, keepdims=True)
