"""What a column is: number, category, date, text, constant or id, from all of its cells.

In: the cells of one column, and what a person said about it. Out: its `ColumnSchema`, and notes
where a rule decided what could be meant otherwise. The rules, in order:

1. Nothing but missing cells, or one value in every row: constant.
2. Nine in ten present cells are numbers: number. Digits that all have one width and zeros in front
   (zip codes) are no numbers but labels; whole numbers that a float64 cannot hold are ids.
   All-different whole numbers are an id where the column's name says so or they count the rows.
3. Nine in ten are dates: date. Digits such as 20240131 are one where the column's name says so.
4. Otherwise text: a category where values repeat (at most half are different, or fewer than 20
   rows); all different without blanks: id; else text.

A column decides as a whole which mark stands before decimals, and whether days stand before months:
by the cells that can be read in one way only. Where there is none, a comma before three digits
separates thousands (in a file with semicolons: decimals), and the day stands first.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from pellucid.data import dates, numerals
from pellucid.data.casts import is_no_text, is_no_value
from pellucid.data.cells import AnyCells, Cells, DateCells, Factors, NumberCells, Plain
from pellucid.data.schema import (
    BOOLEAN,
    CATEGORY,
    CONSTANT,
    DATE,
    ID,
    NUMBER,
    TEXT,
    ColumnSchema,
)
from pellucid.data.table import Note, count

Array = np.ndarray[Any, Any]
_SHARE = 0.9  # of the present cells that must be numbers or dates
_FEW = 20  # rows below which all-different texts say nothing
_BOOLEANS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"), ("off", "on"))
_ID_WORDS = {"id", "ids", "uuid", "guid", "key", "index", "idx", "nr", "no"}
_DATE_WORDS = {"date", "day", "datum", "tag", "ymd", "yyyymmdd", "time", "when"}
_MARKS = {mark: form for form, mark in numerals.FORMATS.items()}


def infer(
    cells: AnyCells, said: tuple[str, str] | None = None, *, semicolons: bool = False
) -> tuple[ColumnSchema, list[Note]]:
    """What the column is, and what to say about it.

    Args:
        said: the kind and format that a person decided; an empty format is found here.
        semicolons: whether the cells come from a file that has them between its cells.
    """
    if isinstance(cells, NumberCells):
        return _typed_numbers(cells, said), []
    if isinstance(cells, DateCells):
        if said is None or said[0] == DATE:
            return ColumnSchema(cells.name, DATE), []
        cells = cells.as_text()
    return _Texts(cells, semicolons).decided(said)


def _typed_numbers(cells: NumberCells, said: tuple[str, str] | None) -> ColumnSchema:
    kind = said[0] if said else NUMBER
    present = cells.values[~cells.missing]
    if said is None:
        if not len(present) or (len(present) == len(cells) > 1 and present.min() == present.max()):
            kind = CONSTANT
        elif len(present) == len(cells) and _counts_rows(cells.name, present):
            kind = ID
    if kind in (NUMBER, DATE):
        form = said[1] if said and said[1] else ""
        return ColumnSchema(
            cells.name, kind, form or (dates.COMPACT if kind == DATE else _MARKS["."])
        )
    levels = sorted(set(present.tolist())) if kind in (CATEGORY, CONSTANT) else []
    return ColumnSchema(cells.name, kind, "", tuple(map(numerals.shown, levels)))


def _words(name: str) -> set[str]:
    return set(re.findall("[a-z]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", name).lower()))


def _counts_rows(name: str, values: Array) -> bool:
    """Whether all-different whole numbers are an id."""
    n = len(values)
    if n < 2 or not (np.isfinite(values).all() and (values == np.floor(values)).all()):
        return False
    named = bool(_words(name) & _ID_WORDS)
    counting = n >= _FEW and values.min() in (0, 1) and values.max() - values.min() == n - 1
    return (named or counting) and (
        bool((np.diff(values) > 0).all()) or len(np.unique(values)) == n
    )


class _Tally(NamedTuple):
    """How many cells of a column are what; of the texts that are no plain numbers and ISO dates."""

    missing: int
    numbers: int
    dates: int
    large: int  # whole numbers beyond float64
    marks: dict[str, int]  # cells that speak for a decimal mark, see numerals.evidence
    orders: dict[str, int]
    short_years: int
    zones: int


class _Texts:
    """A column of text, looked at."""

    def __init__(self, cells: Cells, semicolons: bool):
        self.cells, self.semicolons = cells, semicolons
        self.name, self.n = cells.name, len(cells)
        self.notes: list[Note] = []
        self.plain: Plain = cells.plain(numerals.POINT)
        self.iso = np.zeros(self.n, bool)
        if not self.plain.done.all():
            self.iso = cells.iso(~self.plain.done)[1]
        rest = ~(self.plain.done | self.iso)
        self.tally = _tally(cells.factors_of(rest), rest)

    def decided(self, said: tuple[str, str] | None) -> tuple[ColumnSchema, list[Note]]:
        kind, form = said or (self._kind(), "")
        levels: tuple[str, ...] = ()
        if kind == NUMBER:
            form = form or _MARKS[self._mark()]
            self._say_padded()
        elif kind == DATE:
            form = form or self._order()
            self._say_years_and_zones()
        elif kind == CATEGORY:
            levels, form = self._levels(form)
        elif kind == CONSTANT:
            levels = self._levels("")[0]
        return ColumnSchema(self.name, kind, form, levels), self.notes

    def _kind(self) -> str:
        tally, plain = self.tally, self.plain
        present = self.n - tally.missing
        if not present or self._is_constant():
            return self._kind_of_texts()
        numbers = int(plain.done.sum()) + tally.numbers
        if numbers >= _SHARE * present:
            return self._kind_of_numbers(present)
        if int(self.iso.sum()) + tally.dates >= _SHARE * present:
            return DATE
        if 2 * numbers >= present:
            self.notes.append(
                Note(
                    f"{self.name!r}: {numbers:,} of {present:,} cells are numbers, too few to read "
                    f'it as one. If it is one, pass types={{"{self.name}": "number"}}.',
                    True,
                )
            )
        return self._kind_of_texts()

    def _kind_of_numbers(self, present: int) -> str:
        plain, tally = self.plain, self.tally
        if plain.done.sum() == present:
            widths = plain.width[plain.done]
            same = widths.min() == widths.max()
            if same and plain.padded.any() and plain.whole[plain.done].all():
                return self._kind_of_texts()
            if same and widths[0] == 8 and _words(self.name) & _DATE_WORDS:
                texts = self.cells.factors_of(plain.done).texts
                if all(dates.parse(text, dates.COMPACT) is not None for text in texts):
                    self.compact = True
                    return DATE
        large = plain.whole & (np.abs(plain.values) > numerals.EXACT)
        if 2 * (int(large.sum()) + tally.large) >= present:
            return ID
        if plain.whole.all() and _counts_rows(self.name, plain.values):
            return ID
        return NUMBER

    compact = False

    def _is_constant(self) -> bool:
        """Whether every row holds one text."""
        first = np.arange(self.n) < _FEW
        if self.n < 2 or len(self.cells.factors_of(first).texts) > 1:
            return False
        codes, texts, _ = self.cells.factors
        return len(texts) == 1 and bool((codes == 0).all())

    def _kind_of_texts(self) -> str:
        factors = self.cells.factors
        counts = factors.counts()
        keep = [
            i
            for i, (text, quoted) in enumerate(zip(factors.texts, factors.quoted, strict=True))
            if not is_no_text(text, quoted)
        ]
        texts = list({factors.texts[i]: None for i in keep})
        present, different = int(counts[keep].sum()), len(texts)
        if different == 0 or (different == 1 and present == self.n > 1):
            return CONSTANT
        wordy = 2 * sum(text.count(" ") >= 3 for text in texts) > different
        if different == present > 1 and _words(self.name) & _ID_WORDS and not wordy:
            return ID
        if 2 * different <= present or (present < _FEW and not wordy):
            return CATEGORY
        blanks = 2 * sum(" " in text for text in texts) > different
        return ID if different == present and not blanks else TEXT

    def _levels(self, form: str) -> tuple[tuple[str, ...], str]:
        """The levels in order, and whether they are booleans."""
        factors = self.cells.factors
        texts = {
            text: None
            for text, quoted in zip(factors.texts, factors.quoted, strict=True)
            if not is_no_text(text, quoted)
        }
        folded: dict[str, str] = {}
        for text in texts:
            folded.setdefault(text.lower(), text)
        for pair in _BOOLEANS:
            if set(folded) == set(pair):
                return tuple(folded[word] for word in pair), BOOLEAN
        if form == BOOLEAN:
            texts = dict.fromkeys(folded.values())
        numbers = {text: numerals.parse(text) for text in texts}
        if all(number is not None for number in numbers.values()):
            return tuple(sorted(texts, key=lambda text: (numbers[text], text))), form
        return tuple(sorted(texts)), form

    def _mark(self) -> str:
        """Which mark stands before decimals."""
        marks = self.tally.marks
        point, comma = marks[numerals.POINT] + self.plain.evident, marks[numerals.COMMA]
        if comma or point:
            if comma and point:
                self.notes.append(
                    Note(
                        f"{self.name!r}: {point:,} cells have a decimal point and {comma:,} a "
                        f"decimal comma; the more frequent is read.",
                        True,
                    )
                )
            return numerals.COMMA if comma > point else numerals.POINT
        if not marks["?"]:
            return numerals.POINT
        mark = numerals.COMMA if self.semicolons else numerals.POINT
        meaning = "decimals (1,234 is 1.234)" if self.semicolons else "thousands (1,234 is 1234)"
        other = next(form for form, one in numerals.FORMATS.items() if one != mark)
        self.notes.append(
            Note(
                f"{self.name!r}: commas stand before three digits throughout and are read as "
                f'{meaning}. If not, pass types={{"{self.name}": "number:{other}"}}.',
                True,
            )
        )
        return mark

    def _order(self) -> str:
        orders = self.tally.orders
        if self.compact or int(self.plain.done.sum()):
            return dates.COMPACT
        day, month, either = orders[dates.DAY_FIRST], orders[dates.MONTH_FIRST], orders["?"]
        if not (day or month or either):
            return ""
        order = dates.MONTH_FIRST if month > day else dates.DAY_FIRST
        other = dates.DAY_FIRST if month > day else dates.MONTH_FIRST
        first = "month" if month > day else "day"
        change = f'If not, pass types={{"{self.name}": "date:{other}"}}.'
        if either and not (day or month):
            self.notes.append(
                Note(
                    f"{self.name!r}: no date says whether the day or the month stands first; the "
                    f"day is read first. {change}",
                    True,
                )
            )
        elif day and month:
            self.notes.append(
                Note(
                    f"{self.name!r}: {day:,} dates have the day first, {month:,} the month; the "
                    f"{either:,} that could be either are read {first} first. {change}",
                    True,
                )
            )
        return order

    def _say_years_and_zones(self) -> None:
        if self.tally.short_years:
            self.notes.append(Note(f"{self.name!r}: years of two digits are read as 1969 to 2068."))
        if self.tally.zones:
            self.notes.append(Note(f"{self.name!r}: times of a zone are read as UTC."))

    def _say_padded(self) -> None:
        if self.plain.padded.any():
            row = int(np.argmax(self.plain.padded))
            padded = count(int(self.plain.padded.sum()), "number")
            self.notes.append(
                Note(
                    f"{self.name!r}: {padded} with a zero in front, the first in "
                    f"{self.cells.place(row)}; if they are labels, pass "
                    f'types={{"{self.name}": "category"}}.',
                    True,
                )
            )


def _tally(factors: Factors, rows: Array) -> _Tally:
    counts = factors.counts()
    missing = int((rows & (factors.codes < 0)).sum())
    numbers = found = large = short = zones = 0
    marks = dict.fromkeys([numerals.POINT, numerals.COMMA, "?", ""], 0)
    orders = dict.fromkeys([dates.DAY_FIRST, dates.MONTH_FIRST, "?", ""], 0)
    for text, cells in zip(factors.texts, counts.tolist(), strict=True):
        if not cells:
            continue
        if is_no_value(text):
            missing += cells
        elif numerals.parse(text) is not None or numerals.parse(text, numerals.COMMA) is not None:
            numbers += cells
            marks[numerals.evidence(text)] += cells
            large += cells * (numerals.is_whole(text) and abs(float(text)) > numerals.EXACT)
        elif dates.parse(text) is not None:
            found += cells
            orders[dates.evidence(text)] += cells
            short += cells * dates.has_short_year(text)
            zones += cells * dates.has_zone(text)
    return _Tally(missing, numbers, found, large, marks, orders, short, zones)
