"""Calibration: both curves against what they maximise, and probabilities that are honest."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.svm import SVC, Calibrated, Isotonic, LinearSVC, Sigmoid

RNG = np.random.default_rng(0)
D = RNG.normal(size=300)
OWN = D + RNG.normal(size=300) > 0.3
W = RNG.uniform(0.1, 2, 300)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_the_sigmoid_has_the_largest_likelihood(scale):
    found = Sigmoid.fitted(D * scale, OWN, W)
    more, less = W[OWN].sum(), W[~OWN].sum()
    target = np.where(OWN, (more + 1) / (more + 2), 1 / (less + 2))
    rest = W * (target - found(D * scale))
    assert abs(rest.sum()) < 1e-6 and abs(rest @ D) < 1e-6
    assert found.a < 0


def test_the_sigmoid_stays_finite_where_the_values_separate_the_classes():
    found = Sigmoid.fitted(D, D > 0, np.ones(300))
    assert np.isfinite([found.a, found.b]).all() and 0.99 < found(np.array([3.0]))[0] < 1


def test_the_isotonic_curve_meets_its_conditions():
    rounded = np.round(D, 1)
    found = Isotonic.fitted(rounded, OWN, W)
    assert (np.diff(found.heights) >= 0).all() and (np.diff(found.places) > 0).all()
    # On each step the height is the mean of its rows, and no part of a step's start lies lower.
    at = found(rounded)
    for height in np.unique(found.heights):
        inside = at == height
        assert np.average(OWN[inside], weights=W[inside]) == pytest.approx(height)
        for edge in np.unique(rounded[inside]):
            front = inside & (rounded <= edge)
            assert np.average(OWN[front], weights=W[front]) >= height - 1e-12
    assert found(np.array([-9.0, 9.0])).tolist() == [found.heights[0], found.heights[-1]]


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_near_the_true_ones(method, classes):
    x = RNG.normal(size=(900, 2))
    scores = 2 * x @ RNG.normal(size=(2, classes))
    true = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    y = (true.cumsum(axis=1) > RNG.uniform(size=(900, 1))).argmax(axis=1)
    machine = LinearSVC()
    found = Calibrated(machine, method=method).fit(x, y)
    proba = found.predict_proba(x)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert abs(proba - true).mean() < 0.08
    assert "coef" not in vars(machine)  # it was copied
    np.testing.assert_array_equal(found.predict(x), found.machine.predict(x))
    again = Calibrated(LinearSVC(), method=method).fit(x, y)
    assert again.predict_proba(x).tobytes() == proba.tobytes()


def test_a_precomputed_kernel_and_weights():
    x = RNG.normal(size=(80, 2))
    y = np.where(x[:, 0] + 0.3 * RNG.normal(size=80) > 0, "b", "a")
    matrix = x @ x.T
    one = Calibrated(SVC("precomputed"), folds=3).fit(matrix, y)
    other = Calibrated(SVC("linear"), folds=3).fit(x, y)
    np.testing.assert_allclose(one.predict_proba(matrix), other.predict_proba(x), atol=1e-3)
    weight = np.where(np.arange(80) < 70, 1.0, 0.0)
    kept = Calibrated(LinearSVC(tol=1e-10), folds=3).fit(x, y, weight)
    bare = Calibrated(LinearSVC(tol=1e-10), folds=3).fit(x[:70], y[:70])
    np.testing.assert_allclose(kept.predict_proba(x), bare.predict_proba(x), atol=1e-5)


def test_a_class_needs_a_row_for_each_fold():
    with pytest.raises(ValueError, match="5 rows or more, one for each fold, got 2 of class 1"):
        Calibrated(SVC()).fit(RNG.normal(size=(9, 2)), [0] * 7 + [1] * 2)
    with pytest.raises(TypeError, match="must have decision_function, got int"):
        Calibrated(3)
