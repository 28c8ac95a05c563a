"""The training step as ONE graph: forward, loss, gradient, update and metrics.

    (params, slots, state, step, seed, rate, strengths, x, y)
        → (params, slots, state, step + 1, objective, metrics)

Rates and penalties are inputs, so that no schedule builds a new graph. Evaluation and prediction
are graphs of their own over the same layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pellucid.core import trees
from pellucid.core.dtypes import DType, int64
from pellucid.core.errors import ShapeError
from pellucid.core.shapes import text
from pellucid.graph.node import Graph, TensorType
from pellucid.nn.losses import Loss
from pellucid.nn.regularizers import Regularizer
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Value
from pellucid.optim.base import Optimizer
from pellucid.train.metrics import Metric
from pellucid.transform.grad import value_and_grad
from pellucid.transform.trace import trace

Forward = Callable[..., tuple[Value, Any]]  # (params, state, x, train=, key=) → (out, state)


@dataclass(frozen=True)
class Task:
    """What is trained: a forward function, its types, and what it is measured by.

    Args:
        forward: `f(params, state, x, train=, key=)` gives (output, state); logits for the loss.
        params, state: nested dicts of TensorTypes.
        is_bias: for each leaf of `params`, whether penalties leave it out by default.
        x, y: types of a batch, with N rows.
    """

    forward: Forward
    params: Any
    state: Any
    is_bias: tuple[bool, ...]
    x: TensorType
    y: TensorType
    loss: Loss
    metrics: tuple[Metric, ...] = ()
    regularizers: tuple[Regularizer, ...] = ()
    dtype: DType = field(kw_only=True)


def _penalty(task: Task, params: Any, strengths: Sequence[Value]) -> Value | None:
    """Σ of all penalties on the weights they apply to; None without any."""
    total: Value | None = None
    leaves, _ = trees.flatten(params)
    for regularizer, strength in zip(task.regularizers, strengths, strict=True):
        for leaf, is_bias in zip(leaves, task.is_bias, strict=True):
            if regularizer.biases or not is_bias:
                term = regularizer.penalty(strength, leaf)
                total = term if total is None else total + term
    return total


def _measures(task: Task, target: Value, output: Value) -> list[Value]:
    """Each metric of each row, (N,)."""
    values = []
    for metric in task.metrics:
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


def step_graph(task: Task, optimizer: Optimizer, slots: Any) -> Graph:
    """The training step. `slots` is the tree of the slots' types."""

    def step(
        params: Any,
        slots: Any,
        state: Any,
        step: Value,
        seed: Value,
        rate: Value,
        strengths: list[Value],
        x: Value,
        y: Value,
    ) -> Any:
        key = Key(seed, step, "train")

        def objective(params: Any) -> Any:
            output, after = task.forward(params, state, x, train=True, key=key)
            value = composite.mean(task.loss.per_row(y, output))
            penalty = _penalty(task, params, strengths)
            measures = [composite.mean(value) for value in _measures(task, y, output)]
            return (value if penalty is None else value + penalty), (measures, after)

        (value, (measures, after)), gradients = value_and_grad(objective, has_aux=True)(params)
        weights, structure = trees.flatten(params)
        moves, _ = trees.flatten(gradients)
        new, after_slots = optimizer.update(optimizer.clipped(moves), slots, weights, step, rate)
        return trees.unflatten(structure, new), after_slots, after, step + 1, value, measures

    return _traced(
        step,
        {
            "params": task.params,
            "slots": slots,
            "state": task.state,
            **_scalars(task),
            "x": task.x,
            "y": task.y,
        },
    )


def evaluation_graph(task: Task) -> Graph:
    """(params, state, strengths, x, y) → (Σ loss, Σ each metric, penalty) over the rows."""

    def evaluate(params: Any, state: Any, strengths: list[Value], x: Value, y: Value) -> Any:
        output, _ = task.forward(params, state, x, train=False, key=None)
        sums = [composite.sum(task.loss.per_row(y, output))]
        sums += [composite.sum(value) for value in _measures(task, y, output)]
        penalty = _penalty(task, params, strengths)
        return sums if penalty is None else [*sums, penalty]

    arguments = {
        "params": task.params,
        "state": task.state,
        "strengths": _scalars(task)["strengths"],
        "x": task.x,
        "y": task.y,
    }
    return _traced(evaluate, arguments)


def prediction_graph(forward: Forward, params: Any, state: Any, x: TensorType) -> Graph:
    """(params, state, x) → the output."""

    def predict(params: Any, state: Any, x: Value) -> Value:
        return forward(params, state, x, train=False, key=None)[0]

    return _traced(predict, {"params": params, "state": state, "x": x})
