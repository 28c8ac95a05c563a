"""Scores of ranked predictions: one label against the rest, at every border between scores.

A border takes a row for the class where its score is the border or above. These are part of
`pel.metrics`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.arguments import real
from pellucid.core.errors import DataError, ShapeError
from pellucid.data.arrays import as_targets

Array = np.ndarray[Any, Any]


def _counts(where: str, y_true: Any, scores: Any) -> tuple[Array, Array, Array, int, int]:
    """At each border, from high to low: it, hits, false alarms; rows of the class, and others."""
    truth, shown = (
        as_targets(one, where, name) for one, name in ((y_true, "y_true"), (scores, "scores"))
    )
    truth, shown = (one[:, 0] if one.shape[1:] == (1,) else one for one in (truth, shown))
    if truth.ndim != 1 or truth.shape != shown.shape:
        raise ShapeError(
            where,
            f"y_true and scores must be (N,), got {truth.shape} and {shown.shape}",
            "Give the scores of one class: scores[:, 1].",
        )
    known = np.unique(truth)
    if len(known) != 2:
        raise DataError(
            where,
            f"y_true must hold two labels, got {', '.join(map(str, known[:3]))}",
            "Both must occur among the rows.",
        )
    positive = truth == known[1]
    order = np.argsort(-shown, kind="stable")
    sorted_, own = shown[order], positive[order]
    last = np.append(np.flatnonzero(sorted_[1:] != sorted_[:-1]), len(sorted_) - 1)
    hits = np.cumsum(own)[last].astype(np.float64)
    alarms = last + 1 - hits
    return sorted_[last], hits, alarms, int(positive.sum()), int((~positive).sum())


def roc_curve(y_true: Any, scores: Any) -> tuple[Array, Array, Array]:
    """(false positive rate, true positive rate, border) from high borders to low ones.

    Args:
        y_true: (N,) of two labels, the higher of which is the class.
        scores: (N,); the first border is ∞, which no row reaches.

    Raises:
        DataError: where one of the two labels does not occur.
    """
    borders, hits, alarms, rows, others = _counts("roc_curve", y_true, scores)
    return (
        np.append(0.0, alarms / others),
        np.append(0.0, hits / rows),
        np.append(np.inf, borders),
    )


def precision_recall_curve(y_true: Any, scores: Any) -> tuple[Array, Array, Array]:
    """(precision, recall, border) from high borders to low ones.

    Args:
        y_true: (N,) of two labels, the higher of which is the class.
        scores: (N,); the first border is ∞: recall 0, precision 1 by convention.

    Raises:
        DataError: where one of the two labels does not occur.
    """
    borders, hits, alarms, rows, _ = _counts("precision_recall_curve", y_true, scores)
    return (
        np.append(1.0, hits / (hits + alarms)),
        np.append(0.0, hits / rows),
        np.append(np.inf, borders),
    )


def average_precision(y_true: Any, scores: Any) -> float:
    """Σ (Rᵢ - Rᵢ₋₁)·Pᵢ over the borders: the area below the steps of precision over recall.

    Args:
        y_true: (N,) of two labels, the higher of which is the class; or (N, H) of them.
        scores: like y_true; of several columns the value is the mean.

    Raises:
        DataError: where one of the two labels does not occur.
    """
    where = "average_precision"
    truth, shown = as_targets(y_true, where, "y_true"), as_targets(scores, where, "scores")
    if truth.shape != shown.shape and (truth.size, shown.size) != (len(truth), len(truth)):
        raise ShapeError(
            where,
            f"y_true and scores must have the same shape, got {truth.shape} and {shown.shape}",
        )
    columns = zip(truth.reshape(len(truth), -1).T, shown.reshape(len(truth), -1).T, strict=True)
    values = []
    for own, score in columns:
        _, hits, alarms, rows, _ = _counts(where, own, score)
        values.append(np.sum(np.diff(hits, prepend=0.0) / rows * hits / (hits + alarms)))
    return float(np.mean(values))


def _best(reached: Array, asked: float, value: Array) -> float:
    """The largest value at a border where enough of the other is reached; 0 where none is."""
    return float(np.max(np.where(reached >= asked, value, 0.0), initial=0.0))


def sensitivity_at_specificity(y_true: Any, scores: Any, specificity: float) -> float:
    """The largest true positive rate of a border whose true negative rate is `specificity` or more.

    Args:
        y_true: (N,) of two labels, the higher of which is the class.
        scores: (N,).
        specificity: in [0, 1].
    """
    asked = real("sensitivity_at_specificity", "specificity", specificity, 0, 1)
    false, true, _ = roc_curve(y_true, scores)
    return _best(1 - false, asked, true)


def specificity_at_sensitivity(y_true: Any, scores: Any, sensitivity: float) -> float:
    """The largest true negative rate of a border whose true positive rate is `sensitivity` or more.

    Args:
        y_true: (N,) of two labels, the higher of which is the class.
        scores: (N,).
        sensitivity: in [0, 1].
    """
    asked = real("specificity_at_sensitivity", "sensitivity", sensitivity, 0, 1)
    false, true, _ = roc_curve(y_true, scores)
    return _best(true, asked, 1 - false)


def precision_at_recall(y_true: Any, scores: Any, recall: float) -> float:
    """The largest precision of a border whose recall is `recall` or more.

    Args:
        y_true: (N,) of two labels, the higher of which is the class.
        scores: (N,).
        recall: in [0, 1].
    """
    asked = real("precision_at_recall", "recall", recall, 0, 1)
    precisions, recalls, _ = precision_recall_curve(y_true, scores)
    return _best(recalls, asked, precisions)


def recall_at_precision(y_true: Any, scores: Any, precision: float) -> float:
    """The largest recall of a border whose precision is `precision` or more.

    Args:
        y_true: (N,) of two labels, the higher of which is the class.
        scores: (N,).
        precision: in [0, 1].
    """
    asked = real("recall_at_precision", "precision", precision, 0, 1)
    precisions, recalls, _ = precision_recall_curve(y_true, scores)
    return _best(precisions, asked, recalls)
