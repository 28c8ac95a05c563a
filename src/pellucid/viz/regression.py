"""What a regression makes of one feature or of two, with the points it was asked about.

In: a machine with `predict`, rows and targets. Out: a `Picture`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.transform.arrays import as_array
from pellucid.viz.axes import STYLES, Array, Axes, span, ticks
from pellucid.viz.given import every, sampled, scores_of, support_vectors
from pellucid.viz.svg import Picture

_PLACES = 241  # of a curve
_MOST_POINTS, _MOST_CURVES, _LEVELS = 600, 6, 7


def regression(machine: Any, x: Any, y: Any) -> Picture:
    """Of one feature the curve of the prediction over the points; of two its level lines.

    A support vector regression has its tube, ±ε around the curve, and rings around its support
    vectors.

    Raises:
        ShapeError: for other than one or two features, or targets that do not fit.
    """
    rows = np.asarray(as_array(x, "draw", exact=True))
    rows = rows[:, None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] not in (1, 2) or not len(rows):
        raise ShapeError(
            "draw",
            f"x must be (N, 1) or (N, 2), got {shapes.text(rows.shape)}",
            "A picture has one feature or two: train on x[:, :2] to see what it makes of them.",
        )
    targets = np.asarray(as_array(y, "draw", exact=True))
    if targets.ndim not in (1, 2) or len(targets) != len(rows):
        raise ShapeError("draw", f"y must be ({len(rows)},), got {shapes.text(targets.shape)}")
    rows, targets = rows.astype(np.float64), targets.astype(np.float64).reshape(len(rows), -1)
    if not (np.isfinite(rows).all() and np.isfinite(targets).all()):
        raise ArgumentError("draw", "x and y must be finite, got NaN or infinity")
    if rows.shape[1] == 1:
        return _curve(machine, rows[:, 0], targets)
    return _surface(machine, rows, targets)


def _curve(machine: Any, x: Array, targets: Array) -> Picture:
    low, high = span(x)
    places = np.linspace(low, high, _PLACES)
    curves = scores_of("draw", machine.predict, places[:, None])[:, :_MOST_CURVES]
    tube = _tube(machine, 1) if curves.shape[1] == 1 else None
    around = [curves] if tube is None else [curves - tube, curves + tube]
    axes = Axes((low, high), span(targets, *around), "Regression", "x", "y")
    step = every(len(x), _MOST_POINTS)
    for k in range(curves.shape[1]):
        name = f" of y{k + 1}" if curves.shape[1] > 1 else ""
        if k < targets.shape[1]:
            axes.points(x[::step], targets[::step, k], k, f"data{name}", size=3.5)
        axes.curve(places, curves[:, k], STYLES[k % len(STYLES)], f"prediction{name}")
    if tube is not None:
        for k, sign in enumerate((1, -1)):
            label = f"prediction ± {tube:g}" if not k else ""
            axes.curve(places, curves[:, 0] + sign * tube, "ink-line dash", label)
    supporting = _supporting(machine, x[:, None])
    for k in supporting[:_MOST_POINTS].tolist():
        axes.ring(float(x[k]), float(targets[k, 0]))
    if len(supporting):
        axes.legend.append(("ring", "", f"{len(supporting)} support vectors"))
    return axes.picture()


def _surface(machine: Any, rows: Array, targets: Array) -> Picture:
    """Blue is above the mean of the targets; so are points that are circles."""
    across, up = span(rows[:, 0], around=0.15), span(rows[:, 1], around=0.15)
    values = sampled("draw", machine.predict, across, up)[:, :, 0]
    middle = float(targets[:, 0].mean())
    axes = Axes(across, up, "Regression", "x₁", "x₂")
    axes.heat(values, middle, float(np.nanmax(np.abs(values - middle))) or 1.0)
    levels = ticks(float(np.nanmin(values)), float(np.nanmax(values)), _LEVELS)
    for level in levels:
        axes.level(values, level, "line")
    step = every(len(rows), _MOST_POINTS)
    for number, above in enumerate((True, False)):
        own = rows[(targets[:, 0] >= middle) == above][::step]
        if len(own):
            label = f"y {'≥' if above else '<'} {middle:.3g}, its mean"
            axes.points(own[:, 0], own[:, 1], number, label, size=3.5)
    supporting = _supporting(machine, rows)
    for k in supporting[:_MOST_POINTS].tolist():
        axes.ring(*rows[k].tolist())
    if len(supporting):
        axes.legend.append(("ring", "", f"{len(supporting)} support vectors"))
    if len(levels) > 1:
        apart = f"{levels[0]:.3g} to {levels[-1]:.3g}, by {levels[1] - levels[0]:.3g}"
        axes.legend.append(("line", "line", apart))
    return axes.picture()


def _tube(machine: Any, columns: int) -> float | None:
    """ε of a support vector regression."""
    if support_vectors(machine, columns) is None:
        return None
    width = getattr(machine, "epsilon", None)
    return float(width) if isinstance(width, (int, float)) and width > 0 else None


def _supporting(machine: Any, rows: Array) -> Array:
    """The rows that are support vectors."""
    vectors = support_vectors(machine, rows.shape[1])
    if vectors is None:
        return np.zeros(0, int)
    known = {row.tobytes() for row in vectors}
    return np.array([k for k, row in enumerate(rows) if row.tobytes() in known], int)
