"""The section of docs/tables.md that benchmarks/quality.py writes from its results."""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from quality_methods import METHODS, MLP, MLP_BAGGED, MLP_EARLY, OURS, TREES, TREES_BAGGED
from quality_sets import SETS
from quality_statistics import Comparison, comparison, mean_ranks, ratio

HEADING = "## How good it is"
Row = Mapping[str, Any]
SLOW = (MLP_BAGGED,)  # on large tables
Runs = dict[str, dict[str, list[Row]]]  # table → method → a row for each split


def complete(rows: Sequence[Row]) -> Runs:
    """The splits that all methods were measured on, in the order of the tables.

    Where there is none, those of all methods but `SLOW`.
    """
    by: dict[str, dict[int, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        by[row["table"]][row["seed"]][row["method"]] = row
    found: Runs = {}
    for one in SETS:
        for wanted in (list(METHODS), [name for name in METHODS if name not in SLOW]):
            whole = [done for _, done in sorted(by[one.name].items()) if set(wanted) <= set(done)]
            if whole:
                found[one.name] = {name: [done[name] for done in whole] for name in wanted}
                break
    return found


def _values(runs: Sequence[Row], what: str) -> list[float]:
    return [float(row[what]) for row in runs]


def _mean(runs: Sequence[Row], what: str) -> float:
    return float(np.mean(_values(runs, what)))


def ratios(runs: Runs, other: str) -> dict[str, float]:
    """Our loss by the other's, of each table."""
    return {
        table: ratio(_values(found[OURS], "loss"), _values(found[other], "loss"))
        for table, found in runs.items()
        if other in found
    }


def _errors(runs: Runs, other: str) -> str:
    """Tables on which our error is lower, equal and higher."""
    both = [found for found in runs.values() if other in found]
    ours = np.array([_mean(found[OURS], "error") for found in both])
    theirs = np.array([_mean(found[other], "error") for found in both])
    return f"{(ours < theirs).sum()} / {(ours == theirs).sum()} / {(ours > theirs).sum()}"


def _compared(name: str, found: Comparison, errors: str) -> str:
    def between(one: tuple[float, float]) -> str:
        return f"({one[0]:.2f} – {one[1]:.2f})"

    return (
        f"| {name} | {found.wins} of {found.tables} | {found.median:.2f} "
        f"{between(found.median_range)} | {found.mean:.2f} {between(found.mean_range)} | {errors} |"
    )


def _losses(runs: Runs, methods: Sequence[str]) -> list[str]:
    lines = [
        "| table (rows × columns) | what | loss | splits | seconds | " + " | ".join(methods) + " |",
        "|---|---|---|---|---|" + "---|" * len(methods),
    ]
    what = {one.name: f"{one.source}: {one.what}" for one in SETS}
    for table, found in runs.items():
        first = found[OURS][0]
        losses = {method: _mean(own, "loss") for method, own in found.items()}
        least = min(losses.values())
        cells = [
            f"**{losses[one]:.3g}**"
            if losses.get(one) == least
            else f"{losses[one]:.3g}"
            if one in losses
            else "–"
            for one in methods
        ]
        kind = f"log, {first['classes']} classes" if first["classes"] else "RMSE"
        lines.append(
            f"| {table} ({first['rows']:,} × {first['columns']}) | {what[table]} | {kind} | "
            f"{len(found[OURS])} | {np.median(_values(found[OURS], 'seconds')):.2g} | "
            + " | ".join(cells)
            + " |"
        )
    return lines


def _ranked(runs: Runs, methods: Sequence[str]) -> list[str]:
    """Mean ranks, and processor time as a multiple of the first method's."""
    # Of the geometric means over splits, as the ratios; of the tables that all methods have.
    losses = {
        table: {
            method: float(np.exp(np.mean(np.log(_values(found[method], "loss")))))
            for method in methods
        }
        for table, found in runs.items()
        if set(methods) <= set(found)
    }
    lines = ["| method | mean rank of the loss | processor time, by that of fit_table |"]
    lines.append("|---|---|---|")
    for method, rank in sorted(mean_ranks(losses).items(), key=lambda item: item[1]):
        times = [
            np.median(_values(found[method], "seconds"))
            / np.median(_values(found[OURS], "seconds"))
            for found in runs.values()
            if method in found
        ]
        lines.append(f"| {method} | {rank:.2f} | {np.median(times):.2g} |")
    return lines


def _names(tables: Sequence[str]) -> str:
    return ", ".join(tables) if tables else "none"


def _wrapped(text: str) -> list[str]:
    """A paragraph and the empty line behind it."""
    return [*textwrap.wrap(text, 105, break_long_words=False, break_on_hyphens=False), ""]


def section(rows: Sequence[Row]) -> str:
    """The section as Markdown."""
    methods = list(METHODS)
    runs = complete(rows)
    if not runs:
        return f"{HEADING}\n\nNothing is measured yet: `make quality`."
    others = [TREES, TREES_BAGGED, MLP, MLP_BAGGED, MLP_EARLY]
    found = {other: ratios(runs, other) for other in others}
    splits = [len(one[OURS]) for one in runs.values()]
    versions = sorted({row["version"] for row in rows if row["method"] in others})
    lines = [
        HEADING,
        "",
        *_wrapped(
            f"Written by `make quality`: {len(runs)} tables, {min(splits)} to {max(splits)} random "
            "splits of each, a quarter of the rows held out, classes in their shares. All methods "
            f"see the same rows and have their defaults, scikit-learn {', '.join(versions)} beside "
            "ours. Nothing is tuned to a table."
        ),
        *_wrapped(
            "The loss is log loss of classes (probabilities of at least 1e-7), and RMSE of numbers "
            "divided by the deviation of the table's targets, so that the mean gets 1. The error "
            "is the share of wrong classes, or the squared RMSE. HistGradientBoosting reads texts "
            "as categories. MLP is `MLPClassifier` or `MLPRegressor` behind medians and flags for "
            "missing cells, `StandardScaler` and one-hot columns; its targets are scaled too. A "
            "bagged method is the mean of five, each trained outside one of the folds that "
            "`fit_table` uses."
        ),
        *_wrapped(
            "A ratio is the loss of `fit_table` divided by that of the row, as a geometric mean "
            "over splits: below 1, `fit_table` is better. In parentheses stands the middle 95 % "
            "over tables drawn again with replacement."
        ),
        "| `fit_table` against | lower loss on | median ratio | geometric mean | "
        "error lower / equal / higher |",
        "|---|---|---|---|---|",
        *(
            _compared(other, comparison(list(found[other].values())), _errors(runs, other))
            for other in others
        ),
        "",
        *_wrapped("Ranks are those of the tables that all methods were measured on."),
        *_ranked(runs, methods),
        "",
        *_wrapped(_lost(found)),
        *_wrapped(
            "Means of the loss over splits, the lowest bold. Seconds are processor seconds of "
            "`fit_table`, the median over splits; where there are several, its code was in the "
            "cache for most. All methods had one thread of a server that had other work."
        ),
        *_losses(runs, methods),
    ]
    fewer = [name for name, one in runs.items() if len(one[OURS]) < max(splits)]
    if fewer:
        lines += [
            "",
            *_wrapped(
                f"Fewer splits than {max(splits)}, for their time: {_names(fewer)}. What they show "
                "is less certain."
            )[:-1],
        ]
    return "\n".join(lines)


def _lost(found: Mapping[str, Mapping[str, float]]) -> str:
    """The tables on which others have the lower loss, by name."""
    worse = {
        other: [name for name, value in of.items() if value >= 1] for other, of in found.items()
    }
    trees = list(dict.fromkeys(worse[TREES] + worse[TREES_BAGGED]))
    networks = list(dict.fromkeys(worse[MLP] + worse[MLP_EARLY] + worse[MLP_BAGGED]))
    return (
        f"Trees, single or bagged, have the lower loss on: {_names(trees)}. A network of "
        f"scikit-learn, single, stopped early or bagged, has it on: {_names(networks)}."
    )


def page(text: str, rows: Sequence[Row]) -> str:
    """docs/tables.md with the section written anew."""
    found = re.search(rf"^{HEADING}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"docs/tables.md has no heading {HEADING!r}")
    return text[: found.start()] + section(rows) + "\n\n" + text[found.end() :]
