"""The scores of a table's model beside its baselines, as printed text."""

from __future__ import annotations

from pellucid.data.table import count
from pellucid.tables.model import TableModel
from pellucid.tables.report import NAMES


def summary(model: TableModel) -> str:
    """The scores beside the baselines, as printed text."""
    findings = model.findings
    names = list(findings.scores)
    lines = [["", *(NAMES[name] for name in names)]]
    rows = [("this model", findings.scores), *findings.baselines.items()]
    for label, values in rows:
        cells = [f"{values[name]:.4g}" if name in values else "" for name in names]
        lines.append(
            [{"constant": _constant(model), "linear": "linear model"}.get(label, label), *cells]
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    table = "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
    ends = "; ".join(
        f"{NAMES[name]} {low:.4g} to {high:.4g}" for name, (low, high) in findings.intervals.items()
    )
    number = int(findings.settings["networks"])
    return (
        f"{count(number, 'network')}, measured on {count(findings.held, 'row')} that "
        f"{'it' if number == 1 else 'they'} did "
        f"not train on ({findings.settings['seconds']:.1f} s):\n{table}\n95 % intervals: {ends}"
    )


def _constant(model: TableModel) -> str:
    return "most frequent class" if model.target.is_classes else "mean"
