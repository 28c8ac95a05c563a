"""`contract`: products summed over paired axes, in tiles, packed panels and blocks.

out[b, i, j] = Σ_k x[b, i, k] · y[b, k, j], by fused multiply-add from 0 on, k in row-major order of
the `summed` pairs. The order is a promise (semantics §9): no tile, block or thread changes it.

Each thread owns as many vectors of columns as the others, and so its part of the weights stays in
its own cache; of the vectors that are left over it owns rows. Columns are done in panels as wide as
a tile, then one vector at a time. A panel of y whose columns are no neighbours, or lie in rows far
apart, is packed first. Rows are done in blocks; behind the last block of k the kernel's elementwise
rest is applied to each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.matrices import PANEL_BYTES, Matrices, Product, matrices
from pellucid.compiler.codegen.plain import plain
from pellucid.compiler.codegen.scope import Scope
from pellucid.compiler.codegen.skip import Skip
from pellucid.compiler.codegen.sparse import SIZES
from pellucid.compiler.codegen.tiles import heights, pack, strip, widest_tile
from pellucid.core.shapes import Batch

BLOCK_ROWS = 64  # rows whose results stay in the first cache until the epilogue has read them
FAR = 2048  # bytes between rows of y from which a walk along k is better packed

# (batch, first column, columns, first row, last row, vectors): a panel of results
Panel = Callable[..., None]


def contract(scope: Scope) -> None:
    """The product of the kernel's head, and what the kernel does with it."""
    form = matrices(scope)
    if form is None or not scope.head.type.dtype.is_float:
        plain(scope)
        return
    Tiled(scope, form).emit()


