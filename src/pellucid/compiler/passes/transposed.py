"""Products of transposed operands: the product reads and writes them as they lie.

A contraction names the axes that it pairs, so an operand whose axes were permuted before it is the
operand itself under other numbers. The order of k is that of the pairs, which stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.graph.node import Node, attributes

Pairs = tuple[tuple[int, int], ...]


def straightened(nodes: Sequence[Node], node: Node, inputs: tuple[int, ...]) -> Node | None:
    """The contraction `node` over what its operands were before they were permuted, or None.

    Only where the axes that are left of an operand keep their order: the result has them so.
    """
    if node.op != "contract":
        return None
    sources, batch, summed = list(inputs), node.attr("batch"), node.attr("summed")
    for side in (0, 1):
        while nodes[sources[side]].op == "permute_dims":
            axes = nodes[sources[side]].attr("axes")
            used = {pair[side] for pair in (*batch, *summed)}
            left = [axis for number, axis in enumerate(axes) if number not in used]
            if left != sorted(left):
                break
            batch, summed = (_moved(pairs, side, axes) for pairs in (batch, summed))
            sources[side] = nodes[sources[side]].inputs[0]
    if tuple(sources) == inputs:
        return None
    attrs = attributes({**dict(node.attrs), "batch": batch, "summed": summed})
    return Node(node.op, tuple(sources), attrs, node.type, node.line)


def _moved(pairs: Pairs, side: int, axes: tuple[int, ...]) -> Pairs:
    """`pairs` with the axes of one side as they were before the permutation."""
    return tuple((axes[i], j) if side == 0 else (i, axes[j]) for i, j in pairs)


def exchanged(nodes: Sequence[Node], node: Node, source: int) -> Node | None:
    """The permutation `node` of a contraction as one with its operands in each other's place.

    None where that is not what it comes to: the axes of the batch, what is left of the right
    operand, what is left of the left one.
    """
    product = nodes[source]
    if node.op != "permute_dims" or product.op != "contract":
        return None
    x, y = product.inputs
    batch, summed = product.attr("batch"), product.attr("summed")
    front, rank = len(batch), len(product.type.shape)
    middle = len(nodes[x].type.shape) - len(summed)  # behind the batch and what is left of x
    if node.attr("axes") != (*range(front), *range(middle, rank), *range(front, middle)):
        return None
    batch, summed = (tuple((j, i) for i, j in pairs) for pairs in (batch, summed))
    attrs = attributes({**dict(product.attrs), "batch": batch, "summed": summed})
    return Node("contract", (y, x), attrs, node.type, node.line)
