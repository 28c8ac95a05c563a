"""Simplification. In: a graph. Out: the graph without operations that change no bit.

`identity` is a fact that rows state: op(x, identity) = x. Zeros of either sign differ: x + 0.0 is
not x where x is -0.0, so the identity of add is -0.0. One number that is repeated, reshaped and
repeated again is repeated once. Windows of one element are the elements themselves, and so are sums
of one. Products take and give transposed arrays as they lie (`transposed.py`).
"""

from __future__ import annotations

import math
from collections import Counter

from pellucid.compiler.passes.transposed import exchanged, straightened
from pellucid.core.shapes import size
from pellucid.graph.node import Graph, Node, TensorType, arranged
from pellucid.ops.spec import REGISTRY


def simplify(graph: Graph) -> Graph:
    """`graph` with such operations replaced by what they leave as it is."""
    nodes: list[Node] = []
    place: list[int] = []  # old position → new
    uses = Counter(source for node in graph.nodes for source in node.inputs)
    uses.update(graph.outputs)
    for node in graph.nodes:
        inputs = tuple(place[source] for source in node.inputs)
        same = _unchanged(nodes, node, inputs)
        if same is not None:
            place.append(same)
            continue
        place.append(len(nodes))
        product = straightened(nodes, node, inputs)
        if node.inputs and uses[node.inputs[0]] == 1:
            product = product or exchanged(nodes, node, inputs[0])
        if product is not None:
            nodes.append(product)
            continue
        source = _repeated(nodes, node, inputs)
        if source is None and not _lone(nodes, node, inputs):
            nodes.append(Node(node.op, inputs, node.attrs, node.type, node.line))
        elif source is None:
            nodes.extend(_laid_flat(node, inputs[0], len(nodes)))
            place[-1] = len(nodes) - 1
        else:
            attrs = (("shape", node.type.shape),)
            nodes.append(Node("broadcast_to", (source,), attrs, node.type, node.line))
    inputs = tuple(place[i] for i in graph.inputs)
    return arranged(nodes, inputs, [place[i] for i in graph.outputs], graph.consts)


def _unchanged(nodes: list[Node], node: Node, inputs: tuple[int, ...]) -> int | None:
    """The input that `node` leaves as it is, or None."""
    if node.op == "cast" and nodes[inputs[0]].type == node.type:
        return inputs[0]
    row = REGISTRY.get(node.op)
    if row is None or row.identity is None or len(inputs) != 2:
        return None
    x, y = inputs
    if nodes[x].type == node.type and _is(nodes[y], row.identity):
        return x
    if row.commutative and nodes[y].type == node.type and _is(nodes[x], row.identity):
        return y
    return None


def _repeated(nodes: list[Node], node: Node, inputs: tuple[int, ...]) -> int | None:
    """The one number that `node` holds everywhere, if it is repeated or reshaped."""
    if node.op not in ("broadcast_to", "reshape"):
        return None
    source = inputs[0]
    while nodes[source].op in ("broadcast_to", "reshape"):
        source = nodes[source].inputs[0]
    one = size(nodes[source].type.shape) == 1
    return source if one and len(nodes[source].type.shape) <= len(node.type.shape) else None


def _lone(nodes: list[Node], node: Node, inputs: tuple[int, ...]) -> bool:
    """Whether each element alone makes one of the result, in the same order.

    So do windows of one element, one at each place, the fold of such, and sums along axes of 1.
    """
    if node.op == "sum":
        shape = nodes[inputs[0]].type.shape
        return all(shape[axis] == 1 for axis in node.attr("axis"))
    return node.op in ("windows", "fold") and {*node.attr("size"), *node.attr("stride")} <= {1}


def _laid_flat(node: Node, source: int, first: int) -> list[Node]:
    """Such a node as a reshape, from position `first` on. A fold adds to 0: there is no -0.0."""
    line, dtype = node.line, node.type.dtype
    flat = Node("reshape", (source,), (("shape", node.type.shape),), node.type, line)
    if node.op != "fold":
        return [flat]
    attrs = (("dtype", dtype), ("shape", ()), ("value", 0.0 if dtype.is_float else 0))
    zero = Node("full", (), attrs, TensorType(dtype, ()), line)
    return [flat, zero, Node("add", (first, first + 1), (), node.type, line)]


def _is(node: Node, value: float) -> bool:
    """Whether a node is this number everywhere, with its sign."""
    if node.op != "full":
        return False
    held = node.attr("value")
    if held != value:
        return False
    return not node.type.dtype.is_float or math.copysign(1, held) == math.copysign(1, value)
