"""MLPRegressor: a network for numbers over `Sequential`.

In: scikit-learn's arguments, and further ones of ours. Out: an estimator.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

from pellucid.core.errors import ArgumentError, DataError
from pellucid.nn.losses import HalfSquared, Loss, Poisson
from pellucid.nn.losses import loss as loss_of
from pellucid.nn.losses.base import Form
from pellucid.sklearn.base import Array, Table
from pellucid.sklearn.multilayer import MLP, Held, by_gradient
from pellucid.sklearn.networks import Floats
from pellucid.sklearn.tasks import managed


class MLPRegressor(RegressorMixin, MLP):
    """A network for numbers, with scikit-learn's arguments and further ones.

    Args:
        loss: "squared_error" ½Σ(y - t)²; "poisson", half the deviance, with e^z as output for
            targets ≥ 0; or another loss of `pel.nn.losses`, its name, or a function.

    All other arguments and attributes are those of MLPClassifier, classes aside. Of several targets
    `loss_` is the sum, whose gradient is followed; scikit-learn shows their mean.
    """

    _numeric = True

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: int | bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        layers: Any = None,
        dropout: Any = 0.0,
        batch_norm: bool = False,
        optimizer: Any = None,
        metrics: Any = (),
        callbacks: Any = (),
        dtype: Any = None,
        threads: int | None = None,
    ):
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.layers = layers
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.optimizer = optimizer
        self.metrics = metrics
        self.callbacks = callbacks
        self.dtype = dtype
        self.threads = threads

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Any:
        """Trains until there is no more progress, or `max_iter` epochs are made.

        Args:
            X: (n, d) numbers; of sparse ones the rows of each step are made dense.
            y: (n,) or (n, T) numbers.
            sample_weight: (n,) weights of the losses; rows without one above 0 are left out.
            validation_data: (X, y) or (X, y, weights), measured after each epoch.

        Raises:
            ParameterError: for a parameter outside of what it may be.
        """
        with managed(self), self._parameters():
            return self._learn(X, y, sample_weight, validation_data, False)

    @available_if(by_gradient)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None
    ) -> Any:
        """One epoch over these rows: see `MLPClassifier.partial_fit`."""
        with managed(self), self._parameters():
            return self._learn(X, y, sample_weight, validation_data, True)

    def predict(self, X: Any) -> Array:
        """The number that is expected for each row, (n,), or (n, T) for T targets."""
        found = self._expected(self._network_of(X))
        return found.ravel() if self.n_outputs_ == 1 else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    # -- targets ------------------------------------------------------------------------------

    def _network_of(self, X: Any) -> Array:
        x = self._rows(X)
        found: Array = self._network.predict(x)
        return found

    def _expected(self, outputs: Array) -> Array:
        """What outputs of the network let one expect."""
        return np.exp(outputs) if self.out_activation_ == "exp" else outputs

    def _targets(self, table: Table, incremental: bool, classes: Any) -> tuple[Array, Floats]:
        y = np.asarray(table.y, np.float64)
        count = 1 if y.ndim == 1 else y.shape[1]
        goes_on = "_network" in self.__dict__ and (incremental or self.warm_start)
        if goes_on and count != self.n_outputs_:
            raise DataError(
                self._where,
                f"y must have {self.n_outputs_} targets as in the last call, got {count}",
            )
        loss = self._loss()
        if loss.reads not in (Form.VALUES, Form.LOG_RATE) or loss.is_classification:
            raise ArgumentError(
                self._where,
                f"loss must be one of numbers, got {loss.label}, which reads {loss.reads.value}",
                "Use loss='squared_error', or pel.Sequential with this loss.",
            )
        self._outputs = count
        self.out_activation_ = "exp" if loss.reads is Form.LOG_RATE else "identity"
        return y, table.weights

    def _loss(self) -> Loss:
        known = {"squared_error": HalfSquared, "poisson": Poisson}
        if isinstance(self.loss, str) and self.loss in known:
            return known[self.loss]()
        return loss_of(self.loss)

    def _offset(self, y: Array, weights: Floats) -> float:
        if not isinstance(self._loss(), Poisson):
            return 0.0
        logs = np.log(np.where(y > 0, y, 1.0))  # t·ln t - t, where 0·ln 0 is 0
        constant = (y * logs - y).reshape(len(y), -1).sum(axis=1)
        return float(np.average(constant, weights=weights))

    def _quality(self, held: Held) -> float:
        found = self._expected(self._network.predict(held.x))
        if not np.isfinite(found).all():
            return math.nan
        return float(r2_score(held.y, found, sample_weight=held.weights))

    def _validated(self, given: Any) -> Held:
        x, y, weights = self._parts(given)
        table = self._table(x, y, weights, reset=False, numeric=True, several=True)
        y = np.asarray(table.y, np.float64)
        return Held(table.x, y, None if weights is None else table.weights)
