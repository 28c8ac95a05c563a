"""Libraries measured in turn, each in its own process.

One process runs at a time; those that wait are suspended, so that none takes time from another.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from peers import Net

HERE = Path(__file__).resolve().parent
PACKAGES = {
    "Pellucid": "pellucid",
    "JAX": "jax",
    "PyTorch": "torch",
    "scikit-learn": "scikit-learn",
    "scikit-learn-intelex": "scikit-learn-intelex",
    "Keras": "keras",
}
Rounds = dict[str, list[float]]  # of each library, one number a round
SECONDS = 0.3  # that a call is repeated for, in a round
MOST = 10_000


def version(name: str) -> str | None:
    """The version of the library that a name begins with, where it is there."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(PACKAGES[name.split(" ")[0].rstrip(",")])
    return None


def there(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if version(name) is not None)


def command(script: str, threads: int, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of a process that may use `threads` threads."""
    line = [sys.executable, str(HERE / script), *arguments, "--threads", str(threads)]
    if hasattr(os, "sched_setaffinity"):  # JAX takes as many threads as it finds processors
        processors = ",".join(map(str, sorted(os.sched_getaffinity(0))[:threads]))
        line = ["taskset", "-c", processors, *line]
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return line, {**os.environ, **dict.fromkeys(limits, str(threads)), "KERAS_BACKEND": "jax"}


class Peer:
    """A library in its own process, suspended except while it runs a measurement."""

    def __init__(self, library: str, threads: int):
        line, environment = command("worker.py", threads, library)
        self.library = library
        self.process = subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, question: dict[str, Any]) -> float:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.send_signal(signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError):  # the answer that does not come says it
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.library} ended when it was asked for {question}")
        self.process.send_signal(signal.SIGSTOP)
        return float(answer)

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.communicate()


def in_turn(
    question: dict[str, Any],
    calls: Sequence[str],
    libraries: Sequence[str],
    threads: int,
    rounds: int,
) -> dict[str, Rounds]:
    """Seconds of each call of what `question` makes, by library, a list of rounds."""
    peers: dict[str, Peer] = {}
    times: dict[tuple[str, str], int] = {}
    found: dict[str, Rounds] = {call: {name: [] for name in libraries} for call in calls}
    try:
        for name in libraries:
            peer = peers[name] = Peer(name, threads)
            peer.ask(question)
            for call in calls:
                peer.ask({"call": call, "times": 1})  # compiles
                once = peer.ask({"call": call, "times": 1})
                times[name, call] = max(1, min(MOST, int(SECONDS / max(once, 1e-6))))
        for _ in range(rounds):
            for call in calls:
                for name, peer in peers.items():
                    asked = {"call": call, "times": times[name, call]}
                    found[call][name].append(peer.ask(asked))
        return found
    finally:
        for peer in peers.values():
            peer.end()


def steps(make: str, net: Net, libraries: Sequence[str], threads: int, rounds: int) -> Rounds:
    """Seconds a step of each library, in whole epochs."""
    found = in_turn({"make": make, "net": asdict(net)}, ["epoch"], libraries, threads, rounds)
    return each(found["epoch"], net.steps)


def each(found: Rounds, count: int) -> Rounds:
    return {name: [seconds / count for seconds in values] for name, values in found.items()}
