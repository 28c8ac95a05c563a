"""Layers, activations, initializers, losses and regularizers."""

from pellucid.nn import activations, init, losses, regularizers
from pellucid.nn.convolution import Conv1D, Conv2D
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
from pellucid.nn.pooling import (
    AveragePool1D,
    AveragePool2D,
    GlobalAveragePool,
    GlobalMaxPool,
    LocalResponseNorm,
    MaxPool1D,
    MaxPool2D,
)
from pellucid.nn.regularizers import L1, L2, Regularizer

__all__ = [
    "L1", "L2", "Activation", "AveragePool1D", "AveragePool2D", "BinaryCrossEntropy", "Conv1D",
    "Conv2D", "CrossEntropy", "Dense", "Dropout", "Flatten", "GlobalAveragePool", "GlobalMaxPool",
    "HalfSquared", "He", "Hinge", "Initializer", "Layer", "LocalResponseNorm", "Loss", "MaxPool1D",
    "MaxPool2D", "Normal", "Regularizer", "Rescale", "Squared", "Uniform", "Xavier", "Zeros",
    "activations", "init", "losses", "regularizers",
]  # fmt: skip
