"""What an optimizer is: a frozen record, and two functions of nested weights.

`init(params)` gives the slots (what it remembers of the past); `update(gradients, slots, params)`
gives new weights and slots. Both stand on two hooks that a subclass defines on flat lists of
Values, `slots_for` and `step`; the training step of `fit` calls these directly.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any, ClassVar

from pellucid.core import trees
from pellucid.core.arguments import accepts, integer, real
from pellucid.core.dtypes import float64
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import TensorType
from pellucid.ops import composite
from pellucid.ops.value import Builder, Value, cast, elementwise, is_scalar, is_tracing, records
from pellucid.optim import around
from pellucid.optim.elsewhere import ARGUMENTS, READ
from pellucid.optim.leaves import Tree, check_slots, given_back, matching
from pellucid.optim.schedules import Schedule

Slots = dict[str, list[Value]]
SlotTypes = dict[str, list[TensorType]]
STEP = "step"  # the slot that counts the steps
_MOST_RATES = 2**24  # of one call, which makes a list of them
_HOOK = "step(gradients, slots, weights, step, rate)"


@dataclass(frozen=True)
class Optimizer:
    """Base of all optimizers.

    A subclass defines `step`, and `slots_for` if it remembers anything.

    Args:
        learning_rate: a number ≥ 0 or a Schedule.
        lr: another spelling of `learning_rate`, as in older Keras; give one of the two.
        clip_value: cuts each element of each gradient to [-c, c].
        clip_norm: scales all gradients together so that their norm √(Σ g²) is c at most.
        clip_each_norm: scales each gradient by itself so that its norm is c at most.
        decoupled_decay: λ of w ← w - η·λ·w before each step, biases too. An L2 penalty is part of
            the gradient instead, and passes through what the optimizer makes of it.
        gather_steps: k: each k-th step moves the weights, along the mean of the last k gradients.
        average: m in [0, 1) of a running average of the weights, a ← m·a + (1-m)·w, which is the
            slot "average": `model.slots["average"]` holds an array for each weight.
        average_every: puts the averages in the place of the weights after every so many steps.

    Example:
        >>> import numpy as np
        >>> import pellucid as pel
        >>> optimizer = pel.optim.SGD(0.1)
        >>> params = {"w": np.ones(2)}
        >>> slots = optimizer.init(params)
        >>> optimizer.update({"w": np.array([1.0, 2.0])}, slots, params)
        ({'w': array([0.9, 0.8])}, {'step': array(1)})
    """

    learning_rate: float | Schedule | None = None
    lr: InitVar[Any] = field(default=None, kw_only=True)
    clip_value: float | None = field(default=None, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    clip_each_norm: float | None = field(default=None, kw_only=True)
    decoupled_decay: float = field(default=0.0, kw_only=True)
    gather_steps: int = field(default=1, kw_only=True)
    average: float | None = field(default=None, kw_only=True)
    average_every: int | None = field(default=None, kw_only=True)

    elsewhere: ClassVar[Mapping[str, str]] = ARGUMENTS  # what arguments of others mean
    read: ClassVar[Mapping[str, str]] = READ  # and attributes
    full_batch: ClassVar[bool] = False  # whether a step takes all rows unless told otherwise

    def __post_init__(self, lr: Any) -> None:
        where = type(self).__name__
        if lr is not None:
            if self.learning_rate is not None:
                raise ArgumentError(
                    where, f"give learning_rate or lr, got {self.learning_rate} and {lr}"
                )
            object.__setattr__(self, "learning_rate", lr)
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", self.default_rate())
        for name in ("clip_value", "clip_norm", "clip_each_norm"):
            if getattr(self, name) is not None:
                real(where, name, getattr(self, name), 0, open_low=True)
        around.check(self)
        if isinstance(self.learning_rate, type) and issubclass(self.learning_rate, Schedule):
            raise ArgumentError(
                where,
                "learning_rate must be a number or a Schedule, got the class "
                f"{self.learning_rate.__name__}",
                f"Write {self.learning_rate.__name__}(…), with brackets.",
            )
        if not isinstance(self.learning_rate, Schedule):
            real(where, "learning_rate", self.learning_rate, 0)

    @classmethod
    def default_rate(cls) -> float:
        return 0.01

    # -- the learning rate ------------------------------------------------------------------

    def rate(self, step: int) -> float:
        """The learning rate of a step; the first one is step 0."""
        if isinstance(self.learning_rate, Schedule):
            return _rate_of(self.learning_rate, step)
        integer("rate", "step", step, 0)
        assert self.learning_rate is not None
        return float(self.learning_rate)

    def rates(self, step: int, count: int) -> list[float]:
        """The learning rates of `count` steps from `step` on."""
        integer("rates", "step", step, 0)
        integer("rates", "count", count, 0, _MOST_RATES)
        if isinstance(self.learning_rate, Schedule):
            schedule = self.learning_rate
            return [_rate_of(schedule, step + i) for i in range(count)]
        assert self.learning_rate is not None
        return [float(self.learning_rate)] * count

    # -- for a training loop of your own ----------------------------------------------------

    def init(self, params: Any) -> dict[str, Any]:
        """The slots before the first step.

        Args:
            params: nested dicts, lists and tuples of float arrays, Tensors or traced values.

        Returns:
            {"step": 0, …}: the step count, int64, and each slot nested like `params`.

        Raises:
            DTypeError: for weights that are not floats.
        """
        self.check("init")
        weights = Tree.of("init", "params", params)
        slots = self.checked_slots(weights.values, trees.paths(params))
        count = given_back([composite.asvalue(0)], [0])[0]
        return {STEP: count, **{name: weights.like(values) for name, values in slots.items()}}

    def update(
        self, gradients: Any, slots: Mapping[str, Any], params: Any, rate: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """Weights and slots after a step along `gradients`, clipped as the optimizer says.

        A pure function: nothing that is given changes. Arrays give arrays. Tensors give Tensors
        that do not remember the step, so that the steps of a loop do not pile up; to differentiate
        through a step, call it inside `pel.grad`. Inside `pel.jit` it is part of the machine code.

        Args:
            gradients: nested like `params`, with the same shapes and dtypes.
            slots: what `init` or the last `update` returned.
            params: nested dicts, lists and tuples of float arrays, Tensors or traced values.
            rate: the learning rate of this step; None takes the optimizer's own.

        Raises:
            ArgumentError: for trees that do not fit together; for an optimizer with a Schedule
                inside a traced function, where the step is no number, without a `rate`.

        Example:
            >>> import numpy as np
            >>> import pellucid as pel
            >>> optimizer = pel.optim.Adam(0.1)
            >>> @pel.jit
            ... def train(w, slots, x, y):
            ...     loss, g = pel.value_and_grad(lambda w: np.mean((x @ w - y) ** 2))(w)
            ...     return loss, *optimizer.update(g, slots, w)
            >>> x, w = np.eye(2), np.zeros(2)
            >>> slots = optimizer.init(w)
            >>> for _ in range(3):
            ...     loss, w, slots = train(w, slots, x, np.ones(2))
            >>> w.round(2), int(slots["step"])
            (array([0.3, 0.3]), 3)
        """
        self.check("update")
        weights = Tree.of("update", "params", params)
        slopes = matching("update", "gradients", gradients, weights)
        wanted = self.slot_types(weights.types, trees.paths(params))
        kept = check_slots("update", slots, weights, wanted, STEP)
        step = kept.pop(STEP)[0]
        speed = self._rate_now(rate, step)
        # A rate has the dtype of its weights, or it would widen them.
        groups = [
            ([i for i, type in enumerate(weights.types) if type.dtype == dtype], cast(speed, dtype))
            for dtype in dict.fromkeys(type.dtype for type in weights.types)
        ]
        new, after = self.moved(slopes, kept, weights.values, step, groups)
        count = given_back([step + 1], [slots[STEP]])[0]
        kept_on = {name: weights.like(values) for name, values in after.items()}
        return weights.like(new), {STEP: count, **kept_on}

    def _rate_now(self, rate: Any, step: Value) -> Any:
        """The rate of this step: a float, or a scalar of the function that is traced."""
        if rate is None:
            number = getattr(step, "data", None)
            if not isinstance(self.learning_rate, Schedule):
                return self.rate(0)
            if number is None:
                raise ArgumentError(
                    "update",
                    "a rate must be given where the optimizer has a Schedule and the function is "
                    "traced, got None: there the step is no number",
                    "Make the rate an argument of the function, give it "
                    "optimizer.rate(int(slots['step'])), and call update(…, rate=rate).",
                )
            return self.rate(int(number))
        if not is_tracing() or is_scalar(rate) or not hasattr(rate, "dtype"):
            return real("update", "rate", rate, 0)
        value = composite.asvalue(rate)  # an array that is closed over is read at each call
        if value.type.shape != () or value.type.dtype.kind == "b":
            raise ArgumentError("update", f"rate must be one number, got {value.type!r}")
        return value

    # -- for subclasses ---------------------------------------------------------------------

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        """The slots before the first step: for each name one Value a weight."""
        return {}

    def slots_of(self, weights: Sequence[Value], names: Sequence[str]) -> Slots:
        """`slots_for`, of an optimizer that goes by the names of weights, such as "dense_1.W"."""
        return self.slots_for(weights)

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        """Weights and slots after a step along clipped gradients; all lists have one order.

        Args:
            step: int64, counts from 0.
            rate: a scalar of the weights' dtype.
        """
        raise NotImplementedError

    def clipped(self, gradients: Sequence[Value]) -> list[Value]:
        """The gradients as `step` takes them."""
        found = list(gradients)
        if self.clip_value is not None:
            high = float(self.clip_value)
            found = [elementwise("maximum", elementwise("minimum", g, high), -high) for g in found]
        if self.clip_each_norm is not None:
            found = [_scaled([g], float(self.clip_each_norm))[0] for g in found]
        if self.clip_norm is None or not found:
            return found
        return _scaled(found, float(self.clip_norm))

    # -- what holds for every subclass ------------------------------------------------------

    def moved(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        groups: Sequence[around.Group],
    ) -> tuple[list[Value], Slots]:
        """Weights and slots after a step along gradients that are not clipped yet.

        Args:
            groups: which weights, by their places, have which rate.
        """
        return around.moved(self, gradients, slots, weights, step, groups, self.checked_step)

    def check(self, where: str) -> None:
        """Refuses a class that cannot take a step, and one whose methods would not be called."""
        kind = type(self)
        if kind.step is Optimizer.step:
            fix = f"Define it in {kind.__name__}; see pel.optim.SGD for an example."
            if kind is Optimizer:
                fix = "Use one of pel.optim, such as SGD(0.1)."
            raise ArgumentError(
                where,
                f"expected an optimizer that defines {_HOOK}, got {kind.__name__}",
                fix,
            )
        accepts(where, f"{kind.__name__}.step", self.step, 5, _HOOK)
        accepts(where, f"{kind.__name__}.slots_for", self.slots_for, 1, "slots_for(weights)")
        for name, hook in (("init", "slots_for(weights)"), ("update", _HOOK)):
            if getattr(kind, name) is not getattr(Optimizer, name):
                raise ArgumentError(
                    where,
                    f"{kind.__name__} must leave {name} as it is, got one of its own, which fit "
                    "does not call",
                    f"Define {hook}.",
                )

    @records
    def slot_types(self, types: Sequence[TensorType], names: Sequence[str]) -> SlotTypes:
        """The types of the slots for weights of these types and names, without an array."""
        with Builder() as builder:
            weights = [builder.input(f"w{i}", type) for i, type in enumerate(types)]
            slots = self.checked_slots(weights, names)
        return {name: [value.type for value in values] for name, values in slots.items()}

    def checked_slots(self, weights: Sequence[Value], names: Sequence[str]) -> Slots:
        """`slots_for`, refused where it returns something else than slots of these weights."""
        slots = self.slots_of(weights, names)
        fits = isinstance(slots, dict) and all(
            isinstance(name, str) and isinstance(values, list) and len(values) == len(weights)
            for name, values in slots.items()
        )
        if not fits or STEP in slots:
            raise ArgumentError(
                type(self).__name__,
                f"slots_for must return {{name: [one Value a weight]}} without {STEP!r}, which "
                f"is counted already, got {slots!r}",
            )
        return {**slots, **around.slots(self, weights)}

    def checked_step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        """`step`, refused where weights or slots come back in other types or under other names."""
        made: Any = self.step(gradients, slots, weights, step, rate)
        wanted = _types((weights, slots))
        found = _types(made)
        if found != wanted:
            raise ArgumentError(
                type(self).__name__,
                f"step must return (weights, slots) of the types that it got, {wanted}, got "
                f"{found}",
            )
        new, after = made
        return list(new), {name: list(after[name]) for name in slots}


def _scaled(gradients: Sequence[Value], bound: float) -> list[Value]:
    """Gradients scaled together so that their norm is `bound` at most."""
    # In float64: the square of a float32 gradient of 1e20 would be infinite, the step 0.
    squares = [composite.sum(elementwise("square", cast(g, float64))) for g in gradients]
    norm = elementwise("sqrt", functools.reduce(lambda x, y: x + y, squares))
    # Below the bound the factor is 1 exactly, and no bit of a gradient changes.
    scale = bound / elementwise("maximum", norm, bound)
    return [g * cast(scale, g.type.dtype) for g in gradients]


def _types(made: Any) -> Any:
    """The types of nested Values; of anything else its class."""
    if isinstance(made, dict):
        return {name: _types(values) for name, values in made.items()}
    if isinstance(made, (list, tuple)):
        return [_types(one) for one in made]
    return made.type if isinstance(made, Value) else type(made).__name__


def _rate_of(schedule: Schedule, step: int) -> float:
    """The rate of a schedule, which may be a person's own and say anything."""
    rate = schedule.rate(step)
    if type(rate) is float and 0 <= rate < math.inf:
        return rate
    return real(type(schedule).__name__, f"rate({step})", rate, 0)
