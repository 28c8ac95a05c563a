"""What a metric is: a mean over rows, a number made of sums over rows, or one of all rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import checked, flag
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.nn.layer import checked_result, is_function
from pellucid.nn.losses import Loss
from pellucid.nn.losses.contract import Contract, Refusal
from pellucid.ops import composite
from pellucid.ops.value import Value

Array = np.ndarray[Any, Any]
OfRow = Callable[[Loss, Contract, Value, Value], Value]
OfAll = Callable[[Loss, Contract, Array, Array], float]


class Metric:
    """A function of a person's own with a name: `metrics=[pel.Metric("late", function)]`.

    Args:
        name: what the history calls it; no other measure of the model has it.
        function: `function(y_true, y_pred)` gives one value a row, (N,), of the targets and of what
            `predict` returns. The metric is their mean over the rows of a batch, an epoch, a data
            set; weights of rows do not count.
        finish: for what is no mean: `function` gives K numbers a row, (N, K), and `finish(sums)`
            makes one number of their sums, (K,) in float64. The sums are those of an epoch, whose
            rows are measured batch by batch while weights move, or of a data set. The curves of
            steps have no such measure. A function may also sum over the rows of its batch, (K,).
        weighted: with `finish`, whether the numbers of a row are multiplied by its weight.

    Raises:
        ArgumentError: for a name that is reserved, or what is not a function.

    Example:
        >>> import numpy as np
        >>> Metric("late", lambda y_true, y_pred: (y_pred < y_true)[:, 0])
        Metric('late')
        >>> def counts(y_true, y_pred):
        ...     chosen = y_pred > 0.5
        ...     return np.concatenate([chosen & (y_true > 0.5), chosen], axis=1)
        >>> Metric("precision", counts, finish=lambda sums: sums[0] / sums[1])
        Metric('precision')
    """

    measure: OfRow | None = None  # one value a row, whose mean is taken
    whole: OfAll | None = None  # one value of all rows of a data set; minibatches have none
    finish: Callable[[Any], Any] | None = None  # makes the value of sums over rows
    weighted = False

    @checked
    def __init__(self, name: str, function: Any, finish: Any = None, weighted: bool = False):
        if not isinstance(name, str) or not name.isprintable() or not name.strip():
            raise ArgumentError("Metric", f"name must be printable text, got {name!r}")
        if isinstance(function, type) or not is_function(function):
            raise ArgumentError(
                "Metric",
                f"function must be a function (y_true, y_pred), got {function!r}",
                "Metrics with a name of their own are given as text: metrics=['accuracy'].",
            )
        if finish is not None and (isinstance(finish, type) or not is_function(finish)):
            raise ArgumentError("Metric", f"finish must be a function of sums, got {finish!r}")
        flag("Metric", "weighted", weighted)
        if weighted and finish is None:
            raise ArgumentError(
                "Metric",
                "weighted needs finish: without it a metric is a mean, got weighted=True alone",
                "Give the weighted value and a 1 as (N, 2), and finish=lambda s: s[0] / s[1].",
            )
        self.name, self.function = name, function
        self.finish, self.weighted = finish, weighted
        if finish is None:
            self.measure = self._own

    def __repr__(self) -> str:
        return f"Metric({self.name!r})"

    def _own(self, loss: Loss, contract: Contract, target: Value, predicted: Value) -> Value:
        return checked_result(f"metric {self.name}", "it", self.function(target, predicted))

    def per_row(self, loss: Loss, contract: Contract, target: Value, predicted: Value) -> Value:
        """One value a row, (N,), of what `predict` returns."""
        assert self.measure is not None
        return self.measure(loss, contract, target, predicted)

    def sums(self, target: Value, predicted: Value, weights: list[Value]) -> Value:
        """With `finish`, the sums of the numbers of each row, (K,)."""
        where = f"metric {self.name}"
        found = checked_result(where, "it", self.function(target, predicted))
        dtype, rows = predicted.type.dtype, predicted.type.shape[:1]
        shape = found.type.shape
        if len(shape) == 1 and not shapes.has_batch(shape) and not (weights and self.weighted):
            return composite.astype(found, dtype)
        if len(shape) != 2 or shape[:1] != rows or shapes.has_batch(shape[1:]) or not shape[1]:
            raise ShapeError(
                where,
                "with finish it must return the numbers of each row, "
                f"{shapes.text(rows)[:-1]} K), got {shapes.text(shape)}",
                "Put the numbers of a row side by side: np.stack([…], axis=1).",
            )
        found = composite.astype(found, dtype)
        if weights and self.weighted:
            if len(weights[0].type.shape) > 1:
                raise ShapeError(
                    where,
                    "it takes one weight a row, got one for each position: "
                    f"{shapes.text(weights[0].type.shape)}",
                    "Give weights (N,), or measure it without them.",
                )
            found = found * composite.expand_dims(weights[0], -1)
        return composite.sum(found, axis=0)

    def finished(self, sums: Array) -> float:
        """What `finish` makes of the sums."""
        assert self.finish is not None
        found = np.asarray(self.finish(sums))
        if found.size != 1 or found.dtype.kind not in "fiub":
            raise ShapeError(
                f"metric {self.name}",
                f"finish must return one number, got {shapes.text(found.shape)} {found.dtype}",
                "Take the mean of several.",
            )
        return float(found.reshape(()))

    def refusal(self, loss: Loss, contract: Contract) -> Refusal | None:
        """Why outputs of this contract have no such measure."""
        return None
