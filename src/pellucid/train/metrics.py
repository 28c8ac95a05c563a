"""Metrics of a model by name: of each row, of all rows together, or of the gradient of a step."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError, nearest
from pellucid.nn.layer import is_function
from pellucid.nn.losses import Loss
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise
from pellucid.train import scores

Array = np.ndarray[Any, Any]
GRADIENT_NORM = "gradient_norm"
_TOP = re.compile(r"top_([1-9][0-9]*)_error")


@dataclass(frozen=True)
class Metric:
    """A named measure.

    Args:
        measure: gives one value a row, averaged over the rows of a batch, an epoch, a data set.
        whole: in its place, one value of all rows of a data set: (targets, outputs, labels, chosen
            labels). Minibatches have none.

    A metric with neither is one of the training step.
    """

    name: str
    measure: Callable[[Loss, Value, Value], Value] | None = None
    whole: Callable[[Array, Array, Array, Array], float] | None = None
    function: Any = None  # the user's own function, where it is one

    def per_row(self, loss: Loss, target: Value, output: Value) -> Value:
        assert self.measure is not None
        return self.measure(loss, target, output)


def _refuse(name: str, loss: Loss) -> ArgumentError:
    return ArgumentError(
        "compile",
        f"{name} needs a classification loss, got {loss.name}",
        "Use metrics=['squared_error'], or a loss for classes.",
    )


def _accuracy(loss: Loss, target: Value, output: Value) -> Value:
    right = loss.correct(target, output)
    if right is None:
        raise _refuse("accuracy", loss)
    return right


def _error(loss: Loss, target: Value, output: Value) -> Value:
    right = loss.correct(target, output)
    if right is None:
        raise _refuse("error", loss)
    return 1 - composite.astype(right, output.type.dtype)


def _top_error(k: int) -> Callable[[Loss, Value, Value], Value]:
    def measure(loss: Loss, target: Value, output: Value) -> Value:
        labels = loss.labelled(target)
        classes = output.type.shape[-1]
        if not loss.classifies or len(labels.type.shape) != 1:
            raise ArgumentError(
                "compile",
                f"top_{k}_error needs a loss of classes, got {loss.name}",
                "Use loss='cross_entropy'.",
            )
        assert isinstance(classes, int)
        if k > classes:
            raise ArgumentError(
                "compile", f"top_{k}_error needs {k} classes or more, got {classes}"
            )
        own = composite.sum(
            output * composite.one_hot(labels, classes, output.type.dtype), axis=-1, keepdims=True
        )
        number = composite.arange(classes)
        earlier = elementwise("less", number, composite.reshape(labels, (labels.type.shape[0], 1)))
        tied = composite.astype(output == own, "int64") * composite.astype(earlier, "int64")
        before = composite.sum(composite.astype(output > own, "int64") + tied, axis=-1)
        return before >= k

    return measure


def _row_mean(value: Value) -> Value:
    axes = tuple(range(1, len(value.type.shape)))
    return composite.mean(value, axes) if axes else value


def _squared_error(loss: Loss, target: Value, output: Value) -> Value:
    return _row_mean(elementwise("square", output - target))


def _absolute_error(loss: Loss, target: Value, output: Value) -> Value:
    return _row_mean(abs(output - target))


def _f1(y: Array, output: Array, labels: Array, chosen: Array) -> float:
    several = labels.ndim == 1 and output.shape[-1] > 2
    return scores.f1(labels, chosen, "macro" if several else None)


BY_NAME: dict[str, Metric] = {
    one.name: one
    for one in (
        Metric("accuracy", _accuracy),
        Metric("error", _error),
        Metric("squared_error", _squared_error),
        Metric("absolute_error", _absolute_error),
        Metric("f1", whole=_f1),
        Metric("roc_auc", whole=lambda y, out, labels, chosen: scores.roc_auc(labels, out)),
        Metric("r2", whole=lambda y, out, labels, chosen: scores.r2(y, out)),
        Metric(GRADIENT_NORM),
    )
}
OF_CLASSES = ("f1", "roc_auc")  # those of all rows that need labels


def metric(value: Any) -> Metric:
    """The metric that a name or a function `metric(y_true, y_pred)` stands for."""
    if isinstance(value, Metric):
        return value
    if isinstance(value, str):
        top = _TOP.fullmatch(value)
        if top is not None:
            return Metric(value, _top_error(int(top.group(1))))
        if value not in BY_NAME:
            raise ArgumentError(
                "compile", f"unknown metric {value!r}", nearest(value, [*BY_NAME, "top_5_error"])
            )
        return BY_NAME[value]
    if is_function(value):
        name = getattr(value, "__name__", "metric")
        return Metric(name, lambda loss, t, y: composite.asvalue(value(t, y)), function=value)
    raise ArgumentError("compile", f"a metric must be a name or a function, got {value!r}")
