"""`check_grad`: derivatives of a function against differences, in random directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core import trees
from pellucid.core.arguments import checked, choice, integer, real
from pellucid.core.arguments import seed as as_seed
from pellucid.core.dtypes import float64
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import TensorType
from pellucid.transform.arrays import as_array, type_of
from pellucid.transform.differences import check_graph
from pellucid.transform.trace import argument_names, trace


@checked
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
        args: the positional arguments in a list or tuple, nested; floats are taken as float64
            and differentiated.
        order: 1 or 2 (or more).
        modes: forward, reverse, or both.
        directions: how many random directions are tried.
        seed: of the directions.
        tolerance: relative to the largest derivative; ten times it for each further order. What
            the differences themselves are in doubt about comes on top.

    Raises:
        GradientError: with direction, order, mode, place, expected and got.

    Example:
        >>> check_grad(lambda x: np.tanh(x) * x, [np.array([0.3, -1.2])])
    """
    if not callable(function):
        raise ArgumentError("check_grad", f"expected a function, got {function!r}")
    if not isinstance(args, (list, tuple)):
        raise ArgumentError("check_grad", f"args must be a list of arguments, got {args!r}")
    integer("check_grad", "order", order, 1, 8)
    integer("check_grad", "directions", directions, 1, 1000)
    as_seed("check_grad", seed)
    real("check_grad", "tolerance", tolerance, 0, 1, open_low=True, open_high=True)
    if not isinstance(modes, (tuple, list)):
        raise ArgumentError("check_grad", f"modes must be a tuple, got {modes!r}")
    for mode in modes:
        choice("check_grad", "mode", mode, ("forward", "reverse"))
    if not modes:
        raise ArgumentError("check_grad", "modes must name forward or reverse, got none")
    leaves, structure = trees.flatten(tuple(args))
    inputs = []
    for leaf in leaves:
        array = np.array(as_array(leaf, "check_grad", exact=True))
        inputs.append(array.astype(np.float64) if array.dtype.kind == "f" else array)
    if not any(x.dtype.kind == "f" for x in inputs):
        raise ArgumentError("check_grad", "args must hold a float, got none")
    wanted = argument_names(function, len(args))
    names = [p for name, arg in zip(wanted, args, strict=True) for p in trees.paths(arg, name)]
    types = [TensorType(float64, x.shape) if x.dtype.kind == "f" else type_of(x) for x in inputs]
    traced = trace(function, types, names, lambda values: (trees.unflatten(structure, values), {}))
    graph = traced.with_constants() if traced.captures else traced.graph
    label = f"check_grad {getattr(function, '__name__', repr(function))}"
    draw = np.random.default_rng(seed)
    for direction in range(1, directions + 1):
        check_graph(
            f"{label}, direction {direction}",
            graph,
            inputs,
            modes=modes,
            order=order,
            draw=draw,
            tolerance=tolerance,
        )
