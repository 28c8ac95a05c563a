"""What a person should know of a table before believing a score: each names column and remedy.

In: the table that is trained on, and its target. Out: sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from pellucid.data import Table
from pellucid.data.schema import CATEGORY, CONSTANT, DATE, ID, NUMBER, TEXT
from pellucid.data.table import Column
from pellucid.tables.preparation import listed
from pellucid.tables.target import Target

Array = np.ndarray[Any, Any]
_FEW_ROWS = 5  # of a class
_RARE = 0.02  # the share of a class that accuracy hides
_ENOUGH = 30  # rows below which a column may tell the target by chance
_TELLS = 0.999  # of the rows, or of the variance: a column that gives the target away
_DOUBLES = 0.01  # the share of rows that come again
_OUTSIDE = 0.05  # the share of rows beyond the range of training that is a drift
_UNUSED = {
    CONSTANT: "always the same",
    ID: "an id: different in every row",
    TEXT: "free text",
}


def unused(columns: list[Column]) -> list[str]:
    """What is left out of the features, and how to have it."""
    said = []
    for kind, why in _UNUSED.items():
        names = [column.name for column in columns if column.kind == kind]
        if names:
            said.append(
                f"Left out: {listed(names)} ({why})."
                + (
                    ""
                    if kind == CONSTANT
                    else f' To use it, pass types={{"{names[0]}": "category"}} or "number".'
                )
            )
    return said


def of_table(table: Table, target: Target, y: Array) -> list[str]:
    """What is remarkable in the columns that are used, and in the target.

    Args:
        y: codes or values, one a row.
    """
    return [
        *_leaks(table, target, y),
        *_future(table),
        *_duplicates(table, y),
        *(_classes(target, y) if target.is_classes else ()),
    ]


def _leaks(table: Table, target: Target, y: Array) -> list[str]:
    if len(y) < _ENOUGH:
        return []
    told = [
        column.name
        for column in table.columns
        if (_tells_class if target.is_classes else _tells_value)(column, y)
    ]
    if not told:
        return []
    return [
        f"{listed(told)} alone gives away {target.name!r}. If it is known only afterwards, leave "
        f'it out: drop=["{told[0]}"].'
    ]


def _plain(column: Column) -> Array:
    return column.values.astype(np.float64)


def _tells_class(column: Column, y: Array) -> bool:
    """Whether each value comes with one class, and sorting the values sorts the classes."""
    known = ~column.missing
    values, y = _plain(column)[known], y[known]
    different, places = np.unique(values, return_inverse=True)
    classes = len(np.unique(y))
    if len(y) < _ENOUGH or classes < 2:
        return False
    width = int(y.max()) + 1
    pairs, counts = np.unique(places * width + y, return_counts=True)
    most = np.zeros(len(different), np.int64)
    np.maximum.at(most, pairs // width, counts)
    if most.sum() < _TELLS * len(y):
        return False
    if column.kind == CATEGORY:
        return 2 * len(different) <= len(y)
    leading = np.zeros(len(different), np.int64)
    best = counts == most[pairs // width]
    leading[pairs[best] // width] = pairs[best] % width
    changes = int((np.diff(leading) != 0).sum())
    return changes <= classes - 1 + (1 - _TELLS) * len(y)


def _tells_value(column: Column, y: Array) -> bool:
    """Whether the column is the target on a straight line."""
    if column.kind != NUMBER:
        return False
    known = np.isfinite(column.values)
    x, own = column.values[known], y[known]
    if len(x) < _ENOUGH or not x.any() or not own.any():
        return False
    x, own = x / np.abs(x).max(), own / np.abs(own).max()  # so that squares neither end nor vanish
    if x.std() == 0 or own.std() == 0:
        return False
    return bool(np.corrcoef(x, own)[0, 1] ** 2 > _TELLS)


def _future(table: Table) -> list[str]:
    now = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "us")
    said = []
    for column in table.columns:
        if column.kind == DATE:
            ahead = int((column.values > now).sum())
            if ahead:
                said.append(
                    f"{column.name!r}: {ahead:,} dates lie in the future, up to "
                    f"{np.datetime_as_string(np.nanmax(column.values), 'D')}. If the date is known "
                    f'only afterwards, leave it out: drop=["{column.name}"].'
                )
    return said


def _duplicates(table: Table, y: Array) -> list[str]:
    if not len(table.columns) or len(y) < _ENOUGH:
        return []
    codes = [np.unique(column.values, return_inverse=True)[1] for column in table.columns]
    rows = np.stack([*codes, np.unique(y, return_inverse=True)[1]], axis=1).astype(np.int64)
    twice = len(rows) - len(np.unique(rows, axis=0))
    if twice <= _DOUBLES * len(rows):
        return []
    return [
        f"{twice:,} of {len(rows):,} rows repeat another one in all columns. A copy may be trained "
        "on while its twin is held out, and the score is then too good: drop copies, or name the "
        "column that says what belongs together, group=."
    ]


def _classes(target: Target, y: Array) -> list[str]:
    counts, names = np.bincount(y, minlength=len(target.labels)), target.labels.shown
    few = [
        f"{name!r} ({count})" for name, count in zip(names, counts, strict=True) if 0 < count < 5
    ]
    said = []
    if few:
        shown = ", ".join(few[:5]) + (f", … ({len(few)} in all)" if len(few) > 5 else "")
        said.append(
            f"{target.name!r}: fewer than {_FEW_ROWS} rows of the class {shown}. Such a class is "
            "hardly learned: join it with another, or leave its rows out."
        )
    rare = int(counts[counts > 0].min())
    if rare < _RARE * len(y) and rare >= _FEW_ROWS:
        name = names[int(np.flatnonzero(counts == rare)[0])]
        said.append(
            f"{target.name!r}: only {rare:,} of {len(y):,} rows are {name!r}. Accuracy says little "
            "of it: look at the confusion matrix and at roc_auc."
        )
    return said


def ranges(table: Table) -> dict[str, tuple[float, float]]:
    """The lowest and the highest value of each number and date, for `drift`."""
    found = {}
    for column in table.columns:
        if column.kind in (NUMBER, DATE):
            values = _plain(column)[~column.missing]
            values = values[np.isfinite(values)]
            if len(values):
                found[column.name] = (float(values.min()), float(values.max()))
    return found


def drift(table: Table, known: Mapping[str, tuple[float, float]]) -> list[str]:
    """Columns of which many rows lie beyond what training saw."""
    said = []
    for column in table.columns:
        if column.name not in known or len(table) < _ENOUGH or column.kind != NUMBER:
            continue
        low, high = known[column.name]
        outside = int(((column.values < low) | (column.values > high)).sum())
        if outside > _OUTSIDE * len(table):
            said.append(
                f"{column.name!r}: {outside:,} of {len(table):,} rows lie outside of {low:g} to "
                f"{high:g}, which training saw."
            )
    return said
