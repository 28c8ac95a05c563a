"""NumPy's functions where they are no functions of ours as they stand.

In: operands under NumPy's names, of which one is a Tensor. Out: what ours give.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core import dtypes, shapes
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError
from pellucid.ops import composite as c
from pellucid.ops.composite.base import as_float, as_floats, together
from pellucid.ops.value import Value, elementwise

Function = Callable[..., Any]


def fabs(x: Any) -> Value:
    return abs(as_float(x))


def rint(x: Any) -> Value:
    return c.round(as_float(x))


def float_power(x: Any, y: Any) -> Value:
    return c.pow(c.astype(x, dtypes.float64), c.astype(y, dtypes.float64))


def ignoring_nan(name: str) -> Function:
    def extreme(x: Any, y: Any) -> Value:
        return c.where(c.isnan(x), y, c.where(c.isnan(y), x, elementwise(name, x, y)))

    return extreme


def boolean(name: str, where: str) -> Function:
    """A bitwise function, which on booleans is a logical one."""

    def bitwise(*operands: Any) -> Value:
        values = [c.asvalue(operand) for operand in operands]
        for value in values:
            if value.type.dtype.kind != "b":
                got = repr(value.type)
                raise DTypeError(where, f"operands must be bool, got {got}", "Compare them first.")
        result: Value = getattr(c, name)(*values)
        return result

    return bitwise


def quotient_and_rest(x: Any, y: Any) -> tuple[Value, Value]:
    return elementwise("floor_divide", x, y), elementwise("remainder", x, y)


def scaled(factor: float) -> Function:
    return lambda x: as_float(x) * factor


def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return c.max(x, axis, keepdims) - c.min(x, axis, keepdims)


def spread(function: Function) -> Function:
    def spread(
        x: Any, axis: Any = None, ddof: Any = 0, keepdims: bool = False, correction: Any = None
    ) -> Value:
        freedom = ddof if correction is None else correction
        if isinstance(freedom, bool) or not isinstance(freedom, (int, float)):
            raise ArgumentError(
                f"np.{function.__name__}", f"ddof must be a number, got {freedom!r}"
            )
        result: Value = function(x, axis, keepdims, freedom)
        return result

    return spread


def average(x: Any, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Any:
    if weights is None:
        return c.mean(x, axis, keepdims)
    value, heavy = together("np.average", x, weights)
    shape = value.type.shape
    if heavy.type.shape != shape:
        places = shapes.axes("np.average", axis, len(shape))
        if axis is None or len(places) != 1 or heavy.type.shape != (shape[places[0]],):
            raise ShapeError(
                "np.average",
                f"weights must be {shapes.text(shape)} or one axis of it, "
                f"got {shapes.text(heavy.type.shape)}",
            )
        heavy = c.reshape(heavy, [dim if i in places else 1 for i, dim in enumerate(shape)])
        heavy = c.broadcast_to(heavy, shape)
    return c.sum(value * heavy, axis, keepdims) / c.sum(heavy, axis, keepdims)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:
    value = c.asvalue(x)
    if ord is None:
        return c.vector_norm(value, axis, keepdims)
    rank = len(value.type.shape)
    axes = shapes.axes("np.linalg.norm", axis, rank)
    if len(axes) == 1 and not isinstance(ord, str):
        return c.vector_norm(value, axes, keepdims, ord)
    if len(axes) != 2:
        raise ArgumentError(
            "np.linalg.norm",
            f"axis must name a vector's axis or two of a matrix for ord={ord!r}, got {axis!r} of "
            f"{shapes.text(value.type.shape)}",
        )
    turned = (
        isinstance(axis, tuple) and shapes.axis_index("np.linalg.norm", axis[0], rank) != (axes[0])
    )
    found = c.matrix_norm(
        c.moveaxis(value, axes[::-1] if turned else axes, (-2, -1)), keepdims, ord
    )
    return c.moveaxis(found, (-2, -1), axes) if keepdims else found


def clip(x: Any, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Value:
    return c.clip(x, min if a_min is None else a_min, max if a_max is None else a_max)


def ravel(x: Any) -> Value:
    return c.reshape(x, (-1,))


def at_least(x: Any, rank: int) -> Value:
    value = c.asvalue(x)
    shape = value.type.shape
    if rank == 3 and len(shape) in (1, 2):  # NumPy puts new axes around rows and columns
        return c.reshape(value, (*(1,) * (2 - len(shape)), *shape, 1))
    return c.reshape(value, (*(1,) * (rank - len(shape)), *shape))


def at_leasts(rank: int) -> Function:
    def several(*xs: Any) -> Any:
        values = tuple(at_least(x, rank) for x in xs)
        return values[0] if len(values) == 1 else values

    return several


def vstack(xs: Any) -> Value:
    return c.concat([at_least(x, 2) for x in together("np.vstack", *xs)], 0)


def hstack(xs: Any) -> Value:
    values = [at_least(x, 1) for x in together("np.hstack", *xs)]
    return c.concat(values, 0 if values and len(values[0].type.shape) == 1 else 1)


def column_stack(xs: Any) -> Value:
    values = together("np.column_stack", *xs)
    return c.concat([c.reshape(v, (-1, 1)) if len(v.type.shape) < 2 else v for v in values], 1)


def append(arr: Any, values: Any, axis: Any = None) -> Value:
    return c.concat([arr, values], axis)


def split(uneven: bool) -> Function:
    def split(x: Any, indices_or_sections: Any, axis: Any = 0) -> list[Value]:
        value = c.asvalue(x)
        if isinstance(indices_or_sections, np.ndarray):
            indices_or_sections = indices_or_sections.tolist()
        if isinstance(indices_or_sections, (tuple, list)):
            return c.split(value, indices_or_sections, axis)
        parts = shapes.index("np.split", "sections", indices_or_sections)
        n = value.type.shape[shapes.axis_index("np.split", axis, len(value.type.shape))]
        if not isinstance(n, int) or parts < 1 or (n % parts and not uneven):
            raise ShapeError(
                "np.split",
                f"an axis of {n!r} must divide into equal parts, got {parts} of them",
                "Use np.array_split, or say where to cut.",
            )
        size, longer = divmod(n, parts)
        return c.split(value, [i * size + min(i, longer) for i in range(1, parts)], axis)

    return split


def split_along(name: str, axis: int) -> Function:
    """`split` along an axis that x must have; `hsplit` takes vectors too."""

    def parts(x: Any, indices_or_sections: Any) -> list[Value]:
        value = c.asvalue(x)
        rank = len(value.type.shape)
        place = 0 if (name, rank) == ("hsplit", 1) else axis
        least = 1 if name == "hsplit" else max(axis + 1, 2)
        if rank < least:
            raise ShapeError(f"np.{name}", f"x must have {least} axes or more, got {value.type!r}")
        result: list[Value] = split(uneven=False)(value, indices_or_sections, place)
        return result

    return parts


def cross(
    x: Any, y: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Value:
    if axis is not None:
        axisa = axisb = axisc = axis
    return c.cross(x, y, axisa, axisb, axisc)


def linalg_cross(x1: Any, x2: Any, axis: int = -1) -> Value:
    return c.cross(x1, x2, axis, axis, axis)


def rollaxis(x: Any, axis: int, start: int = 0) -> Value:
    value = c.asvalue(x)
    rank = len(value.type.shape)
    place = shapes.axis_index("np.rollaxis", axis, rank)
    goal = shapes.index("np.rollaxis", "start", start)
    goal = goal + rank if goal < 0 else goal
    if not 0 <= goal <= rank:
        raise ArgumentError("np.rollaxis", f"start must lie in [{-rank}, {rank}], got {start}")
    return c.moveaxis(value, place, goal - 1 if place < goal else goal)


def dstack(xs: Any) -> Value:
    return c.concat([at_least(x, 3) for x in together("np.dstack", *xs)], 2)


def angle(z: Any, deg: bool = False) -> Value:
    value = as_float(z)
    turned = elementwise("atan2", c.zeros_like(value), value)
    return turned * (180 / math.pi) if deg else turned


def imag(x: Any) -> Value:
    return c.zeros_like(c.asvalue(x))


def never(x: Any) -> Value:
    return c.full_like(c.asvalue(x), False, dtypes.bool_)


def pad(array: Any, pad_width: Any, constant_values: Any = 0) -> Value:
    value = c.asvalue(array)
    rank = len(value.type.shape)
    widths = np.asarray(pad_width)
    try:
        pairs = np.broadcast_to(widths, (rank, 2)).tolist()
    except ValueError:
        pairs = None
    if pairs is None or widths.dtype.kind not in "iu" or widths.min(initial=0) < 0:
        raise ArgumentError(
            "np.pad",
            f"pad_width must be whole numbers ≥ 0, (before, after) for each of {rank} axes, "
            f"got {pad_width!r}",
        )
    if not isinstance(constant_values, Value) and np.ndim(constant_values):
        raise ArgumentError(
            "np.pad", f"constant_values must be one number, got {constant_values!r}"
        )
    return c.pad(value, constant_values, [a for a, _ in pairs], [b for _, b in pairs])


def where_both(condition: Any, x: Any = None, y: Any = None) -> Value:
    if x is None or y is None:
        raise ArgumentError(
            "np.where",
            "expected condition, x and y, got the condition alone",
            "How many elements hold depends on values; keep the shape: where(condition, x, 0).",
        )
    return c.where(condition, x, y)


def vdot(x: Any, y: Any) -> Value:
    left, right = together("np.vdot", x, y)
    return c.contract(ravel(left), ravel(right), summed=[(0, 0)])


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    x, y = as_floats("isclose", a, b)  # unsigned: x - y would wrap
    near = (abs(x - y) <= atol + rtol * abs(y)) & elementwise("isfinite", y)
    same = near | (x == y)
    return same | (c.isnan(x) & c.isnan(y)) if equal_nan else same


def size_along(a: Any, axis: Any = None) -> Any:
    return a.size if axis is None else a.shape[shapes.axis_index("np.size", axis, a.ndim)]
