"""Optimizers that evaluate the objective several times a step, which one graph cannot.

A minimizer gets compiled functions of the weights (value, gradient, Hessian times a vector) for the
rows of one step, and works on flat float64 vectors. By default a step takes all rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from pellucid.core.arguments import accepts, integer, real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError
from pellucid.ops import composite
from pellucid.ops.value import Value, zeros_like
from pellucid.optim import around
from pellucid.optim.base import Optimizer, Slots
from pellucid.optim.line_search import line_search
from pellucid.optim.objective import Array, Objective

_HOOK = "minimize_step(objective, slots, rate, draw)"


class Minimizer(Optimizer):
    """Base of optimizers that evaluate the objective several times a step.

    `history` names slots that hold the last vectors, oldest first: (length, *shape) a parameter.
    `slots_for` returns them, in this order.
    """

    full_batch: ClassVar[bool] = True
    history: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        for name in ("clip_value", "clip_norm", "clip_each_norm"):
            if getattr(self, name) is not None:
                raise ArgumentError(
                    type(self).__name__,
                    f"{name} must be None, got {getattr(self, name)!r}: the step's length is "
                    "searched for, not given by the gradient",
                )
        given = around.is_asked(self)
        if given:
            raise ArgumentError(
                type(self).__name__,
                f"{given} is of optimizers that take one step along each gradient, got "
                f"{getattr(self, given)!r}",
                "Use SGD or Adam.",
            )

    def minimize_step(
        self, objective: Objective, slots: dict[str, Array], rate: float, draw: np.random.Generator
    ) -> tuple[Array, dict[str, Array]]:
        """The weights and slots after a step. A subclass defines it.

        Args:
            slots: (length, P) each, oldest row first.
            draw: random numbers of this step.
        """
        raise NotImplementedError

    def check(self, where: str) -> None:
        kind = type(self)
        if kind.minimize_step is Minimizer.minimize_step:
            raise ArgumentError(
                where,
                f"expected a Minimizer that defines {_HOOK}, got {kind.__name__}",
                "Use LBFGS(), Newton() or Perturb(), or define it in a subclass.",
            )
        accepts(where, f"{kind.__name__}.minimize_step", self.minimize_step, 4, _HOOK)
        if kind.step is not Optimizer.step:
            raise ArgumentError(
                where,
                f"{kind.__name__} must define minimize_step, not step, which a Minimizer does not "
                "call",
                "Make it a subclass of Optimizer if one gradient a step is enough.",
            )

    def checked_slots(self, weights: Sequence[Value], names: Sequence[str]) -> Slots:
        slots = super().checked_slots(weights, names)
        if tuple(slots) != tuple(self.history):
            raise ArgumentError(
                type(self).__name__,
                f"slots_for must return the slots that history names, {self.history}, got "
                f"{tuple(slots)}",
                "Define slots_for(weights), which returns them in this order; see pel.optim.LBFGS.",
            )
        return slots

    def init(self, params: Any) -> dict[str, Any]:
        raise self._needs_fit("init")

    def update(
        self, gradients: Any, slots: Mapping[str, Any], params: Any, rate: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        raise self._needs_fit("update")

    def _needs_fit(self, where: str) -> ArgumentError:
        return ArgumentError(
            where,
            "expected an optimizer that takes one step along a gradient, got "
            f"{type(self).__name__}, which evaluates the objective several times a step",
            "Train with fit, or use another one, such as Adam().",
        )


@record
class LBFGS(Minimizer):
    """w ← w - α·H⁻¹g with H⁻¹ from the last moves and changes of the gradient, by two loops.

    α satisfies the strong Wolfe conditions; it starts at the learning rate, in the first step at
    min(1, 1/‖g‖₁) times that. A pair whose y·s is not above 1e-10·y·y is left out.

    Args:
        learning_rate: the first α that is tried; 1 by default.
        memory: pairs that are kept.

    Source: Liu and Nocedal, Mathematical Programming 45 (1989), 503-528; Nocedal and Wright,
    Numerical optimization, algorithms 7.4, 3.5 and 3.6.
    """

    memory: int = 10

    history: ClassVar[tuple[str, ...]] = ("moves", "changes")

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        integer("LBFGS", "memory", self.memory, 1, 1000)

    @classmethod
    def default_rate(cls) -> float:
        return 1.0

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        return {name: [_rows_of_zeros(w, self.memory) for w in weights] for name in self.history}

    def minimize_step(
        self, objective: Objective, slots: dict[str, Array], rate: float, draw: np.random.Generator
    ) -> tuple[Array, dict[str, Array]]:
        start, gradient = objective.start, objective.gradient
        if not gradient.any():
            return start, slots
        moves, changes = slots["moves"], slots["changes"]
        curvatures = np.einsum("kp,kp->k", moves, changes)
        known = [k for k in range(len(moves)) if curvatures[k] > 0]
        direction = -gradient
        factors = {}
        for k in reversed(known):
            factors[k] = moves[k] @ direction / curvatures[k]
            direction = direction - factors[k] * changes[k]
        if known:
            direction = direction * (curvatures[known[-1]] / (changes[known[-1]] ** 2).sum())
        for k in known:
            back = changes[k] @ direction / curvatures[k]
            direction = direction + (factors[k] - back) * moves[k]
        first = rate if known else rate * min(1.0, 1 / np.abs(gradient).sum())
        found = line_search(objective, direction, first)
        if found is None:  # no lower point along it: the past misleads, begin anew
            return start, {name: np.zeros_like(rows) for name, rows in slots.items()}
        length, after = found
        move, change = length * direction, after - gradient
        # What float32 weights can hold of the move is what was measured.
        if move @ change > 1e-10 * (change @ change):
            moves = np.concatenate([moves[1:], move[None]])
            changes = np.concatenate([changes[1:], change[None]])
        return start + move, {"moves": moves, "changes": changes}


@record
class Newton(Minimizer):
    """w ← w - α·(H + μI)⁻¹g with the whole Hessian: few steps, each as dear as P gradients.

    μ is 0 where H is positive definite, else what makes it so; α starts at the learning rate and
    is halved until the objective falls by 1e-4 of what the gradient promises (Armijo).

    Args:
        learning_rate: the first α that is tried; 1 by default.
        max_weights: the most weights that the Hessian is made for.

    Raises:
        ArgumentError: in training, for a model with more weights than `max_weights`.

    Source: Nocedal and Wright, Numerical optimization, sections 3.3 and 3.4.
    """

    max_weights: int = 2000

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        integer("Newton", "max_weights", self.max_weights, 1)

    @classmethod
    def default_rate(cls) -> float:
        return 1.0

    def minimize_step(
        self, objective: Objective, slots: dict[str, Array], rate: float, draw: np.random.Generator
    ) -> tuple[Array, dict[str, Array]]:
        start, gradient = objective.start, objective.gradient
        if len(start) > self.max_weights:
            raise ArgumentError(
                "Newton",
                f"the model must have {self.max_weights} weights at most, got {len(start)}",
                "Use LBFGS, or Newton(max_weights=…) and time for as many gradients a step.",
            )
        if not gradient.any():
            return start, slots
        matrix = np.stack([objective.hessian_product(row) for row in np.eye(len(start))])
        values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
        # Directions of no or negative curvature are taken as if they curved upwards as much.
        least = max(np.abs(values).max() * 1e-8, np.finfo(np.float64).tiny)
        direction = -axes @ ((axes.T @ gradient) / np.maximum(np.abs(values), least))
        promise = float(direction @ gradient)
        length = rate
        for _ in range(40):
            there = start + length * direction
            if objective.value_at(there) <= objective.value + 1e-4 * length * promise:
                return there, slots
            length /= 2
        return start, slots


@record
class Perturb(Minimizer):
    """Draws a random change of all weights and keeps it if the objective falls: no gradient.

    The lectures' baseline of how not to train: a step looks at one direction of P.

    Args:
        learning_rate: the standard deviation of the change; 0.01 by default.
        coordinates: how many weights are changed at a time; None: all.
    """

    coordinates: int | None = None

    def __post_init__(self, lr: Any) -> None:
        super().__post_init__(lr)
        if self.coordinates is not None:
            integer("Perturb", "coordinates", self.coordinates, 1)

    def minimize_step(
        self, objective: Objective, slots: dict[str, Array], rate: float, draw: np.random.Generator
    ) -> tuple[Array, dict[str, Array]]:
        count = len(objective.start)
        change = draw.standard_normal(count) * real("Perturb", "learning_rate", rate, 0)
        if self.coordinates is not None and self.coordinates < count:
            still = np.ones(count, bool)
            still[draw.choice(count, self.coordinates, replace=False)] = False
            change[still] = 0
        there = objective.start + change
        better = objective.value_at(there) < objective.value
        return (there if better else objective.start), slots


def _rows_of_zeros(weight: Value, length: int) -> Value:
    """Room for the last `length` vectors like `weight`."""
    return composite.stack([zeros_like(weight)] * length)
