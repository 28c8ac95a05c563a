"""Advice followed: linear machines, calibration and the primal. See advice_cases.py."""

from __future__ import annotations

import numpy as np

from pellucid import svm
from tests.advice_cases import Followed
from tests.advice_cases_svm import FEW, X, Y

XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
WIDE = np.random.default_rng(0).normal(size=(6, 2000))
LONG = np.random.default_rng(1).normal(size=(2100, 2))
SIX = np.arange(6) % 2
THREE = np.arange(30) % 3

FOLLOWED = [
    Followed(
        'Write form="hinge", which has the same minimizer and no slacks.',
        lambda p: svm.soft_margin(LONG, np.arange(2100) % 2, form="slack"),
        lambda p: svm.soft_margin(LONG, np.arange(2100) % 2, form="hinge"),
    ),
    Followed(
        "Write SVC(…), with brackets.",
        lambda p: svm.Calibrated(svm.SVC),  # type: ignore[arg-type]
        lambda p: svm.Calibrated(svm.SVC()),
    ),
    Followed(
        "Use pel.svm.soft_margin, or a kernel: pel.svm.SVC.",
        lambda p: svm.hard_margin(*XOR),
        lambda p: [svm.soft_margin(*XOR), svm.SVC(C=100.0).fit(*XOR)],
    ),
    Followed(
        "Use pel.svm.SVC.",
        lambda p: svm.soft_margin(X, THREE),
        lambda p: svm.SVC().fit(X, THREE),
    ),
    Followed(
        "Use pel.svm.LinearSVC.",
        lambda p: svm.soft_margin(WIDE, SIX),
        lambda p: svm.LinearSVC().fit(WIDE, SIX),
    ),
    Followed(
        "Use SVC, NuSVC or LinearSVC.",
        lambda p: svm.Calibrated(3),  # type: ignore[arg-type]
        lambda p: svm.Calibrated(svm.LinearSVC()).fit(X, Y).predict_proba(X),
    ),
    Followed(
        "Give a smaller folds=.",
        lambda p: svm.Calibrated(svm.LinearSVC(), folds=6).fit(X, FEW),
        lambda p: svm.Calibrated(svm.LinearSVC(), folds=5).fit(X, FEW),
    ),
]

BY_NATURE = {
    "Give a larger tol, or scale the columns of x alike.": "no data are known that need it",
}
