"""`pel.explain`: the gradient of a function derived rule by rule, as one would on paper.

In: a scalar function and its arguments. Out: an object whose text is the derivation. Every line is
read off the graph and the rows of its operations; nothing is known here of any particular function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core import display, trees
from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import Graph
from pellucid.runtime import interpreter
from pellucid.transform.arrays import as_array
from pellucid.transform.explainable import Explainable, FunctionCall, called, function_call
from pellucid.transform.grad import argument_numbers, check_scalar
from pellucid.transform.show import with_gradients
from pellucid.transform.trace import arrays
from pellucid.viz.algebra import Known, sympy
from pellucid.viz.call import Call, traced
from pellucid.viz.derivation import Derivation
from pellucid.viz.expression import Expr, Index, free
from pellucid.viz.layout import Page
from pellucid.viz.softmax import probabilities, with_softmaxes

GRADIENT = """
its gradient, from the last line to the first: each is
output gradient × local gradient (the chain rule), summed over all uses
"""


class Explanation:
    """The derivation of a gradient; print it.

    Attributes:
        graph: the function's graph with its gradient behind it: what the lines are read from.
            Where e^z meets its own sum, their quotient stands there too: a probability.
        values: the value of each node at the arguments.
        places: for each node that moves, the position of its gradient in `graph`.
        names: the name of each node of the function.
        function: the lines of the function.
        gradient: the lines of the gradient, from the result to the arguments.
        gradients: for each differentiated argument its gradient as text.
        ranges: how many values each index takes, from 0.
    """

    def __init__(
        self,
        head: str,
        note: str,
        graph: Graph,
        places: dict[int, int],
        values: Sequence[Any],
        derivation: Derivation,
    ):
        self.graph, self.places, self.values = graph, places, list(values)
        self.function, self.gradient = derivation.function, derivation.gradient
        self.names = derivation.names
        page = Page(self.names, self.names[derivation.end])
        rows = [page.function(line) for line in self.function]
        back = [page.gradient(line) for line in self.gradient]
        lines = {line.node: line for line in self.gradient}
        self.gradients = {self.names[n]: page.result(lines[n]) for n in derivation.wrt}
        self.ranges = page.letters.ranges
        bounds = [f"{letter} = 0 … {max(n - 1, 0)}" for letter, n in self.ranges.items() if n]
        parts = [head, *([f"with {', '.join(bounds)}"] if bounds else []), *filter(None, [note])]
        parts += ["", *page.laid_out(rows), GRADIENT, *page.laid_out(back)]
        self._text = "\n".join(parts)

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The text in a notebook, where its lines stay whole."""
        return display.text(self)


@checked
def explain(
    function: Callable[..., Any] | Explainable,
    *args: Any,
    argnums: int | Sequence[int] | None = None,
) -> Explanation:
    """Derives the gradient of a scalar function, or of what a model is trained on, rule by rule.

    The lines of the function come first, one an operation, in index notation; then the gradients
    of these lines from the last to the first:

        ∂J/∂x = Σ over the uses of x of  output gradient × local gradient

    each with the rule it uses, the known gradients put in, and simplified. An array that the
    function only closes over has its variable's name; give it as an argument, and what NumPy does
    to it is part of the derivation too.

    `explain(model, x, y)` derives the gradient of the model's objective with respect to all its
    weights, from the last layer to the first.

    Args:
        function: returns a float scalar, as for `grad`; or a compiled model.
        args: its positional arguments; the data of a model.
        argnums: the arguments of a function that are differentiated, as for `grad`; nested dicts,
            lists and tuples of float arrays are allowed. None: the first alone, and the text says
            how to ask for the others.

    Returns:
        An object whose text is the derivation; `gradients` holds the result for each argument.

    Raises:
        MissingPackageError: if SymPy is not installed.
        ShapeError: if the function does not return a scalar.
        DTypeError: if it does not return a float, or an argument that is differentiated is none.
        ArgumentError: if there are no arguments, or argnums names none of them.
        NotDifferentiableError: where the gradient would pass through argmax, a cast to integers, …

    Example:
        >>> shown = explain(lambda x: np.sin(x) * x, 2.0)
        >>> print("\\n".join(str(shown).splitlines()[-4:]))
          ∂J/∂v1 = x               multiply: ∂(x·y)/∂x = y
          ∂J/∂x  = v1              multiply: ∂(x·y)/∂y = x
                 + ∂J/∂v1·cos(x)   sin: d sin(x)/dx = cos(x)
                 = v1 + x·cos(x)   the sum over 2 uses
        >>> shown.gradients
        {'x': 'v1 + x·cos(x)'}

    Source: the lectures' exercise on the gradient of logistic regression, and their rule *output
    gradient × local gradient*, summed over outgoing edges.
    """
    asked = function_call("explain", function, args)
    if not asked.args:
        raise ArgumentError(
            "explain",
            "expected the arguments of the function behind it, got none",
            "explain(f, x) derives the gradient of f by x.",
        )
    numbers, note = _numbers(asked, argnums)
    call = traced(asked, numbers)
    graph = call.graph
    check_scalar("explain", graph, len(graph.outputs))
    sympy()  # before any work, if it is not there
    graph, softmaxes = with_softmaxes(graph)
    own = probabilities(call.names, graph, softmaxes)
    whole, places = with_gradients(graph, call.wrt)
    operands = [as_array(one, "explain") for one in arrays(call.operands, graph.input_types)]
    values = interpreter.step(whole, operands)
    derivation = Derivation(graph, call.wrt, own, softmaxes, _known(call, values))
    head = _head(asked.function, call)
    return Explanation(head, note, whole, places, values, derivation)


