"""SwapEMAWeights beside numbers of Keras 3.15 on JAX, and averages where layers are frozen."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError
from pellucid.keras import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X[:, :1] * X[:, 1:2]
# val_loss of three epochs, the last bias in hooks of epochs, the sums of weights behind fit.
SEEN = {
    (False, False): [
        [0.557514804297, 0.514922064727, 0.487422125573],
        [0.008142180518, -0.074343404306, -0.074343404306, -0.075189689973, -0.075189689973,
         -0.076824262575],
        [2.649839966471, -0.880804187629, -1.142742277379, -0.035542202157],
    ],
    (False, True): [
        [0.557514804297, 0.514922064727, 0.487422125573],
        [0.008142180518, -0.003501925134, -0.074343404306, -0.023146868972, -0.075189689973,
         -0.035542202157],
        [2.649839966471, -0.880804187629, -1.142742277379, -0.035542202157],
    ],
    (True, True): [
        [0.565058488004, 0.526972771217, 0.509316818191],
        [0.008142180518, -0.004686441973, -0.080741534645, -0.021174099578, -0.065217104439,
         -0.024304884037],
        [2.824217608788, -0.78263713504, -1.134527875177, -0.024304884037],
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def float64():
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


def network(frozen=False, **more):
    model = keras.Sequential(
        [layers.Input((3,)), layers.Dense(4, "tanh", name="a"), layers.Dense(1)]
    )
    start = np.random.default_rng(1)
    model.set_weights([start.normal(size=one.shape) for one in model.get_weights()])
    model.layers[0].trainable = not frozen
    model.compile(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9, **more), "mse")
    return model


class Looking(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(float(self.model.get_weights()[-1][0]))

    on_epoch_end = on_epoch_begin


@pytest.mark.parametrize(("frozen", "swap"), SEEN)
def test_numbers_of_keras(frozen, swap):
    model, looking = network(frozen), Looking()
    history = model.fit(
        X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0, validation_data=(X, Y),
        callbacks=[keras.callbacks.SwapEMAWeights(swap), looking],
    )  # fmt: skip
    measured, seen, left = SEEN[frozen, swap]
    # Keras keeps rates as float32 numbers.
    np.testing.assert_allclose(history.history["val_loss"], measured, atol=3e-8)
    np.testing.assert_allclose(looking.seen, seen, atol=3e-8)
    np.testing.assert_allclose([one.sum() for one in model.get_weights()], left, atol=3e-8)


def test_evaluate_and_predict_take_averages_and_give_the_weights_back():
    model, swap = network(), keras.callbacks.SwapEMAWeights()
    model.fit(X, Y, verbose=0)
    averages = model.get_weights()  # fit ends with them
    model.set_weights([one + 1 for one in averages])
    held = model.predict(X, verbose=0), model.evaluate(X, Y, verbose=0)
    measured = model.evaluate(X, Y, verbose=0, callbacks=[swap])
    found = model.predict(X, verbose=0, callbacks=[swap])
    np.testing.assert_array_equal(model.predict(X, verbose=0), held[0])
    model.set_weights(averages)
    np.testing.assert_array_equal(found, model.predict(X, verbose=0))
    assert measured == model.evaluate(X, Y, verbose=0) != held[1]


def test_it_needs_an_optimizer_with_use_ema():
    model = network()
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match=r"optimizer of averages, got none.*use_ema=True"):
        model.fit(X, Y, verbose=0, callbacks=[keras.callbacks.SwapEMAWeights()])


def test_fit_ends_with_averages_under_a_compute_loss_too():
    class Own(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return keras.losses.MeanSquaredError()(y, y_pred)

    ends = []
    for kind in (keras.Model, Own):
        first = layers.Input((3,))
        model = kind(first, layers.Dense(1)(first))
        model.set_weights([np.ones((3, 1)), np.zeros(1)])
        model.compile(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9), "mse")
        model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
        ends.append(model.get_weights()[0])
    np.testing.assert_allclose(*ends, rtol=1e-12)
