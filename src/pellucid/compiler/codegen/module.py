"""A Program as one LLVM module.

One function a kernel, which gets addresses and N, and one entry for the caller:

    run(ptr slots, i64 rows, i64 steps, i64 thread, i64 threads)

`slots` holds the addresses of the arena, the status, the scratch room, and of inputs, constants and
outputs. The entry computes every address once and then runs the kernels `steps` times, for state
that is updated in place. All `threads` call it together, each with its own number. Small kernels
are left to the first of them; behind the others all meet at a barrier. Calls that look like earlier
ones come through another entry: see `fast_call.py`. A program with a MinibatchFeed has `train` in
their place: see `training_loop.py`, and one that draws an order: see `shuffle.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pellucid.compiler.codegen import kernels, workers
from pellucid.compiler.codegen.barrier import barrier
from pellucid.compiler.codegen.fast_call import fast_call
from pellucid.compiler.codegen.llvm import binding, ir
from pellucid.compiler.codegen.loops import groups, i64, loop
from pellucid.compiler.codegen.scope import SCRATCH_BYTES, Operand, Scope, wanted
from pellucid.compiler.codegen.shuffle import shuffle
from pellucid.compiler.codegen.target import Target, host, machine, optimise
from pellucid.compiler.codegen.training_loop import Steps, train
from pellucid.compiler.program import (
    ARENA,
    ROW_QUANTUM,
    SCRATCH,
    STATUS,
    Kernel,
    MinibatchFeed,
    Program,
    cost,
    first_update,
)
from pellucid.core.errors import CompileError
from pellucid.core.shapes import Batch, Dim
from pellucid.core.signals import deferred

ENTRY, TRAIN = "run", "train"
PIECE = 1 << 27  # operations between two looks at whether a call is to stop: 30 ms or more
ALONE = 16_384  # operations that one thread does sooner than two agree on halves


def build(
    program: Program,
    target: Target | None = None,
    feed: MinibatchFeed | None = None,
    entry: str = ENTRY,
) -> ir.Module:
    """The module of `program`, in llvmlite's form; `str` gives its text."""
    kernels.check_supported(program)
    target = target or host()
    module = ir.Module("pellucid")
    module.triple = target.triple
    few = feed is None or feed.few
    functions = [_kernel(module, program, n, target, few) for n in range(len(program.kernels))]
    steps = _Steps(module, program, functions, target)
    if feed is None:
        run = _entry(module, entry, steps)
        if not target.web:
            fast_call(module, run)
    else:
        train(module, TRAIN, program, feed, steps, target.vector_bytes)
        shuffle(module)
    return module


def _places(kernel: Kernel) -> tuple[int, ...]:
    """The buffers of a kernel in the order of its function's arguments."""
    return (*kernel.writes, *kernel.reads)


def _kernel(
    module: ir.Module, program: Program, number: int, target: Target, few: bool
) -> ir.Function:
    """void k(ptr writes…, ptr reads…, i64 N, i64 thread, i64 threads, ptr scratch, ptr status)"""
    kernel = program.kernels[number]
    places = _places(kernel)
    pointer, i64_type = ir.PointerType(), ir.IntType(64)
    types = [pointer] * len(places) + [i64_type] * 3 + [pointer] * 2
    kind = ir.FunctionType(ir.VoidType(), types)
    function = ir.Function(module, kind, f"k{number}.{kernel.name}.{kernel.op}")
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    written = [program.buffers[place].type for place in kernel.writes]
    operands = [
        Operand(argument, type)
        for argument, type in zip(function.args, (*written, *kernel.types), strict=False)
    ]
    rows, thread, threads, scratch, status = function.args[len(places) :]
    count = len(kernel.writes)
    scope = Scope(
        kernel,
        builder,
        rows,
        thread,
        threads,
        scratch,
        status,
        tuple(operands[count:]),
        tuple(operands[:count]),
        target,
        number,
        few,
    )
    kernels.emit(scope)
    builder.ret_void()
    return function


