"""What of a model is a person's own code, and what that read while it was traced.

In: layers, losses, metrics, penalties and an optimizer. Out: the functions and objects among them
that are no code of Pellucid's, and whether what they read beside their inputs is another now.
"""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from pellucid.core import notices
from pellucid.core.config import is_record
from pellucid.nn.layer import Layer, variables_are_arguments
from pellucid.optim import Minimizer, Schedule
from pellucid.train.functions import GraphFunction
from pellucid.train.metric import Metric
from pellucid.transform.contents import contents, differ
from pellucid.transform.trace import noted
from pellucid.transform.watch import Surroundings

T = TypeVar("T")
_PACKAGE = __name__.partition(".")[0]
# The first two run between the steps; what the last one computes stands in its graph.
_NO_CODE = (Schedule, Minimizer, GraphFunction)
_ATOMS = (str, int, float, bool, type(None))


def own_parts(parts: Iterable[Any]) -> list[Any]:
    """The functions of a person's own in `parts` and in their fields, and objects of own classes.

    Args:
        parts: layers, losses, metrics, penalties, optimizers.
    """
    found: dict[int, Any] = {}
    left = list(parts)
    while left:
        part = left.pop()
        if isinstance(part, (*_ATOMS, *_NO_CODE)):
            continue
        if isinstance(part, (list, tuple)):
            left += part
        elif type(part).__module__.partition(".")[0] != _PACKAGE:
            found[id(part)] = part
        elif is_record(part):
            left += [getattr(part, field.name) for field in dataclasses.fields(part)]
        elif isinstance(part, Metric):
            left.append(part.function)
        elif callable(part):  # of ours, around one of theirs: pel.op, pel.jit, a loss of the door
            found[id(part)] = part
    return list(found.values())


class OwnCode:
    """The functions of a person's own in a model, and what stood around them at the last trace.

    Args:
        where: the model's class, for messages.
        layers: of the model. Their arrays are no surroundings of theirs.
        others: what else is traced: losses, metrics, penalties, the optimizer.
        model: neither is the model; nothing else is asked of it.
    """

    def __init__(self, where: str, layers: Iterable[Layer], others: Iterable[Any], model: object):
        self.layers = tuple(layers)
        self.parts = tuple(own_parts([*layers, *others]))
        self._model = weakref.ref(model)
        self._captures: dict[int, Any] = {}
        self._scalars: list[Any] = []
        self._look()
        if not self._around.whole:
            notices.once(
                f"[{where}] what functions of your own in the model refer to is too "
                "large to be watched, so they are traced anew at each call. Refer to less."
            )

    def _look(self) -> None:
        """Notes what stands around the functions now."""
        known = [self._model(), *(layer.variables for layer in self.layers)]
        self._around = Surroundings(self.parts, known)
        self._contents = contents(self._around, self._captures.values(), self._scalars, bound=False)

    def changed(self) -> bool:
        """Whether a trace could come out otherwise now than the last one did."""
        return bool(self.parts) and (self._around.changed() or differ(self._contents))

    def change(self) -> str | None:
        """What is another now, for messages; None where nothing is, or too much to be watched."""
        if not self.parts or not self._around.whole:
            return None
        place = self._around.first_change()
        if place is None:
            return "an array" if differ(self._contents) else None
        return place[2] if isinstance(place[2], str) else "a value that they close over"

    def traced(self, make: Callable[[], T]) -> T:
        """What `make` returns, which traces; what was read is watched from now on."""
        if not self.parts:
            return make()
        made, traces = noted(lambda: variables_are_arguments(self.layers, make))
        for one in traces:
            self._captures |= {id(x): x for x in one.captures if isinstance(x, np.ndarray)}
            self._scalars += one.scalars
        self._look()  # behind the trace: what a function itself counts or caches is no change
        return made
