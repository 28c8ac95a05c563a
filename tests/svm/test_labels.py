"""Labels of every kind: they name the problems of a certificate, and come back from `predict`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from tests.svm.data import blobs

NAMES = ["café", "tea", "water"]
KINDS: dict[str, Any] = {
    "numbers": np.array([3, -1, 7]),
    "floats": np.array([3.0, -1.0, 7.0]),
    "words": np.array(NAMES),
    "objects": np.array(NAMES, object),
    "integers as objects": np.array([3, -1, 7], object),
    "a list": NAMES,
}
MACHINES = {
    "SVC": lambda: pel.svm.SVC(),
    "SVC ovr": lambda: pel.svm.SVC(multi_class="ovr"),
    "NuSVC": lambda: pel.svm.NuSVC(nu=0.2),
    "LinearSVC": lambda: pel.svm.LinearSVC(),
    "KernelLogisticRegression": lambda: pel.svm.KernelLogisticRegression(),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("classes", [2, 3])
def test_labels_name_the_problems_and_come_back(name: str, kind: str, classes: int) -> None:
    x, numbers = blobs(60, classes=classes, apart=3)
    x = x.astype(np.float32)
    given: Any = [KINDS[kind][k] for k in numbers]
    if kind != "a list":
        given = np.array(given, KINDS[kind].dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of columns and of steps
        machine = MACHINES[name]().fit(x, given)
    told = machine.predict(x)
    assert set(told.tolist()) <= set(np.asarray(given).tolist())
    assert np.mean(np.asarray(told) == np.asarray(given)) > 0.9
    if name == "KernelLogisticRegression":  # one problem of all classes, which has no name
        return
    text = str(machine.certificate)
    for label in set(np.asarray(given).tolist()):
        assert repr(label) in text


@pytest.mark.parametrize("kind", ["words", "objects"])
def test_errors_and_notices_name_labels(kind: str) -> None:
    x, numbers = blobs(60, apart=3)
    numbers = (np.arange(60) < 3).astype(int)
    y = KINDS[kind][numbers]
    with pytest.raises(pel.DataError, match=r"'tea'"):
        pel.svm.NuSVC(nu=0.9).fit(x, y)
    with pytest.warns(UserWarning, match=r"nu=0.9 is lowered .* 'tea'"):
        pel.svm.NuSVC(nu=0.9, infeasible_nu="clip").fit(x, y)
    with pytest.raises(pel.DataError, match=r"got 3 of class 'tea'"):
        pel.svm.Calibrated(pel.svm.SVC(), folds=5).fit(x, y)
