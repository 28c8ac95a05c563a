"""The training step as ONE graph: forward, loss, gradient, update and metrics.

    (params, slots, state, step, seed, rate, strengths, x, y, [weights])
        → (params, slots, state, step + 1, objective, metrics)

Where rows have weights they come behind y.

Rates and penalties are inputs, so that no schedule builds a new graph. Evaluation and prediction
are graphs of their own over the same layers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pellucid.core import notices, trees
from pellucid.core.dtypes import DType, int64
from pellucid.core.errors import ShapeError
from pellucid.core.shapes import text
from pellucid.graph.node import Graph, TensorType
from pellucid.nn.losses import Loss
from pellucid.nn.losses.contract import Contract
from pellucid.nn.regularizers import Regularizer
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Builder, Value, elementwise, number
from pellucid.optim.base import Optimizer
from pellucid.train.metrics import GRADIENT_NORM, Metric
from pellucid.transform.grad import grad, jvp, value_and_grad
from pellucid.transform.tensor import constant
from pellucid.transform.trace import trace

Forward = Callable[..., tuple[list[Any], Any]]
# (params, state, inputs, train=, key=) → ([(value, before its final activation), …], state)


@dataclass(frozen=True)
class Head:
    """One output of a model: its targets, and what it is measured by.

    Args:
        name: of the output; "" where the model has one alone.
        y: the type of a batch's targets, with N rows.
        contract: what the output means under the loss; says which of the two values it reads.
        weight: of its loss in the objective.
    """

    name: str
    y: TensorType
    loss: Loss
    contract: Contract
    metrics: tuple[Metric, ...] = ()
    weight: float = 1.0

    def losses(self, target: Value, output: Any) -> Value:
        """The loss of each row, (N,)."""
        return self.loss.per_row(target, output.raw if self.contract.reads_raw else output.value)

    def named(self, measure: str) -> str:
        """A measure of this output in the history."""
        return f"{self.name}_{measure}" if self.name else measure


@dataclass(frozen=True)
class Penalty:
    """A regularizer and the leaves of `params` that it acts on."""

    regularizer: Regularizer
    leaves: tuple[int, ...]


@dataclass(frozen=True)
class Task:
    """What is trained: a forward function, its types, and what it is measured by.

    Args:
        forward: `f(params, state, inputs, train=, key=)` gives the outputs, one a head, and the
            state.
        params, state: nested dicts of TensorTypes.
        x: types of a batch, with N rows, in the nesting of the model's inputs.
        heads: one an output.
        targets: nests what is given one a head, as `y` is.
        penalties: in the order of their strengths.
        weighted: whether each row has a weight in the objective, (N,).
        gradient_norm: whether a step measures the norm of the gradient.
        rates: for each leaf of `params`, what the learning rate is multiplied by; 0 freezes it.
    """

    forward: Forward
    params: Any
    state: Any
    x: Any
    heads: tuple[Head, ...]
    targets: Callable[[Sequence[Any]], Any]
    penalties: tuple[Penalty, ...] = ()
    weighted: bool = False
    gradient_norm: bool = False
    rates: tuple[float, ...] = field(kw_only=True)
    dtype: DType = field(kw_only=True)

    @property
    def free(self) -> list[int]:
        """The leaves of `params` that are trained."""
        return [i for i, rate in enumerate(self.rates) if rate]

    @property
    def row_measures(self) -> list[str]:
        """The names of what is measured of each row: the loss, that of each output, the metrics."""
        losses = [head.named("loss") for head in self.heads] if len(self.heads) > 1 else []
        metrics = [
            head.named(metric.name)
            for head in self.heads
            for metric in head.metrics
            if metric.measure is not None
        ]
        return ["loss", *losses, *metrics]

    @property
    def step_measures(self) -> list[str]:
        """The names of what a training step measures, in the graph's order."""
        return [*self.row_measures, *([GRADIENT_NORM] if self.gradient_norm else [])]

    @property
    def measures(self) -> list[str]:
        """The names of what is measured of a data set, in the order a person gave them."""
        losses = [head.named("loss") for head in self.heads] if len(self.heads) > 1 else []
        metrics = [
            head.named(metric.name)
            for head in self.heads
            for metric in head.metrics
            if metric.measure is not None or metric.whole is not None
        ]
        return ["loss", *losses, *metrics]

    @property
    def data(self) -> dict[str, Any]:
        """The types of what a batch brings, in the order of the graphs' inputs."""
        rows = self.heads[0].y.shape[:1]
        weights = [TensorType(self.dtype, rows)] if self.weighted else []
        return {"x": self.x, "y": self.targets([head.y for head in self.heads]), "weights": weights}

    def row_values(
        self, targets: Any, outputs: Sequence[Any], weights: Sequence[Value]
    ) -> list[Value]:
        """Of each row, (N,): what it adds to the objective, then all other `row_measures`.

        A row's weight multiplies losses and leaves metrics alone.
        """
        each = list(zip(self.heads, trees.leaves_of(targets), outputs, strict=True))
        losses = [head.losses(target, output) for head, target, output in each]
        if weights:
            losses = [loss * weights[0] for loss in losses]
        shares = [
            loss if head.weight == 1 else loss * head.weight
            for head, loss in zip(self.heads, losses, strict=True)
        ]
        total = functools.reduce(lambda one, other: one + other, shares)
        parts = losses if len(losses) > 1 else []
        metrics = [value for one in each for value in _measured(*one, self.dtype)]
        return [total, *parts, *metrics]

    def penalty(self, params: Any, strengths: Sequence[Value]) -> Value | None:
        """Σ of all penalties on the weights they apply to; None without any."""
        total: Value | None = None
        leaves = trees.leaves_of(params)
        for penalty, strength in zip(self.penalties, strengths, strict=True):
            for i in penalty.leaves:
                term = penalty.regularizer.penalty(strength, leaves[i])
                total = term if total is None else total if term is None else total + term
        return total


