"""Layers that pool windows or whole maps, and normalization over neighbouring maps."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from pellucid.core import shapes
from pellucid.core.arguments import flag, integer, real
from pellucid.core.config import record
from pellucid.core.errors import ShapeError
from pellucid.nn.layer import Layer, Tree
from pellucid.ops import composite
from pellucid.ops.composite import sliding
from pellucid.ops.random import Key
from pellucid.ops.value import Value


@dataclasses.dataclass(frozen=True)
class Pooling(Layer):
    """What pooling layers share; `rank` is the number of axes that windows slide along."""

    pool_size: int | tuple[int, ...] = 2
    strides: int | tuple[int, ...] | None = None
    padding: sliding.Padding = "valid"

    rank: ClassVar[int]

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("pool_size", "strides", "padding"):
            object.__setattr__(self, name, sliding.fixed(getattr(self, name)))
        sliding.per_axis(self.where, "pool_size", self.pool_size, self.rank)
        if self.strides is not None:
            sliding.per_axis(self.where, "strides", self.strides, self.rank)
        sliding.check_padding(self.where, self.padding, self.rank)


@dataclasses.dataclass(frozen=True)
class _Max(Pooling):
    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        sliding.known_lengths(self.where, x, self.rank)
        out = composite.max_pool(x, self.pool_size, self.strides, self.padding, where=self.where)
        return out, state


@record
class MaxPool1D(_Max):
    """The largest element of each window of a signal; see MaxPool2D.

    Shapes: x (N, L, C), y (N, windows, C).
    """

    rank: ClassVar[int] = 1


@record
class MaxPool2D(_Max):
    """The largest element of each window. Padding counts as -∞.

    Of equal elements the first in row-major order gets the gradient, as in PyTorch.

    Args:
        pool_size: the lengths of a window, a number or (height, width).
        strides: the steps between windows; the window's lengths for None.
        padding: as of Conv2D; a window of padding alone is an error.

    Shapes: x (N, height, width, C), channels last; y (N, windows, windows, C).
    """

    rank: ClassVar[int] = 2


@dataclasses.dataclass(frozen=True)
class _Average(Pooling):
    count_padding: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(self.where, "count_padding", self.count_padding)

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        sliding.known_lengths(self.where, x, self.rank)
        out = composite.avg_pool(
            x, self.pool_size, self.strides, self.padding, self.count_padding, where=self.where
        )
        return out, state


@record
class AveragePool1D(_Average):
    """The mean of each window of a signal; see AveragePool2D.

    Shapes: x (N, L, C), y (N, windows, C).
    """

    rank: ClassVar[int] = 1


@record
class AveragePool2D(_Average):
    """The mean of each window. Padding counts as 0.

    Args:
        pool_size: the lengths of a window, a number or (height, width).
        strides: the steps between windows; the window's lengths for None.
        padding: as of Conv2D.
        count_padding: whether the divisor counts places of padding, as PyTorch does by default;
            False divides by the number of elements of x in the window, as Keras does.

    Shapes: x (N, height, width, C), channels last; y (N, windows, windows, C).
    """

    rank: ClassVar[int] = 2


def _places(where: str, x: Value) -> tuple[int, ...]:
    """The axes between samples and channels."""
    rank = len(x.type.shape)
    if rank < 3:
        raise ShapeError(
            where,
            f"x must be (N, …, channels) with an axis between, got {shapes.text(x.type.shape)}",
            "Put it before Flatten().",
        )
    return tuple(range(1, rank - 1))


@record
class GlobalMaxPool(Layer):
    """(N, …, C) → (N, C): the largest element of each map, the first of equals in the gradient."""

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        return composite.max(x, _places(self.where, x)), state


@record
class GlobalAveragePool(Layer):
    """(N, …, C) → (N, C): the mean of each map. Source: Lin et al., ICLR 2014, section 3.2."""

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        return composite.mean(x, _places(self.where, x)), state


@record
class LocalResponseNorm(Layer):
    """y_c = x_c / (k + α Σ_j x_j²)^β, over the `size` channels j around c that exist.

    Args:
        size: n, how many neighbouring channels.
        alpha: α, not divided by n (PyTorch divides it).
        beta: β.
        k: what is added to the sum.

    Shapes: x (N, …, C), y the same.

    Source: Krizhevsky et al., NIPS 2012, section 3.3, with its constants.
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "size", self.size, 1)
        real(self.where, "alpha", self.alpha, 0)
        real(self.where, "beta", self.beta, 0)
        real(self.where, "k", self.k, 0, open_low=True)

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        out = composite.local_response_norm(
            x, self.size, self.alpha, self.beta, self.k, where=self.where
        )
        return out, state
