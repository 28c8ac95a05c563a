"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pellucid.core.errors import ArgumentError, nearest
from pellucid.nn.layer import is_function
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
    function = BY_NAME[activation] if isinstance(activation, str) else activation
    return function(x)
