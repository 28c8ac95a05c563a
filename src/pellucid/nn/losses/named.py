"""Losses by name, and losses that are a person's own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from pellucid.core import shapes
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, DataError, ShapeError, nearest
from pellucid.graph.node import TensorType
from pellucid.nn.layer import checked_result, is_function
from pellucid.nn.losses.base import Array, Loss
from pellucid.nn.losses.classification import (
    BinaryCrossEntropy,
    CategoricalHinge,
    CrossEntropy,
    Hebbian,
    Hinge,
    Logistic,
    MulticlassHinge,
    Perceptron,
    ProbabilityBinaryCrossEntropy,
    ProbabilityCrossEntropy,
    SquaredHinge,
)
from pellucid.nn.losses.comparison import (
    AbsolutePercentage,
    CosineDistance,
    LogCosh,
    PoissonRate,
    SquaredLogarithmic,
)
from pellucid.nn.losses.density import GaussianMixture
from pellucid.nn.losses.focal import (
    BinaryFocal,
    Dice,
    Focal,
    GeneralizedCrossEntropy,
    KLDivergence,
    Tversky,
)
from pellucid.nn.losses.regression import Absolute, Gaussian, HalfSquared, Huber, Poisson, Squared
from pellucid.ops.value import Value
from pellucid.runtime.extras import numpy_dtype


@record
class UserLoss(Loss):
    """A function `loss(y_true, y_pred)` of a person's own, one value a row."""

    name: ClassVar[str] = "loss"

    function: Callable[[Any, Any], Any]

    def __post_init__(self) -> None:
        if isinstance(self.function, type) or not is_function(self.function):
            raise ArgumentError(
                "loss", f"function must be a function (y_true, y_pred), got {self.function!r}"
            )

    def per_row(self, target: Value, output: Value) -> Value:
        value = checked_result(self.label, "it", self.function(target, output))
        rows = output.type.shape[:1]
        if value.type.shape != rows:
            raise ShapeError(
                self.label,
                f"a loss must return one value a row {shapes.text(rows)}, "
                f"got {shapes.text(value.type.shape)}",
                "Reduce over the last axes only: np.sum((y_pred - y_true)**2, axis=-1).",
            )
        return value

    def weighed(self, target: Value, output: Value, weights: Value) -> Value:
        of_places = getattr(self.function, "weighed", None)  # of a function that knows of them
        if of_places is None:
            return super().weighed(target, output, weights)
        value: Value = of_places(target, output, weights)
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
        LogCosh(),
        AbsolutePercentage(),
        SquaredLogarithmic(),
        PoissonRate(),
        CosineDistance(),
        Focal(),
        BinaryFocal(),
        GeneralizedCrossEntropy(),
        KLDivergence(),
        Tversky(),
        Dice(),
        SquaredHinge(),
        CategoricalHinge(),
    )
}

# Another spelling, as in the Keras program that the lectures print: it means nothing else.
SPELLINGS = {"sparse_categorical_crossentropy": "cross_entropy"}

_SUMS = (
    " It sums over the outputs of a row where {name} is their mean: with H outputs it is H times "
    "as large, and so is its gradient; average=True takes the mean. See docs/losses.md."
)

