"""Convolution and pooling in machine code: products and extremes over windows never written out."""

import itertools

import numpy as np
import pytest

import pellucid as pel
from pellucid.compiler.passes.pipeline import compile_graph
from pellucid.compiler.passes.unfold import MOST
from pellucid.compiler.program import VIEWED, Program
from pellucid.core import shapes
from pellucid.core.dtypes import float32, float64
from pellucid.core.shapes import N
from pellucid.graph.node import Graph, TensorType
from pellucid.ops import composite
from pellucid.ops.value import apply
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native
from pellucid.transform.trace import trace

# height, width, channels, kernel, filters, stride, dilation, padding, rows
CONVOLUTIONS = [
    (9, 8, 3, (3, 3), 5, (1, 1), (1, 1), 1, 4),
    (9, 8, 3, (3, 3), 5, (2, 2), (1, 1), 1, 4),
    (11, 12, 2, (5, 5), 7, (3, 3), (1, 1), 0, 3),
    (9, 9, 4, (2, 2), 20, (2, 1), (1, 1), 0, 2),  # places that no window sees
    (12, 12, 3, (3, 3), 4, (1, 1), (2, 2), 2, 2),
    (12, 12, 3, (3, 2), 4, (2, 2), (2, 2), 0, 2),  # stride and dilation: the fold stays
    (12, 12, 3, (3, 2), 4, (2, 1), (1, 3), 0, 2),
    (7, 7, 2, (1, 1), 3, (2, 2), (1, 1), 0, 2),  # phases that no element reaches
    (8, 8, 2, (2, 2), 3, (3, 3), (1, 1), 0, 2),
    (1, 1, 1, (1, 1), 1, (1, 1), (1, 1), 0, 1),
    (5, 4, 1, (5, 4), 33, (1, 1), (1, 1), 0, 40),
    (6, 6, 40, (3, 3), 50, (1, 1), (1, 1), 1, 3),  # k longer than one stretch
    (13, 12, 3, (5, 5), 4, (2, 2), (1, 1), 2, 3),
    (14, 13, 2, (7, 5), 3, (3, 2), (1, 1), 1, 2),
    (17, 17, 2, (5, 5), 3, (1, 1), (2, 2), 0, 2),
    (17, 15, 3, (4, 4), 5, (2, 1), (1, 2), 0, 2),
]


def convolution(case, dtype) -> tuple[Graph, list[tuple[int, ...]]]:
    """The graph of a convolution and both gradients, and the shapes of its inputs."""
    height, width, channels, kernel, filters, stride, dilation, padding, rows = case
    sides = [
        (length + 2 * padding - d * (k - 1) - 1) // s + 1
        for length, k, s, d in zip((height, width), kernel, stride, dilation, strict=True)
    ]

    def convolved(x, w):
        around = (0, padding, padding, 0)
        x = composite.pad(x, 0.0, around, around)
        wide = composite.windows(x, (1, 2), kernel, stride, dilation)
        return apply("contract", wide, w, batch=(), summed=((4, 0), (5, 1), (3, 2)))

    def whole(x, w, ct):
        y, back = pel.vjp(convolved, x, w)
        return (y, *back(ct))

    inner = [(height, width, channels), (*kernel, channels, filters), (*sides, filters)]
    types = [
        TensorType(dtype, (N, *inner[0])),
        TensorType(dtype, inner[1]),
        TensorType(dtype, (N, *inner[2])),
    ]
    graph = trace(whole, types, ["x", "w", "ct"], lambda values: (tuple(values), {})).graph
    return graph, [(rows, *inner[0]), inner[1], (rows, *inner[2])]


def drawn(shapes_, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype.name) for shape in shapes_]


def written(program: Program) -> set[str]:
    """What stands in memory."""
    return {
        one.op
        for kernel in program.kernels
        for one in kernel.body
        if kernel.head is one or one.elementwise
    }


