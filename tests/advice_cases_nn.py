"""Advice followed: the layers, losses, scores and options of fit that Keras's names lead to."""

from __future__ import annotations

from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn
from tests.advice_cases import CLASSES, SIDES, Followed, X, classified, fitted

IMAGES = np.zeros((2, 6, 6, 1), np.float32)


def built(*layers: Any, shape: tuple[int, ...] = (6, 6, 1)) -> Any:
    model = pel.Sequential(list(layers), seed=0)
    model.build(shape)
    return model


def by_position(loss: Any = "cross_entropy", y: Any = None, **options: Any) -> Any:
    """A model with a class for each of four positions."""
    model = pel.Sequential([nn.Dense(3)], seed=0)
    model.compile("sgd", loss)
    y = np.zeros((len(X), 4), int) if y is None else y
    return model.fit(X[:, :4, None], y, verbose=0, seed=0, **options)


def of_classes(measured: list[Any]) -> Any:
    model = pel.Sequential([nn.Dense(3, "softmax", input_shape=X.shape[1:])], seed=0)
    model.compile("sgd", "cross_entropy", measured)
    return model


def ran(**options: Any) -> Any:
    model = pel.Sequential([nn.Dense(1)], seed=0)
    model.compile("sgd", "squared")
    return model.fit(X, X[:, 0], **{"verbose": 0, "seed": 0, **options})


def streamed(**options: Any) -> Any:
    model = pel.Sequential([nn.Dense(1)], seed=0)
    model.compile("sgd", "squared")
    return model.fit([(X, X[:, 0])], verbose=0, seed=0, **options)


def resumed(path: Any, **options: Any) -> Any:
    ran(checkpoint=path / "run", overwrite=True)
    again = pel.load(path / "run")
    return again.fit(X, X[:, 0], epochs=2, verbose=0, resume=True, **options)


