"""Penalties on weights, added to the mean loss. λ is not divided by the number of samples.

The lectures' forms convert: (λ/N)·Ω on a minibatch slide is our λ/N, and ½‖w‖₁ is our λ/2.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from pellucid.core.arguments import flag, real
from pellucid.core.config import record
from pellucid.core.names import unknown_names
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise


class Regularizer:
    """Base of all penalties. `strength` is λ; `biases` says whether biases are penalised too."""

    strength: float
    biases: bool

    def __post_init__(self) -> None:
        where = type(self).__name__
        real(where, "strength", self.strength, 0)
        flag(where, "biases", self.biases)

    def penalty(self, strength: Value, weight: Value) -> Value | None:
        """What is added to the objective; None adds nothing."""
        raise NotImplementedError

    def proximal_step(self, strength: Value, rate: Value, weight: Value) -> Value:
        """The weight after the optimizer's move at this learning rate; by default as it is."""
        return weight

    def acts_on(self, leaf: str, bias: bool) -> bool:
        """Whether it is of the parameter `leaf` of a layer, which may be one of its biases."""
        return self.biases or not bias

    def with_strength(self, strength: float) -> Regularizer:
        """The same penalty of another strength; one that has none as it is."""
        names = {field.name for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        changed: Any = dataclasses.replace(self, strength=strength) if "strength" in names else self  # type: ignore[type-var]
        return changed  # type: ignore[no-any-return]

    @property
    def is_proximal(self) -> bool:
        """Whether `proximal_step` changes weights."""
        return type(self).proximal_step is not Regularizer.proximal_step


@record
class L2(Regularizer):
    """(λ/2)·‖w‖²: weight decay; its gradient is λ·w.

    Args:
        strength: λ ≥ 0.
        biases: whether biases are penalised; by default only weights are.
    """

    strength: float
    biases: bool = False

    def penalty(self, strength: Value, weight: Value) -> Value:
        return composite.sum(elementwise("square", weight)) * (strength * 0.5)


class _Sparse(Regularizer):
    """λ·(r·‖w‖₁ + (1-r)/2·‖w‖²), the first part by its gradient or its proximal step."""

    proximal: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        real(type(self).__name__, "ratio", self.l1_ratio, 0, 1)
        flag(type(self).__name__, "proximal", self.proximal)

    @property
    def l1_ratio(self) -> float:
        """r."""
        return 1.0

    @property
    def is_proximal(self) -> bool:
        return self.proximal

    def penalty(self, strength: Value, weight: Value) -> Value:
        held = elementwise("stop_gradient", weight) if self.proximal else weight
        total = composite.sum(abs(held)) * (strength * self.l1_ratio)
        if self.l1_ratio == 1:
            return total
        return total + composite.sum(elementwise("square", weight)) * (
            strength * ((1 - self.l1_ratio) / 2)
        )

    def proximal_step(self, strength: Value, rate: Value, weight: Value) -> Value:
        if not self.proximal:
            return weight
        size = elementwise("relu", abs(weight) - rate * strength * self.l1_ratio)
        return elementwise("sign", weight) * size


@record
class ElasticNet(_Sparse):
    """λ·(r·‖w‖₁ + (1-r)/2·‖w‖²).

    Args:
        strength: λ ≥ 0.
        ratio: r in [0, 1]; 1 is L1, 0 is L2.
        biases: whether biases are penalised; by default only weights are.
        proximal: whether ‖w‖₁ acts by its proximal step in place of its gradient: after the
            optimizer's move each weight goes λ·r·η towards 0 and stops there, so that weights
            become 0 exactly and stay so while the loss pulls less than λ·r at them. η is the
            learning rate, with every optimizer.

    Source: Zou and Hastie, J. R. Statist. Soc. B 67 (2005), 301-320; the proximal step: Parikh and
    Boyd, Proximal algorithms (2014), 6.5.2.
    """

    strength: float
    ratio: float = 0.5
    biases: bool = False
    proximal: bool = False

    @property
    def l1_ratio(self) -> float:
        return self.ratio


@record
class L1(_Sparse):
    """λ·‖w‖₁; its gradient is λ·sign(w), and 0 at 0. See ElasticNet for `proximal`.

    Args:
        strength: λ ≥ 0.
        biases: whether biases are penalised; by default only weights are.
        proximal: whether it acts by its proximal step, which makes weights 0 exactly.
    """

    strength: float
    biases: bool = False
    proximal: bool = False


def _norm_of_units(weight: Value) -> Value:
    """The norm of the weights into each unit, with the axes of the weight."""
    axes = tuple(range(len(weight.type.shape) - 1))
    squares = elementwise("square", weight)
    norm: Value = elementwise(
        "sqrt", composite.sum(squares, axes, keepdims=True) if axes else squares
    )
    return norm


@record
class MaxNorm(Regularizer):
    """After each step, the weights into a unit are scaled so that their norm is c at most.

    The norm is over all axes of a weight but the last, which counts the units.

    Args:
        strength: c > 0.
        biases: whether biases are bounded too, each by itself.

    Source: Srivastava et al., JMLR 15 (2014), 5.1.
    """

    strength: float
    biases: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        real("MaxNorm", "strength", self.strength, 0, open_low=True)

    def penalty(self, strength: Value, weight: Value) -> None:
        return None

    def proximal_step(self, strength: Value, rate: Value, weight: Value) -> Value:
        norm = _norm_of_units(weight)
        # Below the bound the factor is 1 exactly, and no bit of a weight changes.
        return weight * (strength / elementwise("maximum", norm, strength))


@record
class MinMaxNorm(Regularizer):
    """After each step, the weights into a unit are scaled towards a norm in [lowest, c].

    ‖w‖ becomes r·(‖w‖, held within the bounds) + (1 - r)·‖w‖. The norm is over all axes of a weight
    but the last, which counts the units. MinMaxNorm(1, lowest=1) keeps it at 1.

    Args:
        strength: c > 0, the upper bound.
        lowest: the lower one, in [0, c].
        rate: r in (0, 1]; 1 puts the norm within the bounds at once.
        biases: whether biases are bounded too, each by itself.

    Source: as in Keras.
    """

    strength: float
    lowest: float = 0.0
    rate: float = 1.0
    biases: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        real("MinMaxNorm", "strength", self.strength, 0, open_low=True)
        real("MinMaxNorm", "lowest", self.lowest, 0, self.strength)
        real("MinMaxNorm", "rate", self.rate, 0, 1, open_low=True)

    def penalty(self, strength: Value, weight: Value) -> None:
        return None

    def proximal_step(self, strength: Value, rate: Value, weight: Value) -> Value:
        norm = _norm_of_units(weight)
        held = composite.clip(norm, self.lowest, strength)
        wanted = held if self.rate == 1 else held * self.rate + norm * (1 - self.rate)
        # Within the bounds the factor is 1 exactly, and no bit of a weight changes.
        return weight * composite.where(held == norm, 1.0, wanted / (norm + _SMALLEST))


_SMALLEST = 1e-30  # a norm of 0 stays 0: it has no direction


@record
class NonNegative(Regularizer):
    """After each step, weights below 0 are 0.

    Args:
        biases: whether biases are bounded too.
    """

    biases: bool = False

    @property
    def strength(self) -> float:  # type: ignore[override]
        """It has none: 0."""
        return 0.0

    def penalty(self, strength: Value, weight: Value) -> None:
        return None

    def proximal_step(self, strength: Value, rate: Value, weight: Value) -> Value:
        bounded: Value = elementwise("relu", weight)
        return bounded


ELSEWHERE = {
    "L1L2": "ElasticNet",
    "Ridge": "L2",
    "Lasso": "L1",
    "WeightDecay": "L2",
    "NonNeg": "NonNegative",
    "UnitNorm": "Write pel.nn.MinMaxNorm(1.0, lowest=1.0).",
}

__all__ = ["L1", "L2", "ElasticNet", "MaxNorm", "MinMaxNorm", "NonNegative", "Regularizer"]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.nn.regularizers", __all__, ELSEWHERE)
