"""What is trained, apart from how: the network as a function, its outputs, losses and penalties.

In: from `models`, what a model and its configuration say. Out: a `Task`, from which `step.py` makes
graphs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pellucid.core import forks, trees
from pellucid.core.dtypes import DType
from pellucid.core.errors import ShapeError
from pellucid.core.shapes import text
from pellucid.graph.node import TensorType
from pellucid.nn.losses import Loss
from pellucid.nn.losses.contract import Contract
from pellucid.nn.regularizers import Regularizer
from pellucid.ops import composite
from pellucid.ops.value import Value
from pellucid.train.metric import Metric
from pellucid.train.metrics import GRADIENT_NORM

Forward = Callable[..., tuple[list[Any], Any]]
# (params, state, inputs, train=, key=) → ([(value, before its final activation), …], state)
# Behind one output a head may come terms of the objective.


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

    def losses(self, target: Value, output: Any, weights: Value | None = None) -> Value:
        """The loss of each row, (N,), by weights of rows, (N,), or of positions, (N, …)."""
        read = output.raw if self.contract.reads_raw else output.value
        if weights is None or len(weights.type.shape) == 1:
            loss = self.loss.per_row(target, read)
            return loss if weights is None else loss * weights
        return self.loss.weighed(target, read, weights)

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
        forward: `f(params, state, inputs, train=, key=)` gives the outputs, one a head, behind
            them terms of the objective, and the state.
        params, state: nested dicts of TensorTypes.
        x: types of a batch, with N rows, in the nesting of the model's inputs.
        heads: one an output.
        targets: nests what is given one a head, as `y` is.
        penalties: in the order of their strengths.
        weights: the types of weights in the objective: none, those of rows, (N,), for all heads;
            or one a head, (N,) or (N, …) with a weight for each position of a row.
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
    weights: tuple[TensorType, ...] = ()
    gradient_norm: bool = False
    rates: tuple[float, ...] = field(kw_only=True)
    dtype: DType = field(kw_only=True)

    @property
    def free(self) -> list[int]:
        """The leaves of `params` that are trained."""
        return [i for i, rate in enumerate(self.rates) if rate]

    @forks.cached_property
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

    @forks.cached_property
    def step_measures(self) -> list[str]:
        """The names of the numbers that a training step measures, in the graph's order."""
        return [*self.row_measures, *([GRADIENT_NORM] if self.gradient_norm else [])]

    @forks.cached_property
    def summed(self) -> dict[str, Metric]:
        """The metrics that are made of sums over rows, by their names."""
        return {
            head.named(metric.name): metric
            for head in self.heads
            for metric in head.metrics
            if metric.finish is not None
        }

    @forks.cached_property
    def epoch_measures(self) -> list[str]:
        """The names of what is measured of an epoch, in the order a person gave them."""
        kept = self.row_measures, self.summed
        names = [name for name in self.measures if any(name in one for one in kept)]
        return [*names, *([GRADIENT_NORM] if self.gradient_norm else [])]

    @forks.cached_property
    def measures(self) -> list[str]:
        """The names of what is measured of a data set, in the order a person gave them."""
        losses = [head.named("loss") for head in self.heads] if len(self.heads) > 1 else []
        metrics = [head.named(metric.name) for head in self.heads for metric in head.metrics]
        return ["loss", *losses, *metrics]

    @property
    def data(self) -> dict[str, Any]:
        """The types of what a batch brings, in the order of the graphs' inputs."""
        targets = self.targets([head.y for head in self.heads])
        return {"x": self.x, "y": targets, "weights": list(self.weights)}

    def of_heads(self, weights: Sequence[Value]) -> Sequence[Value | None]:
        """The weights of each head."""
        if len(weights) == len(self.heads):
            return weights
        return [weights[0] if weights else None] * len(self.heads)

    def row_values(
        self, targets: Any, outputs: Sequence[Any], weights: Sequence[Value]
    ) -> list[Value]:
        """Of each row, (N,): what it adds to the objective, then all other `row_measures`.

        A row's weight multiplies losses and leaves metrics and terms alone.
        """
        terms = outputs[len(self.heads) :]
        outputs = outputs[: len(self.heads)]
        each = list(zip(self.heads, trees.leaves_of(targets), outputs, strict=True))
        losses = [
            head.losses(target, output, own)
            for (head, target, output), own in zip(each, self.of_heads(weights), strict=True)
        ]
        shares = [
            loss if head.weight == 1 else loss * head.weight
            for head, loss in zip(self.heads, losses, strict=True)
        ]
        rows = outputs[0].value.type.shape[:1]
        shares += [_of_rows(term.value, rows) for term in terms]
        total = functools.reduce(lambda one, other: one + other, shares)
        parts = losses if len(losses) > 1 else []
        metrics = [value for one in each for value in _measured(*one, self.dtype)]
        return [total, *parts, *metrics]

    def row_sums(
        self, targets: Any, outputs: Sequence[Any], weights: Sequence[Value]
    ) -> list[Value]:
        """The sums over rows that each of `summed` is made of, (K,)."""
        outputs = outputs[: len(self.heads)]  # terms stand behind
        of_heads = self.of_heads(weights)
        each = zip(self.heads, trees.leaves_of(targets), outputs, of_heads, strict=True)
        return [
            metric.sums(target, output.value, [] if own is None else [own])
            for head, target, output, own in each
            for metric in head.metrics
            if metric.finish is not None
        ]

    def penalty(self, params: Any, strengths: Sequence[Value]) -> Value | None:
        """Σ of all penalties on the weights they apply to; None without any."""
        total: Value | None = None
        leaves = trees.leaves_of(params)
        for penalty, strength in zip(self.penalties, strengths, strict=True):
            for i in penalty.leaves:
                term = penalty.regularizer.penalty(strength, leaves[i])
                total = term if total is None else total if term is None else total + term
        return total


def _of_rows(term: Value, rows: Sequence[Any]) -> Value:
    """What a term adds to the objective for each row: its mean, or the number that it is."""
    shape = term.type.shape
    if not shape:
        return composite.broadcast_to(term, tuple(rows))
    return composite.mean(term, tuple(range(1, len(shape)))) if len(shape) > 1 else term


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
