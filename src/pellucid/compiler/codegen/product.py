"""What the ways of computing a contraction share: axes, addresses, goals, the epilogue."""

from __future__ import annotations

from pellucid.compiler.codegen import epilogue
from pellucid.compiler.codegen.axes import Axes
from pellucid.compiler.codegen.layout import as_matrix
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64
from pellucid.compiler.codegen.scope import SCRATCH_BYTES, Operand, Scope
from pellucid.compiler.program import times
from pellucid.core.shapes import Dim, size

CONTEXT_BYTES = 512  # at the end of a thread's scratch: what the epilogue sees of the kernel


class Product:
    """The head of a kernel as a product of matrices.

    One column of results lies side by side in memory. It is computed as a row, x and y in each
    other's place: a vector then holds many results.
    """

    def __init__(self, scope: Scope):
        self.scope, self.b = scope, scope.builder
        self.x, self.y = scope.inputs
        batch, summed = scope.attr("batch"), scope.attr("summed")
        self.axes = Axes.of(self.x, self.y, batch, summed)
        row_axes = epilogue.row_axes(scope)
        if self._is_column():
            self.axes, row_axes = self.axes.swapped(), len(batch)
            self.x, self.y = self.y, self.x
        # Of k, where blocks of it meet in a tree; its first axis is the one that is cut.
        cut = dict(scope.head.attrs).get("block")
        inner = size(self.scope.inputs[0].type.shape[i] for i, _ in summed[1:])
        self.block = None if cut is None else times(inner, cut)
        self.row_axes = row_axes  # leading axes of the result that are the matrix's rows
        self.dtype = scope.head.type.dtype
        self.lanes = scope.lanes(self.dtype)
        # A product that is the kernel's only result goes straight to its place.
        self.direct = scope.kernel.results == (scope.head_value,)
        self.rest: ir.Value = ir.Constant(ir.PointerType(), None)
        self.context = self.scratch(SCRATCH_BYTES - CONTEXT_BYTES)
        if not self.direct:
            self.rest = epilogue.epilogue(scope, row_axes, self.axes.columns)
            assert 8 * epilogue.context_length(scope) <= CONTEXT_BYTES
            epilogue.write_context(scope, self.context)

    def _is_column(self) -> bool:
        axes, scope = self.axes, self.scope
        if axes.columns != 1 or axes.rows == 1:
            return False
        if not (axes.x_rows.single and axes.x_depth.single):
            return False
        shape, rows = scope.head.type.shape, len(scope.attr("batch"))
        reads = [scope.reads[number].type.shape for number in epilogue.behind(scope)]
        return all(as_matrix(shape, rows, read) is not None for read in (shape, *reads))

    def scratch(self, place: int) -> ir.Value:
        """A place in the thread's own room."""
        return self.b.gep(self.scope.scratch, [i64(place)], source_etype=ir.IntType(8))

    def goal(self, number: ir.Value, column: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Where a part of the result stands, and how far its rows lie apart."""
        b, width = self.b, self.scope.dim(self.axes.columns)
        return self.scope.place(self.scope.out, b.add(b.mul(number, width), column)), width

    def left(self, row: ir.Value) -> ir.Value:
        """Where a row of x begins, where one stride describes it."""
        return self._place(self.x, row, self.axes.x_rows.step)

    def right(self, column: ir.Value) -> ir.Value:
        """Where a column of y begins, where one stride describes it."""
        return self._place(self.y, column, self.axes.y_columns.step)

    def _place(self, operand: Operand, index: ir.Value, step: Dim) -> ir.Value:
        return self.scope.place(operand, self.b.mul(index, self.scope.dim(step)))

    def finish(self, *arguments: ir.Value) -> None:
        """Applies the rest of the kernel to a part of the result.

        Arguments: the part, its stride along rows; first row, rows; first column, columns.
        """
        if not self.direct:
            epilogue.call_epilogue(self.b, self.rest, self.context, *arguments)
