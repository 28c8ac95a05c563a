"""Sums in blocks that meet in a fixed tree: the attribute `block` of rows that sum.

The first axis that is summed is cut into blocks of `block` elements, the last of them perhaps
shorter. Each block is summed by itself, from nothing. Neighbours meet in pairs, pairs of pairs, and
so on: ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)). What is left over joins from the end: of five
blocks ((0 + 1) + (2 + 3)) + 4, of seven ((0 + 1) + (2 + 3)) + ((4 + 5) + 6).

So 2ᵏ blocks that begin at a multiple of 2ᵏ are a node of the tree, in the same bits wherever they
are computed, and so is what is left behind the last such run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Part = TypeVar("Part")


def tree(parts: Iterable[Part], add: Callable[[Part, Part], Part]) -> Part:
    """The sum of at least one part, as a binary counter carries.

    At level l waits the sum of 2ˡ blocks that are whole, where one does.
    """
    waiting: list[tuple[int, Part]] = []  # (level, sum), the highest level first
    for part in parts:
        level = 0
        while waiting and waiting[-1][0] == level:
            part, level = add(waiting.pop()[1], part), level + 1
        waiting.append((level, part))
    total = waiting.pop()[1]
    while waiting:
        total = add(waiting.pop()[1], total)
    return total


def spans(length: int, block: int) -> list[tuple[int, int]]:
    """Where each block begins and ends; of nothing there is one, which is empty."""
    return [(begin, min(begin + block, length)) for begin in range(0, max(length, 1), block)]


def in_blocks(xp: Any, length: int, block: int, part: Callable[[int, int], Any]) -> Any:
    """The sum of `part(begin, end)` over the blocks of an axis, in the array namespace `xp`."""
    return tree((part(*span) for span in spans(length, block)), xp.add)


def along(xp: Any, x: Any, axis: int, begin: int, end: int) -> Any:
    """Elements `begin` to `end` of an axis."""
    start, stop = [0] * x.ndim, list(x.shape)
    start[axis], stop[axis] = begin, end
    return xp.getitem(x, tuple(start), tuple(stop), (1,) * x.ndim)
