"""Two pictures that tell a story: a nerve cell beside a unit, and the history of networks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pellucid.core.arguments import checked, integer
from pellucid.core.errors import ArgumentError
from pellucid.viz import svg
from pellucid.viz.given import text
from pellucid.viz.svg import Picture

HISTORY: tuple[tuple[int, str, str], ...] = (
    (1949, "Hebb", "connections that fire together grow"),
    (1958, "Rosenblatt", "the perceptron learns from its errors"),
    (1985, "Backpropagation", "Rumelhart, Hinton and Williams"),
    (1995, "Support vector machine", "Cortes and Vapnik"),
    (2012, "AlexNet", "deep convolutions, trained on GPUs"),
)


@checked
def neuron() -> Picture:
    """A nerve cell beside the unit that was modelled on it, part by part.

    Dendrites take up signals, the cell body adds them, and the axon passes on an impulse that is
    the same each time: all or none. Synapses are excitatory or inhibitory; a unit has weights above
    or below 0 in their place.
    """
    parts = [
        svg.words(16, 24, "A nerve cell and a unit", "ink head"),
        _cell(),
        _unit(),
        _spike(),
    ]
    described = (
        "Left: dendrites, cell body, axon and synapses. Right: inputs, weights, sum, step, output. "
        "Below: the potential of the cell over time crosses a threshold and gives one impulse."
    )
    return Picture("".join(parts), 800, 430, "A nerve cell and a unit", described)


def _cell() -> str:
    x, y = 150.0, 150.0
    parts = []
    for angle, reach in ((200, 92), (160, 96), (235, 84), (128, 86), (180, 104)):
        a = math.radians(angle)
        tip = (x + reach * math.cos(a), y + reach * math.sin(a))
        bend = (x + 0.6 * reach * math.cos(a + 0.18), y + 0.6 * reach * math.sin(a + 0.18))
        parts.append(svg.path([(x, y), bend, tip], "bare ink-line", stroke_width=3))
        for turn in (-0.5, 0.5):
            end = (bend[0] + 22 * math.cos(a + turn), bend[1] + 22 * math.sin(a + turn))
            parts.append(svg.path([bend, end], "bare ink-line", stroke_width=1.5))
    parts.append(svg.path([(x, y), (x + 190, y + 6)], "bare ink-line", stroke_width=4))
    for turn in (-26, 4, 34):
        end = (x + 232, y + 6 + turn)
        parts.append(svg.path([(x + 190, y + 6), end], "bare ink-line", stroke_width=2))
        parts.append(svg.circle(*end, 5, "ink"))
    parts.append(svg.circle(x, y, 34, "box ink-line", stroke_width=2.5))
    parts.append(svg.circle(x, y, 11, "muted"))
    for px, py, sign, cls in ((52, 118, "+", "plus"), (48, 186, "−", "minus")):
        parts.append(
            svg.circle(px, py, 9, "paper line") + svg.words(px, py + 5, sign, f"{cls} head middle")
        )
    labels = [
        (16, 66, "dendrites", ""),
        (x, y + 56, "cell body", "middle"),
        (x + 112, y - 10, "axon", "middle"),
        (x + 236, y - 34, "synapses", "middle"),
        (16, 262, "synapses on it: + excitatory, − inhibitory", ""),
    ]
    parts += [svg.words(a, b, label, f"muted small {cls}") for a, b, label, cls in labels]
    return svg.group(*parts, cls="cell")


def _unit() -> str:
    x, y = 622.0, 150.0
    parts = []
    for k, (name, weight, cls) in enumerate(
        (("x₁", "w₁ > 0", "plus"), ("x₂", "w₂ < 0", "minus"), ("1", "bias b", "ink"))
    ):
        b = y - 62 + 62 * k
        style = f"{cls}-line{' dash' if cls == 'minus' else ''}"
        parts.append(svg.line(x - 158, b, x - 32, y, style, stroke_width=2.5))
        parts.append(
            svg.circle(x - 175, b, 17, "box plus-line")
            + svg.words(x - 175, b + 5, name, "ink middle")
        )
        px, py = x - 105, b + (y - b) * 0.45
        parts.append(svg.rect(px - 27, py - 9, 54, 16, "paper", rx=3))
        parts.append(svg.words(px, py + 3, weight, f"{cls} small middle"))
    parts.append(svg.circle(x, y, 33, "box ink-line", stroke_width=2.5))
    parts.append(svg.words(x, y + 6, "Σ", "ink head middle"))
    parts.append(svg.line(x + 33, y, x + 58, y, "ink-line", stroke_width=2))
    parts.append(svg.rect(x + 58, y - 22, 44, 44, "box ink-line"))
    step = [(x + 66, y + 12), (x + 80, y + 12), (x + 80, y - 12), (x + 94, y - 12)]
    parts.append(svg.path(step, "bare minus-line", stroke_width=2.5))
    parts.append(
        svg.line(x + 102, y, x + 136, y, "ink-line", stroke_width=2) + svg.arrow(x + 142, y, 1, 0)
    )
    labels = [
        (x - 175, y + 98, "inputs"),
        (x - 96, y + 98, "weights"),
        (x, y + 56, "sum"),
        (x + 80, y + 56, "step"),
        (x + 128, y - 12, "output"),
    ]
    parts += [svg.words(a, b, label, "muted small middle") for a, b, label in labels]
    return svg.group(*parts, cls="unit")


def _spike() -> str:
    """The potential of a cell over time: two stimuli too weak, one strong enough."""
    left, base, wide = 60.0, 400.0, 300.0
    parts = [
        svg.line(left, base, left + wide, base, "axis"),
        svg.line(left, base, left, 300, "axis"),
    ]
    level = base - 40
    parts.append(svg.line(left, level, left + wide, level, "axis dash"))
    points = []
    for k in range(301):
        t = k / 300
        v = 14 * math.exp(-(((t - 0.15) / 0.04) ** 2)) + 26 * math.exp(-(((t - 0.36) / 0.045) ** 2))
        v += 86 * math.exp(-(((t - 0.66) / 0.022) ** 2)) + 12 * math.exp(-(((t - 0.6) / 0.05) ** 2))
        v -= 12 * math.exp(-(((t - 0.75) / 0.03) ** 2))
        points.append((round(left + t * wide, 1), round(base - 8 - v, 1)))
    parts.append(svg.path(points[::2], "bare plus-line", stroke_width=2))
    parts += [
        svg.words(left + wide + 8, level + 4, "threshold", "muted small"),
        svg.words(left + wide + 8, base + 4, "time", "muted small"),
        svg.words(left, 290, "action potential: all or none", "muted small"),
        svg.words(left + 0.15 * wide, base + 16, "too weak", "muted small middle"),
        svg.words(left + 0.66 * wide, base + 16, "an impulse", "muted small middle"),
    ]
    story = (
        "A stimulus below the threshold gives nothing;",
        "any stimulus above it gives the same impulse.",
        "The unit's step does the same: 0 or 1.",
    )
    parts += [svg.words(460, 340 + 18 * k, one, "ink small") for k, one in enumerate(story)]
    return svg.group(*parts, cls="spike")


@checked
def timeline(events: Sequence[tuple[int, str, str]] = HISTORY) -> Picture:
    """Events on a line of years.

    Args:
        events: (year, name, what happened) of each, in their order.
    """
    where = "timeline"
    if not isinstance(events, (list, tuple)) or not events:
        raise ArgumentError(
            where, f"events must be [(year, name, what happened), …], got {events!r}"
        )
    for event in events:
        if not (isinstance(event, (list, tuple)) and len(event) == 3):
            raise ArgumentError(
                where, f"an event must be (year, name, what happened), got {event!r}"
            )
    events = [
        (
            integer(where, "a year", year, -100_000),
            text(where, "a name", name),
            text(where, "what happened", what),
        )
        for year, name, what in events
    ]
    years = [event[0] for event in events]
    low, high = min(years), max(years)
    left, wide, line = 110.0, 620.0, 130.0
    parts = [svg.words(16, 24, f"From {events[0][1]} to {events[-1][1]}", "ink head")]
    parts.append(svg.line(left - 30, line, left + wide + 30, line, "ink-line", stroke_width=2))
    parts.append(svg.arrow(left + wide + 36, line, 1, 0))
    for k, (year, name, what) in enumerate(events):
        x = left + (year - low) / ((high - low) or 1) * wide
        up = k % 2 == 0
        y = line - 58 if up else line + 44
        parts.append(svg.line(x, line, x, y + 18 if up else y - 12, "line dots"))
        parts.append(svg.circle(x, line, 6, "plus-area paper-line"))
        block = [
            svg.words(x, y, name, "ink head middle"),
            svg.words(x, y + 14, svg.shortened(what, 40), "muted small middle"),
            svg.words(x, line + (20 if up else -12), str(year), "plus middle"),
        ]
        parts.append(svg.group(*block, cls="event", data_year=str(year)))
    return Picture("".join(parts), left + wide + 110, 215, "The history of neural networks")
