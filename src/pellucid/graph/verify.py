"""The invariants of a graph. In: any graph. Out: nothing, or a GraphError that names the node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pellucid.core import shapes
from pellucid.core.errors import GraphError, PellucidError
from pellucid.graph.node import CONST, INPUT, Graph, Node, TensorType, attributes, check_names

TypeRule = Callable[[str, Sequence[TensorType], Mapping[str, Any]], TensorType]


def verify(graph: Graph, type_rule: TypeRule) -> None:
    """Checks that every node reads earlier nodes only and has the type its operation gives.

    Args:
        type_rule: maps (operation, input types, attributes) to the type; raises when it is unknown.
    """
    count = len(graph.nodes)
    for label, positions in (("input", graph.inputs), ("output", graph.outputs)):
        for position in positions:
            if not 0 <= position < count:
                raise GraphError("graph", f"{label} {position} must be one of {count} nodes")
    declared = tuple(i for i, node in enumerate(graph.nodes) if node.op == INPUT)
    if graph.inputs != declared or declared != tuple(range(len(declared))):
        raise GraphError(
            "graph", f"inputs must be the first nodes in order, got {graph.inputs} and {declared}"
        )
    for position, node in enumerate(graph.nodes):
        if node.op in (INPUT, CONST) and [(k, type(v)) for k, v in node.attrs] != [("name", str)]:
            raise GraphError(
                f"graph node {position} {node.op}",
                f"its one attribute must be a name, got {node.attrs}",
            )
    constants = [node.attr("name") for node in graph.nodes if node.op == CONST]
    check_names([*graph.input_names, *constants])
    for position, node in enumerate(graph.nodes):
        _verify_node(graph, position, node, type_rule)


def _verify_node(graph: Graph, position: int, node: Node, type_rule: TypeRule) -> None:
    where = f"graph node {position} {node.op}"
    for source in node.inputs:
        if not 0 <= source < position:
            raise GraphError(where, f"inputs must be earlier nodes, got {source}")
    if node.attrs != attributes(dict(node.attrs)):
        raise GraphError(where, f"attributes must be sorted by name, got {node.attrs}")
    try:
        shapes.check(where, node.type.shape)
    except PellucidError as error:
        raise GraphError(where, error.problem, error.fix, line=node.line) from error
    if node.op == INPUT:
        return
    if node.op == CONST:
        const = graph.consts.get(node.attr("name"))
        if const is None or const.type != node.type:
            raise GraphError(where, f"const must be in the table as {node.type!r}, got {const!r}")
        return
    try:
        known = type_rule(node.op, [graph.nodes[i].type for i in node.inputs], dict(node.attrs))
    except PellucidError as error:
        problem = f"[{error.where}] {error.problem}"
        raise GraphError(where, problem, error.fix, line=node.line) from error
    if known != node.type:
        raise GraphError(where, f"type must be {known!r}, got {node.type!r}", line=node.line)
