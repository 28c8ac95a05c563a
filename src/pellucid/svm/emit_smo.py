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
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.routine import Routine, begin
from pellucid.compiler.codegen.target import Target
from pellucid.core.dtypes import DType, float64
from pellucid.svm.emit_vectors import BLOCK, LANES, VECTORS, Block, Vectors, folded
from pellucid.svm.reference import LEAST_CURVATURE, Status

ROUTINE = Routine(
    "smo",
    (
        *("prows", "pdiag", "pF", "pb", "plo", "phi", "pup", "plow", "psegments"),
        *("lsegments_count", "dtolerance", "literations"),
        *("lstatus", "ldone", "dgap", "lmissing"),  # results
    ),
)
_SEGMENT = ("variable", "row", "column", "length", "group", "updates")
# What is known of a group: the least F + up, the segment and block it stands in, the largest F + low.
_LEAST, _PART, _BLOCK, _TOP = range(4)
_WORDS = 4


def emit(target: Target, dtype: DType) -> ir.Module:
    """The module for kernel rows of a dtype."""
    module = ir.Module("smo")
    module.triple = target.triple
    _Smo(module, dtype).emit()
    return module


def _function(module: ir.Module, name: str, letters: str) -> tuple[ir.Function, ir.IRBuilder]:
    """A function of the module's own. Letters: p address, l whole number, d float64."""
    kinds = {"p": ir.PointerType(), "l": ir.IntType(64), "d": ir.DoubleType()}
    kind = ir.FunctionType(ir.VoidType(), [kinds[letter] for letter in letters])
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    return function, ir.IRBuilder(function.append_basic_block("entry"))


def _sweep(module: ir.Module, dtype: DType, updates: bool) -> ir.Function:
    """void sweep(F, up, low, i, j, step, length, part, group): one segment.

    Changes F by step·(K_i - K_j), if it `updates`; then joins what it sees to the group's words.
    """
    name = "update" if updates else "look"
    function, b = _function(module, name, "pppppdllp")
    F, up, low, one, other, step, length, part, group = function.args
    v = Vectors(b, dtype)
    steps = v.all(step)
    before = v.one(group, i64(_LEAST))

    def body(block: Block, carried: list[ir.Value]) -> list[ir.Value]:
        best, place, *tops = carried
        above = []
        for vector in range(VECTORS):
            f = v.load(F, block, vector)
            if updates:
                change = b.fsub(v.kernels(one, block, vector), v.kernels(other, block, vector))
                f = b.fadd(f, b.fmul(steps, change))
                v.store(f, F, block, vector)
            above.append(b.fadd(f, v.load(up, block, vector, math.inf)))
            below = b.fadd(f, v.load(low, block, vector, -math.inf))
            tops[vector] = v.more(below, tops[vector])
        smallest = folded(v.less, above)
        with v.only(v.any([b.fcmp_ordered("<", smallest, best)]), (best, place)) as found:
            found += [v.all(v.reduce(v.less, smallest)), block.start]
        return [*found, *tops]

    initial = [v.all(before), i64(-1), *[v.number(-math.inf)] * VECTORS]
    best, place, *tops = v.blocks(length, initial, body, name)
    with b.if_then(b.icmp_signed(">=", place, i64(0))):
        b.store(b.extract_element(best, ir.Constant(ir.IntType(32), 0)), v.at(group, i64(_LEAST)))
        b.store(part, v.at(group, i64(_PART)))
        b.store(place, v.at(group, i64(_BLOCK)))
    top = v.reduce(v.more, folded(v.more, tops))
    b.store(v.more(v.one(group, i64(_TOP)), top), v.at(group, i64(_TOP)))
    b.ret_void()
    return function


