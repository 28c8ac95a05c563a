"""Rows of which most numbers are 0: kernels of them without making them dense.

In: rows by their numbers that are not 0. Out: kernel rows for the solver, and sums of kernels for
predictions. Products of two rows add in the order of the columns, so a·b and b·a have
the same bits, and |a - a|² is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.data.arrays import Array
from pellucid.data.sparse import SparseRows, ranges
from pellucid.svm.kernels import Kernel
from pellucid.svm.reference import view

_TOGETHER = 1 << 22  # kernel values that are computed at once


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
        places = ranges(self.starts[a.columns], counts)
        values = np.repeat(a.data.astype(np.float64), counts) * self.data[places]
        goals = np.repeat(a.owner * self.count, counts) + self.rows[places]
        size = len(a) * self.count
        found = np.bincount(goals, values, minlength=size)
        return np.asarray(found.reshape(len(a), self.count))


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
