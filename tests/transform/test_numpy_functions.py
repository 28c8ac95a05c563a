"""NumPy's functions on Tensors: each equals NumPy in value, shape and dtype, or is refused by name.

One table of calls drives the tests: the same call runs on NumPy arrays, on Tensors, under `grad`
(against central differences of NumPy's own result) and inside a traced function. Documented
departures: a result that NumPy makes float64 out of integers, booleans and float32 is float32.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from tools import docs_numpy

import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError, DTypeError, PellucidError, ShapeError
from pellucid.ops.composite.order import QUANTILES
from pellucid.ops.spec import REGISTRY
from pellucid.runtime.extras import NUMPY
from pellucid.runtime.interpreter import Interpreter
from pellucid.transform import protocols
from pellucid.transform.arrays import type_of
from pellucid.transform.grad import grad
from pellucid.transform.tensor import Tensor
from pellucid.transform.trace import trace
from tests.ops.cases import cases
from tests.ops.sampling import dtypes_of, sample

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

DTYPES = {
    "f": (np.float64, np.float32),
    "i": (np.int64, np.int32, np.uint8),
    "b": (np.bool_,),
}


def expected_dtype(wanted: np.dtype[Any], inputs: list[np.ndarray[Any, Any]]) -> np.dtype[Any]:
    """NumPy's dtype, but float32 where only a float64 operand would make it float64."""
    if wanted.kind != "f":
        return wanted
    if all(a.shape == () and a.dtype.kind != "f" for a in inputs):
        return np.dtype(np.float64)  # numbers alone
    widest = np.result_type(np.float32, *(a.dtype for a in inputs if a.dtype.kind == "f"))
    return np.dtype(widest)


def numpy_result(case: Case, arrays: list[np.ndarray[Any, Any]]) -> Any:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return case.call(*arrays)


