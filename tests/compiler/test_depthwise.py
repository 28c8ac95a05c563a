"""Depthwise convolutions in machine code: beside NumPy, element of the kernel by element."""

import itertools
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.compiler.codegen.sliding import Axis, blocks, pieces
from pellucid.compiler.program import Program
from pellucid.core.dtypes import as_dtype
from pellucid.core.errors import PellucidError
from pellucid.core.shapes import N, window_count
from pellucid.graph.node import Graph, TensorType
from pellucid.ops import composite
from pellucid.ops.spec import MADE, REGISTRY
from pellucid.ops.value import Builder
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native
from pellucid.transform.trace import trace

Ints = tuple[int, ...]
Case = tuple[Ints, int, Ints, Ints, Ints, Ints, Ints]

# the places of x, its channels, kernel, stride, dilation, padding before and behind
CASES: list[Case] = [
    ((9, 11), 19, (3, 3), (1, 1), (1, 1), (1, 1), (1, 1)),
    ((8, 9), 64, (3, 3), (2, 2), (1, 1), (0, 1), (1, 1)),
    ((13, 30), 16, (5, 5), (1, 1), (1, 1), (2, 2), (2, 2)),
    ((7, 7), 33, (5, 3), (2, 1), (1, 1), (2, 1), (2, 1)),
    ((12, 14), 8, (3, 3), (1, 1), (2, 2), (2, 2), (2, 2)),
    ((10, 9), 3, (3, 2), (1, 1), (1, 3), (0, 0), (0, 0)),
    ((4, 1), 5, (3, 3), (1, 1), (1, 1), (1, 1), (1, 1)),  # one place wide
    ((2, 3), 7, (5, 5), (1, 1), (1, 1), (2, 2), (2, 2)),  # a kernel larger than the image
    ((9, 10), 4, (2, 2), (3, 4), (1, 1), (0, 0), (0, 0)),  # a stride larger than the kernel
    ((9, 10), 2, (1, 1), (2, 2), (1, 1), (0, 0), (0, 0)),
    ((8, 8), 24, (4, 4), (4, 2), (1, 1), (1, 1), (2, 1)),
    ((6, 29), 2, (7, 9), (1, 1), (1, 1), (3, 4), (3, 4)),  # more elements than sums at a time
    ((40,), 17, (3,), (1,), (1,), (1,), (1,)),
    ((41,), 12, (5,), (2,), (1,), (4,), (0,)),  # causal
    ((30,), 6, (31,), (1,), (1,), (15,), (15,)),
    ((50,), 5, (2,), (1,), (8,), (8,), (0,)),
    ((5, 6, 7), 20, (3, 2, 3), (1, 1, 1), (1, 1, 1), (1, 0, 1), (1, 1, 1)),
    ((5, 6, 7), 3, (2, 2, 2), (2, 1, 2), (1, 1, 1), (0, 0, 0), (0, 0, 0)),
]


def whole(case: Case) -> Any:
    """x, w, ct → the convolution and both gradients."""
    _, channels, _, stride, dilation, low, high = case

    def convolved(x: Any, w: Any) -> Any:
        pairs = tuple(zip(low, high, strict=True))
        return composite.conv(x, w, stride, pairs, dilation, channels)

    def both(x: Any, w: Any, ct: Any) -> Any:
        y, back = pel.vjp(convolved, x, w)
        return (y, *back(ct))

    return both


def inputs_of(case: Case, several: int, rows: int, dtype: str) -> list[np.ndarray]:
    places, channels, kernel, stride, dilation, low, high = case
    padded = [sum(one) for one in zip(places, low, high, strict=True)]
    windows = map(window_count, padded, kernel, stride, dilation)
    rng = np.random.default_rng(rows)
    maps = channels * several
    shapes = [(rows, *places, channels), (*kernel, 1, maps), (rows, *windows, maps)]
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def graph_of(case: Case, inputs: list[np.ndarray]) -> Graph:
    types = [
        TensorType(as_dtype(one.dtype.name, "test"), (N, *one.shape[1:]) if i != 1 else one.shape)
        for i, one in enumerate(inputs)
    ]
    return trace(whole(case), types, ["x", "w", "ct"], lambda v: (tuple(v), {})).graph


