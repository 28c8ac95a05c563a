"""Layers of several inputs: where the branches of a network meet."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, ClassVar

from pellucid.core import shapes
from pellucid.core.arguments import integer
from pellucid.core.config import record
from pellucid.core.errors import ShapeError
from pellucid.nn.layer import Layer, Tree
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Value


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
