"""Depthwise convolutions. In: a graph. Out: the graph with them as rows of their own.

A depthwise convolution is a product over windows in which channels do not meet: a batch of products
of a vector with a matrix, a channel each, which no tile makes fast. It becomes the row `depthwise`,
whose kernel takes a vector of channels, with its padding; the gradient of the kernel is such a
product as well, summed over the places of the windows, and becomes `depthwise_kernel`. Both take
(N, L, …, C): axes in another order are permuted before and behind.

The terms are added in another order than in a product, so this is no pass that can be switched off.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pellucid.compiler.passes.channels_last import (
    FURTHEST,
    LONGEST,
    convolved,
    permuted,
    repeated,
    reshaped,
    whole,
)
from pellucid.core.shapes import Batch, Shape, size
from pellucid.graph.node import CONST, INPUT, Graph, Node, pruned
from pellucid.ops.contract import free_axes
from pellucid.ops.spec import lookup
from pellucid.ops.value import Builder, Value, apply, records

Ints = tuple[int, ...]


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
        low: places of padding before x, for each axis that windows slide along; high: behind it.
        block: the attribute of the product: elements of its first summed axis, or None.
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
    low: Ints
    high: Ints
    block: int | None

    @property
    def slid(self) -> Ints:
        """The axes that windows slide along."""
        axes: Ints = self.windows.attr("axes")
        return axes

    @property
    def convolves(self) -> bool:
        """Whether it sums over the inside of windows; else over their places."""
        shape = self.windows.type.shape
        return {i for i in self.summed if i in self.inside or shape[i] != 1} == {*self.inside}

    @property
    def cut(self) -> bool:
        """Whether what images give can be summed in blocks, where that is asked for."""
        first = next((i for i in self.leading if i in self.summed), None)
        return self.block is None or self.summed[0] == first

    @property
    def channels(self) -> Ints:
        """The axes that are channels; a batch axis of unknown length is none."""
        return tuple(i for i in self.batch if not self._unknown(i))

    @property
    def leading(self) -> Ints:
        """All other axes that x has as well, summed ones last."""
        rank = len(self.windows.type.shape) - len(self.inside)
        rest = [i for i in range(rank) if i not in (*self.slid, *self.channels)]
        return tuple(sorted(rest, key=lambda i: i in self.summed))

    def _unknown(self, axis: int) -> bool:
        return isinstance(self.windows.type.shape[axis], Batch)

    def dims(self, axes: Ints) -> Shape:
        """The lengths of axes of the windows."""
        return tuple(self.windows.type.shape[i] for i in axes)

    def order(self, left: list[int]) -> Ints:
        """How a value is permuted to the product's axes.

        Args:
            left: which axis of the windows each of its axes is; those that follow are what is left
                of the other operand.
        """
        mine = [left.index(i) for i in self.batch]
        rest = [left.index(i) for i in self.free[0]]
        right = [len(left) + n for n in range(len(self.free[1]))]
        return tuple(mine + (rest + right if self.first else right + rest))


@records
def channelwise(graph: Graph) -> Graph:
    """`graph` with each depthwise product over windows as a row of its own."""
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
                make = _convolution if one.convolves else _gradient
                made, axes = make(one, _known(place[one.x]), _known(place[one.other]))
                laid[position] = made, axes
                place.append(permuted(made, axes))
            elif source in laid and uses[source] == 1:
                made, axes = laid[source]
                place.append(permuted(made, tuple(axes[i] for i in node.attr("axes"))))
            elif node.op == "reshape":
                place.append(reshaped(_known(place[node.inputs[0]]), node.type.shape))
            else:
                inputs = [_known(place[i]) for i in node.inputs]
                place.append(builder.apply(lookup(node.op), inputs, dict(node.attrs)))
        return pruned(builder.graph([_known(place[i]) for i in graph.outputs]))


def _known(value: Value | None) -> Value:
    assert value is not None
    return value


def _product(graph: Graph, position: int) -> _Product | None:
    node = graph.nodes[position]
    if node.op != "contract" or not node.type.dtype.is_float or not node.attr("batch"):
        return None
    for side in (0, 1):
        windows = graph.nodes[node.inputs[side]]
        if windows.op != "windows" or windows.attr("size")[-1] > LONGEST:
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
    others = graph.nodes[other].type.shape
    x, low, high = _unpadded(graph, windows)
    one = _Product(
        windows,
        x,
        other,
        dict(paired),
        tuple(i for i, _ in paired[:count]),
        tuple(i for i, _ in paired[count:]),
        tuple(range(rank - len(windows.attr("size")), rank)),
        (
            tuple(free_axes(rank, [i for i, _ in paired])),
            tuple(free_axes(len(others), [j for _, j in paired])),
        ),
        side == 0,
        low,
        high,
        dict(node.attrs).get("block"),
    )
    unknown = any(isinstance(others[j], Batch) for j in one.free[1])
    if {*one.batch} & {*one.inside, *one.slid} or unknown or not one.channels:
        return None
    if one.convolves:  # whose inside is not cut into blocks
        return one if one.channels == one.batch and one.block is None else None
    # Else channels meet, or part of a window's inside is left.
    places = {*range(rank - len(one.inside))} - {*one.batch}
    return one if {*one.summed} == places and one.cut else None


def _unpadded(graph: Graph, windows: Node) -> tuple[int, Ints, Ints]:
    """What windows slide over without its padding, by position; its places before and behind."""
    axes, source = windows.attr("axes"), windows.inputs[0]
    pad, none = graph.nodes[source], (0,) * len(axes)
    if pad.op != "pad" or any(pad.attr("interior")):
        return source, none, none
    value, low, high = graph.nodes[pad.inputs[1]], pad.attr("low"), pad.attr("high")
    zero = value.op == "full" and value.attr("value") == 0
    elsewhere = any(n for many in (low, high) for i, n in enumerate(many) if i not in axes)
    if not zero or elsewhere or max(*low, *high) > FURTHEST:
        return source, none, none
    return pad.inputs[0], tuple(low[i] for i in axes), tuple(high[i] for i in axes)


def _convolution(one: _Product, x: Value, other: Value) -> tuple[Value, Ints]:
    """The product as it comes, and how it is permuted to its own axes."""
    several = tuple(other.type.shape[j] for j in one.free[1])
    order = [*one.inside, *(i for i in one.summed if i not in one.inside), *one.batch]
    kernel = permuted(other, (*(one.pairs[i] for i in order), *one.free[1]))
    channels = whole((*one.dims(one.channels), *several))
    kernel = reshaped(kernel, (*one.windows.attr("size"), channels))
    made = convolved(
        _channels_last(one, x, whole(several)),
        kernel,
        one.windows.attr("stride"),
        one.windows.attr("dilation"),
        one.low,
        one.high,
    )
    kept = [i for i in (*one.leading, *one.slid, *one.channels) if i not in one.summed]
    return reshaped(made, (*one.dims(tuple(kept)), *several)), one.order(kept)


def _gradient(one: _Product, x: Value, other: Value) -> tuple[Value, Ints]:
    """The gradient of a kernel as it comes, and how it is permuted to the product's axes."""
    several = tuple(other.type.shape[j] for j in one.free[1])
    channels = whole((*one.dims(one.channels), *several))
    outer = (*one.leading, *one.slid, *one.channels)
    cotangent = permuted(other, (*(one.pairs[i] for i in outer), *one.free[1]))
    leading = one.dims(one.leading)
    cotangent = reshaped(cotangent, (size(leading), *one.dims(one.slid), channels))
    inside = one.windows.attr("size")
    made: Value = apply(
        "depthwise_kernel",
        _channels_last(one, x, whole(several)),
        cotangent,
        size=inside,
        stride=one.windows.attr("stride"),
        dilation=one.windows.attr("dilation"),
        low=one.low,
    )
    kept = tuple(i for i in one.leading if i not in one.summed)
    images = one.dims(tuple(i for i in one.leading if i in one.summed))
    summed = size(images)
    if summed != 1:
        shape = (*one.dims(kept), summed, *inside, channels)
        # So many images a block: those of one place of the first axis are neighbours.
        block = {} if one.block is None else {"block": one.block * whole(images[1:])}
        made = apply("sum", reshaped(made, shape), axis=(len(kept),), keepdims=False, **block)
    shape = (*one.dims(kept), *inside, *one.dims(one.channels), *several)
    return reshaped(made, shape), one.order([*kept, *one.inside, *one.channels])


def _channels_last(one: _Product, x: Value, several: int) -> Value:
    """x as (N, what windows slide along, channels), each channel so many times."""
    leading, slid, channels = one.leading, one.slid, one.channels
    dims = x.type.shape
    x = permuted(x, (*leading, *slid, *channels))
    count = size(dims[i] for i in leading), *(dims[i] for i in slid)
    deep = whole(dims[i] for i in channels)
    return repeated(reshaped(x, (*count, deep)), several)
