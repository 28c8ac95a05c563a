"""`argsort`: the places of a line's elements in rising order, by merging runs.

Runs of 1, 2, 4, … places are merged from one half of the line's result to the other and back: a
place takes 32 bits while the result has 64 for it, so no further memory is needed. Equals keep
their order, and NaN stands last, as in NumPy's stable sort. A line is sorted by one thread.
"""

from __future__ import annotations

from pellucid.compiler.codegen.layout import strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.scalars import TABLE, Element
from pellucid.compiler.codegen.scope import Operand, Scope
from pellucid.core import shapes

_PLACE_BITS = 32


class _Line:
    """One line: x, its places in two halves of the memory of its result."""

    def __init__(self, scope: Scope, x: Operand, start: ir.Value, n: ir.Value):
        self.scope, self.b, self.n = scope, scope.builder, n
        self.x = Operand(scope.place(x, start), x.type)
        self.element = Element(scope.builder, scope.name, (x.type.dtype,))

    def address(self, half: ir.Value, index: ir.Value) -> ir.Value:
        return self.b.gep(half, [index], inbounds=True, source_etype=ir.IntType(_PLACE_BITS))

    def place(self, half: ir.Value, index: ir.Value) -> ir.Value:
        return self.b.load(self.address(half, index), typ=ir.IntType(_PLACE_BITS), align=4)

    def value(self, place: ir.Value) -> ir.Value:
        return self.scope.load(self.x, self.b.zext(place, ir.IntType(64)))

    def before(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """Whether x stands before y, also where it came after it."""
        less = TABLE["less"](self.element, x, y)
        if not self.element.dtype.is_float:
            return less
        b = self.b
        return b.or_(less, b.and_(b.fcmp_ordered("ord", x, x), b.fcmp_unordered("uno", y, y)))

    def front(
        self, source: ir.Value, left: ir.Value, right: ir.Value, middle: ir.Value, end: ir.Value
    ) -> tuple[ir.Value, ir.Value]:
        """The first place of two runs from `left` and `right` on, and whether it is the right's."""
        b = self.b
        lower = self.place(source, least(b, left, b.sub(middle, i64(1))))
        upper = self.place(source, least(b, right, b.sub(end, i64(1))))
        sooner = self.before(self.value(upper), self.value(lower))
        over, more = b.icmp_signed(">=", left, middle), b.icmp_signed("<", right, end)
        taken = b.and_(more, b.or_(over, sooner))
        return b.select(taken, upper, lower), b.zext(taken, ir.IntType(64))

    def back(
        self, source: ir.Value, left: ir.Value, right: ir.Value, first: ir.Value, middle: ir.Value
    ) -> tuple[ir.Value, ir.Value]:
        """The last place of two runs up to `left` and `right`, and whether it is the left's."""
        b = self.b
        more = b.icmp_signed(">=", left, first)
        lower = self.place(source, b.select(more, left, first))
        upper = self.place(source, right)  # one before the run where it is empty
        sooner = self.before(self.value(upper), self.value(lower))
        over = b.icmp_signed("<", right, middle)
        taken = b.and_(more, b.or_(over, sooner))
        return b.select(taken, lower, upper), b.zext(taken, ir.IntType(64))

    def merge(self, source: ir.Value, goal: ir.Value, first: ir.Value, width: ir.Value) -> None:
        """Two neighbouring runs of `width` places from `first` on; the last may be shorter.

        From both ends at once: neither waits for what the other loads.
        """
        b, one = self.b, i64(1)
        middle = least(b, b.add(first, width), self.n)
        end = least(b, b.add(middle, width), self.n)
        last = b.sub(end, one)
        half = b.ashr(b.sub(end, first), one)
        start = [first, middle, b.sub(middle, one), last]
        with loop(b, half, f"{self.scope.name}.merge", start) as step:
            left, right, left_end, right_end = step.carried
            chosen, turn = self.front(source, left, right, middle, end)
            b.store(chosen, self.address(goal, b.add(first, step.index)), align=4)
            final, back = self.back(source, left_end, right_end, first, middle)
            b.store(final, self.address(goal, b.sub(last, step.index)), align=4)
            step.next = [
                b.add(left, b.sub(one, turn)),
                b.add(right, turn),
                b.sub(left_end, back),
                b.sub(right_end, b.sub(one, back)),
            ]
        with b.if_then(b.trunc(b.sub(end, first), ir.IntType(1))):
            chosen, _ = self.front(source, step.carried[0], step.carried[1], middle, end)
            b.store(chosen, self.address(goal, b.add(first, half)), align=4)

    def sort(self, place: ir.Value) -> None:
        """Sorts, and widens the places to the line of the result at `place`."""
        b, n = self.b, self.n
        low = self.scope.place(self.scope.out, place)
        high = self.address(low, n)
        with loop(b, n, f"{self.scope.name}.fill") as one:
            b.store(
                b.trunc(one.index, ir.IntType(_PLACE_BITS)), self.address(low, one.index), align=4
            )
        bits = b.ctlz(b.sub(n, i64(1)), ir.Constant(ir.IntType(1), 0))
        passes = b.sub(i64(64), bits)
        with loop(b, passes, f"{self.scope.name}.pass", [low, high, i64(1)]) as turn:
            source, goal, width = turn.carried
            pair = b.add(width, width)
            with loop(b, groups(b, n, pair), f"{self.scope.name}.runs") as run:
                self.merge(source, goal, b.mul(run.index, pair), width)
            turn.next = [goal, source, pair]
        sorted_, _, _ = turn.carried
        # From the upper half on, each place is read before the wide ones reach it.
        with loop(b, n, f"{self.scope.name}.up") as one:
            down = b.sub(b.sub(n, i64(1)), one.index)
            b.store(self.place(sorted_, down), self.address(high, down), align=4)
        with loop(b, n, f"{self.scope.name}.wide") as one:
            wide = b.zext(self.place(high, one.index), ir.IntType(64))
            self.scope.store(wide, b.add(place, one.index))


def argsort(scope: Scope) -> None:
    """The places of sorted elements along the last axis."""
    (x,) = scope.inputs
    shape = x.type.shape
    n = scope.dim(shape[-1])
    outer = strides(shape)[:-1]
    with scope.shared_walk(shape[:-1], [outer, outer], shapes.size(shape)) as walk:
        place, start = walk.offsets
        with scope.builder.if_then(scope.builder.icmp_signed(">", n, i64(0))):
            _Line(scope, x, start, n).sort(place)
