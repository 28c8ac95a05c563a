"""What runs the steps: machine code, many at a time, or the interpreter, one after the other.

In: the step graph, its state and the data. Out: the measures of each step that was done. Both take
the same steps in the same order; time slices change nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from pellucid.compiler.program import FEW_ROWS, Feed
from pellucid.core.dtypes import as_dtype
from pellucid.core.errors import CompileError
from pellucid.data.arrays import check_finite, gather_rows
from pellucid.data.minibatch import ORDER, order
from pellucid.graph.node import Graph
from pellucid.optim import Minimizer, Objective
from pellucid.runtime.backend import notice, prepared
from pellucid.runtime.executor import Program
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native
from pellucid.runtime.training import Training, readable
from pellucid.transform.custom import in_rows

Array = np.ndarray[Any, Any]
Programs = dict[tuple[Any, ...], Native]
OTHERS = "y", "sample_weight"
_REPLAYED = 1.0  # seconds of steps that are run again, at most, to find the last finite weights


@dataclass(frozen=True)
class Job:
    """A training run without its state.

    Args:
        graph: (state, step, seed, rate, fixed, x, others) → (state, step, measures).
        params: how many leaves of the state are weights.
        fixed: the seed first, then arrays that stay the same through the run; the rate stands
            between them.
        features: the rows of each input, converted to `dtype` as they are gathered.
        others: what is gathered as it is: y, and the weights of rows where they have some, named
            in OTHERS.
        batch_size: the most rows that a step takes.
    """

    graph: Graph
    params: int
    fixed: list[Array]
    features: tuple[Array, ...]
    others: tuple[Array, ...]
    batch_size: int
    dtype: np.dtype[Any]

    @property
    def data(self) -> tuple[Array, ...]:
        """All that is gathered, in the order of the graph's last inputs."""
        return *self.features, *self.others

    @property
    def rows(self) -> int:
        return len(self.features[0])

    @property
    def leaves(self) -> int:
        """How many arrays the state has, the step counter included."""
        return len(self.graph.inputs) - len(self.fixed) - 1 - len(self.data)

    def inputs(self, state: Sequence[Array], rate: float, batch: Sequence[Any]) -> list[Any]:
        """The inputs of one step."""
        seed, *rest = self.fixed
        return [*state, seed, np.asarray(rate, self.dtype), *rest, *batch]

    def batch(self, rows: Array) -> list[Array]:
        """These rows of the data."""
        features = [gather_rows(x, rows, self.dtype, "x") for x in self.features]
        return [*features, *(other[rows] for other in self.others)]

    def check_batch(self, rows: Array) -> list[Array]:
        """These rows of the data, if all their numbers are finite.

        Raises:
            DataError: naming the first that is not, or that does not fit the dtype.
        """
        batch, features = self.batch(rows), len(self.features)
        for x in batch[:features]:
            check_finite(x, rows, "x")
        for other, name in zip(batch[features:], OTHERS, strict=False):
            check_finite(other, rows, name)
        return batch


class Engine(Protocol):
    """Runs steps."""

    steps_at_once: int  # the most that are worth a call
    seconds: float  # that a step took last; infinite where that is not known yet

    def order(self, seed: int, epoch: int) -> Array:
        """The order of the rows in an epoch."""

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        """A step for each `size` of `rows`; its measures, (steps, measures).

        A step whose loss is not finite is the last one. So is the one before a batch that holds a
        number that is not finite: `check_batch` names it.
        """

    def state(self) -> list[Array]:
        """The state after the last step: arrays that no one else writes to."""

    def finish(self) -> list[Array]:
        """The same when no step follows: the engine's own arrays, not copies of them."""

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
        self.seconds = np.inf

    def order(self, seed: int, epoch: int) -> Array:
        return order(self.job.rows, seed, epoch, ORDER)

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        job, done = self.job, []
        for start, rate in zip(range(0, len(rows), size), rates, strict=True):
            batch = job.batch(rows[start : start + size])
            if not _finite(batch):
                break
            outputs = self._program(job.inputs(self._state, float(rate), batch))
            measures = [float(value) for value in outputs[job.leaves :]]
            self._kept, self._previous = self._previous, self._state
            self._state = outputs[: job.leaves]
            done.append(measures)
            if not np.isfinite(measures[0]):
                break
        return np.array(done).reshape(len(done), len(job.graph.outputs) - job.leaves)

    def state(self) -> list[Array]:
        return self._state

    finish = state

    def before_failure(self) -> list[Array]:
        return self._previous

    def give_up(self) -> None:
        finite = _finite(self._previous[: self.job.params])
        self._state = self._previous if finite else self._kept


