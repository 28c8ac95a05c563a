"""One pass over a result in row-major order, a vector at a time, shared among the threads.

Axes that every tensor walks alike run as one loop. The body is emitted for a whole vector and,
where the innermost length leaves a rest, once more under a mask. Lines that are shorter than a
vector, such as a few channels with a bias each, run on as one: what repeats in each line is laid
out beforehand for as many lines as whole vectors take.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pellucid.compiler.codegen.layout import merged
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, loop, nest
from pellucid.compiler.codegen.scope import Operand, Scope
from pellucid.core.shapes import Dim

# (offset of each tensor, whether it repeats in the vector, vector width or None, mask or None)
Emit = Callable[..., None]
_VECTORS = 4  # the most that one round of short lines takes
_ROOM = 128  # bytes of a vector, at most, with room for wider elements


def sweep(
    scope: Scope,
    shape: Sequence[Dim],
    walks: Sequence[Sequence[Dim]],
    width: int,
    elements: Dim,
    emit: Emit,
    repeated: Sequence[Operand] = (),
) -> None:
    """Calls `emit` for all of `shape`.

    Args:
        walks: for each tensor, its strides along `shape`.
        width: lanes of a vector, a power of two. Where a tensor's innermost stride is neither 0 nor
            1, elements go one by one.
        elements: how many elements the kernel computes; a few are left to one thread.
        repeated: the first tensors, where `emit` takes others in their place as a last argument.
    """
    b = scope.builder
    dims, steps = merged(shape, walks)
    if repeated and _short(scope, dims, steps, width):
        _run_on(scope, dims, steps, width, elements, emit, repeated)
        return
    if not dims:
        with b.if_then(scope.first_thread()):
            emit([i64(0)] * len(walks), [True] * len(walks), None, None)
        return
    increments = [[None if step == 0 else scope.dim(step) for step in walk] for walk in steps]
    length = scope.dim(dims[-1])
    vectors = all(walk[-1] in (0, 1) for walk in steps)
    lengths = [scope.dim(dim) for dim in dims[:-1]]
    first, last = i64(0), length
    starts: list[ir.Value] = [i64(0) for _ in walks]
    if lengths:
        begin, end = scope.share(lengths[0], elements)
        lengths[0] = b.sub(end, begin)
        starts = [
            i64(0) if increment[0] is None else b.mul(begin, increment[0])
            for increment in increments
        ]
    elif vectors:
        blocks = b.udiv(b.add(length, i64(width - 1)), i64(width))
        begin, end = scope.share(blocks, elements)
        first, last = b.mul(begin, i64(width)), b.mul(end, i64(width))
        last = b.select(b.icmp_signed("<", last, length), last, length)
    else:
        first, last = scope.share(length, elements)
    repeats = [walk[-1] == 0 for walk in steps]
    inner = [increment[-1] for increment in increments]

    def at(offsets: Sequence[ir.Value], place: ir.Value) -> list[ir.Value]:
        return [
            offset if step is None else b.add(offset, place if vectors else b.mul(place, step))
            for offset, step in zip(offsets, inner, strict=True)
        ]

    with nest(
        b, lengths, [increment[:-1] for increment in increments], f"{scope.name}.i", starts
    ) as row:
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


def _short(scope: Scope, dims: Sequence[Dim], steps: Sequence[Sequence[Dim]], width: int) -> bool:
    """Whether these are short lines that can run on: each tensor goes on, repeats or stands still.

    Masks must cost nothing, since the last vector may end anywhere.
    """
    if scope.vector_bytes != 64 or len(dims) != 2 or not isinstance(dims[1], int):
        return False
    long = dims[1]
    whole = math.lcm(long, width)
    known = {(long, 1), (0, 1), (0, 0)}
    return long < width and whole // width <= _VECTORS and all(tuple(s) in known for s in steps)


def _run_on(
    scope: Scope,
    dims: Sequence[Dim],
    steps: Sequence[Sequence[Dim]],
    width: int,
    elements: Dim,
    emit: Emit,
    repeated: Sequence[Operand],
) -> None:
    b, long = scope.builder, dims[1]
    assert isinstance(long, int)
    round_ = math.lcm(long, width)
    count = b.mul(scope.dim(dims[0]), i64(long))
    laid = [
        _laid_out(scope, operand, long, round_, number) if tuple(step) == (0, 1) else operand
        for number, (operand, step) in enumerate(zip(repeated, steps, strict=False))
    ]
    begin, end = scope.share(groups(b, count, round_), elements)
    repeats = [step[1] == 0 for step in steps]
    with loop(b, b.sub(end, begin), f"{scope.name}.r") as one:
        first = b.mul(b.add(begin, one.index), i64(round_))
        for place in range(0, round_, width):
            at = b.add(first, i64(place))
            offsets = [at if step[0] else i64(place if step[1] else 0) for step in steps]
            left = b.sub(count, at)
            left = b.select(b.icmp_signed(">", left, i64(0)), left, i64(0))
            emit(offsets, repeats, width, scope.mask(left, width), laid)


def _laid_out(scope: Scope, operand: Operand, long: int, round_: int, number: int) -> Operand:
    """A line repeated until it fills whole vectors, in the thread's own room."""
    b = scope.builder
    size = i64(number * _VECTORS * _ROOM)
    room = b.gep(scope.scratch, [size], inbounds=True, source_etype=ir.IntType(8))
    copy = Operand(room, operand.type)
    with loop(b, i64(round_), f"{scope.name}.l") as one:
        value = scope.load(operand, b.urem(one.index, i64(long)))
        scope.store(value, one.index, copy)
    return copy


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
