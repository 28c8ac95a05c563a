"""Sequential minimal optimisation as machine code: `reference.smo`, bit for bit.

In: the arrays of a problem. Here stand the segments, the groups and the step of a pair; the passes
over the variables, in which the time goes, are those of `emit_passes.py`.
"""

from __future__ import annotations

import math

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, loop
from pellucid.compiler.codegen.routine import Routine, begin
from pellucid.compiler.codegen.target import Target
from pellucid.core.dtypes import DType, float64
from pellucid.svm.emit_passes import (
    GAIN,
    GAIN_PART,
    GAIN_PLACE,
    GAP,
    GROUP_WORDS,
    LEAST,
    NUMBER,
    PART,
    PLACE,
    Gain,
    choose,
    find,
    mark,
    sweep,
)
from pellucid.svm.emit_vectors import BLOCK, LANES, VECTORS, Block, Vectors, folded
from pellucid.svm.reference import Status

ROUTINE = Routine(
    "smo",
    (
        *("prows", "pdiag", "pF", "pb", "plo", "phi", "pup", "plow", "psegments", "pmarks"),
        *("lcount", "lgroups", "lmark_bytes", "dtolerance", "literations"),
        *("lstatus", "ldone", "dgap", "lmissing"),  # results
    ),
)
# Runs `smo` over tables of its words that stand behind each other; threads take the next one each.
EACH = Routine("smo_each", ("ptables", "lcount", "lwords", "lnext"))
_SEGMENT = ("variable", "row", "column", "length", "group", "updates")
# Of a segment: the offset of its variables; where its marks begin; the largest F of a variable
# that may shrink.
_OFFSET, _MARKS, _TOP = range(3)
_PART_WORDS = 3


def emit(target: Target, dtype: DType) -> ir.Module:
    """The module for kernel rows of a dtype."""
    module = ir.Module("smo")
    module.triple = target.triple
    smo = _Smo(module, target, dtype)
    smo.emit()
    _emit_each(module, smo.body.builder.function)
    return module


def _emit_each(module: ir.Module, smo: ir.Function) -> None:
    body = begin(module, EACH)
    b, given, word = body.builder, body.arguments, ir.IntType(64)
    head, one, done = (b.append_basic_block(name) for name in ("head", "one", "done"))
    b.branch(head)
    b.position_at_end(head)
    number = b.atomic_rmw("add", body.places["next"], i64(1), "monotonic")
    b.cbranch(b.icmp_signed("<", number, given["count"]), one, done)
    b.position_at_end(one)
    table = b.gep(given["tables"], [b.mul(number, given["words"])], source_etype=word)
    b.call(smo, [table, i64(0), i64(0), i64(0), i64(1)])
    b.branch(head)
    b.position_at_end(done)
    b.ret_void()


