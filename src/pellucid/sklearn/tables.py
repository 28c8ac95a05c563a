"""TableClassifier and TableRegressor: raw rows in, over what `fit_table` trains.

In: frames, dicts of columns, lists of dicts or arrays, with gaps, categories and dates as they are.
Out: estimators whose preparation is part of the model. Arrays and frames keep scikit-learn's rules
(as many columns as in fit, with the same names in the same order); dicts are read by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_y,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from pellucid.core import notices
from pellucid.core.errors import DataError, DTypeError, PellucidError
from pellucid.data import Table, read_table
from pellucid.data.cells import unique_names
from pellucid.data.frames import columns_of, is_frame
from pellucid.data.numerals import EXACT, FORMATS, shown
from pellucid.data.schema import CATEGORY, NUMBER, ColumnSchema
from pellucid.data.table import Column
from pellucid.sklearn.base import NO_TARGET, Array, Estimator
from pellucid.tables.fitting import LEAST, checked_options, train
from pellucid.tables.target import CLASSIFICATION, REGRESSION

_INNER = ("read_table", "fit_table", "predict_proba", "predict")  # what errors name inside


def _is_rows(X: Any) -> bool:
    """Whether X is a list of dicts."""
    return isinstance(X, (list, tuple)) and bool(X) and all(isinstance(row, Mapping) for row in X)


def _is_named(X: Any) -> bool:
    """Whether X is a dict of columns or a list of dicts, whose columns are found by name.

    A sparse array of SciPy may be a dict too: of places.
    """
    return (isinstance(X, Mapping) and not hasattr(X, "tocsr")) or _is_rows(X)


def _is_arrow(X: Any) -> bool:
    return hasattr(X, "column_names") and hasattr(X, "rename_columns")


class _Tables(Estimator):
    """What both share."""

    _task: str

    def __init__(
        self,
        *,
        types: Mapping[str, str] | None = None,
        drop: Sequence[str] = (),
        group: str | None = None,
        time: str | None = None,
        quick: bool = False,
        random_state: Any = None,
        verbose: int | bool = False,
    ):
        self.types = types
        self.drop = drop
        self.group = group
        self.time = time
        self.quick = quick
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags

    @contextmanager
    def _inside(self) -> Iterator[None]:
        """Errors from inside name the estimator."""
        with self._parameters():
            try:
                yield
            except PellucidError as error:
                place = error.where
                for inner in _INNER:
                    place = place.replace(inner, self._where, 1)
                raise type(error)(place, error.problem, error.fix, line=error.line) from None

    def _fit(self, X: Any, y: Any) -> Array:
        """Trains `model_`; what `_target` says of y beside its column."""
        with self._inside():
            table = self._learned(X, y)
            name = getattr(y, "name", None)
            names = [*table.names, name if isinstance(name, str) and name else "target"]
            column, more = self._target(unique_names(names, False)[0][-1], y)
            check_consistent_length(table.columns[0].values, column.values)
            options = checked_options(
                self._where,
                column.name,
                task=self._task,
                drop=self.drop,
                group=self.group,
                time=self.time,
                quick=bool(self.quick) if isinstance(self.quick, np.bool_) else self.quick,
                seed=self._seed(),
            )
            whole = Table([*table.columns, column], table.source, table.notes)
            self.model_ = train(whole, options, bool(self._verbosity()), repr(self))
            for note in self.model_.findings.notes:
                notices.once(f"[{self._where}] {note}")
        return more

    def _target(self, name: str, y: Any) -> tuple[Column, Array]:
        raise NotImplementedError

    def _learned(self, X: Any, y: Any) -> Table:
        """X as a table whose columns are decided here; sets the names and number of columns."""
        validate_data(self, NO_TARGET, y, skip_check_array=True)  # whether there are targets
        if _is_named(X):
            table = read_table(X, types=self.types)
            self.n_features_in_ = len(table.names)
            self.feature_names_in_ = np.array(table.names, dtype=object)
        else:
            x, types = self._checked(X, True), self.types
            if isinstance(x, np.ndarray):
                names = [f"column_{j + 1}" for j in range(x.shape[1])]
                if x.dtype.kind in "iuf" and isinstance(types, Mapping | None):
                    types = {**dict.fromkeys(names, NUMBER), **(types or {})}
                x = dict(zip(names, x.T, strict=True))
            table = read_table(x, types=types)
        self._names = table.names
        return table

    def _checked(self, X: Any, reset: bool) -> Any:
        """A frame as it is, anything else as an array; both after scikit-learn's checks."""
        if is_frame(X) or _is_arrow(X):
            names = list(X.columns if is_frame(X) else X.column_names)
            twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
            if twice:  # what scikit-learn calls them by could not tell them apart
                raise DataError(
                    self._where, f"columns must have different names, got {twice[0]!r} twice"
                )
            return validate_data(self, X, reset=reset, y=NO_TARGET, skip_check_array=True)
        x = validate_data(
            self,
            X,
            y=NO_TARGET,
            reset=reset,
            dtype=None,
            ensure_all_finite=False,
            ensure_min_samples=LEAST if reset else 1,
        )
        if x.dtype == object:
            for item in x.flat:
                if isinstance(item, (Mapping, list, tuple, set)):
                    raise DTypeError(
                        self._where,
                        "a cell of the argument must be a string, a date or a number, got a "
                        f"{type(item).__name__}",
                        "Make columns of what it holds.",
                    )
        return x

    def _rows(self, X: Any) -> Any:
        """Rows to predict, as the model reads them: by the names of fit."""
        check_is_fitted(self)
        if _is_named(X):
            return X
        x = self._checked(X, False)
        if isinstance(x, np.ndarray):
            return dict(zip(self._names, x.T, strict=True))
        if _is_arrow(x):
            return x.rename_columns(list(self._names))
        columns = [column for _, column in columns_of(x)]
        return dict(zip(self._names, columns, strict=True))


