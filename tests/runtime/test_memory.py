"""Memory over time: what a process holds stays the same over many calls and many compilations.

Each measurement is a process of its own, so that nothing that earlier tests freed hides a leak.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="reads the resident size from /proc"
)
KIB = 1024

# Linux fills up large pages at a time of its own, which is no growth of ours: PR_SET_THP_DISABLE.
BEGIN = """
import ctypes, gc, os
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)
import numpy as np
import pellucid as pel
import pellucid.numpy as pnp

def grown(work, warm, count):
    for i in range(warm):
        work(i)
    start = resident()
    for i in range(warm, warm + count):
        work(i)
    print(resident() - start)

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

rng = np.random.default_rng(0)
"""

PREDICT = """
net = pel.Sequential([pel.nn.Dense(16, activation="relu"), pel.nn.Dense(3)], seed=1)
net.compile(pel.optim.SGD(0.1), loss="squared")
x = rng.random((300, 8), np.float32)
net.fit(x, x[:, :3], verbose=0, backend="native")
kept = []

def work(i):
    result = net.predict(x[: 1 + i % 300])
    if {keep}:
        kept.append(result)
"""

COMPILE = """
kept = []

def work(i):
    gc.collect()  # a function and its graph refer to each other

    def f(x, y):
        product = pnp.exp(x * float(i)) @ y
        return pnp.sum(product) if i % 2 else product

    jitted = pel.jit(f, backend="native")
    jitted(np.ones((3, 3 + i % 7), np.float32), np.ones((3 + i % 7, 2), np.float32))
    if {keep}:
        kept.append(jitted)
"""


def grown(work: str, warm: int, count: int, keep: bool = False) -> int:
    """By how many bytes a process grew over `count` calls of work(i)."""
    code = f"{BEGIN}{work.format(keep=keep)}grown(work, {warm}, {count})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


SLOW = pytest.mark.slow


@pytest.mark.parametrize("count", [2000, pytest.param(100_000, marks=SLOW)])
def test_predicting_holds_no_memory(count: int) -> None:
    assert grown(PREDICT, 1000, count) <= 256 * KIB


@pytest.mark.parametrize("count", [8, pytest.param(120, marks=SLOW)])
def test_functions_that_are_gone_leave_no_code_behind(count: int) -> None:
    """Machine code, its constants and its graph die with the function; what LLVM keeps of names
    and types is a small part of them.
    """
    warm = 40  # the process keeps the code of the last ones
    assert grown(COMPILE, warm, count) <= (512 + count) * KIB


@SLOW
def test_a_leak_would_be_seen() -> None:
    """The same, with every result and every function kept."""
    assert grown(PREDICT, 1000, 2000, keep=True) > 2 * 256 * KIB
    assert grown(COMPILE, 40, 20, keep=True) > (512 + 20) * KIB
