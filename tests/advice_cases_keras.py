"""Advice of Keras's names, followed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pellucid import keras
from pellucid.keras import layers, ops
from tests.advice_cases import Followed
from tests.bad_input_keras import (
    LINEAR,
    Branching,
    X,
    Y,
    compiled,
    fitted,
    linear_probabilities,
    small,
)

ROWS = np.eye(3)[np.arange(60) % 3]


class Given(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense, self.drop = layers.Dense(1), layers.Dropout(0.5)

    def call(self, x: Any, training: Any = None) -> Any:
        return self.drop(self.dense(x), training=training)


class Own(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs * 2


class Counting(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.total = self.add_weight(shape=(), trainable=False)

    def call(self, inputs: Any) -> Any:
        self.total.assign(1.0)
        return inputs


class Scaling(layers.Layer):
    def __init__(self, factor: Any) -> None:
        super().__init__()
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


def scaled_by(factor: Any) -> Any:
    return Scaling(factor)(keras.Input((2,)))


def built_for(model: Any) -> Any:
    optimizer, weights = keras.optimizers.SGD(), model.trainable_variables
    optimizer.build(weights)
    return optimizer.stateless_apply(optimizer.variables, model.get_weights(), weights)


class Setting(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.set_weights(self.model.get_weights())


class SettingLater(keras.callbacks.Callback):
    def on_train_end(self, logs: Any = None) -> None:
        self.model.set_weights(self.model.get_weights())


class Added(layers.Layer):
    def call(self, inputs: Any) -> Any:
        self.add_loss(ops.mean(inputs**2))
        return inputs


def watched(mode: str) -> Any:
    """Of a metric whose name says nothing."""
    stop = keras.callbacks.EarlyStopping(monitor="odd", mode=mode)
    odd = keras.metrics.MeanMetricWrapper(lambda t, p: p[:, 0], name="odd")
    return fitted(small(metrics=[odd]), callbacks=[stop], epochs=2)


def three(loss: str, end: str | None = "softmax") -> Any:
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3, activation=end)])
    model.compile("sgd", loss)
    return model


def adapted() -> Any:
    layer = layers.Normalization()
    layer.adapt(X)
    return layer(X)


def mixed() -> Any:
    return keras.Sequential([layers.RandomFlip(), layers.Dropout(0.5)])


def scheduled(rate: float) -> Any:
    schedule = keras.optimizers.schedules.ExponentialDecay(rate, 10, 0.5)
    return keras.optimizers.SGD(schedule)


def rated(optimizer: Any) -> None:
    optimizer.learning_rate = 0.1


def written(path: Path, **options: Any) -> None:
    model = small()
    model.save_weights(path / "a.weights.h5")
    model.save_weights(path / "a.weights.h5", **options)


def monitored(**options: Any) -> Any:
    return fitted(small(), callbacks=[keras.callbacks.EarlyStopping()], **options)


def logits() -> Any:
    model = keras.Sequential(LINEAR)
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    return fitted(model)


IMAGES = np.ones((2, 4, 4, 1), "float32")
FOLLOWED = [
    Followed(
        "Take them from metric.variables; where it is empty, call update_state on a batch, then "
        "reset_state.",
        lambda p: keras.metrics.MeanSquaredError().stateless_result([]),
        lambda p: keras.metrics.MeanSquaredError().stateless_result([0.0, 1.0]),
    ),
    Followed(
        "Give it model.trainable_variables.",
        lambda p: keras.optimizers.SGD().build(small().get_weights()),
        lambda p: keras.optimizers.SGD().build(small().trainable_variables),
    ),
    Followed(
        "Call optimizer.build(model.trainable_variables).",
        lambda p: keras.optimizers.SGD().stateless_apply([0, 0.1], [], []),
        lambda p: built_for(small()),
    ),
    Followed(
        "Pad rows of several lengths.",
        lambda p: layers.Dense(2)([[1.0, 2.0], [3.0]]),
        lambda p: layers.Dense(2)([[1.0, 2.0], [3.0, 0.0]]),
    ),
    Followed(
        "Pad rows of several lengths: keras.utils.pad_sequences(rows).",
        lambda p: compiled(small()).fit([[1.0, 2.0], [3.0]], Y[:2], verbose=0),
        lambda p: keras.utils.pad_sequences([[1.0, 2.0], [3.0]], dtype="float32"),
    ),
    Followed(
        "Give an array of real numbers of one shape.",
        lambda p: ops.abs(["word"]),
        lambda p: ops.abs(np.ones(2)),
    ),
    Followed(
        "Write 'ij,jk->ik'.",
        lambda p: ops.einsum(3, np.eye(2), np.eye(2)),
        lambda p: ops.einsum("ij,jk->ik", np.eye(2), np.eye(2)),
    ),
    Followed(
        "array_split makes pieces of several lengths.",
        lambda p: ops.split(np.ones(5), 2),
        lambda p: ops.array_split(np.ones(5), 2),
    ),
    Followed(
        "Write (None, 4) for rows of 4 numbers.",
        lambda p: keras.Sequential([layers.Dense(2)]).build("four"),
        lambda p: keras.Sequential([layers.Dense(2)]).build((None, 4)),
    ),
    Followed(
        'Write Variable(np.zeros(3)), or Variable("zeros", shape=(3,)).',
        lambda p: keras.Variable(object()),
        lambda p: keras.Variable("zeros", shape=(3,)),
    ),
    Followed(
        "Write variable.numpy(), with .any() or .all() of several numbers.",
        lambda p: bool(keras.Variable([1.0])),
        lambda p: keras.Variable([1.0]).numpy().any(),
    ),
    Followed(
        "Give it that dtype.",
        lambda p: scaled_by(keras.Variable(2)),
        lambda p: scaled_by(keras.Variable(2, dtype="float32")),
    ),
    Followed(
        "Give it on: Dropout(0.5)(x, training=training), which acts in training alone.",
        lambda p: fitted(compiled(Branching())),
        lambda p: fitted(compiled(Given())),
    ),
    Followed(
        "Set them behind fit, or in on_train_end.",
        lambda p: fitted(small(), callbacks=[Setting()]),
        lambda p: fitted(small(), callbacks=[SettingLater()]),
    ),
    Followed(
        "Write def call(self, inputs).",
        lambda p: layers.Layer()(keras.Input((2,))),
        lambda p: Own()(keras.Input((2,))),
    ),
    Followed(
        "Write model(x, training=False).",
        lambda p: mixed()(IMAGES),
        lambda p: mixed()(IMAGES, training=False),
    ),
    Followed(
        "Give fit validation_data, or compile with the metric.",
        lambda p: monitored(),
        lambda p: monitored(validation_data=(X, Y)),
    ),
    Followed(
        "Use Input.",
        lambda p: keras.Model(3, Own()(keras.Input((2,)))),
        lambda p: (lambda i: keras.Model(i, layers.Dense(1)(i)))(keras.Input((2,))),
    ),
    Followed("Call adapt(data) first.", lambda p: layers.Normalization()(X), lambda p: adapted()),
    Followed("Write Input((4,)).", lambda p: keras.Input(), lambda p: keras.Input((4,))),
    Followed(
        "Read it: open(path).read().split().",
        lambda p: layers.StringLookup(vocabulary="words.txt"),
        lambda p: layers.StringLookup(vocabulary=["a", "b"]),
    ),
    Followed(
        "Call the layer on the array, and give fit the result: docs/keras.md.",
        lambda p: layers.StringLookup(vocabulary=["a"])(keras.Input((2,))),
        lambda p: layers.StringLookup(vocabulary=["a"])(np.array(["a"])),
    ),
    Followed(
        "For one-hot rows use CategoricalCrossentropy.",
        lambda p: three("sparse_categorical_crossentropy").fit(X, ROWS, verbose=0),
        lambda p: three("categorical_crossentropy").fit(X, ROWS, verbose=0),
    ),
    Followed(
        "For whole numbers use SparseCategoricalCrossentropy.",
        lambda p: three("categorical_crossentropy").fit(X, ROWS.argmax(1), verbose=0),
        lambda p: three("sparse_categorical_crossentropy").fit(X, ROWS.argmax(1), verbose=0),
    ),
    Followed("Write from_logits=True.", lambda p: linear_probabilities(), lambda p: logits()),
    Followed(
        "Add a channel: Reshape((…, 1)).",
        lambda p: layers.Conv1D(2, 3)(keras.Input((8,))),
        lambda p: layers.Conv1D(2, 3)(layers.Reshape((8, 1))(keras.Input((8,)))),
    ),
    Followed(
        "See the example in docs/keras.md.",
        lambda p: keras.metrics.Metric(name="own").result(),
        lambda p: keras.metrics.Mean(name="own").result(),
    ),
    Followed(
        "Give the object, such as keras.metrics.MeanIoU(num_classes=3).",
        lambda p: keras.metrics.get("MeanIoU"),
        lambda p: keras.metrics.MeanIoU(num_classes=3),
    ),
    Followed(
        "Write mode='max' or mode='min'.",
        lambda p: watched("auto"),
        lambda p: watched("max"),
    ),
    Followed(
        "Call add_loss inside call, with a function of keras.ops of what it was given.",
        lambda p: layers.Dense(2).add_loss(3.0),
        lambda p: Added()(keras.Input((2,))),
    ),
    Followed(
        "Give overwrite=True.",
        lambda p: written(p, overwrite=False),
        lambda p: written(p, overwrite=True),
    ),
    Followed(
        "Begin with Input(shape), call build, or call the model on data.",
        lambda p: keras.Sequential([layers.Dense(1)]).network(),
        lambda p: keras.Sequential(LINEAR).network(),
    ),
    Followed(
        "Make an optimizer with the schedule.",
        lambda p: rated(scheduled(0.1)),
        lambda p: scheduled(0.2),
    ),
    Followed(
        "Use MaxNorm, MinMaxNorm, NonNeg or UnitNorm.",
        lambda p: layers.Dense(2, kernel_constraint=3),
        lambda p: layers.Dense(2, kernel_constraint=keras.constraints.NonNeg()),
    ),
    Followed(
        "Keep statistics in BatchNormalization, or outside of the model.",
        lambda p: Counting()(keras.Input((2,))),
        lambda p: layers.BatchNormalization()(keras.Input((2,))),
    ),
    Followed(
        "Pad the samples to one length.",
        lambda p: keras.Input((None, 3)),
        lambda p: keras.Input((5, 3)),
    ),
    Followed(
        "Use keras.ops.where.",
        lambda p: keras.Input((2,)) if keras.Input((2,)) else None,
        lambda p: ops.where(keras.Input((2,)) > 0, 1.0, 0.0),
    ),
    Followed(
        "Index it: x[:, 0].",
        lambda p: list(keras.Input((2,))),
        lambda p: keras.Input((2,))[:, 0],
    ),
]

BY_NATURE: dict[str, str] = {
    "Take them from stateless_call(…, return_losses=True), and add them to the loss.": (
        "of a step of one's own: tests/keras/test_steps.py has it"
    ),
    "…: docs/keras.md has one.": "of a step of one's own: tests/keras/test_steps.py has it",
    "Write self.seeds = keras.random.SeedGenerator(1) in __init__, and draw with "
    "seed=self.seeds.": "of a call that draws: tests/keras/test_steps.py has it",
    "Call fit, evaluate and predict, and change what they return.": "says where to write it",
    "End it with keras.ops.mean(…) of y_pred, y or x.": "of a compute_loss: tests/keras has it",
    "Draw inside call.": "of random numbers without a number of rows: tests/keras has it",
    "Set it behind fit, or in on_train_end.": "of a callback that assigns: tests/keras has it",
    "Call compile with a new optimizer behind a change of trainable.": (
        "of a run that is compiled again: tests/keras/test_compiled_again.py has it"
    ),
    "Draw by a layer such as Dropout or GaussianNoise, or keep the weights alone: get_weights().": (
        "of a file: tests/keras has it"
    ),
    "Pellucid has nothing like it.": "says that there is nothing to do",
    "Call that layer first, and give what it returns.": "of a layer as a tensor: tests/keras",
    "Write self.….assign_add(…), and the rest in result().": "of a class: tests/keras has it",
    "Its inputs stand for the numbers of any batch, and have none of their own.": "a reason",
    "Define step there: see pel.optim.SGD.": "an optimizer of one's own, which tests/optim has",
    "Call it on the tensors of the network.": "of a call inside a function of values",
}
