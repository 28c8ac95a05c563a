"""Calls of a compiled graph that cost little more than its work: quick checks, prepared memory.

What a call needs beside its arrays (a table of addresses, working memory) is kept from an earlier
one. Arrays that look like those of the last call, by shape and dtype, were checked then. A caller
that knows so beforehand has a `FastCall`, which leaves even looking at them to machine code.
"""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.compiler.codegen import fast_call
from pellucid.compiler.codegen.barrier import STATUS_BYTES, STOP
from pellucid.compiler.program import ALIGNMENT, ARENA, SCRATCH, STATUS
from pellucid.core import shapes
from pellucid.graph.node import TensorType
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.results import LARGE, empty, maker

Array = NDArray[Any]
_FAST_CALL = ctypes.PYFUNCTYPE(
    ctypes.c_int64,
    ctypes.py_object,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int64,
    ctypes.c_int64,
)


def _word(item: object, offset: int) -> int:
    """A word of an object."""
    return ctypes.c_int64.from_address(id(item) + offset).value


def _readable() -> bool:
    """Whether objects are laid out as machine code reads them: other Pythons may do otherwise."""
    if sys.implementation.name != "cpython":
        return False
    probe = np.zeros((4, 5), np.float32)[1:]
    if _word(probe, fast_call.DATA) != probe.ctypes.data:
        return False
    several, low = [probe, probe], 0xFFFFFFFF
    return (
        _word(probe, fast_call.DESCR) == id(probe.dtype)
        and _word(probe, fast_call.AXES) & low == probe.ndim
        and _word(probe, fast_call.FLAGS) & low == probe.flags.num
        and ctypes.c_int64.from_address(_word(several, fast_call.ITEMS) + 8).value == id(probe)
        and ctypes.c_int64.from_address(_word(probe, fast_call.DIMS)).value == len(probe)
    )


READABLE = _readable()


def address_of(array: Array) -> int:
    """The address of the elements."""
    if READABLE:  # an eighth of the time
        return ctypes.c_void_p.from_address(id(array) + fast_call.DATA).value or 0
    address: int = array.ctypes.data
    return address


def well_placed(array: Array) -> bool:
    """Whether an array, if it is large, begins at a cache line, as those of `results.py` do.

    Else nearly every vector of it lies across two lines, which costs a tenth of a wide product.
    """
    return array.nbytes < LARGE or address_of(array) % ALIGNMENT == 0


def plain(array: Any) -> Array:
    """`array` in native byte order, C order and aligned; copied only if it is not."""
    if isinstance(array, np.ndarray) and array.dtype.isnative:
        flags = array.flags
        if flags.c_contiguous and flags.aligned:
            return array
    return np.require(array, np.asarray(array).dtype.newbyteorder("="), ["C", "A"])


