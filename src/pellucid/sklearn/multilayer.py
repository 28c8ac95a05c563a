"""What MLPClassifier and MLPRegressor share: all but what they predict.

In: scikit-learn's arguments, and further ones of ours. Out: layers, an optimizer, penalties, rows
that are held back, and the stages of `fit` and `partial_fit`.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from pellucid.core.arguments import choice, integer, real
from pellucid.core.errors import ArgumentError, DataError
from pellucid.models.configuration import OPTIMIZERS
from pellucid.nn import L2, Activation, BatchNorm, Dense, Dropout, Uniform
from pellucid.nn.layer import Layer
from pellucid.nn.losses import Loss
from pellucid.nn.regularizers import Regularizer
from pellucid.optim import LBFGS, SGD, Adam, Minimizer, Optimizer
from pellucid.optim.elsewhere import NAMES
from pellucid.sklearn.base import Array, Table
from pellucid.sklearn.following import Descent, Following, Progress
from pellucid.sklearn.networks import Floats, Network

_WORDS = {"identity": "linear", "logistic": "sigmoid"}
_BATCH = 200  # rows of a step, at most, for "auto"
_SOLVERS = ("lbfgs", "sgd", "adam")
_SCHEDULES = ("constant", "invscaling", "adaptive")


def by_gradient(self: Any) -> bool:
    """Whether training takes steps along gradients, so that it can go on with other rows."""
    given = self.optimizer
    if given is None:
        return bool(self.solver != "lbfgs")
    kind = OPTIMIZERS.get(given) if isinstance(given, str) else type(given)
    return not (isinstance(kind, type) and issubclass(kind, Minimizer))


class Held:
    """Rows that are held back: their score says whether there is progress."""

    def __init__(self, x: Any, y: Array, weights: Floats | None):
        self.x, self.y, self.weights = x, y, weights


class MLP(Network):
    """What MLPClassifier and MLPRegressor share."""

    _outputs: int
    _numeric: bool  # whether targets are numbers
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    _best: Any  # weights and state of the best call of partial_fit, with early_stopping

    # -- hooks --------------------------------------------------------------------------------

    def _targets(self, table: Table, incremental: bool, classes: Any) -> tuple[Array, Floats]:
        """Sets what follows from targets; these as the loss takes them, and the weights of rows."""
        raise NotImplementedError

    def _loss(self) -> Loss:
        raise NotImplementedError

    def _strata(self, y: Array) -> Any:
        """What held-out rows are drawn evenly of."""
        return None

    def _quality(self, held: Held) -> float:
        """The score of held-out rows."""
        raise NotImplementedError

    def _offset(self, y: Array, weights: Floats) -> float:
        """What `loss_` has beside the mean of the loss."""
        return 0.0

    def _validated(self, given: Any) -> Held:
        """`validation_data` as `_targets` makes them."""
        raise NotImplementedError

    def _parts(self, given: Any) -> tuple[Any, Any, Any]:
        """`validation_data` as X, y and weights."""
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            raise ArgumentError(
                self._where,
                "validation_data must be (X, y) or (X, y, weights), got something else",
            )
        x, y, weights = (*given, None)[:3]
        return x, y, weights

    # -- arguments ----------------------------------------------------------------------------

    def _check(self) -> None:
        where = self._where
        if self.optimizer is None:
            choice(where, "solver", self.solver, _SOLVERS)
        choice(where, "learning_rate", self.learning_rate, _SCHEDULES)
        real(where, "alpha", self.alpha, 0)
        if self.batch_size != "auto":
            integer(where, "batch_size", self.batch_size, 1)
        real(where, "learning_rate_init", self.learning_rate_init, 0, open_low=True)
        real(where, "power_t", self.power_t, 0)
        for name in ("max_iter", "max_fun"):
            integer(where, name, getattr(self, name), 1)
        if self.n_iter_no_change != math.inf:
            integer(where, "n_iter_no_change", self.n_iter_no_change, 1)
        self._flags("shuffle", "warm_start", "nesterovs_momentum", "early_stopping", "batch_norm")
        real(where, "tol", self.tol, 0)
        self._verbosity()
        for name in ("momentum", "validation_fraction", "beta_1", "beta_2"):
            real(where, name, getattr(self, name), 0, 1, open_high=True)
        real(where, "epsilon", self.epsilon, 0, open_low=True)
        if self.early_stopping and not by_gradient(self):
            warnings.warn(
                f"{where} holds no rows back: early_stopping is for steps along gradients, such as "
                "those of solver='adam'.",
                stacklevel=4,
            )
        self._check_threads()

    def _widths(self) -> list[int]:
        given = self.hidden_layer_sizes
        several = np.iterable(given) and not isinstance(given, str)
        return [
            integer(self._where, "hidden_layer_sizes", one, 1)
            for one in (given if several else [given])
        ]

    def _each(self, name: str, count: int) -> list[Any]:
        """An argument for each hidden layer."""
        given = getattr(self, name)
        if not isinstance(given, (list, tuple)):
            return [given] * count
        if len(given) != count:
            raise ArgumentError(
                self._where,
                f"{name} must have an entry for each of {count} hidden layers, got {len(given)}",
            )
        return list(given)

    def _layers(self, features: int) -> list[Layer]:
        hidden = self._hidden(features)
        inputs = features
        for one in hidden:
            inputs = one.units if isinstance(one, Dense) else inputs
        wide = (
            "sigmoid" if hidden and self.layers is None and self._words()[-1] == "sigmoid" else ""
        )
        last = self._unit(inputs, self._outputs, None, wide)
        if not hidden:
            last = dataclasses.replace(last, input_shape=(features,))
        else:
            hidden[0] = dataclasses.replace(hidden[0], input_shape=(features,))
        return [*hidden, last]

    def _words(self) -> list[Any]:
        return [
            _WORDS.get(one, one) if isinstance(one, str) else one
            for one in self._each("activation", len(self._widths()))
        ]

    def _hidden(self, features: int) -> list[Layer]:
        if self.layers is not None:
            if not isinstance(self.layers, (list, tuple)) or not all(
                isinstance(one, Layer) for one in self.layers
            ):
                raise ArgumentError(
                    self._where,
                    f"layers must be a list of layers, got {self.layers!r}",
                    "Write layers=[Dense(64, 'relu'), Dropout(0.2)].",
                )
            return [dataclasses.replace(one) for one in self.layers]  # with weights of their own
        found: list[Layer] = []
        widths = self._widths()
        for units, word, rate in zip(
            widths, self._words(), self._each("dropout", len(widths)), strict=True
        ):
            found.append(self._unit(features, units, None if self.batch_norm else word, word))
            if self.batch_norm:
                found += [BatchNorm(), Activation(word)]
            if real(self._where, "dropout", rate, 0, 1, open_high=True):
                found.append(Dropout(float(rate)))
            features = units
        return found

    @staticmethod
    def _unit(inputs: int, units: int, activation: Any, word: Any) -> Dense:
        """A dense layer, both W and b uniform as in Glorot and Bengio."""
        bound = Uniform(math.sqrt((2 if word == "sigmoid" else 6) / (inputs + units)))
        return Dense(units, activation, kernel_initializer=bound, bias_initializer=bound)

    def _optimizer(self) -> Optimizer:
        given = self.optimizer
        if isinstance(given, str):
            choice(self._where, "optimizer", given, OPTIMIZERS, NAMES)
            return OPTIMIZERS[given]()
        if given is not None:
            if not isinstance(given, Optimizer):
                raise ArgumentError(
                    self._where, f"optimizer must be one of pel.optim or its name, got {given!r}"
                )
            return given
        rate = float(self.learning_rate_init)
        if self.solver == "adam":
            return Adam(rate, float(self.beta_1), float(self.beta_2), float(self.epsilon))
        if self.solver == "sgd":
            momentum = float(self.momentum)
            return SGD(rate, momentum, bool(self.nesterovs_momentum) and momentum > 0)
        return LBFGS()

    def _penalties(self, rows: float) -> list[Regularizer]:
        return [L2(float(self.alpha) / rows)]

    def _measures(self) -> list[Any]:
        given = self.metrics
        return list(given) if isinstance(given, (list, tuple)) else [given]

    # -- stages of fit ------------------------------------------------------------------------

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation_data: Any,
        incremental: bool,
        classes: Any = None,
    ) -> Any:
        self._check()
        goes_on = "_network" in self.__dict__ and (incremental or bool(self.warm_start))
        first = not goes_on
        table = self._table(X, y, sample_weight, reset=first, several=True, numeric=self._numeric)
        targets, weights = self._targets(table, incremental, classes)
        if not (weights > 0).any():
            raise DataError(
                self._where, "one row must have a weight above 0, got none with class_weight"
            )
        dtype = self._plain_dtype(table.x)
        held = None if validation_data is None else self._validated(validation_data)
        x, t, w, watched = self._split(table.x, targets, weights, held)
        batch = self._batch(len(w))
        # scikit-learn divides alpha by the weight of a step's rows.
        rows = batch * float(w.sum()) / len(w)
        if first:
            self._make(table.x.shape[1], dtype, self._loss(), rows)
            self._begin()
        else:
            self._adjust(self._loss(), rows)
            if not incremental:
                self.n_iter_ = 0
                self.best_loss_ = self.best_loss_ if self.best_loss_ is not None else math.inf
        if incremental and self._rests:
            return self
        epochs = 1 if incremental else int(self.max_iter)
        tasks = self._tasks(X, y, sample_weight, self._as_fitted, epochs)
        follower = self._follower(len(w), self._offset(t, w), tasks, watched, incremental)
        self._train(
            x,
            t,
            w,
            follower,
            epochs=epochs,
            batch_size=batch,
            shuffle=bool(self.shuffle),
            seed=self._order_seed(self._seed()),
            callbacks=self._callbacks(),
            validation_data=None if held is None else _pair(held),
            threads=self.threads,
        )
        tasks.close()
        self._finish(follower, incremental, epochs)
        return self

    def _callbacks(self) -> Sequence[Any]:
        given = self.callbacks
        return list(given) if isinstance(given, (list, tuple)) else [given]

    def _begin(self) -> None:
        """What a run that begins anew has measured."""
        self.n_iter_, self.t_, self.loss_ = 0, 0, math.inf
        self.n_outputs_ = self._outputs
        self.n_layers_ = len(self._dense()) + 1
        self._no_improvement_count, self._rate_scale = 0, 1.0
        self._rests, self._best = False, None
        self.loss_curve_: list[float] = []
        if self.early_stopping:
            self.best_loss_, self.validation_scores_ = None, []
            self.best_validation_score_ = -math.inf
        else:
            self.best_loss_, self.validation_scores_ = math.inf, None
            self.best_validation_score_ = None

    def _split(
        self, x: Any, y: Array, weights: Floats, held: Held | None
    ) -> tuple[Any, Array, Floats, Held | None]:
        """Rows to train on, and those whose score is followed."""
        if not self.early_stopping or not by_gradient(self):
            return x, y, weights, None
        if held is not None:
            return x, y, weights, held
        numbers = np.arange(len(y))
        kept, back = train_test_split(
            numbers,
            test_size=float(self.validation_fraction),
            random_state=self._seed(),
            stratify=self._shared_out(y),
        )
        if len(back) < 2:
            raise DataError(
                self._where,
                f"two rows or more must be held back, got {len(back)}",
                "The validation set is too small: raise validation_fraction, give validation_data, "
                "or more rows.",
            )
        same = bool((weights == weights[0]).all())
        own = Held(x[back], y[back], None if same else weights[back])
        return x[kept], y[kept], weights[kept], own

    def _shared_out(self, y: Array) -> Any:
        """The classes that held-out rows are drawn evenly of; None where of several some cannot be.

        Two that cannot be are an error, as in scikit-learn, which draws evenly of two alone.
        """
        strata = self._strata(y)
        if strata is None:
            return None
        counts = np.unique(strata, return_counts=True)[1]
        back = math.ceil(float(self.validation_fraction) * len(y))
        can = counts.min() >= 2 and min(back, len(y) - back) >= len(counts)
        return strata if can or len(counts) == 2 else None

    def _batch(self, rows: int) -> int:
        if not by_gradient(self):
            return rows
        if self.batch_size == "auto":
            return min(_BATCH, rows)
        if self.batch_size > rows:
            warnings.warn(
                f"{self._where} takes all {rows} rows at a time for batch_size={self.batch_size}.",
                stacklevel=4,
            )
        return min(int(self.batch_size), rows)

    def _follower(
        self, rows: int, offset: float, tasks: Any, watched: Held | None, incremental: bool
    ) -> Following:
        if not by_gradient(self):
            own = self.optimizer is None
            most = float(self.max_fun) if own else math.inf
            return Descent(self, rows, offset, tasks, tol=float(self.tol), evaluations=most)
        rate = (
            float(self.learning_rate_init)
            if self.optimizer is None and self.solver == "sgd"
            else None
        )
        score: Callable[[], float] | None = None
        if watched is not None:
            score = lambda: self._quality(watched)  # noqa: E731
        remember = self._remember if incremental and watched is not None else None
        return Progress(self, rows, offset, tasks, rate=rate, score=score, remember=remember)

    def _remember(self) -> None:
        self._best = self._state()

    def _finish(self, follower: Following, incremental: bool, epochs: int) -> None:
        """What is known after the run."""
        self.history_ = self._network.history
        if incremental:
            if follower.rested and self.early_stopping:
                self._rests = True
                if self._best is not None:
                    self._restore(self._best)
            return
        if isinstance(follower, Descent):
            self.best_loss_ = self.loss_
        if not follower.rested:
            if self.n_iter_ >= epochs:
                self._late("max_iter", epochs, "epochs", 5)
            elif isinstance(follower, Descent):
                self._late("max_fun", self.max_fun, "evaluations", 5)

    def _as_fitted(self) -> dict[str, Any]:
        """What scikit-learn's callbacks make a fitted estimator of."""
        return {
            name: value
            for name, value in vars(self).items()
            if name.endswith("_") or name in ("_network", "_outputs", "_kind")
        }


def _pair(held: Held) -> tuple[Any, ...]:
    return (held.x, held.y) if held.weights is None else (held.x, held.y, held.weights)
