"""What the page offers, read off the library's own tables and records."""

from __future__ import annotations

import dataclasses
from typing import Any

from pellucid import optim
from pellucid.core.config import to_config
from pellucid.data.plane import CLASSES, VALUES
from pellucid.nn.activations import BY_NAME as ACTIVATIONS
from pellucid.nn.losses import BY_NAME as LOSSES
from pellucid.nn.losses import (
    Absolute,
    BinaryCrossEntropy,
    CrossEntropy,
    HalfSquared,
    Hinge,
    Huber,
    Logistic,
    MulticlassHinge,
    Squared,
)
from pellucid.web.exercises import LEVELS
from pellucid.web.settings import CONTROLS, DIGITS

RATES = (0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
STRENGTHS = (0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
FEATURES = ("x1", "x2", "x1**2", "x2**2", "x1*x2", "sin(x1)", "sin(x2)")
OPTIMIZERS = ("SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "LBFGS", "Newton", "Perturb")
SCHEDULES = ("Step", "Exponential", "Cosine", "OneCycle", "WarmUp", "Piecewise")
INITIALIZERS = ("xavier", "he", "normal", "uniform", "zeros")
_FIRST = ("tanh", "relu", "sigmoid", "linear")
_RATE = "learning_rate"
_OF_CLASSES = (
    HalfSquared,
    BinaryCrossEntropy,
    CrossEntropy,
    Logistic,
    Hinge,
    MulticlassHinge,
    Squared,
)
_OF_VALUES = (HalfSquared, Squared, Absolute, Huber)
# What a person sees first in the fields of a schedule, which have no default.
_EXAMPLES = {"steps": 5000, "every": 1000, "borders": [1000, 3000], "rates": [0.1, 0.03, 0.01]}
_OF_RATE = ("initial", "highest", "after", "value")  # the field that the learning rate goes to


def hello() -> dict[str, Any]:
    """The first message to a page."""
    losses = {type(loss): (name, loss) for name, loss in LOSSES.items()}
    activations = [*_FIRST, *(name for name in ACTIVATIONS if name not in _FIRST)]

    def offered(kinds: Any) -> list[dict[str, Any]]:
        return [{"name": losses[kind][0], "record": to_config(losses[kind][1])} for kind in kinds]

    return {
        "kind": "hello",
        "data": {"classes": list(CLASSES), "values": list(VALUES), "pictures": [DIGITS]},
        "features": list(FEATURES),
        "activations": activations,
        "initializers": list(INITIALIZERS),
        "losses": {"classes": offered(_OF_CLASSES), "values": offered(_OF_VALUES)},
        "optimizers": {name: _fields(getattr(optim, name)) for name in OPTIMIZERS},
        "rates": list(RATES),
        "strengths": list(STRENGTHS),
        "penalties": ["L1", "L2"],
        "schedules": {name: _fields(getattr(optim, name)) for name in SCHEDULES},
        "rate_fields": list(_OF_RATE),
        "controls": list(CONTROLS),
        "exercises": {kind: list(levels) for kind, levels in LEVELS.items()},
    }


def _fields(record: Any) -> list[dict[str, Any]]:
    """The arguments of a record and what stands in them first."""
    found = []
    for field in dataclasses.fields(record):
        if field.name == _RATE or not field.init:
            continue
        default = field.default
        if default is dataclasses.MISSING:
            default = _EXAMPLES.get(field.name, 0.1)
        found.append({"name": field.name, "default": default})
    return found
