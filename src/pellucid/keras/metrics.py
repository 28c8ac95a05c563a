"""keras.metrics: each is a few means over rows, and what is made of them.

Precision is Σ hits / Σ chosen: of the two means the quotient. So it is measured in training as
Keras does, batch by batch, beside validation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError, nearest
from pellucid.keras import arguments, blame, formulas
from pellucid.keras.arguments import Arguments, bound, refuse, signature
from pellucid.keras.losses import FUNCTIONS
from pellucid.keras.members import unknown_member

Part = Callable[[Any, Any], Any]
Combine = Callable[[Sequence[float], int], float]
Made = tuple[list[Part], Combine]
Make = Callable[[Arguments, int], Made]


def _first(means: Sequence[float], rows: int) -> float:
    return means[0]


def _formula(name: str, *names: str) -> Make:
    def make(a: Arguments, classes: int) -> Made:
        more = {one: getattr(a, one) for one in names}
        if "axis" in a.values_:
            a.only("axis", -1)
        return [lambda t, p: formulas.called(name, t, p, **more)], _first

    return make


def _root(a: Arguments, classes: int) -> Made:
    return [lambda t, p: formulas.called("mean_squared_error", t, p)], (
        lambda means, rows: math.sqrt(means[0])
    )


def _threshold(a: Arguments, name: str) -> float:
    value = getattr(a, name)
    if isinstance(value, (list, tuple)):
        refuse(a.where_, name, value, "one threshold a metric")
    return 0.5 if value is None else float(value)


def _counted(a: Arguments, wanted: str) -> Part:
    """How many outputs of a row are true or false positives or negatives."""
    border, own = _threshold(a, "thresholds"), a.values_.get("class_id")
    if "class_id" in a.values_:
        a.read_.add("class_id")

    def count(t: Any, p: Any) -> Any:
        t, p = formulas.pair(t, p)
        if own is not None:
            t, p = t[..., own : own + 1], p[..., own : own + 1]
        yes, said = pnp.astype(t > 0, p.dtype), pnp.astype(p > border, p.dtype)
        yes = yes if wanted in ("tp", "fn") else 1 - yes
        said = said if wanted in ("tp", "fp") else 1 - said
        hit = yes * said
        return pnp.sum(hit, axis=tuple(range(1, len(hit.shape)))) if len(hit.shape) > 1 else hit

    return count


def _quotient(other: str) -> Make:
    def make(a: Arguments, classes: int) -> Made:
        a.only("top_k", None)
        return [_counted(a, "tp"), _counted(a, other)], _part

    return make


def _part(means: Sequence[float], rows: int) -> float:
    return means[0] / (means[0] + means[1]) if means[0] else 0.0


def _count(kind: str) -> Make:
    def make(a: Arguments, classes: int) -> Made:
        return [_counted(a, kind)], lambda means, rows: float(round(means[0] * rows))

    return make


def _f_beta(a: Arguments, classes: int) -> Made:
    """F of each class of one-hot rows, and their mean."""
    beta = float(a.beta) if "beta" in a.values_ else 1.0
    average, border = a.average, a.threshold
    if average is None and classes > 1:
        refuse(
            a.where_, "average", None, "a history holds one number: 'micro', 'macro', 'weighted'"
        )

    def counts(number: int, kind: str) -> Part:
        def count(t: Any, p: Any) -> Any:
            t, p = formulas.pair(t, p)
            if border is None:
                top = pnp.argmax(p, axis=-1)
                said = pnp.astype(pnp.one_hot(top, classes), p.dtype)
            else:
                said = pnp.astype(p > border, p.dtype)
            t = pnp.astype(t > 0, p.dtype)
            first, second = t[..., number], said[..., number]
            return {"tp": first * second, "fp": (1 - first) * second, "fn": first * (1 - second)}[
                kind
            ]

        return count

    def combine(means: Sequence[float], rows: int) -> float:
        table = np.array(means).reshape(classes, 3)
        if average == "micro":
            table = table.sum(axis=0, keepdims=True)
        hits, false, missed = table.T
        below = (1 + beta**2) * hits + beta**2 * missed + false
        each = np.where(below > 0, (1 + beta**2) * hits / np.where(below > 0, below, 1), 0)
        if average == "weighted":
            share = hits + missed
            return float((each * share).sum() / max(share.sum(), 1e-30))
        return float(each.mean())

    return [counts(n, kind) for n in range(classes) for kind in ("tp", "fp", "fn")], combine


def _r2(a: Arguments, classes: int) -> Made:
    a.only("class_aggregation", "uniform_average")
    a.only("num_regressors", 0)

    def column(n: int, of: Callable[[Any, Any], Any]) -> Part:
        def part(t: Any, p: Any) -> Any:
            t, p = formulas.pair(t, p)
            return of(t[..., n], p[..., n])

        return part

    sums: tuple[Callable[[Any, Any], Any], ...] = (
        lambda t, p: t, lambda t, p: pnp.square(t), lambda t, p: pnp.square(t - p)
    )  # fmt: skip

    def combine(means: Sequence[float], rows: int) -> float:
        first, square, left = np.array(means).reshape(classes, 3).T
        total = square - first**2
        return float(np.mean(np.where(total > 0, 1 - left / np.where(total > 0, total, 1), 0)))

    return [column(n, of) for n in range(classes) for of in sums], combine


ROWS: dict[str, Make] = {
    "MeanSquaredError": _formula("mean_squared_error"),
    "MeanAbsoluteError": _formula("mean_absolute_error"),
    "MeanAbsolutePercentageError": _formula("mean_absolute_percentage_error"),
    "MeanSquaredLogarithmicError": _formula("mean_squared_logarithmic_error"),
    "LogCoshError": _formula("log_cosh"),
    "CosineSimilarity": _formula("cosine_similarity"),
    "Hinge": _formula("hinge"),
    "SquaredHinge": _formula("squared_hinge"),
    "CategoricalHinge": _formula("categorical_hinge"),
    "Poisson": _formula("poisson"),
    "KLDivergence": _formula("kl_divergence"),
    "BinaryCrossentropy": _formula("binary_crossentropy", "from_logits", "label_smoothing"),
    "CategoricalCrossentropy": _formula(
        "categorical_crossentropy", "from_logits", "label_smoothing"),
    "SparseCategoricalCrossentropy": _formula("sparse_categorical_crossentropy", "from_logits"),
    "BinaryAccuracy": _formula("binary_accuracy", "threshold"),
    "CategoricalAccuracy": _formula("categorical_accuracy"),
    "SparseCategoricalAccuracy": _formula("sparse_categorical_accuracy"),
    "TopKCategoricalAccuracy": _formula("top_k_categorical_accuracy", "k"),
    "SparseTopKCategoricalAccuracy": _formula("sparse_top_k_categorical_accuracy", "k"),
    "RootMeanSquaredError": _root,
    "Precision": _quotient("fp"),
    "Recall": _quotient("fn"),
    "TruePositives": _count("tp"),
    "TrueNegatives": _count("tn"),
    "FalsePositives": _count("fp"),
    "FalseNegatives": _count("fn"),
    "F1Score": _f_beta,
    "FBetaScore": _f_beta,
    "R2Score": _r2,
}  # fmt: skip
_COUNTS = ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")
_PARTIAL = {"Precision": "precision", "Recall": "recall", "TruePositives": "true_positives",
            "TrueNegatives": "true_negatives", "FalsePositives": "false_positives",
            "FalseNegatives": "false_negatives"}  # fmt: skip


class Metric:
    """What is measured beside the loss.

    One that Keras has; a function (y_true, y_pred) of your own is given to compile as it is.
    """

    room_name = ""
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member
    make: Make

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        if dtype is not None:
            refuse(f"metrics.{type(self).__name__}", "dtype", dtype)
        self.name = name or type(self).__name__
        self._arguments: Arguments | None = None
        self._sums: list[float] = []
        self._rows = 0
        self._classes = 1

    def made(self, classes: int) -> Made:
        """The means over rows that it is made of, and what is made of them."""
        if not self.room_name or self._arguments is None:
            raise ArgumentError(
                f"keras.metrics.{type(self).__name__}",
                "a metric of your own is a function (y_true, y_pred), got a class",
                "Give compile a function that returns one number a row.",
            )
        found: Made = blame.made(self._arguments, lambda a: type(self).make(a, classes))
        self._arguments.finish()
        return found

    @property
    def needs_rows(self) -> bool:
        """Whether it is a count, for which the number of rows must be known."""
        return self.room_name in _COUNTS

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes in rows."""
        if sample_weight is not None:
            refuse(f"metrics.{self.room_name}", "sample_weight", sample_weight)
        p = np.asarray(y_pred)
        self._classes = p.shape[-1] if p.ndim > 1 else 1
        parts, _ = self.made(self._classes)
        t = np.asarray(y_true)
        means = [float(np.mean(np.asarray(one(t, p)))) for one in parts]
        old = self._sums or [0.0] * len(means)
        self._sums = [one + mean * len(p) for one, mean in zip(old, means, strict=True)]
        self._rows += len(p)

    def result(self) -> float:
        """The number of the rows so far."""
        if not self._rows:
            return 0.0
        means = [one / self._rows for one in self._sums]
        return self.made(self._classes)[1](means, self._rows)

    def reset_state(self) -> None:
        """Forgets all rows."""
        self._sums, self._rows = [], 0

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        """Takes in rows, and the number so far."""
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()


