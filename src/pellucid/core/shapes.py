"""Pure arithmetic on shapes: broadcasting, axes, reshaping, and the one symbolic dimension N.

A dimension is an int or `Batch(c)`, which stands for c·N where N is the number of rows a program
is called with. N appears at most once in a shape.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pellucid.core.errors import ArgumentError, ShapeError


@dataclass(frozen=True, slots=True)
class Batch:
    """The dimension c·N. Only products by an integer stay dimensions."""

    scale: int = 1

    def __mul__(self, factor: int) -> Batch:
        if not isinstance(factor, int) or factor < 1:
            return NotImplemented
        return Batch(self.scale * factor)

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return "N" if self.scale == 1 else f"{self.scale}N"


N = Batch()
MAX_LENGTH = 2**63 - 1  # the longest axis that an index can name
MAX_AXES = 64  # as in NumPy
Dim = int | Batch
Shape = tuple[Dim, ...]


def text(shape: Iterable[Dim]) -> str:
    """`(N, 784)`, `(3,)`, `()`."""
    dims = [repr(dim) for dim in shape]
    return f"({dims[0]},)" if len(dims) == 1 else f"({', '.join(dims)})"


def check(where: str, shape: Sequence[Dim]) -> Shape:
    """`shape` as a tuple, or a ShapeError: 64 whole numbers ≥ 0 at most, N at most once."""
    if len(shape) > MAX_AXES:
        raise ShapeError(where, f"a tensor has at most {MAX_AXES} axes, got {len(shape)}")
    batches = 0
    for dim in shape:
        if isinstance(dim, Batch):
            batches += 1
            if dim.scale > MAX_LENGTH:
                raise ShapeError(where, f"a dimension must be below 2⁶³·N, got {dim!r}")
        elif isinstance(dim, bool) or not isinstance(dim, int) or not 0 <= dim <= MAX_LENGTH:
            raise ShapeError(
                where, f"a dimension must be a whole number from 0 to 2⁶³-1, got {dim!r}"
            )
    if batches > 1:
        raise ShapeError(
            where,
            f"the batch size N may stand once in a shape, got {text(shape)}",
            "Keep the rows of a batch in one axis.",
        )
    return tuple(shape)


def has_batch(shape: Iterable[Dim]) -> bool:
    return any(isinstance(dim, Batch) for dim in shape)


def size(shape: Iterable[Dim]) -> Dim:
    """The number of elements: an int, or c·N."""
    count: Dim = 1
    for dim in shape:
        if dim == 0:
            return 0
        count = _product(count, dim)
    return count


def _product(x: Dim, y: Dim) -> Dim:
    if isinstance(x, Batch) and isinstance(y, Batch):
        raise ShapeError("shape", f"N may stand once in a shape, got {x!r} and {y!r}")
    return x * y if isinstance(y, int) else y * x  # type: ignore[operator]


def bind(value: Any, rows: int) -> Any:
    """`value` (a dimension, an attribute, a nested tuple of them) with `rows` in place of N."""
    if isinstance(value, Batch):
        return value.scale * rows
    if isinstance(value, tuple):
        return tuple(bind(item, rows) for item in value)
    return value


def merged_axes(shape: Shape, flat: Shape) -> list[list[int]] | None:
    """Which neighbours of `shape` each axis of `flat` joins; None if it is more than that."""
    found: list[list[int]] = []
    axis = 0
    for dim in flat:
        group: list[int] = []
        while axis < len(shape) and (not group or size(shape[i] for i in group) != dim):
            group.append(axis)
            axis += 1
        if not group or size(shape[i] for i in group) != dim:
            return None
        found.append(group)
    return found if axis == len(shape) else None


def broadcast(where: str, *shapes: Shape) -> Shape:
    """The shape that all `shapes` broadcast to, by NumPy's rule."""
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result: list[Dim] = []
    for dims in zip(*padded, strict=True):
        wide = {dim for dim in dims if dim != 1}
        if len(wide) > 1:
            shown = " and ".join(text(shape) for shape in shapes)
            raise ShapeError(
                where,
                f"shapes must broadcast, got {shown}",
                "Each pair of dimensions, counted from the right, must be equal or hold a 1.",
            )
        result.append(wide.pop() if wide else 1)
    return check(where, result)


def axis_index(where: str, axis: object, rank: int) -> int:
    """`axis` counted from the front, or an ArgumentError."""
    number = index(where, "axis", axis)
    if not -rank <= number < rank:
        raise ArgumentError(
            where, f"axis must lie in [{-rank}, {rank}) for a tensor of {rank} axes, got {number}"
        )
    return number % rank


def axes(where: str, axis: object, rank: int) -> tuple[int, ...]:
    """`axis` (None for all, a number, or several) as increasing numbers from the front."""
    if axis is None:
        return tuple(range(rank))
    several = axis if isinstance(axis, (tuple, list)) else (axis,)
    found = sorted(axis_index(where, item, rank) for item in several)
    if len(set(found)) != len(found):
        raise ArgumentError(where, f"axis must name each axis once, got {axis}")
    return tuple(found)


def index(where: str, name: str, value: object) -> int:
    """`value` as a Python int; only true integers pass, never 2.0 or True."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ArgumentError(where, f"{name} must be a whole number, got {value!r}") from None


def front_axis(where: str, axis: object, rank: int) -> int:
    """`axis` as rows want it: a plain number from the front, or an ArgumentError."""
    if type(axis) is not int or not 0 <= axis < rank:
        raise ArgumentError(where, f"axis must be a number in [0, {rank}), got {axis!r}")
    return axis


def reduced(shape: Shape, axis: Sequence[int], keepdims: bool) -> Shape:
    """`shape` after a reduction over `axis`."""
    if keepdims:
        return tuple(1 if i in axis else dim for i, dim in enumerate(shape))
    return tuple(dim for i, dim in enumerate(shape) if i not in axis)


def reshaped(where: str, old: Shape, new: Sequence[Dim]) -> Shape:
    """`new` with its one -1 filled in from the number of elements of `old`."""
    unknown = [i for i, dim in enumerate(new) if dim == -1]
    known = check(where, [dim for dim in new if dim != -1])
    total = size(old)
    fix = f"{text(old)} holds {total!r} elements."
    if not unknown:
        if size(known) != total:
            raise ShapeError(where, f"reshape must keep {total!r} elements, got {text(new)}", fix)
        return known
    if len(unknown) > 1:
        raise ShapeError(where, f"only one dimension may be -1, got {tuple(new)}", fix)
    rest = size(known)
    scale = total.scale if isinstance(total, Batch) else total
    part = rest.scale if isinstance(rest, Batch) else rest
    bare = isinstance(rest, Batch) and not isinstance(total, Batch) and scale != 0
    if part == 0 or scale % part or bare:
        raise ShapeError(where, f"{text(old)} must fit {tuple(new)}, got a remainder", fix)
    missing: Dim = scale // part
    if isinstance(total, Batch) and not isinstance(rest, Batch):
        missing = Batch(scale // part)
    filled = list(new)
    filled[unknown[0]] = missing
    return check(where, filled)


def window_count(length: int, size: int, stride: int, dilation: int) -> int:
    """How many windows of `size` elements, `dilation` apart, start every `stride` in `length`."""
    return max(0, (length - (size - 1) * dilation - 1) // stride + 1)


def count(shape: Iterable[Dim]) -> int:
    """The number of elements of a shape without N."""
    return math.prod(cast("Iterable[int]", shape))
