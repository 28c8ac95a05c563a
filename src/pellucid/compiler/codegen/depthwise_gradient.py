"""The gradient of a depthwise convolution by its kernel, of each image by itself.

A vector holds neighbouring channels. An element of the kernel is a sum over all windows; those of a
few rows of the kernel are added up together, in registers, so that a row of the cotangent is read
once for all of them. Where a row of x lies outside, a row of zeros stands for it. The vectors of a
large image go through each of its rows side by side, their sums waiting in memory meanwhile: one
after the other, they would fetch the same cache lines again.

Each sum goes to as many lanes, in turn, as multiply-adds need to be under way at a time; which is
decided by the size of the kernel alone, so that vectors and threads change no bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from math import prod

from pellucid.compiler.codegen.layout import strides
from pellucid.compiler.codegen.lines import Lines, Part
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import Nest, i64, least, loop, nest
from pellucid.compiler.codegen.scope import SCRATCH_BYTES, Operand, Scope, constant, vector_type
from pellucid.compiler.codegen.sliding import Block, blocks, windows_of_row
from pellucid.compiler.program import ALIGNMENT, cost
from pellucid.core import shapes

WINDOWS = 8  # in a block: a part of the order of the sums
CHAINS = 8  # sums that are under way at the same time, at least
SUMS = 25  # and at most: more of them than registers hold
SEVERAL = 4  # images that give threads enough to do, where the vectors of one go side by side
LARGE = 1 << 18  # bytes of an image and its cotangent that no near cache keeps
SIDE = 128  # bytes of channels that go side by side: two lines, which caches fetch together


def depthwise_kernel(scope: Scope) -> None:
    """out[n, k, c] = Σ_i x[n, s·i + d·k - p, c]·ct[n, i, c]."""
    _Gradient(scope).emit()


class _Gradient(Lines):
    def __init__(self, scope: Scope):
        ct = scope.inputs[1].type.shape
        # Without an instruction that rounds once, each sum needs many registers.
        super().__init__(scope, scope.attr("size"), ct[1:-1], alone=not scope.target.fused)
        self.row_blocks = list(blocks(self.axes[-1], WINDOWS))
        # The axes whose rows are visited one by one, and that whose rows are taken in groups.
        self.outer, self.rows = self.axes[:-2], self.axes[-2] if len(self.axes) > 1 else None
        x = scope.inputs[0].type
        self.zeros = self.axes[-1].length * self.channels * x.dtype.itemsize
        together = 1
        if self.rows is not None and self.zeros <= SCRATCH_BYTES:
            together = min(self.rows.size, max(1, SUMS // self.axes[-1].size))
        self.together = together
        images = x.shape[0]
        several = not isinstance(images, int) or images >= SEVERAL
        places = prod(axis.length for axis in self.axes) + prod(axis.count for axis in self.axes)
        large = several and places * self.channels * x.dtype.itemsize > LARGE
        waits = self.rows is not None and self.zeros <= SCRATCH_BYTES // 2
        self.side = SIDE if large and waits else 1

    def emit(self) -> None:
        b, scope = self.b, self.scope
        if self.together > 1:
            self._clear()
        sizes = [axis.size for axis in self.outer]
        itemsize = scope.inputs[0].type.dtype.itemsize
        most = [max(1, min(n.times, self.side // (n.width * itemsize))) for n in self.pieces]
        bundles = [-(-piece.times // n) for piece, n in zip(self.pieces, most, strict=True)]
        units = shapes.size((scope.inputs[0].type.shape[0], *sizes, sum(bundles)))
        begin, end = scope.share(scope.dim(units), cost(scope.kernel))
        with loop(b, b.sub(end, begin), f"{scope.name}.k") as one:
            image, *places, bundle = self.apart(b.add(begin, one.index), [*sizes, sum(bundles)])
            before = 0
            for piece, side, times in zip(self.pieces, most, bundles, strict=True):
                own = b.sub(bundle, i64(before))
                with b.if_then(b.icmp_unsigned("<", own, i64(times))):
                    first = b.mul(own, i64(side))
                    left = b.sub(i64(piece.times), first)
                    beside = least(b, i64(side), left) if side > 1 else None
                    column = b.add(i64(piece.first), b.mul(first, i64(piece.width)))
                    self.piece(piece, column, partial(self._columns, image, places, beside))
                before += times

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
        beside: ir.Value | None,
        column: ir.Value,
        lanes: int | None,
        mask: ir.Value | None,
    ) -> None:
        """What an image gives for a kernel, or for one place along its outer axes.

        Args:
            beside: how many vectors go side by side from `column` on; None for one by itself.
        """
        b, part = self.b, Part(self.scope, column, lanes, mask)
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
                self._sums(
                    part, beside, rows, elements, lengths, steps, starts, b.mul(goal, i64(size))
                )

    def _sums(
        self,
        part: Part,
        beside: ir.Value | None,
        rows: range,
        elements: range,
        lengths: Sequence[ir.Value],
        steps: Sequence[Sequence[ir.Value | None]],
        starts: Sequence[ir.Value],
        goal: ir.Value,
    ) -> None:
        """Some rows of a kernel, and some elements of each."""
        b, name = self.b, self.scope.name
        chains = -(-CHAINS // (len(rows) * len(elements)))
        zeros = [part.zero] * (chains * len(rows) * len(elements))
        if self.rows is not None:  # the offset of x stays, that of ct moves
            lengths = [*lengths, i64(self.rows.count)]
            ct_step = i64(self.axes[-1].count * self.channels)
            steps = ([*steps[0], None], [*steps[1], ct_step])
        row = partial(self._row, rows, elements, chains)
        if beside is None:
            with nest(b, lengths, steps, f"{name}.i", starts, zeros) as walk:
                walk.set(row(part, walk, walk.carried))
            self._store(part, rows, elements, walk.result, goal)
            return
        with loop(b, beside, f"{name}.clear") as one:
            self._put_away(part, one.index, zeros)
        with nest(b, lengths, steps, f"{name}.i", starts) as walk:
            with loop(b, beside, f"{name}.side") as one:
                sums = self._waiting(part, one.index, len(zeros))
                self._put_away(part, one.index, row(part.behind(one.index), walk, sums))
            walk.set([])
        with loop(b, beside, f"{name}.store") as one:
            sums = self._waiting(part, one.index, len(zeros))
            self._store(part.behind(one.index), rows, elements, sums, goal)

    def _places(self, part: Part, vector: ir.Value, count: int) -> list[ir.Value]:
        """Where the sums of a vector wait, behind the row of zeros."""
        b = self.b
        behind = -(-self.zeros // ALIGNMENT) * ALIGNMENT
        room = b.gep(self.scope.scratch, [i64(behind)], source_etype=ir.IntType(8))
        first = b.mul(vector, i64(count))
        return [b.gep(room, [b.add(first, i64(n))], source_etype=part.kind) for n in range(count)]

    def _waiting(self, part: Part, vector: ir.Value, count: int) -> list[ir.Value]:
        size = self.scope.head.type.dtype.itemsize
        places = self._places(part, vector, count)
        return [self.b.load(place, typ=part.kind, align=size) for place in places]

    def _put_away(self, part: Part, vector: ir.Value, sums: Sequence[ir.Value]) -> None:
        size = self.scope.head.type.dtype.itemsize
        for place, value in zip(self._places(part, vector, len(sums)), sums, strict=True):
            self.b.store(value, place, align=size)

    def _row(
        self,
        rows: range,
        elements: range,
        chains: int,
        part: Part,
        walk: Nest,
        sums: Sequence[ir.Value],
    ) -> list[ir.Value]:
        """Adds what a row of windows gives."""
        x_at, ct_at = walk.offsets
        ct = part.at(self.scope.inputs[1], ct_at)
        lines = [self._line(part, x_at, row, walk.loops[-1].index) for row in rows]
        block = partial(self._block, part, elements, chains, lines, ct)
        return self.along(self.row_blocks, sums, block)

    def _store(
        self,
        part: Part,
        rows: range,
        elements: range,
        sums: Sequence[ir.Value],
        goal: ir.Value,
    ) -> None:
        """Joins the chains of each sum, and writes it."""
        b, size, found = self.b, self.axes[-1].size, iter(sums)
        chains = len(sums) // (len(rows) * len(elements))
        for row in rows:
            for k in elements:
                total = next(found)
                for _ in range(chains - 1):
                    total = b.fadd(total, next(found))
                place = b.mul(
                    b.add(b.mul(b.add(goal, i64(row)), i64(size)), i64(k)), i64(self.channels)
                )
                place = b.add(place, part.column)
                self.scope.store(total, place, self.scope.out, part.mask)

    def _line(self, part: Part, start: ir.Value, row: int, window: ir.Value) -> Operand:
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
        part: Part,
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
