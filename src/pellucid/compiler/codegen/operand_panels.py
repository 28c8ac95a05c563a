"""Parts of a contraction's operands as the micro-kernels want them, packed where need be.

Operands are used where they lie if the micro-kernel can walk them: x in any constant steps, y with
columns side by side. Else the part of y that a strip of columns needs in a stretch of k is packed
into the thread's scratch room, tile by tile, and stays in the second-level cache. Where no stride
describes x, tables of offsets do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pellucid.compiler.codegen.axes import Axes, Walk
from pellucid.compiler.codegen.layout import memory_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.packing import Packing
from pellucid.compiler.codegen.product import CONTEXT_BYTES
from pellucid.compiler.codegen.scope import SCRATCH_BYTES
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.codegen.tiles import tile_size
from pellucid.core.dtypes import DType
from pellucid.core.shapes import Dim

STRETCH = 512  # the most of k in one go
STRIP = 960  # bytes of columns, the most; all of them read the same rows of x
BLOCK = 256  # rows whose sums wait while k goes on
WORTH = 64  # rows that make up for packing y where it could be used as it lies


class BlockArguments(NamedTuple):
    """The arguments of a block's function.

    x, its strides along rows and k; y, its strides along columns and k; the result, its columns,
    the number of the product's first row in it; the length of k, and of its blocks where their sums
    meet in a tree; the rectangle; the epilogue's address and context; the thread's own room; N.
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
    block: ir.Value
    first_row: ir.Value
    last_row: ir.Value
    first: ir.Value
    last: ir.Value
    epilogue: ir.Value
    context: ir.Value
    scratch: ir.Value
    n: ir.Value


ARGUMENT_TYPES = "pll" + "pll" + "pll" + "ll" + "llll" + "ppp" + "l"


@dataclass(frozen=True)
class BlockVariant:
    """What the code of a block depends on.

    Args:
        x: how x is read: `there`, or by `tables` where no stride describes it.
        y: `there`; `copy` where its lines are far apart; `transpose` where k lies side by side in
            it; `gather`.
        even: whether whole tiles make up the rows.
        narrow: whether there is no more than one vector of columns.
        epilogue: whether the kernel does more than write the product.
        tree: whether k is summed in blocks that meet in a tree.
        owner: the name of the kernel whose axes are built in; none where they need not be.
    """

    dtype: DType
    x: str
    y: str
    even: bool
    narrow: bool
    epilogue: bool
    owner: str = ""
    tree: bool = False

    @property
    def name(self) -> str:
        name = f"{self.owner}block.{self.dtype.code}.{self.x}.{self.y}"
        facts = {"even": self.even, "narrow": self.narrow, "rest": self.epilogue}
        facts["tree"] = self.tree
        return ".".join([name, *(fact for fact, holds in facts.items() if holds)])


class PanelView(NamedTuple):
    """A part of an operand as the micro-kernel walks it: along rows (x) or tiles (y), and k."""

    pointer: ir.Value
    step: ir.Value
    k: ir.Value


class ScratchLayout:
    """Where things stand in the scratch room, in bytes."""

    def __init__(self, dtype: DType, lanes: int, height: int, vectors: int):
        panel = vectors * lanes
        self.tiles = STRIP // (panel * dtype.itemsize)
        self.y_line = panel * (STRETCH + lanes)  # elements from tile to tile; `transpose` runs over
        self.y = 0
        self.x_offsets = self.y + self.tiles * self.y_line * dtype.itemsize
        self.y_offsets = self.x_offsets + 8 * STRETCH
        self.row_offsets = self.y_offsets + 8 * STRETCH
        self.column_offsets = self.row_offsets + 8 * height
        self.sums = self.column_offsets + 8 * self.tiles * panel
        self.sums += -self.sums % 64
        self.end = self.sums + BLOCK * self.tiles * panel * dtype.itemsize
        self.behind = SCRATCH_BYTES - CONTEXT_BYTES - self.sums  # from the sums on


def scratch_bytes(dtype: DType, target: Target) -> int:
    """Bytes of scratch that a block needs."""
    return ScratchLayout(dtype, target.vector_bytes // dtype.itemsize, *tile_size(target)).end


class OperandPanels:
    """Where the parts of x and y stand, inside a block's function.

    `column` and `width` say which strip of columns is under way, `k` and `length` which stretch.
    """

    column: ir.Value
    width: ir.Value
    k: ir.Value
    length: ir.Value

    def __init__(
        self, form: BlockVariant, b: ir.IRBuilder, target: Target, given: BlockArguments, axes: Axes
    ):
        self.form, self.b, self.given, self.axes = form, b, given, axes
        self.masks = target.masks
        self.lanes = target.vector_bytes // form.dtype.itemsize
        self.height, vectors = tile_size(target)
        self.heights = [self.height] if form.even else [self.height, 2, 1]
        self.vectors = 1 if form.narrow else vectors
        self.panel = self.vectors * self.lanes
        self.line = vectors * self.lanes  # of packed y, the same for all forms
        self.room = ScratchLayout(form.dtype, self.lanes, self.height, vectors)
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

    def y_panel(self, rows: ir.Value) -> PanelView:
        """The strip's columns of y for this stretch of k."""
        b, given = self.b, self.given
        packed = PanelView(self._scratch(self.room.y), i64(self.room.y_line), i64(self.line))
        if self.form.y in ("transpose", "gather"):
            self._pack_y()
            return packed
        place = b.add(self.column, b.mul(self.k, given.y_k))
        there = PanelView(self._at(given.y, place), i64(self.panel), given.y_k)
        if self.form.y == "there":
            return there
        enough = b.icmp_signed(">=", rows, i64(WORTH))
        with b.if_then(enough):
            self._pack_y()
        chosen = (b.select(enough, x, y) for x, y in zip(packed, there, strict=True))
        return PanelView(*chosen)

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
                    self._scratch(self.room.y_offsets),
                    self._scratch(self.room.column_offsets),
                )
                across = b.gep(across, [begin], source_etype=ir.IntType(64))
                self.packing.gather(b, given.y, starts, across, here, line, self.length, width)
            elif how == "transpose":
                place = self._at(given.y, start)
                self.packing.transpose(
                    b, self.line, place, given.y_column, here, width, self.length
                )
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

    def x_stretch(self) -> None:
        """Makes ready how x is read in this stretch of k."""
        if self.form.x == "tables":
            self._offsets(self.room.x_offsets, self.axes.x_depth, self.k, self.length)

    def x_panel(self, row: ir.Value, height: ir.Value) -> PanelView:
        """A tile's rows of x for this stretch of k."""
        b, given = self.b, self.given
        if self.form.x == "there":
            place = b.add(b.mul(row, given.x_row), b.mul(self.k, given.x_k))
            return PanelView(self._at(given.x, place), given.x_row, given.x_k)
        self._offsets(self.room.row_offsets, self.axes.x_rows, row, height)
        tables = (self._scratch(self.room.row_offsets), self._scratch(self.room.x_offsets))
        return PanelView(given.x, *(b.ptrtoint(table, ir.IntType(64)) for table in tables))
