"""Inverse trigonometric and hyperbolic functions, written as those of `mathfn.py` are."""

from __future__ import annotations

import math

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.mathfn import Math, plain

# π/2 in two parts of float64, and of float32.
_WIDE = (math.pi / 2, 6.123233995736766e-17)
_NARROW = (1.5707963705062866, -4.371139000186241e-08)
_EIGHTH = math.sqrt(2) - 1  # tan(π/8)


def _arcsine(terms: int) -> list[float]:
    """Coefficients of asin s = s + s·z·Σ cₖzᵏ with z = s²."""
    return [
        math.factorial(2 * k) / (4**k * math.factorial(k) ** 2 * (2 * k + 1))
        for k in range(1, terms + 1)
    ]


class _Inverse(Math):
    @property
    def quarter(self) -> tuple[float, float]:
        """π/2 in two parts of the type."""
        return _WIDE if self.wide else _NARROW

    def from_quarter(self, x: ir.Value) -> ir.Value:
        """π/2 - x."""
        high, low = self.quarter
        return self.add(self.sub(self.number(high), x), self.number(low))

    def arc(self, t: ir.Value) -> ir.Value:
        """atan t for t in [0, 1]: above tan(π/8) it is π/4 + atan of (t - 1) / (t + 1)."""
        far = self.is_(">", t, _EIGHTH)
        turned = self.div(self.sub(t, self.number(1)), self.add(t, self.number(1)))
        s = self.select(far, turned, t)
        z = self.mul(s, s)
        series = [(-1) ** k / (2 * k + 1) for k in range(1, 22 if self.wide else 11)]
        tail = self.mul(s, self.mul(z, self.polynomial(z, series)))
        high, low = (part / 2 for part in self.quarter)
        beyond = self.add(self.number(high), self.add(s, self.add(tail, self.number(low))))
        return self.select(far, beyond, self.add(s, tail))

    def atan(self, x: ir.Value) -> ir.Value:
        """Above 1 it is π/2 - atan of 1 / x."""
        size = self.abs(x)
        steep = self.is_(">", size, 1.0)
        value = self.arc(self.select(steep, self.div(self.number(1), size), size))
        return self.signed(self.select(steep, self.from_quarter(value), value), x)

    def atan2(self, y: ir.Value, x: ir.Value) -> ir.Value:
        """atan of the smaller by the larger, then the octant."""
        b, up, along = self.b, self.abs(y), self.abs(x)
        steep = b.fcmp_ordered(">", up, along)
        small, large = self.select(steep, along, up), self.select(steep, up, along)
        t = self.select(self.is_("==", large, 0.0), large, self.div(small, large))
        t = self.select(self.is_("==", small, math.inf), self.number(1), t)
        value = self.arc(t)
        left = b.icmp_signed("<", b.bitcast(x, self.whole), self.integer(0))  # -0.0 too
        (high, low), none = self.quarter, self.number(0)
        flat = self.select(left, self.number(2 * high), none)
        rest = self.select(left, self.number(2 * low), none)
        high_part = self.select(steep, self.number(high), flat)
        low_part = self.select(steep, self.number(low), rest)
        back = b.xor(steep, left)
        value = self.select(back, self.b.fneg(value), value)
        value = self.signed(self.add(high_part, self.add(low_part, value)), y)
        return self.select(b.fcmp_unordered("uno", x, y), self.add(x, y), value)

    def half_arc(self, x: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value, ir.Value]:
        """Whether |x| ≤ ½; then s = |x|, else s = √z with z = (1 - |x|) / 2; z; and asin s - s.

        sin(π/2 - 2a) = 1 - 2·sin²a, so above ½ asin |x| is π/2 - 2·asin s.
        """
        size = self.abs(x)
        near = self.is_("<=", size, 0.5)
        left = self.mul(self.sub(self.number(1), size), self.number(0.5))
        z = self.select(near, self.mul(size, size), left)
        s = self.select(near, size, self.e.sqrt(z))
        tail = self.mul(s, self.mul(z, self.polynomial(z, _arcsine(26 if self.wide else 11))))
        return near, s, z, tail

    def asin(self, x: ir.Value) -> ir.Value:
        near, s, z, tail = self.half_arc(x)
        # π/4 - ((2·tail + 2·(s - w)) - (π/4 - 2w)), w the upper half of s: s - w from z = s².
        high, low = self.quarter
        w, _ = self.halves(s)
        both = self.select(self.is_("==", s, 0.0), self.number(1), self.add(s, w))
        rest = self.div(self.sub(z, self.mul(w, w)), both)
        twice = self.add(self.add(tail, tail), self.add(rest, rest))
        upper = self.sub(self.number(high / 2), self.add(w, w))
        beyond = self.add(self.number(high / 2), self.sub(upper, self.sub(twice, self.number(low))))
        return self.signed(self.select(near, self.add(s, tail), beyond), x)

    def acos(self, x: ir.Value) -> ir.Value:
        near, s, _, tail = self.half_arc(x)
        arc = self.add(s, tail)
        middle = self.from_quarter(self.signed(arc, x))
        twice = self.add(arc, arc)
        obtuse = self.from_quarter(arc)
        beyond = self.select(self.is_("<", x, 0.0), self.add(obtuse, obtuse), twice)
        return self.select(near, middle, beyond)

    def _large(self, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Whether 1 is lost beside x²; and ln 2x."""
        large = self.is_(">", x, 2.0**28 if self.wide else 2.0**13)
        return large, self.add(self.log(x), self.number(math.log(2)))

    def asinh(self, x: ir.Value) -> ir.Value:
        """ln(1 + t) with t = |x| + x² / (1 + √(1 + x²))."""
        size = self.abs(x)
        square = self.mul(size, size)
        root = self.e.sqrt(self.add(square, self.number(1)))
        t = self.add(size, self.div(square, self.add(root, self.number(1))))
        large, far = self._large(size)
        value = self.signed(self.select(large, far, self.log1p(t)), x)
        return self.select(self.nan(x), x, value)

    def acosh(self, x: ir.Value) -> ir.Value:
        """ln(1 + t + √(2t + t²)) with t = x - 1."""
        t = self.sub(x, self.number(1))
        root = self.e.sqrt(self.add(self.add(t, t), self.mul(t, t)))
        large, far = self._large(x)
        value = self.select(large, far, self.log1p(self.add(t, root)))
        return self.select(self.is_("<", x, 1.0), self.number(math.nan), value)

    def atanh(self, x: ir.Value) -> ir.Value:
        """ln(1 + 2t / (1 - t)) / 2 with t = |x|."""
        size = self.abs(x)
        ratio = self.div(self.add(size, size), self.sub(self.number(1), size))
        return self.signed(self.mul(self.number(0.5), self.log1p(ratio)), x)


TABLE = {
    name: plain(name, _Inverse)
    for name in ("atan", "asin", "acos", "asinh", "acosh", "atanh", "atan2")
}
