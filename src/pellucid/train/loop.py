"""The loop: shuffled minibatches go through the step graph; numbers come out.

A run is resumable at any step: everything that the next step depends on is in `RunState`, and the
order of the data is a function of (seed, epoch) alone. A stream is read again to where the run
stood.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.core.arguments import flag, real
from pellucid.core.errors import ArgumentError, DataError, DivergenceError
from pellucid.core.signals import deferred, immediate
from pellucid.runtime.executor import Trainer
from pellucid.train.callback import Callback, Run, hears_steps
from pellucid.train.engines import MinimizerTrainer
from pellucid.train.history import History, extend
from pellucid.train.rows import DrawnRows, Piece, Rows
from pellucid.train.state import LAST, RunState, Settings

Array = np.ndarray[Any, Any]
_SETTABLE = "A callback may set run.stop, run.rate_scale and run.averages."
_SLICE = 0.03  # seconds of steps between two looks at callbacks and Ctrl-C: 30 pictures a second
_FIRST = 8  # steps before their time is known
_TOGETHER = 16  # epochs that run in one go, at most: about what a stop costs to be taken back


class _Ran(NamedTuple):
    """The steps of an epoch, and what they measured."""

    piece: Piece
    rates: Array
    measures: Array


class TrainingRun:
    """One call of fit: a `Run` for callbacks.

    Args:
        rows: which rows each step takes.
        publish: gives the model what the state holds, or averages in the place of the weights;
            returns what it has as weights then.
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
        publish: Callable[[RunState, bool], list[Array]] = lambda state, averages: state.params,
        watched: bool = True,
        model: Any = None,
    ):
        self.model = model
        self.settings, self.state, self.history = settings, state, history
        self.engine, self.rows, self.validate, self.callbacks = engine, rows, validate, callbacks
        self._publish, self._watched = publish, watched
        self._first_step = self._published = state.step
        self.logs: dict[str, float] = {}
        self.measures: dict[str, float] = {}
        self.stop = self._finished = False
        self.rate_scale = 1.0  # what the optimizer's rates are multiplied by
        self.averages = False  # whether validation measures the averages of the weights
        self._validated: tuple[int, dict[str, float]] = (-1, {})
        self._last_steps: int | None = None  # of the epoch before
        self._slice = 1 if any(one.every_step for one in callbacks) else engine.steps_at_once
        # Whether no one looks at weights between epochs, so that several run in one go.
        self._unseen = validate is None and not watched and isinstance(rows, DrawnRows)
        self._unseen &= self._slice > 1 and all(
            one.only_averages and not hears_steps(one) for one in callbacks
        )
        self._unseen &= settings.steps_per_epoch is None and settings.job.group is None
        self._behind: list[_Ran] = []  # of the epochs in one go, those that are recorded
        self._ahead: list[_Ran] = []  # those that are not, the last one first
        self._most = 1  # epochs in one go: twice as many after each that is not taken back
        self._largest_rate = float(np.finfo(settings.job.dtype).max)
        self._sealed = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses what would be ignored, such as Keras's `stop_training`."""
        if name not in self.__dict__ and "_sealed" in self.__dict__:
            fix = "Write run.stop = True." if name == "stop_training" else _SETTABLE
            raise ArgumentError("callback", f"a run has no {name} that can be set", fix)
        if name == "averages":
            flag("callback", "averages", value)
            if value:
                self._check_averages()
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
        freq = self.settings.validation_freq
        due = epoch % freq == 0 if isinstance(freq, int) else epoch in freq
        return self.validate is not None and due

    @property
    def batch_size(self) -> int:
        """Rows a step in this epoch."""
        return self.settings.batch_size(self.state.epoch)

    def _check_averages(self) -> None:
        """Refuses averages where the optimizer makes none."""
        optimizer = self.settings.optimizer
        if getattr(optimizer, "average", None) is None:
            name = type(optimizer).__name__
            raise ArgumentError(
                "fit", f"the optimizer must make averages of the weights, got {name} without",
                f"Write {name}(…, average=0.99).",
            )  # fmt: skip

    def publish(self, last: bool = False, averages: bool = False) -> None:
        """Gives the model the arrays of the last whole step.

        Args:
            last: whether no step follows, so that none is copied.
            averages: whether the model gets the averages of the weights in their place, up to the
                next call; the run goes on with the weights.

        Raises:
            ArgumentError: for averages of an optimizer that makes none.
            DivergenceError: where its weights are not finite; the model has those before it.
        """
        if averages:
            self._check_averages()
        self._take_back()
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
        self._published = now.step
        self._publish(now, averages)
        if overflown:
            raise DivergenceError(
                "fit",
                f"the weights must stay finite, got others after step {now.step}",
                "The model keeps its last finite weights. Lower the learning rate or scale the "
                "data.",
            )

    def keep(self, epochs: Collection[int]) -> None:
        """Keeps the weights and state of this epoch, and of no earlier one but `epochs`.

        The weights are those that validation measures: their averages, where it measures these.
        """
        if self._published != self.step:  # where no one looks, they are the engine's alone
            self.publish()
        now, params = self.state, self.state.params
        if self.averages:
            params = [one.copy() for one in self._publish(now, True)]
            self._publish(now, False)
        held = {epoch: now.kept[epoch] for epoch in epochs if epoch in now.kept}
        now.kept = held | {now.epoch: (list(params), list(now.state))}

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
        self._publish(now, False)

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
                count = self._together()
                if count < 2 or not self._epochs(count):
                    self._epoch()
        except BaseException as error:
            first = error
        # Whatever came, the model gets its weights and every callback hears of the end.
        for end in [self._publish_last, *(self._end_of(one) for one in started)]:
            try:
                end()
            except BaseException as error:
                first = _joined(first, error)
        if first is not None:
            try:
                raise first
            finally:
                del first  # its traceback holds this frame, and so the data of the run

    def _publish_last(self) -> None:
        with deferred():  # a second Ctrl-C loses nothing either
            self.publish(last=True)

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
        if not now.batch:
            raise DataError(
                "fit",
                f"a stream must give a batch in each epoch, got none in epoch {now.epoch + 1}",
                "What gives its batches once is at its end: give the generator function, without "
                "calling it.",
            )
        self._last_steps = now.batch
        self.logs = self.settings.averages(now)
        if self.validates(now.epoch + 1):
            self.logs |= self._validation()
        if self._watched:
            self.publish()
        with deferred():
            self._end_epoch()
            if self._watched:
                self._publish(now, False)
        self._call("on_epoch")

    def _end_epoch(self) -> None:
        """Records the epoch that `logs` are of."""
        now = self.state
        extend(self.history, "epochs", {name: [value] for name, value in self.logs.items()})
        now.epoch, now.batch, now.sums, now.counted = now.epoch + 1, 0, {}, []
        self._call("on_measured")

    def _together(self) -> int:
        """How many epochs run in one go: what fits the slice, where no one looks between them."""
        steps = self.rows.steps(self.batch_size) if self._unseen and not self.state.batch else None
        if not steps:
            return 1
        self._most = min(2 * self._most, _TOGETHER)
        fitting = _SLICE / (steps * self.engine.seconds)
        return int(min(fitting, self._most, self.settings.epochs - self.state.epoch))

    def _epochs(self, count: int) -> bool:
        """Runs epochs in one go, and records each as if it had come alone; whether one was run.

        Behind a stop, or where the rates change, those that are not recorded are taken back. So is
        an epoch that fails: it is run again alone, which finds out why.
        """
        if not self.engine.is_finite():
            return False
        scale = self.rate_scale
        with deferred():
            self._run_ahead(self._planned(count))
            if not self._ahead:
                return False
            while self._ahead:
                ran = self._ahead.pop()
                self._behind.append(ran)
                self._record(ran.piece, ran.measures)
                self._last_steps = self.state.batch
                self._end_epoch()
                with immediate():  # as behind an epoch that is alone
                    self._call("on_epoch")
                if self.stop or self.rate_scale != scale:
                    self._take_back()
        return True

    def _planned(self, count: int) -> list[tuple[Piece, Array]]:
        """The rows and the rates of the next epochs."""
        now, pieces, step = self.state, [], 0
        for epoch in range(now.epoch, now.epoch + count):
            size = self.settings.batch_size(epoch)
            rows = self.rows.begin(now.seed, epoch, 0, size, self._forget)
            piece = rows.take(self.rows.steps(size) or 1)
            assert piece is not None, "an array has rows"
            pieces.append(piece)
            step += piece.steps
        try:
            rates = self._rates(now.step, step)
        except Exception:  # which comes again where its epoch is alone
            return []
        ends = np.cumsum([piece.steps for piece in pieces])
        return list(zip(pieces, np.split(rates, ends[:-1]), strict=True))

    def _run_ahead(self, planned: Sequence[tuple[Piece, Array]]) -> None:
        """Runs these epochs, up to one that fails."""
        started, done = time.perf_counter(), []
        self.engine.mark()
        for piece, rates in planned:
            measures = self.engine.run(piece.rows, rates, piece.size)
            done.append(_Ran(piece, rates, measures))
            if len(measures) < len(rates) or not math.isfinite(measures[-1, 0]):
                self._behind, self._ahead = done[:-1], [done.pop()]
                self._take_back()
                break
        self._behind, self._ahead = [], done[::-1]
        spent = time.perf_counter() - started
        self.history.add_seconds("step", spent)
        if done:
            steps = sum(len(ran.rates) for ran in done)
            self.engine.seconds = spent / steps

    def _take_back(self) -> None:
        """Takes back the epochs that have run and are not recorded."""
        if self._ahead:
            with deferred():
                self._ahead, self._most = [], 1
                self.engine.go_back()
                for piece, rates, _ in self._behind:
                    self.engine.run(piece.rows, rates, piece.size)

    def _count(self) -> int:
        """How many steps the next call takes: what fits the slice, to where Python is needed.

        None where the epoch has as many as it may have.
        """
        seconds = self.engine.seconds
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
            self.publish(averages=self.averages)
            values = self.validate(self)
            if self.averages:
                self._publish(self.state, False)
            self._validated = (self.step, values)
            if self.history.validated != self.step:  # else a resumed run
                self.history.add_validation({"step": self.step, **values})
            self.history.add_seconds("validation", time.perf_counter() - started)
        return self._validated[1]

    def _forget(self) -> None:
        """Makes sure that no step before this has to be taken again: its rows go."""
        if not self.engine.is_finite():
            self.publish()
        self.engine.state()

    def _steps(self, piece: Piece) -> None:
        """The steps of a piece, and what they measured."""
        (rows, size), now = piece, self.state
        started = time.perf_counter()
        asked = piece.steps
        rates = self._rates(now.step, asked)
        measures = self.engine.run(rows, rates, size)
        diverged = len(measures) > 0 and not math.isfinite(measures[-1, 0])
        done = len(measures) - diverged
        if done:
            self._record(piece, measures[:done])
            self.engine.seconds = (time.perf_counter() - started) / done
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

    def _rates(self, step: int, count: int) -> Array:
        """The learning rates of steps from `step` on."""
        scale = real("callback", "rate_scale", self.rate_scale, 0)
        rates = np.array(self.settings.optimizer.rates(step, count))
        rates *= scale
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

    def _record(self, piece: Piece, measures: Array) -> None:
        """Adds steps of a piece to the curves and to the sums of the epoch, one after the other."""
        rows = np.full(len(measures), piece.size)
        rows[-1] = min(len(piece.rows) - (len(rows) - 1) * piece.size, piece.size)
        now, names = self.state, self.settings.measure_names
        of_steps = measures[:, : len(names)]  # behind them are sums over rows
        columns: dict[str, Any] = dict(zip(names, of_steps.T, strict=True))
        columns = {"step": range(now.step + 1, now.step + 1 + len(measures)), **columns}
        extend(self.history, "steps", columns)
        self.measures = dict(zip(names, of_steps[-1].tolist(), strict=True))
        now.add(names, measures, rows)
        self.logs = self.settings.averages(now)

    def _diverged(self, rows: Array, rate: float, loss: float) -> None:
        """Stops with the last finite weights, and names the first node that is not finite."""
        job, now = self.settings.job, self.state
        state = self.engine.before_failure()
        inputs = job.inputs(state, rate, job.check_batch(rows))
        self.engine.give_up(2)
        with immediate():  # the weights are those that the model keeps
            first = job.first_not_finite(inputs)
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
