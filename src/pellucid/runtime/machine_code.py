"""A graph as machine code: compiled or loaded, with all that a caller must bring.

In: a Graph. Out: `MachineCode`: addresses of functions, how they are called and in how much memory.
Code that an earlier process made for the same graph comes from `cache.py`; passes and emitters then
do not run at all. `native.py` calls a graph with arrays, `training.py` runs many steps of one.
"""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.barrier import STATUS_BYTES
from pellucid.compiler.codegen.fast_call import OBJECT_HEADER
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.scope import SCRATCH_BYTES
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.passes.lower import Pairs
from pellucid.compiler.passes.pipeline import Record, compile_graph, rewritten
from pellucid.compiler.program import ALIGNMENT, ARENA, SCRATCH, STATUS, MinibatchFeed, Program
from pellucid.compiler.signature import Signature, read, signature
from pellucid.core.errors import CompileError, ShapeError
from pellucid.graph.node import Graph
from pellucid.graph.text import print_graph
from pellucid.ops.spec import REGISTRY
from pellucid.runtime import cache
from pellucid.runtime.calls import address_of, plain
from pellucid.runtime.executor import check_inputs
from pellucid.runtime.extras import NUMPY
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.machine import compiling, ready, this_machine
from pellucid.runtime.results import empty
from pellucid.runtime.thread_tuner import ThreadTuner
from pellucid.runtime.threads import apart

Array = NDArray[Any]

WORTH_THREADS = 250_000  # operations (`program.cost`) from which two threads are faster
SLOWEST = 1e9  # operations a second, at least
_loaded: dict[str, tuple[Signature, Any]] = {}  # engines of this process, by the key of their code
_KEPT = 32  # engines that are kept for graphs that come again


def may_refuse(op: str) -> bool:
    """Whether an operation checks the numbers that it meets; inputs and constants do not."""
    return op in REGISTRY and REGISTRY[op].refuses


class MachineCode:
    """A graph as machine code.

    Args:
        shared: (input number, output number) pairs: state that can be updated in place.
        off: names of passes to leave out.
        target: the processor; this machine by default.
        feed: what a training run does around each step.

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
        feed: MinibatchFeed | None = None,
    ):
        self.graph = graph
        self.shared = tuple((number, output) for number, output in shared)
        self.target, self.feed = target, feed
        self._off = tuple(off)
        self._compiled: tuple[Program, tuple[Record, ...]] | None = None
        # Whether a kernel may refuse a number that it meets.
        self.may_fail = any(may_refuse(node.op) for node in graph.nodes)
        with compiling:
            self._load(target or this_machine().target)
        self._consts = {
            slot: plain(graph.consts[name].array) for name, slot in self.signature.constants.items()
        }
        self._tuners: dict[tuple[int, int], ThreadTuner] = {}

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
        self.signature, self._engine = made

    def function(self, name: str) -> int:
        """The address of a function."""
        return int(self._engine.get_function_address(name))

    def _code(self, key: str, target: Target) -> tuple[Signature, bytes]:
        """The machine code and how it is called: kept from another process, or made now."""
        kept = cache.find(key)
        self.from_cache = kept is not None
        if kept is not None:
            return read(kept.data), kept.code
        code = object_code(codegen.build(self.program, target, self.feed), target)
        made = signature(self.program), code
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
            repr(OBJECT_HEADER),
            this_machine().versions,
        )

    def tuner(self, rows: int, threads: int) -> ThreadTuner:
        """How fast work on so many rows was on so many threads and on one."""
        if len(self._tuners) > 64:
            self._tuners = {}
        return self._tuners.setdefault((rows, threads), ThreadTuner(threads))

    def llvm(self) -> str:
        """The text of the LLVM module, as it is emitted."""
        return str(codegen.build(self.program, self.target, self.feed))

    def assembly(self) -> str:
        """The machine code as text."""
        return codegen.assembly(self.program, self.target)

    def guess(self, rows: int) -> float:
        """Seconds that a step may take, rather too many: before one was measured."""
        return self.work(rows) / SLOWEST

    def work(self, rows: int) -> int:
        """About how many vector operations a step takes."""
        return self.signature.work + self.signature.work_per_row * rows

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
        if rows is None and self.signature.has_batch:
            raise ShapeError(
                "call", "the batch size N must come with an input, got none with a batch axis"
            )
        return rows or 0

    def room(self, rows: int, threads: int = 1) -> int:
        """Bytes of working memory: status, the threads' scratch, the arena."""
        return STATUS_BYTES + threads * SCRATCH_BYTES + self.signature.arena.bytes(rows)

    def table(
        self, inputs: Sequence[int], outputs: Sequence[int], arena: int, threads: int = 1
    ) -> Any:
        """The table of addresses, from those of the arrays. State stands in its output's array."""
        slots = (ctypes.c_void_p * self.signature.slots)()
        slots[STATUS], slots[SCRATCH] = arena, arena + STATUS_BYTES
        slots[ARENA] = arena + STATUS_BYTES + threads * SCRATCH_BYTES
        for places, addresses in (
            (self.signature.inputs, inputs),
            (self.signature.outputs, outputs),
        ):
            for slot, address in zip(places, addresses, strict=True):
                slots[slot] = address  # outputs come second
        for slot, array in self._consts.items():
            slots[slot] = address_of(array)
        return slots


def graph_of_kernels(graph: Graph) -> Graph:
    """The graph that machine code computes in the place of this one."""
    return rewritten(graph, NUMPY)


def object_code(built: ir.Module, target: Target) -> bytes:
    """The machine code of a module. LLVM takes its time, and Ctrl-C is heard meanwhile.

    All that LLVM makes on the way is the worker's, and dies in it: see `codegen/llvm.py`.
    """
    return apart(lambda: codegen.object_code(built, target), lambda: None)


def aligned(size: int) -> Array:
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
    address = address_of(room)
    first = -address % ALIGNMENT
    arrays = [
        np.ndarray(shape, dtype, room, first + start)
        for (shape, dtype), start in zip(wanted, starts, strict=False)
    ]
    return arrays, [address + first + start for start in starts[:-1]]
