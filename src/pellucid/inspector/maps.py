"""Feature maps as images, and the window through which one of their numbers sees the input.

In: a `Moment`, a node and an element of it. Out: a picture of the maps of that row, one of the
inputs with the window outlined, and the same in words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.inspector.facts import element
from pellucid.inspector.moment import Moment
from pellucid.inspector.receptive_field import receptive_field
from pellucid.viz import svg
from pellucid.viz.axes import heat_image
from pellucid.viz.phases import DATA, INPUTS
from pellucid.viz.svg import Picture, beside

Array = np.ndarray[Any, Any]
MOST_MAPS = 32  # that are drawn of a node
_LEAST_PIXELS = 64  # numbers of a row from which a square number of them is a picture
_SIDE, _CELL = 150.0, 16.0  # of a picture and of one of its pixels, at most
_EDGE, _HEAD = 6.0, 20.0
_COLUMNS = 4


def images(row: Array) -> list[Array]:
    """A row of a tensor as images: (H, W, C) one a channel, (H, W) one, a square number of pixels
    one; else none."""
    if row.ndim == 3:
        return list(np.moveaxis(row, -1, 0))
    if row.ndim == 2:
        return [row]
    side = math.isqrt(row.size)
    square = row.ndim == 1 and side * side == row.size >= _LEAST_PIXELS
    return [row.reshape(side, side)] if square else []


def has_maps(moment: Moment, n: int) -> bool:
    """Whether a node has rows that are images with channels, or without."""
    value = moment.values[n]
    return n not in moment.fixed and value.ndim in (3, 4) and value.size > 0


def draw_maps(moment: Moment, n: int, at: Sequence[int] = ()) -> Picture:
    """The maps of one row, each an image; the element is marked. Blue is positive.

    Args:
        at: an element of the node, whose first number is the row.
    """
    place, value = element(moment, n, at), moment.values[n]
    row = images(value[place[0]])
    scale = _largest(value[place[0]])
    panels = []
    for k, one in enumerate(row[:MOST_MAPS]):
        chosen = value.ndim == 3 or k == place[-1]
        mark = np.zeros(one.shape, bool)
        if chosen:
            mark[place[1:3]] = True
        low, high = float(one.min()), float(one.max())
        title = f"map {k}: {low:.3g} to {high:.3g}".replace("-", "−")
        panels.append(_image(one, title, scale, mark, k))
    title = f"{moment.names[n]}, row {place[0]}"
    more = f", the first {MOST_MAPS} of {len(row)} maps" if len(row) > MOST_MAPS else ""
    return beside(panels, title + more, min(len(panels), _COLUMNS))


def inputs_of(moment: Moment) -> list[int]:
    """The inputs that bring data: those of a step, or all of a function."""
    known = [n for n in moment.graph.inputs if n not in moment.fixed]
    if not moment.ends.layered:
        return known
    return [n for n in known if moment.roles[n].phase == INPUTS and moment.roles[n].layer == DATA]


def draw_window(moment: Moment, n: int, at: Sequence[int] = ()) -> tuple[Picture | None, list[str]]:
    """What one number of a node sees of the inputs: the images with its window outlined, and words.

    The picture is None where no input that it sees is an image.
    """
    place = element(moment, n, at)
    seen = receptive_field(moment, n, place)
    panels: list[Picture] = []
    lines: list[str] = []
    for k in inputs_of(moment):
        if k not in seen or k == n:
            continue
        lines.append(_described(moment, k, seen[k]))
        rows = _rows(seen[k])
        if len(rows) != 1:
            continue
        row = rows[0]
        parts, masks = images(moment.values[k][row]), images(seen[k][row])
        scale = _largest(moment.values[k][row])
        for c, (one, mask) in enumerate(zip(parts, masks, strict=True)):
            if len(panels) < MOST_MAPS:
                of = f", channel {c}" if len(parts) > 1 else ""
                title = f"{moment.names[k]}[{row}]{of}"
                panels.append(_image(one.astype(np.float64), title, scale, mask))
    element_of = ", ".join(map(str, place))
    title = f"The window of {moment.names[n]}[{element_of}]"
    return (beside(panels, title, min(len(panels), _COLUMNS)) if panels else None), lines


def _largest(row: Array) -> float:
    """The largest size of a number that is finite, whose colour is full; 1 where there is none."""
    return float(np.abs(row[np.isfinite(row)]).max(initial=0)) or 1.0


def _rows(mask: Array) -> list[int]:
    """The rows of a tensor in which there is something."""
    wide = mask.reshape(len(mask), -1) if mask.ndim > 1 else np.zeros((0, 1), bool)
    return [int(row) for row in np.flatnonzero(wide.any(1))]


def _described(moment: Moment, n: int, mask: Array) -> str:
    """`x: 9 of 64 numbers: 3; 0 to 2; 4 to 6`, an interval for each axis."""
    count, name = int(mask.sum()), moment.names[n]
    head = f"{name}: {count:,} of {mask.size:,} numbers"
    if not mask.ndim or count == mask.size:
        return head
    spans = []
    for axis in range(mask.ndim):
        found = np.flatnonzero(mask.any(tuple(k for k in range(mask.ndim) if k != axis)))
        spans.append(_places(found))
    return f"{head}, at [{'; '.join(spans)}]"


def _places(found: Array) -> str:
    """`4`, `2 to 6`, `0 to 8, every 2nd`, or the numbers themselves."""
    first, last = int(found[0]), int(found[-1])
    if len(found) == 1:
        return str(first)
    steps = set(np.diff(found).tolist())
    if steps == {1}:
        return f"{first} to {last}"
    if len(steps) == 1 and len(found) > 2:
        return f"{first} to {last} in steps of {steps.pop()}"
    shown = ", ".join(str(int(k)) for k in found[:8])
    return shown if len(found) <= 8 else f"{shown}, … {last}"


def _image(
    values: Array, title: str, scale: float, mark: Array, number: int | None = None
) -> Picture:
    """One image with a line around the elements of the mask."""
    rows, columns = values.shape
    cell = min(_CELL, _SIDE / max(rows, columns))
    width, height = columns * cell, rows * cell
    wide = max(width, svg.width(title, 11)) + 2 * _EDGE
    place = (_EDGE, _HEAD, width, height)
    image = heat_image(values, 0.0, scale, place, cls="pixels", data_map=number)
    parts = [
        svg.words(_EDGE, _HEAD - 6, title, "ink small"),
        image,
        svg.rect(*place, "bare axis"),
    ]
    if mark.any():
        edges = _outline(mark, cell)
        for cls, thick in (("paper-line", 4), ("ink-line", 2)):
            parts.append(svg.element("path", d=edges, cls=f"bare {cls}", stroke_width=thick))
    return Picture("".join(parts), wide, _HEAD + height + _EDGE, title)


def _outline(mask: Array, cell: float) -> str:
    """The borders between elements of a mask and others, as a path."""
    padded = np.pad(mask, 1)
    upright = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
    level = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
    lines = [(c, r, c, r + 1) for r, c in upright.tolist()]
    lines += [(c, r, c + 1, r) for r, c in level.tolist()]
    shown = svg.number
    return "".join(
        f"M{shown(_EDGE + x1 * cell)} {shown(_HEAD + y1 * cell)}"
        f"L{shown(_EDGE + x2 * cell)} {shown(_HEAD + y2 * cell)}"
        for x1, y1, x2, y2 in lines
    )
