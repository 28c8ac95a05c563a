"""`scatter_add` in blocks of updates that meet in a tree (see `tree.py`).

A unit of work is some places along the axis and some columns behind it: it looks through all
indices, block by block and a vector at a time, and adds the updates that are its own. Threads share
the units. Blocks without any are left out: they are zeros, and what begins at 0.0 is never -0.0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.positions import position
from pellucid.compiler.codegen.scope import (
    SCRATCH_BYTES,
    Operand,
    Scope,
    constant,
    splat,
    vector_type,
)
from pellucid.compiler.codegen.sparse import each_bit
from pellucid.compiler.codegen.sweep import across
from pellucid.compiler.codegen.tree import elements, reached
from pellucid.compiler.program import times
from pellucid.core import shapes
from pellucid.core.shapes import Dim

WIDE = 1024  # columns of a unit, at most
LEVELS = 64
UNIT = 1920  # elements of a unit, at most, so that all levels fit a thread's room


def scatter_in_blocks(scope: Scope, block: int) -> None:
    """x with each slice of `updates` added at its index; sums of blocks meet in their tree."""
    b, (x, indices, _) = scope.builder, scope.inputs
    axis, shape = scope.attr("axis"), x.type.shape
    before, length, behind = shapes.size(shape[:axis]), shape[axis], shapes.size(shape[axis + 1 :])
    wide = min(behind, WIDE) if isinstance(behind, int) else WIDE
    high = max(1, UNIT // max(1, wide))
    assert (LEVELS + 1) * high * wide * scope.head.type.dtype.itemsize + 8 <= SCRATCH_BYTES
    ranges = groups(b, scope.dim(length), high)
    strips = groups(b, scope.dim(behind), max(1, wide))
    units = b.mul(scope.dim(before), b.mul(ranges, strips))
    first, last = scope.share(units, shapes.size(scope.inputs[2].type.shape))
    each = times(shapes.size(indices.type.shape[1:]), block)
    count = shapes.size(indices.type.shape)
    with b.if_then(scope.first_thread()), loop(b, scope.dim(count), "check") as one:
        position(scope, indices, one.index, scope.dim(length))
    with loop(b, b.sub(last, first), "unit") as one:
        number = b.add(first, one.index)
        strip, rest = b.urem(number, strips), b.udiv(number, strips)
        top = b.mul(b.urem(rest, ranges), i64(high))
        column = b.mul(strip, i64(wide))
        unit = _Unit(
            scope,
            outer=b.udiv(rest, ranges),
            top=top,
            rows=least(b, b.sub(scope.dim(length), top), i64(high)),
            column=column,
            columns=least(b, b.sub(scope.dim(behind), column), i64(wide)),
            line=wide,
            room=high * wide,
        )
        unit.finish(unit.total(each))


@dataclass
class _Unit:
    """Some places along the axis, some columns behind it.

    Args:
        outer: the place along the axes before.
        top, rows: the places; column, columns: the columns.
        line, room: elements of one place, and of a level, in the thread's room.
    """

    scope: Scope
    outer: ir.Value
    top: ir.Value
    rows: ir.Value
    column: ir.Value
    columns: ir.Value
    line: int
    room: int

    def __post_init__(self) -> None:
        self.b = self.scope.builder
        self.x, self.indices, self.updates = self.scope.inputs
        self.axis = self.scope.attr("axis")
        self.behind = self.scope.dim(shapes.size(self.x.type.shape[self.axis + 1 :]))
        self.length = self.scope.dim(self.x.type.shape[self.axis])
        self.count = self.scope.dim(shapes.size(self.indices.type.shape))

    def total(self, block: Dim) -> ir.Value:
        """Sums all blocks; a bit for each level where something waits then."""
        b, each = self.b, elements(self.scope, block)
        with loop(b, groups(b, self.count, each), "block", [i64(0)]) as one:
            begin = b.mul(one.index, each)
            found = self._block(begin, least(b, b.sub(self.count, begin), each))
            level = reached(b, one.index)
            with loop(b, level, "carry", [found]) as carry:
                carry.next = [self._join(carry.index, one.carried[0], carry.carried[0])]
            found, kept = carry.carried[0], b.shl(i64(-1), level)
            with b.if_then(b.trunc(found, ir.IntType(1))):
                self._copy(self._level(level), self._sums())
            one.next = [b.or_(b.and_(one.carried[0], kept), b.shl(found, level))]
        return one.carried[0]

    def finish(self, waiting: ir.Value) -> None:
        """Joins what waits, and adds it to x."""
        b, scope = self.b, self.scope
        bits = b.ctpop(waiting)
        with loop(b, bits, "join", [waiting, i64(0)]) as one:
            left, found = one.carried
            level = b.cttz(left, ir.Constant(ir.IntType(1), 0))
            one.next = [b.and_(left, b.sub(left, i64(1))), self._join(level, left, found)]
        with b.if_then(b.icmp_signed("==", bits, i64(0))):
            self._clear()
        with loop(b, self.rows, "row") as row:
            place = b.add(b.mul(self.outer, self.length), b.add(self.top, row.index))
            goal = self._at(scope.out, b.add(b.mul(place, self.behind), self.column))
            known = self._at(self.x, b.add(b.mul(place, self.behind), self.column))
            self._add(goal, known, self._at(self._sums(), b.mul(row.index, i64(self.line))))

    def _block(self, begin: ir.Value, count: ir.Value) -> ir.Value:
        """Adds up a block's updates that are the unit's own; 1 if there is one."""
        b, scope = self.b, self.scope
        flag = scope.place(self._level(i64(LEVELS + 1)), i64(0))
        b.store(i64(0), flag)

        def emit(column: ir.Value, lanes: int | None, mask: ir.Value | None) -> None:
            number = b.add(begin, column)
            place = b.sub(self._indices(number, lanes, mask), splat(b, self.top, lanes))
            own = b.icmp_unsigned("<", place, splat(b, self.rows, lanes))
            if mask is not None:
                own = b.and_(own, mask)
            if lanes is not None:
                own = b.bitcast(own, ir.IntType(lanes))
            each_bit(b, b.zext(own, ir.IntType(64)), [], lambda k, _: update(b.add(number, k)))

        def update(number: ir.Value) -> list[ir.Value]:
            with b.if_then(b.icmp_signed("==", b.load(flag, typ=ir.IntType(64)), i64(0))):
                self._clear()
                b.store(i64(1), flag)
            place = b.sub(self._indices(number, None, None), self.top)
            row = b.add(b.mul(self.outer, self.count), number)
            from_ = self._at(self.updates, b.add(b.mul(row, self.behind), self.column))
            sums = self._at(self._sums(), b.mul(place, i64(self.line)))
            self._add(sums, sums, from_)
            return []

        across(scope, count, False, scope.vector_bytes // 8, emit)
        return b.load(flag, typ=ir.IntType(64))

    def _indices(self, number: ir.Value, lanes: int | None, mask: ir.Value | None) -> ir.Value:
        """Indices from `number` on as whole numbers of 64 bits."""
        b, dtype = self.b, self.indices.type.dtype
        found = self._load(self.indices, number, lanes, mask)
        if dtype.itemsize == 8:
            return found
        word: ir.Type = ir.IntType(64)
        wide = word if lanes is None else ir.VectorType(word, lanes)
        return b.sext(found, wide) if dtype.kind == "i" else b.zext(found, wide)

    def _join(self, level: ir.Value, waiting: ir.Value, found: ir.Value) -> ir.Value:
        """The sums with those of an earlier level, where something waits there; 1 if any are."""
        b = self.b
        there = b.and_(b.lshr(waiting, level), i64(1))
        with b.if_then(b.trunc(there, ir.IntType(1))):
            earlier, sums = self._level(level), self._sums()
            with b.if_else(b.trunc(found, ir.IntType(1))) as (both, alone):
                with both:
                    self._whole(lambda *part: self._store_sum(sums, earlier, sums, *part))
                with alone:
                    self._copy(sums, earlier)
        return b.or_(found, there)

    def _at(self, operand: Operand, offset: ir.Value) -> Operand:
        return Operand(self.scope.place(operand, offset), operand.type)

    def _level(self, level: ir.Value) -> Operand:
        room = Operand(self.scope.scratch, self.scope.head.type)
        return self._at(room, self.b.mul(level, i64(self.room)))

    def _sums(self) -> Operand:
        return self._level(i64(LEVELS))

    def _whole(self, emit: Callable[..., None]) -> None:
        """All elements of a level, vector by vector."""
        count = self.b.mul(self.rows, i64(self.line))
        self._across(count, emit)

    def _across(self, count: ir.Value, emit: Callable[..., None]) -> None:
        across(self.scope, count, False, self.scope.lanes(self.x.type.dtype), emit)

    def _clear(self) -> None:
        dtype, sums = self.x.type.dtype, self._sums()

        def emit(column: ir.Value, lanes: int | None, mask: ir.Value | None) -> None:
            zero = constant(vector_type(dtype, lanes), dtype, 0)
            self.scope.store(zero, column, sums, mask)

        self._whole(emit)

    def _copy(self, goal: Operand, source: Operand) -> None:
        def emit(column: ir.Value, lanes: int | None, mask: ir.Value | None) -> None:
            self.scope.store(self._load(source, column, lanes, mask), column, goal, mask)

        self._whole(emit)

    def _add(self, goal: Operand, x: Operand, y: Operand) -> None:
        """goal = x + y over the unit's columns."""
        self._across(self.columns, lambda *part: self._store_sum(goal, x, y, *part))

    def _store_sum(
        self,
        goal: Operand,
        x: Operand,
        y: Operand,
        column: ir.Value,
        lanes: int | None,
        mask: ir.Value | None,
    ) -> None:
        left, right = (self._load(one, column, lanes, mask) for one in (x, y))
        self.scope.store(self.b.fadd(left, right), column, goal, mask)

    def _load(
        self, operand: Operand, column: ir.Value, lanes: int | None, mask: ir.Value | None
    ) -> ir.Value:
        if lanes is None:
            return self.scope.load(operand, column)
        return self.scope.load_vector(operand, column, lanes, mask)
