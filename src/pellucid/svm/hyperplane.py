"""A hyperplane between two classes: what the primal and the sub-gradient steps find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.data.arrays import Array
from pellucid.svm.inputs import as_rows, check_rows


@dataclass(frozen=True)
class Plane:
    """w·x + b = 0.

    Args:
        weight: w (D,); intercept: b.
        classes: the two labels; t is 1 for the second, whose rows are to have w·x + b > 0.
    """

    weight: Array
    intercept: float
    classes: Array

    def decision_function(self, x: Any) -> Array:
        """w·x + b of each row, (N,)."""
        rows = as_rows(x, type(self).__name__, len(self.weight))
        check_rows(rows)
        return np.asarray(rows @ self.weight + self.intercept)

    def predict(self, x: Any) -> Array:
        """The class of each row, (N,); the second on the hyperplane itself."""
        return np.asarray(self.classes[(self.decision_function(x) >= 0).astype(int)])
