"""Tables that are in memory: frames, dicts, rows and arrays as columns of cells.

In: what a person gives in the place of a path. Out: `Columns`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError, DataError
from pellucid.data import engine
from pellucid.data.cells import (
    AnyCells,
    Columns,
    DateCells,
    NumberCells,
    TextCells,
    of_array,
    of_objects,
    unique_names,
)
from pellucid.data.frames import columns_of, is_frame
from pellucid.data.schema import CATEGORY, DATE, NUMBER
from pellucid.data.table import Note, Table

WHERE = "read_table"
_NO_CELLS = (list, dict, tuple, set, bytes, complex)
_REMEDIES = {
    "bytes": 'Make text of it: cell.decode("utf-8").',
    "complex": "Make two columns of it: cell.real and cell.imag.",
}


def from_rows(rows: Sequence[Mapping[str, Any]], numbers: Sequence[int] | None = None) -> Columns:
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


def of_table(table: Table) -> Columns:
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


def in_memory(source: Any) -> Columns:
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
        return from_rows(source)
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
        return from_rows([{str(key): value for key, value in source.items()}])
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
