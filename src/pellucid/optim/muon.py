"""Muon: matrices move along the orthogonal factor of their momentum, other weights by Adam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

from pellucid.core.arguments import flag, integer, real
from pellucid.core.config import record
from pellucid.core.dtypes import float64
from pellucid.core.errors import ArgumentError, nearest
from pellucid.ops import composite
from pellucid.ops.value import Value, cast, elementwise, zeros_like
from pellucid.optim.adam import Moments
from pellucid.optim.base import Slots

_NONE = (1,)  # the shape of a slot that holds nothing
_SMALL = 1e-7  # beside a norm


@record
class Muon(Moments):
    """Matrices: M ← μ·M + g, W ← W - η·λ·W - η·r·√max(n, m)·O(g + μ·M). Other weights: Adam.

    O scales its matrix X to the norm 1 and repeats X ← a·X + (b·A + c·A²)·X with A = X·Xᵀ: singular
    values come near 1, so that a step has the same size in every direction. Adam's step is that of
    `Adam(epsilon_uncorrected=True)`.

    Args:
        learning_rate: η, a number or a Schedule; 0.001 by default.
        adam: names of layers, or of weights such as "dense_2.W", whose matrices take Adam's step
            too: those of embeddings, and of the last layer.
        momentum: μ in [0, 1).
        nesterov: whether O is of g + μ·M, else of M.
        iterations: how often X is replaced, ≥ 1.
        coefficients: (a, b, c).
        scale: r > 0; None leaves out the factor r·√max(n, m).
        weight_decay: λ ≥ 0 of matrices; adam_weight_decay: of the weights that take Adam's step.
        adam_rate: what η is multiplied by in Adam's step, > 0.
        beta_1, beta_2, epsilon: of Adam.

    Source: Jordan et al., Muon (2024), kellerjordan.github.io/posts/muon; r: Liu et al., Muon is
    scalable for LLM training (2025), section 2.2.
    """

    adam: tuple[str, ...] = field(default=(), kw_only=True)
    momentum: float = field(default=0.95, kw_only=True)
    nesterov: bool = field(default=True, kw_only=True)
    iterations: int = field(default=5, kw_only=True)
    coefficients: tuple[float, float, float] = field(default=(3.4445, -4.775, 2.0315), kw_only=True)
    scale: float | None = field(default=0.2, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)
    adam_weight_decay: float = field(default=0.0, kw_only=True)
    adam_rate: float = field(default=1.0, kw_only=True)

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        for name in ("adam", "coefficients"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        if not isinstance(self.adam, tuple) or not all(isinstance(one, str) for one in self.adam):
            raise ArgumentError(
                "Muon", f"adam must be a tuple of names, got {self.adam!r}",
                'Write adam=("dense_2",).',
            )  # fmt: skip
        if not isinstance(self.coefficients, tuple) or len(self.coefficients) != 3:
            raise ArgumentError(
                "Muon", f"coefficients must be three numbers, got {self.coefficients!r}"
            )
        for one in self.coefficients:
            real("Muon", "coefficients", one)
        real("Muon", "momentum", self.momentum, 0, 1, open_high=True)
        flag("Muon", "nesterov", self.nesterov)
        integer("Muon", "iterations", self.iterations, 1)
        if self.scale is not None:
            real("Muon", "scale", self.scale, 0, open_low=True)
        for name in ("weight_decay", "adam_weight_decay"):
            real("Muon", name, getattr(self, name), 0)
        real("Muon", "adam_rate", self.adam_rate, 0, open_low=True)

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        return self.slots_of(weights, [""] * len(weights))

    def slots_of(self, weights: Sequence[Value], names: Sequence[str]) -> Slots:
        """Each weight has m; v is there for those that take Adam's step, and says which they are.

        Raises:
            ArgumentError: for a name that no weight has.
        """
        for one in self.adam if weights else ():
            if not any(_is_of(name, one) for name in names):
                layers = dict.fromkeys(name.rpartition(".")[0] or name for name in names)
                raise ArgumentError(
                    "Muon", f"adam names no layer or weight {one!r}", nearest(one, layers)
                )
        v = []
        for w, name in zip(weights, names, strict=True):
            moves = len(w.type.shape) != 2 or any(_is_of(name, one) for one in self.adam)
            v.append(zeros_like(w) if moves else composite.zeros(_NONE, w.type.dtype))
        return {"m": [zeros_like(w) for w in weights], "v": v}

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
        correction = elementwise("sqrt", 1 - self.beta_2**t) / (1 - self.beta_1**t)
        new: list[Value] = []
        after: Slots = {"m": [], "v": []}
        for g, w, m, v in zip(gradients, weights, slots["m"], slots["v"], strict=True):
            if v.type.shape == w.type.shape:
                w = w * (1 - rate * self.adam_weight_decay) if self.adam_weight_decay else w
                m, v = self._means(g, m, v)
                speed = rate * self.adam_rate * cast(correction, w.type.dtype)
                new.append(w - speed * m / (elementwise("sqrt", v) + self.epsilon))
            else:
                w = w * (1 - rate * self.weight_decay) if self.weight_decay else w
                m = self.momentum * m + g
                move = self._orthogonal(g + self.momentum * m if self.nesterov else m)
                if self.scale is not None:
                    move = move * (self.scale * max(_sides(w)) ** 0.5)
                new.append(w - rate * move)
            after["m"].append(m)
            after["v"].append(v)
        return new, after

    def _orthogonal(self, x: Value) -> Value:
        """A matrix with the singular vectors of x, and singular values near 1."""
        rows, columns = _sides(x)
        high = rows > columns  # A is the smaller of X·Xᵀ and Xᵀ·X
        a, b, c = self.coefficients
        x = x / (elementwise("sqrt", composite.sum(elementwise("square", x))) + _SMALL)
        x = composite.swapaxes(x, 0, 1) if high else x
        for _ in range(self.iterations):
            square = composite.matmul(x, composite.swapaxes(x, 0, 1))
            x = a * x + composite.matmul(b * square + c * composite.matmul(square, square), x)
        return composite.swapaxes(x, 0, 1) if high else x


def _sides(x: Value) -> list[int]:
    """The lengths of both axes of a matrix."""
    return [one for one in x.type.shape if isinstance(one, int)]


def _is_of(name: str, one: str) -> bool:
    """Whether a weight has this name, or stands in the layer of this name."""
    return name == one or name.startswith(f"{one}.")
