"""The callbacks: a bar, stopping early, rates that fall on a plateau, averages, checkpoints."""

from __future__ import annotations

import functools
import math
import re
import sys
import time
from collections.abc import Callable
from typing import TextIO

from pellucid.core.arguments import checked, choice, diagnosed, flag, integer, real
from pellucid.core.errors import ArgumentError, nearest
from pellucid.train.callback import Callback, Run, check_run
from pellucid.train.metrics import BY_NAME

# Measures that are better when they are higher.
_HIGH = (
    *("accuracy", "f1", "roc_auc", "r2", "precision", "recall", "average_precision", "mean_iou"),
    *("pearson", "concordance", "sensitivity", "specificity"),
)
_F_BETA = re.compile(r".*\bf_[0-9.]+")


def format_logs(logs: dict[str, float]) -> str:
    return " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())


class ProgressBar(Callback):
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
        line = f"Epoch {run.epoch + 1}/{run.epochs} "
        if total is None or run.batch > total:
            line += f"{run.batch:,} steps - {format_logs(run.logs)}"
        else:
            done = run.batch * 24 // total
            line += f"[{'=' * done}{'.' * (24 - done)}] "
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


def _is_high(monitor: str) -> bool:
    """Whether a measure is better when it is higher."""
    return monitor.endswith(_HIGH) or _F_BETA.fullmatch(monitor) is not None


class _Monitor(Callback):
    """Follows a measure of the epochs: which value is the best, and for how long.

    NaN is never better; epochs before the first number are not waited for.

    Args:
        monitor: a name in the epoch's logs: "val_loss", "val_accuracy", "loss", …
        min_delta: how much better counts as better, ≥ 0.
        mode: "min", "max", or None: "max" for what ends in accuracy, f1, roc_auc, r2 or
            another measure that is better when it is higher, else "min".
        where: who asks, for messages.

    Attributes:
        best: the best value; best_epoch: its epoch, from 1, or 0; wait: epochs since then.
    """

    def __init__(self, monitor: str, min_delta: float, mode: str | None, where: str = ""):
        self.where = where = where or type(self).__name__
        if not isinstance(monitor, str):
            raise ArgumentError(where, f"monitor must be a name, got {monitor!r}")
        self.monitor, self.min_delta = monitor, real(where, "min_delta", min_delta, 0)
        if mode is not None:
            choice(where, "mode", mode, ("min", "max"))
        self.sign = -1 if mode == "max" or (mode is None and _is_high(monitor)) else 1
        self.reset()

    def reset(self) -> None:
        self.best, self.best_epoch, self.wait = math.inf * self.sign, 0, 0

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

    def missing(self, run: Run, epoch: int) -> bool:
        """Whether this epoch has no value, since it ends without validation."""
        return self.monitor in getattr(run, "awaited", ()) and not run.validates(epoch)

    def follow(self, value: float, epoch: int) -> bool:
        """Takes in an epoch's value; whether it is the best so far."""
        if self.sign * value + self.min_delta < self.sign * self.best:
            self.best, self.best_epoch, self.wait = value, epoch, 0
            return True
        if self.best_epoch:
            self.wait += 1
        return False

    @property
    def _key(self) -> str:
        return f"{type(self).__name__} of {self.monitor}, {self.sign}, {self.min_delta}"

    def numbers(self) -> list[float]:
        """What is known of the curve, to be kept where the curve itself is thinned."""
        return [self.best, self.best_epoch, self.wait]

    def recall(self, numbers: list[float]) -> None:
        """Goes on from what `numbers` gave."""
        self.best, self.best_epoch, self.wait = numbers[0], int(numbers[1]), int(numbers[2])

    @diagnosed(check_run)
    def on_start(self, run: Run) -> None:
        """Follows what a resumed run has measured before."""
        self.reset()
        curve = run.history.epochs.get(self.monitor, [])
        if len(curve) == run.epoch:
            for epoch, value in enumerate(curve, 1):
                if not self.missing(run, epoch):
                    self.follow(value, epoch)
        elif self._key in run.history.memory:
            self.recall(run.history.memory[self._key])

    @diagnosed(check_run)
    def on_measured(self, run: Run) -> None:
        if self.missing(run, run.epoch):
            return
        if self.follow(self.value(run), run.epoch):
            self.improved(run)
        if not run.history.is_complete:
            run.history.memory[self._key] = self.numbers()

    def improved(self, run: Run) -> None:
        """After an epoch with a new best value."""


