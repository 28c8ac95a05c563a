"""Which part of a training step each node belongs to: its phase, and its layer.

In: a graph, and where its objective and gradients are. Out: a phase and a layer for each node. Both
follow from the graph alone: what the objective needs is forward; what reads rates and slots
is the update; a layer is known by the weights that its nodes read, `params.hidden.W`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pellucid.graph.node import Graph
from pellucid.ops.spec import Kind, lookup

INPUTS, FORWARD, BACKWARD, UPDATE = "inputs", "forward", "backward", "update"
PHASES = (INPUTS, FORWARD, BACKWARD, UPDATE)
LOSS, DATA = "loss", "data"  # columns behind the last layer and before the first
_TARGETS = ("y", "weights")
_OTHERS = ("x", *_TARGETS, "strengths")  # inputs of a step that are no layer's
_UPDATING = ("rate", "step", "slots")


@dataclass(frozen=True)
class Role:
    """Where a node stands: a row and a column of the folded picture."""

    phase: str
    layer: str


def _first(name: str) -> str:
    return name.split(".")[0]


def layer_of(name: str) -> str:
    """The layer whose weights an input is: `params.hidden.W` and `hidden.W` are hidden's."""
    for prefix in ("params.", "state."):
        name = name.removeprefix(prefix)
    return name.rsplit(".", 1)[0] if "." in name and _first(name) not in _OTHERS else ""


@dataclass(frozen=True)
class Ends:
    """What the outputs of a graph are.

    Args:
        objective: the position of the value that is differentiated; None where there is none.
        sinks: for outputs that belong to a layer, as its new weights do, which one.
        layered: whether the names of the inputs are those of layers: `hidden.W`.
        step: whether the graph is a whole training step.
    """

    objective: int | None
    sinks: Mapping[int, str]
    layered: bool = False
    step: bool = False


def ends_of(graph: Graph) -> Ends:
    """The outputs of a training step, read off the names of its inputs; else of a function."""
    names = graph.input_names
    params, slots, state = (
        [name for name in names if _first(name) == kind] for kind in ("params", "slots", "state")
    )
    count = len(params) + len(slots) + len(state) + 1
    if not params or "rate" not in names or len(graph.outputs) <= count:
        return Ends(graph.outputs[0] if len(graph.outputs) == 1 else None, {})
    kept = [*params, *(params[_number(name) % len(params)] for name in slots), *state]
    sinks = {p: layer_of(n) for p, n in zip(graph.outputs[: count - 1], kept, strict=True)}
    return Ends(graph.outputs[count], sinks, layered=True, step=True)


def _number(slot: str) -> int:
    """`slots.m.3` goes with the fourth weight."""
    last = slot.rsplit(".", 1)[-1]
    return int(last) if last.isdigit() else 0


def roles(graph: Graph, ends: Ends) -> list[Role]:
    """The phase and the layer of each node."""
    phase = _phases(graph, ends)
    layer = _layers(graph, ends, phase)
    return [Role(p, name) for p, name in zip(phase, layer, strict=True)]


def columns(found: Sequence[Role]) -> list[str]:
    """The layers in the order in which the forward pass leaves them; data first, loss last."""
    last = {role.layer: n for n, role in enumerate(found) if role.phase == FORWARD}
    rest = {role.layer: 0 for role in found}
    names = sorted({**rest, **last}.items(), key=lambda pair: pair[1])
    known = [name for name, _ in names if name not in (LOSS, DATA, "")]
    return [DATA, *known, LOSS]


def _phases(graph: Graph, ends: Ends) -> list[str]:
    objective = graph.outputs if ends.objective is None else [ends.objective]
    forward = graph.needed(objective)
    trained = graph.needed(list(ends.sinks)) if ends.step else [True] * len(graph)
    inputs = set(graph.inputs)
    phase = [INPUTS if n in inputs else FORWARD if forward[n] else "" for n in range(len(graph))]
    updating = {i for i in inputs if _first(_name(graph, i)) in _UPDATING} if ends.step else set()
    begun = False  # the first use of a rate or a slot; gradients come before it
    for n, node in enumerate(graph.nodes):
        if phase[n] or not node.inputs:
            continue
        begun = begun or not updating.isdisjoint(node.inputs)
        # What only a measure needs was computed beside the loss.
        phase[n] = UPDATE if begun else BACKWARD if trained[n] else FORWARD
    _to_their_users(graph, phase, BACKWARD)
    return phase


def _readers(graph: Graph) -> list[list[int]]:
    readers: list[list[int]] = [[] for _ in graph.nodes]
    for n, node in enumerate(graph.nodes):
        for source in node.inputs:
            readers[source].append(n)
    return readers


def _to_their_users(graph: Graph, known: list[str], otherwise: str) -> None:
    """Numbers that are made, not computed, stand with the first node that reads them."""
    readers = _readers(graph)
    for n in reversed(range(len(graph))):
        if not known[n]:
            known[n] = next((known[r] for r in readers[n] if known[r]), otherwise)


