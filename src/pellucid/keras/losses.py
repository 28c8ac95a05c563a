"""keras.losses: names and arguments of Keras for the losses of ours, as means over outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import pellucid.numpy as pnp
from pellucid import nn
from pellucid.core.errors import ArgumentError, nearest
from pellucid.keras import arguments, blame, formulas
from pellucid.keras.arguments import Arguments, bound, must_be, refuse, signature, signed
from pellucid.keras.members import unknown_member
from pellucid.keras.operands import called, named
from pellucid.keras.session import SESSION
from pellucid.keras.tensors import aligned, applied, flat
from pellucid.nn.losses.base import Loss as Inner
from pellucid.nn.losses.contract import contract
from pellucid.nn.losses.named import UserLoss
from pellucid.ops import composite
from pellucid.ops.value import Value, number

Make = Callable[[Arguments, str], Inner | None]  # None: Keras's formula itself


def _mean(kind: Any, *names: str) -> Make:
    return lambda a, end: kind(*(getattr(a, one) for one in names), average=True)


def _logits(a: Arguments, end: str, link: str) -> bool:
    """Whether the loss of ours that takes logits is meant: of logits, or behind its activation.

    Args:
        end: what the model ends in.
    """
    if a.from_logits:
        if end == link:
            refuse(a.where_, "from_logits", True, f"the model ends in {link}, so they are none")
        return True
    if end == "linear":
        raise ArgumentError(
            f"keras.{a.where_}",
            f"the loss takes probabilities, got a model with a linear end: no {link} is there",
            "Write from_logits=True.",
        )
    return end == link


def _binary(a: Arguments, end: str) -> Inner | None:
    a.only("axis", -1)
    kind = nn.BinaryCrossEntropy if _logits(a, end, "sigmoid") else None
    return kind(a.label_smoothing, average=True) if kind else None


def _categorical(a: Arguments, end: str) -> Inner | None:
    a.only("axis", -1)
    if "ignore_class" in a.values_ and a.ignore_class is not None:
        _logits(a, end, "softmax")
        return None
    smoothing = a.label_smoothing if "label_smoothing" in a.values_ else 0.0
    return nn.CrossEntropy(smoothing, average=True) if _logits(a, end, "softmax") else None


def _binary_focal(a: Arguments, end: str) -> Inner | None:
    a.only("axis", -1)
    alpha = a.alpha if a.apply_class_balancing else None
    smoothing, gamma = a.label_smoothing, a.gamma
    if not _logits(a, end, "sigmoid"):
        return None
    return nn.BinaryFocal(smoothing, gamma=gamma, alpha=alpha, average=True)


def _focal(a: Arguments, end: str) -> Inner | None:
    a.only("axis", -1)
    options = a.label_smoothing, a.gamma, a.alpha
    if not _logits(a, end, "softmax") or not isinstance(a.alpha, (int, float)):
        return None
    return nn.Focal(options[0], gamma=options[1], alpha=options[2], average=True)


def _divergence(a: Arguments, end: str) -> Inner | None:
    return nn.KLDivergence(average=True) if end == "softmax" else None


def _generalized(a: Arguments, end: str) -> Inner | None:
    q = a.q
    return nn.GeneralizedCrossEntropy(q=q, average=True) if end == "softmax" else None


def _overlap(*names: str) -> Make:
    def make(a: Arguments, end: str) -> None:
        for name in (*names, "axis"):
            getattr(a, name)

    return make


def _cosine(a: Arguments, end: str) -> None:
    a.only("axis", -1)


ROWS: dict[str, Make] = {
    "MeanSquaredError": _mean(nn.Squared),
    "MeanAbsoluteError": _mean(nn.Absolute),
    "MeanAbsolutePercentageError": _mean(nn.AbsolutePercentage),
    "MeanSquaredLogarithmicError": _mean(nn.SquaredLogarithmic),
    "Huber": _mean(nn.Huber, "delta"),
    "LogCosh": _mean(nn.LogCosh),
    "Poisson": _mean(nn.PoissonRate),
    "Hinge": _mean(nn.Hinge),
    "SquaredHinge": _mean(nn.SquaredHinge),
    "CategoricalHinge": lambda a, end: nn.CategoricalHinge(average=True),
    "BinaryCrossentropy": _binary,
    "CategoricalCrossentropy": _categorical,
    "SparseCategoricalCrossentropy": _categorical,
    "BinaryFocalCrossentropy": _binary_focal,
    "CategoricalFocalCrossentropy": _focal,
    "CategoricalGeneralizedCrossEntropy": _generalized,
    "KLDivergence": _divergence,
    "CosineSimilarity": _cosine,
    "Dice": _overlap(),
    "Tversky": _overlap("alpha", "beta"),
}
_SIGNS = ("Hinge", "SquaredHinge")
# What a loss calls its function: the formula, and a sign.
_FORMULAS = {
    "MeanSquaredError": "mean_squared_error", "MeanAbsoluteError": "mean_absolute_error",
    "MeanAbsolutePercentageError": "mean_absolute_percentage_error",
    "MeanSquaredLogarithmicError": "mean_squared_logarithmic_error", "Huber": "huber",
    "LogCosh": "log_cosh", "Poisson": "poisson", "Hinge": "hinge",
    "SquaredHinge": "squared_hinge", "CategoricalHinge": "categorical_hinge",
    "BinaryCrossentropy": "binary_crossentropy",
    "CategoricalCrossentropy": "categorical_crossentropy",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "KLDivergence": "kl_divergence", "CosineSimilarity": "cosine_similarity",
    "BinaryFocalCrossentropy": "binary_focal_crossentropy",
    "CategoricalFocalCrossentropy": "categorical_focal_crossentropy",
    "CategoricalGeneralizedCrossEntropy": "categorical_generalized_cross_entropy",
    "Dice": "dice", "Tversky": "tversky",
}  # fmt: skip
_OVERLAPS = ("Dice", "Tversky", "dice", "tversky")  # the axes of these are theirs to choose
_MORE = (
    *("delta", "from_logits", "label_smoothing", "alpha", "beta", "gamma", "q"),
    *("apply_class_balancing", "threshold", "k", "ignore_class"),
)
_REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


class Loss:
    """What training lowers. One of your own defines `call(y_true, y_pred)`."""

    room_name = ""
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member
    make: Make

    def __init__(
        self, name: str | None = None, reduction: Any = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        if dtype is not None and str(dtype) != SESSION.floatx:
            refuse(f"losses.{type(self).__name__}", "dtype", dtype)
        if reduction not in _REDUCTIONS:
            must_be(f"losses.{type(self).__name__}", "reduction", reduction, _REDUCTIONS)
        self.name, self.reduction = name or SESSION.name(type(self).__name__), reduction
        self._arguments: Arguments | None = None

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each row."""
        if self.room_name not in _FORMULAS:
            raise ArgumentError(
                f"keras.losses.{self.room_name}", "it is for compile alone, got a call", ""
            )
        assert self._arguments is not None
        values = self._arguments.values_
        names = (*_MORE, "axis") if self.room_name in _OVERLAPS else _MORE
        more = {one: values[one] for one in names if one in values}
        found = formulas.called(_FORMULAS[self.room_name], y_true, y_pred, **more)
        return -found if self.room_name == "CosineSimilarity" else found

    @named
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The mean loss of arrays, or of tensors."""
        parts = (y_true, y_pred) if sample_weight is None else (y_true, y_pred, sample_weight)
        found = applied(self._reduced, parts, {}, self.name)
        return found if any(isinstance(one, Value) for one in parts) else _plain(found)

    def _reduced(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        found = self.call(y_true, y_pred)
        weights: Any = None
        by_weights = self.reduction == "mean_with_sample_weight"
        if self._ignored is not None and by_weights:
            weights = formulas.kept(y_true, y_pred, self._ignored)
            sample_weight = weights if sample_weight is None else weights * sample_weight
        if sample_weight is not None:
            found, weights = aligned(found, pnp.astype(pnp.asarray(sample_weight), found.dtype))
            found = found * weights
        if self.reduction in ("none", None):
            return found
        total = pnp.sum(found)
        if self._ignored is not None and self.reduction in ("sum_over_batch_size", "mean"):
            return pnp.mean(found) * formulas.share(y_true, y_pred, self._ignored)
        if by_weights and weights is not None:
            return total / pnp.sum(weights)
        return total if self.reduction == "sum" else pnp.mean(found)

    # -- for compile ------------------------------------------------------------------------

    def inner(self, end: Any) -> Inner:
        """The loss of ours, for a model that ends in this activation.

        Where ours does not take what the model ends in, it is Keras's formula.
        """
        where = f"losses.{type(self).__name__}"
        if self.reduction not in ("sum_over_batch_size", "mean", "sum"):
            why = "the objective of a batch is a mean or a sum of its rows"
            refuse(where, "reduction", self.reduction, why)
        if not self.room_name:
            return UserLoss(_Rows(self))
        assert self._arguments is not None
        word = end if isinstance(end, str) else "an own function"
        made: Inner | None = blame.made(self._arguments, lambda a: type(self).make(a, word))
        self._arguments.finish()
        refused = made is None or contract(made, end).refusal is not None
        if refused or self.reduction == "sum":
            return UserLoss(_Rows(self))
        assert made is not None
        return made

    @property
    def _ignored(self) -> int | None:
        """The class whose rows or places do not count."""
        values = {} if self._arguments is None else self._arguments.values_
        return values.get("ignore_class")

    @property
    def is_of_batches(self) -> bool:
        """Whether it is no mean over rows, so that it matters how many are measured at a time."""
        if self.reduction == "sum" or self._ignored is not None:
            return True
        if self._arguments is None or self.room_name not in _OVERLAPS:
            return False
        axis = self._arguments.values_["axis"]
        return axis is None or 0 in flat([axis])

    def _per_row(self, target: Any, output: Any, weights: Any = None) -> Value:
        """The loss of each row, where positions of it may have weights."""
        found = self.call(target, output)
        if weights is not None:
            if tuple(found.shape) != tuple(weights.shape):
                raise ArgumentError(
                    f"keras.losses.{type(self).__name__}",
                    f"sample_weight must have the shape of the loss {found.shape}, "
                    f"got {weights.shape}",
                    "Give one weight a row, (N,).",
                )
            found = found * weights
        if self.room_name in _OVERLAPS and self.is_of_batches:
            found = pnp.mean(found)
        elif self.reduction == "sum" and len(found.shape):
            each = pnp.sum(found, axis=tuple(range(1, len(found.shape))))
            found = each * pnp.sum(pnp.ones_like(each))  # a mean over rows makes it their sum
        elif self._ignored is not None:
            found = found * formulas.share(target, output, self._ignored)
        return formulas.of_rows(found, output.shape[0])

    def prepared(self, y: Any, output: tuple[Any, ...]) -> Any:
        """Targets in the form that the loss of ours takes."""
        if self.room_name == "SparseCategoricalCrossentropy":
            if y.ndim == len(output) and y.shape[-1] == 1:
                return y[..., 0]
            if y.ndim != len(output) - 1:
                raise ArgumentError(
                    "keras.losses.SparseCategoricalCrossentropy",
                    f"targets must be classes as whole numbers, got {y.shape}",
                    "For one-hot rows use CategoricalCrossentropy.",
                )
        elif self.room_name in ("CategoricalCrossentropy", "CategoricalFocalCrossentropy"):
            if y.shape[1:] != tuple(output[1:]):
                raise ArgumentError(
                    f"keras.losses.{self.room_name}",
                    f"targets must be one-hot rows {(None, *output[1:])}, got {y.shape}",
                    "For whole numbers use SparseCategoricalCrossentropy.",
                )
        elif self.room_name in _SIGNS and np.isin(y, (0, 1)).all():
            return 2.0 * y - 1
        return y


class _Rows:
    """The formula of a loss, as what a loss of ours is made of."""

    def __init__(self, loss: Loss):
        self._loss, self.__name__ = loss, loss.name

    def __call__(self, target: Any, output: Any) -> Value:
        return self._loss._per_row(target, output)

    def weighed(self, target: Any, output: Any, weights: Any) -> Value:
        """By weights of positions."""
        return self._loss._per_row(target, output, weights)


def _plain(found: Any) -> Any:
    return found.numpy() if hasattr(found, "numpy") and not hasattr(found, "node") else found


def _class(name: str, make: Make) -> type[Loss]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        given, _ = bound("losses", name, args, kwargs)
        given.read_.update(("name", "reduction", "dtype"))
        Loss.__init__(self, given.name, given.reduction, given.dtype)
        self._arguments = given

    own = {"room_name": name, "make": staticmethod(make), "__init__": __init__}
    doc = f"As keras.losses.{name}. See docs/keras.md."
    return type(name, (Loss,), {**own, "__doc__": doc, "__signature__": signature("losses", name)})


_MADE: dict[str, Any] = {name: _class(name, make) for name, make in ROWS.items()}


def _function(name: str) -> Callable[..., Any]:
    """A function (y_true, y_pred), of arrays and of tensors."""
    room = "losses" if name in arguments.table()["rooms"]["losses"] else "metrics"

    def function(*args: Any, **kwargs: Any) -> Any:
        given, _ = bound(room, name, args, kwargs)
        names = (*_MORE, "axis") if name in _OVERLAPS else _MORE
        pair = (given.y_true, given.y_pred)
        if "axis" in given.values_ and name not in _OVERLAPS:
            given.only("axis", -1)
        sign = -1 if name == "cosine_similarity" else 1  # a loss is lower where it is better

        def found_of(own: Arguments) -> Any:
            more = {one: getattr(own, one) for one in names if one in own.values_}
            both = (own.y_true, own.y_pred)
            return applied(lambda t, p: formulas.called(name, t, p, **more) * sign, both, {}, name)

        found = called(given, found_of, ("y_true", "y_pred"))
        given.finish()
        return found if any(isinstance(one, Value) for one in pair) else _plain(found)

    return signed(function, room, name)


FUNCTIONS = {name: _function(name) for name in {**formulas.LOSSES, **formulas.ACCURACIES}}
_OWN_FUNCTIONS = {name: FUNCTIONS[name] for name in formulas.LOSSES}
_KNOWN: dict[str, Any] = {
    "Loss": Loss, **arguments.aliases("losses", {**_MADE, **_OWN_FUNCTIONS})
}  # fmt: skip
_CLASS_OF = {function: kind for kind, function in _FORMULAS.items()}
_WORDS = {
    "mse": "MeanSquaredError", "MSE": "MeanSquaredError", "mae": "MeanAbsoluteError",
    "MAE": "MeanAbsoluteError", "mape": "MeanAbsolutePercentageError",
    "MAPE": "MeanAbsolutePercentageError", "msle": "MeanSquaredLogarithmicError",
    "MSLE": "MeanSquaredLogarithmicError", "kld": "KLDivergence", "bce": "BinaryCrossentropy",
    "BCE": "BinaryCrossentropy", "logcosh": "LogCosh",
    "kullback_leibler_divergence": "KLDivergence",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy", "KLD": "KLDivergence",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
}  # fmt: skip


def get(identifier: Any) -> Any:
    """The loss that a name, a class or a function stands for, as an object."""
    if isinstance(identifier, str):
        name = _WORDS.get(identifier, _CLASS_OF.get(identifier, identifier))
        if name not in _MADE:
            rest = [one for one in _MADE if one not in _CLASS_OF.values()]
            known = dict.fromkeys([*_CLASS_OF, *_WORDS, *rest])
            raise ArgumentError(
                "keras.losses", f"unknown loss {identifier!r}", nearest(identifier, known)
            )
        return _MADE[name]()
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if isinstance(identifier, Loss):
        return identifier
    name = next((one for one, own in _OWN_FUNCTIONS.items() if own is identifier), "")
    if name:
        return _MADE[_CLASS_OF[name]]()
    if callable(identifier):
        return OwnLoss(identifier)
    raise ArgumentError("keras.losses", f"expected a loss, got {blame.shown(identifier)}")


class NoLoss(Loss):
    """Of an output that is measured alone: 0, whatever its targets are."""

    def inner(self, end: Any) -> Inner:
        return UserLoss(_nothing)

    def prepared(self, y: Any, output: tuple[Any, ...]) -> Any:
        return y


def _nothing(target: Any, output: Any) -> Value:
    return composite.broadcast_to(number(0.0, output.type.dtype), output.type.shape[:1])


class OwnLoss(Loss):
    """A function (y_true, y_pred) of a person's own."""

    def __init__(self, function: Callable[..., Any]):
        super().__init__(getattr(function, "__name__", "loss"))
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.function(y_true, y_pred)


globals().update(_KNOWN)
__all__ = sorted([*_KNOWN, "get"])  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("losses", __all__)