class _Smo:
    """The routine: segments, groups, and the step of a pair."""

    def __init__(self, module: ir.Module, target: Target, dtype: DType):
        self.module, self.dtype, self.fused = module, dtype, target.fused
        self.sweeps = [sweep(module, dtype, updates) for updates in (False, True)]
        self.choose = [choose(module, dtype, self.fused, alike) for alike in (False, True)]
        self.mark = mark(module, dtype)
        self.body = begin(module, ROUTINE)
        self.b, self.given = self.body.builder, self.body.arguments
        self.v = Vectors(self.b, dtype)
        self.count = self.given["count"]

    def emit(self) -> None:
        b, v, word = self.b, self.v, ir.IntType(64)
        self.groups = v.room(b.mul(self.given["groups"], i64(GROUP_WORDS)), "groups")
        self.parts = v.room(b.mul(self.count, i64(_PART_WORDS)), "parts")
        self.best = v.room(i64(3), "best")
        self.steps = v.room(i64(BLOCK), "steps")
        names = ("count", "row_i", "row_j", "variable_i", "variable_j", "mark_i", "mark_j")
        self.slots = {name: b.alloca(word, name=name) for name in names}
        for name in ("gap", "gain", "step"):
            self.slots[name] = b.alloca(ir.DoubleType(), name=name)
        self._set("count", i64(0))
        self._begin()
        self.alike = self._all_alike()
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
        return self.v.at(self.groups, self.b.mul(number, i64(GROUP_WORDS)))

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

    def _all_alike(self) -> ir.Value:
        """Whether all K_tt are the same."""
        b, v, given = self.b, self.v, self.given
        yes = ir.Constant(ir.IntType(1), 1)
        first = v.one(given["diag"], self._segment(i64(0))["row"], self.dtype)
        with loop(b, self.count, "alike", [yes]) as one:
            segment = self._segment(one.index)
            diag = self._of("diag", segment, "row")

            def body(block: Block, carried: list[ir.Value]) -> list[ir.Value]:
                others = []
                for n in range(VECTORS):
                    value = v.load(diag, block, n, dtype=self.dtype)
                    other = b.fcmp_unordered("!=", value, v.all(first))
                    mask = block.mask(n)
                    others.append(other if mask is None else b.and_(other, mask))
                return [b.and_(carried[0], b.not_(v.any(others)))]

            one.next = v.blocks(segment["length"], [one.carried[0]], body, "diag")
        return one.carried[0]

    def _walk(self, step: ir.Value | None) -> None:
        """One sweep over all segments: changes F by a step, and finds i and the gap anew."""
        b, v = self.b, self.v
        with loop(b, self.given["groups"], "clear") as one:
            group = self._group(one.index)
            b.store(ir.Constant(ir.DoubleType(), math.inf), v.at(group, i64(LEAST)))
            b.store(i64(-1), v.at(group, i64(PART)))
            b.store(ir.Constant(ir.DoubleType(), -math.inf), v.at(group, i64(GAP)))
        with loop(b, self.count, "part") as one:
            segment = self._segment(one.index)
            arrays = [self._of("F", segment, "row")]
            arrays += [self._marks(segment, shrinks) for shrinks in (False, True)]
            group = self._group(segment["group"])
            top = v.at(self._own(one.index), i64(_TOP))
            rest = [segment["length"], segment["offset"], one.index, group, top]
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

    def _check(self) -> None:
        """The gap, and whether the run is over. A gap is the largest d of `Gain`."""
        b, v = self.b, self.v
        lowest = ir.Constant(ir.DoubleType(), -math.inf)
        with loop(b, self.count, "gap", [lowest]) as one:
            segment = self._segment(one.index)
            group = self._group(segment["group"])
            level = self._level(one.index, segment, group)
            gap = b.fsub(v.one(self._own(one.index), i64(_TOP)), level)
            b.store(v.more(gap, v.one(group, i64(GAP))), v.at(group, i64(GAP)))
            one.next = [v.more(gap, one.carried[0])]
        self._set("gap", one.carried[0])
        above = b.fcmp_ordered(">", one.carried[0], self.given["tolerance"])
        self._leave(b.not_(above), Status.CONVERGED)
        over = b.icmp_signed(">=", self._get("count"), self.given["iterations"])
        self._leave(over, Status.BOUND)

    def _level(self, number: ir.Value, segment: dict[str, ir.Value], group: ir.Value) -> ir.Value:
        """What F of a variable of a segment is compared with: the least F + up, less its offset.

        In the segment of i it is F of i itself, not rounded: i is no partner of its own.
        """
        b, v = self.b, self.v
        least = b.fsub(v.one(group, i64(LEAST)), segment["offset"])
        own = b.icmp_signed("==", b.load(v.at(group, i64(PART)), typ=ir.IntType(64)), number)
        return b.select(own, v.one(group, i64(NUMBER)), least)

    def _pair(self) -> None:
        """The pair with the largest gain over all groups that violate."""
        b = self.b
        self._set("gain", ir.Constant(ir.DoubleType(), -1.0))
        with loop(b, self.given["groups"], "group") as one:
            group = self._group(one.index)
            above = b.fcmp_ordered(">", self.v.one(group, i64(GAP)), self.given["tolerance"])
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
        part, start = (b.load(v.at(group, i64(n)), typ=word) for n in (PART, PLACE))
        home = self._segment(part)
        F, marks = self._of("F", home, "row"), self._marks(home, False)
        block, wanted = v.tail(start, home["length"]), v.all(v.one(group, i64(NUMBER)))
        equal = [
            b.and_(v.bits(marks, block, n), b.fcmp_ordered("==", v.load(F, block, n), wanted))
            for n in range(VECTORS)
        ]
        place = find(v, start, equal)
        row_i = b.add(home["row"], place)
        missing = b.icmp_signed("==", self._row(row_i), i64(0))
        self._leave(missing, Status.MISSING, row_i)
        curvature = v.one(self.given["diag"], row_i, self.dtype)
        b.store(ir.Constant(ir.DoubleType(), -1.0), self.best)
        with loop(b, self.count, "choose") as one:
            segment = self._segment(one.index)
            with b.if_then(b.icmp_signed("==", segment["group"], number)):
                arrays = self._candidates(row_i, segment)
                level = self._level(one.index, segment, group)
                rest = [segment["length"], one.index, self.best]
                with b.if_else(self.alike) as (alike, apart):
                    with alike:
                        b.call(self.choose[True], [*arrays, curvature, level, *rest])
                    with apart:
                        b.call(self.choose[False], [*arrays, curvature, level, *rest])
        most = v.one(self.best, i64(GAIN))
        with b.if_then(b.fcmp_ordered(">", most, self._get("gain"))):
            self._set("gain", most)
            self._set("row_i", row_i)
            self._set("variable_i", b.add(home["variable"], place))
            self._set("mark_i", b.add(b.mul(home["marks"], i64(LANES)), place))
            self._locate(row_i, curvature, group, most)

    def _candidates(self, row_i: ir.Value, segment: dict[str, ir.Value]) -> list[ir.Value]:
        return [
            self._of("F", segment, "row"),
            self._marks(segment, True),
            self._kernels(row_i, segment),
            self._of("diag", segment, "row"),
        ]

    def _locate(
        self, row_i: ir.Value, curvature: ir.Value, group: ir.Value, most: ir.Value
    ) -> None:
        """j within the block that `choose` noted, and the length of the step."""
        b, v, word = self.b, self.v, ir.IntType(64)
        part, start = (b.load(v.at(self.best, i64(n)), typ=word) for n in (GAIN_PART, GAIN_PLACE))
        home = self._segment(part)
        level = self._level(part, home, group)
        F, shrinks, row, diag = self._candidates(row_i, home)
        gain = Gain(v, self.fused, F, shrinks, row, diag, v.all(curvature), v.all(level))
        block, inside, equal = v.tail(start, home["length"]), Block(i64(0), None), []
        for n in range(VECTORS):
            marked, d, a = gain.parts(block, n)
            value, a = gain.exact(marked, d, a)
            equal.append(b.fcmp_ordered("==", value, v.all(most)))
            v.store(b.fdiv(d, a), self.steps, inside, n)
        place = find(v, start, equal)
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
        grown = v.less(b.fadd(v.one(given["b"], i), step), v.one(given["hi"], i))
        shrunk = v.more(b.fsub(v.one(given["b"], j), step), v.one(given["lo"], j))
        grown = b.select(b.fcmp_ordered(">=", step, room_i), v.one(given["hi"], i), grown)
        shrunk = b.select(b.fcmp_ordered(">=", step, room_j), v.one(given["lo"], j), shrunk)
        same = [
            b.fcmp_ordered("==", value, v.one(given["b"], n))
            for n, value in ((i, grown), (j, shrunk))
        ]
        self._leave(b.and_(*same), Status.STALLED)
        self._move(i, "mark_i", v.one(given["up"], i), grown)
        self._move(j, "mark_j", v.one(given["low"], j), shrunk)
        self._walk(step)
        self._set("count", b.add(self._get("count"), i64(1)))

    def _move(self, variable: ir.Value, mark: str, offset: ir.Value, value: ir.Value) -> None:
        """Gives a variable its new value, and marks which ways it may go now."""
        b, v, given = self.b, self.v, self.given
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
