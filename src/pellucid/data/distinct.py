"""Equal texts of a column found at once, as words of eight bytes instead of Python objects.

In: a file's bytes, and where the cells of a column start and how long they are. Out: for each cell
the number of its text, in the order in which they first appear, and the row of each first one. The
bytes hold no NUL, so that a short text filled with NULs is no other text.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
WIDEST = 64  # bytes of a cell; sentences are found faster one by one
_WORD = 8
_LOOKED_AT = 4096  # cells that are likely to show most texts
_KEPT = np.array([(1 << 8 * k) - 1 for k in range(_WORD + 1)], np.uint64)  # the first k bytes


def numbered(raw: bytes, starts: Array, lengths: Array) -> tuple[Array, Array]:
    """The number of each cell's text, and the first row of each text.

    Args:
        raw: eight bytes or more.
        lengths: at most `WIDEST`.
    """
    last = len(raw) - _WORD
    words: Array = np.ndarray((last + 1,), "<u8", raw, strides=(1,))
    codes = np.zeros(len(starts), np.int64)
    texts = 1
    for begin in range(0, max(1, int(lengths.max(initial=0))), _WORD):
        place = starts + begin
        beyond = place > last
        np.minimum(place, last, out=place)
        word = words[place]
        if beyond.any():  # at the file's end: the word before, without what stands too early
            early = np.minimum(starts[beyond] + begin - last, _WORD - 1).astype(np.uint64)
            word[beyond] >>= early * np.uint64(8)
        word &= _KEPT[np.clip(lengths - begin, 0, _WORD)]
        own, count = _ranks(word)
        if texts == 1:
            codes, texts = own, count
        elif count > 1:
            codes, texts = _ranks(codes * count + own)
    first = np.empty(texts, np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # the last one that is written stays
    order = np.argsort(first)
    place = np.empty(texts, np.int64)
    place[order] = np.arange(texts)
    return place[codes], first[order]


def _ranks(keys: Array) -> tuple[Array, int]:
    """The rank of each key among the different ones, and how many these are."""
    known = np.unique(keys[:: max(1, len(keys) // _LOOKED_AT)])
    found = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    missed = known[found] != keys
    if missed.any():
        known = np.union1d(known, keys[missed])
        found = np.searchsorted(known, keys)
    return found.astype(np.int64, copy=False), len(known)
