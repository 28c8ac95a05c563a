"""From problems at their start to problems at their optimum.

In: problems, and where their kernel rows come from. Out: how each ended. This decides what rows
are kept and in which precision; `solver.py` does the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pellucid.data.arrays import Array
from pellucid.svm.cache import RowCache, WholeMatrix
from pellucid.svm.own import sample
from pellucid.svm.problem import Problem, Together
from pellucid.svm.run import Ending, Settings
from pellucid.svm.solver import solve
from pellucid.svm.sources import MatrixSource, NamedSource, OwnSource
from pellucid.svm.sparse import SparseSource

Source = NamedSource | OwnSource | MatrixSource | SparseSource
WHOLE = 1 << 20  # numbers of a kernel matrix that is computed as a whole
SHARED = 500_000_000  # products for a larger one, for each problem beyond the first: some 0.02 s
# What is used of the tolerance: rounding of kernels takes a little. A small problem costs nothing,
# and its objective, a sum of few terms, shows the tolerance most.
_INSIDE, _SMALL = 0.99, 0.1
_NOTICED, _MEASURED = 0.1, 128  # of the tolerance, by one of so many rows
_COARSE = 1e-4  # the least tolerance that float32 kernels are used for


class Optimum(NamedTuple):
    """How problems ended, and how many kernel rows were computed."""

    endings: list[Ending]
    computed: int


def optimum(
    source: Source, problems: Sequence[Problem], settings: Settings, megabytes: float
) -> Optimum:
    """Brings the problems to their optimum, or to as many steps as allowed.

    Few rows are all computed, in float64, and so are more where several problems share them. Else
    the rows of float32 data are in float32, unless F shows it; and where float64 rows are cheap and
    do not all fit, float32 rows lead close to the optimum. In both cases F is then made anew and
    float64 rows do the rest.
    """
    fresh = isinstance(problems, Together) and not problems.b.any()
    begun = [] if fresh else [one for one in problems if one.b.any()]
    if begun:
        _make_F(source.sums(_betas(begun, source.n), settings.threads), begun)
    inside = settings._replace(tolerance=_INSIDE * settings.tolerance)
    size, most = source.n * source.n, int(megabytes * 1e6)
    whole = WHOLE
    if isinstance(source, NamedSource):  # what problems share is not looked up row by row
        whole = max(whole, SHARED * (len(problems) - 1) // source.x.shape[1])
    if isinstance(source, MatrixSource) or size <= min(whole, most // 8):
        rows = WholeMatrix(source.whole(settings.threads))
        finer = inside._replace(finer=_SMALL * settings.tolerance)
        return Optimum(solve(problems, rows, finer), source.n)
    if source.dtype == np.float32:
        found = _solved(source, problems, inside, most)
        if not _shows(source, problems, settings):
            return found
        source = source.double()
    elif isinstance(source, NamedSource) and source.cheap and size * source.dtype.itemsize > most:
        near = settings._replace(tolerance=max(inside.tolerance, _COARSE))
        found = _solved(source.single(), problems, near, most)
    else:
        return _solved(source, problems, inside, most)
    _make_F(source.sums(_betas(problems, source.n), settings.threads), problems)
    return _solved(source, problems, inside, most, found)


def _solved(
    source: NamedSource | OwnSource | SparseSource,
    problems: Sequence[Problem],
    settings: Settings,
    most: int,
    before: Optimum | None = None,
) -> Optimum:
    """Solved over a cache of so many bytes, behind what was done before."""
    rows = RowCache(source, most)
    done = [one.iterations for one in before.endings] if before else []
    endings = solve(problems, rows, settings, done)
    return Optimum(endings, rows.computed + (before.computed if before else 0))


def _shows(
    source: NamedSource | OwnSource | SparseSource, problems: Sequence[Problem], settings: Settings
) -> bool:
    """Whether float32 kernels took F from what it is by a share of the tolerance, on some rows."""
    rows = sample(source.n, _MEASURED)
    sums = source.exact(_betas(problems, source.n), settings.threads, rows)
    for column, one in enumerate(problems):
        own = np.flatnonzero(np.isin(one.rows, rows))
        exact = sums[np.searchsorted(rows, one.rows[own]), column] - one.z[own]
        if not (np.abs(exact - one.F[own]) <= _NOTICED * settings.tolerance).all():
            return True
    return False


def _betas(problems: Sequence[Problem], n: int) -> Array:
    betas = np.zeros((len(problems), n))
    for line, one in zip(betas, problems, strict=True):
        line[one.rows] = one.beta
    return betas


def _make_F(sums: Array, problems: Sequence[Problem]) -> None:
    """F = Kβ - z from the sums Kβ over all rows, (n, k)."""
    for column, one in enumerate(problems):
        one.F[:] = sums[one.rows, column] - one.z
