"""What a model of a table must say, by the csv module and NumPy, from the raw training file."""

from __future__ import annotations

import csv
import datetime
import itertools
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
EPOCH = datetime.datetime(1970, 1, 1)


def read(path: Path, delimiter: str = ",") -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=delimiter))
    return {name: [row[name] for row in rows] for name in rows[0]}


def number(text: str, comma: bool) -> float:
    if text in ("", "n/a"):
        return float("nan")
    return float(text.replace(".", "").replace(",", ".") if comma else text)


def date(text: str) -> list[float]:
    if not text:
        return [float("nan")] * 6
    day = datetime.datetime.strptime(text, "%d.%m.%Y")
    return [(day - EPOCH).total_seconds(), day.year, day.month, day.day, day.weekday(), day.hour]


def scaled(train: Array, x: Array) -> Array:
    out = np.zeros_like(x)
    for i, (own, column) in enumerate(zip(train.T, x.T, strict=True)):
        known = own[~np.isnan(own)]
        low, median, high = np.quantile(known, [0.25, 0.5, 0.75])
        scale = (high - low) or (known.max() - known.min()) / 2 or 1.0
        z = (np.where(np.isnan(column), median, column) - median) / scale
        out[:, i] = z / np.sqrt(1 + (z / 3) ** 2)
    return out


def bins(train: Array, x: Array, count: int = 16) -> Array:
    out = np.zeros((*x.shape, count))
    for i, own in enumerate(train.T):
        edges = np.unique(np.quantile(own[~np.isnan(own)], np.linspace(0, 1, count + 1)))
        for t, (low, high) in enumerate(itertools.pairwise(edges)):
            out[:, i, t] = np.nan_to_num(np.clip((x[:, i] - low) / (high - low), 0, 1))
    return out.reshape(len(x), -1)


def codes(train: list[str], column: list[str]) -> list[int]:
    """Places among the sorted levels; -1 where missing, their number where unseen."""
    levels = sorted({text for text in train if text})
    return [-1 if not t else levels.index(t) if t in levels else len(levels) for t in column]


def outputs(model: Any, numbers: Array, binned: Array, categories: Array | None) -> Array:
    """The mean of what the networks say, by their weights: probabilities or values."""
    total = 0.0
    for member in model.members:
        params = member.model.params
        x = (
            np.concatenate([numbers, binned], axis=1)
            if member.networks.kind == "binned"
            else numbers
        )
        parts = [x]
        if categories is not None:
            parts.append(_categories(params["codes"], member.networks.shape.levels, categories))
        h = np.concatenate(parts, axis=1)
        for name in ("hidden_1", "hidden_2"):
            h = np.maximum(h @ params[name]["W"].astype(float) + params[name]["b"], 0)
        out = h @ params["output"]["W"].astype(float) + params["output"]["b"]
        if model.target.is_classes:
            out = np.exp(out - out.max(axis=1, keepdims=True))
            out /= out.sum(axis=1, keepdims=True)
        total = total + out
    return np.asarray(total) / len(model.members)


def _categories(params: Any, levels: tuple[int, ...], given: Array) -> Array:
    few, many, first = [], [], 0
    for column, count in zip(given.T, levels, strict=True):
        rows = np.where(column < 0, count, np.where(column >= count, count + 1, column))
        if count <= 8:
            few.append(np.eye(count + 2)[rows])
        else:
            many.append(params["table"][first + rows].astype(float))
            first += count + 2
    return np.concatenate([*few, *many], axis=1)
