"""What all estimators here do alike: arguments, data, weights and labels.

In: what a person gave to an estimator and its `fit`. Out: checked arrays, codes of classes, weights
of rows. Data are looked at by scikit-learn's own checks, so that its messages, names of columns and
tags are those that its users know; arguments are refused in the form of Pellucid's errors.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d, validate_data

from pellucid import svm
from pellucid.core.arguments import flag, integer, real
from pellucid.core.errors import ArgumentError, DataError
from pellucid.core.signals import deferred, immediate
from pellucid.runtime.threads import available

Array = NDArray[Any]
NO_TARGET = "no_validation"  # scikit-learn's word for it
_SEEDS = 2**31 - 1


class ParameterError(ArgumentError, ValueError):
    """A parameter of an estimator that it cannot take; a ValueError, as scikit-learn's is."""


class Table(NamedTuple):
    """The rows that count: those with a weight above 0.

    Attributes:
        x: (n, d); y: (n,), or None; weights: (n,).
        kept: their numbers among the rows that were given; given: how many these are.
    """

    x: Any
    y: Any
    weights: NDArray[np.float64]
    kept: NDArray[np.intp]
    given: int


def allowed_threads() -> int | None:
    """How many threads a machine may use: OMP_NUM_THREADS, which joblib sets in its workers.

    None where it is not set: as many as the process may use.
    """
    given = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return max(1, min(int(given), available())) if given.isdecimal() else None


def logarithms(probabilities: Array) -> Array:
    """ln p; that of 0 is -inf, without a warning."""
    with np.errstate(divide="ignore"):
        found: Array = np.log(probabilities)
    return found


