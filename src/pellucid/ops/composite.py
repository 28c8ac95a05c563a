"""Functions made of rows, in Array API spelling. They take Tensors, NumPy arrays and numbers.

In: operands of any mix; axes as people write them (negative, None, a tuple). Out: a Value of the
active recorder. `pellucid.numpy` is this module and the elementwise rows under one name. Where a
function has the name of a row, its first arguments are the row's, so that a row's forward may be
called with either.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from typing import Any

from pellucid.core import dtypes, shapes
from pellucid.core.dtypes import DType
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError
from pellucid.core.shapes import Batch, Dim, Shape
from pellucid.ops.value import (
    Value,
    apply,
    cast,
    common_dtype,
    current,
    elementwise,
    is_scalar,
    number,
    power,
    weak_kind,
)
from pellucid.ops.value import zeros_like as _zeros

Axis = int | tuple[int, ...] | None
_LN2, _LN10 = math.log(2.0), math.log(10.0)


def asvalue(x: Any) -> Value:
    """x in the active recorder; a number becomes a constant of the default dtype of its kind."""
    if is_scalar(x):
        return number(x, common_dtype("operand", [x]))
    return current().lift(x)


def _float(x: Any) -> Value:
    value = asvalue(x)
    return value if value.type.dtype.is_float else cast(value, dtypes.DEFAULT)


def _pair(where: str, x: Any, y: Any) -> tuple[Value, Value]:
    """Two operands as floats of one dtype."""
    dtype = common_dtype(where, [x, y])
    dtype = dtype if dtype.is_float else dtypes.DEFAULT
    return cast(x, dtype), cast(y, dtype)


def _dims(shape: Any) -> tuple[Any, ...]:
    """A shape, or one dimension, as a tuple; a batch size counts as its dimension c·N."""
    dims = [getattr(dim, "dim", dim) for dim in _several(shape)]
    return tuple(
        d if isinstance(d, Batch) else shapes.index("shape", "a dimension", d) for d in dims
    )


def _several(value: Any) -> list[Any]:
    """One item, or a tuple or list of them, as a list."""
    return list(value) if isinstance(value, (tuple, list)) else [value]


def _ints(where: str, name: str, values: Any) -> tuple[int, ...]:
    return tuple(shapes.index(where, name, item) for item in _several(values))


def _length(where: str, value: Value, axis: int) -> int:
    """The length of an axis that must be known: the batch axis N is refused."""
    dim = value.type.shape[axis]
    if isinstance(dim, Batch):
        raise ShapeError(
            where,
            f"axis {axis} must have a known length, got the batch axis {dim!r}",
            "The rows of a batch have no order; choose another axis.",
        )
    return dim


def astype(x: Any, dtype: Any) -> Value:
    """x in another dtype. A float becomes an integer by dropping its fraction."""
    return cast(asvalue(x), dtypes.as_dtype(dtype, "astype"))


def positive(x: Any) -> Value:
    """x itself."""
    return asvalue(x)


def pow(x: Any, y: Any) -> Value:
    """x to the power y. An integer to a whole number ≥ 0 stays an integer."""
    dtype = common_dtype("pow", [x, y])
    if dtype.is_float:
        return power(asvalue(x), y)
    if isinstance(y, bool) or not isinstance(y, int) or y < 0:
        got = y if isinstance(y, int) else getattr(y, "type", type(y).__name__)
        raise DTypeError(
            "pow",
            f"an integer x takes a whole number ≥ 0 as exponent, got {got!r}",
            "Convert x with astype(np.float32) first.",
        )
    value, result = asvalue(x), None
    while y:  # squares, one a binary digit of the exponent
        if y & 1:
            result = value if result is None else result * value
        y >>= 1
        value = value * value if y else value
    return ones_like(value) if result is None else result


def reciprocal(x: Any) -> Value:
    """1 / x, for floats."""
    value = asvalue(x)
    if not value.type.dtype.is_float:
        raise DTypeError("reciprocal", f"x must be a float, got {value.type!r}", "Write 1 / x.")
    return 1 / value


def exp2(x: Any) -> Value:
    """2 to the power x, exact for whole x."""
    return pow(2.0, _float(x))


def log2(x: Any) -> Value:
    """The logarithm to the base 2."""
    result: Value = elementwise("log", x) / _LN2
    return result


def log10(x: Any) -> Value:
    """The logarithm to the base 10."""
    result: Value = elementwise("log", x) / _LN10
    return result


def sinh(x: Any) -> Value:
    """The hyperbolic sine, accurate near 0; overflows where eˣ does."""
    value = _float(x)
    result: Value = (elementwise("expm1", value) - elementwise("expm1", -value)) * 0.5
    return result


def cosh(x: Any) -> Value:
    """The hyperbolic cosine; overflows where eˣ does."""
    value = _float(x)
    result: Value = (elementwise("exp", value) + elementwise("exp", -value)) * 0.5
    return result


def tan(x: Any) -> Value:
    """The tangent of x in radians."""
    result: Value = elementwise("sin", x) / elementwise("cos", x)
    return result


def hypot(x: Any, y: Any) -> Value:
    """√(x² + y²) without overflow; its derivative at the origin is 0."""
    left, right = _pair("hypot", x, y)
    # The scale is held constant: it drops out of the derivative exactly, ties included.
    size = elementwise("maximum", abs(left), abs(right))
    usable = elementwise("isfinite", size) & (size > 0)
    scale = apply("stop_gradient", where(usable, size, 1))
    square = elementwise("square", left / scale) + elementwise("square", right / scale)
    length = _root(square) * scale
    return where(isinf(left) | isinf(right), math.inf, length)


def _root(square: Value) -> Value:
    """The square root with derivative 0 at 0, where √ itself has none."""
    flat = square == 0
    return where(flat, 0, elementwise("sqrt", where(flat, 1, square)))


def logaddexp(x: Any, y: Any) -> Value:
    """ln(eˣ + eʸ) without overflow: the larger plus softplus of the difference."""
    left, right = _pair("logaddexp", x, y)
    first = left >= right
    gap = where(first, right - left, left - right)
    gap = where((left == right) & isinf(left), 0, gap)  # ∞ - ∞ would be NaN
    result: Value = where(first, left, right) + elementwise("softplus", gap)
    return result


def _rounded(name: str, x: Any, function: Callable[[Value], Value]) -> Value:
    """Integers are whole already."""
    value = asvalue(x)
    return function(value) if value.type.dtype.is_float else value


def floor(x: Any) -> Value:
    """The largest whole number ≤ x; integers stay integers."""
    return _rounded("floor", x, lambda value: apply("floor", value))


def ceil(x: Any) -> Value:
    """The smallest whole number ≥ x; integers stay integers."""
    return _rounded("ceil", x, lambda value: -apply("floor", -value))


def trunc(x: Any) -> Value:
    """x without its fraction; integers stay integers."""
    return _rounded("trunc", x, lambda value: where(value < 0, ceil(value), floor(value)))


def round(x: Any, decimals: int = 0) -> Value:
    """The nearest number of `decimals` digits, halves to even; integers stay integers."""
    digits = shapes.index("round", "decimals", decimals)
    value = asvalue(x)
    if not value.type.dtype.is_float:
        if digits < 0:
            raise ArgumentError("round", f"decimals of integers must be ≥ 0, got {digits}")
        return value
    scale = 10.0 ** builtins.abs(digits)
    if digits == 0:
        result: Value = apply("round", value)
    elif digits > 0:
        result = apply("round", value * scale) / scale
    else:
        result = apply("round", value / scale) * scale
    return result


def isnan(x: Any) -> Value:
    """Whether x is not a number."""
    value = asvalue(x)
    result: Value = elementwise("not_equal", value, value)
    return result


def isinf(x: Any) -> Value:
    """Whether x is ∞ or -∞."""
    value = asvalue(x)
    if not value.type.dtype.is_float:
        return full(value.type.shape, False, dtypes.bool_)
    result: Value = elementwise("equal", abs(value), math.inf)
    return result


def _truth(x: Any) -> Value:
    """x as a condition: numbers are true where they are not 0."""
    value = asvalue(x)
    return value if value.type.dtype.kind == "b" else value != 0


def logical_and(x: Any, y: Any) -> Value:
    """Whether both hold; a number holds where it is not 0."""
    result: Value = apply("logical_and", _truth(x), _truth(y))
    return result


def logical_or(x: Any, y: Any) -> Value:
    """Whether one holds; a number holds where it is not 0."""
    result: Value = apply("logical_or", _truth(x), _truth(y))
    return result


def logical_xor(x: Any, y: Any) -> Value:
    """Whether exactly one holds; a number holds where it is not 0."""
    result: Value = apply("not_equal", _truth(x), _truth(y))
    return result


def logical_not(x: Any) -> Value:
    """Whether x does not hold; a number holds where it is not 0."""
    result: Value = apply("logical_not", _truth(x))
    return result


def _reduce(name: str, x: Any, axis: Axis, keepdims: bool) -> Value:
    value = asvalue(x)
    dims = shapes.axes(name, axis, len(value.type.shape))
    if name == "sum" and not value.type.dtype.is_float and value.type.dtype.itemsize < 8:
        value = cast(value, dtypes.uint64 if value.type.dtype.kind == "u" else dtypes.int64)
    if value.type.dtype.kind == "b":
        value = cast(value, dtypes.int64)
    result: Value = apply(name, value, axis=dims, keepdims=bool(keepdims))
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
        while (n := _length("prod", value, place)) != 1:
            if n % 2 or n == 0:
                value = _padded(value, place, 0, 1, 1)
                n += 1
            if n > 1:
                value = _part(value, place, 0, n // 2) * _part(value, place, n // 2, n)
    return reshape(value, shapes.reduced(shape, dims, bool(keepdims)))


def _part(value: Value, axis: int, first: int, last: int) -> Value:
    """The elements [first, last) along one axis."""
    shape = value.type.shape
    start, stop = [0] * len(shape), list(shape)
    start[axis], stop[axis] = first, last
    return getitem(value, start, stop)


def _padded(value: Value, axis: int, before: int, after: int, filler: float) -> Value:
    low, high = [0] * len(value.type.shape), [0] * len(value.type.shape)
    low[axis], high[axis] = before, after
    return pad(value, filler, low, high)


def _scan(name: str, x: Any, axis: int | None, join: str, neutral: int) -> Value:
    """Running results along an axis: each step joins what is 1, 2, 4, … places before."""
    value = asvalue(x)
    if not value.type.dtype.is_float and value.type.dtype.itemsize < 8:
        value = cast(value, dtypes.uint64 if value.type.dtype.kind == "u" else dtypes.int64)
    if axis is None:
        value, axis = reshape(value, (-1,)), 0
    place = shapes.axis_index(name, axis, len(value.type.shape))
    n = _length(name, value, place)
    step = 1
    while step < n:
        before = _padded(_part(value, place, 0, n - step), place, step, 0, neutral)
        value = apply(join, value, before)
        step *= 2
    return value


def cumulative_sum(x: Any, axis: int | None = None) -> Value:
    """The sums of the first 1, 2, … elements along `axis`, or of the flattened tensor."""
    return _scan("cumulative_sum", x, axis, "add", 0)


def cumulative_prod(x: Any, axis: int | None = None) -> Value:
    """The products of the first 1, 2, … elements along `axis`, or of the flattened tensor."""
    return _scan("cumulative_prod", x, axis, "multiply", 1)


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """Whether every element over `axis` holds; of nothing it is true."""
    return sum(logical_not(x), axis, keepdims) == 0


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """Whether an element over `axis` holds; of nothing it is false."""
    return sum(_truth(x), axis, keepdims) != 0


def count_nonzero(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """How many elements over `axis` are not 0."""
    return sum(_truth(x), axis, keepdims)


def vector_norm(x: Any, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Value:
    """The length of x over `axis`: ord 2 √Σx², 1 Σ|x|, inf max |x|. Its derivative at 0 is 0."""
    value = _float(x)
    if ord == 2:
        return _root(sum(elementwise("square", value), axis, keepdims))
    if ord == 1:
        return sum(abs(value), axis, keepdims)
    if ord == math.inf:
        return max(abs(value), axis, keepdims)
    raise ArgumentError("vector_norm", f"ord must be 1, 2 or inf, got {ord!r}")


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """The largest element over `axis`; the gradient goes to the first of equals."""
    return _reduce("max", x, axis, keepdims)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """The smallest element over `axis`; the gradient goes to the first of equals."""
    return _reduce("min", x, axis, keepdims)


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
    value = _float(x)
    dims = shapes.axes("mean", axis, len(value.type.shape))
    total = sum(value, dims, keepdims)
    return total / count(value, dims, value.type.dtype)


def var(x: Any, axis: Axis = None, keepdims: bool = False, correction: float = 0.0) -> Value:
    """Σ (x - mean)² / (n - correction) over `axis`."""
    value = _float(x)
    dims = shapes.axes("var", axis, len(value.type.shape))
    spread = elementwise("square", value - mean(value, dims, keepdims=True))
    n = count(value, dims, value.type.dtype)
    return sum(spread, dims, keepdims) / (n - correction if correction else n)


def std(x: Any, axis: Axis = None, keepdims: bool = False, correction: float = 0.0) -> Value:
    """The square root of `var`. Its derivative at a spread of 0 is NaN."""
    result: Value = elementwise("sqrt", var(x, axis, keepdims, correction))
    return result


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Value:
    """The position of the first largest element along `axis`, or in the flattened tensor."""
    value = asvalue(x)
    if value.type.dtype.kind == "b":
        value = cast(value, dtypes.uint8)
    rank = len(value.type.shape)
    if axis is None:
        flat = apply("argmax", reshape(value, (-1,)), axis=0, keepdims=False)
        return reshape(flat, (1,) * rank) if keepdims else flat
    place = shapes.axis_index("argmax", axis, rank)
    result: Value = apply("argmax", value, axis=place, keepdims=bool(keepdims))
    return result


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Value:
    """The position of the first smallest element along `axis`, or in the flattened tensor."""
    value = asvalue(x)
    if value.type.dtype.is_float:
        return argmax(-value, axis, keepdims)
    if value.type.dtype.kind == "b":
        return argmax(~value, axis, keepdims)
    # top - x turns the order round without overflow; -x would not for the smallest integer.
    top = 2 ** (8 * value.type.dtype.itemsize) - 1 if value.type.dtype.kind == "u" else -1
    return argmax(top - value, axis, keepdims)


def reshape(x: Any, shape: Dim | Sequence[Dim]) -> Value:
    """The elements of x in row-major order under a new shape; one dimension may be -1."""
    value = asvalue(x)
    target = shapes.reshaped("reshape", value.type.shape, _dims(shape))
    if target == value.type.shape:
        return value
    result: Value = apply("reshape", value, shape=target)
    return result


def permute_dims(x: Any, axes: Sequence[int] | None = None) -> Value:
    """x with its axes in another order; reversed for None."""
    value = asvalue(x)
    rank = len(value.type.shape)
    axes = range(rank)[::-1] if axes is None else axes
    order = tuple(shapes.axis_index("permute_dims", axis, rank) for axis in axes)
    if order == tuple(range(rank)):
        return value
    result: Value = apply("permute_dims", value, axes=order)
    return result


def matrix_transpose(x: Any) -> Value:
    """x with its last two axes exchanged."""
    value = asvalue(x)
    rank = len(value.type.shape)
    if rank < 2:
        raise ShapeError("matrix_transpose", f"x must have two axes or more, got {value.type!r}")
    return permute_dims(value, (*range(rank - 2), rank - 1, rank - 2))


def swapaxes(x: Any, axis1: int, axis2: int) -> Value:
    """x with two axes exchanged."""
    value = asvalue(x)
    order = list(range(len(value.type.shape)))
    i, j = (shapes.axis_index("swapaxes", axis, len(order)) for axis in (axis1, axis2))
    order[i], order[j] = j, i
    return permute_dims(value, order)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Value:
    """x with the axes `source` at the places `destination`; the others keep their order."""
    value = asvalue(x)
    rank = len(value.type.shape)

    def several(axis: Any) -> list[int]:
        return [shapes.axis_index("moveaxis", item, rank) for item in _several(axis)]

    moved, places = several(source), several(destination)
    if not len(set(moved)) == len(moved) == len(places) == len(set(places)):
        raise ArgumentError("moveaxis", f"axes must pair up, got {source} and {destination}")
    order = [i for i in range(rank) if i not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return permute_dims(value, order)


def broadcast_to(x: Any, shape: Dim | Sequence[Dim]) -> Value:
    """x repeated to `shape`."""
    value = asvalue(x)
    target = shapes.check("broadcast_to", _dims(shape))
    if target == value.type.shape:
        return value
    result: Value = apply("broadcast_to", value, shape=target)
    return result


def broadcast_arrays(*xs: Any) -> list[Value]:
    """All tensors repeated to their common shape."""
    values = [asvalue(x) for x in xs]
    shape = shapes.broadcast("broadcast_arrays", *(value.type.shape for value in values))
    return [broadcast_to(value, shape) for value in values]


def expand_dims(x: Any, axis: int | Sequence[int] = 0) -> Value:
    """x with a new axis of length 1, or several; places count in the result."""
    value = asvalue(x)
    several = _several(axis)
    places = shapes.axes("expand_dims", several, len(value.type.shape) + len(several))
    dims = list(value.type.shape)
    for place in places:
        dims.insert(place, 1)
    return reshape(value, dims)


def squeeze(x: Any, axis: Axis = None) -> Value:
    """x without axes of length 1; a named axis must have that length."""
    value = asvalue(x)
    shape = value.type.shape
    if axis is None:
        return reshape(value, tuple(dim for dim in shape if dim != 1))
    dims = shapes.axes("squeeze", axis, len(shape))
    for i in dims:
        if shape[i] != 1:
            raise ShapeError("squeeze", f"axis {i} must have length 1, got {shapes.text(shape)}")
    return reshape(value, shapes.reduced(shape, dims, keepdims=False))


def flip(x: Any, axis: Axis = None) -> Value:
    """x with the order along `axis` (all axes for None) reversed."""
    value = asvalue(x)
    dims = shapes.axes("flip", axis, len(value.type.shape))
    result: Value = apply("flip", value, axis=dims)
    return result


def _list(where: str, xs: Any) -> list[Value]:
    if not isinstance(xs, (list, tuple)) or not xs:
        raise ArgumentError(where, f"expected a non-empty list of tensors, got {xs!r}")
    return [asvalue(x) for x in xs]


def concat(xs: Sequence[Any], axis: int | None = 0) -> Value:
    """Tensors one behind the other along `axis`; flattened first for None."""
    values = _list("concat", xs)
    dtype = common_dtype("concat", values)
    values = [cast(value, dtype) for value in values]
    if axis is None:
        values, axis = [reshape(value, (-1,)) for value in values], 0
    place = shapes.axis_index("concat", axis, len(values[0].type.shape))
    result: Value = apply("concat", *values, axis=place)
    return result


def stack(xs: Sequence[Any], axis: int = 0) -> Value:
    """Tensors of one shape side by side along a new axis."""
    values = _list("stack", xs)
    first = values[0].type.shape
    for value in values:
        if value.type.shape != first:
            got = f"{shapes.text(first)} and {shapes.text(value.type.shape)}"
            raise ShapeError("stack", f"all shapes must be equal, got {got}")
    return concat([expand_dims(value, axis) for value in values], axis)


def unstack(x: Any, axis: int = 0) -> list[Value]:
    """The slices of x along `axis`, each without that axis."""
    value = asvalue(x)
    place = shapes.axis_index("unstack", axis, len(value.type.shape))
    n = _length("unstack", value, place)
    return [squeeze(_part(value, place, i, i + 1), place) for i in range(n)]


def split(x: Any, borders: Sequence[int], axis: int = 0) -> list[Value]:
    """x cut along `axis` before each of the positions `borders`, which may be negative."""
    value = asvalue(x)
    place = shapes.axis_index("split", axis, len(value.type.shape))
    n = _length("split", value, place)
    cuts = [slice(None, shapes.index("split", "a border", b)).indices(n)[1] for b in borders]
    edges = zip([0, *cuts], [*cuts, n], strict=True)
    return [_part(value, place, first, builtins.max(first, last)) for first, last in edges]


def roll(x: Any, shift: int | Sequence[int], axis: Axis = None) -> Value:
    """x with its elements moved `shift` places along `axis`; what leaves comes in at the front."""
    value = asvalue(x)
    if axis is None:
        places = builtins.sum(shapes.index("roll", "shift", item) for item in _several(shift))
        return reshape(_rolled(reshape(value, (-1,)), places, 0), value.type.shape)
    axes = _several(axis)
    shifts = _several(shift) if isinstance(shift, (tuple, list)) else [shift] * len(axes)
    axes = axes * len(shifts) if len(axes) == 1 else axes
    if len(axes) != len(shifts):
        raise ArgumentError("roll", f"shift and axis must pair up, got {shift} and {axis}")
    for places, item in zip(shifts, axes, strict=True):
        place = shapes.axis_index("roll", item, len(value.type.shape))
        value = _rolled(value, shapes.index("roll", "shift", places), place)
    return value


def _rolled(value: Value, shift: int, axis: int) -> Value:
    n = _length("roll", value, axis)
    if n == 0 or shift % n == 0:
        return value
    border = n - shift % n
    return concat([_part(value, axis, border, n), _part(value, axis, 0, border)], axis)


def tile(x: Any, repetitions: int | Sequence[int]) -> Value:
    """x laid side by side, so many times an axis."""
    value = asvalue(x)
    times = list(_ints("tile", "repetitions", repetitions))
    rank = builtins.max(len(times), len(value.type.shape))
    times = [1] * (rank - len(times)) + times
    shape = (*(1,) * (rank - len(value.type.shape)), *value.type.shape)
    if builtins.all(n == 1 for n in times):
        return reshape(value, shape)
    wide: list[Dim] = []
    for n, dim in zip(times, shape, strict=True):
        wide += [n, dim]
    thin = reshape(value, tuple(d for dim in shape for d in (1, dim)))
    merged = tuple(dim * n for n, dim in zip(times, shape, strict=True))
    return reshape(broadcast_to(thin, tuple(wide)), merged)


def repeat(x: Any, repeats: int, axis: int | None = None) -> Value:
    """Each element `repeats` times in a row along `axis`, or of the flattened tensor."""
    n = shapes.index("repeat", "repeats", repeats)
    value = asvalue(x)
    if axis is None:
        value, axis = reshape(value, (-1,)), 0
    shape = value.type.shape
    place = shapes.axis_index("repeat", axis, len(shape))
    wide = (*shape[: place + 1], n, *shape[place + 1 :])
    merged = (*shape[:place], shape[place] * n, *shape[place + 1 :])
    return reshape(broadcast_to(expand_dims(value, place + 1), wide), merged)


def diff(x: Any, n: int = 1, axis: int = -1) -> Value:
    """The differences of neighbours along `axis`, taken `n` times."""
    value = asvalue(x)
    place = shapes.axis_index("diff", axis, len(value.type.shape))
    for _ in range(shapes.index("diff", "n", n)):
        length = _length("diff", value, place)
        low = builtins.min(1, length)
        before = _part(value, place, 0, builtins.max(length - 1, 0))
        value = _part(value, place, low, length)
        value = value != before if value.type.dtype.kind == "b" else value - before
    return value


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The diagonal of the matrices in two axes, as a new last axis: every (n + 1)-th element."""
    value = asvalue(x)
    rank = len(value.type.shape)
    value = moveaxis(value, (axis1, axis2), (rank - 2, rank - 1))
    rows, columns = (_length("diagonal", value, i) for i in (rank - 2, rank - 1))
    k = shapes.index("diagonal", "offset", offset)
    n = builtins.max(0, builtins.min(rows + builtins.min(k, 0), columns - builtins.max(k, 0)))
    first = builtins.max(k, 0) + builtins.max(-k, 0) * columns
    flat = reshape(value, (*value.type.shape[:-2], rows * columns))
    last = first + (n - 1) * (columns + 1) + 1
    if n == 0:
        return _part(flat, rank - 2, 0, 0)
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
    plane = tuple(_length(name, value, i) for i in (rank - 2, rank - 1))
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


