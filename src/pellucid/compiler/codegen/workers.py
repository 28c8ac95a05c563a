"""Workers that wait for work inside machine code, so that they begin at once when it comes.

Waking a parked thread takes some 60 µs, most of a small product. A worker that has done its part
looks out for the next one for a moment first. Four functions of a module of their own:

    i64  post(ptr box, ptr job)           hands a part over; gives what the worker was doing
    void serve(ptr box)                   does what is posted; returns when nothing came for a while
    void join(ptr box)                    waits until what was posted is done
    i64  share(ptr boxes, i64 count, ptr job, i64 at)
                                          all of it at once, where every worker looks out: hands a
                                          part to each, does part 0, waits; 0 where one has left

A box is the worker's own, see `mailbox.py`. `runtime/threads.py` keeps the workers.
"""

from __future__ import annotations

from pellucid.compiler.codegen.barrier import pause, yield_core
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.mailbox import (
    CALLED,
    IDLE,
    JOB,
    PARKED,
    POSTED,
    RESERVED,
    TRAIN,
    WORDS,
)

POST, SERVE, JOIN, SHARE = "post", "serve", "join", "share"
_SPINS = 2000  # at the state before the core is offered to others: some 40 µs
_YIELDS = 300  # before the worker leaves
_SLEEP = 50  # microseconds between looks of a leader whose worker lost its core


def build(target: Target) -> ir.Module:
    """The module with the four functions."""
    module = ir.Module("workers")
    module.triple = target.triple
    _post(module)
    _serve(module, target)
    _share(module, _join(module, target))
    return module


def _start(module: ir.Module, name: str, result: ir.Type, count: int) -> ir.Function:
    kind = ir.FunctionType(result, [ir.PointerType()] * count)
    function = ir.Function(module, kind, name)
    function.append_basic_block("entry")
    return function


def _state(b: ir.IRBuilder, box: ir.Value) -> ir.Value:
    return b.load_atomic(box, "acquire", 8, typ=ir.IntType(64))


def _word(b: ir.IRBuilder, words: ir.Value, number: ir.Value) -> ir.Value:
    """Where a word of several stands."""
    return b.gep(words, [number], source_etype=ir.IntType(64))


def _job(b: ir.IRBuilder, box: ir.Value) -> ir.Value:
    return b.gep(box, [i64(JOB)], source_etype=ir.IntType(8))


def _hand_over(b: ir.IRBuilder, job: ir.Value, box: ir.Value) -> ir.Value:
    """Puts a job into a box; gives the state that this ended."""
    goal = _job(b, box)
    with loop(b, i64(WORDS), "word") as one:
        word = b.load(_word(b, job, one.index), typ=ir.IntType(64))
        b.store(word, _word(b, goal, one.index))
    return b.atomic_rmw("xchg", box, i64(POSTED), "acq_rel")


def _post(module: ir.Module) -> None:
    function = _start(module, POST, ir.IntType(64), 2)
    box, job = function.args
    b = ir.IRBuilder(function.entry_basic_block)
    b.ret(_hand_over(b, job, box))


def _share(module: ir.Module, join: ir.Function) -> None:
    """Workers are reserved first: none of them leaves between this look and the post."""
    word, pointer = ir.IntType(64), ir.PointerType()
    kind = ir.FunctionType(word, [pointer, word, pointer, word])
    function = ir.Function(module, kind, SHARE)
    boxes, count, job, at = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))

    def box(number: ir.Value) -> ir.Value:
        return b.inttoptr(b.load(_word(b, boxes, number), typ=word), pointer)

    with loop(b, count, "reserve", [i64(0)]) as one:
        going = b.icmp_signed("==", one.carried[0], one.index)  # all before it were idle
        wanted = b.select(going, i64(IDLE), i64(-1))
        found = b.cmpxchg(box(one.index), wanted, i64(RESERVED), "acq_rel", "acquire")
        one.next = [b.add(one.carried[0], b.zext(b.extract_value(found, 1), word))]
    reserved = one.carried[0]
    with b.if_then(b.icmp_signed("<", reserved, count)):
        with loop(b, reserved, "release") as back:
            b.atomic_rmw("xchg", box(back.index), i64(IDLE), "acq_rel")
        b.ret(i64(0))
    with loop(b, count, "part") as part:
        b.store(b.add(part.index, i64(1)), _word(b, job, at))
        _hand_over(b, job, box(part.index))
    b.store(i64(0), _word(b, job, at))
    _work(b, job)
    with loop(b, count, "end") as end:
        b.call(join, [box(end.index)])
    b.ret(i64(1))


