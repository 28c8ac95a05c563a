"""The graph of a model: from tensors to a Model of ours, its layers, its weights, its table."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import pellucid.numpy as pnp
from pellucid import models as ours
from pellucid.core import display
from pellucid.core.arguments import checked, integer
from pellucid.core.errors import ArgumentError, DataError, PellucidError, nearest
from pellucid.core.forks import Claim
from pellucid.keras import blame, graphs, summary, terms
from pellucid.keras.arguments import permit
from pellucid.keras.base import COMMON, Layer
from pellucid.keras.layers import InputLayer
from pellucid.keras.session import SESSION, plain_name, settle
from pellucid.keras.tensors import ROOT, KerasTensor, Node, applied, flat, mapped
from pellucid.keras.weighted import Weighted

_AFTER = "Call fit, evaluate and predict, and change what they return."
_REFUSED = dict.fromkeys(("make_train_function", "make_test_function", "make_predict_function"))
_STEPS = {
    "train_step": "train_step(self, state, data) gets (trainable, non_trainable, optimizer, metrics"
    ") variables and returns (logs, state)",
    "test_step": "test_step(self, state, data) gets (trainable, non_trainable, metrics) variables "
    "and returns (logs, state)",
    "predict_step": "predict_step(self, state, data) gets (trainable, non_trainable) variables and "
    "returns (outputs, non_trainable)",
}


class Network(Layer):
    """The graph of a model, and what Keras says of it."""

    _of_class = (*_STEPS, *_REFUSED, "compute_loss", "compute_metrics", "compute_loss_and_updates")

    # What runs change, and no step reads.
    __pellucid_unwatched__ = (
        *("stop_training", "history", "_network", "_configured", "_trained", "_objective"),
        *("_losses", "_first_epoch", "_flat_targets", "_compiled_steps", "_added", "_in_batches"),
        *("_made_tensor", "_read_tensor", "_standing", "_inside", "_output_shape", "_claim"),
        *("stop_evaluating", "stop_predicting", "validates"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        inputs = kwargs.pop("inputs", args[0] if args else None)
        outputs = kwargs.pop("outputs", args[1] if len(args) > 1 else None)
        where = type(self).__name__ if type(self).__name__ != "Model" else "Functional"
        for name in kwargs:
            if name not in COMMON:
                raise ArgumentError(
                    f"keras.{where}", f"unknown argument {name!r}", nearest(name, COMMON)
                )
        if "name" not in kwargs or kwargs["name"] is None:
            kwargs["name"] = SESSION.name(where)
        super().__init__(**kwargs)
        self._claim = Claim()
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.history: Any = None
        self._network: ours.Model | None = None
        self._inputs: Any = None
        self._outputs: Any = None
        self._rank = -1  # of arrays for the input, where there is one alone
        self._input_names: list[str] = []
        self._output_names: list[str] = []
        self._compiled: dict[str, Any] | None = None
        self.loss: Any = None
        self._configured: Any = None
        self._standing: Any = None  # what `_configure` found last, and what it goes by
        self._inside: Any = (None, None)  # a network, and its layers and weights
        self._trained: Any = None  # the optimizer of the latest run, and which weights it trained
        self._first_epoch = 0
        self.validates = False  # whether the run measures validation
        self._objective: Any = None
        self._losses: list[Any] = []
        self._output_shape: tuple[Any, ...] = ()  # of the first output, where there are losses
        self._in_batches = False  # whether a loss or a metric is a number of a batch
        self._flat_targets: dict[int, bool] = {}  # outputs whose targets are (N,)
        if inputs is not None:
            if outputs is None:
                raise ArgumentError("keras.Model", "outputs must be given with inputs")
            inputs, outputs = (  # dicts in the order of their keys, as Keras has them
                dict(sorted(one.items())) if isinstance(one, Mapping) else one
                for one in (inputs, outputs)
            )
            self._connect(inputs, outputs)
            self._layers = graphs.ordered(flat(inputs), flat(outputs))
            check_names(f"keras.{self.name}", self._layers)
            self.built = True
            self._functional = True

    def __getstate__(self) -> dict[str, Any]:
        """What a copy keeps: steps that were traced are those of this model."""
        return {name: one for name, one in self.__dict__.items() if name != "_compiled_steps"}

    def claims(self) -> list[Claim]:
        """What who trains it by steps of a person's own must have, beside its weights: those are
        lent to hooks, which may change them.
        """
        return [self._claim]

    _functional = False  # whether it was made of inputs and outputs
    in_a_row = False  # whether it is a Sequential

    # -- the network ------------------------------------------------------------------------

    def _connect(self, inputs: Any, outputs: Any) -> None:
        self._inputs, self._outputs = inputs, outputs
        first, last = graphs.named(inputs, "inputs"), graphs.named(outputs, "outputs")
        self._input_names, self._output_names = list(first), list(last)
        losses = terms.of_network(outputs)
        self._network = graphs.network(first, last, plain_name(self.name), losses)
        self._configured = self._trained = None
        types = self._network.architecture.input_types
        self._rank = len(types[0].shape) if len(types) == 1 else -1

    def network(self, x: Any = None) -> ours.Model:
        """The Model of ours; x gives the shapes where they are not known."""
        kind: Any = type(self)
        check_methods(kind)
        settle()
        if self._network is None:
            self._make(x)
        return self._network  # type: ignore[return-value]

    def _make(self, x: Any) -> None:
        """Makes the Model of ours; x gives the shapes where they are not known."""
        if x is None:
            raise ArgumentError(
                f"keras.{self.name}",
                "the shape of the input is not known yet",
                "Begin with Input(shape), call build, or call the model on data.",
            )
        number = iter(range(1000))
        tensors = mapped(
            as_arrays(x),
            lambda one: InputLayer(shape=one.shape[1:], name=f"{self.name}_x{next(number)}").output,
        )
        outputs = self(tensors)
        if self._network is None:
            self._connect(tensors, outputs)

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs of this shape, with None for the rows."""
        plain = isinstance(input_shape, (tuple, list)) and bool(input_shape)
        plain = plain and all(one is None or isinstance(one, int) for one in input_shape)
        if plain and self._network is None and ROOT.get() is None:
            self.network(np.zeros((1, *input_shape[1:])))
        self.built = True

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """The network on other tensors."""
        network = self._network
        if network is None:
            raise ArgumentError(
                f"keras.{self.name}", "a model of your own must define call, got none", ""
            )
        tensors = self._given(inputs, "inputs")
        several = len(tensors) > 1
        words = network.architecture.inputs.names
        symbols: Any = tensors[0].symbol
        if several:
            symbols = {word: one.symbol for word, one in zip(words, tensors, strict=True)}
        found = network(symbols)
        made = flat(found)
        types = network.architecture.output_types
        self._bring_losses(made, tensors)
        wrapped = iter(
            [
                KerasTensor(symbol, type, None, tensors[0].root, name)
                for symbol, type, name in zip(made, types, self._output_names, strict=True)
            ]
        )
        return mapped(self._outputs, lambda _: next(wrapped))

    def _bring_losses(self, made: list[Any], tensors: list[KerasTensor]) -> None:
        """Adds the losses inside of a network that is called to those of the call."""
        architecture = self.network().architecture
        types = [*architecture.input_types, *architecture.types]
        for place, symbol in zip(architecture.terms, made[0].terms, strict=True):
            one = KerasTensor(symbol, types[place], Node(None, tensors), tensors[0].root, "loss")
            terms.add(applied(pnp.mean, (one,), {}, "loss") if one.shape else one)
        for one in made:
            one.terms = ()

    def _given(self, x: Any, what: str) -> list[Any]:
        """x or y as a list in the order of the inputs or outputs."""
        names = self._input_names if what == "inputs" else self._output_names
        if type(x) is np.ndarray and len(names) == 1:
            return [x]
        if isinstance(x, Mapping):
            missing = [name for name in names if name not in x]
            if missing:
                raise ArgumentError(
                    f"keras.{self.name}", f"{what} must hold {missing[0]!r}, got {', '.join(x)}"
                )
            for name in x:
                if name not in names:
                    raise ArgumentError(
                        f"keras.{self.name}", f"{what} have no {name!r}", nearest(name, names)
                    )
            return [x[name] for name in names]
        nested = isinstance(x, (list, tuple)) and len(names) > 1
        found = list(x) if nested else [x]
        if isinstance(x, (list, tuple)) and len(x) == 1 and hasattr(x[0], "shape"):
            found = list(x)
        if len(found) != len(names):
            raise ArgumentError(
                f"keras.{self.name}", f"{what} must be {len(names)}, got {len(found)}"
            )
        return found

    def _trainables(self) -> list[bool] | None:
        """What each layer and weight inside says of itself, which may change from call to call;
        None where a class of a person's own says it otherwise.
        """
        if self._inside[0] is not self._network:
            layers = list(self._flatten_layers())
            plain = all(type(one).trainable is Weighted.trainable for one in layers)
            self._inside = self._network, [*layers, *self.weights] if plain else None
        several = self._inside[1]
        return None if several is None else [one._trainable for one in several]

    # -- what Keras says of a model ---------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers, in Keras's order."""
        return list(self._layers)

    @property
    def inputs(self) -> list[KerasTensor]:
        self.network()
        return flat(self._inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        self.network()
        return flat(self._outputs)

    @property
    def input(self) -> Any:
        self.network()
        return self._inputs

    @property  # type: ignore[misc]
    def output(self) -> Any:
        """The tensors that the network gives."""
        self.network()
        return self._outputs

    @property
    def input_shape(self) -> Any:
        return _shapes(self.input)

    @property
    def output_shape(self) -> Any:
        return _shapes(self.output)

    @property
    def output_names(self) -> list[str]:
        self.network()
        return list(self._output_names)

    @checked
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name, or this number."""
        if (name is None) == (index is None):
            raise ArgumentError("keras.get_layer", "give a name or an index, one of them")
        given, none = {"name": name, "index": index}, {"name": None, "index": None}
        blame.check_kinds("Model.get_layer", given, none)
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ArgumentError(
                    "keras.get_layer", f"index must lie in [0, {len(self.layers)}), got {index}"
                )
            return self.layers[index]
        for one in self.layers:
            if one.name == name:
                return one
        names = [one.name for one in self.layers]
        raise ArgumentError("keras.get_layer", f"there is no layer {name!r}", nearest(name, names))

    def set_weights(self, weights: Any) -> None:
        super().set_weights(weights)

    def _repr_svg_(self) -> str | None:
        """The network in a notebook; none before the shape of the input is known."""
        try:
            network = self.network()
        except PellucidError:
            return None
        return display.svg(network)

    @blame.kinds("Model.summary")
    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Prints a table of the layers."""
        why = "the columns are as wide as line_length makes them"
        permit("Model.summary", "positions", positions, None, why=why)
        width, most = 65, 1000  # characters
        if line_length is not None:
            width = integer("keras.Model.summary", "line_length", line_length, 1, most)
        lines = summary.lines(self, width, expand_nested, show_trainable, layer_range)
        for line in lines:
            (print_fn or print)(line)


def check_names(where: str, several: Sequence[Layer]) -> None:
    """Refuses two layers of one name, of which `get_layer` and a file could mean either."""
    seen: dict[str, Layer] = {}
    for one in several:
        if seen.setdefault(one.name, one) is not one:
            raise ArgumentError(
                where,
                f"names of layers must differ, got {one.name!r} for two layers",
                "Give one of them another name=.",
            )


def is_own(kind: Any, name: str) -> bool:
    """Whether a class of a person's own defines a method."""
    owner = next((one for one in kind.__mro__ if name in vars(one)), object)
    return owner is not object and not owner.__module__.startswith("pellucid.keras")


@functools.cache
def check_methods(kind: Any) -> None:
    """Refuses a class with methods of Keras's own training that nothing would call, and steps that
    are written for TensorFlow or PyTorch.
    """
    for name in filter(functools.partial(is_own, kind), _REFUSED):
        raise ArgumentError(
            f"keras.{kind.__name__}", f"{name} must be Keras's, got one of your own", _AFTER
        )
    for name, form in _STEPS.items():
        if is_own(kind, name) and len(inspect.signature(getattr(kind, name)).parameters) < 3:
            raise ArgumentError(
                f"keras.{kind.__name__}",
                f"{name} must have the form that Keras has for JAX, got {name}(self, data), that "
                "for TensorFlow and PyTorch",
                f"{form}: docs/keras.md has one.",
            )


def _shapes(tensors: Any) -> Any:
    """The shape of a tensor, or a list of several."""
    found = [one.shape for one in flat(tensors)]
    return found if isinstance(tensors, (list, tuple, dict)) else found[0]


def array(x: Any) -> Any:
    """x as it is where it has numbers in an array or a table, else an array."""
    if hasattr(x, "shape") or hasattr(x, "columns"):
        return x
    try:
        return np.asarray(x)
    except Exception:  # whatever an array-like raises
        raise DataError(
            "keras",
            f"x, y and weights must be numbers of one shape, got {blame.shown(x)}",
            "Pad rows of several lengths: keras.utils.pad_sequences(rows).",
        ) from None


def fitted(x: Any, shape: Sequence[Any]) -> Any:
    """x for an input of this shape: with an axis of one more, or less, at its end."""
    ranks = len(x.shape) - len(shape)
    if ranks == -1 and shape[-1] == 1:
        return np.asarray(x)[..., None]
    return np.asarray(x)[..., 0] if ranks == 1 and x.shape[-1] == 1 else x


def numbers(x: Any) -> Any:
    """Arrays of a batch: tensors of PyTorch and others become arrays."""
    return mapped(x, np.asarray)


def as_arrays(x: Any) -> Any:
    """Nested arrays; a list of numbers is one array."""
    if type(x) is np.ndarray:  # calls of few rows feel each test
        return x
    if isinstance(x, Mapping):
        return {name: as_arrays(one) for name, one in x.items()}
    if isinstance(x, (list, tuple)) and x and all(hasattr(one, "shape") and one.shape for one in x):
        return type(x)([array(one) for one in x])
    return array(x)
