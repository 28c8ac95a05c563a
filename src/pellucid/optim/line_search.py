"""A line search: a step length at which the objective has fallen enough and levels out."""

from __future__ import annotations

import math
from typing import NamedTuple

from pellucid.optim.objective import Array, Objective

_DECREASE, _CURVATURE = 1e-4, 0.9  # c₁ and c₂
_MAX_EVALUATIONS = 25


class _Point(NamedTuple):
    """A place along the direction: its step length α, f(α), f'(α) and the whole gradient."""

    length: float
    value: float
    slope: float
    gradient: Array


def line_search(objective: Objective, direction: Array, first: float) -> tuple[float, Array] | None:
    """α that satisfies the strong Wolfe conditions along `direction`, and the gradient there.

    f(α) ≤ f(0) + c₁·α·f'(0) and |f'(α)| ≤ c₂·|f'(0)|. None where no point is lower; the lowest
    one found where the conditions are not met in 25 evaluations.

    Args:
        first: the α that is tried first.

    Source: Nocedal and Wright, Numerical optimization, algorithms 3.5 and 3.6; the trial point of
    an interval is the minimum of the cubic through its ends, (3.59).
    """
    slope = float(objective.gradient @ direction)
    if not slope < 0:
        return None
    tried: list[_Point] = []

    def evaluate(length: float) -> _Point:
        value, gradient = objective.value_and_gradient_at(objective.start + length * direction)
        value = value if math.isfinite(value) else math.inf
        tried.append(_Point(length, value, float(gradient @ direction), gradient))
        return tried[-1]

    def has_fallen(point: _Point) -> bool:
        return point.value <= objective.value + _DECREASE * point.length * slope

    def is_level(point: _Point) -> bool:
        return abs(point.slope) <= -_CURVATURE * slope

    low = _Point(0.0, objective.value, slope, objective.gradient)
    high: _Point | None = None
    length = first
    while len(tried) < _MAX_EVALUATIONS:
        point = evaluate(length)
        if not has_fallen(point) or point.value >= low.value:
            high = point
        elif is_level(point):
            return point.length, point.gradient
        elif high is None:
            # Still falling: go on, further than before.
            low, high = (point, low) if point.slope >= 0 else (point, None)
        else:
            if point.slope * (high.length - low.length) >= 0:
                high = low
            low = point
        if high is None:
            length = point.length * 2
        elif abs(high.length - low.length) * abs(slope) <= 1e-15 * max(1.0, abs(objective.value)):
            break
        else:
            length = _cubic_minimum(low, high)
    best = min(tried, key=lambda point: point.value)
    return (best.length, best.gradient) if best.value < objective.value else None


def _cubic_minimum(one: _Point, other: _Point) -> float:
    """Where the cubic through both points is lowest, kept a tenth of the interval off them."""
    left, right = (one, other) if one.length < other.length else (other, one)
    width = right.length - left.length
    if math.isfinite(right.value) and math.isfinite(left.value):
        chord = (left.value - right.value) / (left.length - right.length)
        bend = left.slope + right.slope - 3 * chord
        under = bend * bend - left.slope * right.slope
        if under >= 0:
            root = math.sqrt(under)
            below = right.slope - left.slope + 2 * root
            if below != 0:
                point = right.length - width * (right.slope + root - bend) / below
                return min(max(point, left.length + 0.1 * width), right.length - 0.1 * width)
    return left.length + width / 2
