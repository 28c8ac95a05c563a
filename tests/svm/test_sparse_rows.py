"""Kernels of sparse rows against those of the same rows made dense."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import sparse

import pellucid as pel
from pellucid import svm
from pellucid.core.errors import PellucidError
from pellucid.data.sparse import SparseRows
from pellucid.svm.kernels import Kernel
from pellucid.svm.sparse import SparseKernel, SparseSource

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


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [("indices", 3, 12), ("indices", 3, -1), ("indptr", 5, 2), ("indptr", -1, 999)],
)
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array])
def test_places_outside_of_the_table_are_refused(form, name, place, value):
    """SciPy trusts them: it would read and write elsewhere."""
    x = form(X)
    if name == "indices" and form is sparse.csc_array and value == 12:
        value = 70
    getattr(x, name)[place] = value
    with pytest.raises(PellucidError, match="x must be a sparse matrix that holds together"):
        svm.SVC().fit(x, X[:, 0] > 0)


def test_places_of_a_list_of_entries_are_looked_at():
    x = sparse.coo_array(X)
    x.row[3] = 70
    with pytest.raises(PellucidError, match=r"entries within \(70, 12\)"):
        svm.SVC().fit(x, X[:, 0] > 0)


def test_entries_in_any_order_and_more_than_once():
    y, plain = X[:, 0] > 0, sparse.csr_array(X)
    coo = sparse.coo_array(X)
    half = np.tile(coo.data / 2, 2), (np.tile(coo.row, 2), np.tile(coo.col, 2))
    zeros = sparse.csr_array(X != 2)  # with entries at the places of zeros
    zeros.data = X.ravel().copy()
    backwards = plain.copy()
    for first, stop in itertools.pairwise(plain.indptr.tolist()):
        for part in backwards.indices, backwards.data:
            part[first:stop] = part[first:stop][::-1].copy()
    backwards.has_sorted_indices = True  # which is not so
    for x in sparse.coo_array(half, X.shape), zeros, backwards:
        before = x.copy()
        found = svm.SVC(gamma=0.3).fit(x, y)
        np.testing.assert_array_equal(
            found.decision_function(x), svm.SVC(gamma=0.3).fit(plain, y).decision_function(plain)
        )
        np.testing.assert_array_equal(x.data, before.data)  # a person's own matrix stays


def test_dtypes_are_those_of_dense_rows():
    for dtype in np.float32, np.int8, bool, np.int64, np.longdouble:
        x = (10 * X).astype(dtype)
        thin = svm.SVC().fit(sparse.csr_array(x), X[:, 0] > 0)
        assert thin.support_vectors.dtype == svm.SVC().fit(x, X[:, 0] > 0).support_vectors.dtype


def test_what_is_refused():
    with pytest.raises(PellucidError, match="x must be finite"):
        pel.svm.SVC().fit(sparse.csr_array([[np.nan, 0.0], [0.0, 1.0]]), [0, 1])
    whole = sparse.csr_array(X.astype(np.int64))
    whole.data[:] = 2**53 + 1
    for x, said in (
        (sparse.csr_array((70, 0)), r"x must hold numbers, got \(70, 0\)"),
        (sparse.csr_array(X * 1j), "x must hold real numbers, got complex128"),
        (whole, "whole numbers that float64 holds, got 9007199254740993 in row"),
    ):
        with pytest.raises(PellucidError, match=said):
            svm.SVC().fit(x, X[:, 0] > 0)
    fitted = svm.SVC().fit(sparse.csr_array(X), X[:, 0] > 0)
    with pytest.raises(PellucidError, match=r"x must be \(N, 12\)"):
        fitted.predict(sparse.csr_array(X[:, :5]))
