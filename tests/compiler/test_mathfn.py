"""The engine's own functions against mpmath: the largest error in units in the last place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from pellucid.compiler.codegen.target import Target, host
from pellucid.core.dtypes import DType, float32, float64
from pellucid.graph.node import TensorType
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native
from tests.compiler.test_kernels import one_row

# Interval, function, largest error in float32 and in float64.
FUNCTIONS: dict[str, tuple[tuple[float, float], Callable[..., Any], float, float]] = {
    "exp": ((-87, 88), mpmath.exp, 1.5, 1.5),
    "expm1": ((-30, 80), mpmath.expm1, 1.5, 1.5),
    "log": ((1e-30, 1e30), mpmath.log, 1.5, 1.5),
    "log1p": ((-0.999, 100), mpmath.log1p, 2, 2),
    "tanh": ((-10, 10), mpmath.tanh, 2.5, 2.5),
    "sigmoid": ((-80, 80), lambda x: 1 / (1 + mpmath.exp(-x)), 2.5, 2.5),
    "softplus": ((-80, 80), lambda x: mpmath.log1p(mpmath.exp(x)), 2.5, 2.5),
    "sin": ((-1000, 1000), mpmath.sin, 1, 2),
    "cos": ((-1000, 1000), mpmath.cos, 1, 2),
    "erf": ((-5, 5), mpmath.erf, 1, 4),
    "sinh": ((-88, 88), mpmath.sinh, 4, 4),
    "cosh": ((-88, 88), mpmath.cosh, 4, 4),
    "atan": ((-100, 100), mpmath.atan, 2, 2),
    "asin": ((-1, 1), mpmath.asin, 2, 2),
    "acos": ((-1, 1), mpmath.acos, 2, 2),
    "asinh": ((-1e6, 1e6), mpmath.asinh, 3, 3),
    "acosh": ((1, 1e6), mpmath.acosh, 3, 3),
    "atanh": ((-1, 1), mpmath.atanh, 3, 3),
}
SPECIAL = [
    0.0,
    -0.0,
    np.inf,
    -np.inf,
    np.nan,
    1,
    -1,
    1e-45,
    -1e-45,
    1e-310,
    1e300,
    -1e300,
    88.8,
    -104,
    710,
    -746,
    1e7,
    -3e9,
]
BOTH = pytest.mark.parametrize("dtype", [float32, float64], ids=repr)


def run(name: str, *inputs: np.ndarray, target: Target | None = None) -> np.ndarray:
    types = [TensorType(float32 if x.itemsize == 4 else float64, x.shape) for x in inputs]
    return Native(one_row(name, *types), target=target)(inputs)[0]


def drawn(name: str, dtype: DType, n: int = 900) -> np.ndarray:
    """Numbers over the interval, close to 0 or 1, and of all sizes."""
    (low, high), *_ = FUNCTIONS[name]
    rng = np.random.default_rng(1)
    if name == "log":
        parts = [rng.uniform(0.5, 2, n), 10.0 ** rng.uniform(-30, 30, n)]
    else:
        small = rng.choice([-1, 1], n) * 10.0 ** rng.uniform(-20, 0, n)
        parts = [rng.uniform(low, high, n), rng.uniform(max(low, -1), 1, n), small]
    x = np.concatenate(parts).astype(dtype.name)
    if name == "acosh":  # from both ends of its domain
        x = np.concatenate([1 + np.abs(x), 10.0 ** rng.uniform(0, 30, n)]).astype(dtype.name)
    return x[x > -1] if name == "log1p" else x


def ulps(ours: np.ndarray, exact: list[Any]) -> float:
    """The largest distance, where the exact value is a normal number."""
    worst = 0.0
    for value, right in zip(ours, exact, strict=True):
        if abs(right) >= np.finfo(ours.dtype).tiny:
            unit = float(np.spacing(ours.dtype.type(abs(float(right)))))
            worst = max(worst, float(abs(mpmath.mpf(float(value)) - right) / unit))
    return worst


@pytest.mark.one_in(2)
@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_largest_error(name: str, dtype: DType) -> None:
    _, exact, narrow, wide = FUNCTIONS[name]
    x = drawn(name, dtype)
    with mpmath.workprec(160):
        known = [exact(mpmath.mpf(value)) for value in x.tolist()]
        assert ulps(run(name, x), known) <= (narrow if dtype is float32 else wide)


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_numbers_are_numpys(name: str, dtype: DType) -> None:
    with np.errstate(all="ignore"):
        x = np.array(SPECIAL).astype(dtype.name)
        type = TensorType(dtype, x.shape)
        ours, known = run(name, x), Interpreter(one_row(name, type))([x])[0]
    tolerance = 1e-6 if dtype is float32 else 1e-14
    np.testing.assert_allclose(ours, known, rtol=tolerance, atol=0)
    there = ~np.isnan(known)
    np.testing.assert_array_equal(np.signbit(ours)[there], np.signbit(known)[there])


@pytest.mark.one_in(2)
@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_vectors_and_scalars_give_the_same_bits(name: str, dtype: DType) -> None:
    """Narrow vectors, and single elements, on machines without the wide ones."""
    x = drawn(name, dtype, 40)
    known = run(name, x).tobytes()
    for features in ("+avx2,+fma", "+sse2"):
        target = Target(host().triple, "x86-64", features)
        assert run(name, x, target=target).tobytes() == known
    if name not in ("sin", "cos"):
        for place in (0, 50, 70):
            single = run(name, x[place : place + 1].reshape(()))
            assert single.tobytes() == run(name, x)[place].tobytes()


@BOTH
def test_the_largest_error_of_atan2(dtype: DType) -> None:
    rng = np.random.default_rng(2)
    y, x = (
        (rng.choice([-1, 1], 1500) * 10.0 ** rng.uniform(-s, s, 1500)).astype(dtype.name)
        for s in (8, 8)
    )
    with mpmath.workprec(160):
        known = [
            mpmath.atan2(mpmath.mpf(a), mpmath.mpf(b))
            for a, b in zip(y.tolist(), x.tolist(), strict=True)
        ]
        assert ulps(run("atan2", y, x), known) <= 2


@BOTH
def test_pow_has_cs_table_of_special_cases(dtype: DType) -> None:
    values = np.array(
        [
            0.0,
            -0.0,
            np.inf,
            -np.inf,
            np.nan,
            1,
            -1,
            2,
            -2,
            0.5,
            -0.5,
            3,
            -3,
            1e30,
            -1e30,
            1e-30,
            2.5,
            -2.5,
        ]
    ).astype(dtype.name)
    x, y = (np.ascontiguousarray(part.ravel()) for part in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        known = np.power(x, y)
    ours = run("pow", x, y)
    np.testing.assert_allclose(ours, known, rtol=1e-6 if dtype is float32 else 1e-14, atol=0)
    there = ~np.isnan(known)
    np.testing.assert_array_equal(np.signbit(ours)[there], np.signbit(known)[there])


@BOTH
@pytest.mark.parametrize("size", [10, 100, 600])
def test_the_largest_error_of_pow(size: float, dtype: DType) -> None:
    """A power of this size multiplies the error of the logarithm by it."""
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(-4.6, 4.6, 800)).astype(dtype.name)
    most = min(size, 80) if dtype is float32 else size  # y·ln x, so that the power is normal
    y = (rng.uniform(-1, 1, 800) * most / np.maximum(1, np.abs(np.log(x)))).astype(dtype.name)
    with mpmath.workprec(160):
        pairs = zip(x.tolist(), y.tolist(), strict=True)
        known = [mpmath.mpf(a) ** mpmath.mpf(b) for a, b in pairs]
        assert ulps(run("pow", x, y), known) <= (1 if dtype is float32 else 2)