# What other libraries call them, and how far their numbers are ours: named in the error, so that
# nobody searches twice.
MEANINGS = {
    "mse": ("squared", _SUMS),
    "mean_squared_error": ("squared", _SUMS),
    "mse_loss": ("squared", _SUMS),
    "squared_error": ("squared", _SUMS),
    "l2": ("squared", _SUMS),
    "mae": ("absolute", _SUMS),
    "mean_absolute_error": ("absolute", _SUMS),
    "absolute_error": ("absolute", _SUMS),
    "l1": ("absolute", _SUMS),
    "l1_loss": ("absolute", _SUMS),
    "huber_loss": ("huber", _SUMS),
    "smooth_l1": ("huber", _SUMS),
    "smooth_l1_loss": ("huber", _SUMS),
    "binary_crossentropy": ("binary_cross_entropy", _SUMS),
    "bce": ("binary_cross_entropy", _SUMS),
    "bce_with_logits": ("binary_cross_entropy", _SUMS),
    "categorical_crossentropy": ("cross_entropy", ""),
    "crossentropy": ("cross_entropy", ""),
    "log_loss": ("cross_entropy", ""),
    "ce": ("cross_entropy", ""),
    "softmax_cross_entropy": ("cross_entropy", ""),
    "cross_entropy_loss": ("cross_entropy", ""),
    "softmax": ("cross_entropy", ""),
    "kldiv": ("kl_divergence", ""),
    "kl_div_loss": ("kl_divergence", ""),
    "sigmoid_cross_entropy": ("binary_cross_entropy", _SUMS),
    "bce_with_logits_loss": ("binary_cross_entropy", _SUMS),
    "bce_loss": ("probability_binary_cross_entropy", _SUMS),
    "half_mse": ("half_squared", _SUMS),
    "rmse": ("squared", " Its root has the same minimum."),
    "multi_margin_loss": ("multiclass_hinge", " PyTorch's divides by the number of classes."),
    "nll": ("cross_entropy", ""),
    "nll_loss": ("cross_entropy", ""),
    "msle": ("squared_logarithmic", _SUMS),
    "mean_squared_logarithmic_error": ("squared_logarithmic", _SUMS),
    "mape": ("absolute_percentage", _SUMS),
    "mean_absolute_percentage_error": ("absolute_percentage", _SUMS),
    "cosine_similarity": ("cosine_distance", " It is 1 more than Keras's."),
    "cosine_embedding_loss": ("cosine_distance", ""),
    "logcosh": ("log_cosh", _SUMS),
    "binary_focal_crossentropy": ("binary_focal", _SUMS),
    "categorical_focal_crossentropy": ("focal", " Keras's has alpha=0.25: Focal(alpha=0.25)."),
    "focal_loss": ("focal", ""),
    "sigmoid_focal_loss": ("binary_focal", _SUMS),
    "categorical_generalized_cross_entropy": ("generalized_cross_entropy", ""),
    "dice_loss": ("dice", ""),
    "poisson_nll_loss": ("poisson", _SUMS),
    "gaussian_nll_loss": ("gaussian", _SUMS),
}

# The classes of the losses, for who writes the name of another library's class.
CLASSES = {word: type(loss).__name__ for word, loss in BY_NAME.items()}
CLASS_NAMES = {
    **{name: CLASSES[ours] for name, ours in SPELLINGS.items()},
    **{
        name: f"Here it is called '{CLASSES[ours]}'.{difference}"
        for name, (ours, difference) in MEANINGS.items()
    },
}

ELSEWHERE = {
    **{
        name: f"Here it is called '{ours}'.{difference}"
        for name, (ours, difference) in MEANINGS.items()
    },
}


def loss(value: Any) -> Loss:
    """The loss that a name, a Loss or a function stands for."""
    if isinstance(value, Loss):
        return value
    if isinstance(value, str):
        return _named(value)
    if isinstance(value, type):
        hint = "Write a name such as 'squared', or a function (y_true, y_pred)."
        if issubclass(value, Loss):
            hint = f"Write {value.__name__}(…), with brackets."
        raise ArgumentError(
            "compile", f"loss must be a name or a function, got the class {value.__name__}", hint
        )
    if is_function(value):
        return UserLoss(value)
    raise ArgumentError("compile", f"loss must be a name or a function, got {value!r}")


def _named(name: str) -> Loss:
    name = SPELLINGS.get(name, name)
    if name in BY_NAME:
        return BY_NAME[name]
    raise ArgumentError("compile", f"unknown loss {name!r}", nearest(name, BY_NAME, ELSEWHERE))
