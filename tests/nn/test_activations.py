"""Activations against their formulas in NumPy, forward, and their slopes by differences."""

import math

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.nn import activations

X = np.linspace(-8.3, 7.9, 36).reshape(6, 6)  # on no kink


def normal_cdf(x):
    return np.vectorize(lambda v: 0.5 * math.erfc(-v / math.sqrt(2)))(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def sparsemax(x):
    """By halving: the border at which the rest sums to 1."""
    low, high = x.min(-1, keepdims=True) - 1, x.max(-1, keepdims=True)
    for _ in range(200):
        middle = (low + high) / 2
        above = np.maximum(x - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.maximum(x - low, 0)


KNOWN = {
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": elu,
    "celu": elu,
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "gelu": lambda x: x * normal_cdf(x),
    "gelu_tanh": lambda x: x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * sigmoid(x),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "relu6": lambda x: np.minimum(np.maximum(x, 0), 6),
    "hard_sigmoid": lambda x: np.where(x <= -3, 0, np.where(x >= 3, 1, x / 6 + 0.5)),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.where(x < -1, -1, np.where(x > 1, 1, x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "log_sigmoid": lambda x: np.log(sigmoid(x)),
    "exponential": np.exp,
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
    "hard_shrink": lambda x: np.where(abs(x) > 0.5, x, 0),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "sparse_plus": lambda x: np.where(x < -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "sparsemax": sparsemax,
    "glu": lambda x: x[:, :3] * sigmoid(x[:, 3:]),
}
OLDER = {
    *("linear", "relu", "sigmoid", "tanh", "softplus", "softmax", "sign", "step"),
    *("sign_straight_through", "step_straight_through"),
}


def test_every_activation_has_its_formula():
    assert set(KNOWN) | OLDER == set(activations.BY_NAME)


@pytest.mark.parametrize("name", KNOWN)
def test_an_activation_is_its_formula(name):
    with np.errstate(over="ignore"):
        wanted = KNOWN[name](X)
        step = 1e-6
        weights = np.linspace(-1, 2, wanted.size).reshape(wanted.shape)
        near = [
            (KNOWN[name](X + step * e) - KNOWN[name](X - step * e)) / (2 * step)
            for e in np.eye(36).reshape(36, 6, 6)[::5]
        ]
    function = activations.BY_NAME[name]
    np.testing.assert_allclose(pel.jit(function)(X), wanted, rtol=1e-12, atol=1e-12)
    slope = pel.grad(lambda x: np.sum(function(x) * weights))(X).ravel()[::5]
    by_differences = [np.sum(one * weights) for one in near]
    np.testing.assert_allclose(slope, by_differences, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (lambda x: activations.elu(x, 0.3), np.where(X > 0, X, 0.3 * np.expm1(X))),
        (lambda x: activations.celu(x, 2.5), np.where(X > 0, X, 2.5 * np.expm1(X / 2.5))),
        (lambda x: activations.leaky_relu(x, 0.2), np.where(X > 0, X, 0.2 * X)),
        (lambda x: activations.threshold(x, 1.0, -2.0), np.where(X > 1, X, -2)),
        (lambda x: activations.sparsemax(x, 0), sparsemax(X.T).T),
    ],
)
def test_activations_with_numbers_of_their_own(function, wanted):
    np.testing.assert_allclose(pel.jit(function)(X), wanted, rtol=1e-12, atol=1e-12)


def test_sparsemax_of_large_numbers_sums_to_one():
    x = np.array([[1e8, 1e8 + 1, -5.0], [0.0, 0.0, 0.0]], np.float32)
    found = np.asarray(activations.sparsemax(x))
    np.testing.assert_allclose(found.sum(-1), [1, 1], rtol=1e-6)


def test_glu_halves_a_layer_and_a_file_keeps_the_name(tmp_path):
    net = pel.Sequential([nn.Dense(6, "glu"), nn.Dense(1)], seed=0)
    net.build((4,))
    assert net.weights["dense_2.W"].shape == (3, 1)
    net.save(tmp_path / "net")
    assert pel.load(tmp_path / "net").layers[0].activation == "glu"
