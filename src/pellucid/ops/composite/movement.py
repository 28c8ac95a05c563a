"""Composites that move elements: shapes, axes, parts, joining, repeating, windows."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from pellucid.core import dtypes, shapes
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import Dim
from pellucid.ops.composite.base import (
    Axis,
    as_dims,
    as_ints,
    as_list,
    as_values,
    astype,
    asvalue,
    known_length,
)
from pellucid.ops.value import Value, apply, cast


def reshape(x: Any, shape: Dim | Sequence[Dim]) -> Value:
    """The elements of x in row-major order under a new shape; one dimension may be -1."""
    value = asvalue(x)
    target = shapes.reshaped("reshape", value.type.shape, as_dims(shape))
    if target == value.type.shape:
        return value
    result: Value = apply("reshape", value, shape=target)
    return result


def permute_dims(x: Any, axes: Sequence[int] | None = None) -> Value:
    """x with its axes in another order; reversed for None."""
    value = asvalue(x)
    rank = len(value.type.shape)
    several = range(rank)[::-1] if axes is None else as_list(axes)
    order = tuple(shapes.axis_index("permute_dims", axis, rank) for axis in several)
    if order == tuple(range(rank)):
        return value
    result: Value = apply("permute_dims", value, axes=order)
    return result


def matrix_transpose(x: Any) -> Value:
    """x with its last two axes exchanged."""
    value = asvalue(x)
    rank = len(value.type.shape)
    if rank < 2:
        raise ShapeError("matrix_transpose", f"x must have two axes or more, got {value.type!r}")
    return permute_dims(value, (*range(rank - 2), rank - 1, rank - 2))


def swapaxes(x: Any, axis1: int, axis2: int) -> Value:
    """x with two axes exchanged."""
    value = asvalue(x)
    order = list(range(len(value.type.shape)))
    i, j = (shapes.axis_index("swapaxes", axis, len(order)) for axis in (axis1, axis2))
    order[i], order[j] = j, i
    return permute_dims(value, order)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Value:
    """x with the axes `source` at the places `destination`; the others keep their order."""
    value = asvalue(x)
    rank = len(value.type.shape)

    def several(axis: Any) -> list[int]:
        return [shapes.axis_index("moveaxis", item, rank) for item in as_list(axis)]

    moved, places = several(source), several(destination)
    if not len(set(moved)) == len(moved) == len(places) == len(set(places)):
        raise ArgumentError("moveaxis", f"axes must pair up, got {source} and {destination}")
    order = [i for i in range(rank) if i not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return permute_dims(value, order)


def broadcast_to(x: Any, shape: Dim | Sequence[Dim]) -> Value:
    """x repeated to `shape`."""
    value = asvalue(x)
    target = shapes.check("broadcast_to", as_dims(shape))
    if target == value.type.shape:
        return value
    result: Value = apply("broadcast_to", value, shape=target)
    return result


def broadcast_arrays(*xs: Any) -> list[Value]:
    """All tensors repeated to their common shape."""
    values = [asvalue(x) for x in xs]
    shape = shapes.broadcast("broadcast_arrays", *(value.type.shape for value in values))
    return [broadcast_to(value, shape) for value in values]


def expand_dims(x: Any, axis: int | Sequence[int] = 0) -> Value:
    """x with a new axis of length 1, or several; places count in the result."""
    value = asvalue(x)
    several = as_list(axis)
    places = shapes.axes("expand_dims", several, len(value.type.shape) + len(several))
    dims = list(value.type.shape)
    for place in places:
        dims.insert(place, 1)
    return reshape(value, dims)


def squeeze(x: Any, axis: Axis = None) -> Value:
    """x without axes of length 1; a named axis must have that length."""
    value = asvalue(x)
    shape = value.type.shape
    if axis is None:
        return reshape(value, tuple(dim for dim in shape if dim != 1))
    dims = shapes.axes("squeeze", axis, len(shape))
    for i in dims:
        if shape[i] != 1:
            raise ShapeError("squeeze", f"axis {i} must have length 1, got {shapes.text(shape)}")
    return reshape(value, shapes.reduced(shape, dims, keepdims=False))


def flip(x: Any, axis: Axis = None) -> Value:
    """x with the order along `axis` (all axes for None) reversed."""
    value = asvalue(x)
    dims = shapes.axes("flip", axis, len(value.type.shape))
    result: Value = apply("flip", value, axis=dims)
    return result


def rot90(x: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Value:
    """x turned by k quarters in the plane of `axes`, from the first towards the second."""
    value = asvalue(x)
    plane = [shapes.axis_index("rot90", i, len(value.type.shape)) for i in as_list(axes)]
    if len(plane) != 2 or plane[0] == plane[1]:
        raise ArgumentError("rot90", f"axes must be two different ones, got {axes}")
    turns = shapes.index("rot90", "k", k) % 4
    if turns % 2:
        value = swapaxes(value, *plane)
    gone = [i for i, far in zip(plane, (turns in (1, 2), turns in (2, 3)), strict=True) if far]
    return flip(value, tuple(gone)) if gone else value


def concat(xs: Sequence[Any], axis: int | None = 0) -> Value:
    """Tensors one behind the other along `axis`; flattened first for None."""
    values = as_values("concat", xs)
    if axis is None:
        values, axis = [reshape(value, (-1,)) for value in values], 0
    place = shapes.axis_index("concat", axis, len(values[0].type.shape))
    result: Value = apply("concat", *values, axis=place)
    return result


def stack(xs: Sequence[Any], axis: int = 0) -> Value:
    """Tensors of one shape side by side along a new axis."""
    values = as_values("stack", xs)
    first = values[0].type.shape
    for value in values:
        if value.type.shape != first:
            got = f"{shapes.text(first)} and {shapes.text(value.type.shape)}"
            raise ShapeError("stack", f"all shapes must be equal, got {got}")
    return concat([expand_dims(value, axis) for value in values], axis)


def getitem(
    x: Any, start: Sequence[int], stop: Sequence[Dim], step: Sequence[int] | None = None
) -> Value:
    """The rectangular part [start, stop) of x, every step-th element of each axis."""
    value = asvalue(x)
    rank = len(value.type.shape)
    steps = (1,) * rank if step is None else as_ints("getitem", "step", step)
    first, last = as_ints("getitem", "start", start), as_dims(stop)
    if (first, last, steps) == ((0,) * rank, value.type.shape, (1,) * rank):
        return value
    result: Value = apply("slice", value, start=first, stop=last, step=steps)
    return result


def part_of(value: Value, axis: int, first: int, last: int) -> Value:
    """The elements [first, last) along one axis."""
    shape = value.type.shape
    start, stop = [0] * len(shape), list(shape)
    start[axis], stop[axis] = first, last
    return getitem(value, start, stop)


def pad(
    x: Any,
    value: Any,
    low: Sequence[int],
    high: Sequence[int],
    interior: Sequence[int] | None = None,
) -> Value:
    """x with `value` before (`low`), behind (`high`) and between (`interior`) its elements."""
    tensor = asvalue(x)
    if tensor.type.dtype.kind == "b":
        whole = pad(astype(tensor, dtypes.uint8), cast(value, dtypes.uint8), low, high, interior)
        return astype(whole, dtypes.bool_)
    widths = (low, high, (0,) * len(tensor.type.shape) if interior is None else interior)
    before, after, between = (as_ints("pad", "a width", width) for width in widths)
    filler = cast(value, tensor.type.dtype)
    result: Value = apply("pad", tensor, filler, low=before, high=after, interior=between)
    return result


def padded(value: Value, axis: int, before: int, after: int, filler: float) -> Value:
    low, high = [0] * len(value.type.shape), [0] * len(value.type.shape)
    low[axis], high[axis] = before, after
    return pad(value, filler, low, high)


def unstack(x: Any, axis: int = 0) -> list[Value]:
    """The slices of x along `axis`, each without that axis."""
    value = asvalue(x)
    place = shapes.axis_index("unstack", axis, len(value.type.shape))
    n = known_length("unstack", value, place)
    return [squeeze(part_of(value, place, i, i + 1), place) for i in range(n)]


def split(x: Any, borders: Sequence[int], axis: int = 0) -> list[Value]:
    """x cut along `axis` before each of the positions `borders`, which may be negative."""
    value = asvalue(x)
    place = shapes.axis_index("split", axis, len(value.type.shape))
    n = known_length("split", value, place)
    cuts = [
        slice(None, shapes.index("split", "a border", b)).indices(n)[1] for b in as_list(borders)
    ]
    edges = zip([0, *cuts], [*cuts, n], strict=True)
    return [part_of(value, place, first, builtins.max(first, last)) for first, last in edges]


def roll(x: Any, shift: int | Sequence[int], axis: Axis = None) -> Value:
    """x with its elements moved `shift` places along `axis`; what leaves comes in at the front."""
    value = asvalue(x)
    if axis is None:
        places = builtins.sum(shapes.index("roll", "shift", item) for item in as_list(shift))
        return reshape(_rolled(reshape(value, (-1,)), places, 0), value.type.shape)
    axes = as_list(axis)
    shifts = as_list(shift) if isinstance(shift, (tuple, list)) else [shift] * len(axes)
    axes = axes * len(shifts) if len(axes) == 1 else axes
    if len(axes) != len(shifts):
        raise ArgumentError("roll", f"shift and axis must pair up, got {shift} and {axis}")
    for places, item in zip(shifts, axes, strict=True):
        place = shapes.axis_index("roll", item, len(value.type.shape))
        value = _rolled(value, shapes.index("roll", "shift", places), place)
    return value


def _rolled(value: Value, shift: int, axis: int) -> Value:
    n = known_length("roll", value, axis)
    if n == 0 or shift % n == 0:
        return value
    border = n - shift % n
    return concat([part_of(value, axis, border, n), part_of(value, axis, 0, border)], axis)


def tile(x: Any, repetitions: int | Sequence[int]) -> Value:
    """x laid side by side, so many times an axis."""
    value = asvalue(x)
    times = list(as_ints("tile", "repetitions", repetitions))
    rank = builtins.max(len(times), len(value.type.shape))
    times = [1] * (rank - len(times)) + times
    shape = (*(1,) * (rank - len(value.type.shape)), *value.type.shape)
    if builtins.all(n == 1 for n in times):
        return reshape(value, shape)
    wide: list[Dim] = []
    for n, dim in zip(times, shape, strict=True):
        wide += [n, dim]
    thin = reshape(value, tuple(d for dim in shape for d in (1, dim)))
    merged = tuple(dim * n for n, dim in zip(times, shape, strict=True))
    return reshape(broadcast_to(thin, tuple(wide)), merged)


def repeat(x: Any, repeats: int, axis: int | None = None) -> Value:
    """Each element `repeats` times in a row along `axis`, or of the flattened tensor."""
    n = shapes.index("repeat", "repeats", repeats)
    value = asvalue(x)
    if axis is None:
        value, axis = reshape(value, (-1,)), 0
    shape = value.type.shape
    place = shapes.axis_index("repeat", axis, len(shape))
    wide = (*shape[: place + 1], n, *shape[place + 1 :])
    merged = (*shape[:place], shape[place] * n, *shape[place + 1 :])
    return reshape(broadcast_to(expand_dims(value, place + 1), wide), merged)


def windows(
    x: Any,
    axes: Sequence[int],
    size: Sequence[int],
    stride: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
) -> Value:
    """Sliding views of `size` elements: `axes` count the windows, new last axes run inside one."""
    value, ones = asvalue(x), (1,) * len(as_list(axes))
    places = tuple(shapes.axis_index("windows", i, len(value.type.shape)) for i in as_list(axes))
    result: Value = apply(
        "windows",
        value,
        axes=places,
        size=as_ints("windows", "size", size),
        stride=ones if stride is None else as_ints("windows", "stride", stride),
        dilation=ones if dilation is None else as_ints("windows", "dilation", dilation),
    )
    return result


def fold(
    x: Any,
    axes: Sequence[int],
    size: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    lengths: Sequence[int],
) -> Value:
    """The transpose of `windows`: every element is added to the place it was seen at."""
    value = asvalue(x)
    result: Value = apply(
        "fold",
        value,
        axes=as_ints("fold", "axes", axes),
        size=as_ints("fold", "size", size),
        stride=as_ints("fold", "stride", stride),
        dilation=as_ints("fold", "dilation", dilation),
        lengths=as_ints("fold", "lengths", lengths),
    )
    return result
