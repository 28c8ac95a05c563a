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
BLOCK = 64  # rows of a result that are done together, so that they stay in the first cache
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

    def functions(self) -> Sparse:
        product = self.product
        return Sparse(product.b.module, product.dtype, product.scope.vector_bytes)

    def _words(self) -> ir.Value:
        """The words of bits of a row of the left operand."""
        b = self.product.b
        return b.udiv(b.add(self.product.scope.dim(self._form.k), i64(WORD - 1)), i64(WORD))

    def decide(self) -> ir.Value:
        """Scans the operands: mostly zeros on the left, and nothing but finite on the right."""
        product, b, form = self.product, self.product.b, self._form
        dim, scratch = product.scope.dim, product.scope.scratch
        rows, k = dim(form.rows), dim(form.k)
        room = b.mul(b.add(rows, i64(product.width)), b.mul(self._words(), i64(8)))
        fits = b.icmp_signed("<=", room, i64(BITS_BYTES))
        x = product.address(form.left, i64(0), i64(0), i64(0))
        lines, width = (rows, k) if self.along else (k, rows)
        stride = dim(form.left[1][1 if self.along else 2])
        functions = self.functions()
        scan = functions.scan() if self.along else functions.turn()
        count = b.call(scan, [x, b.select(fits, lines, i64(0)), stride, width, scratch])
        share = b.mul(b.mul(rows, k), i64(DENSE))
        few = b.and_(b.icmp_signed("<", b.mul(count, i64(100)), share), fits)
        y = product.address(form.right, i64(0), i64(0), i64(0))
        length = b.select(few, k, i64(0))
        columns, stride = dim(form.columns), dim(form.right[1][2])
        return b.and_(few, b.call(functions.finite(), [y, length, stride, columns]))

    def panel(
        self, batch: ir.Value, column: ir.Value, columns: ir.Value, top: ir.Value,
        bottom: ir.Value, vectors: int,
    ) -> None:  # fmt: skip
        """Some vectors of columns of the result, rows `top` to `bottom`."""
        product, b, form = self.product, self.product.b, self._form
        dim, words = product.scope.dim, self._words()
        height = i64(BLOCK)
        blocks = b.udiv(b.add(b.sub(bottom, top), b.sub(height, i64(1))), height)
        y = product.address(form.right, i64(0), column, i64(0))
        with loop(b, blocks, "block") as block:
            row = b.add(top, b.mul(block.index, height))
            left = b.sub(bottom, row)
            rows = b.select(b.icmp_signed("<", left, height), left, height)
            out, out_row = product.goal(batch, row, column, vectors)
            x = product.address(form.left, i64(0), row, i64(0))
            bits = b.gep(product.scope.scratch, [b.mul(row, words)], source_etype=ir.IntType(64))
            steps = [dim(form.left[1][1]), dim(form.left[1][2])]
            goal = [out, out_row, rows, columns]
            b.call(
                self.functions().sums(vectors),
                [x, *steps, bits, words, y, dim(form.right[1][2]), *goal],
            )
            product.finish(batch, out, out_row, row, rows, column, columns)
