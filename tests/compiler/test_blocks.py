"""Sums in blocks that meet in a tree: the bits of blocks that were computed by themselves."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from pellucid.compiler.codegen import zero_skipping
from pellucid.compiler.codegen.target import Target, host
from pellucid.core.dtypes import DType, float32, float64, int64
from pellucid.core.errors import DataError
from pellucid.core.shapes import N, Shape
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.value import Builder, apply
from pellucid.runtime import machine_code
from pellucid.runtime.interpreter import run
from pellucid.runtime.native import Native
from tests.compiler.test_contract import TARGETS, bound, drawn
from tests.compiler.test_kernels import one_row

# Rows of a batch and of a block: whole blocks, a last one that is short, one alone, none. Then many
# blocks in a stretch of k, and many stretches in a block.
CUTS = [(0, 4), (1, 1), (3, 1), (4, 2), (96, 32), (100, 17), (250, 32), (1300, 20), (1500, 700)]
FORMS: dict[str, tuple[Shape, Shape, Any]] = {
    "tiles": ((N, 70), (N, 100), ((0, 0),)),
    "few columns": ((N, 5), (N, 3), ((0, 0),)),
    "one column": ((N, 64), (N, 1), ((0, 0),)),
    "one row": ((N, 1), (N, 40), ((0, 0),)),
    "wide": ((N, 33), (N, 257), ((0, 0),)),
    "k side by side": ((9, N), (70, N), ((1, 1),)),
    "two axes": ((N, 3, 20), (N, 3, 70), ((0, 0), (1, 1))),
    "axes that do not merge": ((N, 4, 20), (4, 30, N), ((0, 2), (1, 0))),
}


def met(parts: Sequence[Any]) -> Any:
    """The tree, written a second time: cut at the largest power of two below the count."""
    if len(parts) == 1:
        return parts[0]
    half = 1 << (len(parts) - 1).bit_length() - 1
    return met(parts[:half]) + met(parts[half:])


def cut(array: np.ndarray, axis: int, begin: int, end: int) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(np.moveaxis(array, axis, 0)[begin:end], 0, axis))


def by_blocks(
    program: Callable[[list[np.ndarray]], Any],
    arrays: Sequence[np.ndarray],
    axes: Sequence[int],
    block: int,
) -> np.ndarray:
    """The tree of what `program` gives for each block of the arrays, cut along `axes`."""
    begins = range(0, max(arrays[0].shape[axes[0]], 1), block)
    pairs = list(zip(arrays, axes, strict=True))
    return np.asarray(
        met([program([cut(x, i, b, b + block) for x, i in pairs])[0] for b in begins])
    )


def graph_of(dtype: DType, form: str, block: int | None = None) -> Graph:
    left, right, summed = FORMS[form]
    attrs = {} if block is None else {"block": block}
    types = TensorType(dtype, left), TensorType(dtype, right)
    return one_row("contract", *types, batch=(), summed=summed, **attrs)


def check(form: str, dtype: DType, rows: int, block: int, plain: Native, density: float) -> None:
    left, right, summed = FORMS[form]
    x, y = (drawn(bound(shape, rows), dtype, i) for i, shape in enumerate((left, right)))
    x *= np.random.default_rng(2).random(x.shape) < density
    wanted = by_blocks(plain, [x, y], summed[0], block) + np.zeros((), dtype.name)
    found = Native(graph_of(dtype, form, block), target=plain.target)
    for threads in (1, 3):
        ours = found([x, y], threads)[0]
        assert ours.tobytes() == wanted.tobytes(), f"{rows} rows in blocks of {block}"


@pytest.mark.one_in(2)
@pytest.mark.parametrize("form", FORMS)
def test_products_meet_block_by_block(form: str) -> None:
    plain = Native(graph_of(float32, form))
    for rows, block in ((100, 17), (1300, 200)):
        check(form, float32, rows, block, plain, 1)


def vectors(target: Target) -> tuple[int, bool]:
    return target.vector_bytes, target.fused


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [float32, float64], ids=repr)
@pytest.mark.parametrize(
    "target", ["host", *(name for name in TARGETS if vectors(TARGETS[name]) != vectors(host()))]
)
@pytest.mark.parametrize("form", FORMS)
def test_products_of_every_size_and_machine(form: str, target: str, dtype: DType) -> None:
    plain = Native(graph_of(dtype, form), target=TARGETS[target])
    for rows, block in CUTS:
        for density in (1, 0.1):
            check(form, dtype, rows, block, plain, density)


@pytest.mark.parametrize("dtype", [float32, pytest.param(float64, marks=pytest.mark.slow)])
def test_zeros_that_are_skipped_change_no_bit(
    dtype: DType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks inside a word of bits, across words, and so many that the levels do not fit."""
    for rows, block in ((150, 24), (1100, 2)):  # 550 blocks: ten levels
        x, y = (drawn((rows, width), dtype, width) for width in (70, 100))
        x *= np.random.default_rng(0).random(x.shape) < 0.1
        x[:, 5], x[: rows // 2, 6] = 0, 0
        found = []
        for most in (0, 101):
            monkeypatch.setattr(machine_code, "_loaded", {})
            monkeypatch.setattr(zero_skipping, "DENSE", most)
            found.append(Native(graph_of(dtype, "tiles", block))([x, y])[0].tobytes())
        assert found[0] == found[1], f"{rows} rows in blocks of {block}"


def test_a_product_in_blocks_is_never_negative_zero() -> None:
    """Else it would depend on whether zeros were skipped: -0.0 + 0·y is 0.0."""
    x, y = np.full((9, 64), 1e-30, np.float32), np.full((9, 70), -1e-30, np.float32)
    graph = one_row(
        "contract",
        TensorType(float32, (N, 64)),
        TensorType(float32, (N, 70)),
        batch=(),
        summed=((0, 0),),
        block=2,
    )
    for result in (Native(graph)([x, y])[0], run(graph, [x, y])[0]):
        assert not np.signbit(result).any()


def test_an_aligned_run_of_blocks_is_a_node_of_the_tree() -> None:
    x, y = drawn((100, 70), float32, 0), drawn((100, 100), float32, 1)
    program = Native(graph_of(float32, "tiles", 13))  # eight blocks
    whole = program([x, y])[0]
    for sizes in ((4, 4), (2, 2, 4), (4, 2, 2), (4, 2, 1, 1)):
        ends = np.cumsum([0, *sizes]) * 13
        parts = [program([x[a:b], y[a:b]])[0] for a, b in itertools.pairwise(ends)]
        while len(parts) > 1:  # neighbours of one size meet
            sizes = list(sizes)
            at = next(i for i in range(len(sizes) - 1) if sizes[i] == sizes[i + 1])
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
            sizes[at : at + 2] = [2 * sizes[at]]
        assert parts[0].tobytes() == whole.tobytes()


def test_what_is_fused_behind_a_product_in_blocks() -> None:
    """The step of the weights, in place, once the tree is done."""
    types = (
        TensorType(float32, (20, 30)),
        TensorType(float32, (N, 20)),
        TensorType(float32, (N, 30)),
    )
    made = []
    for block in (None, 16):
        builder = Builder()
        with builder:
            w, x, y = (builder.input(n, t) for n, t in zip("wxy", types, strict=True))
            attrs = {} if block is None else {"block": block}
            slope = apply("contract", x, y, batch=(), summed=((0, 0),), **attrs)
            made.append(builder.graph([w - 0.5 * slope if block else slope]))
    plain, step = Native(made[0]), Native(made[1], [(0, 0)])
    assert [kernel.op for kernel in step.program.kernels] == ["contract"]
    w, x, y = (
        drawn((20, 30), float32, 2),
        drawn((100, 20), float32, 0),
        drawn((100, 30), float32, 1),
    )
    slope = by_blocks(lambda two: plain([w, *two]), [x, y], (0, 0), 16)
    wanted = w - np.float32(0.5) * slope
    assert step([w, x, y])[0].tobytes() == wanted.tobytes()


def test_without_fused_multiply_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = drawn((23, 3, 20), float32, 0), drawn((23, 3, 70), float32, 1)
    fused = Native(graph_of(float32, "two axes", 4))([x, y])[0]
    monkeypatch.setattr(type(TARGETS["host"]), "fused", property(lambda self: False))
    monkeypatch.setattr(machine_code, "_loaded", {})
    plain = Native(graph_of(float32, "two axes", 4))([x, y])[0]
    assert plain.tobytes() == fused.tobytes()


SUMS: list[tuple[Shape, tuple[int, ...]]] = [
    ((N,), (0,)),
    ((N, 37), (0,)),
    ((N, 3, 5), (0, 2)),
    ((3, N), (1,)),
    ((N, 40, 6), (0, 1)),
]


@pytest.mark.parametrize(("shape", "axis"), SUMS, ids=str)
def test_sums_over_axes_meet_block_by_block(shape: Shape, axis: tuple[int, ...]) -> None:
    plain = Native(one_row("sum", TensorType(float32, shape), axis=axis, keepdims=False))
    for rows, block in ((0, 3), (100, 13), (3000, 1100)):
        x = drawn(bound(shape, rows), float32, 0)
        wanted = by_blocks(plain, [x], axis[:1], block)
        graph = one_row("sum", TensorType(float32, shape), axis=axis, keepdims=False, block=block)
        assert Native(graph)([x], 2)[0].tobytes() == wanted.tobytes(), f"{rows} rows"


SCATTERS: list[tuple[Shape, int, Shape]] = [
    ((10, 3), 0, (N,)),
    ((500, 64), 0, (N, 2)),  # several units, most of them without an update
    ((4, 30, 7), 1, (N,)),
    ((3, 2500), 0, (N,)),  # several strips of columns
    ((7,), 0, (N,)),
]


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("shape", "axis", "indices"), SCATTERS, ids=str)
def test_updates_meet_block_by_block(shape: Shape, axis: int, indices: Shape) -> None:
    wide = shape[:axis] + indices + shape[axis + 1 :]
    types = TensorType(float32, shape), TensorType(int64, indices), TensorType(float32, wide)
    zeros = np.zeros(bound(shape, 0), np.float32)
    plain = Native(one_row("scatter_add", *types, axis=axis))
    for rows, block in ((0, 3), (100, 13)):
        x, u = drawn(zeros.shape, float32, 0), drawn(bound(wide, rows), float32, 1)
        at = np.random.default_rng(3).integers(0, shape[axis], bound(indices, rows))  # type: ignore[call-overload]
        wanted = x + by_blocks(lambda two: plain([zeros, *two]), [at, u], (0, axis), block)
        graph = one_row("scatter_add", *types, axis=axis, block=block)
        for threads in (1, 3):
            assert Native(graph)([x, at, u], threads)[0].tobytes() == wanted.tobytes()


def test_an_index_outside_is_refused_in_blocks_too() -> None:
    types = TensorType(float32, (4, 2)), TensorType(int64, (N,)), TensorType(float32, (N, 2))
    program = Native(one_row("scatter_add", *types, axis=0, block=2))
    with pytest.raises(DataError, match=r"\[scatter_add\] indices must lie in \[0, 4\), got 4"):
        program([np.zeros((4, 2), np.float32), np.array([0, 1, 4]), np.ones((3, 2), np.float32)])
