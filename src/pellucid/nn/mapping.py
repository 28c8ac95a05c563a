"""Layers that map features otherwise than one full matrix: maxout, low rank, tables, fixed maps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import flag, integer, real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import Dim
from pellucid.graph.node import TensorType
from pellucid.nn.activations import ActivationLike, activate, check
from pellucid.nn.init import Initializer, initializer
from pellucid.nn.layer import ARGUMENTS, Layer, Tree, checked_result, is_function
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Value, elementwise
from pellucid.runtime.extras import numpy_dtype
from pellucid.transform.arrays import converted

_MAX_DEGREE = 1000
_EXACT = 1 << 24  # whole numbers that float32 holds exactly


def _width(where: str, x: TensorType, wanted: Dim | None = None) -> int:
    """D of inputs (N, D), refused where the layer's weights are for `wanted` features."""
    if len(x.shape) != 2 or not isinstance(x.shape[1], int):
        fix = "Add Flatten() before it." if len(x.shape) > 2 else "Pass x.reshape(-1, 1)."
        raise ShapeError(where, f"x must be (N, D), got {shapes.text(x.shape)}", fix)
    if wanted not in (None, x.shape[1]):
        raise ShapeError(where, f"x must be (N, {wanted}), got {shapes.text(x.shape)}")
    return x.shape[1]


@record
class Maxout(Layer):
    """y_h = maxₚ (x·Wₚ + bₚ)_h: the largest of several linear pieces, which gets the gradient.

    Args:
        units: H.
        pieces: P, how many.
        kernel_initializer, bias_initializer: how W and b start.

    Shapes: x (N, D), W (D, H, P), b (H, P), y (N, H). Of equal pieces the first gets the gradient.
    Source: Goodfellow et al., ICML 2013.
    """

    units: int
    pieces: int = 2
    kernel_initializer: str | Initializer = "xavier"
    bias_initializer: str | Initializer = "zeros"

    biases: ClassVar[tuple[str, ...]] = ("b",)

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "units", self.units, 1)
        integer(self.where, "pieces", self.pieces, 1)
        initializer(self.where, "kernel_initializer", self.kernel_initializer)
        initializer(self.where, "bias_initializer", self.bias_initializer)

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        width, many = _width(self.where, x), self.units * self.pieces
        weights = initializer(self.where, "kernel_initializer", self.kernel_initializer)
        bias = initializer(self.where, "bias_initializer", self.bias_initializer)
        kernel = weights.values(key.child("W"), (width, many), x.dtype)
        shift = bias.values(key.child("b"), (many,), x.dtype)
        inner = (self.units, self.pieces)
        return {
            "W": composite.reshape(kernel, (width, *inner)),
            "b": composite.reshape(shift, inner),
        }, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        _width(self.where, x.type, params["W"].type.shape[0])
        lines = composite.tensordot(x, params["W"], 1) + params["b"]
        return composite.max(lines, axis=-1), state


@record
class LowRankDense(Layer):
    """y = activation(x·A·B + b): a matrix A·B of rank r at most, with r·(D + H) numbers, not D·H.

    The same as a linear hidden layer of r units without bias before a Dense layer.

    Args:
        units: H.
        rank: r.
        activation: as in Dense.
        use_bias: whether b is added.
        kernel_initializer: how A and B start.

    Shapes: x (N, D), A (D, r), B (r, H), b (H,), y (N, H).
    """

    units: int
    rank: int
    activation: str | Callable[[Any], Any] | None = None
    use_bias: bool = True
    kernel_initializer: str | Initializer = "xavier"

    biases: ClassVar[tuple[str, ...]] = ("b",)

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "units", self.units, 1)
        integer(self.where, "rank", self.rank, 1)
        check(self.where, self.activation)
        flag(self.where, "use_bias", self.use_bias)
        initializer(self.where, "kernel_initializer", self.kernel_initializer)

    @property
    def final_activation(self) -> ActivationLike:
        return self.activation

    def without_activation(self) -> Layer:
        return dataclasses.replace(self, activation=None)

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        width = _width(self.where, x)
        if self.rank > min(width, self.units):
            raise ArgumentError(
                self.where,
                f"rank must be at most {min(width, self.units)} for {width} inputs and "
                f"{self.units} units, got {self.rank}",
                "A matrix of full rank is Dense.",
            )
        weights = initializer(self.where, "kernel_initializer", self.kernel_initializer)
        params = {
            "A": weights.values(key.child("A"), (width, self.rank), x.dtype),
            "B": weights.values(key.child("B"), (self.rank, self.units), x.dtype),
        }
        if self.use_bias:
            params["b"] = composite.zeros((self.units,), x.dtype)
        return params, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        _width(self.where, x.type, params["A"].type.shape[0])
        out = composite.matmul(composite.matmul(x, params["A"]), params["B"])
        if self.use_bias:
            out = out + params["b"]
        return activate(self.activation, out), state


