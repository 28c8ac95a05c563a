"""A table's model as one safetensors file: text as JSON, numbers as arrays, nothing that runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.data import Schema
from pellucid.models import Model
from pellucid.models.saving import file_of, to_plain
from pellucid.train.checkpoint import write_file

if TYPE_CHECKING:
    from pellucid.tables.model import Findings, TableModel
    from pellucid.tables.target import Target

KIND = "TableModel"
PREFIX = "models"


def save(model: TableModel, path: str | Path, overwrite: bool) -> None:
    """Writes a model of a table."""
    arrays: dict[str, Any] = {}
    own: list[tuple[str, Model]] = []
    if model.preparation.model is not None:
        own.append(("preparation", model.preparation.model))
    own += [(member.networks.kind, member.model) for member in model.members]
    if model.scale is not None:
        own.append(("scale", model.scale))
    described = []
    for number, (role, one) in enumerate(own):
        inside, document = file_of(one, one.architecture.output_types)
        arrays |= {f"{PREFIX}/{number}/{name}": array for name, array in inside.items()}
        described.append({"role": role, "model": document})
    preparation = model.preparation
    document = {
        "kind": KIND,
        "schema": preparation.schema.to_json(),
        "hashed": list(preparation.hashed),
        "known": list(preparation.known),
        "target": _target(model.target),
        "findings": to_plain(_findings(model.findings)),
        "models": described,
    }
    write_file(path, arrays, document, overwrite)


def _target(target: Target) -> dict[str, Any]:
    return {
        "schema": Schema((target.schema,)).to_json(),
        "task": target.task,
        "labels": list(target.labels.names),
    }


def _findings(findings: Findings) -> dict[str, Any]:
    return {
        "rows": findings.rows,
        "held": findings.held,
        "scores": dict(findings.scores),
        "intervals": {name: list(ends) for name, ends in findings.intervals.items()},
        "baselines": {name: dict(values) for name, values in findings.baselines.items()},
        "notes": list(findings.notes),
        "ranges": {name: list(ends) for name, ends in findings.ranges.items()},
        "errors": list(findings.errors),
        "settings": dict(findings.settings),
    }
