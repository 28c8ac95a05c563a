"""The report of a table's model: one HTML file without scripts, that needs no network.

In: a model, with the evidence of its training. Out: text: how good it is, what was read, which
columns matter, where it is wrong, how to train it again. Light and dark follow the reader's system.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from pellucid.core.forks import importing
from pellucid.data.table import count
from pellucid.tables import figures
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
_MOST_BARS = 30  # columns whose importance is drawn
_STYLE = f""":root {{ color-scheme: light dark; {figures.colours(False)} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {figures.colours(True)} }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.6rem; line-height: 1.25; }} h2 {{ font-size: 1.15rem; margin-top: 2.2rem; }}
h3 {{ font-size: .9rem; margin: 0; overflow-wrap: anywhere; }}
table {{ border-collapse: collapse; font-size: .9rem; }} .wide {{ overflow-x: auto; }}
th, td {{ padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line); }}
td.n, th.n {{ text-align: right; font-variant-numeric: tabular-nums; }}
p.soft, figcaption {{ color: var(--soft); font-size: .9rem; }} code {{ font-size: .9em; }}
pre {{ overflow-x: auto; border: 1px solid var(--line); padding: .6rem; }}
figure {{ margin: 0; }} figcaption {{ margin: .3rem 0 1rem; }}
figcaption span {{ margin-right: 1em; white-space: nowrap; }}
.several {{ display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; }}
.several figure {{ margin: 0; width: 320px; max-width: 100%; break-inside: avoid; }}
{figures.STYLE}
@media print {{ :root {{ color-scheme: light; }} body {{ margin: 0; max-width: none; }}
  h2, h3 {{ break-after: avoid; }} tr, figure {{ break-inside: avoid; }} }}
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
        *_dependence(evidence, target),
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
    with importing:  # a thirtieth of a second, which not every import waits for
        from importlib import metadata

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
    for label, values in [("this model", findings.scores), *findings.baselines.items()]:
        cells = [f"{values[name]:.4g}" if name in values else "" for name in names]
        if label == "this model":
            for i, name in enumerate(names):
                if name in findings.intervals:
                    low, high = findings.intervals[name]
                    cells[i] += f" ({low:.3g} to {high:.3g})"
        shown = {"constant": constant, "linear": "linear model"}.get(label, label)
        rows.append([shown, *cells])
    more = "accuracy and ROC AUC" if target.is_classes else "R²"
    less = "log-loss" if target.is_classes else "RMSE and MAE, which have the units of the target"
    better = f"More is better for {more}, less for {less}."
    head = ["", *(NAMES.get(name, name) for name in names)]
    return [
        "<h2>How good it is</h2>",
        _table(head, rows, range(1, len(head))),
        f'<p class="soft">On {findings.held:,} rows, each under networks that did not train on it. '
        f"In brackets: the middle 95 % over resampled rows. {better}</p>",
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
    more = len(evidence.importance) - len(several)
    measure = "log-loss" if target.is_classes else "RMSE"
    return [
        "<h2>Which columns matter</h2>",
        f"<figure>{figures.bars(several)}<figcaption>How much the {measure} grows where a column’s "
        "cells are shuffled: mean and deviation of five orders. Columns that say the same share "
        f"their worth.{f' {more} more matter less.' if more else ''}</figcaption></figure>",
    ]


def _dependence(evidence: Evidence, target: Target) -> list[str]:
    several = evidence.dependence
    if not several:
        return []
    ends = figures.shared_ends(several, target.is_classes)
    drawn = "\n".join(
        f"<figure><h3>{escape(one.column)}</h3>{figures.dependence(one, ends)}"
        f"{_legend([curve.label for curve in one.curves])}</figure>"
        for one in several
    )
    if not target.is_classes:
        what = f"The mean prediction of {target.name}"
    elif len(target.labels) == 2:
        what = f"The mean probability of {target.labels.shown[1]}"
    else:
        what = "The mean probability of the classes that change most"
    return [
        "<h2>What the columns do</h2>",
        f'<div class="several">{drawn}</div>',
        f'<p class="soft">{escape(what)}, where a column is set to each value in 100 rows and all '
        "else stays. The band, or the bar, holds the middle 80 % of the rows’ own changes: where "
        "it is wide, the effect depends on other columns. Of a category the twelve most frequent "
        "levels are shown. Dots of a line stand at values between "
        "which equally many rows lie. It shows what the model does, which need not be the cause "
        "of anything.</p>",
    ]


def _legend(labels: Sequence[str]) -> str:
    if len(labels) < 2:
        return ""
    items = " ".join(
        f'<span><i class="key s{k}"></i>{escape(label)}</span>' for k, label in enumerate(labels)
    )
    return f"<figcaption>{items}</figcaption>"


def _confusion(evidence: Evidence, target: Target) -> list[str]:
    names = target.labels.shown
    if not evidence.confusion and not evidence.mistakes:
        return []
    if not evidence.confusion:
        rows = [[true, said, f"{number:,}"] for true, said, number in evidence.mistakes]
        return [
            "<h2>Where it is wrong</h2>",
            _table(["true", "predicted", "rows"], rows, (2,)),
            f'<p class="soft">The most frequent mistakes among {len(names)} classes.</p>',
        ]
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
    ends = figures.spread([x for pair in evidence.points for x in pair])
    dots = figures.square(evidence.points, ends, "true", "predicted")
    return [
        "<h2>Where it is wrong</h2>",
        f"<figure>{dots}<figcaption>{escape(target.name)} of {len(evidence.points)} rows. On the "
        "line, prediction and truth are equal.</figcaption></figure>",
    ]


def _calibration(evidence: Evidence) -> list[str]:
    if not evidence.bins:
        return []
    points = [(one.probability, one.right) for one in evidence.bins]
    counts = [one.rows for one in evidence.bins]
    drawn = figures.square(points, (0.0, 1.0), "probability", "share right", counts)
    rows = [
        [f"{one.probability:.3f}", f"{one.right:.3f}", f"{one.rows:,}"] for one in evidence.bins
    ]
    return [
        "<h2>Can its probabilities be believed?</h2>",
        f"<figure>{drawn}<figcaption>Rows by the probability of their likeliest class, in tenths. "
        "On the line, a class that is given 80 % is right in 80 % of the rows; below it, the model "
        "is too sure. A large dot stands for many rows.</figcaption></figure>",
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
    return [
        "<h2>How it was trained</h2>",
        f"<figure>{figures.curves(known)}"
        "<figcaption>Loss of each network on the rows that it does not train on; it ends with the "
        "weights of its lowest point.</figcaption></figure>",
    ]
