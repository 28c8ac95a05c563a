"""Keras's formulas of losses and metrics, of targets and of what a model returns.

Each gives a number for every row, or for every place of it: the last axis is reduced as in Keras.
They serve metrics, direct calls, and losses of a person's own that call them; training takes the
losses of `pellucid.nn`, which are exact where these cut probabilities off at 1e-7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pellucid.numpy as pnp
from pellucid.ops import composite
from pellucid.ops.composite.base import as_float, asvalue
from pellucid.ops.value import Value, cast

_LEAST = 1e-7


def pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as floats of one dtype and one number of axes."""
    p = as_float(y_pred)
    t = asvalue(y_true)
    t = cast(t, p.type.dtype)
    if len(t.type.shape) == len(p.type.shape) - 1 and p.type.shape[-1] == 1:
        t = composite.expand_dims(t, -1)
    elif len(p.type.shape) == len(t.type.shape) - 1 and t.type.shape[-1] == 1:
        p = composite.expand_dims(p, -1)
    return t, p


def _mean(x: Any) -> Any:
    return pnp.mean(x, axis=-1)


def mean_squared_error(t: Any, p: Any) -> Any:
    return _mean(pnp.square(p - t))


def mean_absolute_error(t: Any, p: Any) -> Any:
    return _mean(abs(p - t))


def mean_absolute_percentage_error(t: Any, p: Any) -> Any:
    return _mean(abs((t - p) / pnp.maximum(abs(t), _LEAST))) * 100


def mean_squared_logarithmic_error(t: Any, p: Any) -> Any:
    first, second = (pnp.log(pnp.maximum(one, _LEAST) + 1) for one in (p, t))
    return _mean(pnp.square(first - second))


def huber(t: Any, p: Any, delta: float = 1.0) -> Any:
    far = abs(p - t)
    near = pnp.minimum(far, delta)
    return _mean(pnp.square(near) * 0.5 + (far - near) * delta)


def log_cosh(t: Any, p: Any) -> Any:
    far = p - t
    return _mean(far + pnp.softplus(far * -2) - 0.6931471805599453)


def signs(t: Any) -> Any:
    """Labels 0 and 1 as -1 and 1; others as they are."""
    other = pnp.max(pnp.astype((t != 0) & (t != 1), t.dtype))
    return pnp.where(other > 0, t, 2 * t - 1)


def hinge(t: Any, p: Any) -> Any:
    return _mean(pnp.relu(1 - signs(t) * p))


def squared_hinge(t: Any, p: Any) -> Any:
    return _mean(pnp.square(pnp.relu(1 - signs(t) * p)))


def categorical_hinge(t: Any, p: Any) -> Any:
    own = pnp.sum(t * p, axis=-1)
    rival = pnp.max((1 - t) * p, axis=-1)
    return pnp.relu(rival - own + 1)


def poisson(t: Any, p: Any) -> Any:
    return _mean(p - t * pnp.log(p + _LEAST))


def kl_divergence(t: Any, p: Any) -> Any:
    t, p = (pnp.clip(one, _LEAST, 1.0) for one in (t, p))
    return pnp.sum(t * pnp.log(t / p), axis=-1)


def cosine_similarity(t: Any, p: Any, axis: int = -1) -> Any:
    def unit(x: Any) -> Any:
        return x / pnp.sqrt(pnp.maximum(pnp.sum(pnp.square(x), axis=axis, keepdims=True), 1e-24))

    return pnp.sum(unit(t) * unit(p), axis=axis)


def binary_crossentropy(
    t: Any, p: Any, from_logits: bool = False, label_smoothing: float = 0.0
) -> Any:
    if label_smoothing:
        t = t * (1 - label_smoothing) + label_smoothing / 2
    if from_logits:
        return _mean(t * pnp.softplus(-p) + (1 - t) * pnp.softplus(p))
    p = pnp.clip(p, _LEAST, 1 - _LEAST)
    return -_mean(t * pnp.log(p) + (1 - t) * pnp.log(1 - p))


