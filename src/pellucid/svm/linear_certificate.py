"""The proof of a linear fit: objectives, slacks and support vectors, recomputed from the data.

In: a solved `LinearProblem`. Out: its certificate.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from pellucid.data.arrays import Array
from pellucid.svm.certificate import Gap
from pellucid.svm.linear_problem import LinearProblem


@dataclass(frozen=True, eq=False)
class LinearCertificate(Gap):
    """What was proved of one problem; objectives are recomputed in float64.

    Attributes:
        title: the classes. rows: how many it saw.
        margin: 1/‖w‖, without the intercept; inf where w is 0.
        support: rows whose multiplier is above 0.
        right: rows without slack; inside: those with slack on the right side; wrong: the others.
        slack: float64 (rows,); None in a machine that was loaded.
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
    primal: float
    dual: float
    steps: int
    slack: Array | None = field(default=None, repr=False)

    def numbers(self) -> dict[str, Any]:
        """What a file holds of it: all but the slacks."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        del plain["slack"]
        return plain

    def __str__(self) -> str:
        return (
            f"{self.title}: {self.rows:,} rows, {self.support:,} support vectors, margin "
            f"{self.margin:.6g}\n"
            f"  slack      {self.right:,} rows have none, {self.inside:,} lie inside the margin, "
            f"{self.wrong:,} on the wrong side\n"
            f"  objective  primal {self.primal:.9g}, dual {self.dual:.9g}, gap "
            f"{self.relative_gap:.1e} of it"
        )


def certified(one: LinearProblem, title: str) -> LinearCertificate:
    """The proof of what stands in a problem."""
    products = one.rows.products(one.weight)
    slack = np.maximum(1 - one.signs * products, 0)
    length = float(np.linalg.norm(one.weight[:-1]))
    return LinearCertificate(
        title=title,
        rows=len(slack),
        margin=1 / length if length else np.inf,
        support=int((one.alpha > 0).sum()),
        right=int((slack == 0).sum()),
        inside=int(((slack > 0) & (slack < 1)).sum()),
        wrong=int((slack >= 1).sum()),
        primal=one.primal_at(one.weight, products),
        dual=one.dual_at(one.alpha, one.spanned()),
        steps=one.iterations,
        slack=slack,
    )
