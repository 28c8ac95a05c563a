"""Composites of `argsort`: values in order, medians and quantiles.

The order is that of a stable sort: equals keep theirs, and each gets the gradient of the place
where it stands. NaN stands last.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

from pellucid.core import dtypes, shapes
from pellucid.core.arguments import choice
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError
from pellucid.core.shapes import MAX_AXES
from pellucid.ops.composite.base import (
    Axis,
    as_flag,
    as_float,
    as_list,
    asvalue,
    known_length,
)
from pellucid.ops.composite.elementwise import isnan, where
from pellucid.ops.composite.indexing import take
from pellucid.ops.composite.movement import (
    broadcast_to,
    expand_dims,
    moveaxis,
    part_of,
    reshape,
    squeeze,
    stack,
)
from pellucid.ops.composite.reduce import count, reversed_order
from pellucid.ops.value import Value, apply, cast


def _sortable(where: str, x: Any, axis: int | None) -> tuple[Value, int]:
    """x with the axis to sort along, flattened for None."""
    value = asvalue(x)
    if axis is None:
        return reshape(value, (-1,)), 0
    return value, shapes.axis_index(where, axis, len(value.type.shape))


def _order(value: Value, descending: bool) -> Value:
    """The positions that sort the last axis."""
    if value.type.dtype.kind == "b":
        value = cast(value, dtypes.uint8)
    result: Value = apply("argsort", reversed_order(value) if descending else value)
    return result


def argsort(x: Any, axis: int | None = -1, descending: bool = False) -> Value:
    """The positions that put x in order along `axis`; equals keep their order."""
    value, place = _sortable("argsort", x, axis)
    found = _order(moveaxis(value, place, -1), as_flag("argsort", "descending", descending))
    return moveaxis(found, -1, place)


def sort(x: Any, axis: int | None = -1, descending: bool = False) -> Value:
    """x in order along `axis`, NaN last; of equals each gets its own place's gradient."""
    value, place = _sortable("sort", x, axis)
    line = moveaxis(value, place, -1)
    found = _order(line, as_flag("sort", "descending", descending))
    return moveaxis(_picked(line, found), -1, place)


def _picked(line: Value, places: Value) -> Value:
    """The elements of each line at its own `places` ≥ 0 of the same leading shape."""
    lead, (_, taken) = line.type.shape[:-1], (line.type.shape[-1], places.type.shape[-1])
    lines = shapes.size(lead)
    number = apply("iota", shape=(lines, 1), axis=0, dtype=dtypes.int64)
    starts = number * count(line, (len(lead),), dtypes.int64)
    flat = reshape(reshape(places, (lines, taken)) + starts, places.type.shape)
    result: Value = apply("gather", reshape(line, (-1,)), flat, axis=0)
    return result


def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Value:
    """The elements of x at `indices` along `axis`, each line by its own; the others broadcast."""
    value, place = _sortable("take_along_axis", x, axis)
    places = asvalue(indices)
    if axis is None:
        places = reshape(places, (-1,))
    rank = len(value.type.shape)
    if not places.type.dtype.is_integer:
        raise DTypeError("take_along_axis", f"indices must be integers, got {places.type!r}")
    if len(places.type.shape) != rank:
        raise ShapeError(
            "take_along_axis",
            f"indices must have the {rank} axes of x, got {shapes.text(places.type.shape)}",
        )
    line, own = moveaxis(value, place, -1), moveaxis(places, place, -1)
    n = known_length("take_along_axis", line, rank - 1)
    lead = shapes.broadcast("take_along_axis", line.type.shape[:-1], own.type.shape[:-1])
    line = broadcast_to(line, (*lead, n))
    own = broadcast_to(own, (*lead, own.type.shape[-1]))
    within = take(apply("iota", shape=(n,), axis=0, dtype=dtypes.int64), own)  # checks them
    return moveaxis(_picked(line, within), -1, place)


def _check_kth(where: str, kth: Any, value: Value, place: int) -> None:
    n = known_length(where, value, place)
    for item in as_list(kth):
        k = shapes.index(where, "kth", item)
        if not -n <= k < n:
            raise ArgumentError(where, f"kth must lie in [{-n}, {n}), got {k}")


def partition(x: Any, kth: int | tuple[int, ...], axis: int | None = -1) -> Value:
    """x with its k-th smallest element at place k, smaller ones before it: here all in order."""
    value, place = _sortable("partition", x, axis)
    _check_kth("partition", kth, value, place)
    return sort(value, place)


def argpartition(x: Any, kth: int | tuple[int, ...], axis: int | None = -1) -> Value:
    """The positions that `partition` puts in order."""
    value, place = _sortable("argpartition", x, axis)
    _check_kth("argpartition", kth, value, place)
    return argsort(value, place)


def _lines(where: str, x: Any, axis: Axis) -> tuple[Value, tuple[int, ...], int]:
    """x as floats with the axes to choose along as one last axis, sorted; the axes; its length."""
    value = as_float(x)
    rank = len(value.type.shape)
    axes = shapes.axes(where, axis, rank)
    value = moveaxis(value, axes, builtins.range(rank - len(axes), rank)) if axes else value
    lead = value.type.shape[: rank - len(axes)]
    n = math.prod(known_length(where, value, i) for i in builtins.range(len(lead), rank))
    if n == 0:
        raise ShapeError(where, f"x must have an element to choose from, got {value.type!r}")
    return sort(reshape(value, (*lead, n))), axes, n


