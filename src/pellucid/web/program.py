"""Settings as a Python program, and as the text of an address."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pellucid.core.config import to_config
from pellucid.core.errors import DataError, nearest
from pellucid.nn.losses import BY_NAME
from pellucid.web import exercises, machine
from pellucid.web.constructors import ROOM_OF, record_of
from pellucid.web.settings import DIGITS, OWN, Settings, Stop

MOST_LETTERS = 400_000  # of a program: weights that were set are numbers in it
_MOST_ADDRESS = 16_000
_WIDEST = 88  # letters of a line

MODEL = 'model = pel.load("model.safetensors")'
LOAD = 'table = np.loadtxt("points.csv", delimiter=",", skiprows=1)'
SPLIT_CLASSES = "x, y = table[:, :-1], table[:, -1].astype(int)"
SPLIT_VALUES = "x, y = table[:, :-1], table[:, -1]"
PICTURES = (
    "x = np.concatenate([digits.x_train, digits.x_test]).reshape(-1, 64) / 16",
    "y = np.concatenate([digits.y_train, digits.y_test])",
    "kept, held = np.split(np.arange(len(x)), [len(digits.x_train)])",
)
SIGNS = "y = 2 * y - 1"
KEEP = "slots, training = model.slots, model.training"
GIVE_BACK = "model.slots, model.training = slots, training"
PROOF = "print(machine.certificate)"
SHOWN = "print(machine)"  # of a hyperplane, which has no other proof


def program(settings: Settings, epochs: int, classes: int) -> str:
    """The program that ends where the page is.

    Args:
        epochs: done so far.
        classes: of the data; 0 where they have values.
    """
    s = settings
    lines = _data(s, classes)
    if s.svm is not None:
        said = SHOWN if s.svm.hard else PROOF
        return "\n".join([*_imports(s), "", *lines, "", s.svm.line(), said, ""])
    lines += ["", *_start(s)]
    done = s.begun
    resumed = s.loaded is not None and bool(s.loaded.resumes)
    keeps = s.loaded is not None  # whether there are slots that a compile would forget
    for change in s.changes:
        if change.epoch > epochs:
            break
        if change.epoch > done:
            lines.append(_fit(s, change.epoch, resumed))
            done, resumed, keeps = change.epoch, True, True
        if change.weights is not None:
            lines.append(f"model.set_weights({dict(change.weights)!r})")
            continue
        lines += [KEEP] if keeps else []
        lines.append(_compile(s, change.optimizer, change.penalties))
        lines += [GIVE_BACK] if keeps else []
    if epochs > done:
        lines.append(_fit(s, epochs, resumed))
    return "\n".join([*_imports(s), "", *lines, ""])


def _data(s: Settings, classes: int) -> list[str]:
    """The rows: x, y, and which of them are trained on."""
    if s.data == DIGITS:
        return [
            f"digits = pel.data.load_digits(seed={s.data_seed}, fraction={s.held!r})",
            *PICTURES,
        ]
    lines = [LOAD, SPLIT_CLASSES if classes else SPLIT_VALUES]
    if s.data != OWN:
        lines = [
            f"x, y = pel.data.points({s.data!r}, rows={s.rows}, noise={s.noise!r}, "
            f"seed={s.data_seed})"
        ]
    lines.append(f"x = pel.data.features(x, {list(s.features)!r})")
    if classes and s.signs and s.svm is None:
        lines.append(SIGNS)
    return [*lines, f"kept, held = pel.data.split(len(x), {s.held!r}, seed={s.data_seed})"]


def _start(s: Settings) -> list[str]:
    """The model before its first step."""
    if s.loaded is not None:
        if s.loaded.compiled is None:
            return [MODEL]
        compiled = _compile(s, s.optimizer, s.penalties)
        return [
            MODEL,
            *([KEEP, compiled, GIVE_BACK] if s.loaded.compiled == "rates" else [compiled]),
        ]
    lines = ["model = pel.Sequential(", "    ["]
    lines += [f"        {layer!r}," for layer in s.layers]
    lines += ["    ],", f"    seed={s.seed},"]
    lines += [")"] if s.dtype == "float32" else [f"    dtype={s.dtype!r},", ")"]
    return [*lines, _compile(s, s.optimizer, s.penalties)]


def _call(name: str, parts: list[str]) -> str:
    """A call in one line, or with one argument a line."""
    line = f"{name}({', '.join(parts)})"
    if len(line) <= _WIDEST:
        return line
    return "\n".join([f"{name}(", *(f"    {part}," for part in parts), ")"])


def _compile(s: Settings, optimizer: Any, penalties: Iterable[Any]) -> str:
    named = BY_NAME.get(s.loss.name) == s.loss
    parts = [repr(optimizer), repr(s.loss.name) if named else repr(s.loss)]
    several = list(penalties)
    return _call("model.compile", [*parts, *([f"regularizer={several!r}"] if several else [])])


def _fit(s: Settings, epochs: int, resumed: bool) -> str:
    parts = ["x[kept]", "y[kept]", f"batch_size={s.batch_size}", f"epochs={epochs}"]
    parts += [f"seed={s.seed}", "verbose=0"]
    if s.stop is not None:
        if s.stop.monitor.startswith("val"):
            parts.append("validation_data=(x[held], y[held])")
        parts.append(f"callbacks=[{_rule(s.stop)}]")
    if resumed:
        parts.append("resume=True")
    return _call("model.fit", parts)


def _rule(stop: Stop) -> str:
    name = "StopBelow" if stop.kind == "below" else "EarlyStopping"
    number = int(stop.number) if stop.kind == "patience" else stop.number
    return f"pel.{name}({stop.monitor!r}, {number!r})"


def _imports(s: Settings) -> list[str]:
    used: set[str] = set()
    held: list[Any] = []
    if s.svm is None:
        held += [] if s.loaded else s.layers
        if s.loaded is None or s.loaded.compiled is not None:
            held += [s.optimizer, *s.penalties]
        held += [part for one in s.changes for part in (one.optimizer, *one.penalties) if part]
        held += [s.loss] if held and BY_NAME.get(s.loss.name) != s.loss else []
    for one in held:
        used |= _types(to_config(one))
    lines = ["import numpy as np"] if s.data in (OWN, DIGITS) else []
    lines.append("import pellucid as pel")
    for room in ("nn", "optim"):
        names = sorted(name for name in used if ROOM_OF.get(name) == room)
        if names:
            lines.append(f"from pellucid.{room} import {', '.join(names)}")
    return lines


def _types(config: Any) -> set[str]:
    if isinstance(config, Mapping):
        inner = [_types(one) for one in config.values()]
        return set().union(*inner) | ({config["type"]} if "type" in config else set())
    if isinstance(config, (list, tuple)):
        return set().union(*[_types(one) for one in config])
    return set()


# -- the address ---------------------------------------------------------------------------------

_TEXT = {"data": "data", "dtype": "dtype"}
_PLAIN = {
    "rows": int,
    "noise": float,
    "data_seed": int,
    "held": float,
    "seed": int,
    "batch_size": int,
}
_RECORDS = ("layers", "optimizer", "loss", "penalties")


def address(settings: Settings) -> str:
    """What differs from the settings that a page starts with, as the fragment of an address."""
    start, plain = settings.start, Settings()
    found: dict[str, str] = {}
    for name in (*_TEXT, *_PLAIN):
        if getattr(start, name) != getattr(plain, name):
            found[name] = str(getattr(start, name))
    if start.features != plain.features and start.data != DIGITS:
        found["features"] = ";".join(start.features)
    for name in _RECORDS:
        if getattr(start, name) != getattr(plain, name):
            given = getattr(start, name)
            found[name] = repr(list(given)) if isinstance(given, tuple) else repr(given)
    if start.stop is not None:
        found["stop"] = f"{start.stop.kind};{start.stop.monitor};{start.stop.number!r}"
    if start.svm is not None:
        found["svm"] = str(start.svm)
    if start.exercise is not None:
        found["exercise"] = str(start.exercise)
    if start.hidden:
        found["hide"] = ";".join(start.hidden)
    return urlencode(found)


def from_address(text: str) -> Settings:
    """The settings of an address, or of its fragment.

    Raises:
        PellucidError: for a part that cannot be read.
    """
    if len(text) > _MOST_ADDRESS:
        raise DataError("address", f"an address has at most {_MOST_ADDRESS} letters, got more")
    fragment = text.rpartition("#")[2]
    made: dict[str, Any] = {}
    for name, value in parse_qsl(fragment, keep_blank_values=True):
        if name == "token":
            continue
        made |= _read(name, value)
    return dataclasses.replace(Settings(), **made)


def _read(name: str, value: str) -> dict[str, Any]:
    if name in _TEXT:
        return {name: value}
    if name in _PLAIN:
        try:
            return {name: _PLAIN[name](value)}
        except ValueError:
            raise DataError("address", f"{name} must be a number, got {value[:60]!r}") from None
    if name == "features":
        return {"features": tuple(value.split(";"))}
    if name == "hide":
        return {"hidden": tuple(value.split(";"))}
    if name == "svm":
        return {"svm": machine.of_text(value)}
    if name == "exercise":
        return {"exercise": exercises.of_text(value)}
    if name == "stop":
        parts = value.split(";")
        try:
            kind, monitor, number = parts
            limit = int(number) if kind == "patience" else float(number)
        except ValueError:
            raise DataError("address", f"stop must be kind;monitor;number, got {value!r}") from None
        return {"stop": Stop(kind, monitor, limit)}
    if name in _RECORDS:
        given = record_of(value, f"address, {name}")
        return {name: tuple(given) if isinstance(given, list) else given}
    known = [*_TEXT, *_PLAIN, "features", "stop", "hide", "svm", "exercise", *_RECORDS]
    raise DataError("address", f"unknown part {name[:60]!r}", nearest(name, known))
