"""Symbols as Keras has them: tensors with a shape, and what a layer makes of their types.

In: layers of `pellucid.nn` and what they read. Out: `KerasTensor`, around the Symbol that a Model
is made of; the type of a layer's output, and its first weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import pellucid.numpy as pnp
from pellucid.core import shapes, trees
from pellucid.core.config import record
from pellucid.core.dtypes import int64
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import Graph, TensorType
from pellucid.keras.members import unknown_member
from pellucid.keras.numberless import Numberless
from pellucid.keras.session import SESSION
from pellucid.models.variables import held, type_tree
from pellucid.nn import Input as symbol_of_input
from pellucid.nn.layer import Layer, Tree
from pellucid.nn.symbols import Symbol
from pellucid.ops import composite
from pellucid.ops.composite.base import asvalue
from pellucid.ops.random import Key
from pellucid.ops.value import Value
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.interpreter import run
from pellucid.transform.trace import trace

_SCALAR = TensorType(int64)
ROOT: ContextVar[Any] = ContextVar("root", default=None)  # an input, while a `call` is traced
# While `compute_loss` is traced: an output of the network; the model, and losses made in it.
BEHIND: ContextVar[Any] = ContextVar("behind", default=None)
LOSSES: ContextVar[Any] = ContextVar("losses", default=None)


class Node:
    """One call of a layer: what it read, and the losses that were added in it.

    Attributes:
        given: (args, kwargs) of the call of a layer; made: the tensors that it returned.
    """

    given: tuple[Any, Any] = (), {}
    made: tuple[KerasTensor, ...] = ()

    def __init__(
        self, layer: Any, inputs: Sequence[KerasTensor], terms: Sequence[KerasTensor] = ()
    ):
        self.layer, self.inputs, self.terms = layer, list(inputs), list(terms)


class KerasTensor(Numberless):
    """What a layer will return.

    Attributes:
        shape: with None for the rows.
        dtype: its name.
        name: of the tensor.
    """

    # A tensor stands for values that a function is given; it leads to a model, which runs change.
    __pellucid_unwatched__ = ("symbol", "node", "root")
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __init__(
        self,
        symbol: Symbol,
        type: TensorType,
        node: Node | None,
        root: KerasTensor | None,
        name: str,
    ):
        self.symbol, self.type, self.node, self.name = symbol, type, node, name
        self.root: KerasTensor = self if root is None else root

    @property
    def shape(self) -> tuple[int | None, ...]:
        return tuple([dim if isinstance(dim, int) else None for dim in self.type.shape])

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def dtype(self) -> str:
        return str(self.type.dtype.name)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def __getitem__(self, index: Any) -> Any:
        return applied(lambda x: x[index], (self,), {}, "get_item")

    def __eq__(self, other: Any) -> Any:
        return other is not None and applied(lambda x, y: x == y, (self, other), {}, "equal")

    def __ne__(self, other: Any) -> Any:
        return other is None or applied(lambda x, y: x != y, (self, other), {}, "not_equal")

    __hash__ = object.__hash__

    def __round__(self, decimals: int | None = None) -> Any:
        return applied(lambda x: pnp.round(x, decimals or 0), (self,), {}, "round")


class Placed:
    """What has numbers, and stands for a tensor where a network is made: a variable."""

    @property
    def value(self) -> Any:
        """The numbers; inside `call` the tensor."""
        raise NotImplementedError

    def at(self, root: KerasTensor) -> KerasTensor:
        """The tensor of the network that begins at `root`."""
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        return applied(lambda x: x[index], (self,), {}, "get_item")


@record
class KerasFunction(Layer):
    """A function of one or several values."""

    function: Callable[..., Any]

    multiple_inputs: ClassVar[bool] = True
    fewest_inputs: ClassVar[int] = 1
    needs_rows: ClassVar[bool] = False

    def apply(
        self, params: Tree, state: Tree, x: Any, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        return asvalue(self.function(*x)), state


@record
class KerasBorrowed(Layer):
    """A weight of another layer of the same network, whatever x is.

    Args:
        owner: the layer whose weight it is; leaf: its name there; shape: in Keras.
    """

    owner: Layer
    leaf: str
    shape: tuple[int, ...]

    needs_rows: ClassVar[bool] = False

    @property
    def lender(self) -> Layer:
        return self.owner

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        return composite.reshape(params[self.leaf], self.shape), state


def borrowed(owner: Layer, leaf: str, shape: tuple[int, ...], behind: KerasTensor) -> KerasTensor:
    """A weight of a layer as a tensor of a network, in which `behind` stands behind that layer."""
    symbol = Symbol(KerasBorrowed(owner, leaf, shape), [behind.symbol])
    type = TensorType(SESSION.dtype, shape)
    return KerasTensor(symbol, type, Node(None, [behind]), behind.root, leaf)


def input_tensor(shape: Sequence[int | None], name: str) -> KerasTensor:
    """The tensor of an input; `shape` is that of a sample."""
    if any(dim is None for dim in shape):
        raise ArgumentError(
            "keras.Input",
            f"all axes of a sample must have a length, got shape={tuple(shape)}",
            "Pad the samples to one length.",
        )
    symbol = symbol_of_input(tuple(int(dim) for dim in shape if dim is not None))
    made = KerasTensor(
        symbol, TensorType(SESSION.dtype, (shapes.N, *symbol.shape)), None, None, name
    )
    return made


def typed(layer: Layer, reads: Sequence[TensorType]) -> TensorType:
    """The type of a layer's output; a layer without weights gets its first ones."""
    own = held(layer)
    known = None if own is None else tuple(type_tree(one) for one in own)

    def one(seed: Value, step: Value, own: Any, reads: list[Value]) -> Any:
        params, state = own or layer.init(Key(seed, step, "init"), reads[0].type)
        given: Any = tuple(reads) if layer.multiple_inputs else reads[0]
        return params, state, layer.apply(params, state, given, train=False, key=None)[0]

    arguments = {"seed": _SCALAR, "step": _SCALAR, "own": known, "reads": list(reads)}
    leaves, structure = trees.flatten(arguments)
    traced = trace(
        one, leaves, trees.paths(arguments), lambda values: ((), trees.unflatten(structure, values))
    )
    graph = traced.with_constants() if traced.captures else traced.graph
    *_, out = trees.unflatten(traced.structure, graph.output_types)
    if own is None:
        count = len(graph.outputs) - 1
        chosen = Graph(graph.nodes, graph.inputs, tuple(graph.outputs[:count]), graph.consts)
        zeros = [
            np.zeros([d if isinstance(d, int) else d.scale for d in t.shape], numpy_dtype(t.dtype))
            for t in reads
        ]
        arrays = run(
            chosen, [np.asarray(SESSION.seed(), np.int64), np.asarray(0, np.int64), *zeros]
        )
        made = trees.unflatten(traced.structure, [*arrays, None])
        layer.variables.params, layer.variables.state = made[0], made[1]
    return out  # type: ignore[no-any-return]


