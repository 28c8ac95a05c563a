"""A layer of Keras that is one layer of `pellucid.nn`: what all such layers have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid import nn
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.keras import activations, blame, initializers
from pellucid.keras.arguments import Arguments, bound, refuse
from pellucid.keras.base import COMMON, Layer, draws
from pellucid.keras.members import unknown_member
from pellucid.keras.random import SeedGenerator
from pellucid.keras.session import plain_name
from pellucid.keras.tensors import BEHIND, ROOT, KerasTensor, Node, borrowed, called
from pellucid.keras.variable import Variable
from pellucid.nn.layer import Layer as Inner

Make = Callable[[Arguments, dict[str, Any]], Inner]

# What can be read of a layer that has weights before it has them, and what then.
_ARRAYS = ("kernel", "bias", "depthwise_kernel", "pointwise_kernel", "embeddings")

# Keras's names of arrays, and those of ours.
NAMES = {
    "W": "kernel", "b": "bias", "table": "embeddings", "mean": "moving_mean",
    "variance": "moving_variance", "P": "pointwise_kernel",
}  # fmt: skip
_ALSO = {"W": "depthwise_kernel"}  # as older programs have it
_READ = {*_ARRAYS, "gamma", "beta", "alpha", "scale", "moving_mean", "moving_variance"}
# Of layers of ours whose arrays have other names in Keras than those of most.
_OWN_NAMES = {
    "SeparableConv1D": {"W": "depthwise_kernel"}, "SeparableConv2D": {"W": "depthwise_kernel"},
    "RMSNorm": {"gamma": "scale"},
}  # fmt: skip


def _as_it_is(value: Any) -> Any:
    return value


# What arguments that are names stand for, by the ends of their own names.
_MEANT = {"activation": activations.get, "initializer": initializers.get}
_LAST = ("BatchNormalization", "GroupNormalization", "UnitNormalization", "RMSNormalization")
_RANKS = {"1D": 3, "2D": 4}


class Mapped(Layer):
    """A layer of Keras that is one of ours.

    Attributes:
        inner: the layer of `pellucid.nn`.
    """

    room_name = ""
    make: Make

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given, rest = bound("layers", self.room_name, args, kwargs, COMMON)
        for name in ("name", "dtype"):
            if name in given.values_:
                rest[name] = getattr(given, name)
        if "activity_regularizer" in given.values_:
            rest["activity_regularizer"] = given.activity_regularizer
        super().__init__(**rest)
        self._arguments = given
        own = {"name": plain_name(self.name)}
        self.inner = blame.made(given, lambda a: type(self).make(a, own))
        given.finish()
        for name, value in given.values_.items():  # units, filters, … can be read, as in Keras
            if not hasattr(type(self), name) and name not in self.__dict__:
                meant = _MEANT.get(name.rsplit("_", 1)[-1], _as_it_is)
                self.__dict__[name] = meant(value)

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses a new value of an argument that the layer is made of."""
        given = self.__dict__.get("_arguments")
        known = {} if given is None else given.values_
        if (
            name in known
            and name not in ("name", "dtype", "trainable")
            and value is not known[name]
            and value is not self.__dict__.get(name)
        ):
            refuse(self.room_name, name, value, "the layer is made: give it to a new one")
        super().__setattr__(name, value)

    @property
    def activation_function(self) -> Any:
        """The function, where the layer is one: LeakyReLU() may be given as an activation."""
        return self.inner.function if isinstance(self.inner, nn.Activation) else None

    def build(self, input_shape: Any) -> None:
        """Checks what depends on the number of axes."""
        axis = self._arguments.values_.get("axis", -1)
        axis = axis.tolist() if isinstance(axis, np.ndarray) else axis
        if self.room_name in _LAST and axis not in (-1, [-1], (-1,)):
            wanted = len(input_shape) - 1 if isinstance(input_shape, tuple) else None
            if axis not in (wanted, [wanted], (wanted,)):
                refuse(self.room_name, "axis", axis, "it must be the last one")
        rank = _RANKS.get(self.room_name[-2:])
        if rank and isinstance(input_shape, tuple) and len(input_shape) != rank:
            raise ShapeError(
                f"keras.{self.name}",
                f"x must have {rank} axes with the rows, got {input_shape}",
                "Add a channel: Reshape((…, 1)).",
            )
        self.built = True

    def _traced(self, args: Any, kwargs: Any, tensors: list[KerasTensor]) -> Any:
        for name in kwargs:
            refuse(self.room_name, name, kwargs[name])
        if not self.built:
            self.build(tensors[0].shape)
        return called(self.inner, tensors, Node(self, tensors), self.name)

    def inner_layers(self) -> list[Inner]:
        return [self.inner]

    def own_variables(self) -> list[Variable]:
        made: dict[str, Variable] = self.__dict__.setdefault("_made_variables", {})
        for kind in ("params", "state"):
            for leaf, array in (getattr(self.inner.variables, kind) or {}).items():
                if leaf not in made:
                    shape = tuple(array.shape)
                    if leaf == "P":
                        shape = (*(1,) * getattr(self.inner, "rank", 2), *shape)
                    name = self._named(leaf)
                    path = f"{self.path}/{name}"
                    made[leaf] = Variable.of(self.inner, kind, leaf, shape, name, path, self)
        return list(made.values())

    def own_seeds(self) -> list[Variable]:
        if not self._seeds and draws(self.inner):
            self._seeds.append(SeedGenerator())
        return [one.state for one in self._seeds]

    def _named(self, leaf: str) -> str:
        """Keras's name of an array of ours."""
        own = _OWN_NAMES.get(type(self.inner).__name__, {})
        return own.get(leaf) or NAMES.get(leaf, leaf)

    def _frozen(self) -> list[Inner]:
        return [] if self.trainable else [self.inner]

    def __getattr__(self, name: str) -> Any:
        if name in _READ:
            for one in self.own_variables():
                if name in (one.name, NAMES.get(one.leaf), _ALSO.get(one.leaf)):
                    return one if ROOT.get() is None else self.borrowed(one)
            if name in _ARRAYS and ROOT.get() is not None and not self.inner.variables.params:
                raise self._not_here(name)
        return unknown_member(self, name)

    def borrowed(self, variable: Variable) -> KerasTensor:
        """A weight as a tensor of the network that is made, which training reaches."""
        behind = BEHIND.get()
        behind = self.__dict__.get("_made_tensor") if behind is None else behind
        if variable.kind != "params" or behind is None:
            raise self._not_here(variable.name)
        return borrowed(self.inner, variable.leaf, variable.shape, behind)

    def _not_here(self, name: str) -> ArgumentError:
        return ArgumentError(
            f"keras.{self.name}",
            f"{name} can be read in call behind a call of the layer, and where it is trained, got "
            "another place",
            "Call the layer first.",
        )

    def get_config(self) -> dict[str, Any]:
        _, given = self.__dict__["_constructed"]
        return {**given, **self._arguments.values_, **super().get_config()}
