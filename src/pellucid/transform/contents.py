"""Arrays around a traced function, compared by what they hold: NumPy may have read their numbers.

In: the surroundings of a function, and what its traces met. Out: the arrays whose numbers may stand
in a graph, each with what it held.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from pellucid.transform.watch import Surroundings

_SMALL = 65536  # bytes of an array that are compared at each call without another reason

Contents = tuple[tuple[Any, bytes | int], ...]  # arrays, and what they held


def contents(
    around: Surroundings, captures: Iterable[Any], scalars: Iterable[Any], bound: bool
) -> Contents:
    """The arrays to compare.

    What NumPy computed from an array is a number of the graph: a scalar or an array that stands
    nowhere in the surroundings gives it away.

    Args:
        captures: the arrays and Tensors that operations of the traces took.
        scalars: the NumPy scalars that became constants.
        bound: whether the captures are read anew at each call; else their numbers are constants.
    """
    captured = list(captures)
    taken = {id(item) for capture in captured for item in bases(capture)}
    known = {id(what) for *_, what in around.places}
    arrays = {id(array) for array in around.arrays}
    computed = any(id(scalar) not in known for scalar in scalars) or any(
        isinstance(capture, np.ndarray) and arrays.isdisjoint(map(id, bases(capture)))
        for capture in captured
    )

    def may_stand_in_it(array: Any) -> bool:
        if id(array) in taken:
            return computed or not bound
        return computed or array.nbytes <= _SMALL

    return tuple((array, content(array)) for array in around.arrays if may_stand_in_it(array))


def differ(held: Contents) -> bool:
    """Whether one of the arrays holds something else now."""
    return any(content(array) != before for array, before in held)


def content(array: Any) -> bytes | int:
    """What an array holds: its bytes, or a checksum of them. A subclass is asked nothing."""
    if array.nbytes <= _SMALL:
        return np.ndarray.tobytes(array)
    plain = array.dtype.kind in "biufc"  # dates and objects give no buffer
    return zlib.crc32(np.ascontiguousarray(array).data if plain else np.ndarray.tobytes(array))


def bases(array: Any) -> Iterator[Any]:
    """An array, and the arrays that it is a view of."""
    while array is not None:
        yield array
        array = getattr(array, "base", None)
