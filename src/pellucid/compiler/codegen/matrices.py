"""A contraction seen as matrices, and what its ways of computing it share: addresses and goals."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pellucid.compiler.codegen.epilogue import Epilogue, rest_reads
from pellucid.compiler.codegen.layout import as_matrix, merged, strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64
from pellucid.compiler.codegen.scope import Scope
from pellucid.core.shapes import Dim
from pellucid.ops.contract import free_axes

PANEL_BYTES = 256 << 10  # of a packed panel, in the thread's scratch; it stays in the second cache
STRIP_BYTES = 512 << 10  # of a panel's results behind it, until their last block of k
BLOCK_ROWS = 64  # rows whose results stay in the first cache until the epilogue has read them
FAR = 2048  # bytes between rows of y from which a walk along k is better packed


BITS_BYTES = PANEL_BYTES  # of which elements are not 0, where nothing is packed


@dataclass(frozen=True)
class Matrices:
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

    def turned(self) -> Matrices:
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


def matrices(scope: Scope) -> Matrices | None:
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
    form = Matrices(
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


class Product:
    """The head of a kernel as a product of matrices.

    A thread's scratch holds a packed panel, and behind it the results of a panel until the epilogue
    has read them.
    """

    def __init__(self, scope: Scope, form: Matrices):
        self.scope, self.form, self.b = scope, form, scope.builder
        self.dtype = scope.head.type.dtype
        self.width = scope.lanes(self.dtype)
        # A product that is the kernel's only result goes straight to its place.
        self.direct = scope.kernel.results == (scope.head_value,)
        self.epilogue = None if self.direct else Epilogue(scope, form.row_axes, form.columns)

    def strip_rows(self, vectors: int) -> int:
        """How many rows of so many vectors the scratch holds."""
        return STRIP_BYTES // (vectors * self.width * self.dtype.itemsize)

    def goal(
        self, batch: ir.Value, row: ir.Value, column: ir.Value, vectors: int
    ) -> tuple[ir.Value, ir.Value]:
        """Where a block of results stands, and how far its rows lie apart."""
        b, scope = self.b, self.scope
        if not self.direct:
            place = b.gep(scope.scratch, [i64(PANEL_BYTES)], source_etype=ir.IntType(8))
            return place, i64(vectors * self.width)
        width = scope.dim(self.form.columns)
        above = b.add(b.mul(batch, scope.dim(self.form.rows)), row)
        return scope.place(scope.out, b.add(b.mul(above, width), column)), width

    def finish(
        self, batch: ir.Value, out: ir.Value, out_row: ir.Value, row: ir.Value, rows: ir.Value,
        column: ir.Value, columns: ir.Value,
    ) -> None:  # fmt: skip
        """Applies the rest of the kernel to a block of results."""
        if self.epilogue is not None:
            above = self.b.add(self.b.mul(batch, self.scope.dim(self.form.rows)), row)
            self.epilogue.call(out, out_row, above, rows, column, columns)

    def address(
        self, operand: tuple[int, tuple[Dim, Dim, Dim]], batch: ir.Value, place: ir.Value,
        k: ir.Value,
    ) -> ir.Value:  # fmt: skip
        """Where an operand's element stands: its row or column `place`, and k."""
        b, offset = self.b, i64(0)
        side, steps = operand
        for step, index in zip(steps, (batch, place, k), strict=True):
            if step != 0:
                offset = b.add(offset, b.mul(index, self.scope.dim(step)))
        return self.scope.place(self.scope.inputs[side], offset)
