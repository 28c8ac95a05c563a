"""`digits.letters` as machine code, where there can be some; imported when a large file comes."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from pellucid.core.errors import CompileError
from pellucid.data import emit_digits
from pellucid.runtime.calls import address_of
from pellucid.runtime.routines import Call, Library

Array = np.ndarray[Any, Any]


@functools.cache
def call(widest: int) -> Call | None:
    """The routine; None where machine code cannot be had."""
    try:
        return Library(emit_digits.emit, widest).routine(emit_digits.ROUTINE)
    except CompileError:
        return None


def letters(
    routine: Call, view: Array, starts: Array, lengths: Array, mark: int
) -> tuple[Array, Array, Array, Array]:
    """As `digits.letters`."""
    starts, lengths = (np.ascontiguousarray(one, np.int64) for one in (starts, lengths))
    n = len(starts)
    mantissa = np.empty(n, np.uint64)
    decimals, marks, good = (np.empty(n, np.uint8) for _ in range(3))
    arrays = (view, starts, lengths, mantissa, decimals, marks, good)
    routine(*(address_of(one) for one in arrays), n, mark)
    return mantissa, decimals, marks, good.view(bool)
