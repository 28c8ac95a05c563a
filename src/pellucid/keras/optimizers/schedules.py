"""keras.optimizers.schedules: rates as functions of the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pellucid import optim
from pellucid.core.config import record
from pellucid.keras import arguments, blame
from pellucid.keras.arguments import Arguments, bound, refuse, signature
from pellucid.keras.members import unknown_member
from pellucid.optim import (
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    Piecewise,
    Schedule,
    Step,
)


@record
class KerasSchedule(Schedule):
    """A rate that a person's own function of the step gives."""

    function: Callable[[Any], Any]

    def rate(self, step: int) -> float:
        return float(self.function(step))


@record
class KerasWarmCosine(Schedule):
    """A line from one rate to another, then half a cosine down to a part of it.

    Args:
        first, target: where the line begins and ends.
        warm: steps of the line.
        steps: of the cosine.
        part: of `target`, where it ends.
    """

    first: float
    target: float
    warm: int
    steps: int
    part: float = 0.0

    def rate(self, step: int) -> float:
        if step < self.warm:
            return self.first + (self.target - self.first) * step / self.warm
        done = min(step - self.warm, self.steps) / self.steps
        left = (1 - self.part) * (1 + math.cos(math.pi * done)) / 2 + self.part
        return self.target * left


def _exponential(a: Arguments) -> Schedule:
    steps = _whole(a, a.decay_steps)
    if a.staircase:
        return Step(a.initial_learning_rate, a.decay_rate, steps)
    return Exponential(a.initial_learning_rate, a.decay_rate, steps)


def _whole(a: Arguments, steps: Any) -> int:
    if int(steps) != steps:
        refuse(a.where_, "decay_steps", steps, "it must be a whole number")
    return int(steps)


def _cosine(a: Arguments) -> Schedule:
    first, steps = a.initial_learning_rate, _whole(a, a.decay_steps)
    if a.warmup_target is None:
        if not a.warmup_steps:
            return Cosine(first, steps, a.alpha * first)
        refuse(a.where_, "warmup_steps", a.warmup_steps, "give warmup_target with it")
    return KerasWarmCosine(first, a.warmup_target, a.warmup_steps, steps, a.alpha)


def _inverse(a: Arguments) -> Schedule:
    return InverseTime(a.initial_learning_rate, a.decay_rate, _whole(a, a.decay_steps))


def _piecewise(a: Arguments) -> Schedule:
    # Keras's border is the last step of a rate, ours the first of the next.
    return Piecewise(tuple(int(one) + 1 for one in a.boundaries), tuple(a.values))


def _polynomial(a: Arguments) -> Schedule:
    return optim.PolynomialDecay(
        a.initial_learning_rate, _whole(a, a.decay_steps), a.end_learning_rate, a.power
    )


def _restarts(a: Arguments) -> Schedule:
    first = a.initial_learning_rate
    return CosineRestarts(first, _whole(a, a.first_decay_steps), a.t_mul, a.m_mul, a.alpha * first)


ROWS: dict[str, Callable[[Arguments], Schedule]] = {
    "ExponentialDecay": _exponential,
    "CosineDecay": _cosine,
    "CosineDecayRestarts": _restarts,
    "InverseTimeDecay": _inverse,
    "PiecewiseConstantDecay": _piecewise,
    "PolynomialDecay": _polynomial,
}


class LearningRateSchedule:
    """A rate for each step. One of your own defines `__call__(step)`."""

    inner: Schedule | None = None
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __call__(self, step: Any) -> Any:
        """The rate of a step."""
        assert self.inner is not None
        return self.inner.rate(int(step))


def _class(name: str, make: Callable[[Arguments], Schedule]) -> type[LearningRateSchedule]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        given, _ = bound("optimizers.schedules", name, args, kwargs)
        self.name = given.name
        for one, value in given.values_.items():
            setattr(self, one, value)
        self.inner = blame.made(given, make)
        given.finish()

    own = {"__init__": __init__, "__doc__": f"As keras.optimizers.schedules.{name}."}
    form = {"__signature__": signature("optimizers.schedules", name)}
    return type(name, (LearningRateSchedule,), {**own, **form})


def meant(rate: Any) -> Any:
    """A rate of Keras as one of ours: a number, or a Schedule."""
    if isinstance(rate, LearningRateSchedule):
        return rate.inner if rate.inner is not None else KerasSchedule(rate)
    if callable(rate):
        return KerasSchedule(lambda step: rate())
    return rate


_MADE: dict[str, Any] = {name: _class(name, make) for name, make in ROWS.items()}
_KNOWN = {
    "LearningRateSchedule": LearningRateSchedule,
    **arguments.aliases("optimizers.schedules", _MADE),
}
globals().update(_KNOWN)
__all__ = sorted(_KNOWN)  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("optimizers.schedules", __all__)
