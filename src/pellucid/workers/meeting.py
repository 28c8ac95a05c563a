"""Sums of subtrees from all workers become one sum, the same bits with each of them.

Values of one dtype stand behind one another as one row of numbers, which is cut into shards
(`division.py`). First each owner of a shard gets the sums of all subtrees for it and adds them up,
then it sends the result to all others.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.workers.division import Division, Span, joined, shards
from pellucid.workers.share import Meeting, Sums
from pellucid.workers.wire import Mesh, Views, bytes_of

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Row:
    """Values of one dtype that are put together in one way, as one row of numbers.

    Args:
        members: which of the values that meet; starts: where each begins, and the end.
    """

    members: tuple[int, ...]
    starts: tuple[int, ...]
    dtype: Any
    how: str

    @property
    def length(self) -> int:
        return self.starts[-1]

    def put(self, x: Array, y: Array) -> Array:
        """x and y together, in the place of x."""
        found: Array = getattr(np, self.how)(x, y, out=x)
        return found

    def views(self, values: Sequence[Array], span: Span) -> list[Array]:
        """The numbers of a span, as they lie in the values."""
        found = []
        at = bisect.bisect_right(self.starts, span[0]) - 1
        while at < len(self.members) and self.starts[at] < span[1]:
            begin = max(span[0] - self.starts[at], 0)
            end = min(span[1], self.starts[at + 1]) - self.starts[at]
            if begin < end:
                found.append(values[self.members[at]].reshape(-1)[begin:end])
            at += 1
        return found


def _rows(meeting: Meeting) -> list[_Row]:
    kinds: dict[tuple[Any, str], list[int]] = {}
    for number, ((_, dtype), how) in enumerate(zip(meeting.kinds, meeting.hows, strict=True)):
        kinds.setdefault((np.dtype(dtype).str, how), []).append(number)
    found = []
    for (name, how), members in kinds.items():
        sizes = [shapes.count(meeting.kinds[n][0]) for n in members]
        starts = (0, *itertools.accumulate(sizes))
        found.append(_Row(tuple(members), starts, np.dtype(name), how))
    return found


def meet(
    mesh: Mesh, own: int, division: Division, meeting: Meeting, sums: Sums, tag: int
) -> list[Array]:
    """What the values of all rows give together: arrays that the next step writes over.

    Args:
        own: which worker this is; sums: of its subtrees, in their order.
        tag: an even number that no other meeting of these workers has.

    Raises:
        Lost: where a worker is gone.
    """
    rows, counts = _rows(meeting), division.counts
    cuts = [shards(row.length, counts) for row in rows]
    others = [peer for peer in range(len(counts)) if peer != own]
    out: dict[int, Views] = {peer: [] for peer in others}
    into: dict[int, Views] = {peer: [] for peer in others}
    parts: list[dict[Span, Array]] = []
    for number, (row, cut) in enumerate(zip(rows, cuts, strict=True)):
        begin, end = cut[own]
        mine: dict[Span, Array] = {}
        for peer in others:
            for values in sums:
                out[peer] += map(bytes_of, row.views(values, cut[peer]))
            for span in division.subtrees[peer]:
                mine[span] = mesh.room((tag, number, span), end - begin, row.dtype)
                into[peer].append(bytes_of(mine[span]))
        for span, values in zip(division.subtrees[own], sums, strict=True):
            mine[span] = mesh.room((tag, number, span), end - begin, row.dtype)
            if end > begin:
                np.concatenate(row.views(values, cut[own]), out=mine[span])
        parts.append(mine)
    mesh.exchange(tag, out, into)
    out, into = {peer: [] for peer in others}, {peer: [] for peer in others}
    whole = []
    for number, (row, cut, mine) in enumerate(zip(rows, cuts, parts, strict=True)):
        total = mesh.room((tag, number), row.length, row.dtype)
        begin, end = cut[own]
        total[begin:end] = joined(mine, division.blocks, row.put)
        for peer in others:
            out[peer].append(bytes_of(total[begin:end]))
            into[peer].append(bytes_of(total[slice(*cut[peer])]))
        whole.append(total)
    mesh.exchange(tag + 1, out, into)
    return _apart(meeting, rows, whole)


def _apart(meeting: Meeting, rows: Sequence[_Row], whole: Sequence[Array]) -> list[Array]:
    """The rows of numbers as the values that they stand for."""
    found: dict[int, Array] = {}
    for row, total in zip(rows, whole, strict=True):
        for n, (begin, end) in zip(row.members, itertools.pairwise(row.starts), strict=True):
            found[n] = total[begin:end].reshape(meeting.kinds[n][0])
    return [found[n] for n in range(len(meeting.kinds))]
