"""The five machines as one quadratic problem.

In: the rows of the kernel matrix that a machine sees, its targets and its bounds. Out: a `Problem`,
whose arrays the solver changes, and the numbers of the machine at its optimum. With β_t the sum of
b_v over the variables v of row t, and F = Kβ - z:

    minimise ½ β'Kβ - z'β + Σ off_v b_v   with lo ≤ b ≤ hi and Σ b_v fixed in each group
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core import forks
from pellucid.core.errors import DataError

Array = np.ndarray[Any, Any]
Ranges = Sequence[tuple[int, int]]  # of kernel rows, (first, stop), ascending


class Problem:
    """One quadratic problem: where its variables stand, and where they may go.

    Args:
        ranges: its rows among all kernel rows.
        z: float64 (n,), of its rows.
        lo, hi, offset, b: float64 (v,); b is a feasible start.
        segments: int64 (s, 6): see `reference.smo`.
        state: its rows, b, F, up and low, where they stand in arrays of others already.

    Attributes:
        rows: int64 (n,), the number of each of its rows among all kernel rows.
        owner: int64 (v,), the row of each variable, counted among its own.
        group: int64 (v,), the constraint of each variable.
        F: float64 (n,), Kβ - z; right once the start was added: see `start`.
    """

    def __init__(
        self,
        ranges: Ranges,
        z: Array,
        lo: Array,
        hi: Array,
        offset: Array,
        segments: Array,
        state: Sequence[Array] | None = None,
    ):
        self.ranges, self.z, self.lo, self.hi, self.offset = ranges, z, lo, hi, offset
        self.segments = segments
        self.single = len(lo) == len(z)  # one variable a row
        self.groups = int(segments[-1, 4]) + 1
        if state is None:
            b: Array = np.zeros(len(lo))
            state = _numbers(ranges), b, -z, *_directions(b, lo, hi, offset)
        self.rows, self.b, self.F, self.up, self.low = state

    @forks.cached_property
    def owner(self) -> Array:
        return np.concatenate([np.arange(s[1], s[1] + s[3]) for s in self.segments])

    @forks.cached_property
    def group(self) -> Array:
        return np.repeat(self.segments[:, 4], self.segments[:, 3])

    def refresh(self) -> None:
        """`up` and `low` after b was set."""
        self.up, self.low = _directions(self.b, self.lo, self.hi, self.offset)

    @property
    def beta(self) -> Array:
        """float64 (n,), the coefficient of each row."""
        if self.single:
            return self.b
        return np.bincount(self.owner, self.b, minlength=len(self.z))

    @property
    def bounds(self) -> Array:
        """float64 (n,), how large the coefficient of each row may be."""
        n = len(self.z)
        return np.asarray(self.hi[:n] - self.lo[:n])

    def multiplier(self, group: int = 0) -> float:
        """What F + off is where 0 of a group lies between its bounds: their mean, or the middle."""
        F = self.F if self.single else self.F[self.owner]
        arrays = [F, self.b, self.lo, self.hi, self.offset, self.up, self.low]
        if self.groups > 1:
            own = self.group == group
            arrays = [one[own] for one in arrays]
        return float(_multipliers(arrays, np.zeros(1, np.int64))[0])


class Together(Sequence[Problem]):
    """Problems of one group and one variable a row, whose arrays stand behind each other.

    So one call starts them all, and one walk reads off their answers.

    Args:
        ranges: of each problem; z, lo, hi: float64, of all.

    Attributes:
        starts: int64 (k + 1,), where each begins in the arrays of all: rows, z, lo, hi, b, F, up
            and low.
        segments: int64 (s, 6), of all; lines: int64 (k + 1,), where those of each begin.
    """

    def __init__(self, ranges: Sequence[Ranges], z: Array, lo: Array, hi: Array):
        self.z, self.lo, self.hi, self.offset = z, lo, hi, np.zeros(len(z))
        self.rows = _numbers([one for own in ranges for one in own])
        self.b, self.F = np.zeros(len(z)), -z
        self.up, self.low = _directions(self.b, lo, hi, self.offset)
        counts = [sum(stop - first for first, stop in own) for own in ranges]
        self.starts = np.cumsum([0, *counts])
        tables = [_lines(own) for own in ranges]
        self.segments = np.array([line for one in tables for line in one], np.int64)
        self.lines = np.cumsum([0, *map(len, tables)])
        self._ranges = ranges
        self._parts: dict[int, Problem] = {}

    def __len__(self) -> int:
        return len(self._ranges)

    def __getitem__(self, place: Any) -> Any:
        """A problem, whose arrays are parts of those of all. It is made when it is first needed."""
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        if place not in self._parts:
            arrays = [self.z, self.lo, self.hi, self.offset]
            arrays += [self.rows, self.b, self.F, self.up, self.low]
            part = slice(*self.starts[place : place + 2])
            z, lo, hi, offset, *state = [one[part] for one in arrays]
            segments = self.segments[slice(*self.lines[place : place + 2])]
            own = Problem(self._ranges[place], z, lo, hi, offset, segments, state)
            self._parts[place] = own
        return self._parts[place]

    def multipliers(self) -> Array:
        """float64 (k,), `Problem.multiplier` of each."""
        arrays = self.F, self.b, self.lo, self.hi, self.offset, self.up, self.low
        return _multipliers(arrays, self.starts[:-1])


def _multipliers(arrays: Sequence[Array], starts: Array) -> Array:
    """What F + off is where 0 lies between its bounds, of each of the parts that begin there.

    Args:
        arrays: F, b, lo, hi, offset, up and low, a number a variable.
    """
    F, b, lo, hi, offset, up, low = arrays
    inside = (b > lo) & (b < hi)
    counts = np.add.reduceat(inside, starts, dtype=np.int64)
    sums = np.add.reduceat(np.where(inside, F + offset, 0.0), starts)
    lowest, highest = np.minimum.reduceat(F + up, starts), np.maximum.reduceat(F + low, starts)
    with np.errstate(invalid="ignore"):
        middle = (lowest + highest) / 2
    middle = np.where(np.isinf(highest), lowest, middle)
    middle = np.where(np.isinf(lowest), highest, middle)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), middle))


def _directions(b: Array, lo: Array, hi: Array, offset: Array) -> tuple[Array, Array]:
    """`up` and `low`: see `reference.smo`."""
    return np.where(b < hi, offset, math.inf), np.where(b > lo, offset, -math.inf)


def _numbers(ranges: Ranges) -> Array:
    parts = [np.arange(first, stop) for first, stop in ranges]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _segments(ranges: Ranges, groups: Sequence[int] | None = None) -> Array:
    return np.array(_lines(ranges, groups), np.int64)


def _lines(ranges: Ranges, groups: Sequence[int] | None = None) -> list[list[int]]:
    """A line for each range of rows; one for all where they are neighbours of one group."""
    lines: list[list[int]] = []
    at = 0
    for n, (first, stop) in enumerate(ranges):
        group = 0 if groups is None else groups[n]
        if lines and groups is None and first == ranges[n - 1][1]:
            lines[-1][3] += stop - first
        else:
            lines.append([at, at, first, stop - first, group, 1])
        at += stop - first
    return lines


def classification(ranges: Sequence[Ranges], bounds: Array) -> Together:
    """C-SVC of two classes, several times: the rows of the first range are positive.

    Args:
        ranges: of each problem.
        bounds: float64, C times the weight of each row of all problems.
    """
    signs = np.tile([1.0, -1.0], len(ranges))
    spans = [(own[0][1] - own[0][0], sum(b - a for a, b in own[1:])) for own in ranges]
    z = np.repeat(signs, [count for span in spans for count in span])
    return Together(ranges, z, np.where(z > 0, 0.0, -bounds), np.where(z > 0, bounds, 0.0))


def nu_classification(ranges: Ranges, weights: Array, nu: float) -> Problem:
    """ν-SVC of two classes: each class is a group, whose coefficients add up to ν/2 of all weights.

    Args:
        weights: float64 (n,), of the rows; the bounds before they are scaled.

    At the optimum with multipliers μ₊ and μ₋, r = (μ₊ - μ₋)/2 divides the coefficients.
    """
    n, positive = len(weights), ranges[0][1] - ranges[0][0]
    side = np.where(np.arange(n) < positive, 1.0, -1.0)
    lo, hi = np.where(side > 0, 0.0, -weights), np.where(side > 0, weights, 0.0)
    groups = [0] + [1] * (len(ranges) - 1)
    problem = Problem(ranges, np.zeros(n), lo, hi, np.zeros(n), _segments(ranges, groups))
    total = nu * float(weights.sum()) / 2
    problem.b[:positive] = _filled(weights[:positive], total)
    problem.b[positive:] = -_filled(weights[positive:], total)
    problem.refresh()
    return problem


def one_class(n: int, weights: Array, nu: float) -> Problem:
    """The one-class machine: coefficients in [0, weight] that add up to ν of all weights."""
    ranges = [(0, n)]
    zeros = np.zeros(n)
    problem = Problem(ranges, zeros, np.zeros(n), weights, np.zeros(n), _segments(ranges))
    problem.b[:] = _filled(weights, nu * float(weights.sum()))
    problem.refresh()
    return problem


def regression(targets: Array, bounds: Array, epsilon: float) -> Problem:
    """ε-SVR: two variables a row, α in [0, C] with offset ε and -α* in [-C, 0] with offset -ε."""
    return _two_sided(targets, bounds, epsilon, (0, 0))


def nu_regression(targets: Array, bounds: Array, nu: float) -> Problem:
    """ν-SVR: the α and the α* of all rows add up to ν/2 of all bounds, each by itself.

    At the optimum ε = (μ of α* - μ of α)/2.
    """
    problem = _two_sided(targets, bounds, 0.0, (0, 1))
    n = len(targets)
    start = _filled(bounds, nu * float(bounds.sum()) / 2)
    problem.b[:n], problem.b[n:] = start, -start
    problem.refresh()
    return problem


def _two_sided(targets: Array, bounds: Array, epsilon: float, groups: tuple[int, int]) -> Problem:
    n = len(targets)
    zeros = np.zeros(n)
    segments = [[0, 0, 0, n, groups[0], 1], [n, 0, 0, n, groups[1], 0]]
    return Problem(
        [(0, n)],
        targets,
        np.concatenate([zeros, -bounds]),
        np.concatenate([bounds, zeros]),
        np.concatenate([np.full(n, epsilon), np.full(n, -epsilon)]),
        np.array(segments, np.int64),
    )


def _filled(bounds: Array, total: float) -> Array:
    """Coefficients that add up to `total`: the first rows at their bounds, the next one between."""
    before = np.cumsum(bounds) - bounds
    return np.clip(total - before, 0.0, bounds)


def largest_nu(positive: Array, negative: Array) -> float:
    """The largest ν of ν-SVC: each class must hold ν/2 of the weights of both."""
    sums = float(positive.sum()), float(negative.sum())
    return 2 * min(sums) / (sums[0] + sums[1])


def check_nu(where: str, nu: float, positive: Array, negative: Array, names: Sequence[Any]) -> None:
    """Refuses a ν that no coefficients meet: each class must hold ν/2 of the weights of both.

    Raises:
        DataError: states the largest ν that these classes allow.
    """
    sums = float(positive.sum()), float(negative.sum())
    most = largest_nu(positive, negative)
    if nu <= most * (1 + 1e-12):
        return
    raise DataError(
        where,
        f"nu must be at most {most:.6g} for classes {names[0]!r} and {names[1]!r}, whose weights "
        f"add up to {sums[0]:g} and {sums[1]:g}, got {nu:g}",
        f"Use nu={math.floor(most * 1000) / 1000:g} or less, or SVC.",
    )
