"""The training run as one call: `train(ptr control, i64 thread, i64 threads)`.

For each step the rows of a batch are gathered from the data and converted, the scheduled scalars
are put in their places, the kernels run, and the measures are kept. The threads that call it
together agree at barriers; all of them leave at the same step, when the run is over or halted.

    control: i64 slots, order, batch, steps, last, values, measures, done, then data and the bytes
    from row to row for each gathered input

`order` holds row numbers, batch after batch: `steps` batches of `batch` rows, then one of `last`
rows unless that is 0. `values` and `measures` are float64, a row a step; `done` counts whole steps.
"""

from __future__ import annotations

import math
from typing import Protocol

from pellucid.compiler.codegen.barrier import HALT
from pellucid.compiler.codegen.layout import memory_type, register_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, least, loop
from pellucid.compiler.codegen.scalars import TABLE, Element, intrinsic
from pellucid.compiler.codegen.scope import (
    ask_for,
    constant,
    first_lanes,
    masked_load,
    masked_store,
)
from pellucid.compiler.program import MinibatchFeed, Program
from pellucid.core import shapes
from pellucid.core.dtypes import DType, float32, float64

SLOTS, ORDER, BATCH, STEPS, LAST, VALUES, MEASURES, DONE, DATA = range(9)
NOT_FINITE_DATA, NOT_FINITE_LOSS = 1, 2  # why a run halts
AHEAD = 2  # how many rows before it is copied a row is asked for: a drawn order foretells none


class Steps(Protocol):
    """What `module.py` lends: the kernels of a step, in any function."""

    status: ir.Value

    def open(
        self,
        builder: ir.IRBuilder,
        slots: ir.Value,
        rows: ir.Value,
        thread: ir.Value,
        threads: ir.Value,
    ) -> None: ...

    def address(self, number: int) -> ir.Value: ...

    def emit(self) -> None: ...

    def meet(self) -> None: ...


def train(
    module: ir.Module,
    name: str,
    program: Program,
    feed: MinibatchFeed,
    steps: Steps,
    vector_bytes: int,
) -> None:
    """Adds the entry `name` to the module."""
    several = _several(module, program, feed, steps, vector_bytes)
    pointer, number = ir.PointerType(), ir.IntType(64)
    kind = ir.FunctionType(ir.VoidType(), [pointer, number, number])
    function = ir.Function(module, kind, name)
    b = ir.IRBuilder(function.append_basic_block("entry"))
    control, thread, threads = function.args
    batch, count = _field(b, control, BATCH), _field(b, control, STEPS)
    b.call(several, [control, batch, i64(0), count, thread, threads])
    last = _field(b, control, LAST)
    one = b.zext(b.icmp_signed(">", last, i64(0)), number)
    b.call(several, [control, last, count, one, thread, threads])
    b.ret_void()


def _several(
    module: ir.Module, program: Program, feed: MinibatchFeed, steps: Steps, vector_bytes: int
) -> ir.Function:
    """void several(ptr control, i64 rows, i64 first, i64 count, i64 thread, i64 threads)"""
    pointer, number = ir.PointerType(), ir.IntType(64)
    kind = ir.FunctionType(ir.VoidType(), [pointer] + [number] * 5)
    function = ir.Function(module, kind, "several")
    function.linkage = "internal"
    b = ir.IRBuilder(function.append_basic_block("entry"))
    control, rows, first, count, thread, threads = function.args
    steps.open(b, _pointer(b, control, SLOTS), rows, thread, threads)
    order, begun = _pointer(b, control, ORDER), b.mul(first, _field(b, control, BATCH))
    values, measures = _pointer(b, control, VALUES), _pointer(b, control, MEASURES)
    share = (
        b.sdiv(b.mul(rows, thread), threads),
        b.sdiv(b.mul(rows, b.add(thread, i64(1))), threads),
    )
    mine = b.icmp_signed("==", thread, i64(0))
    with loop(b, count, "step") as one, b.if_then(_going(b, steps)):
        step = b.add(first, one.index)
        with b.if_then(mine):
            _schedule(b, program, feed, steps, values, step)
        place = b.add(begun, b.mul(one.index, rows))
        chosen = b.gep(order, [place], source_etype=number)
        for which in range(len(feed.gathered)):
            _gather(b, program, feed, which, steps, control, chosen, share, vector_bytes)
        steps.meet()
        with b.if_then(_going(b, steps)):
            steps.emit()
            with b.if_then(mine):
                _measure(b, program, feed, steps, measures, step)
                done = b.gep(control, [i64(DONE)], source_etype=number)
                b.store(b.add(step, i64(1)), done)
            steps.meet()
    b.ret_void()
    return function


