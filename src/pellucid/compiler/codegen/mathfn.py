"""Functions without an instruction: exp and log, from + − × ÷ and the bits of a float."""

from __future__ import annotations

import math
from typing import Any

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.scope import constant


def _like(x: ir.Value, element: ir.Type) -> ir.Type:
    return ir.VectorType(element, x.type.count) if isinstance(x.type, ir.VectorType) else element


def _bits(e: Any, x: ir.Value) -> tuple[ir.Type, int, int]:
    """The integer type of a float's size, its number of fraction bits, its exponent's bias."""
    wide = e.dtype.itemsize == 8
    kind = _like(x, ir.IntType(64 if wide else 32))
    return kind, 52 if wide else 23, 1023 if wide else 127


def _whole(kind: ir.Type, value: int) -> ir.Constant:
    if isinstance(kind, ir.VectorType):
        return ir.Constant(kind, [ir.Constant(kind.element, value)] * kind.count)
    return ir.Constant(kind, value)


def _polynomial(e: Any, x: ir.Value, coefficients: list[float]) -> ir.Value:
    b = e.builder
    value: ir.Value = constant(x.type, e.dtype, coefficients[-1])
    for c in coefficients[-2::-1]:
        value = b.fadd(b.fmul(value, x), constant(x.type, e.dtype, c))
    return value


def exp(e: Any, x: ir.Value) -> ir.Value:
    """2ⁿ·eʳ with n the nearest whole number to x / ln 2 and |r| ≤ ln 2 / 2."""
    b = e.builder
    kind, fraction, bias = _bits(e, x)
    wide = e.dtype.itemsize == 8
    low, high = (-746.0, 710.0) if wide else (-104.0, 89.0)

    def number(value: float) -> ir.Constant:
        return constant(x.type, e.dtype, value)

    inside = b.select(b.fcmp_ordered(">", x, number(low)), x, number(low))
    inside = b.select(b.fcmp_ordered("<", inside, number(high)), inside, number(high))
    n = b.fmul(inside, number(1 / math.log(2)))
    magic = number(1.5 * 2.0**fraction)
    n = b.fsub(b.fadd(n, magic), magic)
    first = 0.693145751953125  # ln 2 to 16 bits: n times it is exact
    second = 1.4286068203094172321e-06
    r = b.fsub(b.fsub(inside, b.fmul(n, number(first))), b.fmul(n, number(second)))
    series = [1 / math.factorial(k) for k in range(14 if wide else 8)]
    value = _polynomial(e, r, series)
    whole = b.fptosi(n, kind)
    half = b.ashr(whole, _whole(kind, 1))
    for part in (half, b.sub(whole, half)):
        power = b.shl(b.add(part, _whole(kind, bias)), _whole(kind, fraction))
        value = b.fmul(value, b.bitcast(power, x.type))
    return b.select(b.fcmp_unordered("uno", x, x), x, value, e.name)


def log(e: Any, x: ir.Value) -> ir.Value:
    """ln x = e·ln 2 + 2·artanh((m-1)/(m+1)) with x = m·2ᵉ and m in [√½, √2)."""
    b = e.builder
    kind, fraction, _ = _bits(e, x)
    wide = e.dtype.itemsize == 8

    def number(value: float) -> ir.Constant:
        return constant(x.type, e.dtype, value)

    tiny = 2.0**-1022 if wide else 2.0**-126
    small = b.fcmp_ordered("<", x, number(tiny))
    scaled = b.select(small, b.fmul(x, number(2.0 ** (fraction + 2))), x)
    bits = b.bitcast(scaled, kind)
    root = 0x3FE6A09E667F3BCD if wide else 0x3F3504F3  # √½
    shifted = b.sub(bits, _whole(kind, root))
    power = b.ashr(shifted, _whole(kind, fraction))
    m = b.bitcast(b.sub(bits, b.shl(power, _whole(kind, fraction))), x.type)
    power = b.sub(power, b.select(small, _whole(kind, fraction + 2), _whole(kind, 0)))
    one = number(1)
    s = b.fdiv(b.fsub(m, one), b.fadd(m, one))
    series = [2 / k for k in range(1, 27 if wide else 13, 2)]
    value = b.fmul(s, _polynomial(e, b.fmul(s, s), series))
    n = b.sitofp(power, x.type)
    value = b.fadd(b.fmul(n, number(math.log(2))), value)
    infinity = number(math.inf)
    value = b.select(b.fcmp_ordered("==", x, infinity), x, value)
    value = b.select(b.fcmp_ordered("==", x, number(0)), number(-math.inf), value)
    nan = b.fcmp_unordered("<", x, number(0))
    return b.select(nan, number(math.nan), value, e.name)


TABLE = {"exp": exp, "log": log}
