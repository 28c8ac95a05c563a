"""Rows of docs/bad-input.md for Keras's names: (what is wrong, the call, part of the message)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import keras
from pellucid.keras import layers, ops

X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")


def small(loss: Any = "binary_crossentropy", **options: Any) -> Any:
    keras.utils.clear_session()  # names count from the start
    model = keras.Sequential(
        [layers.Input((4,)), layers.Dense(5, "tanh"), layers.Dense(1, "sigmoid")]
    )
    model.compile(options.pop("optimizer", "sgd"), loss, **options)
    return model


class Branching(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x: Any, training: Any = None) -> Any:
        return self.dense(x) * 2 if training else self.dense(x)


class OwnStep(keras.Model):
    def call(self, x: Any) -> Any:
        return x * 2

    def train_step(self, data: Any) -> Any:
        return {}


class OwnMetric(keras.metrics.Metric):
    pass


class CountMetric(keras.metrics.Metric):
    def __init__(self) -> None:
        super().__init__()
        self.total = self.add_weight(name="total")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign_add(ops.sum(y_pred))

    def result(self) -> Any:
        return self.total


class LargestMetric(CountMetric):
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign(ops.maximum(self.total, ops.max(y_pred)))


class ReadingMetric(CountMetric):
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign_add(len([one for one in y_pred.tolist() if one > 0.5]))


def fitted(model: Any, **options: Any) -> Any:
    return model.fit(X, Y, verbose=0, **options)


def compiled(model: Any) -> Any:
    model.compile("sgd", "mse")
    return model


def linear_probabilities() -> Any:
    model = keras.Sequential(LINEAR)
    model.compile("sgd", "binary_crossentropy")
    return fitted(model)


LINEAR = [layers.Input((4,)), layers.Dense(1)]

CASES: list[tuple[str, Callable[[Path], Any], str | None]] = [
    (
        "keras: a layer that is recurrent",
        lambda _: keras.layers.LSTM,
        "Recurrent layers are outside",
    ),
    (
        "keras: a layer of attention",
        lambda _: keras.layers.MultiHeadAttention,
        "Attention is outside",
    ),
    (
        "keras: a layer over three axes",
        lambda _: keras.layers.Conv3D,
        "over three axes are outside",
    ),
    (
        "keras: a module that is not there",
        lambda _: keras.distribution,
        "there is no 'distribution' here",
    ),
    (
        "keras: an argument without a meaning here",
        lambda _: keras.layers.Dense(3, lora_rank=2),
        "low-rank adaptation is outside",
    ),
    (
        "keras: an argument that Keras does not have",
        lambda _: keras.layers.Dense(3, unitz=2),
        "unknown argument 'unitz'",
    ),
    (
        "keras: an argument that is missing",
        lambda _: keras.layers.Dense(),
        "missing a required argument: 'units'",
    ),
    (
        "keras: a data set that Keras downloads",
        lambda _: keras.datasets.mnist.load_data(),
        "pel.data.load_idx_folder",
    ),
    ("keras: a mask", lambda _: keras.layers.Embedding(3, 2, mask_zero=True), "masks are outside"),
    (
        "keras: an activation that Keras does not have",
        lambda _: keras.layers.Dense(2, activation="reluu"),
        "unknown activation 'reluu'",
    ),
    (
        "keras: an initializer that Keras does not have",
        lambda _: keras.layers.Dense(2, kernel_initializer="x"),
        "unknown initializer 'x'",
    ),
    (
        "keras: a penalty that Keras does not have",
        lambda _: keras.layers.Dense(2, kernel_regularizer="l3"),
        "unknown regularizer 'l3'",
    ),
    (
        "keras: a norm over other axes than those of a unit",
        lambda _: keras.layers.Conv2D(2, 3, kernel_constraint="max_norm"),
        "norms are over all axes but the last",
    ),
    (
        "keras: an input of any length",
        lambda _: keras.Input((None, 3)),
        "all axes of a sample must have a length",
    ),
    (
        "keras: an optimizer that Keras does not have",
        lambda _: keras.optimizers.get("adamm"),
        "unknown optimizer 'adamm'",
    ),
    (
        "keras: means of weights over time",
        lambda _: keras.optimizers.Adam(ema_momentum=0.9),
        "give use_ema=True with it",
    ),
    ("keras: a dtype of half precision", lambda _: keras.config.set_floatx("float16"), "float32"),
    (
        "keras: call() with a branch on training",
        lambda _: fitted(compiled(Branching())),
        "a branch on `training`",
    ),
    ("keras: a model with a step of its own", lambda _: fitted(compiled(OwnStep())), "train_step"),
    (
        "keras: a metric that is a class of one's own",
        lambda _: fitted(small(metrics=[OwnMetric()])),
        "it must define update_state",
    ),
    (
        "keras: a metric that is more than a sum",
        lambda _: fitted(small(metrics=[LargestMetric()])),
        "update_state may only add to its variables",
    ),
    (
        "keras: a metric of one's own that reads numbers",
        lambda _: fitted(small(metrics=[ReadingMetric()])),
        "tolist() needs numbers",
    ),
    (
        "keras: a metric without its name",
        lambda _: small(metrics=["precison"]),
        "unknown metric 'precison'",
    ),
    (
        "keras: a metric of several numbers in compile",
        lambda _: fitted(small(metrics=[keras.metrics.Precision(thresholds=[0.2, 0.8])])),
        "a history holds one number a metric",
    ),
    (
        "keras: a metric of values in compile",
        lambda _: fitted(small(metrics=[keras.metrics.Mean()])),
        "it takes values, not y_true and y_pred",
    ),
    (
        "keras: a threshold above 1",
        lambda _: keras.metrics.Precision(thresholds=2.0),
        "thresholds must lie in [0, 1]",
    ),
    ("keras: compile(run_eagerly=True)", lambda _: small(run_eagerly=True), "run_eagerly"),
    (
        "keras: a class of one's own in weighted_metrics",
        lambda _: fitted(small(weighted_metrics=[CountMetric()])),
        "weighted_metrics",
    ),
    ("keras: compile without a loss", lambda _: small(loss=None), "loss"),
    ("keras: fit before compile", lambda _: fitted(keras.Sequential(LINEAR)), "compiled first"),
    (
        "keras: a part of the rows an epoch",
        lambda _: fitted(small(), steps_per_epoch=1, batch_size=10),
        "steps_per_epoch",
    ),
    (
        "keras: validation_steps of arrays",
        lambda _: fitted(small(), validation_data=(X, Y), validation_steps=1),
        "validation_steps",
    ),
    (
        "keras: validation_split above 1",
        lambda _: fitted(small(), validation_split=1.5),
        "validation_split",
    ),
    (
        "keras: a callback that is none",
        lambda _: fitted(small(), callbacks=[3]),
        "expected a Callback",
    ),
    (
        "keras: class_weight that is a number",
        lambda _: fitted(small(), class_weight=3),
        "class_weight must be",
    ),
    ("keras: a loss that Keras does not have", lambda _: small(loss="mean_square"), "unknown loss"),
    (
        "keras: a metric that Keras does not have",
        lambda _: fitted(small(metrics=["acuracy"])),
        "unknown metric",
    ),
    (
        "keras: logits behind a sigmoid",
        lambda _: fitted(small(loss=keras.losses.BinaryCrossentropy(True))),
        "from_logits",
    ),
    (
        "keras: probabilities of a linear end",
        lambda _: linear_probabilities(),
        "Write from_logits=True.",
    ),
    (
        "keras: a loss that is a sum over rows",
        lambda _: fitted(small(loss=keras.losses.Huber(reduction="sum"))),
        "reduction",
    ),
    (
        "keras: outputs that are no tensors",
        lambda _: keras.Model(keras.Input((2,)), 3),
        "outputs must be tensors",
    ),
    (
        "keras: BackupAndRestore without a folder",
        lambda _: keras.callbacks.BackupAndRestore(""),
        "backup_dir must name a folder",
    ),
    (
        "keras: a callback that does not know which way is better",
        lambda _: fitted(
            small(metrics=[keras.metrics.TruePositives(name="hits")]),
            callbacks=[keras.callbacks.EarlyStopping("hits")],
        ),
        "whether more or less of 'hits' is better is not known",
    ),
    (
        "keras: summary(expand_nested=True)",
        lambda _: small().summary(expand_nested=True),
        "expand_nested",
    ),
    (
        "keras: a layer that is not in the model",
        lambda _: small().get_layer("dens"),
        "there is no layer 'dens'",
    ),
    ("keras: too few weights", lambda _: small().set_weights([]), "weights must be 4 arrays"),
    (
        "keras: a layer that always acts as in training",
        lambda _: layers.Dropout(0.5)(keras.Input((2,)), training=True),
        "training",
    ),
    (
        "keras: an argument of ops that Keras does not have",
        lambda _: ops.sum(X, unknown=3),
        "unknown argument 'unknown'",
    ),
    (
        "keras: a word that no vocabulary has",
        lambda _: layers.StringLookup(name="words", vocabulary=["a"], num_oov_indices=0)(
            np.array(["b"])
        ),
        "there is no 'b' in the vocabulary",
    ),
    (
        "keras: words in a network",
        lambda _: layers.StringLookup(name="words", vocabulary=["a"])(keras.Input((2,))),
        "words become numbers before a network",
    ),
    ("keras: verbose=7", lambda _: small().predict(X, verbose=7), "verbose"),
]