def _measured(head: Head, target: Value, output: Any, dtype: DType) -> list[Value]:
    """Each metric of an output that is one of rows, (N,)."""
    values = []
    for metric in head.metrics:
        if metric.measure is None:
            continue
        value = metric.per_row(head.loss, head.contract, target, output.value)
        if value.type.shape != output.value.type.shape[:1]:
            raise ShapeError(
                f"metric {metric.name}",
                "a metric must return one value a row "
                f"{text(output.value.type.shape[:1])}, got {text(value.type.shape)}",
                "Take the mean over the last axes only: np.mean(…, axis=-1).",
            )
        values.append(composite.astype(value, dtype))
    return values


def _scalars(task: Task) -> dict[str, Any]:
    return {
        "step": TensorType(int64),
        "seed": TensorType(int64),
        "rate": TensorType(task.dtype),
        "strengths": [TensorType(task.dtype) for _ in task.penalties],
    }


def _traced(function: Callable[..., Any], arguments: dict[str, Any]) -> Graph:
    """The graph of `function(**arguments)`; `arguments` are trees of TensorTypes."""
    leaves, structure = trees.flatten(arguments)
    graph = trace(
        function,
        leaves,
        trees.paths(arguments),
        lambda values: ((), trees.unflatten(structure, values)),
    )
    if graph.captures:
        # Arrays that a user's loss or layer closes over: constants of this training run.
        return graph.with_constants()
    return graph.graph


def slots_graph(task: Task, optimizer: Optimizer) -> Graph:
    """params → the optimizer's slots before the first step."""

    def initial(params: Any) -> Any:
        return optimizer.slots_for(trees.flatten(params)[0])

    return _traced(initial, {"params": task.params})