def convergence(fit: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    """Calls `fit` of a machine: its warnings are of the kind that scikit-learn's users filter.

    Ctrl-C is heard inside `fit` alone: else warnings could be kept back for ever after.
    """
    with deferred(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with immediate():
            fit(*args, **kwargs)
    for one in said:
        late = issubclass(one.category, svm.ConvergenceWarning)
        kind = ConvergenceWarning if late else one.category
        warnings.warn(str(one.message), kind, stacklevel=4)


def _plain(x: Any) -> Any:
    """x, a sparse one with its entries in order, each once and none of them 0."""
    if hasattr(x, "indptr"):
        x = x.copy()
        x.sum_duplicates()
        x.eliminate_zeros()
    return x


class Estimator(BaseEstimator):
    """Base of all estimators here."""

    _takes_sparse: ClassVar[bool] = False

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._takes_sparse
        return tags

    @property
    def _where(self) -> str:
        return type(self).__name__

    @contextmanager
    def _parameters(self) -> Iterator[None]:
        """Gives what is said of an argument the kind of error that scikit-learn's users catch."""
        try:
            yield
        except ParameterError:
            raise
        except ArgumentError as error:
            raise ParameterError(error.where, error.problem, error.fix, line=error.line) from None

    def _flags(self, *names: str) -> None:
        """Checks that these parameters are True or False."""
        for name in names:
            value = getattr(self, name)
            flag(self._where, name, bool(value) if isinstance(value, np.bool_) else value)

    def _verbosity(self) -> int:
        value = self.verbose
        return int(value) if isinstance(value, bool) else integer(self._where, "verbose", value)

    def _seed(self) -> int:
        """A seed from `random_state`, which may be a number, a RandomState or None."""
        try:
            return int(check_random_state(self.random_state).randint(_SEEDS))
        except ValueError:
            raise ArgumentError(
                self._where,
                "random_state must be a whole number, a numpy.random.RandomState or None, got "
                f"{self.random_state!r}",
            ) from None

    def _columns(self, X: Any, reset: bool = False, **options: Any) -> Any:
        """X as (n, d) floats: float32 stays float32, everything else becomes float64."""
        if self._takes_sparse:
            options |= {"accept_sparse": "csr"}
        found = validate_data(
            self, X, reset=reset, dtype=[np.float64, np.float32], order="C", **options
        )
        if isinstance(found, tuple):
            return _plain(found[0]), found[1]
        return _plain(found)

    def _table(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        reset: bool = True,
        numeric: bool = False,
        several: bool = False,
    ) -> Table:
        """The rows that count, with X as `_columns` has it.

        Args:
            y: NO_TARGET where rows have none.
            numeric: whether y are numbers.
            several: whether a row may have several targets.

        Raises:
            DataError: where no weight is above 0.
        """
        if isinstance(y, str) and y == NO_TARGET:
            return self._counting(self._columns(X, reset), None, sample_weight)
        options = {"y_numeric": True} if numeric and y is not None else {}
        if several:
            options["multi_output"] = True
        X, y = self._columns(X, reset, y=y, **options)
        if several and hasattr(y, "toarray"):
            y = y.toarray()
        if several and y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return self._counting(X, y, sample_weight)

    def _counting(self, X: Any, y: Any, sample_weight: Any) -> Table:
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        kept = np.flatnonzero(weights > 0)
        if not len(kept):
            raise DataError(
                self._where, "one weight of sample_weight must be above 0, got only zeros or less"
            )
        if len(kept) == len(weights):
            return Table(X, y, weights, kept, len(weights))
        negative = int((weights < 0).sum())
        if negative:
            warnings.warn(
                f"{self._where} leaves out {negative} rows whose weight is below 0.", stacklevel=4
            )
        targets = None if y is None else y[kept]
        return Table(X[kept], targets, weights[kept], kept, len(weights))


class Classes(Estimator):
    """What classifiers share: labels of any kind, and weights of classes."""

    def _codes(self, table: Table, least: int = 2) -> NDArray[np.intp]:
        """Sets `classes_`; the number of each row's class.

        Raises:
            DataError: where the rows that count have fewer than `least` classes.
        """
        check_classification_targets(table.y)
        self.classes_, codes = np.unique(table.y, return_inverse=True)
        if len(self.classes_) < least:
            label = self.classes_[:1].tolist()[0]
            if len(table.kept) == table.given:
                raise DataError(
                    self._where,
                    f"y must have two classes or more, got one class, {label!r}",
                    "For data of one class use OneClassSVM.",
                )
            raise DataError(
                self._where,
                f"rows with a weight above 0 must have two classes or more, got one class, "
                f"{label!r}",
                "Give rows of another class a weight above 0.",
            )
        return codes.ravel()

    def _known(self, y: Array, classes: Any, first: bool) -> NDArray[np.intp]:
        """The class of each row of a part of the data; sets `classes_` for the first part."""
        if classes is None and first:
            raise ArgumentError(
                self._where,
                "the first partial_fit must be given all classes, got classes=None",
                "Write partial_fit(X, y, classes=numpy.unique(all labels)).",
            )
        given = None if classes is None else np.unique(classes)
        if given is not None and first:
            self.classes_ = given
        elif given is not None and not np.array_equal(given, self.classes_):
            raise DataError(
                self._where,
                f"classes must stay {self.classes_.tolist()}, got {given.tolist()}",
                "Leave classes out after the first partial_fit.",
            )
        if first and len(self.classes_) < 2:
            raise DataError(self._where, f"classes must be two or more, got {len(self.classes_)}")
        strange = ~np.isin(y, self.classes_)
        if strange.any():
            raise DataError(
                self._where,
                f"y must hold classes that were there before, got {y[strange].tolist()[0]!r}",
            )
        return np.searchsorted(self.classes_, y)

    def _class_weights(
        self, codes: NDArray[np.intp], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The weight of each class.

        "balanced" is W / (C·W_c) with W the sum of all weights of rows and W_c that of class c, so
        that here too a weight of k is the row k times.
        """
        given = self.class_weight
        if given is None or isinstance(given, dict):
            for label, weight in (given or {}).items():
                real(self._where, f"class_weight[{label!r}]", weight, 0)
            found: NDArray[np.float64] = compute_class_weight(
                given, classes=self.classes_, y=self.classes_[codes]
            )
            return found
        if not (isinstance(given, str) and given == "balanced"):
            raise ArgumentError(
                self._where, f"class_weight must be a dict, 'balanced' or None, got {given!r}"
            )
        sums = np.bincount(codes, weights, minlength=len(self.classes_))
        with np.errstate(divide="ignore"):
            return np.where(sums > 0, sums.sum() / (len(self.classes_) * sums), 0.0)

    def _factors(
        self, codes: NDArray[np.intp], weights: NDArray[np.float64]
    ) -> dict[int, float] | None:
        """Sets `class_weight_`; the weight by number of class, None where all are 1."""
        self.class_weight_ = self._class_weights(codes, weights)
        if (self.class_weight_ == 1).all():
            return None
        return dict(enumerate(self.class_weight_.tolist()))
