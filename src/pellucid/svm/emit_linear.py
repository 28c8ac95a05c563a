"""Linear problems as machine code: a sweep of dual coordinate descent, products with all rows.

`linear_reference` has the same in NumPy. Rows lie one behind the other, in float32 or float64, and
sums are float64: LANES × VECTORS partial sums, joined in pairs. A weight vector has one entry more
than a row, that of the constant column `intercept`.
"""

from __future__ import annotations

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.routine import Body, Routine, begin
from pellucid.compiler.codegen.scalars import intrinsic
from pellucid.compiler.codegen.target import Target
from pellucid.core.dtypes import DType
from pellucid.svm.emit_vectors import BLOCK, VECTORS, Block, Vectors, folded
from pellucid.svm.linear_reference import STILL

_ROWS = ("prows", "lfeatures", "dintercept")
SWEEP = Routine(
    "sweep",
    (
        *(*_ROWS, "porder", "psigns", "psquares", "pupper", "pshift", "palpha", "pweight"),
        *("dhigh", "dlow", "lsteps"),  # how many steps to take at most
        *("lplace", "lactive", "dtop", "dleast"),  # where the sweep stands, and what it saw
    ),
)
PRODUCTS = Routine("products", (*_ROWS, "pweight", "pout", "lfirst", "lcount"))
COMBINE = Routine("combine", (*_ROWS, "pplaces", "pcoefficients", "pout", "lcount"))


def emit(target: Target, dtype: DType) -> ir.Module:
    """The module for rows of a dtype."""
    module = ir.Module("linear")
    module.triple = target.triple
    _Sweep(begin(module, SWEEP), dtype).emit()
    _Linear(begin(module, PRODUCTS), dtype).products()
    _Linear(begin(module, COMBINE), dtype).combine()
    return module


def _real(value: float) -> ir.Constant:
    return ir.Constant(ir.DoubleType(), value)


