"""What a person writes in `pel.op`: read, and held against itself before it enters the table.

In: names, functions and intervals as they were given. Out: a row's parts, or an error that says
what is wrong; a row whose forward and derivative do not belong together never stays.
"""

from __future__ import annotations

import inspect
import keyword
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.dtypes import FLOATS, DType, float64
from pellucid.core.errors import (
    ArgumentError,
    GradientError,
    NotDifferentiableError,
    PellucidError,
    ShapeError,
)
from pellucid.core.shapes import text
from pellucid.graph.node import CONST, INPUT, Graph, TensorType
from pellucid.ops.spec import (
    REGISTRY,
    Bilinear,
    Derivative,
    Linear,
    NotDifferentiable,
    Op,
    Partials,
    Rules,
    ZeroGradient,
    register,
)
from pellucid.ops.value import Builder, records
from pellucid.runtime.extras import NUMPY, numpy_dtype
from pellucid.runtime.interpreter import run
from pellucid.transform import namespace
from pellucid.transform.differences import check_graph, samples
from pellucid.transform.tensor import is_tracked
from pellucid.transform.trace import trace

_FORMS = (Partials, Linear, Bilinear, Rules, ZeroGradient, NotDifferentiable)
PLAIN = inspect.Parameter.POSITIONAL_OR_KEYWORD
Shapes = Sequence[tuple[int, ...]]


