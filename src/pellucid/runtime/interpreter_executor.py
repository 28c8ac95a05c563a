"""The interpreter as an executor: the reference, and what runs where machine code cannot."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.graph.node import Graph
from pellucid.runtime.executor import Array, Executor, Job, Kept, Pairs
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.stepwise import StepwiseTrainer, numbers


class InterpreterTrainer(StepwiseTrainer):
    """Training steps one after the other."""

    def __init__(self, job: Job, state: Sequence[Array]):
        super().__init__(job, state, job.graph.output_types[job.leaves :])
        self._program = Interpreter(job.graph)

    def step(self, batch: Sequence[Array], rate: float) -> tuple[list[float], list[Array]]:
        outputs = self._program(self.job.inputs(self._state, rate, batch))
        leaves = self.job.leaves
        return numbers(outputs[leaves:]), outputs[:leaves]


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
