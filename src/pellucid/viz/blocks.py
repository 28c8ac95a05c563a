"""An architecture as blocks of relative sizes, and as products of matrices.

In: a `Network`. Out: a `Picture`. A block of an image is as wide and high as the image and as deep
as it has channels; a vector is a bar. Sides grow with the logarithm, or 784 would hide 10.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.viz import svg
from pellucid.viz.networks import Layer, Network
from pellucid.viz.placement import layered
from pellucid.viz.svg import Picture

Array = np.ndarray[Any, Any]
_WRITTEN = 4  # rows and columns up to which a matrix is written out
_CAPTION = 48.0


def draw_blocks(network: Network) -> Picture:
    """A block a layer, with its kind, its output's shape and what it learns."""
    blocks = [(name, "input", shape, 0) for name, shape in network.inputs]
    blocks += [(one.name, one.kind, one.shape, one.weights) for one in network.layers]
    faces = [_face(shape) for _, _, shape, _ in blocks]
    texts = [_texts(*block) for block in blocks]
    sizes = [
        (
            max([wide + deep, *(svg.width(text, 11) for text in lines)]) + 6,
            high + deep + _CAPTION + 10,
        )
        for (wide, high, deep), lines in zip(faces, texts, strict=True)
    ]
    first = len(network.inputs)
    edges = [(s, first + n) for n, one in enumerate(network.layers) for s in one.sources]
    placed = layered(sizes, edges)
    top, left, parts = 44.0, 16.0, []
    for (a, b), way in placed.ways.items():
        points = [(left + x, top + y - _CAPTION / 2) for x, y in way]
        (wide_a, _, deep_a), (wide_b, _, deep_b) = faces[a], faces[b]
        start = points[0][0] - (sizes[a][0] - wide_a - deep_a) / 2 + 3
        end = points[-1][0] + (sizes[b][0] - wide_b - deep_b) / 2 - 3
        points = [(start, points[0][1]), *points[1:-1], (end, points[-1][1])]
        shape = svg.element("path", d=svg.smooth(points), cls="bare line")
        head = svg.arrow(*points[-1], 1, 0, "muted")
        parts.append(svg.group(shape, head, cls="edge"))
    for n, (face, lines) in enumerate(zip(faces, texts, strict=True)):
        x, y = placed.corners[n]
        parts.append(
            _block(left + x + sizes[n][0] / 2, top + y + 4, face, lines, n in network.ends)
        )
    total = sum({one.name: one.weights for one in network.layers}.values())
    title = f"{network.title}: {total:,} weights"
    parts.append(svg.words(left, 24, title, "ink head"))
    width = max(placed.width, svg.width(title) * 1.05) + 2 * left
    return Picture("".join(parts), width, placed.height + top + 10, title)


def _side(length: int) -> float:
    return 8 + 13 * math.log2(max(length, 1) + 1)


def _face(shape: tuple[int, ...]) -> tuple[float, float, float]:
    """Width, height and depth of a block."""
    if len(shape) >= 3:
        return _side(shape[1]), _side(shape[0]), 3 * math.log2(shape[-1] + 1)
    if len(shape) == 2:
        return _side(shape[1]), _side(shape[0]), 0.0
    return 16.0, _side(shape[0] if shape else 1), 0.0


def _texts(name: str, kind: str, shape: tuple[int, ...], weights: int) -> list[str]:
    size = " × ".join(map(str, shape)) or "1"
    lines = [svg.shortened(name, 18), svg.shortened(kind, 24), size]
    return [*lines, f"{weights:,} weights"] if weights else lines


def _block(
    middle: float, y: float, face: tuple[float, float, float], lines: list[str], is_end: bool
) -> str:
    wide, high, deep = face
    x, y = middle - (wide + deep) / 2, y + deep
    edge = "box ink-line" if is_end else "box line"
    parts = []
    if deep:
        top = [(x, y), (x + deep, y - deep), (x + wide + deep, y - deep), (x + wide, y)]
        corner = (x + wide + deep, y + high - deep)
        side = [(x + wide, y), (x + wide + deep, y - deep), corner, (x + wide, y + high)]
        parts += [svg.path(one, "panel line", closed=True) for one in (top, side)]
    parts.append(svg.rect(x, y, wide, high, edge))
    for k, text in enumerate(lines):
        cls = "ink head small middle" if k == 0 else "muted small middle"
        parts.append(svg.words(middle, y + high + 15 + 13 * k, text, cls))
    return svg.group(*parts, title="\n".join(lines), cls="layer", id=f"layer-{lines[0]}")


