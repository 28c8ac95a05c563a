"""The routines of the solver in NumPy: what the machine code of `routines.py` is compared with.

In: arrays of the quadratic problem, which are changed in place. Out: how a run ended; kernel rows.
Names, arguments and results are those of the machine code, in whose place they run where there is
none. The problem, with F = Kβ - z and β_t the sum of b_v over the variables v of row t:

    minimise ½ β'Kβ - z'β + Σ off_v b_v   with lo ≤ b ≤ hi and Σ b_v fixed in each group

Variables stand in segments, each of which has one offset off.
"""

from __future__ import annotations

import ctypes
import enum
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.data.arrays import Array
from pellucid.svm.kernels import Kernel

LEAST_CURVATURE = 1e-12  # of a pair, where its two rows are alike


class Status(enum.IntEnum):
    """Why a run of `smo` ended."""

    CONVERGED = 0
    BOUND = 1  # so many iterations were done
    MISSING = 2  # a kernel row is not there
    STOPPED = 3
    NOT_FINITE = 4  # an infinity or NaN stands in F or in a kernel row that was used
    STALLED = 5  # the step of the best pair is lost in rounding


class Outcome(NamedTuple):
    """How a run of `smo` ended.

    Args:
        iterations: pairs that were changed.
        gap: the largest violation over all groups when it ended; -inf where nothing can move.
        missing: the number of the row that is not there, else -1.
    """

    status: Status
    iterations: int
    gap: float
    missing: int


