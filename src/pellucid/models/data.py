"""Rows that a person gave for a model, checked: features, targets as losses take them, weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.core import dtypes
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import N
from pellucid.data.arrays import as_targets, check_exact, check_finite, slice_rows
from pellucid.data.sparse import SparseTable
from pellucid.data.weights import as_weights, weights_by_class
from pellucid.graph.node import TensorType
from pellucid.models.base import BaseModel
from pellucid.nn.losses import Loss
from pellucid.runtime.executor import dtype_name
from pellucid.runtime.extras import numpy_dtype

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Data:
    """Rows to train on or to measure, checked.

    Attributes:
        features: an array an input, as they were given, or a `SparseTable`.
        targets: an array an output, as its loss takes it.
        weights: those of rows, (N,), for all outputs, or one array an output, in which positions
            may have weights of their own, (N, …); empty where there are none.
    """

    features: tuple[Array, ...]
    targets: tuple[Array, ...]
    weights: tuple[Array, ...] = ()

    @staticmethod
    def of(
        model: BaseModel,
        x: Any,
        y: Any,
        where: str,
        sample_weight: Any = None,
        class_weight: Any = None,
        name: str = "y",
        more: bool = False,
        held_out: float | None = None,
    ) -> Data:
        """The data that a person gave for this model.

        Args:
            held_out: which part of the rows, the last ones, `split` will keep from training.
            more: whether others came before, so that the model's own functions were looked at.
        """
        losses = model.configuration(where).losses
        features = model.more_features(x, where) if more else model.given_features(x, where)
        rows, labels = len(features[0]), []
        for own in model.architecture.outputs.taken(where, name, y):
            labels.append(as_targets(own, where, name))
            if len(labels[-1]) != rows:
                raise ShapeError(
                    where, f"x and {name} must have as many rows, got {rows} and {len(labels[-1])}"
                )
        model.built(features)  # behind these checks: what is refused is no reason to build
        types = model.architecture.output_types
        targets = [
            loss.targets(own, type) for loss, own, type in zip(losses, labels, types, strict=True)
        ]
        for own in labels:
            check_exact(own, numpy_dtype(model.dtype), where, name, "y.min()")
        trained = None if held_out is None else _trained(rows, held_out)
        weights = _weights(
            model, losses, sample_weight, class_weight, targets, types, where, trained
        )
        return Data(features, tuple(targets), weights)

    def split(self, fraction: float) -> tuple[Data, Data]:
        """The first rows, and the last ones: `fraction` of all."""
        kept = _trained(self.rows, fraction)
        if not 0 < kept < self.rows:
            raise ArgumentError(
                "fit",
                f"validation_split must leave rows on both sides, got {fraction} of {self.rows}",
            )

        def part(start: int, stop: int) -> Data:
            fields = (self.features, self.targets, self.weights)
            return Data(*(tuple(one[start:stop] for one in field) for field in fields))

        return part(0, kept), part(kept, self.rows)

    @property
    def types(self) -> tuple[TensorType, ...]:
        """The types of the targets."""
        return tuple(
            [
                TensorType(dtypes.as_dtype(dtype_name(y.dtype)), (N, *y.shape[1:]))
                for y in self.targets
            ]
        )

    @property
    def weight_types(self) -> tuple[TensorType, ...]:
        """The types of the weights."""
        return tuple(
            [
                TensorType(dtypes.as_dtype(dtype_name(one.dtype)), (N, *one.shape[1:]))
                for one in self.weights
            ]
        )

    def dense(self, model: BaseModel, where: str) -> Data:
        """The same with arrays in the place of sparse matrices, where the memory holds them."""
        if not self.sparse:
            return self
        dtype = numpy_dtype(model.dtype)
        features = tuple(
            x.dense(dtype, where) if isinstance(x, SparseTable) else x for x in self.features
        )
        return replace(self, features=features)

    @property
    def sparse(self) -> bool:
        """Whether features are sparse matrices."""
        return any(isinstance(x, SparseTable) for x in self.features)

    @property
    def rows(self) -> int:
        return len(self.features[0])

    @property
    def others(self) -> tuple[Array, ...]:
        """What a step takes beside the features."""
        return *self.targets, *self.weights


def _trained(rows: int, held_out: float) -> int:
    """How many rows are left where a part of them is held out."""
    return math.floor(rows * (1 - held_out))


def _weights(
    model: BaseModel,
    losses: Sequence[Loss],
    sample_weight: Any,
    class_weight: Any,
    targets: Sequence[Array],
    types: Sequence[TensorType],
    where: str,
    trained: int | None = None,
) -> tuple[Array, ...]:
    """The weight of each row, alone in a tuple; an empty one where rows have none.

    Of several outputs a list or dict gives one array each, None for weights of 1.
    """
    weights, rows = None, len(targets[0])
    if is_by_output(sample_weight, len(targets)):
        if class_weight is not None:
            raise ArgumentError(
                where,
                f"class_weight needs a model of one output, got {len(targets)}",
                "Use sample_weight.",
            )
        each = model.architecture.outputs.taken(where, "sample_weight", sample_weight)
        names = model.architecture.outputs.labels("sample_weight")
        return tuple(
            [
                _cast(
                    np.ones(rows) if own is None else _of_output(own, rows, type, where, name),
                    model, name,
                )
                for own, type, name in zip(each, types, names, strict=True)
            ]
        )  # fmt: skip
    if sample_weight is not None:
        type = types[0] if len(types) == 1 else None
        weights = _of_output(sample_weight, rows, type, where, "sample_weight")
    if class_weight is not None:
        if len(targets) > 1:
            raise ArgumentError(
                where,
                f"class_weight needs a model of one output, got {len(targets)}",
                "Use sample_weight.",
            )
        labels, classes = losses[0].row_classes(targets[0], types[0], where)
        own = weights_by_class(class_weight, labels, classes, where, trained)
        with np.errstate(over="ignore"):
            weights = own if weights is None else weights * own
    if weights is None:
        return ()
    given = {"sample_weight": sample_weight, "class_weight": class_weight}
    name = " times ".join(name for name, one in given.items() if one is not None)
    check_finite(weights, range(len(weights)), name)  # their product may not be
    return (_cast(weights, model, name),)


def is_by_output(sample_weight: Any, outputs: int) -> bool:
    """Whether weights are given for each of several outputs by itself."""
    if outputs == 1 or not isinstance(sample_weight, (list, tuple, Mapping)):
        return False
    several = sample_weight.values() if isinstance(sample_weight, Mapping) else sample_weight
    return not all(np.ndim(one) == 0 and one is not None for one in several)


def _of_output(weights: Any, rows: int, type: TensorType | None, where: str, name: str) -> Array:
    """The weights of an output's rows, (N,), or of the positions of its rows, (N, …)."""
    places = () if type is None else tuple(n for n in type.shape[1:-1] if isinstance(n, int))
    return as_weights(weights, rows, where, name, places)


def _cast(weights: Array, model: BaseModel, name: str) -> Array:
    return slice_rows(weights, 0, len(weights), numpy_dtype(model.dtype), name)
