"""The routines of the solver as machine code, with the names and arguments of `reference.py`.

In: NumPy arrays, which are changed in place. Out: as there. Long work is cut into calls of some
hundredths of a second, so that Ctrl-C is heard between them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core.dtypes import DType, float32, float64
from pellucid.runtime.calls import address_of
from pellucid.runtime.routines import Call, Library
from pellucid.svm import emit_smo
from pellucid.svm.reference import Array, Outcome, Status

PIECE = 50_000_000  # variables that one call of `smo` walks over, at most: some 0.03 s


def _dtype(array_dtype: np.dtype[Any]) -> DType:
    return float32 if array_dtype == np.float32 else float64


@functools.cache
def _smo(dtype: DType) -> Call:
    return Library(emit_smo.emit, dtype).routine(emit_smo.ROUTINE)


def smo(
    rows: Array,
    diag: Array,
    F: Array,
    b: Array,
    lo: Array,
    hi: Array,
    up: Array,
    low: Array,
    segments: Array,
    tolerance: float,
    iterations: int,
    stop: Callable[[], bool] | None = None,
) -> Outcome:
    """As `reference.smo`."""
    call = _smo(_dtype(diag.dtype))
    arrays = (rows, diag, F, b, lo, hi, up, low, segments)
    addresses = [address_of(array) for array in arrays]
    piece = max(1, PIECE // max(1, len(b)))
    done = 0
    while True:
        most = min(piece, iterations - done)
        table = call(*addresses, len(segments), tolerance, most)
        done += table.done
        status = Status(table.status)
        if status is Status.BOUND and done < iterations:
            if stop is None or not stop():
                continue
            status = Status.STOPPED
        return Outcome(status, done, table.gap, table.missing)
