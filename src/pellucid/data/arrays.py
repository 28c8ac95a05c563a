"""The door for a person's arrays: any order and dtype comes in, or a message that names what did.

Features keep their own dtype and memory; a batch is converted while it is gathered, so a memmap
stays on the disk and a float32 array is never copied as a whole.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import DataError, DTypeError, ShapeError

Array = np.ndarray[Any, Any]


def as_array(data: Any, where: str, name: str) -> Array:
    """`data` as an array of numbers or booleans with one row or more, never a copy of an array.

    Raises:
        DTypeError: for object, complex, text, dates and masked arrays.
        ShapeError: for ragged lists, scalars and no rows.
    """
    if isinstance(data, np.ma.MaskedArray):
        raise DTypeError(
            where, f"{name} must be a plain array, got a masked one", "Fill it: x.filled(0)."
        )
    try:
        array = data if isinstance(data, np.ndarray) else np.asarray(data)
    except (ValueError, TypeError, RuntimeError):
        raise ShapeError(
            where,
            f"{name} must be numbers in rows of equal length, got lists that make no array",
            "Give every row as many numbers as the first.",
        ) from None
    if array.dtype.kind not in "biuf":
        kind = {"O": "object", "c": "complex", "U": "text", "S": "text"}.get(
            array.dtype.kind, str(array.dtype)
        )
        fix = "Convert it to numbers first, e.g. x.astype(np.float32)."
        if kind == "complex":
            fix = "Use the real part or the magnitude: np.abs(x)."
        elif kind == "text" and name != "x":
            fix = "Map text to numbers: names, y = np.unique(y, return_inverse=True)."
        raise DTypeError(where, f"{name} must hold numbers, got {kind}", fix)
    if array.ndim == 0:
        raise ShapeError(where, f"{name} must have rows, got a single number")
    if len(array) == 0:
        raise DataError(where, f"{name} must have at least one row, got {shapes.text(array.shape)}")
    if array.size == 0:
        raise ShapeError(where, f"{name} must hold numbers, got {shapes.text(array.shape)}")
    return array


def as_features(x: Any, where: str) -> Array:
    """x as rows of numbers, (N, …)."""
    array = as_array(x, where, "x")
    if array.ndim == 1:
        raise ShapeError(
            where,
            f"x must be (N, D), got {shapes.text(array.shape)}",
            "For one feature pass x.reshape(-1, 1), for one row x.reshape(1, -1).",
        )
    return array


def as_targets(y: Any, where: str, name: str = "y") -> Array:
    """y as an array of finite numbers, (N,) or (N, …)."""
    array = as_array(y, where, name)
    if array.dtype.kind == "f":
        check_finite(array, np.arange(len(array)), name)
    return array


def fingerprint(x: Array, y: Array, dtype: np.dtype[Any]) -> str:
    """16 hex digits that differ for other data: all of y, and 64 rows of x spread over it."""
    rows = np.unique(np.linspace(0, len(x) - 1, 64).astype(np.int64))
    digest = hashlib.sha256(gather(x, rows, dtype, "x").tobytes())
    digest.update(np.ascontiguousarray(y).tobytes())
    return digest.hexdigest()[:16]


def check_finite(batch: Array, rows: Array, name: str) -> None:
    """Refuses NaN and infinity, naming the first row of the data and its column.

    Args:
        batch: the rows of the data, gathered.
        rows: their numbers in the data.
    """
    if batch.dtype.kind != "f" or np.isfinite(batch).all():
        return
    place = np.argwhere(~np.isfinite(batch))[0]
    value = float(batch[tuple(place)])
    columns = ", ".join(map(str, place[1:].tolist()))
    column = f", column {columns}" if columns else ""
    raise DataError(
        "data",
        f"{name} must be finite, got {value} in row {int(rows[place[0]])}{column}",
        "Remove such rows, or fill them: np.nan_to_num(x).",
    )


def gather(x: Array, rows: Array, dtype: np.dtype[Any], name: str) -> Array:
    """The rows of x as a fresh C-ordered array of `dtype` in native byte order.

    Raises:
        DataError: where a finite number becomes infinite in `dtype`.
    """
    chosen = x[rows]
    if chosen.dtype == dtype and chosen.flags.c_contiguous:
        return np.asarray(chosen)
    with np.errstate(over="ignore"):
        batch = np.ascontiguousarray(chosen, dtype)
    if x.dtype.kind == "f" and x.dtype.itemsize > dtype.itemsize:
        lost = np.isinf(batch) & np.isfinite(chosen)
        if lost.any():
            place = np.argwhere(lost)[0]
            value = float(chosen[tuple(place)])
            raise DataError(
                "data",
                f"{name} must fit {dtype}, got {value:g} in row {int(rows[place[0]])}",
                'Scale the data, or use Sequential(dtype="float64").',
            )
    return batch
