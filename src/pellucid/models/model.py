"""`Model`: a graph of layers, and the calls that a person makes: fit, evaluate, predict, save."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from pellucid.core import shapes, trees
from pellucid.core.arguments import accepts, checked, flag, integer
from pellucid.core.errors import ArgumentError, ShapeError, nearest
from pellucid.data.arrays import as_array
from pellucid.data.streams import Stream, is_stream
from pellucid.graph.node import Graph
from pellucid.models import (
    attributes,
    calling,
    checks,
    elsewhere,
    fitting,
    streaming,
    together,
    variables,
    wiring,
)
from pellucid.models.architecture import Output
from pellucid.models.base import Array, BaseModel
from pellucid.models.configuration import configuration
from pellucid.models.data import Data
from pellucid.models.endings import contract_of
from pellucid.models.measuring import CHUNK, predictions, rows_of
from pellucid.models.saving import save
from pellucid.models.summary import summary_text
from pellucid.models.variables import alone
from pellucid.nn.checks import WIDER
from pellucid.nn.layer import Layer
from pellucid.nn.losses import Loss, Squared
from pellucid.nn.losses.contract import Contract
from pellucid.nn.regularizers import Regularizer
from pellucid.ops.random import Key
from pellucid.ops.value import Value, current
from pellucid.optim import BatchSize, Optimizer
from pellucid.runtime.backend import Backend, check_backend
from pellucid.runtime.executor import dtype_name
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.threads import check as check_threads
from pellucid.train.callback import Callback, as_callbacks
from pellucid.train.history import History
from pellucid.train.loop import TrainingRun
from pellucid.train.state import RunState, Settings
from pellucid.train.step import objective, prediction_graph
from pellucid.transform.arrays import check_whole, converted
from pellucid.transform.explainable import FunctionCall


class Model(BaseModel):
    """A network from inputs to outputs.

    Args:
        inputs: the Input, or a list or dict of several: `fit`, `evaluate` and `predict` then take
            data in the same form. A dict also names them.
        outputs: what a layer or a model returned, or a list or dict of several: y, and what
            `predict` returns, have the same form.
        seed: owns the initial weights, 0 ≤ seed < 2⁶³; None draws one.
        dtype: "float32" or "float64", of weights and computation.
        name: of the model where it is called inside another one.
        terms: what layers returned, alone or several: each is added to the objective of a batch, a
            number as it is, (N, …) as its mean. So `fit` trains on values inside the network too,
            and on losses of several inputs. A model that is called inside another one brings its
            terms along. Metrics, `predict` and weights of rows leave them alone.

    A layer has one set of weights. It is shared by all calls of the layer, and by all models that
    the layer stands in: training one of them trains the others. A model can be called like a layer,
    on symbols, Tensors and arrays.

    Example:
        >>> from pellucid.nn import Add, Dense, Input
        >>> x = Input((4,))
        >>> h = Dense(4, "tanh")(x)
        >>> Model(x, Dense(1)(Add()([x, h])), seed=0).count_params()
        25
    """

    @checked
    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        seed: int | None = None,
        dtype: Any = "float32",
        *,
        name: str | None = None,
        terms: Any = (),
    ):
        named, first = wiring.inputs(inputs)
        super().__init__(seed, dtype, name, named)
        wiring.connect(self.architecture, first, outputs, terms)
        self.architecture.declared = True
        self.architecture.shaped([one.shape for one in first], variables.check)
        self.architecture.fix_groups()

    def __repr__(self) -> str:
        names = self.architecture.names
        shown = ", ".join(names if len(names) <= 12 else [*names[:6], "…", *names[-5:]])
        return f"{type(self).__name__}([{shown}])"

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses attributes that nothing reads: what they mean would be ignored."""
        attributes.check(self, name, value)
        super().__setattr__(name, value)

    if not TYPE_CHECKING:  # for a type checker there is no such name

        def __getattr__(self, name: str) -> NoReturn:
            """Raises the error that says what an attribute of another library is here."""
            attributes.unknown(self, name)

    # -- layers and weights -----------------------------------------------------------------

    def add(self, layer: Layer) -> None:
        """A graph has no end to add to.

        Raises:
            ArgumentError: always.
        """
        raise ArgumentError(
            "Model", "layers of a Model are fixed, got add()", "Call layers on symbols instead."
        )

    @checked
    def get_layer(self, name: str) -> Layer | Model:
        """The layer, or the model called inside this one, of this name."""
        architecture = self.architecture
        layers = architecture.unique()
        if isinstance(name, str) and name in layers:
            return layers[name]
        group, _, rest = str(name).partition("/")
        if isinstance(name, str) and group in architecture.groups:
            inside: Model = architecture.groups[group]
            return inside.get_layer(rest) if rest else inside
        known = [*architecture.groups, *layers]
        raise ArgumentError("get_layer", f"the model has no layer {name!r}", nearest(name, known))

    @checked
    def build(self, input_shape: Any) -> None:
        """Makes the weights for samples of this shape, from the model's seed, where there are none.

        Args:
            input_shape: of one sample; a list or dict of them where the model has several inputs.
        """
        inputs, where = self.architecture.inputs, type(self).__name__
        samples = inputs.taken(where, "input_shape", input_shape)
        for sample in samples:
            if not isinstance(sample, (tuple, list)):
                raise ArgumentError(
                    where, f"input_shape must be a tuple such as (784,), got {sample!r}"
                )
        wanted = [tuple(integer(where, "input_shape", dim, 1) for dim in one) for one in samples]
        known = self.architecture.samples
        if known and wanted != known:
            raise ShapeError(
                where,
                f"input_shape must be {inputs.nested(known)} as the model has it, got "
                f"{input_shape}",
                "Make a new model.",
            )
        if not known:
            self.architecture.shaped(wanted, variables.check)
        self.built()

    @property
    def weights(self) -> dict[str, Array]:
        """Copies of all weights by name: {"dense_1.W": array, …}."""
        leaves = zip(trees.paths(self.params), trees.leaves_of(self.params), strict=True)
        return {name: array.copy() for name, array in leaves}

    def get_weights(self) -> list[Array]:
        """Copies of all weights, layer by layer."""
        return [array.copy() for array in trees.leaves_of(self.params)]

    @checked
    @alone
    def set_weights(self, weights: Any) -> None:
        """Replaces weights by copies of `weights`.

        Args:
            weights: a list of all, in the order of `get_weights`; or {name: array} of some, named
                as in `weights`.
        """
        old, structure = trees.flatten(self.params)
        names = dict.fromkeys(trees.paths(self.params))
        given = weights
        if isinstance(weights, Mapping):
            for name in weights:
                if name not in names:
                    raise ArgumentError(
                        "set_weights", f"the model has no weight {name!r}", nearest(name, names)
                    )
            given = [weights.get(name, array) for name, array in zip(names, old, strict=True)]
        if not isinstance(given, (list, tuple)):
            raise ArgumentError(
                "set_weights", f"weights must be a list of arrays or a dict by name, got {given!r}"
            )
        dtype = numpy_dtype(self.dtype)
        for item in given:
            plain = as_array(item, "set_weights", "a weight")
            check_whole(plain, dtype, "set_weights", "a weight", WIDER)
        new = [
            converted(np.array(item, order="C"), dtype, "set_weights", f"array {number} of weights")
            for number, item in enumerate(given)
        ]
        wanted = [shapes.text(array.shape) for array in old]
        got = [shapes.text(array.shape) for array in new]
        if wanted != got:
            raise ShapeError(
                "set_weights",
                f"weights must have the shapes {', '.join(wanted)}, got {', '.join(got) or 'none'}",
            )
        variables.write(self.architecture, "params", trees.unflatten(structure, new))

    def parameters(self) -> dict[str, dict[str, Any]]:
        """The weights by layer and name; where the shapes are known and no weight is, types."""
        if not variables.is_built(self.architecture) and self.architecture.input_types:
            return dict(self.architecture.params)
        return self.params

    def count_params(self) -> int:
        """The number of trainable numbers. It makes no weights where the shapes are known."""
        return sum(math.prod(leaf.shape) for leaf in trees.flatten(self.parameters())[0])

    def count_zeros(self) -> int:
        """The number of weights that are 0 exactly, biases left out: what a sparse model saves."""
        layers = self.architecture.unique()
        return sum(
            int(array.size - np.count_nonzero(array))
            for name, leaves in self.params.items()
            for leaf, array in leaves.items()
            if leaf not in layers[name].biases
        )

    @checked
    def summary(self, print_fn: Callable[[str], None] = print) -> None:
        """Prints a table: each layer, its output shape, its number of parameters.

        Below it stands the precision of products, where the model was trained in a lower one.
        """
        if not callable(print_fn):
            raise ArgumentError(
                "summary", f"print_fn must be a function of a line, got {print_fn!r}"
            )
        accepts("summary", "print_fn", print_fn, 1, "print_fn(line)")
        params = self.parameters()
        precision = self.training.get("precision")
        print_fn(summary_text(self.architecture, params, self.count_params(), precision))

    # -- as a function ----------------------------------------------------------------------

    @checked
    def apply(
        self, params: Any, state: Any, x: Any, *, train: bool = False, key: Key | None = None
    ) -> tuple[Any, Any]:
        """The model as a pure function, for grad, jit and training loops of one's own.

        Args:
            params, state: nested as `model.params` and `model.state`.
            x: arrays or Tensors, in the form of the model's inputs. Nothing is converted: x of
                float64 makes a model of float32 compute in float64.
            train: whether layers act as in a training step: dropout, batch statistics.
            key: the random numbers of the step, `pel.Key(seed, step)`; layers that draw some need
                it when `train` is true. They are those of `fit(seed=seed)` at this step.

        Returns:
            The outputs, in their form, and the layers' new state.
        """
        return calling.applied(self, params, state, x, train, key)

    @functools.partial(checked, where="model", elsewhere=elsewhere.CALL)
    def __call__(self, x: Any) -> Any:
        """The outputs for x.

        Args:
            x: symbols, which make the model part of another one; Tensors, which gives Tensors, with
                the model's weights as constants; or arrays, which is `predict`.
        """
        given = self.architecture.inputs.taken(type(self).__name__, "x", x)
        if calling.are_symbols(self, given):
            return calling.placed(self, given)
        if any(isinstance(one, Value) for one in given):
            calling.shape_by(self, [current().lift(one) for one in given])
            return self.apply(self.params, self.state, x)[0]
        return self.predict(x)

    def __pellucid_function__(self, where: str, *args: Any) -> FunctionCall:
        """What `show` and `explain` look at: with x the prediction, with x and y the objective.

        The weights come first, named as in `weights`; the gradient asked for is theirs.
        """
        return calling.as_function(self, where, args)

    def graph(self) -> Graph:
        """The prediction graph: (parameters, state, x) → the outputs."""
        self.refresh()
        self.built()
        architecture = self.architecture
        return prediction_graph(
            architecture.apply,
            architecture.params,
            architecture.state,
            architecture.inputs.nested(architecture.input_types),
        )

    # -- training ---------------------------------------------------------------------------

    @property
    def optimizer(self) -> Optimizer | None:
        """What the model was compiled with; None before."""
        return None if self._configuration is None else self._configuration.optimizer

    @property
    def loss(self) -> Any:
        """The Loss that the model was compiled with; one per output where it has several."""
        if self._configuration is None:
            return None
        return self.architecture.outputs.nested(self._configuration.losses)

    @property
    def metrics(self) -> Any:
        """The metrics of rows and data sets that it was compiled with, one list an output."""
        lists = ((),) if self._configuration is None else self._configuration.metrics
        return self.architecture.outputs.nested(lists)

    @property
    def regularizers(self) -> tuple[Regularizer, ...]:
        """The penalties on the weights of all layers."""
        return () if self._configuration is None else self._configuration.regularizers

    @property
    def rates(self) -> dict[str, float]:
        """The factors of layers whose learning rate is not that of the optimizer."""
        return {} if self._configuration is None else dict(self._configuration.rates)

    @functools.partial(checked, elsewhere=elsewhere.COMPILE)
    @alone
    def compile(
        self,
        optimizer: Optimizer | str = "sgd",
        loss: Loss | str | Callable[..., Any] | Sequence[Any] | Mapping[str, Any] = "cross_entropy",
        metrics: Any = (),
        regularizer: Regularizer | Sequence[Regularizer] = (),
        rates: Mapping[str, float] | None = None,
        loss_weights: Any = None,
    ) -> None:
        """Says how the model is trained.

        Args:
            optimizer: an Optimizer, or "sgd", "adam", "adamw", "adagrad", "rmsprop", "lbfgs",
                "newton" or "perturb" with their default rates.
            loss: a Loss, the name of one (squared, cross_entropy, …: `pel.nn.losses.BY_NAME`), or
                a function `loss(y_true, y_pred)` that returns one value a row. For several outputs
                a list or dict of them, or one for all.
            metrics: names or functions like a loss. Of each row: accuracy, error, top_5_error (any
                number), squared_error, absolute_error. Of all rows of a data set, so in `evaluate`
                and validation only: precision, recall, f1, f_2 (any number), mean_iou, roc_auc and
                average_precision (of probabilities), sensitivity_at_0.9_specificity and its kin,
                r2, pearson, concordance, root_squared_error. Of a training step only:
                gradient_norm, that of the objective before any clipping. They see what `predict`
                returns. For several outputs {output: list}.
            regularizer: penalties added to the mean loss: L2(1e-4), [L1(…), L2(…)]. Those of one
                layer are its own `regularizer=`.
            rates: {layer name: factor} that multiply the learning rate of a layer, or of all layers
                of a model inside this one; 0 freezes it: its gradient is not computed, and a layer
                with state acts as in prediction.
            loss_weights: for several outputs, what each loss is multiplied by in the objective.

        Functions of your own (losses, metrics, activations, layers, penalties, optimizers) may read
        global and closed-over values. `fit`, `evaluate` and `predict` look at them when they are
        called and use what they find: after a change the graphs are traced again, while weights,
        the optimizer's slots and the state of a run stay. Through one call of `fit` they are
        constants; to train on with another value, call fit(…, resume=True). What is read elsewhere
        (files, clocks, random numbers, the inside of library objects) is read at the trace alone.
        """
        self.configure(
            configuration(
                self.architecture, optimizer, loss, metrics, regularizer, rates, loss_weights
            )
        )

    @functools.partial(checked, elsewhere=elsewhere.FIT)
    @alone
    @together.told
    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        batch_size: int | str | BatchSize | None = None,
        epochs: int = 1,
        sample_weight: Any = None,
        class_weight: Any = None,
        validation_data: Sequence[Any] | None = None,
        validation_split: float | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Collection[int] = 1,
        validate_every: int | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        shuffle: bool = True,
        seed: int | None = None,
        verbose: int = 1,
        callbacks: Callback | Sequence[Callback] = (),
        checkpoint: str | Path | None = None,
        checkpoint_every: float = 5.0,
        overwrite: bool = False,
        resume: bool = False,
        backend: str | None = None,
        device: str | None = None,
        precision: str | None = None,
        threads: int | None = None,
        chunks: int | None = None,
        workers: Any = None,
        history_points: int | None = None,
    ) -> History:
        """Trains on x and y.

        Args:
            x: (N, …) numbers: an array of any order and dtype, a list, a memmap; for several inputs
                a list or dict of such arrays, as the model's inputs are. Of a sparse matrix of
                SciPy's the rows of each step are made dense.
            y: (N,) or (N, H), as the loss wants it; for several outputs a list or dict.
            batch_size: rows a step: 1 is stochastic descent, "all" batch descent, a GrowingBatch
                changes by epoch. The last batch of an epoch may be smaller. None is 32, and "all"
                for optimizers that search along a direction (LBFGS, Newton, Perturb).
            epochs: passes over the data.
            sample_weight: (N,) weights ≥ 0: the objective is (1/N) Σ wᵢ·lossᵢ over the rows of a
                batch. Metrics are not weighted. For several outputs also a list or dict of weights,
                as y is, None for those of 1; of outputs (N, …, C) positions may have weights of
                their own, (N, …), where the loss has a value for each position.
            class_weight: {class: weight}, others have 1; or "balanced", N / (C·N_c) for class c,
                counted over the rows that are trained on. Both kinds of weights multiply.
            validation_data: (x, y) or (x, y, weights) measured after each epoch.
            validation_split: in (0, 1): the last rows, this part of all, are not trained on and are
                the validation data. They are taken as they stand, before any order is drawn.
            validation_batch_size: rows that validation computes at a time; None: 1024, and those of
                a step where the model has terms.
            validation_freq: measures validation after every so many epochs; or after those of
                these numbers, from 1.
            validate_every: measures validation every so many steps as well.
            initial_epoch: how many of the `epochs` count as done already; the order of the data and
                the numbers that callbacks see go on from there.
            steps_per_epoch: the most steps of an epoch, which then ends before it has seen all
                rows. None: all.
            shuffle: whether each epoch takes the rows in an order of its own, drawn from `seed`;
                otherwise they come as they were given, as those of a stream always do.
            seed: owns the order of the data and dropout; None draws one and records it.
            verbose: 0 silent, 1 a bar, 2 a line an epoch.
            callbacks: what happens between steps.
            checkpoint: a file that the run is saved to as it goes, and at its end.
            checkpoint_every: seconds between two saves: the work that a kill can cost.
            overwrite: whether an existing checkpoint file is replaced.
            resume: goes on where the loaded checkpoint stood; seed, batch size and data must be
                the same. Functions of your own go on with the values that they read now; those out
                of a file with the values at the time it was written.
            backend: "native", machine code; "interpreter"; "xla", JAX's compiler, for GPUs: see
                docs/xla.md; None picks native, and says once when it cannot.
            device: of "xla": "cpu", "gpu", "gpu:1", "tpu"; None, the best that JAX sees.
            precision: of "xla": "bfloat16" rounds the factors of products in float32 to 8 bits;
                their sums stay in float32. The summary and the file say so.
            threads: how many threads train, at most; None: as many as the process may use. The
                results do not depend on it.
            chunks: cuts each batch into so many runs of rows, at most as many as it has. Sums over
                a batch are taken of each chunk by itself, and chunks meet in a fixed tree, so that
                the bits of the weights do not depend on who computes which chunk: see
                docs/chunks.md. None: no cut.
            workers: how many processes of this machine share each step, this one included (1 is
                the same as None), or a pel.LocalWorkers, or a pel.RayWorkers for those of a
                cluster; chunks must be as many or more.
                Their number and whoever dies or joins change no bit of the weights, and a run may
                be resumed with another number.
            history_points: the most rows of the history's curves of steps; a longer run keeps every
                second one, then every fourth. 0 keeps none; None is 10,000. A run that is resumed
                goes on with its number.

        Returns:
            The History of this run.

        Raises:
            DataError: for labels or values that cannot be used.
            ShapeError: for shapes that do not fit.
            DivergenceError: when the loss is no longer finite; the last finite weights are kept.
        """
        optimizer = self.configuration("fit").optimizer
        epochs, initial_epoch, steps_per_epoch = checks.checked_epochs(
            epochs, initial_epoch, steps_per_epoch, resume
        )
        validation_batch_size, validation_freq, validate_every = checks.checked_validation(
            validation_data,
            validation_split,
            validation_batch_size,
            validation_freq,
            validate_every,
        )
        flag("fit", "shuffle", shuffle)
        flag("fit", "overwrite", overwrite)
        asked = check_backend("fit", backend, device, precision)
        count = check_threads("fit", threads)
        if chunks is not None:
            chunks = integer("fit", "chunks", chunks, 1)
        others = together.launcher(workers, chunks, asked)
        source, streamed = None, streaming.is_given("fit", x, y)
        group = together.group_of(asked, optimizer, streamed, validation_split, class_weight)
        if streamed:
            stream = streaming.checked_stream("fit", x, sample_weight, class_weight)
            if validation_split is not None:
                raise ArgumentError(
                    "fit",
                    "validation_split needs arrays, whose last rows it holds out, got a stream",
                    "Give a stream of other rows as validation_data.",
                )
            stream.check_epochs("x", epochs - initial_epoch)
            begun = int(self.training.get("epoch", 0)) if resume else initial_epoch
            source = streaming.Source(self, stream, "fit", class_weight, begun)
        data = (
            source.first
            if source
            else Data.of(self, x, y, "fit", sample_weight, class_weight, held_out=validation_split)
        )
        held: Any = validation_data
        if validation_split is not None:
            data, held = data.split(validation_split)
        due = checks.validations(validation_freq, initial_epoch, epochs)
        passes = 2 if validate_every else due
        task = self.task(data.types, data.weight_types)
        curves = fitting.history(self, history_points, resume)
        parts = together.group_rows(group, data)
        feed = (
            streaming.feed(source, batch_size, epochs, resume)
            if source
            else streaming.feed_of_arrays(self, data, batch_size, epochs, shuffle, parts)
        )
        measured = validation_batch_size or (feed.largest if self.architecture.terms else CHUNK)
        validate = together.agreed(group, streaming.validation(self, held, passes, asked, measured))
        chunk = fitting.rows_of_chunk(self, chunks, feed, others.count if others else 1)
        unsaid = {"precision": precision, "chunks": chunks}  # where they are None
        same = {**feed.same, "steps_per_epoch": steps_per_epoch, **unsaid}
        seed = together.seed_of(group, seed, resume)
        progress = fitting.start(self, task, same, seed, resume, initial_epoch)
        job = fitting.job(
            self, task, feed.data, progress.seed, feed.largest, feed.moving, chunk, parts
        )
        watchers, watched = fitting.watchers(
            self, data, callbacks, verbose, checkpoint, checkpoint_every, overwrite or resume, group
        )
        if group is not None:
            options = {
                **{name: value for name, value in same.items() if name not in ("rows", "data")},
                "epochs": epochs,
                "initial_epoch": initial_epoch,
                "validation": [held is not None, validation_freq, validate_every],
                "checkpoint": [checkpoint is not None, checkpoint_every],
                "callbacks": [type(one).__name__ for one in as_callbacks("fit", callbacks)],
                "verbose": verbose,
            }
            together.compare(group, job, progress, options)
        engine = fitting.engine_of(self, task, job, progress, asked, count, chunk, others)
        run = TrainingRun(
            Settings(
                job=job,
                optimizer=optimizer,
                measure_names=task.step_measures,
                epochs=epochs,
                batch_size=feed.size,
                validate_every=validate_every,
                validation_freq=validation_freq,
                steps_per_epoch=steps_per_epoch,
                validation_names=tuple(f"val_{name}" for name in task.measures),
                summed=fitting.summed(self, task, job),
                epoch_names=task.epoch_measures,
            ),
            progress,
            engine,
            feed.rows(engine),
            curves,
            validate=validate,
            callbacks=watchers,
            publish=self._publish,
            watched=watched,
            model=self,
        )
        # Nothing is refused from here on: what an earlier run left may go.
        curves.seed = progress.seed
        self.history = curves
        self.training |= {
            **same,
            "y": [[dtype_name(y.dtype), list(y.shape[1:])] for y in data.targets],
        }
        for unsaid_name, said in unsaid.items():
            if said is None:
                del self.training[unsaid_name]
        self.remember_columns(*((source.features, source.names) if source else (x,)))
        note_changes = fitting.noting_changes(self)
        run.train()
        note_changes()
        return self.history

    def _publish(self, progress: RunState, averages: bool = False) -> list[Any]:
        """Gives the model the arrays of the last whole step; what it has as weights then.

        Args:
            averages: whether these are the averages of the weights.
        """
        params = progress.params
        variables.write_leaves(self.architecture, "params", params)
        self._slots = trees.with_leaves(self.slots, progress.slots)
        if averages:
            params = self.averages or params
            variables.write_leaves(self.architecture, "params", params)
        variables.write_leaves(self.architecture, "state", progress.state)
        self.kept = progress.kept
        self.training |= {
            "seed": progress.seed,
            "step": progress.step,
            "epoch": progress.epoch,
            "batch": progress.batch,
            "sums": dict(progress.sums),
            "counted": progress.counted,
        }
        if progress.data is not None:
            self.training["data"] = progress.data
        return params

    @checked
    def training_graph(self, x: Any, y: Any) -> Graph:
        """The whole training step on data like x and y, as `fit` runs it.

        Inputs: weights, slots, state, step, seed, rate, strengths of penalties, x, y. Outputs: the
        new weights, slots, state, step, then the objective and the metrics. For an optimizer that
        evaluates several times a step: the objective, the metrics, the state, the gradients.
        """
        task = self.task(Data.of(self, x, y, "training_graph").types)
        if self.slots is None:
            self.start_slots(task)
        return self.step_graph(task)

    @checked
    def objective(self, x: Any, y: Any, sample_weight: Any = None) -> Callable[[Any], Any]:
        """What training lowers on x and y, as a function of the weights: for grad, hvp, curvature.

        The loss as `evaluate` measures it, penalties included: layers are in the mode of
        prediction, so nothing is random.

        Returns:
            f(params) for params nested like `model.params`.
        """
        data = Data.of(self, x, y, "objective", sample_weight)
        rows = rows_of(data.features, 0, data.rows, numpy_dtype(self.dtype))
        inputs, outputs = self.architecture.inputs, self.architecture.outputs
        return objective(
            self.task(data.types, data.weight_types),
            self.state,
            inputs.nested(rows),
            outputs.nested(data.targets),
            data.weights,
        )

    # -- use --------------------------------------------------------------------------------

    @functools.partial(checked, elsewhere=elsewhere.EVALUATE)
    def evaluate(
        self,
        x: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        class_weight: Any = None,
        batch_size: int = CHUNK,
        backend: str | None = None,
        threads: int | None = None,
        device: str | None = None,
        precision: str | None = None,
    ) -> dict[str, float]:
        """The mean loss (penalties included) and metrics on x and y: {"loss": …, …}.

        Weights are as in `fit`: of the loss, not of the metrics. Of several outputs each has its
        own loss too, and the names of its measures begin with that of the output.

        Args:
            batch_size: rows that are computed at a time. The loss depends on it where the model has
                terms that are no means over rows.
            backend, threads, device, precision: as of `fit`.
        """
        asked = check_backend("evaluate", backend, device, precision)
        if threads is not None:
            check_threads("evaluate", threads)
        integer("evaluate", "batch_size", batch_size, 1)
        if streaming.is_given("evaluate", x, y):
            stream = streaming.checked_stream("evaluate", x, sample_weight, class_weight)
            return streaming.measure_of_stream(
                self, stream, "evaluate", class_weight, batch_size, asked, threads
            )()
        data = Data.of(self, x, y, "evaluate", sample_weight, class_weight)
        return fitting.measured(self, data, batch_size, asked, threads)

    @functools.partial(checked, elsewhere=elsewhere.PREDICT)
    def predict(
        self,
        x: Any,
        *,
        batch_size: int = CHUNK,
        backend: str | None = None,
        threads: int | None = None,
        device: str | None = None,
        precision: str | None = None,
    ) -> Any:
        """What the outputs are for each row of x, in their form.

        Args:
            batch_size: rows that are computed at a time.
            backend, threads, device, precision: as of `fit`.
        """
        asked = check_backend("predict", backend, device, precision)
        forward = self.architecture.apply
        found = self._predicted("predict", forward, x, batch_size, asked, threads)
        return self.architecture.outputs.nested(found)

    @functools.partial(checked, elsewhere=elsewhere.PREDICT)
    def predict_proba(
        self,
        x: Any,
        *,
        batch_size: int = CHUNK,
        backend: str | None = None,
        threads: int | None = None,
        device: str | None = None,
        precision: str | None = None,
    ) -> Any:
        """Probabilities (N, C), whether the model ends in logits or in softmax or sigmoid.

        Args:
            batch_size, backend, threads, device, precision: as of `predict`.

        Raises:
            ArgumentError: for an output that stands for no probabilities.
        """
        asked = check_backend("predict_proba", backend, device, precision)

        def forward(
            params: Any, state: Any, inputs: Any, *, train: bool, key: Key | None
        ) -> tuple[list[Any], Any]:
            outputs, after = self.architecture.apply(params, state, inputs, train=train, key=key)
            return [
                Output(contract.probabilities(one.value))
                for one, contract in zip(outputs, self._contracts(), strict=True)
            ], after

        found = self._predicted("predict_proba", forward, x, batch_size, asked, threads)
        return self.architecture.outputs.nested(found)

    def _contracts(self) -> list[Contract]:
        """What each output means; of a model that is not compiled, what its end alone says."""
        if self.compiled:
            return self.configuration("predict_proba").contracts(self.architecture)
        found = [contract_of(self.architecture, Squared(), end) for end in self.architecture.ends]
        if any(one.link is None for one in found):
            self.configuration("predict_proba")
        return found

    def _predicted(
        self,
        kind: str,
        forward: Any,
        x: Any,
        batch_size: int,
        backend: Backend,
        threads: int | None,
    ) -> list[Array]:
        integer(kind, "batch_size", batch_size, 1)
        if threads is not None:
            check_threads(kind, threads)
        architecture, dtype = self.architecture, numpy_dtype(self.dtype)

        def graph() -> Graph:
            inputs = architecture.inputs.nested(architecture.input_types)
            return prediction_graph(forward, architecture.params, architecture.state, inputs)

        def predicted(features: tuple[Array, ...]) -> list[Array]:
            program = self.programs.program(kind, graph, backend, kind)
            fixed = variables.leaves(architecture)
            return predictions(program, fixed, features, batch_size, dtype, threads)

        if is_stream(x):
            return streaming.predictions_of(self, Stream(kind, x), kind, predicted)
        return predicted(self.features(x, kind))

    @checked
    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Writes one safetensors file: weights, architecture, training state. See `pel.load`.

        Functions of your own are written as graphs, in which what they read is a constant: in the
        loaded model it does not change any more. `pickle` takes a model as well, but no lambda and
        no function inside another one, which is Python's rule; cloudpickle takes those too.

        A model inside of which this one uses a part alone comes back as the layers that it uses.

        Raises:
            ArgumentError: if the file exists and `overwrite` is False.
        """
        self.refresh()
        self.built()
        save(self, path, overwrite=overwrite)
