"""Which rows are held out: folds by chance, by class, by group or by time.

In: what is known of each row. Out: for each fold the rows that are held out; all others train.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.errors import DataError

Array = np.ndarray[Any, Any]
_WHERE = "fit_table"
_LAST = 0.2  # of the rows in time, or of a single split


def by_chance(rows: int, count: int, seed: int) -> list[Array]:
    """`count` folds of nearly equal size."""
    order = np.random.default_rng([seed, 1]).permutation(rows)
    return [np.sort(order[k::count]) for k in range(count)]


def by_class(codes: Array, count: int, seed: int) -> list[Array]:
    """Folds in each of which a class has its share, as far as its rows go."""
    shuffled = np.random.default_rng([seed, 1]).permutation(len(codes))
    order = shuffled[np.argsort(codes[shuffled], kind="stable")]
    return [np.sort(order[k::count]) for k in range(count)]


def by_group(groups: Array, count: int, seed: int) -> list[Array]:
    """Folds that share no group, of sizes as equal as groups allow.

    Args:
        groups: the number of each row's group.
    """
    sizes = np.bincount(groups)
    present = np.flatnonzero(sizes)
    if len(present) < 2:
        raise DataError(
            _WHERE, "group must part the rows into two groups or more, got one", "Leave it out."
        )
    order = np.random.default_rng([seed, 1]).permutation(present)
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of = np.zeros(len(sizes), np.int64)
    filled = np.zeros(min(count, len(present)), np.int64)
    for group in order:  # the largest first, each into the emptiest fold
        fold_of[group] = int(np.argmin(filled))
        filled[fold_of[group]] += sizes[group]
    return [np.flatnonzero(fold_of[groups] == k) for k in range(len(filled))]


def by_time(times: Array) -> list[Array]:
    """The last fifth of the rows, and all rows of the same moment as its first."""
    border = np.sort(times)[int(len(times) * (1 - _LAST))]
    late = times >= border
    if 2 * int(late.sum()) > len(times):
        raise DataError(
            _WHERE,
            "time must tell early rows from late ones, got one moment in most of them",
            "Leave it out, or name another column.",
        )
    return [np.flatnonzero(late)]
