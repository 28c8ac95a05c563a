"""SVR, NuSVR and OneClassSVM as estimators."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import OutlierMixin, RegressorMixin

from pellucid import svm
from pellucid.sklearn.base import NO_TARGET, Array
from pellucid.sklearn.kernel_machines import KernelMachine


class _Regressor(RegressorMixin, KernelMachine):
    """What SVR and NuSVR share."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Finds the machine for these rows.

        Args:
            X: (n, d) numbers; (n, n) kernel values with kernel="precomputed"; with a function
                whatever that function takes.
            y: (n,) numbers.
            sample_weight: (n,) weights, which scale C; rows without one above 0 are left out.

        Raises:
            ParameterError: for a parameter outside of what it may be.
        """
        with self._parameters():
            self._flags("shrinking")
            machine = self._made()
            table = self._training(X, y, sample_weight, numeric=True)
            self._solve(machine, table, np.asarray(table.y, np.float64))
            self.n_iter_ = int(machine.n_iter[0])
        return self

    def predict(self, X: Any) -> Array:
        """The number that is expected for each row, (n,)."""
        x = self._asked(X)
        found: Array = self._fitted.predict(x)
        return found


class SVR(_Regressor):
    """A support vector machine for numbers: see `pellucid.svm.SVR`."""

    _machine = svm.SVR
    _own: ClassVar[tuple[str, ...]] = ("C", "epsilon", "tol", "cache_size")

    def __init__(
        self,
        *,
        kernel: Any = "rbf",
        degree: int = 3,
        gamma: float | str = "scale",
        coef0: float = 0.0,
        tol: float = 1e-3,
        C: float = 1.0,
        epsilon: float = 0.1,
        shrinking: bool = True,
        cache_size: float = 200,
        verbose: int | bool = False,
        max_iter: int = -1,
    ):
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.tol = tol
        self.C = C
        self.epsilon = epsilon
        self.shrinking = shrinking
        self.cache_size = cache_size
        self.verbose = verbose
        self.max_iter = max_iter


class NuSVR(_Regressor):
    """A machine for numbers with ν in place of ε: see `pellucid.svm.NuSVR`."""

    _machine = svm.NuSVR
    _own: ClassVar[tuple[str, ...]] = ("nu", "C", "tol", "cache_size")

    def __init__(
        self,
        *,
        nu: float = 0.5,
        C: float = 1.0,
        kernel: Any = "rbf",
        degree: int = 3,
        gamma: float | str = "scale",
        coef0: float = 0.0,
        shrinking: bool = True,
        tol: float = 1e-3,
        cache_size: float = 200,
        verbose: int | bool = False,
        max_iter: int = -1,
    ):
        self.nu = nu
        self.C = C
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.shrinking = shrinking
        self.tol = tol
        self.cache_size = cache_size
        self.verbose = verbose
        self.max_iter = max_iter


class OneClassSVM(OutlierMixin, KernelMachine):
    """The region of data without labels: see `pellucid.svm.OneClassSVM`."""

    _machine = svm.OneClassSVM
    _own: ClassVar[tuple[str, ...]] = ("nu", "tol", "cache_size")

    def __init__(
        self,
        *,
        kernel: Any = "rbf",
        degree: int = 3,
        gamma: float | str = "scale",
        coef0: float = 0.0,
        tol: float = 1e-3,
        nu: float = 0.5,
        shrinking: bool = True,
        cache_size: float = 200,
        verbose: int | bool = False,
        max_iter: int = -1,
    ):
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.tol = tol
        self.nu = nu
        self.shrinking = shrinking
        self.cache_size = cache_size
        self.verbose = verbose
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> OneClassSVM:
        """Finds the region of these rows.

        Args:
            X: (n, d) numbers; (n, n) kernel values with kernel="precomputed"; with a function
                whatever that function takes.
            y: not read; it stands here so that all estimators are called alike.
            sample_weight: (n,) weights; rows without one above 0 are left out.

        Raises:
            ParameterError: for a parameter outside of what it may be.
        """
        with self._parameters():
            self._flags("shrinking")
            machine = self._made()
            table = self._training(X, NO_TARGET, sample_weight)
            self._solve(machine, table, None)
            self.n_iter_ = int(machine.n_iter[0])
            self.offset_ = -self.intercept_
        return self

    def score_samples(self, X: Any) -> Array:
        """`decision_function` with `offset_` added, (n,)."""
        scores: Array = self.decision_function(X) + self.offset_
        return scores

    def decision_function(self, X: Any) -> Array:
        """Positive inside, negative outside, (n,)."""
        x = self._asked(X)
        found: Array = self._fitted.decision_function(x)
        return found

    def predict(self, X: Any) -> Array:
        """1 for rows inside, -1 for rows outside, (n,)."""
        return np.where(self.decision_function(X) >= 0, 1, -1)
