"""keras.regularizers and keras.constraints, as penalties and bounds of ours.

Keras's L2(s) is s·‖w‖² where ours is (λ/2)·‖w‖²: λ = 2s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, nearest
from pellucid.keras import arguments, blame, constraints
from pellucid.keras.arguments import Arguments, bound, refuse, signature
from pellucid.keras.members import unknown_member
from pellucid.nn import regularizers as ours
from pellucid.ops import composite
from pellucid.ops.composite.base import asvalue
from pellucid.ops.value import Value, elementwise
from pellucid.runtime.extras import numpy_dtype


@record
class KerasPenalty(ours.Regularizer):
    """A penalty that a person's own function of a weight gives."""

    function: Callable[[Any], Any]
    biases: bool = False
    strength: float = 1.0

    def penalty(self, strength: Value, weight: Value) -> Value:
        return asvalue(self.function(weight)) * strength


@record
class KerasOrthogonal(ours.Regularizer):
    """λ/2·(sum of |cosines|)/(number of pairs) of the rows or columns of a kernel."""

    strength: float = 0.01
    columns: bool = False
    biases: bool = False

    def penalty(self, strength: Value, weight: Value) -> Value:
        if len(weight.type.shape) != 2:
            raise ArgumentError(
                "keras.OrthogonalRegularizer", f"it is of kernels (D, H), got {weight.type.shape}"
            )
        rows = composite.permute_dims(weight, (1, 0)) if self.columns else weight
        squares = composite.sum(elementwise("square", rows), 1, keepdims=True)
        rows = rows / elementwise("sqrt", elementwise("maximum", squares, 1e-12))
        count = int(rows.type.shape[0])  # type: ignore[arg-type]
        cosines = composite.matmul(rows, composite.permute_dims(rows, (1, 0)))
        others = 1 - np.eye(count, dtype=numpy_dtype(rows.type.dtype))
        return composite.sum(abs(cosines) * others) * strength / (count * (count - 1.0))


@record
class KerasOf(ours.Regularizer):
    """A penalty or a bound of one parameter of a layer: its bias, or one of two kernels.

    Args:
        regularizer: what acts on it; leaf: its name in the layer of ours.
    """

    regularizer: ours.Regularizer
    leaf: str
    biases: bool = False

    def __post_init__(self) -> None:
        """The regularizer is checked by itself."""

    @property
    def strength(self) -> float:  # type: ignore[override]
        return self.regularizer.strength

    @property
    def is_proximal(self) -> bool:
        return self.regularizer.is_proximal

    def acts_on(self, leaf: str, bias: bool) -> bool:
        return leaf == self.leaf

    def penalty(self, strength: Value, weight: Value) -> Value | None:
        return self.regularizer.penalty(strength, weight)

    def proximal_step(self, strength: Value, rate: Value, weight: Value) -> Value:
        return self.regularizer.proximal_step(strength, rate, weight)


class Regularizer:
    """A penalty. One of a person's own defines `__call__(x)`."""

    inner: tuple[ours.Regularizer, ...] = ()
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __call__(self, x: Any) -> Any:
        """The penalty of a weight."""
        found: Any = 0.0
        for one in self.inner:
            found = found + one.penalty(asvalue(np.float64(one.strength)), asvalue(x))
        return found if not hasattr(found, "numpy") else found.numpy()


def _both(a: Arguments) -> tuple[ours.Regularizer, ...]:
    first, second = a.l1 or 0.0, a.l2 or 0.0
    return (*((ours.L1(first),) if first else ()), *((ours.L2(2 * second),) if second else ()))


def _columns(a: Arguments) -> bool:
    a.only("mode", "rows", "columns")
    return bool(a.mode == "columns")


ROWS: dict[str, Callable[[Arguments], Any]] = {
    "L1": lambda a: (ours.L1(a.l1),),
    "L2": lambda a: (ours.L2(2 * a.l2),),
    "L1L2": _both,
    "OrthogonalRegularizer": lambda a: (KerasOrthogonal(a.factor, _columns(a)),),
}


def _class(name: str, make: Callable[[Arguments], Any]) -> type[Regularizer]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        given, _ = bound("regularizers", name, args, kwargs)
        self.inner = blame.made(given, make)
        given.finish()

    doc = f"As keras.regularizers.{name}."
    own = {"__init__": __init__, "__doc__": doc, "__signature__": signature("regularizers", name)}
    return type(name, (Regularizer,), own)


MADE: dict[str, Any] = {name: _class(name, make) for name, make in ROWS.items()}
_KNOWN: dict[str, Any] = {"Regularizer": Regularizer, **arguments.aliases("regularizers", MADE)}


def penalties(where: str, given: Any) -> tuple[ours.Regularizer, ...]:
    """The penalties of ours that a name, an object or a function of Keras stands for."""
    if given is None:
        return ()
    if isinstance(given, str):
        if given not in _KNOWN or given == "Regularizer":
            raise ArgumentError(
                f"keras.{where}", f"unknown regularizer {given!r}", nearest(given, _KNOWN)
            )
        given = _KNOWN[given]()
    if type(given).__call__ is not Regularizer.__call__ and callable(given):
        return (KerasPenalty(given),)
    if not isinstance(given, Regularizer):
        raise ArgumentError(f"keras.{where}", f"unknown regularizer {given!r}")
    return given.inner


def _covers(where: str, axis: Any, rank: int) -> None:
    """Refuses a norm over other axes than all but the last, the units."""
    axes = [axis] if isinstance(axis, int) else list(axis)
    if sorted(one % rank for one in axes) != list(range(rank - 1)):
        refuse(
            where,
            "axis",
            axis,
            f"norms are over all axes but the last: axis={list(range(rank - 1))} for this weight",
        )


def bounds(where: str, given: Any, rank: int) -> tuple[ours.Regularizer, ...]:
    """The bounds of ours that a constraint of Keras stands for.

    Args:
        rank: of the weight.
    """
    if given is None:
        return ()
    if isinstance(given, str):
        given = constraints.get(given)
    if not isinstance(given, constraints.Constraint) or given.make is None:
        raise ArgumentError(
            f"keras.{where}",
            f"a constraint must be one of keras.constraints, got {given!r}",
            "Use MaxNorm, MinMaxNorm, NonNeg or UnitNorm.",
        )
    if given.axis is not None:
        _covers(where, given.axis, rank)
    return (given.make,)


def get(identifier: Any) -> Any:
    """The object that a name stands for."""
    if isinstance(identifier, str):
        penalties("regularizers.get", identifier)
        return _KNOWN[identifier]()
    return blame.object_of("regularizers.get", "regularizer", identifier, Regularizer)


globals().update(_KNOWN)
__all__ = sorted([*_KNOWN, "get"])  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("regularizers", __all__)
