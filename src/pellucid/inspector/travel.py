"""Time travel: the state before any step of a run, and that step node by node.

In: a model, data and the options of `fit`. The engine that trains runs the steps; states are kept
at even distances, and what lies between two of them is run again, which gives the same bits. How
many are kept is bounded: where there would be more, every second one goes.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core import forks
from pellucid.core.arguments import flag, integer
from pellucid.core.errors import ArgumentError, user_line
from pellucid.data.streams import is_stream
from pellucid.inspector.moment import Moment, StepGraph, sinks_of_gradients
from pellucid.inspector.recorded import Recorded, recorded
from pellucid.models import Model, fitting
from pellucid.models.data import Data
from pellucid.optim import BatchSize, Minimizer
from pellucid.runtime.backend import check_backend
from pellucid.runtime.executor import Trainer
from pellucid.runtime.threads import check as check_threads
from pellucid.train.callback import Callback, as_callbacks
from pellucid.train.state import RunState
from pellucid.viz.phases import Ends, ends_of

Array = np.ndarray[Any, Any]
MOST_STATES = 24  # kept at a time
MOST_BYTES = 512 << 20  # that they take together; two are kept in any case
_SLICE = 64  # steps a call of the engine
_MOST_EPOCHS = 100_000


@dataclass(frozen=True)
class Step:
    """Where a step stands in its run.

    Attributes:
        number: steps done before it in this run.
        epoch, batch: the same in epochs, and in steps of its epoch.
        rate: its learning rate.
        rows: the numbers of the rows of its batch.
    """

    number: int
    epoch: int
    batch: int
    rate: float
    rows: Array


class Travel:
    """The run that `model.fit(x, y, …)` with these options would make, from the weights of now.

    The model itself is not trained: it stays as it is, but for weights and slots that it did not
    have yet.

    Args:
        model: compiled.
        x, y, batch_size, epochs, sample_weight, class_weight, shuffle, seed, backend, threads: as
            in `fit`.
        callbacks, validation_data: as in `fit`. With callbacks the run is made once, whole, before
            anything is shown: what they set decides its rates and its end.
        most_states: how many states are kept at a time.

    Attributes:
        steps: how many steps the run has.
        backend: what runs them; None, the fastest.
        losses: the loss of each step that was run so far, by its number.
        failed: the step whose loss was not finite, the last one; None as far as is known.
    """

    def __init__(
        self,
        model: Model,
        x: Any,
        y: Any,
        *,
        batch_size: int | str | BatchSize | None = None,
        epochs: int = 1,
        sample_weight: Any = None,
        class_weight: Any = None,
        shuffle: bool = True,
        callbacks: Callback | Sequence[Callback] = (),
        validation_data: Any = None,
        seed: int = 0,
        backend: str | None = None,
        threads: int | None = None,
        most_states: int = MOST_STATES,
    ):
        optimizer = model.configuration("inspect").optimizer
        self.epochs = integer("inspect", "epochs", epochs, 1, _MOST_EPOCHS)
        self._most = integer("inspect", "most_states", most_states, 2)
        check_backend("inspect", backend)
        self.backend, self._threads = backend, check_threads("inspect", threads)
        flag("inspect", "shuffle", shuffle)
        if is_stream(x):
            raise ArgumentError(
                "inspect",
                "x must be arrays, whose rows any step can take again, got a stream: "
                f"{type(x).__name__}",
                "Give its batches as arrays x and y, with batch_size= and shuffle=False.",
            )
        data = Data.of(model, x, y, "inspect", sample_weight, class_weight)
        data = data.dense(model, "inspect")
        sizes = fitting.batch_sizes(batch_size, data.rows, optimizer)
        self.model, self.task = model, model.task(data.types, data.weight_types)
        self._progress = fitting.start(model, self.task, {}, seed, False)
        self.job = fitting.job(model, self.task, data, self._progress.seed, sizes.largest(epochs))
        self._optimizer, self._sizes = optimizer, sizes
        self._starts = self._begins(data.rows)
        self.steps = self._starts[-1]
        given = as_callbacks("inspect", callbacks)
        self._recorded: Recorded | None = None
        if given:
            options = {
                **{"batch_size": batch_size, "epochs": epochs, "sample_weight": sample_weight},
                **{"class_weight": class_weight, "shuffle": shuffle, "seed": seed},
                **{"validation_data": validation_data, "backend": backend, "threads": threads},
            }
            self._end_with(recorded(model, x, y, given, options))
        elif validation_data is not None:
            raise ArgumentError(
                "inspect",
                "validation_data is for callbacks, got it without any",
                "A step does not depend on it: leave it out.",
            )
        own = self._progress
        first = [*own.params, *own.slots, *own.state, np.asarray(own.step, np.int64)]
        self._kept = {0: [array.copy() for array in first]}
        self._every = 1
        seed, line = self._progress.seed, user_line() or ""
        self._order = functools.lru_cache(8)(
            lambda epoch: self.job.order(seed, epoch) if shuffle else np.arange(data.rows)
        )
        self._moment = functools.lru_cache(4)(
            lambda number: self.graph.at(self.inputs(number), line)
        )
        self.losses: dict[int, float] = {}
        self.failed: int | None = None

    def _begins(self, rows: int) -> list[int]:
        """For each epoch the number of its first step; the number of all steps behind them."""
        starts = [0]
        for epoch in range(self.epochs):
            starts.append(starts[-1] - (-rows // self._size(epoch)))
        return starts

    def _end_with(self, run: Recorded) -> None:
        """The run ends where its callbacks ended it, with the rates that they set."""
        if not run.steps:
            raise ArgumentError(
                "inspect", "a callback ends the run before its first step, got none"
            )
        self._recorded, self.steps = run, run.steps
        self._starts = [*(k for k in self._starts if k < run.steps), run.steps]
        self.epochs = len(self._starts) - 1

    def _size(self, epoch: int) -> int:
        return min(self._sizes.checked_size(epoch), self.job.rows)

    # -- where a step stands ----------------------------------------------------------------

    def step(self, number: int) -> Step:
        """The step with this number.

        Raises:
            ArgumentError: where the run has none.
        """
        integer("inspect", "step", number, 0, self.last)
        epoch = bisect.bisect_right(self._starts, number) - 1
        batch, size = number - self._starts[epoch], self._size(epoch)
        rows = self._order(epoch)[batch * size : (batch + 1) * size]
        return Step(number, epoch, batch, float(self._rates(number, 1)[0]), rows)

    @property
    def last(self) -> int:
        """The last step there is: that of the run, or the one that failed."""
        return self.steps - 1 if self.failed is None else self.failed

    def first_of(self, epoch: int) -> int:
        """The number of an epoch's first step."""
        return self._starts[epoch]

    def _rates(self, number: int, count: int) -> Array:
        rates = np.array(self._optimizer.rates(self._progress.step + number, count))
        return rates if self._recorded is None else rates * self._recorded.scale(number, count)

    # -- states -----------------------------------------------------------------------------

    def state(self, number: int) -> list[Array]:
        """Weights, slots, state of layers and the step counter before this step; not to be changed.

        The number of all steps stands for the end of the run.
        """
        if not 0 <= number <= self.steps:
            raise ArgumentError("inspect", f"step must be in [0, {self.steps}], got {number}")
        begin = max(one for one in self._kept if one <= number)
        return self._kept[begin] if begin == number else self._run(begin, number)

    def weights(self, number: int) -> dict[str, Array]:
        """The weights before this step, by name."""
        arrays = self.state(number)[: self.job.params]
        return dict(zip(self.model.weights, arrays, strict=True))

    def layer_state(self, number: int) -> list[Array]:
        """The state of the layers before this step, such as BatchNorm's means."""
        own = self._progress
        return self.state(number)[len(own.params) + len(own.slots) : -1]

    def _run(self, begin: int, end: int) -> list[Array]:
        """The state before step `end`, from that before `begin` on."""
        state = self._kept[begin]
        engine = self._engine(state)
        now = begin
        while now < end:
            epoch = bisect.bisect_right(self._starts, now) - 1
            size, batch = self._size(epoch), now - self._starts[epoch]
            stops = (end, self._starts[epoch + 1], (now // self._every + 1) * self._every)
            count = min(min(stops) - now, _SLICE)
            rows = self._order(epoch)[batch * size : (batch + count) * size]
            measures = engine.run(rows, self._rates(now, count), size)
            done = len(measures)
            for k, loss in enumerate(measures[:, 0].tolist()):
                self.losses[now + k] = loss
            if done and not np.isfinite(measures[-1, 0]):
                raise self._failed_at(now + done - 1)
            if done < count:
                self.job.check_batch(rows[done * size :])  # says which number is not finite
            now += count
            state = engine.state()
            if now % self._every == 0:
                self._keep(now, state)
        return state

    def _failed_at(self, number: int) -> ArgumentError:
        self.failed = number
        return ArgumentError(
            "inspect",
            f"the run ends at step {number}, whose loss is not finite, got a later one",
            f"Look at step {number}: the page names its first value that is not finite.",
        )

    def _engine(self, state: Sequence[Array]) -> Trainer:
        own = self._progress
        n, m = len(own.params), len(own.slots)
        copies = [array.copy() for array in state]
        progress = RunState(
            copies[:n],
            copies[n : n + m],
            copies[n + m : -1],
            seed=own.seed,
            step=int(copies[-1]),
        )
        return fitting.engine_of(
            self.model, self.task, self.job, progress, self.backend, self._threads
        )

    def _keep(self, number: int, state: list[Array]) -> None:
        if number in self._kept:
            return
        self._kept[number] = [array.copy() for array in state]
        bytes = sum(array.nbytes for array in state)
        most = max(2, min(self._most, MOST_BYTES // max(bytes, 1)))
        while len(self._kept) > most:
            self._every *= 2
            self._kept = {k: own for k, own in self._kept.items() if k % self._every == 0}

    @property
    def kept(self) -> list[int]:
        """The steps whose states are kept."""
        return sorted(self._kept)

    # -- steps, node by node ----------------------------------------------------------------

    @forks.cached_property
    def graph(self) -> StepGraph:
        """The graph of the step, with the gradients of all its nodes."""
        graph, free = self.job.graph, self.task.free
        ends = ends_of(graph)
        if isinstance(self._optimizer, Minimizer):  # its graph ends in the gradients
            names = [graph.input_names[i] for i in free]
            ends = Ends(graph.outputs[0], sinks_of_gradients(graph, names), layered=True)
        return StepGraph.of(graph, ends, [graph.inputs[i] for i in free])

    def moment(self, number: int) -> Moment:
        """The step node by node, on the interpreter: each value as its operation gives it."""
        return self._moment(number)

    def inputs(self, number: int) -> list[Array]:
        """What goes into a step."""
        step = self.step(number)
        return self.job.inputs(self.state(number), step.rate, self.job.batch(step.rows))
