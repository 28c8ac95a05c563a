"""Threads: how many a process may run at once, and workers that wait for work.

In: a function of a part's number, or machine code. Out: it was called for every part at the same
time. Native code gives the interpreter lock back while it runs, so Python threads are enough.
Workers are made when they are first needed and then parked: waking one takes half the time of
making one. Behind machine code they look out for more of it, inside machine code, before they park.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from pellucid.compiler.mailbox import CALLED, IDLE, MAILBOX_BYTES, PARKED, RUN, TRAIN, WORDS
from pellucid.core import forks
from pellucid.core.arguments import integer
from pellucid.core.errors import PellucidError
from pellucid.core.signals import deferred, immediate

Result = TypeVar("Result")
_WORD = ctypes.c_int64
_ENTRIES = {
    RUN: ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[_WORD] * 4),
    TRAIN: ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[_WORD] * 2),
}
MOST = 1024  # threads that may be asked for
_PARKED = 64  # workers that are kept; more of them were a burst
_STACK = 8 << 20  # bytes; only what is used takes memory
_LOOK = 0.1  # seconds between two looks at what a waiting thread cannot be woken for
_GRACE = 0.05  # seconds that work which nobody waits for any more gets to end
_MOUNT = Path("/sys/fs/cgroup")


def available() -> int:
    """How many threads this process may run at once.

    Its processors, what a container allows, and OMP_NUM_THREADS where that is set; in a task of
    Dask's that of its worker.
    """
    return max(1, min(_processors(), _quota(), _asked()))


def check(where: str, threads: object) -> int:
    """`threads`, or as many as are available where it is None.

    Raises:
        ArgumentError: for anything but a whole number from 1.
    """
    return available() if threads is None else integer(where, "threads", threads, 1, MOST)


def _processors() -> int:
    """The processors that the process is bound to."""
    counted = getattr(os, "process_cpu_count", None)  # Python 3.13: heeds -X cpu_count too
    if counted is not None:
        return counted() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _asked() -> int:
    """What OMP_NUM_THREADS says, of a list the first number; where it says none, MOST.

    A task of Dask's has one thread then: its worker runs as many tasks at once as it has threads.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if first.isdecimal() and int(first) > 0:
        return int(first)
    task = getattr(sys.modules.get("dask.context"), "thread_state", None)
    return MOST if getattr(task, "key", None) is None else 1


@functools.cache
def _quota() -> int:
    """Whole processors that the control groups of Linux allow, at least 1; MOST without a limit."""
    return int(max(1.0, min(_limits(Path("/proc/self/cgroup"), _MOUNT), default=MOST)))


def _limits(membership: Path, mount: Path) -> Iterator[float]:
    """Processors that each group around the process allows, in either version of control groups.

    Inside a container the path may be that of the host, which is not there: the groups of the
    mount itself then hold the limit.
    """
    try:
        lines = membership.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = mount / controllers
        inner = root / path.lstrip("/")
        for folder in (inner, *inner.parents):
            yield from _limit(folder)
            if folder == root:
                break


