"""Derivatives by differences: a method of its own, and the check behind `pel.op` and `check_grad`.

In: a function or a graph. Out: numbers in float64, from the definition of the derivative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid import autodiff
from pellucid.core import trees
from pellucid.core.arguments import choice, real
from pellucid.core.errors import GradientError, ShapeError
from pellucid.graph.node import Graph
from pellucid.runtime.interpreter import Interpreter
from pellucid.transform.arrays import as_array
from pellucid.transform.grad import argument_numbers

Array = np.ndarray[Any, Any]

# The step that balances the truncation against the rounding: ε^(1/3) and ε^(1/2) of float64.
_STEPS = {"central": 6e-6, "forward": 1.5e-8, "backward": 1.5e-8}


def numerical_grad(
    function: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    method: str = "central",
    step: float | None = None,
) -> Callable[..., Any]:
    """The gradient of a scalar function by differences, one element at a time.

    central: (f(x+h) - f(x-h)) / 2h, error O(h²), two calls an element;
    forward: (f(x+h) - f(x)) / h, error O(h), one call an element and one more;
    backward: (f(x) - f(x-h)) / h, likewise.

    Args:
        function: takes float64 arrays, returns a scalar.
        argnums: as in `grad`; nested arguments are allowed.
        method: central, forward or backward.
        step: h relative to max(1, |x|); None takes the best for float64.

    Returns:
        A function of the same arguments: float64 arrays nested like them.

    Example:
        >>> round(float(numerical_grad(lambda x: x**3)(2.0)), 6)
        12.0
    """
    choice("numerical_grad", "method", method, _STEPS)
    relative = _STEPS[method] if step is None else step
    real("numerical_grad", "step", relative, 0, open_low=True)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        numbers, single = argument_numbers("numerical_grad", argnums, len(args))
        wide = list(args)
        for number in numbers:
            wide[number] = trees.map_leaves(
                lambda leaf: np.array(as_array(leaf, "numerical_grad", exact=True), np.float64),
                args[number],
            )

        def value() -> float:
            result = np.asarray(function(*wide, **kwargs), np.float64)
            if result.shape != ():
                raise ShapeError(
                    "numerical_grad", f"the function must return a scalar (), got {result.shape}"
                )
            return float(result)

        slopes = tuple(
            trees.map_leaves(lambda leaf: _differences(value, leaf, method, relative), wide[number])
            for number in numbers
        )
        return slopes[0] if single else slopes

    return gradient


def _differences(value: Callable[[], float], x: Array, method: str, relative: float) -> Array:
    """The slope along each element of `x`, which is moved in place and put back."""
    slope = np.zeros_like(x)
    middle = value() if method != "central" else 0.0
    for place in np.ndindex(x.shape):
        kept = x[place]
        h = relative * max(1.0, abs(float(kept)))
        above, below = kept + h, kept - h
        high = low = middle
        if method != "backward":
            x[place] = above
            high = value()
        if method != "forward":
            x[place] = below
            low = value()
        x[place] = kept
        upper = above if method != "backward" else kept
        lower = below if method != "forward" else kept
        slope[place] = (high - low) / (upper - lower)
    return slope


def directional(graph: Graph, inputs: Sequence[Array], dots: Mapping[int, Array]) -> list[Array]:
    """d/dh of every float output along `dots`, a direction for some inputs, by differences.

    Source: Richardson's extrapolation of two central differences, error O(h⁴).
    """
    program = Interpreter(graph)

    def outputs(h: float) -> list[Array]:
        moved = [x + h * dots[i] if i in dots else x for i, x in enumerate(inputs)]
        return [out for out in program(moved) if out.dtype.kind == "f"]

    size = max([1.0, *(float(np.abs(inputs[i]).max(initial=0)) for i in dots)])
    h = 3e-4 * size
    pairs = zip(outputs(h), outputs(-h), outputs(h / 2), outputs(-h / 2), strict=True)
    return [(4 * (c - d) / h - (a - b) / (2 * h)) / 3 for a, b, c, d in pairs]


def check_graph(
    where: str,
    graph: Graph,
    inputs: Sequence[Array],
    *,
    modes: Sequence[str] = ("forward", "reverse"),
    order: int = 1,
    level: int = 1,
    draw: np.random.Generator,
    tolerance: float = 1e-5,
    held: Sequence[int] = (),
) -> None:
    """Compares the derivatives of a float64 graph with differences in one random direction.

    Args:
        held: inputs that take no gradient on purpose, and stay where they are.

    Raises:
        GradientError: naming mode, order, what was expected and what came.
    """
    wrt = [i for i, x in enumerate(inputs) if x.dtype.kind == "f" and i not in held]
    dots = [np.asarray(draw.normal(size=inputs[i].shape)) for i in wrt]
    floats = [i for i, type in enumerate(graph.output_types) if type.dtype.is_float]
    cts = [np.asarray(draw.normal(size=_shape(graph.output_types[i].shape))) for i in floats]
    expected = directional(graph, inputs, dict(zip(wrt, dots, strict=True)))
    count = len(graph.outputs)
    label = f"{where}, order {level}" if level > 1 else where
    if "forward" in modes:
        moved = Interpreter(autodiff.jvp(graph, wrt))([*inputs, *dots])[count:]
        for number, (got, wanted) in enumerate(zip(moved, expected, strict=True)):
            _compare(label, f"forward mode, output {number}", got, wanted, inputs, tolerance)
    backward = autodiff.vjp(graph, wrt)
    if "reverse" in modes:
        slopes = Interpreter(backward)([*inputs, *cts])[count:]
        got = sum(float((slope * dot).sum()) for slope, dot in zip(slopes, dots, strict=True))
        terms = [(ct * wanted).sum() for ct, wanted in zip(cts, expected, strict=True)]
        wanted_sum = np.asarray(float(sum(terms)))
        _compare(label, "reverse mode", np.asarray(got), wanted_sum, inputs, tolerance)
    if level < order:
        check_graph(
            where, backward, [*inputs, *cts], modes=modes, order=order, level=level + 1, draw=draw,
            tolerance=10 * tolerance, held=held,
        )  # fmt: skip


def _shape(shape: Sequence[Any]) -> tuple[int, ...]:
    return tuple(dim for dim in shape if isinstance(dim, int))


def _compare(
    where: str, what: str, got: Array, expected: Array, inputs: Sequence[Array], tolerance: float
) -> None:
    scale = max([1.0, *map(float, np.abs(expected[np.isfinite(expected)]).ravel())])
    wrong = ~(np.abs(got - expected) <= tolerance * scale)
    if not wrong.any():
        return
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    spot = f" at {place}" if place else ""
    shown = [np.array2string(x, precision=4, threshold=6, separator=", ") for x in inputs[:3]]
    points = " ".join("; ".join(shown).split())
    raise GradientError(
        where,
        f"{what} must give {float(expected[place]):.6g}{spot}, got {float(got[place]):.6g}, "
        f"for inputs {points}",
        "The derivative does not belong to the forward.",
    )


def samples(
    interval: tuple[float, float], shape: tuple[int, ...], draw: np.random.Generator
) -> Array:
    """Random points of an interval, away from whole numbers, where kinks tend to sit."""
    low, high = interval
    x = draw.uniform(low, high, size=shape)
    near = np.abs(x - np.round(x)) < 1e-2 * min(1.0, high - low)
    nudged = np.clip(x + math.copysign(0.03, high - low) * near * (high - low), low, high)
    return np.asarray(nudged)
