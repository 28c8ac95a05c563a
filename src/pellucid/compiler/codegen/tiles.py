"""Products of a few rows and a few vectors of columns, held in registers: functions of the module.

    tile(ptr x, i64 x_row, i64 x_k, ptr y, i64 y_k, ptr out, i64 out_row, i64 k, i64 columns,
         i1 more)

Every element of the tile adds its products by fused multiply-add in the order of k, from 0 on or,
where `more`, from what stands in `out`: so blocks of k change no bit. The left operand is read one
element at a time, so that its strides are free; the right one and the result are read and written
as vectors, the last of them under a mask of the columns there are. `strip` runs tiles over rows.
"""

from __future__ import annotations

from collections.abc import Sequence

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
from pellucid.core.shapes import Batch, Dim

# Rows and vectors of the largest tile: accumulators, a row of the right operand and one broadcast
# value must fit the registers (32 with AVX-512 and NEON, 16 before).
SHAPES = {64: (8, 3), 32: (4, 3), 16: (4, 3)}


def widest_tile(vector_bytes: int) -> int:
    """How many vectors a tile is wide."""
    return SHAPES[vector_bytes][1]


def _suffix(dtype: DType, vectors: int, rows: int | str) -> str:
    return f"{dtype.code}.{rows}x{vectors}"


