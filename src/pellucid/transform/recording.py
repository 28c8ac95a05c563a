"""What a computed Tensor remembers, and the gradients that follow from it.

In: a Tensor. Out: the one graph that computed it, back to the Tensors that a person made. A Tensor
came from one row, or from a call of ours (`jit`, `grad`, …) whose whole graph is remembered: there
the values in between are computed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pellucid.autodiff.cotangents import Activity
from pellucid.autodiff.reverse import backward
from pellucid.graph.node import CONST, Graph, TensorType
from pellucid.ops.spec import lookup
from pellucid.ops.value import Builder, Value, records
from pellucid.runtime import interpreter


class Applied(NamedTuple):
    """One row, applied to Tensors."""

    op: str
    inputs: tuple[Any, ...]
    attrs: Mapping[str, Any]
    line: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A graph that was run on Tensors.

    Args:
        inputs: one Tensor an input of the graph.
        rows: what stands for N in this call; None where the graph has no batch.
    """

    graph: Graph
    inputs: tuple[Any, ...]
    rows: int | None


class Result(NamedTuple):
    """One output of a call."""

    call: Call
    number: int

    @property
    def inputs(self) -> tuple[Any, ...]:
        return self.call.inputs


Origin = Applied | Result


class Recordable(Protocol):
    """What is read and set of a Tensor here."""

    type: TensorType
    data: Any
    grad: Any
    origin: Origin | None
    tracked: bool


class Recorded(NamedTuple):
    """The graph that computed a Tensor.

    Attributes:
        leaves: the Tensors that its inputs stand for.
        places: the Tensors on the way, leaves first, each with the position of its node.
    """

    graph: Graph
    leaves: list[Recordable]
    places: list[tuple[Recordable, int]]


def history(output: Recordable) -> Iterator[Recordable]:
    """`output` and every Tensor it was computed from, each behind what it needs."""
    seen: set[int] = set()
    stack: list[tuple[Recordable, bool]] = [(output, False)]
    while stack:
        tensor, ready = stack.pop()
        if ready:
            yield tensor
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            stack.append((tensor, True))
            if tensor.origin is not None:
                stack.extend((source, False) for source in tensor.origin.inputs)


def recorded(output: Recordable) -> Recorded:
    """The graph that computed `output`, and the Tensor that each of its nodes stands for."""
    order = list(history(output))
    order.sort(key=lambda tensor: tensor.origin is not None)  # inputs first, stable
    builder = Builder()
    place: dict[int, Value] = {}
    calls: dict[int, list[Value]] = {}
    for tensor in order:
        origin = tensor.origin
        if origin is None:
            place[id(tensor)] = builder.input(f"x{len(place)}", tensor.type)
            continue
        sources = [place[id(source)] for source in origin.inputs]
        if isinstance(origin, Applied):
            with builder.at(origin.line):
                place[id(tensor)] = builder.apply(lookup(origin.op), sources, origin.attrs)
            continue
        call = origin.call
        if id(call) not in calls:
            calls[id(call)] = builder.inline(call.graph, sources, call.rows)
        place[id(tensor)] = calls[id(call)][origin.number]
    graph = builder.graph([place[id(output)]])
    leaves = [tensor for tensor in order if tensor.origin is None]
    return Recorded(graph, leaves, [(tensor, place[id(tensor)].position) for tensor in order])


@records
def set_gradients(output: Recordable, seed: Any) -> None:
    """Sets `.grad` on every Tensor on the way to `output`, by one graph that computes them all."""
    graph, leaves, places = recorded(output)
    sources = [i for i, leaf in zip(graph.inputs, leaves, strict=True) if leaf.tracked]
    active = Activity(graph, sources).active
    wanted = [(tensor, position) for tensor, position in places if active[position]]
    builder = Builder(share=True)
    with builder:
        values, known = _values(builder, graph, places)
        ct = builder.input("ct", output.type)
        positions = [position for _, position in wanted]
        gradients = backward(builder, graph, values, [(graph.outputs[0], ct)], sources, positions)
        program = builder.graph(gradients)
    for (tensor, _), array in zip(wanted, interpreter.run(program, [*known, seed]), strict=True):
        tensor.grad = array


def _values(
    builder: Builder, graph: Graph, places: Sequence[tuple[Recordable, int]]
) -> tuple[list[Value], list[Any]]:
    """What stands in `builder` for each node, and the data of those that are inputs there.

    A node that a Tensor stands for is an input; one inside a call is computed again.
    """
    held = {position: tensor.data for tensor, position in places}
    known: list[Any] = []
    values: list[Value] = []
    for position, node in enumerate(graph.nodes):
        if position in held:
            known.append(held[position])
            values.append(builder.input(f"v{position}", node.type))
        elif node.op == CONST:
            values.append(builder.const(f"k{position}", graph.consts[node.attr("name")]))
        else:
            with builder.at(node.line):
                sources = [values[source] for source in node.inputs]
                values.append(builder.apply(lookup(node.op), sources, dict(node.attrs)))
    return values, known
