"""Rows of the inverse trigonometric and hyperbolic functions."""

from __future__ import annotations

from typing import Any

from pellucid.ops.spec import Partials, elementwise, register
from pellucid.ops.value import Value, apply
from pellucid.ops.value import elementwise as call


def _root(square: Value) -> Value:
    result: Value = call("sqrt", square)
    return result


def _within(x: Value) -> Value:
    """1 - x², in factors: near 1 they keep the digits that a difference of squares loses."""
    return (1 - x) * (1 + x)


def _scale(*sizes: Any) -> Value:
    """The largest of `sizes`, as a constant. It drops out of what is divided and multiplied by it,
    and so out of derivatives, but squares of parts of it do not overflow."""
    largest: Value = abs(sizes[0])
    for size in sizes[1:]:
        largest = call("maximum", largest, size if isinstance(size, float) else abs(size))
    result: Value = apply("stop_gradient", largest)
    return result


def _asinh_slope(x: Value, out: Value) -> Value:
    scale = _scale(x, 1.0)
    return 1 / (scale * _root(call("square", x / scale) + call("square", 1 / scale)))


def _turn(across: Value, x: Value, y: Value) -> Value:
    """across / (x² + y²)."""
    scale = _scale(x, y)
    return across / scale / (call("square", x / scale) + call("square", y / scale)) / scale


atan = register(
    elementwise(
        "atan",
        ("x",),
        formula=r"\arctan x",
        forward=lambda xp, x: xp.atan(x),
        derivative=Partials(lambda x, out: 1 / (1 + call("square", x))),
        doc="The angle in radians whose tangent is x, between -π/2 and π/2.",
    )
)
asin = register(
    elementwise(
        "asin",
        ("x",),
        formula=r"\arcsin x",
        samples=(-0.9, 0.9),
        domain="-1 ≤ x ≤ 1; else NaN",
        forward=lambda xp, x: xp.asin(x),
        derivative=Partials(lambda x, out: 1 / _root(_within(x))),
        doc="The angle in radians whose sine is x; its derivative at -1 and 1 is inf.",
    )
)
acos = register(
    elementwise(
        "acos",
        ("x",),
        formula=r"\arccos x",
        samples=(-0.9, 0.9),
        domain="-1 ≤ x ≤ 1; else NaN",
        forward=lambda xp, x: xp.acos(x),
        derivative=Partials(lambda x, out: -1 / _root(_within(x))),
        doc="The angle in radians whose cosine is x; its derivative at -1 and 1 is -inf.",
    )
)
asinh = register(
    elementwise(
        "asinh",
        ("x",),
        formula=r"\operatorname{arsinh} x",
        forward=lambda xp, x: xp.asinh(x),
        derivative=Partials(_asinh_slope),
        doc="The number whose hyperbolic sine is x.",
    )
)
acosh = register(
    elementwise(
        "acosh",
        ("x",),
        formula=r"\operatorname{arcosh} x",
        samples=(1.2, 4.0),
        domain="x ≥ 1; else NaN",
        forward=lambda xp, x: xp.acosh(x),
        derivative=Partials(lambda x, out: 1 / (_root(x - 1) * _root(x + 1))),
        doc="The number ≥ 0 whose hyperbolic cosine is x; its derivative at 1 is inf.",
    )
)
atanh = register(
    elementwise(
        "atanh",
        ("x",),
        formula=r"\operatorname{artanh} x",
        samples=(-0.9, 0.9),
        domain="-1 ≤ x ≤ 1, where -1 and 1 give -inf and inf; else NaN",
        forward=lambda xp, x: xp.atanh(x),
        derivative=Partials(lambda x, out: 1 / _within(x)),
        doc="The number whose hyperbolic tangent is x.",
    )
)
atan2 = register(
    elementwise(
        "atan2",
        ("y", "x"),
        formula=r"\operatorname{atan2}(y, x)",
        samples=((0.3, 3.0), (-3.0, 3.0)),
        domain="all numbers; zeros and infinities count with their signs",
        forward=lambda xp, y, x: xp.atan2(y, x),
        derivative=Partials(
            lambda y, x, out: _turn(x, x, y),
            lambda y, x, out: -_turn(y, x, y),
        ),
        doc="The angle in radians of the point (x, y), between -π and π; at the origin its "
        "derivative is NaN.",
    )
)
