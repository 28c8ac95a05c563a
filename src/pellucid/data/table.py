"""Columns of values with what was decided about each, and what could not be read.

In: columns that casts.py made. Out: a `Table`: rows to take, columns to choose, texts to go back
to, and itself as printed text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, overload

import numpy as np

from pellucid.core import display
from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError, ShapeError, nearest
from pellucid.data import numerals
from pellucid.data.schema import CATEGORY, CONSTANT, DATE, NUMBER, ColumnSchema, Schema

Array = np.ndarray[Any, Any]
SHOWN = 5  # unreadable cells that are named
_SHOWN_LEVELS = 4
_WIDE = 70  # characters of the last column of a printed table
_NUMBERS = ("missing", "unreadable")  # columns of it that hold numbers


class Problem(NamedTuple):
    """A cell that could not be read: where it stands, its text, and what it is not."""

    place: str
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {_short(self.text)!r} is {self.reason}"


class Note(NamedTuple):
    """What was decided in reading; `doubtful` where another decision could be meant."""

    text: str
    doubtful: bool = False


@dataclass(frozen=True, eq=False)
class Column:
    """One column.

    Attributes:
        schema: its name and kind, and how its cells are read.
        values: float64 for a number (NaN where missing), int32 codes for a category or a constant
            (-1 where missing), datetime64[us] for a date (NaT), texts for text and id (None).
        missing: True where a cell is missing, or could not be read.
        levels: the text of each code. The first ones are those of the schema; codes from
            `len(schema.levels)` on are levels that the schema does not know.
        unreadable: how many cells could not be read.
        problems: the first of them.
    """

    schema: ColumnSchema
    values: Array
    missing: Array
    levels: tuple[str, ...] = ()
    unreadable: int = 0
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        return self.schema.name

    @property
    def kind(self) -> str:
        return self.schema.kind

    @property
    def is_new(self) -> Array:
        """Which cells hold a level that the schema does not know."""
        if self.kind not in (CATEGORY, CONSTANT):
            return np.zeros(len(self), bool)
        return np.asarray(self.values >= len(self.schema.levels))

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Any) -> Column:
        """The column of some rows, by number or by mask."""
        return replace(self, values=self.values[rows], missing=self.missing[rows])

    def text(self) -> list[str | None]:
        """Each cell as text that the column's schema reads back; None where it is missing."""
        items: list[Any] = self.values.tolist()
        if self.kind == NUMBER:
            mark = numerals.FORMATS.get(self.schema.format, numerals.POINT)
            items = [numerals.shown(item).replace(".", mark) for item in items]
        elif self.kind in (CATEGORY, CONSTANT):
            items = [self.levels[item] if item >= 0 else None for item in items]
        elif self.kind == DATE:
            items = [_date_text(item) for item in np.datetime_as_string(self.values).tolist()]
        pairs = zip(items, self.missing.tolist(), strict=True)
        return [None if gone else item for item, gone in pairs]

    def summary(self) -> str:
        """What the values are, in a few words."""
        present = self.values[~self.missing]
        if not len(present):
            return "nothing but missing cells"
        if self.kind == NUMBER:
            low, high = float(present.min()), float(present.max())
            return f"{low:g} to {high:g}, median {float(np.median(present)):g}"
        if self.kind == DATE:
            first, last = (_date_text(str(item)) for item in (present.min(), present.max()))
            return f"{first} to {last}" + (
                f", {_ORDERS[self.schema.format]}" if self.schema.format in _ORDERS else ""
            )
        if self.kind in (CATEGORY, CONSTANT):
            return self._levels()
        return ", ".join(map(_short, present[:2])) + (", …" if len(present) > 2 else "")

    def _levels(self) -> str:
        counts = np.bincount(self.values[self.values >= 0], minlength=len(self.levels))
        order = np.argsort(-counts, kind="stable")[:_SHOWN_LEVELS]
        shown = ", ".join(f"{_short(self.levels[i])} ({counts[i]:,})" for i in order if counts[i])
        more = int((counts > 0).sum()) - len(order)
        return shown + (f", and {more:,} more" if more > 0 else "")


_ORDERS = {"dmy": "day first", "mdy": "month first"}


def _date_text(text: str) -> str:
    """2024-01-31 where the time is midnight, with no fraction where that is zero."""
    return text.removesuffix(".000000").removesuffix("T00:00:00").replace("T", " ")


def _short(text: str, wide: int = 24) -> str:
    return text if len(text) <= wide else text[: wide - 1] + "…"


