"""The curves of a training run as a picture. In: named columns. Out: a `Picture`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pellucid.viz import svg
from pellucid.viz.axes import STYLES, Axes, span
from pellucid.viz.svg import Picture, beside

_MOST = 400  # points of a curve; a longer one is thinned


def progress(epochs: Mapping[str, Sequence[float]]) -> Picture:
    """A panel for each measure: the training set's curve and, dashed, the validation set's."""
    names = [name for name in epochs if not name.startswith("val_")]
    names += [n for n in epochs if n.startswith("val_") and n.removeprefix("val_") not in names]
    panels = [_panel(name, epochs) for name in names if len(epochs[name])]
    if not panels:
        text = svg.words(16, 30, "No epoch has ended yet.", "muted")
        return Picture(text, 220, 48, "A run without epochs")
    if len(panels) == 1:
        return panels[0]
    return beside(panels, "Curves of a training run")


def _panel(name: str, epochs: Mapping[str, Sequence[float]]) -> Picture:
    curves = [
        (label, epochs[one])
        for one, label in ((name, "training"), (f"val_{name}", "validation"))
        if one in epochs
    ]
    if name.startswith("val_"):
        curves = [("validation", epochs[name])]
    every = [np.asarray(values, np.float64) for _, values in curves]
    longest = max(map(len, every))
    low, high = span(*every)
    if min(float(np.nanmin(one)) if np.isfinite(one).any() else 0.0 for one in every) >= 0:
        low = min(0.0, low) if low < 0 else low
        low = max(low, 0.0)
    axes = Axes((1, max(longest, 2)), (low, high), name, "epoch")
    for (label, _), values in zip(curves, every, strict=True):
        known = np.flatnonzero(~np.isnan(values))  # of the epochs that have a value
        if not len(known):
            known = np.arange(len(values))
        picked = known[
            np.unique(np.linspace(0, len(known) - 1, min(len(known), _MOST)).astype(int))
        ]
        style = STYLES[label == "validation"]
        last = f"{label}, last {values[known[-1]]:.4g}"
        axes.curve(picked + 1, values[picked], style, last)
        if len(values) == 1:
            axes.points([1], values, int(label == "validation"))
    return axes.picture()
