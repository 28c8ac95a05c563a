"""TimeDistributed: each step by itself, beside the layer on the steps and numbers of Keras."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.keras import layers, ops

RNG = np.random.default_rng(0)
KINDS = {
    "Dense": (lambda: layers.Dense(4, "tanh"), (5, 3)),
    "Conv2D": (lambda: layers.Conv2D(3, 3, strides=2, padding="same"), (4, 6, 7, 2)),
    "Conv1D": (lambda: layers.Conv1D(3, 2), (4, 6, 2)),
    "MaxPooling2D": (lambda: layers.MaxPooling2D(), (3, 6, 6, 2)),
    "Flatten": (lambda: layers.Flatten(), (3, 2, 2)),
    "GlobalAveragePooling1D": (lambda: layers.GlobalAveragePooling1D(), (3, 5, 2)),
    "LayerNormalization": (lambda: layers.LayerNormalization(), (3, 4)),
    "BatchNormalization": (lambda: layers.BatchNormalization(), (3, 4)),
    "Sequential": (lambda: keras.Sequential([layers.Dense(3, "relu"), layers.Dense(2)]), (4, 3)),
    "Lambda": (lambda: layers.Lambda(lambda x: x * 2.0), (4, 3)),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_step_is_what_the_layer_makes_of_it(kind):
    make, shape = KINDS[kind]
    layer, x = make(), RNG.normal(size=(6, *shape)).astype("float32")
    first = layers.Input(shape)
    model = keras.Model(first, layers.TimeDistributed(layer)(first))
    model.set_weights([RNG.normal(size=one.shape) ** 2 for one in model.get_weights()])
    found = model.predict(x, verbose=0)
    wanted = np.stack([np.asarray(layer(x[:, n], training=False)) for n in range(shape[0])], 1)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(x, verbose=0), found)


# Keras 3.15 on JAX: losses of two epochs, sums of the weights behind them.
TRAINED = {
    "dense": [[0.390698205, 0.306612857], [1.003237247, 0.177978984, 7.241631225, 0.044964675]],
    "batches": [
        [0.090038576, 0.027524486],
        [0.555270969, 0.650510668, 0.355689373, 3.48686558, 4.367099467, 0.049413332],
    ],
}


@pytest.mark.parametrize("kind", TRAINED)
def test_training_beside_numbers_of_keras(kind):
    rng = np.random.default_rng(0)
    sizes = [(5, 3), (4, 6, 7, 2), (4, 6, 2), (3, 6, 6, 2), (3, 2, 2), (3, 5, 2), (3, 4)]
    drawn = [rng.normal(size=(12, *one)) for one in sizes]
    keras.config.set_floatx("float64")
    try:
        inside: keras.Layer = layers.Dense(4, "tanh", kernel_regularizer="l2")
        x = drawn[0]
        if kind == "batches":
            inside, x = layers.BatchNormalization(momentum=0.5), drawn[-1]
        first = layers.Input(x.shape[1:])
        made = layers.TimeDistributed(inside)(first)
        model = keras.Model(first, layers.Dense(1)(layers.Flatten()(made)))
        start = np.random.default_rng(1)
        model.set_weights([start.normal(size=one.shape) ** 2 * 0.3 for one in model.get_weights()])
        model.compile(keras.optimizers.SGD(0.0625), "mse")
        history = model.fit(x, np.ones((12, 1)), batch_size=4, epochs=2, shuffle=False, verbose=0)
    finally:
        keras.config.set_floatx("float32")
    # Keras computes norms and products with Python's numbers in float32.
    np.testing.assert_allclose(history.history["loss"], TRAINED[kind][0], atol=2e-7)
    sums = [one.numpy().sum() for one in model.weights]
    np.testing.assert_allclose(sums, TRAINED[kind][1], atol=2e-7)


class Doubled(layers.Wrapper):
    def call(self, inputs):
        return ops.multiply(self.layer(inputs), 2.0)


def test_a_wrapper_of_a_persons_own_and_what_cannot_be():
    model = keras.Sequential([layers.Input((3,)), Doubled(layers.Dense(2), name="mine")])
    assert len(model.get_weights()) == 2
    x = RNG.normal(size=(4, 3)).astype("float32")
    np.testing.assert_allclose(
        model.predict(x, verbose=0), 2 * np.asarray(model.layers[0].layer(x)), rtol=1e-6
    )
    clone = keras.models.clone_model(model)
    assert clone.layers[0].layer is not model.layers[0].layer
    with pytest.raises(ArgumentError, match=r"layers.TimeDistributed\] layer must be a layer"):
        layers.TimeDistributed(3)
    with pytest.raises(ShapeError, match=r"three axes or more.*Reshape"):
        layers.TimeDistributed(layers.Dense(2))(layers.Input((3,)))
    with pytest.raises(ArgumentError, match="give it to TimeDistributed"):
        layers.TimeDistributed(layers.Dense(2, activity_regularizer="l2"))
