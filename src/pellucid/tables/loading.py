"""A model out of a file: of a table, or any other. Loading runs no code of the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.errors import DataError
from pellucid.data import Schema
from pellucid.data.schema import CATEGORY, DATE, NUMBER
from pellucid.models import Model, Sequential
from pellucid.models.loading import described, model_of
from pellucid.tables.dependence import Curve, Dependence
from pellucid.tables.evidence import Bin, Evidence, Importance, Worst
from pellucid.tables.findings import QUANTILES, Findings
from pellucid.tables.model import TableModel
from pellucid.tables.networks import KINDS, Member, Networks, Shape
from pellucid.tables.preparation import BINS, Preparation
from pellucid.tables.saving import KIND, PREFIX
from pellucid.tables.target import TASKS, Labels, Target
from pellucid.train.checkpoint import read_file

_SETTINGS = {
    **dict.fromkeys(("networks", "seed"), int),
    **dict.fromkeys(("quick", "stopped"), bool),
    **dict.fromkeys(("pellucid", "numpy", "python", "machine", "command", "source"), str),
    "seconds": float,
}
_SAME = ("dtype", "layers", "names", "sources", "ends", "inputs", "outputs", "input_shapes")


def load(path: str | Path) -> Model | TableModel:
    """The model that `save` wrote: a TableModel where it is one of a table.

    Raises:
        DataError: for a file that is missing, truncated, changed, or of a newer format; the
            message names the file and what does not fit.

    Example:
        >>> load("missing.safetensors")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        pellucid.core.errors.DataError: [load "missing.safetensors"] the file cannot be read: ...
    """
    arrays, document = read_file(path)
    make = _table_model if document.get("kind") == KIND else model_of
    return described(path, lambda: make(arrays, document))


def _table_model(arrays: Mapping[str, Any], document: Mapping[str, Any]) -> TableModel:
    own: dict[str, list[Model]] = {}
    first: dict[str, Mapping[str, Any]] = {}
    inside = _apart(arrays, len(document["models"]))
    for part, entry in zip(inside, document["models"], strict=True):
        role, model = entry["role"], {**entry["model"], "format": document["format"]}
        if role not in (*KINDS, "preparation", "scale"):
            raise DataError("load", f"unknown role of a model {role!r}")
        if role in first and any(model[name] != first[role][name] for name in _SAME):
            raise DataError("load", f"all networks of the kind {role} must be alike, got others")
        first.setdefault(role, model)
        own.setdefault(role, []).append(model_of(part, model))
    target = _target(document["target"])
    preparation = Preparation(
        Schema.from_json(document["schema"]),
        tuple(map(_text, document["hashed"])),
        _only(own, "preparation"),
        tuple(map(_text, document["known"])),
    )
    scale = _only(own, "scale")
    if (scale is None) != target.is_classes or not (scale is None or isinstance(scale, Sequential)):
        raise DataError("load", "a regression, and nothing else, must have the scale of its target")
    members = _members(own, _shape(preparation, target))
    findings = _findings(document["findings"])
    if bool(findings.errors) == target.is_classes:
        raise DataError("load", "a regression, and nothing else, must have quantiles of errors")
    return TableModel(preparation, target, members, scale, findings)


def _apart(arrays: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """The arrays of each model, by the names that they have in a file of its own."""
    found: list[dict[str, Any]] = [{} for _ in range(count)]
    for name, array in arrays.items():
        prefix, number, rest = name.split("/", 2)
        if prefix != PREFIX or not number.isdecimal() or int(number) >= count:
            raise DataError("load", f"no part of a model is called {name!r}")
        found[int(number)][rest] = array
    return found


def _only(own: Mapping[str, list[Model]], role: str) -> Model | None:
    several = own.get(role, [])
    if len(several) > 1:
        raise DataError("load", f"there must be one {role}, got {len(several)}")
    return several[0] if several else None


def _shape(preparation: Preparation, target: Target) -> Shape:
    """What the networks read and return, by the preparation and the target."""
    kinds = [column.kind for column in preparation.schema]
    model = preparation.model
    scaled: Any = 0
    bins: Any = 0
    wanted = {"numbers": kinds.count(NUMBER), "dates": kinds.count(DATE)}
    wanted = {name: count for name, count in wanted.items() if count}
    if (model is None) != (not wanted) or not set(kinds) <= {NUMBER, DATE, CATEGORY}:
        raise DataError("load", "the preparation must be that of the schema's columns")
    if not set(preparation.hashed) <= {c.name for c in preparation.schema if c.kind == CATEGORY}:
        raise DataError("load", "categories alone can be hashed, got other columns")
    if model is not None:
        inputs, outputs = model.architecture.inputs.names, model.architecture.outputs.names
        given = [type.shape[1:] for type in model.input_types]
        if dict(zip(inputs, given, strict=True)) != {n: (k,) for n, k in wanted.items()}:
            raise DataError("load", f"the preparation must read {wanted}, got {given}")
        widths = dict(zip(outputs, model.architecture.output_types, strict=True))
        scaled, bins = (widths[name].shape[1] for name in ("scaled", "bins"))
        if bins % BINS or len(widths) != 2:
            raise DataError("load", f"the preparation must give scaled and bins, got {outputs}")
    count = len(target.labels) if target.is_classes else 1
    return Shape(scaled, bins, preparation.levels, count, target.is_classes)


def _members(own: Mapping[str, list[Model]], shape: Shape) -> list[Member]:
    members = []
    for kind in KINDS:
        if kind not in own:
            continue
        networks = Networks(kind, shape)
        for model in own[kind]:
            types = dict(zip(model.architecture.inputs.names, model.input_types, strict=True))
            got = {name: type.shape[1:] for name, type in types.items()}
            outputs = [type.shape[1:] for type in model.architecture.output_types]
            if got != networks.widths or outputs != [(shape.outputs,)] or not model.compiled:
                raise DataError(
                    "load",
                    f"networks must read {networks.widths} and return {shape.outputs} numbers, got "
                    f"{got} and {outputs}",
                )
            members.append(Member(networks, networks.adopted(model)))
    if not members:
        raise DataError("load", "there must be a network, got none")
    return members


def _target(document: Mapping[str, Any]) -> Target:
    (schema,) = Schema.from_json(document["schema"])
    task, names = document["task"], document["labels"]
    if task not in TASKS or not isinstance(names, list):
        raise DataError("load", f"the task must be one of {', '.join(TASKS)}, got {task!r}")
    kinds = {type(name) for name in names}
    wanted = {float} if schema.kind == NUMBER else {bool} if schema.logical else {str}
    if task == TASKS[0] and (kinds != wanted or len(set(names)) < max(2, len(names))):
        raise DataError("load", f"classes must be different names, got {names!r}")
    if schema.kind == NUMBER:
        good = names == sorted(names) and all(np.isfinite(names))
    else:
        levels = (False, True) if schema.logical else schema.levels
        good = schema.kind == CATEGORY and tuple(names) == levels
    if task == TASKS[0] and not good:
        raise DataError("load", f"classes must be the levels of {schema.name!r}, got {names!r}")
    if task != TASKS[0] and (schema.kind != NUMBER or names):
        raise DataError("load", f"a regression must be of numbers, got {schema.kind}")
    return Target(schema, task, Labels(tuple(names)))


def _findings(document: Mapping[str, Any]) -> Findings:
    errors = tuple(_number(one) for one in document["errors"])
    if len(errors) not in (0, QUANTILES):
        raise DataError("load", f"errors must be {QUANTILES} quantiles, got {len(errors)}")
    return Findings(
        _count(document["rows"]),
        _count(document["held"]),
        _numbers(document["scores"]),
        {name: _pair(ends) for name, ends in document["intervals"].items()},
        {name: _numbers(values) for name, values in document["baselines"].items()},
        tuple(map(_text, document["notes"])),
        {name: _pair(ends) for name, ends in document["ranges"].items()},
        errors,
        _settings(document["settings"]),
        _evidence(document["evidence"]),
    )


def _settings(document: Mapping[str, Any]) -> dict[str, Any]:
    for name, kind in _SETTINGS.items():
        if type(document[name]) is not kind:
            raise DataError("load", f"{name} must be {kind.__name__}, got {document[name]!r}")
    return dict(document)


def _evidence(document: Mapping[str, Any]) -> Evidence:
    """What a report shows, each part of the type that it is drawn by."""
    return Evidence(
        tuple(
            (_text(name), _text(kind), _count(missing), _count(unread), _text(values))
            for name, kind, missing, unread, values in document["columns"]
        ),
        tuple(
            Importance(_text(name), _number(mean), _number(deviation))
            for name, mean, deviation in document["importance"]
        ),
        tuple(tuple(map(_count, row)) for row in document["confusion"]),
        tuple(Bin(_number(p), _number(right), _count(n)) for p, right, n in document["bins"]),
        tuple(_pair(point) for point in document["points"]),
        tuple(map(_text, document["shown"])),
        tuple(
            Worst(_count(row), _text(target), _text(predicted), tuple(map(_text, cells)))
            for row, target, predicted, cells in document["worst"]
        ),
        # Older files have neither of these; their reports leave the parts out.
        tuple(_dependence(*parts) for parts in document.get("dependence", ())),
        tuple(
            (_text(true), _text(told), _count(n)) for true, told, n in document.get("mistakes", ())
        ),
    )


def _dependence(column: Any, kind: Any, places: Any, labels: Any, curves: Any) -> Dependence:
    found = Dependence(
        _text(column),
        _text(kind),
        tuple(map(_number, places)),
        tuple(map(_text, labels)),
        tuple(
            Curve(_text(label), *(tuple(map(_number, values)) for values in (mean, low, high)))
            for label, mean, low, high in curves
        ),
    )
    lengths = {len(values) for curve in found.curves for values in curve[1:]}
    count = len(found.places)
    if count < 2 or lengths != {count} or len(found.labels) != count:
        raise DataError(
            "load", f"a curve must have a value for each of its places, got another of {column!r}"
        )
    return found


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise DataError("load", f"expected a count, got {value!r}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise DataError("load", f"expected text, got {value!r}")
    return value


def _number(value: Any) -> float:
    """A number; `to_plain` has written what is not finite as text."""
    found = float(value)
    if isinstance(value, str) and np.isfinite(found):
        raise DataError("load", f"expected a number, got {value!r}")
    return found


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {_text(name): _number(value) for name, value in values.items()}


def _pair(values: Any) -> tuple[float, float]:
    low, high = map(_number, values)
    return low, high
