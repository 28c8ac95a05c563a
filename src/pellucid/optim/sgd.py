"""Stochastic gradient descent, plain or with momentum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

from pellucid.core.arguments import flag, real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError
from pellucid.ops.value import Value, zeros_like
from pellucid.optim.base import Optimizer, Slots


@record
class SGD(Optimizer):
    """w ← w - η·g; with momentum μ: v ← μ·v + g, w ← w - η·v.

    Args:
        learning_rate: η, a number or a Schedule; 0.01 by default.
        momentum: μ in [0, 1).
        nesterov: uses g + μ·v in place of v.
        rate_inside: whether the velocity holds moves, v ← μ·v + η·g, w ← w - v: a rate that falls
            brakes new moves alone.

    Source: Sutskever et al., ICML 2013; the velocity is not scaled by η, as in PyTorch and Optax;
    with `rate_inside` it is, as in Keras.
    """

    momentum: float = 0.0
    nesterov: bool = False
    rate_inside: bool = field(default=False, kw_only=True)

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        real("SGD", "momentum", self.momentum, 0, 1, open_high=True)
        flag("SGD", "nesterov", self.nesterov)
        flag("SGD", "rate_inside", self.rate_inside)
        if self.nesterov and not self.momentum:
            raise ArgumentError("SGD", "nesterov needs a momentum above 0, got 0")

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        return {"velocity": [zeros_like(w) for w in weights]} if self.momentum else {}

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        if not self.momentum:
            return [w - rate * g for w, g in zip(weights, gradients, strict=True)], {}
        pushes = [rate * g for g in gradients] if self.rate_inside else list(gradients)
        velocity = [self.momentum * v + g for v, g in zip(slots["velocity"], pushes, strict=True)]
        moves = velocity
        if self.nesterov:
            moves = [g + self.momentum * v for v, g in zip(velocity, pushes, strict=True)]
        if not self.rate_inside:
            moves = [rate * move for move in moves]
        return [w - move for w, move in zip(weights, moves, strict=True)], {"velocity": velocity}
