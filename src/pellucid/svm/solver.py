"""The solver: problems over one set of kernel rows advance together.

In: the problems, and the cache of the rows. Out: the problems at their optimum, and how each ended.
What rows they miss is computed in one product, then each goes on by itself, on any thread: see
`run.py`. Neither the rows a problem asks for nor what it does with them depends on threads, so the
bits do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.runtime.threads import Team
from pellucid.svm.problem import Problem, Together
from pellucid.svm.reference import Outcome, Status
from pellucid.svm.routines import WALKED, smo_each
from pellucid.svm.run import QUICK, Ending, Rows, Run, Settings, ended, rounding_of

Array = np.ndarray[Any, Any]
LEAST, MOST, PART = 64, 512, 20  # rows of a block: a PART-th of all, within bounds
WORTH_THREADS = 1 << 22  # squares of rows from which problems go on side by side: a millisecond
_WORTH_BLOCKS = 1 << 24  # of one problem, while rows are missing: blocks of fewer are mostly Python
_WORTH_TWO = 1000  # rows of all problems, from which the first pairs are: half a millisecond


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
    # Equal sizes ask for the same rows.
    size = min(MOST, max(LEAST, int(lengths.max()) // PART), rows.room)
    begun: dict[int, Outcome] = {}
    endings: dict[int, Ending] = {}
    if settings.finer and together and settings.report is None:
        begun, endings = _begun(together, rows, settings)
    numbers = [n for n in range(len(problems)) if n not in endings]
    runs = [
        Run(problems[n], rows, settings, inner, size, lambda: bool(left), begun.get(n))
        for n in numbers
    ]
    for n, run in zip(numbers, runs, strict=True):
        run.iterations = done[n] if done else 0
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
    most = np.minimum(QUICK * lengths, settings.most)
    if (lengths * most).max() > WALKED or not rows.addresses[problems.rows].all():
        return {}, {}
    diagonal = rows.diagonal[problems.rows]
    addresses = rows.addresses[problems.rows]
    threads = settings.threads if len(problems.rows) >= _WORTH_TWO else 1
    found = smo_each(addresses, diagonal, problems, settings.finer, most, threads)
    starts = problems.starts[:-1]
    sums = np.add.reduceat(np.abs(problems.b), starts)
    kernels, targets = (np.maximum.reduceat(np.abs(one), starts) for one in (diagonal, problems.z))
    rounding = rounding_of(sums, kernels, targets, [one.iterations for one in found])
    endings = {
        n: ended(one.iterations, one.gap, rounding[n].item())
        for n, one in enumerate(found)
        if one.status == Status.CONVERGED
    }
    return {n: one for n, one in enumerate(found) if n not in endings}, endings


def _served(runs: Sequence[Run], wanted: dict[int, Array], rows: Rows, threads: int) -> list[int]:
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


def _advanced(runs: Sequence[Run], threads: int, left: list[bool]) -> list[Array | None]:
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
