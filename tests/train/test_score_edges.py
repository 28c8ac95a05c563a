"""Scores of arrays at their edges, each value by hand."""

import numpy as np
import pytest

from pellucid import metrics
from pellucid.core.errors import ArgumentError, DataError, ShapeError


@pytest.mark.parametrize(
    ("labels", "words", "fix"),
    [
        ([1, 2, 3], "classes 0 … 2, got 3 in row 2", "Classes count from 0: pass y_true - 1."),
        ([1, 1, 3], "got 3 in row 2", "Classes count from 0: pass y_true - 1."),
        ([2, 2, 3], "got 3 in row 2", ""),  # no class 1: they may count from anywhere
        ([0, 1, 3], "got 3 in row 2", ""),
        ([1, 2, 4], "got 4 in row 2", ""),
        ([-1, 1, 2], "got -1 in row 0", ""),
        ([0, 0.5, 1], "got 0.5 in row 1", ""),
    ],
)
def test_labels_that_do_not_fit_the_scores(labels, words, fix):
    for score in (metrics.top_k_error, metrics.roc_auc):
        arguments = (1,) if score is metrics.top_k_error else ()
        with pytest.raises(DataError, match=words) as caught:
            score(labels, np.zeros((3, 3)), *arguments)
        assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("labels", "scores"), [([0, 1], [0.5, 0.5]), ([0, 1, 1], [[0.5, 0.5]] * 2), ([[0]], [[1.0]])]
)
def test_scores_are_one_for_each_class(labels, scores):
    with pytest.raises(ShapeError, match=r"y_true must be \(N,\) and scores \(N, C\), got"):
        metrics.top_k_error(labels, scores, 1)


def test_top_k_of_each_k_and_among_ties():
    labels, scores = [0, 1, 2, 2], np.array([[3, 2, 1], [3, 2, 1], [3, 2, 1], [1, 1, 1]])
    assert [metrics.top_k_error(labels, scores, k) for k in (1, 2, 3)] == [0.75, 0.5, 0]
    for wrong in (0, 4, 1.0):
        with pytest.raises(ArgumentError, match="k must be"):
            metrics.top_k_error(labels, scores, wrong)


def test_predictions_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"got \(2,\) and \(3,\)") as caught:
        metrics.accuracy([0, 1], [0, 1, 1])
    assert caught.value.fix == ""
    with pytest.raises(ShapeError, match="argmax"):
        metrics.accuracy([0, 1], np.zeros((2, 3)))
    with pytest.raises(DataError, match=r"y_pred must hold labels, got 0\.5.*p > 0\.5"):
        metrics.accuracy([0, 1], [1, 0.5])
    with pytest.raises(DataError, match=r"y_true must hold labels, got 0\.25"):
        metrics.f1([0, 0.25], [1, 0])
    assert metrics.accuracy([[0], [1]], [0, 0]) == 0.5
    assert metrics.accuracy([[0, 1], [1, 1]], [[0, 1], [1, 0]]) == 0.5  # all labels of a row
    assert metrics.error([0, 1, 1, 1], [0, 0, 1, 1]) == 0.25


def test_the_size_of_a_confusion_matrix():
    assert metrics.confusion_matrix([0, 2], [1, 2]).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert metrics.confusion_matrix([0, 0], [0, 1], classes=2).tolist() == [[1, 1], [0, 0]]
    assert metrics.confusion_matrix([0.0], [0]).dtype == np.int64
    assert metrics.confusion_matrix([[0], [1]], [1, 1]).tolist() == [[0, 1], [0, 1]]
    assert metrics.confusion_matrix([0, 0], [0, 0], classes=1).tolist() == [[2]]
    for wrong in (0, 1.0, True):
        with pytest.raises(ArgumentError, match="classes must be"):
            metrics.confusion_matrix([0, 0], [0, 0], classes=wrong)
    with pytest.raises(ArgumentError, match="classes must be 3 or more, got 2"):
        metrics.confusion_matrix([0, 2], [1, 2], classes=2)
    with pytest.raises(DataError, match="labels must be below 50,000, got 50000"):
        metrics.confusion_matrix([50_000], [0])
    for wrong in ([-1], [0.5], [[0, 1]]):
        with pytest.raises(DataError, match="whole numbers from 0"):
            metrics.confusion_matrix(wrong, wrong)


def test_f1_of_each_average_by_hand():
    y, p = [0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0]
    # of class 0: TP 1, FP 1, FN 1; of 1: TP 1, FP 1, FN 0; of 2: TP 2, FP 0, FN 1
    each = np.array([1 / 2, 2 / 3, 4 / 5])
    assert metrics.f1(y, p) == metrics.f1(y, p, "macro") == pytest.approx(each.mean())
    assert metrics.f1(y, p, "weighted") == pytest.approx(each @ [2, 1, 3] / 6)
    assert metrics.f1(y, p, "micro") == pytest.approx(2 / 3)
    two, chosen = [0, 1, 1, 0], [0, 1, 0, 0]
    assert metrics.f1(two, chosen) == pytest.approx(2 / 3)
    assert metrics.f1(two, chosen, "macro") == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert metrics.f1([1, 2], [1, 1]) == pytest.approx((2 / 3 + 0) / 2)  # two, but not 0 and 1
    assert metrics.f1([1, 1], [1, 1]) == 1
    assert metrics.f1([[1, 0], [1, 1]], [[1, 1], [0, 1]]) == pytest.approx(2 / 3)
    assert metrics.f1([[0, 1], [0, 1]], [[0, 1], [0, 1]]) == 0.5  # nothing of the first
    assert metrics.f1([[0, 0], [0, 0]], [[0, 0], [0, 0]], "weighted") == 0
    for wrong in ([[0, 2], [1, 1]], [[0, -1], [1, 1]]):
        for pair in ((wrong, [[0, 1]] * 2), ([[0, 1]] * 2, wrong)):
            with pytest.raises(DataError, match="must be 0 or 1"):
                metrics.f1(*pair)


def test_roc_auc_by_counting_pairs():
    rng = np.random.default_rng(1)
    y, s = rng.integers(0, 2, 30), rng.integers(0, 6, 30)
    high, low = s[y == 1], s[y == 0]
    pairs = (high[:, None] > low).mean() + (high[:, None] == low).mean() / 2
    assert metrics.roc_auc(y, s) == pytest.approx(pairs, rel=1e-12)
    assert metrics.roc_auc(2 * y - 1, s) == pytest.approx(pairs, rel=1e-12)
    assert metrics.roc_auc(y[:, None], s) == pytest.approx(pairs, rel=1e-12)
    both = metrics.roc_auc(np.stack([y, 1 - y], 1), np.stack([s, s], 1))
    assert both == pytest.approx(0.5)
    with pytest.raises(DataError, match="y_true must hold two labels, got 0, 1, 2"):
        metrics.roc_auc([0, 1, 2, 3], [0.1, 0.2, 0.3, 0.4])


def test_r2_by_hand_and_where_it_is_not_defined():
    y, p = np.array([[1, 10], [2, 30], [3, 20]]), np.array([[1, 10], [2, 20], [4, 20]])
    assert metrics.r2(y, p) == pytest.approx((1 - 1 / 2 + 1 - 100 / 200) / 2)
    with pytest.raises(DataError, match="one value for all rows in column 1"):
        metrics.r2([[1, 5], [2, 5]], [[1, 5], [2, 5]])
    with pytest.raises(DataError, match=r"got one value for all rows\. "):
        metrics.r2([[5], [5]], [[5], [5]])