@dataclass
class _Gain:
    """What a vector of candidates for j would gain."""

    v: Vectors
    F: ir.Value
    low: ir.Value
    row: ir.Value
    diag: ir.Value
    curvature: ir.Value  # K_ii
    least: ir.Value  # (F + up)_i

    def parts(self, block: Block, vector: int) -> tuple[ir.Value, ir.Value, ir.Value]:
        """d, d² and a."""
        v, b = self.v, self.v.b
        below = b.fadd(v.load(self.F, block, vector), v.load(self.low, block, vector, -math.inf))
        d = b.fsub(below, self.least)
        k = v.kernels(self.row, block, vector)
        a = b.fsub(b.fadd(self.curvature, v.kernels(self.diag, block, vector)), b.fadd(k, k))
        a = b.select(
            b.fcmp_ordered("<", a, v.number(LEAST_CURVATURE)), v.number(LEAST_CURVATURE), a
        )
        return d, b.fmul(d, d), a

    def gain(self, d: ir.Value, square: ir.Value, a: ir.Value) -> ir.Value:
        """d²/a of those that violate; -1 of the others, and where it is no number."""
        v, b = self.v, self.v.b
        value = b.fdiv(square, a)
        good = b.and_(b.fcmp_ordered(">", d, v.number(0)), b.fcmp_ordered(">=", value, v.number(0)))
        return b.select(good, value, v.number(-1))


def _choose(module: ir.Module, dtype: DType) -> ir.Function:
    """void choose(F, low, row, diag, K_ii, least, length, part, best): one segment.

    `best` holds the largest gain so far, its segment and its block.
    """
    function, b = _function(module, "choose", "ppppddllp")
    F, low, row, diag, curvature, least, length, part, best = function.args
    v = Vectors(b, dtype)
    gain = _Gain(v, F, low, row, diag, v.all(curvature), v.all(least))

    def body(block: Block, carried: list[ir.Value]) -> list[ir.Value]:
        known, place = carried
        parts, maybe = [], []
        for vector in range(VECTORS):
            d, square, a = gain.parts(block, vector)
            parts.append((d, square, a))
            # A quotient above `known` has d² ≥ known·a, also as these are rounded: a division is
            # needed only there.
            near = b.fcmp_ordered(">=", square, b.fmul(known, a))
            maybe.append(b.and_(near, b.fcmp_ordered(">", d, v.number(0))))
        with v.only(v.any(maybe), (known, place)) as found:
            most = v.reduce(v.more, folded(v.more, [gain.gain(*one) for one in parts]))
            old = b.extract_element(known, ir.Constant(ir.IntType(32), 0))
            better = b.fcmp_ordered(">", most, old)
            found.append(v.all(b.select(better, most, old)))
            found.append(b.select(better, block.start, place))
        return list(found)

    initial = [v.all(v.one(best, i64(0))), i64(-1)]
    most, place = v.blocks(length, initial, body, "choose")
    with b.if_then(b.icmp_signed(">=", place, i64(0))):
        b.store(b.extract_element(most, ir.Constant(ir.IntType(32), 0)), best)
        b.store(part, v.at(best, i64(1)))
        b.store(place, v.at(best, i64(2)))
    b.ret_void()
    return function


