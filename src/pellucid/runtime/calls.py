"""Calls of a compiled graph that cost little more than its work: quick checks, prepared memory.

What a call needs beside its arrays (a table of addresses, working memory) is kept from an earlier
one. Arrays that look like those of the last call, by shape and dtype, were checked then.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.compiler.program import ARENA, SCRATCH, STATUS
from pellucid.core import shapes
from pellucid.graph.node import TensorType
from pellucid.runtime.extras import numpy_dtype

Array = NDArray[Any]
_DATA = object.__basicsize__  # NumPy keeps an array's address right behind the head of the object


def _by_layout(array: Array) -> int:
    """The address of the elements, read where every array object keeps it."""
    return ctypes.c_void_p.from_address(id(array) + _DATA).value or 0


def _by_attribute(array: Array) -> int:
    address: int = array.ctypes.data
    return address


def _quickest() -> Callable[[Array], int]:
    """The first takes an eighth of the time; other Pythons may lay objects out another way."""
    probe = np.arange(6.0)[2:]
    try:
        return _by_layout if _by_layout(probe) == probe.ctypes.data else _by_attribute
    except (TypeError, ValueError, OSError):
        return _by_attribute


address_of = _quickest()


def plain(array: Any) -> Array:
    """`array` in native byte order, C order and aligned; copied only if it is not."""
    if isinstance(array, np.ndarray) and array.dtype.isnative:
        flags = array.flags
        if flags.c_contiguous and flags.aligned:
            return array
    return np.require(array, np.asarray(array).dtype.newbyteorder("="), ["C", "A"])


class Working:
    """Memory for one call at a time, and the table of addresses with all that stays the same.

    Args:
        places: where its status, the threads' scratch and the arena stand.
        rows, parts: what it is large enough for.
    """

    def __init__(
        self, slots: int, constants: dict[int, Array], memory: Array, places: tuple[int, int, int],
        rows: int, parts: int,
    ):  # fmt: skip
        self.memory, self.rows, self.parts = memory, rows, parts
        self.slots = (ctypes.c_void_p * slots)()
        self.slots[STATUS], self.slots[SCRATCH], self.slots[ARENA] = places
        for slot, array in constants.items():
            self.slots[slot] = address_of(array)
        self.address = ctypes.addressof(self.slots)
        self.status = memory[:8].view(np.int64)


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
        make: Callable[[int, int], Working],
    ):
        self._inputs, self._outputs = tuple(inputs), tuple(outputs)
        self._made = [(type, numpy_dtype(type.dtype)) for type in output_types]
        self._check, self._make = check, make
        self._known: tuple[list[Any] | None, int] = (None, 0)  # shapes and dtypes; rows
        self._shapes: dict[int, list[tuple[Any, Any]]] = {}
        self._waiting: deque[Working] = deque()

    def arrays(self, inputs: Sequence[Any]) -> tuple[list[Array], int]:
        """Arrays that machine code can read, and the number of rows they have."""
        found = [plain(array) for array in inputs]
        looks: list[Any] = [array.shape for array in found]
        looks += [array.dtype for array in found]
        known, rows = self._known
        if looks != known:
            rows = self._check(inputs)
            self._known = looks, rows
        return found, rows

    def results(self, rows: int) -> list[Array]:
        """Fresh arrays for the outputs."""
        made = self._shapes.get(rows)
        if made is None:
            if len(self._shapes) > 64:
                self._shapes.clear()
            made = [(shapes.bind(type.shape, rows), dtype) for type, dtype in self._made]
            self._shapes[rows] = made
        return [np.empty(shape, dtype) for shape, dtype in made]

    def take(self, rows: int, parts: int) -> Working:
        """Memory that no other call is using."""
        try:
            working = self._waiting.pop()
        except IndexError:
            return self._make(rows, parts)
        enough = working.rows >= rows and working.parts >= parts
        return working if enough else self._make(rows, parts)

    def give_back(self, working: Working) -> None:
        self._waiting.append(working)

    def fill(self, working: Working, arrays: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Puts the addresses of a call's arrays into its table."""
        slots = working.slots
        for slot, array in zip(self._inputs, arrays, strict=True):
            slots[slot] = address_of(array)
        for slot, array in zip(self._outputs, outputs, strict=True):
            slots[slot] = address_of(array)  # state stands in its output's array
