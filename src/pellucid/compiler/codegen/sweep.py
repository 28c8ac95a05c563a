"""One pass over a result in row-major order, a vector at a time, shared among the threads.

Axes that every tensor walks alike run as one loop. The body is emitted for a whole vector and,
where the innermost length leaves a rest, once more under a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pellucid.compiler.codegen.layout import merged
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, loop, nest
from pellucid.compiler.codegen.scope import Scope
from pellucid.core.shapes import Dim

# (offset of each tensor, whether it repeats in the vector, vector width or None, mask or None)
Emit = Callable[..., None]


def sweep(
    scope: Scope,
    shape: Sequence[Dim],
    walks: Sequence[Sequence[Dim]],
    width: int,
    elements: Dim,
    emit: Emit,
) -> None:
    """Calls `emit` for all of `shape`.

    Args:
        walks: for each tensor, its strides along `shape`.
        width: lanes of a vector, a power of two. Where a tensor's innermost stride is neither 0 nor
            1, elements go one by one.
        elements: how many elements the kernel computes; a few are left to one thread.
    """
    b = scope.builder
    dims, steps = merged(shape, walks)
    if not dims:
        with b.if_then(scope.first_thread()):
            emit([i64(0)] * len(walks), [True] * len(walks), None, None)
        return
    moves = [[None if step == 0 else scope.dim(step) for step in walk] for walk in steps]
    length = scope.dim(dims[-1])
    vectors = all(walk[-1] in (0, 1) for walk in steps)
    lengths = [scope.dim(dim) for dim in dims[:-1]]
    first, last = i64(0), length
    starts: list[ir.Value] = [i64(0) for _ in walks]
    if lengths:
        begin, end = scope.share(lengths[0], elements)
        lengths[0] = b.sub(end, begin)
        starts = [i64(0) if move[0] is None else b.mul(begin, move[0]) for move in moves]
    elif vectors:
        blocks = b.udiv(b.add(length, i64(width - 1)), i64(width))
        begin, end = scope.share(blocks, elements)
        first, last = b.mul(begin, i64(width)), b.mul(end, i64(width))
        last = b.select(b.icmp_signed("<", last, length), last, length)
    else:
        first, last = scope.share(length, elements)
    repeats = [walk[-1] == 0 for walk in steps]
    inner = [move[-1] for move in moves]

    def at(offsets: Sequence[ir.Value], place: ir.Value) -> list[ir.Value]:
        return [
            offset if step is None else b.add(offset, place if vectors else b.mul(place, step))
            for offset, step in zip(offsets, inner, strict=True)
        ]

    with nest(b, lengths, [move[:-1] for move in moves], f"{scope.name}.i", starts) as row:
        span = b.sub(last, first)
        if not vectors:
            with loop(b, span, f"{scope.name}.e") as one:
                emit(at(row.offsets, b.add(first, one.index)), repeats, None, None)
            return
        if scope.vector_bytes == 64 and not (isinstance(dims[-1], int) and dims[-1] % width == 0):
            # Masks cost nothing here: one body serves whole vectors and the rest.
            blocks = b.ashr(b.add(span, i64(width - 1)), i64(width.bit_length() - 1))
            with loop(b, blocks, f"{scope.name}.v") as block:
                done = b.mul(block.index, i64(width))
                mask = scope.mask(b.sub(span, done), width)
                emit(at(row.offsets, b.add(first, done)), repeats, width, mask)
            return
        short = isinstance(dims[-1], int) and dims[-1] < width
        if not short:
            blocks = b.ashr(span, i64(width.bit_length() - 1))
            with loop(b, blocks, f"{scope.name}.v") as block:
                place = b.add(first, b.mul(block.index, i64(width)))
                emit(at(row.offsets, place), repeats, width, None)
        if isinstance(dims[-1], int) and dims[-1] % width == 0:
            return
        rest = b.and_(span, i64(width - 1))
        with b.if_then(b.icmp_signed(">", rest, i64(0))):
            emit(at(row.offsets, b.sub(last, rest)), repeats, width, scope.mask(rest, width))


def across(
    scope: Scope, columns: ir.Value, even: bool, width: int, emit: Callable[..., None]
) -> None:
    """Whole vectors of a row, then what is left of it; nothing, where columns come out even.

    Args:
        emit: gets the first column, the lanes or None for one element, and a mask or None.
    """
    b = scope.builder
    if scope.vector_bytes == 64 and not even:  # masks cost nothing here: one body serves both
        with loop(b, groups(b, columns, width), "column") as block:
            done = b.mul(block.index, i64(width))
            emit(done, width, scope.mask(b.sub(columns, done), width))
        return
    with loop(b, b.udiv(columns, i64(width)), "column") as block:
        emit(b.mul(block.index, i64(width)), width, None)
    if even:
        return
    rest = b.and_(columns, i64(width - 1))
    done = b.sub(columns, rest)
    if not scope.target.masks:
        with loop(b, rest, "rest") as one:
            emit(b.add(done, one.index), None, None)
        return
    with b.if_then(b.icmp_signed(">", rest, i64(0))):
        emit(done, width, scope.mask(rest, width))
