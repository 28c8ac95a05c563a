"""What the machines with kernels share as estimators: a shell over those of `pellucid.svm`.

In: scikit-learn's parameters and data. Out: a machine fitted to the rows that differ, and what
scikit-learn's users read of it: `support_`, `dual_coef_`, `intercept_`. The solver, the kernels and
the certificate are those of `pellucid.svm`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from pellucid.core.arguments import integer
from pellucid.core.errors import DataError, DTypeError, ShapeError
from pellucid.sklearn.base import NO_TARGET, Array, Estimator, Table, allowed_threads, convergence
from pellucid.sklearn.distinct import Distinct, distinct, unchanged
from pellucid.svm.own import check_values, function_name

Floats = NDArray[np.float64]


class KernelMachine(Estimator):
    """Base of all machines that have kernels."""

    _machine: ClassVar[Any]  # of pellucid.svm
    _own: ClassVar[tuple[str, ...]]  # the parameters that this machine alone has
    _fixed: ClassVar[dict[str, str]] = {}  # what is not a parameter here
    _takes_sparse = True
    _by_class: ClassVar[bool] = False  # whether support vectors are counted by class

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = isinstance(self.kernel, str) and self.kernel == "precomputed"
        tags.input_tags.sparse = not tags.input_tags.pairwise
        return tags

    @property
    def _is_matrix(self) -> bool:
        """Whether the machine is given kernel values in place of rows."""
        return callable(self.kernel) or self.kernel == "precomputed"

    def _made(self, **more: Any) -> Any:
        """The machine with these parameters, which it checks."""
        most = integer(self._where, "max_iter", self.max_iter, -1)
        return self._machine(
            kernel="precomputed" if callable(self.kernel) else self.kernel,
            gamma=self.gamma,
            degree=self.degree,
            coef0=self.coef0,
            max_iter=None if most == -1 else most,
            threads=allowed_threads(),
            verbose=min(self._verbosity(), 2),
            **{name: getattr(self, name) for name in self._own},
            **self._fixed,
            **more,
        )

    # -- training data ------------------------------------------------------------------------

    def _training(self, X: Any, y: Any, sample_weight: Any, numeric: bool = False) -> Table:
        """The rows that count; sets `shape_fit_`."""
        if callable(self.kernel):
            bare = isinstance(y, str) and y == NO_TARGET
            if not bare:
                check_consistent_length(X, y)
            y = None if bare else column_or_1d(y, warn=True)
            self._x_fit = X
            matrix = self._values(X)
            self.shape_fit_ = getattr(X, "shape", (len(matrix),))
            table = self._counting(matrix, y, sample_weight)
        else:
            if self.kernel == "precomputed" and hasattr(X, "tocsr"):
                raise DTypeError(
                    self._where,
                    "a precomputed kernel must be dense, got a sparse matrix",
                    "Use X.toarray().",
                )
            table = self._table(X, y, sample_weight, numeric=numeric)
            self.shape_fit_ = (table.given, self.n_features_in_)
            if self.kernel == "precomputed" and table.given != self.n_features_in_:
                raise ShapeError(
                    self._where, f"a precomputed kernel must be square, got {self.shape_fit_}"
                )
        if self._is_matrix and len(table.kept) < table.given:
            table = table._replace(x=np.ascontiguousarray(table.x[:, table.kept]))
        self._kept = table.kept if self._is_matrix and len(table.kept) < table.given else None
        return table

    def _values(self, X: Any) -> Floats:
        """What a kernel function of a person's own says of X and the training rows."""
        found, name = self.kernel(X, self._x_fit), function_name(self.kernel)
        shape = getattr(found, "shape", None) or np.shape(found)
        wanted = (_length(X), _length(self._x_fit))
        if shape != wanted:
            raise ShapeError(
                self._where,
                f"kernel function {name} must return {wanted}, a row for each of the first "
                f"argument and a column for each of the second, got {shape}",
                "It is called with two blocks of rows: lambda A, B: (A @ B.T + 1) ** 2.",
            )
        found = check_array(
            found, accept_sparse=True, dtype=np.float64, order="C", ensure_all_finite=False
        )
        matrix: Floats = found.toarray() if hasattr(found, "toarray") else found
        check_values(matrix, self._where, name)
        return matrix

    # -- fit ----------------------------------------------------------------------------------

    def _solve(self, machine: Any, table: Table, targets: Array | None) -> None:
        """Fits the machine to the rows that differ, and sets what is read of it."""
        weights = table.weights
        rows = unchanged(weights) if self._is_matrix else distinct(table.x, targets, weights)
        x = table.x if self._is_matrix else table.x[rows.first]
        y = None if targets is None else targets[rows.first]
        if callable(self.kernel):
            machine._matrix = f"kernel function {function_name(self.kernel)}"
        machine._names = getattr(self, "classes_", None)
        convergence(machine.fit, x, y, sample_weight=rows.weights)
        self._fitted = machine
        # Which row of the fit stands for each row that counts; None where all are there.
        self._of = rows.of if len(rows.first) < len(rows.of) else None
        self._expand(machine, rows, table, targets)
        self.intercept_ = machine.intercept.copy()
        self.fit_status_ = 0 if machine.converged else 1

    def _expand(self, machine: Any, rows: Distinct, table: Table, targets: Array | None) -> None:
        """From the rows that differ to all: equal rows share a coefficient by their weights."""
        place = np.full(len(rows.first), -1)
        place[machine.support] = np.arange(len(machine.support))
        found = place[rows.of]
        chosen = np.flatnonzero(found >= 0)
        if self._by_class:
            assert targets is not None
            chosen = chosen[np.argsort(targets[chosen], kind="stable")]
        share = table.weights[chosen] / rows.weights[rows.of[chosen]]
        coefficients = machine.dual_coef[:, found[chosen]] * share
        self._sparse = hasattr(table.x, "indptr")
        self.dual_coef_ = type(table.x)(coefficients) if self._sparse else coefficients
        self.support_ = table.kept[chosen].astype(np.int32)
        empty = np.empty((0, 0))
        self.support_vectors_ = empty if self._is_matrix else table.x[chosen]
        self._n_support = np.bincount(
            targets[chosen]
            if self._by_class and targets is not None
            else np.zeros(len(chosen), int),
            minlength=len(machine.n_support),
        ).astype(np.int32)

    # -- answers ------------------------------------------------------------------------------

    def _asked(self, X: Any) -> Any:
        """New rows, as the machine takes them."""
        check_is_fitted(self)
        self._fitted.threads = allowed_threads()  # it may come from a worker
        x: Any = self._values(X) if callable(self.kernel) else self._columns(X)
        if hasattr(x, "indptr") and not self._sparse:
            raise DataError(
                self._where,
                "X must be dense for a fit to dense rows, got a sparse matrix",
                "Use X.toarray(), or fit to a sparse matrix.",
            )
        return x if self._kept is None else np.ascontiguousarray(x[:, self._kept])

    @property
    def certificate_(self) -> Any:
        """What proves the optimum: see `pellucid.svm`. Its rows are those of weight above 0.

        It is computed when it is first asked for; a pickle holds it where that was before.
        """
        check_is_fitted(self)
        proof = self._fitted.certificate
        return proof if self._of is None else proof.repeated(self._of)

    @property
    def n_support_(self) -> Array:
        """The number of support vectors, by class for classifiers."""
        if not hasattr(self, "_n_support"):
            raise AttributeError("n_support_")
        return self._n_support

    @property
    def coef_(self) -> Any:
        """The weights of the columns with a linear kernel, read-only: a row for each problem."""
        if not (isinstance(self.kernel, str) and self.kernel == "linear"):
            raise AttributeError("coef_ is there with kernel='linear' alone")
        check_is_fitted(self)
        weights: Any = self._fitted.coef
        if self._sparse:
            weights = type(self.support_vectors_)(weights)
        held = weights.data if self._sparse else weights
        held.flags.writeable = False
        return weights


def _length(x: Any) -> int:
    return int(x.shape[0]) if hasattr(x, "shape") else len(x)
