"""Partial dependence: what a table's model says where one column has a value in all rows.

In: some rows of the training table and the model's prediction. Out: for each of a few columns a
curve over its values, with its spread over rows. Friedman 2001, section 8.2; the rows' own curves
are those of Goldstein et al. 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from pellucid.data import Table
from pellucid.data.schema import CATEGORY, DATE
from pellucid.data.table import Column
from pellucid.tables.preparation import Arrays, Preparation
from pellucid.tables.target import Target

Array = np.ndarray[Any, Any]
MOST_COLUMNS = 6
_ROWS = 100  # whose predictions are averaged
_VALUES = 12  # of a column
_CLASSES = 3  # whose probabilities are shown
_EDGE = 0.02  # the share of a column's cells beyond its first and beyond its last value
_BAND = (0.1, 0.9)  # of the rows


class Curve(NamedTuple):
    """What is predicted at each value: the mean over rows, and the middle 80 % of their changes.

    `label` is the class whose probability it is; empty of a number.
    """

    label: str
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Dependence(NamedTuple):
    """The curves of one column: where they stand, and each place as text.

    Places of dates are seconds since 1970, those of categories count from 0.
    """

    column: str
    kind: str
    places: tuple[float, ...]
    labels: tuple[str, ...]
    curves: tuple[Curve, ...]


def dependences(
    table: Table,
    names: Sequence[str],
    preparation: Preparation,
    target: Target,
    predict: Callable[[Arrays], Array],
    seed: int,
) -> tuple[Dependence, ...]:
    """The dependence on each of `names`, the columns that matter most, as far as they vary.

    A row's change at a value is its prediction there less its own mean over all values; the band
    lies around the mean of all.
    """
    draw = np.random.default_rng([seed, 4])
    chosen = np.sort(draw.permutation(len(table))[:_ROWS])
    rows = table[list(preparation.schema.names)].take(chosen)
    found = []
    for name in names[:MOST_COLUMNS]:
        values = _values(table[name])
        if len(values) < 2:
            continue
        column = table[name].take(np.zeros(0, int))
        repeated = rows.take(np.tile(np.arange(len(rows)), len(values)))
        set_to = _filled(column, np.repeat(values, len(rows)))
        others = [set_to if one.name == name else one for one in repeated.columns]
        told = predict(preparation.arrays(Table(others)))
        told = told.reshape(len(values), len(rows), -1)
        found.append(_of(_filled(column, values), told, target))
    return tuple(found)


def _values(column: Column) -> Array:
    """The values that a column is set to, in order: a category's most frequent ones."""
    present = column.values[~column.missing]
    if column.kind == CATEGORY:
        counts = np.bincount(present, minlength=len(column.levels))
        often = np.argsort(-counts, kind="stable")[:_VALUES]
        values = np.sort(often[counts[often] > 0])
        return np.append(values, -1) if column.missing.any() else values
    numbers = present.astype(np.float64)
    numbers = np.unique(numbers[np.isfinite(numbers)])
    if len(numbers) > _VALUES:
        shares = np.linspace(_EDGE, 1 - _EDGE, _VALUES)
        order = np.sort(present[np.isfinite(present.astype(np.float64))])
        numbers = np.unique(order[np.round(shares * (len(order) - 1)).astype(int)])
    return numbers.astype(column.values.dtype)


def _filled(column: Column, values: Array) -> Column:
    missing = values < 0 if column.kind == CATEGORY else np.zeros(len(values), bool)
    return replace(column, values=values, missing=missing)


def _of(column: Column, told: Array, target: Target) -> Dependence:
    """Predictions (values, rows, outputs) as curves."""
    if column.kind == CATEGORY:
        places = np.arange(len(column), dtype=float)
    elif column.kind == DATE:
        places = column.values.astype("M8[us]").astype(np.int64) / 1e6
    else:
        places = column.values.astype(float)
    labels = tuple("missing" if text is None else text for text in column.text())
    names: tuple[str, ...] = ("",)
    outputs = [0]
    if target.is_classes:
        names = target.labels.shown
        outputs = [1] if len(names) == 2 else _moving(told)
    curves = tuple(_curve(names[k], told[:, :, k]) for k in outputs)
    return Dependence(column.name, column.kind, tuple(places.tolist()), labels, curves)


def _moving(told: Array) -> list[int]:
    """The classes whose mean probability changes most."""
    ranges = np.ptp(told.mean(axis=1), axis=0)
    return sorted(np.argsort(-ranges, kind="stable")[:_CLASSES].tolist())


def _curve(label: str, told: Array) -> Curve:
    level = float(told.mean())
    changes = told - told.mean(axis=0)
    low, high = level + np.quantile(changes, _BAND, axis=1)
    mean = level + changes.mean(axis=1)
    return Curve(label, tuple(mean.tolist()), tuple(low.tolist()), tuple(high.tolist()))
