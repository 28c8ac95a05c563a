"""The graph that is explained, and a person's own names for its nodes."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.core import trees
from pellucid.graph.node import Graph
from pellucid.graph.printer import names
from pellucid.ops.value import Value
from pellucid.transform.explainable import FunctionCall
from pellucid.transform.grad import check_floats
from pellucid.transform.trace import Traced, leaf_type, trace, unique

RESULT = "J"  # the cost, as the lectures call it


@dataclass(frozen=True)
class Call:
    """A traced call.

    Args:
        operands: what the graph's inputs are bound to.
        wrt: the inputs that are differentiated.
        names: the name of each node.
    """

    graph: Graph
    operands: list[Any]
    wrt: list[int]
    names: list[str]


def traced(call: FunctionCall, numbers: Sequence[int], where: str = "explain") -> Call:
    """The graph of a call in which every array of the arguments is an input, if it can be.

    A function may want the numbers of an argument that is not differentiated, as the size of a loop
    or an index of NumPy's. Then those arguments are given as they are, as `grad` does.
    """
    with contextlib.suppress(Exception):  # what `grad` refuses too is raised by the second try
        return _traced(call, numbers, where, every=True)
    return _traced(call, numbers, where, every=False)


def _traced(call: FunctionCall, numbers: Sequence[int], where: str, every: bool) -> Call:
    flat = [trees.flatten(arg) for arg in call.args]
    paths, leaves = call.leaf_names, call.leaves
    asked = [owner in numbers for owner in call.owners]
    chosen = [
        n
        for n, leaf in enumerate(leaves)
        if asked[n] or (every and (hasattr(leaf, "dtype") or isinstance(leaf, (Value, float))))
    ]
    types = [leaf_type(leaves[n], where) for n in chosen]
    wrt = [k for k, n in enumerate(chosen) if asked[n]]
    check_floats(where, [paths[chosen[k]] for k in wrt], [types[k] for k in wrt])

    def rebuild(values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        filled = list(leaves)
        for n, value in zip(chosen, values, strict=True):
            filled[n] = value
        rest = iter(filled)
        return tuple(trees.unflatten(s, [next(rest) for _ in own]) for own, s in flat), {}

    found = trace(
        call.function, types, [paths[n] for n in chosen], rebuild, [leaves[n] for n in chosen]
    )
    own = dict(zip(map(id, leaves), paths, strict=True))
    operands = found.operands([leaves[n] for n in chosen])
    return Call(found.graph, operands, wrt, _names(found, _variables(call.function) | own))


def _names(found: Traced, known: dict[int, str]) -> list[str]:
    """A name for each node: arrays by the variable that holds them, the result as J."""
    graph = found.graph
    result = names(graph)
    visible = len(graph.inputs) - len(found.captures)
    hidden = [
        known.get(id(capture), result[graph.inputs[visible + n]])
        for n, capture in enumerate(found.captures)
    ]
    given = [result[i] for i in graph.inputs[:visible]]
    for position, name in zip(graph.inputs, unique([*given, *hidden]), strict=True):
        result[position] = name
    end = graph.outputs[0] if graph.outputs else 0
    if graph.outputs and end not in graph.inputs:
        result[end] = RESULT
        while result.count(result[end]) > 1:
            result[end] += "_"
    return result


def _variables(function: Callable[..., Any]) -> dict[int, str]:
    """The variables that a function closes over: the id of each value, and its name."""
    try:
        outer = inspect.getclosurevars(function)
    except TypeError:  # no Python function
        return {}
    return {id(value): name for name, value in {**outer.globals, **outer.nonlocals}.items()}
