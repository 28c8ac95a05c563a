"""What a report shows beside the scores: small numbers and texts that a model's file can hold.

In: the rows that the networks did not train on, and what they said of them. Out: an `Evidence`:
which columns matter, where predictions are wrong, whether probabilities can be believed, the worst
rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pellucid.data import Table
from pellucid.tables.dependence import Dependence
from pellucid.tables.preparation import Arrays, Preparation
from pellucid.tables.scores import losses
from pellucid.tables.target import Target
from pellucid.train.scores import confusion_matrix

Array = np.ndarray[Any, Any]
_REPEATS = 5  # orders that a column is put into
_ROWS = 60_000  # predictions of all columns and orders together
_LEAST_ROWS, _MOST_ROWS = 100, 1000
_WORST, _CELLS = 10, 8  # rows that are shown, and cells of each
_POINTS = 400  # of true against predicted values
_BINS = 10  # of probabilities
_WIDE = 40  # letters of a cell
MOST_CLASSES = 20  # of a confusion matrix
_MISTAKES = 15  # that are listed where there are more classes


class Importance(NamedTuple):
    """How much the loss grows where a column's cells are shuffled: mean and deviation."""

    column: str
    mean: float
    deviation: float


class Bin(NamedTuple):
    """Rows with the probability of the likeliest class in one tenth: its mean, the share right."""

    probability: float
    right: float
    rows: int


class Worst(NamedTuple):
    """A row (from 1) with a large loss: the target, the prediction, its cells."""

    row: int
    target: str
    predicted: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """What a report shows beside the scores.

    Attributes:
        columns: name, kind, missing cells, unreadable cells and values of each column as read.
        importance: of the columns that are used, the most important first.
        confusion: counts[i][j] of class i called j; empty with more than 20 classes.
        mistakes: the most frequent ones then: class, what it was called, rows.
        bins: of probabilities. points: true and predicted values of some rows.
        shown: the columns whose cells stand in `worst`.
        dependence: on the most important columns.
    """

    columns: tuple[tuple[str, str, int, int, str], ...] = ()
    importance: tuple[Importance, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    bins: tuple[Bin, ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    shown: tuple[str, ...] = ()
    worst: tuple[Worst, ...] = ()
    dependence: tuple[Dependence, ...] = ()
    mistakes: tuple[tuple[str, str, int], ...] = ()


def gathered(
    table: Table,
    target: Target,
    y: Array,
    predicted: Array,
    rows: Array,
    importance: Sequence[Importance],
    dependence: tuple[Dependence, ...] = (),
) -> Evidence:
    """The evidence of a training.

    Args:
        y, predicted: of all rows; of `rows` alone by networks that did not train on them.
    """
    own, found = y[rows], predicted[rows]
    shown = tuple(one.column for one in importance[:_CELLS])
    classes = len(target.labels)
    few = target.is_classes and classes <= MOST_CLASSES
    matrix = confusion_matrix(own, found.argmax(axis=1), classes) if few else np.zeros((0, 0))
    return Evidence(
        tuple(
            (
                column.name,
                column.kind,
                int(column.missing.sum()),
                column.unreadable,
                column.summary(),
            )
            for column in table.columns
        ),
        tuple(importance),
        tuple(tuple(map(int, row)) for row in matrix.tolist()),
        _bins(own, found) if target.is_classes else (),
        () if target.is_classes else _points(own, found),
        shown,
        _worst(table, target, own, found, rows, shown),
        dependence,
        () if few or not target.is_classes else mistakes(own, found, target.labels.shown),
    )


def mistakes(y: Array, likely: Array, names: Sequence[str]) -> tuple[tuple[str, str, int], ...]:
    """Which class was called which other one most often, and in how many rows."""
    chosen = likely.argmax(axis=1)
    wrong = chosen != y
    pairs, counts = np.unique(y[wrong] * len(names) + chosen[wrong], return_counts=True)
    often = np.argsort(-counts, kind="stable")[:_MISTAKES]
    return tuple(
        (names[pairs[i] // len(names)], names[pairs[i] % len(names)], int(counts[i])) for i in often
    )


def _bins(y: Array, likely: Array) -> tuple[Bin, ...]:
    top, right = likely.max(axis=1), likely.argmax(axis=1) == y
    place = np.minimum((top * _BINS).astype(int), _BINS - 1)
    return tuple(
        Bin(float(top[place == k].mean()), float(right[place == k].mean()), int(count))
        for k, count in enumerate(np.bincount(place, minlength=_BINS))
        if count
    )


def _points(y: Array, values: Array) -> tuple[tuple[float, float], ...]:
    chosen = np.linspace(0, len(y) - 1, min(len(y), _POINTS)).astype(int)
    return tuple(zip(y[chosen].tolist(), values[chosen].tolist(), strict=True))


def _worst(
    table: Table, target: Target, y: Array, found: Array, rows: Array, shown: Sequence[str]
) -> tuple[Worst, ...]:
    each = losses(y, found, target.is_classes)
    loss = each["log_loss" if target.is_classes else "squared"]
    order = np.argsort(-loss, kind="stable")[:_WORST]
    if target.is_classes:
        names = np.array(target.labels.shown, object)
        likely = found[order]
        said = [
            f"{name} ({share:.0%})"
            for name, share in zip(
                names[likely.argmax(axis=1)], likely.max(axis=1).tolist(), strict=True
            )
        ]
        true = names[y[order]].tolist()
    else:
        true, said = ([f"{value:.6g}" for value in one[order].tolist()] for one in (y, found))
    texts = [table[name].take(rows[order]).text() for name in shown]
    return tuple(
        Worst(int(rows[i]) + 1, goal, told, tuple((text or "")[:_WIDE] for text in cells))
        for i, goal, told, *cells in zip(order, true, said, *texts, strict=True)
    )


def importances(
    preparation: Preparation,
    x: Arrays,
    y: Array,
    predict: Callable[[Arrays], Array],
    is_classes: bool,
    seed: int,
) -> list[Importance]:
    """What shuffling each column costs, in log-loss or RMSE.

    Args:
        x, y: rows that the networks behind `predict` did not train on.
    """
    names = preparation.schema.names
    count = min(len(y), max(_LEAST_ROWS, min(_MOST_ROWS, _ROWS // (_REPEATS * len(names)))))
    draw = np.random.default_rng([seed, 3])
    chosen = np.sort(draw.permutation(len(y))[:count])
    x, y = x.take(chosen), y[chosen]

    def loss(given: Arrays) -> float:
        own = losses(y, predict(given), is_classes)
        return float(own["log_loss"].mean() if is_classes else np.sqrt(own["squared"].mean()))

    base, found = loss(x), []
    for name in names:
        costs = [
            loss(preparation.shuffled(x, name, draw.permutation(count))) - base
            for _ in range(_REPEATS)
        ]
        found.append(Importance(name, float(np.mean(costs)), float(np.std(costs))))
    return sorted(found, key=lambda one: -one.mean)
