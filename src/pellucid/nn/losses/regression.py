"""Losses of regressions: how far the outputs of a row are from its targets."""

from __future__ import annotations

import math
from typing import ClassVar

from pellucid.core import shapes
from pellucid.core.arguments import real
from pellucid.core.config import record
from pellucid.core.errors import DataError, ShapeError
from pellucid.graph.node import TensorType
from pellucid.nn.losses.base import (
    Array,
    ByElement,
    Form,
    Loss,
    first_invalid,
    same_shape,
    sum_per_row,
)
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise

_TWO_UNITS = "Give the last layer two units for each column of y."


@record
class Squared(ByElement):
    """Σ (y - t)² over the outputs of a row; its gradient is 2(y - t)."""

    name: ClassVar[str] = "squared"

    def of_elements(self, target: Value, output: Value) -> Value:
        return elementwise("square", output - target)


@record
class HalfSquared(ByElement):
    """½ Σ (y - t)² over the outputs of a row; its gradient is y - t."""

    name: ClassVar[str] = "half_squared"

    def of_elements(self, target: Value, output: Value) -> Value:
        return elementwise("square", output - target) * 0.5


@record
class Absolute(ByElement):
    """Σ |y - t| over the outputs of a row; its gradient is the sign of y - t, 0 at 0."""

    name: ClassVar[str] = "absolute"

    def of_elements(self, target: Value, output: Value) -> Value:
        return abs(output - target)


@record
class Huber(ByElement):
    """Σ ½ d² where |d| ≤ δ, else δ·(|d| - ½δ), with d = y - t: squared near 0, absolute far off.

    Args:
        delta: δ > 0, where one becomes the other.

    Source: Huber, Annals of Mathematical Statistics 35 (1964), 73-101.
    """

    name: ClassVar[str] = "huber"

    delta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real("Huber", "delta", self.delta, 0, open_low=True)

    def of_elements(self, target: Value, output: Value) -> Value:
        far = abs(output - target)
        near = elementwise("minimum", far, self.delta)
        # ½m² + δ(|d| - m) with m = min(|d|, δ): no branch squares a large number.
        return elementwise("square", near) * 0.5 + (far - near) * self.delta


@record
class Poisson(ByElement):
    """Σ e^y - t·y for counts t and the logarithm y of their rate: -ln p without ln t!.

    Labels: numbers ≥ 0.
    """

    name: ClassVar[str] = "poisson"
    reads: ClassVar[Form] = Form.LOG_RATE

    def of_elements(self, target: Value, output: Value) -> Value:
        return elementwise("exp", output) - target * output

    def mean(self, output: Value) -> Value:
        return elementwise("exp", output)

    def targets(self, y: Array, output: TensorType) -> Array:
        checked = same_shape(self.name, y, output)
        bad = ~(checked >= 0)
        if bad.any():
            raise DataError(
                self.name,
                f"counts must be ≥ 0, got {first_invalid(checked, bad)}",
                "For targets of either sign use loss='squared'.",
            )
        return checked


@record
class Gaussian(Loss):
    """½ Σ ln 2πσ² + (t - μ)²/σ²: mean and variance of each target, (N, 2T) outputs for (N, T).

    The first T outputs of a row are the means μ; of the other T the softplus is the variance σ².

    Source: Nix and Weigend, ICNN 1994, with softplus for the exponential.
    """

    name: ClassVar[str] = "gaussian"
    reads: ClassVar[Form] = Form.DENSITY

    def target_shapes(self, output: TensorType) -> tuple[shapes.Shape, ...]:
        return (half(self.name, output).shape,)

    def per_row(self, target: Value, output: Value) -> Value:
        mean, variance = moments(output)
        spread = elementwise("log", variance * math.tau)
        return sum_per_row(spread + elementwise("square", target - mean) / variance) * 0.5

    def mean(self, output: Value) -> Value:
        return moments(output)[0]

    def targets(self, y: Array, output: TensorType) -> Array:
        return same_shape(
            self.name, y, half(self.name, output), "for the output of the model", _TWO_UNITS
        )


def half(where: str, output: TensorType) -> TensorType:
    """The type of the means among outputs that hold as many variances."""
    width = output.shape[-1]
    if len(output.shape) != 2 or not isinstance(width, int) or width % 2:
        raise ShapeError(
            where,
            f"the model must return (N, 2T), means and variances, got {shapes.text(output.shape)}",
            _TWO_UNITS,
        )
    return TensorType(output.dtype, (output.shape[0], width // 2))


def moments(output: Value) -> tuple[Value, Value]:
    """Means and variances, (N, T) each, of outputs (N, 2T)."""
    width = half("gaussian", output.type).shape[1]
    assert isinstance(width, int)
    mean, raw = composite.split(output, [width], axis=1)
    return mean, elementwise("softplus", raw)
