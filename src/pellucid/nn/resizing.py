"""Layers that make images and signals longer or shorter. Channels last; channels do not meet."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import choice, integer, real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.nn.layer import Layer, Tree
from pellucid.ops import composite
from pellucid.ops.composite import sliding
from pellucid.ops.random import Key
from pellucid.ops.value import Value
from pellucid.runtime.extras import numpy_dtype

INTERPOLATIONS = ("nearest", "bilinear", "bicubic")


def _lengths(where: str, x: Value) -> tuple[int, ...]:
    """The lengths of the axes between samples and channels."""
    rank = len(x.type.shape) - 2
    if rank not in sliding.AXES:
        raise ShapeError(
            where,
            "x must be (N, length, channels) or (N, height, width, channels), got "
            f"{shapes.text(x.type.shape)}",
            "Give it one channel: add Reshape((…, 1)) before, or use x[..., None].",
        )
    return sliding.known_lengths(where, x, rank)


def _entries(where: str, name: str, given: Any, count: int) -> list[Any]:
    """A number for all axes, or an entry for each."""
    several = list(given) if isinstance(given, (tuple, list)) else [given] * count
    if len(several) != count:
        raise ShapeError(
            where,
            f"{name} must be a number or an entry for each of the {count} axes between samples and "
            f"channels, got {given!r}",
        )
    return several


@dataclasses.dataclass(frozen=True)
class _Bordered(Layer):
    """What is added to, or taken off, both ends of each axis between samples and channels."""

    padding: Any = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "padding", sliding.fixed(self.padding))
        given = self.padding
        count = len(given) if isinstance(given, tuple) else 1
        if isinstance(given, str) or count not in sliding.AXES:
            raise ArgumentError(
                self.where,
                "padding must be a number, or an entry an axis, each a number or a pair (before, "
                f"behind), got {given!r}",
                "Of images one row above and two below: ((1, 2), 0).",
            )
        sliding.check_padding(self.where, given, count)

    def _ends(self, x: Value) -> list[tuple[int, int]]:
        several = _entries(self.where, "padding", self.padding, len(_lengths(self.where, x)))
        pairs = sliding.check_padding(self.where, tuple(several), len(several))
        assert not isinstance(pairs, str)
        return [(before, behind) for before, behind in pairs]


@record
class Pad(_Bordered):
    """x with a number before and behind each axis between samples and channels.

    Args:
        padding: how many places: a number for both ends of all axes, or an entry an axis, each a
            number or a pair (before, behind).
        value: what stands there.

    Shapes: x (N, L, C) or (N, height, width, C), channels last.
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real(self.where, "value", self.value)

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        low, high = zip(*self._ends(x), strict=True)
        return composite.pad(x, self.value, (0, *low, 0), (0, *high, 0)), state


@record
class Crop(_Bordered):
    """x without some places at both ends of each axis between samples and channels.

    Args:
        padding: how many places: as of Pad, which it undoes.

    Shapes: x (N, L, C) or (N, height, width, C), channels last.
    """

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        lengths, ends = _lengths(self.where, x), self._ends(x)
        if any(sum(pair) >= length for pair, length in zip(ends, lengths, strict=True)):
            raise ShapeError(
                self.where,
                f"padding must leave some of {shapes.text(lengths)}, got {self.padding!r}",
            )
        kept = (
            slice(before, length - behind)
            for (before, behind), length in zip(ends, lengths, strict=True)
        )
        return composite.index(x, (slice(None), *kept)), state


@record
class CenterCrop(Layer):
    """The middle of each image; of an odd rest the last row and column go.

    Args:
        height, width: of the part; at most those of x.

    Shapes: x (N, rows, columns, C), y (N, height, width, C), channels last.
    """

    height: int
    width: int

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "height", self.height, 1)
        integer(self.where, "width", self.width, 1)

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        return middle(self.where, x, self.height, self.width), state


def middle(where: str, x: Value, height: int, width: int) -> Value:
    """The middle of images; of an odd rest the last row and column go."""
    lengths = sliding.known_lengths(where, x, 2)
    if height > lengths[0] or width > lengths[1]:
        raise ShapeError(
            where,
            f"height and width must be at most those of x, {shapes.text(lengths)}, got "
            f"{height} and {width}",
            "Resize images that are smaller: add Resize(height, width) before.",
        )
    top, left = (lengths[0] - height) // 2, (lengths[1] - width) // 2
    return composite.index(x, (slice(None), slice(top, top + height), slice(left, left + width)))


