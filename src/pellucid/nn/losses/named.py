"""Losses by name, and losses that are a person's own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from pellucid.core import shapes
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, DataError, ShapeError, nearest
from pellucid.graph.node import TensorType
from pellucid.nn.layer import is_function, own_result
from pellucid.nn.losses.base import Array, Loss
from pellucid.nn.losses.classification import (
    BinaryCrossEntropy,
    CrossEntropy,
    Hebbian,
    Hinge,
    Logistic,
    MulticlassHinge,
    Perceptron,
    ProbabilityBinaryCrossEntropy,
    ProbabilityCrossEntropy,
)
from pellucid.nn.losses.density import GaussianMixture
from pellucid.nn.losses.regression import Absolute, Gaussian, HalfSquared, Huber, Poisson, Squared
from pellucid.ops.value import Value
from pellucid.runtime.extras import numpy_dtype


@record
class UserLoss(Loss):
    """A function `loss(y_true, y_pred)` of a person's own, one value a row."""

    name: ClassVar[str] = "loss"

    function: Callable[[Any, Any], Any]

    def __post_init__(self) -> None:
        if not is_function(self.function):
            raise ArgumentError("compile", f"loss must be a function, got {self.function!r}")

    def per_row(self, target: Value, output: Value) -> Value:
        value = own_result(self.label, "it", self.function(target, output))
        rows = output.type.shape[:1]
        if value.type.shape != rows:
            raise ShapeError(
                self.label,
                f"a loss must return one value a row {shapes.text(rows)}, "
                f"got {shapes.text(value.type.shape)}",
                "Reduce over the last axes only: np.sum((y_pred - y_true)**2, axis=-1).",
            )
        return value

    @property
    def label(self) -> str:
        return f"loss {getattr(self.function, '__name__', 'function')}"

    def targets(self, y: Array, output: TensorType) -> Array:
        if y.ndim == 1 and output.shape[1:] == (1,):
            y = y.reshape(-1, 1)
        if y.dtype.kind not in "biuf":
            raise DataError(self.label, f"y must be numbers, got {y.dtype}")
        return y.astype(numpy_dtype(output.dtype)) if y.dtype.kind == "f" else y.astype(np.int64)


BY_NAME: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Squared(),
        HalfSquared(),
        Absolute(),
        Huber(),
        Poisson(),
        Gaussian(),
        GaussianMixture(),
        CrossEntropy(),
        ProbabilityCrossEntropy(),
        BinaryCrossEntropy(),
        ProbabilityBinaryCrossEntropy(),
        Logistic(),
        Hinge(),
        MulticlassHinge(),
        Perceptron(),
        Hebbian(),
    )
}

# Another spelling, as in the Keras program that the lectures print: it means nothing else.
_SPELLINGS = {"sparse_categorical_crossentropy": "cross_entropy"}

# What other libraries call them; named in the error, so that nobody searches twice.
_ELSEWHERE = {
    "mse": "squared",
    "mean_squared_error": "squared",
    "squared_error": "squared",
    "categorical_crossentropy": "cross_entropy",
    "crossentropy": "cross_entropy",
    "log_loss": "cross_entropy",
    "nll": "cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "mae": "absolute",
    "mean_absolute_error": "absolute",
    "absolute_error": "absolute",
    "categorical_hinge": "multiclass_hinge",
    "bce": "binary_cross_entropy",
}


def loss(value: Any) -> Loss:
    """The loss that a name, a Loss or a function stands for."""
    if isinstance(value, Loss):
        return value
    if isinstance(value, str):
        value = _SPELLINGS.get(value, value)
        if value in BY_NAME:
            return BY_NAME[value]
        hint = nearest(value, BY_NAME)
        if value.lower() in _ELSEWHERE:
            hint = f"Here it is called '{_ELSEWHERE[value.lower()]}'."
        raise ArgumentError("compile", f"unknown loss {value!r}", hint)
    if is_function(value):
        return UserLoss(value)
    raise ArgumentError("compile", f"loss must be a name or a function, got {value!r}")
