"""What a person gives to `fit` beside the rows: labels or numbers, and weights.

In: labels of any kind, numbers, weights of rows and of classes. Out: classes and the number of each
row's class, float64 targets and weights; or an error that names what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import real
from pellucid.core.errors import ArgumentError, DataError, DTypeError, ShapeError, nearest
from pellucid.data.arrays import Array, as_array, check_finite
from pellucid.data.weights import as_weights

LEAST_BOUND = 1e-300  # of a coefficient
_FAR = 1000.0  # times half of their spread that targets may lie from 0


def as_labels(y: Any, rows: int, where: str) -> tuple[Array, Array]:
    """The classes in ascending order, and the number of each row's class.

    Raises:
        DataError: for one class, and numbers that are no classes.
    """
    try:
        labels = np.asarray(y)
    except Exception:  # lists of different lengths, objects that make no array: as_array names them
        labels = as_array(y, where, "y")
    if labels.dtype.kind not in "USO" or isinstance(y, np.ma.MaskedArray):
        labels = as_array(y, where, "y")
    if labels.shape == (rows, 1):
        labels = labels.reshape(rows)
    _check_length(labels, rows, where, "one label a row")
    if labels.dtype.kind == "f":
        check_finite(labels, range(rows), "y")
        if (labels != np.floor(labels)).any():
            row = int(np.argmax(labels != np.floor(labels)))
            raise DataError(
                where,
                f"labels must be whole numbers or names, got {labels[row].item()!r} in row {row}",
                "For targets that are numbers use SVR.",
            )
    try:
        classes, numbers = np.unique(labels, return_inverse=True)
    except TypeError:
        raise DTypeError(
            where, "labels must be all numbers or all names, got both", "Use y.astype(str)."
        ) from None
    if len(classes) < 2:
        raise DataError(
            where,
            f"y must hold two classes or more, got {classes.tolist()[0]!r} alone",
            "For data of one class use OneClassSVM.",
        )
    return classes, numbers


def as_signs(y: Any, rows: int, where: str) -> tuple[Array, Array]:
    """The two classes, and float64 (N,): 1 for the second of them and -1 for the first.

    Raises:
        DataError: for another number of classes.
    """
    classes, numbers = as_labels(y, rows, where)
    if len(classes) > 2:
        raise DataError(where, f"y must hold two classes, got {len(classes)}", "Use pel.svm.SVC.")
    return classes, 2.0 * numbers - 1


class Labelled(NamedTuple):
    """The classes of the rows, and what rows and classes weigh.

    Attributes:
        classes: (K,) ascending. numbers: int64 (N,), the class of each row.
        weights: float64 (N,) of the rows; None where none were given. by_class: float64 (K,).
    """

    classes: Array
    numbers: Array
    weights: Array | None
    by_class: Array

    @property
    def products(self) -> Array:
        """Of each row its own weight times that of its class, float64 (N,): what scales C."""
        factors = self.by_class[self.numbers]
        return factors if self.weights is None else factors * self.weights


def labelled(
    y: Any, sample_weight: Any, class_weight: Any, rows: int, where: str, names: Any = None
) -> Labelled:
    """Labels with their weights.

    Args:
        names: how messages call the classes; None for their labels.

    Raises:
        DataError: for one class, and for a class all of whose rows have weight 0.
    """
    classes, numbers = as_labels(y, rows, where)
    weights = row_weights(sample_weight, rows, where)
    by_class = _class_weights(class_weight, classes, numbers, weights, where)
    found = Labelled(classes, numbers, weights, by_class)
    _check_each_weighs(where, classes if names is None else names, numbers, found.products)
    return found


def as_numbers(y: Any, rows: int, where: str) -> Array:
    """Targets, float64 (N,)."""
    targets = as_array(y, where, "y")
    if targets.shape == (rows, 1):
        targets = targets.reshape(rows)
    _check_length(targets, rows, where, "one number a row")
    check_finite(targets, range(rows), "y")
    return targets.astype(np.float64)


def centred(targets: Array, bounds: Array, where: str) -> tuple[float, Array]:
    """What lies between the targets and 0, and these less it; 0 where they are not far from it.

    Far ones would leave few digits for errors.

    Raises:
        DataError: where float64 does not hold what they cost.
    """
    low, high = float(targets.min()) / 2, float(targets.max()) / 2
    middle = low + high if abs(low + high) > _FAR * (high - low) else 0.0
    with np.errstate(over="ignore"):
        moved = targets - middle
        most = float(np.abs(moved).max() * bounds.sum())
    if not most < math.inf:
        raise DataError(
            where,
            f"C times the targets must have a finite sum, got targets from {targets.min():.3g} to "
            f"{targets.max():.3g}",
            "Scale y, such as (y - y.mean()) / y.std().",
        )
    return middle, moved


def _check_length(y: Array, rows: int, where: str, what: str) -> None:
    if y.shape != (rows,):
        raise ShapeError(where, f"y must be {what} ({rows},), got {shapes.text(y.shape)}")


def row_weights(sample_weight: Any, rows: int, where: str) -> Array | None:
    """The weight of each row, float64 (N,); None where none were given.

    Raises:
        DataError: where all are 0.
    """
    if sample_weight is None:
        return None
    weights = as_weights(sample_weight, rows, where).astype(np.float64)
    if not weights.any():
        raise DataError(where, "sample_weight must be above 0 in some row, got 0 in all")
    bounds_of(1.0, weights[weights > 0], where)
    return weights


def bounds_of(C: float, weights: Array, where: str) -> Array:
    """The bounds of coefficients, C times the weights.

    Raises:
        DataError: where float64 does not hold them.
    """
    with np.errstate(over="ignore", under="ignore"):
        bounds: Array = C * weights
        total = bounds.sum()
    if not (bounds.min() >= LEAST_BOUND and total < math.inf):
        raise DataError(
            where,
            f"C times the weights must be from {LEAST_BOUND:g} on and have a finite sum, got "
            f"{bounds.min():.3g} to {bounds.max():.3g}",
            "Divide the weights by their mean, or choose another C.",
        )
    return bounds


def check_objective(where: str, *values: float) -> None:
    """Refuses a fit whose objective became infinite or NaN on the way."""
    odd = [value for value in values if not math.isfinite(value)]
    if odd:
        raise DataError(
            where,
            f"the objective must be a number that float64 holds, got {odd[0]}",
            "Scale the columns, such as (x - x.mean(0)) / x.std(0), or choose a smaller C.",
        )


def check_class_weight(where: str, given: Any) -> None:
    """Refuses what gives classes no weights, whatever the classes are."""
    if isinstance(given, str):
        if given != "balanced":
            raise ArgumentError(
                where, f"unknown class_weight {given!r}", nearest(given, ["balanced"])
            )
    elif given is not None and not isinstance(given, Mapping):
        raise ArgumentError(
            where, f"class_weight must be {{class: weight}} or 'balanced', got {given!r}"
        )


def _class_weights(
    given: Any, classes: Array, numbers: Array, weights: Array | None, where: str
) -> Array:
    """The weight of each class, float64.

    Args:
        given: None; {class: weight ≥ 0}, classes that are not named have 1; or "balanced", which
            gives class c the weight N / (C·N_c), where rows of weight 0 do not count.
    """
    chosen = np.ones(len(classes))
    if given is None:
        return chosen
    if isinstance(given, str):
        counted = numbers if weights is None else numbers[weights > 0]
        counts = np.bincount(counted, minlength=len(classes))
        with np.errstate(divide="ignore"):
            return np.asarray(counts.sum() / ((counts > 0).sum() * counts.astype(np.float64)))
    known = {label: n for n, label in enumerate(classes.tolist())}
    for label, weight in given.items():
        if label not in known:
            raise ArgumentError(
                where,
                f"class_weight must name classes, such as {', '.join(map(repr, list(known)[:4]))}, "
                f"got {label!r}",
            )
        chosen[known[label]] = real(where, "class_weight", weight, 0)
    return chosen


def _check_each_weighs(where: str, classes: Array, numbers: Array, products: Array) -> None:
    """Refuses classes all of whose rows have weight 0."""
    sums = np.bincount(numbers, products, minlength=len(classes))
    if not (sums > 0).all():
        label = classes.tolist()[int(np.argmin(sums > 0))]
        raise DataError(
            where,
            f"each class must have a row of weight above 0, got none for class {label!r}",
            "Leave out the rows of that class.",
        )
