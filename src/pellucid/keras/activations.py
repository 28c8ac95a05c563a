"""keras.activations: Keras's functions, and what their names mean here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pellucid.core.errors import ArgumentError, nearest
from pellucid.keras import arguments, blame
from pellucid.keras.arguments import Arguments, bound, signed
from pellucid.keras.operands import called
from pellucid.keras.tensors import applied
from pellucid.nn import activations as ours
from pellucid.ops import composite
from pellucid.ops.composite.base import as_float
from pellucid.ops.value import Value, elementwise


def _rectified(a: Arguments) -> Any:
    """Keras's relu with numbers of its own; the plain one by its name."""
    slope, top, border = a.negative_slope, a.max_value, a.threshold
    if (slope, top, border) == (0.0, None, 0.0):
        return "relu"

    def relu(x: Any) -> Value:
        value = as_float(x)
        below = (value - border) * slope
        held = value if top is None else elementwise("minimum", value, float(top))
        return composite.where(value >= border, held, below)

    return relu


def _plain(name: str) -> Callable[[Arguments], Any]:
    return lambda a: name


def _axis(name: str) -> Callable[[Arguments], Any]:
    def make(a: Arguments) -> Any:
        axis = a.axis
        return name if axis == -1 else lambda x: getattr(composite, name)(x, axis=axis)

    return make


# Name: the activation that its arguments ask for, as a name of ours or a function.
ROWS: dict[str, Callable[[Arguments], Any]] = {
    **{
        name: _plain(name)
        for name in (
            *("linear", "sigmoid", "tanh", "softplus", "softsign", "exponential", "selu", "silu"),
            *("hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid", "mish", "relu6"),
            *("sparse_plus", "sparse_sigmoid", "tanh_shrink"),
        )
    },
    "relu": _rectified,
    "softmax": _axis("softmax"),
    "log_softmax": _axis("log_softmax"),
    "gelu": lambda a: "gelu_tanh" if a.approximate else "gelu",
    "elu": lambda a: "elu" if a.alpha == 1 else lambda x, k=a.alpha: ours.elu(x, k),
    "celu": lambda a: "celu" if a.alpha == 1 else lambda x, k=a.alpha: ours.celu(x, k),
    "leaky_relu": lambda a: lambda x, k=a.negative_slope: ours.leaky_relu(x, k),
    "glu": lambda a: lambda x, k=a.axis: ours.glu(x, k),
    "sparsemax": lambda a: (
        "sparsemax" if a.axis == -1 else lambda x, k=a.axis: ours.sparsemax(x, k)
    ),
    "squareplus": lambda a: lambda x, k=a.b: ours.squareplus(x, k),
    "soft_shrink": lambda a: lambda x, k=a.threshold: ours.soft_shrink(x, k),
    "hard_shrink": lambda a: lambda x, k=a.threshold: ours.hard_shrink(x, k),
    "threshold": lambda a: lambda x, k=a.threshold, v=a.default_value: ours.threshold(x, k, v),
}


def _function(name: str, make: Callable[[Arguments], Any]) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        given, _ = bound("activations", name, args, kwargs)

        def result_of(own: Arguments) -> Any:
            x, made = own.x, make(own)
            return applied(lambda x: ours.activate(made, as_float(x)), (x,), {}, name)

        result = called(given, result_of, ("x",))
        given.finish()
        return result

    return signed(function, "activations", name)


_MADE = {name: _function(name, make) for name, make in ROWS.items()}
_KNOWN = arguments.aliases("activations", _MADE)
_NAME_OF = {id(function): name for name, function in _MADE.items()}
_NEEDS_NUMBERS = ("threshold",)


def meant(where: str, activation: Any) -> Any:
    """What an `activation=` of Keras is for a layer of ours: a name, a function, or None.

    Raises:
        ArgumentError: for a name that Keras does not have.
    """
    if activation is None:
        return None
    inner = getattr(activation, "activation_function", None)
    if inner is not None:  # a layer such as LeakyReLU() given as an activation
        return inner
    name = _NAME_OF.get(id(activation), activation)
    if not isinstance(name, str):
        if callable(activation):
            return activation
        raise ArgumentError(f"keras.{where}", f"unknown activation {activation!r}")
    function = _KNOWN.get(name)
    if function is None or name in _NEEDS_NUMBERS:
        raise ArgumentError(f"keras.{where}", f"unknown activation {name!r}", nearest(name, _KNOWN))
    own = _NAME_OF[id(function)]
    given, _ = bound("activations", own, (None,), {})
    return ROWS[own](given)


def get(identifier: Any) -> Any:
    """The function that a name stands for."""
    if identifier is None:
        return _KNOWN["linear"]
    if isinstance(identifier, str) and identifier in _KNOWN:
        return _KNOWN[identifier]
    if callable(identifier):
        return identifier
    raise ArgumentError(
        "keras.activations.get",
        f"unknown activation {blame.shown(identifier)}",
        nearest(identifier, _KNOWN),
    )


globals().update(_KNOWN)
__all__ = sorted([*_KNOWN, "get"])  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("activations", __all__)
