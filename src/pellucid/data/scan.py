"""Tables that are larger than memory, read by DuckDB as batches of numbers in a drawn order.

In: a query, Parquet files or a database. Out: a `Scan`: the columns and their types, and the rows,
which DuckDB orders; what does not fit its memory stands in temporary files meanwhile.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pellucid.core.errors import DataError
from pellucid.data import arrow, engine
from pellucid.data.arrow import Array, Field
from pellucid.runtime.threads import available

_WHOLE = {  # how many bits of whole numbers there are beside the sign
    "TINYINT": 7,
    "UTINYINT": 8,
    "SMALLINT": 15,
    "USMALLINT": 16,
    "INTEGER": 31,
    "UINTEGER": 32,
    "BIGINT": 63,
    "UBIGINT": 64,
    "HUGEINT": 127,
}
MEMORY = 1000  # MB that DuckDB may take
_REAL = ("FLOAT", "DOUBLE", "DECIMAL")
_SQL_TYPES = {"float32": "FLOAT", "float64": "DOUBLE", "int64": "BIGINT"}


class Scan:
    """A table that is read batch after batch, in its order or a drawn one.

    Attributes:
        label: what is read, in words.
        names: the columns; types: of each.
        memory: MB that DuckDB may take.
    """

    def __init__(
        self, where: str, rows: str, database: Path | None, label: str, memory: int = MEMORY
    ):
        self.label, self.memory = label, memory
        self._where, self._rows, self._database = where, rows, database
        with self._opened() as connection:
            described = connection.execute(f"DESCRIBE {rows}").fetchall()
        self.names = [str(row[0]) for row in described]
        self.types = {str(row[0]): str(row[1]).upper() for row in described}

    def cells(self) -> int:
        """How many there are; a query is run for it."""
        with self._opened() as connection:
            (rows,) = connection.execute(f"SELECT count(*) FROM ({self._rows})").fetchone()
        return int(rows) * len(self.names)

    def is_whole(self, name: str) -> bool:
        """Whether a column holds whole numbers or booleans."""
        return self.types[name] in _WHOLE or self.types[name] == "BOOLEAN"

    def is_number(self, name: str) -> bool:
        return self.is_whole(name) or self.types[name].partition("(")[0] in _REAL

    def batches(
        self,
        columns: Mapping[str, str | Sequence[str] | None],
        fields: Mapping[str, Field],
        key: int | None,
        most: int,
    ) -> Iterator[tuple[Array, ...]]:
        """The columns, at most `most` rows at a time.

        Args:
            columns: the columns of each field; several stand side by side.
            key: the order of the rows, drawn by hashing their numbers and this twice; None leaves
                them as they are. With it as a second argument of one `hash`, rows that were
                neighbours in one order would be in all.
        """
        chosen = []
        for name, field in fields.items():
            given = columns[name]
            assert given is not None
            kind = _SQL_TYPES[field.dtype.name]
            several = [given] if isinstance(given, str) else given
            cells = ", ".join(self._cell(one, kind) for one in several)
            if field.width is not None:
                cells = f"CAST([{cells}] AS {kind}[{field.width}])"
            chosen.append(f"{cells} AS {name}")
        query = f"SELECT {', '.join(chosen)} FROM ({self._rows})"
        if key is not None:
            numbered = f"SELECT {', '.join(chosen)}, row_number() OVER () AS n FROM ({self._rows})"
            order = f"hash(xor(hash(n), {key}::UBIGINT)), n"
            query = f"SELECT {', '.join(fields)} FROM ({numbered}) ORDER BY {order}"
        with self._opened() as connection:
            capsule = connection.sql(query).__arrow_c_stream__()
            yield from arrow.batches(capsule, list(fields.values()), most)

    def _cell(self, name: str, kind: str) -> str:
        """One cell as a number; where a row must have one and has none, an error."""
        own = '"' + name.replace('"', '""') + '"'
        text = "'" + name.replace("'", "''") + "'"
        cast = f"CAST({own} AS {kind})"
        exact = {"FLOAT": 24, "DOUBLE": 53, "BIGINT": 63}[kind]
        if _WHOLE.get(self.types[name], 0) > exact:
            refused = f"error({text} || ' holds ' || {own} || ', a whole number beyond {kind}')"
            same = f"CAST({cast} AS HUGEINT) = {own}"
            cast = (
                f"CASE WHEN {same} OR {own} IS NULL THEN {cast} ELSE CAST({refused} AS {kind}) END"
            )
        if kind == "BIGINT":
            missing = f"error({text} || ' must have a value in each row, got a missing one')"
            return f"coalesce({cast}, CAST({missing} AS {kind}))"
        return f"coalesce({cast}, CAST('nan' AS {kind}))"

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        """A connection whose temporary files go with it."""
        package = engine.duckdb(self._where)
        with tempfile.TemporaryDirectory(prefix="pellucid-") as folder:
            more = {
                "memory_limit": f"{self.memory}MB",
                "temp_directory": folder,
                "threads": str(available()),
            }
            try:
                with engine.connected(package, self._database, more) as connection:
                    yield connection
            except (package.Error, OSError) as error:
                raise engine.refused(self._where, error) from None


def scan_query(where: str, query: str, database: Path | None, memory: int = MEMORY) -> Scan:
    if database is not None and engine.is_sqlite(where, database):
        raise DataError(
            where,
            "a stream is read from a DuckDB file, got one of SQLite",
            "Read it whole: read_table(query, database=path).",
        )
    return Scan(where, query.strip().rstrip(";"), database, "a query", memory)


def scan_parquet(where: str, paths: Sequence[Path], label: str, memory: int = MEMORY) -> Scan:
    return Scan(where, f"SELECT * FROM {engine.parquet(where, paths)}", None, label, memory)


def scan_database(where: str, path: Path, memory: int = MEMORY) -> Scan:
    return Scan(where, f"SELECT * FROM {engine.only_table(where, path)}", path, path.name, memory)