def where(condition: Any, x: Any, y: Any) -> Value:
    """x where the condition holds, else y; the branch not taken gets a gradient of exactly 0."""
    dtype = common_dtype("where", [x, y])
    mask = asvalue(condition)
    if mask.type.dtype.kind != "b":
        raise DTypeError(
            "where", f"condition must be bool, got {mask.type!r}", "Write it as a comparison."
        )
    result: Value = apply("where", mask, cast(x, dtype), cast(y, dtype))
    return result


def clip(x: Any, min: Any = None, max: Any = None) -> Value:
    """x held between `min` and `max`; the gradient is 0 outside and 1 on the borders."""
    value = asvalue(x)
    if min is not None:
        value = elementwise("maximum", value, min)
    if max is not None:
        value = elementwise("minimum", value, max)
    return value


def contract(x: Any, y: Any, batch: Any = (), summed: Any = ()) -> Value:
    """Σ of products over pairs of axes `summed`, in step over pairs `batch`.

    The result has the batch axes, then what is left of x, then what is left of y.
    """
    dtype = common_dtype("contract", [asvalue(x), asvalue(y)])
    if dtype.kind == "b":
        dtype = dtypes.int64
    left, right = cast(asvalue(x), dtype), cast(asvalue(y), dtype)

    def pairs(several: Any) -> tuple[tuple[int, int], ...]:
        return tuple(
            (
                shapes.axis_index("contract", i, len(left.type.shape)),
                shapes.axis_index("contract", j, len(right.type.shape)),
            )
            for i, j in several
        )

    result: Value = apply("contract", left, right, batch=pairs(batch), summed=pairs(summed))
    return result


