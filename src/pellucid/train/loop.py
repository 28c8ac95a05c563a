"""The loop: shuffled minibatches go through the step graph; numbers come out.

A run is resumable at any step: everything that the next step depends on is in `Progress`, and the
order of the data is a function of (seed, epoch) alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.core.errors import DivergenceError
from pellucid.data.arrays import check_finite, gather
from pellucid.data.minibatch import minibatches, order
from pellucid.graph.node import INPUT, Graph
from pellucid.optim.base import Optimizer
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.interpreter import step as step_through
from pellucid.train.callbacks import Callback
from pellucid.train.history import History

Array = np.ndarray[Any, Any]


@dataclass
class Progress:
    """Everything the next step depends on, as flat lists of arrays and numbers.

    Args:
        step: steps done since the first.
        epoch: epochs done; batch: steps done in the current one.
        sums: what the current epoch's averages are made of, weighted by rows.
    """

    params: list[Array]
    slots: list[Array]
    state: list[Array]
    seed: int
    step: int = 0
    epoch: int = 0
    batch: int = 0
    sums: dict[str, float] = field(default_factory=dict)


@dataclass
class Settings:
    """What stays the same through a run."""

    graph: Graph
    optimizer: Optimizer
    strengths: list[float]
    measure_names: list[str]  # "loss" and the metrics, in the graph's order
    batch_size: int
    epochs: int
    dtype: np.dtype[Any]
    validate_every: int | None = None


class Run:
    """One call of fit, as callbacks see it."""

    def __init__(
        self,
        settings: Settings,
        progress: Progress,
        x: Array,
        y: Array,
        history: History,
        validate: Callable[[Run], dict[str, float]] | None = None,
        callbacks: Sequence[Callback] = (),
        publish: Callable[[Progress], None] = lambda progress: None,
    ):
        self.settings, self.progress, self.history = settings, progress, history
        self.x, self.y = x, y
        self.validate, self.callbacks, self.publish = validate, callbacks, publish
        self.program = Interpreter(settings.graph)
        self.logs: dict[str, float] = {}
        self.stop = False
        self._validated: tuple[int, dict[str, float]] = (-1, {})
        self._previous: tuple[list[Array], list[Array], list[Array]] | None = None
        dtype = settings.dtype
        self._fixed = [np.asarray(value, dtype) for value in settings.strengths]
        self._seed = np.asarray(progress.seed, np.int64)

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
        return -(-len(self.x) // self.settings.batch_size)

    def train(self) -> None:
        """Trains to the last epoch, or until a callback sets `stop`."""
        for callback in self.callbacks:
            callback.on_start(self)
        try:
            while self.progress.epoch < self.settings.epochs and not self.stop:
                self._epoch()
        finally:
            self.publish(self.progress)
            for callback in self.callbacks:
                callback.on_end(self)

    def _epoch(self) -> None:
        progress, settings = self.progress, self.settings
        rows = order(len(self.x), progress.seed, progress.epoch)
        batches = minibatches(len(self.x), settings.batch_size, rows)
        for number, chosen in enumerate(batches):
            if number < progress.batch:
                continue
            self._step(chosen)
            for callback in self.callbacks:
                callback.on_step(self)
            if self.stop:
                return
        self.logs = self._averages()
        progress.epoch, progress.batch, progress.sums = progress.epoch + 1, 0, {}
        if self.validate is not None:
            self.logs |= self._validation()
        History.add(self.history.epochs, self.logs)
        self.publish(progress)
        for callback in self.callbacks:
            callback.on_epoch(self)

    def _validation(self) -> dict[str, float]:
        """Validation at this step, measured once even where an epoch ends on `validate_every`."""
        assert self.validate is not None
        if self._validated[0] != self.step:
            started = time.perf_counter()
            self.publish(self.progress)
            values = self.validate(self)
            self._validated = (self.step, values)
            History.add(self.history.validation, {"step": self.step, **values})
            self.history.spend("validation", time.perf_counter() - started)
        return self._validated[1]

    def _averages(self) -> dict[str, float]:
        rows = self.progress.sums["rows"]
        return {name: self.progress.sums[name] / rows for name in self.settings.measure_names}

    def _step(self, rows: Array) -> None:
        progress, settings = self.progress, self.settings
        started = time.perf_counter()
        x = gather(self.x, rows, settings.dtype, "x")
        y = self.y[rows]
        if progress.epoch == 0:
            check_finite(x, rows, "x")
        gathered = time.perf_counter()
        rate = settings.optimizer.rate(progress.step)
        inputs = [
            *progress.params, *progress.slots, *progress.state,
            np.asarray(progress.step, np.int64), self._seed, np.asarray(rate, settings.dtype),
            *self._fixed, x, y,
        ]  # fmt: skip
        outputs = self.program(inputs)
        n, m, k = len(progress.params), len(progress.slots), len(progress.state)
        measures = [float(value) for value in outputs[n + m + k + 1 :]]
        if not np.isfinite(measures[0]):
            self._diverged(inputs, measures[0])
        self._previous = (progress.params, progress.slots, progress.state)
        progress.params = outputs[:n]
        progress.slots = outputs[n : n + m]
        progress.state = outputs[n + m : n + m + k]
        progress.step += 1
        progress.batch += 1
        row = dict(zip(settings.measure_names, measures, strict=True))
        History.add(self.history.steps, {"step": progress.step, **row})
        sums = progress.sums
        sums["rows"] = sums.get("rows", 0.0) + len(rows)
        for name, value in row.items():
            sums[name] = sums.get(name, 0.0) + value * len(rows)
        self.logs = self._averages()
        self.history.spend("gather", gathered - started)
        self.history.spend("step", time.perf_counter() - gathered)
        every = settings.validate_every
        if self.validate is not None and every and progress.step % every == 0:
            self._validation()

    def _diverged(self, inputs: Sequence[Array], loss: float) -> None:
        """Stops with the last finite weights, and names the first node that is not finite."""
        progress = self.progress
        if self._previous is not None and not _finite(progress.params):
            progress.params, progress.slots, progress.state = self._previous
        graph = self.settings.graph
        values = step_through(graph, inputs)
        first = "the loss"
        for node, value in zip(graph.nodes, values, strict=True):
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                name = f"{node.op} {node.attr('name')}" if node.op == INPUT else node.op
                first = f"{name} {node.type!r}" + (f" of {node.line}" if node.line else "")
                break
        rate = self.settings.optimizer.rate(progress.step)
        raise DivergenceError(
            "fit",
            f"the loss must stay finite, got {loss} at step {progress.step + 1}; the first value "
            f"that is not finite is {first}",
            f"The model keeps its last finite weights. Lower the learning rate ({rate:g}) or "
            "scale the data.",
        )


def _finite(arrays: Sequence[Array]) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays)