def smo(
    rows: Array,
    diag: Array,
    F: Array,
    b: Array,
    lo: Array,
    hi: Array,
    up: Array,
    low: Array,
    segments: Array,
    tolerance: float,
    iterations: int,
    stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Sequential minimal optimisation: changes pairs until no pair violates by more than asked.

    A pair (i, j) of one group, b_i += δ and b_j -= δ: i has the least F + up; j is chosen by second
    order among those with d = (F + low)_j - (F + up)_i > 0, the largest d²/a with
    a = max(K_ii + K_jj - 2 K_ij, LEAST_CURVATURE). Ties go to the smallest number. Of several
    groups with a gap above the tolerance, the pair with the largest d²/a is changed, of equal ones
    that of the lowest group.

    Args:
        rows: int64[n], the address of each kernel row, 0 where it was not computed.
        diag: K_tt, in the dtype of the kernel rows, float32 or float64.
        F: float64[n].
        b, lo, hi: float64, one number a variable.
        up: off where b_v < hi_v, else inf; off is one number a segment.
        low: off where b_v > lo_v, else -inf.
        segments: int64, a line each: first variable, first row, first column in the kernel rows,
            length, group (0, 1, …), updates. Lines ascend by variable. `updates` is 1 for exactly
            one of the segments over a range of rows, the first one: its pass updates F.
        tolerance: the gap at which it ends, at least 0.
        iterations: how many pairs it changes, at most.
        stop: asked now and then; where it says so, the run ends as STOPPED.

    F, b, up and low are changed in place and agree with each other at every return.
    """
    table = [_Segment(*map(int, line)) for line in segments]
    order = sorted({s.group for s in table})
    length = max((s.column + s.length for s in table), default=0)
    offsets = [_offset(up[s.variables], low[s.variables]) for s in table]
    count = 0
    while True:
        least, gaps = dict.fromkeys(order, math.inf), dict.fromkeys(order, -math.inf)
        first = dict.fromkeys(order, (-1, -1))  # a segment and a place in it
        for number, (s, offset) in enumerate(zip(table, offsets, strict=True)):
            grows = np.where(up[s.variables] < math.inf, F[s.rows], math.inf)
            if grows.min(initial=math.inf) + offset < least[s.group]:
                least[s.group] = float(grows.min() + offset)
                first[s.group] = number, int(grows.argmin())
        levels = [least[s.group] - offset for s, offset in zip(table, offsets, strict=True)]
        for number, place in first.values():
            if number >= 0:  # not rounded: i is no partner of its own
                levels[number] = float(F[table[number].row + place])
        for s, level in zip(table, levels, strict=True):
            shrinks = np.where(low[s.variables] > -math.inf, F[s.rows], -math.inf)
            largest = float(shrinks.max(initial=-math.inf))
            gaps[s.group] = max(gaps[s.group], largest - level)
        gap = max(gaps.values(), default=-math.inf)
        done = [Status.CONVERGED] * (not gap > tolerance) + [Status.BOUND] * (count >= iterations)
        if not all(np.isfinite(F[s.rows]).all() for s in table):
            done = [Status.NOT_FINITE]
        elif not done and stop is not None and stop():
            done = [Status.STOPPED]
        if done:
            return Outcome(done[0], count, gap, -1)
        best, step, pair = -1.0, math.nan, (-1, -1, -1, -1)  # i and j, each with its row
        for g in order:
            if not gaps[g] > tolerance:
                continue
            number, place = first[g]
            i, row_i = table[number].variable + place, table[number].row + place
            if not rows[row_i]:
                return Outcome(Status.MISSING, count, gap, row_i)
            row = view(rows[row_i], length, diag.dtype).astype(np.float64)
            for s, level in zip(table, levels, strict=True):
                if s.group != g or not s.length:
                    continue
                d = F[s.rows] - level
                a = float(diag[row_i]) + diag[s.rows].astype(np.float64) - 2 * row[s.columns]
                a = np.where(a < LEAST_CURVATURE, LEAST_CURVATURE, a)
                with np.errstate(invalid="ignore", over="ignore"):
                    gain = np.where((low[s.variables] > -math.inf) & (d > 0), d * d / a, -1.0)
                place = int(np.argmax(np.where(np.isnan(gain), -1.0, gain)))
                if gain[place] > best:
                    best, step = float(gain[place]), float(d[place] / a[place])
                    pair = i, row_i, s.variable + place, s.row + place
        if best < 0 or not math.isfinite(step):
            return Outcome(Status.NOT_FINITE, count, gap, -1)
        i, row_i, j, row_j = pair
        if not rows[row_j]:
            return Outcome(Status.MISSING, count, gap, row_j)
        step = min(step, hi[i] - b[i], b[j] - lo[j])
        offset_i, offset_j = up[i], low[j]
        grown = hi[i] if step >= hi[i] - b[i] else min(b[i] + step, hi[i])
        shrunk = lo[j] if step >= b[j] - lo[j] else max(b[j] - step, lo[j])
        if grown == b[i] and shrunk == b[j]:
            return Outcome(Status.STALLED, count, gap, -1)
        b[i], b[j] = grown, shrunk
        for v, offset in ((i, offset_i), (j, offset_j)):
            up[v] = offset if b[v] < hi[v] else math.inf
            low[v] = offset if b[v] > lo[v] else -math.inf
        one, other = (view(rows[r], length, diag.dtype).astype(np.float64) for r in (row_i, row_j))
        for s in table:
            if s.updates:
                with np.errstate(invalid="ignore", over="ignore"):
                    F[s.rows] += step * (one - other)[s.columns]
        count += 1


class _Segment(NamedTuple):
    variable: int
    row: int
    column: int
    length: int
    group: int
    updates: int

    @property
    def variables(self) -> slice:
        return slice(self.variable, self.variable + self.length)

    @property
    def rows(self) -> slice:
        return slice(self.row, self.row + self.length)

    @property
    def columns(self) -> slice:
        return slice(self.column, self.column + self.length)


def _offset(up: Array, low: Array) -> float:
    """The offset of a segment, from a variable that is free to move; 0 where none is."""
    known = np.concatenate([up[up < math.inf], low[low > -math.inf]])
    return float(known.max(initial=-math.inf)) if len(known) else 0.0


class Packed:
    """Rows X (n, d), float32 or float64, ready for kernels between them and others.

    X is read when it is first needed and must stay as it is.
    """

    def __init__(self, X: Array):
        self.X = X
        self.shape, self.dtype = X.shape, X.dtype

    def rows(self, kernel: Kernel, A: Array, out: Array, threads: int = 1) -> None:
        """k(A_m, X_n), in the dtype of X.

        Each number is computed by one thread in one order of its sums: it depends on neither the
        number of threads nor on what else is asked for. k(a, a) of an rbf kernel is exactly 1.

        Args:
            A: (m, d), in the dtype of X.
            out: (m, n), in the dtype of X; or int64[m], the addresses of m rows of n numbers.
        """
        n = len(self.X)
        for first in range(0, len(A), 256):
            part = slice(first, first + 256)
            values = self._exact(kernel, A[part])
            goals = out[part] if out.ndim == 2 else [view(at, n, self.dtype) for at in out[part]]
            for goal, line in zip(goals, values, strict=True):
                goal[...] = line

    def combine(
        self, kernel: Kernel, A: Array, coefficients: Array, threads: int = 1
    ) -> NDArray[np.float64]:
        """Σ_s coefficients[k, s] · k(A_m, X_s): float64 (m, k), from kernels in the dtype of X.

        The matrix of all kernels is never held as a whole.
        """
        out = np.empty((len(A), len(coefficients)))
        for first in range(0, len(A), 256):
            part = slice(first, first + 256)
            kernels = self._exact(kernel, A[part]).astype(self.dtype).astype(np.float64)
            out[part] = kernels @ coefficients.T
        return out

    def _exact(self, kernel: Kernel, A: Array) -> NDArray[np.float64]:
        """Kernels in float64."""
        a, x = A.astype(np.float64), self.X.astype(np.float64)
        with np.errstate(all="ignore"):
            if kernel.kind == "rbf":
                middle = x.mean(axis=0) if len(x) else 0.0
                a, x = a - middle, x - middle
                distance = np.sum(a * a, 1)[:, None] + np.sum(x * x, 1) - 2 * (a @ x.T)
                same = np.array([(x == line).all(axis=1) for line in a]).reshape(distance.shape)
                distance = np.where((distance < 0) | same, 0.0, distance)
                return np.asarray(np.exp(-kernel.gamma * distance))
            return kernel.of_products(a @ x.T)


def accumulate(
    rows: Array, coefficients: Array, F: Array, column: int, threads: int, dtype: Any
) -> None:
    """F += Σ_s coefficients_s · row_s[column : column + len(F)], in float64, s by s.

    Args:
        rows: int64[s], the addresses of kernel rows; none of them 0.
        coefficients: float64[s].
        F: float64.
        dtype: of the kernel rows.
    """
    for address, coefficient in zip(rows, coefficients, strict=True):
        row = view(address, column + len(F), np.dtype(dtype))
        F += coefficient * row[column:].astype(np.float64)


def view(address: int, count: int, dtype: Any) -> Array:
    """The `count` numbers that stand at an address, as an array over them."""
    kind = ctypes.c_float if np.dtype(dtype) == np.float32 else ctypes.c_double
    return np.ctypeslib.as_array((kind * count).from_address(int(address)))
