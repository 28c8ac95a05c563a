"""Common subexpressions. In: a graph. Out: the graph with one node for equal keys."""

from __future__ import annotations

from pellucid.graph.node import INPUT, Graph, Node, arranged


def cse(graph: Graph) -> Graph:
    """`graph` with equal applications computed once; the first keeps its source line.

    A node's key holds the positions of its inputs, so one walk in order finds chains of equal nodes
    too. Inputs are never merged: two may hold different arrays.
    """
    nodes: list[Node] = []
    place: list[int] = []  # old position → new
    seen: dict[object, int] = {}
    for node in graph.nodes:
        inputs = tuple(place[source] for source in node.inputs)
        moved = Node(node.op, inputs, node.attrs, node.type, node.line)
        key = moved.key
        if node.op == INPUT or key not in seen:
            seen[key] = len(nodes)
            nodes.append(moved)
        place.append(seen[key])
    inputs = tuple(place[i] for i in graph.inputs)
    return arranged(nodes, inputs, [place[i] for i in graph.outputs], graph.consts)
