"""Kernels of a person's own against the same kernel computed in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import svm
from pellucid.core.errors import ArgumentError, DataError
from tests.svm.data import blobs

X, Y = blobs(110, 5, seed=30)  # 5 columns: as many as rows of a probe
M = np.diag([1.0, 2.0, 0.5, 3.0, 1.0])

ROWS = {
    "rbf": lambda a, b: np.exp(-np.sum((a - b) ** 2)),
    "metric": lambda a, b: a @ M @ b,
    "least": lambda a, b: np.sum(np.minimum(np.abs(a), np.abs(b))),
    "joined": lambda a, b: np.concatenate([a, a**2]) @ np.concatenate([b, b**2]),
}
BLOCKS = {
    "poly": lambda A, B: (A @ B.T + 1) ** 2,
    "metric": lambda A, B: A @ M @ B.T,
    "anova": lambda A, B: np.exp(-((A[:, None, :] - B[None, :, :]) ** 2)).sum(-1) ** 2,
}


def in_numpy(function, blocks, a, b):
    if blocks:
        return np.asarray(function(a, b))
    return np.array([[function(one, two) for two in b] for one in a])


@pytest.mark.lecture("T1.B7")
@pytest.mark.parametrize(
    ("blocks", "name"), [*((False, name) for name in ROWS), *((True, name) for name in BLOCKS)]
)
def test_a_function_of_rows_or_blocks(blocks, name):
    function = (BLOCKS if blocks else ROWS)[name]
    machine = svm.SVC(function, tol=1e-5).fit(X, Y)
    assert machine._kernel.traced
    known = svm.SVC("precomputed", tol=1e-5).fit(in_numpy(function, blocks, X, X), Y)
    new = X[:40] + 0.05
    scale = max(1.0, np.abs(in_numpy(function, blocks, X, X)).max())
    np.testing.assert_allclose(
        machine.decision_function(new),
        known.decision_function(in_numpy(function, blocks, new, X)),
        atol=1e-4 * scale,
    )
    assert machine.certificate.residual < 1e-4


def test_a_function_with_names_of_our_own_namespace():
    machine = svm.SVR(lambda a, b: pel.numpy.exp(-pel.numpy.sum(pel.numpy.abs(a - b)))).fit(
        X, X[:, 0]
    )
    assert np.abs(machine.predict(X) - X[:, 0]).max() < 1.0


def test_several_classes_and_float32():
    x, y = blobs(90, 3, 3, seed=31)
    function = lambda a, b: (a @ b + 1) ** 2  # noqa: E731
    one = svm.SVC(function).fit(x.astype(np.float32), y)
    other = svm.SVC("poly", degree=2, coef0=1.0, gamma=1.0).fit(x.astype(np.float32), y)
    assert one.support_vectors.dtype == np.float32
    np.testing.assert_array_equal(one.predict(x), other.predict(x))


def test_a_function_that_cannot_be_traced_is_called_as_it_is(tmp_path):
    def by_hand(A, B):
        return np.array([[float(np.dot(a, b)) for b in np.asarray(B)] for a in np.asarray(A)])

    def of_rows(a, b):
        return float(np.dot(np.asarray(a), np.asarray(b)))

    known = svm.SVC("linear").fit(X, Y)
    for function in (by_hand, of_rows):
        with pytest.warns(UserWarning, match=f"the kernel {function.__name__} cannot be compiled"):
            machine = svm.SVC(function).fit(X, Y)
        np.testing.assert_allclose(
            machine.decision_function(X), known.decision_function(X), atol=5e-3
        )
        with pytest.raises(DataError, match="must be one that can be compiled"):
            machine.save(tmp_path / "machine")


def test_what_is_wrong_with_a_function_is_said_of_the_function():
    def hollow(a, b):
        return np.log(a @ b - 1e6)

    def opposite(a, b):
        return -(a @ b)

    with pytest.raises(DataError, match="kernel function hollow must give finite numbers, got nan"):
        svm.SVC(hollow).fit(X, Y)
    with pytest.raises(DataError, match="kernel function opposite must be positive"):
        svm.SVC(opposite).fit(X, Y)


def test_what_is_no_kernel():
    with pytest.raises(ArgumentError, match=r"got \(3,5\) for|got .*3, 5"):
        svm.SVC(lambda a, b: a).fit(X, Y)
    with pytest.raises(ArgumentError, match="takes 1 positional argument"):
        svm.SVC(lambda a: a).fit(X, Y)
