"""Every function of elements at special values and over all magnitudes: values and derivatives.

The registry says which rows there are; composites stand beside them. Each is computed by the
interpreter, by machine code and by NumPy (or its formula), in float32 and float64; its derivative
is held against mpmath with a relative tolerance, from 1e-40 to 1e40.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import pellucid as pel
import pellucid.numpy as pnp
from pellucid.core.dtypes import float32
from pellucid.ops.spec import FLOATS, REGISTRY, Kind

Function = Callable[..., Any]
M = mpmath.mp
DTYPES = (np.float64, np.float32)

ODD = [0.0, -0.0, np.inf, -np.inf, np.nan]
EDGES = [0.5, 1.0, 1.5, 2.0, 3.0, 7.0, 30.0, 87.0, 88.7, 89.0, 100.0, 700.0, 709.5, 710.0, 745.0]
SIZES = [10.0**k for k in range(-40, 41, 4)]


def values(dtype: Any) -> Any:
    """Zeros, infinities, NaN, the ends of the dtype, its subnormals, and all magnitudes."""
    info = np.finfo(dtype)
    ends = [info.max, info.tiny, info.tiny / 4, info.smallest_subnormal, 1 + info.eps]
    with np.errstate(all="ignore"):
        plain = np.array([*ends, *EDGES, *SIZES], dtype)
        return np.concatenate([np.array(ODD, dtype), plain, -plain])


def pairs(dtype: Any) -> tuple[Any, Any]:
    info = np.finfo(dtype)
    some = [0.5, 1.0, 2.0, 3.0, 7.5, 1e-30, 1e30, info.max, info.tiny, info.tiny / 4]
    with np.errstate(all="ignore"):
        one = np.array([*ODD, *some, *(-x for x in some)], dtype)
    x, y = np.meshgrid(one, one)
    return x.ravel(), y.ravel()


def _sigmoid(x: Any) -> Any:
    return np.where(
        x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))
    )


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _erf(x: Any) -> Any:
    return np.array([math.erf(v) for v in x], x.dtype)


# What NumPy has under another name, or not at all.
REFERENCE: dict[str, Function] = {
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "relu": lambda x: np.maximum(x, 0),
    "erf": _erf,
    "pow": np.power,
    "stop_gradient": lambda x: x,
    "square root": lambda x: np.power(x, np.full_like(x, 0.5)),  # C's pow
    "whole power": lambda x: x**3.0,
    "inverse": lambda x: x**-1.0,
    "of 2": lambda x: 2.0**x,
}
COMPOSITES: dict[str, Function] = {
    **{
        name: getattr(pnp, name)
        for name in [
            "tan",
            "exp2",
            "log2",
            "log10",
            "reciprocal",
            "floor",
            "ceil",
            "trunc",
            "round",
            "positive",
            "isnan",
            "isinf",
            "sinc",
            "signbit",
            "nan_to_num",
            "hypot",
            "logaddexp",
            "logaddexp2",
            "copysign",
            "fmod",
        ]
    },
    "square root": lambda x: x**0.5,
    "whole power": lambda x: x**3.0,
    "inverse": lambda x: x**-1.0,
    "of 2": lambda x: 2.0**x,
}
ROWS = {
    name: getattr(pnp, name)
    for name, op in REGISTRY.items()
    if op.kind in (Kind.ELEMENTWISE, Kind.COMPARE)
    and not op.attrs
    and not op.user
    and float32 in op.accepts
    and name not in ("where", *COMPOSITES)
}
ALL = {**ROWS, **COMPOSITES}
BINARY = {"hypot", "logaddexp", "logaddexp2", "copysign", "fmod"} | {
    name for name in ROWS if len(REGISTRY[name].inputs) == 2
}


def operands(name: str, dtype: Any) -> tuple[Any, ...]:
    return pairs(dtype) if name in BINARY else (values(dtype),)


def agree(got: Any, wanted: Any, ulps: float, what: str) -> None:
    """Equal up to some units in the last place; NaN, infinities and the signs of zeros as well."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.dtype == wanted.dtype
    if wanted.dtype.kind != "f":
        np.testing.assert_array_equal(got, wanted, what)
        return
    info = np.finfo(wanted.dtype)
    with np.errstate(all="ignore"):
        room = ulps * (info.eps * np.abs(wanted) + info.smallest_subnormal)
        near = np.abs(got - wanted) <= room
        edge = (np.abs(wanted) > info.max * (1 - ulps * info.eps)) & (np.abs(got) >= info.max / 2)
    same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    zeros = (wanted == 0) & (got == 0)
    right = np.where(zeros, np.signbit(got) == np.signbit(wanted), same | near | edge)
    wrong = np.flatnonzero(~right)
    assert not wrong.size, f"{what}: {[(int(i), got[i], wanted[i]) for i in wrong[:6]]}"


