"""The native executor: a graph compiled once, then called with arrays of any number of rows.

In: a Graph. Out: `Native`, which keeps the promise of `executor.Program` (fresh arrays, safe from
several threads), and `Bound`, which owns its arrays and trains state in place. Code that an earlier
process made for the same graph comes from `cache.py`; passes and emitters then do not run at all.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import time
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.compiler.boxes import RUN
from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.barrier import STATUS_BYTES
from pellucid.compiler.codegen.enter import ENTER, HEAD
from pellucid.compiler.codegen.scope import SCRATCH_BYTES
from pellucid.compiler.codegen.shuffle import SHUFFLE
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.frame import Frame, frame, read
from pellucid.compiler.passes.lower import Pairs
from pellucid.compiler.passes.pipeline import Record, compile_graph
from pellucid.compiler.program import (
    ALIGNMENT,
    ARENA,
    REFUSING,
    SCRATCH,
    STATUS,
    Feed,
    Program,
)
from pellucid.core import shapes
from pellucid.core.errors import CompileError, ShapeError
from pellucid.graph.node import Graph, TensorType
from pellucid.graph.text import print_graph
from pellucid.ops.spec import REGISTRY
from pellucid.runtime import cache
from pellucid.runtime.calls import READABLE, Calls, Repeat, Working, plain, well_placed
from pellucid.runtime.crew import crew
from pellucid.runtime.executor import check_inputs
from pellucid.runtime.extras import NUMPY, numpy_dtype
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.machine import compiling, ready, this_machine
from pellucid.runtime.pace import Pace
from pellucid.runtime.results import empty
from pellucid.runtime.threads import Team, apart

Array = NDArray[Any]

WORTH_THREADS = 250_000  # operations (`program.cost`) from which two threads are faster
AT_ONCE = 50_000  # operations (10 µs) below which to give the lock back costs more than it saves
SLOWEST = 1e9  # operations a second, at least
MEASURED = 1_000_000  # operations of a call from which it is worth a look at the clock
LONG = 0.03  # seconds of a call from which Ctrl-C is heard inside it
LEAVABLE = 0.15  # seconds from which it writes over no argument, so that it can be left
_ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 4)
_TRAIN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
_SHUFFLE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 5)
_loaded: dict[str, tuple[Frame, Any]] = {}  # engines of this process, by the key of their code
_KEPT = 32  # engines that are kept for graphs that come again


class Native:
    """A graph as machine code.

    Args:
        shared: (input number, output number) pairs: state that can be updated in place. A plain
            call leaves its inputs as they are all the same.
        off: names of passes to leave out.
        target: the processor; this machine by default.
        feed: what a training run does around each step; see `training.py`.

    Raises:
        CompileError: for an operation that the engine has no code for, naming it and its line, and
            where llvmlite cannot be imported.
    """

    def __init__(
        self,
        graph: Graph,
        shared: Pairs = (),
        off: Collection[str] = (),
        target: Target | None = None,
        feed: Feed | None = None,
    ):
        self.graph = graph
        self.shared = tuple((number, output) for number, output in shared)
        self.seconds: dict[int, float] = {}  # that a step of so many rows took in the last run
        self.layouts: dict[int, Any] = {}  # of training runs with steps of so many rows
        self.target, self.feed = target, feed
        self._off = tuple(off)
        self._compiled: tuple[Program, tuple[Record, ...]] | None = None
        # Whether a kernel may refuse a number that it meets.
        self.may_fail = any(node.op in REFUSING for node in graph.nodes)
        start = time.perf_counter()
        with compiling:
            self._load(target or this_machine().target)
        self.compile_seconds = time.perf_counter() - start
        self._consts = {
            slot: plain(graph.consts[name].array) for name, slot in self.frame.constants.items()
        }
        outputs = graph.output_types
        self._seconds: dict[int, float] = {}  # that a call with so many rows took last
        self._paces: dict[tuple[int, int], Pace] = {}
        self._calls = Calls(
            self.frame.inputs, self.frame.outputs, outputs, self.rows, self._working
        )

    def _passed(self) -> tuple[Program, tuple[Record, ...]]:
        if self._compiled is None:
            self._compiled = compile_graph(self.graph, self.shared, self._off, NUMPY)
        return self._compiled

    @property
    def program(self) -> Program:
        """The program behind all passes."""
        return self._passed()[0]

    @property
    def records(self) -> tuple[Record, ...]:
        """What each pass did."""
        return self._passed()[1]

    def _load(self, target: Target) -> None:
        key = self._key(target)
        if key not in _loaded:
            found, code = self._code(key, target)
            made = found, ready(code, target)  # the code dies with the engine
            if key:
                _loaded[key] = made
            while len(_loaded) > _KEPT:
                del _loaded[next(iter(_loaded))]
        else:
            made, self.from_cache = _loaded[key], False
        self.frame, self._engine = made
        if self.feed is None:
            self._entry = self._engine.get_function_address(codegen.ENTRY)
            self._run = _ENTRY(self._entry)
        else:
            self.trainer = self._engine.get_function_address(codegen.TRAIN)
            self.train = _TRAIN(self.trainer)
            self.shuffle = _SHUFFLE(self._engine.get_function_address(SHUFFLE))

    def _code(self, key: str, target: Target) -> tuple[Frame, bytes]:
        """The machine code and how it is called: kept from another process, or made now."""
        kept = cache.find(key)
        self.from_cache = kept is not None
        if kept is not None:
            return read(kept.data), kept.code
        module = codegen.optimised(self.program, target, self.feed)
        code = apart(lambda: codegen.object_code(module, target), lambda: None)
        made = frame(self.program), code
        cache.keep(key, made[0].plain(), made[1])
        return made

    def _key(self, target: Target) -> str:
        """All that decides the code. Values of constants and lines of source do not."""
        if any(node.op in REGISTRY and REGISTRY[node.op].user for node in self.graph.nodes):
            return ""  # what a person's own operation does stands in no text
        return cache.key(
            print_graph(self.graph, lines=False),
            repr(self.shared),
            repr(sorted(self._off)),
            repr(self.feed),
            repr(target),
            repr(HEAD),
            this_machine().versions,
        )

    def __call__(
        self, inputs: Sequence[Any], threads: int = 1, in_place: bool = False
    ) -> list[Array]:
        """The outputs for `inputs`, as arrays that share no memory with them.

        Args:
            threads: how many threads share the work, at most; a small one is left to one.
            in_place: whether `shared` inputs may be written over: they are the outputs then. Each
                must be `plain`, writeable, and apart from all other inputs. They stay as they are
                where the call raises, where it could not be taken back, and where they begin at no
                cache line; the outputs are fresh then.
        """
        calls = self._calls
        arrays, rows = calls.arrays(inputs)
        over = (
            in_place
            and bool(self.shared)
            and self._safe_in_place
            and self.seconds_of(rows) < LEAVABLE
        )
        if over and all(well_placed(arrays[number]) for number, _ in self.shared):
            outputs = calls.results(rows, {o: arrays[number] for number, o in self.shared})
        else:
            outputs = calls.results(rows)
            for number, output in self.shared:
                np.copyto(outputs[output], arrays[number])
        parts = self._parts(rows, threads)
        working = calls.take(rows, parts)
        calls.fill(working, arrays, outputs)
        (self._run_once if over else self._go)(working, rows, parts)
        refused = int(working.status[0]) if self.may_fail else 0
        working.status[0] = 0
        calls.give_back(working)
        if refused:
            self.explain(arrays)
        return outputs

    def _parts(self, rows: int, threads: int) -> int:
        """How many of `threads` are worth it."""
        return threads if threads > 1 and self.work(rows) >= WORTH_THREADS else 1

    def seconds_of(self, rows: int) -> float:
        """What a call took last; at first a guess that is rather too long."""
        return self._seconds.get(rows, self.work(rows) / SLOWEST)

    def _go(self, working: Working, rows: int, parts: int) -> None:
        """Runs the program once; where that takes long, so that Ctrl-C is heard meanwhile."""
        if self.seconds_of(rows) < LONG:
            self._run_once(working, rows, parts)
        else:
            apart(lambda: self._run_once(working, rows, parts), working.stop)

    def _run_once(self, working: Working, rows: int, parts: int) -> None:
        if self.work(rows) < MEASURED:
            self._run_shared(working, rows, parts)
            return
        start = time.perf_counter()
        self._run_shared(working, rows, parts)
        if len(self._seconds) > 64:
            self._seconds = {}
        self._seconds[rows] = time.perf_counter() - start

    def _run_shared(self, working: Working, rows: int, parts: int) -> None:
        """Runs the program on all of these threads or on one: whichever is faster now."""
        if parts == 1:
            self._run(working.address, rows, 1, 0, 1)
            return
        pace = self.pace(rows, parts)
        now, _ = pace.plan(1)
        start = time.perf_counter()
        if now == 1:
            self._run(working.address, rows, 1, 0, 1)
        else:
            Team(now).call(crew(), RUN, self._entry, (working.address, rows, 1))
        pace.tell(now, 1, time.perf_counter() - start)

    def pace(self, rows: int, parts: int) -> Pace:
        """How fast work on so many rows was on so many threads and on one."""
        if len(self._paces) > 64:
            self._paces = {}
        return self._paces.setdefault((rows, parts), Pace(parts))

    def repeat(self, arrays: Sequence[Array], threads: int) -> Repeat | None:
        """A quicker way for calls in place with arrays like these; None where there is none.

        Args:
            arrays: those of a call that went well.
        """
        rows = self.rows(arrays)
        if self.shared and not (self._safe_in_place and self.seconds_of(rows) < LEAVABLE):
            return None
        if not READABLE:
            return None
        parts = self._parts(rows, threads)
        at_once = parts == 1 and self.work(rows) < AT_ONCE
        way = self._engine.get_function_address(ENTER)
        return Repeat(
            self._calls,
            arrays,
            rows,
            parts,
            way,
            None if at_once else self._run_once if self.shared else self._go,
            self.shared,
        )

    def _working(self, rows: int, parts: int) -> Working:
        """Memory for calls of up to so many rows."""
        arena = _aligned(self.room(rows, parts))
        start = arena.ctypes.data
        scratch = start + STATUS_BYTES
        places = start, scratch, scratch + parts * SCRATCH_BYTES
        return Working(self.frame.slots, self._consts, arena, places, rows, parts)

    def bind(self, inputs: Sequence[Any]) -> Bound:
        """The program over copies of `inputs`, ready to run many steps in place."""
        return Bound(self, inputs)

    def llvm(self) -> str:
        """The text of the LLVM module, as it is emitted."""
        return str(codegen.build(self.program, self.target, self.feed))

    def assembly(self) -> str:
        """The machine code as text."""
        return codegen.assembly(self.program, self.target)

    def work(self, rows: int) -> int:
        """About how many vector operations a step takes."""
        return self.frame.work + self.frame.work_per_row * rows

    @property
    def _safe_in_place(self) -> bool:
        """Whether a call in place that is refused leaves its inputs as they were."""
        return self.frame.guarded or not self.may_fail

    def failed(self, arena: Array) -> bool:
        """Whether a kernel of the last call over this memory refused; clears what it noted."""
        status = arena[:STATUS_BYTES].view(np.int64)
        refused = bool(status[0])
        status[0] = 0
        return refused

    def explain(self, inputs: Sequence[Array]) -> None:
        """Raises what a kernel refused, as the interpreter says it."""
        Interpreter(self.graph)(inputs)
        raise CompileError(
            "native",
            "the interpreter refuses nothing where machine code does",
            "This is a mistake of the engine's. Run it with backend='interpreter'.",
        )

    def rows(self, inputs: Sequence[Any]) -> int:
        """The number of rows N that checked `inputs` have; 0 where the graph has none."""
        rows = check_inputs(self.graph, inputs)
        if rows is None and self.frame.has_batch:
            raise ShapeError(
                "call", "the batch size N must come with an input, got none with a batch axis"
            )
        return rows or 0

    def _outputs(self, rows: int) -> list[Array]:
        return [_empty(type, rows) for type in self.graph.output_types]

    def room(self, rows: int, threads: int = 1) -> int:
        """Bytes of working memory: status, the threads' scratch, the arena."""
        return STATUS_BYTES + threads * SCRATCH_BYTES + self.frame.arena.bytes(rows)

    def table(
        self, inputs: Sequence[int], outputs: Sequence[int], arena: int, threads: int = 1
    ) -> Any:
        """The table of addresses, from those of the arrays. State stands in its output's array."""
        slots = (ctypes.c_void_p * self.frame.slots)()
        slots[STATUS], slots[SCRATCH] = arena, arena + STATUS_BYTES
        slots[ARENA] = arena + STATUS_BYTES + threads * SCRATCH_BYTES
        for places, addresses in ((self.frame.inputs, inputs), (self.frame.outputs, outputs)):
            for slot, address in zip(places, addresses, strict=True):
                slots[slot] = address  # outputs come second
        for slot, array in self._consts.items():
            slots[slot] = array.ctypes.data
        return slots


