"""Streams in the place of arrays: what `fit`, `evaluate` and `predict` make of their batches.

In: a stream and a model. Out: batches that are checked as arrays are, one at a time; what a run
reads them from; measures and predictions of all of them.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError, DataError
from pellucid.data.arrays import check_finite, fingerprint, gather_rows
from pellucid.data.streams import Stream, features_of, is_stream, numbered, parts
from pellucid.data.table_stream import TableStream
from pellucid.models import fitting
from pellucid.models.base import BaseModel
from pellucid.models.data import Data
from pellucid.models.fitting import Feed
from pellucid.models.measuring import Measuring, rows_of
from pellucid.optim import BatchSize, GrowingBatch, Optimizer
from pellucid.runtime.backend import Asked
from pellucid.runtime.executor import is_readable
from pellucid.runtime.extras import numpy_dtype
from pellucid.train.callback import Run
from pellucid.train.group_rows import GroupRows
from pellucid.train.rows import WINDOW, Batch, GatheredRows, StreamRows

Array = np.ndarray[Any, Any]


def is_given(where: str, x: Any, y: Any) -> bool:
    """Whether x is a stream; without y a list or tuple of (x, y) is one too.

    Raises:
        ArgumentError: for arrays without y, and a stream with y.
    """
    if y is None:
        several = isinstance(x, (list, tuple)) and len(x) > 0
        if is_stream(x) or (several and all(isinstance(one, tuple) for one in x)):
            return True
        raise ArgumentError(
            where,
            f"y must be given with x, got {type(x).__name__} alone",
            f"Write {where}(x, y), or give a stream of batches (x, y).",
        )
    if is_stream(x):
        raise ArgumentError(
            where,
            f"a stream gives y with each batch, got a {type(x).__name__} and y",
            f"Write {where}(stream) where it gives (x, y), or make an array of x.",
        )
    return False


def checked_stream(where: str, x: Any, sample_weight: Any, class_weight: Any) -> Stream:
    """The stream that x is, beside arguments that may not go with one."""
    if sample_weight is not None:
        raise ArgumentError(
            where,
            "the weights of a stream's rows come with its batches, got sample_weight too",
            "Give batches (x, y, weights).",
        )
    if isinstance(class_weight, str):
        raise ArgumentError(
            where,
            f"class_weight of a stream must be {{class: weight}}, got {class_weight!r}",
            "Count the classes first: N / (C·N_c) is the weight of class c.",
        )
    return Stream(where, x)


class Source:
    """The batches of a stream, checked for a model.

    Attributes:
        first: the data of the first batch, as all others must be; features: x as it came.
        names: of its columns, where a table is streamed.
        model, dtype: whose batches they are.
        epoch: of which the first batch is.
    """

    def __init__(
        self, model: BaseModel, stream: Stream, where: str, class_weight: Any = None, epoch: int = 0
    ):
        self.model, self.stream, self._where = model, stream, where
        self._class_weight, self.epoch = class_weight, epoch
        self.names = None if stream.table is None else stream.table.features
        if stream.table is not None:
            _check_table(model, stream.table, where)
        self.dtype = numpy_dtype(model.dtype)
        raw = stream.batches(epoch)
        head = next(raw, None)
        if head is None:
            raise DataError(
                where,
                "a stream must give at least one batch, got none",
                "A generator that was read before is at its end: make a new one."
                if stream.once
                else "",
            )
        self.features = parts(f"{where}, batch 1", head)[0]
        self.first = next(numbered([head], lambda batch: self._data(batch, False)))
        self._raw: Iterator[Any] | None = itertools.chain([head], raw)

    def _data(self, batch: Any, more: bool = True) -> Data:
        x, y, weights = parts(self._where, batch)
        return Data.of(self.model, x, y, self._where, weights, self._class_weight, "y", more)

    def _batch(self, batch: Any) -> Batch:
        """A batch as the job takes it, if it is like the first one."""
        data = self._data(batch)
        if bool(data.weights) != bool(self.first.weights):
            raise DataError(
                self._where, "all batches must have weights or none, got some with and some without"
            )
        if data.weight_types != self.first.weight_types:
            raise DataError(
                self._where,
                f"weights of all batches must be {self.first.weight_types} as in the first one, "
                f"got {data.weight_types}",
            )
        for own, known in zip(data.types, self.first.types, strict=True):
            if own != known:
                raise DataError(
                    self._where,
                    f"y of all batches must be {known!r} as in the first one, got {own!r}",
                )
        rows = rows_of(data.features, 0, data.rows, self.dtype)
        return Batch((*rows, *data.others))

    def batches(self, epoch: int) -> tuple[str, Iterator[Batch]]:
        """What tells the data of an epoch from others, and its batches."""
        raw, self._raw = self._raw, None
        if raw is None or epoch != self.epoch:
            raw = self.stream.batches(epoch)
        found = numbered(raw, self._batch)
        first = next(found, None)
        if first is None:
            return "", iter(())
        return self._print(first), _again(first, found)

    def _print(self, batch: Batch) -> str:
        inputs = len(self.first.features)
        return fingerprint(batch.arrays[:inputs], batch.arrays[inputs:], self.dtype)


def _check_table(model: BaseModel, table: TableStream, where: str) -> None:
    """Refuses a streamed table without a target, or with other columns than those of `fit`."""
    if table.target is None:
        raise ArgumentError(
            where,
            "a table must have a target here, got one without",
            'Name its column: stream_table(source, "target").',
        )
    model.check_columns(table.features, where)


def _again(first: Batch, rest: Iterator[Batch]) -> Iterator[Batch]:
    yield first
    yield from rest


def feed(source: Source, batch_size: Any, epochs: int, resume: bool) -> Feed:
    """The rows of a stream in their order, which steps read from a window."""
    model, first = source.model, source.first
    if batch_size is None and source.stream.table is not None:
        batch_size = 32
    sizes = _sizes(batch_size, model.configuration("fit").optimizer)
    largest = first.rows if sizes is None else sizes.largest(epochs)
    window = _window(first, source.dtype, largest if sizes is None else 2 * largest)
    label, batches = source.batches(source.epoch)
    same = {
        "batch_size": 0 if sizes is None else fitting.stored_size(sizes),
        "rows": 0,
        "data": label,
    }
    if resume and model.training.get("batch") == 0:  # another epoch's batches may differ
        same["data"] = model.training["data"]
    rows = StreamRows(
        source.batches,
        (source.epoch, label, batches),
        (*window.features, *window.others),
        sizes is None,
        source.stream.length,
    )
    return Feed(
        window,
        (lambda epoch: largest) if sizes is None else sizes.checked_size,
        largest,
        same,
        lambda engine: rows,
        moving=True,
    )


def feed_of_arrays(
    model: BaseModel,
    data: Data,
    batch_size: Any,
    epochs: int,
    shuffle: bool,
    parts: GroupRows | None = None,
) -> Feed:
    """As `fitting.feed`; rows that native code cannot read as they lie go by a window.

    These are rows of files in another form, and of sparse matrices. Where a step takes all rows, a
    sparse matrix is made dense. Several processes bring theirs to their devices at once.
    """
    if parts is not None:
        return fitting.feed(model, data, batch_size, epochs, shuffle, parts)
    if data.sparse and fitting.feed(model, data, batch_size, epochs, shuffle).largest >= data.rows:
        data = data.dense(model, "fit")
    made = fitting.feed(model, data, batch_size, epochs, shuffle)
    names = (*model.architecture.inputs.labels("x"), *("y",) * len(data.targets), "sample_weight")
    arrays = (*data.features, *data.others)
    if not data.sparse and all(is_readable(one) or not _is_mapped(one) for one in arrays):
        return made
    window = _window(data, numpy_dtype(model.dtype), 2 * made.largest)
    own = (*window.features, *window.others)
    named = list(zip(arrays, own, names, strict=False))

    def gather(rows: Array) -> Batch:
        found = tuple(gather_rows(x, rows, like.dtype, name) for x, like, name in named)
        for one, (_, _, name) in zip(found, named, strict=True):
            check_finite(one, rows, name)
        return Batch(found)

    rows = GatheredRows(gather, data.rows, own, shuffle)
    return dataclasses.replace(made, data=window, rows=lambda engine: rows, moving=True)


def _is_mapped(array: Any) -> bool:
    """Whether an array stands in a file."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


