"""`contract`: products summed over paired axes, each result in the order of k.

out[b, i, j] = Σ_k x[b, i, k] · y[b, k, j], by fused multiply-add from 0 on, k in row-major order of
the `summed` pairs. The order is a promise (semantics §9): tiles, threads and stretches of k leave
it as it is, since what a stretch has added up is stored and loaded again, never added twice.

A thread computes whole vectors of columns, so that its part of the weights stays in its own cache;
vectors that do not come out even are shared by rows. `blocks.py` computes such a part.
"""

from __future__ import annotations

from pellucid.compiler.codegen.blocks import block
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.parts import Form, Given, room
from pellucid.compiler.codegen.plain import plain
from pellucid.compiler.codegen.product import CONTEXT_BYTES, Product
from pellucid.compiler.codegen.scope import SCRATCH_BYTES, Scope
from pellucid.compiler.codegen.skip import Skip
from pellucid.compiler.codegen.tiles import tile_size

FAR = 2048  # bytes between lines of y from which a walk along k is better packed


def contract(scope: Scope) -> None:
    """The product, and what the kernel does to each part of it as it is finished."""
    if not (scope.head.type.dtype.is_float and scope.target.fused):
        plain(scope)
        return
    product = Product(scope)
    skip, tiled = Skip.of(product), Tiled(product)
    if skip is None:
        tiled.emit()
        return
    with scope.builder.if_else(skip.decide()) as (few, many):
        with few:
            skip.emit()
        with many:
            tiled.emit()


class Tiled:
    """A contraction in tiles: who computes what, and with which function."""

    def __init__(self, product: Product):
        self.product, self.scope, self.b = product, product.scope, product.b
        self.axes, self.dtype, self.lanes = product.axes, product.dtype, product.lanes
        target = self.scope.target
        self.height, _ = tile_size(target)
        assert room(self.dtype, target) <= SCRATCH_BYTES - CONTEXT_BYTES
        self.function = block(self._form(), self.b.module, target, self.axes)

    def _form(self) -> Form:
        axes, columns = self.axes, self.axes.columns
        there = axes.x_rows.single and axes.x_depth.single
        x, y = "there" if there else "tables", self._reading_of_y()
        owner = f"{self.b.function.name}." if "tables" in (x, y) or "gather" in (x, y) else ""
        even = isinstance(axes.rows, int) and axes.rows % self.height == 0
        narrow = isinstance(columns, int) and columns <= self.lanes
        return Form(self.dtype, x, y, even, narrow, not self.product.direct, owner)

    def _reading_of_y(self) -> str:
        columns, depth = self.axes.y_columns, self.axes.y_depth
        if columns.contiguous and depth.single:
            far = isinstance(depth.step, int) and depth.step * self.dtype.itemsize >= FAR
            return "copy" if far else "there"
        return "turn" if columns.single and depth.contiguous else "gather"

    def emit(self) -> None:
        scope, b = self.scope, self.b
        part, parts = scope.part, scope.parts
        if self.axes.batches == 1:
            self._matrix(i64(0), part, parts)
            return
        # Whole batches first; those that do not come out even are shared by columns.
        count = scope.dim(self.axes.batches)
        each = b.udiv(count, parts)
        shared = b.mul(each, parts)
        with loop(b, b.add(each, b.sub(count, shared)), "batch") as one:
            own = b.icmp_signed("<", one.index, each)
            first = b.add(b.mul(part, each), one.index)
            left = b.add(shared, b.sub(one.index, each))
            self._matrix(
                b.select(own, first, left), b.select(own, i64(0), part),
                b.select(own, i64(1), parts),
            )  # fmt: skip

    def _matrix(self, batch: ir.Value, part: ir.Value, parts: ir.Value) -> None:
        """This thread's part of one matrix product."""
        b = self.b
        rows, columns = self.scope.dim(self.axes.rows), self.scope.dim(self.axes.columns)
        vectors, tiles = groups(b, columns, self.lanes), groups(b, rows, self.height)
        each = b.udiv(vectors, parts)
        # With fewer tiles of rows than threads, vectors are shared as evenly as they go.
        few = b.icmp_signed("<", tiles, parts)
        after = b.add(part, i64(1))
        first, last = (
            b.select(few, b.udiv(b.mul(vectors, n), parts), b.mul(each, n)) for n in (part, after)
        )
        first, last = (least(b, b.mul(n, i64(self.lanes)), columns) for n in (first, last))
        shared = b.mul(b.select(few, vectors, b.mul(each, parts)), i64(self.lanes))
        top, bottom = (
            least(b, b.mul(b.udiv(b.mul(tiles, n), parts), i64(self.height)), rows)
            for n in (part, after)
        )
        # Twice: this thread's columns with all rows, its rows of the columns that are shared.
        with loop(b, i64(2), "part") as one:
            own = b.icmp_signed("==", one.index, i64(0))
            begin, end = b.select(own, first, shared), b.select(own, last, columns)
            with b.if_then(b.icmp_signed("<", begin, end)):
                self._call(
                    batch, b.select(own, i64(0), top), b.select(own, rows, bottom), begin, end
                )

    def _call(self, batch: ir.Value, *rectangle: ir.Value) -> None:
        scope, axes, b, product = self.scope, self.axes, self.b, self.product
        top, bottom, first, last = rectangle
        given = Given(
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
