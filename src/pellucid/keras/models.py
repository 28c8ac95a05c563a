"""keras.models: Model and Sequential over the Model of ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import pellucid as pel
from pellucid import models as ours
from pellucid import nn
from pellucid.core.errors import ArgumentError, nearest
from pellucid.keras import arguments, graphs, losses, metrics, optimizers, training
from pellucid.keras.arguments import refuse
from pellucid.keras.base import COMMON, Layer, _plain
from pellucid.keras.callbacks import History, checked
from pellucid.keras.layers import InputLayer
from pellucid.keras.mapped import Mapped
from pellucid.keras.session import SESSION
from pellucid.keras.tensors import KerasTensor, flat, input_tensor, mapped
from pellucid.keras.training import Batches, Bridge, Measures, run
from pellucid.models.endings import contract_of
from pellucid.train.history import MAX_EPOCHS

_REFUSED = (
    *("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"),
    *("make_train_function", "make_test_function", "make_predict_function"),
)


class Model(Layer):
    """A network between tensors, `Model(inputs, outputs)`; or a class of your own with `call`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        inputs = kwargs.pop("inputs", args[0] if args else None)
        outputs = kwargs.pop("outputs", args[1] if len(args) > 1 else None)
        where = "Functional" if type(self) is Model else type(self).__name__
        for name in kwargs:
            if name not in COMMON:
                raise ArgumentError(
                    f"keras.{where}", f"unknown argument {name!r}", nearest(name, COMMON)
                )
        if "name" not in kwargs or kwargs["name"] is None:
            kwargs["name"] = SESSION.name(where)
        super().__init__(**kwargs)
        self.stop_training = False
        self.history: Any = None
        self._network: ours.Model | None = None
        self._inputs: Any = None
        self._outputs: Any = None
        self._input_names: list[str] = []
        self._output_names: list[str] = []
        self._compiled: dict[str, Any] | None = None
        self._configured: Any = None
        self._running: tuple[float, dict[str, float]] = (0.0, {})
        if inputs is not None:
            if outputs is None:
                raise ArgumentError("keras.Model", "outputs must be given with inputs")
            inputs, outputs = (  # dicts in the order of their keys, as Keras has them
                dict(sorted(one.items())) if isinstance(one, Mapping) else one
                for one in (inputs, outputs)
            )
            self._connect(inputs, outputs)
            self._layers = graphs.ordered(flat(inputs), flat(outputs))
            self.built = True
            self._functional = True

    _functional = False

    # -- the network ------------------------------------------------------------------------

    def _connect(self, inputs: Any, outputs: Any) -> None:
        self._inputs, self._outputs = inputs, outputs
        first, last = graphs.named(inputs, "inputs"), graphs.named(outputs, "outputs")
        self._input_names, self._output_names = list(first), list(last)
        self._network = graphs.network(first, last, _plain(self.name))
        self._configured = None

    def network(self, x: Any = None) -> ours.Model:
        """The Model of ours; x gives the shapes where they are not known."""
        for name in _REFUSED:
            if getattr(type(self), name, None) is not getattr(Model, name, None):
                refuse(
                    type(self).__name__, name, "…",
                    "fit trains by its own step: see docs/training-loops.md for loops of your own",
                )  # fmt: skip
        if self._network is None:
            if x is None:
                raise ArgumentError(
                    f"keras.{self.name}",
                    "the shape of the input is not known yet",
                    "Begin with Input(shape), call build, or call the model on data.",
                )
            number = iter(range(1000))
            tensors = mapped(
                _as_arrays(x),
                lambda one: (
                    InputLayer(shape=one.shape[1:], name=f"{self.name}_x{next(number)}").output
                ),
            )
            outputs = self(tensors)
            if self._network is None:
                self._connect(tensors, outputs)
        assert self._network is not None
        return self._network

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs of this shape, with None for the rows."""
        plain = isinstance(input_shape, (tuple, list)) and bool(input_shape)
        plain = plain and all(one is None or isinstance(one, int) for one in input_shape)
        if plain and self._network is None and not _tracing():
            self.network(np.zeros((1, *input_shape[1:])))
        self.built = True

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """The network on other tensors."""
        network = self._network
        if network is None:
            raise ArgumentError(
                f"keras.{self.name}", "a model of your own must define call, got none", ""
            )
        tensors = self._given(inputs, "inputs")
        several = len(tensors) > 1
        words = network.architecture.inputs.names
        symbols: Any = tensors[0].symbol
        if several:
            symbols = {word: one.symbol for word, one in zip(words, tensors, strict=True)}
        found = network(symbols)
        made = flat(found)
        types = network.architecture.output_types
        wrapped = iter(
            [
                KerasTensor(symbol, type, None, tensors[0].root, name)
                for symbol, type, name in zip(made, types, self._output_names, strict=True)
            ]
        )
        return mapped(self._outputs, lambda _: next(wrapped))

    def _given(self, x: Any, what: str) -> list[Any]:
        """x or y as a list in the order of the inputs or outputs."""
        names = self._input_names if what == "inputs" else self._output_names
        if isinstance(x, Mapping):
            missing = [name for name in names if name not in x]
            if missing:
                raise ArgumentError(
                    f"keras.{self.name}", f"{what} must hold {missing[0]!r}, got {', '.join(x)}"
                )
            for name in x:
                if name not in names:
                    raise ArgumentError(
                        f"keras.{self.name}", f"{what} have no {name!r}", nearest(name, names)
                    )
            return [x[name] for name in names]
        nested = isinstance(x, (list, tuple)) and len(names) > 1
        found = list(x) if nested else [x]
        if isinstance(x, (list, tuple)) and len(x) == 1 and hasattr(x[0], "shape"):
            found = list(x)
        if len(found) != len(names):
            raise ArgumentError(
                f"keras.{self.name}", f"{what} must be {len(names)}, got {len(found)}"
            )
        return found

    # -- what Keras says of a model ---------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers, in Keras's order."""
        return list(self._layers)

    @property
    def inputs(self) -> list[KerasTensor]:
        self.network()
        return flat(self._inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        self.network()
        return flat(self._outputs)

    @property
    def input(self) -> Any:
        self.network()
        return self._inputs

    @property
    def input_shape(self) -> Any:
        return mapped(self.input, lambda one: one.shape)

    @property
    def output_shape(self) -> Any:
        return mapped(self.output, lambda one: one.shape)

    @property
    def output_names(self) -> list[str]:
        self.network()
        return list(self._output_names)

    @property
    def metrics_names(self) -> list[str]:
        return self._measures(self.network()).names

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name, or this number."""
        if (name is None) == (index is None):
            raise ArgumentError("keras.get_layer", "give a name or an index, one of them")
        if index is not None:
            return self.layers[index]
        for one in self.layers:
            if one.name == name:
                return one
        names = [one.name for one in self.layers]
        raise ArgumentError("keras.get_layer", f"there is no layer {name!r}", nearest(name, names))

    def own_weights(self) -> Any:
        found, seen = [], set()
        for one in super().own_weights():
            if (id(one[0]), one[1], one[2]) not in seen:
                seen.add((id(one[0]), one[1], one[2]))
                found.append(one)
        return found

    def set_weights(self, weights: Any) -> None:
        super().set_weights(weights)

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Prints a table of the layers."""
        for name, value in (
            ("positions", positions), ("expand_nested", expand_nested),
            ("show_trainable", show_trainable), ("layer_range", layer_range),
        ):  # fmt: skip
            if value not in (None, False):
                refuse("Model.summary", name, value, "the table has one form")
        self.network()
        width = line_length or 65
        say = print_fn or print
        say(f'Model: "{self.name}"')
        say("─" * width)
        say(f"{'Layer (type)':<34}{'Output Shape':<20}{'Param #':>10}")
        say("─" * width)
        for one in self.layers:
            shape = getattr(one.__dict__.get("_made_tensor"), "shape", "")
            label = f"{one.name} ({type(one).__name__})"
            say(f"{label:<34}{shape!s:<20}{one.count_params():>10,}")
        say("─" * width)
        total = self.count_params()
        trained = sum(int(one.size) for one in self.trainable_weights)
        say(f"Total params: {total:,}")
        say(f"Trainable params: {trained:,}")
        say(f"Non-trainable params: {total - trained:,}")

    # -- compile ----------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Says how the model is trained."""
        for name, value, plain in (
            ("weighted_metrics", weighted_metrics or None, (None,)),
            ("run_eagerly", run_eagerly, (False,)),
            ("steps_per_execution", steps_per_execution, (1,)),
            ("jit_compile", jit_compile, ("auto", True)),
            ("auto_scale_loss", auto_scale_loss, (True,)),
        ):
            if value not in plain:
                refuse("Model.compile", name, value)
        if loss is None:
            refuse("Model.compile", "loss", None, "an objective must be given")
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        for one in flat(loss):
            if one is not None:
                losses.get(one)
        self._compiled = {"loss": loss, "weights": loss_weights, "metrics": metrics}
        self._configured = None

    @property
    def compiled(self) -> bool:
        return self._compiled is not None

    def _per_output(self, given: Any, what: str) -> list[Any]:
        """One entry an output, of a list, a dict, or one for all."""
        names = list(self._output_names)
        if isinstance(given, Mapping):
            for name in given:
                if name not in names:
                    raise ArgumentError(
                        "keras.compile", f"{what} names no output {name!r}", nearest(name, names)
                    )
            return [given.get(name) for name in names]
        if isinstance(given, (list, tuple)):
            if len(given) != len(names):
                raise ArgumentError(
                    "keras.compile", f"{what} must be {len(names)}, one an output, got {len(given)}"
                )
            return list(given)
        return [given] * len(names)

    def _configure(self, where: str, x: Any = None) -> ours.Model:
        """The Model of ours, compiled as the door's is."""
        network = self.network(x)
        if self._compiled is None:
            if network.compiled:  # out of a file
                return network
            raise ArgumentError(
                f"keras.{where}",
                "the model must be compiled first",
                "Call compile(optimizer, loss).",
            )
        frozen = {id(one) for one in self._frozen()}
        key = (id(network), frozenset(frozen), id(self._compiled))
        if self._configured is not None and self._configured[0] == key:
            return network
        architecture = network.architecture
        self._losses = [losses.get(one) for one in self._per_output(self._compiled["loss"], "loss")]
        inner = []
        for one, end in zip(self._losses, architecture.ends, strict=True):
            inner.append(one.inner(contract_of(architecture, nn.Squared(), end).activation))
        table, measured = self._metrics(architecture)
        several = len(inner) > 1
        weights = self._compiled["weights"]
        rates = {
            name: 0.0 for name, layer in architecture.unique().items()
            if id(layer) in frozen and layer.variables.params
        }  # fmt: skip
        words = architecture.outputs.names
        network.compile(
            self.optimizer.inner,
            dict(zip(words, inner, strict=True)) if several else inner[0],
            metrics=dict(zip(words, table, strict=True)) if several else table[0],
            rates=rates or None,
            loss_weights=None
            if weights is None or not several
            else dict(
                zip(
                    words,
                    (1.0 if w is None else w for w in self._per_output(weights, "loss_weights")),
                    strict=True,
                )
            ),
        )
        own = {}
        if several:
            own = {
                f"{word}_loss": f"{name}_loss"
                for word, name in zip(words, self._output_names, strict=True)
            }
        self._configured = (key, Measures(measured, own))
        return network

    def _metrics(self, architecture: Any) -> tuple[list[list[pel.Metric]], dict[str, Any]]:
        """For each output the metrics of ours, and what Keras's are made of."""
        assert self._compiled is not None
        given, several = self._compiled["metrics"], len(self._output_names) > 1
        lists = self._per_output(given, "metrics") if several else [given]
        if not several and isinstance(given, Mapping):
            lists = self._per_output(given, "metrics")
        table: list[list[pel.Metric]] = []
        measured: dict[str, Any] = {}
        for number, (own, name, word) in enumerate(
            zip(lists, self._output_names, architecture.outputs.names, strict=True)
        ):
            row = []
            listed = own if isinstance(own, (list, tuple)) else [] if own is None else [own]
            shape = architecture.output_types[number].shape
            for k, one in enumerate(flat(list(listed))):
                metric = metrics.get(one, shape)
                parts, combine = metric.made(shape[-1] if len(shape) > 1 else 1)
                keys = []
                for j, part in enumerate(parts):
                    key = f"k{number}_{k}_{j}"
                    row.append(pel.Metric(key, _per_row(part)))
                    keys.append(f"{word}_{key}" if several else key)
                label = f"{name}_{metric.name}" if several else metric.name
                while label in measured:
                    label += "_1"
                measured[label] = (keys, combine, metric.needs_rows)
            table.append(row)
        return table, measured

    def _measures(self, network: ours.Model) -> Measures:
        if self._configured is not None:
            return self._configured[1]  # type: ignore[no-any-return]
        names = [m.name for each in network._configuration.metrics for m in each]  # type: ignore[union-attr]
        return Measures({one: ([one], lambda means, rows: means[0], False) for one in names}, {})

    # -- data -------------------------------------------------------------------------------

    def _x(self, x: Any) -> Any:
        """Features in the form of the Model of ours."""
        arrays = [_array(one) for one in self._given(x, "inputs")]
        words = self.network().architecture.inputs.names
        return arrays[0] if len(arrays) == 1 else dict(zip(words, arrays, strict=True))

    def _y(self, y: Any) -> Any:
        """Targets in the form of the Model of ours."""
        network = self.network()
        arrays = [_array(one) for one in self._given(y, "outputs")]
        types = network.architecture.output_types
        if self._compiled is not None:
            arrays = [
                loss.prepared(one, type.shape)
                for loss, one, type in zip(self._losses, arrays, types, strict=True)
            ]
        words = network.architecture.outputs.names
        return arrays[0] if len(arrays) == 1 else dict(zip(words, arrays, strict=True))

    def _batch(self, class_weight: Any = None) -> Callable[[Any], Any]:
        """What makes a batch of Keras one of ours."""

        def prepared(batch: Any) -> Any:
            batch = tuple(batch) if isinstance(batch, (list, tuple)) else batch
            if not isinstance(batch, tuple) or len(batch) not in (2, 3):
                raise ArgumentError("keras.fit", "a batch must be (x, y) or (x, y, weights)")
            x, y, weights = (*batch, None)[:3]
            if class_weight is not None:
                weights = training.by_class(y, class_weight, weights)
            made = (self._x(_numbers(x)), self._y(_numbers(y)))
            return made if weights is None else (*made, np.asarray(weights))

        return prepared

    # -- fit --------------------------------------------------------------------------------

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
        if validation_freq != 1 and not isinstance(validation_freq, int):
            refuse("Model.fit", "validation_freq", validation_freq, "a number of epochs")
        several = checked(callbacks)
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
            network = self._configure("fit", _numbers(first[0]))
            stream = Batches(x, self._batch(class_weight), steps_per_epoch, shuffle)
            rows: int | None = None
        else:
            if y is None:
                raise ArgumentError("keras.fit", "y must be given with x")
            x, y = _as_arrays(x), _as_arrays(y)
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
        bridge = Bridge(self, everyone, measures, (rows, held_rows), level)
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
        x, y, *weights = given
        x = _as_arrays(x)
        return (self._x(x), self._y(_as_arrays(y)), *weights), len(flat(x)[0])

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
        level, several = training.verbosity("Model.evaluate", verbose), checked(callbacks)
        rows: int | None = None
        for one in several:
            one.set_model(self)
            one.on_test_begin({})
        if training.is_batches(x):
            x, first = training.peeked(x)
            network = self._configure("evaluate", _numbers(first[0]))
            found = network.evaluate(Batches(x, self._batch(), steps))
        else:
            if steps is not None:
                refuse("Model.evaluate", "steps", steps, "of arrays all rows are measured")
            x, y = _as_arrays(x), _as_arrays(y)
            network = self._configure("evaluate", x)
            rows = len(flat(x)[0])
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

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """What the outputs are, in their form."""
        level, several = training.verbosity("Model.predict", verbose), checked(callbacks)
        started = time.perf_counter()
        for one in several:
            one.set_model(self)
            one.on_predict_begin({})
        options: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
        if training.is_batches(x):
            x, first = training.peeked(x)
            network = self.network(_numbers(first[0] if isinstance(first, tuple) else first))
            found: Any = network.predict(Batches(x, self._features, steps))
        else:
            if steps is not None:
                refuse("Model.predict", "steps", steps, "of arrays all rows are predicted")
            x = _as_arrays(x)
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
        return (self._x(_numbers(batch[0] if isinstance(batch, tuple) else batch)),)

    def predict_on_batch(self, x: Any) -> Any:
        """What the outputs are for one batch."""
        return self.predict(x, verbose=0)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One step; the means of all such steps since `reset_metrics`."""
        x, y = _as_arrays(x), _as_arrays(y)
        network = self._configure("train_on_batch", x)
        rows = len(flat(x)[0])
        if class_weight is not None:
            sample_weight = training.by_class(y, class_weight, sample_weight)
        found = network.fit(
            self._x(x), self._y(y), sample_weight=sample_weight, batch_size=rows, shuffle=False,
            seed=SESSION.seed(), verbose=0, callbacks=[_Scaled(self)],
        )  # fmt: skip
        row = {name: values[-1] for name, values in found.epochs.items()}
        return self._accumulated(network, row, rows, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Measures one batch; the means of all such calls since `reset_metrics`."""
        x, y = _as_arrays(x), _as_arrays(y)
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

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Reads what `save_weights` wrote."""
        if skip_mismatch or kwargs:
            refuse("Model.load_weights", "skip_mismatch", skip_mismatch, "all arrays must fit")
        with np.load(filepath, allow_pickle=False) as file:
            self.set_weights([file[f"arr_{n}"] for n in range(len(file.files))])

    def graph(self) -> Any:
        """The prediction graph, node by node: that of the Model of ours."""
        return self.network().graph()


class Sequential(Model):
    """Layers in a row."""

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(
            name=SESSION.name("Sequential") if name is None else name, trainable=trainable
        )
        for one in layers or ():
            self.add(one)

    def add(self, layer: Any) -> None:
        """Puts a layer behind the others."""
        if isinstance(layer, KerasTensor) and layer.node is not None:
            layer = layer.node.layer
        if not isinstance(layer, Layer):
            raise ArgumentError("keras.Sequential", f"expected a layer, got {layer!r}")
        if not self._layers and not isinstance(layer, InputLayer):
            sample = getattr(layer, "_sample", None)
            if sample is None and isinstance(layer, Model) and layer._network is not None:
                sample = layer.input_shape[1:]
            if sample is not None:
                self._layers.append(InputLayer(shape=sample))
        self._layers.append(layer)
        self._network = None
        if len(self._layers) > 1 and isinstance(self._layers[0], InputLayer):
            self._chained()

    def pop(self, rebuild: bool = True) -> Layer:
        """Takes the last layer off."""
        last: Layer = self._layers.pop()
        self._network = None
        return last

    @property
    def layers(self) -> list[Layer]:
        return [one for one in self._layers if not isinstance(one, InputLayer)]

    def _chained(self) -> None:
        """Calls the layer that was added last on the output of those before."""
        x = getattr(self, "_end", None) if len(self._layers) > 2 else None
        done = getattr(self, "_done", 0)
        if x is None or done != len(self._layers) - 1:
            x = self._layers[0].output
            for one in self._layers[1:-1]:
                x = one(x)
        self.__dict__["_end"] = self._layers[-1](x)
        self.__dict__["_done"] = len(self._layers)
        self.built = True

    def network(self, x: Any = None) -> ours.Model:
        if self._network is None and self._layers and isinstance(self._layers[0], InputLayer):
            if getattr(self, "_done", 0) != len(self._layers):
                self.__dict__["_end"] = None
                self._chained()
            self._connect(self._layers[0].output, self.__dict__["_end"])
            self.built = True
        elif self._network is None and x is not None:
            first = np.asarray(flat(_as_arrays(x))[0])
            self._layers.insert(0, InputLayer(shape=first.shape[1:]))
            return self.network()
        return super().network(x)

    def build(self, input_shape: Any = None) -> None:
        if input_shape is not None and self._network is None and not _tracing():
            self.network(np.zeros((1, *input_shape[1:])))
        self.built = True

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        x = inputs
        for one in self.layers:
            x = one(x)
        return x


class _Scaled(pel.Callback):
    """Gives a run the rate that was set on the optimizer."""

    reads_model = False
    every_step = False

    def __init__(self, model: Any):
        self._model = model

    def on_start(self, run: Any) -> None:
        run.rate_scale = self._model.optimizer.scale


class Loaded(Layer):
    """A layer of a model out of a file."""

    own_weights = Mapped.own_weights
    inner_layers = Mapped.inner_layers
    _frozen = Mapped._frozen

    def __init__(self, inner: Any) -> None:
        super().__init__(name=inner.name or SESSION.name(type(inner).__name__))
        self.inner, self.built = inner, True


def load_model(
    filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Model:
    """The model of a file that `save` wrote.

    Its layers are those of the file; the functions in it stand there as graphs.
    """
    if custom_objects:
        refuse("models.load_model", "custom_objects", custom_objects)
    if safe_mode is not True:
        refuse("models.load_model", "safe_mode", safe_mode)
    network = pel.load(filepath)
    if not isinstance(network, ours.Model):
        raise ArgumentError("keras.load_model", f"expected a model in {filepath}, got {network!r}")
    made = Model(name=network.name)
    architecture = network.architecture
    made._layers = [Loaded(one) for one in architecture.unique().values()]
    made._network = network
    made._input_names = list(architecture.inputs.names)
    made._output_names = list(architecture.outputs.names)
    made._inputs = [
        input_tensor(sample, name)
        for sample, name in zip(architecture.samples, architecture.inputs.names, strict=True)
    ]
    made._outputs = list(range(len(architecture.ends))) if len(architecture.ends) > 1 else 0
    made.built = made._functional = True
    if not compile:
        network._configuration = None
    return made


def save_model(model: Model, filepath: Any, overwrite: bool = True, zipped: Any = None) -> None:
    """As model.save."""
    model.save(filepath, overwrite, zipped)


def _per_row(part: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    from pellucid.keras import formulas

    return lambda t, p: formulas.of_rows(part(t, p), p.shape[0])


def _tracing() -> bool:
    from pellucid.keras.tensors import ROOT

    return ROOT.get() is not None


def _array(x: Any) -> Any:
    """x as it is where it has numbers in an array or a table, else an array."""
    return x if hasattr(x, "shape") or hasattr(x, "columns") else np.asarray(x)


def _numbers(x: Any) -> Any:
    """Arrays of a batch: tensors of PyTorch and others become arrays."""
    return mapped(x, np.asarray)


def _as_arrays(x: Any) -> Any:
    """Nested arrays; a list of numbers is one array."""
    if isinstance(x, Mapping):
        return {name: _as_arrays(one) for name, one in x.items()}
    if isinstance(x, (list, tuple)) and x and all(hasattr(one, "shape") and one.shape for one in x):
        return type(x)([_array(one) for one in x])
    return _array(x)


_KNOWN = {
    "Model": Model, "Sequential": Sequential, "load_model": load_model, "save_model": save_model,
}  # fmt: skip
__all__ = sorted(_KNOWN)  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("models", __all__)