def _numbers(
    call: FunctionCall, argnums: int | Sequence[int] | None
) -> tuple[tuple[int, ...], str]:
    """The arguments that are differentiated, and what is said about those that are not."""
    if call.argnums is not None:
        if argnums is not None:
            raise ArgumentError(
                "explain",
                f"a model is derived with respect to its weights, got argnums={argnums!r}",
                "Leave argnums out. Other gradients are those of a function that calls the model.",
            )
        return call.argnums, ""
    numbers, _ = argument_numbers("explain", 0 if argnums is None else argnums, len(call.args))
    floats = [n for n, arg in enumerate(call.args) if _is_float(arg)]
    rest = [n for n in floats if n not in numbers]
    if argnums is not None or not rest:
        return numbers, ""
    others = ", ".join(call.names[n] for n in rest)
    more = ", ".join(map(str, sorted({*numbers, *rest})))
    note = f"differentiated with respect to {call.names[0]} alone; argnums=({more}) adds {others}"
    return numbers, note


def _is_float(tree: Any) -> bool:
    """Whether an argument can be differentiated: every leaf of it is a float."""
    leaves = trees.leaves_of(tree)
    dtypes = [getattr(leaf, "dtype", type(leaf)) for leaf in leaves]
    return bool(leaves) and all(
        dtype is float or getattr(dtype, "kind", "") == "f" for dtype in dtypes
    )


def _known(call: Call, values: Sequence[Any]) -> Known:
    """What the numbers at hand say: which arguments are classes, and which hold rows of shares."""
    position = {call.names[n]: n for n in call.graph.inputs}

    def given(element: Expr) -> Any:
        """The array of an argument; None for anything else."""
        own = element.head == "element" and element.data[1] is None
        return values[position[element.data[0]]] if own and element.data[0] in position else None

    def classes(labels: Expr, count: int) -> bool:
        found = given(labels)
        whole = found is not None and found.dtype.kind in "iu"
        return bool(whole and np.all((found >= 0) & (found < count)))

    def shares(element: Expr, index: Index) -> bool:
        """Whether an argument sums to 1 over an index, up to rounding."""
        found, places = given(element), element.parts
        if found is None or found.dtype.kind != "f":
            return False
        along = [n for n, place in enumerate(places) if index in free(place)]
        if len(along) != 1 or places[along[0]].head != "index":
            return False
        sums = np.squeeze(found).sum(axis=along[0])
        return bool(np.all(np.abs(sums - 1) <= 4 * index.length * np.finfo(found.dtype).eps))

    return Known(classes, shares)


def _head(function: Callable[..., Any], call: Call) -> str:
    """What is derived: the function and its arguments with their types."""
    graph, end = call.graph, call.names[call.graph.outputs[0]]
    arguments = [f"{call.names[i]}: {graph.nodes[i].type!r}" for i in graph.inputs]
    return f"{end} = {called(function)}({', '.join(arguments)})"
