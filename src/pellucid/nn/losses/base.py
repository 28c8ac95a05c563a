"""What a loss is: one value a row, and what labels it takes.

A loss sees logits: a final softmax or sigmoid of the model is taken off before a cross-entropy and
put back for `predict_proba`. Output and target never broadcast: (N,) is accepted for (N, 1).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import DataError, ShapeError
from pellucid.graph.node import TensorType
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise
from pellucid.runtime.extras import numpy_dtype

Array = np.ndarray[Any, Any]


class Loss:
    """Base of all losses."""

    name: ClassVar[str]
    link: ClassVar[str | None] = None  # turns the model's output into probabilities
    classifies: ClassVar[bool] = False  # whether targets are labels
    sides: ClassVar[tuple[int, int] | None] = None  # the labels, where each output has two
    wants_probabilities: ClassVar[bool] = False  # as they are, not logits

    def per_row(self, target: Value, output: Value) -> Value:
        """The loss of each row, shape (N,)."""
        raise NotImplementedError

    def labelled(self, target: Value) -> Value:
        """The label of each row (N,), or of each of its outputs (N, H), where there are labels."""
        raise NotImplementedError

    def decided(self, output: Value) -> Value:
        """The label that the output stands for, in the form of `labelled`."""
        raise NotImplementedError

    def correct(self, target: Value, output: Value) -> Value | None:
        """Whether each row is classified right, shape (N,); None where that means nothing."""
        if not self.classifies:
            return None
        right = elementwise("equal", self.decided(output), self.labelled(target))
        axes = tuple(range(1, len(right.type.shape)))
        return composite.min(composite.astype(right, "int64"), axes) > 0 if axes else right

    def targets(self, y: Array, output: TensorType) -> Array:
        """`y` checked against an output of this type, in the form that `per_row` takes.

        Raises:
            ShapeError: for a shape that would broadcast.
            DataError: for labels that this loss does not take.
        """
        return same_shape(self.name, y, output)


def same_shape(
    where: str,
    y: Array,
    output: TensorType,
    why: str = "like the output of the model",
    fix: str = "Give the last layer as many units as y has columns.",
) -> Array:
    """y in the output's shape and dtype; (N,) is accepted for (N, 1)."""
    wanted = output.shape[1:]
    if y.ndim == 1 and wanted == (1,):
        y = y.reshape(-1, 1)
    if y.shape[1:] != wanted:
        need = shapes.text((shapes.N, *wanted))
        raise ShapeError(
            where,
            f"y must be {need} {why}, got {shapes.text(y.shape)}",
            fix,
        )
    if y.dtype.kind not in "biuf":
        raise DataError(where, f"y must be numbers, got {y.dtype}")
    with np.errstate(over="ignore"):
        narrow = y.astype(numpy_dtype(output.dtype), copy=False)
    if np.can_cast(y.dtype, narrow.dtype):
        return narrow
    lost = np.isinf(narrow) & np.isfinite(y)
    if lost.any():
        raise DataError(
            where,
            f"y must fit {output.dtype}, got {first_bad(y, lost)}",
            'Scale the targets, or use Sequential(dtype="float64").',
        )
    return narrow


def first_bad(y: Array, bad: Array) -> str:
    place = np.argwhere(bad)[0]
    value = y[tuple(place)]
    return (
        f"{value!r} in row {int(place[0])}"
        if not isinstance(value, np.generic)
        else (f"{value.item()!r} in row {int(place[0])}")
    )


def rows(values: Value) -> Value:
    """Σ over all axes but the rows."""
    axes = tuple(range(1, len(values.type.shape)))
    return composite.sum(values, axes) if axes else values
