"""The order of sums (semantics §9), written a second time: plainly, one number at a time."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

LANES, CHUNK = 16, 1024


def tree(lanes: list[np.floating]) -> np.floating:
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [lanes[i] + lanes[i + half] for i in range(half)]
    return lanes[0]


def lanes_sum(x: np.ndarray) -> np.floating:
    """Σ x for a flat array."""
    kind = x.dtype.type
    outer = [kind(-0.0)] * LANES
    for number, begin in enumerate(range(0, len(x), CHUNK)):
        inner = [kind(-0.0)] * LANES
        for k, value in enumerate(x[begin : begin + CHUNK]):
            inner[k % LANES] = inner[k % LANES] + value
        outer[number % LANES] = outer[number % LANES] + tree(inner)
    return tree(outer) if len(x) else kind(0)


def sum_over(x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
    """Σ x over axes; what is summed is taken in row-major order."""
    rest = tuple(i for i in range(x.ndim) if i not in axis)
    kept = tuple(x.shape[i] for i in rest)
    terms = int(np.prod([x.shape[i] for i in axis], dtype=int))
    rows = x.transpose(rest + axis).reshape(*kept, terms)
    out = np.empty(kept, x.dtype)
    for place in np.ndindex(*out.shape):
        out[place] = lanes_sum(rows[place])
    return out


def fma(x: float, y: float, out: float) -> float:
    """x·y + out, rounded once. Python divides whole numbers correctly rounded."""
    exact = Fraction(x) * Fraction(y) + Fraction(out)
    return exact.numerator / exact.denominator


def matmul(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x·y in float64, each element by fused multiply-adds in the order of k."""
    out = np.zeros((x.shape[0], y.shape[1]))
    for i, j in np.ndindex(*out.shape):
        for k in range(x.shape[1]):
            out[i, j] = fma(x[i, k], y[k, j], out[i, j])
    return out