class Bound:
    """A program with arrays of its own. State goes round in place; values cross by copy."""

    def __init__(self, native: Native, inputs: Sequence[Any]):
        self._native = native
        self._rows = native.rows(inputs)
        self._inputs = [np.array(plain(array), order="C") for array in inputs]
        self._results = native._outputs(self._rows)
        for number, output in native.shared:
            self._results[output] = self._inputs[number]
        self._arena = _aligned(native.room(self._rows))
        inputs, results = ([a.ctypes.data for a in b] for b in (self._inputs, self._results))
        self._table = native.table(inputs, results, self._arena.ctypes.data)
        self._address = ctypes.addressof(self._table)

    def step(self, count: int = 1) -> None:
        """Runs the program `count` times on what stands in its arrays, in one native call."""
        self._native._run(self._address, self._rows, count, 0, 1)
        if self._native.may_fail and self._native.failed(self._arena):
            self._native.explain(self._inputs)

    def write(self, number: int, array: Any) -> None:
        """Puts `array` in the place of input `number`."""
        inputs: list[Any] = list(self._inputs)
        inputs[number] = array
        if self._native.rows(inputs) != self._rows:
            raise ShapeError(
                self._native.graph.input_names[number],
                f"a bound program keeps its {self._rows} rows, got shape {array.shape}",
            )
        np.copyto(self._inputs[number], array)

    def outputs(self) -> list[Array]:
        """Copies of the outputs of the last step."""
        return [array.copy() for array in self._results]


def _empty(type: TensorType, rows: int) -> Array:
    return np.empty(shapes.bind(type.shape, rows), numpy_dtype(type.dtype))


def _aligned(size: int) -> Array:
    """`size` bytes that begin at a cache line."""
    (room,), _ = pool([((size,), np.dtype(np.uint8))])
    room[:STATUS_BYTES] = 0
    return room


def pool(wanted: Sequence[tuple[tuple[int, ...], np.dtype[Any]]]) -> tuple[list[Array], list[int]]:
    """Arrays of these shapes and dtypes in one block, and their addresses.

    Each begins at a cache line; their numbers are left as they come.
    """
    sizes = [math.prod(shape) * dtype.itemsize for shape, dtype in wanted]
    starts = [0, *itertools.accumulate(-(-size // ALIGNMENT) * ALIGNMENT for size in sizes)]
    room = empty((starts[-1] + ALIGNMENT,), np.dtype(np.uint8))
    address = room.ctypes.data
    first = -address % ALIGNMENT
    arrays = [
        np.ndarray(shape, dtype, room, first + start)
        for (shape, dtype), start in zip(wanted, starts, strict=False)
    ]
    return arrays, [address + first + start for start in starts[:-1]]
