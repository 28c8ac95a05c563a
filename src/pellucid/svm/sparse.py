"""Rows of which most numbers are 0: kernels of them without making them dense.

In: a sparse matrix of SciPy's, which is not imported. Out: kernel rows for the solver, and sums of
kernels for predictions. Products of two rows add in the order of the columns, so a·b and b·a have
the same bits, and |a - a|² is 0.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import DataError, DTypeError, ShapeError
from pellucid.data.arrays import Array
from pellucid.svm.kernels import Kernel
from pellucid.svm.reference import view

_TOGETHER = 1 << 22  # kernel values that are computed at once


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
    def of(cls, x: Any, where: str, columns: int | None = None) -> SparseRows:
        """From a matrix of SciPy's, whose entries of one place are added.

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
        made._check_numbers(given, where)
        return made

    def _check_numbers(self, given: Array, where: str) -> None:
        """Refuses numbers that are not finite, and whole ones that are rounded."""
        odd = ~np.isfinite(self.data)
        what = "finite"
        if given.dtype.kind in "iu" and not odd.any():
            size = np.abs(self.data)
            odd = (size >= 2.0**53) & ((self.data.astype(given.dtype) != given) | (size >= 2.0**63))
            what = "whole numbers that float64 holds"
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
        places = _ranges(self.starts[rows], counts)
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
            with warnings.catch_warnings():
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


class _ByColumn:
    """The numbers of a table column by column."""

    def __init__(self, x: SparseRows):
        order = np.argsort(x.columns, kind="stable")
        self.rows, self.data = x.owner[order], x.data[order].astype(np.float64)
        counts = np.bincount(x.columns, minlength=x.shape[1])
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        self.count = len(x)

    def products(self, a: SparseRows) -> Array:
        """a_m·x_n, float64 (m, n)."""
        counts = np.diff(self.starts)[a.columns]
        places = _ranges(self.starts[a.columns], counts)
        values = np.repeat(a.data.astype(np.float64), counts) * self.data[places]
        goals = np.repeat(a.owner * self.count, counts) + self.rows[places]
        size = len(a) * self.count
        found = np.bincount(goals, values, minlength=size)
        return np.asarray(found.reshape(len(a), self.count))


def _ranges(starts: Array, counts: Array) -> Array:
    """The numbers from each start on, as many as each count says."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - ends + counts, counts) + np.arange(total)


class SparseKernel:
    """One of the kernels by name, of any rows with these.

    Args:
        x: (n, D), in whose dtype kernel values are given.
    """

    def __init__(self, kernel: Kernel, x: SparseRows):
        self.kernel, self.x = kernel, x
        self._by_column, self._squares = _ByColumn(x), x.squares()

    def block(self, a: SparseRows) -> Array:
        """k(a_m, x_n), float64 (m, n)."""
        kernel, values = self.kernel, self._by_column.products(a)
        if kernel.kind == "rbf":
            distance = a.squares()[:, None] + self._squares - 2 * values
            return np.asarray(np.exp(-kernel.gamma * np.maximum(distance, 0.0)))
        return kernel.of_products(values)

    def blocks(self, a: SparseRows) -> Any:
        """(first, `block` of the rows from there) for some rows after the other."""
        step = max(1, _TOGETHER // max(1, len(self.x)))
        for first in range(0, len(a), step):
            yield first, self.block(a[first : first + step])

    def sums(self, a: SparseRows, coefficients: Array) -> Array:
        """Σ_s coefficients[k, s]·k(a_m, x_s), float64 (m, k)."""
        out = np.zeros((len(a), len(coefficients)))
        for first, values in self.blocks(a):
            out[first : first + len(values)] = values @ coefficients.T
        return out


class SparseSource:
    """Kernel rows of sparse training rows, for the solver: see `sources`."""

    cheap = False

    def __init__(self, kernel: Kernel, x: SparseRows):
        self.kernel, self.x, self.n, self.dtype = kernel, x, len(x), x.dtype
        self.own = SparseKernel(kernel, x)

    def double(self) -> SparseSource:
        """The same with kernel rows in float64."""
        return SparseSource(self.kernel, self.x.astype(np.float64))

    def diagonal(self) -> Array:
        """k(a, a) of all rows, (n,)."""
        return self.kernel.diagonal(self.x.squares()).astype(self.dtype)

    def rows(self, wanted: Array, goals: Array, threads: int) -> None:
        """Computes rows by their numbers and writes them to addresses."""
        for first, values in self.own.blocks(self.x[wanted]):
            with np.errstate(over="ignore"):  # the solver refuses what is infinite
                values = values.astype(self.dtype, copy=False)
            for goal, line in zip(goals[first : first + len(values)], values, strict=True):
                view(goal, self.n, self.dtype)[:] = line

    def among(self, rows: Array) -> Array:
        """The kernels of rows with each other."""
        return SparseSource(self.kernel, self.x[rows]).whole(1).astype(self.dtype, copy=False)

    def whole(self, threads: int) -> Array:
        """All rows, float64 (n, n)."""
        out = np.empty((self.n, self.n))
        for first, values in self.own.blocks(self.x):
            out[first : first + len(values)] = values
        return out

    def sums(self, coefficients: Array, threads: int) -> Array:
        """Σ_s coefficients[k, s]·k(x_t, x_s): float64 (n, k)."""
        return self.exact(coefficients, threads)

    def exact(self, coefficients: Array, threads: int, rows: Array | None = None) -> Array:
        """`sums`, which are in float64 throughout, of some rows or of all."""
        used = np.flatnonzero(coefficients.any(axis=0))
        asked = self.x if rows is None else self.x[rows]
        return SparseKernel(self.kernel, self.x[used]).sums(asked, coefficients[:, used])

    def matrix_of(self, rows: Array, threads: int) -> Array:
        """The kernel matrix of some rows, float64."""
        return SparseSource(self.kernel, self.x[rows]).whole(threads)
