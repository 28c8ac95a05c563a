"""`check_grad`: derivatives of a function against differences, in random directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core import trees
from pellucid.core.arguments import choice, whole
from pellucid.core.dtypes import float64
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import TensorType
from pellucid.transform.arrays import as_array, type_of
from pellucid.transform.numerical import check_graph
from pellucid.transform.trace import argument_names, trace


def check_grad(
    function: Callable[..., Any],
    args: Sequence[Any],
    *,
    order: int = 2,
    modes: Sequence[str] = ("forward", "reverse"),
    directions: int = 3,
    seed: int = 0,
    tolerance: float = 1e-5,
) -> None:
    """Checks the derivatives of a function at a point against central differences, in float64.

    For random directions v and cotangents u it compares J·v (forward mode) and uᵀ·J·v (reverse
    mode) with differences of f, and for `order` 2 the same for the gradient's own derivative.

    Args:
        function: takes `args`; returns arrays in any nesting.
        args: the positional arguments, nested; floats are taken as float64 and differentiated.
        order: 1 or 2 (or more).
        modes: forward, reverse, or both.
        directions: how many random directions are tried.
        tolerance: relative to the largest derivative.

    Raises:
        GradientError: with mode, place, expected and got.

    Example:
        >>> check_grad(lambda x: np.tanh(x) * x, [np.array([0.3, -1.2])])
    """
    if not callable(function):
        raise ArgumentError("check_grad", f"expected a function, got {function!r}")
    whole("check_grad", "order", order, 1)
    whole("check_grad", "directions", directions, 1)
    for mode in modes:
        choice("check_grad", "mode", mode, ("forward", "reverse"))
    leaves, structure = trees.flatten(tuple(args))
    inputs = []
    for leaf in leaves:
        array = np.array(as_array(leaf, "check_grad", exact=True))
        inputs.append(array.astype(np.float64) if array.dtype.kind == "f" else array)
    if not any(x.dtype.kind == "f" for x in inputs):
        raise ArgumentError("check_grad", "args must hold a float, got none")
    names = trees.paths(tuple(args), "x") if leaves else []
    types = [TensorType(float64, x.shape) if x.dtype.kind == "f" else type_of(x) for x in inputs]
    traced = trace(function, types, names, lambda values: (trees.unflatten(structure, values), {}))
    graph = traced.with_constants() if traced.captures else traced.graph
    label = getattr(function, "__name__", None) or argument_names(function, 0)
    draw = np.random.default_rng(seed)
    for _ in range(directions):
        check_graph(
            f"check_grad {label}", graph, inputs, modes=modes, order=order, draw=draw,
            tolerance=tolerance,
        )  # fmt: skip
