"""The passes of sequential minimal optimisation over the variables of a segment, as machine code.

`choose` finds j for a given i; `sweep` changes F and finds the next i and the gap. Both look at a
block of numbers at a time and branch only where a block beats the best so far, which is rare: the
block is noted, and who needs the place of its best number looks for it afterwards. So the best
value and its first place hang on no vector width. Which variables may grow or shrink stands in
marks, a bit each; `mark` makes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64
from pellucid.compiler.codegen.scalars import intrinsic
from pellucid.core.dtypes import DType
from pellucid.svm.emit_vectors import BLOCK, LANES, VECTORS, Block, Vectors, folded
from pellucid.svm.reference import LEAST_CURVATURE

# Of a group: the least F + off of a variable that may grow, that F, the segment and the block it
# stands in; the gap.
LEAST, NUMBER, PART, PLACE, GAP = range(5)
GROUP_WORDS = 5
# Of the best candidate for j: its gain, its segment, its block.
GAIN, GAIN_PART, GAIN_PLACE = range(3)
_BELOW = 1 - 2.0**-51  # a number times this is smaller, also when rounded


def mark_bytes(length: Any, segments: Any) -> Any:
    """Bytes of the marks of one kind for so many variables, a bit each, in blocks."""
    return (length // BLOCK + segments) * VECTORS


def _begun(module: ir.Module, name: str, letters: str) -> tuple[ir.Function, ir.IRBuilder]:
    """A function of the module's own. Letters: p address, l whole number, d float64."""
    kinds = {"p": ir.PointerType(), "l": ir.IntType(64), "d": ir.DoubleType()}
    kind = ir.FunctionType(ir.VoidType(), [kinds[letter] for letter in letters])
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    return function, ir.IRBuilder(function.append_basic_block("entry"))


def sweep(module: ir.Module, dtype: DType, updates: bool) -> ir.Function:
    """void sweep(F, grows, shrinks, K_i, K_j, step, length, offset, part, group, top): one segment.

    Changes F by step·(K_i - K_j), if it `updates`; joins the least F to the group's words; puts
    the largest F of a variable that may shrink at `top`.
    """
    name = "update" if updates else "look"
    function, b = _begun(module, name, "pppppdldlpp")
    F, grows, shrinks, one, other, step, length, offset, part, group, goal = function.args
    v = Vectors(b, dtype)
    steps = v.all(step)

    def body(block: Block, carried: list[ir.Value]) -> list[ir.Value]:
        best, place, *tops = carried
        smallest = [best] * 2
        if updates:
            v.ahead(other, block)
        for vector in range(VECTORS):
            f = v.load(F, block, vector)
            if updates:
                change = b.fsub(v.kernels(one, block, vector), v.kernels(other, block, vector))
                f = b.fadd(f, b.fmul(steps, change))
                v.store(f, F, block, vector)
            known = smallest[vector % 2]
            smallest[vector % 2] = b.select(v.bits(grows, block, vector), v.less(f, known), known)
            known = tops[vector]
            tops[vector] = b.select(v.bits(shrinks, block, vector), v.more(f, known), known)
        least = folded(v.less, smallest)
        with v.only(v.any([b.fcmp_ordered("<", least, best)]), (best, place)) as found:
            found += [v.all(v.reduce(v.less, least)), block.start]
        return [*found, *tops]

    initial = [v.number(math.inf), i64(-1), *[v.number(-math.inf)] * VECTORS]
    best, place, *tops = v.blocks(length, initial, body, name)
    number = v.lane(best)
    least = b.fadd(number, offset)
    with b.if_then(b.fcmp_ordered("<", least, v.one(group, i64(LEAST)))):
        for word, value in ((LEAST, least), (NUMBER, number), (PART, part), (PLACE, place)):
            b.store(value, v.at(group, i64(word)))
    b.store(v.reduce(v.more, folded(v.more, tops)), goal)
    b.ret_void()
    return function


def mark(module: ir.Module, dtype: DType) -> ir.Function:
    """void mark(up, low, grows, shrinks, length, offset): marks what is finite; notes off."""
    function, b = _begun(module, "mark", "pppplp")
    up, low, grows, shrinks, length, offset = function.args
    v, byte = Vectors(b, dtype), ir.IntType(8)

    def body(block: Block, carried: list[ir.Value]) -> list[ir.Value]:
        known = carried[0]
        for vector in range(VECTORS):
            for source, goal, fill in ((up, grows, math.inf), (low, shrinks, -math.inf)):
                value = v.load(source, block, vector, fill)
                finite = b.fcmp_ordered("!=", value, v.number(fill))
                known = b.select(finite, value, known)
                number = b.add(b.lshr(block.start, i64(3)), i64(vector))
                place = b.gep(goal, [number], inbounds=True, source_etype=byte)
                b.store(b.bitcast(finite, byte), place)
        return [known]

    (known,) = v.blocks(length, [v.number(-math.inf)], body, "mark")
    value = v.reduce(v.more, known)
    none = b.fcmp_ordered("==", value, ir.Constant(value.type, -math.inf))
    b.store(b.select(none, ir.Constant(value.type, 0.0), value), offset)
    b.ret_void()
    return function


