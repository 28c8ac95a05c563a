"""What both modes share: activity, symbolic zeros, sums over fan-out, un-broadcasting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pellucid.core.errors import DTypeError, NotDifferentiableError
from pellucid.graph.node import CONST, INPUT, Graph, TensorType
from pellucid.ops.spec import NotDifferentiable, ZeroGradient, lookup
from pellucid.ops.value import Value, apply, cast, zeros_like


class Activity:
    """Which nodes move with the inputs `wrt`, and which would have to but have no derivative."""

    def __init__(self, graph: Graph, wrt: Iterable[int]):
        count = len(graph.nodes)
        self.graph = graph
        self.active = [False] * count
        self.blocked: list[tuple[int, str] | None] = [None] * count
        for position in wrt:
            node = graph.nodes[position]
            if not node.type.dtype.is_float:
                raise DTypeError(
                    f"grad of {node.attr('name')}",
                    f"only float tensors have a gradient, got {node.type!r}",
                    "Pass a float array, or cast with astype(np.float32).",
                )
            self.active[position] = True
        for position, node in enumerate(graph.nodes):
            if node.op not in (INPUT, CONST):
                self._mark(position)

    def _mark(self, position: int) -> None:
        node = self.graph.nodes[position]
        op = lookup(node.op)
        if isinstance(op.derivative, ZeroGradient):
            return
        moving = any(self.active[i] for i in node.inputs)
        if isinstance(op.derivative, NotDifferentiable):
            inherited = (self.blocked[i] for i in node.inputs if self.blocked[i] is not None)
            self.blocked[position] = (
                (position, op.derivative.why) if moving else next(inherited, None)
            )
            return
        for i, source in enumerate(node.inputs):
            if op.differentiable(i):
                self.active[position] |= self.active[source]
                self.blocked[position] = self.blocked[position] or self.blocked[source]
        if self.active[position] and not node.type.dtype.is_float:
            self.active[position] = False
            self.blocked[position] = (position, f"its result is {node.type.dtype}")

    def check(self, position: int) -> bool:
        """Whether a gradient flows through a node; raises where it would have to and cannot."""
        blocked = self.blocked[position]
        if blocked is not None:
            node = self.graph.nodes[blocked[0]]
            raise NotDifferentiableError(
                node.op,
                f"the derivative passes through {node.op}, which has none: {blocked[1]}",
                "Wrap it in stop_gradient, or compute it outside the differentiated function.",
                line=node.line,
            )
        return self.active[position]


class Cotangents:
    """Gradients under construction. What was never added to is zero and costs nothing."""

    def __init__(self) -> None:
        self._sums: dict[int, Value] = {}

    def add(self, position: int, ct: Value) -> None:
        """Sums over fan-out: a value that is used twice gets the sum of both gradients."""
        known = self._sums.get(position)
        self._sums[position] = ct if known is None else known + ct

    def pop(self, position: int) -> Value | None:
        return self._sums.pop(position, None)

    def get(self, position: int) -> Value | None:
        return self._sums.get(position)


def as_value(x: Any, like: Value) -> Value:
    """What a rule returned, as a value: rules may return plain numbers."""
    return x if isinstance(x, Value) else cast(x, like.type.dtype)


def unbroadcast(ct: Value, type: TensorType) -> Value:
    """ct summed over the axes along which a tensor of `type` was repeated."""
    shape = ct.type.shape
    if shape == type.shape:
        return ct
    extra = len(shape) - len(type.shape)
    axis = tuple(range(extra)) + tuple(
        extra + i for i, dim in enumerate(type.shape) if dim == 1 and shape[extra + i] != 1
    )
    summed = apply("sum", ct, axis=axis, keepdims=False) if axis else ct
    if summed.type.shape != type.shape:
        summed = apply("reshape", summed, shape=type.shape)
    return summed


def broadcast_to(value: Value, type: TensorType) -> Value:
    if value.type.shape == type.shape:
        return value
    result: Value = apply("broadcast_to", value, shape=type.shape)
    return result


def materialise(value: Value | None, like: Value) -> Value:
    """A symbolic zero written down, where an output must be an array."""
    return zeros_like(like) if value is None else value


def tangents(dots: Sequence[Value | None], inputs: Sequence[Value]) -> list[Value]:
    return [materialise(dot, x) for dot, x in zip(dots, inputs, strict=True)]
