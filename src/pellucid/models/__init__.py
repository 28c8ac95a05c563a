"""Models: layers, their arrays, and the calls that train, use and keep them."""

from typing import TYPE_CHECKING

from pellucid.core.names import unknown_names
from pellucid.models import elsewhere
from pellucid.models.convolutional import alexnet, lecun1989, lenet5
from pellucid.models.many import fit_many
from pellucid.models.model import Model
from pellucid.models.rates import RateRange, rate_range
from pellucid.models.sequential import Sequential

__all__ = [
    "Model",
    "RateRange",
    "Sequential",
    "alexnet",
    "fit_many",
    "lecun1989",
    "lenet5",
    "rate_range",
]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.models", __all__, elsewhere.MODELS)
