"""The loss around a step as pictures, and the same in words.

In: a `Line` or a `Plane` of `landscape.py`. Out: a `Picture`, or text.
"""

from __future__ import annotations

import numpy as np

from pellucid.inspector.landscape import Array, Line, Plane
from pellucid.viz.axes import Axes, span
from pellucid.viz.svg import Picture


def draw_line(line: Line, number: int) -> Picture:
    """The loss along the gradient, its tangent, and where the step ends."""
    start = line.loss
    shown = line.losses[np.isfinite(line.losses)]
    low, high = span(shown, [line.after] if np.isfinite(line.after) else [])
    top = start + 2.5 * (start - float(shown.min())) if shown.min() < start else high
    high = max(min(high, top), start + 0.06 * (start - low))
    if np.isfinite(line.after):
        high = max(high, line.after)
    title = f"Loss along the gradient at step {number}"
    axes = Axes(
        (float(line.t[0]), float(line.t[-1])),
        (low, high),
        title,
        "t: the weights are w − t·∂J/∂w",
        "J of this batch",
        size=(460, 320),
    )
    axes.curve(line.t, line.losses, "plus-line", "J(w − t·∂J/∂w)")
    axes.curve(line.t, start + line.slope * line.t, "line dash", "J − t·‖∂J/∂w‖²")
    axes.named(0.0, start, "w")
    if line.t[0] <= line.step <= line.t[-1] and np.isfinite(line.after):
        axes.named(line.step, line.after, "end of the step")
    return axes.picture(described_line(line))


def described_line(line: Line) -> str:
    """What the picture of a line shows, in words."""
    best = int(np.nanargmin(line.losses))
    angle = "" if np.isnan(line.angle) else f", at an angle of {round(line.angle, 2):g}° to −∂J/∂w"
    return (
        f"The loss is {line.loss:.6g} at w, and lowest on this line at t = {line.t[best]:.4g}: "
        f"{line.losses[best]:.6g}. The step ends at t = {line.step:.4g}{angle}; the loss of this "
        f"batch is {line.after:.6g} there."
    )


def draw_plane(found: Plane, number: int) -> Picture:
    """The loss over a plane with level lines, the path of the run and where the step ends."""
    x, y = ((float(side[0]), float(side[-1])) for side in (found.x, found.y))
    axes = Axes(
        x,
        y,
        f"Loss around step {number}",
        f"distance along: {found.names[0]}",
        f"distance along: {found.names[1]}",
        size=(520, 440),
    )
    finite = found.losses[np.isfinite(found.losses)]
    gap = np.abs(finite - found.loss)
    axes.heat(found.losses, found.loss, float(np.quantile(gap, 0.9)) or 1.0)
    levels = _levels(finite)
    for level in levels:
        axes.level(found.losses, level, "line")
    if len(found.path) > 1:
        axes.curve(found.path[:, 0], found.path[:, 1], "ink-line", "the run, kept states")
        axes.points(found.path[:, 0], found.path[:, 1], 2, size=3.5)
        if found.steps[0] != number:
            axes.named(float(found.path[0, 0]), float(found.path[0, 1]), f"step {found.steps[0]}")
    axes.named(0.0, 0.0, f"step {number}")
    axes.ring(float(found.after[0]), float(found.after[1]), radius=3.0)
    shown = ", ".join(f"{level:.3g}" for level in levels)
    axes.legend.append(("line", "line", f"J = {shown}" if shown else "level lines"))
    return axes.picture(described_plane(found))


def _levels(values: Array) -> list[float]:
    """Levels that cut the plane into parts of about equal size."""
    picked = np.quantile(values, [0.1, 0.3, 0.5, 0.7, 0.9]) if values.size else np.zeros(0)
    return sorted({float(f"{level:.3g}") for level in picked})


def described_plane(found: Plane) -> str:
    """What the picture of a plane shows, in words."""
    low = np.unravel_index(int(np.nanargmin(found.losses)), found.losses.shape)
    share = (
        ""
        if np.isnan(found.share)
        else f" {100 * found.share:.0f} % of the length of the path lies in this plane."
    )
    return (
        f"The loss of this batch is {found.loss:.6g} at (0, 0), the weights of this step; blue is "
        f"higher, vermillion lower. It is lowest of {found.losses.size} places at "
        f"({found.x[low[1]]:.3g}, {found.y[low[0]]:.3g}): {found.losses[low]:.6g}. The small ring "
        f"is where the step ends.{share} Off the plane the loss of a place of the path is another."
    )
