"""Arrays for the results of calls; the memory of large ones is used again once no array needs it.

What is freed in large pieces goes back to the system, which gives it anew a page at a time and full
of zeros: for the gradients of a wide network that takes as long as to write them. So large results
stand in blocks that come back here with the last array, or view of one, that uses them.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]
LARGE = 1 << 20  # bytes of a result from which its memory comes from here
KEPT = 64 << 20  # bytes of blocks that wait, at most; those that wait longest leave first

_waiting: deque[mmap.mmap] = deque()


class _Lent(np.ndarray[Any, Any]):
    """A block while arrays use it: they stand on this one, as views of it or of each other."""

    block: mmap.mmap | None = None

    def __del__(self) -> None:
        if self.block is not None:
            _give_back(self.block)


def owns(array: Array) -> bool:
    """Whether an array has its memory to itself, but for views of it."""
    return array.base is None or type(array.base) is _Lent


def maker(shape: Shape, dtype: np.dtype[Any]) -> Callable[[Shape, np.dtype[Any]], Array]:
    """What makes arrays of this shape and dtype: `np.empty`, or `_large`."""
    return _large if math.prod(shape) * dtype.itemsize >= LARGE else np.empty


def empty(shape: Shape, dtype: np.dtype[Any]) -> Array:
    """An array of its own for a result; its numbers are left as they come."""
    return maker(shape, dtype)(shape, dtype)


def _large(shape: Shape, dtype: np.dtype[Any]) -> Array:
    size = math.prod(shape) * dtype.itemsize
    block = _take(-(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
    lent = _Lent((len(block),), np.uint8, block)
    lent.block = block
    return np.ndarray(shape, dtype, lent)


def _take(size: int) -> mmap.mmap:
    for _ in range(len(_waiting)):  # each once: threads may take and give at the same time
        try:
            block = _waiting.popleft()
        except IndexError:
            break
        if len(block) == size:
            return block
        _waiting.append(block)
    if sys.platform == "win32":
        return mmap.mmap(-1, size)
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):  # as NumPy does
        with contextlib.suppress(OSError):  # a system without large pages
            block.madvise(mmap.MADV_HUGEPAGE)
    return block


def _give_back(block: mmap.mmap) -> None:
    _waiting.append(block)
    while sum(map(len, tuple(_waiting))) > KEPT:
        try:
            _waiting.popleft()
        except IndexError:
            break
