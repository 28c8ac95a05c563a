"""How tensors lie in memory: LLVM's element types, row-major strides, and axes that run as one.

A length or a stride is an int or c·N, counted in elements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.program import times
from pellucid.core.dtypes import DType
from pellucid.core.shapes import Dim, Shape, merged_axes


def register_type(dtype: DType) -> ir.Type:
    """The type of an element in a register; a boolean is one bit there."""
    if dtype.kind == "b":
        return ir.IntType(1)
    if dtype.is_float:
        return ir.FloatType() if dtype.itemsize == 4 else ir.DoubleType()
    return ir.IntType(8 * dtype.itemsize)


def memory_type(dtype: DType) -> ir.Type:
    """The type of an element in memory; a boolean is a byte there, as in NumPy."""
    return ir.IntType(8) if dtype.kind == "b" else register_type(dtype)


def strides(shape: Shape) -> tuple[Dim, ...]:
    """Row-major strides."""
    found: list[Dim] = []
    step: Dim = 1
    for dim in reversed(shape):
        found.append(step)
        step = times(step, dim)
    return tuple(reversed(found))


Steps = tuple[Dim | tuple[tuple[Dim, Dim], ...], ...]


def viewed(op: str, attrs: Mapping[str, Any], shape: Shape, steps: Sequence[Any]) -> Steps:
    """How the elements of a view stand in memory.

    Args:
        shape, steps: those of its input.

    Returns:
        The stride along each axis. Where a view joins axes that no stride describes, (length,
        stride) of each of them.
    """
    if op == "reshape":
        groups = merged_axes(shape, attrs["shape"])
        assert groups is not None, "lowering asked before"
        return tuple(_one([(shape[i], steps[i]) for i in group]) for group in groups)
    if op == "permute_dims":
        return tuple(steps[axis] for axis in attrs["axes"])
    return slid(attrs, steps)


def slid(attrs: Mapping[str, Any], steps: Sequence[Dim]) -> tuple[Dim, ...]:
    """How the elements of sliding windows stand in memory: from window to window, then inside."""
    own, inner = list(steps), []
    for axis, stride, dilation in zip(
        attrs["axes"], attrs["stride"], attrs["dilation"], strict=True
    ):
        inner.append(times(own[axis], dilation))
        own[axis] = times(own[axis], stride)
    return (*own, *inner)


def _one(axes: list[tuple[Dim, Dim]]) -> Dim | tuple[tuple[Dim, Dim], ...]:
    dims, (steps,) = merged([dim for dim, _ in axes], [[step for _, step in axes]])
    if len(dims) > 1:
        return tuple(zip(dims, steps, strict=True))
    return steps[0] if steps else 0


def broadcast_strides(shape: Shape, wide: Shape) -> tuple[Dim, ...]:
    """Strides that walk a tensor of `shape` along the axes of `wide`; 0 where it repeats."""
    extra = len(wide) - len(shape)
    own = [
        0 if dim == 1 and other != 1 else step
        for dim, other, step in zip(shape, wide[extra:], strides(shape), strict=True)
    ]
    return (*(0,) * extra, *own)


def merged(
    shape: Sequence[Dim], walks: Sequence[Sequence[Dim]]
) -> tuple[list[Dim], list[list[Dim]]]:
    """The same walk with as few axes as possible.

    Args:
        walks: for each tensor, its strides along `shape`.

    Axes of length 1 go; two neighbours become one where every tensor steps through the outer one
    in whole rounds of the inner one. Row-major order stays as it is.
    """
    dims: list[Dim] = []
    steps: list[list[Dim]] = [[] for _ in walks]
    for axis, dim in enumerate(shape):
        if dim == 1:
            continue
        if dims and all(
            own[-1] == times(walk[axis], dim) for own, walk in zip(steps, walks, strict=True)
        ):
            dims[-1] = times(dims[-1], dim)
            for own, walk in zip(steps, walks, strict=True):
                own[-1] = walk[axis]
            continue
        dims.append(dim)
        for own, walk in zip(steps, walks, strict=True):
            own.append(walk[axis])
    return dims, steps


def as_matrix(shape: Shape, rows: int, operand: Shape) -> tuple[Dim, Dim] | None:
    """How an operand that broadcasts to `shape` is walked when that is seen as a matrix.

    Args:
        rows: how many axes of `shape`, from the front, are the rows; the others are the columns.

    Returns:
        Its stride along a row index and along a column index, or None where one stride will not do.
    """
    walk = broadcast_strides(operand, shape)
    found: list[Dim] = []
    for dims, steps in ((shape[:rows], walk[:rows]), (shape[rows:], walk[rows:])):
        joined, moves = merged(dims, [steps])
        if len(joined) > 1:
            return None
        found.append(moves[0][0] if joined else 0)
    return found[0], found[1]
