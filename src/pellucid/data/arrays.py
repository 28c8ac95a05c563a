"""The door for a person's arrays: any order and dtype comes in, or a message that names what did.

Features keep their own dtype and memory; a batch is converted while it is gathered, so a memmap
stays on the disk and a float32 array is never copied as a whole.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import DataError, DTypeError, PellucidError, ShapeError
from pellucid.data.frames import column_array, frame_arrays, is_frame, is_series
from pellucid.data.sparse import SparseRows, SparseTable, is_sparse

Array = np.ndarray[Any, Any]
_CHECKED_ROWS = 1 << 16  # rows whose whole numbers are checked at once
_HASHED_ROWS = 1 << 16  # bytes of x that a fingerprint reads, at least four rows
_HASHED = 1 << 18  # bytes of targets that a fingerprint reads: a tenth of a millisecond


def as_array(data: Any, where: str, name: str) -> Array:
    """`data` as an array of numbers or booleans with one row or more, never a copy of an array.

    Raises:
        DTypeError: for object, complex, text, dates, sparse and masked arrays.
        DataError: for a table with missing values.
        ShapeError: for ragged lists, scalars and no rows.
    """
    several = isinstance(data, (list, tuple))
    if isinstance(data, np.ma.MaskedArray) or (
        several and any(isinstance(part, np.ma.MaskedArray) for part in data)
    ):
        raise DTypeError(
            where, f"{name} must be a plain array, got a masked one", "Fill it: x.filled(0)."
        )
    array = data if isinstance(data, np.ndarray) else _converted(data, where, name)
    if array.dtype.kind not in "biuf":
        raise _not_numbers(array, where, name)
    if array.ndim == 0:
        raise ShapeError(where, f"{name} must have rows, got a single number")
    if len(array) == 0:
        raise DataError(where, f"{name} must have at least one row, got {shapes.text(array.shape)}")
    if array.size == 0:
        raise ShapeError(where, f"{name} must hold numbers, got {shapes.text(array.shape)}")
    return array


_KINDS = {"O": "object", "c": "complex", "U": "text", "S": "text", "M": "dates", "m": "durations"}


def _not_numbers(array: Array, where: str, name: str) -> DTypeError:
    """The error for an array whose elements are no numbers, with what makes numbers of them."""
    kind = _KINDS.get(array.dtype.kind, str(array.dtype))
    odd = ""
    fix = f"Make one array of its fields: np.column_stack([{name}[f] for f in {name}.dtype.names])."
    if kind == "object":
        kind, odd = _odd_element(array)
    if kind == "complex":
        fix = f"Use the real part or the magnitude: np.abs({name})."
    elif kind == "dates":
        fix = f"Take the seconds since the first: ({name} - {name}.min()) / np.timedelta64(1, 's')."
    elif kind == "durations":
        fix = f"Take their seconds: {name} / np.timedelta64(1, 's')."
    elif kind == "missing values":
        fix = "Leave such rows out, or put a number in their place."
    elif kind == "object":
        fix = "Give numbers in rows of equal length, as a list of lists or an array."
    elif kind == "object of numbers" or (kind == "text" and _odd_element(array)[0] != "text"):
        fix = f"They are numbers: pass {name}.astype(np.float64)."
    elif kind == "text":
        fix = f"Map text to numbers: names, {name} = np.unique({name}, return_inverse=True)."
        if name.startswith("x"):
            fix = (
                f"Make a column of 0 and 1 for each word of a column i: {name}[:, [i]] == "
                f"np.unique({name}[:, i])."
            )
    return DTypeError(where, f"{name} must hold numbers, got {kind}{odd}", fix)


def _odd_element(array: Array) -> tuple[str, str]:
    """Of objects or text: what kind they are, and where the first stands that is no number."""
    with contextlib.suppress(Exception):  # elements are anything
        array.astype(np.float64)
        if not any(item is None for item in array.flat):  # which would become NaN
            return "object of numbers", ""
    if array.ndim == 0:
        return "object", f": {type(array.item()).__name__}"
    for place, item in np.ndenumerate(array):
        try:
            float(item)
        except Exception:
            word = "text" if isinstance(item, (str, bytes)) else "object"
            word = "missing values" if item is None else word
            return word, f": {str(item)[:40]!r} in {_cell(np.array(place), range(len(array)))}"
    return "object", ""


def _converted(data: Any, where: str, name: str) -> Array:
    """Lists, tables and foreign objects as an array; a foreign `__array__` may raise anything."""
    if is_frame(data):
        return _table_array(data, where, name, None)
    if is_series(data):
        return column_array(data, where, name, name)
    if hasattr(data, "toarray") and hasattr(data, "nnz"):
        raise DTypeError(
            where,
            f"{name} must be a dense array, got a sparse {type(data).__name__}",
            f"Pass {name}.toarray().",
        )
    try:
        return np.asarray(data)
    except PellucidError:
        raise
    except Exception as error:
        if not isinstance(data, (list, tuple)):
            raise DTypeError(
                where,
                f"{name} must be an array, got a {type(data).__name__} that makes none: {error}",
                "Convert it to a NumPy array first.",
            ) from None
    raise ShapeError(
        where,
        f"{name} must be numbers in rows of equal length, got {_lengths(data)}",
        "Give every row as many numbers as the first.",
    )


def _lengths(rows: Sequence[Any]) -> str:
    """The first two rows of a ragged list whose lengths differ, in words."""
    sizes = [len(row) if hasattr(row, "__len__") else None for row in rows]
    for i, size in enumerate(sizes):
        if size != sizes[0] and None not in (size, sizes[0]):
            return f"{sizes[0]} in row 0 and {size} in row {i}"
    return "lists that make no array"


def _table_array(data: Any, where: str, name: str, dtype: np.dtype[Any] | None) -> Array:
    """A table as one array (N, D) of the dtype that holds all columns.

    Args:
        dtype: what the numbers are used in; integers that it cannot hold are refused.
    """
    columns = frame_arrays(data, where, name)
    if not columns:
        raise ShapeError(where, f"{name} must have columns, got a table without any")
    common = np.result_type(*(array.dtype for _, array in columns))
    for label, array in columns:
        held = common if dtype is None else dtype
        check_exact(array, held, where, f"column {label!r} of {name}", "the column's min()")
    if len({array.dtype for _, array in columns}) == 1 and hasattr(data, "iloc"):
        whole = np.asarray(data)  # without a copy, where the table stores it so
        if whole.dtype == common:
            return whole
    return np.column_stack([array.astype(common, copy=False) for _, array in columns])


def check_exact(x: Array, dtype: np.dtype[Any], where: str, name: str, least: str) -> None:
    """Refuses whole numbers that `dtype` cannot hold: times and ids would fall together.

    Args:
        name: how messages name the numbers; least: how a person writes the smallest.

    Raises:
        DataError: names the first and where it stands.
    """
    if x.dtype.kind not in "iu" or dtype.kind != "f" or not x.size:
        return
    largest = 1 << np.finfo(dtype).nmant + 1  # up to it every whole number is held
    if np.iinfo(x.dtype).max <= largest:
        return
    for start in range(0, len(x), _CHECKED_ROWS):
        part = x[start : start + _CHECKED_ROWS]
        if -largest <= int(part.min()) and int(part.max()) <= largest:
            continue
        with np.errstate(all="ignore"):
            held = part.astype(dtype)
            lost = (held.astype(x.dtype) != part) | (held >= float(np.iinfo(x.dtype).max))
        if not lost.any():
            continue
        place = np.argwhere(lost)[0]
        value = int(part[tuple(place)])
        wider = ', or use dtype="float64"' if dtype.itemsize < 8 else ""
        raise DataError(
            where,
            f"{name} must hold whole numbers that {dtype} can hold, got {value} in "
            f"{_cell(place, range(start, start + len(part)))}",
            f"Subtract an offset, such as {least}{wider}. Whole numbers are exact up to "
            f"{largest:,}.",
        )


def as_features(x: Any, where: str, dtype: np.dtype[Any] | None = None) -> Array:
    """x as rows of numbers, (N, …).

    Args:
        dtype: what they are used in; integers that it cannot hold are refused. A sparse matrix
            is then a `SparseTable`.
    """
    if dtype is not None and type(x) is not np.ndarray and is_sparse(x):
        return cast(Array, SparseTable(SparseRows.of(x, where, dtype=dtype)))
    if is_frame(x) and dtype is not None:
        x = _table_array(x, where, "x", dtype)
    array = as_array(x, where, "x")
    if dtype is not None:
        check_exact(array, dtype, where, "x", "x.min()")
    if array.ndim == 1:
        fix = "For one feature pass x.reshape(-1, 1), for one row x.reshape(1, -1)."
        if is_series(x):
            fix = "For one feature pass x.to_frame()."
        raise ShapeError(where, f"x must be (N, D), got {shapes.text(array.shape)}", fix)
    return array


def as_targets(y: Any, where: str, name: str = "y") -> Array:
    """y as an array of finite numbers, (N,) or (N, …)."""
    array = as_array(y, where, name)
    if array.dtype.kind == "f":
        check_finite(array, range(len(array)), name)
    return array


@functools.lru_cache(4)
def _evenly_spaced(rows: int, count: int) -> Array:
    """So many row numbers, evenly over all."""
    return np.unique(np.linspace(0, rows - 1, count).astype(np.int64))


def fingerprint(features: Sequence[Array], others: Sequence[Array], dtype: np.dtype[Any]) -> str:
    """16 hex digits that differ for other data: rows of x spread over it, and targets and weights.

    Those are read whole if they are small, else by rows spread over them too.

    Args:
        features: the arrays of x; others: targets and weights.

    To read all of it would take longer than the first steps of a small network.
    """
    return digest(samples(features, others, dtype, len(features[0]), 0))


def samples(
    features: Sequence[Array],
    others: Sequence[Array],
    dtype: np.dtype[Any],
    rows: int,
    first: int,
) -> list[bytes]:
    """What a fingerprint reads of each array, where these are a part of the data.

    Args:
        rows: of all parts; first: the number of this part's first row among them.
    """
    own = range(first, first + len(features[0]))

    def held(chosen: Array) -> Array:
        return chosen[(own.start <= chosen) & (chosen < own.stop)] - first

    found = []
    for x in features:
        wide = max(1, x.nbytes // max(len(x), 1))
        chosen = _evenly_spaced(rows, min(64, max(4, _HASHED_ROWS // wide)))
        found.append(gather_rows(x, held(chosen), dtype, "x").tobytes())
    for y in others:
        wide = max(1, y.nbytes // max(len(y), 1))
        whole = rows * wide <= _HASHED
        part = y if whole else y[held(_evenly_spaced(rows, _HASHED // wide))]
        found.append(np.ascontiguousarray(part).tobytes())
    return found


def digest(parts: Iterable[bytes]) -> str:
    """16 hex digits of what was read."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()[:16]