def by_hand(case: Case, x: np.ndarray, w: np.ndarray, ct: np.ndarray) -> list[np.ndarray]:
    """The same in float64, one element of the kernel after the other."""
    _, channels, kernel, stride, dilation, low, high = case
    x, w, ct = (one.astype(np.float64) for one in (x, w, ct))
    rank, several = len(kernel), w.shape[-1] // channels
    around = ((0, 0), *zip(low, high, strict=True), (0, 0))
    wide = np.repeat(np.pad(x, around), several, axis=-1)
    y, dx, dw = np.zeros(ct.shape), np.zeros(wide.shape), np.zeros(w.shape)
    for k in itertools.product(*map(range, kernel)):
        seen = tuple(
            slice(d * n, d * n + (count - 1) * s + 1, s)
            for n, d, s, count in zip(k, dilation, stride, ct.shape[1:-1], strict=True)
        )
        part = (slice(None), *seen)
        y += wide[part] * w[k][0]
        dx[part] += ct * w[k][0]
        dw[k][0] = (wide[part] * ct).sum(axis=tuple(range(rank + 1)))
    dx = dx.reshape(*dx.shape[:-1], channels, several).sum(-1)
    inside = tuple(slice(a, a + n) for a, n in zip(low, x.shape[1:-1], strict=True))
    return [y, dx[(slice(None), *inside)], dw]


def standing(program: Program) -> set[str]:
    return {one.op for kernel in program.kernels for one in kernel.body}


@pytest.mark.one_in(7)
@pytest.mark.parametrize("several", [1, 2])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_depthwise_convolution_and_its_gradients(case: Case, several: int, dtype: str) -> None:
    inputs = inputs_of(case, several, 3, dtype)
    native = Native(graph_of(case, inputs))
    assert {"depthwise", "depthwise_kernel"} <= standing(native.program)
    assert not standing(native.program) & {"contract", "windows", "fold", "pad"}
    found = native(inputs, 1)
    for got, wanted in zip(found, by_hand(case, *inputs), strict=True):
        room = 200 * np.finfo(dtype).eps * max(1, np.abs(wanted).max())
        np.testing.assert_allclose(got, wanted, rtol=0, atol=room)
    for threads in (2, 3):
        for got, wanted in zip(native(inputs, threads), found, strict=True):
            assert got.tobytes() == wanted.tobytes()


@pytest.mark.parametrize(("channels", "kernel"), [(20, (3, 3)), (41, (5, 2))])
def test_the_channels_of_a_large_image_side_by_side_keep_their_bits(
    channels: int, kernel: Ints
) -> None:
    case = ((60, 70), channels, kernel, (1, 1), (1, 1), (1, 0), (1, 1))
    inputs = inputs_of(case, 1, 4, "float32")
    native = Native(graph_of(case, inputs))
    found = native(inputs, 1)
    for got, wanted in zip(found, by_hand(case, *inputs), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())
    assert native(inputs, 3)[2].tobytes() == found[2].tobytes()
    few = [np.ascontiguousarray(one[..., 3:7]) for one in inputs]  # a near cache keeps them
    alone = Native(graph_of((case[0], 4, *case[2:]), few))(few, 1)
    for got, wanted in zip(alone, found, strict=True):
        assert got.tobytes() == wanted[..., 3:7].tobytes()


@pytest.mark.parametrize("rows", [1, 60])
def test_threads_share_what_is_long_enough_and_keep_its_bits(rows: int) -> None:
    case = CASES[1]
    inputs = inputs_of(case, 1, rows, "float32")
    native = Native(graph_of(case, inputs))
    one = [array.tobytes() for array in native(inputs, 1)]
    assert rows == 1 or native.work(rows) > 250_000
    for threads in (2, 3):
        assert [array.tobytes() for array in native(inputs, threads)] == one


