"""Which elements windows see along an axis, and how a row of windows is cut into blocks.

In: the numbers of one axis. Out: what is known when code is made, for columns, and the code that
finds it out for a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64


@dataclass(frozen=True)
class Axis:
    """An axis of x that windows slide along.

    Element k of window p stands at e = stride·p + dilation·k - low of x with `interior` zeros
    between its elements: at x[e / (interior + 1)], or in a zero.

    Args:
        length: of x; size: elements of a window; count: windows.
    """

    length: int
    size: int
    count: int
    stride: int
    dilation: int
    low: int
    interior: int

    @property
    def apart(self) -> int:
        """From an element of x to the next, zeros counted."""
        return self.interior + 1

    def seen(self, window: int, k: int) -> int | None:
        """Which element of x is element k of a window; None for a zero."""
        place = self.stride * window + self.dilation * k - self.low
        inside = 0 <= place <= self.apart * (self.length - 1) and place % self.apart == 0
        return place // self.apart if inside else None

    def whole(self, window: int) -> bool:
        """Whether no element of a window lies before or behind x."""
        first = self.stride * window - self.low
        return first >= 0 and first + self.dilation * (self.size - 1) <= self.apart * (
            self.length - 1
        )


@dataclass(frozen=True)
class Block:
    """Windows that are computed together.

    Args:
        first: the first window; count: how many; times: how often such a block follows.
        places: (window inside the block, k, element of x), the elements counted from those of the
            first window's block; in the order of the elements.
    """

    first: int
    count: int
    times: int
    places: tuple[tuple[int, int, int], ...]


def blocks(axis: Axis, most: int) -> Iterator[Block]:
    """A row of windows as blocks of at most `most`, as equal as they come.

    Whole windows that follow each other are one block many times: it moves by the same number of
    elements of x each time.
    """
    if not axis.count:
        return
    several = -(-axis.count // most)
    count = -(-axis.count // several)
    # Blocks must move by whole elements of x, so that all of them see zeros at the same places.
    while count * axis.stride % axis.apart:
        count += 1
    first = 0
    while first < axis.count:
        times, long = 1, min(count, axis.count - first)
        if _inside(axis, first, count):
            while _inside(axis, first + times * count, count):
                times += 1
        yield Block(first, long, times, tuple(_places(axis, first, long)))
        first += times * long


@dataclass(frozen=True)
class Piece:
    """Neighbouring channels, or several such pieces that follow each other.

    Args:
        width: lanes of a vector; 1 for channels by themselves. The last may reach over the end.
    """

    first: int
    width: int
    times: int


def pieces(channels: int, width: int, masks: bool) -> tuple[Piece, ...]:
    """The channels as vectors of `width`; what is left as shorter ones, or under a mask."""
    first, rest = channels - channels % width, channels % width
    found = [Piece(0, width, first // width)] if first else []
    shorter = [1 << bit for bit in reversed(range(rest.bit_length())) if rest >> bit & 1]
    if masks and len(shorter) > 2:
        shorter = [1 << rest.bit_length()]
    for short in shorter:
        found.append(Piece(first, short, 1))
        first += short
    return tuple(found)


def _inside(axis: Axis, first: int, count: int) -> bool:
    last = first + count - 1
    return last < axis.count and axis.whole(first) and axis.whole(last)


def _places(axis: Axis, first: int, count: int) -> list[tuple[int, int, int]]:
    found = [
        (n, k, element)
        for n in range(count)
        for k in range(axis.size)
        if (element := axis.seen(first + n, k)) is not None
    ]
    return sorted(found, key=lambda place: (place[2], place[0]))


def rows_of_window(
    b: ir.IRBuilder, axis: Axis, window: ir.Value
) -> tuple[ir.Value, ir.Value, ir.Value]:
    """The elements of a window that are elements of x: how many, the first k, its element of x.

    From each to the next, k moves by `interior + 1` and x by `dilation`: one of them is 1.
    """
    place = b.sub(b.mul(window, i64(axis.stride)), i64(axis.low))
    before = _positive(b, b.sub(i64(0), place))
    if axis.interior:
        apart = i64(axis.apart)
        rest = b.urem(b.add(place, before), apart)
        missing = b.select(b.icmp_signed("==", rest, i64(0)), i64(0), b.sub(apart, rest))
        first = b.add(before, missing)
        step = axis.apart
    else:
        first = b.udiv(b.add(before, i64(axis.dilation - 1)), i64(axis.dilation))
        step = axis.dilation
    end = i64(axis.apart * (axis.length - 1) + 1)  # behind the last element of x
    element = b.udiv(b.add(place, b.mul(first, i64(axis.dilation))), i64(axis.apart))
    left = b.sub(end, b.add(place, b.mul(first, i64(axis.dilation))))
    inside = b.udiv(b.add(_positive(b, left), i64(step - 1)), i64(step))
    own = b.udiv(
        b.add(_positive(b, b.sub(i64(axis.size), first)), i64(axis.apart - 1)), i64(axis.apart)
    )
    return b.select(b.icmp_signed("<", inside, own), inside, own), first, element


def windows_of_row(b: ir.IRBuilder, axis: Axis, k: ir.Value) -> tuple[ir.Value, ir.Value]:
    """The windows whose element k is one of x, without interior: the first, and how many."""
    before = _positive(b, b.sub(i64(axis.low), b.mul(k, i64(axis.dilation))))
    first = b.udiv(b.add(before, i64(axis.stride - 1)), i64(axis.stride))
    last = b.sub(i64(axis.length + axis.low + axis.stride - 1), b.mul(k, i64(axis.dilation)))
    end = b.udiv(_positive(b, last), i64(axis.stride))
    end = b.select(b.icmp_signed("<", end, i64(axis.count)), end, i64(axis.count))
    return first, _positive(b, b.sub(end, first))


def _positive(b: ir.IRBuilder, x: ir.Value) -> ir.Value:
    return b.select(b.icmp_signed(">", x, i64(0)), x, i64(0))
