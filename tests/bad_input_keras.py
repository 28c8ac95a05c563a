"""Rows of docs/bad-input.md for Keras's names: (what is wrong, the call, part of the message)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
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


class RowsOfLosses(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> Any:
        return ops.square(y_pred)


class ReadsEarly(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(4, name="early")
        self.dense.build((None, 4))

    def call(self, x: Any) -> Any:
        return ops.matmul(x, self.dense.kernel)


def two_outputs() -> Any:
    x = keras.Input((4,))
    model = keras.Model(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)])
    return compiled(model)


TENSOR = pel.nn.Input((4,))


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
    (
        "keras: a model without any objective",
        lambda _: fitted(small(loss=None)),
        "no add_loss nor compute_loss",
    ),
    ("keras: fit before compile", lambda _: fitted(keras.Sequential(LINEAR)), "compiled first"),
    ("keras: fit without targets", lambda _: small().fit(X, verbose=0), "y must be given"),
    (
        "keras: weights of rows for one of several outputs",
        lambda _: two_outputs().fit(X, [Y, Y], sample_weight={"a": Y}, verbose=0),
        "sample_weight must hold 'b', got a",
    ),
    (
        "keras: add_loss outside of call",
        lambda _: layers.Dense(1, name="own").add_loss(0.5),
        "a tensor that a call makes",
    ),
    (
        "keras: compute_loss that returns a loss for each row",
        lambda _: fitted(compiled(RowsOfLosses())),
        "must return one number",
    ),
    (
        "keras: an activity regularizer that does not exist",
        lambda _: layers.Dense(2, activity_regularizer="l3"),
        "unknown regularizer 'l3'",
    ),
    (
        "keras: a kernel that call reads before the layer is called",
        lambda _: fitted(compiled(ReadsEarly())),
        "behind a call of the layer",
    ),
    (
        "keras: an equation that EinsumDense does not know",
        lambda _: layers.EinsumDense("ab->ba", 3),
        "equation must be",
    ),
    (
        "keras: an output_shape that the equation of EinsumDense contradicts",
        lambda _: layers.EinsumDense("abc,cb->ab", 5, name="own")(np.ones((2, 3, 4), "float32")),
        "one known length",
    ),
    (
        "keras: an adaptive pool of the wrong number of axes",
        lambda _: layers.AdaptiveMaxPooling1D((2, 3)),
        "output_size",
    ),
    (
        "keras: random numbers of open rows outside of call",
        lambda _: keras.random.normal((None, 3)),
        "Draw inside call",
    ),
    (
        "keras: a PyDataset with processes",
        lambda _: keras.utils.PyDataset(workers=2, use_multiprocessing=True),
        "workers are threads",
    ),
    (
        "keras: an axis that does not divide",
        lambda _: ops.split(X, 3, axis=1),
        "an axis of 4 must part into 3",
    ),
    (
        "keras: arrays of open rows outside of call",
        lambda _: ops.zeros((None, 3)),
        "None for rows in call",
    ),
    ("keras: masks", lambda _: layers.Masking, "Masks are outside"),
    (
        "Model: a term that no layer made",
        lambda _: pel.Model(TENSOR, pel.nn.Dense(1)(TENSOR), terms=[0.5]),
        "terms must be what layers returned",
    ),
    (
        "keras: validation_split above 1",
        lambda _: fitted(small(), validation_split=1.5),
        "validation_split",
    ),
    (
        "keras: a callback that is none",
        lambda _: fitted(small(), callbacks=[3]),
        "callbacks must be instances of keras.callbacks.Callback",
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
        "keras: a loss that is one number a row",
        lambda _: fitted(small(loss=keras.losses.Huber(reduction="none"))),
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
        "keras: summary(positions=[…])",
        lambda _: small().summary(positions=[0.5, 1.0]),
        "positions",
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
        "lookups are made of arrays, before the network",
    ),
    ("keras: verbose=7", lambda _: small().predict(X, verbose=7), "verbose"),
]
