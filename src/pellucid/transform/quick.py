"""What a call looks like, in as little time as Python allows: for calls that were made before.

In: arguments. Out: their arrays in order, and marks that are equal only for arguments of the same
nesting, dtypes and shapes. Arguments that hold anything but plain arrays have no marks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

_Array = np.ndarray


def look(items: Iterable[Any], arrays: list[Any], marks: list[Any]) -> bool:
    """Adds the arrays of `items` and their marks; False where they hold something else."""
    for item in items:
        kind = type(item)
        if kind is _Array:
            arrays.append(item)
            marks.append(item.dtype)
            marks.append(item.shape)
        elif kind is tuple or kind is list:
            marks.append(kind)
            marks.append(len(item))
            if not look(item, arrays, marks):
                return False
        elif kind is dict:
            marks.append(tuple(item))
            if not look(item.values(), arrays, marks):
                return False
        else:
            return False
    return True
