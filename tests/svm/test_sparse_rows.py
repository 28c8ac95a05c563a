"""Kernels of sparse rows against those of the same rows made dense."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import pellucid as pel
from pellucid import svm
from pellucid.core.errors import PellucidError
from pellucid.svm.kernels import Kernel
from pellucid.svm.sparse import SparseKernel, SparseRows, SparseSource

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 12)) * (RNG.random((70, 12)) < 0.25)
X[3] = 0.0  # a row without a number
THIN = SparseRows.of(sparse.csr_array(X), "test")
KERNELS = [
    Kernel("linear"),
    Kernel("poly", 0.5, 1.0, 3),
    Kernel("rbf", 0.3),
    Kernel("sigmoid", 0.1, 0.2),
]


def dense(kernel, a, b):
    """k(a_m, b_n), written down once more."""
    products = a @ b.T
    if kernel.kind == "rbf":
        return np.exp(-kernel.gamma * ((a[:, None] - b) ** 2).sum(axis=-1))
    if kernel.kind == "poly":
        return (kernel.gamma * products + kernel.coef0) ** kernel.degree
    if kernel.kind == "sigmoid":
        return np.tanh(kernel.gamma * products + kernel.coef0)
    return products


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.kind)
def test_kernels(kernel):
    source = SparseSource(kernel, THIN)
    wanted = dense(kernel, X, X)
    whole = source.whole(1)
    np.testing.assert_allclose(whole, wanted, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(whole, whole.T)
    np.testing.assert_allclose(source.diagonal(), wanted.diagonal(), rtol=1e-12)
    rows = np.array([5, 3, 60])
    np.testing.assert_array_equal(source.among(rows), whole[np.ix_(rows, rows)])
    out = np.empty((3, len(X)))
    source.rows(rows, out.ctypes.data + np.arange(3) * out.strides[0], 1)
    np.testing.assert_array_equal(out, whole[rows])
    coefficients = RNG.normal(size=(2, len(X)))
    np.testing.assert_allclose(source.sums(coefficients, 1), wanted @ coefficients.T, atol=1e-12)
    other = RNG.normal(size=(4, 12))
    found = SparseKernel(kernel, THIN).block(SparseRows.from_dense(other))
    np.testing.assert_allclose(found, dense(kernel, other, X), rtol=1e-12, atol=1e-13)


def test_rows_are_taken_and_measured_as_an_array_is():
    rows = np.array([2, 3, 2, 69])
    for form in (sparse.coo_array, sparse.csc_matrix, sparse.lil_array):
        given = SparseRows.of(form(X), "test")
        again = sparse.csr_array((given.data, given.columns, given.starts), given.shape)
        np.testing.assert_array_equal(again.toarray(), X)
    part = THIN[rows]
    np.testing.assert_array_equal(part.squares(), (X[rows] ** 2).sum(axis=1))
    weights = RNG.random(len(X))
    mean = np.average(X, axis=0, weights=weights).mean()
    wanted = np.average((X - mean) ** 2, axis=0, weights=weights).mean()
    np.testing.assert_allclose(THIN.mean_and_variance(weights), (mean, wanted), rtol=1e-12)


@pytest.mark.parametrize("kind", ["SVC", "NuSVC", "SVR", "NuSVR", "OneClassSVM"])
@pytest.mark.parametrize("megabytes", [200, 0.02])
def test_machines(kind, megabytes):
    y = np.arange(70) % 3
    machine = {"NuSVC": {"nu": 0.2}}.get(kind, {})
    options = {"gamma": 0.3, "tol": 1e-6, "cache_size": megabytes, **machine}
    thin = getattr(svm, kind)(**options).fit(sparse.csr_array(X), y)
    full = getattr(svm, kind)(**options).fit(X, y)
    np.testing.assert_array_equal(thin.support, full.support)
    answer = "predict" if kind.endswith("SVR") else "decision_function"
    found, wanted = getattr(thin, answer)(sparse.csr_array(X)), getattr(full, answer)(X)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    np.testing.assert_allclose(getattr(thin, answer)(X), wanted, atol=1e-4)


def test_what_is_refused():
    with pytest.raises(PellucidError, match="x must be finite"):
        pel.svm.SVC().fit(sparse.csr_array([[np.nan, 0.0], [0.0, 1.0]]), [0, 1])
    fitted = svm.SVC().fit(sparse.csr_array(X), X[:, 0] > 0)
    with pytest.raises(PellucidError, match=r"x must be \(N, 12\)"):
        fitted.predict(sparse.csr_array(X[:, :5]))
