"""Rows of a table with weights, freed of their order: equal rows are one row with their weight.

In: X, targets and weights, one a row. Out: the rows that differ, in an order of their own, and
where each row of the table went.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_SALTS = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
_TOGETHER = 1 << 18  # numbers that are hashed at once


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
        x: (n, d) numbers, dense or sparse.
        y: (n,) numbers, or None where there are no targets.
        weights: (n,) numbers above 0.
        always: whether the order is one of content in any case.
    """
    same = bool((weights == weights[0]).all()) and not always
    if same and _all_differ(x):
        return unchanged(weights)
    found = np.unique(_contents(x), return_inverse=True)[1].ravel()
    if y is not None:
        targets, place = np.unique(y, return_inverse=True)
        found = found * len(targets) + place.ravel()
    _, first, of = np.unique(found, return_index=True, return_inverse=True)
    if same and len(first) == len(weights):
        return unchanged(weights)
    of = of.ravel()
    sums: NDArray[np.float64] = np.zeros(len(first))
    np.add.at(sums, of, weights)
    return Distinct(of, first, sums)


def unchanged(weights: NDArray[np.float64]) -> Distinct:
    """Rows as they are."""
    every = np.arange(len(weights))
    return Distinct(every, every, weights)


def _all_differ(x: Any) -> bool:
    """Whether one pass over the bits of the rows shows that no two are equal; mostly it does."""
    if hasattr(x, "indptr"):
        return False
    size = x.dtype.itemsize
    wide = size == 8 or x.shape[1] % 2 == 0
    words = x.view(np.uint64 if wide else np.uint32)
    odd = (np.arange(words.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)) * np.uint64(
        _SALTS[0]
    )
    sums = words @ odd if wide else np.einsum("ij,j->i", words, odd)
    return len(np.unique(sums)) == len(sums)


def _contents(x: Any) -> Array:
    """A number of 128 bits for each row: equal rows have equal ones, and others practically never.

    The sum of a hash of each entry that is not 0, so it is the same for dense and sparse rows.
    """
    out = np.zeros((x.shape[0], 2), np.uint64)
    if hasattr(x, "indptr"):
        filled = np.flatnonzero(np.diff(x.indptr))
        for n, salt in enumerate(_SALTS):
            hashes = _hashed(x.data, np.asarray(x.indices, np.uint64), salt)
            if len(filled):
                out[filled, n] = np.add.reduceat(hashes, x.indptr[filled])
    else:
        columns = np.arange(x.shape[1], dtype=np.uint64)
        step = max(1, _TOGETHER // x.shape[1])
        for first in range(0, len(x), step):
            part = x[first : first + step]
            for n, salt in enumerate(_SALTS):
                out[first : first + step, n] = _hashed(part, columns, salt).sum(axis=1)
    return out.view(np.dtype((np.void, 16))).ravel()


def _hashed(values: Array, columns: NDArray[np.uint64], salt: int) -> NDArray[np.uint64]:
    """A hash of each value and its column, 0 for 0: the finisher of splitmix64 (Steele 2014)."""
    bits = np.asarray(values, np.float64).view(np.uint64)
    key = bits ^ ((columns + np.uint64(1)) * np.uint64(salt))
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    hashes: NDArray[np.uint64] = key ^ (key >> np.uint64(31))
    hashes[values == 0] = 0
    return hashes
