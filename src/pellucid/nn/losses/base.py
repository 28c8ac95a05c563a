"""What a loss is: one value a row, what labels it takes, and what it takes an output for.

What the output of a model stands for follows from the loss and the final activation together: see
`contract.py`. Output and target never broadcast: (N,) is accepted for (N, 1).
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import diagnosed, flag
from pellucid.core.errors import ArgumentError, DataError, ShapeError
from pellucid.graph.node import TensorType
from pellucid.ops import composite
from pellucid.ops.composite.base import asvalue
from pellucid.ops.value import Value, elementwise
from pellucid.runtime.extras import numpy_dtype
from pellucid.transform.arrays import SPECIAL, as_array

Array = np.ndarray[Any, Any]


class Form(Enum):
    """What the numbers of an output are. The value is the word that messages and pages use."""

    VALUES = "values"  # like the targets
    PROBABILITIES = "probabilities"  # of classes: the rows sum to 1
    PROBABILITY = "a probability each"  # of a yes, for each output by itself
    CLASS_LOGITS = "logits of classes"  # softmax makes them probabilities
    LOGITS = "logits"  # the sigmoid makes each a probability
    CLASS_SCORES = "scores of classes"  # the highest is chosen
    SCORES = "scores"  # the sign is the side
    LOG_RATE = "logarithms of rates"
    RATE = "rates"  # never below 0
    DENSITY = "parameters of a density"
    OWN = "parameters of a density of one's own"  # whose mean is not known


class Loss:
    """Base of all losses."""

    name: ClassVar[str]
    reads: ClassVar[Form] = Form.VALUES  # what it takes the output of the model for
    link: ClassVar[str | None] = None  # the final activation that is taken off before it
    is_classification: ClassVar[bool] = False  # whether targets are labels
    by_element: ClassVar[bool] = False  # whether each output has a target of its own
    negative_is_zero: ClassVar[bool] = False  # whether an output below 0 counts as 0
    read: ClassVar[Mapping[str, str]] = {"forward": "per_row", "call": "per_row"}  # of others
    binary_labels: ClassVar[tuple[int, int] | None] = None  # the labels, where each output has two

    def __init_subclass__(cls, **rest: Any) -> None:
        """Puts checks of the arguments in front of `per_row` and `targets`."""
        super().__init_subclass__(**rest)
        if "per_row" in vars(cls):
            cls.per_row = _checked_per_row(cls.per_row)  # type: ignore[method-assign]
        if "targets" in vars(cls):
            cls.targets = _checked_targets(cls.targets)  # type: ignore[method-assign]

    @property
    def label(self) -> str:
        """How messages name the loss."""
        return self.name

    def per_row(self, target: Value, output: Value) -> Value:
        """The loss of each row, shape (N,)."""
        raise NotImplementedError

    def weighed(self, target: Value, output: Value, weights: Value) -> Value:
        """The loss of each row, (N,), where each position of a row has a weight, (N, …).

        Raises:
            ArgumentError: for a loss that has no value for each position.
        """
        raise ArgumentError(
            self.label,
            "weights of positions need a loss with a value for each of them, got one of whole rows",
            "Give one weight a row, (N,).",
        )

    def target_shapes(self, output: TensorType) -> tuple[shapes.Shape, ...]:
        """The shapes that a target of `per_row` may have; none: any of as many rows.

        Raises:
            ShapeError: for an output that the loss does not take.
        """
        return (output.shape,) if self.by_element else ()

    def true_labels(self, target: Value) -> Value:
        """The label of each row (N,), or of each of its outputs (N, H), where there are labels."""
        raise NotImplementedError

    def predicted_labels(self, output: Value, form: Form) -> Value:
        """The label that an output of this form stands for, in the form of `true_labels`."""
        raise NotImplementedError

    def correct(self, target: Value, output: Value, form: Form) -> Value:
        """Whether each row is classified right, shape (N,)."""
        right = elementwise("equal", self.predicted_labels(output, form), self.true_labels(target))
        axes = tuple(range(1, len(right.type.shape)))
        return composite.min(composite.astype(right, "int64"), axes) > 0 if axes else right

    def mean(self, output: Value) -> Value:
        """The target that an output lets one expect: itself, or the mean of its density."""
        return output

    def target_values(self, target: Value, output: Value) -> Value:
        """The target in the shape of `mean`: of classes a row with a 1 and zeros."""
        return target

    def targets(self, y: Array, output: TensorType) -> Array:
        """`y` checked against an output of this type, in the form that `per_row` takes.

        Raises:
            ShapeError: for a shape that would broadcast.
            DataError: for labels that this loss does not take.
        """
        return same_shape(self.name, as_rows(self.label, y, output), output)

    def row_classes(self, y: Array, output: TensorType, where: str) -> tuple[Array, list[int]]:
        """The class of each row, (N,), and all that there can be: what `class_weight` goes by.

        Args:
            y: targets in the form of `targets`.

        Raises:
            ArgumentError: for a loss whose rows have no class.
            DataError: for a row of probabilities that names more than one.
        """
        raise no_classes(self.label, output, where)


def _checked_per_row(per_row: Callable[..., Value]) -> Callable[..., Value]:
    """`per_row` that takes arrays too, and refuses targets of another shape than it reads."""

    @functools.wraps(per_row)
    def checked(self: Any, target: Any, output: Any) -> Value:
        both = [one if isinstance(one, Value) else asvalue(one) for one in (target, output)]
        first, second = (one.type.shape for one in both)
        if () in (first, second) or (first[0] != second[0] and not self.by_element):
            raise _other_rows(self.label, *both)
        wanted = self.target_shapes(both[1].type)
        if wanted and first not in wanted:
            raise ShapeError(
                self.label,
                f"target must be {' or '.join(map(shapes.text, wanted))} for an output of "
                f"{shapes.text(second)}, got {shapes.text(first)}",
                "They never broadcast: reshape the target.",
            )
        return call(self, *both)

    call = diagnosed(lambda self, target, output: _check_axes(self.label, target, output))(per_row)
    return checked


def _check_axes(where: str, target: Value, output: Value) -> None:
    if len(output.type.shape) < 2 or len(target.type.shape) not in (1, len(output.type.shape)):
        raise _other_rows(where, target, output)


def _other_rows(where: str, target: Value, output: Value) -> ShapeError:
    shown = (shapes.text(one.type.shape) for one in (target, output))
    return ShapeError(
        where,
        f"target and output must have as many rows, (N, H) each, got {' and '.join(shown)}",
        "Give the target in the form that loss.targets(y, type) returns.",
    )


def _checked_targets(targets: Callable[..., Array]) -> Callable[..., Array]:
    """`targets` that takes lists too, and refuses what holds no rows of numbers."""

    @functools.wraps(targets)
    def checked(self: Any, y: Any, output: TensorType) -> Array:
        return targets(self, as_rows(self.label, y, output), output)

    return checked


def as_rows(where: str, y: Any, output: object) -> Array:
    """y as an array with rows.

    Raises:
        ArgumentError: where `output` is no type of an output.
        DTypeError, ShapeError: for what holds no numbers, or no rows.
    """
    if not isinstance(output, TensorType) or len(output.shape) < 1:
        raise ArgumentError(where, f"output must be the TensorType of an output, got {output!r}")
    if not isinstance(y, np.ndarray) or isinstance(y, SPECIAL) or y.dtype.kind not in "biuf":
        y = as_array(y, where, exact=True)
    if y.ndim == 0 or not y.size:
        raise ShapeError(where, f"y must have rows of numbers, got {shapes.text(y.shape)}")
    return y  # type: ignore[no-any-return]


def no_classes(name: str, output: TensorType, where: str) -> ArgumentError:
    several, name = output.shape[-1], name.removeprefix("loss ")
    return ArgumentError(
        where,
        f"class_weight needs one class a row, got loss {name} with {several} "
        f"output{'s' * (several != 1)}",
        "Use sample_weight.",
    )


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
    dtype = numpy_dtype(output.dtype)
    if y.dtype == dtype:
        return y
    with np.errstate(over="ignore"):
        narrow = y.astype(dtype)
    if np.can_cast(y.dtype, narrow.dtype):
        return narrow
    lost = np.isinf(narrow) & np.isfinite(y)
    if lost.any():
        raise DataError(
            where,
            f"y must fit {output.dtype}, got {first_invalid(y, lost)}",
            'Scale the targets, or use Sequential(dtype="float64").',
        )
    return narrow


def first_invalid(y: Array, bad: Array) -> str:
    """The first number that `bad` marks, and its row."""
    place = np.argwhere(bad)[0]
    value = y[tuple(place)]
    plain = value.item() if isinstance(value, np.generic) else value
    return f"{plain!r} in row {int(place[0])}"


def sum_per_row(values: Value) -> Value:
    """Σ over all axes but the rows."""
    axes = tuple(range(1, len(values.type.shape)))
    return composite.sum(values, axes) if axes else values


@dataclasses.dataclass(frozen=True)
class ByElement(Loss):
    """A loss of each output by itself.

    Args:
        average: whether the loss of a row is the mean over its outputs, as in Keras and PyTorch, in
            place of their sum.
    """

    average: bool = dataclasses.field(default=False, kw_only=True)

    by_element: ClassVar[bool] = True

    def __post_init__(self) -> None:
        flag(type(self).__name__, "average", self.average)

    def per_row(self, target: Value, output: Value) -> Value:
        total = sum_per_row(self.of_elements(target, output))
        return total / self.count(output.type) if self.average else total

    def weighed(self, target: Value, output: Value, weights: Value) -> Value:
        total = sum_per_row(composite.sum(self.of_elements(target, output), -1) * weights)
        return total / self.count(output.type) if self.average else total

    def of_elements(self, target: Value, output: Value) -> Value:
        """The loss of each output, (N, …)."""
        raise NotImplementedError

    def count(self, output: TensorType) -> int:
        """Over how many numbers the mean of a row is taken."""
        return max(1, math.prod(dim for dim in output.shape[1:] if isinstance(dim, int)))
