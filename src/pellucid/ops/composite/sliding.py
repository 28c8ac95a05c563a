"""Where windows stand: sizes, strides, padding and dilation of convolution and pooling.

In: what a person writes. Out: one number an axis, checked against the input, and the windows
themselves. Images are channels last: x (N, L₁, …, C), windows slide along the axes between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pellucid.core import shapes
from pellucid.core.arguments import choice, integer
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.graph.node import TensorType
from pellucid.ops.composite.base import asvalue
from pellucid.ops.composite.movement import pad, windows
from pellucid.ops.value import Value

Ints = tuple[int, ...]
_MOST_LEAPS = 1 << 16  # windows that are looked at one by one
Padding = str | int | tuple[Any, ...]

AXES = {1: "length", 2: "height, width", 3: "depth, height, width"}
CHANNELS_LAST = "Channels come last: move them with np.moveaxis(x, 1, -1) if yours come first."


@dataclass(frozen=True, slots=True)
class Sliding:
    """Windows over axes 1, 2, … of an input; each field has one entry an axis."""

    size: Ints
    strides: Ints
    dilation: Ints
    low: Ints
    high: Ints
    counts: Ints  # how many windows

    @property
    def axes(self) -> Ints:
        return tuple(range(1, len(self.size) + 1))

    @property
    def elements(self) -> int:
        return math.prod(self.size)


def per_axis(where: str, name: str, value: Any, rank: int) -> Ints:
    """`value` (a number ≥ 1, or one an axis) as one number an axis."""
    several = list(value) if isinstance(value, (tuple, list)) else [value] * rank
    if len(several) != rank:
        raise ArgumentError(where, f"{name} must be a number or {rank} numbers, got {value!r}")
    return tuple(integer(where, name, item, 1) for item in several)


def fixed(value: Any) -> Any:
    """What a person wrote, with tuples for its lists."""
    return tuple(map(fixed, value)) if isinstance(value, (tuple, list)) else value


def check_padding(where: str, padding: Any, rank: int) -> str | tuple[tuple[int, int], ...]:
    """`padding` as "valid", "same", or a pair (before, behind) an axis."""
    if isinstance(padding, str):
        choice(where, "padding", padding, ("valid", "same"))
        return padding
    several = list(padding) if isinstance(padding, (tuple, list)) else [padding] * rank
    pairs = [tuple(i) if isinstance(i, (tuple, list)) else (i, i) for i in several]
    if len(pairs) != rank or any(len(pair) != 2 for pair in pairs):
        example = ", ".join(["(1, 2)"] * rank) + ("," if rank == 1 else "")
        raise ArgumentError(
            where,
            f"padding must be 'valid', 'same', a number, or an entry for each of {rank} axes, "
            f"got {padding!r}",
            f"An entry is a number or a pair (before, behind): padding=({example}).",
        )
    return tuple(
        (integer(where, "padding", before), integer(where, "padding", behind))
        for before, behind in pairs
    )


def known_lengths(where: str, x: Any, rank: int) -> Ints:
    """The lengths of the axes that windows slide along; x is a tensor or its type.

    Raises:
        ShapeError: where x is not (N, L₁, …, C), channels last.
    """
    shape = x.shape if isinstance(x, TensorType) else asvalue(x).type.shape
    wanted = f"x must be (N, {AXES[rank]}, channels)"
    if len(shape) == rank + 1:
        fix = f"Give it one channel: add Reshape({(*shape[1:], 1)}) before, or use x[..., None]."
        raise ShapeError(where, f"{wanted}, got {shapes.text(shape)} without channels", fix)
    if len(shape) != rank + 2 or not all(isinstance(dim, int) for dim in shape[1:]):
        raise ShapeError(where, f"{wanted}, got {shapes.text(shape)}")
    return tuple(dim for dim in shape[1:-1] if isinstance(dim, int))


def _same(length: int, size: int, stride: int, dilation: int) -> tuple[int, int]:
    """Padding for ⌈length / stride⌉ windows; of an odd number the last goes behind."""
    count = -(-length // stride)
    total = max(0, (count - 1) * stride + (size - 1) * dilation + 1 - length)
    return total // 2, total - total // 2


def sliding(
    where: str, x: Any, size: Any, strides: Any, padding: Any, dilation: Any, rank: int
) -> Sliding:
    """The windows over x.

    Raises:
        ArgumentError: for a number that is none of 1, 2, ….
        ShapeError: where x has other axes, or is smaller than one window.
    """
    lengths = known_lengths(where, x, rank)
    k, s, d = (
        per_axis(where, name, value, rank)
        for name, value in (("kernel_size", size), ("strides", strides), ("dilation", dilation))
    )
    pairs = check_padding(where, padding, rank)
    if pairs == "same":
        pairs = tuple(map(_same, lengths, k, s, d))
    elif pairs == "valid":
        pairs = ((0, 0),) * rank
    low, high = (tuple(int(pair[i]) for pair in pairs) for i in (0, 1))
    wide = tuple(map(sum, zip(lengths, low, high, strict=True)))
    counts = tuple(map(shapes.window_count, wide, k, s, d))
    if 0 in counts:
        reach = tuple((size - 1) * dilation + 1 for size, dilation in zip(k, d, strict=True))
        raise ShapeError(
            where,
            f"x must hold a window of {shapes.text(reach)} ({AXES[rank]}) with its padding, got "
            f"lengths {shapes.text(lengths)}",
            f"Use padding='same' or a smaller kernel. {CHANNELS_LAST}",
        )
    return Sliding(k, s, d, low, high, counts)


@dataclass(frozen=True, slots=True)
class Spreading:
    """Where a transposed convolution puts its kernels; each field has one entry an axis."""

    size: Ints
    strides: Ints
    dilation: Ints
    full: Ints  # places that any kernel reaches
    low: Ints  # of which so many are cut off
    lengths: Ints  # of the output


def spreading(
    where: str,
    lengths: Ints,
    size: Any,
    strides: Any,
    padding: Any,
    dilation: Any,
    output_padding: Any,
) -> Spreading:
    """The output of a transposed convolution whose input has these lengths.

    Raises:
        ArgumentError: for a number that is none of 1, 2, …, or an output padding that is too long.
        ShapeError: where nothing is left of the output.
    """
    rank = len(lengths)
    k, s, d = (
        per_axis(where, name, value, rank)
        for name, value in (("kernel_size", size), ("strides", strides), ("dilation", dilation))
    )
    more = check_output_padding(where, output_padding, s, d)
    pairs = check_padding(where, padding, rank)
    full, low, out = [], [], []
    for i, length in enumerate(lengths):
        reach = (k[i] - 1) * d[i] + 1
        whole = (length - 1) * s[i] + reach
        if pairs == "same":
            wanted = s[i] * length if more is None else whole + more[i] - reach // 2 * 2
            before = max(whole - wanted, 0) // 2
        elif pairs == "valid":
            before, wanted = 0, max(whole, s[i] * length) if more is None else whole + more[i]
        else:
            before, behind = map(int, pairs[i])
            wanted = whole - before - behind + (more[i] if more else 0)
        if wanted < 1 or before >= whole:
            raise ShapeError(
                where,
                f"padding must leave some of the {whole} places along each axis ({AXES[rank]}), "
                f"got {padding!r}",
                "Use padding='same' or smaller numbers.",
            )
        full.append(whole)
        low.append(before)
        out.append(wanted)
    return Spreading(k, s, d, tuple(full), tuple(low), tuple(out))


def check_output_padding(where: str, value: Any, strides: Ints, dilation: Ints) -> Ints | None:
    """`output_padding` as one number an axis, each less than the stride or the dilation."""
    if value is None:
        return None
    rank = len(strides)
    several = list(value) if isinstance(value, (tuple, list)) else [value] * rank
    if len(several) != rank:
        raise ArgumentError(
            where, f"output_padding must be a number or {rank} numbers, got {value!r}"
        )
    return tuple(
        integer(where, "output_padding", one, 0, max(step, apart) - 1)
        for one, step, apart in zip(several, strides, dilation, strict=True)
    )


def check_seen(where: str, x: Any, plan: Sliding) -> None:
    """Refuses a window that sees nothing but padding."""
    lengths = known_lengths(where, x, len(plan.size))
    for i, length in enumerate(lengths):
        start = _blind(plan, i, length)
        if start is not None:
            raise ShapeError(
                where,
                f"each window must see an element of x, got padding alone at {start} along "
                f"an axis of {length}",
                "Pad by less than the window.",
            )


def _blind(plan: Sliding, i: int, length: int) -> int | None:
    """Where a window of axis i starts that sees nothing of it; None where each sees something."""
    first, stride, dilation = -plan.low[i], plan.strides[i], plan.dilation[i]
    last = first + (plan.counts[i] - 1) * stride
    if first + (plan.size[i] - 1) * dilation < 0:
        return first
    if last >= length:
        return first + -(-(length - first) // stride) * stride
    if dilation <= length:
        return None
    # The steps within a window are longer than the axis: they can leap over it.
    before = range(first, min(0, last + 1), stride)
    looked = before[:_MOST_LEAPS]
    blind = next((start for start in looked if start % dilation >= length), None)
    return before[_MOST_LEAPS] if blind is None and len(before) > _MOST_LEAPS else blind


def slide(x: Any, plan: Sliding, filler: float) -> Value:
    """The windows of padded x: (N, windows …, then the other axes of x, then a window's)."""
    value = asvalue(x)
    if any(plan.low) or any(plan.high):
        rest = (0,) * (len(value.type.shape) - 1 - len(plan.size))
        value = pad(value, filler, (0, *plan.low, *rest), (0, *plan.high, *rest))
    return windows(value, plan.axes, plan.size, plan.strides, plan.dilation)
