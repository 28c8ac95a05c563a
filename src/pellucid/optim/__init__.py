"""Optimizers, those that search along a direction or a Hessian, and schedules of rates."""

from typing import TYPE_CHECKING

from pellucid.core.names import unknown_names
from pellucid.optim import elsewhere
from pellucid.optim.adam import Adam, AdamW
from pellucid.optim.adaptive import Adagrad, RMSprop
from pellucid.optim.base import Optimizer
from pellucid.optim.minimizers import LBFGS, Minimizer, Newton, Perturb
from pellucid.optim.moments import Adadelta, Adafactor, Adamax, Ftrl, Lamb, Lion, Nadam
from pellucid.optim.muon import Muon
from pellucid.optim.objective import Objective
from pellucid.optim.schedules import (
    BatchSize,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    FixedBatch,
    GrowingBatch,
    InverseTime,
    OneCycle,
    Piecewise,
    PolynomialDecay,
    Schedule,
    Step,
    WarmUp,
)
from pellucid.optim.sgd import SGD

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "BatchSize",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "FixedBatch",
    "Ftrl",
    "GrowingBatch",
    "InverseTime",
    "Lamb",
    "Lion",
    "Minimizer",
    "Muon",
    "Nadam",
    "Newton",
    "Objective",
    "OneCycle",
    "Optimizer",
    "Perturb",
    "Piecewise",
    "PolynomialDecay",
    "RMSprop",
    "Schedule",
    "Step",
    "WarmUp",
]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.optim", __all__, elsewhere.NAMES)