def _field(b: ir.IRBuilder, control: ir.Value, place: int) -> ir.Value:
    number = ir.IntType(64)
    return b.load(b.gep(control, [i64(place)], source_etype=number), typ=number)


def _pointer(b: ir.IRBuilder, control: ir.Value, place: int) -> ir.Value:
    """An address, which takes a field of 64 bits on machines of 32 bits too."""
    return b.load(b.gep(control, [i64(place)], source_etype=ir.IntType(64)), typ=ir.PointerType())


def _halt(b: ir.IRBuilder, steps: Steps) -> ir.Value:
    return b.gep(steps.status, [i64(HALT)], source_etype=ir.IntType(8))


def _going(b: ir.IRBuilder, steps: Steps) -> ir.Value:
    """Whether nothing has gone wrong. Asked behind a barrier, all threads get one answer."""
    number = ir.IntType(64)
    failed, halted = b.load(steps.status, typ=number), b.load(_halt(b, steps), typ=number)
    return b.icmp_signed("==", b.or_(failed, halted), i64(0))


def _schedule(
    b: ir.IRBuilder,
    program: Program,
    feed: MinibatchFeed,
    steps: Steps,
    values: ir.Value,
    step: ir.Value,
) -> None:
    """Puts this step's scalars where the kernels read them."""
    for place, source in enumerate(feed.scheduled):
        buffer = program.inputs[source]
        dtype = program.buffers[buffer].type.dtype
        at = b.add(b.mul(step, i64(len(feed.scheduled))), i64(place))
        value = b.load(b.gep(values, [at], source_etype=ir.DoubleType()), typ=ir.DoubleType())
        b.store(_cast(b, value, float64, dtype), steps.address(buffer))


def _measure(
    b: ir.IRBuilder,
    program: Program,
    feed: MinibatchFeed,
    steps: Steps,
    measures: ir.Value,
    step: ir.Value,
) -> None:
    """Keeps this step's measures; halts where the first is not finite."""
    types = [program.buffers[program.outputs[output]].type for output in feed.measured]
    sizes = [shapes.count(type.shape) for type in types]
    first = b.mul(step, i64(sum(sizes)))
    for n, (output, type, size) in enumerate(zip(feed.measured, types, sizes, strict=True)):
        address = steps.address(program.outputs[output])
        kind, place = register_type(type.dtype), b.add(first, i64(sum(sizes[:n])))
        if type.shape:
            with loop(b, i64(size), "number") as one:
                value = b.load(b.gep(address, [one.index], source_etype=kind), typ=kind)
                at = b.gep(measures, [b.add(place, one.index)], source_etype=ir.DoubleType())
                b.store(_cast(b, value, type.dtype, float64), at)
            continue
        value = _cast(b, b.load(address, typ=kind), type.dtype, float64)
        b.store(value, b.gep(measures, [place], source_etype=ir.DoubleType()))
        if n == 0:
            with b.if_then(_not_finite(b, value), likely=False):
                b.store(i64(NOT_FINITE_LOSS), _halt(b, steps))


def _cast(b: ir.IRBuilder, value: ir.Value, source: DType, goal: DType) -> ir.Value:
    return TABLE["cast"](Element(b, "", (source,)), value, dtype=goal)


def _not_finite(b: ir.IRBuilder, value: ir.Value) -> ir.Value:
    dtype = float64 if "double" in str(value.type) else float32
    magnitude = intrinsic(b, "fabs", value.type, value)
    return b.fcmp_unordered(">=", magnitude, constant(value.type, dtype, math.inf))


