"""The door of the machines: data, labels and weights as the solver takes them.

In: what a person hands to `fit` and `predict`. Out: float32 or float64 rows in C order, labels as
numbers of classes, weights without zeros; or an error that names what is wrong.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import real
from pellucid.core.errors import PACKAGE_FOLDER, ArgumentError, DataError, DTypeError, ShapeError
from pellucid.core.errors import nearest as nearest_name
from pellucid.data.arrays import as_array, as_features, check_exact, check_finite
from pellucid.data.weights import as_weights
from pellucid.svm.sparse import SparseRows, is_sparse

Array = np.ndarray[Any, Any]
LEAST_BOUND = 1e-300  # of a coefficient
APART = 100.0  # times that the scales of two columns may differ
_RARE = 0.01  # of the rows: a column that is 0 in all others has no scale of its own
_CHUNK = 1 << 18  # numbers that are looked at together


def as_rows(x: Any, where: str, columns: int | None = None, sparse: bool = False) -> Any:
    """x as (N, D) of float32 or float64 in C order; x itself where it is that already.

    float32, float16, bool and whole numbers of 8 and 16 bits are used in float32, others in
    float64.

    Args:
        columns: how many there must be.
        sparse: whether x may be a sparse matrix.

    Returns:
        The array; `SparseRows` for a sparse matrix.
    """
    if is_sparse(x):
        if not sparse:
            raise DTypeError(where, "x must be dense, got a sparse matrix", "Use x.toarray().")
        return SparseRows.of(x, where, columns)
    if type(x) is np.ndarray and x.dtype.kind in "biuf" and x.ndim == 2 and x.size:
        array = x
    else:
        array = as_features(x, where)
    if array.ndim != 2:
        raise ShapeError(
            where,
            f"x must be (N, D), got {shapes.text(array.shape)}",
            "Make rows of numbers: x.reshape(len(x), -1).",
        )
    if columns is not None and array.shape[1] != columns:
        raise ShapeError(
            where, f"x must be (N, {columns}), as in fit, got {shapes.text(array.shape)}"
        )
    kind, size = array.dtype.kind, array.dtype.itemsize
    small = size <= 4 if kind == "f" else size <= 2
    dtype = np.dtype(np.float32 if small else np.float64)
    if array.dtype == dtype and array.flags.c_contiguous:
        return array
    check_exact(array, dtype, where, "x", "x.min()")
    if kind == "f" and size > 8:
        array = array.astype(np.float64)
    return np.ascontiguousarray(array, dtype)


class Columns(NamedTuple):
    """What is known of the columns of x: the variance of all its numbers, and of each column."""

    variance: float
    each: Array
    filled: Array  # how many rows of each column are not 0


def columns_of(x: Any, weights: Array | None, numbers: Array) -> Columns:
    """The variances, in float64 from one pass. Rows count as often as they weigh.

    Args:
        numbers: of the rows among those that a person gave, for the message.

    Raises:
        DataError: where x holds NaN or infinity.
    """
    n, width = x.shape
    if isinstance(x, SparseRows):  # its columns are not compared
        return Columns(x.mean_and_variance(weights)[1], np.zeros(width), np.zeros(width, np.int64))
    shift = x[0].astype(np.float64)
    total, square, filled = np.zeros(width), np.zeros(width), np.zeros(width, np.int64)
    step = max(1, _CHUNK // width)
    with np.errstate(all="ignore"):
        for first in range(0, n, step):
            part = x[first : first + step]
            filled += np.count_nonzero(part, axis=0)
            moved = part - shift  # in float64
            if weights is None:
                total += moved.sum(axis=0)
                square += np.einsum("ij,ij->j", moved, moved)
            else:
                own = weights[first : first + step]
                total += own @ moved
                square += np.einsum("i,ij,ij->j", own, moved, moved)
        whole = n if weights is None else weights.sum()
        mean = total / whole
        each = np.maximum(square / whole - mean * mean, 0.0)
        variance = float(each.mean() + (mean + shift).var())
    if not np.isfinite(variance):
        check_finite(x, numbers, "x")
    return Columns(variance, each, filled)


def check_rows(x: Any) -> None:
    """Refuses NaN and infinity in rows to answer for."""
    if isinstance(x, SparseRows):
        return  # they were looked at
    with np.errstate(all="ignore"):
        if not np.isfinite(x.sum()):
            check_finite(x, range(len(x)), "x")


def warn_of_scales(where: str, columns: Columns, rows: int, names: Any = None) -> None:
    """Warns where columns differ by more than APART in scale, and names them.

    The scale of a column is its standard deviation. Constant columns have none; nor have columns
    that are 0 in nearly all rows, such as the pixels of a margin.
    """
    known = np.flatnonzero((columns.each > 0) & (columns.filled > _RARE * rows))
    if len(known) < 2:
        return
    scales = np.sqrt(columns.each[known])
    least, most = float(scales.min()), float(scales.max())
    if most <= APART * least:
        return
    large, small = known[scales > most / 10], known[scales < 10 * least]

    def listed(which: Array) -> str:
        words = [repr(names[n]) if names is not None else str(n) for n in which[:4].tolist()]
        return ", ".join(words) + (f", … ({len(which)} in all)" if len(which) > 4 else "")

    warn(
        where,
        f"columns {listed(large)} vary by up to {most:.3g}, columns {listed(small)} by as little "
        f"as {least:.3g}: the small ones hardly count, and the solver is slow. Scale the columns "
        "alike, such as (x - x.mean(0)) / x.std(0)",
    )


class SolverWarning(UserWarning):
    """A fit that a person should look at: it did not converge, or its columns differ in scale."""


def warn(where: str, text: str) -> None:
    """Warns at the line of the person's own code."""
    import sys

    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE_FOLDER):
        level, frame = level + 1, frame.f_back
    warnings.warn(f"[{where}] {text}.", SolverWarning, stacklevel=level)


