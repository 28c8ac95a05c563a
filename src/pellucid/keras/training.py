"""The stages of `fit` through the door: data in our form, a callback that calls Keras's hooks."""

from __future__ import annotations

import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError, DivergenceError
from pellucid.data.streams import is_stream
from pellucid.keras import blame
from pellucid.keras.arguments import must_be
from pellucid.keras.callback import Callback, acts, hears, sees_batches
from pellucid.keras.callbacks import SwapEMAWeights, TerminateOnNaN
from pellucid.keras.pydataset import PyDataset
from pellucid.keras.session import SESSION, hooked
from pellucid.keras.tensors import flat, mapped
from pellucid.train.callback import Callback as Hooks
from pellucid.train.callback import Run

Array = np.ndarray[Any, Any]
Logs = dict[str, float]


class Measures:
    """What the run of ours measures, in Keras's names.

    Args:
        metrics, losses: {name of ours: Keras's}; losses are those of several outputs.
        several: whether there are several outputs.
    """

    def __init__(self, metrics: Mapping[str, str], losses: Mapping[str, str], several: bool):
        self.several = several
        self.metrics, self.losses = dict(metrics), dict(losses)
        known = {"loss": "loss", **self.losses, **self.metrics}
        order = sorted((keras, ours) for ours, keras in known.items())
        self._pairs = {
            prefix: [(prefix + keras, prefix + ours) for keras, ours in order]
            for prefix in ("", "val_")
        }
        self._ours = {keras: ours for ours, keras in known.items()}
        every = self.metrics.values()
        # In the order of evaluate: of several outputs Keras sorts the metrics by their names.
        self.names = ["loss", *self.losses.values(), *(sorted(every) if several else every)]

    def of(self, row: Mapping[str, float], prefix: str = "") -> Logs:
        """Keras's measures of a row of ours; those that begin with `prefix`, "" or "val_"."""
        if f"{prefix}loss" not in row:
            return {}
        return {keras: row[ours] for keras, ours in self._pairs[prefix]}

    def listed(self, row: Mapping[str, float]) -> Any:
        """The measures of a row of ours in the order of `names`; the number where it is one."""
        values = [row[self._ours[name]] for name in self.names]
        return values[0] if len(values) == 1 else values


class OneStep(Hooks):
    """Gives a run of one step the rate that was set on the optimizer."""

    reads_model = False
    every_step = False

    def __init__(self, rate_scale: float):
        self._scale = rate_scale

    def on_start(self, run: Any) -> None:
        run.rate_scale = self._scale


class Bridge(Hooks):
    """Calls Keras's hooks, and tells the run what they set on the model.

    The weights of the latest step are the engine's until a hook looks at them.
    """

    reads_model = False
    every_step = False

    def __init__(
        self,
        model: Any,
        callbacks: Sequence[Callback],
        measures: Measures,
        verbose: int,
    ):
        self.model, self.callbacks, self.measures = model, callbacks, measures
        self.verbose = verbose
        self.only_averages = not any(map(acts, callbacks))
        self._step, self._started = 0, 0.0
        self._run: Any = None  # the run that calls

    def call(self, hook: str, *args: Any) -> None:
        """Calls a hook of all callbacks."""
        for one in self.callbacks:
            getattr(one, hook)(*args)

    def _publish(self) -> None:
        """Gives the model the weights of this step, where it does not have them."""
        run = self._run
        if self._step != run.step:
            self._step = run.step
            run.publish()

    def _hooked(self, run: Run, hooks: Callable[[Run], None]) -> None:
        """Calls hooks; whoever looks at the weights in one gets those of this step."""
        hooked(self._publish, hooks, run)
        scale = self.model.optimizer.scale
        if scale != run.rate_scale:
            run.rate_scale = scale
        if self.model.stop_training:
            run.stop = True

    def on_start(self, run: Run) -> None:
        self._run, self._step = run, run.step
        run.averages = any(isinstance(one, SwapEMAWeights) for one in self.callbacks)
        self._hooked(run, self._begin)

    def _begin(self, run: Run) -> None:
        self._started = time.perf_counter()
        self.call("on_epoch_begin", run.epoch, {})

    def on_epoch(self, run: Run) -> None:
        self._hooked(run, self._end)

    def _end(self, run: Run) -> None:
        logs = self.measures.of(run.logs)
        held = self.measures.of(run.logs, "val_")
        if held:
            self.call("on_test_begin", {})
            self.call("on_test_end", {k.removeprefix("val_"): v for k, v in held.items()})
            logs |= held
        if self.verbose:
            seconds = time.perf_counter() - self._started
            shown = " - ".join([f"{name}: {value:.4f}" for name, value in logs.items()])
            print(f"Epoch {run.epoch}/{run.epochs} - {seconds:.0f}s - {shown}", flush=True)
        self._behind_epoch(run, run.epoch - 1, logs)
        if run.epoch < run.epochs and not self.model.stop_training:
            self._begin(run)

    def _behind_epoch(self, run: Run, epoch: int, logs: Logs) -> None:
        """Calls on_epoch_end of all; behind a swap the others find averages in the model."""
        swapped = False
        for one in self.callbacks:
            one.on_epoch_end(epoch, logs)
            if isinstance(one, SwapEMAWeights) and one.swap_on_epoch:
                run.publish(averages=True)
                self._step, swapped = run.step, True
        if swapped:
            self._step = -1  # who looks from here on gets the weights themselves

    def read(self, curves: Mapping[str, Sequence[float]], first: int) -> None:
        """Tells the callbacks what a run measured that they did not see."""
        for number in range(len(curves.get("loss", ()))):
            row = {name: values[number] for name, values in curves.items()}
            logs = self.measures.of(row)
            if not math.isnan(row.get("val_loss", math.nan)):
                logs |= self.measures.of(row, "val_")
            self.call("on_epoch_end", first + number, logs)


