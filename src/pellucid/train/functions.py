"""A person's own functions in a model file: graph text and constants, no code.

A function of Tensors is traced at the types it was called with, which `FunctionCalls` notes while
the parts of a model are traced. Loading gives back a `GraphFunction` that records the same graphs;
nothing is executed but rows of the table.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from pellucid.core import dtypes, shapes, trees
from pellucid.core.config import is_record, map_functions
from pellucid.core.errors import DataError, PellucidError, ShapeError
from pellucid.core.shapes import Batch, Dim, N
from pellucid.graph.node import CONST, Constant, Graph, TensorType
from pellucid.graph.text import parse_graph, print_graph
from pellucid.nn.layer import Layer
from pellucid.nn.losses import Loss
from pellucid.ops.random import Key
from pellucid.ops.spec import NotDifferentiable, lookup, type_of, verify
from pellucid.ops.value import Builder, Value, current
from pellucid.train.checkpoint import most_nodes
from pellucid.transform.arrays import type_of as array_type
from pellucid.transform.custom import in_rows
from pellucid.transform.trace import trace

T = TypeVar("T")
Types = tuple[TensorType, ...]


class GraphFunction:
    """A function that came out of a file: calling it records the graph that fits its inputs.

    Args:
        graphs: one for each kind of call, with one output; N stands for any number of rows.
    """

    __pellucid_unwatched__ = ("graphs",)  # they never change

    def __init__(self, name: str, graphs: Sequence[Graph]):
        self.__name__ = name
        self.graphs = tuple(graphs)

    def __call__(self, *inputs: Any) -> Value:
        recorder = current()
        values = [recorder.lift(item) for item in inputs]
        graph, rows = self._fitting(tuple(value.type for value in values))
        place: dict[int, Value] = dict(zip(graph.inputs, values, strict=True))
        build = recorder if isinstance(recorder, Builder) else None
        with build.at(None) if build else contextlib.nullcontext():
            for position, node in enumerate(graph.nodes):
                if position in place:
                    continue
                if node.op == CONST:
                    name = node.attr("name")
                    const = graph.consts[name]
                    made = build.const(name, const) if build else recorder.lift(const.array)
                else:
                    attrs = {key: shapes.bind(value, rows) for key, value in node.attrs}
                    sources = [place[source] for source in node.inputs]
                    made = recorder.apply(lookup(node.op), sources, attrs)
                place[position] = made
        return place[graph.outputs[0]]

    def _fitting(self, given: Types) -> tuple[Graph, Any]:
        """The graph for inputs of these types, and what N stands for in it."""
        for graph in self.graphs:
            if graph.input_types == given:
                return graph, N
        for graph in self.graphs:
            rows = _rows(graph.input_types, given)
            if rows is not None:
                return graph, rows
        known = " or ".join(_shown(graph.input_types) for graph in self.graphs)
        raise ShapeError(
            self.__name__,
            f"this saved function takes {known or 'no inputs: it was never called'}, got "
            f"{_shown(given)}",
            "It was saved for these types; for others write the function anew, in Python.",
        )

    def __repr__(self) -> str:
        return f"GraphFunction({self.__name__})"


def _shown(types: Types) -> str:
    return "(" + ", ".join(map(repr, types)) + ")"


def _rows(declared: Types, given: Types) -> Any:
    """What N must be so that the declared types are the given ones; None where nothing does."""
    if len(declared) != len(given):
        return None
    rows: Dim | None = None
    for wanted, type in zip(declared, given, strict=True):
        if wanted.dtype != type.dtype or len(wanted.shape) != len(type.shape):
            return None
        for dim, got in zip(wanted.shape, type.shape, strict=True):
            if not isinstance(dim, Batch):
                if dim != got:
                    return None
                continue
            count = got.scale if isinstance(got, Batch) else got
            if count % dim.scale:
                return None
            found = count // dim.scale
            own: Dim = Batch(found) if isinstance(got, Batch) else found
            if rows is not None and rows != own:
                return None
            rows = own
    return N if rows is None else rows


class FunctionCalls:
    """The types that each function of a person's own is called with."""

    def __init__(self) -> None:
        self._noted: dict[int, tuple[Any, list[Types]]] = {}

    def note(self, function: Any, types: Iterable[TensorType]) -> None:
        _, known = self._noted.setdefault(id(function), (function, []))
        new = tuple(types)
        if new not in known:
            known.append(new)

    def of(self, function: Any) -> tuple[Types, ...]:
        return tuple(self._noted.get(id(function), (function, []))[1])

    def watched(self, record: T) -> T:
        """`record` with functions that note the types of their inputs and go on as before."""
        return map_functions(record, lambda function: _Watched(function, self))

    def layer(self, layer: Layer, params: Any, state: Any, x: Any) -> None:
        """Notes the calls that a layer makes, in prediction and in training.

        Args:
            params, state: its trees of types, as `init` made them.
            x: the type of its input, or a tuple of them.
        """
        if not is_record(layer):
            return

        def applied(own: Layer, key: Key, given: Any) -> Any:
            return [own.apply(*given, train=train, key=key)[0] for train in (False, True)]

        self._traced(layer, (params, state, x), applied)

    def loss(self, loss: Loss, target: TensorType, output: TensorType) -> None:
        """Notes the calls that a loss makes for a target and an output of these types."""
        self._traced(loss, (target, output), lambda own, _, given: own.per_row(*given))

    def _traced(self, record: Any, tree: Any, run: Callable[[Any, Key, Any], Any]) -> None:
        own = self.watched(record)
        if own is record:  # it holds no function
            return
        types, structure = trees.flatten(tree)
        scalar = TensorType(dtypes.int64)
        trace(
            lambda seed, step, *leaves: run(
                own, Key(seed, step, "calls"), trees.unflatten(structure, leaves)
            ),
            [scalar, scalar, *types],
            ["seed", "step", *(f"x{i}" for i in range(len(types)))],
            lambda values: (tuple(values), {}),
        )


