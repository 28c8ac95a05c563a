"""Outputs in place. In: a program with copies at its end. Out: without those that are not needed.

Where the order allows it, the kernel that computes an output writes it straight to its slot, and
the copy goes. For state that slot holds the old value: allowed only behind every read of it.
"""

from __future__ import annotations

from dataclasses import replace

from pellucid.compiler.program import Program, in_step, is_copy


def inplace(program: Program) -> Program:
    """`program` with outputs written where they belong."""
    old_of = {new: old for old, new in program.shared}
    writes, readers = program.writes(), program.readers()
    moved: dict[int, int] = {}  # arena buffer → the output buffer that takes its part
    dropped: set[int] = set()
    for output in program.outputs:
        place = writes[output]
        ending = program.kernels[place]
        source = ending.reads[0] if is_copy(ending) else None
        if source is None or source in moved or program.buffers[source].offset is None:
            continue
        producer = writes[source]
        if _legal(program, producer, output, old_of.get(output), readers):
            moved[source] = output
            dropped.add(place)
    kernels = tuple(
        replace(
            kernel,
            reads=tuple(moved.get(number, number) for number in kernel.reads),
            writes=tuple(moved.get(number, number) for number in kernel.writes),
        )
        for place, kernel in enumerate(program.kernels)
        if place not in dropped
    )
    return replace(program, kernels=kernels)


def _legal(
    program: Program, producer: int, output: int, old: int | None, readers: dict[int, list[int]]
) -> bool:
    """Whether the kernel at `producer` may write where `old` stands."""
    if old is None:
        return True
    kernel = program.kernels[producer]
    return all(
        place < producer
        or (place == producer and in_step(kernel, old, program.buffers[output].type))
        for place in readers.get(old, ())
    )
