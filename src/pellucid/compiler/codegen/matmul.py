"""`contract`: products summed over paired axes, each result in the order of k.

out[b, i, j] = Σ_k x[b, i, k] · y[b, k, j], by fused multiply-add from 0 on, k in row-major order of
the `summed` pairs. The order is a promise (semantics §9): tiles, threads and stretches of k leave
it as it is, since what a stretch has added up is stored and loaded again, never added twice.

A thread computes whole vectors of columns, so that its part of the weights stays in its own cache;
vectors that do not come out even are shared by rows. `blocks.py` computes such a part.
"""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.compiler.codegen.axes import Axes
from pellucid.compiler.codegen.blocks import Blocks
from pellucid.compiler.codegen.inner import Inner
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.plain import plain
from pellucid.compiler.codegen.scope import Scope


def contract(scope: Scope) -> None:
    """The product, and on each finished tile what the kernel has behind it."""
    x, y = scope.inputs
    axes = Axes.of(x.type.shape, y.type.shape, scope.attr("batch"), scope.attr("summed"))
    if not (x.type.dtype.is_float and scope.target.fused):
        plain(scope)
        return
    blocks = Blocks(scope, axes)
    _Shares(scope, axes, blocks).emit()


@dataclass(frozen=True)
class _Shares:
    """Who computes what."""

    scope: Scope
    axes: Axes
    blocks: Blocks

    def emit(self) -> None:
        scope, b = self.scope, self.scope.builder
        part, parts = scope.part, scope.parts
        if self.axes.batches == 1:
            self._matrix(scope, i64(0), part, parts)
            return
        one = Inner(scope, "batch", "lll")
        with one.body() as (inside, given):
            self._matrix(inside, *given)
        # Whole batches first; those that do not come out even are shared by columns.
        count = scope.dim(self.axes.batches)
        each = b.udiv(count, parts)
        with loop(b, each, "own") as own:
            one.call(scope, b.add(b.mul(part, each), own.index), i64(0), i64(1))
        done = b.mul(each, parts)
        with loop(b, b.sub(count, done), "left") as left:
            one.call(scope, b.add(done, left.index), part, parts)

    def _matrix(self, scope: Scope, batch: ir.Value, part: ir.Value, parts: ir.Value) -> None:
        """This thread's part of one matrix product."""
        b, lanes = scope.builder, self.blocks.lanes
        rows, columns = scope.dim(self.axes.rows), scope.dim(self.axes.columns)
        vectors = _groups(b, columns, lanes)
        tiles = _groups(b, rows, self.blocks.height)
        each = b.udiv(vectors, parts)
        even = b.mul(each, parts)
        # With fewer tiles of rows than threads, the vectors are shared as evenly as they go.
        few = b.icmp_signed("<", tiles, parts)
        after = b.add(part, i64(1))
        begin = b.select(few, b.udiv(b.mul(vectors, part), parts), b.mul(each, part))
        end = b.select(few, b.udiv(b.mul(vectors, after), parts), b.mul(each, after))
        first, last = (_least(b, b.mul(end_, i64(lanes)), columns) for end_ in (begin, end))
        self.blocks.call(scope, batch, i64(0), rows, first, last)
        left = b.mul(b.select(few, vectors, even), i64(lanes))
        with b.if_then(b.icmp_signed("<", left, columns)):
            first, last = (
                _least(b, b.mul(b.udiv(b.mul(tiles, n), parts), i64(self.blocks.height)), rows)
                for n in (part, after)
            )
            self.blocks.call(scope, batch, first, last, left, columns)


def _groups(b: ir.IRBuilder, count: ir.Value, size: int) -> ir.Value:
    """How many groups of `size` hold `count`."""
    return b.udiv(b.add(count, i64(size - 1)), i64(size))


def _least(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.icmp_signed("<", x, y), x, y)