FOLLOWED = [
    Followed(
        "Leave it out: a run that is resumed knows its epoch.",
        lambda p: resumed(p, initial_epoch=1),
        lambda p: resumed(p),
    ),
    Followed(
        "Leave one of the two out.",
        lambda p: ran(validation_split=0.2, validation_data=(X, X[:, 0])),
        lambda p: ran(validation_split=0.2),
    ),
    Followed(
        "Give a stream of other rows as validation_data.",
        lambda p: streamed(validation_split=0.2),
        lambda p: streamed(validation_data=lambda: iter([(X, X[:, 0])])),
    ),
    Followed(
        "For 10 degrees write 0.176.",
        lambda p: nn.RandomShear(45.0),
        lambda p: nn.RandomShear(0.176),
    ),
    Followed(
        "Of samples (a, b) write (2, 1) for (b, a).",
        lambda p: nn.Permute((1, 0)),
        lambda p: nn.Permute((2, 1)),
    ),
    Followed(
        "Add Flatten() before RepeatVector.",
        lambda p: built(nn.RepeatVector(2)),
        lambda p: built(nn.Flatten(), nn.RepeatVector(2)),
    ),
    Followed(
        "Of three classes, the last twice as heavy: class_weights=(1, 1, 2).",
        lambda p: nn.CrossEntropy(class_weights={2: 2}),
        lambda p: classified(
            X, CLASSES, nn.Dense(3), loss=nn.CrossEntropy(class_weights=(1, 1, 2))
        ),
    ),
    Followed(
        "Use CrossEntropy(class_weights=…), which weighs positions.",
        lambda p: by_position(class_weight={0: 2.0}),
        lambda p: by_position(nn.CrossEntropy(class_weights=(2, 1, 1))),
    ),
    Followed(
        "Use CrossEntropy, or the class_weight of fit.",
        lambda p: nn.MulticlassHinge(class_weights=(1, 2)),
        lambda p: nn.CrossEntropy(class_weights=(1, 2)),
    ),
    Followed(
        "Take the hard_sigmoid off the end of the model, or end it in a softmax.",
        lambda p: classified(X, SIDES, nn.Dense(2, "hard_sigmoid")),
        lambda p: classified(X, SIDES, nn.Dense(2, "softmax")),
    ),
    Followed(
        "Take the sparsemax off the end of the model, or end it in a softmax.",
        lambda p: classified(X, CLASSES, nn.Dense(3, "sparsemax")),
        lambda p: classified(X, CLASSES, nn.Dense(3, "softmax")),
    ),
    Followed(
        "Choose a class: pel.metrics.recall_at_precision(y == 1, model.predict_proba(x)[:, 1], "
        "0.5).",
        lambda p: of_classes(["recall_at_0.5_precision"]).evaluate(X, CLASSES),
        lambda p: pel.metrics.recall_at_precision(
            CLASSES == 1, of_classes([]).predict_proba(X)[:, 1], 0.5
        ),
    ),
    Followed(
        "End the model in softplus or in exponential.",
        lambda p: fitted(X, CLASSES, nn.Dense(1, "relu"), loss="poisson_rate"),
        lambda p: fitted(X, CLASSES, nn.Dense(1, "softplus"), loss="poisson_rate"),
    ),
    Followed(
        "Take the log_sigmoid off the end of the model.",
        lambda p: fitted(X, SIDES, nn.Dense(1, "log_sigmoid"), loss="binary_cross_entropy"),
        lambda p: fitted(X, SIDES, nn.Dense(1), loss="binary_cross_entropy"),
    ),
    Followed(
        "Use loss='poisson', which takes the logarithm of the rate.",
        lambda p: fitted(X, CLASSES, nn.Dense(1), loss="poisson_rate"),
        lambda p: fitted(X, CLASSES, nn.Dense(1), loss="poisson"),
    ),
    Followed(
        "Take the tanh off the end of the model and use loss='poisson', which takes the logarithm "
        "of the rate.",
        lambda p: fitted(X, CLASSES, nn.Dense(1, "tanh"), loss="poisson_rate"),
        lambda p: fitted(X, CLASSES, nn.Dense(1), loss="poisson"),
    ),
    Followed(
        "It holds out against wrong labels itself: choose a larger q.",
        lambda p: nn.GeneralizedCrossEntropy(0.1),
        lambda p: nn.GeneralizedCrossEntropy(q=0.9),
    ),
    Followed(
        "Use Dropout, which drops single elements.",
        lambda p: ran_with(nn.SpatialDropout(0.2)),
        lambda p: ran_with(nn.Dropout(0.2)),
    ),
    Followed(
        "Choose a divisor: channels are the last axis.",
        lambda p: built(nn.GroupNorm(4), shape=(6,)),
        lambda p: built(nn.GroupNorm(3), shape=(6,)),
    ),
    Followed(
        "For pixels of 0 to 255 write value_range=(0, 255).",
        lambda p: nn.RandomContrast(0.2, value_range=255),
        lambda p: nn.RandomContrast(0.2, value_range=(0, 255)),
    ),
    Followed(
        "Of half the image at most: (0, 0.5).",
        lambda p: nn.RandomErasing(height=0.5),
        lambda p: nn.RandomErasing(height=(0, 0.5)),
    ),
    Followed(
        "Resize images that are smaller: add Resize(height, width) before.",
        lambda p: built(nn.CenterCrop(8, 8)),
        lambda p: built(nn.Resize(8, 8), nn.CenterCrop(8, 8)),
    ),
    Followed(
        "Of images one row above and two below: ((1, 2), 0).",
        lambda p: nn.Pad("same"),
        lambda p: built(nn.Pad(((1, 2), 0))),
    ),
    Followed(
        "Use padding='same' or smaller numbers.",
        lambda p: built(nn.Conv2DTranspose(2, 3, padding=9)),
        lambda p: built(nn.Conv2DTranspose(2, 3, padding="same")),
    ),
    Followed(
        "Write ';'.",
        lambda p: pel.CSVLog(p / "log.csv", separator="; "),
        lambda p: pel.CSVLog(p / "log.csv", separator=";"),
    ),
    Followed(
        "Give the scores of one class: scores[:, 1].",
        lambda p: pel.metrics.roc_curve([0, 1], [[0.7, 0.3], [0.2, 0.8]]),
        lambda p: pel.metrics.roc_curve([0, 1], np.array([[0.7, 0.3], [0.2, 0.8]])[:, 1]),
    ),
]
BY_NATURE: dict[str, str] = {}


def ran_with(layer: Any) -> Any:
    return fitted(X, X[:, 0], layer, nn.Dense(1))
