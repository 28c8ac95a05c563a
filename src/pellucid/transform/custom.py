"""`pel.op`: an operation of a person's own, with its forward and its local gradient.

It is a row like every other: checked when it is defined, differentiable in both modes to any order,
traced through its own forward. A wrong gradient never enters the table.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError
from pellucid.core.shapes import broadcast
from pellucid.graph.node import CONST, Graph, TensorType
from pellucid.ops.spec import FLOATS, REGISTRY, Kind, Op, lookup, same_dtype
from pellucid.ops.value import Builder, Value, apply, cast, exactly, float_dtype, records
from pellucid.transform.definition import (
    PLAIN,
    Shapes,
    check,
    check_name,
    forward_graph,
    read_form,
    read_inputs,
    read_intervals,
    read_shapes,
)


class CustomOp:
    """A person's own operation: call it on Tensors, arrays and numbers. `op` is its row."""

    def __init__(self, row: Op):
        self.op = row
        self.__name__ = row.name
        self.__doc__ = row.doc
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(name, PLAIN) for name in row.inputs]
        )

    def __call__(self, *operands: Any, **named: Any) -> Value:
        try:
            given = self.__signature__.bind(*operands, **named).args
        except TypeError as error:
            expected = f"expected {', '.join(self.op.inputs)}, got another call: {error}"
            raise ArgumentError(self.op.name, expected) from None
        given = tuple(map(exactly, given))
        dtype = float_dtype(self.op.name, given)
        return apply(self.op.name, *(cast(operand, dtype) for operand in given))

    def __repr__(self) -> str:
        return f"op {self.op.name}({', '.join(self.op.inputs)})"


@checked
def op(
    name: str,
    forward: Callable[..., Any],
    derivative: Any,
    *,
    samples: tuple[float, float] | Sequence[tuple[float, float]] = (-2.0, 2.0),
    shapes: Shapes | None = None,
    type_rule: Callable[..., tuple[int, ...]] | None = None,
    formula: str = "",
    doc: str = "",
) -> CustomOp:
    """Defines an operation, after checking its gradient.

    Args:
        name: a word of your own; defining it again replaces it wherever the name is used.
        forward: `forward(xp, x, …)` computes with functions of the array namespace `xp`.
        derivative: one function a differentiated input, `d(x, …, out)` giving the local gradient
            ∂out/∂x (a tuple of them for several inputs, None for an input without gradient), or
            a form of `pellucid.ops.spec`: Linear, Bilinear, Rules, ZeroGradient, … They compute
            with operators and functions of `pellucid.numpy`.
        samples: the interval where it is checked; one for all inputs or one each.
        shapes: shapes of the inputs it is checked with; needed with `type_rule`.
        type_rule: `type_rule(*shapes)` gives the shape of the result; by default inputs broadcast
            and the operation acts on each element.
        formula: LaTeX. doc: one sentence.

    Returns:
        A function on Tensors, arrays and numbers.

    Raises:
        GradientError: if the derivative does not belong to the forward; nothing is defined then.
        ShapeError: if the forward gives another shape or dtype than the rule says.

    A forward that cannot be traced into rows is kept, with one warning: the interpreter runs it.

    Example:
        >>> cube = op(
        ...     "cube",
        ...     forward=lambda xp, x: x * x * x,
        ...     derivative=lambda x, out: 3 * x * x,
        ... )
        >>> cube(2.0)
        Tensor(8., dtype=float64)
    """
    where = f"op {name}"
    check_name(where, name)
    for label, text in (("formula", formula), ("doc", doc)):
        if not isinstance(text, str):
            raise ArgumentError(where, f"{label} must be a text, got {type(text).__name__}")
    inputs = read_inputs(where, forward)
    form = read_form(where, derivative, inputs)
    intervals = read_intervals(where, samples, len(inputs))
    if type_rule is not None and shapes is None:
        raise ArgumentError(where, "an operation with a type_rule needs shapes= to be checked with")
    tried = [(16, 2)] * len(inputs) if shapes is None else read_shapes(where, shapes, len(inputs))
    row = Op(
        name,
        Kind.ELEMENTWISE if type_rule is None else Kind.CONTRACT,
        inputs,
        (),
        _rule(where, inputs, type_rule),
        forward,
        form,
        samples=intervals,
        accepts=FLOATS,
        formula=formula,
        doc=doc or f"{name}, an operation of your own.",
        user=True,
    )
    obstacle = check(where, row, tried)
    if obstacle is not None:
        warnings.warn(
            f"{where}: the forward cannot be traced ({obstacle}); it runs in the interpreter and "
            "cannot be saved in a model file",
            stacklevel=3,
        )
    return CustomOp(row)


def _rule(
    where: str, inputs: tuple[str, ...], type_rule: Callable[..., tuple[int, ...]] | None
) -> Callable[..., TensorType]:
    def rule(*types: TensorType) -> TensorType:
        dtype = same_dtype(where, inputs, types)
        shapes = [type.shape for type in types]
        shape = broadcast(where, *shapes) if type_rule is None else tuple(type_rule(*shapes))
        return TensorType(dtype, shape)

    return rule


__all__ = ["CustomOp", "forward_graph", "op"]


def in_rows(graph: Graph) -> Graph:
    """`graph` with each operation of a person's own replaced by the rows of its forward.

    Where its derivative leaves out an input, the rows hold the gradient of that input back too.

    Raises:
        PellucidError: where a forward cannot be traced.
    """
    while any(op in REGISTRY and REGISTRY[op].user for op in {node.op for node in graph.nodes}):
        graph = _expanded(graph)
    return graph


@records
def _expanded(graph: Graph) -> Graph:
    """One level of operations written out."""
    builder = Builder()
    with builder:
        place: list[Value] = []
        for position, node in enumerate(graph.nodes):
            if position in graph.inputs:
                place.append(builder.input(node.attr("name"), node.type))
            elif node.op == CONST:
                place.append(builder.const(node.attr("name"), graph.consts[node.attr("name")]))
            else:
                op, sources = lookup(node.op), [place[i] for i in node.inputs]
                if op.user:
                    inner = forward_graph(op, [value.type for value in sources])
                    held = [_held(builder, op, i, value) for i, value in enumerate(sources)]
                    place.append(builder.inline(inner, held)[0])
                else:
                    place.append(builder.apply(op, sources, dict(node.attrs)))
        return builder.graph([place[i] for i in graph.outputs])


def _held(builder: Builder, op: Op, i: int, value: Value) -> Value:
    """The input `i` of `op`, behind stop_gradient where the derivative leaves it out."""
    if op.differentiable(i) or not value.type.dtype.is_float:
        return value
    return builder.apply(lookup("stop_gradient"), [value], {})
