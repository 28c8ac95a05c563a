"""The training step of the XOR network as a graph: forward, loss, backward and update in one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pellucid import autodiff
from pellucid.core.dtypes import DType, float32
from pellucid.core.shapes import N
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.value import Builder, Value, apply, cast, elementwise, number
from pellucid.runtime.interpreter import Interpreter

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
Y = np.array([[0], [1], [1], [0]], float)
SMALL, DEEP = (2, 2, 1), (2, 4, 2, 1)


def matmul(x: Value, y: Value) -> Value:
    return apply("contract", x, y, batch=(), summed=((1, 0),))


def parameters(sizes: Sequence[int], dtype: DType) -> list[tuple[str, TensorType]]:
    found = []
    for layer, (d, h) in enumerate(pairwise(sizes)):
        found.append((f"W{layer}", TensorType(dtype, (d, h))))
        found.append((f"b{layer}", TensorType(dtype, (h,))))
    return found


def loss_graph(sizes: Sequence[int], dtype: DType) -> Graph:
    """(params, x, y) → mean over rows of the squared error."""
    builder = Builder()
    with builder:
        params = [builder.input(name, type) for name, type in parameters(sizes, dtype)]
        x = builder.input("x", TensorType(dtype, (N, sizes[0])))
        y = builder.input("y", TensorType(dtype, (N, sizes[-1])))
        out = x
        for layer in range(len(sizes) - 1):
            out = matmul(out, params[2 * layer]) + params[2 * layer + 1]
            if layer < len(sizes) - 2:
                out = elementwise("relu", out)
        summed = apply("sum", elementwise("square", out - y), axis=(0, 1), keepdims=False)
        loss = summed / cast(apply("size", x, axis=0), dtype)
    return builder.graph([loss])


def step_graph(sizes: Sequence[int] = SMALL, dtype: DType = float32) -> Graph:
    """(params, rate, x, y) → (new params, loss), plain gradient descent."""
    loss = loss_graph(sizes, dtype)
    count = len(parameters(sizes, dtype))
    both = autodiff.vjp(loss, range(count))
    builder = Builder()
    with builder:
        params = [builder.input(name, type) for name, type in parameters(sizes, dtype)]
        rate = builder.input("rate", TensorType(dtype))
        x = builder.input("x", TensorType(dtype, (N, sizes[0])))
        y = builder.input("y", TensorType(dtype, (N, sizes[-1])))
        value, *gradients = builder.inline(both, [*params, x, y, number(1, dtype)])
        new = [p - rate * gradient for p, gradient in zip(params, gradients, strict=True)]
    return builder.graph([*new, value])


def shared(sizes: Sequence[int] = SMALL) -> list[tuple[int, int]]:
    """Every parameter shares its buffer with its successor."""
    return [(i, i) for i in range(2 * (len(sizes) - 1))]


def start(sizes: Sequence[int], dtype: DType, seed: int = 0) -> list[np.ndarray]:
    """Weights from a seed, drawn as He et al. do; biases a little above 0."""
    rng = np.random.default_rng(seed)
    found = []
    for _, type in parameters(sizes, dtype):
        shape = tuple(map(int, type.shape))
        drawn = rng.normal(size=shape) * np.sqrt(2 / shape[0]) if len(shape) == 2 else 0.1
        found.append(np.broadcast_to(drawn, shape).astype(dtype.name))
    return found


def batch(n: int, dtype: DType) -> list[np.ndarray]:
    """n rows of XOR, in turn."""
    rows = np.arange(n) % 4
    return [X[rows].astype(dtype.name), Y[rows].astype(dtype.name)]


def call(sizes: Sequence[int], dtype: DType, n: int = 4, rate: float = 0.1) -> list[np.ndarray]:
    """The arguments of one step."""
    return [*start(sizes, dtype), np.asarray(rate, dtype.name), *batch(n, dtype)]


def by_interpreter(graph: Graph, inputs: list[np.ndarray], steps: int) -> list[np.ndarray]:
    """The outputs after some steps, each output of a parameter fed back."""
    program = Interpreter(graph)
    inputs = list(inputs)
    outputs: list[np.ndarray] = []
    for _ in range(steps):
        outputs = program(inputs)
        inputs[: len(outputs) - 1] = outputs[:-1]
    return outputs
