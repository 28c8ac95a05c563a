"""Data of a person's own as the Model of ours takes them: features, targets, weights, batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.keras import losses, training
from pellucid.keras.arguments import refuse
from pellucid.keras.networks import array, fitted, numbers
from pellucid.keras.remembering import Remembering
from pellucid.keras.tensors import flat


class Given(Remembering):
    """A network that takes data in Keras's forms."""

    @property
    def _own_objective(self) -> bool:
        """Whether `compute_loss` is a person's own."""
        raise NotImplementedError

    @property
    def _without_targets(self) -> bool:
        """Whether no output has a loss in compile."""
        each = [isinstance(one, losses.NoLoss) for one in self._losses]
        return bool(each) and all(each)

    def _x(self, x: Any) -> Any:
        """Features in the form of the Model of ours."""
        if type(x) is np.ndarray and x.ndim == self._rank:
            return x
        arrays = self._features_given(x)
        if len(arrays) == 1:
            return arrays[0]
        return dict(zip(self.network().architecture.inputs.names, arrays, strict=True))

    def _features_given(self, x: Any) -> list[Any]:
        """An array for each input. As in Keras an axis of one at the end may be left out: a column
        (N,) for an input of one number, pictures (N, H, W) for one of one channel; or be too many.
        """
        arrays = [array(one) for one in self._given(x, "inputs")]
        types = self.network().architecture.input_types
        return [fitted(one, type.shape) for one, type in zip(arrays, types, strict=True)]

    def _rows(self, x: Any, y: Any, weights: Any) -> tuple[Any, Any, Any]:
        """Features, targets and weights of rows in the form of the Model that is trained."""
        count = len(self._output_names)
        weights = self._weights(weights)
        if not self._own_objective:
            if y is None and self._without_targets:
                y = [np.zeros(len(flat(x)[0]), np.float32)] * count
            return self._x(x), self._y(y), weights
        assert self._objective is not None
        arrays = self._features_given(x)
        words = self.network().architecture.inputs.names
        features = self._objective.features(words, arrays, y, weights)
        if y is None or len(flat(y)) != count:
            y = [np.zeros(len(arrays[0]), np.float32)] * count
        return features, self._y(y), weights

    def _weights(self, given: Any) -> Any:
        """Weights as an array for all outputs, or one an output by our names."""
        if type(given) is np.ndarray or given is None:
            return given
        names = self._output_names
        nested = isinstance(given, Mapping) or (
            isinstance(given, (list, tuple)) and any(np.ndim(array(one)) for one in given)
        )
        if not nested:
            return np.asarray(array(given))
        if self._own_objective:
            refuse("Model.fit", "sample_weight", "…", "compute_loss gets one weight a row")
        by_name = isinstance(given, Mapping)
        missing = [name for name in names if by_name and name not in given]
        if missing:
            raise ArgumentError(
                f"keras.{self.name}",
                f"sample_weight must hold {missing[0]!r}, got {', '.join(map(str, given))}",
                "Give an array for each output, None for weights of 1; or one (N,) for all.",
            )
        each = [
            None if one is None else np.asarray(array(one)) for one in self._given(given, "outputs")
        ]
        words = self.network().architecture.outputs.names
        return each[0] if len(each) == 1 else dict(zip(words, each, strict=True))

    def _y(self, y: Any) -> Any:
        """Targets in the form of the Model of ours."""
        if type(y) is np.ndarray and len(self._losses) == 1:
            self._flat_targets[0] = y.ndim == 1
            return self._losses[0].prepared(y, self._output_shape)
        arrays = [array(one) for one in self._given(y, "outputs")]
        types = self.network().architecture.output_types
        self._flat_targets.update({n: one.ndim == 1 for n, one in enumerate(arrays)})
        if self._compiled is not None:
            arrays = [
                loss.prepared(one, type.shape)
                for loss, one, type in zip(self._losses, arrays, types, strict=True)
            ]
        if len(arrays) == 1:
            return arrays[0]
        return dict(zip(self.network().architecture.outputs.names, arrays, strict=True))

    def _batch(self, class_weight: Any = None) -> Callable[[Any], Any]:
        """What makes a batch of Keras one of ours."""

        def prepared(batch: Any) -> Any:
            x, y, weights = training.unpacked(batch)
            if class_weight is not None:
                weights = training.by_class(y, class_weight, weights)
            made = self._rows(numbers(x), None if y is None else numbers(y), weights)
            return made[:2] if made[2] is None else made

        return prepared