def _gather(
    b: ir.IRBuilder,
    program: Program,
    feed: MinibatchFeed,
    which: int,
    steps: Steps,
    control: ir.Value,
    chosen: ir.Value,
    share: tuple[ir.Value, ir.Value],
    vector_bytes: int,
) -> None:
    """Copies this thread's rows of one batch from the data, in the dtype of the program."""
    source, dtype = feed.gathered[which]
    buffer = program.inputs[source]
    type = program.buffers[buffer].type
    width = shapes.size(type.shape[1:])
    assert isinstance(width, int)
    data, stride = _pointer(b, control, DATA + 2 * which), _field(b, control, DATA + 2 * which + 1)
    with loop(b, b.sub(share[1], share[0]), "row") as one:
        row = b.add(share[0], one.index)
        later = least(b, b.add(row, i64(AHEAD)), b.sub(share[1], i64(1)))
        from_, ahead = (_row(b, data, stride, chosen, number) for number in (row, later))
        place = b.mul(row, i64(width))
        to = b.gep(steps.address(buffer), [place], source_etype=memory_type(type.dtype))
        bad = _copy_row(b, from_, ahead, dtype, to, type.dtype, width, vector_bytes)
        if bad is not None:
            with b.if_then(bad, likely=False):
                b.store(i64(NOT_FINITE_DATA), _halt(b, steps))


def _row(
    b: ir.IRBuilder, data: ir.Value, stride: ir.Value, chosen: ir.Value, number: ir.Value
) -> ir.Value:
    """Where row `number` of a batch stands in the data."""
    kind = ir.IntType(64)
    wanted = b.load(b.gep(chosen, [number], source_etype=kind), typ=kind)
    return b.gep(data, [b.mul(wanted, stride)], source_etype=ir.IntType(8))


def _copy_row(
    b: ir.IRBuilder,
    from_: ir.Value,
    ahead: ir.Value,
    source: DType,
    to: ir.Value,
    goal: DType,
    width: int,
    vector_bytes: int,
) -> ir.Value | None:
    """Copies and converts `width` elements; whether one of them is not finite, where one may be.

    As many of those from `ahead` on are asked for, which a later call copies.
    """
    lanes = vector_bytes // max(source.itemsize, goal.itemsize, 4)
    checked = source.is_float and goal.is_float
    bits = ir.VectorType(ir.IntType(1), lanes)

    def copy_vector(offset: ir.Value, mask: ir.Value | None) -> ir.Value | None:
        kind = ir.VectorType(memory_type(source), lanes)
        at = b.gep(from_, [offset], source_etype=kind.element)
        ask_for(b, b.gep(ahead, [offset], source_etype=kind.element))
        if mask is None:
            value = b.load(at, typ=kind, align=source.itemsize)
        else:
            value = masked_load(b, kind, at, source.itemsize, mask)
        if source.kind == "b":
            value = b.icmp_unsigned("!=", value, constant(kind, source, 0))
        value = _cast(b, value, source, goal)
        bad = _not_finite(b, value) if checked else None
        if goal.kind == "b":
            value = b.zext(value, ir.VectorType(ir.IntType(8), lanes))
        place = b.gep(to, [offset], source_etype=memory_type(goal))
        if mask is None:
            b.store(value, place, align=goal.itemsize)
        else:
            masked_store(b, value, place, goal.itemsize, mask)
        return bad

    blocks, rest = divmod(width, lanes)
    found = ir.Constant(bits, None)
    if blocks:
        with loop(b, i64(blocks), "element", [found] if checked else []) as one:
            bad = copy_vector(b.mul(one.index, i64(lanes)), None)
            if checked:
                one.next = [b.or_(one.carried[0], bad)]
        if checked:
            found = one.carried[0]
    if rest:
        bad = copy_vector(i64(blocks * lanes), first_lanes(b, i64(rest), lanes))
        if checked:
            found = b.or_(found, bad)
    return intrinsic(b, "vector.reduce.or", ir.IntType(1), found) if checked else None
