"""XLA on this machine's CPU: as accurate as native code, as fast as JAX written by hand.

    python benchmarks/xla.py [accuracy] [scan]       (both by default)

Prints the tables of docs/xla.md. `accuracy` trains the lectures' networks natively and under XLA
with the same seeds. `scan` takes epochs of the networks of `make bench` under `backend="xla"` and
in the hand-written JAX of `peers.py`, in turn in one process on one processor, by its CPU time.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import peers
from peers import DIGITS, SMALL, WIDE, Net

import pellucid as pel

MNIST = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "mnist"
SEEDS = (0, 1, 2)
ROUNDS = 31
NETS = {
    "2-4-2-1, batch 10, squared, SGD": Net((2, 4, 2, 1), 10, 5000),
    "8-64-64-1, batch 32, squared, SGD": SMALL,
    "8-64-64-1, batch 32, squared, Adam": replace(SMALL, optimizer="adam", rate=1e-3),
    "784-200-10, batch 100, cross-entropy, SGD": DIGITS,
    "784-1024-1024-1024-10, batch 256, cross-entropy, SGD": WIDE,
}


def mlp(seed: int) -> pel.Sequential:
    layers = [pel.nn.Rescale(1 / 255), pel.nn.Flatten(), pel.nn.Dense(200, "relu")]
    model = pel.Sequential([*layers, pel.nn.Dense(10)], seed=seed)
    model.compile(pel.optim.SGD(0.5), loss="cross_entropy", metrics=["accuracy"])
    return model


def lenet(seed: int) -> pel.Sequential:
    model = pel.models.lenet5(seed=seed)
    optimizer = pel.optim.SGD(0.02, momentum=0.9)
    model.compile(optimizer, loss="cross_entropy", metrics=["accuracy"])
    return model


def accuracy() -> None:
    """Means of the test accuracy, and how far predictions of the same weights are apart."""
    data = pel.data.load_idx_folder(MNIST)
    images = data.x_train[..., None], data.x_test[..., None]
    runs: dict[str, tuple[Callable[[int], Any], Any, Any, dict[str, int]]] = {
        "784-200-10, 15 epochs, batch 100": (
            mlp,
            (data.x_train, data.y_train),
            (data.x_test, data.y_test),
            {"epochs": 15, "batch_size": 100},
        ),
        "LeNet-5, 20,000 rows, 2 epochs, batch 64": (
            lenet,
            (images[0][:20_000], data.y_train[:20_000]),
            (images[1], data.y_test),
            {"epochs": 2, "batch_size": 64},
        ),
    }
    print("| network | native | XLA | apart | same weights predict |\n|---|---|---|---|---|")
    for name, (make, train, test, how) in runs.items():
        means: dict[str, float] = {}
        apart = 0.0
        for backend in ("native", "xla"):
            found = []
            for seed in SEEDS:
                model = make(seed)
                model.fit(*train, **how, seed=seed, verbose=0, backend=backend)
                found.append(model.evaluate(*test)["accuracy"])
                one, other = (model.predict_proba(test[0], backend=b) for b in ("native", "xla"))
                apart = max(apart, float(np.abs(one - other).max()))
            means[backend] = statistics.mean(found)
        native, ours = means["native"], means["xla"]
        print(
            f"| {name} | {native:.2%} | {ours:.2%} | {abs(native - ours):.2%} | ±{apart:.0e} |",
            flush=True,
        )
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 227, 227, 3)).astype(np.float32), rng.integers(0, 1000, 4)
    ends = {}
    for backend in ("native", "xla"):
        model = pel.models.alexnet(seed=0)
        model.compile(pel.optim.SGD(0.01, momentum=0.9), loss="cross_entropy")
        model.fit(x, y, batch_size=4, epochs=1, seed=0, verbose=0, backend=backend)
        ends[backend] = model.history.steps["loss"][-1], model.get_weights()
    (loss, one), (known, other) = ends["xla"], ends["native"]
    far = max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))
    print(f"\nAlexNet, a step of 4 rows: loss {loss:.6f}, natively {known:.6f}; weights ±{far:.0e}")


def ours(net: Net, x: Any, y: Any) -> Callable[[], Any]:
    """Epochs as a trainer under XLA takes them, one call each; the data are there beforehand."""
    model = peers.pellucid_model(net)
    optimizer = (pel.optim.Adam if net.optimizer == "adam" else pel.optim.SGD)(net.rate)
    model.compile(optimizer, loss=net.loss)
    kept: list[Any] = []
    model.fit(x, y, batch_size=net.batch, epochs=1, verbose=0, backend="xla", callbacks=Keeps(kept))
    trainer, rates = kept[0], np.full(net.rows // net.batch, net.rate)
    turn = iter(range(1, 1 << 30))

    def epoch() -> None:
        for _ in range(net.epochs):
            rows = trainer.order(0, next(turn))[: len(rates) * net.batch]
            trainer.run(rows, rates, net.batch)

    return epoch


class Keeps(pel.Callback):
    """Keeps the trainer of a run."""

    def __init__(self, kept: list[Any]):
        self._kept = kept

    def on_end(self, run: Any) -> None:
        self._kept.append(run.engine)


def scan() -> None:
    """µs a step; the ratios are of medians of the same rounds.

    `fit` has the losses of an epoch before the next one begins; JAX by hand is timed with that, and
    without: then the losses of all epochs of a call are waited for once.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print("| network | XLA, µs a step | JAX by hand | ratio | without losses | ratio |")
    print("|---|---|---|---|---|---|")
    for name, net in NETS.items():
        x, y = net.data()
        runs = {
            "xla": ours(net, x, y),
            "jax": peers.jax(net, x, y, 1, reads=True),
            "ahead": peers.jax(net, x, y, 1),
        }
        times: dict[str, list[float]] = {key: [] for key in runs}
        for turn in range(ROUNDS + 2):
            for key, run in runs.items():
                started = time.process_time()
                run()
                if turn > 1:
                    times[key].append((time.process_time() - started) / net.steps * 1e6)
        one, *others = (statistics.median(times[key]) for key in runs)
        compared = (f"{other:,.1f} | {one / other:.2f}" for other in others)
        print(f"| {name} | {one:,.1f} | {' | '.join(compared)} |", flush=True)


if __name__ == "__main__":
    for part in sys.argv[1:] or ("accuracy", "scan"):
        {"accuracy": accuracy, "scan": scan}[part]()
