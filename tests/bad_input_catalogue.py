"""Rows of docs/bad-input.md for layers, losses, optimizers, schedules and models.

`ARGUMENTS` has a row for every argument of every public constructor; test_bad_input.py checks that
none is missing. `MEETINGS` are arguments that are right alone and wrong for the data, the loss or
the network.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import pellucid as pel
from pellucid import models, nn, optim
from pellucid.train import history
from tests import (
    bad_input_distributed,
    bad_input_draw,
    bad_input_inspect,
    bad_input_keras,
    bad_input_linear,
    bad_input_methods,
    bad_input_nn,
    bad_input_numpy,
    bad_input_play,
    bad_input_svm,
    bad_input_web,
)


class Case(NamedTuple):
    """What is wrong, the call, and part of the message; None where it is accepted."""

    title: str
    call: Callable[[Path], Any]
    words: str | None


class Row(NamedTuple):
    """A constructor, arguments that it takes, and for each argument a wrong value and the words."""

    make: Callable[..., Any]
    right: dict[str, Any]
    wrong: dict[str, tuple[Any, str]]


NAN, INF = float("nan"), float("inf")
X = np.random.default_rng(1).normal(size=(24, 4)).astype(np.float32)
CLASSES = np.arange(24) % 3
SIGNS = np.where(X[:, 0] > 0, 1, -1)
ready = pel.Sequential([nn.Dense(1, input_shape=(4,))], seed=0)
ready.compile("sgd", "squared")
DTYPE = ("int32", "dtype must be float32 or float64")
SEED = (-1, "seed must be in [0,")
LINEAR = ("rleu", "unknown activation 'rleu'")
WEIGHTS = ("glorot", "unknown kernel_initializer 'glorot'")
BIAS = (3, "bias_initializer must be an initializer or its name")
FLAG = 1  # no bool
MEAN = {"average": (FLAG, "average must be True or False, got 1")}
SMOOTH = {"label_smoothing": (1.0, "label_smoothing must lie in [0, 1), got 1.0")} | MEAN
BY_CLASS = SMOOTH | {"class_weights": ((1, -1), "class_weights must lie in [0, inf), got -1")}
AFFINE = {
    "epsilon": (0, "epsilon must lie in (0, inf), got 0"),
    "center": (FLAG, "center must be True or False, got 1"),
    "scale": (None, "scale must be True or False, got None"),
}
CONVOLUTION: dict[str, tuple[Any, str]] = {
    "filters": (0, "filters must be at least 1, got 0"),
    "kernel_size": (2.0, "kernel_size must be a whole number, got 2.0"),
    "strides": (-1, "strides must be at least 1, got -1"),
    "padding": ("full", "unknown padding 'full'"),
    "dilation": ("2", "dilation must be a whole number, got '2'"),
    "groups": (3, "groups must divide the 4 filters, got 3"),
    "connections": (((0,), (1,), (0, 0), (1,)), "name an input map once a filter"),
    "pieces": (True, "pieces must be a whole number, got True"),
    "activation": LINEAR,
    "use_bias": ("no", "use_bias must be True or False, got 'no'"),
    "bias": ("filter", "unknown bias 'filter'"),
    "padding_value": (INF, "padding_value must lie in (-inf, inf), got inf"),
    "kernel_initializer": WEIGHTS,
    "bias_initializer": BIAS,
}
POOLING: dict[str, tuple[Any, str]] = {
    "pool_size": (0, "pool_size must be at least 1, got 0"),
    "strides": (0, "strides must be at least 1, got 0"),
    "padding": (-1, "padding must be at least 0, got -1"),
}
FILLED: dict[str, tuple[Any, str]] = {
    "fill_mode": ("mirror", "unknown fill_mode 'mirror'"),
    "fill_value": (NAN, "fill_value must lie in (-inf, inf), got nan"),
    "interpolation": ("cubic", "unknown interpolation 'cubic'"),
}
COUNTED = {"count_padding": (0, "count_padding must be True or False, got 0")}
RATE = {"initial": (-0.1, "initial must lie in [0, inf), got -0.1")}
x2, x4 = pel.Input((2,)), pel.Input((4,))
FILTERS = {"filters": 4, "kernel_size": 3}

LAYERS = [
    Row(nn.Conv1D, FILTERS, CONVOLUTION),
    Row(nn.Conv2D, FILTERS, CONVOLUTION),
    Row(nn.MaxPool1D, {}, POOLING),
    Row(nn.MaxPool2D, {}, POOLING),
    Row(nn.AveragePool1D, {}, POOLING | COUNTED),
    Row(nn.AveragePool2D, {}, POOLING | COUNTED),
    Row(nn.GlobalMaxPool, {}, {}),
    Row(nn.GlobalAveragePool, {}, {}),
    Row(
        nn.LocalResponseNorm,
        {},
        {
            "size": (2.5, "size must be a whole number, got 2.5"),
            "alpha": (-1e-4, "alpha must lie in [0, inf), got -0.0001"),
            "beta": (NAN, "beta must lie in [0, inf), got nan"),
            "k": (0, "k must lie in (0, inf), got 0"),
        },
    ),
    Row(nn.BatchNorm, {}, AFFINE | {"momentum": (1, "momentum must lie in [0, 1), got 1")}),
    Row(nn.LayerNorm, {}, AFFINE | {"axes": (0, "axes must be at least 1, got 0")}),
    Row(
        nn.Dense,
        {"units": 3},
        {
            "units": ((3,), "units must be a whole number, got (3,)"),
            "activation": LINEAR,
            "use_bias": (None, "use_bias must be True or False, got None"),
            "kernel_initializer": WEIGHTS,
            "bias_initializer": BIAS,
            "name": (3, "name must be letters, digits, _ and - after a letter, got 3"),
            "regularizer": (0.1, "regularizer must be one or a list of them, got 0.1"),
            "input_shape": (784, "input_shape must be a tuple such as (784,), got 784"),
        },
    ),
    Row(
        nn.Maxout,
        {"units": 3},
        {
            "units": (0, "units must be at least 1, got 0"),
            "pieces": (0, "pieces must be at least 1, got 0"),
            "kernel_initializer": WEIGHTS,
            "bias_initializer": BIAS,
        },
    ),
    Row(
        nn.LowRankDense,
        {"units": 3, "rank": 2},
        {
            "units": (2.0, "units must be a whole number, got 2.0"),
            "rank": (0, "rank must be at least 1, got 0"),
            "activation": LINEAR,
            "use_bias": (FLAG, "use_bias must be True or False, got 1"),
            "kernel_initializer": WEIGHTS,
        },
    ),
    Row(
        nn.Embedding,
        {"count": 5, "units": 3},
        {
            "count": (2**24 + 1, "count must be in [1, 16777216], got 16777217"),
            "units": (-3, "units must be at least 1, got -3"),
            "embeddings_initializer": (None, "embeddings_initializer must be an initializer"),
        },
    ),
    Row(nn.Standardize, {}, {"limit": (0, "limit must lie in [0.001, 1e+06], got 0")}),
    Row(nn.QuantileBins, {}, {"bins": (1, "bins must be in [2, 1024], got 1")}),
    Row(nn.MissingFlag, {}, {"columns": ((), "columns must be numbers of columns, got ()")}),
    Row(nn.Dates, {}, {}),
    Row(nn.TargetScale, {}, {}),
    Row(
        nn.Categories,
        {"levels": (2, 40)},
        {
            "levels": (40, "levels must be how many each column has, got 40"),
            "one_hot": (-1, "one_hot must be in [0, 4096], got -1"),
            "units": (0, "units must be at least 1, got 0"),
            "drop": (1.0, "drop must lie in [0, 1), got 1.0"),
            "embeddings_initializer": (None, "embeddings_initializer must be an initializer"),
        },
    ),
    Row(
        nn.Basis,
        {"function": abs},
        {
            "function": ("square", "function must be one, got 'square'"),
        },
    ),
    Row(nn.Polynomial, {"degree": 2}, {"degree": (0, "degree must be in [1, 1000], got 0")}),
    Row(
        nn.RBF,
        {"centers": [[0, 1]]},
        {
            "centers": (0.5, "centers must be (M, D) numbers, got 0.5"),
            "width": (0, "width must lie in [1e-100, 1e+100], got 0"),
        },
    ),
    Row(nn.Reshape, {"shape": (2, 2)}, {"shape": ((-1, -1), "-1 once at most, got (-1, -1)")}),
    Row(
        nn.Rescale,
        {},
        {
            "scale": ("1/255", "scale must be a number, got '1/255'"),
            "offset": (NAN, "offset must lie in (-inf, inf), got nan"),
        },
    ),
    Row(nn.Dropout, {"rate": 0.5}, {"rate": (1, "rate must lie in [0, 1), got 1")}),
    Row(nn.GaussianNoise, {"stddev": 0.1}, {"stddev": (-1, "stddev must lie in [0, inf), got -1")}),
    Row(
        nn.RandomShift,
        {"height": 0.1, "width": 0.1},
        FILLED
        | {
            "height": (2, "height is a fraction of the image's height"),
            "width": ((0.2, -0.2), "width is a fraction of the image's width"),
        },
    ),
    Row(
        nn.RandomRotation,
        {"factor": 0.1},
        FILLED
        | {
            "factor": (15, "factor is a fraction of a full turn"),
        },
    ),
    Row(
        nn.RandomZoom,
        {"height": 0.1},
        FILLED
        | {
            "height": (-1, "height is the change of the width of view"),
            "width": ((0.1,), "width must be a number or a pair (lowest, highest), got (0.1,)"),
        },
    ),
    Row(nn.RandomFlip, {}, {"mode": ("left", "unknown mode 'left'")}),
    Row(nn.Activation, {"function": "relu"}, {"function": ("leaky", "unknown activation 'leaky'")}),
    Row(nn.Flatten, {}, {}),
    Row(nn.Add, {}, {}),
    Row(nn.Multiply, {}, {}),
    Row(nn.Concat, {}, {"axis": (1.5, "axis must be a whole number, got 1.5")}),
    Row(nn.Zeros, {}, {}),
    Row(nn.Uniform, {}, {"limit": (-1, "limit must lie in [0, inf), got -1")}),
    Row(nn.Normal, {}, {"deviation": (INF, "deviation must lie in [0, inf), got inf")}),
    Row(nn.Xavier, {}, {"distribution": ("gauss", "unknown distribution 'gauss'")}),
    Row(nn.He, {}, {"distribution": (None, "unknown distribution None")}),
    Row(
        nn.L1,
        {"strength": 0.1},
        {
            "strength": (-0.1, "strength must lie in [0, inf), got -0.1"),
            "biases": (FLAG, "biases must be True or False, got 1"),
            "proximal": (None, "proximal must be True or False, got None"),
        },
    ),
    Row(
        nn.ElasticNet,
        {"strength": 0.1},
        {
            "strength": (NAN, "strength must lie in [0, inf), got nan"),
            "ratio": (1.5, "ratio must lie in [0, 1], got 1.5"),
            "biases": ("no", "biases must be True or False, got 'no'"),
            "proximal": (FLAG, "proximal must be True or False, got 1"),
        },
    ),
    Row(
        nn.MaxNorm,
        {"strength": 3.0},
        {
            "strength": (0, "strength must lie in (0, inf), got 0"),
            "biases": (FLAG, "biases must be True or False, got 1"),
        },
    ),
    Row(
        nn.L2,
        {"strength": 0.1},
        {
            "strength": (np.zeros(2), "strength must be a number, got array([0., 0.])"),
            "biases": ("all", "biases must be True or False, got 'all'"),
        },
    ),
]
LOSSES = [
    Row(nn.Squared, {}, MEAN),
    Row(nn.HalfSquared, {}, MEAN),
    Row(nn.Absolute, {}, MEAN),
    Row(nn.Huber, {}, MEAN | {"delta": (0, "delta must lie in (0, inf), got 0")}),
    Row(nn.Poisson, {}, MEAN),
    Row(nn.Gaussian, {}, {}),
    Row(nn.GaussianMixture, {}, {"components": (0, "components must be at least 1, got 0")}),
    Row(nn.CrossEntropy, {}, BY_CLASS),
    Row(nn.ProbabilityCrossEntropy, {}, BY_CLASS),
    Row(nn.BinaryCrossEntropy, {}, SMOOTH),
    Row(nn.ProbabilityBinaryCrossEntropy, {}, SMOOTH),
    Row(nn.Logistic, {}, MEAN),
    Row(nn.Hinge, {}, MEAN),
    Row(nn.Perceptron, {}, MEAN),
    Row(nn.Hebbian, {}, MEAN),
    Row(
        nn.MulticlassHinge,
        {},
        MEAN
        | {
            "label_smoothing": (0.1, "label_smoothing must be 0, got 0.1"),
            "class_weights": ((1, 2), "class_weights must be None, got (1, 2)"),
        },
    ),
    Row(
        nn.NegativeLogLikelihood,
        {"log_prob": max},
        {
            "log_prob": ("normal", "log_prob must be a function, got 'normal'"),
        },
    ),
]
OPTIMIZERS = [
    Row(
        optim.SGD,
        {},
        {
            "learning_rate": ("fast", "learning_rate must be a number, got 'fast'"),
            "lr": (-0.1, "learning_rate must lie in [0, inf), got -0.1"),
            "clip_value": (0, "clip_value must lie in (0, inf), got 0"),
            "clip_norm": (-1, "clip_norm must lie in (0, inf), got -1"),
            "clip_each_norm": (0, "clip_each_norm must lie in (0, inf), got 0"),
            "momentum": (1.0, "momentum must lie in [0, 1), got 1.0"),
            "nesterov": (True, "nesterov needs a momentum above 0, got 0"),
            "decoupled_decay": (-1, "decoupled_decay must lie in [0, inf), got -1"),
            "gather_steps": (0, "gather_steps must be at least 1, got 0"),
            "average": (1.0, "average must lie in [0, 1), got 1.0"),
            "average_every": (2, "average_every needs average, got 2 alone"),
            "rate_inside": ("yes", "rate_inside must be True or False, got 'yes'"),
        },
    ),
    Row(
        optim.Adagrad,
        {},
        {
            "initial_accumulator": (-1, "initial_accumulator must lie in [0, inf), got -1"),
            "epsilon": (0, "epsilon must lie in (0, inf), got 0"),
            "epsilon_inside": ("yes", "epsilon_inside must be True or False, got 'yes'"),
        },
    ),
    Row(
        optim.RMSprop,
        {},
        {
            "rho": (1, "rho must lie in [0, 1), got 1"),
            "momentum": (-0.9, "momentum must lie in [0, 1), got -0.9"),
            "epsilon": (None, "epsilon must be a number, got None"),
            "centered": ("yes", "centered must be True or False, got 'yes'"),
            "epsilon_inside": ("yes", "epsilon_inside must be True or False, got 'yes'"),
            "rate_inside": ("yes", "rate_inside must be True or False, got 'yes'"),
        },
    ),
    Row(
        optim.Adam,
        {},
        {
            "beta_1": (1, "beta_1 must lie in [0, 1), got 1"),
            "beta_2": ((0.9, 0.999), "beta_2 must be a number, got (0.9, 0.999)"),
            "epsilon": (-1e-8, "epsilon must lie in (0, inf), got -1e-08"),
            "amsgrad": ("yes", "amsgrad must be True or False, got 'yes'"),
            "epsilon_uncorrected": ("yes", "epsilon_uncorrected must be True or False, got 'yes'"),
        },
    ),
    Row(
        optim.AdamW,
        {},
        {
            "beta_1": (-0.1, "[AdamW] beta_1 must lie in [0, 1), got -0.1"),
            "beta_2": (NAN, "beta_2 must lie in [0, 1), got nan"),
            "epsilon": (0, "epsilon must lie in (0, inf), got 0"),
            "weight_decay": (-0.01, "weight_decay must lie in [0, inf), got -0.01"),
            "amsgrad": ("yes", "amsgrad must be True or False, got 'yes'"),
            "epsilon_uncorrected": ("yes", "epsilon_uncorrected must be True or False, got 'yes'"),
        },
    ),
    Row(optim.LBFGS, {}, {"memory": (0, "memory must be in [1, 1000], got 0")}),
    Row(optim.Newton, {}, {"max_weights": (0.5, "max_weights must be a whole number, got 0.5")}),
    Row(optim.Perturb, {}, {"coordinates": (0, "coordinates must be at least 1, got 0")}),
    Row(
        optim.GrowingBatch,
        {"first": 8},
        {
            "first": (0, "first must be at least 1, got 0"),
            "factor": (0.5, "factor must lie in [1, inf), got 0.5"),
            "every": (0, "every must be at least 1, got 0"),
            "highest": (4, "highest must be at least 8, got 4"),
        },
    ),
    Row(optim.FixedBatch, {"rows": 8}, {"rows": (0, "rows must be at least 1, got 0")}),
    Row(optim.Constant, {"value": 0.1}, {"value": (NAN, "value must lie in [0, inf), got nan")}),
    Row(
        optim.Step,
        {"initial": 0.1},
        RATE
        | {
            "factor": (0, "factor must lie in (0, 1], got 0"),
            "every": (0, "every must be at least 1, got 0"),
        },
    ),
    Row(
        optim.Exponential,
        {"initial": 0.1},
        RATE
        | {
            "factor": (0, "factor must lie in (0, inf), got 0"),
            "every": (0.5, "every must be a whole number, got 0.5"),
        },
    ),
    Row(
        optim.Cosine,
        {"initial": 0.1, "steps": 10},
        RATE
        | {
            "steps": (0, "steps must be at least 1, got 0"),
            "final": (-1, "final must lie in [0, inf), got -1"),
        },
    ),
    Row(
        optim.OneCycle,
        {"highest": 0.1, "steps": 10},
        {
            "highest": ("max", "highest must be a number, got 'max'"),
            "steps": (1, "steps must be at least 2, got 1"),
            "rising": (1, "rising must lie in (0, 1), got 1"),
        },
    ),
    Row(
        optim.WarmUp,
        {"after": 0.1, "steps": 10},
        {
            "after": (None, "after must be a number, got None"),
            "steps": (10**30, "steps must be below 2⁶³"),
        },
    ),
    Row(
        optim.Piecewise,
        {"borders": (5,), "rates": (0.1, 0.01)},
        {
            "borders": (5, "borders must be a tuple of numbers, got 5"),
            "rates": ((0.1,), "rates must be one more than borders, got 1 and 1"),
        },
    ),
]
MODELS = [
    Row(
        pel.Input,
        {"shape": (4,)},
        {
            "shape": (4, "shape must be a tuple such as (784,), got 4"),
            "name": ("a b", "name must be letters, digits, _ and - after a letter, got 'a b'"),
        },
    ),
    Row(
        pel.Model,
        {"inputs": x2, "outputs": nn.Dense(1)(x2)},
        {
            "inputs": ((x2, x2), "inputs must differ, got one of them twice"),
            "outputs": (x2, "outputs must come from a layer, got an Input"),
            "seed": SEED,
            "dtype": ("float16", "[Model] dtype must be float32 or float64, got 'float16'"),
            "terms": (3, "terms must be what layers returned, got 3"),
        },
    ),
    Row(
        pel.Sequential,
        {},
        {
            "layers": (3, "layers must be a list of layers, got 3"),
            "seed": (0.5, "seed must be a whole number, got 0.5"),
            "dtype": (None, "dtype must be float32 or float64, got None"),
        },
    ),
    Row(models.lecun1989, {}, {"seed": SEED, "dtype": DTYPE}),
    Row(models.lenet5, {}, {"seed": SEED, "dtype": DTYPE}),
    Row(
        models.alexnet,
        {},
        {
            "classes": (0, "classes must be at least 1, got 0"),
            "seed": SEED,
            "dtype": DTYPE,
            "thinner": (17, "thinner must be in [1, 16], got 17"),
        },
    ),
    Row(
        pel.EarlyStopping,
        {},
        {
            "monitor": (None, "monitor must be a name, got None"),
            "patience": (-1, "patience must be at least 0, got -1"),
            "min_delta": (-0.1, "min_delta must lie in [0, inf), got -0.1"),
            "mode": ("auto", "unknown mode 'auto'"),
            "restore_best": (FLAG, "restore_best must be True or False, got 1"),
        },
    ),
    Row(
        pel.ReduceOnPlateau,
        {},
        {
            "monitor": (3, "monitor must be a name, got 3"),
            "factor": (1, "factor must lie in (0, 1), got 1"),
            "cooldown": (-1, "cooldown must be at least 0, got -1"),
            "patience": (0, "patience must be at least 1, got 0"),
            "min_delta": (-1, "min_delta must lie in [0, inf), got -1"),
            "mode": ("auto", "unknown mode 'auto'"),
            "lowest": (2, "lowest must lie in [0, 1], got 2"),
        },
    ),
    Row(
        pel.StopBelow,
        {"monitor": "loss", "limit": 0.1},
        {
            "monitor": (None, "[StopBelow] monitor must be a name, got None"),
            "limit": ("low", "limit must be a number, got 'low'"),
        },
    ),
    Row(
        pel.SwapAverages,
        {},
        {"for_hooks": (FLAG, "for_hooks must be True or False, got 1")},
    ),
    Row(
        pel.CSVLog,
        {"path": Path("log.csv")},
        {
            "path": (3, "the path must be text or a Path, got 3"),
            "separator": (", ", "separator must be one character, got ', '"),
            "append": (FLAG, "append must be True or False, got 1"),
            "overwrite": ("yes", "overwrite must be True or False, got 'yes'"),
        },
    ),
    Row(
        pel.TensorBoardLog,
        {"folder": Path("logs")},
        {
            "folder": (None, "the path must be text or a Path, got None"),
            "every": (0, "every must be at least 1, got 0"),
        },
    ),
    Row(
        pel.Metric,
        {"name": "late", "function": lambda t, y: (y < t)[:, 0]},
        {
            "name": ("", "[Metric] name must be printable text, got ''"),
            "function": ("accuracy", "Metrics with a name of their own are given as text"),
            "finish": (3, "finish must be a function of sums, got 3"),
            "weighted": (3, "weighted must be True or False, got 3"),
        },
    ),
    Row(
        pel.rate_range,
        {"model": ready, "x": X, "y": X[:, 0]},
        {
            "model": (pel.Sequential([nn.Dense(1)]), "model must be compiled"),
            "x": (3, "x must have rows, got a single number"),
            "y": (X[:3, 0], "x and y must have as many rows, got 24 and 3"),
            "lowest": (0, "lowest must lie in (0, inf), got 0"),
            "highest": (1e-9, "highest must lie in (1e-06, inf), got 1e-09"),
            "steps": (3, "steps must be in [10, 1000000], got 3"),
            "batch_size": (0, "batch_size must be at least 1, got 0"),
            "seed": (-1, "seed must be in [0,"),
            "backend": ("gpu", "Pass backend='xla', device='gpu'"),
            "device": ("gpu", "device='gpu' belongs to backend='xla', got backend=None"),
            "precision": ("half", "unknown precision 'half'"),
        },
    ),
    Row(
        pel.fit_many,
        {"models": [ready], "x": X, "y": X[:, 0]},
        {
            "models": (ready, "models must be a list of models, got"),
            "x": (X[0, 0], "x must have rows, got a single number"),
            "y": (X[:3, 0], "x and y must have as many rows, got 24 and 3"),
            "cluster": ("slurm", "cluster must be 'ray', 'ray://host:10001', 'dask'"),
            "batch_size": (0, "batch_size must be at least 1, got 0"),
            "epochs": (-1, "epochs must be in [0,"),
            "sample_weight": (
                [1.0],
                "[fit_many] sample_weight must be one weight a row (24,), got (1,)",
            ),
            "class_weight": ({0: -1.0}, "[fit_many]"),
            "validation_data": ((3,), "validation_data must be (x, y) or (x, y, weights)"),
            "validation_split": (1.5, "validation_split must lie in (0, 1), got 1.5"),
            "validation_freq": (0, "validation_freq must be at least 1, got 0"),
            "steps_per_epoch": (0, "steps_per_epoch must be at least 1, got 0"),
            "shuffle": (FLAG, "shuffle must be True or False, got 1"),
            "seed": ([1, 2], "seed must hold one for each of 1 models, got 2"),
            "callbacks": ([pel.Callback], "[fit_many]"),
            "backend": ("gpu", "Pass backend='xla', device='gpu'"),
            "threads": (0, "threads must be in [1, 1024], got 0"),
            "history_points": (-1, "[fit_many] 1 of 1 runs failed, the first is models[0]"),
        },
    ),
    Row(
        pel.curvature,
        {"function": lambda w: np.sum(w * w), "args": (np.ones(2),)},
        {
            "function": (3, "expected a function, got int"),
            "args": (np.ones(2), "args must be a tuple, got ndarray"),
            "tolerance": (0, "tolerance must lie in (0, inf), got 0"),
            "products": (0, "products must be at least 1, got 0"),
            "random_seed": (None, "seed must be a whole number, got None"),
            "backend": ("gpu", "Pass backend='xla', device='gpu'"),
            "device": ("gpu", "device='gpu' belongs to backend='xla', got backend=None"),
            "precision": ("half", "unknown precision 'half'"),
        },
    ),
]
LAYERS += [Row(*row) for row in bad_input_nn.LAYERS]
LOSSES += [Row(*row) for row in bad_input_nn.LOSSES]
OPTIMIZERS += [Row(*row) for row in bad_input_nn.OPTIMIZERS]
MACHINES = [Row(*row) for row in [*bad_input_svm.ARGUMENTS, *bad_input_linear.ARGUMENTS]]
LESSONS = [Row(*row) for row in bad_input_web.ARGUMENTS]
ARGUMENTS = [*LAYERS, *LOSSES, *OPTIMIZERS, *MODELS, *MACHINES, *LESSONS]


def fresh(layer: Any) -> Any:
    """A layer without weights: one that several cases share has those of the first."""
    return dataclasses.replace(layer) if isinstance(layer, nn.Layer) else layer


def trained(
    *layers: Any,
    x: Any = X,
    y: Any = X[:, 0],
    loss: Any = "squared",
    optimizer: Any = "sgd",
    metrics: Any = (),
    **how: Any,
) -> Any:
    made = pel.Sequential(map(fresh, layers), seed=0)
    made.compile(optimizer, loss, metrics)
    made.fit(x, y, **{"seed": 0, "verbose": 0, **how})
    assert all(np.isfinite(w).all() for w in made.get_weights())


def built(shape: tuple[int, ...], *layers: Any) -> Any:
    pel.Sequential(layers, seed=0).build(shape)


def mixed(*axis: int) -> Any:
    return pel.Model(x4, nn.Concat(*axis)([x4, nn.Dense(2)(x4)]))


def by_hand(without: str = "", train: Any = False, key: Any = None, **weights: Any) -> Any:
    """A Dense layer applied to X with some other weights."""
    layer = nn.Dense(1)
    own = {"W": np.ones((4, 1), np.float32), "b": np.ones(1, np.float32)} | weights
    own.pop(without, None)
    return layer.apply(own, {}, X, train=train, key=key)


def circle() -> dict[str, Any]:
    """A dict that holds itself."""
    one: dict[str, Any] = {}
    one["inside"] = one
    return one


class Falling(optim.Schedule):
    """A person's own schedule, that goes below 0 after 3 steps."""

    def rate(self, step: int) -> float:
        return 0.1 - 0.04 * step


