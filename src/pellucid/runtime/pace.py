"""How many threads are fastest just now: all of them, or one.

Threads that wait for each other are slower than one as soon as another process takes a core of
theirs. So both are measured: first in turn, then the slower one a few milliseconds in each second.
The results of a run do not depend on it.
"""

from __future__ import annotations

import time

_PROBE = 0.004  # seconds that a probe takes, about
_EVERY = 0.5  # seconds between two probes


class Pace:
    """Seconds a step with all threads and with one, as they were last measured."""

    def __init__(self, threads: int):
        self.choices = (threads, 1) if threads > 1 else (1,)
        self._seconds: dict[int, float] = {}
        self._probed = time.perf_counter()

    def plan(self, steps: int) -> tuple[int, int]:
        """The threads that run next, and how many of `steps` they take."""
        for threads in self.choices[:-1]:
            if threads not in self._seconds:
                return threads, min(steps, 8)
        if len(self.choices) == 1:
            return self.choices[0], steps
        best = min(self._seconds, key=self._seconds.__getitem__)
        other = next(threads for threads in self.choices if threads != best)
        if other in self._seconds and time.perf_counter() - self._probed < _EVERY:
            return best, steps
        self._probed = time.perf_counter()
        pace = self._seconds.get(other, self._seconds[best])
        return other, min(steps, max(1, int(_PROBE / pace)))

    def tell(self, threads: int, steps: int, seconds: float) -> None:
        """What `steps` took."""
        if steps:
            self._seconds[threads] = seconds / steps
