"""Runs of minimizers: the state of layers beside the weights, and what stays when a step fails."""

from typing import ClassVar

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, DivergenceError

RNG = np.random.default_rng(0)
X = RNG.normal(1.0, 2.0, (20, 3))
Y = X[:, :1] ** 2


class Straight(optim.Minimizer):
    """Steps along the gradient; the third one leaves the numbers."""

    seen: ClassVar[list[np.ndarray]] = []

    def minimize_step(self, objective, slots, rate, draw):
        self.seen.append(objective.start.copy())
        far = np.inf if len(self.seen) == 3 else rate
        return objective.start - far * objective.gradient, slots


@pytest.mark.parametrize("optimizer", [optim.LBFGS(), optim.Perturb(0.1), optim.Newton()])
def test_moving_averages_of_layers_move_with_every_step(optimizer):
    """m ← 0.9·m + 0.1·(mean of the batch) from 0, and likewise the variance from 1."""
    net = pel.Sequential([nn.BatchNorm(momentum=0.9), nn.Dense(1)], seed=0, dtype="float64")
    net.compile(optimizer, "squared")
    net.fit(X, Y, epochs=4, batch_size=20, verbose=0, seed=0)
    state = net.state["batch_norm_1"]
    left = 0.9**4
    np.testing.assert_allclose(state["mean"], X.mean(0) * (1 - left), rtol=1e-12)
    np.testing.assert_allclose(state["variance"], left + X.var(0) * (1 - left), rtol=1e-12)


def test_a_step_that_leaves_the_numbers_is_taken_back():
    """The weights are those before it, which the step must not have written over."""
    Straight.seen.clear()
    net = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
    net.compile(Straight(1e-3), "squared")
    with pytest.raises(DivergenceError):
        net.fit(X, Y, epochs=9, batch_size=20, verbose=0, seed=0)
    first, second, third, *_ = Straight.seen
    assert not np.array_equal(first, second)
    kept = np.concatenate([net.params["dense_1"][name].ravel() for name in ("W", "b")])
    np.testing.assert_array_equal(kept, third)


def test_history_without_its_slots_is_refused():
    class Forgetful(optim.Minimizer):
        history: ClassVar[tuple[str, ...]] = ("moves",)

        def minimize_step(self, objective, slots, rate, draw):
            return objective.start, slots

    net = pel.Sequential([nn.Dense(1)], seed=0)
    net.compile(Forgetful(0.1), "squared")
    with pytest.raises(
        ArgumentError, match=r"\[Forgetful\] slots_for must .* \('moves',\), got \(\)"
    ):
        net.fit(X, Y, verbose=0, seed=0)
