"""Each emitted row against the interpreter, and the order of sums bit for bit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from pellucid.compiler.codegen import scalars
from pellucid.compiler.codegen.target import host
from pellucid.core.dtypes import DType, bool_, float32, float64, int8, int32, int64, uint8, uint32
from pellucid.core.shapes import Batch, N, Shape, size
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.spec import lookup
from pellucid.ops.value import Builder, elementwise
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native
from tests.compiler import order

DTYPES = (bool_, uint8, uint32, int8, int32, int64, float32, float64)
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, np.inf, -np.inf, np.nan, 1e-40, -7.0, 123.25, 2.5]


def one_row(name: str, *types: TensorType, **attrs: Any) -> Graph:
    builder = Builder()
    with builder:
        inputs = [builder.input(f"x{i}", type) for i, type in enumerate(types)]
        out = builder.apply(lookup(name), inputs, attrs)
    return builder.graph([out])


def draw(type: TensorType, n: int, seed: int = 0) -> np.ndarray:
    """Random numbers, the special ones among them."""
    rng = np.random.default_rng(seed)
    shape = tuple(dim.scale * n if isinstance(dim, Batch) else dim for dim in type.shape)
    if type.dtype.is_float:
        mixed = np.where(
            rng.random(shape) < 0.5, rng.choice(SPECIAL, shape), rng.normal(size=shape)
        )
        return np.asarray(mixed, type.dtype.name)
    if type.dtype.kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    info = np.iinfo(type.dtype.name)
    ends = rng.choice([0, 1, info.min, info.max, 7], shape)
    return np.asarray(ends, type.dtype.name)


def check_bits(graph: Graph, n: int = 7) -> None:
    """Native and interpreter give the same bits; any NaN counts as any other."""
    inputs = [draw(type, n, i) for i, type in enumerate(graph.input_types)]
    (ours,), (known,) = Native(graph)(inputs), Interpreter(graph)(inputs)
    assert ours.dtype == known.dtype and ours.shape == known.shape
    np.testing.assert_array_equal(ours, known)
    if known.dtype.kind == "f":
        there = ~np.isnan(known)
        np.testing.assert_array_equal(np.signbit(ours)[there], np.signbit(known)[there])


def accepted(name: str) -> list[DType]:
    return [dtype for dtype in DTYPES if dtype in lookup(name).accepts]


PLAIN = sorted(
    name for name in set(scalars.TABLE) - {"where", "cast", "copy"} if lookup(name).exact
)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", PLAIN)
def test_elementwise_rows_equal_the_interpreter_bit_for_bit(name: str) -> None:
    shapes: tuple[Shape, ...] = ((N, 3), (3,))
    for dtype in accepted(name):
        types = [TensorType(dtype, shape) for shape in shapes[: len(lookup(name).inputs)]]
        check_bits(one_row(name, *types))


@pytest.mark.parametrize("dtype", DTYPES, ids=repr)
def test_where_chooses(dtype: DType) -> None:
    types = TensorType(bool_, (N, 1)), TensorType(dtype, (4,)), TensorType(dtype, (N, 4))
    check_bits(one_row("where", *types))


@pytest.mark.one_in(2)
@pytest.mark.parametrize("goal", DTYPES, ids=repr)
@pytest.mark.parametrize("source", DTYPES, ids=repr)
def test_casts(source: DType, goal: DType) -> None:
    graph = one_row("cast", TensorType(source, (N, 5)), dtype=goal)
    if not (source.is_float and goal.is_integer):
        return check_bits(graph)
    x = np.array([[0.0, -0.0, 2.5, 7.9, 100.0]], source.name)
    np.testing.assert_array_equal(Native(graph)([x])[0], Interpreter(graph)([x])[0])
    return None


BROADCASTS: list[tuple[Shape, Shape]] = [
    ((), ()),
    ((), (N,)),
    ((N, 1), (N, 4)),
    ((N, 1), (1, 4)),
    ((2, N, 3), (2, 1, 3)),
    ((2, 1, 5, 1), (3, 1, 4)),
    ((0, 3), (1, 3)),
    ((N, 0), (N, 1)),
    ((3, N), (3, N)),
    ((2, Batch(3), 2), (2,)),
]


@pytest.mark.parametrize(("left", "right"), BROADCASTS, ids=str)
@pytest.mark.parametrize("n", [0, 1, 5])
def test_broadcasting(left: Shape, right: Shape, n: int) -> None:
    batched = any(isinstance(dim, Batch) for dim in (*left, *right))
    if batched or n == 5:
        check_bits(one_row("subtract", TensorType(float32, left), TensorType(float32, right)), n)


MOVES: list[tuple[str, Shape, dict[str, Any]]] = [
    ("reshape", (N, 2, 3), {"shape": (N, 6)}),
    ("reshape", (2, N), {"shape": (Batch(2),)}),
    ("permute_dims", (N, 2, 3), {"axes": (2, 0, 1)}),
    ("permute_dims", (2, 3, N), {"axes": (2, 1, 0)}),
    ("permute_dims", (), {"axes": ()}),
    ("broadcast_to", (1, 3), {"shape": (N, 3)}),
    ("broadcast_to", (), {"shape": (2, N)}),
    ("size", (2, Batch(3)), {"axis": 1}),
    ("size", (2, N), {"axis": 0}),
]


@pytest.mark.parametrize(("name", "shape", "attrs"), MOVES, ids=str)
def test_moves(name: str, shape: Shape, attrs: dict[str, Any]) -> None:
    if name == "broadcast_to":  # an input must bring N
        graph = one_row(name, TensorType(float32, shape), **attrs)
        builder = Builder()
        with builder:
            x, y = (
                builder.input("x", graph.input_types[0]),
                builder.input("y", TensorType(float32, (N,))),
            )
            moved = builder.apply(lookup(name), [x], attrs)
        check_bits(builder.graph([moved]))
        assert y.type.shape == (N,)
        return
    for dtype in (bool_, int8, float32, float64):
        check_bits(one_row(name, TensorType(dtype, shape), **attrs))


RESHAPED: list[tuple[str, Shape, dict[str, Any]]] = [
    ("permute_dims", (N, 3), {"axes": (1, 0)}),
    ("flip", (N, 3), {"axis": (0, 1)}),
    ("windows", (N, 5), {"axes": (1,), "size": (2,), "stride": (2,), "dilation": (1,)}),
    ("one_hot", (N, 3), {"depth": 4, "dtype": float32}),
    ("max", (N, 3, 2), {"axis": (1,), "keepdims": False}),
    ("sum", (N, 3, 2), {"axis": (1,), "keepdims": False}),
]


@pytest.mark.parametrize(("name", "shape", "attrs"), RESHAPED, ids=str)
def test_a_result_is_written_to_an_output_of_another_shape(
    name: str, shape: Shape, attrs: dict[str, Any]
) -> None:
    """A reshape is another name for the same bytes: the kernel before it writes the output."""
    builder = Builder()
    with builder:
        x = builder.input("x", TensorType(int32 if name == "one_hot" else float32, shape))
        made = builder.apply(lookup(name), [x], attrs)
        flat = builder.apply(lookup("reshape"), [made], {"shape": (size(made.type.shape),)})
    graph = builder.graph([flat])
    drawn = np.random.default_rng(0).integers(0, 4, (7, *shape[1:]))  # type: ignore[arg-type]
    given = [drawn.astype(x.type.dtype.name)]
    native = Native(graph)
    assert len(native.program.kernels) == 1
    np.testing.assert_array_equal(native(given)[0], Interpreter(graph)(given)[0])


@pytest.mark.parametrize("dtype", DTYPES, ids=repr)
def test_full(dtype: DType) -> None:
    (ours,) = Native(one_row("full", value=1, shape=(2, 3), dtype=dtype))([])
    np.testing.assert_array_equal(ours, np.ones((2, 3), dtype.name))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, -0.0, 0.1])
def test_full_keeps_special_numbers(value: float) -> None:
    (ours,) = Native(one_row("full", value=value, shape=(2,), dtype=float32))([])
    assert ours.tobytes() == np.full(2, value, np.float32).tobytes()


SUMS: list[tuple[Shape, tuple[int, ...]]] = [
    ((N,), (0,)),
    ((N, 3), (0,)),
    ((N, 3), (1,)),
    ((N, 3), (0, 1)),
    ((3, N, 2), (0, 2)),
    ((3, N, 2), (1,)),
    ((N, 2), ()),
    ((5, 1, 40), (0, 2)),
    ((3, 4, 5, 2), (0, 2)),
    ((0, 3), (0,)),
]


@pytest.mark.parametrize(("shape", "axis"), SUMS, ids=str)
@pytest.mark.parametrize("dtype", [float32, float64], ids=repr)
def test_sums_add_in_sixteen_lanes(shape: Shape, axis: tuple[int, ...], dtype: DType) -> None:
    program = Native(one_row("sum", TensorType(dtype, shape), axis=axis, keepdims=False))
    rng = np.random.default_rng(1)
    for n in (0, 1, 15, 16, 17, 100, 1023, 1024, 1025, 40_000 if shape == (N,) else 2048):
        x = rng.normal(size=[n if dim == N else dim for dim in shape]).astype(dtype.name)
        (ours,) = program([x])
        known = order.sum_over(x, axis)
        assert ours.tobytes() == known.tobytes(), f"{n} rows: {ours} instead of {known}"


def test_integer_sums_wrap_around() -> None:
    program = Native(one_row("sum", TensorType(int8, (N, 2)), axis=(0,), keepdims=True))
    x = np.full((100, 2), 3, np.int8)
    np.testing.assert_array_equal(program([x])[0], x.sum(0, dtype=np.int8, keepdims=True))


def test_negative_zeros_stay_and_nothing_is_zero() -> None:
    program = Native(one_row("sum", TensorType(float32, (N,)), axis=(0,), keepdims=False))
    assert np.signbit(program([np.full(20, -0.0, np.float32)])[0])
    assert not np.signbit(program([np.empty(0, np.float32)])[0])


def test_contract_adds_in_the_order_of_k() -> None:
    rng = np.random.default_rng(2)
    types = TensorType(float64, (N, 37)), TensorType(float64, (37, 5))
    program = Native(one_row("contract", *types, batch=(), summed=((1, 0),)))
    for n in (1, 4, 9):
        x, y = rng.normal(size=(n, 37)), rng.normal(size=(37, 5))
        assert program([x, y])[0].tobytes() == order.matmul(x, y).tobytes()


CONTRACTS: list[tuple[Shape, Shape, Any, Any]] = [
    ((N, 3), (3, 2), (), ((1, 0),)),
    ((N, 3), (N, 2), (), ((0, 0),)),
    ((3, N), (2, 3), (), ((0, 1),)),
    ((N,), (N,), (), ((0, 0),)),
    ((N,), (3,), (), ()),
    ((4, N, 3), (4, 3, 2), ((0, 0),), ((2, 1),)),
    ((2, 3, N), (3, N, 2), (), ((2, 1), (0, 2))),
    ((2, 3, 4), (4, 2, 3, 5), ((1, 2), (0, 1)), ((2, 0),)),
    ((2, 0), (0, 3), (), ((1, 0),)),
]


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("left", "right", "batch", "summed"), CONTRACTS, ids=str)
@pytest.mark.parametrize("dtype", [float32, float64, int32], ids=repr)
def test_contract_on_any_axes(
    left: Shape, right: Shape, batch: Any, summed: Any, dtype: DType
) -> None:
    graph = one_row(
        "contract", TensorType(dtype, left), TensorType(dtype, right), batch=batch, summed=summed
    )
    rng = np.random.default_rng(3)
    for n in (0, 1, 6):
        inputs = [  # whole numbers: every order gives the same sum
            rng.integers(-9, 9, [n if dim == N else dim for dim in shape]).astype(dtype.name)
            for shape in (left, right)
        ]
        np.testing.assert_array_equal(Native(graph)(inputs)[0], Interpreter(graph)(inputs)[0])


@pytest.mark.parametrize("features", ["", "+avx2,+fma", "+sse4.2"], ids=["sse2", "avx2", "sse4"])
def test_bits_do_not_depend_on_the_vector_width(features: str) -> None:
    plain = dataclasses.replace(host(), cpu="x86-64", features=features)
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(3000, 5)).astype("f4"), rng.normal(size=(5, 3)).astype("f4")
    types = TensorType(float32, (N, 5)), TensorType(float32, (5, 3))
    for graph, inputs in (
        (one_row("sum", types[0], axis=(0,), keepdims=False), [x]),
        (one_row("sum", types[0], axis=(0, 1), keepdims=False), [x]),
        (one_row("contract", *types, batch=(), summed=((1, 0),)), [x, y]),
    ):
        wide, narrow = Native(graph)(inputs)[0], Native(graph, target=plain)(inputs)[0]
        assert wide.tobytes() == narrow.tobytes()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_bits_do_not_depend_on_llvms_passes(level: int) -> None:
    x = np.random.default_rng(5).normal(size=(1000, 3)).astype("f4")
    graph = one_row("sum", TensorType(float32, (N, 3)), axis=(0,), keepdims=False)
    other = Native(graph, target=dataclasses.replace(host(), passes=level))
    assert Native(graph)([x])[0].tobytes() == other([x])[0].tobytes()


@pytest.mark.one_in(2)
@pytest.mark.parametrize("width", [1, 2, 3, 5, 6, 7, 12, 13, 15])
@pytest.mark.parametrize("dtype", [float32, float64], ids=str)
def test_short_lines_run_on(width: int, dtype: DType) -> None:
    """Channels with a bias each: vectors hold elements of several lines."""
    builder = Builder()
    with builder:
        x = builder.input("x", TensorType(dtype, (N, 5, width)))
        b = builder.input("b", TensorType(dtype, (width,)))
        c = builder.input("c", TensorType(dtype, ()))
        positive = elementwise("greater", x + b, c)
        out = elementwise("tanh", (x + b) * 2.0) - c
    graph = builder.graph([out, positive])
    avx2 = dataclasses.replace(host(), cpu="x86-64", features="+avx2,+fma")
    for rows in (0, 1, 3, 64, 1000):
        rng = np.random.default_rng(rows)
        shapes = ((rows, 5, width), (width,), ())
        inputs = [np.asarray(rng.normal(size=shape), dtype.name) for shape in shapes]
        by_line = Native(graph, target=avx2)(inputs)
        for threads in (1, 2):
            for got, wanted in zip(Native(graph)(inputs, threads), by_line, strict=True):
                assert got.tobytes() == wanted.tobytes()
