"""One problem on its way: blocks while kernel rows are missing, then pairs of all rows.

In: a problem, its kernel rows and how far to go. Out: steps that name the rows they miss, and how
it ended: what is left of the gap, and how far rounding may take it.

Source: Fan, Chen and Lin, Working set selection using second order information, 2005.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from pellucid.svm.kernels import not_finite
from pellucid.svm.problem import Problem
from pellucid.svm.reference import Outcome, Status
from pellucid.svm.routines import accumulate, smo

Array = np.ndarray[Any, Any]
QUICK = 4  # pairs a row, in which most small problems reach a finer tolerance
_STRETCH = 8  # pairs a row, after which it is asked which rows violate still
_WORTH_LESS = 256  # rows from which fewer of them are faster
_WIDEST = 2048  # rows that are solved by themselves
_KEPT = 0.5  # of a block, from the block before
_SHARE = 0.1  # of a block's first gap: where its own run ends
_ROUNDING = 2.0**-53  # of a term of F = Kβ - z
_FEW = {False: 0.1, True: 0.5}  # of a block that may be missing for a run over all rows to pay


class Rows(Protocol):
    """Kernel rows by address: a cache of them, or a whole matrix."""

    addresses: Array
    room: int
    cheap: bool  # a row is computed about as fast as it is read
    dtype: np.dtype[Any]
    diagonal: Array

    def touch(self, rows: Array) -> None: ...

    def ensure(self, rows: Array, threads: int) -> None: ...

    def among(self, rows: Array) -> Array: ...


class Ending(NamedTuple):
    """How a problem ended; whether that is near enough, `notices.reached` says.

    Args:
        iterations: pairs changed. gap: what is left of it.
        rounding: how far rounding may take F, and with it the gap, from what it is.
    """

    iterations: int
    gap: float
    rounding: float

    @property
    def left(self) -> float:
        """How large the gap may be."""
        return max(self.gap, self.rounding)


class Settings(NamedTuple):
    tolerance: float
    most: int  # pairs that a problem changes, at most
    threads: int
    finer: float = 0.0  # a tolerance that is sought behind the other
    report: Callable[[Sequence[Run]], None] | None = None


Steps = Generator[Array, None, None]


def ended(iterations: int, gap: float, rounding: float) -> Ending:
    """Where no pair violates by far, as with all coefficients at their bounds, nothing is left."""
    if gap <= -rounding:
        return Ending(iterations, 0.0, 0.0)
    return Ending(iterations, max(gap, 0.0), rounding)


class _Ends(NamedTuple):
    """Of a group: its variables, the least F + up of these and the largest F + low."""

    own: Any
    least: float
    most: float


def _gap(ends: Sequence[_Ends]) -> float:
    """The largest violation over all groups; -inf where nothing can move."""
    return float(max(one.most - one.least for one in ends))


def rounding_of(sums: Any, kernels: Any, targets: Any, steps: Any) -> Any:
    """How far rounding may take F = Kβ - z from what it is, of one problem or of several.

    Args:
        sums: Σ |b|; kernels: the largest |k|; targets: the largest |z|. steps: pairs changed; each
            rounds F anew, and errors of either sign add up as their root.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # infinite kernels, which are refused
        return _ROUNDING * (sums * kernels + targets * np.sqrt(steps))


