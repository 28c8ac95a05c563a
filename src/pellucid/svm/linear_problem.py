"""One linear problem between two classes, its solution so far, and how good that is.

    primal  min ½‖w‖² + Σ Cᵢ·ℓ(tᵢ(w·xᵢ)) over w, ℓ(m) = [1 - m]₊ or its square
    dual    max Σ αᵢ - ½‖w‖² - ½ Σ shiftᵢ αᵢ²,  w = Σ αᵢ tᵢ xᵢ,  0 ≤ αᵢ ≤ upperᵢ

with shift 0 and upper C for the hinge; shift 1/(2C) and no upper bound for its square.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pellucid.data.arrays import Array
from pellucid.svm.linear_reference import LinearRowsReference


@dataclass
class LinearProblem:
    """The data of a problem, and where its solution stands.

    Args:
        rows: n rows. signs: t; cost: C of each row, above 0; both float64[n].
        squared: whether the loss is the square of the hinge.
        weight: float64[features + 1]; alpha: float64[n].
        primal, dual: the objectives there. iterations: sweeps, or Newton's steps, so far.
    """

    rows: LinearRowsReference
    signs: Array
    cost: Array
    squared: bool
    weight: Array = field(init=False)
    alpha: Array = field(init=False)
    primal: float = np.inf
    dual: float = -np.inf
    iterations: int = 0

    def __post_init__(self) -> None:
        self.weight = np.zeros(self.rows.x.shape[1] + 1)
        self.alpha = np.zeros(len(self.signs))

    @property
    def upper(self) -> Array:
        """The largest αᵢ of each row; inf for the squared hinge."""
        return np.full_like(self.cost, np.inf) if self.squared else self.cost

    @property
    def shift(self) -> Array:
        """What the squared hinge adds to the diagonal, 1/(2Cᵢ); 0 for the hinge."""
        return 1 / (2 * self.cost) if self.squared else np.zeros_like(self.cost)

    @property
    def gap(self) -> float:
        """(primal - dual) / primal: how far the primal may be above its minimum, relatively."""
        return (self.primal - self.dual) / max(self.primal, np.finfo(float).tiny)

    def spanned(self) -> Array:
        """Σ αᵢ tᵢ xᵢ."""
        places = np.flatnonzero(self.alpha)
        return self.rows.combine(places, (self.alpha * self.signs)[places])

    def primal_at(self, weight: Array, products: Array) -> float:
        """The primal objective for w with the products w·x."""
        short = np.maximum(1 - self.signs * products, 0)
        loss = short * short if self.squared else short
        return float(weight @ weight / 2 + self.cost @ loss)

    def dual_at(self, alpha: Array, weight: Array) -> float:
        """The dual objective for α with w = Σ αᵢ tᵢ xᵢ."""
        quadratic = weight @ weight
        if self.squared:
            quadratic += alpha @ (alpha / (2 * self.cost))
        return float(alpha.sum() - quadratic / 2)
