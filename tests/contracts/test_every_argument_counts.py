"""No argument is taken and then ignored: another value gives other numbers.

For each class, what it is made with, and another value for each of its arguments. The numbers are
what a person would see of it: outputs, weights after some steps, rates, sizes.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.dtypes import float64

RNG = np.random.default_rng(0)
ROWS, TARGETS = RNG.normal(size=(12, 4)), RNG.normal(size=(12, 2))
SIGNAL, IMAGE = RNG.normal(size=(3, 7, 2)), RNG.normal(size=(3, 6, 6, 2))
KEY = pel.Key(0, 1)


def shown(*arrays: Any) -> bytes:
    return b"".join(np.asarray(array, np.float64).tobytes() for array in arrays)


def of_layer(layer: nn.Layer, x: np.ndarray = ROWS) -> bytes:
    """Weights, outputs and those of a training step."""
    net = pel.Sequential([layer], seed=0, dtype="float64")
    net.build(x.shape[1:])
    params, state = layer.variables.params or {}, layer.variables.state or {}
    wild = {name: np.asarray(array) + 0.25 for name, array in params.items()}
    trained, after = layer.apply(wild, state, x, train=True, key=KEY)
    tested, _ = layer.apply(wild, state, x, train=False, key=None)
    return shown(
        *params.values(), net.predict(x, backend="interpreter"), trained, tested, *after.values()
    )


def of_images(layer: nn.Layer) -> bytes:
    return of_layer(layer, IMAGE)


def of_signals(layer: nn.Layer) -> bytes:
    return of_layer(layer, SIGNAL)


def of_numbers(layer: nn.Layer) -> bytes:
    return of_layer(layer, np.floor(abs(ROWS)))


def of_columns(layer: nn.Layer) -> bytes:
    """Of a layer that has learned the columns of a table, some of it missing."""
    rows = np.where(abs(ROWS) < 0.2, np.nan, ROWS)
    if isinstance(layer, nn.tabular.Adapted):
        layer.adapt(rows, "float64")
    return of_layer(layer, rows)


def of_two(layer: nn.Layer) -> bytes:
    x = IMAGE[:, :, :, :1]
    return shown(layer.apply({}, {}, [x, x + 1], train=False, key=None)[0]) + bytes(
        np.asarray(layer.apply({}, {}, [x, x + 1], train=False, key=None)[0]).shape
    )


def of_vectors(layer: nn.Layer) -> bytes:
    return shown(layer.apply({}, {}, [IMAGE, IMAGE + 1], train=False, key=None)[0])


def of_training(optimizer: Any, regularizer: Any = ()) -> bytes:
    """Weights after some epochs; large gradients, and weights whose size matters."""
    net = pel.Sequential([nn.Dense(2, "tanh")], seed=0, dtype="float64")
    net.compile(optimizer, "squared", regularizer=regularizer)
    net.fit(ROWS, 3 * TARGETS, epochs=3, batch_size=None, verbose=0, seed=0, backend="interpreter")
    return shown(*net.get_weights())


def of_many_steps(optimizer: Any) -> bytes:
    """Of an optimizer that looks at the signs of gradients alone."""
    net = pel.Sequential([nn.Dense(2, "tanh")], seed=0, dtype="float64")
    net.compile(optimizer, "squared")
    net.fit(ROWS, 3 * TARGETS, epochs=4, batch_size=2, verbose=0, seed=0, backend="interpreter")
    return shown(*net.get_weights())


def of_penalty(penalty: Any) -> bytes:
    return of_training(optim.SGD(0.05), penalty)


def of_bound(penalty: Any) -> bytes:
    """Weights, and biases below 0."""
    start = nn.Fill(-0.5)
    net = pel.Sequential([nn.Dense(2, None, True, nn.Normal(0.2), start)], seed=0, dtype="float64")
    net.compile(optim.SGD(0.001), "squared", regularizer=penalty)
    net.fit(ROWS, TARGETS, epochs=1, verbose=0, seed=0, backend="interpreter")
    return shown(*net.get_weights())


def of_schedule(schedule: Any) -> bytes:
    return shown([schedule.rate(step) for step in range(40)])


def of_sizes(size: Any) -> bytes:
    return shown([size.size(epoch) for epoch in range(12)])


def of_start(start: Any) -> bytes:
    return shown(start.values(KEY, (4, 6), float64))


def of_loss(output: np.ndarray, target: np.ndarray) -> Callable[[Any], bytes]:
    return lambda loss: shown(loss.per_row(target, output))


ONES = np.eye(3)[[0, 1, 2, 0]]
SHARES = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.3, 0.3, 0.4], [0.1, 0.1, 0.8]])
PLACES = np.stack([SHARES, 3 * SHARES[::-1]], axis=1)
PLACE_ONES = np.stack([ONES, ONES[::-1]], axis=1)
BY_CLASS = {"class_weights": (1.0, 2.0, 3.0), "average": True}
DENSE = {
    **{"units": 3, "activation": "tanh", "use_bias": False},
    **{"kernel_initializer": "he", "bias_initializer": nn.Normal(0.3)},
}
KERNELS = {
    **{"filters": 4, "kernel_size": 2, "strides": 2, "padding": 2, "dilation": 2},
    **{"groups": 2, "connections": ((0,), (1,)), "pieces": 2, "activation": "tanh"},
    **{"use_bias": False, "bias": "unit", "padding_value": 1.5},
    **{"kernel_initializer": "he", "bias_initializer": nn.Normal(0.3)},
}
SPREAD = {"filters": 2, "kernel_size": 3, "padding": 1, "strides": 2}
SPREADS = {
    **{"filters": 3, "kernel_size": 2, "strides": 3, "padding": 0, "dilation": 2},
    **{"output_padding": 1, "activation": "tanh", "use_bias": False},
    **{"kernel_initializer": "he", "bias_initializer": nn.Normal(0.3)},
}
EACH = {"kernel_size": 3, "padding": 1}
EACHS = {
    **{"kernel_size": 2, "strides": 2, "padding": 2, "dilation": 2, "multiplier": 2},
    **{"activation": "tanh", "use_bias": False},
    **{"kernel_initializer": "he", "bias_initializer": nn.Normal(0.3)},
}
KERNEL = {"filters": 2, "kernel_size": 3, "padding": 1}
POOL = {"pool_size": 3, "strides": 1, "padding": 1}
NORMAL = {"epsilon": 0.5, "center": False, "scale": False}
MOVED = {"fill_mode": "reflect", "fill_value": 2.0, "interpolation": "nearest"}
CLIPS = {
    **{"clip_value": 0.01, "clip_norm": 0.01, "clip_each_norm": 0.01},
    **{"decoupled_decay": 0.5, "gather_steps": 2, "average_every": 2},
}
MOMENTS = {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.5, **CLIPS}
ADAM = MOMENTS | {"amsgrad": True, "epsilon_uncorrected": True}

# The class: (how it is seen, its arguments, another value for each).
CASES: dict[type, tuple[Callable[[Any], bytes], dict[str, Any], dict[str, Any]]] = {
    nn.Dense: (of_layer, {"units": 2}, DENSE),
    nn.Activation: (of_layer, {"function": "relu"}, {"function": "tanh"}),
    nn.Maxout: (
        of_layer,
        {"units": 2},
        {"units": 3, "pieces": 3, **{n: DENSE[n] for n in list(DENSE)[3:]}},
    ),
    nn.LowRankDense: (
        of_layer,
        {"units": 2, "rank": 1},
        {"rank": 2, **{n: DENSE[n] for n in list(DENSE)[:4]}},
    ),
    nn.Embedding: (
        of_numbers,
        {"count": 5, "units": 2},
        {"count": 6, "units": 3, "embeddings_initializer": "he"},
    ),
    nn.Basis: (of_layer, {"function": np.tanh}, {"function": np.sin}),
    nn.Polynomial: (of_layer, {"degree": 2}, {"degree": 3}),
    nn.RBF: (of_layer, {"centers": ((0,) * 4,)}, {"centers": ((1,) * 4,), "width": 2.0}),
    nn.PReLU: (of_images, {}, {"slope_initializer": "he", "shared_axes": (1, 2)}),
    nn.Permute: (of_signals, {"axes": (1, 2)}, {"axes": (2, 1)}),
    nn.RepeatVector: (of_layer, {"count": 2}, {"count": 3}),
    nn.SpatialDropout: (of_images, {"rate": 0.2}, {"rate": 0.7}),
    nn.GaussianDropout: (of_layer, {"rate": 0.2}, {"rate": 0.7}),
    nn.AlphaDropout: (of_layer, {"rate": 0.2}, {"rate": 0.7}),
    nn.GroupNorm: (of_images, {"groups": 1}, NORMAL | {"groups": 2}),
    nn.RMSNorm: (of_layer, {}, NORMAL | {"center": True}),
    nn.UnitNorm: (of_images, {}, {"axis": 1}),
    nn.Conv1DTranspose: (of_signals, SPREAD, SPREADS),
    nn.Conv2DTranspose: (of_images, SPREAD, SPREADS),
    nn.DepthwiseConv1D: (of_signals, EACH, EACHS),
    nn.DepthwiseConv2D: (of_images, EACH, EACHS),
    nn.SeparableConv1D: (
        of_signals,
        {"filters": 2, **EACH},
        {"filters": 3, "pointwise_initializer": "he", **EACHS},
    ),
    nn.SeparableConv2D: (
        of_images,
        {"filters": 2, **EACH},
        {"filters": 3, "pointwise_initializer": "he", **EACHS},
    ),
    nn.Pad: (of_images, {}, {"padding": 2, "value": 1.0}),
    nn.Crop: (of_images, {}, {"padding": 2}),
    nn.UpSample: (of_images, {}, {"size": 3, "interpolation": "bilinear"}),
    nn.Resize: (
        of_images,
        {"height": 4, "width": 4},
        {"height": 5, "width": 5, "interpolation": "nearest"},
    ),
    nn.CenterCrop: (of_images, {"height": 4, "width": 4}, {"height": 5, "width": 5}),
    nn.RandomCrop: (of_images, {"height": 4, "width": 4}, {"height": 5, "width": 5}),
    nn.RandomShear: (
        of_images,
        {"horizontal": 0.3, "vertical": 0.3},
        MOVED | {"horizontal": 0.1, "vertical": 0.1},
    ),
    nn.RandomBrightness: (
        of_images,
        {"factor": 0.2},
        {"factor": 0.4, "value_range": (-1.0, 2.0)},
    ),
    nn.RandomContrast: (
        of_images,
        {"factor": 0.2},
        {"factor": 0.4, "value_range": (-1.0, 2.0)},
    ),
    nn.RandomErasing: (
        of_images,
        {"rate": 0.9},
        {"rate": 0.1, "height": (0.5, 1.0), "width": (0.5, 1.0), "value": 3.0},
    ),
    nn.Dot: (of_vectors, {}, {"axes": 1, "normalize": True}),
    nn.Rescale: (of_layer, {}, {"scale": 2.0, "offset": 1.0}),
    nn.Dropout: (of_layer, {"rate": 0.2}, {"rate": 0.7}),
    nn.GaussianNoise: (of_layer, {"stddev": 1.0}, {"stddev": 2.0}),
    nn.BatchNorm: (of_layer, {}, NORMAL | {"momentum": 0.5}),
    nn.LayerNorm: (of_signals, {}, NORMAL | {"axes": 2}),
    nn.LocalResponseNorm: (of_images, {}, {"size": 1, "alpha": 0.5, "beta": 0.5, "k": 1.0}),
    nn.Conv1D: (of_signals, KERNEL, KERNELS),
    nn.Conv2D: (of_images, KERNEL, KERNELS),
    nn.MaxPool1D: (of_signals, {}, POOL),
    nn.MaxPool2D: (of_images, {}, POOL),
    nn.AveragePool1D: (of_signals, {"padding": 1}, POOL | {"padding": 0, "count_padding": False}),
    nn.AveragePool2D: (of_images, {"padding": 1}, POOL | {"padding": 0, "count_padding": False}),
    nn.Concat: (of_two, {}, {"axis": 1}),
    nn.Standardize: (of_columns, {}, {"limit": 1.0}),
    nn.QuantileBins: (of_columns, {}, {"bins": 3}),
    nn.MissingFlag: (of_columns, {}, {"columns": (1,)}),
    nn.Categories: (
        of_numbers,
        {"levels": (2, 2, 2, 9)},
        {
            **{"levels": (2, 3, 2, 9), "one_hot": 1, "units": 3},
            **{"drop": 0.9, "embeddings_initializer": "he"},
        },
    ),
    nn.RandomFlip: (of_images, {"mode": "horizontal"}, {"mode": "vertical"}),
    nn.RandomShift: (
        of_images,
        {"height": 0.3, "width": 0.3},
        MOVED | {"height": 0.1, "width": 0.1},
    ),
    nn.RandomRotation: (of_images, {"factor": 0.3}, MOVED | {"factor": 0.1}),
    nn.RandomZoom: (of_images, {"height": 0.5}, MOVED | {"height": 0.1, "width": 0.1}),
    nn.L1: (of_penalty, {"strength": 0.1}, {"strength": 0.2, "biases": True, "proximal": True}),
    nn.L2: (of_penalty, {"strength": 0.1}, {"strength": 0.2, "biases": True}),
    nn.ElasticNet: (
        of_penalty,
        {"strength": 0.1},
        {"strength": 0.2, "ratio": 0.25, "biases": True, "proximal": True},
    ),
    nn.MaxNorm: (of_penalty, {"strength": 0.1}, {"strength": 0.2, "biases": True}),
    nn.MinMaxNorm: (
        of_bound,
        {"strength": 0.3},
        {"strength": 0.2, "lowest": 0.3, "rate": 0.5, "biases": True},
    ),
    nn.NonNegative: (of_bound, {}, {"biases": True}),
    nn.LeCun: (of_start, {}, {"distribution": "uniform"}),
    nn.Fill: (of_start, {}, {"value": 2.0}),
    nn.TruncatedNormal: (of_start, {}, {"deviation": 0.1}),
    nn.VarianceScaling: (
        of_start,
        {},
        {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"},
    ),
    nn.Identity: (of_start, {}, {"gain": 2.0}),
    nn.Orthogonal: (of_start, {}, {"gain": 2.0}),
    nn.Xavier: (of_start, {}, {"distribution": "normal"}),
    nn.He: (of_start, {}, {"distribution": "uniform"}),
    nn.Normal: (of_start, {}, {"deviation": 0.1}),
    nn.Uniform: (of_start, {}, {"limit": 0.1}),
    **{
        kind: (of_loss(PLACES, PLACE_ONES), {}, {"label_smoothing": 0.1, **others})
        for kind, others in (
            (nn.CrossEntropy, BY_CLASS),
            (nn.ProbabilityCrossEntropy, BY_CLASS),
            (nn.KLDivergence, BY_CLASS),
            (nn.Focal, BY_CLASS | {"gamma": 1.0, "alpha": 0.5}),
            (nn.BinaryCrossEntropy, {"average": True}),
            (nn.ProbabilityBinaryCrossEntropy, {"average": True}),
            (nn.BinaryFocal, {"average": True, "gamma": 1.0, "alpha": 0.25}),
        )
    },
    nn.GeneralizedCrossEntropy: (of_loss(PLACES, PLACE_ONES), {}, BY_CLASS | {"q": 0.25}),
    nn.MulticlassHinge: (of_loss(PLACES, PLACE_ONES), {}, {"average": True}),
    nn.CategoricalHinge: (of_loss(PLACES, PLACE_ONES), {}, {"average": True}),
    nn.CosineDistance: (of_loss(PLACES, PLACE_ONES), {}, {"average": True}),
    nn.Tversky: (of_loss(SHARES, ONES), {}, {"alpha": 0.1, "beta": 0.1}),
    nn.Huber: (of_loss(3 * SHARES, ONES), {}, {"delta": 0.5, "average": True}),
    **{
        kind: (of_loss(SHARES, ONES), {}, {"average": True})
        for kind in (
            *(nn.Absolute, nn.HalfSquared, nn.Hebbian, nn.Hinge, nn.Logistic),
            *(nn.Poisson, nn.Squared, nn.AbsolutePercentage, nn.LogCosh, nn.PoissonRate),
            *(nn.SquaredHinge, nn.SquaredLogarithmic),
        )
    },
    nn.Perceptron: (of_loss(SHARES, -ONES), {}, {"average": True}),
    optim.SGD: (
        of_training,
        {"momentum": 0.5},
        {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "rate_inside": True, **CLIPS},
    ),
    optim.Adagrad: (
        of_training,
        {},
        {
            "learning_rate": 0.05,
            "initial_accumulator": 0.5,
            "epsilon": 0.5,
            "epsilon_inside": True,
            **CLIPS,
        },
    ),
    optim.RMSprop: (
        of_training,
        {},
        {
            **{"learning_rate": 0.05, "rho": 0.5, "momentum": 0.5, "epsilon": 0.5},
            **{"centered": True, "epsilon_inside": True, "rate_inside": True, **CLIPS},
        },
    ),
    optim.Adam: (of_training, {"epsilon": 0.01}, ADAM),
    optim.AdamW: (of_training, {"epsilon": 0.01}, ADAM | {"weight_decay": 0.5}),
    optim.Nadam: (of_training, {}, MOMENTS | {"momentum_decay": 2.0}),
    optim.Adamax: (of_training, {}, MOMENTS),
    optim.Lamb: (of_training, {}, MOMENTS | {"weight_decay": 0.5}),
    optim.Muon: (
        of_training,
        {"epsilon": 0.01, "weight_decay": 0.1, "adam_weight_decay": 0.1},
        MOMENTS
        | {"adam": ("dense_1",), "momentum": 0.5, "nesterov": False, "iterations": 2, "scale": None}
        | {"coefficients": (3.0, -4.0, 2.0), "adam_rate": 0.5}
        | {"weight_decay": 0.5, "adam_weight_decay": 0.5},
    ),
    optim.Lion: (
        of_many_steps,
        {"learning_rate": 1.0},
        {
            **{"learning_rate": 0.05, "beta_1": 0.0, "beta_2": 0.5, "weight_decay": 0.5},
            **CLIPS,
        },
    ),
    optim.Adadelta: (of_training, {}, {"learning_rate": 0.5, "rho": 0.5, "epsilon": 0.5, **CLIPS}),
    optim.Ftrl: (
        of_training,
        {},
        {
            **{"learning_rate": 0.05, "initial_accumulator": 0.5, "l1": 0.1, "l2": 0.1},
            **{"beta": 0.5, **CLIPS},
        },
    ),
    optim.Adafactor: (
        of_training,
        {"learning_rate": 0.7},
        {
            **{"learning_rate": 0.05, "decay": 0.3, "epsilon_1": 0.5, "epsilon_2": 5.0},
            **{"clip_threshold": 0.1, "relative_step": False, **CLIPS},
        },
    ),
    optim.CosineRestarts: (
        of_schedule,
        {"initial": 1, "steps": 5},
        {"initial": 2, "steps": 7, "longer": 1.5, "lower": 0.5, "final": 0.1},
    ),
    optim.PolynomialDecay: (
        of_schedule,
        {"initial": 1, "steps": 10},
        {"initial": 2, "steps": 20, "final": 0.5, "power": 2.0},
    ),
    optim.InverseTime: (of_schedule, {"initial": 1}, {"initial": 2, "decay": 0.5, "every": 3}),
    optim.LBFGS: (of_training, {}, {"learning_rate": 0.1, "memory": 1}),
    optim.Newton: (of_training, {}, {"learning_rate": 0.1}),
    optim.Perturb: (of_training, {"learning_rate": 0.1}, {"learning_rate": 0.2, "coordinates": 2}),
    optim.Constant: (of_schedule, {"value": 1}, {"value": 2}),
    optim.Step: (
        of_schedule,
        {"initial": 1, "every": 10},
        {"initial": 2, "factor": 0.5, "every": 5},
    ),
    optim.Exponential: (of_schedule, {"initial": 1}, {"initial": 2, "factor": 0.5, "every": 5}),
    optim.Cosine: (
        of_schedule,
        {"initial": 1, "steps": 10},
        {"initial": 2, "steps": 20, "final": 0.5},
    ),
    optim.OneCycle: (
        of_schedule,
        {"highest": 1, "steps": 10},
        {"highest": 2, "steps": 20, "rising": 0.5},
    ),
    optim.WarmUp: (of_schedule, {"after": 1, "steps": 10}, {"after": 2, "steps": 20}),
    optim.Piecewise: (
        of_schedule,
        {"borders": (3,), "rates": (1, 2)},
        {"borders": (5,), "rates": (1, 3)},
    ),
    optim.FixedBatch: (of_sizes, {"rows": 1}, {"rows": 2}),
    optim.GrowingBatch: (
        of_sizes,
        {"first": 4},
        {"first": 8, "factor": 3.0, "every": 2, "highest": 6},
    ),
}
SHAPES = {"name", "input_shape", "regularizer"}  # of every layer; a name is seen in messages
ELSEWHERE = {  # arguments that set no number: bounds, functions, what has one value
    # Minimizers refuse what stands around a single step; an average is a slot.
    *itertools.product((optim.LBFGS, optim.Newton, optim.Perturb), [*CLIPS, "average"]),
    *((kind, "average") for kind in CASES if issubclass(kind, optim.Optimizer)),
    (optim.Newton, "max_weights"),
    (nn.MulticlassHinge, "label_smoothing"),
    (nn.MulticlassHinge, "class_weights"),
    (nn.CategoricalHinge, "label_smoothing"),
    (nn.CategoricalHinge, "class_weights"),
    (nn.GeneralizedCrossEntropy, "label_smoothing"),
    (nn.Reshape, "shape"),
    (nn.GaussianMixture, "components"),
    (nn.NegativeLogLikelihood, "log_prob"),
}
PAIRS = [(kind, name) for kind, (*_, others) in CASES.items() for name in others]


def test_every_argument_of_every_class_is_here():
    bases = {nn.Layer, nn.Regularizer, nn.Loss, nn.Initializer, nn.Symbol}
    bases |= {optim.Optimizer, optim.Minimizer, optim.Schedule, optim.BatchSize, optim.Objective}
    missing = []
    for module in (nn, optim):
        for kind in (getattr(module, name) for name in module.__all__):
            if not inspect.isclass(kind) or kind in bases or not dataclasses.is_dataclass(kind):
                continue
            own = {one.name for one in dataclasses.fields(kind)}
            own -= SHAPES if issubclass(kind, nn.Layer) else set()
            missing += [(kind, name) for name in own if (kind, name) not in PAIRS]
    assert {(kind, name) for kind, name in missing} == ELSEWHERE


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_another_value_gives_other_numbers(kind):
    see, given, others = CASES[kind]
    plain = see(kind(**given))
    assert see(kind(**given)) == plain
    # One connected map a filter needs as many; a fill value shows where it fills.
    beside = {
        **{"fill_value": {"fill_mode": "constant"}, "padding_value": {"padding": 2}},
        "average_every": {"average": 0.5},
        "amsgrad": {"learning_rate": 0.1, "beta_2": 0.0},  # squares become less
        "rate_inside": {"learning_rate": optim.Exponential(0.1, 0.5)},
    }
    for name, value in others.items():
        more = beside.get(name, {})
        before = see(kind(**given | more)) if more else plain
        assert see(kind(**given | more | {name: value})) != before, name
