"""The order of the data: reshuffled every epoch, a pure function of (number of rows, seed, epoch).

The order comes from the same Philox as every other random number here, so it does not change with
the version of NumPy, and a run that is resumed sees the rows it would have seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.runtime.extras import ORDER, words

Rows = NDArray[np.int64]


def order(n: int, seed: int, epoch: int, stream: str = ORDER) -> Rows:
    """A random order of n rows: one after the other, row i changes places with one of 0 … i.

    One word of 32 bits chooses it, evenly to within n / 2³². `codegen/shuffle.py` is the same.
    """
    rows = list(range(n))
    for i, word in enumerate(words(seed, epoch, stream, n).tolist()):
        place = word * (i + 1) >> 32
        rows[i] = rows[place]
        rows[place] = i
    return np.array(rows, np.int64)
