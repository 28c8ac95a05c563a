"""One kernel's function under construction: what every emitter of a kernel is given.

Kernels know no slots and no arena: they get addresses, N, which of the threads runs them
(`thread` of `threads`), and a thread's own scratch room. What a kernel does not write in `share` of
itself, another thread writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pellucid.compiler.codegen.barrier import STOP
from pellucid.compiler.codegen.layout import (
    Steps,
    memory_type,
    merged,
    register_type,
    strides,
    viewed,
)
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import Nest, i64, nest
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.program import Instruction, Kernel
from pellucid.core import shapes
from pellucid.core.dtypes import DType
from pellucid.core.shapes import Batch, Dim
from pellucid.graph.node import TensorType

SCRATCH_BYTES = 1 << 20  # a thread's own room, for packed operands and tiles
SMALL = 16_384  # elements that one thread computes sooner than two agree on halves


@dataclass(frozen=True)
class Operand:
    """A tensor in memory.

    Args:
        steps: its strides, where it is a view; else it lies in row-major order.
    """

    pointer: ir.Value
    type: TensorType
    steps: Steps | None = None

    @property
    def strides(self) -> Any:
        return strides(self.type.shape) if self.steps is None else self.steps


@dataclass(frozen=True)
class Scope:
    """Where a kernel is emitted.

    Args:
        rows: N as a 64-bit integer.
        thread, threads: this thread's number and how many run the kernel together.
        scratch: SCRATCH_BYTES of this thread's own.
        status: where a kernel says what went wrong; see `fail`.
        reads, writes: the kernel's operands, in its order.
        target: the machine that the code is for.
        few: whether N may be small enough for code of its own.
    """

    kernel: Kernel
    builder: ir.IRBuilder
    rows: ir.Value
    thread: ir.Value
    threads: ir.Value
    scratch: ir.Value
    status: ir.Value
    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]
    target: Target
    number: int
    few: bool = True

    @property
    def name(self) -> str:
        return self.kernel.name

    @property
    def vector_bytes(self) -> int:
        """The width of the machine's vectors."""
        return self.target.vector_bytes

    @property
    def head(self) -> Instruction:
        """The one instruction that is not elementwise."""
        head = self.kernel.head
        assert head is not None
        return head

    @property
    def head_value(self) -> int:
        """The number of the head's value in the kernel."""
        return len(self.reads) + self.kernel.body.index(self.head)

    @property
    def inputs(self) -> tuple[Operand, ...]:
        """What the head reads, where it reads memory."""
        return tuple(self._operand(value) for value in self.head.inputs)

    def _operand(self, value: int) -> Operand:
        if value < len(self.reads):
            return self.reads[value]
        view = self.kernel.body[value - len(self.reads)]
        x = self._operand(view.inputs[0])
        steps = viewed(view.op, dict(view.attrs), x.type.shape, x.strides)
        return Operand(x.pointer, view.type, steps)

    @property
    def out(self) -> Operand:
        """The first result in memory."""
        return self.writes[0]

    def attr(self, name: str) -> Any:
        """An attribute of the head."""
        return dict(self.head.attrs)[name]

    def lanes(self, dtype: DType) -> int:
        """How many elements of a dtype a vector of this machine holds."""
        return self.vector_bytes // max(dtype.itemsize, 4)

    def dim(self, dim: Dim) -> ir.Value:
        """A dimension, a stride or a count as a number."""
        if not isinstance(dim, Batch):
            return i64(dim)
        return self.rows if dim.scale == 1 else self.builder.mul(self.rows, i64(dim.scale))

    def load(self, operand: Operand, offset: ir.Value, name: str = "") -> ir.Value:
        """One element; a boolean as one bit."""
        kind = memory_type(operand.type.dtype)
        place = self.place(operand, offset)
        value = self.builder.load(place, name=name, typ=kind, align=operand.type.dtype.itemsize)
        return self._narrowed(operand, value, kind)

    def load_vector(
        self, operand: Operand, offset: ir.Value, width: int, mask: ir.Value | None = None
    ) -> ir.Value:
        """`width` neighbours; those outside the mask are not read, and 0."""
        dtype = operand.type.dtype
        kind = ir.VectorType(memory_type(dtype), width)
        place = self.place(operand, offset)
        if mask is None:
            value = self.builder.load(place, typ=kind, align=dtype.itemsize)
        else:
            value = masked_load(self.builder, kind, place, dtype.itemsize, mask)
        return self._narrowed(operand, value, kind)

    def _narrowed(self, operand: Operand, value: ir.Value, kind: ir.Type) -> ir.Value:
        if operand.type.dtype.kind != "b":
            return value
        return self.builder.icmp_unsigned("!=", value, constant(kind, operand.type.dtype, 0))

    def store(
        self,
        value: ir.Value,
        offset: ir.Value,
        operand: Operand | None = None,
        mask: ir.Value | None = None,
    ) -> None:
        """Writes one element or a vector of neighbours, of the first result by default."""
        operand = operand or self.out
        dtype = operand.type.dtype
        if dtype.kind == "b":
            byte: ir.Type = memory_type(dtype)
            if isinstance(value.type, ir.VectorType):
                byte = ir.VectorType(byte, value.type.count)
            value = self.builder.zext(value, byte)
        place = self.place(operand, offset)
        if mask is None:
            self.builder.store(value, place, align=dtype.itemsize)
        else:
            masked_store(self.builder, value, place, dtype.itemsize, mask)

    def place(self, operand: Operand, offset: ir.Value) -> ir.Value:
        """The address of element number `offset`."""
        kind = memory_type(operand.type.dtype)
        return self.builder.gep(operand.pointer, [offset], inbounds=True, source_etype=kind)

    def mask(self, count: ir.Value, width: int) -> ir.Value:
        """The first `count` of `width` lanes."""
        return first_lanes(self.builder, count, width)

    def share(self, units: ir.Value, elements: Dim) -> tuple[ir.Value, ir.Value]:
        """Begin and end of this thread's part of `units`.

        Args:
            elements: how many elements the kernel computes; a few are left to the first thread.
        """
        b = self.builder
        if isinstance(elements, int) and elements < SMALL:
            alone: ir.Value = ir.Constant(ir.IntType(1), 1)
        else:
            alone = b.icmp_signed("<", self.dim(elements), i64(SMALL))
        threads = b.select(alone, i64(1), self.threads)
        last = b.select(b.icmp_signed("<", self.thread, threads), self.thread, threads)
        after = b.select(b.icmp_signed("<", last, threads), b.add(last, i64(1)), threads)
        return b.udiv(b.mul(units, last), threads), b.udiv(b.mul(units, after), threads)

    def first_thread(self) -> ir.Value:
        """Whether this is thread 0."""
        return self.builder.icmp_signed("==", self.thread, i64(0))

    def fail(self, condition: ir.Value, value: ir.Value) -> None:
        """Where `condition` holds, notes this kernel and a number that tells what was wrong."""
        with self.builder.if_then(condition, likely=False):
            self.builder.store(i64(self.number + 1), self.status)
            place = self.builder.gep(self.status, [i64(1)], source_etype=ir.IntType(64))
            self.builder.store(value, place)

    def wanted(self) -> ir.Value:
        """Whether anyone still waits for the results; asked once in many elements."""
        return wanted(self.builder, self.status)

    def register(self, dtype: DType) -> ir.Type:
        """The register type of one element."""
        return register_type(dtype)

    @contextmanager
    def only(self, condition: ir.Value, other: ir.Value) -> Iterator[list[ir.Value]]:
        """Runs the block where `condition` holds.

        The block appends its result to the list; behind it, the last of the list is that, or
        `other`.
        """
        b, before = self.builder, self.builder.block
        inside, after = b.append_basic_block("only"), b.append_basic_block("after")
        b.cbranch(condition, inside, after)
        b.position_at_end(inside)
        results: list[ir.Value] = []
        yield results
        end = b.block
        b.branch(after)
        b.position_at_end(after)
        phi = b.phi(other.type)
        phi.add_incoming(other, before)
        phi.add_incoming(results[-1], end)
        results.append(phi)

    @contextmanager
    def walk(
        self,
        shape: Sequence[Dim],
        walks: Sequence[Sequence[Dim]],
        starts: Sequence[ir.Value] | None = None,
        initial: Sequence[ir.Value] = (),
        name: str = "i",
    ) -> Iterator[Nest]:
        """Loops over `shape` in row-major order, for tensors with the strides `walks`."""
        dims, steps = merged(shape, walks)
        lengths = [self.dim(dim) for dim in dims]
        increments = [[None if step == 0 else self.dim(step) for step in walk] for walk in steps]
        begin = [i64(0) for _ in walks] if starts is None else starts
        with nest(
            self.builder, lengths, increments, f"{self.name}.{name}", begin, initial
        ) as inner:
            yield inner

    @contextmanager
    def shared_walk(
        self, shape: Sequence[Dim], walks: Sequence[Sequence[Dim]], elements: Dim | None = None
    ) -> Iterator[Nest]:
        """Like `walk` over all of `shape`, but each thread walks its part of the outermost loop.

        Args:
            elements: how many are computed in all; by default one in each round.
        """
        b = self.builder
        dims, steps = merged(shape, walks)
        if not dims:
            with b.if_then(self.first_thread()), self.walk((), [() for _ in walks]) as inner:
                yield inner
            return
        count = shapes.size(shape) if elements is None else elements
        begin, end = self.share(self.dim(dims[0]), count)
        lengths = [b.sub(end, begin), *(self.dim(dim) for dim in dims[1:])]
        increments = [[None if step == 0 else self.dim(step) for step in walk] for walk in steps]
        starts = [
            i64(0) if increment[0] is None else b.mul(begin, increment[0])
            for increment in increments
        ]
        with nest(b, lengths, increments, f"{self.name}.i", starts) as inner:
            yield inner


