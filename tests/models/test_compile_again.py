"""A second `compile` starts a new run: nothing of the old one is left but the weights."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError

RNG = np.random.default_rng(2)
X, Y = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 1))
FIT = {"epochs": 3, "batch_size": 5, "seed": 1, "verbose": 0, "backend": "interpreter"}


def net(**compiled):
    made = pel.Sequential([nn.Dense(4, "tanh"), nn.Dense(1)], seed=0, dtype="float64")
    made.build((3,))
    made.compile(**{"optimizer": optim.SGD(0.05, momentum=0.9), "loss": "squared", **compiled})
    return made


def same(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.history.steps == other.history.steps


def test_the_old_velocity_and_steps_are_forgotten():
    twice, fresh = net(), net()
    twice.fit(X, Y, **FIT)
    fresh.set_weights(twice.get_weights())
    twice.compile(optim.SGD(0.05, momentum=0.9), "squared")
    for one in (twice, fresh):
        one.fit(X, Y, **FIT)
    same(twice, fresh)


@pytest.mark.parametrize(
    "other",
    [
        {"optimizer": optim.SGD(0.01, momentum=0.9)},
        {"optimizer": optim.Adam(0.01)},
        {"loss": "absolute"},
        {"regularizer": nn.L2(0.1)},
        {"rates": {"dense_1": 0}},
        {"metrics": ["absolute_error"]},
    ],
    ids=str,
)
def test_what_is_compiled_last_is_what_holds(other):
    twice, fresh = net(), net(**other)
    twice.fit(X, Y, **FIT)
    twice.evaluate(X, Y)
    fresh.set_weights(twice.get_weights())
    how = {"optimizer": optim.SGD(0.05, momentum=0.9), "loss": "squared", **other}
    twice.compile(**how)
    assert twice.evaluate(X, Y) == fresh.evaluate(X, Y)
    for one in (twice, fresh):
        one.fit(X, Y, **FIT)
    same(twice, fresh)
    assert twice.evaluate(X, Y) == fresh.evaluate(X, Y)


def test_a_run_is_not_resumed_across_a_compile():
    made = net()
    made.fit(X, Y, **{**FIT, "epochs": 1})
    made.compile(optim.SGD(0.05, momentum=0.9), "squared")
    with pytest.raises(ArgumentError, match="resume needs a model that was being trained"):
        made.fit(X, Y, **{**FIT, "resume": True})


def test_the_best_weights_of_an_old_run_are_not_given_to_a_new_one():
    made = net()
    stop = pel.EarlyStopping("loss", patience=1) if hasattr(pel, "EarlyStopping") else None
    stop = stop or pel.train.callbacks.EarlyStopping("loss", patience=1)
    made.fit(X, Y, **{**FIT, "epochs": 6}, callbacks=stop)
    made.compile(optim.SGD(0.0), "squared")
    assert made.kept == {}
    assert made.slots is None
    assert made.training == {}
