"""What the emitters share: float64 vectors over arrays, their reductions, blocks under a mask.

A vector has LANES numbers on every machine, in one register or in several: sums have one order
everywhere. Nothing here lets LLVM reorder or fuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pellucid.compiler.codegen.layout import memory_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, least, loop
from pellucid.compiler.codegen.scope import (
    constant,
    first_lanes,
    masked_load,
    masked_store,
    splat,
)
from pellucid.core.dtypes import DType, float64

LANES, VECTORS = 8, 4
BLOCK = LANES * VECTORS  # numbers between two branches
AHEAD = 2048  # bytes of a kernel row between what is read and what is asked for


@dataclass(frozen=True)
class Block:
    """BLOCK neighbours in arrays.

    Args:
        masks: which lanes of each vector there are; None where all are.
    """

    start: ir.Value
    masks: Sequence[ir.Value] | None

    def mask(self, vector: int) -> ir.Value | None:
        return None if self.masks is None else self.masks[vector]


class Vectors:
    """Float64 vectors in a function under construction.

    Args:
        dtype: of the kernel rows, which become float64 as they are loaded.
    """

    def __init__(self, b: ir.IRBuilder, dtype: DType):
        self.b, self.dtype = b, dtype
        self.kind = ir.VectorType(ir.DoubleType(), LANES)

    def number(self, value: float) -> ir.Constant:
        return constant(self.kind, float64, value)

    def all(self, value: ir.Value) -> ir.Value:
        """`value` in every lane."""
        return splat(self.b, value, LANES)

    def at(self, base: ir.Value, index: ir.Value, dtype: DType = float64) -> ir.Value:
        """The address of a number of an array."""
        return self.b.gep(base, [index], inbounds=True, source_etype=memory_type(dtype))

    def room(self, words: ir.Value, name: str) -> ir.Value:
        """Memory of the function's own, for so many words; to be asked for at its entry."""
        b = self.b
        place = b.ptrtoint(b.alloca(ir.IntType(64), words, name), ir.IntType(64))
        return b.inttoptr(place, ir.PointerType())

    def one(self, base: ir.Value, index: ir.Value, dtype: DType = float64) -> ir.Value:
        """One number of an array, as float64."""
        value = self.b.load(self.at(base, index, dtype), typ=memory_type(dtype))
        return value if dtype is float64 else self.b.fpext(value, ir.DoubleType())

    def load(
        self,
        base: ir.Value,
        block: Block,
        vector: int,
        other: float = 0.0,
        dtype: DType = float64,
    ) -> ir.Value:
        """A vector of a block; `other` in the lanes that are not there."""
        b, kind = self.b, ir.VectorType(memory_type(dtype), LANES)
        place, mask = self._place(base, block, vector, dtype), block.mask(vector)
        if mask is None:
            value = b.load(place, typ=kind, align=dtype.itemsize)
        else:
            fill = constant(kind, dtype, other)
            value = masked_load(b, kind, place, dtype.itemsize, mask, fill)
        return value if dtype is float64 else b.fpext(value, self.kind)

    def kernels(self, base: ir.Value, block: Block, vector: int) -> ir.Value:
        """A vector of a kernel row."""
        return self.load(base, block, vector, dtype=self.dtype)

    def ahead(self, base: ir.Value, block: Block) -> None:
        """Asks for the part of a kernel row that comes some blocks later.

        Rows come from memory, where what a processor asks for by itself ends with a page.
        """
        b, i32 = self.b, ir.IntType(32)
        if block.masks is not None:
            return
        name = "llvm.prefetch.p0"
        function = b.module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(), i32, i32, i32])
            function = ir.Function(b.module, kind, name)
        for byte in range(0, BLOCK * self.dtype.itemsize, 64):
            number = b.add(block.start, i64((AHEAD + byte) // self.dtype.itemsize))
            place = self.at(base, number, self.dtype)
            b.call(function, [place, *(ir.Constant(i32, n) for n in (0, 3, 1))])

    def store(self, value: ir.Value, base: ir.Value, block: Block, vector: int) -> None:
        place, mask = self._place(base, block, vector, float64), block.mask(vector)
        if mask is None:
            self.b.store(value, place, align=8)
        else:
            masked_store(self.b, value, place, 8, mask)

    def _place(self, base: ir.Value, block: Block, vector: int, dtype: DType) -> ir.Value:
        index = block.start
        if vector:
            index = self.b.add(index, i64(vector * LANES))
        return self.at(base, index, dtype)

    def bits(self, base: ir.Value, block: Block, vector: int) -> ir.Value:
        """Which lanes of a vector are marked in an array of a byte for each vector."""
        b = self.b
        number = b.lshr(block.start, i64(3))
        if vector:
            number = b.add(number, i64(vector))
        byte = b.load(
            b.gep(base, [number], inbounds=True, source_etype=ir.IntType(8)), typ=ir.IntType(8)
        )
        return b.bitcast(byte, ir.VectorType(ir.IntType(1), LANES))

    def less(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """x < y ? x : y, y where one of them is NaN: one instruction on most machines."""
        return self.b.select(self.b.fcmp_ordered("<", x, y), x, y)

    def more(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """x > y ? x : y."""
        return self.b.select(self.b.fcmp_ordered(">", x, y), x, y)

    def lane(self, value: ir.Value) -> ir.Value:
        """The first lane."""
        return self.b.extract_element(value, ir.Constant(ir.IntType(32), 0))

    def any(self, masks: Sequence[ir.Value]) -> ir.Value:
        """Whether a lane of any of them is set."""
        b = self.b
        joined = folded(b.or_, masks)
        bits = b.bitcast(joined, ir.IntType(LANES))
        return b.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    def first(self, mask: ir.Value, other: ir.Value) -> ir.Value:
        """The number of the first lane that is set; `other` where none is."""
        b, byte = self.b, ir.IntType(LANES)
        bits = b.zext(b.bitcast(mask, byte), ir.IntType(64))
        place = b.cttz(bits, ir.Constant(ir.IntType(1), 0))
        return b.select(b.icmp_unsigned("==", bits, i64(0)), other, place)

    def reduce(self, join: Callable[[ir.Value, ir.Value], ir.Value], value: ir.Value) -> ir.Value:
        """All lanes joined in pairs: lane k with lane k + 4, then k + 2, then k + 1."""
        b, i32 = self.b, ir.IntType(32)
        width = LANES
        while width > 1:
            width //= 2
            halves = [
                b.shuffle_vector(
                    value,
                    value,
                    ir.Constant(ir.VectorType(i32, width), list(range(at, at + width))),
                )
                for at in (0, width)
            ]
            value = join(*halves)
        return self.lane(value)

    def tail(self, start: ir.Value, length: ir.Value) -> Block:
        """The block at `start`, where an array may end inside it."""
        b, masks = self.b, []
        rest = b.sub(length, start)
        for vector in range(VECTORS):
            there = b.sub(rest, i64(vector * LANES))
            there = b.select(b.icmp_signed(">", there, i64(0)), there, i64(0))
            masks.append(first_lanes(b, least(b, there, i64(LANES)), LANES))
        return Block(start, masks)

    def blocks(
        self,
        length: ir.Value,
        initial: Sequence[ir.Value],
        body: Callable[[Block, list[ir.Value]], list[ir.Value]],
        name: str,
    ) -> list[ir.Value]:
        """`body(block, carried)` for every block of `length` numbers; gives what is carried."""
        b = self.b
        whole = b.sdiv(length, i64(BLOCK))
        with loop(b, whole, name, initial) as one:
            one.next = body(Block(b.mul(one.index, i64(BLOCK)), None), list(one.carried))
        start = b.mul(whole, i64(BLOCK))
        with self.only(b.icmp_signed("<", start, length), one.carried) as results:
            results += body(self.tail(start, length), list(one.carried))
        return results

    @contextmanager
    def only(self, condition: ir.Value, others: Sequence[ir.Value]) -> Iterator[list[ir.Value]]:
        """Runs the block where `condition` holds; it puts its results into the list.

        Behind it the list holds those, or `others`.
        """
        b, before = self.b, self.b.block
        inside, after = b.append_basic_block("only"), b.append_basic_block("after")
        b.cbranch(condition, inside, after)
        b.position_at_end(inside)
        results: list[ir.Value] = []
        yield results
        end = b.block
        b.branch(after)
        b.position_at_end(after)
        for place, (value, other) in enumerate(zip(list(results), others, strict=True)):
            phi = b.phi(value.type)
            phi.add_incoming(value, end)
            phi.add_incoming(other, before)
            results[place] = phi


def folded(join: Callable[[ir.Value, ir.Value], ir.Value], values: Sequence[ir.Value]) -> ir.Value:
    """The values joined in pairs."""
    values = list(values)
    while len(values) > 1:
        pairs = [join(*values[n : n + 2]) for n in range(0, len(values) - 1, 2)]
        values = pairs + values[len(values) - len(values) % 2 :]
    return values[0]
