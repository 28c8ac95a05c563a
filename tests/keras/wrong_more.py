"""Targets of `wrong.py` that neither a table of the door nor `rows.py` has.

Functions of `keras.ops` with the arguments of their cases beside Keras, functions of losses and
metrics, methods, and what finds an object by its name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pellucid import keras
from pellucid.keras import callbacks, layers, losses, metrics, ops
from tests.keras.calls import WEIGHTS, X, Y, model, seen
from tests.keras.rows import CALLS
from tests.keras.test_ops import SCRIPT

T = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
P = np.array([[0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
CLASSES = np.array([1, 0, 0])
# Cases of `keras.ops` that Keras has none of.
MORE_OPS: dict[str, dict[str, Any]] = {
    "array": {"x": [1, 2]},
    "dtype": {"x": X},
    "empty": {"shape": (2, 3)},
    "is_tensor": {"x": X},
    "sparsemax": {"x": X},
    "stop_gradient": {"variable": X},
}
BY_HAND = {one.name.removeprefix("ops.") for one in CALLS}
FOUND = {
    "activations": "relu", "constraints": "non_neg", "initializers": "zeros", "losses": "mse",
    "metrics": "mae", "optimizers": "sgd", "regularizers": "l2",
}  # fmt: skip
Made = tuple[str, Callable[..., Any], dict[str, Any], list[str]]


def names_of(function: Callable[..., Any]) -> list[str]:
    """The names of the arguments, without *args, **kwargs and self."""
    stars = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        one.name
        for one in inspect.signature(function).parameters.values()
        if one.kind not in stars and one.name != "self"
    ]


def of_ops() -> Iterator[Made]:
    """Each function of keras.ops once, with the arguments of its fullest case."""
    full: dict[int, tuple[str, dict[str, Any]]] = {}
    for name, args, options in SCRIPT.CASES:
        function = getattr(ops, name)
        if name in ("einsum", "meshgrid"):
            continue
        given = dict(inspect.signature(function).bind(*args, **options).arguments)
        if len(given) > len(full.get(id(function), ("", {}))[1]):
            full[id(function)] = name, given
    for name, given in MORE_OPS.items():
        full.setdefault(id(getattr(ops, name)), (name, given))
    for name, given in full.values():
        if name in BY_HAND:
            continue
        function = getattr(ops, name)
        yield f"ops.{name}", function, given, names_of(function)
    yield (
        "ops.einsum", lambda subscripts, operands: ops.einsum(subscripts, operands, X.T),
        {"subscripts": "ij,jk->ik", "operands": X}, ["subscripts", "operands"],
    )  # fmt: skip
    yield (
        "ops.meshgrid", lambda x, **more: ops.meshgrid(x, **more),
        {"x": [1.0, 2.0]}, ["x", "indexing"],
    )  # fmt: skip


def of_functions() -> Iterator[Made]:
    """Losses and metrics as functions of arrays."""
    shown: set[int] = set()
    for room in (losses, metrics):
        for name in room.__all__:
            function = getattr(room, name)
            if isinstance(function, type) or name == "get" or id(function) in shown:
                continue
            shown.add(id(function))
            codes = name.startswith("sparse") or "generalized" in name
            good = {"y_true": CLASSES if codes else T, "y_pred": P}
            good |= {"q": 0.5} if "generalized" in name else {}
            yield f"{room.__name__[15:]}.{name}", function, good, names_of(function)


def of_get() -> Iterator[Made]:
    for room, word in FOUND.items():
        function = getattr(keras, room).get
        yield f"{room}.get", function, dict.fromkeys(names_of(function), word), names_of(function)


def _of_layer(name: str, make: Callable[[], Any]) -> Callable[..., Any]:
    """A method of something that is made anew for each call."""
    return lambda **a: seen(lambda **b: getattr(make(), name)(**b), a)


def _built() -> Any:
    made = layers.Dense(3, name="a")
    made(X)
    return made


def _own_call(**given: Any) -> Any:
    class Adding(layers.Layer):
        def call(self, x: Any) -> Any:
            self.add_loss(**{"loss": ops.mean(x), **given})
            return x

    made = keras.Sequential([keras.Input((4,)), layers.Dense(4), Adding()])
    made.compile("sgd", "mse")
    return made.fit(X, X, verbose=0).history


def _lookup() -> Any:
    return layers.StringLookup(vocabulary=["a", "b"])


METHODS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "Layer.build": (lambda: layers.Dense(3), {"input_shape": (None, 4)}),
    "Layer.set_weights": (_built, {"weights": WEIGHTS[:2]}),
    "Model.build": (lambda: keras.Sequential([layers.Dense(3)]), {"input_shape": (None, 4)}),
    "Model.set_weights": (model, {"weights": WEIGHTS}),
    "layers.Normalization.adapt": (layers.Normalization, {"data": X}),
    "layers.StringLookup.adapt": (layers.StringLookup, {"data": np.array(["a", "b"])}),
    "layers.StringLookup.get_vocabulary": (_lookup, {}),
    "layers.StringLookup.set_vocabulary": (layers.StringLookup, {"vocabulary": ["a"]}),
    "layers.IntegerLookup.adapt": (layers.IntegerLookup, {"data": np.array([3, 5])}),
    "metrics.Mean.update_state": (metrics.Mean, {"values": X}),
    "metrics.Sum.update_state": (metrics.Sum, {"values": X}),
    "metrics.MeanMetricWrapper.update_state": (metrics.MeanAbsoluteError, {
        "y_true": T, "y_pred": P}),
    "metrics.Precision.update_state": (metrics.Precision, {"y_true": T, "y_pred": P}),
    "metrics.Metric.add_weight": (metrics.Metric, {}),
    "callbacks.Callback.set_model": (callbacks.Callback, {"model": model()}),
    "callbacks.Callback.set_params": (callbacks.Callback, {"params": {}}),
    "losses.Loss.__call__": (losses.MeanSquaredError, {"y_true": T, "y_pred": P}),
}  # fmt: skip


def of_methods() -> Iterator[Made]:
    for name, (make, good) in METHODS.items():
        method = name.rpartition(".")[2]
        found = getattr(make(), method)
        yield name, _of_layer(method, make), good, names_of(found)
    yield "Layer.__call__", lambda x: layers.Dense(3)(x), {"x": X}, ["x"]
    yield "Layer.add_loss", _own_call, {}, ["loss"]
    yield (
        "models.save_model",
        lambda **a: seen(lambda **b: keras.models.save_model(**b), a),
        {"model": model(), "filepath": "x.keras"},
        names_of(keras.models.save_model),
    )


def _swapped(**given: Any) -> Any:
    made = model(optimizer=keras.optimizers.SGD(use_ema=True))
    return made.fit(X, Y, verbose=0, callbacks=[callbacks.SwapEMAWeights(**given)]).history


def of_objects() -> Iterator[Made]:
    """What takes models and optimizers apart."""
    made = callbacks.SwapEMAWeights
    yield "callbacks.SwapEMAWeights", lambda **a: seen(_swapped, a), {}, names_of(made.__init__)
    clone = keras.models.clone_model
    yield "models.clone_model", lambda **a: clone(**a).name, {"model": model()}, names_of(clone)
    for name in ("TimeDistributed", "Wrapper"):
        kind = getattr(layers, name)
        good = {"layer": layers.Dense(2)}
        yield f"layers.{name}", lambda kind=kind, **a: kind(**a).name, good, ["layer"]


def of_more() -> Iterator[Made]:
    for family in (of_ops, of_functions, of_get, of_methods, of_objects):
        yield from family()
