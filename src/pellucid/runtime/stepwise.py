"""Training one step at a time, with the states before it at hand: the part that trainers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.signals import immediate
from pellucid.graph.node import TensorType
from pellucid.runtime.executor import Array, Job, finite


def numbers(measures: Sequence[Array]) -> list[float]:
    """What a step measured, one behind the other."""
    return [number for one in measures for number in np.ravel(one).tolist()]


class StepwiseTrainer:
    """A `Trainer` whose steps are calls from Python. A subclass defines `step`."""

    steps_at_once = 1

    def __init__(self, job: Job, state: Sequence[Array], measured: Sequence[TensorType]):
        """
        Args:
            measured: the types of what a step measures.
        """
        self.job = job
        self.measures = sum(shapes.count(type.shape) for type in measured)  # numbers of a step
        # The state, and those before the last step and the one before that.
        self._state = self._previous = self._kept = self._marked = list(state)
        self.seconds = np.inf

    def step(self, batch: Sequence[Array], rate: float) -> tuple[list[float], list[Array]]:
        """One step from here: its measures and the state behind it."""
        raise NotImplementedError

    def taken(self, rows: Array) -> Any:
        """These rows as `step` takes them; None where one of them holds a number not finite."""
        batch = self.job.batch(rows)
        return batch if finite(batch) else None

    def order(self, seed: int, epoch: int) -> Array:
        return self.job.order(seed, epoch)

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        done: list[list[float]] = []
        for start, rate in zip(range(0, len(rows), size), rates, strict=True):
            batch = self.taken(rows[start : start + size])
            if batch is None:
                break
            with immediate():  # the state is as before until the step is done
                measures, new = self.step(batch, float(rate))
            self._kept, self._previous, self._state = self._previous, self._state, new
            done.append(measures)
            if not np.isfinite(measures[0]):
                break
        return np.array(done).reshape(len(done), self.measures)

    def state(self) -> list[Array]:
        return self._state

    finish = state

    def mark(self) -> None:
        self._marked = self._state

    def go_back(self) -> None:
        self._state = self._previous = self._kept = self._marked

    def before_failure(self) -> list[Array]:
        return self._previous

    def is_finite(self) -> bool:
        return finite(self._state[: self.job.params])

    def give_up(self, steps: int) -> None:
        before = self._previous
        enough = steps == 1 or finite(before[: self.job.params])
        self._state = before if enough else self._kept
