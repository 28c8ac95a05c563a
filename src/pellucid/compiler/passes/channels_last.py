"""What passes make depthwise convolutions of: (N, L, …, C), without a copy where none is needed."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pellucid.core.shapes import Dim, Shape
from pellucid.graph.node import Node
from pellucid.ops.value import Builder, Value, apply

Ints = tuple[int, ...]
LONGEST = 32  # elements of a kernel along its last axis: each is code of its own
FURTHEST = 64  # places of padding on a side: so are windows that reach over the end of a row


def permuted(value: Value, axes: Ints) -> Value:
    """`value` with its axes in another order, without a copy where only axes of 1 move."""
    nodes, values = _recorded(value)
    while (node := nodes[value.position]).op == "permute_dims":
        value, axes = values[node.inputs[0]], tuple(node.attr("axes")[axis] for axis in axes)
    shape = value.type.shape
    long = [axis for axis in axes if shape[axis] != 1]
    if long == sorted(long):
        return reshaped(value, tuple(shape[axis] for axis in axes))
    result: Value = apply("permute_dims", value, axes=axes)
    return result


def reshaped(value: Value, shape: Shape) -> Value:
    """`value` with another shape; of several such in a row none is left but the last."""
    nodes, values = _recorded(value)
    while nodes[value.position].op == "reshape" and value.type.shape != shape:
        value = values[nodes[value.position].inputs[0]]
    if value.type.shape == shape:
        return value
    result: Value = apply("reshape", value, shape=shape)
    return result


def _recorded(value: Value) -> tuple[list[Node], list[Value]]:
    builder = value.recorder
    assert isinstance(builder, Builder), "passes record with it"
    return builder.nodes, builder.values


def convolved(
    x: Value,
    kernel: Value,
    stride: Ints,
    dilation: Ints,
    low: Ints,
    high: Ints,
    interior: Ints | None = None,
) -> Value:
    """The row `depthwise`."""
    result: Value = apply(
        "depthwise",
        x,
        kernel,
        stride=stride,
        dilation=dilation,
        low=low,
        high=high,
        interior=interior or (0,) * len(low),
    )
    return result


def repeated(x: Value, several: int) -> Value:
    """Each channel so many times, side by side."""
    if several == 1:
        return x
    shape = (*x.type.shape, several)
    wide = apply("broadcast_to", reshaped(x, (*x.type.shape, 1)), shape=shape)
    return reshaped(wide, (*shape[:-2], whole(shape[-2:])))


def whole(dims: Iterable[Dim]) -> int:
    """The product of known lengths."""
    return math.prod(dim for dim in dims if isinstance(dim, int))
