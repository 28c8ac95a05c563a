"""A training run over several processes, each of which has its own part of the rows.

In: this process's rows, and the group. Out: the run as if all rows were here, one part behind the
other in the order of the processes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from pellucid.data.arrays import digest, samples
from pellucid.data.minibatch import order
from pellucid.runtime.group import Group
from pellucid.train.engines import Array, Job


@dataclass(frozen=True)
class GroupRows:
    """Whose rows are where.

    Attributes:
        counts: the rows of each process.
    """

    group: Group
    counts: tuple[int, ...]

    @classmethod
    def of(cls, group: Group, rows: int) -> GroupRows:
        return cls(group, tuple(group.exchange(rows)))

    @property
    def rows(self) -> int:
        """Of all processes."""
        return sum(self.counts)

    @property
    def first(self) -> int:
        """The number of this process's first row among all."""
        return sum(self.counts[: self.group.process])

    def own(self, rows: Array) -> Array:
        """Which of these rows, numbered among all, are this process's: their places in `rows`."""
        last = self.first + self.counts[self.group.process]
        return np.flatnonzero((self.first <= rows) & (rows < last))

    def fingerprint(
        self, features: Sequence[Array], others: Sequence[Array], dtype: np.dtype[Any]
    ) -> str:
        """That of all rows: the same however they are parted."""
        own = samples(features, others, dtype, self.rows, self.first)
        told = self.group.exchange([base64.b64encode(one).decode() for one in own])
        return digest(
            b"".join(base64.b64decode(of_one) for of_one in one) for one in zip(*told, strict=True)
        )


@dataclass(frozen=True)
class GroupJob(Job):
    """A job whose `features` and `others` are this process's rows alone.

    Args:
        parts: whose rows are where. Row numbers are those among all.
    """

    parts: GroupRows | None = None

    @classmethod
    def of(cls, job: Job, parts: GroupRows) -> GroupJob:
        known = {field.name: getattr(job, field.name) for field in fields(job)}
        return cls(**{**known, "group": parts.group, "parts": parts})

    @property
    def rows(self) -> int:
        assert self.parts is not None
        return self.parts.rows

    def order(self, seed: int, epoch: int) -> Array:
        return order(self.rows, seed, epoch)

    def batch(self, rows: Array) -> list[Array]:
        """These rows, brought together from all processes, which all ask for them."""
        parts = self.parts
        assert parts is not None
        places = parts.own(rows)
        held = super().batch(rows[places] - parts.first)  # what is refused here ends it for all
        own = {"places": places.tolist(), "arrays": [_text(array) for array in held]}
        told = parts.group.exchange(own)
        found = []
        for number, array in enumerate(held):
            whole = np.empty((len(rows), *array.shape[1:]), array.dtype)
            for other in told:
                data = np.frombuffer(base64.b64decode(other["arrays"][number]), array.dtype)
                whole[other["places"]] = data.reshape(-1, *array.shape[1:])
            found.append(whole)
        return found


def _text(array: Array) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
