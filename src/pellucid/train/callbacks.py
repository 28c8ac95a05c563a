"""Callbacks: what happens between steps. A callback may read the run and ask it to stop."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pellucid.train.loop import Run


class Callback:
    """Base of all callbacks; every method does nothing by default.

    Attributes:
        every_step: whether `on_step` must see each step. Native training comes back to Python
            every 50 ms or so; a callback of your own that has an `on_step` is called at every step
            all the same, and that makes small networks slower.
    """

    @property
    def every_step(self) -> bool:
        return type(self).on_step is not Callback.on_step

    def on_start(self, run: Run) -> None:
        """Before the first step."""

    def on_step(self, run: Run) -> None:
        """After each training step, or, where `every_step` is false, after a slice of them."""

    def on_epoch(self, run: Run) -> None:
        """After each epoch and its validation."""

    def on_end(self, run: Run) -> None:
        """After the last step, also when training stops by an error or Ctrl-C."""


def format_logs(logs: dict[str, float]) -> str:
    return " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())


class Progress(Callback):
    """Keras's three levels: 0 silent, 1 a bar that moves, 2 a line an epoch.

    Where the output is no terminal, 1 prints a line an epoch as 2 does.
    """

    every_step = False

    def __init__(self, verbose: int, stream: TextIO | None = None):
        self.stream = stream or sys.stdout
        self.bar = verbose == 1 and self.stream.isatty()
        self.silent = verbose == 0
        self.started = self.shown = 0.0

    def on_start(self, run: Run) -> None:
        self.started = time.perf_counter()

    def on_step(self, run: Run) -> None:
        now = time.perf_counter()
        if not self.bar or now - self.shown < 0.1:
            return
        self.shown = now
        total = run.steps_per_epoch
        done = run.batch * 24 // total
        line = f"Epoch {run.epoch + 1}/{run.epochs} [{'=' * done}{'.' * (24 - done)}] "
        line += f"{run.batch}/{total} - {format_logs(run.logs)}"
        self.stream.write(f"\r\x1b[2K{line}")
        self.stream.flush()

    def on_epoch(self, run: Run) -> None:
        if self.silent:
            return
        seconds = time.perf_counter() - self.started
        self.started = time.perf_counter()
        start = "\r\x1b[2K" if self.bar else ""
        line = f"Epoch {run.epoch}/{run.epochs} - {seconds:.1f}s - {format_logs(run.logs)}"
        self.stream.write(f"{start}{line}\n")
        self.stream.flush()


class Checkpoint(Callback):
    """Saves the run every few seconds and at its end, so that a killed run resumes.

    Args:
        save: writes the model file, atomically.
        every: seconds between two saves; what a kill can cost.
    """

    every_step = False

    def __init__(self, save: Callable[[], None], every: float = 5.0):
        self.save, self.every = save, every
        self.last = 0.0

    def on_start(self, run: Run) -> None:
        self.last = time.perf_counter()

    def on_step(self, run: Run) -> None:
        started = time.perf_counter()
        if started - self.last < self.every:
            return
        run.publish()
        self.save()
        self.last = time.perf_counter()
        run.history.spend("checkpoint", self.last - started)

    def on_end(self, run: Run) -> None:
        self.save()
