"""The solver: blocks while kernel rows are missing, then pairs over all rows.

In: problems over one set of kernel rows, and the cache of those rows. Out: the problems at their
optimum, and how each ended. Problems advance together: what rows they miss is computed in one
product, then each goes on by itself, on any thread. Neither the rows a problem asks for nor what it
does with them depends on threads, so the bits do not.

Source: Fan, Chen and Lin, Working set selection using second order information, 2005.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from pellucid.runtime.threads import Team
from pellucid.svm.kernels import not_finite
from pellucid.svm.problem import Problem, Together
from pellucid.svm.reference import Outcome, Status
from pellucid.svm.routines import WALKED, accumulate, smo, smo_each

Array = np.ndarray[Any, Any]
LEAST, MOST, PART = 64, 512, 20  # rows of a block: a PART-th of all, within bounds
WORTH_THREADS = 1 << 22  # squares of rows from which problems go on side by side: a millisecond
_WORTH_BLOCKS = 1 << 24  # of one problem, while rows are missing: blocks of fewer are mostly Python
_WORTH_TWO = 1000  # rows of all problems, from which the first pairs are: half a millisecond
_QUICK = 4  # pairs a row, in which most small problems reach a finer tolerance
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
    report: Callable[[Sequence[_Run]], None] | None = None


Steps = Generator[Array, None, None]


def _ending(iterations: int, gap: float, rounding: float) -> Ending:
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


def _rounding(sums: Any, kernels: Any, targets: Any, steps: Any) -> Any:
    """How far rounding may take F = Kβ - z from what it is, of one problem or of several.

    Args:
        sums: Σ |b|; kernels: the largest |k|; targets: the largest |z|. steps: pairs changed; each
            rounds F anew, and errors of either sign add up as their root.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # infinite kernels, which are refused
        return _ROUNDING * (sums * kernels + targets * np.sqrt(steps))


class _Run:
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
        return _ending(self.iterations, self.gap, self._rounding())

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
                self._smo(settings.finer, min(_QUICK * len(self.problem.rows), self._left))
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
        return float(_rounding(*sizes, self.iterations))

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
        _take(above, room // 2, chosen)
        below[chosen] = -math.inf
        _take(-below, size - int(chosen.sum()), chosen)
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


def _take(scores: Array, count: int, chosen: Array) -> None:
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


def solve(
    problems: Sequence[Problem], rows: Rows, settings: Settings, done: Sequence[int] = ()
) -> list[Ending]:
    """Brings every problem to its optimum, or to as many iterations as allowed.

    Args:
        done: iterations of each problem that were done before, if any.

    Raises:
        DataError: where a kernel value is not finite.
    """
    left: list[bool] = []
    together = problems if isinstance(problems, Together) else None
    lengths = np.diff(together.starts) if together else np.array([len(p.rows) for p in problems])
    squares, there = lengths**2, rows.addresses.all()
    worth = squares.sum() >= WORTH_THREADS if there else squares.mean() >= _WORTH_BLOCKS
    side = settings.threads if worth else 1
    inner = settings.threads if len(problems) == 1 else 1
    size = min(
        MOST, max(LEAST, int(lengths.max()) // PART), rows.room
    )  # equal ones ask for the same rows
    begun: dict[int, Outcome] = {}
    endings: dict[int, Ending] = {}
    if settings.finer and together and settings.report is None:
        begun, endings = _begun(together, rows, settings)
    numbers = [n for n in range(len(problems)) if n not in endings]
    runs = [
        _Run(problems[n], rows, settings, inner, size, lambda: bool(left), begun.get(n))
        for n in numbers
    ]
    for run, before in zip(runs, done, strict=False):
        run.iterations = before
    wanted: dict[int, Array] = {}
    active = list(range(len(runs)))
    while active:
        answers = _advanced([runs[n] for n in active], side, left)
        wanted |= {n: one for n, one in zip(active, answers, strict=True) if one is not None}
        if settings.report is not None:
            settings.report(runs)
        active = _served(runs, wanted, rows, settings.threads)
        for n in active:
            del wanted[n]
    endings |= {n: run.ending for n, run in zip(numbers, runs, strict=True)}
    return [endings[n] for n in range(len(problems))]


def _begun(
    problems: Together, rows: Rows, settings: Settings
) -> tuple[dict[int, Outcome], dict[int, Ending]]:
    """The first pairs of all problems in one call, and the endings of those that need no more.

    That is what each would do by itself, at a tenth of the cost for very small ones.
    """
    lengths = np.diff(problems.starts)
    most = np.minimum(_QUICK * lengths, settings.most)
    if (lengths * most).max() > WALKED or not rows.addresses[problems.rows].all():
        return {}, {}
    diagonal = rows.diagonal[problems.rows]
    addresses = rows.addresses[problems.rows]
    threads = settings.threads if len(problems.rows) >= _WORTH_TWO else 1
    found = smo_each(addresses, diagonal, problems, settings.finer, most, threads)
    starts = problems.starts[:-1]
    sums = np.add.reduceat(np.abs(problems.b), starts)
    kernels, targets = (np.maximum.reduceat(np.abs(one), starts) for one in (diagonal, problems.z))
    rounding = _rounding(sums, kernels, targets, [one.iterations for one in found])
    endings = {
        n: _ending(one.iterations, one.gap, rounding[n].item())
        for n, one in enumerate(found)
        if one.status == Status.CONVERGED
    }
    return {n: one for n, one in enumerate(found) if n not in endings}, endings


def _served(runs: Sequence[_Run], wanted: dict[int, Array], rows: Rows, threads: int) -> list[int]:
    """Has the rows of as many problems there as fit, and says which."""
    chosen: list[int] = []
    union = np.zeros(len(rows.addresses), bool)
    for n, own in wanted.items():
        if chosen and int(union.sum()) + int((~union[own]).sum()) > rows.room:
            continue
        union[own] = True
        chosen.append(n)
    if chosen:
        if rows.room < len(rows.addresses):
            for n in chosen:
                rows.touch(runs[n].inside())
        rows.ensure(np.flatnonzero(union), threads)
    return chosen


def _advanced(runs: Sequence[_Run], threads: int, left: list[bool]) -> list[Array | None]:
    """What each answers; they go on side by side."""
    count = min(threads, len(runs))
    if count == 1:
        return [run.advance() for run in runs]
    answers: list[Array | None] = [None] * len(runs)
    numbers = iter(range(len(runs)))

    def take(part: int) -> None:
        for n in numbers:  # the next one, whoever asks: threads change no run
            if left:
                return
            answers[n] = runs[n].advance()

    Team(count).run(take, lambda: left.append(True))
    return answers
