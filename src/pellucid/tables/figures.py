"""The drawings of a report, as SVG: how a prediction depends on a column, points, curves, bars.

In: numbers and texts. Out: text without colours, which the page's style gives: `STYLE`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.data.schema import CATEGORY, DATE
from pellucid.tables.dependence import Dependence
from pellucid.viz import svg

_LEFT, _BARS = 150, 160  # pixels of a name, and of the longest bar; its numbers stand behind it
_LETTERS = 20  # of a name beside a bar
# Curves and their keys differ in their dashes too, so that nothing is told by colour alone.
STYLE = """svg { max-width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 12px; }
.axis { stroke: var(--axis); } .curve { fill: none; stroke: var(--first); stroke-opacity: .7; }
.bar, .dot { fill: var(--first); } .dot { fill-opacity: .5; }
.ideal, .whisker { stroke: var(--second); }
.s0 { --own: var(--first); } .s1 { --own: var(--second); } .s2 { --own: var(--ink); }
.line { fill: none; stroke: var(--own); stroke-width: 1.8; } .spot { fill: var(--own); }
.line.s1 { stroke-dasharray: 6 3; } .line.s2 { stroke-dasharray: 2 3; }
.band { fill: var(--own); fill-opacity: .16; }
.range { stroke: var(--own); stroke-opacity: .45; stroke-width: 4; }
.key { display: inline-block; width: 1.6em; margin-right: .4em; vertical-align: middle;
  border-top: 3px solid var(--own); }
.key.s1 { border-top-style: dashed; } .key.s2 { border-top-style: dotted; }"""
_ROLES = {  # what the page calls colours, and what pictures do
    "ink": "ink",
    "paper": "paper",
    "soft": "muted",
    "line": "grid",
    "axis": "axis",
    "first": "plus-line",
    "second": "minus-line",
}

Ends = tuple[float, float]


def colours(dark: bool) -> str:
    """The colours of pictures as variables of a style sheet."""
    return " ".join(f"--{own}: {svg.COLOURS[name][1 + dark]};" for own, name in _ROLES.items())


def bars(values: Sequence[tuple[str, float, float]]) -> str:
    """A bar for each name, with its mean and deviation."""
    top = max(max(mean + deviation for _, mean, deviation in values), 1e-12)
    lines, high = [], 22 * len(values) + 6
    for i, (name, mean, deviation) in enumerate(values):
        y, width = 22 * i + 4, _BARS * max(mean, 0) / top
        low, far = (
            _LEFT + _BARS * min(max(mean + sign * deviation, 0), top) / top for sign in (-1, 1)
        )
        lines += [
            _text(_LEFT - 8, y + 12, svg.shortened(name, _LETTERS), "end"),
            svg.rect(_LEFT, y, width, 14, "bar"),
            svg.line(low, y + 7, far, y + 7, "whisker"),
            _text(_LEFT + _BARS + 8, y + 12, f"{mean:.3g} ± {deviation:.2g}"),
        ]
    return _svg(430, high, "Importance of columns", lines)


def curves(several: Sequence[Sequence[float]]) -> str:
    """Losses after each epoch, from the lowest to nearly the highest."""
    low = min(min(curve) for curve in several)
    top = float(np.quantile(np.concatenate([*map(np.asarray, several)]), 0.98))
    span, longest = max(top - low, 1e-12), max(map(len, several))
    lines = _axes(44, 640, 12, 212)
    for curve in several:
        points = [
            (44 + 596 * i / (longest - 1), 210 - 190 * min((v - low) / span, 1.05))
            for i, v in enumerate(curve)
        ]
        lines.append(svg.path(points, "curve"))
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

    placed = [(60 + at(x), 290 - at(y)) for x, y in dots]
    sizes = [1.5 + 8 * (n / max(rows)) ** 0.5 for n in rows] or [3.5] * len(placed)
    lines = [
        *_axes(60, 340, 10, 290),
        svg.line(60, 290, 340, 10, "ideal"),
        *(svg.circle(x, y, size, "dot") for (x, y), size in zip(placed, sizes, strict=True)),
        _text(60, 307, f"{low:.4g}"),
        _text(340, 307, f"{high:.4g}", "end"),
        _text(54, 290, f"{low:.4g}", "end"),
        _text(54, 20, f"{high:.4g}", "end"),
        _text(200, 326, across, "middle"),
        _text(20, 150, up, "middle", transform="rotate(-90 20 150)"),
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
        lines += [
            svg.path(edge, f"band s{k}", closed=True),
            svg.path(spots, f"line s{k}"),
            *(svg.circle(a, b, 2.5, f"spot s{k}") for a, b in spots),
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
            lines += [
                svg.line(low, y, high_end, y, f"range s{k}"),
                svg.circle(mean, y, 3.5, f"spot s{k}"),
            ]
    lines += [_text(120, high + 16, f"{bottom:.3g}"), _text(308, high + 16, f"{top:.3g}", "end")]
    return _svg(320, high + 22, f"Prediction by {one.column}", lines)


def _part(value: float, ends: Ends) -> float:
    """Where a value stands between two ends, as a number from 0 to 1."""
    low, high = ends
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _axes(left: float, right: float, top: float, bottom: float) -> list[str]:
    return [
        svg.line(left, bottom, right, bottom, "axis"),
        svg.line(left, top, left, bottom, "axis"),
    ]


def _text(x: float, y: float, text: str, anchor: str = "start", **attributes: str) -> str:
    return svg.words(x, y, text, None, text_anchor=anchor, **attributes)


def _svg(width: float, high: float, label: str, parts: Sequence[str]) -> str:
    return svg.element(
        "svg",
        *parts,
        viewBox=f"0 0 {svg.number(width)} {svg.number(high)}",
        width=float(width),
        height=float(high),
        role="img",
        aria_label=label,
    )
