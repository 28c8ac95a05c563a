"""Several classes as problems of two, over one set of kernel rows.

In: the number of each row's class. Out: which rows each problem sees, and what the problems'
answers say of the classes. Rows are sorted by class, so that a pair of classes sees two slices of
every kernel row and all problems share one cache.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pellucid.data.arrays import Array


class Task(NamedTuple):
    """One problem of two classes.

    Args:
        ranges: its rows, those of the positive class first.
        positive, negative: numbers of the classes; -1 for all others.
    """

    ranges: tuple[tuple[int, int], ...]
    positive: int
    negative: int


def tasks(counts: Sequence[int], multi_class: str) -> list[Task]:
    """The problems for classes with so many rows each: every pair, or each class against the rest.

    Args:
        multi_class: "ovo" or "ovr"; two classes are one pair under either.
    """
    ends = list(itertools.accumulate(counts, initial=0))
    spans = list(itertools.pairwise(ends))
    if multi_class == "ovo" or len(counts) == 2:
        pairs = itertools.combinations(range(len(counts)), 2)
        return [Task((spans[i], spans[j]), i, j) for i, j in pairs]
    return [
        Task(
            tuple(part for part in (span, (0, span[0]), (span[1], ends[-1])) if part[0] < part[1]),
            k,
            -1,
        )
        for k, span in enumerate(spans)
    ]


def title(labels: Array, positive: int, negative: int) -> str:
    """A problem in words; `negative` is -1 for all other classes."""
    names = labels.tolist()  # Python's own values; an array of objects holds them already
    rest = "the rest" if negative < 0 else repr(names[negative])
    return f"{names[positive]!r} against {rest}"


def votes(decisions: Array, classes: int) -> Array:
    """How many pairs each class wins, (m, K): a pair (i, j) goes to i where its answer is > 0."""
    won = np.zeros((len(decisions), classes), np.int64)
    for column, (i, j) in enumerate(itertools.combinations(range(classes), 2)):
        first = decisions[:, column] > 0
        won[:, i] += first
        won[:, j] += ~first
    return won


def scores(decisions: Array, classes: int) -> Array:
    """One number a class, (m, K): its votes, and below a third of a vote how sure they are."""
    sure = np.zeros((len(decisions), classes))
    for column, (i, j) in enumerate(itertools.combinations(range(classes), 2)):
        sure[:, i] += decisions[:, column]
        sure[:, j] -= decisions[:, column]
    return np.asarray(votes(decisions, classes) + sure / (3 * (np.abs(sure) + 1)))


def compact(coefficients: Array, owner: Array, classes: int) -> Array:
    """The coefficients of pairs as LIBSVM lays them out, (K - 1, s).

    Args:
        coefficients: (pairs, s), of each support vector in each pair.
        owner: (s,), its class; ascending.

    Row o holds its coefficient against the o-th of the other classes.
    """
    out = np.zeros((classes - 1, len(owner)))
    ends = np.searchsorted(owner, np.arange(classes + 1))
    spans = [slice(*ends[k : k + 2]) for k in range(classes)]
    for row, (i, j) in zip(coefficients, itertools.combinations(range(classes), 2), strict=True):
        out[j - 1, spans[i]] = row[spans[i]]
        out[i, spans[j]] = row[spans[j]]
    return out
