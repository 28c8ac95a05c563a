"""The loop: shuffled minibatches go through the step graph; numbers come out.

A run is resumable at any step: everything that the next step depends on is in `RunState`, and the
order of the data is a function of (seed, epoch) alone. A stream is read again to where the run
stood.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.core.arguments import real
from pellucid.core.errors import ArgumentError, DataError, DivergenceError
from pellucid.core.signals import deferred, immediate
from pellucid.graph.node import INPUT
from pellucid.optim.base import Optimizer
from pellucid.runtime.executor import Trainer
from pellucid.runtime.interpreter import step as step_through
from pellucid.train.callback import Callback, Run
from pellucid.train.engines import Job, MinimizerTrainer
from pellucid.train.history import History
from pellucid.train.rows import Piece, Rows

Array = np.ndarray[Any, Any]
Weights = tuple[list[Array], list[Array]]  # the parameters, and the state of layers
LAST = -1  # in the place of an epoch: the weights of the last step
_SETTABLE = "A callback may set run.stop and run.rate_scale."
_SLICE = 0.03  # seconds of steps between two looks at callbacks and Ctrl-C: 30 pictures a second
_FIRST = 8  # steps before their time is known


@dataclass
class RunState:
    """Everything the next step depends on, as flat lists of arrays and numbers.

    Args:
        step: steps done since the first.
        epoch: epochs done; batch: steps done in the current one.
        sums: what the current epoch's averages are made of, weighted by rows.
        kept: weights and state of earlier epochs that the run may end with. Where it did end with
            them, those of the last step stand under LAST, so that the run can go on from there.
        data: of a stream, what tells the data of the current epoch from others.
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
    data: str | None = None


@dataclass
class Settings:
    """What stays the same through a run."""

    job: Job
    optimizer: Optimizer
    measure_names: list[str]  # "loss" and the metrics, in the graph's order
    epochs: int
    batch_size: Callable[[int], int]  # of an epoch
    validate_every: int | None = None
    validation_freq: int = 1  # epochs from one validation to the next
    steps_per_epoch: int | None = None  # at most
    validation_names: tuple[str, ...] = ()


