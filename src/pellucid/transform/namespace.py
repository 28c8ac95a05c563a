"""The function namespace in Array API spelling, known to people as `pellucid.numpy`.

In: Tensors, arrays, numbers. Out: Tensors; recorded under a transform, computed at once elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pellucid.core.errors import ArgumentError
from pellucid.ops import composite as _composite
from pellucid.ops.composite import (
    arange,
    argmax,
    argmin,
    astype,
    broadcast_to,
    clip,
    concat,
    contract,
    expand_dims,
    flip,
    full,
    getitem,
    log_softmax,
    logsumexp,
    matmul,
    matrix_transpose,
    max,
    mean,
    min,
    one_hot,
    ones,
    outer,
    pad,
    permute_dims,
    reshape,
    scatter_add,
    softmax,
    squeeze,
    stack,
    std,
    sum,
    take,
    tensordot,
    var,
    where,
    zeros,
)
from pellucid.ops.spec import REGISTRY, Kind
from pellucid.ops.value import Value, elementwise, power
from pellucid.transform.tensor import Tensor

ELEMENTWISE = tuple(
    name
    for name, op in REGISTRY.items()
    if op.kind in (Kind.ELEMENTWISE, Kind.COMPARE) and not op.attrs and name not in ("where", "pow")
)


def _row(name: str) -> Callable[..., Value]:
    op = REGISTRY[name]

    def function(*operands: Any) -> Value:
        if len(operands) != len(op.inputs):
            raise ArgumentError(
                name, f"expected {len(op.inputs)} inputs ({', '.join(op.inputs)}), got "
                f"{len(operands)}",
            )  # fmt: skip
        result: Value = elementwise(name, *operands)
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{op.doc} Defined for {op.domain}."
    return function


globals().update({name: _row(name) for name in ELEMENTWISE})


def pow(x: Any, y: Any) -> Value:
    """x to the power y."""
    return power(_composite.asvalue(x), y) if not isinstance(x, Value) else power(x, y)


def asarray(x: Any) -> Value:
    """x as a Tensor."""
    return x if isinstance(x, Value) else _composite.asvalue(x)


__all__ = [
    *ELEMENTWISE, "Tensor", "arange", "argmax", "argmin", "asarray", "astype", "broadcast_to",
    "clip", "concat", "contract", "expand_dims", "flip", "full", "getitem", "log_softmax",
    "logsumexp", "matmul", "matrix_transpose", "max", "mean", "min", "one_hot", "ones", "outer",
    "pad", "permute_dims", "pow", "reshape", "scatter_add", "softmax", "squeeze", "stack", "std",
    "sum", "take", "tensordot", "var", "where", "zeros",
]  # fmt: skip
