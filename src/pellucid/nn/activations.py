"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError, nearest
from pellucid.nn.layer import is_function, own_result
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise

BY_NAME: dict[str, Callable[[Value], Value]] = {
    "linear": lambda x: x,
    "relu": lambda x: elementwise("relu", x),
    "sigmoid": lambda x: elementwise("sigmoid", x),
    "tanh": lambda x: elementwise("tanh", x),
    "softplus": lambda x: elementwise("softplus", x),
    "softmax": composite.softmax,
    "sign": lambda x: elementwise("sign", x),
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
    out = own_result(label, "it", activation(x))
    if out.type.shape[:1] != x.type.shape[:1]:
        raise ShapeError(
            label, f"it must keep the rows {shapes.text(x.type.shape[:1])}, got "
            f"{shapes.text(out.type.shape)}",
        )  # fmt: skip
    return out
