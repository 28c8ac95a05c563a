"""The weights of a layer of the door: those of itself and of the layers inside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.graph.node import TensorType
from pellucid.keras import blame, initializers, regularizers
from pellucid.keras.arguments import permit
from pellucid.keras.session import SESSION, settle
from pellucid.keras.tensors import KerasWeight, Variable, typed
from pellucid.nn.layer import Layer as Inner
from pellucid.ops.composite.base import asvalue


class Weighted:
    """What has weights: see `Layer`."""

    name: str
    _layers: list[Any]
    _variables: list[Variable]
    _trainable: bool

    def _flatten_layers(self) -> Iterator[Any]:
        raise NotImplementedError

    def inner_layers(self) -> list[Inner]:
        """The layers of ours inside that have arrays."""
        found = [one.inner for one in self._variables]
        for one in self._layers:
            found += one.inner_layers()
        return found

    def own_weights(self) -> list[tuple[Inner, str, str, tuple[int, ...]]]:
        """Of each weight: its layer of ours, "params" or "state", its name, its shape in Keras."""
        settle()
        found = []
        for one in sorted(self._variables, key=lambda one: not one.trainable):
            found.append((one.inner, "params", "value", tuple(one.shape)))
        for layer in self._layers:
            found += layer.own_weights()
        return found

    def _frozen(self) -> list[Inner]:
        """The layers of ours that training leaves as they are."""
        if not self.trainable:
            return self.inner_layers()
        found = [one.inner for one in self._variables if not one.trainable]
        for one in self._layers:
            found += one._frozen()
        return found

    # -- weights ----------------------------------------------------------------------------

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; compile the model behind a change."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for one in self._flatten_layers():
            one._trainable = bool(value)

    @property
    def weights(self) -> list[Any]:
        """All arrays, in Keras's order and shapes."""
        return [_array(*one) for one in self.own_weights()]

    @property
    def variables(self) -> list[Any]:
        return self.weights

    def _split(self, trainable: bool) -> list[Any]:
        frozen = {id(one) for one in self._frozen()}
        return [
            _array(*one)
            for one in self.own_weights()
            if (one[1] == "params" and id(one[0]) not in frozen) is trainable
        ]

    @property
    def trainable_weights(self) -> list[Any]:
        return self._split(True)

    @property
    def non_trainable_weights(self) -> list[Any]:
        return self._split(False)

    @property
    def trainable_variables(self) -> list[Any]:
        return self._split(True)

    @property
    def non_trainable_variables(self) -> list[Any]:
        return self._split(False)

    def get_weights(self) -> list[Any]:
        """Copies of all arrays, in Keras's order and shapes."""
        return [one.copy() for one in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replaces all arrays by copies of these."""
        own, where = self.own_weights(), f"keras.{self.name}.set_weights"
        if len(own) != len(weights):
            raise ArgumentError(where, f"weights must be {len(own)} arrays, got {len(weights)}")
        arrays = [np.asarray(one) for one in weights]
        for (_, _, name, shape), array in zip(own, arrays, strict=True):
            if array.shape != shape:
                raise ShapeError(where, f"{name} must be {shape}, got {array.shape}")
        claims = {id(one[0]): one[0].variables.claim for one in own}
        for claim in claims.values():
            with claim.acquire() as free:
                if not free:
                    raise ArgumentError(
                        where,
                        "weights belong to the run while fit trains, got a call from a callback",
                        "Set them behind fit, or in on_train_end.",
                    )
        for (inner, kind, name, _), array in zip(own, arrays, strict=True):
            held = dict(getattr(inner.variables, kind))
            held[name] = np.array(array, held[name].dtype, order="C").reshape(held[name].shape)
            setattr(inner.variables, kind, held)

    def count_params(self) -> int:
        """How many numbers all arrays have."""
        return sum(int(one.size) for one in self.weights)

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
        _drawn(inner, shape)
        made = Variable(inner, shape, word, trainable)
        self._variables.append(made)
        return made

    def _penalties(self) -> list[Any]:
        """The penalties of the weights that are trained, as numbers."""
        frozen = {id(one) for one in self._frozen()}
        found = []
        for inner, kind, leaf, _ in self.own_weights():
            skipped = kind != "params" or id(inner) in frozen
            for one in () if skipped else inner.penalties:
                if not one.is_proximal and one.acts_on(leaf, leaf in inner.biases):
                    weight = inner.variables.params[leaf]  # type: ignore[index]
                    strength = asvalue(np.asarray(one.strength, weight.dtype))
                    found.append(np.asarray(one.penalty(strength, asvalue(weight))))
        return found


def shape_of(where: str, given: Any) -> tuple[int, ...]:
    """The shape of a weight, as Keras takes it."""
    shape = () if given is None else (given,) if isinstance(given, int) else given
    if not isinstance(shape, (list, tuple)) or not all(
        isinstance(one, (int, np.integer)) and 0 <= one < 2**31 for one in shape
    ):
        raise ArgumentError(
            f"keras.{where}", f"shape must be a tuple of whole numbers, got {given!r}"
        )
    return tuple(shape)


def plain_name(name: str) -> str:
    """A name of Keras as one of ours."""
    word = "".join(one if one.isalnum() or one in "_-" else "_" for one in name)[:40]
    return word if word[:1].isalpha() or word[:1] == "_" else f"_{word}"


def _array(inner: Inner, kind: str, name: str, shape: tuple[int, ...]) -> Any:
    held = getattr(inner.variables, kind)
    return held[name].reshape(shape)


def _drawn(inner: KerasWeight, shape: tuple[int, ...]) -> None:
    """Gives a weight its first numbers."""
    typed(inner, [TensorType(SESSION.dtype, (shapes.N, 1))])
