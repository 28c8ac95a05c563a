"""A step cut where rows meet gives the bits of the uncut one, for any number of workers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import ArgumentError
from pellucid.runtime.backend import executor
from pellucid.workers.division import Division
from pellucid.workers.share import Share
from tests.models.any_model import case
from tests.workers.simulated import job_of, step

WORKERS = (1, 2, 3, 4, 5, 8)
RNG = np.random.default_rng(0)
ROWS = 43  # in 8 blocks of 6: the last one is shorter
X = RNG.normal(size=(ROWS, 5)).astype(np.float32)
Y = RNG.integers(0, 3, ROWS)
PICTURES = RNG.normal(size=(21, 8, 8, 2)).astype(np.float32)  # 7 blocks of 3
LABELS = RNG.integers(0, 3, 21)


def check(model: pel.Model, x: Any, y: Any, weights: Any = None) -> Share:
    job, state, block = job_of(model, x, y, 8, weights)
    rows = job.rows
    whole = executor(job.graph, backend="native")
    wanted = whole(job.inputs(state, 0.1, job.batch(np.arange(rows))))
    share = Share(job.graph, 1)
    for workers in WORKERS:
        for outputs in step(share, job, state, Division(rows, block, workers)):
            for ours, theirs in zip(outputs, wanted, strict=True):
                assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
                assert ours.tobytes() == theirs.tobytes(), f"{workers} workers"
    return share


def compiled(layers: list[Any], **how: Any) -> pel.Model:
    model = pel.Sequential(layers, seed=0)
    model.compile(**{"optimizer": "adam", "loss": "cross_entropy", **how})
    return model


def dense() -> Any:
    how = {"metrics": ["accuracy", "gradient_norm"], "regularizer": nn.L2(1e-3)}
    return check(compiled([nn.Dense(7, "tanh"), nn.Dense(3)], **how), X, Y, RNG.random(ROWS))


def noise() -> Any:
    layers = [nn.GaussianNoise(0.1), nn.Dense(7, "relu"), nn.Dropout(0.5), nn.Dense(3)]
    return check(compiled(layers), X, Y)


def batch_norm() -> Any:
    layers = [nn.Dense(7, "relu"), nn.BatchNorm(), nn.Dense(5), nn.BatchNorm(), nn.Dense(3)]
    share = check(compiled(layers), X, Y)
    assert len(share.cut.phases) == 9  # mean and variance there and back, twice; the loss
    return share


def convolution() -> Any:
    layers = [
        nn.Conv2D(4, 3, activation="relu"),
        nn.MaxPool2D(2),
        nn.BatchNorm(),
        nn.Conv2D(4, 3, padding="same", strides=2),
        nn.SpatialDropout(0.3),
        nn.Flatten(),
        nn.Dense(3),
    ]
    return check(compiled(layers), PICTURES, LABELS)


def depthwise() -> Any:
    layers = [nn.DepthwiseConv2D(3), nn.SeparableConv2D(4, 3), nn.GlobalAveragePool(), nn.Dense(3)]
    return check(compiled(layers), PICTURES, LABELS)


def embedding() -> Any:
    layers = [nn.Embedding(11, 4), nn.Flatten(), nn.LayerNorm(), nn.Dense(3)]
    return check(compiled(layers), RNG.integers(0, 11, (ROWS, 6)), Y)


def augmentation() -> Any:
    layers = [nn.RandomFlip(), nn.RandomBrightness(0.2), nn.Conv2D(2, 3), nn.Flatten(), nn.Dense(3)]
    return check(compiled(layers), PICTURES, LABELS)


def picked() -> Any:
    """Rows that pick from themselves where all stand in one axis, there and back."""
    layers = [nn.Dense(7), nn.Activation(lambda v: np.sort(v, axis=1)), nn.BatchNorm(), nn.Dense(3)]
    return check(compiled(layers), X, Y)


def resampled() -> Any:
    layers = [
        nn.RandomRotation(0.1),
        nn.RandomShift(0.2, 0.2, fill_mode="wrap"),
        nn.RandomZoom(0.2, fill_mode="reflect"),
        nn.Conv2D(2, 1),
        nn.RandomCrop(4, 5),
        nn.Flatten(),
        nn.Dense(3),
    ]
    return check(compiled(layers), PICTURES, LABELS)


FEW = [dense, noise, batch_norm, embedding, picked]
MORE = [convolution, depthwise, augmentation, resampled]


@pytest.mark.parametrize(
    "make", [*FEW, *(pytest.param(one, marks=pytest.mark.slow) for one in MORE)]
)
def test_the_bits_of_one_worker(make: Callable[[], Any]) -> None:
    make()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_any_model(seed: int) -> None:
    """Drawn models: several inputs and outputs, penalties, weights, functions of one's own."""
    draw = random.Random(seed)
    one = case([draw.randrange(1000) for _ in range(60)])
    if isinstance(one.model.optimizer, pel.optim.Minimizer):  # those have no chunks
        one.model.compile("sgd", one.model.loss)
    check(one.model, one.x, one.y, one.how.get("sample_weight"))


def test_a_layer_that_mixes_rows_is_refused_by_name() -> None:
    model = compiled([nn.Dense(3), nn.Activation(lambda v: v - np.max(v, axis=0))])
    with pytest.raises(ArgumentError, match=r"meet in sums alone, and argmax of .* At test_phases"):
        model.fit(X, Y, epochs=1, verbose=0, chunks=8)
