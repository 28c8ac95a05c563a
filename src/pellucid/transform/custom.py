"""`pel.op`: an operation of a person's own, with its forward and its local gradient.

It is a row like every other: checked when it is defined, differentiable in both modes to any order,
traced through its own forward. A wrong gradient never enters the table.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core.dtypes import FLOATS, DType, float64
from pellucid.core.errors import ArgumentError, GradientError, PellucidError, ShapeError
from pellucid.core.shapes import broadcast, text
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.spec import (
    REGISTRY,
    Bilinear,
    Derivative,
    Kind,
    Linear,
    NotDifferentiable,
    Op,
    Partials,
    Rules,
    ZeroGradient,
    register,
    same_dtype,
)
from pellucid.ops.value import Builder, Value, apply, cast, common_dtype
from pellucid.runtime.extras import NUMPY, numpy_dtype
from pellucid.runtime.interpreter import run
from pellucid.transform import namespace
from pellucid.transform.numerical import check_graph, samples
from pellucid.transform.trace import trace

_FORMS = (Partials, Linear, Bilinear, Rules, ZeroGradient, NotDifferentiable)
Shapes = Sequence[tuple[int, ...]]


class CustomOp:
    """A person's own operation: call it on Tensors, arrays and numbers. `op` is its row."""

    def __init__(self, row: Op):
        self.op = row
        self.__name__ = row.name
        self.__doc__ = row.doc

    def __call__(self, *operands: Any) -> Value:
        if len(operands) != len(self.op.inputs):
            raise ArgumentError(
                self.op.name,
                f"expected {len(self.op.inputs)} inputs ({', '.join(self.op.inputs)}), got "
                f"{len(operands)}",
            )
        dtype = common_dtype(self.op.name, operands)
        if not dtype.is_float:
            dtype = FLOATS[0]
        return apply(self.op.name, *(cast(operand, dtype) for operand in operands))

    def __repr__(self) -> str:
        return f"op {self.op.name}({', '.join(self.op.inputs)})"


def op(
    name: str,
    forward: Callable[..., Any],
    derivative: Any,
    *,
    samples: tuple[float, float] | Sequence[tuple[float, float]] = (-2.0, 2.0),
    shapes: Shapes | None = None,
    type_rule: Callable[..., tuple[int, ...]] | None = None,
    formula: str = "",
    doc: str = "",
) -> CustomOp:
    """Defines an operation, after checking its gradient.

    Args:
        name: a word of your own; defining it again replaces it.
        forward: `forward(xp, x, …)` computes with functions of the array namespace `xp`.
        derivative: one function a differentiated input, `d(x, …, out)` giving the local gradient
            ∂out/∂x (a tuple of them for several inputs, None for an input without gradient), or
            a form of `pellucid.ops.spec`: Linear, Bilinear, Rules, ZeroGradient, …
        samples: the interval where it is checked; one for all inputs or one each.
        shapes: shapes of the inputs it is checked with; needed with `type_rule`.
        type_rule: `type_rule(*shapes)` gives the shape of the result; by default inputs broadcast
            and the operation acts on each element.
        formula: LaTeX. doc: one sentence.

    Returns:
        A function on Tensors, arrays and numbers.

    Raises:
        GradientError: if the derivative does not belong to the forward; nothing is defined then.
        ShapeError: if the forward gives another shape or dtype than the rule says.

    Example:
        >>> cube = op(
        ...     "cube",
        ...     forward=lambda xp, x: x * x * x,
        ...     derivative=lambda x, out: 3 * x * x,
        ... )
        >>> cube(2.0)
        Tensor(8., dtype=float32)
    """
    where = f"op {name}"
    if not isinstance(name, str) or not name.isidentifier():
        raise ArgumentError(where, f"name must be a word such as swish, got {name!r}")
    old = REGISTRY.get(name)
    if old is not None and not old.user:
        raise ArgumentError(where, f"name must be new, got '{name}', which is built in")
    if not callable(forward):
        raise ArgumentError(where, f"forward must be a function, got {forward!r}")
    inputs = tuple(list(inspect.signature(forward).parameters)[1:])
    if not inputs:
        raise ArgumentError(where, "forward must take (xp, x, …), got no input")
    form = _form(where, derivative, len(inputs))
    intervals = _intervals(where, samples, len(inputs))
    if type_rule is not None and shapes is None:
        raise ArgumentError(where, "an operation with a type_rule needs shapes= to be checked with")
    row = Op(
        name,
        Kind.ELEMENTWISE if type_rule is None else Kind.CONTRACT,
        inputs,
        (),
        _rule(where, inputs, type_rule),
        forward,
        form,
        samples=intervals,
        accepts=FLOATS,
        formula=formula,
        doc=doc or f"{name}, an operation of your own.",
        user=True,
    )
    tried = [tuple(shape) for shape in shapes] if shapes is not None else [(3, 2)] * len(inputs)
    _check(where, row, tried)
    return CustomOp(row)


