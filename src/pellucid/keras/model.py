"""keras.Model: fit, evaluate, predict, steps on batches, files."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

import numpy as np

from pellucid.core import forks
from pellucid.core.arguments import checked, flag
from pellucid.core.errors import ArgumentError
from pellucid.keras import blame, hooks, stepping, training
from pellucid.keras.arguments import refuse
from pellucid.keras.callback import PREDICT, TEST, History, as_callbacks, sees_batches
from pellucid.keras.callbacks import swapped
from pellucid.keras.files import Files
from pellucid.keras.networks import as_arrays, numbers
from pellucid.keras.pydataset import PyDataset
from pellucid.keras.session import SESSION
from pellucid.keras.tensors import flat, mapped
from pellucid.keras.training import ArrayBatches, Batches
from pellucid.train.history import MAX_EPOCHS

_NESTED = (list, tuple, dict)


class Model(Files):
    """A network between tensors, `Model(inputs, outputs)`; or a class of your own with `call`."""

    def duplicate(self) -> Model:
        made: Model = forks.load("pellucid.keras.cloning").clone_model(self)  # which imports this
        return made

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
        validation_freq: int | Collection[int] = 1,
    ) -> History:
        """Trains on arrays, or on batches; returns the History."""
        level = training.verbosity("Model.fit", verbose)
        training.check_steps(
            "fit", steps_per_epoch=steps_per_epoch, validation_steps=validation_steps
        )
        several = as_callbacks(callbacks)
        if stepping.owns(self, "fit"):
            return stepping.fit(
                self, x, y, batch_size=batch_size, epochs=epochs, level=level, callbacks=several,
                validation_split=validation_split, validation_data=validation_data,
                shuffle=shuffle, class_weight=class_weight, sample_weight=sample_weight,
                initial_epoch=initial_epoch, steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps, validation_batch_size=validation_batch_size,
                validation_freq=validation_freq,
            )  # fmt: skip
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
            network = self._configure_for("fit", *training.unpacked(first))
            stream = Batches(x, self._batch(class_weight), steps_per_epoch, shuffle)
            total = steps_per_epoch or (x.num_batches if isinstance(x, PyDataset) else None)
        else:
            x, y = as_arrays(x), None if y is None else as_arrays(y)
            training.count_rows("fit", x)
            weighted = sample_weight is not None or class_weight is not None
            network = self._configure("fit", x, y, weighted)
            self._check_targets("fit", y)
            if validation_split and validation_data is None:
                (x, y, sample_weight), validation_data = training.split(
                    [x, y, None if sample_weight is None else as_arrays(sample_weight)],
                    validation_split,
                )
                if validation_data[2] is None:
                    validation_data = validation_data[:2]
            rows = len(flat(x)[0])
            if class_weight is not None:
                sample_weight = training.by_class(y, class_weight, sample_weight)
            total = -(-rows // (batch_size or 32))
            if steps_per_epoch is not None and batch_size is None:
                batch_size = -(-rows // steps_per_epoch)
                total = steps_per_epoch
            elif batch_size and training.is_part(rows, batch_size, steps_per_epoch):
                parts = ArrayBatches(x, y, sample_weight, batch_size)
                stream = Batches(parts, self._batch(), steps_per_epoch, shuffle)
                total = steps_per_epoch
        size = validation_batch_size or batch_size
        held = self._held(validation_data, validation_steps, size)
        self.stop_training, self.validates = False, held is not None
        measures = self._measures(network)
        history = History()
        self.history = history
        everyone = [*several, history]
        for one in everyone:
            one.set_model(self)
            one.set_params({"verbose": level, "epochs": epochs, "steps": total})
        bridge = hooks.bridge(self, everyone, measures, level)
        if held is not None:
            bridge.tests = self._tests(network, held, size or 32, everyone, validation_freq)
            bridge.apart = any(sees_batches(one, TEST) for one in everyone)
            held = None if bridge.apart else held
        # Where nobody looks, the run is one of ours, and its history is read at the end.
        quiet = not several and not level and self.optimizer.scale == 1 and epochs <= MAX_EPOCHS
        self._first_epoch = initial_epoch
        bridge.call("on_train_begin", {})
        initial_epoch = self._first_epoch
        try:
            options: dict[str, Any] = {
                "epochs": epochs, "validation_data": held, "seed": SESSION.seed(), "verbose": 0,
                "initial_epoch": initial_epoch, "callbacks": [] if quiet else [bridge],
            }  # fmt: skip
            if held is not None:
                options["validation_freq"] = validation_freq
                chunk = self._at_once(network, validation_batch_size, batch_size)
                options |= {f"validation_{name}": value for name, value in chunk.items()}
            if stream is not None:
                hooks.run(several, lambda: network.fit(stream, **options))
            else:
                if batch_size is not None:
                    options["batch_size"] = batch_size
                features, targets, row_weights = self._rows(x, y, sample_weight)
                hooks.run(
                    several,
                    lambda: network.fit(
                        features, targets, sample_weight=row_weights, shuffle=shuffle, **options
                    ),
                )
        finally:
            if quiet:
                bridge.read(network.history.epochs, initial_epoch)
        self._finalize()
        bridge.call("on_train_end", bridge.logs)
        return history

    def _tests(self, network: Any, held: Any, size: int, several: Any, freq: Any) -> Any:
        """What measures validation data batch by batch, behind the epochs that are due."""
        measures = self._measures(network)
        first = held if isinstance(held, Batches) else lambda epoch: training.sliced(held, size)

        def tests(epoch: int) -> dict[str, float]:
            if epoch % freq if isinstance(freq, int) else epoch not in freq:
                return {}
            row = hooks.tested(self, network, first(epoch), several, measures)
            return measures.of(row)

        return tests

    def directions(self) -> dict[str, str]:
        """For each metric "max" where more is better, "min" where less is; "" is not known."""
        given = [] if self._compiled is None else flat([self._compiled["metrics"]])
        weighted = [] if self._compiled is None else flat([self._compiled["weighted"]])
        own = [one for one in (*given, *weighted) if one is not None]
        several = [f"{name}_" for name in self._output_names] if len(self._output_names) > 1 else []
        return {f"{front}{one.name}": one.direction for one in own for front in ("", *several)}

    def _finalize(self) -> None:
        """Behind a run weights become their averages, where the optimizer makes some."""
        network = self.trained_network()
        if network.averages is not None:
            network.set_weights(network.averages)

    def _held(self, given: Any, steps: int | None, size: int | None) -> Any:
        """Validation data in our form."""
        if given is None:
            if steps is not None:
                refuse("Model.fit", "validation_steps", steps, "there is no validation_data")
            return None
        if training.is_batches(given):
            return Batches(given, self._batch(), steps)
        if not isinstance(given, (list, tuple)) or len(given) not in (1, 2, 3):
            raise ArgumentError(
                "keras.fit",
                f"validation_data must be (x, y) or (x, y, weights), got {blame.shown(given)}",
            )
        x, y, weights = training.first_rows(
            [None if one is None else as_arrays(one) for one in training.unpacked(given)],
            size, steps,
        )  # fmt: skip
        training.count_rows("fit validation_data", x)
        made = self._rows(x, y, weights)
        return made[: 2 if made[2] is None else 3]

    def _configure_for(self, where: str, x: Any, y: Any, weights: Any) -> Any:
        """What is trained on batches like this one."""
        y = None if y is None else numbers(y)
        network = self._configure(where, numbers(x), y, weights is not None)
        self._check_targets(where, y)
        return network

    def _check_targets(self, where: str, y: Any) -> None:
        """Refuses data without targets where a loss of compile needs them."""
        if y is None and not self._own_objective and not self._without_targets:
            raise ArgumentError(f"keras.{where}", "y must be given with x, got none")

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
        if steps is not None:
            training.check_steps("evaluate", steps=steps)
        level, several = training.verbosity("Model.evaluate", verbose), as_callbacks(callbacks)
        for one in several:
            one.set_model(self)
            one.set_params({"verbose": level, "epochs": 1, "steps": _steps(x, batch_size, steps)})
        own = stepping.owns(self, "evaluate")
        by_batches = bool(several) and any(sees_batches(one, TEST) for one in several)
        if several and (own or not by_batches):
            hooks.call(several, "on_test_begin", {})
        if own:
            logs = stepping.evaluate(self, x, y, batch_size, sample_weight, steps, several)
            self._told(several, level, logs)
            return logs if return_dict else _alone([*logs.values()])
        if training.is_batches(x):
            x, first = training.peeked(x)
            network = self._configure_for("evaluate", *training.unpacked(first))
            batches: Any = Batches(x, self._batch(), steps)
            if not by_batches:
                options = self._at_once(network, batch_size)
                found = swapped(self, several, lambda: network.evaluate(batches, **options))
        else:
            x, y = as_arrays(x), None if y is None else as_arrays(y)
            training.count_rows("evaluate", x)
            if steps is not None:
                x, y, sample_weight = training.first_rows([x, y, sample_weight], batch_size, steps)
            network = self._configure("evaluate", x, y, sample_weight is not None)
            self._check_targets("evaluate", y)
            options = self._at_once(network, batch_size)
            features, targets, weights = self._rows(x, y, sample_weight)
            if by_batches:
                given = (features, targets) if weights is None else (features, targets, weights)
                batches = lambda epoch: training.sliced(given, batch_size or 32)  # noqa: E731
            else:
                options["sample_weight"] = weights
                measured = lambda: network.evaluate(features, targets, **options)  # noqa: E731
                found = swapped(self, several, measured)
        if by_batches:
            rest = batches(0), several, self._measures(network)
            found = swapped(self, several, lambda: hooks.tested(self, network, *rest))
        if several or level:
            logs = self._measures(network).of(found)
            self._told([] if by_batches else several, level, logs)
        return self._shown(network, found, return_dict)

    @staticmethod
    def _told(several: Any, level: int, logs: dict[str, float]) -> None:
        """Lets callbacks and a person know what was measured."""
        hooks.call(several, "on_test_end", logs)
        if level:
            print(" - ".join(f"{name}: {value:.4f}" for name, value in logs.items()), flush=True)

    def _shown(self, network: Any, row: dict[str, float], return_dict: bool) -> Any:
        """Of a row of ours what Keras returns."""
        measures = self._measures(network)
        return measures.of(row) if return_dict else measures.listed(row)

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
        if steps is not None:
            training.check_steps("predict", steps=steps)
        started = time.perf_counter() if level else 0.0
        for one in several:
            one.set_model(self)
            one.set_params({"verbose": level, "epochs": 1, "steps": _steps(x, batch_size, steps)})
        by_batches = False
        if several:
            hooks.call(several, "on_predict_begin", {})
            by_batches = any(sees_batches(one, PREDICT) for one in several)
        options: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
        plain = type(x) is np.ndarray and x.ndim == self._rank  # as the network takes it
        own = stepping.owns(self, "predict")
        if own and by_batches:
            refuse("Model.predict", "callbacks", "…", "with a predict_step no batch has hooks")
        if own:
            found: Any = stepping.predict(self, x, batch_size, steps)
        elif plain and steps is None and not several:  # calls of few rows feel each test
            found = self.network(x).predict(x, **options)
        elif training.is_batches(x):
            x, first = training.peeked(x)
            network = self.network(numbers(training.unpacked(first)[0]))
            batches = Batches(x, self._features, steps)
            if by_batches:
                return self._predicted(network, (one[0] for one in batches(0)), several, level)
            found = swapped(self, several, lambda: network.predict(batches))
        else:
            x = as_arrays(x)
            training.count_rows("predict", x)
            (x,) = training.first_rows([x], batch_size, steps)
            network = self.network(x)
            if by_batches:
                rows = training.sliced(self._x(x), batch_size or 32)
                return self._predicted(network, rows, several, level)
            found = swapped(self, several, lambda: network.predict(self._x(x), **options))
        if several:
            hooks.call(several, "on_predict_end", {})
        if level:
            read = len(flat(found)[0])
            print(f"{read:,} rows - {time.perf_counter() - started:.1f}s", flush=True)
        if not own and (len(self._output_names) > 1 or type(self._outputs) in _NESTED):
            return self._as_outputs(flat(found))
        return found

    def _as_outputs(self, arrays: Any) -> Any:
        """Arrays in the form of the outputs."""
        made = iter(arrays)
        return mapped(self._outputs, lambda _: next(made))

    def _predicted(self, network: Any, batches: Any, several: Any, level: int) -> Any:
        """What the outputs are for batches in our form, with hooks around each."""
        started, parts = time.perf_counter(), []
        self.stop_predicting = False
        for number, x in enumerate(hooks.announced(several, "on_predict_batch_begin", batches)):
            made = flat(network.predict(x, batch_size=len(flat(x)[0])))
            parts.append(made)
            found = self._as_outputs(made)
            logs = found if isinstance(found, dict) else {"outputs": found}  # Keras's form
            hooks.call(several, "on_predict_batch_end", number, logs)
            if self.stop_predicting:
                break
        hooks.call(several, "on_predict_end", {})
        whole = [np.concatenate(one) for one in zip(*parts, strict=True)]
        if level:
            rows = len(whole[0])
            print(f"{rows:,} rows - {time.perf_counter() - started:.1f}s", flush=True)
        return self._as_outputs(whole)

    def _features(self, batch: Any) -> Any:
        return (self._x(numbers(training.unpacked(batch)[0])),)

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
        """One step; the loss and the metrics of the batch before it."""
        flag("keras.train_on_batch", "return_dict", return_dict)
        if stepping.owns(self, "fit"):
            logs = stepping.train_on_batch(self, x, y, sample_weight, class_weight)
            return logs if return_dict else _alone([*logs.values()])
        x, y = as_arrays(x), None if y is None else as_arrays(y)
        rows = training.count_rows("train_on_batch", x)
        weighted = sample_weight is not None or class_weight is not None
        network = self._configure("train_on_batch", x, y, weighted)
        self._check_targets("train_on_batch", y)
        if class_weight is not None:
            sample_weight = training.by_class(y, class_weight, sample_weight)
        features, targets, weights = self._rows(x, y, sample_weight)
        found = network.fit(
            features, targets, sample_weight=weights, batch_size=rows, shuffle=False,
            seed=SESSION.seed(), verbose=0,
            callbacks=[] if self.optimizer.scale == 1 else [hooks.OneStep(self.optimizer.scale)],
        )  # fmt: skip
        row = {name: values[-1] for name, values in found.epochs.items()}
        return self._shown(network, row, return_dict)

    @checked
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """The loss and the metrics of one batch."""
        flag("keras.test_on_batch", "return_dict", return_dict)
        if stepping.owns(self, "evaluate"):
            logs = stepping.test_on_batch(self, x, y, sample_weight)
            return logs if return_dict else _alone([*logs.values()])
        x, y = as_arrays(x), None if y is None else as_arrays(y)
        size = training.count_rows("test_on_batch", x)
        network = self._configure("test_on_batch", x, y, sample_weight is not None)
        self._check_targets("test_on_batch", y)
        features, targets, weights = self._rows(x, y, sample_weight)
        row = network.evaluate(features, targets, sample_weight=weights, batch_size=size)
        return self._shown(network, row, return_dict)

    def graph(self) -> Any:
        """The prediction graph, node by node: that of the Model of ours."""
        return self.network().graph()


def _alone(values: list[float]) -> Any:
    """A number where there is one, else the list."""
    return values[0] if len(values) == 1 else values


def _steps(x: Any, batch_size: int | None, steps: int | None) -> int | None:
    """How many batches evaluate and predict take, where it is known."""
    if steps is not None or isinstance(x, PyDataset):
        return x.num_batches if steps is None else steps
    rows = getattr(flat(x)[0], "shape", (0,)) if flat(x) else (0,)
    return -(-rows[0] // (batch_size or 32)) if rows and rows[0] else None
