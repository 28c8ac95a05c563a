"""How many threads there are, and teams of parked workers: all parts at once, errors, signals."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import signal
import statistics
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.runtime import threads
from pellucid.runtime.threads import Team, available, check

POSIX = pytest.mark.skipif(os.name != "posix", reason="forks and signals are POSIX")


# -- how many ---------------------------------------------------------------------------------


def test_one_at_least_and_no_more_than_processors() -> None:
    assert 1 <= available() <= (os.cpu_count() or 1)


def test_a_task_of_dask_has_one_thread(monkeypatch: Any) -> None:
    """A stand-in for its module, which another thread's task does not concern."""
    state = threading.local()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setitem(sys.modules, "dask.context", SimpleNamespace(thread_state=state))
    monkeypatch.setattr(threads, "_processors", lambda: 3)
    monkeypatch.setattr(threads, "_quota", lambda: threads.MOST)
    assert threads.available() == 3
    state.key = "a task"
    assert threads.available() == 1
    seen: list[int] = []
    other = threading.Thread(target=lambda: seen.append(threads.available()))
    other.start()
    other.join()
    assert seen == [3]
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads.available() == 2


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity is Linux's")
def test_a_bound_process_counts_what_it_is_bound_to() -> None:
    bound = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(bound)})
        assert available() == 1
    finally:
        os.sched_setaffinity(0, bound)


