"""Training curves in the form of the lectures' figures 6.7 and 6.8.

The minibatch's cost and error in blue, the validation set's in red.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.core.errors import MissingPackageError
from pellucid.core.files import write_atomically
from pellucid.core.forks import importing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curve = Mapping[str, Sequence[float]]

_SOFTWARE = "Pellucid training curves"
_BLUE, _RED = "#3b6fb6", "#c8372d"


def _figure(width: float, height: float) -> Figure:
    """An empty figure that is drawn without a screen; sides in inches."""
    try:
        with importing:  # optional, at first use
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "figure",
            f"matplotlib must be installed, which draws it; got: {error}",
            "pip install 'pellucid[plot]'.",
        ) from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def curves(steps: Curve, validation: Curve, title: str = "") -> Figure:
    """Cost on the left, misclassification on the right, against the iteration.

    Args:
        steps: {"step": …, "loss": …, "accuracy": …} of every minibatch.
        validation: {"step": …, "val_loss": …, "val_accuracy": …} where it was measured.
    """
    figure = _figure(9, 3.6)
    left, right = figure.subplots(1, 2)
    _panel(left, steps, validation, "loss", "cost", 1.0)
    _panel(right, steps, validation, "accuracy", "misclassification", -1.0)
    if title:
        figure.suptitle(title)
    return figure


def _panel(
    axes: Any,
    steps: Curve,
    validation: Curve,
    name: str,
    label: str,
    sign: float,
) -> None:
    """One curve of each kind; sign -1 turns an accuracy into an error."""

    def values(column: Sequence[float]) -> Sequence[float]:
        return column if sign > 0 else [1 - value for value in column]

    if name in steps:
        axes.plot(steps["step"], values(steps[name]), color=_BLUE, linewidth=0.6, label="minibatch")
    if f"val_{name}" in validation:
        axes.plot(
            validation["step"],
            values(validation[f"val_{name}"]),
            color=_RED,
            linewidth=1.6,
            marker="o" if len(validation["step"]) < 20 else None,
            markersize=3,
            label="validation",
        )
    axes.set_xlabel("iteration")
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    if axes.lines:  # a run of no epochs has no curves
        axes.legend(frameon=False)


def rate_curve(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    suggestion: float | None,
) -> Figure:
    """The loss of each step over its learning rate, on a logarithmic axis."""
    figure = _figure(6, 3.6)
    axes = figure.subplots()
    axes.plot(rates, losses, color=_BLUE, linewidth=0.6, alpha=0.6, label="minibatch")
    axes.plot(rates, smoothed, color=_RED, linewidth=1.6, label="smoothed")
    if suggestion is not None:
        axes.axvline(suggestion, color="0.3", linestyle="--", linewidth=1)
        axes.annotate(
            f"suggestion {suggestion:.2g}",
            (suggestion, 0.98),
            xytext=(4, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            va="top",
        )
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, loc="lower left")
    return figure


def save_curves(
    steps: Curve, validation: Curve, path: Path, title: str = "", *, overwrite: bool = True
) -> None:
    """Writes the figure as PNG, atomically; `is_own_figure` knows it again."""
    buffer = io.BytesIO()
    figure = curves(steps, validation, title)
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": _SOFTWARE})
    write_atomically(path, buffer.getvalue(), overwrite=overwrite)


def is_own_figure(path: Path) -> bool:
    """Whether `save_curves` wrote the file at `path`."""
    try:
        with path.open("rb") as file:
            return f"Software\0{_SOFTWARE}".encode() in file.read(512)
    except OSError:
        return False
