"""Newton's method for a linear problem of many rows and not too many features.

In: a `LinearProblem`. Out: the same, solved, often to the last digits, in some tens of passes over
the rows. With w = Σ αᵢ tᵢ xᵢ the hinge is met as in `primal.py`, by the method of multipliers:

    min over w of ½‖w‖² + Σ 1/(2ρᵢ)·([sᵢ]₊² - [sᵢ - Cᵢ]₊²),  sᵢ = aᵢ + ρᵢ(1 - tᵢ(w·xᵢ))

then aᵢ ← sᵢ cut to [0, Cᵢ], and larger ρ. The squared hinge is the case a = 0, ρᵢ = 2Cᵢ without
the upper bound: no rounds. The Hessian is I + Σ ρᵢ xᵢxᵢᵀ over the rows with 0 < sᵢ < Cᵢ; a step
changes the sum by the rows that came and went.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.data.arrays import Array
from pellucid.svm.linear_problem import LinearProblem
from pellucid.svm.linear_reference import LinearRowsReference
from pellucid.svm.linear_rows import linear_rows
from pellucid.transform.jit import Jit, jit

_SOFT, _GROWTH = 0.1, 2.0  # ρ/C of the first round, and its growth from round to round
_SMOOTHED = 0.5  # part of the gap that the gradient may still make where a round ends
_LEVEL = 0.02  # |slope| that is accepted at the end of a step, as a part of that at its start
_TRIALS = 60
_FEW, _SAMPLED, _ROUGH = 1000, 2, 0.05  # rows of the start, per feature, and the gap asked there
_GATHERED = 1 << 24  # numbers of rows that are copied at once


@functools.cache
def _gram(threads: int) -> Jit:
    def gram(x: Any) -> Any:
        return x.T @ x

    return jit(gram, batch=0, threads=threads)


class _Hessian:
    """Σ ρᵢ xᵢxᵢᵀ over a set of rows, for ρᵢ of the first round."""

    def __init__(self, rows: LinearRowsReference, rho: Array, threads: int):
        self.rows, self.roots, self.threads = rows, np.sqrt(rho), threads
        size = rows.x.shape[1] + 1
        self.inside, self.total = np.zeros(len(rho), bool), np.zeros((size, size))

    def of(self, inside: Array) -> Array:
        """The sum over the rows `inside`."""
        came, left = inside & ~self.inside, self.inside & ~inside
        if came.sum() + left.sum() < inside.sum():
            self.total = self.total + self._sum(came) - self._sum(left)
        else:
            self.total = self._sum(inside)
        self.inside = inside
        return self.total

    def _sum(self, some: Array) -> Array:
        total, places = np.zeros_like(self.total), np.flatnonzero(some)
        step = max(1, _GATHERED // len(total))
        for first in range(0, len(places), step):
            part = places[first : first + step]
            total += _gram(self.threads)(self.rows.gather(part, self.roots[part]))
        return total


def minimize(
    problem: LinearProblem,
    tol: float,
    steps: int,
    threads: int,
    stop: Callable[[LinearProblem], bool],
) -> None:
    """Newton's steps until the relative gap is `tol` at most, or rounding lets nothing better.

    Args:
        steps: how many at most. stop: asked after each step whether to give up.
    """
    one, signs, upper = problem, problem.signs, problem.upper
    _start(one, threads, stop)
    rho = 2 * one.cost if one.squared else one.cost
    hessian, factor = _Hessian(one.rows, rho, threads), 1.0 if one.squared else _SOFT
    a, w = np.zeros_like(signs), one.weight
    products = one.rows.products(w, threads)
    while True:
        cut = _cut(a, rho * factor, signs * products, upper)
        moved, gradient = _gradient(one, w, cut, threads)
        one.alpha, one.weight = cut, w
        one.primal = one.primal_at(w, products)
        one.dual = one.dual_at(cut, moved)
        if one.gap <= tol or one.iterations >= steps or stop(one):
            return
        rest = one.primal - one.dual
        if not one.squared and gradient @ gradient / 2 <= _SMOOTHED * rest:
            a, factor = cut, factor * _GROWTH
            cut = _cut(a, rho * factor, signs * products, upper)
            moved, gradient = _gradient(one, w, cut, threads)
        inside = (cut > 0) & (cut < upper)
        matrix = factor * hessian.of(inside)
        matrix[np.diag_indices_from(matrix)] += 1
        try:
            direction = -np.linalg.solve(matrix, gradient)
        except np.linalg.LinAlgError:  # the I of the Hessian was lost in rounding
            return
        along = one.rows.products(direction, threads)
        length = _length(one, a, rho * factor, w, products, direction, along)
        one.iterations += 1
        if length == 0:  # rounding is all that is left
            return
        w = w + length * direction
        products = products + length * along


def _start(problem: LinearProblem, threads: int, stop: Callable[[LinearProblem], bool]) -> None:
    """Where there are many rows: w from some of them, which tells most of the others apart."""
    one, (count, features) = problem, problem.rows.x.shape
    some = max(_FEW, _SAMPLED * features)
    if count < 2 * some:
        return
    places = np.sort(np.random.default_rng(0).choice(count, some, replace=False))
    rows = linear_rows(np.ascontiguousarray(one.rows.x[places]), one.rows.intercept)
    part = LinearProblem(rows, one.signs[places], one.cost[places], one.squared)
    part.cost = part.cost * (one.cost.sum() / part.cost.sum())
    minimize(part, _ROUGH, 50, threads, stop)
    one.weight = part.weight


def _cut(a: Array, rho: Array, margins: Array, upper: Array) -> Array:
    return np.asarray(np.clip(a + rho * (1 - margins), 0, upper))


def _gradient(problem: LinearProblem, w: Array, cut: Array, threads: int) -> tuple[Array, Array]:
    """Σ cutᵢ tᵢ xᵢ, and how much w differs from it."""
    places = np.flatnonzero(cut)
    moved = problem.rows.combine(places, (cut * problem.signs)[places], threads)
    return moved, w - moved


def _length(
    problem: LinearProblem,
    a: Array,
    rho: Array,
    w: Array,
    products: Array,
    direction: Array,
    along: Array,
) -> float:
    """How far to go: to where the slope, which grows along a line, is small. No pass over x."""
    signs, upper = problem.signs, problem.upper

    def slope(length: float) -> float:
        cut = _cut(a, rho, signs * (products + length * along), upper)
        return float(direction @ (w + length * direction) - (cut * signs) @ along)

    first = slope(0.0)
    if not first < 0:
        return 0.0
    low, high, length = 0.0, np.inf, 1.0
    for _ in range(_TRIALS):
        found = slope(length)
        if abs(found) <= -_LEVEL * first:
            return length
        low, high = (length, high) if found < 0 else (low, length)
        length = 2 * length if high == np.inf else (low + high) / 2
    return 0.0
