"""The lectures' small experiments: curves, two classes in the plane, XOR, the Keras program."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import Sequential, data, nn, optim
from pellucid import optim as optimizers
from pellucid.nn import Dense


@pytest.mark.lecture("T1.I4")
@pytest.mark.parametrize(
    ("function", "at_points", "between"),
    [
        pytest.param(np.square, 0.005, 0.01, marks=pytest.mark.slow),
        (np.sin, 0.005, 0.01),
        # A smooth curve rounds the corner.
        pytest.param(np.abs, 0.03, 0.04, marks=pytest.mark.slow),
        (lambda x: np.heaviside(x, 1.0), 0.005, 0.15),  # where between two points it jumps is open
    ],
    ids=["x^2", "sin x", "abs x", "H(x)"],
)
def test_three_tanh_units_fit_four_curves(function, at_points, between):
    """3 tanh units and a linear output fit x², sin x, abs(x) and H(x) from 50 points in (-1, 1)."""
    x = np.random.default_rng(0).uniform(-1, 1, (50, 1))
    fine = np.linspace(-1, 1, 401)[:, None]
    for seed in range(3):
        hidden = Dense(
            3, "tanh", kernel_initializer=nn.Normal(2.0), bias_initializer=nn.Uniform(1.0)
        )
        model = Sequential([hidden, Dense(1)], seed=seed, dtype="float64")
        model.compile(optim.LBFGS(), "squared")
        model.fit(x, function(x), batch_size="all", epochs=400, seed=0, verbose=0)
        for places, bound in ((x, at_points), (fine, between)):
            apart = model.predict(places) - function(places)
            assert np.sqrt(np.mean(apart**2)) < bound  # the functions reach up to 1


@pytest.mark.slow
@pytest.mark.lecture("T1.I5")
def test_two_tanh_units_come_near_the_optimal_boundary():
    """2 tanh units and a sigmoid part two classes nearly as well as their densities would."""
    rng = np.random.default_rng(0)
    # The one class lies between the two halves of the other: one line does not part them.
    middles = (np.array([[0.0, 0.0]]), np.array([[-2.0, 2.0], [2.0, -2.0]]))

    def drawn(count):
        t = rng.integers(0, 2, count)
        half = rng.integers(0, 2, count)
        centers = np.where(t[:, None] == 0, middles[0], middles[1][half])
        return centers + rng.normal(size=(count, 2)) * 0.8, t

    def density(x, centers):
        return np.exp(-((x[:, None] - centers) ** 2).sum(-1) / (2 * 0.8**2)).mean(1)

    (x, t), (more, truth) = drawn(400), drawn(20_000)
    best = np.mean((density(more, middles[1]) > density(more, middles[0])) != truth)

    def error(model):
        model.compile(optim.LBFGS(), "binary_cross_entropy", regularizer=nn.L2(1e-3))
        model.fit(x, t, batch_size="all", epochs=200, seed=0, verbose=0)
        return np.mean((model.predict(more)[:, 0] > 0.5) != truth)

    for seed in range(3):
        layers = [Dense(2, "tanh"), Dense(1, "sigmoid")]
        assert best <= error(Sequential(layers, seed=seed, dtype="float64")) < best + 0.01
    assert error(Sequential([Dense(1, "sigmoid")], seed=0, dtype="float64")) > 0.3


@pytest.mark.slow
@pytest.mark.lecture("T1.I6")
@pytest.mark.parametrize("start", ["xavier", nn.Normal(1.0)], ids=["xavier", "normal"])
def test_xor_is_learnt_from_most_random_starts_and_with_more_units_from_all(start):
    """XOR from 20 random starts: 2 tanh units solve about half of them, 8 units all."""
    x, t = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float), np.array([0, 1, 1, 0])
    solved = {}
    for units in (2, 8):
        solved[units] = 0
        for seed in range(20):
            layers = [Dense(units, "tanh", kernel_initializer=start), Dense(1)]
            model = Sequential(layers, seed=seed, dtype="float64")
            model.compile(optim.Adam(0.05), "binary_cross_entropy")
            model.fit(x, t, batch_size=4, epochs=500, seed=0, verbose=0)
            solved[units] += bool(((model.predict(x)[:, 0] > 0) == t).all())
    assert 6 <= solved[2] <= 14 and solved[8] == 20


@pytest.mark.slow
@pytest.mark.lecture("T1.I7")
@pytest.mark.lecture("T1.J3")
def test_thirty_epochs_of_the_keras_program_on_digits():
    """The Keras program on real digits: 30 epochs of Adam(lr=0.001), its four curves, batch 100."""
    digits = data.load_digits(seed=0)
    Xtr, ytr = digits.x_train.reshape(-1, 64) / 16, digits.y_train
    Xts, yts = digits.x_test.reshape(-1, 64) / 16, digits.y_test
    nin, nh, nout = 64, 100, 10

    model = Sequential()
    model.add(Dense(units=nh, input_shape=(nin,), activation="sigmoid", name="hidden"))
    model.add(Dense(units=nout, activation="softmax", name="output"))
    opt = optimizers.Adam(lr=0.001)
    model.compile(optimizer=opt, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    hist = model.fit(Xtr, ytr, epochs=30, batch_size=100, validation_data=(Xts, yts), verbose=0)

    curves = hist.history
    assert set(curves) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(len(curve) == 30 for curve in curves.values())
    assert (np.diff(curves["loss"]) < 0).all()
    assert curves["accuracy"][-1] > 0.9 and curves["val_accuracy"][-1] > 0.9
    assert curves["val_accuracy"][-1] == model.evaluate(Xts, yts)["accuracy"]
