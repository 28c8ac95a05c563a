"""A random order of n rows: `shuffle(ptr order, i64 n, i64 counter, i64 high, i64 key0, i64 key1)`.

The same as `data.minibatch.order` writes with NumPy, number for number: Philox-4×32-10 gives a
word a row, and row i takes a random place among the rows 0 … i.
"""

from __future__ import annotations

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop

SHUFFLE = "shuffle"
_LOW = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)


def shuffle(module: ir.Module) -> ir.Function:
    """Adds the entry to the module."""
    pointer, number = ir.PointerType(), ir.IntType(64)
    kind = ir.FunctionType(ir.VoidType(), [pointer, *[number] * 5])
    function = ir.Function(module, kind, SHUFFLE)
    b = ir.IRBuilder(function.append_basic_block("entry"))
    order, n, counter, high, key0, key1 = function.args
    words = b.alloca(number, 4)
    keys = round_keys(b, key0, key1)
    with loop(b, b.lshr(b.add(n, i64(3)), i64(2)), "block") as block:
        low = b.and_(block.index, i64(_LOW))
        for lane, word in enumerate(
            philox(b, [low, b.lshr(block.index, i64(32)), counter, high], keys)
        ):
            b.store(word, b.gep(words, [i64(lane)]))
        first = b.shl(block.index, i64(2))
        left = b.sub(n, first)
        with loop(b, b.select(b.icmp_signed("<", left, i64(4)), left, i64(4)), "row") as one:
            row = b.add(first, one.index)
            word = b.load(b.gep(words, [one.index]))
            place = b.lshr(b.mul(word, b.add(row, i64(1))), i64(32))
            there = b.gep(order, [place], source_etype=number)
            b.store(b.load(there, typ=number), b.gep(order, [row], source_etype=number))
            b.store(row, there)
    b.ret_void()
    return function


def round_keys(b: ir.IRBuilder, key0: ir.Value, key1: ir.Value) -> list[tuple[ir.Value, ir.Value]]:
    """The keys of the ten rounds."""
    found = []
    for _ in range(10):
        found.append((key0, key1))
        key0 = b.and_(b.add(key0, i64(_WEYL[0])), i64(_LOW))
        key1 = b.and_(b.add(key1, i64(_WEYL[1])), i64(_LOW))
    return found


def philox(
    b: ir.IRBuilder, counter: list[ir.Value], keys: list[tuple[ir.Value, ir.Value]]
) -> list[ir.Value]:
    """Four words of 32 bits, held in 64."""
    x0, x1, x2, x3 = counter
    for key0, key1 in keys:
        p0, p1 = b.mul(x0, i64(_MULTIPLIERS[0])), b.mul(x2, i64(_MULTIPLIERS[1]))
        x0 = b.xor(b.xor(b.lshr(p1, i64(32)), x1), key0)
        x2 = b.xor(b.xor(b.lshr(p0, i64(32)), x3), key1)
        x1, x3 = b.and_(p1, i64(_LOW)), b.and_(p0, i64(_LOW))
    return [x0, x1, x2, x3]