def _limit(folder: Path) -> Iterator[float]:
    """What one group allows: `cpu.max` holds quota and period, version 1 has a file for each."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        if float(quota) > 0 and float(period) > 0:
            yield float(quota) / float(period)
    except (OSError, ValueError):  # no such group, or "max"
        return


class _Task:
    """One part of a run."""

    __slots__ = ("_done", "_ended", "_made_in", "error", "function", "part")

    def __init__(self, function: Callable[[int], object], part: int):
        self.function, self.part = function, part
        self.error: BaseException | None = None
        self._done, self._made_in = forks.signal(), forks.count()
        self._ended = False

    def run(self) -> None:
        try:
            self.function(self.part)
        except BaseException as error:  # the caller raises it, whatever it is
            self.error = error
        finally:
            self._done.release()

    def wait(self, seconds: float = math.inf) -> bool:
        """Returns when the part was run: by its worker, or here in a child that has no workers.

        False where that takes longer than `seconds`.
        """
        end = time.monotonic() + seconds
        while not self._ended and not self._done.acquire(
            timeout=max(0.0, min(_LOOK, end - time.monotonic()))
        ):
            if forks.count() != self._made_in:
                self.run()
            elif time.monotonic() >= end:
                return False
        self._ended = True
        return True


class WorkerCode(Protocol):
    """The functions of machine code that workers wait in; see `compiler/codegen/workers.py`."""

    def post(self, box: int, job: int) -> int: ...

    def serve(self, box: int) -> None: ...

    def join(self, box: int) -> None: ...

    def share(self, boxes: int, count: int, job: int, at: int) -> int: ...


class _Worker:
    """A thread that waits for tasks. A bare lock wakes it sooner than any event or queue."""

    def __init__(self) -> None:
        self._task: _Task | None = None
        self.process = forks.count()
        self._code: WorkerCode | None = None
        self._ended = False
        room = ctypes.create_string_buffer(2 * MAILBOX_BYTES)
        self._room = room  # holds the box, which begins at a cache line
        self.box = ctypes.addressof(room) + -ctypes.addressof(room) % 64
        self._state = ctypes.c_int64.from_address(self.box)
        self._state.value = PARKED
        self._job = (ctypes.c_int64 * WORDS)()
        self._wake = forks.signal()
        # A daemon: at the end of the process it is parked or inside native code, and is left there.
        # Some systems give threads small stacks, and LLVM works in one of these.
        before = threading.stack_size(_STACK)
        try:
            threading.Thread(target=self._work, name="pellucid worker", daemon=True).start()
        finally:
            threading.stack_size(before)

    def give(self, task: _Task) -> None:
        """Has the worker run `task`."""
        self._task = task
        self._state.value = CALLED
        self._wake.release()

    def end(self) -> None:
        """Has the worker end: behind its task, or before it where it has not begun."""
        self._task, self._ended = None, True
        self._state.value = CALLED
        with contextlib.suppress(RuntimeError):  # it was woken, and has not heard of it yet
            self._wake.release()

    def post(self, worker_code: WorkerCode, job: Sequence[int]) -> None:
        """Has the worker call machine code, at once if it is looking out for it."""
        self._job[: len(job)] = list(job)
        self._code = worker_code
        if worker_code.post(self.box, ctypes.addressof(self._job)) != IDLE:
            self._wake.release()

    def _work(self) -> None:
        while True:
            self._wake.acquire()
            task, self._task = self._task, None
            if task is not None:
                task.run()
                del task  # while it is parked it keeps no one's arrays alive
            elif self._ended:
                return
            elif self._code is not None:
                self._code.serve(self.box)


# Parked workers of all teams. One that was used last is woken first: its stack is warm.
_parked: deque[_Worker] = deque()


def _forget() -> None:
    """In a child: a fork copies no threads. Calls under way there park theirs in the old deque."""
    global _parked
    _parked = deque()


forks.in_child(_forget)


def _hire(hired: list[_Worker], count: int) -> None:
    """Puts so many workers into an empty list, parked ones first.

    Ctrl-C at any moment loses none: C moves them, and the caller parks those in the list.

    Raises:
        PellucidError: where the system gives no more threads.
    """
    try:
        hired.extend(itertools.islice(iter(_parked.pop, None), count))
        return
    except IndexError:  # no more are parked
        missing = count - len(hired)
    try:
        for _ in range(missing):
            with deferred():  # half made it would wait for ever
                hired.append(_Worker())
    except RuntimeError as error:
        raise PellucidError(
            "threads",
            f"the system must give {count + 1} threads, got: {error}",
            "Ask for fewer: threads=1 needs none.",
        ) from error


def _park(workers: Sequence[_Worker]) -> None:
    """Parks those that are no threads of a parent, which forked meanwhile."""
    _parked.extend([worker for worker in workers if worker.process == forks.count()])
    _end_some()


def _end_some() -> None:
    """Ends parked workers that are too many."""
    if len(_parked) > _PARKED:
        with deferred(), contextlib.suppress(IndexError):  # other threads hire at the same time
            while len(_parked) > _PARKED:
                _parked.popleft().end()


class Team:
    """`n` threads that call one function together, each with its own number.

    Several threads may call `run` at once, of one team or of several: each call has workers of its
    own. A team costs nothing while nothing runs.
    """

    def __init__(self, n: int):
        self.n = n

    def run(
        self, function: Callable[[int], object], leave: Callable[[], object] | None = None
    ) -> None:
        """Calls `function(part)` for every part at once, part 0 in this thread.

        Returns when all have returned, also where one raised; the error of the lowest part is then
        raised here. Signals wait as long: Ctrl-C never leaves a worker behind that still computes.
        Parts that wait for each other must not raise before they meet.

        Args:
            leave: for parts that do not wait for each other and own what they write to: asks them
                to end. Signals do not wait then; where a handler or part 0 raises, parts that do
                not end soon are left to themselves.
        """
        if self.n == 1:
            function(0)
            return
        with deferred():
            workers: list[_Worker] = []
            try:
                _hire(workers, self.n - 1)
            except PellucidError:
                _park(workers)
                raise
            tasks = [_Task(function, part) for part in range(self.n)]
            for worker, task in zip(workers, tasks[1:], strict=True):
                worker.give(task)
            if leave is None:
                tasks[0].run()
                for task in tasks[1:]:
                    task.wait()
                _park(workers)
            else:
                _run_or_leave(tasks, workers, leave)
        _raise_first(tasks)

    def call(
        self, worker_code: WorkerCode, kind: int, address: int, arguments: Sequence[int]
    ) -> None:
        """Calls machine code for every part at once: `arguments`, then the part and their number.

        Args:
            kind: RUN or TRAIN: which entry `address` is that of.
        """
        workers: list[_Worker] = []
        parked = _parked
        try:
            _hire(workers, self.n - 1)
            boxes = (_WORD * len(workers))(*[worker.box for worker in workers])
            job = (_WORD * WORDS)(kind, address, *arguments, 0, self.n)
            at = 2 + len(arguments)
            # One call of machine code: no signal's handler runs between its parts.
            places = ctypes.addressof(boxes), len(workers), ctypes.addressof(job), at
            if not worker_code.share(*places):
                self._wake(worker_code, workers, kind, address, arguments)
        finally:
            parked.extend(workers)  # one step of C, before which no signal is looked for
            _end_some()

    def _wake(
        self,
        worker_code: WorkerCode,
        workers: Sequence[_Worker],
        kind: int,
        address: int,
        arguments: Sequence[int],
    ) -> None:
        """The same where a worker must be woken, which takes Python."""
        with deferred():
            for part, worker in enumerate(workers, 1):
                worker.post(worker_code, (kind, address, *arguments, part, self.n))
            _ENTRIES[kind](address)(*arguments, 0, self.n)
            for worker in workers:
                worker_code.join(worker.box)


def _raise_first(tasks: Sequence[_Task]) -> None:
    """Raises the error of the lowest task that has one, and keeps no frame alive by it."""
    errors = [task.error for task in tasks if task.error is not None]
    for task in tasks:
        task.error = None  # its traceback holds the frames that hold the task
    try:
        if errors:
            raise errors[0]
    finally:
        del errors  # the same, for this frame


def _run_or_leave(
    tasks: Sequence[_Task], workers: Sequence[_Worker], leave: Callable[[], object]
) -> None:
    """Runs the first task here and waits for the others, unless a signal's handler raises."""
    try:
        with immediate():
            tasks[0].run()
            if tasks[0].error is None:
                for task in tasks[1:]:
                    task.wait()
    finally:
        _let_go(tasks[1:], workers, leave)


