"""`BatchSize`: what `x.shape` holds for the batch axis of a function that is traced under N."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.errors import GraphError
from pellucid.core.shapes import Batch
from pellucid.ops.value import Value, apply


class BatchSize:
    """The length of the batch axis, or a multiple: a dimension in shapes, a scalar in arithmetic.

    `dtype` and `shape` let operations take it for the whole number it is.
    """

    __slots__ = ("axis", "dim", "tensor")
    __array_ufunc__: Any = None
    dtype = np.dtype(np.int64)
    shape = ()

    def __init__(self, tensor: Value, axis: int, dim: Batch | None = None):
        self.tensor, self.axis = tensor, axis
        own = tensor.type.shape[axis]
        assert isinstance(own, Batch)
        self.dim = own if dim is None else dim

    def __repr__(self) -> str:
        return repr(self.dim)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, BatchSize):
            return self.dim == other.dim
        return self.dim == other

    def __hash__(self) -> int:
        return hash(self.dim)

    def value(self) -> Value:
        """The number as a scalar of the graph."""
        own = self.tensor.type.shape[self.axis]
        assert isinstance(own, Batch)
        result: Value = apply("size", self.tensor, axis=self.axis)
        times = self.dim.scale // own.scale
        return result if times == 1 else result * times

    def __index__(self) -> int:
        raise GraphError(
            "shape",
            f"expected a number, got the batch size {self.dim!r}, known only at the call",
            "range() over rows becomes an operation on the whole tensor, or arange under jit "
            "without batch=.",
        )

    __int__ = __index__

    def __float__(self) -> float:
        return float(self.__index__())

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, int) and not isinstance(other, bool) and other > 0:
            return BatchSize(self.tensor, self.axis, self.dim * other)
        return self.value() * other

    __rmul__ = __mul__

    def __add__(self, other: Any) -> Any:
        return self.value() + other

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self.value() - other

    def __rsub__(self, other: Any) -> Any:
        return other - self.value()

    def __truediv__(self, other: Any) -> Any:
        return self.value() / other

    def __rtruediv__(self, other: Any) -> Any:
        return other / self.value()
