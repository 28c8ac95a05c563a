"""Words of other libraries, and where a thing is not: what is said, and that it works."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import svm
from pellucid.core.errors import ArgumentError, UnknownNameError
from tests.svm.data import blobs, waves

X, Y = blobs(60, 3, seed=4)
XR, YR = waves()


@pytest.mark.parametrize(
    ("make", "fix"),
    [
        (lambda: svm.SVC(nu=0.1), "Use NuSVC(nu=…)."),
        (lambda: svm.NuSVC(C=2.0), "Use SVC(C=…)."),
        (lambda: svm.SVC(probability=True), "Write Calibrated(machine).fit(x, y)"),
        (lambda: svm.LinearSVC(kernel="rbf"), "Use SVC(kernel=…)."),
        (lambda: svm.LinearSVC(random_state=3), "Here it is called 'seed'."),
    ],
)
def test_arguments_of_other_machines(make, fix):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert caught.value.fix.startswith(fix)


@pytest.mark.parametrize(
    ("machine", "name", "fix"),
    [
        (svm.SVC(), "score", "Write (machine.predict(x) == y).mean()"),
        (svm.SVR(), "score", "Write 1 - "),
        (svm.SVR(), "predict_proba", "It has no classes"),
        (svm.OneClassSVM(), "score", "Write (machine.predict(x) == 1).mean()"),
        (svm, "LinearSVR", "Use SVR(kernel='linear')."),
    ],
)
def test_what_is_not_there(machine, name, fix):
    with pytest.raises(UnknownNameError) as caught:
        getattr(machine, name)
    assert caught.value.fix.startswith(fix)


def test_coef_says_with_which_kernel_it_is_there():
    with pytest.raises(UnknownNameError, match="coef is there with kernel='linear' alone"):
        _ = svm.SVC().fit(X, Y).coef
    assert svm.SVC("linear").fit(X, Y).coef.shape == (1, 3)


def test_scores_as_advised():
    machine, y, x = svm.SVR().fit(XR, YR), YR, XR
    r2 = 1 - ((y - machine.predict(x)) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert 0.5 < r2 < 1
    assert np.isclose((svm.OneClassSVM(nu=0.2).fit(x).predict(x) == 1).mean(), 0.8, atol=0.1)