def _class(name: str, make: Make) -> type[Metric]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        given, _ = bound("metrics", name, args, kwargs)
        Metric.__init__(self, given.dtype, given.name or _PARTIAL.get(name))
        self._arguments = given

    own = {"room_name": name, "make": staticmethod(make), "__init__": __init__}
    doc = f"As keras.metrics.{name}. See docs/keras.md."
    return type(
        name, (Metric,), {**own, "__doc__": doc, "__signature__": signature("metrics", name)}
    )


class MeanMetricWrapper(Metric):
    """The mean of a function (y_true, y_pred) over rows."""

    room_name = "MeanMetricWrapper"

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(dtype, name or getattr(fn, "__name__", "metric"))
        self.fn, self.more = fn, kwargs

    def made(self, classes: int) -> Made:
        return [lambda t, p: self.fn(t, p, **self.more)], _first


_MADE: dict[str, Any] = {name: _class(name, make) for name, make in ROWS.items()}
_MADE["MeanMetricWrapper"] = MeanMetricWrapper
_FUNCTIONS = {
    name: function
    for name, function in FUNCTIONS.items()
    if name in arguments.table()["rooms"]["metrics"]
}
_KNOWN: dict[str, Any] = {"Metric": Metric, **arguments.aliases("metrics", {**_MADE, **_FUNCTIONS})}
_WORDS = {
    "mse": "MeanSquaredError", "MSE": "MeanSquaredError", "mae": "MeanAbsoluteError",
    "MAE": "MeanAbsoluteError", "mape": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError", "rmse": "RootMeanSquaredError",
    "mean_squared_error": "MeanSquaredError", "mean_absolute_error": "MeanAbsoluteError",
    "root_mean_squared_error": "RootMeanSquaredError", "precision": "Precision",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError", "recall": "Recall",
    "binary_accuracy": "BinaryAccuracy", "categorical_accuracy": "CategoricalAccuracy",
    "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
    "top_k_categorical_accuracy": "TopKCategoricalAccuracy",
    "sparse_top_k_categorical_accuracy": "SparseTopKCategoricalAccuracy",
    "binary_crossentropy": "BinaryCrossentropy", "cosine_similarity": "CosineSimilarity",
    "categorical_crossentropy": "CategoricalCrossentropy", "hinge": "Hinge",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy", "poisson": "Poisson",
    "squared_hinge": "SquaredHinge", "categorical_hinge": "CategoricalHinge",
    "kl_divergence": "KLDivergence", "r2_score": "R2Score", "f1_score": "F1Score",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
}  # fmt: skip


