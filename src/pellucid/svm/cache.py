"""Kernel rows in memory: as many as fit into so many bytes, the one not used for longest leaves.

In: numbers of rows, and a source that computes rows. Out: the address of each row for machine code;
0 where it is not there.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from pellucid.data.arrays import Array
from pellucid.runtime.results import empty

LEAST = 4  # rows that there is always room for: a pair, and another


class Source(Protocol):
    """What computes kernel rows over n training rows."""

    n: int
    dtype: np.dtype[Any]
    cheap: bool  # a row is computed about as fast as it is read

    def diagonal(self) -> Array:
        """k(a, a) of all rows, (n,) in its dtype."""

    def rows(self, wanted: Array, goals: Array, threads: int) -> None:
        """Computes rows by their numbers and writes them to addresses."""

    def among(self, rows: Array) -> Array:
        """The kernels of rows with each other, in C order."""


class RowCache:
    """The rows of a kernel matrix that were computed and are still there.

    Args:
        most: bytes for rows; the memory is taken as it is needed.

    Attributes:
        addresses: int64 (n,), 0 where a row is not there.
        room: how many rows fit.
        computed: how many rows were computed in all.
    """

    def __init__(self, source: Source, most: int):
        self.source = source
        size = source.n * source.dtype.itemsize
        self.room = max(LEAST, min(source.n, most // size))
        self._block = empty((self.room, source.n), source.dtype)
        self.cheap = source.cheap
        self.dtype, self.diagonal = source.dtype, source.diagonal()
        self._base, self._size = self._block.ctypes.data, size
        self.addresses = np.zeros(source.n, np.int64)
        self._owner = np.full(self.room, -1, np.int64)  # the row in each place
        self._used = np.zeros(self.room, np.int64)  # when it was used last
        self._filled = self._clock = self.computed = 0

    def touch(self, rows: Array) -> None:
        """Counts these rows as used now, where they are there."""
        self._clock += 1
        places = self._places(rows[self.addresses[rows] != 0])
        self._used[places] = self._clock

    def ensure(self, rows: Array, threads: int) -> None:
        """Has these rows there, at most `room` of them."""
        self.touch(rows)
        missing = rows[self.addresses[rows] == 0]
        if not len(missing):
            return
        places = self._vacate(len(missing))
        goals = self._base + places * self._size
        self.source.rows(missing, goals, threads)
        self.addresses[missing] = goals
        self._owner[places] = missing
        self._used[places] = self._clock
        self.computed += len(missing)

    def among(self, rows: Array) -> Array:
        """k of these rows, which are there, with each other."""
        if self.cheap:
            return self.source.among(rows)
        return self._block.reshape(-1).take(self._places(rows)[:, None] * self.source.n + rows)

    def _places(self, rows: Array) -> Array:
        return (self.addresses[rows] - self._base) // self._size

    def _vacate(self, count: int) -> Array:
        """Places for so many rows: fresh ones first, then those that were not used for longest."""
        fresh = np.arange(self._filled, min(self._filled + count, self.room))
        self._filled += len(fresh)
        left = count - len(fresh)
        if not left:
            return fresh
        oldest = np.argsort(self._used, kind="stable")
        oldest = np.sort(oldest[self._owner[oldest] >= 0][:left])
        self.addresses[self._owner[oldest]] = 0
        self._owner[oldest] = -1
        return np.concatenate([fresh, oldest])


class WholeMatrix:
    """All kernel rows, in one matrix that was given or is small: nothing is ever missing.

    Args:
        matrix: (n, n) in C order, float32 or float64.
    """

    def __init__(self, matrix: Array):
        self.matrix, self.dtype, self.room = matrix, matrix.dtype, len(matrix)
        self.cheap = True
        self.diagonal = matrix.diagonal().copy()
        self.addresses = matrix.ctypes.data + np.arange(len(matrix)) * matrix.strides[0]
        self.computed = self.room

    def touch(self, rows: Array) -> None:
        """Nothing leaves."""

    def ensure(self, rows: Array, threads: int) -> None:
        """All rows are there."""

    def among(self, rows: Array) -> Array:
        """k of these rows with each other."""
        return self.matrix.reshape(-1).take(rows[:, None] * len(self.matrix) + rows)
