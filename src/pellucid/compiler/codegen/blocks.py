"""A rectangle of a matrix product, tile by tile: which part of which operand is used when.

    for each strip of columns, up to three tiles wide
      for each block of rows                  (only where sums wait in the thread's own room)
        for each stretch of k
          the strip's part of y, packed if need be: it stays in the second-level cache
          for each tile's rows
            their part of x, packed if need be: it stays in the first-level cache
            for each tile: the micro-kernel
            behind the last stretch: what the kernel does to finished elements

Operands are used where they lie if the micro-kernel can walk them: y with columns side by side, x
in any constant steps. They are packed where they cannot be walked, and where their lines would
push each other out of the first-level cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.compiler.codegen.axes import Axes
from pellucid.compiler.codegen.epilogue import Epilogue
from pellucid.compiler.codegen.inner import Inner
from pellucid.compiler.codegen.layout import memory_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.packing import Packing
from pellucid.compiler.codegen.scope import Scope
from pellucid.compiler.codegen.tiles import Tile, tile_size

STRETCH = 512  # the most of k in one go
TILES = 3  # tiles in a strip: what packing x costs is spread over them
BLOCK = 512  # rows whose sums wait while k goes on
COLLIDES = 2048  # bytes: lines so far apart share few sets of the first-level cache
WORTH = 64  # rows that make up for packing y


def least(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.icmp_signed("<", x, y), x, y)


def groups(b: ir.IRBuilder, count: ir.Value, size: int) -> ir.Value:
    """How many groups of `size` hold `count`."""
    return b.udiv(b.add(count, i64(size - 1)), i64(size))


@dataclass(frozen=True)
class Part:
    """A part of an operand as the micro-kernel walks it.

    Args:
        steps: strides along its rows (x) or from tile to tile (y), and along k.
    """

    pointer: ir.Value
    steps: tuple[ir.Value, ir.Value]


class Blocks:
    """One function of a kernel: a rectangle of one of its products."""

    def __init__(self, scope: Scope, axes: Axes):
        self.axes = axes
        self.dtype = scope.inputs[0].type.dtype
        self.element = memory_type(self.dtype)
        self.lanes = scope.vector_bytes // self.dtype.itemsize
        self.height, self.vectors = tile_size(scope.target)
        self.masked = scope.target.masks
        self.panel = self.vectors * self.lanes
        self.heights = self._heights()
        self.packing = Packing(scope.builder.module, self.dtype, scope.target)
        self.epilogue = Epilogue(scope) if Epilogue.needed(scope) else None
        self._room()
        self._inner = Inner(scope, "block", "lllll")
        with self._inner.body() as (inside, given):
            _Block(self, inside, given).emit()

    def call(self, scope: Scope, *arguments: ir.Value) -> None:
        """Arguments: the number of the product; first and last row; first and last column."""
        self._inner.call(scope, *arguments)

    def _heights(self) -> list[int]:
        """Rows of the tiles that this product needs, largest first."""
        every = [self.height, self.height // 2, 1]
        if not isinstance(self.axes.rows, int):
            return every
        left, needed = self.axes.rows, []
        for height in every:
            if left >= height:
                needed.append(height)
            left %= height
        return needed or [1]

    def _room(self) -> None:
        """Where things stand in the scratch room, in bytes."""
        vector, strip = self.lanes * self.dtype.itemsize, TILES * self.vectors
        self.y_line = self.panel * (STRETCH + self.lanes)  # elements from tile to tile
        self.x_line = STRETCH + 16  # elements; no multiple of a cache way
        self.y_place = 0
        self.x_place = self.y_place + (STRETCH + self.lanes) * strip * vector
        self.tables = self.x_place + self.height * self.x_line * self.dtype.itemsize + 64
        self.x_table, self.y_table = self.tables, self.tables + 8 * STRETCH
        self.row_table = self.y_table + 8 * STRETCH
        self.column_table = self.row_table + 8 * 16
        self.sums = self.column_table + 8 * strip * self.lanes
        self.sums += -self.sums % 64
        self.bytes = self.sums + BLOCK * strip * vector


class _Block:
    """The function under construction."""

    def __init__(self, blocks: Blocks, scope: Scope, given: list[ir.Value]):
        self.plan, self.scope, self.b = blocks, scope, scope.builder
        self.axes = blocks.axes
        batch, self.first_row, self.last_row, self.first, self.last = given
        x, y = scope.inputs
        axes = self.axes
        self.x = self._at(x.pointer, axes.x_batch.offset(scope, batch))
        self.y = self._at(y.pointer, axes.y_batch.offset(scope, batch))
        self.columns = scope.dim(axes.columns)
        self.base_row = self.b.mul(batch, scope.dim(axes.rows))
        self.depth = scope.dim(axes.depth)

    def _at(self, base: ir.Value, offset: ir.Value) -> ir.Value:
        return self.b.gep(base, [offset], inbounds=True, source_etype=self.plan.element)

    def _scratch(self, place: int) -> ir.Value:
        return self.b.gep(
            self.scope.scratch, [i64(place)], inbounds=True, source_etype=ir.IntType(8)
        )

    def emit(self) -> None:
        b, plan = self.b, self.plan
        stretches = groups(b, self.depth, STRETCH)
        stretches = b.select(b.icmp_signed("<", stretches, i64(1)), i64(1), stretches)
        self.stretch = b.udiv(b.add(self.depth, b.sub(stretches, i64(1))), stretches)
        self.waits = b.icmp_signed(">", stretches, i64(1))
        strip = TILES * plan.panel
        rows = b.sub(self.last_row, self.first_row)
        with loop(b, groups(b, b.sub(self.last, self.first), strip), "strip") as one:
            self.column = b.add(self.first, b.mul(one.index, i64(strip)))
            self.width = least(b, b.sub(self.last, self.column), i64(strip))
            if plan.epilogue is None:
                self._rows(self.first_row, rows, stretches)
                continue_ = None
            else:
                continue_ = b.select(self.waits, i64(BLOCK), rows)
            if continue_ is not None:
                size = b.select(b.icmp_signed("<", continue_, i64(1)), i64(1), continue_)
                count = b.udiv(b.add(rows, b.sub(size, i64(1))), size)
                with loop(b, count, "rows") as block:
                    begin = b.mul(block.index, size)
                    height = least(b, b.sub(rows, begin), size)
                    self._rows(b.add(self.first_row, begin), height, stretches)

    def _rows(self, begin: ir.Value, count: ir.Value, stretches: ir.Value) -> None:
        """A block of rows of a strip, all of k."""
        b = self.b
        with loop(b, stretches, "stretch") as one:
            self.k = b.mul(one.index, self.stretch)
            self.length = least(b, b.sub(self.depth, self.k), self.stretch)
            self.is_first = b.zext(b.icmp_signed("==", one.index, i64(0)), ir.IntType(64))
            after = b.add(one.index, i64(1))
            self.is_last = b.icmp_signed("==", after, stretches)
            y = self._y_part(count)
            tiles, left = i64(0), count
            for height in self.plan.heights:
                tiles = b.add(tiles, b.udiv(left, i64(height)))
                left = b.urem(left, i64(height))
            with loop(b, tiles, "tile", [i64(0)]) as tile:
                done = tile.carried[0]
                left = b.sub(count, done)
                height = i64(self.plan.heights[-1])
                for size in reversed(self.plan.heights[:-1]):
                    height = b.select(b.icmp_signed(">=", left, i64(size)), i64(size), height)
                self._tile(b.add(begin, done), done, height, y)
                tile.next = [b.add(done, height)]

    def _y_part(self, rows: ir.Value) -> Part:
        """The strip's columns of y for this stretch of k."""
        b, plan, axes = self.b, self.plan, self.axes
        columns, depth = axes.y_columns, axes.y_depth
        panel, packed = (
            i64(plan.panel),
            Part(self._scratch(plan.y_place), (i64(plan.y_line), i64(plan.panel))),
        )
        if not columns.contiguous or not depth.single:
            turned = columns.single and depth.contiguous
            self._pack_y("turn" if turned else "gather")
            return packed
        start = b.add(self.column, columns.offset(self.scope, i64(0)))
        place = b.add(start, depth.offset(self.scope, self.k))
        direct = Part(self._at(self.y, place), (panel, self.scope.dim(depth.step)))
        wide = isinstance(depth.step, int) and depth.step * plan.dtype.itemsize >= COLLIDES
        if not wide:
            return direct
        enough = b.icmp_signed(">=", rows, i64(WORTH))
        before = b.block
        with b.if_then(enough):
            self._pack_y("copy")
            packed_end = b.block
        found = []
        for here, there in (
            (direct.pointer, packed.pointer),
            (direct.steps[0], packed.steps[0]),
            (direct.steps[1], packed.steps[1]),
        ):
            phi = b.phi(here.type)
            phi.add_incoming(here, before)
            phi.add_incoming(there, packed_end)
            found.append(phi)
        return Part(found[0], (found[1], found[2]))

    def _pack_y(self, how: str) -> None:
        """Packs the strip's part of y, one tile's columns behind the other's."""
        b, plan, scope = self.b, self.plan, self.scope
        columns, depth = self.axes.y_columns, self.axes.y_depth
        goal, line = self._scratch(plan.y_place), i64(plan.panel)
        if how == "gather":
            self._table(plan.y_table, depth, self.k, self.length)
            self._table(plan.column_table, columns, self.column, self.width)
        with loop(b, groups(b, self.width, plan.panel), "panel") as one:
            begin = b.mul(one.index, i64(plan.panel))
            width = least(b, b.sub(self.width, begin), i64(plan.panel))
            here = self._at(goal, b.mul(one.index, i64(plan.y_line)))
            if how == "gather":
                table = b.gep(
                    self._scratch(plan.column_table), [begin], source_etype=ir.IntType(64)
                )
                starts = self._scratch(plan.y_table)
                plan.packing.gather(b, self.y, starts, table, here, line, self.length, width)
                continue_ = False
            else:
                continue_ = True
            if continue_:
                along = columns.offset(scope, b.add(self.column, begin))
                start = self._at(self.y, b.add(along, depth.offset(scope, self.k)))
                if how == "turn":
                    step = scope.dim(columns.step)
                    plan.packing.turn(b, start, step, here, line, width, self.length)
                else:
                    step = scope.dim(depth.step)
                    plan.packing.copy(b, start, step, here, line, self.length, width)

    def _table(self, place: int, walk: object, first: ir.Value, count: ir.Value) -> None:
        """Writes the offsets of `count` elements of a group."""
        b = self.b
        with loop(b, count, "offset") as one:
            value = walk.offset(self.scope, b.add(first, one.index))  # type: ignore[attr-defined]
            goal = b.gep(self._scratch(place), [one.index], source_etype=ir.IntType(64))
            b.store(value, goal)

    def _x_part(self, row: ir.Value, height: ir.Value) -> Part:
        """A tile's rows of x for this stretch of k."""
        b, plan, scope, axes = self.b, self.plan, self.scope, self.axes
        rows, depth = axes.x_rows, axes.x_depth
        size = plan.dtype.itemsize
        goal = self._scratch(plan.x_place)
        if not rows.single or not depth.single:
            self._table(plan.row_table, rows, row, height)
            self._table(plan.x_table, depth, self.k, self.length)
            starts, offsets = self._scratch(plan.row_table), self._scratch(plan.x_table)
            line = i64(plan.x_line)
            plan.packing.gather(b, self.x, starts, offsets, goal, line, height, self.length)
            return Part(goal, (line, i64(1)))
        place = b.add(rows.offset(scope, row), depth.offset(scope, self.k))
        start = self._at(self.x, place)
        steps = scope.dim(rows.step), scope.dim(depth.step)
        if depth.contiguous and isinstance(rows.step, int) and _far(rows.step * size):
            line = i64(plan.x_line)
            plan.packing.copy(b, start, steps[0], goal, line, height, self.length)
            return Part(goal, (line, i64(1)))
        if rows.contiguous and isinstance(depth.step, int) and _far(depth.step * size):
            line = i64(plan.height)
            plan.packing.copy(b, start, steps[1], goal, line, self.length, height)
            return Part(goal, (i64(1), line))
        return Part(start, steps)

    def _tile(self, row: ir.Value, done: ir.Value, height: ir.Value, y: Part) -> None:
        """All tiles of a strip that begin at `row`."""
        b, plan = self.b, self.plan
        x = self._x_part(row, height)
        number = b.add(self.base_row, row)
        if plan.epilogue is None:
            line = self.columns
            place = b.add(b.mul(number, line), self.column)
            goal = self._at(self.scope.out.pointer, place)
        else:
            line = i64(TILES * plan.panel)
            kept = b.select(self.waits, done, i64(0))
            goal = self._at(self._scratch(plan.sums), b.mul(kept, line))
        self._panels(x, y, goal, line, height)
        if plan.epilogue is not None:
            with b.if_then(self.is_last):
                plan.epilogue.call(self.scope, goal, line, number, height, self.column, self.width)

    def _panels(self, x: Part, y: Part, goal: ir.Value, line: ir.Value, height: ir.Value) -> None:
        b, plan = self.b, self.plan
        whole, rest = b.udiv(self.width, i64(plan.panel)), b.urem(self.width, i64(plan.panel))
        some = b.zext(b.icmp_signed(">", rest, i64(0)), ir.IntType(64))
        if plan.masked:
            count = b.add(whole, some)
        else:  # whole vectors, then columns by themselves
            vectors = b.udiv(rest, i64(plan.lanes))
            some = b.zext(b.icmp_signed(">", vectors, i64(0)), ir.IntType(64))
            count = b.add(b.add(whole, some), b.urem(rest, i64(plan.lanes)))
        with loop(b, count, "panel", [i64(0)]) as one:
            column = one.carried[0]
            left = b.sub(self.width, column)
            vectors = groups(b, left, plan.lanes) if plan.masked else b.udiv(left, i64(plan.lanes))
            vectors = least(b, vectors, i64(plan.vectors))
            wide = b.mul(vectors, i64(plan.lanes))
            before = b.sub(least(b, left, wide), b.sub(wide, i64(plan.lanes)))
            panel = b.udiv(column, i64(plan.panel))
            inside = b.sub(column, b.mul(panel, i64(plan.panel)))
            start = self._at(y.pointer, b.add(b.mul(panel, y.steps[0]), inside))
            arguments = [
                x.pointer, *x.steps, start, y.steps[1], self._at(goal, column), line,
                self.length, before, self.is_first,
            ]  # fmt: skip
            self._dispatch(height, vectors, arguments)
            single = b.icmp_signed("==", vectors, i64(0))
            one.next = [b.add(column, b.select(single, i64(1), wide))]

    def _dispatch(self, height: ir.Value, vectors: ir.Value, arguments: list[ir.Value]) -> None:
        """Calls the micro-kernel of this size."""
        b, plan = self.b, self.plan
        done = b.append_basic_block("done")
        none = b.append_basic_block("none")
        number = b.add(b.mul(height, i64(8)), vectors)
        choice = b.switch(number, none)
        b.position_at_end(none)
        b.unreachable()
        for rows in plan.heights:
            for count in range(0 if not plan.masked else 1, plan.vectors + 1):
                block = b.append_basic_block(f"tile{rows}x{count}")
                choice.add_case(i64(8 * rows + count), block)
                b.position_at_end(block)
                lanes = plan.lanes if count else 1
                tile = Tile(plan.dtype, rows, max(count, 1), lanes, plan.masked)
                b.call(tile.function(b.module), arguments)
                b.branch(done)
        b.position_at_end(done)


def _far(step: int) -> bool:
    """Whether lines so many bytes apart share few sets of the first-level cache."""
    return step > 0 and step % COLLIDES == 0
