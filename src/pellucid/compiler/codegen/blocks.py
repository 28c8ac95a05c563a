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
    _Block(form, builder, target, BlockArguments(*function.args), axes).emit()
    builder.ret_void()
    return function


class _Block(OperandPanels):
    """The function under construction."""

    def emit(self) -> None:
        b, given = self.b, self.given
        stretches = groups(b, given.depth, STRETCH)
        # An empty sum is 0: one stretch of nothing writes it.
        self.stretches = b.select(b.icmp_signed("<", stretches, i64(1)), i64(1), stretches)
        self.stretch = b.udiv(b.add(given.depth, b.sub(self.stretches, i64(1))), self.stretches)
        self.waits = b.icmp_signed(">", self.stretches, i64(1))
        strip = self.room.tiles * self.panel
        rows = b.sub(given.last_row, given.first_row)
        with loop(b, groups(b, b.sub(given.last, given.first), strip), "strip") as one:
            self.column = b.add(given.first, b.mul(one.index, i64(strip)))
            self.width = least(b, b.sub(given.last, self.column), i64(strip))
            if self.form.epilogue:
                self._row_blocks(rows)
            else:
                self._rows(given.first_row, rows)

    def _row_blocks(self, rows: ir.Value) -> None:
        """Rows in blocks whose sums fit the scratch room; all at once where none must wait."""
        b = self.b
        size = b.select(self.waits, i64(BLOCK), rows)
        size = b.select(b.icmp_signed("<", size, i64(1)), i64(1), size)
        count = b.udiv(b.add(rows, b.sub(size, i64(1))), size)
        with loop(b, count, "rows") as block:
            begin = b.mul(block.index, size)
            self._rows(b.add(self.given.first_row, begin), least(b, b.sub(rows, begin), size))

    def _rows(self, begin: ir.Value, count: ir.Value) -> None:
        """A block of rows of a strip, all of k."""
        b, given = self.b, self.given
        with loop(b, self.stretches, "stretch") as one:
            self.k = b.mul(one.index, self.stretch)
            self.length = least(b, b.sub(given.depth, self.k), self.stretch)
            self.is_first = b.zext(b.icmp_signed("==", one.index, i64(0)), ir.IntType(64))
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

    def _tile(self, row: ir.Value, done: ir.Value, height: ir.Value, y: PanelView) -> None:
        """All tiles of a strip that begin at `row`."""
        b, given = self.b, self.given
        x = self.x_panel(row, height)
        number = b.add(given.base_row, row)
        if not self.form.epilogue:
            goal = self._at(given.out, b.add(b.mul(number, given.columns), self.column))
            self._panels(x, y, goal, given.columns, height)
            return
        line = i64(self.room.tiles * self.panel)
        kept = b.select(self.waits, done, i64(0))  # else one tile's room stays in the first cache
        goal = self._at(self._scratch(self.room.sums), b.mul(kept, line))
        self._panels(x, y, goal, line, height)
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
        self, x: PanelView, y: PanelView, goal: ir.Value, line: ir.Value, height: ir.Value
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
            self._dispatch(
                height,
                vectors,
                [*x, start, y.k, self._at(goal, column), line, self.length, last, self.is_first],
            )
            one.next = [b.add(column, wide)]

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
                tile = Tile(self.form.dtype, rows, max(count, 1), lanes, masked, tables)
                b.call(tile.function(b.module), arguments)
                b.branch(done)
        b.position_at_end(done)
