"""Small data sets of several kinds, and the kernels in NumPy: an independent computation."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def blobs(n: int = 120, columns: int = 4, classes: int = 2, seed: int = 0, apart: float = 1.2):
    """Overlapping clouds of points, one a class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    centres = apart * rng.normal(size=(classes, columns))
    return centres[y] + rng.normal(size=(n, columns)), y


def rings(n: int = 150, seed: int = 1):
    """A ring around a disc: separable by a kernel alone."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    angle, radius = rng.uniform(0, 2 * np.pi, n), 1 + 2 * y + 0.3 * rng.normal(size=n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), y


def waves(n: int = 100, seed: int = 2):
    """Numbers: a sine in two variables with noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, size=(n, 2))
    return x, np.sin(2 * x[:, 0]) + x[:, 1] / 2 + 0.2 * rng.normal(size=n)


def kernel_matrix(kind: str, a: Array, b: Array, gamma: float, coef0: float = 0.0, degree: int = 3):
    product = a @ b.T
    if kind == "linear":
        return product
    if kind == "poly":
        return (gamma * product + coef0) ** degree
    if kind == "sigmoid":
        return np.tanh(gamma * product + coef0)
    return np.exp(-gamma * ((a[:, None] - b[None]) ** 2).sum(-1))


def dual(K: Array, y: Array, alpha: Array) -> float:
    """Σ α - ½ Σ α_n α_m t_n t_m k(x_n, x_m), which is maximised."""
    beta = y * alpha
    return float(alpha.sum() - 0.5 * beta @ K @ beta)
