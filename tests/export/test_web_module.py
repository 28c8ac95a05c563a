"""Graphs as WebAssembly: the bits of machine code, and what has no code in a browser."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pellucid.compiler.codegen import foreign
from pellucid.compiler.codegen.target import host
from pellucid.core.dtypes import float32, float64
from pellucid.core.errors import CompileError, TooLargeError
from pellucid.core.shapes import N
from pellucid.export.web_module import Part, web_module
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.spec import REGISTRY
from pellucid.ops.value import Builder, apply
from pellucid.runtime.native import Native
from tests.compiler.test_every_row import ROWS, together
from tests.compiler.test_targets import depthwise, drawn
from tests.export.node import called, needs_node

# The rest: in the slow run, and in whole steps (tests/web).
SOME = ("tanh", "softplus", "gather")
NO_CODE = {"remainder", "floor_divide"}  # of floats: the C library's


def dot() -> Graph:
    """Rows of x times rows of y."""
    builder = Builder()
    with builder:
        x, y = (builder.input(name, TensorType(float32, (N, 2))) for name in "xy")
        return builder.graph([apply("contract", x, y, batch=((0, 0),), summed=((1, 1),))])


def as_part(name: str, graph: Graph, given: list[np.ndarray], rows: int):
    """A part with arrays of its own for all inputs and outputs, and what native code gives."""
    known = Native(graph)(given)
    inputs = [f"{name}.x{n}" for n in range(len(given))]
    outputs = [f"{name}.out{n}" for n in range(len(known))]
    arrays = dict(zip(inputs, given, strict=True))
    arrays |= {place: np.zeros_like(one) for place, one in zip(outputs, known, strict=True)}
    return Part(name, graph, inputs, outputs, rows), arrays, dict(zip(outputs, known, strict=True))


def check_rows(names: list[str], folder: Path) -> None:
    """These rows, in cases of float32 that their tests know, against machine code."""
    parts, arrays, known = [], {}, {}
    for name in names:
        graph, given, which = together(REGISTRY[name], "some")
        if which:
            part, own, results = as_part(f"row.{name}", graph, given, ROWS)
            parts.append(part)
            arrays |= own
            known |= results
    assert known
    found = called(folder, parts, arrays, list(known))
    for (name, one), other in zip(known.items(), found, strict=True):
        nothing = np.isnan(one) if one.dtype.kind == "f" else np.zeros(one.shape, bool)
        if one.dtype.kind == "f":
            assert (np.isnan(other) == nothing).all(), name
        assert one[~nothing].tobytes() == other[~nothing].tobytes(), name


@needs_node
def test_rows_have_the_bits_of_machine_code(tmp_path):
    check_rows(list(SOME), tmp_path)


@pytest.mark.slow
@needs_node
def test_every_row_has_the_bits_of_machine_code(tmp_path):
    names = sorted(name for name, op in REGISTRY.items() if not op.user)
    for start in range(0, len(names), 20):
        check_rows([one for one in names[start : start + 20] if one not in NO_CODE], tmp_path)


def hard_products() -> tuple[np.ndarray, np.ndarray]:
    """Sums of two products that float64 rounds to the middle between two numbers of float32.

    The first product is any number z, the second half of z's last place times 1 - 2⁻⁴⁶ or 1 + 2⁻³⁶,
    of either sign. More rows are plain, and below the normal numbers.
    """
    rng = np.random.default_rng(0)
    z = rng.normal(size=1200).astype(np.float32)
    half = np.abs(np.spacing(z)) / 2 * rng.choice([-1, 1], 1200)
    less = rng.random(1200) < 0.5
    x = np.stack([z, half * np.where(less, 1 + 2.0**-23, 1 + 2.0**-12)], axis=1)
    y = np.stack([np.ones(1200), np.where(less, 1 - 2.0**-23, 1 - 2.0**-12 + 2.0**-24)], axis=1)
    small = rng.uniform(-1, 1, (2, 400, 2)) * 2.0**-71
    plain = rng.normal(size=(2, 400, 2))
    rows = [
        np.concatenate(one).astype(np.float32)
        for one in ((x, small[0], plain[0]), (y, small[1], plain[1]))
    ]
    return rows[0], rows[1]


def nearest_float32(value: Fraction) -> np.float32:
    """`value` rounded once, halves to even."""
    guess = np.float32(float(value))
    near = [np.nextafter(guess, np.float32(way)) for way in (-np.inf, np.inf)]
    even = [one for one in (guess, *near) if one.view(np.uint32) % 2 == 0]
    return min(
        (guess, *near),
        key=lambda one: (abs(Fraction(float(one)) - value), not any(one == e for e in even)),
    )


def exact_dots(x: np.ndarray, y: np.ndarray) -> list[float]:
    """Σ x·y in order, each step rounded once, by whole numbers."""
    results = []
    for left, right in zip(x.tolist(), y.tolist(), strict=True):
        total = np.float32(0)
        for a, b in zip(left, right, strict=True):
            total = nearest_float32(Fraction(a) * Fraction(b) + Fraction(float(total)))
        results.append(float(total))
    return results


def test_products_are_rounded_once_without_an_instruction_for_it():
    """On this machine with no feature: the same emitter that WebAssembly has."""
    x, y = hard_products()
    plain = dataclasses.replace(host(), cpu="x86-64", features="")
    if "x86_64" not in plain.triple:
        pytest.skip("runs code for x86-64")
    (found,) = Native(dot(), target=plain)([x, y])
    assert found.tolist() == exact_dots(x, y)
    wrong = np.zeros(len(x), np.float32)
    for k in range(2):  # float64 in between is not enough: these data tell
        wrong = (x[:, k].astype(np.float64) * y[:, k] + wrong).astype(np.float32)
    assert (wrong != found).sum() > 400


@needs_node
def test_products_are_rounded_once_in_webassembly(tmp_path):
    x, y = hard_products()
    part, arrays, known = as_part("dot", dot(), [x, y], len(x))
    (found,) = called(tmp_path, [part], arrays, list(known))
    assert found.tobytes() == known["dot.out0"].tobytes()


@needs_node
def test_depthwise_convolutions_have_the_bits_of_machine_code(tmp_path):
    graph = depthwise()
    part, arrays, known = as_part("depthwise", graph, drawn(graph, 2), 2)
    for one, other in zip(
        known.values(), called(tmp_path, [part], arrays, list(known)), strict=True
    ):
        assert one.tobytes() == other.tobytes()


@needs_node
def test_parts_share_arrays_by_name(tmp_path):
    """State is updated in place, and another part reads it."""

    def graph(op: str) -> Graph:
        builder = Builder()
        with builder:
            x, y = (builder.input(name, TensorType(float32, (3,))) for name in "xy")
            return builder.graph([apply(op, x, y)])

    arrays = {name: np.array([1, 2, 4], np.float32) for name in ("state", "other", "seen")}
    parts = [
        Part("grow", graph("add"), ["state", "other"], ["state"], 1),
        Part("look", graph("multiply"), ["state", "state"], ["seen"], 1),
    ]
    state, seen = called(tmp_path, parts, arrays, ["state", "seen"])
    assert state.tolist() == [2, 4, 8]
    assert seen.tolist() == [4, 16, 64]


def one(op: str, dtype: object = float32, count: int = 2, **attrs: object) -> Part:
    builder = Builder()
    with builder:
        xs = [builder.input(f"x{n}", TensorType(dtype, (3, 3))) for n in range(count)]
        graph = builder.graph([apply(op, *xs, **attrs)])
    return Part("f", graph, [f"x{n}" for n in range(count)], ["out"], 1)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (one("remainder"), "no function from outside, got fmodf"),
        (one("contract", float64, batch=(), summed=((1, 0),)), "got fma"),
    ],
)
def test_what_has_no_code_in_a_browser(part, words):
    dtype = part.graph.input_types[0].dtype.name
    arrays = {name: np.zeros((3, 3), dtype) for name in ("x0", "x1", "out")}
    with pytest.raises(CompileError, match=words) as caught:
        web_module([part], arrays)
    assert "remainders of floats, and float64" in str(caught.value)


def test_more_memory_than_a_browser_gives():
    room = np.zeros(1, np.uint8)
    large = np.lib.stride_tricks.as_strided(room, (1 << 30,), (0,))
    with pytest.raises(TooLargeError, match="at most 512 MiB"):
        web_module([], {"large": large})


def test_where_no_code_comes_out(monkeypatch):
    """A process that cannot be started, or that fails, is told of in one line."""
    arrays = {name: np.zeros((3, 3), np.float32) for name in ("x0", "x1", "out")}
    monkeypatch.setattr(foreign.sys, "executable", "/no/such/python")
    with pytest.raises(CompileError, match=r"\[wasm32\].*FileNotFoundError"):
        web_module([one("add")], arrays)
