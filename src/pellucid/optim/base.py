"""What an optimizer is: a frozen record, and two functions that build graphs.

`init(params)` gives the slots (what it remembers of the past); `update(gradients, slots, params,
step, rate)` gives the new parameters and slots. Both work on flat lists of Values.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

from pellucid.core.arguments import real
from pellucid.core.errors import ArgumentError
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise
from pellucid.optim.schedules import Schedule

Slots = dict[str, list[Value]]


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """Base of all optimizers.

    Args:
        learning_rate: a number ≥ 0 or a Schedule.
        lr: another spelling of `learning_rate`, as in older Keras; give one of the two.
        clip_value: cuts each element of each gradient to [-c, c].
        clip_norm: scales all gradients together so that their norm √(Σ g²) is c at most.
    """

    learning_rate: float | Schedule | None = None
    lr: dataclasses.InitVar[Any] = dataclasses.field(default=None, kw_only=True)
    clip_value: float | None = dataclasses.field(default=None, kw_only=True)
    clip_norm: float | None = dataclasses.field(default=None, kw_only=True)

    whole_data: ClassVar[bool] = False  # whether a step takes all rows unless told otherwise

    def __post_init__(self, lr: Any) -> None:
        where = type(self).__name__
        if lr is not None:
            if self.learning_rate is not None:
                raise ArgumentError(
                    where, f"give learning_rate or lr, got {self.learning_rate} and {lr}"
                )
            object.__setattr__(self, "learning_rate", lr)
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", self.default_rate())
        for name in ("clip_value", "clip_norm"):
            if getattr(self, name) is not None:
                real(where, name, getattr(self, name), 0, open_low=True)
        if isinstance(self.learning_rate, type) and issubclass(self.learning_rate, Schedule):
            raise ArgumentError(
                where,
                "learning_rate must be a number or a Schedule, got the class "
                f"{self.learning_rate.__name__}",
                f"Write {self.learning_rate.__name__}(…), with brackets.",
            )
        if not isinstance(self.learning_rate, Schedule):
            real(where, "learning_rate", self.learning_rate, 0)

    @classmethod
    def default_rate(cls) -> float:
        return 0.01

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        if isinstance(self.learning_rate, Schedule):
            return self._scheduled(self.learning_rate, step)
        assert self.learning_rate is not None
        return float(self.learning_rate)

    @staticmethod
    def _scheduled(schedule: Schedule, step: int) -> float:
        """The rate of a schedule, which may be a person's own and say anything."""
        rate = schedule.rate(step)
        if type(rate) is float and 0 <= rate < math.inf:
            return rate
        return real(type(schedule).__name__, f"rate({step})", rate, 0)

    def rates(self, step: int, count: int) -> list[float]:
        """The learning rates of `count` steps from `step` on."""
        if isinstance(self.learning_rate, Schedule):
            schedule = self.learning_rate
            return [self._scheduled(schedule, step + i) for i in range(count)]
        return [self.rate(step)] * count

    def clipped(self, gradients: Sequence[Value]) -> list[Value]:
        """The gradients as `update` takes them."""
        found = list(gradients)
        if self.clip_value is not None:
            high = float(self.clip_value)
            found = [elementwise("maximum", elementwise("minimum", g, high), -high) for g in found]
        if self.clip_norm is None or not found:
            return found
        squares = [composite.sum(elementwise("square", g)) for g in found]
        norm = elementwise("sqrt", functools.reduce(lambda x, y: x + y, squares))
        # Below the bound the factor is 1 exactly, and no bit of a gradient changes.
        scale = float(self.clip_norm) / elementwise("maximum", norm, float(self.clip_norm))
        return [g * scale for g in found]

    def init(self, params: Sequence[Value]) -> Slots:
        """The slots before the first step."""
        return {}

    def update(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        params: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        """Parameters and slots after a step. `step` counts from 0; `rate` is a scalar."""
        raise NotImplementedError
