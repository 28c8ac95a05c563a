"""A delimited text file as columns of cells: CSV, TSV and their kin.

In: UTF-8 bytes and a dialect. Out: names and cells, all as text, and notes.

Where every quote is where it belongs, cells are places in the bytes, found at once for the whole
file (`_places`); else the text is cut letter by letter (`dialect.cut`). Both give the same cells.

A row with too few cells is filled with missing ones, counted and said. One with more cells than
there are columns is an error, except where the extra ones are empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.core.errors import DataError
from pellucid.data import dates, numerals
from pellucid.data.casts import is_no_value
from pellucid.data.cells import ByteCells, Cells, Columns, TextCells, unique_names
from pellucid.data.dialect import Cell, Dialect, cut, decoded, sniffed
from pellucid.data.table import Note

Array = np.ndarray[Any, Any]
_BLOCK = 1 << 18  # bytes at a time: what is computed of them stays in the cache
_ROWS = 2048
_SAMPLE = 200  # rows that are looked at for a header


class _Grid(NamedTuple):
    """Rows of cells, before it is known which of them is the header.

    Attributes:
        head: the cells of the first rows.
        width: columns.
        column: makes the cells of a column from its number, its name and the first row.
        short: line and width of the first rows with too few cells.
        shorts: how many there are.
        blank: blank lines between rows.
    """

    head: list[list[Cell]]
    rows: int
    width: int
    column: Any
    short: list[tuple[int, int]]
    shorts: int
    blank: int


def read_delimited(
    where: str,
    data: bytes,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    expected: Sequence[str] | None = None,
) -> Columns:
    """The columns of a delimited file.

    Args:
        expected: names that the columns should have: a first row that holds one is the header.

    Raises:
        DataError: for a file without rows, a row that is too long, a quote that is not closed, NUL
            bytes, or bytes that are not of the encoding.
    """
    raw, notes = decoded(where, data, encoding)
    if not raw or raw.isspace():
        raise DataError(where, "a table must have rows, got an empty file")
    dialect, said = sniffed(where, raw, delimiter)
    notes += said
    if not raw.endswith(b"\n"):
        raw += b"\n"
    grid = _places(where, raw, dialect) or _letters(where, raw, dialect)
    has_names, reason = (header, "") if header is not None else _has_header(grid)
    if header is None and expected is not None:
        has_names = any(cell.text in expected for cell in grid.head[0])
        reason = ""
    names, said = _names(grid, has_names)
    notes += said
    if reason:
        notes.append(Note(reason, True))
    if grid.blank:
        notes.append(Note(f"Left out {grid.blank:,} blank line{'s' * (grid.blank > 1)}."))
    notes += _short_rows(where, grid, has_names)
    if grid.rows - has_names == 0:
        raise DataError(
            where,
            "a table must have rows, got names of columns alone",
            "Pass header=False if the first row is one." if header is None else "",
        )
    cells = [grid.column(j, name, int(has_names)) for j, name in enumerate(names)]
    how = f"{dialect} between cells, " + ("names in the first row" if has_names else "no names")
    return Columns(cells, how, notes, dialect.delimiter == ";")


def _places(where: str, raw: bytes, dialect: Dialect) -> _Grid | None:
    """Rows by arrays of places; None where quotes are not all where they belong."""
    if dialect.escape or dialect.delimiter == " " or len(dialect.delimiter.encode()) > 1:
        return None
    found = _bounds(raw, dialect)
    if found is None:
        return None
    starts, ends, first, widths, blank = found
    head = [
        [_cell(raw, starts[i], ends[i], dialect.quote) for i in range(low, low + width)]
        for low, width in zip(first[:_SAMPLE].tolist(), widths[:_SAMPLE].tolist(), strict=True)
    ]
    width = _width([len(row) for row in head], head)
    if len(starts) == len(first) * width and (widths == width).all():
        starts, ends = starts.reshape(-1, width), ends.reshape(-1, width)
    else:
        _refuse_long(where, raw, starts, ends, first, widths, width)
        starts, ends = _filled(starts, ends, first, widths, width)
    rows = np.flatnonzero(widths < width)
    named = [
        (raw.count(b"\n", 0, int(starts[row, 0])) + 1, int(widths[row]))
        for row in rows[:5].tolist()
    ]
    starts, ends = _by_column(starts), _by_column(ends)

    def column(j: int, name: str, skip: int) -> Cells:
        return ByteCells(name, raw, starts[j, skip:], ends[j, skip:], dialect.quote)

    return _Grid(head, len(first), width, column, named, len(rows), blank)


def _by_column(cells: Array) -> Array:
    """The transpose as an array of its own, some rows at a time: these stay in the cache."""
    found = np.empty(cells.shape[::-1], cells.dtype)
    for low in range(0, len(cells), _ROWS):
        found[:, low : low + _ROWS] = cells[low : low + _ROWS].T
    return found


def _filled(
    starts: Array, ends: Array, first: Array, widths: Array, width: int
) -> tuple[Array, Array]:
    """The bounds as rows of equal width: what lacks is an empty cell at the row's end."""
    index = np.minimum(first[:, None] + np.arange(width), len(starts) - 1)
    inside = np.arange(width) < widths[:, None]
    row_end = ends[first + widths - 1][:, None]
    return np.where(inside, starts[index], row_end), np.where(inside, ends[index], row_end)