def wanted(builder: ir.IRBuilder, status: ir.Value) -> ir.Value:
    """Whether the call was not told to stop."""
    place = builder.gep(status, [i64(STOP)], source_etype=ir.IntType(8))
    return builder.icmp_signed("==", builder.load(place, typ=ir.IntType(64)), i64(0))


def constant(kind: ir.Type, dtype: DType, value: float) -> ir.Constant:
    """A number of a register type, in every lane where that is a vector."""
    plain: float | int = float(value) if dtype.is_float else int(value)
    if isinstance(kind, ir.VectorType):
        return ir.Constant(kind, [ir.Constant(kind.element, plain)] * kind.count)
    return ir.Constant(kind, plain)


def vector_type(dtype: DType, width: int | None) -> ir.Type:
    """The register type of `width` elements; None is one element by itself."""
    kind = register_type(dtype)
    return kind if width is None else ir.VectorType(kind, width)


def splat(builder: ir.IRBuilder, value: ir.Value, width: int | None) -> ir.Value:
    """`value` in every lane."""
    if width is None:
        return value
    kind = ir.VectorType(value.type, width)
    if isinstance(value, ir.Constant):
        return ir.Constant(kind, [value] * width)
    undefined = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(one, undefined, zeros)


def first_lanes(builder: ir.IRBuilder, count: ir.Value, width: int) -> ir.Value:
    """A mask of the first `count` of `width` lanes."""
    i32 = ir.IntType(32)
    numbers = ir.Constant(ir.VectorType(i32, width), [ir.Constant(i32, n) for n in range(width)])
    return builder.icmp_unsigned("<", numbers, splat(builder, builder.trunc(count, i32), width))


