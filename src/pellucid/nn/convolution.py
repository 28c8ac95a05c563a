"""Convolutional layers. Channels come last: signals (N, L, C), images (N, height, width, C)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from pellucid.core.arguments import choice, flag, integer, real
from pellucid.core.config import record
from pellucid.core.dtypes import DType
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.graph.node import TensorType
from pellucid.nn.activations import ActivationLike, activate, check
from pellucid.nn.init import Initializer, initializer
from pellucid.nn.layer import Layer, Tree
from pellucid.ops import composite
from pellucid.ops.composite import sliding
from pellucid.ops.composite.base import known_length
from pellucid.ops.random import Key
from pellucid.ops.value import Value

_MAX_MAPS = 1 << 16  # of a table of connections, each of which is made by itself
Table = tuple[tuple[int, ...], ...]  # for each output map the input maps that it sees


@dataclasses.dataclass(frozen=True)
class Convolution(Layer):
    """What convolutions over any number of axes share; `rank` is that number."""

    filters: int
    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: sliding.Padding = "valid"
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    connections: Table | None = None
    pieces: int = 1
    activation: str | Callable[[Any], Any] | None = None
    use_bias: bool = True
    bias: str = "map"
    padding_value: float = 0.0
    kernel_initializer: str | Initializer = "xavier"
    bias_initializer: str | Initializer = "zeros"

    biases: ClassVar[tuple[str, ...]] = ("b",)
    rank: ClassVar[int]

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("kernel_size", "strides", "padding", "dilation"):
            object.__setattr__(self, name, sliding.fixed(getattr(self, name)))
        for name in ("filters", "groups", "pieces"):
            integer(self.where, name, getattr(self, name), 1)
        for name in ("kernel_size", "strides", "dilation"):
            sliding.per_axis(self.where, name, getattr(self, name), self.rank)
        sliding.check_padding(self.where, self.padding, self.rank)
        if self.filters % self.groups:
            raise ArgumentError(
                self.where, f"groups must divide the {self.filters} filters, got {self.groups}"
            )
        if self.connections is not None:
            object.__setattr__(self, "connections", self._table(self.connections))
        check(self.where, self.activation)
        flag(self.where, "use_bias", self.use_bias)
        choice(self.where, "bias", self.bias, ("map", "unit"))
        real(self.where, "padding_value", self.padding_value)
        initializer(self.where, "kernel_initializer", self.kernel_initializer)
        initializer(self.where, "bias_initializer", self.bias_initializer)

    def _table(self, connections: Any) -> Table:
        """`connections` as tuples: for each filter at least one input map, none twice."""
        rows = connections if isinstance(connections, (tuple, list)) else ()
        if len(rows) != self.filters or not all(isinstance(r, (tuple, list)) and r for r in rows):
            raise ArgumentError(
                self.where,
                f"connections must list the input maps of each of {self.filters} filters, got "
                f"{connections!r}",
                "For two filters of which the first sees maps 0 and 1: ((0, 1), (0, 1, 2)).",
            )
        table = tuple(tuple(integer(self.where, "connections", i) for i in row) for row in rows)
        if any(len(set(row)) != len(row) for row in table):
            raise ArgumentError(
                self.where, f"connections must name an input map once a filter, got {connections!r}"
            )
        integer(self.where, "pieces of each filter", self.pieces, 1, _MAX_MAPS // len(table))
        if self.groups != 1:
            raise ArgumentError(
                self.where,
                f"connections and groups exclude each other, got groups={self.groups}",
                "Groups are a table of connections: write them there.",
            )
        return table

    @property
    def final_activation(self) -> ActivationLike:
        return self.activation

    def without_activation(self) -> Layer:
        return dataclasses.replace(self, activation=None)

    @property
    def _maps(self) -> int:
        return self.filters * self.pieces

    def _plan(self, x: Any) -> sliding.Sliding:
        return sliding.sliding(
            self.where, x, self.kernel_size, self.strides, self.padding, self.dilation, self.rank
        )

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        plan, channels = self._plan(x), x.shape[-1]
        assert isinstance(channels, int)
        if channels % self.groups:
            raise ShapeError(
                self.where,
                f"groups must divide the {channels} channels of x, got {self.groups}",
                sliding.CHANNELS_LAST,
            )
        highest = max((max(row) for row in self.connections or ()), default=0)
        if highest >= channels:
            raise ShapeError(
                self.where,
                f"connections must name input maps below {channels}, got {highest}",
                sliding.CHANNELS_LAST,
            )
        params = {"W": self._kernel(key.child("W"), plan.size, channels, x.dtype)}
        if self.use_bias:
            shape = (self._maps,) if self.bias == "map" else (*plan.counts, self._maps)
            start = initializer(self.where, "bias_initializer", self.bias_initializer)
            flat = start.values(key.child("b"), (math.prod(shape),), x.dtype)
            params["b"] = composite.reshape(flat, shape)
        return params, {}

    def _kernel(self, key: Key, size: tuple[int, ...], channels: int, dtype: DType) -> Value:
        """The start of W. Where maps see a part of x, fans count that part."""
        start = initializer(self.where, "kernel_initializer", self.kernel_initializer)
        if self.connections is not None:
            feeds = max(1, round(len(self._places(channels)) / channels))  # maps a channel feeds
            rows = [row for row in self.connections for _ in range(self.pieces)]
            parts = [
                composite.index(
                    start.values(key.child(f"map_{h}"), (*size, len(row), feeds), dtype), (..., 0)
                )
                for h, row in enumerate(rows)
            ]
            return composite.concat(parts, -1)
        shape = (*size, channels // self.groups, self._maps // self.groups)
        if self.groups == 1:
            return start.values(key, shape, dtype)
        groups = [start.values(key.child(f"group_{g}"), shape, dtype) for g in range(self.groups)]
        return composite.concat(groups, -1)

    def _places(self, channels: int) -> list[int]:
        """Where each connection's weights stand among channels × maps."""
        rows = [row for row in self.connections or () for _ in range(self.pieces)]
        return [channel * len(rows) + h for h, row in enumerate(rows) for channel in row]

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        sliding.known_lengths(self.where, x, self.rank)
        kernel = params["W"]
        if self.connections is not None:
            size, channels = kernel.type.shape[:-1], known_length(self.where, x, -1)
            full = composite.zeros((*size, channels * self._maps), kernel.type.dtype)
            places = np.array(self._places(channels), np.int64)
            full = composite.scatter_add(full, places, kernel, axis=-1)
            kernel = composite.reshape(full, (*size, channels, self._maps))
        out = composite.conv(
            x,
            kernel,
            self.strides,
            self.padding,
            self.dilation,
            self.groups,
            self.padding_value,
            where=self.where,
        )
        if self.use_bias:
            out = out + params["b"]
        if self.pieces > 1:
            each = composite.reshape(out, (*out.type.shape[:-1], self.filters, self.pieces))
            out = composite.max(each, -1)
        return activate(self.activation, out), state


