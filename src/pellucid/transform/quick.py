"""What a call looks like, in as little time as Python allows: for calls that were made before.

In: arguments. Out: their arrays in order, and marks that are equal only for arguments of the same
nesting, dtypes and shapes. Arguments that hold anything but plain arrays have no marks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_Array = np.ndarray


def look(item: Any, arrays: list[Any], marks: list[Any]) -> bool:
    """Adds the arrays of `item` and its marks; False where it holds something else."""
    kind = type(item)
    if kind is _Array:
        arrays.append(item)
        marks.append(item.dtype)
        marks.append(item.shape)
        return True
    if kind is tuple or kind is list:
        marks.append(kind)
        marks.append(len(item))
        return all(look(child, arrays, marks) for child in item)
    if kind is dict:
        marks.append(tuple(item))
        return all(look(child, arrays, marks) for child in item.values())
    return False
