"""Machine code as an executor: calls of a graph, and training runs whose state it owns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pellucid.compiler.program import FEW_ROWS, MinibatchFeed
from pellucid.core.dtypes import as_dtype
from pellucid.graph.node import Graph
from pellucid.runtime.executor import Array, Executor, Job, Kept, Pairs, dtype_name, readable
from pellucid.runtime.native import Native
from pellucid.runtime.replay import ReplayTrainer
from pellucid.runtime.training import Training, TrainingCode


def arrangement(
    job: Job, kept: int, data: Mapping[int, Array]
) -> tuple[list[tuple[int, int]], MinibatchFeed]:
    """The state pairs of a step, and what a run does around it.

    Args:
        kept: how many arrays the state has.
        data: the arrays that inputs are gathered from, by the input's number.
    """
    feed = MinibatchFeed(
        tuple((number, as_dtype(dtype_name(array.dtype), "fit")) for number, array in data.items()),
        (kept + 1,),
        tuple(range(kept, len(job.graph.outputs))),
        job.batch_size <= FEW_ROWS,
    )
    return [(i, i) for i in range(kept)], feed


def gathered(job: Job) -> dict[int, Array]:
    """The data of a run as native code reads them, by the number of the input."""
    first = len(job.graph.inputs) - len(job.data)
    return {first + i: readable(array) for i, array in enumerate(job.data)}


class NativeTrainer(ReplayTrainer):
    """Machine code. The weights live in its own memory and leave it by copy."""

    def __init__(self, job: Job, state: Sequence[Array], threads: int, kept: Kept):
        data = gathered(job)
        shared, feed = arrangement(job, len(state), data)
        kinds = (feed.few, *(array.dtype for array in data.values()))
        if kinds not in kept:
            kept[kinds] = TrainingCode(job.graph, shared, feed)
        inputs = job.inputs(state, 0.0, [None] * len(data))
        self._native: TrainingCode = kept[kinds]
        self._batch = job.batch_size
        self._training = Training(self._native, inputs, data, self._batch, threads)
        seconds = self._native.seconds.get(self._batch) or self._native.guess(self._batch)
        super().__init__(job, state, self._training, seconds)

    def order(self, seed: int, epoch: int) -> Array:
        return self._training.order(self.job.rows, seed, epoch)

    def finish(self) -> list[Array]:
        if not self._cut:
            self._native.seconds[self._batch] = self.seconds
        return super().finish()


class NativeExecutor:
    """Compiles graphs."""

    own_operations = False

    def prepare(self, graph: Graph, shared: Pairs = ()) -> Native:
        return Native(graph, shared)

    def trainer(self, job: Job, state: Sequence[Array], threads: int, kept: Kept) -> NativeTrainer:
        return NativeTrainer(job, state, threads, kept)


EXECUTOR: Executor = NativeExecutor()
