"""The micro-kernels of a contraction: a tile of the result, in registers, for a stretch of k.

out[r, c] (+)= Σ_k x[r, k] · y[k, c] for a few rows and vectors of columns. Each k costs one load
for each vector of y and one broadcast for each row of x; accumulators stay where they are. All
strides are numbers at run time: one function a size serves every contraction of a module, however
its operands lie. Where no stride describes x, as in the windows of a convolution, its elements are
found by two tables of offsets, one for rows and one for k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.compiler.codegen.layout import memory_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.scalars import intrinsic
from pellucid.compiler.codegen.scope import constant, first_lanes, masked_load, masked_store, splat
from pellucid.compiler.codegen.target import Target
from pellucid.core.dtypes import DType

# x, its strides along rows and k (or the addresses of their tables); y, its stride along k; out,
# its stride along rows; the length of k; the columns of the last vector; whether it begins at 0
# (else it adds to what stands in out).
ARGUMENTS = "pllpl" + "pl" + "lll"


def argument_types(letters: str) -> list[ir.Type]:
    """Types by letter: p for an address, l for a whole number."""
    return [ir.PointerType() if letter == "p" else ir.IntType(64) for letter in letters]


def tile_size(target: Target) -> tuple[int, int]:
    """Rows and vectors of the largest tile: it leaves registers for a row of y and one of x."""
    if target.registers < 32:
        return 6, 2
    # Without broadcasts inside an instruction, each row of x takes a register of its own.
    return (8, 3) if target.vector_bytes == 64 else (6, 3)


@dataclass(frozen=True)
class Tile:
    """A micro-kernel.

    Args:
        lanes: of a vector; 1 for columns by themselves, where the machine has no masks.
        masked: whether the last vector may have fewer columns.
        tables: whether x is found by tables of offsets.
    """

    dtype: DType
    rows: int
    vectors: int
    lanes: int
    masked: bool
    tables: bool = False
    kind: ClassVar = "tile"
    arguments: ClassVar = ARGUMENTS

    def function(self, module: ir.Module) -> ir.Function:
        """The function in `module`, emitted when it is first asked for."""
        name = f"{self.kind}.{self.dtype.code}.{self.rows}x{self.vectors}x{self.lanes}"
        name += ".tables" if self.tables else ""
        name += ".masked" if self.masked else ""
        known = module.globals.get(name)
        if known is not None:
            return known
        type = ir.FunctionType(ir.VoidType(), argument_types(self.arguments))
        function = ir.Function(module, type, name)
        function.linkage = "internal"
        self._emit(function)
        return function

    @property
    def _kind(self) -> ir.Type:
        element = memory_type(self.dtype)
        return element if self.lanes == 1 else ir.VectorType(element, self.lanes)

    def _emit(self, function: ir.Function) -> None:
        _, _, _, _, _, out, out_row, count, columns, first = function.args
        b = ir.IRBuilder(function.append_basic_block("entry"))
        mask = first_lanes(b, columns, self.lanes) if self.masked else None
        goals = [self._at(b, out, b.mul(out_row, i64(r))) for r in range(self.rows)]
        sums = self._begin(b, goals, mask, first)
        sums = self._along(b, function.args, sums, mask, i64(0), count)
        for row in range(self.rows):
            self._store(b, sums[row * self.vectors :], goals[row], mask)
        b.ret_void()

    def _along(
        self,
        b: ir.IRBuilder,
        given: Sequence[ir.Value],
        sums: list[ir.Value],
        mask: ir.Value | None,
        begin: ir.Value,
        count: ir.Value,
    ) -> list[ir.Value]:
        """The sums with `count` more k, from `begin` on."""
        x, x_row, x_k, y, y_k = given[:5]
        lines = [self._at(b, x, self._step(b, x_row, i64(r))) for r in range(self.rows)]
        whole = isinstance(begin, ir.Constant)  # from the first k on
        steps = [i64(0), i64(0)] if whole else [b.mul(begin, x_k), b.mul(begin, y_k)]
        with loop(b, count, "k", [*steps, *sums]) as k:
            x_at, y_at, *sums = k.carried
            along = x_at
            if self.tables:
                along = self._step(b, x_k, k.index if whole else b.add(begin, k.index))
            right = self._load(b, self._at(b, y, y_at), mask)
            done: list[ir.Value] = []
            for row in range(self.rows):
                place = self._at(b, lines[row], along)
                one = b.load(place, typ=memory_type(self.dtype), align=self.dtype.itemsize)
                left = one if self.lanes == 1 else splat(b, one, self.lanes)
                for vector in range(self.vectors):
                    total = sums[row * self.vectors + vector]
                    done.append(intrinsic(b, "fma", self._kind, left, right[vector], total))
            k.next = [b.add(x_at, x_k), b.add(y_at, y_k), *done]
        return k.carried[2:]

    def _step(self, b: ir.IRBuilder, step: ir.Value, number: ir.Value) -> ir.Value:
        """How far row or k `number` of x is away."""
        if not self.tables:
            return b.mul(step, number)
        table = b.inttoptr(step, ir.PointerType())
        place = b.gep(table, [number], inbounds=True, source_etype=ir.IntType(64))
        return b.load(place, typ=ir.IntType(64))

    def _begin(
        self, b: ir.IRBuilder, goals: list[ir.Value], mask: ir.Value | None, first: ir.Value
    ) -> list[ir.Value]:
        """Zeros, or what earlier stretches of k have added up."""
        start = b.block
        more, ready = b.append_basic_block("more"), b.append_basic_block("ready")
        b.cbranch(b.icmp_signed("==", first, i64(0)), more, ready)
        b.position_at_end(more)
        known = [value for goal in goals for value in self._load(b, goal, mask)]
        b.branch(ready)
        b.position_at_end(ready)
        sums = []
        for value in known:
            phi = b.phi(self._kind)
            phi.add_incoming(constant(self._kind, self.dtype, 0), start)
            phi.add_incoming(value, more)
            sums.append(phi)
        return sums

    def _at(self, b: ir.IRBuilder, base: ir.Value, offset: ir.Value) -> ir.Value:
        if isinstance(offset, ir.Constant) and offset.constant == 0:
            return base
        return b.gep(base, [offset], inbounds=True, source_etype=memory_type(self.dtype))

    def _load(self, b: ir.IRBuilder, place: ir.Value, mask: ir.Value | None) -> list[ir.Value]:
        """The vectors of one row; of the last one, the columns there are."""
        values = []
        for vector in range(self.vectors):
            at = self._at(b, place, i64(vector * self.lanes))
            if mask is None or vector < self.vectors - 1:
                values.append(b.load(at, typ=self._kind, align=self.dtype.itemsize))
            else:
                values.append(masked_load(b, self._kind, at, self.dtype.itemsize, mask))
        return values

    def _store(
        self, b: ir.IRBuilder, values: list[ir.Value], place: ir.Value, mask: ir.Value | None
    ) -> None:
        for vector in range(self.vectors):
            at = self._at(b, place, i64(vector * self.lanes))
            if mask is None or vector < self.vectors - 1:
                b.store(values[vector], at, align=self.dtype.itemsize)
            else:
                masked_store(b, values[vector], at, self.dtype.itemsize, mask)
