"""A Program: kernels in the order they run, and the buffers they read and write.

In: what `passes/lower.py` makes of a graph. Out: what `codegen` emits. A kernel is one instruction
at first; `passes/fuse.py` gives it more. A buffer is **one value**,
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
from typing import Any

from pellucid.core import shapes
from pellucid.core.dtypes import DType
from pellucid.core.shapes import Batch, Dim
from pellucid.graph.node import Attrs, Constant, TensorType
from pellucid.ops.spec import Kind, lookup

COPY = "copy"  # what a kernel without a body is called: a value written to another place
ARENA, STATUS, SCRATCH = 0, 1, 2  # slots: the arena, what went wrong, room for a thread's own use
FIRST_SLOT = 3  # where the caller's arrays begin

ALIGNMENT = 64  # bytes: a cache line, and the widest vector
ROW_QUANTUM = 16  # N is rounded up to this in the arena ...
ROW_BYTES = 4  # ... and bytes per row to this, so that every offset is a multiple of ALIGNMENT
FEW_ROWS = 4  # of a step, or of k, that products have code of their own for (`codegen/outer.py`)


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
class Instruction:
    """One row inside a kernel. `inputs` number its values: what it reads, then its body."""

    name: str
    op: str
    attrs: Attrs
    inputs: tuple[int, ...]
    type: TensorType
    line: str | None = None

    def attr(self, name: str) -> Any:
        return dict(self.attrs)[name]

    @property
    def elementwise(self) -> bool:
        """Whether element i of the result needs element i of the inputs alone."""
        return is_elementwise(self.op)


# Rows that make or repeat elements: one instruction gives any element of them.
SPREAD = ("full", "size", "broadcast_to")


# Heads with an epilogue: elementwise instructions behind them, on what is still in registers.
FINISHED = ("contract", "depthwise")


# Rows that only walk their input another way: some heads read it where it stands. A reshape of a
# view joins axes; a reshape of what stands in memory is no instruction.
VIEWED = ("windows", "reshape", "permute_dims")


def is_elementwise(op: str) -> bool:
    """Whether element i of a row's result needs element i of its inputs alone."""
    return lookup(op).kind in (Kind.ELEMENTWISE, Kind.COMPARE) or op in SPREAD


@dataclass(frozen=True, slots=True)
class Kernel:
    """A run of instructions over buffers; at most one of them, its head, is not elementwise.

    Before it there may be views of what it reads, as well.

    Args:
        reads: numbers of buffers; types: as what each is read. A reshape is no instruction, it is
            another type of the same bytes.
        body: in order; none, and the kernel copies what it reads.
        writes: numbers of buffers; results: the number of the value that each one gets.
    """

    name: str
    reads: tuple[int, ...]
    types: tuple[TensorType, ...]
    body: tuple[Instruction, ...]
    writes: tuple[int, ...]
    results: tuple[int, ...]
    line: str | None = None

    @property
    def op(self) -> str:
        """What it is called: its head, or its last instruction."""
        if not self.body:
            return COPY
        return (self.head or self.body[-1]).op

    @property
    def head(self) -> Instruction | None:
        """The one instruction that is not elementwise, if it has one: views stand before it."""
        return next((one for one in reversed(self.body) if not one.elementwise), None)

    @property
    def head_reads(self) -> frozenset[int]:
        """Which of its reads the head reads, some through a view."""
        return frozenset(self.viewed(value) for value in (self.head.inputs if self.head else ()))

    def viewed(self, value: int) -> int:
        """The value that `value` is a view of, or itself."""
        first = len(self.reads)
        while value >= first and self.body[value - first].op in VIEWED:
            value = self.body[value - first].inputs[0]
        return value

    def type_of(self, value: int) -> TensorType:
        """The type of a value of this kernel."""
        reads = len(self.reads)
        return self.types[value] if value < reads else self.body[value - reads].type


@dataclass(frozen=True, slots=True)
class MinibatchFeed:
    """What a training run does around each step of its program.

    Args:
        gathered: (number of an input, dtype of the data) pairs: a batch's rows are gathered from
            the data, and converted, before the step.
        scheduled: scalar inputs that get a value of their own each step.
        measured: outputs of fixed shapes whose numbers are kept for each step, one behind the
            other. The run halts where the first of them is not finite.
        few: whether a step takes so few rows that products over them have code of their own.
    """

    gathered: tuple[tuple[int, DType], ...]
    scheduled: tuple[int, ...]
    measured: tuple[int, ...]
    few: bool = True


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
        return {out: place for place, kernel in enumerate(self.kernels) for out in kernel.writes}

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
        """One line an instruction, each value with its type and its place."""
        lines = [
            f"program over {self.arena.fixed} + {self.arena.per_row}·N' bytes, {self.slots} slots"
        ]
        for kernel in self.kernels:
            lines += self._kernel_text(kernel)
        return "\n".join(lines) + "\n"

    def _kernel_text(self, kernel: Kernel) -> list[str]:
        names = [
            self.buffers[number].name
            if self.buffers[number].type == type
            else f"{self.buffers[number].name} as {type!r}"
            for number, type in zip(kernel.reads, kernel.types, strict=True)
        ]
        names += [one.name for one in kernel.body]
        places: dict[int, list[str]] = {}
        for out, value in zip(kernel.writes, kernel.results, strict=True):
            buffer = self.buffers[out]
            places.setdefault(value, []).append(f"{buffer.name} @ {place_text(buffer)}")
        lines = []
        for number, one in enumerate(kernel.body):
            kept = places.pop(number + len(kernel.reads), [])
            inputs = ", ".join(names[value] for value in one.inputs)
            attrs = "".join(f" {name}={value!r}" for name, value in one.attrs)
            text = f"{one.name}: {one.type!r} = {one.op}({inputs}){attrs}"
            text += f" -> {', '.join(kept)}" if kept else ""
            lines.append(f"{text}  # {one.line}" if one.line else text)
        lines += [f"{names[value]} -> {', '.join(kept)}" for value, kept in places.items()]
        return [lines[0], *(f"  {line}" for line in lines[1:])]


