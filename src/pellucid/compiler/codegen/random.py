"""Random rows: the same bits as `runtime/extras.py`, number for number.

Philox-4×32-10 gives four words a block; word e of a stream belongs to block e ÷ 4. A 64-bit float
takes two words, so a block gives two of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from pellucid.compiler.codegen.layout import register_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.scalars import TABLE, Element, intrinsic
from pellucid.compiler.codegen.scope import Scope, constant
from pellucid.compiler.codegen.shuffle import philox, round_keys
from pellucid.core import shapes
from pellucid.core.dtypes import float64
from pellucid.core.quantile import CENTRE, MIDDLE, TAIL, stream_hash

_LOW = 0xFFFFFFFF
Words = Sequence[Any]  # of 32 bits, held in 64


def _stream(scope: Scope, each: int, element: Callable[[Words], ir.Value]) -> None:
    """Writes every element of the result from `each` words of its own."""
    b = scope.builder
    seed, step, *rest = (_whole(scope, number) for number in range(len(scope.inputs)))
    key = b.xor(i64(stream_hash(scope.attr("stream"))), b.lshr(seed, i64(32)))
    keys = round_keys(b, b.and_(seed, i64(_LOW)), key)
    high = [b.and_(step, i64(_LOW)), b.lshr(step, i64(32))]
    count = shapes.size(scope.head.type.shape)
    n, a_block = scope.dim(count), 4 // each
    first = rest[0] if rest else i64(0)
    skipped = b.urem(first, i64(a_block))  # elements of the first block before the first of ours
    blocks = b.udiv(b.add(b.add(n, skipped), i64(a_block - 1)), i64(a_block))
    begin, end = scope.share(blocks, count)
    with loop(b, b.sub(end, begin), f"{scope.name}.block") as one:
        own = b.add(begin, one.index)
        block = b.add(b.udiv(first, i64(a_block)), own)
        counter = [b.and_(block, i64(_LOW)), b.lshr(block, i64(32)), *high]
        words = philox(b, counter, keys)
        for number in range(a_block):
            place = b.sub(b.add(b.mul(own, i64(a_block)), i64(number)), skipped)
            # An element before the first is a large number without its sign.
            with b.if_then(b.icmp_unsigned("<", place, n)):
                scope.store(element(words[number * each : (number + 1) * each]), place)


def _whole(scope: Scope, number: int) -> ir.Value:
    """Seed, step or first as 64 bits; one below 0 is reported."""
    b, operand = scope.builder, scope.inputs[number]
    value = scope.load(operand, i64(0))
    signed = operand.type.dtype.kind == "i"
    if value.type.width < 64:
        value = (b.sext if signed else b.zext)(value, ir.IntType(64))
    if signed:
        scope.fail(b.icmp_signed("<", value, i64(0)), value)
    return value


def random_bits(scope: Scope) -> None:
    """A word an element."""
    _stream(scope, 1, lambda words: scope.builder.trunc(words[0], ir.IntType(32)))


def _joined(b: ir.IRBuilder, words: Words, first: int, second: int) -> ir.Value:
    """Two words without their lowest bits, one behind the other."""
    high = b.shl(b.lshr(words[0], i64(first)), i64(26))
    return b.or_(high, b.lshr(words[1], i64(second)))


def uniform(scope: Scope) -> None:
    """k·2⁻²⁴ of 24 bits, or k·2⁻⁵³ of 53: exact."""
    b, dtype = scope.builder, scope.out.type.dtype
    kind = register_type(dtype)
    if dtype.itemsize == 4:
        _stream(
            scope,
            1,
            lambda words: b.fmul(
                b.uitofp(b.lshr(words[0], i64(8)), kind), constant(kind, dtype, 2.0**-24)
            ),
        )
    else:
        _stream(
            scope,
            2,
            lambda words: b.fmul(
                b.uitofp(_joined(b, words, 5, 6), kind), constant(kind, dtype, 2.0**-53)
            ),
        )


def normal(scope: Scope) -> None:
    """The normal quantile of (k + ½)·2⁻⁵² for 52 bits k."""
    b, dtype = scope.builder, scope.out.type.dtype

    def element(words: Words) -> ir.Value:
        value = _quantile(scope, _joined(b, words, 6, 6))
        return TABLE["cast"](Element(b, scope.name, (float64,)), value, dtype=dtype)

    _stream(scope, 2, element)


def _number(value: float) -> ir.Constant:
    return constant(ir.DoubleType(), float64, value)


def _rational(
    b: ir.IRBuilder, table: tuple[tuple[float, ...], tuple[float, ...]], r: ir.Value
) -> ir.Value:
    top, bottom = table
    above: ir.Value = _number(top[-1])
    below: ir.Value = _number(bottom[-1])
    for a, c in zip(top[-2::-1], bottom[-2::-1], strict=True):
        above = b.fadd(b.fmul(above, r), _number(a))
        below = b.fadd(b.fmul(below, r), _number(c))
    return b.fdiv(above, below)


def _log(b: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """ln x for 0 < x < 1, in the order of operations that every executor keeps."""
    bits = b.bitcast(x, ir.IntType(64))
    power = b.sub(b.lshr(bits, i64(52)), i64(1022))
    half = b.or_(b.and_(bits, i64((1 << 52) - 1)), i64(1022 << 52))
    mantissa = b.bitcast(half, ir.DoubleType())
    small = b.fcmp_ordered("<", mantissa, _number(math.sqrt(0.5)))
    mantissa = b.select(small, b.fmul(mantissa, _number(2)), mantissa)
    power = b.sub(power, b.zext(small, ir.IntType(64)))
    s = b.fdiv(b.fsub(mantissa, _number(1)), b.fadd(mantissa, _number(1)))
    square = b.fmul(s, s)
    series: ir.Value = _number(1 / 25)
    for odd in range(23, 0, -2):
        series = b.fadd(b.fmul(series, square), _number(1 / odd))
    first = b.fmul(b.sitofp(power, ir.DoubleType()), _number(0.6931471805599453))
    return b.fadd(first, b.fmul(b.fmul(_number(2), s), series))


def _quantile(scope: Scope, bits: ir.Value) -> ir.Value:
    b = scope.builder
    double = ir.DoubleType()
    p = b.fmul(b.fadd(b.uitofp(bits, double), _number(0.5)), _number(2.0**-52))
    q = b.fsub(p, _number(0.5))
    size = intrinsic(b, "fabs", double, q)
    central = b.fcmp_ordered("<=", size, _number(0.425))
    other = b.fsub(_number(1), p)
    least = b.select(b.fcmp_ordered("<", p, other), p, other)
    r = intrinsic(b, "sqrt", double, b.fneg(_log(b, least)))
    middle = _rational(b, MIDDLE, b.fsub(r, _number(1.6)))
    tail = _rational(b, TAIL, b.fsub(r, _number(5)))
    outer = b.select(b.fcmp_ordered("<=", r, _number(5)), middle, tail)
    inner = b.fmul(q, _rational(b, CENTRE, b.fsub(_number(0.180625), b.fmul(q, q))))
    below = b.fcmp_ordered("<", q, _number(0))
    return b.select(central, inner, b.select(below, b.fneg(outer), outer), scope.name)