@pytest.mark.parametrize("channels", [2, 40])
def test_bias_and_activation_are_a_part_of_its_kernel(channels: int) -> None:
    layer = nn.DepthwiseConv2D(3, padding="same", activation="relu")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 9, 8, channels)).astype(np.float32)
    w = rng.normal(size=(3, 3, channels, 1)).astype(np.float32)
    b = rng.normal(size=channels).astype(np.float32)

    def function(x: Any, w: Any, b: Any) -> Any:
        y = layer.apply({"W": w, "b": b}, {}, x, train=False, key=None)[0]
        return y * 0.5 + x  # and one more operand, as large as the result

    types = [TensorType(as_dtype("float32", "test"), one.shape) for one in (x, w, b)]
    graph = trace(lambda *v: (function(*v),), types, list("xwb"), lambda v: (tuple(v), {})).graph
    native = Native(graph)
    assert [kernel.op for kernel in native.program.kernels] == ["depthwise"]
    case: Case = ((9, 8), channels, (3, 3), (1, 1), (1, 1), (1, 1), (1, 1))
    flat = w.reshape(3, 3, 1, channels)
    y = by_hand(case, x, flat, np.zeros(x.shape))[0]
    wanted = np.maximum(y + b, 0) * 0.5 + x
    np.testing.assert_allclose(native([x, w, b])[0], wanted, rtol=0, atol=1e-5)
    apart = Native(graph, off=["fuse"])([x, w, b])[0]
    assert apart.tobytes() == native([x, w, b])[0].tobytes()


def test_axes_in_another_order_and_gradients_of_each_row() -> None:
    """Channels first, an axis of images beside the rows, and the kernel's gradient row by row."""
    rng = np.random.default_rng(3)
    x, w, ct = (rng.normal(size=s) for s in ((2, 5, 3, 6, 7), (3, 3, 5), (2, 5, 3, 4, 5)))

    def function(x: Any, w: Any, ct: Any) -> Any:
        seen = composite.windows(x, (3, 4), (3, 3))  # (N, C, images, 4, 5, 3, 3)
        y = composite.contract(seen, w, [(1, 2)], [(5, 0), (6, 1)])
        each = composite.contract(seen, ct, [(0, 0), (1, 1)], [(2, 2), (3, 3), (4, 4)])
        return y, each

    types = [TensorType(as_dtype("float64", "test"), one.shape) for one in (x, w, ct)]
    for first in (2, N):
        given = [
            TensorType(one.dtype, (first, *one.shape[1:]) if i != 1 else one.shape)
            for i, one in enumerate(types)
        ]
        graph = trace(function, given, ["x", "w", "ct"], lambda v: (tuple(v), {})).graph
        native = Native(graph)
        assert "contract" not in standing(native.program)
        seen = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (3, 4))
        wanted = [
            np.einsum("nchijkl,klc->cnhij", seen, w),
            np.einsum("nchijkl,nchij->nckl", seen, ct),
        ]
        for got, known in zip(native([x, w, ct]), wanted, strict=True):
            np.testing.assert_allclose(got, known, rtol=0, atol=1e-12)


