"""What every composite needs: operands as values of the active recorder, sizes as tuples."""

from __future__ import annotations

from typing import Any

from pellucid.core import dtypes, shapes
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import Batch
from pellucid.ops.value import (
    Value,
    cast,
    common_dtype,
    current,
    exactly,
    float_dtype,
    is_scalar,
    number,
)

Axis = int | tuple[int, ...] | None


def asvalue(x: Any) -> Value:
    """x in the active recorder; a Python float becomes float64, a list of them float32."""
    if is_scalar(x):
        return number(x, common_dtype("operand", [x]))
    return current().lift(x)


def as_float(x: Any) -> Value:
    value = asvalue(x)
    return cast(value, float_dtype("operand", [value]))


def as_floats(where: str, x: Any, y: Any) -> tuple[Value, Value]:
    """Two operands as floats of one dtype."""
    x, y = exactly(x), exactly(y)
    dtype = float_dtype(where, [x, y])
    return cast(x, dtype), cast(y, dtype)


def together(where: str, *xs: Any) -> list[Value]:
    """Operands as values of the one dtype that they have in common."""
    several = [exactly(x) for x in xs]
    several = [x if isinstance(x, Value) or is_scalar(x) else current().lift(x) for x in several]
    dtype = common_dtype(where, several)
    return [cast(x, dtype) for x in several]


def as_dims(shape: Any) -> tuple[Any, ...]:
    """A shape, or one dimension, as a tuple; a batch size counts as its dimension c·N."""
    dims = [getattr(dim, "dim", dim) for dim in as_list(shape)]
    return tuple(
        d if isinstance(d, Batch) else shapes.index("shape", "a dimension", d) for d in dims
    )


def as_list(value: Any) -> list[Any]:
    """One item, or a tuple, list or range of them, as a list."""
    return list(value) if isinstance(value, (tuple, list, range)) else [value]


def as_flag(where: str, name: str, value: Any) -> bool:
    """True or False, of Python or NumPy."""
    if not isinstance(value, bool) and not (is_scalar(value) and value in (0, 1)):
        raise ArgumentError(where, f"{name} must be True or False, got {value!r}")
    return bool(value)


def as_ints(where: str, name: str, values: Any) -> tuple[int, ...]:
    return tuple(shapes.index(where, name, item) for item in as_list(values))


def known_length(where: str, value: Value, axis: int) -> int:
    """The length of an axis that must be known: the batch axis N is refused."""
    shape = value.type.shape
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(where, f"x must have an axis {axis}, got the shape {shape}")
    dim = shape[axis]
    if isinstance(dim, Batch):
        raise ShapeError(
            where,
            f"axis {axis} must have a known length, got the batch axis {dim!r}",
            "The rows of a batch have no order; choose another axis.",
        )
    return dim


def as_values(where: str, xs: Any) -> list[Value]:
    """The tensors of a list, of one dtype."""
    if not isinstance(xs, (list, tuple)) or not xs:
        raise ArgumentError(where, f"expected a non-empty list of tensors, got {xs!r}")
    return together(where, *xs)


def astype(x: Any, dtype: Any) -> Value:
    """x in another dtype. A float becomes an integer by dropping its fraction."""
    return cast(x, dtypes.as_dtype(dtype, "astype"))
