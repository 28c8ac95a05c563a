"""The gradient of every node that the objective is made of, within the graph of a training step.

In: a graph that may hold its own backward pass, as a training step does. Out: the same graph, and
where the gradient of each node stands in it. The rules of reverse mode are run once more with
sharing on: what the step computes itself is found again, and only what it leaves out is added.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.autodiff import reverse
from pellucid.autodiff.cotangents import Activity
from pellucid.core import shapes
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.value import Builder, Value, number, records


def with_every_gradient(graph: Graph, wrt: Sequence[int], end: int) -> tuple[Graph, dict[int, int]]:
    """The graph with ∂end/∂n for each node n between the inputs `wrt` and `end`.

    Returns:
        The graph, whose first nodes are those of `graph`, and for each n the position of ∂end/∂n.
    """
    needed, active = graph.needed([end]), Activity(graph, wrt).active
    moving = [n for n in range(len(graph)) if active[n] and needed[n]]
    if end not in moving:
        return graph, {}
    made = [_differentiated(graph, wrt, end, moving, seed) for seed in (*_ones(graph, end), None)]
    return min(made, key=lambda pair: len(pair[0]))


def _ones(graph: Graph, end: int) -> list[int]:
    """Nodes that may be ∂end/∂end of the graph's own backward pass."""
    type = graph.nodes[end].type
    return [
        n
        for n, node in enumerate(graph.nodes)
        if node.op == "full" and node.type == type and node.attr("value") == 1
    ]


@records
def _differentiated(
    graph: Graph, wrt: Sequence[int], end: int, moving: Sequence[int], seed: int | None
) -> tuple[Graph, dict[int, int]]:
    builder = Builder()
    with builder:
        values = builder.copy(graph, _inputs(builder, graph))
        builder.share()
        with builder.at(None):
            one = values[seed] if seed is not None else number(1, graph.nodes[end].type.dtype)
        found = reverse.backward(builder, graph, values, [(end, one)], wrt, moving)
        whole = builder.graph([values[n] for n in graph.outputs])
    return whole, {n: value.position for n, value in zip(moving, found, strict=True)}


def _inputs(builder: Builder, graph: Graph, rows: int | None = None) -> list[Value]:
    return [
        builder.input(name, type if rows is None else of_rows(type, rows))
        for name, type in zip(graph.input_names, graph.input_types, strict=True)
    ]


def of_rows(type: TensorType, rows: int) -> TensorType:
    return TensorType(type.dtype, shapes.bind(type.shape, rows))


@records
def bound(graph: Graph, rows: int | None) -> Graph:
    """The graph for this number of rows, without N; its nodes stand where they stood."""
    if rows is None or not graph.has_batch:
        return graph
    builder = Builder()
    with builder:
        values = builder.copy(graph, _inputs(builder, graph, rows), rows)
        return builder.graph([values[n] for n in graph.outputs])
