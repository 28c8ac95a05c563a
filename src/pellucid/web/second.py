"""A second run beside the first: the same data and seed, one setting different.

Both are sessions. The second has no page of its own: the first makes it, trains it to its own epoch
before every picture, and shows it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from pellucid.core.errors import ArgumentError
from pellucid.nn.dense import Dense
from pellucid.web.settings import Settings


class Changing(Protocol):
    """What a second run needs of a session."""

    own: Any
    file: Any
    board: Any
    send: Any

    @property
    def settings(self) -> Settings: ...

    def change(self, values: Mapping[str, Any]) -> None: ...


S = TypeVar("S", bound=Changing)
CAN_DIFFER = (
    "optimizer",
    "layers",
    "penalties",
    "loss",
    "batch_size",
    "features",
    "seed",
    "dtype",
)


def check(values: Mapping[str, Any]) -> None:
    """Refuses what is no difference of two runs on the same data."""
    if len(values) != 1:
        raise ArgumentError(
            "playground", f"the second run differs in one setting, got {', '.join(values)}"
        )
    (name,) = values
    if name not in CAN_DIFFER:
        raise ArgumentError(
            "playground",
            f"two runs have the same {name}, got another one for the second",
            f"They can differ in {', '.join(CAN_DIFFER)}.",
        )


def beside(first: S, make: Callable[..., S], values: Mapping[str, Any]) -> S:
    """The second run at its start.

    Args:
        make: makes a session.
        values: the one setting that differs.

    Raises:
        PellucidError: where it cannot be used, or is that of the first.
    """
    (name,) = values
    start = dataclasses.replace(first.settings.start, svm=None, exercise=None)  # it is a network
    second = make(start, first.own, send=_through(first), file=first.file, ready=lambda: False)
    second.board = first.board
    second.change(values)
    if getattr(second.settings.start, name) == getattr(start, name):
        raise ArgumentError(
            "playground", f"the second run must differ from the first, got the same {name}"
        )
    return second


def _through(first: Changing) -> Callable[[Any], None]:
    """What passes on why the second run stopped, and nothing else of it."""

    def send(message: Any) -> None:
        if isinstance(message, dict) and message["kind"] in ("error", "note"):
            first.send({**message, "text": f"Second run: {message['text']}"})

    return send


# -- in words -------------------------------------------------------------------------------------


def differences(first: Settings, second: Settings, name: str) -> tuple[str, str]:
    """The setting that differs, as it is in the first run and in the second."""
    one, other = (getattr(settings.start, name) for settings in (first, second))
    if name == "optimizer":
        if type(one) is type(other):
            return _fields(one, other)
        return repr(one), repr(other)
    if name == "layers":
        return _layers(one, other)
    if name == "penalties":
        return _penalties(one), _penalties(other)
    if name == "features":
        return f"features {', '.join(one)}", f"features {', '.join(other)}"
    shown = name.replace("_", " ")
    if name == "loss":
        return f"{shown} {one.name}", f"{shown} {other.name}"
    return f"{shown} {one}", f"{shown} {other}"


def _fields(one: Any, other: Any) -> tuple[str, str]:
    """The fields of two records of one class that differ."""
    names = [
        f.name for f in dataclasses.fields(one) if getattr(one, f.name) != getattr(other, f.name)
    ]

    def text(record: Any) -> str:
        return ", ".join(f"{n.replace('_', ' ')} {_value(getattr(record, n))}" for n in names)

    return text(one), text(other)


def _value(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else repr(value)


def _layers(one: Any, other: Any) -> tuple[str, str]:
    """One word where a single field differs in all layers that differ; else the networks."""
    if [type(layer) for layer in one] == [type(layer) for layer in other]:
        found = {_fields(a, b) for a, b in zip(one, other, strict=True) if a != b}
        if len(found) == 1 and "units" not in next(iter(found))[0]:
            return found.pop()
    return _network(one), _network(other)


def _network(layers: Any) -> str:
    parts = [
        f"{layer.units} {layer.activation or 'linear'}"
        if isinstance(layer, Dense)
        else type(layer).__name__
        for layer in layers
    ]
    return f"layers {', '.join(parts)}"


def _penalties(given: Any) -> str:
    return ", ".join(map(repr, given)) or "no penalty"
