"""`contract`: products summed over paired axes, each result in the order of k.

out[b, i, j] = Σ_k x[b, i, k] · y[b, k, j], by fused multiply-add from 0 on, k in row-major order of
the `summed` pairs. The order is a promise (semantics §9): tiles, threads and stretches of k leave
it as it is, since what a stretch has added up is stored and loaded again, never added twice.

A thread computes whole vectors of columns, so that its part of the weights stays in its own cache;
vectors that do not come out even are shared by rows. `blocks.py` computes such a part.
"""

from __future__ import annotations

from pellucid.compiler.codegen import epilogue
from pellucid.compiler.codegen.axes import Axes
from pellucid.compiler.codegen.blocks import CONTEXT_BYTES, Form, Given, room
from pellucid.compiler.codegen.layout import as_matrix
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.plain import plain
from pellucid.compiler.codegen.scope import SCRATCH_BYTES, Operand, Scope
from pellucid.compiler.codegen.tiles import tile_size

FAR = 2048  # bytes between lines of y from which a walk along k is better packed


def contract(scope: Scope) -> None:
    """The product, and what the kernel does to each part of it as it is finished."""
    if scope.head.type.dtype.is_float and scope.target.fused:
        _Product(scope).emit()
    else:
        plain(scope)


class _Product:
    """The code of one contraction: who computes what, and with which function."""

    def __init__(self, scope: Scope):
        self.scope, self.b = scope, scope.builder
        self.x, self.y = scope.inputs
        batch, summed = scope.attr("batch"), scope.attr("summed")
        self.axes = Axes.of(self.x.type.shape, self.y.type.shape, batch, summed)
        self.row_axes = epilogue.row_axes(scope)
        if self._is_column():
            # One column of results lies side by side: as a row of them, vectors hold many.
            self.axes, self.row_axes = self.axes.turned(), len(batch)
            self.x, self.y = self.y, self.x
        self.dtype = scope.head.type.dtype
        self.lanes = scope.lanes(self.dtype)
        self.height, _ = tile_size(scope.target)
        assert room(self.dtype, scope.target) <= SCRATCH_BYTES
        assert 8 * (len(scope.writes) + len(scope.reads) + 1) <= CONTEXT_BYTES
        self.rest: ir.Value = ir.Constant(ir.PointerType(), None)
        form = self._form()
        if form.epilogue:
            self.rest = epilogue.epilogue(scope, self.row_axes)
            epilogue.write_context(scope)
        self.function = form.function(self.b.module, scope.target, self.axes)

    def _is_column(self) -> bool:
        axes, scope = self.axes, self.scope
        if axes.columns != 1 or axes.rows == 1:
            return False
        if not (axes.x_rows.single and axes.x_depth.single):
            return False
        shape, rows = scope.head.type.shape, len(scope.attr("batch"))
        reads = [scope.reads[number].type.shape for number in epilogue.behind(scope)]
        return all(as_matrix(shape, rows, read) is not None for read in (shape, *reads))

    def _form(self) -> Form:
        axes, columns = self.axes, self.axes.columns
        there = axes.x_rows.single and axes.x_depth.single
        x, y = "there" if there else "gather", self._reading_of_y()
        owner = f"{self.b.function.name}." if "gather" in (x, y) else ""
        even = isinstance(axes.rows, int) and axes.rows % self.height == 0
        narrow = isinstance(columns, int) and columns <= self.lanes
        return Form(self.dtype, x, y, even, narrow, epilogue.needed(self.scope), owner)

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
        scope, axes, b = self.scope, self.axes, self.b
        top, bottom, first, last = rectangle
        given = Given(
            x=self._at(self.x, axes.x_batch.offset(b, scope.dim, batch)),
            x_row=scope.dim(axes.x_rows.step),
            x_k=scope.dim(axes.x_depth.step),
            y=self._at(self.y, axes.y_batch.offset(b, scope.dim, batch)),
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
            epilogue=self.rest,
            context=scope.scratch,
            scratch=scope.scratch,
            n=scope.rows,
        )
        b.call(self.function, given)

    def _at(self, operand: Operand, offset: ir.Value) -> ir.Value:
        return self.scope.place(operand, offset)
