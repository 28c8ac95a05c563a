"""`read_table`: from a file, a query or a frame to a `Table`, with every decision said.

In: a source, and what a person decides about columns. Out: a `Table` of values.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pellucid.core import notices
from pellucid.core.arguments import checked, flag
from pellucid.core.errors import ArgumentError, DataError, nearest
from pellucid.data import kinds, sources
from pellucid.data.casts import cast
from pellucid.data.cells import Columns
from pellucid.data.in_memory import WHERE
from pellucid.data.schema import Schema, wanted
from pellucid.data.sources import Options
from pellucid.data.table import Note, Table, count

_SHOWN = 6  # names in a message
_ELSEWHERE = {
    "sep": "delimiter",
    "dtype": "types",
    "dtypes": "types",
    "kinds": "types",
    "path": "source",
    "file": "source",
    "names": "Leave it out, and rename columns in the file or in a dict of columns.",
}


def read_table(
    source: Any,
    *,
    types: Mapping[str, str] | None = None,
    schema: Schema | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    database: str | os.PathLike[str] | None = None,
    quiet: bool = False,
) -> Table:
    """A table with a kind for each column, from whatever holds one.

    Print the result to see what was inferred. What a rule decided that could be meant otherwise,
    and cells that could not be read, are said in a warning and stand in `table.notes` and
    `table.unread()`; nothing is dropped in silence. The rules stand in docs/tables-nasty.md.

    Args:
        source: the path of a CSV or TSV file (also with other delimiters), JSON lines, Parquet, a
            DuckDB or SQLite file with one table; a glob or a folder of such files; a query such as
            "SELECT a, b FROM 'x/*.parquet'"; a frame of pandas or Polars, an Arrow table; a dict of
            columns; a list of dicts; one dict (a row). Parquet, queries and DuckDB files need
            `pip install 'pellucid[table]'`.
        types: for columns by name "number", "category", "date", "text", "constant" or "id"; with a
            format "number:1.234,5", "date:mdy" (month first) or "date:ymd" (20240131). For
            sales.csv they may also stand in sales.types.toml beside it, as `column = "kind"`.
        schema: the decisions of another table, `table.schema`: columns are found by name, in any
            order, and read as there. One that lacks is an error; others are left out, said.
        delimiter, encoding, header: of a text file, where they are not to be found out.
        database: the DuckDB or SQLite file that a query reads.
        quiet: whether to leave out the warning.

    Raises:
        DataError: where the source cannot be read; names line and column.
        ArgumentError: for a wrong argument, an unknown column or type.
        MissingPackageError: where DuckDB is needed and not installed.

    Example:
        >>> table = read_table({"price": ["1,50", "2,75", "-"], "city": ["Rom", "Bonn", "Rom"]})
        >>> table["price"].kind, table["price"].values.tolist(), table["city"].levels
        ('number', [1.5, 2.75, nan], ('Bonn', 'Rom'))
    """
    _check(types, schema, delimiter, header, quiet)
    expected = None if schema is None else schema.names
    options = Options(delimiter, encoding, header, database, expected)
    columns, label = sources.columns(source, options)
    how = "" if columns.how == label else f" ({columns.how})"
    notes = list(columns.notes)
    if schema is not None:
        made, said = _by_schema(columns, schema)
    else:
        decided, said = _types(source, types or {}, columns)
        found, more = kinds.infer(columns.cells, decided, semicolons=columns.semicolons)
        made = [cast(cells, one) for cells, one in zip(columns.cells, found, strict=True)]
        said += more
    known = {column.name for column in made}
    table = Table(made, f"{label}{how}", [*notes, *said])
    table.left_out = tuple(cells.name for cells in columns.cells if cells.name not in known)
    if not quiet:
        _say(table, label)
    return table


read_table = checked(read_table, WHERE, _ELSEWHERE)


def _check(types: object, schema: object, delimiter: object, header: object, quiet: object) -> None:
    flag(WHERE, "quiet", quiet)
    if types is not None and not isinstance(types, Mapping):
        raise ArgumentError(
            WHERE,
            f"types must be a dict of columns and kinds, got {types!r}",
            'Write types={"column": "category"}.',
        )
    if schema is not None and not isinstance(schema, Schema):
        raise ArgumentError(
            WHERE, f"schema must be that of a table, got {schema!r}", "Pass schema=table.schema."
        )
    if schema is not None and types is not None:
        raise ArgumentError(
            WHERE,
            "a schema decides the types, got both",
            "Leave types out, or read the first table with them.",
        )
    if delimiter is not None and not (
        isinstance(delimiter, str) and len(delimiter) == 1 and delimiter not in '"\r\n'
    ):
        raise ArgumentError(WHERE, f"delimiter must be one character, got {delimiter!r}")
    if header is not None:
        flag(WHERE, "header", header)


def _by_schema(columns: Columns, schema: Schema) -> tuple[list[Any], list[Note]]:
    """The columns that a schema names, read by it."""
    by_name = {cells.name: cells for cells in columns.cells}
    missing = [name for name in schema.names if name not in by_name]
    if missing:
        raise DataError(
            WHERE,
            f"each expected column must be there, got none called {_listed(missing)}",
            nearest(missing[0], by_name),
        )
    extra = [name for name in by_name if name not in schema.names]
    notes = (
        [Note(f"Left out columns that are not in the schema: {_listed(extra)}.", True)]
        if extra
        else []
    )
    made = [cast(by_name[one.name], one) for one in schema]
    for column in made:
        new = column.is_new
        if new.any():
            texts = [column.levels[code] for code in dict.fromkeys(column.values[new].tolist())]
            notes.append(
                Note(
                    f"{column.name!r}: {count(int(new.sum()), 'cell')} of levels that the schema "
                    f"does not know: {_listed(texts)}.",
                    True,
                )
            )
    return made, notes


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:_SHOWN])
    return shown + (f", … ({len(names):,} in all)" if len(names) > _SHOWN else "")


def _types(
    source: Any, given: Mapping[str, str], columns: Columns
) -> tuple[dict[str, tuple[str, str]], list[Note]]:
    """The types that a person decided, in the call and in the file beside the data."""
    names = [cells.name for cells in columns.cells]
    decided: dict[str, tuple[str, str]] = {}
    notes = []
    beside = _beside(source)
    if beside is not None:
        where = f'{WHERE} "{beside.name}"'
        for name, spec in _toml(where, beside).items():
            if name not in names:
                raise DataError(where, f"unknown column {name!r}", nearest(name, names))
            decided[name] = wanted(where, name, spec)
        notes.append(Note(f"Types of {len(decided)} columns are those of {beside.name}."))
    for name, spec in given.items():
        if name not in names:
            raise ArgumentError(WHERE, f"unknown column {name!r} in types", nearest(name, names))
        decided[name] = wanted(WHERE, name, spec)
    return decided, notes


def _beside(source: Any) -> Path | None:
    if isinstance(source, (str, os.PathLike)) and len(os.fspath(source)) < 4096:
        path = Path(os.fsdecode(source))
        beside = path.with_name(f"{path.stem}.types.toml") if path.name else path
        try:
            return beside if path.is_file() and beside.is_file() else None
        except (OSError, ValueError):  # a query
            return None
    return None


def _toml(where: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            where, f"it must be TOML, got {error}", 'Write lines such as column = "category".'
        ) from None


def _say(table: Table, label: str) -> None:
    doubtful = [note.text for note in table.notes if note.doubtful]
    said = [*doubtful, *table.unread()]
    if said:
        notices.once(f"[{WHERE}] {label}: {' '.join(said)}")
