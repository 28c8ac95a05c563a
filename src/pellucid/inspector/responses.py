"""What each hidden unit of a model responds to: a heat map over two features, or its weights.

In: a `Travel` and the number of a step. Out: a picture a layer. Units that read pixels show their
weights as a patch. The maps are of the layers as they predict, so nothing is random in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core import trees
from pellucid.core.errors import ArgumentError
from pellucid.inspector.travel import Travel
from pellucid.models import Sequential
from pellucid.nn.dense import Dense
from pellucid.transform.tensor import Tensor
from pellucid.viz.axes import Axes
from pellucid.viz.plane import features
from pellucid.viz.svg import Picture, beside, subscript

Array = np.ndarray[Any, Any]
MOST_UNITS = 16  # that are drawn of a layer
_LEAST_PIXELS = 64  # columns from which a square number of them is a picture
_MOST_POINTS = 200


def layers_with_units(travel: Travel) -> list[str]:
    """The layers whose units can be shown: dense ones of a Sequential on vectors or pictures."""
    model = travel.model
    if not isinstance(model, Sequential) or len(travel.job.features) != 1:
        return []
    pairs = zip(model.names, model.layers, strict=True)
    names = [name for name, layer in pairs if isinstance(layer, Dense)]
    if _pixels(travel):
        return names[:1]
    x = travel.job.features[0]
    return names if x.ndim == 2 and x.shape[1] >= 2 else []


def _pixels(travel: Travel) -> tuple[int, int] | None:
    """Height and width where a row is a picture."""
    shape = travel.job.features[0].shape[1:]
    if len(shape) == 2:
        return int(shape[0]), int(shape[1])
    side = math.isqrt(shape[0]) if len(shape) == 1 else 0
    return (side, side) if side * side == shape[0] >= _LEAST_PIXELS else None


def responses(
    travel: Travel, number: int, layer: str, columns: tuple[int, int] = (0, 1)
) -> Picture:
    """The units of a layer over the plane of two features; the others stay at their mean.

    Args:
        number: the step: the weights are those before it.
        layer: a dense layer; what stands between it and the next one, such as an activation,
            belongs to it.
        columns: the two features; of pictures the weights are shown, and this is not used.

    Raises:
        ArgumentError: for a layer or columns that there are not.
    """
    if layer not in layers_with_units(travel):
        raise ArgumentError("inspect", f"no layer with units is called {layer!r}")
    pixels = _pixels(travel)
    if pixels is not None:
        return _patches(travel.weights(number)[f"{layer}.W"], pixels, f"Weights of {layer}")
    x = np.asarray(travel.job.features[0], np.float64)
    count, two = x.shape[1], list(columns)
    if any(not 0 <= k < count for k in two) or two[0] == two[1]:
        raise ArgumentError("inspect", f"columns must be two of 0 to {count - 1}, got {columns}")
    middle, units = x.mean(0), _units(travel, number, layer)

    def function(plane: Array) -> Array:
        rows = np.tile(middle, (len(plane), 1))
        rows[:, two] = plane
        return units(rows)[:, :MOST_UNITS]

    every = max(1, len(x) // _MOST_POINTS)
    low, high = x[:, two].min(0), x[:, two].max(0)
    edge = 0.05 * np.maximum(high - low, 1e-6)
    area = [(float(a - e), float(b + e)) for a, b, e in zip(low, high, edge, strict=True)]
    labels = _labels(travel)
    own = None if labels is None else labels[::every]
    title = f"What the units of {layer} see"
    return features(function, tuple(area), x=x[::every, two], y=own, title=title)


def _labels(travel: Travel) -> Array | None:
    """The classes of the rows, where there are few."""
    y = travel.job.others[0].reshape(travel.job.rows, -1)
    return y[:, 0] if y.shape[1] == 1 and len(np.unique(y)) <= 10 else None


def _units(travel: Travel, number: int, layer: str) -> Callable[[Array], Array]:
    """The output of a layer, with what stands behind it, as a function of rows."""
    model = travel.model
    begin = model.names.index(layer) + 1
    behind = [k for k in range(begin, len(model.layers)) if isinstance(model.layers[k], Dense)]
    part = Sequential(model.layers[: behind[0] if behind else None], dtype=model.dtype)
    part.build(travel.job.features[0].shape[1:])
    weights, names = travel.weights(number), set(part.names)
    params = {
        own: {kind: weights[f"{own}.{kind}"] for kind in leaves}
        for own, leaves in model.params.items()
        if own in names
    }
    whole = trees.with_leaves(model.state, travel.layer_state(number))
    state = {own: leaves for own, leaves in whole.items() if own in names}
    dtype = next(iter(weights.values())).dtype

    def function(rows: Array) -> Array:
        out = part.apply(params, state, Tensor(rows.astype(dtype)))[0]
        return np.asarray(out.numpy(), np.float64)

    return function


def _patches(weights: Array, shape: tuple[int, int], title: str) -> Picture:
    """The weights of units that read pixels, each as a picture; blue is positive."""
    panels = []
    for k in range(min(weights.shape[1], MOST_UNITS)):
        own = weights[:, k].reshape(shape)[::-1]
        across, up = (0.0, float(shape[1])), (0.0, float(shape[0]))
        axes = Axes(across, up, f"h{subscript(k + 1)}", size=(170, 170))
        axes.heat(own, 0.0, float(np.abs(own).max()) or 1.0)
        panels.append(axes.picture())
    return beside(panels, title, 4 if len(panels) > 3 else max(len(panels), 1))
