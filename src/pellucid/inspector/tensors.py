"""A tensor in few numbers: its summary, a slice of it, a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
MOST_ROWS, MOST_COLUMNS, BINS = 12, 12, 24


@dataclass(frozen=True)
class Summary:
    """Of all numbers that are finite: extremes, mean, standard deviation; and how many are 0.

    Attributes:
        not_finite: how many numbers are NaN or infinite.
        counts, edges: the histogram: how many lie between neighbouring edges.
    """

    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float
    mean: float
    spread: float
    zeros: int
    not_finite: int
    counts: tuple[int, ...]
    edges: tuple[float, ...]


def summary(value: Array) -> Summary:
    """The summary of a tensor; of one without finite numbers all measures are NaN."""
    with np.errstate(all="ignore"):
        wide = value.astype(np.float64).reshape(-1)
    kept = wide[np.isfinite(wide)]
    nothing = float("nan")
    low, high, mean, spread = (
        (float(f(kept)) for f in (np.min, np.max, np.mean, np.std)) if kept.size else (nothing,) * 4
    )
    counts, edges = (), ()
    if kept.size > 1 and high > low and np.isfinite(high - low):
        made = np.histogram(kept, BINS)
        counts, edges = tuple(made[0].tolist()), tuple(made[1].tolist())
    zeros = int(np.count_nonzero(wide == 0))
    return Summary(
        *(value.shape, str(value.dtype), low, high, mean, spread, zeros),
        *(int(wide.size - kept.size), counts, edges),
    )


@dataclass(frozen=True)
class Slice:
    """A window of the last two axes.

    Attributes:
        before: the place along the axes before them.
        row, column: where the window begins.
        cells: (rows, columns) numbers.
    """

    before: tuple[int, ...]
    row: int
    column: int
    cells: Array


def window(value: Array, at: Sequence[int]) -> Slice:
    """The window of a tensor in which the element `at` stands."""
    place = tuple(int(k) for k in at) if len(at) else (0,) * value.ndim
    two = value.reshape((1,) * max(0, 2 - value.ndim) + value.shape)
    place = (0,) * (two.ndim - len(place)) + place
    before = place[:-2]
    flat = two[before]
    row = max(0, min(place[-2] - MOST_ROWS // 2, flat.shape[0] - MOST_ROWS))
    column = max(0, min(place[-1] - MOST_COLUMNS // 2, flat.shape[1] - MOST_COLUMNS))
    cells = flat[row : row + MOST_ROWS, column : column + MOST_COLUMNS]
    return Slice(before[len(before) - max(0, value.ndim - 2) :], row, column, cells)
