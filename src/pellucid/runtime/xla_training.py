"""Training under XLA: many steps are one program; data, order and state lie on the device.

In: a step graph, its state, and the data. Out: the measures of each step, and the state by copy.
The program is one loop, whose state is donated: it takes the place of the one before. How many of
its steps are taken is a number on the device, so that slices of any length are one program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.runtime.executor import Array, Job, Kept, readable
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.memory import free_memory
from pellucid.runtime.replay import ReplayTrainer
from pellucid.runtime.xla_device import Place, jnp, lax

_ENTRIES = 1 << 17  # row numbers that one call takes at most, where a step has no more
_WINDOW = 1 << 24  # bytes of rows that one call takes along, where a step has no more
_UNKNOWN = 1.0  # seconds that a first step is taken to need: it is compiled
_SHARE = 0.5  # of the free memory of the device that data may fill


class XlaSteps:
    """The state of a run on the device, and programs that advance it.

    Args:
        traced: the graph of a step, for JAX to trace.
        programs: those of earlier runs; more are put there.
        moving: whether the rows of the data change while the run goes on, as a stream's window
            does. Then each call takes its rows along; else all data lie on the device.
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
        self.moving = job.moving or sum(array.nbytes for array in data) > _room(at)
        width = sum(array[:1].nbytes for array in data)
        rows = _WINDOW // max(1, width) if self.moving else _ENTRIES
        most = -(-job.rows // job.batch_size)
        self.steps_at_once = max(1, min(rows // job.batch_size, most))
        inputs = job.inputs(state, 0.0, [None] * len(data))
        with at.ours():
            self._state = [at.put(array, apart=True) for array in state]
            self._fixed = [
                at.put(array) if n != 1 else None
                for n, array in enumerate(inputs[len(state) : len(inputs) - len(data)])
            ]
            self._data: list[Any] = []
            self._good: Any = None
            if not self.moving:
                self._data = [at.put(array) for array in data]
                self._good = self._finite_rows(self._data)

    def _kind(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        return tuple((array.shape, array.dtype.name) for array in arrays)

    def _program(self, key: tuple[Any, ...], function: Any, types: Any, donated: Any = ()) -> Any:
        key = (*key, self._threads == 1)
        found = self._programs.get(key)
        if found is None:
            found = self._place.compiled(function, types, self._threads, donated)
            self._programs[key] = found
        return found

    def _types(self, arrays: Sequence[Any]) -> list[Any]:
        return [self._place.shaped(array.shape, array.dtype) for array in arrays]

    def _batch_dtypes(self) -> list[Any]:
        return [
            numpy_dtype(type.dtype) for type in self._job.graph.input_types[-len(self._given) :]
        ]

    def _finite_rows(self, data: Sequence[Any]) -> Any:
        """Whether all numbers of each row are finite in the dtype that a step takes them in."""
        dtypes = self._batch_dtypes()

        def good(arrays: Sequence[Any]) -> Any:
            found = jnp.ones(arrays[0].shape[0], bool)
            for array, dtype in zip(arrays, dtypes, strict=True):
                if array.dtype.kind == "f":
                    finite = jnp.isfinite(array.astype(dtype))
                    found = found & jnp.all(finite.reshape(len(finite), -1), axis=1)
            return found

        return self._program(("finite", self._kind(data)), good, [self._types(data)])(data)

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        whole = len(rows) // size
        parts = [
            (start, min(start + self.steps_at_once, whole), size)
            for start in range(0, whole, self.steps_at_once)
        ]
        if whole * size < len(rows):
            parts.append((whole, whole + 1, len(rows) - whole * size))
        measures: list[Array] = []
        self.refused = False
        for start, stop, rows_each in parts:
            first = start * size
            chosen = rows[first : first + (stop - start) * rows_each]
            done = self._call(chosen.reshape(-1, rows_each), rates[start:stop])
            measures.append(done)
            if len(done) < stop - start or not np.isfinite(done[-1, 0]):
                break
        return np.concatenate(measures)

    def _call(self, rows: Array, rates: Array) -> Array:
        """Steps with these rows each, in one call."""
        count, size = rows.shape
        most = self.steps_at_once if size == self._job.batch_size else 1
        if size != self._job.batch_size and count > 1:
            most = max(1, self.steps_at_once * self._job.batch_size // size)
        with self._place.ours():
            if self.moving:
                data, good = self._taken(rows, most)
                rows = np.arange(count * size).reshape(rows.shape)
            else:
                data, good = self._data, self._good
            order = np.zeros((most, size), np.int32)
            order[:count] = rows
            scheduled = np.zeros(most, self._rate)
            scheduled[:count] = rates
            arguments = [
                self._state,
                self._fixed,
                data,
                good,
                self._place.put(order),
                self._place.put(scheduled),
                self._place.put(np.int32(count)),
            ]
            program = self._program(
                (most, size, self._kind(data)),
                self._loop(most),
                [
                    self._types(self._state),
                    [None if one is None else self._types([one])[0] for one in self._fixed],
                    self._types(data),
                    *self._types(arguments[3:]),
                ],
                (0,),
            )
            self._state, measures, done, self.refused = program(*arguments)
            self.refused = bool(self.refused)
            return np.array(measures)[: int(done) - self.refused]

    def _taken(self, rows: Array, most: int) -> tuple[list[Any], Any]:
        """The rows of one call, gathered here and brought there."""
        count = most * rows.shape[1]
        data = []
        for array in self._given:
            held = np.zeros((count, *array.shape[1:]), array.dtype)
            np.take(array, rows.reshape(-1), axis=0, out=held[: rows.size], mode="clip")
            data.append(self._place.put(held))
        return data, self._finite_rows(data)

    def _loop(self, most: int) -> Callable[..., Any]:
        """The function of one call: (state, fixed, data, finite rows, order, rates, count) →
        (state, measures, steps done, whether the last of them was refused)."""
        leaves, dtypes = self._leaves, self._batch_dtypes()
        measured = len(self._job.graph.outputs) - leaves

        def loop(
            state: Any, fixed: Any, data: Any, good: Any, order: Any, rates: Any, count: Any
        ) -> Any:
            size = order.shape[1]
            whole = jnp.all(good[order], axis=1)
            count = jnp.minimum(count, jnp.where(jnp.all(whole), most, jnp.argmin(whole)))

            def going(carried: Any) -> Any:
                step, _, _, fine, refused = carried
                return (step < count) & fine & ~refused

            def body(carried: Any) -> Any:
                step, state, measures, _, _ = carried
                chosen = order[step]
                batch = [
                    jnp.take(array, chosen, axis=0, mode="clip").astype(dtype)
                    for array, dtype in zip(data, dtypes, strict=True)
                ]
                inputs = [*state, *fixed, *batch]
                inputs[leaves + 1] = rates[step]
                outputs, refused = self._traced(inputs, size)
                measures = measures.at[step].set(
                    jnp.stack([one.astype(np.float64) for one in outputs[leaves:]])
                )
                fine = jnp.isfinite(outputs[leaves])
                return step + 1, outputs[:leaves], measures, fine, refused

            start = (
                jnp.zeros((), np.int32),
                state,
                jnp.zeros((most, measured), np.float64),
                jnp.ones((), bool),
                jnp.zeros((), bool),
            )
            done, state, measures, _, refused = lax.while_loop(going, body, start)
            return state, measures, done, refused

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

    live = state

    def restore(self, state: Sequence[Array]) -> None:
        with self._place.ours():
            self._state = [self._place.put(array, apart=True) for array in state]

    def is_finite(self, count: int) -> bool:
        """Whether the first leaves of the state are finite numbers."""
        weights = self._state[:count]

        def good(arrays: Sequence[Any]) -> Any:
            return jnp.all(jnp.stack([jnp.all(jnp.isfinite(array)) for array in arrays]))

        with self._place.ours():
            if not weights:
                return True
            key = "weights", self._kind(weights)
            return bool(self._program(key, good, [self._types(weights)])(weights))


class XlaTrainer(ReplayTrainer):
    """XLA. The state lives on the device and leaves it by copy."""

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
        self._device = XlaSteps(job, state, threads, at, kept["traced"], kept["programs"])
        self.steps_at_once = self._device.steps_at_once
        super().__init__(job, state, self._device, self._kept.get(job.batch_size, _UNKNOWN))

    def is_finite(self) -> bool:
        return self._device.is_finite(self.job.params)

    def finish(self) -> list[Array]:
        if not self._cut:
            self._kept[self._size] = self.seconds
        return super().finish()


def _room(at: Place) -> float:
    """Bytes of the device that data may take."""
    memory = at.device.memory_stats() if at.device.platform != "cpu" else None
    if memory and "bytes_limit" in memory:
        return _SHARE * float(memory["bytes_limit"] - memory.get("bytes_in_use", 0))
    free = free_memory()
    return np.inf if free is None else _SHARE * free
