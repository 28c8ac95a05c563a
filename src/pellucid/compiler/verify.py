"""The invariants of a Program. In: any program. Out: nothing, or a CompileError with the kernel.

Checked for every N at once, since sizes and offsets are symbolic: each value is written once and
before it is read; a new value replaces the old one behind every read of the old; no two buffers
that live at the same time share a byte of the arena.
"""

from __future__ import annotations

from pellucid.compiler.program import ALIGNMENT, ARENA, COPY, Buffer, Kernel, Program, in_step
from pellucid.core.errors import CompileError, PellucidError
from pellucid.graph.node import TensorType
from pellucid.ops.spec import type_of

Known = dict[tuple[str, tuple[TensorType, ...], str], TensorType]


def verify(program: Program) -> None:
    """Checks `program`.

    Raises:
        CompileError: at the first invariant that does not hold.
    """
    _verify_places(program)
    _verify_order(program)
    _verify_shared(program)
    _verify_arena(program)


def _fail(kernel: Kernel, problem: str) -> CompileError:
    return CompileError(f"program kernel {kernel.name} {kernel.op}", problem, line=kernel.line)


def _verify_places(program: Program) -> None:
    """One place each; two in one slot only as a declared pair."""
    tenants: dict[int, list[int]] = {}
    for number, buffer in enumerate(program.buffers):
        if (buffer.slot is None) == (buffer.offset is None):
            raise CompileError("program", f"buffer {buffer.name} must have a slot or an offset")
        if buffer.slot is None:
            continue
        if not ARENA < buffer.slot < program.slots:
            raise CompileError(
                "program", f"buffer {buffer.name}: slot must be 1 to {program.slots - 1}, "
                f"got {buffer.slot}",
            )  # fmt: skip
        tenants.setdefault(buffer.slot, []).append(number)
    pairs = set(program.shared)
    for slot, numbers in tenants.items():
        if len(numbers) > 1 and tuple(numbers) not in pairs:
            names = ", ".join(program.buffers[number].name for number in numbers)
            raise CompileError("program", f"slot {slot} must hold one buffer or a pair: {names}")
    for old, new in program.shared:
        one, other = program.buffers[old], program.buffers[new]
        if one.slot is None or one.slot != other.slot or one.type != other.type:
            raise CompileError(
                "program", f"{one.name} and {other.name} must share a slot and a type, got "
                f"{one.type!r} in {one.slot} and {other.type!r} in {other.slot}",
            )  # fmt: skip


def _verify_order(program: Program) -> None:
    """Every value is given or written before it is read, once, with the type its row gives."""
    given = {*program.inputs, *program.constants.values()}
    known = set(given)
    types: Known = {}
    for kernel in program.kernels:
        for number in kernel.reads:
            if number not in known:
                name = program.buffers[number].name
                raise _fail(kernel, f"{name} must be written before it is read")
        if kernel.write in known:
            name = program.buffers[kernel.write].name
            raise _fail(kernel, f"{name} must be written once, and is no input")
        _verify_type(program, kernel, types)
        known.add(kernel.write)
    for number in program.outputs:
        if number not in known or program.buffers[number].slot is None:
            name = program.buffers[number].name
            raise CompileError("program", f"output {name} must have a slot and be written")


def _verify_type(program: Program, kernel: Kernel, seen: Known) -> None:
    """`seen` remembers what rows gave: long programs ask the same over and over."""
    types = tuple(program.buffers[number].type for number in kernel.reads)
    key = (kernel.op, types, repr(kernel.attrs))
    if key not in seen:
        try:
            seen[key] = (
                types[0] if kernel.op == COPY else type_of(kernel.op, types, dict(kernel.attrs))
            )
        except PellucidError as error:
            raise _fail(kernel, f"[{error.where}] {error.problem}") from error
    known = seen[key]
    got = program.buffers[kernel.write].type
    if known != got:
        raise _fail(kernel, f"type must be {known!r}, got {got!r}")


def _verify_shared(program: Program) -> None:
    """No read of an old value behind the write that replaces it."""
    writes, readers = program.writes(), program.readers()
    for old, new in program.shared:
        if new not in writes:
            raise CompileError("program", f"{program.buffers[new].name} must be written")
        replaced = writes[new]
        for place in readers.get(old, ()):
            reader = program.kernels[place]
            name = program.buffers[old].name
            if place > replaced:
                writer = program.kernels[replaced].name
                raise _fail(reader, f"reads the old {name} behind {writer}, which replaces it")
            if place == replaced and not in_step(program, reader, old):
                raise _fail(reader, f"must not write over {name} while it reads it")


def _verify_arena(program: Program) -> None:
    """Sweeps through the order with the buffers that live at each kernel."""
    readers = program.readers()
    live: dict[int, Buffer] = {}
    dying: dict[int, list[int]] = {}
    for place, kernel in enumerate(program.kernels):
        buffer = program.buffers[kernel.write]
        if buffer.offset is not None:
            _verify_room(program, kernel, buffer)
            for other in live.values():
                if _overlap(buffer, other):
                    raise _fail(kernel, f"{buffer.name} must not lie on {other.name}, which lives")
            live[kernel.write] = buffer
            last = readers.get(kernel.write, [place])[-1]
            dying.setdefault(last, []).append(kernel.write)
        for number in dying.pop(place, ()):
            del live[number]


def _verify_room(program: Program, kernel: Kernel, buffer: Buffer) -> None:
    assert buffer.offset is not None
    offset, size, arena = buffer.offset, buffer.size, program.arena
    if buffer.region == "row":
        # The row region begins at arena.fixed, and N' is a multiple of 16.
        fits = offset.fixed == arena.fixed and offset.per_row + size.per_row <= arena.per_row
    else:
        fits = offset.per_row == 0 and offset.fixed + size.fixed <= arena.fixed
    aligned = offset.fixed % ALIGNMENT == 0 and offset.per_row % 4 == 0
    if not fits or not aligned:
        raise _fail(kernel, f"{buffer.name} must lie aligned inside the arena, got {offset}")


def _overlap(one: Buffer, other: Buffer) -> bool:
    if one.region != other.region:
        return False
    assert one.offset is not None and other.offset is not None
    if one.region == "row":
        a, b = one.offset.per_row, other.offset.per_row
        return a < b + other.size.per_row and b < a + one.size.per_row
    a, b = one.offset.fixed, other.offset.fixed
    return a < b + other.size.fixed and b < a + one.size.fixed
