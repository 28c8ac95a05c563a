"""Who runs: all threads or one, whichever is faster just now."""

from __future__ import annotations

from collections import Counter

import pytest

from pellucid.runtime import thread_tuner
from pellucid.runtime.thread_tuner import ThreadTuner


class Machine:
    """A clock, and what a step costs with so many threads. The first call of a stretch is slow."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, costs: dict[int, float]):
        self.now, self.costs, self.last = 100.0, costs, 0
        monkeypatch.setattr(thread_tuner.time, "perf_counter", lambda: self.now)

    def run(self, what: ThreadTuner, seconds: float, at_once: int) -> Counter[int]:
        """Seconds that each number of threads ran for."""
        spent: Counter[int] = Counter()
        end = self.now + seconds
        while self.now < end:
            threads, steps = what.plan(at_once)
            assert 1 <= steps <= at_once
            took = self.costs[threads] * (steps + 2 * (threads != self.last))
            self.last, self.now = threads, self.now + took
            spent[threads] += took  # type: ignore[assignment]
            what.record(threads, steps, took)
        return spent


@pytest.mark.parametrize("at_once", [1, 1000])
@pytest.mark.parametrize("cost", [1e-5, 1e-3, 2e-2])
def test_the_faster_runs_nearly_all_the_time(monkeypatch, at_once, cost):
    for ours, alone, best in ((cost, 1.9 * cost, 2), (3 * cost, cost, 1)):
        machine = Machine(monkeypatch, {2: ours, 1: alone})
        what = ThreadTuner(2)
        machine.run(what, 1.0, at_once)  # the first stretches measure both
        seconds = 3.0 if cost < 1e-4 else 60.0
        spent = machine.run(what, seconds, at_once)
        assert spent[best] > 0.94 * seconds


@pytest.mark.parametrize("at_once", [1, 1000])
def test_a_core_that_is_lost_and_found_again(monkeypatch, at_once):
    machine = Machine(monkeypatch, {2: 1e-3, 1: 2e-3})
    what = ThreadTuner(2)
    machine.run(what, 2.0, at_once)
    machine.costs[2] = 2e-2
    machine.run(what, 1.0, at_once)
    spent = machine.run(what, 10.0, at_once)
    assert spent[1] > 0.8 * 10
    machine.costs[2] = 1e-3
    machine.run(what, 3.0, at_once)
    spent = machine.run(what, 10.0, at_once)
    assert spent[2] > 0.9 * 10


@pytest.mark.parametrize(("bad", "threads"), [(0.1, 2), (1e9, 1)])
def test_a_bad_moment_at_the_start_is_soon_forgotten(monkeypatch, bad, threads):
    """Another library's threads may still look out for work: once, or all the time."""
    machine = Machine(monkeypatch, {2: 1e-2, 1: 2e-3})
    what = ThreadTuner(2)
    machine.run(what, min(bad, 1.0), 1)
    machine.costs[2] = 1e-3 if bad < 1 else 1e-2
    machine.run(what, 0.1, 1)
    spent = machine.run(what, 1.0, 1)
    assert spent[threads] > 0.9


@pytest.mark.parametrize("turn", [1, 5, 7, 20])
def test_steps_in_turns_with_other_work(monkeypatch, turn):
    """The first step of each turn finds sleeping workers, and tells nothing where others follow."""
    costs = {2: 1e-3, 1: 2e-3}
    machine, what = Machine(monkeypatch, costs), ThreadTuner(2)
    last: Counter[int] = Counter()
    for number in range(200):
        machine.now += 0.02
        for place in range(turn):
            threads, _ = what.plan(1)
            took = costs[threads] + (5e-3 if threads == 2 and place == 0 else 0.0)
            machine.now += took
            what.record(threads, 1, took)
            if number >= 100:
                last[threads] += 1
    best = 2 if turn > 1 else 1
    assert last[best] > 0.9 * last.total()


def test_one_thread_needs_no_measuring():
    what = ThreadTuner(1)
    assert what.plan(70) == (1, 70)
    what.record(1, 70, 0.1)
    assert what.plan(5) == (1, 5)