def matmul(x: Any, y: Any) -> Value:
    """The matrix product, NumPy's rules: leading axes broadcast, a vector is a row or a column."""
    left, right = asvalue(x), asvalue(y)
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
    left, right = asvalue(x), asvalue(y)
    if not isinstance(axes, (tuple, list)):
        n, rank = shapes.index("tensordot", "axes", axes), len(left.type.shape)
        pairs = [(rank - n + i, i) for i in range(n)]
    else:
        lists = [_several(item) for item in axes]
        if len(lists) != 2 or len(lists[0]) != len(lists[1]):
            raise ArgumentError("tensordot", f"axes must pair up, got {axes}")
        pairs = list(zip(*lists, strict=True))
    return contract(left, right, summed=pairs)


def dot(x: Any, y: Any) -> Value:
    """Σ over the last axis of x and the last but one of y; a number scales."""
    left, right = asvalue(x), asvalue(y)
    if not left.type.shape or not right.type.shape:
        return left * right
    place = builtins.max(len(right.type.shape) - 2, 0)
    return contract(left, right, summed=[(-1, place)])


def inner(x: Any, y: Any) -> Value:
    """Σ over the last axes of both; a number scales."""
    left, right = asvalue(x), asvalue(y)
    if not left.type.shape or not right.type.shape:
        return left * right
    return contract(left, right, summed=[(-1, -1)])


