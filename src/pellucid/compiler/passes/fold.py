"""Constant folding. In: a graph. Out: the graph with scalars computed that no input changes.

A row's own `forward` computes them, and only where the row is `exact`: the same bits in every
executor. Larger constants stay as they are: computed once a call, they cost less than their memory.
"""

from __future__ import annotations

from typing import Any

from pellucid.graph.node import Graph, Node, arranged
from pellucid.ops.spec import REGISTRY, Kind

_FOLDED = (Kind.ELEMENTWISE, Kind.COMPARE)


def fold(graph: Graph, xp: Any) -> Graph:
    """`graph` with constant scalars as `full`.

    Args:
        xp: the array namespace that computes them.
    """
    nodes: list[Node] = []
    for node in graph.nodes:
        sources = [nodes[source] for source in node.inputs]
        if sources and _constant(node, sources):
            arrays = [xp.full((), source.attr("value"), source.type.dtype) for source in sources]
            value = REGISTRY[node.op].forward(xp, *arrays, **dict(node.attrs)).item()
            attrs = (("dtype", node.type.dtype), ("shape", ()), ("value", value))
            node = Node("full", (), attrs, node.type, node.line)
        nodes.append(node)
    return arranged(nodes, graph.inputs, graph.outputs, graph.consts)


def _constant(node: Node, sources: list[Node]) -> bool:
    row = REGISTRY.get(node.op)
    return (
        row is not None
        and row.exact
        and row.kind in _FOLDED
        and node.type.shape == ()
        and all(source.op == "full" and source.type.shape == () for source in sources)
    )
