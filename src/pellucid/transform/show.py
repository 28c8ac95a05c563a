"""`pel.show`: the graph of a function as text, forward and backward, one line a node, with values.

In: a function and its arguments, or a computed Tensor. Out: an object whose text is the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.autodiff import reverse
from pellucid.autodiff.cotangents import Activity
from pellucid.core import display, trees
from pellucid.core.arguments import checked, flag
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import CONST, INPUT, Graph
from pellucid.graph.printer import names
from pellucid.graph.text import print_graph
from pellucid.ops.spec import ZeroGradient, lookup
from pellucid.ops.value import Builder, number, records
from pellucid.runtime import interpreter
from pellucid.transform.arrays import as_array
from pellucid.transform.explainable import Explainable, FunctionCall, function_call, no_numbers
from pellucid.transform.recording import recorded
from pellucid.transform.stages import Stage, staged
from pellucid.transform.tensor import Tensor
from pellucid.transform.trace import arrays, is_abstract, leaf_type, trace

Array = np.ndarray[Any, Any]


def short(value: Array) -> str:
    """A value in one line: all of it if it is small, else its range and mean."""
    if value.size == 0:
        return "empty"
    if value.ndim == 0:
        return _number(value.item())
    if value.size <= 12:
        return _nested(value)
    if value.dtype.kind == "b":
        return f"{int(value.sum())} of {value.size} true"
    low, high, mean = value.min(), value.max(), value.mean()
    return f"{_number(low.item())} … {_number(high.item())}, mean {_number(mean.item())}"


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if value else "0"
    return str(value)


def _nested(value: Array) -> str:
    if value.ndim == 0:
        return _number(value.item())
    return f"[{', '.join(_nested(item) for item in value)}]"


class Shown:
    """A graph with its values; print it.

    Attributes:
        graph: the function's graph, with the gradient behind it where there is one.
        values: the value of each node, empty if none were asked for.
        forward: how many nodes belong to the function itself.
        notes: for each node, of what it is the gradient.
    """

    def __init__(self, graph: Graph, values: Sequence[Array], forward: int, notes: Sequence[str]):
        self.graph, self.values, self.forward, self.notes = graph, list(values), forward, notes

    def __str__(self) -> str:
        shown = [short(value) for value in self.values] or [""] * len(self.graph)
        notes = ["   ".join(filter(None, pair)) for pair in zip(shown, self.notes, strict=True)]
        head, *rows = print_graph(self.graph, notes).rstrip().splitlines()
        if not self.values:
            rows = [row.replace("→ ", "", 1) for row in rows]  # only notes stand there
        inputs = len(self.graph.inputs)
        border = self.forward if self.values else self.forward - inputs
        parts = [head, *rows[:border]]
        if self.forward < len(self.graph):
            parts += ["", "backward", *rows[border:-1], ""]
        return "\n".join([*parts, rows[-1]])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The text in a notebook, where its lines stay whole."""
        return display.text(self)


@checked
def show(
    target: Callable[..., Any] | Explainable | Tensor,
    *args: Any,
    backward: bool = True,
    values: bool = True,
    stage: str | None = None,
) -> Shown | Stage:
    """The graph of a function at its arguments, of a model on data, or of a computed Tensor.

    Where the result is one float scalar, the gradient with respect to every float argument stands
    behind it. Each line says name, type, operation, value, and for the backward part of what the
    line is the gradient.

    `show(model, x)` is the graph of a prediction, its weights by name; `show(model, x, y)` that of
    the objective, with the gradients of all weights.

    Args:
        target: a function of arrays, a model, or a Tensor.
        args: the arguments of the function, nested; the data of a model; none behind a Tensor.
        backward: whether the gradient is shown too, where there is one.
        values: whether values are computed and shown.
        stage: how far to go towards machine code: behind which pass (fold, simplify, cse, dce,
            unfold, channelwise, lower, fuse, schedule, inplace, arena), or to its text ("llvm",
            "assembly"). None shows the graph as it is traced.

    Example:
        >>> print(str(show(Tensor(3.0) * Tensor(-5.0), values=False)).splitlines()[0])
        graph(x0: f64[], x1: f64[])
    """
    flag("show", "backward", backward)
    flag("show", "values", values)
    if isinstance(target, Tensor):
        if args:
            raise ArgumentError(
                "show",
                f"a Tensor takes no further arguments, got {len(args)}",
                "Write pel.show(tensor), or give the function that computed it.",
            )
        if is_abstract(target):
            raise no_numbers("show")
        graph, leaves, _ = recorded(target)
        operands: list[Any] = [tensor.data for tensor in leaves]
        asked = [i for i, tensor in enumerate(leaves) if tensor.tracked]
    else:
        graph, operands, asked = _function(function_call("show", target, args))
    if stage is not None:
        return staged(
            _with_gradient(graph, operands, asked if backward else [], False).graph, stage
        )
    return _with_gradient(graph, operands, asked if backward else [], values)


