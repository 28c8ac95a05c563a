"""`argsort` in machine code: NumPy's stable sort to the place, for lines of every length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.dtypes import ALL, BY_NAME, bool_
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.runtime.native import Native
from tests.compiler.test_kernels import one_row

LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 65, 1000)


def drawn(shape: tuple[int, ...], dtype: str) -> Any:
    """Numbers with many equals; of floats also NaN, infinities and zeros of both signs."""
    rng = np.random.default_rng(shape[-1])
    x = np.round(rng.normal(size=shape) * 3)
    if dtype.startswith("float"):
        odd = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0])
        x = np.where(rng.random(shape) < 0.3, rng.choice(odd, shape), x)
    return (np.abs(x) if dtype.startswith("u") else x).astype(dtype)


@pytest.mark.parametrize("dtype", [dtype.name for dtype in ALL if dtype is not bool_])
def test_places_are_those_of_a_stable_sort(dtype: str) -> None:
    compiled = Native(one_row("argsort", TensorType(BY_NAME[dtype], (3, N))))
    for n in LENGTHS:
        x = drawn((3, n), dtype)
        assert np.array_equal(compiled([x])[0], np.argsort(x, axis=-1, kind="stable")), n


def test_lines_are_shared_among_threads_and_n_may_be_sorted_along() -> None:
    x = drawn((200, 120), "float32")
    sort = pel.jit(lambda v: np.sort(v, axis=1), threads=2)
    assert np.array_equal(sort(x), np.sort(x, axis=1), equal_nan=True)
    down = pel.jit(lambda v: np.sort(v, axis=0), batch=(0,))
    for rows in (0, 1, 7, 200):
        assert np.array_equal(down(x[:rows]), np.sort(x[:rows], axis=0), equal_nan=True)