def _at(line: Value, place: int) -> Value:
    last = len(line.type.shape) - 1
    return squeeze(part_of(line, last, place, place + 1), last)


def _kept(value: Value, axes: tuple[int, ...], keepdims: bool, before: int = 0) -> Value:
    """A reduced value with axes of length 1 where some were lost, behind `before` new ones."""
    return expand_dims(value, [before + i for i in axes]) if keepdims and axes else value


def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """The middle element over `axis`, or the mean of both; NaN where there is one.

    The gradient goes to the middle element, half of it to each of two.
    """
    keepdims = as_flag("median", "keepdims", keepdims)
    line, axes, n = _lines("median", x, axis)
    middle = _at(line, n // 2)
    if n % 2 == 0:
        middle = (_at(line, n // 2 - 1) + middle) / 2
    last = _at(line, n - 1)
    return _kept(where(isnan(last), last, middle), axes, keepdims)


def _between(alpha: float, beta: float) -> Callable[[int, float], float]:
    """Where the quantile q of n elements stands, counted from 0 (Hyndman and Fan 1996)."""
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _step(n: int, q: float) -> float:
    return math.ceil(n * q) - 1


def _mean_step(n: int, q: float) -> float:
    place = n * q - 1
    return place + 0.5 if place == math.floor(place) else math.floor(place) + 1


def _middle(n: int, q: float) -> float:
    place = (n - 1) * q
    return (math.floor(place) + math.ceil(place)) / 2


QUANTILES: dict[str, Callable[[int, float], float]] = {
    "linear": lambda n, q: (n - 1) * q,
    "lower": lambda n, q: math.floor((n - 1) * q),
    "higher": lambda n, q: math.ceil((n - 1) * q),
    "nearest": lambda n, q: builtins.round((n - 1) * q),
    "midpoint": _middle,
    "inverted_cdf": _step,
    "averaged_inverted_cdf": _mean_step,
    "interpolated_inverted_cdf": _between(0, 1),
    "hazen": _between(0.5, 0.5),
    "weibull": _between(0, 0),
    "median_unbiased": _between(1 / 3, 1 / 3),
    "normal_unbiased": _between(3 / 8, 3 / 8),
}


def _nested(
    where: str, q: Any, largest: float, depth: int = 0
) -> tuple[list[float], tuple[int, ...]]:
    """Numbers in [0, largest] and their shape, of a number, a nested list or an array."""
    if isinstance(q, Value):
        raise ArgumentError(
            where, f"q must be numbers, got {q.type!r}", "Pass its numbers: q.numpy()."
        )
    plain = q.tolist() if hasattr(q, "tolist") else q
    if not isinstance(plain, (list, tuple)):
        if (
            isinstance(plain, bool)
            or not isinstance(plain, (int, float))
            or not (0 <= plain <= largest)
        ):
            raise ArgumentError(where, f"q must lie in [0, {largest:g}], got {plain!r}")
        return [float(plain)], ()
    if depth == MAX_AXES:  # a list may hold itself
        raise ArgumentError(where, f"q must have at most {MAX_AXES} axes, got more")
    parts = [_nested(where, item, largest, depth + 1) for item in plain]
    inner = {shape for _, shape in parts}
    if len(inner) != 1:
        raise ArgumentError(where, f"q must be a number or an array of numbers, got {q!r}")
    return [one for part, _ in parts for one in part], (len(parts), *inner.pop())


def quantile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Value:
    """The element below which a part q of those over `axis` lies; NaN where there is one.

    Between two elements the value is interpolated, and the gradient goes to both in proportion.

    Args:
        q: numbers in [0, 1]: one, or an array, whose axes come first in the result.
        method: where q stands between the elements: NumPy's names (Hyndman and Fan 1996).
    """
    return _quantile("quantile", x, _nested("quantile", q, 1.0), axis, method, keepdims)


def percentile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Value:
    """`quantile` of q / 100, for q in [0, 100]."""
    several, shape = _nested("percentile", q, 100.0)
    parts = [one / 100 for one in several], shape
    return _quantile("percentile", x, parts, axis, method, keepdims)


def _quantile(
    name: str,
    x: Any,
    parts: tuple[list[float], tuple[int, ...]],
    axis: Axis,
    method: str,
    keepdims: bool,
) -> Value:
    choice(name, "method", method, QUANTILES)
    keepdims = as_flag(name, "keepdims", keepdims)
    line, axes, n = _lines(name, x, axis)
    last = _at(line, n - 1)
    wrong = isnan(last)
    several, shape = parts
    found = []
    for q in several:
        place = builtins.min(builtins.max(QUANTILES[method](n, q), 0), n - 1)
        first = math.floor(place)
        value = _at(line, first)
        if place > first:
            above, part = _at(line, first + 1), place - first
            gap = above - value
            value = above - gap * (1 - part) if part >= 0.5 else value + gap * part
        found.append(_kept(where(wrong, last, value), axes, keepdims))
    together = stack(found)
    return reshape(together, (*shape, *together.type.shape[1:]))