class TableClassifier(ClassifierMixin, _Tables):
    """Classes of raw rows: `pellucid.fit_table` as an estimator.

    X is a frame of pandas or Polars, an Arrow table, a dict of columns, a list of dicts, or an
    array. Missing cells, categories and dates stay as they are; an array of numbers is read as
    numbers, and its columns are called column_1, column_2, … .

    Args:
        types: of columns by name, as in `pellucid.data.read_table`.
        drop: names of columns to leave out.
        group: a column; rows that are alike in it are held out together. It is no feature.
        time: a column of dates or numbers; its last fifth of the rows is held out.
        quick: one network in the place of ten.
        random_state: draws the folds, the weights and the order of rows.
        verbose: whether to print what was found and how the training goes.

    Attributes:
        classes_: (C,) the labels, sorted.
        model_: the `TableModel`, with its scores of rows that its networks did not train on and
            its report; its classes are those of `classes_` as text.
        n_features_in_, feature_names_in_: the columns of fit.

    Example:
        >>> rows = [{"height": h, "sex": "fm"[h % 2]} for h in range(150, 190)]
        >>> sizes = ["S"] * 20 + ["L"] * 20
        >>> sizes[2], sizes[37] = "L", "S"
        >>> model = TableClassifier(quick=True, random_state=0).fit(rows, sizes)
        >>> model.predict([{"sex": "f", "height": 151}, {"sex": "m", "height": 188}]).tolist()
        ['S', 'L']
    """

    _task = CLASSIFICATION

    def fit(self, X: Any, y: Any) -> TableClassifier:
        """Trains on rows and their classes.

        Args:
            X: (n, d) rows.
            y: (n,) labels of any kind.

        Raises:
            ParameterError: for a parameter outside of what it may be.
            DataError: for rows that cannot be read, and labels of one class.
        """
        self.classes_ = self._fit(X, y)
        return self

    def _target(self, name: str, y: Any) -> tuple[Column, Array]:
        y = _check_y(y, y_numeric=False, estimator=self)
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise DataError(
                self._where,
                f"y must have two classes or more, got one class, {classes.tolist()[0]!r}",
            )
        names = tuple(_text(label) for label in classes.tolist())
        schema = ColumnSchema(name, CATEGORY, "", names)
        return Column(schema, codes.astype(np.int32), np.zeros(len(y), bool), names), classes

    def predict(self, X: Any) -> Array:
        """The label of each row, (n,)."""
        likely = self.predict_proba(X)
        return np.asarray(self.classes_[likely.argmax(axis=1)])

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (n, C), in the order of `classes_`."""
        rows = self._rows(X)
        with self._inside():
            return self.model_.predict_proba(rows)


class TableRegressor(RegressorMixin, _Tables):
    """Numbers of raw rows: `pellucid.fit_table` as an estimator.

    Arguments and attributes are those of `TableClassifier`; there is no `classes_`.

    Example:
        >>> rows = [{"day": f"2024-01-{day:02}", "rain": day % 3} for day in range(1, 31)]
        >>> model = TableRegressor(quick=True, random_state=0).fit(rows, [*range(30)])
        >>> model.predict({"day": "2024-01-15", "rain": 0}).shape
        (1,)
    """

    _task = REGRESSION

    def fit(self, X: Any, y: Any) -> TableRegressor:
        """Trains on rows and their numbers.

        Args:
            X: (n, d) rows.
            y: (n,) numbers.

        Raises:
            ParameterError: for a parameter outside of what it may be.
            DataError: for rows that cannot be read, and numbers that are all the same.
        """
        self._fit(X, y)
        return self

    def _target(self, name: str, y: Any) -> tuple[Column, Array]:
        y = _check_y(y, y_numeric=True, estimator=self)
        if y.dtype.kind in "iu" and (np.abs(y.astype(np.float64)) > EXACT).any():
            raise DataError(
                self._where,
                "y must hold whole numbers up to 2^53, which float64 keeps exactly, got "
                f"{y[np.argmax(np.abs(y.astype(np.float64)))]}",
                "For millions write y / 1e6.",
            )
        values = y.astype(np.float64)
        schema = ColumnSchema(name, NUMBER, next(iter(FORMATS)))
        return Column(schema, values, np.zeros(len(y), bool)), values

    def predict(self, X: Any) -> Array:
        """The number of each row, (n,)."""
        rows = self._rows(X)
        with self._inside():
            return self.model_.predict(rows)


def _text(label: Any) -> str:
    number = isinstance(label, (int, float)) and not isinstance(label, bool)
    return shown(label) if number else str(label)
