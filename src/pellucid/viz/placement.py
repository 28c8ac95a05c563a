"""Where the boxes of a graph stand: layers by longest paths, order by barycentres.

In: sizes of boxes and edges between them. Out: the corner of each box, and for each edge the points
it runs through. Layers run to the right; the exact place within a layer is the least-squares fit to
a box's neighbours that keeps the order and the gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Size = tuple[float, float]
Point = tuple[float, float]
Pair = tuple[int, int]

GAP, LAYER_GAP = 14.0, 42.0
_SWEEPS = 12


@dataclass
class Placed:
    """Corners of the boxes, ways of the edges, and the size of the whole."""

    corners: list[Point] = field(default_factory=list)
    ways: dict[Pair, list[Point]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


def layered(sizes: Sequence[Size], edges: Sequence[Pair]) -> Placed:
    """Boxes in layers from left to right.

    Args:
        sizes: width and height of each box.
        edges: from an earlier box to a later one; an edge back is drawn, and not laid out.
    """
    if not sizes:
        return Placed()
    forward = sorted({(a, b) for a, b in edges if a < b})
    depth = _depths(len(sizes), forward)
    chains, heights, layers = _with_joints(sizes, forward, depth)
    _order(layers, chains)
    places = _places(layers, chains, heights)
    return _assembled(sizes, layers, places, forward, chains)


def _depths(count: int, edges: Sequence[Pair]) -> list[int]:
    """The layer of each box: behind all that it reads; what reads nothing, right before its use."""
    depth, used = [0] * count, [-1] * count
    has_source = {b for _, b in edges}
    for a, b in sorted(edges, key=lambda edge: edge[1]):  # sources come before, so theirs are known
        depth[b] = max(depth[b], depth[a] + 1)
    for a, b in edges:
        used[a] = depth[b] if used[a] < 0 else min(used[a], depth[b])
    return [
        depth[n] if n in has_source or used[n] < 0 else max(used[n] - 1, 0) for n in range(count)
    ]


def _with_joints(
    sizes: Sequence[Size], edges: Sequence[Pair], depth: Sequence[int]
) -> tuple[list[Pair], list[float], list[list[int]]]:
    """Edges of one layer each: a longer one passes through joints, boxes without a size."""
    heights = [size[1] for size in sizes]
    layers: list[list[int]] = [[] for _ in range(max(depth) + 1)]
    for n, own in enumerate(depth):
        layers[own].append(n)
    chains: list[Pair] = []
    for a, b in edges:
        last = a
        for layer in range(depth[a] + 1, depth[b]):
            heights.append(2.0)
            layers[layer].append(len(heights) - 1)
            chains.append((last, len(heights) - 1))
            last = len(heights) - 1
        chains.append((last, b))
    return chains, heights, layers


def _neighbours(count: int, chains: Sequence[Pair]) -> tuple[list[list[int]], list[list[int]]]:
    before: list[list[int]] = [[] for _ in range(count)]
    behind: list[list[int]] = [[] for _ in range(count)]
    for a, b in chains:
        before[b].append(a)
        behind[a].append(b)
    return before, behind


def _order(layers: list[list[int]], chains: Sequence[Pair]) -> None:
    """Sorts each layer by the mean place of its neighbours, to and fro; keeps the best order."""
    before, behind = _neighbours(sum(map(len, layers)), chains)
    place = {n: k for layer in layers for k, n in enumerate(layer)}
    best, least = [list(layer) for layer in layers], _crossings(layers, behind, place)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        sides = before if down else behind
        for layer in layers if down else reversed(layers):

            def mean(n: int, sides: list[list[int]] = sides) -> float:
                own = sides[n]
                return sum(place[m] for m in own) / len(own) if own else place[n]

            layer.sort(key=mean)
            for k, n in enumerate(layer):
                place[n] = k
        crossings = _crossings(layers, behind, place)
        if crossings < least:
            best, least = [list(layer) for layer in layers], crossings
        if not least:
            break
    for layer, kept in zip(layers, best, strict=True):
        layer[:] = kept


def _crossings(
    layers: Sequence[Sequence[int]], behind: Sequence[Sequence[int]], place: dict[int, int]
) -> int:
    """How many pairs of edges between neighbouring layers cross."""
    total = 0
    for layer in layers:
        ends = [sorted(place[m] for m in behind[n]) for n in layer]
        seen: list[int] = []
        for own in ends:
            total += sum(1 for end in own for other in seen if other > end)
            seen += own
    return total


def _places(
    layers: Sequence[Sequence[int]], chains: Sequence[Pair], heights: Sequence[float]
) -> list[float]:
    """The middle of each box across the layers."""
    before, behind = _neighbours(len(heights), chains)
    middle = [0.0] * len(heights)
    for layer in layers:
        y = 0.0
        for n in layer:
            middle[n] = y + heights[n] / 2
            y += heights[n] + GAP
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else list(reversed(layers)):
            wanted = []
            for n in layer:
                near = before[n] + behind[n] if sweep > 3 else (before if down else behind)[n]
                wanted.append(sum(middle[m] for m in near) / len(near) if near else middle[n])
            for n, place in zip(layer, _spread(layer, wanted, heights), strict=True):
                middle[n] = place
    return middle


def _spread(layer: Sequence[int], wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """The places nearest to `wanted` in least squares that keep order and gaps.

    Without the gaps it is a monotone regression, which pooling of neighbours solves exactly.
    """
    offsets, offset = [], 0.0
    for k, n in enumerate(layer):
        if k:
            offset += (heights[layer[k - 1]] + heights[n]) / 2 + GAP
        offsets.append(offset)
    pools: list[tuple[float, int]] = []  # mean and size of runs that stand together
    for value, own in zip(wanted, offsets, strict=True):
        mean, size = value - own, 1
        while pools and pools[-1][0] > mean:
            other, count = pools.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        pools.append((mean, size))
    level = [mean for mean, size in pools for _ in range(size)]
    return [mean + own for mean, own in zip(level, offsets, strict=True)]


def _assembled(
    sizes: Sequence[Size],
    layers: Sequence[Sequence[int]],
    places: Sequence[float],
    edges: Sequence[Pair],
    chains: Sequence[Pair],
) -> Placed:
    top = min(
        place - (sizes[n][1] if n < len(sizes) else 2.0) / 2 for n, place in enumerate(places)
    )
    result, x = Placed([(0.0, 0.0)] * len(sizes)), 0.0
    spans: list[tuple[float, float]] = [(0.0, 0.0)] * len(places)
    for layer in layers:
        wide = max((sizes[n][0] for n in layer if n < len(sizes)), default=0.0)
        for n in layer:
            spans[n] = (x, x + wide)
            if n < len(sizes):
                own, high = sizes[n]
                result.corners[n] = (x + (wide - own) / 2, places[n] - top - high / 2)
                result.height = max(result.height, places[n] - top + high / 2)
        x += wide + LAYER_GAP
    result.width = x - LAYER_GAP
    steps = iter(chains)
    for a, b in edges:
        start = (result.corners[a][0] + sizes[a][0], places[a] - top)
        way, (_, end) = [start], next(steps)
        while end != b:
            # Straight past the boxes of this layer, so that no curve runs behind one.
            way += [(side, places[end] - top) for side in spans[end]]
            result.height = max(result.height, places[end] - top)
            _, end = next(steps)
        result.ways[a, b] = [*way, (result.corners[b][0], places[b] - top)]
    return result
