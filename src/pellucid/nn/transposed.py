"""Transposed convolutions: each element of x adds a kernel to the output. Channels last."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

from pellucid.core.arguments import flag, integer
from pellucid.core.config import record
from pellucid.graph.node import TensorType
from pellucid.nn.activations import ActivationLike, activate, check
from pellucid.nn.init import Initializer, initializer
from pellucid.nn.layer import Layer, Tree
from pellucid.ops import composite
from pellucid.ops.composite import sliding
from pellucid.ops.random import Key
from pellucid.ops.value import Value


@dataclasses.dataclass(frozen=True)
class TransposedConvolution(Layer):
    """What transposed convolutions over any number of axes share; `rank` is that number."""

    filters: int
    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: sliding.Padding = "valid"
    dilation: int | tuple[int, ...] = 1
    output_padding: int | tuple[int, ...] | None = None
    activation: str | Callable[[Any], Any] | None = None
    use_bias: bool = True
    kernel_initializer: str | Initializer = "xavier"
    bias_initializer: str | Initializer = "zeros"

    biases: ClassVar[tuple[str, ...]] = ("b",)
    rank: ClassVar[int]

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("kernel_size", "strides", "padding", "dilation", "output_padding"):
            object.__setattr__(self, name, sliding.fixed(getattr(self, name)))
        integer(self.where, "filters", self.filters, 1)
        self._size  # noqa: B018
        strides, dilation = (
            sliding.per_axis(self.where, name, getattr(self, name), self.rank)
            for name in ("strides", "dilation")
        )
        sliding.check_padding(self.where, self.padding, self.rank)
        sliding.check_output_padding(self.where, self.output_padding, strides, dilation)
        check(self.where, self.activation)
        flag(self.where, "use_bias", self.use_bias)
        initializer(self.where, "kernel_initializer", self.kernel_initializer)
        initializer(self.where, "bias_initializer", self.bias_initializer)

    @property
    def _size(self) -> tuple[int, ...]:
        return sliding.per_axis(self.where, "kernel_size", self.kernel_size, self.rank)

    @property
    def final_activation(self) -> ActivationLike:
        return self.activation

    def without_activation(self) -> Layer:
        return dataclasses.replace(self, activation=None)

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        sliding.known_lengths(self.where, x, self.rank)
        channels = x.shape[-1]
        assert isinstance(channels, int)
        start = initializer(self.where, "kernel_initializer", self.kernel_initializer)
        # As in Keras, fans are those of the convolution that this one transposes.
        shape = (*self._size, self.filters, channels)
        params = {"W": start.values(key.child("W"), shape, x.dtype)}
        if self.use_bias:
            bias = initializer(self.where, "bias_initializer", self.bias_initializer)
            params["b"] = bias.values(key.child("b"), (self.filters,), x.dtype)
        return params, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        sliding.known_lengths(self.where, x, self.rank)
        out = composite.conv_transpose(
            x,
            params["W"],
            self.strides,
            self.padding,
            self.dilation,
            self.output_padding,
            where=self.where,
        )
        if self.use_bias:
            out = out + params["b"]
        return activate(self.activation, out), state


@record
class Conv1DTranspose(TransposedConvolution):
    """y[n, j, h] = activation(Σ x[n, i, c]·W[k, h, c] + b[h]) over all i, k with s·i + d·k - p = j.

    Args: as of Conv2DTranspose, with one number an axis.

    Shapes: x (N, L, C), W (K, H, C), b (H,), y (N, places, H).
    """

    rank: ClassVar[int] = 1


@record
class Conv2DTranspose(TransposedConvolution):
    """y[n, j, h] = activation(Σ x[n, i, c]·W[k, h, c] + b[h]) over all i, k with s·i + d·k - p = j.

    The transpose of Conv2D with the same arguments, which takes y to x: with strides it makes
    images larger. i, j and k are pairs.

    Args:
        filters: H, the number of output maps.
        kernel_size: K, a number or (height, width).
        strides: s, the places between the kernels of neighbours.
        padding: p, of that convolution, cut off from the output: "valid" (none), "same" (s·L places
            an axis), a number, or an entry an axis, each a number or a pair (before, behind).
        dilation: d, the distance of a kernel's elements in y.
        output_padding: places behind the end of the output, less than s or d. None is 0 beside
            numbers; for "same" and "valid" as many as make s·L places.
        activation: a name or a function of one tensor; None is linear.
        use_bias: whether b is added.
        kernel_initializer: how W starts; fans are those of the convolution that is transposed.
        bias_initializer: how b starts.

    Shapes: x (N, height, width, C), channels last; W (K, K, H, C), b (H,),
    y (N, s·(height - 1) + d·(K - 1) + 1 - padding + output_padding, …, H).

    Source: Zeiler, Krishnan, Taylor and Fergus, CVPR 2010; lengths as in Keras, with numbers as in
    PyTorch.
    """

    rank: ClassVar[int] = 2
