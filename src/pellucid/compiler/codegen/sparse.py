"""Products whose left operand is mostly zeros: its zeros are skipped.

A zero adds nothing to a sum of finite numbers, so the result is that of the whole product, bit for
bit; the one exception is a sum whose terms all underflow, which may be -0.0 here and 0.0 there. An
operand is scanned first, which costs little beside the product: a bit for each element that is
not 0. `zero_skipping.py` decides by their number.

    scan(ptr x, i64 rows, i64 row, i64 width, ptr bits) → i64   how many are not 0
    transpose(the same)                                         with a row of bits for each column
    finite(ptr y, i64 rows, i64 row, i64 columns) → i1
    sums(x, x_row, x_k, bits, words, depth, y, y_k, room, out, out_row, rows, columns)
        out[i, j] = Σ_k x[i, k]·y[k, j] over the bits of row i, in the order of k

All strides count elements; bits stand in words of 64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from pellucid.compiler.codegen.layout import register_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, least, loop
from pellucid.compiler.codegen.scalars import intrinsic
from pellucid.compiler.codegen.scope import (
    constant,
    first_lanes,
    masked_load,
    masked_store,
    splat,
)
from pellucid.core.dtypes import DType

WORD = 64
CONFLICT = 2048  # bytes: lines of y whose distance it divides share few places of the first cache
WORTH = 16  # rows that make up for copying lines of y next to each other


class Lines(NamedTuple):
    """What rows of the result meet of x and y: addresses, strides along k; columns of y."""

    x: ir.Value
    x_k: ir.Value
    y: ir.Value
    y_k: ir.Value
    vectors: int
    mask: ir.Value


class Sparse:
    """The functions of a module for one dtype."""

    def __init__(self, module: ir.Module, dtype: DType, vector_bytes: int):
        self.module, self.dtype = module, dtype
        self.element, self.size = register_type(dtype), dtype.itemsize
        self.width = vector_bytes // dtype.itemsize
        self.vector = ir.VectorType(self.element, self.width)

    def _function(
        self, name: str, result: ir.Type, types: str
    ) -> tuple[ir.Function, ir.IRBuilder | None]:
        """A function by name, and a builder where it is new. `types`: p a pointer, n a number."""
        full = f"{name}.{self.dtype.code}"
        known = self.module.globals.get(full)
        if known is not None:
            return known, None
        kinds = {"p": ir.PointerType(), "n": ir.IntType(64)}
        kind = ir.FunctionType(result, [kinds[letter] for letter in types])
        function = ir.Function(self.module, kind, full)
        function.linkage = "internal"
        return function, ir.IRBuilder(function.append_basic_block("entry"))

    def _at(self, b: ir.IRBuilder, base: ir.Value, offset: ir.Value) -> ir.Value:
        return b.gep(base, [offset], source_etype=self.element)

    def scan(self) -> ir.Function:
        number = ir.IntType(64)
        function, b = self._function("scan", number, "pnnnp")
        if b is None:
            return function
        x, rows, stride, width, bits = function.args
        zero = constant(self.vector, self.dtype, 0)
        words = b.udiv(b.add(width, i64(WORD - 1)), i64(WORD))
        with loop(b, rows, "row", [i64(0)]) as row:
            begin = self._at(b, x, b.mul(row.index, stride))
            with loop(b, words, "word", [row.carried[0]]) as word:
                first = b.mul(word.index, i64(WORD))
                found: ir.Value = i64(0)
                for part in range(WORD // self.width):
                    place = b.add(first, i64(part * self.width))
                    left = b.sub(width, place)
                    left = b.select(b.icmp_signed(">", left, i64(0)), left, i64(0))
                    mask = first_lanes(b, left, self.width)
                    value = masked_load(b, self.vector, self._at(b, begin, place), self.size, mask)
                    there = b.fcmp_unordered("!=", value, zero)
                    there = b.zext(b.bitcast(there, ir.IntType(self.width)), number)
                    found = b.or_(found, b.shl(there, i64(part * self.width)))
                at = b.add(b.mul(row.index, words), word.index)
                b.store(found, b.gep(bits, [at], source_etype=number))
                count = intrinsic(b, "ctpop", number, found)
                word.next = [b.add(word.carried[0], count)]
            row.next = [word.carried[0]]
        b.ret(row.carried[0])
        return function

    def finite(self) -> ir.Function:
        function, b = self._function("finite", ir.IntType(1), "pnnn")
        if b is None:
            return function
        y, rows, stride, columns = function.args
        kind = ir.VectorType(ir.IntType(1), self.width)
        infinity = constant(self.vector, self.dtype, math.inf)
        vectors = b.udiv(b.add(columns, i64(self.width - 1)), i64(self.width))
        with loop(b, vectors, "vector", [ir.Constant(kind, None)]) as column:
            first = b.mul(column.index, i64(self.width))
            mask = first_lanes(b, b.sub(columns, first), self.width)
            with loop(b, rows, "row", [column.carried[0]]) as row:
                place = self._at(b, y, b.add(b.mul(row.index, stride), first))
                value = masked_load(b, self.vector, place, self.size, mask)
                magnitude = intrinsic(b, "fabs", self.vector, value)
                bad = b.fcmp_unordered(">=", magnitude, infinity)
                row.next = [b.or_(row.carried[0], bad)]
            column.next = [row.carried[0]]
        bad = intrinsic(b, "vector.reduce.or", ir.IntType(1), column.carried[0])
        b.ret(b.not_(bad))
        return function

    def transpose(self) -> ir.Function:
        number, bits_of = ir.IntType(64), 8 * self.size
        function, b = self._function("transpose", number, "pnnnp")
        if b is None:
            return function
        x, rows, stride, width, bits = function.args
        whole = ir.IntType(bits_of)
        lanes = ir.VectorType(whole, self.width)
        zero, none = constant(self.vector, self.dtype, 0), ir.Constant(lanes, None)
        one = ir.Constant(lanes, [ir.Constant(whole, 1)] * self.width)
        words = b.udiv(b.add(rows, i64(WORD - 1)), i64(WORD))
        groups = b.mul(words, i64(WORD // bits_of))
        chunks = b.udiv(b.add(width, i64(self.width - 1)), i64(self.width))
        with loop(b, chunks, "chunk", [i64(0)]) as chunk:
            first = b.mul(chunk.index, i64(self.width))
            mask = first_lanes(b, b.sub(width, first), self.width)
            with loop(b, groups, "group", [chunk.carried[0]]) as group:
                begin = b.mul(group.index, i64(bits_of))
                left = b.sub(rows, begin)
                left = b.select(b.icmp_signed(">", left, i64(0)), left, i64(0))
                count = b.select(b.icmp_signed("<", left, i64(bits_of)), left, i64(bits_of))
                with loop(b, count, "row", [none, one]) as row:
                    found, bit = row.carried
                    place = b.add(b.mul(b.add(begin, row.index), stride), first)
                    at = self._at(b, x, place)
                    value = masked_load(b, self.vector, at, self.size, mask)
                    there = b.fcmp_unordered("!=", value, zero)
                    row.next = [b.or_(found, b.select(there, bit, none)), b.shl(bit, one)]
                found = row.carried[0]
                for lane in range(self.width):
                    own = b.mul(b.add(first, i64(lane)), groups)
                    at = b.gep(bits, [b.add(own, group.index)], source_etype=whole)
                    b.store(b.extract_element(found, i64(lane)), at)
                here = intrinsic(b, "vector.reduce.add", whole, _popcount(b, found, lanes))
                here = b.zext(here, number) if bits_of < WORD else here
                group.next = [b.add(group.carried[0], here)]
            chunk.next = [group.carried[0]]
        b.ret(chunk.carried[0])
        return function

    def sums(self, vectors: int, packed: bool) -> ir.Function:
        """A word of each row at a time, so that the rows of y it meets stay in the cache.

        Args:
            vectors: of columns.
            packed: whether rows of y are copied to `room` first, where many rows of x read them.
        """
        name = f"sums{vectors}.packed" if packed else f"sums{vectors}"
        function, b = self._function(name, ir.VoidType(), "pnnpnnpnppnnn")
        if b is None:
            return function
        x, x_row, x_k, bits, words, depth, y, y_k, room, out, out_row, rows, columns = function.args
        mask = first_lanes(b, b.sub(columns, i64((vectors - 1) * self.width)), self.width)
        zeros = [constant(self.vector, self.dtype, 0)] * vectors
        with loop(b, rows, "clear") as row:
            self._store(b, out, b.mul(row.index, out_row), zeros, mask)
        with loop(b, words, "word") as word:
            first = b.mul(word.index, i64(WORD))
            right, right_k = self._at(b, y, b.mul(first, y_k)), y_k
            if packed:
                lines = least(b, b.sub(depth, first), i64(WORD))
                right, right_k = self._packed(b, right, y_k, room, rows, lines, vectors, mask)
            with loop(b, rows, "row") as row:
                at = b.add(b.mul(row.index, words), word.index)
                known = b.load(b.gep(bits, [at], source_etype=ir.IntType(64)), typ=ir.IntType(64))
                left = self._at(b, x, b.add(b.mul(row.index, x_row), b.mul(first, x_k)))
                place = b.mul(row.index, out_row)
                lines = Lines(left, x_k, right, right_k, vectors, mask)
                with b.if_then(b.icmp_unsigned("!=", known, i64(0))):
                    sums = self._load(b, out, place, vectors, mask)
                    self._store(b, out, place, self._added(b, known, sums, lines), mask)
        b.ret_void()
        return function

    def _packed(
        self,
        b: ir.IRBuilder,
        y: ir.Value,
        y_k: ir.Value,
        room: ir.Value,
        rows: ir.Value,
        lines: ir.Value,
        vectors: int,
        mask: ir.Value,
    ) -> tuple[ir.Value, ir.Value]:
        """Lines of y next to each other in `room`, where rows make up for that; their stride."""
        line, many = i64(vectors * self.width), b.icmp_signed(">=", rows, i64(WORTH))
        with loop(b, b.select(many, lines, i64(0)), "line") as one:
            found = self._load(b, y, b.mul(one.index, y_k), vectors, mask)
            self._store(b, room, b.mul(one.index, line), found, mask)
        return b.select(many, room, y), b.select(many, line, y_k)

    def _added(
        self, b: ir.IRBuilder, bits: ir.Value, sums: list[ir.Value], lines: Lines
    ) -> list[ir.Value]:
        """The sums with the product of each k whose bit is set."""

        def add(k: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
            at = self._at(b, lines.x, b.mul(k, lines.x_k))
            value = splat(b, b.load(at, typ=self.element, align=self.size), self.width)
            ones = self._load(b, lines.y, b.mul(k, lines.y_k), lines.vectors, lines.mask)
            return [
                intrinsic(b, "fma", self.vector, value, one, total)
                for one, total in zip(ones, sums, strict=True)
            ]

        return each_bit(b, bits, sums, add)

    def _load(
        self, b: ir.IRBuilder, base: ir.Value, offset: ir.Value, vectors: int, mask: ir.Value | None
    ) -> list[ir.Value]:
        found = []
        for v in range(vectors):
            place = self._at(b, base, b.add(offset, i64(v * self.width)))
            if v < vectors - 1 or mask is None:
                found.append(b.load(place, typ=self.vector, align=self.size))
            else:
                found.append(masked_load(b, self.vector, place, self.size, mask))
        return found

    def _store(
        self,
        b: ir.IRBuilder,
        base: ir.Value,
        offset: ir.Value,
        values: list[ir.Value],
        mask: ir.Value | None,
    ) -> None:
        for v, value in enumerate(values):
            place = self._at(b, base, b.add(offset, i64(v * self.width)))
            if v < len(values) - 1 or mask is None:
                b.store(value, place, align=self.size)
            else:
                masked_store(b, value, place, self.size, mask)


def _popcount(b: ir.IRBuilder, words: ir.Value, kind: ir.VectorType) -> ir.Value:
    return intrinsic(b, "ctpop", kind, words)


def each_bit(
    b: ir.IRBuilder,
    word: ir.Value,
    initial: list[ir.Value],
    body: Callable[[ir.Value, list[ir.Value]], list[ir.Value]],
) -> list[ir.Value]:
    """Runs `body(place of the bit, carried)` for each bit that is set, from the lowest on."""
    number = word.type
    before = b.block
    head = b.append_basic_block("bits.head")
    inside = b.append_basic_block("bits.body")
    done = b.append_basic_block("bits.done")
    b.branch(head)
    b.position_at_end(head)
    left = b.phi(number, "left")
    left.add_incoming(word, before)
    carried = [b.phi(value.type) for value in initial]
    for phi, value in zip(carried, initial, strict=True):
        phi.add_incoming(value, before)
    b.cbranch(b.icmp_unsigned("!=", left, i64(0)), inside, done)
    b.position_at_end(inside)
    place = b.cttz(left, ir.Constant(ir.IntType(1), 1))
    new = body(place, carried)
    left.add_incoming(b.and_(left, b.sub(left, i64(1))), b.block)
    for phi, value in zip(carried, new, strict=True):
        phi.add_incoming(value, b.block)
    b.branch(head)
    b.position_at_end(done)
    return carried