def _bounds(raw: bytes, dialect: Dialect) -> tuple[Array, Array, Array, Array, int] | None:
    """Start and end of each cell; of each row its first cell and its width; blank lines."""
    begin = 0
    for _ in range(dialect.above):
        begin = raw.index(b"\n", begin) + 1
    view = np.frombuffer(raw, np.uint8)
    body = view[begin:]
    delimiter, quote = ord(dialect.delimiter), ord(dialect.quote)
    stops = _stops(view, begin, delimiter)
    quotes = np.flatnonzero(body == quote) + begin if dialect.quote.encode() in raw else stops[:0]
    if len(quotes):
        stops = stops[np.searchsorted(quotes, stops) % 2 == 0]
        if not _well_quoted(view, quotes, begin, delimiter):
            return None
    starts = np.empty_like(stops)
    starts[0] = begin
    np.add(stops[:-1], 1, out=starts[1:])
    last = np.flatnonzero(view[stops] == 10)  # of each row, its last cell
    ends = stops.copy()
    at = stops[last]
    ends[last] -= (at > starts[last]) & (view[at - 1] == 13)
    first = np.concatenate([[0], last[:-1] + 1])
    alone = np.flatnonzero(first == last)
    alone = alone[(starts[last[alone]] == ends[last[alone]]) | (view[starts[last[alone]]] <= 32)]
    rows = [row for row in alone.tolist() if not raw[starts[last[row]] : ends[last[row]]].strip()]
    kept = np.ones(len(first), bool)
    kept[rows] = False
    blank = int(np.sum(np.asarray(rows) < np.flatnonzero(kept).max(initial=0))) if rows else 0
    return starts, ends, first[kept], (last - first + 1)[kept], blank


def _stops(view: Array, begin: int, delimiter: int) -> Array:
    """Where cells may end: delimiters and line feeds from `begin` on."""
    kind = np.int32 if len(view) < 2**31 else np.int64  # half the memory, where it holds the places
    found = []
    for low in range(begin, len(view), _BLOCK):
        block = view[low : low + _BLOCK]
        is_stop = block == delimiter
        is_stop |= block == 10
        found.append((np.flatnonzero(is_stop) + low).astype(kind))
    return np.concatenate(found)


def _well_quoted(view: Array, quotes: Array, begin: int, delimiter: int) -> bool:
    """Whether quotes open at a cell's start and close at its end, and are doubled inside."""
    if len(quotes) % 2:
        return False
    opens, closes = quotes[::2], quotes[1::2]
    before, after = view[opens - 1], view[np.minimum(closes + 1, len(view) - 1)]
    doubled = np.zeros(len(opens), bool)
    doubled[1:] = opens[1:] == closes[:-1] + 1
    starts = (opens == begin) | (before == delimiter) | (before == 10)
    if not (starts | doubled).all():
        return False
    carriage = (after == 13) & (view[np.minimum(closes + 2, len(view) - 1)] == 10)
    ends = (after == delimiter) | (after == 10) | carriage
    ends[:-1] |= doubled[1:]
    return bool(ends.all())


def _cell(raw: bytes, start: int, end: int, quote: str) -> Cell:
    text = raw[start:end].decode("utf-8")
    if text[:1] == quote:
        return Cell(text[1:-1].replace(quote * 2, quote), True)
    return Cell(text.strip(), False)


def _width(widths: Sequence[int], head: list[list[Cell]]) -> int:
    """Columns: cells of the first row, without empty ones at its end that no other row has."""
    first = widths[0]
    usual = max(set(widths[1:] or widths), key=lambda width: (widths.count(width), width))
    if first > usual and all(not cell.text for cell in head[0][usual:]):
        return usual
    named = any(row[-1].text for row in head[1:])
    if first == usual - 1 and named and all(len(row) == usual for row in head[1:]):
        return usual  # the names of a table whose first column, the names of rows, has none
    return max(first, 1)


def _refuse_long(
    where: str, raw: bytes, starts: Array, ends: Array, first: Array, widths: Array, width: int
) -> None:
    for row in np.flatnonzero(widths > width).tolist():
        cells = range(first[row] + width, first[row] + widths[row])
        extra = next((i for i in cells if raw[starts[i] : ends[i]].strip()), None)
        if extra is not None:
            line = raw.count(b"\n", 0, int(starts[extra])) + 1
            text = raw[starts[extra] : ends[extra]].decode("utf-8")
            raise _too_long(where, line, width, int(widths[row]), text)


