"""The architecture of a network as plain data, and as units with links between them.

In: a `Network`, which a model makes of itself. Out: a `Picture`. Links are blue and solid where a
weight is above 0, vermillion and dashed where it is below; their width is its size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.viz import svg
from pellucid.viz.svg import Picture

Array = np.ndarray[Any, Any]
_MOST = 12  # units of a column that are all drawn; of more the middle is left out
_ENDS = 4  # units at each end of a longer column
_RADIUS, _STEP, _APART = 17.0, 46.0, 170.0
_PRINTED = 16  # links up to which each has its weight printed, where they have one end in common
_CROSSED = 8  # and where they cross


@dataclass(frozen=True)
class Layer:
    """One layer of an architecture.

    Args:
        name, kind: its name, and its class with its activation.
        activation: by name; empty where there is none.
        shape: of the output for one row.
        weights: how many numbers it learns.
        sources: the numbers of what it reads: the inputs come first, then the layers.
        is_dense: whether it is a layer of units with a link from each to each.
        matrix, bias: the arrays of a dense layer, where they were asked for.
    """

    name: str
    kind: str
    activation: str
    shape: tuple[int, ...]
    weights: int
    sources: tuple[int, ...]
    is_dense: bool = False
    matrix: Array | None = None
    bias: Array | None = None


@dataclass(frozen=True)
class Network:
    """An architecture.

    Args:
        title: the model's class or name.
        inputs: the name of each input and its shape for one row.
        ends: the numbers of the outputs.
    """

    title: str
    inputs: tuple[tuple[str, tuple[int, ...]], ...]
    layers: tuple[Layer, ...]
    ends: tuple[int, ...]

    @property
    def is_chain(self) -> bool:
        reads = tuple(layer.sources for layer in self.layers)
        return len(self.inputs) == 1 and reads == tuple((n,) for n in range(len(reads)))

    @property
    def sizes(self) -> list[int]:
        """The numbers of units of a chain of dense layers, the inputs first."""
        return [math.prod(self.inputs[0][1]), *(layer.shape[-1] for layer in self.dense)]

    @property
    def is_small(self) -> bool:
        """Whether it is a chain of dense layers whose units can all be drawn."""
        others = any(one.weights and not one.is_dense for one in self.layers)
        sizes = [math.prod(self.inputs[0][1]), *(math.prod(one.shape) for one in self.layers)]
        dense = any(one.is_dense for one in self.layers)
        return self.is_chain and dense and not others and max(sizes) <= 2 * _MOST

    @property
    def dense(self) -> list[Layer]:
        """The layers of units; an activation of its own is the activation of the one before."""
        found: list[Layer] = []
        for layer in self.layers:
            if layer.is_dense:
                found.append(layer)
            elif layer.activation and found and layer.shape == found[-1].shape:
                kind = f"{found[-1].kind} → {layer.activation}"
                found[-1] = replace(found[-1], kind=kind, activation=layer.activation)
        return found

    def check_dense(self, view: str) -> list[Layer]:
        """The dense layers of a chain.

        Raises:
            ArgumentError: where the network has other layers that compute.
        """
        known = self.dense
        others = [one for one in self.layers if one.weights and not one.is_dense]
        if not self.is_chain or others or not known:
            got = others[0].kind if others else "a graph of layers" if known else "no Dense layer"
            raise ArgumentError(
                "draw",
                f'view="{view}" is of a chain of Dense layers, got {got}',
                'Write view="blocks".',
            )
        return known


def draw_units(network: Network, biases: bool = True, activations: bool = True) -> Picture:
    """Units in columns, a link for each weight.

    Args:
        biases: whether the biases are drawn, as links from a unit that is always 1.
        activations: whether a unit shows the curve of its activation.
    """
    layers = network.check_dense("units")
    sizes = network.sizes
    shown = [_shown(size) for size in sizes]
    rows = max(len(one) for one in shown) + biases
    height = rows * _STEP + 92
    columns: list[dict[int, tuple[float, float]]] = []
    for k, own in enumerate(shown):
        top = (height - 46) / 2 - (len(own) - 1) * _STEP / 2 + (_STEP / 2 if biases else 0)
        columns.append(
            {
                unit: (64 + k * _APART, top + row * _STEP)
                for row, unit in enumerate(own)
                if unit >= 0
            }
        )
    parts: list[str] = []
    for k, layer in enumerate(layers):
        assert layer.matrix is not None
        parts += _links(columns[k], columns[k + 1], layer.matrix, k)
        if biases and layer.bias is not None:
            parts += _bias(columns[k], columns[k + 1], layer.bias, k)
    for k, column in enumerate(columns):
        activation = layers[k - 1].activation if k and activations else ""
        parts += [
            _unit(x, y, activation, f"u{k}-{unit}", _label(k, unit, len(columns)), k == 0)
            for unit, (x, y) in column.items()
        ]
        if -1 in shown[k]:
            x = 64 + k * _APART
            ys = sorted(y for _, y in column.values())
            middle = (ys[_ENDS - 1] + ys[_ENDS]) / 2
            parts.append(svg.words(x, middle + 5, "⋮", "ink head middle"))
        parts += _caption(
            64 + k * _APART, height, network.inputs[0][0] if k == 0 else "", k, layers, sizes
        )
    width = 128 + (len(columns) - 1) * _APART
    described = "; ".join(f"{layer.name}: {layer.kind}, {layer.shape[-1]}" for layer in layers)
    return Picture(
        "".join(parts), width, height, f"{network.title}: {'-'.join(map(str, sizes))}", described
    )


def _shown(size: int) -> list[int]:
    if size <= _MOST:
        return list(range(size))
    return [*range(_ENDS), -1, *range(size - _ENDS, size)]


def _label(column: int, unit: int, columns: int) -> str:
    letter = "x" if column == 0 else "y" if column == columns - 1 else "h"
    return f"{letter}{svg.subscript(unit + 1)}"


def _links(
    left: dict[int, tuple[float, float]],
    right: dict[int, tuple[float, float]],
    matrix: Array,
    column: int,
) -> list[str]:
    most = float(np.abs(matrix).max()) if matrix.size else 0.0
    printed = _is_printed(left, right)
    lines, labels = [], []
    for j, (x2, y2) in right.items():
        for i, (x1, y1) in left.items():
            weight = float(matrix[i, j])
            hint = f"w from {i + 1} to {j + 1} = {weight!r}"
            lines.append(
                _link(x1 + _RADIUS, y1, x2 - _RADIUS, y2, weight, most, hint, f"w{column}-{i}-{j}")
            )
            if printed:
                share = _share(len(left), len(right), i, j)
                place = (x1 + (x2 - x1) * share, y1 + (y2 - y1) * share)
                labels.append(_weight(*place, weight))
    return [*lines, *labels]


def _is_printed(left: dict[int, Any], right: dict[int, Any]) -> bool:
    count = len(left) * len(right)
    return count <= _PRINTED and (min(len(left), len(right)) == 1 or count <= _CROSSED)


def _share(left: int, right: int, i: int, j: int) -> float:
    """Where along a link its weight is printed: where the links are furthest apart."""
    if left == right:
        return 0.3 if (i + j) % 2 else 0.72
    return 0.72 - 0.2 * i if left < right else 0.28 + 0.2 * j


def _link(
    x1: float, y1: float, x2: float, y2: float, weight: float, most: float, hint: str, name: str
) -> str:
    share = abs(weight) / most if most else 0.0
    sign = "plus-line" if weight > 0 else "minus-line dash" if weight < 0 else "axis dots"
    width = f"stroke-width:{0.6 + 3.4 * share:.2f}"
    own = svg.line(x1, y1, x2, y2, sign, style=width)
    return svg.group(own, title=hint, id=name, cls="link")


def _weight(x: float, y: float, weight: float) -> str:
    text = f"{weight:+.3g}".replace("-", "−") if weight else "0"
    wide = svg.width(text, 11) + 4
    cls = "plus" if weight > 0 else "minus" if weight < 0 else "muted"
    ground = svg.rect(x - wide / 2, y - 8, wide, 14, "paper", rx=3)
    return ground + svg.words(x, y + 3, text, f"{cls} small middle")


def _bias(
    left: dict[int, tuple[float, float]],
    right: dict[int, tuple[float, float]],
    bias: Array,
    column: int,
) -> list[str]:
    """A unit that is always 1 above the column, with a link for each bias."""
    x = next(iter(left.values()))[0]
    y = min(one for _, one in left.values()) - _STEP
    most, parts, labels = float(np.abs(bias).max() or 1.0), [], []
    for j, (x2, y2) in right.items():
        value = float(bias[j])
        hint = f"bias of {j + 1} = {value!r}"
        parts.append(_link(x + 13, y, x2 - _RADIUS, y2, value, most, hint, f"b{column}-{j}"))
        if value and _is_printed(left, right):
            labels.append(_weight(x + (x2 - x) * 0.3, y + (y2 - y) * 0.3, value))
    unit = svg.rect(x - 13, y - 13, 26, 26, "box line", rx=3)
    return [*parts, *labels, unit, svg.words(x, y + 4, "1", "muted middle")]


def _unit(x: float, y: float, activation: str, name: str, label: str, is_input: bool) -> str:
    parts = [svg.circle(x, y, _RADIUS, "box plus-line" if is_input else "box ink-line")]
    curve = _CURVES.get(activation)
    if curve is None:
        parts.append(svg.words(x, y + 4, label, "ink middle"))
    else:
        parts.append(
            svg.line(x - 11, y, x + 11, y, "grid") + svg.line(x, y - 11, x, y + 11, "grid")
        )
        points = [(x + 10 * u, y - 10 * v) for u, v in curve]
        parts.append(svg.path(points, "bare minus-line", style="stroke-width:2"))
    return svg.group(*parts, title=f"{label}: {activation or 'linear'}", id=name, cls="unit")


def _sampled(function: Any) -> list[tuple[float, float]]:
    return [(u, float(function(u))) for u in np.linspace(-1, 1, 17)]


_CURVES: dict[str, list[tuple[float, float]]] = {
    "sigmoid": _sampled(lambda u: 1 / (1 + np.exp(-5 * u))),
    "tanh": _sampled(lambda u: np.tanh(2.5 * u)),
    "scaled_tanh": _sampled(lambda u: np.tanh(2.5 * u)),
    "relu": [(-1, 0), (0, 0), (0.9, 0.9)],
    "leaky_relu": [(-1, -0.2), (0, 0), (0.9, 0.9)],
    "step": [(-1, 0), (0, 0), (0, 0.8), (1, 0.8)],
    "sign": [(-1, -0.8), (0, -0.8), (0, 0.8), (1, 0.8)],
    "softmax": _sampled(lambda u: 1 / (1 + np.exp(-5 * u))),
}


def _caption(
    x: float,
    height: float,
    input_name: str,
    column: int,
    layers: Sequence[Layer],
    sizes: Sequence[int],
) -> list[str]:
    lines = [input_name or "input", str(sizes[0])]
    if column:
        layer = layers[column - 1]
        lines = [layer.name, f"{sizes[column]} {layer.activation}".strip()]
    return [
        svg.words(x, height - 32, svg.shortened(lines[0], 20), "ink head small middle"),
        svg.words(x, height - 16, svg.shortened(lines[1], 22), "muted small middle"),
    ]
