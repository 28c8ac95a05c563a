"""Statistics of losses over tables, splits and methods. Of NumPy alone, for any losses > 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
FLOOR = 1e-7  # of a probability: one certain error does not decide a mean


def log_loss(probabilities: Array, codes: Array) -> float:
    """-mean log p of each row's class; p within [1e-7, 1]."""
    own = probabilities[np.arange(len(codes)), codes]
    return float(-np.mean(np.log(np.clip(own, FLOOR, 1.0))))


def error_rate(probabilities: Array, codes: Array) -> float:
    return float(np.mean(probabilities.argmax(axis=1) != codes))


def relative_rmse(predicted: Array, true: Array, deviation: float) -> float:
    """√(mean squared error), by the deviation of the table's targets."""
    return float(np.sqrt(np.mean((predicted - true) ** 2)) / deviation)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The geometric mean of ours/theirs over the splits of one table."""
    return float(np.exp(np.mean(np.log(ours) - np.log(theirs))))


@dataclass(frozen=True)
class Comparison:
    """Two methods over tables: ratios of their losses, below 1 where ours is better.

    Attributes:
        wins, tables: tables with a ratio below 1, and all.
        median, mean: of the ratios; the mean is geometric.
        median_range, mean_range: the middle 95 % over tables drawn again with replacement.
    """

    wins: int
    tables: int
    median: float
    mean: float
    median_range: tuple[float, float]
    mean_range: tuple[float, float]


def comparison(ratios: Sequence[float], seed: int = 0, draws: int = 10_000) -> Comparison:
    logs = np.log(np.asarray(ratios, float))
    drawn = logs[np.random.default_rng(seed).integers(0, len(logs), (draws, len(logs)))]

    def middle(values: Array) -> tuple[float, float]:
        low, high = np.exp(np.quantile(values, [0.025, 0.975]))
        return float(low), float(high)

    return Comparison(
        int((logs < 0).sum()),
        len(logs),
        float(np.exp(np.median(logs))),
        float(np.exp(logs.mean())),
        middle(np.median(drawn, axis=1)),
        middle(drawn.mean(axis=1)),
    )


def ranks(losses: Sequence[float]) -> Array:
    """1 for the least loss; equal losses share the mean of their ranks."""
    values = np.asarray(losses, float)
    below = (values[None, :] < values[:, None]).sum(axis=1)
    same = (values[None, :] == values[:, None]).sum(axis=1)
    return below + (same + 1) / 2


def mean_ranks(losses: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The mean rank of each method.

    Args:
        losses: table → method → loss; the same methods everywhere.
    """
    methods = list(next(iter(losses.values())))
    all_ranks = [ranks([found[method] for method in methods]) for found in losses.values()]
    return dict(zip(methods, np.mean(all_ranks, axis=0).tolist(), strict=True))