def check_name(where: str, name: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise ArgumentError(where, f"name must be a word such as swish, got {name!r}")
    old = REGISTRY.get(name)
    ours = name in (INPUT, CONST) or name in namespace.__all__
    if ours if old is None else not old.user:
        raise ArgumentError(where, f"name must be new, got '{name}', which is built in")


def read_inputs(where: str, forward: Any) -> tuple[str, ...]:
    """The names of the inputs: the plain parameters of the forward behind xp."""
    if not callable(forward):
        raise ArgumentError(where, f"forward must be a function, got {forward!r}")
    try:
        parameters = list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    plain = all(p.kind in (PLAIN, p.POSITIONAL_ONLY) and p.default is p.empty for p in parameters)
    if len(parameters) < 2 or not plain:
        got = ", ".join(map(str, parameters))
        raise ArgumentError(
            where,
            "forward must take (xp, x, …), plain parameters and at least one input, "
            f"got {f'({got})' if parameters else 'a function without a signature'}",
            "Put constants into the body, or make one operation for each of their values.",
        )
    return tuple(p.name for p in parameters[1:])


def read_form(where: str, derivative: Any, inputs: tuple[str, ...]) -> Derivative:
    """The derivative as a form with as many functions as there are inputs."""
    count = len(inputs)
    form = derivative
    if not isinstance(derivative, _FORMS):
        functions = derivative if isinstance(derivative, (tuple, list)) else (derivative,)
        if not all(f is None or callable(f) for f in functions):
            raise ArgumentError(where, f"derivative must be functions, got {derivative!r}")
        form = Partials(*functions)
    functions = ()
    if isinstance(form, Partials):
        functions = form.functions
    elif isinstance(form, Linear) and isinstance(form.transposes, tuple):
        functions = form.transposes
    elif isinstance(form, Bilinear):
        functions = (form.left, form.right)
    if functions and len(functions) != count:
        raise ArgumentError(
            where,
            f"derivative must be {count} function(s), one per input ({', '.join(inputs)}), got "
            f"{len(functions)}",
        )
    if isinstance(form, Partials) and not any(functions):
        raise ArgumentError(
            where,
            "derivative must hold a function, got None alone",
            "Where there is no gradient on purpose, say why: ZeroGradient('…').",
        )
    return form  # type: ignore[no-any-return]


def read_intervals(where: str, given: Any, count: int) -> tuple[tuple[float, float], ...]:
    try:
        several = list(given) if isinstance(given[0], (tuple, list)) else [given] * count
        pairs = tuple((float(low), float(high)) for low, high in several)
    except (TypeError, ValueError, IndexError, KeyError):
        pairs = ()
    if len(pairs) != count or not all(low < high < math.inf for low, high in pairs):
        raise ArgumentError(where, f"samples must be (low, high), one or {count}, got {given!r}")
    return pairs


def read_shapes(where: str, given: Any, count: int) -> list[tuple[int, ...]]:
    try:
        several = [tuple(operator.index(dim) for dim in shape) for shape in given]
    except TypeError:
        several = []
    if len(several) != count or any(dim < 1 for shape in several for dim in shape):
        raise ArgumentError(
            where, f"shapes must be {count} tuples of lengths from 1, one per input, got {given!r}"
        )
    return several


def check(where: str, row: Op, shapes: Shapes) -> Exception | None:
    """Forward against the rule, gradient against differences; the row stays only if all hold.

    Returns:
        Why the forward cannot be traced, where that is so.
    """
    draw = np.random.default_rng(0)
    old = REGISTRY.pop(row.name, None)
    try:
        register(row)
        obstacles = [_check_forward(where, row, shapes, dtype, draw) for dtype in reversed(FLOATS)]
        if not isinstance(row.derivative, NotDifferentiable):
            _check_gradient(where, row, shapes, draw)
    except BaseException as error:
        REGISTRY.pop(row.name, None)
        if old is not None:
            REGISTRY[row.name] = old
        if isinstance(error, PellucidError) or not isinstance(error, Exception):
            raise
        raise GradientError(
            where,
            f"forward and derivative must run, got {type(error).__name__}: {error}",
            "They take operators and functions of xp (forward) or pellucid.numpy (derivative).",
        ) from error
    return next(filter(None, obstacles), None)


def _check_gradient(where: str, row: Op, shapes: Shapes, draw: np.random.Generator) -> None:
    """At random points: each input by itself, so that the message names it, then all together."""
    everyone = range(len(row.inputs))
    form = row.derivative
    aside = isinstance(form, (Partials, Linear))  # None in them is said on purpose
    moving = [i for i in everyone if not aside or row.differentiable(i)]
    together = [moving] if len(moving) > 1 else []
    for chosen in [[i] for i in moving] + together:
        label = f"{where}, input {row.inputs[chosen[0]]}" if len(chosen) == 1 else where
        held = [i for i in everyone if i not in chosen]
        for order in (1, 1, 2):
            graph, arrays = _graph(row, shapes, draw)
            try:
                check_graph(label, graph, arrays, order=order, draw=draw, held=held, least=0.0)
            except NotDifferentiableError:  # of the second order: asking for it says so
                assert order == 2


@records
def _graph(row: Op, shapes: Shapes, draw: np.random.Generator) -> tuple[Graph, list[Any]]:
    builder = Builder()
    with builder:
        types = [TensorType(float64, tuple(shape)) for shape in shapes]
        values = [builder.input(n, t) for n, t in zip(row.inputs, types, strict=True)]
        graph = builder.graph([builder.apply(row, values, {})])
    return graph, _draw(row, shapes, draw)


def _draw(row: Op, shapes: Shapes, draw: np.random.Generator) -> list[Any]:
    return [samples(i, tuple(s), draw) for i, s in zip(row.samples, shapes, strict=True)]


def _check_forward(
    where: str, row: Op, shapes: Shapes, dtype: DType, draw: np.random.Generator
) -> Exception | None:
    arrays = [x.astype(numpy_dtype(dtype)) for x in _draw(row, shapes, draw)]
    types = [TensorType(dtype, tuple(shape)) for shape in shapes]
    expected = row.type(types, {})
    with np.errstate(all="ignore"):
        computed = row.forward(NUMPY, *arrays)
    if is_tracked([computed]):
        raise ArgumentError(
            where,
            "forward must compute from its inputs, got one that uses a Tensor beside them: no "
            "gradient would reach it",
            "Make it an input, or use a plain number: float(w).",
        )
    direct = np.asarray(computed)
    if direct.shape != expected.shape or direct.dtype != numpy_dtype(dtype):
        raise ShapeError(
            where,
            f"forward must give {dtype}{text(expected.shape)}, got {direct.dtype}"
            f"{text(direct.shape)}",
            "Use xp functions and plain numbers; they keep the dtype.",
        )
    if not np.isfinite(direct).all():
        raise GradientError(
            where,
            f"forward must be finite where it is checked, on samples {row.samples}, got "
            f"{direct[~np.isfinite(direct)][0]}",
            "Give the interval where it is defined: samples=(low, high).",
        )
    try:
        graph = forward_graph(row, types)
    except Exception as error:  # whatever a person's code raises
        return error
    if graph.output_types != (expected,):
        raise ShapeError(
            where, f"forward must give {expected!r} when traced too, got {graph.output_types}"
        )
    if not np.allclose(run(graph, arrays)[0], direct, rtol=1e-5, atol=1e-6 * np.abs(direct).max()):
        raise GradientError(where, "forward must compute the same when traced, got another result")
    return None


def forward_graph(row: Op, types: Sequence[TensorType]) -> Graph:
    """The graph of a person's own operation: its forward, traced in rows of the table."""
    traced = trace(
        lambda *inputs: row.forward(namespace, *inputs),
        types,
        row.inputs,
        lambda values: (tuple(values), {}),
    )
    return traced.with_constants() if traced.captures else traced.graph
