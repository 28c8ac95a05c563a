"""The report of a table's model: one HTML file without scripts, that needs no network.

In: a model, with the evidence of its training. Out: text: how good it is, what was read, which
columns matter, where it is wrong, how to train it again. Light and dark follow the reader's system.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from html import escape
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from pellucid.data.table import count
from pellucid.tables.evidence import Evidence

if TYPE_CHECKING:
    from pellucid.tables.findings import Findings
    from pellucid.tables.target import Target

NAMES = {
    "accuracy": "accuracy",
    "log_loss": "log-loss",
    "roc_auc": "ROC AUC",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
}
_BARS = 320  # pixels of the longest bar; its numbers stand behind it
_MOST_BARS = 30  # columns whose importance is drawn
_STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1a; --paper: #fdfdfb; --soft: #6a6a64;
  --line: #dcdcd4; --mark: #22577a; --other: #c2571a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e2; --paper: #181816; --soft: #a0a098;
  --line: #3a3a36; --mark: #7cb5d8; --other: #f0a06a; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: .9rem; } .wide { overflow-x: auto; }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
p.soft, figcaption { color: var(--soft); font-size: .9rem; } code { font-size: .9em; }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .6rem; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; }
.axis { stroke: var(--line); } .curve { fill: none; stroke: var(--mark); stroke-opacity: .7; }
.bar, .dot { fill: var(--mark); } .dot { fill-opacity: .5; }
.ideal, .whisker { stroke: var(--other); }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } }
"""


def page(target: Target, findings: Findings, curves: Sequence[Sequence[float]]) -> str:
    """The report as HTML.

    Args:
        curves: the validation loss of each network after each epoch.
    """
    evidence, settings = findings.evidence, findings.settings
    kind = "Classes of" if target.is_classes else "Values of"
    title = f"{kind} {target.name}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(str(settings["source"]))}: {findings.rows:,} rows. '
        f"{count(settings['networks'], 'network')}, {settings['seconds']:.1f} s.</p>",
        *_scores(target, findings),
        *_notes(findings.notes),
        *_importance(evidence, target),
        *(_confusion(evidence, target) if target.is_classes else _values(evidence, target)),
        *_calibration(evidence),
        *_worst(evidence, target),
        *_columns(evidence, target),
        *_curves(curves),
        "<h2>To train it again</h2>",
        f"<pre>{escape(str(settings['command']))}</pre>",
        f'<p class="soft">Pellucid {escape(str(settings["pellucid"]))}, NumPy '
        f"{escape(str(settings['numpy']))}, Python {escape(str(settings['python']))}, "
        f"{escape(str(settings['machine']))}. Seed {settings['seed']}.</p>",
    ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n"
        "</body></html>\n"
    )


def versions() -> dict[str, str]:
    """What the numbers of a training depend on beside its data and options."""
    try:
        own = metadata.version("pellucid")
    except metadata.PackageNotFoundError:  # run from its source
        own = "of a source tree"
    return {
        "pellucid": own,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int]) -> str:
    """Cells as HTML; the columns in `numbers` stand to the right."""

    def line(cells: Sequence[str], tag: str) -> str:
        own = (
            f"<{tag}{' class=n' if i in numbers else ''}>{escape(cell)}</{tag}>"
            for i, cell in enumerate(cells)
        )
        return f"<tr>{''.join(own)}</tr>"

    lines = "\n".join(line(row, "td") for row in rows)
    return f'<div class="wide"><table>{line(head, "th")}\n{lines}</table></div>'