def called(layer: Layer, inputs: Sequence[KerasTensor], node: Node, name: str) -> KerasTensor:
    """The tensor of what a layer returns."""
    type = typed(layer, [one.type for one in inputs])
    symbol = Symbol(layer, [one.symbol for one in inputs])
    return KerasTensor(symbol, type, node, inputs[0].root, name)


def is_symbolic(value: Any) -> bool:
    """Whether a value stands for numbers that are not there yet."""
    return isinstance(value, KerasTensor) or (isinstance(value, Placed) and ROOT.get() is not None)


def flat(value: Any) -> list[Any]:
    """The leaves of nested lists, tuples and dicts."""
    if isinstance(value, (list, tuple)):
        return [leaf for one in value for leaf in flat(one)]
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in flat(one)]
    return [value]


def tensors_of(value: Any) -> list[KerasTensor]:
    """The tensors among the leaves of nested lists, tuples and dicts."""
    return [one for one in flat(value) if isinstance(one, KerasTensor)]


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same nesting with changed leaves."""
    if isinstance(value, (list, tuple)):
        return type(value)([mapped(one, change) for one in value])
    if isinstance(value, dict):
        return {key: mapped(one, change) for key, one in value.items()}
    return change(value)


def aligned(values: Any, weights: Any) -> tuple[Any, Any]:
    """Both with as many axes, where one of them has a last axis of 1."""
    one, other = len(values.shape), len(weights.shape)
    if one == other + 1 and values.shape[-1] == 1:
        if other == 1:
            return values, composite.expand_dims(weights, -1)
        return composite.squeeze(values, -1), weights
    if other == one + 1 and weights.shape[-1] == 1:
        if one == 1:
            return composite.expand_dims(values, -1), weights
        return values, composite.squeeze(weights, -1)
    return values, weights


def applied(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str
) -> Any:
    """What a function makes of its arguments: numbers at once, of tensors a tensor."""
    leaves = flat((args, kwargs))
    if not any(is_symbolic(one) for one in leaves):
        plain = mapped((args, kwargs), lambda one: one.value if isinstance(one, Placed) else one)
        return function(*plain[0], **plain[1])
    root = next((one.root for one in leaves if isinstance(one, KerasTensor)), ROOT.get())
    reads: list[KerasTensor] = []
    places: dict[int, int] = {}
    for one in leaves:
        if isinstance(one, (KerasTensor, Placed)) and id(one) not in places:
            places[id(one)] = len(reads)
            reads.append(one.at(root) if isinstance(one, Placed) else one)

    def call(*values: Any) -> Any:
        given = mapped(
            (args, kwargs),
            lambda one: values[places[id(one)]] if id(one) in places else one,
        )
        return function(*given[0], **given[1])

    return called(KerasFunction(call), reads, Node(None, reads), name)


def _operator(symbol: str, function: Callable[[Any, Any], Any], swapped: bool) -> Any:
    def method(self: Any, other: Any) -> Any:
        pair = (other, self) if swapped else (self, other)
        return applied(function, pair, {}, symbol)

    return method


_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
}
_COMPUTED: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "truediv": lambda x, y: x / y,
    "pow": lambda x, y: x**y,
    "matmul": lambda x, y: x @ y,
    "floordiv": lambda x, y: x // y,
    "mod": lambda x, y: x % y,
    "and": pnp.logical_and,
    "or": pnp.logical_or,
    "xor": pnp.logical_xor,
}
for _kind in (KerasTensor, Placed):
    for _name, _function in {**_COMPARED, **_COMPUTED}.items():
        setattr(_kind, f"__{_name}__", _operator(_name, _function, False))
        if _name in _COMPUTED:
            setattr(_kind, f"__r{_name}__", _operator(_name, _function, True))
    for _name, _sole in (("neg", lambda x: -x), ("abs", abs), ("invert", pnp.logical_not)):
        setattr(_kind, f"__{_name}__", lambda self, f=_sole, n=_name: applied(f, (self,), {}, n))
