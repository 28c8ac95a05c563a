"""Advice followed in the estimators for scikit-learn: see advice_cases.py."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn import svm

import pellucid as pel
from pellucid import sklearn as estimators
from tests.advice_cases import Followed

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
THIN = sparse.csr_array(X)
KERNEL = X @ X.T
MACHINE = pel.svm.SVC().fit(X, Y)
LARGE = 2**55 + 10**15 * np.arange(30)
PARTS = estimators.Perceptron().partial_fit(X, Y, classes=[0, 1, 2])

FOLLOWED = [
    Followed(
        "For data of one class use OneClassSVM.",
        lambda _: estimators.SVC().fit(X, np.zeros(30)),
        lambda _: estimators.OneClassSVM().fit(X),
    ),
    Followed(
        "For millions write y / 1e6.",
        lambda _: estimators.TableRegressor(quick=True).fit(X[:, :1], LARGE),
        lambda _: estimators.TableRegressor(quick=True).fit(X[:, :1], LARGE / 1e6),
    ),
    Followed(
        "Give rows of another class a weight above 0.",
        lambda _: estimators.SVC().fit(X, Y, Y == 1),
        lambda _: estimators.SVC().fit(X, Y, np.ones(30)),
    ),
    Followed(
        "It is called with two blocks of rows: lambda A, B: (A @ B.T + 1) ** 2.",
        lambda _: estimators.SVC(kernel=lambda a, b: 1.0).fit(X, Y),
        lambda _: estimators.SVC(kernel=lambda A, B: (A @ B.T + 1) ** 2).fit(X, Y),
    ),
    Followed(
        "Use X.toarray().",
        lambda _: estimators.SVC(kernel="precomputed").fit(sparse.csr_array(KERNEL), Y),
        lambda _: estimators.SVC(kernel="precomputed").fit(sparse.csr_array(KERNEL).toarray(), Y),
    ),
    Followed(
        "Use X.toarray(), or fit to a sparse matrix.",
        lambda _: estimators.SVC().fit(X, Y).predict(THIN),
        lambda _: (
            estimators.SVC().fit(X, Y).predict(THIN.toarray()),
            estimators.SVC().fit(THIN, Y).predict(THIN),
        ),
    ),
    Followed(
        "Write partial_fit(X, y, classes=numpy.unique(all labels)).",
        lambda _: estimators.Perceptron().partial_fit(X, Y),
        lambda _: estimators.Perceptron().partial_fit(X, Y, classes=np.unique(Y)),
    ),
    Followed(
        "Leave classes out after the first partial_fit.",
        lambda _: PARTS.partial_fit(X, Y, classes=[0, 1]),
        lambda _: PARTS.partial_fit(X, Y),
    ),
    Followed(
        "For ‖w‖₁ take sklearn.svm.LinearSVC(penalty='l1', dual=False).",
        lambda _: estimators.LinearSVC(penalty="l1").fit(X, Y),
        lambda _: svm.LinearSVC(penalty="l1", dual=False).fit(X, Y),
    ),
    Followed(
        "For all classes in one problem take sklearn.svm.LinearSVC.",
        lambda _: estimators.LinearSVC(multi_class="crammer_singer").fit(X, Y),
        lambda _: svm.LinearSVC(multi_class="crammer_singer").fit(X, Y),
    ),
    Followed(
        "Use x.toarray().",
        lambda _: pel.svm.LinearSVC().fit(THIN, Y),
        lambda _: pel.svm.LinearSVC().fit(THIN.toarray(), Y),
    ),
    Followed(
        "Use x.toarray(), or a kernel by name.",
        lambda _: pel.svm.SVC("precomputed").fit(sparse.csr_array(KERNEL), Y),
        lambda _: (
            pel.svm.SVC("precomputed").fit(sparse.csr_array(KERNEL).toarray(), Y),
            pel.svm.SVC("rbf").fit(THIN, Y),
        ),
    ),
    Followed(
        "Use x.toarray(), or fit to a sparse matrix.",
        lambda _: MACHINE.predict(THIN),
        lambda _: (MACHINE.predict(THIN.toarray()), pel.svm.SVC().fit(THIN, Y).predict(THIN)),
    ),
]
BY_NATURE: dict[str, str] = {}
