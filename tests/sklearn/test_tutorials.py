"""Five kinds of tutorials on support vector machines that people start from, on these classes.

Each is worked in our own words on data of scikit-learn, and its numbers are held against those of
scikit-learn's classes.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn import svm
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.feature_selection import SelectPercentile, f_classif
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pellucid import sklearn as estimators

BOTH = (estimators, svm)


@pytest.mark.parametrize("jobs", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_which_c_and_gamma_suit_an_rbf_kernel(jobs):
    """A grid of C and γ on scaled data: the scores of each pair and the best one."""
    x, y = load_breast_cancer(return_X_y=True)
    x = StandardScaler().fit_transform(x[::2])
    grid = {"C": [0.1, 1.0, 100.0], "gamma": [1e-3, 0.03, 1.0]}
    splits = StratifiedShuffleSplit(3, test_size=0.2, random_state=42)
    ours, theirs = (
        GridSearchCV(room.SVC(), grid, cv=splits, n_jobs=jobs).fit(x, y[::2]) for room in BOTH
    )
    held = 57
    scores = ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    np.testing.assert_allclose(*scores, atol=0.34 / held)  # a row on the border, in one split
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_score_ > 0.94


def test_rows_that_count_more_move_the_border():
    """Twenty points; five outliers with a weight of 5 to 25 pull the border to their side."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(10, 2)) + 1, rng.normal(size=(10, 2))])
    y = np.repeat([1, -1], 10)
    weights = np.ones(20)
    weights[15:] *= 5
    weights[9] *= 15
    axis = np.linspace(-4, 5, 25)
    plane = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    surfaces = [
        room.SVC(gamma=1.0, tol=1e-7).fit(x, y, sample_weight=w).decision_function(plane)
        for w in (None, weights)
        for room in BOTH
    ]
    np.testing.assert_allclose(surfaces[0], surfaces[1], atol=1e-5)
    np.testing.assert_allclose(surfaces[2], surfaces[3], atol=1e-5)
    assert abs(surfaces[0] - surfaces[2]).max() > 0.5


def test_a_kernel_of_ones_own():
    """k(a, b) = aᵀMb as a Python function of two blocks of rows."""
    x, y = load_iris(return_X_y=True)
    x = x[:, :2]
    measure = np.array([[2.0, 0.0], [0.0, 1.0]])

    def kernel(a, b):
        return a @ measure @ b.T

    ours, theirs = (room.SVC(kernel=kernel, tol=1e-7).fit(x, y) for room in BOTH)
    named = estimators.SVC(kernel="linear", tol=1e-7).fit(x * np.sqrt([2.0, 1.0]), y)
    np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))
    found = ours.decision_function(x)
    np.testing.assert_allclose(found, theirs.decision_function(x), atol=1e-4)
    np.testing.assert_allclose(found, named.decision_function(x * np.sqrt([2, 1])), atol=1e-4)


def test_choosing_columns_before_the_machine():
    """36 columns of noise beside iris: the best share of columns by an analysis of variance."""
    x, y = load_iris(return_X_y=True)
    x = np.hstack([x, 2 * np.random.default_rng(0).random((len(x), 36))])
    scores = []
    for room in BOTH:
        line = make_pipeline(SelectPercentile(f_classif), StandardScaler(), room.SVC(gamma="auto"))
        scores.append([])
        for percentile in (3, 10, 30, 100):
            line.set_params(selectpercentile__percentile=percentile)
            scores[-1].append(cross_val_score(line, x, y).mean())
    np.testing.assert_allclose(*scores, atol=1.5 / len(x))
    assert np.argmax(scores[0]) == 1  # four columns of forty


@pytest.mark.parametrize(
    "options",
    [
        {"kernel": "rbf", "C": 100, "gamma": 0.1, "epsilon": 0.1},
        {"kernel": "linear", "C": 100, "gamma": "auto"},
        {"kernel": "poly", "C": 1, "gamma": 0.1, "degree": 3, "epsilon": 0.1, "coef0": 1},
    ],
    ids=lambda options: options["kernel"],
)
def test_a_curve_by_three_kernels(options):
    """Forty points of a sine, every fifth with noise, by RBF, linear and polynomial kernels."""
    rng = np.random.default_rng(0)
    x = np.sort(5 * rng.random((40, 1)), axis=0)
    y = np.sin(x).ravel()
    y[::5] += 3 * (0.5 - rng.random(8))
    ours, theirs = (room.SVR(**options, tol=1e-6).fit(x, y) for room in BOTH)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=2e-4)
    assert (ours.score(x, y) > 0.5) == (options["kernel"] != "linear")


@pytest.mark.slow
def test_the_page_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    ages = draw.integers(18, 80, 200)
    left = np.where(ages + 10 * draw.normal(size=200) > 50, "yes", "no")
    rows = zip(ages, draw.choice(["a", "b"], 200), left, strict=True)
    lines = ["age,plan,churned", *(f"{age},{plan},{word}" for age, plan, word in rows)]
    Path("sales.csv").write_text("\n".join(lines))
    page = Path(__file__).resolve().parents[2] / "docs" / "scikit-learn.md"
    parts = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    assert len(parts) == 3
    warnings.simplefilter("ignore", UserWarning)  # what there is to know of the table
    for code in parts:
        exec(compile(code, str(page), "exec"), {})
    said = capsys.readouterr().out
    assert re.search(r"\n0 against 1: 569 rows\n", said)
    scores = re.findall(r"\} (0\.\d+)\n", said)
    assert len(scores) == 2 and float(scores[0]) > 0.96 and float(scores[1]) > 0.93
    assert Path("sales.html").stat().st_size > 1000
