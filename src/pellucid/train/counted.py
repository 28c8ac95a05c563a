"""Metrics made of sums over rows: counts at borders, tables of confusion, F, R².

In: targets and outputs of a batch, (N, …), as values of one dtype. Out: for each row the numbers
whose sums make the metric, (N, K), and the function of the sums. Both are written in functions of
NumPy, so they run on arrays and are traced into graphs alike. tp, fp, fn, tn are the true and false
positives and the false and true negatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import pellucid.numpy as pnp
from pellucid.core import shapes

_EPSILON = 1e-7


@dataclass(frozen=True)
class Counted:
    """A metric as two functions.

    Args:
        rows: (targets, outputs) → (N, K).
        finish: (K,), the sums over rows → one number, or several.
    """

    rows: Callable[[Any, Any], Any]
    finish: Callable[[Any], Any]


def quotient(x: Any, y: Any) -> Any:
    """x / y, and 0 where y is 0."""
    none = y == 0
    return np.where(none, 0.0, x / np.where(none, 1.0, y))


def flat(x: Any) -> Any:
    """(N, …) as (N, P)."""
    return pnp.reshape(x, (x.shape[0], shapes.count(x.shape[1:])))


def _number(found: Any, several: bool) -> Any:
    return found if several else found[0]


# -- means ------------------------------------------------------------------------------------


def mean(
    of_row: Callable[[Any, Any], Any],
    root: bool = False,
    count: Callable[[Any, Any], Any] | None = None,
) -> Counted:
    """The mean of a number a row, by the weights of rows; or its square root.

    Args:
        count: how far each row counts; None: as one.
    """

    def rows(t: Any, p: Any) -> Any:
        value = of_row(t, p)
        counts = pnp.ones_like(value) if count is None else count(t, p)
        return pnp.stack([value, counts], axis=1)

    def finish(sums: Any) -> Any:
        found = quotient(sums[0], sums[1])
        return np.sqrt(found) if root else found

    return Counted(rows, finish)


# -- counts at borders ------------------------------------------------------------------------


def evenly(borders: Sequence[float]) -> bool:
    """Whether borders lie at even distances from 0 to 1."""
    count = len(borders)
    return count > 2 and np.allclose(borders, np.arange(count) / (count - 1), atol=_EPSILON)


def above(p: Any, borders: Sequence[float]) -> Any:
    """Which of (N, P, …) lie above each border, (N, P, …, B).

    Where the borders are even, numbers are put into one of B - 1 equal parts, and those beside
    [0, 1] are at its ends: the same but for what lies on a border up to rounding.
    """
    count = len(borders)
    if not evenly(borders):
        return pnp.expand_dims(p, -1) > pnp.asarray(np.asarray(borders), p.dtype)
    part = pnp.ceil(pnp.clip(p, 0.0, 1.0) * (count - 1)) - 1
    if borders[0] < 0:
        part = pnp.maximum(part, 0.0)
    return pnp.expand_dims(part, -1) >= pnp.asarray(np.arange(count), p.dtype)


def best_of_row(p: Any, k: int) -> Any:
    """Outputs of (N, …, C) that are none of the k largest of their row as -1e10."""
    classes = p.shape[-1]
    own, rival = pnp.expand_dims(p, -1), pnp.expand_dims(p, -2)
    earlier = np.tril(np.ones((classes, classes), bool), -1)  # which rival wins a tie
    before = (rival > own) | ((rival == own) & earlier)
    return pnp.where(pnp.sum(pnp.astype(before, p.dtype), axis=-1) < k, p, -1e10)


@dataclass(frozen=True)
class Borders:
    """How counts at borders are made.

    Args:
        borders: of outputs; a larger one is taken as a yes.
        top_k: the largest outputs of a row alone can be a yes.
        class_id: the one class that is looked at.
        weights: of labels, (P,).
        by_label: whether each label has counts of its own.
        logits: whether outputs are logits.
    """

    borders: tuple[float, ...]
    top_k: int | None = None
    class_id: int | None = None
    weights: Any = None
    by_label: bool = False
    logits: bool = False

    def rows(self, t: Any, p: Any) -> Any:
        """(N, K) by label: true and false positives at each border, all positives, negatives."""
        if self.logits:
            p = pnp.sigmoid(p)
        if self.top_k is not None:
            p = best_of_row(p, self.top_k)
        if self.class_id is not None:
            t, p = (one[..., self.class_id : self.class_id + 1] for one in (t, p))
        t, p = flat(t), flat(p)
        yes = pnp.astype(t != 0, p.dtype)
        no = 1 - yes
        if self.weights is not None and not self.by_label:
            own = pnp.asarray(np.asarray(self.weights), p.dtype)
            yes, no = yes * own, no * own
        said = pnp.astype(above(p, self.borders), p.dtype)  # (N, P, B)
        counts = [pnp.expand_dims(one, -1) * said for one in (yes, no)]
        if self.by_label:
            return pnp.concat([*map(flat, counts), yes, no], axis=1)
        each = [pnp.sum(one, axis=1) for one in counts]
        return pnp.concat([*each, *(pnp.sum(one, axis=1, keepdims=True) for one in (yes, no))], 1)

    def counts(self, sums: Any) -> tuple[Any, Any, Any, Any]:
        """True and false positives, false and true negatives: (B,) or (B, labels) each."""
        count, width = len(self.borders), sums.shape[0]
        labels = width // (2 * count + 2)
        cut = count * labels
        tp, fp = sums[:cut], sums[cut : 2 * cut]
        if self.by_label:
            tp, fp = (np.transpose(np.reshape(one, (labels, count))) for one in (tp, fp))
        yes, no = sums[2 * cut : 2 * cut + labels], sums[2 * cut + labels :]
        return tp, fp, yes - tp, no - fp


def of_counts(borders: Borders, made: Callable[..., Any], several: bool = False) -> Counted:
    """What `made` makes of true and false positives, false and true negatives."""
    return Counted(borders.rows, lambda sums: _number(made(*borders.counts(sums)), several))


def precision(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return quotient(tp, tp + fp)


def recall(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return quotient(tp, tp + fn)


def specificity(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return quotient(tn, tn + fp)


def at_least(
    borders: Borders, reached: Callable[..., Any], asked: float, value: Callable[..., Any]
) -> Counted:
    """The largest value at a border where enough of the other is reached; 0 where none is."""

    def finish(sums: Any) -> Any:
        counts = borders.counts(sums)
        return np.max(np.where(reached(*counts) >= asked, value(*counts), 0.0))

    return Counted(borders.rows, finish)


# -- areas ------------------------------------------------------------------------------------


def _heights(y: Any, method: str) -> Any:
    first, second = y[:-1], y[1:]
    if method == "interpolation":
        return (first + second) / 2
    return np.minimum(first, second) if method == "minoring" else np.maximum(first, second)


def _interpolated(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    """The parts of the area below precision over recall, between borders as counts grow.

    Source: Davis and Goadrich, ICML 2006.
    """
    chosen = tp + fp
    more_true, more = tp[:-1] - tp[1:], chosen[:-1] - chosen[1:]
    slope = quotient(more_true, np.maximum(more, 0.0))
    start = tp[1:] - slope * chosen[1:]
    both = (chosen[:-1] > 0) & (chosen[1:] > 0)
    ratio = np.where(both, quotient(chosen[:-1], np.maximum(chosen[1:], 0.0)), 1.0)
    grown = slope * (more_true + start * np.log(ratio))
    return quotient(grown, np.maximum(tp[1:] + fn[1:], 0.0))


def _gains(tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
    """Recall gain and precision gain.

    Source: Flach and Kull, NeurIPS 2015.
    """
    scale = quotient(tp + fn, tn + fp)
    found = np.where(tp == 0, 0.0, 1 - scale * quotient(fn, tp))
    right = np.where(tp == 0, 1.0, 1 - scale * quotient(fp, tp))
    return np.maximum(found, 0.0), right


def area(borders: Borders, curve: str, method: str, label_weights: Any = None) -> Counted:
    """The area below a curve, by its points at borders.

    Args:
        curve: "roc", "pr" or "prgain".
        method: "interpolation", "minoring" or "majoring".
        label_weights: of the areas of labels in their mean.
    """

    def finish(sums: Any) -> Any:
        counts = borders.counts(sums)
        if curve == "pr" and method == "interpolation":
            parts = _interpolated(*counts)
        else:
            if curve == "roc":
                x, y = quotient(counts[1], counts[1] + counts[3]), recall(*counts)
            elif curve == "pr":
                x, y = recall(*counts), precision(*counts)
            else:
                x, y = _gains(*counts)
            parts = (x[:-1] - x[1:]) * _heights(y, method)
        if not borders.by_label:
            return np.sum(parts)
        each = np.sum(parts, axis=0)
        if label_weights is None:
            return np.mean(each)
        own = np.asarray(label_weights, np.float64)
        total = float(np.sum(own))
        return np.sum(each * own) / total if total else 0.0 * np.sum(each)

    return Counted(borders.rows, finish)


# -- tables of confusion ----------------------------------------------------------------------


def overlap(
    classes: int,
    chosen: Sequence[int],
    labels: Callable[[Any, Any], tuple[Any, Any]],
    ignored: int | None = None,
) -> Counted:
    """Mean intersection over union of the chosen classes; those that never occur are left out.

    Args:
        labels: (targets, outputs) → the classes of both as whole numbers, (N, …). Rows with others
            than 0, …, classes - 1 do not count.
        ignored: nor do those whose target this is.
    """

    def rows(t: Any, p: Any) -> Any:
        numbers = np.arange(classes)
        true, said = (pnp.expand_dims(flat(one), -1) == numbers for one in labels(t, p))
        if ignored is not None:
            true = true & (numbers != ignored)
        ones = pnp.swapaxes(pnp.astype(true, pnp.float32), 1, 2), pnp.astype(said, pnp.float32)
        return flat(pnp.matmul(*ones))  # (N, C, C)

    def finish(sums: Any) -> Any:
        table = np.reshape(sums, (classes, classes))
        both = np.sum(table * np.eye(classes), axis=0)
        either = np.sum(table, axis=0) + np.sum(table, axis=1) - both
        wanted = np.isin(np.arange(classes), chosen) * np.bincount(chosen, minlength=classes)
        there = np.where(either > 1e-9, 1.0, 0.0) * wanted
        return np.sum(there * both / (either + _EPSILON)) / (np.sum(there) + _EPSILON)

    return Counted(rows, finish)


# -- F and R² ---------------------------------------------------------------------------------


def f_beta(beta: float, average: str | None, border: float | None) -> Counted:
    """F of each class of rows (N, C), or their mean: "micro", "macro", "weighted".

    Args:
        border: of outputs; None takes the largest of a row.
    """

    def rows(t: Any, p: Any) -> Any:
        if border is None:
            top = pnp.max(p, axis=-1, keepdims=True)
            said = pnp.astype((p >= top) & (abs(p) > 1e-9), p.dtype)
        else:
            said = pnp.astype(p > border, p.dtype)
        return pnp.concat([said * t, said * (1 - t), (1 - said) * t, t], axis=1)

    def finish(sums: Any) -> Any:
        table = np.reshape(sums, (4, sums.shape[0] // 4))
        if average == "micro":
            table = np.sum(table, axis=1, keepdims=True)
        tp, fp, fn, there = (table[k] for k in range(4))
        right = tp / (tp + fp + _EPSILON)
        found = tp / (tp + fn + _EPSILON)
        each = (1 + beta**2) * right * found / (beta**2 * right + found + _EPSILON)
        if average == "weighted":
            return np.sum(each * there / (np.sum(there) + _EPSILON))
        return each if average is None else np.mean(each)

    return Counted(rows, finish)


def r2(aggregation: str | None, regressors: int) -> Counted:
    """R² of each column of (N, C), or their mean.

    Args:
        aggregation: "uniform_average", or "variance_weighted_average".
        regressors: adjusts it for so many.
    """

    def rows(t: Any, p: Any) -> Any:
        t, p = flat(t), flat(p)
        return pnp.concat([t, pnp.square(t), pnp.square(t - p), pnp.ones_like(t)], axis=1)

    def finish(sums: Any) -> Any:
        table = np.reshape(sums, (4, sums.shape[0] // 4))
        first, squares, left, count = table[0], table[1], table[2], table[3]
        total = squares - first * quotient(first, count)
        none = total == 0
        each = 1 - left / np.where(none, 1.0, total)
        each = np.where(none, np.where(left == 0, np.nan, 0.0), each)
        if aggregation == "uniform_average":
            each = np.mean(each)
        elif aggregation is not None:
            each = np.sum(total * each) / np.sum(total)
        if not regressors:
            return each
        samples = np.sum(count)
        freedom = samples - regressors - 1
        below = np.where(freedom == 0, 1.0, freedom)
        return np.where(freedom > 0, 1 - (1 - each) * (samples - 1) / below, each)

    return Counted(rows, finish)
