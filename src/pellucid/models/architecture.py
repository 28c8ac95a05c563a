"""The architecture of a model: a graph of layers by unique names. It holds no array.

In: layers, and what each reads. Out: the types of all values, initial weights as a graph, and the
forward pass as a function that builds a graph. A model that is called inside another one becomes
part of its graph: its layers stand there under names of their own, `encoder/dense_1`.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from pellucid.core import dtypes, trees
from pellucid.core.arguments import integer
from pellucid.core.dtypes import DType
from pellucid.core.errors import ArgumentError
from pellucid.core.shapes import N
from pellucid.graph.node import Graph, TensorType
from pellucid.models.ports import Ports
from pellucid.nn.activations import activate
from pellucid.nn.dense import Dropout, Flatten
from pellucid.nn.layer import Layer, kind_name
from pellucid.ops.random import Key
from pellucid.ops.value import Value
from pellucid.transform.trace import trace

Sample = tuple[int, ...]
Tree = dict[str, Any]
_SCALAR = TensorType(dtypes.int64)


class Output(NamedTuple):
    """A value of the network, and the same before its final activation."""

    value: Value
    raw: Value


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
        groups: models that were called inside this one, by name.
        input_types: empty where the shapes are not known yet.
        types: of each layer's output; params, state: the types of the arrays, by layer. Empty where
            the shapes of the inputs are not known.
    """

    def __init__(self, where: str, inputs: Ports, dtype: DType):
        self.where, self.inputs, self.dtype = where, inputs, dtype
        self.outputs = Ports(("output",), each="output")
        self.ends: tuple[int, ...] = (0,)
        self.layers: list[Layer] = []
        self.names: list[str] = []
        self.sources: list[tuple[int, ...]] = []
        self.groups: dict[str, Any] = {}
        self.input_types: tuple[TensorType, ...] = ()
        self.types: list[TensorType] = []
        self.params: Tree = {}
        self.state: Tree = {}
        self._known: dict[int, str] = {}  # the id of a layer or a group: its name
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    # -- making -----------------------------------------------------------------------------

    def append(self, layer: Layer, sources: tuple[int, ...], name: str | None = None) -> int:
        """Puts a layer behind the others; returns the number of its output."""
        self.names.append(self._named(layer, layer.name if name is None else name))
        self.layers.append(layer)
        self.sources.append(sources)
        if self.input_types:
            self._typed(len(self.layers) - 1)
        return len(self.inputs) + len(self.layers) - 1

    def group(self, model: Any) -> str:
        """The name of a model that is called inside this one."""
        name = self._named(model, model.name)
        self.groups[name] = model
        return name

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
        return dict(zip(self.names, self.layers, strict=True))

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

    def shaped(self, samples: Sequence[Sample]) -> None:
        """Works out the types of all values and arrays for inputs of these shapes.

        Args:
            samples: the shape of one sample, for each input.

        Raises:
            ShapeError: for a layer that does not take what it reads.
        """
        if not self.layers:
            raise ArgumentError(self.where, "a model needs a layer, got none", "Use add(layer).")
        for dim in itertools.chain(*samples):
            integer(self.where, "input_shape", dim, 1)
        before = self.input_types, self.types, self.params, self.state
        self.types, self.params, self.state = [], {}, {}
        self.input_types = tuple(TensorType(self.dtype, (N, *sample)) for sample in samples)
        try:
            for number in range(len(self.layers)):
                self._typed(number)
        except BaseException:
            self.input_types, self.types, self.params, self.state = before
            raise

    def _typed(self, number: int) -> None:
        """Adds the types of a layer's arrays and output, from those of what it reads."""
        layer, name = self.layers[number], self.names[number]
        values = [*self.input_types, *self.types]
        reads = [values[n] for n in self.sources[number]]
        known = {} if name not in self.params else {"own": (self.params[name], self.state[name])}

        def one(seed: Value, step: Value, own: Any, reads: list[Value]) -> Any:
            params, state = own or layer.init(Key(seed, step, "init").child(name), reads[0].type)
            given: Any = tuple(reads) if layer.multiple_inputs else reads[0]
            out, _ = layer.apply(params, state, given, train=False, key=None)
            return params, state, out

        arguments = {"seed": _SCALAR, "step": _SCALAR, "own": known.get("own"), "reads": reads}
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

    def initial(self) -> tuple[Graph, trees.Structure]:
        """The graph (seed, step, inputs) → (params, state)."""

        def initial(seed: Value, step: Value, *inputs: Value) -> Any:
            params: Tree = {}
            state: Tree = {}
            values = list(inputs)
            for layer, name, read in zip(self.layers, self.names, self.sources, strict=True):
                if name not in params:
                    key = Key(seed, step, "init").child(name)
                    params[name], state[name] = layer.init(key, values[read[0]].type)
                given = read_by(layer, values, read)
                out, _ = layer.apply(params[name], state[name], given, train=False, key=None)
                values.append(out)
            return params, state

        names = trees.paths(self.inputs.nested(self.input_types), "x")
        traced = trace(
            initial,
            [_SCALAR, _SCALAR, *self.input_types],
            ["seed", "step", *names],
            lambda v: (tuple(v), {}),
        )
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
    ) -> tuple[list[Output], Any]:
        """The outputs, and the layers' new state.

        Args:
            frozen: names of layers that act as in prediction, whose state stays.
            raw: numbers of values of which is also told what they are before the final
                activation of the layer that makes them.
        """
        after, values = dict(state), list(inputs)
        before = dict(enumerate(inputs))
        calls: dict[str, int] = {}
        for layer, name, read in zip(self.layers, self.names, self.sources, strict=True):
            calls[name] = calls.get(name, 0) + 1
            own = None if key is None else key.child(name)
            if own is not None and calls[name] > 1:  # no two calls of a layer share a mask
                own = own.child(str(calls[name]))
            place, given = len(values), read_by(layer, values, read)
            plain = layer.without_activation() if place in raw else layer
            how: dict[str, Any] = {"train": train and name not in frozen, "key": own}
            if plain is layer:
                out, after[name] = layer.apply(params[name], after[name], given, **how)
                before[place] = out
            else:
                before[place] = given
                if plain is not None:
                    before[place], after[name] = plain.apply(
                        params[name], after[name], given, **how
                    )
                out = activate(layer.final_activation, before[place])
            values.append(out)
        return [Output(values[end], before[end]) for end in self.ends], after

    def ending(self, end: int) -> tuple[int, list[int]]:
        """The layer that gives the output number `end` its meaning, and those behind it.

        Dropout and Flatten change nothing of what an output stands for.
        """
        behind: list[int] = []
        first = len(self.inputs)
        place = end
        while place >= first and isinstance(self.layers[place - first], (Dropout, Flatten)):
            behind.append(place)
            place = self.sources[place - first][0]
        return place, behind


def read_by(layer: Layer, values: Sequence[Value], read: tuple[int, ...]) -> Any:
    """What a layer gets of the values before it: one, or a tuple where it takes several."""
    return tuple(values[n] for n in read) if layer.multiple_inputs else values[read[0]]
