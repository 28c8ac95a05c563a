"""Layers that take mean and variance off, over the batch or within each sample."""

from __future__ import annotations

from typing import ClassVar

from pellucid.core import shapes
from pellucid.core.arguments import flag, integer, real
from pellucid.core.config import record
from pellucid.core.errors import ShapeError
from pellucid.graph.node import TensorType
from pellucid.nn.layer import Layer, Tree
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Value, apply, elementwise

_SMALLEST = 1e-12  # the length of a vector, as a divisor


class _Normalization(Layer):
    """What all share, fields included: γ, β and ε."""

    epsilon: float
    center: bool
    scale: bool

    biases: ClassVar[tuple[str, ...]] = ("gamma", "beta")

    def __post_init__(self) -> None:
        super().__post_init__()
        real(self.where, "epsilon", self.epsilon, 0, open_low=True)
        flag(self.where, "center", self.center)
        flag(self.where, "scale", self.scale)

    @property
    def _axes(self) -> int:
        """How many of the last axes γ and β have."""
        return 1

    def _features(self, x: TensorType) -> tuple[int, ...]:
        if len(x.shape) <= self._axes:
            more = ", …" * (self._axes - 1)
            raise ShapeError(
                self.where,
                f"x must be (N, …, D{more}), got {shapes.text(x.shape)}",
                "Give each sample its features as a vector: x.reshape(-1, 1) for one feature.",
            )
        return tuple(dim for dim in x.shape[-self._axes :] if isinstance(dim, int))

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        shape, params = self._features(x), {}
        if self.scale:
            params["gamma"] = composite.ones(shape, x.dtype)
        if self.center:
            params["beta"] = composite.zeros(shape, x.dtype)
        return params, {}

    def _normalized(self, params: Tree, x: Value, mean: Value | None, variance: Value) -> Value:
        for weights in params.values():
            wanted = weights.type.shape
            if wanted != x.type.shape[-self._axes :]:  # a layer called twice has one width
                raise ShapeError(
                    self.where,
                    f"x must be (N, …, {', '.join(map(str, wanted))}), got "
                    f"{shapes.text(x.type.shape)}",
                )
        if mean is not None:
            x = x - mean
        out = x / elementwise("sqrt", variance + self.epsilon)
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

    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    momentum: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        real(self.where, "momentum", self.momentum, 0, 1, open_high=True)

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        params, _ = super().init(key, x)
        shape = self._features(x)
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
    """y = γ·(x - μ)/√(σ² + ε) + β with mean and variance of each sample's own last axis, or axes.

    Args:
        epsilon: ε > 0.
        center, scale: whether β and γ are there.
        axes: how many of the last axes mean, variance, γ and β run over.

    Shapes: x and y (N, …, D); γ and β (D,), or of the last axes.
    Source: Ba, Kiros and Hinton, arXiv:1607.06450.
    """

    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    axes: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "axes", self.axes, 1)

    @property
    def _axes(self) -> int:
        return self.axes

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        rank = len(x.type.shape)
        self._features(x.type)
        mean, variance = _moments(x, tuple(range(rank - self.axes, rank)))
        return self._normalized(params, x, mean, variance), state


@record
class GroupNorm(_Normalization):
    """y = γ·(x - μ)/√(σ² + ε) + β, with mean and variance of each group of a sample's channels.

    Args:
        groups: into how many parts of neighbours the channels are cut; 1 is a LayerNorm over all
            axes, with γ and β by channel. None: each channel by itself, instance normalization.
        epsilon: ε > 0.
        center, scale: whether β and γ are there.

    Shapes: x and y (N, …, C), channels last; γ and β (C,).
    Source: Wu and He, ECCV 2018; 32 groups as there. Instance normalization: Ulyanov, Vedaldi and
    Lempitsky, arXiv:1607.08022.
    """

    groups: int | None = 32
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.groups is not None:
            integer(self.where, "groups", self.groups, 1)

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        self._parts(x)
        return super().init(key, x)

    def _parts(self, x: TensorType) -> int:
        channels = self._features(x)[0]
        groups = channels if self.groups is None else self.groups
        if channels % groups:
            raise ShapeError(
                self.where,
                f"groups must divide the {channels} channels of x, got {groups}",
                "Choose a divisor: channels are the last axis.",
            )
        return groups

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        groups, shape = self._parts(x.type), x.type.shape
        size = shape[-1] // groups if isinstance(shape[-1], int) else 0
        parts = composite.reshape(x, (*shape[:-1], groups, size))
        over = (*range(1, len(shape) - 1), len(shape))
        mean, variance = _moments(parts, over)
        wide = (*mean.type.shape[:-1], size)
        mean, variance = (
            composite.reshape(composite.broadcast_to(one, wide), (*wide[:-2], groups * size))
            for one in (mean, variance)
        )
        return self._normalized(params, x, mean, variance), state


@record
class RMSNorm(_Normalization):
    """y = γ·x/√(mean of x² + ε) + β along each sample's last axis: LayerNorm without a mean.

    Args:
        epsilon: ε > 0.
        center, scale: whether β and γ are there.

    Shapes: x and y (N, …, D); γ and β (D,).
    Source: Zhang and Sennrich, NeurIPS 2019; ε as in Keras.
    """

    epsilon: float = 1e-6
    center: bool = False
    scale: bool = True

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        self._features(x.type)
        size = composite.mean(elementwise("square", x), -1, keepdims=True)
        return self._normalized(params, x, None, size), state


@record
class UnitNorm(Layer):
    """y = x/‖x‖ along an axis; ‖x‖ counts as 1e-12 where it is less.

    Args:
        axis: of the vectors, the last one by default; not 0, the rows.
    """

    axis: int = -1

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "axis", self.axis, -64, 64)

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        axis = shapes.axis_index(self.where, self.axis, len(x.type.shape))
        if axis == 0:
            raise ShapeError(self.where, f"axis must not be that of the rows, got {self.axis}")
        return unit_length(x, axis), state


def unit_length(x: Value, axis: int) -> Value:
    """x/max(‖x‖, 1e-12) along an axis."""
    square = composite.sum(elementwise("square", x), axis, keepdims=True)
    return x / elementwise("sqrt", elementwise("maximum", square, _SMALLEST**2))
