"""Kernels between two sets of rows as machine code, and sums of them.

Both sets are packed first: X in strips of columns, A in tiles of rows, so that every load of the
product is of neighbours. A tile of the engine's own product (`codegen/tiles.py`) then gives some
rows and columns of A·Xᵀ, `finish` makes kernels of them while they stand in the nearest cache, and
they go to the rows of the result, or into sums.

A product is summed along the features in their order, by fused multiply-add, and so are |a|² and
|x|²: where a = x, their distance |a|² + |x|² - 2 a·x is 0 exactly.
"""

from __future__ import annotations

import math

from pellucid.compiler.codegen.layout import memory_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.mathfn import TABLE
from pellucid.compiler.codegen.routine import Body, Routine, begin
from pellucid.compiler.codegen.scalars import Element, intrinsic
from pellucid.compiler.codegen.scope import constant, first_lanes, masked_store, splat
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.codegen.tiles import Tile, tile_size
from pellucid.core.dtypes import DType, float64
from pellucid.svm.emit_vectors import LANES, Block, Vectors
from pellucid.svm.reference import KINDS

CHUNK = 240  # columns that `combine` sums before it adds: strips of every machine fill it
_PACK = ("psource", "lrows", "ldepth", "pmean", "pgoal", "pnorms", "lgroups")
_PRODUCT = (
    *("pright", "lstrips", "pcolumn_norms", "pleft", "ltiles", "prow_norms", "lpanel"),
    "ldepth",
    *("lkind", "dgamma", "dcoef0", "ldegree", "lrows"),
)
PACK_COLUMNS, PACK_ROWS = Routine("pack_columns", _PACK), Routine("pack_rows", _PACK)
ROWS = Routine("rows", (*_PRODUCT, "lcolumns", "pout"))
COMBINE = Routine(
    "combine", (*_PRODUCT, "pcoefficients", "lcount", "lpadded", "pout", "pblocks", "lblock")
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


def emit(target: Target, dtype: DType) -> ir.Module:
    """The module for rows of a dtype."""
    module = ir.Module("kernels")
    module.triple = target.triple
    layout = Layout(target, dtype)
    _pack(module, PACK_COLUMNS, dtype, layout.lanes, layout.vectors)
    _pack(module, PACK_ROWS, dtype, layout.rows, 1)
    product = _Product(module, dtype, layout)
    _rows(module, product)
    _combine(module, product, target)
    return module


def _pack(module: ir.Module, form: Routine, dtype: DType, lanes: int, vectors: int) -> None:
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
            lines.append(_at(b, given["source"], b.mul(row, depth), dtype))
        strip = b.udiv(group, i64(vectors))
        goal = b.mul(strip, b.mul(depth, width))
        goal = b.add(goal, b.mul(b.urem(group, i64(vectors)), i64(lanes)))
        with loop(b, depth, "k", [goal, zero]) as k:
            place, norm = k.carried
            value: ir.Value = ir.Constant(kind, ir.Undefined)
            for lane, line in enumerate(lines):
                number = b.load(_at(b, line, k.index, dtype), typ=element)
                value = b.insert_element(value, number, ir.Constant(i32, lane))
            mean = b.load(_at(b, given["mean"], k.index, dtype), typ=element)
            value = b.select(mask, b.fsub(value, splat(b, mean, lanes)), zero)
            b.store(value, _at(b, given["goal"], place, dtype), align=dtype.itemsize)
            k.next = [b.add(place, width), intrinsic(b, "fma", kind, value, value, norm)]
        goal = _at(b, given["norms"], start, dtype)
        b.store(k.carried[1], goal, align=dtype.itemsize)
    b.ret_void()


def _at(b: ir.IRBuilder, base: ir.Value, index: ir.Value, dtype: DType) -> ir.Value:
    return b.gep(base, [index], inbounds=True, source_etype=memory_type(dtype))


class _Product:
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
        left = _at(b, given["left"], b.mul(tile, b.mul(depth, rows)), self.dtype)
        right = _at(b, given["right"], b.mul(strip, b.mul(depth, width)), self.dtype)
        whole = i64(layout.lanes)
        b.call(
            self.tile,
            [left, i64(1), rows, right, width, room, width, depth, whole, i64(1)],
        )
        row_norms = _at(b, given["row_norms"], b.mul(tile, rows), self.dtype)
        column_norms = _at(b, given["column_norms"], b.mul(strip, width), self.dtype)
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

    def __init__(self, module: ir.Module, product: _Product, kind: str):
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
            line = _at(b, room, b.mul(row.index, i64(layout.width)), self.dtype)
            norm = b.load(_at(b, row_norms, row.index, self.dtype), typ=self.kind.element)
            for vector in range(layout.vectors):
                place = _at(b, line, i64(vector * layout.lanes), self.dtype)
                norms = _at(b, column_norms, i64(vector * layout.lanes), self.dtype)
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


def _rows(module: ir.Module, product: _Product) -> None:
    """Kernels to the rows of the result, whose addresses stand in `out`.

    Threads share pairs of a panel and a tile; a panel is as many strips as stay in a core's cache
    while tiles pass by.
    """
    body = begin(module, ROWS)
    b, given = body.builder, body.arguments
    room = product.open(body)
    tiles, panel = given["tiles"], given["panel"]
    first, last = body.share(b.mul(groups(b, given["strips"], panel), tiles))
    with loop(b, b.sub(last, first), "unit") as one:
        unit = b.add(first, one.index)
        tile, strip0 = b.urem(unit, tiles), b.mul(b.udiv(unit, tiles), panel)
        strips = least(b, panel, b.sub(given["strips"], strip0))
        with loop(b, strips, "strip") as each:
            _tile_to_rows(body, product, room, tile, b.add(strip0, each.index))
    b.ret_void()


def _tile_to_rows(
    body: Body, product: _Product, room: ir.Value, tile: ir.Value, strip: ir.Value
) -> None:
    """The kernels of a tile and a strip that are there."""
    b, given, layout, dtype = body.builder, body.arguments, product.layout, product.dtype
    product.emit(body, room, tile, strip)
    column, row = b.mul(strip, i64(layout.width)), b.mul(tile, i64(layout.rows))
    left = b.sub(given["columns"], column)
    height = least(b, b.sub(given["rows"], row), i64(layout.rows))
    whole = b.icmp_signed(">=", left, i64(layout.width))
    masks = []
    for vector in range(layout.vectors):
        there = b.sub(left, i64(vector * layout.lanes))
        there = b.select(b.icmp_signed(">", there, i64(0)), there, i64(0))
        masks.append(first_lanes(b, least(b, there, i64(layout.lanes)), layout.lanes))
    with loop(b, height, "line") as line:
        source = _at(b, room, b.mul(line.index, i64(layout.width)), dtype)
        number = b.add(row, line.index)
        address = b.load(_at(b, given["out"], number, float64), typ=ir.PointerType())
        goal = _at(b, address, column, dtype)
        values = []
        for vector in range(layout.vectors):
            place = _at(b, source, i64(vector * layout.lanes), dtype)
            values.append(b.load(place, typ=product.kind, align=dtype.itemsize))
        places = [_at(b, goal, i64(n * layout.lanes), dtype) for n in range(layout.vectors)]
        with b.if_else(whole) as (all_of_them, some):
            with all_of_them:
                for value, place in zip(values, places, strict=True):
                    b.store(value, place, align=dtype.itemsize)
            with some:
                for value, place, mask in zip(values, places, masks, strict=True):
                    masked_store(b, value, place, dtype.itemsize, mask)


def _combine(module: ir.Module, product: _Product, target: Target) -> None:
    """out[m][k] += Σ_n K(a_m, x_n) · coefficients[k][n], CHUNK columns at a time.

    Each thread takes blocks of tiles. The kernels of a block and a chunk stand in `blocks` as
    float64; lane n mod LANES of a vector sums column n, and the lanes are joined in pairs.
    """
    body = begin(module, COMBINE)
    b, given, layout, dtype = body.builder, body.arguments, product.layout, product.dtype
    room = product.open(body)
    v = Vectors(b, dtype)
    size, high = given["block"], i64(layout.rows)
    together = CHUNK // layout.width
    mine = b.mul(b.mul(size, high), b.mul(body.thread, i64(CHUNK)))
    kernels = v.at(given["blocks"], mine)
    first, last = body.share(groups(b, given["tiles"], size))
    with loop(b, b.sub(last, first), "block") as one:
        tile0 = b.mul(b.add(first, one.index), size)
        tiles = least(b, size, b.sub(given["tiles"], tile0))
        with loop(b, groups(b, given["strips"], together), "chunk") as chunk:
            strip0 = b.mul(chunk.index, i64(together))
            strips = least(b, i64(together), b.sub(given["strips"], strip0))
            with loop(b, strips, "strip") as strip, loop(b, tiles, "tile") as tile:
                product.emit(body, room, b.add(tile0, tile.index), b.add(strip0, strip.index))
                place = b.mul(b.mul(tile.index, high), i64(CHUNK))
                place = b.add(place, b.mul(strip.index, i64(layout.width)))
                _widen(b, product, room, v.at(kernels, place))
            columns = b.mul(strips, i64(layout.width))
            column = b.mul(strip0, i64(layout.width))
            with loop(b, tiles, "tile") as tile, loop(b, given["count"], "k") as k:
                line = b.add(b.mul(k.index, given["padded"]), column)
                weights = v.at(given["coefficients"], line)
                source = v.at(kernels, b.mul(b.mul(tile.index, high), i64(CHUNK)))
                row = b.mul(b.add(tile0, tile.index), high)
                goal = b.add(b.mul(row, given["count"]), k.index)
                goal = v.at(given["out"], goal)
                part = layout.rows if target.vector_bytes == 64 else layout.rows // 2
                for number in range(0, layout.rows, part):
                    _dots(v, source, number, part, weights, columns, goal, given["count"])
    b.ret_void()


def _widen(b: ir.IRBuilder, product: _Product, room: ir.Value, goal: ir.Value) -> None:
    """A tile as float64, its rows CHUNK numbers apart."""
    layout, dtype = product.layout, product.dtype
    with loop(b, i64(layout.rows), "line") as line:
        source = _at(b, room, b.mul(line.index, i64(layout.width)), dtype)
        goals = _at(b, goal, b.mul(line.index, i64(CHUNK)), float64)
        for vector in range(layout.vectors):
            place = _at(b, source, i64(vector * layout.lanes), dtype)
            value = b.load(place, typ=product.kind, align=dtype.itemsize)
            if dtype is not float64:
                value = b.fpext(value, ir.VectorType(ir.DoubleType(), layout.lanes))
            b.store(value, _at(b, goals, i64(vector * layout.lanes), float64), align=8)


def _dots(
    v: Vectors,
    source: ir.Value,
    first: int,
    rows: int,
    weights: ir.Value,
    columns: ir.Value,
    goal: ir.Value,
    step: ir.Value,
) -> None:
    """Adds to some rows of a sum what a chunk of columns gives."""
    b = v.b
    with loop(b, b.sdiv(columns, i64(LANES)), "dot", [v.number(0)] * rows) as one:
        start = b.mul(one.index, i64(LANES))
        weight = v.load(weights, Block(start, None), 0)
        one.next = []
        for row in range(rows):
            place = b.add(start, i64((first + row) * CHUNK))
            value = v.load(source, Block(place, None), 0)
            one.next.append(intrinsic(b, "fma", v.kind, value, weight, one.carried[row]))
    for row in range(rows):
        place = v.at(goal, b.mul(step, i64(first + row)))
        known = b.load(place, typ=ir.DoubleType())
        b.store(b.fadd(known, v.reduce(b.fadd, one.carried[row])), place)
