"""The proof of a linear fit: objectives, slacks and support vectors, recomputed from the data.

In: a solved `LinearProblem`. Out: its certificate.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from pellucid.data.arrays import Array
from pellucid.svm.certificate import KKT, Gap, listed, residuals
from pellucid.svm.linear_problem import LinearProblem


@dataclass(frozen=True, eq=False)
class LinearCertificate(Gap):
    """What was proved of one problem, recomputed in float64.

    With multipliers a_n of t y ≥ 1 - xi and mu_n of xi ≥ 0, where mu = C - a for the hinge and
    mu = 2C xi - a for its square: at the optimum of that mu is 0 everywhere.

    Attributes:
        title: the classes. rows: how many it saw.
        margin: 1/‖w‖, without the intercept; inf where w is 0.
        support: rows whose multiplier is above 0.
        right: rows without slack; inside: those with slack on the right side; wrong: the others.
        slack: float64 (rows,), in the order in which the rows were given, without those of weight
            0; None in a machine that was loaded.
        kkt: the largest violation of each of the six conditions; see `certificate.KKT`. a and mu
            are in units of C, or 2C for the squared hinge. `tol` is of the gap, not of these.
        span: ‖w - Σ a t x‖ in units of ‖w‖, with the intercept as one more weight.
        primal, dual: the objectives; the minimum lies between them.
        steps: of the solver.
    """

    title: str
    rows: int
    margin: float
    support: int
    right: int
    inside: int
    wrong: int
    kkt: tuple[float, ...]
    span: float
    primal: float
    dual: float
    steps: int
    slack: Array | None = field(default=None, repr=False)
    _held: Array | None = field(default=None, repr=False)  # bool (rows,): whose multiplier is > 0

    @property
    def residual(self) -> float:
        """The largest of the six KKT residuals."""
        return max(self.kkt)

    def numbers(self) -> dict[str, Any]:
        """What a file holds of it: all but the slacks."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        del plain["slack"], plain["_held"]
        return plain | {"kkt": list(self.kkt)}

    def repeated(self, of: Array) -> LinearCertificate:
        """The same for the rows that the rows of the fit stood for: see `Certificate.repeated`."""
        assert self.slack is not None and self._held is not None
        counted = _counted(self.slack[of], self._held[of])
        return replace(self, **counted)

    def __str__(self) -> str:
        lines = [
            f"{self.title}: {self.rows:,} rows, {self.support:,} support vectors, margin "
            f"{self.margin:.6g}",
            f"  slack      {self.right:,} rows have none, {self.inside:,} lie inside the margin, "
            f"{self.wrong:,} on the wrong side",
            f"  objective  primal {self.primal:.9g}, dual {self.dual:.9g}, gap "
            f"{self.relative_gap:.1e} of the objective",
            "  KKT residuals",
        ]
        return "\n".join(lines + listed([*KKT, "w = sum a t x"], [*self.kkt, self.span]))

    __repr__ = __str__


def certified(one: LinearProblem, title: str) -> LinearCertificate:
    """The proof of what stands in a problem."""
    products, spanned = one.rows.products(one.weight), one.spanned()
    margins = one.signs * products
    slack = np.maximum(1 - margins, 0)
    length = float(np.linalg.norm(one.weight[:-1]))
    share = one.alpha / (2 * one.cost if one.squared else one.cost)
    mu = slack - share if one.squared else 1 - share
    whole = max(*(float(np.linalg.norm(w)) for w in (one.weight, spanned)), np.finfo(float).tiny)
    return LinearCertificate(
        title=title,
        margin=1 / length if length else np.inf,
        kkt=residuals(share, mu, slack, margins - 1 + slack),
        span=float(np.linalg.norm(one.weight - spanned)) / whole,
        primal=one.primal_at(one.weight, products),
        dual=one.dual_at(one.alpha, spanned),
        steps=one.iterations,
        **_counted(slack, one.alpha > 0),
    )


def _counted(slack: Array, held: Array) -> dict[str, Any]:
    """The counts of a certificate, and the arrays that they come from."""
    return {
        "rows": len(slack),
        "support": int(held.sum()),
        "right": int((slack == 0).sum()),
        "inside": int(((slack > 0) & (slack < 1)).sum()),
        "wrong": int((slack >= 1).sum()),
        "slack": slack,
        "_held": held,
    }
