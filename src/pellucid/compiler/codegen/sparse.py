"""Products whose left operand is mostly zeros: its zeros are skipped.

A zero adds nothing to a sum of finite numbers, so the bits are those of the whole product; the one
exception is a sum whose terms all underflow, which may be -0.0 here and 0.0 there. An operand is
scanned first, which costs little beside the product: a bit for each element that is not 0, in words
of 64 along its rows. `matmul.py` decides by their number.

    scan(ptr x, i64 rows, i64 row, i64 width, ptr bits) → i64   how many are not 0
    finite(ptr y, i64 rows, i64 row, i64 columns) → i1
    along(x, x_row, bits, words, y, y_row, out, out_row, rows, columns)
        out[n, j] = Σ_k x[n, k]·y[k, j]
    across(x, x_row, bits, words, y, y_row, out, out_row, n, columns)
        out[k, j] = Σ_n x[n, k]·y[n, j] for the 64 columns k of one word

All strides count elements. The sums go in the order of k, or of n.
"""

from __future__ import annotations

import math

from pellucid.compiler.codegen.layout import register_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
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
SIZES = (6, 2, 1)  # vectors of columns that one pass holds


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

    def along(self, vectors: int) -> ir.Function:
        """Row by row of x, a word of it at a time, so that its rows of y stay in the cache."""
        function, b = self._function(f"along{vectors}", ir.VoidType(), "pnpnpnpnnn")
        if b is None:
            return function
        x, x_row, bits, words, y, y_row, out, out_row, rows, columns = function.args
        mask = self._mask(b, columns, vectors)
        zeros = [constant(self.vector, self.dtype, 0)] * vectors
        with loop(b, rows, "clear") as row:
            self._store(b, out, b.mul(row.index, out_row), zeros, mask)
        with loop(b, words, "word") as word, loop(b, rows, "row") as row:
            first = b.mul(word.index, i64(WORD))
            from_ = self._at(b, x, b.add(b.mul(row.index, x_row), first))
            other = self._at(b, y, b.mul(first, y_row))
            place = b.mul(row.index, out_row)
            sums = self._load(b, out, place, vectors, mask)

            def add(k: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
                left = splat(
                    b, b.load(self._at(b, from_, k), typ=self.element, align=self.size), self.width
                )
                right = self._load(b, other, b.mul(k, y_row), vectors, mask)
                return [
                    intrinsic(b, "fma", self.vector, left, one, total)
                    for one, total in zip(right, sums, strict=True)
                ]

            at = b.add(b.mul(row.index, words), word.index)
            sums = _each_bit(b, self._word(b, bits, at), sums, add)
            self._store(b, out, place, sums, mask)
        b.ret_void()
        return function

    def across(self, vectors: int) -> ir.Function:
        """Row by row of x and y; the sums of one word's columns stay in the cache."""
        function, b = self._function(f"across{vectors}", ir.VoidType(), "pnpnpnpnnn")
        if b is None:
            return function
        x, x_row, bits, words, y, y_row, out, out_row, rows, columns = function.args
        mask = self._mask(b, columns, vectors)
        with loop(b, rows, "row") as row:
            from_ = self._at(b, x, b.mul(row.index, x_row))
            right = self._load(b, y, b.mul(row.index, y_row), vectors, mask)

            def add(k: ir.Value, none: list[ir.Value]) -> list[ir.Value]:
                left = splat(
                    b, b.load(self._at(b, from_, k), typ=self.element, align=self.size), self.width
                )
                place = b.mul(k, out_row)
                sums = self._load(b, out, place, vectors, mask)
                new = [
                    intrinsic(b, "fma", self.vector, left, one, total)
                    for one, total in zip(right, sums, strict=True)
                ]
                self._store(b, out, place, new, mask)
                return none

            word = self._word(b, bits, b.mul(row.index, words))
            _each_bit(b, word, [], add)
        b.ret_void()
        return function

    def clear(self, vectors: int) -> ir.Function:
        """void clear(ptr out, i64 out_row, i64 rows, i64 columns): zeros."""
        function, b = self._function(f"clear{vectors}", ir.VoidType(), "pnnn")
        if b is None:
            return function
        out, out_row, rows, columns = function.args
        mask = self._mask(b, columns, vectors)
        zeros = [constant(self.vector, self.dtype, 0)] * vectors
        with loop(b, rows, "row") as row:
            self._store(b, out, b.mul(row.index, out_row), zeros, mask)
        b.ret_void()
        return function

    def _mask(self, b: ir.IRBuilder, columns: ir.Value, vectors: int) -> ir.Value:
        """The lanes of the last vector."""
        return first_lanes(b, b.sub(columns, i64((vectors - 1) * self.width)), self.width)

    def _load(
        self, b: ir.IRBuilder, base: ir.Value, offset: ir.Value, vectors: int, mask: ir.Value
    ) -> list[ir.Value]:
        found = []
        for v in range(vectors):
            place = self._at(b, base, b.add(offset, i64(v * self.width)))
            if v < vectors - 1:
                found.append(b.load(place, typ=self.vector, align=self.size))
            else:
                found.append(masked_load(b, self.vector, place, self.size, mask))
        return found

    def _store(
        self, b: ir.IRBuilder, base: ir.Value, offset: ir.Value, values: list[ir.Value],
        mask: ir.Value,
    ) -> None:  # fmt: skip
        for v, value in enumerate(values):
            place = self._at(b, base, b.add(offset, i64(v * self.width)))
            if v < len(values) - 1:
                b.store(value, place, align=self.size)
            else:
                masked_store(b, value, place, self.size, mask)

    def _word(self, b: ir.IRBuilder, bits: ir.Value, place: ir.Value) -> ir.Value:
        number = ir.IntType(64)
        return b.load(b.gep(bits, [place], source_etype=number), typ=number)


def _each_bit(
    b: ir.IRBuilder, word: ir.Value, initial: list[ir.Value], body: object
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
    new = body(place, carried)  # type: ignore[operator]
    left.add_incoming(b.and_(left, b.sub(left, i64(1))), b.block)
    for phi, value in zip(carried, new, strict=True):
        phi.add_incoming(value, b.block)
    b.branch(head)
    b.position_at_end(done)
    return carried
