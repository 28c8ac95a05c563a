"""The layer contract: a frozen record without arrays, and two functions that build graphs.

`init(key, x)` gives parameters and state for inputs of type x; `apply(params, state, x, train=,
key=)` gives the output and the new state. Beside the record stand the layer's variables: the arrays
that a model made for it, and that every model with this layer object uses.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.forks import Claim
from pellucid.core.names import unknown_attribute
from pellucid.core.scopes import during
from pellucid.core.trees import leaves_of, map_leaves
from pellucid.graph.node import TensorType
from pellucid.nn.checks import OFFSET, checked_apply, checked_init
from pellucid.nn.regularizers import Regularizer
from pellucid.nn.symbols import Network, Symbol, check_name
from pellucid.ops.composite.base import asvalue
from pellucid.ops.random import Key
from pellucid.ops.value import Value, current, is_tracing
from pellucid.transform.arrays import as_array, check_whole, converted

Tree = dict[str, Any]


class Variables:
    """The arrays of a layer: one set for all models that the layer stands in.

    Attributes:
        params, state: arrays by name; None until a model is built.
        claim: of a run that changes them.
    """

    __pellucid_unwatched__ = ("claim",)

    def __init__(self) -> None:
        self.params: Tree | None = None
        self.state: Tree | None = None
        self.claim = Claim()


R = TypeVar("R")
_arguments: ContextVar[frozenset[int]] = ContextVar("arguments", default=frozenset())


def variables_are_arguments(layers: Iterable[Layer], traced: Callable[[], R]) -> R:
    """What `traced` returns, in which the arrays of these layers are inputs.

    Read otherwise, they are constants.

    Raises:
        ArgumentError: where a layer is asked for its arrays meanwhile.
    """
    return during(_arguments, _arguments.get() | {id(layer) for layer in layers}, traced)


# What arguments of other libraries' layers mean here.
ARGUMENTS = {
    "out_features": "units",
    "neurons": "units",
    "n_units": "units",
    "output_dim": "units",
    "embedding_dim": "units",
    "input_dim": "Write input_shape=(4,), the shape of one sample.",
    "data_format": "Leave it out: channels come last, as in (height, width, channels).",
    "num_embeddings": "count",
    "out_channels": "filters",
    "stride": "strides",
    "dilation_rate": "dilation",
    "pool_size": "size",
    "p": "rate",
    "eps": "epsilon",
    "init": "kernel_initializer",
    "weight_init": "kernel_initializer",
    "in_features": "Leave it out: the first data say how wide x is, or input_shape=(…) does.",
    "in_channels": "Leave it out: the first data say how many channels x has.",
    "batch_input_shape": "Write input_shape=(…), the shape of one sample.",
    "kernel_regularizer": "regularizer",
    "bias_regularizer": "Write regularizer=L2(1e-4, biases=True).",
    "activity_regularizer": "Give the model a term: Model(x, y, terms=[Basis(function)(h)]).",
    "kernel_constraint": "Write regularizer=MaxNorm(3.0).",
    "trainable": "Freeze layers in compile: rates={'dense_1': 0}.",
    "dtype": 'Give it to the model: Sequential(layers, dtype="float64").',
    "seed": "Give it to the model: Sequential(layers, seed=0).",
    "bias": "use_bias",
}


_HERE = "Write model.weights, or layer.variables.params for the arrays of one layer."

# What is read from a layer of another library.
READ = {
    "get_weights": _HERE,
    "weights": _HERE,
    "weight": _HERE,
    "kernel": _HERE,
    "bias": _HERE,
    "params": _HERE,
    "parameters": _HERE,
    "trainable_weights": _HERE,
    "trainable_variables": _HERE,
    "state_dict": _HERE,
    "coef_": _HERE,
    "set_weights": "Write model.set_weights({'dense_1.W': array}).",
    "load_state_dict": "Write model.set_weights({'dense_1.W': array}).",
    "trainable": "Freeze layers in compile: rates={'dense_1': 0}.",
    "count_params": "Write model.count_params(), or print model.summary().",
    "output_shape": "Print model.summary(), which shows the shape of each layer's output.",
    "build": "Build the model: model.build((4,)).",
    "call": "apply",
    "forward": "apply",
    "get_config": "Write model.save(path), and pel.load(path) for the model again.",
}


@dataclasses.dataclass(frozen=True)
class Layer(Network):
    """Base of all layers.

    Args:
        name: unique in the model; by default the kind and a number, `dense_1`.
        input_shape: the shape of one sample; lets a model be built before it sees data.
        regularizer: penalties on the weights of this layer alone, as in `compile`.
    """

    name: str | None = dataclasses.field(default=None, kw_only=True)
    input_shape: tuple[int, ...] | None = dataclasses.field(default=None, kw_only=True)
    regularizer: Regularizer | tuple[Regularizer, ...] | None = dataclasses.field(
        default=None, kw_only=True
    )

    elsewhere: ClassVar[Mapping[str, str]] = ARGUMENTS
    read: ClassVar[Mapping[str, str]] = READ
    biases: ClassVar[tuple[str, ...]] = ()  # parameters that a penalty leaves out by default
    multiple_inputs: ClassVar[bool] = False  # whether x is a tuple of inputs
    fewest_inputs: ClassVar[int] = 2  # how many at least, where it is one
    needs_rows: ClassVar[bool] = True  # whether a single number as x is refused

    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_attribute

    def __init_subclass__(cls, **rest: Any) -> None:
        """Puts checks of the arguments in front of `init` and `apply`."""
        super().__init_subclass__(**rest)
        if "init" in vars(cls):
            cls.init = checked_init(cls.init)  # type: ignore[method-assign]
        if "apply" in vars(cls):
            cls.apply = checked_apply(cls.apply)  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        check_name(type(self).__name__, self.name)
        if isinstance(self.regularizer, list):
            object.__setattr__(self, "regularizer", tuple(self.regularizer))
        for penalty in self.penalties:
            if not isinstance(penalty, Regularizer):
                raise ArgumentError(
                    self.where,
                    f"regularizer must be one or a list of them, got {penalty!r}",
                    "Write regularizer=L2(1e-4).",
                )
        shape = self.input_shape
        if shape is None:
            return
        if isinstance(shape, list):
            object.__setattr__(self, "input_shape", tuple(shape))
        elif not isinstance(shape, tuple):
            raise ArgumentError(
                self.where, f"input_shape must be a tuple such as (784,), got {shape!r}"
            )
        for dim in self.input_shape or ():
            if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
                raise ArgumentError(self.where, f"input_shape must hold sizes ≥ 1, got {shape!r}")

    @functools.partial(checked, where="layer")
    def __call__(self, x: Any) -> Any:
        """The layer's output for x.

        Args:
            x: a symbol, which gives the symbol of the output (see Model); or numbers, which give
                numbers of the weights that the layer has now, in the mode of prediction: Tensors
                where x is one, else an array. A layer of several inputs takes a list.
        """
        given = list(x) if isinstance(x, (list, tuple)) else [x]
        symbols = [isinstance(one, Symbol) for one in given]
        if self.multiple_inputs or any(symbols):
            self._check_count(x, given)
        if all(symbols):
            return Symbol(self, given)
        if any(symbols):
            raise ArgumentError(
                self.where,
                f"a layer is called on symbols or on numbers, got both: {reprlib.repr(x)}",
                "Write x = Input((4,)) for each array, and give the arrays to the Model's predict.",
            )
        return self._evaluated(given if self.multiple_inputs else x)

    def _check_count(self, x: Any, given: list[Any]) -> None:
        listed = isinstance(x, (list, tuple))
        if self.multiple_inputs and (len(given) < 2 or not listed):
            raise ArgumentError(
                self.where,
                f"it takes a list of two inputs or more, got {len(given)}",
                f"Write {type(self).__name__}()([x, y]).",
            )
        if not self.multiple_inputs and listed:
            raise ArgumentError(
                self.where,
                f"it takes one input, got a list of {len(given)}",
                "Join them first: Concat()([x, y]).",
            )

    def _evaluated(self, x: Any) -> Any:
        """The output for numbers, with the weights that the layer has."""
        variables = self.variables
        if variables.params is None and type(self).init is not Layer.init:
            raise ArgumentError(
                self.where,
                "a layer has weights once it stands in a model that is built, got a call before",
                "Build a model of it first: Sequential([layer]).build((4,)).",
            )
        given = list(x) if self.multiple_inputs else [x]
        recorded = any(isinstance(one, Value) for one in given)
        if variables.params and not recorded:  # as predict converts them
            dtype = next(iter(leaves_of(variables.params))).dtype
            plain = [as_array(one, self.where, exact=True) for one in given]
            for array in plain:
                check_whole(array, dtype, self.where, "x", OFFSET)
            given = [converted(array, dtype, self.where, "x") for array in plain]
        inputs = [current().lift(one) for one in given]
        if any(one.type.shape == () for one in inputs):
            raise ShapeError(self.where, "x must have rows, got a single number")
        read: Any = tuple(inputs) if self.multiple_inputs else inputs[0]
        out, _ = self.apply(
            map_leaves(current().lift, variables.params or {}),
            map_leaves(current().lift, variables.state or {}),
            read,
            train=False,
            key=None,
        )
        return out if recorded or is_tracing() else out.numpy()  # type: ignore[attr-defined]

    @property
    def variables(self) -> Variables:
        """The layer's arrays.

        Raises:
            ArgumentError: inside a function that is traced as a part of a model with this layer.
        """
        if id(self) in _arguments.get():
            raise ArgumentError(
                self.where,
                "a function of your own in a model must not read the model's weights, got a look "
                "at them: in its graph they would be constants, which do not learn",
                "Use regularizer= for a penalty on weights, or write a training loop of your own: "
                "see docs/training-loops.md.",
            )
        found: Variables | None = self.__dict__.get("_variables")
        return self.__dict__.setdefault("_variables", Variables()) if found is None else found

    @property
    def penalties(self) -> tuple[Regularizer, ...]:
        """The layer's own penalties."""
        own = self.regularizer
        return () if own is None else own if isinstance(own, tuple) else (own,)

    @property
    def lender(self) -> Layer | None:
        """The layer of the same model whose parameters `apply` gets; None: the layer's own."""
        return None

    @property
    def where(self) -> str:
        """How messages name the layer: `dense "hidden"`."""
        kind = kind_name(type(self).__name__)
        return f'{kind} "{self.name}"' if self.name else kind

    @property
    def final_activation(self) -> Any:
        """The activation that makes the output, where the layer ends in one."""
        return None

    def without_activation(self) -> Layer | None:
        """The layer without its final activation; None where nothing is left."""
        return self

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        """Parameters and state for inputs of type `x`; none by default."""
        return {}, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        """The output for `x`, and the state after it.

        Args:
            train: whether this is a training step (dropout draws a mask then).
            key: names the layer's own random numbers.
        """
        raise ArgumentError(
            self.where,
            "a layer of your own must define apply, got none",
            "Write def apply(self, params, state, x, *, train, key): it returns (output, state).",
        )


def is_function(value: object) -> bool:
    """Whether `value` is a function of Tensors: layers, models and classes are not."""
    return callable(value) and not isinstance(value, (type, Network))


def drawn_from(where: str, key: Key | None) -> Key:
    """The key of a layer that draws random numbers; refuses a training step without one."""
    if key is None:
        raise ArgumentError(
            where,
            "a training step draws random numbers and needs a key, got None",
            "Write apply(…, train=True, key=pel.Key(seed, step)).",
        )
    return key


def checked_result(where: str, name: str, value: Any) -> Value:
    """What a person's own function `name` returned; refuses one that returned nothing."""
    if value is None:
        raise ArgumentError(where, f"{name} must return a Tensor, got None", "End it with return.")
    return asvalue(value)


def kind_name(name: str) -> str:
    """`Conv2D` → `conv2d`, `LayerNorm` → `layer_norm`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
