"""Who computes which blocks of a batch, and who adds up which numbers.

Blocks of rows meet in a fixed binary tree (`ops/blocks.py`). A worker has neighbouring blocks and
sends the sums of whole subtrees, so that the tree is the same for any number of workers. The
numbers that meet are cut into shards; the owner of a shard gets the sums of all subtrees for it,
adds them in the order of the tree, and sends every other worker the result.

With one subtree a worker that is the traffic of a ring all-reduce, 2·(W - 1) times the numbers in
all. A worker with several subtrees sends as many sums, unless it owns what they are of: so shards
go to those with the most subtrees.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Span = tuple[int, int]  # from, and up to but without
Part = TypeVar("Part")


def halves(begin: int, end: int) -> int:
    """Where the tree over these blocks, which begins at one of its nodes, has its root."""
    return begin + (1 << (end - begin - 1).bit_length() - 1)


def subtrees(begin: int, end: int, blocks: int) -> list[Span]:
    """The fewest nodes of the tree over `blocks` blocks that make up these, in order."""
    found: list[Span] = []

    def visit(low: int, high: int) -> None:
        if begin <= low and high <= end:
            found.append((low, high))
        elif low < end and begin < high:
            middle = halves(low, high)
            visit(low, middle)
            visit(middle, high)

    if begin < end:
        visit(0, blocks)
    return found


def joined(sums: Mapping[Span, Part], blocks: int, add: Callable[[Part, Part], Part]) -> Part:
    """The sum over all blocks from those of subtrees, in the order of the tree."""

    def total(low: int, high: int) -> Part:
        if (low, high) in sums:
            return sums[low, high]
        middle = halves(low, high)
        left = total(low, middle)
        return add(left, total(middle, high))

    return total(0, blocks)


@functools.lru_cache(maxsize=64)
def runs(blocks: int, workers: int) -> tuple[Span, ...]:
    """The blocks of each worker: neighbours, none with more than need be, in few subtrees.

    The longest part decides the time, ⌈blocks/workers⌉ blocks; of the ways to cut that leave it so
    long, one with the fewest subtrees. Where workers are more than blocks, the last have none.
    """
    busy = min(workers, blocks)
    most = -(-blocks // busy)
    # The fewest subtrees of the first `end` blocks in so many parts, and where the last one begins.
    best: list[dict[int, tuple[int, int]]] = [{0: (0, 0)}]
    for left in range(busy - 1, -1, -1):
        row: dict[int, tuple[int, int]] = {}
        for begin, (count, _) in best[-1].items():
            for end in range(begin + 1, min(begin + most, blocks - left) + 1):
                if blocks - end > left * most:
                    continue
                total = count + len(subtrees(begin, end, blocks))
                if end not in row or total < row[end][0]:
                    row[end] = (total, begin)
        best.append(row)
    found, end = [], blocks
    for row in reversed(best[1:]):
        begin = row[end][1]
        found.append((begin, end))
        end = begin
    return (*reversed(found), *((blocks, blocks),) * (workers - busy))


def shards(length: int, counts: Sequence[int]) -> list[Span]:
    """Which of `length` numbers each worker adds up, by the number of its subtrees."""
    owners = [n for n, count in enumerate(counts) if count == max(counts)]
    found, begin = [], 0
    for n in range(len(counts)):
        place = owners.index(n) + 1 if n in owners else 0
        end = length * place // len(owners) if place else begin
        found.append((begin, end))
        begin = end
    return found


def traffic(length: int, counts: Sequence[int]) -> int:
    """How many numbers all workers together send where `length` numbers meet."""
    sent = 0
    for count, (begin, end) in zip(counts, shards(length, counts), strict=True):
        own = end - begin
        sent += count * (length - own) + own * (len(counts) - 1)
    return sent


@dataclass(frozen=True)
class Division:
    """A batch of `rows` rows among workers.

    Args:
        block: rows a block; the last one may have fewer.
    """

    rows: int
    block: int
    workers: int

    @property
    def blocks(self) -> int:
        return -(-self.rows // self.block)

    @property
    def subtrees(self) -> list[list[Span]]:
        """The nodes of the tree that each worker computes, as spans of blocks."""
        return _subtrees(self.blocks, self.workers)

    def rows_of(self, span: Span) -> Span:
        """The rows of these blocks."""
        return span[0] * self.block, min(span[1] * self.block, self.rows)

    def part(self, worker: int) -> Span:
        """The rows of a worker."""
        own = self.subtrees[worker]
        return self.rows_of((own[0][0], own[-1][1])) if own else (0, 0)

    @property
    def counts(self) -> list[int]:
        return [len(own) for own in self.subtrees]


@functools.lru_cache(maxsize=64)
def _subtrees(blocks: int, workers: int) -> list[list[Span]]:
    """Looked up at every step."""
    return [subtrees(begin, end, blocks) for begin, end in runs(blocks, workers)]