class _Watched:
    """A function that tells `calls` the types of its inputs."""

    def __init__(self, function: Callable[..., Any], calls: FunctionCalls):
        self.function, self.calls = function, calls
        self.__name__ = _name(function)

    def __call__(self, *inputs: Any) -> Any:
        if any(isinstance(item, Key) for item in inputs):
            raise DataError(
                "save",
                "a model file holds functions of Tensors, got a layer whose function draws random "
                "numbers",
                "Draw by a layer such as Dropout or GaussianNoise, or keep the weights alone: "
                "get_weights().",
            )
        recorder = current()
        self.calls.note(self.function, (recorder.lift(item).type for item in inputs))
        return self.function(*inputs)


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", "function"))


def function_graph(function: Callable[..., Any], types: Sequence[TensorType]) -> Graph:
    """The graph of `function`, with operations of a person's own written out in rows.

    Raises:
        DataError: where it calls an operation that is not differentiable: the rows of its forward
            would be.
    """
    names = [f"x{i}" for i in range(len(types))]
    traced = trace(function, types, names, lambda values: (tuple(values), {}))
    graph = traced.with_constants() if traced.captures else traced.graph
    for op in {node.op for node in graph.nodes if node.op not in ("input", CONST)}:
        row = lookup(op)
        if row.user and isinstance(row.derivative, NotDifferentiable):
            raise DataError(
                f"op {op}",
                "its derivative must not be NotDifferentiable, which the rows of its forward in a "
                "file could not say",
                "Where the gradient is 0 on purpose, define it with ZeroGradient('…').",
            )
    return in_rows(graph)


class FunctionTable:
    """Writes functions into a file's metadata and arrays, and reads them back.

    Args:
        arrays: those of a file that is read, `grouped`.
        calls: the types to write functions for.
    """

    def __init__(
        self,
        arrays: Mapping[str, Mapping[str, Any]] | None = None,
        calls: FunctionCalls | None = None,
    ):
        self.arrays: dict[str, Any] = {}
        self.calls = FunctionCalls() if calls is None else calls
        self._written: dict[tuple[int, tuple[Types, ...]], tuple[Any, dict[str, Any]]] = {}
        self._count = 0
        self._nodes = most_nodes(arrays or {}) // 2  # a function that is read is traced too
        self._consts = {
            part: {name: Constant.of(array, array_type(array)) for name, array in own.items()}
            for part, own in (arrays or {}).items()
            if part.startswith("functions/")
        }

    def writer(self, *types: TensorType) -> Callable[[Any], dict[str, Any]]:
        """A function that writes down callables of inputs of `types`."""

        def write(function: Any) -> dict[str, Any]:
            self.calls.note(function, types)
            return self.write(function)

        return write

    def write(self, function: Any) -> dict[str, Any]:
        """`function` as JSON: a graph for each kind of call that `calls` knows.

        Raises:
            DataError: for a function that cannot be traced into rows.
        """
        types = self.calls.of(function)
        known = self._written.get((id(function), types))
        if known is None:
            graphs = [self._put(graph) for graph in self._traced(function, types)]
            config = {"type": "function", "name": _name(function), "graphs": graphs}
            known = self._written[id(function), types] = (function, config)
        return known[1]

    def _traced(self, function: Any, calls: Sequence[Types]) -> Sequence[Graph]:
        if isinstance(function, GraphFunction):
            return function.graphs
        where = f"save {_name(function)}"
        try:
            return [function_graph(function, types) for types in calls]
        except PellucidError as error:
            problem, fix = f"[{error.where}] {error.problem}", error.fix
        except Exception as error:  # whatever a person's code raises
            problem, fix = f"{type(error).__name__} {error}", ""
        raise DataError(
            where,
            f"the function must be one that can be written as a graph, got {problem}",
            fix or "Compute with NumPy functions and operators of its inputs alone.",
        )

    def _put(self, graph: Graph) -> dict[str, Any]:
        prefix = f"functions/{self._count}"
        self._count += 1
        for name, const in graph.consts.items():
            self.arrays[f"{prefix}/{name}"] = np.asarray(const.array)
        text = print_graph(graph, lines=False)
        return {"graph": text, "consts": prefix if graph.consts else None}

    def read(self, config: Mapping[str, Any]) -> GraphFunction:
        """The function that `write` wrote.

        Raises:
            DataError: for anything else.
        """
        several = config.get("graphs")
        if several is None:  # format 1 wrote one graph
            several = [{key: config.get(key) for key in ("graph", "consts")}]
        name = config.get("name", "function")
        if not isinstance(name, str) or not isinstance(several, list):
            raise DataError("load", f"a function must have a name and graphs, got {name!r:.60}")
        return GraphFunction(name, [self._graph(one) for one in several])

    def _graph(self, config: Any) -> Graph:
        text, prefix = (
            (config.get("graph"), config.get("consts")) if isinstance(config, Mapping) else (0, 0)
        )
        if not isinstance(text, str) or not (prefix is None or isinstance(prefix, str)):
            raise DataError("load", "a function must be a graph and the place of its constants")
        consts = self._consts.get(prefix, {}) if prefix is not None else {}
        graph = parse_graph(text, consts, type_of, self._nodes)
        self._nodes -= len(graph)
        verify(graph)
        if len(graph.outputs) != 1:
            raise DataError("load", f"a function must have one output, got {len(graph.outputs)}")
        return graph
