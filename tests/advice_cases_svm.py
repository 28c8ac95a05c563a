"""Advice followed: support vector machines. See advice_cases.py."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn, svm
from tests.advice_cases import Followed

RNG = np.random.default_rng(5)
X = RNG.normal(size=(30, 3))
Y = np.where(X[:, 0] > 0, 1, 0)
FEW = np.arange(30) < 5
IMAGES = RNG.normal(size=(30, 2, 2))
DISTANCES = np.sqrt(((X[:, None] - X) ** 2).sum(-1))
UNEVEN = X @ X.T + np.arange(30) / 1e3


def machine_file(p: Any) -> Any:
    svm.SVC().fit(X, Y).save(p / "machine", overwrite=True)
    return p / "machine"


def network_file(p: Any) -> Any:
    pel.Sequential([nn.Dense(1, input_shape=(3,))], seed=0).save(p / "network", overwrite=True)
    return p / "network"


def by_hand(a: Any, b: Any) -> Any:
    return np.array([[float(np.dot(np.asarray(s), np.asarray(t))) for t in b] for s in a])


def saved(kernel: Any, p: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that the kernel is called as it is
        machine = svm.SVC(kernel).fit(X, Y)
    machine.save(p / "own", overwrite=True)


def ranked_late(p: Any) -> Any:
    return svm.load(machine_file(p)).certificate.rank()


def scattered(a: Any, b: Any) -> Any:
    return pel.numpy.sum(pel.numpy.scatter_add(a, np.array([0, 1]), b[:2], axis=0))


FOLLOWED = [
    Followed(
        "For a margin without slack use pellucid.svm.hard_margin(x, y).",
        lambda p: svm.SVC(C=float("inf")),
        lambda p: svm.hard_margin([[0.0], [1.0]], [0, 1]),
    ),
    Followed(
        "Write max_iter=None for as many steps as it needs.",
        lambda p: svm.SVC(max_iter=-1),
        lambda p: svm.SVC(max_iter=None).fit(X, Y),
    ),
    Followed("Write C=10.0.", lambda p: svm.LinearSVC(10.0), lambda p: svm.LinearSVC(C=10.0)),
    Followed("Write nu=0.1.", lambda p: svm.OneClassSVM(0.1), lambda p: svm.OneClassSVM(nu=0.1)),
    Followed(
        "Write Calibrated(machine).fit(x, y), which has predict_proba.",
        lambda p: svm.SVC(probability=True),
        lambda p: svm.Calibrated(svm.SVC()).fit(X, Y).predict_proba(X),
    ),
    Followed(
        "Write (machine.predict(x) == y).mean(), or take the class of pellucid.sklearn.",
        lambda p: svm.SVC().score(X, Y),
        lambda p: (svm.SVC().fit(X, Y).predict(X) == Y).mean(),
    ),
    Followed(
        "Use dual_coef, the coefficients of the support vectors, or kernel='linear'.",
        lambda p: svm.SVC().fit(X, Y).coef,
        lambda p: (svm.SVC().fit(X, Y).dual_coef, svm.SVC(kernel="linear").fit(X, Y).coef),
    ),
    Followed(
        "Take one of them, such as certificate[0], or go over all: for one in certificate.",
        lambda p: svm.SVC().fit(X, np.arange(30) % 3).certificate.gap,
        lambda p: [one.gap for one in svm.SVC().fit(X, np.arange(30) % 3).certificate],
    ),
    Followed(
        "Look at what it does to the rows of x.",
        lambda p: svm.SVC(lambda a, b: np.log(a @ b)).fit(X, Y),
        lambda p: svm.SVC(lambda a, b: np.log(1 + np.exp(a @ b))),
    ),
    Followed(
        "Support vector machines are loaded by pel.svm.load(path).",
        lambda p: pel.load(machine_file(p)),
        lambda p: svm.load(machine_file(p)),
    ),
    Followed(
        "Networks are loaded by pel.load(path).",
        lambda p: svm.load(network_file(p)),
        lambda p: pel.load(network_file(p)),
    ),
    Followed(
        "Ask for it before saving.",
        ranked_late,
        lambda p: svm.SVC().fit(X, Y).certificate.rank(),
    ),
    Followed(
        "Call fit first.",
        lambda p: svm.SVC().save(p / "early"),
        machine_file,
    ),
    Followed(
        "Compute with NumPy functions and operators of its arguments alone.",
        lambda p: saved(by_hand, p),
        lambda p: saved(lambda a, b: a @ b.T, p),
    ),
    Followed(
        "Make rows of numbers: x.reshape(len(x), -1).",
        lambda p: svm.SVC().fit(IMAGES, Y),
        lambda p: svm.SVC().fit(IMAGES.reshape(len(IMAGES), -1), Y),
    ),
    Followed(
        "For data of one class use OneClassSVM.",
        lambda p: svm.SVC().fit(X, np.ones(30)),
        lambda p: svm.OneClassSVM().fit(X),
    ),
    Followed(
        "For targets that are numbers use SVR.",
        lambda p: svm.SVC().fit(X, X[:, 0]),
        lambda p: svm.SVR().fit(X, X[:, 0]),
    ),
    Followed(
        "Use y.astype(str).",
        lambda p: svm.SVC().fit(X, np.array([1, "a"] * 15, object)),
        lambda p: svm.SVC().fit(X, np.array([1, "a"] * 15, object).astype(str)),
    ),
    Followed(
        "Leave out the rows of that class.",
        lambda p: svm.SVC(class_weight={2: 0}).fit(X, np.arange(30) % 3),
        lambda p: svm.SVC().fit(
            X[np.arange(30) % 3 != 2], np.arange(30)[np.arange(30) % 3 != 2] % 3
        ),
    ),
    Followed(
        "Give the kernel of every row with every row.",
        lambda p: svm.SVC("precomputed").fit(X, Y),
        lambda p: svm.SVC("precomputed").fit(X @ X.T, Y),
    ),
    Followed(
        "Choose a larger nu, another gamma or another kernel.",
        lambda p: svm.NuSVC(0.5, gamma=0.0).fit(X, Y),
        lambda p: [svm.NuSVC(0.5, gamma=0.5).fit(X, Y), svm.NuSVC(0.5, kernel="linear").fit(X, Y)],
    ),
    Followed(
        "Scale the columns alike, such as (x - x.mean(0)) / x.std(0).",
        lambda p: svm.SVC().fit(1e-160 * X, Y),
        lambda p: svm.SVC().fit((X - X.mean(0)) / X.std(0), Y),
    ),
    Followed(
        "Divide the weights by their mean, or choose another C.",
        lambda p: svm.SVC(C=1e300).fit(X, Y, np.full(len(X), 1e30)),
        lambda p: [svm.SVC(C=1e3).fit(X, Y, np.ones(len(X))), svm.SVC().fit(X, Y, np.ones(len(X)))],
    ),
    Followed(
        "Average both: (K + K.T) / 2.",
        lambda p: svm.SVC("precomputed").fit(UNEVEN, Y),
        lambda p: svm.SVC("precomputed").fit((UNEVEN + UNEVEN.T) / 2 + np.eye(30), Y),
    ),
    Followed(
        "Distances are no kernels: np.exp(-distances ** 2) is one.",
        lambda p: svm.SVC("precomputed").fit(DISTANCES, Y),
        lambda p: svm.SVC("precomputed").fit(np.exp(-(DISTANCES**2)), Y),
    ),
    Followed(
        "For rows write lambda a, b: (a @ b + 1) ** 2, for blocks lambda A, B: (A @ B.T + 1) ** 2.",
        lambda p: svm.SVC(lambda a, b: a).fit(X, Y),
        lambda p: [
            svm.SVC(lambda a, b: (a @ b + 1) ** 2).fit(X, Y),
            svm.SVC(lambda A, B: (A @ B.T + 1) ** 2).fit(X, Y),
        ],
    ),
    Followed(
        "Use nu=0.333 or less, or SVC.",
        lambda p: svm.NuSVC(0.9).fit(X, FEW),
        lambda p: [svm.NuSVC(0.333).fit(X, FEW), svm.SVC().fit(X, FEW)],
    ),
    Followed(
        "Scale the columns, such as (x - x.mean(0)) / x.std(0).",
        lambda p: svm.SVC(gamma=1.0).fit(1e160 * X, Y),
        lambda p: svm.SVC(gamma=1.0).fit((X - X.mean(0)) / X.std(0), Y),
    ),
    Followed(
        "Scale the columns, such as (x - x.mean(0)) / x.std(0), or choose a smaller C.",
        lambda p: svm.KernelLogisticRegression(C=1e300).fit(X, Y),
        lambda p: svm.KernelLogisticRegression(C=10.0).fit((X - X.mean(0)) / X.std(0), Y),
    ),
    Followed(
        "Scale x as that of the fit was.",
        lambda p: svm.SVC("poly", degree=9).fit(X, Y).predict(1e40 * X),
        lambda p: svm.SVC("poly", degree=9).fit(X, Y).predict(X),
    ),
    Followed(
        "Scale y, such as (y - y.mean()) / y.std().",
        lambda p: svm.SVR(C=1e10).fit(X, 1e300 * X[:, 0]),
        lambda p: svm.SVR(C=1.0).fit(X, (X[:, 0] - X[:, 0].mean()) / X[:, 0].std()),
    ),
    Followed(
        "Scale the data, or choose a smaller degree.",
        lambda p: svm.SVC("poly", degree=99, gamma=1e6).fit(X, Y),
        lambda p: svm.SVC("poly", degree=3, gamma=1.0).fit(X, Y),
    ),
    Followed(
        "Write it for two blocks: k(A, B) gives (m, n) for A (m, D) and B (n, D).",
        lambda p: over_pairs_of(scattered),
        lambda p: svm.SVC(lambda A, B: A @ B.T).fit(X, Y),
    ),
]


def over_pairs_of(function: Any) -> Any:
    from pellucid.core import dtypes
    from pellucid.graph.node import TensorType
    from pellucid.transform.pairs import over_pairs
    from pellucid.transform.trace import trace

    kind = TensorType(dtypes.float64, (3,))
    graph = trace(function, [kind, kind], ["a", "b"], lambda v: (tuple(v), {})).with_constants()
    return pel.jit(lambda a, b: over_pairs(graph, a, b))(X, X)


BY_NATURE: dict[str, str] = {}