class StepBridge(Bridge):
    """One whose callbacks have hooks of single steps."""

    every_step = True

    def on_start(self, run: Run) -> None:
        # Those that hear of it, once: a small network's step is shorter than a few idle calls.
        self._before, self._behind = (
            [one for one in self.callbacks if hears(one, f"on_train_batch_{w}", f"on_batch_{w}")]
            for w in ("begin", "end")
        )
        super().on_start(run)

    def on_end(self, run: Run) -> None:
        if self._seen and run.batch and run.stop:  # a hook of a step ended the epoch
            self._behind_epoch(run, run.epoch, self.measures.of(run.logs))

    def _begin(self, run: Run) -> None:
        super()._begin(run)
        self._seen = 0
        if not self.model.stop_training:
            self._begin_step(0)

    def _begin_step(self, batch: int) -> None:
        for one in self._before:
            one.on_train_batch_begin(batch, {})

    def on_step(self, run: Run) -> None:
        self._seen = run.batch
        self._hooked(run, self._stepped)

    def _stepped(self, run: Run) -> None:
        batch = run.batch
        if self._behind:
            logs = self.measures.of(run.logs)
            for one in self._behind:
                one.on_train_batch_end(batch - 1, logs)
        if self._before and not self.model.stop_training:
            total = run.steps_per_epoch
            if total is None or batch < total:
                self._begin_step(batch)


def bridge(
    model: Any,
    callbacks: Sequence[Callback],
    measures: Measures,
    verbose: int,
) -> Bridge:
    """What calls the hooks of these callbacks, those of steps where one has them."""
    kind = StepBridge if any(map(sees_batches, callbacks)) else Bridge
    return kind(model, callbacks, measures, verbose)


# -- data ---------------------------------------------------------------------------------------


def by_class(y: Array, class_weight: Mapping[int, float], sample_weight: Any) -> Array:
    """Weights of rows, as Keras makes them of classes."""
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            "keras.fit", f"class_weight must be {{class: weight}}, got {class_weight!r}"
        )
    labels = np.asarray(y)
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
        if self._iterator is None:
            self._iterator = iter(source() if callable(source) else source)
        return itertools.islice(self._iterator, self.steps)

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


def run(callbacks: Sequence[Callback], train: Callable[[], Any]) -> bool:
    """Runs `train`; whether it came to its end.

    Raises:
        DivergenceError: where the loss is no longer finite, unless a TerminateOnNaN is there.
    """
    ends = [one for one in callbacks if isinstance(one, TerminateOnNaN)]
    try:
        train()
    except DivergenceError:
        if not ends or any(one.raise_error for one in ends):
            raise
        print("Invalid loss, terminating training")
        return False
    return True


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
