"""Graphs as machine code that is called with arrays of any number of rows.

In: a Graph. Out: `Native`, which keeps the promise of `executor.Executable` (fresh arrays, safe
from several threads), and `Bound`, which owns its arrays and updates state in place.
"""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.barrier import STATUS_BYTES
from pellucid.compiler.codegen.fast_call import FAST_CALL
from pellucid.compiler.codegen.scope import SCRATCH_BYTES
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.mailbox import RUN
from pellucid.compiler.passes.lower import Pairs
from pellucid.core import shapes
from pellucid.core.errors import ShapeError
from pellucid.graph.node import Graph, TensorType
from pellucid.runtime.calls import READABLE, Calls, FastCall, Workspace, plain, well_placed
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.machine_code import WORTH_THREADS, MachineCode, aligned
from pellucid.runtime.threads import Team, apart
from pellucid.runtime.worker_code import worker_code

Array = NDArray[Any]

AT_ONCE = 50_000  # operations (10 µs) below which to give the lock back costs more than it saves
MEASURED = 1_000_000  # operations of a call from which it is worth a look at the clock
LONG = 0.03  # seconds of a call from which Ctrl-C is heard inside it
LEAVABLE = 0.15  # seconds from which it writes over no argument, so that it can be left
_ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 4)


class Native(MachineCode):
    """A graph as machine code, called with arrays."""

    releases_gil = True

    def __init__(
        self,
        graph: Graph,
        shared: Pairs = (),
        off: Collection[str] = (),
        target: Target | None = None,
    ):
        super().__init__(graph, shared, off, target)
        self._entry = self.function(codegen.ENTRY)
        self._run = _ENTRY(self._entry)
        self._seconds: dict[int, float] = {}  # that a call with so many rows took last
        self._calls = Calls(
            self.signature.inputs,
            self.signature.outputs,
            graph.output_types,
            self.rows,
            self._workspace,
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
        threads = self._worth(rows, threads)
        workspace = calls.take(rows, threads)
        calls.fill(workspace, arrays, outputs)
        self._runner(rows, over)(workspace, rows, threads)
        refused = int(workspace.status[0]) if self.may_fail else 0
        workspace.status[0] = 0
        calls.give_back(workspace)
        if refused:
            self.explain(arrays)
        return outputs

    def _worth(self, rows: int, threads: int) -> int:
        """How many of `threads` are worth it."""
        return threads if threads > 1 and self.work(rows) >= WORTH_THREADS else 1

    def seconds_of(self, rows: int) -> float:
        """What a call took last; at first a guess that is rather too long."""
        return self._seconds.get(rows) or self.guess(rows)

    def _runner(self, rows: int, over: bool) -> Callable[[Workspace, int, int], None]:
        """What runs a call; one that is soon over is neither measured nor left."""
        if self.work(rows) < MEASURED:
            return self._run_shared
        return self._run_once if over else self._run_or_leave

    def _run_or_leave(self, workspace: Workspace, rows: int, threads: int) -> None:
        """Runs the program once; where that takes long, so that Ctrl-C is heard meanwhile."""
        if self.seconds_of(rows) < LONG:
            self._run_once(workspace, rows, threads)
        else:
            apart(lambda: self._run_once(workspace, rows, threads), workspace.stop)

    def _run_once(self, workspace: Workspace, rows: int, threads: int) -> None:
        start = time.perf_counter()
        self._run_shared(workspace, rows, threads)
        took, before = time.perf_counter() - start, self._seconds.get(rows, math.inf)
        if len(self._seconds) > 64:
            self._seconds = {}
        self._seconds[rows] = min(took, 2 * before)  # one call that lost its core tells nothing

    def _run_shared(self, workspace: Workspace, rows: int, threads: int) -> None:
        """Runs the program on all of these threads or on one: whichever is faster now."""
        if threads == 1:
            self._run(workspace.address, rows, 1, 0, 1)
            return
        tuner = self.tuner(rows, threads)
        now, _ = tuner.plan(1)
        start = time.perf_counter()
        if now == 1:
            self._run(workspace.address, rows, 1, 0, 1)
        else:
            Team(now).call(worker_code(), RUN, self._entry, (workspace.address, rows, 1))
        tuner.record(now, 1, time.perf_counter() - start)

    def brought(self, arrays: Sequence[Any]) -> list[Any]:
        """The same: calls run here."""
        return list(arrays)

    def repeat(self, arrays: Sequence[Array], threads: int) -> FastCall | None:
        """A quicker way for calls in place with arrays like these; None where there is none.

        Args:
            arrays: those of a call that went well.
        """
        rows = self.rows(arrays)
        if self.shared and not (self._safe_in_place and self.seconds_of(rows) < LEAVABLE):
            return None
        if not READABLE:
            return None
        threads = self._worth(rows, threads)
        at_once = threads == 1 and self.work(rows) < AT_ONCE
        return FastCall(
            self._calls,
            arrays,
            rows,
            threads,
            self.function(FAST_CALL),
            None if at_once else self._runner(rows, bool(self.shared)),
            self.shared,
        )

    def _workspace(self, rows: int, threads: int) -> Workspace:
        """Memory for calls of up to so many rows."""
        arena = aligned(self.room(rows, threads))
        start = arena.ctypes.data
        scratch = start + STATUS_BYTES
        places = start, scratch, scratch + threads * SCRATCH_BYTES
        return Workspace(self.signature.slots, self._consts, arena, places, rows, threads)

    def bind(self, inputs: Sequence[Any]) -> Bound:
        """The program over copies of `inputs`, ready to run many steps in place."""
        return Bound(self, inputs)

    @property
    def _safe_in_place(self) -> bool:
        """Whether a call in place that is refused leaves its inputs as they were."""
        return self.signature.guarded or not self.may_fail

    def failed(self, arena: Array) -> bool:
        """Whether a kernel of the last call over this memory refused; clears what it noted."""
        status = arena[:STATUS_BYTES].view(np.int64)
        refused = bool(status[0])
        status[0] = 0
        return refused

    def _outputs(self, rows: int) -> list[Array]:
        return [_empty(type, rows) for type in self.graph.output_types]


class Bound:
    """A program with arrays of its own. State goes round in place; values cross by copy."""

    def __init__(self, native: Native, inputs: Sequence[Any]):
        self._native = native
        self._rows = native.rows(inputs)
        self._inputs = [np.array(plain(array), order="C") for array in inputs]
        self._results = native._outputs(self._rows)
        for number, output in native.shared:
            self._results[output] = self._inputs[number]
        self._arena = aligned(native.room(self._rows))
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
