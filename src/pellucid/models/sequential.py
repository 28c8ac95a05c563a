"""`Sequential`: what a person does with a network: compile, fit, evaluate, predict, save."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core import dtypes, trees
from pellucid.core.arguments import checked, choice, flag, real, whole
from pellucid.core.arguments import seed as check_seed
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.files import check_target
from pellucid.core.shapes import N
from pellucid.data.arrays import (
    as_features,
    as_targets,
    check_finite,
    consecutive,
    fingerprint,
)
from pellucid.graph.node import Graph, TensorType
from pellucid.models.network import Array, Network
from pellucid.models.saving import save
from pellucid.nn.activations import activate
from pellucid.nn.layer import Layer
from pellucid.nn.losses import Loss
from pellucid.nn.losses import loss as loss_of
from pellucid.nn.regularizers import Regularizer
from pellucid.ops.random import Key
from pellucid.ops.value import Builder, Value
from pellucid.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from pellucid.runtime.backend import check_backend, executor
from pellucid.runtime.executor import Program
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.interpreter import run
from pellucid.runtime.native import Native
from pellucid.runtime.threads import check as check_threads
from pellucid.runtime.threads import in_chunks
from pellucid.train.callbacks import Callback, Checkpoint
from pellucid.train.callbacks import Progress as ProgressBar
from pellucid.train.engines import Job, engine
from pellucid.train.history import History
from pellucid.train.loop import Progress, Run, Settings
from pellucid.train.metrics import Metric, metric
from pellucid.train.step import Task, evaluation_graph, prediction_graph, slots_graph, step_graph
from pellucid.transform.custom import in_rows

_OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "sgd": SGD, "adam": Adam, "adamw": AdamW, "adagrad": Adagrad, "rmsprop": RMSprop,
}  # fmt: skip
_CHUNK = 1024  # rows that evaluate and predict take at a time


class Sequential(Network):
    """A network of layers in a row.

    Args:
        layers: the layers, first to last. A layer object used twice shares its weights.
        seed: owns the initial weights, 0 ≤ seed < 2⁶³; None draws one.
        dtype: "float32" or "float64", of weights and computation.

    Example:
        >>> from pellucid.nn import Dense
        >>> model = Sequential([Dense(3, activation="relu", input_shape=(2,)), Dense(1)], seed=0)
        >>> model.count_params()
        13
    """

    @checked
    def __init__(
        self, layers: Iterable[Layer] = (), seed: int | None = None, dtype: Any = "float32"
    ):
        super().__init__(seed, dtype)
        self.optimizer: Optimizer | None = None
        self.loss: Loss | None = None
        self.metrics: tuple[Metric, ...] = ()
        self.regularizers: tuple[Regularizer, ...] = ()
        self.slots: dict[str, list[Array]] | None = None
        self.history = History()
        self.training: dict[str, Any] = {}  # where a run stands, for resuming
        self._programs: dict[Any, Any] = {}
        if isinstance(layers, Layer):
            raise ArgumentError("Sequential", "layers must be a list of layers, got one layer",
                                "Write Sequential([layer]).")  # fmt: skip
        try:
            given = list(layers)
        except TypeError:
            raise ArgumentError(
                "Sequential", f"layers must be a list of layers, got {layers!r}"
            ) from None
        for layer in given:
            self.add(layer)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle keeps: graphs are built anew."""
        return {**self.__dict__, "_programs": {}}

    def rebuilt(self) -> None:
        self.slots, self.training = None, {}
        self._programs.clear()

    # -- training ---------------------------------------------------------------------------

    @checked
    def compile(
        self,
        optimizer: Optimizer | str = "sgd",
        loss: Loss | str | Callable[..., Any] = "cross_entropy",
        metrics: Sequence[Any] = (),
        regularizer: Regularizer | Sequence[Regularizer] = (),
    ) -> None:
        """Says how the model is trained.

        Args:
            optimizer: an Optimizer, or "sgd", "adam", "adamw", "adagrad" or "rmsprop" with their
                default rates.
            loss: a Loss, the name of one (squared, cross_entropy, …: `pel.nn.losses.BY_NAME`), or
                a function `loss(y_true, y_pred)` that returns one value a row.
            metrics: names (accuracy, squared_error, absolute_error) or functions like a loss.
            regularizer: penalties added to the mean loss: L2(1e-4), [L1(…), L2(…)].
        """
        if isinstance(optimizer, str):
            choice("compile", "optimizer", optimizer, _OPTIMIZERS)
            optimizer = _OPTIMIZERS[optimizer]()
        if not isinstance(optimizer, Optimizer):
            hint = "Write SGD(…), with brackets." if isinstance(optimizer, type) else ""
            raise ArgumentError("compile", f"expected an optimizer, got {optimizer!r}", hint)
        if not isinstance(metrics, (list, tuple)):
            metrics = [metrics]
        penalties = tuple(regularizer) if isinstance(regularizer, (list, tuple)) else (regularizer,)
        for penalty in penalties:
            if not isinstance(penalty, Regularizer):
                raise ArgumentError(
                    "compile", f"expected a regularizer, got {penalty!r}", "Write L2(1e-4)."
                )
        chosen = loss_of(loss)
        if self.layers:
            self._logit_layers(chosen)
        self.optimizer, self.loss = optimizer, chosen
        self.metrics = tuple(metric(item) for item in metrics)
        self.regularizers = penalties
        self.slots, self.training = None, {}
        self._programs.clear()

    def _compiled(self, what: str) -> Optimizer:
        if self.optimizer is None or self.loss is None:
            raise ArgumentError(
                what, "the model must be compiled first", "Call compile(optimizer, loss)."
            )
        return self.optimizer

    def _task(self, y: TensorType) -> Task:
        assert self.loss is not None and self.input_type is not None
        layers = self._logit_layers(self.loss)

        def forward(
            params: Any, state: Any, x: Value, *, train: bool, key: Key | None
        ) -> tuple[Value, Any]:
            return self._apply(layers, params, state, x, train, key)

        shared = dict(zip(self.names, self.layers, strict=True))
        is_bias = tuple(
            leaf in shared[name].biases for name, leaves in self.params.items() for leaf in leaves
        )
        return Task(
            forward, self._type_tree(self.params), self._type_tree(self.state), is_bias,
            self.input_type, y, self.loss, self.metrics, self.regularizers, dtype=self.dtype,
        )  # fmt: skip

    def _step_graph(self, y: TensorType) -> Graph:
        """The training step for targets of type `y`, kept until the model changes."""
        if ("step", y) not in self._programs:
            assert self.optimizer is not None
            slots = self._type_tree(self.slots)
            self._programs["step", y] = step_graph(self._task(y), self.optimizer, slots)
        graph: Graph = self._programs["step", y]
        return graph

    def training_graph(self, x: Any, y: Any) -> Graph:
        """The whole training step on data like x and y, as `fit` runs it.

        Inputs: weights, slots, state, step, seed, rate, strengths of penalties, x, y. Outputs: the
        new weights, slots, state, step, then the objective and the metrics.
        """
        optimizer = self._compiled("training_graph")
        features = as_features(x, "training_graph")
        self._built(features)
        targets = self._target_type(self._targets(y, features, "y"))
        if self.slots is None:
            self._start_slots(self._task(targets), optimizer)
        return self._step_graph(targets)

    def _program(
        self, key: tuple[Any, ...], graph: Callable[[], Graph], backend: str | None, where: str
    ) -> Program:
        """The program of a graph, kept until the model changes."""
        key = (*key, backend)
        if key not in self._programs:
            self._programs[key] = executor(graph(), backend=backend, where=where, prepare=in_rows)
        program: Program = self._programs[key]
        return program

    def _start_slots(self, task: Task, optimizer: Optimizer) -> None:
        arrays = run(slots_graph(task, optimizer), trees.flatten(self.params)[0])
        names = self._slot_names(optimizer)
        each = len(trees.flatten(self.params)[0])
        self.slots = {name: arrays[i * each : (i + 1) * each] for i, name in enumerate(names)}

    def _slot_names(self, optimizer: Optimizer) -> list[str]:
        with Builder():
            return list(optimizer.init([]))

    @checked
    def fit(
        self,
        x: Any,
        y: Any,
        *,
        batch_size: int = 32,
        epochs: int = 1,
        validation_data: tuple[Any, Any] | None = None,
        validate_every: int | None = None,
        seed: int | None = None,
        verbose: int = 1,
        callbacks: Callback | Sequence[Callback] = (),
        checkpoint: str | Path | None = None,
        checkpoint_every: float = 5.0,
        overwrite: bool = False,
        resume: bool = False,
        backend: str | None = None,
        threads: int | None = None,
    ) -> History:
        """Trains on x and y.

        Args:
            x: (N, …) numbers: an array of any order and dtype, a list, a memmap.
            y: (N,) or (N, H), as the loss wants it.
            batch_size: rows a step; the last batch of an epoch may be smaller.
            epochs: passes over the data.
            validation_data: (x, y) measured after each epoch.
            validate_every: measures validation every so many steps as well.
            seed: owns the order of the data and dropout; None draws one and records it.
            verbose: 0 silent, 1 a bar, 2 a line an epoch.
            callbacks: what happens between steps.
            checkpoint: a file that the run is saved to as it goes, and at its end.
            checkpoint_every: seconds between two saves: the work that a kill can cost.
            overwrite: whether an existing checkpoint file is replaced.
            resume: goes on where the loaded checkpoint stood; seed, batch size and data must be
                the same.
            backend: "native", machine code; "interpreter"; None picks native, and says once when it
                cannot.
            threads: how many threads train, at most; None: as many as the process may use. The
                results do not depend on it.

        Returns:
            The History of this run.

        Raises:
            DataError: for labels or values that cannot be used.
            ShapeError: for shapes that do not fit.
            DivergenceError: when the loss is no longer finite; the last finite weights are kept.
        """
        optimizer = self._compiled("fit")
        whole("fit", "batch_size", batch_size, 1)
        whole("fit", "epochs", epochs, 0)
        if verbose not in (0, 1, 2) or isinstance(verbose, bool):
            raise ArgumentError("fit", f"verbose must be 0, 1 or 2, got {verbose!r}")
        if validate_every is not None:
            whole("fit", "validate_every", validate_every, 1)
            if validation_data is None:
                raise ArgumentError("fit", "validate_every needs validation_data, got None")
        flag("fit", "resume", resume)
        check_backend("fit", backend)
        count = check_threads("fit", threads)
        features = as_features(x, "fit")
        self._built(features)
        targets = self._targets(y, features, "y")
        validation = None if validation_data is None else self._validation(validation_data, backend)
        same = {
            "batch_size": batch_size,
            "rows": len(features),
            "data": fingerprint(features, targets, numpy_dtype(self.dtype)),
        }
        progress = self._progress(same, seed, resume)
        wanted = self._target_type(targets)
        graph = self._step_graph(wanted)
        dtype = numpy_dtype(self.dtype)
        job = Job(
            graph=graph,
            params=len(progress.params),
            fixed=[np.asarray(progress.seed, np.int64),
                   *(np.asarray(r.strength, dtype) for r in self.regularizers)],
            x=features,
            y=targets,
            batch_size=min(batch_size, len(features)),
            dtype=dtype,
        )  # fmt: skip
        state = [*progress.params, *progress.slots, *progress.state]
        state.append(np.asarray(progress.step, np.int64))
        programs = self._programs.setdefault(("native", wanted), {})
        settings = Settings(
            job=job,
            optimizer=optimizer,
            measure_names=["loss", *(m.name for m in self.metrics)],
            epochs=epochs,
            validate_every=validate_every,
        )
        given: list[Any] = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        for callback in given:
            if not isinstance(callback, Callback):
                hint = (
                    "Write EarlyStopping(…), with brackets." if isinstance(callback, type) else ""
                )
                raise ArgumentError("fit", f"expected a Callback, got {callback!r}", hint)
        several: list[Callback] = [ProgressBar(verbose), *given]
        if checkpoint is not None:
            real("fit", "checkpoint_every", checkpoint_every, 0)
            several.append(self._checkpoint(checkpoint, checkpoint_every, overwrite or resume))
        run = Run(
            settings, progress, engine(job, state, backend, count, programs), self.history,
            validate=validation, callbacks=several, publish=self._publish,
            watched=len(given) > 0,
        )  # fmt: skip
        self.training |= {**same, "y": [targets.dtype.name, list(targets.shape[1:])]}
        run.train()
        return self.history

    def _target_type(self, y: Array) -> TensorType:
        return TensorType(dtypes.as_dtype(y.dtype), (N, *y.shape[1:]))

    def _targets(self, y: Any, features: Array, name: str) -> Array:
        assert self.loss is not None
        labels = as_targets(y, "fit", name)
        if len(labels) != len(features):
            raise ShapeError(
                "fit", f"x and {name} must have as many rows, got {len(features)} and {len(labels)}"
            )
        return self.loss.targets(labels, self._output_type())

    def _output_type(self) -> TensorType:
        return self.types[-1]

    def _validation(self, data: Any, backend: str | None) -> Callable[[Run], dict[str, float]]:
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise ArgumentError("fit", "validation_data must be (x, y), got something else")
        features = as_features(data[0], "validation_data")
        self._built(features)
        targets = self._targets(data[1], features, "y of validation_data")

        def validate(run: Run) -> dict[str, float]:
            values = self._measure(features, targets, _CHUNK, backend)
            return {f"val_{name}": value for name, value in values.items()}

        return validate

    def _progress(self, same: Mapping[str, Any], seed: int | None, resume: bool) -> Progress:
        """Where the run starts: anew from the current weights, or where a checkpoint stood.

        Args:
            same: what must be as it was to go on.
        """
        assert self.optimizer is not None
        stored = self.training
        if resume:
            if "seed" not in stored:
                raise ArgumentError(
                    "fit", "resume needs a model that was being trained, got a fresh one",
                    "Load the checkpoint first: pel.load(path).",
                )  # fmt: skip
            asked = same if seed is None else {**same, "seed": seed}
            for name, value in asked.items():
                if stored[name] != value:
                    raise ArgumentError(
                        "fit",
                        f"to resume, {name} must be {stored[name]} as before, got {value}",
                        "Give the same data and options, or train without resume.",
                    )
        if self.slots is None:
            self._start_slots(self._task(TensorType(self.dtype, (N,))), self.optimizer)
        assert self.slots is not None
        params, slots, state = (
            trees.flatten(tree)[0] for tree in (self.params, self.slots, self.state)
        )
        step = int(stored.get("step", 0))
        if resume:
            return Progress(
                params, slots, state, seed=stored["seed"], step=step, epoch=stored["epoch"],
                batch=stored["batch"], sums=dict(stored["sums"]),
            )  # fmt: skip
        chosen = secrets.randbits(32) if seed is None else check_seed("fit", seed)
        self.history = History()
        self.history.seed = chosen
        return Progress(params, slots, state, seed=chosen, step=step)

    def _publish(self, progress: Progress) -> None:
        """Gives the model the arrays of the last whole step."""
        _, params = trees.flatten(self.params)
        _, slots = trees.flatten(self.slots)
        _, state = trees.flatten(self.state)
        self.params = trees.unflatten(params, progress.params)
        self.slots = trees.unflatten(slots, progress.slots)
        self.state = trees.unflatten(state, progress.state)
        self.training |= {
            "seed": progress.seed,
            "step": progress.step,
            "epoch": progress.epoch,
            "batch": progress.batch,
            "sums": dict(progress.sums),
        }

    def _checkpoint(self, path: str | Path, every: float, overwrite: bool) -> Callback:
        check_target(path, overwrite)
        return Checkpoint(lambda: save(self, path, overwrite=True), every)

    # -- use --------------------------------------------------------------------------------

    def _measure(self, x: Array, y: Array, chunk: int, backend: str | None) -> dict[str, float]:
        wanted = self._target_type(y)
        program = self._program(
            ("evaluate", wanted), lambda: evaluation_graph(self._task(wanted)), backend, "evaluate"
        )
        names = ["loss", *(m.name for m in self.metrics)]
        dtype = numpy_dtype(self.dtype)
        strengths = [np.asarray(r.strength, dtype) for r in self.regularizers]
        fixed = [*trees.flatten(self.params)[0], *trees.flatten(self.state)[0], *strengths]

        def measured(start: int, stop: int) -> list[float]:
            batch = consecutive(x, start, stop, dtype, "x")
            check_finite(batch, np.arange(start, stop), "x")
            return [float(value) for value in program([*fixed, batch, y[start:stop]])]

        threads = check_threads("evaluate", None) if isinstance(program, Native) else 1
        results = in_chunks(measured, len(x), chunk, threads)
        totals = np.zeros(len(names))
        for one in results:
            totals += one[: len(names)]
        penalty = results[-1][-1] if len(results[-1]) > len(names) else 0.0
        means = totals / len(x)
        means[0] += penalty
        return dict(zip(names, means.tolist(), strict=True))

    @checked
    def evaluate(
        self, x: Any, y: Any, *, batch_size: int = _CHUNK, backend: str | None = None
    ) -> dict[str, float]:
        """The mean loss (penalties included) and metrics on x and y: {"loss": …, …}."""
        self._compiled("evaluate")
        check_backend("evaluate", backend)
        whole("evaluate", "batch_size", batch_size, 1)
        features = as_features(x, "evaluate")
        self._built(features)
        return self._measure(features, self._targets(y, features, "y"), batch_size, backend)

    def _predict(
        self, kind: str, forward: Any, x: Any, batch_size: int, backend: str | None
    ) -> Array:
        whole(kind, "batch_size", batch_size, 1)
        check_backend(kind, backend)
        features = as_features(x, kind)
        self._built(features)
        assert self.input_type is not None
        type = self.input_type

        def graph() -> Graph:
            params, state = self._type_tree(self.params), self._type_tree(self.state)
            return prediction_graph(forward, params, state, type)

        program = self._program((kind,), graph, backend, kind)
        fixed = [*trees.flatten(self.params)[0], *trees.flatten(self.state)[0]]
        dtype = numpy_dtype(self.dtype)

        def predicted(start: int, stop: int) -> Array:
            result: Array = program([*fixed, consecutive(features, start, stop, dtype, "x")])[0]
            return result

        threads = check_threads(kind, None) if isinstance(program, Native) else 1
        parts = in_chunks(predicted, len(features), batch_size, threads)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    @checked
    def predict(self, x: Any, *, batch_size: int = _CHUNK, backend: str | None = None) -> Array:
        """What the last layer returns for each row of x."""
        return self._predict("predict", self.forward, x, batch_size, backend)

    @checked
    def predict_proba(
        self, x: Any, *, batch_size: int = _CHUNK, backend: str | None = None
    ) -> Array:
        """Probabilities (N, C), whether the model ends in logits or in softmax or sigmoid.

        Raises:
            ArgumentError: for a loss that has no probabilities.
        """
        link = self.loss.link if self.loss is not None else None
        if link is None:
            if self.layers and self.layers[-1].final_activation in ("softmax", "sigmoid"):
                return self.predict(x, batch_size=batch_size, backend=backend)
            name = self.loss.name if self.loss is not None else "no loss"
            raise ArgumentError(
                "predict_proba", f"probabilities need a cross-entropy loss, got {name}",
                "Compile with loss='cross_entropy' or 'binary_cross_entropy'.",
            )  # fmt: skip
        assert self.loss is not None
        layers = self._logit_layers(self.loss)

        def forward(
            params: Any, state: Any, x: Value, *, train: bool, key: Key | None
        ) -> tuple[Value, Any]:
            output, after = self._apply(layers, params, state, x, train, key)
            return activate(link, output), after

        return self._predict("predict_proba", forward, x, batch_size, backend)

    @checked
    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Writes one safetensors file: weights, architecture, training state. See `pel.load`.

        Raises:
            ArgumentError: if the file exists and `overwrite` is False.
        """
        self._built()
        save(self, path, overwrite=overwrite)
