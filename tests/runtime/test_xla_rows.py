"""Every row under XLA, on the interpreter's own inputs, in every case that its tests know.

Rows that are `exact` give the same bits, but for two: XLA divides by a scalar through its
reciprocal, and rounds the products and sums behind `normal` at once. Others stay within 8 ulp, and
a sum of K terms within 2K ulp, of the largest term; in float64 all within 1e-12 of it. XLA's log1p
of float64 is off by 120 ulp near -0.41, and atanh is made of it.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.dtypes import float32, float64, int64
from pellucid.core.errors import DataError, PellucidError
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.spec import REGISTRY
from pellucid.ops.value import Builder
from pellucid.runtime.backend import executor
from pellucid.runtime.interpreter import Interpreter
from tests.compiler.any_graph import ROWS, AnyGraph, given
from tests.compiler.test_every_row import NAMES, SEVERAL, WIDE, largest, terms, together
from tests.ops.sampling import sample
from tests.ops.trial import bits_equal

pytest.importorskip("jax")
ROUNDED = {"divide", "normal"}
LOOSE = {"log1p": 128, "atanh": 128}  # ulp, in float64
RANDOM = {"normal", "uniform", "random_bits"}


def xla(graph: Graph, arrays: list[Any]) -> list[np.ndarray]:
    return executor(graph, backend="xla")(arrays)


def compare(name: str, part: str) -> None:
    op = REGISTRY[name]
    graph, arrays, which = together(op, part)
    ours, known = xla(graph, arrays), Interpreter(graph)(arrays)
    for (case, dtype), one, other in zip(which, ours, known, strict=True):
        where = f"{name} {case} {dtype}"
        if name == "cast" and other.dtype.kind == "u" and dtype.is_float:
            continue  # NumPy leaves a negative number as it may
        assert one.dtype == other.dtype and one.shape == other.shape, where
        if other.dtype.kind != "f" or (op.exact and name not in ROUNDED):
            assert bits_equal(one, other), f"{where}: {one} instead of {other}"
            continue
        size = largest(op, sample(op, case.bound(), dtype), other)
        ulp = LOOSE.get(name, 0) if other.dtype == np.float64 else 0
        bound = max(ulp, 2 * max(4, terms(op, case))) * np.finfo(other.dtype).eps * size
        if other.dtype == np.float64:
            assert bound <= 1e-12 * max(size, 1)
        error: Any = np.abs(one.astype(np.longdouble) - other.astype(np.longdouble))
        assert float(error.max(initial=0)) <= bound, f"{where}: off by {error.max()}"


# Compiling is what these take: with PELLUCID_XLA=all every case of every row is tried, in 110 s.
ALL = os.environ.get("PELLUCID_XLA") == "all"
PARTS = [
    *((name, "some") for name in NAMES if ALL or name not in RANDOM),
    *((name, "rest") for name in SEVERAL if ALL),
    *((name, "float64") for name in WIDE if ALL),
]


@pytest.mark.one_in(1 if ALL else 9)
@pytest.mark.parametrize(("name", "part"), PARTS)
def test_a_row_equals_the_interpreter(name: str, part: str) -> None:
    compare(name, part)


def test_random_bits_masks_and_numbers() -> None:
    """Philox in integers: the same bits, for large seeds and steps too."""
    builder = Builder()
    with builder:
        key = [builder.input(name, TensorType(int64, ())) for name in ("seed", "step")]
        drawn = [
            ("random_bits", {"stream": "mask", "shape": (7,)}),
            ("uniform", {"stream": "mask", "shape": (2, 3), "dtype": float32}),
            ("uniform", {"stream": "mask", "shape": (5,), "dtype": float64}),
            ("normal", {"stream": "noise", "shape": (400,), "dtype": float64}),
        ]
        graph = builder.graph([builder.apply(REGISTRY[name], key, how) for name, how in drawn])
    program = executor(graph, backend="xla")
    for seed, step in [(0, 0), (2**40 + 17, 3), (2**62 + 1, 2**35 + 5)]:
        arrays = [np.array(seed), np.array(step)]
        ours, known = program(arrays), Interpreter(graph)(arrays)
        for one, other in zip(ours[:3], known[:3], strict=True):
            assert bits_equal(one, other)
        np.testing.assert_allclose(ours[3], known[3], rtol=1e-13)
    with pytest.raises(DataError, match=r"^\[random\] seed and step must be ≥ 0, got -1 and 0"):
        program([np.array(-1), np.array(0)])


def drawn(seeds: range) -> None:
    """Graphs of all kinds of rows; several are one program, since each program is compiled."""
    graphs = [AnyGraph(seed).graph() for seed in seeds]
    builder = Builder()
    arrays: list[Any] = []
    outputs = []
    with builder:
        for n, graph in enumerate(graphs):
            inputs = [
                builder.input(f"{name}_{n}", type)
                for name, type in zip(graph.input_names, graph.input_types, strict=True)
            ]
            outputs += builder.inline(graph, inputs)
            arrays += given(graph, ROWS)
    whole = builder.graph(outputs)
    for one, other in zip(xla(whole, arrays), Interpreter(whole)(arrays), strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        if one.dtype.kind != "f":
            np.testing.assert_array_equal(one, other)
            continue
        wide = one.dtype == np.float64
        size = np.abs(other[np.isfinite(other)]).max(initial=1)
        rest = (1e-12 if wide else 1e-5) * size
        np.testing.assert_allclose(one, other, rtol=1e-12 if wide else 1e-5, atol=rest)


def test_random_graphs_of_each_dtype() -> None:
    drawn(range(6))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(6, 56, 25))
def test_many_more_random_graphs(start: int) -> None:
    drawn(range(start, start + 25))


def test_no_rows_and_one_row() -> None:
    f = pel.jit(lambda x: (np.sum(x, axis=0), x @ np.ones((3, 2), np.float32)), 0, backend="xla")
    known = pel.jit(lambda x: (np.sum(x, axis=0), x @ np.ones((3, 2), np.float32)), 0)
    for rows in (0, 1, 3):
        x = np.arange(3.0 * rows, dtype=np.float32).reshape(rows, 3)
        for one, other in zip(f(x), known(x), strict=True):
            np.testing.assert_array_equal(one, other)
    g = pel.jit(lambda x: np.max(x, axis=0), 0, backend="xla")
    with pytest.raises(ValueError, match=r"^\[max\] x must have an element to choose from"):
        g(np.zeros((0, 3)))


def test_indices_outside_are_refused_as_the_interpreter_does() -> None:
    w = np.arange(6.0).reshape(3, 2)
    f = pel.jit(lambda i: pel.numpy.take(w, i, axis=0) * 2, backend="xla")
    np.testing.assert_array_equal(f(np.array([2, 0])), w[[2, 0]] * 2)
    for bad in (3, -4):
        messages = []
        for made in (f, pel.jit(lambda i: pel.numpy.take(w, i, axis=0) * 2, backend="interpreter")):
            with pytest.raises(DataError) as caught:
                made(np.array([0, bad]))
            messages.append(caught.value.problem)
        assert messages[0] == messages[1] and str(bad) in messages[0]


def test_an_operation_of_a_persons_own_runs_as_its_rows() -> None:
    swish = pel.op(
        "swish_xla",
        forward=lambda xp, x: x / (1 + xp.exp(-x)),
        derivative=lambda x, out: out / x + out * (1 - out / x),
        samples=(0.5, 2.0),
    )
    x = np.linspace(0.5, 2, 5)
    ours = pel.jit(pel.grad(lambda v: np.sum(swish(v))), backend="xla")(x)
    np.testing.assert_allclose(ours, pel.grad(lambda v: np.sum(swish(v)))(x), rtol=1e-13)


def test_special_values() -> None:
    """Infinities, NaN, signed zeros and halves; only denormal numbers are not promised."""
    x = np.array([0.0, -0.0, 1.5, -2.5, np.inf, -np.inf, np.nan, 3.0])
    y = np.array([2.0, 0.5, -0.0, 0.0, np.inf, 0.5, 1.0, np.nan])
    names = [
        "add",
        "multiply",
        "maximum",
        "minimum",
        "floor_divide",
        "remainder",
        "pow",
        "less",
        "equal",
    ]
    single = [
        "abs",
        "sign",
        "floor",
        "round",
        "sqrt",
        "exp",
        "tanh",
        "sigmoid",
        "relu",
        "isfinite",
        "erf",
        "log1p",
    ]
    builder = Builder()
    with builder:
        made = []
        for dtype, label in ((float32, "s"), (float64, "d")):
            a, b = (
                builder.input(f"{label}{n}", TensorType(dtype, (8, k)))
                for n, k in enumerate((8, 1))
            )
            made += [builder.apply(REGISTRY[name], [a, b], {}) for name in names]
            made += [builder.apply(REGISTRY[name], [a], {}) for name in single]
    graph = builder.graph(made)
    arrays = [
        np.asarray(one, kind)
        for kind in ("f4", "f8")
        for one in (np.broadcast_to(x, (8, 8)), y[:, None])
    ]
    ops = [graph.nodes[position].op for position in graph.outputs]
    for op, one, other in zip(ops, xla(graph, arrays), Interpreter(graph)(arrays), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=2e-6, err_msg=op)
        if one.dtype.kind == "f" and op not in ("maximum", "minimum"):  # of two zeros either
            known = ~np.isnan(other)
            np.testing.assert_array_equal(np.signbit(one[known]), np.signbit(other[known]), op)


def test_fresh_results_and_state_in_place() -> None:
    f = pel.jit(lambda w, x: (w, w + x), donate=0, backend="xla")
    w, x = np.ones(3), np.ones(3)
    first, second = f(w.copy(), x)
    assert first.flags.writeable and not np.shares_memory(first, second)
    g = pel.jit(lambda x: x, backend="xla")
    assert not np.shares_memory(g(x), x)


def test_a_trace_that_cannot_be_had_says_so() -> None:
    with pytest.raises(PellucidError, match="precision='bfloat16' is of products in float32"):
        pel.jit(lambda x: x @ x, backend="xla", precision="bfloat16")(np.ones((2, 2)))
