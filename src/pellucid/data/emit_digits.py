"""Digits of cells as machine code: the first half of `digits.plain_numbers`, letter by letter.

In: a file's bytes, where cells start and how long they are. Out: of each cell the whole number that
its digits make, how many stand behind the mark, how many marks there are, and whether there is
nothing else. `digits.letters` is the same in NumPy.
"""

from __future__ import annotations

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.routine import Routine, begin
from pellucid.compiler.codegen.target import Target

ROUTINE = Routine(
    "digits",
    (
        "pview",
        "pstarts",
        "plengths",
        "pmantissa",
        "pdecimals",
        "pmarks",
        "pgood",
        "lcount",
        "lmark",
    ),
)


def emit(target: Target, widest: int) -> ir.Module:
    """The module; cells of more than `widest` bytes are no numbers, and are not looked at."""
    byte, word = ir.IntType(8), ir.IntType(64)
    module = ir.Module("digits")
    module.triple = target.triple
    body = begin(module, ROUTINE)
    b, given = body.builder, body.arguments
    mark = b.trunc(given["mark"], byte)
    zero, one = ir.Constant(byte, 0), ir.Constant(byte, 1)

    def at(name: str, index: ir.Value, kind: ir.Type) -> ir.Value:
        return b.gep(given[name], [index], inbounds=True, source_etype=kind)

    def letter(place: ir.Value) -> ir.Value:
        return b.load(at("view", place, byte), typ=byte)

    with loop(b, given["count"], "cell") as cell:
        start = b.load(at("starts", cell.index, word), typ=word)
        length = b.load(at("lengths", cell.index, word), typ=word)
        looked_at = b.icmp_signed("<=", length, i64(widest))
        length = b.select(looked_at, length, i64(0))
        some = b.icmp_signed(">", length, i64(0))
        first = letter(b.select(some, start, i64(0)))
        is_sign = b.or_(
            b.icmp_unsigned("==", first, ir.Constant(byte, 45)),
            b.icmp_unsigned("==", first, ir.Constant(byte, 43)),
        )
        signed = b.zext(b.and_(is_sign, some), word)
        begun = b.add(start, signed)
        size = b.sub(length, signed)
        initial = [i64(0), zero, zero, one]
        with loop(b, size, "letter", initial) as each:
            mantissa, decimals, marks, good = each.carried
            found = letter(b.add(begun, each.index))
            digit = b.sub(found, ir.Constant(byte, 48))
            is_digit = b.icmp_unsigned("<", digit, ir.Constant(byte, 10))
            is_mark = b.icmp_unsigned("==", found, mark)
            larger = b.add(b.mul(mantissa, i64(10)), b.zext(digit, word))
            behind = b.zext(b.icmp_unsigned("!=", marks, zero), byte)
            each.next = [
                b.select(is_digit, larger, mantissa),
                b.add(decimals, behind),
                b.add(marks, b.zext(is_mark, byte)),
                b.and_(good, b.zext(b.or_(is_digit, is_mark), byte)),
            ]
        mantissa, decimals, marks, good = each.carried
        whole = b.zext(b.icmp_signed(">", size, i64(0)), byte)
        b.store(mantissa, at("mantissa", cell.index, word))
        b.store(decimals, at("decimals", cell.index, byte))
        b.store(marks, at("marks", cell.index, byte))
        b.store(b.and_(good, whole), at("good", cell.index, byte))
    b.ret_void()
    return module
