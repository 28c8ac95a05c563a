"""The order of the data: reshuffled every epoch, a pure function of (number of rows, seed, epoch).

The order comes from the same Philox as every other random number here, so it does not change with
the version of NumPy, and a run that is resumed sees the rows it would have seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.runtime.extras import words

Rows = NDArray[np.int64]


def order(n: int, seed: int, epoch: int, stream: str = "order") -> Rows:
    """A random order of n rows: they are sorted by 64-bit keys, random but for their last bits.

    Those hold the row itself: no two keys are equal, and sorting them sorts the rows.
    """
    pair = words(seed, epoch, stream, 2 * n).astype(np.uint64).reshape(n, 2)
    low = np.uint64((1 << (n - 1).bit_length()) - 1)
    keys = (pair[:, 0] << np.uint64(32) | pair[:, 1]) & ~low | np.arange(n, dtype=np.uint64)
    keys.sort()
    return (keys & low).astype(np.int64)
