"""Products that skip zeros: the same bits as the product that does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.compiler.codegen import zero_skipping
from pellucid.core.dtypes import DType, float32, float64
from pellucid.core.shapes import N, Shape
from pellucid.graph.node import TensorType
from pellucid.runtime import machine_code, native
from pellucid.runtime.native import Native
from tests.compiler.test_kernels import one_row

FORMS: dict[str, tuple[Shape, Shape, Any]] = {
    "along k": ((N, 70), (70, 100), ((1, 0),)),
    "along k, whole words": ((N, 128), (128, 64), ((1, 0),)),
    "along k, several panels": ((N, 70), (70, 300), ((1, 0),)),
    "along k, lines that conflict": ((N, 70), (70, 512), ((1, 0),)),
    "across": ((N, 70), (N, 100), ((0, 0),)),
    "across, one word": ((N, 64), (N, 65), ((0, 0),)),
}


def drawn(shape: Shape, n: int, dtype: DType, density: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sizes = [n if dim == N else int(dim) for dim in shape]  # type: ignore[call-overload]
    x = rng.normal(size=sizes) * (rng.random(sizes) < density)
    return x.astype(dtype.name)


@pytest.mark.parametrize("dtype", [float32, float64], ids=repr)
@pytest.mark.parametrize("form", FORMS)
def test_skipping_changes_no_bit(form: str, dtype: DType, monkeypatch: pytest.MonkeyPatch) -> None:
    left, right, summed = FORMS[form]
    graph = one_row(
        "contract", TensorType(dtype, left), TensorType(dtype, right), batch=(), summed=summed
    )
    monkeypatch.setattr(machine_code, "_loaded", {})
    monkeypatch.setattr(zero_skipping, "DENSE", 0)
    whole = Native(graph)
    monkeypatch.setattr(machine_code, "_loaded", {})
    monkeypatch.setattr(zero_skipping, "DENSE", 101)
    skipping = Native(graph)
    for n in (0, 1, 7, 64, 65, 130):
        for density in (0.0, 0.1, 1.0):
            x = drawn(left, n, dtype, density, n)
            y = drawn(right, n, dtype, 1, n + 1)
            ours, known = skipping([x, y])[0], whole([x, y])[0]
            assert ours.tobytes() == known.tobytes(), f"{n} rows, density {density}"


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("form", ["along k", "along k, several panels"])
def test_stretches_of_rows_decide_for_themselves(
    form: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch whose rows are sparse here and dense there: no bit differs, whoever computes it."""
    left, right, summed = FORMS[form]
    graph = one_row(
        "contract", TensorType(float32, left), TensorType(float32, right), batch=(), summed=summed
    )
    monkeypatch.setattr(native, "WORTH_THREADS", 0)
    monkeypatch.setattr(machine_code, "_loaded", {})
    monkeypatch.setattr(zero_skipping, "DENSE", 0)
    whole = Native(graph)
    monkeypatch.setattr(machine_code, "_loaded", {})
    monkeypatch.setattr(zero_skipping, "DENSE", 40)
    monkeypatch.setattr(zero_skipping, "STRETCH", 40)
    mixed = Native(graph)
    for n in (0, 1, 39, 40, 41, 130, 700):
        x = drawn(left, n, float32, 0.1, n)
        x[n // 3 : 2 * n // 3] = drawn(left, n, float32, 1, n + 1)[n // 3 : 2 * n // 3]
        y = drawn(right, n, float32, 1, n + 2)
        ours, known = mixed([x, y], threads)[0], whole([x, y], threads)[0]
        assert ours.tobytes() == known.tobytes(), f"{n} rows"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", FORMS)
def test_a_zero_times_what_is_not_finite_is_not_skipped(form: str, value: float) -> None:
    left, right, summed = FORMS[form]
    graph = one_row(
        "contract", TensorType(float32, left), TensorType(float32, right), batch=(), summed=summed
    )
    x, y = drawn(left, 40, float32, 0.1, 0), drawn(right, 40, float32, 1, 1)
    y[3, 5] = value
    x[:, 3], x[3, :] = 0, 0
    assert np.isnan(Native(graph)([x, y])[0][:, 5]).all()


def test_nan_in_the_left_operand_is_no_zero() -> None:
    left, right, summed = FORMS["along k"]
    graph = one_row(
        "contract", TensorType(float32, left), TensorType(float32, right), batch=(), summed=summed
    )
    x, y = drawn(left, 9, float32, 0.1, 0), drawn(right, 9, float32, 1, 1)
    x[4, 7] = np.nan
    out = Native(graph)([x, y])[0]
    assert np.isnan(out[4]).all() and np.isfinite(np.delete(out, 4, 0)).all()
