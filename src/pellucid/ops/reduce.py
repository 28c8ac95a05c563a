"""Rows that reduce over axes. `axis` is a tuple of increasing axes from the front."""

from __future__ import annotations

from typing import Any

from pellucid.core import shapes
from pellucid.core.dtypes import int64
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import Dim
from pellucid.graph.node import TensorType
from pellucid.ops.blocks import along, in_blocks
from pellucid.ops.spec import (
    NUMBERS,
    Kind,
    Linear,
    NotDifferentiable,
    Op,
    Partials,
    check_dtype,
    register,
)
from pellucid.ops.value import Value, apply, cast, elementwise

Axis = tuple[int, ...]


def keep(value: Value, x: Value, axis: Axis, keepdims: bool) -> Value:
    """A reduced value with its lost axes back as 1, so that it broadcasts against x."""
    if keepdims or not axis:
        return value
    result: Value = apply("reshape", value, shape=shapes.reduced(x.type.shape, axis, True))
    return result


def _rule(name: str, empty: bool) -> Any:
    def type_rule(
        x: TensorType, axis: Axis, keepdims: bool, block: int | None = None
    ) -> TensorType:
        check_dtype(name, "x", x, NUMBERS)
        if block is not None and not axis:
            raise ArgumentError(name, "block needs an axis that is summed, got none")
        if axis != shapes.axes(name, axis, len(x.shape)):
            raise ArgumentError(name, f"axis must be increasing from the front, got {axis}")
        if not empty and any(x.shape[i] == 0 for i in axis):
            raise ShapeError(name, f"x must have an element to choose from, got {x!r}")
        return TensorType(x.dtype, shapes.reduced(x.shape, axis, keepdims))

    return type_rule


def _first(x: Value, axis: Axis, which: str) -> Value:
    """1 at the first extreme of each reduced block, in row-major order, else 0."""
    shape = x.type.shape
    rest = tuple(i for i in range(len(shape)) if i not in axis)
    order = rest + axis
    length = shapes.size(shape[i] for i in axis)
    flat = apply("permute_dims", x, axes=order) if order != tuple(range(len(shape))) else x
    lengths: tuple[Dim, ...] = (*(shape[i] for i in rest), length)
    flat = apply("reshape", flat, shape=lengths)
    if which == "min":
        flat = -flat
    chosen = apply("argmax", flat, axis=len(rest), keepdims=False)
    places = apply("iota", shape=(length,), axis=0, dtype=int64)
    one: tuple[Dim, ...] = tuple(1 if i in axis else dim for i, dim in enumerate(shape))
    own = tuple(dim if i in axis else 1 for i, dim in enumerate(shape))
    chosen, places = (apply("reshape", v, shape=w) for v, w in ((chosen, one), (places, own)))
    return cast(elementwise("equal", chosen, places), x.type.dtype)


def _sum(xp: Any, x: Any, axis: Axis, keepdims: bool, block: int | None = None) -> Any:
    if block is None:
        return xp.sum(x, axis=axis, keepdims=keepdims)

    def part(begin: int, end: int) -> Any:
        return xp.sum(along(xp, x, axis[0], begin, end), axis=axis, keepdims=keepdims)

    return in_blocks(xp, x.shape[axis[0]], block, part)


def _sum_back(ct: Value, x: Value, axis: Axis, keepdims: bool, block: int | None = None) -> Value:
    wide = keep(ct, x, axis, keepdims)
    if wide.type.shape == x.type.shape:
        return wide
    result: Value = apply("broadcast_to", wide, shape=x.type.shape)
    return result


sum = register(
    Op(
        "sum",
        Kind.REDUCE,
        ("x",),
        ("axis", "keepdims"),
        _rule("sum", empty=True),
        _sum,
        derivative=Linear((_sum_back,)),
        samples=((-3, 3),),
        formula=r"\sum x",
        doc="The sum over axes; of nothing it is 0.",
        accepts=NUMBERS,
        optional=("block",),
    )
)
max = register(
    Op(
        "max",
        Kind.REDUCE,
        ("x",),
        ("axis", "keepdims"),
        _rule("max", empty=False),
        forward=lambda xp, x, axis, keepdims: xp.max(x, axis=axis, keepdims=keepdims),
        derivative=Partials(lambda x, out, axis, keepdims: _first(x, axis, "max")),
        exact=True,
        samples=((-3, 3),),
        formula=r"\max x",
        accepts=NUMBERS,
        doc="The largest element over axes; the gradient goes to the first of equals.",
        refuses=True,
    )
)
min = register(
    Op(
        "min",
        Kind.REDUCE,
        ("x",),
        ("axis", "keepdims"),
        _rule("min", empty=False),
        forward=lambda xp, x, axis, keepdims: xp.min(x, axis=axis, keepdims=keepdims),
        derivative=Partials(lambda x, out, axis, keepdims: _first(x, axis, "min")),
        exact=True,
        samples=((-3, 3),),
        formula=r"\min x",
        accepts=NUMBERS,
        doc="The smallest element over axes; the gradient goes to the first of equals.",
        refuses=True,
    )
)


def _argmax_type(x: TensorType, axis: int, keepdims: bool) -> TensorType:
    place = shapes.front_axis("argmax", axis, len(x.shape))
    kept = _rule("argmax", empty=False)(x, (place,), keepdims)
    return TensorType(int64, kept.shape)


argmax = register(
    Op(
        "argmax",
        Kind.REDUCE,
        ("x",),
        ("axis", "keepdims"),
        _argmax_type,
        forward=lambda xp, x, axis, keepdims: xp.argmax(x, axis=axis, keepdims=keepdims),
        derivative=NotDifferentiable("the position of the largest element is an integer"),
        exact=True,
        samples=((-3, 3),),
        formula=r"\arg\max x",
        accepts=NUMBERS,
        doc="The position of the first largest element along an axis.",
        refuses=True,
    )
)
