"""The training step as ONE graph: forward, loss, gradient, update and metrics.

    (params, slots, state, step, seed, rate, strengths, x, y, [weights])
        → (params, slots, state, step + 1, objective, metrics, sums)

The sums are over the rows of the batch, of metrics that are made of such.

Where rows have weights they come behind y.

Rates and penalties are inputs, so that no schedule builds a new graph. Evaluation and prediction
are graphs of their own over the same layers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from pellucid.core import notices, trees
from pellucid.core.dtypes import int64
from pellucid.graph.node import Graph, TensorType
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Builder, Value, elementwise, number
from pellucid.optim import around
from pellucid.optim.base import Optimizer
from pellucid.train.task import Forward, Task
from pellucid.transform.grad import grad, jvp, value_and_grad
from pellucid.transform.tensor import constant
from pellucid.transform.trace import trace


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
        return optimizer.checked_slots(trees.flatten(params)[0], trees.paths(params))

    return _traced(initial, {"params": task.params})


class _Step:
    """The objective of a batch as a function of the weights that are trained, within a trace."""

    def __init__(self, task: Task, inputs: dict[str, Any]):
        self.task, self.inputs = task, inputs
        self.weights, self.structure = trees.flatten(inputs["params"])
        self.trainable = [self.weights[i] for i in task.free]
        self.key = Key(inputs["seed"], inputs["step"], "train")

    def all_weights(self, trainable: Sequence[Value]) -> list[Value]:
        """All weights, with `trainable` in the place of those that are trained."""
        merged = list(self.weights)
        for i, weight in zip(self.task.free, trainable, strict=True):
            merged[i] = weight
        return merged

    def objective(self, trainable: Sequence[Value]) -> Any:
        """The objective, and what else a step gives.

        These are the measures of the batch behind it, the sums over its rows that metrics are made
        of, and the layers' state after it.
        """
        task, inputs = self.task, self.inputs
        params = trees.unflatten(self.structure, self.all_weights(trainable))
        outputs, after = task.forward(
            params, inputs["state"], trees.leaves_of(inputs["x"]), train=True, key=self.key
        )
        total, *others = task.row_values(inputs["y"], outputs, inputs["weights"])
        value, measures = composite.mean(total), [composite.mean(other) for other in others]
        sums = task.row_sums(inputs["y"], outputs, inputs["weights"])
        penalty = task.penalty(params, inputs["strengths"])
        return (value if penalty is None else value + penalty), (measures, sums, after)

    def warn_of_unreachable(self, gradients: Sequence[Value]) -> None:
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
        """The objective, the metrics and the sums of others, the layers' state, the gradients."""
        slope = value_and_grad(self.objective, has_aux=True)
        (value, (measures, sums, after)), gradients = slope(self.trainable)
        self.warn_of_unreachable(gradients)
        if self.task.gradient_norm:
            squares = [composite.sum(elementwise("square", g)) for g in gradients]
            total = functools.reduce(lambda x, y: x + y, squares)
            measures.append(elementwise("sqrt", total))
        return value, [*measures, *sums], after, gradients


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
        loss, measures, after, gradients = this.gradients()
        new, rates = list(this.weights), {}
        for factor in dict.fromkeys(task.rates[i] for i in task.free):
            rates[factor] = inputs["rate"] if factor == 1 else inputs["rate"] * factor
        groups = [
            ([k for k, i in enumerate(task.free) if task.rates[i] == factor], rate)
            for factor, rate in rates.items()
        ]
        slots = {name: list(values) for name, values in inputs["slots"].items()}
        own = {name: [values[i] for i in task.free] for name, values in slots.items()}
        stepped, left = optimizer.moved(gradients, own, this.trainable, inputs["step"], groups)
        for k, i in enumerate(task.free):
            rate = rates[task.rates[i]]
            new[i] = _bounded(task, optimizer, inputs, rate, stepped[k], i)
            for name, values in left.items():
                slots[name][i] = values[k]
        weights = trees.unflatten(this.structure, new)
        return weights, slots, after, inputs["step"] + 1, loss, measures

    return _traced(step, _step_arguments(task, slots))


def _bounded(
    task: Task, optimizer: Optimizer, inputs: dict[str, Any], rate: Value, weight: Value, leaf: int
) -> Value:
    """A weight after the optimizer's move, as the penalties leave it."""
    own = [
        (penalty.regularizer, strength)
        for penalty, strength in zip(task.penalties, inputs["strengths"], strict=True)
        if leaf in penalty.leaves
    ]
    if own and optimizer.gather_steps > 1:  # where no weight moves, bounds hold all the same
        rate = rate * composite.astype(around.is_due(optimizer, inputs["step"]), rate.type.dtype)
    for regularizer, strength in own:
        weight = regularizer.proximal_step(strength, rate, weight)
    return weight


def value_graph(task: Task, slots: Any) -> Graph:
    """The inputs of a step → the objective."""

    def value(**inputs: Any) -> Any:
        this = _Step(task, inputs)
        return this.objective(this.trainable)[0]

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
        slope = grad(lambda trainable: this.objective(trainable)[0])
        return jvp(slope, (this.trainable,), (tangents,))[1]

    leaves = trees.flatten(task.params)[0]
    return _traced(
        product, {**_step_arguments(task, slots), "tangents": [leaves[i] for i in task.free]}
    )


def objective(
    task: Task, state: Any, x: Any, y: Any, sample_weights: Sequence[Any]
) -> Callable[[Any], Value]:
    """The objective on these rows, in the mode of prediction, as a function of the weights."""

    def tensors(tree: Any) -> Any:
        return trees.map_leaves(lambda a: a if isinstance(a, Value) else constant(a), tree)

    rows, target, kept = tensors(x), tensors(y), tensors(state)
    row_weights = tensors(list(sample_weights))

    def value(params: Any) -> Value:
        weights = tensors(params)
        outputs, _ = task.forward(weights, kept, trees.leaves_of(rows), train=False, key=None)
        mean = composite.mean(task.row_values(target, outputs, row_weights)[0])
        strengths = [number(one.regularizer.strength, task.dtype) for one in task.penalties]
        penalty = task.penalty(weights, strengths)
        return mean if penalty is None else mean + penalty

    return value


def evaluation_graph(task: Task) -> Graph:
    """(params, state, strengths, x, y, [weights]) → (Σ of each of `row_measures`, the sums of
    each of `summed`, penalty, outputs).

    The penalty is there where the task has one. Of each head with a metric that needs all rows the
    output as `predict` gives it stands behind.
    """

    def evaluate(
        params: Any, state: Any, strengths: list[Value], x: Any, y: Any, weights: list[Value]
    ) -> Any:
        outputs, _ = task.forward(params, state, trees.leaves_of(x), train=False, key=None)
        sums = [composite.sum(value) for value in task.row_values(y, outputs, weights)]
        sums += task.row_sums(y, outputs, weights)
        penalty = task.penalty(params, strengths)
        found = sums if penalty is None else [*sums, penalty]
        for head, output in zip(task.heads, outputs, strict=False):  # terms stand behind
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