# A row whose value may differ more, and why.
ROOMY = {
    "erf": (8, "an asymptotic series"),
    "logaddexp": (8, "near 0 two logarithms cancel"),
    "log2": (4, "ln x / ln 2: one rounding more"),
    "log10": (4, "ln x / ln 10: one rounding more"),
    "logaddexp2": (8, "near 0 two logarithms cancel"),
    "tan": (8, "sin x / cos x"),
    "softplus": (4, "its formula rounds three times"),
    "sigmoid": (4, "its formula rounds three times"),
}
FREE_ZERO = {  # the sign of a zero that is chosen among two is NumPy's build's choice
    "maximum",
    "minimum",
}


@pytest.fixture(scope="module")
def computed() -> dict[tuple[str, str, Any], Any]:
    """The results of all functions in one graph each: (backend, name, dtype) → array."""
    found = {}
    for dtype, backend in itertools.product(DTYPES, ("interpreter", "native")):

        def everything(x: Any, left: Any, right: Any) -> dict[str, Any]:
            return {n: f(left, right) if n in BINARY else f(x) for n, f in ALL.items()}

        results = pel.jit(everything, backend=backend)(values(dtype), *pairs(dtype))
        found |= {(backend, name, dtype): array for name, array in results.items()}
    return found


@pytest.mark.parametrize("name", ALL)
def test_values_agree(name: str, computed: dict[tuple[str, str, Any], Any]) -> None:
    reference = REFERENCE.get(name) or getattr(np, name)
    for dtype in DTYPES:
        given = operands(name, dtype)
        with np.errstate(all="ignore"):
            wanted = np.asarray(reference(*given))
        ulps = ROOMY.get(name, (4, ""))[0]
        interpreted = computed["interpreter", name, dtype]
        native = computed["native", name, dtype]
        if name in FREE_ZERO:
            wanted, interpreted, native = wanted + 0.0, interpreted + 0.0, native + 0.0
        agree(interpreted, wanted, ulps, f"interpreter and NumPy, {dtype.__name__}")
        agree(native, interpreted, ulps, f"native and interpreter, {dtype.__name__}")


# --- derivatives ---------------------------------------------------------------------------------

SLOPES: dict[str, Function] = {
    "negative": lambda x: -1,
    "square": lambda x: 2 * x,
    "exp": M.exp,
    "log": lambda x: 1 / x,
    "log1p": lambda x: 1 / (1 + x),
    "expm1": M.exp,
    "sqrt": lambda x: 1 / (2 * M.sqrt(x)),
    "tanh": lambda x: M.sech(x) ** 2,
    "sigmoid": lambda x: M.exp(-abs(x)) / (1 + M.exp(-abs(x))) ** 2,
    "softplus": lambda x: 1 / (1 + M.exp(-x)),
    "relu": lambda x: int(x > 0),
    "abs": lambda x: int(x > 0) - int(x < 0),
    "sin": M.cos,
    "cos": lambda x: -M.sin(x),
    "sinh": M.cosh,
    "cosh": M.sinh,
    "atan": lambda x: 1 / (1 + x * x),
    "asin": lambda x: 1 / M.sqrt(1 - x * x),
    "acos": lambda x: -1 / M.sqrt(1 - x * x),
    "asinh": lambda x: 1 / M.sqrt(1 + x * x),
    "acosh": lambda x: 1 / M.sqrt(x * x - 1),
    "atanh": lambda x: 1 / (1 - x * x),
    "tan": lambda x: M.sec(x) ** 2,
    "erf": lambda x: 2 / M.sqrt(M.pi) * M.exp(-x * x),
    "exp2": lambda x: M.mpf(2) ** x * M.log(2),
    "log2": lambda x: 1 / (x * M.log(2)),
    "log10": lambda x: 1 / (x * M.log(10)),
    "reciprocal": lambda x: -1 / x**2,
    "positive": lambda x: 1,
    "nan_to_num": lambda x: 1,
    "sinc": lambda x: (M.cos(M.pi * x) - M.sincpi(x)) / x if abs(x) > 1e-12 else -(M.pi**2) * x / 3,
    "square root": lambda x: 1 / (2 * M.sqrt(x)),
    "whole power": lambda x: 3 * x**2,
    "inverse": lambda x: -1 / x**2,
    "of 2": lambda x: M.mpf(2) ** x * M.log(2),
}
PAIR_SLOPES: dict[str, tuple[Function, Function]] = {
    "add": (lambda x, y: 1, lambda x, y: 1),
    "subtract": (lambda x, y: 1, lambda x, y: -1),
    "multiply": (lambda x, y: y, lambda x, y: x),
    "divide": (lambda x, y: 1 / y, lambda x, y: -x / y**2),
    "remainder": (lambda x, y: 1, lambda x, y: -M.floor(x / y)),
    "fmod": (lambda x, y: 1, lambda x, y: -int(x / y)),
    "copysign": (lambda x, y: 1 if x * y > 0 else -1, lambda x, y: 0),
    "logaddexp2": (
        lambda x, y: 1 / (1 + M.mpf(2) ** (y - x)),
        lambda x, y: 1 / (1 + M.mpf(2) ** (x - y)),
    ),
    "hypot": (lambda x, y: x / M.hypot(x, y), lambda x, y: y / M.hypot(x, y)),
    "atan2": (lambda y, x: x / (x * x + y * y), lambda y, x: -y / (x * x + y * y)),
    "logaddexp": (
        lambda x, y: 1 / (1 + M.exp(y - x)),
        lambda x, y: 1 / (1 + M.exp(x - y)),
    ),
    "maximum": (lambda x, y: int(x >= y), lambda x, y: int(x < y)),
    "minimum": (lambda x, y: int(x <= y), lambda x, y: int(x > y)),
    "pow": (lambda x, y: y * x ** (y - 1), lambda x, y: x**y * M.log(x)),
}
FLAT = {"floor_divide", "sign", "floor", "ceil", "trunc", "round", "stop_gradient"}
POSITIVE = {"log", "sqrt", "square root", "log2", "log10", "pow"}
# Slopes from the function's own value: right to a rounding of 1, which is what training needs, at
# no second exponential. (absolute tolerance in eps)
ABSOLUTE = {"tanh": 4, "sigmoid": 4, "expm1": 4}


