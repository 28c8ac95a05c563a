"""How a text file of a table is written: its encoding, delimiter, quotes, and where it begins.

In: a file's bytes, and what a person said. Out: its text as UTF-8 bytes with line feeds, a
`Dialect`, and notes on what was decided.

The rules. Encoding: a byte-order mark; NUL bytes in every other place (UTF-16); UTF-8 where all
bytes are; else Windows' Western one, which holds Latin-1, said. Delimiter: the candidate under
which most rows of the sample have one width, two or more; of equals the first of tab, ; | , and
blanks. Lines above the table that have no delimiter are left out, said.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from pellucid.core.errors import ArgumentError, DataError
from pellucid.data.table import Note

CANDIDATES = ("\t", ";", "|", ",", " ")
_NAMES = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", " ": "blanks"}
_SAMPLE = 2**18  # characters
_MOST_ROWS = 1_000
_MOST_ABOVE = 30  # lines that may stand above a table
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Dialect:
    """Attributes:
    delimiter: one character between cells; a blank stands for any number of them.
    quote: the character around cells that hold a delimiter, a line's end or a quote.
    escape: the character before a quote inside quotes; None where quotes are doubled.
    above: lines that stand above the table.
    """

    delimiter: str
    quote: str = '"'
    escape: str | None = None
    above: int = 0

    def __str__(self) -> str:
        return _NAMES.get(self.delimiter, repr(self.delimiter))


class Cell(NamedTuple):
    text: str
    quoted: bool


class Line(NamedTuple):
    """A row as it was cut: the number of its first line, and its cells."""

    number: int
    cells: list[Cell]


def decoded(where: str, data: bytes, encoding: str | None) -> tuple[bytes, list[Note]]:
    """`data` as UTF-8 with line feeds, without a byte-order mark.

    Raises:
        DataError: for bytes that are not of the encoding, and for NUL bytes.
        ArgumentError: for an encoding that Python does not know.
    """
    notes: list[Note] = []
    found = next(((mark, name) for mark, name in _BOMS if data.startswith(mark)), None)
    if encoding is not None:
        name = _known(where, encoding)
        data = data[len(found[0]) :] if found else data
    elif found is not None:
        data, name = data[len(found[0]) :], found[1]
    else:
        name = _wide(data) or "utf-8"
    if name == "utf-8":
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            if encoding is not None or found is not None or _has_wide_letters(data):
                raise _undecodable(where, data, error.start, "UTF-8") from None
            name = "cp1252"
            line = data.count(b"\n", 0, error.start) + 1
            notes.append(
                Note(
                    f"Not UTF-8 from line {line} on: read as Windows' Western encoding (Latin-1). "
                    f"If it is another one, pass encoding=.",
                    True,
                )
            )
    if name != "utf-8":
        try:
            text = data.decode(name)
        except UnicodeDecodeError as error:
            if name != "cp1252" or encoding is not None:
                raise _undecodable(where, data, error.start, name) from None
            text = data.decode("latin-1")
        data = text.encode("utf-8", "surrogatepass")
    if b"\0" in data:
        line, column = _position(data, data.index(b"\0"))
        raise DataError(
            where,
            f"a table must be text, got a NUL byte in line {line}, character {column}",
            "Write the file again: it is damaged, or no text.",
        )
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data, notes


def _known(where: str, encoding: object) -> str:
    try:
        name = codecs.lookup(encoding).name  # type: ignore[arg-type]
        b"".decode(name)
    except (LookupError, TypeError, ValueError):
        raise ArgumentError(
            where,
            f"encoding must be one that Python knows, got {encoding!r}",
            'Write "utf-8", "latin-1" or "utf-16".',
        ) from None
    return {"utf-8-sig": "utf-8"}.get(name, name)


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: of Western text every other byte is NUL."""
    sample = data[:4096]
    pairs = len(sample) // 2
    if pairs < 2 or not 0.7 * pairs <= sample.count(0) <= 1.1 * pairs:
        return None
    return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"


