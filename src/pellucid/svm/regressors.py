"""SVR, NuSVR and OneClassSVM: machines without classes.

In: rows, and numbers for the first two. Out: a fitted machine with its support vectors and its
certificate.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from pellucid.core.arguments import checked, real
from pellucid.data.arrays import Array
from pellucid.svm import problem, proofs, targets
from pellucid.svm.arguments import price
from pellucid.svm.certificate import Certificate
from pellucid.svm.expansion import Expansion
from pellucid.svm.files import savable
from pellucid.svm.machine import Machine

_NO_CLASSES = "It has no classes: SVC and LinearSVC can be calibrated."
_NEW = "Write (machine.predict(x) == 1).mean(), the share of rows inside."
_R2 = "Write 1 - ((y - machine.predict(x)) ** 2).sum() / ((y - y.mean()) ** 2).sum()."


class _Regressor(Machine):
    """What SVR and NuSVR share."""

    C: float
    epsilon: float

    _ELSEWHERE: ClassVar[dict[str, str]] = {
        "score": _R2,
        "predict_proba": _NO_CLASSES,
        "predict_log_proba": _NO_CLASSES,
        "decision_function": "Here it is called 'predict'.",
    }

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> Self:
        """Finds the machine for these rows.

        Args:
            x: (N, D) numbers; (N, N) kernels with kernel="precomputed".
            y: (N,) numbers.
            sample_weight: (N,) weights ≥ 0, which scale C; rows of weight 0 are left out.

        Returns:
            The machine itself.
        """
        where = f"{self._name}.fit"
        rows = self._rows(x, where)
        numbers = targets.as_numbers(y, len(rows), where)
        weights = targets.row_weights(sample_weight, len(rows), where)
        order = np.arange(len(rows)) if weights is None else np.flatnonzero(weights)
        bounds = np.ones(len(order)) if weights is None else weights[order]
        bounds = targets.bounds_of(self.C, bounds, where)
        middle, centred = targets.centred(numbers[order], bounds, where)
        data = self._data(rows, order, weights, where)
        one = self._problem(centred, bounds)
        solved = self._solve(data, [one], where)
        solved.coefficients[0] = one.beta
        intercept, self.epsilon = self._levels(one)
        solved.intercepts[0] = middle + intercept
        self._keep(solved)
        return self

    def _problem(self, targets: Array, bounds: Array) -> problem.Problem:
        raise NotImplementedError

    def _levels(self, one: problem.Problem) -> tuple[float, float]:
        """The intercept for the targets of the problem, and ε."""
        raise NotImplementedError

    def _total(self, one: problem.Problem) -> float | None:
        """What Σ (α + α*) must be; None where it is free."""
        return None

    def _proof(self, number: int, one: problem.Problem, sums: Array) -> Certificate:
        intercept, epsilon = self._levels(one)
        return proofs.regression(
            self._name,
            sums,
            one.beta,
            one.z,
            one.bounds,
            intercept,
            self.tol,
            epsilon,
            self._total(one),
        )

    def predict(self, x: Any) -> Array:
        """Σ_s (α_s - α*_s) k(x_s, x) + intercept of each row, float64 (N,)."""
        return self._decide(x, f"{self._name}.predict")[:, 0]


@savable
class SVR(_Regressor):
    """A support vector machine for numbers: errors below ε cost nothing, others cost C each.

    min ½|w|² + C Σ w_n (ξ_n + ξ*_n) with -ε - ξ*_n ≤ y_n - f(x_n) ≤ ε + ξ_n.

    Args:
        C: the price of errors, above 0; epsilon: the error that is free, ≥ 0.

    The other arguments and the attributes are those of `SVC`; dual_coef is (1, S), α - α*.

    Source: Vapnik, The Nature of Statistical Learning Theory, 1995.
    """

    @checked
    def __init__(
        self,
        kernel: Any = "rbf",
        *,
        C: float = 1.0,
        epsilon: float = 0.1,
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        tol: float = 1e-3,
        cache_size: float = 200,
        max_iter: int | None = None,
        threads: int | None = None,
        verbose: int = 0,
    ):
        super().__init__(
            kernel=kernel,
            gamma=gamma,
            degree=degree,
            coef0=coef0,
            tol=tol,
            cache_size=cache_size,
            max_iter=max_iter,
            threads=threads,
            verbose=verbose,
        )
        self.C = price(self._name, C)
        self.epsilon = real(self._name, "epsilon", epsilon, 0)

    def _problem(self, targets: Array, bounds: Array) -> problem.Problem:
        return problem.regression(targets, bounds, self.epsilon)

    def _levels(self, one: problem.Problem) -> tuple[float, float]:
        return -one.multiplier(), self.epsilon


@savable
class NuSVR(_Regressor):
    """A machine for numbers whose ν takes the place of ε: it bounds the rows outside the tube.

    Args:
        nu: in (0, 1]: at most this share of the weights lies outside the tube, and at least this
            share are support vectors; C: the price of errors, above 0.

    The other arguments and the attributes are those of `SVR`; `epsilon` is the one it found.

    Source: Schölkopf, Smola, Williamson and Bartlett, New support vector algorithms, 2000.
    """

    _FITTED = (*Machine._FITTED, "epsilon")

    @checked
    def __init__(
        self,
        nu: float = 0.5,
        *,
        C: float = 1.0,
        kernel: Any = "rbf",
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        tol: float = 1e-3,
        cache_size: float = 200,
        max_iter: int | None = None,
        threads: int | None = None,
        verbose: int = 0,
    ):
        super().__init__(
            kernel=kernel,
            gamma=gamma,
            degree=degree,
            coef0=coef0,
            tol=tol,
            cache_size=cache_size,
            max_iter=max_iter,
            threads=threads,
            verbose=verbose,
        )
        self.nu = real(self._name, "nu", nu, 0, 1, open_low=True)
        self.C = price(self._name, C)

    def _problem(self, targets: Array, bounds: Array) -> problem.Problem:
        return problem.nu_regression(targets, bounds, self.nu)

    def _levels(self, one: problem.Problem) -> tuple[float, float]:
        upper, lower = one.multiplier(0), one.multiplier(1)
        return -(upper + lower) / 2, (lower - upper) / 2

    def _total(self, one: problem.Problem) -> float | None:
        return self.nu * float(one.bounds.sum())


@savable
class OneClassSVM(Machine):
    """The region that holds most of the data: what lies outside is new.

    min ½|w|² + Σ w_n ξ_n - ν (Σ w_n) ρ with w·φ(x_n) ≥ ρ - ξ_n.

    Args:
        nu: in (0, 1]: at most this share of the weights is left outside, and at least this share
            are support vectors.

    The other arguments and the attributes are those of `SVC`. `offset` is ρ.

    Source: Schölkopf, Platt, Shawe-Taylor, Smola and Williamson, Estimating the support of a
    high-dimensional distribution, 2001.
    """

    _FITTED = (*Machine._FITTED, "offset")
    _MEANT = "nu"
    _ELSEWHERE: ClassVar[dict[str, str]] = {
        "score": _NEW,
        "predict_proba": _NO_CLASSES,
        "predict_log_proba": _NO_CLASSES,
    }

    @checked
    def __init__(
        self,
        kernel: Any = "rbf",
        *,
        nu: float = 0.5,
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        tol: float = 1e-3,
        cache_size: float = 200,
        max_iter: int | None = None,
        threads: int | None = None,
        verbose: int = 0,
    ):
        super().__init__(
            kernel=kernel,
            gamma=gamma,
            degree=degree,
            coef0=coef0,
            tol=tol,
            cache_size=cache_size,
            max_iter=max_iter,
            threads=threads,
            verbose=verbose,
        )
        self.nu = real(self._name, "nu", nu, 0, 1, open_low=True)

    def fit(self, x: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Finds the region of these rows.

        Args:
            x: (N, D) numbers; (N, N) kernels with kernel="precomputed".
            y: not read; it stands here so that all machines are called alike.
            sample_weight: (N,) weights ≥ 0; rows of weight 0 are left out.

        Returns:
            The machine itself.
        """
        where = f"{self._name}.fit"
        rows = self._rows(x, where)
        weights = targets.row_weights(sample_weight, len(rows), where)
        order = np.arange(len(rows)) if weights is None else np.flatnonzero(weights)
        bounds = np.ones(len(order)) if weights is None else weights[order]
        data = self._data(rows, order, weights, where)
        one = problem.one_class(len(order), bounds, self.nu)
        solved = self._solve(data, [one], where)
        solved.coefficients[0] = one.b
        solved.intercepts[0] = -one.multiplier()
        self._keep(solved)
        return self

    def _adopt(self, expansion: Expansion) -> None:
        super()._adopt(expansion)
        self.offset = -expansion.intercepts

    def _proof(self, number: int, one: problem.Problem, sums: Array) -> Certificate:
        total = self.nu * float(one.bounds.sum())
        offset = float(self.offset[0])
        return proofs.one_class("OneClassSVM", sums, one.b, one.bounds, offset, self.tol, total)

    def score_samples(self, x: Any) -> Array:
        """Σ_s α_s k(x_s, x) of each row, float64 (N,)."""
        return self.decision_function(x) + self.offset

    def decision_function(self, x: Any) -> Array:
        """`score_samples` less ρ: positive inside, float64 (N,)."""
        return self._decide(x, f"{self._name}.decision_function")[:, 0]

    def predict(self, x: Any) -> Array:
        """1 for rows inside or on the border, -1 for rows outside, (N,)."""
        decisions = self._decide(x, f"{self._name}.predict")[:, 0]
        return np.where(decisions >= 0, 1, -1)
