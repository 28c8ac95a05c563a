"""The invariants of a Program. In: any program. Out: nothing, or a CompileError with the kernel.

Checked for every N at once, since sizes and offsets are symbolic: each value is written once and
before it is read; a new value replaces the old one behind every read of the old; no two buffers
that live at the same time share a byte of the arena.
"""

from __future__ import annotations

from pellucid.compiler.program import (
    ALIGNMENT,
    FINISHED,
    FIRST_SLOT,
    VIEWED,
    Buffer,
    Instruction,
    Kernel,
    Program,
    in_step,
)
from pellucid.core import shapes
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
        if not FIRST_SLOT <= buffer.slot < program.slots:
            raise CompileError(
                "program",
                f"buffer {buffer.name}: slot must be {FIRST_SLOT} to "
                f"{program.slots - 1}, "
                f"got {buffer.slot}",
            )
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
                "program",
                f"{one.name} and {other.name} must share a slot and a type, got "
                f"{one.type!r} in {one.slot} and {other.type!r} in {other.slot}",
            )


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
        for number in kernel.writes:
            if number in known:
                name = program.buffers[number].name
                raise _fail(kernel, f"{name} must be written once, and is no input")
            known.add(number)
        _verify_types(program, kernel, types)
    for number in program.outputs:
        if number not in known or program.buffers[number].slot is None:
            name = program.buffers[number].name
            raise CompileError("program", f"output {name} must have a slot and be written")


def _verify_types(program: Program, kernel: Kernel, seen: Known) -> None:
    """What is read, each instruction, and what is written."""
    for number, type in zip(kernel.reads, kernel.types, strict=True):
        kept = program.buffers[number].type
        if kept.dtype != type.dtype or shapes.size(kept.shape) != shapes.size(type.shape):
            raise _fail(kernel, f"{program.buffers[number].name} is {kept!r}, read as {type!r}")
    heads = 0
    for place, one in enumerate(kernel.body):
        if any(not 0 <= value < len(kernel.reads) + place for value in one.inputs):
            raise _fail(kernel, f"{one.name} must use values that stand before it")
        heads += not one.elementwise and (one.op not in VIEWED or one is kernel.head)
        known = _row_type(kernel, one, seen)
        if known != one.type:
            raise _fail(kernel, f"type must be {known!r}, got {one.type!r}")
    if heads > 1:
        raise _fail(kernel, f"a kernel must have one head at most, got {heads}")
    _verify_views(kernel)
    head = kernel.head
    if head is not None and head.op not in FINISHED:
        own = len(kernel.reads) + kernel.body.index(head)
        if kernel.results != (own,):
            raise _fail(kernel, f"it must write its head's value alone, got {kernel.results}")
    for number, value in zip(kernel.writes, kernel.results, strict=True):
        known, got = kernel.type_of(value), program.buffers[number].type
        if known != got and (known.dtype, shapes.size(known.shape)) != (
            got.dtype,
            shapes.size(got.shape),
        ):
            raise _fail(kernel, f"type must be {known!r}, got {got!r}")


def _verify_views(kernel: Kernel) -> None:
    """A view is a kernel of its own, or read by the head and by other views alone."""
    head, first = kernel.head, len(kernel.reads)
    views = [first + n for n, one in enumerate(kernel.body) if one.op in VIEWED and one is not head]
    if head is not None and head.op in VIEWED and len(kernel.body) > 1:
        raise _fail(kernel, "a view must be the only instruction, or stand before a head")
    used = {value for one in kernel.body if one.elementwise for value in one.inputs}
    used.update(kernel.results)
    if any(value in used for value in views):
        raise _fail(kernel, "a view must be read by the head alone")


def _row_type(kernel: Kernel, one: Instruction, seen: Known) -> TensorType:
    """What a row gives. `seen` remembers it: long programs ask the same over and over."""
    types = tuple(kernel.type_of(value) for value in one.inputs)
    key = (one.op, types, repr(one.attrs))
    if key not in seen:
        try:
            seen[key] = type_of(one.op, types, dict(one.attrs))
        except PellucidError as error:
            raise _fail(kernel, f"[{error.where}] {error.problem}") from error
    return seen[key]


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
            if place == replaced and not in_step(reader, old, program.buffers[new].type):
                raise _fail(reader, f"must not write over {name} while it reads it")


def _verify_arena(program: Program) -> None:
    """Sweeps through the order with the buffers that live at each kernel."""
    readers = program.readers()
    live: dict[int, Buffer] = {}
    dying: dict[int, list[int]] = {}
    for place, kernel in enumerate(program.kernels):
        for written in kernel.writes:
            buffer = program.buffers[written]
            if buffer.offset is None:
                continue
            _verify_room(program, kernel, buffer)
            for other in live.values():
                if _overlap(buffer, other):
                    raise _fail(kernel, f"{buffer.name} must not lie on {other.name}, which lives")
            live[written] = buffer
            last = readers.get(written, [place])[-1]
            dying.setdefault(last, []).append(written)
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
