"""The cells of one column as they came: text, or values whose type is known.

In: what a reader found. Out: what kinds.py and casts.py ask of it: the texts by distinct value
(`factors`), the cells that are plain numbers, read at once (`plain`), and where a cell stands
(`place`). `ByteCells` cuts its texts out of a file's bytes when they are asked for; most cells of
large files are plain numbers and never become Python objects.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import numpy as np

from pellucid.data import numerals
from pellucid.data.table import Note

Array = np.ndarray[Any, Any]
_CHUNK = 16_384  # rows at a time: their matrix of bytes stays in the cache
_WIDEST = 25  # bytes of a plain number; the digits of 19 fit 64 bits
_MOST_DIGITS = 19
# Where the processor's extended floats have 64 bits, a quotient of them rounds to the right float64
# unless it falls on the middle between two.
_EXTENDED = np.finfo(np.longdouble).nmant == 63 and np.dtype(np.longdouble).itemsize == 16
_ISO = {10: "dddd-dd-dd", 16: "dddd-dd-dd dd:dd", 19: "dddd-dd-dd dd:dd:dd"}


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


class Plain(NamedTuple):
    """Cells that are a sign, digits and a decimal mark, as numbers.

    Attributes:
        values: float64, right where `done`.
        done: which cells were read.
        whole: which of them have no decimal mark.
        evident: how many of them the other mark could not read.
        padded: which of them have a needless zero in front, as 007.
        width: bytes of each cell.
    """

    values: Array
    done: Array
    whole: Array
    evident: int
    padded: Array
    width: Array


def _row_place(row: int) -> str:
    return f"row {row}"


@dataclass(frozen=True)
class TextCells:
    """Cells as Python texts; None is no cell."""

    name: str
    texts: Sequence[str | None]
    quoted: Sequence[bool] | None = None
    placed: Callable[[int], str] = _row_place

    def __len__(self) -> int:
        return len(self.texts)

    def place(self, row: int) -> str:
        return self.placed(row)

    @functools.cached_property
    def factors(self) -> Factors:
        seen: dict[tuple[str, bool], int] = {}
        codes = np.full(len(self), -1, np.int64)
        for row, text in enumerate(self.texts):
            if text is not None:
                key = (text, self.quoted is not None and self.quoted[row])
                codes[row] = seen.setdefault(key, len(seen))
        return Factors(codes, [text for text, _ in seen], [quoted for _, quoted in seen])

    def factors_of(self, rows: Array) -> Factors:
        codes, texts, quoted = self.factors
        return Factors(np.where(rows, codes, -1), texts, quoted)

    @functools.cached_property
    def _packed(self) -> ByteCells:
        """The same texts one after the other in one piece; no cell begins with its quote."""
        parts = [(text or "").encode("utf-8", "surrogatepass") for text in self.texts]
        ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
        starts = np.concatenate([[0], ends[:-1]]) if len(parts) else ends
        return ByteCells(self.name, b"".join(parts) + b"\n", starts, ends, "\0")

    def plain(self, mark: str) -> Plain:
        return self._packed.plain(mark)

    def iso(self) -> tuple[Array, Array]:
        return self._packed.iso()


@dataclass(frozen=True)
class ByteCells:
    """Cells as places in the UTF-8 bytes of a file: `[starts[i], ends[i])`, quotes included."""

    name: str
    raw: bytes
    starts: Array
    ends: Array
    quote: str

    def __len__(self) -> int:
        return len(self.starts)

    def place(self, row: int) -> str:
        return f"line {self.raw.count(10, 0, int(self.starts[row])) + 1}"

    @functools.cached_property
    def factors(self) -> Factors:
        return self.factors_of(np.ones(len(self), bool))

    def factors_of(self, rows: Array) -> Factors:
        """Those of the rows that are marked."""
        raw, seen = self.raw, dict[bytes, int]()
        spans = zip(self.starts[rows].tolist(), self.ends[rows].tolist(), strict=True)
        found = (seen.setdefault(raw[start:end], len(seen)) for start, end in spans)
        codes = np.full(len(self), -1, np.int64)
        codes[rows] = np.fromiter(found, np.int64, int(rows.sum()))
        quote = self.quote
        texts = [cell.decode("utf-8") for cell in seen]
        quoted = [text[:1] == quote for text in texts]
        return Factors(
            codes,
            [
                text[1:-1].replace(quote * 2, quote) if inside else text.strip()
                for text, inside in zip(texts, quoted, strict=True)
            ],
            quoted,
        )

    @functools.cached_property
    def _inside(self) -> tuple[Array, Array]:
        """Starts and lengths without the quotes."""
        view = np.frombuffer(self.raw, np.uint8)
        quoted = view.take(self.starts, mode="clip") == ord(self.quote)
        quoted &= self.ends > self.starts
        return self.starts + quoted, self.ends - self.starts - 2 * quoted

    def _matrix(self, low: int, high: int, widest: int) -> tuple[Array, Array]:
        """The bytes of some rows, filled with blanks; and which of them fit into `widest`."""
        starts, lengths = (part[low:high] for part in self._inside)
        fits = lengths <= widest
        width = max(1, int(lengths[fits].max(initial=0)))
        places = np.arange(width)
        view = np.frombuffer(self.raw, np.uint8)
        found = view.take(starts[:, None] + places, mode="clip")
        found[places >= lengths[:, None]] = 32
        return found, fits

    def plain(self, mark: str) -> Plain:
        n = len(self)
        values, width = np.zeros(n), self._inside[1]
        done, whole, padded = (np.zeros(n, bool) for _ in range(3))
        evident = 0
        for low in range(0, n, _CHUNK):
            part = slice(low, min(low + _CHUNK, n))
            matrix, fits = self._matrix(part.start, part.stop, _WIDEST)
            read = _plain(matrix, width[part], ord(mark))
            values[part], done[part] = read.values, read.done & fits
            whole[part], padded[part] = read.whole, read.padded
            evident += read.evident
        return Plain(values, done, whole & done, evident, padded & done, width)

    def iso(self) -> tuple[Array, Array]:
        """Cells in the form 2024-01-31 or 2024-01-31 12:30:00 as dates, and which these are."""
        n = len(self)
        values, done = np.zeros(n, "M8[us]"), np.zeros(n, bool)
        width = self._inside[1]
        for low in range(0, n, _CHUNK):
            high = min(low + _CHUNK, n)
            matrix, _ = self._matrix(low, high, max(_ISO))
            for length, form in _ISO.items():
                rows = np.flatnonzero(width[low:high] == length)
                if len(rows):
                    rows = rows[_has_form(matrix[rows], form)]
                    text = np.ascontiguousarray(matrix[rows, :length]).view(f"S{length}").ravel()
                    try:
                        values[low + rows] = text.astype("M8[us]")
                        done[low + rows] = True
                    except ValueError:  # such as month 13: these go the slow way
                        continue
        return values, done


@dataclass(frozen=True)
class JoinedCells:
    """The cells of one column in several files, one file after the other."""

    name: str
    parts: Sequence[TextCells | ByteCells]
    labels: Sequence[str]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @functools.cached_property
    def _borders(self) -> Array:
        return np.cumsum([0, *map(len, self.parts)])

    def place(self, row: int) -> str:
        part = int(np.searchsorted(self._borders, row, "right")) - 1
        return f"{self.labels[part]}, {self.parts[part].place(row - int(self._borders[part]))}"

    @functools.cached_property
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
        found = [part.plain(mark) for part in self.parts]
        joined = {
            name: np.concatenate([getattr(one, name) for one in found])
            for name in ("values", "done", "whole", "padded", "width")
        }
        return Plain(evident=sum(one.evident for one in found), **joined)

    def iso(self) -> tuple[Array, Array]:
        found = [part.iso() for part in self.parts]
        return np.concatenate([one[0] for one in found]), np.concatenate([one[1] for one in found])


Cells = TextCells | ByteCells | JoinedCells


def _plain(matrix: Array, width: Array, mark: int) -> Plain:
    """Rows of bytes as numbers: one pass over the columns of the matrix.

    A quotient m / 10^d is right where m and 10^d are floats, since division rounds once.
    """
    n, columns = matrix.shape
    mantissa = np.zeros(n, np.uint64)
    digits, decimals, marks = (np.zeros(n, np.int64) for _ in range(3))
    good = width > 0
    first = matrix[:, 0]
    signed = (first == 43) | (first == 45)
    for k in range(columns):
        here = matrix[:, k]
        digit = here - np.uint8(48)
        is_digit = digit < 10
        is_mark = here == mark
        good &= is_digit | is_mark | (k >= width) | (signed if k == 0 else False)
        mantissa = np.where(is_digit, mantissa * np.uint64(10) + digit, mantissa)
        digits += is_digit
        decimals += is_digit & (marks > 0)
        marks += is_mark
    good &= (digits > 0) & (marks <= 1) & (digits <= _MOST_DIGITS)
    exact = (mantissa <= numerals.EXACT) & (decimals <= 22)
    values = mantissa.astype(np.float64) / 10.0**decimals
    slow = good & ~exact
    if _EXTENDED and slow.any():
        rows = np.flatnonzero(slow)
        quotient = mantissa[rows].astype(np.longdouble) / np.longdouble(10) ** decimals[rows]
        values[rows] = quotient
        low_bits = np.ascontiguousarray(quotient).view(np.uint64)[::2] & np.uint64(0x7FF)
        slow[rows] = low_bits == 0x400
    if slow.any():
        rows = np.flatnonzero(slow)
        text = matrix[rows]
        text[text == mark] = 46
        text = np.ascontiguousarray(text).view(f"S{columns}").ravel()
        values[rows] = np.abs(text.astype(np.float64))
    values = np.where(first == 45, -values, values)
    lead = np.where(signed & (columns > 1), matrix[:, min(1, columns - 1)], first)
    front = digits - decimals
    padded = good & (lead == 48) & (front > 1)
    whole = marks == 0
    other_reads = whole | ((decimals == 3) & (front >= 1) & (front <= 3) & (lead != 48))
    return Plain(values, good, whole, int((good & ~other_reads).sum()), padded, width)


def _has_form(matrix: Array, form: str) -> Array:
    good = np.ones(len(matrix), bool)
    for k, letter in enumerate(form):
        here = matrix[:, k]
        if letter == "d":
            good &= here - np.uint8(48) < 10
        elif letter == " ":
            good &= (here == 32) | (here == 84)
        else:
            good &= here == ord(letter)
    return good


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
    """Cells that came as dates: datetime64[us], NaT where one is missing."""

    name: str
    values: Array
    placed: Callable[[int], str] = _row_place

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
        return DateCells(name, np.array([_moment(item) for item in items], "M8[us]"))
    texts = [_text(item) for item in items]
    return TextCells(name, texts)


def _numbers(name: str, items: Sequence[Any]) -> NumberCells:
    values = np.array([math.nan if item is None else _float(item) for item in items], np.float64)
    return NumberCells(name, values, np.isnan(values))


def _float(item: Any) -> float:
    try:
        return float(item)
    except OverflowError:
        return math.inf if item > 0 else -math.inf


def _moment(item: Any) -> Any:
    if isinstance(item, datetime) and item.tzinfo is not None:
        item = item.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64("NaT") if item is None else np.datetime64(item, "us")


def _text(item: Any) -> str | None:
    if item is None or (isinstance(item, float) and math.isnan(item)):
        return None
    if isinstance(item, (bool, np.bool_)):
        return "true" if item else "false"
    if isinstance(item, (float, np.floating)):
        return numerals.shown(float(item))
    return str(item)


def of_array(name: str, array: Array) -> AnyCells:
    """A column that is a NumPy array of one axis."""
    kind = array.dtype.kind
    if kind == "M":
        return DateCells(name, array.astype("M8[us]"))
    if kind == "b":
        return TextCells(name, ["true" if item else "false" for item in array.tolist()])
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