def is_copy(kernel: Kernel) -> bool:
    """Whether it only writes what it reads to another place, as the endings of a program do."""
    return not kernel.body


def place_text(buffer: Buffer) -> str:
    """`slot 3`, `256`, or `256 + 8·N'`."""
    if buffer.slot is not None:
        return f"slot {buffer.slot}"
    offset = buffer.offset or Extent()
    return str(offset.fixed) + (f" + {offset.per_row}·N'" if buffer.region == "row" else "")


def cost(kernel: Kernel) -> Dim:
    """About how many vector operations a kernel takes; eight multiply-adds of a product are one."""
    head = kernel.head
    if head is not None and lookup(head.op).kind is Kind.CONTRACT:
        count = _products(kernel, head)
        # Each finished sum is stored, and goes through what stands behind the product.
        behind = times(shapes.size(head.type.shape), len(kernel.body))
        if isinstance(count, Batch):
            rest = behind.scale if isinstance(behind, Batch) else 0
            return Batch(max(1, count.scale // 8 + rest))
        return count // 8 + (behind if isinstance(behind, int) else 0)
    widest: list[Dim] = [shapes.size(kernel.type_of(v).shape) for v in kernel.results]
    widest += [shapes.size(type.shape) for type in kernel.types]
    widest += [shapes.size(one.type.shape) for one in kernel.body]  # such as a broadcast in a sum
    per_row = max((dim.scale for dim in widest if isinstance(dim, Batch)), default=0)
    weight = max(1, len(kernel.body))
    if per_row:
        return Batch(per_row * weight)
    return max((dim for dim in widest if isinstance(dim, int)), default=1) * weight


def _products(kernel: Kernel, head: Instruction) -> Dim:
    """How many products a product adds up in all, with those of lanes that stay empty."""
    x, y = (kernel.type_of(value).shape for value in head.inputs)
    if head.op == "depthwise":
        return times(_filled(head.type.shape, 1), shapes.size(y[:-1]))
    if head.op == "depthwise_kernel":
        return times(_filled(y, 1), shapes.size(head.attr("size")))
    columns = len(y) - len(head.attr("batch")) - len(head.attr("summed"))
    depth = shapes.size(x[i] for i, _ in head.attr("summed"))
    if shapes.size(y) == depth and kernel.viewed(head.inputs[0]) == head.inputs[0]:
        columns = len(head.type.shape)  # a single column is computed as a row
    return times(_filled(head.type.shape, columns), depth)


def _filled(shape: shapes.Shape, axes: int) -> Dim:
    """The size of `shape`, where the last `axes` of it are columns, in whole vectors of eight."""
    rows, columns = shape[: len(shape) - axes], shapes.size(shape[len(shape) - axes :])
    whole = round_up(columns, 8) if isinstance(columns, int) else columns
    return times(shapes.size(rows), whole)


def times(x: Dim, y: Dim) -> Dim:
    """x·y, where at most one holds N unless the other is 0."""
    if x == 0 or y == 0:
        return 0
    if isinstance(x, Batch):
        assert isinstance(y, int), "N stands once in a product"
        return Batch(x.scale * y)
    return Batch(y.scale * x) if isinstance(y, Batch) else x * y


def in_step(kernel: Kernel, number: int, type: TensorType) -> bool:
    """Whether `kernel` reads element i of a buffer only to write element i of its results.

    Then a result of that `type` may stand where it reads. Every read of an element comes before
    every write of it.
    """
    head = kernel.head
    if head is not None and lookup(head.op).kind is not Kind.CONTRACT:
        return False
    places = [place for place, read in enumerate(kernel.reads) if read == number]
    if any(place in kernel.head_reads for place in places):
        return False
    return all(kernel.types[place] == type for place in places) and all(
        kernel.type_of(value).shape == type.shape for value in kernel.results
    )


def first_update(program: Program) -> int | None:
    """The first kernel that writes over state; None where one that may refuse is not before it.

    Up to there a call that meets what it refuses has changed nothing.
    """
    new = {number for _, number in program.shared}
    updates = [n for n, kernel in enumerate(program.kernels) if new.intersection(kernel.writes)]
    refusing = [
        n
        for n, kernel in enumerate(program.kernels)
        if any(lookup(one.op).refuses for one in kernel.body)
    ]
    if not updates or (refusing and refusing[-1] >= updates[0]):
        return None
    return updates[0]