def layouts(array: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """The same numbers in memory orders of all kinds."""
    wide = np.zeros(tuple(2 * n for n in array.shape), array.dtype)
    strided = np.asarray(wide[tuple(slice(None, None, 2) for _ in array.shape)])
    strided[...] = array
    backwards = np.asarray(np.flip(np.flip(array).copy()))
    swapped = array.astype(array.dtype.newbyteorder())
    return [array, array.copy(order="F"), strided, backwards, swapped]


def check(got: Any, wanted: Any, inputs: list[np.ndarray[Any, Any]], explicit: bool) -> None:
    if isinstance(wanted, (int, tuple)) and not isinstance(wanted, np.generic):
        assert got == wanted
        return
    wanted = np.asarray(wanted)
    assert isinstance(got, Tensor), type(got)
    assert got.shape == wanted.shape
    dtype = wanted.dtype if explicit else expected_dtype(wanted.dtype, inputs)
    assert got.dtype == dtype
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    tolerance = 2e-3 if wanted.dtype == np.float16 else tolerance  # NumPy's exp of an int8
    np.testing.assert_allclose(got.numpy(), wanted, tolerance, tolerance)


def runs(case: Case) -> list[tuple[Inputs, Any]]:
    dtypes = [dtype for kind in case.dtypes for dtype in DTYPES[kind]]
    if case.name in ("negative", "subtract", "diff", "power", "clip") or case.low < -10:
        dtypes = [dtype for dtype in dtypes if np.dtype(dtype).kind != "u"]
    return [(shapes, dtype) for shapes in case.shapes for dtype in dtypes]


def is_explicit(case: Case) -> bool:
    """Whether the call itself names a dtype, or NumPy's function always gives this one."""
    return any(word in case.text for word in ("dtype", "float64")) or case.name == "float_power"


@pytest.mark.parametrize("case", [*CASES, *INDEXING], ids=str)
def test_equals_numpy(case: Case) -> None:
    for shapes, dtype in runs(case):
        arrays = case.draw(shapes, dtype)
        wanted = numpy_result(case, arrays)
        check(case.call(*map(Tensor, arrays)), wanted, arrays, is_explicit(case))
        for laid in zip(*map(layouts, arrays), strict=True):
            check(case.call(*map(Tensor, laid)), wanted, arrays, is_explicit(case))


@pytest.mark.parametrize("case", [c for c in [*CASES, *INDEXING] if len(c.shapes[0]) == 2], ids=str)
def test_mixes_with_arrays(case: Case) -> None:
    """One operand a Tensor, the other a NumPy array: either way round."""
    for shapes, dtype in runs(case):
        x, y = case.draw(shapes, dtype)
        wanted = numpy_result(case, [x, y])
        if x.shape and y.shape:  # 0-d arrays are weak numbers: their dtype does not count
            check(case.call(Tensor(x), y), wanted, [x, y], is_explicit(case))
            if "x.dot" not in case.text:  # a method of the array itself, which asks nobody
                check(case.call(x, Tensor(y)), wanted, [x, y], is_explicit(case))


@pytest.mark.parametrize("case", [c for c in [*CASES, *INDEXING] if c.smooth], ids=str)
def test_gradient_is_that_of_numpy(case: Case) -> None:
    """The gradient of a weighted sum against central differences of NumPy's own result."""
    for number, shapes in enumerate(case.shapes):
        arrays = case.draw(shapes, np.float64, seed=number + 1)
        result = np.asarray(numpy_result(case, arrays))
        weights = np.random.default_rng(9).uniform(0.5, 1.5, result.shape)

        def loss(*operands: Any, weights: Any = weights) -> Any:
            return np.sum(case.call(*operands) * weights)

        gradients = grad(loss, tuple(range(len(arrays))))(*arrays)
        for k, (array, gradient) in enumerate(zip(arrays, gradients, strict=True)):
            assert gradient.shape == array.shape
            assert gradient.dtype == np.float64
            wanted = differences(lambda x, k=k: loss(*arrays[:k], x, *arrays[k + 1 :]), array)
            np.testing.assert_allclose(gradient, wanted, 2e-6, 2e-7)


def differences(function: Callable[[Any], Any], x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    slopes = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] += 1e-6
        below[place] -= 1e-6
        slopes[place] = (function(above) - function(below)) / (above[place] - below[place])
    return slopes


def traced(function: Callable[..., Any], arrays: list[Any]) -> Any:
    names = [f"x{i}" for i in range(len(arrays))]
    record = trace(function, [type_of(a) for a in arrays], names, lambda v: (tuple(v), {}))
    return Interpreter(record.graph)(record.operands(arrays))


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.name not in ("shape", "ndim", "size")], ids=str
)
def test_under_a_trace(case: Case) -> None:
    shapes, dtype = runs(case)[0]
    arrays = case.draw(shapes, dtype)
    (got,) = traced(case.call, arrays)
    eager = case.call(*map(Tensor, arrays))
    assert got.dtype == eager.dtype
    np.testing.assert_array_equal(got, eager.numpy())


def test_every_function_has_a_case() -> None:
    covered = {case.name for case in CASES}
    assert covered == {*protocols.UFUNCS, *protocols.FUNCTIONS}
    assert len(covered) >= 60


def test_special_values() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 710.0, -710.0, 1e-300])
    x, y = (a.ravel() for a in np.meshgrid(odd, odd))
    skipped = {"matmul", "vecdot", "invert", "bitwise_and", "bitwise_or", "bitwise_xor", "divmod"}
    for name in sorted(set(protocols.UFUNCS) - skipped):
        function = getattr(np, name)
        operands = (odd,) if function.nin == 1 else (x, y)
        if name in ("tan", "hypot", "log2", "log10", "exp2"):
            operands = tuple(np.clip(o, -700, 700) for o in operands)  # finite beside overflow
        with np.errstate(all="ignore"):
            wanted = function(*operands)
        np.testing.assert_allclose(
            function(*map(Tensor, operands)).numpy(), wanted, 1e-12, err_msg=name
        )


# --- refusals ------------------------------------------------------------------------------------

X = np.arange(6.0).reshape(2, 3) + 1


