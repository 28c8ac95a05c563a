"""What a model must beat: the most frequent class or the mean, and a linear model.

In: prepared arrays and targets of the rows that train. Out: predictions of the rows that are held
out, in the form of a network's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.tables.preparation import Arrays

Array = np.ndarray[Any, Any]
CONSTANT, LINEAR = "constant", "linear"
_RIDGE = 1e-3  # λ of (λ/2)·‖w‖² beside the mean loss, on columns of unit deviation
_LEVELS = 64  # of a category, the rest are one
_STEPS = 300


def constant(y: Array, rows: int, classes: int) -> Array:
    """The shares of the classes, or the mean, for each of `rows` rows."""
    if not classes:
        return np.full(rows, y.mean())
    shares = (np.bincount(y, minlength=classes) + 1e-3) / (len(y) + 1e-3 * classes)
    return np.tile(shares, (rows, 1))


def linear(x: Arrays, y: Array, held: Arrays, levels: tuple[int, ...], classes: int) -> Array:
    """Predictions of ridge regression, or of softmax regression with the same penalty."""
    train, test = (_features(one, levels) for one in (x, held))
    center, scale = train.mean(axis=0), train.std(axis=0)
    scale = np.where(scale > 1e-6, scale, 1.0)
    train, test = (train - center) / scale, (test - center) / scale
    if classes:
        weights, bias = _softmax(train, y, classes)
        scores = test @ weights + bias
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))
    gram = train.T @ train / len(y) + _RIDGE * np.eye(train.shape[1])
    slopes = np.linalg.solve(gram, train.T @ (y - y.mean()) / len(y))
    return np.asarray(test @ slopes + y.mean())


def _features(x: Arrays, levels: tuple[int, ...]) -> Array:
    """Scaled numbers, and a column for each of the first levels of a category."""
    parts = [x.scaled.astype(np.float64)]
    for column, count in zip(x.codes.T, levels, strict=True):
        parts.append((column[:, None] == np.arange(-1, min(count, _LEVELS))) * 1.0)
    return np.concatenate(parts, axis=1)


def _softmax(x: Array, y: Array, classes: int) -> tuple[Array, Array]:
    """Weights of least mean cross-entropy + (λ/2)·‖w‖², by Nesterov's accelerated descent.

    The rate is 1/L: the curvature of the cross-entropy is at most half the largest eigenvalue of
    the features' second moments.
    """
    wanted = np.eye(classes)[y]
    full = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    decay = np.full((full.shape[1], 1), _RIDGE)
    decay[-1] = 0.0
    rate = 1 / (np.linalg.eigvalsh(full.T @ full / len(x))[-1] / 2 + _RIDGE)
    weights = ahead = np.zeros((full.shape[1], classes))
    for step in range(_STEPS):
        scores = full @ ahead
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        new = ahead - rate * (full.T @ (scores - wanted) / len(x) + decay * ahead)
        ahead = new + step / (step + 3) * (new - weights)
        weights = new
    return weights[:-1], weights[-1]
