"""Layers called on symbols and on numbers, activations and starts of weights, each by hand."""

import math

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.dtypes import float32, float64
from pellucid.core.errors import ArgumentError
from pellucid.nn import activations
from pellucid.nn.init import fans
from pellucid.nn.layer import is_function, kind_name
from pellucid.ops.random import Key
from pellucid.transform.tensor import Tensor

X = np.array([[-2.0, -0.5, 0.0, 0.5, 2.0]], np.float32)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("linear", lambda x: x),
        ("relu", lambda x: np.maximum(x, 0)),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("tanh", np.tanh),
        ("softplus", lambda x: np.log1p(np.exp(x))),
        ("softmax", lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ("sign", np.sign),
        ("step", lambda x: np.where(x > 0, 1, 0)),
        ("sign_straight_through", np.sign),
        ("step_straight_through", lambda x: np.where(x > 0, 1, 0)),
    ],
)
def test_activations_and_their_dtypes(name, wanted, dtype):
    x = X.astype(dtype)
    found = np.asarray(activations.BY_NAME[name](Tensor(x)))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted(x), rtol=1e-6)
    assert set(activations.BY_NAME) >= {name}


@pytest.mark.parametrize(("name", "slope"), [("sign", 1), ("step", 0.5)])
def test_straight_through_gradients(name, slope):
    x = np.array([-1.5, -1.0, -0.3, 0.0, 0.7, 1.0, 1.5])
    through = activations.BY_NAME[f"{name}_straight_through"]
    found = pel.grad(lambda x: through(x).sum())(x)
    np.testing.assert_array_equal(found[[0, 2, 3, 4, 6]], [0, slope, slope, slope, 0])
    plain = pel.grad(lambda x: activations.BY_NAME[name](x).sum())(x)
    np.testing.assert_array_equal(plain, 0)


def test_layers_are_called_on_symbols_or_on_numbers_and_not_on_both():
    x = pel.Input((2,))
    for wrong, words in (
        (lambda: nn.Add()([x, np.ones((1, 2))]), "called on symbols or on numbers, got both"),
        (lambda: nn.Add()([x]), "takes a list of two inputs or more, got 1"),
        (lambda: nn.Add()(x), "takes a list of two inputs or more, got 1"),
        (lambda: nn.Dense(1)([x, x]), "takes one input, got a list of 2"),
        (lambda: nn.Dense(1)([x]), "takes one input, got a list of 1"),
        (lambda: nn.Dense(1)(np.ones((1, 2))), "has weights once it stands in a model"),
    ):
        with pytest.raises(ArgumentError, match=words):
            wrong()
    symbol = nn.Add()([x, nn.Dense(2)(x)])
    assert isinstance(symbol, nn.Symbol)
    assert symbol.sources[0] is x
    assert repr(symbol) == "output of add"
    assert repr(x) == "Input((2,))"
    assert repr(pel.Input([2, 3], "age")) == "Input((2, 3), name='age')"
    for wrong in (3, (0,), (2.0,), None):
        with pytest.raises(ArgumentError, match="shape must be"):
            pel.Input(wrong)


def test_layers_on_numbers_give_numbers_in_the_mode_of_prediction():
    layers = [nn.Dense(3, "tanh"), nn.Dropout(0.9), nn.BatchNorm(), nn.Add(), nn.Flatten()]
    net = pel.Sequential(layers[:3], seed=0)
    net.build((2,))
    x = np.array([[1, 2], [3, 4]])
    hidden = layers[0](x)
    assert hidden.dtype == np.float32
    w = net.weights
    np.testing.assert_allclose(hidden, np.tanh(x @ w["dense_1.W"]), rtol=1e-6)
    np.testing.assert_array_equal(layers[1](hidden), hidden)
    np.testing.assert_allclose(layers[2](hidden), hidden / np.sqrt(1.001), rtol=1e-6)
    np.testing.assert_array_equal(layers[3]([x, x]), 2 * x)
    np.testing.assert_array_equal(layers[4](np.ones((2, 2, 3))), np.ones((2, 6)))
    tensor = layers[0](Tensor(x.astype(np.float32)))
    assert isinstance(tensor, Tensor)
    np.testing.assert_array_equal(np.asarray(tensor), hidden)


def test_names_of_kinds_and_what_a_function_is():
    assert kind_name("Conv2D") == "conv2d"
    assert kind_name("LayerNorm") == "layer_norm"
    assert kind_name("RBF") == "rbf"
    assert nn.Dense(1).where == "dense"
    assert nn.Dense(1, name="out").where == 'dense "out"'
    assert is_function(np.tanh)
    assert is_function(lambda x: x)
    for wrong in (nn.Dense(1), nn.Dense, pel.Sequential([nn.Dense(1)]), "relu", 3):
        assert not is_function(wrong)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((), (1, 1)),
        ((5,), (5, 5)),
        ((4, 6), (4, 6)),
        ((3, 3, 4, 6), (36, 54)),
        ((7, 4, 6), (28, 42)),
    ],
)
def test_fans(shape, wanted):
    assert fans(shape) == wanted


@pytest.mark.parametrize("dtype", [float32, float64])
@pytest.mark.parametrize(
    ("start", "deviation", "kind"),
    [
        ("uniform", 1 / 30 / math.sqrt(3), "uniform"),
        (nn.Uniform(0.2), 0.2 / math.sqrt(3), "uniform"),
        ("normal", 0.05, "normal"),
        (nn.Normal(2.0), 2.0, "normal"),
        ("xavier", math.sqrt(2 / 1000), "uniform"),
        (nn.Xavier("normal"), math.sqrt(2 / 1000), "normal"),
        ("he", math.sqrt(2 / 900), "normal"),
        (nn.He("uniform"), math.sqrt(2 / 900), "uniform"),
        ("zeros", 0, "uniform"),
    ],
)
def test_starts_have_the_spread_they_state(start, deviation, kind, dtype):
    made = nn.init.initializer("here", "start", start)
    values = np.asarray(made.values(Key(3, 0), (900, 100), dtype))
    assert values.dtype == dtype.name
    assert values.shape == (900, 100)
    assert abs(values.mean()) <= 0.01 * deviation
    assert values.std() == pytest.approx(deviation, rel=0.01)
    if kind == "uniform":
        limit = deviation * math.sqrt(3)
        assert abs(values).max() <= limit * (1 + 1e-6)
        assert abs(values).max() >= 0.999 * limit
    else:
        assert abs(values).max() > 3.5 * deviation
    for shape in ((5,), ()):
        assert np.asarray(made.values(Key(3, 0), shape, dtype)).shape == shape
