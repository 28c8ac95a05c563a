"""When a product skips the zeros of its left operand, and how it goes over its panels then.

Asked at run time, of each product whose left operand has rows of neighbours and whose result is
wide enough that a scan costs little: inputs such as images and one-hot columns are mostly zeros,
and so is what a ReLU leaves.
"""

from __future__ import annotations

from typing import ClassVar

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.product import CONTEXT_BYTES, Product
from pellucid.compiler.codegen.scope import SCRATCH_BYTES
from pellucid.compiler.codegen.sparse import CONFLICT, WORD, Sparse
from pellucid.compiler.codegen.sparse_tree import STATES, TreeSparse
from pellucid.compiler.codegen.tree import elements, levels
from pellucid.core.shapes import Batch

NARROW = 64  # columns of a result below which a scan costs more than it may save
BLOCK = 64  # rows of a result that are done together, so that they stay in the first cache
DENSE = 40  # percent of an operand that may be other than 0
FEW = 8  # rows of the left operand below which nothing is scanned
STRETCH = 512  # rows that are looked at together: other rows of a large batch may be other kinds
BITS_BYTES = 256 << 10  # of scratch, for which elements are not 0
# Behind them stand results, and behind these the lines of y that rows of a block meet.


class ZeroSkipping:
    """A product that may skip.

    Args:
        along: whether a row of the left operand runs along k (else along the result's rows).
    """

    sparse: ClassVar[type[Sparse]] = Sparse

    def __init__(self, product: Product, along: bool):
        self.product, self.along = product, along
        self.scope, self.b, self.axes = product.scope, product.b, product.axes
        self.most = self.scope.target.registers // 2
        self.results = BLOCK * self.most * self.scope.vector_bytes  # bytes, as are lines of y
        self.sizes = self._sizes()
        self.functions = self.sparse(self.b.module, product.dtype, self.scope.vector_bytes)

    def _sizes(self) -> list[int]:
        """How many vectors of columns one pass holds: about even parts of what a thread has.

        Each pass goes through all bits, so few wide ones are best. There are sizes for one thread,
        and for each of two; those of more threads are put together of them.
        """
        assert isinstance(self.axes.columns, int)
        vectors, sizes = -(-self.axes.columns // self.product.lanes), {2, 1}
        for own in {vectors, max(vectors // 2, 1)}:
            size = -(-own // -(-own // self.most))
            sizes |= {size, own % size or size}
        return sorted(sizes, reverse=True)

    @classmethod
    def of(cls, product: Product) -> ZeroSkipping | None:
        """How `product` may skip; None where it never does."""
        axes = product.axes
        if axes.batches != 1 or product.scope.vector_bytes < 32 or product.lanes < 8:
            return None
        if not (axes.x_rows.single and axes.x_depth.single and axes.y_depth.single):
            return None
        if isinstance(axes.columns, Batch) or axes.columns < NARROW:
            return None
        if axes.y_columns.steps != (1,):
            return None
        if axes.x_depth.steps == (1,) and isinstance(axes.depth, int) and axes.depth >= WORD:
            return cls(product, True)
        if axes.x_rows.steps == (1,) and isinstance(axes.rows, int) and axes.rows >= WORD:
            return cls(product, False)
        return None

    def stretch(self, height: int) -> ir.Value:
        """Rows that are decided on together, whole tiles of `height`: what there is room for."""
        depth = self.axes.depth
        if self.along and isinstance(depth, int):
            room = BITS_BYTES // (8 * -(-depth // WORD)) - self.product.lanes
            most = min(STRETCH, room) // height * height
            if most > 0:
                return i64(most)
        rows = self.scope.dim(self.axes.rows)
        return self.b.select(self.b.icmp_signed(">", rows, i64(0)), rows, i64(1))

    def _words(self) -> ir.Value:
        """The words of bits of a row of the left operand."""
        return groups(self.b, self.scope.dim(self.axes.depth), WORD)

    def decide(self, top: ir.Value, bottom: ir.Value) -> ir.Value:
        """Scans the operands: mostly zeros on the left, and nothing but finite on the right."""
        b, axes, dim = self.b, self.axes, self.scope.dim
        rows, k = b.sub(bottom, top), dim(axes.depth)
        room = b.mul(b.add(rows, i64(self.product.lanes)), b.mul(self._words(), i64(8)))
        fits = b.icmp_signed("<=", room, i64(BITS_BYTES))
        lines, width = (rows, k) if self.along else (k, rows)
        stride = dim(axes.x_rows.step if self.along else axes.x_depth.step)
        scan = self.functions.scan() if self.along else self.functions.transpose()
        # Of few rows the product costs no more than to look through the right operand.
        fits = b.and_(fits, b.icmp_signed(">=", rows if self.along else k, i64(FEW)))
        x, lines = self.product.left(top), b.select(fits, lines, i64(0))
        count = b.call(scan, [x, lines, stride, width, self.scope.scratch])
        share = b.mul(b.mul(rows, k), i64(DENSE))
        few = b.and_(b.icmp_signed("<", b.mul(count, i64(100)), share), fits)
        y, length = self.product.right(i64(0)), b.select(few, k, i64(0))
        columns, stride = dim(axes.columns), dim(axes.y_depth.step)
        return b.and_(few, b.call(self.functions.finite(), [y, length, stride, columns]))

    def emit(self, begin: ir.Value, end: ir.Value) -> None:
        """Of rows `begin` to `end`, those that `decide` scanned: this thread's own columns.

        Then its rows of the columns left over.
        """
        b, lanes = self.b, self.product.lanes
        rows, columns = b.sub(end, begin), self.scope.dim(self.axes.columns)
        thread, threads = self.scope.thread, self.scope.threads
        own = b.udiv(groups(b, columns, lanes), threads)
        edge = least(b, b.mul(b.mul(own, threads), i64(lanes)), columns)
        after = b.add(thread, i64(1))
        first, last = (least(b, b.mul(b.mul(own, n), i64(lanes)), columns) for n in (thread, after))
        top, bottom = (b.add(begin, b.udiv(b.mul(rows, n), threads)) for n in (thread, after))
        with loop(b, i64(2), "area") as area:
            mine = b.icmp_signed("==", area.index, i64(0))
            left, right = b.select(mine, first, edge), b.select(mine, last, columns)
            above, below = b.select(mine, begin, top), b.select(mine, end, bottom)
            self._panels(left, right, above, below, begin)

    def _more(self) -> list[ir.Value]:
        """What else the function that adds up is given."""
        return []

    def _panels(
        self, first: ir.Value, last: ir.Value, top: ir.Value, bottom: ir.Value, begin: ir.Value
    ) -> None:
        """Columns `first` to `last`, in panels of so many vectors, the widest first."""
        b, edge, lanes = self.b, first, self.product.lanes
        for size in self.sizes:
            count = b.udiv(groups(b, b.sub(last, edge), lanes), i64(size))
            with loop(b, count, "panel") as one:
                column = b.add(edge, b.mul(one.index, i64(size * lanes)))
                columns = least(b, b.sub(last, column), i64(size * lanes))
                self._panel(column, columns, top, bottom, begin, size)
            edge = least(b, b.add(edge, b.mul(count, i64(size * lanes))), last)

    def _panel(
        self,
        column: ir.Value,
        columns: ir.Value,
        top: ir.Value,
        bottom: ir.Value,
        begin: ir.Value,
        vectors: int,
    ) -> None:
        """Some vectors of columns of the result, rows `top` to `bottom`; bits are from `begin`."""
        product, b, axes = self.product, self.b, self.axes
        dim, words = self.scope.dim, self._words()
        y, y_k = product.right(column), axes.y_depth.step
        far = isinstance(y_k, int) and y_k * product.dtype.itemsize % CONFLICT == 0
        behind = BITS_BYTES + self.results
        with loop(b, groups(b, b.sub(bottom, top), BLOCK), "block") as block:
            row = b.add(top, b.mul(block.index, i64(BLOCK)))
            rows = least(b, b.sub(bottom, row), i64(BLOCK))
            out, out_row = product.scratch(BITS_BYTES), i64(vectors * product.lanes)
            if product.direct:
                out, out_row = product.goal(row, column)
            line = b.mul(b.sub(row, begin), words)
            bits = b.gep(self.scope.scratch, [line], source_etype=ir.IntType(64))
            b.call(
                self.functions.sums(vectors, far),
                [
                    product.left(row),
                    dim(axes.x_rows.step),
                    dim(axes.x_depth.step),
                    bits,
                    words,
                    dim(axes.depth),
                    y,
                    dim(y_k),
                    product.scratch(behind),
                    out,
                    out_row,
                    rows,
                    columns,
                    *self._more(),
                ],
            )
            product.finish(out, out_row, row, rows, column, columns)


class TreeZeroSkipping(ZeroSkipping):
    """Where k is summed in blocks that meet in a tree: its levels stand behind the lines of y."""

    sparse = TreeSparse
    assert BLOCK <= STATES

    def decide(self, top: ir.Value, bottom: ir.Value) -> ir.Value:
        b, room = self.b, SCRATCH_BYTES - CONTEXT_BYTES - BITS_BYTES - 2 * self.results
        fits = b.icmp_signed("<=", self._levels(), i64((room - 8 * STATES) // self.results))
        return b.and_(super().decide(top, bottom), fits)

    def _levels(self) -> ir.Value:
        return levels(self.b, groups(self.b, self.scope.dim(self.axes.depth), self._block()))

    def _block(self) -> ir.Value:
        assert self.product.block is not None
        return elements(self.scope, self.product.block)

    def _more(self) -> list[ir.Value]:
        levels = self.product.scratch(BITS_BYTES + 2 * self.results)
        return [self._block(), levels, self._levels()]
