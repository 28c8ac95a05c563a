"""A layer of Keras that is one layer of `pellucid.nn`: what all such layers have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pellucid import nn
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.keras import blame
from pellucid.keras.arguments import Arguments, bound, refuse
from pellucid.keras.base import COMMON, Layer
from pellucid.keras.members import unknown_member
from pellucid.keras.session import settle
from pellucid.keras.tensors import BEHIND, ROOT, KerasTensor, Node, borrowed, called
from pellucid.keras.weighted import plain_name
from pellucid.nn.layer import Layer as Inner

Make = Callable[[Arguments, dict[str, Any]], Inner]

# What can be read of a layer that has weights.
_ARRAYS = ("kernel", "bias", "depthwise_kernel", "pointwise_kernel", "embeddings")

# Keras's names of arrays, and those of ours.
NAMES = {
    "W": "kernel", "b": "bias", "table": "embeddings", "mean": "moving_mean",
    "variance": "moving_variance", "P": "pointwise_kernel",
}  # fmt: skip


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
        for name, value in given.values_.items():  # units, filters, … can be read, as in Keras
            if not hasattr(type(self), name) and name not in self.__dict__:
                self.__dict__[name] = value
        own = {"name": plain_name(self.name)}
        self.inner = blame.made(given, lambda a: type(self).make(a, own))
        given.finish()

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses a new value of an argument that the layer is made of."""
        given = self.__dict__.get("_arguments")
        known = {} if given is None else given.values_
        if (
            name in known
            and name not in ("name", "dtype", "trainable")
            and value is not known[name]
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

    def own_weights(self) -> list[tuple[Inner, str, str, tuple[int, ...]]]:
        settle()
        found = []
        for kind in ("params", "state"):
            for name, array in (getattr(self.inner.variables, kind) or {}).items():
                shape = tuple(array.shape)
                if name == "P":
                    rank = getattr(self.inner, "rank", 2)
                    shape = (*(1,) * rank, *shape)
                found.append((self.inner, kind, name, shape))
        return found

    def _frozen(self) -> list[Inner]:
        return [] if self.trainable else [self.inner]

    def __getattr__(self, name: str) -> Any:
        if name in _ARRAYS and ROOT.get() is not None and not self.inner.variables.params:
            return self._weight("params", name, ())
        for ours, keras in NAMES.items():
            if name == keras or (name == "depthwise_kernel" and ours == "W"):
                for _, kind, own, shape in self.own_weights():
                    if own == ours:
                        return self._weight(kind, own, shape)
        if name in ("gamma", "beta", "alpha"):
            settle()
            held = self.inner.variables.params or {}
            if name in held:
                return self._weight("params", name, held[name].shape)
        return unknown_member(self, name)

    def _weight(self, kind: str, leaf: str, shape: tuple[int, ...]) -> Any:
        """An array; while a network is made a tensor, which training reaches."""
        if ROOT.get() is None:
            return getattr(self.inner.variables, kind)[leaf].reshape(shape)
        behind = BEHIND.get()
        behind = self.__dict__.get("_made_tensor") if behind is None else behind
        if kind != "params" or behind is None:
            raise ArgumentError(
                f"keras.{self.name}",
                f"{NAMES.get(leaf, leaf)} can be read in call behind a call of the layer, and where"
                " it is trained, got another place",
                "Call the layer first.",
            )
        return borrowed(self.inner, leaf, tuple(shape), behind)

    def get_config(self) -> dict[str, Any]:
        _, given = self.__dict__["_constructed"]
        return {**given, **self._arguments.values_, **super().get_config()}
