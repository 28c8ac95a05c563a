"""What hooks see of a run: the weights of that very step, the measures of that very epoch."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import keras
from pellucid.core.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = (X @ [1.0, -2.0, 0.5])[:, None].astype("float32")


def network(start=None, **options):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.05, **options), "mse")
    if start is not None:
        model.set_weights(start)
    return model


def by_hand(epochs, batch=10):
    """W and b behind each step of plain descent on the rows as they stand, in float64."""
    w, b, found = np.full((3, 1), 0.1), np.zeros(1), []
    for _ in range(epochs):
        for k in range(0, 40, batch):
            x, y = X[k : k + batch].astype(float), Y[k : k + batch].astype(float)
            error = 2 * (x @ w + b - y) / batch
            w, b = w - 0.05 * x.T @ error, b - 0.05 * error.sum(0)
            found.append((w, b))
    return found


START = [np.full((3, 1), 0.1, "float32"), np.zeros(1, "float32")]
LOOKS = {
    "get_weights": lambda model: model.get_weights()[0],
    "kernel": lambda model: np.array(model.layers[0].kernel),
    "weights": lambda model: np.array(model.layers[0].trainable_weights[0]),
    "predict": lambda model: model.predict(np.eye(3), verbose=0) - model.predict(
        np.zeros((1, 3)), verbose=0),
    "call": lambda model: model(np.eye(3)) - model(np.zeros((1, 3))),
    "the model below": lambda model: model.network().get_weights()[0].copy(),
}  # fmt: skip


@pytest.mark.one_in(2)
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_epoch_end"])
def test_a_hook_sees_the_weights_of_its_step(look, hook):
    seen = []

    def keep(self, number, logs=None):
        seen.append(np.array(look(self.model)))

    own = type("Own", (keras.callbacks.Callback,), {hook: keep})
    network(START).fit(
        X, Y, batch_size=10, epochs=3, shuffle=False, verbose=0, callbacks=[own()]
    )  # fmt: skip
    wanted = [w for w, _ in by_hand(3)][:: 4 if hook == "on_epoch_end" else 1]
    if hook == "on_epoch_end":
        wanted = [w for w, _ in by_hand(3)][3::4]
    assert len(seen) == len(wanted)
    for one, each in zip(seen, wanted, strict=True):
        np.testing.assert_allclose(one, each, rtol=1e-4, atol=1e-6)


def test_epochs_in_one_go_are_those_that_come_alone():
    """Callbacks that follow measures let several epochs run at once: to the same numbers."""

    class Looks(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.get_weights()

    def run(*more):
        model = network(START, momentum=0.9)
        stop = keras.callbacks.EarlyStopping("loss", min_delta=1e-9, patience=3)
        plateau = keras.callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=1e-4)
        history = model.fit(
            X, Y, batch_size=10, epochs=200, shuffle=False, verbose=0,
            callbacks=[stop, plateau, *more],
        )  # fmt: skip
        return history, model.get_weights(), stop.stopped_epoch

    history, weights, stopped = run()
    other, same, end = run(Looks())
    assert 3 < stopped < 199 and stopped == end
    assert len(set(history.history["learning_rate"])) > 2
    assert history.history == other.history
    assert history.epoch == other.epoch == list(range(stopped + 1))
    for one, each in zip(weights, same, strict=True):
        assert np.array_equal(one, each)


def test_a_rate_of_each_epoch_is_that_of_the_epoch():
    model = network(START)
    rates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.0 if epoch % 2 else 0.05)
    history = model.fit(X, Y, batch_size=40, epochs=4, shuffle=False, verbose=0, callbacks=[rates])
    loss = history.history["loss"]
    assert loss[0] > loss[1] == loss[2] > loss[3]
    np.testing.assert_allclose(history.history["learning_rate"], [0.05, 0, 0.05, 0], rtol=1e-6)


def test_weights_are_not_assigned_in_a_hook():
    class Scaled(keras.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight((1,), initializer="ones")

        def call(self, x):
            return x * keras.ops.exp(self.scale)

    layer = Scaled()
    model = keras.Sequential([keras.Input((3,)), layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assign = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: layer.scale.assign([2.0]))
    with pytest.raises(ArgumentError, match="belongs to the run"):
        model.fit(X, Y, verbose=0, callbacks=[assign])
    before = model.predict(X, verbose=0)
    layer.scale.assign(layer.scale.numpy() + np.log(2.0))
    bias = model.layers[1].get_weights()[1]
    np.testing.assert_allclose(model.predict(X, verbose=0) - bias, 2 * (before - bias), rtol=1e-5)


def test_lambda_callbacks_have_hooks_of_steps():
    steps = []
    each = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: steps.append(batch)
    )
    network().fit(X, Y, batch_size=10, epochs=2, verbose=0, callbacks=[each])
    assert steps == [0, 1, 2, 3] * 2


def test_a_notebook_shows_models_and_histories():
    model = network()
    assert "<svg" in model._repr_svg_()
    assert keras.Sequential([keras.layers.Dense(1)])._repr_svg_() is None
    history = model.fit(
        X, Y, epochs=20, initial_epoch=10, validation_split=0.25, validation_freq=4, verbose=0
    )  # fmt: skip
    curves, numbers = history.__pellucid_curves__()
    assert numbers == list(range(11, 21))
    held = [n for n, value in zip(numbers, curves["val_loss"], strict=True) if value == value]
    assert held == [12, 16, 20]
    assert [value for value in curves["val_loss"] if value == value] == history.history["val_loss"]
    assert history._repr_svg_() == history.plot().svg == pel.draw(history).svg
    history.history["own"] = [1.0, 2.0]  # a person's own curve, shorter than the run
    assert "own" in history.plot().svg


def test_a_history_without_epochs_has_a_picture():
    assert "No epoch has ended yet." in keras.callbacks.History().plot().svg
    assert pel.draw(keras.callbacks.History(), view="steps").svg