def heights(rows: Dim, vector_bytes: int) -> tuple[int, ...]:
    """The tiles' numbers of rows that it takes to cover `rows`, largest first.

    Three are enough: what a fourth would save is less than the time to compile it.
    """
    most = SHAPES[vector_bytes][0]
    all = (most, most // 2, 1)
    if isinstance(rows, Batch):
        return all
    needed, left = [], rows
    for size in all:
        if left >= size:
            needed.append(size)
        left %= size
    return tuple(needed) or (1,)


def strip(
    module: ir.Module, dtype: DType, sizes: tuple[int, ...], vectors: int, vector_bytes: int
) -> ir.Function:
    """Tiles of these heights over any number of rows: a tile's arguments, then i64 rows."""
    name = f"strip.{_suffix(dtype, vectors, '_'.join(map(str, sizes)))}"
    known = module.globals.get(name)
    if known is not None:
        return known
    tiles = [_tile(module, dtype, rows, vectors, vector_bytes) for rows in sizes]
    number = ir.IntType(64)
    function = ir.Function(
        module, ir.FunctionType(ir.VoidType(), [*tiles[0].function_type.args, number]), name
    )
    function.linkage = "internal"
    b = ir.IRBuilder(function.append_basic_block("entry"))
    x, x_row, x_k, y, y_k, out, out_row, k, columns, more, rows = function.args
    kind = register_type(dtype)
    done: ir.Value = i64(0)
    for size, tile in zip(sizes, tiles, strict=True):
        left = b.sub(rows, done)
        count = b.udiv(left, i64(size))
        with loop(b, count, f"rows{size}") as one:
            row = b.add(done, b.mul(one.index, i64(size)))
            from_ = b.gep(x, [b.mul(row, x_row)], source_etype=kind)
            to = b.gep(out, [b.mul(row, out_row)], source_etype=kind)
            b.call(tile, [from_, x_row, x_k, y, y_k, to, out_row, k, columns, more])
        done = b.add(done, b.mul(count, i64(size)))
    b.ret_void()
    return function


def _tile(
    module: ir.Module, dtype: DType, rows: int, vectors: int, vector_bytes: int
) -> ir.Function:
    name = f"tile.{_suffix(dtype, vectors, rows)}"
    known = module.globals.get(name)
    if known is not None:
        return known
    pointer, number = ir.PointerType(), ir.IntType(64)
    types = [pointer, number, number, pointer, number, pointer, number, number, number]
    kind = ir.FunctionType(ir.VoidType(), [*types, ir.IntType(1)])
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    x, x_row, x_k, y, y_k, out, out_row, k, columns, more = function.args
    element, size = register_type(dtype), dtype.itemsize
    width = vector_bytes // size
    vector = ir.VectorType(element, width)
    b = ir.IRBuilder(function.append_basic_block("entry"))
    mask = first_lanes(b, b.sub(columns, i64((vectors - 1) * width)), width)
    offsets = [b.mul(x_row, i64(r)) for r in range(rows)]

    def places() -> list[ir.Value]:
        """Where the tile's vectors stand; made anew where needed, so that no register holds it."""
        found, row = [], out
        for _ in range(rows):
            found += [b.gep(row, [i64(v * width)], source_etype=element) for v in range(vectors)]
            row = b.gep(row, [out_row], source_etype=element)
        return found

    def read(place: ir.Value, v: int) -> ir.Value:
        if v < vectors - 1:
            return b.load(place, typ=vector, align=size)
        return masked_load(b, vector, place, size, mask)

    zeros = constant(vector, dtype, 0)
    start = b.block
    again, head = function.append_basic_block("again"), function.append_basic_block("ready")
    b.cbranch(more, again, head)
    b.position_at_end(again)
    begun = [read(place, n % vectors) for n, place in enumerate(places())]
    b.branch(head)
    b.position_at_end(head)
    initial = []
    for value in begun:
        phi = b.phi(vector)
        phi.add_incoming(zeros, start)
        phi.add_incoming(value, again)
        initial.append(phi)
    with loop(b, k, "k", [*initial, x, y]) as one:
        *sums, left, right = one.carried
        across = [
            read(b.gep(right, [i64(v * width)], source_etype=element), v) for v in range(vectors)
        ]
        new: list[ir.Value] = []
        for r in range(rows):
            at = b.gep(left, [offsets[r]], source_etype=element)
            value = splat(b, b.load(at, typ=element, align=size), width)
            own = sums[r * vectors : (r + 1) * vectors]
            new += [
                intrinsic(b, "fma", vector, value, y_v, total)
                for y_v, total in zip(across, own, strict=True)
            ]
        one.next = [
            *new,
            b.gep(left, [x_k], source_etype=element),
            b.gep(right, [y_k], source_etype=element),
        ]
    for n, (place, value) in enumerate(zip(places(), one.carried, strict=False)):
        if n % vectors < vectors - 1:
            b.store(value, place, align=size)
        else:
            masked_store(b, value, place, size, mask)
    b.ret_void()
    return function


def transposed(b: ir.IRBuilder, rows: Sequence[ir.Value]) -> list[ir.Value]:
    """Vectors as the rows of a square matrix; its columns, by log2(width) rounds of shuffles."""
    width = len(rows)
    i32 = ir.IntType(32)
    values = list(rows)
    half = width // 2
    while half:
        low = [i if i & half == 0 else width + i - half for i in range(width)]
        high = [i + half if i & half == 0 else width + i for i in range(width)]
        first = ir.Constant(ir.VectorType(i32, width), low)
        second = ir.Constant(ir.VectorType(i32, width), high)
        new = list(values)
        for i in range(width):
            if i & half == 0:
                x, y = values[i], values[i + half]
                new[i] = b.shuffle_vector(x, y, first)
                new[i + half] = b.shuffle_vector(x, y, second)
        values = new
        half //= 2
    return values


def pack(module: ir.Module, dtype: DType, crosswise: bool, vector_bytes: int) -> ir.Function:
    """void pack(ptr y, i64 y_k, i64 y_column, i64 k, i64 columns, ptr panel, i64 wide)

    panel[k, column] ← y[k, column] in rows of `wide`; what lies behind the columns is 0. Either the
    columns are neighbours, or y is read `crosswise`.
    """
    name = f"pack.{'turned' if crosswise else 'rows'}.{dtype.code}"
    known = module.globals.get(name)
    if known is not None:
        return known
    pointer, number = ir.PointerType(), ir.IntType(64)
    kind = ir.FunctionType(ir.VoidType(), [pointer, *[number] * 4, pointer, number])
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    y, y_k, y_column, k, columns, panel, wide = function.args
    width = vector_bytes // dtype.itemsize
    b = ir.IRBuilder(function.append_basic_block("entry"))
    packing = _Packing(b, dtype, width, y, y_k, y_column, panel, wide)
    with loop(b, b.udiv(wide, i64(width)), "group") as group:
        column = b.mul(group.index, i64(width))
        left = b.sub(columns, column)
        left = b.select(b.icmp_signed(">", left, i64(0)), left, i64(0))
        if not crosswise:
            mask = first_lanes(b, left, width)
            with loop(b, k, "k") as row:
                packing.copy(row.index, column, mask)
        else:
            # Squares turned in registers, where all columns of a group are there.
            whole = b.and_(b.icmp_signed("==", y_k, i64(1)), b.icmp_signed(">=", left, i64(width)))
            squares = b.select(whole, b.udiv(k, i64(width)), i64(0))
            with loop(b, squares, "square") as square:
                packing.square(b.mul(square.index, i64(width)), column)
            begin = b.mul(squares, i64(width))
            with loop(b, b.sub(k, begin), "rest") as row, loop(b, i64(width), "lane") as lane:
                there = b.icmp_signed("<", lane.index, left)
                packing.one(b.add(begin, row.index), b.add(column, lane.index), there)
    b.ret_void()
    return function


class _Packing:
    """How elements of y come into a panel."""

    def __init__(
        self, b: ir.IRBuilder, dtype: DType, width: int, y: ir.Value, y_k: ir.Value,
        y_column: ir.Value, panel: ir.Value, wide: ir.Value,
    ):  # fmt: skip
        self.b, self.dtype, self.width = b, dtype, width
        self.y, self.y_k, self.y_column, self.panel, self.wide = y, y_k, y_column, panel, wide
        self.element, self.size = register_type(dtype), dtype.itemsize
        self.vector = ir.VectorType(self.element, width)

    def _from(self, k: ir.Value, column: ir.Value) -> ir.Value:
        b = self.b
        offset = b.add(b.mul(k, self.y_k), b.mul(column, self.y_column))
        return b.gep(self.y, [offset], source_etype=self.element)

    def _to(self, k: ir.Value, column: ir.Value) -> ir.Value:
        b = self.b
        offset = b.add(b.mul(k, self.wide), column)
        return b.gep(self.panel, [offset], source_etype=self.element)

    def copy(self, k: ir.Value, column: ir.Value, mask: ir.Value) -> None:
        """One vector of neighbours."""
        value = masked_load(self.b, self.vector, self._from(k, column), self.size, mask)
        self.b.store(value, self._to(k, column), align=self.size)

    def square(self, k: ir.Value, column: ir.Value) -> None:
        """As many rows as a vector is wide, read along k."""
        b = self.b
        read = [
            b.load(self._from(k, b.add(column, i64(n))), typ=self.vector, align=self.size)
            for n in range(self.width)
        ]
        for n, value in enumerate(transposed(b, read)):
            b.store(value, self._to(b.add(k, i64(n)), column), align=self.size)

    def one(self, k: ir.Value, column: ir.Value, there: ir.Value) -> None:
        """One element; 0 where it is not `there`."""
        b = self.b
        place = self._from(k, b.select(there, column, i64(0)))
        value = b.load(place, typ=self.element, align=self.size)
        value = b.select(there, value, constant(self.element, self.dtype, 0))
        b.store(value, self._to(k, column), align=self.size)
