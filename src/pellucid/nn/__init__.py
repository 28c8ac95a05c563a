"""Layers, activations, initializers, losses and regularizers."""

from pellucid.nn import activations, init, losses, regularizers
from pellucid.nn.dense import Activation, Dense, Dropout, Flatten, Rescale
from pellucid.nn.init import He, Initializer, Normal, Uniform, Xavier, Zeros
from pellucid.nn.layer import Layer
from pellucid.nn.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    HalfSquared,
    Hinge,
    Loss,
    Squared,
)
from pellucid.nn.regularizers import L1, L2, Regularizer

__all__ = [
    "L1", "L2", "Activation", "BinaryCrossEntropy", "CrossEntropy", "Dense", "Dropout",
    "Flatten", "HalfSquared", "He", "Hinge", "Initializer", "Layer", "Loss", "Normal",
    "Regularizer", "Rescale", "Squared", "Uniform", "Xavier", "Zeros", "activations", "init",
    "losses", "regularizers",
]  # fmt: skip
