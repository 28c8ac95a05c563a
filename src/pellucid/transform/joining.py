"""`r_` and `c_`: Tensors, arrays, numbers and slices put side by side in square brackets.

NumPy's own make arrays of what they are given and ask each Tensor for its numbers, so these stand
in `pellucid.numpy`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError
from pellucid.ops import composite
from pellucid.ops.composite.base import together
from pellucid.ops.value import Value, is_scalar


class Joining:
    """Joins what stands in brackets, by NumPy's rules.

    Args:
        axis: along which parts are joined.
        rank: the least number of axes of a part.
        first: where the axes of a smaller part stand among new ones; -1 is behind them.

    Example:
        >>> import pellucid as pel
        >>> import pellucid.numpy as pnp
        >>> pel.grad(lambda x: (pnp.r_[x, 0:2, x * x] ** 2).sum())(3.0)
        array(114.)
    """

    def __init__(self, name: str, axis: int, rank: int, first: int):
        self.name, self.axis, self.rank, self.first = name, axis, rank, first

    def __repr__(self) -> str:
        return f"pellucid.numpy.{self.name}"

    def __getitem__(self, key: Any) -> Value:
        items = list(key) if isinstance(key, tuple) else [key]
        axis, rank, first = self.axis, self.rank, self.first
        if items and isinstance(items[0], str):
            axis, rank, first = self._directive(items.pop(0))
        if not items:
            raise ArgumentError(self.name, "expected something to join, got nothing")
        items = [self._range(item) if isinstance(item, slice) else item for item in items]
        alone = all(map(is_scalar, items))
        parts = together(self.name, *(composite.asvalue(i) if alone else i for i in items))
        return composite.concat([self._placed(part, rank, first) for part in parts], axis)

    def _range(self, item: slice) -> Any:
        """start:stop:step as numbers; an imaginary step counts them, the last one included."""
        try:
            return np.r_[item]
        except Exception as error:
            raise ArgumentError(self.name, f"a slice must hold numbers, got {error}") from None

    def _directive(self, text: str) -> tuple[int, int, int]:
        """The axis, the least number of axes and where the axes of a smaller part stand."""
        try:
            numbers = [int(word) for word in text.split(",")]
        except ValueError:
            numbers = []
        if not 1 <= len(numbers) <= 3 or not 0 <= (numbers[1:] or [0])[0] <= shapes.MAX_AXES:
            raise ArgumentError(
                self.name,
                f"expected 'axis', 'axis,ndim' or 'axis,ndim,place' in whole numbers, got {text!r}",
            )
        axis, rank, first = (*numbers, *(self.axis, self.rank, self.first)[len(numbers) :])
        return axis, rank, first

    def _placed(self, part: Value, rank: int, first: int) -> Value:
        """A part with axes of length 1 until it has `rank`."""
        shape = part.type.shape
        new = rank - len(shape)
        if new <= 0:
            return part
        before = first + new + 1 if first < 0 else first
        if not 0 <= before <= new:
            raise ArgumentError(
                self.name, f"the place of axes must lie in [{-new - 1}, {new}], got {first}"
            )
        return composite.reshape(part, (*(1,) * before, *shape, *(1,) * (new - before)))


r_ = Joining("r_", axis=0, rank=1, first=-1)
c_ = Joining("c_", axis=-1, rank=2, first=0)
