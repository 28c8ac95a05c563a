"""A table's model as one safetensors file: text as JSON, numbers as arrays, nothing that runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pellucid.data import Schema
from pellucid.models import Model, Sequential
from pellucid.models.saving import file_of, to_plain
from pellucid.tables.findings import Findings
from pellucid.tables.networks import Member
from pellucid.tables.preparation import Preparation
from pellucid.tables.target import Target
from pellucid.train.checkpoint import write_file

KIND = "TableModel"
PREFIX = "models"


def save(
    path: str | Path,
    overwrite: bool,
    preparation: Preparation,
    target: Target,
    members: Sequence[Member],
    scale: Sequential | None,
    findings: Findings,
) -> None:
    """Writes the parts of a model of a table."""
    arrays: dict[str, Any] = {}
    own: list[tuple[str, Model]] = []
    if preparation.model is not None:
        own.append(("preparation", preparation.model))
    own += [(member.networks.kind, member.model) for member in members]
    if scale is not None:
        own.append(("scale", scale))
    described = []
    for number, (role, one) in enumerate(own):
        inside, document = file_of(one, one.architecture.output_types)
        arrays |= {f"{PREFIX}/{number}/{name}": array for name, array in inside.items()}
        described.append({"role": role, "model": document})
    document = {
        "kind": KIND,
        "schema": preparation.schema.to_json(),
        "hashed": list(preparation.hashed),
        "known": list(preparation.known),
        "target": _target(target),
        "findings": to_plain(_findings(findings)),
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
        "evidence": dataclasses.asdict(findings.evidence),
    }
