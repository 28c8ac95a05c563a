"""Losses of regressions beside squares: ratios, logarithms, angles."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from pellucid.core.config import record
from pellucid.core.errors import DataError
from pellucid.graph.node import TensorType
from pellucid.nn.losses.base import Array, ByElement, Form, first_invalid, same_shape
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise

_SMALLEST = 1e-12  # of a length, and of a target that is divided by


@record
class LogCosh(ByElement):
    """Σ ln cosh(y - t) over the outputs of a row: ½d² near 0, |d| - ln 2 far off."""

    name: ClassVar[str] = "log_cosh"

    def of_elements(self, target: Value, output: Value) -> Value:
        far = abs(output - target)
        return far + elementwise("softplus", far * -2) - math.log(2)


@record
class AbsolutePercentage(ByElement):
    """100·Σ |y - t|/|t| over the outputs of a row, in percent; |t| counts as 1e-7 where it is less.

    Source: as in Keras.
    """

    name: ClassVar[str] = "absolute_percentage"

    def of_elements(self, target: Value, output: Value) -> Value:
        size = elementwise("maximum", abs(target), _LEAST)
        return abs((target - output) / size) * 100


_LEAST = 1e-7  # what Keras calls epsilon


@record
class SquaredLogarithmic(ByElement):
    """Σ (ln(1 + y) - ln(1 + t))² over the outputs of a row, for numbers ≥ 0; y < 0 counts as 0.

    Labels: numbers ≥ 0.
    """

    name: ClassVar[str] = "squared_logarithmic"
    negative_is_zero: ClassVar[bool] = True

    def of_elements(self, target: Value, output: Value) -> Value:
        raised = elementwise("log1p", elementwise("relu", output))
        return elementwise("square", raised - elementwise("log1p", target))

    def targets(self, y: Array, output: TensorType) -> Array:
        return not_negative(self.label, same_shape(self.name, y, output))


@record
class PoissonRate(ByElement):
    """Σ y - t·ln y for counts t and their rate y > 0: -ln p without ln t!.

    For models whose rates are not exponentials, such as those that end in a softplus; else poisson
    is more exact, which takes the logarithm of the rate.

    Labels: numbers ≥ 0.
    """

    name: ClassVar[str] = "poisson_rate"
    reads: ClassVar[Form] = Form.RATE

    def of_elements(self, target: Value, output: Value) -> Value:
        # Where a count is 0 its logarithm is not asked for: a rate of 0 is right then.
        safe = composite.where(target == 0, 1.0, output)
        return output - target * elementwise("log", safe)

    def targets(self, y: Array, output: TensorType) -> Array:
        return not_negative(self.label, same_shape(self.name, y, output))


@record
class CosineDistance(ByElement):
    """1 - t·y/(‖t‖ ‖y‖) of the last axis, summed over the others: 0 for one direction, 2 against.

    Source: Keras's CosineSimilarity is less by 1.
    """

    name: ClassVar[str] = "cosine_distance"

    def of_elements(self, target: Value, output: Value) -> Value:
        both = composite.sum(_unit(target) * _unit(output), axis=-1, keepdims=True)
        return 1 - both

    def count(self, output: TensorType) -> int:
        return math.prod(dim for dim in output.shape[1:-1] if isinstance(dim, int))


def _unit(x: Value) -> Value:
    square = composite.sum(elementwise("square", x), axis=-1, keepdims=True)
    result: Value = x / elementwise("sqrt", elementwise("maximum", square, _SMALLEST**2))
    return result


def not_negative(where: str, y: Array) -> Array:
    """y, refused where it has a number below 0."""
    bad: Any = ~(y >= 0)
    if np.any(bad):
        raise DataError(
            where,
            f"targets must be ≥ 0, got {first_invalid(y, bad)}",
            "For targets of either sign use loss='squared'.",
        )
    return y
