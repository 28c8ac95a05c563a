"""The proof of a fit: how far the solution is from the optimum, and what the solution says.

In: the coefficients and intercept of a solved problem, and kernel sums recomputed in float64 from
the data: nothing of what the solver computed is believed. Out: margin, support vectors, slacks, the
six KKT residuals, primal and dual objective and their gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.data.arrays import Array

KKT = ("a ≥ 0", "mu ≥ 0", "xi ≥ 0", "t y - 1 + xi ≥ 0", "a (t y - 1 + xi) = 0", "mu xi = 0")
_TOUCHING = 1e-9  # of its bound: a coefficient this close counts as there


class Gap:
    """What all certificates state: no solution has an objective below `dual`."""

    primal: float
    dual: float

    @property
    def gap(self) -> float:
        """primal - dual: how far the objective may be above its minimum."""
        return self.primal - self.dual

    @property
    def relative_gap(self) -> float:
        """The gap in units of the objective."""
        return self.gap / max(abs(self.primal), abs(self.dual), np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class Certificate(Gap):
    """What was proved of one problem.

    With coefficients a_n in [0, C_n], multipliers mu_n = C_n - a_n, and slacks xi_n.

    Attributes:
        title: which problem: the classes, or the kind of machine.
        rows: how many it saw.
        norm: |w|, where |w|² = β'Kβ; margin: 1/|w|, how far the nearest rows without slack lie from
            the boundary, in the space of the kernel. Of a one-class machine the distance of the
            region from the origin, ρ/|w|. inf where w is 0.
        support: how many support vectors; on_margin: those of them strictly between their bounds,
            whose slack is 0; at_bound: those with a = C.
        right: rows without slack but for tol (of a regression: inside the tube); inside: those with
            slack on the right side of the boundary; wrong: those on the other side, None where
            there is none: of a regression and a one-class machine all rows with slack are `inside`.
        slack: float64 (rows,), in the order of the problem; None in a machine that was loaded.
        kkt: the largest violation of each of the six conditions; see `KKT`. a and mu are in units
            of C, so that all six compare with tol.
        balance: |Σ a_n t_n| in units of the largest C; with ν also how far Σ a is from its value.
        primal, dual: the objectives; gap: primal - dual, ≥ 0 but for rounding.
    """

    title: str
    rows: int
    norm: float
    margin: float
    support: int
    on_margin: int
    at_bound: int
    right: int
    inside: int
    wrong: int | None
    kkt: tuple[float, ...]
    balance: float
    primal: float
    dual: float
    slack: Array | None = field(default=None, repr=False)
    _rank: Callable[[], int] | None = field(default=None, repr=False)

    @property
    def residual(self) -> float:
        """The largest of the six KKT residuals."""
        return max(self.kkt)

    def numbers(self) -> dict[str, Any]:
        """What a file holds of it: all but the arrays."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        del plain["slack"], plain["_rank"]
        return plain | {"kkt": list(self.kkt)}

    def rank(self) -> int:
        """The rank of the kernel matrix of its rows; where it is full, any labels can be separated.

        It is computed when it is asked for, from all eigenvalues: N³ steps.
        """
        if self._rank is None:
            raise ArgumentError(
                "certificate",
                "the rank needs the training data, which a machine that was loaded has not",
                "Ask for it before saving.",
            )
        return self._rank()

    def __str__(self) -> str:
        where = "have some" if self.wrong is None else "lie inside the margin"
        rest = "" if self.wrong is None else f", {self.wrong:,} on the wrong side"
        lines = [
            f"{self.title}: {self.rows:,} rows",
            f"  margin           {self.margin:.6g}   (|w| = {self.norm:.6g})",
            f"  support vectors  {self.support:,}: {self.on_margin:,} on the margin, "
            f"{self.at_bound:,} at the bound",
            f"  slack            {self.right:,} rows have none, {self.inside:,} {where}{rest}",
            f"  objective        primal {self.primal:.9g}, dual {self.dual:.9g}, gap "
            f"{self.gap:.2e} ({self.relative_gap:.1e} of it)",
            "  KKT residuals",
        ]
        lines += [f"    {name:22s} {value:.1e}" for name, value in zip(KKT, self.kkt, strict=True)]
        lines.append(f"    {'sum a t = 0':22s} {self.balance:.1e}")
        return "\n".join(lines)

    __repr__ = __str__


