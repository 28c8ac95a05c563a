"""The cells of one column as they came: text, or values whose type is known.

In: what a reader found. Out: what kinds.py and casts.py ask of it: the texts by distinct value
(`factors`), the cells that are plain numbers, read at once (`plain`), and where a cell stands
(`place`). `ByteCells` cuts its texts out of a file's bytes when they are asked for; most cells of
large files are plain numbers and never become Python objects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar, NamedTuple

import numpy as np

from pellucid.core import forks
from pellucid.core.errors import DataError
from pellucid.data import digits, distinct, numerals
from pellucid.data.digits import Plain
from pellucid.data.table import Note

Array = np.ndarray[Any, Any]
_FEW = 64  # cells below which one after the other is faster


class Columns(NamedTuple):
    """What a reader found: the cells of each column, how it read in words, and notes.

    `semicolons` says whether these stood between the cells.
    """

    cells: list[Any]
    how: str
    notes: list[Note]
    semicolons: bool = False


class Factors(NamedTuple):
    """Texts by distinct value: `texts[codes[i]]` is row i; a code of -1 is no cell at all.

    `quoted` says of each text whether it stood in quotes: such a one is no word for missing.
    """

    codes: Array
    texts: list[str]
    quoted: list[bool]

    def counts(self) -> Array:
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts))


def _row_place(row: int) -> str:
    return f"row {row}"


@dataclass(frozen=True)
class TextCells:
    """Cells as Python texts; None is no cell.

    `logical` says that they came as booleans, `labels` that they came as categories.
    """

    name: str
    texts: Sequence[str | None]
    quoted: Sequence[bool] | None = None
    placed: Callable[[int], str] = _row_place
    logical: bool = False
    labels: bool = False

    def __len__(self) -> int:
        return len(self.texts)

    def place(self, row: int) -> str:
        return self.placed(row)

    @forks.cached_property
    def factors(self) -> Factors:
        seen: dict[tuple[str, bool], int] = {}
        codes = np.full(len(self), -1, np.int64)
        for row, text in enumerate(self.texts):
            if text is not None:
                key = (text, self.quoted is not None and self.quoted[row])
                codes[row] = seen.setdefault(key, len(seen))
        return Factors(codes, [text for text, _ in seen], [quoted for _, quoted in seen])

    def factors_of(self, rows: Array) -> Factors:
        if rows.all():
            return self.factors
        codes, texts, quoted = self.factors
        codes = np.where(rows, codes, -1)
        used = np.unique(codes[codes >= 0])
        places = np.full(len(texts) + 1, -1, np.int64)  # the last one is for no cell
        places[used] = np.arange(len(used))
        kept = used.tolist()
        return Factors(places[codes], [texts[i] for i in kept], [quoted[i] for i in kept])

    @forks.cached_property
    def _packed(self) -> ByteCells:
        """The same texts one after the other in one piece; no cell begins with its quote."""
        parts = [(text or "").encode("utf-8", "surrogatepass") for text in self.texts]
        ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
        starts = np.concatenate([[0], ends[:-1]]) if len(parts) else ends
        return ByteCells(self.name, b"".join(parts) + b"\n", starts, ends, "\0")

    def plain(self, mark: str) -> Plain:
        return self._packed.plain(mark)

    def iso(self, among: Array | None = None) -> tuple[Array, Array]:
        return self._packed.iso(among)


@dataclass(frozen=True)
class ByteCells:
    """Cells as places in the UTF-8 bytes of a file: `[starts[i], ends[i])`, quotes included."""

    name: str
    raw: bytes
    starts: Array
    ends: Array
    quote: str
    logical: ClassVar[bool] = False
    labels: ClassVar[bool] = False

    def __len__(self) -> int:
        return len(self.starts)

    def place(self, row: int) -> str:
        return f"line {self.raw.count(10, 0, int(self.starts[row])) + 1}"

    @forks.cached_property
    def factors(self) -> Factors:
        return self._factors(np.ones(len(self), bool))

    def factors_of(self, rows: Array) -> Factors:
        """Those of the rows that are marked."""
        return self.factors if rows.all() else self._factors(rows)

    def _factors(self, rows: Array) -> Factors:
        raw, starts, ends = self.raw, self.starts[rows], self.ends[rows]
        codes = np.full(len(self), -1, np.int64)
        if len(starts) > _FEW and (ends - starts).max() <= distinct.WIDEST:
            codes[rows], first = distinct.numbered(raw, starts, ends - starts)
            spans = zip(starts[first].tolist(), ends[first].tolist(), strict=True)
            cells = [raw[start:end] for start, end in spans]
        else:
            seen = dict[bytes, int]()
            spans = zip(starts.tolist(), ends.tolist(), strict=True)
            found = (seen.setdefault(raw[start:end], len(seen)) for start, end in spans)
            codes[rows] = np.fromiter(found, np.int64, len(starts))
            cells = list(seen)
        quote = self.quote
        texts = [cell.decode("utf-8") for cell in cells]
        quoted = [text[:1] == quote for text in texts]
        return Factors(
            codes,
            [
                text[1:-1].replace(quote * 2, quote) if inside else text.strip()
                for text, inside in zip(texts, quoted, strict=True)
            ],
            quoted,
        )

    @forks.cached_property
    def _inside(self) -> tuple[Array, Array]:
        """Starts and lengths without the quotes."""
        view = np.frombuffer(self.raw, np.uint8)
        quoted = view.take(self.starts, mode="clip") == ord(self.quote)
        quoted &= self.ends > self.starts
        return self.starts + quoted, self.ends - self.starts - 2 * quoted

    def plain(self, mark: str) -> Plain:
        return self._points if mark == numerals.POINT else self._read(mark)

    @forks.cached_property
    def _points(self) -> Plain:
        return self._read(numerals.POINT)

    def _read(self, mark: str) -> Plain:
        view = np.frombuffer(self.raw, np.uint8)
        starts, lengths = self._inside
        return digits.plain_numbers(view, starts, lengths, ord(mark))

    def iso(self, among: Array | None = None) -> tuple[Array, Array]:
        """Cells in the form 2024-01-31 or 2024-01-31 12:30:00 as dates, and which these are.

        Args:
            among: the cells that are looked at; all where it is None.
        """
        view = np.frombuffer(self.raw, np.uint8)
        return digits.iso_dates(view, *self._inside, among)


@dataclass(frozen=True)
class JoinedCells:
    """The cells of one column in several files, one file after the other."""

    name: str
    parts: Sequence[TextCells | ByteCells]
    files: Sequence[str]
    labels: ClassVar[bool] = False

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @property
    def logical(self) -> bool:
        return all(part.logical for part in self.parts)

    @forks.cached_property
    def _borders(self) -> Array:
        return np.cumsum([0, *map(len, self.parts)])

    def place(self, row: int) -> str:
        part = int(np.searchsorted(self._borders, row, "right")) - 1
        return f"{self.files[part]}, {self.parts[part].place(row - int(self._borders[part]))}"

    @forks.cached_property
    def factors(self) -> Factors:
        return self.factors_of(np.ones(len(self), bool))

    def factors_of(self, rows: Array) -> Factors:
        seen: dict[tuple[str, bool], int] = {}
        codes = []
        for part, low in zip(self.parts, self._borders.tolist(), strict=False):
            own = part.factors_of(rows[low : low + len(part)])
            pairs = zip(own.texts, own.quoted, strict=True)
            common = np.array([*(seen.setdefault(pair, len(seen)) for pair in pairs), -1], np.int64)
            codes.append(common[own.codes])
        return Factors(
            np.concatenate(codes), [text for text, _ in seen], [quoted for _, quoted in seen]
        )

    def plain(self, mark: str) -> Plain:
        return digits.joined([part.plain(mark) for part in self.parts])

    def iso(self, among: Array | None = None) -> tuple[Array, Array]:
        found = []
        for part, low in zip(self.parts, self._borders.tolist(), strict=False):
            found.append(part.iso(None if among is None else among[low : low + len(part)]))
        return np.concatenate([one[0] for one in found]), np.concatenate([one[1] for one in found])


Cells = TextCells | ByteCells | JoinedCells


@dataclass(frozen=True)
class NumberCells:
    """Cells that came as numbers: float64 and a mask of those that are missing."""

    name: str
    values: Array
    missing: Array
    placed: Callable[[int], str] = _row_place

    def __len__(self) -> int:
        return len(self.values)

    def as_text(self) -> TextCells:
        pairs = zip(self.values.tolist(), self.missing.tolist(), strict=True)
        texts = [None if gone else numerals.shown(value) for value, gone in pairs]
        return TextCells(self.name, texts, [True] * len(texts), self.placed)


@dataclass(frozen=True)
class DateCells:
    """Cells that came as dates: datetime64[us], NaT where one is missing.

    `zoned` says that some were times of a zone; they stand in UTC.
    """

    name: str
    values: Array
    placed: Callable[[int], str] = _row_place
    zoned: bool = False

    def __len__(self) -> int:
        return len(self.values)

    def as_text(self) -> TextCells:
        texts = [
            None if text == "NaT" else text for text in np.datetime_as_string(self.values).tolist()
        ]
        return TextCells(self.name, texts, [True] * len(texts), self.placed)


AnyCells = Cells | NumberCells | DateCells


def of_objects(name: str, items: Sequence[Any]) -> AnyCells:
    """A column of Python objects: numbers, dates, texts, and None for what is missing."""
    kinds = {type(item) for item in items}
    kinds.discard(type(None))
    if (
        kinds
        and all(issubclass(kind, (float, int, np.number)) for kind in kinds)
        and bool not in kinds
    ):
        whole = all(issubclass(kind, (int, np.integer)) for kind in kinds)
        if not whole or all(item is None or abs(item) <= numerals.EXACT for item in items):
            return _numbers(name, items)
    if kinds and all(issubclass(kind, (date, np.datetime64)) for kind in kinds):
        moments = np.array([_moment(item) for item in items], "M8[us]")
        return DateCells(name, moments, zoned=any(map(_is_zoned, items)))
    texts = [_text(item) for item in items]
    return TextCells(name, texts, logical=bool(kinds) and kinds <= {bool, np.bool_})


def _numbers(name: str, items: Sequence[Any]) -> NumberCells:
    values = np.array([math.nan if item is None else _float(item) for item in items], np.float64)
    return NumberCells(name, values, np.isnan(values))


def _float(item: Any) -> float:
    try:
        return float(item)
    except OverflowError:
        return math.inf if item > 0 else -math.inf


def _is_zoned(item: Any) -> bool:
    return isinstance(item, datetime) and item.tzinfo is not None


def _moment(item: Any) -> Any:
    if _is_zoned(item):
        item = item.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64("NaT") if item is None else np.datetime64(item, "us")


def _text(item: Any) -> str | None:
    if item is None or (isinstance(item, float) and math.isnan(item)):
        return None
    if isinstance(item, (bool, np.bool_)):
        return "true" if item else "false"
    if isinstance(item, (float, np.floating)):
        return numerals.shown(float(item))
    try:
        return str(item)
    except ValueError as error:  # a whole number of thousands of digits
        raise DataError(
            "read_table", f"a cell must have a text, got one without: {error}"
        ) from None


def of_array(name: str, array: Array) -> AnyCells:
    """A column that is a NumPy array of one axis."""
    kind = array.dtype.kind
    if kind == "M":
        return DateCells(name, array.astype("M8[us]"))
    if kind == "b":
        return of_objects(name, array.tolist())
    if kind in "iu" and (np.abs(array.astype(np.float64)) > numerals.EXACT).any():
        return TextCells(name, list(map(str, array.tolist())))
    if kind in "iuf":
        values = array.astype(np.float64)
        return NumberCells(name, values, np.isnan(values))
    return of_objects(name, array.tolist())


def unique_names(given: Sequence[str], said: bool = True) -> tuple[list[str], list[Note]]:
    """`given` without empty names and without any twice: column_3, price, price_2."""
    names, notes, taken = list[str](), list[Note](), set(given)
    for place, name in enumerate(given, 1):
        new = name or f"column_{place}"
        count = 2
        while new in names or (new != name and new in taken):
            new = f"{name or f'column_{place}'}_{count}"
            count += 1
        if new != name and said:
            problem = f"{name!r} is there already" if name else "it has no name"
            notes.append(Note(f"Column {place} is called {new!r}: {problem}."))
        names.append(new)
    return names, notes
