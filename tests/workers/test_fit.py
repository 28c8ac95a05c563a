"""`fit(workers=…)`: one hash for any number of processes, whoever dies, and behind a resume."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import ArgumentError, DataError, MissingPackageError, PellucidError
from pellucid.workers import crew
from pellucid.workers.launching import LocalWorkers
from tests.workers.simulated import hash_of

RNG = np.random.default_rng(1)
X = RNG.normal(size=(300, 10)).astype(np.float32)
Y = RNG.integers(0, 3, 300)


def made() -> pel.Sequential:
    layers = [nn.Dense(16, "relu"), nn.Dropout(0.3), nn.BatchNorm(), nn.Dense(3)]
    model = pel.Sequential(layers, seed=0)
    model.compile("adam", "cross_entropy", metrics=["accuracy"])
    return model


def trained(workers: Any = None, epochs: int = 3, **how: Any) -> pel.Sequential:
    model = made()
    model.fit(X, Y, epochs=epochs, workers=workers, **{"seed": 2, "chunks": 8, "verbose": 0} | how)
    return model


class Killed(LocalWorkers):
    """Processes of which one is killed at random moments."""

    def __init__(self, count: int, times: int, within: float):
        super().__init__(count)
        self.killed = 0
        self._times, self._within = times, within
        self._alive: list[Any] = []

    def start(self, given: dict[str, Any]) -> Any:
        one = super().start(given)
        self._alive.append(one)
        return one

    def begin(self) -> None:
        threading.Thread(target=self._kill, daemon=True).start()

    def _kill(self) -> None:
        for _ in range(self._times):
            time.sleep(random.uniform(0, self._within))
            living = [one for one in self._alive if one.ended() is None]
            if living:
                os.kill(random.choice(living).pid, signal.SIGKILL)
                self.killed += 1


class Begins(pel.Callback):
    """Says when the first step begins."""

    def __init__(self, workers: Killed):
        self._workers = workers

    def on_start(self, run: Any) -> None:
        self._workers.begin()


def children() -> list[str]:
    """The workers of this process that live."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "pellucid.workers.process"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.split()


def test_a_worker_that_dies_changes_no_bit() -> None:
    class Kill(pel.Callback):
        def on_step(self, run: Any) -> None:
            if run.step == 13:
                for pid in children():
                    os.kill(int(pid), signal.SIGKILL)
                    killed.append(pid)

    killed: list[str] = []
    alone, shared = trained(), trained(2, callbacks=[Kill()])
    assert len(killed) == 1
    assert hash_of(shared) == hash_of(alone)
    assert shared.history.epochs == alone.history.epochs
    assert children() == []


@pytest.mark.slow
def test_a_worker_that_does_not_answer_is_ended_and_changes_no_bit() -> None:
    class Stop(pel.Callback):
        def on_step(self, run: Any) -> None:
            if run.step == 13:
                for pid in children():
                    os.kill(int(pid), signal.SIGSTOP)
                    stopped.append(pid)

    stopped: list[str] = []
    with pytest.warns(UserWarning, match="workers must answer within 1 s, got nothing") as told:
        shared = trained(pel.LocalWorkers(2, patience=1), callbacks=[Stop()])
    assert [f"process {pid} on" in str(one.message) for pid in stopped for one in told] == [True]
    assert hash_of(shared) == hash_of(trained())
    assert children() == []


def test_one_worker_is_the_same_as_none() -> None:
    assert hash_of(trained(1, chunks=None)) == hash_of(trained(chunks=None))
    model = made()
    model.fit(X, Y, seed=2, workers=pel.RayWorkers(1), backend="interpreter", verbose=0)


def test_workers_that_would_have_no_rows_are_refused() -> None:
    """20 chunks of 32 rows would have 1.6: 16 have 2, and four workers nothing to do."""
    with pytest.raises(ArgumentError, match="workers must be at most 16, got 17: 32 rows a step"):
        trained(17, chunks=20)


def test_a_launcher_has_one_run_at_a_time() -> None:
    workers = LocalWorkers(2)
    workers.open([X])
    with pytest.raises(ArgumentError, match=r"free, got LocalWorkers\(2, patience=60\) with a run"):
        trained(workers)
    workers.close()


def test_a_forked_child_that_ends_leaves_the_workers_alone(tmp_path: Path) -> None:
    """Its copy of the run is freed as it ends; run apart, since a fault would be a long wait."""
    program = tmp_path / "fork.py"
    program.write_text(
        "import os, sys\n"
        "import numpy as np\n"
        "import pellucid as pel\n"
        "class Fork(pel.Callback):\n"
        "    def on_step(self, run):\n"
        "        if run.step == 2:\n"
        "            child = os.fork()\n"
        "            if not child:\n"
        "                sys.exit()\n"
        "            os.waitpid(child, 0)\n"
        "model = pel.Sequential([pel.nn.Dense(1)], seed=0)\n"
        "model.compile('sgd', 'squared')\n"
        "x = np.ones((40, 2))\n"
        "model.fit(x, x[:, :1], batch_size=8, chunks=2, workers=2, verbose=0, callbacks=[Fork()])\n"
        "print(model.training['step'])\n"
    )
    place = str(Path(pel.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": place},
        check=False,
    )
    assert (done.stdout, done.returncode) == ("5\n", 0), done.stderr


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackageError) as error:
        trained(pel.RayWorkers(2))
    assert str(error.value).count("\n") == 0
    assert str(error.value).endswith("pip install 'pellucid[ray]'.")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 3, 4, 5, 8])