def _scores(target: Target, findings: Findings) -> list[str]:
    names = list(findings.scores)
    constant = "most frequent class" if target.is_classes else "mean"
    rows = []
    for label, values in [("networks", findings.scores), *findings.baselines.items()]:
        cells = [f"{values[name]:.4g}" if name in values else "" for name in names]
        if label == "networks":
            for i, name in enumerate(names):
                if name in findings.intervals:
                    low, high = findings.intervals[name]
                    cells[i] += f" ({low:.3g} to {high:.3g})"
        shown = {"constant": constant, "linear": "linear model"}.get(label, label)
        rows.append([shown, *cells])
    head = ["", *(NAMES.get(name, name) for name in names)]
    return [
        "<h2>How good it is</h2>",
        _table(head, rows, range(1, len(head))),
        f'<p class="soft">On {findings.held:,} rows, each under networks that did not train on it. '
        "In brackets: the middle 95 % over resampled rows.</p>",
    ]


def _notes(notes: Sequence[str]) -> list[str]:
    if not notes:
        return []
    items = "\n".join(f"<li>{escape(note)}</li>" for note in notes)
    return ["<h2>What to know of the table</h2>", f"<ul>{items}</ul>"]


def _columns(evidence: Evidence, target: Target) -> list[str]:
    used = {one.column for one in evidence.importance}
    rows = [
        [
            name,
            kind,
            "target" if name == target.name else "used" if name in used else "left out",
            f"{missing:,}" if missing else "",
            f"{unread:,}" if unread else "",
            values,
        ]
        for name, kind, missing, unread, values in evidence.columns
    ]
    head = ["column", "kind", "", "missing", "unreadable", "values"]
    return ["<h2>The table as it was read</h2>", _table(head, rows, (3, 4))]


def _importance(evidence: Evidence, target: Target) -> list[str]:
    several = evidence.importance[:_MOST_BARS]
    if not several:
        return []
    top = max(max(one.mean + one.deviation for one in several), 1e-12)
    lines, high = [], 22 * len(several) + 6
    for i, one in enumerate(several):
        y, width = 22 * i + 4, _BARS * max(one.mean, 0) / top
        low, far = (
            200 + _BARS * min(max(one.mean + sign * one.deviation, 0), top) / top
            for sign in (-1, 1)
        )
        lines.append(
            f'<text x="192" y="{y + 12}" text-anchor="end">{escape(one.column[:28])}</text>'
            f'<rect class="bar" x="200" y="{y}" width="{width:.1f}" height="14"/>'
            f'<line class="whisker" x1="{low:.1f}" x2="{far:.1f}" y1="{y + 7}" y2="{y + 7}"/>'
            f'<text x="{210 + _BARS}" y="{y + 12}">{one.mean:.3g} ± {one.deviation:.2g}</text>'
        )
    more = len(evidence.importance) - len(several)
    measure = "log-loss" if target.is_classes else "RMSE"
    return [
        "<h2>Which columns matter</h2>",
        f'<figure><svg viewBox="0 0 680 {high}" role="img" aria-label="Importance of columns">'
        f"{''.join(lines)}</svg><figcaption>How much the {measure} grows where a column’s cells "
        "are shuffled: mean and deviation of five orders. Columns that say the same share their "
        f"worth.{f' {more} more matter less.' if more else ''}</figcaption></figure>",
    ]


def _confusion(evidence: Evidence, target: Target) -> list[str]:
    if not evidence.confusion:
        return []
    names = target.labels.shown
    rows = [
        [name, *(f"{number:,}" if number else "·" for number in counts)]
        for name, counts in zip(names, evidence.confusion, strict=True)
    ]
    return [
        "<h2>Where it is wrong</h2>",
        _table(["true \\ predicted", *names], rows, range(1, len(names) + 1)),
    ]


def _values(evidence: Evidence, target: Target) -> list[str]:
    if not evidence.points:
        return []
    dots = _plot(evidence.points, (), ends=_ends([x for pair in evidence.points for x in pair]))
    return [
        "<h2>Where it is wrong</h2>",
        f"<figure>{dots}<figcaption>{escape(target.name)}: true to the right, predicted upwards, "
        "of some rows. On the line both are equal.</figcaption></figure>",
    ]