def _sizes(given: Any, optimizer: Optimizer) -> BatchSize | None:
    """`batch_size` of a stream; None where each batch is a step."""
    if given is None and optimizer.full_batch:
        raise ArgumentError(
            "fit",
            f"{type(optimizer).__name__} searches along a direction, for which a step needs all "
            "rows, got a stream",
            "Pass batch_size= with a large number of rows, or use SGD or Adam.",
        )
    if given is None:
        return None
    if isinstance(given, str):
        raise ArgumentError(
            "fit", f"batch_size of a stream must be a number, got {given!r}", "Pass a number."
        )
    if isinstance(given, GrowingBatch) and given.highest is None:
        raise ArgumentError(
            "fit",
            "a GrowingBatch must have its highest number of rows for a stream, got None",
            "Write GrowingBatch(32, highest=1024).",
        )
    return fitting.batch_sizes(given, 0, optimizer)


def _window(first: Data, dtype: np.dtype[Any], least: int) -> Data:
    """Memory for some rows like the first ones, that steps read: for `least` at least."""
    features = [(x.shape[1:], dtype) for x in first.features]
    others = [(other.shape[1:], other.dtype) for other in first.others]
    width = sum(kind.itemsize * math.prod(shape) for shape, kind in (*features, *others))
    rows = max(least, WINDOW // max(1, width))
    arrays = [np.zeros((rows, *shape), kind) for shape, kind in (*features, *others)]
    inputs, outputs = len(first.features), len(first.targets)
    return Data(
        tuple(arrays[:inputs]),
        tuple(arrays[inputs : inputs + outputs]),
        tuple(arrays[inputs + outputs :]),
    )


def _joined(batches: Iterator[Batch], size: int) -> Iterator[list[Array]]:
    """The rows of batches in parts that are a multiple of `size`, the last one perhaps not.

    What is held while the next batch is read is a copy: a stream may fill the same arrays anew.
    """
    held: list[tuple[Array, ...]] = []
    rows = 0
    for batch in batches:
        held.append(tuple(array.copy() for array in batch.arrays))
        rows += len(batch)
        if rows < size:
            continue
        arrays = [np.concatenate(column) for column in zip(*held, strict=True)]
        whole = rows - rows % size
        yield [array[:whole] for array in arrays]
        held, rows = [tuple(array[whole:].copy() for array in arrays)], rows - whole
    if rows:
        yield [np.concatenate(column) for column in zip(*held, strict=True)]


def measure_of_stream(
    model: BaseModel,
    stream: Stream,
    where: str,
    class_weight: Any,
    chunk: int,
    backend: Asked,
    threads: int | None = None,
) -> Callable[[], dict[str, float]]:
    """What gives loss and metrics of a stream with the weights that the model has then."""
    source = Source(model, stream, where, class_weight)
    fitting.check_metrics(model, source.first)
    measuring = fitting.measuring_of(model, source.first, chunk, backend, threads)
    inputs, outputs = len(source.first.features), len(source.first.targets)

    def measure() -> dict[str, float]:
        made, rows = measuring(), 0
        for arrays in _joined(source.batches(0)[1], chunk):
            x, rest = arrays[:inputs], arrays[inputs:]
            made.add(x, rest[:outputs], rest[outputs:])
            rows += len(x[0])
        if not rows:
            raise DataError(
                where,
                "a stream must give a batch each time it is measured, got none",
                "What gives its batches once is at its end: give the generator function, without "
                "calling it.",
            )
        return made.values()

    return measure


def running_measures(
    model: BaseModel, batches: Iterable[Any], where: str, backend: Asked
) -> Iterator[dict[str, float]]:
    """Loss and metrics of all rows so far, behind each batch; a batch is computed at once."""
    made: Measuring | None = None
    for batch in batches:
        x, y, weights = parts(where, batch)
        data = Data.of(model, x, y, where, weights, more=made is not None)
        if made is None:
            fitting.check_metrics(model, data)
            made = fitting.measuring_of(model, data, data.rows, backend)()
        made.chunk = data.rows
        made.add(data.features, data.targets, data.weights)
        yield made.values()


def validation(
    model: BaseModel, given: Any, passes: int, backend: Asked, chunk: int
) -> Callable[[Run], dict[str, float]] | None:
    """What measures `validation_data` after an epoch; rows that were held out are a `Data`.

    Args:
        passes: how often, at least where it is more than once.
        chunk: rows that are computed at a time.
    """
    if given is None:
        return None
    if is_stream(given):
        stream = Stream("validation_data", given)
        stream.check_epochs("validation_data", passes)
        measure = measure_of_stream(model, stream, "validation_data", None, chunk, backend)
    elif isinstance(given, Data):
        fitting.check_metrics(model, given)
        measure = fitting.measure_of(model, given, chunk, backend)
    else:
        measure = fitting.validation(model, given, backend, chunk)

    def validate(run: Run) -> dict[str, float]:
        return {f"val_{name}": value for name, value in measure().items()}

    return validate


def predictions_of(
    model: BaseModel,
    stream: Stream,
    where: str,
    predicted: Callable[[tuple[Array, ...]], list[Array]],
) -> list[Array]:
    """The outputs for each row of a stream, one array an output.

    Args:
        predicted: gives those of some rows.
    """
    model.refresh()
    if stream.table is not None:
        model.check_columns(stream.table.features, where)
        if stream.table.seed is not None:
            raise ArgumentError(
                where,
                "a table must give its rows in their order, got one that shuffles them",
                "Write stream_table(…, shuffle=False).",
            )

    def outputs(batch: Any) -> list[Array]:
        features = model.more_features(features_of(batch), where)
        model.built(features)
        return predicted(features)

    found = list(numbered(stream.batches(0), outputs))
    if not found:
        raise DataError(where, "a stream must give at least one batch, got none")
    return [np.concatenate(column) for column in zip(*found, strict=True)]
