"""What stands around the step of every optimizer: gathered gradients, decay, averages of weights.

In: gradients, slots and weights as flat lists. Out: the same after a step, in which the step of a
subclass stands. Nodes are made only for what an optimizer asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pellucid.core.arguments import integer, real
from pellucid.core.errors import ArgumentError
from pellucid.ops import composite
from pellucid.ops.value import Value, cast, zeros_like

Slots = dict[str, list[Value]]
Group = tuple[Sequence[int], Value]  # the weights that have one rate, and the rate
Step = Callable[[list[Value], Slots, list[Value], Value, Value], tuple[list[Value], Slots]]
GATHERED, AVERAGE = "gathered", "average"


def check(optimizer: Any) -> None:
    """Refuses numbers that mean nothing."""
    where = type(optimizer).__name__
    real(where, "decoupled_decay", optimizer.decoupled_decay, 0)
    integer(where, "gather_steps", optimizer.gather_steps, 1)
    if optimizer.average is not None:
        real(where, "average", optimizer.average, 0, 1, open_high=True)
    if optimizer.average_every is not None:
        integer(where, "average_every", optimizer.average_every, 1)
        if optimizer.average is None:
            raise ArgumentError(
                where, f"average_every needs average, got {optimizer.average_every} alone",
                "Write average=0.99 with it.",
            )  # fmt: skip


def is_asked(optimizer: Any) -> str:
    """The name of an argument of this module that was given; "" for none."""
    plain = {"decoupled_decay": 0, "gather_steps": 1, "average": None, "average_every": None}
    return next((name for name, one in plain.items() if getattr(optimizer, name) != one), "")


def slots(optimizer: Any, weights: Sequence[Value]) -> Slots:
    """The slots before the first step."""
    found = {}
    if optimizer.gather_steps > 1:
        found[GATHERED] = [zeros_like(w) for w in weights]
    if optimizer.average is not None:  # of a weight that is never trained the weight itself
        found[AVERAGE] = [zeros_like(w) + w for w in weights]
    return found


def is_due(optimizer: Any, step: Value) -> Value:
    """Whether weights move in this step, where gradients are gathered."""
    found: Value = (step + 1) % optimizer.gather_steps == 0
    return found


def moved(
    optimizer: Any,
    gradients: Sequence[Value],
    slots: Slots,
    weights: Sequence[Value],
    step: Value,
    groups: Sequence[Group],
    inner: Step,
) -> tuple[list[Value], Slots]:
    """Weights and slots after a step along gradients that are not clipped yet.

    Args:
        groups: which weights have which rate; each weight is in one.
        inner: the step of the optimizer itself, on the weights of a group.
    """
    every, turn, given = optimizer.gather_steps, step, list(gradients)
    after = {name: list(values) for name, values in slots.items()}
    if every > 1:
        turn = step // every
        totals = [sum_ + g for sum_, g in zip(slots[GATHERED], gradients, strict=True)]
        given = [total / every for total in totals]
    given, new = optimizer.clipped(given), list(weights)
    own = {name: values for name, values in slots.items() if name not in (GATHERED, AVERAGE)}
    for members, rate in groups:
        held = [weights[i] for i in members]
        if optimizer.decoupled_decay:
            held = [w * (1 - rate * optimizer.decoupled_decay) for w in held]
        stepped, left = inner(
            [given[i] for i in members],
            {name: [values[i] for i in members] for name, values in own.items()},
            held,
            turn,
            rate,
        )
        for k, i in enumerate(members):
            new[i] = stepped[k]
            for name, values in left.items():
                after[name][i] = values[k]
    if every > 1:
        due = is_due(optimizer, step)
        new = _chosen(due, new, weights)
        for name in own:
            after[name] = _chosen(due, after[name], own[name])
        after[GATHERED] = _chosen(due, [zeros_like(w) for w in weights], totals)
    if optimizer.average is not None:
        new, after[AVERAGE] = _averaged(optimizer, new, slots[AVERAGE], turn)
    return new, after


def _chosen(due: Value, one: Sequence[Value], other: Sequence[Value]) -> list[Value]:
    return [composite.where(due, x, y) for x, y in zip(one, other, strict=True)]


def _averaged(
    optimizer: Any, weights: Sequence[Value], averages: Sequence[Value], step: Value
) -> tuple[list[Value], list[Value]]:
    """Weights, and their averages: a ← m·a + (1-m)·w, of which the first is w."""
    assert optimizer.average is not None
    found = []
    for w, a in zip(weights, averages, strict=True):
        kept = cast(step != 0, w.type.dtype) * float(optimizer.average)
        found.append(kept * a + (1 - kept) * w)
    if optimizer.average_every is None:
        return list(weights), found
    due = (step + 1) % optimizer.average_every == 0
    return _chosen(due, found, weights), found
