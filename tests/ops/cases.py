"""For every row of the operation table: shapes, attributes, and how inputs are drawn.

Rows that act on each element get their cases from `ELEMENTWISE`; every other row stands in
`EXPLICIT`. A row without cases fails `test_registry.test_every_row_has_cases`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.dtypes import (
    DType,
    bool_,
    float32,
    float64,
    int8,
    int32,
    int64,
    uint8,
    uint32,
    uint64,
)
from pellucid.core.shapes import N, Shape
from pellucid.graph.node import TensorType
from pellucid.ops.spec import ANY, FLOATS, NUMBERS, Kind, Op

UNDER_TEST = "the dtype under test"  # stands for it in attributes
MARGIN = 0.01  # no sample lies closer to another, or to a whole or half number


@dataclass(frozen=True)
class Mask:
    """A boolean input."""


@dataclass(frozen=True)
class Index:
    """An integer input in [0, length), repeats included."""

    length: int
    dtype: DType = int64


@dataclass(frozen=True)
class Case:
    """One way to call a row. Dimensions may be N, which stands for `rows`.

    Args:
        draws: what an input is when it is not a tensor of the dtype under test.
        dtypes: the dtypes under test; None for all that the row accepts.
    """

    shapes: tuple[Shape, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    draws: tuple[Mask | Index | None, ...] = ()
    dtypes: tuple[DType, ...] | None = None
    rows: int = 4

    def __str__(self) -> str:
        inputs = " ".join(shapes.text(shape) for shape in self.shapes) or "–"
        attrs = ", ".join(f"{name}={_short(value)}" for name, value in self.attrs.items())
        return f"{inputs} {attrs}".strip()

    @property
    def symbolic(self) -> bool:
        named = any(map(shapes.has_batch, self.shapes))
        return named or shapes.bind(tuple(self.attrs.values()), 1) != tuple(self.attrs.values())

    @property
    def empty(self) -> bool:
        return 0 in [dim for shape in self.bound().shapes for dim in shape] or 0 in self.attrs.get(
            "shape", ()
        )

    @property
    def scalar(self) -> bool:
        return () in self.shapes or self.attrs.get("shape") == ()

    def bound(self, rows: int | None = None) -> Case:
        """The case with a number in place of N."""
        n = self.rows if rows is None else rows
        attrs = {name: shapes.bind(value, n) for name, value in self.attrs.items()}
        return replace(self, shapes=shapes.bind(self.shapes, n), attrs=attrs)

    def draw(self, i: int) -> Mask | Index | None:
        return self.draws[i] if i < len(self.draws) else None

    def types(self, dtype: DType) -> list[TensorType]:
        result = []
        for i, shape in enumerate(self.shapes):
            draw = self.draw(i)
            own = bool_ if isinstance(draw, Mask) else getattr(draw, "dtype", dtype)
            result.append(TensorType(own, shape))
        return result

    def attributes(self, dtype: DType) -> dict[str, Any]:
        return {
            name: dtype if isinstance(value, str) and value == UNDER_TEST else value
            for name, value in self.attrs.items()
        }


def _short(value: Any) -> str:
    return "dtype" if value == UNDER_TEST else repr(value).replace(" ", "")


def seed_of(*words: object) -> int:
    """A seed that is the same in every run and on every machine."""
    return zlib.crc32(" ".join(map(str, words)).encode())


def sample(op: Op, case: Case, dtype: DType) -> list[np.ndarray]:
    """Inputs for a case without N, drawn from the row's samples, away from kinks and ties."""
    for attempt in range(50):
        arrays = _draw(op, case, dtype, attempt)
        floats = [array for array in arrays if array.dtype.kind == "f"]
        if not floats or _apart(floats):
            break
    return arrays


