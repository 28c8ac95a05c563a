"""Dual coordinate descent for a linear problem, with shrinking.

In: a `LinearProblem`. Out: the same, solved. Good for many features and few rows; see `newton.py`.

Source: Hsieh, Chang, Lin, Keerthi and Sundararajan, ICML 2008, 408-415.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.svm.linear_problem import LinearProblem

_FIRST = 0.1  # spread of the projected derivatives at which the gap is computed first
_FINER = 0.1  # the next spread, as a part of the one before
_LEAST = 1e-13


def descend(
    problem: LinearProblem,
    tol: float,
    sweeps: int,
    seed: tuple[int, ...],
    stop: Callable[[LinearProblem], bool],
) -> None:
    """Sweeps over the coordinates until the relative gap is `tol` at most.

    Args:
        sweeps: how many at most.
        seed: of the orders of the coordinates, a new one for each sweep.
        stop: asked after each sweep whether to give up.
    """
    one, draw, count = problem, np.random.default_rng(seed), len(problem.signs)
    shift, upper = one.shift, one.upper
    squares = one.rows.squares() + shift
    order, active, spread = np.arange(count), count, _FIRST
    high, low = np.inf, -np.inf
    for _ in range(sweeps):
        draw.shuffle(order[:active])
        seen = one.rows.sweep(
            order, active, one.signs, squares, upper, shift, one.alpha, one.weight, high, low
        )
        one.iterations += 1
        active, top, least = seen
        high, low = (top if top > 0 else np.inf), (least if least < 0 else -np.inf)
        if not active or top - least <= spread:
            # All rows are looked at: the gap needs them, and those put aside may move again.
            measure(one)
            if one.gap <= tol:
                return
            active, high, low = count, np.inf, -np.inf
            spread = max(spread * _FINER, _LEAST)
        if stop(one):
            break
    measure(one)


def measure(problem: LinearProblem) -> None:
    """Primal and dual objective of what stands in the problem; w anew from α."""
    one = problem
    one.weight = one.spanned()
    one.primal = one.primal_at(one.weight, one.rows.products(one.weight))
    one.dual = one.dual_at(one.alpha, one.weight)
