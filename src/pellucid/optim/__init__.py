"""Optimizers, those that search along a direction or a Hessian, and schedules of rates."""

from typing import TYPE_CHECKING

from pellucid.core.names import unknown_names
from pellucid.optim import elsewhere
from pellucid.optim.adam import Adam, AdamW
from pellucid.optim.adaptive import Adagrad, RMSprop
from pellucid.optim.base import Optimizer
from pellucid.optim.minimizers import LBFGS, Minimizer, Newton, Perturb
from pellucid.optim.objective import Objective
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
    "Exponential",
    "FixedBatch",
    "GrowingBatch",
    "Minimizer",
    "Newton",
    "Objective",
    "OneCycle",
    "Optimizer",
    "Perturb",
    "Piecewise",
    "RMSprop",
    "Schedule",
    "Step",
    "WarmUp",
]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.optim", __all__, elsewhere.NAMES)
