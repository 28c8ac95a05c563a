"""Optimizers as pairs of graph functions: `init(params)` and `update(gradients, slots, …)`."""

from pellucid.optim.adam import Adam, AdamW
from pellucid.optim.adaptive import Adagrad, RMSprop
from pellucid.optim.base import Optimizer
from pellucid.optim.schedules import (
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    Piecewise,
    Schedule,
    Step,
    WarmUp,
)
from pellucid.optim.sgd import SGD

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "Constant", "Cosine", "Exponential", "OneCycle",
    "Optimizer", "Piecewise", "RMSprop", "Schedule", "Step", "WarmUp",
]  # fmt: skip
