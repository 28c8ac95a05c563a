"""The picture of a moment: cells of phases and layers that open, lines of the source as one box."""

from __future__ import annotations

from collections.abc import Collection

from pellucid.core.errors import ArgumentError
from pellucid.graph.node import Graph
from pellucid.inspector.groups import by_line
from pellucid.inspector.moment import Moment
from pellucid.viz.diagram import MOST_BOXES, Diagram, Facts, cell_id, diagram
from pellucid.viz.phases import Ends

FOLDED_FROM = 24  # nodes: a larger graph of layers is folded at first


def opened_at_first(moment: Moment) -> set[str]:
    """All cells of a small graph; none of a large one."""
    return set(cells(moment)) if moment.own <= FOLDED_FROM or not moment.ends.layered else set()


def cells(moment: Moment) -> dict[str, tuple[str, str]]:
    """The cells of a graph of layers: id → phase and layer."""
    if not moment.ends.layered:
        return {}
    own = (role for role in moment.roles[: moment.own])
    return {cell_id(role.phase, role.layer): (role.phase, role.layer) for role in own}


def cell_of(moment: Moment, n: int) -> str:
    """The id of the cell that a node stands in; empty for a function."""
    role = moment.roles[n]
    return cell_id(role.phase, role.layer) if moment.ends.layered and n < moment.own else ""


def folds(moment: Moment) -> dict[str, list[int]]:
    """The lines of a function's source that can be one box, by the id of that box."""
    if moment.ends.layered:
        return {}
    return {f"g{one.end}": list(one.nodes) for one in by_line(moment)}


def boxes(moment: Moment, opened: Collection[str], folded: Collection[str] = ()) -> Diagram:
    """The boxes of a moment.

    Args:
        opened: ids of cells that show their nodes.
        folded: ids of lines of the source that are one box.

    Raises:
        ArgumentError: where there would be more boxes than a person can read.
    """
    lines = {one.end: one for one in by_line(moment)} if folded else {}
    merged = {one.text or one.line: one.nodes for end, one in lines.items() if f"g{end}" in folded}
    graph = moment.graph
    shown = Graph(graph.nodes[: moment.own], graph.inputs, graph.outputs, graph.consts)
    if not moment.ends.layered and moment.ends.objective is not None:
        shown = Graph(shown.nodes, shown.inputs, (moment.ends.objective,), shown.consts)
    known = {
        n: (f"∂{moment.end}/∂{moment.names[n]}", gradient)
        for n, gradient in moment.gradients.items()
        if n != moment.ends.objective
    }
    facts = Facts(moment.names[: moment.own], moment.values[: moment.own], known)
    result = diagram(
        shown,
        moment.ends if moment.ends.layered else _alone(moment),
        facts,
        lambda phase, layer: not moment.ends.layered or cell_id(phase, layer) in opened,
        merged=merged,
    )
    if len(result.boxes) > MOST_BOXES:
        raise ArgumentError(
            "inspect",
            f"a picture has at most {MOST_BOXES} boxes, got {len(result.boxes):,}",
            "Close a part of it first.",
        )
    return result


def _alone(moment: Moment) -> Ends:
    return Ends(moment.ends.objective, {})
