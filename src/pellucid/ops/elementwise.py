"""Rows that act on each element by itself."""

from __future__ import annotations

import math
from typing import Any

from pellucid.core.dtypes import DType, bool_
from pellucid.core.shapes import broadcast
from pellucid.graph.node import TensorType
from pellucid.ops.spec import (
    ANY,
    BOOLEANS,
    FLOATS,
    NUMBERS,
    Kind,
    Linear,
    Op,
    Partials,
    ZeroGradient,
    check_dtype,
    elementwise,
    register,
    same_dtype,
)
from pellucid.ops.value import Value, apply, cast, zeros_like
from pellucid.ops.value import elementwise as call

SIGNED = tuple(dtype for dtype in NUMBERS if dtype.kind != "u")


def _one(value: Value) -> Value:
    return zeros_like(value) + 1


add = register(
    elementwise(
        "add",
        ("x", "y"),
        accepts=NUMBERS,
        formula="x + y",
        forward=lambda xp, x, y: xp.add(x, y),
        derivative=Linear((lambda ct, x, y: ct, lambda ct, x, y: ct)),
        # Not 0.0: -0.0 + 0.0 is 0.0, another bit than x.
        identity=-0.0,
        commutative=True,
        exact=True,
        doc="The sum of two tensors.",
    )
)
subtract = register(
    elementwise(
        "subtract",
        ("x", "y"),
        accepts=NUMBERS,
        formula="x - y",
        forward=lambda xp, x, y: xp.subtract(x, y),
        derivative=Linear((lambda ct, x, y: ct, lambda ct, x, y: -ct)),
        identity=0.0,
        exact=True,
        doc="The difference of two tensors.",
    )
)
multiply = register(
    elementwise(
        "multiply",
        ("x", "y"),
        accepts=NUMBERS,
        formula="x y",
        forward=lambda xp, x, y: xp.multiply(x, y),
        derivative=Partials(lambda x, y, out: y, lambda x, y, out: x),
        identity=1.0,
        commutative=True,
        exact=True,
        doc="The product of two tensors.",
    )
)
divide = register(
    elementwise(
        "divide",
        ("x", "y"),
        formula=r"\frac{x}{y}",
        forward=lambda xp, x, y: xp.divide(x, y),
        derivative=Partials(lambda x, y, out: 1 / y, lambda x, y, out: -out / y),
        samples=((-3.0, 3.0), (0.5, 3.0)),
        domain="y ≠ 0; 0/0 is NaN, x/0 is ±inf",
        identity=1.0,
        exact=True,
        doc="The quotient of two tensors; integers become float32.",
    )
)
negative = register(
    elementwise(
        "negative",
        ("x",),
        accepts=SIGNED,
        formula="-x",
        forward=lambda xp, x: xp.negative(x),
        derivative=Linear((lambda ct, x: -ct,)),
        exact=True,
        doc="Minus x.",
    )
)
square = register(
    elementwise(
        "square",
        ("x",),
        accepts=NUMBERS,
        formula="x^2",
        forward=lambda xp, x: xp.multiply(x, x),
        derivative=Partials(lambda x, out: 2 * x),
        exact=True,
        doc="x times x.",
    )
)
exp = register(
    elementwise(
        "exp",
        ("x",),
        formula="e^x",
        forward=lambda xp, x: xp.exp(x),
        derivative=Partials(lambda x, out: out),
        doc="The exponential; overflows to inf above 88.7 in float32 and 709.8 in float64.",
    )
)
log = register(
    elementwise(
        "log",
        ("x",),
        formula=r"\ln x",
        samples=(0.3, 4.0),
        domain="x > 0; log 0 is -inf",
        forward=lambda xp, x: xp.log(x),
        derivative=Partials(lambda x, out: 1 / x),
        doc="The natural logarithm.",
    )
)
log1p = register(
    elementwise(
        "log1p",
        ("x",),
        formula=r"\ln(1 + x)",
        samples=(-0.7, 3.0),
        domain="x > -1",
        forward=lambda xp, x: xp.log1p(x),
        derivative=Partials(lambda x, out: 1 / (1 + x)),
        doc="The logarithm of 1 + x, accurate near 0.",
    )
)
expm1 = register(
    elementwise(
        "expm1",
        ("x",),
        formula="e^x - 1",
        forward=lambda xp, x: xp.expm1(x),
        derivative=Partials(lambda x, out: out + 1),
        doc="The exponential minus 1, accurate near 0.",
    )
)
sqrt = register(
    elementwise(
        "sqrt",
        ("x",),
        formula=r"\sqrt{x}",
        samples=(0.3, 4.0),
        domain="x ≥ 0",
        forward=lambda xp, x: xp.sqrt(x),
        derivative=Partials(lambda x, out: 0.5 / out),
        exact=True,
        doc="The square root; its derivative at 0 is inf.",
    )
)
tanh = register(
    elementwise(
        "tanh",
        ("x",),
        formula=r"\tanh x",
        forward=lambda xp, x: xp.tanh(x),
        derivative=Partials(lambda x, out: 1 - call("square", out)),
        doc="The hyperbolic tangent.",
    )
)


