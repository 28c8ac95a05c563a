"""Pooling: windows, and a reduction over each. Channels last; channels do not meet."""

from __future__ import annotations

import math
from typing import Any

from pellucid.core.arguments import flag, integer, real
from pellucid.core.errors import ShapeError
from pellucid.ops.composite.base import as_float
from pellucid.ops.composite.create import ones
from pellucid.ops.composite.movement import padded, windows
from pellucid.ops.composite.reduce import max, sum
from pellucid.ops.composite.sliding import AXES, Padding, check_seen, slide, sliding
from pellucid.ops.value import Value, elementwise


def _floats(where: str, x: Any) -> tuple[Value, int]:
    """x, and along how many axes windows slide."""
    value = as_float(x)
    rank = len(value.type.shape) - 2
    if rank not in AXES:
        raise ShapeError(
            where,
            f"x must be (N, length, channels) or (N, height, width, channels), got {value.type!r}",
            "Give it one channel: x[..., None].",
        )
    return value, rank


def max_pool(
    x: Any,
    size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    padding: Padding = "valid",
    dilation: int | tuple[int, ...] = 1,
    *,
    where: str = "max_pool",
) -> Value:
    """The largest element of each window. Padding counts as -∞.

    Of equal elements the first in row-major order gets the whole gradient, as in PyTorch.

    Args:
        x: (N, L₁, …, C), channels last.
        size: K, the lengths of a window: a number, or one an axis.
        strides: the steps between windows; K for None.
        padding: as in `conv`. A window of padding alone is an error.
        dilation: the distance of a window's elements in x.

    Returns:
        (N, windows₁, …, C).
    """
    value, rank = _floats(where, x)
    steps = size if strides is None else strides
    plan = sliding(where, value, size, steps, padding, dilation, rank)
    check_seen(where, value, plan)
    return max(slide(value, plan, -math.inf), tuple(range(-rank, 0)))


def avg_pool(
    x: Any,
    size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    padding: Padding = "valid",
    count_padding: bool = True,
    *,
    where: str = "avg_pool",
) -> Value:
    """The mean of each window. Padding counts as 0.

    Args:
        x: (N, L₁, …, C), channels last.
        size: K, the lengths of a window: a number, or one an axis.
        strides: the steps between windows; K for None.
        padding: as in `conv`.
        count_padding: whether the divisor counts places of padding, as PyTorch does by default;
            False divides by the number of elements of x in the window, as Keras does.

    Returns:
        (N, windows₁, …, C).
    """
    flag(where, "count_padding", count_padding)
    value, rank = _floats(where, x)
    steps = size if strides is None else strides
    plan = sliding(where, value, size, steps, padding, 1, rank)
    inside = tuple(range(-rank, 0))
    total = sum(slide(value, plan, 0.0), inside)
    if count_padding or not (any(plan.low) or any(plan.high)):
        return total / plan.elements
    check_seen(where, value, plan)
    places = ones((1, *value.type.shape[1:-1], 1), value.type.dtype)
    return total / sum(slide(places, plan, 0.0), inside)


def local_response_norm(
    x: Any,
    size: int = 5,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 2.0,
    *,
    where: str = "local_response_norm",
) -> Value:
    """y_c = x_c / (k + α Σ_j x_j²)^β, over the `size` channels j around c that exist.

    Args:
        x: (N, …, C), channels last.
        size: n of the paper; c - ⌊n/2⌋ is the first channel.

    Source: Krizhevsky et al., NIPS 2012, section 3.3, with its constants. PyTorch divides α by n.
    """
    n = integer(where, "size", size, 1)
    for name, number in (("alpha", alpha), ("beta", beta)):
        real(where, name, number, 0)
    real(where, "k", k, 0, open_low=True)
    value = as_float(x)
    if not value.type.shape:
        raise ShapeError(where, "x must have an axis of channels, got a scalar ()")
    last = len(value.type.shape) - 1
    wide = padded(elementwise("square", value), last, n // 2, (n - 1) // 2, 0)
    near = sum(windows(wide, (last,), (n,)), -1)
    result: Value = value / elementwise("pow", near * alpha + k, beta)
    return result
