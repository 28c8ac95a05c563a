"""Layers that change images at random, in training only: each epoch then sees other copies.

Prediction and evaluation are the identity. A layer's numbers depend on the seed, its name, the step
and the row alone, so a run repeats to the bit, in whatever pieces a batch is computed.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from pellucid.core.arguments import choice, integer, real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import TensorType
from pellucid.nn.layer import Layer, Tree, drawn_from
from pellucid.nn.resizing import middle
from pellucid.ops import composite
from pellucid.ops.composite import sliding
from pellucid.ops.random import Key
from pellucid.ops.value import Value, apply, elementwise

Range = float | tuple[float, float]  # a bound for both signs, or (lowest, highest)

FILL_MODES = ("constant", "nearest", "reflect", "wrap")
INTERPOLATIONS = ("bilinear", "nearest")
FLIP_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


@dataclasses.dataclass(frozen=True)
class Images(Layer):
    """A layer of images (N, height, width, C) that changes them in training."""

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        sliding.known_lengths(self.where, x, 2)
        return {}, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        sliding.known_lengths(self.where, x, 2)
        if not train:
            return x, state
        key = drawn_from(self.where, key)
        return self._augmented(x, key), state

    def bounded(self, name: str, low: float, high: float, unit: str, fix: str = "") -> None:
        """Makes the range `name` a number or a pair, in [low, high].

        Raises:
            ArgumentError: with the unit, since other libraries have other ones.
        """
        given = getattr(self, name)
        several = isinstance(given, (tuple, list))
        pair = list(given) if several else [given]
        lowest = low if several else 0.0
        if len(pair) != (2 if several else 1):
            raise ArgumentError(
                self.where, f"{name} must be a number or a pair (lowest, highest), got {given!r}"
            )
        ends = [real(self.where, name, end) for end in pair]
        if not all(lowest <= end <= high for end in ends) or ends != sorted(ends):
            raise ArgumentError(
                self.where,
                f"{name} is {unit}: a number in [0, {high:g}] or a pair (lowest, highest) in "
                f"[{low:g}, {high:g}], got {given!r}",
                fix,
            )
        if several:
            object.__setattr__(self, name, tuple(given))

    def drawn(self, x: Value, key: Key, name: str) -> Value:
        """A number for each sample from the range `name`: (N, 1, 1)."""
        given = getattr(self, name)
        low, high = given if isinstance(given, tuple) else (-given, given)
        number = key.child(name).uniform((x.type.shape[0], 1, 1), x.type.dtype)
        result: Value = number * (high - low) + low
        return result

    def _augmented(self, x: Value, key: Key) -> Value:
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Resampled(Images):
    """A layer that reads images at other places; what lies outside, and between pixels."""

    fill_mode: str = dataclasses.field(default="constant", kw_only=True)
    fill_value: float = dataclasses.field(default=0.0, kw_only=True)
    interpolation: str = dataclasses.field(default="bilinear", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        choice(self.where, "fill_mode", self.fill_mode, FILL_MODES)
        choice(self.where, "interpolation", self.interpolation, INTERPOLATIONS)
        real(self.where, "fill_value", self.fill_value)

    def _resample(self, x: Value, row: Value, column: Value) -> Value:
        return _sampled(
            x, row, column, self.fill_mode, self.fill_value, self.interpolation == "bilinear"
        )


@record
class RandomShift(Resampled):
    """y[i, j] = x[i - a·height, j - b·width], with a and b uniform and each sample's own.

    Args:
        height: of a, a fraction of the image's height: 0.1 draws from [-0.1, 0.1], a pair
            (lowest, highest) from there; above 0 is down. In pixels: 2 / 28 for two of 28.
        width: of b, a fraction of the image's width; above 0 is to the right.
        fill_mode: what stands outside of the image: "constant" (`fill_value`), "nearest" (its
            border goes on), "reflect" (mirrored at the border) or "wrap" (the other side).
        fill_value: for "constant".
        interpolation: between pixels: "bilinear", or the "nearest" pixel.

    Shapes: x and y (N, height, width, C), channels last.
    Source: LeCun et al., Proc. IEEE 86 (1998), section III.A; fractions as in Keras's
    RandomTranslation.
    """

    height: Range
    width: Range

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("height", "width"):
            unit = f"a fraction of the image's {name}"
            self.bounded(name, -1, 1, unit, "For 2 pixels of 28 write 2 / 28.")

    def _augmented(self, x: Value, key: Key) -> Value:
        height, width = sliding.known_lengths(self.where, x, 2)
        row, column = _grid(x)
        down, right = self.drawn(x, key, "height"), self.drawn(x, key, "width")
        return self._resample(x, row - down * float(height), column - right * float(width))


@record
class RandomRotation(Resampled):
    """y = x turned about its middle by the angle 2π·a, with a uniform and each sample's own.

    With u = i - (height - 1)/2 and v = j - (width - 1)/2, measured from the middle,
    y[u, v] = x[u·cos 2πa + v·sin 2πa, v·cos 2πa - u·sin 2πa].

    Args:
        factor: of a, a fraction of a full turn, not degrees: 15 / 360 draws from ±15°, a pair
            (lowest, highest) from there; above 0 is counter-clockwise.
        fill_mode, fill_value, interpolation: as of RandomShift.

    Shapes: x and y (N, height, width, C), channels last.
    Source: Simard et al., ICDAR 2003; the unit as in Keras's RandomRotation.
    """

    factor: Range

    def __post_init__(self) -> None:
        super().__post_init__()
        self.bounded("factor", -1, 1, "a fraction of a full turn", "For 15 degrees write 15 / 360.")

    def _augmented(self, x: Value, key: Key) -> Value:
        height, width = sliding.known_lengths(self.where, x, 2)
        row, column = _grid(x)
        middle, centre = (height - 1) / 2, (width - 1) / 2
        angle = self.drawn(x, key, "factor") * (2 * math.pi)
        cos, sin = elementwise("cos", angle), elementwise("sin", angle)
        u, v = row - middle, column - centre
        return self._resample(x, u * cos + v * sin + middle, v * cos - u * sin + centre)


@record
class RandomZoom(Resampled):
    """y[u, v] = x[(1 + a)·u, (1 + b)·v] about the middle, a and b uniform and each sample's own.

    Args:
        height: of a: 0.2 draws from [-0.2, 0.2], a pair (lowest, highest) from there. Above 0 the
            image becomes smaller and its surroundings come in, below 0 it becomes larger: -0.5
            shows the middle half, twice as high.
        width: of b; None zooms both axes by the same number.
        fill_mode, fill_value, interpolation: as of RandomShift.

    Shapes: x and y (N, height, width, C), channels last; u and v count from the middle.
    Source: the sign as in Keras's RandomZoom.
    """

    height: Range
    width: Range | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("height", "width") if self.width is not None else ("height",):
            unit = "the change of the width of view, above 0 smaller images"
            self.bounded(name, -0.99, 10, unit, "For images twice as large at most: (-0.5, 0).")

    def _augmented(self, x: Value, key: Key) -> Value:
        height, width = sliding.known_lengths(self.where, x, 2)
        row, column = _grid(x)
        middle, centre = (height - 1) / 2, (width - 1) / 2
        down = self.drawn(x, key, "height") + 1.0
        right = down if self.width is None else self.drawn(x, key, "width") + 1.0
        return self._resample(x, (row - middle) * down + middle, (column - centre) * right + centre)


@record
class RandomShear(Resampled):
    """y[i, j] = x[i + b·(j - middle), j + a·(i - middle)], a and b uniform and each sample's own.

    Args:
        horizontal: of a, the columns that a row moves by against the row above it: 0.2 draws from
            [-0.2, 0.2], a pair (lowest, highest) from there.
        vertical: of b, the rows that a column moves by.
        fill_mode, fill_value, interpolation: as of RandomShift.

    Shapes: x and y (N, height, width, C), channels last.
    """

    horizontal: Range = 0.0
    vertical: Range = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("horizontal", "vertical"):
            self.bounded(name, -10, 10, "the tangent of an angle", "For 10 degrees write 0.176.")

    def _augmented(self, x: Value, key: Key) -> Value:
        height, width = sliding.known_lengths(self.where, x, 2)
        row, column = _grid(x)
        u, v = row - (height - 1) / 2, column - (width - 1) / 2
        along, down = self.drawn(x, key, "horizontal"), self.drawn(x, key, "vertical")
        return self._resample(x, row + down * v, column + along * u)


@record
class RandomCrop(Images):
    """In training a part of each image at a place drawn for it; in prediction the middle.

    Args:
        height, width: of the part; at most those of x.

    Shapes: x (N, rows, columns, C), y (N, height, width, C), channels last.
    Source: Krizhevsky et al., NIPS 2012, section 4.1.
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
        part = middle(self.where, x, self.height, self.width)
        if train:
            part = self._augmented(x, drawn_from(self.where, key))
        return part, state

    def _augmented(self, x: Value, key: Key) -> Value:
        rows, columns = sliding.known_lengths(self.where, x, 2)
        top = self._start(x, key.child("height"), rows - self.height)
        left = self._start(x, key.child("width"), columns - self.width)
        row, column = _grid(
            composite.index(x, (slice(None), slice(self.height), slice(self.width)))
        )
        return _sampled(x, row + top, column + left, "nearest", 0.0, False)

    @staticmethod
    def _start(x: Value, key: Key, most: int) -> Value:
        """A whole number in [0, most] for each sample."""
        drawn = key.uniform((x.type.shape[0], 1, 1), x.type.dtype)
        return composite.floor(drawn * float(most + 1))


