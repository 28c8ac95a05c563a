"""Depthwise convolutions. In: a graph. Out: the graph without their windows.

A depthwise convolution is a product over windows in which channels do not meet: a batch of products
of a vector with a matrix, a channel each, which no tile makes fast. As a sum of products of shifted
inputs it is elementwise, with a vector over neighbouring channels, and `fuse` makes one kernel of
it that reads x in place:

    Σ_k x[s·i + d·k, c] w[k, c]  =  x[s·i, c] w[0, c] + x[s·i + d, c] w[1, c] + …

The gradient of the kernel is such a product as well, summed over the places i of the windows; it
becomes one sum for each element k of the kernel.

The terms are added in another order than in a product, so this is no pass that can be switched off.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pellucid.graph.node import CONST, INPUT, Graph, Node, pruned
from pellucid.ops.contract import free_axes
from pellucid.ops.spec import lookup
from pellucid.ops.value import Builder, Value, apply

Ints = tuple[int, ...]
MOST = 64  # elements of a kernel: each is code of its own


@dataclass(frozen=True)
class _Product:
    """A product over windows in which channels do not meet.

    Args:
        windows: the node that makes the windows; x, other: what they slide over, and the other
            operand, by the positions of their nodes.
        pairs: for each axis of the windows that the product pairs, the axis of the other operand.
        batch, summed: those axes of the windows.
        inside: the axes that run inside a window.
        free: what is left of the windows, and of the other operand.
        first: whether the windows are the first operand.
        block: of the sum, along the first of `summed`; None: it is not in blocks.
    """

    windows: Node
    x: int
    other: int
    pairs: dict[int, int]
    batch: Ints
    summed: Ints
    inside: Ints
    free: tuple[Ints, Ints]
    first: bool
    block: int | None

    @property
    def outer(self) -> Ints:
        """The axes of the windows that x has as well."""
        return tuple(range(len(self.windows.type.shape) - len(self.inside)))

    @property
    def single(self) -> Ints:
        """Axes of length 1 that are summed beside the inside of windows."""
        shape = self.windows.type.shape
        return tuple(i for i in self.summed if i not in self.inside and shape[i] == 1)

    @property
    def convolves(self) -> bool:
        """Whether it sums over the inside of windows; else over their places."""
        return {*self.summed} - {*self.single} == {*self.inside}

    def result(self, left: list[int], right: list[int]) -> Ints:
        """Of a value's axes those of batch and of what is left, in the order of the product."""
        first = left[: len(self.batch)]
        rest = left[len(self.batch) :]
        return tuple(first + (rest + right if self.first else right + rest))


def channelwise(graph: Graph) -> Graph:
    """`graph` with each depthwise product over windows as shifted products."""
    found = {
        position: one
        for position in range(len(graph.nodes))
        if (one := _product(graph, position)) is not None
    }
    if not found:
        return graph
    uses = Counter(i for node in graph.nodes for i in node.inputs) + Counter(graph.outputs)
    laid: dict[int, tuple[Value, Ints]] = {}  # a product as it lies, and the order of its axes
    builder = Builder()
    with builder:
        place: list[Value | None] = []
        for position, node in enumerate(graph.nodes):
            builder.line = node.line or ""
            source = node.inputs[0] if node.op == "permute_dims" else -1
            if node.op == INPUT:
                place.append(builder.input(node.attr("name"), node.type))
            elif node.op == CONST:
                place.append(builder.const(node.attr("name"), graph.consts[node.attr("name")]))
            elif position in found:
                one = found[position]
                made, axes = _shifted(one, _known(place[one.x]), _known(place[one.other]))
                laid[position] = made, axes
                place.append(_ordered(made, axes))
            elif source in laid and uses[source] == 1:
                made, axes = laid[source]
                place.append(_ordered(made, tuple(axes[i] for i in node.attr("axes"))))
            else:
                inputs = [_known(place[i]) for i in node.inputs]
                place.append(builder.apply(lookup(node.op), inputs, dict(node.attrs)))
        return pruned(builder.graph([_known(place[i]) for i in graph.outputs]))


def _known(value: Value | None) -> Value:
    assert value is not None
    return value


def _ordered(value: Value, axes: Ints) -> Value:
    if axes == tuple(range(len(axes))):
        return value
    result: Value = apply("permute_dims", value, axes=axes)
    return result


def _product(graph: Graph, position: int) -> _Product | None:
    node = graph.nodes[position]
    if node.op != "contract" or not node.type.dtype.is_float or not node.attr("batch"):
        return None
    for side in (0, 1):
        windows = graph.nodes[node.inputs[side]]
        if windows.op != "windows" or math.prod(windows.attr("size")) > MOST:
            continue
        one = _sides(graph, node, windows, side)
        if one is not None:
            return one
    return None