class Undefined(optim.Schedule):
    def rate(self, step: int) -> float:
        return NAN


HEAD = nn.Dense(1)
MEETINGS = [
    Case("units given as a NumPy integer", lambda p: trained(nn.Dense(np.int64(3)), HEAD), None),
    Case(
        "a learning rate given as a NumPy number",
        lambda p: trained(HEAD, optimizer=optim.SGD(np.float32(0.1))),
        None,
    ),
    Case("a name with a space", lambda p: nn.Dense(3, name="my layer"), "got 'my layer'"),
    Case(
        "an input_shape with a size of 0",
        lambda p: nn.Dense(3, input_shape=(None, 4)),
        "input_shape must hold sizes ≥ 1",
    ),
    Case(
        "weights too large for any memory",
        lambda p: built((2**40,), nn.Dense(2**20)),
        "weights must fit the memory",
    ),
    Case(
        "an argument of another optimizer",
        lambda p: optim.SGD(beta_1=0.9),
        "unknown argument 'beta_1'",
    ),
    Case("learning_rate and lr", lambda p: optim.Adam(0.1, lr=0.1), "give learning_rate or lr"),
    Case(
        "an argument of another library",
        lambda p: pel.EarlyStopping(restore_best_weights=True),
        "Here it is called restore_best, and is True by default.",
    ),
    Case(
        "Keras's min_lr",
        lambda p: pel.ReduceOnPlateau(min_lr=1e-4),
        "Here the lower bound is a part of the rate: lowest=min_lr / learning_rate.",
    ),
    # Optimizers and schedules.
    Case(
        "an optimizer that takes no step",
        lambda p: pel.Sequential([nn.Dense(1)]).compile(optim.Optimizer(0.1), "squared"),
        "expected an optimizer that defines step(gradients, slots, weights, step, rate)",
    ),
    Case(
        "integer weights",
        lambda p: optim.Adam().init({"w": np.arange(3)}),
        "params.w must hold floats, got i64[3]",
    ),
    Case(
        "a gradient of another nesting",
        lambda p: optim.SGD().update([X], optim.SGD().init({"w": X}), {"w": X}),
        "gradients must be nested like params, {'w': *}, got [*]",
    ),
    Case(
        "a count of steps below 0",
        lambda p: optim.Adam().update(X, {**optim.Adam().init(X), "step": np.array(-1)}, X),
        "slots['step'] must count from 0, got -1",
    ),
    Case(
        "slots of a model that are none",
        lambda p: setattr(compiled_model("adam"), "slots", "x"),
        "slots must be m, v, got 'x'",
    ),
    Case(
        "a history of a model that is none",
        lambda p: setattr(trained_model(), "history", []),
        "the history of a model is a record of its run, a History, got []",
    ),
    Case(
        "a name of more than 64 letters",
        lambda p: nn.Dense(3, name="n" * 65),
        "name must have at most 64 letters, got 65",
    ),
    Case(
        "a batch norm behind probabilities",
        lambda p: trained(
            nn.Dense(3, activation="softmax"),
            nn.BatchNorm(),
            y=CLASSES,
            loss="probability_cross_entropy",
        ),
        "probability_cross_entropy needs probabilities, got what batch_norm_1 makes",
    ),
    Case(
        "noise behind a softmax",
        lambda p: trained(
            nn.Dense(3, activation="softmax"),
            nn.GaussianNoise(0.1),
            y=CLASSES,
            loss="cross_entropy",
        ),
        "softmax must come last before cross_entropy, got gaussian_noise_1 behind it",
    ),
    Case(
        "apply on whole numbers that float32 cannot hold",
        lambda p: trained_model().apply(
            trained_model().params, {"dense_1": {}}, np.full((2, 4), 2**24 + 1)
        ),
        "[apply] x must hold whole numbers that float32 can hold, got 16777217",
    ),
    Case(
        "weights that float32 cannot hold",
        lambda p: trained_model().set_weights([np.full((4, 1), 2**24 + 1), np.zeros(1)]),
        "[set_weights] a weight must hold whole numbers that float32 can hold, got 16777217",
    ),
    Case(
        "slots of another optimizer",
        lambda p: optim.Adam().update(X, optim.SGD().init(X), X),
        "slots must hold step, m, v, got step",
    ),
    Case(
        "init of an optimizer that searches",
        lambda p: optim.LBFGS().init({"w": X}),
        "Train with fit, or use another one, such as Adam().",
    ),
    Case(
        "a schedule without a rate",
        lambda p: optim.SGD(optim.Schedule()).rate(0),
        "rate(step) must be defined",
    ),
    Case("a step below 0", lambda p: optim.Step(0.1).rate(-1), "step must be at least 0, got -1"),
    Case(
        "a batch size without rows",
        lambda p: trained(HEAD, batch_size=optim.BatchSize()),
        "size(epoch) must be defined",
    ),
    Case(
        "a rate that float32 cannot hold",
        lambda p: trained(HEAD, optimizer=optim.SGD(1e39)),
        "the learning rate must fit float32, got 1e+39 at step 1",
    ),
    # Layers, losses, callbacks and histories that are called by hand.
    Case(
        "a layer applied to weights of another shape",
        lambda p: by_hand(W=np.float32(3)),
        "params.W must be (4, 1), got ()",
    ),
    Case("a layer applied without a weight", lambda p: by_hand(without="b"), "must hold b, got"),
    Case(
        "a layer applied to a weight too many",
        lambda p: by_hand(without="W", w=X),
        "params holds no 'w'",
    ),
    Case("a layer applied without a key", lambda p: by_hand(key=3), "key must be one, got 3"),
    Case(
        "a layer applied with train=1",
        lambda p: by_hand(train=1),
        "train must be True or False, got 1",
    ),
    Case(
        "a layer's init with an array",
        lambda p: nn.Dense(1).init(pel.Key(0, 0), 4),
        "x must be the TensorType of an input, got 4",
    ),
    Case(
        "a loss of targets that would broadcast",
        lambda p: nn.Squared().per_row(X[:, :1], X),
        "target must be (24, 4) for an output of (24, 4), got (24, 1)",
    ),
    Case(
        "a loss of other rows than the outputs",
        lambda p: nn.CrossEntropy().per_row(CLASSES[:3], X),
        "target and output must have as many rows, (N, H) each, got (3,) and (24, 4)",
    ),
    Case(
        "a loss whose output is no type",
        lambda p: nn.Squared().targets(X, 4),
        "output must be the TensorType of an output, got 4",
    ),
    Case(
        "a callback's hook without a run",
        lambda p: pel.EarlyStopping().on_start(None),
        "run must be the run of a fit, got None",
    ),
    Case(
        "a history's row of text",
        lambda p: history.History().add_epoch({"loss": "low"}),
        "loss must be a number, got 'low'",
    ),
    Case(
        "a history's columns of two lengths",
        lambda p: history.History().add_steps({"step": [1], "loss": [0.1, 0.2]}),
        "columns must have one length, got [1, 2]",
    ),
    # Numbers that no memory and no time suffices for.
    Case(
        "more epochs than a life has",
        lambda p: trained(HEAD, epochs=2**62),
        "epochs must be in [0, 1000000000000]",
    ),
    Case(
        "a range test of too many steps",
        lambda p: pel.rate_range(ready, X, X[:, 0], steps=2**62),
        "steps must be in [10, 1000000]",
    ),
    Case(
        "a split of too many rows",
        lambda p: pel.data.split(2**62, 0.1, 0),
        "n must be in [2, 4294967295]",
    ),
    Case(
        "a confusion matrix of too many classes",
        lambda p: pel.metrics.confusion_matrix([0, 1], [0, 1], 2**62),
        "classes must be in [1, 50000]",
    ),
    # What the package hands out, made by hand.
    Case(
        "a Dataset with other labels than images",
        lambda p: pel.data.Dataset("mine", X, CLASSES[:3], X, CLASSES, 3, "here"),
        "x_train must be (N, …) and y_train (N,), got (24, 4) and (3,)",
    ),
    Case(
        "a RateRange of curves of two lengths",
        lambda p: models.RateRange([0.1], [1.0, 2.0], [1.0], None),
        "all curves must have one length, got 1, 2 and 1",
    ),
    # Flags.
    Case(
        "overwrite that is an array",
        lambda p: ready.save(p / "m", overwrite=X),
        "overwrite must be True or False, got array",
    ),
    Case(
        "verbose that is an array",
        lambda p: trained(HEAD, verbose=X),
        "verbose must be 0, 1 or 2, got array",
    ),
    Case(
        "a function of no line for summary",
        lambda p: ready.summary(lambda: None),
        "print_fn must take print_fn(line), got one that takes nothing",
    ),
    Case(
        "weights that hold themselves",
        lambda p: setattr(ready, "params", circle()),
        "containers must end somewhere",
    ),
    # Layers and their inputs.
    Case(
        "Conv1D on images",
        lambda p: built((8, 8, 1), nn.Conv1D(3, 2)),
        "x must be (N, length, channels), got (N, 8, 8, 1)",
    ),
    Case("Conv1D without channels", lambda p: built((8,), nn.Conv1D(3, 2)), "Reshape((8, 1))"),
    Case(
        "a signal shorter than its pooling window",
        lambda p: built((4, 2), nn.MaxPool1D(9)),
        "x must hold a window of (9,)",
    ),
    Case(
        "an average over only padding",
        lambda p: built((2, 2, 1), nn.AveragePool2D(1, 1, 2, count_padding=False)),
        "each window must see an element of x",
    ),
    Case(
        "a global mean of vectors",
        lambda p: built((4,), nn.GlobalAveragePool()),
        "Put it before Flatten()",
    ),
    Case(
        "normalization of rows without features",
        lambda p: built((), nn.BatchNorm()),
        "x must be (N, …, D), got (N,)",
    ),
    Case(
        "a normalization shared by inputs of two widths",
        lambda p: shared(nn.BatchNorm()),
        "x must be (N, …, 4), got (N, 2)",
    ),
    Case(
        "a maxout shared by inputs of two widths",
        lambda p: shared(nn.Maxout(3)),
        "x must be (N, 4)",
    ),
    Case(
        "a low-rank layer shared by inputs of two widths",
        lambda p: shared(nn.LowRankDense(3, 2)),
        "x must be (N, 4)",
    ),
    Case(
        "a dense layer shared by inputs of two widths",
        lambda p: shared(nn.Dense(3)),
        "x must be (N, 4)",
    ),
    Case("maxout of images", lambda p: built((4, 4), nn.Maxout(3)), "Add Flatten() before it"),
    Case(
        "a rank above that of the matrix",
        lambda p: built((2,), nn.LowRankDense(5, 3)),
        "rank must be at most 2 for 2 inputs and 5 units, got 3",
    ),
    Case(
        "a category beyond the table",
        lambda p: trained(nn.Embedding(5, 2), nn.Flatten(), HEAD, x=np.full((24, 2), 5)),
        "indices must lie in [0, 5), got 5",
    ),
    Case(
        "a negative category",
        lambda p: trained(nn.Embedding(5, 2), nn.Flatten(), HEAD, x=np.full((24, 2), -1)),
        "indices must lie in [0, 5), got -1",
    ),
    Case("centers of unequal length", lambda p: nn.RBF([[1, 2], [3]]), "centers must be (M, D)"),
    Case("no centers", lambda p: nn.RBF([]), "centers must be (M, D)"),
    Case("centers without coordinates", lambda p: nn.RBF([[]]), "centers must be (M, D)"),
    Case("a center that is NaN", lambda p: nn.RBF([[0.0, NAN]]), "centers must lie in"),
    Case(
        "centers whose width differs from the data's",
        lambda p: built((3,), nn.RBF([[0, 1]])),
        "x must be (N, 2) like the centers, got (N, 3)",
    ),
    Case("powers of images", lambda p: built((4, 4), nn.Polynomial(2)), "x must be (N, D)"),
    Case(
        "a basis that returns nothing",
        lambda p: built((4,), nn.Basis(lambda x: None)),
        "function must return a Tensor, got None",
    ),
    Case(
        "a basis that sums over the rows",
        lambda p: built((4,), nn.Basis(lambda x: x.sum(axis=0))),
        "function must keep the rows",
    ),
    Case(
        "an activation that returns nothing",
        lambda p: built((4,), nn.Dense(3, activation=lambda x: None)),
        "must return a Tensor, got None",
    ),
    Case(
        "an activation that sums over the rows",
        lambda p: built((4,), nn.Dense(3, activation=lambda x: x.sum())),
        "must keep the rows (N,)",
    ),
    Case(
        "a layer's class as activation", lambda p: nn.Dense(3, nn.Activation), "unknown activation"
    ),
    Case("a layer as activation", lambda p: nn.Dense(3, nn.Dense(3)), "unknown activation"),
    Case("a shape with a size of 0", lambda p: nn.Reshape((0, 3)), "sizes ≥ 1"),
    Case("a shape that is a number", lambda p: nn.Reshape(16), "shape must be a tuple"),
    Case(
        "a shape with another number of elements",
        lambda p: built((4,), nn.Reshape((5,))),
        "x must have 5 elements a sample",
    ),
    Case(
        "a shape whose -1 is not a whole number",
        lambda p: built((4,), nn.Reshape((3, -1))),
        "a multiple of 3",
    ),
    # Networks that are graphs.
    Case(
        "Add in a Sequential",
        lambda p: pel.Sequential([nn.Dense(4), nn.Add()]),
        "layers in a row have one input, got add",
    ),
    Case("Multiply with one input", lambda p: nn.Multiply()(x4), "a list of two inputs or more"),
    Case("Add with a list of one", lambda p: nn.Add()([x4]), "a list of two inputs or more, got 1"),
    Case("a dense layer with two inputs", lambda p: nn.Dense(3)([x4, x4]), "it takes one input"),
    Case(
        "a sum of unequal widths",
        lambda p: pel.Model(x4, nn.Add()([x4, nn.Dense(2)(x4)])),
        "inputs must have one shape, got (N, 4), (N, 2)",
    ),
    Case(
        "a product of unequal widths",
        lambda p: pel.Model(x4, nn.Multiply()([x4, nn.Dense(2)(x4)])),
        "inputs must have one shape, got (N, 4), (N, 2)",
    ),
    Case("branches joined along the rows", lambda p: mixed(0), "that of the rows, got 0"),
    Case("the rows counted from behind", lambda p: mixed(-2), "that of the rows, got -2"),
    Case("branches joined along no axis", lambda p: mixed(2), "axis must lie in [-2, 2)"),
    Case(
        "a layer called on numbers",
        lambda p: nn.Dense(3)(X),
        "once it stands in a model that is built",
    ),
    Case("an Input of no size", lambda p: pel.Input((0,)), "shape must be at least 1, got 0"),
    Case(
        "an output that does not depend on the input",
        lambda p: pel.Model(x4, nn.Dense(1)(x2)),
        "all inputs must be given, got another Input((2,))",
    ),
    Case(
        "a branch from another Input",
        lambda p: pel.Model(x4, nn.Concat()([nn.Dense(2)(x2), x4])),
        "got another Input((2,))",
    ),
    Case(
        "a path from the output to the input",
        lambda p: backwards(),
        "inputs must be an Input, got the output of",
    ),
    Case("a layer that reads its own output", lambda p: recurrent(), None),
    Case(
        "an input that no output depends on",
        lambda p: pel.Model([x4, x2], nn.Dense(1)(x4)),
        "every input must lead to an output, got Input((2,))",
    ),
    Case(
        "one array for two inputs",
        lambda p: two_inputs().fit(X, X[:, 0], verbose=0),
        "x must be a list of 2, one per input, got an object of type ndarray",
    ),
    Case(
        "inputs of unequal rows",
        lambda p: two_inputs().fit([X, X[:9, :2]], X[:, 0], verbose=0),
        "all inputs must have as many rows, got 24, 9",
    ),
    Case(
        "one y for two outputs",
        lambda p: two_outputs().fit(X, X[:, 0], verbose=0),
        "y must be a list of 2, one per output, got an object of type ndarray",
    ),
    Case(
        "metrics of two outputs that do not say of which",
        lambda p: two_outputs().compile(loss="squared", metrics=["r2"]),
        "metrics of 2 outputs must say of which",
    ),
    Case(
        "an output that is called as validation is",
        lambda p: pel.Model(x4, {"val": nn.Dense(1)(x4), "b": nn.Dense(1)(x4)}),
        "must not begin as those of validation do",
    ),
    Case(
        "a layer in two models of other widths",
        lambda p: shared_widths(),
        "must have weights f32[3,1], f32[1] here, got f32[4,1], f32[1] from another model",
    ),
    Case(
        "an attribute that Keras has",
        lambda p: setattr(trained_model(), "stop_training", True),
        "Set run.stop = True",
    ),
    Case(
        "weights of another nesting",
        lambda p: setattr(trained_model(), "params", {"W": np.ones((4, 1))}),
        "params holds no 'W'",
    ),
    Case(
        "a layer as output",
        lambda p: pel.Model(x4, nn.Dense(1)),
        "outputs must be an Input or what a layer returned",
    ),
    Case(
        "add() on a Model",
        lambda p: pel.Model(x4, nn.Dense(1)(x4)).add(nn.Dense(1)),
        "layers of a Model are fixed",
    ),
    Case(
        "a name twice in a Model",
        lambda p: pel.Model(x4, nn.Dense(1, name="a")(nn.Dense(2, name="a")(x4))),
        "layer names must differ, got 'a' twice",
    ),
    Case(
        "one layer in Sequential without a list",
        lambda p: pel.Sequential(nn.Dense(1)),
        "Write Sequential([layer])",
    ),
    Case("a class as layer", lambda p: pel.Sequential([nn.Flatten]), "expected a layer"),
    Case(
        "images for LeNet-5 without channels",
        lambda p: models.lenet5(seed=0).predict(np.ones((2, 28, 28))),
        "x must be (N, 28, 28, 1), got (2, 28, 28)",
    ),
    Case(
        "images for AlexNet with channels first",
        lambda p: models.alexnet(classes=2, seed=0, thinner=16).predict(np.ones((1, 3, 227, 227))),
        "np.moveaxis(x, 1, -1)",
    ),
    Case(
        "color images for the network of 1989",
        lambda p: models.lecun1989(seed=0).predict(np.ones((2, 16, 16, 3))),
        "x must be (N, 16, 16, 1), got (2, 16, 16, 3)",
    ),
    Case(
        "classes= for a model with a fixed number of classes",
        lambda p: models.lenet5(classes=3),
        "unknown argument 'classes'",
    ),
    # Losses, their labels and outputs.
    Case(
        "negative counts",
        lambda p: trained(HEAD, y=X[:, 0] - 9, loss="poisson"),
        "counts must be ≥ 0",
    ),
    Case(
        "labels 0 and 1 for the logistic loss",
        lambda p: trained(HEAD, y=CLASSES % 2, loss="logistic"),
        "pass 2*y - 1",
    ),
    Case(
        "three labels for hinge",
        lambda p: trained(HEAD, y=CLASSES - 1, loss="hinge"),
        "labels must be -1 or 1, got 0",
    ),
    Case(
        "a sigmoid before hinge",
        lambda p: trained(nn.Dense(1, "sigmoid"), y=SIGNS, loss="hinge"),
        "hinge needs a linear output, got a final sigmoid",
    ),
    Case(
        "a sigmoid before the logistic loss",
        lambda p: trained(nn.Dense(1, "sigmoid"), y=SIGNS, loss="logistic"),
        "logistic needs a linear output, got a final sigmoid",
    ),
    Case(
        "a softmax before multiclass hinge",
        lambda p: trained(nn.Dense(3, "softmax"), y=CLASSES, loss="multiclass_hinge"),
        "multiclass_hinge needs a linear output, got a final softmax",
    ),
    Case(
        "a sigmoid before multiclass hinge",
        lambda p: trained(nn.Dense(3, "sigmoid"), y=CLASSES, loss="multiclass_hinge"),
        "multiclass_hinge needs a linear output, got a final sigmoid",
    ),
    Case(
        "a softplus before hinge",
        lambda p: trained(nn.Dense(1, "softplus"), y=SIGNS, loss="hinge"),
        "the side -1 could not be chosen",
    ),
    Case(
        "a softplus before binary cross-entropy",
        lambda p: trained(nn.Dense(1, "softplus"), y=SIGNS > 0, loss="binary_cross_entropy"),
        "which is never negative",
    ),
    Case(
        "a softplus before the Poisson loss",
        lambda p: trained(nn.Dense(1, "softplus"), y=CLASSES, loss="poisson"),
        "the rate is np.exp(model.predict(x))",
    ),
    Case(
        "a ReLU before a density",
        lambda p: trained(nn.Dense(2, "relu"), loss="gaussian"),
        "gaussian needs a linear output, got a final relu",
    ),
    Case(
        "sigmoids where a distribution over classes is wanted",
        lambda p: trained(nn.Dense(3, "sigmoid"), y=CLASSES, loss="probability_cross_entropy"),
        "probability_cross_entropy needs probabilities, got a final sigmoid",
    ),
    Case(
        "classes that count from 1",
        lambda p: trained(nn.Dense(3), y=CLASSES + 1, loss="cross_entropy"),
        "Classes count from 0: pass y - 1.",
    ),
    Case(
        "classes with gaps between them",
        lambda p: trained(nn.Dense(3), y=10 * CLASSES, loss="cross_entropy"),
        "np.unique(y, return_inverse=True)",
    ),
    Case(
        "labels 1 and 2 for binary cross-entropy",
        lambda p: trained(HEAD, y=CLASSES % 2 + 1, loss="binary_cross_entropy"),
        "Labels are 1 and 2: pass y - 1.",
    ),
    Case(
        "labels 1 and 2 for hinge",
        lambda p: trained(HEAD, y=CLASSES % 2 + 1, loss="hinge"),
        "Labels are 1 and 2: pass 2*y - 3.",
    ),
    Case(
        "a class where a loss is wanted",
        lambda p: pel.Sequential([HEAD]).compile("sgd", nn.Squared),
        "Write Squared(…), with brackets.",
    ),
    Case(
        "a class that is no loss",
        lambda p: pel.Sequential([HEAD]).compile("sgd", dict),
        "loss must be a name or a function, got the class dict",
    ),
    Case(
        "Keras's name of an averaging loss",
        lambda p: trained(HEAD, loss="binary_crossentropy"),
        "with H outputs it is H times as large",
    ),
    Case(
        "one score for multiclass hinge",
        lambda p: trained(HEAD, y=CLASSES % 2, loss="multiclass_hinge"),
        "the model must return a logit for each class",
    ),
    Case(
        "a class beyond the scores",
        lambda p: trained(nn.Dense(3), y=CLASSES + 1, loss="multiclass_hinge"),
        "labels must lie in [0, 2], got 3",
    ),
    Case(
        "probabilities as labels of a hinge loss",
        lambda p: trained(nn.Dense(2), y=np.full((24, 2), 0.5), loss="multiclass_hinge"),
        "rows of y must hold a 1 and zeros, got [0.5, 0.5] in row 0",
    ),
    Case(
        "scores where probabilities are expected",
        lambda p: trained(nn.Dense(3), y=CLASSES, loss="probability_cross_entropy"),
        "probability_cross_entropy needs probabilities, got a linear output",
    ),
    Case(
        "a score where a probability is expected",
        lambda p: trained(HEAD, y=CLASSES % 2, loss="probability_binary_cross_entropy"),
        "probability_binary_cross_entropy needs probabilities, got a linear output",
    ),
    Case(
        "an odd number of means and variances",
        lambda p: trained(nn.Dense(3), loss="gaussian"),
        "the model must return (N, 2T)",
    ),
    Case(
        "too few means and variances",
        lambda p: trained(nn.Dense(2), y=X[:, :2], loss="gaussian"),
        "two units for each column of y",
    ),
    Case(
        "too few outputs for a mixture",
        lambda p: trained(nn.Dense(5), loss="gaussian_mixture"),
        "the model must return (N, 2·(T + 2)), got (N, 5)",
    ),
    Case(
        "targets whose width differs from the mixture's",
        lambda p: trained(nn.Dense(6), y=X[:, :2], loss="gaussian_mixture"),
        "2·(T + 2) units for T columns of y",
    ),
    Case(
        "a likelihood that sums over the rows",
        lambda p: trained(HEAD, loss=nn.NegativeLogLikelihood(lambda t, y: -((y - t) ** 2).sum())),
        "log_prob must return one value a row",
    ),
    Case(
        "a likelihood that returns nothing",
        lambda p: trained(HEAD, loss=nn.NegativeLogLikelihood(lambda t, y: None)),
        "log_prob must return a Tensor, got None",
    ),
    Case(
        "a user's loss that returns nothing",
        lambda p: trained(HEAD, loss=lambda t, y: None),
        "must return a Tensor, got None",
    ),
    # Optimizers, schedules and callbacks in a run.
    Case(
        "a schedule class instead of an object",
        lambda p: optim.SGD(optim.Step),
        "Write Step(…), with brackets",
    ),
    Case(
        "a user's schedule that returns a negative rate",
        lambda p: trained(HEAD, optimizer=optim.SGD(Falling()), epochs=9),
        "rate(3) must lie in [0, inf), got -0.01",
    ),
    Case(
        "a user's schedule that returns NaN",
        lambda p: trained(HEAD, optimizer=optim.SGD(Undefined())),
        "rate(0) must lie in [0, inf), got nan",
    ),
    Case(
        "borders in decreasing order",
        lambda p: optim.Piecewise((5, 3), (0.1, 0.2, 0.3)),
        "borders must increase, got (5, 3)",
    ),
    Case(
        "a wrong number of sample weights",
        lambda p: trained(HEAD, sample_weight=np.ones(3)),
        "sample_weight must be one weight a row (24,), got (3,)",
    ),
    Case(
        "a negative weight",
        lambda p: trained(HEAD, sample_weight=-np.ones(24)),
        "sample_weight must be 0 or more, got -1.0 in row 0",
    ),
    Case(
        "a weight that is NaN",
        lambda p: trained(HEAD, sample_weight=np.full(24, NAN)),
        "sample_weight must be finite",
    ),
    Case(
        "sample weights that overflow the dtype",
        lambda p: trained(HEAD, sample_weight=np.full(24, 1e39)),
        "sample_weight must fit float32, got 1e+39 in row 0",
    ),
    Case(
        "a class weight that overflows the dtype",
        lambda p: trained(nn.Dense(3), y=CLASSES, loss="cross_entropy", class_weight={0: 1e300}),
        "class_weight must fit float32, got 1e+300",
    ),
    Case(
        "two weights whose product overflows the dtype",
        lambda p: trained(
            nn.Dense(3),
            y=CLASSES,
            loss="cross_entropy",
            class_weight={0: 1e30},
            sample_weight=np.full(24, 1e30),
        ),
        "sample_weight times class_weight must fit float32",
    ),
    Case(
        "set_weights in a callback",
        lambda p: meddled(lambda m: m.set_weights([])),
        "[set_weights] the model must not be trained at the moment",
    ),
    Case(
        "compile in a callback",
        lambda p: meddled(lambda m: m.compile()),
        "[compile] the model must not be trained at the moment",
    ),
    Case(
        "a fit within a fit",
        lambda p: meddled(lambda m: m.fit(X, X[:, 0])),
        "[fit] the model must not be trained at the moment",
    ),
    Case(
        "two weights whose product overflows float64",
        lambda p: trained(
            nn.Dense(3),
            y=CLASSES,
            loss="cross_entropy",
            class_weight={0: 1e300},
            sample_weight=np.full(24, 1e300),
        ),
        "sample_weight times class_weight must be finite, got inf in row",
    ),
    Case(
        "weights that overflow float32",
        lambda p: trained_model().set_weights([np.full((4, 1), 1e300), np.zeros(1)]),
        "array 0 of weights must fit float32, got 1e+300",
    ),
    Case(
        "an array where jvp expects a tuple",
        lambda p: pel.jvp(np.square, np.ones(3), np.ones(3)),
        "args must be a tuple, got ndarray",
    ),
    Case(
        "an array where hvp expects a tuple",
        lambda p: pel.hvp(np.sum, (np.ones(3),), np.ones(3)),
        "tangents must be a tuple, got ndarray",
    ),
    Case(
        "a tangent that overflows float32",
        lambda p: pel.jvp(np.square, (np.ones(1, "f4"),), (np.full(1, 1e300),)),
        "tangent must fit float32, got 1e+300",
    ),
    Case(
        "assigning a Tensor to an element of an array",
        lambda p: pel.grad(assigned)(np.ones(3)),
        "Put it together from its parts: np.stack",
    ),
    Case("a np.matrix", lambda p: pel.grad(np.sum)(matrix()), "np.matrix is not supported"),
    Case(
        "a np.matrix within a function",
        lambda p: pel.jit(lambda v: matrix() * v)(np.ones((2, 2))),
        "np.matrix is not supported",
    ),
    Case(
        "probabilities where labels are expected",
        lambda p: pel.metrics.accuracy([0, 1], [0.2, 0.9]),
        "y_pred must hold labels, got 0.2",
    ),
    Case(
        "several columns that are not 0 or 1",
        lambda p: pel.metrics.f1([[2, 0], [1, 1]], [[1, 0], [2, 1]]),
        "labels of several columns must be 0 or 1",
    ),
    Case(
        "a label beyond any number of classes",
        lambda p: pel.metrics.confusion_matrix([0, 10**9], [0, 1]),
        "labels must be below 50,000",
    ),
    Case(
        "a file name that no system allows",
        lambda p: trained_model().save(p / ("a" * 300)),
        "the path cannot be used: File name too long",
    ),
    Case("a pipe instead of a file", lambda p: pel.load(pipe(p)), "the path must name a file"),
    Case(
        "class weights in a regression",
        lambda p: trained(HEAD, class_weight={0: 2}),
        "class_weight needs one class a row, got loss squared",
    ),
    Case(
        "the weight of a class that does not exist",
        lambda p: trained(nn.Dense(3), y=CLASSES, loss="cross_entropy", class_weight={3: 2}),
        "class_weight must name classes 0 … 2, got 3",
    ),
    Case(
        "class weights as a list",
        lambda p: trained(nn.Dense(3), y=CLASSES, loss="cross_entropy", class_weight=[1, 2, 3]),
        "class_weight must be {class: weight} or 'balanced'",
    ),
    Case(
        "an unknown word as batch size",
        lambda p: trained(HEAD, batch_size="full"),
        "unknown batch_size 'full'",
    ),
    Case(
        "a fractional batch size",
        lambda p: trained(HEAD, batch_size=0.5),
        "batch_size must be a whole number, got 0.5",
    ),
    Case(
        "the rate of a layer that does not exist",
        lambda p: pel.Sequential([nn.Dense(1, name="out")]).compile(rates={"ou": 0.1}),
        "rates must name layers, got 'ou'. ",
    ),
    Case(
        "a negative rate of a layer",
        lambda p: pel.Sequential([nn.Dense(1, name="out")]).compile(rates={"out": -1}),
        "rates of out must lie in [0, inf), got -1",
    ),
    Case(
        "all layers frozen",
        lambda p: frozen().fit(X, X[:, 0], verbose=0),
        "a layer with weights must be trained",
    ),
    Case(
        "clipped gradients for a line search",
        lambda p: optim.LBFGS(clip_norm=1.0),
        "clip_norm must be None, got 1.0",
    ),
    Case(
        "a proximal penalty with L-BFGS",
        lambda p: pel.Sequential([HEAD]).compile(
            optim.LBFGS(), "squared", regularizer=nn.L1(0.1, proximal=True)
        ),
        "LBFGS takes penalties that are part of the objective, got L1",
    ),
    Case(
        "Newton's method on a network that is too large",
        lambda p: trained(HEAD, optimizer=optim.Newton(max_weights=3)),
        "the model must have 3 weights at most, got 5",
    ),
    Case(
        "F1 of a regression",
        lambda p: pel.Sequential([HEAD]).compile("sgd", "squared", ["f1"]),
        "f1 needs a classification loss, got squared",
    ),
    Case(
        "top-5 error of three classes",
        lambda p: trained(nn.Dense(3), y=CLASSES, loss="cross_entropy", metrics=["top_5_error"]),
        "top_5_error needs 5 classes or more, got 3",
    ),
    Case(
        "the error of logits",
        lambda p: trained(nn.Dense(3), y=CLASSES, loss="cross_entropy", metrics=["squared_error"]),
        "End the model in a softmax",
    ),
    Case(
        "R² of logits",
        lambda p: trained(HEAD, y=CLASSES % 2, loss="binary_cross_entropy", metrics=["r2"]),
        "End the model in a sigmoid",
    ),
    Case(
        "the error of scores",
        lambda p: trained(HEAD, y=SIGNS, loss="hinge", metrics=["absolute_error"]),
        "absolute_error compares values with the targets, got scores (hinge)",
    ),
    Case(
        "the error of a density of one's own",
        lambda p: trained(
            HEAD,
            loss=nn.NegativeLogLikelihood(lambda t, y: -((y - t) ** 2)[:, 0]),
            metrics=["squared_error"],
        ),
        "Its mean is not known",
    ),
    Case(
        "a ROC curve of scores of classes",
        lambda p: trained(nn.Dense(3), y=CLASSES, loss="multiclass_hinge", metrics=["roc_auc"]),
        "roc_auc compares the outputs of different rows",
    ),
    Case(
        "a top error without classes",
        lambda p: trained(HEAD, y=SIGNS, loss="hinge", metrics=["top_1_error"]),
        "top_1_error needs a loss of classes, got hinge",
    ),
    Case(
        "two metrics without a name",
        lambda p: trained(HEAD, metrics=[lambda t, y: y[:, 0], lambda t, y: t[:, 0]]),
        "pel.Metric('lambda_2', function)",
    ),
    Case(
        "a metric twice",
        lambda p: trained(HEAD, metrics=["r2", "squared_error", "r2"]),
        "names of metrics must differ, got 'r2' twice",
    ),
    Case(
        "a metric with the name of a column of the history",
        lambda p: trained(HEAD, metrics=[pel.Metric("val_loss", lambda t, y: y[:, 0])]),
        "a metric needs a name of its own, got 'val_loss'",
    ),
    Case(
        "a class where a metric is wanted",
        lambda p: pel.Sequential([HEAD]).compile("sgd", "squared", [nn.Squared]),
        "a metric must be a name or a function, got the class Squared",
    ),
    Case(
        "Keras's name of a metric",
        lambda p: trained(HEAD, metrics=["mse"]),
        "Here it is called 'squared_error'",
    ),
    Case(
        "class weights for probabilities",
        lambda p: trained(
            nn.Dense(3),
            y=np.tile([0.5, 0.5, 0.0], (24, 1)),
            loss="cross_entropy",
            class_weight={1: 9},
        ),
        "rows of y must hold a 1 and zeros, got [0.5, 0.5, 0.0] in row 0",
    ),
    Case(
        "scores where classes are expected",
        lambda p: pel.metrics.accuracy(CLASSES, np.eye(3)[CLASSES]),
        "Give the chosen classes",
    ),
    Case(
        "a ROC curve of one class",
        lambda p: pel.metrics.roc_auc([1, 1], [0.1, 0.2]),
        "y_true must hold two labels, got 1",
    ),
    Case(
        "classes counted from 1",
        lambda p: pel.metrics.top_k_error([1, 2, 3], np.eye(3), k=1),
        "Classes count from 0: pass y_true - 1.",
    ),
    Case("R² of a constant", lambda p: pel.metrics.r2([1.0, 1.0], [1.0, 2.0]), "y_true must vary"),
    *(
        Case(
            f"`{make.__name__}(f, {name}={value!r})`",
            lambda p, make=make, named={name: value}: make(lambda x: np.sum(x * x), **named),
            words,
        )
        for make in (pel.grad, pel.value_and_grad, pel.jacobian, pel.hessian)
        for name, value, words in (
            ("backend", "gpu", "Pass backend='xla', device='gpu'"),
            ("device", "gpu", "device='gpu' belongs to backend='xla', got backend=None"),
            ("precision", "half", "unknown precision 'half'"),
        )
    ),
    Case(
        "a range test of a minimizer",
        lambda p: pel.rate_range(searching(), X, X[:, 0]),
        "LBFGS searches for the length",
    ),
    Case(
        "a curvature that does not converge in three products",
        lambda p: pel.curvature(
            lambda w: np.sum(np.arange(40.0) * w * w), (np.ones(40),), products=3
        ),
        "within 3 products",
    ),
    Case("explain of a number", lambda p: pel.explain(3, 1.0), "expected a function or a model"),
    Case(
        "explain without arguments",
        lambda p: pel.explain(np.sum),
        "Write pel.explain(np.sum, a)",
    ),
    Case("show of a number", lambda p: pel.show(3), "a function, a model or a Tensor, got int"),
    Case("show of a class", lambda p: pel.show(pel.Sequential, X), "got the class Sequential"),
    Case("show without arguments", lambda p: pel.show(np.mean), "Write pel.show(np.mean, a)"),
    Case(
        "show inside a traced function",
        lambda p: pel.grad(lambda x: pel.show(x))(1.0),
        "Call it outside, on the function that is traced",
    ),
    Case("show of a function without a result", lambda p: pel.show(lambda x: None, X), "got none"),
    Case(
        "show of a graph",
        lambda p: pel.show(pel.show(np.sin, 1.0).graph),
        "print(graph) prints a graph",
    ),
    Case(
        "explain of a vector",
        lambda p: pel.explain(np.sin, np.ones(3)),
        "must return one scalar (), got (3,)",
    ),
    # A lambda: newer versions of NumPy name the arguments of its own functions, older ones do not.
    Case("explain of an integer", lambda p: pel.explain(lambda x: x**2, 3), "Pass floats"),
    Case(
        "explain of an argument that does not exist",
        lambda p: pel.explain(np.sum, np.ones(3), argnums=1),
        "argnums must name one of 1 positional arguments, got 1",
    ),
    Case(
        "an unknown argument of explain",
        lambda p: pel.explain(np.sum, np.ones(3), argnum=0),
        "Did you mean 'argnums'?",
    ),
    Case(
        "early stopping without validation data",
        lambda p: trained(HEAD, callbacks=pel.EarlyStopping()),
        "Give fit validation_data",
    ),
    Case(
        "early stopping by a measure that does not exist",
        lambda p: trained(HEAD, callbacks=pel.EarlyStopping("f1")),
        "monitor must be one of loss, got 'f1'",
    ),
    Case(
        "a callback class instead of an object",
        lambda p: trained(HEAD, callbacks=pel.EarlyStopping),
        "with brackets",
    ),
]


