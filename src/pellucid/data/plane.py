"""Points of the plane to learn from: four sets of two classes, two of values, or a formula.

The numbers come from the same Philox as every other random number here, so a set is a function of
its arguments alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import checked, integer, real
from pellucid.core.arguments import seed as check_seed
from pellucid.core.errors import ArgumentError, DataError, ShapeError, nearest
from pellucid.data.arrays import as_features
from pellucid.data.formula import Formula
from pellucid.runtime.extras import words

Array = np.ndarray[Any, Any]

MOST_ROWS = 1_000_000
REACH = 6.0  # the plane that is looked at is [-6, 6]²
_RADIUS = 5.0
_WIDEST = 4.0  # variance of the two normals at noise 0.5; 0.5 without noise
_BUMPS = ((-4, 2.5, 1), (0, 2.5, -1), (4, 2.5, 1), (-4, -2.5, -1), (0, -2.5, 1), (4, -2.5, -1))
_BUMP_REACH = 2.0  # where a bump has fallen to 0


class _Draws:
    """Uniform numbers, each call further along in the words of the seed."""

    def __init__(self, seed: int):
        self.seed, self.calls = seed, 0

    def uniform(self, n: int, low: float, high: float) -> Array:
        self.calls += 1
        unit: Array = words(self.seed, self.calls, "points", n) / 2.0**32
        return low + (high - low) * unit

    def normal(self, n: int) -> Array:
        """Box and Muller's method."""
        radius = np.sqrt(-2 * np.log(1 - self.uniform(n, 0, 1)))
        found: Array = radius * np.cos(self.uniform(n, 0, 2 * np.pi))
        return found


def _circle(draws: _Draws, rows: int, noise: float) -> tuple[Array, Array]:
    inside = rows // 2
    radius = np.concatenate([draws.uniform(inside, 0, 0.5), draws.uniform(rows - inside, 0.7, 1)])
    angle = draws.uniform(rows, 0, 2 * np.pi)
    x = _RADIUS * radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1)
    moved = x + noise * _around(draws, rows, _RADIUS)
    return x, np.hypot(moved[:, 0], moved[:, 1]) < _RADIUS / 2


def _xor(draws: _Draws, rows: int, noise: float) -> tuple[Array, Array]:
    x = _around(draws, rows, _RADIUS)
    x += np.where(x > 0, 0.3, -0.3)
    moved = x + noise * _around(draws, rows, _RADIUS)
    return x, moved[:, 0] * moved[:, 1] >= 0


def _gauss(draws: _Draws, rows: int, noise: float) -> tuple[Array, Array]:
    variance = 0.5 + (_WIDEST - 0.5) * noise / 0.5
    first = np.arange(rows) < rows // 2
    center = np.where(first, 2.0, -2.0)[:, None]
    spread = np.stack([draws.normal(rows), draws.normal(rows)], 1)
    return center + np.sqrt(variance) * spread, first


def _spiral(draws: _Draws, rows: int, noise: float) -> tuple[Array, Array]:
    half = rows // 2
    place = np.concatenate([np.arange(half) / half, np.arange(rows - half) / (rows - half)])
    first = np.arange(rows) < half
    angle = 1.75 * 2 * np.pi * place + np.where(first, 0, np.pi)
    x = _RADIUS * place[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1)
    return x + noise * _around(draws, rows, 1.0), first


def _plane(draws: _Draws, rows: int, noise: float) -> tuple[Array, Array]:
    x = _around(draws, rows, REACH)
    moved = x + noise * _around(draws, rows, REACH)
    return x, moved.sum(1) / 10


def _gaussians(draws: _Draws, rows: int, noise: float) -> tuple[Array, Array]:
    x = _around(draws, rows, REACH)
    moved = x + noise * _around(draws, rows, REACH)
    heights = []
    for cx, cy, sign in _BUMPS:
        distance = np.hypot(moved[:, 0] - cx, moved[:, 1] - cy)
        heights.append(sign * np.clip(1 - distance / _BUMP_REACH, 0, 1))
    table = np.stack(heights, 1)
    largest = np.abs(table).argmax(1)
    return x, table[np.arange(rows), largest]


