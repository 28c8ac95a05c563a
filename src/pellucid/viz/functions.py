"""Functions as curves over one variable, and as surfaces over two. Out: a `Picture`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pellucid.core.arguments import checked, real
from pellucid.core.errors import ArgumentError
from pellucid.transform.arrays import as_array
from pellucid.transform.grad import grad
from pellucid.viz import svg
from pellucid.viz.axes import STYLES, Array, Axes, span
from pellucid.viz.given import (
    area_of,
    function_of,
    functions_of,
    interval,
    lattice,
    scores_of,
    text,
)
from pellucid.viz.svg import Picture

_POINTS = 241
_MESH = 16


@checked
def plot(
    functions: Mapping[str, Callable[[Any], Any]],
    low: float,
    high: float,
    *,
    tangent: float | None = None,
    y: Any = None,
    title: str = "",
    x_label: str = "x",
) -> Picture:
    """Functions of one variable as curves.

    Args:
        functions: {"name": f, …}; f takes an array and returns one of its shape.
        low, high: the range of x.
        tangent: a place at which the tangent of each function is drawn, with its slope as `grad`
            gives it.
        y: (low, high) of the vertical axis; None takes the values.
    """
    where = "plot"
    low, high = real(where, "low", low), real(where, "high", high)
    if not low < high:
        raise ArgumentError(where, f"low must be below high, got {low:g} and {high:g}")
    known = functions_of(where, functions, "f(x)")
    text(where, "title", title)
    text(where, "x_label", x_label)
    place = None if tangent is None else real(where, "tangent", tangent)
    x = np.linspace(low, high, _POINTS)
    values = {name: _values(where, f, x, name) for name, f in known.items()}
    bounds = span(*values.values()) if y is None else interval(where, "y", y)
    axes = Axes((low, high), bounds, title or ", ".join(known), x_label)
    for k, (name, own) in enumerate(values.items()):
        axes.curve(x, own, STYLES[k % len(STYLES)], name)
        if place is not None:
            at = np.float64(place)
            here = float(_values(where, known[name], np.array([at]), name)[0])
            f = known[name]
            slope = float(np.asarray(grad(lambda t, f=f: np.sum(f(t)))(np.array([at])))[0])
            axes.curve(x, here + slope * (x - at), "ink-line dots")
            axes.points([at], [here], 2, size=4)
            axes.legend.append(("line", "ink-line dots", f"slope {slope:.4g} at {at:.4g}"))
    return axes.picture()


def _values(where: str, function: Callable[[Any], Any], x: Array, name: str) -> Array:
    found = np.asarray(as_array(function(x), where, exact=True))
    if found.shape != x.shape:
        raise ArgumentError(
            where, f"{name} must return one value for each x, got the shape {found.shape}"
        )
    return found.astype(np.float64)


@checked
def surface(function: Callable[[Any], Any], area: Any, *, title: str = "Surface") -> Picture:
    """A function of two variables as a surface, seen from above and from the side.

    Args:
        function: takes rows (N, 2) and returns (N,).
        area: ((x_low, x_high), (y_low, y_high)).
    """
    where = "surface"
    across, up = area_of(where, area)
    function_of(where, "function", function, "f(rows)")
    text(where, "title", title)
    heights = scores_of(where, function, lattice(across, up, _MESH))[:, 0].reshape(_MESH, _MESH)
    low, high = float(np.nanmin(heights)), float(np.nanmax(heights))
    share = np.nan_to_num((heights - low) / ((high - low) or 1.0))
    # Oblique view: x to the right, y to the back, the height upwards.
    width, height, left, base = 400.0, 320.0, 28.0, 286.0

    def place(r: int, c: int) -> tuple[float, float]:
        a, b = c / (_MESH - 1), r / (_MESH - 1)
        return left + 230 * a + 114 * b, base - 34 * a * 0.25 - 88 * b - 130 * share[r, c]

    quads = []
    for r in reversed(range(_MESH - 1)):  # from the back to the front
        for c in range(_MESH - 1):
            corners = [place(r, c), place(r, c + 1), place(r + 1, c + 1), place(r + 1, c)]
            shade = int(float(share[r : r + 2, c : c + 2].mean()) * svg.SHADES)
            quads.append(svg.path(corners, f"shade{min(shade, svg.SHADES - 1)}", closed=True))
    below, beside = f"w₁: {across[0]:g} to {across[1]:g}", f"w₂: {up[0]:g} to {up[1]:g}"
    parts = [
        svg.words(16, 24, title, "ink head"),
        svg.words(16, 44, f"height: {low:.3g} to {high:.3g}", "muted small"),
        svg.group(*quads, cls="line", stroke_width=".6"),
        svg.words(left + 115, base + 20, below, "muted small middle"),
        svg.words(left + 300, base - 20, beside, "muted small"),
    ]
    return Picture("".join(parts), width, height, title)
