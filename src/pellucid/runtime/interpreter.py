"""The reference executor: walks the graph and calls each row's forward on NumPy arrays.

In: a Graph and input arrays. Out: one array an output, and on request the value of every node.
A graph is prepared once for each number of rows N; intermediate arrays die after their last use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import ShapeError
from pellucid.graph.node import CONST, INPUT, Graph, pruned
from pellucid.ops.spec import lookup
from pellucid.runtime.executor import Pairs, check_inputs
from pellucid.runtime.extras import NUMPY

_PLANS_KEPT = 8  # numbers of rows a program remembers its attributes for


class Interpreter:
    """A graph made ready for calls. Safe to call from several threads."""

    releases_gil = False

    def __init__(self, graph: Graph, xp: Any = NUMPY, shared: Pairs = ()):
        self.graph = pruned(graph)
        self.shared = tuple(shared)
        self.xp = xp
        self._has_batch = self.graph.has_batch
        self._plans: dict[int | None, list[tuple[Any, ...]]] = {}

    def _plan(self, rows: int | None) -> list[tuple[Any, ...]]:
        plan = self._plans.get(rows)
        if plan is not None:
            return plan
        graph = self.graph
        last = graph.last_uses()
        dying: dict[int, list[int]] = {}
        for position, use in enumerate(last):
            if use < len(graph.nodes):
                dying.setdefault(use, []).append(position)
        plan = []
        for position, node in enumerate(graph.nodes):
            dead = tuple(dying.get(position, ()))
            if node.op == INPUT:
                continue
            if node.op == CONST:
                plan.append((position, graph.consts[node.attr("name")].array, None, {}, dead))
                continue
            attrs = dict(node.attrs)
            if rows is not None:
                attrs = {name: shapes.bind(value, rows) for name, value in attrs.items()}
            plan.append((position, lookup(node.op).forward, node.inputs, attrs, dead))
        if len(self._plans) >= _PLANS_KEPT:
            self._plans.clear()
        self._plans[rows] = plan
        return plan

    def brought(self, arrays: Sequence[Any]) -> list[Any]:
        """The same: calls run here."""
        return list(arrays)

    def repeat(self, arrays: Sequence[Any], threads: int) -> None:
        """No call is quicker than another."""

    def __call__(
        self, inputs: Sequence[Any], threads: int = 1, in_place: bool = False
    ) -> list[Any]:
        """The outputs for `inputs`, as arrays that share no memory with them.

        Args:
            threads: the work is done by one in any case.
            in_place: whether state is written over its old value, when all has gone well.
        """
        rows = check_inputs(self.graph, inputs)
        if rows is None and self._has_batch:
            raise ShapeError(
                "call", "the batch size N must come with an input, got none with a batch axis"
            )
        values: list[Any] = [None] * len(self.graph.nodes)
        for position, array in zip(self.graph.inputs, inputs, strict=True):
            values[position] = array
        xp = self.xp
        with np.errstate(all="ignore"):
            for position, forward, sources, attrs, dead in self._plan(rows):
                if sources is None:
                    values[position] = forward
                else:
                    values[position] = forward(xp, *[values[i] for i in sources], **attrs)
                for source in dead:
                    values[source] = None
        outputs = self._outputs(values, inputs)
        for number, output in self.shared if in_place else ():
            np.copyto(inputs[number], outputs[output])
            outputs[output] = inputs[number]
        return outputs

    def _outputs(self, values: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
        """Fresh arrays: a view of an input, a constant or another output is copied."""
        outputs = []
        taken = {id(array) for array in inputs}
        for position in self.graph.outputs:
            array = np.asarray(values[position])
            if array.base is not None or not array.flags.owndata or not array.flags.c_contiguous:
                array = np.array(array, order="C")
            elif id(array) in taken or self.graph.nodes[position].op == CONST:
                array = array.copy()
            taken.add(id(array))  # `outputs` keeps it alive, so that its id stays its own
            outputs.append(array)
        return outputs


def run(graph: Graph, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of `graph` for `inputs`."""
    return Interpreter(graph)(inputs)


def step(graph: Graph, inputs: Sequence[Any]) -> list[Any]:
    """The value of **every** node of `graph` for `inputs`, in execution order."""
    whole = Graph(graph.nodes, graph.inputs, tuple(range(len(graph.nodes))), graph.consts)
    return Interpreter(whole)(inputs)
