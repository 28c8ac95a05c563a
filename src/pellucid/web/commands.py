"""The closed set of commands that a page may give, each with the checks of its arguments.

In: JSON that came over the socket. Out: a call of the session, or a refusal in one line.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.config import from_config
from pellucid.core.errors import ArgumentError, DataError, PellucidError, TooLargeError, nearest
from pellucid.svm import Hyperplane
from pellucid.web import files
from pellucid.web.constructors import CALLABLE
from pellucid.web.exercises import Exercise
from pellucid.web.frames import pack
from pellucid.web.machine import Machine
from pellucid.web.program import from_address
from pellucid.web.session import Session
from pellucid.web.settings import CONTROLS, MOST_COLUMNS, MOST_ROWS, OWN, Stop
from pellucid.web.sources import MOST_BYTES, from_csv

MOST_MESSAGE = 1 << 20  # bytes
_MOST_STEPS, _MOST_POINTS, _MOST_PARTS = 10_000, 1_000, 64
_DEEPEST = 16


@dataclass(frozen=True)
class Command:
    """One command.

    Args:
        run: what is done, with the session and the checked arguments.
        arguments: the check of each.
        at_once: whether it may run between two steps, and the run goes on.
    """

    run: Callable[[Any, dict[str, Any]], None]
    arguments: Mapping[str, Callable[[str, Any], Any]]
    at_once: bool = False


def read(
    message: object, commands: Mapping[str, Command] | None = None
) -> tuple[str, dict[str, Any]]:
    """The command of a message, checked as far as that goes without a session.

    Args:
        commands: those of the page; None: the playground's.

    Raises:
        PellucidError: for everything that is no command.
    """
    if not isinstance(message, str):
        raise DataError("page", "a command must be text, got bytes")
    if len(message) > MOST_MESSAGE:
        raise TooLargeError("page", f"a message has at most {MOST_MESSAGE:,} letters, got more")
    try:
        given = json.loads(message, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise DataError("page", "a command must be JSON, got something else") from None
    if not isinstance(given, dict) or not isinstance(given.get("do"), str):
        raise DataError("page", "a command must say what to do, got something else")
    name = given.pop("do")
    known = COMMANDS if commands is None else commands
    if name not in known:
        raise ArgumentError("page", f"unknown command {name[:60]!r}", nearest(name, known))
    checks = known[name].arguments
    if set(given) != set(checks):
        raise ArgumentError(
            "page", f"{name} takes {', '.join(checks) or 'nothing'}, got {', '.join(given)[:120]}"
        )
    return name, {key: check(key, given[key]) for key, check in checks.items()}


def _no_constant(name: str) -> Any:
    raise ValueError(name)


# -- checks -----------------------------------------------------------------------------------


def text_of(most: int) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > most:
            raise ArgumentError("page", f"{name} must be text of at most {most:,} letters")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ArgumentError("page", f"{name} must be text without lone surrogates") from None
        return value

    return check


def _number(name: str, value: Any) -> float:
    if type(value) not in (int, float) or not abs(value) <= 1e30:
        raise ArgumentError("page", f"{name} must be a number up to 1e30, got {value!r}")
    return float(value)


def whole_of(low: int, high: int) -> Callable[[str, Any], int]:
    def check(name: str, value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ArgumentError(
                "page", f"{name} must be a whole number in [{low}, {high}], got {value!r}"
            )
        return value

    return check


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ArgumentError("page", f"{name} must be true or false, got {value!r}")
    return value


def list_of(most: int, check: Callable[[str, Any], Any]) -> Callable[[str, Any], list[Any]]:
    def checked(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) > most:
            raise ArgumentError("page", f"{name} must be a list of at most {most}")
        return [check(name, one) for one in value]

    return checked


def _record(name: str, value: Any) -> Any:
    """A record of the library, of those that the page may make."""
    _plain(name, value, 0)
    if not isinstance(value, dict):
        raise ArgumentError("page", f"{name} must be a record with a type")
    return from_config(value)


def _plain(name: str, value: Any, depth: int) -> None:
    """Refuses configurations of records that are none of the playground's."""
    if depth > _DEEPEST:
        raise ArgumentError("page", f"{name} nests too deep")
    if isinstance(value, dict):
        kind = value.get("type")
        if not isinstance(kind, str) or kind not in CALLABLE:
            raise ArgumentError("page", f"{name} must be made of the playground's records")
        for one in value.values():
            _plain(name, one, depth + 1)
    elif isinstance(value, list):
        for one in value[:_MOST_PARTS]:
            _plain(name, one, depth + 1)
        if len(value) > _MOST_PARTS:
            raise ArgumentError("page", f"{name} has too many parts")


