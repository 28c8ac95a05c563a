"""Rows of docs/bad-input.md for support vector machines; bad_input_catalogue.py takes them up.

`ARGUMENTS`: a machine, arguments that it takes, and for each argument a wrong value and the words.
`CASES`: what is wrong, the call, and part of the message.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import svm

NAN, INF = float("nan"), float("inf")
RNG = np.random.default_rng(3)
X = RNG.normal(size=(30, 3))
Y = np.where(X[:, 0] + X[:, 1] > 0, 1, 0)
THREE = np.arange(30) % 3
K = X @ X.T

SHARED: dict[str, tuple[Any, str]] = {
    "kernel": ("gauss", "unknown kernel 'gauss'"),
    "gamma": ("auot", "unknown gamma 'auot'"),
    "degree": (2.5, "degree must be a whole number, got 2.5"),
    "coef0": (NAN, "coef0 must lie in (-inf, inf), got nan"),
    "tol": (0, "tol must lie in (0, inf), got 0"),
    "cache_size": (-1, "cache_size must lie in (0, inf), got -1"),
    "max_iter": (-1, "max_iter must be at least 1, got -1"),
    "threads": (0, "threads must be in [1, 1024], got 0"),
    "verbose": (3, "verbose must be in [0, 2], got 3"),
}
CLASSES: dict[str, tuple[Any, str]] = {
    "multi_class": ("all", "unknown multi_class 'all'"),
    "class_weight": ([1, 2], "class_weight must be {class: weight} or 'balanced', got [1, 2]"),
    "decision_function_shape": ("ovx", "unknown decision_function_shape 'ovx'"),
}
C = {"C": (0, "C must lie in (0, inf), got 0")}
NU = {"nu": (1.5, "nu must lie in (0, 1], got 1.5")}
TOO_LARGE = {"infeasible_nu": ("ignore", "unknown infeasible_nu 'ignore'")}
ARGUMENTS: list[tuple[Callable[..., Any], dict[str, Any], dict[str, tuple[Any, str]]]] = [
    (svm.SVC, {}, SHARED | CLASSES | C),
    (svm.NuSVC, {}, SHARED | CLASSES | NU | TOO_LARGE),
    (svm.SVR, {}, SHARED | C | {"epsilon": (-0.1, "epsilon must lie in [0, inf), got -0.1")}),
    (svm.NuSVR, {}, SHARED | NU | {"C": (INF, "C must lie in (0, inf), got inf")}),
    (svm.OneClassSVM, {}, SHARED | {"nu": (0, "nu must lie in (0, 1], got 0")}),
]


def changed(value: float) -> Any:
    x = X.copy()
    x[4, 1] = value
    return x


def skewed(a: Any, b: Any) -> Any:
    return a[0] * b[1]


def rows_lost(a: Any, b: Any) -> Any:
    return (a @ b.T)[:1]


CASES: list[tuple[str, Callable[[Path], Any], str | None]] = [
    (
        "C without an end",
        lambda p: svm.SVC(C=INF),
        "C must lie in (0, inf), got inf",
    ),
    ("ν for SVC", lambda p: svm.SVC(nu=0.1), "unknown argument 'nu'"),
    (
        "scikit-learn's probability=True",
        lambda p: svm.SVC(probability=True),
        "unknown argument 'probability'",
    ),
    (
        "a number in the place of the kernel",
        lambda p: svm.SVC(10.0),
        "the first argument is kernel",
    ),
    (
        "the weights of columns with another kernel than the linear one",
        lambda p: svm.SVC().fit(X, Y).coef,
        "coef is there with kernel='linear' alone, got kernel='rbf'",
    ),
    (
        "the margin of several problems",
        lambda p: svm.SVC().fit(X, THREE).certificate.margin,
        "each of the 3 problems has its own 'margin'",
    ),
    (
        "infinity in the rows of a support vector machine",
        lambda p: svm.SVC().fit(changed(INF), Y),
        "[data] x must be finite, got inf in row 4, column 1",
    ),
    (
        "labels of NaN",
        lambda p: svm.SVC().fit(X, np.where(Y, 1.0, NAN)),
        "[data] y must be finite, got nan in row",
    ),
    (
        "NaN in the rows of a support vector machine",
        lambda p: svm.SVC().fit(changed(NAN), Y),
        "[data] x must be finite, got nan in row 4, column 1",
    ),
    (
        "infinity in rows to predict",
        lambda p: svm.SVC().fit(X, Y).predict(changed(INF)),
        "x must be finite, got inf in row 4, column 1",
    ),
    (
        "one class",
        lambda p: svm.SVC().fit(X, np.ones(30)),
        "y must hold two classes or more, got 1.0 alone",
    ),
    (
        "labels that are measurements",
        lambda p: svm.SVC().fit(X, X[:, 0]),
        "labels must be whole numbers or names",
    ),
    (
        "labels of another length",
        lambda p: svm.SVC().fit(X, Y[:20]),
        "y must be one label a row (30,), got (20,)",
    ),
    (
        "labels that are numbers and names",
        lambda p: svm.SVC().fit(X, np.array([1, "a"] * 15, object)),
        "labels must be all numbers or all names, got both",
    ),
    (
        "one row of features that is no row",
        lambda p: svm.SVC().fit(X, Y).predict(X[0]),
        "x must be (N, D), got (3,)",
    ),
    (
        "images for a support vector machine",
        lambda p: svm.SVC().fit(np.ones((30, 4, 4)), Y),
        "x must be (N, D), got (30, 4, 4)",
    ),
    (
        "other columns than in fit",
        lambda p: svm.SVC().fit(X, Y).predict(X[:, :2]),
        "x must be (N, 3), as in fit, got (30, 2)",
    ),
    ("predict before fit", lambda p: svm.SVC().predict(X), "the machine must be fitted"),
    ("save before fit", lambda p: svm.SVC().save(p / "m"), "the machine must be fitted"),
    (
        "an attribute before fit",
        lambda p: svm.SVC().support_vectors,
        "support_vectors is there after fit",
    ),
    (
        "a ν that the classes do not allow",
        lambda p: svm.NuSVC(0.9).fit(X, np.arange(30) < 5),
        "nu must be at most 0.333333 for classes False and True",
    ),
    (
        "all weights of a class 0",
        lambda p: svm.SVC(class_weight={0: 0}).fit(X, Y),
        "each class must have a row of weight above 0, got none for class 0",
    ),
    (
        "sample weights of 0 for a class",
        lambda p: svm.SVC().fit(X, Y, sample_weight=Y),
        "got none for class 0",
    ),
    (
        "sample weights of 0 for all rows",
        lambda p: svm.SVR().fit(X, X[:, 0], sample_weight=np.zeros(30)),
        "sample_weight must be above 0 in some row, got 0 in all",
    ),
    (
        "a negative sample weight for a region",
        lambda p: svm.OneClassSVM().fit(X, sample_weight=-np.ones(30)),
        "sample_weight must be 0 or more, got -1.0 in row 0",
    ),
    (
        "the weight of a class that is not in the labels",
        lambda p: svm.SVC(class_weight={2: 1.0}).fit(X, Y),
        "class_weight must name classes, such as 0, 1, got 2",
    ),
    (
        "a weight of a class that is negative",
        lambda p: svm.SVC(class_weight={1: -1.0}).fit(X, Y),
        "class_weight must lie in [0, inf), got -1.0",
    ),
    (
        "targets of NaN for a regression",
        lambda p: svm.SVR().fit(X, np.full(30, NAN)),
        "y must be finite",
    ),
    (
        "targets of two columns",
        lambda p: svm.SVR().fit(X, X[:, :2]),
        "y must be one number a row (30,), got (30, 2)",
    ),
    (
        "a kernel that is not symmetric",
        lambda p: svm.SVC(skewed).fit(X, Y),
        "kernel function skewed must be symmetric, got k(0, 1) =",
    ),
    (
        "a kernel that is not positive",
        lambda p: svm.SVC(lambda a, b: -(a @ b)).fit(X, Y),
        "kernel function <lambda> must be positive, without eigenvalues below 0",
    ),
    (
        "a kernel function that gives the wrong shape",
        lambda p: svm.SVC(rows_lost).fit(X, Y),
        "kernel must give (m, n) for blocks (m, D) and (n, D), or a number for two rows",
    ),
    (
        "a kernel function that gives NaN",
        lambda p: svm.SVC(lambda a, b: np.log(a @ b - 1e6)).fit(X, Y),
        "kernel function <lambda> must give finite numbers, got nan",
    ),
    (
        "a precomputed kernel that is not square",
        lambda p: svm.SVC("precomputed").fit(K[:, :20], Y),
        "a precomputed kernel must be (N, N) in fit, got (30, 20)",
    ),
    (
        "a precomputed kernel with the wrong columns in predict",
        lambda p: svm.SVC("precomputed").fit(K, Y).predict(K[:, :20]),
        "x must be (N, 30), as in fit, got (30, 20)",
    ),
    (
        "a precomputed kernel that is not symmetric",
        lambda p: svm.SVC("precomputed").fit(K + np.arange(30), Y),
        "a precomputed kernel must be symmetric, got k(0, 1) =",
    ),
    (
        "distances in the place of a precomputed kernel",
        lambda p: svm.SVC("precomputed").fit(((X[:, None] - X) ** 2).sum(-1), Y),
        "a precomputed kernel must be positive",
    ),
    (
        "a polynomial that overflows",
        lambda p: svm.SVC("poly", degree=99, gamma=1e6).fit(X, Y),
        "kernel values must be finite, got infinity or NaN",
    ),
    (
        "rows whose products overflow",
        lambda p: svm.SVC("sigmoid", gamma=1e-40).fit((1e20 * X).astype(np.float32), Y),
        "x must lie within ±",
    ),
    (
        "new rows whose kernel values overflow",
        lambda p: svm.SVC("poly", degree=9).fit(X, Y).predict(1e40 * X),
        "answers must be finite, got",
    ),
    (
        "a price that makes the objective overflow",
        lambda p: svm.KernelLogisticRegression(C=1e300).fit(X, Y),
        "the objective must be a number that float64 holds",
    ),
    (
        "targets that cost more than float64 holds",
        lambda p: svm.SVR(C=1e10).fit(X, 1e300 * X[:, 0]),
        "C times the targets must have a finite sum",
    ),
    (
        "classes without any difference for a ν machine",
        lambda p: svm.NuSVC().fit(np.ones((30, 2)), np.arange(30) % 2),
        "nu=0.5 must leave a margin between two classes, got 0",
    ),
    ("constant columns", lambda p: svm.SVC().fit(np.ones((30, 2)), Y), None),
    ("labels of three classes", lambda p: svm.SVC().fit(X, THREE).decision_function(X), None),
    (
        "a file of another kind for pel.svm.load",
        lambda p: svm.load(p / "missing.safetensors"),
        "the file cannot be read",
    ),
]
