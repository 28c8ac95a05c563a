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
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.core.files import as_path
from pellucid.data import engine
from pellucid.data.cells import (
    Columns,
    DateCells,
    JoinedCells,
    NumberCells,
)
from pellucid.data.delimited import read_delimited
from pellucid.data.in_memory import WHERE, from_rows, in_memory, of_table
from pellucid.data.scan import MEMORY, Scan, scan_database, scan_parquet, scan_query
from pellucid.data.table import Table

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
        return of_table(source), source.source
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
    found = in_memory(source)
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


def scan_of(where: str, paths: Sequence[Path], label: str, memory: int = MEMORY) -> Scan | None:
    """Files as a `Scan`; None where they are of a kind that is read whole."""
    if all(_is_parquet(start_of(one)) for one in paths):
        return scan_parquet(where, paths, label, memory)
    if len(paths) == 1 and _is_duckdb(start_of(paths[0])):
        return scan_database(where, paths[0], memory)
    return None


def cells_in(source: Any) -> int | None:
    """About how many cells a source on disk holds; None where it is in memory, or cannot be read.

    Of text the size of the files says it: a cell has some eight bytes.
    """
    try:
        if isinstance(source, str) and engine.is_query(source):
            return scan_query(WHERE, source, None).cells()
        if not isinstance(source, (str, os.PathLike)):
            return None
        found = files(as_path(WHERE, source))
        scan = scan_of(WHERE, found, "")
        if scan is not None:
            return scan.cells()
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
    if all(_is_parquet(start_of(path)) for path in paths):
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


def _is_parquet(start: bytes) -> bool:
    return start.startswith(b"PAR1")


def _is_duckdb(start: bytes) -> bool:
    return start[8:12] == b"DUCK"


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
    if _is_parquet(start):
        return engine.read_parquet(where, [path])
    if start.startswith(engine.SQLITE) or _is_duckdb(start):
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
    found_columns = from_rows(rows, places)
    return found_columns._replace(how="JSON" if is_list else "JSON lines")
