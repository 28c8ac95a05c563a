"""What a minimizer sees of a step: the objective of its rows as functions of the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Objective:
    """The objective of one step's rows as functions of all weights, one flat float64 vector.

    Args:
        start: where the step begins; value, gradient: the objective and its gradient there.
        value_at: the objective; value_and_gradient_at: the objective and its gradient.
        hessian_product: the Hessian at `start` times a vector.
    """

    start: Array
    value: float
    gradient: Array
    value_at: Callable[[Array], float]
    value_and_gradient_at: Callable[[Array], tuple[float, Array]]
    hessian_product: Callable[[Array], Array]
