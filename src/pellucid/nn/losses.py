"""Losses: one value a row, and what labels they take.

A loss sees logits: a final softmax or sigmoid of the model is taken off before a cross-entropy and
put back for `predict_proba`. Output and target never broadcast: (N,) is accepted for (N, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from pellucid.core import shapes
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, DataError, ShapeError, nearest
from pellucid.graph.node import TensorType
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise
from pellucid.runtime.extras import numpy_dtype

Array = np.ndarray[Any, Any]


class Loss:
    """Base of all losses."""

    name: ClassVar[str]
    link: ClassVar[str | None] = None  # turns the model's output into probabilities

    def per_row(self, target: Value, output: Value) -> Value:
        """The loss of each row, shape (N,)."""
        raise NotImplementedError

    def correct(self, target: Value, output: Value) -> Value | None:
        """Whether each row is classified right, shape (N,); None where that means nothing."""
        return None

    def targets(self, y: Array, output: TensorType) -> Array:
        """`y` checked against an output of this type, in the form that `per_row` takes.

        Raises:
            ShapeError: for a shape that would broadcast.
            DataError: for labels that this loss does not take.
        """
        return same_shape(self.name, y, output)


def same_shape(where: str, y: Array, output: TensorType) -> Array:
    """y in the output's shape and dtype; (N,) is accepted for (N, 1)."""
    wanted = output.shape[1:]
    if y.ndim == 1 and wanted == (1,):
        y = y.reshape(-1, 1)
    if y.shape[1:] != wanted:
        need = shapes.text((shapes.N, *wanted))
        raise ShapeError(
            where,
            f"y must be {need} like the output of the model, got {shapes.text(y.shape)}",
            "Give the last layer as many units as y has columns.",
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
            f"y must fit {output.dtype}, got {_first_bad(y, lost)}",
            'Scale the targets, or use Sequential(dtype="float64").',
        )
    return narrow


def _first_bad(y: Array, bad: Array) -> str:
    place = np.argwhere(bad)[0]
    value = y[tuple(place)]
    return (
        f"{value!r} in row {int(place[0])}"
        if not isinstance(value, np.generic)
        else (f"{value.item()!r} in row {int(place[0])}")
    )


def _rows(values: Value) -> Value:
    """Σ over all axes but the rows."""
    axes = tuple(range(1, len(values.type.shape)))
    return composite.sum(values, axes) if axes else values


@record
class Squared(Loss):
    """Σ (y - t)² over the outputs of a row; its gradient is 2(y - t)."""

    name: ClassVar[str] = "squared"

    def per_row(self, target: Value, output: Value) -> Value:
        return _rows(elementwise("square", output - target))


@record
class HalfSquared(Loss):
    """½ Σ (y - t)² over the outputs of a row; its gradient is y - t."""

    name: ClassVar[str] = "half_squared"

    def per_row(self, target: Value, output: Value) -> Value:
        return _rows(elementwise("square", output - target)) * 0.5


