"""Which mark stands before decimals, and whether the day or the month stands first.

In: how many cells of a column can be read in one way only, or in either; the same of the other
columns of the file. Out: the decision for the column, and what to say where it is a guess.

A column's own cells decide; where none of them tells, the other columns do; where these do not
either, a comma before three digits separates thousands (in a file with semicolons: decimals), a
point stands before decimals, and the day stands first.
"""

from __future__ import annotations

from typing import NamedTuple

from pellucid.data import dates, numerals
from pellucid.data.table import Note, count

MARKS = {mark: form for form, mark in numerals.FORMATS.items()}
_NAMES = {numerals.POINT: "point", numerals.COMMA: "comma"}
_FIRST = {dates.DAY_FIRST: "day", dates.MONTH_FIRST: "month"}


class Marks(NamedTuple):
    """Cells that only a decimal point explains, or a comma; and those that either does."""

    point: int = 0
    comma: int = 0
    either_point: int = 0  # 1.234
    either_comma: int = 0  # 1,234


class Orders(NamedTuple):
    """Dates that only the day first explains, or the month; and those that either does."""

    day: int = 0
    month: int = 0
    either: int = 0


class File(NamedTuple):
    """What the columns of a file say together; empty where they do not."""

    semicolons: bool = False
    mark: str = ""
    order: str = ""


def of_file(semicolons: bool, marks: list[Marks], orders: list[Orders]) -> File:
    """What the columns say, each of which has one voice."""
    commas = sum((one.comma > one.point) - (one.point > one.comma) for one in marks)
    months = sum((one.month > one.day) - (one.day > one.month) for one in orders)
    mark = numerals.COMMA if commas > 0 else numerals.POINT if commas < 0 else ""
    order = dates.MONTH_FIRST if months > 0 else dates.DAY_FIRST if months < 0 else ""
    return File(semicolons, mark, order)


def mark_of(name: str, marks: Marks, file: File) -> tuple[str, list[Note]]:
    """The mark before decimals in a column."""
    if marks.point or marks.comma:
        mark = numerals.COMMA if marks.comma > marks.point else numerals.POINT
        said = (
            f"{name!r}: {count(marks.point, 'cell')} with a decimal point and "
            f"{count(marks.comma, 'cell')} with a decimal comma; the more frequent is read."
        )
        return mark, [Note(said, True)] if marks.point and marks.comma else []
    if not (marks.either_point or marks.either_comma):
        return file.mark or numerals.POINT, []
    if file.mark:
        said = f"{name!r}: decimals are read after a {_NAMES[file.mark]}, as in other columns."
        usual = file.mark == numerals.POINT and not marks.either_comma
        return file.mark, [] if usual else [Note(said)]
    mark = numerals.COMMA if file.semicolons and marks.either_comma else numerals.POINT
    if not (marks.either_comma or file.semicolons):
        return mark, []
    shown = "1,234" if marks.either_comma else "1.234"
    meaning = "1234" if (mark == numerals.POINT) == bool(marks.either_comma) else "1.234"
    other = next(form for one, form in MARKS.items() if one != mark)
    return mark, [
        Note(
            f"{name!r}: a {'comma' if marks.either_comma else 'point'} before three digits, "
            f"throughout: {shown} is read as {meaning}. If it is not, pass "
            f'types={{"{name}": "number:{other}"}}.',
            True,
        )
    ]


def order_of(name: str, orders: Orders, file: File) -> tuple[str, list[Note]]:
    """Whether the day or the month stands first in a column; "" where no date depends on it."""
    day, month, either = orders
    if not (day or month or either):
        return "", []
    order = dates.MONTH_FIRST if month > day else dates.DAY_FIRST
    if not (day or month) and file.order:
        said = f"{name!r}: the {_FIRST[file.order]} is read first, as in other columns."
        return file.order, [Note(said)]
    other = dates.DAY_FIRST if order == dates.MONTH_FIRST else dates.MONTH_FIRST
    change = f'If it is not, pass types={{"{name}": "date:{other}"}}.'
    if not (day or month):
        said = (
            f"{name!r}: no date says whether the day or the month stands first; the day is read "
            f"first. {change}"
        )
    elif day and month:
        said = (
            f"{name!r}: {count(day, 'date')} with the day first, {month:,} with the month; of the "
            f"{either:,} that could be either the {_FIRST[order]} is read first. {change}"
        )
    else:
        return order, []
    return order, [Note(said, True)]
