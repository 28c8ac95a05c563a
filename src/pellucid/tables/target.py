"""The target of a table: what is predicted, and how classes come back by name.

In: the target's column. Out: a `Target`: classification or regression, codes or values to train on,
and the way back to what the column held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.arguments import choice
from pellucid.core.errors import ArgumentError, DataError
from pellucid.data import numerals
from pellucid.data.schema import CONSTANT, DATE, ID, NUMBER, TEXT, ColumnSchema
from pellucid.data.table import Column

Array = np.ndarray[Any, Any]
CLASSIFICATION, REGRESSION = "classification", "regression"
TASKS = (CLASSIFICATION, REGRESSION)
_FEW = 10  # different whole numbers that are classes
_SHOWN = 5
_SHARE = 0.5  # of the rows: more classes than this are no classes
_WHERE = "fit_table"


@dataclass(frozen=True)
class Labels:
    """The classes of a target in order; a code is a place among them.

    Attributes:
        names: texts; numbers or booleans where the target's column came as such.
    """

    names: tuple[str, ...] | tuple[float, ...] | tuple[bool, ...]

    @property
    def shown(self) -> tuple[str, ...]:
        """The classes as text."""
        return tuple(map(_text, self.names))

    def __len__(self) -> int:
        return len(self.names)

    def of(self, codes: Array) -> Array:
        """The classes of codes: an array of text, of booleans, of whole numbers where all are
        whole, else of numbers."""
        table = np.array(self.names)
        if table.dtype.kind == "f" and (table == np.floor(table)).all():
            table = table.astype(np.int64)
        found: Array = table[codes]
        return found

    def codes(self, where: str, column: Column) -> Array:
        """The code of each cell.

        Raises:
            DataError: for a cell that is missing, or is no class.
        """
        check_known(where, column)
        if column.kind == NUMBER:
            table = np.array(self.names)
            codes = np.minimum(np.searchsorted(table, column.values), len(table) - 1)
            strange = table[codes] != column.values
        else:
            codes, strange = column.values.astype(np.int64), column.is_new
        if strange.any():
            row = int(np.argmax(strange))
            raise DataError(
                where,
                f"{column.name!r} must hold classes of the model, {_shown(self.shown)}, got "
                f"{column.text()[row]!r} in row {row + 1}",
                "Leave such rows out, or train on them.",
            )
        return codes.astype(np.int64)


@dataclass(frozen=True)
class Target:
    """What a model of a table predicts.

    Attributes:
        schema: of the target's column.
        task: "classification" or "regression".
        labels: the classes; none in a regression.
    """

    schema: ColumnSchema
    task: str
    labels: Labels

    @property
    def name(self) -> str:
        return self.schema.name

    @property
    def is_classes(self) -> bool:
        return self.task == CLASSIFICATION

    def values(self, where: str, column: Column) -> Array:
        """Codes of classes (int64), or numbers (float64), one a row."""
        if self.is_classes:
            return self.labels.codes(where, column)
        check_known(where, column)
        return column.values


def known_in(column: Column) -> Array:
    """In which rows a target is known: a number must be finite."""
    known = ~column.missing
    return known & np.isfinite(column.values) if column.kind == NUMBER else known


def check_known(where: str, column: Column) -> None:
    """Refuses a target that is not known in every row."""
    unknown = ~known_in(column)
    gone = int(unknown.sum())
    if gone:
        row = int(np.argmax(unknown))
        unread = f", of which {column.unreadable:,} could not be read" if column.unreadable else ""
        fix = "Drop them with drop_missing=True (--drop-missing), or complete the table."
        raise DataError(
            where,
            f"the target {column.name!r} must be known in every row, got {gone:,} of "
            f"{len(column):,} rows without{unread}, the first in row {row + 1}",
            fix if where == _WHERE else "Leave these rows out.",
        )


def check_exact(column: Column) -> None:
    """Refuses an id of whole numbers that a float64 would round."""
    large = [
        t for t in column.text() if t and numerals.is_whole(t) and abs(int(t)) > numerals.EXACT
    ]
    if large:
        raise _inexact(column.name, large[0])


def _inexact(name: str, text: str) -> DataError:
    return DataError(
        _WHERE,
        f"the target {name!r} must hold whole numbers up to 2^53, which float64 keeps exactly, got "
        f"{text}",
        f'For classes pass types={{"{name}": "category"}}; of amounts take thousands or millions.',
    )


def decided(column: Column, task: str | None) -> tuple[Target, str]:
    """What a target is, and in words why."""
    where, name = _WHERE, column.name
    if task is not None:
        choice(where, "task", task, TASKS, {"classify": CLASSIFICATION, "regress": REGRESSION})
    if column.kind == NUMBER:
        return _of_numbers(column, task)
    if column.kind == DATE:
        raise DataError(
            where,
            f"the target {name!r} must be numbers or classes, got dates",
            "Make a number of it first, such as the days until then.",
        )
    if column.kind == CONSTANT:
        raise DataError(
            where,
            f"the target {name!r} must differ between rows, got {_shown(column.levels)} in all",
            "Name another column as target.",
        )
    if task == REGRESSION:
        raise ArgumentError(
            where,
            f"a regression needs numbers, got {name!r} that holds {column.kind}",
            f'Leave task out, or pass types={{"{name}": "number"}}.',
        )
    if column.kind in (TEXT, ID):
        raise DataError(
            where,
            f"the target {name!r} must hold classes that come again, got {column.kind}: nearly "
            "every row is different",
            f'Name another column, or pass types={{"{name}": "category"}} or "number".',
        )
    levels = column.schema.levels
    if len(levels) > max(2, _SHARE * len(column)):
        raise DataError(
            where,
            f"the target {name!r} must hold classes that come again, got {len(levels):,} different "
            f"ones in {len(column):,} rows",
            "Name another column as target.",
        )
    labels = Labels((False, True) if column.schema.logical else levels)
    return Target(column.schema, CLASSIFICATION, labels), f"{len(levels)} classes"


def _of_numbers(column: Column, task: str | None) -> tuple[Target, str]:
    name = column.name
    present = column.values[np.isfinite(column.values)]
    different = np.unique(present)
    if len(different) < 2:
        raise DataError(
            _WHERE,
            f"the target {name!r} must differ between rows, got {len(different)} value in all",
            "Name another column as target.",
        )
    whole = bool((different == np.floor(different)).all())
    few = len(different) <= _FEW and 2 * len(different) <= len(present)
    if task == CLASSIFICATION or (task is None and few and (whole or len(different) == 2)):
        if len(different) > max(2, _SHARE * len(present)):
            raise DataError(
                _WHERE,
                f"the target {name!r} must hold classes that come again, got {len(different):,} "
                f"different numbers in {len(present):,} rows",
                "Leave task out: it is a regression.",
            )
        largest = float(np.abs(different).max())
        if largest > numerals.EXACT:
            raise _inexact(name, numerals.shown(largest))
        why = f"{len(different)} different numbers"
        if task is None:
            why += '; if they are amounts, pass task="regression"'
        return Target(column.schema, CLASSIFICATION, Labels(tuple(different.tolist()))), why
    return Target(column.schema, REGRESSION, Labels(())), f"{len(different):,} different numbers"


def _text(name: str | float | bool) -> str:
    """A class as the cells of its column are shown."""
    if isinstance(name, bool):
        return "true" if name else "false"
    return name if isinstance(name, str) else numerals.shown(name)


def _shown(names: tuple[str, ...]) -> str:
    more = f", … ({len(names):,} in all)" if len(names) > _SHOWN else ""
    return ", ".join(repr(name) for name in names[:_SHOWN]) + more
