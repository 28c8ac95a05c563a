"""The interpreter as an executor: the reference, and what runs where machine code cannot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.core.signals import immediate
from pellucid.graph.node import Graph
from pellucid.runtime.executor import Array, Executor, Job, Kept, Pairs, finite
from pellucid.runtime.interpreter import Interpreter


class InterpreterTrainer:
    """Training steps one after the other."""

    steps_at_once = 1

    def __init__(self, job: Job, state: Sequence[Array]):
        self.job = job
        self._program = Interpreter(job.graph)
        self._state = self._previous = self._kept = list(state)
        self.seconds = np.inf

    def order(self, seed: int, epoch: int) -> Array:
        return self.job.order(seed, epoch)

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        job, done = self.job, []
        for start, rate in zip(range(0, len(rows), size), rates, strict=True):
            batch = job.batch(rows[start : start + size])
            if not finite(batch):
                break
            with immediate():  # the state is as before until the step is done
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

    def is_finite(self) -> bool:
        return finite(self._state[: self.job.params])

    def give_up(self, steps: int) -> None:
        before = self._previous
        enough = steps == 1 or finite(before[: self.job.params])
        self._state = before if enough else self._kept


class InterpreterExecutor:
    """Walks graphs with NumPy."""

    own_operations = True

    def prepare(self, graph: Graph, shared: Pairs = ()) -> Interpreter:
        return Interpreter(graph, shared=shared)

    def trainer(
        self, job: Job, state: Sequence[Array], threads: int, kept: Kept
    ) -> InterpreterTrainer:
        return InterpreterTrainer(job, state)


EXECUTOR: Executor = InterpreterExecutor()
