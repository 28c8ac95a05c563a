"""Where kernel rows come from: the data and a kernel by name, or a function of a person's own.

In: the training rows, in the order in which problems see them. Out: kernel rows at addresses, and
sums of kernels, for the solver.
"""

from __future__ import annotations

import numpy as np

from pellucid.data.arrays import Array
from pellucid.svm.kernels import Kernel
from pellucid.svm.own import OwnKernel
from pellucid.svm.reference import view
from pellucid.svm.routines import packed

_DIAGONAL = 64  # rows that are paired with each other
_NARROW = 64  # columns
_ROWS = 4096  # that are made float64 at once


class NamedSource:
    """Kernel rows of one of the kernels by name.

    Args:
        x: (n, D) float32 or float64, C order.
    """

    def __init__(self, kernel: Kernel, x: Array):
        self.kernel, self.x, self.n, self.dtype = kernel, x, len(x), x.dtype
        self.cheap = x.shape[1] <= _NARROW
        self.packed = packed(x)

    def single(self) -> NamedSource:
        """The same in float32."""
        return NamedSource(self.kernel, self.x.astype(np.float32))

    def double(self) -> NamedSource:
        """The same in float64."""
        return NamedSource(self.kernel, self.x.astype(np.float64))

    def diagonal(self) -> Array:
        """k(a, a) of all rows, (n,)."""
        squares = np.einsum("ij,ij->i", self.x, self.x, dtype=np.float64)
        return self.kernel.diagonal(squares).astype(self.dtype)

    def rows(self, wanted: Array, goals: Array, threads: int) -> None:
        """Computes rows by their numbers and writes them to addresses."""
        self.packed.rows(self.kernel, self.x[wanted], goals, threads)

    def among(self, rows: Array) -> Array:
        """The kernels of rows with each other."""
        x = self.x[rows]
        out = np.empty((len(x), len(x)), self.dtype)
        packed(x).rows(self.kernel, x, out)
        return out

    def whole(self, threads: int) -> Array:
        """All rows, float64 (n, n)."""
        x = self.x.astype(np.float64, copy=False)
        side = self.packed if x is self.x else packed(x)
        out = np.empty((self.n, self.n))
        side.rows(self.kernel, x, out, threads)
        return out

    def sums(self, coefficients: Array, threads: int) -> Array:
        """Σ_s coefficients[k, s]·k(x_t, x_s): float64 (n, k)."""
        used = np.flatnonzero(coefficients.any(axis=0))
        return packed(self.x[used]).combine(self.kernel, self.x, coefficients[:, used], threads)

    def exact(self, coefficients: Array, threads: int, rows: Array | None = None) -> Array:
        """`sums` in float64 throughout, of some rows or of all."""
        used = np.flatnonzero(coefficients.any(axis=0))
        exact, kept = packed(self.x[used].astype(np.float64)), coefficients[:, used]
        x = self.x if rows is None else self.x[rows]
        parts = [
            exact.combine(self.kernel, x[n : n + _ROWS].astype(np.float64), kept, threads)
            for n in range(0, len(x), _ROWS)
        ]
        return np.concatenate(parts)

    def matrix_of(self, rows: Array, threads: int) -> Array:
        """The kernel matrix of some rows, float64."""
        return NamedSource(self.kernel, self.x[rows]).whole(threads)


class OwnSource:
    """Kernel rows of a function of a person's own."""

    cheap = False

    def __init__(self, kernel: OwnKernel, x: Array):
        self.kernel, self.x, self.n, self.dtype = kernel, x, len(x), x.dtype

    def double(self) -> OwnSource:
        """The same in float64."""
        return OwnSource(self.kernel, self.x.astype(np.float64))

    def diagonal(self) -> Array:
        """k(a, a) of all rows, (n,)."""
        step = min(_DIAGONAL, self.n)
        places = np.minimum(np.arange(-(-self.n // step) * step), self.n - 1)  # one graph for all
        parts = [self.x[places[n : n + step]] for n in range(0, self.n, step)]
        return np.concatenate([self.kernel.block(a, a).diagonal() for a in parts])[: self.n]

    def rows(self, wanted: Array, goals: Array, threads: int) -> None:
        """Computes rows by their numbers and writes them to addresses."""
        for goal, line in zip(goals, self.kernel.block(self.x[wanted], self.x), strict=True):
            view(goal, self.n, self.dtype)[:] = line

    def among(self, rows: Array) -> Array:
        """The kernels of rows with each other."""
        return self.kernel.block(self.x[rows], self.x[rows])

    def whole(self, threads: int) -> Array:
        """All rows, float64 (n, n)."""
        x = self.x.astype(np.float64, copy=False)
        return np.ascontiguousarray(self.kernel.block(x, x))

    def sums(self, coefficients: Array, threads: int) -> Array:
        """Σ_s coefficients[k, s]·k(x_t, x_s): float64 (n, k)."""
        used = np.flatnonzero(coefficients.any(axis=0))
        return self.kernel.sums(self.x, self.x[used], coefficients[:, used])

    def exact(self, coefficients: Array, threads: int, rows: Array | None = None) -> Array:
        """`sums` in float64 throughout, of some rows or of all."""
        exact = OwnSource(self.kernel, self.x.astype(np.float64, copy=False))
        if rows is None:
            return exact.sums(coefficients, threads)
        return self.kernel.sums(
            exact.x[rows], exact.x, coefficients
        )  # the graph of `double` serves

    def matrix_of(self, rows: Array, threads: int) -> Array:
        """The kernel matrix of some rows, float64."""
        x = self.x[rows].astype(np.float64)
        return self.kernel.block(x, x)


class MatrixSource:
    """Kernel rows that were computed before.

    Args:
        matrix: (n, n) float32 or float64, C order.
    """

    def __init__(self, matrix: Array):
        self.matrix, self.n, self.dtype = matrix, len(matrix), matrix.dtype

    def whole(self, threads: int) -> Array:
        """All rows, (n, n)."""
        return self.matrix

    def sums(self, coefficients: Array, threads: int) -> Array:
        """Σ_s coefficients[k, s]·K[t, s]: float64 (n, k)."""
        used = np.flatnonzero(coefficients.any(axis=0))
        return np.asarray(self.matrix[:, used].astype(np.float64) @ coefficients[:, used].T)

    exact = sums

    def matrix_of(self, rows: Array, threads: int) -> Array:
        """The kernel matrix of some rows, float64."""
        return self.matrix[rows[:, None], rows].astype(np.float64)