class Compiled:
    """Machine code. The weights live in its own memory and leave it by copy."""

    steps_at_once = 1 << 20

    def __init__(self, job: Job, state: Sequence[Array], threads: int, programs: Programs):
        self.job = job
        first = len(job.graph.inputs) - len(job.data)
        data = {first + i: readable(array) for i, array in enumerate(job.data)}
        few = job.batch_size <= FEW_ROWS
        kinds = (few, *(array.dtype for array in data.values()))
        if kinds not in programs:
            feed = Feed(
                tuple((number, as_dtype(array.dtype, "fit")) for number, array in data.items()),
                (len(state) + 1,),
                tuple(range(len(state), len(job.graph.outputs))),
                few,
            )
            shared = [(i, i) for i in range(len(state))]
            programs[kinds] = Native(job.graph, shared, feed=feed)
        inputs = job.inputs(state, 0.0, [None] * len(data))
        self._native, self._batch = programs[kinds], job.batch_size
        self._training = Training(self._native, inputs, data, self._batch, threads)
        self.seconds = self._native.seconds.get(self._batch, np.inf)
        self._start = list(state)  # a state to go back to, and the steps done since
        self._room: list[Array] | None = None  # for such states, where no one else has them
        self._since: list[tuple[Array, Array, int]] = []
        self._seconds = 0.0

    def order(self, seed: int, epoch: int) -> Array:
        return self._training.order(self.job.rows, seed, epoch, ORDER)

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        if self._seconds > _REPLAYED:
            self._room = self._begin_from(self._training.state(self._room))
        started = time.perf_counter()
        measures = self._training.run(rows, rates[:, None], size)
        self._seconds += time.perf_counter() - started
        self._since.append((rows, rates[: len(measures)], size))
        return measures

    def _begin_from(self, state: list[Array]) -> list[Array]:
        self._start, self._since, self._seconds = state, [], 0.0
        return state

    def state(self) -> list[Array]:
        return self._begin_from(self._training.state())

    def finish(self) -> list[Array]:
        self._begin_from([])
        self._room = None
        self._native.seconds[self._batch] = self.seconds
        return self._training.live()

    def before_failure(self) -> list[Array]:
        self._replay(1)
        return self._training.state()

    def give_up(self) -> None:
        if not _finite(self._training.live()[: self.job.params]):
            self._replay(2)

    def _replay(self, fewer: int) -> None:
        """Goes back to the state that `fewer` steps before the last one left, or to the start."""
        self._training.restore(self._start)
        steps = sum(len(rates) for _, rates, _ in self._since) - fewer
        for rows, rates, size in self._since:
            count = min(len(rates), steps)
            if count > 0:
                self._training.run(rows[: count * size], rates[:count, None], size)
            steps -= count


