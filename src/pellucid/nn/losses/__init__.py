"""Losses by family, and the table of their names."""

from typing import TYPE_CHECKING

from pellucid.core.names import unknown_names
from pellucid.nn.losses import named
from pellucid.nn.losses.base import ByElement, Form, Loss, same_shape
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
from pellucid.nn.losses.density import GaussianMixture, Mixture, NegativeLogLikelihood
from pellucid.nn.losses.focal import (
    BinaryFocal,
    Dice,
    Focal,
    GeneralizedCrossEntropy,
    KLDivergence,
    Tversky,
)
from pellucid.nn.losses.named import BY_NAME, UserLoss, loss
from pellucid.nn.losses.regression import (
    Absolute,
    Gaussian,
    HalfSquared,
    Huber,
    Poisson,
    Squared,
    moments,
)

__all__ = [
    "BY_NAME",
    "Absolute",
    "AbsolutePercentage",
    "BinaryCrossEntropy",
    "BinaryFocal",
    "ByElement",
    "CategoricalHinge",
    "CosineDistance",
    "CrossEntropy",
    "Dice",
    "Focal",
    "Form",
    "Gaussian",
    "GaussianMixture",
    "GeneralizedCrossEntropy",
    "HalfSquared",
    "Hebbian",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Logistic",
    "Loss",
    "Mixture",
    "MulticlassHinge",
    "NegativeLogLikelihood",
    "Perceptron",
    "Poisson",
    "PoissonRate",
    "ProbabilityBinaryCrossEntropy",
    "ProbabilityCrossEntropy",
    "Squared",
    "SquaredHinge",
    "SquaredLogarithmic",
    "Tversky",
    "UserLoss",
    "loss",
    "moments",
    "same_shape",
]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.nn.losses", __all__, named.CLASS_NAMES)
