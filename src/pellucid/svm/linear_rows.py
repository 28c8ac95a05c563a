"""Rows of features for linear problems: their products, sums and sweeps in machine code.

In: an array (n, features), which is not copied, and a constant that stands for one more column.
Out: float64, the same bits for any number of threads. `linear_reference.py` has the same in NumPy.
"""

from __future__ import annotations

import functools

import numpy as np

from pellucid.compiler.codegen.routine import Routine
from pellucid.core.dtypes import float32, float64
from pellucid.data.arrays import Array
from pellucid.runtime.calls import address_of
from pellucid.runtime.routines import Call, Library
from pellucid.svm import emit_linear
from pellucid.svm.linear_reference import LinearRowsReference, Sweep
from pellucid.svm.routines import native

_PIECE = 50_000_000  # numbers that one call reads, at most: some 0.02 s


@functools.cache
def _library(single: bool) -> Library:
    return Library(emit_linear.emit, float32 if single else float64)


def linear_rows(x: Array, intercept: float) -> LinearRowsReference:
    """`LinearRows`, as machine code where there can be."""
    return LinearRows(x, intercept) if native() else LinearRowsReference(x, intercept)


class LinearRows(LinearRowsReference):
    """`LinearRowsReference`, in machine code.

    Args:
        x: C-ordered.
    """

    def _call(self, routine: Routine) -> Call:
        return _library(self.x.dtype == np.float32).routine(routine)

    @property
    def _words(self) -> tuple[int, int, float]:
        return address_of(self.x), self.x.shape[1], self.intercept

    @property
    def _steps(self) -> int:
        """How many rows one call takes."""
        return max(1, _PIECE // (int(self.x.shape[1]) + 1))

    def products(self, weight: Array, threads: int = 1) -> Array:
        """As `LinearRowsReference.products`."""
        call, out = self._call(emit_linear.PRODUCTS), np.empty(len(self.x))
        for first in range(0, len(out), self._steps):
            count = min(self._steps, len(out) - first)
            words = (address_of(weight), address_of(out), first, count)
            call(*self._words, *words, threads=threads)
        return out

    def combine(self, places: Array, coefficients: Array, threads: int = 1) -> Array:
        """As `LinearRowsReference.combine`."""
        call, out = self._call(emit_linear.COMBINE), np.zeros(self.x.shape[1] + 1)
        for first in range(0, len(places), self._steps):
            some, factors = places[first : first + self._steps], coefficients[first:]
            words = (address_of(some), address_of(factors), address_of(out), len(some))
            call(*self._words, *words, threads=threads)
        return out

    def sweep(
        self,
        order: Array,
        active: int,
        signs: Array,
        squares: Array,
        upper: Array,
        shift: Array,
        alpha: Array,
        weight: Array,
        high: float,
        low: float,
    ) -> Sweep:
        """As `LinearRowsReference.sweep`."""
        call = self._call(emit_linear.SWEEP)
        arrays = (order, signs, squares, upper, shift, alpha, weight)
        addresses = [address_of(array) for array in arrays]
        state: tuple[float, ...] = (0, active, -np.inf, np.inf)
        while state[0] < state[1]:
            table = call(*self._words, *addresses, high, low, self._steps, *state)
            state = table.place, table.active, table.top, table.least
        return Sweep(int(state[1]), state[2], state[3])
