"""Rosenblatt's perceptron as an estimator: `loss="perceptron"` on rows one by one.

In: the parameters of scikit-learn's Perceptron. Out: an estimator; each class against the rest is
a `Sequential` of one unit.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model._base import LinearClassifierMixin, SparseCoefMixin
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed

from pellucid.core.arguments import choice, integer, real
from pellucid.core.errors import ShapeError
from pellucid.models import Sequential
from pellucid.nn import L2, Dense, ElasticNet
from pellucid.nn.regularizers import Regularizer
from pellucid.optim import SGD
from pellucid.sklearn.base import Array, Classes
from pellucid.sklearn.distinct import distinct
from pellucid.train.callback import Callback, Run

Floats = NDArray[np.float64]


class _Rest(Callback):
    """Ends a run whose measure has not become better by `tol` for `patience` epochs in a row.

    `gained` is how much better the last epoch is than the best before it; inf after the first.

    Args:
        tol: None never ends it.
        held: rows, signs and weights that are held back; the measure is then the share of them
            that is on its side. Without them it is the epoch's objective.
    """

    every_step = False

    def __init__(
        self,
        model: Sequential,
        tol: float | None,
        patience: int,
        held: tuple[Array, Array, Array] | None,
    ):
        self.model, self.tol, self.patience, self.held = model, tol, patience, held
        self.best, self.gained, self.waited, self.epochs = -np.inf, np.inf, 0, 0

    @property
    def resting(self) -> bool:
        return self.waited >= self.patience

    def on_epoch(self, run: Run) -> None:
        self.epochs += 1
        value = -run.logs["loss"] if self.held is None else self._score(run)
        self.gained = value - self.best
        worse = self.tol is not None and value < self.best + self.tol
        self.waited = self.waited + 1 if worse else 0
        self.best = max(self.best, value)
        run.stop = run.stop or self.resting

    def _score(self, run: Run) -> float:
        assert self.held is not None
        x, signs, weights = self.held
        run.publish()
        found = np.where(self.model.predict(x)[:, 0] > 0, 1, -1)
        return float(weights @ (found == signs) / weights.sum())


def _no_early_stopping(self: Any) -> bool:
    """Whether `partial_fit` can be called: a part of the data has nothing to hold back."""
    return not self.early_stopping


class Perceptron(SparseCoefMixin, LinearClassifierMixin, ClassifierMixin, Classes):
    """A linear classifier that moves at mistakes: w ← w + η·t·x where t·(wᵀx + b) ≤ 0.

    Several classes are each trained against the rest. With `shuffle=True` the result does not
    depend on the order of the rows, and equal rows are one row with the sum of their weights: a
    weight of k is the row k times. With `shuffle=False` rows are visited in the order given.

    Args:
        penalty: None, "l2" (α/2)·‖w‖², "l1" α·‖w‖₁ by its proximal step, or "elasticnet".
        alpha: α ≥ 0.
        l1_ratio: the part of ‖w‖₁ in "elasticnet", in [0, 1].
        fit_intercept: whether there is b.
        max_iter: the most passes over the rows of a `fit`.
        tol: a pass that lowers the mean objective by less than this counts as no progress; None
            makes all passes.
        shuffle: whether each pass has an order of its own.
        verbose: 0 silent, 1 a bar, 2 a line for each pass.
        eta0: η > 0.
        n_jobs: how many classes are trained at once, as in joblib.
        random_state: draws the orders.
        early_stopping: whether progress is measured on rows that are held back.
        validation_fraction: their part, in (0, 1).
        n_iter_no_change: passes without progress that end a run.
        class_weight: {class: weight}, "balanced" or None: what an update of a row of the class is
            multiplied by. Among several classes it is that of the class which is trained; the rest
            has 1.
        warm_start: whether `fit` goes on from the weights that there are.

    Attributes:
        classes_: the labels, sorted.
        coef_: w, (1, d) for two classes, else (classes, d).
        intercept_: b, one for each row of coef_.
        n_iter_: passes; the most of all classes.
        t_: updates so far, and 1.

    Source: Rosenblatt, Psychological Review 65 (1958), 386-408.
    """

    _takes_sparse = True

    def __init__(
        self,
        *,
        penalty: str | None = None,
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: int = 0,
        eta0: float = 1.0,
        n_jobs: int | None = None,
        random_state: Any = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: Any = None,
        warm_start: bool = False,
    ):
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.eta0 = eta0
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start

    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
    ) -> Perceptron:
        """Trains until it rests or `max_iter` passes are made.

        Args:
            X: (n, d) numbers, dense or sparse.
            y: (n,) labels of two classes or more.
            coef_init: w to begin with, as `coef_` is; None begins with 0.
            intercept_init: b to begin with.
            sample_weight: (n,) what the updates of a row are multiplied by.

        Raises:
            ParameterError: for a parameter outside of what it may be.
            DataError: where rows that count have one class.
        """
        with self._parameters():
            self._check()
            table = self._table(X, y, sample_weight)
            codes = self._codes(table)
            if self.warm_start and hasattr(self, "coef_"):
                coef_init = self.coef_ if coef_init is None else coef_init
                intercept_init = self.intercept_ if intercept_init is None else intercept_init
            self._begin(table.x, coef_init, intercept_init)
            self.t_ = 1.0
            ends = self._train(table.x, codes, table.weights, self.max_iter)
        moving = [one for one in ends if not one.resting]
        if self.tol is not None and moving:
            self._warn(max(one.gained for one in moving))
        return self

    def _warn(self, gained: float) -> None:
        """Warns that `max_iter` ended a fit.

        Args:
            gained: by the last pass, of the classes the most.
        """
        what = "score on the rows held back" if self.early_stopping else "mean objective"
        last = "it was the first" if gained == np.inf else f"the last changed it by {-gained:.3g}"
        if self.early_stopping and gained < np.inf:
            last = f"the last changed it by {gained:.3g}"
        warnings.warn(
            f"{self._where}: max_iter={self.max_iter} passes were done before "
            f"{self.n_iter_no_change} in a row bettered the {what} by less than tol={self.tol:g}: "
            f"{last}. Allow more passes, or accept a larger tol.",
            ConvergenceWarning,
            stacklevel=3,
        )

    @available_if(_no_early_stopping)
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> Perceptron:
        """One pass over these rows, from the weights that there are.

        Args:
            classes: all labels that will come; the first call needs them.

        Raises:
            DataError: for the labels of another set than in the first call.
        """
        first = not hasattr(self, "classes_")
        with self._parameters():
            self._check()
            table = self._table(X, y, sample_weight, reset=first)
            codes = self._known(table.y, classes, first)
            if first:
                self._begin(table.x, None, None)
                self.t_ = 1.0
            self._train(table.x, codes, table.weights, 1)
        return self

    def _check(self) -> None:
        where = self._where
        if self.penalty is not None:
            choice(where, "penalty", self.penalty, ("l2", "l1", "elasticnet"))
        real(where, "alpha", self.alpha, 0)
        real(where, "l1_ratio", self.l1_ratio, 0, 1)
        self._flags("fit_intercept", "shuffle", "early_stopping", "warm_start")
        integer(where, "max_iter", self.max_iter, 1)
        if self.tol is not None:
            real(where, "tol", self.tol, 0)
        self._verbosity()
        real(where, "eta0", self.eta0, 0, open_low=True)
        if self.n_jobs is not None:
            integer(where, "n_jobs", self.n_jobs, -(2**31))
        fraction = self.validation_fraction
        real(where, "validation_fraction", fraction, 0, 1, open_low=True, open_high=True)
        integer(where, "n_iter_no_change", self.n_iter_no_change, 1)

    def _begin(self, X: Array, coef: Any, intercept: Any) -> None:
        """Sets `coef_` and `intercept_` to what training begins with."""
        count = 1 if len(self.classes_) == 2 else len(self.classes_)
        self.coef_ = self._start("coef_init", coef, (count, X.shape[1]), X.dtype)
        self.intercept_ = self._start("intercept_init", intercept, (count,), X.dtype)

    def _start(self, name: str, value: Any, shape: tuple[int, ...], dtype: Any) -> Array:
        if value is None:
            return np.zeros(shape, dtype)
        given = np.asarray(value, dtype)
        if given.size != np.prod(shape):
            raise ShapeError(self._where, f"{name} must have shape {shape}, got {given.shape}")
        return given.reshape(shape).copy()

    def _train(
        self, X: Array, codes: NDArray[np.intp], weights: Floats, epochs: int
    ) -> list[_Rest]:
        """Trains each class against the rest, and sets `n_iter_`; how each run ended."""
        by_class = self._class_weights(codes, weights)
        self.densify()
        if self.shuffle:
            rows = distinct(X, codes, weights, always=True)
            X, codes, weights = X[rows.first], codes[rows.first], rows.weights
        count = len(self.coef_)
        positive = [1] if count == 1 else range(count)
        seeds = np.random.RandomState(self._seed()).randint(2**31 - 1, size=count)
        held = self._held(codes, int(seeds[0]))
        done = Parallel(n_jobs=self.n_jobs, require="sharedmem")(
            delayed(self._one)(k, c, X, codes, weights, by_class, held, epochs, int(seed))
            for k, (c, seed) in enumerate(zip(positive, seeds, strict=True))
        )
        self.n_iter_ = max(one.epochs for one in done)
        self.t_ += self.n_iter_ * (len(codes) - int(held.sum()))
        return list(done)

    def _held(self, codes: NDArray[np.intp], seed: int) -> NDArray[np.bool_]:
        """The rows that are held back."""
        held = np.zeros(len(codes), bool)
        if self.early_stopping:
            split = StratifiedShuffleSplit(
                n_splits=1, test_size=self.validation_fraction, random_state=seed
            )
            held[next(split.split(np.zeros((len(codes), 1)), codes))[1]] = True
        return held

    def _one(
        self,
        number: int,
        positive: int,
        X: Array,
        codes: NDArray[np.intp],
        weights: Floats,
        by_class: Floats,
        held: NDArray[np.bool_],
        epochs: int,
        seed: int,
    ) -> _Rest:
        """Trains row `number` of `coef_`, for class `positive` against the others."""
        signs = np.where(codes == positive, 1, -1)
        rest = by_class[0] if len(by_class) == 2 else 1.0
        weights = weights * np.where(signs > 0, by_class[positive], rest)
        x, t, w = (array[~held] for array in (X, signs, weights))
        unit = Dense(1, use_bias=bool(self.fit_intercept), input_shape=(X.shape[1],))
        model = Sequential([unit], seed=0, dtype=X.dtype.name)
        start = [self.coef_[number][:, None], self.intercept_[number][None]]
        model.set_weights(start if self.fit_intercept else start[:1])
        model.compile(SGD(float(self.eta0)), "perceptron", regularizer=self._penalties())
        back = (X[held], signs[held], weights[held]) if held.any() else None
        tol = None if self.tol is None else float(self.tol)
        rest_rule = _Rest(model, tol, int(self.n_iter_no_change), back)
        self._passes(model, x, t, w, epochs, seed, [rest_rule])
        found = model.get_weights()
        self.coef_[number] = found[0][:, 0]
        if self.fit_intercept:
            self.intercept_[number] = found[1][0]
        return rest_rule

    def _passes(
        self,
        model: Sequential,
        x: Array,
        signs: Array,
        weights: Array,
        epochs: int,
        seed: int,
        callbacks: Sequence[_Rest],
    ) -> None:
        model.fit(
            x,
            signs,
            sample_weight=weights,
            epochs=epochs,
            batch_size=1,
            shuffle=bool(self.shuffle),
            seed=seed,
            verbose=min(self._verbosity(), 2),
            callbacks=callbacks,
            threads=1,
            history_points=0,
        )

    def _penalties(self) -> list[Regularizer]:
        alpha = float(self.alpha)
        if self.penalty is None:
            return []
        if self.penalty == "l2":
            return [L2(alpha)]
        ratio = 1.0 if self.penalty == "l1" else float(self.l1_ratio)
        return [ElasticNet(alpha, ratio, proximal=True)]
