"""Losses that stand inside a network: those of `add_loss` and of activity regularizers.

In: tensors that a `call` hands over. Out: the terms of the objective of each Model that is made of
the outputs of that call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import pellucid.numpy as pnp
from pellucid.core.scopes import during
from pellucid.keras.tensors import KerasTensor, applied, flat
from pellucid.nn.regularizers import Regularizer
from pellucid.ops import composite
from pellucid.ops.value import Value, number

P = ParamSpec("P")
R = TypeVar("R")
_COLLECTED: ContextVar[list[KerasTensor] | None] = ContextVar("collected", default=None)


def collected(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> tuple[R, list[Any]]:
    """The function's result, and the losses that it adds; a call around it gets them too."""
    own: list[KerasTensor] = []
    outer = _COLLECTED.get()
    result = during(_COLLECTED, own, function, *args, **kwargs)
    if outer is not None:
        outer.extend(own)
    return result, own


def add(loss: KerasTensor) -> bool:
    """Adds the sum of a tensor to the losses of the `call` that runs; whether one does."""
    found = _COLLECTED.get()
    if found is None:
        return False
    found.append(loss if not loss.shape else applied(pnp.sum, (loss,), {}, "add_loss"))
    return True


def of_activity(penalties: Sequence[Regularizer], output: KerasTensor) -> KerasTensor:
    """What penalties say of an output, divided by the number of rows."""

    def mean(x: Any) -> Value:
        parts = [one.penalty(number(one.strength, x.type.dtype), x) for one in penalties]
        rows = composite.sum(composite.broadcast_to(number(1.0, x.type.dtype), x.type.shape[:1]))
        return sum(part for part in parts if part is not None) / rows

    made: KerasTensor = applied(mean, (output,), {}, "activity")
    return made


def of_network(outputs: Any) -> list[KerasTensor]:
    """The losses of all calls that lead to these tensors, each once."""
    found: dict[int, KerasTensor] = {}
    left, seen = [one for one in flat(outputs) if isinstance(one, KerasTensor)], set()
    while left:
        node = left.pop().node
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        found |= {id(one.symbol): one for one in node.terms}
        left += [*node.inputs, *node.terms]
    return list(found.values())
