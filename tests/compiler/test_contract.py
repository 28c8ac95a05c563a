"""Contractions in tiles against the plain nest, bit for bit, and what stands behind them."""

from __future__ import annotations

import ctypes
import dataclasses
import threading
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.compiler.codegen.target import Target, host
from pellucid.core.dtypes import DType, float32, float64
from pellucid.core.shapes import Dim, N, Shape
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.spec import lookup
from pellucid.ops.value import Builder, apply
from pellucid.runtime import machine_code
from pellucid.runtime.native import Native
from tests.compiler import order
from tests.compiler.test_kernels import one_row

SIZES = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 50, 100)
AVX2 = dataclasses.replace(host(), cpu="x86-64", features="+avx2,+fma")
FMA = dataclasses.replace(host(), cpu="x86-64", features="+avx,+fma")  # narrow, and no masks
TARGETS = {"host": host(), "avx2": AVX2, "fma": FMA}


def plain(graph: Graph, inputs: list[np.ndarray]) -> np.ndarray:
    """What the loop nest computes, one element at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Target, "fused", property(lambda self: False))
        patch.setattr(machine_code, "_loaded", {})
        return Native(graph)(inputs)[0]


def graph_of(dtype: DType, left: Shape, right: Shape, batch: Any, summed: Any) -> Graph:
    types = TensorType(dtype, left), TensorType(dtype, right)
    return one_row("contract", *types, batch=batch, summed=summed)


def run_parts(graph: Graph, inputs: list[np.ndarray], parts: int) -> np.ndarray:
    """The result of `parts` threads."""
    native = Native(graph)
    (out,) = native._outputs(0)
    arena = machine_code.aligned(native.room(0, parts))
    places = [one.ctypes.data for one in inputs], [out.ctypes.data]
    table = native.table(*places, arena.ctypes.data, parts)
    place = ctypes.addressof(table)
    threads = [
        threading.Thread(target=native._run, args=(place, 0, 1, part, parts))
        for part in range(parts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out


def drawn(shape: tuple[int, ...], dtype: DType, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype.name)


def bound(shape: Shape, n: int) -> tuple[int, ...]:
    return tuple(n if dim == N else dim for dim in shape)  # type: ignore[misc]


def check(graph: Graph, n: int, target: Target) -> None:
    inputs = [drawn(bound(t.shape, n), t.dtype, i) for i, t in enumerate(graph.input_types)]
    ours, known = Native(graph, target=target)(inputs)[0], plain(graph, inputs)
    assert ours.tobytes() == known.tobytes()


def test_the_plain_nest_adds_in_the_order_of_k() -> None:
    x, y = drawn((4, 37), float64, 0), drawn((37, 5), float64, 1)
    graph = graph_of(float64, (4, 37), (37, 5), (), ((1, 0),))
    assert plain(graph, [x, y]).tobytes() == order.matmul(x, y).tobytes()


ARRANGED: dict[str, tuple[tuple[int, int], tuple[int, int], Any]] = {
    "x·y": ((0, 2), (2, 1), ((1, 0),)),
    "xᵀ·y": ((2, 0), (2, 1), ((0, 0),)),
    "x·yᵀ": ((0, 2), (1, 2), ((1, 1),)),
    "xᵀ·yᵀ": ((2, 0), (1, 2), ((0, 1),)),
}


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    "target", ["host", *(pytest.param(name, marks=pytest.mark.slow) for name in ("avx2", "fma"))]
)
@pytest.mark.parametrize("how", ARRANGED)
@pytest.mark.parametrize(
    "dtype", [float32, pytest.param(float64, marks=pytest.mark.slow)], ids=repr
)
def test_tiles_keep_the_bits_at_every_border(how: str, dtype: DType, target: str) -> None:
    """One symbolic axis serves many sizes with one program."""
    x_axes, y_axes, summed = ARRANGED[how]
    for free in range(3):
        others = [(50, 17), (9, 49), (3, 100)] if target == "host" else [(9, 33)]
        for pair in others:
            dims: list[Dim] = list(pair)
            dims.insert(free, N)
            left, right = ([dims[axis] for axis in axes] for axes in (x_axes, y_axes))
            graph = graph_of(dtype, tuple(left), tuple(right), (), summed)
            tiled = Native(graph, target=TARGETS[target])
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Target, "fused", property(lambda self: False))
                patch.setattr(machine_code, "_loaded", {})
                nest = Native(graph)
            for n in SIZES:
                inputs = [drawn(bound(t.shape, n), dtype, n) for t in graph.input_types]
                ours, known = tiled(inputs)[0], nest(inputs)[0]
                assert ours.tobytes() == known.tobytes(), (dims, n)


FEW_K = [(1, 5), (8, 10), (9, 15), (50, 3), (23, 40), (16, 1)]


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("target", "dtype", "dims"),
    [
        *(("host", dtype, dims) for dtype in (float32, float64) for dims in FEW_K[::2]),
        *(("host", float32, dims) for dims in FEW_K[1::2]),
        *((target, float32, (9, 15)) for target in ("avx2", "fma")),
        *(
            pytest.param(target, dtype, dims, marks=pytest.mark.slow)
            for target in ("avx2", "fma")
            for dtype in (float32, float64)
            for dims in FEW_K
            if (dtype, dims) != (float32, (9, 15))
        ),
    ],
)
def test_products_of_few_k_keep_the_bits(dims: tuple[int, int], dtype: DType, target: str) -> None:
    """As in a step on a few rows: the weights less a part of their gradient, of any width."""
    rows, columns = dims
    builder = Builder()
    with builder:
        w = builder.input("w", TensorType(dtype, dims))
        x = builder.input("x", TensorType(dtype, (N, rows)))
        y = builder.input("y", TensorType(dtype, (N, columns)))
        slope = apply("contract", x, y, batch=(), summed=((0, 0),))
        graph = builder.graph([w - slope * 0.1])
    tiled = Native(graph, [(0, 0)], target=TARGETS[target])
    for n in (0, 1, 2, 3, 4, 5):
        inputs = [drawn(bound(t.shape, n), dtype, n) for t in graph.input_types]
        known = plain(graph, inputs)
        assert tiled(inputs)[0].tobytes() == known.tobytes(), n
        (over,) = tiled(inputs, in_place=True)
        assert over is inputs[0]
        assert over.tobytes() == known.tobytes(), n


@pytest.mark.one_in(2)
@pytest.mark.parametrize("how", ARRANGED)
@pytest.mark.parametrize(
    "k", [512, 513, 1030, *(pytest.param(k, marks=pytest.mark.slow) for k in (511, 1024, 1537))]
)
def test_stretches_of_k_keep_the_bits(how: str, k: int) -> None:
    x_axes, y_axes, summed = ARRANGED[how]
    for dims in ((9, 50, k), (70, 17, N)):
        left, right = (tuple(dims[axis] for axis in axes) for axes in (x_axes, y_axes))
        check(graph_of(float32, left, right, (), summed), k, host())


FAR = [  # lines so far apart that they are packed
    ((70, 512), (512, 1024), (), ((1, 0),)),
    ((70, 600), (1024, 600), (), ((1, 1),)),
    ((40, 1024), (40, 100), (), ((0, 0),)),
    ((600, 512), (600, 20), (), ((0, 0),)),
    ((9, 1024), (1024, 9), (), ((1, 0),)),
]
MANY = [  # batches, several summed and several free axes, in orders that do not merge
    ((4, 9, 30), (4, 30, 20), ((0, 0),), ((2, 1),)),
    ((9, 30, 4), (20, 4, 30), ((2, 1),), ((1, 2),)),
    ((2, 3, 9, 8), (8, 3, 2, 7), ((0, 2), (1, 1)), ((3, 0),)),
    ((5, 6, 7), (7, 6, 20), (), ((1, 1), (2, 0))),
    ((5, 6, 7), (7, 20, 6), (), ((1, 2), (2, 0))),
    ((6, 5, 7), (20, 6, 7), (), ((0, 1), (2, 2))),
    ((3, 9, 4), (9, 5, 11), (), ((1, 0),)),
    ((3, 9, 4), (5, 9, 11), (), ((1, 1),)),
    ((30, 3, 20), (5, 30, 20, 11), (), ((0, 1), (2, 2))),
    ((3, N, 4), (4, 5, 3), ((0, 2),), ((2, 0),)),
    ((N, 3, 40), (3, 40, 50), (), ((1, 0), (2, 1))),
    ((3, N), (4, N), (), ((1, 1),)),
    ((50,), (50,), (), ((0, 0),)),
    ((50,), (60,), (), ()),
    ((N, 30), (30,), (), ((1, 0),)),
    ((19, 600), (600, 1), (), ((1, 0),)),
    ((37, 50), (37, 1), (), ((0, 0),)),
    ((4, 9, 30), (4, 30), ((0, 0),), ((2, 1),)),
    ((2, 3, 40, 5), (5, 40), (), ((3, 0), (2, 1))),
]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("case", [*FAR, *MANY], ids=str)
@pytest.mark.parametrize(
    "dtype", [float32, pytest.param(float64, marks=pytest.mark.slow)], ids=repr
)
def test_any_axes_keep_the_bits(case: Any, dtype: DType) -> None:
    for target in TARGETS.values() if case in MANY else [host()]:
        check(graph_of(dtype, *case), 19, target)


def test_threads_keep_the_bits() -> None:
    for left, right, summed in (
        ((100, 300), (300, 200), ((1, 0),)),
        ((3, 800), (800, 500), ((1, 0),)),
        ((1000, 60), (60, 20), ((1, 0),)),
        ((300, 100), (300, 90), ((0, 0),)),
    ):
        graph = graph_of(float32, left, right, (), summed)
        inputs = [drawn(shape, float32, i) for i, shape in enumerate((left, right))]
        known = plain(graph, inputs)
        for parts in (1, 2, 3, 5):
            assert run_parts(graph, inputs, parts).tobytes() == known.tobytes()


def test_batches_are_shared_among_threads() -> None:
    graph = graph_of(float32, (5, 60, 40), (5, 40, 50), ((0, 0),), ((2, 1),))
    inputs = [drawn(t.shape, float32, i) for i, t in enumerate(graph.input_types)]  # type: ignore[arg-type]
    known = plain(graph, inputs)
    for parts in (1, 2, 3, 7):
        assert run_parts(graph, inputs, parts).tobytes() == known.tobytes()


def behind(n: Dim, k: Dim, columns: int) -> Graph:
    """A product and, behind it, one operand of every kind: whole, a row, a column, a number."""
    builder = Builder()
    with builder:
        x = builder.input("x", TensorType(float32, (n, k)))
        y = builder.input("y", TensorType(float32, (k, columns)))
        shapes: tuple[Shape, ...] = ((n, columns), (columns,), (n, 1), ())
        others = [builder.input(f"z{i}", TensorType(float32, s)) for i, s in enumerate(shapes)]
        product = out = builder.apply(
            lookup("contract"), [x, y], {"batch": (), "summed": ((1, 0),)}
        )
        for other in others:
            out = builder.apply(lookup("add"), [out, other], {})
            out = builder.apply(lookup("relu"), [out], {})
        where = builder.apply(lookup("greater"), [out, product], {})
    return builder.graph([out, product, where])


@pytest.mark.one_in(2)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("n", "k", "columns"), [(N, 5, 50), (N, 1100, 17), (9, N, 49)], ids=str)
def test_what_stands_behind_a_product_keeps_the_bits(
    n: Dim, k: Dim, columns: int, target: str
) -> None:
    graph = behind(n, k, columns)
    fused = Native(graph, target=TARGETS[target])
    apart = Native(graph, off=("fuse",), target=TARGETS[target])
    assert len(fused.program.kernels) < len(apart.program.kernels)
    for size in (0, 1, 7, 9, 50, 300, 600):
        inputs = [drawn(bound(t.shape, size), float32, i) for i, t in enumerate(graph.input_types)]
        for ours, known in zip(fused(inputs), apart(inputs), strict=True):
            assert ours.tobytes() == known.tobytes(), size


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(("n", "columns"), [(20, 70), (700, 20), (700, 1)])
def test_weights_are_updated_in_place_behind_their_gradient(
    n: int, columns: int, steps: int
) -> None:
    builder = Builder()
    with builder:
        x = builder.input("x", TensorType(float32, (n, 33)))
        ct = builder.input("ct", TensorType(float32, (n, columns)))
        w = builder.input("w", TensorType(float32, (33, columns)))
        gradient = builder.apply(lookup("contract"), [x, ct], {"batch": (), "summed": ((0, 0),)})
        new = builder.apply(lookup("subtract"), [w, gradient], {})
    graph = builder.graph([new])
    inputs = [drawn(bound(t.shape, 0), float32, i) for i, t in enumerate(graph.input_types)]
    results = []
    for off in ((), ("fuse",), ("fuse", "inplace")):
        native = Native(graph, ((2, 0),), off)
        run = native.bind(inputs)
        run.step(steps)
        results.append(run.outputs()[0].tobytes())
    assert len(native.program.kernels) > 1
    assert results[0] == results[1] == results[2]


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "dtype", [float32, pytest.param(float64, marks=pytest.mark.slow)], ids=repr
)
@pytest.mark.parametrize("columns", [1, 2, 7, 8, 15, 16, 17, 130, 200, 256, 257, 300])
@pytest.mark.parametrize("k", [0, 1, 37])
def test_a_single_row_keeps_the_bits(dtype: DType, columns: int, k: int) -> None:
    """One sample goes another way through the product, to the same numbers."""
    rng = np.random.default_rng(columns)
    x, y = rng.normal(size=(1, k)).astype(dtype.name), rng.normal(size=(k, columns))
    alone = graph_of(dtype, (1, k), (k, columns), (), ((1, 0),))
    several = graph_of(dtype, (3, k), (k, columns), (), ((1, 0),))
    y = y.astype(dtype.name)
    known = plain(several, [np.repeat(x, 3, 0), y])
    assert Native(alone)([x, y])[0].tobytes() == known[:1].tobytes()
    for parts in (1, 3):
        assert run_parts(alone, [x, y], parts).tobytes() == known[:1].tobytes()


def test_a_single_row_with_more_behind_it() -> None:
    """What the kernel does to finished sums is done to those of one sample, strip by strip."""
    rng = np.random.default_rng(0)
    w, b = rng.normal(size=(50, 700)).astype(np.float32), rng.normal(size=700).astype(np.float32)
    x = rng.normal(size=(4, 50)).astype(np.float32)

    def layer(x: Any) -> Any:
        return np.maximum(x @ w + b, 0) * 2

    for row in range(4):
        one = pel.jit(layer)(x[row : row + 1])
        assert one.tobytes() == pel.jit(layer)(x)[row : row + 1].tobytes()
