"""The door: rows, labels and weights as a person has them, made what the solvers take.

In: anything that makes an array. Out: contiguous floats, classes with a code for each row, weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import DataError, ShapeError
from pellucid.data.arrays import Array, as_features, check_finite
from pellucid.data.weights import as_weights, weights_by_class

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def as_rows(where: str, x: Any, columns: int | None = None) -> Array:
    """x as finite numbers (N, D) in C order: float32 where it is that, else float64.

    Args:
        columns: the D that it must have.
    """
    array = as_features(x, where, np.dtype(np.float64))
    if array.ndim != 2 or (columns is not None and array.shape[1] != columns):
        wanted = "D" if columns is None else columns
        raise ShapeError(where, f"x must be (N, {wanted}), got {shapes.text(array.shape)}")
    kept = array.dtype.newbyteorder("=") if array.dtype.kind == "f" else array.dtype
    dtype = kept if kept in _FLOATS else _FLOATS[1]
    rows = np.ascontiguousarray(array, dtype)
    check_finite(rows, range(len(rows)), "x")
    return rows


def as_classes(where: str, y: Any, rows: int) -> tuple[Array, Array]:
    """The classes in ascending order, and the number of each row's class, (N,) int64.

    Labels are whole numbers, booleans or text. Two classes or more.
    """
    labels = np.asarray(y)
    if labels.shape == (rows, 1):
        labels = labels.reshape(rows)
    if labels.shape != (rows,):
        raise ShapeError(
            where, f"y must be one label a row ({rows},), got {shapes.text(labels.shape)}"
        )
    if labels.dtype.kind == "O":
        labels = _of_objects(where, labels)
    if labels.dtype.kind == "f":
        check_finite(labels, range(rows), "y")
        if (labels != np.floor(labels)).any():
            row = int(np.argmax(labels != np.floor(labels)))
            raise DataError(
                where, f"y must be classes, got {labels[row].item()!r} in row {row}"
            )
    elif labels.dtype.kind not in "biuUS":
        raise DataError(where, f"y must be whole numbers or text, got {labels.dtype}")
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError(
            where, f"y must have two classes or more, got {classes[0].item()!r} in every row"
        )
    return classes, codes.reshape(rows).astype(np.int64)


def _of_objects(where: str, labels: Array) -> Array:
    """Objects that are all text, or all whole numbers, as an array of those."""
    if all(isinstance(label, str) for label in labels):
        return labels.astype(np.str_)
    if all(isinstance(label, (int, np.integer)) for label in labels):
        return labels.astype(np.int64)
    raise DataError(where, "y must be whole numbers or text, got a mixture of objects")


def as_signs(where: str, y: Any, rows: int) -> tuple[Array, Array]:
    """Two classes, and the side of each row: -1 for the first class, 1 for the second, float64."""
    classes, codes = as_classes(where, y, rows)
    if len(classes) > 2:
        raise DataError(where, f"y must have two classes, got {len(classes)}")
    return classes, 2.0 * codes - 1


def row_weights(
    where: str, sample_weight: Any, class_weight: Any, classes: Array, codes: Array
) -> Array:
    """What multiplies C in each row, (N,) float64: its own weight times that of its class.

    Args:
        class_weight: None, "balanced" (N / (classes · rows of the class)), or {class: weight}.
    """
    weights = np.ones(len(codes))
    if sample_weight is not None:
        weights = as_weights(sample_weight, len(codes), where).astype(np.float64)
    if class_weight is not None:
        names = {label.item(): code for code, label in enumerate(classes)}
        if isinstance(class_weight, dict) and all(label in names for label in class_weight):
            class_weight = {names[label]: weight for label, weight in class_weight.items()}
        elif isinstance(class_weight, dict):
            strange = next(label for label in class_weight if label not in names)
            raise DataError(
                where, f"class_weight must name classes of y, got {strange!r}"
            )
        weights = weights * weights_by_class(class_weight, codes, list(range(len(classes))), where)
    for code, label in enumerate(classes):
        if not weights[codes == code].any():
            raise DataError(where, f"each class must have a weight above 0, got 0 for {label}")
    return weights