@record
class Embedding(Layer):
    """y = the row of a table for each whole number of x: words, categories.

    Args:
        count: rows of the table, up to 2²⁴; x lies in [0, count).
        units: H, the columns.
        embeddings_initializer: how the table starts.

    Shapes: x (N, …), y (N, …, H). A number outside the table, or between two, is an error.
    """

    count: int
    units: int
    embeddings_initializer: str | Initializer = "normal"

    elsewhere: ClassVar[Mapping[str, str]] = {**ARGUMENTS, "input_dim": "count"}

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "count", self.count, 1, _EXACT)
        integer(self.where, "units", self.units, 1)
        initializer(self.where, "embeddings_initializer", self.embeddings_initializer)

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        table = initializer(self.where, "embeddings_initializer", self.embeddings_initializer)
        return {"table": table.values(key.child("table"), (self.count, self.units), x.dtype)}, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        # A number between two rows belongs to none: -1 is refused by the gather.
        exact = elementwise("equal", x, elementwise("floor", x))
        rows = composite.astype(composite.where(exact, x, -1.0), "int64")
        return composite.gather(params["table"], rows), state


@record
class Basis(Layer):
    """y = φ(x) for a fixed function: a generalised linear model has one before its Dense layer.

    Args:
        function: φ, a function of one tensor that keeps the rows.
    """

    function: Callable[[Any], Any]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_function(self.function):
            raise ArgumentError(self.where, f"function must be one, got {self.function!r}")

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        out = checked_result(self.where, "function", self.function(x))
        if out.type.shape[:1] != x.type.shape[:1]:
            raise ShapeError(
                self.where,
                f"function must keep the rows {shapes.text(x.type.shape[:1])}, got "
                f"{shapes.text(out.type.shape)}",
            )
        return out, state


@record
class Polynomial(Layer):
    """y = (x, x², …, x^degree), each feature by itself.

    Args:
        degree: the highest power, 1000 at most: beyond, powers of 2 leave every float.

    Shapes: x (N, D), y (N, D·degree), powers of one feature side by side.
    """

    degree: int

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "degree", self.degree, 1, _MAX_DEGREE)

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        width = _width(self.where, x.type)
        powers = [x]
        for _ in range(self.degree - 1):
            powers.append(powers[-1] * x)
        out = composite.stack(powers, axis=-1)
        return composite.reshape(out, (x.type.shape[0], width * self.degree)), state


@record
class RBF(Layer):
    """y_m = exp(-‖x - c_m‖² / (2·width²)) for fixed centers c.

    Args:
        centers: (M, D) numbers, as nested tuples or lists.
        width: in [1e-100, 1e100], so that its square is a number.

    Shapes: x (N, D), y (N, M).
    """

    centers: tuple[tuple[float, ...], ...]
    width: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real(self.where, "width", self.width, 1e-100, 1e100)
        try:
            lines = [tuple(line) for line in self.centers]
        except TypeError:  # not nested
            lines = []
        if not lines or len({len(line) for line in lines}) != 1 or not lines[0]:
            raise ArgumentError(
                self.where,
                f"centers must be (M, D) numbers, got {self.centers!r}",
                "Two centers of three features: ((0, 0, 0), (1, 1, 1)).",
            )
        for line in lines:
            for one in line:
                real(self.where, "centers", one)
        object.__setattr__(self, "centers", tuple(tuple(map(float, line)) for line in lines))

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        if _width(self.where, x.type) != len(self.centers[0]):
            raise ShapeError(
                self.where,
                f"x must be (N, {len(self.centers[0])}) like the centers, got "
                f"{shapes.text(x.type.shape)}",
            )
        dtype = numpy_dtype(x.type.dtype)
        centers = converted(np.array(self.centers), dtype, self.where, "centers")
        each = composite.reshape(x, (x.type.shape[0], 1, x.type.shape[1]))
        far = composite.sum(elementwise("square", each - centers), axis=-1)
        return elementwise("exp", far * (-0.5 / self.width**2)), state
