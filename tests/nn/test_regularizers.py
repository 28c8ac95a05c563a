"""Penalties that act after the step: proximal L1, elastic net, max-norm."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 12))
Y = X[:, :2] @ np.array([[1.0], [-2.0]]) + 0.1 * RNG.normal(size=(80, 1))


def model(penalty, optimizer=None, dtype="float64", layers=None):
    layers = layers or [nn.Dense(1, name="out")]
    net = pel.Sequential(layers, seed=0, dtype=dtype)
    net.compile(optimizer or optim.SGD(0.05), loss="squared", regularizer=penalty)
    return net


def lasso(strength):
    """Coordinate descent for (1/N)·‖Xw + b - y‖² + λ‖w‖₁: another road to the same minimum."""
    w, b = np.zeros((12, 1)), 0.0
    for _ in range(2000):
        for j in range(12):
            rest = Y - b - X @ w + X[:, j : j + 1] * w[j]
            z, scale = 2 * (X[:, j] @ rest[:, 0]) / 80, 2 * (X[:, j] @ X[:, j]) / 80
            w[j] = np.sign(z) * max(abs(z) - strength, 0) / scale
        b = float(np.mean(Y - X @ w))
    return w


@pytest.mark.lecture("T1.F2")
@pytest.mark.parametrize("backend", ["native", pytest.param("interpreter", marks=pytest.mark.slow)])
def test_proximal_steps_find_the_lasso_and_its_exact_zeros(backend):
    """The absolute penalty makes weights exactly zero; plain sub-gradients only make them small."""
    net = model(nn.L1(0.2, proximal=True))
    net.fit(X, Y, batch_size="all", epochs=2000, verbose=0, seed=0, backend=backend)
    wanted = lasso(0.2)
    np.testing.assert_allclose(net.get_weights()[0], wanted, atol=1e-9)
    zeros = net.get_weights()[0] == 0
    assert zeros.sum() == (wanted == 0).sum() >= 8
    assert net.count_zeros() == zeros.sum()
    plain = model(nn.L1(0.2))
    plain.fit(X, Y, batch_size="all", epochs=2000, verbose=0, seed=0)
    assert plain.count_zeros() == 0


def test_zeros_stay_zeros_while_the_loss_pulls_less(tmp_path):
    net = model(nn.L1(0.5, proximal=True))
    net.fit(X, Y, epochs=40, verbose=0, seed=0)
    before = net.get_weights()[0] == 0
    net.fit(X, Y, epochs=40, verbose=0, seed=1)
    assert before.sum() >= 8 and (net.get_weights()[0][before] == 0).all()
    net.save(tmp_path / "m.safetensors")
    assert pel.load(tmp_path / "m.safetensors").count_zeros() == net.count_zeros()


@pytest.mark.parametrize("optimizer", [optim.SGD(0.05), optim.Adam(0.05)])
def test_one_step_by_hand(optimizer):
    """The optimizer's move on the loss alone, then λ·r·η towards 0."""
    free, held = model((), optimizer), model(nn.ElasticNet(0.3, 1.0, proximal=True), optimizer)
    for net in (free, held):
        net.fit(X, Y, batch_size="all", verbose=0, seed=0)
    w, b = free.get_weights()
    shrunk = np.sign(w) * np.maximum(np.abs(w) - 0.3 * 0.05, 0)
    np.testing.assert_allclose(held.get_weights()[0], shrunk, rtol=1e-12)
    np.testing.assert_array_equal(held.get_weights()[1], b)


@pytest.mark.slow
def test_an_elastic_net_is_the_sum_of_its_parts():
    together = model(nn.ElasticNet(0.3, 0.4, biases=True))
    apart = model([nn.L1(0.12, biases=True), nn.L2(0.18, biases=True)])
    for net in (together, apart):
        net.fit(X, Y, epochs=3, verbose=0, seed=0)
    np.testing.assert_allclose(together.get_weights()[0], apart.get_weights()[0], rtol=1e-10)
    assert together.history.epochs["loss"] == pytest.approx(apart.history.epochs["loss"], rel=1e-10)
    assert together.evaluate(X, Y)["loss"] == pytest.approx(apart.evaluate(X, Y)["loss"], rel=1e-10)


def test_the_objective_counts_what_acts_after_the_step():
    one, other = model(nn.L1(0.3)), model(nn.L1(0.3, proximal=True))
    for net in (one, other):
        net.fit(X, Y, epochs=0, verbose=0)
    assert one.evaluate(X, Y) == other.evaluate(X, Y)


@pytest.mark.lecture("T1.F4")
def test_biases_are_in_or_out_by_choice():
    for biases, touched in ((False, False), (True, True)):
        net = model(nn.L1(1e3, biases=biases, proximal=True))
        net.fit(X, Y + 5, batch_size="all", verbose=0, seed=0)
        assert (net.get_weights()[1] == 0).all() == touched
        assert (net.get_weights()[0] == 0).all()


def test_max_norm_bounds_the_weights_into_each_unit():
    layers = [nn.Reshape((2, 6, 1)), nn.Conv2D(3, (1, 2), name="c"), nn.Flatten(), nn.Dense(1)]
    net = model(nn.MaxNorm(0.4), optim.Adam(0.05), layers=layers)
    net.fit(X, Y, epochs=20, verbose=0, seed=0)
    kernel, _, dense, _ = net.get_weights()
    for weight in (kernel, dense):
        norms = np.sqrt((weight**2).sum(axis=tuple(range(weight.ndim - 1))))
        assert (norms <= 0.4 * (1 + 1e-12)).all() and (norms > 0.39).any()


def test_a_norm_below_its_bound_changes_no_bit():
    one, other = model(nn.MaxNorm(1e3)), model(())
    for net in (one, other):
        net.fit(X, Y, epochs=3, verbose=0, seed=0)
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: nn.ElasticNet(0.1, 1.5), r"ElasticNet\] ratio must lie in \[0, 1\], got 1.5"),
        (lambda: nn.L1(0.1, proximal=1), "proximal must be True or False, got 1"),
        (lambda: nn.MaxNorm(0), r"strength must lie in \(0, inf\), got 0"),
        (lambda: nn.L1(-1), r"strength must lie in \[0, inf\)"),
    ],
)
def test_bad_input(made, words):
    with pytest.raises(ArgumentError, match=words):
        made()
