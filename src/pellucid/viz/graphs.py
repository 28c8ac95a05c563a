"""A diagram of a graph as a picture: phases in rows, layers in columns, arrows between boxes.

In: a `Diagram`. Out: a `Picture`. The forward pass runs to the right, the backward pass below it to
the left, so that a gradient stands under what it is the gradient of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.viz import svg
from pellucid.viz.diagram import Box, Cell, Diagram, cell_id
from pellucid.viz.phases import BACKWARD
from pellucid.viz.placement import GAP, Placed, Point, layered
from pellucid.viz.svg import Picture

LINE, PAD = 16.0, 9.0  # the height of a line of text in a box, and the space around it
MARGIN, TITLE, GUTTER = 16.0, 26.0, 34.0
_LABELS = 74.0  # what the names of the rows take on the left


@dataclass
class _Unit:
    """The boxes of a cell, laid out, with a frame where the cell is opened among others."""

    numbers: list[int]
    placed: Placed
    frame: float = 0.0
    x: float = 0.0
    y: float = 0.0

    @property
    def width(self) -> float:
        return self.placed.width + 2 * self.frame

    @property
    def height(self) -> float:
        return self.placed.height + 2 * self.frame

    def at(self, point: Point) -> Point:
        return self.x + self.frame + point[0], self.y + self.frame + point[1]


def draw_diagram(what: Diagram, prefix: str = "", sizes_of: Diagram | None = None) -> Picture:
    """The picture of a diagram.

    Args:
        prefix: stands before every id, so that several pictures can stand in one page.
        sizes_of: a diagram of the same boxes whose text gives them their sizes; None takes `what`.
    """
    sizes = [_size(box) for box in (sizes_of or what).boxes]
    units = _units(what, sizes)
    many = len(what.phases) > 1
    left = MARGIN + (_LABELS if many else 0.0)
    width, height, bands = _grid(what, units, left, MARGIN + (TITLE if what.title else 0.0))
    parts = [_band(phase, top, high, width) for phase, (top, high) in bands.items() if many]
    if what.title:
        parts.append(svg.words(MARGIN, MARGIN + 8, what.title, "ink head"))
    parts += _links(what, units, bands)
    for cell, unit in units.items():
        inside = [_arrow(what, unit, pair, way) for pair, way in unit.placed.ways.items()]
        inside += [
            _box(what.boxes[n], unit.at(unit.placed.corners[k]), sizes[n], prefix)
            for k, n in enumerate(unit.numbers)
        ]
        if unit.frame:
            edge = svg.rect(unit.x, unit.y, unit.width, unit.height, "paper line dots", rx=10)
            parts.append(svg.group(edge, *inside, id=f"{prefix}{cell_id(*cell)}", cls="cell"))
        else:
            parts += inside
    return Picture("".join(parts), width, height, what.title or "A computational graph")


def _size(box: Box) -> tuple[float, float]:
    widest = max(svg.width(row.text, 12, mono=True) for row in box.rows)
    return widest + 2 * PAD, len(box.rows) * LINE + PAD + 2


def _units(what: Diagram, sizes: Sequence[tuple[float, float]]) -> dict[Cell, _Unit]:
    cells: dict[Cell, list[int]] = {}
    for n, box in enumerate(what.boxes):
        cells.setdefault((box.phase, box.layer), []).append(n)
    result = {}
    for (phase, layer), numbers in cells.items():
        place = {n: k for k, n in enumerate(numbers)}
        inner = [(place[a], place[b]) for a, b in what.arrows if a in place and b in place]
        own = [sizes[n] for n in numbers]
        placed = layered(own, inner) if inner else _column(own)
        if phase == BACKWARD:
            placed = _mirrored(placed, own)
        opened = any(what.boxes[n].kind != "folded" for n in numbers)
        result[phase, layer] = _Unit(numbers, placed, 12.0 if opened and len(cells) > 1 else 0.0)
    return result


def _column(sizes: Sequence[tuple[float, float]]) -> Placed:
    """Boxes without arrows between them stand below each other."""
    wide = max(size[0] for size in sizes)
    placed, y = Placed(width=wide), 0.0
    for own, high in sizes:
        placed.corners.append(((wide - own) / 2, y))
        y += high + GAP
    placed.height = y - GAP
    return placed


def _mirrored(placed: Placed, sizes: Sequence[tuple[float, float]]) -> Placed:
    corners = [
        (placed.width - x - size[0], y) for (x, y), size in zip(placed.corners, sizes, strict=True)
    ]
    ways = {pair: [(placed.width - x, y) for x, y in way] for pair, way in placed.ways.items()}
    return Placed(corners, ways, placed.width, placed.height)


def _grid(
    what: Diagram, units: dict[Cell, _Unit], left: float, top: float
) -> tuple[float, float, dict[str, tuple[float, float]]]:
    """Sets the place of each cell; returns the size of the whole and the band of each phase."""
    bands: dict[str, tuple[float, float]] = {}
    wide = {
        layer: max((unit.width for (_, name), unit in units.items() if name == layer), default=0.0)
        for layer in what.layers
    }
    y = top
    for phase in what.phases:
        high = max(unit.height for (name, _), unit in units.items() if name == phase)
        bands[phase] = (y, high + 2 * MARGIN)
        x = left
        for layer in what.layers:
            unit = units.get((phase, layer))
            if unit is not None:
                unit.x = x + (wide[layer] - unit.width) / 2
                unit.y = y + MARGIN + (high - unit.height) / 2
            x += wide[layer] + GUTTER
        y += high + 2 * MARGIN + (GUTTER if len(what.phases) > 1 else 0.0)
    more = GUTTER if len(what.phases) > 1 else 0.0
    end = left + sum(wide.values()) + GUTTER * (len(wide) - 1) + MARGIN + more
    end = max(end, 2 * MARGIN + svg.width(what.title) * 1.05)
    return end, y - more + (MARGIN / 2 if more else 0.0), bands


def _band(phase: str, top: float, high: float, width: float) -> str:
    return svg.group(
        svg.rect(6, top, width - 12, high, "panel", rx=8),
        svg.words(MARGIN, top + high / 2 + 4, phase, "muted head small"),
        cls=f"phase {phase}",
    )


def _arrow(what: Diagram, unit: _Unit, pair: tuple[int, int], way: Sequence[Point]) -> str:
    """An arrow between two boxes of one cell."""
    points = [unit.at(point) for point in way]
    a, b = (what.boxes[unit.numbers[k]].id for k in pair)
    return _edge(points[-1], (points[-1][0] - points[-2][0], 0), svg.smooth(points), f"{a} {b}")


def _edge(end: Point, along: Point, shape: str, ids: str) -> str:
    head = svg.arrow(*end, *along, "muted")
    line = svg.element("path", d=shape, cls="bare line")
    return svg.group(line, head, cls="edge", data_edge=ids)


def _links(
    what: Diagram, units: dict[Cell, _Unit], bands: dict[str, tuple[float, float]]
) -> list[str]:
    """Arrows between cells."""
    rows = {phase: k for k, phase in enumerate(what.phases)}
    places = {layer: k for k, layer in enumerate(what.layers)}
    rights = {
        layer: max(unit.x + unit.width for (_, name), unit in units.items() if name == layer)
        for layer in what.layers
    }
    parts = []
    for start, end in what.links:
        a, b = units[start], units[end]
        down = rows[end[0]] - rows[start[0]]
        apart = places[end[1]] - places[start[1]]
        ids = f"{cell_id(*start)} {cell_id(*end)}"
        if down == 0 and abs(apart) == 1:
            from_x, to_x = (a.x + a.width, b.x) if apart > 0 else (a.x, b.x + b.width)
            way = [(from_x, a.y + a.height / 2), (to_x, b.y + b.height / 2)]
            parts.append(_edge(way[1], (apart, 0), svg.smooth(way), ids))
        elif down == 1:
            way = [(a.x + a.width / 2, a.y + a.height), (b.x + b.width / 2, b.y)]
            parts.append(_edge(way[1], (0, 1), svg.smooth(way, horizontal=False), ids))
        else:
            # Past other cells: down the gutter beside the column, then along the gap above the row.
            gutter, gap = rights[start[1]] + GUTTER / 2 - 4, bands[end[0]][0] - GUTTER / 2 + 3
            into, middle = b.x + b.width / 2 + 16, a.y + a.height / 2
            if down <= 0:  # above the row itself
                gap += GUTTER / 2 + 2
            way = [(a.x + a.width, middle), (gutter, middle), (gutter, gap), (into, gap)]
            parts.append(_edge((into, b.y), (0, 1), svg.trail([*way, (into, b.y)]), ids))
    return parts


def _box(box: Box, corner: Point, size: tuple[float, float], prefix: str) -> str:
    x, y = corner
    wide, high = size
    kind = box.kind.split()[0]
    edge, radius = _SHAPES[kind]
    radius = min(radius, high / 2)
    parts = [svg.rect(x, y, wide, high, edge, rx=radius)]
    if kind == "folded":  # a second edge: there is more inside
        parts.insert(0, svg.rect(x + 3, y + 3, wide, high, "box line", rx=radius))
    if box.kind.endswith(" now"):  # what this frame has computed
        known = "minus-line" if any(row.cls == "minus" for row in box.rows) else "plus-line"
        parts.append(
            svg.rect(
                x - 3, y - 3, wide + 6, high + 6, f"bare {known}", rx=radius + 3, stroke_width=3
            )
        )
    for k, row in enumerate(box.rows):
        cls = f"{row.cls} mono{' head' if k == 0 else ''} middle"
        place = y + PAD / 2 + LINE * k + 13
        parts.append(svg.words(x + wide / 2, place, row.text, cls, style="font-size:12px"))
    return svg.group(
        *parts,
        title=box.hint,
        id=f"{prefix}{box.id}",
        cls=f"node {box.kind} {box.phase}",
        data_nodes=" ".join(map(str, box.nodes[:200])),
    )


_SHAPES = {  # the edge and the radius of the corners
    "input": ("box plus-line", 14.0),
    "operation": ("box line", 3.0),
    "result": ("box ink-line", 3.0),
    "folded": ("box line", 6.0),
    "port": ("panel line dots", 14.0),
}
