"""keras.constraints: bounds that weights are put back into after each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pellucid.core.errors import ArgumentError, nearest
from pellucid.keras import arguments, blame
from pellucid.keras.arguments import Arguments, bound, signature
from pellucid.keras.members import unknown_member
from pellucid.nn import regularizers as ours

ROWS: dict[str, Callable[[Arguments], Any]] = {
    "MaxNorm": lambda a: ours.MaxNorm(a.max_value),
    "MinMaxNorm": lambda a: ours.MinMaxNorm(a.max_value, a.min_value, a.rate),
    "NonNeg": lambda a: ours.NonNegative(),
    "UnitNorm": lambda a: ours.MinMaxNorm(1.0, lowest=1.0),
}


class Constraint:
    """A bound on a weight: one of those below.

    Attributes:
        make: the bound of ours; axis: what its norm is over.
    """

    make: ours.Regularizer | None = None
    axis: Any = None
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member


def _class(name: str, make: Callable[[Arguments], Any]) -> type[Constraint]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        given, _ = bound("constraints", name, args, kwargs)
        self.axis = given.axis if "axis" in given.values_ else None
        self.make = blame.made(given, make)
        given.finish()

    doc = f"As keras.constraints.{name}."
    own = {"__init__": __init__, "__doc__": doc, "__signature__": signature("constraints", name)}
    return type(name, (Constraint,), own)


_KNOWN: dict[str, Any] = {
    "Constraint": Constraint,
    **arguments.aliases("constraints", {name: _class(name, make) for name, make in ROWS.items()}),
}


def get(identifier: Any) -> Any:
    """The object that a name stands for."""
    if not isinstance(identifier, str):
        return blame.object_of("constraints.get", "constraint", identifier, Constraint)
    if identifier not in _KNOWN or identifier == "Constraint":
        raise ArgumentError(
            "keras.constraints.get",
            f"unknown constraint {identifier!r}",
            nearest(identifier, _KNOWN),
        )
    return _KNOWN[identifier]()


globals().update(_KNOWN)
__all__ = sorted([*_KNOWN, "get"])  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("constraints", __all__)
