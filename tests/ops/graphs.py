"""Short ways to build and run small graphs in tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid import autodiff
from pellucid.core.dtypes import DType, as_dtype, float64
from pellucid.core.shapes import Shape
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.spec import lookup
from pellucid.ops.value import Builder, Value
from pellucid.runtime.interpreter import Interpreter

Function = Callable[..., Any]


def trace(function: Function, *types: TensorType, names: Sequence[str] = ()) -> Graph:
    """The graph of a function of Values; several outputs as a tuple."""
    builder = Builder()
    with builder:
        values = [
            builder.input(names[i] if names else f"x{i}", type) for i, type in enumerate(types)
        ]
        out = function(*values)
    return builder.graph(list(out) if isinstance(out, tuple) else [out])


def scalar(dtype: DType = float64) -> TensorType:
    return TensorType(dtype, ())


def type_of(array: Any) -> TensorType:
    array = np.asarray(array)
    return TensorType(as_dtype(array.dtype), array.shape)


def arrays_of(inputs: Sequence[Any]) -> list[np.ndarray]:
    return [np.asarray(x, np.float64 if isinstance(x, (int, float)) else None) for x in inputs]


def value(function: Function, *inputs: Any) -> np.ndarray:
    """f(inputs)."""
    arrays = arrays_of(inputs)
    return Interpreter(trace(function, *map(type_of, arrays)))(arrays)[0]


def grads(function: Function, *inputs: Any, ct: Any = 1.0) -> list[np.ndarray]:
    """The gradient of each input of a function with one output."""
    arrays = arrays_of(inputs)
    graph = trace(function, *map(type_of, arrays))
    out = graph.output_types[0]
    seed = np.broadcast_to(np.asarray(ct, out.dtype.name), tuple(map(int, out.shape)))
    return Interpreter(autodiff.vjp(graph, range(len(arrays))))([*arrays, seed])[1:]


def grad(function: Function, x: Any, ct: Any = 1.0) -> np.ndarray:
    return grads(function, x, ct=ct)[0]


def tangent(function: Function, x: Any, dot: Any = 1.0) -> np.ndarray:
    """The tangent of the output."""
    (array,) = arrays_of([x])
    graph = trace(function, type_of(array))
    moved = np.broadcast_to(np.asarray(dot, array.dtype), array.shape)
    return Interpreter(autodiff.jvp(graph, [0]))([array, moved])[1]


def apply(name: str, *arrays: np.ndarray, **attrs: Any) -> np.ndarray:
    """One row on arrays."""
    graph = trace(lambda *xs: xs[0].recorder.apply(lookup(name), xs, attrs), *map(type_of, arrays))
    return Interpreter(graph)(arrays)[0]


def graph_of(name: str, *types: tuple[DType, Shape], **attrs: Any) -> Callable[..., np.ndarray]:
    """One row, ready to be called with arrays."""
    tensors = [TensorType(dtype, shape) for dtype, shape in types]

    def one(*xs: Value) -> Any:
        return xs[0].recorder.apply(lookup(name), xs, attrs)  # type: ignore[attr-defined]

    program = Interpreter(trace(one, *tensors))
    return lambda *arrays: program(arrays)[0]
