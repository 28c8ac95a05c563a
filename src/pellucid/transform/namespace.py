"""The function namespace in Array API spelling, known to people as `pellucid.numpy`.

In: Tensors, arrays, numbers. Out: Tensors; recorded under a transform, computed at once elsewhere.
It is also the `xp` that a row's `forward(xp, …)` receives while it is traced, beside
`runtime.extras.NUMPY`, where it computes: what both have, both spell and order alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core.arguments import checked
from pellucid.core.dtypes import as_dtype
from pellucid.core.errors import ArgumentError
from pellucid.ops import composite
from pellucid.ops.spec import REGISTRY, Kind
from pellucid.ops.value import Value, apply, elementwise
from pellucid.runtime.extras import numpy_dtype
from pellucid.transform.arrays import as_array, converted
from pellucid.transform.joining import c_ as c_
from pellucid.transform.joining import r_ as r_

Function = Callable[..., Any]


def _named(function: Function, name: str) -> Function:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{REGISTRY[name].doc} Defined for {REGISTRY[name].domain}."
    return function


def _elementwise(name: str) -> Function:
    """A row that acts on each element: operands are promoted to one dtype."""
    inputs = REGISTRY[name].inputs

    def function(*operands: Any) -> Value:
        if len(operands) != len(inputs):
            expected = f"{len(inputs)} inputs ({', '.join(inputs)})"
            raise ArgumentError(name, f"expected {expected}, got {len(operands)}")
        result: Value = elementwise(name, *operands)
        return result

    return _named(function, name)


def _row(name: str) -> Function:
    """A row as it stands: its inputs, its attributes, then inputs that may be left out."""
    op = REGISTRY[name]
    tensors = [key for key in op.inputs if not key.startswith("*")]
    more = [key.removeprefix("*") for key in op.inputs if key.startswith("*")]
    known = (*tensors, *op.attrs)

    def function(*args: Any, **keywords: Any) -> Value:
        given = dict(zip((*known, *more), args, strict=False)) | keywords
        named = {*known} <= {*given} <= {*known, *more}
        if len(args) > len(known) + len(more) or not named:
            got = ", ".join(given)
            raise ArgumentError(name, f"expected {', '.join(known)}, got {len(args)} and {got}")
        inputs = [composite.asvalue(given[key]) for key in (*tensors, *more) if key in given]
        result: Value = apply(name, *inputs, **{key: given[key] for key in op.attrs})
        return result

    return _named(function, name)


def asarray(x: Any, dtype: Any = None) -> Value:
    """x as a Tensor; a NumPy array is copied."""
    if dtype is None or isinstance(x, Value) or hasattr(x, "dtype"):
        return composite.asvalue(x) if dtype is None else composite.astype(x, dtype)
    target = numpy_dtype(as_dtype(dtype, "asarray"))  # rounded once, from what Python holds
    return composite.asvalue(converted(as_array(x, "asarray", exact=True), target, "asarray"))


def array(x: Any, dtype: Any = None) -> Value:
    """`asarray` under NumPy's name: a list of Tensors and numbers, nested or not, is stacked."""
    return asarray(x, dtype)


def copy(x: Any) -> Value:
    """x as a Tensor. A Tensor does not change, so it is its own copy."""
    return composite.asvalue(x)


COMPOSITES = tuple(
    """
    all any arange argmax argmin argpartition argsort astype avg_pool broadcast_arrays broadcast_to
    ceil clip concat contract conv conv_transpose copysign count_nonzero cross cumulative_prod
    cumulative_sum diag diagonal diff dot einsum exp2 expand_dims eye flip floor fmod fold full
    full_like gather getitem gradient hypot inner interp isinf isnan kron linspace
    local_response_norm log2 log10 log_softmax logaddexp logaddexp2 logical_and logical_not
    logical_or logical_xor logsumexp matmul matrix_norm matrix_transpose max max_pool mean median
    min moveaxis nan_to_num nancumprod nancumsum nanmax nanmean nanmin nanprod nanstd nansum nanvar
    one_hot ones ones_like outer pad partition percentile permute_dims positive pow prod quantile
    reciprocal repeat reshape roll rot90 round scatter_add select signbit sinc softmax sort split
    squeeze stack std sum swapaxes take take_along_axis tan tensordot tile trace tril triu trunc
    unstack unwrap var vecdot vector_norm where windows zeros zeros_like
    """.split()  # noqa: SIM905
)
ROWS = tuple(
    name
    for name, op in REGISTRY.items()
    if op.kind in (Kind.ELEMENTWISE, Kind.COMPARE) and not op.attrs and name not in COMPOSITES
)
PLAIN = ("iota", "size", "random_bits", "uniform", "normal")
CONSTANTS = (
    *("bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "e", "pi", "inf", "nan", "newaxis"),
)

globals().update({name: _elementwise(name) for name in ROWS})
globals().update({name: _row(name) for name in PLAIN})
globals().update({name: checked(getattr(composite, name)) for name in COMPOSITES})
array, asarray, copy = checked(array), checked(asarray), checked(copy)
globals().update({name: getattr(np, name) for name in CONSTANTS})

__all__ = [*ROWS, *PLAIN, *COMPOSITES, *CONSTANTS, "array", "asarray", "copy", "r_", "c_"]
