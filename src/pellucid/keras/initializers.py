"""keras.initializers: names and arguments of Keras for initializers of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.core import dtypes
from pellucid.core.config import record
from pellucid.core.dtypes import DType
from pellucid.core.errors import ArgumentError, nearest
from pellucid.core.shapes import Shape
from pellucid.keras import arguments, blame
from pellucid.keras.arguments import Arguments, bound, signature
from pellucid.keras.members import unknown_member
from pellucid.keras.session import SESSION
from pellucid.nn import init
from pellucid.ops.composite.base import asvalue
from pellucid.ops.random import Key
from pellucid.ops.value import Value
from pellucid.runtime.extras import numpy_dtype


@record
class KerasSeeded(init.Initializer):
    """An initializer with a seed of its own: the same numbers whenever it draws.

    Args:
        initializer: what draws.
        seed: of the numbers.
        shift: what is added to each.
    """

    initializer: init.Initializer
    seed: int | None = None
    shift: float = 0.0

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        if self.seed is not None:
            key = Key(asvalue(np.int64(self.seed)), asvalue(np.int64(0)), "seeded")
        drawn = self.initializer.values(key, shape, dtype)
        return drawn + self.shift if self.shift else drawn


@record
class KerasStart(init.Initializer):
    """Numbers that a person's own function gives."""

    function: Callable[..., Any]

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        found = np.asarray(self.function(tuple(shape), dtype=dtype.name), numpy_dtype(dtype))
        return asvalue(np.broadcast_to(found, shape).copy())  # type: ignore[arg-type]


def _scaled(scale: float, mode: str, kind: str) -> Callable[[Arguments], Any]:
    def make(a: Arguments) -> Any:
        return KerasSeeded(init.VarianceScaling(scale, mode, kind), a.seed)

    return make


def _variance(a: Arguments) -> Any:
    kind = "normal" if a.distribution == "untruncated_normal" else a.distribution
    return KerasSeeded(init.VarianceScaling(a.scale, a.mode, kind), a.seed)


def _uniform(a: Arguments) -> Any:
    middle, limit = (a.maxval + a.minval) / 2, (a.maxval - a.minval) / 2
    return KerasSeeded(init.Uniform(limit), a.seed, middle)


ROWS: dict[str, Callable[[Arguments], Any]] = {
    "GlorotUniform": _scaled(1.0, "fan_avg", "uniform"),
    "GlorotNormal": _scaled(1.0, "fan_avg", "truncated_normal"),
    "HeUniform": _scaled(2.0, "fan_in", "uniform"),
    "HeNormal": _scaled(2.0, "fan_in", "truncated_normal"),
    "LecunUniform": _scaled(1.0, "fan_in", "uniform"),
    "LecunNormal": _scaled(1.0, "fan_in", "truncated_normal"),
    "VarianceScaling": _variance,
    "RandomNormal": lambda a: KerasSeeded(init.Normal(a.stddev), a.seed, a.mean),
    "TruncatedNormal": lambda a: KerasSeeded(init.TruncatedNormal(a.stddev), a.seed, a.mean),
    "RandomUniform": _uniform,
    "Zeros": lambda a: init.Zeros(),
    "Ones": lambda a: init.Fill(1.0),
    "Constant": lambda a: init.Fill(a.value),
    "Orthogonal": lambda a: KerasSeeded(init.Orthogonal(a.gain), a.seed),
    "Identity": lambda a: init.Identity(a.gain),
}


class Initializer:
    """How weights start. One of a person's own defines `__call__(shape, dtype=None)`."""

    inner: Any = None
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """An array of first numbers."""
        kind = dtypes.as_dtype(dtype or SESSION.floatx, "keras.initializers")
        key = Key(asvalue(np.int64(SESSION.seed())), asvalue(np.int64(0)), "called")
        values: Any = self.inner.values(key, tuple(shape), kind)
        return np.asarray(values)


def _class(name: str, make: Callable[[Arguments], Any]) -> type[Initializer]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        given, _ = bound("initializers", name, args, kwargs)
        self.inner = blame.made(given, make)
        given.finish()

    doc = f"As keras.initializers.{name}."
    own = {"__init__": __init__, "__doc__": doc, "__signature__": signature("initializers", name)}
    return type(name, (Initializer,), own)


_MADE: dict[str, Any] = {name: _class(name, make) for name, make in ROWS.items()}
_KNOWN = {"Initializer": Initializer, **arguments.aliases("initializers", _MADE)}
_SPELLINGS = {"uniform": "RandomUniform", "normal": "RandomNormal", "one": "Ones", "zero": "Zeros"}


def meant(where: str, given: Any) -> init.Initializer:
    """The initializer of ours that a name, an object or a function of Keras stands for."""
    if isinstance(given, type) and issubclass(given, Initializer):
        given = given()
    if isinstance(given, str):
        name = _SPELLINGS.get(given, given)
        if name not in _KNOWN or name == "Initializer":
            raise ArgumentError(
                f"keras.{where}", f"unknown initializer {given!r}", nearest(given, _KNOWN)
            )
        given = _KNOWN[name]()
    inner = getattr(given, "inner", None)
    if isinstance(inner, init.Initializer):
        return inner
    if callable(given):
        return KerasStart(given)
    raise ArgumentError(f"keras.{where}", f"unknown initializer {given!r}")


def get(identifier: Any) -> Any:
    """The object that a name stands for."""
    if isinstance(identifier, str):
        meant("initializers.get", identifier)
        return _KNOWN[_SPELLINGS.get(identifier, identifier)]()
    return blame.object_of("initializers.get", "initializer", identifier, Initializer)


globals().update(_KNOWN)
__all__ = sorted([*_KNOWN, "get"])  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("initializers", __all__)
