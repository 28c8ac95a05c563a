"""`compute_loss` of a person's own: a Model of ours that trains a network on it.

The Model reads what the network reads, then the targets and the weights of rows; the network's
outputs are its outputs, which metrics look at, and what `compute_loss` returns is a term of its
objective. Its layers are those of the network, and so are their arrays.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid import models as ours
from pellucid.core.errors import ArgumentError
from pellucid.core.scopes import during
from pellucid.keras import terms
from pellucid.keras.base import TRAINING
from pellucid.keras.session import SESSION
from pellucid.keras.tensors import (
    BEHIND,
    LOSSES,
    ROOT,
    KerasTensor,
    applied,
    borrowed,
    flat,
    input_tensor,
    mapped,
)
from pellucid.ops.value import number

WEIGHTS = "rows_weight"


class Objective:
    """What trains a network on its `compute_loss`.

    Args:
        model: the Model of the door, whose network is made.
        y: targets, or None; weighted: whether rows have weights.

    Attributes:
        network: the Model of ours; of: that of the network.
    """

    def __init__(self, model: Any, y: Any, weighted: bool):
        numbers = iter(range(1 << 20))
        self.of = model.network()
        self.shapes = [one.shape[1:] for one in flat(y)] if y is not None else []
        words = model.network().architecture.inputs.names
        tensors = dict(zip(words, flat(model._inputs), strict=True))

        def given(name: str, sample: tuple[int, ...]) -> KerasTensor:
            """An input; of single numbers a row it has an axis of one, which is taken off."""
            made = tensors[name] = input_tensor(sample or (1,), name)
            alone: KerasTensor = made if sample else made[:, 0]
            return alone

        self.words = [f"target_{n}" for n in range(len(self.shapes))]
        targets = None
        if y is not None:
            targets = mapped(y, lambda one: given(f"target_{next(numbers)}", one.shape[1:]))
        weights = given(WEIGHTS, ()) if weighted else None
        loss = _computed(model, targets, weights)
        used = _used([loss, *flat(model._outputs)])
        self.names = [name for name, one in tensors.items() if id(one.symbol) in used]
        outputs = model.network().architecture.outputs
        self.network = ours.Model(
            {name: tensors[name].symbol for name in self.names},
            outputs.nested([one.symbol for one in flat(model._outputs)]),
            seed=0,
            dtype=SESSION.floatx,
            terms=[loss.symbol],
        )

    def fits(self, y: Any, weighted: bool) -> bool:
        """Whether data of this form are trained on by this Model."""
        shapes = [one.shape[1:] for one in flat(y)] if y is not None else []
        return shapes == self.shapes and (WEIGHTS in self.names or not weighted)

    def features(self, words: Sequence[str], x: Sequence[Any], y: Any, weights: Any) -> Any:
        """A batch as what the Model reads."""
        found = dict(zip(words, x, strict=True))
        found |= dict(zip(self.words, flat(y) if y is not None else [], strict=True))
        rows = len(x[0])
        found[WEIGHTS] = np.ones(rows, SESSION.floatx) if weights is None else np.asarray(weights)
        return {name: _in_rows(found[name]) for name in self.names}


def _in_rows(x: Any) -> Any:
    """x with an axis of features."""
    return x if len(x.shape) > 1 else np.asarray(x).reshape(-1, 1)


def _used(ends: Sequence[KerasTensor]) -> set[int]:
    """The ids of all symbols that lead to these tensors."""
    seen: set[int] = set()
    left = [one.symbol for one in ends]
    while left:
        symbol = left.pop()
        if id(symbol) not in seen:
            seen.add(id(symbol))
            left += symbol.sources
    return seen


def _computed(model: Any, targets: Any, weights: Any) -> KerasTensor:
    """What `compute_loss` returns of tensors."""
    parameters = inspect.signature(model.compute_loss).parameters
    more = {"training": TRAINING} if "training" in parameters else {}
    outputs, first = flat(model._outputs), flat(model._inputs)[0]

    def called() -> Any:
        added = [*terms.of_network(outputs), *_penalties(model, outputs[0])]
        given = model._inputs, targets, model._outputs, weights
        return during(LOSSES, (model, added), model.compute_loss, *given, **more)

    loss = during(ROOT, first, during, BEHIND, outputs[0], called)
    if not isinstance(loss, KerasTensor) or loss.shape:
        raise ArgumentError(
            f"keras.{type(model).__name__}.compute_loss",
            f"it must return one number that is made of the tensors it gets, got {loss!r}",
            "End it with keras.ops.mean(…) of y_pred, y or x.",
        )
    return loss


def _penalties(model: Any, behind: KerasTensor) -> list[KerasTensor]:
    """The penalties of all weights that are trained, as tensors."""
    found = []
    for weight in model.trainable_weights:
        for one in weight.inner.penalties:
            if one.is_proximal or not one.acts_on(weight.leaf, weight.leaf in weight.inner.biases):
                continue
            shape = tuple(weight.inner.variables.params[weight.leaf].shape)
            tensor = borrowed(weight.inner, weight.leaf, shape, behind)
            found.append(applied(_penalty(one), (tensor,), {}, "penalty"))
    return found


def _penalty(one: Any) -> Any:
    return lambda w: one.penalty(number(one.strength, w.type.dtype), w)
