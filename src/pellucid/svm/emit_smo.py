"""Sequential minimal optimisation as machine code: `reference.smo`, bit for bit.

Each step walks the variables twice. `choose` finds j for a given i; `update` changes F and finds
the next i and the gap. Both look at a block of numbers at a time and branch only where a block
beats the best so far, which is rare: the block is noted, and who needs the place of its best
number looks for it afterwards. So the best value and its first place hang on no vector width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, loop
from pellucid.compiler.codegen.routine import Routine, begin
from pellucid.compiler.codegen.scalars import intrinsic
from pellucid.compiler.codegen.target import Target
from pellucid.core.dtypes import DType, float64
from pellucid.svm.emit_vectors import BLOCK, LANES, VECTORS, Block, Vectors, folded
from pellucid.svm.reference import LEAST_CURVATURE, Status

ROUTINE = Routine(
    "smo",
    (
        *("prows", "pdiag", "pF", "pb", "plo", "phi", "pup", "plow", "psegments"),
        *("lcount", "dtolerance", "literations", "pmarks", "lmark_bytes"),
        *("lstatus", "ldone", "dgap", "lmissing"),  # results
    ),
)
_SEGMENT = ("variable", "row", "column", "length", "group", "updates")
# Of a group: the least F + off of a variable that may grow, that F, the segment and the block it
# stands in; the largest F + off of one that may shrink.
_LEAST, _NUMBER, _PART, _BLOCK, _TOP = range(5)
_GROUP_WORDS = 5
# Of a segment: the offset of its variables, and where its marks begin.
_OFFSET, _MARKS = range(2)
_PART_WORDS = 2
# Of the best candidate for j: its gain, its segment, its block.
_GAIN, _GAIN_PART, _GAIN_BLOCK = range(3)
_BELOW = 1 - 2.0**-51  # a number times this is smaller, also when rounded


def mark_bytes(length: int, segments: int) -> int:
    """Bytes of the marks of one kind for so many variables, a bit each, in blocks."""
    return (length // BLOCK + segments) * VECTORS


def emit(target: Target, dtype: DType) -> ir.Module:
    """The module for kernel rows of a dtype."""
    module = ir.Module("smo")
    module.triple = target.triple
    _Smo(module, target, dtype).emit()
    return module


def _function(module: ir.Module, name: str, letters: str) -> tuple[ir.Function, ir.IRBuilder]:
    """A function of the module's own. Letters: p address, l whole number, d float64."""
    kinds = {"p": ir.PointerType(), "l": ir.IntType(64), "d": ir.DoubleType()}
    kind = ir.FunctionType(ir.VoidType(), [kinds[letter] for letter in letters])
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    return function, ir.IRBuilder(function.append_basic_block("entry"))


def _sweep(module: ir.Module, dtype: DType, updates: bool) -> ir.Function:
    """void sweep(F, may grow, may shrink, K_i, K_j, step, length, offset, part, group): one segment.

    Changes F by step·(K_i - K_j), if it `updates`; then joins what it sees to the group's words.
    """
    name = "update" if updates else "look"
    function, b = _function(module, name, "pppppdldlp")
    F, grows, shrinks, one, other, step, length, offset, part, group = function.args
    v = Vectors(b, dtype)
    steps = v.all(step)

    def body(block: Block, carried: list[ir.Value]) -> list[ir.Value]:
        best, place, *tops = carried
        smallest = [best] * 2
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
    with b.if_then(b.fcmp_ordered("<", least, v.one(group, i64(_LEAST)))):
        for word, value in ((_LEAST, least), (_NUMBER, number), (_PART, part), (_BLOCK, place)):
            b.store(value, v.at(group, i64(word)))
    top = b.fadd(v.reduce(v.more, folded(v.more, tops)), offset)
    b.store(v.more(v.one(group, i64(_TOP)), top), v.at(group, i64(_TOP)))
    b.ret_void()
    return function


