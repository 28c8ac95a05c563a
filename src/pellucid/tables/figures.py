"""The drawings of a report, as SVG: how a prediction depends on a column, points, curves, bars.

In: numbers and texts. Out: text; the page's style gives the colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from pellucid.data.schema import CATEGORY, DATE
from pellucid.tables.dependence import Dependence

_LEFT, _BARS = 150, 160  # pixels of a name, and of the longest bar; its numbers stand behind it
_LETTERS = 20  # of a name beside a bar

Ends = tuple[float, float]


def bars(values: Sequence[tuple[str, float, float]]) -> str:
    """A bar for each name, with its mean and deviation."""
    top = max(max(mean + deviation for _, mean, deviation in values), 1e-12)
    lines, high = [], 22 * len(values) + 6
    for i, (name, mean, deviation) in enumerate(values):
        y, width = 22 * i + 4, _BARS * max(mean, 0) / top
        low, far = (
            _LEFT + _BARS * min(max(mean + sign * deviation, 0), top) / top for sign in (-1, 1)
        )
        lines.append(
            f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{_cut(name)}</text>'
            f'<rect class="bar" x="{_LEFT}" y="{y}" width="{width:.1f}" height="14"/>'
            f'<line class="whisker" x1="{low:.1f}" x2="{far:.1f}" y1="{y + 7}" y2="{y + 7}"/>'
            f'<text x="{_LEFT + _BARS + 8}" y="{y + 12}">{mean:.3g} ± {deviation:.2g}</text>'
        )
    return _svg(430, high, "Importance of columns", lines)


def curves(several: Sequence[Sequence[float]]) -> str:
    """Losses after each epoch, from the lowest to nearly the highest."""
    low = min(min(curve) for curve in several)
    top = float(np.quantile(np.concatenate([*map(np.asarray, several)]), 0.98))
    span, longest = max(top - low, 1e-12), max(map(len, several))
    lines = _axes(44, 640, 12, 212)
    for curve in several:
        points = " ".join(
            f"{44 + 596 * i / (longest - 1):.1f},{210 - 190 * min((v - low) / span, 1.05):.1f}"
            for i, v in enumerate(curve)
        )
        lines.append(f'<polyline class="curve" points="{points}"/>')
    lines += [
        _text(44, 230, "1"),
        _text(640, 230, f"{longest} epochs", "end"),
        _text(40, 20, f"{top:.3g}", "end"),
        _text(40, 212, f"{low:.3g}", "end"),
    ]
    return _svg(660, 240, "Validation loss", lines)


def square(
    dots: Sequence[tuple[float, float]],
    ends: Ends,
    across: str,
    up: str,
    rows: Sequence[int] = (),
) -> str:
    """Points in a square with a diagonal; `across` and `up` say what its sides are.

    Args:
        rows: of how many each point stands for, which its area shows.
    """
    low, high = ends

    def at(value: float) -> float:
        return 280 * _part(value, ends)

    placed = [(f"{60 + at(x):.1f}", f"{290 - at(y):.1f}") for x, y in dots]
    sizes = [1.5 + 8 * (n / max(rows)) ** 0.5 for n in rows] or [3.5] * len(placed)
    lines = [
        *_axes(60, 340, 10, 290),
        '<line class="ideal" x1="60" x2="340" y1="290" y2="10"/>',
        *(
            f'<circle class="dot" cx="{x}" cy="{y}" r="{size:.1f}"/>'
            for (x, y), size in zip(placed, sizes, strict=True)
        ),
        _text(60, 307, f"{low:.4g}"),
        _text(340, 307, f"{high:.4g}", "end"),
        _text(54, 290, f"{low:.4g}", "end"),
        _text(54, 20, f"{high:.4g}", "end"),
        _text(200, 326, across, "middle"),
        f'<text x="20" y="150" text-anchor="middle" transform="rotate(-90 20 150)">{escape(up)}'
        "</text>",
    ]
    return _svg(360, 334, f"{up} against {across}", lines)


def dependence(one: Dependence, ends: Ends) -> str:
    """The curves of one column: lines over numbers and dates, a row for each category.

    Args:
        ends: the lowest and the highest prediction of all drawings, so that they compare.
    """
    return _rows(one, ends) if one.kind == CATEGORY else _lines(one, ends)


def shared_ends(several: Sequence[Dependence], probabilities: bool) -> Ends:
    """The lowest and the highest value in all curves; of probabilities from 0 on, to 1 at most."""
    values = [v for one in several for c in one.curves for v in (*c.low, *c.high, *c.mean)]
    return (0.0, min(1.0, max(values))) if probabilities else spread(values)


def spread(values: Sequence[float]) -> Ends:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 1, high + 1)


def _lines(one: Dependence, ends: Ends) -> str:
    first, last = spread(one.places)
    bottom, top = ends

    def x(place: float) -> float:
        return 48 + 260 * (place - first) / (last - first)

    def y(value: float) -> float:
        return 170 - 156 * _part(value, ends)

    lines = _axes(48, 308, 10, 172)
    for k, curve in enumerate(one.curves):
        spots = list(zip(map(x, one.places), map(y, curve.mean), strict=True))
        edge = [
            *zip(map(x, one.places), map(y, curve.high), strict=True),
            *reversed(list(zip(map(x, one.places), map(y, curve.low), strict=True))),
        ]
        lines.append(f'<polygon class="band s{k}" points="{_points(edge)}"/>')
        lines.append(f'<polyline class="line s{k}" points="{_points(spots)}"/>')
        lines += [
            f'<circle class="spot s{k}" cx="{a:.1f}" cy="{b:.1f}" r="2.5"/>' for a, b in spots
        ]
    ticks = one.labels if one.kind == DATE else tuple(f"{place:.4g}" for place in one.places)
    lines += [
        _text(48, 188, ticks[0].partition(" ")[0]),
        _text(308, 188, ticks[-1].partition(" ")[0], "end"),
        _text(44, 174, f"{bottom:.3g}", "end"),
        _text(44, 18, f"{top:.3g}", "end"),
    ]
    return _svg(320, 194, f"Prediction by {one.column}", lines)


def _rows(one: Dependence, ends: Ends) -> str:
    bottom, top = ends
    step = 8 * len(one.curves) + 6
    high = step * len(one.labels) + 8

    def x(value: float) -> float:
        return 120 + 188 * _part(value, ends)

    lines = _axes(120, 308, 4, high)
    for i, label in enumerate(one.labels):
        middle = step * i + 6 + step / 2
        lines.append(_text(114, middle + 4, label[:16], "end"))
        for k, curve in enumerate(one.curves):
            y = middle + 8 * (k - (len(one.curves) - 1) / 2)
            low, high_end, mean = x(curve.low[i]), x(curve.high[i]), x(curve.mean[i])
            lines.append(
                f'<line class="range s{k}" x1="{low:.1f}" x2="{high_end:.1f}" y1="{y:.1f}" '
                f'y2="{y:.1f}"/><circle class="spot s{k}" cx="{mean:.1f}" cy="{y:.1f}" r="3.5"/>'
            )
    lines += [_text(120, high + 16, f"{bottom:.3g}"), _text(308, high + 16, f"{top:.3g}", "end")]
    return _svg(320, high + 22, f"Prediction by {one.column}", lines)


def _part(value: float, ends: Ends) -> float:
    """Where a value stands between two ends, as a number from 0 to 1."""
    low, high = ends
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _points(spots: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)


def _axes(left: float, right: float, top: float, bottom: float) -> list[str]:
    return [
        f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>',
        f'<line class="axis" x1="{left}" x2="{left}" y1="{top}" y2="{bottom}"/>',
    ]


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'


def _cut(name: str) -> str:
    return escape(name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…")


def _svg(width: float, high: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {high:g}" width="{width:g}" height="{high:g}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
