"""Measures and predictions of data sets, in chunks of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.data.arrays import check_finite, slice_rows
from pellucid.data.sparse import SparseTable
from pellucid.runtime.executor import Executable
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.threads import available, in_chunks
from pellucid.train.task import Task

Array = np.ndarray[Any, Any]
CHUNK = 1024  # rows that evaluate and predict take at a time


def rows_of(features: Sequence[Array], start: int, stop: int, dtype: np.dtype[Any]) -> list[Array]:
    """Rows of each input in the model's dtype, all their numbers finite."""
    found = [slice_rows(x, start, stop, dtype, "x") for x in features]
    for part in found:
        check_finite(part, range(start, stop), "x")
    return found


def _threads(program: Executable, chunks: int, threads: int | None) -> tuple[int, int]:
    """How many threads share so many calls, and how many share the work of each.

    Args:
        threads: at most; what is available for None.
    """
    if program.releases_gil and chunks <= 1:
        return 1, 1  # a call of few rows does not ask how many there are
    most = available() if threads is None else threads
    return (most, 1) if program.releases_gil else (1, most)


class Measuring:
    """What `task.measures` names, of rows that come one part after the other.

    Args:
        program: of the task's evaluation graph; fixed: its first inputs, to the strengths.
        chunk: rows a call; threads: how many at most make such calls at the same time.
    """

    def __init__(
        self,
        task: Task,
        program: Executable,
        fixed: Sequence[Array],
        chunk: int,
        threads: int | None = None,
    ):
        dtype = numpy_dtype(task.dtype)
        strengths = [np.asarray(one.regularizer.strength, dtype) for one in task.penalties]
        self.task, self.chunk, self.threads = task, chunk, threads
        self._dtype, self._program, self._fixed = dtype, program, [*fixed, *strengths]
        self._wholes = [head for head in task.heads if any(m.whole for m in head.metrics)]
        self._totals, self._count = np.zeros(len(task.row_measures)), 0
        self._sums: list[Any] = [0.0] * len(task.summed)  # float64 arrays
        self._penalty: float | None = None
        self._outputs: list[list[Array]] = [[] for _ in self._wholes]
        self._targets: list[list[Array]] = [[] for _ in self._wholes]

    def add(
        self, features: Sequence[Array], targets: Sequence[Array], weights: Sequence[Array]
    ) -> None:
        """Takes in rows; all parts but the last have a multiple of `chunk` of them."""

        fixed = self._program.brought(self._fixed)

        def measured(start: int, stop: int) -> list[Array]:
            batch = rows_of(features, start, stop, self._dtype)
            others = (other[start:stop] for other in (*targets, *weights))
            return list(self._program([*fixed, *batch, *others], each))

        count, names = len(targets[0]), self.task.row_measures
        threads, each = _threads(self._program, -(-count // self.chunk), self.threads)
        for one in in_chunks(measured, count, self.chunk, threads):
            self._totals += [float(value) for value in one[: len(names)]]
            behind = len(names) + len(self._sums)
            for n, part in enumerate(one[len(names) : behind]):
                self._sums[n] = self._sums[n] + part.astype(np.float64)
            rest = one[behind:]
            if len(rest) > len(self._wholes):
                self._penalty = float(rest[0])
            for held, output in zip(
                self._outputs, rest[len(rest) - len(self._wholes) :], strict=True
            ):
                held.append(output)
        for held, head in zip(self._targets, self._wholes, strict=True):
            held.append(targets[self.task.heads.index(head)])
        self._count += count

    def values(self) -> dict[str, float]:
        means = self._totals / self._count
        if self._penalty is not None:
            means[0] += self._penalty
        values = dict(zip(self.task.row_measures, means.tolist(), strict=True))
        for (name, metric), sums in zip(self.task.summed.items(), self._sums, strict=True):
            values[name] = metric.finished(sums)
        for head, outputs, targets in zip(self._wholes, self._outputs, self._targets, strict=True):
            output = np.concatenate(outputs)
            target = targets[0] if len(targets) == 1 else np.concatenate(targets)
            for metric in head.metrics:
                if metric.whole is not None:
                    values[head.named(metric.name)] = metric.whole(
                        head.loss, head.contract, target, output
                    )
        return {name: values[name] for name in self.task.measures}


def predictions(
    program: Executable,
    fixed: Sequence[Array],
    features: Sequence[Array],
    chunk: int,
    dtype: np.dtype[Any],
    threads: int | None = None,
) -> list[Array]:
    """The outputs for each row, one array an output; `threads` at most compute them."""

    def predicted(start: int, stop: int) -> list[Array]:
        rows = (slice_rows(x, start, stop, dtype, "x") for x in features)
        return list(program([*held, *rows], each))

    count, held = len(features[0]), program.brought(fixed)
    for x in features:
        if isinstance(x, SparseTable):
            chunk = min(chunk, x.at_a_time(dtype))
    team, each = _threads(program, -(-count // chunk), threads)
    parts = in_chunks(predicted, count, chunk, team)
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(chunks) for chunks in zip(*parts, strict=True)]
