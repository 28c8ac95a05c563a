"""A line search: a length at which the objective has fallen enough and levels out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pellucid.optim.drivers import Landscape

Array = np.ndarray[Any, Any]
_FALL, _LEVEL = 1e-4, 0.9  # c₁ and c₂
_MOST = 25  # evaluations


def line_search(landscape: Landscape, direction: Array, first: float) -> tuple[float, Array] | None:
    """α that satisfies the strong Wolfe conditions along `direction`, and the gradient there.

    f(α) ≤ f(0) + c₁·α·f'(0) and |f'(α)| ≤ c₂·|f'(0)|. None where no point is lower; the lowest
    one found where the conditions are not met in 25 evaluations.

    Args:
        first: the α that is tried first.

    Source: Nocedal and Wright, Numerical optimization, algorithms 3.5 and 3.6; the trial point of
    an interval is the minimum of the cubic through its ends, (3.59).
    """
    promise = float(landscape.slope @ direction)
    if not promise < 0:
        return None
    seen: list[tuple[float, float, float, Array]] = []

    def at(length: float) -> tuple[float, float, float, Array]:
        value, slope = landscape.slope_at(landscape.start + length * direction)
        value = value if math.isfinite(value) else math.inf
        seen.append((length, value, float(slope @ direction), slope))
        return seen[-1]

    def fallen(point: tuple[float, float, float, Array]) -> bool:
        return point[1] <= landscape.value + _FALL * point[0] * promise

    def level(point: tuple[float, float, float, Array]) -> bool:
        return abs(point[2]) <= -_LEVEL * promise

    low = (0.0, landscape.value, promise, landscape.slope)
    high: tuple[float, float, float, Array] | None = None
    length = first
    while len(seen) < _MOST:
        point = at(length)
        if not fallen(point) or point[1] >= low[1]:
            high = point
        elif level(point):
            return point[0], point[3]
        elif high is None:
            # Still falling: go on, further than before.
            low, high = (point, low) if point[2] >= 0 else (point, None)
        else:
            if point[2] * (high[0] - low[0]) >= 0:
                high = low
            low = point
        if high is None:
            length = point[0] * 2
        elif abs(high[0] - low[0]) * abs(promise) <= 1e-15 * max(1.0, abs(landscape.value)):
            break
        else:
            length = _cubic(low, high)
    best = min(seen, key=lambda point: point[1])
    return (best[0], best[3]) if best[1] < landscape.value else None


def _cubic(
    low: tuple[float, float, float, Array], high: tuple[float, float, float, Array]
) -> float:
    """Where the cubic through both ends is lowest, kept a tenth of the interval off them."""
    (a, fa, da, _), (b, fb, db, _) = (low, high) if low[0] < high[0] else (high, low)
    width = b - a
    if math.isfinite(fb) and math.isfinite(fa):
        bend = da + db - 3 * (fa - fb) / (a - b)
        under = bend * bend - da * db
        if under >= 0:
            root = math.sqrt(under)
            if db - da + 2 * root != 0:
                point = b - width * (db + root - bend) / (db - da + 2 * root)
                return min(max(point, a + 0.1 * width), b - 0.1 * width)
    return a + width / 2
