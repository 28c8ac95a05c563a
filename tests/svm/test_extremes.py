"""Numbers at the ends of what float64 holds: an answer with its proof, a warning or an error."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse

from pellucid import svm
from pellucid.core.errors import ArgumentError, DataError
from pellucid.svm.notices import SolverWarning
from tests.svm.data import blobs, waves

X, Y = blobs(40, 3)
XR, T = waves(40)


@pytest.mark.parametrize("tol", [1e-11, 1e-13])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_tolerances_near_rounding(kernel, tol):
    for machine in svm.SVC(kernel, tol=tol).fit(X, Y), svm.SVR(kernel, tol=tol).fit(XR, T):
        assert machine.certificate.residual < max(tol, 1e-12)


@pytest.mark.parametrize("kind", [svm.SVR, svm.NuSVR, svm.OneClassSVM])
def test_a_tolerance_below_rounding_ends_with_a_warning(kind):
    with pytest.warns(SolverWarning, match="rounding leaves"):
        machine = kind(tol=1e-300).fit(XR, T)
    assert not machine.converged and machine.certificate.residual < 1e-12


def test_kernels_too_large_for_the_tolerance_are_said():
    """With columns around 1e8 products are right to 4: no gap of 1e-3 can be proved."""
    with pytest.warns(SolverWarning, match="rounding leaves"):
        svm.SVR("linear").fit(X + 1e8, X[:, 0])


def test_a_margin_of_nothing():
    for options in {"gamma": 0.0}, {"kernel": "poly", "degree": 0}:
        with pytest.raises(DataError, match="must leave a margin"):
            svm.NuSVC(0.5, **options).fit(X, Y)


@pytest.mark.parametrize("size", [1e-160, 1e200])
def test_a_variance_that_gives_no_gamma(size):
    for kernel in "rbf", "sigmoid", "poly":
        with pytest.raises(DataError, match="gamma='scale' needs"):
            svm.SVC(kernel).fit(size * X, Y)
    if size < 1:
        svm.SVC(gamma=0.1).fit(size * X, Y)


def test_bounds_that_float64_does_not_hold():
    ones = np.ones(40)
    for C, weights in (1e300, 1e300 * ones), (1e-300, 1e-300 * ones), (1.0, 1e308 * ones):
        with pytest.raises(DataError, match="C times the weights"):
            svm.SVC(C=C).fit(X, Y, weights)
        with pytest.raises(DataError, match="C times the weights"):
            svm.NuSVR(C=C).fit(X, X[:, 0], weights)
    with pytest.raises(DataError, match="C times the weights"):
        svm.NuSVC().fit(X, Y, 1e308 * ones)


@pytest.mark.parametrize("kind", [svm.LinearSVC, svm.KernelLogisticRegression])
def test_bounds_of_the_other_machines(kind):
    for C, weights in (1e300, np.full(40, 1e300)), (1e-300, np.full(40, 1e-300)):
        with pytest.raises(DataError, match="C times the weights"):
            kind(C=C).fit(X, Y, weights)
    with pytest.raises(DataError, match="the objective must be a number"):
        kind(C=1e300).fit(X, Y)


@pytest.mark.parametrize(
    "machine",
    [svm.LinearSVC(C=1e30), svm.LinearSVC("hinge", C=1e30), svm.KernelLogisticRegression(C=1e100)],
    ids=["squared hinge", "hinge", "logistic"],
)
def test_fits_that_rounding_ends_say_so(machine):
    """Far fewer steps than `max_iter`, and nowhere near the optimum."""
    with pytest.warns(svm.ConvergenceWarning, match=r"cannot be brought .* rounding leaves"):
        machine.fit(X, Y)
    assert machine.n_iter.max() < machine.max_iter and not machine.converged
    assert machine.certificate.relative_gap > 0.1


def test_columns_that_are_alike_and_a_large_price():
    """Newton's matrix is then singular."""
    with pytest.warns(svm.ConvergenceWarning, match="rounding leaves"):
        svm.LinearSVC(C=1e25).fit(np.repeat(X, 2, axis=1), Y)


@pytest.mark.parametrize("kind", ["linear", "poly", "rbf", "sigmoid"])
@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e20), (np.float64, 1e160)])
def test_rows_whose_products_overflow(kind, dtype, size):
    """tanh(γ·inf) is 1: without a word, and another number than tanh(γ a·b)."""
    options = {"gamma": float(size) ** -2, "coef0": 0.5}
    for large in (size * X).astype(dtype), sparse.csr_array((size * X).astype(dtype)):
        with pytest.raises(DataError, match=r"x must lie within .* holds products"):
            svm.SVC(kind, **options).fit(large, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SolverWarning)  # of the sigmoid, which is not positive
        fitted = svm.SVC(kind, gamma=0.1, coef0=1.0).fit(X.astype(dtype), Y)
    with pytest.raises(DataError, match=r"x must lie within .* holds products"):
        fitted.predict(size * X)
    with pytest.raises(DataError, match="x must lie within"):
        svm.LinearSVC().fit(1e160 * X, Y)


def test_answers_that_overflow():
    fitted = svm.SVC("poly", degree=9).fit(X, Y)
    with pytest.raises(DataError, match="answers must be finite, got nan for row 0"):
        fitted.decision_function(1e40 * X)


def test_a_kernel_of_infinite_values_that_may_not_be_positive():
    with pytest.raises(DataError, match="kernel values must be finite"):
        svm.SVC("poly", degree=9, coef0=-1.0, gamma=1.0).fit(1e40 * X, Y)


@pytest.mark.parametrize("kind", [svm.SVR, svm.NuSVR])
def test_targets_far_from_0_leave_their_digits(kind):
    """A shift of all targets is one of the intercept, and no more."""
    near = kind(C=2.0).fit(XR, T)
    far = kind(C=2.0).fit(XR, T + 2.0**40)
    assert far.converged and far.certificate.residual < 1e-3
    np.testing.assert_allclose(far.predict(XR) - 2.0**40, near.predict(XR), atol=2e-3)
    assert far.epsilon == pytest.approx(near.epsilon, abs=2e-3)


def test_targets_that_leave_no_digits_for_the_tolerance():
    with pytest.warns(svm.ConvergenceWarning, match="rounding leaves"):
        svm.NuSVR(C=1e12).fit(XR, 1e12 * T)
    with pytest.raises(DataError, match="C times the targets"):
        svm.SVR(C=1e10).fit(XR, 1e300 * T)
    all_at_bounds = svm.SVR().fit(XR, 1e12 * T)
    assert all_at_bounds.converged and all_at_bounds.certificate.residual < 1e-12


def test_a_first_solution_that_is_not_there():
    """With class weights ν-SVC solves twice: both count."""
    with pytest.warns(svm.ConvergenceWarning, match="max_iter=30 "):
        found = svm.NuSVC(0.5, class_weight={0: 1e-6}, max_iter=30).fit(X, Y)
    assert not found.converged


def test_one_uneven_pair_among_many_rows():
    x = np.random.default_rng(0).normal(size=(600, 3))
    K = x @ x.T
    K[1, 578] += 1.0
    with pytest.raises(DataError, match=r"k\((1, 578|578, 1)\)"):
        svm.SVC("precomputed").fit(K, x[:, 0] > 0)


def test_a_kernel_that_changes_its_arguments():
    def doubles(a, b):
        a *= 2
        return float(a @ b)

    with pytest.raises(ArgumentError, match="read-only"):
        svm.SVC(doubles).fit(X, Y)
