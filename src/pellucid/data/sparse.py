"""Tables of which most numbers are 0.

In: a sparse matrix of SciPy's, which is not imported. Out: its rows by their numbers that are not
0, and dense ones where some of them are asked for.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from pellucid.core import notices, shapes
from pellucid.core.errors import DataError, DTypeError, ShapeError
from pellucid.core.signals import deferred
from pellucid.runtime.memory import free_memory

Array = np.ndarray[Any, Any]
TOGETHER = 1 << 24  # bytes of rows that are dense at a time, where a step does not take more
_DOUBLE = np.dtype(np.float64)
_LARGE = 1 << 26  # bytes of which it is said that they are dense


def held(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What rows of this dtype are used in: float32 where it holds all its numbers, else float64."""
    small = dtype.itemsize <= (4 if dtype.kind == "f" else 2)
    return np.dtype(np.float32 if small else np.float64)


def is_sparse(x: Any) -> bool:
    """Whether x is a sparse matrix or array of SciPy's."""
    return hasattr(x, "tocsr") and hasattr(x, "shape") and hasattr(x, "nnz")


class SparseRows:
    """A table (n, D) by its numbers that are not 0.

    Attributes:
        data: (nnz,) float32 or float64, row by row, each in the order of its columns.
        columns: int64 (nnz,); starts: int64 (n + 1,), where each row begins.
    """

    def __init__(self, data: Array, columns: Array, starts: Array, width: int):
        self.data, self.columns, self.starts = data, columns, starts
        self.shape = (len(starts) - 1, width)
        self.dtype = data.dtype

    @classmethod
    def of(
        cls, x: Any, where: str, columns: int | None = None, dtype: np.dtype[Any] = _DOUBLE
    ) -> SparseRows:
        """From a matrix of SciPy's, whose entries of one place are added.

        Args:
            dtype: what they are used in; whole numbers that it cannot hold are refused.

        Raises:
            ShapeError: for another number of columns. DTypeError: for what are no real numbers.
            DataError: for NaN and infinity, and for places outside of x.
        """
        if len(x.shape) != 2 or (columns is not None and x.shape[1] != columns):
            wanted = f"(N, {'D' if columns is None else columns})"
            raise ShapeError(where, f"x must be {wanted}, got {shapes.text(x.shape)}")
        if not all(x.shape):
            raise ShapeError(where, f"x must hold numbers, got {shapes.text(x.shape)}")
        if x.dtype.kind not in "biuf":
            raise DTypeError(where, f"x must hold real numbers, got {x.dtype}")
        _check_places(x, where)
        rows = x.tocsr(copy=True)
        rows.sum_duplicates()
        rows.eliminate_zeros()
        given = np.asarray(rows.data)
        with np.errstate(over="ignore"):
            data = given.astype(held(given.dtype), copy=False)
        starts = np.asarray(rows.indptr, np.int64)
        made = cls(data, np.asarray(rows.indices, np.int64), starts, int(x.shape[1]))
        made._check_numbers(given, where, dtype)
        return made

    def _check_numbers(self, given: Array, where: str, dtype: np.dtype[Any]) -> None:
        """Refuses numbers that are not finite, and whole ones that are rounded."""
        odd = ~np.isfinite(self.data)
        what = "finite"
        if given.dtype.kind in "iu" and not odd.any():
            size = np.abs(self.data)
            odd = size >= 2.0 ** (np.finfo(dtype).nmant + 1)
            back = self.data.astype(dtype).astype(given.dtype)
            odd &= (back != given) | (size >= 2.0**63)
            what = f"whole numbers that {dtype} holds"
        if odd.any():
            at = int(np.argmax(odd))
            raise DataError(
                where,
                f"x must be {what}, got {given[at]} in row {self.owner[at]}, column "
                f"{self.columns[at]}",
            )

    @classmethod
    def from_dense(cls, x: Array) -> SparseRows:
        """From an array (n, D)."""
        row, column = np.nonzero(x)
        starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(x)))])
        return cls(x[row, column], column.astype(np.int64), starts.astype(np.int64), x.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> SparseRows:
        rows = np.arange(len(self))[rows]
        counts = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        places = ranges(self.starts[rows], counts)
        return SparseRows(self.data[places], self.columns[places], starts, self.shape[1])

    def astype(self, dtype: Any) -> SparseRows:
        """The same table with its numbers in another dtype."""
        return SparseRows(self.data.astype(dtype), self.columns, self.starts, self.shape[1])

    @property
    def owner(self) -> Array:
        """The row of each number."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def squares(self) -> Array:
        """|a|² of each row, float64."""
        exact = self.data.astype(np.float64)
        return np.bincount(self.owner, exact * exact, minlength=len(self))

    def mean_and_variance(self, weights: Array | None) -> tuple[float, float]:
        """Of all numbers, zeros too; rows count as often as they weigh."""
        exact = self.data.astype(np.float64)
        own = 1.0 if weights is None else weights[self.owner]
        total = self.shape[1] * (len(self) if weights is None else float(weights.sum()))
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float((own * exact).sum()) / total
            return mean, max(float((own * exact * exact).sum()) / total - mean * mean, 0.0)


def _check_places(x: Any, where: str) -> None:
    """Refuses entries outside of x: SciPy's own steps trust that there are none."""
    try:
        if hasattr(x, "check_format"):
            with deferred(), warnings.catch_warnings():  # Ctrl-C would let them be ignored for ever
                warnings.simplefilter("ignore")  # of dtypes that it mends
                x.copy().check_format(full_check=True)
            inside = True
        elif hasattr(x, "row") and hasattr(x, "col"):
            places = zip((x.row, x.col), x.shape, strict=True)
            inside = all(((at >= 0) & (at < size)).all() for at, size in places)
        else:
            inside = True
    except (ValueError, IndexError) as error:
        raise DataError(where, f"x must be a sparse matrix that holds together: {error}") from None
    if not inside:
        raise DataError(where, f"x must have its entries within {shapes.text(x.shape)}")


def ranges(starts: Array, counts: Array) -> Array:
    """The numbers from each start on, as many as each count says."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - ends + counts, counts) + np.arange(total)


class SparseTable:
    """A sparse matrix in the place of an array (N, D): some of its rows are an array.

    Args:
        rows: its numbers that are not 0.
    """

    ndim = 2

    def __init__(self, rows: SparseRows):
        self._rows = rows
        self.shape, self.dtype = rows.shape, rows.dtype

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        """What the rows would take if they were dense."""
        size: int = len(self) * self.shape[1] * self.dtype.itemsize
        return size

    def __getitem__(self, rows: Any) -> Array:
        """These rows, dense."""
        some = self._rows[rows]
        dense = np.zeros(some.shape, self.dtype)
        dense[some.owner, some.columns] = some.data
        return dense

    def at_a_time(self, dtype: np.dtype[Any]) -> int:
        """How many rows of this dtype are dense at a time."""
        return max(1, TOGETHER // (self.shape[1] * dtype.itemsize))

    def dense(self, dtype: np.dtype[Any], where: str) -> Array:
        """All rows, where the memory holds them.

        Raises:
            DataError: where it does not.
        """
        needed, free = self.shape[0] * self.shape[1] * dtype.itemsize, free_memory()
        if free is not None and needed > free:
            raise DataError(
                where,
                f"all rows of the sparse x are taken at once, and are dense for it: "
                f"{needed / 1e9:.3g} GB must be free, got {free / 1e9:.3g} GB",
                "Take a network with steps of fewer rows, such as optimizer='adam' and "
                "batch_size=200 make them, or fewer columns.",
            )
        if needed >= _LARGE:
            notices.once(
                f"[{where}] all rows of the sparse x are taken at once, and are dense for it: "
                f"{needed / 1e9:.3g} GB."
            )
        whole, step = np.empty(self.shape, dtype), self.at_a_time(dtype)
        for first in range(0, len(self), step):
            part = self[first : first + step]
            with np.errstate(over="ignore"):  # a step names what overflows
                whole[first : first + step] = part
        return whole
