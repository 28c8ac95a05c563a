"""A rectangle of a matrix product, tile by tile: which part of which operand is used when.

    for each strip of columns, a few tiles wide
      for each block of rows                  (where sums wait in the thread's own room)
        for each stretch of k
          the strip's part of y, packed if need be: it stays in the second-level cache
          for each tile's rows
            their part of x
            for each tile: the micro-kernel
            behind the last stretch: what the kernel does to finished elements

Lengths and strides are numbers at run time: contractions of one `Form` share one function of the
module.
"""

from __future__ import annotations

from dataclasses import replace

from pellucid.compiler.codegen.axes import Axes
from pellucid.compiler.codegen.epilogue import call_epilogue
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.operand_panels import (
    ARGUMENT_TYPES,
    BLOCK,
    STRETCH,
    BlockArguments,
    BlockVariant,
    OperandPanels,
    PanelView,
)
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.codegen.tiles import Tile, argument_types
from pellucid.compiler.codegen.tree import levels
from pellucid.compiler.codegen.tree_tiles import TreeTile


def block(form: BlockVariant, module: ir.Module, target: Target, axes: Axes) -> ir.Function:
    """A function of `module` that serves `form`; emitted where there is none yet."""
    for even, narrow in ((False, False), (form.even, False), (False, form.narrow)):
        known = module.globals.get(replace(form, even=even, narrow=narrow).name)
        if known is not None:
            return known
    if form.name in module.globals:
        return module.globals[form.name]
    function = ir.Function(
        module, ir.FunctionType(ir.VoidType(), argument_types(ARGUMENT_TYPES)), form.name
    )
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    kind = TreeBlock if form.tree else Block
    kind(form, builder, target, BlockArguments(*function.args), axes).emit()
    builder.ret_void()
    return function


class Block(OperandPanels):
    """The function under construction."""

    tile = Tile
    stretches: ir.Value  # how many of them k is cut into
    waits: ir.Value  # whether sums wait for later ones
    rows: ir.Value  # whose sums wait at a time

    def emit(self) -> None:
        b, given = self.b, self.given
        self._cut()
        strip = self.room.tiles * self.panel
        rows = b.sub(given.last_row, given.first_row)
        with loop(b, groups(b, b.sub(given.last, given.first), strip), "strip") as one:
            self.column = b.add(given.first, b.mul(one.index, i64(strip)))
            self.width = least(b, b.sub(given.last, self.column), i64(strip))
            if self.form.epilogue or self.form.tree:
                self._row_blocks(rows)
            else:
                self._rows(given.first_row, rows)

    def _cut(self) -> None:
        """How k is cut into stretches."""
        b, depth = self.b, self.given.depth
        stretches = groups(b, depth, STRETCH)
        # An empty sum is 0: one stretch of nothing writes it.
        self.stretches = b.select(b.icmp_signed("<", stretches, i64(1)), i64(1), stretches)
        self.stretch = b.udiv(b.add(depth, b.sub(self.stretches, i64(1))), self.stretches)
        self.waits = b.icmp_signed(">", self.stretches, i64(1))
        self.rows = i64(BLOCK)

    def _row_blocks(self, rows: ir.Value) -> None:
        """Rows in blocks whose sums fit the scratch room; all at once where none must wait."""
        b = self.b
        size = b.select(self.waits, self.rows, rows)
        size = b.select(b.icmp_signed("<", size, i64(1)), i64(1), size)
        count = b.udiv(b.add(rows, b.sub(size, i64(1))), size)
        with loop(b, count, "rows") as block:
            begin = b.mul(block.index, size)
            self._rows(b.add(self.given.first_row, begin), least(b, b.sub(rows, begin), size))

    def _rows(self, begin: ir.Value, count: ir.Value) -> None:
        """A block of rows of a strip, all of k."""
        b = self.b
        with loop(b, self.stretches, "stretch") as one:
            self._begin(one.index)
            after = b.add(one.index, i64(1))
            self.is_last = b.icmp_signed("==", after, self.stretches)
            y = self.y_panel(count)
            self.x_stretch()
            tiles, left = i64(0), count
            for size in self.heights:
                tiles = b.add(tiles, b.udiv(left, i64(size)))
                left = b.urem(left, i64(size))
            with loop(b, tiles, "tile", [i64(0)]) as tile:
                done = tile.carried[0]
                left = b.sub(count, done)
                height: ir.Value = i64(self.heights[-1])
                for size in reversed(self.heights[:-1]):
                    height = b.select(b.icmp_signed(">=", left, i64(size)), i64(size), height)
                self._tile(b.add(begin, done), done, height, y)
                tile.next = [b.add(done, height)]

    def _begin(self, number: ir.Value) -> None:
        """Which part of k a stretch is, and whether it is the first of its sum."""
        b = self.b
        self.k = b.mul(number, self.stretch)
        self.length = least(b, b.sub(self.given.depth, self.k), self.stretch)
        self.is_first = b.zext(b.icmp_signed("==", number, i64(0)), ir.IntType(64))

    def _tile(self, row: ir.Value, done: ir.Value, height: ir.Value, y: PanelView) -> None:
        """All tiles of a strip that begin at `row`."""
        b, given = self.b, self.given
        x = self.x_panel(row, height)
        number = b.add(given.base_row, row)
        kept = b.select(self.waits, done, i64(0))  # else one tile's room stays in the first cache
        if not self.form.epilogue:
            goal = self._at(given.out, b.add(b.mul(number, given.columns), self.column))
            self._panels(x, y, goal, given.columns, height, kept)
            return
        line = i64(self.room.tiles * self.panel)
        goal = self._at(self._scratch(self.room.sums), b.mul(kept, line))
        self._panels(x, y, goal, line, height, kept)
        with b.if_then(self.is_last):
            call_epilogue(
                b,
                given.epilogue,
                given.context,
                goal,
                line,
                number,
                height,
                self.column,
                self.width,
            )

    def _panels(
        self,
        x: PanelView,
        y: PanelView,
        goal: ir.Value,
        line: ir.Value,
        height: ir.Value,
        kept: ir.Value,
    ) -> None:
        """The micro-kernels across a strip: whole tiles, then vectors one by one.

        The last vector is masked; where there are no masks, its columns go one by one too.
        """
        b, lanes = self.b, i64(self.lanes)
        tiles, rest = b.udiv(self.width, i64(self.panel)), b.urem(self.width, i64(self.panel))
        if self.masks:
            singles = groups(b, rest, self.lanes)
        else:
            singles = b.add(b.udiv(rest, lanes), b.urem(rest, lanes))
        with loop(b, b.add(tiles, singles), "panel", [i64(0)]) as one:
            column = one.carried[0]
            left = b.sub(self.width, column)
            whole = b.icmp_signed("<", one.index, tiles)
            vectors = b.select(whole, i64(self.vectors), i64(1))
            wide = b.select(whole, i64(self.panel), lanes)
            if not self.masks:
                alone = b.icmp_signed("<", left, lanes)
                vectors = b.select(alone, i64(0), vectors)
                wide = b.select(alone, i64(1), wide)
            last = least(b, left, lanes)
            panel = b.udiv(column, i64(self.panel))
            inside = b.sub(column, b.mul(panel, i64(self.panel)))
            start = self._at(y.pointer, b.add(b.mul(panel, y.step), inside))
            given = [*x, start, y.k, self._at(goal, column), line, self.length, last, self.is_first]
            given += self._of_tile(kept, height, column)
            self._dispatch(height, vectors, given)
            one.next = [b.add(column, wide)]

    def _of_tile(self, kept: ir.Value, height: ir.Value, column: ir.Value) -> list[ir.Value]:
        """What else the micro-kernel of a tile is given."""
        return []

    def _dispatch(self, height: ir.Value, vectors: ir.Value, arguments: list[ir.Value]) -> None:
        """Calls the micro-kernel of this size."""
        b = self.b
        done, none = b.append_basic_block("done"), b.append_basic_block("none")
        choice = b.switch(b.add(b.mul(height, i64(8)), vectors), none)
        b.position_at_end(none)
        b.unreachable()
        for rows in self.heights:
            for count in sorted({self.vectors, 1} | ({0} if not self.masks else set())):
                block = b.append_basic_block(f"tile{rows}x{count}")
                choice.add_case(i64(8 * rows + count), block)
                b.position_at_end(block)
                lanes = self.lanes if count else 1
                masked = self.masks and count == 1  # wide tiles are whole
                tables = self.form.x == "tables"
                tile = self.tile(self.form.dtype, rows, max(count, 1), lanes, masked, tables)
                b.call(tile.function(b.module), arguments)
                b.branch(done)
        b.position_at_end(done)


