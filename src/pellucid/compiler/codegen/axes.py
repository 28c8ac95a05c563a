"""A contraction as matrices: batches of rows × depth times depth × columns.

The result is contiguous: batch axes, then x's own, then y's. Where an operand walks the axes of one
group in steps that merge, the group has one stride; else offsets are taken apart by division.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pellucid.compiler.codegen.layout import merged
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64
from pellucid.compiler.codegen.scope import Operand
from pellucid.core.shapes import Dim, size
from pellucid.ops.contract import Pairs, free_axes


@dataclass(frozen=True)
class Walk:
    """How one operand steps along a group of axes, outermost first; as few as possible."""

    dims: tuple[Dim, ...]
    steps: tuple[Dim, ...]

    @classmethod
    def of(cls, operand: Operand, axes: Sequence[int]) -> Walk:
        shape, own = operand.type.shape, operand.strides
        dims, (steps,) = merged([shape[axis] for axis in axes], [[own[axis] for axis in axes]])
        return cls(tuple(dims), tuple(steps))

    @property
    def single(self) -> bool:
        """Whether one stride describes it."""
        return len(self.dims) <= 1

    @property
    def step(self) -> Dim:
        """The only stride; 0 where there is one element."""
        return self.steps[0] if self.steps else 0

    @property
    def contiguous(self) -> bool:
        return self.steps in ((), (1,))

    def offset(
        self, b: ir.IRBuilder, number: Callable[[Dim], ir.Value], index: ir.Value
    ) -> ir.Value:
        """Where element `index` of the group stands, in elements from the first."""
        total: ir.Value = i64(0)
        for level in range(len(self.dims) - 1, -1, -1):
            place = index
            if level > 0:
                length = number(self.dims[level])
                place, index = b.urem(index, length), b.udiv(index, length)
            total = b.add(total, b.mul(place, number(self.steps[level])))
        return total


@dataclass(frozen=True)
class Axes:
    """The groups of a contraction: how long they are, and how each operand walks them."""

    batches: Dim
    rows: Dim
    columns: Dim
    depth: Dim
    x_batch: Walk
    x_rows: Walk
    x_depth: Walk
    y_batch: Walk
    y_columns: Walk
    y_depth: Walk

    @classmethod
    def of(cls, x: Operand, y: Operand, batch: Pairs, summed: Pairs) -> Axes:
        long, wide = x.type.shape, y.type.shape
        x_free = free_axes(len(long), [i for i, _ in (*batch, *summed)])
        y_free = free_axes(len(wide), [j for _, j in (*batch, *summed)])
        return cls(
            batches=size([long[i] for i, _ in batch]),
            rows=size([long[i] for i in x_free]),
            columns=size([wide[j] for j in y_free]),
            depth=size([long[i] for i, _ in summed]),
            x_batch=Walk.of(x, [i for i, _ in batch]),
            x_rows=Walk.of(x, x_free),
            x_depth=Walk.of(x, [i for i, _ in summed]),
            y_batch=Walk.of(y, [j for _, j in batch]),
            y_columns=Walk.of(y, y_free),
            y_depth=Walk.of(y, [j for _, j in summed]),
        )

    def swapped(self) -> Axes:
        """The same result with x and y in each other's place; for one row or column alone."""
        return replace(
            self,
            rows=self.columns,
            columns=self.rows,
            x_batch=self.y_batch,
            y_batch=self.x_batch,
            x_rows=self.y_columns,
            x_depth=self.y_depth,
            y_columns=self.x_rows,
            y_depth=self.x_depth,
        )
