"""Products of few k, such as the gradient of weights for a few rows: no tile, no strip.

Such a product is about as many reads and writes as multiplications. Each vector of the result is
added up in a register, goes through the rest of the kernel there, and is written once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pellucid.compiler.codegen import epilogue
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least
from pellucid.compiler.codegen.product import Product
from pellucid.compiler.codegen.scalars import intrinsic
from pellucid.compiler.codegen.scope import constant, splat, vector_type
from pellucid.compiler.program import FEW_ROWS
from pellucid.core.shapes import Batch
from pellucid.ops.blocks import spans, tree


class Outer:
    """A product that may have few k."""

    def __init__(self, product: Product):
        self.product, self.scope, self.b = product, product.scope, product.b

    @classmethod
    def of(cls, product: Product) -> Outer | None:
        """How `product` is computed where it has few k; None where it cannot have or be so."""
        axes = product.axes
        depth = axes.depth
        wanted = product.scope.few if isinstance(depth, Batch) else 0 < depth <= FEW_ROWS
        if axes.batches != 1 or not wanted or isinstance(product.block, Batch):
            return None
        if not (axes.x_rows.single and axes.x_depth.single):
            return None
        return cls(product) if axes.y_columns.contiguous and axes.y_depth.single else None

    def holds(self) -> ir.Value:
        """Whether it has few k in this call: 1 to FEW_ROWS."""
        fewer = self.b.sub(self.scope.dim(self.product.axes.depth), i64(1))
        return self.b.icmp_unsigned("<", fewer, i64(FEW_ROWS))

    def emit(self) -> None:
        """This thread's columns of the result: whole vectors, as in tiles."""
        scope, b, axes, lanes = self.scope, self.b, self.product.axes, self.product.lanes
        columns = scope.dim(axes.columns)
        vectors = groups(b, columns, lanes)
        first, last = (
            least(b, b.mul(b.udiv(b.mul(vectors, thread), scope.threads), i64(lanes)), columns)
            for thread in (scope.thread, b.add(scope.thread, i64(1)))
        )
        area = i64(0), scope.dim(axes.rows), first, b.sub(last, first)
        if not isinstance(axes.depth, Batch):
            self._deep(axes.depth, area)
            return
        done, none = b.append_basic_block("done"), b.append_basic_block("none")
        choice = b.switch(scope.dim(axes.depth), none)
        b.position_at_end(none)
        b.unreachable()
        for count in range(1, FEW_ROWS + 1):
            block = b.append_basic_block(f"depth{count}")
            choice.add_case(i64(count), block)
            b.position_at_end(block)
            self._deep(count, area)
            b.branch(done)
        b.position_at_end(done)

    def _deep(self, count: int, area: tuple[ir.Value, ...]) -> None:
        """A part of the result, by so many k."""
        product = self.product
        epilogue.rectangle(
            self.scope,
            product.row_axes,
            product.axes.columns,
            area,
            partial(self._row, count),
            spread=True,
        )

    def _row(self, count: int, row: ir.Value) -> Callable[..., ir.Value]:
        """What gives elements of a row of the product: one, or a vector, in the order of k."""
        scope, b, product, axes = self.scope, self.b, self.product, self.product.axes
        start, step = b.mul(row, scope.dim(axes.x_rows.step)), scope.dim(axes.x_depth.step)
        left = [scope.load(product.x, b.add(start, b.mul(step, i64(k)))) for k in range(count)]
        wide = [splat(b, one, product.lanes) for one in left]
        y_step = scope.dim(axes.y_depth.step)

        def elements(column: ir.Value, lanes: int | None, mask: ir.Value | None) -> ir.Value:
            if product.block is None:
                return some(column, lanes, mask, 0, count)
            assert isinstance(product.block, int)
            parts = (some(column, lanes, mask, *span) for span in spans(count, product.block))
            zero = constant(vector_type(product.dtype, lanes), product.dtype, 0)
            return b.fadd(tree(parts, b.fadd), zero)

        def some(
            column: ir.Value, lanes: int | None, mask: ir.Value | None, begin: int, end: int
        ) -> ir.Value:
            kind = vector_type(product.dtype, lanes)
            total: ir.Value = constant(kind, product.dtype, 0)
            for k in range(begin, end):
                at = b.add(column, b.mul(y_step, i64(k)))
                if lanes is None:
                    total = intrinsic(b, "fma", kind, left[k], scope.load(product.y, at), total)
                    continue
                x = wide[k] if lanes == product.lanes else splat(b, left[k], lanes)
                y = scope.load_vector(product.y, at, lanes, mask)
                total = intrinsic(b, "fma", kind, x, y, total)
            return total

        return elements