def check_finite(batch: Array, rows: Array | range, name: str) -> None:
    """Refuses NaN and infinity, naming the first row of the data and its column.

    Args:
        batch: the rows of the data, gathered.
        rows: their numbers in the data.
    """
    if batch.dtype.kind != "f" or np.isfinite(batch).all():
        return
    place = np.argwhere(~np.isfinite(batch))[0]
    value = float(batch[tuple(place)])
    fix = "Leave out such rows."
    if name == "x" and batch.ndim == 2:
        fix = "Leave out such rows: x[np.isfinite(x).all(axis=1)], and those of y."
        if np.isnan(value):
            fix = (
                "Leave out such rows, or fill in the means of the columns: np.where(np.isnan(x), "
                "np.nanmean(x, axis=0), x)."
            )
    elif name == "y" and batch.ndim == 1:
        fix = "Leave out such rows: x[np.isfinite(y)], y[np.isfinite(y)]."
    raise DataError("data", f"{name} must be finite, got {value} in {_cell(place, rows)}", fix)


def _cell(place: Array, rows: Array | range) -> str:
    """`place` in a batch, as the row of the data and its column."""
    columns = ", ".join(map(str, place[1:].tolist()))
    return f"row {int(rows[place[0]])}" + (f", column {columns}" if columns else "")


