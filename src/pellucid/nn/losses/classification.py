"""Losses of classifications: how surprising the labels are, or how far from their side."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import field
from typing import ClassVar

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import flag, real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, DataError, ShapeError
from pellucid.graph.node import TensorType
from pellucid.nn.losses.base import (
    Array,
    ByElement,
    Form,
    Loss,
    first_invalid,
    no_classes,
    same_shape,
    sum_per_row,
)
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise
from pellucid.runtime.extras import numpy_dtype


@record
class CrossEntropy(Loss):
    """-zₜ + ln Σⱼ e^{zⱼ} for logits z and class t; -Σ tⱼ ln softmax(z)ⱼ for rows that sum to 1.

    Of outputs (N, …, C), a class for each position, the loss of a row is the sum over positions.

    Args:
        label_smoothing: ε in [0, 1): targets are (1 - ε)·t + ε/C.
        class_weights: a number for each class, which the loss of its rows or positions is
            multiplied by; None is 1 for all.
        average: whether the loss of a row is the mean over its positions in place of their sum.

    Labels: classes (N,) as whole numbers 0 … C-1, or rows (N, C) of probabilities; of positions
    (N, …) or (N, …, C). In nats.
    Source: the lectures, (6.20); its gradient is softmax(z) - t, (6.26b). Label smoothing: Szegedy
    et al., CVPR 2016.
    """

    name: ClassVar[str] = "cross_entropy"
    reads: ClassVar[Form] = Form.CLASS_LOGITS
    link: ClassVar[str | None] = "softmax"
    is_classification: ClassVar[bool] = True

    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = field(default=None, kw_only=True)
    average: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        where = type(self).__name__
        real(where, "label_smoothing", self.label_smoothing, 0, 1, open_high=True)
        flag(where, "average", self.average)
        if self.class_weights is None:
            return
        if not isinstance(self.class_weights, (tuple, list)):
            raise ArgumentError(
                where,
                f"class_weights must be a number for each class, got {self.class_weights!r}",
                "Of three classes, the last twice as heavy: class_weights=(1, 1, 2).",
            )
        object.__setattr__(self, "class_weights", tuple(self.class_weights))
        for one in self.class_weights:
            real(where, "class_weights", one, 0)

    def per_row(self, target: Value, output: Value) -> Value:
        return self._of_row(self._terms(target, output), output)

    def weighed(self, target: Value, output: Value, weights: Value) -> Value:
        return self._of_row(composite.sum(self._terms(target, output), -1) * weights, output)

    def _of_row(self, values: Value, output: Value) -> Value:
        total = sum_per_row(values)
        return total / positions(output.type) if self.average else total

    def _terms(self, target: Value, output: Value) -> Value:
        """What each class of each position adds, by the weights of classes, (N, …, C)."""
        terms = self.of_classes(self._probabilities(target, output), output)
        if self.class_weights is not None:
            weights = np.array(self.class_weights, numpy_dtype(output.type.dtype))
            terms = terms * weights
        return terms

    def of_classes(self, target: Value, output: Value) -> Value:
        """What each class of each position adds, (N, …, C), for targets that sum to 1."""
        # (ln Σ e^z - z)·t row by row: with Σ t = 1 the logits may be as large as 1e3 or infinite
        # on a side that t does not touch.
        total = composite.logsumexp(output, axis=-1, keepdims=True)
        return composite.where(target == 0, 0.0, target * (total - output))

    def _probabilities(self, target: Value, output: Value) -> Value:
        """The target as a probability for each class."""
        target, classes = _rows_of_classes(target, output), output.type.shape[-1]
        assert isinstance(classes, int)
        if self.label_smoothing:
            target = target * (1 - self.label_smoothing) + self.label_smoothing / classes
        return target

    def true_labels(self, target: Value) -> Value:
        if len(target.type.shape) == 1 or target.type.dtype.is_integer:
            return target
        return composite.argmax(target, axis=-1)

    def predicted_labels(self, output: Value, form: Form) -> Value:
        return composite.argmax(output, axis=-1)

    def correct(self, target: Value, output: Value, form: Form) -> Value:
        if len(output.type.shape) == 2:
            return super().correct(target, output, form)
        right = elementwise("equal", self.predicted_labels(output, form), self.true_labels(target))
        share = sum_per_row(composite.astype(right, output.type.dtype))
        return share / positions(output.type)

    def target_values(self, target: Value, output: Value) -> Value:
        return _rows_of_classes(target, output)

    def target_shapes(self, output: TensorType) -> tuple[shapes.Shape, ...]:
        if len(output.shape) < 2:
            raise ShapeError(
                self.name,
                f"the model must return (N, C) or (N, …, C), got {shapes.text(output.shape)}",
            )
        return output.shape[:-1], output.shape

    def targets(self, y: Array, output: TensorType) -> Array:
        self.target_shapes(output)
        classes, places = output.shape[-1], output.shape[1:-1]
        assert isinstance(classes, int)
        if self.class_weights is not None and len(self.class_weights) != classes:
            raise ShapeError(
                self.name,
                f"class_weights must have a number for each of {classes} classes, got "
                f"{len(self.class_weights)}",
            )
        if classes == 1:
            raise ShapeError(
                self.name,
                "the model must return a logit for each class, got (N, 1)",
                "Use Dense(2), or loss='binary_cross_entropy' with one output.",
            )
        if y.shape[1:] == places:
            return self._classes(y, classes)
        if y.shape[1:] != (*places, classes):
            known = shapes.text(output.shape[:-1]), shapes.text(output.shape)
            fix = "Pass y.ravel()." if y.shape[1:] == (1,) else "Check the units of the last layer."
            if (places and y.shape[1:] == (classes,)) or y.ndim == 1:
                fix = "Add Flatten() before the last Dense."
            raise ShapeError(
                self.name, f"y must be {known[0]} or {known[1]}, got {shapes.text(y.shape)}", fix
            )
        if y.dtype.kind not in "biuf":
            raise DataError(self.name, f"y must be numbers, got {y.dtype}")
        rows = y.astype(numpy_dtype(output.dtype))
        sums = rows.sum(axis=-1)
        bad = ~(np.abs(sums - 1) < 1e-3) | (rows < 0).any(axis=-1)
        if bad.any():
            place = tuple(np.argwhere(bad)[0])
            raise DataError(
                self.name,
                f"rows of y must be probabilities that sum to 1, got {rows[place].tolist()} in row "
                f"{int(place[0])} with sum {float(sums[place]):g}",
                "For several labels at once use loss='binary_cross_entropy'.",
            )
        return rows

    def _classes(self, y: Array, classes: int) -> Array:
        if y.dtype.kind == "f":
            bad = ~(y == np.floor(y))
            if bad.any():
                raise DataError(
                    self.name,
                    f"labels must be whole numbers, got {first_invalid(y, bad)}",
                    "For a regression use loss='squared'.",
                )
        elif y.dtype.kind not in "biu":
            raise DataError(
                self.name,
                f"labels must be whole numbers, got {y.dtype}",
                "Map text to numbers: names, y = np.unique(y, return_inverse=True).",
            )
        bad = (y < 0) | (y >= classes)
        if bad.any():
            raise DataError(
                self.name,
                f"labels must lie in [0, {classes - 1}], got {first_invalid(y, bad)}",
                _renumbered(y, classes),
            )
        return y.astype(np.int64)

    def row_classes(self, y: Array, output: TensorType, where: str) -> tuple[Array, list[int]]:
        count = output.shape[-1]
        assert isinstance(count, int)
        if len(output.shape) > 2:
            raise ArgumentError(
                where,
                "class_weight needs one class a row, got a model with one for each position",
                "Use CrossEntropy(class_weights=…), which weighs positions.",
            )
        if y.ndim > 1:
            shared = (y != 0).sum(axis=1) != 1
            if shared.any():
                row = int(np.argmax(shared))
                raise DataError(
                    where,
                    "with class_weight rows of y must hold a 1 and zeros, got "
                    f"{y[row].tolist()} in row {row}",
                    "Use sample_weight.",
                )
            y = y.argmax(axis=1)
        return y, list(range(count))


def positions(output: TensorType) -> int:
    """How many positions of an output (N, …, C) have a class."""
    return math.prod(dim for dim in output.shape[1:-1] if isinstance(dim, int))


def _renumbered(y: Array, classes: int) -> str:
    """What to do with labels that are not 0 … C-1."""
    known = np.unique(y)
    if classes == 2 and np.isin(known, (-1, 1)).all():
        return "Labels are -1 and 1: pass (y + 1) // 2, or use loss='hinge' with one output."
    if known[0] >= 1 and known[-1] <= classes:
        return "Classes count from 0: pass y - 1."
    if len(known) <= classes:
        return "Number the classes from 0: names, y = np.unique(y, return_inverse=True)."
    return f"The model has {classes} outputs: give the last layer one unit a class."


def _rows_of_classes(target: Value, output: Value) -> Value:
    """Classes (N,) as rows with a 1 and zeros; rows as they are."""
    classes = output.type.shape[-1]
    assert isinstance(classes, int)
    if len(target.type.shape) == len(output.type.shape):
        return target
    return composite.one_hot(target, classes, output.type.dtype)


def _two_classes(loss: Loss, y: Array, output: TensorType, where: str) -> tuple[Array, list[int]]:
    """The side of each row, where rows have one."""
    if output.shape[1:] != (1,) or loss.binary_labels is None:
        raise no_classes(loss.label, output, where)
    return y.reshape(-1), list(loss.binary_labels)


@record
class ProbabilityCrossEntropy(CrossEntropy):
    """-ln pₜ for probabilities p and class t; -Σ tⱼ ln pⱼ for rows that sum to 1.

    For models that return probabilities which are not those of a softmax layer: where they are,
    cross_entropy takes the layer off and is exact where this one rounds to 0. An output of 0 for
    the class that is right is an infinite loss.

    Source: the lectures; its gradient is -t/p.
    """

    name: ClassVar[str] = "probability_cross_entropy"
    reads: ClassVar[Form] = Form.PROBABILITIES
    link: ClassVar[str | None] = None

    def of_classes(self, target: Value, output: Value) -> Value:
        return -composite.where(target == 0, 0.0, target * elementwise("log", output))


class BinaryLabels(Loss):
    """Losses of labels in [0, 1], one for each output."""

    is_classification: ClassVar[bool] = True
    binary_labels: ClassVar[tuple[int, int] | None] = (0, 1)
    by_element: ClassVar[bool] = True

    def true_labels(self, target: Value) -> Value:
        return target > 0.5

    def predicted_labels(self, output: Value, form: Form) -> Value:
        return output > (0.5 if form is Form.PROBABILITY else 0)

    def row_classes(self, y: Array, output: TensorType, where: str) -> tuple[Array, list[int]]:
        return _two_classes(self, y, output, where)

    def targets(self, y: Array, output: TensorType) -> Array:
        checked = same_shape(self.name, y, output)
        bad = ~((checked >= 0) & (checked <= 1))
        if bad.any():
            fix = "Labels must be 0 or 1."
            if not ((checked != -1) & (checked != 1)).any():
                fix = "Labels are -1 and 1: pass (y + 1) / 2, or use loss='hinge'."
            elif not ((checked != 1) & (checked != 2)).any():
                fix = "Labels are 1 and 2: pass y - 1."
            raise DataError(
                self.name, f"labels must lie in [0, 1], got {first_invalid(checked, bad)}", fix
            )
        return checked


@record
class BinaryCrossEntropy(BinaryLabels, ByElement):
    """-t ln σ(z) - (1-t) ln(1-σ(z)) for logits z, summed over the outputs of a row.

    Args:
        label_smoothing: ε in [0, 1): targets are (1 - ε)·t + ε/2.
        average: whether the loss of a row is the mean over its outputs in place of their sum.

    Labels in [0, 1], one for each output: several outputs are independent yes/no questions.
    """

    name: ClassVar[str] = "binary_cross_entropy"
    reads: ClassVar[Form] = Form.LOGITS
    link: ClassVar[str | None] = "sigmoid"

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real(type(self).__name__, "label_smoothing", self.label_smoothing, 0, 1, open_high=True)

    def _smoothed(self, target: Value) -> Value:
        rest = self.label_smoothing
        return target * (1 - rest) + rest / 2 if rest else target

    def of_elements(self, target: Value, output: Value) -> Value:
        target = self._smoothed(target)
        # Not softplus(z) - t·z, a difference of large numbers; and nothing of |z|, whose slope at
        # z = 0, where weights of 0 start, would be another than σ(0) - t.
        no, yes = elementwise("softplus", output), elementwise("softplus", -output)
        return target * yes + (1 - target) * no


@record
class ProbabilityBinaryCrossEntropy(BinaryCrossEntropy):
    """-t ln p - (1-t) ln(1-p) for probabilities p, summed over the outputs of a row.

    For models whose probabilities are not those of a sigmoid layer: see
    probability_cross_entropy. Its gradient is -t/p + (1-t)/(1-p).
    """

    name: ClassVar[str] = "probability_binary_cross_entropy"
    reads: ClassVar[Form] = Form.PROBABILITY
    link: ClassVar[str | None] = None

    def of_elements(self, target: Value, output: Value) -> Value:
        target = self._smoothed(target)
        yes = composite.where(target == 0, 0.0, target * elementwise("log", output))
        no = composite.where(target == 1, 0.0, (1 - target) * elementwise("log1p", -output))
        return -(yes + no)


@dataclasses.dataclass(frozen=True)
class _Signs(ByElement):
    """Losses of labels -1 and 1, one for each output."""

    reads: ClassVar[Form] = Form.SCORES
    is_classification: ClassVar[bool] = True
    binary_labels: ClassVar[tuple[int, int] | None] = (-1, 1)

    def true_labels(self, target: Value) -> Value:
        return target > 0

    def predicted_labels(self, output: Value, form: Form) -> Value:
        return output > 0

    def row_classes(self, y: Array, output: TensorType, where: str) -> tuple[Array, list[int]]:
        return _two_classes(self, y, output, where)

    def targets(self, y: Array, output: TensorType) -> Array:
        checked = same_shape(self.name, y, output)
        bad = ~((checked == -1) | (checked == 1))
        if bad.any():
            fix = "Labels must be -1 or 1."
            if not ((checked != 0) & (checked != 1)).any():
                fix = "Labels are 0 and 1: pass 2*y - 1, or use loss='binary_cross_entropy'."
            elif not ((checked != 1) & (checked != 2)).any():
                fix = "Labels are 1 and 2: pass 2*y - 3."
            raise DataError(
                self.name, f"labels must be -1 or 1, got {first_invalid(checked, bad)}", fix
            )
        return checked


@record
class Logistic(_Signs):
    """ln(1 + e^{-t·y}) for labels t in {-1, 1}: binary_cross_entropy of (t + 1)/2."""

    name: ClassVar[str] = "logistic"

    def of_elements(self, target: Value, output: Value) -> Value:
        return elementwise("softplus", -(target * output))


@record
class MulticlassHinge(CrossEntropy):
    """[1 + maxⱼ≠ₜ zⱼ - zₜ]₊ for scores z and class t; ties go to the first of equals.

    Labels: classes (N,) as whole numbers 0 … C-1, or rows (N, C) with a 1 and zeros.
    Source: Crammer and Singer, JMLR 2 (2001), 265-292.
    """

    name: ClassVar[str] = "multiclass_hinge"
    reads: ClassVar[Form] = Form.CLASS_SCORES
    link: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        where = type(self).__name__
        if self.label_smoothing:  # a margin is to one class
            raise ArgumentError(
                where,
                f"label_smoothing must be 0, got {self.label_smoothing}",
                "Smoothed labels are probabilities: use CrossEntropy.",
            )
        if self.class_weights is not None:
            raise ArgumentError(
                where,
                f"class_weights must be None, got {self.class_weights}",
                "Use CrossEntropy, or the class_weight of fit.",
            )

    def targets(self, y: Array, output: TensorType) -> Array:
        checked = super().targets(y, output)
        shared = checked.dtype.kind == "f" and ((checked != 0) & (checked != 1)).any(axis=-1)
        if np.any(shared):
            place = tuple(np.argwhere(shared)[0])
            raise DataError(
                self.name,
                f"rows of y must hold a 1 and zeros, got {checked[place].tolist()} in row "
                f"{int(place[0])}",
                "For probabilities use loss='cross_entropy'.",
            )
        return checked

    def per_row(self, target: Value, output: Value) -> Value:
        return self._of_row(self._of_places(target, output), output)

    def weighed(self, target: Value, output: Value, weights: Value) -> Value:
        return self._of_row(self._of_places(target, output) * weights, output)

    def _of_places(self, target: Value, output: Value) -> Value:
        chosen = self._probabilities(target, output)
        own = composite.sum(chosen * output, axis=-1)
        # The chosen class stands 1 lower than its rivals: where it leads by 1, nothing is left.
        return elementwise("relu", self._rivals(chosen, output) - own)

    def _rivals(self, chosen: Value, output: Value) -> Value:
        """1 above the highest score beside that of the class, or the class's own."""
        return composite.max(output + (1 - chosen), axis=-1)


