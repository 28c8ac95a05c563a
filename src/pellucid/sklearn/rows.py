"""Rows of a table with weights, freed of their order: equal rows are one row with their weight.

In: X, targets and weights, one a row. Out: the rows that differ, in an order of their own, and
where each row of the table went.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Distinct(NamedTuple):
    """The rows that differ.

    Where two rows are equal, or weights are not, the order is one of content: then a weight of k is
    the row k times to the last bit, in whatever order rows come, since both are the same rows with
    the same weights. Else rows stay as they are.

    Attributes:
        of: for each row of the table, the number of its distinct row.
        first: for each distinct row, the first of the table that equals it.
        weights: for each distinct row, the sum of its weights.
    """

    of: NDArray[np.intp]
    first: NDArray[np.intp]
    weights: NDArray[np.float64]


def distinct(x: Array, y: Array | None, weights: Array, always: bool = False) -> Distinct:
    """The different pairs of a row of x and its target.

    Args:
        x: (n, d) numbers.
        y: (n,) numbers, or None where there are no targets.
        weights: (n,) numbers above 0.
        always: whether the order is one of content in any case.
    """
    table = x + np.zeros((), x.dtype)  # -0.0 becomes 0.0, and equal rows have equal bytes
    keys = table.view(np.dtype((np.void, table.dtype.itemsize * table.shape[1]))).ravel()
    found = np.unique(keys, return_inverse=True)[1].ravel()
    if y is not None:
        targets, place = np.unique(y, return_inverse=True)
        found = found * len(targets) + place.ravel()
    _, first, of = np.unique(found, return_index=True, return_inverse=True)
    if len(first) == len(weights) and (weights == weights[0]).all() and not always:
        return unchanged(weights)
    of = of.ravel()
    sums: NDArray[np.float64] = np.zeros(len(first))
    np.add.at(sums, of, weights)
    return Distinct(of, first, sums)


def unchanged(weights: NDArray[np.float64]) -> Distinct:
    """Rows as they are."""
    every = np.arange(len(weights))
    return Distinct(every, every, weights)