def _draw(op: Op, case: Case, dtype: DType, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed_of(op.name, case, seed))
    arrays = []
    for i, type in enumerate(case.types(dtype)):
        draw = case.draw(i)
        shape = tuple(int(dim) for dim in type.shape)
        if isinstance(draw, Mask) or type.dtype.kind == "b":
            array: Any = rng.integers(0, 2, shape)
        elif isinstance(draw, Index):
            array = rng.integers(0, draw.length, shape)
        else:
            low, high = op.samples[min(i, len(op.samples) - 1)]
            array = _numbers(rng, shape, low, high, type.dtype)
        arrays.append(np.asarray(array).astype(type.dtype.name))
    return arrays


def _numbers(
    rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float, dtype: DType
) -> np.ndarray:
    if not dtype.is_float:
        first = max(0, int(np.ceil(low))) if dtype.kind == "u" else int(np.ceil(low))
        return rng.integers(first, int(np.floor(high)) + 1, shape)
    n = int(np.prod(shape))
    places = (np.arange(n) + rng.uniform(0.2, 0.8, n)) / max(n, 1)
    values = low + (high - low) * rng.permutation(places)
    near = np.abs(2 * values - np.round(2 * values)) < 4 * MARGIN
    return np.where(near, values + 4 * MARGIN, values).reshape(shape)


def _apart(floats: Sequence[np.ndarray]) -> bool:
    """Whether all numbers lie apart from each other and from multiples of a half."""
    values = np.sort(np.concatenate([array.ravel().astype(np.float64) for array in floats]))
    off = np.abs(2 * values - np.round(2 * values)) / 2
    return bool(np.all(np.diff(values) > MARGIN / 2) and np.all(off > MARGIN / 2))


