"""Object files in memory without LLVM: the same results, nothing writable runs, no llvmlite."""

from __future__ import annotations

import gc
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen import target
from pellucid.core.dtypes import float32
from pellucid.runtime import elf, machine, machine_code
from pellucid.runtime.native import Native
from tests.compiler.xor import SMALL, call, shared, step_graph

pytestmark = pytest.mark.skipif(not elf.SUPPORTED, reason="objects of Linux on x86-64 only")


@pytest.fixture(scope="module")
def code() -> bytes:
    """An object of a training step: constants, tables of jumps, functions of the system."""
    program, target = Native(step_graph(), shared()).program, machine.this_machine().target
    return codegen.object_code(codegen.build(program, target), target)


def maps(address: int) -> tuple[int, str]:
    """Where the mapping that holds an address ends, and what may be done with it."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, may, *_ = line.split()
        first, last = (int(end, 16) for end in place.split("-"))
        if first <= address < last:
            return last, may
    raise LookupError(address)


def test_both_ways_to_load_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_code, "_KEPT", 0)
    results = []
    for supported in (True, False):
        monkeypatch.setattr(elf, "SUPPORTED", supported)
        bound = Native(step_graph(), shared()).bind(call(SMALL, float32))
        assert isinstance(bound._native._engine, elf.Loaded) is supported
        bound.step(20)
        results.append([array.tobytes() for array in bound.outputs()])
    assert results[0] == results[1]


def test_what_runs_cannot_be_written(code: bytes) -> None:
    loaded = elf.load(code)
    assert loaded is not None
    _, may = maps(loaded.get_function_address(codegen.ENTRY))
    assert may.startswith("r-x")


def test_memory_goes_with_the_object(code: bytes) -> None:
    loaded = [elf.load(code) for _ in range(100)]
    inside = [one.get_function_address(codegen.ENTRY) for one in loaded if one is not None]
    assert len(set(inside)) == 100
    del loaded
    gc.collect()
    running = 0
    for address in inside:
        try:
            running += "x" in maps(address)[1]
        except LookupError:
            continue
    assert running < 10  # the system may have put other things there


@pytest.mark.parametrize("keep", [0, 10, 63, 64, 200, 1000, -700, -100, -1])
def test_a_part_of_an_object_is_none(code: bytes, keep: int) -> None:
    assert elf.load(code[:keep]) is None


def test_other_files_are_none(code: bytes) -> None:
    for at, value in ((0, 0), (4, 1), (5, 2), (16, 2), (18, 183)):  # of 32 bits, for ARM, …
        other = bytearray(code)
        other[at] = value
        assert elf.load(bytes(other)) is None


def test_what_is_not_known_is_left_to_llvm(code: bytes) -> None:
    """A relocation of another type, and a function that no process has."""
    head = elf._HEAD.unpack_from(code)
    sections = [
        elf._Section(*elf._SECTION.unpack_from(code, head[6] + head[11] * n))
        for n in range(head[12])
    ]
    where = next(one for one in sections if one.kind == elf._RELOCATIONS)
    other = bytearray(code)
    (info,) = struct.unpack_from("<Q", code, where.offset + 8)
    struct.pack_into("<Q", other, where.offset + 8, info & ~0xFFFFFFFF | 9)
    assert elf.load(bytes(other)) is None
    assert elf.load(code.replace(b"sched_yield\0", b"sched_yielt\0")) is None


def test_a_process_whose_code_is_kept_imports_no_llvmlite(tmp_path: Path) -> None:
    script = """
import hashlib, sys
import numpy as np
import pellucid as pel
model = pel.Sequential([pel.nn.Dense(64, "tanh"), pel.nn.Dense(3)], seed=0)
model.compile("adam", "cross_entropy")
x = np.random.default_rng(0).normal(size=(4000, 200)).astype("f4")
model.fit(x, np.arange(4000) % 3, batch_size=1000, epochs=2, seed=1, verbose=0, threads=2)
weights = b"".join(array.tobytes() for array in model.get_weights())
print(hashlib.sha256(weights + model.predict(x).tobytes()).hexdigest(), "llvmlite" in sys.modules)
"""
    told = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={"PELLUCID_CACHE": str(tmp_path / "kept"), "PATH": ""},
        )
        told.append(done.stdout.split())
    assert told[0][0] == told[1][0]
    assert [one[1] for one in told] == ["True", "False"]


def test_the_description_of_this_machine_is_llvms() -> None:
    assert machine.this_machine() == machine.Machine(target.host(), target.versions())
