"""A graph as boxes and arrows: plain data, without places.

In: a graph, with values and gradients where they are known. Out: a `Diagram`: boxes with the lines
that stand in them, the cell of a grid that each stands in, and arrows. Cells that are not opened
are one box. `graphs.py` draws it; a page finds each box by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.graph.node import CONST, INPUT, Graph, Node
from pellucid.graph.printer import names as node_names
from pellucid.ops.spec import Kind, lookup
from pellucid.transform.show import short
from pellucid.viz.formatting import Letters
from pellucid.viz.indexing import Indexed, axes_of, named, only_moves_axes, read
from pellucid.viz.phases import FORWARD, INPUTS, PHASES, Ends, Role, columns, roles

Array = np.ndarray[Any, Any]
Cell = tuple[str, str]  # a phase and a layer
MOST_BOXES = 400  # of a picture that a person can still read
LONGEST = 34  # characters of a line in a box; all of it stands in the hint
_WHOLE = 28  # up to here an array is written out


@dataclass(frozen=True)
class Row:
    """A line of text in a box; its class: "ink", "muted", "plus" (value), "minus" (gradient)."""

    text: str
    cls: str = "ink"


@dataclass(frozen=True)
class Box:
    """A node, or several nodes that are folded into one.

    Args:
        id: `n12` for a node, `forward-hidden` for a cell: stable for one graph.
        kind: "input", "operation", "result", "folded", or "port" for a node of another cell.
        phase, layer: the cell.
        rows: the first is the head.
        nodes: the positions of the nodes that it stands for.
        hint: all digits, for the cursor.
    """

    id: str
    kind: str
    phase: str
    layer: str
    rows: tuple[Row, ...]
    nodes: tuple[int, ...]
    hint: str = ""


@dataclass(frozen=True)
class Diagram:
    """Boxes, arrows between their numbers, links between cells; the rows and columns of cells."""

    boxes: tuple[Box, ...]
    arrows: tuple[tuple[int, int], ...]
    links: tuple[tuple[Cell, Cell], ...]
    phases: tuple[str, ...]
    layers: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True)
class Facts:
    """What is known of the nodes of a graph.

    Args:
        names: the name of each node.
        values: the value of each node; empty where none was computed.
        gradients: for nodes whose gradient is known, its name and its value.
    """

    names: Sequence[str]
    values: Sequence[Array] = ()
    gradients: Mapping[int, tuple[str, Array]] | None = None


def diagram(
    graph: Graph,
    ends: Ends,
    facts: Facts | None = None,
    opened: Callable[[str, str], bool] = lambda phase, layer: True,
    title: str = "",
    merged: Mapping[str, Sequence[int]] | None = None,
) -> Diagram:
    """The boxes of a graph.

    Args:
        ends: what the outputs are.
        opened: whether a cell, named by phase and layer, shows its nodes.
        merged: nodes of one cell that are one box, whose last is their only result, by the text
            that stands for them.
    """
    facts = facts or Facts(node_names(graph))
    found = roles(graph, ends)
    if not ends.layered:  # an input stands beside its first use
        found = [Role(FORWARD if r.phase == INPUTS else r.phase, "") for r in found]
    hidden, formulas = _formulas(graph, facts.names)
    groups = {tuple(sorted(nodes)): text for text, nodes in (merged or {}).items()}
    boxes, of_node = _boxes(graph, facts, found, opened, hidden, formulas, groups)
    boxes, arrows, links = _joined(graph, facts, boxes, of_node)
    layers = columns(found) if ends.layered else [""]
    layers = [name for name in layers if any(box.layer == name for box in boxes)]
    phases = [phase for phase in PHASES if any(box.phase == phase for box in boxes)]
    return Diagram(tuple(boxes), arrows, links, tuple(phases), tuple(layers), title)


def _formulas(graph: Graph, names: Sequence[str]) -> tuple[list[bool], list[str]]:
    """Which nodes are written into those that read them, and the formula of each node.

    Numbers that are made, other views of one tensor, and what no output needs get no box.
    """
    whole = not graph.has_batch
    operands: list[Indexed] = []
    hidden: list[bool] = []
    texts: list[str] = []
    needed = graph.needed()
    for n, node in enumerate(graph.nodes):
        free = node.op not in (INPUT, CONST) and n not in graph.outputs
        made = free and lookup(node.op).kind is Kind.CREATE and not node.inputs
        view = free and bool(node.inputs) and _is_view(graph, node, whole)
        hidden.append(made or view or (free and not needed[n]))
        if not whole:
            texts.append(_call(node, names, graph))
            continue
        if node.op in (INPUT, CONST):
            operands.append(named(names[n], axes_of(node), node.type.dtype.kind == "b"))
            texts.append("")
            continue
        formula = read(node, [operands[source] for source in node.inputs])
        texts.append(_written(formula, names))
        own = named(names[n], formula.axes, node.type.dtype.kind == "b")
        operands.append(formula if hidden[n] else own)
    return hidden, texts


def _is_view(graph: Graph, node: Node, whole: bool) -> bool:
    operand = graph.nodes[node.inputs[0]]
    return only_moves_axes(node, operand) if whole else node.op in ("reshape", "broadcast_to")


def _written(formula: Indexed, names: Sequence[str]) -> str:
    letters = Letters(names)
    return letters.write(formula.expr, letters.scope(formula.axes))


def _call(node: Node, names: Sequence[str], graph: Graph) -> str:
    """`contract(x, W)`: a node of a graph for any number of rows; made numbers are written out."""
    inside = [
        f"{graph.nodes[i].attr('value'):g}" if graph.nodes[i].op == "full" else names[i]
        for i in node.inputs
    ]
    return "" if node.op in (INPUT, CONST) else f"{node.op}({', '.join(inside)})"


def _boxes(
    graph: Graph,
    facts: Facts,
    found: Sequence[Role],
    opened: Callable[[str, str], bool],
    hidden: Sequence[bool],
    formulas: Sequence[str],
    groups: Mapping[tuple[int, ...], str],
) -> tuple[list[Box], dict[int, int]]:
    """The boxes, and the number of the box that each node is drawn in."""
    cells: dict[tuple[str, str], list[int]] = {}
    boxes: list[Box] = []
    of_node: dict[int, int] = {}
    for nodes, text in groups.items():
        of_node |= dict.fromkeys(nodes, len(boxes))
        boxes.append(_merged(graph, nodes, found[nodes[-1]], facts, text))
    for n in range(len(graph)):
        role = found[n]
        if n in of_node:
            continue
        if not opened(role.phase, role.layer):
            cells.setdefault((role.phase, role.layer), []).append(n)
        elif not hidden[n]:
            of_node[n] = len(boxes)
            boxes.append(_node_box(graph, n, role, facts, formulas[n]))
    for (phase, layer), inside in cells.items():
        shown = [n for n in inside if not hidden[n]]
        of_node |= dict.fromkeys(shown, len(boxes))
        if shown:
            boxes.append(_folded(graph, phase, layer, shown, facts))
    order = sorted(range(len(boxes)), key=lambda k: boxes[k].nodes[0])
    place = {old: new for new, old in enumerate(order)}
    return [boxes[k] for k in order], {n: place[k] for n, k in of_node.items()}


def _merged(graph: Graph, nodes: Sequence[int], role: Role, facts: Facts, text: str) -> Box:
    """Several nodes as one: its name, value and gradient are those of the last of them."""
    last = _node_box(graph, nodes[-1], role, facts, "")
    rows = (last.rows[0], Row(text, "muted"), *last.rows[1:])
    return replace(
        last,
        id=f"g{nodes[-1]}",
        kind="folded",
        rows=_cut(rows),
        nodes=tuple(reversed(nodes)),  # readers come behind the result
        hint=f"{last.hint}\n{len(nodes)} nodes",
    )


def _node_box(graph: Graph, n: int, role: Role, facts: Facts, formula: str) -> Box:
    node, name = graph.nodes[n], facts.names[n]
    kind = "input" if node.op in (INPUT, CONST) else "operation"
    kind = "result" if n in graph.outputs and kind == "operation" else kind
    size = "" if node.type.shape == () else f" {shapes.text(node.type.shape)}"
    rows, hint = [Row(f"{name}{size}")], [f"{name}: {node.type!r}"]
    if formula:
        rows.append(Row(formula, "muted"))
        hint.append(f"{name} = {formula}")
    if facts.values:
        rows.append(Row(f"= {brief(facts.values[n])}", "plus"))
        hint.append(f"value {_all_digits(facts.values[n])}")
    if n in (facts.gradients or {}):
        label, gradient = (facts.gradients or {})[n]
        rows.append(Row(f"{label} = {brief(gradient)}", "minus"))
        hint.append(f"{label} = {_all_digits(gradient)}")
    if node.line:
        hint.append(node.line)
    return Box(f"n{n}", kind, role.phase, role.layer, _cut(rows), (n,), "\n".join(hint))


def brief(value: Array) -> str:
    """A value in a few characters: all of it where that is short, else its range."""
    if value.ndim == 0 or value.dtype.kind not in "iuf" or not value.size:
        return short(value)
    text = str(np.array2string(value, formatter={"all": lambda v: f"{v or 0:.4g}"}, separator=", "))
    text = " ".join(text.split())
    if len(text) <= _WHOLE:
        return text
    with np.errstate(all="ignore"):  # infinities of both signs have no mean
        return f"{value.min():.3g} … {value.max():.3g}, mean {value.mean():.3g}"


def _all_digits(value: Array) -> str:
    return np.array2string(value, threshold=100, floatmode="unique", separator=", ")


def _folded(graph: Graph, phase: str, layer: str, inside: Sequence[int], facts: Facts) -> Box:
    """Several nodes as one box: what goes in by name, else the operations in order."""
    rows = [Row(layer or phase)]
    if phase == INPUTS:
        rows += _inputs(graph, inside)
    else:
        ops = list(dict.fromkeys(graph.nodes[n].op for n in inside))
        end = graph.nodes[inside[-1]].op
        text = " → ".join(ops)
        rows.append(Row(text if len(text) <= _WHOLE else f"{ops[0]} → … → {end}", "muted"))
        last = graph.nodes[inside[-1]]
        count = f"{len(inside)} node{'s' * (len(inside) > 1)}"
        rows.append(Row(f"{count}, {last.type!r}", "muted"))
        if facts.values:
            rows.append(Row(f"= {brief(facts.values[inside[-1]])}", "plus"))
    hint = "\n".join(f"{facts.names[n]}: {graph.nodes[n].type!r}" for n in inside[:40])
    return Box(cell_id(phase, layer), "folded", phase, layer, _cut(rows), tuple(inside), hint)


def _inputs(graph: Graph, inside: Sequence[int]) -> list[Row]:
    """Weights with their shapes; slots by the names of their kinds, which have the same shapes."""
    rows, slots = [], []
    for n in inside:
        name, type = str(graph.nodes[n].attr("name")), graph.nodes[n].type
        if name.startswith("slots."):
            slots.append(name.split(".")[1])
        else:
            size = f" {shapes.text(type.shape)}" if type.shape else ""
            rows.append(Row(f"{name.rsplit('.', 1)[-1]}{size}", "muted"))
    if slots:
        rows.append(Row(f"slots {', '.join(dict.fromkeys(slots))}", "muted"))
    return rows


def _cut(rows: Sequence[Row]) -> tuple[Row, ...]:
    return tuple(
        replace(row, text=row.text if len(row.text) <= LONGEST else row.text[: LONGEST - 1] + "…")
        for row in rows
    )


def _joined(
    graph: Graph, facts: Facts, boxes: Sequence[Box], of_node: Mapping[int, int]
) -> tuple[list[Box], tuple[tuple[int, int], ...], tuple[tuple[Cell, Cell], ...]]:
    """Arrows within cells, and links between them.

    Where an opened cell reads a node of another cell, the name of that node stands in it as a port:
    an arrow across the picture would be hard to follow.
    """
    result = list(boxes)
    arrows: dict[tuple[int, int], None] = {}
    links: dict[tuple[Cell, Cell], None] = {}
    ports: dict[tuple[int, Cell], int] = {}
    for source, own in _reads(graph, of_node):
        a, b = boxes[of_node[source]], boxes[own]
        if (a.phase, a.layer) == (b.phase, b.layer):
            arrows[of_node[source], own] = None
            continue
        cell = (b.phase, b.layer)
        links[(a.phase, a.layer), cell] = None
        if b.kind != "folded":
            if (source, cell) not in ports:
                ports[source, cell] = len(result)
                result.append(_port(graph, facts, source, b))
            arrows[ports[source, cell], own] = None
    # Ports come first, since arrows run from an earlier box to a later one.
    count, first = len(boxes), len(result) - len(boxes)
    moved = {n: n + first if n < count else n - count for n in range(len(result))}
    turned = tuple((moved[a], moved[b]) for a, b in arrows)
    return result[count:] + result[:count], turned, tuple(links)


def _reads(graph: Graph, of_node: Mapping[int, int]) -> list[tuple[int, int]]:
    """The node that is read and the box that reads it, through nodes without a box."""
    shown: list[tuple[int, ...]] = []  # for each node those with a box that stand for it
    found: dict[tuple[int, int], None] = {}
    for n, node in enumerate(graph.nodes):
        sources = tuple(dict.fromkeys(one for i in node.inputs for one in shown[i]))
        own = of_node.get(n)
        shown.append(sources if own is None else (n,))
        if own is not None:
            found |= dict.fromkeys((one, own) for one in sources if of_node[one] != own)
    return list(found)


def _port(graph: Graph, facts: Facts, source: int, reader: Box) -> Box:
    rows = [Row(facts.names[source], "muted")]
    if facts.values:
        rows.append(Row(f"= {brief(facts.values[source])}", "plus"))
    own = f"{cell_id(reader.phase, reader.layer)}-n{source}"
    hint = f"{facts.names[source]}: {graph.nodes[source].type!r}"
    return Box(own, "port", reader.phase, reader.layer, _cut(rows), (source,), hint)


def cell_id(phase: str, layer: str) -> str:
    safe = "".join(c if c.isalnum() or c == "_" else "-" for c in layer)
    return f"{phase}-{safe}" if layer else phase
