"""pel.SwapAverages: validation of the averages of weights, by a second model that has them."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X[:, :1] * X[:, 1:2]


def network(**rates):
    model = pel.Sequential(
        [pel.nn.Dense(4, "tanh", name="first"), pel.nn.Dense(1, name="last")],
        seed=0, dtype="float64",
    )  # fmt: skip
    model.compile(pel.optim.SGD(0.1, average=0.9), "squared", rates=rates or None)
    return model


def trained(epochs, *callbacks, rates=None, **more):
    model = network(**(rates or {}))
    model.fit(X, Y, epochs=epochs, batch_size=8, seed=1, verbose=0, callbacks=callbacks, **more)
    return model


def loss_of_averages(epochs, rates=None):
    """The loss of the averages behind so many epochs, by a model that has them as weights."""
    model = trained(epochs, rates=rates)
    before = [one.copy() for one in model.weights.values()]
    model.set_weights(model.averages)
    return model.evaluate(X, Y)["loss"], before


@pytest.mark.parametrize("rates", [None, {"first": 0.0}])
def test_validation_is_of_the_averages_and_training_of_the_weights(rates):
    seen = trained(3, pel.SwapAverages(), rates=rates, validation_data=(X, Y))
    for epoch in range(3):
        wanted, weights = loss_of_averages(epoch + 1, rates)
        assert seen.history.epochs["val_loss"][epoch] == wanted
    for one, other in zip(seen.weights.values(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_averages_of_weights_that_are_not_trained_are_these():
    model = network(first=0.0)
    model.fit(X, Y, epochs=1, verbose=0)
    first = model.weights["first.W"].copy()
    model.set_weights(model.averages)
    np.testing.assert_array_equal(model.weights["first.W"], first)
    assert np.abs(first).max() > 0
    model.set_weights({"first.W": first + 1})  # behind the step that made the averages
    np.testing.assert_array_equal(model.averages[list(model.weights).index("first.W")], first + 1)
    assert pel.Sequential([pel.nn.Dense(1)]).averages is None


class Looking(pel.Callback):
    def __init__(self):
        self.seen = []

    def on_epoch(self, run):
        self.seen.append(run.model.weights["last.b"].copy())


def test_callbacks_behind_it_find_what_is_asked_for():
    plain, swapped = Looking(), Looking()
    model = trained(3, pel.SwapAverages(), plain)
    trained(3, pel.SwapAverages(for_hooks=True), swapped)
    for epoch in range(3):
        other = trained(epoch + 1)
        np.testing.assert_array_equal(plain.seen[epoch], other.weights["last.b"])
        other.set_weights(other.averages)
        np.testing.assert_array_equal(swapped.seen[epoch], other.weights["last.b"])
    assert not np.array_equal(plain.seen[-1], swapped.seen[-1])
    np.testing.assert_array_equal(model.weights["last.b"], plain.seen[-1])


def test_early_stopping_gives_back_the_averages_that_were_measured():
    stop = pel.EarlyStopping("val_loss", patience=2)
    model = trained(30, pel.SwapAverages(), stop, validation_data=(X, -Y))
    best = min(model.history.epochs["val_loss"])
    assert len(model.history.epochs["val_loss"]) < 30
    assert model.evaluate(X, -Y)["loss"] == best


def test_it_needs_an_optimizer_of_averages():
    model = network()
    model.compile(pel.optim.Adam(0.1), "squared")
    with pytest.raises(ArgumentError, match="make averages of the weights, got Adam without"):
        model.fit(X, Y, verbose=0, callbacks=[pel.SwapAverages()])
    with pytest.raises(ArgumentError, match="for_hooks must be True or False, got 1"):
        pel.SwapAverages(1)

    class Wrong(pel.Callback):
        def on_epoch(self, run):
            run.averages = "yes"

    with pytest.raises(ArgumentError, match="averages must be True or False, got 'yes'"):
        trained(1, Wrong())
