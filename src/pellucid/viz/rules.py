"""The rule behind a step of a derivation, in words and as a formula.

In: a node and the input whose gradient is asked. Out: what one use hands on, as an expression, and
the rule that says so. Both are read off the row's own derivative: the functions that write the
gradient's graph are run on a graph of one node, so that a user's own row is no exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.autodiff.reverse import contributions
from pellucid.graph.node import Graph, Node, TensorType
from pellucid.ops.spec import Bilinear, Kind, Linear, Op, Rules, lookup
from pellucid.ops.value import Builder, records
from pellucid.viz.algebra import simplified
from pellucid.viz.expression import ONE, Expr, at, element, function
from pellucid.viz.formatting import Letters
from pellucid.viz.indexing import Indexed, read


@dataclass(frozen=True)
class Use:
    """One use of a tensor: as input `i` of `node`.

    Args:
        types: the types of all inputs of the node.
        inputs: what stands for them.
        out: what stands for the result.
    """

    node: Node
    i: int
    types: tuple[TensorType, ...]
    inputs: tuple[Indexed, ...]
    out: Indexed


@records
def contribution(use: Use, ct: Indexed) -> Indexed | None:
    """Output gradient × local gradient: what one use adds to the gradient of its input.

    Args:
        ct: the output gradient.

    Returns:
        The expression, or None where the row's rule hands nothing on.
    """
    builder = Builder()
    with builder:
        values = [builder.input(f"x{n}", type) for n, type in enumerate(use.types)]
        result = builder.input("out", use.node.type)
        gradient = builder.input("ct", use.node.type)
        found = dict(contributions(use.node, gradient, values, result, [use.i]))
        if use.i not in found:
            return None
        graph = builder.graph([found[use.i]])
    return _read(graph, [*use.inputs, use.out, ct])


def _read(graph: Graph, inputs: Sequence[Indexed]) -> Indexed:
    """The output of a small graph in terms of its inputs."""
    formulas: dict[int, Indexed] = dict(zip(graph.inputs, inputs, strict=True))
    for position, node in enumerate(graph.nodes):
        if position not in formulas:
            formulas[position] = read(node, [formulas[source] for source in node.inputs])
    return formulas[graph.outputs[0]]


def rule(use: Use) -> str:
    """The rule by which a gradient passes from the result of a node to one of its inputs."""
    row = lookup(use.node.op)
    form = row.derivative
    if isinstance(form, Rules):
        return f"{row.name}: {form.why}"
    if row.kind is Kind.ELEMENTWISE:
        return f"{row.name}: {_local(row, use)}"
    if isinstance(form, Bilinear) and not row.user:
        return _product(use)
    if row.kind is Kind.REDUCE and isinstance(form, Linear):
        return f"{row.name}: the derivative of a sum is the sum of the derivatives"
    if row.kind is Kind.REDUCE:
        return f"{row.name}: {row.doc[0].lower()}{row.doc[1:].rstrip('.')}"
    if row.kind in (Kind.MOVEMENT, Kind.GATHER):
        return f"{row.name}: each gradient goes back to where its element came from"
    return f"{row.name}: by its own rule"


def _product(use: Use) -> str:
    """The rule of a product whose axes are paired, with Σ where some are summed."""
    x, y = ("x", "y") if use.i == 0 else ("y", "x")
    if not use.node.attr("summed"):
        return f"product: ∂(x·y)/∂{x} = {y}"
    return f"dot product: ∂(Σ_k x_k·y_k)/∂{x}_k = {y}_k"


def matrix_form(use: Use, ct: Expr) -> str:
    """`xᵀ·∂J/∂out`: what a product of two matrices hands on, where all three have a name."""
    summed = use.node.attr("summed")
    names = [_matrix(use.inputs[0]), _matrix(use.inputs[1]), _matrix(Indexed(use.out.axes, ct))]
    if len(summed) != 1 or use.node.attr("batch") or not all(names):
        return ""
    (a, b), (x, y, delta) = summed[0], names
    if use.i == 0:  # out = x·y with x as (N, K), y as (K, M)
        return f"{delta}·{y}{'ᵀ' * (b == 0)}" if a == 1 else f"{y}{'ᵀ' * (b == 1)}·{delta}ᵀ"
    return f"{x}{'ᵀ' * (a == 1)}·{delta}" if b == 0 else f"{delta}ᵀ·{x}{'ᵀ' * (a == 0)}"


def _matrix(formula: Indexed) -> str:
    """The name of a matrix that stands with its axes in their order; else nothing."""
    plain = tuple(at(axis) for axis in formula.axes)
    two = len(plain) == 2 and all(axis.length != 1 for axis in formula.axes)
    return str(formula.expr.data[0]) if two and formula.expr.parts == plain else ""


def _local(row: Op, use: Use) -> str:
    """`d ln(x)/dx = 1/x`: the row's own local gradient, of letters instead of tensors.

    An operand that is a number in this use stays one: d(x/5)/dx = 1/5.
    """
    letters = [
        formula.expr if formula.expr.head == "num" and n != use.i else element(name, ())
        for n, (name, formula) in enumerate(zip(row.inputs, use.inputs, strict=True))
    ]
    result = letters[0] if row.name == "cast" else function(row.name, *letters)
    types = tuple(TensorType(type.dtype, ()) for type in use.types)
    one = Node(row.name, (), use.node.attrs, TensorType(use.node.type.dtype, ()))
    formulas = tuple(
        Indexed((), letter, type.dtype.kind == "b")
        for letter, type in zip(letters, types, strict=True)
    )
    local = contribution(Use(one, use.i, types, formulas, Indexed((), result)), Indexed((), ONE))
    write = Letters(())
    several = sum(letter.head == "element" for letter in letters) > 1
    sign, shown, name = "∂" if several else "d", write.closed(result), row.inputs[use.i]
    gap = "" if several or shown.startswith("(") else " "
    right = "0" if local is None else write.write(simplified(local.expr))
    return f"{sign}{gap}{shown}/{sign}{name} = {right}"
