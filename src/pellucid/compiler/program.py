"""A Program: kernels in the order they run, and the buffers they read and write.

In: what `passes/lower.py` makes of a graph. Out: what `codegen` emits. A buffer is **one value**,
written once; where it stands is its place: a slot (memory the caller brings) or an offset in the
arena. Two buffers may stand in one slot only as a shared pair: an old value and the new one that
replaces it, so that parameters are trained in place.

Sizes and offsets are `a + b·N` bytes with N unknown. The arena has two regions, one for buffers
without N and one for buffers with it, and the layout of either is decided before N is known: what
does not overlap for one N overlaps for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pellucid.core import shapes
from pellucid.graph.node import Attrs, Constant, TensorType
from pellucid.ops.spec import REGISTRY, Kind

COPY = "copy"  # the one kernel that is no row: a value written to another place
ARENA = 0  # the slot that holds the arena's address

ALIGNMENT = 64  # bytes: a cache line, and the widest vector
ROW_QUANTUM = 16  # N is rounded up to this in the arena ...
ROW_BYTES = 4  # ... and bytes per row to this, so that every offset is a multiple of ALIGNMENT


def round_up(value: int, quantum: int) -> int:
    return -(-value // quantum) * quantum


@dataclass(frozen=True, slots=True)
class Extent:
    """`fixed + per_row · N'` bytes, where N' is the number of rows rounded up to 16."""

    fixed: int = 0
    per_row: int = 0

    def bytes(self, rows: int) -> int:
        return self.fixed + self.per_row * round_up(rows, ROW_QUANTUM)


@lru_cache(maxsize=4096)
def size_of(type: TensorType) -> Extent:
    """The room of a tensor in the arena: fixed, or so many bytes a row; never both."""
    count = shapes.size(type.shape)
    if isinstance(count, shapes.Batch):
        return Extent(0, round_up(count.scale * type.dtype.itemsize, ROW_BYTES))
    return Extent(round_up(count * type.dtype.itemsize, ALIGNMENT), 0)


@dataclass(frozen=True, slots=True)
class Buffer:
    """One value: its type, and its place, a slot of the caller or an offset in the arena."""

    name: str
    type: TensorType
    slot: int | None = None
    offset: Extent | None = None

    @property
    def size(self) -> Extent:
        return size_of(self.type)

    @property
    def region(self) -> str:
        """Which of the arena's two regions holds it, where it has no slot."""
        return "row" if self.size.per_row else "fixed"


@dataclass(frozen=True, slots=True)
class Kernel:
    """One operation on buffers. `reads` and `write` are numbers of buffers."""

    name: str
    op: str
    attrs: Attrs
    reads: tuple[int, ...]
    write: int
    line: str | None = None


@dataclass(frozen=True, slots=True)
class Arena:
    """How much memory the buffers without a slot take together, in two regions."""

    fixed: int = 0  # bytes; the row region begins here
    per_row: int = 0  # bytes for each of N' rows

    def bytes(self, rows: int) -> int:
        return Extent(self.fixed, self.per_row).bytes(rows)


@dataclass(frozen=True, slots=True)
class Program:
    """Kernels over buffers.

    Args:
        inputs, outputs: numbers of buffers in the order of a call; all of them have slots.
        shared: (old, new) pairs of buffers in one slot.
        constants: buffer numbers of the arrays beside the program, by name.
        slots: how many addresses a call passes, the arena's included.
    """

    buffers: tuple[Buffer, ...]
    kernels: tuple[Kernel, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shared: tuple[tuple[int, int], ...]
    constants: Mapping[str, int]
    slots: int
    arena: Arena
    consts: Mapping[str, Constant] = field(default_factory=dict)

    @property
    def has_batch(self) -> bool:
        return any(shapes.has_batch(buffer.type.shape) for buffer in self.buffers)

    def writes(self) -> dict[int, int]:
        """For each buffer that a kernel writes, the place of that kernel in the order."""
        return {kernel.write: place for place, kernel in enumerate(self.kernels)}

    def readers(self) -> dict[int, list[int]]:
        """For each buffer that is read, the places of its readers, in order."""
        found: dict[int, list[int]] = {}
        for place, kernel in enumerate(self.kernels):
            for number in kernel.reads:
                places = found.setdefault(number, [])
                if not places or places[-1] != place:
                    places.append(place)
        return found

    def text(self) -> str:
        """One line a kernel, each value with its type and its place."""
        lines = [
            f"program over {self.arena.fixed} + {self.arena.per_row}·N' bytes, {self.slots} slots"
        ]
        for kernel in self.kernels:
            reads = ", ".join(self.buffers[number].name for number in kernel.reads)
            attrs = "".join(f" {name}={value!r}" for name, value in kernel.attrs)
            out = self.buffers[kernel.write]
            head = f"{out.name}: {out.type!r} @ {place_text(out)} = {kernel.op}({reads}){attrs}"
            lines.append(f"{head}  # {kernel.line}" if kernel.line else head)
        return "\n".join(lines) + "\n"


def place_text(buffer: Buffer) -> str:
    """`slot 3`, `256`, or `256 + 8·N'`."""
    if buffer.slot is not None:
        return f"slot {buffer.slot}"
    offset = buffer.offset or Extent()
    return str(offset.fixed) + (f" + {offset.per_row}·N'" if buffer.region == "row" else "")


def in_step(program: Program, kernel: Kernel, number: int) -> bool:
    """Whether `kernel` reads element i of a buffer only to write element i of its result.

    Then it may write where it reads.
    """
    row = REGISTRY.get(kernel.op)
    elementwise = kernel.op == COPY or (
        row is not None and row.kind in (Kind.ELEMENTWISE, Kind.COMPARE)
    )
    return elementwise and program.buffers[number].type == program.buffers[kernel.write].type
