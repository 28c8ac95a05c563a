"""Activation functions by name.

The gradient of sign and step is 0 almost everywhere, so nothing in front of them learns; their
straight-through forms have the same values and hand the gradient on as if they were lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError, nearest
from pellucid.core.names import unknown_names
from pellucid.nn.layer import checked_result, is_function
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise


def _step(x: Value) -> Value:
    """1 where x > 0, else 0: Heaviside's function with H(0) = 0."""
    return composite.astype(x > 0, x.type.dtype)


def _straight(function: Callable[[Value], Value], slope: float) -> Callable[[Value], Value]:
    """`function` forward; backward the gradient of `slope`·x for |x| ≤ 1, and 0 beyond.

    Source: Bengio, Léonard and Courville, arXiv:1308.3432; the bound: Hubara et al., NIPS 2016.
    """

    def through(x: Value) -> Value:
        line = composite.clip(x, -1.0, 1.0) * slope
        # line - stop_gradient(line) is 0 exactly: the value is that of the function, to the bit.
        return function(x) + (line - elementwise("stop_gradient", line))

    return through


def _sign(x: Value) -> Value:
    return elementwise("sign", x)


BY_NAME: dict[str, Callable[[Value], Value]] = {
    "linear": lambda x: x,
    "relu": lambda x: elementwise("relu", x),
    "sigmoid": lambda x: elementwise("sigmoid", x),
    "tanh": lambda x: elementwise("tanh", x),
    "softplus": lambda x: elementwise("softplus", x),
    "softmax": composite.softmax,
    "sign": _sign,
    "step": _step,
    "sign_straight_through": _straight(_sign, 1.0),
    "step_straight_through": _straight(_step, 0.5),
}

# Other libraries' functions that have no name here, as what a person writes in their place.
FORMULAS = {
    "gelu": "x * 0.5 * (1 + pel.numpy.erf(x / 2**0.5))",
    "silu": "x * pel.numpy.sigmoid(x)",
    "swish": "x * pel.numpy.sigmoid(x)",
    "mish": "x * pel.numpy.tanh(pel.numpy.softplus(x))",
    "elu": "pel.numpy.maximum(x, 0) + pel.numpy.expm1(pel.numpy.minimum(x, 0))",
    "selu": (
        "1.0507009873554805 * (pel.numpy.maximum(x, 0) + 1.6732632423543772 * "
        "pel.numpy.expm1(pel.numpy.minimum(x, 0)))"
    ),
    "celu": "pel.numpy.maximum(x, 0) + pel.numpy.expm1(pel.numpy.minimum(x, 0))",
    "leaky_relu": "pel.numpy.maximum(x, 0.01 * x)",
    "relu6": "pel.numpy.clip(x, 0, 6)",
    "hard_sigmoid": "pel.numpy.clip(x / 6 + 0.5, 0, 1)",
    "hard_tanh": "pel.numpy.clip(x, -1, 1)",
    "softsign": "x / (1 + pel.numpy.abs(x))",
    "log_sigmoid": "-pel.numpy.softplus(-x)",
    "exponential": "pel.numpy.exp(x)",
    "exp": "pel.numpy.exp(x)",
    "log_softmax": "pel.numpy.log_softmax(x)",
    "sin": "pel.numpy.sin(x)",
}
ELSEWHERE = {
    **{name: f"Write activation=lambda x: {code}." for name, code in FORMULAS.items()},
    "identity": "linear",
    "none": "linear",
    "logistic": "sigmoid",
    "expit": "sigmoid",
    "rectifier": "relu",
    "heaviside": "step",
    "threshold": "step",
    "binary_step": "step",
    "sgn": "sign",
}

# The same names where a function or a class was looked for.
NAMES = {
    **{
        name: f"Write pel.nn.Activation({name!r}), or activation={name!r} in the layer before."
        for name in BY_NAME
    },
    **{name: f"Write pel.nn.Activation(lambda x: {code})." for name, code in FORMULAS.items()},
}

ActivationLike = str | Callable[[Any], Any] | None


def check(where: str, activation: ActivationLike) -> None:
    """Refuses what is neither a known name nor a function."""
    if activation is None or is_function(activation):
        return
    if not isinstance(activation, str) or activation not in BY_NAME:
        raise ArgumentError(
            where, f"unknown activation {activation!r}", nearest(activation, BY_NAME, ELSEWHERE)
        )


def activate(activation: ActivationLike, x: Value) -> Value:
    """The activation of x; None is the identity."""
    if activation is None:
        return x
    if isinstance(activation, str):
        return BY_NAME[activation](x)
    label = f"activation {getattr(activation, '__name__', 'function')}"
    out = checked_result(label, "it", activation(x))
    if out.type.shape[:1] != x.type.shape[:1]:
        raise ShapeError(
            label,
            f"it must keep the rows {shapes.text(x.type.shape[:1])}, got "
            f"{shapes.text(out.type.shape)}",
        )
    return out


if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.nn.activations", ("BY_NAME",), NAMES)
