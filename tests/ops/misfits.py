"""Calls that the type rule of a row must refuse: shapes or attributes that do not fit."""

from __future__ import annotations

from pellucid.core.dtypes import (
    bool_,
    float32,
    float64,
    int8,
    int32,
    int64,
    uint8,
)
from pellucid.core.shapes import N
from pellucid.ops.spec import Kind, Op
from tests.ops.cases import _concat, _contract, _pad, _shape, _slice
from tests.ops.sampling import Case, Index, Mask

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
    "argsort": [Case(((),))],
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
        Case(((),), {"stream": "", "shape": (2,)}),
        Case(((), (), (), ()), {"stream": "", "shape": (2,)}),
        Case(((), (), (2,)), {"stream": "", "shape": (2,)}),
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


def misfits(op: Op) -> list[Case]:
    """Calls that the type rule must refuse because shapes or attributes do not fit."""
    if op.name in MISFITS:
        return MISFITS[op.name]
    if op.kind in (Kind.ELEMENTWISE, Kind.COMPARE) and len(op.inputs) == 2:
        pairs = (((2,), (3,)), ((2, 3), (2, 2)), ((N,), (3,)), ((N, 1), (1, N)), ((0,), (2,)))
        return [Case(pair) for pair in pairs]
    return []
