"""Learning rates as functions of the step; an input of the step graph, so nothing recompiles."""

from __future__ import annotations

from pellucid.core.arguments import real, whole
from pellucid.core.config import record


class Schedule:
    """Base of all schedules: `rate(step)` for step 0, 1, 2, …"""

    def rate(self, step: int) -> float:
        raise NotImplementedError


@record
class Constant(Schedule):
    """The same rate at every step."""

    value: float

    def __post_init__(self) -> None:
        real("Constant", "value", self.value, 0)

    def rate(self, step: int) -> float:
        return float(self.value)


@record
class Step(Schedule):
    """initial · factorᵏ with k = step ÷ every: the rate drops every so many steps.

    Args:
        initial: the first rate.
        factor: what the rate is multiplied by at each drop, in (0, 1].
        every: steps between drops.
    """

    initial: float
    factor: float = 0.1
    every: int = 10_000

    def __post_init__(self) -> None:
        real("Step", "initial", self.initial, 0)
        real("Step", "factor", self.factor, 0, 1, open_low=True)
        whole("Step", "every", self.every, 1)

    def rate(self, step: int) -> float:
        return float(self.initial) * float(self.factor) ** (step // self.every)
