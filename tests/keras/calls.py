"""Calls of the door that were written by hand: good arguments, and another value of each.

For `test_arguments.py`: what a call gives, prints and writes with each argument at another value
than Keras's default must differ, or the argument be refused by its name.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from pellucid import keras
from pellucid.keras import callbacks, layers

RNG = np.random.default_rng(3)
X = RNG.normal(size=(8, 4)).astype("float32")
Y = RNG.integers(0, 2, (8, 1)).astype("float32")
WEIGHTS = [RNG.normal(size=shape).astype("float32") for shape in ((4, 3), (3,), (3, 1), (1,))]


class Call(NamedTuple):
    """A callable of Keras, a call of it, good arguments, and another value of each argument.

    `call` returns what is compared; `beside` are arguments that another one needs beside it.
    """

    name: str
    call: Callable[..., Any]
    good: dict[str, Any]
    other: dict[str, Any]
    beside: Mapping[str, dict[str, Any]] = MappingProxyType({})
    same: Mapping[str, str] = MappingProxyType({})  # what changes nothing that can be seen, and why


class Recorder(callbacks.Callback):
    """Counts its hooks."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        print("epoch", epoch)

    def on_test_end(self, logs: Any = None) -> None:
        print("test")

    def on_predict_end(self, logs: Any = None) -> None:
        print("predict")


def form_of(called: Any) -> inspect.Signature:
    """The signature of a callable; of a class that of __init__, which a __new__ may hide."""
    plain = isinstance(called, type) and "__signature__" not in vars(called)
    return inspect.signature(called.__init__ if plain else called)


def digest(found: Any) -> Any:
    """What was found, as plain values that compare."""
    if isinstance(found, dict):
        return {str(key): digest(one) for key, one in found.items()}
    if isinstance(found, (list, tuple)):
        return [digest(one) for one in found]
    if hasattr(found, "shape") and not isinstance(found, keras.KerasTensor):
        array = np.asarray(found)
        if array.dtype.kind not in "biuf":
            return str(array.dtype), array.shape, str(array)
        return str(array.dtype), array.shape, np.round(array.astype(float), 6).tolist()
    if isinstance(found, float):
        return round(found, 6)
    return found if isinstance(found, (str, int, bool, type(None))) else str(type(found))


def seen(call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """What a call gives and prints, and the files that it writes into an empty folder."""
    said = io.StringIO()
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.chdir(folder), contextlib.redirect_stdout(said):
            found = digest(call(**arguments))
        files = {
            str(one.relative_to(folder)): one.read_bytes()
            if one.suffix in (".csv", ".svg")
            else one.stat().st_size > 0
            for one in Path(folder).rglob("*")
            if one.is_file()
        }
        if any("events" in one for one in files):  # their names have the time
            files = dict.fromkeys(sorted(str(Path(one).parent) for one in files), True)
    return found, said.getvalue(), files


def model(**compiled: Any) -> Any:
    made = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, "tanh", name="a"), layers.Dense(1, name="b")]
    )
    made.set_weights(WEIGHTS)
    made.compile(**{"optimizer": "sgd", "loss": "mse", "metrics": ["mae"], **compiled})
    return made


def nested() -> Any:
    """A model that has another one inside."""
    made = keras.Sequential([keras.Input((4,)), model(), layers.Dense(2, name="c")])
    made.layers[0].name = "a"
    return made


def compile_(**arguments: Any) -> Any:
    made = model()
    made.compile(**{"loss": "mse", **arguments})
    return made.fit(X, Y, epochs=2, batch_size=4, shuffle=False, verbose=0).history


def fit(**arguments: Any) -> Any:
    made = model()
    history = made.fit(**arguments)
    return history.history, history.epoch, made.get_weights()


def watched(**options: Any) -> Callable[..., Any]:
    """A fit with a callback that takes arguments."""

    def call(kind: type, **arguments: Any) -> Any:
        made = model()  # what it learns of Y makes it worse on the others
        history = made.fit(
            X, Y, epochs=6, batch_size=8, validation_data=(X, -3 * Y), verbose=0,
            callbacks=[kind(**arguments)], **options,
        )  # fmt: skip
        return history.history, made.get_weights()

    return call


def of(kind: type) -> Callable[..., Any]:
    return lambda **arguments: watched()(kind, **arguments)