class EarlyStopping(_Monitor):
    """Stops when a measure no longer improves, and gives back the weights of its best epoch.

    Args:
        monitor: a name in the epoch's logs: "val_loss", "val_accuracy", "loss", …
        patience: training stops after so many epochs in a row without improvement, as in Keras; 0
            is the same as 1.
        min_delta: how much better counts as better, ≥ 0.
        mode: "min", "max", or None: "max" for what ends in accuracy, f1, roc_auc, r2 or
            another measure that is better when it is higher, else "min".
        restore_best: whether the weights of the best epoch are put back at the end. The state of
            layers goes with them; the optimizer's does not. Of several callbacks the last one's
            are. A resumed run goes on from the weights of its last step, and knows the best epoch
            before it; one that had stopped goes on only with more patience.

    Attributes:
        best: the best value; best_epoch: its epoch, from 1; wait: epochs without improvement.
    """

    @functools.partial(
        checked,
        elsewhere={
            "restore_best_weights": "Here it is called restore_best, and is True by default.",
            "start_from_epoch": "Train those epochs in a first call of fit, without it.",
            "baseline": "Compare history.epochs with it after fit.",
        },
    )
    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 0,
        min_delta: float = 0.0,
        mode: str | None = None,
        restore_best: bool = True,
    ):
        super().__init__(monitor, min_delta, mode)
        self.patience = integer("EarlyStopping", "patience", patience, 0)
        flag("EarlyStopping", "restore_best", restore_best)
        self.restore_best = restore_best

    @diagnosed(check_run)
    def on_start(self, run: Run) -> None:
        super().on_start(run)
        if self.restore_best and self.best_epoch not in run.kept:
            # Its weights are gone: what comes is compared among itself.
            self.reset()
        self.on_epoch(run)

    def improved(self, run: Run) -> None:
        if self.restore_best:
            several = [one for one in run.callbacks if isinstance(one, EarlyStopping)]
            run.keep({one.best_epoch for one in several})

    @diagnosed(check_run)
    def on_epoch(self, run: Run) -> None:
        if self.wait >= max(self.patience, 1):
            run.stop = True

    @diagnosed(check_run)
    def on_end(self, run: Run) -> None:
        if self.restore_best and self.best_epoch:
            run.restore(self.best_epoch)


class ReduceOnPlateau(_Monitor):
    """Multiplies the learning rate by `factor` whenever a measure no longer improves.

    The rule is Keras's ReduceLROnPlateau. What it does follows from the curve of the measure
    alone, so a resumed run goes on as if it had not been interrupted. Several of them multiply.

    Args:
        monitor: a name in the epoch's logs: "val_loss", "val_accuracy", "loss", …
        factor: in (0, 1).
        patience: epochs without improvement after which the rate falls, ≥ 1.
        min_delta: how much better counts as better, ≥ 0. Keras's default is 1e-4.
        mode: "min", "max", or None: "max" for what ends in accuracy, f1, roc_auc, r2 or
            another measure that is better when it is higher, else "min".
        lowest: the product of the factors never falls below this part of the rate. Keras's min_lr
            is a rate: lowest = min_lr / learning_rate.
        cooldown: epochs after a fall in which none is counted, ≥ 0.

    Attributes:
        scale: the product of the factors so far.
    """

    @functools.partial(
        checked,
        elsewhere={
            "min_lr": "Here the lower bound is a part of the rate: lowest=min_lr / learning_rate.",
            "min_rate": "Here the lower bound is a part of the rate: lowest=0.01 is 1 % of it.",
        },
    )
    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str | None = None,
        lowest: float = 0.0,
        cooldown: int = 0,
    ):
        where = "ReduceOnPlateau"
        self.factor = real(where, "factor", factor, 0, 1, open_low=True, open_high=True)
        self.patience = integer(where, "patience", patience, 1)
        self.lowest = real(where, "lowest", lowest, 0, 1)
        self.cooldown = integer(where, "cooldown", cooldown, 0)
        super().__init__(monitor, min_delta, mode)

    def reset(self) -> None:
        super().reset()
        self.scale, self._cooling = 1.0, 0

    def follow(self, value: float, epoch: int) -> bool:
        if self._cooling:
            self._cooling -= 1
            self.wait = 0
        before = self.wait
        better = super().follow(value, epoch)
        if self._cooling:
            self.wait = before
        elif self.wait >= self.patience:
            self.scale = max(self.scale * self.factor, self.lowest)
            self.wait, self._cooling = 0, self.cooldown
        return better

    def numbers(self) -> list[float]:
        return [*super().numbers(), self.scale, self._cooling]

    def recall(self, numbers: list[float]) -> None:
        super().recall(numbers)
        self.scale, self._cooling = numbers[3], int(numbers[4])

    @diagnosed(check_run)
    def on_start(self, run: Run) -> None:
        super().on_start(run)
        if self.scale < 1:
            self._set_rate(run)

    @diagnosed(check_run)
    def on_measured(self, run: Run) -> None:
        before = self.scale
        super().on_measured(run)
        if self.scale != before:
            self._set_rate(run)

    def _set_rate(self, run: Run) -> None:
        several = [one for one in run.callbacks if isinstance(one, ReduceOnPlateau)]
        run.rate_scale = math.prod(one.scale for one in several)


