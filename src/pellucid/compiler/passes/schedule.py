"""Order. In: a program. Out: the same kernels, with reads of an old value before its successor.

A value that replaces state may be written in place only where every read of the old value stands
before it. This pass moves such readers to the front, and keeps the order of the graph otherwise.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import replace

from pellucid.compiler.program import Program, is_copy


def schedule(program: Program) -> Program:
    """`program` in an order where as many pairs as possible can be updated in place."""
    after = _dependents(program)
    for producer, readers in _wishes(program):
        behind = _descendants(after, producer)
        for reader in readers:
            if reader not in behind:  # else the edge would close a circle: that pair stays a copy
                after[reader].add(producer)
    order = _topological(after)
    return replace(program, kernels=tuple(program.kernels[place] for place in order))


def _dependents(program: Program) -> list[set[int]]:
    """For each kernel, those that must come behind it: its readers, and writers over it."""
    after: list[set[int]] = [set() for _ in program.kernels]
    writes, readers = program.writes(), program.readers()
    for number, places in readers.items():
        if number in writes:
            after[writes[number]].update(places)
    for old, new in program.shared:
        for place in readers.get(old, ()):
            if place != writes[new]:
                after[place].add(writes[new])
    return after


def _wishes(program: Program) -> Iterable[tuple[int, list[int]]]:
    """(producer of a new value, readers of the old one): the readers should come first."""
    writes, readers = program.writes(), program.readers()
    for old, new in program.shared:
        ending = program.kernels[writes[new]]
        if is_copy(ending) and ending.reads[0] in writes:
            producer = writes[ending.reads[0]]
            yield producer, [place for place in readers.get(old, ()) if place != producer]


def _descendants(after: list[set[int]], start: int) -> set[int]:
    """The kernels that must come behind `start`."""
    seen, stack = {start}, [start]
    while stack:
        fresh = after[stack.pop()] - seen
        seen |= fresh
        stack.extend(fresh)
    return seen


def _topological(after: list[set[int]]) -> list[int]:
    """The order closest to the present one in which every kernel stands before its dependents."""
    waiting = [0] * len(after)
    for places in after:
        for place in places:
            waiting[place] += 1
    ready = [place for place, count in enumerate(waiting) if count == 0]
    heapq.heapify(ready)
    order = []
    while ready:
        place = heapq.heappop(ready)
        order.append(place)
        for behind in after[place]:
            waiting[behind] -= 1
            if waiting[behind] == 0:
                heapq.heappush(ready, behind)
    assert len(order) == len(after), "the dependents of a program form no circle"
    return order
