"""Composites over sampled functions: slopes, interpolation, angles without jumps."""

from __future__ import annotations

import builtins
import math
from typing import Any

from pellucid.core import dtypes, shapes
from pellucid.core.arguments import integer, real
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.ops.composite.base import as_float, as_list, asvalue, known_length, together
from pellucid.ops.composite.create import zeros_like
from pellucid.ops.composite.elementwise import isnan, where
from pellucid.ops.composite.movement import concat, part_of, reshape
from pellucid.ops.composite.order import argsort
from pellucid.ops.composite.reduce import cumulative_sum, diff
from pellucid.ops.value import Value, apply, cast, elementwise, float_dtype


def gradient(x: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """∂x/∂t of samples x along each of `axis`: central differences inside, one-sided at the ends.

    Args:
        spacing: none for steps of 1; one number for all axes; or for each axis a number, or the
            places t of its samples.
        axis: one axis, several, or None for all.
        edge_order: 1 or 2, the order of the differences at the ends.

    Returns:
        One tensor for one axis, else a tuple of them.
    """
    value = as_float(x)
    rank = len(value.type.shape)
    axes = (
        [shapes.axis_index("gradient", i, rank) for i in as_list(axis)]
        if axis is not None
        else (list(builtins.range(rank)))
    )
    integer("gradient", "edge_order", edge_order, 1, 2)
    if len(spacing) not in (0, 1, len(axes)):
        raise ArgumentError(
            "gradient",
            f"spacing must be one number or one for each of {len(axes)} axes, got {len(spacing)}",
        )
    steps = list(spacing) * len(axes) if len(spacing) == 1 else list(spacing) or [1] * len(axes)
    found = tuple(_slope(value, step, i, edge_order) for step, i in zip(steps, axes, strict=True))
    return found[0] if len(found) == 1 else found


def _slope(value: Value, step: Any, axis: int, edge_order: int) -> Value:
    n = known_length("gradient", value, axis)
    if n <= edge_order:
        raise ShapeError(
            "gradient",
            f"x must have more than {edge_order} samples along axis {axis}, got {n}",
        )
    steps = cast(asvalue(step), value.type.dtype)
    if steps.type.shape not in ((), (n,)):
        raise ShapeError(
            "gradient",
            f"a spacing must be a number or the places of {n} samples, got "
            f"{shapes.text(steps.type.shape)}",
        )
    if steps.type.shape:
        steps = diff(steps)
    wide = [1] * len(value.type.shape)

    def part(first: int, last: int) -> Value:
        return part_of(value, axis, first, last)

    def gaps(first: int, last: int) -> Value:
        """The steps between samples `first` and `last`, along the axis."""
        if not steps.type.shape:
            return steps
        shape = list(wide)
        shape[axis] = last - first
        return reshape(part_of(steps, 0, first, last), shape)

    inside = []
    if n > 2:
        before, after = gaps(0, n - 2), gaps(1, n - 1)
        low, middle, high = part(0, n - 2), part(1, n - 1), part(2, n)
        if not steps.type.shape:
            inside.append((high - low) / (2 * steps))
        else:
            rise = (high - middle) * before / after + (middle - low) * after / before
            inside.append(rise / (before + after))
    if edge_order == 1:
        first = (part(1, 2) - part(0, 1)) / gaps(0, 1)
        last = (part(n - 1, n) - part(n - 2, n - 1)) / gaps(n - 2, n - 1)
    else:
        first = _end(part(0, 1), part(1, 2), part(2, 3), gaps(0, 1), gaps(1, 2))
        x, y, z = (part(i, i + 1) for i in (n - 1, n - 2, n - 3))
        last = -_end(x, y, z, gaps(n - 2, n - 1), gaps(n - 3, n - 2))
    return concat([first, *inside, last], axis)


def _end(x: Value, y: Value, z: Value, near: Value, far: Value) -> Value:
    """The slope at x of the parabola through x and the samples `near` and `near` + `far` on."""
    first, second = (y - x) / near, (z - y) / far
    result: Value = first - (second - first) * (near / (near + far))
    return result


def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Value:
    """The broken line through the points (xp, fp) at x; its slope at a point is that behind it.

    Args:
        x: any shape.
        xp: (n,) rising places; their order is not looked at, as in NumPy.
        fp: (n,) values.
        left, right: below the first and above the last place; None for the first and last value.
        period: of the function; then places may stand in any order, and nothing lies outside.
    """
    value, places, heights = together("interp", x, xp, fp)
    dtype = float_dtype("interp", [value, places, heights])
    value, places, heights = (cast(one, dtype) for one in (value, places, heights))
    if len(places.type.shape) != 1 or places.type.shape != heights.type.shape:
        raise ShapeError(
            "interp",
            f"xp and fp must be vectors of one length, got {shapes.text(places.type.shape)} and "
            f"{shapes.text(heights.type.shape)}",
        )
    n = known_length("interp", places, 0)
    if n == 0:
        raise ShapeError("interp", "xp must hold a place, got none")
    if period is not None:
        value, places, heights = _wrapped(value, places, heights, real("interp", "period", period))
        left, right, n = None, None, n + 2
    below = part_of(heights, 0, 0, 1) if left is None else left
    above = part_of(heights, 0, n - 1, n) if right is None else right
    start, end = (reshape(part_of(places, 0, i, i + 1), ()) for i in (0, n - 1))
    below, above = (reshape(asvalue(end), ()) for end in (below, above))
    if n == 1:
        inside = reshape(heights, ())
    else:
        inside = _on_line(value, places, heights, n)
    result = where(value < start, below, where(value > end, above, inside))
    return cast(where(isnan(value), value, result), dtype)


def _wrapped(value: Value, places: Value, heights: Value, period: float) -> tuple[Value, ...]:
    """All places within one period and in order, the last also before it and the first behind."""
    if period == 0:
        raise ArgumentError("interp", "period must not be 0, got 0")
    period = builtins.abs(period)
    value, places = value % period, places % period
    order = argsort(places)
    places, heights = (apply("gather", one, order, axis=0) for one in (places, heights))
    n = known_length("interp", places, 0)
    ends = [part_of(places, 0, n - 1, n) - period, places, part_of(places, 0, 0, 1) + period]
    return (
        value,
        concat(ends),
        concat([part_of(heights, 0, n - 1, n), heights, part_of(heights, 0, 0, 1)]),
    )


def _on_line(value: Value, places: Value, heights: Value, n: int) -> Value:
    """The line between the two places around each of `value`."""

    def at(line: Value, index: Value) -> Value:
        result: Value = apply("gather", line, index, axis=0)
        return result

    # The last place that is not above x, by halves: which one it is has no derivative.
    held = apply("stop_gradient", value)
    index = zeros_like(held, dtypes.int64)
    step = 1 << (n - 1).bit_length()
    while step := step // 2:
        further = index + step
        known = elementwise("minimum", further, n - 1)
        index = where((further < n) & (at(places, known) <= held), further, index)
    index = elementwise("minimum", index, n - 2)
    low, high = at(places, index), at(places, index + 1)
    down, up = at(heights, index), at(heights, index + 1)
    slope = (up - down) / (high - low)
    ends = held >= high  # the last place itself: the exact value there
    place, height = where(ends, high, low), where(ends, up, down)
    result: Value = slope * (value - place) + height
    # Beside an infinite value: that value itself, or what comes from the other side.
    beside = where(held == place, height, slope * (value - high) + up)
    return where(isnan(result), where(isnan(beside) & (up == down), down, beside), result)


def unwrap(
    x: Any, discont: float | None = None, axis: int = -1, *, period: float = 2 * math.pi
) -> Value:
    """Angles along `axis` without jumps: where one exceeds `discont`, periods are added behind it.

    What is added does not move with x: the gradient is that of x itself.

    Args:
        discont: the largest step that stays; half a period for None, and at least that.
    """
    value = asvalue(x)
    period = real("unwrap", "period", period)
    if not value.type.dtype.is_float and period != int(period):
        value = as_float(value)
    place = shapes.axis_index("unwrap", axis, len(value.type.shape))
    n = known_length("unwrap", value, place)
    if n < 2:
        return value
    whole = not value.type.dtype.is_float
    unit: Any = int(period) if whole else period
    half: Any = unit // 2 if whole else unit / 2
    jumps = diff(apply("stop_gradient", value), axis=place)
    turned = (jumps + half) % unit - half
    if not whole or unit % 2 == 0:  # half a period: the way that x went
        turned = where((turned == -half) & (jumps > 0), half, turned)
    small = unit / 2 if discont is None else builtins.max(real("unwrap", "discont", discont), half)
    added = where(abs(jumps) < small, 0, turned - jumps)
    added = cast(cumulative_sum(added, place), value.type.dtype)
    return concat([part_of(value, place, 0, 1), part_of(value, place, 1, n) + added], place)
