"""Advice followed in the estimators for scikit-learn: see advice_cases.py."""

from __future__ import annotations

import copy

import numpy as np
from scipy import sparse
from sklearn import svm

import pellucid as pel
from pellucid import sklearn as estimators
from pellucid.nn import Dense, Dropout
from tests.advice_cases import Followed

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
THIN = sparse.csr_array(X)
KERNEL = X @ X.T
MACHINE = pel.svm.SVC().fit(X, Y)
LARGE = 2**55 + 10**15 * np.arange(30)


def network(**given):
    """A network that rests after a few epochs."""
    settings = {"hidden_layer_sizes": (3,), "tol": 10.0, "n_iter_no_change": 1, "random_state": 0}
    return estimators.MLPClassifier(**settings, **given)


NETWORK = network(warm_start=True).fit(X, Y)
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
        "Set warm_start=False to begin anew.",
        lambda _: copy.deepcopy(NETWORK).fit(X, Y > 0),
        lambda _: copy.deepcopy(NETWORK).set_params(warm_start=False).fit(X, Y > 0),
    ),
    Followed(
        "Write class_weight={label: weight}.",
        lambda _: network(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2]),
        lambda _: network(class_weight={0: 2.0}).partial_fit(X, Y, classes=[0, 1, 2]),
    ),
    Followed(
        "Use loss='squared_error', or pel.Sequential with this loss.",
        lambda _: estimators.MLPRegressor("gaussian").fit(X, Y),
        lambda _: (
            estimators.MLPRegressor("squared_error", max_iter=1, tol=10, n_iter_no_change=1),
            pel.Sequential([pel.nn.Dense(2)]).compile(loss="gaussian"),
        ),
    ),
    Followed(
        "Write layers=[Dense(64, 'relu'), Dropout(0.2)].",
        lambda _: network(layers="Dense").fit(X, Y),
        lambda _: network(layers=[Dense(64, "relu"), Dropout(0.2)]).fit(X, Y),
    ),
    Followed(
        "The validation set is too small: raise validation_fraction, give validation_data, or "
        "more rows.",
        lambda _: estimators.MLPRegressor(early_stopping=True).fit(X[:3], X[:3, 0]),
        lambda _: network(early_stopping=True).fit(X, Y, validation_data=(X[:3], Y[:3])),
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
BY_NATURE: dict[str, str] = {
    "Take a network with steps of fewer rows, such as optimizer='adam' and batch_size=200 make "
    "them, or fewer columns.": "needs more memory than there is",
}
