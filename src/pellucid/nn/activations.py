"""Activation functions by name.

The gradient of sign and step is 0 almost everywhere, so nothing in front of them learns; their
straight-through forms have the same values and hand the gradient on as if they were lines.

Some have numbers of their own: `activation=lambda x: pel.nn.activations.elu(x, 0.5)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pellucid.core import shapes
from pellucid.core.arguments import real
from pellucid.core.errors import ArgumentError, ShapeError, nearest
from pellucid.core.names import unknown_names
from pellucid.nn.layer import checked_result, is_function
from pellucid.ops import composite
from pellucid.ops.composite.base import as_float, known_length
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


def leaky_relu(x: Any, slope: float = 0.01) -> Value:
    """x where it is positive, else slope·x. Source: Maas, Hannun and Ng, ICML 2013."""
    value = as_float(x)
    return composite.where(value > 0, value, value * real("leaky_relu", "slope", slope))


def elu(x: Any, alpha: float = 1.0) -> Value:
    """x where it is positive, else α(eˣ - 1). Source: Clevert et al., ICLR 2016."""
    value = as_float(x)
    below = elementwise("expm1", elementwise("minimum", value, 0.0)) * real("elu", "alpha", alpha)
    return composite.where(value > 0, value, below)


_SELU = (1.0507009873554805, 1.6732632423543772)  # λ and α


def selu(x: Any) -> Value:
    """λ·elu(x, α) with λ = 1.0507… and α = 1.6732…, which keep mean 0 and variance 1.

    Source: Klambauer et al., NIPS 2017.
    """
    return elu(x, _SELU[1]) * _SELU[0]


def celu(x: Any, alpha: float = 1.0) -> Value:
    """x where it is positive, else α(e^{x/α} - 1): smooth at 0 for every α > 0.

    Source: Barron, arXiv:1704.07483.
    """
    real("celu", "alpha", alpha, 0, open_low=True)
    value = as_float(x)
    below = elementwise("expm1", elementwise("minimum", value, 0.0) / alpha) * alpha
    return composite.where(value > 0, value, below)


def gelu(x: Any) -> Value:
    """x·Φ(x), with Φ the distribution function of the standard normal.

    Source: Hendrycks and Gimpel, arXiv:1606.08415.
    """
    value = as_float(x)
    return value * (elementwise("erf", value / math.sqrt(2)) + 1) * 0.5


def gelu_tanh(x: Any) -> Value:
    """½x(1 + tanh(√(2/π)·(x + 0.044715·x³))): the older form of gelu, equal to it within 5e-4.

    Source: Hendrycks and Gimpel, arXiv:1606.08415, section 2.
    """
    value = as_float(x)
    inner = value * (elementwise("square", value) * 0.044715 + 1) * math.sqrt(2 / math.pi)
    return value * (elementwise("tanh", inner) + 1) * 0.5


def silu(x: Any) -> Value:
    """x·σ(x), also called swish. Source: Elfwing, Uchibe and Doya, Neural Networks 107 (2018)."""
    value = as_float(x)
    return value * elementwise("sigmoid", value)


def mish(x: Any) -> Value:
    """x·tanh(ln(1 + eˣ)). Source: Misra, BMVC 2020."""
    value = as_float(x)
    return value * elementwise("tanh", elementwise("softplus", value))


def relu6(x: Any) -> Value:
    """relu(x), 6 at most. Source: Krizhevsky, Convolutional deep belief networks (2010)."""
    return composite.clip(as_float(x), 0.0, 6.0)


def hard_sigmoid(x: Any) -> Value:
    """x/6 + ½ between 0 and 1. Source: Howard et al., ICCV 2019, section 5.2."""
    return composite.clip(as_float(x) / 6 + 0.5, 0.0, 1.0)


def hard_silu(x: Any) -> Value:
    """x·hard_sigmoid(x), also called hard swish. Source: Howard et al., ICCV 2019, section 5.2."""
    value = as_float(x)
    return value * hard_sigmoid(value)


def hard_tanh(x: Any) -> Value:
    """x between -1 and 1."""
    return composite.clip(as_float(x), -1.0, 1.0)


def softsign(x: Any) -> Value:
    """x/(1 + |x|). Source: Glorot and Bengio, AISTATS 2010, section 3."""
    value = as_float(x)
    return value / (abs(value) + 1)


def log_sigmoid(x: Any) -> Value:
    """ln σ(x), without overflow."""
    return -elementwise("softplus", -as_float(x))


def threshold(x: Any, border: float, value: float) -> Value:
    """x where it is above `border`, else `value`."""
    real("threshold", "border", border)
    inputs = as_float(x)
    return composite.where(inputs > border, inputs, real("threshold", "value", value))


def soft_shrink(x: Any, border: float = 0.5) -> Value:
    """x moved towards 0 by `border`, and 0 within it."""
    border, value = real("soft_shrink", "border", border, 0), as_float(x)
    return value - composite.clip(value, -border, border)


def hard_shrink(x: Any, border: float = 0.5) -> Value:
    """x where |x| is above `border`, else 0."""
    value = as_float(x)
    return composite.where(abs(value) > real("hard_shrink", "border", border, 0), value, 0.0)


def tanh_shrink(x: Any) -> Value:
    """x - tanh(x)."""
    value = as_float(x)
    return value - elementwise("tanh", value)


def squareplus(x: Any, b: float = 4.0) -> Value:
    """½(x + √(x² + b)): a softplus without exponentials. Source: Barron, arXiv:2112.11687."""
    real("squareplus", "b", b, 0)
    value = as_float(x)
    return (value + composite.hypot(value, math.sqrt(b))) * 0.5


def sparse_plus(x: Any) -> Value:
    """0 up to -1, ¼(x + 1)² up to 1, then x: a softplus that is 0 and x exactly."""
    value = as_float(x)
    inner = composite.clip(value, -1.0, 1.0)
    return elementwise("square", inner + 1) * 0.25 + elementwise("relu", value - 1)


def sparse_sigmoid(x: Any) -> Value:
    """½(x + 1) between 0 and 1: the slope of sparse_plus."""
    return composite.clip((as_float(x) + 1) * 0.5, 0.0, 1.0)


def sparsemax(x: Any, axis: int = -1) -> Value:
    """The point of the probability simplex that is nearest to x along an axis: max(x - τ, 0).

    Probabilities like those of a softmax, many of them 0 exactly.

    Source: Martins and Astudillo, ICML 2016, algorithm 1.
    """
    value = composite.moveaxis(as_float(x), axis, -1)
    known_length("sparsemax", value, -1)
    # A shift changes nothing; without it large numbers would hide the 1.
    value = value - elementwise("stop_gradient", composite.max(value, -1, keepdims=True))
    # For each number the sum of those not below it: the k largest for every k, without a sort.
    own, others = composite.expand_dims(value, -1), composite.expand_dims(value, -2)
    above = composite.astype(others >= own, value.type.dtype)
    inside = composite.sum(above, -1) * value + 1 > composite.sum(above * others, -1)
    picked = composite.astype(inside, value.type.dtype)
    border = (composite.sum(picked * value, -1, keepdims=True) - 1) / composite.sum(
        picked, -1, keepdims=True
    )
    return composite.moveaxis(elementwise("relu", value - border), -1, axis)


def glu(x: Any, axis: int = -1) -> Value:
    """a·σ(b) for the halves a and b of x along an axis, which comes out half as long.

    Source: Dauphin et al., ICML 2017.
    """
    value = as_float(x)
    count = known_length("glu", value, axis)
    if count % 2:
        raise ShapeError("glu", f"x must have an even number along axis {axis}, got {count}")
    first, second = composite.split(value, [count // 2], axis=axis)
    return first * elementwise("sigmoid", second)


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
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "celu": celu,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "silu": silu,
    "mish": mish,
    "relu6": relu6,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_tanh": hard_tanh,
    "softsign": softsign,
    "exponential": lambda x: elementwise("exp", x),
    "log_softmax": composite.log_softmax,
    "log_sigmoid": log_sigmoid,
    "soft_shrink": soft_shrink,
    "hard_shrink": hard_shrink,
    "tanh_shrink": tanh_shrink,
    "squareplus": squareplus,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": sparse_sigmoid,
    "sparsemax": sparsemax,
    "glu": glu,
}

# What an output of which the activation is known never is: read by the contract of losses.
NEVER_NEGATIVE = frozenset(
    (
        *("relu", "softplus", "sigmoid", "softmax", "step", "step_straight_through", "relu6"),
        *("hard_sigmoid", "exponential", "squareplus", "sparse_plus", "sparse_sigmoid"),
        *("sparsemax",),
    )
)
NEVER_POSITIVE = frozenset(("log_softmax", "log_sigmoid"))
POSITIVE = frozenset(("softplus", "sigmoid", "softmax", "exponential", "squareplus"))  # never 0
PROBABILITIES = frozenset(("softmax", "sparsemax"))  # rows that sum to 1
PROBABILITY = frozenset(("sigmoid", "hard_sigmoid", "sparse_sigmoid"))  # numbers in [0, 1]

# Other libraries' functions that have no name here, as what a person writes in their place.
FORMULAS = {"sin": "pel.numpy.sin(x)"}
ELSEWHERE = {
    **{name: f"Write activation=lambda x: {code}." for name, code in FORMULAS.items()},
    "swish": "silu",
    "hard_swish": "hard_silu",
    "hardswish": "hard_silu",
    "gelu_new": "gelu_tanh",
    "gelu_approximate": "gelu_tanh",
    "exp": "exponential",
    "logsigmoid": "log_sigmoid",
    "prelu": "Its slope is learned, so it is a layer: pel.nn.PReLU().",
    "identity": "linear",
    "none": "linear",
    "logistic": "sigmoid",
    "expit": "sigmoid",
    "rectifier": "relu",
    "heaviside": "step",
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