def _mark(module: ir.Module, dtype: DType) -> ir.Function:
    """void mark(up, low, grows, shrinks, length, offset): marks what is finite; notes off."""
    function, b = _function(module, "mark", "pppplp")
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
class _Gain:
    """What the candidates for j of a segment would gain."""

    v: Vectors
    fused: bool
    F: ir.Value
    shrinks: ir.Value
    row: ir.Value
    diag: ir.Value
    curvature: ir.Value  # K_ii
    level: ir.Value  # (F + off)_i less the segment's own offset

    def parts(self, block: Block, vector: int) -> tuple[ir.Value, ir.Value, ir.Value]:
        """Whether each may shrink, d, and K_ii + K_tt - 2 K_it."""
        v, b = self.v, self.v.b
        d = b.fsub(v.load(self.F, block, vector), self.level)
        k = v.kernels(self.row, block, vector)
        both = b.fadd(self.curvature, v.kernels(self.diag, block, vector))
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


def _choose(module: ir.Module, dtype: DType, fused: bool) -> ir.Function:
    """void choose(F, shrinks, row, diag, K_ii, level, length, part, best): one segment.

    `best` holds the largest gain so far, its segment and its block.
    """
    function, b = _function(module, "choose", "ppppddllp")
    F, shrinks, row, diag, curvature, level, length, part, best = function.args
    v = Vectors(b, dtype)
    gain = _Gain(v, fused, F, shrinks, row, diag, v.all(curvature), v.all(level))

    def bound(known: ir.Value) -> ir.Value:
        zero = ir.Constant(ir.DoubleType(), 0.0)
        below = b.fmul(known, ir.Constant(ir.DoubleType(), _BELOW))
        return v.all(v.more(below, zero))

    def body(block: Block, carried: list[ir.Value]) -> list[ir.Value]:
        known, below, place = carried
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

    before = v.one(best, i64(_GAIN))
    most, _, place = v.blocks(length, [before, bound(before), i64(-1)], body, "choose")
    with b.if_then(b.icmp_signed(">=", place, i64(0))):
        for word, value in ((_GAIN, most), (_GAIN_PART, part), (_GAIN_BLOCK, place)):
            b.store(value, v.at(best, i64(word)))
    b.ret_void()
    return function


def _find(v: Vectors, start: ir.Value, equals: list[ir.Value]) -> ir.Value:
    """Where in a segment the first lane of a block's masks is set."""
    b = v.b
    place: ir.Value = i64(BLOCK)
    for vector in reversed(range(VECTORS)):
        lane = v.first(equals[vector], i64(-1))
        there = b.icmp_signed(">=", lane, i64(0))
        place = b.select(there, b.add(lane, i64(vector * LANES)), place)
    return b.add(start, place)