def layer_of(kind: type, x: Any = X) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        made = kind(**arguments)
        return made(x), made.name, made.trainable

    return call


class Own(layers.Layer):
    """A layer whose weight takes the arguments."""

    def __init__(self, **arguments: Any):
        super().__init__()
        self.given = arguments

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(**{"shape": (4,), **self.given})

    def call(self, x: Any) -> Any:
        return x * self.w


def add_weight(**arguments: Any) -> Any:
    made = keras.Sequential([keras.Input((4,)), Own(**arguments), layers.Dense(1)])
    made.layers[1].set_weights([np.ones((4, 1)), np.zeros(1)])
    made.compile("sgd", "mse")
    history = made.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    return history.history, made.get_weights(), made.layers[0].w.name


def loaded(**arguments: Any) -> Any:
    model().save("here.keras")
    made = keras.models.load_model(**arguments)
    return made.predict(X, verbose=0), made.compiled or made.network().compiled


def saved_twice(method: str, suffix: str) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        made = model()
        getattr(made, method)(f"x{suffix}")
        return getattr(made, method)(**arguments)

    return call


def weights_of(**arguments: Any) -> Any:
    first, made = model(), model()
    first.save_weights("a.weights.h5")
    first.set_weights([0 * one for one in WEIGHTS])
    first.save_weights("b.weights.h5")
    made.load_weights(**arguments)
    return made.get_weights()


def normalized(**arguments: Any) -> Any:
    made = layers.Normalization(**arguments)
    if made.mean is None:
        made.adapt(X)
    return made(X)


def looked_up(kind: type, x: Any) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        made = kind(**arguments)
        if not made.get_vocabulary(False):
            made.adapt(x)
        read = np.array([1, 2]) if arguments.get("invert") else x
        return made.get_vocabulary(), [str(one) for one in np.ravel(made(read))], made.name

    return call


def steps_of(**arguments: Any) -> Any:
    made = keras.utils.PyDataset(**arguments)
    return made.workers, made.max_queue_size


def popped(**arguments: Any) -> Any:
    made = model()
    return made.pop(**arguments).name


def added(**arguments: Any) -> Any:
    made = model()
    made.add(**arguments)
    return [one.name for one in made.layers]


def listed(**arguments: Any) -> Any:
    several = callbacks.CallbackList(**arguments)
    several.on_epoch_end(3, {})
    return [(one.params, one.model) for one in several.callbacks]


def terminated(**arguments: Any) -> Any:
    made = model(optimizer=keras.optimizers.SGD(1e30))
    try:
        made.fit(X, Y, epochs=3, verbose=0, callbacks=[callbacks.TerminateOnNaN(**arguments)])
    except ArithmeticError as error:
        return type(error).__name__
    return "ended"


def logged(**arguments: Any) -> Any:
    Path("a.csv").write_text("epoch,loss\n7,0.5\n")
    return watched()(callbacks.CSVLogger, **arguments)


def measured(kind: type) -> Callable[..., Any]:
    """A fit of a layer, whose objective has what the layer adds to it."""

    def call(**arguments: Any) -> Any:
        made = keras.Sequential([keras.Input((4,)), layers.Dense(4), kind(**arguments)])
        made.compile("sgd", "mse")
        y = np.ones_like(made.predict(X, verbose=0))
        return made.fit(X, y, batch_size=4, shuffle=False, epochs=2, verbose=0).history

    return call


def counted(kind: type) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        made = kind(**arguments)
        made.update_state(X[:, 0])
        return made.result(), made.name, made.dtype

    return call


def wrapped(**arguments: Any) -> Any:
    made = keras.metrics.MeanMetricWrapper(**arguments)
    made.update_state(Y, X[:, :1])
    return made.result(), made.name, made.dtype


def variable(**arguments: Any) -> Any:
    made = keras.metrics.Metric().add_variable(**arguments)
    return made.value, made.name


class Doubled(layers.Layer):
    def call(self, x: Any) -> Any:
        return x * 2.0


def doubled(**arguments: Any) -> Any:
    made = Doubled(**arguments)
    network = keras.Sequential([keras.Input((4,)), made])
    network.compile("sgd", "mse")
    return network.evaluate(X, X, verbose=0), made.name, made.trainable