def vecdot(x: Any, y: Any, axis: int = -1) -> Value:
    """Σ x·y along `axis`, in step over the others."""
    product = asvalue(x) * asvalue(y)
    return cast(sum(product, axis), product.type.dtype)


def outer(x: Any, y: Any) -> Value:
    """All products of the elements of two flattened tensors."""
    return contract(reshape(x, (-1,)), reshape(y, (-1,)))


def einsum(subscripts: str, *operands: Any) -> Value:
    """Products summed over the letters that `subscripts` leaves out behind the arrow: ij,jk->ik.

    One or two operands; each letter stands once in an operand and once in the output.
    """
    terms, output = _subscripts(subscripts, len(operands))
    values = [asvalue(operand) for operand in operands]
    for k, (value, term) in enumerate(zip(values, terms, strict=True)):
        if len(term) != len(value.type.shape):
            got = shapes.text(value.type.shape)
            raise ShapeError("einsum", f"'{term}' needs {len(term)} axes, got {got}")
        others = output + "".join(terms[:k] + terms[k + 1 :])
        lone = tuple(i for i, letter in enumerate(term) if letter not in others)
        if lone:  # only this operand has them
            values[k], terms[k] = sum(value, lone), "".join(a for a in term if a in others)
    if len(values) == 1:
        return permute_dims(values[0], [terms[0].index(a) for a in output])
    x, y = terms
    shared = [(x.index(a), y.index(a)) for a in x if a in y and a in output]
    summed = [(x.index(a), y.index(a)) for a in x if a in y and a not in output]
    have = "".join(x[i] for i, _ in shared)
    have += "".join(a for a in x if a not in y) + "".join(a for a in y if a not in x)
    return permute_dims(
        contract(values[0], values[1], shared, summed), [have.index(a) for a in output]
    )