@record
class Conv1D(Convolution):
    """y[n, i, h] = activation(Σ_k Σ_c x[n, s·i + d·k - p, c]·W[k, c, h] + b[h]).

    Args: as of Conv2D, with one number an axis.

    Shapes: x (N, L, C), W (K, C / groups, H), b (H,), y (N, windows, H).
    """

    rank: ClassVar[int] = 1


@record
class Conv2D(Convolution):
    """y[n, i, h] = activation(Σ_k Σ_c x[n, s·i + d·k - p, c]·W[k, c, h] + b[h]), i and k pairs.

    Args:
        filters: H, the number of output maps.
        kernel_size: K, a number or (height, width).
        strides: s, the steps between windows.
        padding: p: "valid" (none), "same" (⌈L / s⌉ windows an axis), a number, or an entry an
            axis, each a number or a pair (before, behind): ((1, 2), (1, 2)).
        dilation: d, the distance of a kernel's elements in x.
        groups: channels and maps are cut into so many parts that do not meet; as many as channels
            is a depthwise convolution.
        connections: for each filter the tuple of input maps that it sees, each filter all for
            None. W then holds the weights of the connections alone: (K, K, connections), filter
            after filter.
        pieces: for maxout, each filter is the largest of so many convolutions.
        activation: a name or a function of one tensor; None is linear.
        use_bias: whether b is added.
        bias: "map" shares a bias in each map, b (H,); "unit" gives each place its own,
            b (windows, windows, H).
        padding_value: what stands in the padding.
        kernel_initializer: how W starts; fans count what a unit sees and feeds.
        bias_initializer: how b starts.

    Shapes: x (N, height, width, C), channels last; W (K, K, C / groups, H), b (H,),
    y (N, windows, windows, H). W and b have H · pieces maps.

    Source: LeCun et al., Proc. IEEE 86 (1998), section II; maxout: Goodfellow et al., ICML 2013.
    """

    rank: ClassVar[int] = 2
