"""Machine code trains every layer, activation, loss, penalty and optimizer; nothing falls back."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.nn import activations, losses
from pellucid.nn.layer import Layer

nn, optim = pel.nn, pel.optim
N, D, C = 50, 6, 3

LAYERS: dict[str, list[Layer]] = {
    "dense": [nn.Dense(8, activation="relu")],
    "dropout": [nn.Dense(8), nn.Dropout(0.4)],
    "gaussian_noise": [nn.GaussianNoise(0.3), nn.Dense(8)],
    "flatten": [nn.Flatten(), nn.Dense(8)],
    "rescale": [nn.Rescale(0.5, -1.0), nn.Dense(8)],
    "reshape": [nn.Dense(6), nn.Reshape((2, 3)), nn.Flatten()],
    "dense maxout": [nn.Maxout(5, 3)],
    "low_rank": [nn.LowRankDense(6, 2, "tanh")],
    "batch_norm": [nn.Dense(8), nn.BatchNorm()],
    "layer_norm": [nn.Dense(8), nn.LayerNorm()],
    "basis": [nn.Basis(lambda x: x * x)],
    "polynomial": [nn.Polynomial(3)],
    "prelu": [nn.Dense(8), nn.PReLU()],
    "group_norm": [nn.Dense(8), nn.GroupNorm(4)],
    "layer_norm, all axes": [nn.Dense(8), nn.Reshape((2, 4)), nn.LayerNorm(axes=2), nn.Flatten()],
    "rms_norm": [nn.Dense(8), nn.RMSNorm()],
    "unit_norm": [nn.Dense(8), nn.UnitNorm()],
    "gaussian_dropout": [nn.Dense(8), nn.GaussianDropout(0.3)],
    "alpha_dropout": [nn.Dense(8), nn.AlphaDropout(0.3)],
    "repeat_vector": [nn.Dense(3), nn.RepeatVector(2), nn.Permute((2, 1)), nn.Flatten()],
    "bounded": [nn.Dense(8, regularizer=[nn.NonNegative(True), nn.MinMaxNorm(1.0, 0.5, 0.5)])],
    "rbf": [nn.RBF([[0.1] * D, [-0.2] * D], 2.0)],
    "embedding": [nn.Basis(lambda x: np.floor(x * x)), nn.Embedding(100, 3), nn.Flatten()],
    **{f"activation {name}": [nn.Dense(8), nn.Activation(name)] for name in activations.BY_NAME},
}
SIGNALS: dict[str, list[Layer]] = {  # (N, 7, 2)
    "conv1d": [nn.Conv1D(3, 3, strides=2, padding=((1, 2),), activation="relu"), nn.Flatten()],
    "max_pool1d": [nn.Conv1D(3, 2), nn.MaxPool1D(3, 2), nn.Flatten()],
    "conv1d_transpose": [nn.Conv1DTranspose(3, 3, 2, "same", activation="relu"), nn.Flatten()],
    "depthwise_conv1d": [nn.DepthwiseConv1D(3, multiplier=2), nn.Flatten()],
    "separable_conv1d": [nn.SeparableConv1D(3, 3, padding="same"), nn.Flatten()],
    "pad and crop": [nn.Conv1D(3, 2), nn.Pad(((1, 2),)), nn.Crop(1), nn.UpSample(2), nn.Flatten()],
    "spatial_dropout": [nn.Conv1D(3, 2), nn.SpatialDropout(0.4), nn.Flatten()],
    "average_pool1d": [nn.Conv1D(3, 2), nn.AveragePool1D(3, padding=1), nn.Flatten()],
}
IMAGES: dict[str, list[Layer]] = {  # (N, 7, 6, 2)
    "conv2d": [nn.Conv2D(4, 3, padding="same", strides=2, activation="relu"), nn.Flatten()],
    "dilation": [nn.Conv2D(4, 2, dilation=(1, 2), padding=((0, 1), (2, 0))), nn.Flatten()],
    "groups": [nn.Conv2D(4, 3, groups=2, bias="unit"), nn.Flatten()],
    "connections": [nn.Conv2D(3, 3, connections=((0,), (1,), (0, 1))), nn.Flatten()],
    "padding value": [nn.Conv2D(3, 5, padding=2, padding_value=-1.0), nn.Flatten()],
    "maxout": [nn.Conv2D(3, 3, pieces=2, use_bias=False), nn.Flatten()],
    "max_pool2d": [nn.Conv2D(3, 3), nn.MaxPool2D((3, 2), (2, 1), padding=1), nn.Flatten()],
    "average_pool2d": [
        nn.Conv2D(3, 3),
        nn.AveragePool2D(3, 2, "same", count_padding=False),
        nn.Flatten(),
    ],
    "conv2d_transpose": [nn.Conv2DTranspose(3, 3, 2, 1, output_padding=1), nn.Flatten()],
    "depthwise_conv2d": [nn.DepthwiseConv2D((3, 2), 2, 1, activation="relu"), nn.Flatten()],
    "separable_conv2d": [nn.SeparableConv2D(3, 3, dilation=2, multiplier=2), nn.Flatten()],
    "resize": [nn.Conv2D(2, 3), nn.Resize(4, 6), nn.CenterCrop(3, 3), nn.Flatten()],
    "crop": [nn.Conv2D(2, 3), nn.RandomCrop(3, 3), nn.Flatten()],
    "shear": [nn.RandomShear(0.2, 0.1), nn.Flatten()],
    "photometric": [
        *(nn.RandomBrightness(0.2), nn.RandomContrast(0.3), nn.RandomErasing(0.5, value=1.0)),
        nn.Flatten(),
    ],
    "shift": [nn.RandomShift(0.2, 0.1), nn.Flatten()],
    "rotation": [nn.RandomRotation(0.1, fill_mode="reflect"), nn.Flatten()],
    "zoom": [nn.RandomZoom(0.2, fill_mode="wrap"), nn.Flatten()],
    "flip and noise": [nn.RandomFlip(), nn.GaussianNoise(0.2), nn.Flatten()],
    "global_max_pool": [nn.Conv2D(8, 3), nn.GlobalMaxPool()],
    "global_average_pool": [nn.Conv2D(8, 3), nn.GlobalAveragePool()],
    "local_response_norm": [nn.Conv2D(8, 3), nn.LocalResponseNorm(3, 0.5), nn.Flatten()],
    # Behind a layer with weights, so that the gradient goes through them too.
    "random_shift": [nn.Conv2D(2, 3), nn.RandomShift(0.3, (-0.2, 0.4)), nn.Flatten()],
    "random_rotation": [nn.Conv2D(2, 3), nn.RandomRotation(0.1, fill_mode="reflect"), nn.Flatten()],
    "random_zoom": [nn.RandomZoom(0.2, 0.3, fill_mode="wrap"), nn.Conv2D(2, 3), nn.Flatten()],
    "random_zoom, nearest": [
        nn.Conv2D(2, 3),
        nn.RandomZoom(0.3, fill_mode="nearest"),
        nn.Flatten(),
    ],
    "random_flip": [nn.Conv2D(2, 3), nn.RandomFlip(), nn.Flatten()],
}
OPTIMIZERS = {
    "sgd": optim.SGD(0.05),
    "momentum": optim.SGD(0.05, momentum=0.9),
    "nesterov": optim.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": optim.Adam(0.01),
    "adamw": optim.AdamW(0.01),
    "adagrad": optim.Adagrad(0.05),
    "rmsprop": optim.RMSprop(0.005),
    "rmsprop, all": optim.RMSprop(0.005, momentum=0.5, centered=True),
    "clipped": optim.SGD(0.05, clip_value=0.5, clip_norm=1.0),
    "each clipped": optim.SGD(0.05, clip_each_norm=0.5),
    "nadam": optim.Nadam(0.01),
    "adamax": optim.Adamax(0.01),
    "lamb": optim.Lamb(0.01, weight_decay=0.1),
    "lion": optim.Lion(0.01, weight_decay=0.1),
    "adadelta": optim.Adadelta(0.5),
    "ftrl": optim.Ftrl(0.05, l1=0.01, l2=0.01),
    "muon": optim.Muon(0.01),
    "adafactor": optim.Adafactor(0.05),
    "schedule": optim.SGD(optim.Step(0.05, 0.5, every=3)),
    "lbfgs": optim.LBFGS(),
    "newton": optim.Newton(),
    "perturb": optim.Perturb(0.05, coordinates=20),
    "one cycle": optim.SGD(optim.WarmUp(optim.OneCycle(0.05, 12), 3)),
}


# Layers of the columns of a table, which learn their state before the training. Cells that are
# missing come from a layer: `fit` takes none.
HOLES = nn.Basis(lambda x: np.where(x < 0, np.nan, x))
COLUMNS: dict[str, list[Layer]] = {
    "standardize": [HOLES, nn.Standardize(2.0)],
    "quantile_bins": [HOLES, nn.QuantileBins(4)],
    "missing_flag": [HOLES, nn.MissingFlag()],
    "dates": [nn.Dates(), nn.Standardize()],
    # Behind a layer with weights, so that the gradient goes through it too.
    "target_scale": [nn.Standardize(), nn.Dense(3, "tanh"), nn.TargetScale()],
    "categories": [nn.Categories((2, 4, 9, 20), 4, units=3, drop=0.3)],
}


ELEMENTWISE = ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")


# Losses of probabilities want outputs that are some.
LAST = {
    "probability_cross_entropy": "softmax",
    "probability_binary_cross_entropy": "sigmoid",
    "poisson_rate": "softplus",
}
DISTANCES = (
    *("squared", "half_squared", "absolute", "huber", "poisson", "poisson_rate", "log_cosh"),
    *("absolute_percentage", "squared_logarithmic", "cosine_distance"),
)


def targets(loss: str, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Targets that a loss takes, and how many outputs they want."""
    if loss in (
        *("cross_entropy", "probability_cross_entropy", "focal", "generalized_cross_entropy"),
        *("kl_divergence", "categorical_hinge"),
    ):
        return rng.integers(0, C, N), C
    if loss in (
        *("binary_cross_entropy", "probability_binary_cross_entropy", "binary_focal"),
        *("dice", "tversky"),
    ):
        return rng.integers(0, 2, (N, 1)).astype(np.float32), 1
    if loss in ("hinge", "logistic", "perceptron", "hebbian", "squared_hinge"):
        return rng.choice([-1.0, 1.0], (N, 1)).astype(np.float32), 1
    if loss == "multiclass_hinge":
        return rng.integers(0, C, N), C
    if loss in ("poisson", "poisson_rate", "squared_logarithmic"):
        return rng.poisson(2.0, (N, 2)).astype(np.float32), 2
    if loss == "absolute_percentage":  # which is divided by the targets
        return (rng.choice([-1, 1], (N, 2)) * rng.uniform(1, 2, (N, 2))).astype(np.float32), 2
    if loss == "gaussian":
        return rng.normal(size=(N, 2)).astype(np.float32), 4
    if loss == "gaussian_mixture":
        return rng.normal(size=(N, 2)).astype(np.float32), 8
    return rng.normal(size=(N, 2)).astype(np.float32), 2


