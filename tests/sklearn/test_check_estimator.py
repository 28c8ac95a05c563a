"""scikit-learn's own check of an estimator, all of it, with no failure expected."""

from __future__ import annotations

import warnings

import pytest
from sklearn.utils.estimator_checks import check_estimator

import pellucid.sklearn as estimators

LONG = (
    "KernelLogisticRegression",
    "MLPClassifier",
    "MLPRegressor",
    "Perceptron",
    "SoftmaxRegression",
    "TableClassifier",
    "TableRegressor",
)
CLASSES = [
    pytest.param(name, marks=pytest.mark.slow if name in LONG else [])
    for name in sorted(set(estimators.__all__) - {"ParameterError"})
]
QUICK = {"quick": True}  # one network instead of five: what is checked is the same
ARGUMENTS = {"TableClassifier": QUICK, "TableRegressor": QUICK}
# These need a package or a setting that scikit-learn's checks ask for, and that tests go without.
# The last is a check of a method that neither scikit-learn's own class has.
SKIPPED = (
    "pandas is not installed",
    "SCIPY_ARRAY_API is not set",
    "MLPClassifier does not have a decision_function method",
)


@pytest.mark.parametrize("name", CLASSES)
def test_check_estimator_passes_in_full(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of runs that are cut short on purpose
        estimator = getattr(estimators, name)(**ARGUMENTS.get(name, {}))
        found = check_estimator(estimator, on_skip=None, on_fail=None)
    assert len(found) >= 50
    failed = {
        one["check_name"]: one["exception"]
        for one in found
        if one["status"] != "passed" and not str(one["exception"]).startswith(SKIPPED)
    }
    assert not failed
