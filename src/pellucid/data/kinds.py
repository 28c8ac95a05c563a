"""What a column is: number, category, date, text, constant or id, from all of its cells.

In: the cells of the columns, and what a person said. Out: a `ColumnSchema` each, and notes where a
rule decided what could be meant otherwise. The rules, in order:

0. What came as a category, such as a Categorical of pandas or an ENUM of DuckDB, is one.
1. Nothing but missing cells, or one value in every row: constant.
2. Nine in ten present cells are numbers: number. Digits that all have one width and zeros in front
   (zip codes) are no numbers but labels; whole numbers that a float64 cannot hold are ids.
   All-different whole numbers are an id where the column's name says so or they count the rows.
3. Nine in ten are dates: date. Digits such as 20240131 are one where the column's name says so.
4. Otherwise text: a category where values repeat (at most half are different, or fewer than 20
   rows); all different without blanks: id; else text.

How its numbers and dates are written a column decides as a whole: see conventions.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.data import conventions, dates, numerals
from pellucid.data.casts import is_no_text, is_no_value
from pellucid.data.cells import AnyCells, Cells, DateCells, Factors, NumberCells
from pellucid.data.conventions import MARKS, File, Marks, Orders, mark_of, order_of
from pellucid.data.digits import Plain
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


Said = tuple[str, str]  # a kind and a format that a person decided; an empty one is found here


def infer(
    columns: Sequence[AnyCells], said: Mapping[str, Said], *, semicolons: bool = False
) -> tuple[list[ColumnSchema], list[Note]]:
    """What each column is, and what to say about it.

    Args:
        said: what a person decided, by column.
        semicolons: whether the cells come from a file that has them between its cells.
    """
    looked = [_looked(cells, said.get(cells.name)) for cells in columns]
    texts = [one for one in looked if isinstance(one, _Texts)]
    file = conventions.of_file(
        semicolons,
        [one.marks for one in texts if one.kind == NUMBER],
        [one.orders for one in texts if one.kind == DATE],
    )
    made = [one.decided(file) if isinstance(one, _Texts) else one for one in looked]
    zoned = [cells.name for cells in columns if isinstance(cells, DateCells) and cells.zoned]
    notes = [_zones(name) for name in zoned]
    return made, notes + [note for one in texts for note in one.notes]


def _looked(cells: AnyCells, said: Said | None) -> ColumnSchema | _Texts:
    if isinstance(cells, NumberCells):
        return _typed_numbers(cells, said)
    if isinstance(cells, DateCells):
        if said is None or said[0] == DATE:
            return ColumnSchema(cells.name, DATE)
        cells = cells.as_text()
    if cells.labels and said is None:
        said = (CATEGORY, "")
    return _Texts(cells, said)


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
            cells.name, kind, form or (dates.COMPACT if kind == DATE else MARKS["."])
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

    def __init__(self, cells: Cells, said: Said | None):
        self.cells, self.name, self.n = cells, cells.name, len(cells)
        self.notes: list[Note] = []
        self.plain: Plain = cells.plain(numerals.POINT)
        self.iso = np.zeros(self.n, bool)
        if not self.plain.done.all():
            self.iso = cells.iso(~self.plain.done)[1]
        rest = ~(self.plain.done | self.iso)
        self.tally = _tally(cells.factors_of(rest), rest)
        self.kind, self.form = said or (self._kind(), "")

    @property
    def marks(self) -> Marks:
        plain, found = self.plain, self.tally.marks
        either = int(plain.done.sum()) - int(plain.whole.sum()) - plain.evident
        return Marks(
            found[numerals.POINT] + plain.evident,
            found[numerals.COMMA],
            found["?."] + either,
            found["?,"],
        )

    @property
    def orders(self) -> Orders:
        found = self.tally.orders
        return Orders(found[dates.DAY_FIRST], found[dates.MONTH_FIRST], found["?"])

    def decided(self, file: File) -> ColumnSchema:
        kind, form = self.kind, self.form
        levels: tuple[str, ...] = ()
        if kind == NUMBER:
            self._say_padded()
            if not form:
                mark, said = mark_of(self.name, self.marks, file)
                form = MARKS[mark]
                self.notes += said
        elif kind == DATE:
            self._say_years_and_zones()
            if not form:
                form = self._order(file)
        elif kind == CATEGORY:
            levels, form = self._levels(form)
        elif kind == CONSTANT:
            levels = self._levels("")[0]
        logical = self.cells.logical and form == BOOLEAN
        return ColumnSchema(self.name, kind, form, levels, logical)

    def _order(self, file: File) -> str:
        digits = bool(self.plain.done.any())
        if self.compact or (digits and not self.tally.dates and not self.iso.any()):
            return dates.COMPACT
        order, said = order_of(self.name, self.orders, file)
        self.notes += said
        return order

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

    def _say_years_and_zones(self) -> None:
        if self.tally.short_years:
            self.notes.append(Note(f"{self.name!r}: years of two digits are read as 1969 to 2068."))
        if self.tally.zones:
            self.notes.append(_zones(self.name))

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


def _zones(name: str) -> Note:
    return Note(f"{name!r}: times of a zone are read as UTC.")


def _tally(factors: Factors, rows: Array) -> _Tally:
    """Counts of the texts of some rows.

    Where so many are neither that no share can matter, the rest is not looked at: sentences take
    long.
    """
    counts = factors.counts()
    missing = int((rows & (factors.codes < 0)).sum())
    numbers = found = large = short = zones = others = 0
    marks = dict.fromkeys([numerals.POINT, numerals.COMMA, "?.", "?,", ""], 0)
    orders = dict.fromkeys([dates.DAY_FIRST, dates.MONTH_FIRST, "?", ""], 0)
    for text, cells in zip(factors.texts, counts.tolist(), strict=True):
        if is_no_value(text):
            missing += cells
        elif numerals.parse(text) is not None or numerals.parse(text, numerals.COMMA) is not None:
            numbers += cells
            marks[numerals.evidence(text)] += cells
            large += cells * (numerals.is_whole(text) and abs(float(text)) > numerals.EXACT)
        elif others <= (1 - _SHARE) * len(rows) and dates.parse(text) is not None:
            found += cells
            orders[dates.evidence(text)] += cells
            short += cells * dates.has_short_year(text)
            zones += cells * dates.has_zone(text)
        else:
            others += cells
            if 2 * others > len(rows):
                break
    return _Tally(missing, numbers, found, large, marks, orders, short, zones)
