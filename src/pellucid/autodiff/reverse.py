"""Reverse mode. In: a graph. Out: the graph with the gradients of its inputs behind it.

Source: the lectures' *gradient = output gradient × local gradient*, summed over outgoing edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pellucid.autodiff.cotangents import (
    Activity,
    Cotangents,
    as_value,
    broadcast_to,
    materialise,
    unbroadcast,
)
from pellucid.graph.node import Graph, Node, pruned
from pellucid.ops.reduce import keep
from pellucid.ops.spec import Bilinear, Kind, Linear, Partials, Rules, lookup
from pellucid.ops.value import Builder, Value, records


@records
def vjp(graph: Graph, wrt: Sequence[int], seeded: Sequence[int] | None = None) -> Graph:
    """The graph (inputs, ct of each float output) → (outputs, gradient of each input `wrt`).

    Args:
        wrt: numbers of inputs of `graph`, all float.
        seeded: numbers of the outputs that take a ct; None for all float ones.

    Raises:
        NotDifferentiableError: where a gradient would pass through a node that has none.
    """
    builder = Builder(share=True)
    with builder:
        inputs = [
            builder.input(name, type)
            for name, type in zip(graph.input_names, graph.input_types, strict=True)
        ]
        values = builder.copy(graph, inputs)
        outputs = [values[position] for position in graph.outputs]
        seeds: list[tuple[int, Value]] = []
        taken = set(graph.input_names)
        for number, position in enumerate(graph.outputs):
            type = graph.nodes[position].type
            if type.dtype.is_float and (seeded is None or number in seeded):
                name = f"ct{number}"
                while name in taken:
                    name += "_"
                seeds.append((position, builder.input(name, type)))
        gradients = backward(builder, graph, values, seeds, [graph.inputs[i] for i in wrt])
    return pruned(builder.graph([*outputs, *gradients]))


def backward(
    builder: Builder,
    graph: Graph,
    values: Sequence[Value],
    seeds: Sequence[tuple[int, Value]],
    wrt: Sequence[int],
    wanted: Sequence[int] | None = None,
) -> list[Value]:
    """Records in `builder` the gradients of the nodes `wrt`.

    Args:
        values: what stands in `builder` for each node of `graph`.
        seeds: (position, gradient) of the outputs that are differentiated.
        wanted: nodes between the inputs `wrt` and the outputs whose gradients are returned
            instead of those of `wrt`.
    """
    activity = Activity(graph, wrt)
    sums = Cotangents()
    for position, ct in seeds:
        if activity.check(position):
            sums.add(position, ct)
    wanted = wrt if wanted is None else wanted
    kept = set(wanted)
    for position in range(len(graph.nodes) - 1, -1, -1):
        node = graph.nodes[position]
        arrived = sums.get(position) if position in kept else sums.pop(position)
        if arrived is None or not node.inputs:
            continue
        with builder.at(node.line):
            _node(graph, position, arrived, values, activity, sums)
    return [materialise(sums.get(position), values[position]) for position in wanted]


def _node(
    graph: Graph,
    position: int,
    ct: Value,
    values: Sequence[Value],
    activity: Activity,
    sums: Cotangents,
) -> None:
    """Hands the output gradient of one node on to its inputs."""
    node = graph.nodes[position]
    inputs = [values[source] for source in node.inputs]
    op = lookup(node.op)
    asked = [i for i, s in enumerate(node.inputs) if op.differentiable(i) and activity.check(s)]
    for i, given in contributions(node, ct, inputs, values[position], asked):
        sums.add(node.inputs[i], given)


def contributions(
    node: Node, ct: Value, inputs: Sequence[Value], out: Value, asked: Sequence[int]
) -> Iterator[tuple[int, Value]]:
    """Output gradient × local gradient: (i, what one use hands to input i), for each i in `asked`.

    Args:
        ct: the output gradient.
        asked: numbers of inputs that a gradient flows to; one that gets zero is left out.
    """
    op, attrs = lookup(node.op), dict(node.attrs)
    form = op.derivative
    by_rule = form.vjp(ct, inputs, out, **attrs) if isinstance(form, Rules) else ()
    for i in asked:
        given: Value | None
        if isinstance(form, Partials):
            function = form.functions[i]
            assert function is not None
            local = as_value(function(*inputs, out, **attrs), out)
            wide = keep(ct, inputs[0], **attrs) if op.kind is Kind.REDUCE else ct
            given = wide * local
            if op.kind is Kind.REDUCE:  # a local gradient may be a number: 1 for a sum
                given = broadcast_to(given, inputs[i].type)
        elif isinstance(form, Linear):
            given = form.transpose(i, ct, inputs, attrs)
        elif isinstance(form, Bilinear):
            given = (form.left, form.right)[i](ct, *inputs, **attrs)
        else:
            given = by_rule[i]
        if given is not None:
            yield i, unbroadcast(as_value(given, inputs[i]), inputs[i].type)
