"""What the callbacks of a run do to it: its learning rates, and where it ends.

In: a model, its data and the options of `fit`. Out: the scale of the rate at each step, and how
many steps there are. Callbacks cannot be asked again for the middle of a run: so the run is made
once, whole, and the steps are taken again with the rates that it had. The model is put back.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.core.errors import DivergenceError
from pellucid.core.signals import deferred, immediate
from pellucid.models import Model, variables
from pellucid.train.callback import Callback, Run

Array = np.ndarray[Any, Any]


@dataclass
class Recorded:
    """A run with callbacks.

    Args:
        starts, scales: from the step `starts[k]` on the rates are multiplied by `scales[k]`.
        steps: how many there are; one that failed is the last of them.
    """

    starts: list[int] = field(default_factory=lambda: [0])
    scales: list[float] = field(default_factory=lambda: [1.0])
    steps: int = 0

    def note(self, step: int, scale: float) -> None:
        """From this step on the rates have this scale."""
        if self.starts[-1] == step:
            self.scales[-1] = scale
        elif scale != self.scales[-1]:
            self.starts.append(step)
            self.scales.append(scale)

    def scale(self, number: int, count: int) -> Array:
        """The scales of `count` steps from `number` on."""
        places = [bisect.bisect_right(self.starts, number + k) - 1 for k in range(count)]
        return np.array([self.scales[place] for place in places])


class _Scribe(Callback):
    """Stands behind all other callbacks, and notes what they set."""

    every_step = False
    reads_model = False

    def __init__(self) -> None:
        self.noted, self._first = Recorded(), 0

    def on_start(self, run: Run) -> None:
        self._first = run.step
        self.noted.note(0, run.rate_scale)

    def on_step(self, run: Run) -> None:
        self.noted.note(run.step - self._first, run.rate_scale)

    def on_epoch(self, run: Run) -> None:
        self.noted.note(run.step - self._first, run.rate_scale)

    def on_end(self, run: Run) -> None:
        self.noted.steps = run.step - self._first


def recorded(
    model: Model, x: Any, y: Any, callbacks: Sequence[Callback], options: dict[str, Any]
) -> Recorded:
    """What happens in `model.fit(x, y, callbacks=callbacks, **options)`; the model stays as it is.

    A run whose loss stops being finite ends with the step that failed.
    """
    scribe = _Scribe()
    put_back = _as_it_is(model)
    with deferred():  # Ctrl-C ends the run, not what puts the model back
        try:
            with immediate():
                model.fit(x, y, verbose=0, callbacks=[*callbacks, scribe], **options)
        except DivergenceError:
            scribe.noted.steps += 1
        finally:
            put_back()
    return scribe.noted


def _as_it_is(model: Model) -> Callable[[], None]:
    """What puts weights, slots, the layers' state and the record of the last run back."""
    arrays = {
        kind: [one.copy() for one in variables.leaves(model.architecture, kind)]
        for kind in ("params", "state")
    }
    slots = model.slots
    kept_slots = None if slots is None else {k: [a.copy() for a in own] for k, own in slots.items()}
    record = dict(model.training), dict(model.kept), list(model.columns), model.history

    def put_back() -> None:
        for kind, leaves in arrays.items():
            variables.write_leaves(model.architecture, kind, leaves)
        model.slots = kept_slots
        model.training, model.kept, model.columns, model.history = record

    return put_back
