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
from pellucid.runtime.results import owner
from pellucid.transform.tensor import is_tracked

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


def check_donated(graph: Graph, state: State, given: Sequence[Any], leaves: int) -> None:
    """Refuses arrays that cannot be written over, or not without changing another argument.

    Args:
        given: one operand an input of the graph, as the caller gave it.
        leaves: how many of them are arguments; the function closes over the others.
    """
    for number, _ in state:
        array = given[number]
        if type(array) is not np.ndarray or not (array.flags.carray and array.dtype.isnative):
            raise ArgumentError(
                "jit",
                f"donated {graph.input_names[number]} must be a NumPy array in C order and native "
                f"byte order that can be written, got {_kind(array)}",
                "Hand over a copy: np.array(…, order='C').",
            )
    owners = [
        array if type(array) is np.ndarray and array.base is None else owner(array)
        for array in given
    ]
    if len({id(own) for own in owners}) == len(owners) and all(own is not None for own in owners):
        return
    for number, _ in state:
        own = owners[number]
        for other, one in enumerate(owners):
            # Arrays whose owners are known share numbers only where they have one owner.
            perhaps = other != number and (one is own or one is None or own is None)
            if perhaps and _share(given[number], given[other]):
                raise _shared(graph, number, other, leaves)


def check_no_tensor(operands: Iterable[Any]) -> None:
    """Refuses a Tensor beside donated arrays: its `backward` would read what was written over."""
    if is_tracked(operands):
        raise ArgumentError(
            "jit",
            "donated arrays must come with arrays alone, got a Tensor beside them, as an argument "
            "or closed over",
            "Hand over its numbers, x.numpy(), or leave donate out.",
        )


def _kind(array: Any) -> str:
    if type(array) is not np.ndarray:
        return f"an object of {type(array).__name__}"
    if not array.flags.writeable:
        return "one that is read-only"
    if not array.flags.c_contiguous:
        return "one in another order"
    return f"one of dtype {array.dtype.str}" if array.flags.aligned else "one that is not aligned"


def _shared(graph: Graph, number: int, other: int, leaves: int) -> ArgumentError:
    names = graph.input_names
    what = names[other] if other < leaves else "an array that the function closes over"
    return ArgumentError(
        "jit",
        f"donated {names[number]} must share no memory with anything else that the call reads, got "
        f"{what}, which does",
        "Hand over a copy of one of them.",
    )


def _share(x: Any, y: Any) -> bool:
    if not np.may_share_memory(x, y):  # their bounds are apart
        return False
    try:
        return np.shares_memory(x, y, max_work=10_000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True
