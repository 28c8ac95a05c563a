"""Code for other processors: emitted and verified for each, and run where this machine can.

An object file for another machine is read, not run: its header, the names it asks the system for,
and the registers that its text mentions.
"""

from __future__ import annotations

import dataclasses
import gc
import platform
import re
import struct
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.llvm import binding
from pellucid.compiler.codegen.target import Target, host
from pellucid.compiler.passes.pipeline import compile_graph
from pellucid.compiler.program import MinibatchFeed, Program
from pellucid.core.dtypes import as_dtype, float32
from pellucid.core.shapes import N
from pellucid.graph.node import Graph, TensorType
from pellucid.ops import composite
from pellucid.ops.spec import REGISTRY
from pellucid.ops.value import Builder, apply
from pellucid.runtime.extras import NUMPY
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.machine import ready, this_machine
from pellucid.runtime.native import Native
from pellucid.transform.custom import in_rows
from pellucid.transform.trace import trace
from tests.compiler.test_every_row import together
from tests.runtime.test_native import close

LINUX = "x86_64-unknown-linux-gnu"
WIDEST = "+avx512f,+avx512bw,+avx512vl,+avx512dq,+avx2,+fma"
TARGETS = {
    "neon": Target("aarch64-unknown-linux-gnu", "generic", "+neon"),
    "sse2": Target(LINUX, "x86-64", ""),
    "avx2": Target(LINUX, "x86-64-v3", "+avx2,+fma"),
    "avx512": Target(LINUX, "x86-64-v4", WIDEST),
}
MACHINES = {"neon": 183, "sse2": 62, "avx2": 62, "avx512": 62}  # the ELF header's numbers
VECTORS = {"neon": 16, "sse2": 16, "avx2": 32, "avx512": 64}  # bytes

# What a thread gives its core away with. SSE2 has no fused product of float64 and rounds in no
# instruction: there the C library does both, so that the bits stay those of every other machine.
SYSTEM = {"sched_yield", "usleep"}
LIBRARY = {"sse2": {"fma", "floor", "floorf", "rint", "rintf"}}
FAR = {"sin", "cos"}  # of angles so large that they are rare
EXACT = {"fmod", "fmodf"}  # C's remainder: no rounding, so every library has the same bits

# Registers and instructions that a processor with these features does not have.
FOREIGN = {
    "neon": r"\b[xyz]mm\d|\bz\d+\.[bhsd]\b",  # z0.s would be SVE
    "sse2": r"\b[yz]mm\d|^\s+v[a-z0-9]+\s|%k[0-7]\b|^\s+(round[ps][sd]|p?blendv\w+|pmulld|"
    r"p(insr|extr)[bdq]|ptest|pshufb|palignr|hadd\w+|dpp[sd]|popcnt\w*|insertps|extractps|"
    r"pm(ax|in)[su][bdw]|pmov[sz]x\w+|mov(dd|shd|sld)up|lddqu|pabs[bwd]|pcmp(eqq|gtq))\s",
    "avx2": r"\bzmm\d|%k[0-7]\b|\b[xyz]mm(1[6-9]|[23]\d)\b",
    "avx512": r"^\s+(tdp\w+|tile\w+|v\w+ph)\s",  # AMX, half precision
}

x86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="runs code for x86-64"
)


@pytest.fixture(autouse=True, scope="module")
def every_processor() -> None:
    """LLVM makes code for this machine alone until it is told."""
    host()
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()


def mlp() -> Graph:
    """The training step of 6-16-1 ReLU, squared loss, SGD."""
    net = pel.Sequential([pel.nn.Dense(16, activation="relu"), pel.nn.Dense(1)], seed=1)
    net.compile(pel.optim.SGD(0.1, momentum=0.9), loss="squared")
    return net.training_graph(np.zeros((8, 6), np.float32), np.zeros((8, 1), np.float32))


def dropout() -> Graph:
    """The training step of 6-16-3 with dropout, softmax cross-entropy, Adam."""
    layers = [pel.nn.Dense(16, activation="tanh"), pel.nn.Dropout(0.5), pel.nn.Dense(3)]
    net = pel.Sequential(layers, seed=1)
    net.compile(pel.optim.Adam(0.1), loss="cross_entropy", metrics=["accuracy"])
    return net.training_graph(np.zeros((8, 6), np.float32), np.arange(8) % 3)