def _subscripts(subscripts: Any, count: int) -> tuple[list[str], str]:
    """The letters of each operand and of the output."""
    text = subscripts.replace(" ", "") if isinstance(subscripts, str) else ""
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if not arrow:  # NumPy's rule: letters that stand once, in the order of the alphabet
        output = "".join(sorted(a for a in set(inputs) if a.isalpha() and inputs.count(a) == 1))
    single = builtins.all(len(set(term)) == len(term) for term in (*terms, output))
    letters = builtins.all(a.isalpha() for term in (*terms, output) for a in term)
    known = set(output) <= set(inputs)
    if not text or count not in (1, 2) or len(terms) != count or not (single and letters and known):
        raise ArgumentError(
            "einsum",
            f"expected letters such as 'ij,jk->ik' for one or two operands, got {subscripts!r} "
            f"for {count}",
            "Each letter stands once in an operand; write three operands as two products.",
        )
    return terms, output


def take(x: Any, indices: Any, axis: int | None = None) -> Value:
    """The slices of x at `indices` along `axis`; a negative index counts from the end."""
    value, places = asvalue(x), asvalue(indices)
    if axis is None:
        value, axis = reshape(value, (-1,)), 0
    place = shapes.axis_index("take", axis, len(value.type.shape))
    if not places.type.dtype.is_integer:
        raise DTypeError("take", f"indices must be integers, got {places.type!r}")
    if places.type.dtype.kind == "i":
        length = count(value, (place,), places.type.dtype)
        places = where(places < 0, places + length, places)
    result: Value = apply("gather", value, places, axis=place)
    return result