@pytest.mark.parametrize("name", sorted(protocols.FUNCTIONS))
def test_refused_keywords_are_named(name: str) -> None:
    row = protocols.FUNCTIONS[name]
    function = np.linalg if name.startswith("linalg.") else np
    function = getattr(function, name.removeprefix("linalg."))
    for key in row.refused:
        with pytest.raises(ArgumentError, match=rf"^\[np\.{name}\] {key}= is not taken") as caught:
            protocols.call_function(function, (Tensor(X),), {key: X})
        assert "At test_numpy_functions.py" in str(caught.value)
    with pytest.raises(ArgumentError, match="nonsense= is not taken"):
        protocols.call_function(function, (Tensor(X),), {"nonsense": 1})


@pytest.mark.parametrize("name", sorted(protocols.UFUNCS))
def test_refused_keywords_of_ufuncs(name: str) -> None:
    ufunc = getattr(np, name)
    flat = [Tensor(X)] * ufunc.nin
    for key, value in (
        ("out", (X,)),
        ("where", X > 2),
        ("casting", "unsafe"),
        ("order", "F"),
        ("signature", "d->d"),
        ("axis", 0),
    ):
        with pytest.raises(ArgumentError, match=rf"^\[np\.{ufunc.__name__}\] {key}= is not taken"):
            protocols.call_ufunc(ufunc, "__call__", flat, {key: value})
    for method in ("at", "reduceat"):
        with pytest.raises(ArgumentError, match=f"the method {method} is not taken"):
            protocols.call_ufunc(ufunc, method, flat, {})