@pytest.mark.one_in(3)
@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("dtype", [float32, pytest.param(float64, marks=pytest.mark.slow)], ids=str)
def test_a_convolution_and_its_gradients_are_the_interpreters(case, dtype):
    graph, sizes = convolution(case, dtype)
    inputs = drawn(sizes, dtype)
    native = Native(graph)
    # A sum of K products, whole numbers of rounding errors of its largest term.
    terms = [int(np.prod(sizes[1][:3])), int(np.prod(sizes[1])), int(np.prod(sizes[2]))]
    for got, wanted, count in zip(native(inputs), Interpreter(graph)(inputs), terms, strict=True):
        room = 20 * count * np.finfo(got.dtype).eps
        np.testing.assert_allclose(got, wanted, rtol=0, atol=room)
    assert "windows" not in written(native.program)


def test_a_fold_stays_of_windows_that_hardly_overlap_or_have_both_stride_and_dilation():
    stayed = []
    for case in CONVOLUTIONS:
        graph, sizes = convolution(case, float64)
        both = any(s > 1 and d > 1 for s, d in zip(case[5], case[6], strict=True))
        padded = [length + 2 * case[7] for length in case[:2]]
        windows = np.prod(sizes[2][1:3]) * np.prod(case[3])
        lone = {*case[3], *case[5]} == {1}
        stays = not lone and (both or windows <= MOST * np.prod(padded))
        assert ("fold" in written(compile_graph(graph)[0])) == stays
        stayed.append(stays)
    assert 5 <= sum(stayed) <= 10


@pytest.mark.parametrize("case", [CONVOLUTIONS[1], CONVOLUTIONS[11]], ids=str)
def test_threads_keep_the_bits_of_a_convolution(case):
    graph, sizes = convolution((*case[:8], 100), float32)
    inputs = drawn([(100, *sizes[0][1:]), sizes[1], (100, *sizes[2][1:])], float32)
    native = Native(graph)
    one = [array.tobytes() for array in native(inputs, 1)]
    assert native.work(100) > 250_000
    for threads in (2, 3):
        assert [array.tobytes() for array in native(inputs, threads)] == one


def test_the_memory_of_a_convolution_is_below_its_inputs_and_outputs():
    """AlexNet's second layer in small: windows would be 25 times the input."""
    graph, sizes = convolution((27, 27, 48, (5, 5), 64, (1, 1), (1, 1), 2, 16), float32)
    native = Native(graph)
    given = 2 * sum(4 * int(np.prod(size)) for size in sizes)  # the gradients are as large
    assert native.room(16) < given


@pytest.mark.parametrize(
    ("size", "stride", "folds"), [((3, 3), 2, True), ((2, 2), 2, True), ((4, 3), 2, False)]
)
def test_a_transposed_convolution_and_its_gradients_copy_no_windows(size, stride, folds):
    def whole(x, w, ct):
        y, back = pel.vjp(lambda x, w: composite.conv_transpose(x, w, stride, "same"), x, w)
        return (y, *back(ct))

    shapes_ = [(5, 4, 19), (*size, 18, 19), (10, 8, 18)]
    types = [
        TensorType(float64, shape if i == 1 else (N, *shape)) for i, shape in enumerate(shapes_)
    ]
    graph = trace(whole, types, ["x", "w", "ct"], lambda values: (tuple(values), {})).graph
    inputs = drawn([(3, *shapes_[0]), shapes_[1], (3, *shapes_[2])], float64)
    native = Native(graph)
    found = native(inputs)
    for got, wanted in zip(found, Interpreter(graph)(inputs), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12)
    for threads in (1, 2, 3):
        for got, wanted in zip(native(inputs, threads), found, strict=True):
            assert got.tobytes() == wanted.tobytes()
    assert "windows" not in written(native.program)
    assert ("fold" in written(native.program)) == folds
    if folds:  # else phases are put beside each other
        assert "permute_dims" not in written(native.program)