def draw_matrices(network: Network) -> Picture:
    """Each dense layer as a line of matrices, h = φ(x·W + b), with their shapes."""
    layers = network.check_dense("matrices")
    parts, y, width, read = [], 44.0, 0.0, "x"
    for n, layer in enumerate(layers):
        assert layer.matrix is not None
        written = "y" if n == len(layers) - 1 else f"h{svg.subscript(n + 1)}"
        high, row = _line(layer, read, written, n, y)
        parts += row[0]
        width, y, read = max(width, row[1]), y + high, written
    shown = "-".join(map(str, network.sizes))
    title = f"{network.title} {shown} as products of matrices"
    parts.insert(0, svg.words(16, 24, title, "ink head"))
    return Picture("".join(parts), max(width, svg.width(title) * 1.05) + 32, y + 4, title)


def _line(
    layer: Layer, read: str, written: str, n: int, y: float
) -> tuple[float, tuple[list[str], float]]:
    """One layer; its height, its parts and where it ends on the right."""
    assert layer.matrix is not None
    inputs, units = layer.matrix.shape
    index = svg.subscript(n + 1)
    row: list[tuple[str, Any, tuple[int, int]]] = [
        (written, None, (1, units)),
        ("=", "", (0, 0)),
    ]
    if layer.activation:
        row.append((f"{layer.activation} (", "", (0, 0)))
    row += [(read, None, (1, inputs)), ("·", "", (0, 0))]
    row.append((f"W{index}", layer.matrix, (inputs, units)))
    if layer.bias is not None:
        row += [("+", "", (0, 0)), (f"b{index}", layer.bias[None, :], (1, units))]
    if layer.activation:
        row.append((")", "", (0, 0)))
    sizes = [_matrix_size(value, shape) for _, value, shape in row]
    high = max(size[1] for size in sizes)
    parts, x = [], 16.0
    for (name, value, shape), (wide, own) in zip(row, sizes, strict=True):
        middle = y + high / 2
        if isinstance(value, str):
            parts.append(svg.words(x + 4, middle + 5, name, "ink head"))
            x += svg.width(name) * 1.08 + 10
            continue
        parts.append(_matrix(x, middle - own / 2, wide, own, name, value, shape))
        x += wide + 8
    return high + 54, (parts, x)


def _is_written(value: Any, shape: tuple[int, int]) -> bool:
    return value is not None and not isinstance(value, str) and max(shape) <= _WRITTEN


def _matrix_size(value: Any, shape: tuple[int, int]) -> tuple[float, float]:
    if isinstance(value, str):
        return 0.0, 0.0
    if _is_written(value, shape):
        longest = max(svg.width(f"{v:.3g}", 12, mono=True) for v in value.flat)
        return shape[1] * (longest + 10) + 10, shape[0] * 18 + 8.0
    return 18 + 9 * math.log2(shape[1] + 1), 14 + 9 * math.log2(shape[0] + 1)


def _matrix(
    x: float, y: float, wide: float, high: float, name: str, value: Any, shape: tuple[int, int]
) -> str:
    parts = [svg.rect(x, y, wide, high, "box line", rx=2)]
    if _is_written(value, shape):
        step = (wide - 10) / shape[1]
        parts += [
            svg.words(
                x + 5 + step * (j + 0.5),
                y + 18 * i + 17,
                f"{value[i, j]:.3g}",
                "ink mono middle",
                style="font-size:12px",
            )
            for i in range(shape[0])
            for j in range(shape[1])
        ]
    middle = x + wide / 2
    parts.append(svg.words(middle, y + high + 15, name, "ink head small middle"))
    size = shapes.text(shape).strip("()").replace(", ", "×")
    parts.append(svg.words(middle, y + high + 28, size, "muted small middle"))
    return svg.group(*parts, cls="matrix", title=f"{name}: {shape[0]} × {shape[1]}")
