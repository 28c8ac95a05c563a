"""What the end of a network must be for its data and loss; the settings of a model of Python's."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.models import Sequential
from pellucid.nn import CrossEntropy, HalfSquared, MulticlassHinge, ProbabilityCrossEntropy
from pellucid.nn.dense import Activation, Dense
from pellucid.web.settings import OWN, Loaded, Settings
from pellucid.web.sources import Own

_MANY_CLASSES = (CrossEntropy, ProbabilityCrossEntropy, MulticlassHinge)


def fitted(settings: Settings, classes: int, anew: bool = False) -> Settings:
    """`settings` with an end that the data and the loss allow.

    Several classes need a unit each and their loss; values and signs one unit.

    Args:
        anew: whether the activation of the output follows from the loss: tanh where classes are
            values -1 and 1, linear for anything else.
    """
    loss, layers = settings.loss, list(settings.layers)
    if classes > 2 and not isinstance(loss, _MANY_CLASSES):
        loss = CrossEntropy()
    if not classes and loss.is_classification:
        loss = HalfSquared()
    units = max(classes, 2) if isinstance(loss, _MANY_CLASSES) else 1
    place = max((i for i, one in enumerate(layers) if isinstance(one, Dense)), default=-1)
    if place < 0:
        raise ArgumentError("playground", "a network needs a Dense layer, got none")
    end = layers[place]
    assert isinstance(end, Dense)
    if end.units != units:
        layers[place] = dataclasses.replace(end, units=units)
    if loss != settings.loss or anew:
        layers = [one for one in layers[: place + 1] if not isinstance(one, Activation)]
        activation = "tanh" if classes and not loss.is_classification else None
        layers[-1] = dataclasses.replace(end, units=units, activation=activation)
    return dataclasses.replace(settings, loss=loss, layers=tuple(layers))


def of_model(model: Any, own: Own | None, held: float) -> Settings:
    """The settings that a model of Python's stands for; one that was trained begins as a file.

    Raises:
        ArgumentError: for a model that is no chain of layers, or is not compiled.
    """
    if not isinstance(model, Sequential):
        raise ArgumentError("play", f"model must be a Sequential, got {model!r}")
    if not model.compiled or model.optimizer is None:
        raise ArgumentError("play", "the model must be compiled first", "Call compile first.")
    assert own is not None
    model.build((own.x.shape[1],))
    untrained = Sequential(
        [dataclasses.replace(layer) for layer in model.layers], seed=model.seed, dtype=model.dtype
    )
    untrained.build((own.x.shape[1],))
    same = all(map(np.array_equal, model.get_weights(), untrained.get_weights()))
    return Settings(
        data=OWN,
        held=held,
        features=tuple(f"x{i + 1}" for i in range(own.x.shape[1])),
        layers=tuple(model.layers),
        seed=model.seed,
        dtype=str(model.dtype),
        optimizer=model.optimizer,
        loss=model.loss,
        penalties=tuple(model.regularizers),
        loaded=None if same and not model.training else Loaded(),
    )
