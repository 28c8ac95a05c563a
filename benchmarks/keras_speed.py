"""The door beside our own API: the CPU time of the same work, and the quotient.

`python benchmarks/keras_speed.py [word …]` prints the cases whose names hold a word, else all. Each
case runs through `pellucid.keras` and through the Model below it, in turns as short as the clock
allows, each of the two first as often as the other; printed are the medians, and the median and the
quartiles of the quotients of neighbours, so that other work on the machine falls on both.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import pellucid as pel
from pellucid import keras, nn, optim

MNIST = Path("/work/shared/data/mnist")
TURNS = (16, 200)  # at least, at most
LEAST = 0.004  # seconds a turn
SPENT = 2.0  # seconds of both in a case, where the least turns take no longer
Call = Callable[[], Any]


class Net(NamedTuple):
    """A network in both forms, and its data."""

    door: Any
    own: Any
    x: Any
    y: Any


def small() -> Net:
    """4-8-10, 2000 rows: an epoch is 63 steps of some 3 µs."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2000, 4)), rng.normal(size=(2000, 10))
    door = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(10)]
    )
    door.compile("sgd", "mse")
    own = pel.Sequential([nn.Dense(8, "relu", input_shape=(4,)), nn.Dense(10)])
    own.compile(optim.SGD(0.01), nn.Squared(average=True))
    return Net(door, own, x.astype("float32"), y.astype("float32"))


def digits() -> Net:
    """784-200-10 on MNIST, or on as many made rows where its files are not there."""
    if MNIST.is_dir():
        data = pel.data.load_idx_folder(MNIST)
        x, y = np.asarray(data.x_train, np.float32).reshape(-1, 784), data.y_train
    else:
        rng = np.random.default_rng(0)
        x, y = rng.uniform(size=(60000, 784)).astype("float32"), rng.integers(0, 10, 60000)
    door = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(200, "relu"),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    door.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    own = pel.Sequential([nn.Dense(200, "relu", input_shape=(784,)), nn.Dense(10, "softmax")])
    own.compile(optim.SGD(0.01), nn.CrossEntropy(average=True), metrics=["accuracy"])
    return Net(door, own, x, y)


class DoorEpochs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.last = logs["loss"]


class OwnEpochs(pel.Callback):
    def on_epoch(self, run: Any) -> None:
        self.last = run.logs["loss"]


class DoorSteps(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.last = logs["loss"]


class OwnSteps(pel.Callback):
    def on_step(self, run: Any) -> None:
        self.last = run.logs["loss"]


def fits(net: Net, epochs: int) -> dict[str, tuple[Call, Call]]:
    """Kinds of fit: (through the door, our own)."""

    def pair(door: Any = None, own: Any = None, **options: Any) -> tuple[Call, Call]:
        several = options | {"epochs": epochs}
        return (
            lambda: net.door.fit(net.x, net.y, callbacks=door and [door()], **several),
            lambda: net.own.fit(net.x, net.y, callbacks=[own()] if own else [], **several),
        )

    held = (net.x[:200], net.y[:200])
    return {
        "fit, quiet": pair(verbose=0),
        "fit, a line an epoch": pair(verbose=2),
        "fit, validation": pair(verbose=0, validation_data=held),
        "fit, EarlyStopping": pair(
            lambda: keras.callbacks.EarlyStopping("loss", patience=99),
            lambda: pel.EarlyStopping("loss", patience=99, restore_best=False),
            verbose=0,
        ),
        "fit, a hook of epochs": pair(DoorEpochs, OwnEpochs, verbose=0),
        "fit, a hook of steps": pair(DoorSteps, OwnSteps, verbose=0),
    }


def calls(net: Net) -> dict[str, tuple[Call, Call]]:
    """Other calls: (through the door, our own)."""
    x, y, door, own = net.x, net.y, net.door, net.own
    few, some = x[:1], (x[:32], y[:32])
    step = {"batch_size": 32, "shuffle": False, "verbose": 0}
    return {
        f"predict, {len(x)} rows": (lambda: door.predict(x, verbose=0), lambda: own.predict(x)),
        "predict, 1 row": (lambda: door.predict(few, verbose=0), lambda: own.predict(few)),
        f"evaluate, {len(x)} rows": (
            lambda: door.evaluate(x, y, verbose=0),
            lambda: own.evaluate(x, y),
        ),
        "train_on_batch, a fit of 32 rows": (
            lambda: door.train_on_batch(*some),
            lambda: own.fit(*some, **step),
        ),
        "test_on_batch, an evaluate of 32 rows": (
            lambda: door.test_on_batch(*some),
            lambda: own.evaluate(*some),
        ),
    }


def measured(door: Call, own: Call) -> tuple[float, float, list[float]]:
    """Seconds of both, and the quartiles of the quotient."""
    for _ in range(3):
        door(), own()

    def spent(call: Call, times: int) -> float:
        started = time.process_time()
        for _ in range(times):
            call()
        return (time.process_time() - started) / times

    once = max(min(spent(own, 1) for _ in range(3)), 1e-6)
    times = max(1, int(LEAST / once))
    fewest, most = TURNS
    turns = []
    for number in range(max(fewest, min(most, int(SPENT / (2 * times * once))))):
        if number % 2:
            turns.append((spent(door, times), spent(own, times)))
        else:
            turns.append((spent(own, times), spent(door, times))[::-1])
    first, second = (statistics.median(column) for column in zip(*turns, strict=True))
    return first, second, statistics.quantiles([one / other for one, other in turns], n=4)


def main() -> None:
    words, net, large = sys.argv[1:], small(), digits()
    cases = {f"4-8-10: {name}": pair for name, pair in (fits(net, 40) | calls(net)).items()}
    part = large._replace(x=large.x[:6000], y=large.y[:6000])
    for name, pair in (fits(part, 2) | calls(part)).items():
        cases[f"784-200-10: {name}"] = pair
    print("| | Door | Own | Quotient | Quartiles |\n|---|---:|---:|---:|---:|")
    for name, (door, own) in cases.items():
        if words and not any(word in name for word in words):
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            first, second, (low, middle, high) = measured(door, own)
        shown = (
            f"{first * 1e3:.3f} ms | {second * 1e3:.3f} ms | {middle:.3f} | {low:.3f} – {high:.3f}"
        )
        print(f"| {name} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