def _let_go(
    tasks: Sequence[_Task], workers: Sequence[_Worker], leave: Callable[[], object]
) -> None:
    """Parks workers whose tasks are done; asks the others to end, and parks those that do soon."""
    end, asked = time.monotonic() + _GRACE, False
    for task, worker in zip(tasks, workers, strict=True):
        done = task.wait(0)
        if not done:
            if not asked:
                leave()
            asked = True
            done = task.wait(end - time.monotonic())
        if done:
            _park([worker])
        else:
            worker.end()  # it ends with its task


def apart(function: Callable[[], Result], leave: Callable[[], object]) -> Result:
    """`function()`, called by a worker while the main thread waits so that Ctrl-C is heard.

    Python runs handlers of signals in its main thread only, and never inside machine code. Where
    one raises, `leave` asks the function to end; if it does not soon, it is left to itself. So it
    must write to nothing that anyone reads if it is left.
    """
    if threading.current_thread() is not threading.main_thread():
        return function()
    results: list[Result] = []
    task = _Task(lambda part: results.append(function()), 0)
    with deferred():
        workers: list[_Worker] = []
        try:
            _hire(workers, 1)
        except PellucidError:  # the system gives no thread: the work is done all the same
            return function()
        workers[0].give(task)
        try:
            with immediate():
                task.wait()
        finally:
            _let_go([task], workers, leave)
    _raise_first([task])
    return results[0]


def in_chunks(run: Callable[[int, int], Result], n: int, size: int, threads: int) -> list[Result]:
    """`run(start, stop)` for n rows, `size` at a time: the results in order.

    Threads take chunks in turn. Who takes which changes nothing.
    """
    starts = range(0, n, size)
    if len(starts) == 1 or threads == 1:
        return [run(start, min(start + size, n)) for start in starts]
    results: list[Result | None] = [None] * len(starts)

    left: list[bool] = []

    def take(part: int) -> None:
        for place in range(part, len(starts), threads):
            if left:
                return
            results[place] = run(starts[place], min(starts[place] + size, n))

    Team(min(threads, len(starts))).run(take, lambda: left.append(True))
    return results  # type: ignore[return-value]
