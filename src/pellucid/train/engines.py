"""What runs the steps: machine code, many at a time, or the interpreter, one after the other.

In: the step graph, its state and the data. Out: the measures of each step that was done. Both take
the same steps in the same order; time slices change nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from pellucid.compiler.program import Feed
from pellucid.core.dtypes import as_dtype
from pellucid.core.errors import CompileError
from pellucid.data.arrays import check_finite, gather
from pellucid.data.minibatch import ORDER, order
from pellucid.graph.node import Graph
from pellucid.runtime.backend import notice, prepared
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native
from pellucid.runtime.training import Training, readable
from pellucid.transform.custom import in_rows

Array = np.ndarray[Any, Any]
_REPLAYED = 1.0  # seconds of steps that are run again, at most, to find the last finite weights


@dataclass(frozen=True)
class Job:
    """A training run without its state.

    Args:
        graph: (state, step, seed, rate, fixed, x, y) → (state, step, measures).
        params: how many leaves of the state are weights.
        fixed: the seed first, then arrays that stay the same through the run; the rate stands
            between them.
        dtype: what x is converted to.
    """

    graph: Graph
    params: int
    fixed: list[Array]
    x: Array
    y: Array
    batch_size: int
    dtype: np.dtype[Any]

    @property
    def leaves(self) -> int:
        """How many arrays the state has, the step counter included."""
        return len(self.graph.inputs) - len(self.fixed) - 3

    def inputs(self, state: Sequence[Array], rate: float, x: Any, y: Any) -> list[Any]:
        """The inputs of one step."""
        seed, *rest = self.fixed
        return [*state, seed, np.asarray(rate, self.dtype), *rest, x, y]

    def check_batch(self, rows: Array) -> Array:
        """These rows of x, if all their numbers are finite.

        Raises:
            DataError: naming the first that is not, or that does not fit the dtype.
        """
        x = gather(self.x, rows, self.dtype, "x")
        check_finite(x, rows, "x")
        return x


class Engine(Protocol):
    """Runs steps."""

    steps_at_once: int  # the most that are worth a call

    def order(self, seed: int, epoch: int) -> Array:
        """The order of the rows in an epoch."""

    def run(self, rows: Array, rates: Array) -> Array:
        """A step for each batch of `rows`; its measures, (steps, measures).

        A step whose loss is not finite is the last one. So is the one before a batch that holds a
        number that is not finite: `check_batch` names it.
        """

    def state(self) -> list[Array]:
        """The state after the last step: arrays that no one else writes to."""

    def before_failure(self) -> list[Array]:
        """The state that the last step, whose loss was not finite, began with."""

    def give_up(self) -> None:
        """Goes back to the last finite weights after such a step."""


def _finite(arrays: Sequence[Array]) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays)


class Interpreted:
    """The interpreter: the reference, and what runs where machine code cannot."""

    steps_at_once = 1

    def __init__(self, job: Job, state: Sequence[Array]):
        self.job = job
        self._program = Interpreter(job.graph)
        self._state = self._previous = self._kept = list(state)

    def order(self, seed: int, epoch: int) -> Array:
        return order(len(self.job.x), seed, epoch, ORDER)

    def run(self, rows: Array, rates: Array) -> Array:
        job, done = self.job, []
        for start, rate in zip(range(0, len(rows), job.batch_size), rates, strict=True):
            chosen = rows[start : start + job.batch_size]
            x = gather(job.x, chosen, job.dtype, "x")
            if not np.isfinite(x).all():
                break
            outputs = self._program(job.inputs(self._state, float(rate), x, job.y[chosen]))
            measures = [float(value) for value in outputs[job.leaves :]]
            self._kept, self._previous = self._previous, self._state
            self._state = outputs[: job.leaves]
            done.append(measures)
            if not np.isfinite(measures[0]):
                break
        return np.array(done).reshape(len(done), len(job.graph.outputs) - job.leaves)

    def state(self) -> list[Array]:
        return self._state

    def before_failure(self) -> list[Array]:
        return self._previous

    def give_up(self) -> None:
        finite = _finite(self._previous[: self.job.params])
        self._state = self._previous if finite else self._kept


class Compiled:
    """Machine code. The weights live in its own memory and leave it by copy."""

    steps_at_once = 1 << 20

    def __init__(
        self, job: Job, state: Sequence[Array], threads: int, programs: dict[Feed, Native]
    ):
        self.job = job
        x = len(job.graph.inputs) - 2
        data = {x: readable(job.x), x + 1: readable(job.y)}
        feed = Feed(
            tuple((number, as_dtype(array.dtype, "fit")) for number, array in data.items()),
            (len(state) + 1,), tuple(range(len(state), len(job.graph.outputs))),
        )  # fmt: skip
        if feed not in programs:
            shared = [(i, i) for i in range(len(state))]
            programs[feed] = Native(job.graph, shared, feed=feed)
        inputs = job.inputs(state, 0.0, None, None)
        self._training = Training(programs[feed], inputs, data, job.batch_size, threads)
        self._start: list[Array] = []  # a state to go back to, and the steps done since
        self._since: list[tuple[Array, Array]] = []
        self._seconds = np.inf

    def order(self, seed: int, epoch: int) -> Array:
        return self._training.order(len(self.job.x), seed, epoch, ORDER)

    def run(self, rows: Array, rates: Array) -> Array:
        if self._seconds > _REPLAYED:
            self._start, self._since, self._seconds = self._training.state(), [], 0.0
        started = time.perf_counter()
        measures = self._training.run(rows, rates[:, None])
        self._seconds += time.perf_counter() - started
        self._since.append((rows, rates[: len(measures)]))
        return measures

    def state(self) -> list[Array]:
        return self._training.state()

    def before_failure(self) -> list[Array]:
        self._replay(1)
        return self._training.state()

    def give_up(self) -> None:
        if not _finite(self.state()[: self.job.params]):
            self._replay(2)

    def _replay(self, fewer: int) -> None:
        """Goes back to the state that `fewer` steps before the last one left."""
        self._training.restore(self._start)
        steps = sum(len(rates) for _, rates in self._since) - fewer
        for rows, rates in self._since:
            count = min(len(rates), steps)
            if count > 0:
                chosen = rows[: count * self.job.batch_size]
                self._training.run(chosen, rates[:count, None])
            steps -= count


def engine(
    job: Job,
    state: Sequence[Array],
    backend: str | None,
    threads: int,
    programs: dict[Feed, Native],
) -> Engine:
    """The engine that `backend` asks for; None is machine code where it can be had.

    Args:
        programs: machine code of earlier runs over the same graph; new code is put there.

    Raises:
        CompileError: where backend="native" cannot be had.
    """
    if backend == "interpreter":
        return Interpreted(job, state)
    try:
        return Compiled(replace(job, graph=prepared(job.graph, in_rows)), state, threads, programs)
    except CompileError as error:
        if backend == "native":
            raise
        notice("fit", error)
        return Interpreted(job, state)
