"""What an optimizer remembers: through another compile, and where other layers are trained."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from pellucid import keras
from pellucid.core import notices
from pellucid.core.errors import ArgumentError
from pellucid.keras import layers, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def made(optimizer):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


def trained(model, **options):
    return model.fit(X, Y, batch_size=4, shuffle=False, verbose=0, **options)


def halved():
    return optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)


def test_the_rate_of_a_schedule_is_that_of_the_step():
    seen = []

    class Seen(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate))

    model = made(optimizers.Adam(halved()))
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)
    trained(model, epochs=2, callbacks=[Seen()])
    np.testing.assert_allclose(seen, 0.1 * 0.5 ** (np.arange(1, 9) / 10), rtol=1e-6)
    assert float(model.optimizer.learning_rate) == pytest.approx(seen[-1])
    model.compile(optimizers.Adam(halved()), "mse")
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)


def test_an_optimizer_that_is_compiled_again_goes_on():
    one, other = made(optimizers.Adam(halved())), made(optimizers.Adam(halved()))
    for model in (one, other):
        trained(model)
    one.compile(one.optimizer, "mse", metrics=["mae"])
    assert float(one.optimizer.learning_rate) == pytest.approx(0.1 * 0.5**0.4)
    for model in (one, other):
        trained(model)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    anew = made(optimizers.Adam(halved()))
    trained(anew)
    anew.compile(optimizers.Adam(halved()), "mse")
    trained(anew)
    assert not np.array_equal(anew.get_weights()[0], other.get_weights()[0])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_may_be_compiled_again(copied):
    model = made(optimizers.Adam(halved()))
    trained(model)
    twin = copied(model)
    for one in (model, twin):
        one.compile(one.optimizer, "mae")
        trained(one)
    assert int(twin.optimizer.iterations) == int(model.optimizer.iterations)
    np.testing.assert_array_equal(twin.get_weights()[0], model.get_weights()[0])


def test_an_optimizer_of_another_model_begins_anew_and_says_so(monkeypatch):
    monkeypatch.setattr(notices, "_said", set())  # another test may have heard it
    optimizer = optimizers.Adam(halved())
    trained(made(optimizer))
    with pytest.warns(UserWarning, match="trained another model, and begins anew"):
        model = made(optimizer)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    trained(model)


@pytest.mark.parametrize("again", [False, True])
def test_other_layers_cannot_be_trained_with_what_an_optimizer_remembers(again):
    model = made("adam")
    model.layers[0].trainable = False
    start = model.get_weights()
    trained(model)  # nothing is remembered yet: as in Keras it counts
    assert np.array_equal(start[0], model.get_weights()[0])
    model.layers[0].trainable = True
    if again:
        model.compile(model.optimizer, "mse")
    model.evaluate(X, Y, verbose=0)
    for train in (trained, lambda model: model.train_on_batch(X, Y)):
        with pytest.raises(ArgumentError, match="another trainable of dense"):
            train(model)
    model.compile("adam", "mse")
    trained(model)
    assert not np.array_equal(start[0], model.get_weights()[0])


def test_a_look_with_another_trainable_costs_nothing():
    one, other = made("adam"), made("adam")
    for model in (one, other):
        trained(model)
    one.layers[0].trainable = False
    one.evaluate(X, Y, verbose=0)
    one.layers[0].trainable = True
    for model in (one, other):
        trained(model)
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])


def test_a_model_of_a_file_goes_on_through_another_compile(tmp_path):
    model = made(optimizers.Adam(halved()))
    trained(model)
    model.save(tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras")
    assert float(again.optimizer.learning_rate) == pytest.approx(0.1 * 0.5**0.4)
    again.compile(again.optimizer, "mse")
    for one in (model, again):
        trained(one)
    np.testing.assert_array_equal(model.get_weights()[0], again.get_weights()[0])


def test_what_is_frozen_in_a_file_stays_so(tmp_path):
    """Neither a frozen layer's penalty counts, nor does a frozen weight of a layer move."""
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, kernel_regularizer="l2"), layers.Dense(1)]
    )
    model.layers[0].trainable = False
    model.layers[1].bias.trainable = False
    model.compile("sgd", "mse")
    model.save(tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras")
    assert [one.trainable for one in again.weights] == [False, False, True, False]
    wanted = np.mean((model.predict(X, verbose=0) - Y) ** 2)
    for anew in (False, True):
        before = again.get_weights()
        if anew:
            again.compile("sgd", "mse")
        else:
            assert again.evaluate(X, Y, verbose=0) == pytest.approx(wanted, rel=1e-5)
        trained(again)
        same = [np.array_equal(a, b) for a, b in zip(before, again.get_weights(), strict=True)]
        assert same == [True, True, False, True]


class Quiet(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = layers.Dense(4), layers.Dropout(0.9), layers.Dense(1)

    def call(self, x):
        return self.last(self.drop(self.first(x)))


@pytest.mark.filterwarnings("ignore:.*call takes no training")
def test_a_call_without_training_in_a_file_has_no_dropout_either(tmp_path):
    model = Quiet()
    model.compile("sgd", "mse")
    trained(model)
    model.save(tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras")
    for anew in (False, True):
        for one in (model, again):
            if anew:
                one.compile("sgd", "mse")
            trained(one)
        for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
