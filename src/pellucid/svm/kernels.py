"""Kernels: the four by name, and a Python function of two rows or two blocks.

In: what a person names, and the data. Out: a record of numbers that machine code reads, or a
compiled function.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pellucid.core.arguments import integer, real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, DataError, nearest
from pellucid.data.arrays import Array

KINDS = ("linear", "poly", "rbf", "sigmoid")  # machine code knows them by their numbers
NAMES = (*KINDS, "precomputed")
_LEAST_VARIANCE = 1e-300
_ELSEWHERE = {
    "gaussian": "rbf",
    "polynomial": "poly",
    "radial": "rbf",
    "tanh": "sigmoid",
    "laplacian": "Write it: kernel=lambda a, b: pel.numpy.exp(-pel.numpy.sum(abs(a - b))).",
}


@record
class Kernel:
    """A kernel k(a, b) by name. What a kind does not name is not read.

    linear a·b; poly (γ a·b + c)^degree; rbf exp(-γ |a - b|²); sigmoid tanh(γ a·b + c).
    """

    kind: str
    gamma: float = 1.0
    coef0: float = 0.0
    degree: int = 3

    @property
    def is_positive(self) -> bool:
        """Whether no kernel matrix of it has eigenvalues below 0, whatever the rows are."""
        return self.kind in ("linear", "rbf") or (self.kind == "poly" and self.coef0 >= 0)

    def of_products(self, products: Array) -> Array:
        """k(a, b) from products a·b, for all kinds but rbf, which needs |a|² and |b|² too."""
        if self.kind == "poly":
            return np.asarray((self.gamma * products + self.coef0) ** self.degree)
        if self.kind == "sigmoid":
            return np.asarray(np.tanh(self.gamma * products + self.coef0))
        return products

    def diagonal(self, squares: Array) -> Array:
        """k(a, a) from squares |a|²."""
        return np.ones_like(squares) if self.kind == "rbf" else self.of_products(squares)


def not_finite(where: str) -> DataError:
    """The error for kernel values that are infinite or NaN."""
    return DataError(
        where,
        "kernel values must be finite, got infinity or NaN",
        "Scale the data, or choose a smaller degree.",
    )


def check_kernel(where: str, kernel: object, gamma: object, degree: object, coef0: object) -> None:
    """Refuses what names no kernel."""
    if not callable(kernel) and not (isinstance(kernel, str) and kernel in NAMES):
        raise ArgumentError(where, f"unknown kernel {kernel!r}", nearest(kernel, NAMES, _ELSEWHERE))
    if isinstance(gamma, str):
        if gamma not in ("scale", "auto"):
            raise ArgumentError(
                where, f"unknown gamma {gamma!r}", nearest(gamma, ("scale", "auto"))
            )
    else:
        real(where, "gamma", gamma, 0)
    integer(where, "degree", degree, 0)
    real(where, "coef0", coef0)


def scale(columns: int, variance: float) -> float:
    """γ = 1/(D·variance); 1 for rows that are all alike.

    Raises:
        DataError: where float64 does not hold it.
    """
    width = 1.0 / (columns * variance) if variance >= _LEAST_VARIANCE else math.inf
    if variance and not 0 < width < math.inf:
        raise DataError(
            "svm",
            f"gamma='scale' needs rows whose variance is an ordinary number, got {variance:.3g}",
            "Scale the columns alike, such as (x - x.mean(0)) / x.std(0).",
        )
    return width if variance else 1.0


def named(
    kind: str, gamma: Any, degree: int, coef0: float, columns: int, variance: float
) -> Kernel:
    """The kernel of a name for data of so many columns and so much variance.

    Args:
        gamma: "scale", 1/(D·variance); "auto", 1/D; or a number.
    """
    if gamma == "scale":
        width = scale(columns, variance)
    else:
        width = 1.0 / columns if gamma == "auto" else float(gamma)
    return Kernel(kind, width, float(coef0), int(degree))
