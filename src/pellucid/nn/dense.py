"""Fully connected layers, and the small layers that stand around them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

from pellucid.core import shapes
from pellucid.core.arguments import flag, integer, real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.graph.node import TensorType
from pellucid.nn.activations import ActivationLike, activate, check
from pellucid.nn.init import Fill, Initializer, initializer
from pellucid.nn.layer import Layer, Tree
from pellucid.ops import composite
from pellucid.ops.composite import sliding
from pellucid.ops.random import Key
from pellucid.ops.value import Value


@record
class Dense(Layer):
    """y = activation(x·W + b).

    Args:
        units: H, the number of outputs.
        activation: a name (relu, tanh, sigmoid, softmax, gelu, …: `pel.nn.activations.BY_NAME`) or
            a function of one tensor; None is linear.
        use_bias: whether b is added.
        kernel_initializer: how W starts: uniform, normal, xavier, he, zeros, or an Initializer.
        bias_initializer: how b starts.

    Shapes: x (N, …, D), W (D, H), b (H,), y (N, …, H).
    """

    units: int
    activation: str | Callable[[Any], Any] | None = None
    use_bias: bool = True
    kernel_initializer: str | Initializer = "xavier"
    bias_initializer: str | Initializer = "zeros"

    biases: ClassVar[tuple[str, ...]] = ("b",)

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "units", self.units, 1)
        check(self.where, self.activation)
        flag(self.where, "use_bias", self.use_bias)
        initializer(self.where, "kernel_initializer", self.kernel_initializer)
        initializer(self.where, "bias_initializer", self.bias_initializer)

    @property
    def final_activation(self) -> ActivationLike:
        return self.activation

    def without_activation(self) -> Layer:
        return dataclasses.replace(self, activation=None)

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        if len(x.shape) < 2 or not isinstance(x.shape[-1], int):
            raise ShapeError(
                self.where,
                f"x must be (N, D), got {shapes.text(x.shape)}",
                "Give each sample its features as a vector: x.reshape(-1, 1) for one feature.",
            )
        weights = initializer(self.where, "kernel_initializer", self.kernel_initializer)
        params = {"W": weights.values(key.child("W"), (x.shape[-1], self.units), x.dtype)}
        if self.use_bias:
            bias = initializer(self.where, "bias_initializer", self.bias_initializer)
            params["b"] = bias.values(key.child("b"), (self.units,), x.dtype)
        return params, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        features = params["W"].type.shape[0]
        if x.type.shape[-1] != features:
            raise ShapeError(
                self.where,
                f"x must be (N, {features}), got {shapes.text(x.type.shape)}",
                "Add Flatten() before Dense." if len(x.type.shape) > 2 else "",
            )
        out = composite.matmul(x, params["W"])
        if self.use_bias:
            out = out + params["b"]
        return activate(self.activation, out), state


@record
class Activation(Layer):
    """An activation as a layer of its own.

    Args:
        function: a name or a function of one tensor.
    """

    function: str | Callable[[Any], Any]

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.where, self.function)

    @property
    def final_activation(self) -> ActivationLike:
        return self.function

    def without_activation(self) -> None:
        return None

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        return activate(self.function, x), state


@record
class PReLU(Layer):
    """y = x where it is positive, else α·x with slopes α that are learned.

    Args:
        slope_initializer: how α starts; 0.25 everywhere as in the paper.
        shared_axes: axes of a sample, counted from 1, along which one α serves all: (1, 2) of
            images gives each channel one.

    Shapes: x and y (N, …), α a sample's with 1 for each shared axis. Penalties leave α out.
    Source: He et al., ICCV 2015, section 2.1.
    """

    slope_initializer: str | Initializer = Fill(0.25)
    shared_axes: tuple[int, ...] = ()

    biases: ClassVar[tuple[str, ...]] = ("alpha",)

    def __post_init__(self) -> None:
        super().__post_init__()
        initializer(self.where, "slope_initializer", self.slope_initializer)
        object.__setattr__(self, "shared_axes", sliding.fixed(self.shared_axes))
        if not isinstance(self.shared_axes, tuple):
            raise ArgumentError(
                self.where, f"shared_axes must be a tuple such as (1, 2), got {self.shared_axes!r}"
            )
        for axis in self.shared_axes:
            integer(self.where, "shared_axes", axis, 1)

    def _shape(self, x: TensorType) -> tuple[int, ...]:
        if any(axis >= len(x.shape) for axis in self.shared_axes):
            raise ShapeError(
                self.where,
                f"shared_axes must lie in [1, {len(x.shape) - 1}] for x {shapes.text(x.shape)}, "
                f"got {self.shared_axes}",
            )
        return tuple(
            1 if axis in self.shared_axes or not isinstance(dim, int) else dim
            for axis, dim in enumerate(x.shape[1:], 1)
        )

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        start = initializer(self.where, "slope_initializer", self.slope_initializer)
        return {"alpha": start.values(key.child("alpha"), self._shape(x), x.dtype)}, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        slopes = params["alpha"]
        if slopes.type.shape != self._shape(x.type):
            raise ShapeError(
                self.where,
                f"x must have the shape that α was made for, {shapes.text(slopes.type.shape)} a "
                f"sample, got {shapes.text(x.type.shape)}",
            )
        return composite.where(x > 0, x, x * slopes), state


@record
class Flatten(Layer):
    """(N, …) → (N, D): each sample as one vector."""

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        features = shapes.size(x.type.shape[1:])
        return composite.reshape(x, (x.type.shape[0], features)), state


@record
class Reshape(Layer):
    """(N, …) → (N, *shape): the same elements of each sample in row-major order.

    Args:
        shape: of one sample; one entry may be -1 and follows from the others.
    """

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.shape, (tuple, list)):
            raise ArgumentError(
                self.where, f"shape must be a tuple such as (28, 28, 1), got {self.shape!r}"
            )
        object.__setattr__(self, "shape", tuple(self.shape))
        for dim in self.shape:
            integer(self.where, "shape", dim, -1)
        if 0 in self.shape or self.shape.count(-1) > 1:
            raise ArgumentError(
                self.where, f"shape must hold sizes ≥ 1, and -1 once at most, got {self.shape}"
            )

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        features, known = shapes.size(x.type.shape[1:]), 1
        for dim in self.shape:
            known *= max(dim, 1)
        assert isinstance(features, int)
        open_ = -1 in self.shape
        if features % known if open_ else features != known:
            raise ShapeError(
                self.where,
                f"x must have {'a multiple of ' if open_ else ''}{known} elements a sample, got "
                f"{shapes.text(x.type.shape)}",
            )
        dims = [features // known if dim == -1 else dim for dim in self.shape]
        return composite.reshape(x, (x.type.shape[0], *dims)), state


@record
class Permute(Layer):
    """The axes of each sample in another order.

    Args:
        axes: of a sample, counted from 1: (2, 1) exchanges the two axes of (N, a, b).
    """

    axes: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "axes", sliding.fixed(self.axes))
        given = self.axes if isinstance(self.axes, tuple) else ()
        plain = [one for one in given if isinstance(one, int) and not isinstance(one, bool)]
        if not given or sorted(plain) != list(range(1, len(given) + 1)):
            raise ArgumentError(
                self.where,
                f"axes must be an order of 1, 2, …, got {self.axes!r}",
                "Of samples (a, b) write (2, 1) for (b, a).",
            )

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        if len(x.type.shape) != len(self.axes) + 1:
            raise ShapeError(
                self.where,
                f"x must have {len(self.axes)} axes a sample, got {shapes.text(x.type.shape)}",
            )
        return composite.permute_dims(x, (0, *self.axes)), state


@record
class RepeatVector(Layer):
    """(N, D) → (N, count, D): each sample so many times in a row."""

    count: int

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "count", self.count, 1)

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        if len(x.type.shape) != 2:
            raise ShapeError(
                self.where,
                f"x must be (N, D), got {shapes.text(x.type.shape)}",
                "Add Flatten() before RepeatVector.",
            )
        return composite.repeat(composite.expand_dims(x, 1), self.count, 1), state


@record
class Rescale(Layer):
    """y = x·scale + offset, as for pixels: Rescale(1/255) takes [0, 255] to [0, 1]."""

    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real(self.where, "scale", self.scale)
        real(self.where, "offset", self.offset)

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        scaled = x * self.scale
        return (scaled + self.offset if self.offset else scaled), state
