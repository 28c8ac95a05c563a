"""What a run is at a step, and what stays the same through it.

In: from `models`, the arrays of a model and the arguments of `fit`. Out: the records of the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.optim.base import Optimizer
from pellucid.train.engines import Job
from pellucid.train.metric import Metric

Array = np.ndarray[Any, Any]
Weights = tuple[list[Array], list[Array]]  # the parameters, and the state of layers
LAST = -1  # in the place of an epoch: the weights of the last step
_FEW = 16  # steps that are added one by one


@dataclass
class RunState:
    """Everything the next step depends on, as flat lists of arrays and numbers.

    Args:
        step: steps done since the first.
        epoch: epochs done; batch: steps done in the current one.
        sums: what the current epoch's averages are made of, weighted by rows.
        counted: the sums over its rows so far that other measures are made of, all in a row.
        kept: weights and state of earlier epochs that the run may end with. Where it did end with
            them, those of the last step stand under LAST, so that the run can go on from there.
        data: of a stream, what tells the data of the current epoch from others.
    """

    params: list[Array]
    slots: list[Array]
    state: list[Array]
    seed: int
    step: int = 0
    epoch: int = 0
    batch: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    counted: list[float] = field(default_factory=list)
    kept: dict[int, Weights] = field(default_factory=dict)
    data: str | None = None

    def add(self, names: Sequence[str], measures: Array, rows: Array) -> None:
        """Counts steps, and adds what they measured to the sums, one after the other.

        Args:
            measures: (steps, names), and behind them sums over the rows of each step.
            rows: (steps,) of each step.
        """
        sums, measures = measures[:, len(names) :], measures[:, : len(names)]
        if sums.shape[1]:
            before = self.counted or [0.0] * sums.shape[1]
            self.counted = np.add.accumulate(np.vstack([before, sums]))[-1].tolist()
        summed = ["rows", *names]
        totals = [self.sums.get(name, 0.0) for name in summed]
        if len(measures) <= _FEW:  # NumPy gives the same bits, and is the slower one here
            for count, row in zip(rows.tolist(), measures.tolist(), strict=True):
                terms = count, *(value * count for value in row)
                totals = [total + term for total, term in zip(totals, terms, strict=True)]
        else:
            table = np.empty((len(measures) + 1, len(summed)))
            table[0], table[1:, 0] = totals, rows
            np.multiply(measures, rows[:, None], out=table[1:, 1:])
            totals = np.add.accumulate(table)[-1].tolist()
        self.sums = dict(zip(summed, totals, strict=True))
        self.step += len(measures)
        self.batch += len(measures)

    def averages(self, names: Sequence[str]) -> dict[str, float]:
        """Of the epoch so far."""
        rows = self.sums["rows"]
        return {name: self.sums[name] / rows for name in names}


@dataclass
class Settings:
    """What stays the same through a run.

    Args:
        summed: measures that are made of sums over rows: how many, and of which metric.
    """

    job: Job
    optimizer: Optimizer
    measure_names: list[str]  # "loss" and metrics that are means, in the graph's order
    epochs: int
    batch_size: Callable[[int], int]  # of an epoch
    validate_every: int | None = None
    # Epochs from one validation to the next, or the numbers of those with validation.
    validation_freq: int | Collection[int] = 1
    steps_per_epoch: int | None = None  # at most
    validation_names: tuple[str, ...] = ()
    summed: Mapping[str, tuple[int, Metric]] = field(default_factory=dict)
    epoch_names: Sequence[str] = ()  # what epochs measure; empty: `measure_names`

    def averages(self, now: RunState) -> dict[str, float]:
        """What the epoch so far measured, in the order that a person gave."""
        found = now.averages(self.measure_names)
        first = 0
        for name, (width, metric) in self.summed.items():
            found[name] = metric.finished(np.array(now.counted[first : first + width]))
            first += width
        return {name: found[name] for name in self.epoch_names or found}