@pytest.mark.parametrize(("processors", "quota", "known"), [(8, 3, 3), (2, 1024, 2), (1, 1, 1)])
def test_the_smaller_of_processors_and_quota(
    processors: int, quota: int, known: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_processors", lambda: processors)
    monkeypatch.setattr(threads, "_quota", lambda: quota)
    assert available() == known


def group(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


V2, V1 = "0::/a/b\n", "5:memory:/x\n4:cpu,cpuacct:/docker/1\n1:name=systemd:/x\n"
V1_FILES = ("cpu,cpuacct/docker/1/cpu.cfs_quota_us", "cpu,cpuacct/docker/1/cpu.cfs_period_us")
CASES: list[tuple[str, dict[str, str], float | None]] = [
    (V2, {"a/b/cpu.max": "150000 100000\n"}, 1.5),
    (V2, {"a/b/cpu.max": "max 100000\n"}, None),
    (V2, {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3.0),
    (V2, {"a/b/cpu.max": "400000 100000", "cpu.max": "50000 100000"}, 0.5),
    ("0::/\n", {"cpu.max": "200000 100000"}, 2.0),
    ("0::/../../b\n", {"cpu.max": "200000 100000"}, 2.0),
    (V2, {"cpu.max": "200000 100000"}, 2.0),  # in a container: the path is the host's
    (V2, {"a/b/cpu.max": "nonsense"}, None),
    (V2, {"a/b/cpu.max": ""}, None),
    (V2, {"a/b/cpu.max": "100000 0"}, None),
    (V2, {}, None),
    ("", {"cpu.max": "100000 100000"}, None),
    ("broken\n\n:::\n", {}, None),
    (V1, dict(zip(V1_FILES, ("250000\n", "100000\n"), strict=True)), 2.5),
    (V1, dict(zip(V1_FILES, ("-1\n", "100000\n"), strict=True)), None),
    (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "100000", "cpu,cpuacct/cpu.cfs_period_us": "50000"}, 2.0),
]


@pytest.mark.parametrize(("membership", "files", "known"), CASES)
def test_quotas_of_both_versions_of_control_groups(
    membership: str, files: dict[str, str], known: float | None, tmp_path: Path
) -> None:
    (tmp_path / "self").write_text(membership)
    group(tmp_path / "mount", files)
    limits = list(threads._limits(tmp_path / "self", tmp_path / "mount"))
    assert min(limits, default=None) == known


def test_a_part_of_a_processor_is_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for limits, known in (([0.5], 1), ([1.9], 1), ([2.0, 3.5], 2), ([], threads.MOST)):
        monkeypatch.setattr(threads, "_limits", lambda *_: iter(limits))
        assert threads._quota.__wrapped__() == known
    assert list(threads._limits(Path("/nowhere"), Path("/nowhere"))) == []


def test_what_a_person_may_ask_for() -> None:
    assert check("fit", None) == available()
    assert check("fit", 3) == 3
    assert type(check("fit", np.int64(3))) is int
    wrong: list[Any] = [0, -1, 2.0, "2", True, [2], 10**9, float("nan")]
    for value in wrong:
        with pytest.raises(ArgumentError, match=r"^\[fit\] threads must be .* At test_threads"):
            check("fit", value)


# -- teams ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_all_parts_run_at_once_and_part_0_in_the_caller(n: int) -> None:
    """They meet at a barrier: were one of them late for good, none would return."""
    barrier, seen = threading.Barrier(n, timeout=30), {}

    def work(part: int) -> None:
        barrier.wait()
        seen[part] = threading.get_ident()

    for _ in range(20):
        seen.clear()
        Team(n).run(work)
        assert sorted(seen) == list(range(n)) and len(set(seen.values())) == n
        assert seen[0] == threading.get_ident()


def test_workers_are_parked_and_used_again() -> None:
    team, idents = Team(3), set()

    def work(part: int) -> None:
        if part:
            idents.add(threading.get_ident())

    for _ in range(50):
        team.run(work)
        Team(3).run(work)
    assert len(idents) == 2
    before = threading.active_count()
    Team(3).run(work)
    assert threading.active_count() == before
    assert all(
        one.daemon for one in threading.enumerate() if one.name.startswith("pellucid worker")
    )


def test_a_team_of_one_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_hire", None)
    seen: list[int] = []
    Team(1).run(seen.append)
    assert seen == [0]


@pytest.mark.parametrize("guilty", [(0,), (1,), (2,), (0, 1, 2), (2, 1)])
def test_an_error_is_raised_when_all_have_returned(guilty: tuple[int, ...]) -> None:
    finished: list[int] = []

    def work(part: int) -> None:
        if part in guilty:
            raise ValueError(f"part {part}")
        time.sleep(0.02)
        finished.append(part)

    team = Team(3)
    with pytest.raises(ValueError, match=f"part {min(guilty)}"):
        team.run(work)
    assert sorted((*finished, *guilty)) == [0, 1, 2]
    team.run(finished.append)  # the workers are as good as before
    assert len(finished) == 6 - len(guilty)


def test_exits_come_through_too() -> None:
    def work(part: int) -> None:
        if part == 1:
            raise SystemExit(3)

    with pytest.raises(SystemExit):
        Team(2).run(work)


@pytest.mark.parametrize("alone", [False, True], ids=["a team", "apart"])
@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_kept_alive(fails: bool, alone: bool) -> None:
    class Data:
        pass

    def call() -> weakref.ref[Data]:
        data = Data()

        def work(part: int) -> None:
            assert data
            if fails:
                raise ValueError

        with contextlib.suppress(ValueError):
            if alone:
                threads.apart(lambda: work(0), lambda: None)
            else:
                Team(3).run(work)
        return weakref.ref(data)

    gc.disable()
    try:
        gone = call()
        for _ in range(100):
            if gone() is None:
                break
            time.sleep(0.01)  # a worker lets go just after it says that it is done
        assert gone() is None
    finally:
        gc.enable()


def test_many_callers_at_once_and_inside_each_other() -> None:
    """Each call has workers of its own, of one team too: parts that wait for each other do meet."""
    team, wrong = Team(3), []

    def call(number: int) -> None:
        try:
            for round in range(30):
                barrier, seen = threading.Barrier(3, timeout=60), []

                def work(part: int, barrier=barrier, seen=seen, round=round) -> None:
                    barrier.wait()
                    seen.append(part)
                    if round == 0 and part == 1:
                        inner: list[int] = []
                        team.run(inner.append)
                        assert sorted(inner) == [0, 1, 2]

                team.run(work)
                assert sorted(seen) == [0, 1, 2]
        except BaseException as error:
            wrong.append(f"{number}: {error!r}")

    callers = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    assert not wrong


def test_a_burst_leaves_few_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_PARKED", 2)
    workers: list[threads._Worker] = []
    threads._hire(workers, 20)
    threads._park(workers)
    deadline = time.monotonic() + 10
    while len(threads._parked) > 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    Team(2).run(lambda part: None)
    assert len(threads._parked) <= 20


def test_no_more_threads_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any) -> None:
        raise RuntimeError("can't start new thread")

    seen: list[int] = []
    parked = len(threads._parked)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(PellucidError, match=r"\[threads\] .* give 200 threads, got: can't start"):
        Team(200).run(seen.append)
    assert seen == [] and len(threads._parked) == parked, "no part ran, all workers are back"


# -- signals, forks, the end ------------------------------------------------------------------


@POSIX
def test_ctrl_c_waits_for_the_workers() -> None:
    """Native code cannot be stopped half way: its memory must stay until it returns."""
    finished: list[int] = []

    def work(part: int) -> None:
        if part == 0:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2 if part else 0.05)
        finished.append(part)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        Team(3).run(work)
    assert sorted(finished) == [0, 1, 2]
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.slow
@POSIX
def test_signals_at_any_moment_lose_no_part() -> None:
    """Hundreds of interrupts, wherever they strike: parts that meet always do."""
    code = """
import os, random, signal, sys, threading, time
from pellucid.runtime.threads import Team
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where the tests run behind
stop, ready = False, False
def shoot():
    while not ready:  # a shot while `start` still waits for this thread would end the script
        time.sleep(1e-3)
    while not stop:
        time.sleep(random.random() * 3e-4)
        os.kill(os.getpid(), signal.SIGINT)
shooter = threading.Thread(target=shoot, daemon=True)
team, hits, runs, bad = Team(3), 0, 0, 0
end = time.monotonic() + 2
def go():
    global runs
    barrier = threading.Barrier(3, timeout=20)
    def work(part):
        barrier.wait()
        done.append(part)
    done = []
    try:
        team.run(work)
    finally:
        if done and sorted(done) != [0, 1, 2]:
            print("lost a part", done); os._exit(3)
    runs += 1
shooter.start()
while True:
    try:
        ready = True
        while time.monotonic() < end:
            try:
                go()
            except KeyboardInterrupt:
                hits += 1
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stop = True
        break
    except KeyboardInterrupt:
        hits += 1
print(runs, hits)
os._exit(0 if runs > 20 and hits > 20 else 4)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@POSIX
def test_a_child_makes_workers_of_its_own() -> None:
    code = """
