"""Functions that are no instruction: built from + − × ÷ √ and the bits of a float.

Each is written for scalars and vectors alike, without branches: a vector computes all cases and
selects. (Sines of more than a million are the exception: they are asked of the C library.)
Polynomials on short intervals are Taylor's, with terms up to the last bit; what leads to those
intervals is stated at each function. `tests/compiler/test_mathfn.py` measures them.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.scope import constant
from pellucid.core.dtypes import float64

_LN2 = math.log(2)
# ln 2 and π/2 in parts with zeros at their ends: a small whole number times one of them is exact.
_LN2_PARTS = (0.693145751953125, 1.4286068203094172321e-06)
_HALF_PI = (1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624879595063154e-21)
_FAR = 1e6  # quarter turns of π up to which the parts above take them off exactly


class Math:
    """Arithmetic on values of one type."""

    def __init__(self, e: Any, x: ir.Value):
        self.e, self.b, self.kind, self.dtype = e, e.builder, x.type, e.dtype
        self.wide = self.dtype.itemsize == 8
        self.fraction, self.bias = (52, 1023) if self.wide else (23, 127)
        self.whole = self._like(ir.IntType(64 if self.wide else 32))

    def _like(self, element: ir.Type) -> ir.Type:
        if isinstance(self.kind, ir.VectorType):
            return ir.VectorType(element, self.kind.count)
        return element

    def number(self, value: float) -> ir.Constant:
        return constant(self.kind, self.dtype, value)

    def integer(self, value: int) -> ir.Constant:
        if isinstance(self.whole, ir.VectorType):
            return ir.Constant(
                self.whole, [ir.Constant(self.whole.element, value)] * self.whole.count
            )
        return ir.Constant(self.whole, value)

    def add(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.b.fadd(x, y)

    def sub(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.b.fsub(x, y)

    def mul(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.b.fmul(x, y)

    def div(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.b.fdiv(x, y)

    def is_(self, sign: str, x: ir.Value, value: float) -> ir.Value:
        return self.b.fcmp_ordered(sign, x, self.number(value))

    def nan(self, x: ir.Value) -> ir.Value:
        return self.b.fcmp_unordered("uno", x, x)

    def select(self, condition: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.b.select(condition, x, y)

    def abs(self, x: ir.Value) -> ir.Value:
        mask = self.integer((1 << (self.fraction + (11 if self.wide else 8))) - 1)
        return self.b.bitcast(self.b.and_(self.b.bitcast(x, self.whole), mask), self.kind)

    def signed(self, x: ir.Value, like: ir.Value) -> ir.Value:
        """|x| with the sign of `like`."""
        sign = self.integer(-(1 << (63 if self.wide else 31)))
        bit = self.b.and_(self.b.bitcast(like, self.whole), sign)
        magnitude = self.b.bitcast(self.abs(x), self.whole)
        return self.b.bitcast(self.b.or_(magnitude, bit), self.kind)

    def clamp(self, x: ir.Value, low: float, high: float) -> ir.Value:
        x = self.select(self.is_(">", x, low), x, self.number(low))
        return self.select(self.is_("<", x, high), x, self.number(high))

    def nearest(self, x: ir.Value) -> ir.Value:
        """The nearest whole number, for small x: adding a large one drops the fraction."""
        magic = self.number(1.5 * 2.0**self.fraction)
        return self.sub(self.add(x, magic), magic)

    def power(self, n: ir.Value) -> ir.Value:
        """2ⁿ for a whole n within the exponents of the type."""
        bits = self.b.shl(self.b.add(n, self.integer(self.bias)), self.integer(self.fraction))
        return self.b.bitcast(bits, self.kind)

    def polynomial(self, x: ir.Value, coefficients: list[float]) -> ir.Value:
        """Σ cₖ·xᵏ by Horner's rule."""
        value: ir.Value = self.number(coefficients[-1])
        for c in coefficients[-2::-1]:
            value = self.add(self.mul(value, x), self.number(c))
        return value

    def halved(self, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """n and r with x = n·ln 2 + r, |r| ≤ ln 2 / 2; n as an integer."""
        n = self.nearest(self.mul(x, self.number(1 / _LN2)))
        r = self.sub(x, self.mul(n, self.number(_LN2_PARTS[0])))
        r = self.sub(r, self.mul(n, self.number(_LN2_PARTS[1])))
        return self.b.fptosi(n, self.whole), r

    def scaled(self, x: ir.Value, n: ir.Value) -> ir.Value:
        """x·2ⁿ in two steps, so that results below the normal numbers are right too."""
        half = self.b.ashr(n, self.integer(1))
        return self.mul(self.mul(x, self.power(half)), self.power(self.b.sub(n, half)))

    def exp(self, x: ir.Value) -> ir.Value:
        inside = self.clamp(x, *((-746.0, 710.0) if self.wide else (-104.0, 89.0)))
        n, r = self.halved(inside)
        series = [1 / math.factorial(k) for k in range(14 if self.wide else 8)]
        return self.select(self.nan(x), x, self.scaled(self.polynomial(r, series), n))

    def expm1(self, x: ir.Value) -> ir.Value:
        inside = self.clamp(x, -45.0, 710.0 if self.wide else 89.0)
        n, r = self.halved(inside)
        series = [1 / math.factorial(k) for k in range(1, 15 if self.wide else 9)]
        tail = self.mul(r, self.mul(r, self.polynomial(r, series[1:])))
        # eˣ - 1 = 2ⁿ·(eʳ - 1 + (1 - 2⁻ⁿ)); for n = 0 that is eʳ - 1 itself.
        least = self.b.select(self.b.icmp_signed("<", n, self.integer(64)), n, self.integer(64))
        shift = self.sub(self.number(1), self.power(self.b.neg(least)))
        value = self.scaled(self.add(self.add(shift, r), tail), n)
        small = self.b.icmp_signed("==", n, self.integer(0))
        value = self.select(small, self.add(r, tail), value)
        value = self.select(self.is_("==", x, 0.0), x, value)
        return self.select(self.nan(x), x, value)

    def parts(self, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """e as a float and m in [√½, √2) with x = m·2ᵉ, for x > 0."""
        tiny = self.is_("<", x, 2.0**-1022 if self.wide else 2.0**-126)
        up = self.fraction + 2
        bits = self.b.bitcast(self.select(tiny, self.mul(x, self.number(2.0**up)), x), self.whole)
        root = self.integer(0x3FE6A09E667F3BCD if self.wide else 0x3F3504F3)  # √½
        power = self.b.ashr(self.b.sub(bits, root), self.integer(self.fraction))
        m = self.b.bitcast(
            self.b.sub(bits, self.b.shl(power, self.integer(self.fraction))), self.kind
        )
        power = self.b.sub(power, self.b.select(tiny, self.integer(up), self.integer(0)))
        return self.b.sitofp(power, self.kind), m

    def log_mantissa(self, m: ir.Value) -> ir.Value:
        """ln m = f - f²/2 + s·(f²/2 + R) with f = m - 1, s = f / (2 + f)."""
        f = self.sub(m, self.number(1))
        s = self.div(f, self.add(self.number(2), f))
        z = self.mul(s, s)
        # ln(1 + f) = 2s + s·R(s²), and 2s = f - s·f.
        series = [0.0, *(2 / k for k in range(3, 29 if self.wide else 15, 2))]
        rest = self.polynomial(z, series)
        half = self.mul(self.mul(f, f), self.number(0.5))
        return self.sub(f, self.sub(half, self.mul(s, self.add(half, rest))))

    def log_parts(self, m: ir.Value) -> tuple[ir.Value, ir.Value]:
        """ln m = 2s + ⅔s³ + … with s = (m - 1) / (m + 1), as a sum of two numbers.

        A large power multiplies its error: s and the cube are kept in two parts each.
        """
        f = self.sub(m, self.number(1))  # exact
        t = self.add(self.number(2), f)
        t_low = self.sub(f, self.sub(t, self.number(2)))
        s = self.div(f, t)
        p, q = self.product(s, t)
        left = self.sub(self.sub(self.sub(f, p), q), self.mul(s, t_low))
        s_low = self.div(left, t)
        square, low = self.product(s, s)
        low = self.add(low, self.mul(self.add(s, s), s_low))
        cube, cube_low = self.product(square, s)
        cube_low = self.add(cube_low, self.add(self.mul(low, s), self.mul(square, s_low)))
        two_thirds = self.number(2 / 3)
        third, low = self.product(cube, two_thirds)
        missing = self.number(float(Fraction(2, 3) - Fraction(2 / 3)))
        low = self.add(low, self.add(self.mul(cube, missing), self.mul(cube_low, two_thirds)))
        series = [2 / k for k in range(5, 29 if self.wide else 15, 2)]
        far = self.mul(self.mul(cube, square), self.polynomial(square, series))
        first = self.add(s, s)
        high = self.add(first, third)
        rest = self.add(self.sub(third, self.sub(high, first)), self.add(s_low, s_low))
        rest = self.add(rest, self.add(low, far))
        total = self.add(high, rest)
        return total, self.sub(rest, self.sub(total, high))

    def log(self, x: ir.Value) -> ir.Value:
        n, m = self.parts(x)
        low = self.mul(n, self.number(_LN2_PARTS[1]))
        value = self.add(
            self.mul(n, self.number(_LN2_PARTS[0])), self.add(low, self.log_mantissa(m))
        )
        value = self.select(self.is_("==", x, math.inf), x, value)
        value = self.select(self.is_("==", x, 0.0), self.number(-math.inf), value)
        below = self.b.fcmp_unordered("<", x, self.number(0.0))
        return self.select(below, self.number(math.nan), value)

    def log1p(self, x: ir.Value) -> ir.Value:
        """ln u + (x - (u - 1)) / u with u = 1 + x rounded."""
        u = self.add(x, self.number(1))
        lost = self.sub(x, self.sub(u, self.number(1)))
        value = self.add(self.log(u), self.div(lost, u))
        value = self.select(self.is_("==", u, 1.0), x, value)
        edge = self.b.or_(self.is_("==", x, math.inf), self.is_("<=", x, -1.0))
        return self.select(edge, self.log(u), value)

    def tanh(self, x: ir.Value) -> ir.Value:
        """t / (t + 2) with t = e^{2|x|} - 1."""
        twice = self.mul(self.clamp(self.abs(x), 0.0, 22.0), self.number(2))
        t = self.expm1(twice)
        value = self.signed(self.div(t, self.add(t, self.number(2))), x)
        return self.select(self.nan(x), x, value)

    def sinh(self, x: ir.Value) -> ir.Value:
        """(t + t / (t + 1)) / 2 with t = e^|x| - 1; of a large x half of e^|x|, in two factors."""
        size = self.abs(x)
        t = self.expm1(self.clamp(size, 0.0, 40.0))
        near = self.mul(self.number(0.5), self.add(t, self.div(t, self.add(t, self.number(1)))))
        root = self.exp(self.mul(size, self.number(0.5)))
        far = self.mul(self.mul(self.number(0.5), root), root)
        value = self.select(self.is_("<", size, 40.0), near, far)
        value = self.select(self.is_("==", x, 0.0), x, self.signed(value, x))
        return self.select(self.nan(x), x, value)

    def cosh(self, x: ir.Value) -> ir.Value:
        """(e^|x| + e^-|x|) / 2, each as the square of a root that does not overflow."""
        root = self.exp(self.mul(self.abs(x), self.number(0.5)))
        half = self.mul(self.number(0.5), root)
        return self.add(self.mul(half, root), self.div(self.div(self.number(0.5), root), root))

    def sigmoid(self, x: ir.Value) -> ir.Value:
        """1 / (1 + e^{-|x|}), or e^{-|x|} times that below 0."""
        t = self.exp(self.b.fneg(self.abs(x)))
        top = self.select(self.is_(">=", x, 0.0), self.number(1), t)
        return self.div(top, self.add(self.number(1), t))

    def softplus(self, x: ir.Value) -> ir.Value:
        """max(x, 0) + ln(1 + e^{-|x|})."""
        t = self.log1p(self.exp(self.b.fneg(self.abs(x))))
        above = self.select(self.is_(">", x, 0.0), x, self.number(0))
        return self.select(self.nan(x), x, self.add(above, t))

    def shifted(self, x: ir.Value, quarter: int) -> ir.Value:
        """sin(x + quarter·π/2): a quarter turn is taken off, what is left lies in [-π/4, π/4]."""
        n = self.nearest(self.mul(x, self.number(2 / math.pi)))
        r = x
        for part in _HALF_PI:
            r = self.sub(r, self.mul(n, self.number(part)))
        z = self.mul(r, r)
        odd = [(-1) ** k / math.factorial(2 * k + 1) for k in range(1, 10)]
        even = [(-1) ** k / math.factorial(2 * k) for k in range(1, 10)]
        sine = self.add(r, self.mul(self.mul(r, z), self.polynomial(z, odd)))
        cosine = self.add(self.number(1), self.mul(z, self.polynomial(z, even)))
        place = self.b.add(self.b.fptosi(n, self.whole), self.integer(quarter))
        crossed = self.b.icmp_signed("!=", self.b.and_(place, self.integer(1)), self.integer(0))
        value = self.select(crossed, cosine, sine)
        back = self.b.icmp_signed("!=", self.b.and_(place, self.integer(2)), self.integer(0))
        value = self.select(back, self.b.fneg(value), value)
        if quarter == 0:
            value = self.select(self.is_("==", x, 0.0), x, value)
        return self._far(x, value, "cos" if quarter else "sin")

    def _far(self, x: ir.Value, value: ir.Value, name: str) -> ir.Value:
        """The C library's function, one by one, where x has too many turns to be taken off here."""
        b, double = self.b, ir.DoubleType()
        far = self.b.not_(self.is_("<", self.abs(x), _FAR))
        function = b.module.globals.get(name)
        if function is None:
            function = ir.Function(b.module, ir.FunctionType(double, [double]), name)
        i32 = ir.IntType(32)
        if not isinstance(self.kind, ir.VectorType):
            with loop(b, b.zext(far, ir.IntType(64)), f"{name}.far", [value]) as once:
                once.next = [b.call(function, [x])]
            return once.carried[0]
        lanes = self.kind.count
        mask = b.bitcast(far, ir.IntType(lanes))
        some = b.icmp_unsigned("!=", mask, ir.Constant(mask.type, 0))
        count = b.select(some, i64(lanes), i64(0))
        with loop(b, count, f"{name}.far", [value]) as lane:
            place = b.trunc(lane.index, i32)
            right = b.call(function, [b.extract_element(x, place)])
            kept = b.extract_element(lane.carried[0], place)
            chosen = b.select(b.extract_element(far, place), right, kept)
            lane.next = [b.insert_element(lane.carried[0], chosen, place)]
        return lane.carried[0]

    def erf(self, x: ir.Value) -> ir.Value:
        """Up to 2 a series of positive terms, above it 1 less a continued fraction."""
        size = self.clamp(self.abs(x), 0.0, 6.5)
        square = self.mul(size, size)
        bell = self.exp(self.b.fneg(square))
        z = self.add(square, square)
        value: ir.Value = self.number(1)
        for k in range(38, 0, -1):
            value = self.add(
                self.number(1), self.mul(self.mul(z, self.number(1 / (2 * k + 1))), value)
            )
        near = self.mul(self.mul(self.number(2 / math.sqrt(math.pi)), size), self.mul(bell, value))
        tail = self.add(size, self.number(0))
        for k in range(40, 0, -1):
            tail = self.add(size, self.div(self.number(k / 2), tail))
        far = self.div(self.mul(bell, self.number(1 / math.sqrt(math.pi))), tail)
        value = self.select(self.is_("<", size, 2.0), near, self.sub(self.number(1), far))
        return self.select(self.nan(x), x, self.signed(value, x))

    def pow(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """e^{y·ln|x|}, the logarithm in two parts; then the cases that C's pow lists."""
        size = self.abs(x)
        n, m = self.parts(size)
        small, rest = self.log_parts(m)
        # n·ln 2 + ln m as total + low; where n is 0, so are the first two terms.
        first = self.mul(n, self.number(_LN2_PARTS[0]))
        second = self.mul(n, self.number(_LN2_PARTS[1]))
        high = self.add(first, second)
        total = self.add(high, small)
        low = self.add(
            self.sub(second, self.sub(high, first)), self.sub(small, self.sub(total, high))
        )
        low = self.add(low, rest)
        total = self.select(self.is_("==", size, 0.0), self.number(-math.inf), total)
        total = self.select(self.is_("==", size, math.inf), size, total)
        low = self.select(self.is_("<", self.abs(total), math.inf), low, self.number(0))
        product, rest = self.product(total, y)
        finite = self.is_("<", self.abs(product), 1e300 if self.wide else 1e38)
        rest = self.select(finite, self.add(rest, self.mul(low, y)), self.number(0))
        value = self.exp(product)
        grown = self.add(value, self.mul(value, rest))
        value = self.select(self.is_("<", self.abs(value), math.inf), grown, value)
        floor = self.e.floor(y)
        whole = self.b.fcmp_ordered("==", floor, y)
        half = self.mul(y, self.number(0.5))
        odd = self.b.and_(whole, self.b.fcmp_ordered("!=", self.e.floor(half), half))
        negative = self.b.icmp_signed("<", self.b.bitcast(x, self.whole), self.integer(0))
        value = self.select(self.b.and_(negative, odd), self.b.fneg(value), value)
        below = self.b.and_(self.is_("<", x, 0.0), self.is_("<", size, math.inf))
        between = self.b.and_(below, self.b.not_(whole))
        between = self.b.and_(between, self.is_("<", self.abs(y), math.inf))
        value = self.select(between, self.number(math.nan), value)
        value = self.select(self.nan(x), x, self.select(self.nan(y), y, value))
        ends = self.b.and_(self.is_("==", size, 1.0), self.is_("==", self.abs(y), math.inf))
        one = self.b.or_(self.b.or_(self.is_("==", x, 1.0), self.is_("==", y, 0.0)), ends)
        return self.select(one, self.number(1), value)

    def product(self, x: ir.Value, y: ir.Value) -> tuple[ir.Value, ir.Value]:
        """x·y as a sum of two numbers, by halves of the fraction (Dekker)."""
        p = self.mul(x, y)
        x1, x2 = self.halves(x)
        y1, y2 = self.halves(y)
        rest = self.sub(self.mul(x1, y1), p)
        rest = self.add(self.add(rest, self.mul(x1, y2)), self.mul(x2, y1))
        return p, self.add(rest, self.mul(x2, y2))

    def halves(self, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The upper half of the fraction, whose square is exact, and the rest."""
        mask = self.integer(-(1 << (27 if self.wide else 12)))
        high = self.b.bitcast(self.b.and_(self.b.bitcast(x, self.whole), mask), self.kind)
        return high, self.sub(x, high)


class _Widened:
    """A float32 function computed in float64 and rounded: the rare ones, where it is simplest."""

    def __init__(self, e: Any):
        self.builder, self.name, self.dtype = e.builder, e.name, float64
        self.floor, self.sqrt = e.floor, e.sqrt


def plain(name: str, kind: type[Math] = Math) -> Any:
    """The emitter of a function that computes in the dtype of its inputs."""

    def emit(e: Any, *inputs: ir.Value) -> ir.Value:
        return getattr(kind(e, inputs[0]), name)(*inputs)

    return emit


def _in_double(name: str, *more: int) -> Any:
    def emit(e: Any, *inputs: ir.Value) -> ir.Value:
        goal = inputs[0].type
        if e.dtype.itemsize == 8:
            return getattr(Math(e, inputs[0]), name)(*inputs, *more)
        double: ir.Type = ir.DoubleType()
        if isinstance(goal, ir.VectorType):
            double = ir.VectorType(double, goal.count)
        wide = [e.builder.fpext(x, double) for x in inputs]
        value = getattr(Math(_Widened(e), wide[0]), name)(*wide, *more)
        return e.builder.fptrunc(value, goal)

    return emit


TABLE = {
    **{
        name: plain(name)
        for name in ("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus")
    },
    "erf": _in_double("erf"),
    "sinh": plain("sinh"),
    "cosh": plain("cosh"),
    "sin": _in_double("shifted", 0),
    "cos": _in_double("shifted", 1),
    "pow": _in_double("pow"),
}
