"""Functions made of rows, in Array API spelling. They take Tensors, NumPy arrays and numbers.

In: operands of any mix; axes as people write them (negative, None, a tuple). Out: a Value of the
active recorder. `pellucid.numpy` is this module and the elementwise rows under one name.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
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
    number,
    weak_kind,
)

Axis = int | tuple[int, ...] | None


def asvalue(x: Any) -> Value:
    """x in the active recorder; a Python number becomes a constant of the default dtype."""
    if isinstance(x, Value):
        return current().lift(x)
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return current().lift(x)
    if weak_kind(x) is not None:
        return number(x, common_dtype("operand", [x]))
    return current().lift(x)


def _float(x: Any) -> Value:
    value = asvalue(x)
    return value if value.type.dtype.is_float else cast(value, dtypes.DEFAULT)


def astype(x: Any, dtype: Any) -> Value:
    """x in another dtype. A float becomes an integer by dropping its fraction."""
    return cast(asvalue(x), dtypes.as_dtype(dtype, "astype"))


def _reduce(name: str, x: Any, axis: Axis, keepdims: bool) -> Value:
    value = asvalue(x)
    dims = shapes.axes(name, axis, len(value.type.shape))
    if name in ("sum",) and not value.type.dtype.is_float and value.type.dtype.itemsize < 8:
        value = cast(value, dtypes.uint64 if value.type.dtype.kind == "u" else dtypes.int64)
    if value.type.dtype.kind == "b":
        value = cast(value, dtypes.int64)
    result: Value = apply(name, value, axis=dims, keepdims=bool(keepdims))
    return result


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """Σ x over `axis` (all axes for None); integers add up in 64 bits."""
    return _reduce("sum", x, axis, keepdims)


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
    if value.type.dtype.kind in "bu":
        value = cast(value, dtypes.int64)
    return argmax(-value, axis, keepdims)


def reshape(x: Any, shape: Dim | Sequence[Dim]) -> Value:
    """The elements of x in row-major order under a new shape; one dimension may be -1."""
    value = asvalue(x)
    dims = (shape,) if isinstance(shape, (int, Batch)) else tuple(shape)
    plain = [d if isinstance(d, Batch) else shapes.index("reshape", "shape", d) for d in dims]
    target = shapes.reshaped("reshape", value.type.shape, plain)
    if target == value.type.shape:
        return value
    result: Value = apply("reshape", value, shape=target)
    return result


def permute_dims(x: Any, axes: Sequence[int]) -> Value:
    """x with its axes in another order."""
    value = asvalue(x)
    rank = len(value.type.shape)
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


def broadcast_to(x: Any, shape: Sequence[Dim]) -> Value:
    """x repeated to `shape`."""
    value = asvalue(x)
    target = shapes.check("broadcast_to", tuple(shape))
    if target == value.type.shape:
        return value
    result: Value = apply("broadcast_to", value, shape=target)
    return result


def expand_dims(x: Any, axis: int = 0) -> Value:
    """x with a new axis of length 1."""
    value = asvalue(x)
    place = shapes.axis_index("expand_dims", axis, len(value.type.shape) + 1)
    return reshape(value, (*value.type.shape[:place], 1, *value.type.shape[place:]))


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


def concat(xs: Sequence[Any], axis: int | None = 0) -> Value:
    """Tensors one behind the other along `axis`; flattened first for None."""
    if isinstance(xs, Value) or not isinstance(xs, (list, tuple)) or not xs:
        raise ArgumentError("concat", f"expected a non-empty list of tensors, got {xs!r}")
    dtype = common_dtype("concat", [asvalue(x) for x in xs])
    values = [cast(asvalue(x), dtype) for x in xs]
    if axis is None:
        values, axis = [reshape(value, (-1,)) for value in values], 0
    place = shapes.axis_index("concat", axis, len(values[0].type.shape))
    result: Value = apply("concat", *values, axis=place)
    return result


def stack(xs: Sequence[Any], axis: int = 0) -> Value:
    """Tensors of one shape side by side along a new axis."""
    if isinstance(xs, Value) or not isinstance(xs, (list, tuple)) or not xs:
        raise ArgumentError("stack", f"expected a non-empty list of tensors, got {xs!r}")
    values = [asvalue(x) for x in xs]
    first = values[0].type.shape
    for value in values:
        if value.type.shape != first:
            got = f"{shapes.text(first)} and {shapes.text(value.type.shape)}"
            raise ShapeError("stack", f"all shapes must be equal, got {got}")
    return concat([expand_dims(value, axis) for value in values], axis)


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


def contract(x: Any, y: Any, summed: Any, batch: Any = ()) -> Value:
    """Σ of products over pairs of axes `summed`, in step over pairs `batch`."""
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
    if len(a) <= 2 and len(b) <= 2:
        return contract(left, right, [(-1, inner)])
    if len(b) <= 2:
        return contract(left, right, [(-1, inner)])
    lead = shapes.broadcast("matmul", a[:-2], b[:-2])
    if len(a) == 1:
        product = contract(right, left, [(-2, 0)])
        return product
    n = len(lead)
    left = broadcast_to(left, (*lead, *a[-2:]))
    right = broadcast_to(right, (*lead, *b[-2:]))
    return contract(left, right, [(-1, -2)], [(i, i) for i in range(n)])


def tensordot(x: Any, y: Any, axes: Any = 2) -> Value:
    """Σ over the last `axes` of x and the first of y, or over two lists of axes."""
    left, right = asvalue(x), asvalue(y)
    if isinstance(axes, int):
        rank = len(left.type.shape)
        pairs = [(rank - axes + i, i) for i in range(axes)]
    else:
        first, second = axes
        one = [first] if isinstance(first, int) else list(first)
        two = [second] if isinstance(second, int) else list(second)
        if len(one) != len(two):
            raise ArgumentError("tensordot", f"axes must pair up, got {axes}")
        pairs = list(zip(one, two, strict=True))
    return contract(left, right, pairs)


def outer(x: Any, y: Any) -> Value:
    """All products of the elements of two flattened tensors."""
    return contract(reshape(x, (-1,)), reshape(y, (-1,)), [])


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
    result: Value = apply("one_hot", asvalue(indices), depth=depth, dtype=kind)
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
    return e / sum(e, axis, keepdims=True)  # type: ignore[no-any-return]


def log_softmax(x: Any, axis: int = -1) -> Value:
    """ln softmax(x), without overflow."""
    value = _float(x)
    return value - logsumexp(value, axis, keepdims=True)


def pad(x: Any, width: Any, value: Any = 0) -> Value:
    """x with `value` around it; `width` is (before, after) an axis."""
    tensor = asvalue(x)
    rank = len(tensor.type.shape)
    pairs = [width] * rank if isinstance(width, int) else list(width)
    if len(pairs) == 2 and all(isinstance(item, int) for item in pairs):
        pairs = [tuple(pairs)] * rank
    pairs = [(item, item) if isinstance(item, int) else tuple(item) for item in pairs]
    if len(pairs) == 1:
        pairs = pairs * rank
    if len(pairs) != rank:
        raise ArgumentError("pad", f"width needs {rank} pairs, got {width!r}")
    result: Value = apply(
        "pad",
        tensor,
        cast(value, tensor.type.dtype),
        low=tuple(before for before, _ in pairs),
        high=tuple(after for _, after in pairs),
        interior=(0,) * rank,
    )
    return result


def full(shape: Dim | Sequence[Dim], fill_value: Any, dtype: Any = None) -> Value:
    """A tensor of one number."""
    dims: Shape = (shape,) if isinstance(shape, (int, Batch)) else tuple(shape)
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


def arange(n: int, dtype: Any = dtypes.int64) -> Value:
    """0, 1, …, n - 1."""
    result: Value = apply("iota", shape=(n,), axis=0, dtype=dtypes.as_dtype(dtype, "arange"))
    return result


def getitem(x: Any, key: Any) -> Value:
    """x[key] for whole numbers, slices, None, … and one integer array or Tensor."""
    value = asvalue(x)
    keys = list(key) if isinstance(key, tuple) else [key]
    named = [k for k in keys if k is not None and k is not Ellipsis]
    dots = [i for i, k in enumerate(keys) if k is Ellipsis]
    rank = len(value.type.shape)
    if len(dots) > 1 or len(named) > rank:
        raise ArgumentError("index", f"expected at most {rank} indices and one …, got {key!r}")
    fill = [slice(None)] * (rank - len(named))
    at = dots[0] if dots else len(keys)
    keys = keys[:at] + fill + keys[at + len(dots) :]
    return _index(value, keys)


def _index(value: Value, keys: list[Any]) -> Value:
    """Slices first, then one gather, then the axes that whole numbers drop and None adds."""
    shape = value.type.shape
    bounds: list[tuple[int, Dim, int]] = []
    reverse: list[int] = []
    shape_plan: list[Any] = []  # per result axis: an input axis, None for a new one
    arrays: list[tuple[int, Any]] = []
    axis = 0
    for item in keys:
        if item is None:
            shape_plan.append(None)
            continue
        dim = shape[axis]
        if isinstance(item, slice):
            first, last, stride = _slice(item, dim)
            if stride < 0:
                reverse.append(axis)
                length = len(range(first, last, stride))
                first, last = (first + (length - 1) * stride, first + 1) if length else (0, 0)
            shape_plan.append(axis)
            bounds.append((first, last, builtins.abs(stride)))
        elif hasattr(item, "__index__") and not isinstance(item, (bool, Value)):
            place = _place(item, dim)
            bounds.append((place, place + 1, 1))
        else:
            arrays.append((len(shape_plan), item))
            shape_plan.append(axis)
            bounds.append((0, dim, 1))
        axis += 1
    if bounds != [(0, dim, 1) for dim in shape]:
        start, stop, step = (tuple(part) for part in zip(*bounds, strict=True))
        value = apply("slice", value, start=start, stop=stop, step=step)
    if reverse:
        value = apply("flip", value, axis=tuple(reverse))
    value = reshape(value, tuple(1 if a is None else value.type.shape[a] for a in shape_plan))
    if len(arrays) > 1:
        raise ArgumentError(
            "index",
            f"expected at most one index array, got {len(arrays)}",
            "Gather along one axis at a time with take.",
        )
    for place, item in arrays:
        value = take(value, _index_array(item), place)
    return value


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
