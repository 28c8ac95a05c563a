"""`Layer`: what all layers and models of the door are.

A layer that Keras has holds one layer of `pellucid.nn`. One of a person's own is its `call`: traced
once on tensors, it becomes a part of the graph of layers that it makes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pellucid import models
from pellucid.core.errors import ArgumentError
from pellucid.core.scopes import during
from pellucid.keras import blame, configs, regularizers, terms
from pellucid.keras.arguments import Arguments, permit, refuse
from pellucid.keras.members import unknown_member
from pellucid.keras.random import SeedGenerator
from pellucid.keras.session import SESSION, inside, settle
from pellucid.keras.tensors import (
    LOSSES,
    ROOT,
    KerasTensor,
    Node,
    applied,
    flat,
    input_tensor,
    mapped,
    tensors_of,
)
from pellucid.keras.variable import Variable
from pellucid.keras.weighted import Weighted
from pellucid.models.measuring import CHUNK
from pellucid.nn import BatchNorm
from pellucid.nn.augmentation import Images
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
_PLAIN = {"activity_regularizer": None}
# Methods of a person's own layer that nothing here would call.
_NEVER = {
    "compute_mask": "masks are outside",
    "compute_output_spec": "the shape is that of what call makes",
    "save_own_variables": "a file holds the arrays of add_weight",
    "load_own_variables": "a file holds the arrays of add_weight",
}


class Layer(Weighted):
    """Base of all layers. One of your own defines `call`, and `build` where it has weights.

    Args:
        trainable: whether training changes the weights.
        dtype: None, or that of keras.config.floatx.
        name: counted where it is None: dense, dense_1, …
    """

    autocast = True
    _of_class: tuple[str, ...] = ()  # methods that are asked for in classes

    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        made.__dict__["_constructed"] = args, kwargs
        return made

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
        own = Arguments(where, {"activity_regularizer": activity_regularizer}, _PLAIN)
        self._activity = blame.made(
            own, lambda a: regularizers.penalties(where, a.activity_regularizer)
        )
        self.activity_regularizer = regularizers.get(activity_regularizer)
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
            self.__dict__.update(_layers=[], _variables=[], _seeds=[])
        if not name.startswith("_"):
            if name in self._of_class:
                raise ArgumentError(
                    f"keras.{self.name}",
                    f"{name} must be a method of its class, got one of this object alone",
                    "Write a class: class Own(keras.Model), with that method.",
                )
            several = isinstance(value, (list, tuple, dict, Layer, Variable))
            for one in flat(value) if several else ():
                if isinstance(one, Layer) and not any(one is known for known in self._layers):
                    self._layers.append(one)
                elif type(one) is Variable and not any(one is own for own in self._variables):
                    one.keeper = self if one.keeper is None else one.keeper
                    self._variables.append(one)
            if isinstance(value, SeedGenerator):
                self._seeds.append(value)
        object.__setattr__(self, name, value)

    def _flatten_layers(self) -> Iterator[Layer]:
        yield self
        for one in self._layers:
            yield from one._flatten_layers()

    def add_loss(self, loss: Any) -> None:
        """Adds to the objective of each network that this `call` becomes a part of.

        Args:
            loss: a tensor, or several; of one that is no single number the sum.
        """
        for one in flat(loss):
            if not isinstance(one, KerasTensor) or not terms.add(one):
                raise ArgumentError(
                    f"keras.{self.name}.add_loss",
                    f"loss must be a tensor that a call makes of its inputs, got {one!r}",
                    "Call add_loss inside call, with a function of keras.ops of what it was given.",
                )

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
        tensors = tensors_of((args, kwargs))
        if not tensors:
            return self._on_arrays(args, kwargs, training)
        if isinstance(training, bool) and any(map(trains, self._acting())):
            refuse(
                type(self).__name__,
                "training",
                training,
                "a layer acts in fit as in training and else as in prediction",
            )
        outputs, losses = inside(self, terms.collected, self._outputs_of, args, kwargs, tensors)
        node = Node(self, tensors, losses)
        made = mapped(
            outputs,
            lambda one: (
                KerasTensor(one.symbol, one.type, node, one.root, one.name)
                if isinstance(one, KerasTensor)
                else one
            ),
        )
        node.given, node.made = (args, kwargs), tuple(tensors_of(made))
        self.__dict__["_made_tensor"] = made
        self.__dict__["_read_tensor"] = args[0] if args else next(iter(kwargs.values()))
        return made

    def _outputs_of(self, args: Any, kwargs: Any, tensors: list[KerasTensor]) -> Any:
        """The tensors that `call` makes, whose activity is a loss where the layer wants that."""
        outputs = mapped(self._traced(args, kwargs, tensors), made_by_a_layer)
        for one in flat(outputs) if self._activity else ():
            if isinstance(one, KerasTensor):
                terms.add(terms.of_activity(self._activity, one))
        return outputs

    @property
    def compute_dtype(self) -> str:
        return self.dtype

    @property
    def variable_dtype(self) -> str:
        return self.dtype

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
        return during(ROOT, tensors[0].root, self._called, args, kwargs)

    def _called(self, args: Any, kwargs: Any) -> Any:
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

    def _on_arrays(self, args: Any, kwargs: Any, training: bool | None) -> Any:
        where = f"keras.{self.name}"
        if kwargs or len(args) != 1:
            raise ArgumentError(where, "a call on arrays takes one argument, an array or a list")
        given = args[0]
        for one in flat(given):
            if isinstance(one, Layer):
                raise ArgumentError(
                    where,
                    f"a call takes tensors or arrays, got the layer {one.name!r}",
                    "Call that layer first, and give what it returns.",
                )
        settle()
        if any(isinstance(one, Value) for one in flat(given)) or is_tracing():
            return self._on_values(given)
        plain = given
        if not isinstance(given, (list, tuple, dict)) or not any(
            hasattr(one, "shape") and one.ndim for one in flat(given)
        ):
            try:
                plain = np.asarray(given)
            except ValueError:
                problem = f"a call takes numbers of one shape, got {given!r}"
                raise ArgumentError(where, problem, "Pad rows of several lengths.") from None
        arrays = [np.asarray(one) for one in flat(plain)]
        tensors = [input_tensor(one.shape[1:], f"x{n}") for n, one in enumerate(arrays)]
        waiting = iter(tensors)
        outputs = self(mapped(plain, lambda _: next(waiting)))
        losses = terms.of_network(outputs)
        network = models.Model(
            [one.symbol for one in tensors] if len(tensors) > 1 else tensors[0].symbol,
            [one.symbol for one in [*flat(outputs), *losses]],
            seed=0,
            dtype=SESSION.floatx,
        )
        x = arrays if len(arrays) > 1 else arrays[0]
        if training is None:
            augmenting = [augments(one) for one in network.layers]
            training = any(augmenting)
            if (
                training
                and any(map(trains, network.layers))
                and not all(
                    one or not trains(layer)
                    for one, layer in zip(augmenting, network.layers, strict=True)
                )
            ):
                raise ArgumentError(
                    where,
                    "training must be given: left out, random augmentation is on and dropout and"
                    " batch statistics are off, and one call cannot do both",
                    "Write model(x, training=False).",
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
            found = network.predict(x, batch_size=len(arrays[0]) if losses else CHUNK)
            made = [np.asarray(one) for one in flat(found)]
        self.__dict__["_added"] = made[len(made) - len(losses) :]
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
        """The name and whether it trains: what a subclass adds its arguments to.

        Of a class without a `get_config` of its own all arguments that the layer was made of.
        """
        plain = {"name": self.name, "trainable": self.trainable}
        if type(self).get_config is not Layer.get_config:
            return plain
        return configs.arguments(self, plain, *self.__dict__["_constructed"])

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A layer with the arguments that `get_config` gave."""
        return cls(**config)

    def duplicate(self) -> Layer:
        """Another layer with the same arguments, and weights of its own."""
        return type(self).from_config(self.get_config())

    @property
    def losses(self) -> list[Any]:
        """What the latest call on arrays added, then penalties; tensors inside compute_loss."""
        traced = LOSSES.get()
        if traced is None and is_tracing() and any(self._has_losses()):
            raise ArgumentError(
                f"keras.{self.name}",
                "losses inside a model are no function of weights that are given, got self.losses "
                "inside a traced function",
                "Take them from stateless_call(…, return_losses=True), and add them to the loss.",
            )
        if traced is None:
            return [*self.__dict__.get("_added", []), *self._penalties()]
        if traced[0] is not self:
            raise ArgumentError(
                f"keras.{self.name}", "compute_loss can read self.losses alone, got another layer's"
            )
        return list(traced[1])

    def _has_losses(self) -> Iterator[bool]:
        """Whether there are penalties of weights, and losses of calls."""
        for one in self.trainable_weights:
            yield any(not penalty.is_proximal for penalty in one.inner.penalties)
        made = self.__dict__.get("_made_tensor")
        yield bool(terms.of_network(made)) if made is not None else False

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


def made_by_a_layer(one: Any) -> Any:
    """A tensor as it is; what a call returns of an input itself as the output of a layer."""
    if isinstance(one, KerasTensor) and one.symbol.layer is None:
        return applied(asvalue, (one,), {}, one.name)
    return one


def augments(inner: Inner) -> bool:
    """Whether a layer of ours changes images in training."""
    return isinstance(inner, Images)


def trains(inner: Inner) -> bool:
    """Whether a layer of ours acts otherwise in training."""
    return isinstance(inner, (Noise, BatchNorm, Images))


def draws(inner: Inner) -> bool:
    """Whether a layer of ours draws random numbers in training."""
    return isinstance(inner, Images) or (isinstance(inner, Noise) and inner.is_noisy)


def _scalar(number: int) -> Any:
    return asvalue(np.int64(number))
