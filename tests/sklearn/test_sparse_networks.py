"""Sparse rows for networks and linear machines: as the same rows when they are dense."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse

import pellucid as pel
from pellucid.data import sparse as tables
from pellucid.nn import Dense
from pellucid.sklearn import LinearSVC, MLPClassifier, MLPRegressor, Perceptron, SoftmaxRegression

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 30)) * (RNG.random((120, 30)) < 0.2) + 0.0  # no zero below 0
X[7] = 0
Y = (X.sum(axis=1) > 0).astype(int)
FEW = {"max_iter": 6, "random_state": 0}


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
@pytest.mark.parametrize(
    "made",
    [
        lambda: MLPClassifier((8,), batch_size=32, early_stopping=True, **FEW),
        lambda: MLPRegressor(hidden_layer_sizes=(8,), dtype="float32", **FEW),
        lambda: MLPClassifier((8,), solver="lbfgs", **FEW),
        lambda: Perceptron(**FEW),
        SoftmaxRegression,
        LinearSVC,
    ],
)
def test_sparse_rows_give_the_bits_of_dense_ones(made, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # runs are short
        dense, thin = made().fit(X, Y), made().fit(kind(X), Y)
    for name in ("coefs_", "coef_", "intercept_", "loss_curve_"):
        for one, other in zip(getattr(dense, name, ()), getattr(thin, name, ()), strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(dense.predict(X), thin.predict(kind(X)))
    np.testing.assert_array_equal(dense.predict(kind(X)), thin.predict(X))


def test_partial_fit_takes_sparse_parts():
    dense, thin = (MLPClassifier((4,), random_state=0) for _ in range(2))
    for first in range(0, 120, 40):
        part = slice(first, first + 40)
        dense.partial_fit(X[part], Y[part], classes=[0, 1])
        thin.partial_fit(sparse.csr_array(X)[part], Y[part], classes=[0, 1])
    np.testing.assert_array_equal(dense.coefs_[0], thin.coefs_[0])


@pytest.mark.parametrize("backend", ["native", "interpreter"])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_sequential_takes_them_too(optimizer, backend):
    found = []
    for x in (X, sparse.csr_array(X), sparse.dok_array(X)):  # the last one is a dict
        model = pel.Sequential([Dense(4, "tanh", input_shape=(30,)), Dense(1)], seed=0)
        model.compile(optimizer, "binary_cross_entropy", metrics="accuracy")
        model.fit(x, Y, epochs=3, seed=1, verbose=0, validation_data=(x, Y), backend=backend)
        found.append((model.history.epochs, model.evaluate(x, Y), model.predict(x).tolist()))
    assert found[0] == found[1] == found[2]


def test_a_run_over_sparse_rows_goes_on_in_the_middle_of_dense_ones():
    model, whole = (pel.Sequential([Dense(1, input_shape=(30,))], seed=0) for _ in range(2))
    for one in (model, whole):
        one.compile("sgd", "squared")
    model.fit(sparse.csr_array(X), Y, epochs=1, seed=1, verbose=0)
    model.fit(X, Y, epochs=3, verbose=0, resume=True)
    whole.fit(X, Y, epochs=3, seed=1, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], whole.get_weights()[0])


def test_steps_make_few_rows_dense_and_refuse_what_the_memory_does_not_hold(monkeypatch):
    wide = sparse.random(40, 20_000, 1e-3, format="csr", random_state=0)  # 3 MB dense
    y = np.arange(40) % 2
    taken = []
    rows = tables.SparseTable.__getitem__
    spied = lambda self, some: (taken.append(len(found := rows(self, some))), found)[1]  # noqa: E731
    monkeypatch.setattr(tables.SparseTable, "__getitem__", spied)
    monkeypatch.setattr(tables, "TOGETHER", 4 * 20_000 * 5)
    monkeypatch.setattr(tables, "free_memory", lambda: 10**6)
    model = pel.Sequential([Dense(1, input_shape=(20_000,))], seed=0)
    model.compile("sgd", "binary_cross_entropy")
    model.fit(wide, y, batch_size=4, epochs=1, verbose=0)
    model.predict(wide)
    assert max(taken[-8:]) == 5  # predictions
    for refused in (SoftmaxRegression(), LinearSVC(), MLPClassifier(solver="lbfgs")):
        with pytest.raises(pel.PellucidError, match=r"taken at once.*0\.0064 GB.*, got 0\.001 GB"):
            refused.fit(wide.astype(np.float64), y)


def test_a_large_matrix_that_is_made_dense_is_named(monkeypatch):
    monkeypatch.setattr(tables, "_LARGE", 1)
    with pytest.warns(UserWarning, match=r"\[LinearSVC\] all rows of the sparse x"):
        LinearSVC().fit(sparse.csr_array(X), Y)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (sparse.csr_array(np.where(np.arange(30) == 3, np.nan, X)), "row 0, column 3"),
        (sparse.csr_array((X != 0) * (2**24 + 1)), "whole numbers that float32 holds"),
        (sparse.csr_array(X[:, :5]), r"must be \(N, 30\), got \(120, 5\)"),
        (sparse.csr_array(X * 1j), "real numbers"),
    ],
)
def test_what_is_wrong_with_sparse_rows_is_said(x, said):
    model = pel.Sequential([Dense(1, input_shape=(30,))], seed=0)
    model.compile("sgd", "binary_cross_entropy")
    with pytest.raises(pel.PellucidError, match=said):
        model.fit(x, Y, verbose=0)


def test_a_single_class_is_predicted_everywhere():
    model = MLPClassifier((4,), max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, ["only"] * len(X))
    assert set(model.predict(X)) == {"only"} and model.score(X, ["only"] * len(X)) == 1
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((len(X), 1)))
