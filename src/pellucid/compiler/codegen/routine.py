"""Routines: functions of hand-written machine code that are called from Python.

    void name(ptr arguments, i64, i64, i64 thread, i64 threads)

All have the form of a graph's entry, so several threads call one together as they do a graph. The
arguments stand in a table of words, which also takes results. A `Routine` names the words; the
emitter finds them by name, and `runtime/routines.py` fills them from Python's numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64

ADDRESS, WHOLE, REAL = "p", "l", "d"  # an address, int64, float64


@dataclass(frozen=True)
class Routine:
    """A routine's name and the words of its table.

    Args:
        words: letter + name of each: `pF` an address F, `ln` a whole number n, `dgamma` a float64.
    """

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Body:
    """A routine under construction."""

    builder: ir.IRBuilder
    arguments: Mapping[str, ir.Value]
    places: Mapping[str, ir.Value]
    thread: ir.Value
    threads: ir.Value

    def share(self, units: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Begin and end of this thread's part of `units`."""
        b = self.builder
        after = b.add(self.thread, i64(1))
        return (
            b.udiv(b.mul(units, self.thread), self.threads),
            b.udiv(b.mul(units, after), self.threads),
        )


def begin(module: ir.Module, routine: Routine) -> Body:
    """Adds the function, with its arguments loaded; who writes the body ends it with a return."""
    pointer, word = ir.PointerType(), ir.IntType(64)
    kind = ir.FunctionType(ir.VoidType(), [pointer] + [word] * 4)
    function = ir.Function(module, kind, routine.name)
    table, _, _, thread, threads = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    types = {ADDRESS: pointer, WHOLE: word, REAL: ir.DoubleType()}
    arguments, places = {}, {}
    for number, word_name in enumerate(routine.words):
        letter, key = word_name[0], word_name[1:]
        places[key] = b.gep(table, [i64(number)], inbounds=True, source_etype=word)
        arguments[key] = b.load(places[key], name=key, typ=types[letter])
    return Body(b, arguments, places, thread, threads)
