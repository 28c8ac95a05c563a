"""Rows of docs/bad-input.md for LinearSVC, kernel logistic regression, calibration and the primal.

In the form of bad_input_svm.py, whose data they share.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import svm
from tests.bad_input_svm import CLASSES, INF, NAN, SHARED, THREE, C, K, X, Y, changed

Arguments = dict[str, tuple[Any, str]]
FLAG = (1, "must be True or False, got 1")
LINEAR: Arguments = {
    "loss": ("log", "unknown loss 'log'"),
    "C": (INF, "C must lie in (0, inf), got inf"),
    "tol": (0, "tol must lie in (0, inf), got 0"),
    "fit_intercept": FLAG,
    "intercept_scaling": (0, "intercept_scaling must lie in (0, 1e+100], got 0"),
    "class_weight": CLASSES["class_weight"],
    "solver": ("liblinear", "unknown solver 'liblinear'"),
    "max_iter": SHARED["max_iter"],
    "seed": (-1, "seed must be in [0,"),
    "threads": SHARED["threads"],
    "verbose": SHARED["verbose"],
}
LOGISTIC = {name: one for name, one in SHARED.items() if name != "cache_size"} | C
CALIBRATED: Arguments = {
    "machine": (3, "machine must have decision_function, got int"),
    "method": ("platt", "unknown method 'platt'"),
    "folds": (1, "folds must be at least 2, got 1"),
    "seed": (None, "seed must be a whole number, got None"),
}
HYPERPLANE: Arguments = {"tol": (0, "tol must lie in (0, inf), got 0")}
STEPS: Arguments = {
    "loss": ("log", "unknown loss 'log'"),
    "C": (0, "C must lie in (0, inf), got 0"),
    "intercept_scaling": (NAN, "intercept_scaling must lie in (0, 1e+100], got nan"),
    "epochs": (0, "epochs must be in [1, 1000000], got 0"),
    "batch_size": (0.5, "batch_size must be a whole number, got 0.5"),
    "seed": (-1, "seed must be in [0,"),
}
DATA: Arguments = {
    "x": (X[0], "x must be (N, D), got (3,)"),
    "y": (Y[:20], "y must be one label a row (30,), got (20,)"),
}
SOFT: Arguments = {
    "C": (-1.0, "C must lie in (0, inf), got -1.0"),
    "form": ("dual", "unknown form 'dual'"),
}
BOTH = {"x": X, "y": Y}
ARGUMENTS: list[tuple[Callable[..., Any], dict[str, Any], Arguments]] = [
    (svm.LinearSVC, {}, LINEAR),
    (
        svm.KernelLogisticRegression,
        {},
        LOGISTIC | {"fit_intercept": FLAG, "class_weight": CLASSES["class_weight"]},
    ),
    (svm.Calibrated, {"machine": svm.LinearSVC()}, CALIBRATED),
    (svm.hard_margin, BOTH, DATA | HYPERPLANE),
    (svm.soft_margin, BOTH, DATA | HYPERPLANE | SOFT),
    (svm.subgradient, BOTH, DATA | STEPS),
]
NEW = (svm.LinearSVC, svm.KernelLogisticRegression, svm.subgradient)
PREDICTING = (svm.LinearSVC, svm.KernelLogisticRegression)


def given(make: Callable[..., Any], x: Any, y: Any) -> Any:
    return make(x, y) if make is svm.subgradient else make().fit(x, y)


CASES: list[tuple[str, Callable[[Path], Any], str | None]] = [
    *(
        (f"NaN in the rows of {make.__name__}", lambda p, m=make: given(m, changed(NAN), Y), words)
        for make in NEW
        for words in ["x must be finite, got nan in row 4, column 1"]
    ),
    *(
        (f"infinity in rows to predict, {make.__name__}", lambda p, m=make: ask(m), words)
        for make in PREDICTING
        for words in ["x must be finite, got inf in row 4, column 1"]
    ),
    (
        "one class for LinearSVC",
        lambda p: svm.LinearSVC().fit(X, np.ones(30)),
        "y must hold two classes or more, got 1.0 alone",
    ),
    (
        "three classes for a hard margin",
        lambda p: svm.hard_margin(X, THREE),
        "y must hold two classes, got 3",
    ),
    (
        "three classes for stochastic sub-gradients",
        lambda p: svm.subgradient(X, THREE),
        "y must hold two classes, got 3",
    ),
    (
        "a hard margin of classes that are not separable",
        lambda p: svm.hard_margin([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]),
        "no hyperplane separates these classes: 0.5·x[0] + 0.5·x[3] = 0.5·x[1] + 0.5·x[2]",
    ),
    (
        "a hard margin of equal rows with different labels",
        lambda p: svm.hard_margin([[0.0], [3.0], [3.0]], [0, 0, 1]),
        "rows 1 and 2 are the same point with different labels",
    ),
    ("a class for Calibrated", lambda p: svm.Calibrated(svm.SVC), "got the class SVC"),  # type: ignore[arg-type]
    (
        "too many features for a primal form",
        lambda p: svm.soft_margin(np.zeros((4, 2000)), [0, 1, 0, 1]),
        "the problem must have 2,000 unknowns at most, got 2,001",
    ),
    (
        "rows of zeros for LinearSVC",
        lambda p: svm.LinearSVC("hinge").fit(np.zeros((30, 3)), Y),
        None,
    ),
    ("predict before fit, LinearSVC", lambda p: svm.LinearSVC().predict(X), "must be fitted"),
    (
        "an attribute of LinearSVC before fit",
        lambda p: svm.LinearSVC().coef,
        "coef is there after fit",
    ),
    (
        "probabilities of LinearSVC",
        lambda p: svm.LinearSVC().fit(X, Y).predict_proba(X),
        "there is no 'predict_proba' here",
    ),
    (
        "other columns than in fit, LinearSVC",
        lambda p: svm.LinearSVC().fit(X, Y).predict(X[:, :2]),
        "x must be (N, 3), as in fit, got (30, 2)",
    ),
    (
        "weights of 0 for a class of LinearSVC",
        lambda p: svm.LinearSVC().fit(X, Y, sample_weight=Y),
        "each class must have a row of weight above 0, got none for class 0",
    ),
    (
        "a precomputed kernel that is not square, logistic regression",
        lambda p: svm.KernelLogisticRegression("precomputed").fit(K[:, :20], Y),
        "a precomputed kernel must be (N, N) in fit, got (30, 20)",
    ),
    (
        "fewer rows of a class than folds",
        lambda p: svm.Calibrated(svm.LinearSVC(), folds=3).fit(X, np.arange(30) < 2),
        "each class must have 3 rows or more, one for each fold, got 2 of class True",
    ),
    (
        "predict_proba before fit, Calibrated",
        lambda p: svm.Calibrated(svm.LinearSVC()).predict_proba(X),
        "curves is there after fit",
    ),
]


def ask(make: Callable[..., Any]) -> Any:
    return make().fit(X, Y).predict(changed(INF))
