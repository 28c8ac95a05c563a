"""keras.metrics: rows of a table, each a mean over rows or sums over them and what they make.

So each is measured in training as Keras does, batch by batch, beside validation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import pellucid.numpy as pnp
from pellucid.core.arguments import choice, integer, real
from pellucid.core.errors import ArgumentError, nearest
from pellucid.keras import arguments, blame, formulas
from pellucid.keras.arguments import Arguments, bound, refuse, signature
from pellucid.keras.losses import FUNCTIONS
from pellucid.keras.metric import Given, Mean, Metric, Sum, Whole, _as_it_is, samplewise
from pellucid.keras.operands import named
from pellucid.keras.session import snake_case
from pellucid.train import counted
from pellucid.train.counted import Borders, Counted
from pellucid.train.metric import Metric as Inner

Values = Callable[[Any, Any], Any]
Several = Callable[[tuple[Any, ...]], bool]
_NEVER: Several = lambda output: False  # noqa: E731

# -- means ------------------------------------------------------------------------------------


def _formula(name: str, *names: str) -> Callable[[Arguments], Values]:
    def make(a: Arguments) -> Values:
        more = {one: getattr(a, one) for one in names}
        if "axis" in a.values_:
            a.only("axis", -1)
        return lambda t, p: formulas.called(name, t, p, **more)

    return make


def _error(a: Arguments) -> Values:
    return lambda t, p: pnp.square(formulas.pair(t, p)[1] - formulas.pair(t, p)[0])


MEANS: dict[str, Callable[[Arguments], Values]] = {
    "Accuracy": _formula("accuracy"),
    "MeanSquaredError": _formula("mean_squared_error"),
    "MeanAbsoluteError": _formula("mean_absolute_error"),
    "MeanAbsolutePercentageError": _formula("mean_absolute_percentage_error"),
    "MeanSquaredLogarithmicError": _formula("mean_squared_logarithmic_error"),
    "RootMeanSquaredError": _error,
    "LogCoshError": _formula("log_cosh"),
    "CosineSimilarity": _formula("cosine_similarity"),
    "PearsonCorrelation": _formula("pearson_correlation"),
    "ConcordanceCorrelation": _formula("concordance_correlation"),
    "Hinge": _formula("hinge"),
    "SquaredHinge": _formula("squared_hinge"),
    "CategoricalHinge": _formula("categorical_hinge"),
    "Poisson": _formula("poisson"),
    "KLDivergence": _formula("kl_divergence"),
    "BinaryCrossentropy": _formula("binary_crossentropy", "from_logits", "label_smoothing"),
    "CategoricalCrossentropy": _formula(
        "categorical_crossentropy", "from_logits", "label_smoothing"),
    "SparseCategoricalCrossentropy": _formula(
        "sparse_categorical_crossentropy", "from_logits", "ignore_class"),
    "BinaryAccuracy": _formula("binary_accuracy", "threshold"),
    "CategoricalAccuracy": _formula("categorical_accuracy"),
    "SparseCategoricalAccuracy": _formula("sparse_categorical_accuracy"),
    "TopKCategoricalAccuracy": _formula("top_k_categorical_accuracy", "k"),
    "SparseTopKCategoricalAccuracy": _formula("sparse_top_k_categorical_accuracy", "k"),
}  # fmt: skip

_CLASSES = 10_000  # of which every pair is counted

# -- sums -------------------------------------------------------------------------------------


def _borders(a: Arguments, default: float = 0.5) -> tuple[tuple[float, ...], bool]:
    """The thresholds, and whether several were given."""
    given = a.thresholds
    if given is None:
        return (default,), False
    listed = given if isinstance(given, (list, tuple)) else [given]
    if not listed:
        raise ArgumentError(f"keras.{a.where_}", "thresholds must be one number or more, got none")
    several = [real(f"keras.{a.where_}", "thresholds", one, 0, 1) for one in listed]
    return tuple(several), len(several) > 1


def _quotient(made: Callable[..., Any]) -> Callable[[Arguments], tuple[Counted, Several]]:
    def make(a: Arguments) -> tuple[Counted, Several]:
        if a.top_k is not None:
            integer(f"keras.{a.where_}", "top_k", a.top_k, 1)
        borders, several = _borders(a, 0.5 if a.top_k is None else -1e10)
        found = Borders(borders, a.top_k, a.class_id)
        return counted.of_counts(found, made, several), lambda output: several

    return make


def _count(number: int) -> Callable[[Arguments], tuple[Counted, Several]]:
    def make(a: Arguments) -> tuple[Counted, Several]:
        borders, several = _borders(a)
        found = Borders(borders)
        made = counted.of_counts(found, lambda *counts: counts[number], several)
        return made, lambda output: several

    return make


def _even(count: int, where: str) -> tuple[float, ...]:
    """So many thresholds from 0 to 1."""
    integer(where, "num_thresholds", count, 1, 1_000_000)
    return tuple(n / (count - 1) for n in range(count)) if count > 1 else (0.5,)


def _at(
    name: str, reached: Callable[..., Any], value: Callable[..., Any]
) -> Callable[[Arguments], tuple[Counted, Several]]:
    def make(a: Arguments) -> tuple[Counted, Several]:
        asked = real(f"keras.{a.where_}", name, getattr(a, name), 0, 1)
        borders = Borders(_even(a.num_thresholds, f"keras.{a.where_}"), class_id=a.class_id)
        return counted.at_least(borders, reached, asked, value), _NEVER

    return make


def _area(a: Arguments) -> tuple[Counted, Several]:
    where, given = f"keras.{a.where_}", a.thresholds
    curve, method = str(a.curve).lower(), str(a.summation_method).lower()
    choice(where, "curve", curve, ("roc", "pr", "prgain"))
    choice(where, "summation_method", method, ("interpolation", "minoring", "majoring"))
    if given is None:
        inner = list(_even(integer(where, "num_thresholds", a.num_thresholds, 2), where)[1:-1])
    else:
        inner = sorted(_borders(a)[0])
    own = a.label_weights
    if own is not None and not (blame.fits(blame.NUMBERS, own) and np.min(own) >= 0):
        raise ArgumentError(where, f"label_weights must be numbers ≥ 0, got {own!r}")
    if a.num_labels is not None and not a.multi_label:
        refuse(a.where_, "num_labels", a.num_labels, "give multi_label=True with it")
    borders = Borders(
        (-1e-7, *inner, 1 + 1e-7), weights=own, by_label=a.multi_label,
        logits=a.from_logits,
    )  # fmt: skip
    return counted.area(borders, curve, method, own if a.multi_label else None), _NEVER


def _overlap(a: Arguments, chosen: Sequence[int], classes: int, labels: Any) -> Counted:
    listed = isinstance(chosen, (list, tuple, range, np.ndarray)) and len(chosen) > 0
    if not listed or not all(blame.fits(blame.WHOLE, one) and one >= 0 for one in chosen):
        raise ArgumentError(
            f"keras.{a.where_}", f"target_class_ids must be a list of classes, got {chosen!r}"
        )
    if max(chosen) >= classes:
        raise ArgumentError(
            f"keras.{a.where_}", f"target_class_ids must be below {classes}, got {max(chosen)}"
        )
    ignored = a.ignore_class if "ignore_class" in a.values_ else None
    return counted.overlap(classes, list(chosen), labels, ignored)


def _region(all_classes: bool, one_hot: bool) -> Callable[[Arguments], tuple[Counted, Several]]:
    def make(a: Arguments) -> tuple[Counted, Several]:
        a.only("axis", -1)
        classes = integer(f"keras.{a.where_}", "num_classes", a.num_classes, 1, _CLASSES)
        whole = (False if one_hot else a.sparse_y_true, a.sparse_y_pred)

        def labels(*pair: Any) -> Any:
            return [
                pnp.astype(one if plain else pnp.argmax(one, axis=-1), pnp.int64)
                for one, plain in zip(pair, whole, strict=True)
            ]

        chosen = range(classes) if all_classes else a.target_class_ids
        return _overlap(a, chosen, classes, labels), _NEVER

    return make


def _two_regions(a: Arguments) -> tuple[Counted, Several]:
    border = a.threshold

    def labels(t: Any, p: Any) -> Any:
        return pnp.astype(t, pnp.int64), pnp.astype(p >= border, pnp.int64)

    return _overlap(a, a.target_class_ids, 2, labels), _NEVER


def _f_beta(a: Arguments) -> tuple[Counted, Several]:
    where, beta = f"keras.{a.where_}", a.beta if "beta" in a.values_ else 1.0
    if a.average is not None:
        choice(where, "average", a.average, ("micro", "macro", "weighted"))
    border = a.threshold
    if border is not None:
        real(where, "threshold", border, 0, 1, open_low=True)
    made = counted.f_beta(real(where, "beta", beta, 0, open_low=True), a.average, border)
    return _pairs(made), lambda output: a.average is None and output[-1] != 1


def _pairs(made: Counted) -> Counted:
    """The same for targets of the outputs' shape and dtype."""
    return Counted(lambda t, p: made.rows(*formulas.pair(t, p)), made.finish)


