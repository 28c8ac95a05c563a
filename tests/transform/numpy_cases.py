"""Calls of NumPy's functions: one table that drives `test_numpy_functions.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.ops.composite.order import QUANTILES

Shape = tuple[int, ...]
Inputs = tuple[Shape, ...]

EACH: tuple[Shape, ...] = ((), (3,), (2, 3), (0,), (2, 0, 3))
PAIRS: tuple[Inputs, ...] = (
    ((), ()),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((0,), (1,)),
    ((2, 3), ()),
)


@dataclass(frozen=True)
class Case:
    """One call of one NumPy function.

    Args:
        shapes: one tuple of input shapes for each run.
        low, high: where inputs are drawn.
        dtypes: dtypes of the inputs; `f` float64 and float32, `i` integers, `b` booleans.
        smooth: whether the gradient is compared with differences.
    """

    name: str
    text: str
    call: Callable[..., Any]
    shapes: tuple[Inputs, ...]
    low: float = -3.0
    high: float = 3.0
    dtypes: str = "fi"
    smooth: bool = True

    def __str__(self) -> str:
        return f"{self.name}({self.text})"

    def draw(self, shapes: Inputs, dtype: Any, seed: int = 0) -> list[np.ndarray[Any, Any]]:
        random = np.random.default_rng(seed)
        if np.dtype(dtype).kind == "b":
            return [random.integers(0, 2, shape).astype(bool) for shape in shapes]
        if np.dtype(dtype).kind in "iu":
            low = max(int(self.low), 0) if np.dtype(dtype).kind == "u" else int(self.low)
            return [np.asarray(random.integers(low, self.high + 1, s), dtype) for s in shapes]
        # Far from halves and from each other, so that kinks stay clear of the differences.
        values = [np.asarray(random.uniform(self.low, self.high, shape)) for shape in shapes]
        return [np.asarray(np.round(v, 2) + 0.0041, dtype) for v in values]


def unary(names: str, low: float = -3.0, high: float = 3.0, **more: Any) -> list[Case]:
    shapes = tuple((shape,) for shape in EACH)
    return [Case(name, "x", getattr(np, name), shapes, low, high, **more) for name in names.split()]


def binary(names: str, low: float = -3.0, high: float = 3.0, **more: Any) -> list[Case]:
    return [
        Case(name, "x, y", getattr(np, name), PAIRS, low, high, **more) for name in names.split()
    ]


def calls(name: str, *rows: tuple[str, Callable[..., Any], Any], **more: Any) -> list[Case]:
    """Rows of (text, call, shapes): one tuple of dimensions, or a tuple of input shapes."""
    result = []
    for text, call, shapes in rows:
        several = shapes if isinstance(shapes, list) else [shapes]
        runs = tuple(s if s and isinstance(s[0], tuple) else (s,) for s in several)
        result.append(Case(name, text, call, runs, **more))
    return result


def reductions(name: str, **more: Any) -> list[Case]:
    function = getattr(np, name)
    return calls(
        name,
        ("x", lambda x: function(x), [(3,), (2, 3), ()]),
        ("x, axis=0", lambda x: function(x, axis=0), [(3, 2), (2, 3, 2)]),
        ("x, -1", lambda x: function(x, -1), (2, 3)),
        ("x, axis=1, keepdims=True", lambda x: function(x, axis=1, keepdims=True), (2, 3)),
        **more,
    )


def wide_reductions(name: str, **more: Any) -> list[Case]:
    function = getattr(np, name)
    return [
        *reductions(name, **more),
        *calls(
            name,
            ("x, axis=(0, 2)", lambda x: function(x, axis=(0, 2)), (2, 3, 2)),
            ("x, axis=()", lambda x: function(x, axis=()), (2, 3)),
            **more,
        ),
    ]


INDEX = np.array([[0, -1], [2, 1]])
HEAVY = np.array([1, 3, 5])
PLACES = np.array([-2.5, -1.0, 0.2, 0.9, 2.2])
GAPS = np.zeros((3, 4), bool)
GAPS[0, 1] = GAPS[2, 1] = GAPS[1, 2] = GAPS[1, 3] = True

CASES: list[Case] = [
    *unary("positive square exp exp2 expm1 sinh cosh tanh sin cos deg2rad radians degrees rad2deg"),
    *unary("negative conjugate", dtypes="fi"),
    *unary("absolute fabs"),
    *unary("log log2 log10 sqrt", 0.3, 4.0),
    *unary("log1p", -0.7, 3.0),
    *unary("tan", -1.2, 1.2),
    *unary("reciprocal", 0.3, 4.0, dtypes="f"),
    *unary("sign floor ceil trunc rint fix"),
    *unary("isfinite isinf isnan logical_not", smooth=False, dtypes="fib"),
    *unary("invert", smooth=False, dtypes="b"),
    *binary("add subtract multiply maximum minimum fmax fmin"),
    *binary("divide hypot", 0.4, 3.0),
    *unary("arctan arcsinh"),
    *unary("arcsin arccos arctanh", -0.9, 0.9),
    *unary("arccosh", 1.2, 4.0),
    *unary("sinc"),
    *unary("signbit", smooth=False),
    *unary("nan_to_num"),
    *calls(
        "nan_to_num",
        ("words", lambda x: np.nan_to_num(np.log(x), nan=2, posinf=3, neginf=-4.5), (9,)),
        smooth=False,
        dtypes="f",
    ),
    *binary("arctan2", 0.4, 3.0),
    *binary("copysign", 0.4, 3.0),
    *binary("logaddexp logaddexp2"),
    *binary("fmod", 1.6, 3.4),
    *binary("remainder", 1.6, 3.4),
    *binary("floor_divide", 1.6, 3.4, smooth=False),
    *calls(
        "divmod",
        ("x, y", lambda x, y: np.stack(np.divmod(x, y)), [((3,), (3,)), ((2, 3), ())]),
        low=1.6,
        high=3.4,
        smooth=False,
    ),
    *binary("power float_power", 0.4, 3.0, dtypes="f"),
    *calls(
        "power",
        ("x, 3", lambda x: np.power(x, 3), [(3,), ()]),
        ("x, 2", lambda x: np.power(x, 2), (3,)),
        ("x, 0", lambda x: x**0, (3,)),
        ("x, 5", lambda x: x**5, (2, 3)),
    ),
    *calls("power", ("x, 0.5", lambda x: x**0.5, (3,)), ("2, x", lambda x: 2.0**x, (3,)), low=0.4),
    *binary("equal not_equal less less_equal greater greater_equal", smooth=False, dtypes="fib"),
    *binary("logical_and logical_or logical_xor", smooth=False, dtypes="fib"),
    *binary("bitwise_and bitwise_or bitwise_xor", smooth=False, dtypes="b"),
    *calls(
        "matmul",
        ("x, y", np.matmul, [((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,))]),
        ("stacks", np.matmul, [((4, 2, 3), (3, 2)), ((4, 2, 3), (4, 3, 2)), ((3,), (4, 3, 2))]),
        ("broadcast", np.matmul, [((2, 1, 2, 3), (4, 3, 2)), ((2, 3), (4, 3, 2))]),
        ("empty", np.matmul, [((2, 0), (0, 3)), ((0, 2), (2, 3))]),
    ),
    *calls("vecdot", ("x, y", np.vecdot, [((3,), (3,)), ((2, 3), (3,))])),
    *wide_reductions("sum", dtypes="fib"),
    *calls(
        "sum",
        ("empty", lambda x: np.sum(x), [(0,), (2, 0)]),
        ("x, dtype=float64", lambda x: np.sum(x, dtype=np.float64), (3,)),
        ("np.add.reduce", lambda x: np.add.reduce(x), (3, 2)),
    ),
    *wide_reductions("prod", low=-2.0, high=2.0),
    *calls(
        "prod",
        ("zeros", lambda x: np.prod(x * np.array([0, 1, 2, 0, 3], "i1"), axis=-1), [(5,), (2, 5)]),
        ("one zero", lambda x: np.prod(x * np.array([1, 0, 2], "i1")), (3,)),
        ("empty", lambda x: np.prod(x, axis=0), (0, 3)),
        ("np.multiply.reduce", lambda x: np.multiply.reduce(x, axis=1), (2, 7)),
    ),
    *wide_reductions("mean"),
    *calls("mean", ("x, dtype", lambda x: np.mean(x, dtype="float64"), (3, 2))),
    *wide_reductions("var"),
    *calls("var", ("x, ddof=1", lambda x: np.var(x, ddof=1), [(4,), (2, 3)])),
    *calls("var", ("correction", lambda x: np.var(x, axis=0, correction=1), (4, 2))),
    *calls(
        "std",
        ("x", lambda x: np.std(x), [(3,), (2, 3)]),
        ("x, axis=0", lambda x: np.std(x, axis=0), (3, 2)),
        ("x, axis=1, ddof=1", lambda x: np.std(x, axis=1, ddof=1, keepdims=True), (2, 3)),
    ),
    *[
        case
        for name in ("max", "min", "amax", "amin", "ptp")
        for case in wide_reductions(name)
        if "()" not in case.text or name != "ptp"
    ],
    *[
        case
        for name in ("argmax", "argmin")
        for case in reductions(name, smooth=False, dtypes="fib")
    ],
    *[
        case
        for name in ("all", "any", "count_nonzero")
        for case in wide_reductions(name, smooth=False, dtypes="fib")
    ],
    *calls("all", ("empty", np.all, (0,)), smooth=False),
    *calls("any", ("empty", np.any, (2, 0)), smooth=False),
    *calls(
        "average",
        ("x", np.average, (2, 3)),
        ("x, axis=0", lambda x: np.average(x, axis=0), (2, 3)),
        ("weights a axis", lambda x: np.average(x, axis=1, weights=HEAVY), (2, 3)),
        ("weights all", lambda x: np.average(x, weights=HEAVY * np.ones((2, 1), int)), (2, 3)),
        ("keepdims", lambda x: np.average(x, axis=1, weights=HEAVY, keepdims=True), (2, 3)),
        dtypes="f",
    ),
    *calls(
        "average",
        ("weights are Tensors", lambda x, w: np.average(x, weights=w), ((3,), (3,))),
        low=0.5,
    ),
    *calls(
        "linalg.norm",
        ("x", np.linalg.norm, [(3,), (2, 3)]),
        ("x, axis=1", lambda x: np.linalg.norm(x, axis=1), (2, 3)),
        ("fro", lambda x: np.linalg.norm(x, "fro", keepdims=True), (2, 3)),
        ("2", lambda x: np.linalg.norm(x, 2), (3,)),
        ("1", lambda x: np.linalg.norm(x, ord=1, axis=0), (2, 3)),
        ("inf", lambda x: np.linalg.norm(x, np.inf, axis=-1), (2, 3)),
    ),
    *calls(
        "linalg.vector_norm",
        ("x", np.linalg.vector_norm, (2, 3)),
        ("x, axis", lambda x: np.linalg.vector_norm(x, axis=1, keepdims=True, ord=1), (2, 3)),
    ),
    *calls(
        "cumsum",
        ("x", np.cumsum, [(5,), (2, 3), (0,), (1,)]),
        ("x, axis=0", lambda x: np.cumsum(x, axis=0), (5, 2)),
        ("x, axis=1, dtype", lambda x: np.cumsum(x, axis=1, dtype="float64"), (2, 5)),
        ("np.add.accumulate", lambda x: np.add.accumulate(x), (3, 2)),
    ),
    *calls(
        "cumprod",
        ("x", np.cumprod, [(5,), (2, 3)]),
        ("zeros", lambda x: np.cumprod(x * np.array([1, 0, 2, 0], "i1"), axis=1), (2, 4)),
    ),
    *calls(
        "diff",
        ("x", np.diff, [(4,), (2, 3), (1,), (0,)]),
        ("x, 2, axis=0", lambda x: np.diff(x, 2, axis=0), (4, 2)),
    ),
    *calls(
        "round",
        ("x", np.round, [(3,), ()]),
        ("x, 1", lambda x: np.round(x, 1), (3,)),
        ("x.round()", lambda x: x.round(), (3,)),
    ),
    *calls("around", ("x, decimals=2", lambda x: np.around(x, decimals=2), (3,))),
    *calls("around", ("x, -1", lambda x: np.around(x, -1), (3,)), low=-90, high=90, dtypes="f"),
    *calls(
        "clip",
        ("x, -1, 1", lambda x: np.clip(x, -1, 1), [(5,), (2, 3)]),
        ("x, None, 1", lambda x: np.clip(x, None, 1), (5,)),
        ("x, min=-1", lambda x: np.clip(x, min=-1), (5,)),
        ("x, a, b", lambda x, a: np.clip(x, a, a + 1), ((2, 3), (3,))),
    ),
    *calls(
        "where",
        ("x > 0, x, y", lambda x, y: np.where(x > 0, x, y), [((3,), (3,)), ((2, 3), ())]),
        ("mask, x, 0", lambda x: np.where(np.array([True, False, True]), x, 0), (2, 3)),
        ("mask, 1.5, x", lambda x: np.where(x < 0, 1.5, x), (3,)),
    ),
    *calls("isclose", ("x, y", np.isclose, ((3,), (3,))), smooth=False),
    *calls(
        "isclose",
        ("loose", lambda x, y: np.isclose(x, y, rtol=0.5, atol=1.0, equal_nan=True), ((9,), (9,))),
        smooth=False,
    ),
    *calls(
        "reshape",
        ("x, (3, 2)", lambda x: np.reshape(x, (3, 2)), (2, 3)),
        ("x, -1", lambda x: np.reshape(x, -1), [(2, 3), ()]),
        ("x.reshape(3, -1)", lambda x: x.reshape(3, -1), (2, 3)),
        ("empty", lambda x: np.reshape(x, (0, 7)), (2, 0)),
        dtypes="fib",
    ),
    *calls("ravel", ("x", np.ravel, [(2, 3), ()]), ("x.ravel()", lambda x: x.ravel(), (2, 3))),
    *calls(
        "transpose",
        ("x", np.transpose, [(2, 3), (2, 3, 4), ()]),
        ("x, (1, 0, 2)", lambda x: np.transpose(x, (1, 0, 2)), (2, 3, 4)),
        ("x.T", lambda x: x.T, (2, 3)),
        ("x.mT", lambda x: x.mT, (2, 3, 4)),
        ("x.transpose(2, 0, 1)", lambda x: x.transpose(2, 0, 1), (2, 3, 4)),
        dtypes="fib",
    ),
    *calls("matrix_transpose", ("x", np.matrix_transpose, (4, 2, 3))),
    *calls(
        "swapaxes",
        ("x, 0, -1", lambda x: np.swapaxes(x, 0, -1), (2, 3, 4)),
        ("x.swapaxes", lambda x: x.swapaxes(0, 1), (2, 3)),
    ),
    *calls(
        "moveaxis",
        ("x, 0, -1", lambda x: np.moveaxis(x, 0, -1), (2, 3, 4)),
        ("several", lambda x: np.moveaxis(x, (0, 1), (-1, 0)), (2, 3, 4)),
    ),
    *calls(
        "expand_dims",
        ("x, 0", lambda x: np.expand_dims(x, 0), [(3,), ()]),
        ("x, (0, -1)", lambda x: np.expand_dims(x, (0, -1)), (2, 3)),
    ),
    *calls(
        "squeeze",
        ("x", np.squeeze, (1, 3, 1)),
        ("x, axis=0", lambda x: np.squeeze(x, axis=0), (1, 3, 1)),
    ),
    *calls("broadcast_to", ("x, (2, 3)", lambda x: np.broadcast_to(x, (2, 3)), [(3,), (2, 1), ()])),
    *calls(
        "broadcast_arrays",
        ("x, y", lambda x, y: np.stack(np.broadcast_arrays(x, y)), ((2, 1), (3,))),
    ),
    *calls("atleast_1d", ("x", np.atleast_1d, [(), (3,), (2, 3)])),
    *calls(
        "atleast_2d",
        ("x", np.atleast_2d, [(), (3,), (2, 3)]),
        ("x, y", lambda x, y: np.add(*np.atleast_2d(x, y)), ((), (3,))),
    ),
    *calls("atleast_3d", ("x", np.atleast_3d, [(), (3,), (2, 3), (2, 3, 4)])),
    *calls(
        "concatenate",
        ("[x, y]", lambda x, y: np.concatenate([x, y]), [((2,), (3,)), ((2, 3), (0, 3))]),
        ("axis=1", lambda x, y: np.concatenate((x, y), axis=1), ((2, 3), (2, 1))),
        ("axis=None", lambda x, y: np.concatenate([x, y], axis=None), ((2, 3), (2,))),
        ("with array", lambda x: np.concatenate([np.ones(2, x.dtype), x]), (3,)),
        ("dtype", lambda x, y: np.concatenate([x, y], dtype="float64"), ((2,), (3,))),
        ("of rows", lambda x: np.concatenate(x), (2, 3)),
        dtypes="fi",
    ),
    *calls(
        "stack",
        ("[x, y]", lambda x, y: np.stack([x, y]), [((3,), (3,)), ((), ())]),
        ("axis=-1", lambda x, y: np.stack([x, y], axis=-1), ((2, 3), (2, 3))),
    ),
    *calls("vstack", ("[x, y]", lambda x, y: np.vstack([x, y]), [((3,), (2, 3)), ((3,), (3,))])),
    *calls(
        "hstack",
        ("[x, y]", lambda x, y: np.hstack([x, y]), [((3,), (2,)), ((2, 3), (2, 1)), ((), ())]),
    ),
    *calls(
        "column_stack",
        ("[x, y]", lambda x, y: np.column_stack([x, y]), [((3,), (3,)), ((3,), (3, 2))]),
    ),
    *calls(
        "append",
        ("x, y", np.append, ((3,), (2, 2))),
        ("axis=0", lambda x, y: np.append(x, y, axis=0), ((1, 3), (2, 3))),
    ),
    *calls(
        "split",
        ("x, 3", lambda x: np.split(x, 3)[1], (6, 2)),
        ("x, [1, 4]", lambda x: np.split(x, [1, 4])[1], (6,)),
        ("x, [4, -1], 1", lambda x: np.split(x, [4, -1], 1)[2], (2, 6)),
    ),
    *calls("array_split", ("x, 4", lambda x: np.hstack(np.array_split(x, 4)[1:]), (6,))),
    *calls("unstack", ("x, axis=1", lambda x: np.unstack(x, axis=1)[2], (2, 3))),
    *calls("flip", ("x", np.flip, [(3,), (2, 3)]), ("x, 1", lambda x: np.flip(x, 1), (2, 3))),
    *calls("flipud", ("x", np.flipud, (2, 3))),
    *calls("fliplr", ("x", np.fliplr, (2, 3))),
    *calls(
        "roll",
        ("x, 2", lambda x: np.roll(x, 2), [(5,), (2, 3), (0,)]),
        ("x, -1, axis=1", lambda x: np.roll(x, -1, axis=1), (2, 3)),
        ("several", lambda x: np.roll(x, (1, -1), axis=(0, 1)), (3, 4)),
        ("axes", lambda x: np.roll(x, 1, axis=(0, 1)), (3, 4)),
    ),
    *calls(
        "tile",
        ("x, 2", lambda x: np.tile(x, 2), [(3,), (2, 3), ()]),
        ("x, (2, 1, 3)", lambda x: np.tile(x, (2, 1, 3)), [(3,), (2, 3)]),
        ("x, 0", lambda x: np.tile(x, 0), (3,)),
        ("x, 1", lambda x: np.tile(x, (1, 1)), (3,)),
    ),
    *calls(
        "repeat",
        ("x, 2", lambda x: np.repeat(x, 2), [(3,), (2, 3)]),
        ("x, 3, axis=1", lambda x: np.repeat(x, 3, axis=1), (2, 3)),
        ("x, 0", lambda x: np.repeat(x, 0), (3,)),
    ),
    *calls(
        "sort",
        ("x", np.sort, [(5,), (2, 3), (0,), (1,)]),
        ("x, 0", lambda x: np.sort(x, 0, kind="stable"), (4, 2)),
        ("x, None", lambda x: np.sort(x, axis=None), [(2, 3), ()]),
        dtypes="fib",
    ),
    *calls(
        "argsort",
        ("x", lambda x: np.argsort(x, stable=True), [(5,), (2, 3), (0, 3)]),
        ("x, 0", lambda x: np.argsort(x, 0, kind="stable"), (4, 2)),
        dtypes="fib",
        smooth=False,
    ),
    *calls(
        "partition",
        ("every k", lambda x: np.partition(x, (0, 1, 2, 3, 4)), [(5,), (2, 5)]),
        ("the k-th", lambda x: np.partition(x, -2, axis=0)[-2], (4, 2)),
    ),
    *calls(
        "argpartition",
        ("the k-th", lambda x: np.argpartition(x, 3)[3], (7,)),
        smooth=False,
        dtypes="f",
    ),
    *calls(
        "take_along_axis",
        (
            "x, i, 1",
            lambda x: np.take_along_axis(x, np.array([[0, -1], [2, 2]]), axis=1),
            (2, 3),
        ),
        ("x, i, 0", lambda x: np.take_along_axis(x, np.array([[1, 0]]), axis=0), (3, 2)),
    ),
    *reductions("median"),
    *calls("median", ("several", lambda x: np.median(x, axis=(0, 2)), (2, 3, 2))),
    *calls(
        "quantile",
        ("0.3", lambda x: np.quantile(x, 0.3), [(5,), (2, 3)]),
        ("several", lambda x: np.quantile(x, [0.1, 0.5, 1], axis=1, keepdims=True), (2, 4)),
        *(
            (method, lambda x, m=method: np.quantile(x, 0.37, axis=0, method=m), (7, 2))
            for method in QUANTILES
        ),
        dtypes="f",
    ),
    *calls(
        "percentile",
        ("30", lambda x: np.percentile(x, 30, axis=(0, 1)), (2, 3, 2)),
        dtypes="f",
    ),
    *calls(
        "take",
        ("x, i", lambda x: np.take(x, INDEX), [(3,), (2, 3)]),
        ("x, i, axis=1", lambda x: np.take(x, INDEX, axis=1), (2, 3)),
        ("x, 1, 0", lambda x: np.take(x, 1, axis=0), (3, 2)),
        dtypes="fib",
    ),
    *calls(
        "pad",
        ("x, 1", lambda x: np.pad(x, 1), [(3,), (2, 3)]),
        ("x, (1, 2)", lambda x: np.pad(x, (1, 2), constant_values=7), (2, 3)),
        ("pairs", lambda x: np.pad(x, ((0, 1), (2, 0)), mode="constant"), (2, 3)),
        ("one pair", lambda x: np.pad(x, ((0, 1),)), (2, 3)),
        dtypes="fib",
    ),
    *calls(
        "diag", ("x", np.diag, [(3,), (3, 3), (2, 3)]), ("x, 1", lambda x: np.diag(x, 1), (3, 3))
    ),
    *calls(
        "diagonal",
        ("x", np.diagonal, [(3, 3), (2, 3), (3, 2), (2, 3, 4)]),
        ("x, 1", lambda x: np.diagonal(x, 1), [(3, 3), (3, 2)]),
        ("x, -1", lambda x: np.diagonal(x, -1), [(3, 3), (2, 3)]),
        ("x, 9", lambda x: np.diagonal(x, 9), (3, 3)),
        ("axes", lambda x: np.diagonal(x, axis1=2, axis2=0), (2, 3, 4)),
    ),
    *calls(
        "trace",
        ("x", np.trace, [(3, 3), (2, 3)]),
        ("x, 1, dtype", lambda x: np.trace(x, 1, dtype="float64"), (3, 3)),
    ),
    *calls(
        "tril", ("x", np.tril, [(3, 3), (2, 3, 2)]), ("x, -1", lambda x: np.tril(x, -1), (3, 3))
    ),
    *calls(
        "triu", ("x", np.triu, [(3, 3), (2, 3, 2)]), ("x, 1", lambda x: np.triu(x, k=1), (3, 3))
    ),
    *calls(
        "dot",
        (
            "x, y",
            np.dot,
            [
                ((3,), (3,)),
                ((2, 3), (3,)),
                ((2, 3), (3, 2)),
                ((), (3,)),
                ((2, 3), (4, 3, 2)),
                ((3,), (3, 2)),
            ],
        ),
        ("x.dot(y)", lambda x, y: x.dot(y), ((2, 3), (3,))),
    ),
    *calls("vdot", ("x, y", np.vdot, [((3,), (3,)), ((2, 3), (3, 2)), ((), ())])),
    *calls("inner", ("x, y", np.inner, [((3,), (3,)), ((2, 3), (4, 3)), ((), (3,))])),
    *calls("outer", ("x, y", np.outer, [((3,), (2,)), ((2, 2), (3,)), ((), ())])),
    *calls(
        "outer",
        ("np.subtract.outer", lambda x, y: np.subtract.outer(x, y), [((2,), (3,)), ((2, 2), (3,))]),
    ),
    *calls(
        "tensordot",
        ("x, y", np.tensordot, ((2, 3, 4), (3, 4, 2))),
        ("1", lambda x, y: np.tensordot(x, y, 1), ((2, 3), (3, 2))),
        ("0", lambda x, y: np.tensordot(x, y, axes=0), ((2,), (3,))),
        ("lists", lambda x, y: np.tensordot(x, y, ([0, 1], [1, 0])), ((2, 3, 4), (3, 2, 5))),
        ("pair", lambda x, y: np.tensordot(x, y, axes=(1, 0)), ((2, 3), (3, 2))),
    ),
    *calls(
        "einsum",
        ("ij,jk->ik", lambda x, y: np.einsum("ij,jk->ik", x, y), ((2, 3), (3, 4))),
        ("ij,jk", lambda x, y: np.einsum("ij,jk", x, y), ((2, 3), (3, 4))),
        ("bij,bjk->bki", lambda x, y: np.einsum("bij,bjk->bki", x, y), ((4, 2, 3), (4, 3, 2))),
        ("i,j->ji", lambda x, y: np.einsum("i, j -> ji", x, y), ((2,), (3,))),
        ("ij,ij->", lambda x, y: np.einsum("ij,ij->", x, y), ((2, 3), (2, 3))),
        ("ijk,j->k", lambda x, y: np.einsum("ijk,j->k", x, y), ((2, 3, 4), (3,))),
        ("ij->ji", lambda x: np.einsum("ij->ji", x), (2, 3)),
        ("ij->i", lambda x: np.einsum("ij->i", x), (2, 3)),
        ("ij->", lambda x: np.einsum("ij->", x), (2, 3)),
        dtypes="f",
    ),
    *calls(
        "cross",
        ("x, y", np.cross, [((3,), (3,)), ((2, 3), (2, 3)), ((3,), (2, 3))]),
        ("axes", lambda x, y: np.cross(x, y, 0, 1, 0), ((3, 2), (2, 3))),
        ("axis=0", lambda x, y: np.cross(x, y, axis=0), ((3, 2), (3, 2))),
    ),
    *calls("linalg.cross", ("x, y", lambda x, y: np.linalg.cross(x, y, axis=0), ((3, 2), (3, 2)))),
    *calls(
        "kron",
        (
            "x, y",
            np.kron,
            [((2, 3), (3, 2)), ((3,), (2,)), ((), (3,)), ((2,), (2, 3)), ((2, 1, 2), (3,))],
        ),
    ),
    *calls(
        "einsum",
        ("three", lambda x, y: np.einsum("ij,jk,kl->il", x, y, x), ((2, 3), (3, 2))),
        ("chain", lambda x, y: np.einsum("ij,kl,jk->li", x, x, y), ((2, 3), (3, 2))),
        ("lone", lambda x, y: np.einsum("ijk,lji,lli->lki", x, y, y), ((3, 4, 4), (4, 4, 3))),
        ("implicit", lambda x, y: np.einsum("ba,ca", x, y), ((2, 3), (4, 3))),
        ("diagonal", lambda x: np.einsum("ii->i", x), (3, 3)),
        ("trace", lambda x: np.einsum("ijii", x), (3, 2, 3, 3)),
        ("dots", lambda x, y: np.einsum("...ij,...jk->...ik", x, y), [((2, 3), (4, 3, 2))]),
        ("dots in front", lambda x, y: np.einsum("jk...,lj...->lk...", x, y), ((3, 2), (2, 3, 4))),
        ("dots between", lambda x, y: np.einsum("i...j,j...", x, y), ((2, 4, 3), (3, 1))),
        ("dots alone", lambda x, y: np.einsum("...,...", x, y), ((2, 3), (3,))),
        ("thin", lambda x, y: np.einsum("ij,ij->ij", x, y), ((2, 1), (2, 3))),
        ("numbers", lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [2, 0]), ((2, 3), (3, 4))),
        ("no output", lambda x, y: np.einsum(x, [..., 1], y, [1, ...]), ((2, 3), (3, 2))),
        ("scalars", lambda x, y: np.einsum(",ij->ji", x, y), ((), (2, 3))),
    ),
    *calls(
        "linalg.norm",
        ("-inf", lambda x: np.linalg.norm(x, -np.inf), (3,)),
        ("0", lambda x: np.linalg.norm(x, 0, axis=1), (2, 3)),
        ("3", lambda x: np.linalg.norm(x, 3, axis=0, keepdims=True), (2, 3)),
        ("0.5", lambda x: np.linalg.norm(x, 0.5), (3,)),
        ("-1.5", lambda x: np.linalg.norm(x, -1.5), (3,)),
        *(
            (f"matrix {ord}", lambda x, o=ord: np.linalg.norm(x, o), [(2, 3), (3, 2)])
            for ord in (1, -1, np.inf, -np.inf)
        ),
        ("turned", lambda x: np.linalg.norm(x, 1, axis=(2, 0), keepdims=True), (2, 3, 4)),
        dtypes="f",
    ),
    *calls(
        "linalg.matrix_norm",
        ("x", np.linalg.matrix_norm, (4, 2, 3)),
        ("1", lambda x: np.linalg.matrix_norm(x, ord=1, keepdims=True), (4, 2, 3)),
        dtypes="f",
    ),
    *calls("diag", ("vectors", lambda x: np.diag(x, 2) + np.diag(x, k=-2), [(3,), (1,)])),
    *calls(
        "rot90",
        *((f"k={k}", lambda x, k=k: np.rot90(x, k), (2, 3)) for k in range(-1, 5)),
        ("axes", lambda x: np.rot90(x, axes=(2, 0)), (2, 3, 4)),
    ),
    *calls(
        "rollaxis",
        ("x, 2", lambda x: np.rollaxis(x, 2), (2, 3, 4)),
        ("x, 0, 2", lambda x: np.rollaxis(x, 0, 2), (2, 3, 4)),
        ("x, -1, -2", lambda x: np.rollaxis(x, -1, -2), (2, 3, 4)),
        ("x, 0, 3", lambda x: np.rollaxis(x, 0, start=3), (2, 3, 4)),
    ),
    *calls("vsplit", ("x, 2", lambda x: np.vsplit(x, 2)[1], [(4, 3), (2, 2, 2)])),
    *calls("hsplit", ("x, [1]", lambda x: np.hsplit(x, [1])[1], [(4,), (2, 3)])),
    *calls("dsplit", ("x, 2", lambda x: np.dsplit(x, 2)[0], (2, 3, 4))),
    *calls("dstack", ("x, y", lambda x, y: np.dstack([x, y]), [((3,), (3,)), ((2, 3), (2, 3, 2))])),
    *calls(
        "select",
        ("two", lambda x, y: np.select([x > 1, x > -1], [y, x * 2]), ((9,), (9,))),
        ("default", lambda x: np.select([x > 0], [x], -7), (2, 3)),
    ),
    *calls(
        "gradient",
        ("x", lambda x: np.gradient(x), [(5,), (2,), (3,)]),
        ("axes", lambda x: np.stack(np.gradient(x)), (3, 4)),
        ("axis", lambda x: np.gradient(x, 0.5, axis=-1), (3, 4)),
        ("edges", lambda x: np.gradient(x, 2.0, edge_order=2), [(5,), (3,)]),
        ("places", lambda x: np.gradient(x, HEAVY * HEAVY), (3,)),
        (
            "places and edges",
            lambda x: np.gradient(x, np.array([0, 1, 3, 4.5]), 3, axis=(1, 0), edge_order=2)[0],
            (3, 4),
        ),
        dtypes="f",
    ),
    *calls(
        "interp",
        (
            "x",
            lambda x: np.interp(x, PLACES.astype(x.dtype), PLACES.astype(x.dtype) ** 2),
            [(9,), (2, 3), ()],
        ),
        (
            "all",
            lambda x, y: np.interp(x, np.cumsum(np.exp(y)) - 3, np.sin(y), left=x[0], right=2),
            ((9,), (4,)),
        ),
        ("period", lambda x: np.interp(x, [2.7, 0.4, 1.1], [1.0, 3.0, -1.0], period=1.3), (9,)),
        ("one place", lambda x, y: np.interp(x, [0.0], y), ((5,), (1,))),
        dtypes="f",
    ),
    *calls(
        "unwrap",
        ("x", lambda x: np.unwrap(x * 3), [(9,), (1,), (0,), (2, 5)]),
        ("axis", lambda x: np.unwrap(x, axis=0, discont=4), (5, 2)),
        ("period", lambda x: np.unwrap(x, period=1.5), (9,)),
    ),
    *calls("unwrap", ("integers", lambda x: np.unwrap(x, period=5), (9,)), dtypes="i"),
    *calls("unwrap", ("an even period", lambda x: np.unwrap(x, period=4), (9,)), dtypes="i"),
    *calls(
        "linspace",
        ("x, y", lambda x, y: np.linspace(x, y, 5), [((), ()), ((2, 1), (3,))]),
        ("no end", lambda x, y: np.linspace(x, y, 4, endpoint=False, axis=-1), ((2,), (2,))),
        ("x, 1", lambda x: np.linspace(x, 1, num=1), ()),
        ("none", lambda x: np.linspace(x, 1, num=0), (2,)),
        dtypes="f",
    ),
    *calls("real", ("x", np.real, (2, 3)), dtypes="fib"),
    *calls("real_if_close", ("x", np.real_if_close, (2, 3))),
    *calls("angle", ("x", np.angle, (2, 3)), ("deg", lambda x: np.angle(x, deg=True), (5,))),
    *calls("imag", ("x", np.imag, (2, 3)), smooth=False, dtypes="fib"),
    *calls("iscomplex", ("x", np.iscomplex, (2, 3)), smooth=False, dtypes="fib"),
    *calls("isreal", ("x", np.isreal, (2, 3)), smooth=False, dtypes="fib"),
    *[
        case
        for name in ("nansum", "nanmax", "nanmin", "nanmean", "nanvar", "nanprod")
        for case in [
            *wide_reductions(name),
            *calls(
                name,
                (
                    "gaps",
                    lambda x, n=name: getattr(np, n)(np.where(GAPS, np.nan, x), axis=0),
                    (3, 4),
                ),
                dtypes="f",
                smooth=name != "nanprod",
            ),
        ]
        if case.text != "x, axis=()"
    ],
    *calls(
        "nanvar",
        ("ddof", lambda x: np.nanvar(np.where(GAPS[1], np.nan, x), 1, ddof=1), (3, 4)),
        dtypes="f",
    ),
    *calls("nanstd", ("x", lambda x: np.nanstd(np.where(GAPS, np.nan, x), 1), (3, 4)), dtypes="f"),
    *calls(
        "nancumsum", ("x", lambda x: np.nancumsum(np.where(GAPS, np.nan, x), 1), (3, 4)), dtypes="f"
    ),
    *calls(
        "nancumprod", ("x", lambda x: np.nancumprod(np.where(GAPS, np.nan, x)), (3, 4)), dtypes="f"
    ),
    *calls("zeros_like", ("x", np.zeros_like, [(2, 3), ()]), smooth=False, dtypes="fib"),
    *calls(
        "ones_like",
        ("x, int", lambda x: np.ones_like(x, dtype="int32"), (2, 3)),
        smooth=False,
        dtypes="fib",
    ),
    *calls("full_like", ("x, 7", lambda x: np.full_like(x, 7), (2, 3)), smooth=False),
    *calls("copy", ("x", np.copy, (2, 3)), ("x.copy()", lambda x: x.copy(), (2, 3))),
    *calls(
        "astype",
        ("x, float64", lambda x: np.astype(x, np.float64), (3,)),
        ("x.astype(float64)", lambda x: x.astype(np.float64), (3,)),
        dtypes="fib",
    ),
    *calls("astype", ("x.astype(int32)", lambda x: x.astype(np.int32), (3,)), smooth=False),
    *calls("shape", ("x", lambda x: np.shape(x), (2, 3)), smooth=False),
    *calls("ndim", ("x", lambda x: np.ndim(x), (2, 3)), smooth=False),
    *calls(
        "size",
        ("x", lambda x: np.size(x), (2, 3)),
        ("x, 1", lambda x: np.size(x, 1), (2, 3)),
        smooth=False,
    ),
]

INDEXING: list[Case] = calls(
    "index",
    ("x[1]", lambda x: x[1], (3, 4)),
    ("x[-1]", lambda x: x[-1], (3, 4)),
    ("x[np.int64(1)]", lambda x: x[np.int64(1)], (3, 4)),
    ("x[1:]", lambda x: x[1:], (3, 4)),
    ("x[::2, ::-1]", lambda x: x[::2, ::-1], (3, 4)),
    ("x[2:0:-1]", lambda x: x[2:0:-1], (3, 4)),
    ("x[5:]", lambda x: x[5:], (3, 4)),
    ("x[..., 0]", lambda x: x[..., 0], (2, 3, 4)),
    ("x[:, None, 1]", lambda x: x[:, None, 1], (2, 3, 4)),
    ("x[None]", lambda x: x[None], [(3,), ()]),
    ("x[...]", lambda x: x[...], [(3,), ()]),
    ("x[[2, 0, 0]]", lambda x: x[[2, 0, 0]], (3, 4)),
    ("x[:, INDEX]", lambda x: x[:, INDEX], (2, 3)),
    ("x[INDEX, 1]", lambda x: x[INDEX, 1], (3, 4)),
    ("x[1, :, INDEX]", lambda x: x[1, :, INDEX], (2, 4, 3)),
    ("x[INDEX, None, 1]", lambda x: x[INDEX, None, 1], (3, 4)),
    ("x[rows, columns]", lambda x: x[np.arange(3), np.array([3, 0, -1])], (3, 4)),
    ("x[rows, :, columns]", lambda x: x[np.arange(3), :, np.array([3, 0, -1])], (3, 2, 4)),
    ("x[:, rows, columns]", lambda x: x[:, np.arange(2), np.array([[1], [0]])], (3, 2, 4)),
    dtypes="fib",
)