def _name(graph: Graph, position: int) -> str:
    return str(graph.nodes[position].attr("name"))


def _layers(graph: Graph, ends: Ends, phase: Sequence[str]) -> list[str]:
    layer = [""] * len(graph)
    if not ends.layered:
        return layer
    weights = [_name(graph, i) for i in graph.inputs if _first(_name(graph, i)) == "params"]
    for i in graph.inputs:
        name = _name(graph, i)
        slot = weights and _first(name) == "slots"
        layer[i] = layer_of(weights[_number(name) % len(weights)]) if slot else layer_of(name)
    _backward_layers(graph, ends, phase, layer, _forward_layers(graph, ends, phase, layer))
    _to_their_users(graph, layer, DATA)
    return layer


@dataclass(frozen=True)
class _Forward:
    """The order of the layers, whose weights each node is made of, and what is made of data."""

    order: Mapping[str, int]
    weights: Mapping[int, str]
    moving: set[int]


def _forward_layers(graph: Graph, ends: Ends, phase: Sequence[str], layer: list[str]) -> _Forward:
    """A node belongs to the layer whose weights it reads, else to the latest that it reads from.

    What is made of weights alone counts as weights; what is made of neither weights nor data, such
    as the mask of a dropout, is left to `_to_their_users`.
    """
    inputs = set(graph.inputs)
    for i in inputs:
        name = _first(_name(graph, i))
        if not layer[i]:
            layer[i] = LOSS if name in (*_TARGETS, "strengths") else DATA
    weights = {i: layer[i] for i in inputs if layer[i] not in (LOSS, DATA)}
    moving = {i for i in inputs if i not in weights and _name(graph, i) not in ("seed", "step")}
    reads: dict[int, str] = {}  # for nodes of the forward pass, whose weights they read
    for n, node in enumerate(graph.nodes):
        if phase[n] != FORWARD or not node.inputs:
            continue
        own = [weights[i] for i in node.inputs if i in weights]
        if any(i in moving for i in node.inputs):
            moving.add(n)
            if own:
                reads[n] = own[-1]
        elif own:
            weights[n] = layer[n] = own[-1]
    order = {name: k for k, name in enumerate([DATA, *dict.fromkeys(reads.values())])}
    last, order[LOSS] = len(order) - 1, len(order)
    final = {name: n for n, name in reads.items()}
    for n, node in enumerate(graph.nodes):
        if phase[n] != FORWARD or n not in moving or n in inputs:
            continue
        known = [layer[i] for i in node.inputs if i in moving and layer[i] in order]
        name = LOSS if LOSS in known else reads.get(n) or max(known, key=lambda one: order[one])
        # Behind the last layer's weights a sum over classes or rows is the loss's, as of a softmax.
        reduces = lookup(node.op).kind is Kind.REDUCE and ends.objective is not None
        if reduces and order[name] == last and n > final.get(name, n):
            name = LOSS
        layer[n] = name
    _to_their_users(graph, layer, "")
    readers = _readers(graph)
    for n in reversed(range(len(graph))):  # the size of weights that a penalty takes is the loss's
        forward = {layer[r] for r in readers[n] if phase[r] == FORWARD}
        if n in weights and n not in inputs and forward == {LOSS}:
            layer[n] = LOSS
    return _Forward(order, weights, moving)


def _backward_layers(
    graph: Graph,
    ends: Ends,
    phase: Sequence[str],
    layer: list[str],
    forward: _Forward,
) -> None:
    """What reads weights belongs to their layer, what serves one layer to that, the rest to where
    its gradient comes to."""
    serves: list[set[str]] = [set() for _ in graph.nodes]
    for n in reversed(range(len(graph))):
        if n in ends.sinks:
            serves[n].add(ends.sinks[n])
        for source in graph.nodes[n].inputs:
            serves[source] |= serves[n] if len(serves[n]) == 1 else {""}
    order, moving = forward.order, set(forward.moving)
    for n, node in enumerate(graph.nodes):
        if phase[n] not in (BACKWARD, UPDATE) or not node.inputs:
            continue
        own = [forward.weights[i] for i in node.inputs if i in forward.weights]
        moves = any(i in moving or i in forward.weights for i in node.inputs)
        if phase[n] == BACKWARD and not moves:
            continue  # made of numbers alone
        moving.add(n)
        if own:
            layer[n] = own[0]
        elif len(serves[n]) == 1 and "" not in serves[n]:
            layer[n] = next(iter(serves[n]))
        elif phase[n] == UPDATE:
            layer[n] = DATA
        else:
            known = [layer[i] for i in node.inputs if i in moving and layer[i] != DATA]
            layer[n] = min(known or [LOSS], key=lambda name: order[name])
