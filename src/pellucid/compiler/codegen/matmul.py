"""`contract`: products summed over paired axes, each result in the order of k.

out[b, i, j] = Σ_k x[b, i, k] · y[b, k, j], by fused multiply-add from 0 on, k in row-major order of
the `summed` pairs. The order is a promise (semantics §9): tiles, threads and stretches of k leave
it as it is, since what a stretch has added up is stored and loaded again, never added twice. With
the attribute `block` each block of k is such a sum, and blocks meet in their tree (`tree.py`).

A thread computes whole vectors of columns, so that its part of the weights stays in its own cache;
vectors that do not come out even are shared by rows. So is a tall product, such as that of all
windows with a few filters: there the rows are what is large, and half of the columns would fill no
tile. `blocks.py` computes such a part.
"""

from __future__ import annotations

from pellucid.compiler.codegen.blocks import block
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.operand_panels import BlockArguments, BlockVariant, scratch_bytes
from pellucid.compiler.codegen.outer import Outer
from pellucid.compiler.codegen.product import CONTEXT_BYTES, Product
from pellucid.compiler.codegen.scalar_contract import scalar_contract
from pellucid.compiler.codegen.scope import SCRATCH_BYTES, Scope
from pellucid.compiler.codegen.tiles import Tile, tile_size
from pellucid.compiler.codegen.tree import elements
from pellucid.compiler.codegen.zero_skipping import TreeZeroSkipping, ZeroSkipping
from pellucid.core.shapes import Batch

FAR = 2048  # bytes between lines of y from which a walk along k is better packed
TALL = 2  # times as many rows as columns: threads share the rows ...
TILES = 8  # ... where each gets as many tiles of them, so that their parts are about even


def contract(scope: Scope) -> None:
    """The product, and what the kernel does to each part of it as it is finished."""
    if not (scope.head.type.dtype.is_float and scope.target.fused):
        scalar_contract(scope)
        return
    product = Product(scope)
    row = Row.of(product)
    if row is not None:
        row.emit()
        return
    outer = Outer.of(product)
    if outer is None:
        _by_tiles(product)
    elif not isinstance(product.axes.depth, Batch):
        outer.emit()
    else:
        with scope.builder.if_else(outer.holds()) as (few, many):
            with few:
                outer.emit()
            with many:
                _by_tiles(product)


def _by_tiles(product: Product) -> None:
    """A product in tiles, or past the zeros of its left operand where these are many."""
    scope, b = product.scope, product.b
    skipping = ZeroSkipping if product.block is None else TreeZeroSkipping
    skip, tiled = skipping.of(product), Tiled(product)
    if skip is None:
        tiled.emit()
        return
    rows = scope.dim(product.axes.rows)
    stretch = skip.stretch(tiled.height)
    with loop(b, groups(b, rows, stretch), "stretch") as one:
        top = b.mul(one.index, stretch)
        bottom = least(b, b.add(top, stretch), rows)
        with b.if_else(skip.decide(top, bottom)) as (few, many):
            with few:
                skip.emit(top, bottom)
            with many:
                tiled.matrix(i64(0), scope.thread, scope.threads, top, bottom)


