"""Kin of Adam: other means of the gradients, other sizes of a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pellucid.core.arguments import flag, real
from pellucid.core.config import record
from pellucid.core.dtypes import float64
from pellucid.ops import composite
from pellucid.ops.value import Value, cast, elementwise, zeros_like
from pellucid.optim.adam import Moments
from pellucid.optim.base import Optimizer, Slots


@record
class Nadam(Moments):
    """Adam with Nesterov's momentum: w ← w - α·m̂ / (√v̂ + ε), with a look ahead in m̂.

    μₜ = β₁(1 - ½·0.96^{tψ}) and m̂ = μₜ₊₁·m/(1 - Πᵢ₌₁ᵗ⁺¹ μᵢ) + (1 - μₜ)·g/(1 - Πᵢ₌₁ᵗ μᵢ).

    Args:
        learning_rate: α, a number or a Schedule; 0.001 by default.
        beta_1, beta_2, epsilon: as of Adam.
        momentum_decay: ψ ≥ 0; 0.004 as in PyTorch. Keras's is 1.

    Source: Dozat, Incorporating Nesterov momentum into Adam, ICLR workshop (2016).
    """

    momentum_decay: float = 0.004

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        real("Nadam", "momentum_decay", self.momentum_decay, 0)

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        ones = [composite.ones((1,), w.type.dtype) for w in weights]
        return {**super().slots_for(weights), "product": ones}

    def _momentum(self, t: Value) -> Value:
        return (1 - 0.96 ** (t * self.momentum_decay) * 0.5) * self.beta_1

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        t = cast(step, float64) + 1
        now, later = self._momentum(t), self._momentum(t + 1)
        correct = 1 - self.beta_2**t
        new: list[Value] = []
        after: Slots = {name: [] for name in slots}
        for g, w, m, v, product in zip(
            gradients, weights, slots["m"], slots["v"], slots["product"], strict=True
        ):
            m, v = self._means(g, m, v)
            total = cast(composite.reshape(product, ()), float64) * now
            of_mean = cast(later / (1 - total * later), w.type.dtype)
            of_slope = cast((1 - now) / (1 - total), w.type.dtype)
            root = elementwise("sqrt", v * cast(1 / correct, w.type.dtype)) + self.epsilon
            new.append(w - rate * (m * of_mean + g * of_slope) / root)
            kept = composite.reshape(cast(total, w.type.dtype), (1,))
            for name, value in (("m", m), ("v", v), ("product", kept)):
                after[name].append(value)
        return new, after


@record
class Adamax(Moments):
    """u ← max(β₂·u, |g|), w ← w - α·m̂ / (u + ε): Adam with the largest norm in place of squares.

    Args:
        learning_rate: α, a number or a Schedule; 0.001 by default.
        beta_1, beta_2, epsilon: as of Adam.

    Source: Kingma and Ba, ICLR 2015, algorithm 2; ε as in Keras.
    """

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        return {name: [zeros_like(w) for w in weights] for name in ("m", "u")}

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        correct = 1 - self.beta_1 ** (cast(step, float64) + 1)
        new, means, largest = [], [], []
        for g, w, m, u in zip(gradients, weights, slots["m"], slots["u"], strict=True):
            m = self.beta_1 * m + (1 - self.beta_1) * g
            u = elementwise("maximum", self.beta_2 * u, abs(g))
            new.append(w - rate * (m * cast(1 / correct, w.type.dtype)) / (u + self.epsilon))
            means.append(m)
            largest.append(u)
        return new, {"m": means, "u": largest}


@record
class Lamb(Moments):
    """Adam's step with a length by layer: w ← w - α·(‖w‖/‖d‖)·d, d = m̂/(√v̂ + ε) + λ·w.

    For large batches. Where a norm is 0 the factor is 1.

    Args:
        learning_rate: α, a number or a Schedule; 0.001 by default.
        beta_1, beta_2, epsilon: as of Adam.
        weight_decay: λ ≥ 0.

    Source: You et al., ICLR 2020, algorithm 2. Keras's decay does not count in d.
    """

    weight_decay: float = 0.0

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        real("Lamb", "weight_decay", self.weight_decay, 0)

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        t = cast(step, float64) + 1
        correct_1, correct_2 = 1 - self.beta_1**t, 1 - self.beta_2**t
        new, means, squares = [], [], []
        for g, w, m, v in zip(gradients, weights, slots["m"], slots["v"], strict=True):
            m, v = self._means(g, m, v)
            root = elementwise("sqrt", v * cast(1 / correct_2, w.type.dtype)) + self.epsilon
            move = m * cast(1 / correct_1, w.type.dtype) / root
            if self.weight_decay:
                move = move + w * self.weight_decay
            size, length = _norm(w), _norm(move)
            known = (size > 0) & (length > 0)
            factor = composite.where(known, size / composite.where(known, length, 1.0), 1.0)
            new.append(w - rate * factor * move)
            means.append(m)
            squares.append(v)
        return new, {"m": means, "v": squares}


def _norm(x: Value) -> Value:
    result: Value = elementwise("sqrt", composite.sum(elementwise("square", x)))
    return result


@record
class Lion(Optimizer):
    """w ← w - η·(sign(β₁·m + (1-β₁)·g) + λ·w), m ← β₂·m + (1-β₂)·g: steps of one size.

    Args:
        learning_rate: η, a number or a Schedule; 0.001 by default: a third to a tenth of Adam's.
        beta_1, beta_2: decay of the mean in the step and in the memory, in [0, 1).
        weight_decay: λ ≥ 0.

    Source: Chen et al., NeurIPS 2023.
    """

    beta_1: float = 0.9
    beta_2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        real("Lion", "beta_1", self.beta_1, 0, 1, open_high=True)
        real("Lion", "beta_2", self.beta_2, 0, 1, open_high=True)
        real("Lion", "weight_decay", self.weight_decay, 0)

    @classmethod
    def default_rate(cls) -> float:
        return 0.001

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        return {"m": [zeros_like(w) for w in weights]}

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        new, means = [], []
        for g, w, m in zip(gradients, weights, slots["m"], strict=True):
            side = elementwise("sign", self.beta_1 * m + (1 - self.beta_1) * g)
            held = w * (1 - rate * self.weight_decay) if self.weight_decay else w
            new.append(held - rate * side)
            means.append(self.beta_2 * m + (1 - self.beta_2) * g)
        return new, {"m": means}


@record
class Adadelta(Optimizer):
    """s ← ρ·s + (1-ρ)·g², d = g·√(u + ε)/√(s + ε), u ← ρ·u + (1-ρ)·d², w ← w - η·d.

    Args:
        learning_rate: η, a number or a Schedule; 1 by default, as in the paper and PyTorch. Keras's
            is 0.001.
        rho: ρ in [0, 1).
        epsilon: ε > 0.

    Source: Zeiler, arXiv:1212.5701.
    """

    rho: float = 0.95
    epsilon: float = 1e-6

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        real("Adadelta", "rho", self.rho, 0, 1, open_high=True)
        real("Adadelta", "epsilon", self.epsilon, 0, open_low=True)

    @classmethod
    def default_rate(cls) -> float:
        return 1.0

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        return {name: [zeros_like(w) for w in weights] for name in ("s", "u")}

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        new, squares, moves = [], [], []
        for g, w, s, u in zip(gradients, weights, slots["s"], slots["u"], strict=True):
            s = self.rho * s + (1 - self.rho) * elementwise("square", g)
            root = elementwise("sqrt", u + self.epsilon) / elementwise("sqrt", s + self.epsilon)
            move = root * g
            new.append(w - rate * move)
            squares.append(s)
            moves.append(self.rho * u + (1 - self.rho) * elementwise("square", move))
        return new, {"s": squares, "u": moves}


@record
class Ftrl(Optimizer):
    """z ← z + g - (√n' - √n)/η·w, w ← (clip(z, ±λ₁) - z) / ((β + √n')/η + 2λ₂), n' = n + g².

    Follow the regularized leader, by coordinate: weights whose z stays within λ₁ are 0 exactly.

    Args:
        learning_rate: η > 0, a number or a Schedule; 0.01 by default.
        initial_accumulator: n before the first step, ≥ 0.
        l1, l2: λ₁ and λ₂ ≥ 0.
        beta: β ≥ 0.

    Source: McMahan et al., KDD 2013, algorithm 1; 2λ₂ as in Keras, where the paper has λ₂.
    """

    initial_accumulator: float = 0.1
    l1: float = 0.0
    l2: float = 0.0
    beta: float = 0.0

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        for name in ("initial_accumulator", "l1", "l2", "beta"):
            real("Ftrl", name, getattr(self, name), 0)

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        return {
            "n": [zeros_like(w) + self.initial_accumulator for w in weights],
            "z": [zeros_like(w) for w in weights],
        }

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        new, totals, leaders = [], [], []
        for g, w, n, z in zip(gradients, weights, slots["n"], slots["z"], strict=True):
            total = n + elementwise("square", g)
            root = elementwise("sqrt", total)
            z = z + g - (root - elementwise("sqrt", n)) / rate * w
            held = composite.clip(z, -self.l1, self.l1)
            new.append((held - z) / ((root + self.beta) / rate + 2 * self.l2))
            totals.append(total)
            leaders.append(z)
        return new, {"n": totals, "z": leaders}


@record
class Adafactor(Optimizer):
    """w ← w - ρ·max(ε₂, rms(w))·û, with squares of gradients kept as a row and a column a matrix.

    With β = 1 - t^{-δ}, r and c are running means over the last and the last but one axis of g² +
    ε₁; u = g·√(mean r / (r·c)), û = u / max(1, rms(u)/d), ρ = min(η, 1/√t). Vectors keep all of g².

    Args:
        learning_rate: η, a number or a Schedule; 0.001 by default.
        decay: δ in (0, 1].
        epsilon_1: ε₁ > 0, beside squares; epsilon_2: ε₂ > 0, beside the size of weights.
        clip_threshold: d > 0.
        relative_step: whether ρ is also bounded by 1/√t; else it is η.

    Source: Shazeer and Stern, ICML 2018, algorithm 4.
    """

    decay: float = 0.8
    epsilon_1: float = 1e-30
    epsilon_2: float = 1e-3
    clip_threshold: float = 1.0
    relative_step: bool = True

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        where = "Adafactor"
        real(where, "decay", self.decay, 0, 1, open_low=True)
        for name in ("epsilon_1", "epsilon_2", "clip_threshold"):
            real(where, name, getattr(self, name), 0, open_low=True)
        flag(where, "relative_step", self.relative_step)

    @classmethod
    def default_rate(cls) -> float:
        return 0.001

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        slots: Slots = {"row": [], "column": [], "s": []}
        for w in weights:
            shape, whole = w.type.shape, len(w.type.shape) < 2
            slots["row"].append(composite.zeros(_NONE if whole else shape[:-1], w.type.dtype))
            column = _NONE if whole else (*shape[:-2], shape[-1])
            slots["column"].append(composite.zeros(column, w.type.dtype))
            slots["s"].append(zeros_like(w) if whole else composite.zeros(_NONE, w.type.dtype))
        return slots

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        t = cast(step, float64) + 1
        kept = 1 - t**-self.decay
        if self.relative_step:
            bound = cast(1 / elementwise("sqrt", t), rate.type.dtype)
            rate = elementwise("minimum", rate, bound)
        new: list[Value] = []
        after: Slots = {name: [] for name in slots}
        for number, (g, w) in enumerate(zip(gradients, weights, strict=True)):
            row, column, s = (slots[name][number] for name in ("row", "column", "s"))
            beta = cast(kept, w.type.dtype)
            square = elementwise("square", g) + self.epsilon_1
            if len(w.type.shape) < 2:
                s = beta * s + (1 - beta) * square
                move = g / elementwise("sqrt", s)
            else:
                row = beta * row + (1 - beta) * composite.mean(square, -1)
                column = beta * column + (1 - beta) * composite.mean(square, -2)
                share = row / composite.mean(row, -1, keepdims=True)
                root = composite.expand_dims(elementwise("sqrt", share), -1)
                move = g / (root * composite.expand_dims(elementwise("sqrt", column), -2))
            move = move / elementwise("maximum", _rms(move) / self.clip_threshold, 1.0)
            new.append(w - rate * elementwise("maximum", _rms(w), self.epsilon_2) * move)
            for name, value in (("row", row), ("column", column), ("s", s)):
                after[name].append(value)
        return new, after


_NONE = (1,)  # the shape of a slot that holds nothing


def _rms(x: Value) -> Value:
    result: Value = elementwise("sqrt", composite.mean(elementwise("square", x)))
    return result