def two_outputs() -> Any:
    made = pel.Model(x4, [nn.Dense(1)(x4), nn.Dense(2)(x4)], seed=0)
    made.compile("sgd", "squared")
    return made


def shared_widths() -> Any:
    shared = nn.Dense(1)
    pel.Sequential([shared], seed=0).build((4,))
    pel.Sequential([shared], seed=0).build((3,))


def trained_model() -> Any:
    made = pel.Sequential([nn.Dense(1)], seed=0)
    made.build((4,))
    return made


def compiled_model(optimizer: str) -> Any:
    made = trained_model()
    made.compile(optimizer, "squared")
    return made


def meddled(change: Any) -> Any:
    """A fit with a callback that changes the model."""
    made = pel.Sequential([fresh(HEAD)], seed=0)
    made.compile("sgd", "squared")

    class Meddling(pel.Callback):
        def on_epoch(self, run: Any) -> None:
            change(made)

    made.fit(X, X[:, 0], verbose=0, callbacks=Meddling())


def assigned(v: Any) -> Any:
    parts = np.zeros(2)
    parts[0] = v[0]
    return parts.sum()


def matrix() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy itself advises against it
        return np.matrix([[1.0, 2.0], [3.0, 4.0]])


def pipe(folder: Any) -> Any:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def shared(layer: Any) -> Any:
    """`layer` on an input of 4 columns and, weights shared, on one of 2."""
    again = layer(nn.Dense(2)(layer(x4)))
    return pel.Model(x4, again)


