"""A rectangle of a matrix product, tile by tile: which part of which operand is used when.

    for each strip of columns, a few tiles wide
      for each block of rows                  (where sums wait in the thread's own room)
        for each stretch of k
          the strip's part of y, packed if need be: it stays in the second-level cache
          for each tile's rows
            their part of x, packed if need be
            for each tile: the micro-kernel
            behind the last stretch: what the kernel does to finished elements

Operands are used where they lie if the micro-kernel can walk them: x in any constant steps, y with
columns side by side. Lengths and strides are numbers at run time: contractions of one `Form` share
one function of the module.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from pellucid.compiler.codegen.axes import Axes, Walk
from pellucid.compiler.codegen.epilogue import call_epilogue
from pellucid.compiler.codegen.layout import memory_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.packing import Packing
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.codegen.tiles import Tile, argument_types, tile_size
from pellucid.core.dtypes import DType
from pellucid.core.shapes import Dim

STRETCH = 512  # the most of k in one go
STRIP = 960  # bytes of columns, the most; all of them read the same rows of x
BLOCK = 256  # rows whose sums wait while k goes on
WORTH = 64  # rows that make up for packing y where it could be used as it lies


class Given(NamedTuple):
    """The arguments of a block's function.

    x, its strides along rows and k; y, its strides along columns and k; the result, its columns,
    the number of the product's first row in it; the length of k; the rectangle; the epilogue's
    address and context; the thread's own room; N.
    """

    x: ir.Value
    x_row: ir.Value
    x_k: ir.Value
    y: ir.Value
    y_column: ir.Value
    y_k: ir.Value
    out: ir.Value
    columns: ir.Value
    base_row: ir.Value
    depth: ir.Value
    first_row: ir.Value
    last_row: ir.Value
    first: ir.Value
    last: ir.Value
    epilogue: ir.Value
    context: ir.Value
    scratch: ir.Value
    n: ir.Value


LETTERS = "pll" + "pll" + "pll" + "l" + "llll" + "ppp" + "l"


@dataclass(frozen=True)
class Form:
    """What the code of a block depends on.

    Args:
        x: how x is read: `there`, or by `gather` where no stride describes it.
        y: `there`; `copy` where its lines are far apart; `turn` where k lies side by side in it;
            `gather`.
        even: whether whole tiles make up the rows.
        narrow: whether there is no more than one vector of columns.
        epilogue: whether the kernel does more than write the product.
        owner: the name of the kernel whose axes are built in; none where they need not be.
    """

    dtype: DType
    x: str
    y: str
    even: bool
    narrow: bool
    epilogue: bool
    owner: str = ""

    @property
    def name(self) -> str:
        name = f"{self.owner}block.{self.dtype.code}.{self.x}.{self.y}"
        facts = {"even": self.even, "narrow": self.narrow, "rest": self.epilogue}
        return ".".join([name, *(fact for fact, holds in facts.items() if holds)])

    def function(self, module: ir.Module, target: Target, axes: Axes) -> ir.Function:
        """A function of `module` that serves; emitted where there is none yet."""
        for even, narrow in ((False, False), (self.even, False), (False, self.narrow)):
            known = module.globals.get(replace(self, even=even, narrow=narrow).name)
            if known is not None:
                return known
        if self.name in module.globals:
            return module.globals[self.name]
        function = ir.Function(
            module, ir.FunctionType(ir.VoidType(), argument_types(LETTERS)), self.name
        )
        function.linkage = "internal"
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        _Block(self, builder, target, Given(*function.args), axes).emit()
        builder.ret_void()
        return function


class _Part(NamedTuple):
    """A part of an operand as the micro-kernel walks it: along rows (x) or tiles (y), and k."""

    pointer: ir.Value
    step: ir.Value
    k: ir.Value


class _Room:
    """Where things stand in the scratch room, in bytes."""

    def __init__(self, dtype: DType, lanes: int, height: int, vectors: int):
        panel = vectors * lanes
        self.tiles = STRIP // (panel * dtype.itemsize)
        self.y_line = panel * (STRETCH + lanes)  # elements from tile to tile; `turn` runs over
        self.x_line = STRETCH + 16  # elements from row to row
        self.y = 0
        self.x = self.y + self.tiles * self.y_line * dtype.itemsize
        self.x_offsets = self.x + 8 * height * self.x_line
        self.y_offsets = self.x_offsets + 8 * STRETCH
        self.row_offsets = self.y_offsets + 8 * STRETCH
        self.column_offsets = self.row_offsets + 8 * height
        self.sums = self.column_offsets + 8 * self.tiles * panel
        self.sums += -self.sums % 64
        self.end = self.sums + BLOCK * self.tiles * panel * dtype.itemsize


def room(dtype: DType, target: Target) -> int:
    """Bytes of scratch that a block needs."""
    return _Room(dtype, target.vector_bytes // dtype.itemsize, *tile_size(target)).end


class _Block:
    """The function under construction."""

    def __init__(self, form: Form, b: ir.IRBuilder, target: Target, given: Given, axes: Axes):
        self.form, self.b, self.given, self.axes = form, b, given, axes
        self.masks = target.masks
        self.lanes = target.vector_bytes // form.dtype.itemsize
        self.height, vectors = tile_size(target)
        self.heights = [self.height] if form.even else [self.height, self.height // 2, 1]
        self.vectors = 1 if form.narrow else vectors
        self.panel = self.vectors * self.lanes
        self.line = vectors * self.lanes  # of packed y, the same for all forms
        self.room = _Room(form.dtype, self.lanes, self.height, vectors)
        self.packing = Packing(b.module, form.dtype, target)

    def _at(self, base: ir.Value, offset: ir.Value) -> ir.Value:
        kind = memory_type(self.form.dtype)
        return self.b.gep(base, [offset], inbounds=True, source_etype=kind)

    def _scratch(self, place: int) -> ir.Value:
        byte = ir.IntType(8)
        return self.b.gep(self.given.scratch, [i64(place)], inbounds=True, source_etype=byte)

    def _dim(self, dim: Dim) -> ir.Value:
        """A dimension of the axes that are built in."""
        return i64(dim) if isinstance(dim, int) else self.b.mul(self.given.n, i64(dim.scale))

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
            y = self._y_part(count)
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

    def _y_part(self, rows: ir.Value) -> _Part:
        """The strip's columns of y for this stretch of k."""
        b, given = self.b, self.given
        packed = _Part(self._scratch(self.room.y), i64(self.room.y_line), i64(self.line))
        if self.form.y in ("turn", "gather"):
            self._pack_y()
            return packed
        place = b.add(self.column, b.mul(self.k, given.y_k))
        there = _Part(self._at(given.y, place), i64(self.panel), given.y_k)
        if self.form.y == "there":
            return there
        enough = b.icmp_signed(">=", rows, i64(WORTH))
        with b.if_then(enough):
            self._pack_y()
        chosen = (b.select(enough, x, y) for x, y in zip(packed, there, strict=True))
        return _Part(*chosen)

    def _pack_y(self) -> None:
        """Packs the strip's part of y, one tile's columns behind the other's."""
        b, given, how = self.b, self.given, self.form.y
        goal, line = self._scratch(self.room.y), i64(self.line)
        if how == "gather":
            self._offsets(self.room.y_offsets, self.axes.y_depth, self.k, self.length)
            self._offsets(self.room.column_offsets, self.axes.y_columns, self.column, self.width)
        with loop(b, groups(b, self.width, self.panel), "panel") as one:
            begin = b.mul(one.index, i64(self.panel))
            width = least(b, b.sub(self.width, begin), i64(self.panel))
            here = self._at(goal, b.mul(one.index, i64(self.room.y_line)))
            column = b.add(self.column, begin)
            start = b.add(b.mul(column, given.y_column), b.mul(self.k, given.y_k))
            if how == "gather":
                starts, across = (
                    self._scratch(self.room.y_offsets), self._scratch(self.room.column_offsets)
                )  # fmt: skip
                across = b.gep(across, [begin], source_etype=ir.IntType(64))
                self.packing.gather(b, given.y, starts, across, here, line, self.length, width)
            elif how == "turn":
                place = self._at(given.y, start)
                self.packing.turn(b, self.line, place, given.y_column, here, width, self.length)
            else:
                place = self._at(given.y, start)
                self.packing.copy(b, place, given.y_k, here, line, self.length, width)

    def _offsets(self, place: int, walk: Walk, first: ir.Value, count: ir.Value) -> None:
        """Writes where `count` elements of a group stand."""
        b = self.b
        with loop(b, count, "offset") as one:
            value = walk.offset(b, self._dim, b.add(first, one.index))
            goal = b.gep(self._scratch(place), [one.index], source_etype=ir.IntType(64))
            b.store(value, goal)

    def _x_part(self, row: ir.Value, height: ir.Value) -> _Part:
        """A tile's rows of x for this stretch of k."""
        b, given = self.b, self.given
        if self.form.x == "there":
            place = b.add(b.mul(row, given.x_row), b.mul(self.k, given.x_k))
            return _Part(self._at(given.x, place), given.x_row, given.x_k)
        self._offsets(self.room.row_offsets, self.axes.x_rows, row, height)
        self._offsets(self.room.x_offsets, self.axes.x_depth, self.k, self.length)
        starts, across = self._scratch(self.room.row_offsets), self._scratch(self.room.x_offsets)
        goal, line = self._scratch(self.room.x), i64(self.room.x_line)
        self.packing.gather(b, given.x, starts, across, goal, line, height, self.length)
        return _Part(goal, line, i64(1))

    def _tile(self, row: ir.Value, done: ir.Value, height: ir.Value, y: _Part) -> None:
        """All tiles of a strip that begin at `row`."""
        b, given = self.b, self.given
        x = self._x_part(row, height)
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
                b, given.epilogue, given.context, goal, line, number, height, self.column,
                self.width,
            )  # fmt: skip

    def _panels(self, x: _Part, y: _Part, goal: ir.Value, line: ir.Value, height: ir.Value) -> None:
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
                height, vectors,
                [*x, start, y.k, self._at(goal, column), line, self.length, last, self.is_first],
            )  # fmt: skip
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
                tile = Tile(self.form.dtype, rows, max(count, 1), lanes, masked)
                b.call(tile.function(b.module), arguments)
                b.branch(done)
        b.position_at_end(done)