def _sides(graph: Graph, node: Node, windows: Node, side: int) -> _Product | None:
    """The product with operand `side` as the windows, where channels do not meet."""
    other = node.inputs[1 - side]
    paired = [(pair[side], pair[1 - side]) for pair in (*node.attr("batch"), *node.attr("summed"))]
    rank, count = len(windows.type.shape), len(node.attr("batch"))
    one = _Product(
        windows,
        windows.inputs[0],
        other,
        dict(paired),
        tuple(i for i, _ in paired[:count]),
        tuple(i for i, _ in paired[count:]),
        tuple(range(rank - len(windows.attr("size")), rank)),
        (
            tuple(free_axes(rank, [i for i, _ in paired])),
            tuple(free_axes(len(graph.nodes[other].type.shape), [j for _, j in paired])),
        ),
        side == 0,
        dict(node.attrs).get("block"),
    )
    if {*one.batch} & {*one.inside}:
        return None
    # A sum is in blocks of its first axis.
    if one.block is not None and (one.convolves or one.summed[0] != min(one.summed)):
        return None
    # Else channels meet, or part of a window's inside is left.
    places = {*one.outer} - {*one.batch}
    return one if one.convolves or {*one.summed} == places else None


def _shifted(one: _Product, x: Value, other: Value) -> tuple[Value, Ints]:
    """The product, its axes as they come best, and which of them each axis of the result is."""
    elements = list(itertools.product(*map(range, one.windows.attr("size"))))
    right = len(one.free[1])
    if one.convolves:  # (the axes of x, what is left of the kernel)
        terms = [_part(one, x, k) * _beside(one, _element(one, other, k)) for k in elements]
        total = functools.reduce(lambda left, right: left + right, terms)
        kept = [axis for axis in range(len(total.type.shape)) if axis not in one.single]
        if one.single:
            shape = tuple(total.type.shape[axis] for axis in kept)
            total = apply("reshape", total, shape=shape)
        left = [kept.index(axis) for axis in (*one.batch, *one.free[0])]
        return total, one.result(left, [len(kept) - right + n for n in range(right)])
    # (the inside of windows, batch, what is left of the cotangent)
    cotangent = _beside(one, other)
    attrs: dict[str, Any] = {"axis": tuple(sorted(one.summed)), "keepdims": False}
    if one.block is not None:
        attrs["block"] = one.block
    sums = [apply("sum", _part(one, x, k) * cotangent, **attrs) for k in elements]
    rows = [apply("reshape", one, shape=(1, *one.type.shape)) for one in sums]
    inside = len(one.inside)
    shape = (*one.windows.attr("size"), *sums[0].type.shape)
    whole = apply("reshape", apply("concat", *rows, axis=0), shape=shape)
    kept = sorted(one.batch)
    left = [inside + kept.index(i) for i in one.batch]
    left += [one.inside.index(i) for i in one.free[0]]
    return whole, one.result(left, [inside + len(kept) + n for n in range(right)])


def _part(one: _Product, x: Value, element: Ints) -> Value:
    """What of x stands at one place of all windows, with an axis of 1 for each that is left."""
    start, stop, step = [0] * len(one.outer), list(x.type.shape), [1] * len(one.outer)
    facts = zip(*(one.windows.attr(n) for n in ("axes", "stride", "dilation")), strict=True)
    for k, (axis, stride, dilation) in zip(element, facts, strict=True):
        count = one.windows.type.shape[axis]
        assert isinstance(count, int)
        start[axis], step[axis] = k * dilation, stride
        stop[axis] = k * dilation + (count - 1) * stride + 1
    part: Value = apply("slice", x, start=tuple(start), stop=tuple(stop), step=tuple(step))
    return apply("reshape", part, shape=(*part.type.shape, *(1,) * len(one.free[1])))


def _element(one: _Product, kernel: Value, element: Ints) -> Value:
    """One element of the kernel for each channel."""
    start, stop = [0] * len(kernel.type.shape), list(kernel.type.shape)
    for k, axis in zip(element, one.inside, strict=True):
        start[one.pairs[axis]], stop[one.pairs[axis]] = k, k + 1
    step = (1,) * len(start)
    return apply("slice", kernel, start=tuple(start), stop=tuple(stop), step=step)


def _beside(one: _Product, other: Value) -> Value:
    """The other operand with its axes behind those of x that it is paired with."""
    paired = [axis for axis in one.outer if axis in one.pairs]
    inside = [one.pairs[axis] for axis in one.inside if axis in one.pairs]  # of length 1
    order = (*inside, *(one.pairs[axis] for axis in paired), *one.free[1])
    dims = other.type.shape
    shape = [dims[one.pairs[axis]] if axis in one.pairs else 1 for axis in one.outer]
    shape += [dims[axis] for axis in one.free[1]]
    if order != tuple(range(len(order))):
        other = apply("permute_dims", other, axes=order)
    return apply("reshape", other, shape=tuple(shape))
