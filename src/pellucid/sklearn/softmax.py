"""SoftmaxRegression: logistic regression for any number of classes, by the library's minimizers.

In: scikit-learn's arguments of LogisticRegression. Out: an estimator over one dense layer.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model._base import LinearClassifierMixin

from pellucid.core.arguments import choice, integer, real
from pellucid.nn import L2, Dense
from pellucid.nn.layer import Layer
from pellucid.nn.losses import BinaryCrossEntropy, CrossEntropy, Loss
from pellucid.nn.regularizers import Regularizer
from pellucid.optim import LBFGS, Newton, Optimizer
from pellucid.sklearn.base import Array, Classes, logarithms
from pellucid.sklearn.following import Descent
from pellucid.sklearn.networks import Network
from pellucid.sklearn.tasks import managed

_FLAT = 64 * np.finfo(np.float64).eps  # what a step must lower the objective by, as a part
_TOLD = math.sqrt(_FLAT)  # a gradient that lowers it by about that, where it curves by 1


class SoftmaxRegression(LinearClassifierMixin, ClassifierMixin, Classes, Network):
    """Multinomial logistic regression: C·Σ wᵢ·lossᵢ + ½‖W‖² at its minimum, offsets not penalised.

    The loss of a row is -ln of the probability of its class, softmax(W·x + b); of two classes the
    sigmoid of one unit, as in scikit-learn's LogisticRegression, whose minimum is the same.

    Args:
        C: the price of the losses, above 0; `math.inf` leaves the penalty out.
        tol: the norm of the gradient, of the objective divided by C·Σwᵢ, that counts as 0.
        fit_intercept: whether there are offsets b.
        class_weight: {class: weight}, "balanced" or None; scales C.
        random_state: takes what scikit-learn's takes; nothing is drawn, since weights start at 0.
        solver: "lbfgs", or "newton" with the whole Hessian: for 2,000 weights at most.
        max_iter: the most steps.
        verbose: prints a line for each step.
        warm_start: whether `fit` begins at the weights that there are.
        dtype: "float32", "float64", or None: that of X.
        threads: at most; None: as many as the process may use, or as OMP_NUM_THREADS says.

    Attributes:
        classes_: the labels, sorted.
        coef_: (1, d) for two classes, else (K, d); intercept_: one for each row of it.
        n_iter_: steps; loss_: the objective divided by C·Σwᵢ.
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        class_weight: Any = None,
        random_state: Any = None,
        solver: str = "lbfgs",
        max_iter: int = 100,
        verbose: int | bool = False,
        warm_start: bool = False,
        dtype: Any = None,
        threads: int | None = None,
    ):
        self.C = C
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.dtype = dtype
        self.threads = threads

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Finds the minimum for these rows.

        Args:
            X: (n, d) numbers; sparse ones are made dense as a whole.
            y: (n,) labels of two classes or more.
            sample_weight: (n,) weights of the losses; rows without one above 0 are left out.

        Raises:
            ParameterError: for a parameter outside of what it may be.
            DataError: where the rows that count have one class.
        """
        with managed(self), self._parameters():
            self._check()
            before = getattr(self, "classes_", None)
            table = self._table(X, y, sample_weight)
            codes = self._codes(table)
            weights = table.weights * self._class_weights(codes, table.weights)[codes]
            rows, loss = float(weights.sum()), self._loss()
            fits = before is not None and np.array_equal(before, self.classes_)
            fits = fits and self.coef_.shape[1] == table.x.shape[1]
            if (
                self.warm_start
                and fits
                and str(self._network.dtype) == self._plain_dtype(table.x).name
            ):
                self._adjust(loss, rows)
            else:
                self._make(table.x.shape[1], self._plain_dtype(table.x), loss, rows)
            self._network.forget_training()
            self.n_iter_, self.t_, self.loss_ = 0, 0, math.inf
            steps = int(self.max_iter)
            tasks = self._tasks(X, y, sample_weight, lambda: dict(vars(self)), steps)
            follower = Descent(self, len(codes), 0.0, tasks, tol=float(self.tol), flat=_FLAT)
            self._train(
                table.x,
                codes,
                weights,
                follower,
                epochs=steps,
                batch_size="all",
                seed=0,
                threads=self.threads,
            )
            tasks.close()
            if not follower.rested and self.n_iter_ >= steps:
                self._late("max_iter", steps, "steps", 3)
            elif follower.slope > max(float(self.tol), _TOLD):
                warnings.warn(
                    f"{self._where} stopped after {self.n_iter_} steps, since rounding lets none "
                    f"lower the objective, with a gradient of norm {follower.slope:.3g}, above "
                    f"tol={float(self.tol):g}. Scale the columns, such as (X - X.mean(0)) / "
                    "X.std(0), or choose dtype='float64' or a larger tol.",
                    ConvergenceWarning,
                    stacklevel=2,
                )
        return self

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (n, K)."""
        x = self._rows(X)
        found: Array = self._network.predict_proba(x)
        return found if found.shape[1] > 1 else np.hstack([1 - found, found])

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        return logarithms(self.predict_proba(X))

    def decision_function(self, X: Any) -> Array:
        """The logits: (n,) for two classes, those of the second; else (n, K)."""
        x = self._rows(X)
        found: Array = self._network.predict(x)
        return found.ravel() if found.shape[1] == 1 else found

    @property
    def coef_(self) -> Array:
        """W, a row for each logit."""
        return self.coefs_[0].T

    @property
    def intercept_(self) -> Array:
        """b, one for each logit; zeros without fit_intercept."""
        (kernel,) = self.coefs_
        return self.intercepts_[0] if self.fit_intercept else np.zeros(kernel.shape[1])

    # -- the model ----------------------------------------------------------------------------

    def _check(self) -> None:
        where = self._where
        if not (isinstance(self.C, float) and math.isinf(self.C) and self.C > 0):
            real(where, "C", self.C, 0, open_low=True)
        real(where, "tol", self.tol, 0)
        self._flags("fit_intercept", "warm_start")
        choice(where, "solver", self.solver, ("lbfgs", "newton"))
        integer(where, "max_iter", self.max_iter, 1)
        self._verbosity()
        self._check_threads()

    def _layers(self, features: int) -> list[Layer]:
        units = 1 if len(self.classes_) == 2 else len(self.classes_)
        bias = bool(self.fit_intercept)
        return [Dense(units, use_bias=bias, kernel_initializer="zeros", input_shape=(features,))]

    def _optimizer(self) -> Optimizer:
        return LBFGS() if self.solver == "lbfgs" else Newton()

    def _penalties(self, rows: float) -> list[Regularizer]:
        return [L2(1 / (float(self.C) * rows))]

    def _loss(self) -> Loss:
        return BinaryCrossEntropy() if len(self.classes_) == 2 else CrossEntropy()
