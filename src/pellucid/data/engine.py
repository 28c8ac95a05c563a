"""Parquet files, SQL and databases, through DuckDB (or, for SQLite files, Python's own reader).

In: a query or a file's path. Out: columns of cells; of tables larger than memory see scan.py.
DuckDB is the extra `table`, imported here and nowhere else, at first use. It reads no CSV for us:
see delimited.py. Nothing is downloaded: its extensions are switched off.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from pellucid.core.errors import DataError, MissingPackageError
from pellucid.core.forks import importing
from pellucid.data import numerals
from pellucid.data.cells import (
    AnyCells,
    Columns,
    DateCells,
    TextCells,
    of_array,
    of_objects,
    unique_names,
)
from pellucid.data.table import Note

SQLITE = b"SQLite format 3\0"
_TABLES = "SELECT table_name FROM information_schema.tables ORDER BY 1"
_SQLITE_TABLES = (
    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' "
    "ORDER BY name"
)
_WIDE = {"BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT"}
_TEXTS = {"VARCHAR", "UUID", "TIME", "TIME WITH TIME ZONE", "INTERVAL", "JSON", "BIT"}
_NOTHING: Mapping[str, str] = MappingProxyType({})
_QUERY = re.compile(r"\s*(?:(?:select|with|from)\s|\()", re.IGNORECASE)


def is_query(text: str) -> bool:
    """Whether a text is SQL and no path."""
    return _QUERY.match(text) is not None


def duckdb(where: str) -> Any:
    """The package, or an error that says how to get it."""
    try:
        with importing:  # optional, at first use
            import duckdb as package
    except ModuleNotFoundError:
        raise MissingPackageError(
            where,
            "DuckDB must be installed, which reads Parquet and SQL; got no module 'duckdb'",
            "pip install 'pellucid[table]'.",
        ) from None
    return package


def read_query(where: str, query: str, database: Path | None) -> Columns:
    """The result of a query over files, or over a database."""
    if database is not None and is_sqlite(where, database):
        return _sqlite(where, query, database)
    notes = []
    if re.search(r"\.(?:csv|tsv|txt)\b|read_csv", query, re.IGNORECASE):
        notes.append(
            Note(
                "SQL reads text files by DuckDB's own rules, which guess from the first rows; "
                "read_table(path) reads the whole file by ours.",
                True,
            )
        )
    return _run(where, query, database, "SQL", notes)


def read_parquet(where: str, paths: Sequence[Path]) -> Columns:
    how = "Parquet" if len(paths) == 1 else f"Parquet, {len(paths):,} files"
    return _run(where, f"SELECT * FROM {parquet(where, paths)}", None, how, [])


def parquet(where: str, paths: Sequence[Path]) -> str:
    """Files as one table, each column of a type that holds what all of them have.

    DuckDB takes the types of the first file and casts what others hold to these: 0.5 becomes 0.

    Raises:
        DataError: for a file that lacks a column of another one.
    """
    plain = _listed(paths)
    if len(paths) == 1:
        return plain
    package = duckdb(where)
    try:
        with connected(package, None) as connection:
            wide = _listed(paths, ", union_by_name=true")
            types = _types(connection, wide)
            if types == _types(connection, plain):
                return plain
            for path in paths:
                missing = [
                    name for name in types if name not in _types(connection, _listed([path]))
                ]
                if missing:
                    raise DataError(
                        where,
                        f"all files must have the same columns, got no {missing[0]!r} in "
                        f'"{path.name}"',
                    )
    except package.Error as error:
        raise refused(where, error) from None
    return wide


def _listed(paths: Sequence[Path], options: str = "") -> str:
    names = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{names}]{options})"


def _types(connection: Any, rows: str) -> dict[str, str]:
    """The columns of a table and their types."""
    found = connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()
    return {str(row[0]): str(row[1]) for row in found}


def read_database(where: str, path: Path) -> Columns:
    """The only table of a database file."""
    return read_query(where, f"SELECT * FROM {only_table(where, path)}", path)


def only_table(where: str, path: Path) -> str:
    if is_sqlite(where, path):
        found = _sqlite_rows(where, _SQLITE_TABLES, path)[1]
    else:
        package = duckdb(where)
        try:
            with connected(package, path) as connection:
                found = connection.execute(_TABLES).fetchall()
        except package.Error as error:
            raise refused(where, error) from None
    names = [str(row[0]) for row in found]
    if len(names) != 1:
        raise DataError(
            where,
            f"a database must hold one table to be read by its path, got "
            f"{', '.join(map(repr, names[:6])) or 'none'}",
            'Say which: read_table("SELECT * FROM …", database=path).',
        )
    return '"' + names[0].replace('"', '""') + '"'


def is_sqlite(where: str, path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE)) == SQLITE
    except OSError as error:
        raise DataError(where, f"the database cannot be read: {error.strerror}") from None


def connected(package: Any, path: Path | None, more: Mapping[str, str] = _NOTHING) -> Any:
    options = {
        **more,
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
    }
    place = ":memory:" if path is None else str(path)
    return package.connect(place, read_only=path is not None, config=options)


def refused(where: str, error: Exception) -> DataError:
    first = str(error).strip().split("\n", 1)[0]
    return DataError(where, f"DuckDB could not read it: {first}")


def _run(where: str, query: str, database: Path | None, how: str, notes: list[Note]) -> Columns:
    package = duckdb(where)
    try:
        with connected(package, database) as connection:
            return _fetched(where, connection, query.strip().rstrip(";"), how, notes)
    except package.Error as error:
        raise refused(where, error) from None


def _fetched(where: str, connection: Any, query: str, how: str, notes: list[Note]) -> Columns:
    described = connection.execute(f"DESCRIBE {query}").fetchall()
    kinds = [str(row[1]).upper() for row in described]
    names, said = unique_names([str(row[0]) for row in described])
    for name, kind in zip(names, kinds, strict=True):
        _refuse(where, name, kind)
    aliases = ", ".join(f"c{i}" for i in range(len(kinds)))
    chosen = ", ".join(f"{_converted(f'c{i}', kind)} AS c{i}" for i, kind in enumerate(kinds))
    found = connection.execute(f"SELECT {chosen} FROM ({query}) AS source({aliases})").fetchnumpy()
    cells = [
        _marked(_column(name, found[f"c{i}"], kinds[i]), kinds[i]) for i, name in enumerate(names)
    ]
    return Columns(cells, how, notes + said)


def _refuse(where: str, name: str, kind: str) -> None:
    plain = kind.partition("(")[0]
    if kind.endswith("]") or plain in ("STRUCT", "MAP", "UNION", "BLOB", "VARIANT", "GEOMETRY"):
        raise DataError(
            where,
            f"a column must hold numbers, texts or dates, got {kind} in {name!r}",
            f'Leave it out: SELECT * EXCLUDE ("{name}") FROM ….',
        )


def _converted(name: str, kind: str) -> str:
    plain = kind.partition("(")[0]
    if kind in ("BIGINT", "BOOLEAN"):
        return name
    if plain in _WIDE or plain in _TEXTS or plain == "ENUM":
        return f"CAST({name} AS VARCHAR)"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({name}))"
    if plain == "DATE" or plain.startswith("TIMESTAMP"):
        return f"CAST({name} AS TIMESTAMP)"
    return f"CAST({name} AS DOUBLE)"


def _column(name: str, found: Any, kind: str) -> AnyCells:
    array = np.ma.getdata(found)
    gone = np.ma.getmaskarray(found) if isinstance(found, np.ma.MaskedArray) else None
    if gone is None or not gone.any():
        if kind.partition("(")[0] in _WIDE - {"BIGINT"}:
            return _wide(name, array.tolist())
        return of_array(name, array)
    if kind == "BIGINT" and (np.abs(array[~gone].astype(float)) <= numerals.EXACT).all():
        array = array.astype(np.float64)
    if array.dtype.kind == "f":
        return of_array(name, np.where(gone, np.nan, array))
    if array.dtype.kind == "M":
        return of_array(name, np.where(gone, np.datetime64("NaT"), array))
    items = [None if no else item for item, no in zip(array.tolist(), gone.tolist(), strict=True)]
    if kind == "BIGINT":
        return of_objects(name, items)
    return _wide(name, items) if kind in _WIDE else of_objects(name, items)


def _marked(cells: AnyCells, kind: str) -> AnyCells:
    """The cells, with what their type says beside their values."""
    if isinstance(cells, TextCells) and kind.startswith("ENUM"):
        return replace(cells, labels=True)
    if isinstance(cells, DateCells) and kind == "TIMESTAMP WITH TIME ZONE":
        return replace(cells, zoned=True)
    return cells


def _wide(name: str, items: list[Any]) -> AnyCells:
    """Whole numbers that came as text, since they may be beyond a float64."""
    return of_objects(name, [None if item is None else int(item) for item in items])


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _sqlite_rows(where: str, query: str, path: Path) -> tuple[list[str], list[Any]]:
    try:
        with contextlib.closing(_opened(path)) as connection:
            cursor = connection.execute(query)
            names = [str(row[0]) for row in cursor.description or ()]
            return names, cursor.fetchall()
    except sqlite3.Error as error:
        raise DataError(where, f"SQLite could not read it: {error}") from None


def _sqlite(where: str, query: str, path: Path) -> Columns:
    found, rows = _sqlite_rows(where, query, path)
    names, said = unique_names(found)
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return Columns([of_objects(n, c) for n, c in zip(names, columns, strict=True)], "SQLite", said)


def read_stream(where: str, source: Any) -> Columns:
    """What gives its columns as an Arrow C stream."""
    package = duckdb(where)
    try:
        with package.connect() as connection:
            connection.register("stream", source)
            return _fetched(where, connection, "SELECT * FROM stream", "Arrow stream", [])
    except package.Error as error:
        raise refused(where, error) from None


def write_parquet(where: str, path: Path, columns: Mapping[str, Any]) -> None:
    """Arrays of numbers or text as a Parquet file in a new place."""
    package = duckdb(where)
    names = ", ".join(
        f'c{i} AS "{name}"' for i, name in enumerate(name.replace('"', '""') for name in columns)
    )
    place = str(path).replace("'", "''")
    arrays = {
        f"c{i}": array.astype(object) if array.dtype.kind == "U" else array
        for i, array in enumerate(columns.values())
    }
    try:
        with package.connect() as connection:
            connection.register("columns", arrays)
            connection.execute(f"COPY (SELECT {names} FROM columns) TO '{place}' (FORMAT parquet)")
    except package.Error as error:
        raise refused(where, error) from None
