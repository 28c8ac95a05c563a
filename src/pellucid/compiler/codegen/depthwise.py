"""Convolutions of each channel by itself, a row of windows at a time.

A vector holds neighbouring channels; several windows of a row are added up together, in registers,
so that each element of x is loaded once for all windows of the block that see it. Which windows of
a row reach over its ends is known when code is made: they have blocks of their own, and no block
asks where it is. Rows that lie outside of x are passed over.

Each result is added up by fused multiply-add from 0 on, in the order of k, and goes through the
rest of the kernel before it is written: blocks, vectors and threads change no bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pellucid.compiler.codegen.elementwise import ElementwiseBody
from pellucid.compiler.codegen.epilogue import behind
from pellucid.compiler.codegen.layout import strides
from pellucid.compiler.codegen.lines import Lines, Part
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop, nest
from pellucid.compiler.codegen.scope import Operand, Scope
from pellucid.compiler.codegen.sliding import Block, blocks, rows_of_window
from pellucid.compiler.program import cost
from pellucid.core import shapes

TOGETHER = 6  # of a window's elements in a row, those whose weights are held at a time


def depthwise(scope: Scope) -> None:
    """out[n, i, c] = Σ_k x[n, s·i + d·k - p, c]·w[k, c], then the rest of the kernel."""
    _Forward(scope).emit()


class _Forward(Lines):
    def __init__(self, scope: Scope):
        windows = scope.head.type.shape
        size = [dim for dim in scope.inputs[1].type.shape[:-1] if isinstance(dim, int)]
        # Without an instruction that rounds once, float64 goes through the C library.
        alone = not scope.target.fused and scope.head.type.dtype.itemsize == 8
        super().__init__(scope, size, windows[1:-1], alone)
        self.others = behind(scope)
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
            lengths: list[ir.Value] = []
            steps: tuple[list[ir.Value], list[ir.Value]] = ([], [])
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
        part = Part(self.scope, column, lanes, mask)
        zeros = [part.zero] * block.count
        with nest(self.b, lengths, steps, f"{self.scope.name}.k", starts, zeros) as row:
            x, w = (
                part.at(operand, offset)
                for operand, offset in zip(self.scope.inputs, row.offsets, strict=True)
            )
            row.set(self._row(block, part, x, w, list(row.carried)))
        self._finish(block.count, part, goal, row.result)

    def _row(
        self, block: Block, part: Part, x: Operand, w: Operand, sums: list[ir.Value]
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

    def _finish(self, count: int, part: Part, goal: ir.Value, sums: Sequence[ir.Value]) -> None:
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
