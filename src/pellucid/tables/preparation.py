"""From a raw table to the arrays that networks read: one path for training and for serving.

In: a source of rows. Out: `Arrays`: scaled numbers, codes of their bins, codes of categories. What
was learned from the training table is a schema of the columns that are used (text, in the model's
file) and a float64 model of the layers in `nn/tabular.py` (numbers, a graph).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.core.errors import DataError, PellucidError
from pellucid.data import Schema, Table, read_table
from pellucid.data.schema import CATEGORY, DATE, NUMBER, ColumnSchema
from pellucid.data.table import Column, count
from pellucid.models import Model
from pellucid.nn import Concat, Dates, Input, MissingFlag, QuantileBins, Standardize, Symbol

Array = np.ndarray[Any, Any]
BINS = 16
_BUCKETS = 1024  # codes of a column with more levels than this: hashes of their texts
_DATE_PARTS = 6
_MICROSECONDS = 1e6


@dataclass(frozen=True)
class Arrays:
    """What networks read of each row; an array without columns where the table has none.

    Attributes:
        scaled: (N, D + F) float32, numbers and parts of dates, then flags of missing cells.
        bins: (N, 16·D) float32.
        codes: (N, K) float32, a code a category: below 0 missing, beyond the levels unseen.
    """

    scaled: Array
    bins: Array
    codes: Array

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Any) -> Arrays:
        return Arrays(self.scaled[rows], self.bins[rows], self.codes[rows])


@dataclass(frozen=True)
class Preparation:
    """What turns a table into `Arrays`.

    Attributes:
        schema: the columns that are used, in order; a hashed category has no levels there.
        hashed: names of the categories whose levels are hashed.
        model: numbers and dates → scaled and bins; None for a table of categories alone.
        known: all columns of the training table: one that is not used is ignored without a word.
    """

    schema: Schema
    hashed: tuple[str, ...]
    model: Model | None
    known: tuple[str, ...]

    @staticmethod
    def learned(table: Table, known: Sequence[str]) -> Preparation:
        """The preparation of the columns of `table`, all of which are used."""
        hashed = tuple(
            column.name
            for column in table.columns
            if column.kind == CATEGORY and len(column.schema.levels) > _BUCKETS
        )
        schema = Schema(
            tuple(replace(one, levels=()) if one.name in hashed else one for one in table.schema)
        )
        model = _model(_numbers(table, NUMBER), _numbers(table, DATE))
        return Preparation(schema, hashed, model, tuple(known))

    @property
    def levels(self) -> tuple[int, ...]:
        """How many codes each category has."""
        return tuple(
            _BUCKETS if column.name in self.hashed else len(column.levels)
            for column in self.schema
            if column.kind == CATEGORY
        )

    def read(self, source: Any, *others: ColumnSchema, where: str = "read_table") -> Table:
        """The rows of `source` as a table of the columns that are used, and of `others`.

        Args:
            where: the call that errors name.
        """
        try:
            return read_as(source, Schema((*self.schema, *others)))
        except PellucidError as error:
            place = error.where.replace("read_table", where, 1)
            raise type(error)(place, error.problem, error.fix, line=error.line) from None

    def arrays(self, table: Table) -> Arrays:
        """What the networks read of a table that `read` gave."""
        table, rows = table[list(self.schema.names)], len(table)
        codes = [self._codes(table[one.name]) for one in self.schema if one.kind == CATEGORY]
        scaled = bins = np.zeros((rows, 0), np.float32)
        if self.model is not None and rows:
            given = {"numbers": _numbers(table, NUMBER), "dates": _numbers(table, DATE)}
            found = self.model.predict({name: given[name] for name in self._inputs})
            scaled, bins = (found[name].astype(np.float32) for name in ("scaled", "bins"))
        joined = np.stack(codes, axis=1) if codes else np.zeros((rows, 0))
        return Arrays(scaled, bins, joined.astype(np.float32))

    def shuffled(self, x: Arrays, name: str, order: Array) -> Arrays:
        """Prepared rows in which the numbers of one column come from the rows in `order`."""
        scaled, bins, codes = x.scaled.copy(), x.bins.copy(), x.codes.copy()
        kind = self.schema[name].kind
        place = [one.name for one in self.schema if one.kind == kind].index(name)
        if kind == CATEGORY:
            codes[:, place] = x.codes[order, place]
            return Arrays(scaled, bins, codes)
        numbers = sum(one.kind == NUMBER for one in self.schema)
        own = [place]
        if kind == DATE:
            first = numbers + _DATE_PARTS * place
            own = list(range(first, first + _DATE_PARTS))
        width = bins.shape[1] // BINS
        flags = [width + k for k, column in enumerate(self._flags) if column in own]
        scaled[:, own + flags] = x.scaled[order][:, own + flags]
        for column in own:
            part = slice(BINS * column, BINS * (column + 1))
            bins[:, part] = x.bins[order, part]
        return Arrays(scaled, bins, codes)

    @property
    def _flags(self) -> tuple[int, ...]:
        """The columns that have a flag."""
        assert self.model is not None
        layers = [layer for layer in self.model.layers if isinstance(layer, MissingFlag)]
        return layers[0].columns or () if layers else ()

    @property
    def _inputs(self) -> tuple[str, ...]:
        assert self.model is not None
        return self.model.architecture.inputs.names

    def _codes(self, column: Column) -> Array:
        if column.name not in self.hashed:
            return column.values
        hashes = [zlib.crc32(level.encode()) % _BUCKETS for level in column.levels]
        return np.array([*hashes, -1])[column.values]


def read_as(source: Any, schema: Schema) -> Table:
    """The rows of `source` as a table with the columns of `schema`."""
    if isinstance(source, Table):
        source = {column.name: _given(column) for column in source.columns}
    return read_table(source, schema=schema, quiet=True)


def _given(column: Column) -> Any:
    """A column that was read, as one that can be read again by another schema."""
    return column.values if column.kind in (NUMBER, DATE) else column.text()


def _numbers(table: Table, kind: str) -> Array:
    """Columns of one kind side by side, float64; dates in seconds since 1970."""
    columns = [column for column in table.columns if column.kind == kind]
    if not columns:
        return np.zeros((len(table), 0))
    if kind == NUMBER:
        return np.stack([column.values for column in columns], axis=1)
    times = np.stack([column.values for column in columns], axis=1).astype("M8[us]")
    seconds = times.astype(np.int64) / _MICROSECONDS
    return np.where(np.isnat(times), np.nan, seconds)


def _model(numbers: Array, dates: Array) -> Model | None:
    """Numbers and dates → scaled and bins, learned from these rows."""
    inputs: dict[str, Symbol] = {}
    parts: list[Symbol] = []
    values = [numbers] if numbers.shape[1] else []
    if numbers.shape[1]:
        inputs["numbers"] = Input(numbers.shape[1:])
        parts.append(inputs["numbers"])
    if dates.shape[1]:
        layer = Dates(name="dates")
        inputs["dates"] = Input(dates.shape[1:])
        parts.append(layer(inputs["dates"]))
        values.append(layer(dates))
    if not inputs:
        return None
    all_values = np.concatenate(values, axis=1)
    joined = Concat(name="columns")(parts) if len(parts) > 1 else parts[0]
    standardize, bins = Standardize(name="standardize"), QuantileBins(BINS, name="bins")
    standardize.adapt(all_values, "float64")
    bins.adapt(all_values, "float64")
    scaled = standardize(joined)
    flags = _flagged(numbers, dates)
    if flags:
        scaled = Concat(name="with_flags")([scaled, MissingFlag(flags, name="missing")(joined)])
    return Model(inputs, {"scaled": scaled, "bins": bins(joined)}, seed=0, dtype="float64")


def _flagged(numbers: Array, dates: Array) -> tuple[int, ...]:
    """The columns with missing cells; of a date its first part stands for all."""
    own = np.flatnonzero(np.isnan(numbers).any(axis=0)).tolist()
    first = numbers.shape[1]
    return (
        *own,
        *(first + _DATE_PARTS * i for i in np.flatnonzero(np.isnan(dates).any(axis=0)).tolist()),
    )


def check_rows(where: str, table: Table) -> None:
    """Refuses a table without rows."""
    if not len(table):
        raise DataError(where, f"{table.source or 'the table'} must have rows, got none")


def notice_of(where: str, preparation: Preparation, table: Table) -> str:
    """What is to be said of rows to predict: columns that are ignored, levels never seen."""
    said = []
    extra = [name for name in table.left_out if name not in preparation.known]
    if extra:
        said.append(f"columns that the model does not know are ignored: {listed(extra)}.")
    for column in table[list(preparation.schema.names)].columns:
        new = column.is_new
        if new.any() and column.name not in preparation.hashed:
            texts = [column.levels[i] for i in dict.fromkeys(column.values[new].tolist())]
            said.append(
                f"{column.name!r}: {count(int(new.sum()), 'cell')} of categories that training did "
                f"not see ({listed(texts)}), taken as other."
            )
    said += table.unread()
    return f"[{where}] {' '.join(said)}" if said else ""


def listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f", … ({len(names):,} in all)" if len(names) > most else "")
