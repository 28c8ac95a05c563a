"""`Layer`: what all layers and models of the door are.

A layer that Keras has holds one layer of `pellucid.nn`. One of a person's own is its `call`: traced
once on tensors, it becomes a part of the graph of layers that it makes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import models
from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.graph.node import TensorType
from pellucid.keras import blame, initializers, regularizers
from pellucid.keras.arguments import permit, refuse
from pellucid.keras.members import unknown_member
from pellucid.keras.session import SESSION, settle
from pellucid.keras.tensors import (
    ROOT,
    KerasTensor,
    KerasWeight,
    Node,
    Variable,
    flat,
    input_tensor,
    mapped,
    typed,
)
from pellucid.nn import BatchNorm
from pellucid.nn.layer import Layer as Inner
from pellucid.nn.noise import Noise
from pellucid.ops.composite.base import asvalue
from pellucid.ops.random import Key
from pellucid.ops.value import Value, is_tracing

COMMON = (
    *("name", "dtype", "trainable", "input_shape", "input_dim", "batch_input_shape"),
    *("batch_shape", "batch_size", "activity_regularizer", "autocast"),
)


class _Training:
    """Whether a step trains: not known while the graph of a network is made, which serves both."""

    def __bool__(self) -> bool:
        raise ArgumentError(
            "keras",
            "a branch on `training` inside call cannot be taken: one graph trains and predicts",
            "Give it on: Dropout(0.5)(x, training=training), which acts in training alone.",
        )

    def __repr__(self) -> str:
        return "training"


TRAINING = _Training()
# Methods of a person's own layer that nothing here would call.
_NEVER = {
    "compute_mask": "masks are outside",
    "compute_output_spec": "the shape is that of what call makes",
    "save_own_variables": "a file holds the arrays of add_weight",
    "load_own_variables": "a file holds the arrays of add_weight",
}


class Layer:
    """Base of all layers. One of your own defines `call`, and `build` where it has weights.

    Args:
        trainable: whether training changes the weights.
        dtype: None, or that of keras.config.floatx.
        name: counted where it is None: dense, dense_1, …
    """

    _layers: list[Layer]
    _variables: list[Variable]
    autocast = True

    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        where = type(self).__name__
        if activity_regularizer is not None:
            refuse(where, "activity_regularizer", activity_regularizer)
        permit(where, "dtype", getattr(dtype, "name", dtype), None, SESSION.floatx)
        given = {"trainable": trainable, "name": name}
        blame.check_kinds(where, given, {"trainable": True, "name": None})
        if autocast is not True:
            refuse(where, "autocast", autocast, "numbers are converted to the dtype of the model")
        self._sample = _sample(where, kwargs)
        for key, value in kwargs.items():
            refuse(where, key, value, "Keras's layers do not have this argument")
        self.name = SESSION.name(where) if name is None else name
        self._trainable = bool(trainable)
        self.dtype = SESSION.floatx
        self.built = False

    # -- what stands inside -----------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if "_layers" not in self.__dict__:
            self.__dict__.update(_layers=[], _variables=[])
        if not name.startswith("_"):
            for one in flat(value) if isinstance(value, (list, tuple, dict, Layer)) else ():
                if isinstance(one, Layer) and not any(one is known for known in self._layers):
                    self._layers.append(one)
        object.__setattr__(self, name, value)

    def _flatten_layers(self) -> Iterator[Layer]:
        yield self
        for one in self._layers:
            yield from one._flatten_layers()

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
        shape = () if shape is None else (shape,) if isinstance(shape, int) else shape
        if not isinstance(shape, (list, tuple)) or not all(
            isinstance(one, (int, np.integer)) and 0 <= one < 2**31 for one in shape
        ):
            raise ArgumentError(
                f"keras.{where}", f"shape must be a tuple of whole numbers, got {shape!r}"
            )
        shape = tuple(shape)
        start = initializers.meant(
            where, ("glorot_uniform" if shape else "zeros") if initializer is None else initializer
        )
        penalties = regularizers.penalties(where, regularizer)
        penalties += regularizers.bounds(where, constraint, max(len(shape), 1))
        word = name or f"weight_{len(self._variables)}"
        inner = KerasWeight(
            shape, start, name=f"{_plain(self.name)}-{_plain(word)}", regularizer=penalties or None
        )
        _drawn(inner, shape)
        made = Variable(inner, shape, word, trainable)
        self._variables.append(made)
        return made

    def add_loss(self, loss: Any) -> None:
        """Refused: the objective is the loss of compile and penalties of weights."""
        refuse(type(self).__name__, "add_loss", loss, "give compile a loss, layers a regularizer")

    def build(self, input_shape: Any) -> None:
        """Makes the weights; of a layer of your own by add_weight."""
        self.built = True

    # -- calls ------------------------------------------------------------------------------

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer makes of tensors."""
        raise ArgumentError(
            f"keras.{type(self).__name__}",
            "a layer of your own must define call, got none",
            "Write def call(self, inputs).",
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The layer on tensors, which gives tensors; or on arrays, which gives arrays."""
        training = kwargs.pop("training", None)
        if kwargs.pop("mask", None) is not None:
            refuse(type(self).__name__, "mask", "…", "masks are outside")
        leaves = flat((args, kwargs))
        tensors = [one for one in leaves if isinstance(one, KerasTensor)]
        if not tensors:
            return self._on_arrays(args, kwargs, training)
        if isinstance(training, bool) and any(map(_trains, self._acting())):
            refuse(
                type(self).__name__,
                "training",
                training,
                "a layer acts in fit as in training and else as in prediction",
            )
        outputs = self._traced(args, kwargs, tensors)
        node = Node(self, tensors)
        made = mapped(
            outputs,
            lambda one: (
                KerasTensor(one.symbol, one.type, node, one.root, one.name)
                if isinstance(one, KerasTensor)
                else one
            ),
        )
        self.__dict__["_made_tensor"] = made
        self.__dict__["_read_tensor"] = args[0] if args else next(iter(kwargs.values()))
        return made

    @property
    def compute_dtype(self) -> str:
        return self.dtype

    @property
    def variable_dtype(self) -> str:
        return self.dtype

    @property
    def path(self) -> str:
        return self.name

    @property
    def input(self) -> Any:
        """What the latest call read: a tensor, or several as they were given."""
        if self.__dict__.get("_read_tensor") is None:
            raise AttributeError(f"{self.name} was not called yet")
        return self.__dict__["_read_tensor"]

    @property
    def output(self) -> Any:
        """The tensor of the latest call."""
        if self.__dict__.get("_made_tensor") is None:
            raise AttributeError(f"{self.name} was not called yet")
        return self.__dict__["_made_tensor"]

    @output.setter
    def output(self, value: Any) -> None:
        self.__dict__["_made_tensor"] = value

    @property
    def output_shape(self) -> Any:
        return mapped(self.output, lambda one: one.shape)

    def _acting(self) -> list[Inner]:
        """The layers of ours that training has an effect on."""
        frozen = {id(one) for one in self._frozen()}
        found = []
        for one in self._flatten_layers():
            inner = getattr(one, "inner", None)
            if inner is not None and not (id(inner) in frozen and inner.variables.params):
                found.append(inner)
        return found

    def _traced(self, args: Any, kwargs: Any, tensors: list[KerasTensor]) -> Any:
        """The tensors that `call` makes."""
        token = ROOT.set(tensors[0].root)
        try:
            if not self.built:
                for name in filter(functools.partial(hasattr, type(self)), _NEVER):
                    refuse(type(self).__name__, name, "…", _NEVER[name])
                shapes = mapped(args[0], lambda one: getattr(one, "shape", None))
                self.build(shapes)
                self.built = True
            parameters = inspect.signature(self.call).parameters
            if "training" in parameters:
                kwargs = {**kwargs, "training": TRAINING}
            return self.call(*args, **kwargs)
        finally:
            ROOT.reset(token)

    def _on_arrays(self, args: Any, kwargs: Any, training: bool | None) -> Any:
        where = f"keras.{self.name}"
        if kwargs or len(args) != 1:
            raise ArgumentError(where, "a call on arrays takes one argument, an array or a list")
        given = args[0]
        settle()
        if any(isinstance(one, Value) for one in flat(given)) or is_tracing():
            return self._on_values(given)
        plain = given
        if not isinstance(given, (list, tuple, dict)) or not any(
            hasattr(one, "shape") and one.ndim for one in flat(given)
        ):
            plain = np.asarray(given)
        arrays = [np.asarray(one) for one in flat(plain)]
        tensors = [input_tensor(one.shape[1:], f"x{n}") for n, one in enumerate(arrays)]
        waiting = iter(tensors)
        outputs = self(mapped(plain, lambda _: next(waiting)))
        network = models.Model(
            [one.symbol for one in tensors] if len(tensors) > 1 else tensors[0].symbol,
            [one.symbol for one in flat(outputs)],
            seed=0,
            dtype=SESSION.floatx,
        )
        x = arrays if len(arrays) > 1 else arrays[0]
        if training is None:
            augments = [type(one).__name__.startswith("Random") for one in network.layers]
            training = any(augments)
            if (
                training
                and any(map(_trains, network.layers))
                and not all(
                    one or not _trains(layer)
                    for one, layer in zip(augments, network.layers, strict=True)
                )
            ):
                raise ArgumentError(
                    where, "training must be given", "Write model(x, training=False)."
                )
        network.built()
        if training:
            key = Key(*(_scalar(n) for n in (SESSION.seed(), 0)))
            read = [np.asarray(one, SESSION.floatx) for one in arrays]
            found, state = network.apply(
                network.params,
                network.state,
                read if len(read) > 1 else read[0],
                train=True,
                key=key,
            )
            network.state = state
            made = [np.asarray(one) for one in flat(found)]
        else:
            made = [np.asarray(one) for one in flat(network.predict(x))]
        result = iter(made)
        return mapped(outputs, lambda _: next(result))

    def _on_values(self, given: Any) -> Any:
        raise ArgumentError(
            f"keras.{self.name}",
            "a layer cannot be called inside a function of values",
            "Call it on the tensors of the network.",
        )

    # -- words ------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The name and whether it trains: what a subclass adds its arguments to."""
        return {"name": self.name, "trainable": self.trainable}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """A layer with the arguments that `get_config` gave."""
        return cls(**config)

    @property
    def losses(self) -> list[Any]:
        return []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _sample(where: str, kwargs: dict[str, Any]) -> tuple[int, ...] | None:
    """The shape of a sample, where arguments of the first layer of a model give it."""
    shape = kwargs.pop("input_shape", None)
    if "input_dim" in kwargs:
        shape = (kwargs.pop("input_dim"),)
    for name in ("batch_input_shape", "batch_shape"):
        if name in kwargs:
            rows, *rest = kwargs.pop(name)
            if rows is not None:
                refuse(where, name, (rows, *rest), "the number of rows is open: None")
            shape = tuple(rest)
    return None if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)


def _plain(name: str) -> str:
    """A name of Keras as one of ours."""
    word = "".join(one if one.isalnum() or one in "_-" else "_" for one in name)[:40]
    return word if word[:1].isalpha() or word[:1] == "_" else f"_{word}"


def _trains(inner: Inner) -> bool:
    """Whether a layer of ours acts otherwise in training."""
    return isinstance(inner, (Noise, BatchNorm)) or type(inner).__name__.startswith("Random")


def _array(inner: Inner, kind: str, name: str, shape: tuple[int, ...]) -> Any:
    held = getattr(inner.variables, kind)
    return held[name].reshape(shape)


def _scalar(number: int) -> Any:
    return asvalue(np.int64(number))


def _drawn(inner: KerasWeight, shape: tuple[int, ...]) -> None:
    """Gives a weight its first numbers."""
    typed(inner, [TensorType(SESSION.dtype, (shapes.N, 1))])