def slice_rows(x: Array, start: int, stop: int, dtype: np.dtype[Any], name: str) -> Array:
    """Rows `start` to `stop` of x as `dtype`: x itself where it is that already.

    Raises:
        DataError: where a finite number becomes infinite in `dtype`.
    """
    part = x[start:stop]
    if part.dtype == dtype and part.flags.c_contiguous:
        return part
    return gather_rows(x, np.arange(start, stop), dtype, name)


def gather_rows(x: Array, rows: Array, dtype: np.dtype[Any], name: str) -> Array:
    """The rows of x as a fresh C-ordered array of `dtype` in native byte order.

    Raises:
        DataError: where a finite number becomes infinite in `dtype`.
    """
    chosen = x[rows]
    if chosen.dtype == dtype and chosen.flags.c_contiguous:
        return np.asarray(chosen)
    with np.errstate(all="ignore"):  # what overflows is named below, NaN by check_finite
        batch = np.ascontiguousarray(chosen, dtype)
    if x.dtype.kind == "f" and x.dtype.itemsize > dtype.itemsize:
        lost = np.isinf(batch) & np.isfinite(chosen)
        if lost.any():
            place = np.argwhere(lost)[0]
            raise DataError(
                "data",
                f"{name} must fit {dtype}, got {chosen[tuple(place)]!s} in {_cell(place, rows)}",
                'Scale the data, or use Sequential(dtype="float64").',
            )
    return batch
