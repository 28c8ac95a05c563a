"""Layers that put noise into training alone: prediction and evaluation are the identity.

A layer's numbers depend on the seed, its name, the step and the element alone.
"""

from __future__ import annotations

import dataclasses
import math

from pellucid.core import shapes
from pellucid.core.arguments import real
from pellucid.core.config import record
from pellucid.core.errors import ShapeError
from pellucid.nn.layer import Layer, Tree, drawn_from
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Value, number


@dataclasses.dataclass(frozen=True)
class Noise(Layer):
    """What layers with one number for their noise share; 0 is none."""

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        if not train or self._amount == 0:
            return x, state
        return self._noisy(x, drawn_from(self.where, key)), state

    @property
    def is_noisy(self) -> bool:
        """Whether training changes what goes through."""
        return self._amount != 0

    @property
    def _amount(self) -> float:
        raise NotImplementedError

    def _noisy(self, x: Value, key: Key) -> Value:
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class _OfRate(Noise):
    rate: float

    def __post_init__(self) -> None:
        super().__post_init__()
        real(self.where, "rate", self.rate, 0, 1, open_high=True)

    @property
    def _amount(self) -> float:
        return self.rate


@record
class Dropout(_OfRate):
    """In training, each element is 0 with probability `rate` and else divided by 1 - rate.

    Source: Srivastava et al., JMLR 15 (2014), in the inverted form: prediction is the identity.
    """

    def _noisy(self, x: Value, key: Key) -> Value:
        kept = key.uniform(x.type.shape, x.type.dtype) >= self.rate
        scale = 1 / (1 - self.rate)
        return composite.where(kept, x * scale, number(0, x.type.dtype))


@record
class SpatialDropout(_OfRate):
    """In training, each map of a sample is 0 with probability `rate`, else divided by 1 - rate.

    Neighbouring elements of a map are alike, so that a map without single ones still tells them.

    Shapes: x and y (N, …, C), channels last.
    Source: Tompson et al., CVPR 2015, section 3.2.
    """

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        if len(x.type.shape) < 3:
            raise ShapeError(
                self.where,
                f"x must be (N, …, channels) with an axis between, got {shapes.text(x.type.shape)}",
                "Use Dropout, which drops single elements.",
            )
        return super().apply(params, state, x, train=train, key=key)

    def _noisy(self, x: Value, key: Key) -> Value:
        shape = x.type.shape
        drawn = key.uniform((shape[0], *(1,) * (len(shape) - 2), shape[-1]), x.type.dtype)
        scale = 1 / (1 - self.rate)
        return composite.where(drawn >= self.rate, x * scale, number(0, x.type.dtype))


@record
class GaussianDropout(_OfRate):
    """In training, y = x·(1 + z·√(rate/(1 - rate))) with z standard normal, each element its own.

    Mean and variance are those of Dropout(rate).

    Source: Srivastava et al., JMLR 15 (2014), section 10.
    """

    def _noisy(self, x: Value, key: Key) -> Value:
        spread = math.sqrt(self.rate / (1 - self.rate))
        return x * (key.normal(x.type.shape, x.type.dtype) * spread + 1)


_LOWEST = -1.0507009873554805 * 1.6732632423543772  # what selu tends to: -λα


@record
class AlphaDropout(_OfRate):
    """In training, a·d + b, where d is x, or with probability `rate` the lowest value of selu.

    With a and b mean 0 and variance 1, which selu makes, are kept.

    Source: Klambauer et al., NIPS 2017.
    """

    def _noisy(self, x: Value, key: Key) -> Value:
        kept = key.uniform(x.type.shape, x.type.dtype) >= self.rate
        scale = ((1 - self.rate) * (1 + self.rate * _LOWEST**2)) ** -0.5
        dropped = composite.where(kept, x, number(_LOWEST, x.type.dtype))
        noisy: Value = dropped * scale - scale * _LOWEST * self.rate
        return noisy


@record
class GaussianNoise(Noise):
    """In training, y = x + σ·z, with z standard normal and each element's own.

    Args:
        stddev: σ ≥ 0, in the unit of x.

    Shapes: x and y (N, …).
    Source: Bishop, Neural Computation 7 (1995): for small σ the same as a penalty on the slopes.
    """

    stddev: float

    def __post_init__(self) -> None:
        super().__post_init__()
        real(self.where, "stddev", self.stddev, 0)

    @property
    def _amount(self) -> float:
        return self.stddev

    def _noisy(self, x: Value, key: Key) -> Value:
        noisy: Value = x + key.normal(x.type.shape, x.type.dtype) * self.stddev
        return noisy