class _Step:
    """The objective of a batch as a function of the weights that are trained, within a trace."""

    def __init__(self, task: Task, inputs: dict[str, Any]):
        self.task, self.inputs = task, inputs
        self.weights, self.structure = trees.flatten(inputs["params"])
        self.moving = [self.weights[i] for i in task.free]
        self.key = Key(inputs["seed"], inputs["step"], "train")

    def whole(self, moving: Sequence[Value]) -> list[Value]:
        """All weights, with `moving` in the place of those that are trained."""
        merged = list(self.weights)
        for i, weight in zip(self.task.free, moving, strict=True):
            merged[i] = weight
        return merged

    def objective(self, moving: Sequence[Value]) -> Any:
        """The objective, and (the measures of the batch behind it, the layers' state after it)."""
        task, inputs = self.task, self.inputs
        params = trees.unflatten(self.structure, self.whole(moving))
        outputs, after = task.forward(
            params, inputs["state"], trees.leaves_of(inputs["x"]), train=True, key=self.key
        )
        total, *others = task.row_values(inputs["y"], outputs, inputs["weights"])
        value, measures = composite.mean(total), [composite.mean(other) for other in others]
        penalty = task.penalty(params, inputs["strengths"])
        return (value if penalty is None else value + penalty), (measures, after)

    def told(self, gradients: Sequence[Value]) -> None:
        """Says which weights cannot learn, where the graph itself shows it."""
        names = trees.paths(self.inputs["params"])
        still = [names[i] for i, g in zip(self.task.free, gradients, strict=True) if _is_zero(g)]
        if still:
            layers = ", ".join(
                f"{layer!r}: 0" for layer in dict.fromkeys(name.split(".")[0] for name in still)
            )
            notices.once(
                f"[fit] the gradient is 0 almost everywhere for {', '.join(still)}: no operation "
                "between them and the loss hands one on (sign and step do not). They stay as they "
                "are. Use sign_straight_through or step_straight_through, or say so: "
                f"compile(…, rates={{{layers}}})."
            )

    def gradients(self) -> tuple[Value, list[Value], Any, list[Value]]:
        """The objective, the metrics, the layers' state after it, and the gradients."""
        slope = value_and_grad(self.objective, has_aux=True)
        (value, (measures, after)), gradients = slope(self.moving)
        self.told(gradients)
        if self.task.gradient_norm:
            squares = [composite.sum(elementwise("square", g)) for g in gradients]
            total = functools.reduce(lambda x, y: x + y, squares)
            measures.append(elementwise("sqrt", total))
        return value, measures, after, gradients


def _is_zero(value: Value) -> bool:
    """Whether a value is 0 by its making."""
    assert isinstance(value.recorder, Builder)
    nodes = value.recorder.nodes
    node = nodes[value.position]
    while node.op == "broadcast_to":
        node = nodes[node.inputs[0]]
    return node.op == "full" and bool(node.attr("value") == 0)


def _step_arguments(task: Task, slots: Any) -> dict[str, Any]:
    """The inputs of a step, as trees of types; `slots` is the tree of the slots' types."""
    return {
        "params": task.params,
        "slots": slots,
        "state": task.state,
        **_scalars(task),
        **task.data,
    }


def step_graph(task: Task, optimizer: Optimizer, slots: Any) -> Graph:
    """The training step. `slots` is the tree of the slots' types."""

    def step(**inputs: Any) -> Any:
        this = _Step(task, inputs)
        value, measures, after, gradients = this.gradients()
        moves, slots, rate = optimizer.clipped(gradients), inputs["slots"], inputs["rate"]
        new = list(this.weights)
        slots = {name: list(values) for name, values in slots.items()}
        for part in dict.fromkeys(task.rates[i] for i in task.free):
            own = [k for k, i in enumerate(task.free) if task.rates[i] == part]
            places = [task.free[k] for k in own]
            speed = rate if part == 1 else rate * part
            moved, kept = optimizer.checked_step(
                [moves[k] for k in own],
                {name: [values[i] for i in places] for name, values in slots.items()},
                [this.weights[i] for i in places],
                inputs["step"],
                speed,
            )
            for i, weight in zip(places, moved, strict=True):
                new[i] = _bounded(task, inputs["strengths"], speed, weight, i)
            for name, values in kept.items():
                for i, value_after in zip(places, values, strict=True):
                    slots[name][i] = value_after
        weights = trees.unflatten(this.structure, new)
        return weights, slots, after, inputs["step"] + 1, value, measures

    return _traced(step, _step_arguments(task, slots))