@dataclass
class Gain:
    """What the candidates for j of a segment would gain."""

    v: Vectors
    fused: bool
    F: ir.Value
    shrinks: ir.Value
    row: ir.Value
    diag: ir.Value | None  # None where all are K_ii
    curvature: ir.Value  # K_ii
    level: ir.Value  # (F + off)_i less the segment's own offset

    def parts(self, block: Block, vector: int) -> tuple[ir.Value, ir.Value, ir.Value]:
        """Whether each may shrink, d, and K_ii + K_tt - 2 K_it."""
        v, b = self.v, self.v.b
        d = b.fsub(v.load(self.F, block, vector), self.level)
        k = v.kernels(self.row, block, vector)
        other = self.curvature if self.diag is None else v.kernels(self.diag, block, vector)
        both = b.fadd(self.curvature, other)
        if self.fused:  # 2k is exact: both forms are rounded once
            a = intrinsic(b, "fma", v.kind, k, v.number(-2), both)
        else:
            a = b.fsub(both, b.fadd(k, k))
        return v.bits(self.shrinks, block, vector), d, a

    def exact(self, marked: ir.Value, d: ir.Value, a: ir.Value) -> tuple[ir.Value, ir.Value]:
        """d²/a of those that violate, else -1; and a as it is used."""
        v, b = self.v, self.v.b
        flat = b.fcmp_ordered("<", a, v.number(LEAST_CURVATURE))
        a = b.select(flat, v.number(LEAST_CURVATURE), a)
        value = b.fdiv(b.fmul(d, d), a)
        good = b.and_(marked, b.fcmp_ordered(">", d, v.number(0)))
        good = b.and_(good, b.fcmp_ordered(">=", value, v.number(0)))  # NaN is none
        return b.select(good, value, v.number(-1)), a


def choose(module: ir.Module, dtype: DType, fused: bool, alike: bool) -> ir.Function:
    """void choose(F, shrinks, row, diag, K_ii, level, length, part, best): one segment.

    `best` holds the largest gain so far, its segment and its block.

    Args:
        alike: for a kernel whose K_tt are all the same, which saves a quarter of the time.
    """
    function, b = _begun(module, f"choose.{alike}", "ppppddllp")
    F, shrinks, row, diag, curvature, level, length, part, best = function.args
    v = Vectors(b, dtype)
    known_diag = None if alike else diag
    gain = Gain(v, fused, F, shrinks, row, known_diag, v.all(curvature), v.all(level))

    def bound(known: ir.Value) -> ir.Value:
        zero = ir.Constant(ir.DoubleType(), 0.0)
        below = b.fmul(known, ir.Constant(ir.DoubleType(), _BELOW))
        return v.all(v.more(below, zero))

    def body(block: Block, carried: list[ir.Value]) -> list[ir.Value]:
        known, below, place = carried
        v.ahead(row, block)
        parts, maybe = [], []
        for vector in range(VECTORS):
            marked, d, a = gain.parts(block, vector)
            parts.append((marked, d, a))
            # A quotient above `known` has d² > below·a, also as these are rounded, and d·|d| is d²
            # only where d > 0: a division is needed only there.
            square = b.fmul(d, intrinsic(b, "fabs", v.kind, d))
            maybe.append(b.and_(marked, b.fcmp_ordered(">", square, b.fmul(below, a))))
        with v.only(v.any(maybe), (known, below, place)) as found:
            most = v.reduce(v.more, folded(v.more, [gain.exact(*one)[0] for one in parts]))
            better = b.fcmp_ordered(">", most, known)
            now = b.select(better, most, known)
            found += [now, bound(now), b.select(better, block.start, place)]
        return list(found)

    before = v.one(best, i64(GAIN))
    most, _, place = v.blocks(length, [before, bound(before), i64(-1)], body, "choose")
    with b.if_then(b.icmp_signed(">=", place, i64(0))):
        for word, value in ((GAIN, most), (GAIN_PART, part), (GAIN_PLACE, place)):
            b.store(value, v.at(best, i64(word)))
    b.ret_void()
    return function


def find(v: Vectors, start: ir.Value, equals: list[ir.Value]) -> ir.Value:
    """Where in a segment the first lane of a block's masks is set."""
    b = v.b
    place: ir.Value = i64(BLOCK)
    for vector in reversed(range(VECTORS)):
        lane = v.first(equals[vector], i64(-1))
        there = b.icmp_signed(">=", lane, i64(0))
        place = b.select(there, b.add(lane, i64(vector * LANES)), place)
    return b.add(start, place)