def _around(draws: _Draws, rows: int, reach: float) -> Array:
    return np.stack([draws.uniform(rows, -reach, reach) for _ in range(2)], 1)


CLASSES: dict[str, Callable[[_Draws, int, float], tuple[Array, Array]]] = {
    "circle": _circle,
    "xor": _xor,
    "gauss": _gauss,
    "spiral": _spiral,
}
VALUES: dict[str, Callable[[_Draws, int, float], tuple[Array, Array]]] = {
    "plane": _plane,
    "gaussians": _gaussians,
}


@checked
def points(kind: str, *, rows: int = 500, noise: float = 0.0, seed: int = 0) -> tuple[Array, Array]:
    """Points of the plane, and the class or the value of each.

    Args:
        kind: "circle" (1 within radius 2.5, 0 from 3.5 to 5), "xor" (1 where x1·x2 ≥ 0), "gauss"
            (two normals, 1 around (2, 2), 0 around (-2, -2)), "spiral" (two arms); of values
            "plane" ((x1 + x2)/10) and "gaussians" (six bumps of height ±1); or a formula of x1 and
            x2: a condition, "x2 > sin(x1)", gives classes 0 and 1, anything else values.
        rows: N, how many points.
        noise: in [0, 0.5]: points move by this share of the plane before they get their class or
            value; the normals of "gauss" become wider, from variance 0.5 to 4.
        seed: owns the numbers.

    Returns:
        x (N, 2) float64 and y (N,): classes 0 and 1 as int64, or values as float64.

    Raises:
        DataError: for a formula that cannot be read, or that is not finite at a point.

    Example:
        >>> x, y = points("spiral", rows=6)
        >>> x.shape, y.tolist()
        ((6, 2), [1, 1, 1, 0, 0, 0])

    Source: the sets of TensorFlow Playground (Smilkov and Carter), drawn by our own numbers.
    """
    integer("points", "rows", rows, 2, MOST_ROWS)
    real("points", "noise", noise, 0, 0.5)
    draws = _Draws(check_seed("points", seed))
    if not isinstance(kind, str):
        raise ArgumentError("points", f"kind must be a name or a formula, got {kind!r}")
    known = CLASSES | VALUES
    if kind in known:
        x, y = known[kind](draws, rows, noise)
    else:
        if kind.isidentifier() and kind not in ("x1", "x2"):
            raise ArgumentError("points", f"unknown kind {kind!r}", nearest(kind, known))
        formula = Formula(kind, 2, "points")
        x = _around(draws, rows, REACH)
        y = formula(x + noise * _around(draws, rows, REACH))
    return x, y.astype(np.int64) if y.dtype == bool else y


def is_classes(kind: str) -> bool:
    """Whether a set or a formula gives classes, not values."""
    if kind in CLASSES or kind in VALUES:
        return kind in CLASSES
    return Formula(kind, 2, "points").is_condition


@checked
def features(x: Any, formulas: Sequence[str]) -> Array:
    """A column for each formula of the columns of x: `features(x, ["x1", "x1*x2", "sin(x2)"])`.

    Args:
        x: (N, D) numbers; its columns are x1 to xD.
        formulas: numbers, columns, pi, e, + - * / **, and sin, cos, tan, exp, log, sqrt, tanh, abs,
            sign, min, max. They are read as text and never executed.

    Returns:
        (N, H) float64.

    Raises:
        DataError: for a formula that cannot be read, or that is not finite in a row.

    Example:
        >>> features([[2.0, 3.0]], ["x1*x2", "x2**2"]).tolist()
        [[6.0, 9.0]]
    """
    rows = as_features(x, "features", np.dtype(np.float64))
    if rows.ndim != 2:
        raise ShapeError("features", f"x must be (N, D), got {shapes.text(rows.shape)}")
    if not isinstance(formulas, (list, tuple)) or not formulas:
        raise ArgumentError(
            "features",
            f"formulas must be a list of texts, got {formulas!r}",
            "Write features(x, ['x1', 'x2']).",
        )
    read = [Formula(one, rows.shape[1], "features") for one in formulas]
    for one in read:
        if one.is_condition:
            raise DataError("features", f"a feature must be a number, got {one.text!r}")
    return np.stack([one(rows) for one in read], axis=1)
