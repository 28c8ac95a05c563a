"""One row, one case, one dtype: its graph, its inputs, its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.dtypes import DType, float32, float64
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.spec import (
    Kind,
    NotDifferentiable,
    Op,
    ZeroGradient,
)
from pellucid.ops.value import Builder, Value, cast
from pellucid.runtime.interpreter import Interpreter
from tests.ops.sampling import Case, sample, seed_of

EXACT_KINDS = (Kind.MOVEMENT, Kind.COMPARE, Kind.CREATE, Kind.RANDOM)


def bits_equal(x: np.ndarray, y: np.ndarray) -> bool:
    """Equal to the last bit; any NaN equals any NaN."""
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    if x.dtype.kind != "f":
        return bool(np.array_equal(x, y))
    whole = {4: np.uint32, 8: np.uint64}[x.dtype.itemsize]
    same = np.ascontiguousarray(x).view(whole) == np.ascontiguousarray(y).view(whole)
    return bool(np.all(same | (np.isnan(x) & np.isnan(y))))


def build(op: Op, types: Sequence[TensorType], attrs: dict[str, Any], as_float: bool) -> Graph:
    """The graph of one application. Where no input has N but the result does, one more input has.

    Args:
        as_float: uses a boolean or integer result as a number, so that a derivative can be asked.
    """
    builder = Builder()
    with builder:
        values = [builder.input(f"x{i}", type) for i, type in enumerate(types)]
        if not any(shapes.has_batch(type.shape) for type in types):
            builder.input("rows", TensorType(float32, (shapes.N,)))
        out: Value = builder.apply(op, values, attrs)
        if as_float and not out.type.dtype.is_float:
            out = cast(out, float64)
    return builder.graph([out])


@dataclass(frozen=True)
class Trial:
    """One row, one case, one dtype. `symbolic` keeps N in types and attributes."""

    op: Op
    case: Case
    dtype: DType
    symbolic: bool = False

    @cached_property
    def concrete(self) -> Case:
        return self.case.bound()

    @cached_property
    def graph(self) -> Graph:
        case = self.case if self.symbolic else self.concrete
        return build(self.op, case.types(self.dtype), case.attributes(self.dtype), False)

    @cached_property
    def number_graph(self) -> Graph:
        """The graph with a float result."""
        case = self.case if self.symbolic else self.concrete
        return build(self.op, case.types(self.dtype), case.attributes(self.dtype), True)

    @cached_property
    def arrays(self) -> list[np.ndarray]:
        arrays = sample(self.op, self.concrete, self.dtype)
        return arrays + self.extra

    @property
    def extra(self) -> list[np.ndarray]:
        """The input that only carries N."""
        named = any(shapes.has_batch(shape) for shape in self.case.shapes)
        if self.symbolic and named:
            return []
        return [np.zeros(self.case.rows, np.float32)]

    @cached_property
    def wrt(self) -> list[int]:
        """The inputs with a derivative: float, and of the row itself."""
        types = self.concrete.types(self.dtype)
        return [i for i, type in enumerate(types) if type.dtype.is_float]

    @cached_property
    def blocked(self) -> bool:
        """Whether a derivative must be refused."""
        moving = any(self.op.differentiable(i) for i in self.wrt)
        if isinstance(self.op.derivative, ZeroGradient) or not self.wrt:
            return False
        if isinstance(self.op.derivative, NotDifferentiable):
            return True
        return moving and not self.graph.output_types[0].dtype.is_float

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(seed_of(self.op.name, self.case, "directions"))

    def tolerance(self, fine: float) -> float:
        """`fine`, but where float64 passes through float32 on its way (a cast)."""
        through = any(
            node.type.dtype == float32 for node in self.number_graph.nodes[len(self.arrays) :]
        )
        return max(fine, 1e-3) if through else fine

    def out(self) -> np.ndarray:
        return Interpreter(self.graph)(self.arrays)[0]

    def types(self) -> list[TensorType]:
        return self.concrete.types(self.dtype)

    def __str__(self) -> str:
        return f"{self.op.name} on {self.case} in {self.dtype}"


def like(rng: np.random.Generator, types: Sequence[TensorType]) -> list[np.ndarray]:
    """Numbers in [-1, 1] of these types, without N."""
    return [
        np.asarray(rng.uniform(-1, 1, tuple(map(int, t.shape))), t.dtype.name)  # type: ignore[arg-type]
        for t in types
    ]