REFUSALS: list[tuple[Callable[..., Any], type[PellucidError], str]] = [
    (lambda x: np.sum(x, out=np.zeros(())), ArgumentError, r"\[np.sum\] out= is not taken"),
    (lambda x: np.sum(x, where=X > 2), ArgumentError, r"\[np.sum\] where= .* where\(mask, x, 0\)"),
    (lambda x: np.sum(x, initial=3.0), ArgumentError, r"\[np.sum\] initial= .* got 3.0"),
    (lambda x: np.add(x, 1, out=np.zeros((2, 3))), ArgumentError, r"\[np.add\] out="),
    (lambda x: np.add(x, 1, np.zeros((2, 3))), ArgumentError, r"\[np.add\] out="),
    (lambda x: np.exp(x, where=X > 2), ArgumentError, r"\[np.exp\] where="),
    (lambda x: np.exp(x, casting="unsafe"), ArgumentError, r"\[np.exp\] casting="),
    (lambda x: np.reshape(x, (3, 2), order="F"), ArgumentError, r"order= .* got 'F'"),
    (lambda x: np.var(x, mean=X), ArgumentError, r"\[np.var\] mean="),
    (lambda x: np.pad(x, 1, mode="edge"), ArgumentError, r"\[np.pad\] mode= .* got 'edge'"),
    (lambda x: np.pad(x, -1), ArgumentError, r"\[np.pad\] pad_width"),
    (lambda x: np.pad(x, {0: 1}), ArgumentError, r"\[np.pad\] pad_width"),
    (lambda x: np.pad(x, ((1, 2), (3, 4), (5, 6))), ArgumentError, r"\[np.pad\] pad_width"),
    (lambda x: np.pad(x, 1, constant_values=(1, 2)), ArgumentError, r"constant_values"),
    (lambda x: np.take(x, [0], mode="clip"), ArgumentError, r"\[np.take\] mode="),
    (lambda x: np.take(x, [7], axis=0), PellucidError, r"indices must lie in \[0, 2\), got 7"),
    (lambda x: np.take(x, [0.5]), DTypeError, "indices must be integers"),
    (lambda x: np.where(x > 2), ArgumentError, r"\[np.where\] .* condition alone"),
    (lambda x: np.where(x, x, 0), DTypeError, "condition must be bool"),
    (lambda x: np.average(x, returned=True), ArgumentError, r"\[np.average\] returned="),
    (lambda x: np.average(x, weights=[1, 2]), ShapeError, r"\[np.average\] weights"),
    (lambda x: np.linalg.norm(x, "nuc"), ArgumentError, r"\[np.linalg.norm\] ord .* 'nuc'"),
    (lambda x: np.linalg.norm(x, 2), ArgumentError, r"\[np.linalg.norm\] ord"),
    (lambda x: np.linalg.norm(x, 3, axis=0), ArgumentError, r"\[np.linalg.norm\] ord"),
    (lambda x: np.repeat(x, [1, 2]), ArgumentError, "repeats must be a whole number"),
    (lambda x: np.split(x, 4), ShapeError, r"\[np.split\] .* equal parts"),
    (lambda x: np.einsum("ii->i", x), ArgumentError, r"\[einsum\] expected letters"),
    (lambda x: np.einsum("ij,jk,kl->il", x, x, x), ArgumentError, "three operands as two products"),
    (lambda x: np.einsum("i...->i", x), ArgumentError, "expected letters"),
    (lambda x: np.einsum("i->i", x), ShapeError, "'i' needs 1 axes"),
    (lambda x: np.einsum("ij->ik", x), ArgumentError, "expected letters"),
    (lambda x: np.diag(x[0], 1), ArgumentError, r"\[np.diag\] v"),
    (lambda x: np.unique(x), ArgumentError, r"\[np.unique\] .* does not. At \S+ On numbers"),
    (lambda x: np.quantile(x, 1.5), ArgumentError, r"\[quantile\] q must lie in \[0, 1\]"),
    (lambda x: np.percentile(x, [[50], [1, 2]]), ArgumentError, r"\[percentile\] q must be"),
    (lambda x: np.quantile(x, x[0]), ArgumentError, r"q must be numbers, got f64\[3\]"),
    (lambda x: np.quantile(x, 0.5, method="closest_observation"), ArgumentError, "unknown method"),
    (lambda x: np.quantile(x, 0.5, weights=X), ArgumentError, r"weights= is not taken"),
    (lambda x: np.median(x[:, :0]), ShapeError, r"\[median\] x must have an element"),
    (lambda x: np.partition(x, 3), ArgumentError, r"kth must lie in \[-3, 3\), got 3"),
    (lambda x: np.take_along_axis(x, np.array([[3]]), 1), PellucidError, "lie in .0, 3., got 3"),
    (lambda x: np.take_along_axis(x, np.array([0]), 1), ShapeError, "must have the 2 axes"),
    (lambda x: np.sort(x, order="name"), ArgumentError, r"\[np.sort\] order= is not taken"),
    (lambda x: np.cumulative_sum(x), ArgumentError, r"np\.cumsum\(x, axis\)"),
    (lambda x: np.nansum(x), ArgumentError, r"np\.sum\(np\.where\(np\.isnan\(x\), 0, x\)\)"),
    (lambda x: np.fft.fft(x), ArgumentError, r"\[np.fft\]"),
    (lambda x: np.linalg.inv(np.eye(2) * x[0, 0]), ArgumentError, r"\[np.linalg.inv\]"),
    (lambda x: np.nextafter(x, x), ArgumentError, r"\[np.nextafter\]"),
    (lambda x: np.add.at(x, 0, 1), ArgumentError, r"\[np.add\] the method at"),
    (lambda x: np.subtract.reduce(x), ArgumentError, r"\[np.subtract\] the method reduce"),
    (lambda x: np.maximum.accumulate(x), ArgumentError, r"\[np.maximum\] the method accumulate"),
    (lambda x: np.add.reduceat(x, [0]), ArgumentError, r"the method reduceat"),
    (lambda x: np.add(x, 1, dtype=np.int64), DTypeError, r"\[np.add\] dtype must hold float64"),
    (lambda x: np.less(x, 1, dtype=float), DTypeError, r"\[np.less\] dtype must be bool"),
    (lambda x: np.mean(x, dtype=int), DTypeError, r"\[np.mean\] dtype must be float32 here"),
    (lambda x: np.concatenate([x, x], dtype=int), DTypeError, "dtype must hold"),
    (lambda x: np.sum(x, dtype=complex), DTypeError, "got complex"),
    (lambda x: x + np.ma.masked_array(X, X > 2), DTypeError, "masked arrays"),
    (lambda x: np.add(x, np.array([None, 1, 2])), DTypeError, "got object"),
    (lambda x: x * np.array([1j, 0, 0]), DTypeError, "got complex128"),
    (lambda x: np.add(x, "a"), DTypeError, "got str"),
    (lambda x: x + None, DTypeError, "got NoneType"),
    (lambda x: np.invert(x), DTypeError, r"\[np.invert\] operands must be bool"),
    (lambda x: np.reciprocal(Tensor([1, 2])), DTypeError, "Write 1 / x"),
    (lambda x: np.power(Tensor([1, 2]), -1), DTypeError, r"\[pow\] .* got -1"),
    (lambda x: np.power(Tensor([1, 2]), np.array([1, 2])), DTypeError, r"\[pow\]"),
    (lambda x: np.clip(x, 0, 1, out=np.zeros(2)), ArgumentError, r"\[np.clip\] out="),
    (lambda x: np.zeros_like(x, shape=(3,)), ArgumentError, r"\[np.zeros_like\] shape="),
    (lambda x: x[x > 2], ArgumentError, "boolean mask"),
    (lambda x: x[0.5], DTypeError, "index must be an integer"),
    (lambda x: x["a"], DTypeError, "dtype must be one of"),
    (lambda x: x[3], ArgumentError, r"an index must lie in \[-2, 2\), got 3"),
    (lambda x: x[0, 0, 0], ArgumentError, "at most 2 indices"),
    (lambda x: x[[0, 1], [0, 9]], PellucidError, "indices must lie in"),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSALS, ids=[r[2] for r in REFUSALS])