def _calibration(evidence: Evidence) -> list[str]:
    if not evidence.bins:
        return []
    points = [(one.probability, one.right) for one in evidence.bins]
    rows = [
        [f"{one.probability:.3f}", f"{one.right:.3f}", f"{one.rows:,}"] for one in evidence.bins
    ]
    return [
        "<h2>Can its probabilities be believed?</h2>",
        f"<figure>{_plot(points, points, ends=(0.0, 1.0))}<figcaption>Of rows whose likeliest "
        "class has a probability (to the right) in one tenth, the share that is right (upwards). "
        "On the line both are equal.</figcaption></figure>",
        _table(["probability", "share right", "rows"], rows, (0, 1, 2)),
    ]


def _worst(evidence: Evidence, target: Target) -> list[str]:
    if not evidence.worst:
        return []
    rows = [[f"{one.row:,}", one.target, one.predicted, *one.cells] for one in evidence.worst]
    return [
        "<h2>Its worst rows</h2>",
        _table(["row", target.name, "predicted", *evidence.shown], rows, (0,)),
        '<p class="soft">Rows of those that were trained on, from 1. They are worth a look: '
        "a wrong target, a gap that means something, a case that is rare.</p>",
    ]


def _curves(curves: Sequence[Sequence[float]]) -> list[str]:
    known = [curve for curve in curves if len(curve) > 1 and np.isfinite(curve).all()]
    if not known:
        return []
    low = min(min(curve) for curve in known)
    top = float(np.quantile(np.concatenate(known), 0.98))
    span, longest = max(top - low, 1e-12), max(map(len, known))
    lines = []
    for curve in known:
        points = " ".join(
            f"{40 + 600 * i / (longest - 1):.1f},{210 - 190 * min((v - low) / span, 1.05):.1f}"
            for i, v in enumerate(curve)
        )
        lines.append(f'<polyline class="curve" points="{points}"/>')
    return [
        "<h2>How it was trained</h2>",
        '<figure><svg viewBox="0 0 660 240" role="img" aria-label="Validation loss">'
        '<line class="axis" x1="40" x2="640" y1="212" y2="212"/>'
        '<line class="axis" x1="40" x2="40" y1="12" y2="212"/>'
        f'{"".join(lines)}<text x="40" y="230">1</text>'
        f'<text x="640" y="230" text-anchor="end">{longest} epochs</text>'
        f'<text x="46" y="20">{top:.3g}</text><text x="46" y="206">{low:.3g}</text></svg>'
        "<figcaption>Loss of each network on the rows that it does not train on; it ends with the "
        "weights of its lowest point.</figcaption></figure>",
    ]


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 1, high + 1)


def _plot(
    dots: Sequence[tuple[float, float]],
    line: Sequence[tuple[float, float]],
    ends: tuple[float, float],
) -> str:
    """Points in a square with a diagonal, joined by a line where one is given."""
    low, high = ends

    def at(value: float) -> float:
        return 300 * min(max((value - low) / (high - low), 0.0), 1.0)

    placed = [(f"{40 + at(x):.1f}", f"{310 - at(y):.1f}") for x, y in dots]
    circles = "".join(f'<circle class="dot" cx="{x}" cy="{y}" r="3.5"/>' for x, y in placed)
    joined = " ".join(f"{40 + at(x):.1f},{310 - at(y):.1f}" for x, y in line)
    curve = f'<polyline class="curve" points="{joined}"/>' if joined else ""
    return (
        '<svg viewBox="0 0 360 340" width="360" height="340" role="img" '
        'aria-label="True and predicted">'
        '<line class="axis" x1="40" x2="340" y1="310" y2="310"/>'
        '<line class="axis" x1="40" x2="40" y1="10" y2="310"/>'
        '<line class="ideal" x1="40" x2="340" y1="310" y2="10"/>'
        f'{curve}{circles}<text x="40" y="328">{low:.4g}</text>'
        f'<text x="340" y="328" text-anchor="end">{high:.4g}</text></svg>'
    )
