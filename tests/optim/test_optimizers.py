"""Optimizers against their papers' equations, written out in NumPy float64."""

import numpy as np
import pytest

from pellucid.core.errors import ArgumentError
from pellucid.optim import SGD, Adam, Constant, Step


def run_steps(optimizer, start, gradient, steps):
    """Parameters after each step on one vector."""
    w, path = np.array(start), []
    slots = optimizer.init(w)
    for _ in range(steps):
        w, slots = optimizer.update(gradient(w), slots, w)
        path.append(w)
    return np.array(path)


def slope(w):
    return np.array([4.0, 0.5, -1.0]) * w + np.sin(w)


START = [1.0, -2.0, 0.3]


def test_sgd_is_the_lectures_update():
    path = run_steps(SGD(0.1), START, slope, 100)
    w = np.array(START)
    for t in range(100):
        w = w - 0.1 * slope(w)
        np.testing.assert_array_equal(path[t], w)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum(nesterov):
    path = run_steps(SGD(0.02, momentum=0.9, nesterov=nesterov), START, slope, 100)
    w, v = np.array(START), np.zeros(3)
    for t in range(100):
        g = slope(w)
        v = 0.9 * v + g
        w = w - 0.02 * (g + 0.9 * v if nesterov else v)
        np.testing.assert_allclose(path[t], w, rtol=1e-13)


def test_adam_is_algorithm_1():
    path = run_steps(Adam(0.05), START, slope, 100)
    w, m, v = np.array(START), np.zeros(3), np.zeros(3)
    for t in range(1, 101):
        g = slope(w)
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        w = w - 0.05 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(path[t - 1], w, rtol=1e-11)


def test_adams_first_step_is_the_rate_whatever_the_gradient():
    for scale in (1e-3, 1.0, 1e3):
        path = run_steps(Adam(0.01), [0.0], lambda w, scale=scale: np.array([scale]), 1)
        assert path[0][0] == pytest.approx(-0.01, rel=1e-4)


def test_step_schedule_drops_on_time():
    schedule = Step(0.5, factor=0.1, every=3)
    assert [schedule.rate(t) for t in (0, 2, 3, 5, 6)] == pytest.approx(
        [0.5, 0.5, 0.05, 0.05, 0.005]
    )
    assert SGD(schedule).rate(3) == pytest.approx(0.05)
    assert SGD(Constant(0.2)).rate(99) == 0.2


def test_defaults_and_the_older_spelling():
    assert SGD().rate(0) == 0.01
    assert Adam().rate(0) == 0.001
    assert Adam(lr=0.001) == Adam(0.001)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: SGD(-0.1), "learning_rate"),
        (lambda: SGD(float("nan")), "learning_rate"),
        (lambda: SGD("fast"), "learning_rate"),
        (lambda: SGD(0.1, momentum=1.0), "momentum"),
        (lambda: SGD(0.1, nesterov=True), "nesterov"),
        (lambda: SGD(0.1, lr=0.2), "lr"),
        (lambda: SGD(rate=0.1), "'rate'"),
        (lambda: Adam(0.1, beta_1=1.0), "beta_1"),
        (lambda: Adam(0.1, epsilon=0), "epsilon"),
        (lambda: Step(0.1, factor=0), "factor"),
        (lambda: Step(0.1, every=0), "every"),
    ],
)
def test_bad_arguments_are_named(make, named):
    with pytest.raises(ArgumentError, match=named):
        make()
