"""SoftmaxRegression: the minimum is scikit-learn's."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from pellucid.sklearn import ParameterError, SoftmaxRegression

X, Y = load_iris(return_X_y=True)
X = X - X.mean(axis=0)
NAMES = np.array(["one", "two", "three"], object)[Y]
WEIGHTS = np.random.default_rng(0).uniform(0, 3, len(Y))


GIVEN = ({}, {"C": 0.05, "class_weight": "balanced"})
CASES = [
    pytest.param(solver, classes, given, marks=[] if n == 1 else pytest.mark.slow)
    for n, (solver, classes, given) in enumerate(product(("lbfgs", "newton"), (3, 2), GIVEN))
]


@pytest.mark.parametrize(("solver", "classes", "given"), CASES)
def test_coefficients_are_those_of_logistic_regression(solver, classes, given):
    rows = np.isin(Y, range(classes))
    x, y, weights = X[rows], NAMES[rows], WEIGHTS[rows]
    if given.get("class_weight"):
        weights = None  # its "balanced" counts rows, ours their weights
    ours = SoftmaxRegression(solver=solver, tol=1e-10, max_iter=1000, **given)
    ours.fit(x, y, sample_weight=weights)
    theirs = LogisticRegression(tol=1e-10, max_iter=10_000, **given).fit(
        x, y, sample_weight=weights
    )
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-4)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=2e-4)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-4)
    np.testing.assert_allclose(ours.decision_function(x), theirs.decision_function(x), atol=2e-3)
    assert ours.predict(x).tolist() == theirs.predict(x).tolist()


def test_the_gradient_is_zero_at_the_minimum():
    model = SoftmaxRegression(C=0.7, tol=1e-9, max_iter=1000).fit(X, Y)
    wrong = model.predict_proba(X) - np.eye(3)[Y]
    np.testing.assert_allclose(0.7 * wrong.T @ X + model.coef_, 0, atol=1e-5)
    np.testing.assert_allclose(wrong.sum(axis=0), 0, atol=1e-5)


def test_without_intercept_and_by_a_warm_start():
    model = SoftmaxRegression(fit_intercept=False, warm_start=True).fit(X, Y)
    assert (model.intercept_ == 0).all()
    first = model.n_iter_
    assert model.fit(X, Y).n_iter_ < first


def test_few_steps_are_said():
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        SoftmaxRegression(max_iter=2).fit(X, Y)
    with pytest.raises(ParameterError, match="C must"):
        SoftmaxRegression(C=0).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        free = SoftmaxRegression(C=np.inf, max_iter=30).fit(X, Y)
    assert np.abs(free.coef_).max() > np.abs(SoftmaxRegression().fit(X, Y).coef_).max()


def test_a_run_that_rounding_ends_far_from_the_minimum_is_said():
    wide = (X * [1e4, 1, 1, 1]).astype(np.float32)
    with pytest.warns(ConvergenceWarning, match="rounding lets none .* gradient of norm"):
        far = SoftmaxRegression(max_iter=2000).fit(wide, Y)
    near = SoftmaxRegression(max_iter=2000).fit(X.astype(np.float32), Y)
    assert far.loss_ > 1.1 * near.loss_
