"""The same bits for any number of threads, for a run in two pieces, for two runs."""

from __future__ import annotations

import hashlib
import threading
from functools import cache
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.runtime import threads as workplace
from pellucid.runtime.thread_tuner import ThreadTuner
from pellucid.runtime.threads import Team
from pellucid.train.callback import Callback, Run

ROWS, BATCH, EPOCHS = 20_000, 100, 2  # 400 steps
SLICE = 50  # steps a call, where every call is watched


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Numbers of MNIST's shape: 784 pixels in [0, 1], four of five zero, in ten classes."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 10, ROWS)
    ink = rng.random((10, 784), np.float32)[classes]
    ink *= rng.random((ROWS, 784), np.float32) < 0.19
    return ink, classes


def network() -> pel.Sequential:
    net = pel.Sequential([pel.nn.Dense(200, activation="relu"), pel.nn.Dense(10)], seed=3)
    net.compile(pel.optim.SGD(0.5), loss="cross_entropy")
    return net


class Until(Callback):
    """Ends a run behind a step."""

    def __init__(self, step: int):
        self.step = step

    def on_step(self, run: Run) -> None:
        run.stop = run.step == self.step


def digest(net: pel.Sequential) -> str:
    whole = hashlib.sha256()
    for weights in net.get_weights():
        whole.update(weights.tobytes())
    return whole.hexdigest()


def train(net: pel.Sequential, threads: int, **how: Any) -> str:
    """SHA-256 of the weights behind a run."""
    x, y = digits()
    how = {"epochs": EPOCHS, "seed": 7, "batch_size": BATCH, "threads": threads, **how}
    net.fit(x, y, verbose=0, backend="native", **how)
    return digest(net)


@cache
def alone() -> str:
    """One thread, one piece."""
    return train(network(), 1)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The threads that ran each team's parts; all of a run's threads run all of its steps."""
    seen: list[set[int]] = []
    inside: list[bool] = []  # a team's call; LLVM and long calls have a worker of their own too
    call, hire = Team.call, workplace._hire

    def called(team: Team, *work: Any) -> None:
        seen.append({threading.get_ident()})  # the caller has part 0
        inside.append(True)
        call(team, *work)
        inside.pop()

    def hired(workers: list[workplace._Worker], count: int) -> None:
        hire(workers, count)
        if inside:
            seen[-1].update(map(id, workers))

    monkeypatch.setattr(Team, "call", called)
    monkeypatch.setattr(workplace, "_hire", hired)
    monkeypatch.setattr(ThreadTuner, "plan", lambda pace, steps: (pace.threads, min(steps, SLICE)))
    return seen


def test_training_moves_the_weights_and_a_seed_decides_them() -> None:
    """What the other tests compare is not the same by chance."""
    assert len({alone(), train(network(), 1, epochs=0), train(network(), 1, seed=8)}) == 3


def test_two_runs_end_in_the_same_bits() -> None:
    assert train(network(), 1) == alone()


@pytest.mark.parametrize(
    "threads", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)]
)
def test_any_number_of_threads_ends_in_the_same_bits(threads: int, live: list[set[int]]) -> None:
    assert train(network(), threads) == alone()
    assert len(live) >= ROWS // BATCH * EPOCHS // SLICE
    assert all(len(ran) == threads for ran in live), "as many workers as asked for, at every step"


@pytest.mark.slow
def test_threads_that_come_and_go_end_in_the_same_bits() -> None:
    """As a user runs it: how many threads take the next steps is measured, and may change."""
    assert train(network(), 2) == alone()


@pytest.mark.parametrize(
    ("before", "behind"), [(1, 1), (2, 1), pytest.param(1, 4, marks=pytest.mark.slow)]
)
def test_a_resumed_run_ends_in_the_same_bits(
    before: int, behind: int, live: list[set[int]]
) -> None:
    net = network()
    assert train(net, before, callbacks=Until(123)) != alone()
    assert net.training["step"] == 123
    assert train(net, behind, resume=True, seed=None) == alone()
    assert {len(ran) for ran in live} == {before, behind} - {1}
