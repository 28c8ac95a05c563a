"""KernelLogisticRegression as an estimator: a shell over that of `pellucid.svm`."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.base import ClassifierMixin

from pellucid import svm
from pellucid.sklearn.base import Array, Classes, logarithms
from pellucid.sklearn.kernel_machines import KernelMachine


class KernelLogisticRegression(ClassifierMixin, Classes, KernelMachine):
    """Logistic regression in the space of a kernel: see `pellucid.svm.KernelLogisticRegression`.

    scikit-learn has no such class; arguments are named as in its `SVC` and `LogisticRegression`.

    Args:
        C: the price of the losses, above 0.
        kernel, degree, gamma, coef0: as in SVC.
        fit_intercept: whether there are intercepts, which are not penalised.
        tol: what is left to gain, as a part of the objective.
        class_weight: {class: weight}, "balanced" or None; scales C.
        verbose: 0 silent, else a line for each step.
        max_iter: Newton's steps, at most.

    Attributes:
        classes_: the labels, sorted.
        support_, support_vectors_: all rows: none has a coefficient of 0.
        dual_coef_: (1, n) for two classes, else (classes, n); intercept_: one for each row of it.
        n_iter_: steps; fit_status_: 0 where the optimum was reached, 1 where max_iter came first.
        certificate_: what was proved.
    """

    _own: ClassVar[tuple[str, ...]] = ("C", "fit_intercept", "tol")
    _machine = svm.KernelLogisticRegression
    __pellucid_margin__ = False

    def __init__(
        self,
        *,
        C: float = 1.0,
        kernel: Any = "rbf",
        degree: int = 3,
        gamma: float | str = "scale",
        coef0: float = 0.0,
        fit_intercept: bool = True,
        tol: float = 1e-16,
        class_weight: Any = None,
        verbose: int | bool = False,
        max_iter: int = 100,
    ):
        self.C = C
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.class_weight = class_weight
        self.verbose = verbose
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> KernelLogisticRegression:
        """Finds the functions for these rows.

        Args:
            X: (n, d) numbers, dense or sparse; (n, n) kernel values with kernel="precomputed"; with
                a function whatever that function takes.
            y: (n,) labels of two classes or more.
            sample_weight: (n,) weights, which scale C; rows without one above 0 are left out.

        Raises:
            ParameterError: for a parameter outside of what it may be.
            DataError: where the rows that count have one class.
        """
        with self._parameters():
            self._flags("fit_intercept")
            table = self._training(X, y, sample_weight)
            codes = self._codes(table)
            machine = self._made(class_weight=self._factors(codes, table.weights))
            self._solve(machine, table, codes)
            self.n_iter_ = int(machine.n_iter[0])
        return self

    def decision_function(self, X: Any) -> Array:
        """The logits: (n,) for two classes, those of the second; else (n, K)."""
        x = self._asked(X)
        found: Array = self._fitted.decision_function(x)
        return found

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (n, K)."""
        x = self._asked(X)
        found: Array = self._fitted.predict_proba(x)
        return found

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        return logarithms(self.predict_proba(X))

    def predict(self, X: Any) -> Array:
        """The most probable class of each row, (n,)."""
        x = self._asked(X)
        labels: Array = self.classes_[self._fitted.predict(x)]
        return labels
