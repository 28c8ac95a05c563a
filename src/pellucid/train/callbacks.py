"""Callbacks: what happens between steps. A callback may read the run and ask it to stop."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from pellucid.core.arguments import checked, choice, flag, real, whole
from pellucid.core.errors import ArgumentError, nearest
from pellucid.train.metrics import BY_NAME

if TYPE_CHECKING:
    from pellucid.train.loop import Run


_HIGH = ("accuracy", "f1", "roc_auc", "r2")  # measures that are better when they are higher


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

    def on_measured(self, run: Run) -> None:
        """As one with an epoch's row in the history, before any `on_epoch`: for what must know
        every row. Ctrl-C waits for its end.
        """

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


class _Watch(Callback):
    """Watches a measure of the epochs: which of two values is the better one.

    Args:
        monitor: a name in the epoch's logs: "val_loss", "val_accuracy", "loss", …
        min_delta: how much better counts as better, ≥ 0.
        mode: "min", "max", or None: "max" for what ends in accuracy, f1, roc_auc or r2, else "min".
        where: who asks, for messages.
    """

    def __init__(self, monitor: str, min_delta: float, mode: str | None, where: str = ""):
        self.where = where = where or type(self).__name__
        if not isinstance(monitor, str):
            raise ArgumentError(where, f"monitor must be a name, got {monitor!r}")
        self.monitor, self.min_delta = monitor, real(where, "min_delta", min_delta, 0)
        if mode is not None:
            choice(where, "mode", mode, ("min", "max"))
        self.sign = -1 if (mode or ("max" if monitor.endswith(_HIGH) else "min")) == "max" else 1

    def value(self, run: Run) -> float:
        """The measure of the epoch that has ended."""
        if self.monitor not in run.logs:
            raise ArgumentError(
                self.where,
                f"monitor must be one of {', '.join(run.logs)}, got {self.monitor!r}",
                self._remedy(run),
            )
        return run.logs[self.monitor]

    def _remedy(self, run: Run) -> str:
        """What puts the measure into the logs of the epochs."""
        name = self.monitor.removeprefix("val_")
        if name not in (*run.logs, *BY_NAME):
            return nearest(self.monitor, run.logs)
        if name in BY_NAME and BY_NAME[name].whole is not None and name == self.monitor:
            return (
                "It is measured on validation data alone: "
                f"compile with metrics=[{name!r}], give fit validation_data, monitor 'val_{name}'."
            )
        if name == self.monitor:
            return f"Compile with metrics=[{name!r}]."
        if name in run.logs:
            return "Give fit validation_data."
        return f"Compile with metrics=[{name!r}] and give fit validation_data."

    def better(self, value: float, best: float) -> bool:
        return self.sign * value < self.sign * best - self.min_delta


class EarlyStopping(_Watch):
    """Stops when a measure no longer improves, and gives back the weights of its best epoch.

    Args:
        monitor: a name in the epoch's logs: "val_loss", "val_accuracy", "loss", …
        patience: epochs without improvement that are waited for, ≥ 0.
        min_delta: how much better counts as better, ≥ 0.
        mode: "min", "max", or None: "max" for what ends in accuracy, f1, roc_auc or r2, else "min".
        restore_best: whether the weights of the best epoch are put back at the end. The state of
            layers goes with them; the optimizer's does not. Of several callbacks the last one's
            are. A resumed run goes on from the weights of its last step, and knows the best epoch
            before it; one that had stopped goes on only with more patience.

    Attributes:
        best: the best value; best_epoch: its epoch, from 1.
    """

    @checked
    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 0,
        min_delta: float = 0.0,
        mode: str | None = None,
        restore_best: bool = True,
    ):
        super().__init__(monitor, min_delta, mode)
        self.patience = whole("EarlyStopping", "patience", patience, 0)
        flag("EarlyStopping", "restore_best", restore_best)
        self.restore_best = restore_best
        self.best, self.best_epoch = math.inf * self.sign, 0

    def on_start(self, run: Run) -> None:
        self.best, self.best_epoch = math.inf * self.sign, 0
        curve = run.history.epochs.get(self.monitor, [])
        if len(curve) != run.epoch:  # not measured in every epoch of the run that goes on
            return
        for epoch, value in enumerate(curve, 1):
            if self.better(value, self.best):
                self.best, self.best_epoch = value, epoch
        if self.restore_best and self.best_epoch not in run.progress.kept:
            # Its weights are gone: what comes is compared among itself.
            self.best, self.best_epoch = math.inf * self.sign, 0
        if self.best_epoch:
            self.on_epoch(run)

    def on_measured(self, run: Run) -> None:
        value = self.value(run)
        if self.better(value, self.best):
            self.best, self.best_epoch = value, run.epoch
            if self.restore_best:
                several = [one for one in run.callbacks if isinstance(one, EarlyStopping)]
                run.keep({one.best_epoch for one in several})

    def on_epoch(self, run: Run) -> None:
        if run.epoch - self.best_epoch > self.patience:
            run.stop = True

    def on_end(self, run: Run) -> None:
        if self.restore_best and self.best_epoch:
            run.restore(self.best_epoch)


class ReduceOnPlateau(_Watch):
    """Multiplies the learning rate by `factor` whenever a measure no longer improves.

    What it does follows from the curve of the measure alone, so a resumed run goes on as if it had
    not been interrupted.

    Args:
        monitor: a name in the epoch's logs: "val_loss", "val_accuracy", "loss", …
        factor: in (0, 1).
        patience: epochs without improvement after which the rate falls, ≥ 1.
        min_delta: how much better counts as better, ≥ 0.
        mode: "min", "max", or None: "max" for what ends in accuracy, f1, roc_auc or r2, else "min".
        lowest: the product of the factors never falls below this part of the rate.

    Attributes:
        scale: the product of the factors so far.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str | None = None,
        lowest: float = 0.0,
    ):
        super().__init__(monitor, min_delta, mode)
        where = "ReduceOnPlateau"
        self.factor = real(where, "factor", factor, 0, 1, open_low=True, open_high=True)
        self.patience = whole(where, "patience", patience, 1)
        self.lowest = real(where, "lowest", lowest, 0, 1)
        self.scale = 1.0

    def on_start(self, run: Run) -> None:
        self._follow(run)

    def on_epoch(self, run: Run) -> None:
        self.value(run)
        self._follow(run)

    def _follow(self, run: Run) -> None:
        self.scale, best, waited = 1.0, math.inf * self.sign, 0
        for value in run.history.epochs.get(self.monitor, ()):
            if self.better(value, best):
                best, waited = value, 0
                continue
            waited += 1
            if waited == self.patience:
                self.scale, waited = max(self.scale * self.factor, self.lowest), 0
        run.rate_scale = self.scale


class StopBelow(Callback):
    """Stops at the end of the first epoch whose measure is at most `limit`.

    With metrics=["gradient_norm"] and batch_size="all", StopBelow("gradient_norm", 1e-5) is the
    stopping rule "the gradient is close to 0"; an epoch of several steps has the mean of theirs.

    Args:
        monitor: a name in the epoch's logs.
        limit: the value to reach.
    """

    def __init__(self, monitor: str, limit: float):
        self._watch = _Watch(monitor, 0.0, None, "StopBelow")
        self.monitor, self.limit = monitor, real("StopBelow", "limit", limit)

    def on_epoch(self, run: Run) -> None:
        if self._watch.value(run) <= self.limit:
            run.stop = True


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
