"""The micro-kernels of a contraction whose blocks of k meet in a tree (see `tree.py`).

A tile stays in registers until its block ends; what meets then stands in the first cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.scope import constant, first_lanes
from pellucid.compiler.codegen.tiles import ARGUMENTS, Tile
from pellucid.compiler.codegen.tree import above, carried, joined


@dataclass(frozen=True)
class TreeTile(Tile):
    """A micro-kernel for some blocks of k, or for a part of one.

    Its further arguments: the length of a block; the number of the first one; where the tile's
    levels stand; whether the last block ends here; whether the sum does.
    """

    kind: ClassVar = "tree"
    arguments: ClassVar = ARGUMENTS + "llpll"

    def _emit(self, function: ir.Function) -> None:
        out, out_row, count, columns, first, block, number, room, ends, last = function.args[5:]
        b = ir.IRBuilder(function.append_basic_block("entry"))
        mask = first_lanes(b, columns, self.lanes) if self.masked else None
        goals = [self._at(b, out, b.mul(out_row, i64(r))) for r in range(self.rows)]
        ends, last = (b.icmp_signed("!=", one, i64(0)) for one in (ends, last))
        blocks = groups(b, count, block)
        blocks = b.select(b.icmp_signed("<", blocks, i64(1)), i64(1), blocks)
        with loop(b, blocks, "block") as one:
            begin = b.mul(one.index, block)
            length = least(b, b.sub(count, begin), block)
            sums = self._begin(b, goals, mask, b.add(first, one.index))
            sums = self._along(b, function.args, sums, mask, begin, length)
            final = b.icmp_signed("==", b.add(one.index, i64(1)), blocks)
            with b.if_else(b.or_(ends, b.not_(final))) as (whole, part):
                with whole:
                    self._meet(
                        b, sums, b.add(number, one.index), room, b.and_(last, final), goals, mask
                    )
                with part:
                    self._finish(b, sums, goals, mask)
        b.ret_void()

    def _meet(
        self,
        b: ir.IRBuilder,
        sums: list[ir.Value],
        number: ir.Value,
        room: ir.Value,
        last: ir.Value,
        goals: list[ir.Value],
        mask: ir.Value | None,
    ) -> None:
        """What happens to the sums of a block: they wait at their level, or are part of all."""

        def places(level: ir.Value) -> list[ir.Value]:
            base = b.mul(level, i64(len(sums) * self.lanes))
            return [self._at(b, room, b.add(base, i64(n * self.lanes))) for n in range(len(sums))]

        def load(level: ir.Value) -> list[ir.Value]:
            size = self.dtype.itemsize
            return [b.load(place, typ=self._kind, align=size) for place in places(level)]

        sums, level = carried(b, sums, number, load)
        with b.if_else(last) as (done, waiting):
            with done:
                total = joined(b, sums, above(b, b.add(number, i64(1))), load)
                zero = constant(self._kind, self.dtype, 0)
                self._finish(b, [b.fadd(one, zero) for one in total], goals, mask)
            with waiting:
                for value, place in zip(sums, places(level), strict=True):
                    b.store(value, place, align=self.dtype.itemsize)

    def _finish(
        self,
        b: ir.IRBuilder,
        sums: list[ir.Value],
        goals: list[ir.Value],
        mask: ir.Value | None,
    ) -> None:
        for row, goal in enumerate(goals):
            self._store(b, sums[row * self.vectors : (row + 1) * self.vectors], goal, mask)