def categorical_crossentropy(
    t: Any, p: Any, from_logits: bool = False, label_smoothing: float = 0.0
) -> Any:
    if label_smoothing:
        t = t * (1 - label_smoothing) + label_smoothing / p.shape[-1]
    if from_logits:
        return -pnp.sum(t * pnp.log_softmax(p, axis=-1), axis=-1)
    p = pnp.clip(p / pnp.sum(p, axis=-1, keepdims=True), _LEAST, 1 - _LEAST)
    return -pnp.sum(t * pnp.log(p), axis=-1)


def _labels(t: Any, p: Any) -> Any:
    """Classes as whole numbers, without an axis of one."""
    t = asvalue(t)
    if len(t.type.shape) == len(p.shape) and t.type.shape[-1] == 1:
        t = composite.squeeze(t, -1)
    return composite.astype(t, "int64")


def sparse_categorical_crossentropy(
    t: Any, p: Any, from_logits: bool = False, ignore_class: int | None = None
) -> Any:
    p = as_float(p)
    if ignore_class is None:
        rows = composite.one_hot(_labels(t, p), p.type.shape[-1], p.type.dtype)
        return categorical_crossentropy(rows, p, from_logits)
    counts = counted(t, p, ignore_class)
    # What does not count has no gradient either, so it may be no probabilities at all.
    p = composite.where(composite.expand_dims(counts, -1), p, 1.0 / p.shape[-1])
    own = composite.where(counts, _labels(t, p), 0)
    return composite.where(counts, sparse_categorical_crossentropy(own, p, from_logits), 0.0)


def counted(t: Any, p: Any, ignore_class: int) -> Value:
    """Which rows, or places of rows, have another class than the one that does not count."""
    found: Value = _labels(t, p) != ignore_class
    return found


