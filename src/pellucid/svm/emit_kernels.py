"""Kernels between two sets of rows as machine code, and sums of them.

`pack_columns` and `pack_rows` bring the sets into the order of the product. `rows` writes the tiles
of `emit_products.py` to the rows of a result; `combine` sums them.
"""

from __future__ import annotations

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.routine import Body, Routine, begin
from pellucid.compiler.codegen.scalars import intrinsic
from pellucid.compiler.codegen.scope import first_lanes, masked_store
from pellucid.compiler.codegen.target import Target
from pellucid.core.dtypes import DType, float64
from pellucid.svm.emit_products import PACK, PRODUCT, Layout, Product, at, pack
from pellucid.svm.emit_vectors import LANES, Block, Vectors

CHUNK = 240  # columns that `combine` sums before it adds: strips of every machine fill it
PACK_COLUMNS, PACK_ROWS = Routine("pack_columns", PACK), Routine("pack_rows", PACK)
ROWS = Routine("rows", (*PRODUCT, "lcolumns", "pout"))
COMBINE = Routine(
    "combine", (*PRODUCT, "pcoefficients", "lcount", "lpadded", "pout", "pblocks", "lblock")
)


def emit(target: Target, dtype: DType) -> ir.Module:
    """The module for rows of a dtype."""
    module = ir.Module("kernels")
    module.triple = target.triple
    layout = Layout(target, dtype)
    pack(module, PACK_COLUMNS, dtype, layout.lanes, layout.vectors)
    pack(module, PACK_ROWS, dtype, layout.rows, 1)
    product = Product(module, dtype, layout)
    _rows(module, product)
    _combine(module, product, target)
    return module


def _rows(module: ir.Module, product: Product) -> None:
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
    body: Body, product: Product, room: ir.Value, tile: ir.Value, strip: ir.Value
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
        source = at(b, room, b.mul(line.index, i64(layout.width)), dtype)
        number = b.add(row, line.index)
        address = b.load(at(b, given["out"], number, float64), typ=ir.PointerType())
        goal = at(b, address, column, dtype)
        values = []
        for vector in range(layout.vectors):
            place = at(b, source, i64(vector * layout.lanes), dtype)
            values.append(b.load(place, typ=product.kind, align=dtype.itemsize))
        places = [at(b, goal, i64(n * layout.lanes), dtype) for n in range(layout.vectors)]
        with b.if_else(whole) as (all_of_them, some):
            with all_of_them:
                for value, place in zip(values, places, strict=True):
                    b.store(value, place, align=dtype.itemsize)
            with some:
                for value, place, mask in zip(values, places, masks, strict=True):
                    masked_store(b, value, place, dtype.itemsize, mask)


def _combine(module: ir.Module, product: Product, target: Target) -> None:
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


def _widen(b: ir.IRBuilder, product: Product, room: ir.Value, goal: ir.Value) -> None:
    """A tile as float64, its rows CHUNK numbers apart."""
    layout, dtype = product.layout, product.dtype
    with loop(b, i64(layout.rows), "line") as line:
        source = at(b, room, b.mul(line.index, i64(layout.width)), dtype)
        goals = at(b, goal, b.mul(line.index, i64(CHUNK)), float64)
        for vector in range(layout.vectors):
            place = at(b, source, i64(vector * layout.lanes), dtype)
            value = b.load(place, typ=product.kind, align=dtype.itemsize)
            if dtype is not float64:
                value = b.fpext(value, ir.VectorType(ir.DoubleType(), layout.lanes))
            b.store(value, at(b, goals, i64(vector * layout.lanes), float64), align=8)


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
