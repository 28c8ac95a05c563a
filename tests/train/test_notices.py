"""What a run says of itself once: weights that cannot learn."""

import warnings

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core import notices

X = np.random.default_rng(0).normal(size=(8, 3))
Y = X[:, :1]


@pytest.fixture(autouse=True)
def nothing_said_before(monkeypatch):
    monkeypatch.setattr(notices, "_said", set())


def train(activation, rates=None):
    layers = [nn.Dense(2, activation, name="early"), nn.Dense(1, name="late")]
    net = pel.Sequential(layers, seed=0)
    net.compile("sgd", "squared", rates=rates)
    net.fit(X, Y, verbose=0)


@pytest.mark.parametrize("activation", ["sign", "step"])
def test_weights_without_a_gradient_are_named_with_what_to_do(activation):
    with pytest.warns(UserWarning, match="almost everywhere") as heard:
        train(activation)
    [text] = [str(one.message) for one in heard]
    assert text.startswith(
        "[fit] the gradient is 0 almost everywhere for early.W, early.b: no operation between "
    )
    assert f"{activation}_straight_through" in text
    assert "compile(…, rates={'early': 0})." in text


@pytest.mark.parametrize(
    ("activation", "rates"),
    [("tanh", None), ("sign_straight_through", None), ("sign", {"early": 0})],
)
def test_nothing_is_said_where_all_learn_or_the_advice_was_followed(activation, rates):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(activation, rates)
