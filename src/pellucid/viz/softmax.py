"""The probabilities in a function: e^z / Σ e^z, found in its graph and given a name.

A cross-entropy of logits never forms them: it takes ln Σ e^z, shifted by the largest z. Its
gradient does, and is read as p - t once they have a name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pellucid.graph.node import Graph, Node, TensorType, attributes


@dataclass(frozen=True)
class Softmax:
    """Positions in a graph: `quotient` = `exp` / `total` is the softmax of `logits`.

    Args:
        shift: what is taken from the logits before, the same along the axis: it cancels.
    """

    exp: int
    total: int
    quotient: int
    logits: int
    shift: int | None


def with_softmaxes(graph: Graph) -> tuple[Graph, list[Softmax]]:
    """`graph` with the quotient behind it wherever e^z meets its own sum, and where each stands.

    A quotient that the function forms itself is used as it is.
    """
    nodes = list(graph.nodes)
    found = []
    for total, node in enumerate(graph.nodes):
        if node.op == "sum" and node.attr("axis") and graph.nodes[node.inputs[0]].op == "exp":
            exp = node.inputs[0]
            own = (n for n in _uses(graph, exp) if _divides(graph, n, exp, total))
            quotient = next(own, None)
            if quotient is None:
                quotient = _add_quotient(nodes, exp, total)
            logits, shift = _shifted(graph, graph.nodes[exp].inputs[0], node.attr("axis"))
            found.append(Softmax(exp, total, quotient, logits, shift))
    return dataclasses.replace(graph, nodes=tuple(nodes)), found


def _uses(graph: Graph, position: int) -> Iterator[int]:
    return (n for n, node in enumerate(graph.nodes) if position in node.inputs)


def _divides(graph: Graph, position: int, exp: int, total: int) -> bool:
    """Whether a node is e^z / Σ e^z, with the sum's axes where they were."""
    node = graph.nodes[position]
    kept = len(graph.nodes[total].type.shape) == len(graph.nodes[exp].type.shape)
    return node.op == "divide" and node.inputs == (exp, total) and kept


def _add_quotient(nodes: list[Node], exp: int, total: int) -> int:
    """Appends exp / total, the total with an axis of length 1 for each that it was summed over."""
    axes, whole = nodes[total].attr("axis"), nodes[exp].type
    wide = tuple(1 if n in axes else dim for n, dim in enumerate(whole.shape))
    if nodes[total].type.shape != wide:
        type = TensorType(whole.dtype, wide)
        nodes.append(Node("reshape", (total,), attributes({"shape": wide}), type))
        total = len(nodes) - 1
    nodes.append(Node("divide", (exp, total), (), whole))
    return len(nodes) - 1


def _shifted(graph: Graph, inner: int, axes: Sequence[int]) -> tuple[int, int | None]:
    """z and c for z - c where c is the same along the axes, else what stands there and None."""
    node = graph.nodes[inner]
    if node.op == "subtract":
        x, c = node.inputs
        own, rank = graph.nodes[c].type.shape, len(node.type.shape)
        aligned = (*(1 for _ in range(rank - len(own))), *own)
        if graph.nodes[x].type.shape == node.type.shape and all(aligned[n] == 1 for n in axes):
            return x, c
    return inner, None


def probabilities(given: Sequence[str], graph: Graph, softmaxes: Sequence[Softmax]) -> list[str]:
    """The names of all nodes, those of the quotients p, p2, …: what is a result keeps its name."""
    result = [*given, *(f"v{n}" for n in range(len(given), len(graph)))]
    for one in softmaxes:
        if one.quotient not in graph.outputs:
            fresh = (f"p{n}" if n > 1 else "p" for n in range(1, len(softmaxes) + len(result) + 2))
            result[one.quotient] = next(name for name in fresh if name not in result)
    return result
