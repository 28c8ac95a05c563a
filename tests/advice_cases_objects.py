"""Advice followed: cloned models, optimizers of one's own, averages. See advice_cases.py."""

from __future__ import annotations

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


class Descent(keras.optimizers.Optimizer):
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        variable.assign_sub(learning_rate * gradient)


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
]
