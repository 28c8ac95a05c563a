"""A hyperplane between two classes: what the primal and the sub-gradient steps find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.data.arrays import Array
from pellucid.svm.inputs import as_rows, check_rows

_SHOWN = 6  # weights that are printed


@dataclass(frozen=True, repr=False)
class Plane:
    """w·x + b = 0.

    Args:
        weight: w (D,); intercept: b.
        classes: the two labels; t is 1 for the second, whose rows are to have w·x + b > 0.
    """

    weight: Array
    intercept: float
    classes: Array

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        """A line a fact; arrays are not printed."""
        one, other = (repr(label) for label in self.classes.tolist())
        w = ", ".join(f"{value:.6g}" for value in self.weight[:_SHOWN])
        more = ", …" if len(self.weight) > _SHOWN else ""
        return "\n".join(
            [
                f"{type(self).__name__}: {one} against {other}",
                f"  plane            w = ({w}{more}), b = {self.intercept:.6g}",
                *self._facts(),
            ]
        )

    def _facts(self) -> list[str]:
        return []

    def decision_function(self, x: Any) -> Array:
        """w·x + b of each row, (N,)."""
        rows = as_rows(x, type(self).__name__, len(self.weight))
        check_rows(rows)
        return np.asarray(rows @ self.weight + self.intercept)

    def predict(self, x: Any) -> Array:
        """The class of each row, (N,); the second on the hyperplane itself."""
        return np.asarray(self.classes[(self.decision_function(x) >= 0).astype(int)])