class TrainingRun:
    """One call of fit: a `Run` for callbacks.

    Args:
        rows: which rows each step takes.
        publish: gives the model what the state holds.
        watched: whether someone looks at the model at the end of each epoch.
        model: what is trained, for callbacks that show it.
    """

    def __init__(
        self,
        settings: Settings,
        state: RunState,
        engine: Trainer,
        rows: Rows,
        history: History,
        validate: Callable[[Run], dict[str, float]] | None = None,
        callbacks: Sequence[Callback] = (),
        publish: Callable[[RunState], None] = lambda state: None,
        watched: bool = True,
        model: Any = None,
    ):
        self.model = model
        self.settings, self.state, self.history = settings, state, history
        self.engine, self.rows, self.validate, self.callbacks = engine, rows, validate, callbacks
        self._publish, self._watched = publish, watched
        self._first_step = state.step
        self.logs: dict[str, float] = {}
        self.measures: dict[str, float] = {}
        self.stop = self._finished = False
        self.rate_scale = 1.0  # what the optimizer's rates are multiplied by
        self._validated: tuple[int, dict[str, float]] = (-1, {})
        self._last_steps: int | None = None  # of the epoch before
        self._slice = 1 if any(one.every_step for one in callbacks) else engine.steps_at_once
        self._step_seconds = engine.seconds
        self._largest_rate = float(np.finfo(settings.job.dtype).max)
        self._sealed = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses what would be ignored, such as Keras's `stop_training`."""
        if name not in self.__dict__ and "_sealed" in self.__dict__:
            fix = "Write run.stop = True." if name == "stop_training" else _SETTABLE
            raise ArgumentError("callback", f"a run has no {name} that can be set", fix)
        super().__setattr__(name, value)

    @property
    def data(self) -> tuple[Array, ...]:
        return self.settings.job.data

    @property
    def step(self) -> int:
        return self.state.step

    @property
    def epoch(self) -> int:
        return self.state.epoch

    @property
    def batch(self) -> int:
        return self.state.batch

    @property
    def epochs(self) -> int:
        return self.settings.epochs

    @property
    def evaluations(self) -> int:
        if isinstance(self.engine, MinimizerTrainer):
            return self.engine.evaluations
        return self.state.step - self._first_step

    @property
    def steps_per_epoch(self) -> int | None:
        known, most = self.rows.steps(self.batch_size), self.settings.steps_per_epoch
        if most is not None:
            return most if known is None else min(known, most)
        return known or self._last_steps

    @property
    def awaited(self) -> tuple[str, ...]:
        """What epochs with validation measure besides."""
        return () if self.validate is None else self.settings.validation_names

    def validates(self, epoch: int) -> bool:
        """Whether the epoch of this number, from 1, ends with validation."""
        return self.validate is not None and epoch % self.settings.validation_freq == 0

    @property
    def batch_size(self) -> int:
        """Rows a step in this epoch."""
        return self.settings.batch_size(self.state.epoch)

    def publish(self, last: bool = False) -> None:
        """Gives the model the arrays of the last whole step.

        Args:
            last: whether no step follows, so that none is copied.

        Raises:
            DivergenceError: where its weights are not finite; the model has those before it.
        """
        now = self.state
        # The loss of a step is that of the weights before it: those after it are looked at here.
        overflown = bool(self.measures) and not self._finished and not self.engine.is_finite()
        if overflown:
            self.engine.give_up(1)
        arrays = self.engine.finish() if last or self._finished else self.engine.state()
        self._finished = self._finished or last
        n, m = len(now.params), len(now.slots)
        now.params, now.slots = arrays[:n], arrays[n : n + m]
        now.state = arrays[n + m : n + m + len(now.state)]
        self._publish(now)
        if overflown:
            raise DivergenceError(
                "fit",
                f"the weights must stay finite, got others after step {now.step}",
                "The model keeps its last finite weights. Lower the learning rate or scale the "
                "data.",
            )

    def keep(self, epochs: Collection[int]) -> None:
        """Keeps the weights and state of this epoch, and of no earlier one but `epochs`."""
        now = self.state
        held = {epoch: now.kept[epoch] for epoch in epochs if epoch in now.kept}
        now.kept = held | {now.epoch: (list(now.params), list(now.state))}

    def restore(self, epoch: int) -> None:
        """Gives the model other weights and state at the end: those of an epoch that was kept."""
        now = self.state
        if epoch not in now.kept:
            return
        if epoch != now.epoch or now.batch:
            last = now.params, now.state
            now.kept = {LAST: last, **now.kept}  # the first one, where several restore
        params, state = now.kept[epoch]
        now.params, now.state = [w.copy() for w in params], [s.copy() for s in state]
        self._publish(now)

    @property
    def kept(self) -> Collection[int]:
        """Epochs whose weights are kept."""
        return self.state.kept

    def train(self) -> None:
        """Trains to the last epoch, or until a callback sets `stop`.

        Raises:
            BaseException: the first error of a step or a callback, with later ones as its notes.
        """
        started: list[Callback] = []
        first: BaseException | None = None
        try:
            for callback in self.callbacks:
                callback.on_start(self)
                started.append(callback)
            while self.state.epoch < self.settings.epochs and not self.stop:
                self._epoch()
        except BaseException as error:
            first = error
        # Whatever came, the model gets its weights and every callback hears of the end.
        for end in [lambda: self.publish(last=True), *(self._end_of(one) for one in started)]:
            try:
                end()
            except BaseException as error:
                first = _joined(first, error)
        if first is not None:
            try:
                raise first
            finally:
                del first  # its traceback holds this frame, and so the data of the run

    def _end_of(self, callback: Callback) -> Callable[[], None]:
        return lambda: callback.on_end(self)

    def _call(self, hook: str) -> None:
        """Calls a hook of all callbacks; one that raises leaves none of the others out."""
        first: BaseException | None = None
        for callback in self.callbacks:
            try:
                getattr(callback, hook)(self)
            except Exception as error:  # Ctrl-C is not waited with
                first = _joined(first, error)
        if first is not None:
            try:
                raise first
            finally:
                del first  # its traceback holds this frame, and so the data of the run

    def _epoch(self) -> None:
        now = self.state
        rows = self.rows.begin(now.seed, now.epoch, now.batch, self.batch_size, self._forget)
        now.data = self.rows.data
        try:
            while (count := self._count()) and (piece := rows.take(count)) is not None:
                with deferred():
                    self._steps(piece)
                self._validate_on_step()
                self._call("on_step")
                if self.stop:
                    return
        finally:
            self.rows.close()
        self._last_steps = now.batch
        if not now.batch:
            raise DataError(
                "fit",
                f"a stream must give a batch in each epoch, got none in epoch {now.epoch + 1}",
                "What gives its batches once is at its end: give the generator function, without "
                "calling it.",
            )
        self.logs = self._averages()
        if self.validates(now.epoch + 1):
            self.logs |= self._validation()
        if self._watched:
            self.publish()
        with deferred():
            self.history.add_epoch(self.logs)
            now.epoch, now.batch, now.sums = now.epoch + 1, 0, {}
            self._call("on_measured")
            if self._watched:
                self._publish(now)
        self._call("on_epoch")

    def _count(self) -> int:
        """How many steps the next call takes: what fits the slice, to where Python is needed.

        None where the epoch has as many as it may have.
        """
        seconds = self._step_seconds
        fitting = int(_SLICE / seconds) if math.isfinite(seconds) else _FIRST
        count = min(self._slice, max(1, fitting))
        every = self.settings.validate_every
        if self.validate is not None and every:
            count = min(count, every - self.state.step % every)
        most = self.settings.steps_per_epoch
        return count if most is None else min(count, most - self.state.batch)

    def _validation(self) -> dict[str, float]:
        """Validation at this step, measured once even where an epoch ends on `validate_every`."""
        assert self.validate is not None
        if self._validated[0] != self.step:
            started = time.perf_counter()
            self.publish()
            values = self.validate(self)
            self._validated = (self.step, values)
            if self.history.validated != self.step:  # else a resumed run
                self.history.add_validation({"step": self.step, **values})
            self.history.add_seconds("validation", time.perf_counter() - started)
        return self._validated[1]

    def _averages(self) -> dict[str, float]:
        rows = self.state.sums["rows"]
        return {name: self.state.sums[name] / rows for name in self.settings.measure_names}

    def _forget(self) -> None:
        """Makes sure that no step before this has to be taken again: its rows go."""
        if not self.engine.is_finite():
            self.publish()
        self.engine.state()

    def _steps(self, piece: Piece) -> None:
        """The steps of a piece, and what they measured."""
        (rows, size), now = piece, self.state
        started = time.perf_counter()
        asked = -(-len(rows) // size)
        rates = self._rates(asked)
        measures = self.engine.run(rows, rates, size)
        diverged = len(measures) > 0 and not math.isfinite(measures[-1, 0])
        done = len(measures) - diverged
        if done:
            taken = np.full(done, size)
            taken[-1] = min(len(rows) - (done - 1) * size, size)
            self._record(measures[:done], taken)
            self._step_seconds = self.engine.seconds = (time.perf_counter() - started) / done
        self.history.add_seconds("step", time.perf_counter() - started)
        failed = rows[done * size : (done + 1) * size]
        if diverged:
            self._diverged(failed, float(rates[done]), float(measures[-1, 0]))
        if done < asked:
            self.settings.job.check_batch(failed)
            raise DataError(
                "fit",
                "x and y must stay as they are while they are trained on, got other numbers "
                f"in batch {now.batch + 1} at a second look",
                "Give fit copies.",
            )

    def _rates(self, count: int) -> Array:
        """The learning rates of the next steps."""
        step = self.state.step
        scale = real("callback", "rate_scale", self.rate_scale, 0)
        rates = np.array(self.settings.optimizer.rates(step, count)) * scale
        if rates.max() > self._largest_rate:
            first = int(np.argmax(rates > self._largest_rate))
            raise ArgumentError(
                "fit",
                f"the learning rate must fit {self.settings.job.dtype}, got {rates[first]:g} at "
                f"step {step + first + 1}",
                "Lower it, or the schedule's growth.",
            )
        return rates

    def _validate_on_step(self) -> None:
        every = self.settings.validate_every
        if self.validate is not None and every and self.state.step % every == 0:
            self._validation()

    def _record(self, measures: Array, rows: Array) -> None:
        """Adds steps to the curves and to the sums of the epoch, one after the other."""
        now, names = self.state, self.settings.measure_names
        numbers = range(now.step + 1, now.step + 1 + len(measures))
        columns = dict(zip(names, measures.T, strict=True))
        self.history.add_steps({"step": numbers, **columns})
        self.measures = dict(zip(names, measures[-1].tolist(), strict=True))
        summed = ["rows", *names]
        table = np.empty((len(measures) + 1, len(summed)))
        table[0] = [now.sums.get(name, 0.0) for name in summed]
        table[1:, 0] = rows
        np.multiply(measures, rows[:, None], out=table[1:, 1:])
        totals = np.add.accumulate(table)[-1].tolist()
        now.sums = dict(zip(summed, totals, strict=True))
        now.step += len(measures)
        now.batch += len(measures)
        self.logs = self._averages()

    def _diverged(self, rows: Array, rate: float, loss: float) -> None:
        """Stops with the last finite weights, and names the first node that is not finite."""
        job, now = self.settings.job, self.state
        state = self.engine.before_failure()
        inputs = job.inputs(state, rate, job.check_batch(rows))
        self.engine.give_up(2)
        with immediate():  # the weights are those that the model keeps
            values = step_through(job.graph, inputs)
        first = "the loss"
        for node, value in zip(job.graph.nodes, values, strict=True):
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                name = f"{node.op} {node.attr('name')}" if node.op == INPUT else node.op
                first = f"{name} {node.type!r}" + (f" of {node.line}" if node.line else "")
                break
        raise DivergenceError(
            "fit",
            f"the loss must stay finite, got {loss} at step {now.step + 1}; the first value "
            f"that is not finite is {first}",
            f"The model keeps its last finite weights. Lower the learning rate ({rate:g}) or "
            "scale the data.",
        )


def _joined(first: BaseException | None, error: BaseException) -> BaseException:
    """The error that came first, with a later one as its note."""
    if first is None or first is error:
        return error
    first.add_note(f"After it came {type(error).__name__}: {error}")
    return first