class Tiled(Product):
    """The code of one contraction in tiles."""

    def __init__(self, scope: Scope, form: Matrices):
        super().__init__(scope, form)
        self.tile = widest_tile(scope.vector_bytes)
        self.heights = heights(form.rows, scope.vector_bytes)
        self.block_k = PANEL_BYTES // (self.tile * self.width * self.dtype.itemsize)

    def emit(self) -> None:
        skip, b = Skip.of(self), self.b
        with loop(b, self.scope.dim(self.form.batch), "batch") as one:
            if skip is None:
                self._areas(one.index, (self.tile, 1), self._panel)
                return
            with b.if_else(skip.decide()) as (few, many):
                with few:
                    self._areas(one.index, SIZES, skip.panel)
                with many:
                    self._areas(one.index, (self.tile, 1), self._panel)

    def _areas(self, batch: ir.Value, sizes: Sequence[int], panel: Panel) -> None:
        """This thread's own columns, all rows of them; then its rows of the columns left over."""
        b, form = self.b, self.form
        rows, columns = self.scope.dim(form.rows), self.scope.dim(form.columns)
        part, parts = self.scope.part, self.scope.parts
        vectors = b.udiv(b.add(columns, i64(self.width - 1)), i64(self.width))
        own = b.udiv(vectors, parts)
        edge = b.mul(b.mul(own, parts), i64(self.width))  # where the columns that all share begin
        edge = b.select(b.icmp_signed("<", edge, columns), edge, columns)
        # Rows in groups that tiles cover, so that each thread needs the same tiles.
        group = self.heights[0]
        top, bottom = _share(b, b.udiv(b.add(rows, i64(group - 1)), i64(group)), part, parts)
        top, bottom = b.mul(top, i64(group)), b.mul(bottom, i64(group))
        bottom = b.select(b.icmp_signed("<", bottom, rows), bottom, rows)
        first = b.mul(b.mul(own, part), i64(self.width))
        last = b.add(first, b.mul(own, i64(self.width)))
        last = b.select(b.icmp_signed("<", last, columns), last, columns)
        with loop(b, i64(2), "area") as area:
            mine = b.icmp_signed("==", area.index, i64(0))
            left, right = b.select(mine, first, edge), b.select(mine, last, columns)
            above, below = b.select(mine, i64(0), top), b.select(mine, rows, bottom)
            self._panels(batch, left, right, above, below, sizes, panel)

    def _panels(
        self, batch: ir.Value, first: ir.Value, last: ir.Value, top: ir.Value, bottom: ir.Value,
        sizes: Sequence[int], panel: Panel,
    ) -> None:  # fmt: skip
        """Columns `first` to `last`, in panels of so many vectors, the widest first."""
        b, edge = self.b, first
        for size in sizes:
            wide = size * self.width
            left = b.sub(last, edge)
            if size == sizes[-1]:
                left = b.add(left, i64(wide - 1))
            elif self._columns(wide) < wide:
                continue
            count = b.udiv(left, i64(wide))
            with loop(b, count, "panel") as one:
                column = b.add(edge, b.mul(one.index, i64(wide)))
                rest = b.sub(last, column)
                columns = b.select(b.icmp_signed("<", rest, i64(wide)), rest, i64(wide))
                panel(batch, column, columns, top, bottom, size)
            edge = b.add(edge, b.mul(count, i64(wide)))

    def _columns(self, many: int) -> int:
        """The most columns there may be; `many`, where N says it."""
        columns = self.form.columns
        return many if isinstance(columns, Batch) else columns

    def _packs(self) -> bool:
        """Whether panels of y are packed."""
        _, column, k = self.form.right[1]
        if column != 1:
            return self.form.columns != 1 or k != 1
        far = isinstance(k, Batch) or k * self.dtype.itemsize >= FAR
        few = isinstance(self.form.rows, int) and self.form.rows < 16
        return far and not few

    def _panel(
        self, batch: ir.Value, column: ir.Value, columns: ir.Value, top: ir.Value,
        bottom: ir.Value, vectors: int,
    ) -> None:  # fmt: skip
        """One panel: blocks of rows, in each of them blocks of k."""
        b, scope, form = self.b, self.scope, self.form
        k = scope.dim(form.k)
        packs = self._packs()
        block_k = b.select(b.icmp_signed("<", k, i64(self.block_k)), k, i64(self.block_k))
        once = b.icmp_signed("<=", k, i64(self.block_k))
        if packs:
            with b.if_then(once):
                self._pack(batch, column, columns, i64(0), k, vectors)
        height = b.select(once, i64(BLOCK_ROWS), i64(self.strip_rows(vectors)))
        total = b.sub(bottom, top)
        blocks = b.udiv(b.add(total, b.sub(height, i64(1))), height)
        # An empty sum is 0: one block of no products writes it.
        steps = b.select(once, i64(1), b.udiv(b.add(k, i64(self.block_k - 1)), i64(self.block_k)))
        with loop(b, blocks, "block") as block:
            row = b.add(top, b.mul(block.index, height))
            left = b.sub(bottom, row)
            rows = b.select(b.icmp_signed("<", left, height), left, height)
            out, out_row = self.goal(batch, row, column, vectors)
            with loop(b, steps, "k") as step:
                begin = b.mul(step.index, block_k)
                rest = b.sub(k, begin)
                length = b.select(b.icmp_signed("<", rest, block_k), rest, block_k)
                y, y_k = self.address(form.right, batch, column, begin), scope.dim(form.right[1][2])
                if packs:
                    with b.if_then(b.not_(once)):
                        self._pack(batch, column, columns, begin, length, vectors)
                    y, y_k = scope.scratch, i64(vectors * self.width)  # fmt: skip
                x = self.address(form.left, batch, row, begin)
                more = b.icmp_signed(">", step.index, i64(0))
                function = strip(b.module, self.dtype, self.heights, vectors, scope.vector_bytes)
                b.call(
                    function,
                    [
                        x, scope.dim(form.left[1][1]), scope.dim(form.left[1][2]), y, y_k,
                        out, out_row, length, columns, more, rows,
                    ],
                )  # fmt: skip
            self.finish(batch, out, out_row, row, rows, column, columns)

    def _pack(
        self, batch: ir.Value, column: ir.Value, columns: ir.Value, k: ir.Value,
        length: ir.Value, vectors: int,
    ) -> None:  # fmt: skip
        scope = self.scope
        crosswise = self.form.right[1][1] != 1
        function = pack(self.b.module, self.dtype, crosswise, scope.vector_bytes)
        y = self.address(self.form.right, batch, column, k)
        steps = scope.dim(self.form.right[1][2]), scope.dim(self.form.right[1][1])
        wide = i64(vectors * self.width)
        self.b.call(function, [y, *steps, length, columns, scope.scratch, wide])


def _share(
    b: ir.IRBuilder, units: ir.Value, part: ir.Value, parts: ir.Value
) -> tuple[ir.Value, ir.Value]:
    """Begin and end of a thread's units."""
    return (
        b.udiv(b.mul(units, part), parts),
        b.udiv(b.mul(units, b.add(part, i64(1))), parts),
    )
