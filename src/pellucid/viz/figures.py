"""The graph of a function, a model or a Tensor as a picture, with its values and gradients.

In: what `pel.show` takes. Out: a `Picture`. Nodes have the names of the variables that the source
assigns them to, where it says so: `a = x * y` is called a.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core import trees
from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import Graph
from pellucid.graph.printer import names as node_names
from pellucid.runtime import interpreter
from pellucid.transform.arrays import as_array
from pellucid.transform.explainable import FunctionCall, called, function_call
from pellucid.transform.grad import check_scalar
from pellucid.transform.recording import recorded
from pellucid.transform.show import with_gradients
from pellucid.transform.tensor import Tensor
from pellucid.transform.trace import arrays
from pellucid.viz.call import RESULT, traced
from pellucid.viz.diagram import MOST_BOXES, Diagram, Facts, diagram
from pellucid.viz.graphs import draw_diagram
from pellucid.viz.phases import Ends, ends_of, layer_of
from pellucid.viz.svg import Picture

Array = np.ndarray[Any, Any]
FOLDED_FROM = 24  # nodes: a larger graph of layers is folded unless it is opened
Opened = Sequence[str] | str | None


@dataclass(frozen=True)
class Computed:
    """A graph at its arguments.

    Args:
        graph: the function, with its gradients behind it where there are any.
        forward: how many nodes the function itself has.
        names: the name of each node.
        values: the value of each node; empty for a graph alone.
        places: for nodes of the function, where their gradients are.
        ends: what the outputs are.
    """

    graph: Graph
    forward: int
    names: list[str]
    values: list[Array]
    places: dict[int, int]
    ends: Ends

    @property
    def gradients(self) -> dict[int, tuple[str, Array]]:
        """For each node of the function the name and the value of its gradient."""
        end = self.names[self.ends.objective or 0]
        return {
            n: (f"∂{end}/∂{self.names[n]}", self.values[place])
            for n, place in self.places.items()
            if n != self.ends.objective
        }


def computed(call: FunctionCall, where: str) -> Computed:
    """A function at its arguments, with the gradient of its float arguments if it has one."""
    owners = range(len(call.args)) if call.argnums is None else call.argnums
    numbers = [n for n in owners if all(map(_is_float, trees.leaves_of(call.args[n])))]
    found = traced(call, numbers, where)
    if not found.graph.outputs:
        raise ArgumentError(
            where, "the function must return a result, got none", "End it with return."
        )
    operands = [as_array(one, where) for one in arrays(found.operands, found.graph.input_types)]
    is_model = call.argnums is not None
    names = found.names if is_model else _named(found.names, found.graph, call.function)
    return _computed(found.graph, operands, found.wrt, names, is_model)


def of_tensor(tensor: Tensor) -> Computed:
    """What computed a Tensor."""
    graph, leaves, _ = recorded(tensor)
    asked = [i for i, leaf in enumerate(leaves) if leaf.tracked]
    return _computed(graph, [leaf.data for leaf in leaves], asked, node_names(graph))


def _is_float(leaf: Any) -> bool:
    dtype = getattr(leaf, "dtype", type(leaf))
    return dtype is float or getattr(dtype, "kind", "") == "f"


def _computed(
    graph: Graph,
    operands: Sequence[Any],
    asked: Sequence[int],
    names: list[str],
    layered: bool = False,
) -> Computed:
    wrt = [i for i in asked if graph.nodes[i].type.dtype.is_float]
    end = graph.output_types[0]
    scalar = len(graph.outputs) == 1 and end.shape == () and end.dtype.is_float
    places: dict[int, int] = {}
    whole = graph
    if scalar and wrt:
        whole, places = with_gradients(graph, wrt)
    values = [np.asarray(value) for value in interpreter.step(whole, list(operands))]
    forward = len(graph)
    names = names + node_names(whole)[forward:]
    for n, place in sorted(places.items()):
        if place >= forward:
            names[place] = f"∂{names[n]}"
    sinks = {places[i]: layer_of(str(graph.nodes[i].attr("name"))) for i in wrt if i in places}
    objective = graph.outputs[0] if scalar else None
    return Computed(whole, forward, names, values, places, Ends(objective, sinks, layered))


def _named(names: Sequence[str], graph: Graph, function: Callable[..., Any]) -> list[str]:
    """Names with those of the source's own variables, where each is the name of one node alone."""
    result, lines = list(names), _assigned(function)
    found = {lines[node.line]: n for n, node in enumerate(graph.nodes) if node.line in lines}
    inputs = set(graph.inputs)
    for name, n in found.items():
        if n not in inputs and name not in result:
            result[n] = name
    own = called(function)
    for n in graph.outputs[:1]:
        if result[n] == RESULT and own not in result and own != RESULT:
            result[n] = own if len(own) <= 12 else RESULT
    return result


def _assigned(function: Callable[..., Any]) -> dict[str | None, str]:
    """For lines of the source that compute one variable, `file.py:12`, its name.

    The last node of such a line is the variable only where the last operation is in the line
    itself: an operator or a function of NumPy's, and not a call of a function of one's own.
    """
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
        file = Path(inspect.getsourcefile(function) or "").name
    except (OSError, TypeError, SyntaxError):  # no source; a lambda in the middle of a line
        return {}
    found: dict[str | None, str] = {}
    several: set[str | None] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                key = f"{file}:{first + line - 1}"
                several |= {key} & found.keys()
                target = node.targets[0]
                named = isinstance(target, ast.Name) and _is_operation(node.value, function)
                found[key] = target.id if isinstance(target, ast.Name) and named else ""
    return {key: name for key, name in found.items() if name and key not in several}


