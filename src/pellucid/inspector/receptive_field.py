"""The receptive field of one number, read off the graph: which earlier numbers it is made of.

In: a `Moment` and an element of a node. Out: for each earlier node which of its elements that
element reads, directly or through others. No formula for a kind of layer is needed: the dependence
goes back through each operation as a gradient does, by the row's own rule where the row moves
elements, and with every factor 1 where it computes with them. So it is exact through stride,
padding, dilation and pooling, as through everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pellucid.autodiff.reverse import contributions
from pellucid.core.dtypes import float64
from pellucid.graph.node import Node, TensorType
from pellucid.inspector.facts import element
from pellucid.inspector.moment import Moment
from pellucid.ops.spec import Bilinear, Kind, Linear, lookup
from pellucid.ops.value import Builder, records
from pellucid.runtime import interpreter

Array = np.ndarray[Any, Any]


def receptive_field(moment: Moment, n: int, at: Sequence[int] = ()) -> dict[int, Array]:
    """For each node that the element is made of, node n included, a mask of the elements it reads.

    Of a training step, what belongs to no row of the batch is held fixed: the weights, and what is
    computed over all rows, such as the mean in BatchNorm. Those nodes are left out.
    """
    place = element(moment, n, at)
    chosen = np.zeros(moment.values[n].shape, bool)
    chosen[place] = True
    found = {n: chosen}
    for k in range(n, -1, -1):
        node = moment.graph.nodes[k]
        if k not in found or node.is_input or node.is_const:
            continue
        for source, mask in _read(moment, node, found[k]):
            if source not in moment.fixed:
                found[source] = found[source] | mask if source in found else mask
    return {k: mask for k, mask in found.items() if mask.any()}


def _read(moment: Moment, node: Node, mask: Array) -> Iterator[tuple[int, Array]]:
    """The elements of each input that the elements of the mask are computed from."""
    op, form = lookup(node.op), lookup(node.op).derivative
    shapes = [moment.values[source].shape for source in node.inputs]
    moved: Sequence[int] = ()
    if op.kind in (Kind.MOVEMENT, Kind.GATHER) and isinstance(form, Linear):
        moved = [i for i in range(len(node.inputs)) if op.differentiable(i)]
    elif op.kind is Kind.CONTRACT and isinstance(form, Bilinear):
        moved = range(len(node.inputs))
    by_rule = _by_rule(moment, node, mask, moved) if moved else {}
    for i, (source, shape) in enumerate(zip(node.inputs, shapes, strict=True)):
        if i in by_rule:
            yield source, by_rule[i]
        elif op.kind in (Kind.ELEMENTWISE, Kind.COMPARE):
            yield source, _unrepeated(mask, shape)
        elif op.kind is Kind.REDUCE:
            yield source, np.broadcast_to(_kept(mask, node, len(shape)), shape)
        elif op.name == "argsort":  # where an element stands is a matter of all beside it
            yield source, np.broadcast_to(mask.any(-1, keepdims=True), shape)
        elif op.kind is Kind.GATHER:
            yield source, _indices(moment, node, mask, shape)
        elif op.kind is not Kind.CREATE:  # random draws, and operations of a person's own
            yield source, np.ones(shape, bool)


@records
def _by_rule(moment: Moment, node: Node, mask: Array, moved: Sequence[int]) -> dict[int, Array]:
    """By the rule of reverse mode, on 0 and 1: nothing cancels, since nothing is negative."""
    builder = Builder()
    values = []
    with builder:
        inputs = []
        for i, source in enumerate(node.inputs):
            own = moment.graph.nodes[source].type
            inputs.append(builder.input(f"x{i}", _wide(own) if i in moved else own))
            values.append(
                np.ones(moment.values[source].shape) if i in moved else moment.values[source]
            )
        out, ct = (builder.input(name, _wide(node.type)) for name in ("out", "ct"))
        wide = Node(node.op, node.inputs, node.attrs, _wide(node.type))
        parts = list(contributions(wide, ct, inputs, out, list(moved)))
        graph = builder.graph([part for _, part in parts])
    results = interpreter.run(graph, [*values, np.zeros(mask.shape), mask.astype(np.float64)])
    return {i: np.asarray(one) != 0 for (i, _), one in zip(parts, results, strict=True)}


def _wide(type: TensorType) -> TensorType:
    return TensorType(float64, type.shape)


def _unrepeated(mask: Array, shape: tuple[int, ...]) -> Array:
    """For a tensor that was repeated to the mask's shape."""
    extra = mask.ndim - len(shape)
    mask = np.asarray(mask.any(tuple(range(extra))))
    repeated = tuple(i for i, size in enumerate(shape) if size == 1 and mask.shape[i] != 1)
    return np.asarray(mask.any(repeated, keepdims=True)) if repeated else mask


def _kept(mask: Array, node: Node, rank: int) -> Array:
    """For what was reduced: its lost axes are back as 1."""
    axis = node.attr("axis")
    axes = axis if isinstance(axis, tuple) else (axis,)
    return mask if mask.ndim == rank else np.expand_dims(mask, axes)


def _indices(moment: Moment, node: Node, mask: Array, shape: tuple[int, ...]) -> Array:
    """The indices that say where the elements of the mask come from."""
    if node.op == "one_hot":
        return np.asarray(mask.any(-1))
    axis = node.attr("axis")
    if node.op == "gather":
        slices = mask
    else:  # of scatter_add: an index may add to any element of its slices
        updates = moment.values[node.inputs[2]].shape
        beside = mask.any(axis, keepdims=True).reshape(
            *mask.shape[:axis], *(1 for _ in shape), *mask.shape[axis + 1 :]
        )
        slices = np.broadcast_to(beside, updates)
    last = axis + len(shape)
    return np.asarray(slices.any((*range(axis), *range(last, slices.ndim))))
