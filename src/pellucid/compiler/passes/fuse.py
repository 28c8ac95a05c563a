"""Fusion. In: a program of single rows. Out: fewer kernels, whose elements stay in registers.

A chain of elementwise rows over one shape becomes one kernel; behind a `contract` it becomes that
kernel's epilogue, applied to each tile while it is in the cache; before a `sum` or a `fold` it is
computed as it is added up. A value that others read as well is still written. Nothing is computed
twice, and each element is computed by the same instructions as before: the bits stay the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pellucid.compiler.codegen.layout import as_matrix
from pellucid.compiler.program import FINISHED, VIEWED, Instruction, Kernel, Program, is_copy
from pellucid.core.shapes import Shape, size
from pellucid.ops.contract import free_axes
from pellucid.ops.spec import REGISTRY

MAX_MESSAGE = 48  # instructions in one kernel: registers and compile time grow with them
MOST = 16  # buffers that one kernel reads and writes
NARROW = 8  # columns of a product below which functions are cheaper in a kernel of their own


def fuse(program: Program) -> Program:
    """`program` with kernels joined where the order of execution allows it."""
    state = _State(program)
    # From the end: a value with one reader then joins that reader rather than what it was made of.
    for number in reversed(range(len(program.kernels))):
        if number in state.kernels:
            state.absorb(number)
    kernels = sorted(state.kernels.items(), key=lambda item: state.place[item[0]])
    return replace(program, kernels=tuple(kernel for _, kernel in kernels))


class _State:
    """Kernels by their number, and where each stands in the order."""

    def __init__(self, program: Program):
        self.kernels = dict(enumerate(program.kernels))
        self.place = {number: number for number in self.kernels}
        self.writer = dict(program.writes())
        self.readers: dict[int, set[int]] = {}
        for number, kernel in self.kernels.items():
            for buffer in kernel.reads:
                self.readers.setdefault(buffer, set()).add(number)

    def absorb(self, number: int) -> None:
        """Joins a kernel with the producers of what it reads, one after the other."""
        tried: set[int] = set()
        while True:
            kernel = self.kernels[number]
            if is_copy(kernel):
                return
            waiting = (self.writer[b] for b in kernel.reads if b in self.writer)
            producer = next((one for one in waiting if one not in tried), None)
            if producer is None:
                return
            tried.add(producer)
            place = self._place(producer, number)
            if place is not None and self._fit(self.kernels[producer], kernel):
                self._join(producer, number, place)

    def _place(self, producer: int, number: int) -> int | None:
        """Where both may stand together: at the producer's place, at the other's, or nowhere."""
        first, second = self.kernels[producer], self.kernels[number]
        others = [self.writer[b] for b in second.reads if b in self.writer]
        if all(one == producer or self.place[one] < self.place[producer] for one in others):
            return self.place[producer]
        after = [one for b in first.writes for one in self.readers.get(b, ())]
        if all(one == number or self.place[one] > self.place[number] for one in after):
            return self.place[number]
        return None

    def _fit(self, first: Kernel, second: Kernel) -> bool:
        """Whether element i of `second` needs element i of `first` alone."""
        if is_copy(first) or len(first.body) + len(second.body) > MAX_MESSAGE:
            return False
        if len({*first.reads, *first.writes, *second.reads, *second.writes}) > MOST:
            return False
        written = {b: first.type_of(v) for b, v in zip(first.writes, first.results, strict=True)}
        shared = [place for place, b in enumerate(second.reads) if b in written]
        if any(second.types[place] != written[second.reads[place]] for place in shared):
            return False
        head = second.head
        if head is not None and head.op in ("sum", "fold"):
            return self._fits_sum(first, second, head, shared)
        shape = _shape(second)
        if _shape(first) != shape or any(second.types[place].shape != shape for place in shared):
            return False
        if head is None:
            return first.head is None or _epilogue(first, second, shape)
        return (
            head.op == "contract"
            and first.head is None
            and not any(place in second.head_reads for place in shared)
            and _epilogue(second, first, shape)
        )

    def _fits_sum(
        self, first: Kernel, second: Kernel, head: Instruction, shared: list[int]
    ) -> bool:
        """Terms are computed as they are added, where no one else reads what `first` writes."""
        summed = second.type_of(head.inputs[0]).shape
        return (
            first.head is None
            and not any(one.op in VIEWED for one in second.body)
            and all(
                buffer in second.reads and len(self.readers[buffer]) == 1 for buffer in first.writes
            )
            and _shape(first) == summed
            and all(second.types[place].shape == summed for place in shared)
        )

    def _join(self, producer: int, number: int, place: int) -> None:
        first, second = self.kernels.pop(producer), self.kernels.pop(number)
        kept = {
            buffer
            for buffer in first.writes
            if self.readers.get(buffer, set()) - {number, producer}
        }
        joined = join(first, second, kept)
        self.kernels[number] = joined
        self.place[number] = place
        for buffer in first.reads:
            self.readers[buffer].discard(producer)
        for buffer in joined.reads:
            self.readers[buffer].add(number)
        for buffer in first.writes:
            self.readers.get(buffer, set()).discard(number)
        for buffer in joined.writes:
            self.writer[buffer] = number


def join(first: Kernel, second: Kernel, kept: set[int]) -> Kernel:
    """One kernel that does `first`, then `second`.

    Args:
        kept: buffers of `first` that are still written, for other readers.
    """
    inside = dict(zip(first.writes, first.results, strict=True))
    reads = list(zip(first.reads, first.types, strict=True))
    for read in zip(second.reads, second.types, strict=True):
        if read[0] not in inside and read not in reads:
            reads.append(read)
    own, added = len(first.reads), len(reads) - len(first.reads)

    def of_first(value: int) -> int:
        return value if value < own else value + added

    def of_second(value: int) -> int:
        if value >= len(second.reads):
            return value - len(second.reads) + len(reads) + len(first.body)
        buffer = second.reads[value]
        if buffer in inside:
            return of_first(inside[buffer])
        return reads.index((buffer, second.types[value]))

    body = [_moved(one, of_first) for one in first.body]
    body += [_moved(one, of_second) for one in second.body]
    written = [(b, of_first(v)) for b, v in inside.items() if b in kept]
    written += [(b, of_second(v)) for b, v in zip(second.writes, second.results, strict=True)]
    return Kernel(
        second.name,
        tuple(buffer for buffer, _ in reads),
        tuple(type for _, type in reads),
        tuple(body),
        tuple(buffer for buffer, _ in written),
        tuple(value for _, value in written),
        second.line,
    )


def _moved(one: Instruction, number: Callable[[int], int]) -> Instruction:
    return replace(one, inputs=tuple(number(value) for value in one.inputs))


def _shape(kernel: Kernel) -> Shape:
    return kernel.type_of(kernel.results[0]).shape


def _epilogue(product: Kernel, rest: Kernel, shape: Shape) -> bool:
    """Whether `rest` can be applied to tiles of a contraction: all it reads walks like a matrix."""
    head = product.head
    if head is None or head.op not in FINISHED or not head.type.dtype.is_float:
        return False
    asked = {value for one in rest.body if one.op == "size" for value in one.inputs}
    if head.op == "depthwise":
        return all(
            place in asked or _per_channel(type.shape, shape)
            for place, type in enumerate(rest.types)
        )
    x = product.type_of(head.inputs[0])
    attrs = dict(head.attrs)
    paired = [i for i, _ in (*attrs["batch"], *attrs["summed"])]
    rows = len(attrs["batch"]) + len(free_axes(len(x.shape), paired))
    columns = size(shape[rows:])
    narrow = isinstance(columns, int) and columns < NARROW
    if narrow and any(not REGISTRY[one.op].exact for one in rest.body):
        return False
    return all(
        place in asked or as_matrix(shape, rows, type.shape) is not None
        for place, type in enumerate(rest.types)
    )


def _per_channel(shape: Shape, whole: Shape) -> bool:
    """Whether `shape` has a number for each element of `whole`, for each channel, or one."""
    return shape == whole or size(shape) == 1 or (shape[-1:] == whole[-1:] == (size(shape),))