def _function(call: FunctionCall) -> tuple[Graph, list[Any], list[int]]:
    """The graph, what its inputs are bound to, and the inputs whose gradient is asked for."""
    leaves, structure = trees.flatten(call.args)
    types = [leaf_type(leaf, "show") for leaf in leaves]
    traced = trace(
        call.function,
        types,
        call.leaf_names,
        lambda values: (trees.unflatten(structure, values), {}),
        leaves,
    )
    if not traced.graph.outputs:
        raise ArgumentError(
            "show", "the function must return a result, got none", "End it with return."
        )
    operands = arrays(traced.operands(leaves), traced.graph.input_types)
    asked = [  # not what the function closes over
        i for i, owner in enumerate(call.owners) if call.argnums is None or owner in call.argnums
    ]
    return traced.graph, [as_array(operand, "show") for operand in operands], asked


def _with_gradient(
    graph: Graph, operands: Sequence[Array], asked: Sequence[int], values: bool
) -> Shown:
    """The graph with the gradient of the inputs `asked` behind it where it has one."""
    wrt = [i for i in asked if graph.nodes[i].type.dtype.is_float]
    output = graph.output_types[0] if len(graph.outputs) == 1 else None
    scalar = output is not None and output.shape == () and output.dtype.is_float
    forward = len(graph.nodes)
    notes = [_note(graph, position) for position in range(forward)]
    if scalar and wrt:
        graph, notes = _backward(graph, wrt, notes)
    computed = interpreter.step(graph, operands) if values else []
    return Shown(graph, computed, forward, notes)


def _note(graph: Graph, position: int) -> str:
    """Why a node hands no gradient on, where that is so."""
    node = graph.nodes[position]
    if node.op in (INPUT, CONST) or not node.inputs:
        return ""
    form = lookup(node.op).derivative
    return f"gradient 0: {form.why}" if isinstance(form, ZeroGradient) else ""


def _backward(graph: Graph, wrt: list[int], notes: list[str]) -> tuple[Graph, list[str]]:
    """The gradients behind the nodes of `graph`, and what each is the gradient of."""
    whole, places = with_gradients(graph, wrt)
    name = names(graph)
    of: dict[int, list[str]] = {}
    for position, place in places.items():
        of.setdefault(place, []).append(f"∂{name[graph.outputs[0]]}/∂{name[position]}")
    extra = [", ".join(of.get(i, ())) for i in range(len(graph), len(whole))]
    return whole, notes + extra


@records
def with_gradients(graph: Graph, wrt: Sequence[int]) -> tuple[Graph, dict[int, int]]:
    """The gradient of every node that moves, behind the nodes of `graph` as they stand.

    Returns:
        The graph, and for each node that moves with the inputs `wrt` where its gradient is.
    """
    moving = [i for i, active in enumerate(Activity(graph, wrt).active) if active]
    end = graph.outputs[0]
    builder = Builder()
    with builder:
        inputs = [
            builder.input(n, t) for n, t in zip(graph.input_names, graph.input_types, strict=True)
        ]
        values = builder.copy(graph, inputs)
        builder.share()
        with builder.at(None):
            one = number(1, graph.nodes[end].type.dtype)
        gradients = reverse.backward(builder, graph, values, [(end, one)], wrt, moving)
        outputs = [g for i, g in zip(moving, gradients, strict=True) if i in wrt]
        whole = builder.graph([values[end], *outputs])
    return whole, {i: g.position for i, g in zip(moving, gradients, strict=True)}