# One, two or three inputs that act on each element.
ELEMENTWISE: dict[int, tuple[tuple[Shape, ...], ...]] = {
    1: (((),), ((3,),), ((2, 3),), ((0,),), ((2, 0, 3),), ((N, 3),), ((2 * N,),)),
    2: (
        ((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((2, 1), (2, 3)), ((3, 1), (1, 2)),
        ((3,), (2, 3)), ((2, 3), (3,)), ((), (2, 2)), ((2, 2), ()), ((2, 1, 2), (3, 1)),
        ((0,), ()), ((0, 3), (1, 3)), ((N, 2), (N, 2)), ((N, 1), (N, 2)), ((2,), (N, 2)),
        ((N,), ()),
    ),
    3: (
        ((), (), ()), ((3,), (3,), (3,)), ((2, 1), (1, 3), ()), ((2, 2), (), (2, 2)),
        ((), (2, 2), (2,)), ((3,), (2, 3), (2, 1)), ((0, 2), (2,), ()), ((N, 1), (N, 2), (2,)),
        ((N, 2), (), (N, 2)),
    ),
}  # fmt: skip


def _each(op: Op) -> list[Case]:
    return [Case(each) for each in ELEMENTWISE[len(op.inputs)]]


def _subsets(rank: int) -> list[tuple[int, ...]]:
    return [tuple(i for i in range(rank) if bits >> i & 1) for bits in range(2**rank)]


def _reductions(shape: Shape) -> list[Case]:
    return [
        Case((shape,), {"axis": axis, "keepdims": keepdims})
        for axis in _subsets(len(shape))
        for keepdims in (False, True)
    ]


def _reduce(empty: bool) -> list[Case]:
    found = [*_reductions(()), *_reductions((4,)), *_reductions((2, 3)), *_reductions((2, 3, 2))]
    found += _reductions((N, 3))
    found += [Case(((0, 3),), {"axis": (1,), "keepdims": k}) for k in (False, True)]
    found += [Case(((2, 0),), {"axis": (), "keepdims": False})]
    if empty:
        found += [Case(((0, 3),), {"axis": axis, "keepdims": False}) for axis in ((0,), (0, 1))]
    return found


def _argmax() -> list[Case]:
    found = [
        Case((shape,), {"axis": axis, "keepdims": keepdims})
        for shape in ((4,), (2, 3), (2, 3, 2), (N, 3))
        for axis in range(len(shape))
        for keepdims in (False, True)
    ]
    return [*found, Case(((0, 3),), {"axis": 1, "keepdims": False})]


def _shape(*pairs: tuple[Shape, Shape], name: str = "shape") -> list[Case]:
    return [Case((old,), {name: new}) for old, new in pairs]


def _slice(shape: Shape, start: Any, stop: Any, step: Any) -> Case:
    return Case((shape,), {"start": start, "stop": stop, "step": step})


def _pad(shape: Shape, low: Any, high: Any, interior: Any) -> Case:
    return Case((shape, ()), {"low": low, "high": high, "interior": interior})


def _concat(axis: int, *each: Shape) -> Case:
    return Case(each, {"axis": axis})


# shape, axes, size, stride, dilation: kernels below, at and above the stride; dilation; two axes.
WINDOWS: tuple[tuple[Any, ...], ...] = (
    ((5,), (0,), (2,), (1,), (1,)),
    ((7,), (0,), (2,), (3,), (1,)),
    ((7,), (0,), (3,), (2,), (2,)),
    ((6,), (0,), (3,), (3,), (1,)),
    ((2,), (0,), (3,), (1,), (1,)),
    ((2, 5, 2), (1,), (2,), (2,), (1,)),
    ((4, 5), (0, 1), (2, 3), (1, 2), (1, 1)),
    ((1, 5, 4, 2), (1, 2), (2, 2), (2, 1), (2, 1)),
    ((2, 3), (), (), (), ()),
    ((0, 4), (1,), (2,), (1,), (1,)),
    ((N, 4, 2), (1,), (2,), (1,), (1,)),
    ((N, 4, 4, 1), (1, 2), (2, 2), (2, 1), (1, 2)),
)


def _windows() -> list[Case]:
    names = ("axes", "size", "stride", "dilation")
    return [Case((shape,), dict(zip(names, rest, strict=True))) for shape, *rest in WINDOWS]


def _fold() -> list[Case]:
    result = []
    for shape, axes, size, stride, dilation in WINDOWS:
        lengths = tuple(shape[axis] for axis in axes)
        outer = list(shape)
        for axis, k, s, d in zip(axes, size, stride, dilation, strict=True):
            outer[axis] = shapes.window_count(shape[axis], k, s, d)
        attrs = {
            "axes": axes, "size": size, "stride": stride, "dilation": dilation, "lengths": lengths,
        }  # fmt: skip
        result.append(Case(((*outer, *size),), attrs))
    return result


def _contract(x: Shape, y: Shape, batch: Any = (), summed: Any = ()) -> Case:
    return Case((x, y), {"batch": batch, "summed": summed})


def _gather(x: Shape, indices: Shape, axis: int, index_dtype: DType = int64) -> Case:
    length = int(shapes.bind(x[axis], 4))
    return Case((x, indices), {"axis": axis}, (None, Index(length, index_dtype)))


GATHERS = (
    _gather((4,), (), 0), _gather((4,), (6,), 0), _gather((3, 2), (5,), 0),
    _gather((2, 3), (4,), 1), _gather((3, 2), (2, 3), 0), _gather((2, 3, 2), (2, 2), 1),
    _gather((3, 2), (0,), 0), _gather((3, 0), (2,), 0), _gather((3,), (4,), 0, uint8),
    _gather((3,), (4,), 0, int32), _gather((3,), (4,), 0, uint64), _gather((N, 3), (2,), 1),
    _gather((5,), (N,), 0), _gather((4, 2), (N,), 0), _gather((N, 2), (3,), 0),
)  # fmt: skip


def _scatter() -> list[Case]:
    result = []
    for case in GATHERS:
        x, indices = case.shapes
        axis = case.attrs["axis"]
        updates = x[:axis] + indices + x[axis + 1 :]
        result.append(replace(case, shapes=(x, indices, updates), draws=(*case.draws, None)))
    return result


SHAPES: tuple[Shape, ...] = ((), (3,), (5,), (2, 3), (0,), (0, 2), (N,), (N, 3))


def _random(**attrs: Any) -> list[Case]:
    return [Case(((), ()), {"stream": "layer/mask", "shape": shape, **attrs}) for shape in SHAPES]


EXPLICIT: dict[str, list[Case]] = {
    "where": [Case(each, draws=(Mask(),)) for each in ELEMENTWISE[3]],
    "cast": [
        Case((shape,), {"dtype": dtype})
        for shape in ((), (3,), (2, 3), (0,), (N, 2))
        for dtype in (float32, float64, int32, uint8, bool_)
    ],
    "sum": _reduce(empty=True),
    "max": _reduce(empty=False),
    "min": _reduce(empty=False),
    "argmax": _argmax(),
    "reshape": _shape(
        ((), ()),
        ((), (1, 1)),
        ((1,), ()),
        ((6,), (2, 3)),
        ((2, 3), (3, 2)),
        ((2, 3, 2), (12,)),
        ((0, 3), (3, 0)),
        ((N, 2, 3), (N, 6)),
        ((N, 3), (3 * N,)),
        ((2 * N,), (N, 2)),
        ((N, 3), (3, N)),
    ),
    "permute_dims": _shape(
        ((), ()),
        ((3,), (0,)),
        ((2, 3), (1, 0)),
        ((2, 3, 4), (2, 0, 1)),
        ((2, 3, 4), (1, 2, 0)),
        ((2, 3, 1, 2), (3, 1, 0, 2)),
        ((0, 3), (1, 0)),
        ((N, 2, 3), (2, 0, 1)),
        name="axes",
    ),
    "broadcast_to": _shape(
        ((), ()),
        ((), (2, 3)),
        ((3,), (2, 3)),
        ((2, 1), (2, 3)),
        ((1, 1), (2, 2)),
        ((2, 3), (2, 3)),
        ((1,), (0,)),
        ((2, 1, 2), (3, 2, 2, 2)),
        ((3,), (N, 3)),
        ((N, 1), (N, 2)),
        ((1, 2), (N, 2)),
        ((N, 2), (3, N, 2)),
    ),
    "slice": [
        _slice((), (), (), ()),
        _slice((5,), (0,), (5,), (1,)),
        _slice((5,), (1,), (4,), (1,)),
        _slice((7,), (1,), (7,), (3,)),
        _slice((7,), (0,), (6,), (2,)),
        _slice((5,), (2,), (2,), (1,)),
        _slice((5,), (5,), (5,), (2,)),
        _slice((3, 4), (1, 0), (3, 4), (1, 2)),
        _slice((3, 4), (0, 3), (1, 4), (5, 1)),
        _slice((0, 2), (0, 0), (0, 1), (1, 1)),
        _slice((N, 4), (0, 1), (N, 4), (1, 2)),
        _slice((3, 2 * N), (0, 0), (2, 2 * N), (1, 1)),
    ],
    "flip": _shape(
        ((), ()),
        ((3,), (0,)),
        ((2, 3), (0,)),
        ((2, 3), (1,)),
        ((2, 3), (0, 1)),
        ((2, 3), ()),
        ((0, 2), (0,)),
        ((N, 3), (1,)),
        ((N, 3), (0,)),
        name="axis",
    ),
    "concat": [
        _concat(0, (3,)),
        _concat(0, (2,), (3,)),
        _concat(0, (2,), (1,), (3,)),
        _concat(1, (2, 1), (2, 3)),
        _concat(0, (1, 2), (3, 2), (2, 2)),
        _concat(0, (0,), (2,)),
        _concat(1, (2, 0), (2, 0)),
        _concat(1, (2, 2, 1), (2, 1, 1)),
        _concat(1, (N, 2), (N, 3)),
        _concat(0, (N, 2), (2 * N, 2)),
        _concat(1, (2, N), (2, N), (2, N)),
    ],
    "pad": [
        _pad((), (), (), ()),
        _pad((3,), (1,), (2,), (0,)),
        _pad((3,), (0,), (0,), (2,)),
        _pad((3,), (2,), (1,), (1,)),
        _pad((2, 3), (0, 1), (1, 0), (1, 0)),
        _pad((1,), (1,), (1,), (3,)),
        _pad((0,), (1,), (2,), (2,)),
        _pad((0, 2), (0, 1), (0, 0), (0, 1)),
        _pad((N, 2), (0, 1), (0, 1), (0, 1)),
        _pad((2, 3), (0, 0), (0, 0), (0, 0)),
    ],
    "windows": _windows(),
    "fold": _fold(),
    "contract": [
        _contract((), ()),
        _contract((), (3,)),
        _contract((3,), (2,)),
        _contract((3,), (3,), (), ((0, 0),)),
        _contract((2, 3), (3, 2), (), ((1, 0),)),
        _contract((3, 2), (3, 2), (), ((0, 0),)),
        _contract((2, 3), (4, 3), (), ((1, 1),)),
        _contract((3, 2), (4, 3), (), ((0, 1),)),
        _contract((2, 3), (2, 3), (), ((0, 0), (1, 1))),
        _contract((2, 3), (3, 2), (), ((1, 0), (0, 1))),
        _contract((2, 3), (2, 3), ((0, 0),), ((1, 1),)),
        _contract((2, 3), (2, 3), ((0, 0), (1, 1)), ()),
        _contract((2, 3), (3, 2), ((1, 0),), ()),
        _contract((2, 3, 2), (2, 2, 3), ((0, 1),), ((2, 0),)),
        _contract((2, 3, 2), (3, 2, 2), ((2, 1), (0, 2)), ((1, 0),)),
        _contract((2, 3, 2, 1), (3, 1, 2, 2), ((2, 3),), ((3, 1), (1, 0))),
        _contract((2, 3, 2), (2, 3, 2), (), ((2, 0), (0, 2))),
        _contract((3, 2, 2), (2, 2, 3), ((1, 1),), ((0, 2), (2, 0))),
        _contract((2, 0), (0, 3), (), ((1, 0),)),
        _contract((0, 2), (2, 3), (), ((1, 0),)),
        _contract((0, 2), (0, 2), ((0, 0),), ((1, 1),)),
        _contract((N, 3), (3, 2), (), ((1, 0),)),
        _contract((N, 3), (N, 2), (), ((0, 0),)),
        _contract((3, 2), (N, 3), (), ((0, 1),)),
        _contract((N, 2), (N, 2), ((0, 0),), ((1, 1),)),
        _contract((N, 2, 2), (N, 2, 3), ((0, 0),), ((2, 1),)),
        _contract((N,), (2,)),
    ],
    "gather": list(GATHERS),
    "scatter_add": _scatter(),
    "one_hot": [
        Case((shape,), {"depth": depth, "dtype": dtype})
        for shape, depth in (
            ((), 4),
            ((5,), 3),
            ((2, 3), 4),
            ((0,), 3),
            ((3,), 0),
            ((N,), 3),
            ((2,), N),
        )
        for dtype in (float32, float64, int32, bool_)
    ],
    "full": [
        Case((), {"value": value, "shape": shape, "dtype": UNDER_TEST}, dtypes=dtypes)
        for shape in SHAPES
        for value, dtypes in ((0, NUMBERS), (7, NUMBERS), (True, (bool_,)), (-2.5, FLOATS))
    ]
    + [
        Case((), {"value": value, "shape": (2,), "dtype": UNDER_TEST}, dtypes=FLOATS)
        for value in (-0.0, float("inf"), float("-inf"), float("nan"), 1e-7)
    ],
    "iota": [
        Case((), {"shape": shape, "axis": axis, "dtype": UNDER_TEST})
        for shape, axis in (
            ((4,), 0),
            ((2, 3), 0),
            ((2, 3), 1),
            ((2, 3, 2), 1),
            ((0,), 0),
            ((2, 0), 0),
            ((N,), 0),
            ((N, 3), 0),
            ((N, 3), 1),
        )
    ],
    "size": [
        Case((shape,), {"axis": axis})
        for shape in ((3,), (2, 3), (0, 2), (N, 3), (2 * N,))
        for axis in range(len(shape))
    ],
    "random_bits": _random(),
    "uniform": [*_random(dtype=float32), *_random(dtype=float64)],
    "normal": [*_random(dtype=float32), *_random(dtype=float64)],
}

# Shapes that do not fit each other: (input shapes, attributes).
MISFITS: dict[str, list[Case]] = {
    "where": [Case(((2,), (3,), ()), draws=(Mask(),)), Case(((), (3,), (2,)), draws=(Mask(),))],
    "sum": [
        Case(((2,),), {"axis": (1,), "keepdims": False}),
        Case(((2, 3),), {"axis": (1, 0), "keepdims": False}),
        Case(((2, 3),), {"axis": (0, 0), "keepdims": False}),
        Case(((2, 3),), {"axis": (-1,), "keepdims": False}),
    ],
    "max": [Case(((0, 2),), {"axis": (0,), "keepdims": False})],
    "min": [Case(((0, 2),), {"axis": (0, 1), "keepdims": True})],
    "argmax": [
        Case(((),), {"axis": 0, "keepdims": False}),
        Case(((3,),), {"axis": 1, "keepdims": False}),
        Case(((0,),), {"axis": 0, "keepdims": False}),
    ],
    "reshape": _shape(
        ((6,), (4,)), ((6,), (-2, -3)), ((6,), (-1, -1)), ((6,), (4, -1)), ((N, 3), (2, N))
    ),
    "permute_dims": _shape(((2, 3), (0,)), ((2, 3), (0, 0)), ((2, 3), (0, 2)), name="axes"),
    "broadcast_to": _shape(((3,), (2,)), ((2, 3), (3,)), ((2,), (2, 3)), ((3,), (1,))),
    "slice": [
        _slice((5,), (0,), (6,), (1,)),
        _slice((5,), (-1,), (3,), (1,)),
        _slice((5,), (3,), (2,), (1,)),
        _slice((5,), (0,), (5,), (0,)),
        _slice((5,), (0, 0), (5, 1), (1, 1)),
        _slice((N, 2), (0, 0), (3, 2), (1, 1)),
    ],
    "flip": _shape(((2,), (1,)), ((2, 2), (0, 0)), name="axis"),
    "concat": [
        _concat(0, (2, 3), (2, 2)),
        _concat(1, (2,), (2,)),
        _concat(0, (), ()),
        _concat(0),
        _concat(0, (2,), (2, 1)),
        _concat(0, (N, 2), (3, 2)),
        _concat(0, (2, N), (2,)),
    ],
    "pad": [
        _pad((3,), (-1,), (0,), (0,)),
        _pad((3,), (1, 1), (0, 0), (0, 0)),
        Case(((3,), (1,)), {"low": (1,), "high": (1,), "interior": (0,)}),
        _pad((N, 2), (1, 0), (0, 0), (0, 0)),
    ],
    "windows": [
        Case(((5,),), {"axes": (0,), "size": (0,), "stride": (1,), "dilation": (1,)}),
        Case(((5,),), {"axes": (1,), "size": (2,), "stride": (1,), "dilation": (1,)}),
        Case(((5,),), {"axes": (0,), "size": (2, 2), "stride": (1,), "dilation": (1,)}),
        Case(((N,),), {"axes": (0,), "size": (2,), "stride": (1,), "dilation": (1,)}),
    ],
    "fold": [
        Case(
            ((4, 2),),
            {"axes": (0,), "size": (2,), "stride": (1,), "dilation": (1,), "lengths": (6,)},
        ),
        Case(
            ((4, 2),),
            {"axes": (0,), "size": (2,), "stride": (1,), "dilation": (1,), "lengths": (5, 5)},
        ),
        Case(
            ((2,),), {"axes": (0,), "size": (2,), "stride": (1,), "dilation": (1,), "lengths": (3,)}
        ),
        Case(
            ((N, 2),),
            {"axes": (0,), "size": (2,), "stride": (1,), "dilation": (1,), "lengths": (N,)},
        ),
    ],
    "contract": [
        _contract((2, 3), (2, 3), (), ((1, 0),)),
        _contract((2, 3), (3,), (), ((2, 0),)),
        _contract((2, 3), (3, 3), (), ((1, 0), (1, 1))),
        _contract((2,), (2,), ((0, 0),), ((0, 0),)),
        _contract((2, 3), (2, 3), (), ((-1, -1),)),
        _contract((N,), (N,)),
    ],
    "gather": [
        Case(((), (2,)), {"axis": 0}, (None, Index(2))),
        Case(((3,), (2,)), {"axis": 1}, (None, Index(2))),
        Case(((N, 2), (N,)), {"axis": 1}, (None, Index(2))),
    ],
    "scatter_add": [
        Case(((3,), (2,), (3,)), {"axis": 0}, (None, Index(2))),
        Case(((3, 2), (2,), (2,)), {"axis": 0}, (None, Index(2))),
    ],
    "one_hot": [
        Case(((2,),), {"depth": -1, "dtype": float32}),
        Case(((N,),), {"depth": N, "dtype": float32}),
    ],
    "full": [
        Case((), {"value": 0, "shape": (-1,), "dtype": float32}),
        Case((), {"value": 300, "shape": (), "dtype": uint8}),
        Case((), {"value": -129, "shape": (), "dtype": int8}),
        Case((), {"value": 0.5, "shape": (), "dtype": int64}),
        Case((), {"value": 2, "shape": (), "dtype": bool_}),
        Case((), {"value": "1", "shape": (), "dtype": float32}),
        Case((), {"value": 0, "shape": (N, N), "dtype": float32}),
    ],
    "iota": [
        Case((), {"shape": (), "axis": 0, "dtype": float32}),
        Case((), {"shape": (2,), "axis": 1, "dtype": int64}),
        Case((), {"shape": (2,), "axis": 0, "dtype": bool_}),
        Case((), {"shape": (300,), "axis": 0, "dtype": uint8}),
    ],
    "size": [Case(((),), {"axis": 0}), Case(((3,),), {"axis": -1})],
    "random_bits": [
        Case(((1,), ()), {"stream": "", "shape": (2,)}),
        Case(((), ()), {"stream": "", "shape": (-2,)}),
    ],
    "uniform": [
        Case(((), (1,)), {"stream": "", "shape": (2,), "dtype": float32}),
        Case(((), ()), {"stream": "", "shape": (2,), "dtype": int32}),
    ],
    "normal": [
        Case(((), ()), {"stream": "", "shape": (2,), "dtype": bool_}),
        Case(((), ()), {"stream": "", "shape": (2, -1), "dtype": float64}),
    ],
}


def cases(op: Op) -> list[Case]:
    """The cases of a row; none for a row that nobody wrote cases for."""
    if op.name in EXPLICIT:
        return EXPLICIT[op.name]
    if op.kind in (Kind.ELEMENTWISE, Kind.COMPARE) and not op.attrs and not op.variadic:
        return _each(op)
    return []


def misfits(op: Op) -> list[Case]:
    """Calls that the type rule must refuse because shapes or attributes do not fit."""
    if op.name in MISFITS:
        return MISFITS[op.name]
    if op.kind in (Kind.ELEMENTWISE, Kind.COMPARE) and len(op.inputs) == 2:
        pairs = (((2,), (3,)), ((2, 3), (2, 2)), ((N,), (3,)), ((N, 1), (1, N)), ((0,), (2,)))
        return [Case(pair) for pair in pairs]
    return []


def dtypes_of(op: Op, case: Case) -> tuple[DType, ...]:
    """The dtypes a case is run in."""
    return case.dtypes or op.accepts


__all__ = [
    "ANY", "EXPLICIT", "UNDER_TEST", "Case", "Index", "Mask", "cases", "dtypes_of", "misfits",
    "sample", "seed_of", "uint32",
]  # fmt: skip
