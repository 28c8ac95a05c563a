"""Axes with ticks, and what is drawn between them: curves, points, level lines, heat maps.

In: data in their own units. Out: a `Picture`. Curves differ in their dashes and points in their
shapes, so that nothing is told by colour alone.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.viz import svg
from pellucid.viz.svg import Picture

Array = np.ndarray[Any, Any]
Range = tuple[float, float]
_BLUE, _RED = (0, 114, 178), (213, 94, 0)  # above and below the middle of a heat map
_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 16.0, 34.0, 46.0
STYLES = ("plus-line", "minus-line dash", "ink-line dots", "plus-line dash", "minus-line", "line")
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "star")
FILLS = ("plus-area", "minus-area", "ink", "muted", "plus-area", "minus-area")


def ticks(low: float, high: float, count: int = 5, least: float = 0.0) -> list[float]:
    """Round numbers from `low` to `high`: multiples of 1, 2 or 5 times a power of ten.

    Args:
        least: the smallest distance between two of them.
    """
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    raw = max(span / count, least)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((k * power for k in (1, 2, 5) if k * power >= raw), 10 * power)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def span(*arrays: Any, around: float = 0.06) -> Range:
    """The range of finite numbers with some space around."""
    every = np.concatenate([np.ravel(np.asarray(a, np.float64)) for a in arrays] or [np.zeros(1)])
    every = every[np.isfinite(every)]
    if not every.size:
        return 0.0, 1.0
    low, high = float(every.min()), float(every.max())
    more = (high - low) * around or max(abs(low), 1.0) * 0.5
    return low - more, high + more


class Axes:
    """A plane with two axes.

    Args:
        x, y: the ranges shown.
        size: of the picture, in pixels.
        log: whether y grows by powers of ten.
        counts: whether x are whole numbers, so that no tick stands between two.
    """

    def __init__(
        self,
        x: Range,
        y: Range,
        title: str = "",
        x_label: str = "",
        y_label: str = "",
        size: tuple[float, float] = (400.0, 320.0),
        log: bool = False,
        counts: bool = False,
    ):
        self.x, self.y, self.title, self.log, self.counts = x, y, title, log, counts
        self.width, self.height = size
        self.labels = x_label, y_label
        self.parts: list[str] = []
        self.legend: list[tuple[str, str, str]] = []  # the kind, its class or shape, its text

    @property
    def _plot(self) -> tuple[float, float, float, float]:
        return _LEFT, _TOP, self.width - _RIGHT, self.height - _BOTTOM

    def at(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Places in the picture."""
        left, top, right, bottom = self._plot
        low, high = (math.log10(v) for v in self.y) if self.log else self.y
        y = np.log10(y) if self.log else y
        return (
            left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (right - left),
            bottom - (y - low) / (high - low) * (bottom - top),
        )

    def curve(self, x: Any, y: Any, cls: str = "plus-line", label: str = "", **more: Any) -> None:
        """A line through points; it is broken where a value is not finite or outside."""
        xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
        low, high = self.y
        room = (high - low) * 0.02
        inside = np.isfinite(ys) & (ys >= low - room) & (ys <= high + room)
        inside &= (ys > 0) if self.log else True
        runs = np.split(np.arange(len(xs)), np.nonzero(np.diff(inside.astype(int)))[0] + 1)
        parts = []
        for run in runs:
            if len(run) > 1 and inside[run[0]]:
                px, py = self.at(xs[run], np.clip(ys[run], low, high))
                parts.append(svg.trail(zip(px.tolist(), py.tolist(), strict=True)))
        if parts:
            own = svg.element("path", d="".join(parts), cls=f"bare {cls}", stroke_width=2, **more)
            self.parts.append(own)
        if label:
            self.legend.append(("line", cls, label))

    def points(self, x: Any, y: Any, number: int = 0, label: str = "", size: float = 4.0) -> None:
        """Points of the class `number`, each class with its own shape."""
        px, py = self.at(np.asarray(x, np.float64), np.asarray(y, np.float64))
        for a, b in zip(px.tolist(), py.tolist(), strict=True):
            self.parts.append(mark(a, b, number, size))
        if label:
            self.legend.append(("point", str(number), label))

    def ring(self, x: float, y: float, radius: float = 8.0) -> None:
        self.parts.append(svg.circle(*self.at(x, y), radius, "bare ink-line", stroke_width=1.5))

    def text(self, x: float, y: float, text: str, cls: str = "ink") -> None:
        px, py = self.at(x, y)
        self.parts.append(svg.words(px, py + 5, text, cls))

    def named(self, x: float, y: float, text: str) -> None:
        """A place with its name, which stands to the left where there is no room on the right."""
        self.ring(x, y, 5)
        px, py = self.at(x, y)
        fits = px + 10 + svg.width(text, 11) < self._plot[2]
        place = (
            (px + 9, py - 6, text, "ink small halo paper-line")
            if fits
            else (px - 9, py - 6, text, "ink small end halo paper-line")
        )
        self.parts.append(svg.words(*place))

    def heat(self, values: Array, middle: float, scale: float) -> None:
        """A heat map under the rest: blue above the middle, vermillion below; clear at it.

        Args:
            values: (rows, columns) at even places of the plane; the first row is the lowest y.
            scale: the distance from the middle at which a colour is full.
        """
        left, top, right, bottom = self._plot
        flipped = np.asarray(values, np.float64)[::-1]
        place = (left, top, right - left, bottom - top)
        self.parts.append(heat_image(flipped, middle, scale, place))

    def level(self, values: Array, level: float, cls: str = "ink-line", **more: Any) -> None:
        """The lines on which values at even places of the plane equal `level`."""
        lines = contour(np.asarray(values, np.float64), level)
        rows, columns = values.shape
        parts = []
        for one in lines:
            points = np.asarray(one)
            x = self.x[0] + points[:, 0] / (columns - 1) * (self.x[1] - self.x[0])
            y = self.y[0] + points[:, 1] / (rows - 1) * (self.y[1] - self.y[0])
            px, py = self.at(x, y)
            parts.append(svg.trail(zip(px.tolist(), py.tolist(), strict=True)))
        if parts:
            own = svg.element("path", d="".join(parts), cls=f"bare {cls}", stroke_width=1.5, **more)
            self.parts.append(svg.group(own, cls="level", data_level=f"{level:.6g}"))

    def picture(self, described: str = "") -> Picture:
        left, top, right, bottom = self._plot
        extra = 18.0 * math.ceil(len(self.legend) / 2) + 4 if self.legend else 0.0
        parts = [svg.rect(left, top, right - left, bottom - top, "box axis")]
        parts += self._ticks()
        clip = svg.element(
            "clipPath", svg.rect(left, top, right - left, bottom - top, "box"), id=self._clip
        )
        parts += [clip, svg.group(*self.parts, clip_path=f"url(#{self._clip})")]
        parts.append(svg.words(left, 20, self.title, "ink head"))
        parts.append(
            svg.words((left + right) / 2, bottom + 36, self.labels[0], "muted middle small")
        )
        if self.labels[1]:
            place = f"translate(12 {svg.number((top + bottom) / 2)}) rotate(-90)"
            parts.append(svg.words(0, 0, self.labels[1], "muted middle small", transform=place))
        for k, (kind, cls, text) in enumerate(self.legend):
            x, y = left + (k % 2) * (right - left) / 2, self.height + 18 * (k // 2) + 4
            if kind == "line":
                parts.append(svg.line(x, y - 4, x + 24, y - 4, cls, stroke_width=2))
            elif kind == "ring":
                parts.append(svg.circle(x + 12, y - 4, 6, "bare ink-line"))
            else:
                parts.append(mark(x + 12, y - 4, int(cls), 4))
            parts.append(svg.words(x + 30, y, text, "ink small"))
        return Picture("".join(parts), self.width, self.height + extra, self.title, described)

    @property
    def _clip(self) -> str:
        """Equal for axes of equal size, so that pictures in one page do not mix them up."""
        return f"clip-{self.width:.0f}-{self.height:.0f}"

    def _ticks(self) -> list[str]:
        left, top, right, bottom = self._plot
        parts = []
        for tick in ticks(*self.x, least=float(self.counts)):
            x, _ = self.at(tick, self.y[0])
            parts.append(svg.line(x, top, x, bottom, "grid"))
            parts.append(svg.words(x, bottom + 16, _shown(tick), "muted middle small"))
        for tick in self._y_ticks():
            _, y = self.at(self.x[0], tick)
            parts.append(svg.line(left, y, right, y, "grid"))
            parts.append(svg.words(left - 6, y + 4, _shown(tick), "muted end small"))
        return parts

    def _y_ticks(self) -> list[float]:
        if not self.log:
            return ticks(*self.y)
        powers = ticks(math.log10(self.y[0]), math.log10(self.y[1]), 4)
        return [10.0**p for p in powers if p == round(p)] or list(self.y)


def heat_image(
    values: Array,
    middle: float,
    scale: float,
    place: tuple[float, float, float, float],
    **more: Any,
) -> str:
    """Numbers as colours: blue above the middle, vermillion below; clear at it.

    Args:
        values: (rows, columns); the first row is on top.
        scale: the distance from the middle at which a colour is full.
        place: x, y, width and height.
    """
    share = np.clip((np.asarray(values, np.float64) - middle) / scale, -1, 1)
    share = np.nan_to_num(share)
    pixels = np.zeros((*share.shape, 4), np.uint8)
    for sign, colour in ((1, _BLUE), (-1, _RED)):
        pixels[share * sign > 0, :3] = colour
    # Few steps compress well, and show as bands, which tell heights apart.
    pixels[..., 3] = np.round(np.abs(share) * 12) / 12 * 125
    x, y, width, height = place
    return svg.element(
        "image",
        x=x,
        y=y,
        width=width,
        height=height,
        preserveAspectRatio="none",
        href=f"data:image/png;base64,{base64.b64encode(png(pixels)).decode()}",
        **more,
    )


def _shown(value: float) -> str:
    return f"{value:.4g}".replace("-", "−") if value else "0"


def mark(x: float, y: float, number: int, size: float) -> str:
    """A point: its shape says its class, its outline keeps it apart from the ground."""
    shape, fill = SHAPES[number % len(SHAPES)], FILLS[number % len(FILLS)]
    cls = f"{fill} paper-line"
    if shape == "circle":
        return svg.circle(x, y, size, cls)
    sides = {"square": 4, "triangle": 3, "diamond": 4, "cross": 4, "star": 5}[shape]
    turn = {"square": 0.25 * math.pi, "cross": 0.0}.get(shape, -0.5 * math.pi)
    if shape == "diamond":
        turn = 0.0
    corners = sides if shape in ("square", "triangle", "diamond") else 2 * sides
    points = []
    for k in range(corners):
        radius = size * 1.3 * (0.35 if corners > sides and k % 2 else 1.0)
        angle = turn + 2 * math.pi * k / corners
        points.append((x + radius * math.cos(angle), y + radius * math.sin(angle)))
    return svg.path(points, cls, closed=True)


def png(pixels: Array) -> bytes:
    """(rows, columns, 4) bytes of red, green, blue and opacity as a PNG file."""
    rows, columns, _ = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", columns, rows, 8, 6, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


# For each of the 16 cases of corners above the level (bits: lower left, lower right, upper right,
# upper left) the pairs of sides that the line joins: 0 bottom, 1 right, 2 top, 3 left.
_CASES: dict[int, Sequence[tuple[int, int]]] = {
    **{1: [(3, 0)], 2: [(0, 1)], 3: [(3, 1)], 4: [(1, 2)], 6: [(0, 2)], 7: [(3, 2)]},
    **{8: [(2, 3)], 9: [(2, 0)], 11: [(2, 1)], 12: [(1, 3)], 13: [(1, 0)], 14: [(0, 3)]},
    **{5: [(3, 0), (1, 2)], 10: [(0, 1), (2, 3)]},
}


def contour(values: Array, level: float) -> list[list[tuple[float, float]]]:
    """Marching squares: lines of (column, row) on which `values` equals `level`."""
    above = values > level
    code = above[:-1, :-1] * 1 + above[:-1, 1:] * 2 + above[1:, 1:] * 4 + above[1:, :-1] * 8
    finite = np.isfinite(values)
    good = finite[:-1, :-1] & finite[:-1, 1:] & finite[1:, 1:] & finite[1:, :-1]
    ends: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
    for r, c in zip(*np.nonzero((code % 15 != 0) & good), strict=True):
        for a, b in _CASES[int(code[r, c])]:
            one, other = _side_key(int(r), int(c), a), _side_key(int(r), int(c), b)
            ends.setdefault(one, []).append(other)
            ends.setdefault(other, []).append(one)
    return [[_crossing(values, level, key) for key in line] for line in _strung(ends)]


def _side_key(r: int, c: int, side: int) -> tuple[int, int, int]:
    """A side of a square: (row, column, 0 along the row or 1 along the column)."""
    return ((r, c, 0), (r, c + 1, 1), (r + 1, c, 0), (r, c, 1))[side]


def _crossing(values: Array, level: float, key: tuple[int, int, int]) -> tuple[float, float]:
    r, c, upright = key
    start, end = values[r, c], values[r + upright, c + 1 - upright]
    share = float((level - start) / (end - start)) if end != start else 0.5
    return (float(c), r + share) if upright else (c + share, float(r))


def _strung(
    ends: dict[tuple[int, int, int], list[tuple[int, int, int]]],
) -> list[list[tuple[int, int, int]]]:
    """Pieces joined to lines; open ones start at their ends."""
    lines = []
    for start in sorted(ends, key=lambda key: len(ends[key])):
        while ends[start]:
            line, here = [start], start
            while ends[here]:
                there = ends[here].pop()
                ends[there].remove(here)
                line.append(there)
                here = there
            lines.append(line)
    return lines