def _r2(a: Arguments) -> tuple[Counted, Several]:
    if a.class_aggregation is not None:
        kinds = ("uniform_average", "variance_weighted_average")
        choice(f"keras.{a.where_}", "class_aggregation", a.class_aggregation, kinds)
    adjusted = integer(f"keras.{a.where_}", "num_regressors", a.num_regressors)
    made = counted.r2(a.class_aggregation, adjusted)
    return _pairs(made), lambda output: a.class_aggregation is None and output[-1] != 1


SUMS: dict[str, Callable[[Arguments], tuple[Counted, Several]]] = {
    "Precision": _quotient(counted.precision),
    "Recall": _quotient(counted.recall),
    "TruePositives": _count(0),
    "FalsePositives": _count(1),
    "FalseNegatives": _count(2),
    "TrueNegatives": _count(3),
    "SensitivityAtSpecificity": _at("specificity", counted.specificity, counted.recall),
    "SpecificityAtSensitivity": _at("sensitivity", counted.recall, counted.specificity),
    "PrecisionAtRecall": _at("recall", counted.recall, counted.precision),
    "RecallAtPrecision": _at("precision", counted.precision, counted.recall),
    "AUC": _area,
    "IoU": _region(False, False),
    "MeanIoU": _region(True, False),
    "OneHotIoU": _region(False, True),
    "OneHotMeanIoU": _region(True, True),
    "BinaryIoU": _two_regions,
    "F1Score": _f_beta,
    "FBetaScore": _f_beta,
    "R2Score": _r2,
}
ROWS: dict[str, Any] = {**MEANS, **SUMS}