class _Smo:
    """The routine: segments, groups, and the step of a pair."""

    def __init__(self, module: ir.Module, target: Target, dtype: DType):
        self.module, self.dtype, self.fused = module, dtype, target.fused
        self.sweeps = [_sweep(module, dtype, updates) for updates in (False, True)]
        self.choose, self.mark = _choose(module, dtype, self.fused), _mark(module, dtype)
        self.body = begin(module, ROUTINE)
        self.b, self.given = self.body.builder, self.body.arguments
        self.v = Vectors(self.b, dtype)
        self.count = self.given["count"]

    def emit(self) -> None:
        b, v, word = self.b, self.v, ir.IntType(64)
        self.groups = v.room(b.mul(self.count, i64(_GROUP_WORDS)), "groups")
        self.parts = v.room(b.mul(self.count, i64(_PART_WORDS)), "parts")
        self.best = v.room(i64(3), "best")
        self.steps = v.room(i64(BLOCK), "steps")
        names = ("count", "row_i", "row_j")
        names += ("variable_i", "variable_j", "mark_i", "mark_j")
        self.slots = {name: b.alloca(word, name=name) for name in names}
        for name in ("gap", "gain", "step"):
            self.slots[name] = b.alloca(ir.DoubleType(), name=name)
        self._set("count", i64(0))
        self._begin()
        self._walk(None)
        head, done = b.append_basic_block("head"), b.append_basic_block("done")
        b.branch(head)
        b.position_at_end(head)
        self.end = done
        self._check()
        self._pair()
        self._step()
        b.branch(head)
        b.position_at_end(done)
        self._finite()
        b.store(self._get("count"), self.body.places["done"])
        b.store(self._get("gap"), self.body.places["gap"])
        b.ret_void()

    def _get(self, name: str) -> ir.Value:
        slot = self.slots[name]
        return self.b.load(slot, typ=slot.allocated_type)

    def _set(self, name: str, value: ir.Value) -> None:
        self.b.store(value, self.slots[name])

    def _leave(self, condition: ir.Value, status: Status, missing: ir.Value | None = None) -> None:
        """Ends the run where a condition holds."""
        b = self.b
        leave, stay = b.append_basic_block("leave"), b.append_basic_block("stay")
        b.cbranch(condition, leave, stay)
        b.position_at_end(leave)
        b.store(i64(status), self.body.places["status"])
        b.store(i64(-1) if missing is None else missing, self.body.places["missing"])
        b.branch(self.end)
        b.position_at_end(stay)

    def _segment(self, number: ir.Value) -> dict[str, ir.Value]:
        """The line of the table, and what `_begin` noted beside it."""
        b, v, word = self.b, self.v, ir.IntType(64)
        first = b.mul(number, i64(len(_SEGMENT)))
        found = {
            name: b.load(v.at(self.given["segments"], b.add(first, i64(n))), typ=word)
            for n, name in enumerate(_SEGMENT)
        }
        own = self._own(number)
        found["offset"] = v.one(own, i64(_OFFSET))
        found["marks"] = b.load(v.at(own, i64(_MARKS)), typ=word)
        return found

    def _own(self, number: ir.Value) -> ir.Value:
        """The words of a segment."""
        return self.v.at(self.parts, self.b.mul(number, i64(_PART_WORDS)))

    def _group(self, number: ir.Value) -> ir.Value:
        return self.v.at(self.groups, self.b.mul(number, i64(_GROUP_WORDS)))

    def _row(self, number: ir.Value) -> ir.Value:
        """The address of a kernel row as a number."""
        return self.b.load(self.v.at(self.given["rows"], number), typ=ir.IntType(64))

    def _of(self, name: str, segment: dict[str, ir.Value], along: str) -> ir.Value:
        """Where a segment begins in an array that goes by row or by variable."""
        dtype = self.dtype if name == "diag" else float64
        return self.v.at(self.given[name], segment[along], dtype)

    def _marks(self, segment: dict[str, ir.Value], shrinks: bool) -> ir.Value:
        """Where the marks of a segment begin: of what may grow, or of what may shrink."""
        b, place = self.b, segment["marks"]
        if shrinks:
            place = b.add(place, self.given["mark_bytes"])
        return b.gep(self.given["marks"], [place], inbounds=True, source_etype=ir.IntType(8))

    def _kernels(self, row: ir.Value, segment: dict[str, ir.Value]) -> ir.Value:
        address = self.b.inttoptr(self._row(row), ir.PointerType())
        return self.v.at(address, segment["column"], self.dtype)

    def _begin(self) -> None:
        """Marks which variables may grow and which may shrink, a bit each."""
        b, v = self.b, self.v
        with loop(b, self.count, "mark", [i64(0)]) as one:
            own, first = self._own(one.index), one.carried[0]
            b.store(first, v.at(own, i64(_MARKS)))
            segment = self._segment(one.index)
            arrays = [self._of(name, segment, "variable") for name in ("up", "low")]
            marks = [self._marks(segment, shrinks) for shrinks in (False, True)]
            b.call(self.mark, [*arrays, *marks, segment["length"], v.at(own, i64(_OFFSET))])
            blocks = groups(b, segment["length"], BLOCK)
            one.next = [b.add(first, b.mul(blocks, i64(VECTORS)))]

    def _walk(self, step: ir.Value | None) -> None:
        """One sweep over all segments: changes F by a step, and finds i and the gap anew."""
        b, v = self.b, self.v
        with loop(b, self.count, "clear") as one:
            group = self._group(one.index)
            b.store(ir.Constant(ir.DoubleType(), math.inf), v.at(group, i64(_LEAST)))
            b.store(ir.Constant(ir.DoubleType(), -math.inf), v.at(group, i64(_TOP)))
        with loop(b, self.count, "part") as one:
            segment = self._segment(one.index)
            arrays = [self._of("F", segment, "row")]
            arrays += [self._marks(segment, shrinks) for shrinks in (False, True)]
            group = self._group(segment["group"])
            rest = [segment["length"], segment["offset"], one.index, group]
            none = [ir.Constant(ir.PointerType(), None)] * 2
            zero = ir.Constant(ir.DoubleType(), 0.0)
            if step is None:
                b.call(self.sweeps[0], [*arrays, *none, zero, *rest])
            else:
                updates = b.icmp_signed("!=", segment["updates"], i64(0))
                with b.if_else(updates) as (first, again):
                    with first:
                        rows = [self._kernels(self._get(r), segment) for r in ("row_i", "row_j")]
                        b.call(self.sweeps[1], [*arrays, *rows, step, *rest])
                    with again:
                        b.call(self.sweeps[0], [*arrays, *none, zero, *rest])

    def _gap(self, group: ir.Value) -> ir.Value:
        top, least = (self.v.one(group, i64(word)) for word in (_TOP, _LEAST))
        return self.b.fsub(top, least)

    def _check(self) -> None:
        """The gap, and whether the run is over."""
        b = self.b
        lowest = ir.Constant(ir.DoubleType(), -math.inf)
        with loop(b, self.count, "gap", [lowest]) as one:
            one.next = [self.v.more(self._gap(self._group(one.index)), one.carried[0])]
        self._set("gap", one.carried[0])
        above = b.fcmp_ordered(">", one.carried[0], self.given["tolerance"])
        self._leave(b.not_(above), Status.CONVERGED)
        over = b.icmp_signed(">=", self._get("count"), self.given["iterations"])
        self._leave(over, Status.BOUND)

    def _pair(self) -> None:
        """The pair with the largest gain over all groups that violate."""
        b = self.b
        self._set("gain", ir.Constant(ir.DoubleType(), -1.0))
        with loop(b, self.count, "group") as one:
            group = self._group(one.index)
            above = b.fcmp_ordered(">", self._gap(group), self.given["tolerance"])
            with b.if_then(above):
                self._pair_of(one.index, group)
        none = b.fcmp_ordered("<", self._get("gain"), ir.Constant(ir.DoubleType(), 0.0))
        self._leave(none, Status.NOT_FINITE)
        size = b.fcmp_ordered("<", self._get("step"), ir.Constant(ir.DoubleType(), math.inf))
        self._leave(b.not_(size), Status.NOT_FINITE)
        row_j = self._get("row_j")
        missing = b.icmp_signed("==", self._row(row_j), i64(0))
        self._leave(missing, Status.MISSING, row_j)

    def _pair_of(self, number: ir.Value, group: ir.Value) -> None:
        """The same for one group: its i, then its j."""
        b, v, word = self.b, self.v, ir.IntType(64)
        least = v.one(group, i64(_LEAST))
        part, start = (b.load(v.at(group, i64(n)), typ=word) for n in (_PART, _BLOCK))
        home = self._segment(part)
        F, marks = self._of("F", home, "row"), self._marks(home, False)
        block, wanted = v.tail(start, home["length"]), v.all(v.one(group, i64(_NUMBER)))
        equal = [
            b.and_(v.bits(marks, block, n), b.fcmp_ordered("==", v.load(F, block, n), wanted))
            for n in range(VECTORS)
        ]
        place = _find(v, start, equal)
        row_i = b.add(home["row"], place)
        missing = b.icmp_signed("==", self._row(row_i), i64(0))
        self._leave(missing, Status.MISSING, row_i)
        curvature = v.one(self.given["diag"], row_i, self.dtype)
        b.store(ir.Constant(ir.DoubleType(), -1.0), self.best)
        with loop(b, self.count, "choose") as one:
            segment = self._segment(one.index)
            with b.if_then(b.icmp_signed("==", segment["group"], number)):
                arrays = self._candidates(row_i, segment)
                level = b.fsub(least, segment["offset"])
                rest = [segment["length"], one.index, self.best]
                b.call(self.choose, [*arrays, curvature, level, *rest])
        most = v.one(self.best, i64(_GAIN))
        with b.if_then(b.fcmp_ordered(">", most, self._get("gain"))):
            self._set("gain", most)
            self._set("row_i", row_i)
            self._set("variable_i", b.add(home["variable"], place))
            self._set("mark_i", b.add(b.mul(home["marks"], i64(LANES)), place))
            self._locate(row_i, curvature, least, most)

    def _candidates(self, row_i: ir.Value, segment: dict[str, ir.Value]) -> list[ir.Value]:
        return [
            self._of("F", segment, "row"),
            self._marks(segment, True),
            self._kernels(row_i, segment),
            self._of("diag", segment, "row"),
        ]

    def _locate(
        self, row_i: ir.Value, curvature: ir.Value, least: ir.Value, most: ir.Value
    ) -> None:
        """j within the block that `choose` noted, and the length of the step."""
        b, v, word = self.b, self.v, ir.IntType(64)
        part, start = (
            b.load(v.at(self.best, i64(n)), typ=word) for n in (_GAIN_PART, _GAIN_BLOCK)
        )
        home = self._segment(part)
        level = b.fsub(least, home["offset"])
        arrays = self._candidates(row_i, home)
        gain = _Gain(v, self.fused, *arrays, v.all(curvature), v.all(level))
        block, inside, equal = v.tail(start, home["length"]), Block(i64(0), None), []
        for n in range(VECTORS):
            marked, d, a = gain.parts(block, n)
            value, a = gain.exact(marked, d, a)
            equal.append(b.fcmp_ordered("==", value, v.all(most)))
            v.store(b.fdiv(d, a), self.steps, inside, n)
        place = _find(v, start, equal)
        self._set("step", v.one(self.steps, b.sub(place, start)))
        self._set("row_j", b.add(home["row"], place))
        self._set("variable_j", b.add(home["variable"], place))
        self._set("mark_j", b.add(b.mul(home["marks"], i64(LANES)), place))

    def _step(self) -> None:
        """Changes the pair within its bounds, then F by a sweep."""
        b, v, given = self.b, self.v, self.given
        i, j = self._get("variable_i"), self._get("variable_j")
        room_i = b.fsub(v.one(given["hi"], i), v.one(given["b"], i))
        room_j = b.fsub(v.one(given["b"], j), v.one(given["lo"], j))
        step = v.less(room_j, v.less(room_i, self._get("step")))
        offset = v.one(given["up"], i)
        self._move(i, "mark_i", offset, step, room_i, "hi", v.less(b.fadd(v.one(given["b"], i), step), v.one(given["hi"], i)))
        offset = v.one(given["low"], j)
        self._move(j, "mark_j", offset, step, room_j, "lo", v.more(b.fsub(v.one(given["b"], j), step), v.one(given["lo"], j)))
        self._walk(step)
        self._set("count", b.add(self._get("count"), i64(1)))

    def _move(
        self,
        variable: ir.Value,
        mark: str,
        offset: ir.Value,
        step: ir.Value,
        room: ir.Value,
        bound: str,
        moved: ir.Value,
    ) -> None:
        """Gives a variable its new value, on the bound if it gets there, and marks it anew."""
        b, v, given = self.b, self.v, self.given
        limit = v.one(given[bound], variable)
        value = b.select(b.fcmp_ordered(">=", step, room), limit, moved)
        b.store(value, v.at(given["b"], variable))
        for name, end, sign, fill in (("up", "hi", "<", math.inf), ("low", "lo", ">", -math.inf)):
            free = b.fcmp_ordered(sign, value, v.one(given[end], variable))
            kept = b.select(free, offset, ir.Constant(ir.DoubleType(), fill))
            b.store(kept, v.at(given[name], variable))
            self._set_mark(self._get(mark), name == "low", free)

    def _set_mark(self, number: ir.Value, shrinks: bool, value: ir.Value) -> None:
        b, byte = self.b, ir.IntType(8)
        first = self.given["mark_bytes"] if shrinks else i64(0)
        place = b.add(first, b.lshr(number, i64(3)))
        place = b.gep(self.given["marks"], [place], inbounds=True, source_etype=byte)
        bit = b.trunc(b.and_(number, i64(LANES - 1)), byte)
        kept = b.and_(b.load(place, typ=byte), b.not_(b.shl(ir.Constant(byte, 1), bit)))
        b.store(b.or_(kept, b.shl(b.zext(value, byte), bit)), place)

    def _finite(self) -> None:
        """Where a number of F is NaN or infinite, that is the status."""
        b, v = self.b, self.v
        with loop(b, self.count, "finite") as one:
            segment = self._segment(one.index)
            F = self._of("F", segment, "row")

            def body(block: Block, carried: list[ir.Value]) -> list[ir.Value]:
                zero = [b.fmul(v.load(F, block, n), v.number(0)) for n in range(VECTORS)]
                return [b.fadd(carried[0], folded(b.fadd, zero))]

            (total,) = v.blocks(segment["length"], [v.number(0)], body, "numbers")
            total = v.reduce(b.fadd, total)
            with b.if_then(b.fcmp_unordered("uno", total, total)):
                b.store(i64(Status.NOT_FINITE), self.body.places["status"])
                b.store(i64(-1), self.body.places["missing"])
