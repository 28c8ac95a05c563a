"""How good predictions of a table's target are, and how sure these numbers are.

In: the true codes or values of rows, and what was predicted. Out: measures by name; an interval of
each from resampled rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.train.scores import roc_auc

Array = np.ndarray[Any, Any]
_RESAMPLES = 200
_LOWEST = 1e-12  # a probability that a log-loss takes


def losses(y: Array, predicted: Array, is_classes: bool) -> dict[str, Array]:
    """What each row adds to the measures that are means over rows."""
    if is_classes:
        likely = np.clip(predicted[np.arange(len(y)), y], _LOWEST, 1.0)
        return {"accuracy": (predicted.argmax(axis=1) == y) * 1.0, "log_loss": -np.log(likely)}
    error = predicted - y
    return {"squared": error**2, "absolute": np.abs(error)}


def measures(y: Array, predicted: Array, is_classes: bool) -> dict[str, float]:
    """accuracy and log_loss, with two classes roc_auc too; or rmse, mae and r2.

    Args:
        y: (N,) codes, or values.
        predicted: (N, C) probabilities, or (N,) values.
    """
    found = {name: float(rows.mean()) for name, rows in losses(y, predicted, is_classes).items()}
    if is_classes:
        if predicted.shape[1] == 2 and 0 < int(y.sum()) < len(y):
            found["roc_auc"] = roc_auc(y, predicted[:, 1])
        return found
    spread = float(np.mean((y - y.mean()) ** 2))
    return {
        "rmse": float(np.sqrt(found["squared"])),
        "mae": found["absolute"],
        "r2": 1 - found["squared"] / spread if spread else float("nan"),
    }


def intervals(
    y: Array, predicted: Array, is_classes: bool, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The middle 95 % of the measures over resampled rows, of those that are means of rows."""
    own = losses(y, predicted, is_classes)
    draws = np.random.default_rng([seed, 2])
    count = len(y)
    means = {name: np.empty(_RESAMPLES) for name in own}
    for k in range(_RESAMPLES):
        times = np.bincount(draws.integers(0, count, count), minlength=count)
        for name, rows in own.items():
            means[name][k] = rows @ times / count
    if not is_classes:
        means = {"rmse": np.sqrt(means["squared"]), "mae": means["absolute"]}
    ends = {name: np.quantile(values, [0.025, 0.975]).tolist() for name, values in means.items()}
    return {name: (low, high) for name, (low, high) in ends.items()}
