"""Measures and predictions of data sets, in chunks of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.data.arrays import check_finite, slice_rows
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


def _threads(program: Executable, chunks: int) -> int:
    """How many threads share so many calls."""
    return available() if program.releases_gil and chunks > 1 else 1


def measures(
    task: Task,
    program: Executable,
    fixed: Sequence[Array],
    features: Sequence[Array],
    targets: Sequence[Array],
    weights: Sequence[Array],
    chunk: int,
) -> dict[str, float]:
    """What `task.measures` names, of a data set.

    Args:
        program: of the task's evaluation graph; fixed: its first inputs, to the strengths.
    """
    dtype, count, names = numpy_dtype(task.dtype), len(targets[0]), task.row_measures
    strengths = [np.asarray(one.regularizer.strength, dtype) for one in task.penalties]

    def measured(start: int, stop: int) -> list[Array]:
        batch = rows_of(features, start, stop, dtype)
        others = (other[start:stop] for other in (*targets, *weights))
        return list(program([*fixed, *strengths, *batch, *others]))

    results = in_chunks(measured, count, chunk, _threads(program, -(-count // chunk)))
    totals = np.zeros(len(names))
    for one in results:
        totals += [float(value) for value in one[: len(names)]]
    means = totals / count
    rest = results[-1][len(names) :]
    wholes = [head for head in task.heads if any(m.whole is not None for m in head.metrics)]
    if len(rest) > len(wholes):
        means[0] += float(rest[0])
    values = dict(zip(names, means.tolist(), strict=True))
    for place, head in enumerate(wholes, start=-len(wholes)):
        output = np.concatenate([one[place] for one in results])
        target = targets[task.heads.index(head)]
        for metric in head.metrics:
            if metric.whole is not None:
                values[head.named(metric.name)] = metric.whole(
                    head.loss, head.contract, target, output
                )
    return {name: values[name] for name in task.measures}


def predictions(
    program: Executable,
    fixed: Sequence[Array],
    features: Sequence[Array],
    chunk: int,
    dtype: np.dtype[Any],
) -> list[Array]:
    """The outputs for each row, one array an output."""

    def predicted(start: int, stop: int) -> list[Array]:
        rows = (slice_rows(x, start, stop, dtype, "x") for x in features)
        return list(program([*fixed, *rows]))

    count = len(features[0])
    parts = in_chunks(predicted, count, chunk, _threads(program, -(-count // chunk)))
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(chunks) for chunks in zip(*parts, strict=True)]
