"""Rows of windows and the channels in them: what the kernels of depthwise convolutions share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from pellucid.compiler.codegen.elementwise import widest
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.scalar_contract import multiply_add
from pellucid.compiler.codegen.scope import Operand, Scope, constant, vector_type
from pellucid.compiler.codegen.sliding import Axis, Block, Piece, pieces
from pellucid.core.shapes import Shape

# (the first channel, lanes of a vector or None, mask or None)
Emit: TypeAlias = "Callable[[ir.Value, int | None, ir.Value | None], None]"


@dataclass(frozen=True)
class Part:
    """Channels from `column` on: a vector of them, under a mask or without, or one alone."""

    scope: Scope
    column: ir.Value
    lanes: int | None
    mask: ir.Value | None

    @property
    def kind(self) -> ir.Type:
        return vector_type(self.scope.head.type.dtype, self.lanes)

    @property
    def zero(self) -> ir.Value:
        return constant(self.kind, self.scope.head.type.dtype, 0)

    def behind(self, vectors: ir.Value) -> Part:
        """The part so many vectors further on."""
        moved = self.scope.builder.mul(vectors, i64(self.lanes or 1))
        return replace(self, column=self.scope.builder.add(self.column, moved))

    def at(self, operand: Operand, offset: ir.Value) -> Operand:
        """What is read of an operand from `offset` and this part's channels on."""
        place = self.scope.place(operand, self.scope.builder.add(offset, self.column))
        return Operand(place, operand.type)

    def load(self, operand: Operand, offset: int) -> ir.Value:
        if self.lanes is None:
            return self.scope.load(operand, i64(offset))
        return self.scope.load_vector(operand, i64(offset), self.lanes, self.mask)

    def multiply_add(self, x: ir.Value, y: ir.Value, out: ir.Value) -> ir.Value:
        return multiply_add(self.scope, x, y, out)


class Lines:
    """What both kernels share: the axes that windows slide along, and the channels.

    Args:
        size: of the kernel; windows: how many along each axis.
        alone: whether channels are taken one by one.
    """

    def __init__(self, scope: Scope, size: Sequence[int], windows: Shape, alone: bool = False):
        self.scope, self.b = scope, scope.builder
        x = scope.inputs[0].type.shape
        names = ("stride", "dilation", "low")
        attrs = dict(scope.head.attrs)
        between = attrs.get("interior", (0,) * len(size))
        facts = zip(x[1:-1], size, windows, *(attrs[n] for n in names), between, strict=True)
        self.axes = [Axis(*numbers) for numbers in facts]
        channels = x[-1]
        assert isinstance(channels, int)
        self.channels = channels
        width = 1 if alone else scope.vector_bytes // widest(scope.kernel)
        self.pieces = pieces(channels, width, scope.target.masks)

    def across(self, emit: Emit) -> None:
        """Calls `emit` for all channels."""
        for piece in self.pieces:
            if piece.times == 1:
                self.piece(piece, i64(piece.first), emit)
                continue
            with loop(self.b, i64(piece.times), "channel") as one:
                moved = self.b.mul(one.index, i64(piece.width))
                self.piece(piece, self.b.add(i64(piece.first), moved), emit)

    def piece(self, piece: Piece, column: ir.Value, emit: Emit) -> None:
        """Calls `emit` for a piece of the channels."""
        if piece.width == 1:
            emit(column, None, None)
            return
        count = min(piece.width, self.channels - piece.first)
        mask = None if count == piece.width else self.scope.mask(i64(count), piece.width)
        emit(column, piece.width, mask)

    def along(
        self,
        row: Sequence[Block],
        initial: Sequence[ir.Value],
        emit: Callable[[Block, ir.Value, ir.Value, Sequence[ir.Value]], list[ir.Value]],
    ) -> list[ir.Value]:
        """Calls `emit` for the blocks of a row; what one returns is carried on to the next.

        `emit` gets a block, its first window, from which element of x its places are counted, and
        what is carried.
        """
        b, column, carried = self.b, self.axes[-1], list(initial)
        for block in row:
            if block.times == 1:
                carried = emit(block, i64(block.first), i64(0), carried)
                continue
            moved = block.count * column.stride // column.apart
            with loop(b, i64(block.times), f"{self.scope.name}.w", carried) as one:
                first = b.add(i64(block.first), b.mul(one.index, i64(block.count)))
                one.next = emit(block, first, b.mul(one.index, i64(moved)), one.carried)
            carried = one.carried
        return carried

    def apart(self, unit: ir.Value, counts: Sequence[int]) -> list[ir.Value]:
        """A number taken apart into (what is left, and an index for each count)."""
        found: list[ir.Value] = []
        for count in reversed(counts):
            found.append(self.b.urem(unit, i64(count)))
            unit = self.b.udiv(unit, i64(count))
        return [unit, *reversed(found)]
