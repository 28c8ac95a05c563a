"""The order of the data: reshuffled every epoch, a pure function of (number of rows, seed, epoch).

The order comes from the same Philox as every other random number here, so it does not change with
the version of NumPy, and a run that is resumed sees the rows it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pellucid.runtime.extras import words

Rows = NDArray[np.int64]


def order(n: int, seed: int, epoch: int, stream: str = "order") -> Rows:
    """A random order of n rows: the sorting order of n random 64-bit keys of a stream."""
    pair = words(seed, epoch, stream, 2 * n).astype(np.uint64).reshape(n, 2)
    keys = pair[:, 0] << np.uint64(32) | pair[:, 1]
    return np.argsort(keys, kind="stable")


def minibatches(n: int, batch_size: int, rows: Rows) -> Iterator[Rows]:
    """`rows` cut into batches; the last one may be smaller."""
    for start in range(0, n, batch_size):
        yield rows[start : start + batch_size]
