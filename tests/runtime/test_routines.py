"""Hand-written routines: compiled once, kept, called by one thread or by several."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.routine import Routine, begin
from pellucid.compiler.codegen.target import Target
from pellucid.core.dtypes import float32, float64
from pellucid.core.errors import PACKAGE_FOLDER, CompileError
from pellucid.runtime import cache, machine_code
from pellucid.runtime.routines import Library
from pellucid.svm import emit_accumulate
from tests.runtime.test_cache import entries

FORM = Routine("scale", ("pnumbers", "llength", "dfactor", "lturns", "dlast"))
MAKER = emit_accumulate.__name__


def emit(target: Target) -> ir.Module:
    """numbers *= factor, so many times; `last` is the last of them. Threads share the numbers."""
    module = ir.Module("scale")
    module.triple = target.triple
    body = begin(module, FORM)
    b, given = body.builder, body.arguments
    first, last = body.share(given["length"])
    with loop(b, given["turns"], "turn"), loop(b, b.sub(last, first), "i") as one:
        place = b.gep(given["numbers"], [b.add(first, one.index)], source_etype=ir.DoubleType())
        b.store(b.fmul(b.load(place, typ=ir.DoubleType()), given["factor"]), place)
    with b.if_then(b.icmp_signed("==", body.thread, i64(0))):
        b.store(given["factor"], body.places["last"])
    b.ret_void()
    return module


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "code"
    monkeypatch.setenv(cache.VARIABLE, str(place))
    return place


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_a_routine_is_called_with_addresses_and_numbers(threads: int) -> None:
    scale = Library(emit).routine(FORM)
    for length in (0, 1, 7, 1000):
        numbers = np.arange(length, dtype=np.float64)
        table = scale(numbers.ctypes.data, length, 1.5, 2, threads=threads)
        assert np.array_equal(numbers, np.arange(length) * 2.25)
        assert table.last == 1.5 and table.length == length


def test_the_interpreter_lock_is_given_back() -> None:
    """Another thread of Python counts on while a call takes its time."""
    scale, numbers, counted, going = Library(emit).routine(FORM), np.ones(1000), [0], [True]

    def count() -> None:
        while going:
            counted[0] += 1
            time.sleep(1e-4)

    other = threading.Thread(target=count)
    other.start()
    before = counted[0]
    scale(numbers.ctypes.data, 1000, 1.0, 100_000)
    assert counted[0] > before + 5
    going.clear()
    other.join()


def test_code_is_kept_and_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Library(emit_accumulate.emit, float32)
    assert not made.from_cache and any(entries(folder))
    monkeypatch.setattr(machine_code.codegen, "object_code", None)  # nothing is compiled any more
    again = Library(emit_accumulate.emit, float32)
    assert again.from_cache
    call, F, row = again.routine(emit_accumulate.ROUTINE), np.zeros(3), np.ones(3, np.float32)
    rows, weights = np.array([row.ctypes.data]), np.array([2.0])
    call(rows.ctypes.data, weights.ctypes.data, 1, F.ctypes.data, 0, 3)
    assert F.tolist() == [2, 2, 2]
    monkeypatch.undo()
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    assert not Library(emit_accumulate.emit, float64).from_cache


def test_code_of_an_emitter_that_is_none_of_ours_is_not_kept(folder: Path) -> None:
    """Its sources cannot be part of the key."""
    for _ in range(2):
        assert not Library(emit).from_cache


def test_the_sources_of_an_emitter_are_part_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = cache.source_files(MAKER)
    assert {MAKER, "pellucid.svm.emit_vectors", "pellucid.compiler.codegen.routine"} <= set(files)
    package = tmp_path / "pellucid"
    for place in files.values():
        copy = package / place.relative_to(PACKAGE_FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(place.read_bytes())
    monkeypatch.setattr(cache, "PACKAGE_FOLDER", f"{package}{os.sep}")
    monkeypatch.setattr(cache, "_STARTED", time.time() + 1e6)
    monkeypatch.setattr(cache, "sources", cache.sources.__wrapped__)
    known = {cache.sources(MAKER)}
    for name in ("svm/emit_accumulate.py", "svm/emit_vectors.py", "compiler/codegen/loops.py"):
        with (package / name).open("a") as file:
            file.write("# another\n")
        known.add(cache.sources(MAKER))
    assert len(known) == 4 and "" not in known


def test_two_emitters_have_two_keys() -> None:
    assert cache.key("a", maker=MAKER) != cache.key("a")
    assert cache.key("a", maker="json") == ""


def test_the_code_lives_as_long_as_the_routine() -> None:
    scale = Library(emit).routine(FORM)
    numbers = (ctypes.c_double * 2)(1.0, 2.0)
    scale(ctypes.addressof(numbers), 2, 3.0, 1)
    assert list(numbers) == [3, 6]


def test_mistakes_of_an_emitter_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(target: Target) -> Any:
        module = emit(target)
        module.functions[0].blocks[0].instructions.clear()
        return module

    with pytest.raises(CompileError, match="LLVM must accept"):
        Library(wrong)
