"""Random quadratic problems as `smo` takes them, of each kind that the machines need."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.svm import kernels

Array = NDArray[Any]
KINDS = ("classes", "two groups", "regression", "slices")


def kernel(kind: str, gamma: float = 0.5, coef0: float = 0.3, degree: int = 3) -> kernels.Kernel:
    """A kernel whose defaults leave no argument without effect."""
    return kernels.Kernel(kind, gamma, coef0, degree)


class Problem(NamedTuple):
    """The arguments of `smo`, and what they come from."""

    K: Array  # by row and column of the kernel rows
    places: Array  # the column of each row
    z: Array
    variables: Array  # the row of each variable
    rows: Array
    diag: Array
    F: Array
    b: Array
    lo: Array
    hi: Array
    up: Array
    low: Array
    segments: Array

    @property
    def arguments(self) -> tuple[Array, ...]:
        return self[4:]

    def copy(self) -> Problem:
        """The same problem; kernel rows are shared."""
        return Problem(*self[:4], *(array.copy() for array in self.arguments))

    @property
    def beta(self) -> Array:
        beta = np.zeros(len(self.F))
        np.add.at(beta, self.variables, self.b)
        return beta

    def exact(self) -> Array:
        """F anew, from b."""
        K = self.K.astype(np.float64)
        return K[: len(self.F), self.places] @ self.beta - self.z


def problem(
    kind: str, n: int, dtype: Any, seed: int, C: float = 1.0, ties: bool = False
) -> Problem:
    """A problem over n rows."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    if ties:
        x = np.round(x)
    y = np.where(x[:, 0] + 0.4 * rng.normal(size=n) > 0, 1.0, -1.0)
    shift = 5 if kind == "slices" else 0
    half = n // 2
    places = np.arange(n)
    if kind == "slices":  # columns of other classes stand between the two of this problem
        places = np.concatenate([np.arange(half), np.arange(half, n) + shift])
    if kind in ("two groups", "slices"):
        y = np.where(np.arange(n) < half, 1.0, -1.0)
    K = np.full((n, n + shift), 7.0)
    K[:, places] = np.exp(-0.5 * ((x[:, None] - x) ** 2).sum(2))
    K = K.astype(dtype)
    rows = (K.ctypes.data + K.strides[0] * np.arange(n)).astype(np.int64)
    variables = np.arange(n)
    b, offsets = np.zeros(n), np.zeros(n)
    hi, lo, z = np.where(y > 0, C, 0.0), np.where(y > 0, 0.0, -C), y.copy()
    segments = [[0, 0, 0, n, 0, 1]]
    if kind == "two groups":
        z = np.zeros(n)
        for part in (slice(0, half), slice(half, n)):
            b[part] = y[part] * C * 0.4
        segments = [[0, 0, 0, half, 0, 1], [half, half, half, n - half, 1, 1]]
    elif kind == "slices":
        segments = [[0, 0, 0, half, 0, 1], [half, half, half + shift, n - half, 0, 1]]
    elif kind == "regression":
        z = np.sin(x[:, 0]) + 0.1 * rng.normal(size=n)
        variables = np.tile(variables, 2)
        b, offsets = np.zeros(2 * n), np.repeat([0.1, -0.1], n)
        hi, lo = np.repeat([C, 0.0], n), np.repeat([0.0, -C], n)
        segments = [[0, 0, 0, n, 0, 1], [n, 0, 0, n, 0, 0]]
    beta = np.zeros(n)
    np.add.at(beta, variables, b)
    F = K[:, places].astype(np.float64) @ beta - z
    up, low = np.where(b < hi, offsets, np.inf), np.where(b > lo, offsets, -np.inf)
    diag = np.ascontiguousarray(K[np.arange(n), places])
    table = np.array(segments, np.int64)
    return Problem(K, places, z, variables, rows, diag, F, b, lo, hi, up, low, table)