def _form(where: str, derivative: Any, count: int) -> Derivative:
    if isinstance(derivative, _FORMS):
        return derivative
    functions = derivative if isinstance(derivative, (tuple, list)) else (derivative,)
    if len(functions) != count or not all(f is None or callable(f) for f in functions):
        raise ArgumentError(
            where, f"derivative must be {count} function(s), one an input, got {derivative!r}"
        )
    return Partials(*functions)


def _intervals(where: str, given: Any, count: int) -> tuple[tuple[float, float], ...]:
    several = list(given) if isinstance(given[0], (tuple, list)) else [given] * count
    if len(several) != count or any(len(pair) != 2 or not pair[0] < pair[1] for pair in several):
        raise ArgumentError(where, f"samples must be (low, high), one or {count}, got {given!r}")
    return tuple((float(low), float(high)) for low, high in several)


def _rule(
    where: str, inputs: tuple[str, ...], type_rule: Callable[..., tuple[int, ...]] | None
) -> Callable[..., TensorType]:
    def rule(*types: TensorType) -> TensorType:
        dtype = same_dtype(where, inputs, types)
        shapes = [type.shape for type in types]
        shape = broadcast(where, *shapes) if type_rule is None else tuple(type_rule(*shapes))
        return TensorType(dtype, shape)

    return rule


def _check(where: str, row: Op, shapes: Shapes) -> None:
    """Forward against the rule, gradient against differences; the row stays only if all hold."""
    draw = np.random.default_rng(0)
    old = REGISTRY.pop(row.name, None)
    try:
        register(row)
        for dtype in reversed(FLOATS):
            _check_forward(where, row, shapes, dtype, draw)
        if not isinstance(row.derivative, NotDifferentiable):
            for _ in range(3):
                graph, arrays = _graph(row, shapes, draw)
                check_graph(where, graph, arrays, draw=draw, held=_held(row))
    except BaseException as error:
        REGISTRY.pop(row.name, None)
        if old is not None:
            REGISTRY[row.name] = old
        if isinstance(error, (PellucidError, KeyboardInterrupt)):
            raise
        raise GradientError(where, f"the check failed: {type(error).__name__}: {error}") from error


def _held(row: Op) -> list[int]:
    """Inputs that the author gave no gradient on purpose."""
    if not isinstance(row.derivative, (Partials, Linear)):
        return []
    return [i for i in range(len(row.inputs)) if not row.differentiable(i)]


def _graph(row: Op, shapes: Shapes, draw: np.random.Generator) -> tuple[Graph, list[Any]]:
    builder = Builder()
    with builder:
        types = [TensorType(float64, tuple(shape)) for shape in shapes]
        values = [builder.input(n, t) for n, t in zip(row.inputs, types, strict=True)]
        graph = builder.graph([builder.apply(row, values, {})])
    arrays = [samples(i, tuple(s), draw) for i, s in zip(row.samples, shapes, strict=True)]
    return graph, arrays


def _check_forward(
    where: str, row: Op, shapes: Shapes, dtype: DType, draw: np.random.Generator
) -> None:
    arrays = [
        samples(i, tuple(s), draw).astype(numpy_dtype(dtype))
        for i, s in zip(row.samples, shapes, strict=True)
    ]
    types = [TensorType(dtype, tuple(shape)) for shape in shapes]
    expected = row.type(types, {})
    with np.errstate(all="ignore"):
        direct = np.asarray(row.forward(NUMPY, *arrays))
    if direct.shape != expected.shape or direct.dtype != numpy_dtype(dtype):
        raise ShapeError(
            where,
            f"forward must give {dtype}{text(expected.shape)}, got {direct.dtype}"
            f"{text(direct.shape)}",
            "Use xp functions and plain numbers; they keep the dtype.",
        )
    try:
        graph = forward_graph(row, types)
    except Exception as error:
        warnings.warn(
            f"{where}: the forward cannot be traced ({error}); it runs in the interpreter and "
            "cannot be saved in a model file",
            stacklevel=5,
        )
        return
    traced = run(graph, arrays)[0]
    if not np.allclose(traced, direct, rtol=1e-5, atol=1e-6, equal_nan=True):
        raise GradientError(where, "forward must compute the same when traced, got another result")


def forward_graph(row: Op, types: Sequence[TensorType]) -> Graph:
    """The graph of a person's own operation: its forward, traced in rows of the table."""
    traced = trace(
        lambda *inputs: row.forward(namespace, *inputs), types, row.inputs,
        lambda values: (tuple(values), {}),
    )  # fmt: skip
    return traced.with_constants() if traced.captures else traced.graph
