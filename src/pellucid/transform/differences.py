"""Derivatives of graphs held against differences: the check behind `pel.op` and `check_grad`.

In: a graph, and a point. Out: nothing, or an error that says which derivative is wrong and where.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid import autodiff
from pellucid.core.errors import GradientError
from pellucid.graph.node import Graph
from pellucid.runtime.interpreter import Interpreter

Array = np.ndarray[Any, Any]

_ROUNDING = 1e-11  # how much of a derivative by differences is rounding, for outputs of size 1
_STEP = 3e-4  # of differences, for inputs of size 1
_PARTS = (1.0, 1 / 64, 1 / 4096)  # of it: smaller ones see less of a kink beside the point


class Slope(NamedTuple):
    """A derivative by differences, how far it may be off, and the size of what was measured."""

    value: Array
    doubt: float
    size: float


def directional(
    graph: Graph,
    inputs: Sequence[Array],
    dots: Mapping[int, Array],
    least: float = 1.0,
    part: float = 1.0,
) -> list[Slope]:
    """d/dh of every float output along `dots`, a direction for some inputs, by differences.

    Source: Richardson's extrapolation of two central differences, error O(h⁴). A second one with
    half the step tells how far the first may be off.

    Args:
        part: of the usual step; a small one has more rounding.
    """
    program = Interpreter(graph)

    def outputs(h: float) -> list[Array]:
        moved = [
            (x + h * dots[i]).astype(x.dtype) if i in dots else x for i, x in enumerate(inputs)
        ]
        return [out.astype(np.float64) for out in program(moved) if out.dtype.kind == "f"]

    def central(h: float) -> list[Array]:
        pairs = zip(outputs(h), outputs(-h), strict=True)
        return [(above - below) / (2 * h) for above, below in pairs]

    h = part * _STEP * max([1.0, *(float(np.abs(inputs[i]).max(initial=0)) for i in dots)])
    result = []
    with np.errstate(all="ignore"):
        steps = (central(h), central(h / 2), central(h / 4), outputs(0.0))
        for whole, half, quarter, out in zip(*steps, strict=True):
            value, again = (4 * half - whole) / 3, (4 * quarter - half) / 3
            size = max(least, _largest(out)) / part
            result.append(Slope(value, _largest(value - again), size))
    return result


def _largest(x: Array) -> float:
    return float(np.abs(x).max(initial=0))


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
    least: float = 1.0,
) -> None:
    """Compares the derivatives of a float64 graph with differences in one random direction.

    Args:
        held: inputs that take no gradient on purpose, and stay where they are.
        least: the size from which a value counts: what cancels below it may be rounding.

    Raises:
        GradientError: naming mode, order, what was expected and what came.
    """
    wrt = [i for i, x in enumerate(inputs) if x.dtype.kind == "f" and i not in held]
    dots = [np.asarray(draw.normal(size=inputs[i].shape)).astype(inputs[i].dtype) for i in wrt]
    types = [type for type in graph.output_types if type.dtype.is_float]
    cts = [np.asarray(draw.normal(size=_shape(t.shape))).astype(t.dtype.name) for t in types]
    along = dict(zip(wrt, dots, strict=True))
    tried = (directional(graph, inputs, along, least, part) for part in _PARTS)
    slopes = next((one for one in tried if all(map(_has_settled, one))), None)
    if slopes is None:
        slopes = directional(graph, inputs, along, least)
    count = len(graph.outputs)
    label = f"{where}, order {level}" if level > 1 else where
    points = dict(zip(graph.input_names, inputs, strict=True))
    for slope in slopes:
        _settled(label, slope, points)
    if "forward" in modes:
        moved = Interpreter(autodiff.jvp(graph, wrt))([*inputs, *dots])[count:]
        for number, (got, slope) in enumerate(zip(moved, slopes, strict=True)):
            what = f"forward mode, output {number}"
            _compare(label, what, got, slope, _largest(slope.value) * tolerance, points)
    backward = autodiff.vjp(graph, wrt)
    if "reverse" in modes:
        back = Interpreter(backward)([*inputs, *cts])[count:]
        got = sum(float((gradient * dot).sum()) for gradient, dot in zip(back, dots, strict=True))
        terms = [(ct * slope.value).ravel() for ct, slope in zip(cts, slopes, strict=True)]
        parts = np.concatenate([*terms, np.zeros(1)])
        weight = [float(np.abs(ct).sum()) for ct in cts]
        total = Slope(
            np.asarray(parts.sum()),
            sum(w * slope.doubt for w, slope in zip(weight, slopes, strict=True)),
            sum(w * slope.size for w, slope in zip(weight, slopes, strict=True)),
        )
        allowed = float(np.abs(parts).sum()) * tolerance
        _compare(label, "reverse mode", np.asarray(got), total, allowed, points)
    if level < order:
        check_graph(
            where,
            backward,
            [*inputs, *cts],
            modes=modes,
            order=order,
            level=level + 1,
            draw=draw,
            tolerance=10 * tolerance,
            held=held,
            least=least,
        )


def _shape(shape: Sequence[Any]) -> tuple[int, ...]:
    return tuple(dim for dim in shape if isinstance(dim, int))


def _has_settled(slope: Slope) -> bool:
    """Whether differences are finite, and not another number at each step."""
    return slope.doubt <= 1e-2 * _largest(slope.value) + 1e5 * _ROUNDING * slope.size


def _settled(where: str, slope: Slope, points: Mapping[str, Array]) -> None:
    """Refuses differences that judge nothing."""
    if _has_settled(slope):
        return
    raise GradientError(
        where,
        f"differences must settle to judge a derivative, got {_largest(slope.value):.6g} give or "
        f"take {slope.doubt:.3g}, for {_shown(points, ())}",
        "Check inside the domain, away from jumps and kinks, and draw nothing at random.",
    )


def _compare(
    where: str, what: str, got: Array, slope: Slope, allowed: float, points: Mapping[str, Array]
) -> None:
    allowed += 2 * slope.doubt + _ROUNDING * slope.size
    wrong = ~(np.abs(got - slope.value) <= allowed)
    if not wrong.any():
        return
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    spot = f" at {place}" if place else ""
    raise GradientError(
        where,
        f"{what} must give {float(slope.value[place]):.6g}{spot}, got {float(got[place]):.6g}, "
        f"for {_shown(points, wrong.shape, place)}",
        "The derivative does not belong to the forward.",
    )


def _shown(points: Mapping[str, Array], shape: tuple[int, ...], place: Sequence[int] = ()) -> str:
    """The inputs: their elements at `place` where they have the output's shape, else in short."""
    if place and all(x.shape in (shape, ()) for x in points.values()):
        pairs = [f"{name} = {x[tuple(place)] if x.shape else x:.6g}" for name, x in points.items()]
        return ", ".join(pairs)
    texts = [
        f"{name} = {np.array2string(x, precision=4, threshold=6, separator=', ')}"
        for name, x in list(points.items())[:3]
    ]
    return " ".join("; ".join(texts).split())


def samples(
    interval: tuple[float, float], shape: tuple[int, ...], draw: np.random.Generator
) -> Array:
    """Random points of an interval, away from whole numbers, where kinks tend to sit."""
    low, high = interval
    x = draw.uniform(low, high, size=shape)
    near = np.abs(x - np.round(x)) < 1e-2 * min(1.0, high - low)
    nudged = np.clip(x + math.copysign(0.03, high - low) * near * (high - low), low, high)
    return np.asarray(nudged)
