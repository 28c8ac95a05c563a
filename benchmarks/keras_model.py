"""Losses inside networks and forms of data: the door beside Keras, by histories and measures.

Run in an environment with Keras on JAX, PyTorch and pandas:
`KERAS_BACKEND=jax python benchmarks/keras_model.py`. Each case runs with both libraries from the
same weights, on the rows in their order; it prints the largest difference, relative to numbers
above 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6)).astype("float32")
Y = (X[:, :2] * X[:, 2:4]).astype("float32")
ROWS = RNG.random(96).astype("float32")
CODES = (X[:, 0] > 0).astype("int64") + (X[:, 1] > 0.3)
PARTS = {"a": X[:, :4], "b": X[:, 4:]}
ENDS = {"p": Y, "q": Y[:, :1]}
CLASSES = {0: 1.0, 1: 2.0, 2: 0.5}


def begun(model: Any) -> Any:
    """A model with weights of its own formula."""
    model.set_weights(
        [
            (np.sin(np.arange(one.size)) * 0.5 + (one.ndim == 1) * 0.5).reshape(one.shape)
            for one in model.get_weights()
        ]
    )
    return model


def curves(model: Any, *args: Any, **options: Any) -> list[Any]:
    history = model.fit(*args, shuffle=False, verbose=0, **{"epochs": 2, **options}).history
    return [value for name in sorted(history) for value in history[name]]


def chunks(*arrays: Any) -> Iterator[Any]:
    while True:
        for k in range(0, 96, 16):
            yield tuple(one[k : k + 16] for one in arrays)


def loader(*arrays: Any) -> Any:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    return DataLoader(TensorDataset(*map(torch.from_numpy, arrays)), batch_size=16)


def cases(keras: Any) -> dict[str, Callable[[], Any]]:
    """What is compared, by name."""
    import pandas as pd

    layers, ops = keras.layers, keras.ops

    def plain() -> Any:
        model = keras.Sequential(
            [layers.Input((6,)), layers.Dense(5, activation="tanh"), layers.Dense(2)]
        )
        model.compile("sgd", "mse", metrics=["mae"])
        return begun(model)

    def classes() -> Any:
        model = keras.Sequential([layers.Input((6,)), layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return begun(model)

    def several() -> Any:
        a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
        h = layers.Dense(5, activation="tanh")(layers.Concatenate()([a, b]))
        ends = {"p": layers.Dense(2, name="p")(h), "q": layers.Dense(1, name="q")(h)}
        model = keras.Model({"a": a, "b": b}, ends)
        model.compile("sgd", {"p": "mse", "q": "mae"})
        return begun(model)

    class Numbered(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 6

        def __getitem__(self, index: int) -> Any:
            rows = slice(16 * index, 16 * index + 16)
            return X[rows], Y[rows], ROWS[rows]

    class Noted(layers.Layer):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(), initializer="ones")

        def call(self, x: Any) -> Any:
            self.add_loss(0.1 * ops.mean(ops.square(x)) * self.scale)
            self.add_loss(0.01 * ops.sum(ops.abs(x)))
            return x * self.scale

    def noted() -> Any:
        inner = keras.Sequential([layers.Input((6,)), Noted(), layers.Dense(3)])
        x = keras.Input((6,))
        model = keras.Model(x, layers.Dense(2, kernel_regularizer="l2")(inner(x)))
        model.compile("sgd", "mse")
        return begun(model)

    def active() -> Any:
        both = keras.regularizers.L1L2(0.01, 0.02)
        model = keras.Sequential(
            [
                layers.Input((6,)),
                layers.Dense(5, activation="tanh", activity_regularizer=both),
                layers.ActivityRegularization(l1=0.03),
                layers.Dense(2, bias_regularizer="l2", kernel_regularizer="l2"),
            ]
        )
        model.compile("sgd", "mse", metrics=["mae"])
        return begun(model)

    class Own(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.noted = Noted()
            self.out = layers.Dense(2, kernel_regularizer="l1")
            self.teacher = keras.Sequential([layers.Input((6,)), layers.Dense(2)])

        def call(self, x: Any) -> Any:
            return self.out(self.noted(x))

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
            training: Any = True,
        ) -> Any:  # fmt: skip
            known = keras.losses.MeanSquaredError()(y, y_pred, sample_weight)
            taught = ops.mean(ops.square(y_pred - self.teacher(x)))
            own = 0.01 * ops.sum(ops.square(self.out.kernel))
            return known + taught + 0.5 * sum(self.losses) + own

    def own() -> Any:
        model = Own()
        model(X[:2])
        model.compile("sgd", metrics=["mae"])
        return begun(model)

    frame, targets = pd.DataFrame(X, columns=list("abcdef")), pd.DataFrame(Y)
    held = {"validation_data": (X[:40], Y[:40])}
    return {
        "add_loss": lambda: curves(noted(), X, Y, validation_split=0.2),
        "activity_regularizer": lambda: curves(active(), X, Y, sample_weight=ROWS, **held),
        "activity_regularizer, evaluate": lambda: active().evaluate(X, Y, verbose=0),
        "compute_loss": lambda: curves(own(), X, Y, **held),
        "compute_loss, weights": lambda: curves(own(), X, Y, sample_weight=ROWS),
        "compute_loss, generator": lambda: curves(own(), chunks(X, Y, ROWS), steps_per_epoch=6),
        "compute_loss, evaluate": lambda: own().evaluate(X, Y, verbose=0),
        "compute_loss, train_on_batch": lambda: own().train_on_batch(X[:9], Y[:9]),
        "DataLoader": lambda: curves(plain(), loader(X, Y), validation_data=loader(X, Y, ROWS)),
        "DataLoader, evaluate": lambda: plain().evaluate(loader(X, Y, ROWS), verbose=0),
        "DataLoader, predict": lambda: plain().predict(loader(X, Y), verbose=0),
        "DataLoader, steps": lambda: curves(plain(), loader(X, Y), steps_per_epoch=2, epochs=3),
        "dicts": lambda: curves(several(), PARTS, ENDS, validation_data=(PARTS, ENDS)),
        "dicts, split": lambda: curves(several(), PARTS, ENDS, validation_split=0.25),
        "dicts, predict": lambda: several().predict(PARTS, verbose=0)["q"],
        "dicts, train_on_batch": lambda: several().train_on_batch(PARTS, ENDS),
        "lists": lambda: curves(several(), list(PARTS.values()), list(ENDS.values())),
        "frames": lambda: curves(plain(), frame, targets, validation_split=0.25),
        "frames, series": lambda: curves(
            classes(), frame, pd.Series(CODES), sample_weight=pd.Series(ROWS)
        ),
        "generator": lambda: curves(plain(), chunks(X, Y, ROWS), steps_per_epoch=6),
        "generator, evaluate": lambda: plain().evaluate(chunks(X, Y), steps=3, verbose=0),
        "generator, predict": lambda: plain().predict(chunks(X), steps=3, verbose=0),
        "PyDataset": lambda: curves(plain(), Numbered(), validation_data=Numbered()),
        "PyDataset, steps": lambda: curves(plain(), Numbered(), steps_per_epoch=2, epochs=4),
        "class_weight": lambda: curves(classes(), X, CODES, class_weight=CLASSES),
        "steps_per_epoch": lambda: curves(plain(), X, Y, steps_per_epoch=2, epochs=3),
        "steps_per_epoch, batch_size": lambda: curves(
            plain(), X, Y, batch_size=10, steps_per_epoch=4, epochs=4
        ),
        "validation_steps": lambda: curves(
            plain(), X, Y, validation_data=(X, Y), validation_steps=2, validation_batch_size=7
        ),
        "evaluate, steps": lambda: plain().evaluate(X, Y, batch_size=10, steps=2, verbose=0),
        "predict, steps": lambda: plain().predict(X, steps=1, verbose=0),
        "test_on_batch": lambda: plain().test_on_batch(X, Y, sample_weight=ROWS),
    }


def main() -> None:
    import keras

    from pellucid import keras as door

    theirs, ours = cases(keras), cases(door)
    for name, call in theirs.items():
        try:
            a, b = (np.asarray(one(), np.float64) for one in (call, ours[name]))
            assert a.shape == b.shape, f"{a.shape} is not {b.shape}"
            found = float((np.abs(a - b) / np.maximum(np.abs(a), 1)).max())
            print(f"{name:34} {found:.1e}" + (" <<<" if found > 2e-6 else ""), flush=True)
        except Exception as error:
            print(f"{name:34} {type(error).__name__}: {str(error)[:150]} <<<", flush=True)


if __name__ == "__main__":
    main()
