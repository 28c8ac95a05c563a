"""What only a fresh process shows: the first step, and the peak of its memory.

Each number comes from a process that does nothing else; `measured` starts them in turn. The caches
of compiled code are folders of their own: new for the first process of a round, filled for the
second.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import calls
import peers
from page import Page, head, measured_on, table
from peers import ALL, DIGITS, WIDE, Net
from turns import Rounds, command, there

MODULES = {
    "Pellucid": "pellucid",
    "JAX": "jax",
    "PyTorch": "torch",
    "Keras": "keras",
    "scikit-learn": "sklearn.neural_network",
}
FIRST, MEMORY = "The first step", "Peak memory"
LIBRARIES = {**calls.STEP, **peers.LIBRARIES}
EMPTY, FILLED = "empty cache", "filled cache"


def caches(folder: str) -> dict[str, str]:
    """Settings that keep compiled code in `folder`: Pellucid's and JAX's, the latter for all code.

    JAX keeps none unless it is told to, and then only what took long to compile.
    """
    return {
        "PELLUCID_CACHE": os.path.join(folder, "pellucid"),
        "JAX_COMPILATION_CACHE_DIR": os.path.join(folder, "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def measured(
    net: Net, libraries: Sequence[str], threads: int, rounds: int, before: int = 1
) -> dict[str, dict[str, Rounds]]:
    """{state of the cache: {number: {library: a list of rounds}}}, numbers as `work` gives them.

    `before` rounds more are not counted: they bring the libraries' files into memory.
    """
    found: dict[str, dict[str, Rounds]] = {EMPTY: {}, FILLED: {}}
    for number in range(-before, rounds):
        for name in libraries:
            with tempfile.TemporaryDirectory() as folder:
                for state in found:
                    answer = _asked(name, net, threads, caches(folder))
                    if number >= 0:
                        for what, value in answer.items():
                            rows = found[state].setdefault(what, {})
                            rows.setdefault(name, []).append(value)
    return found


def _asked(library: str, net: Net, threads: int, settings: dict[str, str]) -> dict[str, float]:
    line, environment = command("fresh.py", threads, library, json.dumps(asdict(net)))
    done = subprocess.run(
        line, stdout=subprocess.PIPE, text=True, check=True, env={**environment, **settings}
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def work(library: str, net: Net, threads: int) -> dict[str, float]:
    """Seconds and bytes of a process's only epoch. The clock of `first` starts at the call of fit.

    For libraries without a `fit` it starts at the first call of their step, weights and rows handed
    over. `all` has the import and the making of the model beside it, and not that of the data.
    """
    started = time.perf_counter()
    importlib.import_module(MODULES[library.split(" ")[0]])
    imported = time.perf_counter()
    x, y = net.data()  # behind the import, whose own peak it covers
    before = peak()
    ready = time.perf_counter()
    epoch = LIBRARIES[library](net, x, y, threads)
    called = time.perf_counter()
    epoch()
    ended = time.perf_counter()
    return {
        "first": ended - called,
        "all": ended - ready + imported - started,
        "growth": float(peak() - before),
    }


def sections(given: argparse.Namespace, page: Page) -> None:
    """The sections of docs/benchmarks.md."""
    threads = max(given.threads)
    lines = measured_on(ALL, given.rounds)
    lines += [
        f"784-200-10, one batch of 100, {threads} threads. Each number comes from a new process in "
        "which NumPy is imported and the data are loaded; the libraries' files are in the page "
        "cache. *First step*: the time of a call of `fit` with one step, after the import of the "
        "library. It includes the import of Pellucid's compiler, llvmlite. For JAX and PyTorch it "
        "is the time of the first call of their step, to which weights and rows are passed. *From "
        "import*: the same plus the import of the library and the construction of the model.",
        "",
        "Caches: `PELLUCID_CACHE` names an empty folder; a second process then uses the same "
        "folder, filled. `JAX_COMPILATION_CACHE_DIR` likewise, for all code. PyTorch and "
        "scikit-learn have no such cache.",
        "",
        *head("ms"),
    ]
    net = replace(DIGITS, rows=100, mnist=False)
    found = measured(net, there(ALL), threads, given.rounds)
    for state, numbers in found.items():
        lines += table(f"first step, {state}", numbers["first"], unit="ms")
        lines += table(f"from import, {state}", numbers["all"], unit="ms")
    page.put(FIRST, lines)
    net = replace(WIDE, rows=234 * WIDE.batch)
    size = net.rows * net.sizes[0] * 4 / 2**20
    libraries = ("Pellucid", "JAX scan", "JAX jit, x[rows] by NumPy", "PyTorch eager")
    rounds = min(given.rounds, 3)
    lines = measured_on(libraries, rounds)
    lines += [
        f"784-1024-1024-1024-10, batch 256, one epoch of {net.rows:,} rows ({size:.0f} MiB), "
        f"{threads} threads. The number is the growth of peak memory (`ru_maxrss`) during the "
        "epoch, after the library is imported and the data are made. It includes the import of "
        "Pellucid's compiler. JAX's `scan` needs its own copy of the rows; the table also has a "
        "compiled step that takes each batch from NumPy.",
        "",
        *head("MiB"),
    ]
    found = measured(net, there(libraries), threads, rounds, before=0)
    for state, numbers in found.items():
        lines += table(state, numbers["growth"], unit="MiB")
    page.put(MEMORY, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library")
    parser.add_argument("net")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    fields: dict[str, Any] = json.loads(given.net)
    net = Net(**{**fields, "sizes": tuple(fields["sizes"])})
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    print(json.dumps(work(given.library, net, given.threads)), file=answers)


if __name__ == "__main__":
    main()