def _too_long(where: str, line: int, width: int, got: int, text: str) -> DataError:
    return DataError(
        where,
        f"each row must have at most {width} cells, as the first one, got {got} in line {line}: "
        f"column {width + 1} holds {text[:40]!r}",
        "Put quotes around cells that hold the delimiter, or pass delimiter=.",
    )


def _letters(where: str, raw: bytes, dialect: Dialect) -> _Grid:
    """Rows cut letter by letter."""
    text = raw.decode("utf-8")
    begin = 0
    for _ in range(dialect.above):
        begin = text.index("\n", begin) + 1
    found = cut(text[begin:], dialect, where=where, first=dialect.above + 1)
    filled = [i for i, line in enumerate(found) if line.cells != [Cell("", False)]]
    lines = [found[i] for i in filled]
    blank = filled[-1] + 1 - len(filled) if filled else 0
    head = [line.cells for line in lines[:_SAMPLE]]
    width = _width([len(row) for row in head], head)
    short = []
    for line in lines:
        extra = next((cell for cell in line.cells[width:] if cell.text), None)
        if extra is not None:
            raise _too_long(where, line.number, width, len(line.cells), extra.text)
        if len(line.cells) < width:
            short.append((line.number, len(line.cells)))

    def column(j: int, name: str, skip: int) -> Cells:
        empty = Cell("", False)
        cells = [line.cells[j] if j < len(line.cells) else empty for line in lines[skip:]]
        numbers = [line.number for line in lines[skip:]]
        return TextCells(
            name,
            [cell.text for cell in cells],
            [cell.quoted for cell in cells],
            lambda row: f"line {numbers[row]}",
        )

    return _Grid(head, len(lines), width, column, short, len(short), blank)


def _short_rows(where: str, grid: _Grid, has_names: bool) -> list[Note]:
    of_names = has_names and len(grid.head[0]) < grid.width
    count, short = grid.shorts - of_names, grid.short[of_names:]
    if not count:
        return []
    line, got = short[0]
    if 2 * count > grid.rows:
        raise DataError(
            where,
            f"rows must have {grid.width} cells, as the first one, got {got} in line {line}, and "
            f"fewer in {count:,} of {grid.rows:,} rows",
            "Pass delimiter= if it is another one, or take out the lines of another table.",
        )
    rows = "A row has" if count == 1 else f"{count:,} rows have"
    return [
        Note(
            f"{rows} fewer than {grid.width} cells (the first: line {line}, {got}); what lacks "
            f"counts as missing.",
            True,
        )
    ]


def _is_value(text: str) -> bool:
    return (
        numerals.parse(text) is not None
        or numerals.parse(text, numerals.COMMA) is not None
        or dates.parse(text) is not None
    )


def _has_header(grid: _Grid) -> tuple[bool, str]:
    """Whether the first row holds names, and what to say where that is a guess.

    A column whose first cell is text above numbers or dates says yes, one with a number above
    numbers no (but years as names, above what are no years, say yes). Where no column says
    anything the first row is names if its texts differ and none comes again below it.
    """
    first, below = grid.head[0], grid.head[1:]
    yes = no = 0
    for j, cell in enumerate(first):
        texts = [row[j].text for row in below if j < len(row) and not is_no_value(row[j].text)]
        values = sum(map(_is_value, texts))
        if is_no_value(cell.text) or not texts or values < 0.9 * len(texts):
            no += bool(texts) and _is_value(cell.text) and not _is_year(cell.text)
        elif not _is_value(cell.text) or (_is_year(cell.text) and not all(map(_is_year, texts))):
            yes += 1
        else:
            no += 1
    if yes or no:
        return yes >= no and yes > 0, ""
    names = [cell.text for cell in first]
    again = any(
        cell.text and cell.text in {row[j].text for row in below if j < len(row)}
        for j, cell in enumerate(first)
    )
    if len(first) < grid.width or not below:
        return True, ""
    if len(set(names)) == len(names) and not again and sum(map(bool, names)) >= len(names) - 1:
        return True, "All cells are text; the first row is read as names. If not, header=False."
    return (
        False,
        "All cells are text; the first row is read as cells. If it has names, header=True.",
    )


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isascii() and text.isdigit() and 1900 <= int(text) <= 2100


def _names(grid: _Grid, has_names: bool) -> tuple[list[str], list[Note]]:
    """Names that differ, and notes on those that were made."""
    given = [cell.text.strip() for cell in grid.head[0][: grid.width]] if has_names else []
    given = ["row"] * (len(given) == grid.width - 1 and has_names) + given
    given += [""] * (grid.width - len(given))
    return unique_names(given, has_names)
