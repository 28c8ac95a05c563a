"""The weights of a layer of the door: those of itself and of the layers inside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.keras import blame, initializers, regularizers
from pellucid.keras.arguments import permit
from pellucid.keras.random import SeedGenerator
from pellucid.keras.session import SESSION, path_of, plain_name
from pellucid.keras.variable import KerasWeight, Variable, drawn, shape_of
from pellucid.nn.layer import Layer as Inner
from pellucid.ops.composite.base import asvalue


class Weighted:
    """What has weights: see `Layer`."""

    name: str
    parent_path: str | None = None  # of the layers that it was built in; None before
    _layers: list[Any]
    _variables: list[Variable]
    _seeds: list[SeedGenerator]
    _trainable: bool
    built: bool

    def _flatten_layers(self) -> Iterator[Any]:
        raise NotImplementedError

    @property
    def path(self) -> str:
        """The name, behind those of the layers that it was built in."""
        return f"{self.parent_path}/{self.name}" if self.parent_path else self.name

    def inner_layers(self) -> list[Inner]:
        """The layers of ours inside that have arrays."""
        found = [one.inner for one in self._variables]
        for one in self._layers:
            found += one.inner_layers()
        return found

    def own_variables(self) -> list[Variable]:
        """The weights that are the layer's own, not those of layers inside."""
        return sorted(self._variables, key=lambda one: not one.begins_trainable)

    def _frozen(self) -> list[Inner]:
        """The layers of ours that training leaves as they are."""
        if not self.trainable:
            return self.inner_layers()
        found = [one.inner for one in self._variables if _alone(one) and not one.trainable]
        for one in self._layers:
            found += one._frozen()
        return found

    def _single_frozen(self) -> list[Variable]:
        """Single weights that training leaves as they are, of layers that it changes."""
        return [
            one for one in self.weights
            if one.begins_trainable and not one.trainable and not _alone(one)
            and one.keeper.trainable
        ]  # fmt: skip

    # -- weights ----------------------------------------------------------------------------

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; compile the model behind a change."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for one in self._flatten_layers():
            one._trainable = bool(value)
            for variable in one.own_variables():
                if variable.begins_trainable:
                    variable.trainable = bool(value)

    @property
    def weights(self) -> list[Variable]:
        """All weights, in Keras's order and shapes, each once."""
        found = {id(one): one for one in self.own_variables()}
        for layer in self._layers:
            found |= {id(one): one for one in layer.weights}
        return list(found.values())

    @property
    def variables(self) -> list[Variable]:
        """The weights, and beside them what says which random numbers come next."""
        found = {id(one): one for one in [*self.own_variables(), *self.own_seeds()]}
        for layer in self._layers:
            found |= {id(one): one for one in layer.variables}
        return list(found.values())

    def own_seeds(self) -> list[Variable]:
        """The states of the generators of random numbers that are the layer's own."""
        return [one.state for one in self._seeds]

    def seed_variables(self) -> list[Variable]:
        """Those of itself and of the layers inside, in the order of `variables`."""
        return [one for one in self.variables if one.name == "seed_generator_state"]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [one for one in self.weights if self.trainable and one.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone, statistics of batches among them."""
        return [one for one in self.weights if not (self.trainable and one.trainable)]

    @property
    def trainable_variables(self) -> list[Variable]:
        """As `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training leaves alone."""
        return [one for one in self.variables if not (self.trainable and one.trainable)]

    def get_weights(self) -> list[Any]:
        """Copies of all arrays, in Keras's order and shapes."""
        return [one.numpy() for one in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replaces all arrays by copies of these."""
        own, where = self.weights, f"keras.{self.name}.set_weights"
        listed = isinstance(weights, (list, tuple))
        if not listed or len(own) != len(weights):
            came = len(weights) if listed else blame.shown(weights)
            raise ArgumentError(where, f"weights must be {len(own)} arrays in a list, got {came}")
        arrays = [np.asarray(one) for one in weights]
        for variable, array in zip(own, arrays, strict=True):
            if array.shape != variable.shape:
                raise ShapeError(
                    where, f"{variable.name} must be {variable.shape}, got {array.shape}"
                )
        if not all(one.inner.variables.claim.free for one in own):
            raise ArgumentError(
                where,
                "weights belong to the run while fit trains, got a call from a callback",
                "Set them behind fit, or in on_train_end.",
            )
        for variable, array in zip(own, arrays, strict=True):
            variable.assign(array)

    def count_params(self) -> int:
        """How many numbers all arrays have.

        Raises:
            ArgumentError: where the shape of the input is not known yet.
        """
        if not self.built and not self.weights:
            raise ArgumentError(
                f"keras.{self.name}.count_params",
                "the layer has no weights yet: the shape of its input is not known",
                "Build the model, or call it on data.",
            )
        return sum(math.prod(one.shape) for one in self.weights)

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """A weight of a layer of your own, made in `build` or `__init__`."""
        where = f"{type(self).__name__}.add_weight"
        permit(where, "dtype", getattr(dtype, "name", dtype), None, SESSION.floatx)
        for key, value, plain in (
            ("autocast", autocast, True),
            ("aggregation", aggregation, "none"),
            ("overwrite_with_gradient", overwrite_with_gradient, False),
        ):
            permit(where, key, value, plain)
        blame.check_kinds(
            where, {"trainable": trainable, "name": name}, {"trainable": True, "name": None}
        )
        shape = shape_of(where, shape)
        start = initializers.meant(
            where, ("glorot_uniform" if shape else "zeros") if initializer is None else initializer
        )
        penalties = regularizers.penalties(where, regularizer)
        penalties += regularizers.bounds(where, constraint, max(len(shape), 1))
        word = name or f"weight_{len(self._variables)}"
        inner = KerasWeight(
            shape,
            start,
            name=f"{plain_name(self.name)}-{plain_name(word)}",
            regularizer=penalties or None,
        )
        drawn(inner, SESSION.floatx)
        word = name or SESSION.name("Variable")
        path = path_of(word, self)
        made = Variable.of(inner, "params", "value", shape, word, path, self, trainable)
        self._variables.append(made)
        return made

    def _penalties(self) -> list[Any]:
        """The penalties of the weights that are trained, as numbers."""
        found = []
        for one in self.trainable_weights:
            for penalty in one.inner.penalties:
                if not penalty.is_proximal and penalty.acts_on(
                    one.leaf, one.leaf in one.inner.biases
                ):
                    array = one.inner.variables.params[one.leaf]  # type: ignore[index]
                    strength = asvalue(np.asarray(penalty.strength, array.dtype))
                    found.append(np.asarray(penalty.penalty(strength, asvalue(array))))
        return found


def _alone(variable: Variable) -> bool:
    """Whether it is the only weight of its layer of ours."""
    return isinstance(variable.inner, KerasWeight)
