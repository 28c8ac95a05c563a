"""The routines for other processors: emitted for each, and the same bits where this one runs it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.target import host
from pellucid.core.dtypes import DType, float32, float64
from pellucid.runtime.machine import this_machine
from pellucid.runtime.routines import Library
from pellucid.svm import (
    emit_accumulate,
    emit_kernels,
    emit_linear,
    emit_products,
    emit_smo,
    routines,
)
from tests.compiler.test_targets import FOREIGN, TARGETS, every_processor, x86
from tests.svm.problems import Array, kernel, problem

__all__ = ["every_processor"]
MODULES = emit_smo, emit_kernels, emit_accumulate, emit_linear
EMITTERS = {one.__name__: one.emit for one in MODULES}
NARROW = TARGETS["avx2"]
SLOW_FLOAT64 = pytest.param(float64, marks=pytest.mark.slow)


@pytest.mark.parametrize("dtype", [float32, SLOW_FLOAT64], ids=str)
@pytest.mark.parametrize("name", ["neon", "avx2"])
@pytest.mark.parametrize("emit", EMITTERS.values(), ids=EMITTERS)
def test_it_is_emitted_for_every_processor(emit: Callable[..., Any], name: str, dtype: DType):
    target = TARGETS[name]
    text = codegen.assembly_of(emit(target, dtype), target)
    assert not re.search(FOREIGN[name], text, re.M)
    calls = set(re.findall(r"^\s+(?:callq?|bl)\s+(\w+)", text, re.M))
    assert not calls & {"fma", "fmaf", "memcpy", "exp", "expf"}


@pytest.mark.parametrize("dtype", [float32, float64], ids=str)
@pytest.mark.parametrize("name", [*TARGETS])
def test_strips_of_every_processor_fill_a_chunk(name: str, dtype: DType) -> None:
    layout = emit_products.Layout(TARGETS[name], dtype)
    assert emit_kernels.CHUNK % layout.width == 0
    for columns in (1, 7, 240, 1001):
        held = layout.strips(columns) * layout.width
        assert held >= columns and held % 8 == 0 and held - columns < 8 * layout.width


@x86
@pytest.mark.skipif(this_machine().target.vector_bytes < 64, reason="runs no wider vectors")
@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
def test_narrower_vectors_give_the_same_bits(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for target in (host(), NARROW):
        narrow = _Narrow(target)
        monkeypatch.setattr(routines, "_kernels", narrow.kernels)
        monkeypatch.setattr(routines, "_smo", narrow.smo)
        monkeypatch.setattr(routines, "_accumulate", narrow.accumulate)
        results.append(_everything(dtype))
    for wide, other in zip(*results, strict=True):
        assert np.array_equal(wide, other)


class _Narrow:
    """The routines for a target."""

    def __init__(self, target: Any):
        self.target = target

    def kernels(self, dtype: DType) -> Any:
        made = Library(emit_kernels.emit, dtype, target=self.target)
        return routines._Kernels(dtype, made)

    def smo(self, dtype: DType) -> Any:
        return Library(emit_smo.emit, dtype, target=self.target).routine(emit_smo.ROUTINE)

    def accumulate(self, dtype: DType) -> Any:
        made = Library(emit_accumulate.emit, dtype, target=self.target)
        return made.routine(emit_accumulate.ROUTINE)


def _everything(dtype: Any) -> list[Array]:
    """Results of every routine."""
    rng = np.random.default_rng(0)
    A, X = (rng.normal(size=(count, 21)).astype(dtype) for count in (19, 250))
    packed, found = routines.Packed(X), []
    for kind in ("linear", "poly", "rbf", "sigmoid"):
        out = np.empty((19, 250), dtype)
        packed.rows(kernel(kind, 0.1), A, out)
        found += [out, packed.combine(kernel(kind, 0.1), A, rng.normal(size=(3, 250)))]
    for kind in ("classes", "regression"):
        given = problem(kind, 75, dtype, 1)
        routines.smo(*given.arguments, 1e-3, 1000)
        found += [given.b, given.F]
    F = rng.normal(size=250)
    rows = (out.ctypes.data + out.strides[0] * np.arange(19)).astype(np.int64)
    routines.accumulate(rows, rng.normal(size=19), F, 0, 1, dtype)
    return [*found, F]
