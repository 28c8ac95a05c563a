"""Metrics: one number a row, averaged over the rows of an epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pellucid.core.errors import ArgumentError, nearest
from pellucid.nn.layer import is_function
from pellucid.nn.losses import Loss
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise


@dataclass(frozen=True)
class Metric:
    """A named measure. `measure(loss, target, output)` gives one value a row."""

    name: str
    measure: Callable[[Loss, Value, Value], Value]
    function: Any = None  # the user's own function, where it is one

    def per_row(self, loss: Loss, target: Value, output: Value) -> Value:
        return self.measure(loss, target, output)


def _accuracy(loss: Loss, target: Value, output: Value) -> Value:
    right = loss.correct(target, output)
    if right is None:
        raise ArgumentError(
            "compile",
            f"accuracy needs a classification loss, got {loss.name}",
            "Use metrics=['squared_error'], or a loss for classes.",
        )
    return right


def _row_mean(value: Value) -> Value:
    axes = tuple(range(1, len(value.type.shape)))
    return composite.mean(value, axes) if axes else value


def _squared_error(loss: Loss, target: Value, output: Value) -> Value:
    return _row_mean(elementwise("square", output - target))


def _absolute_error(loss: Loss, target: Value, output: Value) -> Value:
    return _row_mean(abs(output - target))


BY_NAME: dict[str, Callable[[Loss, Value, Value], Value]] = {
    "accuracy": _accuracy,
    "squared_error": _squared_error,
    "absolute_error": _absolute_error,
}


def metric(value: Any) -> Metric:
    """The metric that a name or a function `metric(y_true, y_pred)` stands for."""
    if isinstance(value, Metric):
        return value
    if isinstance(value, str):
        if value not in BY_NAME:
            raise ArgumentError("compile", f"unknown metric {value!r}", nearest(value, BY_NAME))
        return Metric(value, BY_NAME[value])
    if is_function(value):
        name = getattr(value, "__name__", "metric")
        return Metric(name, lambda loss, t, y: composite.asvalue(value(t, y)), value)
    raise ArgumentError("compile", f"a metric must be a name or a function, got {value!r}")
