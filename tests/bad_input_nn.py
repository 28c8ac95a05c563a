"""Rows of docs/bad-input.md for what came with the names of Keras: see bad_input_catalogue.py.

For each constructor arguments that it takes, and for each argument a wrong value and the words.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn, optim

NAN, INF = float("nan"), float("inf")

_CONVOLUTION = {  # what every layer of windows with weights takes
    "strides": (-1, "strides must be at least 1, got -1"),
    "padding": ("full", "unknown padding 'full'"),
    "dilation": ("2", "dilation must be a whole number, got '2'"),
    "activation": ("rleu", "unknown activation 'rleu'"),
    "use_bias": (None, "use_bias must be True or False, got None"),
    "kernel_initializer": ("glorot", "unknown kernel_initializer 'glorot'"),
    "bias_initializer": (3, "bias_initializer must be an initializer or its name, got 3"),
    "kernel_size": (0, "kernel_size must be at least 1, got 0"),
}
LAYERS: list[tuple[Any, dict[str, Any], dict[str, tuple[Any, str]]]] = [
    (
        nn.PReLU,
        {},
        {
            "slope_initializer": ("glorot", "unknown slope_initializer 'glorot'"),
            "shared_axes": ((0,), "shared_axes must be at least 1, got 0"),
        },
    ),
    (
        nn.Permute,
        {"axes": (2, 1)},
        {"axes": ((0, 1), "axes must be an order of 1, 2, …, got (0, 1)")},
    ),
    (nn.RepeatVector, {"count": 2}, {"count": (0, "count must be at least 1, got 0")}),
    (nn.SpatialDropout, {"rate": 0.5}, {"rate": (1, "rate must lie in [0, 1), got 1")}),
    (nn.GaussianDropout, {"rate": 0.5}, {"rate": (-0.1, "rate must lie in [0, 1), got -0.1")}),
    (nn.AlphaDropout, {"rate": 0.5}, {"rate": (NAN, "rate must lie in [0, 1), got nan")}),
    (
        nn.GroupNorm,
        {},
        {
            "groups": (0, "groups must be at least 1, got 0"),
            "epsilon": (0, "epsilon must lie in (0, inf), got 0"),
            "center": (1, "center must be True or False, got 1"),
            "scale": (None, "scale must be True or False, got None"),
        },
    ),
    (
        nn.RMSNorm,
        {},
        {
            "epsilon": (0, "epsilon must lie in (0, inf), got 0"),
            "center": (1, "center must be True or False, got 1"),
            "scale": (None, "scale must be True or False, got None"),
        },
    ),
    (nn.UnitNorm, {}, {"axis": (1.5, "axis must be a whole number, got 1.5")}),
    (
        nn.Conv1DTranspose,
        {"filters": 2, "kernel_size": 3},
        {
            "filters": (0, "filters must be at least 1, got 0"),
            **_CONVOLUTION,
            "output_padding": (1, "output_padding must be in [0, 0], got 1"),
        },
    ),
    (
        nn.Conv2DTranspose,
        {"filters": 2, "kernel_size": 3},
        {
            "filters": (0, "filters must be at least 1, got 0"),
            **_CONVOLUTION,
            "output_padding": (1, "output_padding must be in [0, 0], got 1"),
        },
    ),
    (
        nn.DepthwiseConv1D,
        {"kernel_size": 3},
        {
            **_CONVOLUTION,
            "multiplier": (0, "multiplier must be at least 1, got 0"),
        },
    ),
    (
        nn.DepthwiseConv2D,
        {"kernel_size": 3},
        {
            **_CONVOLUTION,
            "multiplier": (0, "multiplier must be at least 1, got 0"),
        },
    ),
    (
        nn.SeparableConv1D,
        {"filters": 2, "kernel_size": 3},
        {
            "filters": (0, "filters must be at least 1, got 0"),
            **_CONVOLUTION,
            "multiplier": (0, "multiplier must be at least 1, got 0"),
            "pointwise_initializer": ("glorot", "unknown pointwise_initializer 'glorot'"),
        },
    ),
    (
        nn.SeparableConv2D,
        {"filters": 2, "kernel_size": 3},
        {
            "filters": (0, "filters must be at least 1, got 0"),
            **_CONVOLUTION,
            "multiplier": (0, "multiplier must be at least 1, got 0"),
            "pointwise_initializer": ("glorot", "unknown pointwise_initializer 'glorot'"),
        },
    ),
    (
        nn.Pad,
        {},
        {
            "padding": (
                "same",
                "padding must be a number, or an entry an axis, each a number or a pair",
            ),
            "value": (NAN, "value must lie in (-inf, inf), got nan"),
        },
    ),
    (nn.Crop, {}, {"padding": (-1, "padding must be at least 0, got -1")}),
    (
        nn.UpSample,
        {},
        {
            "size": (0, "size must be at least 1, got 0"),
            "interpolation": ("cubic", "unknown interpolation 'cubic'"),
        },
    ),
    (
        nn.Resize,
        {"height": 2, "width": 2},
        {
            "height": (0, "height must be at least 1, got 0"),
            "width": (2.5, "width must be a whole number, got 2.5"),
            "interpolation": ("cubic", "unknown interpolation 'cubic'"),
        },
    ),
    (
        nn.CenterCrop,
        {"height": 2, "width": 2},
        {
            "height": (0, "height must be at least 1, got 0"),
            "width": (None, "width must be a whole number, got None"),
        },
    ),
    (
        nn.RandomCrop,
        {"height": 2, "width": 2},
        {
            "height": (0, "height must be at least 1, got 0"),
            "width": (None, "width must be a whole number, got None"),
        },
    ),
    (
        nn.RandomShear,
        {},
        {
            "fill_mode": ("mirror", "unknown fill_mode 'mirror'"),
            "fill_value": (NAN, "fill_value must lie in (-inf, inf), got nan"),
            "interpolation": ("cubic", "unknown interpolation 'cubic'"),
            "horizontal": (
                -1,
                "horizontal is the tangent of an angle: a number in [0, 10] or a pair (",
            ),
            "vertical": (
                (1, 0),
                "vertical is the tangent of an angle: a number in [0, 10] or a pair (lo",
            ),
        },
    ),
    (
        nn.RandomBrightness,
        {"factor": 0.1},
        {
            "factor": (2, "factor is a part of the range of pixels: a number in [0, 1] or a pair"),
            "value_range": ((1, 0), "value_range must be (lowest, highest), got (1, 0)"),
        },
    ),
    (
        nn.RandomContrast,
        {"factor": 0.1},
        {
            "factor": (
                (-2, 0),
                "factor is the change of contrast: a number in [0, 100] or a pair (lowe",
            ),
            "value_range": (255, "value_range must be (lowest, highest), got 255"),
        },
    ),
    (
        nn.RandomErasing,
        {},
        {
            "rate": (1.5, "rate must lie in [0, 1], got 1.5"),
            "height": (0.5, "height must be a pair (lowest, highest), got 0.5"),
            "width": (
                (0, 2),
                "width is a part of the image's width: a number in [0, 1] or a pair (lo",
            ),
            "value": (None, "value must be a number, got None"),
        },
    ),
    (nn.Subtract, {}, {}),
    (nn.Average, {}, {}),
    (nn.Maximum, {}, {}),
    (nn.Minimum, {}, {}),
    (
        nn.Dot,
        {},
        {
            "axes": (
                (1, 2, 3),
                "axes must be a number or one for each of two inputs, got (1, 2, 3)",
            ),
            "normalize": (1, "normalize must be True or False, got 1"),
        },
    ),
    (
        nn.MinMaxNorm,
        {"strength": 1.0},
        {
            "strength": (0, "strength must lie in (0, inf), got 0"),
            "lowest": (2, "lowest must lie in [0, 1], got 2"),
            "rate": (0, "rate must lie in (0, 1], got 0"),
            "biases": (1, "biases must be True or False, got 1"),
        },
    ),
    (nn.NonNegative, {}, {"biases": (1, "biases must be True or False, got 1")}),
    (nn.LeCun, {}, {"distribution": ("gauss", "unknown distribution 'gauss'")}),
    (nn.Fill, {}, {"value": (INF, "value must lie in (-inf, inf), got inf")}),
    (nn.TruncatedNormal, {}, {"deviation": (-1, "deviation must lie in [0, inf), got -1")}),
    (
        nn.VarianceScaling,
        {},
        {
            "scale": (0, "scale must lie in (0, inf), got 0"),
            "mode": ("fan", "unknown mode 'fan'"),
            "distribution": ("gauss", "unknown distribution 'gauss'"),
        },
    ),
    (nn.Identity, {}, {"gain": ("1", "gain must be a number, got '1'")}),
    (nn.Orthogonal, {}, {"gain": (NAN, "gain must lie in (-inf, inf), got nan")}),
]

LOSSES: list[tuple[Any, dict[str, Any], dict[str, tuple[Any, str]]]] = [
    (nn.LogCosh, {}, {"average": (1, "average must be True or False, got 1")}),
    (nn.AbsolutePercentage, {}, {"average": (1, "average must be True or False, got 1")}),
    (nn.SquaredLogarithmic, {}, {"average": (1, "average must be True or False, got 1")}),
    (nn.PoissonRate, {}, {"average": (1, "average must be True or False, got 1")}),
    (nn.CosineDistance, {}, {"average": (1, "average must be True or False, got 1")}),
    (nn.SquaredHinge, {}, {"average": (1, "average must be True or False, got 1")}),
    (
        nn.Focal,
        {},
        {
            "label_smoothing": (1.0, "label_smoothing must lie in [0, 1), got 1.0"),
            "class_weights": ((1, -1), "class_weights must lie in [0, inf), got -1"),
            "average": (1, "average must be True or False, got 1"),
            "gamma": (-1, "gamma must lie in [0, inf), got -1"),
            "alpha": (NAN, "alpha must lie in [0, inf), got nan"),
        },
    ),
    (
        nn.BinaryFocal,
        {},
        {
            "label_smoothing": (1.0, "label_smoothing must lie in [0, 1), got 1.0"),
            "average": (1, "average must be True or False, got 1"),
            "gamma": (-1, "gamma must lie in [0, inf), got -1"),
            "alpha": (2, "alpha must lie in [0, 1], got 2"),
        },
    ),
    (
        nn.GeneralizedCrossEntropy,
        {},
        {
            "label_smoothing": (0.1, "label_smoothing must be 0, got 0.1"),
            "class_weights": ((NAN,), "class_weights must lie in [0, inf), got nan"),
            "average": (1, "average must be True or False, got 1"),
            "q": (0, "q must lie in (0, 1], got 0"),
        },
    ),
    (
        nn.KLDivergence,
        {},
        {
            "label_smoothing": (1.0, "label_smoothing must lie in [0, 1), got 1.0"),
            "class_weights": ((1, -1), "class_weights must lie in [0, inf), got -1"),
            "average": (1, "average must be True or False, got 1"),
        },
    ),
    (
        nn.CategoricalHinge,
        {},
        {
            "label_smoothing": (0.1, "label_smoothing must be 0, got 0.1"),
            "class_weights": ((1, 2), "class_weights must be None, got (1, 2)"),
            "average": (1, "average must be True or False, got 1"),
        },
    ),
    (
        nn.Tversky,
        {},
        {
            "alpha": (-1, "alpha must lie in [0, inf), got -1"),
            "beta": (None, "beta must be a number, got None"),
        },
    ),
    (nn.Dice, {}, {}),
]

OPTIMIZERS: list[tuple[Any, dict[str, Any], dict[str, tuple[Any, str]]]] = [
    (
        optim.Nadam,
        {},
        {
            "beta_1": (1, "beta_1 must lie in [0, 1), got 1"),
            "beta_2": (-0.1, "beta_2 must lie in [0, 1), got -0.1"),
            "epsilon": (0, "epsilon must lie in (0, inf), got 0"),
            "momentum_decay": (-1, "momentum_decay must lie in [0, inf), got -1"),
        },
    ),
    (
        optim.Adamax,
        {},
        {
            "beta_1": (1, "beta_1 must lie in [0, 1), got 1"),
            "beta_2": (-0.1, "beta_2 must lie in [0, 1), got -0.1"),
            "epsilon": (0, "epsilon must lie in (0, inf), got 0"),
        },
    ),
    (
        optim.Lamb,
        {},
        {
            "beta_1": (1, "beta_1 must lie in [0, 1), got 1"),
            "beta_2": (-0.1, "beta_2 must lie in [0, 1), got -0.1"),
            "epsilon": (0, "epsilon must lie in (0, inf), got 0"),
            "weight_decay": (-1, "weight_decay must lie in [0, inf), got -1"),
        },
    ),
    (
        optim.Muon,
        {},
        {
            "beta_1": (1, "beta_1 must lie in [0, 1), got 1"),
            "beta_2": (-0.1, "beta_2 must lie in [0, 1), got -0.1"),
            "epsilon": (0, "epsilon must lie in (0, inf), got 0"),
            "adam": ("last", "adam must be a tuple of names, got 'last'"),
            "momentum": (1, "momentum must lie in [0, 1), got 1"),
            "nesterov": (1, "nesterov must be True or False, got 1"),
            "iterations": (0, "iterations must be at least 1, got 0"),
            "coefficients": ((1.0, 2.0), "coefficients must be three numbers, got (1.0, 2.0)"),
            "scale": (0, "scale must lie in (0, inf), got 0"),
            "weight_decay": (-1, "weight_decay must lie in [0, inf), got -1"),
            "adam_weight_decay": (NAN, "adam_weight_decay must lie in [0, inf), got nan"),
            "adam_rate": (0, "adam_rate must lie in (0, inf), got 0"),
        },
    ),
    (
        optim.Lion,
        {},
        {
            "beta_1": (1, "beta_1 must lie in [0, 1), got 1"),
            "beta_2": (-0.1, "beta_2 must lie in [0, 1), got -0.1"),
            "weight_decay": (NAN, "weight_decay must lie in [0, inf), got nan"),
        },
    ),
    (
        optim.Adadelta,
        {},
        {
            "rho": (1, "rho must lie in [0, 1), got 1"),
            "epsilon": (0, "epsilon must lie in (0, inf), got 0"),
        },
    ),
    (
        optim.Ftrl,
        {},
        {
            "initial_accumulator": (-1, "initial_accumulator must lie in [0, inf), got -1"),
            "l1": (-0.1, "l1 must lie in [0, inf), got -0.1"),
            "l2": (NAN, "l2 must lie in [0, inf), got nan"),
            "beta": (None, "beta must be a number, got None"),
        },
    ),
    (
        optim.Adafactor,
        {},
        {
            "decay": (0, "decay must lie in (0, 1], got 0"),
            "epsilon_1": (0, "epsilon_1 must lie in (0, inf), got 0"),
            "epsilon_2": (-1, "epsilon_2 must lie in (0, inf), got -1"),
            "clip_threshold": (0, "clip_threshold must lie in (0, inf), got 0"),
            "relative_step": (1, "relative_step must be True or False, got 1"),
        },
    ),
    (
        optim.CosineRestarts,
        {"initial": 0.1, "steps": 10},
        {
            "initial": (-0.1, "initial must lie in [0, inf), got -0.1"),
            "steps": (0, "steps must be at least 1, got 0"),
            "longer": (0.5, "longer must lie in [1, inf), got 0.5"),
            "lower": (0, "lower must lie in (0, 1], got 0"),
            "final": (-1, "final must lie in [0, inf), got -1"),
        },
    ),
    (
        optim.PolynomialDecay,
        {"initial": 0.1, "steps": 10},
        {
            "initial": (-0.1, "initial must lie in [0, inf), got -0.1"),
            "steps": (0, "steps must be at least 1, got 0"),
            "final": (-1, "final must lie in [0, inf), got -1"),
            "power": (0, "power must lie in (0, inf), got 0"),
        },
    ),
    (
        optim.InverseTime,
        {"initial": 0.1},
        {
            "initial": (-0.1, "initial must lie in [0, inf), got -0.1"),
            "decay": (-1, "decay must lie in [0, inf), got -1"),
            "every": (0, "every must be at least 1, got 0"),
        },
    ),
]

X = np.random.default_rng(1).normal(size=(24, 4)).astype(np.float32)
CLASSES = np.arange(24) % 3


def _built(shape: tuple[int, ...], *layers: Any) -> Any:
    made = pel.Sequential(list(layers), seed=0)
    made.build(shape)
    return made


def _trained(loss: Any = "squared", y: Any = X[:, 0], last: Any = None, **how: Any) -> Any:
    made = pel.Sequential([last or nn.Dense(1)], seed=0)
    made.compile("sgd", loss, how.pop("metrics", ()))
    return made.fit(how.pop("x", X), y, **{"seed": 0, "verbose": 0, **how})


def _two(layer: Any, *shapes: tuple[int, ...]) -> Any:
    inputs = [pel.Input(shape) for shape in shapes]
    return pel.Model(inputs, layer(inputs))


CASES: list[tuple[str, Any, str | None]] = [
    (
        "a transposed convolution without channels",
        lambda p: _built((8,), nn.Conv1DTranspose(2, 3)),
        "x must be (N, length, channels), got (N, 8) without channels",
    ),
    (
        "a transposed convolution that cuts all off",
        lambda p: _built((1, 2), nn.Conv1DTranspose(2, 3, padding=3)),
        "padding must leave some of the 3 places along each axis",
    ),
    (
        "a kernel of other channels",
        lambda p: pel.numpy.conv_transpose(np.ones((1, 4, 2)), np.ones((3, 2, 5))),
        "x must have 5 channels in its last axis, got (1, 4, 2)",
    ),
    (
        "a depthwise convolution of a small image",
        lambda p: _built((2, 2, 1), nn.DepthwiseConv2D(5)),
        "x must hold a window of (5, 5)",
    ),
    (
        "groups that do not divide the channels",
        lambda p: _built((4, 6), nn.GroupNorm(4)),
        "groups must divide the 6 channels of x, got 4",
    ),
    (
        "LayerNorm over more axes than there are",
        lambda p: _built((4,), nn.LayerNorm(axes=2)),
        "x must be (N, …, D, …), got (N, 4)",
    ),
    ("UnitNorm over rows", lambda p: _built((4,), nn.UnitNorm(0)), "must not be that of the rows"),
    (
        "padding of three axes for images",
        lambda p: _built((4, 4, 1), nn.Pad((1, 1, 1))),
        "an entry for each of the 2 axes between samples and channels, got (1, 1, 1)",
    ),
    (
        "Crop of everything",
        lambda p: _built((4, 4, 1), nn.Crop(2)),
        "padding must leave some of (4, 4), got 2",
    ),
    ("UpSample of rows of numbers", lambda p: _built((4,), nn.UpSample()), "x must be (N, length,"),
    (
        "CenterCrop larger than the image",
        lambda p: _built((4, 4, 1), nn.CenterCrop(5, 2)),
        "height and width must be at most those of x, (4, 4), got 5 and 2",
    ),
    (
        "Permute of other axes",
        lambda p: _built((4, 4, 1), nn.Permute((2, 1))),
        "x must have 2 axes a sample, got (N, 4, 4, 1)",
    ),
    ("RepeatVector of images", lambda p: _built((4, 4), nn.RepeatVector(2)), "x must be (N, D)"),
    (
        "PReLU with an axis that is not there",
        lambda p: _built((4,), nn.PReLU(shared_axes=(2,))),
        "shared_axes must lie in [1, 1] for x (N, 4), got (2,)",
    ),
    (
        "Subtract of three inputs",
        lambda p: _two(nn.Subtract(), (4,), (4,), (4,)),
        "it takes two inputs, got 3",
    ),
    (
        "Dot of vectors of other lengths",
        lambda p: _two(nn.Dot(), (4,), (3,)),
        "axes (1, 1) of both inputs must be equal, got (N, 4) and (N, 3)",
    ),
    (
        "Dot over the rows",
        lambda p: _two(nn.Dot((0, 1)), (4,), (4,)),
        "axes must not be that of the rows, got (0, 1)",
    ),
    ("glu of three columns", lambda p: _built((3,), nn.Activation("glu")), "must have an even num"),
    (
        "Orthogonal for a vector",
        lambda p: _built((3,), nn.Dense(2, bias_initializer="orthogonal")),
        "a weight must have two axes or more, got (2,)",
    ),
    (
        "class_weights of another number of classes",
        lambda p: _trained(nn.CrossEntropy(class_weights=(1, 2)), CLASSES, nn.Dense(3)),
        "class_weights must have a number for each of 3 classes, got 2",
    ),
    (
        "class_weight with a class for each position",
        lambda p: _trained(
            "cross_entropy",
            np.zeros((24, 4), int),
            nn.Dense(3),
            x=X[:, :, None],
            class_weight={0: 2.0},
        ),
        "class_weight needs one class a row, got a model with one for each position",
    ),
    (
        "a softmax's kin before cross_entropy",
        lambda p: _trained("cross_entropy", CLASSES, nn.Dense(3, "sparsemax")),
        "cross_entropy needs logits or softmax, got a final sparsemax, which makes probabilities",
    ),
    (
        "logits that are never positive",
        lambda p: _trained("binary_cross_entropy", CLASSES % 2, nn.Dense(1, "log_sigmoid")),
        "got a final log_sigmoid, which is never positive",
    ),
    (
        "rates of either sign",
        lambda p: _trained("poisson_rate", CLASSES, nn.Dense(1)),
        "poisson_rate needs rates, which are never negative, got a final linear",
    ),
    (
        "targets below 0 under a logarithm",
        lambda p: _trained("squared_logarithmic", X[:, 0]),
        "targets must be ≥ 0, got",
    ),
    (
        "validation_split above 1",
        lambda p: _trained(validation_split=20),
        "validation_split must lie in (0, 1), got 20",
    ),
    (
        "validation_split that leaves no row",
        lambda p: _trained(validation_split=0.01),
        None,
    ),
    (
        "validation_split of one row",
        lambda p: _trained(y=X[:1, 0], x=X[:1], validation_split=0.5),
        "validation_split must leave rows on both sides, got 0.5 of 1",
    ),
    (
        "validation_split beside validation_data",
        lambda p: _trained(validation_split=0.5, validation_data=(X, X[:, 0])),
        "give validation_data or validation_split, got both",
    ),
    (
        "validation_split of a stream",
        lambda p: _trained(x=[(X, X[:, 0])], y=None, validation_split=0.5),
        "validation_split needs arrays, whose last rows it holds out, got a stream",
    ),
    (
        "validation_freq without validation",
        lambda p: _trained(validation_freq=2),
        "validation_freq needs validation_data, got None",
    ),
    (
        "validation_freq of 0",
        lambda p: _trained(validation_freq=0),
        "validation_freq must be at least 1, got 0",
    ),
    (
        "initial_epoch behind the last",
        lambda p: _trained(epochs=2, initial_epoch=3),
        "initial_epoch must be in [0, 2], got 3",
    ),
    (
        "initial_epoch of a run that is resumed",
        lambda p: _trained(epochs=2, initial_epoch=1, resume=True),
        "initial_epoch must be 0 with resume, got 1",
    ),
    (
        "workers without chunks",
        lambda p: _trained(workers=2),
        "workers needs chunks, the runs of rows that they share, got workers=2 alone",
    ),
    (
        "no worker",
        lambda p: _trained(chunks=4, workers=0),
        "workers must be in [1, 1024], got 0",
    ),
    (
        "workers as a word",
        lambda p: _trained(chunks=4, workers="all"),
        "workers must be a whole number, pel.LocalWorkers(…) or pel.RayWorkers(…), got 'all'",
    ),
    (
        "more workers than chunks",
        lambda p: _trained(chunks=4, workers=5),
        "workers must be at most chunks, got 5 workers and 4 chunks",
    ),
    (
        "workers by the interpreter",
        lambda p: _trained(chunks=4, workers=2, backend="interpreter"),
        "workers train by machine code, got backend='interpreter'",
    ),
    (
        "workers for a stream",
        lambda p: _trained(x=[(X, X[:, 0])], y=None, batch_size=2, chunks=2, workers=2),
        "workers need x as an array, got a stream",
    ),
    (
        "more workers than chunks with rows",
        lambda p: _trained(batch_size=4, chunks=3, workers=3),
        "workers must be at most 2, got 3: 4 rows a step in 3 chunks are 2 of 2 rows",
    ),
    (
        "more chunks than rows of a step",
        lambda p: _trained(batch_size=2, chunks=3),
        "chunks must be at most 2, the rows of a step, got 3",
    ),
    (
        "no process of this machine",
        lambda p: pel.LocalWorkers(0),
        "count must be in [1, 1024], got 0",
    ),
    (
        "no patience with processes",
        lambda p: pel.LocalWorkers(2, patience=0),
        "patience must lie in [1, inf), got 0",
    ),
    (
        "no patience with actors",
        lambda p: pel.RayWorkers(2, patience=0.5),
        "patience must lie in [1, inf), got 0.5",
    ),
    (
        "no worker of Ray",
        lambda p: pel.RayWorkers(0),
        "count must be in [1, 1024], got 0",
    ),
    (
        "a worker of Ray without a processor",
        lambda p: pel.RayWorkers(2, cpus=0),
        "cpus must be at least 1, got 0",
    ),
    (
        "an address that is no text",
        lambda p: pel.RayWorkers(2, address=6379),
        "address must be a text or None, got 6379",
    ),
    (
        "a resource that is no number",
        lambda p: pel.RayWorkers(2, resources={"fast": "yes"}),
        "resources['fast'] must be a number, got 'yes'",
    ),
    (
        "steps_per_epoch of 0",
        lambda p: _trained(steps_per_epoch=0),
        "steps_per_epoch must be at least 1, got 0",
    ),
    (
        "no chunk of a batch",
        lambda p: _trained(chunks=0),
        "chunks must be at least 1, got 0",
    ),
    (
        "chunks of batches that grow",
        lambda p: _trained(chunks=2, batch_size=pel.optim.GrowingBatch(2)),
        "chunks needs steps of one size, got a GrowingBatch",
    ),
    (
        "chunks of a stream's own batches",
        lambda p: _trained(x=[(X, X[:, 0])], y=None, chunks=2),
        "chunks needs steps of one size, got the batches of a stream",
    ),
    (
        "no thread to evaluate",
        lambda p: _trained() and pel.Sequential([nn.Dense(1)]).predict(X, threads=0),
        "threads must be in [1, 1024], got 0",
    ),
    (
        "a log in a folder that is a file",
        lambda p: (p / "log").write_text("mine") and pel.TensorBoardLog(p / "log"),
        "folder must be a folder, got the file",
    ),
    (
        "a log over a file that is there",
        lambda p: (p / "log.csv").write_text("mine") and pel.CSVLog(p / "log.csv"),
        "exists",
    ),
    (
        "precision of three columns",
        lambda p: pel.metrics.precision([[2, 0, 1]], [[1, 0, 1]]),
        "labels of several columns must be 0 or 1, got others",
    ),
    (
        "a curve of one label",
        lambda p: pel.metrics.roc_curve([1, 1], [0.2, 0.9]),
        "y_true must hold two labels, got 1",
    ),
    (
        "a curve of scores of two classes",
        lambda p: pel.metrics.precision_recall_curve([0, 1], [[0.2, 0.8], [0.9, 0.1]]),
        "y_true and scores must be (N,), got (2,) and (2, 2)",
    ),
    (
        "scores that are no numbers",
        lambda p: pel.metrics.roc_curve([0, 1], [0.5, NAN]),
        "scores must be finite, got nan in row 1",
    ),
    (
        "a rate above 1",
        lambda p: pel.metrics.recall_at_precision([0, 1], [0.5, 0.2], 2),
        "precision must lie in [0, 1], got 2",
    ),
]