def as_labels(y: Any, rows: int, where: str) -> tuple[Array, Array]:
    """The classes in ascending order, and the number of each row's class.

    Raises:
        DataError: for one class, and numbers that are no classes.
    """
    try:
        labels = np.asarray(y)
    except ValueError:  # lists of different lengths, which as_array names
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


def as_numbers(y: Any, rows: int, where: str) -> Array:
    """Targets, float64 (N,)."""
    targets = as_array(y, where, "y")
    if targets.shape == (rows, 1):
        targets = targets.reshape(rows)
    _check_length(targets, rows, where, "one number a row")
    check_finite(targets, range(rows), "y")
    return targets.astype(np.float64)


def _check_length(y: Array, rows: int, where: str, what: str) -> None:
    if y.shape != (rows,):
        raise ShapeError(where, f"y must be {what} ({rows},), got {shapes.text(y.shape)}")


def as_bounds(sample_weight: Any, rows: int, where: str) -> Array | None:
    """The weight of each row, float64; None for equal ones."""
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


def check_class_weight(where: str, given: Any) -> None:
    """Refuses what gives classes no weights, whatever the classes are."""
    if isinstance(given, str):
        if given != "balanced":
            raise ArgumentError(
                where, f"unknown class_weight {given!r}", nearest_name(given, ["balanced"])
            )
    elif given is not None and not isinstance(given, Mapping):
        raise ArgumentError(
            where, f"class_weight must be {{class: weight}} or 'balanced', got {given!r}"
        )


def class_weights(
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


def check_some(where: str, classes: Array, numbers: Array, bounds: Array) -> None:
    """Refuses classes all of whose rows have weight 0.

    Raises:
        DataError: names the first.
    """
    sums = np.bincount(numbers, bounds, minlength=len(classes))
    if not (sums > 0).all():
        label = classes.tolist()[int(np.argmin(sums > 0))]
        raise DataError(
            where,
            f"each class must have a row of weight above 0, got none for class {label!r}",
            "Leave out the rows of that class.",
        )
