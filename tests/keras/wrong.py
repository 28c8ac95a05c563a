"""Every public callable of the door with good arguments, for `test_wrong_arguments.py`.

What stands in tables comes from the tables, by introspection; the rest from `rows.py`.
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from pellucid import keras
from pellucid.keras import layers
from tests.keras import rows
from tests.keras.calls import form_of, seen
from tests.keras.test_names import REQUIRED
from tests.keras.wrong_more import of_more


class Target(NamedTuple):
    """A callable, how it is used, good arguments, and the names of all that it takes."""

    name: str
    use: Callable[..., Any]
    good: dict[str, Any]
    names: list[str]


class Blank:
    """An object of no use."""

    def __repr__(self) -> str:
        return "Blank()"


WRONG: dict[str, Any] = {
    "a word": "nonsense", "-1": -1, "2.5": 2.5, "nan": math.nan, "0": 0, "None": None,
    "[None]": [None], "a dict": {"a": 1}, "a complex array": np.ones(3, complex),
    "a number too large": 10**400, "three axes": np.zeros((2, 3, 4)), "an object": Blank(),
    "True": True, "a ragged list": [[1.0], [1.0, 2.0]], "[]": [], "a list of words": ["a", "b"],
}  # fmt: skip
# What `get` calls what it is asked for.
KINDS = r"(activation|constraint|initializer|loss|metric|optimizer|regularizer)"
# Arguments that take all of these values: why.
ANY = {
    "layers.EinsumDense.bias_constraint": "of a bias, which is not there without bias_axes",
    "callbacks.CallbackList.model": "it is handed to the callbacks",
    "layers.Lambda.function": "a function may do anything",
    "utils.is_keras_tensor.x": "the answer is no",
    "ops.is_tensor.x": "the answer is no",
    "Layer.build.input_shape": "the first call makes the weights",
    "callbacks.Callback.set_model.model": "it is kept as it is",
    "callbacks.Callback.set_params.params": "it is kept as it is",
    "models.load_model.custom_objects": "refused, where it is not empty",
}
T = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
P = np.array([[0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
INPUTS = {
    "1D": np.ones((2, 8, 3), np.float32), "2D": np.ones((2, 8, 8, 3), np.float32),
    "Embedding": np.ones((2, 3)), "RepeatVector": np.ones((2, 4), np.float32),
    "Permute": np.ones((2, 3, 4), np.float32), "Reshape": np.ones((2, 4), np.float32),
    **dict.fromkeys(("CenterCrop", "Resizing"), np.ones((2, 8, 8, 3), np.float32)),
}  # fmt: skip
OWN = {
    "F1Score": {"average": "macro"}, "FBetaScore": {"average": "macro"},
    "GroupNormalization": {"groups": 1}, "threshold": {"threshold": 1.0, "default_value": 0.0},
    "BinaryFocalCrossentropy": {"apply_class_balancing": True},
    "randint": {"shape": (2,), "minval": 0, "maxval": 9},
    "categorical": {"logits": P, "num_samples": 2}, "dropout": {"inputs": P, "rate": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "PrecisionAtRecall": {"recall": 0.5}, "RecallAtPrecision": {"precision": 0.5},
    "shuffle": {"x": P},
    **{name: {"num_classes": 2, "target_class_ids": [0]} for name in ("IoU", "OneHotIoU")},
    **{name: {"num_classes": 2} for name in ("MeanIoU", "OneHotMeanIoU")},
    "normal": {"shape": (2,)}, "truncated_normal": {"shape": (2,)}, "uniform": {"shape": (2,)},
}  # fmt: skip


def listed(function: Callable[..., Any]) -> list[str]:
    """The names of the arguments, without *args and **kwargs."""
    parameters = form_of(function).parameters.values()
    stars = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in parameters if one.kind not in stars and one.name != "self"]


def needed(function: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for one in inspect.signature(function).parameters.values():
        if one.default is one.empty and one.name in given:
            found[one.name] = given[one.name]
    return found


def of_tables() -> Iterator[Target]:
    """Layers, optimizers, losses and so on: what their makers make is used once."""
    for room in (
        "optimizers",
        "losses",
        "initializers",
        "regularizers",
        "constraints",
        "metrics",
        "optimizers.schedules",
        "activations",
        "layers",
        "random",
    ):
        module = importlib.import_module(f"pellucid.keras.{room}")
        listed_in = {"layers": "mapped"}.get(room, room)
        table = importlib.import_module(f"pellucid.keras.{listed_in}")
        for name in table.ROWS:
            made = getattr(module, name)
            uses = {
                "losses": _loss,
                "metrics": _metric,
                "activations": _plain,
                "layers": _layer,
                "optimizers": _optimizer,
                "initializers": _start,
                "regularizers": _penalty,
            }.get(room, _plain)
            good = needed(made, {**REQUIRED, "x": P}) | OWN.get(name, {})
            yield Target(f"{room}.{name}", uses(made, name), good, listed(made))


def _plain(made: Any, name: str) -> Callable[..., Any]:
    return made


def _layer(made: Any, name: str) -> Callable[..., Any]:
    x = INPUTS.get(name, INPUTS.get(name.replace("Transpose", "")[-2:], INPUTS["2D"]))
    training = (
        {"training": False}
        if name.startswith(("Random", "Alpha", "Gauss", "Drop", "Spat", "Batch"))
        else {}
    )
    return lambda **a: made(**a)(x, **training)


def _loss(made: Any, name: str) -> Callable[..., Any]:
    end = {"Binary": "sigmoid", "Catego": "softmax", "Sparse": "softmax", "KLDive": "softmax"}
    return lambda **a: made(**a).inner(end.get(name[:6], "linear"))


def _metric(made: Any, name: str) -> Callable[..., Any]:
    if name in ("IoU", "MeanIoU"):
        return lambda **a: made(**a)(T[:, 1], T[:, 1])
    return lambda **a: made(**a)(T[:, 1] if name.startswith("Sparse") else T, P)


def _optimizer(made: Any, name: str) -> Callable[..., Any]:
    def use(**a: Any) -> Any:
        model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        model.compile(made(**a), "mse")
        return model.optimizer.inner

    return use


def _start(made: Any, name: str) -> Callable[..., Any]:
    return lambda **a: made(**a)((2, 2))


def _penalty(made: Any, name: str) -> Callable[..., Any]:
    return lambda **a: made(**a)(T)


def of_rows() -> Iterator[Target]:
    """What was written by hand."""
    for row in rows.CALLS:
        owner: Any = keras
        for part in row.name.split("."):
            owner = getattr(owner, part)
        yield Target(row.name, lambda call=row.call, **a: seen(call, a), row.good, listed(owner))


TARGETS = [*of_tables(), *of_rows(), *(Target(*one) for one in of_more())]