def test_one_hash_for_any_number(workers: int) -> None:
    assert hash_of(trained(workers)) == hash_of(trained())


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 3, 4, 5])
def test_one_hash_where_workers_are_killed_twice(workers: int) -> None:
    """At any moment of the run, in the middle of an exchange as well; others take their place."""
    launcher = Killed(workers, 2, 1.5)
    model = trained(launcher, 120, callbacks=[Begins(launcher)])
    assert launcher.killed >= 1
    assert hash_of(model) == hash_of(trained(epochs=120))


@pytest.mark.slow
def test_a_run_is_resumed_with_another_number(tmp_path: Path) -> None:
    path = tmp_path / "run.pel"
    trained(3, checkpoint=path)
    for workers in (None, 2, 5):
        model = pel.load(path)
        model.fit(X, Y, epochs=6, resume=True, chunks=8, workers=workers, verbose=0)
        assert hash_of(model) == hash_of(trained(epochs=6))
    with pytest.raises(ArgumentError, match="chunks must be 8 as before, got 4"):
        pel.load(path).fit(X, Y, epochs=6, resume=True, chunks=4, workers=2, verbose=0)


@pytest.mark.slow
def test_what_a_row_refuses_is_told_as_by_one_worker() -> None:
    def told(workers: int | None, x: Any, first: Any) -> str:
        model = pel.Sequential([*first, nn.Dense(3)], seed=0)
        model.compile("sgd", "cross_entropy")
        with pytest.raises(DataError) as error:
            model.fit(x, Y, seed=1, chunks=8, workers=workers, verbose=0)
        return str(error.value)

    words = RNG.integers(0, 9, (300, 4))
    words[170, 2] = 9
    broken = X.copy()
    broken[44, 3] = np.nan
    for x, first in ((words, [nn.Embedding(9, 2), nn.Flatten()]), (broken, [])):
        assert told(3, x, first) == told(None, x, first)
    assert children() == []


@pytest.mark.slow
def test_processes_that_cannot_begin_are_told_with_their_last_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PellucidError, match="got 3 that ended before they could begin"):
        trained(2)


@pytest.mark.slow
def test_silence_for_the_third_time_ends_the_run_which_can_be_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stop(pel.Callback):
        """Stops whoever takes part, now and then."""

        def on_step(self, run: Any) -> None:
            nonlocal at
            crew = crews[0].members
            if crew and run.step > at + 20:
                at = run.step
                os.kill(int(crew[0].who.split()[1]), signal.SIGSTOP)

    at, crews = 0, []
    begin = crew.Crew.begin
    monkeypatch.setattr(
        crew.Crew, "begin", lambda self, wait: (crews.append(self), begin(self, wait))
    )
    model = made()
    how = {"seed": 2, "chunks": 8, "verbose": 0, "callbacks": [Stop()]}
    with (
        pytest.warns(UserWarning, match="workers must answer within 1.5 s") as told,
        pytest.raises(PellucidError, match="a worker must be left to train with, got none"),
    ):
        model.fit(X, Y, epochs=9**9, workers=pel.LocalWorkers(2, patience=1.5), **how)
    third = ["no other is started: it is the third time" in str(one.message) for one in told]
    assert third == [False, False, True]
    assert children() == []
    epochs = model.training["epoch"] + 1
    model.fit(X, Y, epochs=epochs, resume=True, chunks=8, verbose=0)
    assert hash_of(model) == hash_of(trained(epochs=epochs))


@pytest.mark.slow
def test_where_the_process_that_trains_is_killed_nothing_stays(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import numpy as np\n"
        "import pellucid as pel\n"
        "class Says(pel.Callback):\n"
        "    def on_start(self, run):\n"
        "        print('begins', flush=True)\n"
        "model = pel.Sequential([pel.nn.Dense(1)], seed=0)\n"
        "model.compile('sgd', 'squared')\n"
        "x = np.ones((40, 2))\n"
        "how = {'chunks': 2, 'workers': 2, 'verbose': 0, 'callbacks': [Says()]}\n"
        "model.fit(x, x[:, :1], epochs=9**9, **how)\n"
    )
    place = str(Path(pel.__file__).parent.parent)
    folder = tmp_path / "temporary"
    folder.mkdir()
    env = os.environ | {"PYTHONPATH": place, "TMPDIR": str(folder)}
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, env=env) as trains:
        assert trains.stdout is not None and trains.stdout.readline() == b"begins\n"
        assert [one.name[:17] for one in folder.iterdir()] == ["pellucid-workers-"]
        trains.kill()
    until = time.monotonic() + 30
    while list(folder.iterdir()) and time.monotonic() < until:
        time.sleep(0.05)
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_leaves_whole_steps_and_no_process() -> None:
    class Interrupts(pel.Callback):
        def on_start(self, run: Any) -> None:
            threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    model = made()
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            X, Y, epochs=9**9, seed=2, chunks=8, workers=3, verbose=0, callbacks=[Interrupts()]
        )
    assert children() == []
    epochs = model.training["epoch"] + 1
    model.fit(X, Y, epochs=epochs, resume=True, chunks=8, workers=2, verbose=0)
    assert hash_of(model) == hash_of(trained(epochs=epochs))
