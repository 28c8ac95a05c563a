"""For every row of the operation table: shapes and attributes to call it with.

Rows that act on each element get their cases from `ELEMENTWISE`; every other row stands in
`EXPLICIT`. A row without cases fails `test_registry.test_every_row_has_cases`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pellucid.core import shapes
from pellucid.core.dtypes import (
    DType,
    bool_,
    float32,
    float64,
    int32,
    int64,
    uint8,
    uint64,
)
from pellucid.core.shapes import N, Shape
from pellucid.ops.spec import FLOATS, NUMBERS, Kind, Op
from tests.ops.sampling import UNDER_TEST, Case, Index, Mask

# One, two or three inputs that act on each element.
ELEMENTWISE: dict[int, tuple[tuple[Shape, ...], ...]] = {
    1: (((),), ((3,),), ((2, 3),), ((0,),), ((2, 0, 3),), ((N, 3),), ((2 * N,),)),
    2: (
        ((), ()),
        ((3,), (3,)),
        ((2, 3), (2, 3)),
        ((2, 1), (2, 3)),
        ((3, 1), (1, 2)),
        ((3,), (2, 3)),
        ((2, 3), (3,)),
        ((), (2, 2)),
        ((2, 2), ()),
        ((2, 1, 2), (3, 1)),
        ((0,), ()),
        ((0, 3), (1, 3)),
        ((N, 2), (N, 2)),
        ((N, 1), (N, 2)),
        ((2,), (N, 2)),
        ((N,), ()),
    ),
    3: (
        ((), (), ()),
        ((3,), (3,), (3,)),
        ((2, 1), (1, 3), ()),
        ((2, 2), (), (2, 2)),
        ((), (2, 2), (2,)),
        ((3,), (2, 3), (2, 1)),
        ((0, 2), (2,), ()),
        ((N, 1), (N, 2), (2,)),
        ((N, 2), (), (N, 2)),
    ),
}


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


BLOCK_SUMS = [
    Case((shape,), {"axis": axis, "keepdims": keepdims, "block": block})
    for shape, axis, keepdims, block in (
        ((5,), (0,), False, 2),
        ((3, 5), (1,), True, 2),
        ((N, 3), (0,), False, 1),
        ((N, 3), (0, 1), False, 2),
        ((0, 3), (0,), False, 2),
    )
]


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
            "axes": axes,
            "size": size,
            "stride": stride,
            "dilation": dilation,
            "lengths": lengths,
        }
        result.append(Case(((*outer, *size),), attrs))
    return result


def _contract(
    x: Shape, y: Shape, batch: Any = (), summed: Any = (), block: int | None = None
) -> Case:
    attrs = {"batch": batch, "summed": summed}
    return Case((x, y), attrs if block is None else {**attrs, "block": block})


def _gather(x: Shape, indices: Shape, axis: int, index_dtype: DType = int64) -> Case:
    length = int(shapes.bind(x[axis], 4))
    return Case((x, indices), {"axis": axis}, (None, Index(length, index_dtype)))


GATHERS = (
    _gather((4,), (), 0),
    _gather((4,), (6,), 0),
    _gather((3, 2), (5,), 0),
    _gather((2, 3), (4,), 1),
    _gather((3, 2), (2, 3), 0),
    _gather((2, 3, 2), (2, 2), 1),
    _gather((3, 2), (0,), 0),
    _gather((3, 0), (2,), 0),
    _gather((3,), (4,), 0, uint8),
    _gather((3,), (4,), 0, int32),
    _gather((3,), (4,), 0, uint64),
    _gather((N, 3), (2,), 1),
    _gather((5,), (N,), 0),
    _gather((4, 2), (N,), 0),
    _gather((N, 2), (3,), 0),
)


def _scatter() -> list[Case]:
    result = []
    for case in GATHERS:
        x, indices = case.shapes
        axis = case.attrs["axis"]
        updates = x[:axis] + indices + x[axis + 1 :]
        case = replace(case, shapes=(x, indices, updates), draws=(*case.draws, None))
        result.append(case)
        if indices in ((6,), (2, 3), (2, 2), (0,), (N,)):
            result.append(replace(case, attrs={**case.attrs, "block": 2}))
    return result


SHAPES: tuple[Shape, ...] = ((), (3,), (5,), (2, 3), (0,), (0, 2), (N,), (N, 3))


def _random(**attrs: Any) -> list[Case]:
    found = [Case(((), ()), {"stream": "layer/mask", "shape": shape, **attrs}) for shape in SHAPES]
    return [*found, Case(((), (), ()), {"stream": "layer/mask", "shape": (3, 5), **attrs})]


EXPLICIT: dict[str, list[Case]] = {
    "where": [Case(each, draws=(Mask(),)) for each in ELEMENTWISE[3]],
    "cast": [
        Case((shape,), {"dtype": dtype})
        for shape in ((), (3,), (2, 3), (0,), (N, 2))
        for dtype in (float32, float64, int32, uint8, bool_)
    ],
    "sum": [*_reduce(empty=True), *BLOCK_SUMS],
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
        _contract((7,), (7,), (), ((0, 0),), 2),
        _contract((N, 3), (N, 2), (), ((0, 0),), 2),
        _contract((N, 3, 2), (2, N, 2), (), ((0, 1), (2, 0)), 1),
        _contract((2, 5, 3), (2, 2, 5), ((0, 0),), ((1, 2),), 2),
        _contract((2, 0), (0, 3), (), ((1, 0),), 2),
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
    "argsort": [
        Case((shape,))
        for shape in ((1,), (5,), (17,), (2, 3), (2, 3, 4), (0,), (3, 0), (0, 3), (N, 5), (3, N))
    ],
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


def cases(op: Op) -> list[Case]:
    """The cases of a row; none for a row that nobody wrote cases for."""
    if op.name in EXPLICIT:
        return EXPLICIT[op.name]
    if op.kind in (Kind.ELEMENTWISE, Kind.COMPARE) and not op.attrs and not op.variadic:
        return _each(op)
    return []
