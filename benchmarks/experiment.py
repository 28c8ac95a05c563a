"""What the lectures' experiments share: their page, panels and data, a clock, a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pellucid as pel
from pellucid.train.callback import Callback

Array = np.ndarray[Any, Any]
BLUE, RED, GREEN, ORANGE, PURPLE, GREY = (
    "#3b6fb6",
    "#c8372d",
    "#3f8f55",
    "#d98c21",
    "#7a5195",
    "#777777",
)


class Missing(Exception):
    """The data of an experiment are not on this machine."""


@dataclass(frozen=True)
class Page:
    """What an experiment shows.

    Args:
        text: paragraphs above the table; below: those under it.
        caption: what the figure shows.
    """

    text: Sequence[str]
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    figure: Figure
    caption: str
    below: Sequence[str] = ()


@dataclass(frozen=True)
class Experiment:
    """A sub-command: its title, and the function of the data's folder that makes its page."""

    title: str
    run: Callable[[Path], Page]


def mnist(folder: Path) -> pel.data.Dataset:
    if not folder.is_dir():
        raise Missing(f"MNIST is not at {folder}; give its folder with --data")
    return pel.data.load_idx_folder(folder)


def panels(count: int, width: float = 9.0, height: float = 3.7) -> tuple[Figure, list[Any]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(1, count, squeeze=False)[0])
    for one in axes:
        one.grid(alpha=0.25)
    return figure, axes


class Clock(Callback):
    """Notes the seconds of the steps alone at each measurement; stops where it is low enough.

    Args:
        target: the measured loss at which the run stops; None: it does not.
    """

    every_step = False

    def __init__(self, target: float | None = None):
        self.target = target
        self.seconds: list[float] = []

    def on_step(self, run: Any) -> None:
        losses = run.history.validation.get("val_loss", [])
        if len(losses) > len(self.seconds):
            self.seconds.append(run.history.seconds["step"])
            run.stop = self.target is not None and losses[-1] <= self.target

    @property
    def reached(self) -> bool:
        return self.target is not None


def network(hidden: Sequence[int], seed: int) -> pel.Sequential:
    """Layers for MNIST, 784-…-10 with ReLU."""
    layers: list[pel.nn.Layer] = [pel.nn.Rescale(1 / 255), pel.nn.Flatten()]
    layers += [pel.nn.Dense(units, activation="relu") for units in hidden]
    return pel.Sequential([*layers, pel.nn.Dense(10)], seed=seed)


def spread(values: Sequence[float], form: str = ",.0f") -> str:
    """Median, and the range where there are several."""
    middle = format(float(np.median(values)), form)
    return f"{middle} ({format(min(values), form)} to {format(max(values), form)})"