def _has_wide_letters(data: bytes) -> bool:
    """Whether letters of two bytes and more stand beside what is no UTF-8: one damaged place."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    return sum(letter > "\x7f" for letter in text) - bad > bad


def _undecodable(where: str, data: bytes, place: int, name: str) -> DataError:
    line, column = _position(data, place)
    return DataError(
        where,
        f"the file must be {name} throughout, got byte {data[place]:#04x} in line {line}, "
        f"character {column}",
        "Pass encoding= with the one it was written in, or mend that place.",
    )


def _position(data: bytes, place: int) -> tuple[int, int]:
    line = data.count(b"\n", 0, place) + 1
    start = data.rfind(b"\n", 0, place) + 1
    return line, len(data[start:place].decode("utf-8", "replace")) + 1


def sniffed(where: str, raw: bytes, delimiter: str | None) -> tuple[Dialect, list[Note]]:
    """The dialect of a table's bytes, see above."""
    sample = raw[:_SAMPLE].decode("utf-8", "ignore")
    notes: list[Note] = []
    told = re.match(r"sep=(.)\r?\n", sample)
    if told is not None:
        delimiter = delimiter or told[1]
    quote = '"'
    if '"' not in sample and len(re.findall(r"(?:^|[,;|\t])'[^'\n]*'(?=[,;|\t\r\n])", sample)) > 3:
        quote = "'"
    inner = len(re.findall(rf"[^\\]\\{quote}(?![,;|\t\r\n])", sample))
    escape = "\\" if inner and not re.search(rf"[^,;|\t\n{quote}]{quote}{quote}", sample) else None
    complete = len(raw) <= _SAMPLE
    best: tuple[float, Dialect, list[int]] | None = None
    for candidate in [delimiter] if delimiter else CANDIDATES:
        dialect = Dialect(candidate, quote, escape)
        lines = cut(sample, dialect, limit=_MOST_ROWS, lenient=True)
        if not complete and len(lines) < _MOST_ROWS:
            lines = lines[:-1] or lines
        widths = [len(line.cells) for line in lines if line.cells != [Cell("", False)]]
        width, _ = _usual(widths)
        share = widths.count(width) / max(1, len(widths)) if width > 1 else 0.0
        even = set(widths[1:]) == {width} and widths[0] in (width, width - 1)
        if candidate == " " and not even and delimiter is None:
            continue  # else a column of sentences would be many
        if best is None or share > best[0] + 1e-9:
            best = (share, dialect, widths)
    assert best is not None
    share, dialect, widths = best
    if share == 0.0 and delimiter is None:
        dialect = Dialect(",", quote, escape)
    above = 1 if told else 0
    if share > 0.0 and not told:
        above = _above(sample, dialect)
        if above:
            lines_above = "a line" if above == 1 else f"{above} lines"
            notes.append(Note(f"Left out {lines_above} above the table."))
    return Dialect(dialect.delimiter, quote, escape, above), notes


def _usual(widths: list[int]) -> tuple[int, int]:
    """The most frequent width; of equally frequent ones the larger."""
    counts = Counter(widths)
    return max(((w, c) for w, c in counts.items()), key=lambda p: (p[1], p[0]), default=(1, 0))


def _above(sample: str, dialect: Dialect) -> int:
    """Lines before the first row: without a delimiter, where rows have one, or comments."""
    lines = cut(sample, dialect, limit=_MOST_ROWS, lenient=True)
    width, count = _usual([len(line.cells) for line in lines])
    if count < 2 and len(lines) > 2:
        return 0
    for line in lines[:_MOST_ABOVE]:
        text = line.cells[0].text
        narrow = len([cell for cell in line.cells if cell.text]) <= 1 and width > 1
        comment = text.startswith("# ") or (text.startswith("#") and len(line.cells) != width)
        if not (comment or (narrow and len(line.cells) < width)):
            return line.number - 1
    return 0


