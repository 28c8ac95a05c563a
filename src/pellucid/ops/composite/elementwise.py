"""Composites that act on each element by itself."""

from __future__ import annotations

import builtins
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pellucid.core import dtypes, shapes
from pellucid.core.errors import ArgumentError, DTypeError
from pellucid.ops.composite.base import as_float, as_floats, asvalue, together
from pellucid.ops.composite.create import full, ones_like
from pellucid.ops.value import Value, apply, cast, common_dtype, elementwise, exactly, power

_LN2, _LN10 = math.log(2.0), math.log(10.0)
_LARGEST = {dtypes.float32: 3.4028234663852886e38, dtypes.float64: sys.float_info.max}


def where(condition: Any, x: Any, y: Any) -> Value:
    """x where the condition holds, else y; the branch not taken gets a gradient of exactly 0."""
    x, y = exactly(x), exactly(y)
    dtype = common_dtype("where", [x, y])
    mask = asvalue(condition)
    if mask.type.dtype.kind != "b":
        raise DTypeError(
            "where", f"condition must be bool, got {mask.type!r}", "Write it as a comparison."
        )
    result: Value = apply("where", mask, cast(x, dtype), cast(y, dtype))
    return result


def select(conditions: Sequence[Any], choices: Sequence[Any], default: Any = 0) -> Value:
    """For each element the choice of the first condition that holds, else `default`."""
    for name, several in (("conditions", conditions), ("choices", choices)):
        if not isinstance(several, (list, tuple)) or not several:
            raise ArgumentError("select", f"{name} must be a list that is not empty")
    if len(conditions) != len(choices):
        raise ArgumentError(
            "select",
            f"expected a choice for each condition, got {len(conditions)} and {len(choices)}",
        )
    *several, result = together("select", *choices, default)
    for condition, choice in reversed(list(zip(conditions, several, strict=True))):
        result = where(condition, choice, result)
    return result


def clip(x: Any, min: Any = None, max: Any = None) -> Value:
    """x held between `min` and `max`; the gradient is 0 outside and 1 on the borders."""
    value = asvalue(x)
    if min is not None:
        value = elementwise("maximum", value, min)
    if max is not None:
        value = elementwise("minimum", value, max)
    return value


def positive(x: Any) -> Value:
    """x itself."""
    return asvalue(x)


def pow(x: Any, y: Any) -> Value:
    """x to the power y. An integer to a whole number ≥ 0 stays an integer."""
    x, y = exactly(x), exactly(y)
    dtype = common_dtype("pow", [x, y])
    if dtype.is_float:
        return power(x if isinstance(y, Value) else asvalue(x), y)  # a number takes y's dtype
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
    return pow(2.0, as_float(x))


def log2(x: Any) -> Value:
    """The logarithm to the base 2."""
    result: Value = elementwise("log", x) / _LN2
    return result


def log10(x: Any) -> Value:
    """The logarithm to the base 10."""
    result: Value = elementwise("log", x) / _LN10
    return result


def tan(x: Any) -> Value:
    """The tangent of x in radians."""
    result: Value = elementwise("sin", x) / elementwise("cos", x)
    return result


def hypot(x: Any, y: Any) -> Value:
    """√(x² + y²) without overflow; its derivative at the origin is 0."""
    left, right = as_floats("hypot", x, y)
    # The scale is held constant: it drops out of the derivative exactly, ties included.
    size = elementwise("maximum", abs(left), abs(right))
    usable = elementwise("isfinite", size) & (size > 0)
    scale = apply("stop_gradient", where(usable, size, 1))
    square = elementwise("square", left / scale) + elementwise("square", right / scale)
    length = safe_root(square) * scale
    return where(isinf(left) | isinf(right), math.inf, length)


