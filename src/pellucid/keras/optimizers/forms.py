"""Optimizers in the form that Keras gives them, where it is another than ours.

Keras's ε stands beside a root that is not corrected yet, or under it; its momentum holds moves,
with the rate of the step that made them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pellucid.core.arguments import real
from pellucid.core.config import record
from pellucid.core.dtypes import float64
from pellucid.core.errors import ArgumentError
from pellucid.ops.value import Value, cast, elementwise
from pellucid.optim import SGD, Adagrad, Adam, Optimizer, RMSprop
from pellucid.optim.base import Slots


@record
class KerasSGD(SGD):
    """v ← μ·v - η·g, w ← w + v; with nesterov w ← w + μ·v - η·g."""

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        if not self.momentum:
            return super().step(gradients, slots, weights, step, rate)
        moves = [
            self.momentum * v - rate * g for v, g in zip(slots["velocity"], gradients, strict=True)
        ]
        new = [w + v for w, v in zip(weights, moves, strict=True)]
        if self.nesterov:
            new = [
                w + self.momentum * v - rate * g
                for w, v, g in zip(weights, moves, gradients, strict=True)
            ]
        return new, {"velocity": moves}


@record
class KerasAdam(Adam):
    """w ← w - α·(m·√(1-β₂ᵗ)/(1-β₁ᵗ)) / (√v + ε): Adam's other form, with another ε.

    Source: Kingma and Ba, ICLR 2015, the end of section 2.
    """

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        t = cast(step, float64) + 1
        correction = elementwise("sqrt", 1 - self.beta_2**t) / (1 - self.beta_1**t)
        new, means, squares = [], [], []
        for g, w, m, v in zip(gradients, weights, slots["m"], slots["v"], strict=True):
            m, v = self._means(g, m, v)
            speed = rate * cast(correction, w.type.dtype)
            new.append(w - speed * m / (elementwise("sqrt", v) + self.epsilon))
            means.append(m)
            squares.append(v)
        return new, {"m": means, "v": squares}


@record
class KerasRMSprop(RMSprop):
    """s ← ρ·s + (1-ρ)·g², w ← w - η·g/√(s + ε); centered takes the square of the mean off s."""

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        new: list[Value] = []
        after: Slots = {name: [] for name in slots}
        for i, (g, w) in enumerate(zip(gradients, weights, strict=True)):
            s = self.rho * slots["s"][i] + (1 - self.rho) * elementwise("square", g)
            after["s"].append(s)
            if self.centered:
                m = self.rho * slots["m"][i] + (1 - self.rho) * g
                after["m"].append(m)
                s = s - elementwise("square", m)
            move = rate * g / elementwise("sqrt", s + self.epsilon)
            if self.momentum:
                move = self.momentum * slots["v"][i] + move
                after["v"].append(move)
            new.append(w - move)
        return new, after


@record
class KerasAdagrad(Adagrad):
    """s ← s + g², w ← w - η·g/√(s + ε)."""

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        (name,) = slots
        sums = [s + elementwise("square", g) for s, g in zip(slots[name], gradients, strict=True)]
        new = [
            w - rate * g / elementwise("sqrt", s + self.epsilon)
            for w, g, s in zip(weights, gradients, sums, strict=True)
        ]
        return new, {name: sums}


@record
class KerasDecay(Optimizer):
    """w ← w - η·λ·w, then the step of another optimizer along the gradient at the old weights.

    Args:
        inner: the other one.
        weight_decay: λ, of all weights, biases too.
    """

    inner: Any = None
    weight_decay: float = 0.0

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        real("KerasDecay", "weight_decay", self.weight_decay, 0)
        if not isinstance(self.inner, Optimizer):
            raise ArgumentError("KerasDecay", f"inner must be an optimizer, got {self.inner!r}")

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        return self.inner.slots_for(weights)  # type: ignore[no-any-return]

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        kept = 1 - rate * self.weight_decay
        return self.inner.step(gradients, slots, [w * kept for w in weights], step, rate)  # type: ignore[no-any-return]