# -- classes ----------------------------------------------------------------------------------


class _Mean(Inner):
    """A mean over rows whose positions may have weights."""

    def of(self, metric: MeanMetricWrapper, given: Given) -> _Mean:
        """The same, which knows the metric of Keras that it is."""
        self._metric, self._targets = metric, given
        return self

    def sums(self, target: Any, predicted: Any, weights: list[Any]) -> Any:
        if not weights or len(weights[0].type.shape) == 1:
            return super().sums(target, predicted, weights)
        target, own = self._targets(target), weights[0]
        if self._metric.ignored is not None:
            own = own * formulas.kept(target, predicted, self._metric.ignored)
        values, counts = samplewise(self._metric.values(target, predicted), own, pnp.mean)
        return pnp.stack([pnp.sum(values), pnp.sum(counts)])


class MeanMetricWrapper(Mean):
    """As keras.metrics.MeanMetricWrapper: the mean of a function (y_true, y_pred) over rows.

    Attributes:
        ignored: the class whose rows have no weight, where rows have weights.
        by_rows: whether the function is known to give a number for each row or place; what another
            one gives may be one number of a batch, whose mean over batches is taken.
    """

    room_name = "MeanMetricWrapper"
    by_rows = False
    ignored: int | None = None

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name, dtype)
        if not callable(fn):
            raise ArgumentError(
                "keras.metrics.MeanMetricWrapper", f"fn must be a function, got {fn!r}"
            )
        self.fn, self.more = fn, kwargs
        if any(fn is one for one in FUNCTIONS.values()):
            self.by_rows = True

    @property
    def is_own(self) -> bool:
        """Whether its batches are measured by code of a person's own."""
        return not self.by_rows or super().is_own

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """What the mean is taken of, (N, …)."""
        return self.fn(y_true, y_pred, **self.more)

    @named
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Takes in rows."""
        if sample_weight is not None and self.ignored is not None:
            sample_weight = sample_weight * formulas.kept(y_true, y_pred, self.ignored)
        super().update_state(self.values(y_true, y_pred), sample_weight)

    def inner(
        self, name: str, output: tuple[Any, ...], weighted: bool, given: Given = _as_it_is
    ) -> Inner:
        if super().is_own or not (self.by_rows or weighted):
            return super().inner(name, output, weighted, given)

        def of_row(t: Any, p: Any) -> Any:
            return formulas.of_rows(self.values(given(t), p), p.shape[0])

        root = isinstance(self, _MADE["RootMeanSquaredError"])
        if not (weighted or root):
            return Inner(name, of_row)
        ignored = self.ignored
        counts = None
        if ignored is not None:
            counts = lambda t, p: formulas.of_rows(formulas.kept(t, p, ignored), p.shape[0])  # noqa: E731
        found = counted.mean(of_row, root, counts)
        if weighted:
            return _Mean(name, found.rows, found.finish, weighted).of(self, given)
        return Inner(name, found.rows, found.finish)


def _mean_class(name: str) -> type[Metric]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        given, _ = bound("metrics", name, args, kwargs)
        function = blame.made(given, MEANS[name])
        MeanMetricWrapper.__init__(self, function, given.name, given.dtype)
        self.ignored = given.values_.get("ignore_class")
        given.finish()

    return _class(name, MeanMetricWrapper, {"__init__": __init__, "by_rows": True})


def _root(self: Any) -> Any:
    return Mean.result(self) ** 0.5


def _sum_class(name: str) -> type[Metric]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        given, _ = bound("metrics", name, args, kwargs)
        Metric.__init__(self, given.dtype, given.name)
        self.counted, self.several = blame.made(given, SUMS[name])
        given.finish()

    return _class(name, Whole, {"__init__": __init__})


def _class(name: str, base: type[Metric], own: dict[str, Any]) -> type[Metric]:
    doc = f"As keras.metrics.{name}. See docs/keras.md."
    made = {"room_name": name, "__doc__": doc, "__signature__": signature("metrics", name)}
    if name == "RootMeanSquaredError":
        made["result"] = _root
    return type(name, (base,), {**made, **own})


_MADE: dict[str, Any] = {
    **{name: _mean_class(name) for name in MEANS},
    **{name: _sum_class(name) for name in SUMS},
    **{"Mean": Mean, "Sum": Sum, "MeanMetricWrapper": MeanMetricWrapper},
}
# Of these more is better or, as far as Keras says, less; of counts it says nothing.
_MORE = (
    *("Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy"),
    *("TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "AUC", "Precision", "Recall"),
    *("SensitivityAtSpecificity", "SpecificityAtSensitivity", "PrecisionAtRecall"),
    *("RecallAtPrecision", "F1Score", "FBetaScore", "R2Score", "CosineSimilarity"),
    *("PearsonCorrelation", "ConcordanceCorrelation", "IoU", "BinaryIoU", "MeanIoU"),
    *("OneHotIoU", "OneHotMeanIoU"),
)
_COUNTS = ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
for _name, _kind in _MADE.items():
    if _name in ROWS and _name not in _COUNTS:
        _kind.direction = "max" if _name in _MORE else "min"
_FUNCTIONS = {
    name: function
    for name, function in FUNCTIONS.items()
    if name in arguments.table()["rooms"]["metrics"]
}
_KNOWN: dict[str, Any] = {"Metric": Metric, **arguments.aliases("metrics", {**_MADE, **_FUNCTIONS})}
# Keras knows a class by its name and by that name in small letters, and these.
_WORDS = {
    **{snake_case(name): name for name in _MADE},
    "bce": "BinaryCrossentropy", "BCE": "BinaryCrossentropy", "mse": "MeanSquaredError",
    "MSE": "MeanSquaredError", "mae": "MeanAbsoluteError", "MAE": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError", "MAPE": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError", "MSLE": "MeanSquaredLogarithmicError",
}  # fmt: skip


def _accuracy(t: Any, p: Any) -> Any:
    """What "accuracy" means for an output: by the shapes of targets and outputs, as in Keras."""
    if p.shape[-1] == 1:
        return formulas.called("binary_accuracy", t, p)
    if len(t.shape) < len(p.shape) or (t.shape[-1] == 1 and p.shape[-1] > 1):
        return formulas.called("sparse_categorical_accuracy", t, p)
    return formulas.called("categorical_accuracy", t, p)


def get(identifier: Any) -> Any:
    """The metric that a name, a class or a function stands for, as an object."""
    if isinstance(identifier, str):
        if identifier.lower() in ("accuracy", "acc"):
            made = MeanMetricWrapper(_accuracy, identifier)
            made.direction, made.by_rows = "max", True
            return made
        name = _WORDS.get(identifier, identifier)
        if name not in ROWS:
            raise ArgumentError(
                "keras.metrics",
                f"unknown metric {identifier!r}",
                nearest(identifier, dict.fromkeys(["accuracy", *_WORDS])),
            )
        given = arguments.signature("metrics", name).parameters.values()
        needed = [one.name for one in given if one.default is one.empty]
        if needed:
            raise ArgumentError(
                "keras.metrics",
                f"{identifier!r} needs {', '.join(needed)}, got its name alone",
                "Give the object, such as keras.metrics.MeanIoU(num_classes=3).",
            )
        return _MADE[name](name=identifier)
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(identifier, Metric):
        return identifier
    if callable(identifier):
        return MeanMetricWrapper(identifier, snake_case(getattr(identifier, "__name__", "metric")))
    raise ArgumentError("keras.metrics", f"expected a metric, got {blame.shown(identifier)}")


globals().update(_KNOWN)
__all__ = sorted([*_KNOWN, "get"])  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("metrics", __all__)
