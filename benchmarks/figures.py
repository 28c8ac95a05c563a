"""The figures of docs/benchmarks/. matplotlib is imported when one is drawn."""

from __future__ import annotations

import io
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from turns import Rounds

COLORS = {
    "Pellucid": "#3b6fb6",
    "JAX": "#c8372d",
    "PyTorch": "#e08a1e",
    "scikit-learn": "#6a9f3f",
    "Keras": "#7d5ba6",
}


def color(library: str) -> str:
    return COLORS[library.split(" ")[0]]


def steps(found: Mapping[int, Mapping[str, Rounds]], path: Path) -> None:
    """Bars: the time of a step relative to Pellucid's, a panel for each number of threads."""
    figure, panels = _figure(len(found), 4.2)
    for axes, (threads, cases) in zip(panels, found.items(), strict=True):
        libraries = list(dict.fromkeys(name for case in cases.values() for name in case))
        groups = list(dict.fromkeys(name.split(" ")[0] for name in libraries))
        thick = 0.8 / len(groups)
        for case, rounds in enumerate(cases.values()):
            ours = statistics.median(rounds["Pellucid"])
            for name, values in rounds.items():
                place = groups.index(name.split(" ")[0])
                ratio = statistics.median(values) / ours
                y = case + (place - (len(groups) - 1) / 2) * thick
                axes.barh(y, ratio, thick * 0.9, color=color(name))
                axes.text(ratio * 1.05, y, f"{ratio:.2g}", va="center", fontsize=6)
        for group in groups:
            axes.barh(0, 0, color=color(group), label=group)
        axes.set_yticks(range(len(cases)), [_short(case) for case in cases], fontsize=7)
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlim(right=axes.get_xlim()[1] * 2)
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_xlabel("time of a step, Pellucid = 1")
        axes.set_title(f"{threads} thread{'s' if threads > 1 else ''}", fontsize=9)
        axes.grid(alpha=0.25, axis="x")
    panels[-1].legend(frameon=False, fontsize=7)
    _save(figure, path)


def _short(case: str) -> str:
    name, *rest = case.split(", ")
    return f"{name}\n{', '.join(rest)}"


def growth(found: Mapping[str, Sequence[tuple[int, float]]], path: Path) -> None:
    """Lines on two log axes: seconds of a fit by rows."""
    figure, (axes,) = _figure(1, 4.2)
    for library, points in found.items():
        rows, seconds = zip(*points, strict=True)
        axes.loglog(rows, seconds, "o-", color=color(library), label=library)
        for n, value in points:
            axes.annotate(f"{value:.2g}", (n, value), (4, -9), textcoords="offset points", size=7)
    axes.set_xlabel("rows")
    axes.set_ylabel("seconds")
    axes.grid(alpha=0.25, which="both")
    axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def gradient_cost(
    found: Mapping[int, Mapping[str, Sequence[tuple[int, float]]]],
    slopes: Mapping[int, Mapping[str, float]],
    path: Path,
) -> None:
    """Time of loss and gradient against the number of parameters, and the fitted slopes."""
    figure, panels = _figure(len(found), 3.8)
    for axes, (threads, libraries) in zip(panels, found.items(), strict=True):
        for name, points in libraries.items():
            label = f"{name}, slope {slopes[threads][name]:.2f}"
            parameters, seconds = zip(*points, strict=True)
            axes.loglog(
                parameters,
                [s * 1e3 for s in seconds],
                marker="o",
                markersize=3.5,
                linewidth=1.2,
                color=color(name),
                label=label,
            )
        axes.set_xlabel("parameters")
        axes.set_ylabel("loss and gradient, ms")
        axes.set_title(f"{threads} thread{'s' if threads > 1 else ''}", fontsize=9)
        axes.grid(alpha=0.25, which="both")
        axes.legend(frameon=False, fontsize=7)
    _save(figure, path)


def _figure(panels: int, height: float) -> tuple[Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5 * panels, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


def _save(figure: Any, path: Path) -> None:
    from pellucid.core.files import write_atomically

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
