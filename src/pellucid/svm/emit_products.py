"""Tiles of kernels between two packed sets of rows, as machine code.

X is packed in strips of columns, A in tiles of rows, so that every load of the product is of
neighbours. A tile of the engine's own product (`codegen/tiles.py`) gives some rows and columns of
A·Xᵀ, and `finish` makes kernels of them while they stand in the nearest cache.

A product is summed along the features in their order, by fused multiply-add, and so are |a|² and
|x|²: where a = x, their distance |a|² + |x|² - 2 a·x is 0 exactly.
"""

from __future__ import annotations

import math

from pellucid.compiler.codegen.layout import memory_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, least, loop
from pellucid.compiler.codegen.mathfn import TABLE
from pellucid.compiler.codegen.routine import Body, Routine, begin
from pellucid.compiler.codegen.scalars import Element, intrinsic
from pellucid.compiler.codegen.scope import constant, first_lanes, splat
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.codegen.tiles import Tile, tile_size
from pellucid.core.dtypes import DType, float64
from pellucid.svm.emit_vectors import LANES
from pellucid.svm.kernels import KINDS

PACK = ("psource", "lrows", "ldepth", "pmean", "pgoal", "pnorms", "lgroups")
PRODUCT = (
    *("pright", "lstrips", "pcolumn_norms", "pleft", "ltiles", "prow_norms", "lpanel", "ldepth"),
    *("lkind", "dgamma", "dcoef0", "ldegree", "lrows"),
)


