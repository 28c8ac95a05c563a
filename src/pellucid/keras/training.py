"""Data of `fit`, `evaluate` and `predict` of Keras, in our form."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError
from pellucid.data.streams import is_stream
from pellucid.keras import blame
from pellucid.keras.arguments import must_be, refuse
from pellucid.keras.networks import as_arrays
from pellucid.keras.pydataset import PyDataset
from pellucid.keras.session import SESSION
from pellucid.keras.tensors import flat, mapped

Array = np.ndarray[Any, Any]
_END = object()  # of batches


def by_class(y: Any, class_weight: Mapping[int, float], sample_weight: Any) -> Array:
    """Weights of rows, as Keras makes them of classes.

    Raises:
        ArgumentError: where there is not one output with targets, or for other weights.
    """
    targets = [one for one in flat(as_arrays(y)) if one is not None]
    if len(targets) != 1:
        why = "a model without targets has no classes"
        if targets:
            why = "it is for models of one output; give sample_weight instead"
        refuse("Model.fit", "class_weight", class_weight, why)
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            "keras.fit", f"class_weight must be {{class: weight}}, got {class_weight!r}"
        )
    labels = np.asarray(targets[0])
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] != 1 else labels[..., 0]
    labels = np.round(labels).astype(np.int64)
    weights = np.ones(labels.shape)
    for label, weight in class_weight.items():
        if not blame.fits(blame.WHOLE, label) or not blame.fits(blame.NUMBER, weight):
            raise ArgumentError(
                "keras.fit", f"class_weight must be {{class: weight}}, got {class_weight!r}"
            )
        weights = np.where(labels == int(label), float(weight), weights)
    return weights if sample_weight is None else weights * np.asarray(sample_weight)


def unpacked(batch: Any) -> tuple[Any, Any, Any]:
    """x, y and weights of a batch; None for what is not there."""
    several = tuple(batch) if isinstance(batch, (list, tuple)) else (batch,)
    if len(several) not in (1, 2, 3):
        raise ArgumentError(
            "keras.fit", f"a batch must be (x, y) or (x, y, weights), got {len(several)} parts"
        )
    return (*several, None, None)[:3]


def split(arrays: Any, fraction: float) -> tuple[Any, Any]:
    """The first rows of nested arrays, and the last: `fraction` of all, as Keras counts."""
    rows = len(next(one for one in flat(arrays) if one is not None))
    kept = math.floor(rows * (1.0 - fraction))
    if not 0 < kept < rows:
        raise ArgumentError(
            "keras.fit", f"validation_split must leave rows on both sides, got {fraction} of {rows}"
        )
    return (
        mapped(arrays, lambda one: None if one is None else one[:kept]),
        mapped(arrays, lambda one: None if one is None else one[kept:]),
    )


def count_rows(where: str, x: Any) -> int:
    """How many rows x has."""
    if type(x) is np.ndarray and x.ndim:  # calls of few rows feel each test
        return len(x)
    first: Any = flat(x)[0] if flat(x) else None
    if not getattr(first, "shape", ()):
        raise ArgumentError(f"keras.{where}", f"x must be an array of rows, got {x!r}")
    return len(first)


def check_steps(where: str, **counts: int | None) -> None:
    """Refuses numbers of steps below 1."""
    for name, count in counts.items():
        if count is not None:
            integer(f"keras.{where}", name, count, 1)


def is_batches(x: Any) -> bool:
    """Whether x gives batches."""
    return type(x) is not np.ndarray and (isinstance(x, PyDataset) or is_stream(x))


def is_part(rows: int, size: int, steps: int | None) -> bool:
    """Whether so many steps are fewer than all rows have; Keras's warning where they are more."""
    if steps is None:
        return False
    most = -(-rows // size)
    if steps > most:
        warnings.warn(
            f"[keras.fit] the data have {most} batches of {size}, and steps_per_epoch={steps}: an "
            "epoch ends with the data.",
            stacklevel=4,
        )
    return steps < most


def first_rows(arrays: Sequence[Any], size: int | None, steps: int | None) -> list[Any]:
    """The rows of so many batches; all where there is no size, as Keras divides them then."""
    if size is None or steps is None:
        return list(arrays)
    return [mapped(one, lambda a: None if a is None else a[: size * steps]) for one in arrays]


def sliced(arrays: Any, size: int) -> Iterator[Any]:
    """Nested arrays, so many rows at a time."""
    for first in range(0, len(flat(arrays)[0]), size):
        yield mapped(arrays, lambda one: one[first : first + size])  # noqa: B023


class ArrayBatches(PyDataset):
    """Rows of arrays as batches of one size."""

    def __init__(self, x: Any, y: Any, weights: Any, size: int):
        super().__init__()
        self._parts = [one for one in (x, y, weights) if one is not None]
        self._rows, self._size = len(flat(x)[0]), size
        self._order = np.arange(self._rows)

    def __len__(self) -> int:
        return -(-self._rows // self._size)

    def __getitem__(self, index: int) -> Any:
        chosen = self._order[index * self._size : (index + 1) * self._size]
        return tuple(mapped(one, lambda a: np.asarray(a)[chosen]) for one in self._parts)

    def batches(self, steps: int | None, shuffle: bool) -> Iterator[Any]:
        if shuffle:
            self._order = SESSION.random.permutation(self._rows)
        return super().batches(steps, False)


class Batches:
    """Batches of Keras as a stream of ours.

    Args:
        source: a PyDataset, a generator, an iterable, or a function that returns one.
        prepared: makes a batch (x, y[, weights]) one of ours.
        steps: batches an epoch; None: to the end.
        shuffle: whether the batches of a PyDataset come in a drawn order.
    """

    def __init__(
        self,
        source: Any,
        prepared: Callable[[Any], Any],
        steps: int | None,
        shuffle: bool = False,
    ):
        self.source, self.prepared, self.steps = source, prepared, steps
        self.shuffle = shuffle
        self._iterator: Iterator[Any] | None = None
        self._seen = 0

    def __call__(self, epoch: int) -> Iterator[Any]:
        return map(self.prepared, self._raw())

    def _raw(self) -> Iterator[Any]:
        source = self.source
        if isinstance(source, PyDataset):
            return self._of_dataset(source)
        if self.steps is None:
            return iter(source() if callable(source) else source)
        return self._next(self.steps)

    def _next(self, steps: int) -> Iterator[Any]:
        """The next batches; a source that can begin anew does so behind its last one."""
        begins = callable(self.source) or not isinstance(self.source, Iterator)
        for _ in range(steps):
            batch = _END if self._iterator is None else next(self._iterator, _END)
            if batch is _END and (begins or self._iterator is None):
                self._iterator = iter(self.source() if callable(self.source) else self.source)
                batch = next(self._iterator, _END)
            if batch is _END:
                return
            yield batch

    def _of_dataset(self, source: PyDataset) -> Iterator[Any]:
        """The next `steps` batches; behind the last one of the dataset it begins anew."""
        if self.steps is None:
            yield from source.batches(None, self.shuffle)
            return
        if self._iterator is None:
            self._iterator, self._seen = source.batches(None, self.shuffle), 0
        for batch in itertools.islice(self._iterator, self.steps):
            self._seen += 1
            yield batch
        if self._seen >= source.num_batches:
            next(self._iterator, None)  # which calls on_epoch_end
            self._iterator = None


def verbosity(where: str, verbose: Any) -> int:
    """0, 1 or 2; "auto" is 1."""
    if type(verbose) is int and 0 <= verbose <= 2:
        return verbose
    if isinstance(verbose, (int, np.integer)) and verbose in (0, 1, 2):
        return int(verbose)
    if isinstance(verbose, str) and verbose == "auto":
        return 1
    must_be(where, "verbose", verbose, ("auto", 0, 1, 2))


def peeked(source: Any) -> tuple[Any, Any]:
    """The source again, and its first batch."""
    if isinstance(source, PyDataset):
        return source, source[0]
    if callable(source) and not hasattr(source, "__next__"):
        return source, next(iter(source()))
    iterator = iter(source)
    first = next(iterator, None)
    if first is None:
        raise ArgumentError("keras.fit", "batches must be given, got none")
    if iterator is source:
        return itertools.chain([first], iterator), first
    return source, first