def convolution() -> Graph:
    """Windows of images against kernels, and the transposes of both: what convolution trains."""
    builder = Builder()
    over: dict[str, Any] = {"axes": (1, 2), "size": (3, 3), "stride": (1, 2), "dilation": (1, 1)}
    with builder:
        images = builder.input("images", TensorType(float32, (N, 8, 9, 2)))
        kernels = builder.input("kernels", TensorType(float32, (3, 3, 2, 5)))
        seen = apply("windows", images, **over)  # (N, 6, 4, C, 3, 3)
        summed = ((3, 2), (4, 0), (5, 1))
        maps = apply("contract", seen, kernels, batch=(), summed=summed)
        positions = ((0, 0), (1, 1), (2, 2))
        gradient = apply("contract", seen, maps, batch=(), summed=positions)
        back = apply("contract", maps, kernels, batch=(), summed=((3, 3),))
        order = apply("permute_dims", back, axes=(0, 1, 2, 5, 3, 4))
        folded = apply("fold", order, **over, lengths=(8, 9))
    return builder.graph([maps, gradient, folded])


def depthwise() -> Graph:
    """A convolution of each channel by itself, and both its gradients."""
    x, w = TensorType(float32, (N, 8, 9, 21)), TensorType(float32, (3, 3, 1, 21))
    types = [x, w, TensorType(float32, (N, 4, 9, 21))]

    def whole(x: Any, w: Any, ct: Any) -> Any:
        y, back = pel.vjp(lambda x, w: composite.conv(x, w, (2, 1), "same", groups=21), x, w)
        return (pel.numpy.tanh(y), *back(ct))

    return trace(whole, types, ["x", "w", "ct"], lambda values: (tuple(values), {})).graph


GRAPHS: dict[str, Callable[[], Graph]] = {
    "mlp": mlp,
    "dropout": dropout,
    "convolution": convolution,
    "depthwise": depthwise,
}

UNTRAINED = ("convolution", "depthwise")
QUICK = ["mlp", "convolution", "depthwise", pytest.param("dropout", marks=pytest.mark.slow)]


@cache
def compiled(name: str) -> tuple[Program, MinibatchFeed | None]:
    """A graph behind all passes; a training step also with what a run does around it."""
    graph = GRAPHS[name]()
    if name in UNTRAINED:
        return compile_graph(graph, (), (), NUMPY)[0], None
    graph = in_rows(graph)
    state, x = graph.input_names.index("step") + 1, len(graph.inputs) - 2
    types = graph.input_types
    feed = MinibatchFeed(
        tuple((i, as_dtype(types[i].dtype.name, "fit")) for i in (x, x + 1)),
        (state + 1,),
        tuple(range(state, len(graph.outputs))),
    )
    return compile_graph(graph, [(i, i) for i in range(state)], (), NUMPY)[0], feed


def undefined(code: bytes) -> set[str]:
    """The names that an ELF object file of 64 bits asks the system for."""
    (table,) = struct.unpack_from("<Q", code, 40)
    size, count = struct.unpack_from("<HH", code, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", code, table + i * size) for i in range(count)]
    found = set()
    for section in sections:
        kind, start, length, linked = section[1], section[4], section[5], section[6]
        if kind != 2:  # symbols
            continue
        names = sections[linked][4]
        for place in range(start + 24, start + length, 24):  # the first one is none
            name, _, _, home = struct.unpack_from("<IBBH", code, place)
            if home == 0:
                found.add(code[names + name : code.index(0, names + name)].decode())
    return found


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("target", TARGETS)
def test_code_is_made_for_every_processor(name: str, target: str) -> None:
    program, feed = compiled(name)
    code = codegen.object_code(codegen.build(program, TARGETS[target], feed), TARGETS[target])
    assert code[:4] == b"\x7fELF" and int.from_bytes(code[18:20], "little") == MACHINES[target]
    assert len(code) > 5000
    asked = undefined(code) - SYSTEM
    assert asked <= LIBRARY.get(target, set()), "all but these is in the module itself"


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("target", TARGETS)
def test_code_keeps_to_the_features_it_was_told(name: str, target: str) -> None:
    program, feed = compiled(name)
    text = codegen.assembly_of(codegen.build(program, TARGETS[target], feed), TARGETS[target])
    found = re.search(FOREIGN[target], text, re.MULTILINE)
    assert found is None, f"{target} has no {found and found.group().strip()}"
    own = {"neon": r"\bfmla\s+v\d+\.4s", "sse2": "xmm", "avx2": "ymm", "avx512": "zmm"}
    assert len(re.findall(own[target], text)) > 20, "its own vectors are used"
    assert TARGETS[target].vector_bytes == VECTORS[target]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(name for name, op in REGISTRY.items() if not op.user))
