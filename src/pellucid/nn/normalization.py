"""Layers that take mean and variance off, over the batch or over each row's features."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from pellucid.core import shapes
from pellucid.core.arguments import flag, real
from pellucid.core.config import record
from pellucid.core.errors import ShapeError
from pellucid.graph.node import TensorType
from pellucid.nn.layer import Layer, Tree
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Value, apply, elementwise


@dataclasses.dataclass(frozen=True)
class _Normalization(Layer):
    """What both share: γ, β and ε."""

    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    biases: ClassVar[tuple[str, ...]] = ("gamma", "beta")

    def __post_init__(self) -> None:
        super().__post_init__()
        real(self.where, "epsilon", self.epsilon, 0, open_low=True)
        flag(self.where, "center", self.center)
        flag(self.where, "scale", self.scale)

    def _features(self, x: TensorType) -> int:
        features = x.shape[-1]
        if len(x.shape) < 2 or not isinstance(features, int):
            raise ShapeError(
                self.where,
                f"x must be (N, …, D), got {shapes.text(x.shape)}",
                "Give each sample its features as a vector: x.reshape(-1, 1) for one feature.",
            )
        return features

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        shape, params = (self._features(x),), {}
        if self.scale:
            params["gamma"] = composite.ones(shape, x.dtype)
        if self.center:
            params["beta"] = composite.zeros(shape, x.dtype)
        return params, {}

    def _normalized(self, params: Tree, x: Value, mean: Value, variance: Value) -> Value:
        for weights in params.values():
            if weights.type.shape != x.type.shape[-1:]:  # a layer called twice has one width
                raise ShapeError(
                    self.where,
                    f"x must be (N, …, {weights.type.shape[0]}), got {shapes.text(x.type.shape)}",
                )
        out = (x - mean) / elementwise("sqrt", variance + self.epsilon)
        if self.scale:
            out = out * params["gamma"]
        return out + params["beta"] if self.center else out


def _moments(x: Value, axes: tuple[int, ...]) -> tuple[Value, Value]:
    """Mean and variance (of the whole population) over axes, which are kept."""
    mean = composite.mean(x, axes, keepdims=True)
    return mean, composite.mean(elementwise("square", x - mean), axes, keepdims=True)


@record
class BatchNorm(_Normalization):
    """y = γ·(x - μ)/√(σ² + ε) + β, each feature with mean and variance of its own.

    In training μ and σ² are those of the batch, over all axes but the last, and the gradient runs
    through them; σ² divides by their number. Running means of both, m ← momentum·m +
    (1 - momentum)·μ from 0 and 1 on, take their place in evaluation and prediction.

    Args:
        momentum: in [0, 1).
        epsilon: ε > 0.
        center, scale: whether β and γ are there.

    A batch of one row has variance 0: y is β. Penalties leave γ and β out.
    Shapes: x and y (N, …, D); γ, β, mean and variance (D,).

    Source: Ioffe and Szegedy, ICML 2015; momentum and the running variance as in Keras.
    """

    momentum: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        real(self.where, "momentum", self.momentum, 0, 1, open_high=True)

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        params, _ = super().init(key, x)
        shape = (self._features(x),)
        state = {
            "mean": composite.zeros(shape, x.dtype),
            "variance": composite.ones(shape, x.dtype),
        }
        return params, state

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        if not train:
            return self._normalized(params, x, state["mean"], state["variance"]), state
        mean, variance = _moments(x, tuple(range(len(x.type.shape) - 1)))
        after = {}
        for name, new in (("mean", mean), ("variance", variance)):
            own = composite.reshape(apply("stop_gradient", new), state[name].type.shape)
            after[name] = state[name] * self.momentum + own * (1 - self.momentum)
        return self._normalized(params, x, mean, variance), after


@record
class LayerNorm(_Normalization):
    """y = γ·(x - μ)/√(σ² + ε) + β with mean and variance of each row's own last axis.

    Args:
        epsilon: ε > 0.
        center, scale: whether β and γ are there.

    Shapes: x and y (N, …, D); γ and β (D,).
    Source: Ba, Kiros and Hinton, arXiv:1607.06450.
    """

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        mean, variance = _moments(x, (len(x.type.shape) - 1,))
        return self._normalized(params, x, mean, variance), state