def _intrinsic(builder: ir.IRBuilder, name: str, kind: ir.FunctionType) -> ir.Function:
    function = builder.module.globals.get(name)
    return function if function is not None else ir.Function(builder.module, kind, name)


def _suffix(kind: ir.VectorType) -> str:
    element = {"float": "f32", "double": "f64"}.get(str(kind.element), str(kind.element))
    return f"v{kind.count}{element}.p0"


def masked_load(
    builder: ir.IRBuilder,
    kind: ir.VectorType,
    place: ir.Value,
    align: int,
    mask: ir.Value,
    other: ir.Value | None = None,
) -> ir.Value:
    """A vector whose lanes outside the mask are not read; they hold `other`, or 0."""
    i32 = ir.IntType(32)
    type = ir.FunctionType(kind, [ir.PointerType(), i32, mask.type, kind])
    function = _intrinsic(builder, f"llvm.masked.load.{_suffix(kind)}", type)
    zero = ir.Constant(kind, None) if other is None else other
    return builder.call(function, [place, ir.Constant(i32, align), mask, zero])


def ask_for(builder: ir.IRBuilder, place: ir.Value) -> None:
    """Has the machine bring what stands there into its caches; it need not."""
    i32 = ir.IntType(32)
    type = ir.FunctionType(ir.VoidType(), [ir.PointerType(), i32, i32, i32])
    function = _intrinsic(builder, "llvm.prefetch.p0", type)
    builder.call(function, [place, *(ir.Constant(i32, hint) for hint in (0, 3, 1))])


def masked_store(
    builder: ir.IRBuilder, value: ir.Value, place: ir.Value, align: int, mask: ir.Value
) -> None:
    """Writes the lanes inside the mask."""
    i32 = ir.IntType(32)
    type = ir.FunctionType(ir.VoidType(), [value.type, ir.PointerType(), i32, mask.type])
    function = _intrinsic(builder, f"llvm.masked.store.{_suffix(value.type)}", type)
    builder.call(function, [value, place, ir.Constant(i32, align), mask])