def _some(kind: type, called: str) -> Callable[[str, Any], Any]:
    """A check for one of the page's own records by its fields, or for none."""
    fields = {one.name: one.default is dataclasses.MISSING for one in dataclasses.fields(kind)}
    needed = {name for name, is_needed in fields.items() if is_needed}

    def check(name: str, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict) or not needed <= set(value) <= set(fields):
            raise ArgumentError("page", f"{called} has {', '.join(fields)}, got something else")
        return kind(**value)

    return check


def _tuple_of(check: Callable[[str, Any], list[Any]]) -> Callable[[str, Any], tuple[Any, ...]]:
    return lambda name, value: tuple(check(name, value))


SETTINGS: dict[str, Callable[[str, Any], Any]] = {
    "data": text_of(400),
    "rows": whole_of(10, MOST_ROWS),
    "noise": _number,
    "data_seed": whole_of(0, 2**31),
    "held": _number,
    "features": _tuple_of(list_of(MOST_COLUMNS, text_of(400))),
    "layers": _tuple_of(list_of(64, _record)),
    "seed": whole_of(0, 2**31),
    "dtype": text_of(10),
    "optimizer": _record,
    "loss": _record,
    "penalties": _tuple_of(list_of(4, _record)),
    "batch_size": whole_of(1, MOST_ROWS),
    "stop": _some(Stop, "a stop rule"),
    "hidden": _tuple_of(list_of(len(CONTROLS), text_of(20))),
    "svm": _some(Machine, "a machine"),
    "exercise": _some(Exercise, "an exercise"),
}