class Run:
    """One problem on its way: what it did so far, and its steps."""

    def __init__(
        self,
        problem: Problem,
        rows: Rows,
        settings: Settings,
        threads: int,
        size: int,
        stop: Any,
        first: Outcome | None,
    ):
        self.problem, self.rows, self.settings = problem, rows, settings
        self.threads, self.size, self._stop, self._first = threads, size, stop, first
        self.iterations, self.gap, self.status = 0, math.inf, Status.BOUND
        self.diagonal = rows.diagonal[problem.rows]
        self._worst: list[int] = []
        self.steps = self._steps()

    def advance(self) -> Array | None:
        """Goes on until rows are missing, whose numbers it returns; None at the end."""
        return next(self.steps, None)

    def inside(self) -> Array:
        """The rows with a variable between its bounds: those that pairs of all rows use."""
        problem = self.problem
        free = (problem.b > problem.lo) & (problem.b < problem.hi)
        return np.asarray(problem.rows[np.unique(problem.owner[free])])

    @property
    def ending(self) -> Ending:
        return ended(self.iterations, self.gap, self._rounding())

    def _steps(self) -> Steps:
        problem, rows = self.problem, self.rows
        size = min(self.size, len(problem.rows))
        few = _FEW[rows.cheap] * size
        order: Array | None = None
        missing = 0
        while True:
            if rows.addresses[problem.rows].all() or (order is not None and missing <= few):
                self._pairs()
                if self.status != Status.MISSING:
                    return
            chosen = self._choose(size, order)
            if chosen is None:
                self.status = Status.CONVERGED
                return
            if self.gap <= self._rounding():
                self.status = Status.STALLED
                return
            wanted = problem.rows[chosen]
            missing = int((rows.addresses[wanted] == 0).sum())
            if missing:
                yield wanted
            if size < len(problem.rows):
                before = self.iterations
                order = self._block(chosen, order, self.settings.tolerance, self._left)
                if self.iterations == before:
                    self.status = Status.STALLED
                    return
            if self.iterations >= self.settings.most:
                self.status = Status.BOUND
                return

    def _pairs(self) -> None:
        """Changes pairs of all rows until one is missing.

        With a `finer` tolerance it goes on to that, unless that takes long: then for at most a
        quarter more pairs.
        """
        settings = self.settings
        if settings.finer:
            if self._first is not None:
                self._take(self._first)
                self._first = None
            else:
                self._smo(settings.finer, min(QUICK * len(self.problem.rows), self._left))
            if self.status != Status.BOUND:
                return
        self._reach(settings.tolerance, self._left)
        if self.status == Status.CONVERGED and settings.finer:
            self._reach(settings.finer, min(self.iterations // 4, self._left))
            if self.gap > settings.tolerance:  # it does not fall with every pair
                self._reach(settings.tolerance, self._left)
            else:
                self.status = Status.CONVERGED

    def _reach(self, tolerance: float, most: int) -> None:
        """The same to a tolerance. Where it takes long, rows that stay at their bounds step aside.

        What violates is then solved by itself; the next pairs of all rows check it.
        """
        end, n = self.iterations + most, len(self.problem.rows)
        stretch = _STRETCH * n if n >= _WORTH_LESS else most
        while True:
            self._smo(tolerance, min(stretch, end - self.iterations))
            if self.status != Status.BOUND or self.iterations >= end:
                return
            above, below = self._violations()
            active = np.flatnonzero((above < 0) | (below > 0))
            there = self.rows.addresses[self.problem.rows[active]].all()
            if there and len(active) <= min(len(above) // 4, _WIDEST):
                self._block(active, None, tolerance, end - self.iterations)
                if self.iterations >= end:
                    self.status = Status.BOUND
                    return

    @property
    def _left(self) -> int:
        return self.settings.most - self.iterations

    def _smo(self, tolerance: float, most: int) -> None:
        problem = self.problem
        outcome = smo(
            self.rows.addresses[problem.rows],
            self.diagonal,
            problem.F,
            problem.b,
            problem.lo,
            problem.hi,
            problem.up,
            problem.low,
            problem.segments,
            tolerance,
            most,
            self._ended,
        )
        self._take(outcome)

    def _take(self, outcome: Outcome) -> None:
        """What a run over all rows says."""
        self._note(outcome)
        self.status, self.gap = outcome.status, outcome.gap
        if self.status == Status.STOPPED and not self._stop():
            self.status = Status.STALLED

    def _ended(self) -> bool:
        """Whether a run over all rows is to end: asked now and then."""
        if self._stop():
            return True
        _, _, ends = self._sides()
        return _gap(ends) <= self._rounding()

    def _rounding(self) -> float:
        problem = self.problem
        sizes = np.abs(problem.b).sum(), np.abs(self.diagonal).max(), np.abs(problem.z).max()
        return float(rounding_of(*sizes, self.iterations))

    def _note(self, outcome: Any) -> None:
        self.iterations += outcome.iterations
        if outcome.status == Status.NOT_FINITE:
            raise not_finite("svm")

    def _sides(self) -> tuple[Array, Array, list[_Ends]]:
        """F + up and F + low of each variable, and where these end in each group."""
        problem = self.problem
        F = problem.F if problem.single else problem.F[problem.owner]
        above, below = F + problem.up, F + problem.low
        several = problem.groups > 1
        parts = [problem.group == n if several else slice(None) for n in range(problem.groups)]
        return above, below, [_Ends(own, above[own].min(), below[own].max()) for own in parts]

    def _violations(self) -> tuple[Array, Array]:
        """Of each row F + up - max (F + low) and F + low - min (F + up): < 0 or > 0 if it violates.

        Sets the gap, and the pair of rows with the largest.
        """
        problem = self.problem
        above, below, ends = self._sides()
        self.gap = _gap(ends)
        for own, least, most in ends:
            if most - least == self.gap:
                numbers = np.arange(len(above))[own]
                sides = (above[own] == least), (below[own] == most)
                self._worst = [int(numbers[np.argmax(side)]) for side in sides]
                break
        for own, least, most in ends:
            above[own] -= most
            below[own] -= least
        if problem.single:
            return above, below
        owner = problem.owner
        self._worst = owner[self._worst].tolist()
        n = len(problem.z)
        rise, fall = np.full(n, math.inf), np.full(n, -math.inf)
        for segment in problem.segments:
            variables = slice(segment[0], segment[0] + segment[3])
            places = slice(segment[1], segment[1] + segment[3])
            np.minimum(rise[places], above[variables], out=rise[places])
            np.maximum(fall[places], below[variables], out=fall[places])
        return rise, fall

    def _choose(self, size: int, order: Array | None) -> Array | None:
        """Rows for a block: half of the last one's, then the worst violators of both sides.

        None where nothing violates by more than the tolerance.
        """
        above, below = self._violations()
        if self.gap <= self.settings.tolerance:
            return None
        if size >= len(above):
            return np.arange(len(above))
        chosen = np.zeros(len(above), bool)
        if order is not None:
            chosen[order[: int(_KEPT * size)]] = True
        chosen[self._worst] = True  # of one group: there is always a pair that moves
        room = size - int(chosen.sum())
        above[chosen], below[chosen] = math.inf, -math.inf
        _mark_lowest(above, room // 2, chosen)
        below[chosen] = -math.inf
        _mark_lowest(-below, size - int(chosen.sum()), chosen)
        return np.flatnonzero(chosen)

    def _block(self, chosen: Array, order: Array | None, tolerance: float, most: int) -> Array:
        """Solves the problem in these rows alone, all others fixed; then adds their changes to F.

        Returns the rows in the order in which the next block keeps them: those that came now and
        lie between their bounds, those that were there and do, then the others alike.
        """
        problem = self.problem
        wanted = problem.rows[chosen]
        matrix = self.rows.among(wanted)
        variables, segments = _restricted(problem, chosen)
        F, b = problem.F[chosen], problem.b[variables]
        up, low = problem.up[variables], problem.low[variables]
        size = matrix.strides[0]
        outcome = smo(
            matrix.ctypes.data + np.arange(len(chosen)) * size,
            self.diagonal[chosen],
            F,
            b,
            problem.lo[variables],
            problem.hi[variables],
            up,
            low,
            segments,
            max(tolerance / 2, _SHARE * self.gap),
            most,
            self._stop,
        )
        self._note(outcome)
        before = problem.b[variables]
        problem.b[variables], problem.up[variables], problem.low[variables] = b, up, low
        change: Array = b - before
        if not problem.single:
            places = np.searchsorted(chosen, problem.owner[variables])
            change = np.bincount(places, change, minlength=len(chosen))
        moved = change != 0
        addresses, change = self.rows.addresses[wanted[moved]], change[moved]
        at = 0
        for first, stop in problem.ranges:
            part = problem.F[at : at + stop - first]
            accumulate(addresses, change, part, first, self.threads, self.rows.dtype)
            at += stop - first
        old = np.zeros(len(problem.z), bool)
        if order is not None:
            old[order] = True
        free = (b > problem.lo[variables]) & (b < problem.hi[variables])
        inside = free if problem.single else np.bincount(places[free], minlength=len(chosen)) > 0
        rank = 2 * ~inside + old[chosen]
        return chosen[np.argsort(rank, kind="stable")]


def _mark_lowest(scores: Array, count: int, chosen: Array) -> None:
    """Marks up to `count` rows of the lowest scores below 0; where all are equal, evenly spread.

    So at the start all problems ask for the same rows of a class.
    """
    candidates = np.flatnonzero(scores < 0)
    if len(candidates) > count > 0:
        own = scores[candidates]
        if own.min() == own.max():
            candidates = candidates[np.linspace(0, len(candidates) - 1, count).astype(np.int64)]
        else:
            candidates = candidates[np.argpartition(own, count - 1)[:count]]
    chosen[candidates[:count]] = True


def _restricted(problem: Problem, chosen: Array) -> tuple[Array, Array]:
    """The variables of these rows, which ascend, and their segments."""
    if len(problem.segments) == 1:
        return chosen, np.array([[0, 0, 0, len(chosen), 0, 1]], np.int64)
    variables, lines, at = [], [], 0
    for variable, row, _, length, group, updates in problem.segments.tolist():
        first, stop = np.searchsorted(chosen, (row, row + length)).tolist()
        variables.append(chosen[first:stop] + (variable - row))
        lines.append([at, first, first, stop - first, group, updates])
        at += stop - first
    return np.concatenate(variables), np.array(lines, np.int64)