@record
class RandomFlip(Images):
    """Each sample is mirrored with probability 1/2, along each axis by itself.

    Args:
        mode: "horizontal" exchanges left and right, "vertical" top and bottom.

    Shapes: x and y (N, height, width, C), channels last.
    Source: Krizhevsky et al., NIPS 2012, section 4.1.
    """

    mode: str = "horizontal_and_vertical"

    def __post_init__(self) -> None:
        super().__post_init__()
        choice(self.where, "mode", self.mode, FLIP_MODES)

    def _augmented(self, x: Value, key: Key) -> Value:
        for axis, name in ((1, "vertical"), (2, "horizontal")):
            if name in self.mode:
                drawn = key.child(name).uniform((x.type.shape[0], 1, 1, 1), x.type.dtype)
                x = composite.where(drawn < 0.5, composite.flip(x, axis), x)
        return x


def _grid(x: Value) -> tuple[Value, Value]:
    """Rows (height, 1) and columns (1, width) of an image's pixels, in the dtype of x."""
    _, height, width, _ = x.type.shape
    row: Any = apply("iota", shape=(height, 1), axis=0, dtype=x.type.dtype)
    column: Any = apply("iota", shape=(1, width), axis=1, dtype=x.type.dtype)
    return row, column


def _sampled(
    x: Value, row: Value, column: Value, fill: str, filler: float, bilinear: bool
) -> Value:
    """The images x read at places between their pixels: (N, height, width, C).

    Args:
        row, column: where each pixel is read, (N, height, width) or what broadcasts to it. Where
            the places of rows are the same in all columns, (N, height, 1) and (N, 1, width), so
            are their indices and weights, which then cost next to nothing.
    """
    if fill == "constant":  # a frame of filler, whose border goes on
        x = composite.pad(x, filler, (0, 1, 1, 0), (0, 1, 1, 0))
        row, column = row + 1.0, column + 1.0
    rows, height, width, channels = x.type.shape
    assert isinstance(height, int) and isinstance(width, int)
    # The rows of a batch have no axis to gather along: all pixels stand in one, and each sample's
    # begin at a multiple of its size.
    flat = composite.reshape(x, (rows * height * width, channels))
    begin: Any = apply("iota", shape=(rows, 1, 1), axis=0, dtype=composite.arange(1).type.dtype)
    (top, bottom), down = _neighbours(row, height, fill, bilinear)
    (left, right), along = _neighbours(column, width, fill, bilinear)

    def line(at: Value) -> Value:
        start = (begin * height + at) * width
        first = composite.gather(flat, start + left)
        if not bilinear:
            return first
        return first + (composite.gather(flat, start + right) - first) * along

    first = line(top)
    return first + (line(bottom) - first) * down if bilinear else first


def _neighbours(
    place: Value, length: int, fill: str, bilinear: bool
) -> tuple[tuple[Value, Value], Value]:
    """The pixels before and behind a place, held inside of the axis, and the latter's weight."""
    before = composite.floor(place if bilinear else place + 0.5)
    weight = composite.expand_dims(place - before, -1)
    pixels = (before, before + 1.0)
    return (_inside(pixels[0], length, fill), _inside(pixels[1], length, fill)), weight


def _inside(pixel: Value, length: int, fill: str) -> Value:
    """The index of the pixel of the axis that stands at `pixel`, which may lie outside."""
    last = length - 1.0
    if fill == "wrap":
        pixel = pixel - composite.floor(pixel / length) * float(length)
    elif fill == "reflect":  # 2, 1, 0 | 0, 1, 2 | 2, 1, 0
        pixel = pixel - composite.floor(pixel / (2.0 * length)) * (2.0 * length)
        pixel = composite.where(pixel < length, pixel, 2.0 * length - 1.0 - pixel)
    return composite.astype(composite.clip(pixel, 0.0, last), "int64")
