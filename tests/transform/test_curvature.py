"""The largest eigenvalue of a Hessian, and what it says of learning rates."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError

RNG = np.random.default_rng(0)


@pytest.mark.lecture("T1.H6")
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_the_largest_eigenvalue_without_the_hessian(backend):
    """The Hessian of a network is too large to make; its largest eigenvalue needs products only."""
    root = RNG.normal(size=(25, 25))
    matrix = root @ root.T - 3 * np.eye(25)  # indefinite: the largest is not the largest in size

    def bowl(w):
        return np.sum((w @ matrix) * w) / 2

    found = pel.curvature(bowl, (RNG.normal(size=25),), tolerance=1e-8, backend=backend)
    values, vectors = np.linalg.eigh(matrix)
    assert found.value == pytest.approx(values[-1], rel=1e-8)
    assert abs(found.vector @ vectors[:, -1]) == pytest.approx(1, rel=1e-6)
    assert found.residual <= 1e-8 * np.abs(values).max() and found.products <= 25


def test_the_largest_is_meant_even_if_a_negative_one_is_larger_in_size():
    found = pel.curvature(lambda w: np.sum(np.array([-50.0, 2.0, 1.0]) * w * w) / 2, (np.ones(3),))
    assert found.value == pytest.approx(2.0, rel=1e-9)


def test_a_models_weights_nest_and_the_whole_hessian_agrees():
    x = RNG.normal(size=(30, 2))
    net = pel.Sequential([nn.Dense(3, "tanh", name="h"), nn.Dense(2)], seed=0, dtype="float64")
    net.compile(loss="cross_entropy", regularizer=nn.L2(0.01))
    net.build((2,))
    objective = net.objective(x, (x[:, 0] > 0).astype(int), sample_weight=np.full(30, 2.0))
    assert float(objective(net.params)) == pytest.approx(
        net.evaluate(x, (x[:, 0] > 0).astype(int), sample_weight=np.full(30, 2.0))["loss"]
    )
    found = pel.curvature(objective, (net.params,), tolerance=1e-9)
    leaves = [(layer, leaf) for layer in net.params for leaf in net.params[layer]]

    def flat(theta):
        params, at = {layer: {} for layer in net.params}, 0
        for layer, leaf in leaves:
            shape = net.params[layer][leaf].shape
            size = int(np.prod(shape))
            params[layer][leaf] = np.reshape(theta[at : at + size], shape)
            at += size
        return objective(params)

    theta = np.concatenate([net.params[layer][leaf].ravel() for layer, leaf in leaves])
    values, vectors = np.linalg.eigh(pel.hessian(flat)(theta))
    assert found.value == pytest.approx(values[-1], rel=1e-7)
    mine = np.concatenate([found.vector[layer][leaf].ravel() for layer, leaf in leaves])
    assert abs(mine @ vectors[:, -1]) == pytest.approx(1, abs=1e-6)


@pytest.mark.lecture("T1.H5")
def test_the_inverse_curvature_is_the_rate_of_one_step():
    """η = 1/H reaches the minimum of a quadratic in one step; above 2/H descent diverges."""
    x = RNG.normal(size=(50, 1))
    net = pel.Sequential([nn.Dense(1, use_bias=False)], seed=0, dtype="float64")

    def after(part, steps):
        net = pel.Sequential([nn.Dense(1, use_bias=False)], seed=0, dtype="float64")
        net.compile(optim.SGD(part / largest), loss="half_squared")
        net.fit(x, 3 * x, batch_size="all", epochs=steps, verbose=0, seed=0)
        return abs(net.get_weights()[0].item() - 3)

    net.compile(loss="half_squared")
    net.build((1,))
    largest = pel.curvature(net.objective(x, 3 * x), (net.params,)).value
    assert largest == pytest.approx(np.mean(x**2), rel=1e-12)
    start = abs(net.get_weights()[0].item() - 3)
    assert after(1.0, 1) < 1e-14
    assert after(0.1, 1) == pytest.approx(0.9 * start)
    assert after(1.9, 5) == pytest.approx(0.9**5 * start)
    assert after(2.1, 5) == pytest.approx(1.1**5 * start)


def test_large_data_are_no_reason_to_trace_again():
    x = RNG.normal(size=(4000, 8))
    net = pel.Sequential([nn.Dense(2)], seed=0, dtype="float64")
    net.compile(loss="squared")
    net.build((8,))
    found = pel.curvature(net.objective(x, x[:, :2]), (net.params,), tolerance=1e-6)
    design = np.hstack([x, np.ones((4000, 1))])
    assert found.value == pytest.approx(2 * np.linalg.eigvalsh(design.T @ design / 4000)[-1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pel.curvature(lambda w: np.sum(w), np.ones(3)), "args must be a tuple"),
        (lambda: pel.curvature(lambda w: np.sum(w), (np.ones(3),), tolerance=0), "tolerance must"),
        (
            lambda: pel.curvature(
                lambda w: np.sum(np.arange(40.0) * w * w), (np.ones(40),), products=3
            ),
            r"residual must fall .* within 3 products, got",
        ),
        (lambda: pel.curvature(lambda w: np.sum(np.log(w)), (np.zeros(3),)), "must be finite"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ArgumentError, match=words), np.errstate(all="ignore"):
        call()


def test_a_plane_has_no_curvature():
    assert pel.curvature(lambda w: np.sum(w) + 0 * np.sum(w * w), (np.ones(3),)).value == 0