def sinc(x: Any) -> Value:
    """sin(πx) / (πx), and 1 at 0.

    Near 0 it is Taylor's series, from which derivatives of any order follow without cancellation.
    """
    angle = as_float(x) * math.pi
    near = abs(angle) < 1
    inside = elementwise("square", where(near, angle, 0))
    series = full((), 1.0 / math.factorial(21), angle.type.dtype)
    for k in range(9, -1, -1):
        series = series * inside + (-1) ** k / math.factorial(2 * k + 1)
    outside = where(near, 1, angle)
    return where(near, series, elementwise("sin", outside) / outside)


def signbit(x: Any) -> Value:
    """Whether x is negative; -0.0 is, and of NaN it is False."""
    value = asvalue(x)
    below: Value = value < 0
    if not value.type.dtype.is_float:
        return below
    return below | (1 / where(value == 0, value, 1) < 0)


def copysign(x: Any, y: Any) -> Value:
    """|x| with the sign of y; a y that is NaN counts as positive."""
    left, right = as_floats("copysign", x, y)
    sign = where(signbit(left) == signbit(right), 1.0, -1.0)
    return left * cast(sign, left.type.dtype)


def fmod(x: Any, y: Any) -> Value:
    """What is left of x after whole multiples of y, with the sign of x, as in C."""
    left, right = together("fmod", x, y)
    if left.type.dtype.is_float:
        sign = cast(where(signbit(left), -1, 1), left.type.dtype)
        return elementwise("remainder", left * sign, abs(right)) * sign
    rest = elementwise("remainder", left, right)
    astray = (rest != 0) & ((rest < 0) != (left < 0))
    return where(astray, rest - right, rest)


def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Value:
    """x with numbers in place of NaN, ∞ and -∞ (the largest ones for None), where it has no slope.

    Integers stay as they are.
    """
    value = asvalue(x)
    dtype = value.type.dtype
    if not dtype.is_float:
        return value
    high = _LARGEST[dtype] if posinf is None else posinf
    low = -_LARGEST[dtype] if neginf is None else neginf
    value = where(isnan(value), nan, value)
    return where(value == math.inf, high, where(value == -math.inf, low, value))


def safe_root(square: Value) -> Value:
    """The square root with derivative 0 at 0, where √ itself has none."""
    flat = square == 0
    return where(flat, 0, elementwise("sqrt", where(flat, 1, square)))


def logaddexp(x: Any, y: Any) -> Value:
    """ln(eˣ + eʸ) without overflow: the larger plus softplus of the difference."""
    left, right = as_floats("logaddexp", x, y)
    first = left >= right
    gap = where(first, right - left, left - right)
    gap = where((left == right) & isinf(left), 0, gap)  # ∞ - ∞ would be NaN
    result: Value = where(first, left, right) + elementwise("softplus", gap)
    return result


def logaddexp2(x: Any, y: Any) -> Value:
    """log₂(2ˣ + 2ʸ) without overflow."""
    left, right = as_floats("logaddexp2", x, y)
    result: Value = logaddexp(left * _LN2, right * _LN2) / _LN2
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
    if builtins.abs(digits) > 300:
        raise ArgumentError("round", f"decimals must lie in [-300, 300], got {digits}")
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


def as_truth(x: Any) -> Value:
    """x as a condition: numbers are true where they are not 0."""
    value = asvalue(x)
    return value if value.type.dtype.kind == "b" else value != 0


def logical_and(x: Any, y: Any) -> Value:
    """Whether both hold; a number holds where it is not 0."""
    result: Value = apply("logical_and", as_truth(x), as_truth(y))
    return result


def logical_or(x: Any, y: Any) -> Value:
    """Whether one holds; a number holds where it is not 0."""
    result: Value = apply("logical_or", as_truth(x), as_truth(y))
    return result


def logical_xor(x: Any, y: Any) -> Value:
    """Whether exactly one holds; a number holds where it is not 0."""
    result: Value = apply("not_equal", as_truth(x), as_truth(y))
    return result


def logical_not(x: Any) -> Value:
    """Whether x does not hold; a number holds where it is not 0."""
    result: Value = apply("logical_not", as_truth(x))
    return result
