"""SVC and NuSVC as estimators."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin

from pellucid import svm
from pellucid.core.arguments import choice
from pellucid.sklearn.base import Array, Classes, ParameterError
from pellucid.sklearn.kernel_machines import KernelMachine
from pellucid.svm.classes import scores


class _Classifier(ClassifierMixin, Classes, KernelMachine):
    """What SVC and NuSVC share."""

    _by_class = True

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Finds the machine for these rows.

        Args:
            X: (n, d) numbers; (n, n) kernel values with kernel="precomputed"; with a function
                whatever that function takes.
            y: (n,) labels of two classes or more.
            sample_weight: (n,) weights, which scale the bounds; rows without one above 0 are left
                out.

        Raises:
            ParameterError: for a parameter outside of what it may be.
            DataError: where the rows that count have one class.
        """
        with self._parameters():
            self._check()
            table = self._training(X, y, sample_weight)
            codes = self._codes(table)
            self.class_weight_ = by_class = self._class_weights(codes, table.weights)
            machine = self._made(
                class_weight=None if (by_class == 1).all() else dict(enumerate(by_class.tolist()))
            )
            self._solve(machine, table, codes)
            self.n_iter_ = machine.n_iter.astype(np.int32)
        return self

    def _check(self) -> None:
        self._flags("break_ties")
        where, shapes = self._where, ("ovr", "ovo")
        choice(where, "decision_function_shape", self.decision_function_shape, shapes)

    def decision_function(self, X: Any) -> Array:
        """How far each row lies on which side.

        Returns:
            (n,) for two classes, positive for the second one; else (n, K), the votes of the pairs
            with a part below a third that says how sure they are, or with
            decision_function_shape="ovo" the answers of the pairs, (n, K(K - 1)/2).
        """
        decisions = self._decisions(X)
        if len(self.classes_) == 2 or self.decision_function_shape == "ovo":
            return decisions
        return scores(decisions, len(self.classes_))

    def _decisions(self, X: Any) -> Array:
        x = self._asked(X)
        found: Array = self._fitted.decision_function(x)
        return found

    def predict(self, X: Any) -> Array:
        """The class of each row, (n,)."""
        x = self._asked(X)
        if self.break_ties and self.decision_function_shape == "ovo":
            raise ParameterError(
                self._where,
                "break_ties=True must go with decision_function_shape='ovr', got 'ovo'",
            )
        if self.break_ties and len(self.classes_) > 2:
            numbers = scores(self._fitted.decision_function(x), len(self.classes_)).argmax(axis=1)
        else:
            numbers = self._fitted.predict(x)
        labels: Array = self.classes_[numbers]
        return labels


class SVC(_Classifier):
    """A support vector machine for classes: see `pellucid.svm.SVC`."""

    _machine = svm.SVC
    _own: ClassVar[tuple[str, ...]] = ("C",)
    _fixed: ClassVar[dict[str, str]] = {"decision_function_shape": "ovo"}

    def __init__(
        self,
        *,
        C: float = 1.0,
        kernel: Any = "rbf",
        degree: int = 3,
        gamma: float | str = "scale",
        coef0: float = 0.0,
        shrinking: bool = True,
        probability: bool | str = "deprecated",
        tol: float = 1e-3,
        cache_size: float = 200,
        class_weight: Any = None,
        verbose: int | bool = False,
        max_iter: int = -1,
        decision_function_shape: str = "ovr",
        break_ties: bool = False,
        random_state: Any = None,
    ):
        self.C = C
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.shrinking = shrinking
        self.probability = probability
        self.tol = tol
        self.cache_size = cache_size
        self.class_weight = class_weight
        self.verbose = verbose
        self.max_iter = max_iter
        self.decision_function_shape = decision_function_shape
        self.break_ties = break_ties
        self.random_state = random_state


class NuSVC(_Classifier):
    """A machine for classes with ν in place of C: see `pellucid.svm.NuSVC`."""

    _machine = svm.NuSVC
    _own: ClassVar[tuple[str, ...]] = ("nu",)
    _fixed: ClassVar[dict[str, str]] = {"decision_function_shape": "ovo", "infeasible": "lower"}

    def __init__(
        self,
        *,
        nu: float = 0.5,
        kernel: Any = "rbf",
        degree: int = 3,
        gamma: float | str = "scale",
        coef0: float = 0.0,
        shrinking: bool = True,
        probability: bool | str = "deprecated",
        tol: float = 1e-3,
        cache_size: float = 200,
        class_weight: Any = None,
        verbose: int | bool = False,
        max_iter: int = -1,
        decision_function_shape: str = "ovr",
        break_ties: bool = False,
        random_state: Any = None,
    ):
        self.nu = nu
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.shrinking = shrinking
        self.probability = probability
        self.tol = tol
        self.cache_size = cache_size
        self.class_weight = class_weight
        self.verbose = verbose
        self.max_iter = max_iter
        self.decision_function_shape = decision_function_shape
        self.break_ties = break_ties
        self.random_state = random_state
