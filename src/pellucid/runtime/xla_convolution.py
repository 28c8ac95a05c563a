"""Products over windows that XLA is given as convolutions, which its libraries know.

Three are met in a graph: `contract` of `windows` and a kernel, the forward pass; `contract` of
`windows` and a cotangent, the kernel's gradient; and `fold` of a product, the input's gradient or a
transposed convolution. Each is one `conv_general_dilated` with other axes in its roles; without
it the windows of an image would lie in memory. A product that has not exactly one axis of rows
and one of channels stays as it is, and so does one of groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.graph.node import Graph, Node

Array = Any
Ints = tuple[int, ...]
Axes = tuple[Ints, Ints, Ints]  # of x, of the kernel, of the result: each as lax orders them


@dataclass(frozen=True)
class Convolution:
    """One convolution in the place of a node.

    Attributes:
        x, kernel: the nodes that it reads.
        axes: of x (rows, channels, places), of the kernel (outputs, channels, places) and of the
            result (rows, outputs, places).
        strides, spread, kernel_spread: between places of the result, of x and of the kernel.
        lengths: of the result's places; None, as many as fit.
        full: whether the kernel, turned round, also meets x in part, as a transpose does.
    """

    x: int
    kernel: int
    axes: Axes
    strides: Ints
    spread: Ints
    kernel_spread: Ints
    lengths: Ints | None = None
    full: bool = False

    def __call__(self, xp: Any, values: Sequence[Array]) -> Array:
        x, kernel = values[self.x], values[self.kernel]
        places, kernel_places = self.axes[0][2:], self.axes[1][2:]
        padding = []
        for n, (axis, kernel_axis) in enumerate(zip(places, kernel_places, strict=True)):
            reach = (kernel.shape[kernel_axis] - 1) * self.kernel_spread[n]
            extent = (x.shape[axis] - 1) * self.spread[n] + 1
            low = reach if self.full else 0
            high = 0
            if self.lengths is not None:
                high = (self.lengths[n] - 1) * self.strides[n] + 1 - (extent + low - reach)
            padding.append((low, high))
        if self.full:
            kernel = xp.flip(kernel, kernel_places)
        return xp.convolve(
            x, kernel, self.axes, self.strides, padding, self.spread, self.kernel_spread
        )


def convolutions(graph: Graph) -> Mapping[int, Convolution]:
    """The nodes of a graph that are convolutions."""
    found: dict[int, Convolution] = {}
    for position, node in enumerate(graph.nodes):
        made = None
        if not node.type.dtype.is_float:
            continue  # libraries for convolutions know floats
        if node.op == "contract":
            made = _over_windows(graph, node)
        elif node.op == "fold":
            made = _folded(graph, node)
        if made is not None:
            found[position] = made
    return found


def _places(free: Sequence[Sequence[int]]) -> dict[tuple[int, int], int]:
    """Where the axes (operand, axis) of a product without batch axes stand in its result."""
    order = [(operand, axis) for operand, axes in enumerate(free) for axis in axes]
    return {one: place for place, one in enumerate(order)}


def _free(graph: Graph, node: Node) -> list[list[int]]:
    """The axes of both factors that the product does not sum over."""
    summed = node.attr("summed")
    ranks = [len(graph.nodes[i].type.shape) for i in node.inputs]
    return [
        [axis for axis in range(rank) if axis not in [pair[operand] for pair in summed]]
        for operand, rank in enumerate(ranks)
    ]


def _over_windows(graph: Graph, node: Node) -> Convolution | None:
    """A product of windows: over the places in a window, or over the windows themselves."""
    if node.attr("batch"):
        return None
    for operand in (0, 1):
        windows, order = _behind_order(graph, node.inputs[operand])
        if windows.op == "windows":
            made = _of_windows(graph, node, operand, windows, order)
            if made is not None:
                return made
    return None


def _behind_order(graph: Graph, position: int) -> tuple[Node, Ints]:
    """What stands behind an exchange of axes, and which of its axes each one is."""
    node = graph.nodes[position]
    if node.op == "permute_dims":
        return graph.nodes[node.inputs[0]], node.attr("axes")
    return node, tuple(range(len(node.type.shape)))


def _of_windows(
    graph: Graph, node: Node, operand: int, windows: Node, order: Ints
) -> Convolution | None:
    other = 1 - operand
    places: Ints = windows.attr("axes")
    stride, dilation = windows.attr("stride"), windows.attr("dilation")
    rank = len(graph.nodes[windows.inputs[0]].type.shape)
    inside = tuple(range(rank, rank + len(places)))
    partner = {order[pair[operand]]: pair[other] for pair in node.attr("summed")}
    free = _free(graph, node)
    at = _places(free)
    at = {
        (one, order[axis] if one == operand else axis): place for (one, axis), place in at.items()
    }
    summed = [axis for axis in range(rank) if axis in partner and axis not in places]
    kept = [axis for axis in range(rank) if axis not in partner and axis not in places]
    if len(summed) != 1 or len(kept) != 1 or len(free[other]) != 1:
        return None
    (channel,), (row,), (output,) = summed, kept, free[other]
    over, result = (inside, places) if all(axis in partner for axis in inside) else (places, inside)
    if any(axis not in partner for axis in over) or any(axis in partner for axis in result):
        return None
    axes = (
        (row, channel, *places),
        (output, partner[channel], *(partner[axis] for axis in over)),
        (at[operand, row], at[other, output], *(at[operand, axis] for axis in result)),
    )
    ones = (1,) * len(places)
    x, kernel = windows.inputs[0], node.inputs[other]
    if over == inside:
        return Convolution(x, kernel, axes, stride, ones, dilation)
    return Convolution(x, kernel, axes, dilation, ones, stride, windows.attr("size"))


def _folded(graph: Graph, node: Node) -> Convolution | None:
    """The transpose of a convolution: `fold` of a product, whose axes may be exchanged first."""
    product, order = _behind_order(graph, node.inputs[0])
    if product.op != "contract" or product.attr("batch") or len(product.attr("summed")) != 1:
        return None
    places: Ints = node.attr("axes")
    free = _free(graph, product)
    source = [(operand, axis) for operand in (0, 1) for axis in free[operand]]
    source = [source[axis] for axis in order]
    rank = len(source) - len(places)
    windows = source[rank:]
    rest = [axis for axis in range(rank) if axis not in places]
    operand = source[places[0]][0] if places else 0
    rows = [axis for axis in rest if source[axis][0] == operand]
    channels = [axis for axis in rest if source[axis][0] != operand]
    if (
        len(rows) != 1
        or len(channels) != 1
        or any(source[axis][0] != operand for axis in places)
        or any(one[0] == operand for one in windows)
    ):
        return None
    ((first, second),) = product.attr("summed")
    summed = (first, second) if operand == 0 else (second, first)
    axes = (
        (source[rows[0]][1], summed[0], *(source[axis][1] for axis in places)),
        (source[channels[0]][1], summed[1], *(one[1] for one in windows)),
        (rows[0], channels[0], *places),
    )
    return Convolution(
        product.inputs[operand],
        product.inputs[1 - operand],
        axes,
        (1,) * len(places),
        node.attr("stride"),
        node.attr("dilation"),
        node.attr("lengths"),
        full=True,
    )
