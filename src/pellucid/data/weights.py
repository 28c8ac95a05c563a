"""Weights of rows: given one by one, by class, or both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import real
from pellucid.core.errors import ArgumentError, DataError, ShapeError, nearest
from pellucid.data.arrays import Array, as_array, check_finite


def as_weights(
    weights: Any,
    rows: int,
    where: str,
    name: str = "sample_weight",
    places: tuple[int, ...] = (),
) -> Array:
    """One number ≥ 0 a row, (N,); or one for each position of a row.

    Args:
        places: of a row; weights of them are (N, …).

    Raises:
        ShapeError: for another shape.
        DataError: for a weight that is negative or not finite.
    """
    array = as_array(weights, where, name)
    if array.shape == (rows, 1):
        array = array.reshape(rows)
    if array.shape != (rows,) and not (places and array.shape == (rows, *places)):
        more = f", or one a position {shapes.text((rows, *places))}" if places else ""
        raise ShapeError(
            where,
            f"{name} must be one weight a row ({rows},){more}, got {shapes.text(array.shape)}",
        )
    check_finite(array, range(rows), name)
    if (array < 0).any():
        place = tuple(np.argwhere(array < 0)[0])
        got = array[place].item()
        raise DataError(where, f"{name} must be 0 or more, got {got!r} in row {int(place[0])}")
    return array


def weights_by_class(
    weights: Any, labels: Array, classes: list[int], where: str, trained: int | None = None
) -> Array:
    """The weight of each row's class, (N,) float64.

    Args:
        weights: {class: weight ≥ 0}, classes that are not named have 1; or "balanced", which gives
            class c the weight N / (C·N_c). One that the rows counted do not have has 1.
        labels: (N,) the class of each row.
        classes: those that a label can have.
        trained: how many rows, the first ones, are counted for "balanced"; None: all.
    """
    strange = ~np.isin(labels, classes)
    if strange.any():
        row = int(np.argmax(strange))
        raise DataError(
            where,
            f"with class_weight labels must be {' or '.join(map(str, classes))}, got "
            f"{labels[row].item()!r} in row {row}",
            "Use sample_weight.",
        )
    if isinstance(weights, str):
        if weights != "balanced":
            raise ArgumentError(
                where, f"unknown class_weight {weights!r}", nearest(weights, ["balanced"])
            )
        counted = labels[:trained]
        found, counts = np.unique(counted, return_counts=True)
        shares = len(counted) / (len(found) * counts)
        chosen = dict(zip(found.tolist(), shares.tolist(), strict=True))
    elif isinstance(weights, Mapping):
        chosen = {}
        for label, weight in weights.items():
            if isinstance(label, bool) or label not in classes:
                raise ArgumentError(
                    where,
                    f"class_weight must name classes {classes[0]} … {classes[-1]}, got {label!r}",
                )
            chosen[int(label)] = real(where, "class_weight", weight, 0)
    else:
        raise ArgumentError(
            where, f"class_weight must be {{class: weight}} or 'balanced', got {weights!r}"
        )
    result = np.ones(len(labels))
    for label, weight in chosen.items():
        result[labels == label] = weight
    return result