class Table:
    """Columns by name, of equally many rows.

    Attributes:
        source: what it was read from, in words.
        notes: what was decided in reading that a person may want to decide otherwise.
        left_out: columns of the source that the schema, by which it was read, does not know.
    """

    left_out: tuple[str, ...] = ()

    @checked
    def __init__(self, columns: Sequence[Column], source: str = "", notes: Sequence[Note] = ()):
        parts = isinstance(columns, Sequence) and isinstance(notes, Sequence)
        if not (
            parts
            and isinstance(source, str)
            and all(isinstance(column, Column) for column in columns)
            and all(isinstance(note, Note) for note in notes)
        ):
            raise ArgumentError(
                "Table",
                f"columns must be those of other tables, source a text and notes those of a "
                f"table, got {type(columns).__name__}, {type(source).__name__} and "
                f"{type(notes).__name__}",
                "Make a table with pel.data.read_table.",
            )
        self._columns = {column.name: column for column in columns}
        self.source, self.notes = source, tuple(notes)
        lengths = {len(column) for column in columns}
        if len(lengths) > 1 or len(self._columns) < len(columns):
            raise ShapeError(
                "table", "columns must have different names and equally many rows, got others"
            )
        self._rows = lengths.pop() if lengths else 0

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._columns)

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(self._columns.values())

    @property
    def schema(self) -> Schema:
        """What was decided about the columns; `read_table(…, schema=)` reads others alike."""
        return Schema(tuple(column.schema for column in self.columns))

    @property
    def unreadable(self) -> int:
        """How many cells could not be read, in all columns."""
        return sum(column.unreadable for column in self.columns)

    def __len__(self) -> int:
        return self._rows

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    @overload
    def __getitem__(self, key: str) -> Column: ...
    @overload
    def __getitem__(self, key: list[str] | tuple[str, ...]) -> Table: ...
    def __getitem__(self, key: str | list[str] | tuple[str, ...]) -> Column | Table:
        """A column by its name, or a table of some columns by a list of names."""
        if isinstance(key, str):
            return self._column(key)
        if not isinstance(key, (list, tuple)):
            raise ArgumentError(
                "table",
                f"a column's name or a list of names must be given, got {key!r}",
                "Write table.take(rows) for rows.",
            )
        return Table([self._column(name) for name in key], self.source, self.notes)

    def _column(self, name: object) -> Column:
        if not isinstance(name, str) or name not in self._columns:
            raise ArgumentError("table", f"unknown column {name!r}", nearest(name, self.names))
        return self._columns[name]

    def drop(self, *names: str) -> Table:
        """The table without some columns."""
        gone = {self._column(name).name for name in names}
        kept = [column for column in self.columns if column.name not in gone]
        return Table(kept, self.source, self.notes)

    def take(self, rows: Any) -> Table:
        """The table of some rows: numbers of rows (in any order), or a mask.

        Counts of unreadable cells stay those of the whole table.
        """
        try:
            chosen = np.asarray(rows)
        except Exception:  # whatever an array-like raises
            chosen = np.zeros((0, 0))
        good = chosen.ndim == 1 and (chosen.dtype.kind in "iub" or not len(chosen))
        if good and chosen.dtype == bool:
            good = len(chosen) == len(self)
        elif good:
            chosen = chosen.astype(np.int64)
            good = not len(chosen) or (chosen.min() >= -len(self) and chosen.max() < len(self))
        if not good:
            raise ArgumentError(
                "table.take",
                f"rows must be numbers of rows below {len(self)}, or a mask of that length, "
                f"got {rows!r}",
            )
        return Table([column.take(chosen) for column in self.columns], self.source, self.notes)

    def rows(self) -> list[dict[str, str | None]]:
        """Each row as a dict of texts, which the table's schema reads back."""
        texts = [column.text() for column in self.columns]
        return [dict(zip(self.names, row, strict=True)) for row in zip(*texts, strict=True)]

    def __repr__(self) -> str:
        """What was inferred, as a table, and what could not be read."""
        head, rows, said = self._shown()
        lines = [head, ""]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            cells = [
                cell.rjust(width) if rows[0][i] in _NUMBERS else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *([""] if said else []), *said])

    def _repr_html_(self) -> str:
        """The same in a notebook."""
        head, (names, *rows), said = self._shown()
        return display.table(head, names, rows, _NUMBERS, said)

    def _shown(self) -> tuple[str, list[tuple[str, ...]], list[str]]:
        """What stands above the columns, the names of what is told of each, it, and below."""
        head = f"{self.source or 'Table'}: {count(len(self), 'row')}, "
        head += count(len(self._columns), "column")
        rows: list[tuple[str, ...]] = [("column", "kind", "missing", "unreadable", "values")]
        for column in self.columns:
            gone = int(column.missing.sum())
            bad = f"{column.unreadable:,}" if column.unreadable else ""
            name = _short(column.name)
            values = _short(column.summary(), _WIDE)
            rows.append((name, column.kind, f"{gone:,}" if gone else "", bad, values))
        if not any(row[3] for row in rows[1:]):
            rows = [(*row[:3], row[4]) for row in rows]
        return head, rows, [*(note.text for note in self.notes), *self.unread()]

    def unread(self) -> list[str]:
        """For each column with cells that could not be read: how many, and the first of them."""
        found = []
        for column in self.columns:
            if column.unreadable:
                shown = "; ".join(map(str, column.problems))
                more = column.unreadable - len(column.problems)
                counts = "counts" if column.unreadable == 1 else "count"
                found.append(
                    f"{column.name!r}: {count(column.unreadable, 'cell')} could not be read and "
                    f"{counts} as missing. {shown}" + (f"; and {more:,} more." if more else ".")
                )
        return found


def count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
