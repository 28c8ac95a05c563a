"""A library's process: makes what it is asked for, calls it, and answers with seconds.

In: JSON lines. The first says what to make; those behind it which call of it, and how many times.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import calls
import lenet
import mlp
import peers
from peers import Net

import svm

LENET_BATCH = 64
Calls = dict[str, Callable[[], Any]]


def net_of(asked: dict[str, Any]) -> Net:
    return Net(**{**asked["net"], "sizes": tuple(asked["net"]["sizes"])})


def fit(library: str, asked: dict[str, Any], threads: int) -> Calls:
    net = net_of(asked)
    return {"epoch": peers.LIBRARIES[library](net, *net.data(), threads)}


def lenet_fit(library: str, asked: dict[str, Any], threads: int) -> Calls:
    x, y = lenet.data(asked["steps"] * LENET_BATCH)
    return {"epoch": lenet.LIBRARIES[library](LENET_BATCH, x, y, threads)}


def step(library: str, asked: dict[str, Any], threads: int) -> Calls:
    net = net_of(asked)
    return {"epoch": calls.STEP[library](net, *net.data(), threads)}


def predict(library: str, asked: dict[str, Any], threads: int) -> Calls:
    net = net_of(asked)
    x, y = net.data()
    run = calls.PREDICT[library](net, x, y, threads)
    return {str(n): lambda rows=x[:n]: run(rows) for n in asked["rows"]}


def gradient(library: str, asked: dict[str, Any], threads: int) -> Calls:
    net = net_of(asked)
    return calls.GRADIENT[library](net, *net.data(), threads)


MAKERS = {
    "fit": fit,
    "lenet": lenet_fit,
    "step": step,
    "predict": predict,
    "gradient": gradient,
    "svm": svm.worker,
    "mlp": mlp.worker,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    made: Calls = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if "make" in asked:
            made = MAKERS[asked["make"]](given.library, asked, given.threads)
            print(0.0, file=answers, flush=True)
            continue
        if "value" in asked:
            print(float(made[asked["value"]]()), file=answers, flush=True)
            continue
        call, times = made[asked["call"]], range(asked["times"])
        started = time.perf_counter()
        for _ in times:
            call()
        print((time.perf_counter() - started) / len(times), file=answers, flush=True)


if __name__ == "__main__":
    main()
