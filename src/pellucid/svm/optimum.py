"""From problems at their start to problems at their optimum.

In: problems, and where their kernel rows come from. Out: how each ended. This decides what rows
are kept and in which precision; `solver.py` does the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.svm.cache import RowCache, WholeMatrix
from pellucid.svm.problem import Problem
from pellucid.svm.solver import Ending, Settings, solve
from pellucid.svm.sources import MatrixSource, NamedSource, OwnSource
from pellucid.svm.sparse import SparseSource

Array = np.ndarray[Any, Any]
Source = NamedSource | OwnSource | MatrixSource | SparseSource
WHOLE = 1 << 20  # numbers of a kernel matrix that is computed as a whole
# What is used of the tolerance: rounding of kernels takes a little. A small problem costs nothing,
# and its objective, a sum of few terms, shows the tolerance most.
_INSIDE, _SMALL = 0.99, 0.1
_COARSE = 1e-4  # the least tolerance that float32 kernels are used for


class Optimum(NamedTuple):
    """How problems ended, and how many kernel rows were computed."""

    endings: list[Ending]
    computed: int


def opened(source: Source, megabytes: float, threads: int) -> RowCache | WholeMatrix:
    """The kernel rows of a source: all of them where they are few, else a cache."""
    most = int(megabytes * 1e6)
    if isinstance(source, MatrixSource):
        return WholeMatrix(source.matrix)
    if source.n * source.n <= min(WHOLE, most // source.dtype.itemsize):
        return WholeMatrix(source.whole(threads))
    return RowCache(source, most)


def optimum(
    source: Source, problems: Sequence[Problem], settings: Settings, megabytes: float
) -> Optimum:
    """Brings the problems to their optimum, or to as many steps as allowed.

    Where rows are cheap and all of them do not fit, float64 rows would be computed many times. Then
    float32 rows, of which twice as many fit, lead close to the optimum; F is made anew in float64,
    and float64 rows do the rest.
    """
    begun = [one for one in problems if one.b.any()]
    if begun:
        _make_F(source.sums(_betas(begun, source.n), settings.threads), begun)
    coarse: list[Ending] = []
    computed = 0
    if isinstance(source, NamedSource) and _crowded(source, megabytes):
        near = settings._replace(tolerance=max(_INSIDE * settings.tolerance, _COARSE))
        single = RowCache(source.single(), int(megabytes * 1e6))
        coarse = solve(problems, single, near)
        computed = single.computed
        del single  # before the next cache asks for memory
        _make_F(source.sums(_betas(problems, source.n), settings.threads), problems)
    rows = opened(source, megabytes, settings.threads)
    share = _SMALL if isinstance(rows, WholeMatrix) else _INSIDE
    endings = solve(
        problems,
        rows,
        settings._replace(tolerance=share * settings.tolerance),
        [one.iterations for one in coarse],
    )
    tol = settings.tolerance
    reached = [one._replace(converged=max(one.gap, one.rounding) <= tol) for one in endings]
    return Optimum(reached, computed + rows.computed)


def _crowded(source: NamedSource, megabytes: float) -> bool:
    """Whether float64 rows are cheap and do not fit."""
    size = source.n * source.n
    too_large = size > WHOLE and size * source.dtype.itemsize > megabytes * 1e6
    return source.cheap and source.dtype == np.float64 and too_large


def _betas(problems: Sequence[Problem], n: int) -> Array:
    betas = np.zeros((len(problems), n))
    for line, one in zip(betas, problems, strict=True):
        line[one.rows] = one.beta
    return betas


def _make_F(sums: Array, problems: Sequence[Problem]) -> None:
    """F = Kβ - z from the sums Kβ over all rows, (n, k)."""
    for column, one in enumerate(problems):
        one.F = sums[one.rows, column] - one.z
