"""Machine code as an executor: calls of a graph, and training runs whose state it owns."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from pellucid.compiler.program import FEW_ROWS, MinibatchFeed
from pellucid.core.dtypes import as_dtype
from pellucid.core.signals import immediate
from pellucid.graph.node import Graph
from pellucid.runtime.executor import Array, Executor, Job, Kept, Pairs, finite
from pellucid.runtime.native import Native
from pellucid.runtime.threads import apart
from pellucid.runtime.training import Training, TrainingCode, readable

_SLOW = 0.1  # seconds of a step from which Ctrl-C is heard inside it
_REPLAYED = 1.0  # seconds of steps that are run again, at most, to find the last finite weights


def arrangement(
    job: Job, kept: int, data: Mapping[int, Array]
) -> tuple[list[tuple[int, int]], MinibatchFeed]:
    """The state pairs of a step, and what a run does around it.

    Args:
        kept: how many arrays the state has.
        data: the arrays that inputs are gathered from, by the input's number.
    """
    feed = MinibatchFeed(
        tuple((number, as_dtype(array.dtype, "fit")) for number, array in data.items()),
        (kept + 1,),
        tuple(range(kept, len(job.graph.outputs))),
        job.batch_size <= FEW_ROWS,
    )
    return [(i, i) for i in range(kept)], feed


def gathered(job: Job) -> dict[int, Array]:
    """The data of a run as native code reads them, by the number of the input."""
    first = len(job.graph.inputs) - len(job.data)
    return {first + i: readable(array) for i, array in enumerate(job.data)}


class NativeTrainer:
    """Machine code. The weights live in its own memory and leave it by copy."""

    steps_at_once = 1 << 20

    def __init__(self, job: Job, state: Sequence[Array], threads: int, kept: Kept):
        self.job = job
        data = gathered(job)
        shared, feed = arrangement(job, len(state), data)
        kinds = (feed.few, *(array.dtype for array in data.values()))
        if kinds not in kept:
            kept[kinds] = TrainingCode(job.graph, shared, feed)
        inputs = job.inputs(state, 0.0, [None] * len(data))
        self._native: TrainingCode = kept[kinds]
        self._batch = job.batch_size
        self._training = Training(self._native, inputs, data, self._batch, threads)
        self.seconds = self._native.seconds.get(self._batch) or self._native.guess(self._batch)
        self._cut = False  # whether Ctrl-C left the last step half done in the program's memory
        self._start = list(state)  # a state to go back to, and the steps done since
        self._room: list[Array] | None = None  # for such states, where no one else has them
        self._since: list[tuple[Array, Array, int]] = []
        self._marked: list[Array] | None = None
        self._seconds = 0.0

    def order(self, seed: int, epoch: int) -> Array:
        return self._training.order(self.job.rows, seed, epoch)

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        slow = self.seconds >= _SLOW
        if self._since and (slow or self._seconds > _REPLAYED):
            if self.is_finite():
                self._room = self._begin_from(self._training.state(self._room))
            else:  # the last finite weights stay at hand; the failure is near, Ctrl-C waits for it
                slow = False
        started = time.perf_counter()
        if slow:
            measures = self._run_or_leave(rows, rates, size)
        else:
            measures = self._training.run(rows, rates[:, None], size)
        self._seconds += time.perf_counter() - started
        self._since.append((rows, rates[: len(measures)], size))
        return measures

    def _run_or_leave(self, rows: Array, rates: Array, size: int) -> Array:
        """One step that Ctrl-C may cut short: the state before it is at hand."""
        assert len(rates) == 1 and not self._since
        self._cut = True
        with immediate():
            run = self._training.run
            measures = apart(lambda: run(rows, rates[:, None], size), self._training.stop)
        self._cut = False
        return measures

    def _begin_from(self, state: list[Array]) -> list[Array]:
        self._start, self._since, self._seconds = state, [], 0.0
        return state

    def state(self) -> list[Array]:
        if self._cut:
            return [array.copy() for array in self._start]
        return self._begin_from(self._training.state())

    def finish(self) -> list[Array]:
        if self._cut:
            return self._start
        self._begin_from([])
        self._room = None
        self._native.seconds[self._batch] = self.seconds
        return self._training.live()

    def mark(self) -> None:
        self._marked = self._training.state(self._marked)

    def go_back(self) -> None:
        assert self._marked is not None, "a state was marked"
        self._training.restore(self._begin_from(self._marked))
        self._marked = None

    def before_failure(self) -> list[Array]:
        self._replay(1)
        return self._training.state()

    def is_finite(self) -> bool:
        return finite(self._training.live()[: self.job.params])

    def give_up(self, steps: int) -> None:
        if not self.is_finite():
            self._replay(steps)

    def _replay(self, fewer: int) -> None:
        """Goes back to the state that `fewer` steps before the last one left, or to the start."""
        self._training.restore(self._start)
        steps = sum(len(rates) for _, rates, _ in self._since) - fewer
        for rows, rates, size in self._since:
            count = min(len(rates), steps)
            if count > 0:
                self._training.run(rows[: count * size], rates[:count, None], size)
            steps -= count


class NativeExecutor:
    """Compiles graphs."""

    own_operations = False

    def prepare(self, graph: Graph, shared: Pairs = ()) -> Native:
        return Native(graph, shared)

    def trainer(self, job: Job, state: Sequence[Array], threads: int, kept: Kept) -> NativeTrainer:
        return NativeTrainer(job, state, threads, kept)


EXECUTOR: Executor = NativeExecutor()
