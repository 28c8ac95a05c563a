"""Stochastic sub-gradient steps on the primal of a linear machine, through `pel.grad`.

In: rows of two classes. Out: a hyperplane, and what each pass over the data brought. For large
problems where a few digits are enough; `LinearSVC` has the same objective and goes to its minimum.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import numpy as xp
from pellucid.core.arguments import checked, choice, integer
from pellucid.core.arguments import seed as checked_seed
from pellucid.data.arrays import Array
from pellucid.svm.arguments import intercept_scale, price
from pellucid.svm.hyperplane import Plane
from pellucid.svm.inputs import as_rows, check_rows
from pellucid.svm.notices import ConvergenceWarning, warn
from pellucid.svm.targets import as_signs
from pellucid.transform.grad import grad
from pellucid.transform.jit import Jit, jit

# Of a row's margin m = t(w·x + b). relu has the derivative 0 at 0: at the kink m = 1 the hinge's
# sub-gradient is 0, the row is not active.
LOSSES: dict[str, Callable[[Any], Any]] = {
    "hinge": lambda m: xp.relu(1 - m),
    "squared_hinge": lambda m: xp.square(xp.relu(1 - m)),
    "logistic": lambda m: xp.softplus(-m),
}
# L in units of the longest row's square: how fast the slope of a smooth loss grows at most. For the
# hinge, whose slope jumps, that of the logistic loss, which it resembles.
_CURVATURE = {"hinge": 0.25, "squared_hinge": 2.0, "logistic": 0.25}
_PASSES, _STEPS = 10, 2000  # at least
_MOST_PASSES = 1_000_000
_FALLING = 0.01  # of the objective: a pass that takes off more is not the last one to need


@dataclass(frozen=True, repr=False)
class Descent(Plane):
    """Where the steps ended, averaged.

    Args:
        objective: ½(‖w‖² + β²) + C Σ ℓ of the average after each epoch.
        active: rows with a sub-gradient other than 0 then: those with m < 1 for both hinges, all
            for the logistic loss.
        rate: η of the first and the last step. steps: how many were taken.
    """

    objective: tuple[float, ...]
    active: tuple[int, ...]
    rate: tuple[float, float]
    steps: int

    def _facts(self) -> list[str]:
        passes = len(self.objective)
        fell = f", {self.fell:.1e} of it less than a pass before" if passes > 1 else ""
        return [
            f"  steps            {self.steps:,} in {passes:,} passes",
            f"  objective        {self.objective[-1]:.9g}{fell}",
            f"  active           {self.active[-1]:,} rows",
        ]

    @property
    def fell(self) -> float:
        """How much the last pass took off the objective, in units of it; inf after one pass."""
        if len(self.objective) == 1:
            return math.inf
        return (self.objective[-2] - self.objective[-1]) / abs(self.objective[-1])


@functools.cache
def _step(loss: str) -> Jit:
    """One step: the new weights and their average."""

    def mean_loss(w: Any, x: Any, t: Any, scale: Any) -> Any:
        return xp.mean(LOSSES[loss](t * (x @ w[:-1] + scale * w[-1])))

    def step(
        w: Any, average: Any, x: Any, t: Any, scale: Any, decay: Any, rate: Any, share: Any
    ) -> Any:
        moved = w - rate * (decay * w + grad(mean_loss)(w, x, t, scale))
        # The minimum is no longer than √(2ℓ(0)/λ); what goes beyond is pulled back.
        radius = xp.sqrt(2 * LOSSES[loss](xp.zeros_like(scale)) / decay)
        length = xp.sqrt(xp.sum(moved * moved))
        moved = moved * xp.minimum(1.0, radius / xp.maximum(length, radius * 1e-6))
        return moved, average + share * (moved - average)

    return jit(step, batch=(2, 3))


@checked
def subgradient(
    x: Any,
    y: Any,
    *,
    loss: str = "hinge",
    C: float = 1.0,
    intercept_scaling: float = 1.0,
    epochs: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
) -> Descent:
    """min ½(‖w‖² + β²) + C Σ ℓ(t(w·x + s·β)) by stochastic sub-gradient steps, b = s·β.

    Divided by C·N it is (λ/2)(‖w‖² + β²) + the mean loss with λ = 1/(C·N). Step k on a minibatch is

        w ← w - ηₖ(λw + mean of ∂ℓ),  ηₖ = 1/(λk + L),  w ← w·min(1, √(2ℓ(0)/λ)/‖w‖)

    which is Pegasos' rule but for L = c·max(‖x‖² + s²), c = ¼ (2 for the squared hinge): with a
    small λ its first steps, of length 1/λ, would go so far out that the way back takes most of the
    run. The result is the average of all w with weight k, which has an error of O(1/k).

    Args:
        x: (N, D); y: (N,) labels of two classes. t is 1 for the larger label, -1 for the other.
        loss: "hinge", whose sub-gradient at the kink is 0; "squared_hinge"; "logistic", which makes
            it logistic regression with an L2 penalty.
        C: the price of the losses, above 0. intercept_scaling: s, as of `LinearSVC`.
        epochs: passes over the rows, a million at most, in a new order each; None for 10, or for as
            many as make 2,000 steps. seed: of the orders.

    Warns where the last pass took more than a hundredth off the objective.

    Source: Shalev-Shwartz, Singer, Srebro and Cotter, Mathematical Programming 127 (2011), 3-30;
    Lacoste-Julien, Schmidt and Bach, arXiv:1212.2002 (2012), for the average.
    """
    where = "subgradient"
    choice(where, "loss", loss, LOSSES)
    C, scale = price(where, C), intercept_scale(where, intercept_scaling)
    batch_size = integer(where, "batch_size", batch_size, 1)
    passes = None if epochs is None else integer(where, "epochs", epochs, 1, _MOST_PASSES)
    draw = np.random.default_rng(checked_seed(where, seed))
    rows = as_rows(x, where)
    check_rows(rows)
    classes, t = as_signs(y, len(rows), where)
    t = t.astype(rows.dtype)
    if passes is None:
        passes = max(_PASSES, -(-_STEPS // -(-len(rows) // batch_size)))
    decay = 1 / (C * len(rows))
    longest = float(np.einsum("ij,ij->i", rows, rows, dtype=np.float64).max()) + scale**2
    curved = _CURVATURE[loss] * longest
    step, w, average = _step(loss), np.zeros(rows.shape[1] + 1), np.zeros(rows.shape[1] + 1)
    w, average = w.astype(rows.dtype), average.astype(rows.dtype)
    count, objective, active = 0, [], []
    for _ in range(passes):
        order = draw.permutation(len(rows))
        for first in range(0, len(rows), batch_size):
            some = order[first : first + batch_size]
            count += 1
            rate, share = 1 / (decay * count + curved), 2 / (count + 1)
            w, average = step(w, average, rows[some], t[some], scale, decay, rate, share)
        margins = t * (rows @ average[:-1] + scale * average[-1]).astype(np.float64)
        value, below = _loss(loss, margins)
        square = float(average.astype(np.float64) @ average)
        objective.append(square / 2 + C * value)
        active.append(below)
    found = Descent(
        average[:-1].astype(np.float64),
        float(average[-1]) * scale,
        classes,
        tuple(objective),
        tuple(active),
        (1 / (decay + curved), rate),
        count,
    )
    if passes > 1 and found.fell > _FALLING:
        warn(
            where,
            f"the last of {passes} passes took {found.fell:.1%} off the objective: the minimum is "
            "still far. Give a larger epochs=, scale the columns, or use LinearSVC",
            ConvergenceWarning,
        )
    return found


def _loss(loss: str, margins: Array) -> tuple[float, int]:
    """Σ ℓ, and the rows that have a sub-gradient."""
    if loss == "logistic":
        return float(np.logaddexp(0, -margins).sum()), len(margins)
    short = np.maximum(1 - margins, 0)
    each = short if loss == "hinge" else short * short
    return float(each.sum()), int((margins < 1).sum())
