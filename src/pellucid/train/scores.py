"""How good predictions are, as functions of arrays: what a person knows from scikit-learn.

Labels are (N,), or (N, H) of 0 and 1 for H independent questions. These are `pel.metrics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import choice, integer, real
from pellucid.core.errors import ArgumentError, DataError, ShapeError
from pellucid.core.names import unknown_names
from pellucid.data.arrays import as_targets
from pellucid.train.ranking import (
    average_precision,
    precision_at_recall,
    precision_recall_curve,
    recall_at_precision,
    roc_curve,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)

Array = np.ndarray[Any, Any]


# What other libraries call them.
ELSEWHERE = {
    "accuracy_score": "accuracy",
    "zero_one_loss": "error",
    "f1_score": "f1",
    "r2_score": "r2",
    "roc_auc_score": "roc_auc",
    "auc": "roc_auc",
    "confusion": "confusion_matrix",
    "top_k_accuracy_score": "Write 1 - pel.metrics.top_k_error(y_true, scores, k).",
    "mean_squared_error": "Write np.mean((y_true - y_pred) ** 2).",
    "squared_error": "Write np.mean((y_true - y_pred) ** 2).",
    "mean_absolute_error": "Write np.mean(np.abs(y_true - y_pred)).",
    "precision_score": "precision",
    "recall_score": "recall",
    "fbeta_score": "f_beta",
    "average_precision_score": "average_precision",
    "jaccard_score": "mean_iou",
    "pearsonr": "pearson",
    "log_loss": "model.evaluate(x, y) gives the loss.",
}

__all__ = [
    "accuracy",
    "average_precision",
    "concordance",
    "confusion_matrix",
    "error",
    "f1",
    "f_beta",
    "mean_iou",
    "pearson",
    "precision",
    "precision_at_recall",
    "precision_recall_curve",
    "r2",
    "recall",
    "recall_at_precision",
    "roc_auc",
    "roc_curve",
    "sensitivity_at_specificity",
    "specificity_at_sensitivity",
    "top_k_error",
]


_MOST = 50_000  # classes of a confusion matrix, which has a number for each two of them


def _pair(where: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    """Both as arrays of the same shape; (N, 1) is (N,)."""
    first, second = as_targets(y_true, where, "y_true"), as_targets(y_pred, where, "y_pred")
    first, second = (a[:, 0] if a.shape[1:] == (1,) else a for a in (first, second))
    if first.shape != second.shape:
        raise ShapeError(
            where,
            f"y_true and y_pred must have the same shape, got {shapes.text(first.shape)} and "
            f"{shapes.text(second.shape)}",
            "Give the chosen classes: model.predict(x).argmax(axis=1)."
            if second.ndim == 2 and first.ndim == 1
            else "",
        )
    return first, second


def _labels(where: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    """The same, of labels: a score or a probability is none."""
    both = _pair(where, y_true, y_pred)
    for name, array in zip(("y_true", "y_pred"), both, strict=True):
        bad = array != np.floor(array)
        if bad.any():
            raise DataError(
                where,
                f"{name} must hold labels, got {array[bad][0].item()!r}",
                "Give the chosen classes: p > 0.5, or model.predict(x).argmax(axis=1).",
            )
    return both


def accuracy(y_true: Any, y_pred: Any) -> float:
    """The share of rows whose labels are all right."""
    right = np.equal(*_labels("accuracy", y_true, y_pred))
    return float(right.reshape(len(right), -1).all(axis=1).mean())


def error(y_true: Any, y_pred: Any) -> float:
    """The misclassification rate: 1 - accuracy."""
    return 1 - accuracy(y_true, y_pred)


def top_k_error(y_true: Any, scores: Any, k: int = 5) -> float:
    """The share of rows whose class is not among the k highest scores.

    Args:
        y_true: (N,) classes 0 … C-1.
        scores: (N, C). Among equal scores the lower class comes first, as in argmax.
        k: in [1, C].
    """
    labels, table = _scored("top_k_error", y_true, scores)
    integer("top_k_error", "k", k, 1, table.shape[1])
    own = np.take_along_axis(table, labels[:, None], 1)
    classes = np.arange(table.shape[1])
    before = (table > own) | ((table == own) & (classes < labels[:, None]))
    return float((before.sum(axis=1) >= k).mean())


def _scored(where: str, y_true: Any, scores: Any) -> tuple[Array, Array]:
    """Classes (N,) and their scores (N, C)."""
    labels, table = as_targets(y_true, where, "y_true"), as_targets(scores, where, "scores")
    if table.ndim != 2 or labels.shape != table.shape[:1]:
        raise ShapeError(
            where,
            f"y_true must be (N,) and scores (N, C), got {shapes.text(labels.shape)} and "
            f"{shapes.text(table.shape)}",
        )
    bad = (labels != np.floor(labels)) | (labels < 0) | (labels >= table.shape[1])
    if bad.any():
        row = int(np.argmax(bad))
        from_one = labels.min() == 1 and labels.max() == table.shape[1]
        raise DataError(
            where,
            f"y_true must hold classes 0 … {table.shape[1] - 1}, got {labels[row].item()!r} in "
            f"row {row}",
            "Classes count from 0: pass y_true - 1." if from_one else "",
        )
    return labels.astype(np.int64), table


def confusion_matrix(y_true: Any, y_pred: Any, classes: int | None = None) -> Array:
    """(C, C) counts: row t, column p holds the rows of class t that were taken for class p.

    Args:
        y_true, y_pred: (N,) whole numbers from 0.
        classes: C; None: one more than the highest label.
    """
    where = "confusion_matrix"
    labels, chosen = _pair(where, y_true, y_pred)
    both = np.concatenate([labels, chosen])
    if both.ndim != 1 or (both != np.floor(both)).any() or (both < 0).any():
        raise DataError(where, "labels must be whole numbers from 0, (N,)")
    if both.max() >= _MOST:
        raise DataError(where, f"labels must be below {_MOST:,}, got {both.max().item()!r}")
    count = int(both.max()) + 1
    if classes is not None and integer(where, "classes", classes, 1, _MOST) < count:
        raise ArgumentError(where, f"classes must be {count} or more, got {classes}")
    table = np.zeros((classes or count,) * 2, np.int64)
    np.add.at(table, (labels.astype(np.int64), chosen.astype(np.int64)), 1)
    return table


def _per_class(
    where: str, y_true: Any, y_pred: Any, average: str | None
) -> tuple[Array, Array, Array]:
    """Of each class hits, false alarms and misses; with "micro" those of all together."""
    labels, chosen = _labels(where, y_true, y_pred)
    if average is not None:
        choice(where, "average", average, ("macro", "weighted", "micro"))
    if labels.ndim == 1:
        known = np.unique(np.concatenate([labels, chosen]))
        if average is None and len(known) <= 2 and known.max() <= 1:
            known = np.array([1], known.dtype)
        labels, chosen = labels[:, None] == known, chosen[:, None] == known
    elif max(labels.max(), chosen.max()) > 1 or min(labels.min(), chosen.min()) < 0:
        raise DataError(where, "labels of several columns must be 0 or 1, got others")
    truth, taken = labels != 0, chosen != 0
    found = (truth & taken).sum(axis=0), (~truth & taken).sum(axis=0), (truth & ~taken).sum(axis=0)
    if average == "micro":
        hits, alarms, misses = (one.sum(keepdims=True) for one in found)
        return hits, alarms, misses
    return found


def _averaged(values: Array, rows: Array, average: str | None) -> float:
    """One value of those of the classes."""
    if average == "weighted":
        return float(values @ rows / max(rows.sum(), 1))
    return float(values.mean())


def f_beta(y_true: Any, y_pred: Any, beta: float = 1.0, average: str | None = None) -> float:
    """(1 + β²)·TP / ((1 + β²)·TP + β²·FN + FP): recall counts β times as much as precision.

    Args:
        y_true, y_pred, average: as of f1, which has β = 1.
        beta: β > 0, 1e100 at most.
    """
    weight = real("f_beta", "beta", beta, 0, 1e100, open_low=True) ** 2
    return _f("f_beta", y_true, y_pred, weight, average)


def _f(where: str, y_true: Any, y_pred: Any, weight: float, average: str | None) -> float:
    hits, alarms, misses = _per_class(where, y_true, y_pred, average)
    both = (1 + weight) * hits
    whole = both + weight * misses + alarms
    values = np.where(whole > 0, both / np.where(whole > 0, whole, 1), 0.0)
    return _averaged(values, hits + misses, average)


def f1(y_true: Any, y_pred: Any, average: str | None = None) -> float:
    """2·TP / (2·TP + FP + FN), the harmonic mean of precision and recall; 0 where all three are 0.

    Args:
        y_true, y_pred: (N,) labels, or (N, H) of 0 and 1.
        average: how the values of several classes become one: "macro", their mean; "weighted", by
            rows of a class; "micro", from the counts of all. None: of two classes the F1 of the
            higher one (1 of 0 and 1, or of -1 and 1), of more "macro".
    """
    return _f("f1", y_true, y_pred, 1.0, average)


def precision(y_true: Any, y_pred: Any, average: str | None = None) -> float:
    """TP / (TP + FP): how many of those that were taken for the class are of it; 0 where none was.

    Args:
        y_true, y_pred, average: as of f1.
    """
    hits, alarms, misses = _per_class("precision", y_true, y_pred, average)
    return _averaged(hits / np.maximum(hits + alarms, 1), hits + misses, average)


def recall(y_true: Any, y_pred: Any, average: str | None = None) -> float:
    """TP / (TP + FN): how many of the class were found; 0 where there are none.

    Args:
        y_true, y_pred, average: as of f1.
    """
    hits, _, misses = _per_class("recall", y_true, y_pred, average)
    return _averaged(hits / np.maximum(hits + misses, 1), hits + misses, average)


def mean_iou(y_true: Any, y_pred: Any, classes: int | None = None) -> float:
    """The mean over classes of TP / (TP + FP + FN), those that neither has left out.

    Args:
        y_true, y_pred: whole numbers from 0, (N, …) of one shape: a class for each position.
        classes: C; None: one more than the highest label.
    """
    labels, chosen = _pair("mean_iou", y_true, y_pred)
    table = confusion_matrix(labels.ravel(), chosen.ravel(), classes)
    hits = np.diagonal(table)
    whole = table.sum(axis=0) + table.sum(axis=1) - hits
    return float((hits[whole > 0] / whole[whole > 0]).mean())


def roc_auc(y_true: Any, scores: Any) -> float:
    """The chance that a row of the class scores higher than one that is not; ties count half.

    Args:
        y_true: (N,) or (N, H) of two labels, the higher of which is the class; or (N,) classes.
        scores: like y_true; for classes (N, C), and the value is the mean of one class against the
            rest.

    Raises:
        DataError: where one of the two does not occur.
    """
    where = "roc_auc"
    labels = as_targets(y_true, where, "y_true")
    table = as_targets(scores, where, "scores")
    if table.ndim == 2 and table.shape[1] > 1 and labels.ndim == 1:
        labels, table = _scored(where, labels, table)
        labels = labels[:, None] == np.arange(table.shape[1])
    labels, table = _pair(where, labels, table)
    labels, table = labels.reshape(len(labels), -1), table.reshape(len(table), -1)
    values = []
    for truth, score in zip(labels.T, table.T, strict=True):
        known = np.unique(truth)
        if len(known) != 2:
            raise DataError(
                where,
                f"y_true must hold two labels, got {', '.join(map(str, known[:3]))}",
                "Both must occur among the rows.",
            )
        positive = truth == known[1]
        # The rank of a score, ties sharing the mean of theirs: Mann and Whitney's U.
        _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
        ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
        high, low = int(positive.sum()), int((~positive).sum())
        values.append((ranks[positive].sum() - high * (high + 1) / 2) / (high * low))
    return float(np.mean(values))


def r2(y_true: Any, y_pred: Any) -> float:
    """1 - Σ(y - ŷ)² / Σ(y - ȳ)², the mean over the outputs; 0 predicts no better than the mean.

    A constant has none: scikit-learn gives 0 or 1 for it.

    Raises:
        DataError: where an output of y_true is constant.
    """
    target, output = (a.astype(np.float64) for a in _pair("r2", y_true, y_pred))
    target, output = target.reshape(len(target), -1), output.reshape(len(output), -1)
    constant = (target == target[0]).all(axis=0)  # rounding makes a mean that is another number
    if constant.any():
        which = f" in column {int(np.argmax(constant))}" if len(constant) > 1 else ""
        raise DataError(
            "r2",
            f"y_true must vary, got one value for all rows{which}",
            "Use squared_error as a metric of fit, or np.mean((y_true - y_pred) ** 2): R² compares "
            "with the spread of the targets.",
        )
    apart = target - target.mean(axis=0)
    largest = abs(apart).max(axis=0)  # so that no square overflows
    spread = np.square(apart / largest).sum(axis=0)
    return float(np.mean(1 - np.square((target - output) / largest).sum(axis=0) / spread))


def _moments(where: str, y_true: Any, y_pred: Any) -> tuple[Array, Array, Array, Array, Array]:
    """Of each output the means of both, their variances, and their covariance."""
    target, output = (a.astype(np.float64) for a in _pair(where, y_true, y_pred))
    target, output = target.reshape(len(target), -1), output.reshape(len(output), -1)
    means = target.mean(axis=0), output.mean(axis=0)
    one, other = target - means[0], output - means[1]
    return *means, (one**2).mean(axis=0), (other**2).mean(axis=0), (one * other).mean(axis=0)


def pearson(y_true: Any, y_pred: Any) -> float:
    """cov(y, ŷ)/√(var y · var ŷ), the mean over the outputs; 0 where one of the two is constant."""
    _, _, first, second, both = _moments("pearson", y_true, y_pred)
    spread = np.sqrt(first * second)
    return float(np.mean(np.where(spread > 0, both / np.where(spread > 0, spread, 1), 0.0)))


def concordance(y_true: Any, y_pred: Any) -> float:
    """2·cov(y, ŷ)/(var y + var ŷ + (ȳ - mean ŷ)²), the mean over the outputs.

    1 for equal numbers alone, where pearson is 1 for any rising line.

    Source: Lin, Biometrics 45 (1989), 255-268.
    """
    mean, other, first, second, both = _moments("concordance", y_true, y_pred)
    whole = first + second + (mean - other) ** 2
    return float(np.mean(np.where(whole > 0, 2 * both / np.where(whole > 0, whole, 1), 1.0)))


if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.metrics", __all__, ELSEWHERE)