def backwards() -> Any:
    first = nn.Dense(3)(x4)
    return pel.Model(nn.Dense(2)(first), first)


def recurrent() -> Any:
    """Symbols never change: reading its own output is one more call with the same weights."""
    dense = nn.Dense(4, "tanh")
    model = pel.Model(x4, dense(dense(x4)), seed=0)
    model.compile("sgd", "squared")
    model.fit(X, X, seed=0, verbose=0)
    assert model.count_params() == 20


def constructed(row: Row, name: str) -> Case:
    value, words = row.wrong[name]
    call = f"{row.make.__name__}({name}={value!r})"
    given = {**row.right, name: value}
    return Case(f"`{call}`", lambda folder: row.make(**given), words)


CATALOGUE = [
    *(constructed(row, name) for row in ARGUMENTS for name in row.wrong),
    *MEETINGS,
    *(Case(*case) for case in bad_input_methods.CASES),
    *(Case(*case) for case in bad_input_svm.CASES),
    *(Case(*case) for case in bad_input_play.CASES),
    *(Case(*case) for case in bad_input_inspect.CASES),
    *(Case(*case) for case in bad_input_numpy.CASES),
    *(Case(*case) for case in bad_input_keras.CASES),
    *(Case(*case) for case in bad_input_linear.CASES),
    *(Case(*case) for case in bad_input_nn.CASES),
    *(Case(*case) for case in bad_input_draw.CASES),
    *(Case(*case) for case in bad_input_web.CASES),
    *(Case(*case) for case in bad_input_distributed.CASES),
]


def frozen() -> Any:
    made = pel.Sequential([nn.Dense(1, name="out")], seed=0)
    made.compile("sgd", "squared", rates={"out": 0})
    return made


def searching() -> Any:
    made = pel.Sequential([nn.Dense(1)], seed=0)
    made.compile("lbfgs", "squared")
    return made


def two_inputs() -> Any:
    made = pel.Model([x4, x2], nn.Dense(1)(nn.Concat()([x4, x2])), seed=0)
    made.compile("sgd", "squared")
    return made
