"""Kernels of a person's own: a Python function of two rows or of two blocks, compiled.

In: the function and the data. Out: blocks of kernel values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class OwnKernel:
    """A function k(a, b) of two rows (D,), which gives a number, or of two blocks (m, D) and (n, D),
    which gives (m, n).
    """

    def __init__(self, function: Callable[..., Any], x: Array, where: str):
        self.function = function

    def block(self, a: Array, b: Array) -> Array:
        return np.asarray(self.function(a, b))

    def sums(self, a: Array, b: Array, coefficients: Array) -> Array:
        return np.asarray(self.block(a, b).astype(np.float64) @ coefficients.T)
