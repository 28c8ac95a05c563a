"""Many training steps as one native call: the data stay where they are, state is updated in place.

In: a step graph, its state, and the data. Out: the measures of each step; state on request, by copy.
The order of the rows comes in; nothing here draws a random number.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.compiler.codegen.barrier import HALT, STATUS_BYTES
from pellucid.compiler.codegen.feed import DATA, NOT_FINITE_DATA
from pellucid.compiler.program import Feed
from pellucid.core.dtypes import as_dtype
from pellucid.graph.node import Graph
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.native import Native, aligned
from pellucid.runtime.threads import Team

Array = NDArray[Any]


def readable(data: Array) -> Array:
    """`data` if native code can gather its rows as they lie, else a copy that it can."""
    native = data.dtype.isnative and data.dtype.kind in "biuf" and data.dtype.itemsize <= 8
    row = data[:1]
    if native and data.dtype != np.float16 and data.flags.aligned and row.flags.c_contiguous:
        return data
    goal = np.dtype(np.float32) if data.dtype == np.float16 else data.dtype.newbyteorder("=")
    return np.ascontiguousarray(data, goal)


class Training:
    """A step graph over data.

    Args:
        shared: (input number, output number) pairs: the state.
        inputs: one array an input; None for those that are gathered.
        data: the arrays that inputs are gathered from, by the input's number.
        scheduled: numbers of scalar inputs that get a value a step.
        measured: numbers of scalar outputs that are returned for each step.
        batch: the most rows that a step takes.
        threads: how many threads run it; the results do not depend on it.
    """

    def __init__(
        self,
        graph: Graph,
        shared: Sequence[tuple[int, int]],
        inputs: Sequence[Array | None],
        data: Mapping[int, Array],
        scheduled: Sequence[int],
        measured: Sequence[int],
        batch: int,
        threads: int,
    ):
        self.data = {number: readable(array) for number, array in data.items()}
        gathered = tuple(
            (number, as_dtype(array.dtype, "data")) for number, array in self.data.items()
        )
        self.feed = Feed(gathered, tuple(scheduled), tuple(measured))
        self.native = Native(graph, shared, feed=self.feed)
        self.shared, self.batch, self.threads = tuple(shared), batch, threads
        types = graph.input_types
        self._inputs = [
            aligned((batch, *types[number].shape[1:]), numpy_dtype(types[number].dtype))
            if array is None
            else _owned(array)
            for number, array in enumerate(inputs)
        ]
        self._outputs = [
            aligned(type.shape, numpy_dtype(type.dtype)) for type in graph.output_types
        ]
        for number, output in shared:
            self._outputs[output] = self._inputs[number]
        room = self.native.room(batch, threads)
        self._arena = aligned((room,), np.dtype(np.uint8))
        self._status = self._arena[:STATUS_BYTES].view(np.int64)
        self._table = self.native.table(self._inputs, self._outputs, self._arena, threads)
        self._team = Team(threads)

    def run(self, rows: Array, values: Array) -> tuple[Array, bool]:
        """Runs a step for each batch of `rows`; fewer where one cannot be finished.

        Args:
            rows: row numbers of the data, batch after batch; the last may be smaller.
            values: (steps, scheduled) the scalars of each step.

        Returns:
            The measures of each step that was done, (steps, measured), and whether it halted before
            a step because a number in the data is not finite.
        """
        steps, last = divmod(len(rows), self.batch)
        count = steps + (last > 0)
        rows = np.ascontiguousarray(rows, np.int64)
        values = np.ascontiguousarray(values, np.float64)
        measures = np.empty((count, len(self.feed.measured)))
        control = np.zeros(DATA + 2 * len(self.data), np.int64)
        control[:DATA] = (
            ctypes.addressof(self._table), rows.ctypes.data, self.batch, steps, last,
            values.ctypes.data, measures.ctypes.data, 0,
        )  # fmt: skip
        control[DATA:] = [
            part for array in self.data.values() for part in (array.ctypes.data, array.strides[0])
        ]
        self._status[:] = 0
        address, parts = control.ctypes.data, self.threads
        train = self.native.train
        self._team.run(lambda part: train(address, part, parts))
        self.native.check(self._status)
        done = int(control[DATA - 1])
        return measures[:done], int(self._status[HALT // 8]) == NOT_FINITE_DATA

    def state(self) -> list[Array]:
        """Copies of the state, in the order of `shared`."""
        return [self._inputs[number].copy() for number, _ in self.shared]

    def restore(self, state: Sequence[Array]) -> None:
        """Puts copies of `state` in its place."""
        for (number, _), array in zip(self.shared, state, strict=True):
            np.copyto(self._inputs[number], array)


def _owned(array: Array) -> Array:
    """An aligned copy."""
    fresh = aligned(array.shape, array.dtype)
    np.copyto(fresh, array)
    return fresh
