"""The rows that a person gives to `fit` and `predict`, as the solvers take them.

In: arrays, frames, sparse matrices. Out: float32 or float64 in C order, or an error that names what
is wrong; the variances of the columns. Labels and weights: `targets.py`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import DataError, DTypeError, ShapeError
from pellucid.data.arrays import Array, as_features, check_exact, check_finite
from pellucid.data.sparse import SparseRows, held, is_sparse
from pellucid.svm.notices import warn

APART = 100.0  # times that the scales of two columns may differ
_RARE = 0.01  # of the rows: a column that is 0 in all others has no scale of its own
_CHUNK = 1 << 18  # numbers that are looked at together
SCALED = "Scale the columns, such as (x - x.mean(0)) / x.std(0)."


def as_rows(x: Any, where: str, columns: int | None = None, sparse: bool = False) -> Any:
    """x as (N, D) of float32 or float64 in C order; x itself where it is that already.

    float32, float16, bool and whole numbers of 8 and 16 bits are used in float32, others in
    float64, dense or sparse.

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
    dtype = held(array.dtype)
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


def check_size(x: Any, dtype: Any, where: str, products: bool = True, fix: str = SCALED) -> None:
    """Refuses numbers that `dtype` does not hold, or rows whose products with others it does not.

    Args:
        x: finite rows, which may be of another dtype. products: whether these are needed.
    """
    values = x.data if isinstance(x, SparseRows) else x
    if not values.size:
        return
    limit = float(np.finfo(dtype).max)
    if products:  # |a - b|² is at most 4·D times the largest square
        limit = math.sqrt(limit / (4 * x.shape[1]))
    largest = max(float(values.max()), -float(values.min()))
    if largest > limit:
        what = "products of its rows" if products else "its numbers"
        raise DataError(
            where,
            f"x must lie within ±{limit:.1e}, so that {np.dtype(dtype).name} holds {what}, got "
            f"{largest:.3g}",
            fix,
        )


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
        text = ", ".join(words) + (f", … ({len(which)} in all)" if len(which) > 4 else "")
        return f"columns {text} vary" if len(which) > 1 else f"column {text} varies"

    warn(
        where,
        f"{listed(large)} by up to {most:.3g}, {listed(small)} by as little as "
        f"{least:.3g}: the small ones hardly count, and the solver is slow. Scale the columns "
        "alike, such as (x - x.mean(0)) / x.std(0)",
    )
