"""What a run of ours tells the callbacks of Keras: its measures by Keras's names, and its hooks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pellucid.core.errors import DivergenceError
from pellucid.keras.callback import Callback, acts, hears, sees_batches
from pellucid.keras.callbacks import SwapEMAWeights, TerminateOnNaN
from pellucid.keras.session import hooked, settle
from pellucid.models import Model
from pellucid.models.streaming import running_measures
from pellucid.runtime.backend import check_backend
from pellucid.train.callback import Callback as Hooks
from pellucid.train.callback import Run

Logs = dict[str, float]


class Measures:
    """What the run of ours measures, in Keras's names.

    Args:
        metrics, losses: {name of ours: Keras's}; losses are those of several outputs.
        listed: the metrics' own names, in the order of compile.
    """

    def __init__(
        self, metrics: Mapping[str, str], losses: Mapping[str, str], listed: Sequence[str]
    ):
        self.metrics, self.losses = dict(metrics), dict(losses)
        known = {"loss": "loss", **self.losses, **self.metrics}
        order = sorted((keras, ours) for ours, keras in known.items())
        self._pairs = {
            prefix: [(prefix + keras, prefix + ours) for keras, ours in order]
            for prefix in ("", "val_")
        }
        self._ours = {keras: ours for ours, keras in known.items()}
        # In the order of evaluate, Keras's: by the metrics' own names, as often as they come; then
        # those that are called otherwise, such as by their output, sorted.
        every = set(self.metrics.values())
        own = [name for name in listed if name in every]
        self.names = ["loss", *self.losses.values(), *own, *sorted(every.difference(own))]

    def of(self, row: Mapping[str, float], prefix: str = "") -> Logs:
        """Keras's measures of a row of ours; those that begin with `prefix`, "" or "val_"."""
        if f"{prefix}loss" not in row:
            return {}
        return {keras: row[ours] for keras, ours in self._pairs[prefix]}

    def listed(self, row: Mapping[str, float]) -> Any:
        """The measures of a row of ours in the order of `names`; the number where it is one."""
        values = [row[self._ours[name]] for name in self.names]
        return values[0] if len(values) == 1 else values


class OneStep(Hooks):
    """Gives a run of one step the rate that was set on the optimizer."""

    reads_model = False
    every_step = False

    def __init__(self, rate_scale: float):
        self._scale = rate_scale

    def on_start(self, run: Any) -> None:
        run.rate_scale = self._scale


class Bridge(Hooks):
    """Calls Keras's hooks, and tells the run what they set on the model.

    The weights of the latest step are the engine's until a hook looks at them.

    Attributes:
        tests: measures validation behind an epoch batch by batch; None without any.
        apart: whether it does so behind each epoch, since callbacks have hooks of its batches; else
            the run measures validation, but for an epoch that a hook of a step ends.
        logs: of the latest epoch.
    """

    reads_model = False
    every_step = False

    def __init__(
        self,
        model: Any,
        callbacks: Sequence[Callback],
        measures: Measures,
        verbose: int,
    ):
        self.model, self.callbacks, self.measures = model, callbacks, measures
        self.verbose = verbose
        self.only_averages = not any(map(acts, callbacks))
        self.tests: Callable[[int], Logs] | None = None
        self.apart = False
        self.logs: Logs = {}
        self._run: Any = None  # the run that calls
        self._step, self._started = 0, 0.0

    def call(self, hook: str, *args: Any) -> None:
        """Calls a hook of all callbacks."""
        call(self.callbacks, hook, *args)

    def _publish(self) -> None:
        """Gives the model the weights of this step, where it does not have them."""
        run = self._run
        if self._step != run.step:
            self._step = run.step
            run.publish()

    def _hooked(self, run: Run, hooks: Callable[[Run], None]) -> None:
        """Calls hooks; whoever looks at the weights in one gets those of this step."""
        hooked(self._publish, hooks, run)
        scale = self.model.optimizer.scale
        if scale != run.rate_scale:
            run.rate_scale = scale
        if self.model.stop_training:
            run.stop = True

    def on_start(self, run: Run) -> None:
        self._run, self._step = run, run.step
        run.averages = any(isinstance(one, SwapEMAWeights) for one in self.callbacks)
        self._hooked(run, self._begin)

    def _begin(self, run: Run) -> None:
        self._started = time.perf_counter()
        self.call("on_epoch_begin", run.epoch, {})

    def on_epoch(self, run: Run) -> None:
        self._hooked(run, self._end)

    def _end(self, run: Run) -> None:
        logs = self.measures.of(run.logs)
        held = self.measures.of(run.logs, "val_")
        if self.apart:
            held = self._tested(run, run.epoch)
        elif held:
            self.call("on_test_begin", {})
            self.call("on_test_end", {k.removeprefix("val_"): v for k, v in held.items()})
        logs = self._both(logs, held)
        if self.verbose:
            seconds = time.perf_counter() - self._started
            shown = " - ".join([f"{name}: {value:.4f}" for name, value in logs.items()])
            print(f"Epoch {run.epoch}/{run.epochs} - {seconds:.0f}s - {shown}", flush=True)
        self._behind_epoch(run, run.epoch - 1, logs)
        if run.epoch < run.epochs and not self.model.stop_training:
            self._begin(run)

    def _tested(self, run: Run, epoch: int) -> Logs:
        """What validation gives behind an epoch."""
        assert self.tests is not None, "there are data for validation"
        if run.averages:  # which validation measures
            run.publish(averages=True)
            self._step = run.step
        held = {f"val_{name}": value for name, value in self.tests(epoch).items()}
        self._step = -1 if run.averages else self._step
        return held

    @staticmethod
    def _both(logs: Logs, held: Logs) -> Logs:
        """Logs in the order of Keras, where there is validation."""
        return dict(sorted((logs | held).items())) if held else logs

    def _behind_epoch(self, run: Run, epoch: int, logs: Logs) -> None:
        """Calls on_epoch_end of all; behind a swap the others find averages in the model."""
        self.logs, swapped = logs, False
        for one in self.callbacks:
            one.on_epoch_end(epoch, logs)
            if isinstance(one, SwapEMAWeights) and one.swap_on_epoch:
                run.publish(averages=True)
                self._step, swapped = run.step, True
        if swapped:
            self._step = -1  # who looks from here on gets the weights themselves

    def read(self, curves: Mapping[str, Sequence[float]], first: int) -> None:
        """Tells the callbacks what a run measured that they did not see."""
        for number in range(len(curves.get("loss", ()))):
            row = {name: values[number] for name, values in curves.items()}
            logs = self.measures.of(row)
            if not math.isnan(row.get("val_loss", math.nan)):
                logs = dict(sorted((logs | self.measures.of(row, "val_")).items()))
            self.logs = logs
            self.call("on_epoch_end", first + number, logs)


class StepBridge(Bridge):
    """One whose callbacks have hooks of single steps."""

    every_step = True

    def on_start(self, run: Run) -> None:
        # Those that hear of it, once: a small network's step is shorter than a few idle calls.
        self._before, self._behind = (
            [one for one in self.callbacks if hears(one, f"on_train_batch_{w}", f"on_batch_{w}")]
            for w in ("begin", "end")
        )
        super().on_start(run)

    def _begin(self, run: Run) -> None:
        super()._begin(run)
        self._seen = 0
        if not self.model.stop_training:
            self._begin_step(0)

    def _begin_step(self, batch: int) -> None:
        for one in self._before:
            one.on_train_batch_begin(batch, {})

    def on_step(self, run: Run) -> None:
        self._seen = run.batch
        self._hooked(run, self._stepped)

    def _stepped(self, run: Run) -> None:
        batch = run.batch
        if self._behind:
            logs = self.measures.of(run.logs)
            for one in self._behind:
                one.on_train_batch_end(batch - 1, logs)
        if self._before and not self.model.stop_training:
            total = run.steps_per_epoch
            if total is None or batch < total:
                self._begin_step(batch)

    def on_end(self, run: Run) -> None:
        if self._seen and run.batch and run.stop:  # a hook of a step ended the epoch
            self._hooked(run, self._cut)

    def _cut(self, run: Run) -> None:
        held = {} if self.tests is None else self._tested(run, run.epoch + 1)
        self._behind_epoch(run, run.epoch, self._both(self.measures.of(run.logs), held))


def call(callbacks: Sequence[Callback], hook: str, *args: Any) -> None:
    """Calls a hook of callbacks."""
    for one in callbacks:
        getattr(one, hook)(*args)


def announced(callbacks: Sequence[Callback], hook: str, batches: Iterable[Any]) -> Iterator[Any]:
    """Batches, with a hook before each."""
    for number, batch in enumerate(batches):
        call(callbacks, hook, number, {})
        yield batch


def tested(
    model: Any,
    network: Model,
    batches: Iterable[Any],
    callbacks: Sequence[Callback],
    measures: Measures,
) -> dict[str, float]:
    """A row of ours of batches in our form, with Keras's hooks around each and all of them."""
    call(callbacks, "on_test_begin", {})
    model.stop_evaluating = False
    settle()
    asked = check_backend("evaluate", None, None, None)
    batches = announced(callbacks, "on_test_batch_begin", batches)
    row: dict[str, float] = {}
    for number, row in enumerate(running_measures(network, batches, "evaluate", asked)):
        call(callbacks, "on_test_batch_end", number, measures.of(row))
        if model.stop_evaluating:
            break
    call(callbacks, "on_test_end", measures.of(row))
    return row


def bridge(
    model: Any,
    callbacks: Sequence[Callback],
    measures: Measures,
    verbose: int,
) -> Bridge:
    """What calls the hooks of these callbacks, those of steps where one has them."""
    kind = StepBridge if any(map(sees_batches, callbacks)) else Bridge
    return kind(model, callbacks, measures, verbose)


def run(callbacks: Sequence[Callback], train: Callable[[], Any]) -> bool:
    """Runs `train`; whether it came to its end.

    Raises:
        DivergenceError: where the loss is no longer finite, unless a TerminateOnNaN is there.
    """
    ends = [one for one in callbacks if isinstance(one, TerminateOnNaN)]
    try:
        train()
    except DivergenceError:
        if not ends or any(one.raise_error for one in ends):
            raise
        print("Invalid loss, terminating training")
        return False
    return True