def _sigmoid(xp: Any, x: Any) -> Any:
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1 / (1 + e), e / (1 + e))


sigmoid = register(
    elementwise(
        "sigmoid",
        ("x",),
        formula=r"\frac{1}{1 + e^{-x}}",
        forward=_sigmoid,
        derivative=Partials(lambda x, out: out * (1 - out)),
        doc="The logistic function, without overflow on either side.",
    )
)
softplus = register(
    elementwise(
        "softplus",
        ("x",),
        formula=r"\ln(1 + e^x)",
        forward=lambda xp, x: xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x))),
        derivative=Partials(lambda x, out: call("sigmoid", x)),
        doc="A smooth ReLU, without overflow.",
    )
)
relu = register(
    elementwise(
        "relu",
        ("x",),
        accepts=NUMBERS,
        formula=r"\max(0, x)",
        forward=lambda xp, x: xp.maximum(x, 0),
        derivative=Partials(lambda x, out: cast(out > 0, x.type.dtype)),
        idempotent=True,
        exact=True,
        doc="x where it is positive, else 0; its derivative at 0 is 0.",
    )
)
abs = register(
    elementwise(
        "abs",
        ("x",),
        accepts=NUMBERS,
        formula="|x|",
        forward=lambda xp, x: xp.abs(x),
        derivative=Partials(lambda x, out: call("sign", x)),
        idempotent=True,
        exact=True,
        doc="The magnitude; its derivative at 0 is 0.",
    )
)
sign = register(
    elementwise(
        "sign",
        ("x",),
        accepts=NUMBERS,
        formula=r"\operatorname{sign} x",
        forward=lambda xp, x: xp.sign(x),
        derivative=ZeroGradient("sign is constant on either side of 0"),
        idempotent=True,
        exact=True,
        doc="-1, 0 or 1.",
    )
)
floor = register(
    elementwise(
        "floor",
        ("x",),
        formula=r"\lfloor x \rfloor",
        forward=lambda xp, x: xp.floor(x),
        derivative=ZeroGradient("floor is constant between integers"),
        idempotent=True,
        exact=True,
        doc="The largest whole number ≤ x.",
    )
)
round = register(
    elementwise(
        "round",
        ("x",),
        formula=r"\operatorname{round} x",
        forward=lambda xp, x: xp.round(x),
        derivative=ZeroGradient("round is constant between halves"),
        idempotent=True,
        exact=True,
        doc="The nearest whole number, halves to even.",
    )
)
sin = register(
    elementwise(
        "sin",
        ("x",),
        formula=r"\sin x",
        forward=lambda xp, x: xp.sin(x),
        derivative=Partials(lambda x, out: call("cos", x)),
        doc="The sine of x in radians.",
    )
)
cos = register(
    elementwise(
        "cos",
        ("x",),
        formula=r"\cos x",
        forward=lambda xp, x: xp.cos(x),
        derivative=Partials(lambda x, out: -call("sin", x)),
        doc="The cosine of x in radians.",
    )
)
sinh = register(
    elementwise(
        "sinh",
        ("x",),
        formula=r"\sinh x",
        forward=lambda xp, x: xp.sinh(x),
        derivative=Partials(lambda x, out: call("cosh", x)),
        doc="The hyperbolic sine.",
    )
)
cosh = register(
    elementwise(
        "cosh",
        ("x",),
        formula=r"\cosh x",
        forward=lambda xp, x: xp.cosh(x),
        derivative=Partials(lambda x, out: call("sinh", x)),
        doc="The hyperbolic cosine.",
    )
)
erf = register(
    elementwise(
        "erf",
        ("x",),
        formula=r"\frac{2}{\sqrt\pi} \int_0^x e^{-t^2} dt",
        forward=lambda xp, x: xp.erf(x),
        derivative=Partials(
            lambda x, out: 2 / math.sqrt(math.pi) * call("exp", -call("square", x))
        ),
        doc="The error function.",
    )
)


def _pow_base(x: Value, y: Value, out: Value) -> Value:
    # y·x^(y-1), and 0 for y = 0 at x = 0, where x^(y-1) is inf. Elsewhere y = 0 needs no care, and
    # must get none, or the derivative of this by y would be wrong there.
    flat = (y == 0) & (x == 0)
    return y * call("pow", x, apply("where", flat, _one(y), y - 1))


def _pow_exponent(x: Value, y: Value, out: Value) -> Value:
    # out·ln x, and 0 where out does not move with y: x = 0 with y > 0.
    still = (x == 0) & (y > 0)
    safe = apply("where", still, _one(x), x)
    return apply("where", still, zeros_like(out), out * call("log", safe))


