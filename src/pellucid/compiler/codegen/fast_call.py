"""`enter`: the way in for calls that look like an earlier one, from Python's own objects.

    i64 enter(list arrays, i64 *expected, ptr slots, i64 rows, i64 now)

Reads each array object where CPython and NumPy keep its parts, compares it with what is expected,
puts its address into the table of `slots` and, with `now`, runs the program. A few nanoseconds an
array, where Python takes half a microsecond. The caller holds the interpreter lock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.program import STATUS

FAST_CALL = "enter"
DONE, REFUSED, OTHER = 0, 1, 2  # the program ran; a kernel refused a number; nothing was done

# Bytes behind the head of an object. The layouts are those of the C interfaces, which are stable.
OBJECT_HEADER = object.__basicsize__
ITEMS = OBJECT_HEADER + 8  # of a list
DATA, AXES, DIMS, DESCR, FLAGS = (OBJECT_HEADER + n for n in (0, 8, 16, 40, 48))  # of an array
_GOOD = 0x1 | 0x100  # in C order; aligned


def expectation(arrays: Sequence[tuple[int, int, tuple[int, ...]]]) -> ctypes.Array[ctypes.c_int64]:
    """What `enter` expects: of each array its slot, the address of its dtype, its shape."""
    words = [len(arrays)]
    for slot, dtype, shape in arrays:
        words += [slot, dtype, len(shape), *shape]
    return (ctypes.c_int64 * len(words))(*words)


def fast_call(module: ir.Module, run: ir.Function) -> None:
    """Adds the function to a module whose entry is `run`."""
    word, pointer = ir.IntType(64), ir.PointerType()
    kind = ir.FunctionType(word, [pointer, pointer, pointer, word, word])
    function = ir.Function(module, kind, FAST_CALL)
    given, expected, slots, rows, now = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))

    def read(base: ir.Value, offset: int, kind: ir.Type) -> ir.Value:
        place = b.gep(base, [i64(offset)], source_etype=ir.IntType(8))
        return b.load(place, typ=kind)

    def item(base: ir.Value, number: ir.Value, kind: ir.Type) -> ir.Value:
        return b.load(b.gep(base, [number], source_etype=kind), typ=kind)

    yes = ir.Constant(ir.IntType(1), 1)
    items = read(given, ITEMS, pointer)
    with loop(b, item(expected, i64(0), word), "array", [i64(1), yes]) as one:
        at, fits = one.carried
        array = item(items, one.index, pointer)
        slot, dtype, axes = (item(expected, b.add(at, i64(n)), word) for n in range(3))
        flags = b.and_(read(array, FLAGS, ir.IntType(32)), ir.Constant(ir.IntType(32), _GOOD))
        same = b.and_(
            b.icmp_signed("==", read(array, DESCR, word), dtype),
            b.icmp_signed("==", b.zext(read(array, AXES, ir.IntType(32)), word), axes),
        )
        same = b.and_(same, b.icmp_signed("==", flags, ir.Constant(ir.IntType(32), _GOOD)))
        dims, shape = read(array, DIMS, pointer), b.add(at, i64(3))
        with loop(b, b.select(same, axes, i64(0)), "axis", [same]) as axis:
            wanted = item(expected, b.add(shape, axis.index), word)
            equal = b.icmp_signed("==", item(dims, axis.index, word), wanted)
            axis.next = [b.and_(axis.carried[0], equal)]
        address = read(array, DATA, pointer)
        b.store(address, b.gep(slots, [slot], source_etype=pointer))
        one.next = [b.add(shape, axes), b.and_(fits, axis.carried[0])]
    with b.if_then(b.not_(one.carried[1])):
        b.ret(i64(OTHER))
    with b.if_then(b.icmp_signed("==", now, i64(0))):
        b.ret(i64(DONE))
    b.call(run, [slots, rows, i64(1), i64(0), i64(1)])
    status = item(slots, i64(STATUS), pointer)
    refused = b.load(status, typ=word)
    b.store(i64(0), status)
    b.ret(b.select(b.icmp_signed("==", refused, i64(0)), i64(DONE), i64(REFUSED)))