def _bounded(
    task: Task, strengths: Sequence[Value], rate: Value, weight: Value, leaf: int
) -> Value:
    """A weight after the optimizer's move, as the penalties leave it."""
    for penalty, strength in zip(task.penalties, strengths, strict=True):
        if leaf in penalty.leaves:
            weight = penalty.regularizer.proximal_step(strength, rate, weight)
    return weight


def value_graph(task: Task, slots: Any) -> Graph:
    """The inputs of a step → the objective."""

    def value(**inputs: Any) -> Any:
        this = _Step(task, inputs)
        return this.objective(this.moving)[0]

    return _traced(value, _step_arguments(task, slots))


def gradient_graph(task: Task, slots: Any) -> Graph:
    """The inputs of a step → (objective, metrics, the layers' state after it, gradients)."""

    def gradient(**inputs: Any) -> Any:
        return _Step(task, inputs).gradients()

    return _traced(gradient, _step_arguments(task, slots))


def product_graph(task: Task, slots: Any) -> Graph:
    """The inputs of a step and a vector like the trained weights → the Hessian times it."""

    def product(*, tangents: list[Value], **inputs: Any) -> Any:
        this = _Step(task, inputs)
        slope = grad(lambda moving: this.objective(moving)[0])
        return jvp(slope, (this.moving,), (tangents,))[1]

    leaves = trees.flatten(task.params)[0]
    return _traced(
        product, {**_step_arguments(task, slots), "tangents": [leaves[i] for i in task.free]}
    )


def objective(
    task: Task, state: Any, x: Any, y: Any, weights: Sequence[Any]
) -> Callable[[Any], Value]:
    """The objective on these rows, in the mode of prediction, as a function of the weights."""

    def tensors(tree: Any) -> Any:
        return trees.map_leaves(lambda a: a if isinstance(a, Value) else constant(a), tree)

    rows, target, parts, kept = tensors(x), tensors(y), tensors(list(weights)), tensors(state)

    def value(params: Any) -> Value:
        moving = tensors(params)
        outputs, _ = task.forward(moving, kept, trees.leaves_of(rows), train=False, key=None)
        mean = composite.mean(task.row_values(target, outputs, parts)[0])
        strengths = [number(one.regularizer.strength, task.dtype) for one in task.penalties]
        penalty = task.penalty(moving, strengths)
        return mean if penalty is None else mean + penalty

    return value


def evaluation_graph(task: Task) -> Graph:
    """(params, state, strengths, x, y, [weights]) → (Σ each of `row_measures`, penalty, outputs).

    The penalty is there where the task has one. Of each head with a metric that needs all rows the
    output as `predict` gives it stands behind.
    """

    def evaluate(
        params: Any, state: Any, strengths: list[Value], x: Any, y: Any, weights: list[Value]
    ) -> Any:
        outputs, _ = task.forward(params, state, trees.leaves_of(x), train=False, key=None)
        sums = [composite.sum(value) for value in task.row_values(y, outputs, weights)]
        penalty = task.penalty(params, strengths)
        found = sums if penalty is None else [*sums, penalty]
        for head, output in zip(task.heads, outputs, strict=True):
            if any(metric.whole is not None for metric in head.metrics):
                found.append(output.value)
        return found

    arguments = {
        "params": task.params,
        "state": task.state,
        "strengths": _scalars(task)["strengths"],
        **task.data,
    }
    return _traced(evaluate, arguments)


def prediction_graph(forward: Forward, params: Any, state: Any, x: Any) -> Graph:
    """(params, state, x) → the outputs, as `forward` makes them of a flat list of inputs."""

    def predict(params: Any, state: Any, x: Any) -> list[Value]:
        outputs, _ = forward(params, state, trees.leaves_of(x), train=False, key=None)
        return [output.value for output in outputs]

    return _traced(predict, {"params": params, "state": state, "x": x})