class Row:
    """A single row times a matrix whose columns are neighbours: a prediction for one sample.

    Each sum waits for its own last product, so as many columns as there are registers go along k
    together, where a tile of several rows has three vectors.
    """

    VECTORS = 16  # of columns at a time, at most
    LARGEST = 1 << 19  # elements of the matrix; more are worth several threads

    def __init__(self, product: Product):
        self.product, self.scope, self.b = product, product.scope, product.b

    @classmethod
    def of(cls, product: Product) -> Row | None:
        """How `product` is computed if it is such a one."""
        axes, target = product.axes, product.scope.target
        if axes.batches != 1 or axes.rows != 1 or not target.masks or target.registers < 32:
            return None
        if product.block is not None:
            return None
        if not (isinstance(axes.columns, int) and isinstance(axes.depth, int)):
            return None
        there = axes.x_rows.single and axes.x_depth.single
        if not (there and axes.y_columns.contiguous and axes.y_depth.single):
            return None
        return cls(product) if axes.columns * axes.depth <= cls.LARGEST else None

    def emit(self) -> None:
        scope, b, product, axes = self.scope, self.b, self.product, self.product.axes
        assert isinstance(axes.columns, int)
        lanes, dtype = product.lanes, product.dtype
        vectors = -(-axes.columns // lanes)
        passes = -(-vectors // self.VECTORS)
        with b.if_then(scope.first_thread()):
            for number in range(passes):  # as even as they go: the longest chain decides
                first, last = (vectors * n // passes for n in (number, number + 1))
                column = first * lanes
                width = min(last * lanes, axes.columns) - column
                thread = b.gep(scope.scratch, [i64(0)], source_etype=ir.IntType(8))
                line = i64((last - first) * lanes)
                if product.direct:
                    thread, line = product.goal(i64(0), i64(column))
                tile = Tile(dtype, 1, last - first, lanes, True)
                b.call(
                    tile.function(b.module),
                    [
                        product.left(i64(0)),
                        i64(0),
                        scope.dim(axes.x_depth.step),
                        product.right(i64(column)),
                        scope.dim(axes.y_depth.step),
                        thread,
                        line,
                        scope.dim(axes.depth),
                        i64(width - (last - first - 1) * lanes),
                        i64(1),
                    ],
                )
                product.finish(thread, line, i64(0), i64(1), i64(column), i64(width))


class Tiled:
    """A contraction in tiles: who computes what, and with which function."""

    def __init__(self, product: Product):
        self.product, self.scope, self.b = product, product.scope, product.b
        self.axes, self.dtype, self.lanes = product.axes, product.dtype, product.lanes
        target = self.scope.target
        self.height, _ = tile_size(target)
        assert scratch_bytes(self.dtype, target) <= SCRATCH_BYTES - CONTEXT_BYTES
        self.function = block(self._form(), self.b.module, target, self.axes)

    def _form(self) -> BlockVariant:
        axes, columns = self.axes, self.axes.columns
        there = axes.x_rows.single and axes.x_depth.single
        x, y = "there" if there else "tables", self._reading_of_y()
        owner = f"{self.b.function.name}." if "tables" in (x, y) or "gather" in (x, y) else ""
        even = isinstance(axes.rows, int) and axes.rows % self.height == 0
        narrow = isinstance(columns, int) and columns <= self.lanes
        rest, tree = not self.product.direct, self.product.block is not None
        return BlockVariant(self.dtype, x, y, even, narrow, rest, owner, tree)

    def _reading_of_y(self) -> str:
        columns, depth = self.axes.y_columns, self.axes.y_depth
        if columns.contiguous and depth.single:
            far = isinstance(depth.step, int) and depth.step * self.dtype.itemsize >= FAR
            return "copy" if far else "there"
        return "transpose" if columns.single and depth.contiguous else "gather"

    def emit(self) -> None:
        scope, b = self.scope, self.b
        thread, threads = scope.thread, scope.threads
        rows = scope.dim(self.axes.rows)
        if self.axes.batches == 1:
            self.matrix(i64(0), thread, threads, i64(0), rows)
            return
        # Whole batches first; those that do not come out even are shared by columns.
        count = scope.dim(self.axes.batches)
        each = b.udiv(count, threads)
        shared = b.mul(each, threads)
        with loop(b, b.add(each, b.sub(count, shared)), "batch") as one:
            own = b.icmp_signed("<", one.index, each)
            first = b.add(b.mul(thread, each), one.index)
            left = b.add(shared, b.sub(one.index, each))
            self.matrix(
                b.select(own, first, left),
                b.select(own, i64(0), thread),
                b.select(own, i64(1), threads),
                i64(0),
                rows,
            )

    def matrix(
        self, batch: ir.Value, thread: ir.Value, threads: ir.Value, above: ir.Value, below: ir.Value
    ) -> None:
        """This thread's part of rows `above` to `below` of one matrix product."""
        b = self.b
        rows, columns = b.sub(below, above), self.scope.dim(self.axes.columns)
        vectors, tiles = groups(b, columns, self.lanes), groups(b, rows, self.height)
        tall = b.and_(
            b.icmp_signed(">=", rows, b.mul(i64(TALL), columns)),
            b.icmp_signed(">=", tiles, b.mul(i64(TILES), threads)),
        )
        each = b.select(tall, i64(0), b.udiv(vectors, threads))
        # With fewer tiles of rows than threads, vectors are shared as evenly as they go.
        few = b.icmp_signed("<", tiles, threads)
        after = b.add(thread, i64(1))
        first, last = (
            b.select(few, b.udiv(b.mul(vectors, n), threads), b.mul(each, n))
            for n in (thread, after)
        )
        first, last = (least(b, b.mul(n, i64(self.lanes)), columns) for n in (first, last))
        shared = b.mul(b.select(few, vectors, b.mul(each, threads)), i64(self.lanes))
        top, bottom = (
            b.add(above, least(b, b.mul(b.udiv(b.mul(tiles, n), threads), i64(self.height)), rows))
            for n in (thread, after)
        )
        # Twice: this thread's columns with all rows, its rows of the columns that are shared.
        with loop(b, i64(2), "part") as one:
            own = b.icmp_signed("==", one.index, i64(0))
            begin, end = b.select(own, first, shared), b.select(own, last, columns)
            with b.if_then(b.icmp_signed("<", begin, end)):
                self._call(
                    batch, b.select(own, above, top), b.select(own, below, bottom), begin, end
                )

    def _call(self, batch: ir.Value, *rectangle: ir.Value) -> None:
        scope, axes, b, product = self.scope, self.axes, self.b, self.product
        top, bottom, first, last = rectangle
        given = BlockArguments(
            x=scope.place(product.x, axes.x_batch.offset(b, scope.dim, batch)),
            x_row=scope.dim(axes.x_rows.step),
            x_k=scope.dim(axes.x_depth.step),
            y=scope.place(product.y, axes.y_batch.offset(b, scope.dim, batch)),
            y_column=scope.dim(axes.y_columns.step),
            y_k=scope.dim(axes.y_depth.step),
            out=scope.out.pointer,
            columns=scope.dim(axes.columns),
            base_row=b.mul(batch, scope.dim(axes.rows)),
            depth=scope.dim(axes.depth),
            block=i64(0) if product.block is None else elements(scope, product.block),
            first_row=top,
            last_row=bottom,
            first=first,
            last=last,
            epilogue=product.rest,
            context=product.context,
            scratch=scope.scratch,
            n=scope.rows,
        )
        b.call(self.function, given)
