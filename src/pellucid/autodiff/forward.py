"""Forward mode. In: a graph. Out: the graph with the tangents of its outputs behind it."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.autodiff.cotangents import (
    Activity,
    as_value,
    broadcast_to,
    materialise,
    tangents,
)
from pellucid.graph.node import Graph, pruned
from pellucid.ops.spec import Bilinear, Kind, Linear, Op, Partials, Rules, lookup
from pellucid.ops.value import Builder, Value, apply, records


@records
def jvp(graph: Graph, wrt: Sequence[int]) -> Graph:
    """The graph (inputs, tangent of each input `wrt`) → (outputs, tangent of each float output).

    Args:
        wrt: numbers of inputs of `graph`, all float.

    Raises:
        NotDifferentiableError: where a tangent would pass through a node that has none.
    """
    builder = Builder(share=True)
    positions = [graph.inputs[i] for i in wrt]
    activity = Activity(graph, positions)
    with builder:
        inputs = [
            builder.input(name, type)
            for name, type in zip(graph.input_names, graph.input_types, strict=True)
        ]
        dots: dict[int, Value] = {}
        taken = set(graph.input_names)
        for position in positions:
            name = f"{graph.nodes[position].attr('name')}_dot"
            while name in taken:
                name += "_"
            taken.add(name)
            dots[position] = builder.input(name, graph.nodes[position].type)
        values = builder.copy(graph, inputs)
        needed = graph.needed(
            i for i in graph.outputs if graph.nodes[i].type.dtype.is_float
        )  # only floats have a tangent: argmax beside a loss blocks nothing
        for position, node in enumerate(graph.nodes):
            if not activity.active[position] or not node.inputs or not needed[position]:
                continue
            op = lookup(node.op)
            for i, source in enumerate(node.inputs):
                if op.differentiable(i):
                    activity.check(source)
            with builder.at(node.line):
                sources = [values[source] for source in node.inputs]
                moving = [
                    dots.get(source) if op.differentiable(i) else None
                    for i, source in enumerate(node.inputs)
                ]
                dots[position] = _node(op, sources, moving, values[position], dict(node.attrs))
        outputs = [values[position] for position in graph.outputs]
        result: list[Value] = []
        for position in graph.outputs:
            if graph.nodes[position].type.dtype.is_float:
                activity.check(position)
                result.append(materialise(dots.get(position), values[position]))
    return pruned(builder.graph([*outputs, *result]))


def _node(
    op: Op,
    inputs: Sequence[Value],
    dots: Sequence[Value | None],
    out: Value,
    attrs: dict[str, object],
) -> Value:
    """The tangent of one node from the tangents of its inputs; at least one of them is there."""
    form = op.derivative
    if isinstance(form, Rules):
        return broadcast_to(as_value(form.jvp(dots, inputs, out, **attrs), out), out.type)
    if isinstance(form, Linear):
        linear = range(len(inputs)) if form.wrt is None else form.wrt
        zeros = tangents(dots, inputs)
        operands = [zeros[i] if i in linear else x for i, x in enumerate(inputs)]
        return apply(op.name, *operands, **attrs)
    terms: list[Value] = []
    for i, dot in enumerate(dots):
        if dot is None:
            continue
        if isinstance(form, Bilinear):
            pair = (dot, inputs[1]) if i == 0 else (inputs[0], dot)
            terms.append(apply(op.name, *pair, **attrs))
            continue
        assert isinstance(form, Partials)
        function = form.functions[i]
        assert function is not None
        term = as_value(function(*inputs, out, **attrs), out) * dot
        terms.append(apply("sum", term, **attrs) if op.kind is Kind.REDUCE else term)
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return broadcast_to(total, out.type)
