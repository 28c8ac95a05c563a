"""Random graphs over the rows that the engine has, natively and by the interpreter.

Numbers are small and whole, so that every order of a sum gives the same float and "equal" means
equal to the last bit.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from pellucid.compiler.passes.pipeline import SWITCHES
from pellucid.core.dtypes import DType, float32, float64
from pellucid.core.shapes import N, Shape
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.value import Builder, Value, apply, cast, elementwise, number
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native

UNARY = ("negative", "square", "relu", "abs", "sign", "floor", "round", "stop_gradient")
BINARY = ("add", "subtract", "multiply", "maximum", "minimum")
COMPARE = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
SHAPES: tuple[Shape, ...] = ((N, 3), (3,), (N, 1), (), (3, 3))
QUICK, GRAPHS = 12, 40  # tests/compiler/test_any_graph.py has more of them, of more rows


class Drawn:
    """A graph under construction from a seed."""

    def __init__(self, seed: int, dtype: DType):
        self.random = random.Random(seed)
        self.dtype = dtype
        self.builder = Builder()
        self.values: list[Value] = []

    def pick(self) -> Value:
        return self.random.choice(self.values)

    def small(self, value: Value) -> Value:
        """Values stay whole and below 2¹⁰, so that no sum of them is rounded."""
        low = elementwise("maximum", value, number(-7, self.dtype))
        return elementwise("minimum", low, number(7, self.dtype))

    def grow(self) -> None:
        kind = self.random.randrange(7)
        x = self.pick()
        if kind == 0:
            made = elementwise(self.random.choice(UNARY), x)
        elif kind == 1:
            made = self.both(self.random.choice(BINARY), x)
        elif kind == 2:
            mask = self.both(self.random.choice(COMPARE), x)
            made = cast(~mask, self.dtype)
        elif kind == 3:
            rank = len(x.type.shape)
            axis = tuple(i for i in range(rank) if self.random.random() < 0.5)
            made = apply("sum", x, axis=axis, keepdims=self.random.random() < 0.5)
        elif kind == 4:
            made = self.moved(x)
        elif kind == 5:
            made = self.product(x)
        else:
            y = self.fitting(x)
            made = apply("where", elementwise("greater", x, y), y, x)
        self.values.append(self.small(made))

    def fitting(self, x: Value) -> Value:
        """A value of the shape of x, or a scalar."""
        same = [v for v in self.values if v.type.shape in (x.type.shape, ())]
        return self.random.choice(same)

    def both(self, name: str, x: Value) -> Value:
        y = self.fitting(x)
        if self.random.random() < 0.5:
            x, y = y, x
        return elementwise(name, x, y)  # type: ignore[no-any-return]

    def moved(self, x: Value) -> Value:
        shape = x.type.shape
        if len(shape) == 2 and self.random.random() < 0.5:
            return apply("permute_dims", x, axes=(1, 0))
        if shape in ((3,), ()):
            return apply("broadcast_to", x, shape=(N, 3))
        return apply("reshape", x, shape=(*shape, 1))

    def product(self, x: Value) -> Value:
        shape = x.type.shape
        y = self.pick()
        pairs = [
            (i, j)
            for i, dim in enumerate(shape)
            for j, other in enumerate(y.type.shape)
            if dim == other
        ]
        if not pairs:
            return x
        i, j = self.random.choice(pairs)
        left = [d for k, d in enumerate(shape) if k != i]
        right = [d for k, d in enumerate(y.type.shape) if k != j]
        if len(left) + len(right) > 3 or (N in left and N in right):
            return x
        return apply("contract", x, y, batch=(), summed=((i, j),))

    def graph(self) -> tuple[Graph, list[tuple[int, int]]]:
        """A graph, and state pairs among its inputs and outputs."""
        with self.builder:
            for i, shape in enumerate(SHAPES):
                self.values.append(self.builder.input(f"x{i}", TensorType(self.dtype, shape)))
            for _ in range(self.random.randrange(5, 30)):
                self.grow()
            outputs = self.random.choices(self.values, k=4)
            pairs = []
            for number_, shape in enumerate(SHAPES):
                fitting = [v for v in self.values if v.type.shape == shape]
                if self.random.random() < 0.7:
                    pairs.append((number_, len(outputs)))
                    outputs.append(self.random.choice(fitting))
        return self.builder.graph(outputs), pairs


def inputs(dtype: DType, n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(n)
    return [
        rng.integers(-5, 6, [n if dim == N else dim for dim in shape]).astype(dtype.name)
        for shape in SHAPES
    ]


def steps(graph: Graph, pairs: list[tuple[int, int]], given: list[Any], count: int) -> list[Any]:
    program, given = Interpreter(graph), list(given)
    outputs: list[Any] = []
    for _ in range(count):
        outputs = program(given)
        for number_, output in pairs:
            given[number_] = outputs[output]
    return outputs


def same(ours: list[np.ndarray], known: list[np.ndarray]) -> None:
    for one, other in zip(ours, known, strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "seed",
    [*range(QUICK), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(QUICK, GRAPHS))],
)
def test_native_equals_the_interpreter(seed: int) -> None:
    dtype = (float32, float64)[seed % 2]
    graph, pairs = Drawn(seed, dtype).graph()
    native = Native(graph, pairs)
    for n in (0, 1, 5, 40):
        given = inputs(dtype, n)
        before = [array.copy() for array in given]
        same(native(given), Interpreter(graph)(given))
        same(given, before)
        bound = native.bind(given)
        bound.step(3)
        same(bound.outputs(), steps(graph, pairs, given, 3))


@pytest.mark.parametrize(
    "seed",
    [
        0,
        *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, GRAPHS, 10)),
    ],
)
def test_no_pass_changes_a_bit(seed: int) -> None:
    graph, pairs = Drawn(seed, float32).graph()
    rng = np.random.default_rng(seed)
    given = [rng.normal(size=x.shape).astype("f4") for x in inputs(float32, 21)]
    known = Native(graph, pairs)(given)
    for off in (*([name] for name in SWITCHES), SWITCHES):
        for one, other in zip(Native(graph, pairs, off=off)(given), known, strict=True):
            assert one.tobytes() == other.tobytes(), f"without {off}"
