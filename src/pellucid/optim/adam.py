"""Adam and AdamW: rates from running means of each gradient and its square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

from pellucid.core.arguments import flag, real
from pellucid.core.config import record
from pellucid.core.dtypes import float64
from pellucid.ops.value import Value, cast, elementwise, zeros_like
from pellucid.optim.base import Optimizer, Slots


@record
class Moments(Optimizer):
    """Base of optimizers with running means of the gradient and of its square.

    Args:
        learning_rate: α, a number or a Schedule; 0.001 by default.
        beta_1, beta_2: decay of the two means, in [0, 1).
        epsilon: ε > 0.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        where = type(self).__name__
        real(where, "beta_1", self.beta_1, 0, 1, open_high=True)
        real(where, "beta_2", self.beta_2, 0, 1, open_high=True)
        real(where, "epsilon", self.epsilon, 0, open_low=True)

    @classmethod
    def default_rate(cls) -> float:
        return 0.001

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        return {name: [zeros_like(w) for w in weights] for name in ("m", "v")}

    def _means(self, g: Value, m: Value, v: Value) -> tuple[Value, Value]:
        """The running means of a gradient and of its square."""
        mean = self.beta_1 * m + (1 - self.beta_1) * g
        return mean, self.beta_2 * v + (1 - self.beta_2) * elementwise("square", g)


@record
class Adam(Moments):
    """m ← β₁·m + (1-β₁)·g, v ← β₂·v + (1-β₂)·g², w ← w - α·m̂ / (√v̂ + ε).

    m̂ = m/(1-β₁ᵗ) and v̂ = v/(1-β₂ᵗ) with t = 1, 2, …

    Args:
        learning_rate: α, a number or a Schedule; 0.001 by default.
        beta_1, beta_2: decay of the two means, in [0, 1).
        epsilon: ε > 0.
        epsilon_uncorrected: whether ε stands beside √v in place of √v̂,
            w ← w - α·(√(1-β₂ᵗ)/(1-β₁ᵗ))·m / (√v + ε), as in Keras.
        amsgrad: whether the largest v so far stands in the place of v.

    Source: Kingma and Ba, ICLR 2015, algorithm 1; the other ε: the end of section 2; amsgrad:
    Reddi, Kale and Kumar, ICLR 2018.
    """

    epsilon_uncorrected: bool = field(default=False, kw_only=True)
    amsgrad: bool = field(default=False, kw_only=True)

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        flag(type(self).__name__, "epsilon_uncorrected", self.epsilon_uncorrected)
        flag(type(self).__name__, "amsgrad", self.amsgrad)

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        largest = {"largest": [zeros_like(w) for w in weights]} if self.amsgrad else {}
        return {**super().slots_for(weights), **largest}

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        # In float64: 1 - 0.999 has only four good digits in float32.
        t = cast(step, float64) + 1
        correct_1, correct_2 = 1 - self.beta_1**t, 1 - self.beta_2**t
        new: list[Value] = []
        after: Slots = {name: [] for name in slots}
        for i, (g, w) in enumerate(zip(gradients, weights, strict=True)):
            m, v = self._means(g, slots["m"][i], slots["v"][i])
            after["m"].append(m)
            after["v"].append(v)
            if self.amsgrad:
                v = elementwise("maximum", slots["largest"][i], v)
                after["largest"].append(v)
            if self.epsilon_uncorrected:
                speed = rate * cast(elementwise("sqrt", correct_2) / correct_1, w.type.dtype)
                new.append(w - speed * m / (elementwise("sqrt", v) + self.epsilon))
                continue
            root = elementwise("sqrt", v * cast(1 / correct_2, w.type.dtype))
            mean = m * cast(1 / correct_1, w.type.dtype)
            new.append(w - rate * mean / (root + self.epsilon))
        return new, after


@record
class AdamW(Adam):
    """Adam with decoupled weight decay: w ← w - η·λ·w - α·m̂ / (√v̂ + ε), α = η.

    A penalty L2(λ) passes through Adam's means and is divided by √v̂; this decay is not.

    Args:
        weight_decay: λ ≥ 0; biases decay as well, as in PyTorch.

    Source: Loshchilov and Hutter, ICLR 2019.
    """

    weight_decay: float = 0.01

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        real("AdamW", "weight_decay", self.weight_decay, 0)

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        kept = 1 - rate * self.weight_decay
        return super().step(gradients, slots, [w * kept for w in weights], step, rate)