def cut(
    text: str,
    dialect: Dialect,
    *,
    limit: int | None = None,
    lenient: bool = False,
    where: str = "",
    first: int = 1,
) -> list[Line]:
    """A table's text cut into cells, letter by letter where there are quotes.

    A quote inside a cell that does not begin with one is a letter, as in 5" pipe. Inside quotes a
    quote that neither ends the cell nor is doubled is a letter too, but only on the cell's first
    line: over lines it would swallow rows.

    Args:
        limit: rows at most.
        first: the number of the text's first line.
        lenient: whether a quote that is never closed ends with the text: that of a sample.

    Raises:
        DataError: for a quote that is not closed; names the line and column where it opens.
    """
    delimiter, quote = dialect.delimiter, dialect.quote
    blanks = delimiter == " "
    if not blanks and quote not in text:
        return _split(text, delimiter, limit, first)
    stop = re.compile(rf"[{re.escape(delimiter)}\n]")
    space = re.compile(r"[ \t]*" if delimiter != "\t" else r" *")
    lines: list[Line] = []
    place, number, size = 0, first, len(text)
    while place < size and (limit is None or len(lines) < limit):
        began, cells = number, list[Cell]()
        while True:
            begin = space.match(text, place).end()  # type: ignore[union-attr]
            if text.startswith(quote, begin):
                value, place, more = _quoted(
                    text, begin, dialect, lenient, where, number, len(cells) + 1
                )
                number += more
                cells.append(Cell(value, True))
            else:
                if blanks:
                    place = begin
                found = stop.search(text, place)
                end = size if found is None else found.start()
                cells.append(Cell(text[place:end].strip(), False))
                place = end
            if blanks:
                place = space.match(text, place).end()  # type: ignore[union-attr]
                if place < size and text[place] not in "\r\n":
                    continue
            if place < size and text[place] == delimiter:
                place += 1
                continue
            break
        place = place + 2 if text.startswith("\r\n", place) else place + 1
        lines.append(Line(began, cells))
        number += 1
    return lines


def _split(text: str, delimiter: str, limit: int | None, first: int) -> list[Line]:
    """`cut` of a text without quotes."""
    rows = text.split("\n", -1 if limit is None else limit)
    if (limit is not None and len(rows) > limit) or not rows[-1]:
        rows.pop()
    return [
        Line(number, [Cell(cell.strip(), False) for cell in row.split(delimiter)])
        for number, row in enumerate(rows, first)
    ]


def _quoted(
    text: str, begin: int, dialect: Dialect, lenient: bool, where: str, line: int, column: int
) -> tuple[str, int, int]:
    """The cell whose quote opens at `begin`, where it ends, and the line feeds in it."""
    quote, escape, size = dialect.quote, dialect.escape, len(text)
    ends = re.compile(rf"[ \t]*(?:[{re.escape(dialect.delimiter)}\n]|\r\n|\Z)")
    parts, start, place = list[str](), begin + 1, begin + 1
    stray = broken = False  # a quote that is a letter; a line feed
    while True:
        found = text.find(quote, place)
        broken = broken or text.find("\n", place, max(found, place)) >= 0
        if found < 0:
            if not lenient:
                raise _unclosed(where, line, column)
            return "".join(parts) + text[start:], size, text.count("\n", begin, size)
        if escape and text[found - 1] == escape and found > start:
            parts.append(text[start : found - 1] + quote)
            start = place = found + 1
        elif text.startswith(quote, found + 1) and escape is None:
            parts.append(text[start:found] + quote)
            start = place = found + 2
        elif ends.match(text, found + 1):
            value = "".join(parts) + text[start:found]
            if stray and broken and not lenient:
                raise _unclosed(where, line, column)
            after = re.compile(r"[ \t]*" if dialect.delimiter != "\t" else " *")
            end = after.match(text, found + 1).end()  # type: ignore[union-attr]
            return value, end if dialect.delimiter != " " else found + 1, value.count("\n")
        else:
            if broken and not lenient:
                raise _unclosed(where, line, column)
            stray = True
            place = found + 1


def _unclosed(where: str, line: int, column: int) -> DataError:
    return DataError(
        where,
        f"each quote must be closed, got one that stays open from line {line}, column {column}",
        "Close it, or write quotes inside a cell twice.",
    )
