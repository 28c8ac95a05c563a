"""The cells of a column as values, by what was decided about the column.

In: cells and a `ColumnSchema`. Out: a `Column`. A cell that the schema cannot read counts as
missing, and is counted and named; a category that the schema does not know gets a code of its own.

Two passes: plain numbers and ISO dates are read at once, as arrays; each other text is read once by
numerals.py or dates.py, however often it stands in the column. Both give the same values.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pellucid.data import dates, numerals
from pellucid.data.cells import AnyCells, Cells, DateCells, Factors, NumberCells
from pellucid.data.schema import BOOLEAN, CATEGORY, CONSTANT, DATE, NUMBER, ColumnSchema
from pellucid.data.table import SHOWN, Column, Problem

Array = np.ndarray[Any, Any]

_FEW = 32  # cells below which one after the other is faster
_NO_DATE = int(np.datetime64("NaT").astype(np.int64))

# Among numbers and dates, in any case, each of these is a missing cell.
_NO_VALUE = frozenset(
    [
        "na",
        "n/a",
        "n.a.",
        "k.a.",
        "nan",
        "null",
        "nil",
        "none",
        "missing",
        "unknown",
        "?",
        "-",
        "--",
        "—",
        "–",
        ".",
        "..",
        "*",
        "#n/a",
        "#na",
        "#value!",
        "#div/0!",
        "#ref!",
        "#num!",
        "\\n",
        "<na>",
        "nat",
        "(null)",
        "(blank)",
    ]
)
# Among texts only these are, as spelled, and only without quotes: "none" may be an answer.
_NO_TEXT = frozenset(
    ["NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "<NA>", "\\N", "NaT"]
)


def is_no_value(text: str) -> bool:
    """Whether a cell among numbers or dates is missing."""
    text = text.strip()
    return not text or text.lower() in _NO_VALUE


def is_no_text(text: str, quoted: bool) -> bool:
    """Whether a cell among texts is missing."""
    return not text or (not quoted and text in _NO_TEXT)


def cast(cells: AnyCells, schema: ColumnSchema) -> Column:
    """The column that `cells` are under `schema`."""
    if schema.kind == NUMBER:
        return _numbers(cells, schema)
    if schema.kind == DATE:
        return _dates(cells, schema)
    texts = cells.as_text() if isinstance(cells, (NumberCells, DateCells)) else cells
    if schema.kind in (CATEGORY, CONSTANT):
        return _levels(texts, schema)
    factors = texts.factors
    gone = [*map(is_no_text, factors.texts, factors.quoted), True]
    known = np.array(
        [None if no else text for text, no in zip([*factors.texts, ""], gone, strict=True)], object
    )
    return Column(schema, known[factors.codes], np.array(gone)[factors.codes])


def _numbers(cells: AnyCells, schema: ColumnSchema) -> Column:
    if isinstance(cells, NumberCells):
        return Column(schema, cells.values, cells.missing)
    if isinstance(cells, DateCells):
        cells = cells.as_text()
    mark = numerals.FORMATS.get(schema.format, numerals.POINT)
    if len(cells) < _FEW:
        values, done = np.zeros(len(cells)), np.zeros(len(cells), bool)
    else:
        plain = cells.plain(mark)
        values, done = plain.values, plain.done
    if len(cells) and done.all():
        return Column(schema, values, ~done)
    factors = cells.factors_of(~done)
    read = [None if is_no_value(text) else numerals.parse(text, mark) for text in factors.texts]
    table = np.array([*(math.nan if value is None else value for value in read), math.nan])
    values = np.where(done, values, table[factors.codes])
    unread = [
        value is None and not is_no_value(t) for t, value in zip(factors.texts, read, strict=True)
    ]
    return _with_problems(cells, schema, values, np.isnan(values), factors, unread, "no number")


def _dates(cells: AnyCells, schema: ColumnSchema) -> Column:
    if isinstance(cells, DateCells):
        return Column(schema, cells.values, np.isnat(cells.values))
    if isinstance(cells, NumberCells):
        cells = cells.as_text()
    if len(cells) < _FEW:
        values, done = np.zeros(len(cells), "M8[us]"), np.zeros(len(cells), bool)
    else:
        values, done = cells.iso()
    if len(cells) and done.all():
        return Column(schema, values, ~done)
    factors = cells.factors_of(~done)
    order = schema.format or dates.DAY_FIRST
    read = [None if is_no_value(text) else dates.parse(text, order) for text in factors.texts]
    table = np.array(
        [*(_NO_DATE if value is None else value for value in read), _NO_DATE], np.int64
    ).view("M8[us]")
    values = np.where(done, values, table[factors.codes])
    unread = [
        value is None and not is_no_value(t) for t, value in zip(factors.texts, read, strict=True)
    ]
    return _with_problems(cells, schema, values, np.isnat(values), factors, unread, "no date")


def _with_problems(
    cells: Cells,
    schema: ColumnSchema,
    values: Array,
    missing: Array,
    factors: Factors,
    unread: list[bool],
    reason: str,
) -> Column:
    if not any(unread):
        return Column(schema, values, missing)
    rows = np.flatnonzero(np.array([*unread, False])[factors.codes])
    problems = tuple(
        Problem(cells.place(int(row)), factors.texts[factors.codes[row]], reason)
        for row in rows[:SHOWN]
    )
    return Column(schema, values, missing, (), len(rows), problems)


def _levels(cells: Cells, schema: ColumnSchema) -> Column:
    factors = cells.factors
    fold = str.lower if schema.format == BOOLEAN else str
    places = {fold(level): code for code, level in enumerate(schema.levels)}
    levels, known = list(schema.levels), []
    for text, quoted in zip(factors.texts, factors.quoted, strict=True):
        if is_no_text(text, quoted):
            known.append(-1)
            continue
        code = places.setdefault(fold(text), len(levels))
        if code == len(levels):
            levels.append(text)
        known.append(code)
    codes = np.array([*known, -1], np.int32)[factors.codes]
    return Column(schema, codes, codes < 0, tuple(levels))
