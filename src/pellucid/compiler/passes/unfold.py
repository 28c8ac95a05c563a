"""Unfolding. In: a graph. Out: the graph without windows that a product makes only to be folded.

The gradient of a convolution with regard to its input is `contract`, then `fold`: windows as many
times larger than the input as the kernel has elements, made to be added up again. Each element of
the sum is itself a product over windows, those of the cotangent with the kernel turned round:

    Σ_{s·i + d·k = h} Σ_f g[i, f] w[k, f]  =  Σ_{j, f} g'[h + d·j, f] w[K-1-j, f]      for s = 1

where g' is g with d·(K-1) zeros on either side. With a stride s > 1 (and d = 1) the places h = s·i
+ p of each phase p < s are such a product with every s-th element of the kernel; the s phases are
put beside each other at the end. Where windows hardly overlap they take little more memory than the
input, and padding would be most of the work: such a fold stays. So does one with both stride and
dilation along an axis. Of a fold that is sliced, as where the input was padded, only that part is
computed.

The terms are added in another order than before, so this is no pass that can be switched off.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, replace

from pellucid.compiler.passes.folded import Folded, channelwise, each_channel
from pellucid.core.shapes import Batch, Shape, size
from pellucid.graph.node import CONST, INPUT, Graph, Node, pruned
from pellucid.ops.contract import free_axes
from pellucid.ops.spec import lookup
from pellucid.ops.value import Builder, Value, apply, number, records

Ints = tuple[int, ...]
MOST = 2.0  # times its input that windows may be large


@records
def unfold(graph: Graph) -> Graph:
    """`graph` with each fold of a product that nothing else needs as products over windows."""
    uses = Counter(i for node in graph.nodes for i in node.inputs) + Counter(graph.outputs)
    found: dict[int, Folded] = {}
    for position in range(len(graph.nodes)):
        one = _folded(graph, position)
        if one is not None and all(uses[i] == 1 for i in _between(graph, position)):
            found[position] = one
    for position, node in enumerate(graph.nodes):
        source = node.inputs[0] if node.op == "slice" else -1
        if source in found and uses[source] == 1 and (sliced := _sliced(found[source], node)):
            found[position] = sliced
    if not found:
        return graph
    builder = Builder()
    with builder:
        place: list[Value] = []
        for position, node in enumerate(graph.nodes):
            builder.line = node.line or ""
            if node.op == INPUT:
                place.append(builder.input(node.attr("name"), node.type))
            elif node.op == CONST:
                place.append(builder.const(node.attr("name"), graph.consts[node.attr("name")]))
            elif position in found:
                one = found[position]
                make = each_channel if channelwise(one) else _unfolded
                place.append(make(one, place[one.cotangent], place[one.kernel]))
            else:
                inputs = [place[i] for i in node.inputs]
                place.append(builder.apply(lookup(node.op), inputs, dict(node.attrs)))
        return pruned(builder.graph([place[i] for i in graph.outputs]))


def _between(graph: Graph, position: int) -> list[int]:
    """The product that a fold takes, and what puts its axes in order."""
    source = graph.nodes[position].inputs[0]
    permuted = graph.nodes[source].op == "permute_dims"
    return [source, graph.nodes[source].inputs[0]] if permuted else [source]


def _folded(graph: Graph, position: int) -> Folded | None:
    node = graph.nodes[position]
    if node.op != "fold" or not node.type.dtype.is_float:
        return None
    steps = zip(node.attr("stride"), node.attr("dilation"), strict=True)
    if any(stride > 1 and dilation > 1 for stride, dilation in steps):
        return None
    seen = graph.nodes[node.inputs[0]].type.shape
    overlap = _ratio(seen, node.type.shape) > MOST
    product = graph.nodes[_between(graph, position)[-1]]
    if product.op != "contract" or "block" in dict(product.attrs):
        return None
    rank = len(product.type.shape)
    source = graph.nodes[node.inputs[0]]
    axes = source.attr("axes") if source is not product else tuple(range(rank))
    for left in (0, 1):
        one = _sides(graph, node, product, axes, left)
        if one is not None and (overlap or channelwise(one)):
            return one
    return None


def _ratio(windows: Shape, result: Shape) -> float:
    """How many times larger windows are than what they are folded to."""
    long, short = (
        size(dim.scale if isinstance(dim, Batch) else dim for dim in shape)
        for shape in (windows, result)
    )
    assert isinstance(long, int) and isinstance(short, int)
    return long / max(1, short)


def _sides(graph: Graph, node: Node, product: Node, axes: Ints, left: int) -> Folded | None:
    """The fold with operand `left` of the product as the cotangent, if its axes allow that."""
    operands = [graph.nodes[i].type.shape for i in product.inputs]
    batch, summed = product.attr("batch"), product.attr("summed")
    free = [
        free_axes(len(operands[side]), [pair[side] for pair in (*batch, *summed)])
        for side in (0, 1)
    ]
    origin = [("batch", n) for n in range(len(batch))]
    origin += [
        ("left" if side == left else "right", axis) for side in (0, 1) for axis in free[side]
    ]
    origin = [origin[axis] for axis in axes]
    folded = node.attr("axes")
    outer, inner = origin[: len(origin) - len(folded)], origin[len(origin) - len(folded) :]
    if any(outer[axis][0] != "left" for axis in folded) or any(
        side != "right" for side, _ in inner
    ):
        return None
    order = [("slid", folded.index(i)) if i in folded else one for i, one in enumerate(outer)]
    return Folded(
        product.inputs[left],
        product.inputs[1 - left],
        operands[left],
        tuple((pair[left], pair[1 - left]) for pair in batch),
        tuple((pair[left], pair[1 - left]) for pair in summed),
        tuple(outer[axis][1] for axis in folded),
        tuple(axis for _, axis in inner),
        tuple(order),
        node,
        node,
        (0,) * len(folded),
    )


def _sliced(one: Folded, node: Node) -> Folded | None:
    """The part of a fold that `node` takes, where it can be computed by itself."""
    folded = one.fold.attr("axes")
    kept = [i for i, dim in enumerate(node.type.shape) if dim == one.fold.type.shape[i]]
    if any(step > 1 for step in node.attr("step")):
        return None
    if any(i not in folded and i not in kept for i in range(len(node.type.shape))):
        return None
    part = replace(one, part=node, starts=tuple(node.attr("start")[axis] for axis in folded))
    if channelwise(part):
        return part
    phases = itertools.product(*map(range, one.fold.attr("stride")))
    inside = all(min(*p.low, *p.high) >= 0 for p in (_Phase.of(part, phase) for phase in phases))
    return part if inside else None


@dataclass(frozen=True)
class _Phase:
    """How the elements at places s·i + p of a part are computed, a number for each folded axis.

    Args:
        first: of the kernel's elements that take part, every s-th.
        sizes: how many do.
        counts: how many elements the phase has.
        low, high: zeros before and behind the cotangent.
    """

    first: Ints
    sizes: Ints
    counts: Ints
    low: Ints
    high: Ints

    @classmethod
    def of(cls, one: Folded, phase: Ints) -> _Phase:
        fold, found = one.fold, []
        facts = zip(*(fold.attr(name) for name in ("size", "stride", "dilation")), strict=True)
        for n, (long, stride, dilation) in enumerate(facts):
            # h = start + s·i + p is d·k + s·j: with s = 1 for any k, else for k = h mod s + s·k'.
            place = one.starts[n] + phase[n]
            first, ahead = place % stride, place // stride
            count = -(-(one.lengths[n] - phase[n]) // stride)
            kept = max(0, -(-(long - first) // stride))
            seen = one.windows(n)
            low = dilation * (kept - 1) - ahead
            found.append((first, kept, count, low, count + dilation * (kept - 1) - low - seen))
        return cls(*(tuple(numbers) for numbers in zip(*found, strict=True)))


def _unfolded(one: Folded, cotangent: Value, kernel: Value) -> Value:
    strides = one.fold.attr("stride")
    numbers = itertools.product(*map(range, strides))
    phases = [(_Phase.of(one, phase)) for phase in numbers]
    made = [_phase(one, phase, cotangent, kernel) for phase in phases]
    if len(made) == 1:
        return made[0]
    axes, most = one.fold.attr("axes"), phases[0].counts
    return _beside([_filled(x, axes, most) for x in made], one)


def _phase(one: Folded, phase: _Phase, cotangent: Value, kernel: Value) -> Value:
    """The elements of a phase."""
    if min(*phase.sizes, *phase.counts) < 1:
        return _nothing(one, phase)
    low, high = ([0] * len(cotangent.type.shape) for _ in range(2))
    start, step = [0] * len(kernel.type.shape), [1] * len(kernel.type.shape)
    for n, (axis, inside) in enumerate(zip(one.slid, one.inside, strict=True)):
        low[axis], high[axis] = phase.low[n], phase.high[n]
        start[inside], step[inside] = phase.first[n], one.fold.attr("stride")[n]
    wide = apply(
        "pad",
        cotangent,
        number(0, cotangent.type.dtype),
        low=tuple(low),
        high=tuple(high),
        interior=(0,) * len(low),
    )
    slid = sorted(range(len(one.slid)), key=lambda n: one.slid[n])
    windows = apply(
        "windows",
        wide,
        axes=tuple(one.slid[n] for n in slid),
        size=tuple(phase.sizes[n] for n in slid),
        stride=(1,) * len(slid),
        dilation=tuple(one.fold.attr("dilation")[n] for n in slid),
    )
    return _product(one, windows, slid, _turned(one, kernel, start, step))


def _turned(one: Folded, kernel: Value, start: list[int], step: list[int]) -> Value:
    """Every so many elements of the kernel, the other way round, its own axes behind the summed."""
    if any(start) or any(by > 1 for by in step):
        stop = kernel.type.shape
        kernel = apply("slice", kernel, start=tuple(start), stop=stop, step=tuple(step))
    kernel = apply("flip", kernel, axis=tuple(sorted(one.inside)))
    return apply("permute_dims", kernel, axes=_kernel_order(one, kernel))


def _kernel_order(one: Folded, kernel: Value) -> Ints:
    """Batch, then the inside of windows, then what was summed, then what is left."""
    first = [j for _, j in one.batch]
    first += [*one.inside, *(j for _, j in one.summed)]
    return (*first, *free_axes(len(kernel.type.shape), first))


def _product(one: Folded, windows: Value, slid: list[int], kernel: Value) -> Value:
    """Windows times the turned kernel, its axes in the order of the fold."""
    rank, batches = len(windows.type.shape) - len(slid), len(one.batch)
    order = _kernel_order(one, kernel)
    summed = [(rank + slid.index(n), batches + n) for n in range(len(slid))]
    summed += [(i, order.index(j)) for i, j in one.summed]
    batch = tuple((i, order.index(j)) for i, j in one.batch)
    out = apply("contract", windows, kernel, batch=batch, summed=tuple(summed))
    used = [i for i, _ in (*batch, *summed)]
    made = [("batch", n) for n in range(batches)]
    made += [
        ("slid", one.slid.index(axis)) if axis in one.slid else ("left", axis)
        for axis in free_axes(rank, used)
    ]
    taken = {*(j for _, j in one.batch), *(j for _, j in one.summed), *one.inside}
    made += [("right", axis) for axis in order if axis not in taken]
    axes = tuple(made.index(wanted) for wanted in one.order)
    return out if axes == tuple(range(len(axes))) else apply("permute_dims", out, axes=axes)


def _nothing(one: Folded, phase: _Phase) -> Value:
    """A phase that no element of the kernel reaches."""
    shape = list(one.part.type.shape)
    for axis, count in zip(one.fold.attr("axes"), phase.counts, strict=True):
        shape[axis] = max(0, count)
    return apply("broadcast_to", number(0, one.fold.type.dtype), shape=tuple(shape))


def _filled(x: Value, axes: Ints, counts: Ints) -> Value:
    """x with zeros behind, so that all phases are equally long."""
    high = [0] * len(x.type.shape)
    for axis, count in zip(axes, counts, strict=True):
        length = x.type.shape[axis]
        assert isinstance(length, int)
        high[axis] = count - length
    if not any(high):
        return x
    none = (0,) * len(high)
    zero = number(0, x.type.dtype)
    return apply("pad", x, zero, low=none, high=tuple(high), interior=none)


def _beside(phases: list[Value], one: Folded) -> Value:
    """Phases put beside each other: element i of phase p at s·i + p."""
    axes, strides = one.fold.attr("axes"), one.fold.attr("stride")
    shape = phases[0].type.shape
    rank, several = len(shape), len(strides)
    rows = [apply("reshape", one, shape=(1, *shape)) for one in phases]
    whole = apply("reshape", apply("concat", *rows, axis=0), shape=(*strides, *shape))
    order: list[int] = []
    for axis in range(rank):
        order.append(several + axis)
        if axis in axes:
            order.append(axes.index(axis))
    mixed = apply("permute_dims", whole, axes=tuple(order))
    wide = list(shape)
    for axis, stride in zip(axes, strides, strict=True):
        length = shape[axis]
        assert isinstance(length, int)
        wide[axis] = length * stride
    joined = apply("reshape", mixed, shape=tuple(wide))
    if tuple(wide) == one.part.type.shape:
        return joined
    return apply("slice", joined, start=(0,) * rank, stop=one.part.type.shape, step=(1,) * rank)
