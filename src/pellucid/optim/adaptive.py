"""Adagrad and RMSprop: a rate for each parameter from the squares of its gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

from pellucid.core.arguments import flag, real
from pellucid.core.config import record
from pellucid.ops.value import Value, elementwise, zeros_like
from pellucid.optim.base import Optimizer, Slots


def _root(square: Value, epsilon: float, inside: bool) -> Value:
    """What a gradient is divided by."""
    if inside:
        return elementwise("sqrt", square + epsilon)
    return elementwise("sqrt", square) + epsilon


@record
class Adagrad(Optimizer):
    """s ← s + g², w ← w - η·g / (√s + ε): rates that only ever fall.

    Args:
        learning_rate: η, a number or a Schedule; 0.01 by default.
        initial_accumulator: s before the first step, ≥ 0.
        epsilon: ε > 0.
        epsilon_inside: whether ε stands under the root, √(s + ε), as in Keras.

    Source: Duchi, Hazan and Singer, JMLR 12 (2011), 2121-2159.
    """

    initial_accumulator: float = 0.0
    epsilon: float = 1e-10
    epsilon_inside: bool = field(default=False, kw_only=True)

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        real("Adagrad", "initial_accumulator", self.initial_accumulator, 0)
        real("Adagrad", "epsilon", self.epsilon, 0, open_low=True)
        flag("Adagrad", "epsilon_inside", self.epsilon_inside)

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        return {"s": [zeros_like(w) + self.initial_accumulator for w in weights]}

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        new, squares = [], []
        for g, w, s in zip(gradients, weights, slots["s"], strict=True):
            s = s + elementwise("square", g)
            new.append(w - rate * g / _root(s, self.epsilon, self.epsilon_inside))
            squares.append(s)
        return new, {"s": squares}


@record
class RMSprop(Optimizer):
    """s ← ρ·s + (1-ρ)·g², w ← w - η·g / (√s + ε).

    Centered: √(s - m²) with m ← ρ·m + (1-ρ)·g. With momentum μ: v ← μ·v + g / (√s + ε),
    w ← w - η·v.

    Args:
        learning_rate: η, a number or a Schedule; 0.001 by default.
        rho: ρ in [0, 1).
        momentum: μ in [0, 1).
        epsilon: ε > 0.
        centered: whether the mean of the gradient is taken off.
        epsilon_inside: whether ε stands under the root, √(s + ε), as in Keras.
        rate_inside: with momentum, whether v holds moves: v ← μ·v + η·g / (√s + ε), w ← w - v.

    Source: Hinton, Neural networks for machine learning, lecture 6e (2012); centered: Graves,
    arXiv:1308.0850.
    """

    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-8
    centered: bool = False
    epsilon_inside: bool = field(default=False, kw_only=True)
    rate_inside: bool = field(default=False, kw_only=True)

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        real("RMSprop", "rho", self.rho, 0, 1, open_high=True)
        real("RMSprop", "momentum", self.momentum, 0, 1, open_high=True)
        real("RMSprop", "epsilon", self.epsilon, 0, open_low=True)
        for name in ("centered", "epsilon_inside", "rate_inside"):
            flag("RMSprop", name, getattr(self, name))

    @classmethod
    def default_rate(cls) -> float:
        return 0.001

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        names = ["s", *(["m"] if self.centered else []), *(["v"] if self.momentum else [])]
        return {name: [zeros_like(w) for w in weights] for name in names}

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
        for number, (g, w) in enumerate(zip(gradients, weights, strict=True)):
            s = self.rho * slots["s"][number] + (1 - self.rho) * elementwise("square", g)
            after["s"].append(s)
            if self.centered:
                m = self.rho * slots["m"][number] + (1 - self.rho) * g
                after["m"].append(m)
                s = s - elementwise("square", m)
            push = rate * g if self.rate_inside else g
            move = push / _root(s, self.epsilon, self.epsilon_inside)
            if self.momentum:
                move = self.momentum * slots["v"][number] + move
                after["v"].append(move)
            new.append(w - (move if self.rate_inside else rate * move))
        return new, after
