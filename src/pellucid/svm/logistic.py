"""Kernel logistic regression: probabilities, at the price of all training points at prediction.

In: data of two classes or more, and a kernel. Out: a function in the kernel's space for each class
whose softmax, or sigmoid for two, gives the probabilities.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from pellucid.core.arguments import checked, flag
from pellucid.core.config import from_config
from pellucid.data.arrays import Array
from pellucid.runtime.threads import check as check_threads
from pellucid.svm.arguments import price
from pellucid.svm.certificate import Gap
from pellucid.svm.expansion import Expansion
from pellucid.svm.files import savable
from pellucid.svm.logistic_problem import LogisticProblem, State, minimized
from pellucid.svm.machine import Machine
from pellucid.svm.notices import reached
from pellucid.svm.sources import MatrixSource
from pellucid.svm.targets import bounds_of, check_class_weight, check_objective, labelled

_STEPS = 100


@dataclass(frozen=True)
class LogisticCertificate(Gap):
    """What was proved of a fit: no function has an objective below `dual`.

    Attributes:
        rows, classes: how many.
        norm: √(Σ ‖f_k‖²) in the kernel's space. loss: Σ Cₙ·ℓ, in nats.
        primal: ½ norm² + loss. dual: Σ Cₙ·H(pₙ) - ½ norm² of the coefficients C(t - p), with the
            entropy H, which is the dual objective where their sums are 0; gap: primal - dual.
        balance: the largest sum |Σ βₙ| of a class, in units of the largest C.
        positive: whether the kernel is positive on the rows, as far as was seen; where it is not,
            nothing is proved, and norm and gap are NaN.
    """

    rows: int
    classes: int
    norm: float
    loss: float
    primal: float
    dual: float
    balance: float
    positive: bool = True

    def numbers(self) -> dict[str, Any]:
        """All that it says, for a file."""
        return asdict(self)

    def repeated(self, of: Array) -> LogisticCertificate:
        """The same for the rows that the rows of the fit stood for: see `Certificate.repeated`."""
        return replace(self, rows=len(of))

    def __str__(self) -> str:
        head = f"{self.rows:,} rows of {self.classes} classes, all kept: "
        if not self.positive:
            return f"{head}the kernel is not positive on these rows, so nothing is proved"
        return (
            f"{head}primal {self.primal:.9g}, dual {self.dual:.9g}, gap {self.relative_gap:.1e} of "
            f"the objective, norm {self.norm:.6g}"
        )


@savable
class KernelLogisticRegression(Machine):
    """Logistic regression in the space of a kernel.

        min ½ Σ_k ‖f_k‖² + C Σ wₙ·ℓₙ,  f_k = Σ_s β_sk k(x_s, ·) + b_k

    with ℓ = ln(1 + e^{-t f(x)}) for two classes, t in {-1, 1}, else ln Σ_k e^{f_k(x)} - f_y(x). No
    β is 0: unlike a support vector machine it needs all training points at prediction.

    Args:
        kernel, gamma, degree, coef0, class_weight, threads, verbose: as of `SVC`.
        C: the price of the losses, above 0.
        fit_intercept: whether there are b_k, which are not penalised.
        tol: what is left to gain, as a part of the objective, by Newton's own estimate.
        max_iter: Newton's steps.

    The kernel matrix is held as a whole: 8·N² bytes, and its copy in the dtype of x for a moment.

    Attributes, after fit:
        classes: (K,). support_vectors: the rows of x with a weight; support: their numbers.
        dual_coef: β: (1, S) for two classes, else (K, S). intercept: b, one a row of dual_coef.
        n_iter: steps, one a row of dual_coef; converged. certificate: see `LogisticCertificate`.

    Example:
        >>> import numpy as np
        >>> x, y = np.array([[0.0], [1.0], [3.0], [4.0]]), [0, 0, 1, 1]
        >>> machine = KernelLogisticRegression("rbf", gamma=0.5).fit(x, y)
        >>> machine.predict([[1.5], [2.5]]), len(machine.support)
        (array([0, 1]), 4)

    Source: Zhu and Hastie, Journal of Computational and Graphical Statistics 14 (2005), 185-205.
    """

    _FITTED = (*Machine._FITTED, "classes")
    __pellucid_margin__ = False

    @checked
    def __init__(
        self,
        kernel: Any = "rbf",
        *,
        C: float = 1.0,
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        tol: float = 1e-16,
        max_iter: int = _STEPS,
        threads: int | None = None,
        verbose: int = 0,
    ):
        super().__init__(
            kernel=kernel,
            gamma=gamma,
            degree=degree,
            coef0=coef0,
            tol=tol,
            cache_size=200,
            max_iter=max_iter,
            threads=threads,
            verbose=verbose,
        )
        self.C = price(self._name, C)
        flag(self._name, "fit_intercept", fit_intercept)
        check_class_weight(self._name, class_weight)
        self.fit_intercept, self.class_weight = fit_intercept, class_weight

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> Self:
        """Finds the functions for these rows.

        Args:
            x: (N, D) numbers; (N, N) kernels with kernel="precomputed".
            y: (N,) two classes or more: whole numbers or names.
            sample_weight: (N,) weights ≥ 0, which scale C; rows of weight 0 are left out.

        Returns:
            The machine itself.
        """
        where = f"{self._name}.fit"
        rows = self._rows(x, where)
        given = labelled(y, sample_weight, self.class_weight, len(rows), where, self._names)
        labels, numbers, weights, _ = given
        bounds = given.products
        order = np.flatnonzero(bounds)
        data = self._data(rows, order, weights, where)
        threads = check_threads(where, self.threads)
        matrix = np.ascontiguousarray(data.source.whole(threads), np.float64)
        hot = (numbers[order, None] == np.arange(len(labels))).astype(np.float64)
        targets = hot if len(labels) > 2 else 2 * hot[:, 1:] - 1
        bounds = bounds_of(self.C, bounds[order], where)
        problem = LogisticProblem(matrix, targets, bounds, self.fit_intercept, threads)
        assert self.max_iter is not None
        with np.errstate(all="ignore"):  # what is not finite is refused below
            found, steps, left = minimized(problem, self.tol, self.max_iter, self._told)
            proof = _certified(found, bounds, problem.matrix, data.positive)
        check_objective(where, proof.primal, proof.dual, left)
        self.n_iter = np.full(targets.shape[1], steps)
        what = "what is left to gain, in units of the objective,"
        self.converged = reached(where, what, self.tol, self.max_iter, [(steps, left)])
        self.classes, self._support_class = labels, numbers[order]
        vectors = None if isinstance(data.source, MatrixSource) else data.source.x
        self._width = self._given if vectors is None else vectors.shape[1]
        beta = np.ascontiguousarray(found.beta.T)
        self._adopt(Expansion(self._kernel, vectors, order, beta, found.b))
        self._certificate: Any = proof
        return self

    def _told(self, step: int, left: float) -> None:
        if self.verbose:
            print(f"{self._name} - {step} steps - {left:.2e} of the objective to gain", flush=True)

    def _problems(self, classes: int) -> int:
        return 1 if classes == 2 else classes

    @staticmethod
    def _proof_of(described: Any, count: int) -> LogisticCertificate:
        """The certificate from what a file says of it."""
        (one,) = described
        return LogisticCertificate(**{key: from_config(value) for key, value in one.items()})

    @property
    def certificate(self) -> Any:
        """The proof of the fit."""
        if "_certificate" not in self.__dict__:
            self.__getattr__("support")
        return self._certificate

    def decision_function(self, x: Any) -> Array:
        """f(x): (N,) for two classes, the log-odds of the second; else (N, K) logits."""
        decisions = self._decide(x, f"{self._name}.decision_function")
        return decisions[:, 0] if len(self.classes) == 2 else decisions

    def predict_proba(self, x: Any) -> Array:
        """The probability of each class, (N, K)."""
        f = self._decide(x, f"{self._name}.predict_proba")
        logits = np.hstack([np.zeros_like(f), f]) if len(self.classes) == 2 else f
        logits = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(logits / logits.sum(axis=1, keepdims=True))

    def predict(self, x: Any) -> Array:
        """The most probable class of each row, (N,)."""
        f = self._decide(x, f"{self._name}.predict")
        chosen = f[:, 0] > 0 if len(self.classes) == 2 else f.argmax(axis=1)
        return np.asarray(self.classes[chosen.astype(np.int64)])


def _certified(at: State, bounds: Array, matrix: Array, positive: bool) -> LogisticCertificate:
    f, dual = at.sums + at.b, -at.e  # C(t - p), at the optimum the coefficients
    if f.shape[1] == 1:
        z = np.abs(f[:, 0])
        entropy = np.log1p(np.exp(-z)) + z * np.exp(-z) / (1 + np.exp(-z))
    else:
        top = f - f.max(axis=1, keepdims=True)
        logs = top - np.log(np.exp(top).sum(axis=1, keepdims=True))
        entropy = -(np.exp(logs) * logs).sum(axis=1)
    return LogisticCertificate(
        rows=len(f),
        classes=max(2, f.shape[1]),
        norm=float(np.sqrt(max(at.norm, 0.0))) if positive else math.nan,
        loss=at.loss,
        primal=at.objective,
        dual=float(bounds @ entropy - (dual * (matrix @ dual)).sum() / 2),
        balance=float(np.abs(dual.sum(axis=0)).max() / bounds.max()),
        positive=positive,
    )
