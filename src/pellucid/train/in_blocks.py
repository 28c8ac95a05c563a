"""Sums over the rows of a batch in blocks. In: a graph with N. Out: the graph with those in blocks.

Each sum that brings rows together gets the attribute `block`: so many rows are summed by
themselves, and blocks meet in a fixed tree (`ops/blocks.py`). What a run of blocks gives does then
not depend on the blocks beside it. Whole numbers are left as they are: the order of their sums
changes no bit.

The axis of the rows comes first among those that are summed, since blocks are along the first one.
"""

from __future__ import annotations

from typing import Any

from pellucid.core.shapes import Batch, Dim
from pellucid.graph.node import CONST, INPUT, Graph, Node
from pellucid.ops.spec import lookup
from pellucid.ops.value import Builder, Value, apply, records
from pellucid.train.meetings import SUM, axis_of, places


@records
def in_blocks(graph: Graph, rows: int) -> Graph:
    """`graph` with the sums over rows of a batch in blocks of so many rows.

    Raises:
        ArgumentError: for a node that mixes rows in another way than by a sum.
    """
    found = places(graph)
    builder = Builder()
    with builder:
        place: list[Value] = []
        for node, one in zip(graph.nodes, found, strict=True):
            builder.line = node.line or ""
            inputs = [place[i] for i in node.inputs]
            if node.op == INPUT:
                place.append(builder.input(node.attr("name"), node.type))
            elif node.op == CONST:
                place.append(builder.const(node.attr("name"), graph.consts[node.attr("name")]))
            elif one.kind == SUM and node.type.dtype.is_float:
                place.append(_RULES[node.op](node, inputs, rows))
            else:
                place.append(builder.apply(lookup(node.op), inputs, dict(node.attrs)))
        return builder.graph([place[i] for i in graph.outputs])


def _block(dim: Dim, rows: int) -> int:
    """So many rows in elements of their axis."""
    assert isinstance(dim, Batch)
    return dim.scale * rows


def _sum(node: Node, inputs: list[Value], rows: int) -> Value:
    (x,), axes = inputs, node.attr("axis")
    first = axis_of(x.type)
    assert first is not None
    block = _block(x.type.shape[first], rows)
    if axes[0] == first:
        return _applied("sum", x, axis=axes, keepdims=node.attr("keepdims"), block=block)
    others = tuple(axis for axis in axes if axis != first)
    each = apply("sum", x, axis=others, keepdims=True)
    total = _applied("sum", each, axis=(first,), keepdims=True, block=block)
    return _applied("reshape", total, shape=node.type.shape)


def _contract(node: Node, inputs: list[Value], rows: int) -> Value:
    x, y = inputs
    summed, first = node.attr("summed"), axis_of(x.type)
    assert first is not None
    ordered = sorted(summed, key=lambda pair: bool(pair[0] != first))
    block = _block(x.type.shape[first], rows)
    return _applied("contract", x, y, batch=node.attr("batch"), summed=tuple(ordered), block=block)


def _scatter_add(node: Node, inputs: list[Value], rows: int) -> Value:
    x, indices, updates = inputs
    axis, first = node.attr("axis"), axis_of(indices.type)
    assert first is not None
    if first > 0:  # to the front of the indices, and of what they place
        rest = [i for i in range(len(indices.type.shape)) if i != first]
        order = (first, *rest)
        before = tuple(range(axis))
        behind = tuple(range(axis + len(order), len(updates.type.shape)))
        moved = (*before, *(axis + i for i in order), *behind)
        indices = apply("permute_dims", indices, axes=order)
        updates = apply("permute_dims", updates, axes=moved)
    block = _block(indices.type.shape[0], rows)
    return _applied("scatter_add", x, indices, updates, axis=axis, block=block)


def _applied(op: str, *inputs: Value, **attrs: Any) -> Value:
    result: Value = apply(op, *inputs, **attrs)
    return result


_RULES = {"sum": _sum, "contract": _contract, "scatter_add": _scatter_add}
