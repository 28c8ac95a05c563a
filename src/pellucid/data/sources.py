"""What a table can be read from: files by their content, folders, queries, frames and dicts.

In: whatever a person calls a table. Out: columns of cells (`cells.Columns`), by the reader that the
source needs. Frames of other packages are known by what they have; none is imported.
"""

from __future__ import annotations

import glob
import gzip
import json
import os
import stat
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.core.files import as_path
from pellucid.data import engine
from pellucid.data.cells import (
    AnyCells,
    Columns,
    DateCells,
    JoinedCells,
    NumberCells,
    TextCells,
    of_array,
    of_objects,
    unique_names,
)
from pellucid.data.delimited import read_delimited
from pellucid.data.frames import columns_of, is_frame
from pellucid.data.schema import CATEGORY, DATE, NUMBER
from pellucid.data.table import Note, Table

WHERE = "read_table"
_BYTES_OF_TEXT = 8  # of a cell with what stands behind it
_DATABASES = (".duckdb", ".db", ".ddb", ".sqlite", ".sqlite3")
_FOREIGN = (
    (b"PK\x03\x04", "an Excel or zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
    (b"%PDF", "a PDF"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"ARROW1", "an Arrow file"),
)


_NO_CELLS = (list, dict, tuple, set, bytes, complex)
_REMEDIES = {
    "bytes": 'Make text of it: cell.decode("utf-8").',
    "complex": "Make two columns of it: cell.real and cell.imag.",
}


class Options(NamedTuple):
    """How text files are read, where a person says so."""

    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    database: Any = None
    expected: Sequence[str] | None = None


def columns(source: Any, options: Options) -> tuple[Columns, str]:
    """The columns of a source, and what it is in words.

    Raises:
        DataError: where the source cannot be read; ArgumentError: where it is no source.
    """
    if isinstance(source, Table):
        return _again(source), source.source
    if isinstance(source, str) and engine.is_query(source):
        path = None if options.database is None else as_path(WHERE, options.database)
        return engine.read_query(f"{WHERE} query", source, path), "query"
    if options.database is not None:
        raise ArgumentError(
            WHERE,
            f"database goes with a query, got {source!r}",
            'Write read_table("SELECT * FROM …", database=path).',
        )
    if isinstance(source, (str, os.PathLike)):
        return _files(as_path(WHERE, source), options)
    found = _in_memory(source)
    if not found.cells:
        raise DataError(WHERE, "a table must have columns, got none")
    lengths = {len(cells) for cells in found.cells}
    if len(lengths) > 1:
        shown = ", ".join(f"{cells.name!r}: {len(cells)}" for cells in found.cells[:6])
        raise DataError(WHERE, f"columns must have equally many rows, got {shown}")
    return found, found.how


def _files(path: Path, options: Options) -> tuple[Columns, str]:
    return _several(files(path), options), path.name


def files(path: Path) -> list[Path]:
    """The files that a path, a glob or a folder stands for."""
    if not path.exists() and glob.has_magic(str(path)):
        paths = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
        paths = [one for one in paths if one.is_file()]
        if not paths:
            raise DataError(WHERE, f"files must match {str(path)!r}, got none", "Check the path.")
        return paths
    if path.is_dir():
        paths = [one for one in sorted(path.rglob("*")) if _is_visible_file(one, path)]
        parquet = [one for one in paths if one.suffix in (".parquet", ".pq")]
        chosen = parquet or [one for one in paths if one.suffix in (".csv", ".tsv", ".jsonl")]
        if not chosen:
            raise DataError(
                f'{WHERE} "{path.name}"',
                "a folder must hold Parquet, CSV or JSON lines files, got none",
                "Check the path.",
            )
        return chosen
    return [path]


def cells_in(source: Any) -> int | None:
    """About how many cells a source on disk holds; None where it is in memory, or cannot be read.

    Of text the size of the files says it: a cell has some eight bytes.
    """
    try:
        if isinstance(source, str) and engine.is_query(source):
            return engine.scan_query(WHERE, source, None).cells()
        if not isinstance(source, (str, os.PathLike)):
            return None
        found = files(as_path(WHERE, source))
        if all(start_of(path)[:4] == b"PAR1" for path in found):
            return engine.scan_parquet(WHERE, found, "").cells()
        if len(found) == 1 and start_of(found[0])[8:12] == b"DUCK":
            return engine.scan_database(WHERE, found[0]).cells()
        return sum(path.stat().st_size for path in found) // _BYTES_OF_TEXT
    except (PellucidError, OSError):  # the reader says what is wrong
        return None


def _is_visible_file(path: Path, root: Path) -> bool:
    inner = path.relative_to(root).parts
    return path.is_file() and not any(part[0] in "._" for part in inner)


def _several(paths: list[Path], options: Options) -> Columns:
    """Files of equal columns, one after the other."""
    if len(paths) == 1:
        return _file(paths[0], options)
    if all(start_of(path)[:4] == b"PAR1" for path in paths):
        return engine.read_parquet(WHERE, paths)
    found = [_file(path, options) for path in paths]
    names = [cells.name for cells in found[0].cells]
    for path, one in zip(paths[1:], found[1:], strict=True):
        own = [cells.name for cells in one.cells]
        if sorted(own) != sorted(names):
            raise DataError(
                f'{WHERE} "{path.name}"',
                f"files must have the columns of the first one, {', '.join(map(repr, names[:8]))}, "
                f"got {', '.join(map(repr, own[:8]))}",
            )
    joined = []
    for name in names:
        parts = [next(cells for cells in one.cells if cells.name == name) for one in found]
        texts = [
            part.as_text() if isinstance(part, (NumberCells, DateCells)) else part for part in parts
        ]
        joined.append(JoinedCells(name, texts, [path.name for path in paths]))
    notes = list(dict.fromkeys(note for one in found for note in one.notes))
    how = f"{found[0].how}, {len(paths):,} files"
    return Columns(joined, how, notes, found[0].semicolons)


def start_of(path: Path) -> bytes:
    """The first bytes of a file, which say what it is."""
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError as error:
        raise DataError(f'{WHERE} "{path.name}"', f"it cannot be read: {error.strerror}") from None


def _file(path: Path, options: Options) -> Columns:
    where = f'{WHERE} "{path.name}"'
    try:
        state = path.stat()
    except OSError as error:
        raise DataError(
            where, f"there is no such file: {error.strerror}", "Check the path."
        ) from None
    if not stat.S_ISREG(state.st_mode):
        raise DataError(where, "the path must name a file or a folder, got a pipe or a device")
    start = start_of(path)
    if start.startswith(b"PAR1"):
        return engine.read_parquet(where, [path])
    if start.startswith(engine.SQLITE) or start[8:12] == b"DUCK":
        return engine.read_database(where, path)
    if path.suffix.lower() in _DATABASES:
        raise DataError(where, "the file must be a database, got one that is none")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(where, f"it cannot be read: {error.strerror}") from None
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(where, f"it cannot be unpacked: {error}") from None
    for mark, what in _FOREIGN:
        if data.lstrip()[: len(mark)].lower() == mark.lower():
            raise DataError(where, f"the file must be a table, got {what}", "Save it as CSV.")
    first = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if first == b"{" or (first == b"[" and path.suffix.lower() in (".json", ".jsonl", ".ndjson")):
        return _json(where, data, first == b"[")
    return read_delimited(
        where,
        data,
        encoding=options.encoding,
        delimiter=options.delimiter,
        header=options.header,
        expected=options.expected,
    )


def _json(where: str, data: bytes, is_list: bool) -> Columns:
    """JSON lines, or one list of objects."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            where, f"JSON must be UTF-8, got a byte that is not in line {line}"
        ) from None
    rows, numbers = [], []
    pieces = [(1, text)] if is_list else enumerate(text.split("\n"), 1)
    for number, piece in pieces:
        if not piece.strip():
            continue
        try:
            found = json.loads(piece)
        except (ValueError, RecursionError) as error:
            line = number + getattr(error, "lineno", 1) - 1
            column = getattr(error, "colno", 1)
            deep = isinstance(error, RecursionError)
            problem = "nested too deep" if deep else getattr(error, "msg", str(error))
            raise DataError(
                where, f"each line must be JSON, got line {line}, column {column}: {problem}"
            ) from None
        for row in found if is_list else [found]:
            if not isinstance(row, dict):
                raise DataError(
                    where, f"JSON must hold objects, got {type(row).__name__} in line {number}"
                )
            rows.append(row)
            numbers.append(number)
    places = None if is_list else numbers
    found_columns = _from_rows(rows, places)
    return found_columns._replace(how="JSON" if is_list else "JSON lines")


def _from_rows(rows: Sequence[Mapping[str, Any]], numbers: Sequence[int] | None = None) -> Columns:
    """Rows as dicts: a key that a row has not is a missing cell."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    cells = []
    for name in names:
        found = of_objects(str(name), [_scalar(str(name), row.get(name)) for row in rows])
        if numbers is not None and isinstance(found, TextCells):
            found = replace(found, placed=lambda row: f"line {numbers[row]}")
        cells.append(found)
    return Columns(cells, "dicts", [])


def _scalar(name: str, item: Any) -> Any:
    if isinstance(item, _NO_CELLS):
        kind = type(item).__name__
        article = "" if kind in _REMEDIES else "a "
        raise DataError(
            WHERE,
            f"a cell must be a number, a text or a date, got {article}{kind} in {name!r}",
            _REMEDIES.get(kind, "Make columns of what it holds."),
        )
    return item.item() if isinstance(item, np.generic) and item.dtype.kind not in "M" else item


def _again(table: Table) -> Columns:
    """The cells of a table that was read already."""
    cells: list[AnyCells] = []
    for column in table.columns:
        if column.kind == NUMBER:
            cells.append(NumberCells(column.name, column.values, column.missing))
        elif column.kind == DATE:
            cells.append(DateCells(column.name, column.values))
        else:
            quoted = [True] * len(column)
            logical, labels = column.schema.logical, column.kind == CATEGORY
            own = TextCells(column.name, column.text(), quoted, logical=logical, labels=labels)
            cells.append(own)
    return Columns(cells, table.source, list(table.notes))


def _in_memory(source: Any) -> Columns:
    if is_frame(source):
        pairs = [(name, _frame_column(name, column)) for name, column in columns_of(source)]
        found = _named(pairs, "frame")
        return found._replace(notes=[*_index_note(source), *found.notes])
    if isinstance(source, Mapping) and not hasattr(source, "tocsr"):  # as SciPy's sparse one has
        return _from_dict(source)
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if hasattr(source, "column_names") and hasattr(source, "to_pydict"):  # Arrow's table and batch
        names = list(map(str, source.column_names))
        pairs = [(name, _arrow_column(name, source.column(i))) for i, name in enumerate(names)]
        return _named(pairs, "Arrow table")
    if hasattr(source, "fetchnumpy") and hasattr(source, "columns"):  # a relation of DuckDB
        found = source.fetchnumpy()
        return _named([(n, _masked(n, found[n])) for n in source.columns], "relation")
    if isinstance(source, (list, tuple)) and source and all(isinstance(r, Mapping) for r in source):
        return _from_rows(source)
    if hasattr(source, "to_frame"):  # a Series
        raise ArgumentError(
            WHERE,
            f"a table must have columns and rows, got one {type(source).__name__}",
            "A row of a frame is frame[i : i + 1]; a column is series.to_frame().",
        )
    if hasattr(source, "__arrow_c_stream__"):
        return engine.read_stream(WHERE, source)
    raise ArgumentError(
        WHERE,
        f"a table must be a path, a query, a frame, a dict of columns or a list of dicts, got "
        f"{type(source).__name__}",
        "Write frame.collect()." if hasattr(source, "collect") else "",
    )


def _index_note(frame: Any) -> list[Note]:
    """An index of pandas that has a name may be meant as a column."""
    names = [name for name in getattr(getattr(frame, "index", None), "names", ()) if name]
    if not names:
        return []
    shown = ", ".join(repr(str(name)) for name in names)
    return [Note(f"The index, {shown}, is left out; frame.reset_index() makes columns of it.")]


def _named(pairs: list[tuple[str, AnyCells]], how: str) -> Columns:
    names, notes = unique_names([name for name, _ in pairs])
    cells = [_renamed(cells, name) for name, (_, cells) in zip(names, pairs, strict=True)]
    return Columns(cells, how, notes)


def _renamed(cells: AnyCells, name: str) -> AnyCells:
    return cells if cells.name == name else replace(cells, name=name)


def _from_dict(source: Mapping[Any, Any]) -> Columns:
    """Columns by name; a dict of single values is one row."""
    if source and not any(_is_column(value) for value in source.values()):
        return _from_rows([{str(key): value for key, value in source.items()}])
    pairs = []
    for key, value in source.items():
        name = str(key)
        if not _is_column(value):
            raise DataError(WHERE, f"a dict must hold columns or one row, got both: {name!r}")
        if hasattr(value, "to_numpy") and hasattr(value, "name"):
            pairs.append((name, _frame_column(name, value)))
        elif isinstance(value, np.ndarray):
            pairs.append((name, _array_column(name, value)))
        else:
            pairs.append((name, of_objects(name, [_scalar(name, item) for item in value])))
    return _named(pairs, "dict of columns")


def _is_column(value: Any) -> bool:
    return isinstance(value, (list, tuple, range)) or (
        hasattr(value, "__len__") and not isinstance(value, (str, bytes))
    )


def _array_column(name: str, array: Any) -> AnyCells:
    if array.ndim != 1:
        raise DataError(WHERE, f"a column must have one axis, got shape {array.shape} in {name!r}")
    if isinstance(array, np.ma.MaskedArray):
        return _masked(name, array)
    if array.dtype.kind not in "biufMUO":
        raise DataError(
            WHERE, f"a column must hold numbers, texts or dates, got {array.dtype} in {name!r}"
        )
    if array.dtype.kind == "O":
        return of_objects(name, [_scalar(name, item) for item in array.tolist()])
    return of_array(name, array)


def _masked(name: str, found: Any) -> AnyCells:
    if not np.ma.getmaskarray(found).any():
        return _array_column(name, np.ma.getdata(found))
    return of_objects(name, found.tolist())


def _from_array(array: Any) -> Columns:
    if array.dtype.names:
        return _named([(n, _array_column(n, array[n])) for n in array.dtype.names], "records")
    if array.ndim != 2:
        raise DataError(WHERE, f"an array must have rows and columns, got shape {array.shape}")
    names = [f"column_{j + 1}" for j in range(array.shape[1])]
    return _named([(n, _array_column(n, array[:, j])) for j, n in enumerate(names)], "array")


def _frame_column(name: str, column: Any) -> AnyCells:
    """A column of pandas or Polars."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biufM":
        return _array_column(name, np.asarray(column))
    items = column.to_list() if hasattr(column, "to_list") else column.tolist()
    gone = column.is_null() if hasattr(column, "null_count") else column.isna()
    missing = np.asarray(gone, dtype=bool).tolist()
    kept = [None if no else item for item, no in zip(items, missing, strict=True)]
    cells = of_objects(name, [_scalar(name, item) for item in kept])
    return _labels(cells) if getattr(dtype, "categories", None) is not None else cells


def _labels(cells: AnyCells) -> AnyCells:
    """Cells that came as categories, whatever their texts look like."""
    texts = cells.as_text() if isinstance(cells, (NumberCells, DateCells)) else cells
    return replace(texts, labels=True) if isinstance(texts, TextCells) else texts


def _arrow_column(name: str, column: Any) -> AnyCells:
    if column.null_count == 0:
        array = np.asarray(column)
        if array.dtype.kind in "biufM":
            zoned = getattr(column.type, "tz", None) is not None
            cells = _array_column(name, array)
            return replace(cells, zoned=True) if zoned and isinstance(cells, DateCells) else cells
    cells = of_objects(name, [_scalar(name, item) for item in column.to_pylist()])
    return _labels(cells) if hasattr(column.type, "index_type") else cells