def test_what_cannot_be_a_depthwise_convolution_stays_a_product() -> None:
    """Kernels of one row alone, padding by another number than 0, and kernels that are too long."""
    rng = np.random.default_rng(4)

    def each_row(x: Any, w: Any) -> Any:
        return composite.contract(composite.windows(x, (1,), (3,)), w, [(0, 0), (2, 2)], [(3, 1)])

    x, w = rng.normal(size=(4, 9, 5)), rng.normal(size=(4, 3, 5))
    type = as_dtype("float64", "test")
    types = [TensorType(type, (N, *one.shape[1:])) for one in (x, w)]
    graph = trace(lambda *v: (each_row(*v),), types, ["x", "w"], lambda v: (tuple(v), {})).graph
    native = Native(graph)
    assert "depthwise" not in standing(native.program)
    np.testing.assert_allclose(native([x, w])[0], Interpreter(graph)([x, w])[0], atol=1e-12)

    def ones(x: Any, w: Any) -> Any:
        return composite.conv(x, w, padding="same", groups=5, padding_value=1.0)

    w = rng.normal(size=(3, 1, 5))
    types = [TensorType(type, one.shape) for one in (x, w)]
    graph = trace(lambda *v: (ones(*v),), types, ["x", "w"], lambda v: (tuple(v), {})).graph
    native = Native(graph)
    assert {"pad", "depthwise"} <= standing(native.program)
    np.testing.assert_allclose(native([x, w])[0], Interpreter(graph)([x, w])[0], atol=1e-12)
    far: Case = ((90,), 2, (40,), (1,), (1,), (39,), (39,))
    inputs = inputs_of(far, 1, 2, "float64")
    native = Native(graph_of(far, inputs))
    assert "contract" in standing(native.program)
    for got, wanted in zip(native(inputs), by_hand(far, *inputs), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("most", [1, 5, 12])
@pytest.mark.parametrize("interior", [0, 1, 2])
def test_blocks_of_a_row_have_every_window_once_and_all_it_sees(interior: int, most: int) -> None:
    rng = np.random.default_rng(most)
    for _ in range(60):
        length, size, stride = (int(n) for n in rng.integers(1, 9, 3))
        dilation = 1 if interior else int(rng.integers(1, 4))
        low, high = (int(n) for n in rng.integers(-1, 6, 2))
        long = max(0, low + length + (length - 1) * interior + high)
        count = window_count(long, size, stride, dilation)
        axis = Axis(length, size, count, stride, dilation, low, interior)
        found: list[tuple[int, int, int]] = []
        windows: list[int] = []
        for block in blocks(axis, most):
            assert 0 < block.count <= most + interior
            for turn in range(block.times):
                first = block.first + turn * block.count
                moved = turn * block.count * stride // (interior + 1)
                windows += range(first, first + block.count)
                found += [(first + n, k, e + moved) for n, k, e in block.places]
        assert windows == list(range(count))
        spread = np.full(length + (length - 1) * interior, -1)
        spread[:: interior + 1] = np.arange(length)
        wanted = [
            (p, k, int(spread[place]))
            for p in range(count)
            for k in range(size)
            if 0 <= (place := p * stride + k * dilation - low) < len(spread) and spread[place] >= 0
        ]
        assert sorted(found) == wanted


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("width", [1, 4, 16])
def test_pieces_of_channels_hold_each_of_them_once(width: int, masks: bool) -> None:
    for channels in range(1, 70):
        found: list[int] = []
        for piece in pieces(channels, width, masks):
            assert piece.width <= width
            found += range(piece.first, piece.first + piece.width * piece.times)
        assert found[:channels] == list(range(channels))
        assert len(found) == channels or (masks and len(found) - channels < width)


@pytest.mark.parametrize("name", sorted(MADE))
def test_its_rows_are_no_functions_and_are_refused_in_our_form(name: str) -> None:
    assert name not in REGISTRY and not hasattr(pel.numpy, name)
    type = TensorType(as_dtype("float32", "test"), (2, 5, 3))
    builder = Builder()
    row = MADE[name]
    good: dict[str, Any] = {"stride": (1,), "dilation": (1,), "low": (0,)}
    if name == "depthwise":
        good |= {"high": (0,), "interior": (0,)}
        other = TensorType(type.dtype, (2, 3))
    else:
        good |= {"size": (2,)}
        other = TensorType(type.dtype, (2, 4, 3))
    with builder:
        x, y = builder.input("x", type), builder.input("y", other)
        builder.apply(row, [x, y], good)
        for wrong in [
            {"stride": (0,)},
            {"dilation": (1, 1)},
            {"low": (2**40,)},
            *([{"interior": (-1,)}, {"interior": (1,), "dilation": (2,)}] * (name == "depthwise")),
            *([{"size": (0,)}, {"size": ()}] * (name != "depthwise")),
        ]:
            with pytest.raises(PellucidError):
                builder.apply(row, [x, y], good | wrong)
        with pytest.raises(PellucidError):
            builder.apply(row, [y, y], good | {"low": (0, 0)})
