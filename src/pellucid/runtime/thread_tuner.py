"""How many threads are fastest just now: all of them, or one.

Threads that wait for each other are slower than one as soon as another process takes a core of
theirs. So both are measured: first in turn, then the slower one a few milliseconds every now and
then. Where all threads are slower, they may have met a bad moment, such as another library's
threads that look out for work a little longer: that is soon measured again, and ever later as long
as it comes out the same. The results of a run do not depend on it.
"""

from __future__ import annotations

import time

_PROBE = 0.004  # seconds that a probe takes, at least two calls
_EVERY = 0.25  # seconds between two probes, at least
_SHARE = 50  # a probe takes no more than this part of the time
_SOON = 5  # the same where all threads came out slower for the first time; then twice that, ...


class ThreadTuner:
    """Seconds a step with all threads and with one, as they were last measured.

    Time is cut into stretches, each run by as many threads. The first step of a stretch is not
    counted: caches are cold, workers are asleep or not even made. So it is with the first step
    behind a pause, unless all have pauses between them.
    """

    def __init__(self, threads: int):
        self.threads = threads
        self._now = threads  # who runs this stretch
        self._seconds: dict[int, float] = {}
        self._left = _PROBE  # seconds until the stretch ends
        self._calls, self._steps, self._spent = 0, 0, 0.0
        self._probed = self._ended = time.perf_counter()
        self._paused = False  # whether there was a pause before the last step
        self._slower = 0  # how often in a row all threads came out slower, behind the first time

    def plan(self, steps: int) -> tuple[int, int]:
        """The threads that run next, and how many of `steps` they take."""
        if self.threads == 1:
            return 1, steps
        cost = self._seconds.get(self._now) or self._cost()
        if not self._calls or not cost:
            return self._now, 1
        return self._now, min(steps, max(1, int(self._left / cost)))

    def record(self, threads: int, steps: int, seconds: float) -> None:
        """What `steps` took."""
        if self.threads == 1 or not steps or threads != self._now:
            return
        self._calls += 1
        before, now = self._paused, time.perf_counter()
        self._paused, self._ended = now - seconds - self._ended > _PROBE, now
        if self._calls == 1 or (self._paused and not before):
            return
        self._left -= seconds
        self._steps, self._spent = self._steps + steps, self._spent + seconds
        if self._left <= 0:
            self._seconds[threads] = self._cost()
            self._next_stretch()

    def _cost(self) -> float:
        """Seconds a step in this stretch."""
        return self._spent / self._steps if self._steps else 0.0

    def _next_stretch(self) -> None:
        """Begins the next stretch: a probe of what was not measured lately, else the faster one."""
        ours, alone = self._seconds.get(self.threads), self._seconds.get(1)
        best = 1 if ours is None or (alone is not None and alone < ours) else self.threads
        other = self.threads if best == 1 else 1
        probe_takes = max(2 * self._seconds.get(other, 0.0), _PROBE)
        pause = max(_EVERY, _SHARE * probe_takes)
        if best == 1:
            if self._now == other:  # they were measured just now
                self._slower += 1
            pause = min(pause, _SOON * probe_takes * 2 ** min(self._slower, 10))
        else:
            self._slower = 0
        now = time.perf_counter()
        probe = other not in self._seconds or (self._now == best and now - self._probed >= pause)
        if probe:
            self._probed = now
        self._now, self._left = (other, _PROBE) if probe else (best, pause)
        self._calls, self._steps, self._spent = 0, 0, 0.0
