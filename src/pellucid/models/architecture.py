"""The architecture of a model: a graph of layers by unique names. It holds no array.

In: layers, and what each reads. Out: the types of all values, initial weights as a graph, and the
forward pass as a function that builds a graph. A model that is called inside another one becomes
part of its graph: its layers stand there under names of their own, `encoder/dense_1`.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Any

from pellucid.core import dtypes, shapes, trees
from pellucid.core.arguments import integer
from pellucid.core.dtypes import DType
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import N
from pellucid.graph.node import Graph, TensorType
from pellucid.models.ports import Ports
from pellucid.nn.activations import ActivationLike, activate
from pellucid.nn.dense import Activation, Flatten, Reshape
from pellucid.nn.layer import Layer, kind_name
from pellucid.nn.losses.contract import LINEAR
from pellucid.nn.noise import Noise
from pellucid.ops.random import Key
from pellucid.ops.value import Value
from pellucid.transform.trace import trace

Sample = tuple[int, ...]
Tree = dict[str, Any]
_SCALAR = TensorType(dtypes.int64)


class Output:
    """A value of the network, and the same before its final activation.

    Args:
        raw: before the activation.
        activation: makes the value; it is recorded when the value is first asked for, so that a
            graph which needs the raw one alone does not hold it.
    """

    def __init__(self, raw: Value, activation: ActivationLike = None):
        self.raw, self._activation = raw, activation
        self._value: Value | None = None

    @property
    def value(self) -> Value:
        if self._value is None:
            self._value = activate(self._activation, self.raw)
        return self._value


class Architecture:
    """Layers, what each reads, and which values go in and out.

    Args:
        where: the model's class, for messages.
        inputs: how data come in.
        dtype: of weights and computation.

    Attributes:
        sources: for each layer the numbers of what it reads: the inputs come first, then the
            layers' outputs.
        ends: the number of each output among them.
        terms: the numbers of the values that are added to the objective.
        groups: models that were called inside this one, by name.
        reads: the numbers of what each of them reads, where it is all part of this model.
        input_types: empty where the shapes are not known yet.
        nested: whether the model was called inside another one.
        declared: whether the inputs' shapes are those of Input symbols.
        types: of each layer's output; params, state: the types of the arrays, by layer. Empty where
            the shapes of the inputs are not known.
    """

    def __init__(self, where: str, inputs: Ports, dtype: DType):
        self.where, self.inputs, self.dtype = where, inputs, dtype
        self.outputs = Ports(("output",), each="output")
        self.ends: tuple[int, ...] = (0,)
        self.terms: tuple[int, ...] = ()
        self.layers: list[Layer] = []
        self.names: list[str] = []
        self.sources: list[tuple[int, ...]] = []
        self.groups: dict[str, Any] = {}
        self.reads: dict[str, tuple[int, ...]] = {}
        self.input_types: tuple[TensorType, ...] = ()
        self.types: list[TensorType] = []
        self.params: Tree = {}
        self.state: Tree = {}
        self.nodes = 0  # that were recorded to learn the types: what a load records again
        self.nested = self.declared = False
        self._unique: dict[str, Layer] = {}
        self._known: dict[int, str] = {}  # the id of a layer or a group: its name
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    # -- making -----------------------------------------------------------------------------

    def append(self, layer: Layer, sources: tuple[int, ...], name: str | None = None) -> int:
        """Puts a layer behind the others; returns the number of its output.

        Raises:
            ShapeError: for a layer that does not take what it reads; see `all_or_nothing`.
        """
        own = self._named(layer, layer.name if name is None else name)
        self.names.append(own)
        self.layers.append(layer)
        self._unique[own] = layer
        self.sources.append(sources)
        if self.input_types:
            self._typed(len(self.layers) - 1)
        return len(self.inputs) + len(self.layers) - 1

    def group(self, model: Any) -> str:
        """The name of a model that is called inside this one.

        Raises:
            ArgumentError: for a model of another dtype, whose arrays could not be those of this.
        """
        if model.dtype is not self.dtype:
            raise ArgumentError(
                self.where,
                f"a model inside must have the dtype of the whole, {self.dtype.name}, got "
                f"{model.dtype.name}",
                f"Give it dtype={self.dtype.name!r}.",
            )
        name = self._named(model, model.name)
        self.groups[name] = model
        return name

    def fix_groups(self) -> None:
        """Behind the last step of making: what was called inside may not change any more."""
        for model in self.groups.values():
            model.architecture.nested = True

    def all_or_nothing(self, append: Callable[[], object]) -> None:
        """Calls `append`; where that raises, takes back what it appended."""
        own = vars(self)
        before = {
            name: value.copy() if isinstance(value, (list, dict, set)) else value
            for name, value in own.items()
        }
        try:
            append()
        except BaseException:
            own.update(before)
            raise

    def _named(self, part: Any, wanted: str | None) -> str:
        """The name of a layer or a model: as before, as wanted, or its kind and a number."""
        if id(part) in self._known:
            return self._known[id(part)]
        if wanted is None:
            kind = kind_name(type(part).__name__)
            number = self._counts.get(kind, 0) + 1
            while f"{kind}_{number}" in self._taken:
                number += 1
            self._counts[kind] = number
            wanted = f"{kind}_{number}"
        elif wanted in self._taken:
            raise ArgumentError(
                self.where,
                f"layer names must differ, got '{wanted}' twice",
                "Give one of them another name=.",
            )
        self._known[id(part)] = wanted
        self._taken.add(wanted)
        return wanted

    def unique(self) -> dict[str, Layer]:
        """The layers by name; one that is used twice stands once."""
        return self._unique

    def inside(self, name: str) -> list[str]:
        """The names of the layers that a name stands for: one, or those of a model inside."""
        group = self.groups.get(name)
        own = set() if group is None else {id(layer) for layer in group.layers}
        return [
            one
            for one, layer in self.unique().items()
            if one == name or one.startswith(f"{name}/") or id(layer) in own
        ]

    # -- types ------------------------------------------------------------------------------

    @property
    def samples(self) -> list[Sample]:
        """The shape of one sample of each input, where they are known."""
        return [type.shape[1:] for type in self.input_types]  # type: ignore[misc]

    @property
    def output_types(self) -> list[TensorType]:
        values = [*self.input_types, *self.types]
        return [values[end] for end in self.ends]

    def shaped(self, samples: Sequence[Sample], check: Callable[[Architecture], None]) -> None:
        """Works out the types of all values and arrays for inputs of these shapes.

        Args:
            samples: the shape of one sample, for each input.
            check: refuses types that do not fit; then nothing has changed.

        Raises:
            ShapeError: for a layer that does not take what it reads.
        """
        if not self.layers:
            raise ArgumentError(self.where, "a model needs a layer, got none", "Use add(layer).")
        for dim in itertools.chain(*samples):
            integer(self.where, "input_shape", dim, 1)
        before = self.input_types, self.types, self.params, self.state
        self.types, self.params, self.state, self.nodes = [], {}, {}, 0
        self.input_types = tuple(TensorType(self.dtype, (N, *sample)) for sample in samples)
        try:
            for number in range(len(self.layers)):
                self._typed(number)
            check(self)
        except BaseException:
            self.input_types, self.types, self.params, self.state = before
            raise
        self.shape_groups(check)

    def shaped_again(self, check: Callable[[Architecture], None]) -> None:
        """Works out all types anew, where functions of a person's own do something else now.

        Raises:
            ShapeError: for a layer that does not take what it reads; then nothing has changed.
        """
        made = copy.copy(self)  # another thread may read these types meanwhile
        made.shaped(self.samples, check)
        self.types, self.params, self.state = made.types, made.params, made.state
        self.nodes = made.nodes

    def shape_groups(self, check: Callable[[Architecture], None]) -> None:
        """Tells the models inside what they read, so that each can be used alone."""
        values = [*self.input_types, *self.types]
        for name, read in self.reads.items():
            inside: Architecture = self.groups[name].architecture
            samples: list[Any] = [values[n].shape[1:] for n in read] if values else []
            if samples and not inside.input_types:
                inside.shaped(samples, check)
            elif samples and inside.declared and samples != inside.samples:
                raise ShapeError(
                    self.where,
                    f"{name} must read samples of {inside.samples} as its Input says, got "
                    f"{samples}",
                    "Call it on symbols of these shapes.",
                )

    def _typed(self, number: int) -> None:
        """Adds the types of a layer's arrays and output, from those of what it reads."""
        layer, name = self.layers[number], self.names[number]
        first = len(self.input_types)
        reads = [
            self.input_types[n] if n < first else self.types[n - first]
            for n in self.sources[number]
        ]
        wanted = layer.input_shape
        if wanted is not None and reads[0].shape[1:] != wanted:
            raise ShapeError(
                layer.where,
                f"it must read {shapes.text((N, *wanted))} as its input_shape says, got "
                f"{shapes.text(reads[0].shape)}",
                "Only the first layer of a model needs an input_shape.",
            )
        known = {} if name not in self.params else {"own": (self.params[name], self.state[name])}
        lent = None if layer.lender is None else self.params[self._lender(layer)]

        def one(seed: Value, step: Value, own: Any, lent: Any, reads: list[Value]) -> Any:
            params, state = own or layer.init(Key(seed, step, "init").child(name), reads[0].type)
            given = params if layer.lender is None else lent
            out, _ = layer.apply(given, state, read_by(layer, reads), train=False, key=None)
            return params, state, out

        arguments = {
            **{"seed": _SCALAR, "step": _SCALAR, "own": known.get("own")},
            **{"lent": lent, "reads": reads},
        }
        leaves, structure = trees.flatten(arguments)
        traced = trace(
            one,
            leaves,
            trees.paths(arguments),
            lambda values: ((), trees.unflatten(structure, values)),
        )
        found = trees.unflatten(traced.structure, traced.graph.output_types)
        self.params[name], self.state[name], out = found
        self.types.append(out)
        self.nodes += len(traced.graph)

    def _lender(self, layer: Layer) -> str:
        """The name of the layer before this one whose parameters it gets.

        Raises:
            ArgumentError: where none before it is that layer.
        """
        name = self._known.get(id(layer.lender), "")
        if name not in self.params:
            raise ArgumentError(
                layer.where,
                f"the {layer.lender.where if layer.lender else ''} whose weights it reads must be "
                "called before it in the same model, got a model without",
                "Call that layer first.",
            )
        return name

    def initial(self) -> tuple[Graph, trees.Structure]:
        """The graph (seed, step) → (params, state); the types of all values are known."""
        types = [*self.input_types, *self.types]

        def initial(seed: Value, step: Value) -> Any:
            params: Tree = {}
            state: Tree = {}
            for layer, name, read in zip(self.layers, self.names, self.sources, strict=True):
                if name not in params:
                    key = Key(seed, step, "init").child(name)
                    params[name], state[name] = layer.init(key, types[read[0]])
            return params, state

        traced = trace(initial, [_SCALAR, _SCALAR], ["seed", "step"], lambda v: (tuple(v), {}))
        graph = traced.with_constants() if traced.captures else traced.graph
        return graph, traced.structure

    # -- the forward pass -------------------------------------------------------------------

    def apply(
        self,
        params: Any,
        state: Any,
        inputs: Sequence[Value],
        *,
        train: bool,
        key: Key | None,
        frozen: Collection[str] = (),
        raw: Collection[int] = (),
        terms: bool = False,
    ) -> tuple[list[Output], Any]:
        """The outputs, and the layers' new state.

        Args:
            terms: whether the terms of the objective stand behind the outputs. Without them no
                layer is computed that leads to terms alone.
            frozen: names of layers that act as in prediction, whose state stays.
            raw: numbers of values of which is also told what they are before the final
                activation of the layer that makes them.
        """
        after, values = dict(state), [Output(one) for one in inputs]
        calls: dict[str, int] = {}
        wanted = (*self.ends, *self.terms) if terms else self.ends
        needed = self._before(wanted) if self.terms else range(len(values) + len(self.layers))
        for layer, name, read in zip(self.layers, self.names, self.sources, strict=True):
            calls[name] = calls.get(name, 0) + 1
            if len(values) not in needed:
                values.append(values[read[0]])  # holds the place: nothing reads it
                continue
            own = None if key is None else key.child(name)
            if own is not None and calls[name] > 1:  # no two calls of a layer share a mask
                own = own.child(str(calls[name]))
            given: Any = read_by(layer, [values[n].value for n in read])
            plain: Layer | None = layer
            activation: ActivationLike = None
            if len(values) in raw:
                plain, activation = layer.without_activation(), layer.final_activation
            out = given
            if plain is not None:
                out, after[name] = plain.apply(
                    params[name if layer.lender is None else self._lender(layer)],
                    after[name],
                    given,
                    train=train and name not in frozen,
                    key=own,
                )
            values.append(Output(out, activation))
        return [values[end] for end in wanted], after

    def _before(self, wanted: Sequence[int]) -> set[int]:
        """The numbers of these values and of all that they are made of."""
        found, left, first = set(wanted), list(wanted), len(self.inputs)
        while left:
            place = left.pop()
            for one in self.sources[place - first] if place >= first else ():
                if one not in found:
                    found.add(one)
                    left.append(one)
        return found

    def ending(self, end: int) -> tuple[int, list[int]]:
        """The layer that gives the output number `end` its meaning, and those behind it.

        Those behind it give in prediction the numbers that they get: the meaning stays.
        """
        behind: list[int] = []
        first = len(self.inputs)
        place = end
        while place >= first and _keeps_numbers(self.layers[place - first]):
            behind.append(place)
            place = self.sources[place - first][0]
        return place, behind


def _keeps_numbers(layer: Layer) -> bool:
    """Whether a layer gives in prediction what it gets, perhaps in another shape."""
    if isinstance(layer, Activation):
        return layer.function in (None, LINEAR)
    return isinstance(layer, (Noise, Flatten, Reshape))


def read_by(layer: Layer, reads: Sequence[Value]) -> Any:
    """What a layer gets of the values that it reads: one, or a tuple where it takes several."""
    return tuple(reads) if layer.multiple_inputs else reads[0]
