"""Layers, activations, initializers, losses and regularizers."""

from typing import TYPE_CHECKING

from pellucid.core.names import unknown_names
from pellucid.nn import activations, elsewhere, init, losses, regularizers
from pellucid.nn.augmentation import (
    GaussianNoise,
    RandomFlip,
    RandomRotation,
    RandomShift,
    RandomZoom,
)
from pellucid.nn.convolution import Conv1D, Conv2D
from pellucid.nn.dense import Activation, Dense, Dropout, Flatten, Rescale, Reshape
from pellucid.nn.init import He, Initializer, Normal, Uniform, Xavier, Zeros
from pellucid.nn.layer import Layer
from pellucid.nn.losses import (
    Absolute,
    BinaryCrossEntropy,
    CrossEntropy,
    Gaussian,
    GaussianMixture,
    HalfSquared,
    Hebbian,
    Hinge,
    Huber,
    Logistic,
    Loss,
    MulticlassHinge,
    NegativeLogLikelihood,
    Perceptron,
    Poisson,
    ProbabilityBinaryCrossEntropy,
    ProbabilityCrossEntropy,
    Squared,
)
from pellucid.nn.mapping import RBF, Basis, Embedding, LowRankDense, Maxout, Polynomial
from pellucid.nn.merging import Add, Concat, Multiply
from pellucid.nn.normalization import BatchNorm, LayerNorm
from pellucid.nn.pooling import (
    AveragePool1D,
    AveragePool2D,
    GlobalAveragePool,
    GlobalMaxPool,
    LocalResponseNorm,
    MaxPool1D,
    MaxPool2D,
)
from pellucid.nn.regularizers import L1, L2, ElasticNet, MaxNorm, Regularizer
from pellucid.nn.symbols import Input, Symbol
from pellucid.nn.tabular import (
    Categories,
    Dates,
    MissingFlag,
    QuantileBins,
    Standardize,
    TargetScale,
)

__all__ = [
    "L1",
    "L2",
    "RBF",
    "Absolute",
    "Activation",
    "Add",
    "AveragePool1D",
    "AveragePool2D",
    "Basis",
    "BatchNorm",
    "BinaryCrossEntropy",
    "Categories",
    "Concat",
    "Conv1D",
    "Conv2D",
    "CrossEntropy",
    "Dates",
    "Dense",
    "Dropout",
    "ElasticNet",
    "Embedding",
    "Flatten",
    "Gaussian",
    "GaussianMixture",
    "GaussianNoise",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HalfSquared",
    "He",
    "Hebbian",
    "Hinge",
    "Huber",
    "Initializer",
    "Input",
    "Layer",
    "LayerNorm",
    "LocalResponseNorm",
    "Logistic",
    "Loss",
    "LowRankDense",
    "MaxNorm",
    "MaxPool1D",
    "MaxPool2D",
    "Maxout",
    "MissingFlag",
    "MulticlassHinge",
    "Multiply",
    "NegativeLogLikelihood",
    "Normal",
    "Perceptron",
    "Poisson",
    "Polynomial",
    "ProbabilityBinaryCrossEntropy",
    "ProbabilityCrossEntropy",
    "QuantileBins",
    "RandomFlip",
    "RandomRotation",
    "RandomShift",
    "RandomZoom",
    "Regularizer",
    "Rescale",
    "Reshape",
    "Squared",
    "Standardize",
    "Symbol",
    "TargetScale",
    "Uniform",
    "Xavier",
    "Zeros",
    "activations",
    "init",
    "losses",
    "regularizers",
]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.nn", __all__, elsewhere.NAMES)