class TreeBlock(Block):
    """Where k is summed in blocks that meet in a tree.

    A stretch is some whole blocks, or a part of one. What waits between stretches is what a block
    has summed so far, at the place of the result, and the levels of the tree, tile by tile.
    """

    tile = TreeTile

    def _cut(self) -> None:
        b, depth, block = self.b, self.given.depth, self.given.block
        one = i64(1)
        blocks = groups(b, depth, block)
        blocks = b.select(b.icmp_signed("<", blocks, one), one, blocks)
        self.parts = groups(b, block, STRETCH)  # of a block
        whole = b.udiv(i64(STRETCH), block)
        self.together = b.select(b.icmp_signed("<", whole, one), one, whole)  # blocks of a stretch
        runs = groups(b, blocks, self.together)
        self.stretches = b.mul(runs, self.parts)
        self.waits = b.icmp_signed(">", self.stretches, one)
        self.run = b.mul(self.together, block)
        self.stretch = groups(b, self.run, self.parts)
        self.levels = levels(b, blocks)
        line = self.room.tiles * self.panel * self.form.dtype.itemsize
        room = self.room.behind // line
        assert room >= 65 * self.height  # as many levels as there can be, and the sums
        fit = b.udiv(i64(room), b.mul(b.add(self.levels, one), i64(self.height)))
        self.rows = b.mul(fit, i64(self.height))
        self.below = b.mul(b.select(self.waits, self.rows, i64(self.height)), i64(line))

    def _begin(self, number: ir.Value) -> None:
        b, given = self.b, self.given
        run, part = b.udiv(number, self.parts), b.urem(number, self.parts)
        inside = b.mul(part, self.stretch)
        self.number = b.mul(run, self.together)
        self.k = b.add(b.mul(run, self.run), inside)
        left = least(b, b.sub(given.depth, self.k), b.sub(self.run, inside))
        left = least(b, left, self.stretch)
        self.length = b.select(b.icmp_signed(">", left, i64(0)), left, i64(0))
        self.is_first = b.zext(b.icmp_signed("==", part, i64(0)), ir.IntType(64))
        ends = b.icmp_signed("==", b.add(part, i64(1)), self.parts)
        self.ends = b.zext(ends, ir.IntType(64))

    def _of_tile(self, kept: ir.Value, height: ir.Value, column: ir.Value) -> list[ir.Value]:
        b = self.b
        line = i64(self.room.tiles * self.panel)
        place = b.mul(b.add(b.mul(kept, line), b.mul(height, column)), self.levels)
        behind = b.gep(self._scratch(self.room.sums), [self.below], source_etype=ir.IntType(8))
        last = b.zext(self.is_last, ir.IntType(64))
        return [self.given.block, self.number, self._at(behind, place), self.ends, last]
