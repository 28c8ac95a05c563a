"""Newton's method for a convex function on the graph.

In: a function of one flat vector and of data, traced once. Out: the point where the gradient is as
small as asked, or where rounding lets it fall no further.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pellucid.data.arrays import Array
from pellucid.transform.grad import hvp, value_and_grad
from pellucid.transform.jit import jit

_LEVEL = 0.5  # |slope| that is accepted at the end of a step, as a part of that at its start
_TRIALS = 100


class Minimum(NamedTuple):
    """Where the method ended.

    Args:
        point: the flat vector; value: of the function there.
        gradient: its entry that is largest in size; steps: how many were taken.
    """

    point: Array
    value: float
    gradient: float
    steps: int


class Convex:
    """A convex scalar function of a flat vector and of data, with its derivatives as machine code.

    Args:
        function: (z, *data) → scalar, once differentiable; its gradient may have kinks.
        batch: which of the data have a row for each of N.
    """

    def __init__(self, function: Callable[..., Any], batch: tuple[int, ...] = ()):
        def product(z: Any, d: Any, *data: Any) -> Any:
            return hvp(lambda at: function(at, *data), (z,), (d,))

        self._gradient = jit(value_and_grad(function), batch=tuple(1 + i for i in batch))
        self._product = jit(product, batch=tuple(2 + i for i in batch))

    def minimum(self, start: Array, data: tuple[Any, ...], tolerance: float, steps: int) -> Minimum:
        """Newton's steps z ← z - α·H⁻¹g from `start` until no entry of g exceeds `tolerance`.

        α is 1, or where |gᵀd| has fallen by half: a search by slopes, which near the minimum are
        exact to more digits than values. Directions without curvature get a little.
        """
        value, gradient = self._at(start, data)
        z, taken, size = start, 0, np.abs(gradient).max()
        best = Minimum(z, value, float(size), taken)
        while taken < steps and best.gradient > tolerance:
            rows = [np.asarray(self._product(z, row, *data)) for row in np.eye(len(z))]
            matrix = np.stack(rows)
            values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
            least = max(values.max() * 1e-12, np.finfo(np.float64).tiny)
            direction = -axes @ ((axes.T @ gradient) / np.maximum(values, least))
            found = self._along(z, direction, gradient, data)
            if found is None:
                break
            z, value, gradient = found
            taken += 1
            size = np.abs(gradient).max()
            if size < best.gradient:
                best = Minimum(z, value, float(size), taken)
            elif taken - best.steps > 20:
                break
        return best._replace(steps=taken)

    def _at(self, z: Array, data: tuple[Any, ...]) -> tuple[float, Array]:
        value, gradient = self._gradient(z, *data)
        return float(value), np.asarray(gradient)

    def _along(
        self, z: Array, direction: Array, gradient: Array, data: tuple[Any, ...]
    ) -> tuple[Array, float, Array] | None:
        """The end of a step in `direction`: the slope of a convex function grows, so halve."""
        slope = float(gradient @ direction)
        if not slope < 0:
            return None
        low, high, length = 0.0, np.inf, 1.0
        for _ in range(_TRIALS):
            there = z + length * direction
            value, after = self._at(there, data)
            found = float(after @ direction)
            if abs(found) <= -_LEVEL * slope:
                return there, value, after
            low, high = (length, high) if found < 0 else (low, length)
            length = 2 * length if high == np.inf else (low + high) / 2
        return None