class StopBelow(Callback):
    """Stops at the end of the first epoch whose measure is at most `limit`.

    With metrics=["gradient_norm"] and batch_size="all", StopBelow("gradient_norm", 1e-5) is the
    stopping rule "the gradient is close to 0"; an epoch of several steps has the mean of theirs.

    Args:
        monitor: a name in the epoch's logs.
        limit: the value to reach.
    """

    @checked
    def __init__(self, monitor: str, limit: float):
        self._monitor = _Monitor(monitor, 0.0, None, "StopBelow")
        self.monitor, self.limit = monitor, real("StopBelow", "limit", limit)

    @diagnosed(check_run)
    def on_epoch(self, run: Run) -> None:
        if not self._monitor.missing(run, run.epoch) and self._monitor.value(run) <= self.limit:
            run.stop = True


class SwapAverages(Callback):
    """Validation measures the averages of the weights in the place of the weights.

    The averages are those of an optimizer such as Adam(average=0.99). Training goes on with the
    weights themselves, and the model ends with these: `model.set_weights(model.averages)` puts the
    averages in their place. EarlyStopping keeps, and gives back, the averages that were measured.

    Args:
        for_hooks: whether callbacks behind this one find the averages in the model as well, when
            their `on_epoch` is called.

    Source: Polyak and Juditsky, SIAM Journal on Control and Optimization 30 (1992).
    """

    reads_model = False
    every_step = False

    @checked
    def __init__(self, for_hooks: bool = False):
        flag("SwapAverages", "for_hooks", for_hooks)
        self.for_hooks = for_hooks

    @diagnosed(check_run)
    def on_start(self, run: Run) -> None:
        run.averages = True

    @diagnosed(check_run)
    def on_epoch(self, run: Run) -> None:
        if self.for_hooks:
            run.publish(averages=True)


class Checkpoint(Callback):
    """Saves the run every few seconds and at its end, so that a killed run resumes.

    Args:
        save: writes the model file, atomically.
        every: seconds between two saves; what a kill can cost.
        clock: gives the time; where several processes train, one for all. None, this process's.
    """

    every_step = False

    def __init__(
        self,
        save: Callable[[], None],
        every: float = 5.0,
        clock: Callable[[], float] | None = None,
    ):
        self.save, self.every, self.clock = save, every, clock or time.perf_counter
        self.last = 0.0

    def on_start(self, run: Run) -> None:
        self.last = self.clock()

    def on_step(self, run: Run) -> None:
        started = self.clock()
        if started - self.last < self.every:
            return
        run.publish()
        self.save()
        self.last = self.clock()
        run.history.add_seconds("checkpoint", self.last - started)

    def on_end(self, run: Run) -> None:
        self.save()
