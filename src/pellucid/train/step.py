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
from pellucid.nn.activations import activate
from pellucid.nn.losses import Loss
from pellucid.nn.regularizers import Regularizer
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Builder, Value, elementwise, number
from pellucid.optim.base import Optimizer
from pellucid.train.metrics import GRADIENT_NORM, Metric
from pellucid.transform.grad import grad, jvp, value_and_grad
from pellucid.transform.tensor import constant
from pellucid.transform.trace import trace

Forward = Callable[..., tuple[Value, Any]]  # (params, state, x, train=, key=) → (out, state)


@dataclass(frozen=True)
class Task:
    """What is trained: a forward function, its types, and what it is measured by.

    Args:
        forward: `f(params, state, x, train=, key=)` gives (output, state); logits for the loss.
        params, state: nested dicts of TensorTypes.
        is_bias: for each leaf of `params`, whether penalties leave it out by default.
        x, y: types of a batch, with N rows; a list of types where the model has several inputs.
        weighted: whether each row has a weight in the objective, (N,).
        rates: for each leaf of `params`, what the learning rate is multiplied by; 0 freezes it.
    """

    forward: Forward
    params: Any
    state: Any
    is_bias: tuple[bool, ...]
    x: Any
    y: TensorType
    loss: Loss
    metrics: tuple[Metric, ...] = ()
    regularizers: tuple[Regularizer, ...] = ()
    weighted: bool = False
    rates: tuple[float, ...] = field(kw_only=True)
    dtype: DType = field(kw_only=True)

    @property
    def free(self) -> list[int]:
        """The leaves of `params` that are trained."""
        return [i for i, rate in enumerate(self.rates) if rate]

    @property
    def stepwise(self) -> list[Metric]:
        """The metrics that a training step measures."""
        return [metric for metric in self.metrics if metric.whole is None]

    @property
    def data(self) -> dict[str, Any]:
        """The types of what a batch brings, in the order of the graphs' inputs."""
        weights = [TensorType(self.dtype, self.y.shape[:1])] if self.weighted else []
        return {"x": self.x, "y": self.y, "weights": weights}

    def losses(self, target: Value, output: Value, weights: Sequence[Value]) -> Value:
        """What each row adds to the objective, (N,): its loss, times its weight if it has one."""
        value = self.loss.per_row(target, output)
        return value * weights[0] if weights else value


def _penalty(task: Task, params: Any, strengths: Sequence[Value]) -> Value | None:
    """Σ of all penalties on the weights they apply to; None without any."""
    total: Value | None = None
    leaves, _ = trees.flatten(params)
    for regularizer, strength in zip(task.regularizers, strengths, strict=True):
        for leaf, is_bias in zip(leaves, task.is_bias, strict=True):
            if regularizer.biases or not is_bias:
                term = regularizer.penalty(strength, leaf)
                total = term if total is None else total if term is None else total + term
    return total


def _measures(task: Task, target: Value, output: Value) -> list[Value]:
    """Each metric that is one of rows, (N,)."""
    values = []
    for metric in task.metrics:
        if metric.measure is None:
            continue
        value = metric.per_row(task.loss, target, output)
        if value.type.shape != output.type.shape[:1]:
            raise ShapeError(
                f"metric {metric.name}",
                f"a metric must return one value a row {text(output.type.shape[:1])}, "
                f"got {text(value.type.shape)}",
            )
        values.append(composite.astype(value, task.dtype))
    return values


def _scalars(task: Task) -> dict[str, Any]:
    return {
        "step": TensorType(int64),
        "seed": TensorType(int64),
        "rate": TensorType(task.dtype),
        "strengths": [TensorType(task.dtype) for _ in task.regularizers],
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
        return optimizer.init(trees.flatten(params)[0])

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
        """The objective, and (the metrics of the batch, the layers' state after it)."""
        task, inputs = self.task, self.inputs
        params = trees.unflatten(self.structure, self.whole(moving))
        output, after = task.forward(params, inputs["state"], inputs["x"], train=True, key=self.key)
        value = composite.mean(task.losses(inputs["y"], output, inputs["weights"]))
        penalty = _penalty(task, params, inputs["strengths"])
        measures = [composite.mean(value) for value in _measures(task, inputs["y"], output)]
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
        norm = next((i for i, m in enumerate(self.task.stepwise) if m.name == GRADIENT_NORM), None)
        if norm is not None:
            squares = [composite.sum(elementwise("square", g)) for g in gradients]
            total = functools.reduce(lambda x, y: x + y, squares)
            measures.insert(norm, elementwise("sqrt", total))
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
            moved, kept = optimizer.update(
                [moves[k] for k in own],
                {name: [values[i] for i in places] for name, values in slots.items()},
                [this.weights[i] for i in places],
                inputs["step"],
                speed,
            )
            for i, weight in zip(places, moved, strict=True):
                new[i] = _bounded(task, inputs["strengths"], speed, weight, task.is_bias[i])
            for name, values in kept.items():
                for i, value_after in zip(places, values, strict=True):
                    slots[name][i] = value_after
        weights = trees.unflatten(this.structure, new)
        return weights, slots, after, inputs["step"] + 1, value, measures

    return _traced(step, _step_arguments(task, slots))


def _bounded(
    task: Task, strengths: Sequence[Value], rate: Value, weight: Value, is_bias: bool
) -> Value:
    """A weight after the optimizer's move, as the penalties leave it."""
    for regularizer, strength in zip(task.regularizers, strengths, strict=True):
        if regularizer.biases or not is_bias:
            weight = regularizer.after(strength, rate, weight)
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
        output, _ = task.forward(moving, kept, rows, train=False, key=None)
        mean = composite.mean(task.losses(target, output, parts))
        strengths = [number(r.strength, task.dtype) for r in task.regularizers]
        penalty = _penalty(task, moving, strengths)
        return mean if penalty is None else mean + penalty

    return value


def evaluation_graph(task: Task) -> Graph:
    """(params, state, strengths, x, y, [weights]) → (Σ loss, Σ each metric of rows, penalty).

    Where a metric needs all rows, behind them the output, and for labels those of y and the chosen.
    """

    def evaluate(
        params: Any, state: Any, strengths: list[Value], x: Any, y: Value, weights: list[Value]
    ) -> Any:
        output, _ = task.forward(params, state, x, train=False, key=None)
        sums = [composite.sum(task.losses(y, output, weights))]
        sums += [composite.sum(value) for value in _measures(task, y, output)]
        penalty = _penalty(task, params, strengths)
        found = sums if penalty is None else [*sums, penalty]
        if any(metric.whole is not None for metric in task.metrics):
            # What a model says of a class is its probability: logits may be shifted row by row.
            found.append(activate("softmax", output) if task.loss.link == "softmax" else output)
            if task.loss.classifies:
                found += [task.loss.labelled(y), task.loss.decided(output)]
        return found

    arguments = {
        "params": task.params,
        "state": task.state,
        "strengths": _scalars(task)["strengths"],
        **task.data,
    }
    return _traced(evaluate, arguments)


def prediction_graph(forward: Forward, params: Any, state: Any, x: Any) -> Graph:
    """(params, state, x) → the output."""

    def predict(params: Any, state: Any, x: Any) -> Value:
        return forward(params, state, x, train=False, key=None)[0]

    return _traced(predict, {"params": params, "state": state, "x": x})