def both(
    layers: list[Layer],
    loss: str,
    optimizer: Any,
    dtype: str,
    shape: tuple[int, ...] = (D,),
    evaluated: bool = True,
    **compiled: Any,
) -> None:
    """Native and interpreted runs agree, and the native one is asked for by name.

    Predictions are the numbers that an evaluation measures: where one is made, it says enough.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, *shape)).astype(np.float32)
    y, outputs = targets(loss, rng)
    runs = []
    for backend in ("native", "interpreter"):
        net = pel.Sequential(
            [*copy.deepcopy(layers), nn.Dense(outputs, LAST.get(loss))], seed=3, dtype=dtype
        )
        net.compile(optimizer, loss=loss, **compiled)
        history = net.fit(x, y, batch_size=16, epochs=3, seed=1, verbose=0, backend=backend)
        measured = net.evaluate(x, y, backend=backend) if evaluated else {}
        runs.append((history.steps, net.get_weights(), measured))
    close = {"rtol": 2e-4, "atol": 2e-5} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-11}
    ours, known = runs
    for name, values in known[0].items():
        np.testing.assert_allclose(ours[0][name], values, **close)
    for one, other in zip(ours[1], known[1], strict=True):
        np.testing.assert_allclose(one, other, **close)
    for name, value in known[2].items():
        np.testing.assert_allclose(ours[2][name], value, **close)


@pytest.mark.lecture("T1.J1")
@pytest.mark.one_in(8)
@pytest.mark.filterwarnings("ignore:.*gradient is 0 almost everywhere")  # of sign and step
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    both(LAYERS[name], "squared", optim.SGD(0.02), "float64")


# What tests/compiler/test_windows.py and PyTorch's numbers cover as well is in the slow run here.
COVERED = (
    "dilation",
    "groups",
    "padding value",
    "maxout",
    "average_pool1d",
    "max_pool1d",
    "shift",
    "rotation",
    "zoom",
    "random_zoom, nearest",
)


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in COVERED else name
        for name in (*SIGNALS, *IMAGES)
    ],
)
def test_layers_of_signals_and_images(name: str) -> None:
    layers, shape = (SIGNALS[name], (7, 2)) if name in SIGNALS else (IMAGES[name], (7, 6, 2))
    both(layers, "squared", optim.SGD(0.002), "float64", shape)


@pytest.mark.slow
def test_a_stack_of_convolutions_in_float32() -> None:
    layers: list[Layer] = [
        nn.Conv2D(4, 3, connections=((0,), (1,), (0, 1), (1,)), bias="unit", activation="relu"),
        nn.LocalResponseNorm(3),
        nn.MaxPool2D(2, 1),
        nn.Conv2D(4, 3, padding="same", groups=2, pieces=2),
        nn.AveragePool2D(2, padding=1, count_padding=False),
        nn.Flatten(),
    ]
    both(layers, "cross_entropy", optim.SGD(0.05), "float32", (7, 6, 2), metrics=["accuracy"])


@pytest.mark.one_in(6)
@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.slow), "float64"])
@pytest.mark.parametrize("loss", losses.BY_NAME)
def test_losses(loss: str, dtype: str) -> None:
    metrics = ["squared_error", "absolute_error"] if loss in DISTANCES else ["accuracy"]
    metrics = [] if loss.startswith("gaussian") else metrics
    both([nn.Dense(8, activation="tanh")], loss, optim.SGD(0.02), dtype, metrics=metrics)


@pytest.mark.one_in(6)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str) -> None:
    # Newton's steps are compared on a convex objective: elsewhere it divides by curvatures near 0,
    # and what differs in the last bit grows past comparing.
    convex = name == "newton"
    layers: list[Layer] = [nn.Rescale(0.5)] if convex else [nn.Dense(8, activation="relu")]
    penalty = nn.L2(0.1, biases=True) if convex else ()
    both(layers, "cross_entropy", OPTIMIZERS[name], "float64", evaluated=False, regularizer=penalty)


PENALTIES = {
    "l1 and l2": [nn.L1(1e-3), nn.L2(1e-2)],
    "proximal": [nn.L1(0.1, proximal=True)],
    "elastic net": [nn.ElasticNet(0.1, 0.7, biases=True, proximal=True)],
    "max norm": [nn.MaxNorm(0.5)],
}


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", PENALTIES)
def test_penalties(name: str) -> None:
    both([nn.Dense(8)], "squared", optim.Adam(0.01), "float64", regularizer=PENALTIES[name])


def test_rates_of_layers_and_metrics_of_a_step() -> None:
    layers: list[Layer] = [nn.Dense(5, "tanh", name="a"), nn.Dense(4, "tanh", name="b")]
    both(
        layers,
        "cross_entropy",
        optim.SGD(0.05, momentum=0.9, clip_norm=1.0),
        "float64",
        rates={"a": 0, "b": 0.1},
        metrics=["error", "top_2_error", "f1", "roc_auc", "gradient_norm"],
    )


def test_weights_of_rows_and_batches_that_grow() -> None:
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(N, D)), rng.integers(0, C, N), rng.random(N)
    steps = []
    for backend in ("native", "interpreter"):
        net = pel.Sequential([nn.Dense(4, "tanh"), nn.Dense(C)], seed=0, dtype="float64")
        net.compile(optim.Adam(0.01))
        made = net.fit(
            x,
            y,
            seed=0,
            epochs=4,
            verbose=0,
            backend=backend,
            sample_weight=w,
            class_weight={0: 2.0, 2: 0.5},
            batch_size=optim.GrowingBatch(3, 2.5),
            validation_data=(x, y, w),
        )
        steps.append(made.steps["loss"] + made.epochs["val_loss"])
    assert len(steps[0]) == 17 + 7 + 3 + 2 + 4  # batches of 3, 8, 19, 47 of 50 rows, 4 epochs
    np.testing.assert_allclose(steps[0], steps[1], rtol=1e-9)


def test_a_loss_and_a_metric_of_ones_own() -> None:
    def huber(y_true: Any, y_pred: Any) -> Any:
        error = np.abs(y_true - y_pred)
        return np.mean(np.where(error < 1, error * error / 2, error - 0.5), axis=1)

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(N, D)), rng.normal(size=(N, 2))
    losses_ = []
    for backend in ("native", "interpreter"):
        net = pel.Sequential([nn.Dense(2)], seed=0, dtype="float64")
        net.compile(optim.SGD(0.1), loss=huber, metrics=[huber])
        losses_.append(net.fit(x, y, seed=0, epochs=2, verbose=0, backend=backend).steps)
    np.testing.assert_allclose(losses_[0]["loss"], losses_[1]["loss"], rtol=1e-9)
    np.testing.assert_allclose(losses_[0]["huber"], losses_[0]["loss"], rtol=1e-12)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", COLUMNS)
def test_layers_of_columns(name: str) -> None:
    """What `adapt` learned is state: both runs start at it, and no step moves it."""
    rng = np.random.default_rng(0)
    x = rng.integers(-1, 25, (N, 4)) * (1e7 if name == "dates" else 1.0)
    y = rng.normal(size=(N, 2))
    runs = []
    for backend in ("native", "interpreter"):
        layers = copy.deepcopy(COLUMNS[name])
        for layer in layers:
            if isinstance(layer, nn.TargetScale):
                layer.adapt(np.linspace((0, 1, 2), (9, 5, 7), N), "float64")
            elif isinstance(layer, nn.tabular.Adapted):
                layer.adapt(layers[0](x) if name == "dates" else x, "float64")
        learned = [dict(layer.variables.state or {}) for layer in layers]
        net = pel.Sequential([*layers, nn.Dense(2)], seed=3, dtype="float64")
        net.compile(optim.SGD(0.002), loss="squared")
        history = net.fit(x, y, batch_size=16, epochs=3, seed=1, verbose=0, backend=backend)
        for layer, before in zip(layers, learned, strict=True):
            after = layer.variables.state or {}
            assert all(np.array_equal(after[key], value) for key, value in before.items())
        measured = net.evaluate(x, y, backend=backend)
        runs.append([*net.get_weights(), history.steps["loss"], measured["loss"]])
    assert np.isfinite(runs[0][-2]).all()
    for one, other in zip(*runs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


def test_every_layer_and_optimizer_is_tried() -> None:
    every = LAYERS | SIGNALS | IMAGES | COLUMNS
    tried = {type(layer).__name__ for layers in every.values() for layer in layers}
    known = {
        name
        for name in dir(nn)
        if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), Layer)
    }
    # Those of several inputs are tried in tests/models/test_model.py.
    assert tried == known - {"Layer", "Concat", "Dot", *ELEMENTWISE}
    assert {type(one) for one in OPTIMIZERS.values()} == {
        one
        for one in vars(optim).values()
        if isinstance(one, type)
        and issubclass(one, optim.Optimizer)
        and one not in (optim.Optimizer, optim.Minimizer)
    }
