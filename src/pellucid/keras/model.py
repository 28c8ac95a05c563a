"""keras.Model: fit, evaluate, predict, steps on batches, files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.arguments import checked, flag
from pellucid.core.errors import ArgumentError
from pellucid.keras import blame, training
from pellucid.keras.arguments import refuse
from pellucid.keras.callback import History, as_callbacks
from pellucid.keras.compiling import Compiled
from pellucid.keras.networks import as_arrays, numbers
from pellucid.keras.session import SESSION
from pellucid.keras.tensors import flat, mapped
from pellucid.keras.training import Batches, Measures, run
from pellucid.train.callback import Callback
from pellucid.train.history import MAX_EPOCHS


class Model(Compiled):
    """A network between tensors, `Model(inputs, outputs)`; or a class of your own with `call`."""

    # -- fit --------------------------------------------------------------------------------

    @blame.kinds("Model.fit")
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> History:
        """Trains on arrays, or on batches; returns the History."""
        level = training.verbosity("Model.fit", verbose)
        several = as_callbacks(callbacks)
        batches = training.is_batches(x)
        stream: Any = None
        if batches:
            if y is not None or sample_weight is not None:
                raise ArgumentError("keras.fit", "batches give y and weights themselves, got y too")
            if batch_size is not None:
                refuse("Model.fit", "batch_size", batch_size, "the batches have their own sizes")
            if validation_split:
                refuse("Model.fit", "validation_split", validation_split, "give validation_data")
            x, first = training.peeked(x)
            network = self._configure("fit", numbers(first[0]))
            stream = Batches(x, self._batch(class_weight), steps_per_epoch, shuffle)
            rows: int | None = None
        else:
            if y is None:
                raise ArgumentError("keras.fit", "y must be given with x")
            x, y = as_arrays(x), as_arrays(y)
            training.count_rows("fit", x)
            network = self._configure("fit", x)
            if validation_split and validation_data is None:
                (x, y, sample_weight), validation_data = training.split(
                    [x, y, None if sample_weight is None else np.asarray(sample_weight)],
                    validation_split,
                )
                if validation_data[2] is None:
                    validation_data = validation_data[:2]
            rows = len(flat(x)[0])
            size = batch_size or 32
            if steps_per_epoch is not None and steps_per_epoch != -(-rows // size):
                refuse(
                    "Model.fit", "steps_per_epoch", steps_per_epoch,
                    "of arrays an epoch is all rows; give a generator for parts of them",
                )  # fmt: skip
            if class_weight is not None:
                if len(self._output_names) > 1:
                    refuse("Model.fit", "class_weight", class_weight, "it is of one output")
                sample_weight = training.by_class(y, class_weight, sample_weight)
        held, held_rows = self._held(validation_data, validation_steps)
        self.stop_training = False
        measures = self._measures(network)
        history = History()
        self.history = history
        total = None if rows is None else -(-rows // (batch_size or 32))
        everyone = [*several, history]
        for one in everyone:
            one.set_model(self)
            one.set_params(
                {
                    "verbose": level,
                    "epochs": epochs,
                    "steps": steps_per_epoch or total,
                    "validates": held is not None,
                }
            )
        bridge = training.bridge(self, everyone, measures, (rows, held_rows), level)
        # Where nobody looks, the run is one of ours, and its history is read at the end.
        quiet = not several and not level and self.optimizer.scale == 1 and epochs <= MAX_EPOCHS
        bridge.call("on_train_begin", {})
        try:
            options: dict[str, Any] = {
                "epochs": epochs, "validation_data": held, "seed": SESSION.seed(), "verbose": 0,
                "initial_epoch": initial_epoch, "callbacks": [] if quiet else [bridge],
            }  # fmt: skip
            if held is not None:
                options["validation_freq"] = validation_freq
            if stream is not None:
                run(several, lambda: network.fit(stream, **options))
            else:
                if batch_size is not None:
                    options["batch_size"] = batch_size
                run(
                    several,
                    lambda: network.fit(
                        self._x(x), self._y(y), sample_weight=sample_weight, shuffle=shuffle,
                        **options,
                    ),
                )  # fmt: skip
        finally:
            if quiet:
                bridge.read(network.history.epochs, initial_epoch)
            bridge.call("on_train_end", {})
        return history

    def _held(self, given: Any, steps: int | None) -> tuple[Any, int | None]:
        """Validation data in our form, and how many rows they are."""
        if given is None:
            if steps is not None:
                refuse("Model.fit", "validation_steps", steps, "there is no validation_data")
            return None, None
        if training.is_batches(given):
            return Batches(given, self._batch(), steps), None
        if steps is not None:
            refuse("Model.fit", "validation_steps", steps, "of arrays all rows are measured")
        if not isinstance(given, (list, tuple)) or len(given) not in (2, 3):
            raise ArgumentError(
                "keras.fit", f"validation_data must be (x, y) or (x, y, weights), got {given!r}"
            )
        x, y, *weights = given
        x = as_arrays(x)
        training.count_rows("fit validation_data", x)
        return (self._x(x), self._y(as_arrays(y)), *weights), len(flat(x)[0])

    # -- evaluate and predict ---------------------------------------------------------------

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The loss, or a list with the metrics, or a dict of them."""
        for name, value in kwargs.items():
            refuse("Model.evaluate", name, value, "Keras's evaluate does not have it")
        flag("keras.evaluate", "return_dict", return_dict)
        level, several = training.verbosity("Model.evaluate", verbose), as_callbacks(callbacks)
        rows: int | None = None
        for one in several:
            one.set_model(self)
            one.on_test_begin({})
        if training.is_batches(x):
            x, first = training.peeked(x)
            network = self._configure("evaluate", numbers(first[0]))
            found = network.evaluate(Batches(x, self._batch(), steps))
        else:
            if steps is not None:
                refuse("Model.evaluate", "steps", steps, "of arrays all rows are measured")
            x, y = as_arrays(x), as_arrays(y)
            rows = training.count_rows("evaluate", x)
            network = self._configure("evaluate", x)
            options: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
            found = network.evaluate(self._x(x), self._y(y), sample_weight=sample_weight, **options)
        measures = self._measures(network)
        logs = measures.of(found, rows)
        for one in several:
            one.on_test_end(logs)
        if level:
            print(" - ".join(f"{name}: {value:.4f}" for name, value in logs.items()), flush=True)
        return self._shown(logs, measures, return_dict)

    @staticmethod
    def _shown(logs: dict[str, float], measures: Measures, return_dict: bool) -> Any:
        if return_dict:
            return logs
        values = [logs[name] for name in measures.names]
        return values[0] if len(values) == 1 else values

    @checked
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """What the outputs are, in their form."""
        level, several = training.verbosity("Model.predict", verbose), as_callbacks(callbacks)
        started = time.perf_counter()
        for one in several:
            one.set_model(self)
            one.on_predict_begin({})
        options: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
        if training.is_batches(x):
            x, first = training.peeked(x)
            network = self.network(numbers(first[0] if isinstance(first, tuple) else first))
            found: Any = network.predict(Batches(x, self._features, steps))
        else:
            if steps is not None:
                refuse("Model.predict", "steps", steps, "of arrays all rows are predicted")
            x = as_arrays(x)
            training.count_rows("predict", x)
            network = self.network(x)
            found = network.predict(self._x(x), **options)
        made = iter(flat(found))
        result = mapped(self._outputs, lambda _: next(made))
        for one in several:
            one.on_predict_end({})
        if level:
            print(f"{time.perf_counter() - started:.1f}s", flush=True)
        return result

    def _features(self, batch: Any) -> Any:
        return (self._x(numbers(batch[0] if isinstance(batch, tuple) else batch)),)

    @checked
    def predict_on_batch(self, x: Any) -> Any:
        """What the outputs are for one batch."""
        return self.predict(x, verbose=0)

    @checked
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One step; the means of all such steps since `reset_metrics`."""
        flag("keras.train_on_batch", "return_dict", return_dict)
        x, y = as_arrays(x), as_arrays(y)
        rows = training.count_rows("train_on_batch", x)
        network = self._configure("train_on_batch", x)
        if class_weight is not None:
            sample_weight = training.by_class(y, class_weight, sample_weight)
        found = network.fit(
            self._x(x), self._y(y), sample_weight=sample_weight, batch_size=rows, shuffle=False,
            seed=SESSION.seed(), verbose=0,
            callbacks=[] if self.optimizer.scale == 1 else [_Scaled(self)],
        )  # fmt: skip
        row = {name: values[-1] for name, values in found.epochs.items()}
        return self._accumulated(network, row, rows, return_dict)

    @checked
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Measures one batch; the means of all such calls since `reset_metrics`."""
        flag("keras.test_on_batch", "return_dict", return_dict)
        x, y = as_arrays(x), as_arrays(y)
        training.count_rows("test_on_batch", x)
        network = self._configure("test_on_batch", x)
        row = network.evaluate(self._x(x), self._y(y), sample_weight=sample_weight)
        return self._accumulated(network, row, len(flat(x)[0]), return_dict)

    def _accumulated(self, network: Any, row: Any, rows: int, return_dict: bool) -> Any:
        count, sums = self._running
        sums = {name: sums.get(name, 0.0) + value * rows for name, value in row.items()}
        self._running = (count + rows, sums)
        means = {name: value / (count + rows) for name, value in sums.items()}
        measures = self._measures(network)
        return self._shown(measures.of(means, int(count + rows)), measures, return_dict)

    def reset_metrics(self) -> None:
        """Forgets the means of train_on_batch and test_on_batch."""
        self._running = (0.0, {})

    # -- files ------------------------------------------------------------------------------

    @blame.kinds("Model.save")
    def save(
        self, filepath: Any, overwrite: bool = True, zipped: Any = None, **kwargs: Any
    ) -> None:
        """Writes a file of ours under this name; see load_model and pel.load."""
        if zipped is not None:
            refuse("Model.save", "zipped", zipped, "the file is one of safetensors")
        for name, value in kwargs.items():
            refuse("Model.save", name, value)
        network = self.network()
        if self._compiled is not None:
            self._configure("save")
        network.save(filepath, overwrite=overwrite)

    @blame.kinds("Model.save_weights")
    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: Any = None
    ) -> None:
        """Writes the arrays, as NumPy's .npz under this name."""
        if max_shard_size is not None:
            refuse("Model.save_weights", "max_shard_size", max_shard_size, "one file holds all")
        path = Path(filepath)
        if path.exists() and not overwrite:
            raise ArgumentError(
                "keras.save_weights", f"the file {path} exists", "Give overwrite=True."
            )
        self.network()
        with path.open("wb") as file:
            np.savez(file, *self.get_weights())

    @blame.kinds("Model.load_weights")
    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Reads what `save_weights` wrote."""
        if skip_mismatch or kwargs:
            refuse("Model.load_weights", "skip_mismatch", skip_mismatch, "all arrays must fit")
        with np.load(filepath, allow_pickle=False) as file:
            self.set_weights([file[f"arr_{n}"] for n in range(len(file.files))])

    def graph(self) -> Any:
        """The prediction graph, node by node: that of the Model of ours."""
        return self.network().graph()


class _Scaled(Callback):
    """Gives a run the rate that was set on the optimizer."""

    reads_model = False
    every_step = False

    def __init__(self, model: Any):
        self._model = model

    def on_start(self, run: Any) -> None:
        run.rate_scale = self._model.optimizer.scale