pow = register(
    elementwise(
        "pow",
        ("x", "y"),
        formula="x^y",
        samples=((0.3, 3.0), (-2.0, 3.0)),
        domain="x > 0, or x ≤ 0 with a whole y; else NaN",
        forward=lambda xp, x, y: xp.pow(x, y),
        derivative=Partials(_pow_base, _pow_exponent),
        identity=1.0,
        doc="x to the power y.",
    )
)
floor_divide = register(
    elementwise(
        "floor_divide",
        ("x", "y"),
        accepts=NUMBERS,
        formula=r"\left\lfloor \frac{x}{y} \right\rfloor",
        samples=((4.2, 5.8), (2.95, 3.3)),
        domain="y ≠ 0; an integer by 0 is 0",
        forward=lambda xp, x, y: xp.floor_divide(x, y),
        derivative=ZeroGradient("a rounded quotient is constant between whole numbers"),
        exact=True,
        doc="The largest whole number ≤ x / y.",
    )
)
remainder = register(
    elementwise(
        "remainder",
        ("x", "y"),
        accepts=NUMBERS,
        formula=r"x - y \left\lfloor \frac{x}{y} \right\rfloor",
        samples=((4.2, 5.8), (2.95, 3.3)),
        domain="y ≠ 0; an integer by 0 leaves 0",
        forward=lambda xp, x, y: xp.remainder(x, y),
        derivative=Partials(
            lambda x, y, out: _one(out),
            lambda x, y, out: -call("floor_divide", x, y),
        ),
        exact=True,
        doc="What is left of x after whole multiples of y, with the sign of y.",
    )
)
maximum = register(
    elementwise(
        "maximum",
        ("x", "y"),
        accepts=NUMBERS,
        formula=r"\max(x, y)",
        forward=lambda xp, x, y: xp.maximum(x, y),
        derivative=Partials(
            lambda x, y, out: cast(x >= y, x.type.dtype),
            lambda x, y, out: cast(~(x >= y), x.type.dtype),
        ),
        idempotent=True,
        exact=True,  # not commutative to the bit: of 0.0 and -0.0 one is chosen
        doc="The larger of two; where they are equal the gradient goes to the first.",
    )
)
minimum = register(
    elementwise(
        "minimum",
        ("x", "y"),
        accepts=NUMBERS,
        formula=r"\min(x, y)",
        forward=lambda xp, x, y: xp.minimum(x, y),
        derivative=Partials(
            lambda x, y, out: cast(x <= y, x.type.dtype),
            lambda x, y, out: cast(~(x <= y), x.type.dtype),
        ),
        idempotent=True,
        exact=True,  # not commutative to the bit: of 0.0 and -0.0 one is chosen
        doc="The smaller of two; where they are equal the gradient goes to the first.",
    )
)
stop_gradient = register(
    elementwise(
        "stop_gradient",
        ("x",),
        accepts=ANY,
        formula="x",
        forward=lambda xp, x: xp.copy(x),
        derivative=ZeroGradient("stop_gradient holds the gradient back on purpose"),
        idempotent=True,
        exact=True,
        doc="x itself, without a gradient.",
    )
)


def _where_type(condition: TensorType, x: TensorType, y: TensorType) -> TensorType:
    check_dtype("where", "condition", condition, BOOLEANS)
    dtype = same_dtype("where", ("x", "y"), (x, y))
    return TensorType(dtype, broadcast("where", condition.shape, x.shape, y.shape))


where = register(
    Op(
        "where",
        Kind.ELEMENTWISE,
        ("condition", "x", "y"),
        (),
        _where_type,
        forward=lambda xp, condition, x, y: xp.where(condition, x, y),
        derivative=Linear(
            (
                None,
                lambda ct, condition, x, y: apply("where", condition, ct, zeros_like(ct)),
                lambda ct, condition, x, y: apply("where", condition, zeros_like(ct), ct),
            ),
            wrt=(1, 2),
        ),
        exact=True,
        samples=((0, 1), (-3, 3), (-3, 3)),
        accepts=ANY,
        formula=r"\begin{cases} x & \text{if } c \\ y & \text{else} \end{cases}",
        doc="x where the condition holds, else y; the other branch gets a gradient of exactly 0.",
    )
)


def _cast_type(x: TensorType, dtype: DType) -> TensorType:
    return TensorType(dtype, x.shape)


def _cast_forward(xp: Any, x: Any, dtype: DType) -> Any:
    return xp.astype(x, dtype)


register(
    Op(
        "cast",
        Kind.ELEMENTWISE,
        ("x",),
        ("dtype",),
        _cast_type,
        _cast_forward,
        derivative=Linear((lambda ct, x, dtype: cast(ct, x.type.dtype),)),
        exact=True,
        samples=((-3, 3),),
        accepts=ANY,
        formula="x",
        doc="x in another dtype; between floats the gradient is cast back.",
    )
)
isfinite = register(
    elementwise(
        "isfinite",
        ("x",),
        accepts=FLOATS,
        result=bool_,
        kind=Kind.COMPARE,
        forward=lambda xp, x: xp.isfinite(x),
        formula=r"|x| < \infty",
        derivative=ZeroGradient("isfinite is true or false"),
        exact=True,
        doc="Whether x is neither NaN nor infinite.",
    )
)
