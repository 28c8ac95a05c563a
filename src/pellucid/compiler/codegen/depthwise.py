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

from pellucid.compiler.codegen.elementwise import ElementwiseBody, widest
from pellucid.compiler.codegen.epilogue import behind
from pellucid.compiler.codegen.layout import strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop, nest
from pellucid.compiler.codegen.scalar_contract import multiply_add
from pellucid.compiler.codegen.scope import Operand, Scope, constant, vector_type
from pellucid.compiler.codegen.sliding import (
    Axis,
    Block,
    blocks,
    rows_of_window,
    windows_of_row,
)
from pellucid.compiler.codegen.sweep import across
from pellucid.compiler.program import cost
from pellucid.core import shapes
from pellucid.core.shapes import Shape

TOGETHER = 6  # of a window's elements in a row, those whose weights are held at a time
WINDOWS = 8  # in a block of the gradient by the kernel: a part of the order of its sums
CHAINS = 8  # sums that are under way at the same time there, at least

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
        self.width = scope.vector_bytes // widest(scope.kernel) if scope.target.fused else 1

    def across(self, emit: Emit) -> None:
        """Calls `emit` for all channels."""
        if self.width == 1:
            with loop(self.b, i64(self.channels), "channel") as one:
                emit(one.index, None, None)
            return
        even = self.channels % self.width == 0
        across(self.scope, i64(self.channels), even, self.width, emit)

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

    The sum over a row goes to CHAINS / size lanes in turn, a window each; they are joined behind
    the last row.
    """
    _Gradient(scope).emit()


class _Gradient(_Lines):
    def __init__(self, scope: Scope):
        ct = scope.inputs[1].type.shape
        super().__init__(scope, scope.attr("size"), ct[1:-1])

    def emit(self) -> None:
        b, scope, sizes = self.b, self.scope, [axis.size for axis in self.axes[:-1]]
        x, ct = scope.inputs
        x_steps, ct_steps = strides(x.type.shape), strides(ct.type.shape)
        units = shapes.size((x.type.shape[0], *sizes))
        begin, end = scope.share(scope.dim(units), cost(scope.kernel))
        with loop(b, b.sub(end, begin), f"{scope.name}.k") as one:
            unit = b.add(begin, one.index)
            image, *places = self.apart(unit, sizes)
            starts = [b.mul(image, scope.dim(steps[0])) for steps in (x_steps, ct_steps)]
            lengths, steps = [], ([], [])
            for n, (axis, k) in enumerate(zip(self.axes, places, strict=False)):
                first, count = windows_of_row(b, axis, k)
                lengths.append(count)
                place = b.add(b.mul(first, i64(axis.stride)), b.mul(k, i64(axis.dilation)))
                element = b.sub(place, i64(axis.low))
                starts[0] = b.add(starts[0], b.mul(element, scope.dim(x_steps[n + 1])))
                starts[1] = b.add(starts[1], b.mul(first, scope.dim(ct_steps[n + 1])))
                steps[0].append(b.mul(i64(axis.stride), scope.dim(x_steps[n + 1])))
                steps[1].append(scope.dim(ct_steps[n + 1]))
            goal = b.mul(unit, i64(self.axes[-1].size * self.channels))
            self.across(partial(self._columns, lengths, steps, starts, goal))

    def _columns(
        self,
        lengths: Sequence[ir.Value],
        steps: Sequence[Sequence[ir.Value]],
        starts: Sequence[ir.Value],
        goal: ir.Value,
        column: ir.Value,
        lanes: int | None,
        mask: ir.Value | None,
    ) -> None:
        """A row of the kernel, for some channels."""
        part, size = _Part(self.scope, column, lanes, mask), self.axes[-1].size
        out = part.at(self.scope.out, goal)
        row_blocks = list(blocks(self.axes[-1], WINDOWS))
        for group in range(0, size, CHAINS):
            elements = range(group, min(group + CHAINS, size))
            chains = -(-CHAINS // len(elements))
            zeros = [part.zero] * (chains * len(elements))
            with nest(self.b, lengths, steps, f"{self.scope.name}.i", starts, zeros) as row:
                x, ct = (
                    Operand(self.scope.place(operand, offset), operand.type)
                    for operand, offset in zip(self.scope.inputs, row.offsets, strict=True)
                )
                block = partial(self._block, part, elements, chains, x, ct)
                row.set(self.along(row_blocks, row.carried, block))
            for n, k in enumerate(elements):
                total = row.result[n * chains]
                for other in row.result[n * chains + 1 : (n + 1) * chains]:
                    total = self.b.fadd(total, other)
                place = i64(k * self.channels)
                self.scope.store(total, place, out, mask)

    def _block(
        self,
        part: _Part,
        elements: range,
        chains: int,
        x: Operand,
        ct: Operand,
        block: Block,
        first: ir.Value,
        element: ir.Value,
        carried: Sequence[ir.Value],
    ) -> list[ir.Value]:
        """Adds what the windows of a block give."""
        b, sums = self.b, list(carried)
        channels = i64(self.channels)
        x = part.at(x, b.mul(element, channels))
        ct = part.at(ct, b.mul(first, channels))
        seen: dict[int, ir.Value] = {}
        given: dict[int, ir.Value] = {}
        for n, k, place in block.places:
            if k not in elements:
                continue
            if place not in seen:
                seen[place] = part.load(x, place * self.channels)
            if n not in given:
                given[n] = part.load(ct, n * self.channels)
            chain = (k - elements.start) * chains + n % chains
            sums[chain] = part.multiply_add(seen[place], given[n], sums[chain])
        return sums
