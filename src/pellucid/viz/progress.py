"""The curves of a training run as a picture, over epochs or over steps, and those of a range test.

In: named columns. Out: a `Picture`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.viz import svg
from pellucid.viz.axes import STYLES, Axes, span
from pellucid.viz.svg import Picture, beside

Array = np.ndarray[Any, Any]
Curves = Mapping[str, Sequence[float]]
_MOST = 400  # points of a curve; a longer one is thinned
STEPS = "Curves of a training run, step by step"


def progress(epochs: Curves, numbers: Sequence[int]) -> Picture:
    """A panel for each measure: the training set's curve and, dashed, the validation set's.

    Args:
        epochs: the curves; NaN where a measure was not taken.
        numbers: those of the epochs, from 1.
    """
    names = [name for name in epochs if not name.startswith("val_")]
    names += [n for n in epochs if n.startswith("val_") and n.removeprefix("val_") not in names]
    panels = [_panel(name, epochs, np.asarray(numbers)) for name in names if len(epochs[name])]
    if not panels:
        text = svg.words(16, 30, "No epoch has ended yet.", "muted")
        return Picture(text, 220, 48, "A run without epochs")
    if len(panels) == 1:
        return panels[0]
    return beside(panels, "Curves of a training run")


def over_steps(steps: Curves, validation: Curves) -> Picture:
    """A panel for each measure: every minibatch, and the validation set where it was measured.

    An accuracy is shown as what is misclassified, as in the lectures' figures 6.7 and 6.8.
    """
    names = [name for name in steps if name != "step"]
    panels = [_of_steps(name, steps, validation) for name in names if len(steps[name])]
    if not panels:
        return Picture(svg.words(16, 30, "No step was kept.", "muted"), 220, 48, STEPS)
    return beside(panels, STEPS)


def _of_steps(name: str, steps: Curves, validation: Curves) -> Picture:
    held = f"val_{name}"
    known = [("minibatch", steps["step"], steps[name])]
    if held in validation and len(validation[held]):
        known.append(("validation", validation["step"], validation[held]))
    error = name == "accuracy"
    curves = [
        (label, np.asarray(at, np.float64), 1 - np.asarray(values) if error else np.asarray(values))
        for label, at, values in known
    ]
    low, high = span(*(values for _, _, values in curves))
    last = max(float(at[-1]) for _, at, _ in curves)
    title = "misclassification" if error else name
    bottom = min(low, 0) if low < 0 else 0
    axes = Axes((0, max(last, 1)), (bottom, high), title, "step", counts=True)
    for k, (label, at, values) in enumerate(curves):
        axes.curve(at, values, STYLES[k], f"{label}, last {values[-1]:.4g}")
        if len(values) < 20:
            axes.points(at, values, k, size=2.5)
    return axes.picture()


def over_rates(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    suggestion: float | None,
) -> Picture:
    """The loss of each step of a range test over its learning rate."""
    x = np.log10(np.asarray(rates, np.float64))
    low, high = span(smoothed, losses)
    sides = span(x, around=0.02)
    title, label = "Loss over the learning rate", "log₁₀ of the learning rate"
    axes = Axes(sides, (low, high), title, label, "loss", size=(480, 320))
    axes.curve(x, losses, "line dots", "minibatch")
    axes.curve(x, smoothed, "plus-line", "smoothed")
    if suggestion is not None:
        place = [float(np.log10(suggestion))] * 2
        axes.curve(place, [low, high], "ink-line dash", f"suggestion {suggestion:.2g}")
    return axes.picture()


def _thinned(known: Array, values: Array) -> Array:
    """The places of a curve that are drawn: of each stretch its lowest and its highest point."""
    if len(known) <= _MOST:
        return known
    picked = {int(known[0]), int(known[-1])}
    for part in np.array_split(known, _MOST // 2):
        picked |= {int(part[values[part].argmin()]), int(part[values[part].argmax()])}
    return np.asarray(sorted(picked))


def _panel(name: str, epochs: Curves, numbers: Array) -> Picture:
    curves = [
        (label, epochs[one])
        for one, label in ((name, "training"), (f"val_{name}", "validation"))
        if one in epochs
    ]
    if name.startswith("val_"):
        curves = [("validation", epochs[name])]
    every = [np.asarray(values, np.float64) for _, values in curves]
    low, high = span(*every)
    if min(float(np.nanmin(one)) if np.isfinite(one).any() else 0.0 for one in every) >= 0:
        low = min(0.0, low) if low < 0 else low
        low = max(low, 0.0)
    first, last = float(numbers[0]), float(numbers[-1])
    sides = (first, last) if last > first else (first - 0.5, last + 0.5)
    axes = Axes(sides, (low, high), name, "epoch", counts=True)
    for (label, _), values in zip(curves, every, strict=True):
        known = np.flatnonzero(~np.isnan(values))  # of the epochs that have a value
        if not len(known):
            known = np.arange(len(values))
        picked = _thinned(known, values)
        style = STYLES[label == "validation"]
        shown = f"{label}, last {values[known[-1]]:.4g}"
        axes.curve(numbers[picked], values[picked], style, shown)
        if len(known) == 1:
            axes.points(numbers[known], values[known], int(label == "validation"))
    return axes.picture()
