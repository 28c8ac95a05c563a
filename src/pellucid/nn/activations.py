"""Activation functions by name.

The gradient of sign and step is 0 almost everywhere, so nothing in front of them learns; their
straight-through forms have the same values and hand the gradient on as if they were lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError, nearest
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

ActivationLike = str | Callable[[Any], Any] | None


def check(where: str, activation: ActivationLike) -> None:
    """Refuses what is neither a known name nor a function."""
    if activation is None or is_function(activation):
        return
    if not isinstance(activation, str) or activation not in BY_NAME:
        raise ArgumentError(
            where, f"unknown activation {activation!r}", nearest(activation, BY_NAME)
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
