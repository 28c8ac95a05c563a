"""Keras 3's names over Pellucid: `from pellucid import keras` in the place of `import keras`.

A door, not a second house: tables map names and arguments; layers, losses, optimizers and training
are those of `pellucid.nn`, `optim`, `train` and `models`. What is outside is refused by its name.
See docs/keras.md.

Example:
    >>> import numpy as np
    >>> from pellucid import keras
    >>> model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> history = model.fit(np.eye(2), np.ones(2), epochs=3, verbose=0)
    >>> len(history.history["loss"])
    3
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.keras import (
    activations,
    arguments,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    saving,
    utils,
)
from pellucid.keras.base import Layer
from pellucid.keras.initializers import Initializer
from pellucid.keras.layers import Input
from pellucid.keras.losses import Loss
from pellucid.keras.metric import Metric
from pellucid.keras.model import Model
from pellucid.keras.models import Sequential
from pellucid.keras.optimizers import Optimizer
from pellucid.keras.regularizers import Regularizer
from pellucid.keras.tensors import KerasTensor
from pellucid.keras.variable import Variable

__all__ = [
    "Initializer",
    "Input",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "Variable",
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "random",
    "regularizers",
    "saving",
    "utils",
]


def version() -> str:
    """The version of Keras whose names these are."""
    found: str = arguments.table()["version"]
    return found


__version__ = version()

if not TYPE_CHECKING:
    __getattr__: Any = arguments.names("keras", [*__all__, "version"])
