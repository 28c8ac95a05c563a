"""A person's own functions in a model file: graph text and constants, no code.

A function of Tensors is traced once at the types it is used with. Loading gives back a
`GraphFunction` that records the same graph; nothing is executed but rows of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import DataError, PellucidError, ShapeError
from pellucid.graph.node import Constant, Graph, TensorType
from pellucid.graph.text import parse_graph, print_graph
from pellucid.ops.spec import type_of, verify
from pellucid.ops.value import Builder, Value, current
from pellucid.transform.arrays import type_of as array_type
from pellucid.transform.custom import in_rows
from pellucid.transform.trace import trace


class GraphFunction:
    """A function that came out of a file: calling it records its graph."""

    def __init__(self, name: str, graph: Graph):
        self.__name__ = name
        self.graph = graph

    def __call__(self, *inputs: Any) -> Value:
        recorder = current()
        values = [recorder.lift(item) for item in inputs]
        for value, type in zip(values, self.graph.input_types, strict=True):
            if value.type != type:
                raise ShapeError(
                    self.__name__,
                    f"this saved function takes {type!r}, got {value.type!r}",
                    "It was saved for these shapes; define the model anew for others.",
                )
        assert isinstance(recorder, Builder)
        return recorder.inline(self.graph, values)[0]

    def __repr__(self) -> str:
        return f"GraphFunction({self.__name__})"


def function_graph(function: Callable[..., Any], types: Sequence[TensorType]) -> Graph:
    """The graph of `function`, with operations of a person's own written out in rows."""
    if isinstance(function, GraphFunction):
        return function.graph
    names = [f"x{i}" for i in range(len(types))]
    traced = trace(function, types, names, lambda values: (tuple(values), {}))
    graph = traced.with_constants() if traced.captures else traced.graph
    return in_rows(graph)


class FunctionTable:
    """Writes functions into a file's metadata and arrays, and reads them back."""

    def __init__(self, arrays: dict[str, Any] | None = None):
        self.arrays: dict[str, Any] = {} if arrays is None else arrays
        self.count = 0

    def writer(self, *types: TensorType) -> Callable[[Any], dict[str, Any]]:
        """A function that writes down callables of inputs of `types`."""

        def write(function: Any) -> dict[str, Any]:
            label = getattr(function, "__name__", "function")
            try:
                graph = function_graph(function, types)
            except PellucidError as error:
                raise DataError(
                    f"save {label}", f"the function cannot be written as a graph: {error}"
                ) from None
            prefix = f"functions/{self.count}"
            self.count += 1
            for name, const in graph.consts.items():
                self.arrays[f"{prefix}/{name}"] = np.asarray(const.array)
            return {
                "type": "function",
                "name": label,
                "graph": print_graph(graph, lines=False),
                "consts": prefix if graph.consts else None,
            }

        return write

    def read(self, config: Mapping[str, Any]) -> GraphFunction:
        """The function that `write` wrote."""
        prefix = config.get("consts")
        consts: dict[str, Constant] = {}
        for name, array in self.arrays.items():
            if prefix is not None and name.startswith(f"{prefix}/"):
                consts[name[len(prefix) + 1 :]] = Constant.of(array, array_type(array))
        graph = parse_graph(str(config.get("graph", "")), consts, type_of)
        verify(graph)
        if len(graph.outputs) != 1:
            raise DataError("load", f"a function must have one output, got {len(graph.outputs)}")
        return GraphFunction(str(config.get("name", "function")), graph)
