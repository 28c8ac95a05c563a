"""Weights and what optimizers remember as Keras's Variables: one object for each array."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError, PellucidError, ShapeError
from pellucid.keras import layers, ops

RNG = np.random.default_rng(4)
X = RNG.normal(size=(32, 8)).astype(np.float32)
Y = RNG.normal(size=(32, 2)).astype(np.float32)


def network():
    return keras.Sequential(
        [
            layers.Input((8,)),
            layers.Dense(4),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2),
        ]
    )


class Own(layers.Layer):
    def __init__(self):
        super().__init__()
        self.u = self.add_weight(shape=(2,))
        self.inside = layers.Dense(3)

    def build(self, shape):
        self.w = self.add_weight(shape=(3, 2), name="w", trainable=False)

    def call(self, x):
        return ops.matmul(self.inside(x), self.w) * self.u


class OwnModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = Own(), keras.Sequential([layers.Dense(2), layers.Dense(1)])

    def call(self, x):
        return self.second(self.first(x))


def test_paths_are_those_of_keras():
    keras.utils.clear_session()
    model, own = network(), OwnModel()
    own(np.ones((2, 3)))
    # Read from Keras 3.15.1.
    assert [(one.path, one.shape, one.trainable) for one in model.variables] == [
        ("sequential/dense/kernel", (8, 4), True),
        ("sequential/dense/bias", (4,), True),
        ("sequential/batch_normalization/gamma", (4,), True),
        ("sequential/batch_normalization/beta", (4,), True),
        ("sequential/batch_normalization/moving_mean", (4,), False),
        ("sequential/batch_normalization/moving_variance", (4,), False),
        ("seed_generator/seed_generator_state", (2,), False),
        ("sequential/dense_1/kernel", (4, 2), True),
        ("sequential/dense_1/bias", (2,), True),
    ]
    assert len(model.weights) == 8
    assert [one.name for one in model.non_trainable_weights] == ["moving_mean", "moving_variance"]
    assert [one.path for one in own.variables] == [
        "own/variable",
        "own_model/own/w",
        "own_model/own/dense_2/kernel",
        "own_model/own/dense_2/bias",
        "own_model/sequential_1/dense_3/kernel",
        "own_model/sequential_1/dense_3/bias",
        "own_model/sequential_1/dense_4/kernel",
        "own_model/sequential_1/dense_4/bias",
    ]
    assert [one.trainable for one in own.variables] == [True, False] + [True] * 6


@pytest.mark.parametrize(
    ("layer", "shape", "names"),
    [
        (layers.SeparableConv2D(2, 1), (4, 4, 2), ["depthwise_kernel", "pointwise_kernel", "bias"]),
        (layers.DepthwiseConv2D(1), (4, 4, 2), ["kernel", "bias"]),
        (layers.PReLU(), (2,), ["alpha"]),
        (layers.RMSNormalization(), (2,), ["scale"]),
        (layers.Embedding(2, 2), (2,), ["embeddings"]),
    ],
)
def test_names_are_those_of_keras(layer, shape, names):
    layer(keras.Input(shape))
    assert [one.name for one in layer.weights] == names
    assert [getattr(layer, name) is one for name, one in zip(names, layer.weights, strict=True)]


def test_a_weight_and_the_model_beneath_are_one():
    model = network()
    kernel = model.layers[0].kernel
    assert kernel is model.weights[0] is model.trainable_variables[0]
    kernel.assign(np.full((8, 4), 0.5))
    kernel.assign_add(np.ones((8, 4)))
    assert np.all(kernel.assign_sub(np.full((8, 4), 0.25)) == 1.25)
    model.layers[3].kernel.assign(np.ones((4, 2)))
    beneath = model.network().params[model.network().names[0]]["W"]
    assert np.all(beneath == 1.25)
    hidden = 1.25 * X.sum(axis=1, keepdims=True) / np.sqrt(1 + 1e-3)
    np.testing.assert_allclose(model.predict(X, verbose=0)[:, :1], 4 * hidden, rtol=1e-5)
    before = kernel.value
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(before, kernel) and np.all(before == 1.25)
    assert np.array_equal(kernel.numpy(), model.get_weights()[0])


def test_what_can_be_done_with_a_variable():
    one = keras.Variable(np.array([[1.0, 2.0], [3.0, 4.0]]), name="v")
    plain = one.numpy()
    assert (one.name, one.path, one.shape, one.dtype, one.ndim, len(one)) == (
        "v", "v", (2, 2), "float32", 2, 2
    )  # fmt: skip
    for function in (
        lambda v: v + 1, lambda v: 1 - v, lambda v: v * v, lambda v: 2 / v, lambda v: v**2,
        lambda v: v // 2, lambda v: v % 2, lambda v: -v, abs, lambda v: v[0], lambda v: v @ v,
        lambda v: v > 2, lambda v: v == plain, lambda v: np.ones(2) * v, np.exp, np.sum,
        lambda v: np.maximum(v, 2), list, lambda v: ops.sum(v, axis=0),
    ):  # fmt: skip
        np.testing.assert_array_equal(np.asarray(function(one)), np.asarray(function(plain)))
    assert (float(keras.Variable(2.5)), int(keras.Variable(3)), [5, 6][keras.Variable(1)]) == (
        2.5, 3, 6
    )  # fmt: skip
    assert keras.Variable(3).dtype == "int32"
    assert keras.Variable("ones", shape=(2,), trainable=False).trainable is False
    one.value[0, 0] = 7.0  # a copy
    assert one[0, 0] == 1.0
    for wrong, words in (
        (lambda: one.assign(np.ones(2)), r"must be \(2, 2\), got \(2,\)"),
        (lambda: bool(one), "a branch cannot depend on a variable"),
        (lambda: keras.Variable("ones"), "shape must be given"),
        (lambda: keras.Variable(object()), "initializer must be numbers"),
    ):
        with pytest.raises(PellucidError, match=words):
            wrong()


def test_a_variable_becomes_a_weight_of_the_layer_it_is_given_to():
    class Scaled(layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = keras.Variable([2.0], name="scale")

        def call(self, x):
            return x * self.scale

    model = keras.Sequential([layers.Input((1,)), Scaled()])
    assert [one.path for one in model.weights] == ["scale"]
    x = np.array([[1.0], [3.0]], np.float32)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(x, x, verbose=0)  # ∂/∂s mean (s·x - x)² = 2·(s-1)·mean x²
    np.testing.assert_allclose(model.layers[0].scale, [2.0 - 0.1 * 2 * 5.0], rtol=1e-6)


def test_a_single_weight_that_is_not_trainable_stays():
    model = keras.Sequential([layers.Input((8,)), layers.Dense(2, kernel_regularizer="l2")])
    kernel, bias = model.layers[0].weights
    kernel.trainable = False
    assert model.trainable_weights[0] is bias and model.non_trainable_weights[0] is kernel
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = kernel.numpy()
    error = (X @ before - Y).mean(axis=0)
    history = model.fit(X, Y, verbose=0, shuffle=False)
    assert np.array_equal(kernel, before)
    np.testing.assert_allclose(bias, -0.1 * error, rtol=1e-4, atol=1e-6)  # 2 · mean of 2 outputs
    loss = np.mean((X @ before - Y) ** 2)  # a weight that stays has no penalty
    np.testing.assert_allclose(history.history["loss"][0], loss, rtol=1e-5)
    model.trainable = True
    assert len(model.trainable_weights) == 2
    with pytest.raises(ArgumentError, match="optimizer has trained"):
        model.fit(X, Y, verbose=0)
    norm = layers.BatchNormalization()
    norm(keras.Input((2,)))
    with pytest.raises(ArgumentError, match="statistic of batches has no gradient"):
        norm.moving_mean.trainable = True


@pytest.mark.parametrize(
    ("optimizer", "names"),
    [
        (lambda: keras.optimizers.SGD(momentum=0.9), ["k_momentum", "b_momentum"]),
        (
            lambda: keras.optimizers.AdamW(amsgrad=True, use_ema=True),
            ["k_average", "b_average", "k_momentum", "k_velocity", "b_momentum", "b_velocity",
             "k_velocity_hat", "b_velocity_hat"],
        ),
        (
            lambda: keras.optimizers.Nadam(),
            ["k_momentum", "k_velocity", "b_momentum", "b_velocity", "product"],
        ),
        (lambda: keras.optimizers.Adafactor(), ["kernel", "kernel", "k_velocity", "bias", "bias",
                                                "b_velocity"]),
    ],
)  # fmt: skip
def test_variables_of_optimizers_are_those_of_keras(optimizer, names):
    keras.utils.clear_session()
    made, model = optimizer(), keras.Sequential([layers.Input((8,)), layers.Dense(2)])
    assert [one.name for one in made.variables] == ["iteration", "learning_rate"]
    model.compile(made, "mse")
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    full = {"k_": "sequential_dense_kernel_", "b_": "sequential_dense_bias_"}
    wanted = [full.get(one[:2], one[:2]) + one[2:] for one in names]
    assert [one.name for one in made.variables[2:]] == wanted
    assert int(made.iterations) == 8


def test_what_an_optimizer_remembers_is_what_the_model_goes_on_with():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([layers.Input((8,)), layers.Dense(2)])
    start = model.get_weights()
    optimizer = keras.optimizers.SGD(0.1, momentum=0.5)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, "mse")
    push = np.ones((8, 2), np.float32)
    optimizer.variables[2].assign(push)  # before the model has trained
    model.fit(X, Y, batch_size=32, verbose=0)
    slope = 2 * X.T @ (X @ start[0] - Y) / Y.size
    wanted = start[0] + 0.5 * push - 0.1 * slope  # Keras: m ← μ·m - η·g, w ← w + m
    np.testing.assert_allclose(model.weights[0], wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(optimizer.variables[2], wanted - start[0], rtol=1e-4, atol=1e-6)
    optimizer.variables[2].assign(np.zeros((8, 2)))
    optimizer.variables[1].assign(0.0)
    optimizer.iterations.assign(41)
    before = model.weights[0].numpy()
    model.fit(X, Y, batch_size=32, verbose=0)
    np.testing.assert_array_equal(model.weights[0], before)
    assert int(optimizer.iterations) == 42 and float(optimizer.learning_rate) == 0.0


def test_gradients_can_be_applied():
    model = keras.Sequential([layers.Input((1,)), layers.Dense(1, kernel_constraint="non_neg")])
    kernel, bias = model.trainable_variables
    kernel.assign([[0.1]])
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.apply_gradients([(np.array([[2.0]], "f"), kernel), (np.array([3.0], "f"), bias)])
    assert (float(kernel[0, 0]), float(bias[0]), int(optimizer.iterations)) == (0.0, -3.0, 1)
    with pytest.raises(ArgumentError, match="grads must be 2, got 1"):
        optimizer.apply([np.ones((1, 1), "f")])
    with pytest.raises(ArgumentError, match=r"build\(model.trainable_variables\)"):
        keras.optimizers.SGD(1.0).stateless_apply([], [], [])
    with pytest.raises(ShapeError):
        kernel.assign([1.0])


def test_a_copy_has_variables_of_its_own():
    model = keras.Sequential([layers.Input((8,)), layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(X, Y, verbose=0)
    kernel, push = model.weights[0], model.optimizer.variables[2]
    known = kernel.numpy(), push.numpy()
    other = copy.deepcopy(model)
    other.weights[0].assign(np.zeros((8, 2)))
    other.optimizer.variables[2].assign(np.zeros((8, 2)))
    assert np.array_equal(kernel, known[0]) and np.array_equal(push, known[1])
    assert not np.any(other.predict(X, verbose=0) - other.weights[1].numpy())
    assert not other.optimizer.variables[2].numpy().any()
