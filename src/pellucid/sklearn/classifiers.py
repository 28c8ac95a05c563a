"""SVC and NuSVC as estimators."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from pellucid import svm
from pellucid.core.arguments import choice
from pellucid.sklearn.base import Array, Classes, ParameterError, logarithms
from pellucid.sklearn.kernel_machines import KernelMachine
from pellucid.svm.classes import scores


def _with_probabilities(self: Any) -> bool:
    """Whether there is a `predict_proba`."""
    if self.probability == "deprecated" or not self.probability:
        raise AttributeError("predict_proba is there with probability=True alone")
    return True


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
            self._flags("break_ties", "shrinking")
            choice(
                self._where, "decision_function_shape", self.decision_function_shape, ("ovr", "ovo")
            )
            table = self._training(X, y, sample_weight)
            codes = self._codes(table)
            machine = self._made(class_weight=self._factors(codes, table.weights))
            self._solve(machine, table, codes)
            self.n_iter_ = machine.n_iter.astype(np.int32)
            self._calibrate(X, y, sample_weight)
        return self

    def _calibrate(self, X: Any, y: Any, sample_weight: Any) -> None:
        """With probability=True: Platt's sigmoid on answers of folds, as scikit-learn advises."""
        if self.probability == "deprecated":
            return
        self._flags("probability")
        warnings.warn(
            f"The probability parameter is deprecated, in scikit-learn since 1.9: use "
            f"CalibratedClassifierCV({self._where}(), ensemble=False).",
            FutureWarning,
            stacklevel=3,
        )
        if not self.probability:
            return
        plain = clone(self).set_params(probability="deprecated")
        least = int(np.unique(y, return_counts=True)[1].min())
        every = np.arange(len(y))
        cv: Any = [(every, every)]  # where a class has one row, there are no folds
        if least > 1:
            cv = StratifiedKFold(min(5, least), shuffle=True, random_state=self._seed())
        self._calibrated = CalibratedClassifierCV(plain, ensemble=False, cv=cv)
        self._calibrated.fit(X, y, sample_weight)

    @available_if(_with_probabilities)
    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (n, K); with `probability=True`."""
        check_is_fitted(self)
        if not hasattr(self, "_calibrated"):
            raise NotFittedError(
                f"{self._where} was fitted with probability=False: fit it again for predict_proba."
            )
        found: Array = self._calibrated.predict_proba(X)
        return found

    @available_if(_with_probabilities)
    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        return logarithms(self.predict_proba(X))

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
        check_is_fitted(self)
        if self.break_ties and self.decision_function_shape == "ovo":
            raise ParameterError(
                self._where,
                "break_ties must be False with decision_function_shape='ovo', got True",
            )
        x = self._asked(X)
        if self.break_ties and len(self.classes_) > 2:
            numbers = scores(self._fitted.decision_function(x), len(self.classes_)).argmax(axis=1)
        else:
            numbers = self._fitted.predict(x)
        labels: Array = self.classes_[numbers]
        return labels


class SVC(_Classifier):
    """A support vector machine for classes: see `pellucid.svm.SVC`."""

    _machine = svm.SVC
    _own: ClassVar[tuple[str, ...]] = ("C", "tol", "cache_size")
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
    _own: ClassVar[tuple[str, ...]] = ("nu", "tol", "cache_size")
    _fixed: ClassVar[dict[str, str]] = {"decision_function_shape": "ovo", "infeasible_nu": "clip"}

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
