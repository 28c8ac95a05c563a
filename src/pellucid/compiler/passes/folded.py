"""A fold of a product, by the product's axes; and such a fold where channels do not meet.

That is the gradient of a depthwise convolution with regard to its input: a depthwise convolution
itself, of the cotangent with zeros between its elements and the kernel turned round.
"""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.compiler.passes.channels_last import (
    FURTHEST,
    LONGEST,
    convolved,
    permuted,
    reshaped,
    whole,
)
from pellucid.core.shapes import Shape, size, window_count
from pellucid.graph.node import Node
from pellucid.ops.value import Value, apply

Ints = tuple[int, ...]


@dataclass(frozen=True)
class Folded:
    """A fold of a product, by the product's axes.

    Args:
        cotangent, kernel: the operands, by the positions of their nodes.
        dims: the shape of the cotangent.
        batch, summed: pairs of axes, the cotangent's first.
        slid: for each folded axis, the cotangent's axis that counts windows.
        inside: for each folded axis, the kernel's axis that runs inside a window.
        order: where each axis of the result comes from: ("batch", n), ("slid", n), ("left", axis of
            the cotangent) or ("right", axis of the kernel).
    """

    cotangent: int
    kernel: int
    dims: Shape
    batch: tuple[tuple[int, int], ...]
    summed: tuple[tuple[int, int], ...]
    slid: Ints
    inside: Ints
    order: tuple[tuple[str, int], ...]
    fold: Node
    part: Node  # the fold, or the slice of it that is used
    starts: Ints  # where that begins

    @property
    def lengths(self) -> list[int]:
        """Of the folded axes."""
        found = [self.part.type.shape[axis] for axis in self.fold.attr("axes")]
        return [length for length in found if isinstance(length, int)]

    def windows(self, n: int) -> int:
        """How many windows there are along folded axis n."""
        names = ("lengths", "size", "stride", "dilation")
        return window_count(*(self.fold.attr(name)[n] for name in names))

    def padding(self, n: int) -> tuple[int, int]:
        """Zeros before and behind the cotangent, if it has stride - 1 between its elements."""
        size, stride, dilation = (
            self.fold.attr(name)[n] for name in ("size", "stride", "dilation")
        )
        low = dilation * (size - 1) - self.starts[n]
        long = self.windows(n)
        return low, self.lengths[n] + dilation * (size - 1) - low - max(0, (long - 1) * stride + 1)


def channelwise(one: Folded) -> bool:
    """Whether channels do not meet, so that `each_channel` can make it."""
    paired = [i for i, _ in (*one.batch, *one.summed)]
    known = all(isinstance(one.dims[i], int) for i in paired)
    apart = bool(one.batch) and all(side != "right" for side, _ in one.order)
    axes = range(len(one.slid))
    near = all(-FURTHEST <= places <= FURTHEST for n in axes for places in one.padding(n))
    return known and apart and near and one.fold.attr("size")[-1] <= LONGEST


def each_channel(one: Folded, cotangent: Value, kernel: Value) -> Value:
    """The fold as one depthwise convolution."""
    channels, summed = [i for i, _ in one.batch], [i for i, _ in one.summed]
    used = {*one.slid, *channels, *summed}
    dims = one.dims
    left = [i for i in range(len(dims)) if i not in used]
    x = permuted(cotangent, (*left, *one.slid, *channels, *summed))
    count, deep = whole(dims[i] for i in channels), whole(dims[i] for i in summed)
    leading = size(dims[i] for i in left)
    x = reshaped(x, (leading, *(dims[i] for i in one.slid), count * deep))
    w: Value = apply("flip", kernel, axis=tuple(sorted(one.inside)))
    w = permuted(w, (*one.inside, *(j for _, j in one.batch), *(j for _, j in one.summed)))
    w = reshaped(w, (*one.fold.attr("size"), count * deep))
    strides = one.fold.attr("stride")
    padding = [one.padding(n) for n in range(len(strides))]
    made = convolved(
        x,
        w,
        (1,) * len(strides),
        one.fold.attr("dilation"),
        tuple(low for low, _ in padding),
        tuple(high for _, high in padding),
        tuple(stride - 1 for stride in strides),
    )
    if deep > 1:
        made = reshaped(made, (*made.type.shape[:-1], count, deep))
        made = apply("sum", made, axis=(len(made.type.shape) - 1,), keepdims=False)
    parts = [("left", i) for i in left]
    parts += [("slid", n) for n in range(len(strides))]
    parts += [("batch", n) for n in range(len(channels))]
    made = reshaped(made, (*(dims[i] for i in left), *one.lengths, *(dims[i] for i in channels)))
    return permuted(made, tuple(parts.index(part) for part in one.order))