class Layout:
    """How the packed sets lie on a machine: tiles of `rows`, strips of `width` columns."""

    def __init__(self, target: Target, dtype: DType):
        self.rows, self.vectors = tile_size(target)
        self.lanes = target.vector_bytes // dtype.itemsize
        self.width = self.vectors * self.lanes
        # Strips of several columns that are whole vectors of LANES too.
        self.together = LANES // math.gcd(self.width, LANES)

    def strips(self, columns: int) -> int:
        """How many strips hold so many columns."""
        strips = -(-columns // self.width)
        return -(-strips // self.together) * self.together

    def tiles(self, rows: int) -> int:
        return -(-rows // self.rows)


def pack(module: ir.Module, form: Routine, dtype: DType, lanes: int, vectors: int) -> None:
    """goal[strip][k][width] = source[row][k] - mean[k], `lanes` rows at a time; |row|² beside it.

    Rows that are not there are zeros.
    """
    body = begin(module, form)
    b, given = body.builder, body.arguments
    element, i32 = memory_type(dtype), ir.IntType(32)
    kind = ir.VectorType(element, lanes)
    zero = constant(kind, dtype, 0)
    depth, width = given["depth"], i64(lanes * vectors)
    first, last = body.share(given["groups"])
    with loop(b, b.sub(last, first), "group") as one:
        group = b.add(first, one.index)
        start = b.mul(group, i64(lanes))
        end = b.sub(given["rows"], i64(1))
        there = b.sub(given["rows"], start)
        there = b.select(b.icmp_signed(">", there, i64(0)), there, i64(0))
        mask = first_lanes(b, least(b, there, i64(lanes)), lanes)
        lines = []
        for lane in range(lanes):
            row = least(b, b.add(start, i64(lane)), end)
            lines.append(at(b, given["source"], b.mul(row, depth), dtype))
        strip = b.udiv(group, i64(vectors))
        goal = b.mul(strip, b.mul(depth, width))
        goal = b.add(goal, b.mul(b.urem(group, i64(vectors)), i64(lanes)))
        with loop(b, depth, "k", [goal, zero]) as k:
            place, norm = k.carried
            value: ir.Value = ir.Constant(kind, ir.Undefined)
            for lane, line in enumerate(lines):
                number = b.load(at(b, line, k.index, dtype), typ=element)
                value = b.insert_element(value, number, ir.Constant(i32, lane))
            mean = b.load(at(b, given["mean"], k.index, dtype), typ=element)
            value = b.select(mask, b.fsub(value, splat(b, mean, lanes)), zero)
            b.store(value, at(b, given["goal"], place, dtype), align=dtype.itemsize)
            k.next = [b.add(place, width), intrinsic(b, "fma", kind, value, value, norm)]
        goal = at(b, given["norms"], start, dtype)
        b.store(k.carried[1], goal, align=dtype.itemsize)
    b.ret_void()


def at(b: ir.IRBuilder, base: ir.Value, index: ir.Value, dtype: DType) -> ir.Value:
    return b.gep(base, [index], inbounds=True, source_etype=memory_type(dtype))


class Product:
    """Tiles of kernels, in whatever routine needs them."""

    def __init__(self, module: ir.Module, dtype: DType, layout: Layout):
        self.dtype, self.layout = dtype, layout
        self.kind = ir.VectorType(memory_type(dtype), layout.lanes)
        tile = Tile(dtype, layout.rows, layout.vectors, layout.lanes, False)
        self.tile = tile.function(module)
        self.finish = [_Finish(module, self, kind).function for kind in KINDS]

    def open(self, body: Body) -> ir.Value:
        """Memory for a tile; to be asked for at a function's entry."""
        b, layout = body.builder, self.layout
        room = b.alloca(self.kind, i64(layout.rows * layout.vectors), "tile")
        return b.inttoptr(b.ptrtoint(room, ir.IntType(64)), ir.PointerType())

    def emit(self, body: Body, room: ir.Value, tile: ir.Value, strip: ir.Value) -> None:
        """The kernels of one tile and one strip, into `room`."""
        b, given, layout = body.builder, body.arguments, self.layout
        depth, rows, width = given["depth"], i64(layout.rows), i64(layout.width)
        left = at(b, given["left"], b.mul(tile, b.mul(depth, rows)), self.dtype)
        right = at(b, given["right"], b.mul(strip, b.mul(depth, width)), self.dtype)
        whole = i64(layout.lanes)
        b.call(
            self.tile,
            [left, i64(1), rows, right, width, room, width, depth, whole, i64(1)],
        )
        row_norms = at(b, given["row_norms"], b.mul(tile, rows), self.dtype)
        column_norms = at(b, given["column_norms"], b.mul(strip, width), self.dtype)
        after = b.append_basic_block("finished")
        choice = b.switch(given["kind"], after)
        for number, function in enumerate(self.finish):
            block = b.append_basic_block(KINDS[number])
            choice.add_case(i64(number), block)
            b.position_at_end(block)
            numbers = [given["gamma"], given["coef0"], given["degree"]]
            b.call(function, [room, row_norms, column_norms, *numbers])
            b.branch(after)
        b.position_at_end(after)


class _Finish:
    """void finish(tile, |a|², |x|², γ, c, degree): products become kernels, where they stand."""

    def __init__(self, module: ir.Module, product: Product, kind: str):
        self.dtype, self.kind = product.dtype, product.kind
        layout, pointer = product.layout, ir.PointerType()
        double = ir.DoubleType()
        types = [pointer, pointer, pointer, double, double, ir.IntType(64)]
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), types), f"finish.{kind}")
        function.linkage = "internal"
        self.function = function
        self.b = b = ir.IRBuilder(function.append_basic_block("entry"))
        room, row_norms, column_norms, gamma, coef0, self.degree = function.args
        self.gamma, self.coef0 = self._all(gamma), self._all(coef0)
        emit = getattr(self, f"_{kind}")
        with loop(b, i64(layout.rows), "row") as row:
            line = at(b, room, b.mul(row.index, i64(layout.width)), self.dtype)
            norm = b.load(at(b, row_norms, row.index, self.dtype), typ=self.kind.element)
            for vector in range(layout.vectors):
                place = at(b, line, i64(vector * layout.lanes), self.dtype)
                norms = at(b, column_norms, i64(vector * layout.lanes), self.dtype)
                value = emit(self._load(place), splat(b, norm, layout.lanes), self._load(norms))
                b.store(value, place, align=self.dtype.itemsize)
        b.ret_void()

    def _all(self, value: ir.Value) -> ir.Value:
        if self.dtype is not float64:
            value = self.b.fptrunc(value, self.kind.element)
        return splat(self.b, value, self.kind.count)

    def _load(self, place: ir.Value) -> ir.Value:
        return self.b.load(place, typ=self.kind, align=self.dtype.itemsize)

    def _number(self, value: float) -> ir.Constant:
        return constant(self.kind, self.dtype, value)

    def _fma(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        return intrinsic(self.b, "fma", self.kind, x, y, z)

    def _linear(self, product: ir.Value, row: ir.Value, column: ir.Value) -> ir.Value:
        return product

    def _inner(self, product: ir.Value) -> ir.Value:
        """γ a·x + c."""
        return self._fma(self.gamma, product, self.coef0)

    def _poly(self, product: ir.Value, row: ir.Value, column: ir.Value) -> ir.Value:
        """(γ a·x + c)^degree by squares."""
        b = self.b
        bits = b.sub(i64(64), b.ctlz(self.degree, ir.Constant(ir.IntType(1), 0)))
        with loop(b, bits, "bit", [self._number(1), self._inner(product)]) as one:
            power, square = one.carried
            bit = b.trunc(b.lshr(self.degree, one.index), ir.IntType(1))
            power = b.select(bit, b.fmul(power, square), power)
            one.next = [power, b.fmul(square, square)]
        return one.carried[0]

    def _sigmoid(self, product: ir.Value, row: ir.Value, column: ir.Value) -> ir.Value:
        element = Element(self.b, "", (self.dtype,))
        return TABLE["tanh"](element, self._inner(product))

    def _rbf(self, product: ir.Value, row: ir.Value, column: ir.Value) -> ir.Value:
        b = self.b
        distance = self._fma(self._number(-2), product, b.fadd(row, column))
        below = b.fcmp_ordered("<", distance, self._number(0))  # NaN stays NaN
        distance = b.select(below, self._number(0), distance)
        return self._exp(b.fneg(b.fmul(self.gamma, distance)))

    def _exp(self, x: ir.Value) -> ir.Value:
        """eˣ for x ≤ 0; 0 where that is no normal number.

        x = n·ln 2 + r: Taylor's series at r, and n goes into the bits of the exponent.
        """
        b, wide = self.b, self.dtype is float64
        fraction = 52 if wide else 23
        whole = ir.VectorType(ir.IntType(64 if wide else 32), self.kind.count)
        ln2 = (0.693147180369123816490, 1.90821492927058770002e-10)
        if not wide:
            ln2 = (0.693145751953125, 1.4286068203094172321e-06)
        tiny = b.fcmp_ordered("<", x, self._number(-708.0 if wide else -87.0))
        inside = b.select(tiny, self._number(0), x)
        magic = self._number(1.5 * 2.0**fraction)  # drops the fraction of what it is added to
        shifted = self._fma(inside, self._number(1 / math.log(2)), magic)
        n = b.fsub(shifted, magic)
        r = self._fma(n, self._number(-ln2[0]), inside)
        r = self._fma(n, self._number(-ln2[1]), r)
        series = [1 / math.factorial(k) for k in range(14 if wide else 8)]
        value: ir.Value = self._number(series[-1])
        for term in series[-2::-1]:
            value = self._fma(value, r, self._number(term))
        places = ir.Constant(whole, [ir.Constant(whole.element, fraction)] * whole.count)
        power = b.shl(b.bitcast(shifted, whole), places)
        value = b.bitcast(b.add(b.bitcast(value, whole), power), self.kind)
        return b.select(tiny, self._number(0), value)
