"""Ctrl-C at every place of the code that hears it: nothing is lost, held or done twice."""

from __future__ import annotations

import _thread
import collections
import contextlib
import dis
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen import target as targets
from pellucid.compiler.mailbox import RUN
from pellucid.core import signals
from pellucid.core.signals import deferred, immediate
from pellucid.runtime import cache, machine, machine_code, threads, worker_code
from pellucid.runtime.native import Native
from pellucid.runtime.routines import Library
from pellucid.runtime.threads import Team, apart
from pellucid.svm import emit_accumulate

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX sends them"),
    pytest.mark.usefixtures("ctrl_c_raises"),
]
WATCHED = [str(one.__file__) for one in (threads, signals, contextlib)]


def struck(call: Callable[[], Any], number: int) -> bool:
    """Calls it with Ctrl-C at place `number` of the files watched; whether it has so many.

    Python looks for signals where a function begins, behind each call of C, and where a loop goes
    back. There it comes as it would: it waits from before the instruction that looks. A handler
    that ran here would raise between two instructions, which may be behind a `try`.
    """
    left = [number]
    wait = collections.defaultdict(_thread.interrupt_main)  # wait[0] runs no line of Python

    def begun(frame: FrameType, event: str, what: Any) -> Any:
        code = frame.f_code
        if code.co_filename not in WATCHED:
            return None
        if dis.opname[code.co_code[frame.f_lasti]] == "RESUME":  # no generator that is closed
            left[0] -= 1
            if left[0] == 0:
                signal.raise_signal(signal.SIGINT)
        frame.f_trace_opcodes = True

        def inside(frame: FrameType, event: str, what: Any) -> Any:
            if event == "opcode":
                now = dis.opname[code.co_code[frame.f_lasti]]
                if now.startswith(("CALL", "JUMP_BACKWARD")):
                    left[0] -= 1
                    if left[0] == 0:
                        wait[0]
            return inside

        return inside

    outer = sys.gettrace()
    sys.settrace(begun)
    try:
        call()
    finally:
        sys.settrace(outer)
    return left[0] <= 0


def unowned(most: int = 0) -> int:
    """How many workers live and are not parked: `most`, as soon as there are no more."""
    end = time.monotonic() + 2
    while True:
        alive = [one for one in threading.enumerate() if one.name == "pellucid worker"]
        count = len(alive) - len(threads._parked)
        if count <= most or time.monotonic() > end:
            return count
        time.sleep(0.001)


def leaving() -> None:
    asked = threading.Event()
    assert apart(lambda: 7, asked.set) == 7


def nested() -> None:
    """As a slow step of `fit`: a block inside a block, one of which lets signals through."""
    with deferred():
        with immediate():
            apart(lambda: None, lambda: None)
        with immediate(), deferred():
            pass


class Work:
    """Worker code whose calls are all shared and do nothing."""

    def share(self, boxes: int, count: int, job: int, at: int) -> int:
        return 1


WORK: Any = Work()


@pytest.mark.parametrize(
    "call",
    [
        leaving,
        nested,
        lambda: Team(2).run(lambda part: None),
        lambda: Team(2).run(lambda part: None, lambda: None),
    ],
    ids=["apart", "nested", "team", "team that may be left"],
)
def test_ctrl_c_anywhere_is_heard_and_leaves_all_in_order(
    call: Callable[[], Any],
) -> None:
    """Once, by the one who waits; the handler stands again, and each worker is parked or ended."""
    number, own = 0, unowned()
    while True:
        number += 1
        try:
            if not struck(call, number):
                break
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError(f"Ctrl-C at place {number} was lost")
        gc.collect(0)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, number
        assert signals._blocks == [], number
        assert unowned(own) <= own, number
    assert number > 50 and sys.exc_info() == (None, None, None)


def test_a_call_of_machine_code_loses_no_parked_worker() -> None:
    Team(3).run(lambda part: None)
    number, parked, left = 1, len(threads._parked), True
    while left:
        with contextlib.suppress(KeyboardInterrupt):
            left = struck(lambda: Team(3).call(WORK, RUN, 0, (0, 0, 0)), number)
        assert len(threads._parked) == parked, number
        number += 1
    assert number > 12


def test_a_block_inside_another_ends_itself() -> None:
    """Two that let the same signals through are equal; what came for the outer one is heard."""
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    with deferred():
        with immediate(), deferred():
            pass
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert came == []
        with immediate():
            assert came == [signal.SIGINT]
    assert came == [signal.SIGINT]


def test_a_worker_that_has_not_begun_ends_without_its_task() -> None:
    """On a busy machine it may sleep for longer than the work that is left gets to end."""
    before = set(threading.enumerate())
    worker = threads._Worker()
    (thread,) = set(threading.enumerate()) - before
    begun: list[int] = []
    held, out = threading.Event(), threading.Event()

    def hold(part: int) -> None:
        held.set()
        out.wait(20)

    worker.give(threads._Task(hold, 0))
    assert held.wait(20)
    worker.give(threads._Task(begun.append, 0))  # which it does not hear of yet
    worker.end()
    out.set()
    thread.join(20)
    assert not thread.is_alive() and begun == []


def all_that_calls_llvm() -> None:
    """A graph, a routine, the workers' code, what LLVM itself loads, texts, and what all leave."""
    f = pel.jit(lambda a: np.sum(np.tanh(a) * 3), threads=1)
    graph = f.graph(np.ones(5, np.float32))
    assert np.isfinite(f(np.ones(5, np.float32)))
    program = Native(graph)
    assert program.llvm() and program.assembly()
    targets.host.cache_clear()
    known = targets.host()
    Library(emit_accumulate.emit, pel.core.dtypes.float32)
    worker_code._WorkerCode(known)
    code = machine_code.object_code(codegen.build(program.program, known), known)
    for _ in range(2):
        engine = targets.load(code, known)
        assert engine.get_function_address("run")
        del engine
    gc.collect()


def test_ctrl_c_never_comes_inside_llvmlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it frees a string twice, or keeps the lock that each call of LLVM takes: the process
    ends, or hangs. So handlers of signals wait where the main thread calls it."""
    monkeypatch.setattr(cache, "find", lambda name: None)
    monkeypatch.setattr(machine_code, "_loaded", {})
    machine.this_machine.cache_clear()
    gc.collect()
    open_to_it: set[str] = set()
    calls = [0]

    def look(frame: FrameType, event: str, what: Any) -> None:
        code = frame.f_code
        if event == "call" and os.path.join("llvmlite", "binding") in code.co_filename:
            calls[0] += 1
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                open_to_it.add(f"{os.path.basename(code.co_filename)}: {code.co_name}")

    sys.setprofile(look)
    try:
        all_that_calls_llvm()
    finally:
        sys.setprofile(None)
    assert calls[0] > 20
    assert open_to_it == set()
