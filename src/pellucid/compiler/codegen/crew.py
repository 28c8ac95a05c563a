"""Workers that wait for work inside machine code, so that they begin at once when it comes.

Waking a parked thread takes some 60 µs, most of a small product. A worker that has done its part
looks out for the next one for a moment first. Three functions of a module of their own:

    i64  post(ptr box, ptr job)           hands a part over; gives what the worker was doing
    void serve(ptr box)                   does what is posted; returns when nothing came for a while
    void join(ptr box)                    waits until what was posted is done

A box is the worker's own, see `boxes.py`. `runtime/threads.py` keeps the workers.
"""

from __future__ import annotations

from pellucid.compiler.boxes import CALLED, IDLE, JOB, PARKED, POSTED, TRAIN, WORDS
from pellucid.compiler.codegen.barrier import give_way, pause
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.target import Target

POST, SERVE, JOIN = "post", "serve", "join"
_LOOKS = 2000  # at the state before the core is offered to others: some 40 µs
_OFFERS = 300  # before the worker leaves
_SLEEP = 50  # microseconds between looks of a leader whose worker lost its core


def build(target: Target) -> ir.Module:
    """The module with the three functions."""
    module = ir.Module("crew")
    module.triple = target.triple
    _post(module)
    _serve(module, target)
    _join(module, target)
    return module


def _start(module: ir.Module, name: str, result: ir.Type, count: int) -> ir.Function:
    kind = ir.FunctionType(result, [ir.PointerType()] * count)
    function = ir.Function(module, kind, name)
    function.append_basic_block("entry")
    return function


def _state(b: ir.IRBuilder, box: ir.Value) -> ir.Value:
    return b.load_atomic(box, "acquire", 8, typ=ir.IntType(64))


def _word(b: ir.IRBuilder, box: ir.Value, number: int) -> ir.Value:
    return b.gep(box, [i64(JOB // 8 + number)], source_etype=ir.IntType(64))


def _post(module: ir.Module) -> None:
    function = _start(module, POST, ir.IntType(64), 2)
    box, job = function.args
    b = ir.IRBuilder(function.entry_basic_block)
    with loop(b, i64(WORDS), "word") as one:
        word = b.load(b.gep(job, [one.index], source_etype=ir.IntType(64)), typ=ir.IntType(64))
        place = b.add(one.index, i64(JOB // 8))
        b.store(word, b.gep(box, [place], source_etype=ir.IntType(64)))
    b.ret(b.atomic_rmw("xchg", box, i64(POSTED), "acq_rel"))


def _serve(module: ir.Module, target: Target) -> None:
    function = _start(module, SERVE, ir.VoidType(), 1)
    (box,) = function.args
    names = ("look", "work", "wait", "spin", "offer", "tired", "leave", "gone")
    look, work, wait, spin, offer, tired, leave, gone = map(function.append_basic_block, names)
    b = ir.IRBuilder(function.entry_basic_block)
    b.branch(look)
    b.position_at_end(look)
    looks = b.phi(ir.IntType(64), "looks")
    looks.add_incoming(i64(0), function.entry_basic_block)
    choice = b.switch(_state(b, box), wait)
    choice.add_case(i64(POSTED), work)
    choice.add_case(i64(CALLED), leave)
    b.position_at_end(work)
    _work(b, box)
    b.atomic_rmw("xchg", box, i64(IDLE), "acq_rel")
    looks.add_incoming(i64(0), b.block)
    b.branch(look)
    b.position_at_end(wait)
    after = b.add(looks, i64(1))
    b.cbranch(b.icmp_signed("<", looks, i64(_LOOKS)), spin, offer)
    b.position_at_end(spin)
    pause(b, target)
    looks.add_incoming(after, b.block)
    b.branch(look)
    b.position_at_end(offer)
    give_way(b, target, 0)
    looks.add_incoming(after, b.block)
    b.cbranch(b.icmp_signed("<", looks, i64(_LOOKS + _OFFERS)), look, tired)
    b.position_at_end(tired)  # unless work was posted just now
    parked = b.cmpxchg(box, i64(IDLE), i64(PARKED), "acq_rel", "acquire")
    looks.add_incoming(i64(0), b.block)
    b.cbranch(b.extract_value(parked, 1), gone, look)
    b.position_at_end(leave)
    b.atomic_rmw("xchg", box, i64(PARKED), "acq_rel")
    b.branch(gone)
    b.position_at_end(gone)
    b.ret_void()


def _work(b: ir.IRBuilder, box: ir.Value) -> None:
    """Calls the entry that was posted."""
    kind, address, *words = (b.load(_word(b, box, n), typ=ir.IntType(64)) for n in range(WORDS))
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


def _join(module: ir.Module, target: Target) -> None:
    function = _start(module, JOIN, ir.VoidType(), 1)
    (box,) = function.args
    names = ("look", "wait", "spin", "sleep", "done")
    look, wait, spin, sleep, done = map(function.append_basic_block, names)
    b = ir.IRBuilder(function.entry_basic_block)
    b.branch(look)
    b.position_at_end(look)
    looks = b.phi(ir.IntType(64), "looks")
    looks.add_incoming(i64(0), function.entry_basic_block)
    b.cbranch(b.icmp_signed("==", _state(b, box), i64(POSTED)), wait, done)
    b.position_at_end(wait)
    after = b.add(looks, i64(1))
    b.cbranch(b.icmp_signed("<", looks, i64(_LOOKS)), spin, sleep)
    b.position_at_end(spin)
    pause(b, target)
    looks.add_incoming(after, spin)
    b.branch(look)
    b.position_at_end(sleep)
    give_way(b, target, _SLEEP)
    looks.add_incoming(after, sleep)
    b.branch(look)
    b.position_at_end(done)
    b.ret_void()
