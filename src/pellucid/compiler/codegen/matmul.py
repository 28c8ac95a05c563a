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

from dataclasses import dataclass, replace

from pellucid.compiler.codegen.epilogue import Epilogue, rest_reads
from pellucid.compiler.codegen.layout import as_matrix, memory_type, merged, strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.plain import plain
from pellucid.compiler.codegen.scope import Scope
from pellucid.compiler.codegen.tiles import heights, pack, strip, widest_tile
from pellucid.core.shapes import Batch, Dim
from pellucid.ops.contract import free_axes

PANEL_BYTES = 256 << 10  # of a packed panel, in the thread's scratch; it stays in the second cache
STRIP_BYTES = 512 << 10  # of a panel's results behind it, until their last block of k
BLOCK_ROWS = 64  # rows whose results stay in the first cache until the epilogue has read them
FAR = 2048  # bytes between rows of y from which a walk along k is better packed


@dataclass(frozen=True)
class _Matrices:
    """A contraction as matrices: lengths, and strides along rows, columns and k.

    Args:
        left, right: the operands by their number, each with its strides along batch, rows (the
            left one) or columns (the right one), and k.
        row_axes: how many axes of the result are its rows.
    """

    batch: Dim
    rows: Dim
    columns: Dim
    k: Dim
    left: tuple[int, tuple[Dim, Dim, Dim]]
    right: tuple[int, tuple[Dim, Dim, Dim]]
    row_axes: int

    def turned(self) -> _Matrices:
        """The same result as one row, where it is one column: a vector then holds many of it."""
        return replace(
            self, rows=self.columns, columns=self.rows, left=self.right, right=self.left, row_axes=0
        )


def _one(dims: list[Dim], steps: list[list[Dim]]) -> tuple[Dim, list[Dim]] | None:
    """A length and strides, where axes join to one."""
    lengths, moves = merged(dims, steps)
    if len(lengths) > 1:
        return None
    return (lengths[0], [move[0] for move in moves]) if lengths else (1, [0] * len(steps))


def _matrices(scope: Scope) -> _Matrices | None:
    """The contraction of `scope` as matrices; None where axes do not join."""
    x, y = (operand.type.shape for operand in scope.inputs)
    x_steps, y_steps = strides(x), strides(y)
    batch, summed = scope.attr("batch"), scope.attr("summed")
    x_free = free_axes(len(x), [i for i, _ in (*batch, *summed)])
    y_free = free_axes(len(y), [j for _, j in (*batch, *summed)])
    shared = _one(
        [x[i] for i, _ in batch], [[x_steps[i] for i, _ in batch], [y_steps[j] for _, j in batch]]
    )
    rows = _one([x[i] for i in x_free], [[x_steps[i] for i in x_free]])
    columns = _one([y[j] for j in y_free], [[y_steps[j] for j in y_free]])
    k = _one(
        [x[i] for i, _ in summed],
        [[x_steps[i] for i, _ in summed], [y_steps[j] for _, j in summed]],
    )
    if shared is None or rows is None or columns is None or k is None:
        return None
    form = _Matrices(
        shared[0], rows[0], columns[0], k[0],
        (0, (shared[1][0], rows[1][0], k[1][0])), (1, (shared[1][1], columns[1][0], k[1][1])),
        len(batch) + len(x_free),
    )  # fmt: skip
    column = form.columns == 1 and form.rows != 1 and form.batch == 1
    return form.turned() if column and _walks(scope) else form


def _walks(scope: Scope) -> bool:
    """Whether all that the rest of the kernel reads can be walked along a single row."""
    shape = scope.head.type.shape
    return all(as_matrix(shape, 0, scope.reads[n].type.shape) for n in rest_reads(scope))


def contract(scope: Scope) -> None:
    """The product of the kernel's head, and what the kernel does with it."""
    form = _matrices(scope)
    if form is None or not scope.head.type.dtype.is_float:
        plain(scope)
        return
    _Product(scope, form).emit()


