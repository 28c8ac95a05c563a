"""What a function of two features says of the plane: regions, margins, units, level lines.

In: a model, a machine or a function of rows, and points. Out: a `Picture`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.arguments import checked, integer
from pellucid.core.errors import ArgumentError
from pellucid.viz import svg
from pellucid.viz.axes import STYLES, Array, Axes, Range, span
from pellucid.viz.given import (
    area_of,
    every,
    functions_of,
    labels_of,
    lattice,
    marks_of,
    reader_of,
    rows_of,
    sampled,
    support_vectors,
    text,
    texts,
)
from pellucid.viz.svg import Picture, beside

_MOST_POINTS = 600  # of more every k-th is drawn
_MOST_UNITS = 24


@checked
def boundary(
    target: Any,
    x: Any,
    y: Any,
    *,
    area: Any = None,
    names: Sequence[str] = ("x₁", "x₂"),
    marks: Sequence[tuple[float, float, str]] = (),
    title: str = "Decision boundary",
) -> Picture:
    """The regions into which a classifier cuts the plane, with the points.

    For two classes a heat map of the score, the line on which it equals the threshold, and for a
    support vector machine the margin (scores ±1, dashed) and rings around the support vectors. The
    threshold is 0 for a machine, and else the middle between the two labels. For more classes the
    region of the largest score of each.

    Args:
        target: a machine (`decision_function`), a model (`predict`), or a function of rows (N, 2)
            that returns (N,) or (N, K) scores.
        x: (N, 2) points.
        y: (N,) labels, or (N, 1).
        area: ((x_low, x_high), (y_low, y_high)); None takes the points with space around.
        names: of the two features.
        marks: [(x, y, "label"), …]: places with a label.

    Raises:
        ShapeError: where x has other than two columns, or scores do not fit.
    """
    where = "boundary"
    function, is_machine = reader_of(where, target)
    rows = rows_of(where, x)
    labels = labels_of(where, y, len(rows))
    first, second = texts(where, "names", names, 2)
    text(where, "title", title)
    places = marks_of(where, marks)
    known = np.unique(labels)
    sides = (span(rows[:, 0], around=0.15), span(rows[:, 1], around=0.15))
    across, up = sides if area is None else area_of(where, area)
    axes = Axes(across, up, title, first, second)
    scores = sampled(where, function, across, up)
    described, count = "", scores.shape[2]
    if count == 1 or (count == 2 and len(known) == 2):
        one = scores[:, :, 0] if count == 1 else scores[:, :, 1] - scores[:, :, 0]
        threshold = 0.0 if is_machine or count == 2 else _middle(known)
        described = _two(axes, one, threshold, target, _free(axes, len(one), rows, places))
    else:
        _many(axes, _of_classes(target, scores, across, up) if is_machine else scores)
    step = every(len(rows), _MOST_POINTS)
    for k, label in enumerate(known.tolist()):
        own = rows[labels == label][::step]
        number = (len(known) - 1 - k) if len(known) == 2 else k  # the positive class is blue
        axes.points(own[:, 0], own[:, 1], number, f"class {label}" if len(known) > 1 else "")
    if is_machine:
        _support(axes, target)
    for place in places:
        axes.named(*place)
    return axes.picture(described)


def _of_classes(machine: Any, scores: Array, x: Range, y: Range) -> Array:
    """A score for each class: those of the machine, or 0 and 1 where its scores are of pairs."""
    count = len(scores)
    found = np.asarray(machine.predict(lattice(x, y, count)))
    numbers = np.unique(found, return_inverse=True)[1].reshape(count, count)
    if len(np.unique(scores.argmax(2) * (numbers.max() + 1) + numbers)) == numbers.max() + 1:
        return scores  # each class is where one score is the largest
    return np.asarray(np.eye(numbers.max() + 1)[numbers])


def _middle(known: Array) -> float:
    if len(known) == 2 and known.dtype.kind in "iufb":
        return float(known.astype(np.float64).mean())
    return 0.0


def _inside(values: Array, free: Array) -> tuple[float, float]:
    """Where values are high, as far from the edge of that region as can be: shares of the sides.

    Args:
        free: where nothing else is drawn.
    """
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    regions = [(values >= high - share * (high - low)) & free for share in (0.2, 0.45)]
    region = np.pad(next((one for one in regions if one.any()), values >= high), 1)
    while True:
        inner = region.copy()
        for axis in (0, 1):
            inner &= np.roll(region, 1, axis) & np.roll(region, -1, axis)
        if not inner.any():
            break
        region = inner
    r, c = (np.argwhere(region)[0] - 1) / (len(values) - 1)
    return float(np.clip(r, 0.06, 0.94)), float(np.clip(c, 0.06, 0.94))


def _free(axes: Axes, count: int, rows: Array, marks: Sequence[tuple[float, float, str]]) -> Array:
    """Where neither a point nor a name stands, at (count, count) places."""
    free = np.ones((count, count), bool)
    (left, right), (low, high) = axes.x, axes.y
    places = [(a, b, 0.05) for a, b in rows.tolist()] + [(a, b, 0.3) for a, b, _ in marks]
    for a, b, wide in places:
        c, r = (a - left) / (right - left), (b - low) / (high - low)
        high_end, right_end = (r + 0.1) * count, (c + wide) * count
        first, start = max(int((r - 0.06) * count), 0), max(int((c - wide) * count), 0)
        free[first : max(int(high_end), 0), start : max(int(right_end), 0)] = False
    return free


def _two(axes: Axes, values: Array, threshold: float, target: Any, free: Array) -> str:
    scale = float(np.nanmax(np.abs(values - threshold))) or 1.0
    supported = support_vectors(target, 2) is not None
    axes.heat(values, threshold, min(scale, 2.0) if supported else scale)
    axes.level(values, threshold, "ink-line", style="stroke-width:2.5")
    if supported:
        axes.level(values, threshold + 1, "ink-line dash")
        axes.level(values, threshold - 1, "ink-line dash")
    for sign, height in (("+", values), ("−", -values)):
        r, c = _inside(height, free)
        x = axes.x[0] + c * (axes.x[1] - axes.x[0])
        y = axes.y[0] + r * (axes.y[1] - axes.y[0])
        axes.text(x, y, sign, "ink head middle")
    return f"The line is where the score is {threshold:g}."


def _many(axes: Axes, scores: Array) -> None:
    """The borders of the regions; the ground of every second one is tinted."""
    count = scores.shape[2]
    best = scores.argmax(2)
    for k in range(count):
        others = np.max(np.delete(scores, k, 2), 2)
        if (best == k).any():
            axes.level(scores[:, :, k] - others, 0.0, "ink-line")
    shade = np.where(best % 3 == 0, 0.35, np.where(best % 3 == 1, -0.35, 0.0))
    lines, axes.parts = axes.parts, []
    axes.heat(shade, 0.0, 1.0)
    axes.parts += lines


def _support(axes: Axes, machine: Any) -> None:
    vectors = support_vectors(machine, 2)
    if vectors is None:
        return
    for a, b in vectors[:_MOST_POINTS].tolist():
        axes.ring(a, b)
    axes.legend.append(("ring", "", f"{len(vectors)} support vectors"))
    axes.legend.append(("line", "ink-line dash", "margin: score ±1"))


@checked
def features(
    target: Any,
    area: Any,
    *,
    names: Sequence[str] | None = None,
    x: Any = None,
    y: Any = None,
    title: str = "What each unit sees",
) -> Picture:
    """A heat map of the plane for each unit: what a layer makes of two features.

    A unit between 0 and 1 is blue above ½ and vermillion below; any other above and below 0. The
    line is where it changes side, and the range of its values stands in its title.

    Args:
        target: a model, or a function of rows (N, 2) that returns (N, H) values of units.
        area: ((x_low, x_high), (y_low, y_high)).
        names: of the units.
        x, y: points (N, 2) and their labels, drawn on each map.
    """
    where = "features"
    function, _ = reader_of(where, target)
    text(where, "title", title)
    across, up = area_of(where, area)
    values = sampled(where, function, across, up)
    count = values.shape[2]
    if count > _MOST_UNITS:
        raise ArgumentError(
            where,
            f"at most {_MOST_UNITS} units are drawn, got {count}",
            "Choose columns of the result.",
        )
    numbered = [f"h{svg.subscript(k + 1)}" for k in range(count)]
    known = numbered if names is None else texts(where, "names", names, count)
    rows = None if x is None else rows_of(where, x)
    if y is not None and rows is None:
        raise ArgumentError(where, "y must come with x, got y alone")
    labels = np.zeros(0) if rows is None else np.zeros(len(rows))
    if y is not None and rows is not None:
        labels = labels_of(where, y, len(rows))
    panels = []
    for k, name in enumerate(known):
        own = values[:, :, k]
        low, high = float(own.min()), float(own.max())
        share = low >= -1e-9 and high <= 1 + 1e-9
        middle, scale = (0.5, 0.5) if share else (0.0, max(abs(low), abs(high)) or 1.0)
        digits = ".2f" if share else ".3g"
        shown = f"{name}: {low:{digits}} to {high:{digits}}".replace("-", "−")
        axes = Axes(across, up, shown, size=(230, 220))
        axes.heat(own, middle, scale)
        axes.level(own, middle, "ink-line")
        if rows is not None:
            classes = np.unique(labels)
            for n, label in enumerate(classes.tolist()):
                picked = rows[labels == label]
                axes.points(picked[:, 0], picked[:, 1], len(classes) - 1 - n, size=3.5)
        panels.append(axes.picture())
    return beside(panels, title, 4 if count > 3 else max(count, 1))


@checked
def contours(
    functions: Any,
    area: Any,
    *,
    levels: int = 8,
    path: Any = None,
    marks: Sequence[tuple[float, float, str]] = (),
    title: str = "Level lines",
) -> Picture:
    """Level lines of functions of two variables, each function with its own kind of line.

    Args:
        functions: {"name": f, …}; f takes rows (N, 2) and returns (N,).
        area: ((x_low, x_high), (y_low, y_high)).
        levels: how many lines each function has.
        path: (M, 2) points that are joined, such as the steps of a descent.
        marks: [(x, y, "label"), …]: places with a label.
    """
    where = "contours"
    across, up = area_of(where, area)
    known = functions_of(where, functions, "f(rows)")
    count = integer(where, "levels", levels, 1, 100)
    places = marks_of(where, marks)
    axes = Axes(across, up, text(where, "title", title), "w₁", "w₂")
    for k, (name, function) in enumerate(known.items()):
        values = sampled(where, function, across, up)[:, :, 0]
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        # Lines stand closer where the function is low.
        for level in low + (high - low) * np.linspace(0, 1, count + 2)[1:-1] ** 2:
            axes.level(values, float(level), STYLES[k % len(STYLES)])
        axes.legend.append(("line", STYLES[k % len(STYLES)], name))
    if path is not None:
        rows = rows_of(where, path, "path")
        axes.curve(rows[:, 0], rows[:, 1], "ink-line")
        axes.points(rows[:, 0], rows[:, 1], 2, size=2.5)
    for place in places:
        axes.named(*place)
    return axes.picture()