def _values(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise ArgumentError("page", f"{name} must be settings by name")
    for key in value:
        if key not in SETTINGS:
            raise ArgumentError("page", f"unknown setting {key[:60]!r}", nearest(key, SETTINGS))
    return {key: SETTINGS[key](key, one) for key, one in value.items()}


def _difference(name: str, value: Any) -> dict[str, Any]:
    """Of a second run; nothing ends it."""
    return {} if value == {} else _values(name, value)


# -- what is done ---------------------------------------------------------------------------------


def _csv(session: Session, given: dict[str, Any]) -> None:
    text = _whole(session, "csv", given["text"], given["more"], MOST_BYTES)
    if text is not None:
        session.set_own(from_csv(text))


def _draw(session: Session, given: dict[str, Any]) -> None:
    own = session.own_rows()
    rows = []
    for x1, x2, target in given["points"]:
        if own.classes and (target != int(target) or not 0 <= target <= own.classes):
            raise ArgumentError("data", f"a class must be 0 to {own.classes}, got {target:g}")
        rows.append([x1, x2, *np.zeros(own.x.shape[1] - 2), target])
    if rows:
        session.set_own(own.with_points(np.array(rows)), same=True)


def _point(name: str, value: Any) -> list[float]:
    if not isinstance(value, list) or len(value) != 3:
        raise ArgumentError("page", "a point is [x1, x2, class or value]")
    return [_number(name, one) for one in value]


def _ink(name: str, value: Any) -> float:
    if not 0 <= _number(name, value) <= 1:
        raise ArgumentError("page", f"{name} must be ink from 0 to 1, got {value!r}")
    return float(value)


def _two_units(name: str, value: Any) -> list[int]:
    """Two units; none at all where nothing is to be shown."""
    found = list_of(2, whole_of(0, 1000))(name, value)
    if len(found) == 1:
        raise ArgumentError("page", f"{name} must be two units or none, got one")
    return found


def _erase(session: Session, given: dict[str, Any]) -> None:
    place = np.array([given["x1"], given["x2"]])
    session.set_own(session.own_rows().without(place), same=True)


def _move(session: Session, given: dict[str, Any]) -> None:
    place = np.array([given["x1"], given["x2"]])
    session.set_own(session.own_rows().moved(given["row"], place), same=True)


def _pair(session: Session, given: dict[str, Any]) -> None:
    if session.machine is None:
        raise ArgumentError("playground", "there is no support vector machine on the page")
    session.machine.choose(given["pair"])
    session.send(session.machine.message())


def _answer(session: Session, given: dict[str, Any]) -> None:
    if session.settings.exercise is None:
        raise ArgumentError("playground", "there is no exercise on the page")
    session.desk.check(session.settings.exercise, given["text"])


def _at(session: Session, given: dict[str, Any]) -> None:
    place = np.full(session.rows.x.shape[1], math.nan)
    place[:2] = given["x1"], given["x2"]
    look = session.machine or session.look
    found = {"kind": "at", "x": place[:2].tolist(), **look.at(place)}
    if session.machine is None and session.second is not None:
        found["second"] = session.second.look.at(place)["blocks"][-1]
    session.send(found)


def _file(session: Session, name: str, content: bytes) -> None:
    data = np.frombuffer(content + b"\0" * (-len(content) % 4), "<f4")
    session.send(pack({"kind": "file", "name": name, "size": len(content)}, {"content": data}))


def _save(session: Session, given: dict[str, Any]) -> None:
    if session.machine is None:
        _file(session, files.NAME, files.content_of(session.model))
        return
    if isinstance(session.machine.fitted, Hyperplane):
        raise ArgumentError("save", "a hyperplane has no file", "Export the program.")
    _file(session, "machine.safetensors", files.content_of(session.machine.fitted))


def _load(session: Session, given: dict[str, Any]) -> None:
    content = _whole(session, "load", given["content"], given["more"], 4 * files.MOST_FILE // 3)
    if content is None:
        return
    try:
        session.load(base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError) as error:
        if isinstance(error, PellucidError):
            raise
        raise DataError("load", "the file must come in base64") from None


def _whole(session: Session, kind: str, text: str, more: bool, most: int) -> str | None:
    """What came in parts; None while some are missing."""
    parts = session.parts.setdefault(kind, [])
    if sum(map(len, parts)) + len(text) > most:
        parts.clear()
        raise TooLargeError("page", f"a file has at most {most >> 20} MiB of text, got more")
    parts.append(text)
    if more:
        return None
    whole = "".join(parts)
    parts.clear()
    return whole


def _export(session: Session, given: dict[str, Any]) -> None:
    _file(session, "program.py", session.program().encode())
    if session.second is not None:
        _file(session, "program-second.py", session.second.program().encode())
    if session.settings.loaded and session.file is not None:
        _file(session, files.NAME, session.file)
    if session.settings.data == OWN and session.own is not None:
        _file(session, "points.csv", session.own.csv().encode())


COMMANDS: dict[str, Command] = {
    "play": Command(lambda s, a: s.play(), {}),
    "pause": Command(lambda s, a: s.pause(), {}),
    "step": Command(lambda s, a: s.step(a["epochs"]), {"epochs": whole_of(1, _MOST_STEPS)}),
    "rewind": Command(lambda s, a: s.rewind(), {}),
    "reset": Command(lambda s, a: s.reset(), {}),
    "set": Command(lambda s, a: s.change(a["values"]), {"values": _values}),
    "compare": Command(lambda s, a: s.compare(a["values"]), {"values": _difference}),
    "weight": Command(
        lambda s, a: s.set_weight(a["name"], tuple(a["index"]), a["value"]),
        {"name": text_of(100), "index": list_of(2, whole_of(0, 1000)), "value": _number},
    ),
    "program": Command(lambda s, a: s.run_program(a["text"]), {"text": text_of(400_000)}),
    "address": Command(lambda s, a: s.open(from_address(a["text"])), {"text": text_of(16_000)}),
    "csv": Command(_csv, {"text": text_of(MOST_MESSAGE), "more": _flag}),
    "draw": Command(_draw, {"points": list_of(_MOST_POINTS, _point)}),
    "erase": Command(_erase, {"x1": _number, "x2": _number}),
    "move": Command(_move, {"row": whole_of(0, MOST_ROWS - 1), "x1": _number, "x2": _number}),
    "pair": Command(_pair, {"pair": whole_of(0, 1000)}),
    "answer": Command(_answer, {"text": text_of(400)}),
    "cancel": Command(lambda s, a: s.desk.cancel(), {}),
    "at": Command(_at, {"x1": _number, "x2": _number}, at_once=True),
    "picture": Command(
        lambda s, a: s.draw_picture(a["values"]), {"values": list_of(64, _ink)}, at_once=True
    ),
    "units": Command(
        lambda s, a: s.see_with((a["column"], *a["pair"]) if a["pair"] else None),
        {"column": whole_of(0, 64), "pair": _two_units},
        at_once=True,
    ),
    "save": Command(_save, {}),
    "load": Command(_load, {"content": text_of(MOST_MESSAGE), "more": _flag}),
    "export": Command(_export, {}),
    "show": Command(lambda s, a: s.show(), {}),
}
