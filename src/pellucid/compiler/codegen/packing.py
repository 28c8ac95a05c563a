"""Parts of an operand written anew in a thread's scratch room, as the micro-kernels like them.

Three functions of the module, each emitted when it is first asked for: `copy` for lines that are
contiguous, `turn` for a part that must be transposed, `gather` for what no stride describes.
"""

from __future__ import annotations

from pellucid.compiler.codegen.layout import memory_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.scope import first_lanes, masked_load, masked_store
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.codegen.tiles import argument_types
from pellucid.core.dtypes import DType

I32 = 32


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

    def turn(self, b: ir.IRBuilder, *arguments: ir.Value) -> None:
        """goal[j·goal_line + i] = source[i·line + j] for lines × length elements.

        Arguments: source, line, goal, goal_line, lines, length. What is written runs over its
        borders: up to a vector less one along either axis.
        """
        b.call(self._function("turn", "plplll", self._turn), arguments)

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
        self, b: ir.IRBuilder, source: ir.Value, line: ir.Value, goal: ir.Value,
        goal_line: ir.Value, lines: ir.Value, length: ir.Value,
    ) -> None:  # fmt: skip
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

    def _turn(
        self, b: ir.IRBuilder, source: ir.Value, line: ir.Value, goal: ir.Value,
        goal_line: ir.Value, lines: ir.Value, length: ir.Value,
    ) -> None:  # fmt: skip
        """Squares of vectors through registers."""
        width, size = self.lanes, self.dtype.itemsize
        if not self.target.masks:
            with loop(b, lines, "line") as one, loop(b, length, "j") as j:
                there = self._at(b, source, b.add(b.mul(one.index, line), j.index))
                here = self._at(b, goal, b.add(b.mul(j.index, goal_line), one.index))
                self._move(b, there, here, self.element)
            return
        across = b.sdiv(b.add(lines, i64(width - 1)), i64(width))
        along = b.sdiv(b.add(length, i64(width - 1)), i64(width))
        with loop(b, across, "across") as i:
            top = b.mul(i.index, i64(width))
            starts = []
            for n in range(width):  # lines that are not there read the last one again
                number = b.add(top, i64(n))
                number = _least(b, number, b.sub(lines, i64(1)))
                starts.append(self._at(b, source, b.mul(number, line)))
            with loop(b, along, "along") as j:
                left = b.mul(j.index, i64(width))
                mask = first_lanes(b, _least(b, b.sub(length, left), i64(width)), width)
                square = [
                    masked_load(b, self.vector, self._at(b, start, left), size, mask)
                    for start in starts
                ]
                for n, value in enumerate(transposed(b, square)):
                    place = b.add(b.mul(b.add(left, i64(n)), goal_line), top)
                    b.store(value, self._at(b, goal, place), align=size)

    def _gather(
        self, b: ir.IRBuilder, source: ir.Value, starts: ir.Value, offsets: ir.Value,
        goal: ir.Value, goal_line: ir.Value, lines: ir.Value, length: ir.Value,
    ) -> None:  # fmt: skip
        def number(table: ir.Value, index: ir.Value) -> ir.Value:
            place = b.gep(table, [index], inbounds=True, source_etype=ir.IntType(64))
            return b.load(place, typ=ir.IntType(64))

        with loop(b, lines, "line") as one:
            there = self._at(b, source, number(starts, one.index))
            here = self._at(b, goal, b.mul(one.index, goal_line))
            with loop(b, length, "j") as j:
                place = self._at(b, there, number(offsets, j.index))
                self._move(b, place, self._at(b, here, j.index), self.element)


def _least(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.icmp_signed("<", x, y), x, y)


def transposed(b: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """A square of as many vectors as they have lanes, its rows as columns.

    In round s, bit s of a row's number changes places with bit s of the lane's.
    """
    width = len(rows)
    step = 1
    while step < width:
        done = list(rows)
        for row in range(width):
            if row & step:
                continue
            x, y = rows[row], rows[row | step]
            low = [lane if not lane & step else width + (lane ^ step) for lane in range(width)]
            high = [lane | step if not lane & step else width + lane for lane in range(width)]
            done[row], done[row | step] = _mixed(b, x, y, low), _mixed(b, x, y, high)
        rows = done
        step *= 2
    return rows


def _mixed(b: ir.IRBuilder, x: ir.Value, y: ir.Value, lanes: list[int]) -> ir.Value:
    i32 = ir.IntType(I32)
    numbers = ir.Constant(ir.VectorType(i32, len(lanes)), [ir.Constant(i32, n) for n in lanes])
    return b.shuffle_vector(x, y, numbers)