class Workspace:
    """Memory for one call at a time, and the table of addresses with all that stays the same.

    Args:
        places: where its status, the threads' scratch and the arena stand.
        rows, threads: what it is large enough for.
    """

    def __init__(
        self,
        slots: int,
        constants: dict[int, Array],
        memory: Array,
        places: tuple[int, int, int],
        rows: int,
        threads: int,
    ):
        self.memory, self.rows, self.threads = memory, rows, threads
        self.slots = (ctypes.c_void_p * slots)()
        self.slots[STATUS], self.slots[SCRATCH], self.slots[ARENA] = places
        for slot, array in constants.items():
            self.slots[slot] = address_of(array)
        self.address = ctypes.addressof(self.slots)
        self.status = memory[:STATUS_BYTES].view(np.int64)
        # The arrays of the call under way: it needs them even if no one waits for it any more.
        self.arrays: tuple[Sequence[Array], Sequence[Array]] | None = None

    def stop(self) -> None:
        """Tells a call that no one waits for it any more. The memory serves no other call."""
        self.status[STOP // 8] = 1


class Calls:
    """The arrays of calls: checked, made and remembered.

    Args:
        check: the full check; gives the number of rows or raises.
        make: working memory for so many rows and threads.
    """

    def __init__(
        self,
        inputs: Sequence[int],
        outputs: Sequence[int],
        output_types: Sequence[TensorType],
        check: Callable[[Sequence[Any]], int],
        make: Callable[[int, int], Workspace],
    ):
        self._inputs, self._outputs = tuple(inputs), tuple(outputs)
        self._made = [(type, numpy_dtype(type.dtype)) for type in output_types]
        self._check, self._make = check, make
        self._known: tuple[list[Any] | None, int] = (None, 0)  # shapes and dtypes; rows
        self._shapes: dict[int, list[tuple[Any, Any]]] = {}
        self._waiting: deque[Workspace] = deque()

    def arrays(self, inputs: Sequence[Any]) -> tuple[list[Array], int]:
        """Arrays that machine code can read, and the number of rows they have."""
        found = [plain(array) for array in inputs]
        signature: list[Any] = [array.shape for array in found]
        signature += [array.dtype for array in found]
        known, rows = self._known
        if signature != known:
            rows = self._check(inputs)
            self._known = signature, rows
        return found, rows

    def results(self, rows: int, state: Mapping[int, Array] = MappingProxyType({})) -> list[Array]:
        """Arrays for the outputs: fresh ones, but for those that are state."""
        made = self.shapes(rows)
        return [
            state[number] if number in state else empty(shape, dtype)
            for number, (shape, dtype) in enumerate(made)
        ]

    def shapes(self, rows: int) -> list[tuple[Any, Any]]:
        """Shape and dtype of each output."""
        made = self._shapes.get(rows)
        if made is None:
            if len(self._shapes) > 64:
                self._shapes.clear()
            made = [(shapes.bind(type.shape, rows), dtype) for type, dtype in self._made]
            self._shapes[rows] = made
        return made

    def take(self, rows: int, threads: int) -> Workspace:
        """Memory that no other call is using."""
        try:
            workspace = self._waiting.pop()
        except IndexError:
            return self._make(rows, threads)
        enough = workspace.rows >= rows and workspace.threads >= threads
        return workspace if enough else self._make(rows, threads)

    def expected(self, arrays: Sequence[Array], rows: int) -> Any:
        """What `enter` compares arrays with: these inputs, and outputs for so many rows."""
        signature = [(array.dtype, array.shape) for array in arrays]
        signature += [(dtype, shape) for shape, dtype in self.shapes(rows)]
        slots = (*self._inputs, *self._outputs)
        return fast_call.expectation(
            [
                (slot, id(dtype), shape)
                for slot, (dtype, shape) in zip(slots, signature, strict=True)
            ]
        )

    def give_back(self, workspace: Workspace) -> None:
        workspace.arrays = None
        self._waiting.append(workspace)

    def fill(self, workspace: Workspace, arrays: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Puts the addresses of a call's arrays into its table."""
        slots, workspace.arrays = workspace.slots, (arrays, outputs)
        for slot, array in zip(self._inputs, arrays, strict=True):
            slots[slot] = address_of(array)
        for slot, array in zip(self._outputs, outputs, strict=True):
            slots[slot] = address_of(array)  # state stands in its output's array


class FastCall:
    """A call again, with arrays that should look like those of an earlier one.

    Args:
        arrays: those of the earlier call.
        threads: how many share it, at most.
        address: that of machine code's `enter`, whose caller holds the interpreter lock.
        run: `run(workspace, rows, threads)` runs it without the lock; None where the work is too
            small for that.
        state: (input number, output number) pairs that are one array.
    """

    def __init__(
        self,
        calls: Calls,
        arrays: Sequence[Array],
        rows: int,
        threads: int,
        address: int,
        run: Callable[[Workspace, int, int], None] | None,
        state: Sequence[tuple[int, int]] = (),
    ):
        self._calls, self._rows, self._threads, self._run = calls, rows, threads, run
        self._call, self._now = _FAST_CALL(address), int(run is None)
        standing = {output: number for number, output in state}
        self._made = [
            (standing.get(n, -1), maker(shape, dtype), shape, dtype)
            for n, (shape, dtype) in enumerate(calls.shapes(rows))
        ]
        self._expected = calls.expected(arrays, rows)
        self._address = ctypes.addressof(self._expected)
        self._large = [number for number, _ in state if arrays[number].nbytes >= LARGE]
        self._dtypes = [array.dtype for array in arrays]  # their addresses stay theirs

    def __call__(self, arrays: list[Array]) -> list[Array] | None:
        """The outputs; None where an array looks otherwise, or a kernel refused a number."""
        if not all(well_placed(arrays[number]) for number in self._large):
            return None
        outputs = [
            make(shape, dtype) if number < 0 else arrays[number]
            for number, make, shape, dtype in self._made
        ]
        calls, rows = self._calls, self._rows
        workspace = calls.take(rows, self._threads)
        said = self._call([*arrays, *outputs], self._address, workspace.address, rows, self._now)
        if said == fast_call.DONE and self._run is not None:
            workspace.arrays = arrays, outputs
            self._run(workspace, rows, self._threads)
            said, workspace.status[0] = int(workspace.status[0] != 0), 0
        calls.give_back(workspace)
        return outputs if said == fast_call.DONE else None
