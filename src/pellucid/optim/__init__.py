"""Optimizers: pairs of graph functions, and drivers that evaluate several times a step."""

from pellucid.optim.adam import Adam, AdamW
from pellucid.optim.adaptive import Adagrad, RMSprop
from pellucid.optim.base import Optimizer
from pellucid.optim.drivers import LBFGS, Driver, Newton, Perturb
from pellucid.optim.schedules import (
    BatchSize,
    Constant,
    Cosine,
    Exponential,
    FixedBatch,
    GrowingBatch,
    OneCycle,
    Piecewise,
    Schedule,
    Step,
    WarmUp,
)
from pellucid.optim.sgd import SGD

__all__ = [
    "LBFGS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "BatchSize",
    "Constant",
    "Cosine",
    "Driver",
    "Exponential",
    "FixedBatch",
    "GrowingBatch",
    "Newton",
    "OneCycle",
    "Optimizer",
    "Perturb",
    "Piecewise",
    "RMSprop",
    "Schedule",
    "Step",
    "WarmUp",
]