def _is_operation(value: ast.expr, function: Callable[..., Any]) -> bool:
    if isinstance(value, ast.Call):
        root = value.func
        while isinstance(root, ast.Attribute):
            root = root.value
        known = getattr(function, "__globals__", {})
        module = known.get(root.id) if isinstance(root, ast.Name) else None
        return getattr(module, "__name__", "") in ("numpy", "pellucid", "pellucid.numpy")
    return isinstance(value, (ast.BinOp, ast.UnaryOp))


def graph_picture(
    found: Computed, view: str, values: bool, backward: bool, opened: Opened, title: str
) -> Picture:
    """The function with value and gradient in each box, or the way back as boxes of its own."""
    graph, gradients = found.graph, found.gradients if values and backward else {}
    facts = Facts(found.names, found.values if values else (), gradients)
    ends = found.ends
    if view == "graph":
        graph = Graph(graph.nodes[: found.forward], graph.inputs, graph.outputs[:1], graph.consts)
        ends = replace(ends, sinks={})
    else:
        facts = Facts(found.names, facts.values)
    return _drawn(graph, ends, facts, opened, title)


def plain_picture(graph: Graph, opened: Opened, title: str) -> Picture:
    """A graph without values, such as that of a training step."""
    return _drawn(graph, ends_of(graph), Facts(node_names(graph)), opened, title)


def _drawn(graph: Graph, ends: Ends, facts: Facts, opened: Opened, title: str) -> Picture:
    small = len(graph) <= FOLDED_FROM
    whole = diagram(graph, ends, facts, lambda phase, layer: False, title)
    cells = {box.id: (box.phase, box.layer) for box in whole.boxes}
    layered = ends.layered
    known = list(dict.fromkeys([name for id, cell in cells.items() for name in (id, *cell)]))
    given = _opened(opened, [name for name in known if name])

    def is_open(phase: str, layer: str) -> bool:
        if given is None:
            return small or not layered
        names = {id for id, cell in cells.items() if cell == (phase, layer)} | {phase, layer}
        return "all" in given or not given.isdisjoint(names)

    result = diagram(graph, ends, facts, is_open, title)
    if len(result.boxes) > MOST_BOXES:
        fix = "Leave opened out, or name fewer cells." if layered else "Draw a part of it."
        raise ArgumentError(
            "draw",
            f"a picture has at most {MOST_BOXES} boxes, got {len(result.boxes):,}",
            fix,
        )
    return draw_diagram(result)


def _opened(opened: Opened, known: Sequence[str]) -> set[str] | None:
    """The names of what is opened; None leaves it to the size of the graph."""
    if opened is None:
        return None
    given = [opened] if isinstance(opened, str) else opened
    if not isinstance(given, (list, tuple, set)):
        raise ArgumentError("draw", f"opened must be a name or a list of names, got {opened!r}")
    for name in given:
        if not isinstance(name, str) or (name != "all" and name not in known):
            raise ArgumentError(
                "draw",
                f"opened must name phases, layers or cells, got {name!r}",
                f"Use some of all, {', '.join(known)}.",
            )
    return set(given)


@checked
def frames(function: Callable[..., Any], *args: Any) -> list[Picture]:
    """The graph of a scalar function, step by step: forward until all values are known, then back.

    A frame knows the nodes that can be computed from those of the frame before; what is not known
    yet is a question mark. The last frame forward knows the result; in the last frame back every
    node has its gradient.

    Args:
        function: returns one float.
        args: its arguments; the gradient is of the floats among them.

    Returns:
        A picture for each frame.

    Raises:
        ShapeError: where the result is no scalar, which has no gradient.
    """
    found = computed(function_call("frames", function, args), "frames")
    check_scalar("frames", found.graph, 1)
    graph = Graph(
        found.graph.nodes[: found.forward],
        found.graph.inputs,
        found.graph.outputs[:1],
        found.graph.consts,
    )
    gradients = found.gradients
    facts = Facts(found.names, found.values, gradients)
    whole = diagram(graph, replace(found.ends, sinks={}), facts)
    numbers = {box.nodes[0]: n for n, box in enumerate(whole.boxes)}
    depth, height = [0] * len(whole.boxes), [0] * len(whole.boxes)
    for a, b in whole.arrows:
        depth[b] = max(depth[b], depth[a] + 1)
    for a, b in reversed(whole.arrows):
        height[a] = max(height[a], height[b] + 1)
    last = max(depth)
    with_gradient = {numbers[n] for n in gradients if n in numbers}
    pictures = []
    for step in range(last + 1):
        known = {n for n in range(len(depth)) if depth[n] <= step}
        now = {n for n in known if depth[n] == step}
        pictures.append(_frame(whole, f"Forward, step {step}", known, set(), now))
    for step in range(1, max(height) + 1):
        back = {n for n in with_gradient if height[n] <= step}
        now = {n for n in back if height[n] == step}
        pictures.append(_frame(whole, f"Backward, step {step}", set(range(len(depth))), back, now))
    return pictures


def _frame(
    whole: Diagram, title: str, values: set[int], gradients: set[int], now: set[int]
) -> Picture:
    boxes = []
    for n, box in enumerate(whole.boxes):
        rows = []
        for row in box.rows:
            hidden = (row.cls == "plus" and n not in values) or (
                row.cls == "minus" and n not in gradients
            )
            name = row.text.rpartition("= ")[0]
            rows.append(replace(row, text=f"{name}= ?", cls="muted") if hidden else row)
        kind = f"{box.kind} now" if n in now else box.kind
        boxes.append(replace(box, rows=tuple(rows), kind=kind, hint=""))
    # The sizes of the boxes are those with all values, so that nothing moves from frame to frame.
    return draw_diagram(replace(whole, boxes=tuple(boxes), title=title), sizes_of=whole)
