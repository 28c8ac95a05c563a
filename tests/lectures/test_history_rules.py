"""The learning rules from before backpropagation: Hebb's and Rosenblatt's."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim


def separable(count=40):
    """Points in the plane and labels -1 and 1, with a gap between the classes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    side = x @ [1.0, -2.0] + 0.5
    x, side = x[abs(side) > 0.5][:count], side[abs(side) > 0.5][:count]
    return x, np.sign(side)


def unit(loss, rate=1.0):
    """One linear unit whose weights start at 0, trained with steps of the gradient."""
    layer = nn.Dense(1, kernel_initializer="zeros", bias_initializer="zeros", input_shape=(2,))
    model = pel.Sequential([layer], seed=0, dtype="float64")
    model.compile(optim.SGD(rate), loss)
    return model


@pytest.mark.lecture("T1.A13")
def test_the_perceptron_rule_step_by_step():
    """Rosenblatt's rule: a point on the wrong side moves the weights by ηtx, no other does."""
    x, t = separable()
    model = unit("perceptron")
    w, b, mistakes = np.zeros(2), 0.0, 0
    for point, label in zip(x, t, strict=True):
        model.fit(point[None], [label], batch_size=1, seed=0, verbose=0)
        if label * (w @ point + b) <= 0:
            w, b, mistakes = w + label * point, b + label, mistakes + 1
        found_w, found_b = model.get_weights()
        np.testing.assert_allclose(found_w[:, 0], w, rtol=1e-13, atol=1e-14)
        assert found_b[0] == b
    assert 0 < mistakes < len(x)  # both cases of the rule were seen


@pytest.mark.lecture("T1.A13")
@pytest.mark.parametrize("seed", range(5))
def test_the_perceptron_rule_ends_without_an_error_on_separable_data(seed):
    """On separable data the perceptron rule comes to rest, with every point on its side."""
    x, t = separable()
    model = unit("perceptron")
    for epoch in range(50):
        before = model.get_weights()
        model.fit(x, t, batch_size=1, seed=100 * seed + epoch, verbose=0)
        if all(map(np.array_equal, before, model.get_weights())):
            break
    else:
        pytest.fail("it never came to rest")
    assert (np.sign(model.predict(x)[:, 0]) == t).all()


@pytest.mark.lecture("T1.A13")
def test_hebbs_rule_step_by_step():
    """Hebb's rule: every point moves the weights by ηtx, whether it is right or wrong."""
    x, t = separable()
    rate = 0.25
    model = unit("hebbian", rate)
    w, b = np.zeros(2), 0.0
    for point, label in zip(x, t, strict=True):
        model.fit(point[None], [label], batch_size=1, seed=0, verbose=0)
        w, b = w + rate * label * point, b + rate * label
        np.testing.assert_allclose(model.get_weights()[0][:, 0], w, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(model.get_weights()[1], b, rtol=1e-12, atol=1e-14)
    # Nothing bounds the weights: another round is as large a step as the first.
    model.fit(x, t, batch_size=1, seed=0, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0][:, 0], 2 * w, rtol=1e-12)