@record
class CategoricalHinge(MulticlassHinge):
    """[1 + max(0, maxⱼ≠ₜ zⱼ) - zₜ]₊ for scores z and class t: a rival below 0 counts as 0.

    Labels: as of MulticlassHinge.
    Source: as in Keras.
    """

    name: ClassVar[str] = "categorical_hinge"
    negative_is_zero: ClassVar[bool] = True  # where it is a rival

    def _rivals(self, chosen: Value, output: Value) -> Value:
        rival: Value = composite.max(output * (1 - chosen), axis=-1) + 1
        return rival


@record
class Perceptron(_Signs):
    """[-t·y]₊ for labels t in {-1, 1}: SGD on it is Rosenblatt's perceptron rule.

    A row on the wrong side, or on the border t·y = 0, moves the weights by η·t·x; the others do
    not. The weights can start at 0.

    Source: Rosenblatt, Psychological Review 65 (1958), 386-408; the lectures.
    """

    name: ClassVar[str] = "perceptron"

    def of_elements(self, target: Value, output: Value) -> Value:
        margin = target * output
        return composite.where(margin <= 0, -margin, 0.0)


@record
class Hebbian(_Signs):
    """-t·y for labels t in {-1, 1}: SGD on it is Hebb's rule w ← w + η·t·x.

    What fires together is wired together: every row moves the weights, right or wrong, and nothing
    bounds them. Use a linear output.

    Source: Hebb, The organization of behavior (1949); the lectures.
    """

    name: ClassVar[str] = "hebbian"

    def of_elements(self, target: Value, output: Value) -> Value:
        return -(target * output)


@record
class Hinge(_Signs):
    """[1 - t·y]₊ for labels t in {-1, 1}; its gradient at the kink t·y = 1 is 0."""

    name: ClassVar[str] = "hinge"

    def of_elements(self, target: Value, output: Value) -> Value:
        return elementwise("relu", 1 - target * output)


@record
class SquaredHinge(_Signs):
    """([1 - t·y]₊)² for labels t in {-1, 1}: a hinge without a kink."""

    name: ClassVar[str] = "squared_hinge"

    def of_elements(self, target: Value, output: Value) -> Value:
        return elementwise("square", elementwise("relu", 1 - target * output))
