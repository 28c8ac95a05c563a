"""Where threads meet: `barrier(status, threads)`, a function of the module.

A thread that waits spins for about a microsecond, then gives its time away, then sleeps: another
process may have taken the core of the thread it waits for.

    status: i64 failed kernel, i64 value, i64 halt, i64 stop
            | 64: i64 arrived | 128: i64 round | 192
"""

from __future__ import annotations

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64
from pellucid.compiler.codegen.target import Target

STATUS_BYTES = 256
HALT = 16  # why a training run stopped, in a place of its own
STOP = 24  # set from outside while `run` goes on: no one waits for its results any more
_ARRIVED, _ROUND = 64, 128  # cache lines of their own
_SPINS = 1000  # rounds of looking before the core is offered to others
_YIELDS = 2000  # offers before the thread sleeps
_SLEEP = 50  # microseconds


def barrier(module: ir.Module, target: Target) -> ir.Function:
    """void barrier(ptr status, i64 threads): returns when all `threads` have called it."""
    pointer, number = ir.PointerType(), ir.IntType(64)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, number]), "barrier")
    function.linkage = "internal"
    status, threads = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    if target.web:  # one thread
        b.ret_void()
        return function
    together, alone = function.append_basic_block("together"), function.append_basic_block("alone")
    b.cbranch(b.icmp_signed(">", threads, i64(1)), together, alone)
    b.position_at_end(alone)
    b.ret_void()
    b.position_at_end(together)
    arrived = b.gep(status, [i64(_ARRIVED)], source_etype=ir.IntType(8))
    place = b.gep(status, [i64(_ROUND)], source_etype=ir.IntType(8))
    before = b.load_atomic(place, "acquire", 8, typ=number)
    count = b.atomic_rmw("add", arrived, i64(1), "acq_rel")
    last, wait = function.append_basic_block("last"), function.append_basic_block("wait")
    b.cbranch(b.icmp_signed("==", count, b.sub(threads, i64(1))), last, wait)
    b.position_at_end(last)
    b.store(i64(0), arrived, align=8)
    b.atomic_rmw("add", place, i64(1), "acq_rel")  # publishes the store above
    b.ret_void()
    b.position_at_end(wait)
    _wait(b, function, place, before, alone, target)
    return function


def _wait(
    b: ir.IRBuilder,
    function: ir.Function,
    place: ir.Value,
    before: ir.Value,
    done: ir.Block,
    target: Target,
) -> None:
    poll = function.append_basic_block("poll")
    still = function.append_basic_block("still")
    spin, rest = function.append_basic_block("spin"), function.append_basic_block("rest")
    yielding, sleep = function.append_basic_block("yield"), function.append_basic_block("sleep")
    after = function.append_basic_block("after")
    start = b.block
    b.branch(poll)
    b.position_at_end(poll)
    spins = b.phi(ir.IntType(64), "spins")
    spins.add_incoming(i64(0), start)
    now = b.load_atomic(place, "acquire", 8, typ=ir.IntType(64))
    b.cbranch(b.icmp_signed("==", now, before), still, done)
    b.position_at_end(still)
    b.cbranch(b.icmp_signed("<", spins, i64(_SPINS)), spin, rest)
    b.position_at_end(spin)
    pause(b, target)
    b.branch(after)
    b.position_at_end(rest)
    b.cbranch(b.icmp_signed("<", spins, i64(_SPINS + _YIELDS)), yielding, sleep)
    b.position_at_end(yielding)
    yield_core(b, target, 0)
    b.branch(after)
    b.position_at_end(sleep)
    yield_core(b, target, _SLEEP)
    b.branch(after)
    b.position_at_end(after)
    spins.add_incoming(b.add(spins, i64(1)), after)
    b.branch(poll)


def pause(b: ir.IRBuilder, target: Target) -> None:
    """Tells the core that this is a loop that waits."""
    if target.triple.startswith(("x86", "i686")):
        name, kind = "llvm.x86.sse2.pause", ir.FunctionType(ir.VoidType(), [])
        known = b.module.globals.get(name)
        b.call(known if known is not None else ir.Function(b.module, kind, name), [])


def yield_core(b: ir.IRBuilder, target: Target, microseconds: int) -> None:
    """The system's own function: in every process, so no library is linked."""
    i32 = ir.IntType(32)
    if "windows" in target.triple:
        name, result, arguments = "Sleep", ir.VoidType(), [ir.Constant(i32, microseconds // 50)]
    elif microseconds:
        name, result, arguments = "usleep", i32, [ir.Constant(i32, microseconds)]
    else:
        name, result, arguments = "sched_yield", i32, []
    function = b.module.globals.get(name)
    if function is None:
        function = ir.Function(b.module, ir.FunctionType(result, [a.type for a in arguments]), name)
    b.call(function, arguments)
