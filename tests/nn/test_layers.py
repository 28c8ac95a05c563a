"""The layer contract, and what each layer computes."""

import math

import numpy as np
import pytest

from pellucid.core.dtypes import float32, float64, int64
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.models import Sequential
from pellucid.nn import Activation, Dense, Dropout, Flatten, He, Normal, Rescale, Uniform, Xavier
from pellucid.nn.init import BY_NAME, fans
from pellucid.ops.random import Key
from pellucid.ops.value import Builder
from pellucid.runtime.interpreter import run


def built(layer, shape, seed=0, dtype="float64"):
    model = Sequential([layer], seed=seed, dtype=dtype)
    model.build(shape)
    return model


def test_dense_is_x_times_w_plus_b():
    model = built(Dense(4), (3,))
    x = np.arange(6.0).reshape(2, 3)
    w, b = model.get_weights()
    b = b + np.arange(4)
    model.set_weights([w, b])
    np.testing.assert_allclose(model.predict(x), x @ w + b, rtol=1e-15)


def test_dense_without_bias_has_one_weight():
    assert len(built(Dense(4, use_bias=False), (3,)).get_weights()) == 1


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("linear", lambda z: z),
        ("relu", lambda z: np.maximum(z, 0)),
        ("sigmoid", lambda z: 1 / (1 + np.exp(-z))),
        ("tanh", np.tanh),
        ("softplus", lambda z: np.log1p(np.exp(z))),
        ("softmax", lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True)),
        ("sign", np.sign),
    ],
)
def test_activations(name, function):
    z = np.linspace(-3, 3, 12).reshape(3, 4)
    np.testing.assert_allclose(built(Activation(name), (4,)).predict(z), function(z), rtol=1e-14)


def test_flatten_and_rescale():
    x = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(built(Flatten(), (3, 4)).predict(x), x.reshape(2, 12))
    np.testing.assert_allclose(built(Rescale(1 / 255, -1), (3, 4)).predict(x), x / 255 - 1)


def dropout_graph(rate, train, rows=N):
    builder = Builder()
    with builder:
        seed, step = (
            builder.input("seed", TensorType(int64)),
            builder.input("step", TensorType(int64)),
        )
        x = builder.input("x", TensorType(float32, (rows, 50)))
        out, _ = Dropout(rate).apply({}, {}, x, train=train, key=Key(seed, step, "d"))
        return builder.graph([out])


def draw(graph, seed, step, x):
    return run(graph, [np.asarray(seed), np.asarray(step), x])[0]


def test_dropout_scales_what_it_keeps():
    x = np.ones((2000, 50), np.float32)
    out = draw(dropout_graph(0.3, True), 1, 0, x)
    kept = out != 0
    assert abs(kept.mean() - 0.7) < 0.01
    np.testing.assert_allclose(out[kept], 1 / 0.7, rtol=1e-6)


def test_dropout_masks_depend_on_seed_and_step_and_not_on_the_batch():
    graph, x = dropout_graph(0.5, True), np.ones((10, 50), np.float32)
    first = draw(graph, 1, 0, x)
    np.testing.assert_array_equal(first, draw(graph, 1, 0, x))
    assert (first != draw(graph, 1, 1, x)).any()
    assert (first != draw(graph, 2, 0, x)).any()
    np.testing.assert_array_equal(first[:4], draw(graph, 1, 0, x[:4]))


def test_dropout_is_the_identity_in_prediction():
    x = np.ones((3, 50), np.float32)
    np.testing.assert_array_equal(draw(dropout_graph(0.5, False), 1, 0, x), x)


@pytest.mark.lecture("T1.H11")
@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (Uniform(), 1 / (3 * 300)),
        (Uniform(0.2), 0.04 / 3),
        (Normal(0.05), 0.0025),
        (Xavier(), 2 / 500),
        (Xavier("normal"), 2 / 500),
        (He(), 2 / 300),
        (He("uniform"), 2 / 300),
    ],
)
def test_initializers_have_their_variance(initializer, variance):
    w = built(Dense(200, kernel_initializer=initializer), (300,)).get_weights()[0]
    assert abs(w.mean()) < 4 * math.sqrt(variance / w.size)
    assert w.var() == pytest.approx(variance, rel=0.03)


def test_fans_of_dense_and_convolution_weights():
    assert fans((784, 200)) == (784, 200)
    assert fans((5, 5, 6, 16)) == (150, 400)
    assert fans((7,)) == (7, 7)


def test_every_named_initializer_makes_a_finite_weight():
    for name in BY_NAME:
        w = built(Dense(3, kernel_initializer=name), (4,)).get_weights()[0]
        assert np.isfinite(w).all()


def test_weights_are_a_function_of_seed_and_layer_name():
    a, b = (built(Dense(5), (4,), seed=3).get_weights()[0] for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert (a != built(Dense(5), (4,), seed=4).get_weights()[0]).any()
    model = Sequential([Dense(4), Dense(4)], seed=3)
    model.build((4,))
    first, _, second, _ = model.get_weights()
    assert (first != second).any()


def test_float32_weights_are_float64_weights_rounded():
    narrow = built(Dense(5, kernel_initializer="normal"), (4,), dtype="float32").get_weights()[0]
    wide = built(Dense(5, kernel_initializer="normal"), (4,), dtype="float64").get_weights()[0]
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, wide, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: Dense(0), ArgumentError, "units must be at least 1"),
        (lambda: Dense(2.0), ArgumentError, "units must be a whole number"),
        (lambda: Dense(True), ArgumentError, "units must be a whole number"),
        (lambda: Dense(2, activation="rleu"), ArgumentError, "Did you mean 'relu'"),
        (lambda: Dense(unit=2), ArgumentError, "Did you mean 'units'"),
        (lambda: Dense(2, kernel_initializer="hee"), ArgumentError, "Did you mean 'he'"),
        (lambda: Dense(2, name="1 layer"), ArgumentError, "name must be"),
        (lambda: Dense(2, input_shape=(0,)), ArgumentError, "input_shape"),
        (lambda: Dense(2, input_shape=784), ArgumentError, "input_shape"),
        (lambda: Dropout(1.0), ArgumentError, "rate must lie in"),
        (lambda: Dropout(-0.1), ArgumentError, "rate must lie in"),
        (lambda: Rescale(float("inf")), ArgumentError, "scale must lie"),
        (lambda: He("cauchy"), ArgumentError, "distribution"),
        (lambda: built(Dense(3), ()), ShapeError, r"x must be \(N, D\)"),
    ],
)
def test_bad_arguments(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


def test_dense_acts_on_the_last_axis():
    model = built(Dense(4), (5, 3))
    assert model.predict(np.ones((2, 5, 3))).shape == (2, 5, 4)
    assert model.types[-1] == TensorType(float64, (N, 5, 4))