def test_refusals(call: Callable[..., Any], error: type[PellucidError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call(Tensor(X))
    assert "At test_numpy_functions.py" in str(caught.value)


def test_an_array_is_not_changed_in_place() -> None:
    total = np.zeros((2, 3))
    with pytest.raises(ArgumentError, match="A Tensor does not change"):
        total += Tensor(X)


def test_a_masked_array_on_the_left_is_refused() -> None:
    with pytest.raises(DTypeError, match="masked arrays are not supported"):
        np.ma.masked_array(X, X > 2) + Tensor(X)


def test_keywords_that_change_nothing_pass() -> None:
    x = Tensor(X)
    assert float(np.sum(x, None, None, None)) == 21
    assert float(np.sum(x, out=None, where=True)) == 21
    assert np.reshape(x, (3, 2), order="C").shape == (3, 2)
    assert np.exp(x, casting="same_kind", subok=True).shape == (2, 3)
    assert np.add(x, 1, out=None).shape == (2, 3)
    assert np.einsum("ij->i", x, optimize=True).shape == (2,)


def test_dtype_of_ufuncs_is_honoured() -> None:
    x = Tensor(np.array([1, 2], np.int32))
    assert np.add(x, x, dtype=np.float64).dtype == np.float64
    assert np.exp(x, dtype=np.float64).dtype == np.float64
    assert np.less(x, 2, dtype=bool).dtype == bool
    assert np.add(x, 1, dtype="int8").dtype == np.int8
    assert np.sum(x, dtype=np.int32).dtype == np.int32


def test_questions_for_the_host() -> None:
    x = Tensor(X)
    assert np.allclose(x, X) is True
    assert np.array_equal(x, X + 1) is False
    np.testing.assert_allclose(x, X)
    assert np.array2string(x) == np.array2string(X)


# --- pellucid.numpy ------------------------------------------------------------------------------


def test_one_spelling_for_rows_and_people() -> None:
    """Whatever `forward` may call where it computes is there where it is traced."""
    assert set(vars(NUMPY)) <= set(pnp.__all__)


@pytest.mark.parametrize("name", sorted(name for name, op in REGISTRY.items() if not op.user))
def test_every_row_is_traced_through_its_own_forward(name: str) -> None:
    op = REGISTRY[name]
    compared = 0
    for case in cases(op):
        if case.symbolic:
            continue
        for dtype in dtypes_of(op, case):
            arrays, attrs = sample(op, case, dtype), case.attributes(dtype)
            wanted = op.forward(NUMPY, *arrays, **attrs)
            (got,) = traced(lambda *xs, attrs=attrs: op.forward(pnp, *xs, **attrs), arrays)
            np.testing.assert_allclose(got, wanted, 1e-6, 1e-6)
            compared += 1
    assert compared


def test_the_page_is_written_from_the_tables() -> None:
    page = docs_numpy.page()
    assert docs_numpy.PAGE.read_text(encoding="utf-8") == page, "write it anew: make docs"