@record
class UpSample(Layer):
    """x with each axis between samples and channels `size` times as long.

    Args:
        size: a number for all axes, or one an axis.
        interpolation: "nearest" repeats each element; "bilinear" and "bicubic" as of Resize.

    Shapes: x (N, L, C), y (N, size·L, C); or x (N, height, width, C), channels last.
    """

    size: int | tuple[int, ...] = 2
    interpolation: str = "nearest"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "size", sliding.fixed(self.size))
        count = len(self.size) if isinstance(self.size, tuple) else 1
        sliding.per_axis(self.where, "size", self.size, count)
        choice(self.where, "interpolation", self.interpolation, INTERPOLATIONS)

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        lengths = _lengths(self.where, x)
        times = _entries(self.where, "size", self.size, len(lengths))
        if self.interpolation == "nearest":
            for axis, count in enumerate(times, 1):
                x = composite.repeat(x, count, axis)
            return x, state
        wanted = [length * count for length, count in zip(lengths, times, strict=True)]
        return resized(x, wanted, self.interpolation), state


@record
class Resize(Layer):
    """Images with other numbers of rows and columns, read between the pixels.

    Pixel i of n is the interval [i/n, (i + 1)/n] of an axis, and is read at its middle. Smaller
    images are read as well, not averaged: blur them first, or pool them.

    Args:
        height, width: of the result.
        interpolation: "nearest"; "bilinear", a line between two pixels an axis; "bicubic", Keys'
            cubic of four (a = -½). Pixels that are not there do not count.

    Shapes: x (N, rows, columns, C), y (N, height, width, C), channels last.
    Source: Keys, IEEE Trans. ASSP 29 (1981); places and borders as in Keras.
    """

    height: int
    width: int
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "height", self.height, 1)
        integer(self.where, "width", self.width, 1)
        choice(self.where, "interpolation", self.interpolation, INTERPOLATIONS)

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        sliding.known_lengths(self.where, x, 2)
        return resized(x, (self.height, self.width), self.interpolation), state


def resized(x: Value, lengths: Sequence[int], interpolation: str) -> Value:
    """x with other lengths along the axes behind the first, read between its elements."""
    for axis, new in enumerate(lengths, 1):
        old = x.type.shape[axis]
        assert isinstance(old, int)
        if new != old:
            x = _along(x, axis, old, new, interpolation)
    return x


def _along(x: Value, axis: int, old: int, new: int, interpolation: str) -> Value:
    """Each element of the result as a sum of few elements of x, with fixed weights."""
    places = (np.arange(new) + 0.5) * (old / new) - 0.5
    if interpolation == "nearest":
        return composite.take(x, np.floor(places + 0.5).astype(np.int64).clip(0, old - 1), axis)
    reach = 1 if interpolation == "bilinear" else 2
    taps = np.floor(places).astype(np.int64)[:, None] + np.arange(1 - reach, 1 + reach)
    weights = _KERNELS[interpolation](np.abs(places[:, None] - taps))
    weights *= (taps >= 0) & (taps < old)
    weights /= weights.sum(axis=1, keepdims=True)
    shape = (new, *(1,) * (len(x.type.shape) - axis - 1))
    out: Value | None = None
    for tap, weight in zip(taps.clip(0, old - 1).T, weights.T, strict=True):
        part = composite.take(x, tap, axis) * weight.reshape(shape).astype(
            numpy_dtype(x.type.dtype)
        )
        out = part if out is None else out + part
    assert out is not None
    return out


def _linear(far: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    weight: np.ndarray[Any, Any] = np.maximum(1 - far, 0)
    return weight


def _cubic(far: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    near = (1.5 * far - 2.5) * far * far + 1
    beyond = ((-0.5 * far + 2.5) * far - 4) * far + 2
    weight: np.ndarray[Any, Any] = np.where(far <= 1, near, np.where(far < 2, beyond, 0.0))
    return weight


_KERNELS = {"bilinear": _linear, "bicubic": _cubic}
