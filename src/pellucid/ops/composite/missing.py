"""Sums, extremes and moments of the elements that are not NaN, as NumPy has them.

No gradient flows to an element that is NaN. Where a line holds nothing else, the sum is 0, the
product 1, and all others are NaN.
"""

from __future__ import annotations

import math
from typing import Any

from pellucid.core.arguments import real
from pellucid.ops.composite.base import Axis, as_float, asvalue
from pellucid.ops.composite.elementwise import isnan, safe_root, where
from pellucid.ops.composite.reduce import (
    all,
    count_nonzero,
    cumulative_prod,
    cumulative_sum,
    max,
    min,
    prod,
    sum,
)
from pellucid.ops.value import Value, cast, elementwise


def _filled(x: Any, filler: float) -> Value:
    value = asvalue(x)
    return where(isnan(value), filler, value) if value.type.dtype.is_float else value


def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """Σ x over `axis` without NaN."""
    return sum(_filled(x, 0), axis, keepdims)


def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """Π x over `axis` without NaN."""
    return prod(_filled(x, 1), axis, keepdims)


def nancumsum(x: Any, axis: int | None = None) -> Value:
    """`cumulative_sum` in which NaN counts as 0."""
    return cumulative_sum(_filled(x, 0), axis)


def nancumprod(x: Any, axis: int | None = None) -> Value:
    """`cumulative_prod` in which NaN counts as 1."""
    return cumulative_prod(_filled(x, 1), axis)


def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """The largest element over `axis` that is not NaN."""
    found = max(_filled(x, -math.inf), axis, keepdims)
    return (
        where(all(isnan(x), axis, keepdims), math.nan, found)
        if found.type.dtype.is_float
        else (found)
    )


def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """The smallest element over `axis` that is not NaN."""
    found = min(_filled(x, math.inf), axis, keepdims)
    return (
        where(all(isnan(x), axis, keepdims), math.nan, found)
        if found.type.dtype.is_float
        else (found)
    )


def _counted(value: Value, axis: Axis, keepdims: bool) -> Value:
    return cast(count_nonzero(~isnan(value), axis, keepdims), value.type.dtype)


def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Value:
    """The mean over `axis` of what is not NaN; integers become float32."""
    value = as_float(x)
    result: Value = nansum(value, axis, keepdims) / _counted(value, axis, keepdims)
    return result


def nanvar(x: Any, axis: Axis = None, keepdims: bool = False, correction: float = 0.0) -> Value:
    """Σ (x - mean)² / (n - correction) over the n elements of `axis` that are not NaN.

    Where n - correction is not above 0 it is NaN.
    """
    value, correction = as_float(x), real("nanvar", "correction", correction)
    centre = nanmean(value, axis, keepdims=True)
    # NaN goes before the square, whose slope there would be NaN too.
    away = where(isnan(value), 0, _filled(value, 0) - centre)
    free = _counted(value, axis, keepdims) - correction
    total = sum(elementwise("square", away), axis, keepdims)
    result: Value = total / where(free > 0, free, math.nan)
    return result


def nanstd(x: Any, axis: Axis = None, keepdims: bool = False, correction: float = 0.0) -> Value:
    """The square root of `nanvar`. Its derivative at a spread of 0 is 0."""
    return safe_root(nanvar(x, axis, keepdims, correction))
