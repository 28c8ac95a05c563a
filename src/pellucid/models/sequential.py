"""`Sequential`: what a person does with a network: fit, evaluate, predict, save."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core import trees
from pellucid.core.arguments import checked, choice, flag, real, whole
from pellucid.core.arguments import seed as check_seed
from pellucid.core.config import to_config
from pellucid.core.errors import ArgumentError
from pellucid.core.files import check_target
from pellucid.data.arrays import fingerprint
from pellucid.models.compiled import CHUNK, CompiledNetwork, alone
from pellucid.models.network import Array
from pellucid.models.saving import save
from pellucid.nn.activations import activate
from pellucid.nn.layer import Layer
from pellucid.ops.random import Key
from pellucid.ops.value import Value
from pellucid.optim import BatchSize, Driver, FixedBatch, GrowingBatch, Optimizer
from pellucid.runtime.backend import check_backend
from pellucid.runtime.executor import Executable
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.threads import check as check_threads
from pellucid.train.callbacks import Callback, Checkpoint
from pellucid.train.callbacks import Progress as ProgressBar
from pellucid.train.engines import Driven, Engine, Job, engine
from pellucid.train.history import History
from pellucid.train.loop import LAST, Progress, Run, Settings
from pellucid.train.step import Task, product_graph, value_graph


class Sequential(CompiledNetwork):
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
        if isinstance(layers, Layer):
            raise ArgumentError(
                "Sequential",
                "layers must be a list of layers, got one layer",
                "Write Sequential([layer]).",
            )
        try:
            given = list(layers)
        except TypeError:
            raise ArgumentError(
                "Sequential", f"layers must be a list of layers, got {layers!r}"
            ) from None
        for layer in given:
            self.add(layer)

    # -- training ---------------------------------------------------------------------------

    @checked
    @alone
    def fit(
        self,
        x: Any,
        y: Any,
        *,
        batch_size: int | str | BatchSize | None = None,
        epochs: int = 1,
        sample_weight: Any = None,
        class_weight: Any = None,
        validation_data: Sequence[Any] | None = None,
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
            x: (N, …) numbers: an array of any order and dtype, a list, a memmap; for a Model of
                several inputs a list of such arrays.
            y: (N,) or (N, H), as the loss wants it.
            batch_size: rows a step: 1 is stochastic descent, "all" batch descent, a GrowingBatch
                changes by epoch. The last batch of an epoch may be smaller. None is 32, and "all"
                for optimizers that search along a direction (LBFGS, Newton, Perturb).
            epochs: passes over the data.
            sample_weight: (N,) weights ≥ 0: the objective is (1/N) Σ wᵢ·lossᵢ over the rows of a
                batch. Metrics are not weighted.
            class_weight: {class: weight}, others have 1; or "balanced", N / (C·N_c) for class c.
                Both kinds of weights multiply.
            validation_data: (x, y) or (x, y, weights) measured after each epoch.
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
        features = self._features(x, "fit")
        rows = len(features[0])
        targets = self._targets(y, features, "y")
        weights = self._weights(sample_weight, class_weight, targets, "fit")
        validation = None if validation_data is None else self._validation(validation_data, backend)
        sizes = self._sizes(batch_size, rows, optimizer)
        dtype = numpy_dtype(self.dtype)
        same = {
            "batch_size": to_config(sizes) if isinstance(sizes, GrowingBatch) else sizes.size(0),
            "rows": rows,
            "data": fingerprint(features, (targets, *weights), dtype),
        }
        task = self._task(self._target_type(targets), bool(weights))
        progress = self._progress(task, same, seed, resume)
        graph = self._step_graph(task)
        job = Job(
            graph=graph,
            params=len(progress.params),
            fixed=[
                np.asarray(progress.seed, np.int64),
                *(np.asarray(r.strength, dtype) for r in self.regularizers),
            ],
            features=features,
            others=(targets, *weights),
            batch_size=min(max(sizes.size(epoch) for epoch in range(max(epochs, 1))), rows),
            dtype=dtype,
        )
        state = [*progress.params, *progress.slots, *progress.state]
        state.append(np.asarray(progress.step, np.int64))
        settings = Settings(
            job=job,
            optimizer=optimizer,
            measure_names=["loss", *(metric.name for metric in task.stepwise)],
            epochs=epochs,
            batch_size=lambda epoch: min(sizes.size(epoch), rows),
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
            settings,
            progress,
            self._engine(task, job, state, backend, count),
            self.history,
            validate=validation,
            callbacks=several,
            publish=self._publish,
            watched=len(given) > 0,
        )
        self.training |= {**same, "y": [targets.dtype.name, list(targets.shape[1:])]}
        run.train()
        return self.history

    @staticmethod
    def _sizes(given: Any, rows: int, optimizer: Optimizer) -> BatchSize:
        """`batch_size` as a function of the epoch."""
        if given is None:
            given = "all" if optimizer.whole_data else 32
        if isinstance(given, BatchSize):
            return given
        if isinstance(given, str):
            choice("fit", "batch_size", given, ("all",))
            return FixedBatch(rows)
        return FixedBatch(whole("fit", "batch_size", given, 1))

    def _engine(
        self, task: Task, job: Job, state: list[Array], backend: str | None, threads: int
    ) -> Engine:
        """What runs the steps of this job."""
        key = "native", task.y, task.weighted
        if not isinstance(self.optimizer, Driver):
            return engine(job, state, backend, threads, self._programs.setdefault(key, {}))
        slots = self._type_tree(self.slots)
        makers = {
            "gradient": lambda: job.graph,
            "value": lambda: value_graph(task, slots),
            "product": lambda: product_graph(task, slots),
        }

        def program(kind: str) -> Executable:
            return self._program((kind, task.y, task.weighted), makers[kind], backend, "fit")

        return Driven(job, state, self.optimizer, program, task.free)

    def _validation(self, data: Any, backend: str | None) -> Callable[[Run], dict[str, float]]:
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise ArgumentError(
                "fit", "validation_data must be (x, y) or (x, y, weights), got something else"
            )
        features = self._features(data[0], "validation_data")
        targets = self._targets(data[1], features, "y of validation_data")
        weights = self._weights(
            data[2] if len(data) == 3 else None, None, targets, "validation_data"
        )

        def validate(run: Run) -> dict[str, float]:
            values = self._measure(features, targets, weights, CHUNK, backend)
            return {f"val_{name}": value for name, value in values.items()}

        return validate

    def _progress(
        self, task: Task, same: Mapping[str, Any], seed: int | None, resume: bool
    ) -> Progress:
        """Where the run starts: anew from the current weights, or where a checkpoint stood.

        Args:
            same: what must be as it was to go on.
        """
        assert self.optimizer is not None
        stored = self.training
        if resume:
            if "seed" not in stored:
                raise ArgumentError(
                    "fit",
                    "resume needs a model that was being trained, got a fresh one",
                    "Load the checkpoint first: pel.load(path).",
                )
            asked = same if seed is None else {**same, "seed": seed}
            for name, value in asked.items():
                if stored[name] != value:
                    raise ArgumentError(
                        "fit",
                        f"to resume, {name} must be {stored[name]} as before, got {value}",
                        "Give the same data and options, or train without resume.",
                    )
        if self.slots is None:
            self._start_slots(task, self.optimizer)
        assert self.slots is not None
        params, slots, state = map(trees.leaves_of, (self.params, self.slots, self.state))
        step = int(stored.get("step", 0))
        if resume:
            kept = dict(self.kept)
            last = kept.pop(LAST, (params, state))
            if any(self.holds(epoch) for epoch in kept):  # the run ended with an earlier epoch's
                params, state = last
            return Progress(
                params,
                slots,
                state,
                seed=stored["seed"],
                step=step,
                epoch=stored["epoch"],
                batch=stored["batch"],
                sums=dict(stored["sums"]),
                kept=kept,
            )
        chosen = secrets.randbits(32) if seed is None else check_seed("fit", seed)
        self.history = History()
        self.history.seed = chosen
        return Progress(params, slots, state, seed=chosen, step=step)

    def _publish(self, progress: Progress) -> None:
        """Gives the model the arrays of the last whole step."""
        self.params = trees.with_leaves(self.params, progress.params)
        self.slots = trees.with_leaves(self.slots, progress.slots)
        self.state = trees.with_leaves(self.state, progress.state)
        self.kept = progress.kept
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

    @checked
    def evaluate(
        self,
        x: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        class_weight: Any = None,
        batch_size: int = CHUNK,
        backend: str | None = None,
    ) -> dict[str, float]:
        """The mean loss (penalties included) and metrics on x and y: {"loss": …, …}.

        Weights are as in `fit`: of the loss, not of the metrics.
        """
        self._compiled("evaluate")
        check_backend("evaluate", backend)
        whole("evaluate", "batch_size", batch_size, 1)
        features = self._features(x, "evaluate")
        targets = self._targets(y, features, "y")
        weights = self._weights(sample_weight, class_weight, targets, "evaluate")
        return self._measure(features, targets, weights, batch_size, backend)

    @checked
    def predict(self, x: Any, *, batch_size: int = CHUNK, backend: str | None = None) -> Array:
        """What the last layer returns for each row of x."""
        return self._predict("predict", self.forward, x, batch_size, backend)

    @checked
    def predict_proba(
        self, x: Any, *, batch_size: int = CHUNK, backend: str | None = None
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
                "predict_proba",
                f"probabilities need a cross-entropy loss, got {name}",
                "Compile with loss='cross_entropy' or 'binary_cross_entropy'.",
            )
        assert self.loss is not None
        layers = self._logit_layers(self.loss)

        def forward(
            params: Any, state: Any, x: Any, *, train: bool, key: Key | None
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
