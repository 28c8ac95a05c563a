"""Training under XLA: many steps are one program; data, order and state lie on the device.

In: a step graph, its state, and the data. Out: the measures of each step, and the state by copy.
The program is one loop, whose state is donated: it takes the place of the one before. How many of
its steps are taken is a number on the device, so that slices of any length are one program.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import CompileError
from pellucid.runtime import emit_order
from pellucid.runtime.calls import address_of
from pellucid.runtime.executor import Array, Job, Kept, readable
from pellucid.runtime.extras import ORDER, numpy_dtype, stream_words
from pellucid.runtime.memory import free_memory
from pellucid.runtime.replay import ReplayTrainer
from pellucid.runtime.routines import Call, Library
from pellucid.runtime.xla_device import Place, jnp, lax

_ENTRIES = 1 << 17  # row numbers that one call takes at most, where a step has no more
_WINDOW = 1 << 24  # bytes of rows that one call takes along, where a step has no more
_MANY = 1 << 22  # rows whose order takes so long that Ctrl-C must be heard meanwhile
_UNKNOWN = 1.0  # seconds that a first step is taken to need: it is compiled
_REFUSED = np.int32(-1)  # in the place of the last step's number
_SHARE = 0.5  # of the free memory of the device that data may fill


class XlaSteps:
    """The state of a run on the device, and programs that advance it.

    Args:
        traced: the graph of a step, for JAX to trace.
        programs: those of earlier runs; more are put there.

    Attributes:
        moving: whether each call takes its rows along; else all data lie on the device.
    """

    refused = False

    def __init__(
        self,
        job: Job,
        state: Sequence[Array],
        threads: int,
        at: Place,
        traced: Callable[..., Any],
        programs: dict[Any, Any],
    ):
        self._job, self._threads, self._place = job, threads, at
        self._traced, self._programs = traced, programs
        self._leaves = len(state)
        self._rate = numpy_dtype(job.graph.input_types[len(state) + 1].dtype)
        data = [readable(array) for array in job.data]
        self._given = data
        self.moving = job.moving or not self._fit(data)
        width = sum(array[:1].nbytes for array in data)
        rows = _WINDOW // max(1, width) if self.moving else _ENTRIES
        self._rows_at_once = max(job.batch_size, min(rows, job.rows))
        types = job.graph.output_types[len(state) :]
        self._measured = sum(shapes.count(type.shape) for type in types)  # numbers of a step
        inputs = job.inputs(state, 0.0, [None] * len(data))
        with at.ours():
            self._state = [at.put(array, apart=True) for array in state]
            self._fixed = [
                at.put(array) if n != 1 else None
                for n, array in enumerate(inputs[len(state) : len(inputs) - len(data)])
            ]
            self._data = [] if self.moving else self._brought(data)
            self._good = None if self.moving else self._finite_rows(self._data)

    def _fit(self, data: Sequence[Array]) -> bool:
        """Whether all rows may lie on the device."""
        return sum(array.nbytes for array in data) <= room(self._place)

    def _brought(self, data: Sequence[Array]) -> list[Any]:
        """All rows on the device."""
        return [self._place.put(array) for array in data]

    def _gathered(self, array: Any, rows: Any) -> Any:
        """The rows of a step, where they are computed."""
        return jnp.take(array, rows, axis=0, mode="clip")

    def _kind(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        return tuple((array.shape, array.dtype.name) for array in arrays)

    def _program(self, key: Any, function: Any, given: Any, donated: Any = ()) -> Any:
        """The program of `function` for arguments like those that are given."""
        key = key, self._threads == 1
        found = self._programs.get(key)
        if found is None:
            types = self._place.types(given)
            found = self._place.compiled(function, types, self._threads, donated)
            self._programs[key] = found
        return found

    def _batch_dtypes(self) -> list[Any]:
        return [
            numpy_dtype(type.dtype) for type in self._job.graph.input_types[-len(self._given) :]
        ]

    def _finite_rows(self, data: list[Any]) -> Array | None:
        """Whether all numbers of each row are finite in the dtype that a step takes them in.

        None where all are.
        """
        dtypes = self._batch_dtypes()

        def good(arrays: Sequence[Any]) -> Any:
            found = jnp.ones(arrays[0].shape[0], bool)
            for array, dtype in zip(arrays, dtypes, strict=True):
                if array.dtype.kind == "f":
                    finite = jnp.isfinite(array.astype(dtype))
                    found = found & jnp.all(finite.reshape(len(finite), -1), axis=1)
            return found

        if not any(array.dtype.kind == "f" for array in data):
            return None
        found = np.asarray(self._program(("finite", self._kind(data)), good, [data])(data))
        return None if found.all() else found

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        whole, rest = divmod(len(rows), size)
        most = max(1, self._rows_at_once // size)
        starts = range(0, whole, most)
        parts = [(start, min(start + most, whole), size) for start in starts]
        parts += [(whole, whole + 1, rest)] * bool(rest)
        found: list[Array] = []
        for start, stop, each in parts:
            chosen = rows[start * size : start * size + (stop - start) * each].reshape(-1, each)
            found.append(self._call(chosen, rates[start:stop], most if each == size else 1))
            if self.refused or len(found[-1]) < stop - start or not np.isfinite(found[-1][-1, 0]):
                break
        return np.concatenate(found)

    def _call(self, rows: Array, rates: Array, most: int) -> Array:
        """Steps with these rows each, in one call of a program of `most` steps."""
        count, size = rows.shape
        order, scheduled = np.zeros((most, size), np.int32), np.zeros(most, self._rate)
        with self._place.ours():
            if self.moving:
                data, good = self._taken(rows, most)
                rows = np.arange(count * size).reshape(rows.shape)
            else:
                data, good = self._data, self._good
            order[:count], scheduled[:count] = rows, rates
            if good is not None:
                whole = good[rows].all(axis=1)
                count = count if whole.all() else int(np.argmin(whole))
            small = [self._place.handed(one) for one in (order, scheduled, np.int32(count))]
            given = [self._state, self._fixed, data, *small]
            program = self._program((most, size, self._kind(data)), self._loop(most), given, (0,))
            self._state, told = program(*given)
            told = np.asarray(told)
        self.refused = bool(told[-1])
        return told[: int(told[-2]) * self._measured].reshape(-1, self._measured)

    def _taken(self, rows: Array, most: int) -> tuple[list[Any], Array | None]:
        """The rows of one call, gathered here and brought there."""
        data = []
        for array in self._given:
            held = np.zeros((most * rows.shape[1], *array.shape[1:]), array.dtype)
            np.take(array, rows.reshape(-1), axis=0, out=held[: rows.size], mode="clip")
            data.append(self._place.put(held))
        return data, self._finite_rows(data)

    def _loop(self, most: int) -> Callable[..., Any]:
        """The function of one call: (state, fixed, data, order, rates, count) → (state, told).

        `told` are the measures of each step, then how many were done, then whether the one behind
        them was refused.
        """
        leaves, dtypes, measured = self._leaves, self._batch_dtypes(), self._measured

        def loop(state: Any, fixed: Any, data: Any, order: Any, rates: Any, count: Any) -> Any:
            def going(carried: Any) -> Any:
                step, end, _, told = carried
                (loss,) = lax.dynamic_slice(told, ((step - 1) * measured,), (1,))  # 0 at first
                return (step < end) & jnp.isfinite(loss)

            def body(carried: Any) -> Any:
                step, end, held, told = carried
                chosen = order[step]
                batch = [
                    self._gathered(array, chosen).astype(dtype)
                    for array, dtype in zip(data, dtypes, strict=True)
                ]
                inputs = [*held, begun + step, *fixed, *batch]
                inputs[leaves + 1] = rates[step]
                outputs, refused = self._traced(inputs, order.shape[1])
                each = [one.astype(np.float64).reshape(-1) for one in outputs[leaves:]]
                measures = jnp.concatenate(each)
                told = lax.dynamic_update_slice(told, measures, (step * measured,))
                end = jnp.where(refused, _REFUSED, end)
                return step + 1, end, outputs[: leaves - 1], told

            *held, begun = state  # the steps done are counted by the loop: a kernel less a step
            start = jnp.zeros((), np.int32), count, held, jnp.zeros(most * measured + 2)
            step, end, held, told = lax.while_loop(going, body, start)
            refused = (end == _REFUSED).astype(np.int32)
            last = jnp.stack([step - refused, refused]).astype(np.float64)
            state = [*held, begun + step]
            return state, lax.dynamic_update_slice(told, last, (most * measured,))

        return loop

    def stop(self) -> None:
        """XLA hears nothing before its end."""

    def state(self, room: Sequence[Array] | None = None) -> list[Array]:
        with self._place.ours():
            found = [np.array(array) for array in self._state]
        if room is None:
            return found
        for held, array in zip(room, found, strict=True):
            np.copyto(held, array)
        return list(room)

    def live(self) -> list[Array]:
        """As `state`: what is on the device, seen from here."""
        with self._place.ours():
            return [np.asarray(array) for array in self._state]

    def restore(self, state: Sequence[Array]) -> None:
        with self._place.ours():
            self._state = [self._place.put(array, apart=True) for array in state]


class XlaTrainer(ReplayTrainer):
    """XLA. The state lives on the device and leaves it by copy."""

    Steps: type[XlaSteps] = XlaSteps

    def __init__(
        self,
        job: Job,
        state: Sequence[Array],
        threads: int,
        kept: Kept,
        at: Place,
        trace: Callable[[], Callable[..., Any]],
    ):
        if "traced" not in kept:
            kept["traced"] = trace()
            kept["programs"], kept["seconds"] = {}, {}
        self._kept, self._size = kept["seconds"], job.batch_size
        steps = self.Steps(job, state, threads, at, kept["traced"], kept["programs"])
        super().__init__(job, state, steps, self._kept.get(job.batch_size, _UNKNOWN))

    def order(self, seed: int, epoch: int) -> Array:
        routine, rows = _shuffle(), self.job.rows
        if routine is None or rows >= _MANY:
            return self.job.order(seed, epoch)
        found = np.empty(rows, np.int64)
        counter, key = stream_words(seed, epoch, ORDER)
        routine(address_of(found), rows, *counter, *key)
        return found

    def finish(self) -> list[Array]:
        if not self._cut:
            self._kept[self._size] = self.seconds
        return [np.array(array) for array in super().finish()]  # writeable, and no device's memory


@functools.cache
def _shuffle() -> Call | None:
    """What draws an order as machine code; None where that cannot be had."""
    try:
        return Library(emit_order.emit).routine(emit_order.ROUTINE)
    except CompileError:
        return None


def room(at: Place) -> float:
    """Bytes of the device that data may take."""
    memory = at.device.memory_stats() if at.device.platform != "cpu" else None
    if memory and "bytes_limit" in memory:
        return _SHARE * float(memory["bytes_limit"] - memory.get("bytes_in_use", 0))
    free = free_memory()
    return np.inf if free is None else _SHARE * free
