"""Worker threads that native code runs in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from pellucid.core.arguments import whole


def available() -> int:
    """How many threads this process may run at once."""
    return len(os.sched_getaffinity(0))


def check(where: str, threads: int | None) -> int:
    """`threads`, or as many as the process may use."""
    if threads is None:
        return available()
    whole(where, "threads", threads, 1)
    return threads


class Team:
    """`n` threads that call one function together, each with its own number."""

    def __init__(self, n: int):
        self.n = n

    def run(self, function: Callable[[int], None]) -> None:
        """Calls `function(part)` for every part at once; returns when all have returned."""
        others = [threading.Thread(target=function, args=(part,)) for part in range(1, self.n)]
        for one in others:
            one.start()
        function(0)
        for one in others:
            one.join()
