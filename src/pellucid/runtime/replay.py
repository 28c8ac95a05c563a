"""Training many steps at a time, with a state to go back to: the part that such trainers share.

A step that fails left nothing of the states before it. So a copy of an earlier state stays at hand
with the rows of the steps since, and to go back is to take those steps again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from pellucid.core.errors import DataError, PellucidError
from pellucid.core.signals import immediate
from pellucid.runtime.executor import Array, Job, finite
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.threads import apart

_SLOW = 0.1  # seconds of a step from which Ctrl-C is heard inside it
_REPLAYED = 1.0  # seconds of steps that are taken again, at most, to find the last finite weights


class Steps(Protocol):
    """What runs the steps and holds the state.

    Attributes:
        refused: whether the last `run` ended before a step in which a row refused its numbers.
    """

    refused: bool

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        """As `Trainer.run`, but that it does not raise what a row refused."""

    def stop(self) -> None:
        """Tells a step that no one waits for it any more."""

    def state(self, room: Sequence[Array] | None = None) -> list[Array]:
        """Copies of the state: fresh arrays, or those of `room`."""

    def live(self) -> list[Array]:
        """The state itself, which a further step would change."""

    def restore(self, state: Sequence[Array]) -> None:
        """Puts copies of `state` in its place."""


class ReplayTrainer:
    """A `Trainer` over `Steps`, which a subclass makes."""

    steps_at_once = 1 << 20

    def __init__(self, job: Job, state: Sequence[Array], steps: Steps, seconds: float):
        self.job, self.seconds = job, seconds
        self._steps = steps
        self._cut = False  # whether Ctrl-C left the last step half done in the memory of `steps`
        self._start = list(state)  # a state to go back to, and the steps done since
        self._room: list[Array] | None = None  # for such states, where no one else has them
        self._marked: list[Array] | None = None
        self._since: list[tuple[Array, Array, int]] = []
        self._seconds = 0.0

    def order(self, seed: int, epoch: int) -> Array:
        return self.job.order(seed, epoch)

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        slow = self.seconds >= _SLOW and len(rates) == 1
        if self._since and (slow or self._seconds > _REPLAYED):
            if self.is_finite():
                self._room = self._begin_from(self._steps.state(self._room))
            else:  # the last finite weights stay at hand; the failure is near, Ctrl-C waits for it
                slow = False
        started = time.perf_counter()
        if slow:
            measures = self._run_or_leave(rows, rates, size)
        else:
            measures = self._steps.run(rows, rates, size)
        self._seconds += time.perf_counter() - started
        if self._steps.refused:
            self._refuse(rows, rates, size, len(measures))
        self._since.append((rows, rates[: len(measures)], size))
        return measures

    def _run_or_leave(self, rows: Array, rates: Array, size: int) -> Array:
        """One step that Ctrl-C may cut short: the state before it is at hand."""
        assert not self._since
        self._cut = True
        with immediate():
            run = self._steps.run
            measures = apart(lambda: run(rows, rates, size), self._steps.stop)
        self._cut = False
        return measures

    def _refuse(self, rows: Array, rates: Array, size: int, done: int) -> None:
        """Raises what a row of the graph refused; the state is that before this call again.

        Args:
            done: the steps before the one that was refused.

        Raises:
            PellucidError: as the interpreter says it, with the step and the row of the data.
        """
        self._replay(0)
        held = self._steps.state()
        if done:
            self._steps.run(rows[: done * size], rates[:done], size)
        before = self._steps.state()
        self._steps.restore(held)
        step = int(before[-1]) + 1
        explain(self.job, before, float(rates[done]), rows[done * size : (done + 1) * size])
        raise DataError(
            "fit",
            f"x and y must stay as they are while they are trained on, got other numbers at a "
            f"second look at step {step}",
            "Give fit copies.",
        )

    def _begin_from(self, state: list[Array]) -> list[Array]:
        self._start, self._since, self._seconds = state, [], 0.0
        return state

    def state(self) -> list[Array]:
        if self._cut:
            return [array.copy() for array in self._start]
        return self._begin_from(self._steps.state())

    def finish(self) -> list[Array]:
        if self._cut:
            return self._start
        self._begin_from([])
        self._room = None
        return self._steps.live()

    def mark(self) -> None:
        self._marked = self._steps.state(self._marked)

    def go_back(self) -> None:
        assert self._marked is not None, "a state was marked"
        self._steps.restore(self._begin_from(self._marked))
        self._marked = None

    def before_failure(self) -> list[Array]:
        self._replay(1)
        return self._steps.state()

    def is_finite(self) -> bool:
        return finite(self._steps.live()[: self.job.params])

    def give_up(self, steps: int) -> None:
        if not self.is_finite():
            self._replay(steps)

    def _replay(self, fewer: int) -> None:
        """Goes back to the state that `fewer` steps before the last one left, or to the start."""
        self._steps.restore(self._start)
        steps = sum(len(rates) for _, rates, _ in self._since) - fewer
        for rows, rates, size in self._since:
            count = min(len(rates), steps)
            if count > 0:
                self._steps.run(rows[: count * size], rates[:count], size)
            steps -= count


def explain(job: Job, before: Sequence[Array], rate: float, rows: Array) -> None:
    """Raises what a row of the graph refuses of a step, if it does.

    Args:
        before: the state that the step begins with.

    Raises:
        PellucidError: as the interpreter says it, with the step and the row of the data.
    """
    program, step = Interpreter(job.graph), int(before[-1]) + 1

    def refusal(rows: Array) -> PellucidError | None:
        try:
            program(job.inputs(before, rate, job.batch(rows)))
        except PellucidError as error:
            return error
        return None

    whole = refusal(rows)
    if whole is None:
        return
    for row in rows:
        alone = refusal(np.array([row]))
        if alone is not None and type(alone) is type(whole):
            place = f"at step {step}, in row {row} of the data"
            raise type(alone)(alone.where, f"{alone.problem} {place}", alone.fix)
    raise type(whole)(whole.where, f"{whole.problem} at step {step}", whole.fix)
