"""Losses by family, and the table of their names."""

from typing import TYPE_CHECKING

from pellucid.core.names import unknown_names
from pellucid.nn.losses import named
from pellucid.nn.losses.base import Form, Loss, same_shape
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
from pellucid.nn.losses.density import GaussianMixture, Mixture, NegativeLogLikelihood
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
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Form",
    "Gaussian",
    "GaussianMixture",
    "HalfSquared",
    "Hebbian",
    "Hinge",
    "Huber",
    "Logistic",
    "Loss",
    "Mixture",
    "MulticlassHinge",
    "NegativeLogLikelihood",
    "Perceptron",
    "Poisson",
    "ProbabilityBinaryCrossEntropy",
    "ProbabilityCrossEntropy",
    "Squared",
    "UserLoss",
    "loss",
    "moments",
    "same_shape",
]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names(
        "pellucid.nn.losses", __all__, {**named.CLASS_NAMES, **named.FUNCTIONS}
    )
