"""What a step does to each layer: gradient norms and dead units.

In: a `Moment` of a model. Out: plain records, a row a layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.inspector.moment import Moment
from pellucid.ops.spec import Kind, lookup
from pellucid.viz.phases import DATA, FORWARD, LOSS

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class LayerFacts:
    """A layer in one step.

    Attributes:
        weights: ‖w‖₂ over all weights of the layer that are trained.
        gradient: ‖∂J/∂w‖₂ over the same.
        update: ‖w' - w‖₂, where the graph computes the new weights; else None.
        back: ‖∂J/∂h‖₂ of the layer's output h: what the layers before it can learn from.
        units: how many units the output has: the length of its last axis.
        dead: the units that are 0 for every row of the batch: no gradient passes through a ReLU
            there.
    """

    layer: str
    weights: float
    gradient: float
    update: float | None
    back: float | None
    units: int
    dead: tuple[int, ...]


def layers(moment: Moment) -> list[LayerFacts]:
    """The layers that have weights, in the order of the forward pass."""
    weights: dict[str, list[int]] = {}
    for n in moment.graph.inputs:
        if n in moment.places:
            weights.setdefault(moment.roles[n].layer, []).append(n)
    ends = _ends(moment)
    order = sorted(weights, key=lambda name: ends.get(name, len(moment.graph)))
    return [_facts(moment, name, weights[name], ends.get(name)) for name in order]


def _ends(moment: Moment) -> dict[str, int]:
    """The last node of each layer in the forward pass that moves and has rows and units.

    What only walks the same numbers another way, as windows of a pooling or Flatten, has no units.
    """
    found = {}
    for n in moment.forward:
        role, kind = moment.roles[n], lookup(moment.graph.nodes[n].op).kind
        known = role.phase == FORWARD and role.layer not in (LOSS, DATA, "")
        known = known and kind in (Kind.ELEMENTWISE, Kind.CONTRACT, Kind.GATHER)
        if known and n in moment.places and moment.values[n].ndim > 1:
            found[role.layer] = n
    return found


def _facts(moment: Moment, name: str, weights: list[int], end: int | None) -> LayerFacts:
    new = moment.updates
    moved = [moment.values[new[n]] - moment.values[n] for n in weights if n in new]
    dead: tuple[int, ...] = ()
    back, units = None, 0
    if end is not None:
        value = moment.values[end]
        back, units = norm([moment.gradients[end]]), value.shape[-1]
        nothing = (value == 0).reshape(-1, units).all(0)
        dead = tuple(np.flatnonzero(nothing).tolist())
    return LayerFacts(
        name,
        norm([moment.values[n] for n in weights]),
        norm([moment.gradients[n] for n in weights]),
        norm(moved) if moved else None,
        back,
        units,
        dead,
    )


def norm(arrays: list[Array]) -> float:
    """The Euclidean norm of all numbers together, in float64."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(sum(float((a.astype(np.float64) ** 2).sum()) for a in arrays)))