def gather(x: Any, indices: Any, axis: int = 0) -> Value:
    """The slices of x at `indices` ≥ 0 along `axis`."""
    value = asvalue(x)
    place = shapes.axis_index("gather", axis, len(value.type.shape))
    result: Value = apply("gather", value, asvalue(indices), axis=place)
    return result


def windows(
    x: Any,
    axes: Sequence[int],
    size: Sequence[int],
    stride: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
) -> Value:
    """Sliding views of `size` elements: `axes` count the windows, new last axes run inside one."""
    value, ones = asvalue(x), (1,) * len(_several(axes))
    places = tuple(shapes.axis_index("windows", i, len(value.type.shape)) for i in _several(axes))
    result: Value = apply(
        "windows",
        value,
        axes=places,
        size=_ints("windows", "size", size),
        stride=ones if stride is None else _ints("windows", "stride", stride),
        dilation=ones if dilation is None else _ints("windows", "dilation", dilation),
    )
    return result


def fold(
    x: Any,
    axes: Sequence[int],
    size: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    lengths: Sequence[int],
) -> Value:
    """The transpose of `windows`: every element is added to the place it was seen at."""
    value = asvalue(x)
    result: Value = apply(
        "fold",
        value,
        axes=_ints("fold", "axes", axes),
        size=_ints("fold", "size", size),
        stride=_ints("fold", "stride", stride),
        dilation=_ints("fold", "dilation", dilation),
        lengths=_ints("fold", "lengths", lengths),
    )
    return result


def scatter_add(x: Any, indices: Any, updates: Any, axis: int = 0) -> Value:
    """x with each slice of `updates` added at its index; equal indices add up."""
    value = asvalue(x)
    place = shapes.axis_index("scatter_add", axis, len(value.type.shape))
    added = cast(updates, value.type.dtype)
    result: Value = apply("scatter_add", value, asvalue(indices), added, axis=place)
    return result


