"""Learning rates as functions of the step; an input of the step graph, so nothing recompiles."""

from __future__ import annotations

import math
import sys
from bisect import bisect_right
from collections.abc import Iterable

from pellucid.core.arguments import integer, real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError

_LARGEST_RATE = sys.float_info.max
_MOST_DROPS = 2**1000  # a float holds it; by then every rate but a constant one is 0 or the largest
_LARGEST_BATCH = 2**62


class Schedule:
    """Base of all schedules: `rate(step)` for step 0, 1, 2, …, a finite number ≥ 0."""

    def rate(self, step: int) -> float:
        raise ArgumentError(
            type(self).__name__,
            "rate(step) must be defined, got a Schedule without it",
            "Use one of pel.optim, such as Step(0.1), or define rate in your class.",
        )


def _step(step: int) -> int:
    return step if type(step) is int and step >= 0 else integer("rate", "step", step, 0)


@record
class Constant(Schedule):
    """The same rate at every step."""

    value: float

    def __post_init__(self) -> None:
        real("Constant", "value", self.value, 0)

    def rate(self, step: int) -> float:
        _step(step)
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
        integer("Step", "every", self.every, 1)

    def rate(self, step: int) -> float:
        drops = min(_step(step) // self.every, _MOST_DROPS)
        return float(self.initial) * float(self.factor) ** drops


@record
class Exponential(Schedule):
    """initial · factor^(step / every): the rate changes by `factor` over `every` steps, smoothly.

    A rate that grows stops at the largest float.

    Args:
        initial: the first rate.
        factor: > 0; below 1 the rate falls.
        every: steps that one factor takes.
    """

    initial: float
    factor: float = 0.96
    every: int = 1

    def __post_init__(self) -> None:
        real("Exponential", "initial", self.initial, 0)
        real("Exponential", "factor", self.factor, 0, open_low=True)
        integer("Exponential", "every", self.every, 1)

    def rate(self, step: int) -> float:
        try:
            power: float = float(self.factor) ** (min(_step(step), _MOST_DROPS) / self.every)
        except OverflowError:
            power = _LARGEST_RATE
        return min(self.initial * power, _LARGEST_RATE)


@record
class Cosine(Schedule):
    """final + ½(initial - final)(1 + cos(π·step/steps)), then final.

    Args:
        initial: the first rate.
        steps: until the last one is reached.
        final: the rate from there on.

    Source: Loshchilov and Hutter, ICLR 2017, (5), without restarts.
    """

    initial: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        real("Cosine", "initial", self.initial, 0)
        integer("Cosine", "steps", self.steps, 1)
        real("Cosine", "final", self.final, 0)

    def rate(self, step: int) -> float:
        return _eased(self.initial, self.final, min(_step(step), self.steps) / self.steps)


@record
class CosineRestarts(Schedule):
    """A cosine from `initial` down to `final`, again and again, each time `longer` and `lower`.

    Args:
        initial: the first rate.
        steps: of the first cycle.
        longer: what the length of a cycle is multiplied by for the next one, ≥ 1.
        lower: what the height of its start is multiplied by, in (0, 1].
        final: where each ends.

    Source: Loshchilov and Hutter, ICLR 2017, (5); `lower` as m_mul in Keras.
    """

    initial: float
    steps: int
    longer: float = 2.0
    lower: float = 1.0
    final: float = 0.0

    def __post_init__(self) -> None:
        real("CosineRestarts", "initial", self.initial, 0)
        integer("CosineRestarts", "steps", self.steps, 1)
        real("CosineRestarts", "longer", self.longer, 1)
        real("CosineRestarts", "lower", self.lower, 0, 1, open_low=True)
        real("CosineRestarts", "final", self.final, 0)

    def rate(self, step: int) -> float:
        cycles = min(_step(step), _MOST_DROPS) / self.steps
        if self.longer == 1:
            number = math.floor(cycles)
            part = cycles - number
        else:  # cycle i begins at (longerⁱ - 1)/(longer - 1) of the first one's length
            # ln(cycles·(longer - 1) + 1), which may be more than a float holds.
            grown = math.log1p(cycles * (self.longer - 1))
            if math.isinf(grown):
                grown = math.log(cycles) + math.log(self.longer - 1)
            number = math.floor(grown / math.log(self.longer))
            length = float(self.longer) ** number
            part = (cycles - (length - 1) / (self.longer - 1)) / length
        top = self.final + (self.initial - self.final) * float(self.lower) ** number
        return _eased(top, self.final, min(max(part, 0.0), 1.0))


@record
class PolynomialDecay(Schedule):
    """final + (initial - final)·(1 - step/steps)^power, then final; with 1 a straight line.

    Args:
        initial: the first rate.
        steps: until the last one is reached.
        final: the rate from there on.
        power: > 0.
    """

    initial: float
    steps: int
    final: float = 0.0001
    power: float = 1.0

    def __post_init__(self) -> None:
        real("PolynomialDecay", "initial", self.initial, 0)
        integer("PolynomialDecay", "steps", self.steps, 1)
        real("PolynomialDecay", "final", self.final, 0)
        real("PolynomialDecay", "power", self.power, 0, open_low=True)

    def rate(self, step: int) -> float:
        left = 1 - min(_step(step), self.steps) / self.steps
        part: float = left ** float(self.power)
        return self.final + (self.initial - self.final) * part


@record
class InverseTime(Schedule):
    """initial / (1 + decay·step/every): the steps of stochastic approximation.

    Args:
        initial: the first rate.
        decay: ≥ 0.
        every: steps that make 1 of the quotient.

    Source: Robbins and Monro, Annals of Mathematical Statistics 22 (1951).
    """

    initial: float
    decay: float = 1.0
    every: int = 1

    def __post_init__(self) -> None:
        real("InverseTime", "initial", self.initial, 0)
        real("InverseTime", "decay", self.decay, 0)
        integer("InverseTime", "every", self.every, 1)

    def rate(self, step: int) -> float:
        return self.initial / (1 + self.decay * (min(_step(step), _MOST_DROPS) / self.every))


@record
class OneCycle(Schedule):
    """Up from highest/25 to `highest`, then down to highest/250,000, both along a cosine.

    Args:
        highest: the largest rate.
        steps: of the whole cycle; later ones keep the last rate.
        rising: the part of it that rises, in (0, 1). The highest rate is that of step
            rising·steps - 1, or the first one where that comes before it.

    Source: Smith and Topin, arXiv:1708.07120; numbers as in PyTorch's OneCycleLR.
    """

    highest: float
    steps: int
    rising: float = 0.3

    def __post_init__(self) -> None:
        real("OneCycle", "highest", self.highest, 0)
        integer("OneCycle", "steps", self.steps, 2)
        real("OneCycle", "rising", self.rising, 0, 1, open_low=True, open_high=True)

    def rate(self, step: int) -> float:
        low, last = self.highest / 25, self.steps - 1
        top = max(self.rising * self.steps - 1, 0.0)  # 0: too few steps to rise
        if _step(step) >= last:
            return low / 10_000
        if step < top:
            return _eased(low, self.highest, step / top)
        return _eased(self.highest, low / 10_000, (step - top) / (last - top))


@record
class WarmUp(Schedule):
    """Rises in a straight line over the first steps, then follows another schedule from its start.

    Args:
        after: a rate or a Schedule; its first rate is where the line ends.
        steps: of the line; step s of it has (s + 1)/(steps + 1) of that rate.
    """

    after: float | Schedule
    steps: int

    def __post_init__(self) -> None:
        if not isinstance(self.after, Schedule):
            real("WarmUp", "after", self.after, 0)
        integer("WarmUp", "steps", self.steps, 1)

    def rate(self, step: int) -> float:
        after = self.after if isinstance(self.after, Schedule) else Constant(self.after)
        if _step(step) >= self.steps:
            return after.rate(step - self.steps)
        return after.rate(0) * ((step + 1) / (self.steps + 1))


@record
class Piecewise(Schedule):
    """A rate for each stretch of steps: rates[0] up to borders[0], rates[1] up to borders[1], …

    Args:
        borders: steps at which the next rate begins, increasing.
        rates: one more than borders.
    """

    borders: tuple[int, ...]
    rates: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("borders", "rates"):
            given = getattr(self, name)
            if not isinstance(given, Iterable) or isinstance(given, (str, bytes)):
                raise ArgumentError(
                    "Piecewise",
                    f"{name} must be a tuple of numbers, got {given!r}",
                    "Write Piecewise((100,), (0.1, 0.01)).",
                )
            object.__setattr__(self, name, tuple(given))
        for border in self.borders:
            integer("Piecewise", "borders", border, 1)
        for rate in self.rates:
            real("Piecewise", "rates", rate, 0)
        if list(self.borders) != sorted(set(self.borders)):
            raise ArgumentError("Piecewise", f"borders must increase, got {self.borders}")
        if len(self.rates) != len(self.borders) + 1:
            raise ArgumentError(
                "Piecewise",
                f"rates must be one more than borders, got {len(self.rates)} and "
                f"{len(self.borders)}",
            )

    def rate(self, step: int) -> float:
        return float(self.rates[bisect_right(self.borders, _step(step))])


class BatchSize:
    """Base of what says how many rows a step takes: `size(epoch)` for epoch 0, 1, 2, …"""

    def size(self, epoch: int) -> int:
        raise ArgumentError(
            type(self).__name__,
            "size(epoch) must be defined, got a BatchSize without it",
            "Use one of pel.optim, such as GrowingBatch(32), or define size in your class.",
        )

    def checked_size(self, epoch: int) -> int:
        """`size`, which may be a person's own and say anything, as a number of rows."""
        size = self.size(epoch)
        if type(size) is int and 1 <= size <= _LARGEST_BATCH:
            return size
        return integer(type(self).__name__, f"size({epoch})", size, 1)

    def largest(self, epochs: int) -> int:
        """A bound for `size` in the first epochs, found without asking for each.

        Memory is set aside for so many rows. By default no bound is known, and it is all rows of
        the data; a class of your own may say less.
        """
        _epoch("epochs", epochs)
        return _LARGEST_BATCH


def _epoch(name: str, epoch: int) -> int:
    return epoch if type(epoch) is int and epoch >= 0 else integer("size", name, epoch, 0)


@record
class FixedBatch(BatchSize):
    """The same number of rows in every epoch."""

    rows: int

    def __post_init__(self) -> None:
        integer("FixedBatch", "rows", self.rows, 1)

    def size(self, epoch: int) -> int:
        _epoch("epoch", epoch)
        return self.rows

    def largest(self, epochs: int) -> int:
        _epoch("epochs", epochs)
        return self.rows


@record
class GrowingBatch(BatchSize):
    """first · factorᵏ rows a step with k = epoch ÷ every: small batches first, larger ones later.

    The objective is a mean over rows, so the learning rate stays as it is.

    Args:
        first: rows in the first epoch.
        factor: what the number is multiplied by, ≥ 1; the result is rounded.
        every: epochs between two changes.
        highest: the most rows; None: all there are.

    Source: Smith, Kindermans, Ying and Le, ICLR 2018, arXiv:1711.00489; the lectures.
    """

    first: int
    factor: float = 2.0
    every: int = 1
    highest: int | None = None

    def __post_init__(self) -> None:
        integer("GrowingBatch", "first", self.first, 1)
        real("GrowingBatch", "factor", self.factor, 1)
        integer("GrowingBatch", "every", self.every, 1)
        if self.highest is not None:
            integer("GrowingBatch", "highest", self.highest, self.first)

    def size(self, epoch: int) -> int:
        changes = _epoch("epoch", epoch) // self.every
        most = self.highest if self.highest is not None else _LARGEST_BATCH
        try:
            grown = self.first * float(self.factor) ** changes
        except OverflowError:
            return most
        return round(grown) if grown < most else most

    def largest(self, epochs: int) -> int:
        """The size in the last of the epochs: it never shrinks."""
        return self.size(max(_epoch("epochs", epochs), 1) - 1)


def _eased(first: float, last: float, part: float) -> float:
    """From `first` to `last` along half a cosine."""
    left = (1 + math.cos(math.pi * part)) / 2
    return first * left + last * (1 - left)
