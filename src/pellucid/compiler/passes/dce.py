"""Dead nodes. In: a graph. Out: the graph without nodes that no output needs; inputs stay."""

from __future__ import annotations

from pellucid.graph.node import Graph, pruned


def dce(graph: Graph) -> Graph:
    """`graph` without dead nodes."""
    return pruned(graph)
