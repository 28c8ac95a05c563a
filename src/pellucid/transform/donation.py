"""Arguments that a caller gives up: results are written over them.

In: a graph, and the inputs that are given up. Out: which result takes the place of which, and, for
each call, whether the arrays that came may be written over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.graph.node import Graph
from pellucid.runtime.results import owns

State = tuple[tuple[int, int], ...]


def donated(graph: Graph, inputs: Iterable[int]) -> State:
    """(input, result) pairs: each of `inputs` with the first result of its type that is free.

    Raises:
        ArgumentError: for one that no result fits.
    """
    free = dict(enumerate(graph.output_types))
    pairs = []
    for number in inputs:
        type = graph.input_types[number]
        fitting = next((result for result, one in free.items() if one == type), None)
        if fitting is None:
            raise ArgumentError(
                "jit",
                f"a result must take the place of each donated array, got none of type {type!r} "
                f"for {graph.input_names[number]}",
                "Donate only what the function returns anew, such as the weights of a step.",
            )
        del free[fitting]
        pairs.append((number, fitting))
    return tuple(pairs)


def check_donated(graph: Graph, state: State, given: Sequence[Any]) -> None:
    """Refuses arrays that cannot be written over, or not without changing another argument.

    Args:
        given: one operand an input of the graph, as the caller gave it.
    """
    taken, own = set(), True
    for number, _ in state:
        array = given[number]
        if type(array) is not np.ndarray or not (array.flags.carray and array.dtype.isnative):
            raise ArgumentError(
                "jit",
                f"donated {graph.input_names[number]} must be a NumPy array in C order that can be "
                f"written, got {_kind(array)}",
                "Hand over a copy: np.array(…, order='C').",
            )
        taken.add(id(array))
        own = own and owns(array)
    # An array that owns its numbers shares them only with itself and with views of it.
    if not own or sum(_stands_on(array, taken) for array in given) > len(taken):
        _check_apart(graph, state, given)


def _stands_on(array: Any, owners: set[int]) -> bool:
    """Whether an array is one of `owners` (their identities), or a view of one."""
    while array is not None:
        if id(array) in owners:
            return True
        array = getattr(array, "base", None)
    return False


def _kind(array: Any) -> str:
    if not isinstance(array, np.ndarray):
        return type(array).__name__
    if not array.flags.writeable:
        return "one that is read-only"
    if not array.flags.c_contiguous:
        return "one in another order"
    return f"{type(array).__name__} {array.dtype.str}"


def _check_apart(graph: Graph, state: State, given: Sequence[Any]) -> None:
    for number, _ in state:
        for other, array in enumerate(given):
            if other != number and np.may_share_memory(given[number], array):
                names = graph.input_names
                raise ArgumentError(
                    "jit",
                    f"donated {names[number]} must share no memory with another argument, got "
                    f"{names[other]}, which does",
                    "Hand over a copy of one of them.",
                )