def _accuracy(output: tuple[Any, ...]) -> Callable[[Any, Any], Any]:
    """What "accuracy" means for an output: by the shapes of targets and outputs, as in Keras."""

    def accuracy(t: Any, p: Any) -> Any:
        if p.shape[-1] == 1:
            return formulas.called("binary_accuracy", t, p)
        if len(t.shape) < len(p.shape) or (t.shape[-1] == 1 and p.shape[-1] > 1):
            return formulas.called("sparse_categorical_accuracy", t, p)
        return formulas.called("categorical_accuracy", t, p)

    return accuracy


def get(identifier: Any, output: tuple[Any, ...] = (None, 1)) -> Any:
    """The metric that a name, a class or a function stands for, as an object."""
    if isinstance(identifier, str):
        if identifier in ("accuracy", "acc"):
            return MeanMetricWrapper(_accuracy(output), identifier)
        name = _WORDS.get(identifier, identifier)
        if name not in _MADE or name == "MeanMetricWrapper":
            raise ArgumentError(
                "keras.metrics",
                f"unknown metric {identifier!r}",
                nearest(identifier, ["accuracy", *_WORDS, *_MADE]),
            )
        made = _MADE[name]()
        made.name = identifier if identifier in _WORDS else made.name
        return made
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(identifier, Metric):
        return identifier
    if callable(identifier):
        return MeanMetricWrapper(identifier)
    raise ArgumentError("keras.metrics", f"expected a metric, got {identifier!r}")


globals().update(_KNOWN)
__all__ = sorted([*_KNOWN, "get"])  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("metrics", __all__)
