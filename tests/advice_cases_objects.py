"""Advice followed: copies, files and tables of keras models, optimizers of one's own, tensors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import keras
from pellucid.keras import layers, ops
from tests.advice_cases import Followed

X, Y = np.eye(4, dtype="float32"), np.ones((4, 1), "float32")
clone = keras.models.clone_model


def row() -> Any:
    return keras.Sequential([layers.Input((4,)), layers.Dense(1)])


def functional() -> Any:
    first = layers.Input((4,))
    return keras.Model(first, layers.Dense(1)(first))


def dropped(layer: Any, *args: Any, **kwargs: Any) -> Any:
    made = layer(*args, **kwargs)
    return layers.Dropout(0.5)(made) if isinstance(layer, layers.Dense) else made


class Bare(keras.optimizers.Optimizer):
    pass


class Tallying(keras.optimizers.Optimizer):
    """Counts its steps in a variable of its own, or in one that nothing knows."""

    def __init__(self, known: bool) -> None:
        super().__init__(learning_rate=0.1)
        self.known = known

    def build(self, variables: Any) -> None:
        super().build(variables)
        self.count = self.add_variable((), name="count") if self.known else keras.Variable(0.0)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        self.count.assign_add(1.0)
        variable.assign_sub(learning_rate * gradient)


def counted(known: bool) -> float:
    model, optimizer = row(), Tallying(known)
    model.compile(optimizer, "mse")
    model.fit(X, Y, verbose=0)
    return float(optimizer.count.numpy())


class WithStep(keras.Model):
    def train_step(self, state: Any, data: Any) -> Any:
        return super().train_step(state, data)


def stepped(in_class: bool) -> Any:
    first = layers.Input((4,))
    model = (WithStep if in_class else keras.Model)(first, layers.Dense(1)(first))
    if not in_class:
        model.train_step = lambda state, data: ({}, state)
    model.compile("sgd", "mse")
    return model.fit(X, Y, verbose=0)


def frozen(anew: bool) -> Any:
    first = layers.Input((4,))
    model = WithStep(first, layers.Dense(1)(layers.Dense(2)(first)))
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.layers[1].trainable = False
    if anew:
        model.compile("adam", "mse")
    return model.fit(X, Y, verbose=0)


class Descent(keras.optimizers.Optimizer):
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        variable.assign_sub(learning_rate * gradient)


def trained() -> Any:
    model = row()
    model.compile("sgd", "mse")
    return model


def evaluated() -> Any:
    model = trained()
    model.evaluate(X, Y, verbose=0)
    return model


def taken_over(again: bool) -> Any:
    """The first of two models that were compiled with one optimizer, trained behind the second."""
    first, second, own = row(), row(), Descent(0.1)
    with warnings.catch_warnings(action="ignore"):  # that the second model begins anew
        for model in (first, second):
            model.compile(own, "mse")
            model.fit(X, Y, verbose=0)
        if again:
            first.compile(own, "mse")
        return first.fit(X, Y, verbose=0)


def whole_file(folder: Any) -> Any:
    trained().save(folder / "whole.keras")
    return folder / "whole.keras"


def file_of_keras(folder: Any) -> Any:
    (folder / "theirs.keras").write_bytes(b"PK\x03\x04....")
    return folder / "theirs.keras"


def named() -> Any:
    return keras.Sequential([layers.Input((4,)), layers.Dense(1, name="one")])


def two() -> Any:
    first = layers.Input((4,))
    outputs = [layers.Dense(1, name=name)(first) for name in ("a", "b")]
    model = keras.Model(first, outputs)
    model.compile("sgd", ["mse", "mse"])
    return model


def of_row(target: Any, output: Any) -> Any:
    return ops.mean((target - output) ** 2, axis=(1, 2))


def positions(weights: Any, loss: Any, metrics: Any = None) -> Any:
    """A fit of (4, 3, 1) targets with such weights."""
    model = keras.Sequential([layers.Input((3, 4)), layers.Dense(1)])
    model.compile("sgd", loss, weighted_metrics=metrics)
    x = np.ones((4, 3, 4), np.float32)
    return model.fit(x, np.ones((4, 3, 1)), sample_weight=weights, verbose=0)


def sums(target: Any, output: Any) -> Any:
    return np.concatenate([output[:, :, 0] * 0 + 1, output[:, :, 0]], axis=1)


def at_positions(weights: Any) -> Any:
    """A metric of sums, measured with such weights."""
    model = pel.Sequential([pel.nn.Dense(1, input_shape=(3, 4))], seed=0)
    own = pel.Metric("own", sums, finish=lambda s: s[3] / s[0], weighted=True)
    model.compile("sgd", "squared", metrics=[own])
    x = np.ones((4, 3, 4), np.float32)
    return model.fit(x, np.ones((4, 3, 1)), sample_weight=weights, verbose=0)


class Looking(keras.optimizers.Optimizer):
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        variable.assign(variable.numpy() * 0.9)


class Valued(keras.optimizers.Optimizer):
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        variable.assign(variable.value * 0.9)


class Short(keras.optimizers.Optimizer):
    def update_step(self, gradient: Any) -> None:
        pass


class Holding(layers.Layer):
    def __init__(self, inside: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inside = inside

    def call(self, x: Any) -> Any:
        return self.inside(x)


class Saying(Holding):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "inside": self.inside.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Saying:
        return cls(layers.Dense.from_config(config.pop("inside")), **config)


def holding(kind: Any) -> Any:
    return keras.Sequential([layers.Input((4,)), kind(layers.Dense(1))])


def saved(path: Any) -> Any:
    model = row()
    model.save(path / "m.keras")
    return keras.models.load_model(path / "m.keras")


def fitted(optimizer: Any, *callbacks: Any) -> Any:
    model = row()
    model.compile(optimizer, "mse")
    model.fit(X, Y, verbose=0, callbacks=list(callbacks))
    return model


def ours(optimizer: Any, *callbacks: Any) -> Any:
    model = pel.Sequential([pel.nn.Dense(2, "relu"), pel.nn.Dense(1)])
    model.compile(optimizer, "squared")
    model.fit(X, Y, verbose=0, callbacks=list(callbacks))
    return model


BY_NATURE: dict[str, str] = {}
FOLLOWED = [
    Followed(
        "It takes a Sequential, or a Model of inputs and outputs.",
        lambda p: clone(layers.Dense(2)),
        lambda p: clone(row()),
    ),
    Followed(
        "Write clone_function, or build the model of Input and outputs.",
        lambda p: clone(row(), call_function=dropped),
        lambda p: clone(functional(), call_function=dropped),
    ),
    Followed(
        "Load the file again for another model.",
        lambda p: clone(saved(p)),
        lambda p: (saved(p), keras.models.load_model(p / "m.keras")),
    ),
    Followed(
        "Write Input(shape), and give the model what you compute of it.",
        lambda p: clone(functional(), input_tensors=ops.abs(layers.Input((4,)))),
        lambda p: clone(functional(), input_tensors=layers.Input((4,))),
    ),
    Followed(
        "Define get_config in Holding, and from_config where it makes layers.",
        lambda p: clone(holding(Holding)),
        lambda p: clone(holding(Saying)),
    ),
    Followed(
        "Write Adam(use_ema=True).",
        lambda p: fitted("adam", keras.callbacks.SwapEMAWeights()),
        lambda p: fitted(keras.optimizers.Adam(use_ema=True), keras.callbacks.SwapEMAWeights()),
    ),
    Followed(
        "Write def update_step(self, gradient, variable, learning_rate).",
        lambda p: Bare(0.1),
        lambda p: fitted(Descent(0.1)),
    ),
    Followed(
        "Compute by keras.ops, or by variable.value.",
        lambda p: fitted(Looking(0.1)),
        lambda p: fitted(Valued(0.1)),
    ),
    Followed(
        "Write model.save_weights(path), or compile with one of Keras's before save.",
        lambda p: fitted(Descent(0.1)).save(p / "m.keras"),
        lambda p: (
            (model := fitted(Descent(0.1))).save_weights(p / "m.weights.h5"),
            model.compile("adam", "mse"),
            model.save(p / "m.keras"),
        ),
    ),
    Followed(
        'Write exclude_layers=["output"].',
        lambda p: keras.optimizers.Muon(exclude_layers="output"),
        lambda p: fitted(keras.optimizers.Muon(exclude_layers=["output"])),
    ),
    Followed(
        "Add an axis: Reshape((steps, 1)).",
        lambda p: layers.TimeDistributed(layers.Dense(2))(layers.Input((4,))),
        lambda p: layers.TimeDistributed(layers.Dense(2))(
            layers.Reshape((4, 1))(layers.Input((4,)))
        ),
    ),
    Followed(
        'Write adam=("dense_2",).',
        lambda p: pel.optim.Muon(adam="dense_2"),  # type: ignore[arg-type]
        lambda p: ours(pel.optim.Muon(adam=("dense_2",))),
    ),
    Followed(
        "Write Adam(…, average=0.99).",
        lambda p: ours(pel.optim.Adam(0.1), pel.SwapAverages()),
        lambda p: ours(pel.optim.Adam(0.1, average=0.99), pel.SwapAverages()),
    ),
    Followed(
        "Write net.keras.",
        lambda p: trained().save(p / "net.h5"),
        lambda p: trained().save(p / "net.keras"),
    ),
    Followed(
        "Write net.weights.h5.",
        lambda p: trained().save_weights(p / "net.h5"),
        lambda p: trained().save_weights(p / "net.weights.h5"),
    ),
    Followed(
        "Of a whole model: model.set_weights(load_model(path).get_weights()).",
        lambda p: trained().load_weights(whole_file(p)),
        lambda p: trained().set_weights(keras.models.load_model(whole_file(p)).get_weights()),
    ),
    Followed(
        "Build the network here, and give set_weights the arrays of Keras's get_weights.",
        lambda p: keras.models.load_model(file_of_keras(p)),
        lambda p: row().set_weights([np.ones((4, 1)), np.ones(1)]),
    ),
    Followed(
        "Give an array for each output, None for weights of 1; or one (N,) for all.",
        lambda p: two().fit(X, [Y, Y], sample_weight={"a": np.ones(4)}, verbose=0),
        lambda p: two().fit(X, [Y, Y], sample_weight={"a": np.ones(4), "b": None}, verbose=0),
    ),
    Followed(
        "Give one weight a row, (N,).",
        lambda p: positions(np.ones((4, 3)), of_row),
        lambda p: positions(np.ones(4), of_row),
    ),
    Followed(
        "Give weights (N,), or measure it without them.",
        lambda p: at_positions(np.ones((4, 3))),
        lambda p: at_positions(np.ones(4)),
    ),
    Followed(
        "Write keras.ops.exp.",
        lambda p: np.exp(layers.Input((4,))),
        lambda p: ops.exp(layers.Input((4,))),
    ),
    Followed(
        "Write it in functions of keras.ops.",
        lambda p: np.unwrap(layers.Input((4,))),
        lambda p: ops.abs(layers.Input((4,))),
    ),
    Followed(
        "Read x.shape, or write keras.ops.shape(x)[0].",
        lambda p: len(layers.Input((4,))),
        lambda p: ops.shape(layers.Input((4,)))[0],
    ),
    Followed(
        "Compute with keras.ops, and read numbers behind predict.",
        lambda p: float(layers.Input((4,))),
        lambda p: float(row().predict(X, verbose=0)[0, 0]),
    ),
    Followed(
        "The layers are one.",
        lambda p: named().summary(layer_range=["two", "two"], print_fn=len),
        lambda p: named().summary(layer_range=["one", "one"], print_fn=len),
    ),
    Followed(
        "Write keras.ops.mean(x).",
        lambda p: layers.Input((4,)).mean(),
        lambda p: ops.mean(layers.Input((4,))),
    ),
    Followed(
        "Take what they return, with return_dict=True.",
        lambda p: evaluated().get_metrics_result(),
        lambda p: evaluated().evaluate(X, Y, verbose=0, return_dict=True),
    ),
    Followed(
        "Make one for each model, or call compile with it again.",
        lambda p: taken_over(again=False),
        lambda p: taken_over(again=True),
    ),
    Followed(
        "Build the model, or call it on data.",
        lambda p: layers.Dense(1).count_params(),
        lambda p: row().count_params(),
    ),
    Followed(
        "In an optimizer or a metric make it by add_variable; other variables of a model are "
        "changed by the state that train_step returns.",
        lambda p: counted(known=False),
        lambda p: counted(known=True),
    ),
    Followed(
        "Write a class: class Own(keras.Model), with that method.",
        lambda p: stepped(in_class=False),
        lambda p: stepped(in_class=True),
    ),
    Followed(
        "Compile with a new optimizer behind a change of trainable.",
        lambda p: frozen(anew=False),
        lambda p: frozen(anew=True),
    ),
]
