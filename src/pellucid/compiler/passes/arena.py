"""Memory by lifetimes. In: a program in its final order. Out: with offsets that reuse dead room.

First fit in the order of execution, in two regions: bytes for buffers without N, bytes per row for
those with it. Neither asks for N, so the layout is one for every batch size.
"""

from __future__ import annotations

from dataclasses import replace

from pellucid.compiler.program import Arena, Buffer, Extent, Program


class _Region:
    """Taken intervals in order of their start, and the most that was ever taken."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, int]] = []
        self.peak = 0

    def take(self, size: int) -> int:
        """The lowest start of a gap of `size`."""
        start = 0
        for place, (low, high) in enumerate(self.taken):
            if start + size <= low:
                self.taken.insert(place, (start, start + size))
                return start
            start = high
        self.taken.append((start, start + size))
        self.peak = max(self.peak, start + size)
        return start

    def free(self, start: int, size: int) -> None:
        self.taken.remove((start, start + size))


def arena(program: Program) -> Program:
    """`program` with every arena buffer placed by its lifetime."""
    regions = {"fixed": _Region(), "row": _Region()}
    starts: dict[int, int] = {}
    readers = program.readers()
    dying: dict[int, list[int]] = {}
    for place, kernel in enumerate(program.kernels):
        for number in kernel.writes:
            buffer = program.buffers[number]
            if buffer.slot is None:
                starts[number] = regions[buffer.region].take(_bytes(buffer))
                dying.setdefault(readers.get(number, [place])[-1], []).append(number)
        for dead in dying.pop(place, ()):
            buffer = program.buffers[dead]
            regions[buffer.region].free(starts[dead], _bytes(buffer))
    size = Arena(regions["fixed"].peak, regions["row"].peak)
    buffers = tuple(
        buffer if buffer.slot is not None else _placed(buffer, starts.get(number, 0), size)
        for number, buffer in enumerate(program.buffers)
    )
    return replace(program, buffers=buffers, arena=size)


def _bytes(buffer: Buffer) -> int:
    return buffer.size.per_row if buffer.region == "row" else buffer.size.fixed


def _placed(buffer: Buffer, start: int, size: Arena) -> Buffer:
    by_row = buffer.region == "row"
    return replace(buffer, offset=Extent(size.fixed, start) if by_row else Extent(start, 0))