import os, threading
from pellucid.runtime.threads import Team
team, seen = Team(3), []
barrier = threading.Barrier(3, timeout=20)
def work(part):
    barrier.wait()
    seen.append(part)
team.run(work)
child = os.fork()
if child == 0:
    seen.clear()
    barrier = threading.Barrier(3, timeout=20)
    team.run(work)
    os._exit(0 if sorted(seen) == [0, 1, 2] else 1)
assert os.waitpid(child, 0)[1] == 0
seen.clear()
team.run(work)
assert sorted(seen) == [0, 1, 2]
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("busy", [False, True])
def test_the_interpreter_ends_cleanly(busy: bool) -> None:
    """Parked workers hold nothing up; nor does one that another thread's call keeps busy."""
    code = f"""
import threading, time
from pellucid.runtime.threads import Team
Team(4).run(lambda part: None)
if {busy}:
    sleeper = threading.Thread(
        target=lambda: Team(3).run(lambda part: time.sleep(60)), daemon=True)
    sleeper.start()
    time.sleep(0.1)
print("end")
"""
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")
    assert time.monotonic() - start < 30


@pytest.mark.slow
def test_waking_costs_less_than_making() -> None:
    """Both parts work outside the interpreter lock; the rest is the handover."""
    data = bytes(100_000)

    def made() -> None:
        other = threading.Thread(target=lambda: hashlib.sha256(data))
        other.start()
        hashlib.sha256(data)
        other.join()

    team = Team(2)

    def seconds(run: Any) -> float:
        times = []
        for _ in range(200):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    woken = min(seconds(lambda: team.run(lambda part: hashlib.sha256(data))) for _ in range(3))
    assert woken < min(seconds(made) for _ in range(3))


def doubled() -> Callable[[], bool]:
    """A call that two threads share, and what it gives."""
    x = np.ones((600, 700), np.float32)
    f = pel.jit(lambda x, w: x @ w, threads=2)
    w = np.full((700, 600), 2, np.float32)
    assert np.all(f(x, w) == 1400)
    return lambda: bool(np.all(f(x, w) == 1400))


def test_workers_serve_again_and_again_and_after_a_rest() -> None:
    share = doubled()
    before = {one.name for one in threading.enumerate()}
    for rest in (0, 0, 0.0001, 0.001, 0.01, 0, 0.1, 0):
        assert share()
        time.sleep(rest)
    assert {one.name for one in threading.enumerate()} == before


def test_workers_do_both_kinds_of_work_in_turn() -> None:
    share = doubled()
    seen: list[int] = []
    for rest in (0, 0.001, 0.02, 0):
        Team(2).run(seen.append)
        assert share()
        time.sleep(rest)
    assert sorted(seen) == [0] * 4 + [1] * 4


def test_calls_from_several_threads_have_workers_of_their_own() -> None:
    share = doubled()
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: share(), range(80)))


@POSIX
def test_a_fork_hires_workers_of_its_own() -> None:
    program = textwrap.dedent("""
        import os, warnings
        import numpy as np, pellucid as pel
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: fork beside threads
        f = pel.jit(lambda x, w: x @ w, threads=2)
        x, w = np.ones((600, 700), np.float32), np.ones((700, 600), np.float32)
        assert np.all(f(x, w) == 700)
        child = os.fork()
        if not child:
            os._exit(0 if np.all(f(x, w) == 700) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert np.all(f(x, w) == 700)
    """)
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
