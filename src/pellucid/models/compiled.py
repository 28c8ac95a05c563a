"""A network with its training configuration: `compile`, and the graphs and programs that follow.

In: a network, an optimizer, a loss, metrics, penalties. Out: the task, the training graph, and
measures and predictions of data, in chunks. `sequential.py` is what a person does with them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from pellucid.core import dtypes, trees
from pellucid.core.arguments import checked, choice, real, whole
from pellucid.core.errors import ArgumentError, ShapeError, nearest
from pellucid.core.forks import Claim
from pellucid.core.shapes import N
from pellucid.data.arrays import as_targets, check_finite, consecutive
from pellucid.data.weights import as_weights, by_class
from pellucid.graph.node import Graph, TensorType
from pellucid.models.network import Array, Network
from pellucid.nn.losses import Loss
from pellucid.nn.losses import loss as loss_of
from pellucid.nn.regularizers import Regularizer
from pellucid.ops.random import Key
from pellucid.ops.value import Builder, Value
from pellucid.optim import (
    LBFGS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Driver,
    Newton,
    Optimizer,
    Perturb,
    RMSprop,
)
from pellucid.runtime.backend import check_backend, executor
from pellucid.runtime.executor import Executable
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.interpreter import run
from pellucid.runtime.threads import check as check_threads
from pellucid.runtime.threads import in_chunks
from pellucid.train.history import History
from pellucid.train.loop import Weights
from pellucid.train.metrics import OF_CLASSES, Metric, metric
from pellucid.train.step import (
    Task,
    evaluation_graph,
    gradient_graph,
    objective,
    prediction_graph,
    slots_graph,
    step_graph,
)
from pellucid.transform.custom import in_rows

_OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "lbfgs": LBFGS,
    "newton": Newton,
    "perturb": Perturb,
}
CHUNK = 1024  # rows that evaluate and predict take at a time


M = TypeVar("M", bound=Callable[..., Any])


def alone(method: M) -> M:
    """A method during which the model may not be trained, compiled or given other weights.

    A run owns the weights: what a callback or another thread changed would be lost at its end.
    """

    @functools.wraps(method)
    def wrapper(self: CompiledNetwork, *args: Any, **kwargs: Any) -> Any:
        with self._claim.taken() as own:
            if not own:
                raise ArgumentError(
                    method.__name__,
                    "the model must not be trained at the moment, got a call from a callback or "
                    "another thread",
                    "Wait until fit has ended, or change a copy: copy.deepcopy(model).",
                )
            return method(self, *args, **kwargs)

    return wrapper  # type: ignore[return-value]


class CompiledNetwork(Network):
    """A network that knows how it is trained."""

    def __init__(self, seed: int | None, dtype: Any):
        super().__init__(seed, dtype)
        self.optimizer: Optimizer | None = None
        self.loss: Loss | None = None
        self.metrics: tuple[Metric, ...] = ()
        self.regularizers: tuple[Regularizer, ...] = ()
        self.rates: dict[str, float] = {}  # of layers whose rate is not that of the optimizer
        self.slots: dict[str, list[Array]] | None = None
        self.history = History()
        self.training: dict[str, Any] = {}  # where a run stands, for resuming
        self.kept: dict[int, Weights] = {}  # see `train.loop.Progress`
        self._claim = Claim()
        self._programs: dict[Any, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle keeps: graphs are built anew."""
        return {**self.__dict__, "_programs": {}}

    def rebuilt(self) -> None:
        self.forget_training()
        self._programs.clear()

    def forget_training(self) -> None:
        """Leaves the weights as they are, and nothing of the run that made them."""
        self.slots, self.training, self.kept = None, {}, {}

    def holds(self, epoch: int) -> bool:
        """Whether the weights and state are the numbers that were kept of an epoch."""
        params, state = self.kept[epoch]
        now = [*trees.leaves_of(self.params), *trees.leaves_of(self.state)]
        pairs = zip(now, [*params, *state], strict=True)
        return all(np.array_equal(one, other, equal_nan=True) for one, other in pairs)

    @alone
    def set_weights(self, weights: Sequence[Any]) -> None:
        super().set_weights(weights)

    @checked
    @alone
    def compile(
        self,
        optimizer: Optimizer | str = "sgd",
        loss: Loss | str | Callable[..., Any] = "cross_entropy",
        metrics: Sequence[Any] = (),
        regularizer: Regularizer | Sequence[Regularizer] = (),
        rates: Mapping[str, float] | None = None,
    ) -> None:
        """Says how the model is trained.

        Args:
            optimizer: an Optimizer, or "sgd", "adam", "adamw", "adagrad", "rmsprop", "lbfgs",
                "newton" or "perturb" with their default rates.
            loss: a Loss, the name of one (squared, cross_entropy, …: `pel.nn.losses.BY_NAME`), or
                a function `loss(y_true, y_pred)` that returns one value a row.
            metrics: names or functions like a loss. Of each row: accuracy, error, top_5_error (any
                number), squared_error, absolute_error. Of all rows of a data set, so in `evaluate`
                and validation only: f1, roc_auc (of probabilities), r2. Of a training step only:
                gradient_norm, that of the objective before any clipping.
            regularizer: penalties added to the mean loss: L2(1e-4), [L1(…), L2(…)].
            rates: {layer name: factor} that multiply the learning rate of a layer; 0 freezes it,
                and its gradient is not computed.
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
        chosen, measures = loss_of(loss), tuple(metric(item) for item in metrics)
        factors = self._factors(rates, optimizer)
        if isinstance(optimizer, Driver) and any(penalty.moves for penalty in penalties):
            raise ArgumentError(
                "compile",
                f"{type(optimizer).__name__} takes penalties that are part of the objective, got "
                f"{next(p for p in penalties if p.moves)!r}",
                "Use an optimizer that takes one step along the gradient, such as Adam().",
            )
        for one in measures:
            if one.name in OF_CLASSES and not chosen.classifies:
                raise ArgumentError(
                    "compile",
                    f"{one.name} needs a classification loss, got {chosen.name}",
                    "Use metrics=['r2'], or a loss for classes.",
                )
        if self.layers:
            self._logit_layers(chosen)
        self.optimizer, self.loss, self.metrics = optimizer, chosen, measures
        self.regularizers, self.rates = penalties, factors
        self.forget_training()
        self._programs.clear()

    def _factors(self, rates: Mapping[str, float] | None, optimizer: Optimizer) -> dict[str, float]:
        """`rates` checked; those that are 1 are left out."""
        if rates is None:
            return {}
        if not isinstance(rates, Mapping):
            raise ArgumentError("compile", f"rates must be {{layer: factor}}, got {rates!r}")
        for name, factor in rates.items():
            if name not in self.names:
                raise ArgumentError(
                    "compile", f"rates must name layers, got {name!r}", nearest(name, self.names)
                )
            real("compile", f"rates of {name}", factor, 0)
            if isinstance(optimizer, Driver) and factor not in (0, 1):
                raise ArgumentError(
                    "compile",
                    f"with {type(optimizer).__name__} rates must be 0 or 1, got "
                    f"{factor!r} of {name}",
                    "It moves all weights together; 0 freezes a layer.",
                )
        return {name: float(factor) for name, factor in rates.items() if factor != 1}

    def _compiled(self, what: str) -> Optimizer:
        if self.optimizer is None or self.loss is None:
            raise ArgumentError(
                what, "the model must be compiled first", "Call compile(optimizer, loss)."
            )
        return self.optimizer

    def _task(self, y: TensorType, weighted: bool = False) -> Task:
        """What is trained on targets of type `y`, kept until the model changes."""
        key = "task", y, weighted
        if key not in self._programs:
            self._programs[key] = self._made_task(y, weighted)
        task: Task = self._programs[key]
        return task

    def _made_task(self, y: TensorType, weighted: bool) -> Task:
        assert self.loss is not None
        layers = self._logit_layers(self.loss)

        def forward(
            params: Any, state: Any, x: Any, *, train: bool, key: Key | None
        ) -> tuple[Value, Any]:
            return self._apply(layers, params, state, x, train, key)

        shared = dict(zip(self.names, self.layers, strict=True))
        each = [(name, leaf) for name, leaves in self.params.items() for leaf in leaves]
        return Task(
            forward,
            self._type_tree(self.params),
            self._type_tree(self.state),
            tuple(leaf in shared[name].biases for name, leaf in each),
            self._given(self.input_types),
            y,
            self.loss,
            self.metrics,
            self.regularizers,
            weighted,
            rates=tuple(self.rates.get(name, 1.0) for name, _ in each),
            dtype=self.dtype,
        )

    def _step_graph(self, task: Task) -> Graph:
        """The training step of a task, kept until the model changes."""
        key = "step", task.y, task.weighted
        if key not in self._programs:
            assert self.optimizer is not None
            if not task.free:
                raise ArgumentError(
                    "fit",
                    "a layer with weights must be trained, got none",
                    "Compile with other rates, or add a layer.",
                )
            slots = self._type_tree(self.slots)
            if isinstance(self.optimizer, Driver):
                self._programs[key] = gradient_graph(task, slots)
            else:
                self._programs[key] = step_graph(task, self.optimizer, slots)
        graph: Graph = self._programs[key]
        return graph

    def training_graph(self, x: Any, y: Any) -> Graph:
        """The whole training step on data like x and y, as `fit` runs it.

        Inputs: weights, slots, state, step, seed, rate, strengths of penalties, x, y. Outputs: the
        new weights, slots, state, step, then the objective and the metrics. For an optimizer that
        evaluates several times a step: the objective, the metrics, the state, the gradients.
        """
        optimizer = self._compiled("training_graph")
        features = self._features(x, "training_graph")
        task = self._task(self._target_type(self._targets(y, features, "y")))
        if self.slots is None:
            self._start_slots(task, optimizer)
        return self._step_graph(task)

    def objective(self, x: Any, y: Any, sample_weight: Any = None) -> Callable[[Any], Any]:
        """What training lowers on x and y, as a function of the weights: for grad, hvp, curvature.

        The loss as `evaluate` measures it, penalties included: layers are in the mode of
        prediction, so nothing is random.

        Returns:
            f(params) for params nested like `model.params`.
        """
        self._compiled("objective")
        features = self._features(x, "objective")
        targets = self._targets(y, features, "y")
        weights = self._weights(sample_weight, None, targets, "objective")
        rows = self._rows(features, 0, len(targets))
        return objective(
            self._task(self._target_type(targets), bool(weights)),
            self.state,
            self._given(rows),
            targets,
            weights,
        )

    def _program(
        self, key: tuple[Any, ...], graph: Callable[[], Graph], backend: str | None, where: str
    ) -> Executable:
        """The program of a graph, kept until the model changes."""
        key = (*key, backend)
        if key not in self._programs:
            self._programs[key] = executor(graph(), backend=backend, where=where, prepare=in_rows)
        program: Executable = self._programs[key]
        return program

    def _start_slots(self, task: Task, optimizer: Optimizer) -> None:
        arrays = run(slots_graph(task, optimizer), trees.leaves_of(self.params))
        self.slots = self._by_slot(arrays, optimizer)

    def _slot_types(self, optimizer: Optimizer) -> dict[str, list[TensorType]]:
        """The types of the optimizer's slots, without an array."""
        graph = slots_graph(self._task(TensorType(self.dtype, (N,))), optimizer)
        return self._by_slot(graph.output_types, optimizer)

    def _by_slot(self, leaves: Sequence[Any], optimizer: Optimizer) -> dict[str, list[Any]]:
        """A flat list as what each slot keeps of each weight."""
        with Builder():
            names = list(optimizer.init([]))
        each = len(trees.leaves_of(self.params))
        return {name: list(leaves[i * each : (i + 1) * each]) for i, name in enumerate(names)}

    def _target_type(self, y: Array) -> TensorType:
        return TensorType(dtypes.as_dtype(y.dtype), (N, *y.shape[1:]))

    def _rows(self, features: Sequence[Array], start: int, stop: int) -> list[Array]:
        """Rows of each input in the model's dtype, all their numbers finite."""
        found = [consecutive(x, start, stop, numpy_dtype(self.dtype), "x") for x in features]
        for part in found:
            check_finite(part, range(start, stop), "x")
        return found

    def _targets(self, y: Any, features: Sequence[Array], name: str) -> Array:
        assert self.loss is not None
        labels, rows = as_targets(y, "fit", name), len(features[0])
        if len(labels) != rows:
            raise ShapeError(
                "fit", f"x and {name} must have as many rows, got {rows} and {len(labels)}"
            )
        return self.loss.targets(labels, self._output_type())

    def _output_type(self) -> TensorType:
        return self.types[-1]

    def _weights(
        self, sample_weight: Any, class_weight: Any, y: Array, where: str
    ) -> tuple[Array, ...]:
        """The weight of each row, alone in a tuple; an empty one where rows have none."""
        weights = None
        if sample_weight is not None:
            weights = as_weights(sample_weight, len(y), where)
        if class_weight is not None:
            own = by_class(class_weight, *self._classes(y, where), where)
            with np.errstate(over="ignore"):
                weights = own if weights is None else weights * own
        if weights is None:
            return ()
        given = {"sample_weight": sample_weight, "class_weight": class_weight}
        name = " times ".join(name for name, one in given.items() if one is not None)
        check_finite(weights, range(len(weights)), name)  # their product may not be
        return (consecutive(weights, 0, len(weights), numpy_dtype(self.dtype), name),)

    def _classes(self, y: Array, where: str) -> tuple[Array, list[int]]:
        """The class of each row, and all that there can be."""
        assert self.loss is not None
        several = self._output_type().shape[-1]
        assert isinstance(several, int)
        sides = self.loss.sides
        if not self.loss.classifies or (several > 1 and sides is not None):
            raise ArgumentError(
                where,
                f"class_weight needs one class a row, got loss {self.loss.name} with "
                f"{several} outputs",
                "Use sample_weight.",
            )
        if sides is not None:
            return y.reshape(-1), list(sides)
        labels = y if y.ndim == 1 else y.argmax(axis=1)
        return labels, list(range(several))

    def _measure(
        self,
        features: Sequence[Array],
        y: Array,
        weights: tuple[Array, ...],
        chunk: int,
        backend: str | None,
    ) -> dict[str, float]:
        task = self._task(self._target_type(y), bool(weights))
        program = self._program(
            ("evaluate", task.y, task.weighted), lambda: evaluation_graph(task), backend, "evaluate"
        )
        names = ["loss", *(m.name for m in self.metrics if m.measure is not None)]
        dtype = numpy_dtype(self.dtype)
        strengths = [np.asarray(r.strength, dtype) for r in self.regularizers]
        fixed = [*trees.leaves_of(self.params), *trees.leaves_of(self.state), *strengths]

        def measured(start: int, stop: int) -> list[Array]:
            batch = self._rows(features, start, stop)
            others = (other[start:stop] for other in (y, *weights))
            return list(program([*fixed, *batch, *others]))

        threads = check_threads("evaluate", None) if program.releases_gil else 1
        results = in_chunks(measured, len(y), chunk, threads)
        totals = np.zeros(len(names))
        for one in results:
            totals += [float(value) for value in one[: len(names)]]
        means = totals / len(y)
        rest = results[-1][len(names) :]
        if rest and rest[0].ndim == 0:
            means[0] += float(rest[0])
        values = dict(zip(names, means.tolist(), strict=True))
        kinds = 3 if self.loss is not None and self.loss.classifies else 1
        for measure in self.metrics:
            if measure.whole is not None:
                found = [
                    np.concatenate(parts)
                    for parts in zip(*(r[-kinds:] for r in results), strict=True)
                ]
                output, labels, decided = found if kinds == 3 else (found[0], y, y)
                values[measure.name] = measure.whole(y, output, labels, decided)
        return {
            name: values[name]
            for name in ("loss", *(m.name for m in self.metrics))
            if name in values
        }

    def _predict(
        self, kind: str, forward: Any, x: Any, batch_size: int, backend: str | None
    ) -> Array:
        whole(kind, "batch_size", batch_size, 1)
        check_backend(kind, backend)
        features = self._features(x, kind)

        def graph() -> Graph:
            params, state = self._type_tree(self.params), self._type_tree(self.state)
            return prediction_graph(forward, params, state, self._given(self.input_types))

        program = self._program((kind,), graph, backend, kind)
        fixed = [*trees.leaves_of(self.params), *trees.leaves_of(self.state)]
        dtype = numpy_dtype(self.dtype)

        def predicted(start: int, stop: int) -> Array:
            rows = (consecutive(x, start, stop, dtype, "x") for x in features)
            result: Array = program([*fixed, *rows])[0]
            return result

        threads = check_threads(kind, None) if program.releases_gil else 1
        parts = in_chunks(predicted, len(features[0]), batch_size, threads)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