class Certificates(Sequence[Certificate]):
    """The proofs of several problems, one a pair of classes or a class against the rest."""

    def __init__(self, parts: Sequence[Certificate]):
        self.parts = tuple(parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, place: Any) -> Any:
        return self.parts[place]

    def __iter__(self) -> Iterator[Certificate]:
        return iter(self.parts)

    @property
    def residual(self) -> float:
        """The largest KKT residual of all."""
        return max(one.residual for one in self.parts)

    @property
    def relative_gap(self) -> float:
        """The largest gap of all, in units of each objective."""
        return max(one.relative_gap for one in self.parts)

    def __repr__(self) -> str:
        head = (
            f"{'problem':24s} {'margin':>9s} {'support':>8s} {'wrong':>6s} {'KKT':>8s} {'gap':>8s}"
        )
        lines = [
            f"{one.title[:24]:24s} {one.margin:9.3g} {one.support:8,} {one.wrong or 0:6,} "
            f"{one.residual:8.1e} {one.relative_gap:8.1e}"
            for one in self.parts
        ]
        return "\n".join([head, *lines])


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
    return Certificate(
        title=title,
        rows=len(t),
        norm=norm,
        margin=1 / norm if norm else math.inf,
        kkt=_residuals(a, bounds, slack, t - edge + slack),
        balance=balance / float(bounds.max()),
        primal=0.5 * square + float(bounds @ slack) - edge * total,
        dual=(0.0 if nu else float(a.sum())) - 0.5 * square,
        **_counts(a, bounds, slack, tolerance, edge),
    )


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
    return Certificate(
        title=title,
        rows=len(error),
        norm=norm,
        margin=1 / norm if norm else math.inf,
        kkt=_residuals(a, bounds, slack, epsilon - toward + slack),
        balance=abs(float(beta.sum())) / float(bounds.max()),
        primal=0.5 * square + float(bounds @ slack) + (0.0 if total is None else epsilon * total),
        dual=dual if total is not None else dual - epsilon * float(a.sum()),
        **_counts(a, bounds, slack, tolerance),
    )


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
    return Certificate(
        title=title,
        rows=len(sums),
        norm=norm,
        margin=offset / norm if norm else math.inf,
        kkt=_residuals(a, bounds, slack, sums - offset + slack),
        balance=abs(float(a.sum()) - total) / float(bounds.max()),
        primal=0.5 * square + float(bounds @ slack) - total * offset,
        dual=-0.5 * square,
        **_counts(a, bounds, slack, tolerance),
    )


def _counts(
    a: Array, bounds: Array, slack: Array, tolerance: float, edge: float | None = None
) -> dict[str, Any]:
    """How many coefficients are where, and how many rows have no slack, some, `edge` or more."""
    bound, support = a >= (1 - _TOUCHING) * bounds, a > 0
    none = slack <= tolerance
    wrong = None if edge is None else slack >= edge
    return {
        "support": int(support.sum()),
        "on_margin": int((support & ~bound).sum()),
        "at_bound": int(bound.sum()),
        "right": int(none.sum()),
        "inside": int((~none).sum()) - int(0 if wrong is None else (wrong & ~none).sum()),
        "wrong": None if wrong is None else int((wrong & ~none).sum()),
        "slack": slack,
    }


def _residuals(a: Array, bounds: Array, slack: Array, room: Array) -> tuple[float, ...]:
    """The largest violation of each condition, with a and mu in units of their bound.

    Args:
        room: t y - 1 + xi, how far a constraint is from being tight.
    """
    share = a / bounds
    mu = 1.0 - share
    return (
        _largest(-share),
        _largest(-mu),
        _largest(-slack),
        _largest(-room),
        float(np.abs(share * room).max()),
        float(np.abs(mu * slack).max()),
    )


def _largest(violations: Array) -> float:
    return max(0.0, float(violations.max()))
