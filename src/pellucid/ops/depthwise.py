"""Convolutions of each channel by itself, as the passes make them of products over windows.

No function is traced to these rows and none is differentiated: what is written and what is stepped
through are `windows`, `contract` and `fold`. x is (N, L₁, …, C), channels last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import Dim
from pellucid.graph.node import TensorType
from pellucid.ops.spec import FLOATS, MADE, Kind, NotDifferentiable, Op, check_dtype, same_dtype

Ints = tuple[int, ...]
_DERIVATIVE = NotDifferentiable("passes make it of rows that were differentiated before")
_MOST = 2**31 - 1  # as of windows


def padded(length: int, low: int, high: int, interior: int) -> int:
    """The places of an axis with zeros before, behind and between its elements."""
    return max(0, low + max(0, length + max(0, length - 1) * interior) + high)


def _lengths(where: str, x: TensorType, rank: int, *several: Ints) -> list[int]:
    """The axes that kernels slide along; attributes have an entry for each."""
    if len(x.shape) != rank + 2 or rank < 1:
        raise ShapeError(where, f"x must be (N, L, …, C) for a kernel of {rank} axes, got {x!r}")
    if any(len(one) != rank for one in several):
        raise ArgumentError(where, f"attributes need {rank} entries each, got {several}")
    if min(min(one) for one in several[:2]) < 1 or max(map(max, several)) > _MOST:
        raise ArgumentError(where, f"steps must be at least 1, attributes below 2³¹, got {several}")
    known = [dim for dim in x.shape[1:] if isinstance(dim, int)]
    if len(known) <= rank:
        raise ShapeError(where, f"all axes but the first must be of known length, got {x!r}")
    return known[:-1]


def _type(
    x: TensorType,
    w: TensorType,
    stride: Ints,
    dilation: Ints,
    low: Ints,
    high: Ints,
    interior: Ints,
) -> TensorType:
    dtype = same_dtype("depthwise", ("x", "w"), (x, w))
    check_dtype("depthwise", "x", x, FLOATS)
    lengths = _lengths("depthwise", x, len(w.shape) - 1, stride, dilation, low, high, interior)
    sizes = [dim for dim in w.shape[:-1] if isinstance(dim, int)]
    if len(sizes) != len(lengths) or min(sizes) < 1 or w.shape[-1] != x.shape[-1]:
        raise ShapeError("depthwise", f"w must be (K, …, C) for x {x!r}, got {w!r}")
    if min(interior) < 0:
        raise ArgumentError("depthwise", f"interior must be ≥ 0, got {interior}")
    dims: list[Dim] = [x.shape[0]]
    facts = zip(lengths, sizes, stride, dilation, low, high, interior, strict=True)
    for length, size, step, apart, before, after, between in facts:
        if between and apart > 1:
            raise ArgumentError("depthwise", "an axis must have no interior or dilation 1")
        long = padded(length, before, after, between)
        dims.append(shapes.window_count(long, size, step, apart))
    return TensorType(dtype, shapes.check("depthwise", (*dims, x.shape[-1])))


def _forward(
    xp: Any, x: Any, w: Any, stride: Ints, dilation: Ints, low: Ints, high: Ints, interior: Ints
) -> Any:
    rank = len(stride)
    before, after = (tuple(max(0, n) for n in many) for many in (low, high))
    zero = xp.zeros((), dtype=x.dtype)
    wide = xp.pad(x, zero, (0, *before, 0), (0, *after, 0), (0, *interior, 0))
    start = (0, *(max(0, -n) for n in low), 0)
    stop = tuple(dim - max(0, -n) for dim, n in zip(wide.shape, (0, *high, 0), strict=True))
    inside = xp.getitem(wide, start, stop, (1,) * (rank + 2))
    seen = xp.windows(inside, tuple(range(1, rank + 1)), w.shape[:-1], stride, dilation)
    summed = tuple((rank + 2 + n, n) for n in range(rank))
    out = xp.contract(seen, w, ((rank + 1, rank),), summed)
    return xp.permute_dims(out, (*range(1, rank + 2), 0))


def _kernel_type(
    x: TensorType, ct: TensorType, size: Ints, stride: Ints, dilation: Ints, low: Ints
) -> TensorType:
    where = "depthwise_kernel"
    dtype = same_dtype(where, ("x", "ct"), (x, ct))
    check_dtype(where, "x", x, FLOATS)
    _lengths(where, x, len(size), stride, dilation, low, size)
    _lengths(where, ct, len(size), stride)
    if (ct.shape[0], ct.shape[-1]) != (x.shape[0], x.shape[-1]) or min(size) < 1:
        raise ShapeError(where, f"ct must be (N, L, …, C) for x {x!r}, got {ct!r}")
    return TensorType(dtype, shapes.check(where, (x.shape[0], *size, x.shape[-1])))


def _kernel_forward(
    xp: Any, x: Any, ct: Any, size: Ints, stride: Ints, dilation: Ints, low: Ints
) -> Any:
    rank = len(size)
    high = [
        max(0, (count - 1) * step + (k - 1) * apart + 1 - before - length)
        for count, step, k, apart, before, length in zip(
            ct.shape[1:-1], stride, size, dilation, low, x.shape[1:-1], strict=True
        )
    ]
    zero = xp.zeros((), dtype=x.dtype)
    wide = xp.pad(x, zero, (0, *low, 0), (0, *high, 0), (0,) * (rank + 2))
    axes = tuple(range(1, rank + 1))
    seen = xp.windows(wide, axes, size, stride, dilation)
    stop = (*seen.shape[:1], *ct.shape[1:-1], *seen.shape[rank + 1 :])
    seen = xp.getitem(seen, (0,) * len(stop), stop, (1,) * len(stop))
    batch = ((0, 0), (rank + 1, rank + 1))
    out = xp.contract(seen, ct, batch, tuple((axis, axis) for axis in axes))
    return xp.permute_dims(out, (0, *range(2, rank + 2), 1))


def _made(op: Op) -> Op:
    MADE[op.name] = op
    return op


_SAMPLES: Sequence[tuple[float, float]] = ((-3, 3), (-3, 3))

depthwise = _made(
    Op(
        "depthwise",
        Kind.CONTRACT,
        ("x", "w"),
        ("stride", "dilation", "low", "high", "interior"),
        _type,
        _forward,
        _DERIVATIVE,
        samples=tuple(_SAMPLES),
        accepts=FLOATS,
        formula=r"\sum_k x_{n, s i + d k - p, c} w_{k c}",
        doc="A convolution of each channel by itself, of x (N, L, …, C) with w (K, …, C). `low`, "
        "`high` and `interior` are as of pad; what stands there adds nothing.",
    )
)

depthwise_kernel = _made(
    Op(
        "depthwise_kernel",
        Kind.CONTRACT,
        ("x", "ct"),
        ("size", "stride", "dilation", "low"),
        _kernel_type,
        _kernel_forward,
        _DERIVATIVE,
        samples=tuple(_SAMPLES),
        accepts=FLOATS,
        formula=r"\sum_i x_{n, s i + d k - p, c} g_{n i c}",
        doc="The part of each n in the gradient of `depthwise` by its kernel: (N, K, …, C).",
    )
)
