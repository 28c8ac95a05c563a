"""Convolutions of each channel by itself, a row of windows at a time.

A vector holds neighbouring channels; several windows of a row are added up together, in registers,
so that each element of x is loaded once for all windows of the block that see it. Which windows of
a row reach over its ends is known when code is made: they have blocks of their own, and no block
asks where it is. Rows that lie outside of x are passed over.

Each result is added up by fused multiply-add from 0 on, in the order of k, and goes through the
rest of the kernel before it is written: blocks, vectors and threads change no bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from pellucid.compiler.codegen.elementwise import ElementwiseBody, widest
from pellucid.compiler.codegen.epilogue import behind
from pellucid.compiler.codegen.layout import strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop, nest
from pellucid.compiler.codegen.scalar_contract import multiply_add
from pellucid.compiler.codegen.scope import SCRATCH_BYTES, Operand, Scope, constant, vector_type
from pellucid.compiler.codegen.sliding import (
    Axis,
    Block,
    Piece,
    blocks,
    pieces,
    rows_of_window,
    windows_of_row,
)
from pellucid.compiler.program import cost
from pellucid.core import shapes
from pellucid.core.shapes import Shape

TOGETHER = 6  # of a window's elements in a row, those whose weights are held at a time
WINDOWS = 8  # in a block of the gradient by the kernel: a part of the order of its sums
CHAINS = 8  # sums that are under way at the same time there, at least
SUMS = 25  # and at most: more of them than registers hold

Emit = Callable[[ir.Value, int | None, ir.Value | None], None]


@dataclass(frozen=True)
class _Part:
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


class _Lines:
    """What both kernels share: the axes that windows slide along, and the channels."""

    def __init__(self, scope: Scope, size: Sequence[int], windows: Shape):
        self.scope, self.b = scope, scope.builder
        x = scope.inputs[0].type.shape
        names = ("stride", "dilation", "low")
        attrs = dict(scope.head.attrs)
        between = attrs.get("interior", (0,) * len(size))
        facts = zip(x[1:-1], size, windows, *(attrs[n] for n in names), between, strict=True)
        self.axes = [Axis(*numbers) for numbers in facts]  # type: ignore[arg-type]
        channels = x[-1]
        assert isinstance(channels, int)
        self.channels = channels
        # Vectors only where each product can be added with one rounding.
        width = scope.vector_bytes // widest(scope.kernel) if scope.target.fused else 1
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


def depthwise(scope: Scope) -> None:
    """out[n, i, c] = Σ_k x[n, s·i + d·k - p, c]·w[k, c], then the rest of the kernel."""
    _Forward(scope).emit()


class _Forward(_Lines):
    def __init__(self, scope: Scope):
        windows = scope.head.type.shape
        size = [dim for dim in scope.inputs[1].type.shape[:-1] if isinstance(dim, int)]
        super().__init__(scope, size, windows[1:-1])
        self.others = [n for n in behind(scope)]
        # Sums, weights, and an element or two of x: what registers hold.
        self.most = 12 if scope.target.registers >= 32 else 6

    def emit(self) -> None:
        b, scope, counts = self.b, self.scope, [axis.count for axis in self.axes[:-1]]
        rows = scope.head.type.shape[:-2]
        x, w = scope.inputs
        x_steps, w_steps = strides(x.type.shape), strides(w.type.shape)
        row_blocks = list(blocks(self.axes[-1], self.most))
        begin, end = scope.share(scope.dim(shapes.size(rows)), cost(scope.kernel))
        with loop(b, b.sub(end, begin), f"{scope.name}.row") as one:
            unit = b.add(begin, one.index)
            image, *places = self.apart(unit, counts)
            starts = [b.mul(image, scope.dim(x_steps[0])), i64(0)]
            lengths, steps = [], ([], [])
            for n, (axis, window) in enumerate(zip(self.axes, places, strict=False)):
                count, k, element = rows_of_window(b, axis, window)
                lengths.append(count)
                starts[0] = b.add(starts[0], b.mul(element, scope.dim(x_steps[n + 1])))
                starts[1] = b.add(starts[1], b.mul(k, scope.dim(w_steps[n])))
                steps[0].append(b.mul(i64(axis.dilation), scope.dim(x_steps[n + 1])))
                steps[1].append(b.mul(i64(axis.apart), scope.dim(w_steps[n])))
            goal = b.mul(unit, i64(self.axes[-1].count * self.channels))

            def block(
                which: Block, first: ir.Value, element: ir.Value, carried: Sequence[ir.Value]
            ) -> list[ir.Value]:
                moved = [b.add(starts[0], b.mul(element, i64(self.channels))), starts[1]]
                place = b.add(goal, b.mul(first, i64(self.channels)))
                self.across(partial(self._block, which, lengths, steps, moved, place))
                return list(carried)

            self.along(row_blocks, [], block)

    def _block(
        self,
        block: Block,
        lengths: Sequence[ir.Value],
        steps: Sequence[Sequence[ir.Value]],
        starts: Sequence[ir.Value],
        goal: ir.Value,
        column: ir.Value,
        lanes: int | None,
        mask: ir.Value | None,
    ) -> None:
        """The windows of a block, for some channels."""
        part = _Part(self.scope, column, lanes, mask)
        zeros = [part.zero] * block.count
        with nest(self.b, lengths, steps, f"{self.scope.name}.k", starts, zeros) as row:
            x, w = (
                part.at(operand, offset)
                for operand, offset in zip(self.scope.inputs, row.offsets, strict=True)
            )
            row.set(self._row(block, part, x, w, list(row.carried)))
        self._finish(block.count, part, goal, row.result)

    def _row(
        self, block: Block, part: _Part, x: Operand, w: Operand, sums: list[ir.Value]
    ) -> list[ir.Value]:
        """One row of each window of a block."""
        for group in range(0, self.axes[-1].size, TOGETHER):
            weights: dict[int, ir.Value] = {}
            elements: dict[int, ir.Value] = {}
            for n, k, element in block.places:
                if not group <= k < group + TOGETHER:
                    continue
                if k not in weights:
                    weights[k] = part.load(w, k * self.channels)
                if element not in elements:
                    elements[element] = part.load(x, element * self.channels)
                sums[n] = part.multiply_add(elements[element], weights[k], sums[n])
        return sums

    def _finish(
        self, count: int, part: _Part, goal: ir.Value, sums: Sequence[ir.Value]
    ) -> None:
        """The rest of the kernel for the windows of a block."""
        scope, b = self.scope, self.b
        whole = scope.head.type.shape
        once: dict[int, ir.Value] = {}
        for n, value in enumerate(sums):
            body = ElementwiseBody(scope, part.lanes, part.mask)
            body.set(scope.head_value, value)
            place = b.add(b.add(goal, i64(n * self.channels)), part.column)
            for number in self.others:
                operand = scope.reads[number]
                if number in once:
                    body.set(number, once[number])
                elif operand.type.shape == whole:
                    body.bind(number, operand, place, False)
                else:
                    single = shapes.size(operand.type.shape) == 1
                    body.bind(number, operand, i64(0) if single else part.column, single)
                    once[number] = body.value(number)
            values = [body.value(result) for result in scope.kernel.results]
            for operand, result in zip(scope.writes, values, strict=True):
                body.store(operand, result, place)


def depthwise_kernel(scope: Scope) -> None:
    """out[n, k, c] = Σ_i x[n, s·i + d·k - p, c]·ct[n, i, c].

    The rows of a kernel are taken in groups, so that a row of ct is read once for all of a group;
    where a row of x lies outside, a row of zeros stands for it. Each sum goes to `chains` lanes, a
    window each in turn, which are joined behind the last row.
    """
    _Gradient(scope).emit()


class _Gradient(_Lines):
    def __init__(self, scope: Scope):
        ct = scope.inputs[1].type.shape
        super().__init__(scope, scope.attr("size"), ct[1:-1])
        self.row_blocks = list(blocks(self.axes[-1], WINDOWS))
        # The axes whose rows are visited one by one, and that whose rows are taken in groups.
        self.outer, self.rows = self.axes[:-2], self.axes[-2] if len(self.axes) > 1 else None
        x = scope.inputs[0].type
        self.zeros = self.axes[-1].length * self.channels * x.dtype.itemsize
        together = 1
        if self.rows is not None and self.zeros <= SCRATCH_BYTES:
            together = min(self.rows.size, max(1, SUMS // self.axes[-1].size))
        self.together = together

    def emit(self) -> None:
        b, scope = self.b, self.scope
        if self.together > 1:
            self._clear()
        sizes = [axis.size for axis in self.outer]
        vectors = sum(piece.times for piece in self.pieces)
        units = shapes.size((scope.inputs[0].type.shape[0], *sizes, vectors))
        begin, end = scope.share(scope.dim(units), cost(scope.kernel))
        with loop(b, b.sub(end, begin), f"{scope.name}.k") as one:
            image, *places, vector = self.apart(b.add(begin, one.index), [*sizes, vectors])
            before = 0
            for piece in self.pieces:
                own = b.sub(vector, i64(before))
                with b.if_then(b.icmp_unsigned("<", own, i64(piece.times))):
                    column = b.add(i64(piece.first), b.mul(own, i64(piece.width)))
                    self.piece(piece, column, partial(self._columns, image, places))
                before += piece.times

    def _clear(self) -> None:
        """A row of zeros in the thread's own room."""
        kind = self.scope.inputs[0].type
        row = Operand(self.scope.scratch, kind)
        zero = constant(vector_type(kind.dtype, None), kind.dtype, 0)
        with loop(self.b, i64(self.axes[-1].length * self.channels), "zero") as one:
            self.scope.store(zero, one.index, row)

    def _columns(
        self,
        image: ir.Value,
        places: Sequence[ir.Value],
        column: ir.Value,
        lanes: int | None,
        mask: ir.Value | None,
    ) -> None:
        """What an image gives for a kernel, or for one place along its outer axes."""
        b, part = self.b, _Part(self.scope, column, lanes, mask)
        x, ct = self.scope.inputs
        x_steps, ct_steps = strides(x.type.shape), strides(ct.type.shape)
        starts = [b.mul(image, self.scope.dim(steps[0])) for steps in (x_steps, ct_steps)]
        lengths: list[ir.Value] = []
        steps: tuple[list[ir.Value | None], list[ir.Value | None]] = ([], [])
        goal = image
        for n, (axis, k) in enumerate(zip(self.outer, places, strict=True)):
            first, count = windows_of_row(b, axis, k)
            lengths.append(count)
            place = b.add(b.mul(first, i64(axis.stride)), b.mul(k, i64(axis.dilation)))
            element = b.sub(place, i64(axis.low))
            starts[0] = b.add(starts[0], b.mul(element, self.scope.dim(x_steps[n + 1])))
            starts[1] = b.add(starts[1], b.mul(first, self.scope.dim(ct_steps[n + 1])))
            steps[0].append(b.mul(i64(axis.stride), self.scope.dim(x_steps[n + 1])))
            steps[1].append(self.scope.dim(ct_steps[n + 1]))
            goal = b.add(b.mul(goal, i64(axis.size)), k)
        size = self.rows.size if self.rows is not None else 1
        for group in range(0, size, self.together):
            rows = range(group, min(group + self.together, size))
            for first_k in range(0, self.axes[-1].size, SUMS):
                elements = range(first_k, min(first_k + SUMS, self.axes[-1].size))
                self._sums(part, rows, elements, lengths, steps, starts, b.mul(goal, i64(size)))

    def _sums(
        self,
        part: _Part,
        rows: range,
        elements: range,
        lengths: Sequence[ir.Value],
        steps: Sequence[Sequence[ir.Value | None]],
        starts: Sequence[ir.Value],
        goal: ir.Value,
    ) -> None:
        """Some rows of a kernel, and some elements of each."""
        b, size = self.b, self.axes[-1].size
        chains = -(-CHAINS // (len(rows) * len(elements)))
        zeros = [part.zero] * (chains * len(rows) * len(elements))
        if self.rows is not None:  # the offset of x stays, that of ct moves
            lengths = [*lengths, i64(self.rows.count)]
            ct_step = i64(self.axes[-1].count * self.channels)
            steps = ([*steps[0], None], [*steps[1], ct_step])
        with nest(b, lengths, steps, f"{self.scope.name}.i", starts, zeros) as walk:
            x_at, ct_at = walk.offsets
            ct = part.at(self.scope.inputs[1], ct_at)
            lines = [self._line(part, x_at, row, walk.loops[-1].index) for row in rows]
            block = partial(self._block, part, elements, chains, lines, ct)
            walk.set(self.along(self.row_blocks, walk.carried, block))
        found = iter(walk.result)
        for row in rows:
            for k in elements:
                total = next(found)
                for _ in range(chains - 1):
                    total = b.fadd(total, next(found))
                place = b.mul(b.add(b.mul(b.add(goal, i64(row)), i64(size)), i64(k)), i64(self.channels))
                place = b.add(place, part.column)
                self.scope.store(total, place, self.scope.out, part.mask)

    def _line(self, part: _Part, start: ir.Value, row: int, window: ir.Value) -> Operand:
        """The row of x that a row of the kernel sees in a row of windows."""
        x, axis, b = self.scope.inputs[0], self.rows, self.b
        if axis is None:
            return part.at(x, start)
        place = b.add(b.mul(window, i64(axis.stride)), i64(axis.dilation * row - axis.low))
        inside = b.icmp_unsigned("<", place, i64(axis.length))
        step = i64(self.axes[-1].length * self.channels)
        own = part.at(x, b.add(start, b.mul(place, step)))
        none = part.at(Operand(self.scope.scratch, x.type), i64(0))
        return Operand(b.select(inside, own.pointer, none.pointer), x.type)

    def _block(
        self,
        part: _Part,
        elements: range,
        chains: int,
        lines: Sequence[Operand],
        ct: Operand,
        block: Block,
        first: ir.Value,
        element: ir.Value,
        carried: Sequence[ir.Value],
    ) -> list[ir.Value]:
        """Adds what the windows of a block give."""
        b, scope, sums = self.b, self.scope, list(carried)
        moved = b.mul(element, i64(self.channels))
        lines = [Operand(scope.place(line, moved), line.type) for line in lines]
        ct = Operand(scope.place(ct, b.mul(first, i64(self.channels))), ct.type)
        seen: dict[tuple[int, int], ir.Value] = {}
        given: dict[int, ir.Value] = {}
        for place, several in groupby(block.places, key=lambda one: one[2]):
            wanted = [(n, k) for n, k, _ in several if k in elements]
            for row, line in enumerate(lines):
                for n, k in wanted:
                    if (row, place) not in seen:
                        seen[row, place] = part.load(line, place * self.channels)
                    if n not in given:
                        given[n] = part.load(ct, n * self.channels)
                    chain = (row * len(elements) + k - elements.start) * chains + n % chains
                    sums[chain] = part.multiply_add(seen[row, place], given[n], sums[chain])
        return sums
