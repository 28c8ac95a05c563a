"""MLPClassifier: a network for classes over `Sequential`.

In: scikit-learn's arguments, and further ones of ours. Out: an estimator.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets

from pellucid.core.errors import ArgumentError, DataError
from pellucid.nn.losses import BinaryCrossEntropy, CrossEntropy, Loss
from pellucid.nn.losses import loss as loss_of
from pellucid.nn.losses.base import Form
from pellucid.sklearn.base import Array, Classes, Table, logarithms
from pellucid.sklearn.multilayer import MLP, Held, by_gradient
from pellucid.sklearn.networks import Floats
from pellucid.sklearn.tasks import managed

_TWO, _MANY, _LABELS = "two classes", "classes", "labels"  # a row has one, one, or several
_ACTIVATIONS = {Form.CLASS_LOGITS: "softmax", Form.LOGITS: "logistic"}


def _has_probabilities(self: Any) -> bool:
    """Whether the loss makes probabilities of outputs."""
    return self.loss == "log_loss" or loss_of(self.loss).reads in (Form.CLASS_LOGITS, Form.LOGITS)


class MLPClassifier(ClassifierMixin, Classes, MLP):
    """A network for classes, with scikit-learn's arguments and further ones.

    Args:
        hidden_layer_sizes: units of each hidden layer.
        activation: of hidden layers: "identity", "logistic", "tanh", "relu", another name that
            `pel.nn.Dense` knows, or a function; a list has one for each layer.
        solver: "adam", "sgd" or "lbfgs".
        alpha: α of the penalty α/(2·n)·Σ‖W‖², n the weight of a step's rows.
        batch_size: rows of a step; "auto" is min(200, rows). "lbfgs" takes all rows.
        learning_rate: of "sgd": "constant"; "invscaling", η/(t + 1)^power_t behind t rows;
            "adaptive", a fifth whenever there is no progress.
        learning_rate_init: η > 0 of "adam" and "sgd".
        power_t: of "invscaling".
        max_iter: the most epochs; of "lbfgs" the most steps.
        shuffle: whether each epoch has an order of its own.
        random_state: draws weights, orders, dropout and the rows that are held back.
        tol: an epoch that is better by less brings no progress; "lbfgs" ends where the norm of the
            gradient is below it.
        verbose: prints a line for each epoch.
        warm_start: whether `fit` goes on with the weights and the optimizer's memory of the last.
        momentum, nesterovs_momentum: of "sgd"; momentum in [0, 1).
        early_stopping: whether progress is the score of rows that are held back, or of
            `validation_data`; the best weights stay.
        validation_fraction: the part that is held back.
        beta_1, beta_2, epsilon: of "adam".
        n_iter_no_change: more epochs in a row than this without progress end the run.
        max_fun: the most evaluations of the objective by "lbfgs".
        loss: "log_loss", or another loss of `pel.nn.losses`, its name, or a function.
        layers: hidden layers of `pel.nn` in place of hidden_layer_sizes, activation, dropout and
            batch_norm; the output layer comes behind them.
        dropout: the part of a hidden layer's units that is dropped; a list has one for each layer.
        batch_norm: whether hidden layers are normalised in front of their activation.
        optimizer: one of `pel.optim` or its name, in place of solver; it has its own rates.
        metrics: what is measured in each epoch, in `history_`.
        callbacks: one of `pel.Callback`, or several.
        class_weight: {class: weight}, "balanced" or None.
        dtype: "float32", "float64", or None: that of X.
        threads: at most; None: as many as the process may use, or as OMP_NUM_THREADS says.

    Attributes:
        classes_: the labels, sorted.
        coefs_, intercepts_: W and b of each dense layer: the model's own arrays.
        loss_: the objective of the last epoch; loss_curve_: of each; best_loss_: the lowest.
        validation_scores_, best_validation_score_: of held-out rows, with early_stopping.
        n_iter_: epochs of the last fit; t_: rows that were trained on in all.
        n_layers_, n_outputs_, out_activation_: of the network, the input counted as a layer.
        history_: the `History` of the last run.
    """

    _numeric = False

    def __init__(
        self,
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
        loss: Any = "log_loss",
        layers: Any = None,
        dropout: Any = 0.0,
        batch_norm: bool = False,
        optimizer: Any = None,
        metrics: Any = (),
        callbacks: Any = (),
        class_weight: Any = None,
        dtype: Any = None,
        threads: int | None = None,
    ):
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
        self.loss = loss
        self.layers = layers
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.optimizer = optimizer
        self.metrics = metrics
        self.callbacks = callbacks
        self.class_weight = class_weight
        self.dtype = dtype
        self.threads = threads

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Any:
        """Trains until there is no more progress, or `max_iter` epochs are made.

        Args:
            X: (n, d) numbers; of sparse ones the rows of each step are made dense.
            y: (n,) labels, or (n, L) of 0 and 1: several labels at once. Of one class each row is
                predicted to be of it.
            sample_weight: (n,) weights of the losses; rows without one above 0 are left out.
            validation_data: (X, y) or (X, y, weights), measured after each epoch.

        Raises:
            ParameterError: for a parameter outside of what it may be.
        """
        with managed(self), self._parameters():
            return self._learn(X, y, sample_weight, validation_data, False)

    @available_if(by_gradient)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
        validation_data: Any = None,
    ) -> Any:
        """One epoch over these rows, from the weights and the optimizer's memory that there are.

        With early_stopping the rows of `validation_data`, or a part of these, are held back; after
        more than n_iter_no_change calls without progress the best weights come back, and further
        calls change nothing.

        Args:
            classes: all labels that will come; the first call needs them.
        """
        with managed(self), self._parameters():
            return self._learn(X, y, sample_weight, validation_data, True, classes)

    def predict(self, X: Any) -> Array:
        """The class of each row, (n,); of several labels 0 or 1 for each, (n, L)."""
        x = self._rows(X)
        chosen = self._chosen(self._network.predict(x))
        return chosen if self._kind == _LABELS else self.classes_.take(chosen, mode="clip")

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (n, K), or of each label, (n, L)."""
        x = self._rows(X)
        found: Array = self._network.predict_proba(x)
        if self._kind != _TWO or found.shape[1] == 2:
            return found
        if len(self.classes_) == 1:
            return np.ones_like(found)
        both = np.empty((len(found), 2), found.dtype)
        both[:, 1] = found[:, 0]
        np.subtract(1, found[:, 0], out=both[:, 0])
        return both

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        return logarithms(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    # -- targets ------------------------------------------------------------------------------

    def _targets(self, table: Table, incremental: bool, classes: Any) -> tuple[Array, Floats]:
        check_classification_targets(table.y)
        first = "_network" not in self.__dict__
        if table.y.ndim == 2:
            return self._several(table, first or not (incremental or self.warm_start), classes)
        if incremental:
            codes = self._known(table.y, classes, "classes_" not in self.__dict__)
        else:
            before = None if first or not self.warm_start else self.classes_
            codes = self._codes(table, least=1)
            if before is not None and not np.array_equal(before, self.classes_):
                now, self.classes_ = self.classes_, before
                raise DataError(
                    self._where,
                    "warm_start can only be used where `y` has the same classes as in the previous "
                    f"call to fit. Previously got {before}, `y` has {now}",
                    "Set warm_start=False to begin anew.",
                )
        self._kind = _TWO if len(self.classes_) <= 2 else _MANY
        if incremental and self.class_weight == "balanced":
            raise ArgumentError(
                self._where,
                "partial_fit sees a part of the rows, and needs class_weight as a dict, got "
                "'balanced'",
                "Write class_weight={label: weight}.",
            )
        weights = table.weights
        if self.class_weight is not None:
            weights = weights * self._class_weights(codes, weights)[codes]
        loss = self._loss()
        self._outputs = len(self.classes_)
        if self._kind == _TWO and (loss.binary_labels or not loss.is_classification):
            self._outputs = 1
        self.out_activation_ = _ACTIVATIONS.get(loss.reads, "identity")
        return self._encoded(codes, loss), weights

    def _several(self, table: Table, first: bool, classes: Any) -> tuple[Array, Floats]:
        """Targets of several labels at once."""
        count = table.y.shape[1]
        if self.class_weight is not None:
            raise ArgumentError(
                self._where,
                "class_weight must be None where a row has several labels, got "
                f"{self.class_weight!r}",
                "Use sample_weight.",
            )
        if first:
            self.classes_ = np.arange(count)
            self._kind, self._outputs, self.out_activation_ = _LABELS, count, "logistic"
        if self._kind != _LABELS or count != len(self.classes_):
            raise DataError(
                self._where,
                f"y must be as in the last call, {self._kind} ({len(self.classes_)}), got {count} "
                "labels a row",
            )
        if classes is not None and len(classes) != count:
            raise DataError(
                self._where, f"classes must be the {count} labels of y, got {len(classes)}"
            )
        return table.y.astype(np.uint8), table.weights

    def _encoded(self, codes: NDArray[np.intp], loss: Loss) -> Array:
        """Numbers of classes as the loss takes them."""
        if self._outputs == 1:
            low, high = loss.binary_labels or (0, 1)
            return np.where(codes == 1, high, low)
        return codes if loss.is_classification else np.eye(self._outputs, dtype=np.uint8)[codes]

    def _loss(self) -> Loss:
        if self.loss == "log_loss":
            return CrossEntropy() if self._kind == _MANY else BinaryCrossEntropy()
        return loss_of(self.loss)

    def _chosen(self, outputs: Array) -> Array:
        """The number of each row's class, or 0 or 1 for each of its labels."""
        loss = self._loss()
        least = 0.0 if loss.is_classification else 0.5
        if self._kind == _LABELS:
            return (outputs > least).astype(int)
        return (outputs[:, 0] > least).astype(np.intp) if self._outputs == 1 else outputs.argmax(1)

    def _strata(self, y: Array) -> Any:
        if self._kind == _LABELS:
            return None
        return y.argmax(axis=1) if y.ndim == 2 else y

    def _quality(self, held: Held) -> float:
        outputs = self._network.predict(held.x)
        if not np.isfinite(outputs).all():
            return math.nan
        chosen, y = self._chosen(outputs), held.y
        if self._kind == _LABELS:
            right = (chosen == y).all(axis=1)
        elif self._outputs == 1:
            right = (y > min(self._loss().binary_labels or (0, 1))) == (chosen == 1)
        else:
            right = chosen == self._strata(y)
        return float(np.average(right, weights=held.weights))

    def _validated(self, given: Any) -> Held:
        x, y, weights = self._parts(given)
        table = self._table(x, y, weights, reset=False, several=True)
        if self._kind == _LABELS:
            targets, own = self._several(table, False, None)
        else:
            codes = self._known(table.y, None, False)
            targets, own = self._encoded(codes, self._loss()), table.weights
        return Held(table.x, targets, None if weights is None else own)
