"""LinearSVC as an estimator: a shell over `pellucid.svm.LinearSVC`."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin
from sklearn.linear_model._base import LinearClassifierMixin, SparseCoefMixin

from pellucid import svm
from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError
from pellucid.data.sparse import SparseRows, SparseTable, is_sparse
from pellucid.sklearn.base import Classes, allowed_threads, convergence
from pellucid.sklearn.distinct import distinct

_SOLVERS = {True: "descent", False: "newton", "auto": "auto"}


class LinearSVC(SparseCoefMixin, LinearClassifierMixin, ClassifierMixin, Classes):
    """A linear support vector machine for many rows: see `pellucid.svm.LinearSVC`.

    Args:
        penalty: "l2".
        loss: "squared_hinge" or "hinge".
        dual: True solves the dual by coordinate descent, False the primal by Newton's method,
            "auto" chooses by the shape of X. The optimum is the same.
        tol: the relative gap between primal and dual objective that is left.
        C: the price of slack, above 0.
        multi_class: "ovr", each class against the rest.
        fit_intercept: whether there is an intercept.
        intercept_scaling: the larger it is, the less the intercept is penalised.
        class_weight: {class: weight}, "balanced" or None; scales C.
        verbose: 0 silent, else a line a second with the gap.
        random_state: draws the order of the coordinates.
        max_iter: sweeps, or Newton's steps, that each problem may take.

    Attributes:
        classes_: the labels, sorted.
        coef_: (1, d) for two classes, else (classes, d); intercept_: one for each row of coef_.
        n_iter_: the most steps of all problems.
        certificate_: what was proved of the fit; for several classes `Certificates`, one for
            each row of coef_.
    """

    _takes_sparse = True

    def __init__(
        self,
        penalty: str = "l2",
        loss: str = "squared_hinge",
        *,
        dual: bool | str = "auto",
        tol: float = 1e-4,
        C: float = 1.0,
        multi_class: str = "ovr",
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: Any = None,
        verbose: int = 0,
        random_state: Any = None,
        max_iter: int = 1000,
    ):
        self.penalty = penalty
        self.loss = loss
        self.dual = dual
        self.tol = tol
        self.C = C
        self.multi_class = multi_class
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.verbose = verbose
        self.random_state = random_state
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LinearSVC:
        """Finds the hyperplanes for these rows.

        Args:
            X: (n, d) numbers; sparse ones are made dense as a whole.
            y: (n,) labels of two classes or more.
            sample_weight: (n,) weights, which scale C; rows without one above 0 are left out.

        Raises:
            ParameterError: for a parameter outside of what it may be.
            DataError: where the rows that count have one class.
        """
        with self._parameters():
            self._check()
            table = self._table(X, y, sample_weight)
            codes = self._codes(table)
            machine = svm.LinearSVC(
                loss=self.loss,
                C=self.C,
                tol=self.tol,
                fit_intercept=bool(self.fit_intercept),
                intercept_scaling=self.intercept_scaling,
                class_weight=self._factors(codes, table.weights),
                solver=_SOLVERS[self.dual],
                max_iter=self.max_iter,
                seed=self._seed(),
                threads=allowed_threads(),
                verbose=min(self._verbosity(), 2),
            )
            machine._names = self.classes_
            rows = distinct(table.x, codes, table.weights)
            x = table.x[rows.first]
            if is_sparse(x):
                x = SparseTable(SparseRows.of(x, self._where)).dense(x.dtype, self._where)
            convergence(machine.fit, x, codes[rows.first], sample_weight=rows.weights)
        self.coef_ = machine.coef
        self.intercept_ = machine.intercept if self.fit_intercept else 0.0
        self.n_iter_ = int(machine.n_iter.max())
        self.certificate_ = machine.certificate.repeated(rows.of)
        return self

    def _check(self) -> None:
        where = self._where
        if not isinstance(self.penalty, str) or self.penalty != "l2":
            raise ArgumentError(
                where,
                f"penalty must be 'l2', which keeps ‖w‖ small, got {self.penalty!r}",
                "For ‖w‖₁ take sklearn.svm.LinearSVC(penalty='l1', dual=False).",
            )
        if not isinstance(self.multi_class, str) or self.multi_class != "ovr":
            raise ArgumentError(
                where,
                f"multi_class must be 'ovr', each class against the rest, got {self.multi_class!r}",
                "For all classes in one problem take sklearn.svm.LinearSVC.",
            )
        self._flags("fit_intercept")
        if not (isinstance(self.dual, (bool, str)) and self.dual in _SOLVERS):
            raise ArgumentError(where, f"dual must be True, False or 'auto', got {self.dual!r}")
        integer(where, "max_iter", self.max_iter, 1)
