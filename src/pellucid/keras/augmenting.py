"""Augmentations of images whose drawing is Keras's, where that of `pellucid.nn` is another."""

from __future__ import annotations

from typing import Any

from pellucid import nn
from pellucid.core.config import record
from pellucid.nn.augmentation import Images
from pellucid.ops import composite
from pellucid.ops.composite import sliding
from pellucid.ops.random import Key
from pellucid.ops.value import Value, apply, elementwise


def _places(x: Value, height: int, width: int) -> tuple[Value, Value]:
    """The numbers of rows and columns, (height, 1) and (1, width)."""
    kind = x.type.dtype
    row = apply("iota", shape=(height, 1), axis=0, dtype=kind)
    return row, apply("iota", shape=(1, width), axis=1, dtype=kind)


@record
class KerasShear(nn.RandomShear):
    """A shear from the first row and column on, with one sign drawn for both directions."""

    def _augmented(self, x: Value, key: Key) -> Value:
        row, column = _places(x, *sliding.known_lengths(self.where, x, 2))
        drawn = key.child("sign").uniform((x.type.shape[0], 1, 1), x.type.dtype)
        sign = composite.where(drawn > 0.5, -1.0, 1.0)
        along = self.drawn(x, key, "horizontal") * sign
        down = self.drawn(x, key, "vertical") * sign
        return self._resample(x, row + down * column, column + along * row)


@record
class KerasErasing(Images):
    """A rectangle of an image is filled; its sides are the roots of drawn parts of the image's.

    Args:
        rate: the probability that an image has one.
        scale: (lowest, highest) of the parts.
        value: what stands in it; None: normal numbers times `bounds[1]`.
        bounds: of what stands in it.
    """

    rate: float = 0.5
    scale: tuple[float, float] = (0.02, 0.33)
    value: float | None = None
    bounds: tuple[float, float] = (0.0, 255.0)

    def _augmented(self, x: Value, key: Key) -> Value:
        kind, rows = x.type.dtype, x.type.shape[0]
        lengths = sliding.known_lengths(self.where, x, 2)
        hidden = key.child("rate").uniform((rows, 1, 1), kind) < self.rate
        names = ("height", "width")
        for name, place, length in zip(names, _places(x, *lengths), lengths, strict=True):
            size = elementwise("sqrt", self.drawn(x, key.child(name), "scale")) * float(length)
            start = key.child(f"{name}_start").uniform((rows, 1, 1), kind)
            first = start * (float(length) - size)
            hidden = hidden & (place >= first) & (place < first + size)
        fill: Any = self.value
        if fill is None:
            fill = key.child("value").normal(x.type.shape, kind) * float(self.bounds[1])
            fill = composite.clip(fill, *map(float, self.bounds))
        else:
            fill = min(max(fill, self.bounds[0]), self.bounds[1])
        return composite.where(composite.expand_dims(hidden, -1), fill, x)
