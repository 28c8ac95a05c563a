"""Composites that read and write at positions: `x[key]`, take, gather, scatter_add."""

from __future__ import annotations

import builtins
import math
from typing import Any

from pellucid.core import dtypes, shapes
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError
from pellucid.core.shapes import Batch, Dim
from pellucid.ops.composite.base import astype, asvalue, known_length
from pellucid.ops.composite.elementwise import where
from pellucid.ops.composite.movement import broadcast_arrays, getitem, moveaxis, reshape
from pellucid.ops.composite.reduce import count
from pellucid.ops.value import Value, apply, cast


def take(x: Any, indices: Any, axis: int | None = None) -> Value:
    """The slices of x at `indices` along `axis`; a negative index counts from the end."""
    value, places = asvalue(x), asvalue(indices)
    if axis is None:
        value, axis = reshape(value, (-1,)), 0
    place = shapes.axis_index("take", axis, len(value.type.shape))
    if not places.type.dtype.is_integer:
        raise DTypeError("take", f"indices must be integers, got {places.type!r}")
    if places.type.dtype.kind == "i":
        places = astype(places, dtypes.int64)  # a small integer may not hold the length
        length = count(value, (place,), places.type.dtype)
        below = (places < 0) & (
            places >= -length
        )  # one out of range stays what it is, and is named
        places = where(below, places + length, places)
    result: Value = apply("gather", value, places, axis=place)
    return result


def gather(x: Any, indices: Any, axis: int = 0) -> Value:
    """The slices of x at `indices` ≥ 0 along `axis`."""
    value = asvalue(x)
    place = shapes.axis_index("gather", axis, len(value.type.shape))
    result: Value = apply("gather", value, asvalue(indices), axis=place)
    return result


def scatter_add(x: Any, indices: Any, updates: Any, axis: int = 0) -> Value:
    """x with each slice of `updates` added at its index; equal indices add up."""
    value = asvalue(x)
    place = shapes.axis_index("scatter_add", axis, len(value.type.shape))
    added = cast(updates, value.type.dtype)
    result: Value = apply("scatter_add", value, asvalue(indices), added, axis=place)
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
    plain = hasattr(item, "__index__") and not isinstance(item, (bool, type, Value))
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


def _slice(item: slice, dim: Dim) -> tuple[Any, Any, int]:
    if isinstance(dim, Batch):
        if item == slice(None):
            return 0, dim, 1
        raise ShapeError(
            "index",
            f"the batch axis {dim!r} must stay whole, got {item}",
            "Take the rows before the call instead.",
        )
    for name in ("start", "stop", "step"):
        if getattr(item, name) is not None:
            shapes.index("index", f"the {name} of a slice", getattr(item, name))
    if item.step is not None and item.step == 0:
        raise ArgumentError("index", "the step of a slice must not be 0, got 0")
    first, last, stride = item.indices(dim)
    return first, builtins.max(first, last) if stride > 0 else last, stride


def _place(item: Any, dim: Dim) -> int:
    if isinstance(dim, Batch):
        raise ShapeError(
            "index", f"one row of the batch axis {dim!r} cannot be taken", "Reduce it instead."
        )
    place = shapes.index("index", "an index", item)
    if not -dim <= place < dim:
        raise ArgumentError("index", f"an index must lie in [{-dim}, {dim}), got {place}")
    return place % dim


def _index_array(item: Any) -> Value:
    places = asvalue(item)
    if isinstance(item, (list, tuple)) and 0 in places.type.shape:
        return cast(places, dtypes.int64)  # an empty list has no dtype
    if places.type.dtype.kind == "b":
        raise ArgumentError(
            "index",
            "a boolean mask gives a shape that depends on values",
            "Use where(mask, x, 0) and keep the shape.",
        )
    if not places.type.dtype.is_integer:
        raise DTypeError("index", f"an index must be an integer array, got {places.type!r}")
    return places


def _gathered(value: Value, arrays: list[tuple[int, Any]], apart: bool) -> Value:
    """One gather for all index arrays: their axes are made one, their indices one number."""
    places = [place for place, _ in arrays]
    several = [_index_array(item) for _, item in arrays]
    if len(arrays) == 1:
        result = take(value, several[0], places[0])
    else:
        at = 0 if apart else places[0]
        value = moveaxis(value, places, [at + i for i in range(len(places))])
        lengths = [known_length("index", value, at + i) for i in range(len(places))]
        rest = (*value.type.shape[:at], math.prod(lengths), *value.type.shape[at + len(places) :])
        result = take(reshape(value, rest), _joined(several, lengths), at)
        places = [at]
    rank = len(several[0].type.shape)
    if not apart or places[0] == 0 or rank == 0:
        return result
    return moveaxis(result, [places[0] + i for i in range(rank)], list(range(rank)))


def _joined(several: list[Value], lengths: list[int]) -> Value:
    """Indices along axes of `lengths` as one index in row-major order."""
    total: Value | None = None
    for places, length in zip(broadcast_arrays(*several), lengths, strict=True):
        own = take(apply("iota", shape=(length,), axis=0, dtype=dtypes.int64), places)  # checks it
        total = own if total is None else total * length + own
    assert total is not None
    return total