class _Linear:
    """A routine under construction, over rows and weights."""

    def __init__(self, body: Body, dtype: DType):
        self.body, self.b, self.given = body, body.builder, body.arguments
        self.dtype, self.v = dtype, Vectors(body.builder, dtype)

    def products(self) -> None:
        """out[i] = w·x_i for `count` rows from `first` on; each thread has its part of them."""
        b, given = self.b, self.given
        start, end = self.body.share(given["count"])
        with loop(b, b.sub(end, start), "row") as one:
            i = b.add(given["first"], b.add(start, one.index))
            b.store(self.product(self.row(i), given["weight"]), self.v.at(given["out"], i))
        b.ret_void()

    def combine(self) -> None:
        """out += Σ cₖ x_k over the rows at `places`; each thread has its part of the columns."""
        b, v, given = self.b, self.v, self.given
        start, end = (
            b.mul(edge, i64(BLOCK)) for edge in self.body.share(groups(b, given["features"], BLOCK))
        )
        width = b.sub(least(b, end, given["features"]), start)
        out = v.at(given["out"], start)
        constant = v.at(given["out"], given["features"])
        before = v.one(given["out"], given["features"])
        with loop(b, given["count"], "row", [before]) as one:
            factor = v.one(given["coefficients"], one.index)
            row = v.at(self.row(self.whole(given["places"], one.index)), start, self.dtype)
            self.add(factor, row, out, width)
            one.next = [self.fma(factor, given["intercept"], one.carried[0])]
        with b.if_then(b.icmp_signed("==", self.body.thread, i64(0))):
            b.store(one.carried[0], constant)
        b.ret_void()

    def row(self, i: ir.Value) -> ir.Value:
        """The address of a row."""
        return self.v.at(self.given["rows"], self.b.mul(i, self.given["features"]), self.dtype)

    def product(self, row: ir.Value, weight: ir.Value) -> ir.Value:
        """w·x, with the constant column."""
        b, v, given = self.b, self.v, self.given

        def body(block: Block, sums: list[ir.Value]) -> list[ir.Value]:
            return [
                self.fma(v.kernels(row, block, n), v.load(weight, block, n), sums[n])
                for n in range(VECTORS)
            ]

        sums = v.blocks(given["features"], [v.number(0.0)] * VECTORS, body, "dot")
        total = v.reduce(b.fadd, folded(b.fadd, sums))
        return self.fma(v.one(weight, given["features"]), given["intercept"], total)

    def add(self, change: ir.Value, row: ir.Value, weight: ir.Value, length: ir.Value) -> None:
        """w ← w + change·x without the constant column."""
        v, factor = self.v, self.v.all(change)

        def body(block: Block, _: list[ir.Value]) -> list[ir.Value]:
            for n in range(VECTORS):
                there = v.load(weight, block, n)
                v.store(self.fma(v.kernels(row, block, n), factor, there), weight, block, n)
            return []

        v.blocks(length, [], body, "add")

    def fma(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """x·y + z, rounded once."""
        return intrinsic(self.b, "fma", z.type, x, y, z)

    def place(self, base: ir.Value, index: ir.Value) -> ir.Value:
        return self.b.gep(base, [index], inbounds=True, source_etype=ir.IntType(64))

    def whole(self, base: ir.Value, index: ir.Value) -> ir.Value:
        return self.b.load(self.place(base, index), typ=ir.IntType(64))


class _Sweep(_Linear):
    """`LinearRowsReference.sweep`. A row is read twice, the second time from the first cache."""

    def emit(self) -> None:
        """Steps until the order ends, or as many as one call may take."""
        b, given = self.b, self.given
        names = ("place", "active", "top", "least")
        entry = b.block
        head, body, latch, done = (
            b.append_basic_block(n) for n in ("head", "body", "latch", "done")
        )
        b.branch(head)
        b.position_at_end(head)
        taken = b.phi(ir.IntType(64), "taken")
        state = [b.phi(given[name].type, name) for name in names]
        for phi, value in zip((taken, *state), (i64(0), *(given[n] for n in names)), strict=True):
            phi.add_incoming(value, entry)
        place, active, top, least = state
        more = b.icmp_signed("<", place, active)
        b.cbranch(b.and_(more, b.icmp_signed("<", taken, given["steps"])), body, done)
        b.position_at_end(body)
        ends = self._step(place, active, top, least, latch)
        b.position_at_end(latch)
        for phi, values in zip(state, zip(*(after for _, after in ends), strict=True), strict=True):
            joined = b.phi(phi.type)
            for (block, _), value in zip(ends, values, strict=True):
                joined.add_incoming(value, block)
            phi.add_incoming(joined, latch)
        taken.add_incoming(b.add(taken, i64(1)), latch)
        b.branch(head)
        b.position_at_end(done)
        for name, value in zip(names, state, strict=True):
            b.store(value, self.body.places[name])
        b.ret_void()

    def _step(
        self, place: ir.Value, active: ir.Value, top: ir.Value, least: ir.Value, latch: ir.Block
    ) -> list[tuple[ir.Block, tuple[ir.Value, ...]]]:
        """One coordinate. The blocks that go on to `latch`, with the state behind each."""
        b, v, given = self.b, self.v, self.given
        order = given["order"]
        i = self.whole(order, place)
        row, weight = self.row(i), given["weight"]
        sign, alpha, upper, shift = (
            v.one(given[name], i) for name in ("signs", "alpha", "upper", "shift")
        )
        one, zero = _real(1.0), _real(0.0)
        slope = b.fsub(b.fmul(sign, self.product(row, weight)), one)
        slope = b.fadd(slope, b.fmul(shift, alpha))
        bottom = b.fcmp_ordered("==", alpha, zero)
        full = b.and_(b.not_(bottom), b.fcmp_ordered("==", alpha, upper))
        idle = b.or_(
            b.and_(bottom, b.fcmp_ordered(">", slope, given["high"])),
            b.and_(full, b.fcmp_ordered("<", slope, given["low"])),
        )
        away, move = b.append_basic_block("away"), b.append_basic_block("move")
        b.cbranch(idle, away, move)

        b.position_at_end(away)
        fewer = b.sub(active, i64(1))
        last = self.whole(order, fewer)
        b.store(last, self.place(order, place))
        b.store(i, self.place(order, fewer))
        b.branch(latch)

        b.position_at_end(move)
        free = b.select(bottom, v.less(slope, zero), b.select(full, v.more(slope, zero), slope))
        higher, lower = v.more(free, top), v.less(free, least)
        following = b.add(place, i64(1))
        moves = b.or_(
            b.fcmp_ordered(">", free, _real(STILL)), b.fcmp_ordered("<", free, _real(-STILL))
        )
        with b.if_then(moves):
            wanted = b.fsub(alpha, b.fdiv(slope, v.one(given["squares"], i)))
            new = v.less(v.more(wanted, zero), upper)
            b.store(new, v.at(given["alpha"], i))
            change = b.fmul(b.fsub(new, alpha), sign)
            self.add(change, row, weight, given["features"])
            constant = v.one(weight, given["features"])
            constant = self.fma(change, given["intercept"], constant)
            b.store(constant, v.at(weight, given["features"]))
        after = b.block
        b.branch(latch)
        return [
            (away, (place, fewer, top, least)),
            (after, (following, active, higher, lower)),
        ]
