"""What `linear_rows.py` does in machine code, in NumPy: the two are compared.

In: rows of features, and one linear problem in its dual, which is changed in place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid.data.arrays import Array

STILL = 1e-12  # a projected derivative that moves nothing


class Sweep(NamedTuple):
    """What a sweep saw.

    Args:
        active: how many rows of the order are still looked at; the others stand behind them.
        top, least: the largest and the smallest projected derivative.
    """

    active: int
    top: float
    least: float


class LinearRowsReference:
    """n rows of features and a constant column behind them; weights are float64[features + 1].

    Args:
        x: (n, features) float32 or float64. intercept: the constant; 0 leaves the column out.
    """

    def __init__(self, x: Array, intercept: float):
        self.x, self.intercept = x, intercept

    def products(self, weight: Array, threads: int = 1) -> Array:
        """w·x of each row, float64[n]."""
        return np.asarray(self.x @ weight[:-1] + self.intercept * weight[-1])

    def combine(self, places: Array, coefficients: Array, threads: int = 1) -> Array:
        """Σ cₖ·x_k over the rows at `places`, float64[features + 1]."""
        inner = coefficients @ self.x[places].astype(np.float64)
        return np.append(inner, self.intercept * coefficients.sum())

    def gather(self, places: Array, factors: Array) -> Array:
        """The rows at `places` times their factors, with the constant column, float64."""
        out = np.empty((len(places), self.x.shape[1] + 1))
        np.multiply(self.x[places], factors[:, None], out=out[:, :-1])
        out[:, -1] = self.intercept * factors
        return out

    def squares(self) -> Array:
        """|x|² of each row with the constant column, float64[n]."""
        inner = np.einsum("ij,ij->i", self.x, self.x, dtype=np.float64)
        return np.asarray(inner + self.intercept**2)

    def sweep(
        self,
        order: Array,
        active: int,
        signs: Array,
        squares: Array,
        upper: Array,
        shift: Array,
        alpha: Array,
        weight: Array,
        high: float,
        low: float,
    ) -> Sweep:
        """One step along each of the first `active` coordinates of `order`, one after the other.

            minimise ½ Σ αᵢ αⱼ tᵢ tⱼ xᵢ·xⱼ + ½ Σ shiftᵢ αᵢ² - Σ αᵢ,  0 ≤ αᵢ ≤ upperᵢ

        A step goes to the minimum along αᵢ: αᵢ ← αᵢ - Gᵢ/squaresᵢ, cut to its bounds, where Gᵢ =
        tᵢ·(w·xᵢ) - 1 + shiftᵢ·αᵢ is the derivative and w = Σ αᵢ tᵢ xᵢ. A coordinate at 0 with
        Gᵢ > high, or at its upper bound with Gᵢ < low, is unlikely to move again: it is put
        behind the active ones.

        Args:
            order: int64[n], changed in place. signs, squares (|xᵢ|² + shiftᵢ), upper, shift,
                alpha: float64[n]; weight: float64[features + 1]; alpha and weight are changed.
        """
        top, least, place = -np.inf, np.inf, 0
        while place < active:
            i = order[place]
            row = np.append(self.x[i].astype(np.float64), self.intercept)
            slope = signs[i] * (weight @ row) - 1 + shift[i] * alpha[i]
            bottom, full = alpha[i] == 0, alpha[i] == upper[i]
            if (bottom and slope > high) or (full and not bottom and slope < low):
                active -= 1
                order[place], order[active] = order[active], order[place]
                continue
            free = min(slope, 0.0) if bottom else max(slope, 0.0) if full else slope
            top, least = max(top, free), min(least, free)
            if abs(free) > STILL:
                with np.errstate(divide="ignore"):  # a row of zeros: all the way
                    wanted = alpha[i] - np.float64(slope) / squares[i]
                new = min(max(wanted, 0.0), upper[i])
                weight += (new - alpha[i]) * signs[i] * row
                alpha[i] = new
            place += 1
        return Sweep(active, top, least)
