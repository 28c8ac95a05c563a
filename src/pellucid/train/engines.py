"""What a training run is, and what runs its steps.

In: the step graph, its state and the data. Out: the measures of each step that was done. Executors
take the same steps in the same order; time slices change nothing. A minimizer takes its own steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.data.arrays import check_finite, gather_rows
from pellucid.data.minibatch import order
from pellucid.graph.node import INPUT, Graph
from pellucid.optim import Minimizer, Objective
from pellucid.runtime import backend as backends
from pellucid.runtime.backend import Asked
from pellucid.runtime.executor import Executable, Kept, Trainer
from pellucid.runtime.group import Group
from pellucid.runtime.interpreter import step as step_through
from pellucid.runtime.stepwise import StepwiseTrainer, numbers
from pellucid.transform.custom import in_rows

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Job:
    """A training run without its state.

    Args:
        graph: (state, step, seed, rate, fixed, x, others) → (state, step, measures).
        params: how many leaves of the state are weights.
        fixed: the seed first, then arrays that stay the same through the run; the rate stands
            between them.
        features: the rows of each input, converted to `dtype` as they are gathered.
        others: what is gathered as it is: targets, and weights of rows.
        feature_names, other_names: what messages call each of them.
        batch_size: the most rows that a step takes.
        moving: whether rows are written over while the run goes on, as those of a window are.
        group: the processes that run it together; None, this one alone.
    """

    graph: Graph
    params: int
    fixed: list[Array]
    features: tuple[Array, ...]
    others: tuple[Array, ...]
    batch_size: int
    dtype: np.dtype[Any]
    feature_names: tuple[str, ...] = ("x",)
    other_names: tuple[str, ...] = ("y", "sample_weight")
    moving: bool = False
    group: Group | None = None

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
        features = [
            gather_rows(x, rows, self.dtype, self._feature_name(n))
            for n, x in enumerate(self.features)
        ]
        return [*features, *(other[rows] for other in self.others)]

    def order(self, seed: int, epoch: int) -> Array:
        """The order of the rows in an epoch."""
        return order(self.rows, seed, epoch)

    def over(self, graph: Graph) -> Job:
        """The same run of another graph that computes the same."""
        return self if graph is self.graph else replace(self, graph=graph)

    def _feature_name(self, number: int) -> str:
        return self.feature_names[min(number, len(self.feature_names) - 1)]

    def first_not_finite(self, inputs: Sequence[Any]) -> str:
        """The first value of a step, node by node, that is not finite."""
        for node, value in zip(self.graph.nodes, step_through(self.graph, inputs), strict=True):
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                name = f"{node.op} {node.attr('name')}" if node.op == INPUT else node.op
                return f"{name} {node.type!r}" + (f" of {node.line}" if node.line else "")
        return "the loss"

    def check_batch(self, rows: Array) -> list[Array]:
        """These rows of the data, if all their numbers are finite.

        Raises:
            DataError: naming the first that is not, or that does not fit the dtype.
        """
        batch, features = self.batch(rows), len(self.features)
        for n, x in enumerate(batch[:features]):
            check_finite(x, rows, self._feature_name(n))
        for other, name in zip(batch[features:], self.other_names, strict=False):
            check_finite(other, rows, name)
        return batch


class MinimizerTrainer(StepwiseTrainer):
    """A minimizer's steps: each evaluates compiled functions of the weights several times.

    Args:
        program: the program of "gradient", "value" or "product" (see `train/step.py`).
        free: which of the weights are trained.
    """

    job: Job

    def __init__(
        self,
        job: Job,
        state: Sequence[Array],
        minimizer: Minimizer,
        program: Callable[[str], Executable],
        free: Sequence[int],
    ):
        slots = job.params * len(minimizer.history)
        self._layers = len(state) - job.params - slots - 1  # how many arrays their state has
        # The graph gives the objective and the metrics, then the layers' state and the gradients.
        self._measured = len(job.graph.outputs) - self._layers - len(free)
        super().__init__(job, state, job.graph.output_types[: self._measured])
        self.minimizer, self.program, self.free = minimizer, program, free
        self._sizes = [state[i].size for i in free]
        self.evaluations = 0  # of the objective, with its gradient or without

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

    def step(self, batch: Sequence[Array], rate: float) -> tuple[list[float], list[Array]]:
        state, job = self._state, self.job
        inputs = job.inputs(state, rate, batch)

        def at(flat: Array) -> list[Any]:
            moved = list(inputs)
            for i, weight in zip(self.free, self._apart(flat), strict=True):
                moved[i] = weight
            return moved

        def value_at(flat: Array) -> float:
            self.evaluations += 1
            return float(self.program("value")(at(flat))[0])

        def slope_at(flat: Array) -> tuple[float, Array]:
            self.evaluations += 1
            outputs = self.program("gradient")(at(flat))
            return float(outputs[0]), self._flat(outputs[len(outputs) - len(self.free) :])

        def product(flat: Array) -> Array:
            return self._flat(self.program("product")([*inputs, *self._apart(flat)]))

        self.evaluations += 1
        outputs = self.program("gradient")(inputs)
        measures = numbers(outputs[: self._measured])
        layers = outputs[self._measured : self._measured + self._layers]
        slope = self._flat(outputs[self._measured + self._layers :])
        if not np.isfinite(measures[0]):
            return measures, state
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
        new[len(state) - 1 - self._layers : len(state) - 1] = layers
        new[-1] = np.asarray(step + 1, np.int64)
        return measures, new


def engine(job: Job, state: Sequence[Array], backend: Asked, threads: int, kept: Kept) -> Trainer:
    """What runs the steps of `job` on the backend that was asked for.

    Args:
        kept: code of earlier runs over the same graph; more is put there.

    Raises:
        CompileError: where that backend cannot be had.
    """
    return backends.trainer(job, state, backend, threads, kept, in_rows)
