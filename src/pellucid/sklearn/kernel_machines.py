"""The machines with kernels as estimators: a shell over the classes of `pellucid.svm`.

In: scikit-learn's parameters and data. Out: a machine fitted to the rows that differ, and what
scikit-learn's users read of it: `support_`, `dual_coef_`, `decision_function`. The solver, the
kernels and the certificate are those of `pellucid.svm`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from pellucid import svm
from pellucid.core.arguments import choice, integer
from pellucid.core.errors import DataError, ShapeError
from pellucid.sklearn.base import Array, Estimator, ParameterError, Table
from pellucid.sklearn.rows import Distinct, distinct

Floats = NDArray[np.float64]


class KernelMachine(Estimator):
    """What the five machines share.

    Attributes:
        support_: the rows of X that are support vectors.
        support_vectors_: these rows; none for kernels that are precomputed or a function.
        dual_coef_: their coefficients, as LIBSVM lays them out.
        intercept_: b.
        fit_status_: 0 where the optimum was reached, 1 where max_iter came first.
        shape_fit_: the shape of X.
        certificate_: what proves the optimum: see `pellucid.svm`. It speaks of the rows that
            differ.
    """

    _machine_class: ClassVar[Any]
    _numbers: ClassVar[tuple[str, ...]]  # the parameters of this machine alone: C, nu, epsilon

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        tags.input_tags.sparse = False
        return tags

    # --- parameters -------------------------------------------------------------------------------

    def _check(self) -> None:
        self._flags("shrinking")
        integer(self._where, "max_iter", self.max_iter, -1)
        self._verbosity()

    def _made(self, gamma: float) -> Any:
        """The machine with these parameters; it checks them."""
        options = {name: getattr(self, name) for name in self._numbers}
        return self._machine_class(
            "precomputed" if self._is_matrix else self.kernel,
            degree=self.degree,
            gamma=gamma,
            coef0=self.coef0,
            tol=self.tol,
            cache_size=self.cache_size,
            max_iter=None if self.max_iter == -1 else self.max_iter,
            verbose=self._verbosity(),
            **options,
        )

    @property
    def _is_matrix(self) -> bool:
        """Whether the machine is given a matrix of kernel values in place of rows."""
        return callable(self.kernel) or self.kernel == "precomputed"

    # --- data -------------------------------------------------------------------------------------

    def _seen(self, X: Any, y: Any, sample_weight: Any, **options: Any) -> Table:
        """The rows that count of the training data; sets `shape_fit_`."""
        if callable(self.kernel):
            if y is not None:
                check_consistent_length(X, y)
                y = column_or_1d(y, warn=True)
            self._x_fit = X
            matrix = self._values(X)
            self.shape_fit_ = getattr(X, "shape", (len(matrix),))
            return self._counting(matrix, y, sample_weight)
        table = self._table(X, y, sample_weight, **options)
        self.shape_fit_ = (self._given_rows, self.n_features_in_)
        if self.kernel == "precomputed" and self.shape_fit_[0] != self.shape_fit_[1]:
            raise ShapeError(
                self._where,
                f"a precomputed kernel must be square, got {self.shape_fit_}",
            )
        return table

    def _values(self, X: Any) -> Floats:
        """The kernel function of a person's own on X and the training data."""
        found = self.kernel(X, self._x_fit)
        matrix: Floats = np.asarray(
            found.toarray() if hasattr(found, "toarray") else found, np.float64
        )
        wanted = (len(X) if hasattr(X, "__len__") else X.shape[0], _rows(self._x_fit))
        if matrix.shape != wanted:
            raise ShapeError(
                self._where,
                f"kernel must return {wanted}, one row a row of its first argument and one column "
                f"a row of its second, got {matrix.shape}",
            )
        return check_array(matrix)  # type: ignore[no-any-return]
