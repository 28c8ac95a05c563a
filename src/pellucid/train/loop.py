"""The loop: shuffled minibatches go through the step graph; numbers come out.

A run is resumable at any step: everything that the next step depends on is in `Progress`, and the
order of the data is a function of (seed, epoch) alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.core.errors import DataError, DivergenceError
from pellucid.core.signals import held_back, let_through
from pellucid.graph.node import INPUT
from pellucid.optim.base import Optimizer
from pellucid.runtime.interpreter import step as step_through
from pellucid.train.callbacks import Callback
from pellucid.train.engines import Engine, Job
from pellucid.train.history import History

Array = np.ndarray[Any, Any]
Weights = tuple[list[Array], list[Array]]  # the parameters, and the state of layers
LAST = -1  # in the place of an epoch: the weights of the last step
_SLICE = 0.05  # seconds of steps between two looks at callbacks and Ctrl-C
_FIRST = 8  # steps before the pace is known


@dataclass
class Progress:
    """Everything the next step depends on, as flat lists of arrays and numbers.

    Args:
        step: steps done since the first.
        epoch: epochs done; batch: steps done in the current one.
        sums: what the current epoch's averages are made of, weighted by rows.
        kept: weights and state of earlier epochs that the run may end with. Where it did end with
            them, those of the last step stand under LAST, so that the run can go on from there.
    """

    params: list[Array]
    slots: list[Array]
    state: list[Array]
    seed: int
    step: int = 0
    epoch: int = 0
    batch: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    kept: dict[int, Weights] = field(default_factory=dict)


@dataclass
class Settings:
    """What stays the same through a run."""

    job: Job
    optimizer: Optimizer
    measure_names: list[str]  # "loss" and the metrics, in the graph's order
    epochs: int
    batch_size: Callable[[int], int]  # of an epoch
    validate_every: int | None = None


class Run:
    """One call of fit, as callbacks see it.

    Args:
        publish: gives the model what `progress` holds.
        watched: whether someone looks at the model at the end of each epoch.
    """

    def __init__(
        self,
        settings: Settings,
        progress: Progress,
        engine: Engine,
        history: History,
        validate: Callable[[Run], dict[str, float]] | None = None,
        callbacks: Sequence[Callback] = (),
        publish: Callable[[Progress], None] = lambda progress: None,
        watched: bool = True,
    ):
        self.settings, self.progress, self.history = settings, progress, history
        self.engine, self.validate, self.callbacks = engine, validate, callbacks
        self._publish, self._watched = publish, watched
        self.logs: dict[str, float] = {}
        self.stop = self._ended = False
        self.rate_scale = 1.0  # what the optimizer's rates are multiplied by
        self._validated: tuple[int, dict[str, float]] = (-1, {})
        self._slice = 1 if any(one.every_step for one in callbacks) else engine.steps_at_once
        self._pace = engine.seconds  # a step takes

    @property
    def step(self) -> int:
        return self.progress.step

    @property
    def epoch(self) -> int:
        return self.progress.epoch

    @property
    def batch(self) -> int:
        return self.progress.batch

    @property
    def epochs(self) -> int:
        return self.settings.epochs

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.settings.job.rows // self.batch_size)

    @property
    def batch_size(self) -> int:
        """Rows a step in this epoch."""
        return self.settings.batch_size(self.progress.epoch)

    def publish(self, last: bool = False) -> None:
        """Gives the model the arrays of the last whole step.

        Args:
            last: whether no step follows, so that none is copied.
        """
        progress = self.progress
        state = self.engine.finish() if last or self._ended else self.engine.state()
        self._ended = self._ended or last
        n, m = len(progress.params), len(progress.slots)
        progress.params, progress.slots = state[:n], state[n : n + m]
        progress.state = state[n + m : n + m + len(progress.state)]
        self._publish(progress)

    def keep(self, epochs: Collection[int]) -> None:
        """Keeps the weights and state of this epoch, and of no earlier one but `epochs`."""
        progress = self.progress
        held = {epoch: progress.kept[epoch] for epoch in epochs if epoch in progress.kept}
        progress.kept = held | {progress.epoch: (list(progress.params), list(progress.state))}

    def restore(self, epoch: int) -> None:
        """Gives the model other weights and state at the end: those of an epoch that was kept."""
        progress = self.progress
        if epoch not in progress.kept:
            return
        if epoch != progress.epoch or progress.batch:
            last = progress.params, progress.state
            progress.kept = {LAST: last, **progress.kept}  # the first one, where several restore
        params, state = progress.kept[epoch]
        progress.params, progress.state = [w.copy() for w in params], [s.copy() for s in state]
        self._publish(progress)

    def train(self) -> None:
        """Trains to the last epoch, or until a callback sets `stop`."""
        for callback in self.callbacks:
            callback.on_start(self)
        try:
            while self.progress.epoch < self.settings.epochs and not self.stop:
                self._epoch()
        finally:
            self.publish(last=True)
            for callback in self.callbacks:
                callback.on_end(self)

    def _epoch(self) -> None:
        progress, batch_size = self.progress, self.batch_size
        rows = self.engine.order(progress.seed, progress.epoch)
        while progress.batch < self.steps_per_epoch:
            start = progress.batch * batch_size
            with held_back():
                self._steps(rows[start : start + self._count() * batch_size])
            self._validate_on_step()
            for callback in self.callbacks:
                callback.on_step(self)
            if self.stop:
                return
        self.logs = self._averages()
        if self.validate is not None:
            self.logs |= self._validation()
        if self._watched:
            self.publish()
        with held_back():
            History.add(self.history.epochs, self.logs)
            progress.epoch, progress.batch, progress.sums = progress.epoch + 1, 0, {}
            for callback in self.callbacks:
                callback.on_measured(self)
            if self._watched:
                self._publish(progress)
        for callback in self.callbacks:
            callback.on_epoch(self)

    def _count(self) -> int:
        """How many steps the next call takes: what fits the slice, to where Python is needed."""
        fitting = int(_SLICE / self._pace) if np.isfinite(self._pace) else _FIRST
        count = min(self._slice, max(1, fitting))
        every = self.settings.validate_every
        if self.validate is not None and every:
            count = min(count, every - self.progress.step % every)
        return count

    def _validation(self) -> dict[str, float]:
        """Validation at this step, measured once even where an epoch ends on `validate_every`."""
        assert self.validate is not None
        if self._validated[0] != self.step:
            started = time.perf_counter()
            self.publish()
            values = self.validate(self)
            self._validated = (self.step, values)
            if self.history.validation.get("step", [])[-1:] != [self.step]:  # else a resumed run
                History.add(self.history.validation, {"step": self.step, **values})
            self.history.spend("validation", time.perf_counter() - started)
        return self._validated[1]

    def _averages(self) -> dict[str, float]:
        rows = self.progress.sums["rows"]
        return {name: self.progress.sums[name] / rows for name in self.settings.measure_names}

    def _steps(self, rows: Array) -> None:
        """A step for each batch of `rows`, and what they measured."""
        progress, size = self.progress, self.batch_size
        started = time.perf_counter()
        asked = -(-len(rows) // size)
        rates = np.array(self.settings.optimizer.rates(progress.step, asked)) * self.rate_scale
        measures = self.engine.run(rows, rates, size)
        diverged = len(measures) > 0 and not np.isfinite(measures[-1, 0])
        done = len(measures) - diverged
        if done:
            taken = np.minimum(len(rows) - np.arange(done) * size, size)
            self._record(measures[:done], taken)
            self._pace = self.engine.seconds = (time.perf_counter() - started) / done
        self.history.spend("step", time.perf_counter() - started)
        failed = rows[done * size : (done + 1) * size]
        if diverged:
            self._diverged(failed, float(rates[done]), float(measures[-1, 0]))
        if done < asked:
            self.settings.job.check_batch(failed)
            raise DataError(
                "fit",
                "x and y must stay as they are while they are trained on, got other numbers "
                f"in batch {progress.batch + 1} at a second look",
                "Give fit copies.",
            )

    def _validate_on_step(self) -> None:
        every = self.settings.validate_every
        if self.validate is not None and every and self.progress.step % every == 0:
            self._validation()

    def _record(self, measures: Array, rows: Array) -> None:
        """Adds steps to the curves and to the sums of the epoch, one after the other."""
        progress, names = self.progress, self.settings.measure_names
        numbers = range(progress.step + 1, progress.step + 1 + len(measures))
        self.history.steps.setdefault("step", []).extend(numbers)
        for name, values in zip(names, measures.T.tolist(), strict=True):
            self.history.steps.setdefault(name, []).extend(values)
        summed = ["rows", *names]
        table = np.empty((len(measures) + 1, len(summed)))
        table[0] = [progress.sums.get(name, 0.0) for name in summed]
        table[1:, 0] = rows
        np.multiply(measures, rows[:, None], out=table[1:, 1:])
        totals = np.add.accumulate(table)[-1].tolist()
        progress.sums = dict(zip(summed, totals, strict=True))
        progress.step += len(measures)
        progress.batch += len(measures)
        self.logs = self._averages()

    def _diverged(self, rows: Array, rate: float, loss: float) -> None:
        """Stops with the last finite weights, and names the first node that is not finite."""
        job, progress = self.settings.job, self.progress
        state = self.engine.before_failure()
        inputs = job.inputs(state, rate, job.check_batch(rows))
        self.engine.give_up()
        with let_through():  # the weights are those that the model keeps
            values = step_through(job.graph, inputs)
        first = "the loss"
        for node, value in zip(job.graph.nodes, values, strict=True):
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                name = f"{node.op} {node.attr('name')}" if node.op == INPUT else node.op
                first = f"{name} {node.type!r}" + (f" of {node.line}" if node.line else "")
                break
        raise DivergenceError(
            "fit",
            f"the loss must stay finite, got {loss} at step {progress.step + 1}; the first value "
            f"that is not finite is {first}",
            f"The model keeps its last finite weights. Lower the learning rate ({rate:g}) or "
            "scale the data.",
        )
