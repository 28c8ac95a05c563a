"""Parts of an operand written anew in a thread's scratch room, as the micro-kernels like them.

Three functions of the module, each emitted when it is first asked for: `copy` for lines that are
contiguous, `transpose` for a part that must be transposed, `gather` for what no stride describes.
"""

from __future__ import annotations

from pellucid.compiler.codegen.layout import memory_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.scope import first_lanes, masked_load, masked_store
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.codegen.tiles import argument_types
from pellucid.core.dtypes import DType


class Packing:
    """The three functions for one dtype."""

    def __init__(self, module: ir.Module, dtype: DType, target: Target):
        self.module, self.dtype, self.target = module, dtype, target
        self.element = memory_type(dtype)
        self.lanes = target.vector_bytes // dtype.itemsize
        self.vector = ir.VectorType(self.element, self.lanes)

    def copy(self, b: ir.IRBuilder, *arguments: ir.Value) -> None:
        """goal[i·goal_line + j] = source[i·line + j] for lines × length elements.

        Arguments: source, line, goal, goal_line, lines, length.
        """
        b.call(self._function("copy", "plplll", self._copy), arguments)

    def transpose(self, b: ir.IRBuilder, goal_line: int, *arguments: ir.Value) -> None:
        """goal[j·goal_line + i] = source[i·line + j] for lines × length elements.

        Arguments: source, line, goal, lines, length. What is written runs over its borders: along
        i to a multiple of 16 bytes, along j to a multiple of a vector.
        """

        def emit(b: ir.IRBuilder, *given: ir.Value) -> None:
            (self._transpose if self.target.masks else self._turn_plainly)(b, goal_line, *given)

        b.call(self._function(f"transpose{goal_line}", "plpll", emit), arguments)

    def gather(self, b: ir.IRBuilder, *arguments: ir.Value) -> None:
        """goal[i·goal_line + j] = source[starts[i] + offsets[j]] for lines × length elements.

        Arguments: source, starts, offsets, goal, goal_line, lines, length.
        """
        b.call(self._function("gather", "pppplll", self._gather), arguments)

    def _function(self, name: str, letters: str, emit: object) -> ir.Function:
        full = f"pack.{name}.{self.dtype.code}"
        known = self.module.globals.get(full)
        if known is not None:
            return known
        kind = ir.FunctionType(ir.VoidType(), argument_types(letters))
        function = ir.Function(self.module, kind, full)
        function.linkage = "internal"
        b = ir.IRBuilder(function.append_basic_block("entry"))
        emit(b, *function.args)  # type: ignore[operator]
        b.ret_void()
        return function

    def _at(self, b: ir.IRBuilder, base: ir.Value, offset: ir.Value) -> ir.Value:
        return b.gep(base, [offset], inbounds=True, source_etype=self.element)

    def _move(self, b: ir.IRBuilder, source: ir.Value, goal: ir.Value, kind: ir.Type) -> None:
        size = self.dtype.itemsize
        b.store(b.load(source, typ=kind, align=size), goal, align=size)

    def _copy(
        self,
        b: ir.IRBuilder,
        source: ir.Value,
        line: ir.Value,
        goal: ir.Value,
        goal_line: ir.Value,
        lines: ir.Value,
        length: ir.Value,
    ) -> None:
        width = self.lanes
        blocks, rest = b.sdiv(length, i64(width)), b.and_(length, i64(width - 1))
        done = b.sub(length, rest)
        mask = first_lanes(b, rest, width)
        with loop(b, lines, "line") as one:
            there = self._at(b, source, b.mul(one.index, line))
            here = self._at(b, goal, b.mul(one.index, goal_line))
            with loop(b, blocks, "block") as block:
                place = b.mul(block.index, i64(width))
                self._move(b, self._at(b, there, place), self._at(b, here, place), self.vector)
            there, here = self._at(b, there, done), self._at(b, here, done)
            if not self.target.masks:
                with loop(b, rest, "rest") as last:
                    place = last.index
                    self._move(b, self._at(b, there, place), self._at(b, here, place), self.element)
            else:
                with b.if_then(b.icmp_signed(">", rest, i64(0))):
                    size = self.dtype.itemsize
                    value = masked_load(b, self.vector, there, size, mask)
                    masked_store(b, value, here, size, mask)

    def _transpose(
        self,
        b: ir.IRBuilder,
        goal_line: int,
        source: ir.Value,
        line: ir.Value,
        goal: ir.Value,
        lines: ir.Value,
        length: ir.Value,
    ) -> None:
        """A few lines at a time, mixed in registers and written in pieces of 16 bytes."""
        width, size = self.lanes, self.dtype.itemsize
        block = 16 // size
        blocks = groups(b, lines, block)
        # Square by square, so that each line of the goal is whole before it leaves the first cache.
        with (
            loop(b, groups(b, lines, width), "square") as square,
            loop(b, groups(b, length, width), "along") as j,
        ):
            left = b.mul(j.index, i64(width))
            mask = first_lanes(b, least(b, b.sub(length, left), i64(width)), width)
            begun = b.mul(square.index, i64(width // block))
            with loop(b, least(b, b.sub(blocks, begun), i64(width // block)), "across") as i:
                top = b.mul(b.add(begun, i.index), i64(block))
                rows = []
                for n in range(block):  # lines that are not there read the last one again
                    number = least(b, b.add(top, i64(n)), b.sub(lines, i64(1)))
                    place = self._at(b, source, b.add(b.mul(number, line), left))
                    rows.append(masked_load(b, self.vector, place, size, mask))
                here = self._at(b, goal, b.add(b.mul(left, i64(goal_line)), top))
                for n, piece in enumerate(transposed(b, rows)):
                    b.store(piece, self._at(b, here, i64(n * goal_line)), align=size)

    def _turn_plainly(
        self,
        b: ir.IRBuilder,
        goal_line: int,
        source: ir.Value,
        line: ir.Value,
        goal: ir.Value,
        lines: ir.Value,
        length: ir.Value,
    ) -> None:
        with loop(b, lines, "line") as one, loop(b, length, "j") as j:
            there = self._at(b, source, b.add(b.mul(one.index, line), j.index))
            here = self._at(b, goal, b.add(b.mul(j.index, i64(goal_line)), one.index))
            self._move(b, there, here, self.element)

    def _gather(
        self,
        b: ir.IRBuilder,
        source: ir.Value,
        starts: ir.Value,
        offsets: ir.Value,
        goal: ir.Value,
        goal_line: ir.Value,
        lines: ir.Value,
        length: ir.Value,
    ) -> None:
        def number(table: ir.Value, index: ir.Value) -> ir.Value:
            place = b.gep(table, [index], inbounds=True, source_etype=ir.IntType(64))
            return b.load(place, typ=ir.IntType(64))

        with loop(b, lines, "line") as one:
            there = self._at(b, source, number(starts, one.index))
            here = self._at(b, goal, b.mul(one.index, goal_line))
            with loop(b, length, "j") as j:
                place = self._at(b, there, number(offsets, j.index))
                self._move(b, place, self._at(b, here, j.index), self.element)


def transposed(b: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """The columns of a few vectors, each as a vector of its own.

    In rounds, lanes of two rows are interleaved: x0 y0 x1 y1 of the lower halves of 16 bytes,
    x2 y2 x3 y3 of the upper ones. Machines have one instruction for either.
    """
    block, width = len(rows), rows[0].type.count
    step = 1
    while step < block:
        low = [
            base + part // 2 * step + part % 2 * width + lane
            for base in range(0, width, block)
            for part in range(block // step)
            for lane in range(step)
        ]
        done = list(rows)
        for n in range(block):
            if not n & step:
                x, y = rows[n], rows[n + step]
                done[n] = _mixed(b, x, y, low)
                done[n + step] = _mixed(b, x, y, [lane + block // 2 for lane in low])
        rows, step = done, 2 * step
    order = [0, 1] if block == 2 else [0, 2, 1, 3]
    return [
        _mixed(b, rows[order[n]], rows[order[n]], list(range(base, base + block)))
        for base in range(0, width, block)
        for n in range(block)
    ]


def _mixed(b: ir.IRBuilder, x: ir.Value, y: ir.Value, lanes: list[int]) -> ir.Value:
    i32 = ir.IntType(32)
    numbers = ir.Constant(ir.VectorType(i32, len(lanes)), [ir.Constant(i32, n) for n in lanes])
    return b.shuffle_vector(x, y, numbers)
