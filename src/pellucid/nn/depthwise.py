"""Convolutions of each channel by itself, and their mixing. Channels last."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

from pellucid.core.arguments import flag, integer
from pellucid.core.config import record
from pellucid.core.dtypes import DType
from pellucid.graph.node import TensorType
from pellucid.nn.activations import ActivationLike, activate, check
from pellucid.nn.init import Initializer, initializer
from pellucid.nn.layer import Layer, Tree
from pellucid.ops import composite
from pellucid.ops.composite import sliding
from pellucid.ops.composite.base import known_length
from pellucid.ops.random import Key
from pellucid.ops.value import Value


class _Channelwise(Layer):
    """What both kinds share, fields included; `rank` counts the axes that kernels slide along."""

    biases: ClassVar[tuple[str, ...]] = ("b",)
    rank: ClassVar[int]

    kernel_size: Any
    strides: Any
    padding: Any
    dilation: Any
    multiplier: int
    activation: Any
    use_bias: bool
    kernel_initializer: Any
    bias_initializer: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("kernel_size", "strides", "padding", "dilation"):
            object.__setattr__(self, name, sliding.fixed(getattr(self, name)))
        for name in ("kernel_size", "strides", "dilation"):
            sliding.per_axis(self.where, name, getattr(self, name), self.rank)
        sliding.check_padding(self.where, self.padding, self.rank)
        integer(self.where, "multiplier", self.multiplier, 1)
        check(self.where, self.activation)
        flag(self.where, "use_bias", self.use_bias)
        initializer(self.where, "kernel_initializer", self.kernel_initializer)
        initializer(self.where, "bias_initializer", self.bias_initializer)

    @property
    def final_activation(self) -> ActivationLike:
        activation: ActivationLike = self.activation
        return activation

    def without_activation(self) -> Layer:
        return dataclasses.replace(self, activation=None)  # type: ignore[call-arg]

    def _kernel(self, key: Key, x: TensorType) -> Value:
        """The start of W, (K, C, M). A unit sees one channel, so each is drawn by itself."""
        plan = sliding.sliding(
            self.where, x, self.kernel_size, self.strides, self.padding, self.dilation, self.rank
        )
        channels = x.shape[-1]
        assert isinstance(channels, int)
        start = initializer(self.where, "kernel_initializer", self.kernel_initializer)
        return _drawn(start, key.child("W"), plan.size, channels, self.multiplier, x.dtype)

    def _bias(self, key: Key, count: int, dtype: DType) -> Value:
        start = initializer(self.where, "bias_initializer", self.bias_initializer)
        return start.values(key.child("b"), (count,), dtype)

    def _each(self, kernel: Value, x: Value) -> Value:
        """The convolution of each channel: (N, windows, C·M)."""
        sliding.known_lengths(self.where, x, self.rank)
        size, maps = kernel.type.shape[: self.rank], _maps(kernel)
        flat = composite.reshape(kernel, (*size, 1, maps))
        return composite.conv(
            x,
            flat,
            self.strides,
            self.padding,
            self.dilation,
            known_length(self.where, x, -1),
            where=self.where,
        )


def _maps(kernel: Value) -> int:
    """How many maps a kernel (K, C, M) makes."""
    channels, several = kernel.type.shape[-2:]
    assert isinstance(channels, int) and isinstance(several, int)
    return channels * several


def _drawn(
    start: Initializer, key: Key, size: tuple[int, ...], channels: int, several: int, dtype: DType
) -> Value:
    """(K, C, M), each channel's kernel as one of a layer with one channel."""
    shape = (*size, 1, several)
    each = [start.values(key.child(f"channel_{c}"), shape, dtype) for c in range(channels)]
    return composite.concat(each, -2)


@dataclasses.dataclass(frozen=True)
class DepthwiseConvolution(_Channelwise):
    """What depthwise convolutions over any number of axes share."""

    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: sliding.Padding = "valid"
    dilation: int | tuple[int, ...] = 1
    multiplier: int = 1
    activation: str | Callable[[Any], Any] | None = None
    use_bias: bool = True
    kernel_initializer: str | Initializer = "xavier"
    bias_initializer: str | Initializer = "zeros"

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        params = {"W": self._kernel(key, x)}
        if self.use_bias:
            params["b"] = self._bias(key, _maps(params["W"]), x.dtype)
        return params, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        out = self._each(params["W"], x)
        if self.use_bias:
            out = out + params["b"]
        return activate(self.activation, out), state


