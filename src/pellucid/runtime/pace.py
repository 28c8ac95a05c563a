"""How many threads are fastest just now: all of them, or one.

Threads that wait for each other are slower than one as soon as another process takes a core of
theirs. So both are measured: first in turn, then the slower one a few milliseconds every now and
then. The results of a run do not depend on it.
"""

from __future__ import annotations

import time

_PROBE = 0.004  # seconds that a probe takes, about
_EVERY = 0.25  # seconds between two probes
_WARM = 8  # first steps, which say nothing: caches are cold, threads are being made


class Pace:
    """Seconds a step with all threads and with one, as they were last measured."""

    def __init__(self, threads: int):
        self.threads = threads
        self._seconds: dict[int, float] = {}
        self._warm = threads == 1
        self._probed = time.perf_counter()

    def plan(self, steps: int) -> tuple[int, int]:
        """The threads that run next, and how many of `steps` they take."""
        if self.threads == 1:
            return 1, steps
        if not self._warm or self.threads not in self._seconds:
            return self.threads, min(steps, _WARM)
        ours, alone = self._seconds[self.threads], self._seconds.get(1)
        best, other = (1, self.threads) if alone is not None and alone < ours else (self.threads, 1)
        if alone is not None and time.perf_counter() - self._probed < _EVERY:
            return best, steps
        self._probed = time.perf_counter()
        return other, min(steps, max(1, int(_PROBE / self._seconds.get(other, ours))))

    def tell(self, threads: int, steps: int, seconds: float) -> None:
        """What `steps` took."""
        if steps and self._warm:
            self._seconds[threads] = seconds / steps
        self._warm = True