class _Product:
    """The code of one contraction."""

    def __init__(self, scope: Scope, form: _Matrices):
        self.scope, self.form, self.b = scope, form, scope.builder
        self.dtype = scope.head.type.dtype
        self.element = memory_type(self.dtype)
        self.width = scope.lanes(self.dtype)
        self.tile = widest_tile(scope.vector_bytes)
        self.heights = heights(form.rows, scope.vector_bytes)
        self.wide = self.tile * self.width  # columns of a panel
        # A product that is the kernel's only result goes straight to its place.
        self.direct = scope.kernel.results == (scope.head_value,)
        self.epilogue = None if self.direct else Epilogue(scope, form.row_axes, form.columns)
        self.block_k = PANEL_BYTES // (self.wide * self.dtype.itemsize)
        self.block_rows = STRIP_BYTES // (self.wide * self.dtype.itemsize)

    def emit(self) -> None:
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
        with loop(b, self.scope.dim(form.batch), "batch") as one, loop(b, i64(2), "area") as area:
            mine = b.icmp_signed("==", area.index, i64(0))
            self._panels(
                one.index,
                b.select(mine, first, edge),
                b.select(mine, last, columns),
                b.select(mine, i64(0), top),
                b.select(mine, rows, bottom),
            )

    def _panels(
        self, batch: ir.Value, first: ir.Value, last: ir.Value, top: ir.Value, bottom: ir.Value
    ) -> None:
        """Columns `first` to `last` of one matrix, a panel at a time."""
        b = self.b
        # Whole panels first; what is left goes vector by vector: two widths are enough.
        whole = b.udiv(b.sub(last, first), i64(self.wide))
        edge = b.add(first, b.mul(whole, i64(self.wide)))
        if self._columns() >= self.wide:
            with loop(b, whole, "panel") as one:
                column = b.add(first, b.mul(one.index, i64(self.wide)))
                self._panel(batch, column, i64(self.wide), top, bottom, self.tile)
        rest = b.udiv(b.add(b.sub(last, edge), i64(self.width - 1)), i64(self.width))
        with loop(b, rest, "vector") as one:
            column = b.add(edge, b.mul(one.index, i64(self.width)))
            left = b.sub(last, column)
            columns = b.select(b.icmp_signed("<", left, i64(self.width)), left, i64(self.width))
            self._panel(batch, column, columns, top, bottom, 1)

    def _columns(self) -> int:
        """The most columns there may be."""
        columns = self.form.columns
        return self.wide if isinstance(columns, Batch) else columns

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
        height = b.select(once, i64(BLOCK_ROWS), i64(self.block_rows))
        total = b.sub(bottom, top)
        blocks = b.udiv(b.add(total, b.sub(height, i64(1))), height)
        # An empty sum is 0: one block of no products writes it.
        steps = b.select(once, i64(1), b.udiv(b.add(k, i64(self.block_k - 1)), i64(self.block_k)))
        with loop(b, blocks, "block") as block:
            row = b.add(top, b.mul(block.index, height))
            left = b.sub(bottom, row)
            rows = b.select(b.icmp_signed("<", left, height), left, height)
            out, out_row = self._goal(batch, row, column)
            with loop(b, steps, "k") as step:
                begin = b.mul(step.index, block_k)
                rest = b.sub(k, begin)
                length = b.select(b.icmp_signed("<", rest, block_k), rest, block_k)
                y, y_k = self._right(batch, column, begin)
                if packs:
                    with b.if_then(b.not_(once)):
                        self._pack(batch, column, columns, begin, length, vectors)
                    y, y_k = scope.scratch, i64(vectors * self.width)  # fmt: skip
                x = self._address(form.left, batch, row, begin)
                more = b.icmp_signed(">", step.index, i64(0))
                function = strip(b.module, self.dtype, self.heights, vectors, scope.vector_bytes)
                b.call(
                    function,
                    [
                        x, scope.dim(form.left[1][1]), scope.dim(form.left[1][2]), y, y_k,
                        out, out_row, length, columns, more, rows,
                    ],
                )  # fmt: skip
            if self.epilogue is not None:
                above = b.add(b.mul(batch, scope.dim(form.rows)), row)
                self.epilogue.call(out, out_row, above, rows, column, columns)

    def _goal(self, batch: ir.Value, row: ir.Value, column: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Where a block of results stands, and how far its rows lie apart."""
        b, scope = self.b, self.scope
        if not self.direct:
            place = b.gep(scope.scratch, [i64(PANEL_BYTES)], source_etype=ir.IntType(8))
            return place, i64(self.wide)
        width = scope.dim(self.form.columns)
        above = b.add(b.mul(batch, scope.dim(self.form.rows)), row)
        return scope.place(scope.out, b.add(b.mul(above, width), column)), width

    def _right(self, batch: ir.Value, column: ir.Value, k: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Where a panel of y stands that needs no packing, and its stride along k."""
        y = self._address(self.form.right, batch, column, k)
        return y, self.scope.dim(self.form.right[1][2])

    def _address(
        self, operand: tuple[int, tuple[Dim, Dim, Dim]], batch: ir.Value, place: ir.Value,
        k: ir.Value,
    ) -> ir.Value:  # fmt: skip
        b, offset = self.b, i64(0)
        side, steps = operand
        for step, index in zip(steps, (batch, place, k), strict=True):
            if step != 0:
                offset = b.add(offset, b.mul(index, self.scope.dim(step)))
        return self.scope.place(self.scope.inputs[side], offset)

    def _pack(
        self, batch: ir.Value, column: ir.Value, columns: ir.Value, k: ir.Value,
        length: ir.Value, vectors: int,
    ) -> None:  # fmt: skip
        scope = self.scope
        function = pack(self.b.module, self.dtype, vectors, scope.vector_bytes)
        y = self._address(self.form.right, batch, column, k)
        steps = scope.dim(self.form.right[1][2]), scope.dim(self.form.right[1][1])
        self.b.call(function, [y, *steps, length, columns, scope.scratch])


def _share(
    b: ir.IRBuilder, units: ir.Value, part: ir.Value, parts: ir.Value
) -> tuple[ir.Value, ir.Value]:
    """Begin and end of a thread's units."""
    return (
        b.udiv(b.mul(units, part), parts),
        b.udiv(b.mul(units, b.add(part, i64(1))), parts),
    )