def test_every_row_has_code_for_aarch64(name: str) -> None:
    """In every case that its tests know, with no name that is left open."""
    seen = 0
    for part in ("some", "rest", "float64"):
        graph, _, which = together(REGISTRY[name], part)
        if which:
            program, _ = compile_graph(graph, (), (), NUMPY)
            built = codegen.build(program, TARGETS["neon"])
            code = codegen.object_code(built, TARGETS["neon"])
            assert undefined(code) - SYSTEM <= FAR | EXACT
        seen += len(which)
    assert seen


def restricted(target: str) -> Target:
    """This machine with fewer features."""
    features = TARGETS[target].features
    if not set(features.split(",")) <= {"", *host().features.split(",")}:
        pytest.skip(f"this machine has no {target}")
    return dataclasses.replace(host(), cpu="x86-64", features=features)


def drawn(graph: Graph, rows: int) -> list[np.ndarray]:
    """Random inputs; second moments are never negative, classes are classes."""
    rng = np.random.default_rng(rows)
    arrays = []
    for name, type in zip(graph.input_names, graph.input_types, strict=True):
        shape = tuple(rows if dim == N else dim for dim in type.shape)
        drawn_ = rng.normal(size=shape) if type.dtype.is_float else rng.integers(0, 3, shape)
        arrays.append(np.asarray(drawn_).astype(type.dtype.name))
        if name.startswith("slots.v"):
            arrays[-1] = np.abs(arrays[-1]) + np.asarray(0.1, type.dtype.name)
    return arrays


@x86
@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("target", ["sse2", "avx2"])
def test_fewer_features_compute_the_same(name: str, target: str) -> None:
    graph = GRAPHS[name]()
    narrow, wide = Native(graph, target=restricted(target)), Native(graph)
    for rows in (1, 13):
        inputs = drawn(graph, rows)
        ours, known = narrow(inputs), Interpreter(graph)(inputs)
        floats = [i for i, array in enumerate(known) if array.dtype.kind == "f"]
        terms = 36 * rows if name in UNTRAINED else max(18, rows)
        close([ours[i] for i in floats], [known[i] for i in floats], terms)
        for one, other in zip(ours, wide(inputs), strict=True):
            assert one.tobytes() == other.tobytes(), "and to the last bit what wide vectors do"


@x86
@pytest.mark.parametrize("target", ["sse2", "avx2"])
def test_a_whole_run_has_the_same_bits_with_fewer_features(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32)

    def trained() -> bytes:
        layers = [pel.nn.Dense(16, activation="tanh"), pel.nn.Dropout(0.5), pel.nn.Dense(3)]
        net = pel.Sequential(layers, seed=1)
        net.compile(pel.optim.Adam(0.01), loss="cross_entropy")
        net.fit(x, np.arange(100) % 3, batch_size=16, epochs=3, seed=2, verbose=0, backend="native")
        return b"".join(w.tobytes() for w in net.get_weights())

    known = trained()
    narrow = this_machine()._replace(target=restricted(target))
    made: list[Target] = []  # what every object of the second run was ready for
    monkeypatch.setattr("pellucid.runtime.machine_code.this_machine", lambda: narrow)
    monkeypatch.setattr(
        "pellucid.runtime.machine_code.ready",
        lambda code, now: made.append(now) or ready(code, now),
    )
    assert trained() == known
    assert made
    assert set(made) == {narrow.target}


def test_what_llvm_has_read_waits_for_no_collection() -> None:
    """Thousands of instructions a program, each of which its block holds, and it the block."""
    program, feed = compiled("mlp")
    gc.collect()
    gc.disable()
    try:
        built = codegen.build(program, TARGETS["avx2"], feed)
        made = [weakref.ref(block) for one in built.functions for block in one.blocks]
        codegen.object_code(built, TARGETS["avx2"])
        del built
        left = sum(reference() is not None for reference in made)
    finally:
        gc.enable()
    assert len(made) > 100 and left == 0
