"""Composites that make tensors from numbers."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from pellucid.core import dtypes, shapes
from pellucid.core.arguments import integer
from pellucid.core.dtypes import DType
from pellucid.core.errors import ArgumentError
from pellucid.core.shapes import Dim, Shape
from pellucid.ops.composite.base import as_dims, as_flag, as_floats, astype, asvalue
from pellucid.ops.composite.movement import broadcast_to, moveaxis, reshape
from pellucid.ops.value import Value, apply, cast, common_dtype, exactly, is_scalar, number


def full(shape: Dim | Sequence[Dim], fill_value: Any, dtype: Any = None) -> Value:
    """A tensor of one number. A float becomes float32 unless `dtype` says otherwise."""
    dims: Shape = shapes.check("full", as_dims(shape))
    fill_value = exactly(fill_value)
    if dtype is not None:
        kind = dtypes.as_dtype(dtype, "full")
    else:
        kind = common_dtype("full", [fill_value])
        if kind.is_float and not isinstance(fill_value, Value):
            kind = dtypes.DEFAULT
    if not is_scalar(fill_value):
        return broadcast_to(cast(fill_value, kind), dims)
    return number(fill_value, kind, dims)


def zeros(shape: Dim | Sequence[Dim], dtype: Any = None) -> Value:
    """A tensor of zeros, float32 unless `dtype` says otherwise."""
    return full(shape, 0.0 if dtype is None else 0, dtype)


def ones(shape: Dim | Sequence[Dim], dtype: Any = None) -> Value:
    """A tensor of ones, float32 unless `dtype` says otherwise."""
    return full(shape, 1.0 if dtype is None else 1, dtype)


def _kind(x: Value, dtype: Any, where: str) -> DType:
    return x.type.dtype if dtype is None else dtypes.as_dtype(dtype, where)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Value:
    """One number, or a tensor that broadcasts, in the shape and dtype of x."""
    value = asvalue(x)
    filler = cast(fill_value, _kind(value, dtype, "full_like"))
    return broadcast_to(filler, value.type.shape)


def zeros_like(x: Any, dtype: Any = None) -> Value:
    """Zeros of the shape and dtype of x."""
    return full_like(x, 0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Value:
    """Ones of the shape and dtype of x."""
    return full_like(x, 1, dtype)


def arange(start: int, stop: int | None = None, step: int = 1, dtype: Any = None) -> Value:
    """start, start + step, … below stop; 0, 1, … below start where it stands alone; int64."""
    names = ("start", "stop", "step")
    first, last, stride = (
        shapes.index("arange", name, value)
        for name, value in zip(names, (start, start if stop is None else stop, step), strict=True)
    )
    first = 0 if stop is None else first
    if stride == 0:
        raise ArgumentError("arange", "step must not be 0, got 0")
    n = max(0, -((first - last) // stride))
    kind = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype, "arange")
    result: Value = apply("iota", shape=(n,), axis=0, dtype=kind)
    result = result if stride == 1 else result * stride
    return result if first == 0 else result + first


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Value:
    """`num` numbers at equal steps from start to stop, along a new axis; without the last one
    unless `endpoint`. Of numbers alone they are float32 unless `dtype` says otherwise.
    """
    n = integer("linspace", "num", num)
    endpoint = as_flag("linspace", "endpoint", endpoint)
    numbers = is_scalar(start) and is_scalar(stop)
    first, last = as_floats("linspace", start, stop)
    kind = first.type.dtype
    steps = n - 1 if endpoint else n
    places = astype(apply("iota", shape=(n,), axis=0, dtype=dtypes.int64), kind)
    shape = shapes.broadcast("linspace", first.type.shape, last.type.shape)
    places = reshape(places, (n, *(1,) * len(shape)))
    result: Value = places * ((last - first) / builtins.max(steps, 1)) + first
    if endpoint and n > 1:  # the end itself, not what rounding makes of it
        result = apply("where", places == n - 1, broadcast_to(last, result.type.shape), result)
    goal = (dtypes.DEFAULT if numbers else kind) if dtype is None else dtype
    return astype(moveaxis(result, 0, axis), goal)


def eye(rows: int, columns: int | None = None, k: int = 0, dtype: Any = None) -> Value:
    """1 on the k-th diagonal, else 0; float32 unless `dtype` says otherwise."""
    plane = as_dims((rows, rows if columns is None else columns))
    row, column = (apply("iota", shape=plane, axis=i, dtype=dtypes.int64) for i in (0, 1))
    kind = dtypes.DEFAULT if dtype is None else dtype
    return astype(column - row == shapes.index("eye", "k", k), kind)


def one_hot(indices: Any, depth: int, dtype: Any = None) -> Value:
    """1 at the index along a new last axis, else 0; float32 unless `dtype` says otherwise."""
    kind = dtypes.DEFAULT if dtype is None else dtypes.as_dtype(dtype, "one_hot")
    result: Value = apply("one_hot", asvalue(indices), depth=as_dims((depth,))[0], dtype=kind)
    return result
