"""The row that sorts. Values in order, quantiles and the like are read through it, by `gather`."""

from __future__ import annotations

from pellucid.core import shapes
from pellucid.core.dtypes import int64
from pellucid.core.errors import ShapeError, TooLargeError
from pellucid.graph.node import TensorType
from pellucid.ops.spec import NUMBERS, Kind, NotDifferentiable, Op, check_dtype, register

_LONGEST = 2**31 - 1  # machine code sorts places of 32 bits


def _argsort_type(x: TensorType) -> TensorType:
    check_dtype("argsort", "x", x, NUMBERS)
    if not x.shape:
        raise ShapeError("argsort", f"x must have an axis to sort along, got {x!r}")
    length = x.shape[-1]
    if isinstance(length, int) and length > _LONGEST:
        raise TooLargeError("argsort", f"the sorted axis must be shorter than 2³¹, got {length}")
    return TensorType(int64, shapes.check("argsort", x.shape))


argsort = register(
    Op(
        "argsort",
        Kind.GATHER,
        ("x",),
        (),
        _argsort_type,
        forward=lambda xp, x: xp.argsort(x),
        derivative=NotDifferentiable("the positions of sorted elements are integers"),
        exact=True,
        samples=((-3, 3),),
        formula=r"\operatorname{argsort} x",
        accepts=NUMBERS,
        doc="The positions that put the last axis in rising order; equals keep their order, and "
        "NaN stands last.",
    )
)
