"""One moment: a graph with the value and the gradient of every node.

In: a function at its arguments, or a training step with its state and its batch. Out: a `Moment`,
which everything else in this folder reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.core import forks, shapes
from pellucid.core.errors import ArgumentError, nearest
from pellucid.graph.node import Graph, Node
from pellucid.graph.printer import names as node_names
from pellucid.inspector.gradients import bound, with_every_gradient
from pellucid.ops.spec import Kind, lookup
from pellucid.runtime import interpreter
from pellucid.runtime.executor import check_inputs
from pellucid.transform.explainable import FunctionCall
from pellucid.viz.call import RESULT
from pellucid.viz.figures import computed
from pellucid.viz.phases import BACKWARD, FORWARD, INPUTS, UPDATE, Ends, Role, layer_of, roles

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Moment:
    """A graph at its arguments, forward and backward.

    Attributes:
        graph: of known sizes, without N.
        names: the name of each node.
        values: the value of each node.
        places: for each node that moves, the position of its gradient. One that stands behind the
            nodes of `own` is computed beside the step: the step adds up in another order there,
            or does not need it.
        ends: what the outputs are.
        own: how many nodes the graph has of its own; behind them stand gradients that it does not
            need itself.
        files: where the person's source may stand, beside the modules that are loaded.
        traced_at: the line that had the graph traced. Layers of the library have it; it says
            nothing of them.
        fixed: the nodes of a training step that belong to no row of the batch: weights, and what
            is computed over all rows.
    """

    graph: Graph
    names: list[str]
    values: list[Array]
    places: dict[int, int]
    ends: Ends
    own: int
    files: tuple[str, ...] = field(default=(), compare=False)
    traced_at: str = ""
    fixed: frozenset[int] = frozenset()

    @forks.cached_property
    def roles(self) -> list[Role]:
        """The phase and the layer of each node."""
        return roles(self.graph, self.ends)

    @property
    def end(self) -> str:
        """The name of what is differentiated."""
        return self.names[self.ends.objective] if self.ends.objective is not None else ""

    @forks.cached_property
    def gradients(self) -> dict[int, Array]:
        """∂end/∂n for each node n that moves."""
        return {n: self.values[place] for n, place in self.places.items()}

    @forks.cached_property
    def forward(self) -> list[int]:
        """The nodes of the forward pass in the order in which they are computed; no numbers."""
        return [n for n in range(self.own) if self.roles[n].phase == FORWARD and self._steps(n)]

    @forks.cached_property
    def backward(self) -> list[int]:
        """The nodes whose gradients are computed, in that order: from the objective back."""
        return sorted(self.places, reverse=True)

    def _steps(self, n: int) -> bool:
        node = self.graph.nodes[n]
        made = node.is_const or lookup(node.op).kind is Kind.CREATE
        return not made and (bool(node.inputs) or not node.is_input)

    @forks.cached_property
    def readers(self) -> list[list[int]]:
        """For each node, those that read it."""
        found: list[list[int]] = [[] for _ in self.graph.nodes]
        for n, node in enumerate(self.graph.nodes):
            for source in dict.fromkeys(node.inputs):
                found[source].append(n)
        return found

    @forks.cached_property
    def updates(self) -> dict[int, int]:
        """Of a training step: for each weight, an input, the position of its new value."""
        if not self.ends.step:
            return {}
        weights = [n for n in self.graph.inputs if self._input(n).startswith("params.")]
        return dict(zip(weights, self.graph.outputs, strict=False))

    def chain(self, weight: int) -> list[int]:
        """What computes the new value of a weight, from its gradient on; no numbers."""
        needed = self.graph.needed([self.updates[weight]])
        own = (n for n in range(self.own) if needed[n] and self.roles[n].phase == UPDATE)
        return [n for n in own if self._steps(n)]

    def _input(self, n: int) -> str:
        return str(self.graph.nodes[n].attr("name"))

    def find(self, name: str) -> int:
        """The position of a node by its name.

        Raises:
            ArgumentError: where no node has it.
        """
        if name not in self.names:
            known = [self.names[n] for n in (*self.graph.inputs, *self.forward)]
            raise ArgumentError("inspect", f"no node is called {name!r}", nearest(name, known))
        return self.names.index(name)

    def first_not_finite(self) -> int | None:
        """The first node whose value is not finite, where all numbers that went in are."""
        for n, value in enumerate(self.values[: self.own]):
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                return n
        return None


PHASES = (INPUTS, FORWARD, BACKWARD, UPDATE)


def of_function(call: FunctionCall, where: str = "inspect") -> Moment:
    """A function at its arguments, with the gradient of its float arguments if it has one."""
    found = computed(call, where)
    code = getattr(call.function, "__code__", None)
    files = () if code is None else (str(code.co_filename),)
    return Moment(
        found.graph, found.names, found.values, found.places, found.ends, found.forward, files
    )


@dataclass(frozen=True)
class StepGraph:
    """The graph of a training step with its gradients, for any number of rows.

    Args:
        whole: the graph of the step, first, and gradients that it leaves out behind it.
        own: how many nodes the step has.
        names: the name of each node.
    """

    whole: Graph
    own: int
    places: dict[int, int]
    ends: Ends
    names: list[str]

    @staticmethod
    def of(graph: Graph, ends: Ends, wrt: Sequence[int]) -> StepGraph:
        """
        Args:
            wrt: the weights that are trained.
        """
        assert ends.objective is not None
        whole, places = with_every_gradient(graph, wrt, ends.objective)
        names = _named(node_names(whole), whole, ends.objective, places)
        return StepGraph(whole, len(graph), places, ends, names)

    def at(self, inputs: Sequence[Any], traced_at: str = "") -> Moment:
        """The step with these inputs, node by node on the interpreter."""
        graph = bound(self.whole, check_inputs(self.whole, inputs))
        values = [np.asarray(value) for value in interpreter.step(graph, list(inputs))]
        return Moment(
            *(graph, self.names, values, self.places, self.ends, self.own),
            traced_at=traced_at,
            fixed=self.fixed,
        )

    @forks.cached_property
    def fixed(self) -> frozenset[int]:
        """The nodes without rows."""
        return frozenset(n for n, one in enumerate(self.whole.nodes) if not _by_rows(one))


def _by_rows(node: Node) -> bool:
    return shapes.has_batch(node.type.shape)


def _named(names: list[str], graph: Graph, end: int, places: dict[int, int]) -> list[str]:
    """Weights as in `model.weights`, the objective as J, gradients by what they are of."""
    result = [name.removeprefix("params.") for name in names]
    result[end] = RESULT
    for n, place in sorted(places.items()):
        if place != n and graph.nodes[place].inputs:
            result[place] = f"∂{result[n]}"
    taken: set[str] = set()
    for n in range(len(result)):
        while result[n] in taken:
            result[n] += "_"
        taken.add(result[n])
    return result


def sinks_of_gradients(graph: Graph, names: Sequence[str]) -> dict[int, str]:
    """Of a graph that ends in the gradients of these weights: the layer of each."""
    last = graph.outputs[len(graph.outputs) - len(names) :]
    return {place: layer_of(name) for place, name in zip(last, names, strict=True)}
