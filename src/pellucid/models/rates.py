"""The range test: which learning rates make a loss fall, found in one short run."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.core.arguments import checked, integer, real
from pellucid.core.errors import ArgumentError, DivergenceError
from pellucid.models.model import Model
from pellucid.optim import Exponential, Minimizer
from pellucid.train.callback import Callback, Run
from pellucid.viz.progress import over_rates
from pellucid.viz.svg import Picture

_MEMORY = 0.9  # of the running mean that smooths the losses
_MOST_STEPS = 1_000_000  # each leaves a loss and a rate
_WORSE = 4.0  # a loss so many times the lowest one ends the test


@dataclass(frozen=True)
class RateRange:
    """What a range test measured.

    Attributes:
        rates: the learning rate of each step.
        losses: the minibatch's loss before that step.
        smoothed: their running mean, Σ 0.9ᵏ·loss normalised.
        suggestion: a tenth of the rate at which `smoothed` is lowest: there the loss still falls
            well, and the border is far; None where it is lowest at the first rate.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestion: float | None

    def __post_init__(self) -> None:
        where = "RateRange"
        for name in ("rates", "losses", "smoothed"):
            curve = getattr(self, name)
            if not isinstance(curve, list):
                raise ArgumentError(where, f"{name} must be a list of numbers, got {curve!r}")
            for value in curve:
                real(where, name, value, *((0,) if name == "rates" else ()))
        if not len(self.rates) == len(self.losses) == len(self.smoothed):
            lengths = f"{len(self.rates)}, {len(self.losses)} and {len(self.smoothed)}"
            raise ArgumentError(where, f"all curves must have one length, got {lengths}")
        if self.suggestion is not None:
            real(where, "suggestion", self.suggestion, 0, open_low=True)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Writes the curve of the loss over the rate as an SVG or a PNG file.

        Args:
            path: ends in .svg or .png.

        Raises:
            ArgumentError: if the file exists and `overwrite` is False.
            MissingPackageError: for PNG, if matplotlib is not installed.
        """
        self._picture().save(path, overwrite=overwrite)

    def _picture(self) -> Picture:
        return over_rates(self.rates, self.losses, self.smoothed, self.suggestion)

    def _repr_svg_(self) -> str:
        """The curve in a notebook."""
        return self._picture().svg


class _Until(Callback):
    """Ends a run after `steps` steps, or where the loss has grown out of bounds."""

    def __init__(self, steps: int):
        self.steps, self.lowest = steps, math.inf
        self.losses: list[float] = []

    def on_step(self, run: Run) -> None:
        loss = run.measures["loss"]
        self.losses.append(loss)
        self.lowest = min(self.lowest, loss)
        grown = loss > self.lowest + (_WORSE - 1) * abs(self.lowest) and len(self.losses) > 10
        run.stop = run.stop or len(self.losses) >= self.steps or grown


@checked
def rate_range(
    model: Model,
    x: Any,
    y: Any,
    *,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
    batch_size: int = 32,
    seed: int | None = None,
    backend: str | None = None,
    device: str | None = None,
    precision: str | None = None,
) -> RateRange:
    """Trains a copy of a compiled model with a rate that grows at each step; the model stays.

    The rate goes from `lowest` to `highest` by the same factor a step, and the test ends early
    where the loss is four times its lowest value, or no longer finite.

    Args:
        model: compiled; its optimizer is used with other rates.
        x, y: as in `fit`.
        lowest, highest: the first rate and the last.
        steps: how many, 10 to 1,000,000.
        batch_size, seed, backend, device, precision: as in `fit`.

    Source: Smith, WACV 2017, arXiv:1506.01186, 3.3.
    """
    where = "rate_range"
    if not isinstance(model, Model) or model.optimizer is None:
        raise ArgumentError(where, "model must be compiled", "Call compile(optimizer, loss).")
    if isinstance(model.optimizer, Minimizer):
        raise ArgumentError(
            where, f"{type(model.optimizer).__name__} searches for the length of its steps"
        )
    low = real(where, "lowest", lowest, 0, open_low=True)
    high = real(where, "highest", highest, low, open_low=True)
    count = integer(where, "steps", steps, 10, _MOST_STEPS)
    size = integer(where, "batch_size", batch_size, 1)
    factor = (high / low) ** (1 / (count - 1))
    trial = copy.deepcopy(model)
    rates_only = dataclasses.replace(
        model.optimizer, learning_rate=Exponential(low, factor, every=1)
    )
    trial.configure(dataclasses.replace(model.configuration(where), optimizer=rates_only))
    rows = len(model.features(x, where)[0])
    epochs = -(-count * size // rows) + 1
    until = _Until(count)
    with contextlib.suppress(DivergenceError):  # the rate at which it diverges was looked for
        trial.fit(
            x,
            y,
            batch_size=size,
            epochs=epochs,
            seed=seed,
            verbose=0,
            callbacks=until,
            backend=backend,
            device=device,
            precision=precision,
        )
    losses = until.losses
    rates = [low * factor**step for step in range(len(losses))]
    smoothed, mean = [], 0.0
    for step, loss in enumerate(losses, 1):
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
        smoothed.append(mean / (1 - _MEMORY**step))
    place = smoothed.index(min(smoothed)) if smoothed else 0
    return RateRange(rates, losses, smoothed, rates[place] / 10 if place else None)
