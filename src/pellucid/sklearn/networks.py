"""What estimators over a `Sequential` share: how one is made of arguments, trained and asked.

In: arguments as scikit-learn names them, checked rows and targets. Out: a trained model and the
attributes that follow from it. The training itself is `Sequential.fit`.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from pellucid.core import trees
from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.models import Sequential
from pellucid.models.reuse import reuse_programs
from pellucid.nn import Dense
from pellucid.nn.layer import Layer
from pellucid.nn.losses import Loss
from pellucid.nn.regularizers import Regularizer
from pellucid.optim import Minimizer, Optimizer
from pellucid.sklearn.base import Array, Estimator, allowed_threads
from pellucid.sklearn.following import Following
from pellucid.sklearn.tasks import CallbackSupportMixin, Tasks
from pellucid.train.callback import Callback

Floats = NDArray[np.float64]


class Network(CallbackSupportMixin, Estimator):
    """Base of estimators over a `Sequential`.

    A subclass says which layers, optimizer, loss and penalties the model has.
    """

    _network: Sequential
    _takes_sparse = True  # steps make their rows dense

    # -- what a subclass says -----------------------------------------------------------------

    def _layers(self, features: int) -> list[Layer]:
        raise NotImplementedError

    def _optimizer(self) -> Optimizer:
        raise NotImplementedError

    def _penalties(self, rows: float) -> list[Regularizer]:
        """Args: rows: the weight of the rows of a step."""
        raise NotImplementedError

    def _measures(self) -> list[Any]:
        return []

    # -- the model ----------------------------------------------------------------------------

    def __pellucid_network__(self, arrays: bool) -> Any:
        """What `pel.draw` draws of it alone: its network."""
        check_is_fitted(self)
        return dataclasses.replace(
            self._network.__pellucid_network__(arrays), title=type(self).__name__
        )

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        if "_network" in self.__dict__:  # compiled code stays where it was
            reuse_programs(self._network)

    def _make(self, features: int, dtype: np.dtype[Any], loss: Loss, rows: float) -> None:
        """A model with fresh weights."""
        self._network = Sequential(self._layers(features), seed=self._seed(), dtype=dtype.name)
        self._compile(self._optimizer(), loss, rows)

    def _adjust(self, loss: Loss, rows: float) -> None:
        """The model as arguments say by now; weights, and what an optimizer remembers, stay."""
        model, optimizer = self._network, self._optimizer()
        how = model.configuration("fit")
        penalties = tuple(self._penalties(rows))
        if optimizer == how.optimizer and penalties == how.regularizers:
            return
        slots, step = model.slots, model.training.get("step", 0)
        self._compile(optimizer, loss, rows)
        if slots is not None and type(optimizer) is type(how.optimizer):
            fits = {name: list(map(_type, types)) for name, types in model.slot_types().items()}
            if fits == {name: list(map(_type, arrays)) for name, arrays in slots.items()}:
                model.slots = slots
                model.training = {"step": step}

    def _compile(self, optimizer: Optimizer, loss: Loss, rows: float) -> None:
        measures = self._measures()
        if isinstance(optimizer, Minimizer):
            measures = [*measures, "gradient_norm"]
        self._network.compile(optimizer, loss, metrics=measures, regularizer=self._penalties(rows))
        reuse_programs(self._network)

    def _train(
        self,
        x: Any,
        y: Array,
        weights: Floats,
        follower: Following,
        *,
        epochs: int,
        batch_size: Any,
        shuffle: bool = True,
        seed: int,
        callbacks: Sequence[Callback] = (),
        validation_data: Any = None,
        threads: int | None = None,
    ) -> None:
        """`Sequential.fit`, which Ctrl-C ends early; a warning says so."""
        model = self._network
        same = bool((weights == weights[0]).all())
        epochs_before = self.n_iter_
        try:
            model.fit(
                x,
                y,
                sample_weight=None if same else weights * (len(weights) / weights.sum()),
                epochs=epochs,
                batch_size=batch_size,
                shuffle=shuffle,
                seed=seed,
                verbose=0,
                callbacks=[*callbacks, follower],
                validation_data=validation_data,
                threads=allowed_threads() if threads is None else threads,
                history_points=0,
            )
        except KeyboardInterrupt:
            warnings.warn(
                f"{self._where} was stopped after {self.n_iter_ - epochs_before} epochs, and has "
                "the weights that it had then.",
                stacklevel=4,
            )
        model.kept = {}

    def _late(self, name: str, value: Any, what: str, level: int) -> None:
        """Warns of a run that ended before it rested; who called `fit` stands `level` calls up."""
        warnings.warn(
            f"{self._where} stopped after {name}={value} {what}, and had not come to rest: raise "
            f"{name} or tol.",
            ConvergenceWarning,
            stacklevel=level,
        )

    def _order_seed(self, first: int) -> int:
        """A seed of the orders of this call, another one after each row that was trained on."""
        return int(np.random.SeedSequence([first, int(self.t_)]).generate_state(1)[0])

    # -- what it has learned ------------------------------------------------------------------

    def _dense(self) -> list[Dense]:
        """The dense layers of the model."""
        if "_network" not in self.__dict__:
            raise AttributeError(f"{self._where} has no weights before fit")
        return [one for one in self._network.layers if isinstance(one, Dense)]

    def _own(self, leaf: str) -> list[Array]:
        return [one.variables.params[leaf] for one in self._dense() if one.variables.params]

    def _put(self, name: str, leaf: str, arrays: Any) -> None:
        own = self._own(leaf)
        given = [np.asarray(one) for one in arrays]
        if [one.shape for one in own] != [one.shape for one in given]:
            raise ShapeError(
                self._where,
                f"{name} must have shapes {[one.shape for one in own]}, got "
                f"{[one.shape for one in given]}",
            )
        for mine, other in zip(own, given, strict=True):
            mine[...] = other

    @property
    def coefs_(self) -> list[Array]:
        """The weights W of each dense layer, (inputs, units): the model's own arrays."""
        return self._own("W")

    @coefs_.setter
    def coefs_(self, arrays: Any) -> None:
        self._put("coefs_", "W", arrays)

    @property
    def intercepts_(self) -> list[Array]:
        """The offsets b of each dense layer, (units,): the model's own arrays."""
        return self._own("b")

    @intercepts_.setter
    def intercepts_(self, arrays: Any) -> None:
        self._put("intercepts_", "b", arrays)

    def _state(self) -> tuple[Any, Any]:
        """Copies of the model's weights, and of what its layers remember."""
        both = self._network.params, self._network.state
        copies: tuple[Any, Any] = trees.map_leaves(np.copy, both)
        return copies

    def _restore(self, state: tuple[Any, Any]) -> None:
        self._network.params, self._network.state = state

    # -- answers ------------------------------------------------------------------------------

    def _rows(self, X: Any) -> Any:
        """X as the model takes it; plain arrays of good numbers go a short way."""
        if "_network" not in self.__dict__:
            check_is_fitted(self, "_network")
        if (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype.char in "df"
            and X.shape[1] == self.n_features_in_
            and len(X)
            and "feature_names_in_" not in self.__dict__
            and math.isfinite(X.sum())
        ):
            return X
        return self._columns(X)

    def _plain_dtype(self, X: Any) -> np.dtype[Any]:
        """What weights are computed in: that of X, unless `dtype` says otherwise."""
        if self.dtype is None:
            own: np.dtype[Any] = X.dtype
            return own
        dtype = np.dtype(self.dtype) if isinstance(self.dtype, (str, type, np.dtype)) else None
        if dtype not in (np.dtype("f4"), np.dtype("f8")):
            raise ArgumentError(
                self._where, f"dtype must be 'float32', 'float64' or None, got {self.dtype!r}"
            )
        return dtype

    def _check_threads(self) -> None:
        if self.threads is not None:
            integer(self._where, "threads", self.threads, 1)

    def _tasks(
        self, X: Any, y: Any, weights: Any, fitted: Callable[[], dict[str, Any]], iterations: int
    ) -> Tasks:
        """scikit-learn's callbacks of this call."""
        metadata = None if weights is None else {"sample_weight": weights}
        return Tasks(self, {"X": X, "y": y, "metadata": metadata}, fitted, iterations)


def _type(array: Any) -> tuple[Any, ...]:
    return tuple(array.shape), str(array.dtype)
