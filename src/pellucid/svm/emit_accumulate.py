"""F += Σ_s coefficient_s · row_s as machine code: `reference.accumulate`, bit for bit.

Several rows are read side by side for a stretch of F that stays in the nearest cache, so that F
costs little beside the rows. Each number of F takes its terms in the order of s.
"""

from __future__ import annotations

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.routine import Body, Routine, begin
from pellucid.compiler.codegen.target import Target
from pellucid.core.dtypes import DType
from pellucid.svm.emit_vectors import VECTORS, Block, Vectors

ROUTINE = Routine("accumulate", ("prows", "pcoefficients", "lcount", "pF", "lcolumn", "llength"))
STRETCH = 1024  # numbers of F
SIDE_BY_SIDE = 8  # rows at a time


def emit(target: Target, dtype: DType) -> ir.Module:
    """The module for kernel rows of a dtype."""
    module = ir.Module("accumulate")
    module.triple = target.triple
    body = begin(module, ROUTINE)
    b, given = body.builder, body.arguments
    v, count = Vectors(b, dtype), given["count"]
    first, last = body.share(groups(b, given["length"], STRETCH))
    with loop(b, b.sub(last, first), "stretch") as one:
        start = b.mul(b.add(first, one.index), i64(STRETCH))
        length = least(b, i64(STRETCH), b.sub(given["length"], start))
        several = b.sdiv(count, i64(SIDE_BY_SIDE))
        with loop(b, several, "rows") as part:
            _add(v, body, b.mul(part.index, i64(SIDE_BY_SIDE)), SIDE_BY_SIDE, start, length)
        done = b.mul(several, i64(SIDE_BY_SIDE))
        with loop(b, b.sub(count, done), "row") as part:
            _add(v, body, b.add(done, part.index), 1, start, length)
    b.ret_void()
    return module


def _add(
    v: Vectors, body: Body, first: ir.Value, rows: int, start: ir.Value, length: ir.Value
) -> None:
    """Adds some rows to a stretch of F."""
    b, given = v.b, body.arguments
    F = v.at(given["F"], start)
    lines, weights = [], []
    for row in range(rows):
        number = b.add(first, i64(row))
        address = b.load(v.at(given["rows"], number), typ=ir.PointerType())
        lines.append(v.at(address, b.add(given["column"], start), v.dtype))
        weights.append(v.all(v.one(given["coefficients"], number)))

    def numbers(block: Block, carried: list[ir.Value]) -> list[ir.Value]:
        for vector in range(VECTORS):
            value = v.load(F, block, vector)
            for line, weight in zip(lines, weights, strict=True):
                value = b.fadd(value, b.fmul(weight, v.kernels(line, block, vector)))
            v.store(value, F, block, vector)
        return []

    v.blocks(length, [], numbers, "numbers")
