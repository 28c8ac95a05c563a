"""Rows that read and write at computed positions, and rows that make tensors from nothing."""

from __future__ import annotations

from typing import Any

from pellucid.core import shapes
from pellucid.core.dtypes import DType, int64
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import Dim, Shape
from pellucid.graph.node import TensorType
from pellucid.ops.blocks import along, in_blocks
from pellucid.ops.spec import (
    ANY,
    INTEGERS,
    NUMBERS,
    Kind,
    Linear,
    Op,
    ZeroGradient,
    check_dtype,
    register,
    same_dtype,
)
from pellucid.ops.value import Value, apply, zeros_like


def _gather_type(x: TensorType, indices: TensorType, axis: int) -> TensorType:
    check_dtype("gather", "indices", indices, INTEGERS)
    shapes.front_axis("gather", axis, len(x.shape))
    shape = x.shape[:axis] + indices.shape + x.shape[axis + 1 :]
    return TensorType(x.dtype, shapes.check("gather", shape))


def _gather_back(ct: Value, x: Value, indices: Value, axis: int) -> Value:
    result: Value = apply("scatter_add", zeros_like(x), indices, ct, axis=axis)
    return result


gather = register(
    Op(
        "gather",
        Kind.GATHER,
        ("x", "indices"),
        ("axis",),
        _gather_type,
        forward=lambda xp, x, indices, axis: xp.gather(x, indices, axis),
        derivative=Linear((_gather_back, None), wrt=(0,)),
        exact=True,
        samples=((-3, 3), (0, 1)),
        accepts=ANY,
        formula=r"x_{i}",
        domain="0 ≤ index < length; another index is an error",
        doc="The slices of x at `indices` along an axis.",
        refuses=True,
    )
)


def _scatter_type(
    x: TensorType,
    indices: TensorType,
    updates: TensorType,
    axis: int,
    block: int | None = None,
) -> TensorType:
    if block is not None and not indices.shape:
        raise ArgumentError("scatter_add", "block needs an axis of indices, got one index")
    same_dtype("scatter_add", ("x", "updates"), (x, updates))
    check_dtype("scatter_add", "x", x, NUMBERS)
    wanted = _gather_type(x, indices, axis)
    if updates.shape != wanted.shape:
        raise ShapeError(
            "scatter_add",
            f"updates must be {shapes.text(wanted.shape)}, got {shapes.text(updates.shape)}",
        )
    return x


def _scatter(
    xp: Any, x: Any, indices: Any, updates: Any, axis: int, block: int | None = None
) -> Any:
    if block is None:
        return xp.scatter_add(x, indices, updates, axis)
    nothing = xp.zeros_like(x)

    def part(begin: int, end: int) -> Any:
        some = along(xp, indices, 0, begin, end), along(xp, updates, axis, begin, end)
        return xp.scatter_add(nothing, *some, axis)

    return xp.add(x, in_blocks(xp, indices.shape[0], block, part))


def _updates_back(
    ct: Value, x: Value, indices: Value, updates: Value, axis: int, block: int | None = None
) -> Value:
    result: Value = apply("gather", ct, indices, axis=axis)
    return result


scatter_add = register(
    Op(
        "scatter_add",
        Kind.GATHER,
        ("x", "indices", "updates"),
        ("axis",),
        _scatter_type,
        forward=_scatter,
        derivative=Linear(
            (lambda ct, x, indices, updates, axis, block=None: ct, None, _updates_back),
            wrt=(0, 2),
        ),
        samples=((-3, 3), (0, 1), (-3, 3)),
        accepts=NUMBERS,
        formula=r"x_i + \sum_{j: k_j = i} u_j",
        domain="0 ≤ index < length; another index is an error",
        doc="x with each slice of `updates` added at its index; equal indices add up.",
        refuses=True,
        optional=("block",),
    )
)


def _one_hot_type(indices: TensorType, depth: Dim, dtype: DType) -> TensorType:
    check_dtype("one_hot", "indices", indices, INTEGERS)
    return TensorType(dtype, shapes.check("one_hot", (*indices.shape, depth)))


one_hot = register(
    Op(
        "one_hot",
        Kind.GATHER,
        ("indices",),
        ("depth", "dtype"),
        _one_hot_type,
        forward=lambda xp, indices, depth, dtype: xp.one_hot(indices, depth, dtype),
        derivative=ZeroGradient("indices are integers"),
        exact=True,
        samples=((0, 3),),
        accepts=INTEGERS,
        formula=r"I(i = k)",
        doc="1 at the index along a new last axis, else 0; an index outside gives a row of zeros.",
    )
)


def _full_type(value: Any, shape: Shape, dtype: DType) -> TensorType:
    if not dtype.holds(value):
        raise ArgumentError("full", f"value must be a number that {dtype} holds, got {value!r}")
    return TensorType(dtype, shapes.check("full", shape))


full = register(
    Op(
        "full",
        Kind.CREATE,
        (),
        ("value", "shape", "dtype"),
        _full_type,
        forward=lambda xp, value, shape, dtype: xp.full(shape, value, dtype),
        derivative=ZeroGradient("a constant"),
        exact=True,
        formula="c",
        accepts=ANY,
        doc="A tensor that holds one number everywhere.",
    )
)


def _iota_type(shape: Shape, axis: int, dtype: DType) -> TensorType:
    shapes.front_axis("iota", axis, len(shape))
    result = TensorType(dtype, shapes.check("iota", shape))
    check_dtype("iota", "dtype", result, NUMBERS)
    length = shape[axis]
    if isinstance(length, int) and dtype.is_integer and not dtype.holds(max(length - 1, 0)):
        raise ArgumentError("iota", f"{dtype} must hold 0 to {length - 1}, and does not")
    return result


iota = register(
    Op(
        "iota",
        Kind.CREATE,
        (),
        ("shape", "axis", "dtype"),
        _iota_type,
        forward=lambda xp, shape, axis, dtype: xp.iota(shape, axis, dtype),
        derivative=ZeroGradient("a constant"),
        exact=True,
        formula="i",
        accepts=NUMBERS,
        doc="0, 1, 2, … along an axis, repeated along the others.",
    )
)


def _size_type(x: TensorType, axis: int) -> TensorType:
    shapes.front_axis("size", axis, len(x.shape))
    return TensorType(int64, ())


size = register(
    Op(
        "size",
        Kind.CREATE,
        ("x",),
        ("axis",),
        _size_type,
        forward=lambda xp, x, axis: xp.size(x, axis),
        derivative=ZeroGradient("a length does not move with the elements"),
        exact=True,
        samples=((-3, 3),),
        formula="n",
        accepts=ANY,
        doc="The length of an axis as an integer scalar; under a batch it is N of the call.",
    )
)