def one_hot(indices: Any, depth: int, dtype: Any = dtypes.DEFAULT) -> Value:
    """1 at the index along a new last axis, else 0."""
    kind = dtypes.as_dtype(dtype, "one_hot")
    result: Value = apply("one_hot", asvalue(indices), depth=_dims(depth)[0], dtype=kind)
    return result


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """ln Σ eˣ over `axis`, without overflow: the largest element is taken out first."""
    value = _float(x)
    top = apply("stop_gradient", max(value, axis, keepdims=True))
    top = where(elementwise("isfinite", top), top, 0)
    total = elementwise("log", sum(elementwise("exp", value - top), axis, keepdims=True))
    result = total + top
    return result if keepdims else squeeze(result, _lost(value, axis))


def _lost(value: Value, axis: Axis) -> tuple[int, ...]:
    return shapes.axes("axis", axis, len(value.type.shape))


def softmax(x: Any, axis: int = -1) -> Value:
    """eˣ / Σ eˣ along `axis`: positive, sums to 1, without overflow."""
    value = _float(x)
    top = apply("stop_gradient", max(value, axis, keepdims=True))
    e = elementwise("exp", value - top)
    return e / sum(e, axis, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Value:
    """ln softmax(x), without overflow."""
    value = _float(x)
    return value - logsumexp(value, axis, keepdims=True)


def pad(
    x: Any,
    value: Any,
    low: Sequence[int],
    high: Sequence[int],
    interior: Sequence[int] | None = None,
) -> Value:
    """x with `value` before (`low`), behind (`high`) and between (`interior`) its elements."""
    tensor = asvalue(x)
    if tensor.type.dtype.kind == "b":
        whole = pad(astype(tensor, dtypes.uint8), cast(value, dtypes.uint8), low, high, interior)
        return astype(whole, dtypes.bool_)
    widths = (low, high, (0,) * len(tensor.type.shape) if interior is None else interior)
    before, after, between = (_ints("pad", "a width", width) for width in widths)
    filler = cast(value, tensor.type.dtype)
    result: Value = apply("pad", tensor, filler, low=before, high=after, interior=between)
    return result


def full(shape: Dim | Sequence[Dim], fill_value: Any, dtype: Any = None) -> Value:
    """A tensor of one number."""
    dims: Shape = shapes.check("full", _dims(shape))
    kind = common_dtype("full", [fill_value]) if dtype is None else dtypes.as_dtype(dtype, "full")
    if isinstance(fill_value, Value):
        return broadcast_to(cast(fill_value, kind), dims)
    return number(fill_value, kind, dims)


def zeros(shape: Dim | Sequence[Dim], dtype: Any = dtypes.DEFAULT) -> Value:
    """A tensor of zeros."""
    return full(shape, 0, dtype)


def ones(shape: Dim | Sequence[Dim], dtype: Any = dtypes.DEFAULT) -> Value:
    """A tensor of ones."""
    return full(shape, 1, dtype)


def _kind(x: Value, dtype: Any, where: str) -> DType:
    return x.type.dtype if dtype is None else dtypes.as_dtype(dtype, where)


def zeros_like(x: Any, dtype: Any = None) -> Value:
    """Zeros of the shape and dtype of x."""
    return full_like(x, 0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Value:
    """Ones of the shape and dtype of x."""
    return full_like(x, 1, dtype)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Value:
    """One number, or a tensor that broadcasts, in the shape and dtype of x."""
    value = asvalue(x)
    filler = cast(fill_value, _kind(value, dtype, "full_like"))
    return broadcast_to(filler, value.type.shape)


def arange(start: int, stop: int | None = None, step: int = 1, dtype: Any = dtypes.int64) -> Value:
    """start, start + step, … below stop; 0, 1, … below start where it stands alone."""
    names = ("start", "stop", "step")
    first, last, stride = (
        shapes.index("arange", name, value)
        for name, value in zip(names, (start, start if stop is None else stop, step), strict=True)
    )
    first = 0 if stop is None else first
    if stride == 0:
        raise ArgumentError("arange", "step must not be 0, got 0")
    n, kind = len(range(first, last, stride)), dtypes.as_dtype(dtype, "arange")
    result: Value = apply("iota", shape=(n,), axis=0, dtype=kind)
    result = result if stride == 1 else result * stride
    return result if first == 0 else result + first


def eye(rows: int, columns: int | None = None, k: int = 0, dtype: Any = dtypes.DEFAULT) -> Value:
    """1 on the k-th diagonal, else 0."""
    plane = _dims((rows, rows if columns is None else columns))
    row, column = (apply("iota", shape=plane, axis=i, dtype=dtypes.int64) for i in (0, 1))
    return astype(column - row == shapes.index("eye", "k", k), dtype)


def getitem(
    x: Any, start: Sequence[int], stop: Sequence[Dim], step: Sequence[int] | None = None
) -> Value:
    """The rectangular part [start, stop) of x, every step-th element of each axis."""
    value = asvalue(x)
    rank = len(value.type.shape)
    steps = (1,) * rank if step is None else _ints("getitem", "step", step)
    whole = ((0,) * len(steps), value.type.shape, (1,) * len(steps))
    if (tuple(start), tuple(stop), steps) == whole:
        return value
    first = _ints("getitem", "start", start)
    result: Value = apply("slice", value, start=first, stop=_dims(stop), step=steps)
    return result


def index(x: Any, key: Any) -> Value:
    """x[key] for whole numbers, slices, None, … and integer arrays or Tensors."""
    value = asvalue(x)
    keys = list(key) if isinstance(key, tuple) else [key]
    named = [k for k in keys if k is not None and k is not Ellipsis]
    dots = [i for i, k in enumerate(keys) if k is Ellipsis]
    rank = len(value.type.shape)
    if len(dots) > 1 or len(named) > rank:
        raise ArgumentError("index", f"expected at most {rank} indices and one …, got {key!r}")
    fill = [slice(None)] * (rank - len(named))
    at = dots[0] if dots else len(keys)
    apart = _apart(keys)
    keys = keys[:at] + fill + keys[at + len(dots) :]
    return _index(value, keys, apart)


def _is_number(item: Any) -> bool:
    plain = hasattr(item, "__index__") and not isinstance(item, (bool, Value))
    return plain and getattr(item, "shape", ()) == ()


def _apart(keys: list[Any]) -> bool:
    """Whether a slice, None or … stands between two numbers or arrays: NumPy's special case."""
    basic = [k is None or k is Ellipsis or isinstance(k, slice) for k in keys]
    places = [i for i, plain in enumerate(basic) if not plain]
    return builtins.any(basic[i] for i in range(places[0], places[-1])) if places else False


def _index(value: Value, keys: list[Any], apart: bool) -> Value:
    """Slices first, then one gather, then the axes that whole numbers drop and None adds."""
    shape = value.type.shape
    bounds: list[tuple[int, Dim, int]] = []
    reverse: list[int] = []
    plan: list[int | None] = []  # per result axis: an input axis, None for a new one
    arrays: list[tuple[int, Any]] = []
    axis = 0
    for item in keys:
        if item is None:
            plan.append(None)
            continue
        dim = shape[axis]
        if isinstance(item, slice):
            first, last, stride = _slice(item, dim)
            if stride < 0:
                reverse.append(axis)
                length = len(range(first, last, stride))
                first, last = (first + (length - 1) * stride, first + 1) if length else (0, 0)
            plan.append(axis)
            bounds.append((first, last, builtins.abs(stride)))
        elif _is_number(item):
            place = _place(item, dim)
            bounds.append((place, place + 1, 1))
        else:
            arrays.append((len(plan), item))
            plan.append(axis)
            bounds.append((0, dim, 1))
        axis += 1
    start, stop, step = (tuple(bound[i] for bound in bounds) for i in range(3))
    value = getitem(value, start, stop, step)  # type: ignore[arg-type]
    if reverse:
        value = apply("flip", value, axis=tuple(reverse))
    value = reshape(value, tuple(1 if a is None else value.type.shape[a] for a in plan))
    return _gathered(value, arrays, apart) if arrays else value


def _gathered(value: Value, arrays: list[tuple[int, Any]], apart: bool) -> Value:
    """One gather for all index arrays: their axes are made one, their indices one number."""
    places = [place for place, _ in arrays]
    several = [_index_array(item) for _, item in arrays]
    if len(arrays) == 1:
        result = take(value, several[0], places[0])
    else:
        at = 0 if apart else places[0]
        value = moveaxis(value, places, [at + i for i in range(len(places))])
        lengths = [_length("index", value, at + i) for i in range(len(places))]
        rest = (*value.type.shape[:at], math.prod(lengths), *value.type.shape[at + len(places) :])
        result = take(reshape(value, rest), _joined(several, lengths), at)
        places = [at]
    rank = len(several[0].type.shape)
    if not apart or places[0] == 0 or rank == 0:
        return result
    return moveaxis(result, [places[0] + i for i in range(rank)], list(range(rank)))


def _joined(several: list[Value], lengths: list[int]) -> Value:
    """Indices along axes of `lengths` as one index in row-major order; -1 - size if one is out."""
    total: Value | None = None
    inside: Value | None = None
    for places, length in zip(broadcast_arrays(*several), lengths, strict=True):
        places = astype(places, dtypes.int64)
        valid = (places >= -length) & (places < length)
        inside = valid if inside is None else inside & valid
        places = where(places < 0, places + length, places)
        total = places if total is None else total * length + places
    assert total is not None and inside is not None
    return where(inside, total, -1 - math.prod(lengths))


def _slice(item: slice, dim: Dim) -> tuple[Any, Any, int]:
    if isinstance(dim, Batch):
        if item == slice(None):
            return 0, dim, 1
        raise ShapeError(
            "index",
            f"the batch axis {dim!r} must stay whole, got {item}",
            "Take the rows before the call instead.",
        )
    first, last, stride = item.indices(dim)
    return first, builtins.max(first, last) if stride > 0 else last, stride


def _place(item: Any, dim: Dim) -> int:
    if isinstance(dim, Batch):
        raise ShapeError(
            "index", f"one row of the batch axis {dim!r} cannot be taken", "Reduce it instead."
        )
    place = int(item.__index__())
    if not -dim <= place < dim:
        raise ArgumentError("index", f"an index must lie in [{-dim}, {dim}), got {place}")
    return place % dim


def _index_array(item: Any) -> Value:
    places = asvalue(item)
    if places.type.dtype.kind == "b":
        raise ArgumentError(
            "index",
            "a boolean mask gives a shape that depends on values",
            "Use where(mask, x, 0) and keep the shape.",
        )
    if not places.type.dtype.is_integer:
        raise DTypeError("index", f"an index must be an integer array, got {places.type!r}")
    return places
