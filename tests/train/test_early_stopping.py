"""EarlyStopping: when it stops, and whose weights the model has then."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError


def problem():
    """Few noisy rows and a wide network: validation gets worse while training gets better."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4)).astype(np.float32)
    y = (x[:, :1] + rng.normal(size=(30, 1))).astype(np.float32)
    net = pel.Sequential([nn.Dense(64, "tanh"), nn.Dense(1)], seed=0)
    net.compile(optim.SGD(0.05), loss="squared")
    return net, (x[:15], y[:15]), (x[15:], y[15:])


@pytest.mark.lecture("T1.F9")
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_it_stops_behind_the_best_epoch_and_gives_its_weights_back(backend):
    net, train, held = problem()
    stopping = pel.EarlyStopping(patience=5)
    history = net.fit(
        *train, batch_size=5, epochs=300, seed=0, verbose=0, validation_data=held,
        callbacks=stopping, backend=backend,
    )  # fmt: skip
    losses = [epoch["val_loss"] for epoch in rows(history)]
    assert len(losses) < 300 and stopping.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) == stopping.best_epoch + 6
    assert stopping.best == min(losses) < losses[-1]
    assert net.evaluate(*held)["loss"] == pytest.approx(min(losses), rel=1e-6)
    assert train_loss(net, train) > 0


def rows(history):
    names = list(history.epochs)
    return [
        dict(zip(names, values, strict=True))
        for values in zip(*history.epochs.values(), strict=True)
    ]


def train_loss(net, train):
    return net.evaluate(*train)["loss"]


def test_without_restoring_the_last_weights_stay():
    results = []
    for restore in (True, False):
        net, train, held = problem()
        net.fit(*train, batch_size=5, epochs=300, seed=0, verbose=0, validation_data=held,
                callbacks=pel.EarlyStopping(patience=3, restore_best=restore))  # fmt: skip
        results.append(net.evaluate(*held)["loss"])
    assert results[0] < results[1]


def test_a_run_that_ends_by_itself_has_its_best_weights_too(tmp_path):
    net, train, held = problem()
    stopping = pel.EarlyStopping(patience=1000)
    net.fit(*train, batch_size=5, epochs=120, seed=0, verbose=0, validation_data=held,
            callbacks=stopping, checkpoint=tmp_path / "run")  # fmt: skip
    assert stopping.best_epoch < 120
    saved = pel.load(tmp_path / "run")
    for one in (net, saved):
        assert one.evaluate(*held)["loss"] == pytest.approx(stopping.best, rel=1e-6)


def test_larger_is_better_for_accuracy_and_min_delta_counts():
    x = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    net = pel.Sequential([nn.Dense(2)], seed=0)
    net.compile(optim.SGD(0.5), loss="cross_entropy", metrics=["accuracy"])
    stopping = pel.EarlyStopping("accuracy", patience=2)
    net.fit(x, y, batch_size=8, epochs=60, seed=0, verbose=0, callbacks=stopping)
    assert stopping.best > 0.8
    net, train, held = problem()
    stopping = pel.EarlyStopping(patience=0, min_delta=100.0)
    history = net.fit(*train, epochs=9, seed=0, verbose=0, validation_data=held,
                      callbacks=stopping)  # fmt: skip
    assert len(rows(history)) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"monitor": 3}, "monitor must be a name"),
        ({"patience": -1}, "patience must be"),
        ({"min_delta": -0.1}, "min_delta must lie"),
        ({"mode": "up"}, "unknown mode 'up'"),
        ({"restore_best": 1}, "restore_best must be True or False"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        pel.EarlyStopping(**arguments)


def test_a_measure_that_is_not_there_is_said():
    net, train, _ = problem()
    with pytest.raises(ArgumentError, match="Give fit validation_data"):
        net.fit(*train, verbose=0, callbacks=pel.EarlyStopping())
