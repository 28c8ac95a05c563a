"""One kernel's function under construction: what every emitter of a kernel is given.

Operand 0 is the result, the others are what the kernel reads. Kernels know no slots and no arena:
they get addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pellucid.compiler.codegen.layout import memory_type, merged
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import Nest, i64, nest
from pellucid.compiler.program import Kernel
from pellucid.core.dtypes import DType
from pellucid.core.shapes import Batch, Dim
from pellucid.graph.node import TensorType


@dataclass(frozen=True)
class Operand:
    """A tensor in memory."""

    pointer: ir.Value
    type: TensorType


@dataclass(frozen=True)
class Scope:
    """Where a kernel is emitted.

    Args:
        rows: N as a 64-bit integer.
    """

    kernel: Kernel
    builder: ir.IRBuilder
    rows: ir.Value
    out: Operand
    reads: tuple[Operand, ...]

    @property
    def name(self) -> str:
        return self.kernel.name

    def attr(self, name: str) -> Any:
        return dict(self.kernel.attrs)[name]

    def dim(self, dim: Dim) -> ir.Value:
        """A dimension, a stride or a count as a number."""
        if not isinstance(dim, Batch):
            return i64(dim)
        return self.rows if dim.scale == 1 else self.builder.mul(self.rows, i64(dim.scale))

    def load(self, operand: Operand, offset: ir.Value, name: str = "") -> ir.Value:
        """One element; a boolean as one bit."""
        kind = memory_type(operand.type.dtype)
        place = self._place(operand, offset)
        value = self.builder.load(place, name=name, typ=kind, align=operand.type.dtype.itemsize)
        if operand.type.dtype.kind == "b":
            value = self.builder.icmp_unsigned("!=", value, ir.Constant(kind, 0))
        return value

    def load_vector(self, operand: Operand, offset: ir.Value, width: int) -> ir.Value:
        """`width` neighbours of a tensor of numbers."""
        kind = ir.VectorType(memory_type(operand.type.dtype), width)
        place = self._place(operand, offset)
        return self.builder.load(place, typ=kind, align=operand.type.dtype.itemsize)

    def store(self, value: ir.Value, offset: ir.Value) -> None:
        """Writes one element of the result."""
        dtype = self.out.type.dtype
        if dtype.kind == "b":
            value = self.builder.zext(value, memory_type(dtype))
        self.builder.store(value, self._place(self.out, offset), align=dtype.itemsize)

    def _place(self, operand: Operand, offset: ir.Value) -> ir.Value:
        kind = memory_type(operand.type.dtype)
        return self.builder.gep(operand.pointer, [offset], inbounds=True, source_etype=kind)

    @contextmanager
    def walk(
        self,
        shape: Sequence[Dim],
        walks: Sequence[Sequence[Dim]],
        starts: Sequence[ir.Value] | None = None,
        initial: Sequence[ir.Value] = (),
        name: str = "i",
    ) -> Iterator[Nest]:
        """Loops over `shape` in row-major order, for tensors with the strides `walks`."""
        dims, steps = merged(shape, walks)
        lengths = [self.dim(dim) for dim in dims]
        moves = [[None if step == 0 else self.dim(step) for step in walk] for walk in steps]
        begin = [i64(0) for _ in walks] if starts is None else starts
        with nest(self.builder, lengths, moves, f"{self.name}.{name}", begin, initial) as inner:
            yield inner


def constant(kind: ir.Type, dtype: DType, value: float) -> ir.Constant:
    """A number of a register type, in every lane where that is a vector."""
    plain: float | int = float(value) if dtype.is_float else int(value)
    if isinstance(kind, ir.VectorType):
        return ir.Constant(kind, [ir.Constant(kind.element, plain)] * kind.count)
    return ir.Constant(kind, plain)
