"""Layers that change what images show, not where: brightness, contrast, holes; in training only."""

from __future__ import annotations

import dataclasses

from pellucid.core.arguments import real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError
from pellucid.nn.augmentation import Images, Range
from pellucid.ops import composite
from pellucid.ops.composite import sliding
from pellucid.ops.random import Key
from pellucid.ops.value import Value, apply


@dataclasses.dataclass(frozen=True)
class _Photometric(Images):
    """A layer that knows the range of pixels, and keeps them within it."""

    value_range: tuple[float, float] = dataclasses.field(default=(0.0, 1.0), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "value_range", sliding.fixed(self.value_range))
        given = self.value_range
        if not isinstance(given, tuple) or len(given) != 2:
            raise ArgumentError(
                self.where,
                f"value_range must be (lowest, highest), got {given!r}",
                "For pixels of 0 to 255 write value_range=(0, 255).",
            )
        low, high = (real(self.where, "value_range", one) for one in given)
        if low >= high:
            raise ArgumentError(self.where, f"value_range must be (lowest, highest), got {given!r}")

    def _held(self, x: Value) -> Value:
        return composite.clip(x, *map(float, self.value_range))


@record
class RandomBrightness(_Photometric):
    """y = x + a·(highest - lowest), held within the range; a uniform and each sample's own.

    Args:
        factor: of a, a part of the range: 0.2 draws from [-0.2, 0.2], a pair (lowest, highest) from
            there.
        value_range: (lowest, highest) of all pixels.

    Shapes: x and y (N, height, width, C), channels last.
    """

    factor: Range

    def __post_init__(self) -> None:
        super().__post_init__()
        self.bounded("factor", -1, 1, "a part of the range of pixels", "")

    def _augmented(self, x: Value, key: Key) -> Value:
        low, high = self.value_range
        drawn = composite.expand_dims(self.drawn(x, key, "factor"), -1)
        return self._held(x + drawn * float(high - low))


@record
class RandomContrast(_Photometric):
    """y = μ + (1 + a)·(x - μ), held within the range; a uniform and each sample's own.

    μ is the mean of a channel of the sample.

    Args:
        factor: of a: 0.2 draws from [-0.2, 0.2], a pair (lowest, highest) from there; -1 leaves
            the mean alone.
        value_range: (lowest, highest) of all pixels.

    Shapes: x and y (N, height, width, C), channels last.
    """

    factor: Range

    def __post_init__(self) -> None:
        super().__post_init__()
        self.bounded("factor", -1, 100, "the change of contrast", "")

    def _augmented(self, x: Value, key: Key) -> Value:
        mean = composite.mean(x, (1, 2), keepdims=True)
        drawn = composite.expand_dims(self.drawn(x, key, "factor"), -1)
        return self._held(mean + (x - mean) * (drawn + 1))


@record
class RandomErasing(Images):
    """A rectangle of each image is filled, with a size and a place drawn for it.

    Args:
        rate: the probability that an image has one.
        height, width: (lowest, highest) of the rectangle, as parts of those of the image.
        value: what stands in it.

    Shapes: x and y (N, height, width, C), channels last.
    Source: Zhong et al., AAAI 2020; DeVries and Taylor, arXiv:1708.04552 (cutout).
    """

    rate: float = 0.5
    height: Range = (0.1, 0.4)
    width: Range = (0.1, 0.4)
    value: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real(self.where, "rate", self.rate, 0, 1)
        real(self.where, "value", self.value)
        for name in ("height", "width"):
            if not isinstance(getattr(self, name), (tuple, list)):
                raise ArgumentError(
                    self.where,
                    f"{name} must be a pair (lowest, highest), got {getattr(self, name)!r}",
                    "Of half the image at most: (0, 0.5).",
                )
            self.bounded(name, 0, 1, f"a part of the image's {name}", "")

    def _augmented(self, x: Value, key: Key) -> Value:
        lengths = sliding.known_lengths(self.where, x, 2)
        hidden = key.child("rate").uniform((x.type.shape[0], 1, 1), x.type.dtype) < self.rate
        for axis, (name, length) in enumerate(zip(("height", "width"), lengths, strict=True)):
            shape = (length, 1) if axis == 0 else (1, length)
            place = apply("iota", shape=shape, axis=axis, dtype=x.type.dtype)
            size = self.drawn(x, key, name) * float(length)
            start = key.child(f"{name}_start").uniform((x.type.shape[0], 1, 1), x.type.dtype)
            first = start * (float(length) - size)
            middle = place + 0.5
            hidden = hidden & (middle >= first) & (middle < first + size)
        return composite.where(composite.expand_dims(hidden, -1), float(self.value), x)
