"""Every row computes what its formula says: against plain Python, one element at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pellucid.core import shapes
from pellucid.core.dtypes import float32, float64, int64
from pellucid.core.errors import DataError, ShapeError
from pellucid.ops import REGISTRY
from tests.ops.cases import cases
from tests.ops.graphs import apply, graph_of
from tests.ops.sampling import dtypes_of
from tests.ops.trial import Trial

NAMES = sorted(name for name, op in REGISTRY.items() if not op.user)


def _round(x: float) -> float:
    return float(round(x))  # Python's, halves to even


ONE: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "negative": lambda x: -x,
    "square": lambda x: x * x,
    "exp": math.exp,
    "log": math.log,
    "log1p": math.log1p,
    "expm1": math.expm1,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log(1 + math.exp(x)),
    "relu": lambda x: x if x > 0 else 0 * x,
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "floor": math.floor,
    "round": _round,
    "sin": math.sin,
    "cos": math.cos,
    "erf": math.erf,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "atan": math.atan,
    "asin": math.asin,
    "acos": math.acos,
    "asinh": math.asinh,
    "acosh": math.acosh,
    "atanh": math.atanh,
    "atan2": math.atan2,
    "floor_divide": lambda x, y: x // y,
    "remainder": lambda x, y: x % y,
    "pow": math.pow,
    "maximum": max,
    "minimum": min,
    "stop_gradient": lambda x: x,
    "isfinite": math.isfinite,
    "where": lambda c, x, y: x if c else y,
    "equal": lambda x, y: x == y,
    "not_equal": lambda x, y: x != y,
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "logical_and": lambda x, y: x and y,
    "logical_or": lambda x, y: x or y,
    "logical_not": lambda x: not x,
}


def _reduce(choose: Callable[[list[Any]], Any]) -> Callable[..., np.ndarray]:
    def reduce(x: np.ndarray, axis: Any, keepdims: bool) -> np.ndarray:
        several = axis if isinstance(axis, tuple) else (axis,)
        kept = [1 if i in several else n for i, n in enumerate(x.shape)]
        out = np.empty(kept, object)
        for place in np.ndindex(*kept):
            block = itertools.product(
                *(range(n) if i in several else [place[i]] for i, n in enumerate(x.shape))
            )
            out[place] = choose([x[where].item() for where in block])
        return (
            out if keepdims else out.reshape([n for i, n in enumerate(x.shape) if i not in several])
        )

    return reduce


def _contract(x: np.ndarray, y: np.ndarray, batch: Any, summed: Any) -> np.ndarray:
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left, right = [next(letters) for _ in x.shape], [next(letters) for _ in y.shape]
    for i, j in (*batch, *summed):
        right[j] = left[i]
    gone = [left[i] for i, _ in (*batch, *summed)]
    out = [left[i] for i, _ in batch] + [c for c in left if c not in gone]
    out += [c for c in right if c not in gone]
    return np.einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", x, y)


def _pad(x: np.ndarray, value: np.ndarray, low: Any, high: Any, interior: Any) -> np.ndarray:
    sizes = [
        a + n + max(0, n - 1) * c + b
        for n, a, b, c in zip(x.shape, low, high, interior, strict=True)
    ]
    out = np.full(sizes, value)
    for place in np.ndindex(*x.shape):
        out[tuple(a + i * (c + 1) for i, a, c in zip(place, low, interior, strict=True))] = x[place]
    return out


def _place(window: Any, inside: Any, axes: Any, stride: Any, dilation: Any) -> tuple[int, ...]:
    """Where element `inside` of a window stands: s·i + d·k along `axes`."""
    found = list(window)
    for axis, k, s, d in zip(axes, inside, stride, dilation, strict=True):
        found[axis] = s * found[axis] + d * k
    return tuple(found)


def _windows(x: np.ndarray, axes: Any, size: Any, stride: Any, dilation: Any) -> np.ndarray:
    shape = list(x.shape)
    for axis, k, s, d in zip(axes, size, stride, dilation, strict=True):
        shape[axis] = len(range(0, x.shape[axis] - (k - 1) * d, s))
    out = np.empty((*shape, *size), x.dtype)
    for at in np.ndindex(*out.shape):
        out[at] = x[_place(at[: x.ndim], at[x.ndim :], axes, stride, dilation)]
    return out


def _fold(
    x: np.ndarray, axes: Any, size: Any, stride: Any, dilation: Any, lengths: Any
) -> np.ndarray:
    rank = x.ndim - len(axes)
    shape = list(x.shape[:rank])
    for axis, length in zip(axes, lengths, strict=True):
        shape[axis] = length
    out = np.zeros(shape, x.dtype)
    for at in np.ndindex(*x.shape):
        out[_place(at[:rank], at[rank:], axes, stride, dilation)] += x[at]
    return out


def _gather(x: np.ndarray, indices: np.ndarray, axis: int) -> np.ndarray:
    slices = [x[(slice(None),) * axis + (int(i),)] for i in indices.reshape(-1)]
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    return np.stack(slices, axis).reshape(shape) if slices else np.empty(shape, x.dtype)


def _scatter_add(x: np.ndarray, indices: np.ndarray, updates: np.ndarray, axis: int) -> np.ndarray:
    out = x.copy()
    flat = updates.reshape((*x.shape[:axis], indices.size, *x.shape[axis + 1 :]))
    for n, i in enumerate(indices.reshape(-1)):
        out[(slice(None),) * axis + (int(i),)] += flat[(slice(None),) * axis + (n,)]
    return out


def _one_hot(indices: np.ndarray, depth: int, dtype: Any) -> np.ndarray:
    rows = [[int(i) == k for k in range(depth)] for i in indices.reshape(-1)]
    return np.array(rows, bool).reshape((*indices.shape, depth))


def _iota(shape: Any, axis: int, dtype: Any) -> np.ndarray:
    out = np.zeros(shape)
    for place in np.ndindex(*shape):
        out[place] = place[axis]
    return out


def _argsort(x: np.ndarray) -> np.ndarray:
    out = np.empty(x.shape, np.int64)
    for place in np.ndindex(x.shape[:-1]):
        line = x[place].tolist()
        out[place] = sorted(range(len(line)), key=line.__getitem__)
    return out


WHOLE: dict[str, Callable[..., Any]] = {
    "sum": _reduce(lambda block: sum(block)),
    "max": _reduce(max),
    "min": _reduce(min),
    "argsort": _argsort,
    "argmax": _reduce(lambda block: block.index(max(block))),
    "cast": lambda x, dtype: x.astype(dtype.name),
    "contract": _contract,
    "reshape": lambda x, shape: np.array(list(x.flat), x.dtype).reshape(shape),
    "permute_dims": lambda x, axes: np.transpose(x, axes),
    "broadcast_to": lambda x, shape: np.where(np.ones(shape, bool), x, x),
    "slice": lambda x, start, stop, step: x[tuple(map(slice, start, stop, step))],
    "flip": lambda x, axis: x[tuple(slice(None, None, 1 - 2 * (i in axis)) for i in range(x.ndim))],
    "concat": lambda *xs, axis: np.concatenate(xs, axis),
    "pad": _pad,
    "windows": _windows,
    "fold": _fold,
    "gather": _gather,
    "scatter_add": _scatter_add,
    "one_hot": _one_hot,
    "full": lambda value, shape, dtype: np.array([value] * math.prod(shape)).reshape(shape),
    "iota": _iota,
    "size": lambda x, axis: np.int64(x.shape[axis]),
}

ELSEWHERE = ("random_bits", "uniform", "normal")  # tests/runtime/test_random.py


@pytest.mark.parametrize("name", NAMES)
def test_forward_against_plain_python(name: str) -> None:
    op = REGISTRY[name]
    if name in ELSEWHERE:
        return
    assert name in ONE or name in WHOLE, f"write a reference for {name}"
    for case in cases(op):
        for dtype in dtypes_of(op, case):
            trial = Trial(op, case, dtype)
            arrays = trial.arrays[: len(case.shapes)]
            out = trial.out()
            if name in ONE:
                wide = np.broadcast_arrays(*arrays)
                plain = [ONE[name](*(x[at].item() for x in wide)) for at in np.ndindex(out.shape)]
                wanted = np.array(plain).reshape(out.shape).astype(out.dtype)
            else:
                attrs = trial.concrete.attributes(dtype)
                attrs.pop("block", None)  # says in which order terms are added
                wanted = np.asarray(WHOLE[name](*arrays, **attrs))
                wanted = wanted.astype(out.dtype)
            rough = {float32: 2e-6, float64: 1e-13}.get(dtype, 2e-6)
            np.testing.assert_allclose(out, wanted, rtol=rough, atol=rough, err_msg=str(trial))


@pytest.mark.parametrize(
    ("name", "x", "wanted"),
    [
        ("sigmoid", -1e4, 0.0),
        ("sigmoid", 1e4, 1.0),
        ("softplus", 1e4, 1e4),
        ("softplus", -1e4, 0.0),
        ("softplus", -40.0, math.exp(-40.0)),
        ("tanh", 400.0, 1.0),
        ("log1p", 1e-18, 1e-18),
        ("expm1", 1e-18, 1e-18),
        ("exp", 710.0, math.inf),
        ("exp", -1000.0, 0.0),
        ("log", 0.0, -math.inf),
        ("log", -1.0, math.nan),
        ("sqrt", -1.0, math.nan),
        ("relu", math.nan, math.nan),
        ("relu", math.inf, math.inf),
        ("relu", -math.inf, 0.0),
        ("sign", math.nan, math.nan),
        ("sign", -math.inf, -1.0),
        ("round", 0.5, 0.0),
        ("round", 1.5, 2.0),
        ("round", -2.5, -2.0),
        ("floor", -0.5, -1.0),
        ("abs", -math.inf, math.inf),
        ("erf", math.inf, 1.0),
        ("erf", -math.inf, -1.0),
        ("sigmoid", math.inf, 1.0),
        ("sigmoid", -math.inf, 0.0),
        ("softplus", math.inf, math.inf),
        ("softplus", -math.inf, 0.0),
        ("isfinite", math.nan, False),
        ("isfinite", -math.inf, False),
        ("isfinite", 1e308, True),
        ("square", -math.inf, math.inf),
        ("expm1", -math.inf, -1.0),
    ],
)
def test_extreme_values(name: str, x: float, wanted: float) -> None:

    np.testing.assert_allclose(apply(name, np.array([x]))[0], wanted, rtol=1e-14)


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("place", range(5))
def test_nan_wins_in_max_and_min_wherever_it_stands(name: str, place: int) -> None:

    x = np.array([3.0, -1.0, np.inf, -np.inf, 2.0])
    x[place] = np.nan
    assert np.isnan(apply(name, x, axis=(0,), keepdims=False))


def test_infinity_in_reductions() -> None:

    x = np.array([[1.0, np.inf, -3.0], [-np.inf, 5.0, np.inf]])
    assert apply("max", x, axis=(1,), keepdims=False).tolist() == [np.inf, np.inf]
    assert apply("min", x, axis=(1,), keepdims=False).tolist() == [-3.0, -np.inf]
    total = apply("sum", x, axis=(1,), keepdims=False)
    assert total[0] == np.inf and np.isnan(total[1])
    for first, second in ((np.nan, 1.0), (1.0, np.nan)):
        assert np.isnan(apply("maximum", np.array([first]), np.array([second])))
        assert np.isnan(apply("minimum", np.array([first]), np.array([second])))


def test_a_sum_of_nothing_is_zero_and_a_maximum_of_nothing_is_refused() -> None:

    assert apply("sum", np.zeros((0, 2)), axis=(0,), keepdims=False).tolist() == [0.0, 0.0]
    empty = np.zeros((0, 2))
    for name in ("max", "min"):
        with pytest.raises(ShapeError, match="must have an element to choose from"):
            apply(name, empty, axis=(0,), keepdims=False)
    rows = graph_of("max", (float64, (shapes.N, 2)), axis=(0,), keepdims=False)
    with pytest.raises(ShapeError, match="must have an element to choose from"):
        rows(empty)  # N = 0 is known only at the call
    choice = graph_of("argmax", (float64, (shapes.N,)), axis=0, keepdims=False)
    with pytest.raises(ShapeError, match="must have an element to choose from"):
        choice(np.zeros(0))


def test_an_index_outside_is_an_error_with_the_index() -> None:

    x = np.arange(3.0)
    for bad in (-1, 3, 2**40):
        with pytest.raises(DataError, match=rf"indices must lie in \[0, 3\), got {bad}"):
            apply("gather", x, np.array([0, bad]), axis=0)
        with pytest.raises(DataError, match=rf"got {bad}"):
            apply("scatter_add", x, np.array(bad), np.array(1.0), axis=0)
    assert apply("one_hot", np.array([-1, 2, 3]), depth=3, dtype=int64).sum() == 1