@record
class DepthwiseConv1D(DepthwiseConvolution):
    """y[n, i, (c, m)] = activation(Σ_k x[n, s·i + d·k - p, c]·W[k, c, m] + b[(c, m)]).

    Args: as of DepthwiseConv2D, with one number an axis.

    Shapes: x (N, L, C), W (K, C, M), b (C·M,), y (N, windows, C·M).
    """

    rank: ClassVar[int] = 1


@record
class DepthwiseConv2D(DepthwiseConvolution):
    """y[n, i, (c, m)] = activation(Σ_k x[n, s·i + d·k - p, c]·W[k, c, m] + b[(c, m)]).

    Channels do not meet: each has M kernels of its own. i and k are pairs.

    Args:
        kernel_size: K, a number or (height, width).
        strides, padding, dilation: as of Conv2D.
        multiplier: M, how many maps each channel gives.
        activation: a name or a function of one tensor; None is linear.
        use_bias: whether b is added.
        kernel_initializer: how W starts; fans count one channel.
        bias_initializer: how b starts.

    Shapes: x (N, height, width, C), channels last; W (K, K, C, M), b (C·M,),
    y (N, windows, windows, C·M), the maps of a channel side by side.

    Source: Sifre, Rigid-motion scattering for image classification (2014).
    """

    rank: ClassVar[int] = 2


@dataclasses.dataclass(frozen=True)
class SeparableConvolution(_Channelwise):
    """What separable convolutions over any number of axes share."""

    filters: int
    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: sliding.Padding = "valid"
    dilation: int | tuple[int, ...] = 1
    multiplier: int = 1
    activation: str | Callable[[Any], Any] | None = None
    use_bias: bool = True
    kernel_initializer: str | Initializer = "xavier"
    pointwise_initializer: str | Initializer = "xavier"
    bias_initializer: str | Initializer = "zeros"

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "filters", self.filters, 1)
        initializer(self.where, "pointwise_initializer", self.pointwise_initializer)

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        kernel = self._kernel(key, x)
        start = initializer(self.where, "pointwise_initializer", self.pointwise_initializer)
        shape = (_maps(kernel), self.filters)
        params = {"W": kernel, "P": start.values(key.child("P"), shape, x.dtype)}
        if self.use_bias:
            params["b"] = self._bias(key, self.filters, x.dtype)
        return params, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        out = composite.matmul(self._each(params["W"], x), params["P"])
        if self.use_bias:
            out = out + params["b"]
        return activate(self.activation, out), state


@record
class SeparableConv1D(SeparableConvolution):
    """activation(P·(x with each channel convolved by itself) + b); see SeparableConv2D.

    Shapes: x (N, L, C), W (K, C, M), P (C·M, H), b (H,), y (N, windows, H).
    """

    rank: ClassVar[int] = 1


@record
class SeparableConv2D(SeparableConvolution):
    """y[n, i, h] = activation(Σ z[n, i, (c, m)]·P[(c, m), h] + b[h]), z a depthwise convolution.

    First each channel is convolved by itself, z as of DepthwiseConv2D without bias; then the
    channels of each place are mixed. C·(K² + H) numbers in the place of C·K²·H.

    Args:
        filters: H, the number of output maps.
        kernel_size, strides, padding, dilation: of the depthwise part, as of Conv2D.
        multiplier: M, how many maps each channel gives before they are mixed.
        activation: a name or a function of one tensor; None is linear.
        use_bias: whether b is added.
        kernel_initializer: how W starts; fans count one channel.
        pointwise_initializer: how P starts.
        bias_initializer: how b starts.

    Shapes: x (N, height, width, C), channels last; W (K, K, C, M), P (C·M, H), b (H,),
    y (N, windows, windows, H).

    Source: Chollet, Xception, CVPR 2017.
    """

    rank: ClassVar[int] = 2
