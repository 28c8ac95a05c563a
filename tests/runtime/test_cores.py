"""What threads are for: a wide network trains faster on two cores, and a core that others take
costs no more than its share. Times of a machine that others use say little: see `make test-all`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.dtypes import float32
from pellucid.runtime import threads as workers
from pellucid.runtime.native_executor import NativeTrainer
from pellucid.train.engines import Job
from pellucid.transform.custom import in_rows

STAT = Path("/proc/stat")
LINUX = pytest.mark.skipif(not STAT.exists(), reason="reads what cores do from /proc/stat")


def busy_and_idle() -> tuple[float, float]:
    """Seconds that the cores were busy and idle, together, since the machine started."""
    times = [int(word) for word in STAT.read_text().splitlines()[0].split()[1:9]]
    idle = times[3] + times[4]
    ticks = os.sysconf("SC_CLK_TCK")
    return (sum(times) - idle) / ticks, idle / ticks


def free_cores(seconds: float = 0.5) -> float:
    """How many cores did nothing while this process slept."""
    before, start = busy_and_idle()[1], time.perf_counter()
    time.sleep(seconds)
    return (busy_and_idle()[1] - before) / (time.perf_counter() - start)


def engines(sizes: tuple[int, ...], batch: int, threads: tuple[int, ...]) -> list[NativeTrainer]:
    """A training run for each number of threads, on the same code, start and data."""
    rng = np.random.default_rng(0)
    x, y = rng.random((4 * batch, sizes[0]), np.float32), rng.integers(0, sizes[-1], 4 * batch)
    layers = [pel.nn.Dense(units, activation="relu") for units in sizes[1:-1]]
    net = pel.Sequential([*layers, pel.nn.Dense(sizes[-1])], seed=1)
    net.compile(pel.optim.SGD(0.01), loss="cross_entropy")
    graph = in_rows(net.training_graph(x, y))
    net.fit(x, y, epochs=0, verbose=0)
    params = net.get_weights()
    job = Job(graph, len(params), [np.array(0)], (x,), (y,), batch, np.dtype(float32.name))
    state = [*params, np.array(0)]
    assert len(state) == job.leaves
    programs: dict = {}
    return [NativeTrainer(job, state, count, programs) for count in threads]


def seconds(engine: NativeTrainer, steps: int) -> float:
    """What so many steps take."""
    rows = np.resize(np.arange(engine.job.rows), steps * engine.job.batch_size)
    rates = np.full(steps, 0.01)
    start = time.perf_counter()
    assert len(engine.run(rows, rates, engine.job.batch_size)) == steps
    return time.perf_counter() - start


def bits(engine: NativeTrainer) -> bytes:
    return b"".join(array.tobytes() for array in engine.state())


@pytest.mark.slow
@LINUX
def test_two_threads_train_a_wide_network_faster() -> None:
    """784-1024-1024-1024-10, batch 256, in turns of one thread and two."""
    one, two = engines((784, 1024, 1024, 1024, 10), 256, (1, 2))
    if (free := free_cores()) < 1.8:
        pytest.skip(f"needs two free cores, {free:.1f} are free")
    for engine in (one, two):
        seconds(engine, 20)  # warm: code and caches, and what the engine learns about its pace
    times = [(seconds(one, 8), seconds(two, 8)) for _ in range(9)]
    alone, both = (statistics.median(column) for column in zip(*times, strict=True))
    assert bits(one) == bits(two)
    if alone / both < 1.6 and (free := free_cores()) < 1.8:
        pytest.skip(f"needs two free cores, {free:.1f} were left at the end")
    assert alone / both >= 1.6, f"one thread {alone / 8:.4f} s a step, two {both / 8:.4f} s"


@contextmanager
def taken(cores: set[int], processes: int) -> Iterator[None]:
    """So many busy processes on these cores, and this thread and its new ones beside them."""
    code = "import sys; print('busy', flush=True)\nwhile True: pass"
    bound = os.sched_getaffinity(0)
    parked, workers._parked = workers._parked, deque()
    os.sched_setaffinity(0, cores)
    others = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        for _ in range(processes)
    ]
    try:
        for other in others:
            assert other.stdout is not None and other.stdout.readline() == b"busy\n"
        yield
    finally:
        for other in others:
            other.kill()
            other.communicate()
        workers._park(list(workers._parked))
        workers._parked = parked
        os.sched_setaffinity(0, bound)


@pytest.mark.slow
@LINUX
def test_a_core_that_others_take_costs_no_more_than_its_share() -> None:
    """Four busy processes on two cores: two threads end in the same bits, and take at most
    1.5 times what one thread takes beside the same four.
    """
    cores = set(sorted(os.sched_getaffinity(0))[:2])
    if len(cores) < 2:
        pytest.skip("needs two cores")
    one, two = engines((784, 200, 10), 100, (1, 2))
    ratios = []
    with taken(cores, 4):
        for _ in range(5):
            alone = seconds(one, 300)
            ratios.append(seconds(two, 300) / alone)
    assert bits(one) == bits(two)
    assert statistics.median(ratios) <= 1.5, f"two threads over one, in turns: {sorted(ratios)}"