def test_every_function_has_a_slope() -> None:
    compared = {n for n in ROWS if REGISTRY[n].kind is Kind.COMPARE} | {
        "isnan",
        "isinf",
        "signbit",
    }
    assert {*SLOPES, *PAIR_SLOPES, *FLAT, *compared} == set(ALL)
    assert all(set(REGISTRY[name].accepts) >= set(FLOATS) for name in ROWS if name != "logical_not")


def points(name: str, dtype: Any) -> list[tuple[Any, ...]]:
    info = np.finfo(dtype)
    sizes = [*SIZES, 0.3, 1.0, 3.0, 20.0, 89.0, 710.0, info.tiny / 4, float(info.max)]
    with np.errstate(all="ignore"):
        one = [dtype(x) for x in sizes]
    one += [] if name in POSITIVE else [-x for x in one]
    if name == "log1p":
        one = [x for x in one if x > -1]
    if name in ("asin", "acos", "atanh"):
        inside = [0.5, 0.999, 1 - 1e-6, 1 - float(info.epsneg)]
        one = [x for x in [*one, *map(dtype, inside)] if abs(x) < 1]
    if name == "acosh":
        one = [x for x in [*one, dtype(1 + info.eps), dtype(1.001)] if x > 1]
    if name in ("sin", "cos", "tan"):
        one = [x for x in one if abs(x) < 1e6]
    if name == "sinc":  # further out πx is rounded
        one = [x for x in one if abs(x) < 100]
    if name not in BINARY:
        return [(x,) for x in one if np.isfinite(x)]
    some = [dtype(x) for x in (1e-30, 1e-8, 0.3, 1.0, 2.0, 30.0, 1e8, 1e30)]
    both = some if name in POSITIVE else [*some, *(-x for x in some)]
    return list(itertools.product(both, [*some, *(-x for x in some)]))


@pytest.mark.parametrize("name", [*SLOPES, *PAIR_SLOPES])
def test_derivatives_are_right_at_every_magnitude(name: str) -> None:
    several = PAIR_SLOPES.get(name) or (SLOPES[name],)
    function = ALL[name]
    mpmath.mp.dps = 60
    for dtype in DTYPES:
        info = np.finfo(dtype)
        where = points(name, dtype)
        arrays = [np.array(column) for column in zip(*where, strict=True)]
        found = pel.vjp(function, *arrays)[1](np.ones(len(where), dtype))
        for slope, got in zip(several, found, strict=True):
            for point, value in zip(where, got, strict=True):
                exact = M.mpf(slope(*(M.mpf(float(x)) for x in point)))
                size = abs(exact)
                shown = f"{name}{tuple(map(float, point))}: {value}, right is {M.nstr(exact, 12)}"
                if size > float(info.max) / 4:
                    assert abs(value) > info.max / 8, shown
                    continue
                room = M.mpf(200 * float(info.eps)) * size + 16 * float(info.tiny)
                room += ABSOLUTE.get(name, 0) * float(info.eps)
                assert abs(M.mpf(float(value)) - exact) <= room, shown