class Driven:
    """A minimizer's steps: each evaluates compiled functions of the weights several times.

    Args:
        program: the program of "gradient", "value" or "product" (see `train/step.py`).
        free: which of the weights are trained.
    """

    steps_at_once = 1

    def __init__(
        self,
        job: Job,
        state: Sequence[Array],
        minimizer: Minimizer,
        program: Callable[[str], Program],
        free: Sequence[int],
    ):
        self.job, self.minimizer, self.program, self.free = job, minimizer, program, free
        self._state = self._previous = self._kept = list(state)
        self._sizes = [state[i].size for i in free]
        self.seconds = np.inf

    def order(self, seed: int, epoch: int) -> Array:
        return order(self.job.rows, seed, epoch, ORDER)

    def _flat(self, arrays: Sequence[Array], lead: int = 0) -> Array:
        """One of each trained weight as one float64 array, the axes after `lead` flattened."""
        parts = [array.reshape(*array.shape[:lead], -1) for array in arrays]
        return np.concatenate(parts, axis=-1, dtype=np.float64)

    def _apart(self, flat: Array) -> list[Array]:
        """`flat` in the shapes of the trained weights; what they cannot hold is rounded."""
        cuts = np.cumsum(self._sizes)[:-1]
        with np.errstate(over="ignore"):
            return [
                part.astype(self._state[i].dtype).reshape(*flat.shape[:-1], *self._state[i].shape)
                for i, part in zip(self.free, np.split(flat, cuts, axis=-1), strict=True)
            ]

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        done = []
        for start, rate in zip(range(0, len(rows), size), rates, strict=True):
            batch = self.job.batch(rows[start : start + size])
            if not _finite(batch):
                break
            done.append(self._step(batch, float(rate)))
            if not np.isfinite(done[-1][0]):
                break
        return np.array(done).reshape(len(done), -1)

    def _step(self, batch: Sequence[Array], rate: float) -> list[float]:
        """One step from here; its measures."""
        state, job = self._state, self.job
        inputs = job.inputs(state, rate, batch)

        def at(flat: Array) -> list[Any]:
            moved = list(inputs)
            for i, weight in zip(self.free, self._apart(flat), strict=True):
                moved[i] = weight
            return moved

        def value_at(flat: Array) -> float:
            return float(self.program("value")(at(flat))[0])

        def slope_at(flat: Array) -> tuple[float, Array]:
            outputs = self.program("gradient")(at(flat))
            return float(outputs[0]), self._flat(outputs[len(outputs) - len(self.free) :])

        def product(flat: Array) -> Array:
            return self._flat(self.program("product")([*inputs, *self._apart(flat)]))

        outputs = self.program("gradient")(inputs)
        slope = self._flat(outputs[len(outputs) - len(self.free) :])
        slots = job.params * len(self.minimizer.history)
        kept = len(state) - job.params - slots - 1  # the layers' state, then the step
        layers = outputs[len(outputs) - len(self.free) - kept : len(outputs) - len(self.free)]
        measures = [float(value) for value in outputs[: len(outputs) - len(self.free) - kept]]
        self._kept, self._previous = self._previous, state
        if not np.isfinite(measures[0]):
            return measures
        past = {}
        for k, name in enumerate(self.minimizer.history):
            own = state[job.params * (k + 1) : job.params * (k + 2)]
            past[name] = self._flat([own[i] for i in self.free], 1)
        objective = Objective(
            self._flat([state[i] for i in self.free]),
            measures[0],
            slope,
            value_at,
            slope_at,
            product,
        )
        step = int(state[-1])
        draw = np.random.Generator(np.random.Philox(key=[int(job.fixed[0]), step]))
        weights, after = self.minimizer.minimize_step(objective, past, rate, draw)
        new = list(state)
        for i, weight in zip(self.free, self._apart(weights), strict=True):
            new[i] = weight
        for k, name in enumerate(self.minimizer.history):
            for i, rows in zip(self.free, self._apart(after[name]), strict=True):
                new[job.params * (k + 1) + i] = rows
        new[job.params + slots : len(state) - 1] = layers
        new[-1] = np.asarray(step + 1, np.int64)
        self._state = new
        return measures

    def state(self) -> list[Array]:
        return self._state

    finish = state

    def before_failure(self) -> list[Array]:
        return self._previous

    def give_up(self) -> None:
        finite = _finite(self._previous[: self.job.params])
        self._state = self._previous if finite else self._kept


def engine(
    job: Job,
    state: Sequence[Array],
    backend: str | None,
    threads: int,
    programs: Programs,
) -> Engine:
    """The engine that `backend` asks for; None is machine code where it can be had.

    Args:
        programs: machine code of earlier runs over the same graph, by the dtypes of their data and
            whether their steps took few rows; new code is put there.

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
