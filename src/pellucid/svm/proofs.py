"""The proof of each kind of machine: what its certificate states.

In: the coefficients and intercept of a solved problem, and kernel sums recomputed in float64 from
the data: nothing of what the solver computed is believed. Out: the certificate.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pellucid.data.arrays import Array
from pellucid.svm.certificate import Certificate, Standing, counted, residuals

_TOUCHING = 1e-9  # of its bound: a coefficient this close counts as there
_ROUNDING = 1e-9  # of its terms: |w|² this far below 0 is none of rounding


def classification(
    title: str,
    sums: Array,
    beta: Array,
    sides: Array,
    bounds: Array,
    intercept: float,
    tolerance: float,
    nu: tuple[float, float] | None = None,
) -> Certificate:
    """Of two classes: min ½|w|² + Σ C_n ξ_n with t_n f(x_n) ≥ 1 - ξ_n.

    Args:
        sums: Kβ in float64; beta: t a; sides: t, 1 or -1; bounds: C_n.
        nu: of a ν machine ρ, which stands in the place of 1, and Σ a; -ρ Σ a is added.
    """
    edge, total = nu or (1.0, 0.0)
    a, t = beta * sides, sides * (sums + intercept)
    slack = np.maximum(0.0, edge - t)
    square = float(beta @ sums)
    balance = abs(float(beta.sum())) + abs(float(a.sum()) - total if nu else 0.0)
    norm = math.sqrt(max(square, 0.0)) / edge
    found = Certificate(
        title=title,
        rows=len(t),
        norm=norm,
        margin=1 / norm if norm else math.inf,
        kkt=residuals(a / bounds, 1 - a / bounds, slack, t - edge + slack),
        balance=balance / float(bounds.max()),
        primal=0.5 * square + float(bounds @ slack) - edge * total,
        dual=(0.0 if nu else float(a.sum())) - 0.5 * square,
        **_counts(a, bounds, slack, tolerance, edge),
    )
    return _stated(found, beta, sums)


def regression(
    title: str,
    sums: Array,
    beta: Array,
    targets: Array,
    bounds: Array,
    intercept: float,
    tolerance: float,
    epsilon: float,
    total: float | None = None,
) -> Certificate:
    """Of numbers: min ½|w|² + Σ C_n ξ_n with |z_n - f(x_n)| ≤ ε + ξ_n. β = a - a*.

    Args:
        total: of a ν machine Σ (a + a*), for which ε is free and costs as much.
    """
    error = targets - (sums + intercept)
    a = np.abs(beta)
    # A row pays on one side; the other side's coefficient is 0 at the optimum.
    toward = np.where(beta != 0, np.sign(beta), np.sign(error)) * error
    slack = np.maximum(0.0, np.abs(error) - epsilon)
    square = float(beta @ sums)
    norm = math.sqrt(max(square, 0.0))
    dual = float(targets @ beta) - 0.5 * square
    found = Certificate(
        title=title,
        kind="numbers",
        rows=len(error),
        norm=norm,
        margin=1 / norm if norm else math.inf,
        kkt=residuals(a / bounds, 1 - a / bounds, slack, epsilon - toward + slack),
        balance=abs(float(beta.sum())) / float(bounds.max()),
        primal=0.5 * square + float(bounds @ slack) + (0.0 if total is None else epsilon * total),
        dual=dual if total is not None else dual - epsilon * float(a.sum()),
        **_counts(a, bounds, slack, tolerance),
    )
    return _stated(found, beta, sums)


def one_class(
    title: str,
    sums: Array,
    a: Array,
    bounds: Array,
    offset: float,
    tolerance: float,
    total: float,
) -> Certificate:
    """Of a region: min ½|w|² + Σ C_n ξ_n - ρ Σ a with w·φ(x_n) ≥ ρ - ξ_n.

    Args:
        offset: ρ; total: what Σ a must be.
    """
    slack = np.maximum(0.0, offset - sums)
    square = float(a @ sums)
    norm = math.sqrt(max(square, 0.0))
    found = Certificate(
        title=title,
        kind="region",
        rows=len(sums),
        norm=norm,
        margin=offset / norm if norm else math.inf,
        kkt=residuals(a / bounds, 1 - a / bounds, slack, sums - offset + slack),
        balance=abs(float(a.sum()) - total) / float(bounds.max()),
        primal=0.5 * square + float(bounds @ slack) - total * offset,
        dual=-0.5 * square,
        **_counts(a, bounds, slack, tolerance),
    )
    return _stated(found, a, sums)


def _stated(found: Certificate, beta: Array, sums: Array) -> Certificate:
    """The certificate, which proves nothing where |w|² is below 0."""
    least = -_ROUNDING * float(np.abs(beta) @ np.abs(sums))
    return found.unproved() if float(beta @ sums) < least else found


def _counts(
    a: Array, bounds: Array, slack: Array, tolerance: float, edge: float | None = None
) -> dict[str, Any]:
    """How many coefficients are where, and how many rows have no slack, some, `edge` or more."""
    held = (a > 0).astype(np.int8) + (a >= (1 - _TOUCHING) * bounds)
    side = (slack > tolerance).astype(np.int8)
    if edge is not None:
        side += (slack >= edge) & (side == 1)
    standing = Standing(np.arange(len(a)), held, side)
    return {**counted(standing, edge is not None), "slack": slack, "_standing": standing}