POOLS = list(itertools.product(["max", "min"], [((2, 2), (2, 2)), ((3, 2), (2, 1))], [1, 3, 17]))


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("which", "window", "channels"), POOLS, ids=str)
def test_pooling_reads_windows_where_they_stand(which, window, channels):
    size, stride = window
    pooled = [(length - k) // s + 1 for length, k, s in zip((9, 8), size, stride, strict=True)]

    def whole(x, ct):
        choose = getattr(composite, which)
        y, back = pel.vjp(
            lambda x: choose(composite.windows(x, (1, 2), size, stride), axis=(4, 5)), x
        )
        return (y, *back(ct))

    types = [TensorType(float64, (N, 9, 8, channels)), TensorType(float64, (N, *pooled, channels))]
    graph = trace(whole, types, ["x", "ct"], lambda values: (tuple(values), {})).graph
    native = Native(graph)
    rng = np.random.default_rng(channels)
    x = rng.integers(-3, 4, size=(5, 9, 8, channels)).astype(float)  # many ties
    x[0, 0, 0], x[1, 2, 3] = np.nan, np.inf
    inputs = [x, rng.integers(-3, 4, size=(5, *pooled, channels)).astype(float)]
    for got, wanted in zip(native(inputs), Interpreter(graph)(inputs), strict=True):
        np.testing.assert_array_equal(got, wanted)
    for off in ("fuse", "inplace", "arena", "cse"):
        for got, wanted in zip(Native(graph, off=[off])(inputs), native(inputs), strict=True):
            assert got.tobytes() == wanted.tobytes()
    made = written(native.program)
    assert "one_hot" not in made and not made & {"permute_dims"}
    if which == "max":  # the smallest is found as the largest of -x, which stands in memory
        assert not made & set(VIEWED)


@pytest.mark.parametrize(
    ("shape", "flat", "groups"),
    [
        ((2, 3, 4), (2, 12), [[0], [1, 2]]),
        ((2, 3, 4), (6, 4), [[0, 1], [2]]),
        ((N, 1, 4), (N, 4), [[0, 1], [2]]),
        ((2, 6), (4, 3), None),
        ((2, 3), (2, 3, 1), None),
        ((), (), []),
    ],
)
def test_joined_axes(shape, flat, groups):
    found = shapes.merged_axes(shape, flat)
    if groups is None or found is None:
        assert found == groups
        return
    sizes = [shapes.size(shape[axis] for axis in group) for group in found]
    assert sizes == list(flat) and [a for g in found for a in g] == list(range(len(shape)))


@pytest.mark.parametrize(
    ("row", "attrs", "flat"),
    [
        ("permute_dims", {"axes": (0, 2, 3, 1)}, (N, 30)),
        ("permute_dims", {"axes": (0, 3, 2, 1)}, (N, 6, 5)),
        ("slice", {"start": (0, 1, 0, 1), "stop": (N, 3, 5, 2), "step": (1, 1, 2, 1)}, (N, 6)),
        ("flip", {"axis": (1, 3)}, (N, 30)),
        ("windows", {"axes": (2,), "size": (2,), "stride": (1,), "dilation": (2,)}, (N, 36)),
    ],
)
def test_a_result_that_is_reshaped_in_place_has_its_elements_where_they_belong(row, attrs, flat):
    shape = (3, 5, 2)

    def moved(x):
        return composite.reshape(apply(row, x, **attrs), flat)

    types = [TensorType(float64, (N, *shape))]
    graph = trace(moved, types, ["x"], lambda values: (tuple(values), {})).graph
    inputs = drawn([(4, *shape)], float64)
    (got,), (wanted,) = Native(graph)(inputs), Interpreter(graph)(inputs)
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("off", [[], ["simplify"]], ids=str)
def test_windows_of_one_element_are_the_elements(off):
    def moved(x, ct):
        y, back = pel.vjp(lambda x: composite.windows(x, (1,), (1,)), x)
        return (y, *back(ct))

    types = [TensorType(float64, (N, 3)), TensorType(float64, (N, 3, 1))]
    graph = trace(moved, types, ["x", "ct"], lambda values: (tuple(values), {})).graph
    native = Native(graph, off=off)
    x = np.array([[-0.0, 0.0, 2.0]])
    got, wanted = native([x, x[:, :, None]]), Interpreter(graph)([x, x[:, :, None]])
    assert [a.tobytes() for a in got] == [a.tobytes() for a in wanted]
    assert ("fold" in written(native.program)) == bool(off)
