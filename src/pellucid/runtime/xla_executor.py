"""XLA as an executor: the rows' own forward, traced by JAX and compiled for a CPU, GPU or TPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.dtypes import float64
from pellucid.core.errors import ArgumentError, CompileError, ShapeError
from pellucid.graph.node import CONST, INPUT, Graph, pruned
from pellucid.ops.spec import lookup
from pellucid.runtime.executor import Array, Executor, Job, Kept, Pairs, Trainer, check_inputs
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.xla_convolution import convolutions
from pellucid.runtime.xla_device import Place, jnp, place
from pellucid.runtime.xla_mesh import SharedTrainer, mesh
from pellucid.runtime.xla_namespace import Namespace
from pellucid.runtime.xla_training import XlaTrainer

_PROGRAMS_KEPT = 64  # numbers of rows that a graph keeps machine code for


class Traced:
    """A graph as a function that JAX can trace: for any number of rows, which it then knows.

    Args:
        convolves: whether products over windows are given to XLA as convolutions.
    """

    def __init__(self, graph: Graph, precision: str | None, convolves: bool):
        self.graph = pruned(graph)
        self._precision = precision
        nodes = self.graph.nodes
        self._consts = {
            n: self.graph.consts[node.attr("name")].array
            for n, node in enumerate(nodes)
            if node.op == CONST
        }
        self._convolutions = convolutions(self.graph) if convolves else {}
        if precision is not None and any(
            node.op == "contract" and node.type.dtype is float64 for node in nodes
        ):
            raise ArgumentError(
                "xla",
                f"precision={precision!r} is of products in float32, got a graph of float64",
                "Leave it out, or use float32.",
            )

    def __call__(self, inputs: Sequence[Any], rows: int | None) -> tuple[list[Any], Any]:
        """The outputs, and whether a row refused its numbers: values of the trace."""
        xp = Namespace(self._precision)
        graph = self.graph
        values: list[Any] = [None] * len(graph.nodes)
        for position, array in zip(graph.inputs, inputs, strict=True):
            values[position] = array
        for position, node in enumerate(graph.nodes):
            if node.op == INPUT:
                continue
            if node.op == CONST:
                values[position] = jnp.asarray(self._consts[position])
                continue
            attrs = dict(node.attrs)
            if rows is not None:
                attrs = {name: shapes.bind(value, rows) for name, value in attrs.items()}
            if position in self._convolutions:
                values[position] = self._convolutions[position](xp, values)
                continue
            sources = [values[i] for i in node.inputs]
            values[position] = lookup(node.op).forward(xp, *sources, **attrs)
        refused = jnp.zeros((), bool)
        for one in xp.refused:
            refused = refused | one
        return [values[i] for i in graph.outputs], refused


class XlaProgram:
    """A graph made ready for calls on a device. Safe to call from several threads."""

    releases_gil = False  # XLA has threads of its own

    def __init__(self, graph: Graph, shared: Pairs, at: Place, precision: str | None):
        self._traced = Traced(graph, precision, at.convolves)
        self.graph = self._traced.graph
        self.shared = tuple(shared)
        self._place = at
        self._has_batch = self.graph.has_batch
        self._programs: dict[tuple[int | None, bool], Any] = {}

    def brought(self, arrays: Sequence[Any]) -> list[Any]:
        """On the device."""
        with self._place.ours():
            return [self._place.put(array) for array in arrays]

    def repeat(self, arrays: Sequence[Any], threads: int) -> None:
        """No call is quicker than another."""

    def __call__(
        self, inputs: Sequence[Any], threads: int = 1, in_place: bool = False
    ) -> list[Array]:
        rows = check_inputs(self.graph, inputs)
        if rows is None and self._has_batch:
            raise ShapeError(
                "call", "the batch size N must come with an input, got none with a batch axis"
            )
        at = self._place
        with at.ours():
            program = self._program(rows, threads)
            found, refused = program([at.put(array) for array in inputs])
            failed = bool(refused)
            outputs = [np.array(one) for one in found]
        if failed:
            explain(self.graph, inputs)
        for number, output in self.shared if in_place else ():
            np.copyto(inputs[number], outputs[output])
            outputs[output] = inputs[number]
        return outputs

    def _program(self, rows: int | None, threads: int) -> Any:
        key = rows, threads == 1
        program = self._programs.get(key)
        if program is None:
            at = self._place
            types = [
                at.shaped(
                    shapes.bind(type.shape, rows or 0),
                    numpy_dtype(type.dtype),
                )
                for type in self.graph.input_types
            ]
            program = at.compiled(lambda given: self._traced(given, rows), [types], threads)
            if len(self._programs) >= _PROGRAMS_KEPT:
                self._programs.clear()
            self._programs[key] = program
        return program


def explain(graph: Graph, inputs: Sequence[Any]) -> None:
    """Raises what a row refused, as the interpreter says it."""
    Interpreter(graph)([np.asarray(array) for array in inputs])
    raise CompileError(
        "xla",
        "the interpreter refuses nothing where XLA does",
        "This is a mistake of the executor's. Run it with backend='interpreter'.",
    )


class XlaExecutor:
    """Hands graphs to XLA.

    Args:
        device: as JAX names it; None, the one that it would take.
        precision: of products in float32: None or "bfloat16".
    """

    own_operations = False

    def __init__(self, device: str | None = None, precision: str | None = None):
        self._device, self._precision = device, precision

    def on(self, device: str | None, precision: str | None) -> Executor:
        """The same on a device, with products of a precision."""
        return _executor(device, precision)

    def prepare(self, graph: Graph, shared: Pairs = ()) -> XlaProgram:
        return XlaProgram(graph, shared, place(self._device), self._precision)

    def trainer(self, job: Job, state: Sequence[Array], threads: int, kept: Kept) -> Trainer:
        def traced() -> Callable[..., Any]:
            return Traced(job.graph, self._precision, at.convolves)

        key = "xla", self._device, self._precision, job.group is None
        own = kept.setdefault(key, {})
        if job.group is None:
            at = place(self._device)
            return XlaTrainer(job, state, threads, own, at, traced)
        at = several = mesh(self._device)
        return SharedTrainer(job, state, threads, own, several, traced)


@lru_cache
def _executor(device: str | None, precision: str | None) -> XlaExecutor:
    return XlaExecutor(device, precision)


EXECUTOR: Executor = XlaExecutor()
