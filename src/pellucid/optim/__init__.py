"""Optimizers as pairs of graph functions: `init(params)` and `update(gradients, slots, …)`."""

from pellucid.optim.adam import Adam
from pellucid.optim.base import Optimizer
from pellucid.optim.schedules import Constant, Schedule, Step
from pellucid.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Constant", "Optimizer", "Schedule", "Step"]
