"""Layers of several inputs: where the branches of a network meet."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, ClassVar

from pellucid.core import shapes
from pellucid.core.arguments import flag, integer
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.nn.layer import Layer, Tree
from pellucid.nn.normalization import unit_length
from pellucid.ops import composite
from pellucid.ops.composite import sliding
from pellucid.ops.random import Key
from pellucid.ops.value import Value, elementwise


@dataclasses.dataclass(frozen=True)
class _Elementwise(Layer):
    """One result for each place; all inputs have one shape."""

    multiple_inputs: ClassVar[bool] = True

    def _same(self, xs: Sequence[Value]) -> None:
        if len({x.type.shape for x in xs}) > 1:
            shown = ", ".join(shapes.text(x.type.shape) for x in xs)
            raise ShapeError(
                self.where,
                f"inputs must have one shape, got {shown}",
                "Give a branch a Dense layer that ends in the other's width.",
            )


@record
class Add(_Elementwise):
    """y = x₁ + x₂ + …: a residual connection adds a layer's input to its output."""

    def apply(
        self, params: Tree, state: Tree, x: Any, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        self._same(x)
        return functools.reduce(lambda one, other: one + other, x), state


@record
class Multiply(_Elementwise):
    """y = x₁ · x₂ · …, place by place."""

    def apply(
        self, params: Tree, state: Tree, x: Any, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        self._same(x)
        return functools.reduce(lambda one, other: one * other, x), state


@record
class Subtract(_Elementwise):
    """y = x₁ - x₂, of two inputs."""

    def apply(
        self, params: Tree, state: Tree, x: Any, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        self._same(x)
        return _two(self.where, x)[0] - x[1], state


@record
class Average(_Elementwise):
    """y = (x₁ + x₂ + …)/n, place by place."""

    def apply(
        self, params: Tree, state: Tree, x: Any, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        self._same(x)
        return functools.reduce(lambda one, other: one + other, x) / len(x), state


@record
class Maximum(_Elementwise):
    """y = max(x₁, x₂, …), place by place; of equals the first gets the gradient."""

    def apply(
        self, params: Tree, state: Tree, x: Any, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        self._same(x)
        return functools.reduce(lambda one, other: elementwise("maximum", one, other), x), state


@record
class Minimum(_Elementwise):
    """y = min(x₁, x₂, …), place by place; of equals the first gets the gradient."""

    def apply(
        self, params: Tree, state: Tree, x: Any, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        self._same(x)
        return functools.reduce(lambda one, other: elementwise("minimum", one, other), x), state


def _two(where: str, x: Sequence[Value]) -> Sequence[Value]:
    if len(x) != 2:
        raise ShapeError(where, f"it takes two inputs, got {len(x)}")
    return x


@record
class Dot(Layer):
    """Σ over an axis of each of two inputs, sample by sample: of vectors their inner product.

    Args:
        axes: the axis of both inputs, or (of the first, of the second); not 0, the rows.
        normalize: whether vectors along the axes are divided by their length first: the cosine of
            their angle.

    Shapes: of (N, D) and (N, D) the result is (N, 1); else (N, what is left of the first, what is
    left of the second).
    """

    axes: int | tuple[int, int] = -1
    normalize: bool = False

    multiple_inputs: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "axes", sliding.fixed(self.axes))
        several = self.axes if isinstance(self.axes, tuple) else (self.axes,) * 2
        if len(several) != 2:
            raise ArgumentError(
                self.where, f"axes must be a number or one for each of two inputs, got {several}"
            )
        for axis in several:
            integer(self.where, "axes", axis, -64, 64)
        flag(self.where, "normalize", self.normalize)

    def apply(
        self, params: Tree, state: Tree, x: Any, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        given = self.axes if isinstance(self.axes, tuple) else (self.axes,) * 2
        pair, axes = list(_two(self.where, x)), []
        for one, axis in zip(pair, given, strict=True):
            axes.append(shapes.axis_index(self.where, axis, len(one.type.shape)))
        if 0 in axes:
            raise ShapeError(self.where, f"axes must not be that of the rows, got {self.axes}")
        if self.normalize:
            pair = [unit_length(one, axis) for one, axis in zip(pair, axes, strict=True)]
        try:
            out = composite.contract(pair[0], pair[1], [(0, 0)], [(axes[0], axes[1])])
        except ShapeError as error:
            shown = " and ".join(shapes.text(one.type.shape) for one in pair)
            raise ShapeError(
                self.where, f"axes {tuple(axes)} of both inputs must be equal, got {shown}"
            ) from error
        if len(out.type.shape) == 1:
            out = composite.expand_dims(out, 1)
        return out, state


@record
class Concat(Layer):
    """Inputs one behind the other along an axis.

    Args:
        axis: -1 by default, the features; not 0, the rows.
    """

    axis: int = -1

    multiple_inputs: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "axis", self.axis, -64, 64)

    def apply(
        self, params: Tree, state: Tree, x: Any, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        if self.axis in (0, -len(x[0].type.shape)):
            raise ShapeError(self.where, f"axis must not be that of the rows, got {self.axis}")
        return composite.concat(list(x), axis=self.axis), state
