"""The lectures' experiments on optimisation in small: `make lectures` runs them on MNIST."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim


def digits():
    data = pel.data.load_digits(seed=0)
    return data.x_train.reshape(len(data.x_train), -1) / 16, data.y_train


class Watch(pel.Callback):
    """The loss on all rows after every so many updates, and what it took to get below a value."""

    def __init__(self, net, x, y, every, goal):
        self.net, self.x, self.y, self.every, self.goal = net, x, y, every, goal
        self.losses, self.updates = [], None

    def on_step(self, run):
        if run.step % self.every:
            return
        run.publish()
        self.losses.append(self.net.evaluate(self.x, self.y)["loss"])
        if self.losses[-1] <= self.goal and self.updates is None:
            self.updates = run.step
            run.stop = True


def watched(batch_size, rate, goal):
    x, y = digits()
    net = pel.Sequential([nn.Dense(32, "relu"), nn.Dense(10)], seed=0)
    net.compile(optim.SGD(rate), loss="cross_entropy")
    net.build((64,))
    watch = Watch(net, x, y, 25, goal)
    net.fit(x, y, batch_size=batch_size, epochs=60, seed=0, verbose=0, callbacks=watch)
    return watch


@pytest.mark.slow
@pytest.mark.lecture("T1.H4")
def test_a_growing_batch_needs_fewer_updates_than_the_one_it_starts_with():
    """Small batches first and larger ones later reach a loss with fewer updates, at one rate."""
    sizes = optim.GrowingBatch(4, 2.0, every=2, highest=64)
    fixed, growing = watched(4, 0.3, 0.02), watched(sizes, 0.3, 0.02)
    assert growing.updates is not None and fixed.updates is not None
    assert growing.updates < 0.8 * fixed.updates


@pytest.mark.lecture("T1.I12")
def test_batch_stochastic_and_minibatch_traces():
    """By epoch single rows fall fastest; batch descent is smooth and slow; minibatches between."""
    x, y = digits()
    traces = {}
    for name, size, rate in (("batch", "all", 0.5), ("minibatch", 32, 0.5), ("single", 1, 0.05)):
        net = pel.Sequential([nn.Dense(10)], seed=0)
        net.compile(optim.SGD(rate), loss="cross_entropy")
        net.build((64,))
        losses = []
        for epoch in range(5):
            net.fit(x, y, batch_size=size, epochs=1, seed=epoch, verbose=0)
            losses.append(net.evaluate(x, y)["loss"])
        traces[name] = losses, net.history.steps["loss"]
    after = {name: losses[0] for name, (losses, _) in traces.items()}
    assert after["single"] < after["minibatch"] < after["batch"]
    # Batch descent falls at every update; the noise of single rows does not let them.
    assert np.all(np.diff(traces["batch"][0]) < 0)
    single = traces["single"][1]
    assert np.std(single) > 2 * np.std(traces["minibatch"][1])
