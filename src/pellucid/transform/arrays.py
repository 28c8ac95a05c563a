"""Arrays at the door of a Tensor: what comes in, in which dtype, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pellucid.core import dtypes
from pellucid.core.errors import DataError, DTypeError, PellucidError
from pellucid.graph.node import TensorType
from pellucid.ops.value import LISTED, STRONG, Value, weakness_of


def type_of(array: Any) -> TensorType:
    """The type of a NumPy array."""
    return TensorType(dtypes.as_dtype(array.dtype, "array"), tuple(array.shape))


SPECIAL = np.ma.MaskedArray, np.matrix  # arrays whose operations are not those of arrays


def _items(data: Any) -> Iterator[Any]:
    """What a list or tuple holds beside Python floats and ints, however nested."""
    rows: list[Any] = [data]
    seen: set[int] = set()  # a list may hold itself
    while rows:
        row = rows.pop()
        if not isinstance(row, (list, tuple)):
            yield row
        elif id(row) not in seen:
            seen.add(id(row))
            rows += [item for item in row if not isinstance(item, (float, int))]


def holds_value(data: Any) -> bool:
    """Whether a list or tuple, nested or not, holds a Tensor."""
    return any(isinstance(item, Value) for item in _items(data))


def listed_weakness(operand: Any, exact: bool) -> int:
    """How firmly an operand that becomes an array holds to its dtype."""
    if not exact or not isinstance(operand, (list, tuple)):
        return weakness_of(operand) if hasattr(operand, "dtype") else STRONG
    return LISTED if _is_plain(operand) else STRONG


def _is_plain(data: Any) -> bool:
    """Whether what `data` holds are numbers, not arrays that have a dtype."""
    return not any(getattr(item, "shape", ()) for item in _items(data))


def as_array(data: Any, where: str = "Tensor", exact: bool = False) -> np.ndarray[Any, Any]:
    """`data` as a NumPy array in native byte order.

    A list of Python floats becomes float32, unless `exact`; one float stays float64, and so does a
    list that holds arrays of float64.

    Raises:
        DTypeError: for object, complex, text and masked arrays, matrices, and ragged lists.
    """
    if isinstance(data, Value):  # a Tensor gives its numbers, or says why it has none
        return np.asarray(data)
    if isinstance(data, np.ma.MaskedArray):
        raise DTypeError(
            where, "masked arrays are not supported, got one", "Fill it first: x.filled(0)."
        )
    if isinstance(data, np.matrix):  # its * is another product than an array's
        raise DTypeError(where, "np.matrix is not supported, got one", "Use np.asarray(x), and @.")
    python = not hasattr(data, "dtype")
    if python and holds_value(data):
        raise DTypeError(
            where,
            f"{'data' if where == 'Tensor' else 'it'} must be numbers, got a list that holds "
            "Tensors",
            "Join them: np.stack(tensors).",
        )
    try:
        array = np.asarray(data)
    except PellucidError:
        raise
    except Exception as error:  # an object's own __array__ may raise anything
        raise DTypeError(where, f"data must be numbers of one shape, got {error}") from None
    if python and array.dtype == np.float64 and array.ndim and not exact and _is_plain(data):
        with np.errstate(over="ignore"):
            narrow = array.astype(np.float32)
        if not np.array_equal(np.isfinite(narrow), np.isfinite(array)):
            raise DTypeError(where, "a number is too large for float32", "Pass a float64 array.")
        array = narrow
    if array.dtype.name not in dtypes.BY_NAME:
        raise DTypeError(
            where,
            f"dtype must be one of {', '.join(dtypes.BY_NAME)}, got {array.dtype}",
            "Convert the data to numbers first.",
        )
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def converted(
    array: np.ndarray[Any, Any], target: np.dtype[Any], where: str = "Tensor", name: str = "data"
) -> np.ndarray[Any, Any]:
    """`array` in another dtype. A number that it cannot hold is an error; a fraction is dropped."""
    with np.errstate(all="ignore"):
        result = array.astype(target)
        kept = np.isfinite(result) == np.isfinite(array)
        if target.kind in "iu":  # 2**63 as a float is one more than int64 holds: compare both ways
            whole = np.trunc(array) if array.dtype.kind == "f" else array
            kept = (result.astype(array.dtype) == whole) & ((result < 0) == (whole < 0))
    if not np.all(kept):
        bad = array[~np.asarray(kept)].flat[0]
        raise DTypeError(
            where, f"{name} must fit {target.name}, got {bad}", "Choose a wider dtype."
        )
    return result


def check_whole(x: Any, target: np.dtype[Any], where: str, name: str, fix: str) -> None:
    """Refuses whole numbers that floats of `target` cannot hold: ids and times would fall together.

    Args:
        x: an array, a Tensor, a list or a number; of what has no numbers yet nothing is known.

    Raises:
        DataError: names the first.
    """
    data = getattr(x, "data", None) if isinstance(x, Value) else x
    if data is None or target.kind != "f" or (not hasattr(data, "dtype") and holds_value(data)):
        return
    array = as_array(data, where, exact=True)
    if array.dtype.kind not in "iu" or not array.size:
        return
    largest = 1 << np.finfo(target).nmant + 1  # up to it every whole number is held
    if -largest <= int(array.min()) and int(array.max()) <= largest:
        return
    with np.errstate(all="ignore"):
        held = array.astype(target)
        lost = (held.astype(array.dtype) != array) | (held >= float(np.iinfo(array.dtype).max))
    if lost.any():
        first = np.atleast_1d(array)[np.atleast_1d(lost)][0]
        raise DataError(
            where, f"{name} must hold whole numbers that {target} can hold, got {first}", fix
        )
