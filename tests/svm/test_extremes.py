"""Numbers at the ends of what float64 holds: an answer with its proof, a warning or an error."""

from __future__ import annotations

import numpy as np
import pytest

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