def binary_focal_crossentropy(
    t: Any,
    p: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Any:
    if label_smoothing:
        t = t * (1 - label_smoothing) + label_smoothing / 2
    p = pnp.sigmoid(p) if from_logits else p
    cut = pnp.clip(p, _LEAST, 1 - _LEAST)
    entropy = -(t * pnp.log(cut) + (1 - t) * pnp.log(1 - cut))
    found = (1 - (t * p + (1 - t) * (1 - p))) ** gamma * entropy
    return _mean(found * (t * alpha + (1 - t) * (1 - alpha)) if apply_class_balancing else found)


def categorical_focal_crossentropy(
    t: Any,
    p: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Any:
    if label_smoothing:
        t = t * (1 - label_smoothing) + label_smoothing / p.shape[-1]
    p = pnp.softmax(p, axis=-1) if from_logits else p
    p = pnp.clip(p / pnp.sum(p, axis=-1, keepdims=True), _LEAST, 1 - _LEAST)
    return pnp.sum((1 - p) ** gamma * alpha * -t * pnp.log(p), axis=-1)


def categorical_generalized_cross_entropy(t: Any, p: Any, q: float) -> Any:
    rows = composite.one_hot(_labels(t, p), p.type.shape[-1], p.type.dtype)
    return (1 - pnp.sum(p * rows, axis=-1) ** q) / q


def dice(t: Any, p: Any, axis: Any = None) -> Any:
    both = pnp.sum(t * p, axis=axis)
    return 1 - 2 * both / (pnp.sum(t, axis=axis) + pnp.sum(p, axis=axis) + _LEAST)


def tversky(t: Any, p: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """With alpha at what is missed and beta at false alarms: the other way round than the paper."""
    both = pnp.sum(t * p, axis=axis)
    missed, alarms = pnp.sum((1 - p) * t, axis=axis), pnp.sum(p * (1 - t), axis=axis)
    return 1 - both / (both + missed * alpha + alarms * beta + _LEAST)


def binary_accuracy(t: Any, p: Any, threshold: float = 0.5) -> Any:
    return pnp.astype(t == pnp.astype(p > threshold, p.dtype), p.dtype)


def categorical_accuracy(t: Any, p: Any) -> Any:
    return pnp.astype(pnp.argmax(t, axis=-1) == pnp.argmax(p, axis=-1), p.dtype)


def sparse_categorical_accuracy(t: Any, p: Any) -> Any:
    p = as_float(p)
    chosen = composite.argmax(p, axis=-1)
    return composite.astype(_labels(t, p) == composite.astype(chosen, "int64"), p.type.dtype)


def _among(rows: Any, p: Any, k: int) -> Any:
    """Whether fewer than k classes are above that of the row."""
    own = pnp.sum(rows * p, axis=-1, keepdims=True)
    return pnp.astype(pnp.sum(pnp.astype(p > own, p.dtype), axis=-1) < k, p.dtype)


def top_k_categorical_accuracy(t: Any, p: Any, k: int = 5) -> Any:
    rows = pnp.one_hot(pnp.argmax(t, axis=-1), p.shape[-1])
    return _among(pnp.astype(rows, p.dtype), p, k)


def sparse_top_k_categorical_accuracy(t: Any, p: Any, k: int = 5) -> Any:
    p = as_float(p)
    rows = composite.one_hot(_labels(t, p), p.type.shape[-1], p.type.dtype)
    return _among(rows, p, k)


def accuracy(t: Any, p: Any) -> Any:
    return pnp.astype(t == p, p.dtype)


def _centred(x: Any) -> Any:
    return x - pnp.mean(x, axis=-1, keepdims=True)


def pearson_correlation(t: Any, p: Any, axis: int = -1) -> Any:
    def unit(x: Any) -> Any:
        far = _centred(x)
        return far / pnp.sqrt(pnp.mean(pnp.square(far), axis=-1, keepdims=True))

    return _mean(unit(t) * unit(p))


def concordance_correlation(t: Any, p: Any, axis: int = -1) -> Any:
    apart = pnp.mean(t, axis=-1) - pnp.mean(p, axis=-1)
    spread = _mean(pnp.square(_centred(t))) + _mean(pnp.square(_centred(p)))
    shared = _mean((t - pnp.mean(p, axis=-1, keepdims=True)) * _centred(p))
    return 2 * shared / (spread + pnp.square(apart) + _LEAST)


def kept(t: Any, p: Any, ignore_class: int) -> Any:
    """1 for each place that counts, 0 for the others."""
    p = as_float(p)
    return composite.astype(counted(t, p, ignore_class), p.type.dtype)


def share(t: Any, p: Any, ignore_class: int) -> Any:
    """All places of a batch for each one that counts; 0 where none does."""
    counts = kept(t, p, ignore_class)
    there = pnp.sum(counts)
    return pnp.sum(pnp.ones_like(counts)) * (there > 0) / pnp.maximum(there, 1.0)


SPARSE = (
    *("sparse_categorical_crossentropy", "sparse_categorical_accuracy"),
    "categorical_generalized_cross_entropy",
    "sparse_top_k_categorical_accuracy",
)
LOSSES: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        *(mean_squared_error, mean_absolute_error, mean_absolute_percentage_error),
        *(mean_squared_logarithmic_error, huber, log_cosh, hinge, squared_hinge),
        *(categorical_hinge, poisson, kl_divergence, cosine_similarity, binary_crossentropy),
        *(categorical_crossentropy, sparse_categorical_crossentropy),
        *(binary_focal_crossentropy, categorical_focal_crossentropy),
        *(categorical_generalized_cross_entropy, dice, tversky),
    )
}
ACCURACIES: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        *(binary_accuracy, categorical_accuracy, sparse_categorical_accuracy),
        *(top_k_categorical_accuracy, sparse_top_k_categorical_accuracy),
        *(pearson_correlation, concordance_correlation),
    )
}


def called(name: str, y_true: Any, y_pred: Any, **more: Any) -> Any:
    """A formula of values, or of arrays, which gives an array."""
    function = {**LOSSES, **ACCURACIES, "accuracy": accuracy}[name]
    if name in SPARSE:
        return function(y_true, as_float(y_pred), **more)
    return function(*pair(y_true, y_pred), **more)


def of_rows(values: Any, rows: Any) -> Value:
    """One number a row: means over other axes; a scalar for each row alike."""
    found = asvalue(values)
    count = len(found.type.shape)
    if count == 0:
        return composite.broadcast_to(found, (rows,))
    return composite.mean(found, tuple(range(1, count))) if count > 1 else found