def _find(v: Vectors, length: ir.Value, start: ir.Value, equals: list[ir.Value]) -> ir.Value:
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

    def __init__(self, module: ir.Module, dtype: DType):
        self.module, self.dtype = module, dtype
        self.sweeps = [_sweep(module, dtype, updates) for updates in (False, True)]
        self.choose = _choose(module, dtype)
        self.body = begin(module, ROUTINE)
        self.b, self.given = self.body.builder, self.body.arguments
        self.v = Vectors(self.b, dtype)

    def emit(self) -> None:
        b, v, given, word = self.b, self.v, self.given, ir.IntType(64)
        self.groups = v.room(b.mul(given["segments_count"], i64(_WORDS)), "groups")
        self.best = v.room(i64(3), "best")
        self.steps = v.room(i64(BLOCK), "steps")
        names = ("count", "row_i", "variable_i", "row_j", "variable_j")
        self.slots = {name: b.alloca(word, name=name) for name in names}
        for name in ("gap", "least", "gain", "step"):
            self.slots[name] = b.alloca(ir.DoubleType(), name=name)
        self._set("count", i64(0))
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
        b, first = self.b, self.b.mul(number, i64(len(_SEGMENT)))
        word = ir.IntType(64)
        return {
            name: b.load(self.v.at(self.given["segments"], b.add(first, i64(n))), typ=word)
            for n, name in enumerate(_SEGMENT)
        }

    def _group(self, number: ir.Value) -> ir.Value:
        return self.v.at(self.groups, self.b.mul(number, i64(_WORDS)))

    def _row(self, number: ir.Value) -> ir.Value:
        """The address of a kernel row as a number."""
        return self.b.load(self.v.at(self.given["rows"], number), typ=ir.IntType(64))

    def _of(self, name: str, segment: dict[str, ir.Value], along: str) -> ir.Value:
        """Where a segment begins in an array that goes by row or by variable."""
        dtype = self.dtype if name == "diag" else float64
        return self.v.at(self.given[name], segment[along], dtype)

    def _kernels(self, row: ir.Value, segment: dict[str, ir.Value]) -> ir.Value:
        address = self.b.inttoptr(self._row(row), ir.PointerType())
        return self.v.at(address, segment["column"], self.dtype)

    def _walk(self, step: ir.Value | None) -> None:
        """One sweep over all segments: changes F by a step, and finds i and the gap anew."""
        b, count = self.b, self.given["segments_count"]
        with loop(b, count, "clear") as one:
            group = self._group(one.index)
            b.store(ir.Constant(ir.DoubleType(), math.inf), self.v.at(group, i64(_LEAST)))
            b.store(ir.Constant(ir.DoubleType(), -math.inf), self.v.at(group, i64(_TOP)))
        with loop(b, count, "part") as one:
            segment = self._segment(one.index)
            group = self._group(segment["group"])
            arrays = [
                self._of("F", segment, "row"),
                self._of("up", segment, "variable"),
                self._of("low", segment, "variable"),
            ]
            rest = [segment["length"], one.index, group]
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
        top, low = (self.v.one(group, i64(word)) for word in (_TOP, _LEAST))
        return self.b.fsub(top, low)

    def _check(self) -> None:
        """The gap, and whether the run is over."""
        b, count = self.b, self.given["segments_count"]
        lowest = ir.Constant(ir.DoubleType(), -math.inf)
        with loop(b, count, "gap", [lowest]) as one:
            one.next = [self.v.more(self._gap(self._group(one.index)), one.carried[0])]
        self._set("gap", one.carried[0])
        above = b.fcmp_ordered(">", one.carried[0], self.given["tolerance"])
        self._leave(b.not_(above), Status.CONVERGED)
        over = b.icmp_signed(">=", self._get("count"), self.given["iterations"])
        self._leave(over, Status.BOUND)

    def _pair(self) -> None:
        """The pair with the largest gain over all groups that violate."""
        b, v = self.b, self.v
        self._set("gain", ir.Constant(ir.DoubleType(), -1.0))
        with loop(b, self.given["segments_count"], "group") as one:
            group = self._group(one.index)
            above = b.fcmp_ordered(">", self._gap(group), self.given["tolerance"])
            with b.if_then(above):
                self._pair_of(one.index, group)
        self._leave(
            b.fcmp_ordered("<", self._get("gain"), ir.Constant(ir.DoubleType(), 0.0)),
            Status.NOT_FINITE,
        )
        step = self._get("step")
        size = b.fcmp_ordered("<", step, ir.Constant(ir.DoubleType(), math.inf))
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
        F, up = self._of("F", home, "row"), self._of("up", home, "variable")
        block = v.tail(start, home["length"])
        equal = [
            b.fcmp_ordered(
                "==",
                b.fadd(v.load(F, block, n), v.load(up, block, n, math.inf)),
                v.all(least),
            )
            for n in range(VECTORS)
        ]
        place = _find(v, home["length"], start, equal)
        row_i = b.add(home["row"], place)
        address = self._row(row_i)
        self._leave(b.icmp_signed("==", address, i64(0)), Status.MISSING, row_i)
        curvature = v.one(self.given["diag"], row_i, self.dtype)
        b.store(ir.Constant(ir.DoubleType(), -1.0), self.best)
        with loop(b, self.given["segments_count"], "choose") as one:
            segment = self._segment(one.index)
            with b.if_then(b.icmp_signed("==", segment["group"], number)):
                b.call(
                    self.choose,
                    [
                        self._of("F", segment, "row"),
                        self._of("low", segment, "variable"),
                        self._kernels(row_i, segment),
                        self._of("diag", segment, "row"),
                        curvature,
                        least,
                        segment["length"],
                        one.index,
                        self.best,
                    ],
                )
        most = v.one(self.best, i64(0))
        with b.if_then(b.fcmp_ordered(">", most, self._get("gain"))):
            self._set("gain", most)
            self._set("row_i", row_i)
            self._set("variable_i", b.add(home["variable"], place))
            self._locate(row_i, curvature, least, most)

    def _locate(
        self, row_i: ir.Value, curvature: ir.Value, least: ir.Value, most: ir.Value
    ) -> None:
        """j within the block that `choose` noted, and the length of the step."""
        b, v, word = self.b, self.v, ir.IntType(64)
        part, start = (b.load(v.at(self.best, i64(n)), typ=word) for n in (1, 2))
        home = self._segment(part)
        gain = _Gain(
            v,
            self._of("F", home, "row"),
            self._of("low", home, "variable"),
            self._kernels(row_i, home),
            self._of("diag", home, "row"),
            v.all(curvature),
            v.all(least),
        )
        block = v.tail(start, home["length"])
        parts = [gain.parts(block, n) for n in range(VECTORS)]
        equal = [b.fcmp_ordered("==", gain.gain(*one), v.all(most)) for one in parts]
        place = _find(v, home["length"], start, equal)
        inside = Block(i64(0), None)
        for n, (d, _, a) in enumerate(parts):
            v.store(b.fdiv(d, a), self.steps, inside, n)
        self._set("step", v.one(self.steps, b.sub(place, start)))
        self._set("row_j", b.add(home["row"], place))
        self._set("variable_j", b.add(home["variable"], place))

    def _step(self) -> None:
        """Changes the pair within its bounds, then F by a sweep."""
        b, v, given = self.b, self.v, self.given
        i, j = self._get("variable_i"), self._get("variable_j")
        room_i = b.fsub(v.one(given["hi"], i), v.one(given["b"], i))
        room_j = b.fsub(v.one(given["b"], j), v.one(given["lo"], j))
        step = v.less(room_j, v.less(room_i, self._get("step")))
        for variable, room, bound, join, change in (
            (i, room_i, "hi", v.less, b.fadd),
            (j, room_j, "lo", v.more, b.fsub),
        ):
            limit = v.one(given[bound], variable)
            moved = join(change(v.one(given["b"], variable), step), limit)
            value = b.select(b.fcmp_ordered(">=", step, room), limit, moved)
            offset = v.one(given["up" if bound == "hi" else "low"], variable)
            b.store(value, v.at(given["b"], variable))
            for name, end, sign, fill in (
                ("up", "hi", "<", math.inf),
                ("low", "lo", ">", -math.inf),
            ):
                free = b.fcmp_ordered(sign, value, v.one(given[end], variable))
                kept = b.select(free, offset, ir.Constant(ir.DoubleType(), fill))
                b.store(kept, v.at(given[name], variable))
        self._walk(step)
        self._set("count", b.add(self._get("count"), i64(1)))

    def _finite(self) -> None:
        """Where a number of F is NaN or infinite, that is the status."""
        b, v = self.b, self.v
        with loop(b, self.given["segments_count"], "finite") as one:
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
