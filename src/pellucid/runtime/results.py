"""Arrays for results and for work; the memory of large ones is used again once no array needs it.

What is freed in large pieces goes back to the system, which gives it anew a page at a time and full
of zeros: for the gradients of a wide network that takes as long as to write them. So large arrays
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
LARGE = 1 << 18  # bytes of an array from which its memory comes from here
KEPT = 128 << 20  # bytes of blocks that wait, at most: more results than that gain nothing

_waiting: dict[int, deque[mmap.mmap]] = {}  # by size; the size that was given back last is last


class _Lent(np.ndarray[Any, Any]):
    """The owner of a block: arrays are views of it, and the block comes back with the last."""

    block: mmap.mmap | None = None

    def __del__(self) -> None:
        if self.block is not None:
            _give_back(self.block)


def owner(array: Array) -> Array | None:
    """The array whose memory an array uses: itself, or what it is a view of; None if unknown."""
    while type(array) is np.ndarray and array.base is not None:
        array = array.base
    known = isinstance(array, np.ndarray) and (array.base is None or type(array) is _Lent)
    return array if known else None


def maker(shape: Shape, dtype: np.dtype[Any]) -> Callable[[Shape, np.dtype[Any]], Array]:
    """What makes arrays of this shape and dtype: `np.empty`, or `_large`."""
    return _large if math.prod(shape) * dtype.itemsize >= LARGE else np.empty


def empty(shape: Shape, dtype: np.dtype[Any]) -> Array:
    """An array with memory of its own; its numbers are left as they come."""
    return maker(shape, dtype)(shape, dtype)


def _large(shape: Shape, dtype: np.dtype[Any]) -> Array:
    size = math.prod(shape) * dtype.itemsize
    try:
        block = _take(-(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
    except (OSError, OverflowError):  # no memory, or no more pieces of it
        _waiting.clear()
        return np.empty(shape, dtype)
    lent = _Lent((len(block),), np.uint8, block)
    lent.block = block
    return np.ndarray(shape, dtype, lent)


def _take(size: int) -> mmap.mmap:
    waiting = _waiting.get(size)
    if waiting:
        with contextlib.suppress(IndexError):  # another thread was faster
            return waiting.pop()
    if sys.platform == "win32":
        return mmap.mmap(-1, size)
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):  # as NumPy does
        with contextlib.suppress(OSError):  # a system without large pages
            block.madvise(mmap.MADV_HUGEPAGE)
    return block


def _give_back(block: mmap.mmap) -> None:
    """Keeps a block for the next result of its size; other sizes leave first."""
    size = len(block)
    if size > KEPT:
        return
    waiting = _waiting.pop(size, None) or deque()
    waiting.append(block)
    _waiting[size] = waiting  # behind all other sizes
    for other in list(_waiting):
        while waiting_bytes() > KEPT:
            try:
                _waiting[other].popleft()
            except (KeyError, IndexError):
                break


def waiting_bytes() -> int:
    """How much waits."""
    return sum(size * len(blocks) for size, blocks in list(_waiting.items()))
