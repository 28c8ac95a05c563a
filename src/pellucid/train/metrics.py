"""Metrics of a model by name: of each row, of all rows together, or of the gradient of a step.

In: targets in the form that the loss takes, and outputs as `predict` returns them, whatever the
loss itself reads. What these numbers are, the contract of the output says.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError, nearest
from pellucid.graph.node import TensorType
from pellucid.nn.layer import is_function
from pellucid.nn.losses import Loss
from pellucid.nn.losses.base import Form
from pellucid.nn.losses.contract import Contract, Refusal
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise
from pellucid.train import scores
from pellucid.train.metric import Array, Metric, OfAll, OfRow
from pellucid.transform.tensor import Tensor

Needs = Callable[[str, Loss, Contract], Refusal | None]

GRADIENT_NORM = "gradient_norm"
_TOP = re.compile(r"top_([1-9][0-9]*)_error")
_F = re.compile(r"f_([0-9]+(?:\.[0-9]+)?)")
_AT = re.compile(
    r"(sensitivity|specificity|precision|recall)_at_([01](?:\.[0-9]+)?)_"
    r"(specificity|sensitivity|recall|precision)"
)
# What a history keeps beside the metrics, under names of its own.
_RESERVED = ("loss", "rows", "step", "epoch", "batch", "seconds", GRADIENT_NORM)


class _BuiltIn(Metric):
    """A metric that has a name already.

    Args:
        measure: gives one value a row.
        whole: in its place, one value of all rows of a data set.
        needs: why an output has no such measure.

    One with neither is of a training step.
    """

    def __init__(
        self,
        name: str,
        measure: OfRow | None = None,
        whole: OfAll | None = None,
        needs: Needs | None = None,
    ):
        self.name, self.function = name, None
        self.measure, self.whole, self.needs = measure, whole, needs

    def refusal(self, loss: Loss, contract: Contract) -> Refusal | None:
        return self.needs(self.name, loss, contract) if self.needs is not None else None


# -- of labels --------------------------------------------------------------------------------


def _needs_labels(name: str, loss: Loss, contract: Contract) -> Refusal | None:
    if loss.is_classification:
        return None
    fix = "Use metrics=['squared_error'], or a loss for classes."
    if loss.reads is Form.OWN:
        fix = "Use a loss for classes, or a function (y_true, y_pred) of your own."
    return Refusal(f"{name} needs a classification loss, got {loss.label}", fix)


def _needs_classes(name: str, loss: Loss, contract: Contract) -> Refusal | None:
    if loss.is_classification and loss.binary_labels is None:
        return None
    return Refusal(
        f"{name} needs a loss of classes, got {loss.label}",
        "Use loss='cross_entropy' and a softmax at the end of the model.",
    )


def _needs_ranks(name: str, loss: Loss, contract: Contract) -> Refusal | None:
    if contract.form is Form.CLASS_SCORES:
        return Refusal(
            f"{name} compares the outputs of different rows, got {loss.label}, which sees "
            "differences within a row alone",
            "Use loss='cross_entropy' and a softmax at the end of the model.",
        )
    return _needs_labels(name, loss, contract)


def _accuracy(loss: Loss, contract: Contract, target: Value, predicted: Value) -> Value:
    return loss.correct(target, predicted, contract.form)


def _error(loss: Loss, contract: Contract, target: Value, predicted: Value) -> Value:
    return 1 - composite.astype(_accuracy(loss, contract, target, predicted), predicted.type.dtype)


def _top_error(k: int, loss: Loss, contract: Contract, target: Value, predicted: Value) -> Value:
    labels, classes = loss.true_labels(target), predicted.type.shape[-1]
    assert isinstance(classes, int)
    if k > classes:
        raise ArgumentError(
            "compile",
            f"top_{k}_error needs {k} classes or more, got {classes}",
            f"Use metrics=['top_{classes - 1}_error'].",
        )
    own = composite.sum(
        predicted * composite.one_hot(labels, classes, predicted.type.dtype), axis=-1, keepdims=True
    )
    number = composite.arange(classes)
    earlier = elementwise("less", number, composite.reshape(labels, (labels.type.shape[0], 1)))
    tied = composite.astype(predicted == own, "int64") * composite.astype(earlier, "int64")
    before = composite.sum(composite.astype(predicted > own, "int64") + tied, axis=-1)
    return before >= k


OfLabels = Callable[[Array, Array, str | None], float]


def _of_labels(score: OfLabels, loss: Loss, contract: Contract, y: Array, found: Array) -> float:
    labels = _array(loss.true_labels(Tensor(y)))
    chosen = _array(loss.predicted_labels(Tensor(found), contract.form))
    several = loss.binary_labels is None and found.shape[-1] > 2
    if loss.binary_labels is None:  # positions are rows
        labels, chosen = labels.ravel(), chosen.ravel()
    return score(labels, chosen, "macro" if several else None)


def _f_beta(beta: float, y: Array, chosen: Array, average: str | None) -> float:
    return scores.f_beta(y, chosen, beta, average)


def _mean_iou(loss: Loss, contract: Contract, y: Array, predicted: Array) -> float:
    labels = _array(loss.true_labels(Tensor(y)))
    chosen = _array(loss.predicted_labels(Tensor(predicted), contract.form))
    classes = predicted.shape[-1] if loss.binary_labels is None else 2
    return scores.mean_iou(labels.astype(np.int64), chosen.astype(np.int64), classes)


def _ranked(loss: Loss, contract: Contract, y: Array, predicted: Array) -> tuple[Array, Array]:
    """The labels, and what the model says of each class."""
    # What a model says of a class is its probability: logits may be shifted row by row.
    shown: Value = Tensor(predicted)
    if contract.form is Form.CLASS_LOGITS:
        shown = contract.probabilities(shown)
    labels, table = _array(loss.true_labels(Tensor(y))), _array(shown)
    if loss.binary_labels is None:  # positions are rows
        labels, table = labels.ravel(), table.reshape(-1, table.shape[-1])
    return labels, table


def _roc_auc(loss: Loss, contract: Contract, y: Array, predicted: Array) -> float:
    return scores.roc_auc(*_ranked(loss, contract, y, predicted))


def _average_precision(loss: Loss, contract: Contract, y: Array, predicted: Array) -> float:
    labels, table = _ranked(loss, contract, y, predicted)
    if loss.binary_labels is None:  # one class against the rest
        labels = labels[:, None] == np.arange(table.shape[-1])
    return scores.average_precision(labels.astype(np.int64), table)


def _at(kind: str, asked: float, loss: Loss, contract: Contract, y: Array, found: Array) -> float:
    """One rate where another is high enough, of the one output, or of the second of two classes."""
    labels, table = _ranked(loss, contract, y, found)
    classes = loss.binary_labels is None
    if table.shape[1:] != ((2,) if classes else (1,)):
        got = f"{table.shape[-1]} classes" if classes else f"outputs {shapes.text(table.shape)}"
        raise ShapeError(
            f"metric {kind}",
            f"it needs one output, or two classes, got {got}",
            f"Choose a class: pel.metrics.{kind}(y == 1, model.predict_proba(x)[:, 1], {asked:g}).",
        )
    if classes:
        table = table[:, 1]
    score: Callable[[Any, Any, float], float] = getattr(scores, kind)
    return score(labels.astype(np.int64), table, asked)


def _array(value: Value) -> Array:
    assert isinstance(value, Tensor)
    return value.numpy()


# -- of values --------------------------------------------------------------------------------


def _needs_values(name: str, loss: Loss, contract: Contract) -> Refusal | None:
    got = f"{name} compares values with the targets, got {contract.form.value} ({loss.label})"
    match contract.form:
        case Form.CLASS_LOGITS:
            return Refusal(got, "End the model in a softmax: it trains alike, and gives values.")
        case Form.LOGITS:
            return Refusal(got, "End the model in a sigmoid: it trains alike, and gives values.")
        case Form.CLASS_SCORES:
            return Refusal(got, "Use loss='cross_entropy' and a softmax at the end of the model.")
        case Form.SCORES:
            return Refusal(
                got,
                "Use loss='binary_cross_entropy' with labels 0 and 1 and a sigmoid at the end of "
                "the model.",
            )
        case Form.OWN:
            return Refusal(
                got, "Its mean is not known: use a function (y_true, y_pred) of your own."
            )
    return None


def _compared(name: str, loss: Loss, target: Value, predicted: Value) -> tuple[Value, Value]:
    """Targets and outputs as values of one shape: of classes rows with a 1, of a density means."""
    wanted, found = loss.target_values(target, predicted), loss.mean(predicted)
    if wanted.type.shape != found.type.shape:
        raise ShapeError(
            f"metric {name}",
            f"y must be {shapes.text(found.type.shape)} like the output of the model, got "
            f"{shapes.text(wanted.type.shape)}",
            "Use a function (y_true, y_pred) of your own.",
        )
    return wanted, found


def _row_mean(value: Value) -> Value:
    axes = tuple(range(1, len(value.type.shape)))
    return composite.mean(value, axes) if axes else value


def _squared_error(loss: Loss, contract: Contract, target: Value, predicted: Value) -> Value:
    wanted, found = _compared("squared_error", loss, target, predicted)
    return _row_mean(elementwise("square", found - wanted))


def _absolute_error(loss: Loss, contract: Contract, target: Value, predicted: Value) -> Value:
    wanted, found = _compared("absolute_error", loss, target, predicted)
    return _row_mean(abs(found - wanted))


def _of_values(
    name: str,
    score: Callable[[Any, Any], float],
    loss: Loss,
    contract: Contract,
    y: Array,
    predicted: Array,
) -> float:
    wanted, found = _compared(name, loss, Tensor(y), Tensor(predicted))
    return score(_array(wanted), _array(found))


def _root(y: Array, predicted: Array) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(predicted, np.float64) - y))))


# -- the table --------------------------------------------------------------------------------

BY_NAME: dict[str, Metric] = {
    one.name: one
    for one in (
        _BuiltIn("accuracy", _accuracy, needs=_needs_labels),
        _BuiltIn("error", _error, needs=_needs_labels),
        _BuiltIn("squared_error", _squared_error, needs=_needs_values),
        _BuiltIn("absolute_error", _absolute_error, needs=_needs_values),
        *(
            _BuiltIn(name, whole=functools.partial(_of_labels, score), needs=_needs_labels)
            for name, score in (
                ("f1", scores.f1),
                ("precision", scores.precision),
                ("recall", scores.recall),
            )
        ),
        _BuiltIn("mean_iou", whole=_mean_iou, needs=_needs_labels),
        _BuiltIn("roc_auc", whole=_roc_auc, needs=_needs_ranks),
        _BuiltIn("average_precision", whole=_average_precision, needs=_needs_ranks),
        *(
            _BuiltIn(name, whole=functools.partial(_of_values, name, score), needs=_needs_values)
            for name, score in (
                ("r2", scores.r2),
                ("pearson", scores.pearson),
                ("concordance", scores.concordance),
                ("root_squared_error", _root),
            )
        ),
        _BuiltIn(GRADIENT_NORM),
    )
}

# What other libraries call them. Keras's averages over outputs are averages here as well.
ELSEWHERE = {
    "mse": "squared_error",
    "mean_squared_error": "squared_error",
    "squared": "squared_error",
    "mae": "absolute_error",
    "mean_absolute_error": "absolute_error",
    "absolute": "absolute_error",
    "acc": "accuracy",
    "binary_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "top_k_categorical_accuracy": "top_5_error",
    "sparse_top_k_categorical_accuracy": "top_5_error",
    "auc": "roc_auc",
    "f1_score": "f1",
    "r2_score": "r2",
    "coefficient_of_determination": "r2",
    "top_5_accuracy": "Here it is 1 - top_5_error: metrics=['top_5_error'].",
    "rmse": "root_squared_error",
    "root_mean_squared_error": "root_squared_error",
    "confusion_matrix": "Count: pel.metrics.confusion_matrix(y, chosen), where rows are true.",
    "iou": "mean_iou",
    "pr_auc": "average_precision",
    "fbeta_score": "Write metrics=['f_2'], with any number.",
    "pearson_correlation": "pearson",
    "concordance_correlation": "concordance",
    "loss": "Leave it out: history and evaluate have the loss in any case.",
    "cross_entropy": "Leave it out: history and evaluate have the loss in any case.",
}


def metric(value: Any) -> Metric:
    """The metric that a name or a function `metric(y_true, y_pred)` stands for."""
    if isinstance(value, Metric):
        return value
    if isinstance(value, str):
        return _named(value)
    if isinstance(value, type):
        brackets = f"Write {value.__name__}(…), with brackets."
        raise ArgumentError(
            "compile",
            f"a metric must be a name or a function, got the class {value.__name__}",
            brackets if issubclass(value, Metric) else _KINDS,
        )
    if is_function(value):
        return Metric(getattr(value, "__name__", "metric"), value)
    raise ArgumentError("compile", f"a metric must be a name or a function, got {value!r}", _KINDS)


_KINDS = (
    f"Names: {', '.join(BY_NAME)}, top_5_error, f_2, sensitivity_at_0.9_specificity (any number)."
)


def _named(name: str) -> Metric:
    top = _TOP.fullmatch(name)
    if top is not None:
        # Not a lambda: a compiled model can be pickled.
        return _BuiltIn(
            name, functools.partial(_top_error, int(top.group(1))), needs=_needs_classes
        )
    if name in BY_NAME:
        return BY_NAME[name]
    beta = _F.fullmatch(name)
    if beta is not None and float(beta.group(1)) > 0:
        score = functools.partial(_f_beta, float(beta.group(1)))
        return _BuiltIn(name, whole=functools.partial(_of_labels, score), needs=_needs_labels)
    rates = _AT.fullmatch(name)
    if rates is not None:
        kind, asked = f"{rates.group(1)}_at_{rates.group(3)}", float(rates.group(2))
        if kind in scores.__all__ and asked <= 1:
            whole = functools.partial(_at, kind, asked)
            return _BuiltIn(name, whole=whole, needs=_needs_ranks)
    hint = nearest(name, [*BY_NAME, "top_5_error"], ELSEWHERE)
    raise ArgumentError("compile", f"unknown metric {name!r}", hint)


# -- what compile asks -----------------------------------------------------------------------


def check_metrics(metrics: Iterable[Metric], loss: Loss, contract: Contract) -> None:
    """Refuses metrics that say nothing of outputs like these.

    Raises:
        ArgumentError: with what to do.
    """
    for one in metrics:
        refusal = one.refusal(loss, contract)
        if refusal is not None:
            raise ArgumentError("compile", *refusal)


def unique_names(metrics: Iterable[Metric]) -> None:
    """Refuses metrics of one output that share a name, and names that a history has taken.

    Raises:
        ArgumentError: with how to name a function.
    """
    known: dict[str, Metric] = {}
    for one in metrics:
        own = one if one.function is not None else known.get(one.name, one)
        if one.function is not None and not _free(one.name):
            raise ArgumentError(
                "compile",
                f"a metric needs a name of its own, got {one.name!r}, which the history uses",
                f"Name it: metrics=[pel.Metric({'own_' + one.name!r}, function)].",
            )
        if one.name in known:
            fix = "Leave one of them out."
            if own.function is not None:
                second = one.name.strip("<>") + "_2"
                fix = f"Name the function: metrics=[…, pel.Metric({second!r}, function)]."
            raise ArgumentError(
                "compile", f"names of metrics must differ, got {one.name!r} twice", fix
            )
        known[one.name] = one


def _free(name: str) -> bool:
    return name not in _RESERVED and not name.startswith("val_")


def check_targets(
    metrics: Iterable[Metric], loss: Loss, contract: Contract, y: Array, output: TensorType
) -> None:
    """Refuses targets that a metric of all rows has no value for, before anything is trained.

    Args:
        y: targets in the form that the loss takes, of data that will be measured.
        output: the type of the model's output.

    Raises:
        DataError: where r2 gets a constant, or roc_auc a class that does not occur.
    """
    for one in metrics:
        if one.whole is not None:  # it looks at the targets before it looks at the outputs
            one.whole(loss, contract, y, np.zeros((len(y), *output.shape[1:]), y.dtype))
