"""Keras's signatures, and arguments that are bound to them: what is not read is refused.

In: names.json, which benchmarks/keras_names.py writes from Keras itself. Out: for each class and
function its arguments with Keras's defaults. Who makes something of the arguments reads them; what
differs from Keras's default and was never read has no meaning here and is refused by its name.
"""

from __future__ import annotations

import ast
import functools
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pellucid.core.errors import ArgumentError, nearest
from pellucid.core.names import unknown_names
from pellucid.keras import blame
from pellucid.keras.outside import ARGUMENTS, MODULES, reason

_EMPTY = inspect.Parameter.empty


@functools.cache
def table() -> dict[str, Any]:
    """What Keras offers: {"rooms": {room: {name: arguments}}, "members": {class: …}}."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / "names.json").read_text())
    return found


def _default(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _listed(room: str, name: str) -> list[list[str]]:
    found = table()["rooms"][room][name]
    while isinstance(found, str):
        found = table()["rooms"][room][found]
    return found  # type: ignore[no-any-return]


@functools.cache
def signature(room: str, name: str) -> inspect.Signature:
    """Keras's signature, without *args and **kwargs."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            inspect.Parameter(one[0], kind, default=_default(one[1]) if len(one) > 1 else _EMPTY)
            for one in _listed(room, name)
            if not one[0].startswith("*")
        ]
    )


def same(value: Any, default: Any) -> bool:
    """Whether a value is the default, in effect."""
    if value is default:
        return True
    if isinstance(value, np.ndarray) or isinstance(default, np.ndarray):
        return False
    if isinstance(value, list):
        value = tuple(value)
    try:
        return bool(value == default) and isinstance(value, bool) == isinstance(default, bool)
    except Exception:  # what cannot be compared is something else
        return False


class Arguments:
    """Arguments by name, which know what was read of them."""

    def __init__(self, where: str, values: Mapping[str, Any], defaults: Mapping[str, Any]):
        self.where_, self.values_, self.defaults_ = where, dict(values), dict(defaults)
        self.read_: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_"):
            raise AttributeError(name)
        self.read_.add(name)
        return self.values_[name]

    def only(self, name: str, *allowed: Any) -> None:
        """Refuses other values of an argument than these."""
        value = getattr(self, name)
        if not any(same(value, one) for one in allowed):
            must_be(self.where_, name, value, allowed)

    def chosen(self) -> dict[str, Any]:
        """Those that differ from Keras's defaults."""
        return {
            name: value
            for name, value in self.values_.items()
            if not same(value, self.defaults_.get(name, _EMPTY))
        }

    def changed(self, name: str, value: Any) -> Arguments:
        """The same arguments, with another value of one."""
        return Arguments(self.where_, {**self.values_, name: value}, self.defaults_)

    def finish(self) -> None:
        """Refuses what differs from Keras's default and was not read."""
        for name, value in self.chosen().items():
            if name not in self.read_:
                refuse(self.where_, name, value)


def refuse(where: str, name: str, value: Any, why: str = "") -> NoReturn:
    """Raises the one line that says an argument of Keras has no meaning here."""
    shown = blame.shown(value)
    fix = "" if why or name in ARGUMENTS else "Leave it out."
    why = why or ARGUMENTS.get(name, "it has no meaning here")
    raise ArgumentError(f"keras.{where}", f"{name}={shown} is not supported: {why}", fix)


def must_be(where: str, name: str, value: Any, allowed: Sequence[Any]) -> NoReturn:
    """Raises the line that says which values an argument may have."""
    words = [repr(one) for one in allowed]
    known = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    raise ArgumentError(f"keras.{where}", f"{name} must be {known}, got {blame.shown(value)}")


def permit(where: str, name: str, value: Any, *allowed: Any, why: str = "") -> None:
    """Refuses other values of an argument of Keras than these."""
    if not any(same(value, one) for one in allowed):
        refuse(where, name, value, why)


def bound(
    room: str, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], more: Iterable[str] = ()
) -> tuple[Arguments, dict[str, Any]]:
    """Arguments bound to Keras's signature; beside them those of `more`, which were given.

    Raises:
        ArgumentError: for an argument that Keras does not have, one given twice, one missing.
    """
    form, where = signature(room, name), f"{room}.{name}"
    own = {key: value for key, value in kwargs.items() if key in form.parameters}
    rest = {key: value for key, value in kwargs.items() if key not in form.parameters}
    more = tuple(more)
    for key in rest:
        if key not in more:
            raise ArgumentError(
                f"keras.{where}",
                f"unknown argument {key!r}",
                nearest(key, [*form.parameters, *more]),
            )
    try:
        values = form.bind(*args, **own)
    except TypeError as error:
        raise ArgumentError(f"keras.{where}", f"{error} of {name}{form}") from None
    values.apply_defaults()
    defaults = {key: one.default for key, one in form.parameters.items()}
    kinds = blame.OF_ROOM.get(where) or blame.OF_ROOM.get(room)
    blame.check_kinds(where, values.arguments, defaults, kinds)
    return Arguments(where, values.arguments, defaults), rest


def signed(function: Callable[..., Any], room: str, name: str) -> Callable[..., Any]:
    """The function with Keras's name and signature."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"As keras.{room}.{name}. See docs/keras.md."
    function.__signature__ = signature(room, name)  # type: ignore[attr-defined]
    return function


def keras_function(room: str, name: str, make: Callable[[Arguments], Any]) -> Callable[..., Any]:
    """A function with Keras's signature that returns what `make` makes of the arguments."""

    def function(*args: Any, **kwargs: Any) -> Any:
        given, _ = bound(room, name, args, kwargs)
        made = blame.made(given, make)
        given.finish()
        return made

    return signed(function, room, name)


def aliases(room: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Keras's other names of what is there."""
    names = table()["rooms"][room]
    found = dict(known)
    groups: dict[str, list[str]] = {}
    for name, one in names.items():
        groups.setdefault(one if isinstance(one, str) else name, []).append(name)
    for several in groups.values():
        made = next((known[name] for name in several if name in known), None)
        if made is not None:
            found.update({name: found.get(name, made) for name in several})
    return found


def names(room: str, known: Iterable[str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module: Keras's names that are not here are refused with why."""
    there = table()["rooms"].get(room, {})
    known = list(known)
    missing = {name: reason(room, name) for name in there if name not in known}
    if room == "keras":
        missing |= MODULES
    where = "pellucid.keras" if room == "keras" else f"pellucid.keras.{room}"
    return unknown_names(where, known, missing)