def _serve(module: ir.Module, target: Target) -> None:
    function = _start(module, SERVE, ir.VoidType(), 1)
    (box,) = function.args
    names = ("poll", "work", "wait", "spin", "yield", "parking", "leave", "done")
    poll, work, wait, spin, yielding, parking, leave, done = map(function.append_basic_block, names)
    b = ir.IRBuilder(function.entry_basic_block)
    b.branch(poll)
    b.position_at_end(poll)
    spins = b.phi(ir.IntType(64), "spins")
    spins.add_incoming(i64(0), function.entry_basic_block)
    choice = b.switch(_state(b, box), wait)
    choice.add_case(i64(POSTED), work)
    choice.add_case(i64(CALLED), leave)
    b.position_at_end(work)
    _work(b, _job(b, box))
    b.atomic_rmw("xchg", box, i64(IDLE), "acq_rel")
    spins.add_incoming(i64(0), b.block)
    b.branch(poll)
    b.position_at_end(wait)
    after = b.add(spins, i64(1))
    b.cbranch(b.icmp_signed("<", spins, i64(_SPINS)), spin, yielding)
    b.position_at_end(spin)
    pause(b, target)
    spins.add_incoming(after, b.block)
    b.branch(poll)
    b.position_at_end(yielding)
    yield_core(b, target, 0)
    spins.add_incoming(after, b.block)
    b.cbranch(b.icmp_signed("<", spins, i64(_SPINS + _YIELDS)), poll, parking)
    b.position_at_end(parking)  # unless work was posted just now
    parked = b.cmpxchg(box, i64(IDLE), i64(PARKED), "acq_rel", "acquire")
    spins.add_incoming(i64(0), b.block)
    b.cbranch(b.extract_value(parked, 1), done, poll)
    b.position_at_end(leave)
    b.atomic_rmw("xchg", box, i64(PARKED), "acq_rel")
    b.branch(done)
    b.position_at_end(done)
    b.ret_void()


def _work(b: ir.IRBuilder, job: ir.Value) -> None:
    """Calls the entry of a job."""
    word = ir.IntType(64)
    kind, address, *words = (b.load(_word(b, job, i64(n)), typ=word) for n in range(WORDS))
    entry = b.inttoptr(address, ir.PointerType())
    first = b.inttoptr(words[0], ir.PointerType())
    with b.if_else(b.icmp_signed("==", kind, i64(TRAIN))) as (train, run):
        with train:
            _call(b, entry, [first, *words[1:3]])
        with run:
            _call(b, entry, [first, *words[1:]])


def _call(b: ir.IRBuilder, entry: ir.Value, arguments: list[ir.Value]) -> None:
    kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
    b.call(_Entry(kind, entry), arguments)


class _Entry:
    """An address as llvmlite wants what it calls."""

    def __init__(self, kind: ir.FunctionType, address: ir.Value):
        self.function_type = kind
        self.get_reference = address.get_reference


def _join(module: ir.Module, target: Target) -> ir.Function:
    function = _start(module, JOIN, ir.VoidType(), 1)
    (box,) = function.args
    names = ("poll", "wait", "spin", "sleep", "done")
    poll, wait, spin, sleep, done = map(function.append_basic_block, names)
    b = ir.IRBuilder(function.entry_basic_block)
    b.branch(poll)
    b.position_at_end(poll)
    spins = b.phi(ir.IntType(64), "spins")
    spins.add_incoming(i64(0), function.entry_basic_block)
    b.cbranch(b.icmp_signed("==", _state(b, box), i64(POSTED)), wait, done)
    b.position_at_end(wait)
    after = b.add(spins, i64(1))
    b.cbranch(b.icmp_signed("<", spins, i64(_SPINS)), spin, sleep)
    b.position_at_end(spin)
    pause(b, target)
    spins.add_incoming(after, spin)
    b.branch(poll)
    b.position_at_end(sleep)
    yield_core(b, target, _SLEEP)
    spins.add_incoming(after, sleep)
    b.branch(poll)
    b.position_at_end(done)
    b.ret_void()
    return function