@record
class CrossEntropy(Loss):
    """-zₜ + ln Σⱼ e^{zⱼ} for logits z and class t; -Σ tⱼ ln softmax(z)ⱼ for rows that sum to 1.

    Labels: classes (N,) as whole numbers 0 … C-1, or rows (N, C) of probabilities. In nats.
    Source: the lectures, (6.20); its gradient is softmax(z) - t, (6.26b).
    """

    name: ClassVar[str] = "cross_entropy"
    link: ClassVar[str | None] = "softmax"

    def per_row(self, target: Value, output: Value) -> Value:
        classes = output.type.shape[-1]
        if len(target.type.shape) == 1:
            assert isinstance(classes, int)
            target = composite.one_hot(target, classes, output.type.dtype)
        # (ln Σ e^z - z)·t row by row: with Σ t = 1 the logits may be as large as 1e3 or infinite
        # on a side that t does not touch.
        total = composite.logsumexp(output, axis=-1, keepdims=True)
        terms = composite.where(target == 0, 0.0, target * (total - output))
        return composite.sum(terms, axis=-1)

    def correct(self, target: Value, output: Value) -> Value:
        chosen = composite.argmax(output, axis=-1)
        labels = target if len(target.type.shape) == 1 else composite.argmax(target, axis=-1)
        return elementwise("equal", chosen, labels)

    def targets(self, y: Array, output: TensorType) -> Array:
        if len(output.shape) != 2:
            raise ShapeError(
                self.name,
                f"the model must return (N, C), got {shapes.text(output.shape)}",
                "Add Flatten() before the last Dense.",
            )
        classes = output.shape[1]
        assert isinstance(classes, int)
        if classes == 1:
            raise ShapeError(
                self.name,
                "the model must return a logit for each class, got (N, 1)",
                "Use Dense(2), or loss='binary_cross_entropy' with one output.",
            )
        if y.ndim == 1:
            return self._classes(y, classes)
        if y.shape[1:] != (classes,):
            fix = "Pass y.ravel()." if y.shape[1:] == (1,) else "Check the units of the last layer."
            raise ShapeError(
                self.name, f"y must be (N,) or (N, {classes}), got {shapes.text(y.shape)}", fix
            )
        if y.dtype.kind not in "biuf":
            raise DataError(self.name, f"y must be numbers, got {y.dtype}")
        rows = y.astype(numpy_dtype(output.dtype))
        sums = rows.sum(axis=1)
        bad = ~(np.abs(sums - 1) < 1e-3) | (rows < 0).any(axis=1)
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                self.name,
                f"rows of y must be probabilities that sum to 1, got {rows[row].tolist()} in row "
                f"{row} with sum {float(sums[row]):g}",
                "For several labels at once use loss='binary_cross_entropy'.",
            )
        return rows

    def _classes(self, y: Array, classes: int) -> Array:
        if y.dtype.kind == "f":
            bad = ~(y == np.floor(y))
            if bad.any():
                raise DataError(
                    self.name, f"labels must be whole numbers, got {_first_bad(y, bad)}",
                    "For a regression use loss='squared'.",
                )  # fmt: skip
        elif y.dtype.kind not in "biu":
            raise DataError(
                self.name,
                f"labels must be whole numbers, got {y.dtype}",
                "Map text to numbers: names, y = np.unique(y, return_inverse=True).",
            )
        bad = (y < 0) | (y >= classes)
        if bad.any():
            fix = f"The model has {classes} outputs: give the last layer one unit a class."
            if (y == -1).any() and classes == 2 and not ((y != -1) & (y != 1)).any():
                fix = "Labels are -1 and 1: pass (y + 1) // 2, or use loss='hinge' with one output."
            raise DataError(
                self.name, f"labels must lie in [0, {classes - 1}], got {_first_bad(y, bad)}", fix
            )
        return y.astype(np.int64)


@record
class BinaryCrossEntropy(Loss):
    """-t ln σ(z) - (1-t) ln(1-σ(z)) = softplus(z) - t·z, summed over the outputs of a row.

    Labels in [0, 1], one for each output: several outputs are independent yes/no questions.
    """

    name: ClassVar[str] = "binary_cross_entropy"
    link: ClassVar[str | None] = "sigmoid"

    def per_row(self, target: Value, output: Value) -> Value:
        # softplus(z) - t·z as max(z, 0) - t·z + ln(1 + e^-|z|): no difference of large numbers.
        positive = elementwise("relu", output)
        tail = elementwise("log1p", elementwise("exp", -abs(output)))
        return _rows(positive - target * output + tail)

    def correct(self, target: Value, output: Value) -> Value:
        right = elementwise("equal", output > 0, target > 0.5)
        axes = tuple(range(1, len(output.type.shape)))
        hits = composite.min(composite.astype(right, "int64"), axes)
        return hits > 0

    def targets(self, y: Array, output: TensorType) -> Array:
        checked = same_shape(self.name, y, output)
        bad = ~((checked >= 0) & (checked <= 1))
        if bad.any():
            fix = "Labels must be 0 or 1."
            if not ((checked != -1) & (checked != 1)).any():
                fix = "Labels are -1 and 1: pass (y + 1) / 2, or use loss='hinge'."
            raise DataError(
                self.name, f"labels must lie in [0, 1], got {_first_bad(checked, bad)}", fix
            )
        return checked


