"""When a product skips the zeros of its left operand, and how it goes over its panels then.

Asked at run time, of each product whose left operand has rows of neighbours and whose result is
wide enough that a scan costs little: inputs such as images and one-hot columns are mostly zeros,
and so is what a ReLU leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.matrices import BITS_BYTES, Matrices, Product
from pellucid.compiler.codegen.sparse import WORD, Sparse
from pellucid.core.shapes import Batch

NARROW = 64  # columns of a result below which a scan costs more than it may save
DENSE = 40  # percent of an operand that may be other than 0


@dataclass
class Skip:
    """A product that may skip.

    Args:
        along: whether a row of the left operand runs along k (else along the result's rows).
    """

    product: Product
    along: bool

    @staticmethod
    def of(product: Product) -> Skip | None:
        """How `product` may skip; None where it never does."""
        form = product.form
        if form.batch != 1 or product.scope.vector_bytes < 32 or product.width < 8:
            return None
        if isinstance(form.columns, Batch) or form.columns < NARROW or form.right[1][1] != 1:
            return None
        _, row, k = form.left[1]
        if k == 1 and isinstance(form.k, int) and form.k >= WORD:
            return Skip(product, True)
        if row == 1 and isinstance(form.rows, int) and form.rows >= WORD:
            return Skip(product, False)
        return None

    @property
    def _form(self) -> Matrices:
        return self.product.form

    def _shape(self) -> tuple[ir.Value, ir.Value, ir.Value]:
        """Rows and width of the left operand as it lies, and the words of a row."""
        form, dim = self._form, self.product.scope.dim
        rows, width = (form.rows, form.k) if self.along else (form.k, form.rows)
        b = self.product.b
        words = b.udiv(b.add(dim(width), i64(WORD - 1)), i64(WORD))
        return dim(rows), dim(width), words

    def _stride(self) -> ir.Value:
        """How far rows of the left operand lie apart."""
        return self.product.scope.dim(self._form.left[1][1 if self.along else 2])

    def functions(self) -> Sparse:
        product = self.product
        return Sparse(product.b.module, product.dtype, product.scope.vector_bytes)

    def decide(self) -> ir.Value:
        """Scans the operands: mostly zeros on the left, and nothing but finite on the right."""
        product, b = self.product, self.product.b
        rows, width, words = self._shape()
        fits = b.icmp_signed("<=", b.mul(b.mul(rows, words), i64(8)), i64(BITS_BYTES))
        x = product.address(self._form.left, i64(0), i64(0), i64(0))
        seen = b.select(fits, rows, i64(0))
        count = b.call(
            self.functions().scan(), [x, seen, self._stride(), width, product.scope.scratch]
        )
        few = b.icmp_signed("<", b.mul(count, i64(100)), b.mul(b.mul(rows, width), i64(DENSE)))
        few = b.and_(few, fits)
        y = product.address(self._form.right, i64(0), i64(0), i64(0))
        length = b.select(few, product.scope.dim(self._form.k), i64(0))
        columns = product.scope.dim(self._form.columns)
        stride = product.scope.dim(self._form.right[1][2])
        finite = b.call(self.functions().finite(), [y, length, stride, columns])
        return b.and_(few, finite)

    def panel(
        self, batch: ir.Value, column: ir.Value, columns: ir.Value, top: ir.Value,
        bottom: ir.Value, vectors: int,
    ) -> None:  # fmt: skip
        """Some vectors of columns of the result, rows `top` to `bottom`."""
        (self._along if self.along else self._across)(batch, column, columns, top, bottom, vectors)

    def _along(
        self, batch: ir.Value, column: ir.Value, columns: ir.Value, top: ir.Value,
        bottom: ir.Value, vectors: int,
    ) -> None:  # fmt: skip
        product, b, scope = self.product, self.product.b, self.product.scope
        words = self._shape()[2]
        height = i64(product.strip_rows(vectors))
        blocks = b.udiv(b.add(b.sub(bottom, top), b.sub(height, i64(1))), height)
        y = product.address(self._form.right, i64(0), column, i64(0))
        with loop(b, blocks, "block") as block:
            row = b.add(top, b.mul(block.index, height))
            left = b.sub(bottom, row)
            rows = b.select(b.icmp_signed("<", left, height), left, height)
            out, out_row = product.goal(batch, row, column, vectors)
            x = product.address(self._form.left, i64(0), row, i64(0))
            bits = b.gep(scope.scratch, [b.mul(row, words)], source_etype=ir.IntType(64))
            b.call(
                self.functions().along(vectors),
                [x, self._stride(), bits, words, y, scope.dim(self._form.right[1][2]), out,
                 out_row, rows, columns],
            )  # fmt: skip
            product.finish(batch, out, out_row, row, rows, column, columns)

    def _across(
        self, batch: ir.Value, column: ir.Value, columns: ir.Value, top: ir.Value,
        bottom: ir.Value, vectors: int,
    ) -> None:  # fmt: skip
        product, b, scope = self.product, self.product.b, self.product.scope
        rows, width, words = self._shape()
        # Whole words: those that begin in this thread's rows.
        begin = b.udiv(b.add(top, i64(WORD - 1)), i64(WORD))
        end = b.udiv(b.add(bottom, i64(WORD - 1)), i64(WORD))
        y = product.address(self._form.right, i64(0), column, i64(0))
        with loop(b, b.sub(end, begin), "word") as one:
            word = b.add(begin, one.index)
            row = b.mul(word, i64(WORD))
            left = b.sub(width, row)
            high = b.select(b.icmp_signed("<", left, i64(WORD)), left, i64(WORD))
            out, out_row = product.goal(batch, row, column, vectors)
            b.call(self.functions().clear(vectors), [out, out_row, high, columns])
            x = product.address(self._form.left, i64(0), row, i64(0))
            bits = b.gep(scope.scratch, [word], source_etype=ir.IntType(64))
            b.call(
                self.functions().across(vectors),
                [x, self._stride(), bits, words, y, scope.dim(self._form.right[1][2]), out,
                 out_row, rows, columns],
            )  # fmt: skip
            product.finish(batch, out, out_row, row, high, column, columns)
