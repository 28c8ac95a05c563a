"""What `fit(chunks=C)` costs on one worker: CPU and wall time of the same steps with and without.

    python benchmarks/chunks.py [--threads 1] [--rounds 7] [--networks 784-200-10,…]

Fits with and without chunks take turns in one process, pinned to as many cores as they have
threads; a ratio is that of the medians over the rounds (that of the minima in brackets). The data
are MNIST's training images, from /work/shared/data/mnist or `--data`; those of 8-64-64-1 are drawn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn

CHUNKS = (None, 2, 8, 16)


def dense(*sizes: int) -> list[Any]:
    return [*(nn.Dense(size, "relu") for size in sizes[:-1]), nn.Dense(sizes[-1])]


def lenet() -> list[Any]:
    return [
        nn.Conv2D(6, 5, activation="relu", padding="same"),
        nn.MaxPool2D(2),
        nn.Conv2D(16, 5, activation="relu"),
        nn.MaxPool2D(2),
        nn.Flatten(),
        *dense(120, 84, 10),
    ]


# What makes the layers; rows of data, batch size.
NETWORKS: dict[str, tuple[Callable[[], list[Any]], int, int]] = {
    "784-200-10": (lambda: dense(200, 10), 256 * 60, 256),
    "784-1024³-10": (lambda: dense(1024, 1024, 1024, 10), 256 * 8, 256),
    "8-64-64-1": (lambda: dense(64, 64, 1), 256 * 200, 256),
    "LeNet": (lenet, 256 * 6, 256),
}


def drawn(name: str, folder: str, rows: int) -> tuple[Any, Any, str]:
    """x, y and the loss of a network."""
    if name == "8-64-64-1":
        rng = np.random.default_rng(0)
        x = rng.standard_normal((rows, 8)).astype(np.float32)
        return x, np.sin(x).sum(axis=1, keepdims=True), "squared"
    data = pel.data.load_idx_folder(folder)
    x, y = np.asarray(data.x_train[:rows]), np.asarray(data.y_train[:rows])
    x = x.reshape(len(x), -1).astype(np.float32) / 255
    return (x.reshape(-1, 28, 28, 1) if name == "LeNet" else x), y, "cross_entropy"


Times = dict[int | None, list[tuple[float, float]]]  # of CPU and of the wall, by chunks


def timed(name: str, folder: str, threads: int, rounds: int) -> Times:
    """Seconds of a fit with each number of chunks, a round after the other."""
    layers, rows, batch = NETWORKS[name]
    x, y, loss = drawn(name, folder, rows)

    def model() -> pel.Sequential:
        made = pel.Sequential(layers(), seed=1)
        made.compile(pel.optim.SGD(0.05), loss)
        return made

    def fit(one: pel.Sequential, chunks: int | None) -> tuple[float, float]:
        began = time.process_time(), time.perf_counter()
        one.fit(x, y, batch_size=batch, seed=0, verbose=0, threads=threads, chunks=chunks)
        return time.process_time() - began[0], time.perf_counter() - began[1]

    models = {chunks: model() for chunks in CHUNKS}
    for chunks, one in models.items():
        fit(one, chunks)  # compiles
    times: Times = {chunks: [] for chunks in CHUNKS}
    for turn in range(rounds):
        for chunks in (*CHUNKS[turn % len(CHUNKS) :], *CHUNKS[: turn % len(CHUNKS)]):
            times[chunks].append(fit(models[chunks], chunks))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--data", default="/work/shared/data/mnist")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-options.threads :])
    for name in options.networks.split(","):
        times = timed(name, options.data, options.threads, options.rounds)
        _, rows, batch = NETWORKS[name]
        for chunks, found in times.items():
            words = [f"{name:>14}  {options.threads} threads  chunks {chunks!s:>4}"]
            for kind, which in (("CPU", 0), ("wall", 1)):
                own, plain = ([one[which] for one in many] for many in (found, times[None]))
                middle = statistics.median(own)
                words.append(
                    f"{kind} {1e3 * middle * batch / rows:7.3f} ms a step "
                    f"× {middle / statistics.median(plain):.3f} ({min(own) / min(plain):.3f})"
                )
            print("  ".join(words), flush=True)


if __name__ == "__main__":
    main()