def kernel_module(
    program: Program, number: int, target: Target | None = None, few: bool = True
) -> ir.Module:
    """One kernel of a program alone, with the functions that it calls: to be looked at."""
    kernels.check_supported(program)
    target = target or host()
    module = ir.Module("pellucid")
    module.triple = target.triple
    _kernel(module, program, number, target, few)
    return module


class _Steps(Steps):
    """The kernels of a program, one after the other, in whatever function needs them."""

    def __init__(
        self,
        module: ir.Module,
        program: Program,
        functions: Sequence[ir.Function],
        target: Target,
    ):
        self.program, self.functions = program, functions
        self._wait = barrier(module, target)

    def open(
        self,
        builder: ir.IRBuilder,
        slots: ir.Value,
        rows: ir.Value,
        thread: ir.Value,
        threads: ir.Value,
    ) -> None:
        """Computes what all steps have in common: addresses, and which kernels run alone."""
        self.builder, self.rows, self.thread, self.threads = builder, rows, thread, threads
        self.addresses = _addresses(builder, self.program, slots, rows)
        self.status = _slot(builder, slots, STATUS, "status")
        own = builder.mul(thread, i64(SCRATCH_BYTES))
        room = _slot(builder, slots, SCRATCH, "scratch")
        self.scratch = builder.gep(room, [own], source_etype=ir.IntType(8))
        self._alone = [self._small(cost(kernel)) for kernel in self.program.kernels]

    def _small(self, count: Dim) -> ir.Value:
        if isinstance(count, Batch):
            number = self.builder.mul(self.rows, i64(count.scale))
            return self.builder.icmp_signed("<", number, i64(ALONE))
        return ir.Constant(ir.IntType(1), int(count < ALONE))

    def address(self, number: int) -> ir.Value:
        """Where a buffer stands."""
        return self.addresses[number]

    def emit(self, guarded: bool = False) -> None:
        """One step.

        Args:
            guarded: for calls of one step: the function ends before state is written over, if a
                kernel refused, and may be told to stop.
        """
        b, guard = self.builder, first_update(self.program) if guarded else None
        for place, (kernel, emitted) in enumerate(
            zip(self.program.kernels, self.functions, strict=True)
        ):
            if place == guard:
                self._end_if_refused()
            alone = self._alone[place]
            threads = b.select(alone, i64(1), self.threads)
            given = [self.addresses[number] for number in _places(kernel)]
            with (
                b.if_then(b.icmp_signed("<", self.thread, threads)),
                self._pieces(kernel, threads, guarded) as (piece, pieces),
            ):
                own = self.scratch, self.status
                b.call(emitted, [*given, self.rows, piece, pieces, *own])
            # Two kernels of the first thread need no barrier between them.
            following = self._alone[(place + 1) % len(self._alone)]
            meet = b.select(b.and_(alone, following), i64(1), self.threads)
            b.call(self._wait, [self.status, meet])

    @contextmanager
    def _pieces(
        self, kernel: Kernel, threads: ir.Value, stoppable: bool
    ) -> Iterator[tuple[ir.Value, ir.Value]]:
        """This thread's part of a kernel's work; where that is much, one piece after the other.

        Between two pieces is looked whether anyone still waits for the results. A kernel gives the
        same results for any number of threads.
        """
        b, count = self.builder, cost(kernel)
        if not stoppable or (isinstance(count, int) and count <= PIECE):
            yield self.thread, threads
            return
        if isinstance(count, Batch):
            pieces = groups(b, b.mul(self.rows, i64(count.scale)), PIECE)
            pieces = b.select(b.icmp_signed(">", pieces, i64(1)), pieces, i64(1))
        else:
            pieces = i64(-(-count // PIECE))
        first = b.mul(self.thread, pieces)
        with loop(b, pieces, "piece", going=lambda: wanted(b, self.status)) as one:
            yield b.add(first, one.index), b.mul(threads, pieces)

    def _end_if_refused(self) -> None:
        b = self.builder
        self.meet()  # now every thread sees what any noted
        noted = b.load(self.status, typ=ir.IntType(64))
        with b.if_then(b.icmp_signed("!=", noted, i64(0)), likely=False):
            b.ret_void()

    def meet(self) -> None:
        """Waits for all threads."""
        self.builder.call(self._wait, [self.status, self.threads])


def _entry(module: ir.Module, name: str, steps: _Steps) -> ir.Function:
    pointer, i64_type = ir.PointerType(), ir.IntType(64)
    kind = ir.FunctionType(ir.VoidType(), [pointer] + [i64_type] * 4)
    function = ir.Function(module, kind, name)
    names = ("slots", "rows", "steps", "thread", "threads")
    for argument, name in zip(function.args, names, strict=True):
        argument.name = name
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    slots, rows, count, thread, threads = function.args
    steps.open(builder, slots, rows, thread, threads)
    with loop(builder, count, "step"):
        steps.emit(guarded=True)
    builder.ret_void()
    return function


def _slot(builder: ir.IRBuilder, slots: ir.Value, number: int, name: str) -> ir.Value:
    pointer = ir.PointerType()
    place = builder.gep(slots, [i64(number)], inbounds=True, source_etype=pointer)
    return builder.load(place, name=name, typ=pointer)


def _addresses(
    builder: ir.IRBuilder, program: Program, slots: ir.Value, rows: ir.Value
) -> dict[int, ir.Value]:
    """The address of every buffer that a kernel touches."""
    byte = ir.IntType(8)
    used = {place for kernel in program.kernels for place in _places(kernel)}
    used.update(program.inputs, program.outputs)
    arena = _slot(builder, slots, ARENA, "arena")
    rounded = builder.and_(builder.add(rows, i64(ROW_QUANTUM - 1)), i64(-ROW_QUANTUM), "padded")
    found = {}
    for number in sorted(used):
        buffer = program.buffers[number]
        if buffer.slot is not None:
            found[number] = _slot(builder, slots, buffer.slot, buffer.name)
            continue
        assert buffer.offset is not None
        offset = i64(buffer.offset.fixed)
        if buffer.offset.per_row:
            offset = builder.add(offset, builder.mul(rounded, i64(buffer.offset.per_row)))
        found[number] = builder.gep(
            arena, [offset], inbounds=True, name=buffer.name, source_etype=byte
        )
    return found


def _finished(built: ir.Module, target: Target) -> Any:
    """A module parsed, verified and through LLVM's passes. `built` is empty behind it."""
    text = str(built)
    _emptied(built)
    try:
        module = binding.parse_assembly(text)
        del text
        module.data_layout = str(machine(target).target_data)
        module.verify()
    except RuntimeError as error:
        raise CompileError(
            "native",
            f"LLVM must accept the engine's code, got: {str(error).splitlines()[0]}",
            "This is a mistake of the engine's. Run it with backend='interpreter'.",
        ) from error
    optimise(module, target)
    return module


def _emptied(module: ir.Module) -> None:
    """Takes the parts of a module apart: they hold each other, and waited for a full collection."""
    for function in module.functions:
        for block in function.blocks:
            for instruction in block.instructions:
                if isinstance(instruction, ir.PhiInstr):
                    instruction.incomings.clear()
            block.instructions.clear()
            block.terminator = None
        function.blocks.clear()


def object_code(built: ir.Module, target: Target) -> bytes:
    """The machine code of a module as an object file. `built` is empty behind it."""
    with deferred():
        return bytes(machine(target).emit_object(_finished(built, target)))


def workers_code(target: Target) -> bytes:
    """The machine code of the functions that workers wait in."""
    return object_code(workers.build(target), target)


def assembly(program: Program, target: Target | None = None) -> str:
    """The machine code of `program` as assembly text."""
    target = target or host()
    return assembly_of(build(program, target), target)


def assembly_of(built: ir.Module, target: Target) -> str:
    """The machine code of a module as assembly text. `built` is empty behind it."""
    with deferred():
        return str(machine(target).emit_assembly(_finished(built, target)))
