"""The key of a call, in as little time as Python allows: for calls like one that was made before.

In: arguments. Out: their arrays in order, and a key that is equal only for arguments of the same
nesting, dtypes and shapes. Arguments that hold anything but plain arrays and Python numbers have
no key.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

_Array = np.ndarray
_INT64 = 1 << 63


_DEEPEST = 32  # containers in containers; what is deeper has no key


def call_key(items: Iterable[Any], arrays: list[Any], key: list[Any], depth: int = 0) -> bool:
    """Adds the arrays of `items` and the parts of their key; False where they hold something else.

    A Python number becomes an array of its own dtype; its type stands in the key, as it gives way
    to the dtypes of arrays.
    """
    for item in items:
        kind = type(item)
        if kind is _Array:
            arrays.append(item)
            key.append(item.dtype)
            key.append(item.shape)
        elif kind is float or kind is bool or (kind is int and -_INT64 <= item < _INT64):
            arrays.append(np.array(item))
            key.append(kind)
        elif depth > _DEEPEST:
            return False
        elif kind is tuple or kind is list:
            key.append(kind)
            key.append(len(item))
            if not call_key(item, arrays, key, depth + 1):
                return False
        elif kind is dict:
            key.append(tuple(item))
            if not call_key(item.values(), arrays, key, depth + 1):
                return False
        else:
            return False
    return True