@record
class Hinge(Loss):
    """[1 - t·y]₊ for labels t in {-1, 1}; its gradient at the kink t·y = 1 is 0."""

    name: ClassVar[str] = "hinge"

    def per_row(self, target: Value, output: Value) -> Value:
        return _rows(elementwise("relu", 1 - target * output))

    def correct(self, target: Value, output: Value) -> Value:
        right = elementwise("equal", output > 0, target > 0)
        axes = tuple(range(1, len(output.type.shape)))
        return composite.min(composite.astype(right, "int64"), axes) > 0

    def targets(self, y: Array, output: TensorType) -> Array:
        checked = same_shape(self.name, y, output)
        bad = ~((checked == -1) | (checked == 1))
        if bad.any():
            fix = "Labels must be -1 or 1."
            if not ((checked != 0) & (checked != 1)).any():
                fix = "Labels are 0 and 1: pass 2*y - 1, or use loss='binary_cross_entropy'."
            raise DataError(
                self.name, f"labels must be -1 or 1, got {_first_bad(checked, bad)}", fix
            )
        return checked


@record
class UserLoss(Loss):
    """A function `loss(y_true, y_pred)` of a person's own, one value a row."""

    name: ClassVar[str] = "loss"

    function: Callable[[Any, Any], Any]

    def per_row(self, target: Value, output: Value) -> Value:
        value = composite.asvalue(self.function(target, output))
        rows = output.type.shape[:1]
        if value.type.shape != rows:
            raise ShapeError(
                self.label,
                f"a loss must return one value a row {shapes.text(rows)}, "
                f"got {shapes.text(value.type.shape)}",
                "Reduce over the last axes only: np.sum((y_pred - y_true)**2, axis=-1).",
            )
        return value

    @property
    def label(self) -> str:
        return f"loss {getattr(self.function, '__name__', 'function')}"

    def targets(self, y: Array, output: TensorType) -> Array:
        if y.ndim == 1 and output.shape[1:] == (1,):
            y = y.reshape(-1, 1)
        if y.dtype.kind not in "biuf":
            raise DataError(self.label, f"y must be numbers, got {y.dtype}")
        return y.astype(numpy_dtype(output.dtype)) if y.dtype.kind == "f" else y.astype(np.int64)


BY_NAME: dict[str, Loss] = {
    loss.name: loss
    for loss in (Squared(), HalfSquared(), CrossEntropy(), BinaryCrossEntropy(), Hinge())
}

# What other libraries call them; named in the error, so that nobody searches twice.
_ELSEWHERE = {
    "mse": "squared",
    "mean_squared_error": "squared",
    "squared_error": "squared",
    "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
    "crossentropy": "cross_entropy",
    "log_loss": "cross_entropy",
    "nll": "cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "bce": "binary_cross_entropy",
}


def loss(value: Any) -> Loss:
    """The loss that a name, a Loss or a function stands for."""
    if isinstance(value, Loss):
        return value
    if isinstance(value, str):
        if value in BY_NAME:
            return BY_NAME[value]
        hint = nearest(value, BY_NAME)
        if value.lower() in _ELSEWHERE:
            hint = f"Here it is called '{_ELSEWHERE[value.lower()]}'."
        raise ArgumentError("compile", f"unknown loss {value!r}", hint)
    if callable(value):
        return UserLoss(value)
    raise ArgumentError("compile", f"loss must be a name or a function, got {value!r}")
