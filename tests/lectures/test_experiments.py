"""The lectures' experiments with numbers, on real digits."""

from pathlib import Path

import numpy as np
import pytest

import pellucid as pel

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"


@pytest.mark.slow
def test_the_bundled_digits_are_learnt_with_each_of_five_seeds():
    for seed in range(5):
        data = pel.data.load_digits(seed=seed)
        model = pel.Sequential(
            [
                pel.nn.Rescale(1 / 16),
                pel.nn.Flatten(),
                pel.nn.Dense(200, activation="relu"),
                pel.nn.Dense(10),
            ],
            seed=seed,
        )
        model.compile(pel.optim.SGD(0.5), loss="cross_entropy", metrics=["accuracy"])
        model.fit(data.x_train, data.y_train, batch_size=32, epochs=60, seed=seed, verbose=0)
        assert model.evaluate(data.x_test, data.y_test)["accuracy"] >= 0.96


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hidden", "parameters", "most"),
    [
        pytest.param([], 7_850, 0.085, marks=pytest.mark.lecture("T1.I1")),
        pytest.param([200], 159_010, 0.022, marks=pytest.mark.lecture("T1.I2")),
    ],
)
@pytest.mark.lecture("T1.I3")
def test_mnist_as_in_the_lecture(hidden, parameters, most):
    """lr 0.5, minibatches of 100, 15 epochs; the 10,000 are measured every 100 iterations."""
    if not MNIST.is_dir():
        pytest.skip("MNIST is not beside this checkout")
    data = pel.data.load_idx_folder(MNIST)
    layers = [pel.nn.Rescale(1 / 255), pel.nn.Flatten()]
    layers += [pel.nn.Dense(units, activation="relu") for units in hidden]
    model = pel.Sequential([*layers, pel.nn.Dense(10)], seed=0)
    model.compile(pel.optim.SGD(0.5), loss="cross_entropy", metrics=["accuracy"])
    history = model.fit(
        data.x_train,
        data.y_train,
        batch_size=100,
        epochs=15,
        seed=0,
        verbose=0,
        validation_data=(data.x_test, data.y_test),
        validate_every=100,
    )
    assert model.count_params() == parameters
    assert history.steps["step"][-1] == 9_000
    assert history.validation["step"] == list(range(100, 9_001, 100))
    assert 1 - history.epochs["val_accuracy"][-1] <= most
    if hidden:  # in the late epochs most minibatches are right to the last digit: overfit
        assert np.mean(np.array(history.steps["accuracy"][-600:]) == 1) > 0.8
