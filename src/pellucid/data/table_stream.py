"""`stream_table`: a table that is larger than memory, as batches of numbers in a drawn order.

In: Parquet files, a query or a database; which columns are read. Out: a `TableStream`, which
`fit`, `evaluate` and `predict` take. DuckDB reads and orders the rows and keeps on disk what does
not fit its memory; here are the arguments, and the check that all numbers are finite.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.arguments import checked, choice, flag, integer
from pellucid.core.arguments import seed as check_seed
from pellucid.core.errors import ArgumentError, DataError, nearest
from pellucid.core.files import as_path
from pellucid.data import engine, sources
from pellucid.data.arrow import Field
from pellucid.data.scan import Scan, scan_query
from pellucid.runtime.extras import ORDER, words

Array = np.ndarray[Any, Any]
WHERE = "stream_table"
_LEAST_MEMORY = 200  # MB: with less DuckDB cannot sort
_BATCH = 1 << 24  # bytes of a batch, at most
_NUMBERS = "numbers or booleans"


class TableStream:
    """Batches of a table's rows, made by `stream_table`.

    `stream(epoch)` iterates over the batches of an epoch, each of some ten thousand rows: x alone
    where there is no target, else (x, y) or (x, y, weights). Iterating over `stream` itself is
    epoch 0.

    Attributes:
        features: the columns of x, in order.
        target, weight: the columns of y and of the weights, or None.
        seed: of the order of the rows; None where they come as they are.
    """

    def __init__(
        self,
        scan: Scan,
        features: tuple[str, ...],
        target: str | None,
        weight: str | None,
        dtype: np.dtype[Any],
        seed: int | None,
    ):
        self._scan, self._dtype = scan, dtype
        self.features, self.target, self.weight, self.seed = features, target, weight, seed
        self._fields = {"x": Field(dtype, len(features))}
        if target is not None:
            whole = scan.is_whole(target)
            self._fields["y"] = Field(np.dtype(np.int64) if whole else dtype)
        if weight is not None:
            self._fields["weights"] = Field(dtype)

    def __repr__(self) -> str:
        order = "as they are" if self.seed is None else f"in the order of seed {self.seed}"
        of = "" if self.target is None else f" and {self.target!r}"
        return f"TableStream: {len(self.features)} columns{of} of {self._scan.label}, rows {order}"

    def __iter__(self) -> Iterator[Any]:
        return self(0)

    def __call__(self, epoch: int = 0) -> Iterator[Any]:
        """The batches of an epoch."""
        integer("TableStream", "epoch", epoch, 0)
        key = None
        if self.seed is not None:
            low, high = words(self.seed, epoch, ORDER, 2).tolist()
            key = high << 32 | low
        return self._batches(key)

    def _batches(self, key: int | None) -> Iterator[Any]:
        wanted = {"x": self.features, "y": self.target, "weights": self.weight}
        columns = {name: wanted[name] for name in self._fields}
        width = self._dtype.itemsize * len(self.features)
        most = max(1024, _BATCH // width)
        before = 0
        for found in self._scan.batches(columns, self._fields, key, most):
            self._check(found[0], before)
            before += len(found[0])
            yield found if len(found) > 1 else found[0]

    def _check(self, x: Array, before: int) -> None:
        """Refuses missing numbers and others that are not finite."""
        if np.isfinite(x).all():
            return
        row, column = np.argwhere(~np.isfinite(x))[0].tolist()
        name = self.features[column]
        value = "a missing cell" if np.isnan(x[row, column]) else str(float(x[row, column]))
        raise DataError(
            WHERE,
            f"each cell must be a finite number, got {value} in {name!r}, row {before + row} of "
            "the epoch",
            f'Say in SQL what it counts as, coalesce("{name}", 0), or leave such rows out, WHERE '
            f'isfinite("{name}").',
        )


@checked
def stream_table(
    source: Any,
    target: str | None = None,
    *,
    features: Sequence[str] | None = None,
    weight: str | None = None,
    seed: int = 0,
    shuffle: bool = True,
    memory: int = 1000,
    dtype: str = "float32",
    database: str | os.PathLike[str] | None = None,
) -> TableStream:
    """A table on disk as a stream of batches that `fit`, `evaluate` and `predict` take.

    Each epoch has all rows in another random order, drawn from (seed, epoch) over the whole table:
    the same seed gives the same order. The columns must be numbers or booleans, without missing
    cells; what else there is becomes numbers in SQL. Needs `pip install 'pellucid[table]'`.

    Args:
        source: a Parquet file, a glob or folder of them, a DuckDB file with one table, or a query
            such as "SELECT a, b FROM 'x/*.parquet' WHERE a > 0".
        target: the column of y: whole numbers and booleans become int64, others `dtype`. None: the
            batches are x alone, as `predict` takes them.
        features: the columns of x; None: all others.
        weight: the column of the weights of rows.
        seed: of the order of the rows.
        shuffle: False leaves the rows in the order of the source, which is quicker: for `evaluate`
            and `predict`.
        memory: MB that DuckDB may take, 200 or more; what does not fit stands in temporary files
            meanwhile.
        dtype: of x, "float32" or "float64". Whole numbers that it cannot hold are refused.
        database: the DuckDB file that a query reads.

    Raises:
        DataError: for a source that cannot be read, and columns that are no numbers.
        ArgumentError: for an unknown column or a wrong argument.

    Example:
        >>> query = "SELECT range / 2 AS a, range % 2 AS y FROM range(4)"
        >>> for x, y in stream_table(query, "y", shuffle=False):
        ...     print(x.ravel().tolist(), y.tolist())
        [0.0, 0.5, 1.0, 1.5] [0, 1, 0, 1]
    """
    flag(WHERE, "shuffle", shuffle)
    check_seed(WHERE, seed)
    integer(WHERE, "memory", memory, _LEAST_MEMORY)
    choice(WHERE, "dtype", dtype, ("float32", "float64"))
    scan = _scan(source, database, memory)
    for name, column in (("target", target), ("weight", weight)):
        if column is not None:
            _known(scan, name, column)
    if features is None:
        chosen = tuple(name for name in scan.names if name not in (target, weight))
    elif isinstance(features, (list, tuple)):
        chosen = tuple(_known(scan, "features", name) for name in features)
    else:
        raise ArgumentError(
            WHERE, f"features must be a list of columns, got {features!r}", 'Write ["a", "b"].'
        )
    used = [*chosen, *(one for one in (target, weight) if one is not None)]
    if not chosen or len(set(used)) < len(used):
        twice = next((name for name in used if used.count(name) > 1), None)
        raise ArgumentError(
            WHERE,
            "features must be columns, each used once, got "
            + ("none" if twice is None else f"{twice!r} twice"),
            "Leave the target and the weight out of features.",
        )
    for name in used:
        if not scan.is_number(name):
            raise DataError(
                WHERE,
                f"columns must hold {_NUMBERS}, got {scan.types[name]} in {name!r}",
                "Make numbers of it in SQL, or leave it out: features=[…].",
            )
    return TableStream(
        scan, chosen, target, weight, np.dtype(dtype), int(seed) if shuffle else None
    )


def _known(scan: Scan, what: str, name: object) -> str:
    if not isinstance(name, str) or name not in scan.types:
        raise ArgumentError(
            WHERE,
            f"{what} must be a column of the table, got {name!r}",
            nearest(str(name), scan.names),
        )
    return name


def _scan(source: Any, database: Any, memory: int) -> Scan:
    if isinstance(source, str) and engine.is_query(source):
        path: Path | None = None if database is None else as_path(WHERE, database)
        return scan_query(WHERE, source, path, memory)
    if database is not None:
        raise ArgumentError(
            WHERE,
            f"database goes with a query, got {source!r}",
            'Write stream_table("SELECT * FROM …", database=path).',
        )
    if not isinstance(source, (str, os.PathLike)):
        raise ArgumentError(
            WHERE,
            f"a source must be a path or a query, got an object of type {type(source).__name__}",
            "What is in memory goes to fit as arrays.",
        )
    path = as_path(WHERE, source)
    scan = sources.scan_of(WHERE, sources.files(path), path.name, memory)
    if scan is not None:
        return scan
    raise DataError(
        f'{WHERE} "{path.name}"',
        "a stream is read from Parquet or a DuckDB file, got another file",
        "Write it as Parquet once, or read it whole: read_table(path).",
    )
