"""Penalties on weights, added to the mean loss. λ is not divided by the number of samples.

The lectures' forms convert: (λ/N)·Ω on a minibatch slide is our λ/N, and ½‖w‖₁ is our λ/2.
"""

from __future__ import annotations

from pellucid.core.arguments import flag, real
from pellucid.core.config import record
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

    def penalty(self, strength: Value, weight: Value) -> Value:
        raise NotImplementedError


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


@record
class L1(Regularizer):
    """λ·‖w‖₁; its gradient is λ·sign(w), and 0 at 0.

    Args:
        strength: λ ≥ 0.
        biases: whether biases are penalised; by default only weights are.
    """

    strength: float
    biases: bool = False

    def penalty(self, strength: Value, weight: Value) -> Value:
        return composite.sum(abs(weight)) * strength
