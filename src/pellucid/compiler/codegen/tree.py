"""Where the blocks of a sum meet: a binary counter that carries (see `ops/blocks.py`).

At level l waits the sum of 2ˡ blocks that are whole, in memory that whoever sums provides. Sums are
several values at once, such as the accumulators of a tile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.scalars import intrinsic
from pellucid.compiler.codegen.scope import Scope
from pellucid.core.shapes import Dim

Values: TypeAlias = "list[ir.Value]"
Load: TypeAlias = "Callable[[ir.Value], Values]"  # what waits at a level


def elements(scope: Scope, block: Dim) -> ir.Value:
    """The elements of a block, 1 where it holds none: then there are none at all."""
    if isinstance(block, int):
        return i64(max(1, block))
    number = scope.dim(block)
    return scope.builder.select(scope.builder.icmp_signed("<", number, i64(1)), i64(1), number)


def levels(b: ir.IRBuilder, blocks: ir.Value) -> ir.Value:
    """How many levels so many blocks need."""
    zeros = b.ctlz(blocks, ir.Constant(ir.IntType(1), 0))
    return b.sub(i64(64), zeros)


def reached(b: ir.IRBuilder, number: ir.Value) -> ir.Value:
    """The level that block `number` reaches with all that waits for it."""
    return b.cttz(b.not_(number), ir.Constant(ir.IntType(1), 0))


def carried(b: ir.IRBuilder, sums: Values, number: ir.Value, load: Load) -> tuple[Values, ir.Value]:
    """The sums of block `number` and of all that waited for it; the level that they reach."""
    level = reached(b, number)
    with loop(b, level, "carry", sums) as one:
        one.next = _added(b, load(one.index), one.carried)
    return one.carried, level


def joined(b: ir.IRBuilder, sums: Values, waiting: ir.Value, load: Load) -> Values:
    """`sums` with what waits at the levels whose bits are set, from the lowest on."""
    with loop(b, intrinsic(b, "ctpop", waiting.type, waiting), "join", [waiting, *sums]) as one:
        left, *sums = one.carried
        level = b.cttz(left, ir.Constant(ir.IntType(1), 0))
        one.next = [b.and_(left, b.sub(left, i64(1))), *_added(b, load(level), sums)]
    return one.carried[1:]


def above(b: ir.IRBuilder, blocks: ir.Value) -> ir.Value:
    """The levels where something waits for the last of so many blocks, carried."""
    return b.and_(blocks, b.sub(blocks, i64(1)))


def _added(b: ir.IRBuilder, earlier: Values, later: Values) -> Values:
    return [b.fadd(x, y) for x, y in zip(earlier, later, strict=True)]
