"""Many training steps as one native call: data stay where they are, state is updated in place.

In: a step graph, its state, and the data. Out: the measures of each step, and the state by copy.
The order of the rows comes in; nothing here draws a random number.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.barrier import HALT, STATUS_BYTES, STOP
from pellucid.compiler.codegen.shuffle import SHUFFLE
from pellucid.compiler.codegen.training_loop import DATA, DONE
from pellucid.compiler.mailbox import TRAIN
from pellucid.compiler.passes.lower import Pairs
from pellucid.compiler.program import MinibatchFeed
from pellucid.core import shapes
from pellucid.core.shapes import bind
from pellucid.graph.node import Graph
from pellucid.runtime.calls import address_of
from pellucid.runtime.extras import ORDER, numpy_dtype, stream_words
from pellucid.runtime.machine_code import WORTH_THREADS, MachineCode, pool
from pellucid.runtime.threads import Team, apart
from pellucid.runtime.worker_code import worker_code

Array = NDArray[Any]
_TRAIN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
_SHUFFLE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 5)
_MANY = 1 << 22  # rows whose order takes so long that Ctrl-C must be heard meanwhile


class TrainingCode(MachineCode):
    """A training step as machine code that runs many of them in one call."""

    feed: MinibatchFeed

    def __init__(self, graph: Graph, shared: Pairs, feed: MinibatchFeed):
        super().__init__(graph, shared, feed=feed)
        self.trainer = self.function(codegen.TRAIN)
        self.train = _TRAIN(self.trainer)
        self.shuffle = _SHUFFLE(self.function(SHUFFLE))
        self.seconds: dict[int, float] = {}  # that a step of so many rows took in the last run
        self.layouts: dict[int, Layout] = {}  # of runs with steps of so many rows


class Layout:
    """The arrays of a run with steps of so many rows: the state, then other inputs and outputs.

    Attributes:
        state, rest: shape and dtype of each.
        results: for each output its number among all of them; state stands in its input's place.
    """

    def __init__(self, native: TrainingCode, batch: int):
        graph, shared = native.graph, {output: number for number, output in native.shared}
        kept, count = len(shared), len(graph.inputs)
        assert [number for number, _ in native.shared] == list(range(kept)), "state comes first"
        fresh = [i for i in range(len(graph.outputs)) if i not in shared]
        types = [*graph.input_types, *(graph.output_types[i] for i in fresh)]
        sizes = [(bind(type.shape, batch), numpy_dtype(type.dtype)) for type in types]
        self.state, self.rest = sizes[:kept], sizes[kept:]
        place = shared | {output: count + n for n, output in enumerate(fresh)}
        self.results = [place[output] for output in range(len(graph.outputs))]


class Training:
    """A compiled step over data.

    Args:
        native: the program; its feed says which inputs are gathered, scheduled and measured.
        inputs: one array an input; None for those that are gathered.
        data: the arrays that inputs are gathered from, `readable`, by the input's number.
        batch: the most rows that a step takes.
        threads: how many threads run it, at most; the results do not depend on it.
    """

    def __init__(
        self,
        native: TrainingCode,
        inputs: Sequence[Array | None],
        data: Mapping[int, Array],
        batch: int,
        threads: int,
    ):
        self.native, self.feed, self.data, self.batch = native, native.feed, data, batch
        self.threads = threads if native.work(batch) >= WORTH_THREADS else 1
        self.refused = False
        types = [native.graph.output_types[output] for output in self.feed.measured]
        self._measured = sum(shapes.count(type.shape) for type in types)  # numbers of a step
        threads = self.threads
        if batch not in native.layouts:
            native.layouts[batch] = Layout(native, batch)
        layout = native.layouts[batch]
        # The state outlives the run, as the model's: nothing else stands in its block.
        state, at = pool(layout.state)
        room = (native.room(batch, threads),), np.dtype(np.uint8)
        (*rest, self._arena), (*others, arena) = pool([*layout.rest, room])
        addresses = [*at, *others]
        self._inputs = [*state, *rest][: len(inputs)]
        for array, given in zip(self._inputs, inputs, strict=True):
            if given is not None:
                np.copyto(array, given, casting="equiv")
        self._sources = [
            part for array in data.values() for part in (address_of(array), array.strides[0])
        ]
        self._control = ctypes.c_int64 * (DATA + len(self._sources))
        self._status = self._arena[:STATUS_BYTES].view(np.int64)
        results = [addresses[number] for number in layout.results]
        self._table = native.table(addresses[: len(inputs)], results, arena, threads)
        self._team, self._tuner = Team(threads), native.tuner(batch, threads)

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        """Runs a step for each `size` of `rows`.

        A step whose first measure is not finite is the last one; so is the one before a batch in
        which a number is not finite, or before a step that is refused.

        Args:
            rows: row numbers of the data, batch after batch; the last may be smaller.
            size: rows a step, at most `batch`.
            rates: (steps,) the scalar of each step.

        Returns:
            The measures of each step that was done, (steps, measured).
        """
        rows = np.ascontiguousarray(rows, np.int64)
        rates = np.ascontiguousarray(rates, np.float64)
        count = -(-len(rows) // size)
        self.refused = False
        tuner = self._tuner if size == self.batch else self.native.tuner(size, self.threads)
        measures = np.empty((count, self._measured))
        done = 0
        while done < count:
            threads, steps = tuner.plan(count - done)
            started = time.perf_counter()
            chosen = rows[done * size : (done + steps) * size]
            finished = self._call(chosen, rates[done:], measures[done:], size, threads)
            tuner.record(threads, finished, time.perf_counter() - started)
            done += finished
            if finished < steps or self._status[HALT // 8] or self.refused:
                break
        return measures[:done]

    def _call(self, rows: Array, values: Array, measures: Array, size: int, threads: int) -> int:
        """One native call; the number of whole steps."""
        steps, last = divmod(len(rows), size)
        control = self._control(
            ctypes.addressof(self._table),
            address_of(rows),
            size,
            steps,
            last,
            address_of(values),
            address_of(measures),
            0,
            *self._sources,
        )
        self._status[:] = 0
        address = ctypes.addressof(control)
        if threads == 1:
            self.native.train(address, 0, 1)
        else:
            self._team.call(worker_code(), TRAIN, self.native.trainer, (address,))
        self.refused = bool(self._status[0])
        done: int = control[DONE] - self.refused
        return done

    def stop(self) -> None:
        """Tells a step that no one waits for it any more."""
        self._status[STOP // 8] = 1

    def order(self, n: int, seed: int, epoch: int) -> Array:
        """What `data.minibatch.order` gives, faster."""
        rows = np.empty(n, np.int64)
        counter, key = stream_words(seed, epoch, ORDER)

        def shuffle() -> None:  # holds code and rows, also where no one waits for it any more
            self.native.shuffle(address_of(rows), n, *counter, *key)

        if n < _MANY:
            shuffle()
        else:
            apart(shuffle, lambda: None)
        return rows

    def state(self, room: Sequence[Array] | None = None) -> list[Array]:
        """Copies of the state, in the order of `shared`: fresh arrays, or those of `room`."""
        state = self.live()
        copies = [np.empty_like(array) for array in state] if room is None else list(room)
        for copy, array in zip(copies, state, strict=True):
            np.copyto(copy, array)
        return copies

    def live(self) -> list[Array]:
        """The state itself, which a further step would change."""
        return [self._inputs[number] for number, _ in self.native.shared]

    def restore(self, state: Sequence[Array]) -> None:
        """Puts copies of `state` in its place."""
        for (number, _), array in zip(self.native.shared, state, strict=True):
            np.copyto(self._inputs[number], array)
